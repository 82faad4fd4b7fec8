"""Writes what a run has measured into docs/performance.md, between two marks, and the plots and raw data beside it."""

import json
import os

from . import plots
from .rounds import best, median, ratio

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
                     + ["| " + " | ".join(row) + " |" for row in rows])


def experiment_table(experiment, rounds):
    """All peers of one experiment, fastest first."""
    names = sorted(rounds[0], key=lambda name: -median(rounds, name, "per_second"))
    rows = []
    for name in names:
        rows.append([
            f"**{name}**" if name.startswith("holdfast") else name,
            number(median(rounds, name, "per_second")),
            f"{ratio(rounds, name, 'per_second', 'holdfast'):.2f}",
            number(median(rounds, name, "p50_us")), number(median(rounds, name, "p99_us")),
            number(median(rounds, name, "cpu_us_per_record"))])
    head = ["Store", "records/s", "against holdfast", "p50, us", "p99, us", "processor, us/record"]
    return f"### {experiment.title}\n\n" + table(head, rows)


def goals(results):
    """The goals that these experiments can judge: (goal, wanted, measured, met)."""
    rows = []

    def judge(goal, wanted, value, is_met, unit="times"):
        rows.append([goal, wanted, f"{value:.2f} {unit}", "met" if is_met else "**not met**"])

    if one := results.get("fixed-1"):
        value = ratio(one, "holdfast", "p50_us", "ceiling")
        judge("1. one writer: p50 against the ceiling's overwrite", "at most 1.25", value, value <= 1.25)
        value = ratio(one, "holdfast", "p99_us", "ceiling")
        judge("1. one writer: p99 against the ceiling's overwrite", "at most 3", value, value <= 3)
    if many := results.get("fixed-64"):
        ours = best(many, ["holdfast", "holdfast-tasks"])
        if "sqlite" in many[0]:
            value = ratio(many, ours, "per_second", "sqlite")
            judge("2. 64 sessions: records a second against SQLite", "at least 20", value, value >= 20)
        if rocks := best(many, ["rocksdb", "rocksdb-pipelined"]):
            value = ratio(many, ours, "per_second", rocks)
            judge(f"2. 64 sessions: against RocksDB's best ({rocks})", "at least 1.5", value, value >= 1.5)
        value = ratio(many, ours, "per_second", "ceiling")
        judge("2. 64 sessions: against the ceiling", "at least 0.5", value, value >= 0.5)
    if most := results.get("fixed-1024"):
        ours = best(most, ["holdfast", "holdfast-tasks"])
        value = median(most, ours, "per_second")
        judge("3. 1,024 sessions: records a second, of the ceiling's "
              + number(median(most, "ceiling", "per_second")), "at least 200,000", value, value >= 200_000, "records/s")
        value = ratio(most, ours, "p99_us", "ceiling", "p50_us")
        judge("3. 1,024 sessions: p99 in syncs of the ceiling", "at most 5", value, value <= 5, "syncs")
    return table(["Goal", "Wanted", "Measured", ""], rows)


def write(root, about, peers, experiments, results, syncs):
    """Replaces the measured part of the page, and writes the plots and the raw data that it links to."""
    folder = os.path.join(root, "docs", "performance")
    os.makedirs(folder, exist_ok=True)
    raw = {"about": about, "syncs": syncs, "rounds": results}
    with open(os.path.join(folder, "raw.json"), "w") as file:
        json.dump(raw, file, indent=1)
        file.write("\n")
    parts = [BEGIN, "", about, "", "## Goals", "", goals(results), "", "## Durability of each store", "",
             table(["Store", "How it makes a record durable", "Syncs for a record (strace, one client)"],
                   [[peer.name, peer.settings, syncs_text(syncs, peer.name)] for peer in peers]), "", "## Figures", ""]
    for experiment in experiments:
        if results[experiment.name]:
            parts += [experiment_table(experiment, results[experiment.name]), ""]
    series = {}
    for experiment in experiments:
        if experiment.name.startswith("fixed-"):
            for name in results[experiment.name][0]:
                value = median(results[experiment.name], name, "per_second")
                series.setdefault(name, []).append((experiment.clients, value))
    with open(os.path.join(folder, "clients.svg"), "w") as file:
        file.write(plots.lines("Durable records of 512 bytes a second", "sessions appending at once", "records a second",
                               {name: points for name, points in series.items() if len(points) > 1}))
    parts += ["![Records a second over the number of sessions](performance/clients.svg)", "",
              "All rounds: [raw.json](performance/raw.json)", "", END]
    replace(os.path.join(root, "docs", "performance.md"), "\n".join(parts))


def syncs_text(syncs, name):
    if name not in syncs:
        return "not counted"
    return f"{syncs[name]['per_record']:.2f} ({syncs[name]['syncs']} for {syncs[name]['records']})"


def replace(path, text):
    with open(path) as file:
        page = file.read()
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(path, "w") as file:
        file.write(before + text + after)
