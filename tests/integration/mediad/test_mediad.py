#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""mediad as an operator and asd meet it: test_mediad.py MEDIAD [test...]."""
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from lib import ANSWER, CONTEXTS, FINGERPRINT, HERE, MEDIAD, ROOT, Failed, Mediad, context, expect, in_time, main, path_of, until

from descriptors import starved  # noqa: E402


# ---- the operations ----

def test_life_of_a_context(m):
    doc = m.create()
    medium = doc["terminations"][0]["medias"][0]
    expect("address", medium["localMbEndpoint"] == {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": medium["localMbEndpoint"]["portNumber"]})
    expect("port", m.udp <= medium["localMbEndpoint"]["portNumber"] < m.udp + m.workers)
    expect("both terminations on one worker", medium["localMbEndpoint"] == doc["terminations"][1]["medias"][0]["localMbEndpoint"])
    code, listing = m.call("GET", CONTEXTS + "?owner=asd1")
    expect("list", code == 200 and [c["contextId"] for c in listing["contexts"]] == [doc["contextId"]])
    expect("list of another owner", m.call("GET", CONTEXTS + "?owner=asd2")[1] == {"contexts": []})
    code, patched = m.call("PATCH", path_of(doc), ANSWER, "application/json-patch+json")
    expect("patch", code == 200 and patched["terminations"][1]["medias"][0]["dcMedia"]["securitySetup"] == "PASSIVE", patched)
    code, live = m.call("GET", path_of(doc))
    expect("get", code == 200 and live["terminations"][1]["medias"][0]["x-ims-ar"]["state"] == "checking", live)
    code, scene = m.call("GET", "/x-ims-ar/v1/contexts/%s/scene" % doc["contextId"])
    expect("scene", code == 200 and scene["asset"]["version"] == "2.0")
    expect("?scene=1", m.call("GET", path_of(doc) + "?scene=1")[1] == scene)
    expect("delete", m.curl("DELETE", path_of(doc))[0] == 204)
    expect("gone", m.curl("GET", path_of(doc))[0] == 404 and m.curl("DELETE", path_of(doc))[0] == 404)
    expect("list is empty", m.call("GET", CONTEXTS)[1] == {"contexts": []})


def test_refusals(m):
    good = json.dumps(context())
    doc = m.create()
    cases = [
        ("POST", CONTEXTS, "{", None, 400, "line 1"),
        ("POST", CONTEXTS, "", None, 400, "empty"),
        ("POST", CONTEXTS, good.replace("1002", "2002"), None, 400, "/terminations/0/medias/0/dcMedia/streams/2002/streamId"),
        ("POST", CONTEXTS, good.replace('"maxRetry": 0', '"maxRetry": 0, "maxTime": 5'), None, 400, "RFC 8864"),
        ("POST", CONTEXTS, good.replace('"default"', '"mars"'), None, 400, "there are: "),
        ("POST", CONTEXTS, good, "text/xml", 415, "text/xml"),
        ("POST", CONTEXTS, "x" * (256 * 1024 + 1), None, 413, "262144"),
        ("POST", CONTEXTS, "[" * 40 + "]" * 40, None, 400, "nested"),
        ("PUT", CONTEXTS, None, None, 405, ""),
        ("POST", "/metrics", "{}", None, 405, ""),
        ("GET", "/nothing", None, None, 404, "no such resource"),
        ("GET", CONTEXTS + "/0.123", None, None, 404, "0.123"),
        ("GET", CONTEXTS + "/9.123", None, None, 404, "9.123"),
        ("GET", CONTEXTS + "/" + "a" * 65, None, None, 400, "64"),
        ("GET", "/" + "a" * 3000, None, None, 404, ""),
        ("PATCH", path_of(doc), "[]", "application/json", 415, "json-patch"),
        ("PATCH", path_of(doc), "[]", "application/json-patch+json", 400, "operation"),
        ("PATCH", path_of(doc), '[{"op":"test","path":"/contextId","value":1}]', "application/json-patch+json", 409, "test failed"),
        ("PATCH", path_of(doc), '[{"op":"remove","path":"/terminations/7"}]', "application/json-patch+json", 400, "operation 0"),
        ("PATCH", CONTEXTS + "/0.5", '[{"op":"remove","path":"/x"}]', "application/json-patch+json", 404, ""),
    ]
    for method, path, body, ctype, want, text in cases:
        code, answer = m.curl(method, path, body, ctype)
        expect("%s %.40s" % (method, path), code == want and text in answer, "%d %s" % (code, answer[:200]))
        expect("problem", json.loads(answer)["status"] == want, answer)
    # what a plain `curl -d` sends is taken, as docs/mrm.md shows it
    code, answer = m.curl("POST", CONTEXTS, good, "application/x-www-form-urlencoded")
    expect("curl -d", code == 201, answer)
    m.curl("DELETE", path_of(json.loads(answer)))
    m.curl("DELETE", path_of(doc))


def test_http_1_and_metrics(m):
    doc = m.create()
    until("contexts to be counted", lambda: m.metric("contexts") == 1)  # with the workers' next sign of life
    code, text = m.curl("GET", "/metrics", http="--http1.1")
    expect("metrics", code == 200 and "# TYPE mediad_contexts gauge" in text and 'mediad_worker_up{worker="0"} 1' in text, text[:300])
    family, seen = "", set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
            expect("%s once" % family, family not in seen)
            seen.add(family)
        elif not line.startswith("#"):
            expect("lines of a metric together, after its type", re.match(r"\w+", line).group(0) == family, line)
    expect("healthz", m.curl("GET", "/healthz", http="--http1.1") == (200, "ok\n"))
    expect("status", m.status()["contexts"] == 1 and m.status()["maxContexts"] == 4000)
    code, text = m.curl("POST", CONTEXTS, "{}", http="--http1.1")
    expect("HTTP/1.1 cannot create", code == 505 and "--http2-prior-knowledge" in text)
    m.curl("DELETE", path_of(doc))


def test_spread_over_workers(m):
    docs = [m.create() for _ in range(10)]
    ports = [d["terminations"][0]["medias"][0]["localMbEndpoint"]["portNumber"] for d in docs]
    expect("five each", ports.count(m.udp) == 5 and ports.count(m.udp + 1) == 5, ports)
    for d in docs:
        m.curl("DELETE", path_of(d))


# ---- strangers ----

def test_garbage_on_the_control_port(m):
    before = m.metric("control_garbage_total")
    rng = random.Random(7)
    n = 0
    for i in range(60):
        with socket.create_connection(("127.0.0.1", m.port), 2) as s:
            s.settimeout(2)
            try:
                junk = bytes(rng.randrange(256) for _ in range(200)) if i % 2 else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(rng.randrange(256) for _ in range(200))
                s.sendall(junk)
                while s.recv(4096):
                    pass
                n += 1
            except ConnectionResetError:
                n += 1
            except socket.timeout:
                # an HTTP/2 frame of a length that has not come yet: the time limit is for that
                pass
    expect("closed", n >= 50, n)
    expect("counted", m.metric("control_garbage_total") - before >= 50)
    expect("still serves", m.status()["workersUp"] == m.workers)


def test_slow_clients(m):
    """One that says nothing, one with half a request, one with half a body: all cut off."""
    started = time.monotonic()
    silent = socket.create_connection(("127.0.0.1", m.port))
    half = socket.create_connection(("127.0.0.1", m.port))
    half.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
    slow = subprocess.Popen(["curl", "-sS", "--http2-prior-knowledge", "--max-time", "30", "-X", "POST", "-T", "-", m.url(CONTEXTS)],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    slow.stdin.write(b"{")
    slow.stdin.flush()
    m.curls.append(slow)
    for s in (silent, half):
        s.settimeout(60)
        expect("closed", s.recv(100) == b"")
        s.close()
    took = time.monotonic() - started
    expect("after the limit, not at once", 8 < took, took)
    # curl itself waits for its input and does not look
    until("the slow upload to be cut", lambda: m.metric("control_timeouts_total") >= 3, 5)
    in_time("closing them", took, 16)


def alone_client_without_a_window():
    """HTTP/2 clients that ask and never open a window: their answers, and connections, end."""
    m = Mediad(workers=1)
    settings = b"\0\0\6\4\0\0\0\0\0" + b"\0\4" + b"\0\0\0\0"  # SETTINGS_INITIAL_WINDOW_SIZE 0
    # :method GET, :scheme http, :path /metrics, :authority x (RFC 7541, without Huffman)
    block = b"\x82\x86\x04\x08/metrics\x01\x01x"
    headers = len(block).to_bytes(3, "big") + b"\1\5" + (1).to_bytes(4, "big") + block
    socks = []
    for _ in range(8):
        s = socket.create_connection(("127.0.0.1", m.port))
        s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers)
        socks.append(s)
    before = m.metric("control_timeouts_total")
    until("the answers to be given up", lambda: m.metric("control_timeouts_total") >= before + 8, 45)
    expect("the service goes on", m.status()["workersUp"] == 1)
    for s in socks:
        s.close()
    m.stop()
    m.clean()


def test_garbage_on_the_media_port(m):
    rng = random.Random(11)
    doc = m.create()
    ufrag = doc["terminations"][0]["medias"][0]["x-ims-ar"]["ice"]["ufrag"].encode()
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = doc["terminations"][0]["medias"][0]["localMbEndpoint"]["portNumber"]
    for i in range(3000):
        n = rng.randrange(1, 1400)
        junk = bytearray(rng.randrange(256) for _ in range(n))
        if i % 3 == 0:  # looks like STUN for our peer
            junk = bytearray(b"\0\1\0\x18\x21\x12\xa4\x42" + bytes(12) + b"\0\6\0\x0d" + (ufrag + b":8hhY").ljust(16, b"\0")) + junk[:8]
        elif i % 3 == 1:  # like DTLS
            junk[0] = 20 + rng.randrange(44)
        s.sendto(bytes(junk), ("127.0.0.1", port))
        if i % 100 == 0:
            time.sleep(0.01)
    time.sleep(1.5)
    expect("counted", m.metric("datagrams_total") > 1000, m.metric("datagrams_total"))
    expect("nobody died", [w["starts"] for w in m.status()["worker"]] == [1] * m.workers)
    expect("context is untouched", m.call("GET", path_of(doc))[1]["terminations"][0]["medias"][0]["x-ims-ar"]["state"] == "checking")
    m.curl("DELETE", path_of(doc))


def hello(number, cookie=b""):
    """A ClientHello as far as a server without state looks at it (RFC 6347 4.2.1)."""
    body = b"\xfe\xfd" + bytes(32) + b"\0" + bytes([len(cookie)]) + cookie + b"\0\2\xc0\x2b\1\0"
    message = b"\1" + len(body).to_bytes(3, "big") + (1 if cookie else 0).to_bytes(2, "big") + bytes(3) + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xff\0\0" + number.to_bytes(6, "big") + len(message).to_bytes(2, "big") + message


def test_flood_of_half_open_handshakes(m):
    """From the address of a UE without ICE, as if spoofed: answered at the rate and with less than came."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    body = context()
    del body["terminations"][0]["medias"][0]["x-ims-ar"]["remote"]
    body["terminations"][0]["medias"][0]["remoteMbEndpoint"]["portNumber"] = s.getsockname()[1]
    body["terminations"][0]["medias"][0]["x-ims-ar"]["remote"] = {"iceLite": True}
    code, doc = m.call("POST", CONTEXTS, body, "application/json")
    expect("create", code == 201, doc)
    to = ("127.0.0.1", doc["terminations"][0]["medias"][0]["localMbEndpoint"]["portNumber"])
    before, sent, got, bigger = m.metric("dtls_hellos_limited_total"), 0, 0, 0
    for i in range(3000):
        sent += s.sendto(hello(i, b"never our cookie" if i % 2 else b""), to)
        if i % 50 == 0:
            time.sleep(0.002)
    s.setblocking(False)
    time.sleep(1.2)  # the next sign of life has the counters
    try:
        while True:
            d = s.recv(2000)
            got += 1
            bigger += len(d)
    except BlockingIOError:
        pass
    limited = m.metric("dtls_hellos_limited_total") - before
    expect("some are answered, by requests for a cookie", 0 < got and d[13] == 3, got)
    expect("the others are dropped and counted", limited > 500, limited)
    expect("no amplification", bigger < sent, "%d %d" % (bigger, sent))
    expect("the call goes on waiting", m.call("GET", path_of(doc))[1]["terminations"][0]["medias"][0]["x-ims-ar"]["state"] == "handshake")
    m.curl("DELETE", path_of(doc))
    return "%d of 1500 answered" % got


# ---- death ----

def test_a_worker_is_killed(m):
    seen, _ = m.events("?owner=asd1")
    docs = [m.create() for _ in range(4)]
    port_of = lambda d: d["terminations"][0]["medias"][0]["localMbEndpoint"]["portNumber"]
    lost = [d for d in docs if port_of(d) == m.udp]
    kept = [d for d in docs if port_of(d) != m.udp]
    old = m.pids()[0]
    os.kill(old, signal.SIGKILL)
    until("context-gone", lambda: len([e for e in seen if e["ev"] == "context-gone"]) == len(lost))
    gone = [e for e in seen if e["ev"] == "context-gone"]
    expect("the right ones", sorted(e["contextId"] for e in gone) == sorted(d["contextId"] for d in lost))
    expect("with a reason", all("signal 9" in e["reason"] for e in gone), gone)
    expect("404", all(m.curl("GET", path_of(d))[0] == 404 for d in lost))
    expect("the others live", all(m.curl("GET", path_of(d))[0] == 200 for d in kept))
    until("the worker to be back", lambda: m.status()["workersUp"] == m.workers and m.pids()[0] not in (0, old))
    again = [m.create() for _ in range(2)]
    expect("on the same port", m.udp in [port_of(d) for d in again])
    for d in kept + again:
        m.curl("DELETE", path_of(d))


def test_a_worker_hangs(m):
    seen, _ = m.events()
    docs = [m.create() for _ in range(2)]
    pid = m.pids()[0]
    started = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    until("the hung worker to be killed", lambda: [e for e in seen if e["ev"] == "context-gone"], 8)
    took = time.monotonic() - started
    expect("after three seconds", 2 < took, took)
    expect("reason", "hung" in [e for e in seen if e["ev"] == "context-gone"][0]["reason"])
    until("the worker to be back", lambda: m.status()["workersUp"] == m.workers)
    expect("counted", m.metric("worker_killed_total") >= 1)
    for d in docs:
        m.curl("DELETE", path_of(d))
    in_time("killing it", took, 6)


def test_request_to_a_hung_worker(m):
    """It is answered all the same."""
    doc = m.create()
    worker = int(doc["contextId"].split(".")[0])
    os.kill(m.pids()[worker], signal.SIGSTOP)
    code, answer = m.curl("GET", path_of(doc), seconds=10)
    expect("503 or 504", code in (503, 504), "%d %s" % (code, answer))
    until("the worker to be back", lambda: m.status()["workersUp"] == m.workers, 8)


def test_no_descriptor_is_left(m):
    """The control port waits instead of trying on and on."""
    def connect():
        s = socket.create_connection(("127.0.0.1", m.port), timeout=0.1)
        s.sendall(b"GET /x-ims-ar/v1/status HTTP/1.1\r\nHost: x\r\n\r\n")

        def served():
            try:
                return s.recv(1) == b"H"
            except socket.timeout:
                return False
        return served
    def log():
        with open(os.path.join(m.folder, "log"), errors="replace") as f:
            return f.read()
    why = starved(m.process.pid, connect, log)
    expect("no flood, no loss", not why, why)


# ---- leases, draining ----

def test_leases(m):
    forgotten = m.create(owner="nobody", leaseSeconds=5)
    renewed = m.create(owner="patcher", leaseSeconds=5)
    heard = m.create(owner="asd 9", leaseSeconds=5)
    seen, stream = m.events("?owner=asd%209")
    for _ in range(8):
        time.sleep(1)
        code, _ = m.call("PATCH", path_of(renewed), [{"op": "test", "path": "/contextId", "value": renewed["contextId"]}], "application/json-patch+json")
        expect("renewal", code == 200)
    expect("the forgotten one ended", m.curl("GET", path_of(forgotten))[0] == 404)
    expect("and that was told", [e for e in seen if e["ev"] == "context-gone" and e["reason"] == "lease" and e["contextId"] == forgotten["contextId"]])
    expect("the others live", m.curl("GET", path_of(renewed))[0] == 200 and m.curl("GET", path_of(heard))[0] == 200)
    expect("load events", [e for e in seen if e["ev"] == "load" and e["maxContexts"] == 4000 and e["draining"] is False])
    stream.kill()
    until("the lease of the one that left", lambda: m.curl("GET", path_of(heard))[0] == 404, 9)
    m.curl("DELETE", path_of(renewed))


def test_draining(m):
    doc = m.create()
    m.process.send_signal(signal.SIGUSR1)
    until("draining", lambda: m.status()["draining"])
    code, answer = m.call("POST", CONTEXTS, context(), "application/json")
    expect("refused", code == 503 and answer["cause"] == "NF_CONGESTION", answer)
    expect("calls go on", m.curl("GET", path_of(doc))[0] == 200)
    m.process.send_signal(signal.SIGUSR1)
    until("taking again", lambda: not m.status()["draining"])
    # as asd asks for it (kamcmd ims_ar.drain); twice is once
    for on in (True, True, False, False):
        code, answer = m.call("PUT", "/x-ims-ar/v1/drain", {"draining": on}, "application/json")
        expect("drain", code == 200 and answer["draining"] == on == m.status()["draining"], answer)
    # one worker, by its number
    for worker in (0, 1):
        code, answer = m.call("PUT", "/x-ims-ar/v1/drain", {"draining": True, "worker": worker}, "application/json")
        expect("drain one", code == 200 and not answer["draining"], answer)
        docs = [m.create() for _ in range(4)]
        ports = {d["terminations"][0]["medias"][0]["localMbEndpoint"]["portNumber"] for d in docs}
        expect("all are in the other", ports == {m.udp + 1 - worker}, ports)
        expect("it shows", [w["draining"] for w in m.status()["worker"]] == [worker == 0, worker == 1])
        expect("the call from before goes on", m.curl("GET", path_of(doc))[0] == 200)
        m.call("PUT", "/x-ims-ar/v1/drain", {"draining": False, "worker": worker}, "application/json")
        for d in docs:
            m.curl("DELETE", path_of(d))
        expect("new contexts", m.curl("POST", CONTEXTS, json.dumps(context()), "application/json")[0] == (503 if on else 201))
    for c in m.call("GET", CONTEXTS)[1]["contexts"]:
        if c["contextId"] != doc["contextId"]:
            m.curl("DELETE", path_of(c))
    for bad in ("", "{", "[]", "{}", '{"draining":1}', '{"draining":"true"}'):
        expect(bad, m.curl("PUT", "/x-ims-ar/v1/drain", bad, "application/json")[0] == 400)
    m.curl("DELETE", path_of(m.create()))
    m.curl("DELETE", path_of(doc))


# ---- memory ----

def churn(m, n):
    """n contexts made and deleted on one connection; the median of a create in ms. (Debian's curl
    cannot use a connection with prior knowledge twice.)"""
    r = subprocess.run(["node", HERE + "/churn.mjs", m.url(""), str(n)], input=json.dumps(context()).encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    expect("churn", r.returncode == 0, r.stderr.decode()[-300:])
    return r.stdout.decode().strip()


def test_memory_is_flat(m):
    if not shutil.which("node"):
        raise Failed("skip")
    churn(m, 1000)
    time.sleep(1.2)
    # allocators grow by steps; what leaks with every context grows every time
    for _ in range(3):
        before = m.rss()
        median = churn(m, 1000)
        time.sleep(1.2)
        after = m.rss()
        if after - before < 1024:
            break
        print("# memory %d kB -> %d kB with 1,000 contexts" % (before, after))
    expect("no context left", m.call("GET", CONTEXTS)[1] == {"contexts": []})
    expect("all were made", m.metric("contexts_created_total") >= 2000)
    expect("memory", after - before < 1024, "%d kB -> %d kB" % (before, after))
    return "%d kB before, %d kB after 1,000 contexts, create %s ms" % (before, after, median)


# ---- start and end (each with a mediad of its own) ----

def alone_stop():
    m = Mediad()
    pids = m.pids()
    started = time.monotonic()
    expect("status 0", m.stop() == 0)
    in_time("stopping", time.monotonic() - started, 2)
    expect("no worker left", not any(os.path.exists("/proc/%d" % p) for p in pids))
    m.clean()


def alone_bad_configuration():
    cases = [(78, "[mediad]\nworkers = 99\n", "workers = 99: want a number from 0 to 32"), (78, "[mediad]\nfoo = 1\n", "no such setting"),
             (78, "[control]\nlisten = here\n", "want address:port"), (78, "[media]\nnetwork = default/0.0.0.0\n", "advertised"),
             (1, "[application]\nscenes = /nonexistent\n", "/nonexistent: No such file"),
             (1, "[application]\nscenes = %s/webapp/scenes\napplication = none\n" % ROOT, "no such application"),
             (1, "[application]\nscenes = {folder}\n", "broken.gltf: line 1")]
    with tempfile.TemporaryDirectory(prefix="mediad-test-") as folder:
        with open(folder + "/broken.gltf", "w") as f:
            f.write("{")
        for status, text, want in cases:
            with open(folder + "/x.conf", "w") as f:
                f.write(text.replace("{folder}", folder))
            r = subprocess.run([MEDIAD, "-t", "-c", folder + "/x.conf"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            expect(text, r.returncode == status and want in r.stderr.decode(), r.stderr.decode())
        r = subprocess.run([MEDIAD, "-c", folder + "/none"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        expect("no file", r.returncode == 78 and "No such file" in r.stderr.decode())
        with open(folder + "/x.conf", "w") as f:
            f.write("[mediad]\nworkers = 3\n[media]\nport = 41000\nnetwork = default/127.0.0.1\nnetwork = out/127.0.0.2!192.0.2.7\n"
                    "[application]\nscenes = %s/webapp/scenes\nwebapp = %s/webapp/scenes\napplications = %s/lua/apps\n" % (ROOT, ROOT, ROOT))
        r = subprocess.run([MEDIAD, "-t", "-c", folder + "/x.conf"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = r.stdout.decode()
        expect("ports for the firewall", r.returncode == 0 and "UDP 41000-41005 at 127.0.0.1:" in said
               and "UDP 41000-41005 at 127.0.0.2, which UEs know as 192.0.2.7" in said and "TCP 127.0.0.1:9910" in said, said + r.stderr.decode())
    for flag in ("--help", "--version"):
        expect(flag, subprocess.run([MEDIAD, flag], stdout=subprocess.PIPE).returncode == 0)
    expect("unknown flag", subprocess.run([MEDIAD, "--nonsense"], stderr=subprocess.PIPE).returncode == 2)


def alone_privileges():
    if os.geteuid() != 0:
        raise Failed("skip")
    # the user that the program drops to must be able to be in its folders
    m = Mediad(extra="user = nobody\n")
    for pid in [m.process.pid] + m.pids():
        with open("/proc/%d/status" % pid) as f:
            text = f.read()
        expect("uid", "Uid:\t65534\t65534\t65534\t65534" in text)
        expect("no_new_privs", "NoNewPrivs:\t1" in text)
        expect("capabilities", "CapEff:\t0000000000000000" in text)
    old = m.pids()[0]
    os.kill(old, signal.SIGKILL)
    until("the worker to be back", lambda: m.status()["workersUp"] == m.workers and m.pids()[0] not in (0, old))
    m.create()
    m.stop()
    m.clean()


def alone_systemd():
    """READY=1 comes when the workers are up."""
    with tempfile.TemporaryDirectory(prefix="mediad-test-") as folder:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(folder + "/notify")
        s.settimeout(5)
        os.environ["NOTIFY_SOCKET"] = folder + "/notify"
        try:
            m = Mediad(ready=False)
            expect("READY", b"READY=1" in s.recv(1000))
        finally:
            del os.environ["NOTIFY_SOCKET"]
        expect("workers are up", m.status()["workersUp"] == m.workers)
        m.stop()
        expect("STOPPING", any(b"STOPPING=1" in d for d in iter(lambda: recv_or_end(s), b"")))
        m.clean()
        s.close()


def recv_or_end(s):
    s.settimeout(0.2)
    try:
        return s.recv(1000)
    except socket.timeout:
        return b""


def alone_real_ues():
    """Prints its own lines."""
    node = shutil.which("node")
    if not node or not os.path.isdir(ROOT + "/webapp/node_modules/@roamhq"):
        print("skip real UEs (npm packages of webapp are not installed)")
        return None
    m = Mediad()
    folder = os.path.join(m.folder, "scenes")
    os.mkdir(folder)
    failed = 0
    for script in ("call.mjs", "room.mjs", "mobile.mjs"):
        r = subprocess.run([node, HERE + "/" + script, m.url(""), folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90)
        print(r.stdout.decode(), end="", flush=True)
        failed |= r.returncode
    if os.path.isdir(ROOT + "/tests/suites/node_modules/gltf-validator"):
        files = [os.path.join(d, f) for d in (folder, ROOT + "/webapp/scenes") for f in sorted(os.listdir(d)) if f.endswith(".gltf")]
        v = subprocess.run([node, HERE + "/validate.mjs"] + files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        print(v.stdout.decode(), end="", flush=True)
    else:
        print("skip gltf-validator (npm packages of tests/suites are not installed)")
    time.sleep(1.2)
    expect("no context left", m.status()["contexts"] == 0)
    if failed:
        print("\n".join("    | " + l for l in m.said().splitlines()[-20:]))
    m.stop()
    m.clean()
    return failed == 0


SLICE = 120  # seconds of one process of UEs


def soak_slice(m, node, seconds, rss, every):
    """UEs come and go; their totals, or None: their WebRTC library has crashed (@roamhq/wrtc does, now and then)."""
    p = subprocess.Popen([node, HERE + "/soak.mjs", m.url(""), str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    limit = time.monotonic() + seconds + 60
    while p.poll() is None and time.monotonic() < limit:
        time.sleep(every)
        rss.append(m.rss())
    p.kill()
    said = p.stdout.read().decode().strip().splitlines()
    if p.wait() in (-signal.SIGSEGV, -signal.SIGABRT):
        return None
    expect("all calls came up", p.returncode == 0, "status %d\n%s" % (p.returncode, "\n".join(said[-10:])))
    return json.loads(said[-1])


def alone_soak():
    """Real UEs come and go: every call comes up, nothing is left, memory is flat. SOAK=1: for half an
    hour, or SOAK_SECONDS."""
    node = shutil.which("node")
    if not node or not os.path.isdir(ROOT + "/webapp/node_modules/@roamhq"):
        raise Failed("skip")
    seconds = int(os.environ.get("SOAK_SECONDS", 1800 if os.environ.get("SOAK") == "1" else 6))
    m = Mediad()
    rss, total, crashed, every = [], {}, 0, 1 if seconds < 100 else 10
    ends = time.monotonic() + seconds
    while not total or time.monotonic() < ends - 1:
        one = soak_slice(m, node, max(6, min(SLICE, round(ends - time.monotonic()))), rss, every)
        for k, v in (one or {}).items():
            total[k] = total.get(k, 0) + v
        crashed += one is None
        expect("UEs that do not crash every time", crashed <= 2 + seconds / SLICE)
    # the calls of UEs that crashed end without their consent
    until("the last calls' end", lambda: m.status()["contexts"] == 0 and m.metric("peers_connected") == 0, 30 if crashed else 2)
    expect("nobody died", m.metric("worker_deaths_total") == 0)
    quarter = max(1, len(rss) // 4)
    second, last = max(rss[quarter:2 * quarter] or rss), max(rss[-quarter:])
    # allocators breathe, and fill up at first; what leaks with every call is far more in half an hour
    expect("memory", last - second < (2048 if seconds >= 600 else 32768), "%d kB -> %d kB: %s" % (second, last, rss))
    m.stop()
    m.clean()
    if seconds >= 600:
        print("# memory, one value a minute, kB: " + " ".join(str(v) for v in rss[5::6]))
    return "%s%s, %d kB in the second quarter, %d kB in the last" % (
        json.dumps(total), ", %d times the UEs' library crashed" % crashed if crashed else "", second, last)


if __name__ == "__main__":
    sys.exit(main(globals()))
