"""The demonstration behind tools/demo: import, kill, recover, compare. Fails loudly when anything is missing."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

from model import History, Violation, check, check_pending, require
from pipe import Pipe, PipeClosed
from sample import make_sample

WRITERS = 4  # sessions with a turn under way
SECONDS = 1.0  # until the kill
UNANSWERED = 64  # requests in flight


def main(program, folder=None):
    work = tempfile.mkdtemp(prefix="holdfast-demo-")
    store = os.path.join(work, "store")
    try:
        if folder is None:
            folder = os.path.join(work, "sample")
            make_sample(folder)
        import_folder(program, store, folder)
        histories = write_and_kill(program, store)
        recover(program, store)
        check_writers(program, store, histories)
        check_imported(program, store, folder, os.path.join(work, "export"))
        print("\nNothing that was acknowledged is missing.")
    except (Violation, PipeClosed) as violation:
        print(f"\nFAILED: {violation}\nThe store is kept in {store}.", file=sys.stderr)
        return 1
    shutil.rmtree(work)
    return 0


def import_folder(program, store, folder):
    title("1. Import")
    run(program, "import", store, folder, accept=[0, 65])
    raw = sum(len(line) for lines in conversations(folder).values() for line in lines)
    segments = size_below(os.path.join(store, "sessions"), ".segment")
    if segments:
        say(f"The messages are {raw:,} bytes of text; the segments that hold them have {segments:,} bytes: "
            f"{raw / segments:.1f} times smaller. The journal files, which all sessions share and which are used again "
            f"and again, take {size_below(os.path.join(store, 'journal'), ''):,} bytes more.")


def write_and_kill(program, store):
    """Drives a few sessions at once, then ends the store with SIGKILL; gives what its writer knows."""
    title("2. Agents at work, and kill -9 in the middle of a turn")
    pipe = Pipe(program, store)
    writers = [Writer(pipe, f"demo-{number}") for number in range(1, WRITERS + 1)]
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or not any(writer.is_in_turn for writer in writers):
        for writer in writers:
            writer.step()
        pipe.wait(UNANSWERED)
    pipe.kill()
    for writer in writers:
        require(not writer.refusals, f"refused: {writer.refusals[:1]}")
    histories = [writer.history for writer in writers]
    sent = sum(history.latest.sequence for history in histories)
    kept = sum(history.acknowledged for history in histories)
    say(f"{WRITERS} sessions sent {sent:,} changes. When the kill hit, {kept:,} of them had been acknowledged as "
        "durable, or stood before one that had: those must come back.")
    return histories


class Writer:
    """An agent that answers one prompt after the other, without waiting for the store between two steps."""

    def __init__(self, pipe, session):
        self.pipe = pipe
        self.history = History(session)
        self.refusals = []
        self.begun = 0  # the sequence of the last prompt
        self.script = self.steps()

    @property
    def is_in_turn(self):
        """Whether a prompt is acknowledged and its turn not over."""
        return self.history.latest.turn is not None and self.history.acknowledged >= self.begun

    def step(self):
        op, fields = next(self.script)
        sequence = self.history.send(op, fields)
        if op == "begin_turn":
            self.begun = sequence

        def note(answer):
            if not answer.ok:
                self.refusals.append(answer.line)
            elif answer.is_durable:
                self.history.acknowledged = max(self.history.acknowledged, answer.fields["sequence"])
        self.pipe.submit(op, note, session=self.history.id, **fields)

    def steps(self):
        yield "create", {"fields": {"title": b'"A demonstration"'}}
        number = 0
        while True:
            number += 1
            turn = f"turn-{number}"
            yield "begin_turn", {"turn": turn, "message": message("user", f"Question {number}: what is {number} squared?")}
            for word in range(random.randint(5, 40)):
                yield "delta", {"turn": turn, "data": json.dumps(f"word {word} ").encode()}
            yield "append", {"turn": turn, "messages": [message("tool", f"{number} * {number} = {number * number}")]}
            yield "end_turn", {"turn": turn, "status": "completed",
                               "messages": [message("assistant", f"It is {number * number}.")]}


def recover(program, store):
    title("3. Recovery")
    begun = time.monotonic()
    run(program, "recover", store, accept=[0, 1])
    say(f"It took {(time.monotonic() - begun) * 1000:.0f} ms, the start of the program included.")


def check_writers(program, store, histories):
    title("4. What came back")
    promised = {history.id: history.acknowledged for history in histories}
    sent = {history.id: history.latest.sequence for history in histories}
    pipe = Pipe(program, store)
    for history in histories:
        check(pipe, history)  # raises when anything acknowledged is missing or different
    check_pending(pipe, histories)
    back = {history.id: history.confirmed for history in histories}
    whole = sum(back[id].sequence - promised[id] for id in promised)
    on_the_way = sum(sent.values()) - sum(promised.values())
    say(f"All {sum(promised.values()):,} promised changes are there, byte for byte. {on_the_way:,} were still on their "
        f"way: {whole:,} came back whole, {on_the_way - whole:,} not at all. Both are allowed.")
    for id, session in back.items():
        if session.turn:
            say(f"Pending message of '{id}', kept: {session.turn.message.decode()}; pieces of the "
                f"answer so far: {len(session.turn.deltas)}.")
    require(any(session.turn for session in back.values()), "no pending message was kept")
    require(pipe.close() == 0, "the store did not close in order")


def check_imported(program, store, folder, target):
    title("5. The imported messages")
    run(program, "export", store, "--format", "jsonl", "--to", target)
    count = 0
    for session, lines in conversations(folder).items():
        path = os.path.join(target, escaped(session) + ".jsonl")
        require(os.path.exists(path), f"session '{session}' is not in the store")
        with open(path, "rb") as file:
            require(file.read() == b"".join(line + b"\n" for line in lines), f"session '{session}' has changed")
        count += len(lines)
    say(f"{count:,} messages exported and compared with the files that they came from: the same bytes.")


def conversations(folder):
    """The messages of each '<session>.jsonl' below `folder`, as bytes. Names that occur twice are left out."""
    found, twice = {}, set()
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] not in "._"]
        for name in names:
            if name.endswith(".jsonl") and name[0] not in "._":
                session = name[:-len(".jsonl")]
                if session in found:
                    twice.add(session)
                with open(os.path.join(path, name), "rb") as file:
                    found[session] = [line.strip() for line in file.read().split(b"\n") if is_message(line)]
    return {session: lines for session, lines in found.items() if session not in twice and lines}


def is_message(line):
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def escaped(id):
    """A session's id as a file name; docs/format.md has the rule."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
    data = id.encode()
    return "".join(chr(byte) if byte in plain and not (index == 0 and byte == ord(".")) else f"%{byte:02x}"
                   for index, byte in enumerate(data))


def message(role, text):
    return json.dumps({"role": role, "content": text}).encode()


def size_below(folder, ending):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(folder)
               for name in names if name.endswith(ending))


def run(program, *arguments, accept=(0,)):
    """Runs a command of the program and shows what it says."""
    print("   $ holdfast " + " ".join(os.path.basename(part) if os.sep in part else part for part in arguments),
          flush=True)
    result = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    for line in result.stdout.decode(errors="replace").splitlines():
        print("     " + line)
    require(result.returncode in accept, f"'holdfast {arguments[0]}' ended with status {result.returncode}")


def title(text):
    print(f"\n{text}", flush=True)


def say(text):
    print("   " + text, flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
