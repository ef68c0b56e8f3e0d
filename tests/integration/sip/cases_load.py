# SPDX-License-Identifier: GPL-2.0-or-later
"""Many calls, from sip_load (tests/bench), which has the timers of RFC 3261 and costs little itself.

calls-beside-plain is short. SOAK_CALLS=10000 [SOAK_RATE=500] run.sh many-calls: AR calls at that rate beside
the same calls without the module: no more may be lost, none may go on without its data channel, and nothing may
be left over. A machine with few CPUs, callers and callees on them, may not carry the rate: then the highest rate
at which all of it holds is found and shown."""
import json
import os
import re
import subprocess

import sdp
from case import AR_TAGS, scenario
from net import ALICE, BOB, BUILD, P1, ROOT, check, until

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


def run(net, n, rate):
    """n calls from sip_load, and what each daemon used for them."""
    offer, answer = net.run / "load.offer", net.run / "load.answer"
    offer.write_text(sdp.AR_OFFER, newline="")
    answer.write_text(sdp.AR_ANSWER, newline="")
    for old in net.sipps:
        old.stop()
    before = cpu(net)
    r = subprocess.run([BUILD / "tests/bench/sip_load", "-P", str(P1), "-a", str(ALICE), "-b", str(BOB), "-n", str(n), "-r", str(rate),
                        "-o", offer, "-w", answer, "-t", AR_TAGS], capture_output=True, text=True, timeout=n // rate + 400,
                       check=False)
    check(r.returncode == 0, f"sip_load: {r.stderr}")
    out = json.loads(r.stdout)
    out["ms"] = {k: (v - before.get(k, 0)) * 1000 / n for k, v in cpu(net).items()}
    out["ms"]["load"] = out["cpu"] * 1000 / n
    return out


def show(what, r):
    ms = ", ".join(f"{k} {v:.2f}" for k, v in r["ms"].items())
    at = r["setup_ms"]
    print(f"# {what}: {r['calls']} calls, {r['lost']} lost, {r['again']} retransmissions, {r['seconds']:.0f} s, set-up without ringing "
          f"{at[0]:.0f} ms (99 %: {at[1]:.0f}, most {at[2]:.0f}); ms CPU a call: {ms}, together {sum(r['ms'].values()):.2f}", flush=True)
    if r["lost"]:
        print("#   lost:", {k: r[k] for k in ("unanswered", "refused", "unended", "unacked")}, flush=True)


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
    ar = run(net, n, rate)
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
    plain = run(net, n, rate)
    show(f"{rate}/s without", plain)
    net.processes.pop("pcscf1").stop()
    net.config, net.modparams = config, modparams
    net.start_pcscf(1)
    net.ready()
    return plain


def compare(net, n, rate):
    """With the module beside without: what is wrong, or None."""
    ar, plain = with_module(net, n, rate), without(net, n, rate)
    need = [sum(r["ms"].values()) * rate / 1000 for r in (ar, plain)]
    got = ar["offers"]["ours"]
    print(f"# {rate}/s: {ar['lost']} of {n} lost with the module, {plain['lost']} without; {got} were AR calls; CPUs needed, "
          f"callers and callees with them: {need[0]:.2f} and {need[1]:.2f} of {CPUS}", flush=True)
    for what in ("offers", "answers"):
        seen = ar[what]
        check(seen["raw"] == 0, f"{seen['raw']} data channels of UEs went past the DCMF in {what}")
        check(seen["changed"] == 0, f"the audio of {seen['changed']} {what} changed")
        check(plain[what]["raw"] + plain["lost"] >= n, f"without the module: {plain[what]}")
    if ar["lost"] > plain["lost"]:
        return f"{ar['lost']} lost, {plain['lost']} without the module"
    if plain["lost"] > n // 1000:
        return f"{plain['lost']} lost without the module"
    return None if got + ar["lost"] >= n else f"{n - got} went on as ordinary calls"


LIMITS = dict(modparams={"ack_ttl": 10, "ring_ttl": 40, "call_ttl": 60}, asd_conf="[call]\nring_ttl = 40\ncall_ttl = 60\n")


@scenario(alone=True, real=True, children=2, **LIMITS)
def calls_beside_plain(net):
    """A few hundred calls with the module and without: none lost, and nothing under way after them."""
    n, rate = 300, 60
    ar = run(net, n, rate)
    show(f"{rate}/s with the module", ar)
    net.settled()
    plain = without(net, n, rate)
    check(ar["lost"] == plain["lost"] == 0, f"{ar['lost']} lost with the module, {plain['lost']} without")
    # a busy machine may leave some without a data channel, never with one that is not ours
    check(ar["offers"]["ours"] >= n * 3 // 4, f"only {ar['offers']} of {n} were AR calls")
    check(ar["offers"]["raw"] == ar["answers"]["raw"] == 0, f"past the DCMF: {ar['offers']}, {ar['answers']}")
    check(ar["offers"]["changed"] == ar["answers"]["changed"] == 0, f"audio changed: {ar['offers']}, {ar['answers']}")


@scenario(alone=True, real=True, when=("SOAK_CALLS", "0"), children=4, kamailio_args=("-m", "1024"), **LIMITS)
def many_calls(net):
    """AR calls beside the same calls without the module: no more lost, nothing left over."""
    why = compare(net, N, RATE)
    if not why:
        return
    # everything, the callers and callees too, is on this machine: what can it carry?
    check(CPUS < 4, f"{RATE}/s with {CPUS} CPUs: {why}")
    print(f"# {RATE}/s does not hold on {CPUS} CPUs: {why}", flush=True)
    holds = next((r for r in (450, 400, 350, 300, 250, 200, 150, 100, 50) if r < RATE and not compare(net, min(N, 20 * r), r)), 0)
    print(f"# {CPUS} CPUs do not carry {RATE} calls a second with callers, callees, Kamailios, asd and mediad on them; "
          f"both hold at {holds} a second", flush=True)
    check(holds >= 50 * CPUS, f"{holds} calls a second are too few for {CPUS} CPUs")
