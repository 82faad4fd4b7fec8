"""Takes away the room on the disk and gives it back, while the store is at work.

A limit on the size of files (RLIMIT_FSIZE, set from outside on the running process) stands in for a full disk: every
write beyond it fails. The store must not die of it: writes are refused with `disk_full` and have no effect, reads go
on, and once the limit is lifted the same process takes writes again.
"""

import os
import resource

from model import check, require
from pipe import PipeClosed
from torture.progress import Progress
from torture.store import TortureStore

ENOUGH = 12  # refusals
DISK_FULL = 74  # the exit status


def add_arguments(command):
    command.add_argument("--count", type=int, default=10, help="how many times (10)")


def run(options, folder):
    """Fills the disk as often as wanted. Raises Violation."""
    disk = FullDisk(TortureStore(options, folder))
    progress = Progress(options.count, "times full")
    for number in range(options.count):
        disk.round()
        progress.show(number + 1, f"{disk.refused} writes refused")
    disk.store.check_and_close()
    progress.end()
    require(disk.refused, "no write was ever refused")
    print(f"{options.count} times full ({options.commit}, seed {options.seed}), {disk.refused} writes refused, "
          f"{disk.store.acknowledged} acknowledged, none missing; {progress.seconds:.0f} s")


class FullDisk:
    def __init__(self, store):
        self.store = store
        self.random = store.random
        self.refused = 0

    def round(self):
        """Opens the store, fills the disk, makes room again, ends the store somehow."""
        pipe = self.store.open()
        self.store.check(pipe)
        for _ in range(self.random.randint(1, 3)):
            self.write(pipe, count=self.random.randint(1, 40))
            self.fill(pipe)
            for history in self.store.histories:
                check(pipe, history)  # reads go on
            self.limit(pipe, resource.RLIM_INFINITY)
            self.write(pipe, count=20)
        if self.random.random() < 0.5:
            return self.store.close(pipe)
        self.store.kill(pipe)
        self.start_without_room()

    def start_without_room(self):
        """Opens a store that was killed. It may say that there is no room for that; it may not do worse."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size(), before[1]))  # inherited by what is started
        pipe = self.store.open()
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        try:
            for history in self.store.histories:
                check(pipe, history)
        except PipeClosed:
            status = pipe.close()
            return require(status == DISK_FULL, f"the program ended with status {status}: " + " ".join(pipe.notes))
        self.limit(pipe, resource.RLIM_INFINITY)
        self.write(pipe, count=20)
        self.store.close(pipe)

    def size(self):
        """A limit: nothing at all, something, or what the largest file has."""
        sizes = [os.path.getsize(os.path.join(path, name))
                 for path, _, names in os.walk(self.store.folder) for name in names]
        return self.random.choice([0, 1, self.random.randint(0, max(sizes)), max(sizes)])

    def fill(self, pipe):
        """Sets a limit and writes until enough was refused, or until it is plain that there is room still."""
        self.limit(pipe, self.size())
        before = self.refused
        for _ in range(300):
            self.send(pipe, may_refuse=True)
            if self.refused >= before + ENOUGH:
                return

    def write(self, pipe, count):
        """Writes when there is room."""
        for _ in range(count):
            self.send(pipe, may_refuse=False)

    def send(self, pipe, may_refuse):
        """One operation, whose answer is waited for: what is refused must have no effect."""
        history = self.random.choice(self.store.histories)
        # One that fails between its two records takes effect later: what the store says then is "failed".
        op, fields = self.store.operations.next(history.latest, may_fork=not may_refuse)
        if op is None or (op == "compact" and may_refuse):
            return
        if op != "compact":
            fields["durability"] = "durable"
        answer = pipe.ask(op, session=history.id, **fields)
        if answer.ok:
            if op != "compact":
                del fields["durability"]
                self.store.ledger(history, op, fields)(answer)
            return self.store.raise_refusals()
        code = answer.fields["error"]["code"]
        require(may_refuse and code == "disk_full", f"{op} was answered {answer.line!r}")
        self.refused += 1

    def limit(self, pipe, byte_count):
        resource.prlimit(pipe.process.pid, resource.RLIMIT_FSIZE, (byte_count, resource.RLIM_INFINITY))
