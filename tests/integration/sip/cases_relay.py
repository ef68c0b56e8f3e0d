# SPDX-License-Identifier: GPL-2.0-or-later
"""With rtpengine between the UEs, driven by the shipped configuration."""
import re

import sdp
from case import AR_TAGS, Call, bye_by_caller, plain_call, scenario
from cases_dialog import REFRESH_A, REFRESH_B, bodies, check_refresh, dialog, offer_by_callee, offer_by_caller
from net import RTP_MAX, RTP_MIN, check, until
from sipp import Callee, Caller, pause, recv

RELAY = {"rtpengine": True, "when": ("RTPENGINE", "1")}


def check_relayed(body, what):
    port = int(re.match(r"m=audio (\d+) ", sdp.audio(body)).group(1))
    check(RTP_MIN <= port <= RTP_MAX, f"{what}: audio is not relayed, port {port}")
    check("a=sendrecv" in sdp.audio(body), f"{what}: {sdp.audio(body)}")


def check_relayed_ar(call):
    to_b, to_a = bodies(call.uas, "INVITE")[0], bodies(call.uac, "200")[0]
    check_relayed(to_b, "towards B")
    check_relayed(to_a, "towards A")
    check("ufragB" in to_b and "a=setup:actpass" in to_b and "BB:BB" in to_b, f"towards B: {to_b}")
    check("ufragA" in to_a and "a=setup:passive" in to_a and "AA:AA" in to_a, f"towards A: {to_a}")


@scenario(**RELAY)
def relay_ar_call(net):
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, early=True)
    check_relayed_ar(call)
    check(bodies(call.uac, "183")[0] == bodies(call.uac, "200")[0], "183 and 200 differ")
    net.settled()


@scenario(**RELAY)
def relay_ordinary_call(net):
    call = plain_call(net, sdp.PLAIN_OFFER, sdp.PLAIN_ANSWER, tags="")
    check_relayed(bodies(call.uas, "INVITE")[0], "towards B")
    check_relayed(bodies(call.uac, "200")[0], "towards A")
    net.settled()


@scenario(**RELAY)
def relay_data_channel_of_others(net):
    """Switched off: a data channel section passes end to end, although rtpengine would destroy it."""
    net.set("enabled", 0)
    try:
        call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    finally:
        net.set("enabled", 1)
    to_b, to_a = bodies(call.uas, "INVITE")[0], bodies(call.uac, "200")[0]
    check(sdp.section(to_b, "application") == sdp.section(sdp.AR_OFFER, "application"), f"towards B: {to_b}")
    check(sdp.section(to_a, "application") == sdp.section(sdp.AR_ANSWER, "application"), f"towards A: {to_a}")
    check_relayed(to_b, "towards B")
    net.settled()


@scenario(**RELAY)
def relay_refreshes(net):
    call = dialog(net, *offer_by_caller(*REFRESH_A))
    check_relayed_ar(call)
    check_refresh(call, by_callee=False)
    first, again = bodies(call.uas, "INVITE")[0], bodies(call.uas, "INVITE")[-1]
    check(sdp.audio(first).split()[1] == sdp.audio(again).split()[1], "the relay's port changed")
    call = dialog(net, *offer_by_callee(*REFRESH_B))
    check_refresh(call, by_callee=True)
    check_relayed(bodies(call.uac, "INVITE")[-1], "refresh towards A")
    net.settled()


@scenario(**RELAY)
def relay_layouts_differ(net):
    """The relay sees one layout, A's, from both sides."""
    offer = sdp.offer(video=sdp.VIDEO.format(port=20002))
    parts = sdp.answer().split("m=application")
    answer = parts[0] + sdp.crlf(sdp.VIDEO.format(port=22002)) + "m=application" + parts[1]
    net.mode("dc-last")
    try:
        call = plain_call(net, offer, answer)
    finally:
        net.mode("ar")
    kinds = [s.split(" ")[0] for s in sdp.sections(bodies(call.uas, "INVITE")[0])]
    check(kinds == ["m=audio", "m=video", "m=application"], f"towards B: {kinds}")
    got = bodies(call.uac, "200")[0]
    kinds = [s.split(" ")[0] for s in sdp.sections(got)]
    check(kinds == ["m=audio", "m=application", "m=video"], f"towards A: {kinds}")
    port = int(sdp.section(got, "video").split()[1])
    check(RTP_MIN <= port <= RTP_MAX, "video is not relayed")
    check_relayed_ar(call)
    net.settled()


@scenario(alone=True, **RELAY)
def relay_is_dead(net):
    """Never a description that the relay has not seen: 500, and asd releases."""
    net.processes.pop("rtpengine").stop(9)
    a = Caller(AR_TAGS)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(500), a.ack_failure()], None).wait()
    check(net.events(call.callid()) == ["failed"], f"events {net.events(call.callid())}")
    net.settled()
    check(net.status()["relay_failed"] == "1", f"status {net.status()}")


@scenario(alone=True, **RELAY)
def relay_dies_before_the_answer(net):
    """The caller gets a 200 without an answer and ends the call: nothing hangs, nothing unanchored passes."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("180 Ringing"), pause(500), b.reply("200 OK", sdp.AR_ANSWER), recv("ACK")] + y)
    until(3, "it rings", lambda: any(" 180 " in f for f, _, _ in call.uac.seen()))
    net.processes.pop("rtpengine").stop(9)
    call.wait()
    check(not bodies(call.uac, "200"), "an answer that the relay has not seen reached the caller")
    net.settled()
