# SPDX-License-Identifier: GPL-2.0-or-later
"""AR calls through a Kamailio that the page docs/drop-in.md has changed or added."""
import signal
import subprocess

import sdp
import services
import stock
from cases import check, same
from lab import wait_until
from plain_cases import Call, answer, invite

HOLD_MS = 4000  # long enough to be looked at on a busy machine
MARK = "P-IMS-AR"
# rtpengine's media address at the caller's and at the callee's P-CSCF, as lab.py starts them
RELAY = {"the caller": "127.0.0.28", "the callee": "127.0.0.29"}


def ours(section, who):
    """Is this mediad's section, with all that a UE needs of it?"""
    check(section is not None, f"{who} got no data channel section")
    check(sdp.port(section) != 0, f"{who} got the data channel section at port 0")
    check(f"c=IN IP4 {services.MEDIA}\r\n" in section,
          f"{who}: the section is not mediad's: {section.splitlines()[:3]}")
    for name in ("fingerprint", "ice-ufrag", "ice-pwd", "sctp-port", "candidate"):
        check(sdp.attribute(section, name), f"{who}: the section has no a={name}")


class Site:
    """Two UEs, which Kamailio hands over for them, and whose audio goes to which rtpengine."""

    def __init__(self, lab, name, a, b, module, relay=None):
        self.lab, self.name, self.a, self.b, self.relay = lab, name, a, b, relay
        self.module = lab.processes[module]
        self.modules = [p for p in lab.processes.values()
                        if hasattr(p, "rpc") and p.rpc("ims_ar.status") is not None]

    def call(self, title):
        return Call(self.lab, f"{self.name}-{title}", self.a, self.b)

    def offers(self):
        """Offers handed over so far: by the Kamailio that should, by all."""
        return (services.statistics(self.module)["offers"],
                sum(services.statistics(p)["offers"] for p in self.modules))

    def wait_idle(self):
        services.wait_idle(self.modules)

    def check_audio(self, sent, got, who):
        """Byte for byte what the other UE sent, or rtpengine's."""
        there, here = sdp.Description(sent), sdp.Description(got)
        if self.relay:
            address = here.address(here.of("audio"))
            same(self.relay[who], address, f"{who}: where the audio goes")
            return
        difference = sdp.line_diff(there.of("audio"), here.of("audio"))
        check(difference is None, f"{who}: audio changed: {difference}")

    def check_offer(self, call):
        sent, got = call.offers()
        ours(sdp.Description(got).data, "the callee")
        check(sdp.attribute(sdp.Description(sent).data, "fingerprint") not in got,
              "the caller's fingerprint came through to the callee")
        same("actpass", sdp.attribute(sdp.Description(got).data, "setup"), "a=setup towards the callee")
        self.check_audio(sent, got, "the callee")

    def check_answer(self, call):
        sent, got = call.answers()
        ours(sdp.Description(got).data, "the caller")
        check(sdp.attribute(sdp.Description(sent).data, "fingerprint") not in got,
              "the callee's fingerprint came through to the caller")
        self.check_audio(sent, got, "the caller")


def audio_and_data(site, call, answer_kinds=("audio", "data")):
    """The offer of A, and what B answers."""
    call.caller.invite(sdp.describe(site.a, ["audio", "data"]))
    return sdp.describe(site.b, answer_kinds, answer=True)


def case_call(site):
    """One hand-over, both sections mediad's, audio as without us, released by BYE."""
    mine, all_of_them = site.offers()
    call = site.call("call")
    reply = audio_and_data(site, call)
    call.caller.ringing().answered().hold(HOLD_MS).bye()
    call.callee.ringing().answer(reply).await_bye()
    call.start()
    try:
        wait_until(lambda: services.up_calls(site.module) == 1, 5, "the call in ims_ar.calls", call.uac)
        contexts = wait_until(services.contexts, 5, "a context in mediad", call.uac)
        same(1, len(contexts), "contexts in mediad")
        same(2, len(services.context(contexts[0]["contextId"])["terminations"]), "terminations")
    finally:
        call.finish()
    site.check_offer(call)
    site.check_answer(call)
    same((mine + 1, all_of_them + 1), site.offers(), "offers handed over (here, everywhere)")
    # the callee's P-CSCF takes the marks of others away; its own, when it hands over, it shows
    if site.b.pcscf != stock.ADDRESS["pcscf"] and site.a.pcscf != stock.ADDRESS["pcscf"]:
        check(not call.uas.received(invite).header(MARK), f"the callee was shown {MARK}")
    site.wait_idle()


def case_callee_bye(site):
    call = site.call("callee-bye")
    reply = audio_and_data(site, call)
    call.caller.ringing().answered().await_bye()
    call.callee.ringing().answer(reply).bye()
    call.run()
    site.check_offer(call)
    site.wait_idle()


def case_early(site):
    """183 and 200 with one description: the same bytes to the caller twice."""
    call = site.call("early")
    reply = audio_and_data(site, call)
    call.caller.ringing((180, 183)).answered().bye()
    call.callee.ringing().answer(reply, progress=reply).await_bye()
    call.run()
    early = call.uac.received(lambda m: m.is_reply(183, "INVITE")).body
    difference = sdp.line_diff(early, call.uac.received(answer).body)
    check(difference is None, f"183 and 200 differ: {difference}")
    site.check_answer(call)
    site.wait_idle()


def case_refused_section(site):
    """The callee takes the audio and refuses the data channel."""
    call = site.call("no-data")
    reply = audio_and_data(site, call, ("audio", "refused"))
    call.caller.ringing().answered().bye()
    call.callee.ringing().answer(reply).await_bye()
    call.run()
    sent, got = call.answers()
    section = sdp.Description(got).data
    check(section is not None, "the answer has fewer sections than the offer")
    site.check_audio(sent, got, "the caller")
    site.wait_idle()
    return "the caller's channel " + ("stays" if sdp.port(section) else "is refused")


def case_reinvite(site):
    """Video added by A, then a refresh by B: in every description the section is mediad's."""
    call = site.call("again")
    a, b = site.a, site.b
    reply = audio_and_data(site, call)
    more = ("audio", "data", "video")
    call.caller.ringing().answered().offer_again(sdp.describe(a, more, version=2)) \
        .answer_again(sdp.describe(a, more, answer=True, version=3)).await_bye()
    call.callee.ringing().answer(reply).answer_again(sdp.describe(b, more, answer=True, version=2)) \
        .offer_again(sdp.describe(b, more, version=3)).bye()
    call.run()
    for who, log, other in (("the callee", call.uas, call.uac), ("the caller", call.uac, call.uas)):
        bodies = log.bodies(sent=False)
        same(3, len(bodies), f"descriptions that {who} got")
        for body, sent in zip(bodies, other.bodies(sent=True)):
            ours(sdp.Description(body).data, who)
            site.check_audio(sent, body, who)
        check(sdp.Description(bodies[-1]).of("video") is not None, f"{who}: the added video did not arrive")
    site.wait_idle()


def case_busy(site):
    call = site.call("busy")
    audio_and_data(site, call)
    call.caller.ringing().refused(486)
    call.callee.ringing().refuse("486 Busy Here")
    call.run()
    site.check_offer(call)
    site.wait_idle()


def case_cancel(site):
    call = site.call("cancel")
    audio_and_data(site, call)
    call.caller.cancel()
    call.callee.ringing(0).await_cancel()
    call.run()
    site.check_offer(call)
    site.wait_idle()


def case_commands(site, lines):
    """The page's kamcmd lines, while a call is up."""
    call = site.call("commands")
    reply = audio_and_data(site, call)
    call.caller.ringing().answered().hold(HOLD_MS).bye()
    call.callee.ringing().answer(reply).await_bye()
    call.start()
    try:
        wait_until(lambda: services.up_calls(site.module) == 1, 5, "the call", call.uac)
        for line in lines:
            words = line.split("#")[0].replace("CALL-ID", call.call_id).split()
            check(words[0] == "kamcmd", f"not a kamcmd line: {line}")
            said = site.module.rpc(*words[1:])
            check(said is not None, f"{line}: refused")
            if call.call_id in words or words[1] == "ims_ar.calls":
                check(call.call_id in said, f"{line}: does not name the call")
    finally:
        call.finish()
    site.wait_idle()


def case_operator_tool(site, users):
    """The page's tool with users of this network: private identities of their own, IMS registration."""
    listed = site.lab.run / "users.csv"
    listed.write_text("# user,domain,password,private identity\n" + "".join(
        f"{u.number},{stock.HOME},{u.password},{u.private}\n" for u in users))
    done = subprocess.run([str(services.ROOT / "tests/integration/sip/run.sh"), "--pcscf", users[0].pcscf, "--users",
                           str(listed), "--local", users[0].address, "ordinary-call", "ar-call", "refresh-by-callee",
                           "voice-becomes-ar-by-caller"], capture_output=True, text=True, timeout=60, check=False)
    lines = done.stdout.splitlines()
    check(done.returncode == 0 and len(lines) == 4 and all(line.startswith("ok ") for line in lines),
          f"{done.returncode}: {done.stdout} {done.stderr}")
    site.wait_idle()


def ordinary_call(site, title, kinds=("audio", "video")):
    call = site.call(title)
    call.caller.invite(sdp.describe(site.a, kinds)).ringing().answered().bye()
    call.callee.ringing().answer(sdp.describe(site.b, kinds, answer=True)).await_bye()
    return call.run()


def case_ordinary(site, without_us=None):
    """No data channel: not a byte changes, asd hears nothing. With rtpengine: the same as before."""
    before = site.offers()
    call = ordinary_call(site, "ordinary")
    if site.relay:
        for ours_now, theirs in zip(relayed_texts(call), without_us):
            difference = sdp.line_diff(theirs, ours_now)
            check(difference is None, f"not as without the module: {difference}")
    else:
        call.check_untouched()
    same(before, site.offers(), "offers handed over")


def relayed_texts(call):
    return [sdp.without_random(pair[1]) for pair in (call.offers(), call.answers())]


def case_switched_off(site):
    """ims_ar.enabled 0: the data channel goes end to end as if the module were not there."""
    before = site.offers()
    for module in site.modules:
        check(module.rpc("cfg.set_now_int", "ims_ar", "enabled", 0) is not None, "cfg.set_now_int failed")
    try:
        call = ordinary_call(site, "off", ("audio", "data"))
    finally:
        for module in site.modules:
            module.rpc("cfg.set_now_int", "ims_ar", "enabled", 1)
    if site.relay:
        for ue, (sent, got) in ((site.a, call.offers()), (site.b, call.answers())):
            # the session's c= is rtpengine's now: the section gets its UE's own
            text = sdp.Description(got).data.replace(f"c=IN IP4 {ue.address}\r\n", "")
            difference = sdp.line_diff(sdp.Description(sent).data, text)
            check(difference is None, f"the data channel section changed: {difference}")
    else:
        call.check_untouched()
    same(before, site.offers(), "offers handed over")


def case_asd_away(site, stop, start):
    """asd is down: an ordinary call, its data channel at port 0 towards the callee."""
    stop()
    try:
        wait_until(lambda: "state: up" not in (site.module.rpc("ims_ar.status") or ""), 5,
                   "the module notices that asd is gone")
        call = site.call("asd-away")
        reply = audio_and_data(site, call, ("audio", "refused"))
        call.caller.ringing().answered().bye()
        call.callee.ringing().answer(reply).await_bye()
        call.run()
        sent, got = call.offers()
        same(0, sdp.port(sdp.Description(got).data), "port of the data channel at the callee")
        site.check_audio(sent, got, "the callee")
    finally:
        start()
    wait_until(lambda: "state: up" in (site.module.rpc("ims_ar.status") or ""), 10, "asd is back")
    site.wait_idle()


def case_asd_silent(site, asd):
    """asd is there and says nothing: the call goes on before tm's own time is over."""
    asd.popen.send_signal(signal.SIGSTOP)
    try:
        call = site.call("asd-silent")
        reply = audio_and_data(site, call, ("audio", "refused"))
        call.caller.ringing().answered().bye()
        call.callee.ringing().answer(reply).await_bye()
        call.run()
        same(0, sdp.port(sdp.Description(call.offers()[1]).data), "port of the data channel at the callee")
    finally:
        asd.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: "state: up" in (site.module.rpc("ims_ar.status") or ""), 10, "asd is back")
    site.wait_idle()


class LateCopy:
    """A 200 once more when tm has forgotten the transaction (the ACK was lost): started early,
    looked at late."""

    PAUSE_MS = 6500  # above tm's wait_timer

    def __init__(self, site):
        self.site, self.call = site, site.call("late-copy")
        reply = audio_and_data(site, self.call)
        self.call.caller.ringing().answered().answered_again().bye()
        self.call.callee.ringing().answer(reply).copy_of_answer(reply, self.PAUSE_MS).await_bye()
        self.call.start("-nr")  # SIPp would take our copies for its own
        wait_until(lambda: self.call.uac.bodies(sent=False), 5, "the first 200", self.call.uac)

    def check(self):
        self.call.finish()
        copies = [m.body for m in self.call.uac.messages() if not m.sent and answer(m)]
        first, copy = copies[0], copies[-1]
        check(len(copies) > 1, "no late copy arrived")
        if self.site.relay:
            first, copy = sdp.Description(first).data, sdp.Description(copy).data
        difference = sdp.line_diff(first, copy)
        check(difference is None, f"the late copy differs: {difference}")
        self.site.check_answer(self.call)


CASES = (("call", case_call), ("callee-bye", case_callee_bye), ("early-answer", case_early),
         ("data-refused", case_refused_section), ("reinvite", case_reinvite), ("busy", case_busy),
         ("cancel", case_cancel))


def run(results, site, only=None):
    for name, case in CASES:
        if only is None or name in only:
            results.run(f"{site.name}-{name}", case, site)
