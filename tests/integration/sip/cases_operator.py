# SPDX-License-Identifier: GPL-2.0-or-later
"""The operator's tool, shapes.py, against our own network."""
import subprocess
import sys

from case import scenario
from net import BASE, HERE, P1, P2, check


def shapes(net, *args):
    users = net.run / "users.csv"
    users.write_text("# user,domain\nopal,ims.example\npearl,ims.example,secret\n")
    r = subprocess.run([sys.executable, str(HERE / "shapes.py"), "--pcscf", f"127.0.0.1:{P1}", "--users", str(users), "--port",
                        str(BASE + 40), *args], capture_output=True, text=True, timeout=200, check=False)
    return r.returncode, r.stdout + r.stderr


def all_pass(net, *args):
    rc, out = shapes(net, *args)
    bad = [line for line in out.splitlines() if not line.startswith(("ok ", "skip "))]
    check(rc == 0 and not bad and out.count("ok ") > 3, f"{rc}: {bad or out[-400:]}")
    net.settled()


@scenario(real=True)
def operator_tool(net):
    all_pass(net)


@scenario(real=True, two=True)
def operator_tool_two_pcscf_tcp(net):
    all_pass(net, "--transport", "tcp", "--callee", f"127.0.0.1:{P2}")


@scenario(real=True, rtpengine=True, when=("RTPENGINE", "1"))
def operator_tool_relayed(net):
    all_pass(net)


@scenario(define=["WITHOUT_AR"], alone=True)
def operator_tool_says_what_fails(net):
    """Where nothing anchors, the AR shapes fail, each with its reason, and ordinary calls pass."""
    net.set("enabled", 0)
    rc, out = shapes(net, "ar-call", "ordinary-call", "busy")
    lines = out.splitlines()
    check(rc == 1 and len(lines) == 3, f"{rc}: {out}")
    check(lines[0].startswith("not ok ar-call") and "not the network's" in lines[0], lines[0])
    check(lines[1].startswith("ok ordinary-call") and lines[2].startswith("ok busy"), out)
