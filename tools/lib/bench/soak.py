"""A store at work for a long time: does anything grow that should not?"""

import json
import os
import platform
import random
import statistics
import subprocess
import time

from . import page, shapes
from .peers import empty
from .table import number, table

# What is looked at, and by how many times it may differ between the second and the last quarter of the run. Latency is the
# disk's too, which has other tenants.
FLAT = [("resident_kilobytes", "resident memory, KB", 1.1), ("descriptors", "descriptors", 1.1),
        ("space", "space of the store without deleted sessions, KB", 1.1),
        ("tombstone_space", "space for each deleted session, KB", 1.1), ("p50_us", "durable write, p50, us", 1.5),
        ("p99_us", "durable write, p99, us", 2)]


def run(root, program, scratch, minutes, real_time, write_docs, say):
    """Runs it, prints a line for each of 60 intervals, and judges; answers the exit status.

    With `real_time` the store's threads run before all others.
    """
    first = (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))) if real_time else None
    store, path = empty(scratch), os.path.join(scratch, "tools.input")
    shapes.write(path, shapes.tools(random.Random(1), 16, 16))
    command = [program, "soak", "--store", store, "--input", path, "--seconds", str(60 * minutes),
               "--interval", str(minutes)]
    # As the program holdfast does, and its documentation advises servers: large blocks of memory are given back.
    environment = os.environ | {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=1048576:glibc.malloc.trim_threshold=2097152"}
    samples, load = [], os.getloadavg()[0]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=first, env=environment) as process:
        for line in process.stdout:
            sample = json.loads(line) | space(store)
            samples.append(sample)
            say(f"{sample['seconds'] / 60:6.1f} min  " + "  ".join(
                f"{title} {number(sample[name])}" for name, title, _ in FLAT))
    if process.returncode != 0:
        return f"the soak ended with status {process.returncode}"
    verdict, is_flat = judged(samples)
    last = samples[-1]
    of_priority = "; the store had the processor first (real-time priority), the disk like everyone" if real_time else ""
    about = (f"{minutes:g} minutes of {page.commit(root)}: {last['records']:,} records with {last['bytes'] / 1e6:,.0f} MB, on a machine that others "
             f"kept busy with {load:.1f} threads at the beginning{of_priority}. Linux {platform.release().split('-')[0]}, {time.strftime('%Y-%m-%d')}. "
             f"Made by `tools/bench soak --minutes {minutes:g}{' --real-time' if real_time else ''} --write-docs`.")
    say(f"\n{about}\n\n{verdict}")
    if write_docs:
        page.keep(root, "soak.json", {"about": about, "samples": samples})
        page.replace(root, "soak", f"{about}\n\n{verdict}\n\nAll samples: [soak.json](performance/soak.json)")
    return 0 if is_flat else 1


def judged(samples):
    """Compares the last quarter with the second one; the first is for getting warm."""
    quarter = len(samples) // 4
    rows, is_flat = [], True
    for name, title, bound in FLAT:
        early, late = (statistics.median(sample[name] for sample in part)
                       for part in (samples[quarter:2 * quarter], samples[-quarter:]))
        grown = late / max(early, 1e-9)
        is_flat = is_flat and grown <= bound
        rows.append([title, number(early), number(late), f"{grown:.2f}", f"at most {bound}",
                     "met" if grown <= bound else "**missed**"])
    head = ["", "second quarter", "last quarter", "times", "wanted", ""]
    return table(head, rows), is_flat


def space(store):
    """Kilobytes that the files of a store take, those of deleted sessions apart: the newest four of each client are there."""
    sizes, newest = {}, {}
    for at, _, names in os.walk(store):
        client, _, number = os.path.basename(at).rpartition("-")
        session = (client, int(number)) if client and number.isdigit() else None
        for name in names:
            try:
                sizes[session] = sizes.get(session, 0) + os.stat(os.path.join(at, name)).st_blocks // 2
            except FileNotFoundError:
                continue
        if session:
            newest[client] = max(newest.get(client, 0), int(number))
    deleted = [size for session, size in sizes.items() if session and session[1] <= newest[session[0]] - 4]
    return {"space": sum(sizes.values()) - sum(deleted), "tombstone_space": sum(deleted) / max(1, len(deleted))}
