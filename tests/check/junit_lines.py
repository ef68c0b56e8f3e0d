#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns ctest's JUnit file into "ok NAME", "not ok NAME" and "skip NAME" lines; with a failure, the
last lines of what it printed."""
import sys
import xml.etree.ElementTree as ET


def main(path):
    n = 0
    for case in ET.parse(path).getroot().iter("testcase"):
        n += 1
        name, secs, status = case.get("name"), float(case.get("time", 0)), case.get("status")
        if status == "run":
            print(f"ok {name} ({secs:.2f} s)")
        elif status in ("notrun", "disabled") and case.find("skipped") is not None \
                and "not run" not in (case.find("skipped").get("message") or "").lower():
            print(f"skip {name}")
        else:
            out = (case.findtext("system-out") or "").strip().split("\n")
            print("\n".join("    | " + line for line in out[-30:]))
            print(f"not ok {name} ({secs:.2f} s, {status})")
    if n == 0:
        print("not ok ctest found no test")


main(sys.argv[1])
