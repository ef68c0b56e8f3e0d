# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that share a scene, by policy: which mediad they go to, what a full scene means, what an end,
a restart and a worker's death do. First with mediads to order, then with the real one.

python3 test_share.py ASD FAKE_MEDIAD MEDIAD [test...]
"""
import json
import os
import signal
import subprocess
import sys
import time

from front import admin, answered, offer, token
from harness import World, main, wait_for
from test_real import Mediad

POLICY = """
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'share'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('busy', m.callee 'carol@ims', act.accept { share = 'hall', full = 486,
		limits = { max_participants = 4 } })
	:rule('hall', m.callee 'bob@ims', act.accept { share = 'hall', limits = { max_participants = 4 } })
	:rule('alone', m.any, act.accept { scene = 'default' })
"""

TESTS = []


def test(real=0, fakes=0):
    def wrap(f):
        f.real, f.fakes = real, fakes
        TESTS.append(f)
        return f
    return wrap


class ShareWorld(World):
    def __init__(self, asd, fake, mediad, t):
        super().__init__(asd, fake, fakes=t.fakes)
        with open(self.policy, "w") as f:
            f.write(POLICY)
        if t.real:
            self.m = Mediad(mediad, self.dir)
            with open(self.m.conf) as f:
                text = f.read().replace("workers = 1", "workers = %d" % t.real)
            self.m.stop()
            with open(self.m.conf, "w") as f:
                f.write(text)
            self.m.launch()
            self.fakes.append(self.m)
            self.conf["dcsf.dcmf"] = ["m1 127.0.0.1:%d" % self.m.port]

    def all_up(self):
        """mediad's workers"""
        return all(i["up"] for i in self.m.ask("/x-ims-ar/v1/status")["worker"])

    def workers(self):
        """context -> worker"""
        return {c["contextId"]: c["x-ims-ar"]["worker"]
                for c in self.m.ask("/nmf-mrm/v1/contexts?owner=asd1")["contexts"]}


def up(f, to="bob"):
    t = token()
    v = f.ask(**offer(t, to="sip:%s@ims" % to))
    assert v["ok"] and v["action"] == "ar", v
    f.event("answered", t, **answered(t))
    f.wait_acks()
    return t


def item(w, t):
    return admin(w.sock, "call", t)["items"][0]


def bye(f, *tokens):
    for t in tokens:
        f.event("bye", t, from_tag="ta", to_tag="tb")
    f.wait_acks()


# ---- with mediads to order ----

@test(fakes=3)
def all_go_to_one_mediad(w):
    f = w.link()
    home = item(w, up(f))["dcmf"]
    # the least loaded is another one now; the others' calls go there
    for m in w.fakes:
        m.set(load=90 if m.name == home else 1)
    time.sleep(2.2)
    for _ in range(3):
        assert item(w, up(f))["dcmf"] == home
    assert item(w, up(f, "dave"))["dcmf"] != home
    assert any(i.get("share") == "hall" for i in admin(w.sock, "calls")["items"])


@test(fakes=3)
def several_asd_come_to_the_same_one(w):
    t = up(w.link())
    home = item(w, t)["dcmf"]
    bye(w.links[-1], t)
    assert w.asd.stop() == 0
    os.unlink(os.path.join(w.dir, "asd.db"))
    w.conf["asd.name"] = ["asd2"]
    w.conf["dcsf.dcmf"].reverse()
    w.start()
    assert item(w, up(w.link()))["dcmf"] == home


@test(fakes=2)
def no_place_is_no_place_elsewhere(w):
    f = w.link()
    for m in w.fakes:
        m.set(share_full=1)
    v = f.ask(**offer(token()))
    assert v["action"] == "plain" and "'hall' is full" in v["reason"], v
    v = f.ask(**offer(token(), to="sip:carol@ims"))
    assert v["action"] == "deny" and v["code"] == 486, v
    assert v["headers"] == [{"name": "Warning",
                             "value": v["headers"][0]["value"]}], v
    assert "4 participants are the limit" in v["headers"][0]["value"], v
    w.wait_count(share_full=2, reserve_retried=0, plain_no_dcmf=0, calls=0)
    assert f.ask(**offer(token(), to="sip:dave@ims"))["action"] == "ar"


@test(fakes=2)
def home_is_away(w):
    f = w.link()
    home = item(w, up(f))["dcmf"]
    m = next(m for m in w.fakes if m.name == home)
    m.set(post_status=503)
    # where the others are or nowhere: a scene of its own would be worse than none
    assert f.ask(**offer(token()))["action"] == "plain"
    m.set(post_status=0)
    up(f)


@test(fakes=3)
def home_after_a_restart(w):
    f = w.link(instance="k1")
    t = up(f)
    home = item(w, t)["dcmf"]
    w.asd.stop(signal.SIGKILL)
    for m in w.fakes:
        m.set(load=90 if m.name == home else 1)
    w.start()
    assert item(w, up(w.link(instance="k1")))["dcmf"] == home


# ---- with the real one ----

@test(real=2)
def one_worker_one_scene(w):
    f = w.link()
    others = [up(f, "dave") for _ in range(3)]
    calls = [up(f), up(f)]
    at = w.workers()
    ids = [item(w, t)["context"] for t in calls]
    assert len({at[i] for i in ids}) == 1 and len(set(at.values())) == 2, at
    # everybody in the scene is seen from each call, who is alone is not
    parts = admin(w.sock, "call", calls[0])["items"]
    assert [p["user"] for p in parts if "participant" in p].count("sip:bob@ims") == 2, parts
    assert {p["callid"] for p in parts if "participant" in p} == {t + "@ue" for t in calls}
    room = next(p for p in parts if "participants" in p)
    assert (room["share"], room["calls"], room["participants"]) == ("hall", "2", "4"), room
    assert not any("participant" in p for p in admin(w.sock, "call", others[0])["items"])
    # a third one has no place; when one has gone it has
    assert f.ask(**offer(token()))["action"] == "plain"
    assert f.ask(**offer(token(), to="sip:carol@ims"))["code"] == 486
    bye(f, calls[0])
    wait_for(lambda: len(w.workers()) == 4)
    third = up(f)
    assert at[ids[1]] == w.workers()[item(w, third)["context"]]
    bye(f, calls[1], third, *others)
    wait_for(lambda: w.workers() == {})


@test(real=2)
def asd_restarts_and_the_scene_stays(w):
    f = w.link(instance="k1")
    t = up(f)
    before = w.workers()
    w.asd.stop(signal.SIGKILL)
    w.start(ready=False)
    w.wait_ready(["m1"])
    f = w.link(instance="k1")
    second = up(f)
    time.sleep(0.3)  # what is reconciled now is
    after = w.workers()
    assert set(before) < set(after) and len(set(after.values())) == 1, (before, after)
    parts = admin(w.sock, "call", t)["items"]
    assert sum("participant" in p for p in parts) == 4, parts
    bye(f, t, second)
    wait_for(lambda: w.workers() == {})


@test(real=2)
def a_workers_death_ends_all_its_calls(w):
    f = w.link()
    calls, other = [up(f), up(f)], up(f, "dave")
    at = w.workers()
    home = at[item(w, calls[0])["context"]]
    assert at[item(w, other)["context"]] != home
    os.kill(w.m.ask("/x-ims-ar/v1/status")["worker"][home]["pid"], signal.SIGKILL)
    for t in calls:
        assert f.wait_command("release", t)
    assert item(w, calls[0])["ar"] == "lost" and item(w, other)["ar"] == "up"
    # and the scene may begin anew
    up(f)
    assert list(w.workers()) != []


@test(real=1)
def two_owners_meet(w):
    f = w.link()
    t = up(f)
    body = w.context(item(w, t)["context"], len(w.fakes) - 1)
    del body["contextId"]
    body["x-ims-ar"].update(owner="asd2", scene=body["x-ims-ar"]["scene"]["name"])
    for term in body["terminations"]:
        for m in term["medias"]:
            m.pop("localMbEndpoint")
            m["dcMedia"].pop("localDcEndpoint")
            if "remote" in m["x-ims-ar"]:  # GET does not show it
                m["x-ims-ar"]["remote"]["ice"]["pwd"] = "0123456789012345678901"
    path = os.path.join(w.dir, "body.json")
    with open(path, "w") as out:
        json.dump(body, out)
    made = post(w, path)
    assert "contextId" in made, made
    room = w.m.ask("/nmf-mrm/v1/contexts/" + made["contextId"])["x-ims-ar"]["room"]
    assert room["calls"] == 2 and len({p["name"] for p in room["participants"]}) == 4, room


def post(w, path):
    out = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-H",
                          "content-type: application/json", "-d", "@" + path,
                          "http://127.0.0.1:%d/nmf-mrm/v1/contexts" % w.m.port],
                         capture_output=True, timeout=10).stdout
    return json.loads(out)


def make_world(t):
    w = ShareWorld(asd, fake, mediad, t).start()
    if t.real:
        wait_for(w.all_up)
    return w


if __name__ == "__main__":
    asd, fake, mediad = sys.argv[1:4]
    del sys.argv[3]
    sys.exit(main(TESTS, make_world))
