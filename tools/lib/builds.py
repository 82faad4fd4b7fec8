"""Builds of the package that differ from the usual one, each in a folder of its own below the build folder."""

import os
import subprocess
import sys


def scratch(root, kind):
    """The folder of the builds of a kind."""
    usual = os.environ.get("HOLDFAST_SCRATCH", os.path.join(root, ".build"))
    return os.path.abspath(os.path.join(usual, kind))


def build(root, kind, *arguments, source=None):
    """Builds the package in `source` (the repository) with these arguments of `swift build`; answers where.

    What the build says is shown when it fails only.
    """
    swift = subprocess.run([os.path.join(root, "tools", "lib", "find-swift")], capture_output=True, text=True, check=True)
    folder = scratch(root, kind)
    command = [swift.stdout.strip(), "build", "--package-path", source or root, "--scratch-path", folder, *arguments]
    print(" ".join(command), file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=source or root)
    if done.returncode != 0:
        sys.exit(f"{done.stdout[-20000:]}\nThe build failed.")
    return os.path.join(folder, "release" if "release" in arguments else "debug")
