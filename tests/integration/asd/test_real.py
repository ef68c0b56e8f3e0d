# SPDX-License-Identifier: GPL-2.0-or-later
"""The real asd with the real mediad, driven by the module's end of the front link. No UE: what is
looked at is the control plane.

python3 test_real.py ASD MEDIAD [test...]
"""
import json
import os
import signal
import subprocess
import sys
import time

from front import admin, answered, offer, sdp, token
from harness import ROOT, Process, World, free_port, main, wait_for

TESTS = []


def test(f):
    TESTS.append(f)
    return f


class Mediad(Process):
    def __init__(self, program, where, name="m1"):
        self.name, self.port, self.media = name, free_port(), free_port()
        self.conf = os.path.join(where, name + ".conf")
        self.program, self.where = program, where
        with open(self.conf, "w") as f:
            f.write("[mediad]\nworkers = 1\n[control]\nlisten = 127.0.0.1:%d\n[media]\n"
                    "network = default/127.0.0.1\nport = %d\n[application]\nscenes = %s\n"
                    "webapp = %s\n" % (self.port, self.media,
                                       os.path.join(ROOT, "webapp", "scenes"),
                                       os.path.join(ROOT, "webapp")))
        self.launch()

    def launch(self):
        super().__init__([self.program, "-c", self.conf],
                         os.path.join(self.where, self.name + ".log"))

    def ready(self):
        def workers():
            """mediad's worker to run"""
            try:
                return self.ask("/x-ims-ar/v1/status")["workersUp"] == 1
            except (TypeError, KeyError, ValueError):
                return False
        wait_for(workers)

    def ask(self, path):
        out = subprocess.run(["curl", "-s", "--max-time", "5", "--http2-prior-knowledge",
                              "http://127.0.0.1:%d%s" % (self.port, path)],
                             capture_output=True, timeout=10).stdout
        return json.loads(out) if out else None

    def contexts(self):
        return [c["contextId"] for c in self.ask("/nmf-mrm/v1/contexts?owner=asd1")["contexts"]]

    def family_rss(self):
        """Parent and workers, KiB."""
        total = self.rss_kib()
        kids = "/proc/%d/task/%d/children" % (self.p.pid, self.p.pid)
        with open(kids) as f:
            for pid in f.read().split():
                with open("/proc/%s/status" % pid) as s:
                    total += sum(int(x.split()[1]) for x in s if x.startswith("VmRSS"))
        return total


class RealWorld(World):
    def __init__(self, asd, mediad):
        super().__init__(asd, fakes=0)
        self.m = Mediad(mediad, self.dir)
        self.m.ready()
        self.fakes = [self.m]  # closed with the world
        self.conf["dcsf.dcmf"] = ["m1 127.0.0.1:%d" % self.m.port]

    def no_contexts(self):
        def none():
            """mediad to have no context"""
            return self.m.contexts() == []
        wait_for(none)


@test
def a_call(w):
    f = w.link()
    t = token()
    v = f.ask(**offer(t))
    assert v["ok"] and v["action"] == "ar", v
    ours = v["plan"]["offer"]["sec"][1]["text"]
    assert "a=candidate:" in ours and "a=dcmap:1000" in ours, ours
    f.event("early", t, **answered(t, status=183))
    f.event("answered", t, **answered(t))
    f.wait_acks()
    w.wait_count(update_ok=1)
    d = admin(w.sock, "call", t)["items"]
    legs = {i["ue"]: i for i in d if "ue" in i}
    assert legs["a"]["state"] == "checking" and legs["b"]["state"] == "checking", d
    assert any("scene_revision" in i for i in d), d
    f.event("bye", t, from_tag="ta", to_tag="tb")
    f.wait_acks()
    w.no_contexts()


@test
def re_invites(w):
    f = w.link()
    t = token()
    assert f.ask(**offer(t))["action"] == "ar"
    f.event("answered", t, **answered(t))
    f.wait_acks()
    w.wait_count(update_ok=1)
    for i in range(2, 6):
        v = f.ask(**offer(t, cseq=i, initial=False, to_tag="tb", text=sdp("restart%d" % i)))
        assert v["action"] == "ar", v
        f.event("answered", t, **answered(t, cseq=i, text=sdp("bob%d" % i, "active")))
        f.wait_acks()
    w.wait_count(update_ok=9, update_sent=9)
    f.event("bye", t, from_tag="ta", to_tag="tb")
    f.wait_acks()
    w.no_contexts()


def one_worker(w, f):
    """Its number, and what it still has; all of them drained one by one is the whole mediad."""
    n = len(w.m.ask("/x-ims-ar/v1/status")["worker"])
    for i in range(n):
        r = admin(w.sock, "drain", "m1 on %d" % i)
        item = r["items"][0]
        assert (item["worker"], item["worker_state"]) == (i, "draining"), r
        assert item["state"] == ("draining" if i == n - 1 else "ready"), r
        assert item["worker_contexts"] <= item["contexts"] == 1, r
    assert f.ask(**offer(token(), callid="none@ue"))["action"] != "ar"
    assert not admin(w.sock, "drain", "m1 on %d" % n)["ok"]
    for i in range(n):
        r = admin(w.sock, "drain", "m1 off %d" % i)
        assert r["items"][0]["worker_state"] == "ready" == r["items"][0]["state"], r


@test
def drained_by_the_operators_tool(w):
    f, t, u = w.link(), token(), token()
    assert f.ask(**offer(t))["action"] == "ar"
    f.event("answered", t, **answered(t))
    f.wait_acks()
    w.wait_count(update_ok=1)
    r = admin(w.sock, "drain", "m1 on")
    assert r["ok"] and r["items"] == [{"dcmf": "m1", "state": "draining", "contexts": 1}], r
    assert any(i.get("dcmf") == "m1" and i["state"] == "draining" for i in admin(w.sock, "status")["items"])
    assert w.m.ask("/x-ims-ar/v1/status")["draining"]
    assert f.ask(**offer(u))["action"] != "ar"  # an ordinary call: there is no other mediad
    assert len(w.m.contexts()) == 1  # the one that is there goes on
    for bad in ("", "m1", "m1 maybe", "m2 on", "x" * 300 + " on", "m1 on x", "m1 on 0 0", "m1 on -1", "m1 on 0x0"):
        r = admin(w.sock, "drain", bad)
        assert not r["ok"] and (r["code"] == ("no_dcmf" if bad == "m2 on" else "usage")), (bad, r)
    r = admin(w.sock, "drain", "m1 off")
    assert r["ok"] and r["items"][0]["state"] == "ready", r
    one_worker(w, f)
    assert r["ok"] and r["items"][0]["state"] == "ready", r
    v = token()
    assert f.ask(**offer(v, callid="again@ue"))["action"] == "ar"
    for call in (t, v):
        f.event("bye", call, from_tag="ta", to_tag="tb")
    f.wait_acks()
    w.no_contexts()


@test
def mediad_hangs(w):
    """Its parent: the first call waits for it, those after 3 s do not. It is used again when it goes on."""
    f = w.link()
    os.kill(w.m.p.pid, signal.SIGSTOP)
    try:
        stopped = time.monotonic()
        v = f.ask(**offer(token(), callid="first@ue"))
        assert v["action"] == "plain", v
        waited = time.monotonic() - stopped
        time.sleep(max(0, 3.3 - waited))

        def without_waiting(callid):
            asked = time.monotonic()
            v = f.ask(**offer(token(), callid=callid))
            assert v["action"] == "plain", v
            return time.monotonic() - asked < waited / 2
        # its last event may have been read late: one more waits then, none after it
        assert without_waiting("second@ue") or without_waiting("third@ue"), waited
    finally:
        os.kill(w.m.p.pid, signal.SIGCONT)
    t = None

    def again():
        """mediad to be used again"""
        nonlocal t
        t = token()
        return f.ask(**offer(t, callid=t + "@ue"))["action"] == "ar"
    wait_for(again)
    f.event("bye", t, from_tag="ta", to_tag="tb")
    f.wait_acks()
    w.no_contexts()


@test
def callee_without_data_channel(w):
    f = w.link()
    t = token()
    assert f.ask(**offer(t))["action"] == "ar"
    f.event("answered", t, **answered(t, outcome="dc-refused", text=sdp("b", port=0)))
    f.wait_acks()
    w.no_contexts()


@test
def asd_killed_calls_and_contexts_stay(w):
    f = w.link()
    names = [token() for _ in range(20)]
    for t in names:
        assert f.ask(**offer(t))["action"] == "ar"
        f.event("answered", t, **answered(t))
    f.wait_acks()
    w.wait_count(update_ok=20)
    before = sorted(w.m.contexts())
    w.asd.stop(signal.SIGKILL)
    w.start(ready=False)
    w.wait_ready(["m1"])
    f = w.link()
    time.sleep(0.5)
    assert sorted(w.m.contexts()) == before and len(before) == 20
    assert f.ask(cmd="map", call=names[0])["ok"]
    for t in names:
        f.event("bye", t, from_tag="ta", to_tag="tb")
    f.wait_acks()
    w.no_contexts()


@test
def mediad_killed_calls_lose_their_ar_part(w):
    f = w.link()
    t = token()
    assert f.ask(**offer(t))["action"] == "ar"
    f.event("answered", t, **answered(t))
    f.wait_acks()
    kids = open("/proc/%d/task/%d/children" % (w.m.p.pid, w.m.p.pid)).read().split()
    w.m.stop(signal.SIGKILL)
    for k in kids:
        try:
            os.kill(int(k), signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert f.ask(**offer(token()))["action"] == "plain"
    time.sleep(0.3)
    w.m.launch()
    assert f.wait_command("release", t)
    w.wait_ready(["m1"])
    t2 = token()
    assert f.ask(**offer(t2))["action"] == "ar"


@test
def thousand_calls_leave_nothing(w):
    f = w.link()

    def round_of(n):
        began = time.monotonic()
        for _ in range(0, n, 10):
            names = [token() for _ in range(10)]
            asked = [f.request(**offer(t)) for t in names]
            for r in asked:
                v = f.wait(r)
                assert v["action"] == "ar", v
            for t in names:
                f.event("answered", t, **answered(t))
            for t in names:
                f.event("bye", t, from_tag="ta", to_tag="tb")
            f.wait_acks()
        took = time.monotonic() - began
        w.no_contexts()
        w.wait_count(calls=0, releases_pending=0)
        return w.asd.rss_kib(), w.m.family_rss(), took
    first = round_of(400)
    last = round_of(1000)
    print("bench asd_memory 1000 calls in %.1f s: asd %d -> %d KiB, mediad %d -> %d KiB" %
          (last[2], first[0], last[0], first[1], last[1]))
    assert last[0] - first[0] < 600, (first, last)
    assert last[1] - first[1] < 2000, (first, last)


def make_world(t):
    w = RealWorld(sys.argv[1], sys.argv[2])
    try:
        w.start(ready=False)
        w.wait_ready(["m1"])
    except BaseException:
        print(w.m.text())
        w.close()
        raise
    return w


if __name__ == "__main__":
    sys.exit(main(TESTS, make_world))
