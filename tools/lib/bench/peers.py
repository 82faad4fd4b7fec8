"""Builds the stores that are compared, and runs one of them once."""

import json
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# Name, source, what it links, extra flags, and its durability settings in words.
PEERS = [
    ("ceiling", "ceiling.c", [], [], "one preallocated, written file; fdatasync after each batch"),
    ("jsonl", "jsonl.c", [], [], "a file per session; fdatasync after each line, fsync of the folder for a new file"),
    ("rewrite", "rewrite.c", [], [], "the whole file, fsync, rename, fsync of the folder, at each change"),
    ("sqlite", "sqlite.c", ["-lsqlite3"], [], "journal_mode=WAL, synchronous=FULL, a transaction for each record"),
    ("sqlite-per-session", "sqlite.c", ["-lsqlite3"], ["-DSQLITE_PER_SESSION"],
     "the same, a database for each session"),
    ("lmdb", "lmdb.c", ["-llmdb"], [], "no flag that weakens it: a sync for each transaction"),
    ("leveldb", "leveldb.cc", ["-lleveldb"], [], "WriteOptions.sync"),
    ("rocksdb", "rocksdb.cc", ["-lrocksdb"], [], "WriteOptions.sync, recycled log files"),
    ("rocksdb-pipelined", "rocksdb.cc", ["-lrocksdb"], ["-DROCKSDB_PIPELINED"], "the same, enable_pipelined_write"),
    ("redis", "redis.c", ["-lhiredis"], [], "appendonly yes, appendfsync always, over a Unix socket"),
]

# The debian packages of the peers; holdfast itself needs none of them.
PACKAGES = ["libsqlite3-dev", "liblmdb-dev", "libleveldb-dev", "librocksdb-dev", "libhiredis-dev", "redis-server"]

FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-pthread"]


class Peer:
    """A program that takes the options of peer.c."""

    def __init__(self, name, command, settings):
        self.name, self.command, self.settings = name, command, settings

    def words(self, store, input_file, clients, seconds):
        return self.command + ["--store", store, "--input", input_file, "--clients", str(clients),
                               "--seconds", str(seconds)]

    def run(self, scratch, input_file, clients, seconds, prefix=()):
        """Runs it in an empty folder; gives its report, with the processor time and the bytes of files it left."""
        store = os.path.join(scratch, "store")
        shutil.rmtree(store, ignore_errors=True)
        os.mkdir(store)
        before = os.times()
        done = subprocess.run([*prefix, *self.words(store, input_file, clients, seconds)], capture_output=True, text=True,
                              timeout=600 + seconds)
        after = os.times()
        if done.returncode != 0:
            raise RuntimeError(f"{self.name} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
        report = json.loads(done.stdout.splitlines()[-1])
        report["peer"] = self.name
        report["clients"] = clients
        report["cpu_us_per_record"] = 1e6 * (
            after.children_user + after.children_system - before.children_user - before.children_system
        ) / max(1, report["records"])
        report["per_second"] = report["records"] / report["seconds"]
        shutil.rmtree(store)
        return report

    def syncs_per_record(self, scratch, input_file):
        """Counts its syncs with strace, one client for half a second: a peer that cheats shows here."""
        trace = os.path.join(scratch, "trace")
        report = self.run(scratch, input_file, 1, 0.5, prefix=(
            "strace", "-f", "-qq", "-o", trace, "-e", "trace=fsync,fdatasync,msync,sync_file_range,openat"))
        with open(trace, errors="replace") as file:
            text = file.read()
        synced = len(re.findall(r"\b(?:fsync|fdatasync|msync)\(", text))
        direct = len(re.findall(r"openat\([^)]*O_(?:D?SYNC)", text))
        return {"records": report["records"], "syncs": synced, "per_record": synced / max(1, report["records"]),
                "files_opened_with_o_sync": direct}


def build(scratch, note):
    """Compiles all peers that can be compiled; says which cannot, and why."""
    peers = []
    for name, source, libraries, flags, settings in PEERS:
        program = os.path.join(scratch, name)
        common = os.path.join(scratch, "peer.o")
        try:
            subprocess.run(["gcc", *FLAGS, "-c", os.path.join(HERE, "peer.c"), "-o", common], check=True,
                           capture_output=True, text=True)
            compiler = ["g++", "-std=c++17"] if source.endswith(".cc") else ["gcc"]
            subprocess.run([*compiler, *FLAGS, *flags, os.path.join(HERE, source), common, *libraries, "-o", program],
                           check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            note(f"{name} is left out: it cannot be built: {error.stderr.strip().splitlines()[:1]}")
            continue
        if name == "redis" and shutil.which("redis-server") is None:
            note("redis is left out: redis-server is not installed")
            continue
        peers.append(Peer(name, [program], settings))
    return peers


def holdfast(program):
    """The three ways of using Holdfast that are compared."""
    journal = "one fdatasync of the journal for all sessions that wait"
    return [
        Peer("holdfast", [program, "--commit", "journal"], journal + "; a thread for each client"),
        Peer("holdfast-tasks", [program, "--commit", "journal", "--style", "tasks"], journal + "; a task for each client"),
        Peer("holdfast-segment", [program, "--commit", "segment"], "fdatasync of each session's own segment"),
    ]
