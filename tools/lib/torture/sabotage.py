"""Puts bugs into a copy of the source, one at a time, and sees that a test or a campaign catches each.

    tools/torture sabotage                 all of them
    tools/torture sabotage NAME...         these
    tools/torture sabotage --sample 5      so many, others each day

All bugs of tools/lib/sabotages.py go into one copy and one build, each behind a switch in the environment. The likely
catchers are tried first, then all suites; with no bug switched on each must pass. Exit status 1 when a bug is not
caught. The rows of the bugs that were tried are written to docs/testing.md.
"""

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from builds import build, scratch
from sabotages import EVERYTHING, SABOTAGES

SWITCH = "HOLDFAST_SABOTAGE"
CAMPAIGNS = ["images", "errors", "schedules"]
TIMEOUT = 300  # seconds: a test that does not end has noticed something too
SLOW = "anywhere in a segment|all streams together"  # minutes each
FUNCTION = """import Glibc

private let sabotage = getenv("%s").map { String(cString: $0) }

/// Whether this bug is switched on.
func sabotaged(_ name: String) -> Bool { sabotage == name }
""" % SWITCH


def add_arguments(command):
    command.add_argument("names", nargs="*", metavar="NAME", help="which bugs (all)")
    command.add_argument("--sample", type=int, help="so many bugs, drawn by the date")
    command.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many bugs at the same time")
    command.add_argument("--list", action="store_true", help="name the bugs, and do nothing")
    command.add_argument("--check", action="store_true", help="see that each bug fits the code, and build nothing")


def run(options):
    if options.list:
        for bug in SABOTAGES:
            print(f"{bug.name:28} {bug.what}")
        return 0
    if options.check:
        names = {edit.file for bug in SABOTAGES for edit in bug.edits}
        edited({name: content(os.path.join(options.root, name)) for name in names})
        print(f"{len(SABOTAGES)} bugs fit the code.")
        return 0
    bugs = chosen(options)
    copy = os.path.join(scratch(options.root, "sabotage"), "source")
    prepare(options.root, copy)
    program = build(options.root, "sabotage/build", "--build-tests", source=copy)
    catchers = Catchers(program)
    caught, missed = {}, []

    def treat(bug):
        begun = time.monotonic()
        return bug, catchers.first(bug), time.monotonic() - begun

    with ThreadPoolExecutor(options.jobs) as executor:
        for done in as_completed([executor.submit(treat, bug) for bug in bugs]):
            bug, catcher, seconds = done.result()
            if catcher:
                caught[bug.name] = catcher
            else:
                missed.append(bug.name)
            write_table(options.root, caught, missed)
            print(f"{len(caught) + len(missed)}/{len(bugs)} {bug.name}: {catcher or 'NOT CAUGHT'} ({seconds:.0f} s)",
                  flush=True)
    print(f"sabotage: {len(bugs)} bugs, {len(caught)} caught" + (f"; not {missed}" if missed else ""))
    return 1 if missed else 0


def chosen(options):
    unknown = set(options.names) - {bug.name for bug in SABOTAGES}
    if unknown:
        sys.exit(f"There is no bug {', '.join(sorted(unknown))}: see --list.")
    bugs = [bug for bug in SABOTAGES if not options.names or bug.name in options.names]
    if options.sample:
        bugs = random.Random(time.strftime("%Y-%m-%d")).sample(bugs, min(options.sample, len(bugs)))
    return bugs


# --- The copy

def prepare(root, copy):
    """Writes the source with all bugs in it to `copy`, touching no file that is as it should be."""
    names = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "Package.swift",
                            "Sources", "Tests", "docs", "tools"], capture_output=True, text=True, check=True).stdout.split("\n")
    files = {name: content(os.path.join(root, name)) for name in names
             if name and os.path.exists(os.path.join(root, name))}
    for name, text in edited(files).items():
        files[name] = text.encode()
        files[f"Sources/{name.split('/')[1]}/Sabotage.swift"] = FUNCTION.encode()
    for folder, _, found in os.walk(copy):
        for name in found:
            path = os.path.join(folder, name)
            if os.path.relpath(path, copy) not in files:
                os.remove(path)
    for name, new in files.items():
        path = os.path.join(copy, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.exists(path) or content(path) != new:
            with open(path, "wb") as file:
                file.write(new)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def edited(files):
    """The files that have bugs, by name. Exits when an edit does not fit the code any more."""
    places = {}
    for bug in SABOTAGES:
        for edit in bug.edits:
            places.setdefault(edit.file, []).append((edit, bug))
    wrong = []
    texts = {}
    for name, edits in places.items():
        text = files[name].decode()
        spans = []
        for edit, bug in edits:
            if text.count(edit.old) != 1:
                wrong.append(f"{bug.name}: its text stands {text.count(edit.old)} times in {name}:\n{edit.old}")
                continue
            start = text.index(edit.old)
            spans.append((start, start + len(edit.old), edit.new.replace("SABOTAGED", f'sabotaged("{bug.name}")'), bug))
        spans.sort(key=lambda span: span[0])
        for (_, end, _, first), (start, _, _, second) in zip(spans, spans[1:]):
            if start < end:
                wrong.append(f"{first.name} and {second.name} touch the same text")
        for start, end, new, _ in reversed(spans):
            text = text[:start] + new + text[end:]
        texts[name] = text
    if wrong:
        sys.exit("\n".join(wrong) + "\nBring tools/lib/sabotages.py up to the code.")
    return texts


# --- The catchers

def command_of(program, catcher):
    """The command line of a catcher."""
    kind, *words = catcher
    if kind == "tests":
        return [os.path.join(program, "holdfastPackageTests.xctest"), "--testing-library", "swift-testing",
                "--filter", *words, "--skip", SLOW]
    if kind in CAMPAIGNS:
        count, seed = words
        return [os.path.join(program, "holdfast-torture"), kind, "--count", str(count), "--seed", str(seed)]
    return [sys.argv[0], *words, "--program", os.path.join(program, "holdfast")]


def attempt(program, catcher, name):
    """Runs one catcher with a bug switched on (or none); answers who noticed what, or None."""
    if catcher[0] == "schedules" and name:  # in pieces: the first violation will do
        _, count, seed = catcher
        pieces = (("schedules", min(10, count - done), seed + done) for done in range(0, count, 10))
        return next(filter(None, (attempt_once(program, piece, name) for piece in pieces)), None)
    return attempt_once(program, catcher, name)


def attempt_once(program, catcher, name):
    environment = os.environ | {SWITCH: name, "HOLDFAST_QUICK": "1", "SWIFT_DETERMINISTIC_HASHING": "1"}
    command = command_of(program, catcher)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the session that was started above
        process.communicate()
        return f"{label(catcher)}, which did not end"
    if process.returncode == -signal.SIGKILL:  # by the system or a person: nobody has noticed anything
        sys.exit(f"{label(catcher)} was killed from outside.")
    if catcher[0] == "tests" and not re.search(r"Test run with [1-9]", output) and process.returncode == 0:
        sys.exit(f"No test is named {catcher[1]}.")
    return None if process.returncode == 0 else noticed(catcher, output, process.returncode)


def noticed(catcher, output, status):
    """Who noticed, in the words of the table."""
    if catcher[0] in CAMPAIGNS:
        if "VIOLATION" not in output:
            return f"{label(catcher)}, which ended with status {status}"
        seed = re.search(r"VIOLATION: seed (\d+)", output)
        return f"`schedules`, seed {seed[1]}" if seed else label(catcher)
    if catcher[0] == "program":
        return label(catcher)
    failed = re.search(r'✘ Test (?:"(.+?)"|(\w+)\(.*?\))', re.sub(r"\x1b\[\d+m", "", output))
    name = next(filter(None, failed.groups())) if failed else None
    return f"test *{name}*" if name else f"{label(catcher)}, which stopped with status {status}"


def label(catcher):
    """The catcher as a word of the table."""
    kind, *words = catcher
    if kind == "tests":
        return f"tests `{words[0]}`"
    return f"`{kind}`" if kind in CAMPAIGNS else f"`tools/torture {' '.join(words)}`"


class Catchers:
    """Tries catchers, and remembers which of them pass while no bug is switched on."""

    def __init__(self, program):
        self.program = program
        self.answers = {}
        self.lock = threading.Lock()
        self.executor = ThreadPoolExecutor(1)

    def first(self, bug):
        """Who catches the bug, or None."""
        for catcher in bug.catchers + [catcher for catcher in EVERYTHING if catcher not in bug.catchers]:
            found = attempt(self.program, catcher, bug.name)
            if found and self.is_sound(catcher):
                return found
        return None

    def is_sound(self, catcher):
        """Whether the catcher passes without a bug. One that does not catches nothing."""
        with self.lock:
            answer = self.answers.get(catcher)
            if answer is None:
                answer = self.answers[catcher] = self.executor.submit(attempt, self.program, catcher, "")
        found = answer.result()
        if found:
            print(f"Without any bug: {found}", flush=True)
        return not found


# --- The table

def write_table(root, caught, missed):
    """Brings the rows of these bugs in docs/testing.md, between two marks, up to date."""
    path = os.path.join(root, "docs", "testing.md")
    text = open(path, encoding="utf-8").read()
    begin, end = "<!-- sabotage: begin -->\n", "<!-- sabotage: end -->"
    before, rest = text.split(begin)
    table, after = rest.split(end)
    rows = {row.split("`")[1]: row for row in table.split("\n") if row.startswith("| `")}
    rows |= {bug.name: f"| `{bug.name}` | {bug.what} | {caught[bug.name]} |" for bug in SABOTAGES if bug.name in caught}
    lines = ["| Bug | What it breaks | Caught first by |", "| --- | --- | --- |"]
    lines += [rows[bug.name] for bug in SABOTAGES if bug.name in rows and bug.name not in missed]
    open(path, "w", encoding="utf-8").write(before + begin + "\n".join(lines) + "\n" + end + after)
