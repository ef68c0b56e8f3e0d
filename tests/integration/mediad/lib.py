# SPDX-License-Identifier: GPL-2.0-or-later
"""A running mediad for tests, and what runs them: main(globals()) of test_*.py MEDIAD [test...] prints
ok/not ok lines. Only curl and sockets on the client's side, so that nothing of ours is on both ends."""
import atexit
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
HERE = os.path.dirname(os.path.abspath(__file__))
MEDIAD = sys.argv[1]
FINGERPRINT = "SHA-256 " + ":".join(["AB"] * 32)
CONTEXTS = "/nmf-mrm/v1/contexts"
PR_SET_CHILD_SUBREAPER = 36


def free_ports(n):
    """n UDP and TCP ports in a row that nobody uses."""
    while True:
        first = random.randrange(24200, 24900)
        try:
            held = []
            for p in range(first, first + n):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    s = socket.socket(socket.AF_INET, kind)
                    held.append(s)
                    s.bind(("127.0.0.1", p))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()


sys.path.insert(0, ROOT + "/tests/lib")
from in_time import in_time, tries  # noqa: E402,F401


class Failed(Exception):
    pass


def expect(what, ok, detail=""):
    if not ok:
        raise Failed("%s %s" % (what, detail))


def until(what, test, seconds=5.0):
    seconds *= 4  # nobody waits that long for what comes, and the machine may be busy
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = test()
        if got:
            return got
        time.sleep(0.03)
    raise Failed("waited %.0f s for %s" % (seconds, what))


class Mediad:
    """One running mediad with its configuration and log in a folder of its own."""

    def __init__(self, extra="", workers=2, application="", binary=MEDIAD, ready=True):
        self.folder = tempfile.mkdtemp(prefix="mediad-test-")
        os.chmod(self.folder, 0o755)
        first = free_ports(2 * workers + 1)
        self.port, self.udp, self.workers = first, first + 1, workers
        self.conf = os.path.join(self.folder, "mediad.conf")
        with open(self.conf, "w") as f:
            f.write("[mediad]\nworkers = %d\n%s\n[control]\nlisten = 127.0.0.1:%d\n[media]\nnetwork = default/127.0.0.1\n"
                    "port = %d\n[application]\nscenes = %s/webapp/scenes\nwebapp = %s/webapp/scenes\n%s\n"
                    % (workers, extra, self.port, self.udp, ROOT, ROOT, application))
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen([binary, "-c", self.conf], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.curls = []
        atexit.register(self.end)  # of a test that failed
        if ready:
            until("mediad to be ready", lambda: self.process.poll() is None and self.status_or_none() and self.status()["workersUp"] == workers)

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def curl(self, method, path, body=None, ctype=None, http="--http2-prior-knowledge", seconds=8):
        args = ["curl", "-sS", http, "--max-time", str(seconds), "-X", method, "-o", "-", "-w", "\n%{http_code}", self.url(path)]
        if ctype:
            args += ["-H", "content-type: " + ctype]
        if body is not None:
            args += ["--data-binary", "@-"]
        r = subprocess.run(args, input=(body if isinstance(body, bytes) else (body or "").encode()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if r.returncode != 0:
            raise Failed("curl %s %s: %s" % (method, path, r.stderr.decode().strip()))
        text, _, code = r.stdout.decode().rpartition("\n")
        return int(code), text

    def call(self, method, path, body=None, ctype=None):
        code, text = self.curl(method, path, json.dumps(body) if body is not None else None, ctype)
        return code, json.loads(text) if text.startswith(("{", "[")) else text

    def status_or_none(self):
        try:
            return self.status()
        except (Failed, ValueError):
            return None

    def status(self):
        return self.call("GET", "/x-ims-ar/v1/status")[1]

    def metric(self, name):
        total = 0.0
        for line in self.curl("GET", "/metrics")[1].splitlines():
            if line.startswith("mediad_" + name) and line[7 + len(name)] in "{ ":
                total += float(line.rsplit(" ", 1)[1])
        return total

    def create(self, **vendor):
        code, doc = self.call("POST", CONTEXTS, context(**vendor), "application/json")
        expect("create", code == 201, "%d %s" % (code, doc))
        return doc

    def events(self, query=""):
        """Follows the event stream; a list that grows, and the process."""
        p = subprocess.Popen(["curl", "-sS", "-N", "--http2-prior-knowledge", self.url("/x-ims-ar/v1/events" + query)],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        seen = []

        def read():
            for line in p.stdout:
                seen.append(json.loads(line))

        threading.Thread(target=read, daemon=True).start()
        self.curls.append(p)
        until("the hello event", lambda: seen and seen[0]["ev"] == "hello")
        return seen, p

    def pids(self):
        return [w["pid"] for w in self.status()["worker"]]

    def rss(self):
        """kB of private memory of parent and workers."""
        total = 0
        for pid in [self.process.pid] + self.pids():
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += sum(int(l.split()[1]) for l in f if l.startswith("Private_"))
        return total

    def said(self):
        self.log.flush()
        with open(os.path.join(self.folder, "log")) as f:
            return f.read()

    def stop(self):
        for p in self.curls:
            p.kill()
            p.wait()
        rc = None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            rc = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        return rc

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()

    def clean(self):
        self.stop() if self.process.poll() is None or self.curls else None
        shutil.rmtree(self.folder, ignore_errors=True)


def context(**vendor):
    streams = {"1000": {"streamId": 1000, "subprotocol": "mpeg-sd", "order": True},
               "1002": {"streamId": 1002, "subprotocol": "3gpp-ar-metadata", "order": False, "maxRetry": 0}}
    a = {"terminationId": "a", "medias": [{
        "mediaId": "1", "mediaResourceType": "DC",
        "dcMedia": {"streams": streams, "securitySetup": "PASSIVE", "remoteDcEndpoint": {"sctpPort": 5000, "fingerprint": FINGERPRINT}},
        "remoteMbEndpoint": {"ip": {"ipv4Addr": "127.0.0.1"}, "transport": "UDP", "portNumber": 52718},
        "x-ims-ar": {"user": "sip:alice@ims", "remote": {"ice": {"ufrag": "8hhY", "pwd": "asd88fgpdd777uzjYhagZg"}}}}]}
    b = {"terminationId": "b", "medias": [{"mediaId": "1", "mediaResourceType": "DC",
                                           "dcMedia": {"streams": streams, "securitySetup": "ACTPASS"},
                                           "x-ims-ar": {"user": "sip:bob@ims"}}]}
    return {"terminations": [a, b], "x-ims-ar": dict({"owner": "asd1", "callId": "abc@ue", "call": "9f3c", "scene": "default"}, **vendor)}


ANSWER = [{"op": "add", "path": "/terminations/1/medias/0/dcMedia/remoteDcEndpoint", "value": {"sctpPort": 5000, "fingerprint": FINGERPRINT}},
          {"op": "add", "path": "/terminations/1/medias/0/dcMedia/securitySetup", "value": "PASSIVE"},
          {"op": "add", "path": "/terminations/1/medias/0/x-ims-ar/remote", "value": {"ice": {"ufrag": "abcd", "pwd": "a" * 22}}}]


def path_of(doc):
    return CONTEXTS + "/" + doc["contextId"]


def run(name, f, *args):
    started = time.monotonic()
    try:
        note, again = tries(lambda: f(*args))
    except Failed as e:
        if str(e).strip() == "skip":
            print("skip %s (not here: no root or no node)" % name, flush=True)
            return True
        print("not ok %s: %s" % (name, e), flush=True)
        return False
    except Exception as e:  # pylint: disable=broad-except
        print("not ok %s: %r" % (name, e), flush=True)
        return False
    if note is None or isinstance(note, str):
        print("ok %s (%s%.1f s)%s" % (name, note + ", " if note else "", time.monotonic() - started, again), flush=True)
        return True
    return note


def main(tests):
    """tests: test_* with one mediad for all, alone_* with their own."""
    wanted = sys.argv[2:]
    ok = True
    shared = [(n[5:].replace("_", " "), f) for n, f in tests.items() if n.startswith("test_")]
    own = [(n[6:].replace("_", " "), f) for n, f in tests.items() if n.startswith("alone_")]
    shared = [x for x in shared if not wanted or x[0] in wanted]
    if shared:
        m = Mediad()
        for name, f in shared:
            ok = run(name, f, m) and ok
        if not ok:
            print("\n".join("    | " + l for l in m.said().splitlines()[-15:]))
        ok = run("nothing is left over", lambda: expect("contexts", m.call("GET", CONTEXTS)[1] == {"contexts": []})) and ok
        m.stop()
        m.clean()
    for name, f in own:
        if not wanted or name in wanted:
            ok = run(name, f) and ok
    return 0 if ok else 1
