# SPDX-License-Identifier: GPL-2.0-or-later
"""asd as a daemon: its limits, strangers on its front link, restarts, the system around it, its operator.

python3 test_daemon.py ASD FAKE_MEDIAD [test...]
"""
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

import front
from calls import begin, bye, items, talk
from front import admin, answered, offer, sdp, token
from harness import ROOT, free_port, in_time, main, table, wait_for
from descriptors import starved

TESTS, test = table()


# ---- limits ----

@test(conf={"call.max_calls": "3"})
def max_calls(w):
    f = w.link()
    for _ in range(3):
        begin(f)
    v = f.ask(**offer(token()))
    assert v["action"] == "plain" and "too many calls" in v["reason"], v
    w.wait_count(plain_max_calls=1, calls=3)


@test(conf={"call.ring_ttl": "1"})
def never_answered(w):
    f = w.link()
    begin(f)
    w.wait_count(calls_expired_ring=1, calls=0)
    w.wait_contexts(0)


@test(conf={"front.max_connections": "3"})
def max_connections(w):
    links = [w.link() for _ in range(2)]
    hold = w.link()
    extra = socket.socket(socket.AF_UNIX)
    extra.connect(w.sock)
    assert extra.recv(1) == b""  # closed at once
    extra.close()
    hold.close()
    time.sleep(0.2)
    assert links[0].ask(cmd="ping")["ok"]
    w.wait_count(front_refused=1)


@test(conf={"asd.log_level": "warn"})
def thousand_calls_leave_nothing(w):
    f = w.link()

    def round_of(n):
        for i in range(0, n, 20):
            names = [token() for _ in range(20)]
            asked = [f.request(**offer(t)) for t in names]
            for r in asked:
                assert f.wait(r)["action"] == "ar"
            for t in names:
                f.event("early", t, **answered(t, status=183))
                f.event("answered", t, **answered(t))
            for t in names:
                f.event("bye", t, from_tag="ta", to_tag="tb")
            f.wait_acks()
        w.wait_contexts(0)
        w.wait_count(calls=0, releases_pending=0)
        return w.asd.rss_kib()
    before = round_of(400)
    after = round_of(1000)
    print("bench asd_memory 1000 calls: %d -> %d KiB" % (before, after))
    assert w.sanitized() or after - before < 600, (before, after)
    assert w.asd.text() == "", w.asd.text()[:500]


# ---- strangers on the front ----

@test()
def garbage_closes_the_connection(w):
    good = w.link()
    hello = b'{"id":1,"cmd":"hello","v":1,"kind":"sip","name":"x","instance":"y"}'

    def frame(b):
        return struct.pack("!I", len(b)) + b
    cases = [b"GET / HTTP/1.1\r\n\r\n", frame(b"[]"), frame(b"nonsense"), frame(b'{"a":1}'),
             struct.pack("!I", 0), struct.pack("!I", 0xffffffff), frame(b"\xff\xfe\x00"),
             frame(b'{"id":1,"cmd":"ping"}'), frame(hello) + frame(b'{"cmd":"ping"}'),
             frame(hello) + frame(b'{"cmd":"event","ev":"bye"}'), frame(b'{"id":1,"id":2}'),
             frame(hello) + frame(b"[" * 5000), frame(b'{"id":"x","cmd":"hello"}')]
    for case in cases:
        s = socket.socket(socket.AF_UNIX)
        s.connect(w.sock)
        s.settimeout(3)
        s.sendall(case)
        try:
            while s.recv(4096):
                pass
        except ConnectionResetError:
            pass
        except socket.timeout:
            raise AssertionError("still open after %r" % case[:40])
        finally:
            s.close()
    w.wait_count(front_garbage=len(cases))
    assert good.ask(cmd="ping")["ok"]


@test()
def random_frames_never_hurt(w):
    rng = random.Random(7)
    keys = ["id", "seq", "cmd", "ev", "call", "callid", "from_tag", "sdp", "initial", "side", "v",
            "cseq", "method", "arg", "outcome", "status"]
    values = ["offer", "event", "map", "ping", "hello", "bye", "answered", "early", 0, 1, -1, 2**63 - 1,
              None, True, [], {}, "a" * 300, "0123456789abcdef", sdp(), "INVITE", "a", 1.5, "\u0001\r\n"]
    f = w.link()
    t = talk(f)
    for i in range(400):
        m = {k: rng.choice(values) for k in rng.sample(keys, rng.randint(1, len(keys)))}
        m["cmd"] = rng.choice(["offer", "event", "map", "ping", "hello", "x"])
        m["id"] = 1000 + i
        m["seq"] = 1000 + i
        m.setdefault("call", rng.choice([t, "0123456789abcdef"]))
        f.send(m)
    f.next_id = 5000
    assert f.ask(cmd="ping")["ok"]
    assert w.status()["calls"] is not None


@test()
def wrong_version(w):
    f = w.link(hello=False)
    r = f.ask(cmd="hello", v=2, kind="sip", name="x", instance="y")
    assert r["code"] == "version", r
    assert f.ask(cmd="hello", v=1, kind="thing", name="x")["code"] == "malformed"
    assert f.ask(cmd="hello", v=1, kind="sip", name="x")["ok"]


@test(conf={"front.send_buffer_kib": "512"})
def slow_reader_is_closed(w):
    f = w.link()
    for _ in range(100):
        begin(f)
    s = front.Front(w.sock, kind="admin")
    body = b'{"id":7,"cmd":"calls"}'
    try:
        for _ in range(2000):
            s.raw(struct.pack("!I", len(body)) + body)
    except OSError:
        pass
    w.wait_count(front_slow=1)
    assert f.ask(cmd="ping")["ok"]
    s.close()


@test()
def no_hello(w):
    s = socket.socket(socket.AF_UNIX)
    s.connect(w.sock)
    s.settimeout(60)
    began = time.monotonic()
    s.sendall(struct.pack("!I", 100) + b"{")
    assert s.recv(1) == b""
    assert 4 < time.monotonic() - began
    in_time("closing it", time.monotonic() - began, 8)
    s.close()
    w.wait_count(front_silent=1)


@test(conf={"front.listen": ["tcp:127.0.0.1:%d" % free_port(), "unix:/tmp/asd-test-%d.sock" % os.getpid()]})
def front_over_tcp(w):
    where = w.conf["front.listen"][0][4:]
    f = front.Front(where)
    t = talk(f)
    bye(f, t)
    f.close()
    w.wait_contexts(0)


# ---- restarts ----

@test()
def killed_and_started_again(w):
    f = w.link(instance="k1")
    up = talk(f)
    ringing, v = begin(f)
    f.event("early", ringing, **answered(ringing, status=183))
    f.wait_acks()
    w.fakes[0].set(post_delay_ms=5000)
    f.request(**offer(token()))
    time.sleep(0.1)
    w.asd.stop(signal.SIGKILL)
    w.fakes[0].set(post_delay_ms=0)
    w.start()
    f = w.link(instance="k1")
    s = w.status()
    assert s["calls"] == "2" and s["calls_restored"] == "2", s
    m = f.ask(cmd="map", call=up)
    assert m["ok"] and m["to_tag"] == "tb" and m["from_tag"] == "ta", m
    # the ringing one is answered now, the same plan is known
    assert f.ask(**offer(ringing))["plan"] == v["plan"]
    f.event("answered", ringing, **answered(ringing))
    f.wait_acks()
    assert items(admin(w.sock, "call", ringing))[0]["outcome"] == "ar-capable"
    v = f.ask(**offer(up, cseq=2, initial=False, to_tag="tb"))
    assert v["action"] == "ar", v
    bye(f, up)
    bye(f, ringing)
    w.wait_contexts(0)


@test()
def context_gone_while_asd_was_away(w):
    f = w.link()
    t = talk(f)
    assert w.asd.stop() == 0
    w.fakes[0].tell("forget i2")
    w.start()
    f = w.link()
    assert f.wait_command("release", t)


@test()
def call_ended_while_asd_was_away(w):
    """The store was lost: mediad's contexts of ours are strays then."""
    f = w.link()
    talk(f)
    w.asd.stop(signal.SIGKILL)
    for name in os.listdir(w.dir):
        if name.startswith("asd.db"):
            os.unlink(os.path.join(w.dir, name))
    w.start()
    w.wait_contexts(0)
    w.wait_count(contexts_stray=1)


@test()
def stopping_answers_what_waits(w):
    w.fakes[0].set(post_delay_ms=3000)
    f = w.link()
    r = f.request(**offer(token()))
    time.sleep(0.2)
    w.asd.p.send_signal(signal.SIGTERM)
    v = f.wait(r)
    assert not v["ok"] and v["code"] == "stopping", v
    assert w.asd.p.wait(5) == 0


@test()
def a_second_asd_keeps_out(w):
    w.link()
    p = subprocess.run([w.asd_path, "-c", w.write_conf()], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "another asd" in p.stderr, p.stderr
    assert w.status()["calls"] == "0"


@test()
def damaged_store_goes_aside(w):
    f = w.link()
    talk(f)
    w.asd.stop()
    path = os.path.join(w.dir, "asd.db")
    with open(path, "r+b") as db:
        db.write(b"this is not a database at all, really not")
    p = subprocess.run([w.asd_path, "-c", w.write_conf(), "-t"], capture_output=True, text=True,
                       timeout=10)
    assert p.returncode == 1 and "damaged" in p.stderr, p
    w.start()
    assert any(n.startswith("asd.db.corrupt-") for n in os.listdir(w.dir))
    assert w.status()["calls"] == "0"


# ---- the system ----

@test(start=False)
def told_to_systemd(w):
    path = os.path.join(w.dir, "notify")
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.bind(path)
    n.settimeout(5)
    w.env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
    w.start()
    heard = b""
    while b"WATCHDOG=1" not in heard:
        heard += n.recv(4096)
    assert b"READY=1" in heard and b"calls" in heard, heard
    w.asd.p.send_signal(signal.SIGTERM)
    while b"STOPPING=1" not in heard:
        heard += n.recv(4096)
    assert w.asd.p.wait(5) == 0
    n.close()


@test(start=False)
def becomes_another_user(w):
    if os.geteuid() != 0:
        return
    import pwd
    who = pwd.getpwnam("nobody")
    os.chmod(w.dir, 0o755)
    os.mkdir(os.path.join(w.dir, "lib"))
    os.chown(os.path.join(w.dir, "lib"), who.pw_uid, who.pw_gid)
    w.conf["store.file"] = [os.path.join(w.dir, "lib", "asd.db")]
    # the checkout may be where that user cannot read
    lua = shutil.copytree(w.conf["policy.dir"][0], os.path.join(w.dir, "ar"))
    subprocess.run(["chmod", "-R", "a+rX", lua], check=True)
    w.conf["policy.dir"] = [lua]
    w.conf["asd.user"] = ["nobody"]
    w.start()
    with open("/proc/%d/status" % w.asd.p.pid) as f:
        ids = [line.split()[1:] for line in f if line.startswith(("Uid:", "Gid:", "Groups:"))]
    assert ids[0] == [str(who.pw_uid)] * 4 and ids[1] == [str(who.pw_gid)] * 4 and not ids[2], ids
    talk(w.link())
    w.wait_count(store_errors=0, update_ok=1)
    w.asd.stop()
    w.conf["asd.user"] = ["no-such-user"]
    p = subprocess.run([w.asd_path, "-c", w.write_conf()], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "no-such-user" in p.stderr, p.stderr


@test(conf={"asd.metrics": "127.0.0.1:%d" % free_port()})
def no_descriptor_is_left(w):
    """Neither listener tries on and on, and both serve who has waited."""
    f = w.link()
    host, port = w.conf["asd.metrics"][0].split(":")

    def connect(address, hello):
        s = socket.socket(socket.AF_INET if port in address else socket.AF_UNIX)
        s.connect((host, int(port)) if port in address else w.sock)
        s.settimeout(0.1)
        s.sendall(hello)

        def served():
            try:
                return s.recv(1) != b""
            except socket.timeout:
                return False
        return served
    body = b'{"id":1,"cmd":"hello","v":1,"kind":"admin","name":"x","instance":"y"}'
    for address, hello in (("", struct.pack("!I", len(body)) + body), (port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")):
        why = starved(w.asd.p.pid, lambda a=address, h=hello: connect(a, h), w.asd.text)
        assert not why, (address or "front", why)
        assert f.ask(cmd="ping")["ok"]


@test()
def store_on_a_full_disk(w):
    """Calls go on; the counter and the log tell."""
    w.asd.stop()
    small = os.path.join(w.dir, "small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", small],
                      capture_output=True).returncode != 0:
        w.start()
        return
    try:
        w.conf["store.file"] = [os.path.join(small, "asd.db")]
        w.start()
        f = w.link()
        names = [talk(f) for _ in range(40)]
        assert int(w.status()["store_errors"]) > 0
        assert "disk full" in w.asd.text()
        # there is room again: what is now is written, and nothing that ended meanwhile
        for t in names[:20]:
            bye(f, t)
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)

        def written():
            """the store to be written anew"""
            return "is written again" in w.asd.text()
        wait_for(written)
        w.asd.stop(signal.SIGKILL)
        w.start()
        assert w.status()["calls_restored"] == "20", w.status()
        f = w.link()
        for t in names[20:]:
            bye(f, t)
        w.wait_contexts(0)
        w.asd.stop()
    finally:
        subprocess.run(["umount", "-l", small], capture_output=True)


# ---- operator ----

def check(w, text, *argv):
    path = os.path.join(w.dir, "t.conf")
    with open(path, "w") as f:
        f.write(text)
    return subprocess.run([w.asd_path, "-c", path] + list(argv or ["-t"]), capture_output=True,
                          text=True, timeout=20)


@test()
def configuration_errors_say_where(w):
    cases = [("[asd]\nnmae = x\n", "t.conf:2"), ("[call]\nring_ttl = never\n", "t.conf:2"),
             ("[call]\nfallback = maybe\n", "fallback"), ("[dcsf]\ndcmf = x\n", "dcmf"),
             ("[dcsf]\ndcmf = a 1.2.3.4:1\ndcmf = a 1.2.3.4:2\n", "taken"),
             ("[front]\nlisten = somewhere\n", "listen"), ("[asd]\nname = a b\n", "name"),
             ("[front]\nunix_mode = 9\n", "unix_mode"), ("[asd]\nlog_level = loud\n", "log_level"),
             ("[dcsf]\nreserve_timeout_ms = 5000\n", "reserve_timeout_ms"),
             ("[asd]\nmetrics = 9920\n", "metrics"), ("[policy]\nmemory_kib = 1\n", "memory_kib")]
    for text, want in cases:
        p = check(w, text)
        assert p.returncode == 78 and want in p.stderr, (text, p.returncode, p.stderr)
    p = check(w, "[policy]\nfile = /nonexistent.lua\n")
    assert p.returncode == 1, p
    assert check(w, "", "--wrong").returncode == 2
    p = check(w, "", "--help")
    assert p.returncode == 0 and "decision_timeout_ms" in p.stdout
    assert "asd " in check(w, "", "--version").stdout


@test()
def shipped_configuration_is_right(w):
    with open(os.path.join(ROOT, "etc", "ims-ar", "asd.conf")) as f:
        text = f.read()
    for old, new in (("/etc/ims-ar/policy.lua", w.policy), ("/var/lib/ims-ar", w.dir),
                     ("; dir = /usr/share/ims-ar/lua/ar", "dir = " + ROOT + "/lua/ar")):
        assert old in text, old
        text = text.replace(old, new)
    p = check(w, text)
    assert p.returncode == 0 and "all right" in p.stdout, p


@test()
def policy_denies_and_reloads(w):
    f = w.link()
    begin(f)
    with open(w.policy, "w") as p:
        p.write("local ar = require 'ar.policy'\nreturn ar.new 'closed'\n"
                "  :rule('nobody', ar.match.any, ar.act.deny(403, 'AR service not allowed'))\n")
    assert admin(w.sock, "reload")["ok"]
    v = f.ask(**offer(token()))
    assert v == {"id": v["id"], "ok": True, "action": "deny", "code": 403, "rule": "nobody",
                 "reason": "AR service not allowed"}, v
    with open(w.policy, "w") as p:
        p.write("local ar = require 'ar.policy'\nreturn ar.new(\n")
    r = admin(w.sock, "reload")
    assert not r["ok"] and "policy.lua:" in r["reason"], r
    assert f.ask(**offer(token()))["action"] == "deny"  # the old one stays
    w.wait_count(policy_reloads=1, policy_reload_failed=1)
    w.asd.p.send_signal(signal.SIGHUP)
    w.wait_count(policy_reload_failed=2)


@test()
def broken_policy_at_start(w):
    w.asd.stop()
    with open(w.policy, "w") as p:
        p.write("this is not lua\n")
    p = subprocess.run([w.asd_path, "-c", w.write_conf()], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "policy.lua:1" in p.stderr, p.stderr


@test()
def policy_fails_in_a_call(w):
    f = w.link()
    with open(w.policy, "w") as p:
        p.write("local ar = require 'ar.policy'\nreturn ar.new 'bad'\n"
                "  :rule('loops', function(c) if c.caller.user == 'loop' then while true do end end "
                "return true end, ar.act.accept{scene='default'})\n")
    r = admin(w.sock, "reload")
    assert r["ok"], r
    v = f.ask(**offer(token(), **{"from": "sip:loop@ims"}))
    assert v["ok"] and v["action"] == "plain", v
    assert f.ask(**offer(token()))["action"] == "ar"
    w.wait_count(policy_failed=1)


@test(conf={"asd.metrics": "127.0.0.1:%d" % free_port()})
def metrics_and_health(w):
    base = "http://" + w.conf["asd.metrics"][0]
    f = w.link()
    talk(f)
    text = urllib.request.urlopen(base + "/metrics", timeout=5).read().decode()
    assert "asd_calls 1\n" in text and 'asd_dcmf_up{dcmf="m1"} 1' in text, text
    assert "asd_verdicts_ar_total 1\n" in text
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"]
    assert len(names) > 60
    assert urllib.request.urlopen(base + "/healthz", timeout=5).read() == b"ok\n"
    try:
        urllib.request.urlopen(base + "/secret", timeout=5)
        raise AssertionError("found")
    except urllib.error.HTTPError as e:
        assert e.code == 404
    w.fakes[0].tell("down 1")

    def sick():
        """health to say so"""
        try:
            urllib.request.urlopen(base + "/healthz", timeout=5)
        except urllib.error.HTTPError as e:
            return e.code == 503
        return False
    wait_for(sick)


if __name__ == "__main__":
    sys.exit(main(TESTS))
