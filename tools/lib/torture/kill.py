"""Kills the store at random and at named moments, and checks that it keeps its promise.

A writer drives several sessions through `holdfast pipe`, many requests in flight, and notes in its own process what
was acknowledged. SIGKILL hits the store at a random moment or at a named one (tools/lib/torture/points.py): between a
write and its sync, a sync and its acknowledgement, a rename and the sync of its folder, in the middle of a write, in
the recovery from the kill before. Then the store is opened again and compared with the model of tools/lib/model.py:
everything acknowledged is there, byte for byte; each session is a prefix of what was sent; each pending message is
there once. And on it goes with the same store, and after a hundred kills with a new one: what grows takes longer to
compare. A named moment that never came is a failure of the test.

A killed process leaves the page cache to the system, so this says nothing about power cuts: for those the crash
tests of the engine run on a simulated disk (docs/testing.md). It does test the real program on a real disk.

--sabotage kills nothing: it puts an older copy of the store in its place. The check must notice that, else it is
worth nothing; the exit status is 0 when it does.
"""

import os
import shutil
import signal
import tempfile
import time
from collections import Counter

from model import Violation, require
from pipe import PipeClosed
from torture.points import TEAR, build_library, points
from torture.progress import Progress
from torture.store import TortureStore

PATIENCE = 2.0  # seconds until a named moment is taken as missed
AT_RANDOM = "at random"
STORE_KILLS = 100  # how many each store lives through


def add_arguments(command):
    command.add_argument("--count", type=int, default=100, help="how many kills (100)")
    command.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long, even before that")
    command.add_argument("--sabotage", action="store_true", help="put an older store in place: the check must notice")


def run(options, folder):
    """Kills as often as wanted, then checks once more. Raises Violation."""
    if options.sabotage:
        return sabotage(options, folder)
    killer = Killer(options, folder)
    progress = Progress(options.count, "kills")
    while killer.count < options.count and progress.seconds < options.seconds:
        killer.round()
        progress.show(min(killer.count, options.count), f"{killer.acknowledged} operations acknowledged")
    killer.store.check_and_close()
    progress.end()
    killer.print_hits()
    print(f"{killer.count} kills ({options.commit}, seed {options.seed}), {killer.acknowledged} operations "
          f"acknowledged, none missing; {progress.seconds:.0f} s")
    killer.require_all_hit()


class Killer:
    """Chooses the moments."""

    def __init__(self, options, folder):
        self.store = TortureStore(options, folder)
        self.random = self.store.random
        self.points = points(options.commit)
        self.scratch = tempfile.TemporaryDirectory(prefix="holdfast-killpoint-")
        self.library = build_library(options.root, self.scratch.name)
        self.reach = Counter()  # how far the count of a point's calls may go; it follows what is hit
        self.hits = Counter()
        self.tries = Counter()
        self.count = 0
        self.born = 0  # the count when the store was new
        self.acknowledged_before = 0

    @property
    def acknowledged(self):
        """How many operations were acknowledged, by all stores."""
        return self.acknowledged_before + self.store.acknowledged

    def round(self):
        """Kills the store once, mostly."""
        if self.count - self.born >= STORE_KILLS:
            self.begin_anew()
        if self.random.random() < 0.3:
            return self.random_round()
        fewest = min(self.tries[point.name] for point in self.points)
        # Those that come rarely are not to wait for those that come often, nor to hold them up.
        self.point_round(self.random.choice([p for p in self.points if self.tries[p.name] <= fewest + 2]))

    def begin_anew(self):
        """Puts a new store in the place of one that has come through."""
        self.store.check_and_close()
        shutil.rmtree(self.store.folder)
        self.acknowledged_before, self.born = self.acknowledged, self.count
        self.store = TortureStore(self.store.options, self.store.folder, self.random)

    def random_round(self):
        """Opens the store, checks it, writes to it and kills it."""
        pipe = self.store.open()
        if self.random.random() < 0.3:  # most likely still in recovery
            time.sleep(self.random.uniform(0, 0.03))
            return self.kill(pipe)
        self.store.check(pipe)
        seconds = self.random.choice([0.005, 0.05, 0.3]) * self.random.random()
        self.write(pipe, seconds)
        if self.random.random() < 0.1:
            return self.store.close(pipe)
        self.kill(pipe)

    def point_round(self, point):
        """Has the store killed at `point`, if it gets there in time."""
        if point.phase == "repairing" and not self.has_torn():
            return
        self.tries[point.name] += 1
        reach = max(1, self.reach[point.name])
        count = self.random.randint(1, reach)
        was_hit = getattr(self, "_" + point.phase)(self.environment(point, count), point)
        self.reach[point.name] = min(500, reach * 2) if was_hit else count // 2

    def has_torn(self):
        """Leaves a torn tail, which the next opening has to repair."""
        tear = next(point for point in self.points if point.name == TEAR[self.store.options.commit])
        before = self.hits[tear.name]
        self.point_round(tear)
        return self.hits[tear.name] > before

    def environment(self, point, count):
        order = point.order(count, self.random.randint(0, 999))
        return os.environ | {"LD_PRELOAD": self.library, "HOLDFAST_KILL": order}

    # What the store does meanwhile. Each gives whether the kill came at the point.

    def _working(self, environment, point, compacting=0):
        pipe = self.store.open(environment)
        self.store.check(pipe)
        pipe.process.send_signal(signal.SIGUSR1)
        self.write(pipe, PATIENCE, compacting)
        return self.kill(pipe, point)

    def _compacting(self, environment, point):
        return self._working(environment, point, compacting=4)

    def _opening(self, environment, point):
        return self.ask_and_kill(self.store.open(environment), point)

    _repairing = _opening

    def _reindexing(self, environment, point):
        index = os.path.join(self.store.folder, "index.json")  # derived: it may be deleted at any time
        if os.path.exists(index):
            os.remove(index)
        return self._opening(environment, point)

    def _closing(self, environment, point):
        pipe = self.store.open(environment)
        self.store.check(pipe)
        self.write(pipe, 0.05)
        pipe.wait()
        pipe.process.send_signal(signal.SIGUSR1)
        pipe.close()
        return self.kill(pipe, point)

    def _creating(self, environment, point):
        """A store of its own, for this can be done once only with each."""
        with tempfile.TemporaryDirectory(prefix="holdfast-created-") as folder:
            new = TortureStore(self.store.options, os.path.join(folder, "store"))
            was_hit = self.ask_and_kill(new.open(environment), point)
            new.run_once(seconds=0.01)
            new.check_and_close()
        return was_hit

    def ask_and_kill(self, pipe, point):
        try:
            pipe.ask("list", limit=1)
        except PipeClosed:
            pass
        return self.kill(pipe, point)

    def write(self, pipe, seconds, compacting=0):
        try:
            self.store.write(pipe, seconds, compacting)
        except PipeClosed:
            pass  # `kill` finds out why

    def kill(self, pipe, point=None):
        """Kills the program unless it was killed at its point already; gives whether it was."""
        self.store.kill(pipe)
        status = pipe.process.returncode
        was_hit = any(note.startswith("killed ") for note in pipe.notes)
        require(status in (-signal.SIGKILL, 0 if point and point.phase == "closing" else None),
                f"the program ended by itself with status {status}: " + " ".join(pipe.notes))
        if status == -signal.SIGKILL:
            self.count += 1
            self.hits[point.name if was_hit else AT_RANDOM] += 1
        return was_hit

    def print_hits(self):
        print("Where the store was killed, and how often:")
        for name in [AT_RANDOM] + [point.name for point in self.points]:
            print(f"    {self.hits[name]:5}  {name}")

    def require_all_hit(self):
        """In a run that is long enough, each moment must have come."""
        missed = [point.name for point in self.points if self.tries[point.name] >= 4 and not self.hits[point.name]]
        require(not missed, f"the store was never killed at: {', '.join(missed)}")


def sabotage(options, folder):
    """Puts an older copy of a store in its place: the check must notice."""
    store = TortureStore(options, folder)
    store.run_once(seconds=0.1)
    shutil.copytree(folder, folder + "-older")
    store.run_once(seconds=0.3)
    shutil.rmtree(folder)
    os.rename(folder + "-older", folder)
    try:
        store.check_and_close()
    except Violation as violation:
        return print(f"The sabotage was noticed: {violation}")
    raise Violation("the sabotage was NOT noticed")
