#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How calls outlive mediad's parent, by accident and by an upgrade: test_upgrade.py MEDIAD [test...]."""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from lib import ANSWER, CONTEXTS, HERE, MEDIAD, PR_SET_CHILD_SUBREAPER, ROOT, Failed, Mediad, expect, in_time, main, path_of, until


def alone_parent_killed():
    """Without calls there is nothing to wait for."""
    m = Mediad()
    pids = m.pids()
    m.process.kill()
    m.process.wait()
    until("the workers to end", lambda: not any(os.path.exists("/proc/%d" % p) for p in pids))
    m.clean()


def gone(pids):
    return not any(os.path.exists("/proc/%d" % p) and "Z" not in open("/proc/%d/stat" % p).read().split()[2] for p in pids)


def restart(m, wait=True):
    m.process = subprocess.Popen([MEDIAD, "-c", m.conf], stdout=m.log, stderr=m.log, stdin=subprocess.DEVNULL)
    if wait:
        until("mediad to be ready", lambda: m.process.poll() is None and another(m, ""))


def answered(m, doc):
    """The other UE's answer to a call that was being set up finds its context, whoever serves it now."""
    code, live = m.call("PATCH", path_of(doc), ANSWER, "application/json-patch+json")
    expect("its answer is taken", code == 200, live)
    code, live = m.call("GET", path_of(doc))
    expect("and it waits for that UE", live["terminations"][1]["medias"][0]["x-ims-ar"]["state"] == "checking", live)


def alone_parent_killed_with_calls():
    """kill -9 of the parent costs no call: its successor adopts the workers that have some."""
    m = Mediad()
    made = [m.create(owner="asd%d" % (i % 2), callId="call%d" % i, leaseSeconds=120) for i in range(6)]
    pids = sorted(m.pids())
    m.process.kill()
    m.process.wait()
    time.sleep(0.3)
    expect("the workers go on", all(os.path.exists("/proc/%d" % p) for p in pids))
    restart(m)
    for c in made:
        status, doc = m.call("GET", CONTEXTS + "/" + c["contextId"])[:2]
        expect("context %s is served" % c["contextId"], status == 200 and doc["contextId"] == c["contextId"], status)
    listed = m.call("GET", CONTEXTS + "?owner=asd0")[1]["contexts"]
    expect("owners are known", sorted(x["x-ims-ar"]["callId"] for x in listed) == ["call0", "call2", "call4"], listed)
    answered(m, made[3])
    expect("the same processes", sorted(m.pids()) == pids or m.said().count("adopted with") == 2, m.pids())
    # a new one can be made, an old one deleted, and a dead worker is seen and replaced
    m.create(callId="after")
    expect("delete", m.call("DELETE", CONTEXTS + "/" + made[0]["contextId"])[0] == 204)
    os.kill(pids[0], signal.SIGKILL)
    until("the dead worker's contexts to go", lambda: len(m.call("GET", CONTEXTS)[1]["contexts"]) < 6)
    until("another in its place", lambda: m.status()["workersUp"] == 2, 10)
    m.create(callId="later")
    # twice in a row
    m.process.kill()
    m.process.wait()
    restart(m)
    n = len(m.call("GET", CONTEXTS)[1]["contexts"])
    expect("contexts after the second", n >= 4, n)
    alive = sorted(m.pids())
    m.stop()
    until("all to end with an orderly stop", lambda: gone(pids + alive))
    m.clean()


def change(m, old, new):
    with open(m.conf) as f:
        text = f.read()
    expect("setting", old in text)
    with open(m.conf, "w") as f:
        f.write(text.replace(old, new))


def alone_parent_killed_other_configuration():
    """A successor with another configuration lets the old workers drain beside its own."""
    m = Mediad(workers=1)
    old = m.create(callId="old")
    pids = m.pids()
    m.process.kill()
    m.process.wait()
    change(m, "network = default/127.0.0.1", "network = default/127.0.0.1\nnetwork = other/127.0.0.2")
    restart(m)
    status = m.status()
    expect("one drains", status["workersDraining"] == 1 and [w["draining"] for w in status["worker"]] == [False, True], status)
    expect("its call goes on", m.call("GET", path_of(old))[0] == 200)
    answered(m, old)
    new = m.create(callId="new")
    ports = [d["terminations"][0]["medias"][0]["localMbEndpoint"]["portNumber"] for d in (old, new)]
    expect("new ones go elsewhere", ports == [m.udp, m.udp + 1], ports)
    # the second in its place is as any other
    m.process.kill()
    m.process.wait()
    restart(m)
    expect("both are there", sorted(w["draining"] for w in m.status()["worker"]) == [False, True], m.status())
    expect("both calls", m.call("GET", path_of(old))[0] == m.call("GET", path_of(new))[0] == 200)
    m.call("DELETE", path_of(old))
    until("the old one to end with its last call", lambda: m.status()["workersDraining"] == 0 and gone(pids), 8)
    expect("told as what it is", "has drained" in m.said() and m.metric("worker_drained_total") == 1 and m.metric("worker_deaths_total") == 0)
    m.stop()
    m.clean()


def replace(program):
    """As a package does it: the file is another one."""
    shutil.copy2(MEDIAD, program + ".new")
    os.utime(program + ".new")
    os.rename(program + ".new", program)


def another(m, before):
    """A mediad that is not that one answers, with all its workers."""
    status = m.status_or_none()
    return status and status["instance"] != before and status["workersUp"] == m.workers


def upgrade(m, before):
    m.process.send_signal(signal.SIGUSR2)
    until("the new mediad", lambda: another(m, before), 30)


def alone_upgrade_refused():
    """Nothing changes when the new program or configuration does not pass its own check."""
    m = Mediad(workers=1)
    doc = m.create()
    before = m.status()
    change(m, "workers = 1", "workers = many")
    m.process.send_signal(signal.SIGUSR2)
    until("the refusal", lambda: "upgrade refused" in m.said())
    expect("and why", "workers = many" in m.said())
    change(m, "workers = many", "workers = 1")
    expect("nothing changed", m.status()["instance"] == before["instance"] and m.pids() == [w["pid"] for w in before["worker"]])
    expect("the call goes on", m.call("GET", path_of(doc))[0] == 200)
    upgrade(m, before["instance"])
    expect("the call goes on through one", m.call("GET", path_of(doc))[0] == 200 and m.status()["workersDraining"] == 1)
    # a second one waits for what drains
    instance = m.status()["instance"]
    m.process.send_signal(signal.SIGUSR2)
    until("it to be put off", lambda: "waits for 1 workers" in m.said())
    m.call("DELETE", path_of(doc))
    until("it to happen", lambda: another(m, instance), 30)
    expect("nothing drains", m.status()["workersDraining"] == 0)
    expect("the same process", m.process.poll() is None and m.stop() == 0)
    m.clean()


def alone_upgrade_limit():
    """Calls of before that do not end are ended after drain_seconds, and that is told."""
    m = Mediad(workers=1, extra="drain_seconds = 2\n")
    doc = m.create()
    upgrade(m, m.status()["instance"])
    seen, _ = m.events()
    until("its end", lambda: [e for e in seen if e["ev"] == "context-gone" and e["contextId"] == doc["contextId"]], 10)
    expect("with the reason", "drain_seconds" in [e for e in seen if e["ev"] == "context-gone"][0]["reason"])
    expect("counted as a loss", m.metric("worker_deaths_total") == 1)
    m.stop()
    m.clean()


def alone_upgrade():
    """A real call lives through two upgrades and a kill -9 of the parent. Prints its own lines."""
    node = shutil.which("node")
    if not node or not os.path.isdir(ROOT + "/webapp/node_modules/@roamhq"):
        print("skip upgrade (npm packages of webapp are not installed)")
        return None
    with tempfile.TemporaryDirectory(prefix="mediad-test-") as folder:
        os.chmod(folder, 0o755)
        program = folder + "/mediad"
        shutil.copy2(MEDIAD, program)
        m = Mediad(binary=program)
        ue = subprocess.Popen([node, HERE + "/upgrade.mjs", m.url("")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        def until_says(word):
            for line in ue.stdout:
                line = line.decode()
                if line.strip() == word:
                    return
                print(line, end="", flush=True)
            raise Failed("upgrade.mjs ended")

        def checked(what):
            ue.stdin.write((what + "\n").encode())
            ue.stdin.flush()
            until_says("checked")

        watchdog = threading.Timer(100, ue.kill)
        watchdog.start()
        try:
            until_says("up")
            old = m.pids()
            replace(program)
            upgrade(m, m.status()["instance"])
            expect("the same process", m.process.poll() is None)
            expect("new workers", not set(w["pid"] for w in m.status()["worker"] if not w["draining"]) & set(old))
            checked("upgrade")
            m.process.kill()
            m.process.wait()
            m.process = subprocess.Popen([program, "-c", m.conf], stdout=m.log, stderr=m.log, stdin=subprocess.DEVNULL)
            until("mediad to be ready", lambda: another(m, ""), 30)
            checked("kill -9 after it")
            ue.stdin.close()
            until_says("the end")
        except Failed as e:
            if str(e) != "upgrade.mjs ended":
                raise
        finally:
            watchdog.cancel()
            ue.kill() if ue.poll() is None and not ue.stdin.closed else None
        failed = ue.wait(10)
        if not failed:
            until("the old workers to have ended", lambda: m.status()["workersDraining"] == 0 and gone(old), 8)
            expect("no call was lost", m.metric("worker_deaths_total") == 0)
        else:
            print("\n".join("    | " + l for l in m.said().splitlines()[-25:]))
        m.stop()
        m.clean()
        return failed == 0


def alone_hung_after_adoption():
    m = Mediad(workers=1)
    m.create(callId="x")
    pids = m.pids()
    m.process.kill()
    m.process.wait()
    restart(m)
    os.kill(pids[0], signal.SIGSTOP)
    until("its contexts to go", lambda: m.call("GET", CONTEXTS)[1] == {"contexts": []}, 20)
    until("another in its place", lambda: gone(pids) and m.status()["workersUp"] == 1, 10)
    m.stop()
    m.clean()


def alone_adopted_and_nobody_reaps():
    """In a container whose first process reaps nobody an ended worker stays as a zombie: stop all the same."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    m = Mediad(workers=1)
    m.create(callId="x")
    pids = m.pids()
    m.process.kill()
    m.process.wait()
    restart(m)
    expect("adopted", m.pids() == pids, m.pids())
    started = time.monotonic()
    rc = m.stop()
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    expect("an orderly stop", rc == 0, rc)
    in_time("stopping", time.monotonic() - started, 4.5)
    expect("nobody has reaped it", os.waitpid(pids[0], 0)[0] == pids[0])
    m.clean()


def alone_restarted_before_the_worker_knows():
    m = Mediad(workers=1)
    m.create(callId="x")
    pids = m.pids()
    os.kill(pids[0], signal.SIGSTOP)
    m.process.kill()
    m.process.wait()
    restart(m, wait=False)
    time.sleep(2)  # on a machine that has no time for it
    os.kill(pids[0], signal.SIGCONT)
    until("the worker to be adopted", lambda: m.status_or_none() and m.status()["workersUp"] == 1)
    expect("the same process", m.pids() == pids, m.pids())
    expect("with its call", len(m.call("GET", CONTEXTS)[1]["contexts"]) == 1)
    m.stop()
    m.clean()


def alone_worker_is_slow_to_greet():
    """It waits for a parent, and just then gets no CPU: not given up, it has a call."""
    m = Mediad(workers=1)
    doc = m.create(callId="x")
    pids = m.pids()
    m.process.kill()
    m.process.wait()
    until("the worker to wait", lambda: "@ims-ar-mediad-%d-" % m.udp in open("/proc/net/unix").read())
    os.kill(pids[0], signal.SIGSTOP)
    restart(m, wait=False)
    time.sleep(2)
    expect("nothing is decided yet", not gone(pids) and m.process.poll() is None)
    os.kill(pids[0], signal.SIGCONT)
    until("the worker to be adopted", lambda: m.status_or_none() and m.status()["workersUp"] == 1)
    expect("the same process with its call", m.pids() == pids and m.call("GET", path_of(doc))[0] == 200, m.pids())
    m.stop()
    m.clean()


HOLDER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1].replace("@", chr(0)))
s.listen(0)
c = [socket.socket(socket.AF_UNIX) for i in range(8)]
for x in c:
    x.setblocking(False)
    x.connect_ex(sys.argv[1].replace("@", chr(0)))
print("held", flush=True)
sys.stdin.read()
"""


def alone_name_held_by_another():
    """Names like those of our workers keep nobody from starting, nor from being found."""
    m = Mediad(workers=1)
    doc = m.create()
    pids = m.pids()
    names = ["@ims-ar-mediad-%d" % m.udp] + ["@ims-ar-mediad-%d-%032x" % (m.udp, i) for i in range(3)]
    others = [subprocess.Popen(["/usr/bin/python3", "-c", HOLDER, n], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               user=65534 if os.geteuid() == 0 else None) for n in names]
    try:
        for other in others:
            expect("held", other.stdout.readline() == b"held\n")
        m.process.kill()
        m.process.wait()
        restart(m)
        expect("its worker is found beside them", m.pids() == pids and m.call("GET", path_of(doc))[0] == 200, m.pids())
        expect("the others live", all(other.poll() is None for other in others))
    finally:
        for other in others:
            other.kill()
            other.wait()
        m.stop()
    m.clean()


STRANGER = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1].replace("@", chr(0)))
s.listen(8)
print("listening", flush=True)
while True:
    c, _ = s.accept()
    try:
        c.sendall(b"\\0\\0\\0\\x10" + b"{" * 16)
    except OSError:
        pass
"""


def alone_name_of_another_user():
    """Who listens at such a name as another user is not spoken to; it can take no call and hold up nothing."""
    if os.geteuid() != 0:
        raise Failed("skip")
    m = Mediad(workers=1)
    doc = m.create()
    m.process.kill()
    m.process.wait()
    other = subprocess.Popen(["/usr/bin/python3", "-c", STRANGER, "@ims-ar-mediad-%d-%032x" % (m.udp, 7)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, user=65534)
    try:
        expect("listening", other.stdout.readline() == b"listening\n")
        restart(m)
        expect("told", "is not ours: left alone" in m.said())
        expect("left alone", other.poll() is None and m.call("GET", path_of(doc))[0] == 200)
    finally:
        other.kill()
        other.wait()
        m.stop()
    m.clean()


if __name__ == "__main__":
    sys.exit(main(globals()))
