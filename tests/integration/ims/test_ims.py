#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The module in somebody else's IMS. Started by run.sh in namespaces of its own.

usage: test_ims.py RUN-FOLDER BUILD-FOLDER [NAME-PREFIX...]
"""
import sys
from pathlib import Path

import plain_cases
import stock
from cases import Results
from lab import Lab
from ue import Ue

NUMBERS = ("+1001", "+1002", "+1003", "+1004", "+1005", "+1006")


def make_ues():
    """Two UEs behind the stock P-CSCF, two behind the one with the module, two whose profile
    sends data channel calls to the application server."""
    at = {"+1001": "pcscf", "+1002": "pcscf", "+1003": "pcscf-ar", "+1004": "pcscf-ar",
          "+1005": "pcscf", "+1006": "pcscf-ar"}
    return {n: Ue(n, f"127.0.0.{31 + i}", stock.ADDRESS[at[n]], f"secret-{n}")
            for i, n in enumerate(NUMBERS)}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    run = Path(sys.argv[1])
    results = Results(sys.argv[3:])
    ues = make_ues()
    lab = Lab(run)
    stock.make(run, NUMBERS)
    try:
        if results.run("ims-start", lab.start_core, [u.subscriber() for u in ues.values()]):
            plain_cases.run(results, lab, ues)
    finally:
        if results.failed:
            for process in lab.processes.values():
                print(process.tail(), file=sys.stderr)
        lab.stop_all()
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
