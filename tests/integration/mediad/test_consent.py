#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What mostly waits, so that run.sh runs it beside the others: UEs with a real WebRTC stack that fall silent (RFC
7675: half a minute), a port that somebody else has. test_consent.py MEDIAD [test...]"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from lib import HERE, MEDIAD, ROOT, Failed, Mediad, expect, in_time, main, until


class Call:
    """Two UEs in a process of their own."""

    def __init__(self, m, node):
        self.p = subprocess.Popen([node, HERE + "/consent.mjs", m.url("")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.id = self.read()["id"]

    def read(self):
        line = self.p.stdout.readline()
        expect("the UEs go on", line, self.p.poll())
        return json.loads(line)

    def say(self, text):
        self.p.stdin.write(text + "\n")
        self.p.stdin.flush()

    def end(self):
        self.p.kill()
        self.p.wait()


def closed(seen, call, which=None):
    return [e for e in seen if e["ev"] == "peer" and e["contextId"] == call.id and e["state"] == "closed"
            and which in (None, e["terminationId"])]


def alone_consent_of_real_ues_stops():
    """One UE's line is cut, and another call's UEs are stopped as they are: both are missed after 30 s, asd is told
    and why, the UE that is left goes on, and when nobody is left the context ends."""
    node = shutil.which("node")
    if not node or not os.path.isdir(ROOT + "/webapp/node_modules/@roamhq"):
        raise Failed("skip")
    m = Mediad(application="idle_seconds = 2")
    seen, _ = m.events()
    cut, stopped = Call(m, node), Call(m, node)
    lost = m.metric("peers_lost_total")
    started = time.monotonic()
    cut.say("cut")
    stopped.p.send_signal(signal.SIGSTOP)
    # libwebrtc checks every 2.5 s at least
    until("the UE whose line is cut to be missed", lambda: closed(seen, cut), 11)
    took = time.monotonic() - started
    expect("not before its consent is over", took > 26, took)
    until("both that are stopped to be missed", lambda: len(closed(seen, stopped)) == 2, 3)
    events = closed(seen, cut) + closed(seen, stopped)
    expect("asd hears why", all(e["reason"] == "no ICE consent for 30 s" for e in events), events)
    expect("only the one that was cut", [e["terminationId"] for e in closed(seen, cut)] == ["anna"], events)
    until("them to be counted", lambda: m.metric("peers_lost_total") - lost == 3, 2)
    until("the end of the call without UEs", lambda: [e for e in seen if e["ev"] == "context-gone" and e["contextId"] == stopped.id], 4)
    cut.say("act")
    expect("the other goes on", cut.read()["acted"])
    expect("in its call", m.status()["contexts"] == 1)
    stopped.p.send_signal(signal.SIGCONT)
    for c in (cut, stopped):
        c.end()
    m.stop()
    m.clean()
    in_time("missing them", took, 40)
    return "%.1f s" % took


def alone_port_in_use():
    """Not given up at once: it may be a worker's that has not heard of its parent's death."""
    m = Mediad(workers=1)
    r = subprocess.run([MEDIAD, "-c", m.conf], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    expect("refused", r.returncode == 1 and "does another mediad run?" in r.stderr.decode(), r.stderr.decode())
    m.stop()
    m.clean()


if __name__ == "__main__":
    sys.exit(main(globals()))
