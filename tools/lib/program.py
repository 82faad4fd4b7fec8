"""Finds the built program."""

import os
import sys


def holdfast(root):
    """The `holdfast` program that was built last, release or debug."""
    scratch = os.path.join(root, os.environ.get("HOLDFAST_SCRATCH", ".build"))  # the callers work elsewhere
    built = [os.path.join(scratch, kind, "holdfast") for kind in ("release", "debug")]
    built = [path for path in built if os.path.exists(path)]
    if not built:
        sys.exit("The program is not built yet: run 'swift build' first.")
    return max(built, key=os.path.getmtime)
