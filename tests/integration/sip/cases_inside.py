# SPDX-License-Identifier: GPL-2.0-or-later
"""A plain call that becomes an AR call by re-INVITE, from either side, and what comes after."""
import re

import sdp
from case import AR_TAGS, Call, bye_by_callee, bye_by_caller, scenario, setup
from cases_dialog import bodies, offer_by_callee, offer_by_caller, then
from net import OFFER_TIMEOUT, check, until
from sipp import Callee, Caller, gate, pause, recv

PLAIN_A = sdp.crlf(sdp.session("alice", 3) + sdp.AUDIO.format(port=20000))
PLAIN_B = sdp.crlf(sdp.session("bob", 7) + sdp.AUDIO.format(port=22000))


def by_caller(v=4, w=8, **kw):
    return offer_by_caller(sdp.offer(version=v, group=""), sdp.answer(version=w), **kw)


def by_callee(v=4, w=8, **kw):
    """Bob makes the offer."""
    return offer_by_callee(sdp.answer(version=w, setup="actpass"), sdp.offer(version=v, setup="active", group=""), **kw)


def plain_then(net, steps, during=None, bye=bye_by_caller, wait=True):
    """An ordinary call, then the steps; with wait they come when during() is over, or when it says go()."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, PLAIN_A, PLAIN_B)
    x, y = bye(a, b)
    idle = [gate()] if during and wait else []
    call = Call(net, caller + idle + steps[0](a) + x, callee + idle + steps[1](b) + y)
    return call.wait_with(during and (lambda: during(call)))


def gated(steps):
    return lambda a: [gate()] + steps[0](a), lambda b: [gate()] + steps[1](b)


def origins(sipp):
    """o= of every description that this UE got, in order, without what was sent again."""
    seen = []
    for _, _, body in sipp.seen():
        m = re.search(r"^o=(\S+ \S+) (\d+) (.*?)\r?$", body, re.M)
        if m and (not seen or seen[-1] != m.groups()):
            seen.append(m.groups())
    return seen


def check_origins(call, n):
    """RFC 3264 8: o= of each leg stays, its version goes up by one."""
    for sipp, user in ((call.uac, "bob"), (call.uas, "alice")):
        seen = origins(sipp)
        check(len(seen) == n, f"{sipp.name} got {len(seen)} descriptions: {seen}")
        check(all(o[0].startswith(user) and o[0] == seen[0][0] and o[2] == seen[0][2] for o in seen), f"o= changed: {seen}")
        versions = [int(o[1]) for o in seen]
        check(versions == list(range(versions[0], versions[0] + n)), f"versions of {sipp.name}: {versions}")


def check_anchored(call, offers_at, answers_at):
    """offers_at got the offer, answers_at the answer."""
    offer, answer = bodies(offers_at, "INVITE")[-1], bodies(answers_at, "200")[-1]
    check("a=setup:actpass" in offer and re.search("ufrag[AB]", offer), f"the offer is not ours: {offer}")
    check(re.search("a=setup:(passive|active)", answer) and re.search("ufrag[AB]", answer), f"the answer is not ours: {answer}")
    for text in (offer, answer):
        check(sdp.UE1_UFRAG not in text and sdp.UE2_UFRAG not in text, f"a UE's own section passed: {text}")


def no_mark(call):
    for sipp in (call.uac, call.uas):
        check(not any("P-IMS-AR" in h for _, h, _ in sipp.seen()), f"{sipp.name} saw the mark")


@scenario()
def inside_by_caller(net):
    before = net.asd()["offers"]
    call = plain_then(net, by_caller())
    check(bodies(call.uas, "INVITE")[0] == PLAIN_A and bodies(call.uac, "200")[0] == PLAIN_B, "the plain call was touched")
    check_anchored(call, call.uas, call.uac)
    check_origins(call, 2)
    no_mark(call)
    check(net.asd()["offers"] == before + 1, "asd was not asked once")
    check(net.events(call.callid()) == ["answered", "bye"], f"events {net.events(call.callid())}")
    net.settled()


@scenario()
def inside_by_callee(net):
    call = plain_then(net, by_callee(), bye=bye_by_callee)
    check_anchored(call, call.uac, call.uas)
    check_origins(call, 2)
    no_mark(call)
    net.settled()


@scenario(two=True)
def inside_two_pcscf(net):
    before = net.asd()["offers"]
    call = plain_then(net, then(by_caller(), by_callee(v=5, w=9)))
    check_anchored(call, call.uas, call.uac)
    check_anchored(call, call.uac, call.uas)
    check_origins(call, 3)
    no_mark(call)
    check(net.asd()["offers"] == before + 1 and net.asd().get("known", 0) == 0, "the second P-CSCF handed over, too")
    net.settled()


@scenario()
def inside_then_refreshes(net):
    """After it both sides refresh; the map holds and asd is not asked."""
    before = net.asd()["offers"]
    # the UEs' own o= does not change (RFC 4028 7.4): ours goes up all the same
    call = plain_then(net, then(then(by_caller(), by_caller(v=4, w=8, cseq=3)), by_callee(v=4, w=8)))
    check_anchored(call, call.uas, call.uac)
    check_anchored(call, call.uac, call.uas)
    check_origins(call, 4)
    no_mark(call)
    check(net.asd()["offers"] == before + 1, "asd was asked about a refresh")
    net.settled()


@scenario()
def inside_by_callee_then_refreshes(net):
    call = plain_then(net, then(then(by_callee(), by_caller(v=5, w=9)), by_callee(v=6, w=10, cseq=2)))
    check_anchored(call, call.uas, call.uac)
    check_anchored(call, call.uac, call.uas)
    check_origins(call, 4)
    net.settled()


@scenario()
def inside_by_update(net):
    call = plain_then(net, by_caller(method="UPDATE"))
    check("ufragB" in bodies(call.uas, "UPDATE")[0] and "ufragA" in bodies(call.uac, "200")[-1], "not anchored")
    check_origins(call, 2)
    net.settled()


def refused(status, ack=True):
    def caller(a):
        return [pause(100), a.request("INVITE", 2, sdp.offer(version=4, group="")), recv(100, optional=True),
                recv(status), a.ack_failure(2)]

    def callee(b):
        return [recv("INVITE"), b.in_dialog_reply(f"{status} No"), recv("ACK")]
    return caller, callee


@scenario()
def inside_refused_then_again(net):
    """488 to the offer: an ordinary call as before, and the next offer makes it an AR call after all."""
    call = plain_then(net, then(refused(488), by_caller(v=5, w=8, cseq=3)))
    check_anchored(call, call.uas, call.uac)
    d = net.asd()
    check(d["reserve"] == d["release"], f"reserved {d['reserve']}, released {d['release']}")
    net.settled()


@scenario()
def inside_other_side_after_refusal(net):
    call = plain_then(net, then(refused(488), by_callee(v=5, w=8)))
    check_anchored(call, call.uac, call.uas)
    net.settled()


@scenario()
def inside_callee_refuses_data_channel(net):
    no_dc = sdp.crlf(sdp.session("bob", 8) + sdp.AUDIO.format(port=22000) + sdp.dc(sdp.UE2_UFRAG, "active", port=0))
    call = plain_then(net, offer_by_caller(sdp.offer(version=4, group=""), no_dc))
    got = bodies(call.uac, "200")[-1]
    check("m=application 0 " in got, f"the caller keeps a channel: {got}")
    check_origins(call, 2)
    net.settled()


@scenario()
def inside_asd_says_plain(net):
    """The policy does not want it: the re-INVITE goes on without the data channel, o= untouched."""
    net.mode("plain")
    no_dc = sdp.crlf(sdp.session("bob", 8) + sdp.AUDIO.format(port=22000) + sdp.dc(sdp.UE2_UFRAG, "active", port=0))
    try:
        call = plain_then(net, offer_by_caller(sdp.offer(version=4, group=""), no_dc))
    finally:
        net.mode("ar")
    got = bodies(call.uas, "INVITE")[-1]
    check("m=application 0 " in got and sdp.audio(got) == sdp.audio(sdp.AR_OFFER), f"towards B: {got}")
    check_origins(call, 2)
    net.settled()


@scenario(alone=True)
def inside_asd_down_then_up(net):
    """asd is away at the first try, and there at the second."""
    no_dc = sdp.crlf(sdp.session("bob", 8) + sdp.AUDIO.format(port=22000) + sdp.dc(sdp.UE2_UFRAG, "active", port=0))
    steps = then(offer_by_caller(sdp.offer(version=4, group=""), no_dc),
                 gated(by_caller(v=5, w=9, cseq=3)))

    def away(call):
        net.stop_asd()
        call.go()
        call.acked(2)
        net.start_asd()
        until(5, "the link is up again", net.link_up)
    call = plain_then(net, steps, during=away)
    second, third = bodies(call.uas, "INVITE")[1:3]
    check("m=application 0 " in second, f"without asd: {second}")
    check("ufragB" in third, f"with asd: {third}")
    check_origins(call, 3)
    net.settled()


@scenario()
def inside_while_asd_thinks(net):
    """The other side's own offer meanwhile: 491, and nothing of one leg reaches the other."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2, sdp.offer(version=4, group="")), recv(100),
                recv("ACK", optional=True), recv(200, rrs=True), a.ack(2)]

    def callee(b):
        return [gate(), b.request("UPDATE", 1, sdp.answer(version=8, setup="actpass")), recv(491),
                recv("INVITE"), b.in_dialog_reply("200 OK", sdp.answer(version=8)), recv("ACK")]

    def during(call):
        until(4, "asd has the offer", lambda: net.status()["offers_waiting"] == "1")
        call.go()
        until(4, "the other offer is refused", lambda: any(" 491 " in f for f, _, _ in call.uas.seen()))
        net.mode("ar")
    net.mode("hold")
    try:
        call = plain_then(net, (caller, callee), during=during, wait=False)
    finally:
        net.mode("ar")
    check_anchored(call, call.uas, call.uac)
    check(not bodies(call.uac, "UPDATE"), "the offer of the other side passed")
    net.settled()


@scenario(alone=True)
def inside_then_kamailio_restarted(net):
    """Nothing in the route set names the call: asd knows the dialog, and the map comes from it."""
    first, again = by_caller(), by_caller(v=5, w=9, cseq=3)

    def restart(call):
        call.acked(2)
        until(3, "it is an AR call", lambda: net.asd()["calls"] and all(c.get("up") for c in net.asd()["calls"].values()))
        net.processes.pop("pcscf1").crash()
        net.start_pcscf(1)
        net.ready()
    call = plain_then(net, then(first, gated(again)), during=restart, wait=False)
    check_anchored(call, call.uas, call.uac)
    check_origins(call, 3)
    check(net.asd().get("known") == 1, f"asd was asked {net.asd().get('known')} times")
    net.settled()


@scenario(alone=True)
def inside_then_kamailio_restarted_refresh_by_callee(net):
    """With both UEs behind it the first pass of the callee's request is not the anchored one: that is the last."""
    first = by_caller()
    offer = sdp.answer(version=9, setup="actpass")

    def restart(call):
        call.acked(2)
        until(3, "it is an AR call", lambda: net.asd()["calls"] and all(c.get("up") for c in net.asd()["calls"].values()))
        net.processes.pop("pcscf1").crash()
        net.start_pcscf(1)
        net.ready()

    def caller(a):
        return first[0](a) + [gate(), recv("INVITE"), a.reply("200 OK", sdp.offer(version=5, setup="active", group="")), recv("ACK")]

    def callee(b):
        return first[1](b) + [gate(), b.request("INVITE", 1, offer), recv(100, optional=True), recv(200), b.request("ACK", 1)]
    call = plain_then(net, (caller, callee), during=restart, wait=False)
    check_anchored(call, call.uac, call.uas)
    check_origins(call, 3)
    no_mark(call)
    check(net.asd().get("known") == 1, f"asd was asked {net.asd().get('known')} times")
    net.settled()


@scenario()
def inside_forged_mark(net):
    """A UE cannot talk itself out of it inside the dialog, either."""
    forged = "P-IMS-AR: 0123456789abcdef;n=x;h=0123456789abcdef0123456789abcdef\n"

    def caller(a):
        return [pause(100), a.request("INVITE", 2, sdp.offer(version=4, group=""), extra=forged), recv(100, optional=True),
                recv(200), a.ack(2)]
    call = plain_then(net, (caller, by_caller()[1]))
    check_anchored(call, call.uas, call.uac)
    no_mark(call)
    net.settled()


@scenario()
def inside_cancelled(net):
    """The offer rings at the callee, the caller takes it back: an ordinary call as before."""
    def caller(a):
        cancel = a.cancel(2).replace(a.to + " SIP/2.0", "[next_url] SIP/2.0", 1).replace(f"To: <{a.to}>", f"To: <{a.to}>[peer_tag_param]")
        cancel = cancel.replace("\nFrom:", "\n[routes]\nFrom:", 1)
        return [pause(100), a.request("INVITE", 2, sdp.offer(version=4, group="")), recv(100, optional=True), recv(180),
                pause(100), cancel, recv(200), recv(487), a.ack_failure(2)]

    def callee(b):
        return [b.invite(), b.in_dialog_reply("180 Ringing"), recv("CANCEL"), b.in_dialog_reply("200 OK"),
                b.reply_invite("487 Request Terminated").replace(f";tag={b.tag}[call_number]", ""), recv("ACK")]
    call = plain_then(net, then((caller, callee), by_caller(v=5, w=8, cseq=3)))
    check_anchored(call, call.uas, call.uac)
    d = net.asd()
    check(d["reserve"] == d["release"], f"reserved {d['reserve']}, released {d['release']}")
    net.settled()


@scenario()
def inside_asd_silent(net):
    """offer_timeout, then the offer goes on without its data channel; the call is an ordinary one."""
    no_dc = sdp.crlf(sdp.session("bob", 8) + sdp.AUDIO.format(port=22000) + sdp.dc(sdp.UE2_UFRAG, "active", port=0))
    net.set("offer_timeout", 400)
    net.mode("silent")
    try:
        call = plain_then(net, offer_by_caller(sdp.offer(version=4, group=""), no_dc))
    finally:
        net.mode("ar")
        net.set("offer_timeout", OFFER_TIMEOUT)
    check("m=application 0 " in bodies(call.uas, "INVITE")[-1], "the data channel was offered on")
    check_origins(call, 2)
    net.settled()


@scenario()
def inside_sent_again_while_asd_thinks(net):
    """The re-INVITE comes three times before asd has decided: one offer, one call."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2, sdp.offer(version=4, group="")), recv(100), recv(200, timeout=9000), a.ack(2)]
    before = net.asd()["offers"]
    net.mode("slow")
    try:
        call = plain_then(net, (caller, by_caller()[1]))
    finally:
        net.mode("ar")
    check_anchored(call, call.uas, call.uac)
    check(net.asd()["offers"] == before + 1, "asd was asked more than once")
    check_origins(call, 2)
    net.settled()


@scenario(real=True)
def real_inside(net):
    """With asd and mediad themselves: from the caller, then a refresh by the callee."""
    call = plain_then(net, then(by_caller(), by_callee(v=5, w=9)))
    for text in (bodies(call.uas, "INVITE")[-1], bodies(call.uac, "200")[-1], bodies(call.uac, "INVITE")[-1]):
        part = sdp.section(text, "application")
        check(part and " 0 UDP" not in part.split("\r\n")[0] and sdp.UE1_UFRAG not in text and sdp.UE2_UFRAG not in text, text)
    check_origins(call, 3)
    net.settled()
