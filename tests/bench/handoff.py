# SPDX-License-Identifier: GPL-2.0-or-later
"""See handoff.sh."""
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration" / "sip"))
import sdp  # noqa: E402
from net import BASE, HERE as SIP, MODULES, Process, check, front, until  # noqa: E402
from sipp import Callee, Caller, Sipp, pause, recv  # noqa: E402

ROUNDS, CALLS, RATE = (int(os.environ.get(n, d)) for n, d in (("ROUNDS", 3), ("CALLS", 400), ("RATE", 200)))
TAGS = ';+sip.app-subtype="webrtc-datachannel";+sip.3gpp-ar-support="ar-capable"'
UAC, UAS, PORT = BASE + 30, BASE + 31, {"plain": BASE + 32, "ar": BASE + 33}
# what is compared: through which proxy, with which descriptions
KINDS = {"plain": ("plain", sdp.AR_OFFER, sdp.AR_ANSWER), "ordinary": ("ar", sdp.PLAIN_OFFER, sdp.PLAIN_ANSWER),
         "ar": ("ar", sdp.AR_OFFER, sdp.AR_ANSWER)}


def kamailio(run, name):
    cmd = ["kamailio", "-f", str(HERE / "handoff.cfg"), "-DD", "-E", "-m", "128", "-M", "8", "-x", "tlsf", "-X", "tlsf",
           "-L", MODULES, "-P", str(run / f"{name}.kpid"), "-A", f"BENCH_SIP=udp:127.0.0.1:{PORT[name]}",
           "-A", f'BENCH_CTL="unix:{run}/{name}.ctl"', "-A", f'BENCH_UAS="sip:127.0.0.1:{UAS}"']
    if name == "ar":
        cmd += ["-A", "WITH_AR", "-A", f'IMS_AR_ASD="unix:{run}/asd.sock"']
    return Process(run, name, cmd)


def cpu_ms(group):
    """Of all processes of a session, user and system; schedstat has it to the nanosecond, stat in 10 ms."""
    used = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rsplit(")", 1)[1].split()[3]) == group:  # session
                used += int(stat.with_name("schedstat").read_text().split()[0])
        except OSError:
            continue
    return used / 1e6


def calls(run, kind, n):
    """n calls; how many were good, and calls a second."""
    proxy, offer, answer = KINDS[kind]
    a, b = Caller(TAGS), Callee(TAGS)
    caller = [a.invite(offer), recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True), a.ack(),
              pause(100), a.request("BYE", 2), recv(200)]
    callee = [b.invite(), b.reply("180 Ringing"), pause(20), b.reply("200 OK", answer),
              recv("ACK", optional=True), recv("BYE"), b.in_dialog_reply("200 OK")]
    uas = Sipp(run, "uas", callee, UAS, calls=n, limit=120, args=("-timeout_error",))
    start = time.monotonic()
    uac = Sipp(run, "uac", caller, UAC, peer=f"127.0.0.1:{PORT[proxy]}", calls=n, rate=RATE, limit=120)
    uac.wait()
    took = time.monotonic() - start
    uas.stop()
    out = (run / "uac.out").read_text(errors="replace")
    good = re.findall(r"Successful call\s*\|\s*\d+\s*\|\s*(\d+)", out)
    return int(good[-1]) if good else 0, n / took


def measure(run, proxies):
    per_call = {kind: [] for kind in KINDS}
    rate, bad = [], 0
    for kind in KINDS:  # warm up
        calls(run, kind, 100)
    for _ in range(ROUNDS):
        for kind, (proxy, _, _) in KINDS.items():
            before = cpu_ms(proxies[proxy].p.pid)
            good, cps = calls(run, kind, CALLS)
            per_call[kind].append((cpu_ms(proxies[proxy].p.pid) - before) / CALLS)
            bad += CALLS - good
            if kind == "ar":
                rate.append(cps)
    return per_call, statistics.mean(rate), bad


def main():
    run = Path(tempfile.mkdtemp(prefix="ims-ar-bench."))
    processes = [Process(run, "asd", [sys.executable, str(SIP / "fake_asd.py"), str(run / "asd.sock"), "-", "ar"])]
    try:
        until(5, "asd listens", (run / "asd.sock").exists)
        proxies = {name: kamailio(run, name) for name in PORT}
        processes += proxies.values()
        until(10, "the proxies run", lambda: all((run / f"{n}.ctl").exists() for n in PORT))
        time.sleep(1)
        per_call, rate, bad = measure(run, proxies)
        handed = int(front(run / "asd.sock", "policy")["items"][0]["hits"])
        check(handed >= ROUNDS * CALLS * 0.99, f"only {handed} offers were handed over")
        plain, ordinary, ar = (statistics.median(per_call[kind]) for kind in KINDS)
        spread = max(max(v) / min(v) for v in per_call.values())
        print(f"bench handoff: {ar:.3f} ms CPU per AR call, {plain:.3f} plain t_relay, ratio {ar / plain:.2f}; ordinary "
              f"call with the module {ordinary:.3f}, ratio {ordinary / plain:.2f}; {rate:.0f} calls/s, {bad} of "
              f"{len(KINDS) * ROUNDS * CALLS} failed, spread of rounds {spread:.2f}")
    finally:
        for p in processes[::-1]:
            p.stop()
        if not os.environ.get("KEEP"):
            shutil.rmtree(run, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
