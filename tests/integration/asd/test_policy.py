# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy through the real asd: every match of its own, facts from real servers, reloads under load.

python3 test_policy.py ASD FAKE_MEDIAD [test...]
"""
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from front import admin, answered, offer, sdp, token
from harness import free_port, in_time, main, table, wait_for

TESTS, test = table()


def write_policy(w, rules, name="test", head=""):
    """Replaces the file at once, so that no reload sees half of it."""
    with open(w.policy + ".new", "w") as f:
        f.write("local ar, lists = require 'ar.policy', require 'ar.lists'\n"
                "local m, act = ar.match, ar.act\n" + head +
                "return ar.new '%s'\n%s\n" % (name, rules))
    os.rename(w.policy + ".new", w.policy)


def use(w, rules, **kw):
    write_policy(w, rules, **kw)
    r = admin(w.sock, "reload")
    assert r["ok"], r


def rule_of(f, **more):
    """Which rule decides that call; it is ended again."""
    t = token()
    v = f.ask(**offer(t, **more))
    assert v["ok"], v
    if v["action"] == "ar":
        f.event("failed", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE", status=486)
        f.wait_acks()
    return v["rule"]


ANYWAY = ":rule('other', m.any, act.plain())"


def case(w, f, match, yes, no, head=""):
    """The match holds for the calls in yes and not for those in no."""
    use(w, ":rule('it', %s, act.plain())%s" % (match, ANYWAY), head=head)
    for more in yes:
        assert rule_of(f, **more) == "it", (match, more)
    for more in no:
        assert rule_of(f, **more) == "other", (match, more)


CONTACT = '<sip:a@192.0.2.10>;+sip.app-subtype="webrtc-datachannel"%s'


# ---- matches ----

@test()
def who_calls_whom(w):
    f = w.link()
    case(w, f, "m.caller '@ims'", [{}], [{"from": "sip:alice@other"}, {"from": "tel:+49301"}])
    case(w, f, "m.caller('alice', '+49*')", [{}, {"from": "tel:+49301"}], [{"from": "sip:al@ims"}])
    case(w, f, "m.callee '@*.example'", [{"to": "sip:bob@a.example"}],
         [{}, {"to": "sip:bob@example"}, {"to": "sip:bob@a.example.evil"}])
    case(w, f, "m.emergency()", [{"to": "urn:service:sos.police"}, {"to": "tel:112"}], [{}])
    case(w, f, "m.asserted", [{}], [{"asserted": ""}])
    case(w, f, "m.source '192.0.2.0/28'", [{}], [{"source": "192.0.2.16:5060"}, {"source": ""}])
    case(w, f, "m.role 'originating'", [{}], [{"role": "terminating"}])


@test()
def lists_from_files(w):
    f = w.link()
    with open(os.path.join(w.dir, "vip.list"), "w") as x:
        x.write("alice@ims\n")
    head = "local vip = lists.file 'vip.list'\n"
    case(w, f, "m.caller_in(vip)", [{}], [{"from": "sip:carol@ims"}], head=head)
    with open(os.path.join(w.dir, "vip.list"), "w") as x:
        x.write("carol@ims\n")
    assert rule_of(f) == "it"  # until the next reload
    assert admin(w.sock, "reload")["ok"]
    assert rule_of(f) == "other" and rule_of(f, **{"from": "sip:carol@ims"}) == "it"
    with open(os.path.join(w.dir, "vip.list"), "w") as x:
        x.write("carol @ims\n")
    r = admin(w.sock, "reload")
    assert not r["ok"] and "vip.list:1" in r["reason"], r
    assert rule_of(f, **{"from": "sip:carol@ims"}) == "it"  # the old lists, too


@test(start=False)
def hours(w):
    """In the local time of asd, which is another one than ours."""
    w.env = dict(os.environ, TZ="ZZZ-9")  # nine hours east of Greenwich
    w.start()
    f = w.link()
    now = time.gmtime(time.time() + 9 * 3600)
    if now.tm_min == 59 and now.tm_sec > 40:  # do not straddle an hour
        time.sleep(25)
        now = time.gmtime(time.time() + 9 * 3600)
    h, days = now.tm_hour, ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    case(w, f, "m.hours(%d, %d)" % (h, h + 1), [{}], [])
    case(w, f, "m.hours(%d, %d)" % ((h + 1) % 24, h if h else 24), [], [{}])
    case(w, f, "m.days '%s'" % days[now.tm_wday], [{}], [])
    case(w, f, "m.no(m.days '%s')" % days[now.tm_wday], [], [{}])


@test()
def capabilities_and_offers(w):
    f = w.link()
    capable = {"contact": CONTACT % ';+sip.3gpp-ar-support="ar-capable"'}
    assisted = {"contact": CONTACT % ';+sip.3gpp-ar-support="ar-assisted"'}
    none = {"contact": "<sip:a@192.0.2.10>"}
    case(w, f, "m.caller_is 'ar-capable'", [capable], [assisted, none])
    case(w, f, "m.caller_is 'ar-assisted'", [assisted], [capable, none])
    case(w, f, "m.caller_is 'datachannel'", [capable, assisted], [none])
    tags = {"registered": '<sip:a@x>;expires=60;+sip.3gpp-ar-support="ar-assisted"',
            "registered_callee": '<sip:b@x>;+sip.app-subtype="webrtc-datachannel"'}
    case(w, f, "m.caller_registered 'ar-assisted'", [tags], [{}, {"registered": "*"}, assisted])
    case(w, f, "m.callee_registered 'datachannel'", [tags], [{}, {"registered": CONTACT % ""}])
    video = {"text": sdp() + "m=video 40000 RTP/AVP 96\r\na=mid:2\r\n"}
    off = {"text": sdp() + "m=video 0 RTP/AVP 96\r\na=mid:2\r\n"}
    case(w, f, "m.offers 'video'", [video], [{}, off])
    case(w, f, "m.offers 'mpeg-sd'", [{}], [])
    case(w, f, "m.offers '3gpp-sr-*'", [{"text": sdp().replace("3gpp-ar-metadata", "3gpp-sr-conf")}],
         [{}])
    case(w, f, "m.class 'ar'", [{}], [{"class": "dc"}])
    case(w, f, "m.reason 'max-bundle'", [{"reasons": "dc-section,max-bundle"}],
         [{}, {"reasons": "x-max-bundle,max-bundles"}])
    asked = {"text": sdp().replace("a=dcmap:1002", 'a=3gpp-req-app:"remote-help"\r\na=dcmap:1002')}
    case(w, f, "function(call) return call.req_app ~= nil end", [asked], [{}])


@test()
def what_the_callee_turns_out_to_be(w):
    f = w.link()
    use(w, ":rule('ar call', m.any, act.accept{})\n"
        ":on_answer('alone', m.all_of(m.outcome('dc-refused', 'none-offered'), m.caller 'alice'), "
        "act.keep_caller())\n"
        ":on_answer('else', m.any, act.drop_caller())")
    for caller, left in (("sip:alice@ims", 1), ("sip:carol@ims", 0)):
        t = token()
        v = f.ask(**offer(t, **{"from": caller}))
        assert v["action"] == "ar", v
        kept = v["plan"]["answers"][v["plan"]["answer_for"]["dc-refused"]]["sec"][1]
        # what A gets when B has refused: our section, or port 0
        assert ("m=application 0 " in kept.get("alt", kept["text"])) == (left == 0), kept
        f.event("answered", t, **answered(t, outcome="dc-refused", text=sdp("b", port=0),
                                          from_tag="ta"))
        f.wait_acks()
        w.wait_contexts(left)
        f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
        f.wait_acks()
        w.wait_contexts(0)


@test()
def calls_of_a_subscriber(w):
    f = w.link()
    use(w, ":rule('two', m.caller_has_calls(2), act.deny(486, 'Two already'))\n"
        ":rule('many', m.total_calls(4), act.deny(480, 'Full'))\n:rule('ar', m.any, act.accept{})")
    names = [token() for _ in range(2)]
    for t in names:
        assert f.ask(**offer(t))["action"] == "ar"
    assert f.ask(**offer(token()))["code"] == 486
    assert f.ask(**offer(token(), **{"from": "sip:carol@ims"}))["action"] == "ar"
    f.event("failed", names[0], callid=names[0] + "@ue", from_tag="ta", cseq=1, method="INVITE",
            status=486)
    f.wait_acks()
    assert f.ask(**offer(token()))["action"] == "ar"  # one has ended
    for caller in ("sip:dave@ims", "sip:eve@ims"):
        v = f.ask(**offer(token(), **{"from": caller}))
    assert v["code"] == 480, v


@test(fakes=2)
def load_of_the_media_functions(w):
    f = w.link()
    use(w, ":rule('busy', m.load_above(80), act.plain())\n:rule('ar', m.any, "
        "act.accept{ dcmf = 'm2' })")

    def decided_by(rule):
        def right():
            """the load to be known"""
            return rule_of(f) == rule
        wait_for(right)
    decided_by("ar")
    w.fakes[0].set(load=95)
    w.fakes[1].set(load=85)
    decided_by("busy")
    w.fakes[0].set(load=80)
    decided_by("ar")
    w.fakes[0].tell("down 1")  # the idle one is not there any more
    decided_by("busy")


@test()
def headers_go_to_the_module(w):
    f = w.link()
    use(w, ":rule('h', m.any, act.header('X-A', '1'), act.header('X-B', 'two words'))\n"
        ":rule('deny', m.caller 'mallory', act.deny(403))\n"
        ":rule('plain', m.caller 'carol', act.plain())\n:rule('ar', m.any, act.accept{})")
    want = [{"name": "X-A", "value": "1"}, {"name": "X-B", "value": "two words"}]
    t = token()
    v = f.ask(**offer(t))
    assert v["action"] == "ar" and v["headers"] == want, v
    assert f.ask(**offer(t))["headers"] == want  # repeated: the same answer
    v = f.ask(**offer(token(), **{"from": "sip:carol@ims"}))
    assert v["action"] == "plain" and v["headers"] == want, v
    assert "headers" not in f.ask(**offer(token(), **{"from": "sip:mallory@ims"}))


@test()
def half_a_character(w):
    """A reason cut in the middle of one has no JSON form: the call is answered all the same."""
    f = w.link()
    use(w, ":rule('cut', m.caller 'j*', function(c) return act.deny(403, c.caller.user:sub(1, 2)) end)"
        + ANYWAY)
    v = f.ask(**offer(token(), **{"from": "sip:j\u00f6rg@ims"}), timeout=3)
    assert v["ok"] and v["action"] == "plain" and v["rule"] == "(fallback)", v
    assert f.ask(**offer(token(), **{"from": "sip:jim@ims"}))["reason"] == "ji"
    w.wait_count(policy_failed=1)


@test()
def the_verdict_goes_to_mediad(w):
    f = w.link()
    use(w, ":rule('ar', m.any, act.accept{ scene = 's1', application = 'app1' })")
    t = token()
    assert f.ask(**offer(t))["rule"] == "ar"
    x = w.context("c1")["x-ims-ar"]
    assert (x["scene"], x["application"], x["trace"]) == ("s1", "app1", False), x
    assert "limits" not in x, x
    use(w, ":rule('ar', m.any, act.accept{ limits = { max_kbps = 800, max_pose_hz = 30 } })")
    assert f.ask(**offer(token()))["rule"] == "ar"
    assert w.context("c2")["x-ims-ar"]["limits"] == {"maxKbps": 800, "maxPoseHz": 30}
    use(w, ":rule('t', m.any, act.trace())\n:rule('ar', m.any, act.accept{})")
    assert f.ask(**offer(token()))["rule"] == "ar"
    assert w.context("c3")["x-ims-ar"]["trace"] is True


# ---- operator ----

@test()
def hits_per_rule_and_generation(w):
    f = w.link()
    use(w, ":rule('deny', m.caller 'mallory', act.deny(403))\n:rule('ar', m.any, act.accept{})")
    t = token()
    assert f.ask(**offer(t))["rule"] == "ar"  # stays: pins its generation
    for _ in range(3):
        f.ask(**offer(token(), **{"from": "sip:mallory@ims"}))
    use(w, ":rule('ar2', m.any, act.accept{})", name="newer")
    f.ask(**offer(token()))
    items = admin(w.sock, "policy")["items"]
    gens = [i for i in items if "generation" in i and "rule" not in i]
    assert len(gens) == 2 and {g["policy"] for g in gens} == {"test", "newer"}, gens
    hits = {i["rule"]: i["hits"] for i in items if "rule" in i}
    assert hits == {"deny": 3, "ar": 1, "ar2": 1}, hits
    f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
    f.event("failed", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE", status=486)
    f.wait_acks()
    items = admin(w.sock, "policy")["items"]
    assert len([i for i in items if "generation" in i and "rule" not in i]) == 1, items


@test(conf={"policy.instructions": "20000", "policy.time_ms": "1000", "policy.list_entries": "3"})
def limits_are_settings(w):
    f = w.link()
    use(w, ":rule('r', function(c) local n = tonumber(c.caller.user:match '^n(%d+)$') or 1; "
        "for i = 1, n do end return true end, act.accept{})")
    assert rule_of(f, **{"from": "sip:n100@ims"}) == "r"
    assert rule_of(f, **{"from": "sip:n1000000@ims"}) == "(fallback)"
    with open(os.path.join(w.dir, "l"), "w") as x:
        x.write("a\nb\nc\nd\n")
    write_policy(w, ANYWAY, head="local l = lists.file 'l'\n")
    r = admin(w.sock, "reload")
    assert not r["ok"] and "more than 3 list entries" in r["reason"], r


# ---- facts ----

class Subscribers:
    """A subscriber data base with an HTTP interface, with manners to order."""

    def __init__(self, port=0):
        outer = self
        self.tiers, self.delay, self.garbage, self.requests = {}, 0, None, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests += 1
                time.sleep(outer.delay)
                name = self.path.split("/")[2]
                if outer.garbage is not None:
                    body = outer.garbage
                elif name in outer.tiers:
                    body = json.dumps({"tier": outer.tiers[name]}).encode()
                else:
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64
            open = set()

            def process_request(self, request, client_address):
                self.open.add(request)
                super().process_request(request, client_address)

            def shutdown_request(self, request):
                self.open.discard(request)
                super().shutdown_request(request)

            def handle_error(self, request, client_address):
                pass
        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for c in list(self.server.open):  # those kept alive
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


TIERS = (":rule('gold', m.fact('tier', 'gold'), act.accept{ scene = 'gold' })\n"
         ":rule('failed', m.fact_failed 'tier', function(call)\n"
         "  return act.deny(503, 'tier: ' .. call.facts_failed.tier) end)\n"
         ":rule('unknown', function(call) return call.facts.tier == nil end, act.plain())\n"
         ":rule('others', m.any, act.deny(402, 'Payment Required'))")


def start_with(w, db, **conf):
    fact = {"kind": "http", "url": "http://127.0.0.1:%d/s/{caller.user}" % db.port,
            "pointer": "/tier", "ttl": "0"}
    fact.update(conf)
    for k, v in fact.items():
        w.conf["fact tier." + k] = [v]
    write_policy(w, TIERS)
    w.start()
    return w.link()


def ask(f, user, **more):
    return f.ask(**offer(token(), **{"from": "sip:%s@ims" % user}, **more))


@test(start=False)
def facts_over_http(w):
    db = Subscribers()
    db.tiers = {"alice": "gold", "bob": "basic"}
    f = start_with(w, db)
    v = ask(f, "alice")
    assert v["action"] == "ar" and v["rule"] == "gold", v
    assert w.context("c1")["x-ims-ar"]["scene"] == "gold"
    assert ask(f, "bob")["code"] == 402
    assert ask(f, "carol")["rule"] == "unknown"
    assert ask(f, "..%2f..%2fadmin")["rule"] == "unknown"
    db.garbage = b"<html>oops</html>"
    assert ask(f, "alice")["reason"] == "tier: not JSON"
    db.garbage = b'{"tier":"' + b"x" * 5000000 + b'"}'
    assert ask(f, "alice")["reason"] == "tier: too long"
    db.garbage, db.delay = None, 0.6
    began = time.monotonic()
    assert ask(f, "alice")["reason"] == "tier: timeout"
    in_time("the time-out of the look-up", time.monotonic() - began, 0.55)
    db.delay = 0
    assert ask(f, "alice")["rule"] == "gold"
    items = {i["fact"]: i for i in admin(w.sock, "policy")["items"] if "fact" in i}
    assert items["tier"]["kind"] == "http" and items["tier"]["timeout"] == "1", items
    db.close()
    for _ in range(5):
        assert ask(f, "alice")["reason"] == "tier: unreachable"
    assert ask(f, "alice")["reason"] == "tier: down"  # at once, from now on
    db = Subscribers(db.port)
    db.tiers = {"alice": "gold"}

    def back():
        """the data base to be asked again"""
        return ask(f, "alice").get("rule") == "gold"
    wait_for(back)
    db.close()


@test(start=False)
def wrong_facts_at_start(w):
    """asd -t and the start say which file or setting."""
    def check_says(want, rc):
        p = subprocess.run([w.asd_path, "-c", w.write_conf(), "-t"], capture_output=True, text=True,
                           timeout=20)
        assert p.returncode == rc and want in p.stdout + p.stderr, (p.returncode, p.stdout, p.stderr)
    w.conf["fact tier.kind"], w.conf["fact tier.file"] = ["file"], [os.path.join(w.dir, "none")]
    check_says("[fact tier]", 1)
    check_says("none: No such file", 1)
    with open(os.path.join(w.dir, "none"), "w") as x:
        x.write("alice gold\n")
    check_says("all right", 0)
    w.conf["fact tier.url"] = ["http://x/"]
    check_says("does not go with this kind", 78)
    del w.conf["fact tier.url"]
    # a server that is down is no reason not to start
    w.conf["fact credit.kind"], w.conf["fact credit.command"] = ["redis"], ["GET {caller.user}"]
    w.conf["fact credit.server"] = ["127.0.0.1:%d" % free_port()]
    check_says("all right", 0)
    write_policy(w, ":rule('r', m.fact_failed 'credit', act.plain())" + ANYWAY)
    w.start()
    assert rule_of(w.link()) == "r"


@test(start=False)
def a_call_that_ends_while_it_waits(w):
    db = Subscribers()
    db.tiers, db.delay = {"alice": "gold"}, 0.15
    f = start_with(w, db)
    names = [token() for _ in range(50)]
    asked = [f.request(**offer(t)) for t in names]
    for t in names[:25]:
        f.event("cancelled", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE")
        f.event("failed", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE", status=487)
    for i, r in enumerate(asked):
        v = f.wait(r)
        if i < 25:
            assert v.get("code") == "gone", v
        else:
            assert v["ok"] and v["rule"] in ("gold", "failed"), v
    f.wait_acks()
    for t in names[25:]:
        f.event("failed", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE", status=486)
    f.wait_acks()
    w.wait_count(calls=0, lookups_unwanted=25)
    w.wait_contexts(0)
    # asd is gone while calls wait
    db.delay = 1
    for _ in range(10):
        f.request(**offer(token()))
    time.sleep(0.05)
    assert w.asd.stop() == 0
    db.close()


@test(start=False)
def facts_from_redis_and_a_file(w):
    if not shutil.which("redis-server"):
        raise AssertionError("redis-server is not installed")
    port = free_port()
    redis = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--bind",
                              "127.0.0.1", "--dir", w.dir, "--loglevel", "warning"],
                             stdout=subprocess.DEVNULL)
    try:
        def cli(*words):
            return subprocess.run(["redis-cli", "-p", str(port)] + list(words), check=True,
                                  capture_output=True, text=True, timeout=10).stdout.strip()

        def there():
            """redis"""
            try:
                return cli("ping") == "PONG"
            except subprocess.CalledProcessError:
                return False
        wait_for(there)
        cli("hset", "sub:alice", "credit", "5")
        barred = os.path.join(w.dir, "barred.csv")
        with open(barred, "w") as x:
            x.write("mallory@ims,fraud,2026-01-01\n")
        for k, v in {"fact credit.kind": "redis", "fact credit.server": "127.0.0.1:%d" % port,
                     "fact credit.command": "HGET sub:{caller.user} credit", "fact credit.ttl": "0",
                     "fact barred.kind": "file", "fact barred.file": barred,
                     "fact barred.column": "1"}.items():
            w.conf[k] = [v]
        write_policy(w, ":rule('barred', m.fact 'barred', function(call)\n"
                     "  return act.deny(403, call.facts.barred) end)\n"
                     ":rule('credit', m.fact 'credit', act.accept{})\n"
                     ":rule('broken', m.fact_failed 'credit', act.deny(500))\n"
                     ":rule('no credit', m.any, act.plain())")
        w.start()
        f = w.link()
        assert ask(f, "mallory")["reason"] == "fraud"
        assert ask(f, "alice")["rule"] == "credit"
        assert ask(f, "carol")["rule"] == "no credit"
        with open(barred, "w") as x:
            x.write("alice@ims,debts\n")

        def seen():
            """the changed file to be read"""
            return ask(f, "alice").get("reason") == "debts"
        wait_for(seen)
        redis.send_signal(signal.SIGKILL)
        redis.wait()
        assert ask(f, "carol")["rule"] == "broken"
    finally:
        redis.kill()
        redis.wait()


@test(start=False, conf={"asd.log_level": "warn"})
def facts_at_the_load_of_calls(w):
    """Every call asks an HTTP server that takes its time; nothing is lost, nothing is left."""
    db = Subscribers()
    db.delay = 0.01
    db.tiers = {"u%d" % i: "gold" for i in range(5000)}
    f = start_with(w, db, connections="16", timeout_ms="2000", ttl="3600")
    w.asd.stop()
    w.conf["lookup.deadline_ms"] = ["700"]
    w.start()
    f = w.link()
    n, began = 600, time.monotonic()
    for k in range(0, n, 30):
        names = [token() for _ in range(30)]
        asked = [f.request(**offer(t, **{"from": "sip:u%d@ims" % (k + i)}))
                 for i, t in enumerate(names)]
        for r in asked:
            v = f.wait(r)
            assert v["rule"] == "gold", v
        for t in names:
            f.event("failed", t, callid=t + "@ue", from_tag="ta", cseq=1, method="INVITE",
                    status=486)
        f.wait_acks()
    print("bench asd_facts %d calls with an HTTP look-up of 10 ms each: %.0f a second" %
          (n, n / (time.monotonic() - began)))
    w.wait_count(calls=0)
    w.wait_contexts(0)
    assert db.requests == n
    db.close()


# ---- reload under load ----

@test(start=False, conf={"asd.log_level": "warn", "call.decision_timeout_ms": "20000",
                        "dcsf.reserve_timeout_ms": "20000"})
def reload_under_load(w):
    """A reload every 100 ms under 500 calls/s: no call is lost, each keeps the rules that it began
    with, and old generations are freed. 8 s, with SOAK=1 two minutes. The store is in memory and
    the time-outs are long: how fast the test machine is, is not the question."""
    memory = tempfile.mkdtemp(prefix="asd-test-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    w.conf["store.file"] = [os.path.join(memory, "asd.db")]
    w.start()
    seconds = 120 if os.environ.get("SOAK") == "1" else 8
    rate = 100 if w.sanitized() else 500
    f, stop, versions = w.link(), threading.Event(), [0]
    failures = []

    def one(n):
        write_policy(w, ":rule('version %d', m.any, act.accept{ scene = 'v%d' })\n"
                     ":on_end(function(call) return { scene = call.ended.scene } end)" % (n, n),
                     name="v%d" % n)

    def reloader():
        due = time.monotonic()
        while not stop.is_set():
            one(versions[0] + 1)
            r = admin(w.sock, "reload")
            if r["ok"]:
                versions[0] += 1
            else:
                failures.append(r)
            due += 0.1
            stop.wait(max(0, due - time.monotonic()))
    one(0)
    assert admin(w.sock, "reload")["ok"]
    thread = threading.Thread(target=reloader)
    thread.start()
    began, sent, done, peak, looked = time.monotonic(), 0, 0, 0, 0
    asked, live = {}, []

    def bye(t):
        f.event("bye", t, callid=t + "@ue", from_tag="ta", to_tag="tb")
    try:
        while time.monotonic() - began < seconds or asked:
            now = time.monotonic() - began
            while now < seconds and sent < now * rate and len(asked) < 40:
                t = token()
                asked[f.request(**offer(t))] = (t, versions[0])
                sent += 1
            f.pump(0.002)
            for ident in list(f.answers):
                v, (t, at_least) = f.answers.pop(ident), asked.pop(ident)
                assert v["ok"] and v["action"] == "ar", v
                assert int(v["rule"].split()[1]) >= at_least, (v["rule"], at_least)
                done += 1
                live.append(t)
                f.event("answered", t, **answered(t))
            while len(live) > rate // 2:  # each lives for half a second
                bye(live.pop(0))
            if now - looked > 0.5:
                looked = now
                items = admin(w.sock, "policy")["items"]
                peak = max(peak, len([i for i in items if "generation" in i and "rule" not in i]))
        took = time.monotonic() - began
        for t in live:
            bye(t)
        f.wait_acks(30)
    finally:
        stop.set()
        thread.join()
        shutil.rmtree(memory, ignore_errors=True)
    assert done == sent, (done, sent)
    assert not failures, failures[:3]
    w.wait_count(calls=0, policy_failed=0, calls_lost=0)
    w.wait_contexts(0)

    def freed():
        """the old generations to be freed, when the last records are written"""
        items = admin(w.sock, "policy")["items"]
        left = [i for i in items if "generation" in i and "rule" not in i]
        return left if len(left) == 1 else None
    left = wait_for(freed)
    assert left[0]["policy"] == "v%d" % versions[0], left
    assert versions[0] >= seconds * 10 * 0.2, versions  # a busy machine does not reload ten times a second
    # on a busy machine calls wait, and pin what they began with
    assert peak < versions[0] / (4 if seconds > 60 else 1), (peak, versions)
    print("bench asd_reload %d reloads under %.0f calls/s (%d calls): none lost, at most %d "
          "generations at a time, 1 left, %d KiB" %
          (versions[0], done / took, done, peak, w.asd.rss_kib()))


if __name__ == "__main__":
    sys.exit(main(TESTS))
