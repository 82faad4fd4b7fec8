"""The goals, and what a run says about each: met or not, and by how much."""

import statistics

from .costs import WITH_SNAPSHOTS
from .rounds import best, ratio, ratios
from .table import number, table

OURS = ["holdfast", "holdfast-tasks"]
# The smallest block that malloc gives. Less memory than that for each append is none that an append keeps.
SMALLEST_ALLOCATION = 24
ROCKS = ["rocksdb", "rocksdb-pipelined"]


class Goals:
    """Collects a row for each goal that the raw data can judge. A value of several rounds is a list: its median counts."""

    def __init__(self):
        self.rows = []

    def at_most(self, goal, wanted, values, unit=""):
        value, told = middle(values)
        self.judge(goal, f"at most {number(wanted)}{unit}", told, unit, value <= wanted, value / wanted)

    def at_least(self, goal, wanted, values, unit=""):
        value, told = middle(values)
        self.judge(goal, f"at least {number(wanted)}{unit}", told, unit, value >= wanted, wanted / max(value, 1e-9))

    def judge(self, goal, wanted, told, unit, is_met, behind):
        verdict = "met" if is_met else f"**missed** by {number(behind)} times"
        self.rows.append([goal, wanted, f"{told[0]}{unit}{told[1]}", verdict])

    def table(self):
        return table(["Goal", "Wanted", "Measured", ""], self.rows)


def middle(values):
    """The median of the rounds, or a single value; and it in words, with the least and the most of the rounds."""
    if not isinstance(values, list):
        return values, (number(values), "")
    value = statistics.median(values)
    return value, (number(value), f" ({number(min(values))} to {number(max(values))})" if len(values) > 1 else "")


def judged(results, own):
    """The table of goals, from the rounds of the experiments and what was measured of Holdfast alone."""
    goals = Goals()
    against_others(goals, results)
    bytes_written(goals, own)
    openings(goals, own)
    reads(goals, own)
    appends(goals, own)
    return goals.table()


def against_others(goals, results):
    if one := results.get("fixed-1"):
        goals.at_most("1. one writer, 512 bytes: p50 against the ceiling's overwrite", 1.25,
                      ratios(one, "holdfast", "p50_us", "ceiling"), " times")
        goals.at_most("1. the same, p99", 3, ratios(one, "holdfast", "p99_us", "ceiling"), " times")
    if many := results.get("fixed-64"):
        ours, rocks = best(many, OURS), best(many, ROCKS)
        if "sqlite" in many[0]:
            goals.at_least(f"2. {ours}, 64 clients: records a second against sqlite", 20,
                           ratios(many, ours, "per_second", "sqlite"), " times")
        if rocks:
            goals.at_least(f"2. the same against RocksDB's best ({rocks})", 1.5,
                           ratios(many, ours, "per_second", rocks), " times")
        goals.at_least(f"2. the same against the ceiling{waiting(many, 'per_second', 'times')}", 0.5,
                       ratios(many, ours, "per_second", "ceiling"), " times")
    if most := results.get("fixed-1024"):
        ours = best(most, OURS)
        ceiling = statistics.median(reports["ceiling"]["per_second"] for reports in most)
        goals.at_least(f"3. {ours}, 1,024 clients; the ceiling has {number(ceiling)}{waiting(most, 'per_second', 'of that')}",
                       200_000, [reports[ours]["per_second"] for reports in most], " records/s")
        goals.at_most(f"3. the same, p99 in syncs of the ceiling{waiting(most, 'p99_us', 'syncs', 'p50_us')}", 5,
                      ratios(most, ours, "p99_us", "ceiling", "p50_us"), " syncs")


def waiting(rounds, field, unit, to_field=None):
    """What is left of the ceiling when its clients are threads that wait, in a simple program: not a bound, and not of tasks."""
    if "ceiling-waiting" not in rounds[0]:
        return ""
    return f" (with clients that wait: {number(ratio(rounds, 'ceiling-waiting', field, 'ceiling', to_field))} {unit})"


def bytes_written(goals, own):
    for shape, found in own.get("written", {}).items():
        goals.at_most(f"4. bytes written for a compressed byte of payload, {shape}", 2.3, found["log"])
        goals.at_most(f"4. more for snapshots, {shape}", 1.5, found["snapshots"])
    if found := own.get("compression"):
        goals.at_least("5. compression of real transcripts, appended one by one", 4.5, found["appended"], " times")
        goals.at_least("5. once all is compacted, the newest snapshots, which replace sealed segments", 5.5,
                       found["snapshots"], " times")
        goals.at_least("5. the same with the snapshots and segments that the retention keeps", 5.5, found["compacted"],
                       " times")
        if "in_mb_per_second" in found:
            goals.at_least("5. compressing, MB a second of processor", 100, found["in_mb_per_second"])
            goals.at_least("5. decompressing", 400, found["out_mb_per_second"])


def openings(goals, own):
    if found := own.get("replay"):
        goals.at_least("6. replay of the journal from the page cache, MB a second, without its syncs", 1000,
                       found["mb_per_second_without_sync"])
    if found := own.get("opening"):
        known = f"{found['sessions']:,} sessions"
        for state, wanted in (("clean", 100), ("crashed", 300)):
            goals.at_most(f"6. opening {known}, {'closed in order' if state == 'clean' else 'after a crash'}", wanted,
                          found[state]["open_ms"], " ms")
            goals.at_most("6. the same with the first read of a session", wanted,
                          found[state]["open_ms"] + found[state]["first_read_ms"], " ms")
        goals.at_most("6. resident memory for an idle session", 400, found["resident_bytes_per_session"], " bytes")


def reads(goals, own):
    for kind, name in (("log", "as appended"), ("snapshot", "from a snapshot")):
        if found := own.get("reading", {}).get(kind):
            goals.at_most(f"7. reading a session of 25 MB, {name}, against a plain file with simdjson", 1.5,
                          found["all_against_plain"], " times")
            goals.at_most(f"7. its metadata, {name}", 1000, found["metadata_us"], " us")
            goals.at_most(f"7. its metadata for the first time, {name}", 1000, found["first_metadata_us"], " us")


def appends(goals, own):
    for style, found in own.get("costs", {}).items():
        if style == WITH_SNAPSHOTS:
            continue
        clients = f"{style.split()[0]} client{'s' if style[0] != '1' else ''}, {style.split()[1]}"
        goals.at_most(f"8. processor for an append of 512 bytes in memory, {clients}", 5, found["processor_us"], " us")
        goals.at_most(f"8. bytes of memory that stay after an append, {clients}", SMALLEST_ALLOCATION,
                      max(0, found["held_bytes"]))
