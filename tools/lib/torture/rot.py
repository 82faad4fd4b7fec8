"""Damages small stores in every way and judges what the engine makes of it.

Every bit of every file is flipped; every sector and block is zeroed, set, repeated, swapped, written with what belongs
elsewhere; every file is cut at every byte, removed, made old, and replaced by others. Each time the store is verified,
opened, read, listed and appended to, on a simulated disk. docs/testing.md says what is judged.

Prints the confusion table: what was done, and how it was classed.
"""

import os
import subprocess
import sys

from builds import build

BEGIN, END = "<!-- rot: written by tools/torture rot --write-docs -->", "<!-- rot: end -->"


def add_arguments(command):
    command.add_argument("--count", type=int, help="about so many cases, spread evenly (default: all)")
    command.add_argument("--seed", type=int, default=1, help="of the salts, and of what a sample takes (1)")
    command.add_argument("--threads", type=int, default=os.cpu_count(), help="how many cases side by side")
    command.add_argument("--write-docs", action="store_true", help="put the table into docs/testing.md")


def run(options):
    folder = build(options.root, "campaigns", "-c", "release", "--product", "holdfast-torture")
    command = [os.path.join(folder, "holdfast-torture"), "rot", "--seed", str(options.seed),
               "--threads", str(options.threads)]
    if options.count:
        command += ["--count", str(options.count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    if options.write_docs and done.returncode == 0:
        write(os.path.join(options.root, "docs", "testing.md"), done.stdout)
    return done.returncode


def write(path, output):
    """Puts the table and the count between the marks."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"'{path}' lacks the marks '{BEGIN}' and '{END}'.")
    table, _, counted = output.rstrip().rpartition("\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n\n{table}\n\n`{counted}`\n\n{END}{after}")
