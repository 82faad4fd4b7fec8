"""Builds the stores that are compared, and runs one of them once."""

import json
import os
import re
import shutil
import subprocess
import time

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(HERE))))

# Name, source, what it links, extra flags, and its durability settings in words.
PEERS = [
    ("ceiling", "ceiling.c", [], [], "one preallocated, written file; fdatasync after each batch"),
    ("ceiling-synced", "ceiling.c", [], ["-DCEILING_SYNCED"],
     "the same, each batch in one write that syncs itself (O_DIRECT, O_DSYNC)"),
    ("ceiling-waiting", "waiting.c", [], [], "as ceiling, one thread for all; each client is a thread that waits for it"),
    ("jsonl", "jsonl.c", [], [], "a file per session; fdatasync after each line, fsync of the folder for a new file"),
    ("rewrite", "rewrite.c", [], [],
     "as hermes-webui: the whole file, fsync, rename at each change; the folder is not synced"),
    ("sqlite", "sqlite.c", ["-lsqlite3"], [],
     "journal_mode=WAL, synchronous=FULL, a transaction for each record; all clients share a connection and its lock"),
    ("sqlite-contended", "sqlite.c", ["-lsqlite3"], ["-DSQLITE_CONTENDED"],
     "the same, a connection for each client, which sleeps while the database is locked (busy_timeout)"),
    ("sqlite-per-session", "sqlite.c", ["-lsqlite3"], ["-DSQLITE_PER_SESSION"],
     "the same, a database for each session"),
    ("lmdb", "lmdb.c", ["-llmdb"], [], "no flag that weakens it: two syncs for each transaction"),
    ("leveldb", "leveldb.cc", ["-lleveldb"], [], "WriteOptions.sync"),
    ("rocksdb", "rocksdb.cc", ["-lrocksdb"], [], "WriteOptions.sync, recycled log files"),
    ("rocksdb-pipelined", "rocksdb.cc", ["-lrocksdb"], ["-DROCKSDB_PIPELINED"], "the same, enable_pipelined_write"),
    ("redis", "redis.c", ["-lhiredis"], [], "appendonly yes, appendfsync always, over a Unix socket"),
]

# The Debian packages of the peers and of the counting.
PACKAGES = ["libsqlite3-dev", "liblmdb-dev", "libleveldb-dev", "librocksdb-dev", "libhiredis-dev", "redis-server",
            "strace", "linux-perf"]

FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-pthread"]


class Peer:
    """A program that takes the options of peer.c."""

    def __init__(self, name, command, settings=""):
        self.name, self.command, self.settings = name, command, settings

    def run(self, store, input_file, prefix=(), preload=None, **options):
        """Runs it on a store and gives its report; `options` are those of peer.c."""
        words = [word for name, value in options.items() if value is not None for word in (f"--{name}", str(value))]
        environment = dict(os.environ, LD_PRELOAD=preload) if preload else None
        done = subprocess.run([*prefix, *self.command, "--store", store, "--input", input_file, *words],
                              capture_output=True, text=True, timeout=900, env=environment)
        if not done.stdout.strip() or done.returncode != 0 and "crash" not in options:
            raise RuntimeError(f"{self.name} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
        report = json.loads(done.stdout.splitlines()[-1])
        # Where nothing was in time, all of it counts, in the time that it took.
        timely = "timely_" if report["timely_records"] > 0 else ""
        report["per_second"] = report[timely + "records"] / report[timely + "seconds"]
        report["bytes_per_second"] = report[timely + "bytes"] / report[timely + "seconds"]
        report["processor_us"] = 1e6 * report["processor_seconds"] / report["records"]
        return report

    def run_anew(self, scratch, input_file, **options):
        """Runs it on an empty store."""
        return self.run(empty(scratch), input_file, **options)

    def syncs(self, scratch, input_file, clients):
        """Counts its syncs with strace for half a second: a peer that cheats shows here."""
        trace = os.path.join(scratch, "trace")
        calls = "trace=fsync,fdatasync,msync,syncfs,openat,close,write,pwrite64,writev,pwritev,pwritev2"
        report = self.run_anew(scratch, input_file, clients=clients, seconds=0.5,
                               prefix=("strace", "-f", "-qq", "-s", "0", "-o", trace, "-e", calls))
        synced, direct, opening = 0, set(), set()
        with open(trace, errors="replace") as file:
            for line in file:
                thread = line.split(" ", 1)[0]
                if re.search(r"\b(?:fsync|fdatasync|msync|syncfs)\(", line):
                    synced += 1
                elif found := re.search(r"O_D?SYNC.* = (\d+)$", line):
                    direct.add(found[1])
                elif re.search(r"O_D?SYNC.*<unfinished", line):
                    opening.add(thread)
                elif thread in opening and (found := re.search(r"<\.\.\. openat resumed.* = (-?\d+)", line)):
                    opening.discard(thread)
                    direct.add(found[1])
                elif (found := re.search(r"\b(close|p?writev?2?(?:64)?)\((\d+)", line)) and found[2] in direct:
                    if found[1] == "close":
                        direct.discard(found[2])
                    else:
                        synced += 1  # a write to a file that was opened to sync each
        return {"records": report["records"], "syncs": synced}


def prepare(scratch):
    """Has each store lie apart from the others on the disk, where the file system can do that (ext4's top folders)."""
    subprocess.run(["chattr", "+T", scratch], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def empty(scratch, name="store"):
    """Makes an empty folder for a store; what was there before is put aside."""
    store = os.path.join(scratch, name)
    if os.path.isdir(store):
        put_aside(store)
    os.makedirs(store)
    return store


def put_aside(store):
    """Gives back the space of a store and keeps its files, which go with the scratch folder.

    ext4 without a journal looks at each file that was deleted in the last five minutes when it makes a new one: deleting a
    store of many files would be measured with whatever makes files next.
    """
    for folder, _, files in os.walk(store):
        for path in (os.path.join(folder, file) for file in files):
            if os.path.isfile(path):
                os.truncate(path, 0)
    os.rename(store, f"{store}.{time.time_ns()}")


def install(note):
    """Installs the packages that are missing; says when it cannot."""
    listed = subprocess.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *PACKAGES],
                            capture_output=True, text=True).stdout.split("\n")
    script = os.path.join(ROOT, "tools", "install-deps")
    missing = [name for name in PACKAGES if f"{name} installed" not in listed]
    if missing and subprocess.run([script, *missing]).returncode != 0:
        # One that does not exist here must not keep the others away.
        if refused := [name for name in missing if subprocess.run([script, name]).returncode != 0]:
            note(f"These packages could not be installed: {' '.join(refused)}")


def build(scratch, note):
    """Compiles all peers that can be compiled; says which cannot, and why."""
    peers, common = [], compile_c(["-c", "peer.c"], os.path.join(scratch, "peer.o"))
    for name, source, libraries, flags, settings in PEERS:
        program = os.path.join(scratch, name)
        try:
            compile_c([*flags, source, common, *libraries], program)
        except subprocess.CalledProcessError as error:
            note(f"{name} is left out: it cannot be built: {error.stderr.strip().splitlines()[:1]}")
            continue
        if name == "redis" and shutil.which("redis-server") is None:
            note("redis is left out: redis-server is not installed")
            continue
        peers.append(Peer(name, [program], settings))
    return peers


def compile_c(arguments, output):
    """Compiles sources of this folder."""
    compiler = ["g++", "-std=c++17"] if any(word.endswith(".cc") for word in arguments) else ["gcc"]
    subprocess.run([*compiler, *FLAGS, *arguments, "-o", output], check=True, capture_output=True, text=True, cwd=HERE)
    return output


def preload(scratch, name):
    """Compiles a library that is loaded into programs: nosync or allocations."""
    return compile_c(["-shared", "-fPIC", name + ".c"], os.path.join(scratch, name + ".so"))


def holdfast(program):
    """The ways of using Holdfast that are compared."""
    journal = "one write to the journal for all sessions that wait, which syncs itself (O_DIRECT, O_DSYNC)"
    return [
        Peer("holdfast", [program, "append", "--commit", "journal"], journal + "; a thread for each client"),
        Peer("holdfast-tasks", [program, "append", "--commit", "journal", "--style", "tasks"],
             journal + "; a task for each client"),
        Peer("holdfast-deltas", [program, "append", "--commit", "journal", "--style", "deltas"],
             "deltas of a turn: answered at once, durable within 50 ms"),
        Peer("holdfast-segment", [program, "append", "--commit", "segment"], "fdatasync of each session's own segment"),
    ]
