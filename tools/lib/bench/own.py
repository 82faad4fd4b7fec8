"""What is measured of Holdfast alone: bytes and calls for an append, compression, opening, reading."""

import base64
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import time

from . import shapes
from .costs import Costs, WITH_SNAPSHOTS
from .peers import Peer, empty

# How often an input is appended before bytes written count.
WARM = 4


class Own:
    """Measures the programs `bench` (holdfast-bench) and `command` (holdfast). Each function is a part of the raw data."""

    def __init__(self, plan, bench, command, libraries, rounds, note):
        self.plan, self.bench, self.command, self.rounds, self.note = plan, bench, command, rounds, note
        self.scratch, self.nosync, self.allocations = plan.scratch, libraries["nosync"], libraries["allocations"]
        self.parse = libraries["parse"]
        self.peer = Peer("holdfast", [bench, "append"])

    def measure(self, is_wanted):
        """The parts whose names are wanted."""
        found = {}
        for part in (self.costs, self.profile, self.written, self.compression, self.opening, self.replay, self.reading):
            if is_wanted(part.__name__):
                self.note(f"measuring {part.__name__}")
                found[part.__name__] = part()
        return found

    def ask(self, *words, preload=None):
        environment = dict(os.environ, LD_PRELOAD=preload) if preload else None
        done = subprocess.run([self.bench, *words], check=True, capture_output=True, text=True, env=environment)
        return json.loads(done.stdout.splitlines()[-1])

    def inspect(self, store):
        done = subprocess.run([self.command, "inspect", store, "--json"], check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])

    def median_of(self, make, least=1):
        """The medians of all figures of several reports."""
        reports = [make() for _ in range(max(least, min(self.rounds, 5)))]
        return {name: statistics.median(report[name] for report in reports) for name in reports[0]}

    def costs(self):
        """What an append of 512 bytes takes, by clients; for one client, whose session grows long, with snapshots too."""
        costs = Costs(self.bench, self.allocations, self.scratch, self.plan.input)
        found = {f"{clients} {style}": costs.of_append(clients, style)
                 for clients, style in ((1, "threads"), (64, "threads"), (64, "tasks"))}
        return found | {WITH_SNAPSHOTS: costs.of_append(1, "threads", compaction="on")}

    def profile(self):
        """Where the processor's time for an append goes, by clients."""
        if shutil.which("perf") is None:
            return {}
        costs = Costs(self.bench, self.allocations, self.scratch, self.plan.input)
        return {str(clients): costs.shares(clients) for clients in (1, 64)}

    # Bytes written.

    def written(self):
        """Bytes written for each compressed byte of payload, by shape, once the journal's files are there."""
        makers = {"chat": (64, lambda rand: shapes.chat(rand, 64, 512)),
                  "tools": (16, lambda rand: shapes.tools(rand, 16, 16)),
                  "coder": (16, lambda rand: shapes.coder(rand, 16, 32))}
        if self.plan.corpus:
            makers["corpus"] = (16, lambda rand: shapes.corpus(self.plan.corpus, 16))
        found = {}
        for name, (clients, make) in makers.items():
            path = self.plan.input(f"written-{name}", make)
            found[name] = self.median_of(lambda: self.one_written(path, clients), least=3)
        return found

    def one_written(self, input_file, clients):
        found, prepared = {}, {}
        for name, options in (("log", {}), ("snapshots", {"compact": 1})):
            store = empty(self.scratch)
            report = self.peer.run(store, input_file, clients=clients, once=1, warm=WARM, compaction="off", **options)
            # What was appended before does not count; the snapshots at the end are of all.
            payload = self.inspect(store)["stored_payload_bytes"] / (WARM + 1)
            found[name] = (report["written_bytes"] - report["prepared_bytes"]) / payload
            prepared[name] = report["prepared_bytes"]
        return {"log": found["log"], "snapshots": (found["snapshots"] - found["log"]) / (WARM + 1),
                "prepared": prepared["log"]}

    # Compression.

    def compression(self):
        """How small real transcripts get, and how fast zstd works inside of the engine."""
        if not self.plan.corpus:
            return {}
        path = self.plan.input("corpus", lambda rand: shapes.corpus(self.plan.corpus, 16))
        found = self.median_of(lambda: self.appended(path))
        store = empty(self.scratch)
        self.peer.run(store, path, preload=self.nosync, clients=16, once=1, compact=1)
        sizes = self.inspect(store)
        found["snapshot_bytes"] = newest_snapshots(store)
        found["snapshots"] = found["message_bytes"] / found["snapshot_bytes"]
        found["compacted_bytes"] = sizes["segment_bytes"] + sizes["snapshot_bytes"]
        found["compacted"] = found["message_bytes"] / found["compacted_bytes"]
        found |= self.speeds(path)
        return found

    def appended(self, path):
        """With syncs: without them a thread that has to wait for a processor misses so many turns that it may lose its stream."""
        store = empty(self.scratch)
        report = self.peer.run(store, path, clients=16, once=1, compaction="off")
        segments = self.inspect(store)["segment_bytes"]
        return {"message_bytes": report["bytes"], "segment_bytes": segments, "appended": report["bytes"] / segments}

    def speeds(self, path):
        """Megabytes of messages a second of the processor in libzstd, in and out; from samples of perf."""
        store, data = empty(self.scratch), os.path.join(self.scratch, "perf.data")
        record = ("perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-o", data, "--")
        if shutil.which("perf") is None:
            return {}
        written = self.peer.run(store, path, prefix=record, preload=self.nosync, clients=16, once=1, compaction="off")
        speed = {"in_mb_per_second": written["bytes"] / 1e6 / self.seconds_in_zstd(data)}
        session = self.long_session()[0]
        done = subprocess.run([*record, self.bench, "read", "--store", session, "--rounds", "20"], check=True,
                              capture_output=True, text=True)
        read = json.loads(done.stdout.splitlines()[-1])
        return speed | {"out_mb_per_second": 20 * read["bytes"] / 1e6 / self.seconds_in_zstd(data)}

    def seconds_in_zstd(self, data):
        report = subprocess.run(["perf", "script", "-i", data, "-F", "dso,ip"], check=True, capture_output=True,
                                text=True).stdout
        return len(re.findall(r"libzstd", report)) / 2000

    # Opening.

    def opening(self):
        """Opening a store of very many sessions, closed in order and after a crash; and what idle sessions take."""
        stores = [one.stores for one in self.plan.fleet()][-1]
        known = 10_000 if self.plan.is_quick else 100_000
        store = stores.of(self.peer)
        active = self.plan.input("opening-64", lambda rand: shapes.fixed(rand, 64, 20, 512, first=64))
        nothing = empty(self.scratch)
        self.peer.run(nothing, active, clients=64, once=1)
        small = self.median_of(lambda: self.ask("open", "--store", nothing, "--session", "s64"))
        clean = self.median_of(lambda: self.ask("open", "--store", store))

        def crashed():
            self.peer.run(store, active, clients=64, seconds=0.5, first=1, crash=1)
            return self.ask("open", "--store", store)
        crashed = self.median_of(crashed)
        each = 1024 * (clean["resident_kilobytes"] - small["resident_kilobytes"]) / known
        return {"sessions": known, "small": small, "clean": clean, "crashed": crashed, "resident_bytes_per_session": each}

    def replay(self):
        """Megabytes of journal replayed a second, from the page cache, after a crash under a heavy load."""
        def blob(rand):
            text = base64.b64encode(rand.randbytes(96_000)).decode()
            return json.dumps({"role": "tool", "content": text}).encode()
        path = self.plan.input("blobs", lambda rand: shapes.in_turns(16, 16, 100, lambda: blob(rand)))

        def one():
            store, copy = empty(self.scratch), os.path.join(self.scratch, "copy")
            self.stall(store, path)
            told = subprocess.run([self.command, "recover", store, "--dry-run", "--json"], capture_output=True, text=True)
            replayed = json.loads(told.stdout.splitlines()[-1])["replayed_bytes"]
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(store, copy)
            synced = self.ask("open", "--store", store)
            unsynced = self.ask("open", "--store", copy, preload=self.nosync)
            return {"bytes": replayed, "open_ms": synced["open_ms"], "replay_ms": synced["replay_ms"],
                    "open_without_sync_ms": unsynced["open_ms"], "replay_without_sync_ms": unsynced["replay_ms"],
                    "mb_per_second_without_sync": replayed / 1e3 / unsynced["replay_ms"]}
        return self.median_of(one, least=3)

    def stall(self, store, input_file):
        """Has a store whose flusher is stuck take as much as it will, and kills it."""
        environment = dict(os.environ, LD_PRELOAD=self.nosync, NOSYNC_STALL=".segment")
        command = [self.bench, "append", "--store", store, "--input", input_file, "--clients", "16", "--seconds", "60"]
        with subprocess.Popen(command, env=environment) as process:
            time.sleep(5)
            process.kill()

    # Reading.

    def long_session(self):
        """A store with one session of 25 MB of real messages, or made-up ones; and their plain JSON file."""
        store, plain = os.path.join(self.scratch, "long"), os.path.join(self.scratch, "long.json")
        path = self.plan.input("long", lambda rand: ((0, line) for line in shapes.up_to(
            25_000_000, self.lines(rand))))
        if not os.path.isdir(store):
            self.peer.run(empty(self.scratch, "long"), path, preload=self.nosync, once=1, compaction="off")
            with open(plain, "wb") as file:
                file.write(b'{"messages":[' + b",".join(shapes.up_to(25_000_000, self.lines(random.Random("long")))) + b"]}")
        return store, plain, path

    def lines(self, rand):
        while True:
            if self.plan.corpus:
                for session in shapes.transcripts(self.plan.corpus):
                    yield from session
            else:
                yield from (body for _, body in shapes.coder(rand, 1, 10))

    def reading(self):
        """A session of 25 MB: all of it beside a plain file with simdjson; its metadata; its last 50 messages."""
        store, plain, path = self.long_session()
        compacted = empty(self.scratch)
        self.peer.run(compacted, path, preload=self.nosync, once=1, compact=1)
        rows = {"plain": [], "log": [], "snapshot": []}
        for _ in range(self.rounds):
            done = subprocess.run([self.parse, plain, "5"], check=True, capture_output=True, text=True)
            rows["plain"].append({"all_us": statistics.median(map(float, done.stdout.split()[:-1]))})
            for kind, folder in (("log", store), ("snapshot", compacted)):
                report = self.ask("read", "--store", folder, "--rounds", "5", "--compaction", "off")
                rows[kind].append({name: statistics.median(value) if isinstance(value, list) else value
                                   for name, value in report.items()})
        found = {kind: {name: statistics.median(row[name] for row in of) for name in of[0]} for kind, of in rows.items()}
        for kind in ("log", "snapshot"):
            found[kind]["all_against_plain"] = statistics.median(
                own["all_us"] / other["all_us"] for own, other in zip(rows[kind], rows["plain"]))
        return found


def newest_snapshots(store):
    """The bytes of each session's newest snapshot; the one before, which the retention may keep, does not count."""
    newest = {}
    for folder, _, files in os.walk(store):
        for file in files:
            if found := re.match(r"snapshot-(\d+)\.json\.zst$", file):
                newest[folder] = max(newest.get(folder, (0, "")), (int(found[1]), os.path.join(folder, file)))
    return sum(os.path.getsize(path) for _, path in newest.values())
