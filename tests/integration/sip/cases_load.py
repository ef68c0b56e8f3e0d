# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls: SOAK_CALLS=10000 [SOAK_RATE=500] run.sh many-calls. Not part of a usual run.

At that rate AR calls are made beside the same calls without the module: no more may be lost, and nothing left
over. Where the machine cannot carry the rate (fewer than 8 CPUs, with callers and callees on them), nothing may
be left over either, and the highest rate at which both hold is found and shown."""
import os
import re
import time

import sdp
from case import AR_TAGS, Call, bye_by_caller, scenario, setup
from net import ALICE, BOB, P1, ROOT, check, until
from sipp import Callee, Caller, Sipp

CPUS = len(os.sched_getaffinity(0))
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


def run(net, offer, answer, tags, n, rate):
    a, b = Caller(tags), Callee(tags)
    caller, callee = setup(a, b, offer, answer)
    x, y = bye_by_caller(a, b)
    before, start = cpu(net), time.monotonic()
    for old in net.sipps:
        old.stop()
    children = sum(os.times()[2:4])
    args = ["-trace_stat", "-fd", "600"]
    # an INVITE that comes again after its call is over is one more call there: it must not stop early
    uas = Sipp(net.run, "soak-uas", callee + y, BOB, calls=4 * n, rate=rate, limit=n // rate + 180)
    uac = Sipp(net.run, "soak-uac", caller + x, ALICE, peer=f"127.0.0.1:{P1}", calls=n, rate=rate, limit=n // rate + 180,
               args=args + ["-stf", str(net.run / "uac.csv"), "-l", "20000"])
    net.sipps = [uas, uac]
    uac.wait()
    took = time.monotonic() - start
    uas.stop()
    load = os.times()
    rows = (net.run / "uac.csv").read_text().splitlines()
    last = dict(zip(rows[0].split(";"), rows[-1].split(";")))
    used = {k: v - before.get(k, 0) for k, v in cpu(net).items()}
    return {"calls": int(last["SuccessfulCall(C)"]), "lost": int(last["FailedCall(C)"]), "again": int(last["Retransmissions(C)"]),
            "seconds": took, "cpu": used,
            "load_cpu": load.children_user + load.children_system - children}


def show(what, r):
    ms = ", ".join(f"{k} {v * 1000 / max(r['calls'], 1):.2f}" for k, v in r["cpu"].items())
    print(f"# {what}: {r['calls']} calls, {r['lost']} lost, {r['again']} retransmissions, {r['seconds']:.0f} s; ms CPU a call: {ms}",
          flush=True)


def empty(net):
    """Nothing is left over: what no UE has ended goes by its lease, which is short here."""
    until(120, f"Kamailio has no call: {net.status()}", lambda: net.status()["calls"] == "0")
    until(60, "asd has been told all", lambda: net.status()["events_unacked"] == "0")
    until(60, f"mediad has no context, has {net.contexts()}", lambda: net.contexts() == 0)
    until(30, "asd has no call", lambda: "call" not in net.rpc("pcscf1", "ims_ar.calls")[1])
    until(120, "all is swept", lambda: all(net.status()[k] == "0" for k in ("ended", "plans", "exchanges", "plain")))
    until(90, "tm has no transaction", lambda: re.search(r"current: (\d+)", net.rpc("pcscf1", "tm.stats")[1]).group(1) == "0")


def with_module(net, n, rate):
    before = net.status()
    net.set("enabled", 1)
    ar = run(net, sdp.AR_OFFER, sdp.AR_ANSWER, AR_TAGS, n, rate)
    show(f"{rate}/s with the module", ar)
    empty(net)
    now = net.status()
    print("# of these", {k: int(now[k]) - int(before.get(k, 0)) for k in sorted(now) if k.startswith("offers_") and
                         k != "offers_waiting" and now[k] != before.get(k, "0")}, flush=True)
    return ar


def without(net, n, rate):
    """The same Kamailio processes' site without ims-ar; then as it was."""
    config, modparams = net.config, net.modparams
    net.processes.pop("pcscf1").stop()
    net.config, net.modparams = without_module(net), {}
    net.start_pcscf(1)
    until(10, "the P-CSCF without the module answers", lambda: net.rpc("pcscf1", "core.uptime")[0] == 0)
    plain = run(net, sdp.AR_OFFER, sdp.AR_ANSWER, AR_TAGS, n, rate)
    show(f"{rate}/s without", plain)
    net.processes.pop("pcscf1").stop()
    net.config, net.modparams = config, modparams
    net.start_pcscf(1)
    net.ready()
    return plain


def compare(net, n, rate):
    """With the module beside without: no more lost, nothing left over. True when it holds."""
    ar, plain = with_module(net, n, rate), without(net, n, rate)
    need = [sum(r["cpu"].values()) + r["load_cpu"] for r in (ar, plain)]
    print(f"# {rate}/s: {ar['lost']} of {n} lost with the module, {plain['lost']} without; CPUs used, SIPp's own with them: "
          f"{need[0] / ar['seconds']:.2f} and {need[1] / plain['seconds']:.2f} of {CPUS}", flush=True)
    return ar["lost"] <= plain["lost"] and plain["lost"] <= n // 100


@scenario(alone=True, real=True, when=("SOAK_CALLS", "0"), children=4, kamailio_args=("-m", "1024"),
          modparams={"ack_ttl": 10, "ring_ttl": 40, "call_ttl": 60}, asd_conf="[call]\nring_ttl = 40\ncall_ttl = 60\n")
def many_calls(net):
    """AR calls beside the same calls without the module: no more lost, nothing left over."""
    if compare(net, N, RATE):
        return
    # everything, the callers and callees too, is on this machine: what can it carry?
    check(CPUS < 8, f"{RATE}/s: more lost than without the module, with {CPUS} CPUs")
    holds = next((r for r in (400, 300, 250, 200, 150, 100, 50) if r < RATE and compare(net, min(N, 20 * r), r)), 0)
    print(f"# {CPUS} CPUs do not carry {RATE} calls a second with callers, callees, Kamailios, asd and mediad on them; "
          f"both hold at {holds} a second", flush=True)
    check(holds >= 25 * CPUS, f"{holds} calls a second are too few for {CPUS} CPUs")
