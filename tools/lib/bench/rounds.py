"""Runs experiments: all peers side by side, round after round, and what the rounds say."""

import random
import statistics


class Experiment:
    """One shape of input for so many clients, for these peers."""

    def __init__(self, name, title, input_file, clients, peers):
        self.name, self.title, self.input_file, self.clients, self.peers = name, title, input_file, clients, peers


def run(experiments, scratch, rounds, seconds, note):
    """Gives {experiment: [{peer: report}, …]}: in each round every peer once, in an order of its own."""
    results = {one.name: [] for one in experiments}
    order = random.Random(1)
    for number in range(rounds):
        for one in experiments:
            reports = {}
            for peer in order.sample(one.peers, len(one.peers)):
                note(f"round {number + 1} of {rounds}: {one.title}: {peer.name}")
                reports[peer.name] = peer.run(scratch, one.input_file, one.clients, seconds)
            results[one.name].append(reports)
    return results


def median(rounds, peer, field):
    return statistics.median(reports[peer][field] for reports in rounds)


def ratio(rounds, peer, field, to, to_field=None):
    """The median of the rounds' ratios, which whatever disturbed a round has disturbed on both sides."""
    return statistics.median(reports[peer][field] / reports[to][to_field or field] for reports in rounds)


def best(rounds, peers, field="per_second"):
    """Of the peers that took part the one with the highest median."""
    there = [peer for peer in peers if peer in rounds[0]]
    return max(there, key=lambda peer: median(rounds, peer, field)) if there else None
