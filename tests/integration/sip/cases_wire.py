# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP, TLS, WebSocket, IPv6 and mixtures of them, compact headers, and UEs that do not play by the rules."""
import re
import subprocess

import sdp
from case import AR_TAGS, scenario
from net import ALICE, BASE, BOB, P1, check, until
from ue import Answering, Dialog, Message, Ue

TLS = BASE + 30


def certificate(net):
    if not (net.run / "cert.pem").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                        "2", "-subj", "/CN=pcscf", "-keyout", str(net.run / "key.pem"), "-out", str(net.run / "cert.pem")],
                       check=True, capture_output=True)
    return ('loadmodule "tls.so"\n' f'modparam("tls", "certificate", "{net.run}/cert.pem")\n'
            f'modparam("tls", "private_key", "{net.run}/key.pem")\nmodparam("tls", "tls_method", "TLSv1.2+")\n')


WIRE = {"before": f"enable_tls=yes\nlisten=tls:127.0.0.1:{TLS}\nlisten=udp:[::1]:{P1}\nlisten=tcp:[::1]:{P1}\n",
        "after": certificate}


_parties = 0


def party(name, how, port, **kw):
    """how: udp, tcp, tls, ws, each also with 6 behind it. The name gets a number: what was registered before is not tried."""
    global _parties
    _parties += 1
    name = f"{name}{_parties}"
    v6, transport = how.endswith("6"), how.rstrip("6")
    return Ue(name, transport, port, TLS if transport == "tls" else P1, v6=v6, tags=AR_TAGS, **kw)


def wire_call(net, a_how, b_how, compact=False, during=None):
    """An AR call with a refresh from each side; returns what the two saw."""
    alice = party("alice", a_how, ALICE, compact=compact)
    bob = party("bob", b_how, BOB, compact=compact)
    try:
        bob.register()
        callee = Answering(bob, [sdp.AR_ANSWER, sdp.answer(version=2)])
        call = Dialog(alice).invite(sdp.AR_OFFER, f"sip:{bob.name}@ims.example")
        up = call.answered()
        check(up.status == 200, f"{a_how} to {b_how}: {up.first}")
        check("ufragA" in up.body and sdp.UE2_UFRAG not in up.body, f"answer towards A: {up.body}")
        got = callee.bodies("INVITE")[0]
        check("ufragB" in got and sdp.UE1_UFRAG not in got, f"offer towards B: {got}")
        check(sdp.audio(got) == sdp.audio(sdp.AR_OFFER) and sdp.audio(up.body) == sdp.audio(sdp.AR_ANSWER), "audio changed")
        again = call.ask("INVITE", sdp.offer(version=2, group=""))
        check(again.status == 200 and "ufragA" in again.body and sdp.origin_version(again.body) == 2, f"refresh: {again.raw}")
        check("ufragB" in callee.bodies("INVITE")[-1], "refresh towards B")
        if during:
            during(call, callee)
        check(call.ask("BYE").status == 200, "BYE")
        for m in callee.got:
            check("P-IMS-AR" not in m.raw, "the mark reached the callee")
    finally:
        alice.stop()
        callee.stop() if "callee" in locals() else bob.stop()
    net.settled()


def wire(a, b):
    def run(net):
        wire_call(net, a, b)
    run.__name__ = f"wire_{a}_to_{b}"
    scenario(**WIRE)(run)


for pair in (("tcp", "tcp"), ("tls", "tls"), ("ws", "ws"), ("udp6", "udp6"), ("tcp6", "tcp6"), ("tls", "udp"), ("udp", "ws"),
             ("ws", "tls"), ("udp6", "udp"), ("udp", "tcp6"), ("tcp", "udp6")):
    wire(*pair)


@scenario(**WIRE)
def wire_compact_headers(net):
    """v, f, t, i, m, c, l, k, a: RFC 3261 7.3.3."""
    wire_call(net, "udp", "tcp", compact=True)


@scenario(**WIRE)
def wire_folded_headers(net):
    """Headers over several lines and in odd case, several Contacts' worth of blanks, LF in the SDP."""
    alice, bob = party("alice", "tcp", ALICE), party("bob", "udp", BOB)
    try:
        bob.register()
        callee = Answering(bob, [sdp.AR_ANSWER.replace("\r\n", "\n")])
        call = Dialog(alice)
        compose = alice.compose

        def odd(first, headers, body="", ctype="application/sdp"):
            text = compose(first, headers, body, ctype)
            return text.replace("Contact: <", "CONTACT :\r\n  <").replace("Call-ID: ", "cAlL-iD:\t").replace(
                ";+sip.3gpp", "\r\n\t;+sip.3gpp")
        alice.compose = odd
        call.invite(sdp.AR_OFFER.replace("\r\n", "\n"), f"sip:{bob.name}@ims.example")
        up = call.answered()
        check(up.status == 200 and "ufragA" in up.body, f"answer: {up.raw}")
        check("ufragB" in callee.bodies("INVITE")[0], "offer towards B")
        check(call.ask("BYE").status == 200, "BYE")
    finally:
        alice.stop()
        callee.stop()
    net.settled()


# ---- UEs that do not play by the rules

@scenario(**WIRE)
def hostile_route_without_parameter(net):
    """A UE takes our parameters out of its Route: its re-INVITE is anchored all the same, from either side."""
    def during(call, callee):
        call.routes = [re.sub(r";ims_ar=[^;>]*", "", r) for r in call.routes]
        m = call.ask("INVITE", sdp.offer(version=3, group=""))
        check(m.status == 200 and "ufragA" in m.body and sdp.UE2_UFRAG not in m.body, f"stripped by A: {m.raw}")
        check(sdp.UE1_UFRAG not in callee.bodies("INVITE")[-1], "A's own section reached B")
        d = callee.dialog
        d.routes = [re.sub(r";ims_ar=[^;>]*", "", r) for r in d.routes]
        before = len(call.ue.sent_by_peer)
        d.send("UPDATE", sdp.answer(version=4, setup="actpass"))
        until(4, "B's offer has come through, or was refused", lambda: len(call.ue.sent_by_peer) > before or
              any(x.status >= 200 and "UPDATE" in x.get("CSeq") for x in callee.got))
        for m in call.ue.sent_by_peer[before:]:
            check("ufragA" in m.body and sdp.UE2_UFRAG not in m.body, f"B's own section reached A: {m.raw}")
        check(len(call.ue.sent_by_peer) > before, f"B's offer was refused: {[x.first for x in callee.got if x.status]}")
    watched(net, during)


def watched(net, during):
    """As wire_call(), with what the caller gets of the other side noted and answered."""
    init = Ue.__init__

    def watch(self, *args, **kw):
        self.sent_by_peer = []
        init(self, *args, **kw)
    take = Ue._take

    def note(self, data):
        m = Message(data.decode("latin-1")) if len(data) > 10 else None
        if self.name.startswith("alice") and m and m.method in ("INVITE", "UPDATE"):
            self.sent_by_peer.append(m)
            self.answer(m, "200 OK", sdp.offer(version=4, setup="active", group=""))
            return
        take(self, data)
    Ue.__init__, Ue._take = watch, note
    try:
        wire_call(net, "udp", "udp", during=during)
    finally:
        Ue.__init__, Ue._take = init, take


@scenario(**WIRE)
def hostile_forged_parameter(net):
    """A parameter of its own making, or of another call: as if there were none."""
    def during(call, callee):
        call.routes = [re.sub(r";ims_ar=[^;>]*", ";ims_ar=0123456789abcdef.0.0123456789abcdef", r) for r in call.routes]
        m = call.ask("INVITE", sdp.offer(version=3, group=""))
        check(m.status == 200 and "ufragA" in m.body, f"forged: {m.raw}")
        check(sdp.UE1_UFRAG not in callee.bodies("INVITE")[-1], "A's own section reached B")
    wire_call(net, "udp", "udp", during=during)
    check(int(net.status().get("routes_bad", "0")) >= 1, f"not counted: {net.status()}")


@scenario(**WIRE)
def hostile_other_word_swapped(net):
    """The two parameters of the route set exchanged: refused or anchored, never raw."""
    def during(call, callee):
        values = [re.search(r";ims_ar=([^;>]*)", r) for r in call.routes]
        words = [v.group(1) for v in values if v]
        if len(set(words)) == 2:
            swap = {words[0]: words[-1], words[-1]: words[0]}
            call.routes = [re.sub(r";ims_ar=([^;>]*)", lambda v: ";ims_ar=" + swap[v.group(1)], r) for r in call.routes]
        m = call.ask("INVITE", sdp.offer(version=3, group=""))
        check(sdp.UE2_UFRAG not in m.body, f"B's own section reached A: {m.raw}")
        check(sdp.UE1_UFRAG not in callee.bodies("INVITE")[-1], "A's own section reached B")
        for method in ("INVITE",):
            check(m.status in (200, 491, 500), f"{method}: {m.first}")
    wire_call(net, "udp", "udp", during=during)


@scenario(**WIRE)
def hostile_long_names(net):
    """Call-ID at and over the maximum: over it an ordinary call whatever it offers, nothing half anchored."""
    for n, anchored in ((255, True), (256, False), (1200, False)):
        alice, bob = party("alice", "tcp", ALICE), party("bob", "tcp", BOB)
        try:
            bob.register()
            callee = Answering(bob, [sdp.AR_ANSWER])
            call = Dialog(alice)
            compose = alice.compose
            alice.compose = lambda first, headers, body="", ctype="application/sdp", n=n, c=compose: c(
                first, [(k, ("x" * n) if k == "Call-ID" else v) for k, v in headers], body, ctype)
            call.invite(sdp.AR_OFFER, f"sip:{bob.name}@ims.example")
            call.callid = "x" * n
            up = call.answered()
            check(up.status == 200, f"{n} bytes of Call-ID: {up.first}")
            got = callee.bodies("INVITE")[0]
            check(("ufragB" if anchored else sdp.UE1_UFRAG) in got, f"{n} bytes of Call-ID, towards B: {got}")
            check(("ufragA" in up.body) == anchored, f"{n} bytes, towards A: {up.body}")
            again = call.ask("INVITE", sdp.offer(version=2, group=""))
            check(again.status == 200, f"{n} bytes of Call-ID, re-INVITE: {again.first}")
            call.ask("BYE")
        finally:
            alice.stop()
            callee.stop()
    net.settled()
