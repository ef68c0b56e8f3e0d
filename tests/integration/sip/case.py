# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenarios share: the table they are in, both ends of a call, what an AR call must look like."""
import os
import re
import socket

import sdp
from net import ALICE, BOB, BUILD, P1, Failed, check, until
from sipp import GATE, Callee, Caller, Sipp, pause, recv

TABLE = {}
_seq = 0


class Scenario:
    def __init__(self, run, options, alone, when):
        self.run, self.options, self.alone, self.when = run, options, alone, when


def enabled(s):
    asd = os.environ.get("ASD", "both" if (BUILD / "asd/asd").exists() and (BUILD / "mediad/mediad").exists() else "fake")
    if asd not in ("both", "real" if s.options.get("real") else "fake"):
        return False
    return s.when is None or os.environ.get(s.when[0], s.when[1]) != "0"


def scenario(alone=False, when=None, **options):
    def add(f):
        TABLE[f.__name__.replace("_", "-")] = Scenario(f, options, alone, when)
        return f
    return add


AR_TAGS = ';+sip.app-subtype="webrtc-datachannel";+sip.3gpp-ar-support="ar-capable"'


class Call:
    """Both ends of one call and what they saw."""

    def __init__(self, net, caller, callee, **kw):
        global _seq
        _seq += 1
        self.net, self.n = net, _seq
        for old in net.sipps:
            old.stop()
        self.uas = Sipp(net.run, f"uas{_seq}", callee, BOB, **kw) if callee else None
        self.uac = Sipp(net.run, f"uac{_seq}", caller, ALICE, peer=f"127.0.0.1:{P1}", **kw)

        net.sipps = [p for p in (self.uas, self.uac) if p]
        # of each end its gates; whether it waits for the other side then
        self.gates = [(p, port, [steps[i + 1].startswith("<recv") for i, s in enumerate(steps) if GATE in s])
                      for p, port, steps in ((self.uas, BOB, callee or []), (self.uac, ALICE, caller))]
        self.gone = 0

    def callid(self):
        return self.uac.callid()

    def go(self, *ends):
        """Both ends, or those named, leave the gate at which they are; first who waits for the other then."""
        self.gone += 1
        tags = ["<sip:alice@ims.example>;tag=A1", "<sip:bob@ims.example>;tag=B1"]
        held = [g for g in self.gates if g[2] and (not ends or g[0] in ends)]
        for p, port, waits in sorted(held, key=lambda g: not g[2][0]):
            waits.pop(0)
            to, other = tags if p is self.uac else tags[::-1]
            text = (f"INFO sip:{port}@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKgo{self.gone}\r\n"
                    f"Max-Forwards: 70\r\nFrom: {other}\r\nTo: {to}\r\nCall-ID: {self.callid()}\r\n"
                    f"CSeq: {9000 + self.gone} INFO\r\nContent-Length: 0\r\n\r\n")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(text.encode(), ("127.0.0.1", port))

    def stop(self):
        for p in (self.uac, self.uas):
            if p:
                p.stop()

    def acked(self, n, sipp=None):
        """That many requests have had their ACK at the callee, or at that end: it is at what comes after."""
        who = sipp or self.uas
        until(4, f"{n} ACKs at {who.name}", lambda: len({re.search(r"(?im)^CSeq: *(\d+)", h).group(1) for f, h, _ in who.seen()
                                                         if f.startswith("ACK")}) >= n)

    def wait(self):
        rc = self.uac.wait()
        check(rc == 0, f"caller: SIPp says {rc}: {self.uac.why()}")
        if self.uas:
            rc = self.uas.wait()
            check(rc == 0, f"callee: SIPp says {rc}: {self.uas.why()}")
        return self

    def wait_with(self, during=None):
        """during(): when both have the call; they are at a gate till it is over. Then waits for the call's end."""
        if during:
            try:
                self.acked(1)
                during()
            except BaseException:
                self.stop()
                raise
            self.go()
        return self.wait()


def setup(a, b, offer, answer, early=False):
    """INVITE to ACK on both sides."""
    caller = [a.invite(offer), recv(100, optional=True), recv(183, optional=True), recv(180, optional=True),
              recv(200, rrs=True), a.ack()]
    callee = [b.invite()] + ([b.reply("183 Session Progress", answer)] if early else []) + \
        [b.reply("180 Ringing"), pause(100), b.reply("200 OK", answer), recv("ACK")]
    return caller, callee


def bye_by_caller(a, b):
    return [pause(200), a.request("BYE", 9), recv(200)], [recv("BYE"), b.in_dialog_reply("200 OK")]


def bye_by_callee(a, b):
    return [recv("BYE"), a.reply("200 OK")], [pause(200), b.request("BYE", 1), recv(200)]


def plain_call(net, offer, answer, bye=bye_by_caller, early=False, tags=AR_TAGS):
    a, b = Caller(tags), Callee(tags)
    caller, callee = setup(a, b, offer, answer, early)
    x, y = bye(a, b)
    return Call(net, caller + x, callee + y).wait()


def check_ar(call, offer=sdp.AR_OFFER, answer=sdp.AR_ANSWER):
    """Both sides have a data channel to the DCMF and each other's audio, byte for byte."""
    got = call.uas.received("INVITE")[0]
    check("ufragB" in got and "a=setup:actpass" in got, f"callee's data channel is not the DCMF's: {got}")
    check(sdp.UE1_UFRAG not in got, "the caller's own data channel reached the callee")
    check(sdp.audio(got) == sdp.audio(offer), f"audio towards the callee changed: {sdp.audio(got)!r}")
    for body in call.uac.received("200")[:1] + call.uac.received("183")[:1]:
        if not body:
            continue
        check("ufragA" in body and "a=setup:passive" in body, f"caller's data channel is not the DCMF's: {body}")
        check(sdp.UE2_UFRAG not in body, "the callee's own data channel reached the caller")
        check(sdp.audio(body) == sdp.audio(answer), f"audio towards the caller changed: {sdp.audio(body)!r}")
        check("a=group" not in body, "a=group is still there")
