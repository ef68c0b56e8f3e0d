# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does with the policy, through the real asd: loading it anew while calls come, tracing
a call, call records.

python3 test_operator.py ASD FAKE_MEDIAD [test...]
"""
import json
import os
import signal
import subprocess
import sys
import threading
import time

from front import admin, answered, offer, token
from harness import World, main, wait_for
from test_policy import use, write_policy

TESTS = []


def test(**world):
    def wrap(f):
        f.world = world
        TESTS.append(f)
        return f
    return wrap


@test()
def a_load_holds_up_no_call(w):
    """A version that takes long to load, or never ends loading: calls are decided meanwhile."""
    w.asd.stop()
    w.conf["policy.load_time_ms"] = ["600"]
    w.start()
    f = w.link()
    use(w, ":rule('old', m.any, act.plain())")
    write_policy(w, ":rule('new', m.any, act.plain())",
                 head="while true do end\n")
    asked = []
    thread = threading.Thread(target=lambda: asked.append(admin(w.sock, "reload", timeout=120)))
    thread.start()
    n = 0
    while thread.is_alive():
        assert f.ask(**offer(token()))["rule"] == "old"
        n += 1
    thread.join()
    assert not asked[0]["ok"] and "CPU time limit of 600 ms" in asked[0]["reason"], asked
    assert n >= 5, n  # it loads for 0.6 s; a loop held up would have decided one or two
    # who asks while one is under way gets the version of that moment
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(admin(w.sock, "reload", timeout=120)))
               for _ in range(3)]
    threads[0].start()
    time.sleep(0.2)
    write_policy(w, ":rule('new', m.any, act.plain())")
    for t in threads[1:]:
        t.start()
    for t in threads:
        t.join()
    assert sorted(a["ok"] for a in answers) == [False, True, True], answers
    assert f.ask(**offer(token()))["rule"] == "new"
    write_policy(w, ":rule('new', m.any, act.plain())", head="while true do end\n")
    w.asd.p.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert w.asd.stop() == 0  # in the middle of it


@test(conf={"policy.load_time_ms": "5000"})
def a_full_script_is_loaded_anew_beside_calls(w):
    """A script that has filled its memory and is slow to load: asd loads it again by itself."""
    f = w.link()
    use(w, """:rule('leak', function(call)
        if call.caller.user ~= 'evil' then return false end
        for _ = 1, 20000 do kept[#kept + 1] = { #kept } end
        return true
    end, act.deny(480))
    :rule('rest', m.any, act.plain())""", head="local kept = {}\nfor _ = 1, 4000000 do end\n")
    said = []
    for _ in range(40):
        said.append(f.ask(**offer(token(), **{"from": "sip:evil@ims"}))["rule"])
        if "(fallback)" in said and said[-1] == "leak":
            break
        time.sleep(0.05)
    assert "(fallback)" in said and said[-1] == "leak", said
    assert f.ask(**offer(token(), **{"from": "sip:carol@ims"}))["rule"] == "rest"
    assert "no fresh start beside calls" in w.asd.text()


@test(conf={"asd.log_level": "warn"})
def trace_tells_everything(w):
    """act.trace(): of that call all is written, whatever the level; of others nothing."""
    f = w.link()
    use(w, ":rule('t', m.caller 'alice', act.trace())\n:rule('ar', m.any, act.accept{})")
    for caller, traced in (("sip:alice@ims", True), ("sip:carol@ims", False)):
        t = token()
        assert f.ask(**offer(t, **{"from": caller}))["rule"] == "ar"
        f.event("answered", t, **answered(t))
        f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
        f.wait_acks()
        w.wait_count(calls=0)
        lines = [x for x in w.asd.text().splitlines() if t + "@ue" in x]
        assert bool(lines) == traced, lines
        for word in ("policy: ar by rule 'ar', traced", "ended: bye") if traced else ():
            assert any(word in x for x in lines), (word, lines)


@test(start=False)
def call_records(w):
    """on_end: one line of the log and one of the file for each AR call, with mediad's figures."""
    records = os.path.join(w.dir, "records")
    w.conf["call.records"] = [records]
    w.start()
    f = w.link()
    use(w, ":rule('p', m.caller 'carol', act.plain())\n:rule('ar', m.any, act.accept{ scene = 's1' })\n"
        ":on_end(function(call) local e = call.ended\n"
        "  if call.caller.user == 'nobody' then return nil end\n"
        "  if call.caller.user == 'evil' then error 'no record' end\n"
        "  return { who = call.caller.user, whom = call.callee.user, scene = e.scene, rule = e.rule,\n"
        "    reason = e.reason, seconds = e.seconds, poses = e.poses, actions = e.actions,\n"
        "    updates = e.updates } end)")

    def call(caller):
        t = token()
        action = f.ask(**offer(t, **{"from": "sip:%s@ims" % caller}))["action"]
        if action == "ar":
            f.event("answered", t, **answered(t))
            f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
            f.wait_acks()
        return t

    def lines(n):
        def there():
            """the records"""
            if not os.path.exists(records):
                return None
            with open(records) as x:
                got = [json.loads(k) for k in x]
            return got if len(got) == n else None
        return wait_for(there)
    for who in ("carol", "nobody", "evil"):
        call(who)
    t = call("alice")
    w.wait_count(calls=0, records_lost=1, policy_failed=0)
    r = lines(1)[0]
    assert r["callid"] == t + "@ue" and r["reason"] == "bye" and r["time_ms"] > 1e12, r
    seconds = r["record"].pop("seconds")
    assert seconds in ("0", "1", "2"), seconds
    assert r["record"] == {"who": "alice", "whom": "bob", "scene": "s1", "rule": "ar",
                           "reason": "bye", "poses": "7", "actions": "3", "updates": "5"}, r
    assert [x for x in w.asd.text().splitlines() if '"who":"alice"' in x and t + "@ue" in x]
    os.rename(records, records + ".1")  # logrotate
    t = call("dave")
    assert lines(1)[0]["callid"] == t + "@ue"
    # mediad is away: the record comes all the same
    t = token()
    assert f.ask(**offer(t, **{"from": "sip:eve@ims"}))["action"] == "ar"
    f.event("answered", t, **answered(t))
    f.wait_acks()
    w.fakes[0].stop(signal.SIGKILL)
    f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
    f.wait_acks()
    assert lines(2)[1]["record"]["poses"] == "0"
    # one that ends with asd
    assert w.asd.stop() == 0

@test()
def limits_of_an_accept(w):
    """max_seconds is asd's own: then the AR part ends, the call goes on. The others are mediad's."""
    f = w.link()
    use(w, ":rule('ar', m.any, act.accept{ limits = { max_seconds = 1, max_kbps = 800, max_pose_hz = 30,"
        " max_nodes = 50 } })")
    t = token()
    assert f.ask(**offer(t))["action"] == "ar"
    assert w.context("c1")["x-ims-ar"]["limits"] == {"maxKbps": 800, "maxPoseHz": 30, "maxNodes": 50}
    f.event("answered", t, **answered(t))
    f.wait_acks()
    w.wait_count(calls_expired_limit=1, calls=1)
    assert f.wait_command("release", t)
    w.wait_contexts(0)
    f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
    f.wait_acks()
    w.wait_count(calls=0)


@test(fakes=2, start=False)
def nearest_media_function(w):
    """dcmf = 'nearest': by the address that the offer came from; the other one when it is away."""
    w.conf["dcsf.near"] = ["m1 192.0.2.0/24, 2001:db8::/32", "m2 192.0.2.128/25"]
    w.start()
    for i in (0, 1):
        w.fakes[i].set(load=10 + 50 * i)  # least loaded: m1
    f = w.link()
    use(w, ":rule('ar', m.any, act.accept{ dcmf = 'nearest' })")

    def chosen(source):
        t = token()
        v = f.ask(**offer(t, source=source))
        assert v["action"] == "ar", v
        name = [i for i in admin(w.sock, "call", t)["items"] if "dcmf" in i][0]["dcmf"]
        f.event("failed", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE", status=486)
        f.wait_acks()
        return name
    for _ in range(3):
        assert chosen("192.0.2.200:5060") == "m2"
        assert chosen("192.0.2.20:5060") == "m1"
        assert chosen("[2001:db8::1]:5060") == "m1"
    w.fakes[1].tell("down 1")

    def other():
        """the farther one to be chosen"""
        return chosen("192.0.2.200:5060") == "m1"
    wait_for(other)


@test(fakes=2)
def misspelt_names_of_asd_conf(w):
    """What asd.conf does not have is refused where the policy names it, not passed over."""
    for rule, says in (("act.accept{ dcmf = 'm3' }", "asd.conf has no dcmf 'm3'; there are nearest, least-loaded, m1, m2"),
                       ("act.accept{ dcmf = 'm2' }", None), ("act.accept{ dcmf = 'nearest' }", None)):
        write_policy(w, ":rule('ar', m.any, %s)" % rule)
        r = admin(w.sock, "reload")
        assert r["ok"] == (says is None) and (not says or says in r["reason"]), r
    write_policy(w, ":rule('f', m.fact 'tier', act.plain())\n:rule('ar', m.any, act.accept{})")
    r = admin(w.sock, "reload")
    assert "asd.conf has no fact 'tier'; it has: none" in r["reason"], r
    for near, says in (("m3 192.0.2.0/24", "it names no dcmf"), ("m1", "want: name network"),
                       ("m1 192.0.2.0/33", "want: name network")):
        w.conf["dcsf.near"] = [near]
        r = subprocess.run([w.asd_path, "-c", w.write_conf(), "-t"], capture_output=True, text=True)
        assert r.returncode == 78 and says in r.stderr, r


def make_world(t):
    more = dict(t.world)
    start = more.pop("start", True)
    w = World(sys.argv[1], sys.argv[2], **more)
    if start:
        w.start()
    return w


if __name__ == "__main__":
    sys.exit(main(TESTS, make_world))
