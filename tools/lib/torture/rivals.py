"""Starts several processes on one store at the same time, most often on one that has just been killed.

One gets it; the others say so and end with exit status 75, having touched nothing.
"""

from model import require
from pipe import PipeClosed
from torture.progress import Progress
from torture.store import TortureStore

RIVALS = 4


def add_arguments(command):
    command.add_argument("--count", type=int, default=20, help="how many times (20)")


def run(options, folder):
    """Starts rivals as often as wanted. Raises Violation."""
    store = TortureStore(options, folder)
    progress = Progress(options.count, "starts")
    for number in range(options.count):
        winner = start(store)
        store.check(winner)
        store.write(winner, 0.1)
        if store.random.random() < 0.8:
            store.kill(winner)
        else:
            store.close(winner)
        progress.show(number + 1, f"{store.acknowledged} operations acknowledged")
    store.check_and_close()
    progress.end()
    print(f"{options.count} starts of {RIVALS} processes ({options.commit}, seed {options.seed}), one winner each, "
          f"{store.acknowledged} operations acknowledged, none missing; {progress.seconds:.0f} s")


def start(store):
    """Starts them all; gives the one that got the store."""
    winners = []
    for pipe in [store.open() for _ in range(RIVALS)]:
        try:
            pipe.ask("list", limit=1)
            winners.append(pipe)
        except PipeClosed:
            status = pipe.close()
            require(status == 75, f"a rival ended with status {status}: " + " ".join(pipe.notes))
    require(len(winners) == 1, f"{len(winners)} processes have the store open")
    return winners[0]
