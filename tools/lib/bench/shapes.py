"""The input of the benchmarks: conversations as agent servers have them, from a seed or from real transcripts.

A file of records, in the order in which they are written: session and byte count (u32, little endian), then the
message's JSON. peer.c and holdfast-bench read it.
"""

import json
import math
import os
import random
import struct

WORDS = ("the of and to in a is that for it session message file error line function return value test build call result "
         "tool path index store commit branch server request answer token model prompt user assistant output input "
         "directory package module class struct pointer buffer string number list map key check write read open close").split()


def text(rand, byte_count):
    """Prose of about that many bytes, which compresses about as transcripts do."""
    parts, length = [], 0
    while length < byte_count:
        word = rand.choice(WORDS) if rand.random() < 0.7 else f"{rand.choice(WORDS)}_{rand.randrange(10000)}"
        parts.append(word)
        length += len(word) + 1
    return " ".join(parts)[:byte_count]


def message(rand, byte_count):
    role = rand.choice(["user", "assistant", "assistant", "tool"])
    frame = json.dumps({"role": role, "content": "", "timestamp": 1700000000 + rand.randrange(10**7)})
    body = text(rand, max(1, byte_count - len(frame)))
    return json.dumps({"role": role, "content": body, "timestamp": 1700000000}, separators=(",", ":")).encode()


def log_normal(rand, median, p99):
    """A size drawn from the log-normal distribution with this median and 99th percentile."""
    return max(1, int(median * math.exp(rand.gauss(0, math.log(p99 / median) / 2.326))))


def fixed(rand, sessions, each, byte_count):
    for _ in range(each):
        for session in range(sessions):
            yield session, message(rand, byte_count)


def chat(rand, sessions):
    """20 messages of 0.3 to 2 KB."""
    for _ in range(20):
        for session in range(sessions):
            yield session, message(rand, rand.randint(300, 2000))


def tools(rand, sessions):
    """40 turns of four records; median 0.9 KB, p99 30 KB, one in a thousand of 1 to 12 MB."""
    for _ in range(160):
        for session in range(sessions):
            large = rand.random() < 0.001
            yield session, message(rand, rand.randint(1 << 20, 12 << 20) if large else log_normal(rand, 900, 30000))


def coder(rand, sessions):
    """150 records of 3.3 KB on average, 5 % above 16 KB."""
    for _ in range(150):
        for session in range(sessions):
            yield session, message(rand, rand.randint(16384, 32768) if rand.random() < 0.05
                                   else log_normal(rand, 1500, 12000))


def marathon(rand, sessions):
    """100,000 records of 4 KB in one session: 400 MB."""
    for _ in range(100_000 // max(1, sessions)):
        for session in range(sessions):
            yield session, message(rand, 4000)


def delta(rand, sessions):
    """A minute's pieces of output: 3,600 of 40 to 120 bytes for each stream."""
    for _ in range(3600):
        for session in range(sessions):
            yield session, message(rand, rand.randint(40, 120))


def corpus(folder, sessions):
    """Real transcripts, dealt out to so many sessions at a time."""
    paths = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".jsonl"))
    waiting = list(enumerate(paths))
    random.Random(1).shuffle(waiting)
    active = []
    while waiting or active:
        while waiting and len(active) < sessions:
            number, path = waiting.pop()
            with open(path, "rb") as file:
                active.append((number, iter(file.read().splitlines())))
        for entry in list(active):
            line = next(entry[1], None)
            if line is None:
                active.remove(entry)
            else:
                yield entry[0], line


def write(path, records):
    """Writes the input file; gives how many records and bytes of messages it holds."""
    count = total = 0
    with open(path, "wb", buffering=1 << 20) as file:
        for session, body in records:
            file.write(struct.pack("<II", session, len(body)))
            file.write(body)
            count += 1
            total += len(body)
    return count, total
