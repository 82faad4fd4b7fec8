"""Has the n-th call of the storage fail, for n = 1, 2, 3 … until the workload passes: once, and from then on.

With EIO, ENOSPC, EDQUOT, EMFILE, EROFS, EINTR, reads and writes that do less than asked, syncs that lose the bytes and
syncs that leave them dirty; for the log and for sessions, in both commit modes. docs/testing.md says what is judged.
"""

from torture import campaign


def add_arguments(command):
    campaign.add_arguments(command, "how many cases, spread over all calls (all)", workloads=True)


def run(options):
    return campaign.run(options, "errors", "cases")
