# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts asd and mediads (the fake one, or the real one) on free ports, for tests."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import front

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from in_time import in_time, tries  # noqa: E402,F401


_given = set()


def free_port():
    """One that it has not given before: the kernel may name a port twice that nobody has bound yet."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def wait_for(what, timeout=30, step=0.02):
    """The first true value of what(), or an error with its name."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(step)
    raise AssertionError("timed out waiting for " + (what.__doc__ or what.__name__))


class Process:
    def __init__(self, argv, log, **kw):
        self.log_path = log
        self.log = open(log, "ab")
        self.p = subprocess.Popen(argv, stdout=self.log, stderr=self.log, **kw)

    def stop(self, sig=signal.SIGTERM, timeout=30):
        if self.p.poll() is None:
            self.p.send_signal(sig)
        try:
            return self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            self.p.kill()  # the tests after this one go on
            self.p.wait()
            raise
        finally:
            self.log.close()

    def rss_kib(self):
        with open("/proc/%d/status" % self.p.pid) as f:
            for line in f:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def text(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()


class Fake(Process):
    def __init__(self, program, where, name):
        self.name, self.port, self.control = name, free_port(), free_port()
        super().__init__([program, str(self.port), str(self.control)],
                         os.path.join(where, name + ".log"))
        self.sock = wait_for(self.connect)
        self.file = self.sock.makefile("rw")

    def connect(self):
        """the fake's control port"""
        try:
            return socket.create_connection(("127.0.0.1", self.control))
        except OSError:
            return None

    def tell(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        return self.file.readline().strip()

    def set(self, **manners):
        for name, value in manners.items():
            assert self.tell("set %s %d" % (name, value)) == "ok", name

    def counts(self):
        return dict(zip(("contexts", "POST", "PATCH", "DELETE"),
                        map(int, self.tell("count").split())))


class World:
    """One folder, one asd, its mediads."""

    def __init__(self, asd, fake=None, fakes=1, policy=None, conf=None):
        self.asd_path, self.fake_path = asd, fake
        self.dir = tempfile.mkdtemp(prefix="asd-test-")
        self.sock = os.path.join(self.dir, "asd.sock")
        self.policy = os.path.join(self.dir, "policy.lua")
        shutil.copy(policy or os.path.join(ROOT, "lua", "default.lua"), self.policy)
        self.fakes = [Fake(fake, self.dir, "m%d" % (i + 1)) for i in range(fakes)]
        self.conf = {"asd.log_level": ["debug"], "front.listen": ["unix:" + self.sock],
                     "policy.file": [self.policy],
                     "policy.dir": [os.path.join(ROOT, "lua", "ar")],
                     "store.file": [os.path.join(self.dir, "asd.db")],
                     "dcsf.dcmf": ["%s 127.0.0.1:%d" % (f.name, f.port) for f in self.fakes]}
        self.conf.update({k: v if isinstance(v, list) else [v] for k, v in (conf or {}).items()})
        self.asd = None
        self.env = None
        self.links = []
        for listen in self.conf["front.listen"]:
            if listen.startswith("unix:"):
                self.sock = listen[5:]

    def sanitized(self):
        with open(self.asd_path, "rb") as f:
            return b"__asan_init" in f.read()

    def context(self, ident, i=0):
        """One of the mediad's contexts, as it was told."""
        out = subprocess.run(
            ["curl", "-s", "--http2-prior-knowledge",
             "http://127.0.0.1:%d/nmf-mrm/v1/contexts/%s" % (self.fakes[i].port, ident)],
            capture_output=True, check=True, timeout=10).stdout
        return json.loads(out)

    def write_conf(self):
        path = os.path.join(self.dir, "asd.conf")
        sections = {}
        for key, values in self.conf.items():
            section, name = key.split(".", 1)
            sections.setdefault(section, []).extend("%s = %s" % (name, v) for v in values)
        with open(path, "w") as f:
            for section, lines in sections.items():
                f.write("[%s]\n%s\n" % (section, "\n".join(lines)))
        return path

    def start(self, ready=True):
        self.asd = Process([self.asd_path, "-c", self.write_conf()],
                           os.path.join(self.dir, "asd.log"), env=self.env)
        wait_for(self.answers)
        if ready:
            self.wait_ready()
        return self

    def answers(self):
        """asd to answer"""
        assert self.asd.p.poll() is None, self.asd.text()
        try:
            return self.status()
        except OSError:
            return None

    def status(self):
        return front.counters(self.sock)

    def dcmfs(self):
        items = front.admin(self.sock, "status")["items"]
        return {i["dcmf"]: i for i in items if "dcmf" in i}

    def wait_ready(self, names=None):
        want = names or [f.name for f in self.fakes]

        def all_ready():
            """the DCMFs to be ready"""
            d = self.dcmfs()
            return all(d[n]["state"] == "ready" for n in want)
        wait_for(all_ready)

    def link(self, **kw):
        f = front.Front(self.sock, **kw)
        self.links.append(f)
        return f

    def wait_count(self, **want):
        def reached():
            """counters"""
            s = self.status()
            return all(int(s.get(k, 0)) == v for k, v in want.items())
        try:
            wait_for(reached)
        except AssertionError:
            raise AssertionError("want %s, have %s" % (want, self.status()))

    def wait_contexts(self, n, i=0):
        def right():
            """contexts"""
            return self.fakes[i].counts()["contexts"] == n
        try:
            wait_for(right)
        except AssertionError:
            raise AssertionError("want %d contexts, have %s" % (n, self.fakes[i].counts()))

    def close(self, keep=False):
        for f in self.links:
            f.close()
        rc = self.asd.stop() if self.asd and self.asd.p.poll() is None else None
        for f in self.fakes:
            if f.p.poll() is None:
                f.stop()
        if not keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        return rc


def table():
    """Tests of a file, and the decorator that adds one: @test(fakes=2) has a world with two mediads."""
    tests = []

    def test(**world):
        def wrap(f):
            f.world = world
            tests.append(f)
            return f
        return wrap
    return tests, test


def make_world(t):
    """asd and its mediads as the test wants them, running unless it says start=False."""
    more = dict(t.world)
    start = more.pop("start", True)
    w = World(sys.argv[1], sys.argv[2], **more)
    if start:
        w.start()
    return w


def main(tests, make_world=make_world):
    """Runs every test in a world of its own; prints one line each. Status 1 when one failed."""
    failed = 0
    only = sys.argv[3:]
    for t in tests:
        if only and t.__name__ not in only:
            continue
        w, began = None, time.monotonic()

        def once():
            nonlocal w
            if w:
                w.close()
            w = make_world(t)
            t(w)
        try:
            _, note = tries(once)
            rc = w.close()
            assert rc in (0, None), "asd ended with %d" % rc
            print("ok %s (%.1f s)%s" % (t.__name__, time.monotonic() - began, note), flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print("not ok %s: %s: %s" % (t.__name__, type(e).__name__,
                                         str(e).replace("\n", " | ")), flush=True)
            if w:
                w.close(keep=True)
                print("    | logs: " + w.dir)
                if w.asd:
                    print("    | " + "\n    | ".join(w.asd.text().splitlines()[-15:]))
    return 1 if failed else 0
