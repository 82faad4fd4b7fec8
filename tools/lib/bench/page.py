"""Writes what a run has measured into docs/performance.md, between two marks, and the plots and raw data beside it."""

import json
import os
import subprocess

from . import plots
from .goals import judged
from .rounds import median, ratio
from .table import number, table


def experiment_table(experiment, rounds):
    """All peers of one experiment, fastest first."""
    names = sorted(rounds[0], key=lambda name: -median(rounds, name, "per_second"))
    rows = [[f"**{name}**" if name.startswith("holdfast") else name,
             number(median(rounds, name, "per_second")), number(ratio(rounds, 'holdfast', 'per_second', name)),
             number(median(rounds, name, "p50_us")), number(median(rounds, name, "p99_us")),
             number(median(rounds, name, "processor_us"))] for name in names]
    head = ["Peer", "records/s", "holdfast has … times that", "p50, us", "p99, us", "processor, us/record"]
    return f"### {experiment.title}\n\n{count(rounds)}.\n\n" + table(head, rows)


def count(rounds):
    return f"{len(rounds)} round{'s'[:len(rounds) > 1]}"


def durability(peers, syncs):
    """How each peer makes records durable, and how often it really syncs."""
    def per_record(name, clients):
        counted = syncs.get(name, {}).get(clients)
        return f"{counted['syncs'] / counted['records']:.2f}" if counted else "not counted"
    clients = sorted({clients for counted in syncs.values() for clients in counted}, key=int)
    return table(["Peer", "How it makes a record durable", *(
        f"Syncs for a record, {one} client{'s'[:one != '1']}" for one in clients)],
                 [[peer.name, peer.settings, *(per_record(peer.name, one) for one in clients)] for peer in peers])


def own_tables(own):
    """What was measured of Holdfast alone, beyond the goals."""
    parts = []
    if found := own.get("costs"):
        fields = ["processor_us", "system_calls", "allocations", "held_bytes", "written_bytes"]
        head = ["Clients", "processor, us", "system calls", "allocations", "bytes of memory that stay", "bytes written"]
        parts += ["### What an append of 512 bytes takes", table(head, [
            [name] + [number(row[field]) if field in row else "not counted" for field in fields]
            for name, row in found.items()])]
    if found := own.get("profile"):
        names = [name for name, share in found["1"].items() if share >= 0.01]
        parts += ["### Where its time goes", table(["Part", *(f"{clients} client{'s'[:clients != '1']}" for clients in found)], [
            [name] + [f"{100 * shares.get(name, 0):.0f} %" for shares in found.values()] for name in names])]
    if found := own.get("written"):
        head = ["Shape", "journal and segments", "snapshots of all sessions at the end",
                "new journal files meanwhile, MB: not counted"]
        parts += ["### Bytes written for each compressed byte of payload", table(head, [
            [name, number(row["log"]), number(row["snapshots"]), number(row["prepared"] / 1e6)] for name, row in found.items()])]
    if found := own.get("opening"):
        head = ["Store", "open, ms", "first read of a session, ms", "first list, ms", "resident then, KB"]
        rows = [(f"{found['sessions']:,} sessions, closed in order", "clean"),
                (f"{found['sessions']:,} sessions, after a crash with 64 active", "crashed"), ("64 sessions", "small")]
        parts += ["### Opening", table(head, [[title] + [number(found[name][field]) for field in (
            "open_ms", "first_read_ms", "first_list_ms", "resident_kilobytes")] for title, name in rows])]
    if found := own.get("replay"):
        parts.append(f"Replay of {number(found['bytes'] / 1e6)} MB after a crash: {number(found['replay_ms'])} ms, "
                     f"{number(found['replay_without_sync_ms'])} ms without the syncs; all of that opening, in which the sessions "
                     f"are then folded: {number(found['open_ms'])} ms, {number(found['open_without_sync_ms'])} ms without the syncs.")
    if found := own.get("reading"):
        head = ["A session of 25 MB", "all of it, ms", "last 50 messages, us", "metadata, us", "metadata, first time, us"]
        rows = [["plain file, simdjson", number(found["plain"]["all_us"] / 1e3), "", "", ""]]
        rows += [[f"holdfast, {title}", number(found[kind]["all_us"] / 1e3)] + [number(found[kind][field]) for field in (
            "last_us", "metadata_us", "first_metadata_us")] for kind, title in (("log", "log"), ("snapshot", "snapshot"))]
        parts += ["### Reading", table(head, rows)]
    return "\n\n".join(parts)


def growth_plots(results):
    """Name, title and SVG of the plots of how cost grows."""
    axes = [("clients", "Durable records of 512 bytes a second", "clients", "fixed-", "per_second"),
            ("sizes", "Bytes of messages a second, 16 clients", "bytes of a record", "size-", "bytes_per_second"),
            ("known", "Durable records a second, 64 clients", "sessions known", "fleet-*-64", "per_second"),
            ("length", "Median time of an append to one session", "records in the session", "marathon-", "p50_us")]
    for name, title, x_title, pattern, field in axes:
        series = {}
        before, _, behind = pattern.partition("*")
        for experiment, rounds in results.items():
            if experiment.startswith(before) and experiment.endswith(behind):
                x = int(experiment[len(before):len(experiment) - len(behind)].strip("-"))
                for peer in rounds[0]:
                    series.setdefault(peer, []).append((x, median(rounds, peer, field)))
        series = {peer: points for peer, points in series.items() if len(points) > 1}
        if series:
            unit = {"per_second": "records a second", "bytes_per_second": "bytes a second", "p50_us": "microseconds"}[field]
            yield name, title, plots.lines(title, x_title, unit, series)


def write(root, about, peers, experiments, results, syncs, own):
    """Replaces the measured part of the page, and writes the plots and the raw data that it links to."""
    folder = keep(root, "raw.json", {"about": about, "syncs": syncs, "rounds": results, "own": own})
    parts = [about, "## Goals", judged(results, own), "## How cost grows"]
    for name, title, svg in growth_plots(results):
        with open(os.path.join(folder, name + ".svg"), "w") as file:
            file.write(svg)
        parts.append(f"![{title}](performance/{name}.svg)")
    parts += ["## Holdfast alone", own_tables(own), "## Beside others", durability(peers, syncs)]
    parts += [experiment_table(one, results[one.name]) for one in experiments if results.get(one.name)]
    parts += ["All rounds: [raw.json](performance/raw.json)"]
    replace(root, "measured", "\n\n".join(part for part in parts if part))


def commit(root):
    """The commit that is checked out, and whether the files differ from it."""
    def ask(*words):
        return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True).stdout.strip()
    found = ask("rev-parse", "--short", "HEAD") or "no commit"
    return found + (" with changes" if ask("status", "--porcelain", "--", ":!docs") else "")


def keep(root, name, data):
    """Writes raw data beside the page; answers the folder."""
    folder = os.path.join(root, "docs", "performance")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w") as file:
        json.dump(data, file, indent=1)
        file.write("\n")
    return folder


def replace(root, mark, text):
    """Puts `text` between two marks of the page."""
    path = os.path.join(root, "docs", "performance.md")
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    with open(path) as file:
        before, rest = file.read().split(begin, 1)
    with open(path, "w") as file:
        file.write(before + begin + "\n\n" + text + "\n\n" + end + rest.split(end, 1)[1])
