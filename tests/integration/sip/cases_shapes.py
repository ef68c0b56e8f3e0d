# SPDX-License-Identifier: GPL-2.0-or-later
"""Shapes of calls as they are in the wild: reliable answers, preconditions, forks, redirects, holds, timers, late offers."""
import re

import recorded
import sdp
from case import AR_TAGS, Call, bye_by_callee, bye_by_caller, check_ar, plain_call, scenario, setup
from cases_dialog import REFRESH_A, REFRESH_B, bodies, check_refresh, dialog, offer_by_callee, offer_by_caller, then
from cases_inside import PLAIN_A, PLAIN_B, by_callee, by_caller, check_anchored, plain_then
from net import BOB2, check, until
from sipp import Callee, Caller, Sipp, gate, pause, recv

REL = "Require: 100rel\nRSeq: {}\n"
PRE = "a=curr:qos local {0}\na=curr:qos remote none\na=des:qos mandatory local sendrecv\na=des:qos none remote sendrecv\n"


def direction(text, word):
    return text.replace("a=sendrecv", f"a={word}")


def ours(text, leg, what):
    check(f"ufrag{leg}" in text, f"{what}: our section is not in {text}")
    check(sdp.UE1_UFRAG not in text and sdp.UE2_UFRAG not in text, f"{what}: a UE's own section passed: {text}")


# ---- before the answer

@scenario()
def prack_with_an_offer(net):
    """RFC 3262 5: the offer is answered in the 183, and the PRACK makes another."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER, extra="Supported: 100rel\n"), recv(100, optional=True), recv(183, rrs=True),
                      a.request("PRACK", 2, sdp.offer(version=2, group=""), extra="RAck: 1 1 INVITE\n"), recv(200),
                      recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("183 Session Progress", sdp.AR_ANSWER, extra=REL.format(1)), recv("PRACK"),
                 b.in_dialog_reply("200 OK", sdp.answer(version=2)), pause(200), b.reply_invite("200 OK"), recv("ACK")] + y).wait()
    ours(call.uas.received("PRACK")[0], "B", "PRACK")
    check(sdp.origin_version(call.uas.received("PRACK")[0]) == 2, "the version did not rise")
    ours(bodies(call.uac, "200")[0], "A", "answer to PRACK")
    net.settled()


@scenario()
def update_by_callee_while_it_rings(net):
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    again = sdp.answer(version=2, setup="actpass")
    call = Call(net, [a.invite(sdp.AR_OFFER, extra="Supported: 100rel\n"), recv(100, optional=True), recv(183, rrs=True),
                      a.request("PRACK", 2, extra="RAck: 1 1 INVITE\n"), recv(200), recv("UPDATE"),
                      a.reply("200 OK", sdp.offer(version=2, setup="active", group="")), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("183 Session Progress", sdp.AR_ANSWER, extra=REL.format(1)), recv("PRACK"),
                 b.in_dialog_reply("200 OK"), pause(100), b.request("UPDATE", 1, again), recv(200), pause(100),
                 b.reply_invite("200 OK"), recv("ACK")] + y).wait()
    ours(call.uac.received("UPDATE")[0], "A", "UPDATE")
    ours([t for t in call.uas.received("200") if t][0], "B", "its answer")
    net.settled()


@scenario()
def preconditions(net):
    """RFC 3312: INVITE, 183, PRACK, UPDATE with the resources there, 180, 200; the lines pass as they are."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)

    def with_pre(text, state):
        return text.replace("a=x-unknown", sdp.crlf(PRE.format(state)) + "a=x-unknown")
    first, second = with_pre(sdp.AR_OFFER, "none"), with_pre(sdp.offer(version=2, group=""), "sendrecv")
    one, two = with_pre(sdp.AR_ANSWER, "none"), with_pre(sdp.answer(version=2), "sendrecv")
    call = Call(net, [a.invite(first, extra="Supported: 100rel,precondition\n"), recv(100, optional=True), recv(183, rrs=True),
                      a.request("PRACK", 2, extra="RAck: 1 1 INVITE\n"), recv(200), a.request("UPDATE", 3, second),
                      recv(180, optional=True), recv(200), recv(180, optional=True), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("183 Session Progress", one, extra=REL.format(1)), recv("PRACK"),
                 b.in_dialog_reply("200 OK"), recv("UPDATE"), b.in_dialog_reply("200 OK", two), b.reply_invite("180 Ringing"),
                 pause(200), b.reply_invite("200 OK"), recv("ACK")] + y).wait()
    for got, sent in ((call.uas.received("INVITE")[0], first), (call.uas.received("UPDATE")[0], second),
                      (call.uac.received("183")[0], one)):
        check(sdp.audio(got) == sdp.audio(sent), f"audio with preconditions changed: {sdp.audio(got)}")
    ours(call.uas.received("UPDATE")[0], "B", "UPDATE")
    net.settled()


@scenario()
def serial_fork(net):
    """The home network tries one UE after the other: two early dialogs, the second one answers."""
    a, b1, b2 = Caller(AR_TAGS), Callee(AR_TAGS, tag="X"), Callee(AR_TAGS, tag="Y")
    one, two = sdp.answer(port=23000, ufrag="fork1"), sdp.answer(port=24000, ufrag="fork2", setup="passive")
    x, y = bye_by_caller(a, b2)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(183), recv(180, optional=True), recv(183),
                      recv(180, optional=True), recv(200, rrs=True), a.ack()] + x,
                [b1.invite(), b1.reply_invite("183 Session Progress", one), pause(100), b2.reply_invite("180 Ringing"),
                 b2.reply_invite("183 Session Progress", two), pause(100), b2.reply_invite("200 OK", two), recv("ACK")] + y).wait()
    first, second = bodies(call.uac, "183")
    check("23000" in sdp.audio(first) and "24000" in sdp.audio(second), "audio of the forks")
    check(all("ufragA" in t and "fork" not in t for t in (first, second, bodies(call.uac, "200")[0])), "not ours")
    events = [(e["ev"], e["to_tag"][:1]) for e in net.asd()["events"] if e["callid"] == call.callid()]
    net.settled()
    check(events[:3] == [("early", "X"), ("early", "Y"), ("answered", "Y")], f"events {events}")


@scenario()
def two_forks_answer(net):
    """Both forks send a 200 (RFC 3261 13.2.2.4): the caller ends the second one, the first goes on with its data channel."""
    a, b1, b2 = Caller(AR_TAGS), Callee(AR_TAGS, tag="X"), Callee(AR_TAGS, tag="Y")
    one, two = sdp.answer(port=23000, ufrag="fork1"), sdp.answer(port=24000, ufrag="fork2")
    to_y = a.request("BYE", 5).replace("[peer_tag_param]", ";tag=Y[call_number]")
    to_x = a.request("BYE", 9).replace("[peer_tag_param]", ";tag=X[call_number]")
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(200, rrs=True), a.ack(), recv(200), a.ack(), to_y,
                      recv(200), pause(500), to_x, recv(200)],
                [b1.invite(), b1.reply_invite("200 OK", one), recv("ACK"), b2.reply_invite("200 OK", two), recv("ACK"),
                 recv("BYE"), b2.in_dialog_reply("200 OK"), recv("BYE"), b2.in_dialog_reply("200 OK")])
    call.wait()
    check(all("ufragA" in t for t in bodies(call.uac, "200")[:2]), "an answer is not ours")
    net.settled()


@scenario()
def redirected(net):
    """302: the first attempt is released, the one to the new target is a call of its own."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    _, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    moved = b.reply("302 Moved Temporarily", extra="").replace(f"Contact: {b.contact}", "Contact: <sip:bob@ims.example;user=phone>")
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(302), a.ack_failure(), pause(50),
                      a.invite(sdp.AR_OFFER, cseq=2), recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True),
                      a.ack(2)] + x, [b.invite(), moved, recv("ACK")] + callee + y).wait()
    check_ar(call)
    net.settled()


@scenario()
def ringing_again_and_again(net):
    """180 three times with the answer, as a UE without 100rel sends it, and the 200 twice."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True), a.ack(),
                      pause(600), a.request("BYE", 9), recv(200)],
                [b.invite()] + 3 * [b.reply_invite("180 Ringing", sdp.AR_ANSWER), pause(50)] +
                [b.reply_invite("200 OK", sdp.AR_ANSWER), recv("ACK"), pause(200), b.reply_invite("200 OK", sdp.AR_ANSWER),
                 recv("BYE"), b.in_dialog_reply("200 OK")]).wait()
    got = set(bodies(call.uac, "180") + bodies(call.uac, "200"))
    check(len(got) == 1 and "ufragA" in got.pop(), "the copies differ")
    net.settled()
    check(net.events(call.callid()) == ["early", "answered", "bye"], f"events {net.events(call.callid())}")


# ---- without an offer in the INVITE

def late_call(net, offer, answer, extra_a=(), extra_b=()):
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    return Call(net, [a.invite(None), recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True), a.ack(1, answer)] +
                [s for f in extra_a for s in f(a)] + x,
                [b.invite(), b.reply("180 Ringing"), pause(100), b.reply("200 OK", offer), recv("ACK")] +
                [s for f in extra_b for s in f(b)] + y).wait()


NO_DC = sdp.crlf(sdp.session("alice") + sdp.AUDIO.format(port=20000) + sdp.dc(sdp.UE1_UFRAG, "active", port=0))


@scenario()
def late_offer(net):
    """INVITE without SDP: the callee's data channel is shown to the caller at port 0, all else as it is."""
    before = net.asd()["offers"]
    offered = sdp.answer(setup="actpass")
    call = late_call(net, offered, NO_DC)
    got = bodies(call.uac, "200")[0]
    check("m=application 0 " in got and sdp.UE2_UFRAG not in got, f"the data channel is there: {got}")
    check(sdp.audio(got) == sdp.audio(offered), "audio changed")
    check(bodies(call.uas, "ACK")[0] == NO_DC, "the answer in the ACK changed")
    check(net.asd()["offers"] == before, "asd was asked")
    net.settled()


@scenario()
def late_offer_of_an_ordinary_call(net):
    call = late_call(net, sdp.PLAIN_ANSWER, sdp.PLAIN_ANSWER)
    check(bodies(call.uac, "200")[0] == sdp.PLAIN_ANSWER, "the offer is not byte-identical")
    check(bodies(call.uas, "ACK")[0] == sdp.PLAIN_ANSWER, "the answer is not byte-identical")
    net.settled()
    check(net.status()["plain"] in ("0", "1"), f"status {net.status()}")


@scenario()
def late_offer_becomes_an_ar_call(net):
    """The next offer of either side, as every other one in an ordinary call."""
    steps = by_caller()
    call = late_call(net, sdp.answer(setup="actpass", version=7), NO_DC, extra_a=[steps[0]], extra_b=[steps[1]])
    check_anchored(call, call.uas, call.uac)
    net.settled()


@scenario()
def late_offer_inside_an_ordinary_call(net):
    """A re-INVITE without SDP, answered with a data channel: the same rule, and it becomes an AR call afterwards."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2), recv(100, optional=True), recv(200), a.ack(2, NO_DC)]

    def callee(b):
        return [recv("INVITE"), b.in_dialog_reply("200 OK", sdp.answer(version=8, setup="actpass")), recv("ACK")]
    call = plain_then(net, then((caller, callee), by_caller(v=5, w=9, cseq=3)))
    got = bodies(call.uac, "200")[1]
    check("m=application 0 " in got and sdp.UE2_UFRAG not in got, f"the data channel is there: {got}")
    check_anchored(call, call.uas, call.uac)
    net.settled()


@scenario()
def late_offer_reliable(net):
    """The offer in a reliable 183, the answer in the PRACK, a 200 without SDP."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(None, extra="Supported: 100rel\n"), recv(100, optional=True), recv(183, rrs=True),
                      a.request("PRACK", 2, NO_DC, extra="RAck: 1 1 INVITE\n"), recv(200), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("183 Session Progress", sdp.answer(setup="actpass"), extra=REL.format(1)), recv("PRACK"),
                 b.in_dialog_reply("200 OK"), pause(200), b.reply_invite("200 OK"), recv("ACK")] + y).wait()
    check("m=application 0 " in bodies(call.uac, "183")[0], "the data channel is there")
    check(call.uas.received("PRACK")[0] == NO_DC, "the answer in the PRACK changed")
    net.settled()


@scenario()
def late_offer_reliable_inside(net):
    """The same as a re-INVITE in an AR call: both are translated from the map."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2, extra="Supported: 100rel\n"), recv(100, optional=True), recv(183, rrs=True),
                a.request("PRACK", 3, sdp.offer(version=2, setup="active", group=""), extra="RAck: 1 2 INVITE\n"), recv(200),
                recv(200, rrs=True), a.ack(2)]

    def callee(b):
        return [b.invite(), b.in_dialog_reply("183 Session Progress", sdp.answer(version=2, setup="actpass"))
                .replace("Contact:", "Require: 100rel\nRSeq: 1\nContact:", 1), recv("PRACK"), b.in_dialog_reply("200 OK"),
                pause(200), b.reply_invite("200 OK").replace(f";tag={b.tag}[call_number]", ""), recv("ACK")]
    before = net.asd()["offers"]
    call = dialog(net, caller, callee)
    ours(bodies(call.uac, "183")[-1], "A", "offer in the 183")
    check("a=setup:actpass" in bodies(call.uac, "183")[-1], "the offer's role")
    ours(call.uas.received("PRACK")[0], "B", "answer in the PRACK")
    check("a=setup:passive" in call.uas.received("PRACK")[0], "the answer's role")
    check(net.asd()["offers"] == before + 1, "asd was asked")
    net.settled()


# ---- inside the AR call

@scenario()
def hold_and_resume(net):
    """Audio is put on hold by A, resumed, held by B; the data channel stays."""
    def step(v, word, other):
        return offer_by_caller(direction(sdp.offer(version=v, group=""), word), direction(sdp.answer(version=v), other), cseq=v)
    by_b = offer_by_callee(direction(sdp.answer(version=4, setup="actpass"), "sendonly"),
                           direction(sdp.offer(version=4, setup="active", group=""), "recvonly"))
    before = net.asd()["offers"]
    call = dialog(net, *then(then(step(2, "sendonly", "recvonly"), step(3, "sendrecv", "sendrecv")), by_b))
    offers = bodies(call.uas, "INVITE")
    check("a=sendonly" in sdp.audio(offers[1]) and "a=sendrecv" in sdp.audio(offers[2]), "the direction did not pass")
    check("a=sendonly" in sdp.audio(bodies(call.uac, "INVITE")[-1]), "the direction did not pass from B")
    for text in offers[1:]:
        ours(text, "B", "offer")
    check(net.asd()["offers"] == before + 1, "asd was asked about a hold")
    net.settled()


@scenario(real=True)
def real_data_channel_removed(net):
    """Port 0 for the data channel: both legs close it, the slot stays, and a refresh by B keeps it so."""
    gone = sdp.offer(version=2, group="", dc_port=0)
    steps = offer_by_caller(gone, sdp.answer(version=2, dc_port=0))
    after = offer_by_callee(sdp.answer(version=3, setup="actpass", dc_port=0),
                            sdp.offer(version=3, setup="active", group="", dc_port=0))
    call = dialog(net, *then(steps, after))
    for text in bodies(call.uas, "INVITE")[1:] + bodies(call.uac, "200")[1:2] + bodies(call.uac, "INVITE"):
        check(len(sdp.sections(text)) == 2 and "m=application 0 " in text, f"the slot is not closed: {text}")
    net.settled()


BDC = """m=application {port} UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 127.0.0.1
a=mid:{mid}
a=ice-ufrag:{ufrag}
a=ice-pwd:{ufrag}5678901234567890123456
a=candidate:1 1 UDP 2130706431 127.0.0.1 {port} typ host
a=fingerprint:sha-256 """ + ":".join(["1F"] * 32) + """
a=setup:{setup}
a=sctp-port:5000
a=max-message-size:1024
a=dcmap:0 subprotocol="http"
a=dcmap:10 subprotocol="http"
"""


@scenario(real=True)
def real_application_channels_after_bootstrap(net):
    """TS 24.186: first the bootstrap data channel only, then a re-INVITE that adds the application's channels."""
    def text(user, v, ufrag, setup, app):
        t = sdp.session(user, v) + sdp.AUDIO.format(port=20000 if user == "alice" else 22000) + \
            BDC.format(port=40000, mid="b", ufrag=ufrag + "b", setup=setup)
        if app:
            t += sdp.dc(ufrag, setup, port=40002, mid="dc") + "a=3gpp-req-app:urn:x-app\n"
        return sdp.crlf(t)
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    one = text("alice", 1, sdp.UE1_UFRAG, "actpass", False), text("bob", 1, sdp.UE2_UFRAG, "active", False)
    two = text("alice", 2, sdp.UE1_UFRAG, "actpass", True), text("bob", 2, sdp.UE2_UFRAG, "active", True)
    caller, callee = setup(a, b, *one)
    more = offer_by_caller(*two)
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + more[0](a) + x, callee + more[1](b) + y).wait()
    offer, answer = bodies(call.uas, "INVITE")[-1], bodies(call.uac, "200")[-1]
    for what, got in (("offer", offer), ("answer", answer)):
        check(len(sdp.sections(got)) == 3, f"{what}: as many sections as sent: {got}")
        live = [s for s in sdp.sections(got) if re.match(r"m=application [1-9]", s) and 'subprotocol="mpeg-sd"' in s]
        check(len(live) == 1 and sdp.UE1_UFRAG not in got and sdp.UE2_UFRAG not in got, f"{what}: no channel to the DCMF: {got}")
    net.settled()


# ---- what browsers say

@scenario(real=True)
def real_firefox(net):
    """Firefox's own offer and answer: fingerprint and direction at session level, BUNDLE, no a=dcmap; then a refresh by each."""
    def next_version(text, v, setup):
        return re.sub(r"(?m)^(o=\S+ \S+) 0 ", rf"\1 {v} ", re.sub("a=setup:[a-z]+", f"a=setup:{setup}", text))
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    offer, answer = recorded.FIREFOX_OFFER, recorded.FIREFOX_ANSWER
    caller, callee = setup(a, b, offer, answer, early=True)
    again = offer_by_caller(next_version(offer, 1, "actpass"), next_version(answer, 1, "active"))
    back = offer_by_callee(next_version(answer, 2, "actpass"), next_version(offer, 2, "passive"))
    x, y = bye_by_caller(a, b)
    steps = then(again, back)
    call = Call(net, caller + steps[0](a) + x, callee + steps[1](b) + y).wait()
    to_b, to_a = bodies(call.uas, "INVITE") + bodies(call.uas, "200"), bodies(call.uac, "200") + bodies(call.uac, "INVITE")
    for got, sent, other in [(t, offer, "0ee88363") for t in to_b] + [(t, answer, "943f5165") for t in to_a]:
        dc = sdp.section(got, "application")
        check(re.match("m=application [1-9]", dc) and "a=fingerprint:" in dc and other not in dc, f"no channel to the DCMF: {dc}")
        check("a=group" not in got and got.count("a=ice-lite") == 1, f"session: {got[:400]}")
        check(re.search("(?m)^a=fingerprint:.*", sent).group(0) in got, f"the audio's fingerprint has gone: {got[:400]}")
        audio, was = sdp.audio(got), sdp.audio(sent)
        check([line for line in was.splitlines() if not line.startswith("a=setup") and line not in audio] == [], f"audio: {audio}")
    net.settled()


# ---- the terminating side (TS 24.186, 9.3.3.2)

def boot(mid, ufrag, setup, ids, mark="", port=40010):
    lines = BDC.format(port=port, mid=mid, ufrag=ufrag, setup=setup).splitlines(keepends=True)
    text = "".join(line for line in lines if "dcmap" not in line)
    return text + "".join(f'a=dcmap:{i} subprotocol="http"\n' for i in ids) + (f"a=3gpp-bdc-used-by:{mark}\n" if mark else "")


def from_another_network(user, v, setup, answers=False, port=None):
    """What a caller offers whose own network has anchored nothing of ours; what the callee answers."""
    u = sdp.UE1_UFRAG if user == "alice" else sdp.UE2_UFRAG
    dead = "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 127.0.0.1\na=mid:s\n"
    text = sdp.session(user, v) + sdp.AUDIO.format(port=20000 if user == "alice" else 22000) + sdp.dc(u, setup)
    if user == "alice":
        return sdp.crlf(text + boot("s", u + "s", setup, (100, 110), "sender") + boot("r", u + "r", setup, (100, 110), "receiver"))
    return sdp.crlf(text + dead + boot("r", u + "r", setup, (100, 110), port=40012 if port is None else port) +
                    boot("imsarboot", u + "l", setup, (0, 10), port=40014))


def kinds(text):
    """Of each data channel section: its ids, or 0 where it is at port 0."""
    return [sorted(int(i) for i in re.findall(r"a=dcmap:(\d+)", s)) if not s.startswith("m=application 0 ") else 0
            for s in sdp.sections(text) if s.startswith("m=application")]


def check_terminating(call, offers, answers):
    """offers: what B was offered; answers: what A was answered."""
    for text in offers + answers:
        check(sdp.UE1_UFRAG not in text and sdp.UE2_UFRAG not in text, f"a UE's own section passed: {text}")
    for text in offers:
        check(kinds(text) == [[1000, 1002], 0, [100, 110], [0, 10]], f"offered: {kinds(text)} in {text}")
        check("a=3gpp-bdc-used-by:receiver" in text and "used-by:sender" not in text, f"marks: {text}")
        ports = re.findall(r"a=ice-ufrag:(\S+)", text)
        check(len(set(ports)) == 3, f"connections of their own: {ports}")


@scenario(real=True, two=True)
def real_terminating_side(net):
    """A call from a network without ims-ar: the sender's section ends here, the receiver's is anchored, a local one added."""
    net.set("enabled", 0)
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, from_another_network("alice", 1, "actpass"), from_another_network("bob", 1, "active"))
    again = offer_by_caller(from_another_network("alice", 2, "actpass"), from_another_network("bob", 2, "active"))
    back = offer_by_callee(from_another_network("bob", 3, "actpass"), from_another_network("alice", 3, "active"))
    restart = offer_by_caller(from_another_network("alice", 4, "actpass").replace(sdp.UE1_UFRAG, "ue1u2"),
                              from_another_network("bob", 4, "active"), cseq=3)
    x, y = bye_by_caller(a, b)
    steps = then(then(again, back), restart)
    try:
        call = Call(net, caller + [gate()] + steps[0](a) + x, callee + [gate()] + steps[1](b) + y)
        want = [{"a": ["1", "br", "bs"], "b": ["1", "bl", "br"]}]
        call.wait_with(lambda: until(4, "mediad knows both UEs' connections", lambda: net.medias() == want))
        check(net.status(2)["offers"] >= "1", "the callee's P-CSCF did not hand over")
    finally:
        net.set("enabled", 1)
    check_terminating(call, bodies(call.uas, "INVITE"), bodies(call.uac, "200"))
    for text in bodies(call.uac, "200") + bodies(call.uac, "INVITE"):
        check(kinds(text) == [[1000, 1002], [100, 110], [100, 110]], f"towards A: {kinds(text)} in {text}")
    check(kinds(bodies(call.uas, "200")[-1]) == [[1000, 1002], 0, [100, 110], [0, 10]], "towards B, an answer")
    net.settled()


@scenario(real=True, two=True)
def real_terminating_side_receiver_refused(net):
    """The callee does not take the far network's channels: refused on both legs, the rest stands."""
    net.set("enabled", 0)
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    answer = from_another_network("bob", 1, "active", port=0)
    caller, callee = setup(a, b, from_another_network("alice", 1, "actpass"), answer)
    x, y = bye_by_callee(a, b)
    try:
        call = Call(net, caller + x, callee + y).wait()
    finally:
        net.set("enabled", 1)
    check(kinds(bodies(call.uac, "200")[0]) == [[1000, 1002], [100, 110], 0], f"towards A: {bodies(call.uac, '200')[0]}")
    net.settled()


@scenario(real=True, two=True)
def real_terminating_side_roles_differ(net):
    """The callee is DTLS server of one section and client of the others: its refresh leaves every role as it is."""
    net.set("enabled", 0)
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    answer = "".join(s.replace("a=setup:active", "a=setup:passive") if "a=mid:r" in s else s
                     for s in re.split("(?=m=)", from_another_network("bob", 1, "active")))
    caller, callee = setup(a, b, from_another_network("alice", 1, "actpass"), answer)
    back = offer_by_callee(from_another_network("bob", 2, "actpass"), from_another_network("alice", 2, "active"))
    x, y = bye_by_caller(a, b)
    try:
        call = Call(net, caller + [pause(200)] + back[0](a) + x, callee + [pause(200)] + back[1](b) + y).wait()
    finally:
        net.set("enabled", 1)
    ours = [re.findall("a=setup:(.*?)\r", s) for s in sdp.sections(bodies(call.uas, "200")[-1]) if "webrtc-datachannel" in s]
    check(ours == [["passive"], [], ["active"], ["passive"]], f"roles towards B: {ours}")
    net.settled()


@scenario(real=True, two=True)
def real_terminating_side_anchored_before(net):
    """The caller's P-CSCF has anchored it: the callee's leaves it alone, bootstrap sections and all."""
    offer = from_another_network("alice", 1, "actpass")
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    answer = sdp.answer() + sdp.crlf("".join(f"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 127.0.0.1\na=mid:{m}\n"
                                             for m in "sr"))
    caller, callee = setup(a, b, offer, answer)
    x, y = bye_by_caller(a, b)
    before = net.status(2).get("offers", "0")
    call = Call(net, caller + x, callee + y).wait()
    check(net.status(2).get("offers", "0") == before, "handed over again")
    check(kinds(bodies(call.uas, "INVITE")[0]) == [[1000, 1002], 0, 0], f"towards B: {bodies(call.uas, 'INVITE')[0]}")
    net.settled()


@scenario(real=True, two=True)
def real_terminating_side_forged_mark(net):
    """A mark that is not ours does not keep the call of a served UE from being handed over."""
    net.set("enabled", 0)
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    forged = "P-IMS-AR: 0123456789abcdef;n=x;h=0123456789abcdef0123456789abcdef\n"
    caller[0] = a.invite(sdp.AR_OFFER, extra=forged)
    try:
        call = Call(net, caller + x, callee + y).wait()
    finally:
        net.set("enabled", 1)
    got = bodies(call.uas, "INVITE")[0]
    check(kinds(got) == [[1000, 1002]] and sdp.UE1_UFRAG not in got, f"not anchored: {got}")
    head = next(h for f, h, _ in call.uas.seen() if f.startswith("INVITE"))
    check("0123456789abcdef;n=x" not in head, "the forged mark reached the callee")
    net.settled()


@scenario()
def session_timer_without_sdp(net):
    """RFC 4028: the refresh is an UPDATE without SDP, from each side; nothing to do for us."""
    steps = then(offer_by_caller(None, None, method="UPDATE"), offer_by_callee(None, None, method="UPDATE"))
    before = net.asd()["offers"]
    check_ar(dialog(net, *steps))
    check(net.asd()["offers"] == before + 1, "asd was asked about a refresh")
    net.settled()


@scenario()
def session_interval_too_small(net):
    """422, and the INVITE again with a longer interval."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    _, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER, extra="Session-Expires: 90\n"), recv(100, optional=True), recv(422),
                      a.ack_failure(), pause(50), a.invite(sdp.AR_OFFER, cseq=2, extra="Session-Expires: 1800\n"),
                      recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True), a.ack(2)] + x,
                [b.invite(), b.reply("422 Session Interval Too Small", extra="Min-SE: 1800\n"), recv("ACK")] + callee + y).wait()
    check_ar(call)
    net.settled()


@scenario()
def glare(net):
    """RFC 3261 14.1: both sides offer at once, both are answered 491, one tries again."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2, REFRESH_A[0]), recv(100, optional=True), recv("INVITE"), a.reply("491 Request Pending"),
                recv("ACK", optional=True), recv(491), a.ack_failure(2), pause(300), a.request("INVITE", 3, REFRESH_A[0]),
                recv(100, optional=True), recv("ACK", optional=True), recv(200), a.ack(3)]

    def callee(b):
        return [recv("INVITE"), b.request("INVITE", 1, REFRESH_B[0]), recv(100, optional=True), recv(491), b.request("ACK", 1).replace(
            "branch=[branch]", "branch=[branch-3]"), b.reply_invite("491 Request Pending"), recv("ACK"),
            recv("INVITE"), b.in_dialog_reply("200 OK", REFRESH_A[1]), recv("ACK")]
    # the callee's 491 goes to the re-INVITE that came first
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    first_c, first_b = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    steps = callee(b)
    steps[0] = b.invite()
    steps[5] = steps[5].replace(f";tag={b.tag}[call_number]", "")
    call = Call(net, first_c + caller(a) + x, first_b + steps + y).wait()
    ours(bodies(call.uas, "INVITE")[-1], "B", "the third offer")
    ours(bodies(call.uac, "INVITE")[0], "A", "the offer of B that was refused")
    versions = [sdp.origin_version(t) for t in bodies(call.uas, "INVITE")]
    check(versions == sorted(set(versions)), f"versions towards B: {versions}")
    net.settled()


@scenario()
def other_requests_inside(net):
    """INFO, MESSAGE and OPTIONS from each side go by."""
    def step(method, cseq):
        return (lambda a: [a.request(method, cseq), recv(200)], lambda b: [recv(method), b.in_dialog_reply("200 OK")])

    def back(method, cseq):
        return (lambda a: [recv(method), a.reply("200 OK")], lambda b: [b.request(method, cseq), recv(200)])
    check_ar(dialog(net, *then(then(step("INFO", 2), back("MESSAGE", 1)), step("OPTIONS", 3))))
    net.settled()


@scenario()
def bye_with_a_wrong_tag(net):
    """It is none of this dialog's: 481 by the UE, and the AR part stays."""
    def caller(a):
        wrong = a.request("BYE", 2).replace("[peer_tag_param]", ";tag=wrong")
        return [pause(100), wrong, recv(481)] + offer_by_caller(*REFRESH_A, cseq=3)[0](a)

    def callee(b):
        return [recv("BYE"), b.in_dialog_reply("481 Call/Transaction Does Not Exist").replace(
            "[last_To:]", f"To:[$2];tag={b.tag}[call_number]")] + offer_by_caller(*REFRESH_A)[1](b)
    call = dialog(net, caller, callee)
    check_refresh(call, by_callee=False)
    events = [(e["ev"], e["from_tag"], e["to_tag"]) for e in net.asd()["events"] if e["callid"] == call.callid()]
    net.settled()
    check([e[0] for e in events] == ["answered", "answered", "bye"], f"events {events}")


@scenario()
def max_forwards_and_unknown_headers(net):
    """A caller that says everything twice, in another order and in other words."""
    extra = ("Subject: AR\nX-Thing: 1\nX-Thing: 2\nAllow: INVITE, ACK, BYE\nSupported: timer\nSupported: path, 100rel\n"
             "P-Preferred-Identity: <sip:alice@ims.example>\nAccept-Contact: *;+sip.app-subtype=\"webrtc-datachannel\"\n")
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    caller[0] = a.invite(sdp.AR_OFFER, extra=extra)
    x, y = bye_by_callee(a, b)
    call = Call(net, caller + x, callee + y).wait()
    check_ar(call)
    head = next(h for f, h, _ in call.uas.seen() if f.startswith("INVITE"))
    check("X-Thing: 2" in head and "P-IMS-AR" not in head, "headers")
    net.settled()
