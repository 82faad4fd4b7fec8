"""A client of `holdfast pipe`: the protocol of docs/protocol.md over the pipes of a child process.

This is all that a program in another language needs in order to embed the store.
"""

import json
import subprocess
import threading


class PipeClosed(Exception):
    """The child process is gone; what it had not answered may or may not be in the store."""


class Answer:
    """One line of output: `fields` is its meaning, `line` its bytes."""

    def __init__(self, line):
        self.line = line
        self.fields = json.loads(line)

    @property
    def ok(self):
        return self.fields["ok"]

    @property
    def is_durable(self):
        """Whether the record is on stable storage, and not only on its way there."""
        return self.ok and self.fields.get("durable", True)


class Pipe:
    """A running `holdfast pipe`. Requests go out at once; a thread takes the answers."""

    def __init__(self, program, store, *options, environment=None):
        self.process = subprocess.Popen(
            [program, "pipe", store, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment)
        self._changed = threading.Condition()
        self._waiting = {}  # request id -> what to call with the answer
        self._last_id = 0
        self._is_over = False
        self.notes = []  # what the program says to people
        self._readers = [threading.Thread(target=self._take_answers, daemon=True),
                         threading.Thread(target=self._take_notes, daemon=True)]
        for reader in self._readers:
            reader.start()

    @property
    def is_over(self):
        """Whether no more answers will come."""
        return self._is_over

    def submit(self, op, on_answer, **fields):
        """Sends a request without waiting. `on_answer` is called with its Answer, on another thread."""
        with self._changed:
            if self._is_over:
                raise PipeClosed()
            self._last_id += 1
            self._waiting[self._last_id] = on_answer
            request = {"id": self._last_id, "op": op, **fields}
        try:
            self.process.stdin.write(encoded(request) + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise PipeClosed() from None

    def ask(self, op, **fields):
        """Sends a request and waits for its answer."""
        answers = []
        self.submit(op, answers.append, **fields)
        with self._changed:
            self._changed.wait_for(lambda: answers or self._is_over)
        if not answers:
            raise PipeClosed()
        return answers[0]

    def wait(self, unanswered=0, timeout=None):
        """Waits until at most so many requests are unanswered, or the child process is gone."""
        with self._changed:
            return self._changed.wait_for(
                lambda: len(self._waiting) <= unanswered or self._is_over, timeout)

    def kill(self):
        """Ends the child process with SIGKILL. Answers that it had written are still taken."""
        self.process.kill()
        self._end()

    def close(self):
        """Ends the input, which makes the child process flush and leave; gives its exit status."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        return self._end()

    def _end(self):
        status = self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
        return status

    def _take_answers(self):
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                break  # cut off by the end of the process
            answer = Answer(line)
            with self._changed:
                on_answer = self._waiting.pop(answer.fields["id"])
                on_answer(answer)
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _take_notes(self):
        for line in self.process.stderr:
            self.notes.append(line.decode(errors="replace").rstrip())


def encoded(value):
    """`value` as JSON. Bytes are taken as JSON that is spelled already, so that its spelling is kept."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"{" + b",".join(encoded(k) + b":" + encoded(v) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(encoded(item) for item in value) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()
