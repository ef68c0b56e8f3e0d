# SPDX-License-Identifier: GPL-2.0-or-later
"""AR calls behind a P-CSCF that the page docs/drop-in.md has changed."""
import sdp
import services
from cases import check, same
from lab import wait_until
from plain_cases import Call, answer, invite
from ue import Callee

HOLD_MS = 400


def ours(section, side):
    """Is this mediad's section, with all that a UE needs of it?"""
    check(section is not None, f"{side} got no data channel section")
    check(sdp.port(section) != 0, f"{side} got the data channel section at port 0")
    check(f"c=IN IP4 {services.MEDIA}\r\n" in section,
          f"{side}: the section is not mediad's: {section.splitlines()[:3]}")
    for name in ("fingerprint", "ice-ufrag", "ice-pwd", "sctp-port", "candidate"):
        check(sdp.attribute(section, name), f"{side}: the section has no a={name}")


def same_audio(sent, got, what):
    a, b = sdp.Description(sent), sdp.Description(got)
    difference = sdp.line_diff(a.of("audio"), b.of("audio"))
    check(difference is None, f"audio of {what} changed: {difference}")


def check_ar_offer(call):
    sent, got = call.offers()
    theirs, mine = sdp.Description(sent), sdp.Description(got)
    ours(mine.data, "the callee")
    same(sdp.attribute(theirs.data, "fingerprint") in got, False, "the caller's fingerprint at the callee")
    same(sdp.attribute(mine.data, "setup"), "actpass", "a=setup towards the callee")
    return sent, got


def check_ar_answer(call):
    sent, got = call.answers()
    ours(sdp.Description(got).data, "the caller")
    same(sdp.attribute(sdp.Description(sent).data, "fingerprint") in got, False,
         "the callee's fingerprint at the caller")
    return sent, got


class Site:
    """Who hands over for a call of these two, and with what around it."""

    def __init__(self, lab, name, a, b, module, relay=False):
        self.lab, self.name, self.a, self.b, self.relay = lab, name, a, b, relay
        self.module = lab.processes[module]
        self.modules = [p for p in lab.processes.values() if hasattr(p, "rpc")
                        and p.rpc("ims_ar.status") is not None]

    def call(self, title):
        return Call(self.lab, f"{self.name}-{title}", self.a, self.b)

    def offers_handed_over(self):
        return sum(services.statistics(p)["offers"] for p in self.modules)

    def wait_idle(self):
        services.wait_idle(self.lab, *(p.role for p in self.modules))


def case_call(site):
    """The AR call: one hand-over, both sections mediad's, the rest untouched, BYE releases."""
    before = site.offers_handed_over()
    call = site.call("call")
    call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing().answered().hold(HOLD_MS).bye()
    call.callee.ringing().answer(sdp.describe(site.b, ["audio", "data"], answer=True)).await_bye()
    call.start()
    try:
        up = wait_until(services.contexts, 5, "a context in mediad", call.uac.alive)
        same(len(up), 1, "contexts in mediad")
        terminations = services.context(up[0]["contextId"])["terminations"]
        same(len(terminations), 2, "terminations of the context")
        wait_until(lambda: "up" in (site.module.rpc("ims_ar.calls") or ""), 5, "the call in ims_ar.calls",
                   call.uac.alive)
    finally:
        call.finish()
    sent, got = check_ar_offer(call)
    if not site.relay:
        same_audio(sent, got, "the offer")
    sent, got = check_ar_answer(call)
    if not site.relay:
        same_audio(sent, got, "the answer")
    same(site.offers_handed_over() - before, 1, "offers handed to asd")
    site.wait_idle()


def case_callee_bye(site):
    call = site.call("callee-bye")
    call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing().answered().await_bye()
    call.callee.ringing().answer(sdp.describe(site.b, ["audio", "data"], answer=True)).bye()
    call.run()
    check_ar_offer(call)
    site.wait_idle()


def case_early(site):
    """183 and 200 with the same description: the same bytes to the caller twice."""
    call = site.call("early")
    answer_sdp = sdp.describe(site.b, ["audio", "data"], answer=True)
    call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing((180, 183)).answered().bye()
    call.callee.ringing().answer(answer_sdp, progress=answer_sdp).await_bye()
    call.run()
    early = call.uac.received(lambda m: m.is_reply(183, "INVITE")).body
    difference = sdp.line_diff(early, call.uac.received(answer).body)
    check(difference is None, f"183 and 200 differ: {difference}")
    check_ar_answer(call)
    site.wait_idle()


def case_refused_section(site):
    """The callee takes the audio and refuses the data channel: so does the caller get it."""
    call = site.call("no-data")
    call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing().answered().bye()
    call.callee.ringing().answer(sdp.describe(site.b, ["audio", "refused"], answer=True)).await_bye()
    call.run()
    _, got = call.answers()
    section = sdp.Description(got).data
    check(section is not None, "the answer has fewer sections than the offer")
    site.wait_idle()
    return "the caller's channel " + ("stays" if sdp.port(section) else "is refused")


def case_reinvite(site):
    """A change by A and a refresh by B inside the AR call: the sections stay mediad's."""
    call = site.call("again")
    a, b = site.a, site.b
    call.caller.invite(sdp.describe(a, ["audio", "data"])).ringing().answered() \
        .offer_again(sdp.describe(a, ["audio", "data", "video"], version=2)) \
        .answer_again(sdp.describe(a, ["audio", "data", "video"], answer=True, version=3)).await_bye()
    call.callee.ringing().answer(sdp.describe(b, ["audio", "data"], answer=True)) \
        .answer_again(sdp.describe(b, ["audio", "data", "video"], answer=True, version=2)) \
        .offer_again(sdp.describe(b, ["audio", "data", "video"], version=3)).bye()
    call.run()
    for who, log in (("callee", call.uas), ("caller", call.uac)):
        bodies = [m.body for m in log.messages() if not m.sent and m.body.startswith("v=0")]
        same(len(bodies), 3, f"descriptions that the {who} got")
        for body in bodies:
            ours(sdp.Description(body).data, f"the {who}")
    video = sdp.Description(call.uas.messages()[-1].body or bodies[-1]).of("video")
    check(video is not None, "the added video did not arrive")
    site.wait_idle()


def case_busy(site):
    call = site.call("busy")
    call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing().refused(486)
    call.callee.ringing().refuse("486 Busy Here")
    call.run()
    check_ar_offer(call)
    site.wait_idle()


def case_cancel(site):
    call = site.call("cancel")
    call.caller.invite(sdp.describe(site.a, ["audio", "data"])).cancel()
    call.callee.ringing(0).await_cancel()
    call.run()
    check_ar_offer(call)
    site.wait_idle()


def case_ordinary(site):
    """Without a data channel: not a byte changes and asd hears nothing."""
    before = site.offers_handed_over()
    call = site.call("ordinary")
    call.caller.invite(sdp.describe(site.a, ["audio", "video"])).ringing().answered().bye()
    call.callee.ringing().answer(sdp.describe(site.b, ["audio", "video"], answer=True)).await_bye()
    call.run().check_untouched()
    same(site.offers_handed_over() - before, 0, "offers handed to asd")


def case_switched_off(site):
    """ims_ar.enabled 0: a data channel goes end to end as if the module were not there."""
    before = site.offers_handed_over()
    for module in site.modules:
        check(module.rpc("cfg.set_now_int", "ims_ar", "enabled", 0) is not None, "cfg.set_now_int failed")
    try:
        call = site.call("off")
        call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing().answered().bye()
        call.callee.ringing().answer(sdp.describe(site.b, ["audio", "data"], answer=True)).await_bye()
        call.run().check_untouched()
        same(site.offers_handed_over() - before, 0, "offers handed to asd")
    finally:
        for module in site.modules:
            module.rpc("cfg.set_now_int", "ims_ar", "enabled", 1)


def case_asd_away(site, stop, start):
    """asd is down: the call is an ordinary one, with the data channel at port 0 towards the callee."""
    stop()
    try:
        wait_until(lambda: services.statistics(site.module)["link_down"], 5, "the link is noticed to be down")
        call = site.call("asd-away")
        call.caller.invite(sdp.describe(site.a, ["audio", "data"])).ringing().answered().bye()
        call.callee.ringing().answer(sdp.describe(site.b, ["audio", "refused"], answer=True)).await_bye()
        call.run()
        sent, got = call.offers()
        same(sdp.port(sdp.Description(got).data), 0, "port of the data channel at the callee")
        if not site.relay:
            same_audio(sent, got, "the offer")
    finally:
        start()
    wait_until(lambda: "1" in (site.module.rpc("ims_ar.status") or ""), 5, "asd is back")


CASES = (("call", case_call), ("callee-bye", case_callee_bye), ("early-answer", case_early),
         ("data-refused", case_refused_section), ("reinvite", case_reinvite), ("busy", case_busy),
         ("cancel", case_cancel))


def run(results, site):
    for name, case in CASES:
        results.run(f"{site.name}-{name}", case, site)
