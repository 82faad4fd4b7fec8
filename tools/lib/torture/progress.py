"""How far a long run is."""

import sys
import time


class Progress:
    """A bar on a terminal; elsewhere a line for each tenth."""

    def __init__(self, total, what):
        self.total, self.what = total, what
        self.begun = time.monotonic()
        self.shown = 0

    @property
    def seconds(self):
        return time.monotonic() - self.begun

    def show(self, done, more):
        text = f"{done}/{self.total} {self.what}, {more}, {self.seconds:.0f} s"
        if sys.stderr.isatty():
            filled = 30 * done // self.total
            print(f"\r[{'#' * filled}{'.' * (30 - filled)}] {text}", end="", file=sys.stderr, flush=True)
        elif done * 10 // self.total > self.shown:
            self.shown = done * 10 // self.total
            print(text, file=sys.stderr, flush=True)

    def end(self):
        if sys.stderr.isatty():
            print(file=sys.stderr)
