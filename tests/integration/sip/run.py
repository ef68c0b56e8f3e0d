#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenarios: run.py [--list] [--lane I/N] [scenario...]; see run.sh."""
import shutil
import signal
import sys
import time
import traceback

import scenarios
from net import Failed, Net
from in_time import tries


def network_key(options):
    return repr(sorted((k, getattr(v, "__name__", v)) for k, v in options.items()))


MAX_CHUNK = 8  # scenarios on one network in one lane: a network costs a second, a scenario 0.1 to 8


def lane_of(names, key, spec):
    """The scenarios of lane "I/N": those that share a network stay together in chunks, which are
    dealt out to the lane that has the fewest."""
    i, n = (int(x) for x in spec.split("/"))
    chunks = []
    for name in names:
        if not chunks or key(chunks[-1][0]) != key(name) or len(chunks[-1]) == MAX_CHUNK:
            chunks.append([])
        chunks[-1].append(name)
    lanes = [[] for _ in range(n)]
    for chunk in sorted(chunks, key=len, reverse=True):
        min(lanes, key=len).extend(chunk)
    return sorted(lanes[i - 1], key=names.index)


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    args = sys.argv[1:]
    lane = args.pop(args.index("--lane") + 1) if "--lane" in args[:-1] else None
    wanted = [a for a in args if not a.startswith("-")]
    table = scenarios.TABLE
    if "--list" in sys.argv:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for name, s in table.items():
            print(f"{name:44} {(s.run.__doc__ or '').strip().splitlines()[0]}" if s.run.__doc__ else name)
        return 0
    unknown = [w for w in wanted if w not in table]
    if unknown:
        print(f"no scenario {unknown}", file=sys.stderr)
        return 2
    names = wanted or [n for n, s in table.items() if scenarios.enabled(s)]
    # scenarios that need the same network share it, one after the other
    names.sort(key=lambda n: (network_key(table[n].options), list(table).index(n)))
    if lane:
        names = lane_of(names, lambda n: network_key(table[n].options), lane)
    failed, net, key = 0, None, None
    for name in names:
        s = table[name]
        start = time.monotonic()
        try:
            def once():
                nonlocal net, key, start
                if net is None or key != network_key(s.options) or s.alone:
                    if net:
                        old, net = net, None
                        old.down()
                    key, net = network_key(s.options), Net(**s.options)
                    net.up()
                    start = time.monotonic()
                s.run(net)
            _, note = tries(once)
            print(f"ok {name} {int((time.monotonic() - start) * 1000)}{note}", flush=True)
            if s.alone:
                key = None  # nobody else's
        except KeyboardInterrupt:
            if net:
                stop(net)
                shutil.rmtree(net.run, ignore_errors=True)
            return 130
        except Exception as e:  # noqa: BLE001 - a scenario may fail in any way
            failed += 1
            why = str(e) if isinstance(e, Failed) else traceback.format_exc()
            print(f"not ok {name} {' '.join(why.split())[:800]}", flush=True)
            if net:
                print(f"# left in {net.run}", flush=True)
                old, net = net, None
                stop(old)
    if net:
        try:
            net.down()
        except Failed as e:
            failed += 1
            print(f"not ok teardown {e}", flush=True)
    return 1 if failed else 0


def stop(net):
    for p in net.sipps:
        p.stop()
    for p in list(net.processes.values())[::-1]:
        p.stop()


if __name__ == "__main__":
    sys.exit(main())
