"""Runs every thread of the store in orders that seeds decide, on a simulated disk and a simulated clock.

The locks of a debug build let one thread run at a time when they are asked to. The same seed does the same again.
Each seed stands for a workload, a commit mode, a way to choose threads and perhaps a failing disk; each run ends with
power cuts, recovered and checked. docs/testing.md says what is judged.
"""

import os
import subprocess

from builds import build


def add_arguments(command):
    command.add_argument("--count", type=int, default=1000, help="how many seeds (1000)")
    command.add_argument("--seed", type=int, default=1, help="the first of them (1)")
    command.add_argument("--threads", type=int, default=os.cpu_count(), help="how many runs side by side")
    command.add_argument("--release", action="store_true", help="an optimised build: for long runs")


def run(options):
    if options.release:
        folder = build(options.root, "schedules", "-c", "release", "--product", "holdfast-torture",
                       "-Xswiftc", "-DHOLDFAST_SCHEDULES")
    else:
        folder = build(options.root, ".", "--product", "holdfast-torture")
    command = [os.path.join(folder, "holdfast-torture"), "schedules", "--count", str(options.count),
               "--seed", str(options.seed), "--threads", str(options.threads)]
    # Else sets and dictionaries have another order in each process.
    return subprocess.run(command, env=os.environ | {"SWIFT_DETERMINISTIC_HASHING": "1"}).returncode
