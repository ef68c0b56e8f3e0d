# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of the laboratory: started, waited for by probing, ended by process id."""
import json
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import stock

MODULES = "/usr/lib/x86_64-linux-gnu/kamailio/modules"


class LabError(Exception):
    pass


def no_core_files():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def wait_until(probe, seconds, what, process=None):
    """Returns what probe() returned, as soon as that is true; process: without it, it never will be."""
    seconds *= 4  # nobody waits that long for what comes, and the machine may be busy
    deadline = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        if process and not process.alive():
            raise LabError(f"{what}: {process.name} ended with {process.popen.returncode}")
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def udp_bound(address, port):
    want = "".join(f"{int(b):02X}" for b in reversed(address.split("."))) + f":{port:04X}"
    with open("/proc/net/udp", encoding="ascii") as f:
        return any(line.split()[1] == want for line in f.readlines()[1:])


def tcp_listening(address, port):
    want = "".join(f"{int(b):02X}" for b in reversed(address.split("."))) + f":{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as f:
        return any(line.split()[1] == want and line.split()[3] == "0A" for line in f.readlines()[1:])


class Process:
    def __init__(self, name, argv, log, env=None):
        self.name, self.log = name, Path(log)
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=no_core_files,
                env={**os.environ, **(env or {})})

    def alive(self):
        return self.popen.poll() is None

    def signal_group(self, number):
        try:
            os.killpg(self.popen.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, seconds=3):
        """TERM to the process, KILL to its whole session when it does not go."""
        if self.alive():
            self.popen.terminate()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        self.signal_group(signal.SIGKILL)
        self.popen.wait()

    def tail(self, lines=12):
        text = self.log.read_text(errors="replace").splitlines()
        text = [line for line in text if not re.search(r"\b(INFO|DEBUG)\b", line)][-lines:]
        return "\n".join(f"    {self.name} | {line[:240]}" for line in text)


class Kamailio(Process):
    def __init__(self, role, run, log, modules=(), defines=()):
        self.role, self.run = role, Path(run)
        argv = ["kamailio", "-f", f"{run}/kamailio.cfg", "-L", ":".join([*modules, MODULES]),
                "-Y", str(run), "-P", f"{run}/pid", "-m", "64", "-M", "8", "-DD", "-E"]
        for define in defines:
            argv += ["-A", define]
        super().__init__(role, argv, log)

    def rpc(self, *command, seconds=4):
        """kamcmd's output, or None when it failed."""
        argv = ["kamcmd", "-s", f"unix:{self.run}/kamailio_ctl", *map(str, command)]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return None
        failed = done.returncode != 0 or done.stdout.startswith("error:")
        return None if failed else done.stdout

    def ready(self):
        if self.rpc("core.uptime") is None:
            return False
        peers = self.rpc("cdp.list_peers") if self.role in ("icscf", "scscf") else "I_Open"
        return peers is not None and "I_Open" in peers


class Lab:
    """The IMS: DNS, HSS, P-, I- and S-CSCF. Extra processes may be added."""

    def __init__(self, run):
        self.run, self.logs = Path(run), Path(run) / "log"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.processes = {}

    def add(self, process):
        self.processes[process.name] = process
        return process

    def start(self, name, argv, probe, seconds=10, env=None):
        process = self.add(Process(name, argv, self.logs / f"{name}.log", env))
        wait_until(probe, seconds, name, process)
        return process

    def kamailio(self, role, **more):
        return self.add(Kamailio(role, self.run / role, self.logs / f"{role}.log", **more))

    def wait_ready(self, *roles, seconds=15):
        for role in roles:
            process = self.processes[role]
            wait_until(process.ready, seconds, role, process)

    def start_core(self, subscribers):
        self.start("dns", ["dnsmasq", "-C", str(self.run / "dns/dnsmasq.conf")],
                   lambda: udp_bound("127.0.0.1", 53))
        config = self.run / "hss.json"
        address = [stock.ADDRESS["hss"], 3868]
        config.write_text(json.dumps({"listen": address, "host": stock.host("hss"),
                                      "realm": stock.HOME, "subscribers": subscribers}, indent=1))
        self.start("hss", ["python3", "-u", str(Path(__file__).with_name("cx_hss.py")), str(config)],
                   lambda: tcp_listening(*address))
        for role in ("scscf", "icscf", "pcscf"):
            self.kamailio(role)
        self.wait_ready("scscf", "icscf", "pcscf")

    def start_rtpengine(self):
        """One for each side, on the ports that the example P-CSCF expects."""
        for side, ng in (("mo", 9910), ("mt", 9911)):
            media = {"mo": "127.0.0.28", "mt": "127.0.0.29"}[side]
            self.start(f"rtpengine-{side}",
                       ["rtpengine", "--config-file=none", "--table=-1", f"--interface={media}",
                        f"--listen-ng=127.0.0.1:{ng}", f"--listen-cli=127.0.0.1:{ng + 100}",
                        "--port-min=30000", "--port-max=30400", "--delete-delay=0", "--foreground",
                        "--log-stderr", "--log-level=6", f"--pidfile={self.run}/rtpengine-{side}.pid"],
                       lambda ng=ng: udp_bound("127.0.0.1", ng))

    def hss_saw(self):
        lines = (self.logs / "hss.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def stop(self, name):
        self.processes.pop(name).stop()

    def stop_all(self):
        """Newest first; Kamailio 5.6 sometimes faults while it stops, which is not ours to judge."""
        for name in reversed(list(self.processes)):
            self.stop(name)
