"""The named moments at which the store is killed, and the library that knows when they have come.

tools/lib/killpoint.c watches the calls that the program makes of the C library. A point is a call on a class of
files: that is all that can be told from outside, and it is what the promise of the store is about.
"""

import os
import subprocess
from dataclasses import dataclass

JOURNAL, SEGMENT = "*/journal/*.journal", "*.segment"
SNAPSHOT, INDEX, INDEX_LOG = "*/snapshot-*.json.zst.tmp", "*/index.json.tmp", "*/index-*.log"
COPY, MANIFEST = "*/quarantine/*.bytes.tmp", "*/quarantine/manifest.jsonl"
TEAR = {"journal": "journal write torn", "segment": "segment write torn"}  # what leaves a torn tail, by commit mode


@dataclass(frozen=True)
class Point:
    """One moment: what the store is doing, and the call that it is about to make or has just made."""
    name: str
    phase: str  # a method of kill.Killer
    when: str
    call: str
    path: str
    modes: tuple = ("journal", "segment")

    def order(self, count, permille):
        """What killpoint.c is told. Opening and creating count from the start, the rest from a signal on."""
        armed = int(self.phase in ("creating", "opening", "reindexing", "repairing"))
        return f"{self.when} {self.call} {count} {permille} {armed} {self.path}"


ONLY_JOURNAL, ONLY_SEGMENT = ("journal",), ("segment",)

POINTS = [
    Point("store being created", "creating", "after", "any", "*"),
    Point("journal write torn", "working", "torn", "pwrite", JOURNAL),
    Point("journal written, not synced", "working", "before", "fdatasync", JOURNAL),
    Point("journal synced, not acknowledged", "working", "after", "fdatasync", JOURNAL),
    Point("journal written and synced in one call, not acknowledged", "working", "after", "pwrite", JOURNAL),
    Point("answers torn", "working", "torn", "write", "answers"),
    Point("answers written", "working", "after", "write", "answers"),
    Point("session folder made", "working", "after", "mkdirat", "*/sessions/*"),
    Point("segment write torn", "working", "torn", "pwrite", SEGMENT),
    Point("segment written, not synced", "working", "before", "fdatasync", SEGMENT),
    Point("segment synced, journal not recycled", "working", "after", "fdatasync", SEGMENT, ONLY_JOURNAL),
    Point("segment synced, not acknowledged", "working", "after", "fdatasync", SEGMENT, ONLY_SEGMENT),
    Point("index change log torn", "working", "torn", "pwrite", INDEX_LOG),
    Point("index change log synced", "working", "after", "fdatasync", INDEX_LOG),
    Point("snapshot written, not synced", "compacting", "before", "fdatasync", SNAPSHOT),
    Point("snapshot synced, not renamed", "compacting", "before", "renameat", SNAPSHOT),
    Point("snapshot renamed, folder not synced", "compacting", "after", "renameat", SNAPSHOT),
    Point("session folder synced", "compacting", "after", "fsync", "*/sessions/*/*"),
    Point("old segment about to be removed", "compacting", "before", "unlinkat", SEGMENT),
    Point("old segment removed", "compacting", "after", "unlinkat", SEGMENT),
    Point("recovery, anywhere", "opening", "after", "any", "*"),
    Point("recovery, replay not synced", "opening", "before", "fdatasync", SEGMENT),
    Point("recovery, replay synced", "opening", "after", "fdatasync", SEGMENT),
    Point("recovery, new journal file", "opening", "before", "fsync", "*/journal"),
    Point("index made anew, not renamed", "reindexing", "before", "renameat", INDEX),
    Point("index made anew, renamed", "reindexing", "after", "renameat", INDEX),
    Point("quarantine copy not synced", "repairing", "before", "fdatasync", COPY),
    Point("quarantine copy renamed", "repairing", "after", "renameat", COPY),
    Point("quarantine manifest torn", "repairing", "torn", "pwrite", MANIFEST),
    Point("torn tail cut, not synced", "repairing", "after", "ftruncate", SEGMENT, ONLY_SEGMENT),
    Point("closing, anywhere", "closing", "after", "any", "*"),
    Point("journal file removed", "closing", "after", "unlinkat", JOURNAL),
]


def points(mode):
    """The points that a store with this commit mode passes."""
    return [point for point in POINTS if mode in point.modes]


def build_library(root, folder):
    """Compiles killpoint.c into `folder`; gives the path of the library."""
    library = os.path.join(folder, "killpoint.so")
    source = os.path.join(root, "tools", "lib", "killpoint.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"],
                   check=True)
    return library
