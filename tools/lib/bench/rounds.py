"""Runs experiments: all peers side by side, round after round, and what the rounds say."""

import os
import random
import statistics

from .peers import empty


class Experiment:
    """Records for so many clients, appended by these peers, each to an empty store.

    `inputs` gives the input file of a round. `pace` holds options of peer.c: `rate`, how many records a client appends a
    second, where that is not as many as it can; `once`, to append all of the input, however long that takes; `seconds`, for
    another time than that of all experiments. `most_rounds` bounds the rounds that it takes part in.
    """

    def __init__(self, name, title, clients, peers, inputs, **pace):
        self.name, self.title, self.clients, self.peers, self.pace = name, title, clients, peers, pace
        self.inputs = inputs
        self.most_rounds = None

    def run(self, peer, scratch, number, seconds):
        return peer.run_anew(scratch, self.inputs(number), clients=self.clients, **({"seconds": seconds} | self.pace))


class Continued(Experiment):
    """The same on stores that have been filled before and go on from round to round, with sessions that are there.

    `first` gives the number of the first new record of each session, from the round and how many were appended before.
    """

    def __init__(self, name, title, clients, peers, inputs, stores, first):
        super().__init__(name, title, clients, peers, inputs)
        self.stores, self.first, self.appended = stores, first, {}

    def run(self, peer, scratch, number, seconds):
        done = self.appended.get(peer.name, 0)
        report = peer.run(self.stores.of(peer), self.inputs(number), clients=self.clients, seconds=seconds,
                          first=self.first(number, done))
        self.appended[peer.name] = done + report["records"]
        return report


class Stores:
    """Stores that hold the same records, one for each peer, filled when first asked for: without syncs, and synced then."""

    def __init__(self, scratch, input_file, clients, nosync):
        self.folder, self.input_file, self.clients, self.nosync = scratch, input_file, clients, nosync

    def of(self, peer):
        path = os.path.join(self.folder, peer.name)
        if not os.path.isdir(path):
            peer.run(empty(self.folder, peer.name), self.input_file, preload=self.nosync, clients=self.clients, once=1)
            os.sync()  # else the first sync that is measured would write what filled it
        return path


def run(experiments, scratch, rounds, seconds, note):
    """Gives {experiment: [{peer: report}, …]}: in each round every peer once, in an order of its own.

    Interrupted, it gives what it has.
    """
    results = {one.name: [] for one in experiments}
    order = random.Random(1)
    try:
        for number in range(rounds):
            for one in experiments:
                if one.most_rounds is None or number < one.most_rounds:
                    results[one.name].append(compare(one, scratch, number, seconds, order, note))
    except KeyboardInterrupt:
        note("interrupted; going on with the rounds that there are")
    return {name: reports for name, reports in results.items() if reports}


def compare(experiment, scratch, number, seconds, order, note):
    """One round of one experiment: {peer: report}."""
    reports = {}
    for peer in order.sample(experiment.peers, len(experiment.peers)):
        note(f"round {number + 1}: {experiment.title}: {peer.name}")
        reports[peer.name] = experiment.run(peer, scratch, number, seconds)
    return reports


def median(rounds, peer, field):
    return statistics.median(reports[peer][field] for reports in rounds)


def ratios(rounds, peer, field, to, to_field=None):
    """The ratio of each round: whatever disturbed a round has disturbed both sides."""
    return [reports[peer][field] / reports[to][to_field or field] for reports in rounds]


def ratio(*which):
    """The median of the rounds' ratios."""
    return statistics.median(ratios(*which))


def best(rounds, peers, field="per_second"):
    """Of the peers that took part the one with the highest median."""
    there = [peer for peer in peers if peer in rounds[0]]
    return max(there, key=lambda peer: median(rounds, peer, field)) if there else None
