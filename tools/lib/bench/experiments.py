"""The experiments that compare stores: which shapes of input, for how many clients, who takes part."""

import os
import random

from . import shapes
from .rounds import Continued, Experiment, Stores

EVERYONE = ["ceiling", "ceiling-waiting", "jsonl", "rewrite", "sqlite", "sqlite-per-session", "lmdb", "leveldb", "rocksdb",
            "rocksdb-pipelined", "redis", "holdfast", "holdfast-tasks", "holdfast-segment"]
# Two that explain others: what a synced write is worth, and what a database costs that is locked by others.
OF_FIXED = [*EVERYONE, "ceiling-synced", "sqlite-contended"]
# A thousand databases need three thousand open files; a thousand writers that sleep while their database is locked take minutes.
OF_MANY = [name for name in OF_FIXED if name not in ("sqlite-per-session", "sqlite-contended")]
# How cost grows is shown for one peer of each kind.
OF_GROWTH = ["ceiling", "jsonl", "sqlite", "leveldb", "rocksdb", "redis", "holdfast"]
SIZES = [128, 2048, 32 << 10, 512 << 10]
LENGTHS = [1000, 10_000, 100_000]


class Plan:
    """Makes the experiments; inputs and filled stores lie in `scratch`, and are made when they are first needed."""

    def __init__(self, scratch, peers, nosync, corpus, length):
        self.scratch, self.nosync, self.corpus = scratch, nosync, corpus
        self.is_quick, self.is_long = length == "quick", length == "long"
        self.named = {peer.name: peer for peer in peers}

    def input(self, name, make):
        """The path of an input file."""
        path = os.path.join(self.scratch, name + ".input")
        if not os.path.exists(path):
            shapes.write(path, make(random.Random(name)))
        return path

    def those(self, names):
        return [self.named[name] for name in names if name in self.named]

    def experiments(self):
        """All of them, in the order of the page."""
        growth = [*self.sizes(), *self.fleet(), *self.marathon()]
        if not self.is_long:
            for one in growth:
                one.most_rounds = 3
        return [*self.fixed(), *self.conversations(), self.delta(), *growth]

    def one(self, name, title, clients, who, make, **pace):
        return Experiment(name, title, clients, self.those(who), lambda _: self.input(name, make), **pace)

    def fixed(self):
        for clients, each, who in ((1, 20000, OF_FIXED), (8, 2500, OF_FIXED), (64, 500, OF_FIXED), (1024, 50, OF_MANY)):
            yield self.one(f"fixed-{clients}", f"{clients:,} client{'s'[:clients > 1]}, records of 512 bytes", clients, who,
                           lambda rand, clients=clients, each=each: shapes.fixed(rand, clients, each, 512))

    def conversations(self):
        yield self.one("chat", "chat: 64 clients, sessions of 20 messages of 0.3 to 2 KB", 64, EVERYONE,
                       lambda rand: shapes.chat(rand, 64, 512))
        yield self.one("tools", "tools: 16 clients, sessions of 40 turns of 4 records, median 0.9 KB, p99 30 KB, 0.1 % of 1 to 12 MB", 16,
                       EVERYONE, lambda rand: shapes.tools(rand, 16, 32), once=1)
        yield self.one("coder", "coder: 16 clients, sessions of 150 records of 3.3 KB in the mean, 5 % above 16 KB", 16, EVERYONE,
                       lambda rand: shapes.coder(rand, 16, 32))
        if self.corpus:
            yield self.one("corpus", "real transcripts, 16 clients", 16, EVERYONE,
                           lambda rand: shapes.corpus(self.corpus, 16), once=1)

    def delta(self):
        # The ceiling takes all clients at once, not each when it is due. Of 180 deltas the one that begins its turn is below 1 %.
        who = [*OF_GROWTH[1:], "lmdb", "holdfast-deltas"]
        return self.one("delta", "delta: 64 clients, each a stream of 60 deltas a second, 40 to 120 bytes", 64, who,
                        lambda rand: shapes.delta(rand, 64, 30), rate=60, seconds=3)

    def sizes(self):
        for size in SIZES:
            yield self.one(f"size-{size}", f"16 clients, records of {size:,} bytes", 16, OF_GROWTH,
                           lambda rand, size=size: shapes.fixed(rand, 16, max(4, min(500, (4 << 20) // size)), size))

    def fleet(self):
        """Many sessions known, few of them active."""
        for known in (10_000,) if self.is_quick else (1000, 10_000, 100_000):
            filling = self.input(f"known-{known}", lambda rand, known=known: shapes.first_records(rand, known, 512))
            stores = Stores(os.path.join(self.scratch, f"known-{known}"), filling, 64, self.nosync)
            for clients in (64, 1024) if known > 1024 else (64,):
                def inputs(number, clients=clients, known=known):
                    """Sessions of its own for each round, as long as there are some."""
                    begin = number % 4 * (known // 5) // clients * clients
                    return self.input(f"active-{known}-{clients}-{number % 4}", lambda rand: shapes.fixed(
                        rand, clients, 20, 512, first=begin + clients))
                yield Continued(f"fleet-{known}-{clients}", f"fleet: {known:,} sessions known, {clients:,} clients", clients,
                                self.those(OF_GROWTH), inputs, stores, first=lambda number, _: 1 + number * 1_000_000)

    def marathon(self):
        """One session, longer and longer."""
        for length in LENGTHS[:2 if self.is_quick else None]:
            filling = self.input(f"long-{length}", lambda rand, length=length: shapes.marathon(rand, length))
            more = self.input("more", lambda rand: shapes.marathon(rand, 2000))
            stores = Stores(os.path.join(self.scratch, f"long-{length}"), filling, 1, self.nosync)
            who = OF_GROWTH + (["rewrite"] if length == 1000 else [])  # filling it takes the square of the length
            yield Continued(f"marathon-{length}", f"marathon: a session of {length:,} records of 4 KB", 1, self.those(who),
                            lambda _: more, stores, first=lambda _, done, length=length: length + done)
