#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the commands of docs/operations.md against a live network with a call in it, and checks the
links of every page and the list of docs/shapes.md. `console` blocks: "$ command" lines, then what it must print, "..." standing for
anything. One line a command: ok or not ok."""
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build/release"))
STACK = os.path.join(ROOT, "scripts/stack.sh")
bad = 0


def say(ok, name, why=""):
    global bad
    bad += not ok
    print(("ok " if ok else "not ok ") + name + (f": {why}" if why else ""), flush=True)


def sh(cmd, env=None, timeout=300):
    p = subprocess.run(["bash", "-c", cmd], capture_output=True, text=True, env=env, timeout=timeout,
                       cwd=ROOT, stdin=subprocess.DEVNULL)
    return p.returncode, p.stdout + p.stderr


def commands(path):
    """(command, expected text) of every console block."""
    for block in re.findall(r"^```console\n(.*?)^```", open(path).read(), re.S | re.M):
        found = []
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif found:
                found[-1][1].append(line)
        yield from ((c, "\n".join(e)) for c, e in found)


def matches(expected, got):
    parts = [re.escape(p) for p in expected.strip().split("...")]
    return re.fullmatch(r"\s*" + ".*".join(parts) + r"\s*", got, re.S) is not None


def links():
    for page in ["README.md", "CONTRIBUTING.md"] + ["docs/" + f for f in sorted(os.listdir(os.path.join(ROOT, "docs")))]:
        if not page.endswith(".md"):
            continue
        text = open(os.path.join(ROOT, page)).read()
        broken = [t for t in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
                  if not os.path.exists(os.path.join(ROOT, os.path.dirname(page), t))]
        say(not broken, f"links of {page}", ", ".join(broken))


def shapes():
    """docs/shapes.md names every call shape of the SIP suite, once, and no other."""
    rc, out = sh("tests/integration/sip/run.sh --list")
    there = {line.split()[0] for line in out.splitlines()}
    named = re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", open(os.path.join(ROOT, "docs/shapes.md")).read())
    wrong = [f"not there: {n}" for n in sorted(there - set(named))] + \
        [f"no such shape: {n}" for n in sorted(set(named) - there)] + [f"twice: {n}" for n in there if named.count(n) > 1]
    say(rc == 0 and len(there) > 150 and not wrong, "docs/shapes.md has every call shape", ", ".join(wrong))


class Network:
    """A stack, and tools by their documented names that talk to it."""

    def __init__(self):
        rc, out = sh(f"{STACK} new ims-ar-docs", dict(os.environ, BUILD=BUILD))
        if rc:
            raise SystemExit(f"not ok stack.sh new: {out}")
        self.run = out.strip().splitlines()[-1]
        self.env = dict(os.environ, RUN=self.run, BUILD=BUILD)
        rc, out = sh(f"{STACK} up", self.env)
        if rc:
            sh(f"{STACK} down", self.env)
            raise SystemExit(f"not ok stack.sh up: {out}")
        self.ports = dict(line.split("=", 1) for line in open(f"{self.run}/env").read().splitlines())
        self.tools()
        self.call = subprocess.Popen(["node", "tests/check/hold_call.mjs", self.run], cwd=ROOT, text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        call_id = self.call.stdout.readline().strip()
        self.env.update(CALL_ID=call_id, PKG=tempfile.mkdtemp(prefix="ims-ar-pkg-", dir=self.run),
                        PATH=f"{self.run}/bin:{os.environ['PATH']}")
        say(bool(call_id), "a call for the commands to look at")

    def tools(self):
        os.makedirs(f"{self.run}/bin")
        sub = (f"-e s#127.0.0.1:9910#127.0.0.1:{self.ports['P_MRM']}# "
               f"-e s#127.0.0.1:9920#127.0.0.1:{self.ports['P_ASD']}# "
               f"-e s#/etc/ims-ar/#{self.run}/#")
        for name, cmd in (("kamcmd", f"/usr/sbin/kamcmd -s unix:{self.run}/pcscf1.ctl"), ("curl", "/usr/bin/curl -m 5"),
                          ("asd", f"{BUILD}/asd/asd"), ("mediad", f"{BUILD}/mediad/mediad"),
                          ("mediad-armf", f"{BUILD}/mediad/mediad-armf")):
            path = f"{self.run}/bin/{name}"
            with open(path, "w") as f:
                f.write("#!/bin/bash\nargs=()\nfor a in \"$@\"; do args+=(\"$(sed " + sub + " <<<\"$a\")\"); done\n"
                        f"exec {cmd} \"${{args[@]}}\"\n")
            os.chmod(path, 0o755)

    def hang_up(self):
        if self.call.poll() is None:
            self.call.stdin.close()
            self.call.wait(timeout=60)
        for _ in range(300):
            rc, out = sh("kamcmd ims_ar.calls", self.env)
            if rc == 0 and not out.strip():
                return
            time.sleep(0.1)

    def end(self):
        if self.call.poll() is None:
            self.call.kill()
        rc, out = sh(f"{STACK} down", self.env)
        say(rc == 0, "the network stops", out.strip())
        sh(f"rm -rf {self.run}")


def run_page(net, page, only=""):
    for command, expected in commands(os.path.join(ROOT, page)):
        if not command.startswith(only):
            continue
        name = f"{page}: {command}"
        if command == "hang-up-the-call":
            net.hang_up()
            say(True, name)
            continue
        rc, out = sh(command, net.env)
        fine = rc == 0 and matches(expected, out)
        say(fine, name, "" if fine else f"exit {rc}, printed {out[:600]!r}")


def main():
    if os.environ.get("IMS_AR_INSIDE") != "1":
        os.environ["IMS_AR_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "--", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    links()
    shapes()
    net = Network()
    try:
        run_page(net, "docs/policy.md", "kamcmd ")  # its other commands: tests/policy/docs.sh
        run_page(net, "docs/operations.md")
    finally:
        net.end()
    return 1 if bad else 0


sys.exit(main())
