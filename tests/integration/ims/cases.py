# SPDX-License-Identifier: GPL-2.0-or-later
"""The test's bookkeeping: a case is a function; it passes when it returns."""
import time
import traceback

from lab import LabError


class Failed(Exception):
    pass


def check(condition, why):
    if not condition:
        raise Failed(why)


def same(expected, got, what):
    check(expected == got, f"{what}: expected {expected!r}, got {got!r}")


class Results:
    """Prints "ok NAME ms", "not ok NAME reason", "skip NAME reason"."""

    def __init__(self, only=()):
        self.only, self.failed, self.passed = only, 0, 0

    def wants(self, name):
        return not self.only or any(name.startswith(o) for o in self.only)

    def run(self, name, case, *args):
        return self.always(name, case, *args) if self.wants(name) else True

    def always(self, name, case, *args):
        """What others need: also when it was not asked for."""
        start = time.monotonic()
        try:
            note = case(*args)
        except (Failed, LabError) as why:
            return self.bad(name, str(why))
        except Exception as why:  # a mistake in the test itself is a failure too
            traceback.print_exc()
            return self.bad(name, f"{type(why).__name__}: {why}")
        self.passed += 1
        took = (time.monotonic() - start) * 1000
        print(f"ok {name} {took:.0f} ms" + (f" ({note})" if note else ""), flush=True)
        return True

    def bad(self, name, why):
        self.failed += 1
        print(f"not ok {name} {' '.join(why.split())}", flush=True)
        return False

    def skip(self, name, why):
        print(f"skip {name} {why}", flush=True)
