#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Call shapes against a P-CSCF of your own, one line each: ok, not ok or skip, name, milliseconds, why.

    run.sh --pcscf ADDRESS[:PORT] --users USERS.csv [options] [shape...]

Two of the users in the file register at the P-CSCF and call each other, one call after the other; this
program is both UEs. It sends no media: audio is only looked at in the descriptions.

  --pcscf ADDRESS[:PORT]  the P-CSCF; port 5060, or 5061 for tls
  --users FILE            lines `user,domain[,password[,private identity]]`; # begins a comment. The first
                          two are the caller and the callee. Passwords are for digest with MD5; IMS-AKA and
                          IPsec are not supported
  --callee ADDRESS[:PORT] another P-CSCF for the callee
  --transport T           udp (default), tcp, tls or ws; --callee-transport T likewise
  --local ADDRESS         our own address (default: the one that reaches the P-CSCF)
  --port N                our first port (default 35060; N and N+1 are used)
  --plain                 the network has no AR: ordinary calls only
  --timeout S             for each answer (default 8)
  --list                  the names of the shapes, each with what it does
"""
import argparse
import csv
import re
import signal
import socket
import sys
import time
import traceback

import sdp
from ue import Dialog, Failed, Ue

TAGS = ';+sip.app-subtype="webrtc-datachannel";+sip.3gpp-ar-support="ar-capable"'
SHAPES = {}


def shape(ar=True, udp_only=False):
    def add(f):
        SHAPES[f.__name__.replace("_", "-")] = (f, ar, udp_only)
        return f
    return add


def check(ok, why):
    if not ok:
        raise Failed(why)


class Bench:
    """The two UEs, and the moves that the shapes are made of."""

    def __init__(self, a, b, seconds):
        self.a, self.b, self.seconds = a, b, seconds

    # descriptions carry the UEs' own addresses; nothing is sent to them
    def offer(self, version=1, **kw):
        return self.local(sdp.offer(version=version, **({"group": ""} if version > 1 else {}), **kw), self.a)

    def answer(self, version=1, **kw):
        return self.local(sdp.answer(version=version, **kw), self.b)

    def plain(self, ue, version=1):
        port = 20000 if ue is self.a else 22000
        return self.local(sdp.crlf(sdp.session(ue.name, version) + sdp.AUDIO.format(port=port)), ue)

    @staticmethod
    def local(text, ue):
        host = ue.host.strip("[]")
        return text.replace("IN IP4 127.0.0.1", f"IN IP{6 if ':' in host else 4} {host}").replace("127.0.0.1", host)

    def drain(self):
        for ue in (self.a, self.b):
            while not ue.inbox.empty():
                ue.inbox.get_nowait()

    def invite(self, body, **kw):
        """The caller's dialog, the callee's, and the INVITE as the callee got it."""
        call = Dialog(self.a).invite(body, self.b.aor(), **kw)
        try:
            m = self.b.request("INVITE", self.seconds)
        except Failed:
            refused = [x for x in list(self.a.inbox.queue) if x.status >= 200]
            raise Failed(f"no INVITE reached the callee; the caller got {[x.first for x in refused]}") from None
        return call, Dialog(self.b).take(m), m

    def up(self, offer=None, answer=None, early=False, **kw):
        """INVITE to ACK. The two dialogs, what the callee was offered and the caller was answered."""
        call, back, m = self.invite(offer or self.offer(), **kw)
        if early:
            self.b.answer(m, "183 Session Progress", answer or self.answer(), tag="B")
        self.b.answer(m, "180 Ringing", tag="B")
        self.b.answer(m, "200 OK", answer or self.answer(), tag="B")
        final = call.answered(self.seconds)
        check(final.status == 200, f"INVITE was answered {final.first}")
        self.b.request("ACK", self.seconds)
        return call, back, m.body, final.body

    def exchange(self, dialog, other, body, answer, method="INVITE", status="200 OK"):
        """An offer inside the dialog: what the other side was offered, and what came back."""
        me, peer = dialog.ue, other.ue
        want = dialog.send(method, body)
        m = peer.request(method, self.seconds)
        peer.answer(m, status, answer)
        final = me.response(want, self.seconds)
        if method == "INVITE":
            dialog.acknowledge(final)
            peer.request("ACK", self.seconds)
        return m.body, final

    def bye(self, dialog, other):
        want = dialog.send("BYE")
        other.ue.answer(other.ue.request("BYE", self.seconds), "200 OK")
        check(dialog.ue.response(want, self.seconds).status == 200, "BYE was not answered 200")


def anchored(text, what):
    """The data channel is the network's, the audio is there."""
    s = sdp.section(text, "application")
    check(s is not None, f"{what}: no data channel section")
    check(" 0 UDP" not in s.split("\r\n")[0], f"{what}: the data channel is at port 0")
    check(sdp.UE1_UFRAG not in s and sdp.UE2_UFRAG not in s, f"{what}: the other UE's own data channel, not the network's")
    for part in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:", "a=sctp-port:"):
        check(part in s, f"{what}: no {part} in the data channel section")
    audio(text, what)


def audio(text, what):
    s = sdp.audio(text)
    check(s is not None and not s.startswith("m=audio 0 "), f"{what}: no audio")


def higher(first, second, what):
    check(sdp.origin_version(second) > sdp.origin_version(first), f"{what}: o= changed without a higher version (RFC 3264 8)")


# ---- ordinary calls: the network with ims-ar must not harm them

@shape(ar=False)
def ordinary_call(n):
    """Voice only, the caller hangs up."""
    call, back, to_b, to_a = n.up(n.plain(n.a), n.plain(n.b))
    for text, what in ((to_b, "towards the callee"), (to_a, "towards the caller")):
        audio(text, what)
        check(sdp.section(text, "application") is None, f"{what}: a data channel section that nobody asked for")
    n.bye(call, back)


@shape(ar=False)
def ordinary_call_without_offer(n):
    """INVITE without SDP: the offer in the 200, the answer in the ACK."""
    call, back, m = n.invite("")
    n.b.answer(m, "200 OK", n.plain(n.b), tag="B")
    final = call.answered(n.seconds, ack=n.plain(n.a))
    check(final.status == 200, f"INVITE was answered {final.first}")
    audio(final.body, "offer in the 200")
    audio(n.b.request("ACK", n.seconds).body, "answer in the ACK")
    n.bye(call, back)


@shape(ar=False)
def ordinary_busy(n):
    """486."""
    call, _, m = n.invite(n.plain(n.a))
    n.b.answer(m, "486 Busy Here", tag="B")
    check(call.answered(n.seconds).status == 486, "no 486")


@shape(ar=False)
def ordinary_hold(n):
    """Voice is put on hold and taken back."""
    call, back, first, _ = n.up(n.plain(n.a), n.plain(n.b))
    held, _ = n.exchange(call, back, n.plain(n.a, 2).replace("sendrecv", "sendonly"), n.plain(n.b, 2).replace("sendrecv", "recvonly"))
    check("a=sendonly" in held, "the hold did not reach the callee")
    n.exchange(call, back, n.plain(n.a, 3), n.plain(n.b, 3))
    n.bye(call, back)


# ---- AR calls

@shape()
def ar_call(n):
    """Audio and an AR data channel; the caller hangs up."""
    call, back, to_b, to_a = n.up()
    anchored(to_b, "towards the callee")
    anchored(to_a, "towards the caller")
    n.bye(call, back)


@shape()
def ar_call_callee_hangs_up(n):
    """BYE by the callee."""
    call, back, to_b, _ = n.up()
    anchored(to_b, "towards the callee")
    n.bye(back, call)


@shape()
def early_media(n):
    """The answer in a 183 and again in the 200: the same for the caller."""
    call, back, m = n.invite(n.offer())
    n.b.answer(m, "183 Session Progress", n.answer(), tag="B")
    early = n.a.wait(lambda x: x.status == 183, "183", n.seconds)
    n.b.answer(m, "200 OK", n.answer(), tag="B")
    final = call.answered(n.seconds)
    n.b.request("ACK", n.seconds)
    anchored(early.body, "183")
    check(early.body == final.body, "183 and 200 differ")
    n.bye(call, back)


@shape()
def reliable_answer_and_update(n):
    """100rel: the answer in a 183, PRACK, UPDATE by the caller, a 200 without SDP."""
    call, back, m = n.invite(n.offer(), extra=[("Supported", "100rel")])
    n.b.answer(m, "183 Session Progress", n.answer(), tag="B", extra=[("Require", "100rel"), ("RSeq", "1")])
    early = n.a.wait(lambda x: x.status == 183, "183", n.seconds)
    anchored(early.body, "183")
    call.early(early)
    want = call.send("PRACK", extra=[("RAck", f"1 {call.first_cseq()} INVITE")])
    n.b.answer(n.b.request("PRACK", n.seconds), "200 OK")
    n.a.response(want, n.seconds)
    offered, final = n.exchange(call, back, n.offer(2), n.answer(2), method="UPDATE")
    anchored(offered, "UPDATE")
    anchored(final.body, "its answer")
    n.b.answer(m, "200 OK", tag="B")
    check(call.answered(n.seconds).status == 200, "no 200")
    n.b.request("ACK", n.seconds)
    n.bye(call, back)


@shape()
def cancelled(n):
    """CANCEL while it rings."""
    call, _, m = n.invite(n.offer())
    n.b.answer(m, "180 Ringing", tag="B")
    n.a.wait(lambda x: x.status == 180, "180", n.seconds)
    call.cancel()
    n.b.answer(n.b.request("CANCEL", n.seconds), "200 OK")
    n.b.answer(m, "487 Request Terminated", tag="B")
    check(call.answered(n.seconds).status == 487, "no 487")


@shape()
def busy(n):
    """486."""
    call, _, m = n.invite(n.offer())
    n.b.answer(m, "486 Busy Here", tag="B")
    check(call.answered(n.seconds).status == 486, "no 486")


@shape()
def callee_without_data_channel(n):
    """The callee refuses the data channel: the answer has as many sections as the offer (RFC 3264 6)."""
    call, back, to_b, to_a = n.up(answer=n.answer(dc_port=0))
    anchored(to_b, "towards the callee")
    check(len(sdp.sections(to_a)) == len(sdp.sections(sdp.AR_OFFER)), "another number of sections in the answer")
    audio(to_a, "towards the caller")
    n.bye(call, back)


@shape()
def refresh_by_caller(n):
    """re-INVITE with the same media."""
    call, back, first, _ = n.up()
    offered, final = n.exchange(call, back, n.offer(2), n.answer(2))
    anchored(offered, "towards the callee")
    anchored(final.body, "towards the caller")
    higher(first, offered, "towards the callee")
    n.bye(call, back)


@shape()
def refresh_by_callee(n):
    """The same from the other side."""
    call, back, _, first = n.up()
    offered, final = n.exchange(back, call, n.answer(2, setup="actpass"), n.offer(2, setup="active"))
    anchored(offered, "towards the caller")
    anchored(final.body, "towards the callee")
    higher(first, offered, "towards the caller")
    n.bye(back, call)


@shape()
def refresh_without_offer(n):
    """re-INVITE without SDP: the offer in the 200, the answer in the ACK."""
    call, back, _, _ = n.up()
    want = call.send("INVITE")
    m = n.b.request("INVITE", n.seconds)
    n.b.answer(m, "200 OK", n.answer(2, setup="actpass"))
    final = n.a.response(want, n.seconds)
    anchored(final.body, "offer in the 200")
    call.acknowledge(final, n.offer(2, setup="active"))
    anchored(n.b.request("ACK", n.seconds).body, "answer in the ACK")
    n.bye(call, back)


@shape()
def hold_and_resume(n):
    """The audio is put on hold; the data channel stays."""
    call, back, _, _ = n.up()
    held, _ = n.exchange(call, back, n.offer(2).replace("sendrecv", "sendonly"), n.answer(2).replace("sendrecv", "recvonly"))
    check("a=sendonly" in held, "the hold did not reach the callee")
    anchored(held, "on hold")
    offered, _ = n.exchange(call, back, n.offer(3), n.answer(3))
    anchored(offered, "resumed")
    n.bye(call, back)


@shape()
def offer_refused(n):
    """488 to a re-INVITE: the call goes on as it was."""
    call, back, _, _ = n.up()
    _, final = n.exchange(call, back, n.offer(2), "", status="488 Not Acceptable Here")
    check(final.status == 488, f"no 488 but {final.first}")
    offered, _ = n.exchange(call, back, n.offer(3), n.answer(2))
    anchored(offered, "after the refusal")
    n.bye(call, back)


@shape()
def data_channel_removed(n):
    """Port 0 for the data channel in a re-INVITE: the section stays, closed, on both sides."""
    call, back, _, _ = n.up()
    offered, final = n.exchange(call, back, n.offer(2, dc_port=0), n.answer(2, dc_port=0))
    for text, what in ((offered, "towards the callee"), (final.body, "towards the caller")):
        check(len(sdp.sections(text)) == 2 and "m=application 0 " in text, f"{what}: the section is not there, or open")
    n.bye(call, back)


@shape()
def voice_becomes_ar_by_caller(n):
    """A voice call that becomes an AR call by re-INVITE; o= of both sides goes on."""
    call, back, first_b, first_a = n.up(n.plain(n.a), n.plain(n.b))
    offered, final = n.exchange(call, back, n.offer(2), n.answer(2))
    anchored(offered, "towards the callee")
    anchored(final.body, "towards the caller")
    higher(first_b, offered, "towards the callee")
    higher(first_a, final.body, "towards the caller")
    again, _ = n.exchange(back, call, n.answer(3, setup="actpass"), n.offer(3, setup="active"))
    anchored(again, "refresh by the callee")
    higher(final.body, again, "towards the caller")
    n.bye(call, back)


@shape()
def voice_becomes_ar_by_callee(n):
    """The same by the callee."""
    call, back, _, first_a = n.up(n.plain(n.a), n.plain(n.b))
    offered, final = n.exchange(back, call, n.answer(2, setup="actpass"), n.offer(2, setup="active"))
    anchored(offered, "towards the caller")
    anchored(final.body, "towards the callee")
    higher(first_a, offered, "towards the caller")
    n.bye(back, call)


@shape()
def late_offer_with_data_channel(n):
    """INVITE without SDP, the callee offers a data channel: shown to the caller at port 0 or anchored, never raw."""
    call, back, m = n.invite("")
    n.b.answer(m, "200 OK", n.answer(setup="actpass"), tag="B")
    closed = n.local(sdp.offer(setup="active", group="", dc_port=0), n.a)
    final = call.answered(n.seconds, ack=closed)
    check(final.status == 200, f"INVITE was answered {final.first}")
    check(sdp.UE2_UFRAG not in final.body, "the callee's own data channel reached the caller")
    audio(final.body, "offer in the 200")
    n.bye(call, back)


@shape()
def session_timer_update(n):
    """UPDATE without SDP from each side."""
    call, back, _, _ = n.up()
    for one, other in ((call, back), (back, call)):
        want = one.send("UPDATE", extra=[("Session-Expires", "1800")])
        other.ue.answer(other.ue.request("UPDATE", n.seconds), "200 OK")
        check(one.ue.response(want, n.seconds).status == 200, "UPDATE was not answered 200")
    n.bye(call, back)


@shape()
def info_and_message(n):
    """Other requests inside the call, from each side."""
    call, back, _, _ = n.up()
    for one, other, method in ((call, back, "INFO"), (back, call, "MESSAGE")):
        want = one.send(method)
        other.ue.answer(other.ue.request(method, n.seconds), "200 OK")
        check(one.ue.response(want, n.seconds).status == 200, f"{method} was not answered 200")
    n.bye(call, back)


@shape()
def multipart_body(n):
    """The SDP beside another body part."""
    body = f"--b1\r\nContent-Type: application/sdp\r\n\r\n{n.offer()}\r\n--b1\r\nContent-Type: text/plain\r\n\r\nhere\r\n--b1--\r\n"
    call, back, to_b, to_a = n.up(body, ctype="multipart/mixed;boundary=b1")
    check(sdp.UE1_UFRAG not in to_b, "the caller's own data channel reached the callee")
    anchored(to_a, "towards the caller")
    n.bye(call, back)


@shape()
def compact_headers(n):
    """v, f, t, i, m, c, l, k (RFC 3261 7.3.3)."""
    n.a.compact = n.b.compact = True
    try:
        call, back, to_b, to_a = n.up()
        anchored(to_b, "towards the callee")
        anchored(to_a, "towards the caller")
        n.bye(call, back)
    finally:
        n.a.compact = n.b.compact = False


@shape(udp_only=True)
def sent_again(n):
    """The INVITE and the 200 are repeated, as UDP has it: one call, one answer."""
    call, back, m = n.invite(n.offer())
    n.a.raw(n.a.compose(f"INVITE {call.target} SIP/2.0", call.first, call.last[0]))
    n.b.answer(m, "200 OK", n.answer(), tag="B")
    n.b.answer(m, "200 OK", n.answer(), tag="B")
    first = call.answered(n.seconds)
    second = n.a.wait(lambda x: x.status == 200 and "INVITE" in x.get("CSeq"), "the 200 again", n.seconds)
    check(first.body == second.body, "the copies of the 200 differ")
    anchored(first.body, "towards the caller")
    n.bye(call, back)


# ---- the program

def address(text, port):
    host, _, p = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    return host.strip("[]"), int(p) if p else port


def users(path):
    try:
        with open(path, encoding="utf-8") as f:
            rows = [[c.strip() for c in r] for r in csv.reader(line for line in f if line.strip() and not line.startswith("#"))]
    except OSError as e:
        raise SystemExit(f"{path}: {e.strerror}") from None
    if len(rows) < 2 or any(len(r) < 2 for r in rows):
        raise SystemExit(f"{path}: want two lines or more, user,domain[,password[,private identity]]")
    return rows


def ue(row, transport, peer, at, port):
    family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
    if not at:
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.connect(peer)
            at = s.getsockname()[0]
    at = f"[{at}]" if ":" in at else at
    return Ue(row[0], transport, port, peer, tags=TAGS, at=at, domain=row[1], password=row[2] if len(row) > 2 and row[2] else None,
              impi=row[3] if len(row) > 3 and row[3] else None)


def try_shape(n, f):
    """Some P-CSCFs lose a registration, or it ends while many shapes are tried: once more with a new one."""
    n.drain()
    try:
        f(n)
        return ""
    except Failed as e:
        if not re.search("403[^']*register", str(e), re.I):
            raise
    n.a.register()
    n.b.register()
    n.drain()
    f(n)
    return " (registered again)"


def run_all(n, names, plain, transport):
    failed = 0
    for name in names:
        f, ar, udp_only = SHAPES[name]
        start = time.monotonic()
        if (plain and ar) or (udp_only and transport != "udp"):
            print(f"skip {name}: {'no AR in this network' if plain and ar else 'for UDP'}", flush=True)
            continue
        try:
            again = try_shape(n, f)
            print(f"ok {name} {int((time.monotonic() - start) * 1000)}{again}", flush=True)
        except (Failed, OSError) as e:
            failed += 1
            print(f"not ok {name} {' '.join(str(e).split())[:400]}", flush=True)
        except Exception:  # noqa: BLE001 - an answer that this program does not understand
            failed += 1
            print(f"not ok {name} {' '.join(traceback.format_exc().split())[-400:]}", flush=True)
    return failed


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    for name, default in (("pcscf", None), ("users", None), ("callee", None), ("transport", "udp"), ("callee-transport", None),
                          ("local", None), ("port", "35060"), ("timeout", "8")):
        p.add_argument("--" + name, default=default)
    p.add_argument("--plain", action="store_true")
    p.add_argument("--list", action="store_true")
    p.add_argument("shapes", nargs="*")
    o = p.parse_args()
    if o.list:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        print("\n".join(f"{k:32} {f.__doc__}" for k, (f, _, _) in SHAPES.items()))
        return 0
    unknown = [s for s in o.shapes if s not in SHAPES]
    if not o.pcscf or not o.users or unknown:
        print(__doc__ if not unknown else f"no shape {unknown}; --list names them", file=sys.stderr)
        return 2
    rows, ports = users(o.users), {"tls": 5061}
    transports = o.transport, o.callee_transport or o.transport
    peers = [address(a, ports.get(t, 5060)) for a, t in zip((o.pcscf, o.callee or o.pcscf), transports)]
    parties = []
    try:
        for i in (0, 1):
            parties.append(ue(rows[i], transports[i], peers[i], o.local, int(o.port) + i))
            parties[i].register()
        failed = run_all(Bench(*parties, float(o.timeout)), o.shapes or list(SHAPES), o.plain, o.transport)
        for x in parties:
            x.register(expires=0)
    except (Failed, OSError) as e:
        print(f"not ok register {e}")
        return 1
    finally:
        for x in parties:
            x.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
