"""Counts what an append takes of the processor, the system and memory."""

import os
import re
import shutil
import statistics
import subprocess

from . import shapes
from .peers import Peer

# The row of what an append takes with the snapshots that it makes due.
WITH_SNAPSHOTS = "1 threads, with its snapshots"


class Costs:
    """Counts for `bench` (holdfast-bench), over stores on a file system in memory, where a sync costs nothing.

    `allocations` is the library that counts them; `inputs` gives an input file by its name and maker.
    """

    def __init__(self, bench, allocations, scratch, inputs):
        self.peer = Peer("holdfast", [bench, "append"])
        self.allocations, self.scratch, self.inputs = allocations, scratch, inputs
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else scratch
        self.store = os.path.join(memory, f"holdfast-bench-{os.getpid()}")

    def of_append(self, clients, style, few=6400, many=32000, compaction="off"):
        """What an append of 512 bytes adds: the difference of two runs, so that opening and closing do not count.

        With `compaction` "on" together with the snapshots that are written meanwhile."""
        runs = [self.of_run(self.inputs(f"costs-{clients}-{count}", lambda rand: shapes.fixed(
            rand, clients, count // clients, 512)), clients, style, compaction) for count in (few, many)]
        return {name: (runs[1][name] - runs[0][name]) / (many - few) for name in runs[0]}

    def of_run(self, input_file, clients, style, compaction):
        """One input, appended three times: measured, with allocations counted, with system calls counted."""
        options = {"input_file": input_file, "clients": clients, "style": style, "once": 1,
                   "compaction": compaction}
        plain = [self.run(**options) for _ in range(3)]
        found = {"processor_us": 1e6 * statistics.median(report["processor_seconds"] for report in plain),
                 "written_bytes": plain[0]["written_bytes"] - plain[0]["prepared_bytes"]}
        counts, trace = (os.path.join(self.scratch, name) for name in ("allocations", "calls"))
        self.run(**options, prefix=("env", f"LD_PRELOAD={self.allocations}", f"ALLOCATIONS_FILE={counts}"))
        with open(counts) as file:
            found["allocations"], found["held_bytes"] = map(int, file.read().split())
        if shutil.which("strace"):
            self.run(**options, prefix=("strace", "-f", "-qq", "-c", "-o", trace))
            with open(trace) as file:
                found["system_calls"] = int(re.search(r"(\d+)(?: +\d+)? total$", file.read(), re.M)[1])
        return found

    def shares(self, clients, count=32000):
        """The parts of the processor's time that libraries, the system and the engine itself take; from samples of perf."""
        data = os.path.join(self.scratch, "perf.data")
        path = self.inputs(f"costs-{clients}-{count}", lambda rand: shapes.fixed(rand, clients, count // clients, 512))
        self.run(input_file=path, clients=clients, once=1, compaction="off",
                 prefix=("perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-o", data, "--"))
        report = subprocess.run(["perf", "report", "-i", data, "--stdio", "--sort", "dso"], check=True, capture_output=True,
                                text=True).stdout
        return {name.strip("[]").replace("kernel.kallsyms", "the kernel"): float(share) / 100 for share, name in re.findall(r"^ +([\d.]+)% +(\S+)", report, re.M)}

    def run(self, **options):
        shutil.rmtree(self.store, ignore_errors=True)
        os.mkdir(self.store)
        try:
            return self.peer.run(self.store, **options)
        finally:
            shutil.rmtree(self.store)
