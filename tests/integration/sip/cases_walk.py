# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls in which everything changes at random: either UE offers, video goes to the ARMF and back, is held, turned off
and on again, Kamailios are restarted in between. What must hold for each exchange is in check_exchange()."""
import os
import random

import sdp
from case import scenario
from cases_armf import ANSWER, NO_VIDEO, OFFER, RELAY, a_video, anchored, b_video, refused, relayed
from cases_dialog import bodies, offer_by_callee, offer_by_caller
from cases_restart import exchanges, port_of, restart
from net import Failed, check

# the caller says by a stream whether it wants to be drawn upon
POLICY = """
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'walk'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('draw', m.offers 'draw', act.process { party = 'caller', media = 'video', op = 'relay' })
	:rule('ar', m.any, act.accept { scene = 'default' })
"""
WALK = {**RELAY, "policy": POLICY}
DRAW = 'a=dcmap:1010 subprotocol="draw";label="draw"\n'
TURNED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
STEPS = 7


class Step:
    """One exchange as it is planned."""

    def __init__(self, rng, n, restarts):
        self.n, self.by_a = n, rng.random() < 0.6
        self.off, self.draw = rng.random() < 0.15, rng.random() < 0.5
        self.direction = rng.choice(list(TURNED) + ["sendrecv"] * 3)
        self.restart = rng.choice(restarts) if n else 0

    def __str__(self):
        return f"exchange {self.n} by {'A' if self.by_a else 'B'}, {'off' if self.off else self.direction}" + \
            (", draw" if self.draw else "") + (f", after a restart of {self.restart}" if self.restart else "")

    def may_be(self, before, unasked):
        """Where the video may be then. unasked: the policy has not been asked about what this offer wants, since one
        that wanted the same was planned from the map."""
        if self.off:
            return ["off"]
        if unasked:
            return list({before, *self.may_be(before, False)})
        if self.restart == 1:  # planned from the map, not by the policy
            return [before]
        if not self.by_a:  # its video has passed its relay before it is decided, where that had it last
            return [before] if before != "off" else ["relay", "armf"] if self.draw else ["relay"]
        return ["armf" if self.draw else "relay"]

    def steps(self):
        there, back = self.direction, TURNED[self.direction]
        a_port, b_port, v = 0 if self.off else 23000, 0 if self.off else 24000, self.n + 2
        draw = DRAW if self.draw else ""
        if self.by_a:
            return offer_by_caller(with_draw(sdp.offer(version=v, group="", video=a_video(port=a_port, direction=there)), draw),
                                   sdp.answer(version=v, video=b_video(port=b_port, direction=back) if not self.off else NO_VIDEO),
                                   cseq=v)
        return offer_by_callee(
            with_draw(sdp.answer(version=v, setup="actpass", video=b_video(port=b_port, setup="actpass", direction=there)), draw),
            sdp.offer(version=v, setup="active", group="", video=a_video(
                port=a_port, setup="active", direction=back, formats="96 97") if not self.off else NO_VIDEO), cseq=v)


def with_draw(text, draw):
    return text.replace("a=dcmap:1002", draw.replace("\n", "\r\n") + "a=dcmap:1002")


def place_of(text):
    v = sdp.section(text, "video")
    return "off" if v.startswith("m=video 0 ") else "armf" if "a=x-ims-ar-armf" in v else "relay"


def check_video(place, text, why, setup, direction):
    if place == "off":
        refused(text, why)
    elif place == "relay":
        relayed(text, "video", why)
        check(f"a={direction}\r\n" in sdp.section(text, "video"), f"{why}: not {direction}: {text}")
    else:
        anchored(text, why, setup, direction, "96 97(?: 102)?")


class Ports:
    """Where the relay has audio and video, as each UE was told: it stays there while nothing takes the video away. (The
    UEs keep their ports: rtpengine moves what has DTLS when a UE moves.)"""

    def __init__(self):
        self.at = {}

    def check(self, text, kind, ue, why):
        port = port_of(text, kind)
        was = self.at.setdefault((kind, ue), port)
        check(was == port, f"{why}: {kind} at {port}, was at {was}")

    def forget_video(self):
        self.at = {k: v for k, v in self.at.items() if k[0] == "audio"}


def check_exchange(step, before, unasked, offer, answer, ports):
    """The offer as the answerer got it, the answer as the offerer did. Returns where the video is."""
    a, b = ("b", "a") if step.by_a else ("a", "b")
    place, may = place_of(offer), step.may_be(before, unasked)
    check(place in may, f"{step}: the video goes from {before} to {place}, not to {' or '.join(may)}: {offer}")
    if place != "relay":
        ports.forget_video()
    for text, ue, setup, direction in ((offer, a, "actpass", step.direction), (answer, b, "passive", TURNED[step.direction])):
        why = f"{step}, from {before} to {place}: the {'offer' if text is offer else 'answer'} to {ue}"
        check_video(place, text, why, setup, direction)
        relayed(text, "audio", why)
        ports.check(text, "audio", ue, why)
        if place == "relay":
            ports.check(text, "video", ue, why)
        dc = sdp.section(text, "application")
        check(dc and not dc.startswith("m=application 0 ") and sdp.UE1_UFRAG not in dc and sdp.UE2_UFRAG not in dc,
              f"{why}: no data channel of ours: {dc}")
    if not step.by_a and before == "off":
        ports.forget_video()  # past the callee's relay until the next offer, where the ARMF had it last
    return place


def walk(net, seed):
    rng = random.Random(seed)
    place = rng.choice(["armf", "relay"])
    first = (with_draw(OFFER, DRAW if place == "armf" else ""), ANSWER)
    steps = [Step(rng, n, [0, 0, 0, 1, 2] if net.two else [0, 0, 0, 1]) for n in range(STEPS)]
    for last, s in zip(steps, steps[1:]):  # the map may refuse what was off, and this callee takes it all the same
        s.restart = 0 if last.off and not s.off else s.restart
    c = exchanges(net, *[((lambda n=s.restart: restart(net, n)) if s.restart else None, s.steps()) for s in steps], first=first)
    to_b, to_a = bodies(c.uas, "INVITE")[1:], bodies(c.uac, "200")[1:]
    by_b, from_a = bodies(c.uac, "INVITE"), bodies(c.uas, "200")
    ports, unasked = Ports(), False
    for last, s in zip([None] + steps, steps):
        unasked = last is not None and (unasked or last.restart == 1) and s.draw == last.draw
        place = check_exchange(s, place, unasked, *((to_b.pop(0), to_a.pop(0)) if s.by_a else (by_b.pop(0), from_a.pop(0))), ports)


def walks(net):
    """WALK_FROM and WALK_TO choose other seeds."""
    for seed in range(int(os.environ.get("WALK_FROM", "1")), int(os.environ.get("WALK_TO", "6"))):
        try:
            walk(net, seed)
            net.settled()
        except Failed as e:
            raise Failed(f"seed {seed}: {e}") from e


@scenario(alone=True, **WALK)
def armf_walks(net):
    walks(net)


@scenario(alone=True, two=True, **WALK)
def armf_walks_through_two_kamailios(net):
    walks(net)
