"""Runs one campaign of `holdfast-torture`, optimised, with its progress."""

import os
import re
import subprocess
import sys

from builds import build

from torture.progress import Progress


def add_arguments(command, count_help, workloads=False):
    if workloads:
        command.add_argument("--only", metavar="TEXT", help="only workloads whose description has this text, such as "
                             "the seed that a violation names")
    command.add_argument("--count", type=int, default=None, help=count_help)
    command.add_argument("--seed", type=int, default=1, help="what all random choices come from (1)")
    command.add_argument("--threads", type=int, default=2, help="how many work side by side (2)")
    command.add_argument("--build-only", action="store_true", help="build the program, and end")


def run(options, name, what):
    """Builds the program and runs the campaign `name`, which counts `what`; answers its exit status."""
    folder = build(options.root, "campaigns", "-c", "release", "--product", "holdfast-torture")
    if options.build_only:
        return 0
    command = [os.path.join(folder, "holdfast-torture"), name, "--seed", str(options.seed),
               "--threads", str(options.threads)]
    if getattr(options, "only", None):
        command += ["--only", options.only]
    if options.count is not None:
        command += ["--count", str(options.count)]
    progress = None
    # Else sets and dictionaries have another order in each process, and a run cannot be repeated.
    environment = os.environ | {"SWIFT_DETERMINISTIC_HASHING": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as campaign:
        for line in campaign.stderr:
            counted = re.search(r"(\d+) of (\d+) cases", line)
            if counted:
                progress = progress or Progress(int(counted[2]), what)
                progress.show(min(int(counted[1]), progress.total), f"seed {options.seed}")
            elif not line.rstrip().endswith(" cases"):
                print(line, end="", file=sys.stderr, flush=True)
    if progress:
        progress.end()
    return campaign.returncode
