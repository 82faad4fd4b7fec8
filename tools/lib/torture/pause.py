"""Stops the process in the middle of work (SIGSTOP), tries to open the store beside it, and lets it go on (SIGCONT).

Nothing may be lost, nothing may take the time that has passed for a failure, and nobody else may get the store
meanwhile: a second opener is told so, with exit status 75.
"""

import signal
import subprocess
import threading
import time

from model import require
from torture.progress import Progress
from torture.store import TortureStore

LONG = 2.5  # seconds: longer than any interval after which the store does something by itself


def add_arguments(command):
    command.add_argument("--count", type=int, default=20, help="how many times (20)")


def run(options, folder):
    """Pauses as often as wanted. Raises Violation."""
    store = TortureStore(options, folder)
    progress = Progress(options.count, "pauses")
    pipe = opened(store)
    for number in range(options.count):
        pause(store, pipe, LONG if number % 10 == 0 else store.random.uniform(0, 0.2))
        if number % 5 == 4:
            store.close(pipe)
            pipe = opened(store)
            store.check(pipe)
        progress.show(number + 1, f"{store.acknowledged} operations acknowledged")
    store.close(pipe)
    store.check_and_close()
    progress.end()
    print(f"{options.count} pauses ({options.commit}, seed {options.seed}), {store.acknowledged} operations "
          f"acknowledged, none missing, every second opener refused; {progress.seconds:.0f} s")


def opened(store):
    """The program, which has the store: one that is stopped before it has leaves it to whoever comes."""
    pipe = store.open()
    require(pipe.ask("list", limit=1).ok, "the store did not open")
    return pipe


def pause(store, pipe, seconds):
    """Writes while another thread stops the program and lets it go on."""
    refused = []

    def stop_and_go_on():
        time.sleep(store.random.uniform(0, 0.1))
        pipe.process.send_signal(signal.SIGSTOP)
        try:
            refused.append(second_opening(store))
            time.sleep(seconds)
        finally:
            pipe.process.send_signal(signal.SIGCONT)
    other = threading.Thread(target=stop_and_go_on)
    other.start()
    store.write(pipe, 0.2)
    other.join()
    require(pipe.wait(timeout=30), "the program does not answer after it was stopped and let go on")
    store.raise_refusals()
    require_refusal(refused, pipe.process.pid)
    require_refusal([second_opening(store)], pipe.process.pid)


def second_opening(store):
    """Tries to open the store once more; gives the exit status and what was said."""
    result = subprocess.run([store.options.program, "pipe", store.folder], stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=30, check=False)
    return result.returncode, result.stderr.decode()


def require_refusal(refused, owner):
    for status, text in refused or [(None, "")]:
        require(status == 75 and f"process {owner}" in text,
                f"a second opener ended with status {status} and said {text!r}; the owner is {owner}")
