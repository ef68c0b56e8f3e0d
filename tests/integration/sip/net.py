# SPDX-License-Identifier: GPL-2.0-or-later
"""Kamailios, asd and rtpengine of one test network on 127.0.0.1, from the shipped configuration."""
import contextlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
BUILD = (ROOT / os.environ.get("BUILD", "build/debug")).resolve()
# KAMAILIO_MODULES: of another Kamailio that comes first in PATH, with its own ims_ar
MODULES = os.environ.get("KAMAILIO_MODULES") or f"{BUILD}/kamailio-modules/ims_ar:/usr/lib/{os.uname().machine}-linux-gnu/kamailio/modules"
BASE = int(os.environ.get("SIP_BASE_PORT", "21000"))

ALICE, BOB, BOB2 = BASE + 1, BASE + 2, BASE + 3
P1, P2, CORE = BASE + 10, BASE + 11, BASE + 12
NG, RTP_MIN, RTP_MAX = BASE + 20, BASE + 100, BASE + 299
OFFER_TIMEOUT = 8000  # the shipped 2.5 s are for calls, not for machines that are busy with other tests
FAULTS = {-4, -6, -7, -8, -11}  # what a process ends with that has a defect: SIGILL, ABRT, BUS, FPE, SEGV
MRM, METRICS, MEDIA = BASE + 21, BASE + 22, BASE + 310


sys.path.insert(0, str(ROOT / "tests/lib"))
from ue import Failed  # noqa: E402 - a UE needs nothing of this file


def check(ok, why):
    if not ok:
        raise Failed(why)


def until(seconds, what, test):
    seconds *= 3  # nobody waits that long for what comes, and the machine may be busy
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return
        time.sleep(0.02)
    raise Failed(f"not within {seconds} s: {what}")


def front(sock, cmd, arg=None, timeout=20, kind="admin", **members):
    """One admin command over the front link, as kamcmd's process does it; or kind sip, as another Kamailio."""
    def send(s, o):
        b = json.dumps(o).encode()
        s.sendall(struct.pack(">I", len(b)) + b)

    def receive(s):
        def exactly(n):
            data = b""
            while len(data) < n:
                more = s.recv(n - len(data))
                if not more:
                    raise Failed("asd closed the connection")
                data += more
            return data
        return json.loads(exactly(struct.unpack(">I", exactly(4))[0]))

    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(str(sock))
        send(s, {"id": 1, "cmd": "hello", "v": 1, "kind": kind, "name": "test", "instance": "t"})
        receive(s)
        send(s, {"id": 2, "cmd": cmd, **({"arg": arg} if arg else {}), **members})
        return receive(s)


def children_run(group):
    """Any of the process group that has not ended; what nobody waits for is a zombie and has no socket."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(pgrp) == group and state not in "ZX":
                return True
    return False


class Process:
    def __init__(self, run, name, cmd):
        self.name = name
        self.out = open(run / f"{name}.log", "ab")
        self.p = subprocess.Popen(cmd, stdout=self.out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  start_new_session=True)

    def alive(self):
        return self.p.poll() is None

    def stop(self, signal=15):
        if self.alive():
            self.p.send_signal(signal)
            try:
                self.p.wait(8)
            except subprocess.TimeoutExpired:
                os.killpg(self.p.pid, 9)
                self.p.wait(5)
        self.gone()

    def crash(self):
        """All of it at once, as a power cut would."""
        os.killpg(self.p.pid, 9)
        self.p.wait(5)
        self.gone()

    def gone(self):
        """No child has its sockets any more: they die by themselves, on a busy machine later than it."""
        end = time.monotonic() + 5
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < end and children_run(self.p.pid):
                os.killpg(self.p.pid, 9)
                time.sleep(0.01)
        self.out.close()


class Net:
    def __init__(self, two=False, rtpengine=False, define=(), modparams=(), modes=("ar",), challenge=False, asds=1, before="",
                 after=None,
                 children=1, kamailio_args=(), real=False, kemi=False, config=None, policy=None, asd_conf="",
                 mediad_conf=""):
        self.run = Path(tempfile.mkdtemp(prefix="ims-ar-sip."))
        self.two, self.rtpengine, self.define, self.challenge = two, rtpengine, list(define), challenge
        self.modparams, self.asds, self.children = {"offer_timeout": OFFER_TIMEOUT, **dict(modparams)}, asds, children
        self.kamailio_args = list(kamailio_args)
        self.processes = {}
        self.modes = list(modes)
        self.sipps = []
        self.kemi = kemi  # pcscf1 is kemi.cfg, and there is no home network
        self.config = config  # of the test, in place of pcscf.cfg
        self.before, self.after = before, after  # more lines of configuration; after(net) makes them
        self.policy, self.asd_conf, self.mediad_conf = policy, asd_conf, mediad_conf  # of the real ones
        self.real = real  # asd and mediad themselves, not the stand-in

    # ---- processes

    def asd_socket(self, i=1):
        return self.run / f"asd{i}.sock"

    def start_mediad(self):
        config = self.run / "mediad.conf"
        config.write_text(f"[mediad]\nworkers = 1\n[control]\nlisten = 127.0.0.1:{MRM}\n[media]\n"
                          f"network = default/127.0.0.1\nport = {MEDIA}\n[application]\nscenes = {ROOT}/webapp/scenes\n"
                          f"webapp = {ROOT}/webapp/dist\n{self.mediad_conf}")
        self.processes["mediad"] = Process(self.run, "mediad", [str(BUILD / "mediad/mediad"), "-c", str(config)])
        until(10, "mediad answers", lambda: self.contexts() is not None)

    def contexts(self):
        """How many contexts mediad has; None: it does not answer."""
        r = subprocess.run(["curl", "-sf", "-m", "1", "--http2-prior-knowledge",
                            f"http://127.0.0.1:{MRM}/x-ims-ar/v1/status"], capture_output=True, text=True, check=False)
        return json.loads(r.stdout).get("contexts") if r.returncode == 0 else None

    def medias(self):
        """Of mediad's contexts: the ids of the media that know their UE, by termination."""
        def get(path):
            r = subprocess.run(["curl", "-sf", "-m", "1", "--http2-prior-knowledge", f"http://127.0.0.1:{MRM}/nmf-mrm/v1/contexts{path}"],
                               capture_output=True, text=True, check=False)
            return json.loads(r.stdout) if r.returncode == 0 else {}
        return [{t["terminationId"]: sorted(m["mediaId"] for m in t["medias"] if m.get("dcMedia", {}).get("remoteDcEndpoint"))
                 for t in get("/" + c["contextId"]).get("terminations", [])} for c in get("").get("contexts", [])]

    def start_real_asd(self):
        config, policy = self.run / "asd.conf", self.run / "policy.lua"
        if self.policy:
            policy.write_text(self.policy)
        elif not policy.exists():
            shutil.copy(ROOT / "lua/default.lua", policy)
        config.write_text(f"[asd]\nname = asd-test\nmetrics = 127.0.0.1:{METRICS}\n[front]\nlisten = unix:{self.asd_socket()}\n"
                          f"[dcsf]\ndcmf = mediad1 127.0.0.1:{MRM}\n[policy]\nfile = {policy}\ndir = {ROOT}/lua/ar\n"
                          f"[call]\ndecision_timeout_ms = {OFFER_TIMEOUT - 500}\n[store]\nfile = {self.run}/asd.db\n{self.asd_conf}")
        self.processes["asd1"] = Process(self.run, "asd1", [str(BUILD / "asd/asd"), "-c", str(config)])
        until(10, "asd listens", lambda: self.alive("asd1") and self.asd_listens())
        if "mediad" in self.processes:
            until(10, "asd has found mediad", self.dcmf_up)

    def dcmf_up(self):
        r = subprocess.run(["curl", "-sf", "-m", "1", f"http://127.0.0.1:{METRICS}/metrics"], capture_output=True, text=True,
                           check=False)
        return 'asd_dcmf_up{dcmf="mediad1"} 1' in r.stdout

    def start_asd(self, *modes, i=1):
        if self.real:
            self.start_real_asd()
            return
        p = Process(self.run, f"asd{i}", [sys.executable, str(HERE / "fake_asd.py"), str(self.asd_socket(i)),
                                          str(self.run / f"asd{i}.json"), *(modes or self.modes)])
        self.processes[f"asd{i}"] = p
        until(5, "fake asd listens", lambda: self.asd_listens(i))

    def asd_listens(self, i=1):
        """Its socket is there before it listens."""
        with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            s.connect(str(self.asd_socket(i)))
            return True
        return False

    def stop_asd(self, signal=9, i=1):
        """Returns when the module has seen it."""
        self.processes.pop(f"asd{i}").stop(signal)
        self.asd_socket(i).unlink(missing_ok=True)
        if "pcscf1" in self.processes and self.processes["pcscf1"].alive():
            until(5, "the link is down", lambda: not self.link_up())

    def kamailio(self, name, config, defines):
        cmd = [*os.environ.get("KAMAILIO_UNDER", "").split(), "kamailio", "-f", str(config), "-DD", "-E", "-m", "64", "-M", "8",
               "-x", "tlsf", "-X", "tlsf", "-L", MODULES, "-P", str(self.run / f"{name}.kpid"), *self.kamailio_args]
        for d in defines:
            cmd += ["-A", d]
        self.processes[name] = Process(self.run, name, cmd)

    def start_pcscf(self, n=1):
        port = P1 if n == 1 else P2
        d = [f"PCSCF_SIP=udp:127.0.0.1:{port}", f"PCSCF_TCP=tcp:127.0.0.1:{port}", f'PCSCF_HOME="sip:127.0.0.1:{CORE}"',
             f"PCSCF_HOME_PORT={CORE}", f'PCSCF_CTL="unix:{self.run}/pcscf{n}.ctl"',
             f'IMS_AR_ASD="unix:{self.asd_socket(1)}"', f'IMS_AR_NAME="pcscf{n}"', 'IMS_AR_SECRET="of the tests"',
             f"PCSCF_CHILDREN={self.children}"]
        if self.asds > 1:
            d.append(f'IMS_AR_ASD2="unix:{self.asd_socket(2)}"')
        if self.rtpengine:
            d += ["WITH_RTPENGINE", f'PCSCF_RTPENGINE="udp:127.0.0.1:{NG}"']
        if self.kemi:
            self.kamailio("pcscf1", HERE / "kemi.cfg", [d[0], d[4], d[5], f'KEMI_SCRIPT="{HERE}/kemi.js"',
                                                              f"KEMI_UE=sip:127.0.0.1:{BOB}"])
            return
        # the shipped file, with parameters of the test behind it
        config = self.run / f"pcscf{n}.cfg"
        config.write_text(self.before + f'include_file "{HERE / self.config if self.config else ROOT / "etc/kamailio/pcscf.cfg"}"\n' +
                          "".join(f'modparam("ims_ar", "{k}", {v})\n' for k, v in self.modparams.items()) +
                          (self.after(self) if self.after else ""))
        self.kamailio(f"pcscf{n}", config, d + self.define)

    def start_core(self):
        d = [f"CORE_SIP=udp:127.0.0.1:{CORE}", f'CORE_CTL="unix:{self.run}/core.ctl"']
        self.kamailio("core", ROOT / "etc/kamailio/core.cfg", d + (["WITH_CHALLENGE"] if self.challenge else []))

    def start_rtpengine(self):
        self.processes["rtpengine"] = Process(self.run, "rtpengine", [
            "rtpengine", "--config-file=none", "--table=-1", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{NG}",
            f"--port-min={RTP_MIN}", f"--port-max={RTP_MAX}", "--foreground", "--log-stderr", "--delete-delay=0",
            f"--pidfile={self.run}/rtpengine.pid"])
        # Kamailio would not ask it again for a minute
        until(10, "rtpengine is up", lambda: "Startup complete" in self.log_tail("rtpengine"))

    def up(self):
        if self.real:
            self.start_mediad()
        for i in range(1, self.asds + 1):
            self.start_asd(i=i)
        if self.rtpengine:
            self.start_rtpengine()
        if not self.kemi:
            self.start_core()
        for n in (1, 2) if self.two else (1,):
            self.start_pcscf(n)
        self.ready()
        if not self.kemi:
            self.register("bob", BOB)
        return self

    def ready(self):
        for name in ("core", "pcscf1", "pcscf2") if self.two else ("pcscf1",) if self.kemi else ("core", "pcscf1"):
            until(10, f"{name} answers", lambda n=name: self.alive(n) and self.rpc(n, "core.uptime")[0] == 0)
        until(5, "the link to asd is up", lambda: self.link_up())

    def alive(self, name):
        check(self.processes[name].alive(), f"{name} has died: {self.log_tail(name)}")
        return True

    def log_tail(self, name, n=400):
        return (self.run / f"{name}.log").read_text(errors="replace")[-n:].replace("\n", " | ")

    def down(self):
        crashed = []
        for name in list(self.processes)[::-1]:
            p = self.processes.pop(name)
            if not p.alive() and not name.startswith("asd"):
                crashed.append(name)
            p.stop()
            if p.p.returncode in FAULTS:
                crashed.append(f"{name} (signal {-p.p.returncode}, on its way out)")
        if not os.environ.get("KEEP") and not crashed:
            shutil.rmtree(self.run, ignore_errors=True)
        else:
            print(f"# {self.run}", flush=True)
        check(not crashed, f"died before its end: {crashed}")

    # ---- asking

    def rpc(self, name, *cmd):
        r = subprocess.run(["kamcmd", "-s", f"unix:{self.run}/{name}.ctl", *cmd], capture_output=True, text=True, errors="replace",
                           timeout=15, check=False)
        text = r.stdout + r.stderr
        return (1 if re.search(r"(?m)^error:", text) or r.returncode else 0), text

    def set(self, name, value):
        """A run-time parameter of the module."""
        rc, text = self.rpc("pcscf1", "cfg.set_now_int", "ims_ar", name, str(value))
        check(rc == 0, f"cfg.set_now_int {name}: {text}")
        time.sleep(0.05)

    def status(self, n=1):
        """What the module says of itself, by name."""
        rc, text = self.rpc(f"pcscf{n}", "ims_ar.status")
        check(rc == 0, f"ims_ar.status: {text.strip()[:200]}")
        part = re.search(r"\{[^{}]*part: ims_ar\b[^{}]*\}", text)
        check(part, f"no module part in: {text[:200]}")
        return dict(re.findall(r"(\w+): (\S+)", part.group(0)))

    def link_up(self, n=1):
        rc, text = self.rpc(f"pcscf{n}", "ims_ar.status")
        return rc == 0 and len(re.findall(r"state: up", text)) == self.asds

    def shm_used(self, n=1):
        return int(re.search(r"used: (\d+)", self.rpc(f"pcscf{n}", "core.shmmem")[1]).group(1))

    def asd(self, i=1):
        """What the fake asd knows."""
        return json.loads(front(self.asd_socket(i), "dump")["items"][0]["json"])

    def mode(self, *modes, i=1):
        front(self.asd_socket(i), "mode", ",".join(modes))

    def events(self, call=None):
        """What asd was told; ends of calls are told with the next tick."""
        until(3, "asd has been told all", lambda: self.status()["events_unacked"] == "0")
        return [e["ev"] for e in self.asd()["events"] if call in (None, e["callid"])]

    def settled(self, asd=True):
        """After a call: nothing left anywhere."""
        for n in (1, 2) if self.two else (1,):
            until(3, f"pcscf{n} has no call: {self.status(n)}", lambda n=n: self.status(n)["calls"] == "0")
            until(3, f"pcscf{n} owes asd nothing", lambda n=n: not asd or self.status(n)["events_unacked"] == "0")
            s = self.status(n)
            check(s["offers_waiting"] == "0", f"offers wait: {s}")
        if asd and self.real:
            until(3, "mediad has no context", lambda: self.contexts() == 0)
            until(3, "asd has no call", lambda: "call" not in self.rpc("pcscf1", "ims_ar.calls")[1])
        elif asd:
            d = self.asd()
            check(d["reserve"] == d["release"] and not d["calls"],
                  f"asd reserved {d['reserve']}, released {d['release']}, has {list(d['calls'])}; "
                  f"events {[e['ev'] for e in d['events']][-8:]}")

    def register(self, user, port, pcscf=None, tcp=False, tags=""):
        pcscf = pcscf or (P2 if self.two else P1)
        n = int(time.monotonic() * 1000) % 1000000000  # a new one each time
        text = (f"REGISTER sip:ims.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{user}{port}{n}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:{user}@ims.example>;tag=r{port}\r\nTo: <sip:{user}@ims.example>\r\n"
                f"Call-ID: reg-{user}-{port}@127.0.0.1\r\nCSeq: {n} REGISTER\r\nContact: <sip:{user}@127.0.0.1:{port}>{tags}\r\n"
                f"Supported: path\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
            s.settimeout(3)
            for _ in range(3):
                s.sendto(text.encode(), ("127.0.0.1", pcscf))
                try:
                    answer = s.recv(65535)
                except socket.timeout:
                    continue
                check(b" 200 " in answer.split(b"\r\n")[0], f"REGISTER: {answer[:60]}")
                return
        raise Failed("no answer to REGISTER")
