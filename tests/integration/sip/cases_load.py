# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls: SOAK_CALLS=10000 [SOAK_RATE=500] run.sh many-calls. Not part of a usual run."""
import os
import re
import time

import sdp
from case import AR_TAGS, Call, bye_by_caller, scenario, setup
from net import ALICE, BOB, P1, ROOT, check, until
from sipp import Callee, Caller, Sipp

N, RATE = int(os.environ.get("SOAK_CALLS", "0")), int(os.environ.get("SOAK_RATE", "500"))

STUB = """
route[IMS_AR] { return; }
reply_route { route(REPLY); }
"""


def without_module(net):
    """pcscf.cfg as it is without ims_ar."""
    text = (ROOT / "etc/kamailio/pcscf.cfg").read_text()
    text = text.replace('include_file "ims_ar.cfg"', "").replace("ims_ar_untrusted();", "")
    path = net.run / "without.cfg"
    path.write_text(text + STUB)
    return path


def cpu(net):
    """Seconds of CPU of each daemon with its children."""
    out = {}
    tick = os.sysconf("SC_CLK_TCK")
    for name, p in net.processes.items():
        total = 0
        for pid in [int(d) for d in os.listdir("/proc") if d.isdigit()]:
            try:
                with open(f"/proc/{pid}/stat", encoding="latin-1") as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == p.p.pid:  # process group
                total += int(fields[11]) + int(fields[12])
        out[name] = total / tick
    return out


def run(net, offer, answer, tags):
    a, b = Caller(tags), Callee(tags)
    caller, callee = setup(a, b, offer, answer)
    x, y = bye_by_caller(a, b)
    before, start = cpu(net), time.monotonic()
    for old in net.sipps:
        old.stop()
    args = ["-trace_stat", "-fd", "600"]
    # an INVITE that comes again after its call is over is one more call there: it must not stop early
    uas = Sipp(net.run, "soak-uas", callee + y, BOB, calls=4 * N, rate=RATE, limit=N // RATE + 180)
    uac = Sipp(net.run, "soak-uac", caller + x, ALICE, peer=f"127.0.0.1:{P1}", calls=N, rate=RATE, limit=N // RATE + 180,
               args=args + ["-stf", str(net.run / "uac.csv"), "-l", "20000"])
    net.sipps = [uas, uac]
    uac.wait()
    took = time.monotonic() - start
    uas.stop()
    rows = (net.run / "uac.csv").read_text().splitlines()
    last = dict(zip(rows[0].split(";"), rows[-1].split(";")))
    used = {k: v - before.get(k, 0) for k, v in cpu(net).items()}
    return {"calls": int(last["SuccessfulCall(C)"]), "lost": int(last["FailedCall(C)"]), "again": int(last["Retransmissions(C)"]),
            "seconds": took, "cpu": used}


def show(what, r):
    ms = ", ".join(f"{k} {v * 1000 / max(r['calls'], 1):.2f}" for k, v in r["cpu"].items())
    print(f"# {what}: {r['calls']} calls, {r['lost']} lost, {r['again']} retransmissions, {r['seconds']:.0f} s; ms CPU a call: {ms}",
          flush=True)


@scenario(alone=True, real=True, when=("SOAK_CALLS", "0"), children=4, kamailio_args=("-m", "1024"))
def many_calls(net):
    """AR calls beside the same calls without the module: no more lost, nothing left over."""
    ar = run(net, sdp.AR_OFFER, sdp.AR_ANSWER, AR_TAGS)
    show("with the module", ar)
    until(90, f"Kamailio has no call: {net.status()}", lambda: net.status()["calls"] == "0")
    until(60, "asd has been told all", lambda: net.status()["events_unacked"] == "0")
    until(60, f"mediad has no context, has {net.contexts()}", lambda: net.contexts() == 0)
    until(30, "asd has no call", lambda: "call" not in net.rpc("pcscf1", "ims_ar.calls")[1])
    until(90, "all is swept", lambda: net.status()["ended"] == "0" and net.status()["plans"] == "0")
    until(30, "tm has no transaction", lambda: re.search(r"current: (\d+)", net.rpc("pcscf1", "tm.stats")[1]).group(1) == "0")
    s = net.status()
    print(f"# {({k: v for k, v in s.items() if k.startswith(('offers', 'events', 'log'))})}", flush=True)
    net.processes.pop("pcscf1").stop()
    net.config, net.modparams = without_module(net), {}
    net.start_pcscf(1)
    until(10, "the P-CSCF without the module answers", lambda: net.rpc("pcscf1", "core.uptime")[0] == 0)
    plain = run(net, sdp.AR_OFFER, sdp.AR_ANSWER, AR_TAGS)
    show("without", plain)
    check(ar["lost"] <= plain["lost"], f"{ar['lost']} lost with the module, {plain['lost']} without")
