"""The input of the benchmarks: conversations as agent servers have them, from a seed or from real transcripts.

A file of records, in the order in which they are written: session and byte count (u32, little endian), then the
message's JSON. peers/peer.c and holdfast-bench read it; session s is client s modulo their number, who goes through their
sessions one after the other.
"""

import functools
import math
import os
import random
import struct

WORDS = ("the of and to in a is that for it session message file error line function return value test build call result "
         "tool path index store commit branch server request answer token model prompt user assistant output input "
         "directory package module class struct pointer buffer string number list map key check write read open close").split()


@functools.cache
def prose():
    """8 MB of prose that compresses about as transcripts do; pieces of it are cut out, which is quicker than making new."""
    rand = random.Random("prose")
    return " ".join(rand.choice(WORDS) if rand.random() < 0.7 else f"{rand.choice(WORDS)}_{rand.randrange(10000)}"
                    for _ in range(1_100_000))


def text(rand, byte_count):
    pieces = []
    while byte_count > 0:
        begin = rand.randrange(len(prose()))
        pieces.append(prose()[begin:begin + byte_count])
        byte_count -= len(pieces[-1])
    return "".join(pieces)


def message(rand, byte_count):
    role = rand.choice(["user", "assistant", "assistant", "tool"])
    frame = f'{{"role":"{role}","content":"%s","timestamp":{1700000000 + rand.randrange(10**7)}}}'
    return (frame % text(rand, max(1, byte_count - len(frame) + 2))).encode()


def log_normal(rand, median, p99):
    """A size drawn from the log-normal distribution with this median and 99th percentile."""
    return max(1, int(median * math.exp(rand.gauss(0, math.log(p99 / median) / 2.326))))


def in_turns(clients, sessions, each, make):
    """`each` records of every session: the clients take turns, each with a session at a time."""
    for group in range(0, sessions, clients):
        for _ in range(each):
            for session in range(group, min(group + clients, sessions)):
                yield session, make()


def fixed(rand, clients, each, byte_count, first=0):
    """Records of one size, each client with a session of its own, numbered from `first`."""
    for session, body in in_turns(clients, clients, each, lambda: message(rand, byte_count)):
        yield first + session, body


def first_records(rand, sessions, byte_count):
    """A first record for each of very many sessions."""
    return ((session, message(rand, byte_count)) for session in range(sessions))


def chat(rand, clients, sessions):
    """20 messages of 0.3 to 2 KB."""
    return in_turns(clients, sessions, 20, lambda: message(rand, rand.randint(300, 2000)))


def tools(rand, clients, sessions):
    """40 turns of four records; median 0.9 KB, p99 30 KB, one in a thousand of 1 to 12 MB."""
    def make():
        large = rand.random() < 0.001
        return message(rand, rand.randint(1 << 20, 12 << 20) if large else log_normal(rand, 900, 30000))
    return in_turns(clients, sessions, 160, make)


def coder(rand, clients, sessions):
    """150 records of 3.3 KB on average, 5 % above 16 KB."""
    return in_turns(clients, sessions, 150, lambda: message(
        rand, rand.randint(16384, 32768) if rand.random() < 0.05 else log_normal(rand, 1500, 12000)))


def marathon(rand, records):
    """One session of records of 4 KB; 100,000 of them are 400 MB."""
    return ((0, message(rand, rand.randint(2000, 6000))) for _ in range(records))


def delta(rand, clients, seconds):
    """Pieces of output, 60 a second, of 40 to 120 bytes."""
    return in_turns(clients, clients, 60 * seconds, lambda: piece(rand, rand.randint(40, 120)))


def piece(rand, byte_count):
    return f'{{"text":"{text(rand, byte_count - 11)}"}}'.encode()


def transcripts(folder):
    """Real transcripts: the messages of each session."""
    for at, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".jsonl"):
                with open(os.path.join(at, name), "rb") as file:
                    yield file.read().splitlines()


def corpus(folder, clients):
    """Real transcripts, each client with one at a time."""
    waiting = list(transcripts(folder))
    random.Random(1).shuffle(waiting)
    active, taken = [iter(()) for _ in range(clients)], [-1] * clients
    while any(active):
        for client, lines in enumerate(active):
            line = next(lines, None) if lines else None
            if line is None:
                active[client] = iter(waiting.pop()) if waiting else None
                taken[client] += 1
            else:
                yield client + clients * taken[client], line


def up_to(byte_count, lines):
    """Lines until they have so many bytes together."""
    for line in lines:
        if byte_count <= 0:
            return
        byte_count -= len(line)
        yield line


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
