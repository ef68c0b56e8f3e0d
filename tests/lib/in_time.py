# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits in real time. What is measured that way may fail because the machine is busy with others: such
a test runs again, twice at most, and its line says so; check.sh counts these."""

TRIES = ("", " (second try)", " (third try)")


class TooSlow(AssertionError):
    pass


def in_time(what, took, limit):
    if took >= limit:
        raise TooSlow("%s took %.2f s, %.2f allowed" % (what, took, limit))


def tries(run):
    """What run() returns, and a note for the test's line; run again while it raises TooSlow."""
    for note in TRIES:
        try:
            return run(), note
        except TooSlow as e:
            if note == TRIES[-1]:
                raise
            print("# %s" % e, flush=True)
    return None
