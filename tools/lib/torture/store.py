"""One store under test, and what its writer knows about it."""

import random
import time

from lineage import FORKS
from model import History, Violation, check, check_list, check_pending, require
from operations import Operations
from pipe import Pipe, PipeClosed

UNANSWERED = 200  # requests in flight
MOST_SESSIONS = 24
NAMES = ["plain", "with space", "../up", "snöwman ☃", "UPPER", "upper", "%41", "long-" + "x" * 240]


class TortureStore:
    """Writes to the store through `holdfast pipe` and notes, in this process, what was acknowledged."""

    def __init__(self, options, folder, source=None):
        """`source` gives the random numbers; by default they come from the seed."""
        self.options = options
        self.folder = folder
        self.random = source or random.Random(options.seed)
        self.operations = Operations(self.random)
        self.histories = [History(name) for name in NAMES]
        self.acknowledged = 0
        self.refusals = []

    def open(self, environment=None):
        for history in self.histories:
            history.reopened()
        return Pipe(self.options.program, self.folder, "--commit", self.options.commit, environment=environment)

    def check(self, pipe):
        """Compares everything that the store holds with what it must hold."""
        try:
            for history in self.histories:
                check(pipe, history)
            check_pending(pipe, self.histories)
            check_list(pipe, self.histories)
        except PipeClosed:
            pipe.close()
            raise Violation("the store did not open: " + " ".join(pipe.notes)) from None
        made = [history for history in self.histories if history.confirmed.sequence or history.id in NAMES]
        self.histories = [history for history in made if not history.confirmed.is_deleted]
        while len(self.histories) < len(NAMES):  # the name of a deleted session stays taken
            name = self.random.choice(NAMES)[:200]
            self.histories.append(History(f"{name}-{self.random.randrange(10**6)}"))

    def write(self, pipe, seconds, compacting=0):
        """Sends random operations for a while, never waiting for one before the next.

        One in `compacting` is replaced by a compaction. Raises PipeClosed when the program ends meanwhile.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send(pipe, self.random.choice(self.histories), compacting)
            pipe.wait(UNANSWERED, timeout=max(0, end - time.monotonic()))
            if pipe.is_over:
                raise PipeClosed()

    def send(self, pipe, history, compacting=0):
        op, fields = self.operations.next(history.latest, may_fork=len(self.histories) < MOST_SESSIONS)
        if op is None:
            return
        if compacting and history.latest.sequence and self.random.randrange(compacting) == 0:
            op, fields = "compact", {}
        note = self.check_compaction if op == "compact" else self.ledger(history, op, fields)
        pipe.submit(op, note, session=history.id, **fields)

    def check_compaction(self, answer):
        if not answer.ok:
            self.refusals.append(f"a compaction was answered {answer.line!r}")

    def ledger(self, history, op, fields):
        """Notes an operation that is about to be sent; gives what notes down its answer."""
        made = history.fork(op, fields) if op in FORKS else None
        if made:
            self.histories.append(made)
        number = history.send(op, fields)
        sequences = history.sequences(history.latest)

        def note(answer):
            if not answer.ok or answer.fields["sequence"] not in sequences:
                # The model sends only what is allowed. This is another thread: `raise_refusals` tells.
                self.refusals.append(f"{op}, operation {number} of {history.id}, was answered {answer.line!r}")
            elif answer.is_durable:
                history.acknowledged = max(history.acknowledged, number)
                if made:
                    made.acknowledged = max(made.acknowledged, 1)
                self.acknowledged += 1
        return note

    def kill(self, pipe):
        pipe.kill()
        self.raise_refusals()

    def close(self, pipe):
        """Ends the program in order: everything is acknowledged then."""
        status = pipe.close()
        self.raise_refusals()
        require(status == 0, f"the program ended with status {status}: " + " ".join(pipe.notes))
        for history in self.histories:  # the end of the input flushes everything
            require(history.acknowledged == history.latest.sequence or history.latest.sequence == 0
                    or history.sent[-1][0] == "delta", f"{history.id}: closed with requests unanswered")

    def run_once(self, seconds):
        """Opens the store, writes to it and ends in order."""
        pipe = self.open()
        self.write(pipe, seconds)
        self.close(pipe)

    def check_and_close(self):
        pipe = self.open()
        self.check(pipe)
        self.close(pipe)

    def raise_refusals(self):
        require(not self.refusals, self.refusals[:1])
