# SPDX-License-Identifier: GPL-2.0-or-later
"""A daemon that has no file descriptor left for who connects."""
import os
import resource
import time


def starved(pid, connect, log):
    """connect() while pid may open nothing more; log() is what pid has written. The error, or "": it says
    so, a few times a second at most, and serves what waited as soon as it may. connect() returns a
    function that tells whether this connection has been served."""
    taken = {int(n) for n in os.listdir("/proc/%d/fd" % pid)}
    free = next(n for n in range(len(taken) + 1) if n not in taken)
    before, start = len(log()), time.monotonic()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        served = connect()
        while "cannot accept: Too many open files" not in log()[before:]:
            if time.monotonic() > start + 30:
                return "it does not say that it cannot accept: " + log()[before:][:300]
            time.sleep(0.02)
        time.sleep(1.2)
        lines, seconds = log()[before:].splitlines(), time.monotonic() - start
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    if len(lines) > 6 * (seconds + 1):
        return "%d lines in %.1f s: %s" % (len(lines), seconds, lines[:3])
    end = time.monotonic() + 30
    while not served():
        if time.monotonic() > end:
            return "what waited is not served"
        time.sleep(0.05)
    return ""
