"""One store under test, and what its writer knows about it."""

import random
import time

from model import History, Violation, check, check_list, check_pending, require
from operations import Operations
from pipe import Pipe, PipeClosed

UNANSWERED = 200  # requests in flight
NAMES = ["plain", "with space", "../up", "snöwman ☃", "UPPER", "upper", "%41", "long-" + "x" * 240]


class TortureStore:
    """Writes to the store through `holdfast pipe` and notes, in this process, what was acknowledged."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.random = random.Random(options.seed)
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
        for index, history in enumerate(self.histories):
            if history.confirmed.is_deleted:  # its name stays taken
                name = NAMES[index][:200]
                self.histories[index] = History(f"{name}-{self.random.randrange(10**6)}")

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
        op, fields = self.operations.next(history.latest)
        if op is None:
            return
        if compacting and history.latest.sequence and self.random.randrange(compacting) == 0:
            op, fields = "compact", {}
        sequence = None if op == "compact" else history.send(op, fields)
        pipe.submit(op, self.ledger(history, op, sequence), session=history.id, **fields)

    def ledger(self, history, op, sequence):
        """What notes down the answer to one request."""
        def note(answer):
            if not answer.ok or (sequence is not None and answer.fields["sequence"] != sequence):
                # The model sends only what is allowed. This is another thread: `raise_refusals` tells.
                self.refusals.append(f"{op} for record {sequence} was answered {answer.line!r}")
            elif sequence is not None and answer.is_durable:
                history.acknowledged = max(history.acknowledged, sequence)
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
