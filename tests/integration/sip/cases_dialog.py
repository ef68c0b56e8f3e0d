# SPDX-License-Identifier: GPL-2.0-or-later
"""Inside an anchored dialog: refreshes, changes and late offers from both sides, with asd and without."""
import re

import sdp
from case import AR_TAGS, Call, bye_by_caller, check_ar, scenario, setup
from net import check, until
from sipp import Callee, Caller, gate, pause, recv


def dialog(net, caller_steps, callee_steps, during=None):
    """An AR call with more between ACK and BYE. `during` runs when both have the call."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    wait = [gate()] if during else []
    return Call(net, caller + wait + caller_steps(a) + x, callee + wait + callee_steps(b) + y).wait_with(during)


def offer_by_caller(offer, answer, method="INVITE", cseq=2):
    def caller(a):
        return [pause(100), a.request(method, cseq, offer), recv(100, optional=True), recv(200)] + \
            ([a.ack(cseq)] if method == "INVITE" else [])

    def callee(b):
        return [recv(method), b.in_dialog_reply("200 OK", answer)] + ([recv("ACK")] if method == "INVITE" else [])
    return caller, callee


def offer_by_callee(offer, answer, method="INVITE", cseq=1):
    def caller(a):
        return [recv(method), a.reply("200 OK", answer)] + ([recv("ACK")] if method == "INVITE" else [])

    def callee(b):
        return [pause(100), b.request(method, cseq, offer), recv(100, optional=True), recv(200)] + \
            ([b.request("ACK", cseq)] if method == "INVITE" else [])
    return caller, callee


def then(first, second):
    return lambda a: first[0](a) + second[0](a), lambda b: first[1](b) + second[1](b)


def bodies(sipp, what):
    """Of what was received, without what the other side has sent again."""
    def names(headers):
        return tuple(re.findall(r"(?im)^(?:Call-ID|CSeq|To):.*?(?=\r?$)", headers))
    return list({(names(h), b): b for f, h, b in sipp.seen() if b and re.search(rf"\b{what}\b", f.replace("SIP/2.0", ""))}.values())


def check_refresh(call, by_callee, version=2):
    """The other side sees our section again, with the offer's role; the refresher our settled role."""
    asked, got = (call.uac, call.uas) if by_callee else (call.uas, call.uac)
    leg, other = ("A", "B") if by_callee else ("B", "A")
    offers, answers = bodies(asked, "INVITE"), bodies(got, "200")
    check(offers and answers, "no refresh seen")
    offer, answer = offers[-1], answers[-1]
    check(f"ufrag{leg}" in offer and "a=setup:actpass" in offer, f"the offer is not ours: {offer}")
    check(f"ufrag{other}" in answer and "a=setup:passive" in answer, f"the answer is not ours: {answer}")
    check(sdp.UE1_UFRAG not in offer + answer and sdp.UE2_UFRAG not in offer + answer, "a UE's own section passed")
    for text in (offer, answer):
        check(sdp.origin_version(text) == version, f"o= version is {sdp.origin_version(text)}, not {version}")


REFRESH_A = (sdp.offer(version=2, group=""), sdp.answer(version=2))
REFRESH_B = (sdp.answer(version=2, setup="actpass"), sdp.offer(version=2, setup="active", group=""))


@scenario()
def refresh_by_caller(net):
    before = net.asd()["offers"]
    call = dialog(net, *offer_by_caller(*REFRESH_A))
    check_ar(call)
    check_refresh(call, by_callee=False)
    check(net.asd()["offers"] == before + 1, "asd was asked about an unchanged offer")
    net.settled()


@scenario()
def refresh_by_callee(net):
    before = net.asd()["offers"]
    call = dialog(net, *offer_by_callee(*REFRESH_B))
    check_refresh(call, by_callee=True)
    check(net.asd()["offers"] == before + 1, "asd was asked about an unchanged offer")
    net.settled()


@scenario()
def refresh_by_both(net):
    call = dialog(net, *then(offer_by_caller(*REFRESH_A),
                             offer_by_callee(sdp.answer(version=3, setup="actpass"),
                                             sdp.offer(version=3, setup="active", group=""))))
    check_refresh(call, by_callee=True, version=3)
    net.settled()


def without_asd(net, steps):
    """The steps happen while asd is dead; it comes back before the BYE."""
    try:
        return dialog(net, *steps, during=net.stop_asd)
    finally:
        net.start_asd()
        until(5, "the link is up again", net.link_up)


@scenario()
def refresh_by_caller_asd_dead(net):
    call = without_asd(net, offer_by_caller(*REFRESH_A))
    check_refresh(call, by_callee=False)
    net.settled()


@scenario()
def refresh_by_callee_asd_dead(net):
    call = without_asd(net, offer_by_callee(*REFRESH_B))
    check_refresh(call, by_callee=True)
    net.settled()


@scenario(two=True)
def refresh_by_callee_two_pcscf(net):
    call = dialog(net, *offer_by_callee(*REFRESH_B))
    check_refresh(call, by_callee=True)
    check(net.status(2).get("offers", "0") == "0", "the second P-CSCF handed over")
    net.settled()


@scenario()
def restart_of_ice(net):
    """New credentials for the data channel: asd is asked."""
    before = net.asd()["offers"]
    call = dialog(net, *offer_by_caller(sdp.offer(version=2, ufrag="new1", group=""), sdp.answer(version=2)))
    check_refresh(call, by_callee=False)
    check(net.asd()["offers"] == before + 2, "asd was not asked")
    net.settled()


@scenario()
def restart_of_ice_asd_dead(net):
    """The same while asd is dead: planned here, and asd is told afterwards."""
    call = without_asd(net, offer_by_caller(sdp.offer(version=2, ufrag="new1", group=""), sdp.answer(version=2)))
    check_refresh(call, by_callee=False)
    net.settled()
    events = [e for e in net.asd()["events"] if e["callid"] == call.callid()]
    told = [e for e in events if e["ev"] == "offer"]
    check(told and "new1" in told[0]["sdp"] and told[0]["side"] == "a", f"events {[e['ev'] for e in events]}")


@scenario()
def video_is_added(net):
    """A section more from A, asd dead: at the end of both layouts."""
    video = sdp.VIDEO.format(port=20002)
    call = without_asd(net, offer_by_caller(sdp.offer(version=2, group="", video=video),
                                            sdp.answer(version=2, video=sdp.VIDEO.format(port=22002))))
    got = bodies(call.uas, "INVITE")[-1]
    check([s[:5] for s in sdp.sections(got)] == ["m=aud", "m=app", "m=vid"], f"towards B: {got}")
    check("ufragB" in got, "our section is missing")
    check("m=video 22002" in bodies(call.uac, "200")[-1], "the video answer is missing")
    net.settled()


@scenario()
def section_is_dropped(net):
    """Fewer sections than before break RFC 3264 8: refused with 500 while asd is dead."""
    short = sdp.offer(version=2, group="").split("m=application")[0]

    def caller(a):
        return [pause(100), a.request("INVITE", 2, short), recv(100, optional=True), recv(500), a.ack_failure(2)]
    call = without_asd(net, (caller, lambda b: []))
    head = next(h for f, h, _ in call.uac.seen() if " 500 " in f)
    check("Retry-After:" in head, "no Retry-After")
    check(len(bodies(call.uas, "INVITE")) == 1, "the offer reached the callee")
    net.settled()


@scenario()
def refresh_refused(net):
    """488 to a re-INVITE: the dialog and its map stay."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2, REFRESH_A[0]), recv(100, optional=True), recv(488), a.ack_failure(2)]

    def callee(b):
        return [recv("INVITE"), b.in_dialog_reply("488 Not Acceptable Here"), recv("ACK")]
    call = dialog(net, *then((caller, callee), offer_by_callee(*REFRESH_B)))
    check_refresh(call, by_callee=True, version=3)
    net.settled()


@scenario()
def update_by_both(net):
    call = dialog(net, *then(offer_by_caller(*REFRESH_A, method="UPDATE"),
                             offer_by_callee(sdp.answer(version=3, setup="actpass"),
                                             sdp.offer(version=3, setup="active", group=""), method="UPDATE")))
    check("ufragB" in bodies(call.uas, "UPDATE")[0], "towards B")
    check("ufragA" in bodies(call.uac, "UPDATE")[0], "towards A")
    net.settled()


@scenario()
def update_repeated(net):
    """The callee takes its time, the UPDATE comes twice: one exchange, one version."""
    def caller(a):
        return [pause(100), a.request("UPDATE", 2, REFRESH_A[0]), recv(200)]

    def callee(b):
        return [recv("UPDATE"), pause(900), b.in_dialog_reply("200 OK", REFRESH_A[1])]
    before = int(net.status().get("offers_local", 0))
    call = dialog(net, caller, callee)
    sent = [f for f, _, _ in call.uac.seen("sent") if f.startswith("UPDATE")]
    check(len(sent) > 1, "the UPDATE was not repeated")
    offer, answer = bodies(call.uas, "UPDATE")[0], bodies(call.uac, "200")[-1]
    check(sdp.origin_version(offer) == 2 and sdp.origin_version(answer) == 2, f"versions: {offer} {answer}")
    check(int(net.status()["offers_local"]) == before + 1, "planned more than once")
    net.settled()


@scenario()
def update_repeated_while_asd_thinks(net):
    """The copy does not overtake the verdict."""
    def caller(a):
        return [pause(100), a.request("UPDATE", 2, sdp.offer(version=2, ufrag="new1", group="")), recv(200)]

    def callee(b):
        return [recv("UPDATE"), b.in_dialog_reply("200 OK", REFRESH_A[1])]
    before = net.asd()["offers"]
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    first, last = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER), bye_by_caller(a, b)
    call = Call(net, first[0] + [gate()] + caller(a) + last[0], first[1] + [gate()] + callee(b) + last[1])

    def during():
        net.mode("hold")
        call.go()
        until(4, "the UPDATE is repeated", lambda: sum(f.startswith("UPDATE") for f, _, _ in call.uac.seen("sent")) > 1)
        net.mode("ar")
    try:
        call.wait_with(during)
    finally:
        net.mode("ar")
    check(len(call.uas.received("UPDATE")) == 1, "the callee saw it more than once")
    check(net.asd()["offers"] == before + 2, "asd was not asked once")
    net.settled()


@scenario()
def late_offer_by_caller(net):
    """re-INVITE without SDP: the offer is in the 200, the answer in the ACK."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2), recv(100, optional=True), recv(200),
                a.ack(2, sdp.offer(version=2, setup="active", group=""))]

    def callee(b):
        return [recv("INVITE"), b.in_dialog_reply("200 OK", sdp.answer(version=2, setup="actpass")), recv("ACK")]
    call = dialog(net, caller, callee)
    offer, answer = bodies(call.uac, "200")[-1], bodies(call.uas, "ACK")[-1]
    check("ufragA" in offer and "a=setup:actpass" in offer, f"the offer is not ours: {offer}")
    check("ufragB" in answer and "a=setup:passive" in answer, f"the answer is not ours: {answer}")
    net.settled()


@scenario()
def late_offer_by_callee(net):
    def caller(a):
        return [recv("INVITE"), a.reply("200 OK", sdp.offer(version=2, group="")), recv("ACK")]

    def callee(b):
        return [pause(100), b.request("INVITE", 1), recv(100, optional=True), recv(200),
                b.request("ACK", 1, sdp.answer(version=2))]
    call = dialog(net, caller, callee)
    offer, answer = bodies(call.uas, "200")[-1], bodies(call.uac, "ACK")[-1]
    check("ufragB" in offer and "a=setup:actpass" in offer, f"the offer is not ours: {offer}")
    check("ufragA" in answer and "a=setup:passive" in answer, f"the answer is not ours: {answer}")
    net.settled()


@scenario(alone=True)
def kamailio_restarted(net):
    """The call is not known any more: asd has the map."""
    def again():
        net.processes.pop("pcscf1").crash()
        net.start_pcscf(1)
        net.ready()
    call = dialog(net, *offer_by_caller(*REFRESH_A), during=again)
    check_refresh(call, by_callee=False)
    net.settled()


@scenario(alone=True)
def kamailio_restarted_refresh_by_callee(net):
    def again():
        net.processes.pop("pcscf1").crash()
        net.start_pcscf(1)
        net.ready()
    call = dialog(net, *offer_by_callee(*REFRESH_B), during=again)
    check_refresh(call, by_callee=True)
    net.settled()


@scenario(alone=True)
def kamailio_restarted_asd_dead(net):
    """Nobody knows the map: the offer is refused, raw descriptions do not pass; later it works again."""
    def again():
        net.processes.pop("pcscf1").crash()
        net.stop_asd()
        net.start_pcscf(1)
        until(10, "pcscf1 answers", lambda: net.alive("pcscf1") and net.rpc("pcscf1", "core.uptime")[0] == 0)

    def caller(a):
        return [a.request("INVITE", 2, REFRESH_A[0]), recv(100, optional=True), recv(500), a.ack_failure(2)]
    call = dialog(net, caller, lambda b: [], during=again)
    check(len(bodies(call.uas, "INVITE")) == 1, "the offer reached the callee")
