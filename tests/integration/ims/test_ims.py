#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The module in somebody else's IMS. Started by run.sh in namespaces of its own.

usage: test_ims.py RUN-FOLDER BUILD-FOLDER [NAME-PREFIX...]
"""
import shutil
import sys
from pathlib import Path

import ar_cases
import page
import plain_cases
import services
import stock
from cases import Results, check, same
from lab import Lab
from ue import Ue

SECRET = "of all Kamailios of this test"
AT_PCSCF, OVER_ISC = "At the P-CSCF", "As an application server over ISC"
# number -> (P-CSCF, the session case in which the profile names the AS)
CALLER, CALLED = 0, 1
UES = {"+1001": ("pcscf", None), "+1002": ("pcscf", None),
       "+1003": ("pcscf-ar", None), "+1004": ("pcscf-ar", None),
       "+1005": ("pcscf", CALLER), "+1006": ("pcscf-ar", CALLER), "+1013": ("pcscf", CALLED),
       "+1007": ("pcscf-rtp", None), "+1008": ("pcscf-rtp", None),
       "+1009": ("pcscf-ar", None), "+1010": ("pcscf-ar", None),
       "+1011": ("pcscf-rtp", None), "+1012": ("pcscf-rtp", None),
       "+1014": ("pcscf-rtp", None), "+1015": ("pcscf-rtp", None)}
TOOLS = ("+1014", "+1015")  # of the operator's tool, which registers them itself


def make_ues():
    criteria = page.blocks(OVER_ISC, "xml")[0]
    check("<SessionCase>0</SessionCase>" in criteria, "the page's criteria are not for callers")
    profiles = {None: "", CALLER: criteria, CALLED: criteria.replace("<SessionCase>0<", "<SessionCase>1<")}
    return {n: Ue(n, f"127.0.0.{50 + i}", stock.ADDRESS[at], f"secret-{n}", ifc=profiles[case])
            for i, (n, (at, case)) in enumerate(UES.items())}


class DropIn:
    """What docs/drop-in.md tells an operator to do, done to the laboratory."""

    def __init__(self, lab, build):
        self.lab, self.module = lab, f"{build}/kamailio-modules/ims_ar"

    def _start(self, role, *defines):
        shutil.copy(services.ROOT / "etc/kamailio/ims_ar.cfg", self.lab.run / role)
        self.lab.kamailio(role, modules=(self.module,), defines=[
            f'IMS_AR_ASD="unix:{self.lab.run}/asd.sock"', f'IMS_AR_SECRET="{SECRET}"',
            f'IMS_AR_NAME="{role}"', *defines])
        self.lab.wait_ready(role)

    def pcscf(self, role, relay):
        """The diffs of the page; without rtpengine its last step is left out."""
        steps = [c for c in page.changes(AT_PCSCF) if relay or not c.step.startswith("3.")]
        added, removed = page.apply(steps, self.lab.run / role)
        same((9, 1) if relay else (3, 0), (added, removed), "lines added and changed, as the page says")
        self._start(role)
        return f"{added} lines added, {removed} changed"

    def application_server(self):
        command = page.blocks(OVER_ISC, "sh")[0]
        check(all(f"-A '{d}=" in command for d in ("AS_SIP", "AS_HOST", "AS_PEERS", "AS_CTL")),
              "the page does not give as.cfg's defines")
        folder = self.lab.run / "as"
        folder.mkdir()
        shutil.copy(services.ROOT / "etc/kamailio/as.cfg", folder / "kamailio.cfg")
        peers = stock.ADDRESS["scscf"].replace(".", r"\.")
        self._start("as", f"AS_SIP=udp:{stock.ADDRESS['as']}:{stock.PORT['as']}",
                    f"AS_HOST={stock.host('as')}", f'AS_PEERS="^{peers}$"',
                    f'AS_CTL="unix:{folder}/kamailio_ctl"')


def start_ours(lab, build):
    services.start_mediad(lab, build)
    services.start_asd(lab, build)


def without_module(results, lab, ues):
    """What rtpengine alone makes of an ordinary call, to compare with."""
    lab.start_rtpengine()
    lab.kamailio("pcscf-rtp")
    lab.wait_ready("pcscf-rtp")
    a, b = ues["+1007"], ues["+1008"]
    plain_cases.register(lab, a)
    plain_cases.register(lab, b)
    site = ar_cases.Site(lab, "ims-rtp", a, b, "pcscf-rtp", relay=ar_cases.RELAY)
    call = ar_cases.ordinary_call(site, "stock")
    for who, (sent, got) in (("the callee", call.offers()), ("the caller", call.answers())):
        site.check_audio(sent, got, who)
    lab.stop("pcscf-rtp")
    results.relayed = ar_cases.relayed_texts(call)


def ar_sites(results, lab, ues, build):
    def restart_asd():
        services.start_asd(lab, build)

    def register(*numbers):
        for n in numbers:
            plain_cases.register(lab, ues[n], name=f"reg-{n}")

    if not results.always("ims-drop-in-registers", register,
                          *(n for n in list(UES)[2:] if n not in TOOLS)):
        return
    plain = ar_cases.Site(lab, "ims-ar", ues["+1003"], ues["+1004"], "pcscf-ar")
    relay = ar_cases.Site(lab, "ims-rtp", ues["+1007"], ues["+1008"], "pcscf-rtp", ar_cases.RELAY)
    for site in (plain, relay):
        ar_cases.run(results, site)
    at_callee = dict.fromkeys(ar_cases.RELAY, ar_cases.RELAY["the callee"])
    lines = page.blocks("Does it work?", "sh")[0].splitlines() + page.blocks("Off again", "sh")[0].splitlines()
    lines.append(lines[-1].replace("enabled 0", "enabled 1"))
    results.run("ims-ar-commands", ar_cases.case_commands, plain, lines)
    called = ar_cases.Site(lab, "ims-called", ues["+1001"], ues["+1004"], "pcscf-ar")
    results.run("ims-operator-tool", ar_cases.case_operator_tool, relay, [ues[n] for n in TOOLS])
    across = (called, ar_cases.Site(lab, "ims-two-pcscf", ues["+1003"], ues["+1007"], "pcscf-ar", at_callee),
              ar_cases.Site(lab, "ims-isc", ues["+1005"], ues["+1002"], "as"),
              ar_cases.Site(lab, "ims-isc-called", ues["+1001"], ues["+1013"], "as"),
              ar_cases.Site(lab, "ims-isc-both", ues["+1005"], ues["+1013"], "as"),
              ar_cases.Site(lab, "ims-pcscf-and-isc", ues["+1006"], ues["+1013"], "pcscf-ar"))
    for site in across:
        ar_cases.run(results, site, ("call", "reinvite", "cancel"))
    late = [ar_cases.LateCopy(ar_cases.Site(lab, name, ues[a], ues[b], role, relay))
            for name, a, b, role, relay in (("ims-ar", "+1009", "+1010", "pcscf-ar", None),
                                            ("ims-rtp", "+1011", "+1012", "pcscf-rtp", ar_cases.RELAY))] \
        if results.wants("ims-late-copy") else []
    results.run("ims-ar-ordinary", ar_cases.case_ordinary, plain)
    results.run("ims-rtp-ordinary", ar_cases.case_ordinary, relay, results.relayed)
    results.run("ims-isc-ordinary", ar_cases.case_ordinary, across[2])
    for site in (plain, relay, across[2]):
        results.run(f"{site.name}-switched-off", ar_cases.case_switched_off, site)
    for copy in late:
        results.run(f"ims-late-copy-{copy.site.name}", copy.check)
    for site in (plain, relay):
        results.run(f"{site.name}-asd-away", ar_cases.case_asd_away, site,
                    lambda: lab.stop("asd"), restart_asd)
    results.run("ims-called-asd-silent", ar_cases.case_asd_silent, called, lab.processes["asd"])
    results.run("ims-logs", case_logs, lab)


def run(results, lab, ues, build):
    if not results.always("ims-start", lab.start_core, [u.subscriber() for u in ues.values()]):
        return
    plain_cases.run(results, lab, ues)
    drop_in = DropIn(lab, build)
    if results.always("ims-rtpengine-without-module", without_module, results, lab, ues) \
            and results.always("ims-asd-and-mediad", start_ours, lab, build) \
            and results.always("ims-drop-in", drop_in.pcscf, "pcscf-ar", False) \
            and results.always("ims-drop-in-rtpengine", drop_in.pcscf, "pcscf-rtp", True) \
            and results.always("ims-drop-in-as", drop_in.application_server):
        ar_sites(results, lab, ues, build)


def case_logs(lab):
    """Nothing in the Kamailios' logs that an operator would have to look into, but asd's
    absence and silence."""
    for role in ("pcscf-ar", "pcscf-rtp", "as"):
        for line in lab.processes[role].log.read_text(errors="replace").splitlines():
            bad = "CRITICAL" in line and "core limits" not in line or "BUG" in line \
                or "ERROR: ims_ar" in line and "is away" not in line and "in time" not in line
            check(not bad, f"{role}: {line.strip()[:200]}")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder, build = Path(sys.argv[1]), sys.argv[2]
    results = Results(sys.argv[3:])
    lab = Lab(folder)
    stock.make(folder, UES)
    try:
        run(results, lab, make_ues(), build)
        for process in lab.processes.values():
            if not process.alive():
                results.bad("ims-processes", f"{process.name} ended by itself")
    finally:
        if results.failed:
            for process in lab.processes.values():
                print(process.tail(6), file=sys.stderr)
        lab.stop_all()
    print(f"{results.passed} passed, {results.failed} failed")
    return 1 if results.failed or not results.passed else 0


if __name__ == "__main__":
    sys.exit(main())
