"""Cuts the power before every operation that changes the disk, and judges what may be left then.

Scripted workloads on a simulated disk, in both commit modes, for the log and for sessions; at each moment everything
lost, everything kept, each unsynced change alone lost or kept, each prefix, every subset of the sectors of the last
write, and seeded mixtures of torn, zeroed, swapped and garbled sectors. The recoveries are crashed in the same way. An
image counts once, however often it comes up. docs/testing.md says what is judged. Until --count images have been
judged, more workloads are made from the seed.
"""

from torture import campaign


def add_arguments(command):
    campaign.add_arguments(command, "how many distinct images at least (200000)", workloads=True)


def run(options):
    return campaign.run(options, "images", "distinct images")
