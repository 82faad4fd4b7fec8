"""Runs the Swift suites under a sanitizer, in a build of its own.

    tools/torture sanitize thread      data races: storage, engine, sessions
    tools/torture sanitize address     bytes that are not one's own: those, and JSON and the format

Exit status 1 when the sanitizer reports something or a test fails.
"""

import os
import subprocess

from builds import build

SUITES = {
    "thread": "HoldfastStorageTests\\.|HoldfastEngineTests\\.|HoldfastTests\\.",
    "address": "HoldfastBytesTests\\.|HoldfastStorageTests\\.|HoldfastEngineTests\\.|HoldfastTests\\.",
}
# They change and read small files by the thousand on one thread, and take minutes each here.
SLOW = "flipped bit|all streams together|takes every operation|JSONRobustness"


def add_arguments(command):
    command.add_argument("kind", choices=sorted(SUITES), help="which sanitizer")
    command.add_argument("--all", action="store_true", help="also the tests that take minutes each")
    command.add_argument("--filter", help="only the tests whose names match")


def run(options):
    program = build(options.root, f"sanitize-{options.kind}", "--build-tests", f"--sanitize={options.kind}")
    command = [os.path.join(program, "holdfastPackageTests.xctest"), "--testing-library", "swift-testing",
               "--filter", options.filter or SUITES[options.kind]]
    if not options.all:
        command += ["--skip", SLOW]
    # The question is whose bytes are read, not who still holds them at the end.
    settings = {"HOLDFAST_QUICK": "1", "TSAN_OPTIONS": "exitcode=1", "ASAN_OPTIONS": "detect_leaks=0"}
    return 1 if subprocess.run(command, env=os.environ | settings).returncode else 0
