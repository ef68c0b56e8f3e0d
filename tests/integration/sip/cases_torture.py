# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages in the manner of RFC 4475, written for the purpose, and real messages with random damage, through a real
Kamailio, asd and mediad: they stay up, and nothing is reserved for good."""
import os
import queue
import random
import re
import threading
import time

import sdp
from case import AR_TAGS, scenario
from net import ALICE, BASE, BOB, P1, check, until
from ue import Answering, Dialog, Failed, Ue

QUICK = {"real": True, "alone": True, "define": ["PCSCF_FR_INV=2500"], "children": 2, "modparams": {"ack_ttl": 3}}


class Busy(Answering):
    """Refuses every call, so that nothing may stay of any."""

    def _run(self):
        while not self.done:
            try:
                m = self.ue.inbox.get(timeout=0.1)
            except queue.Empty:
                continue
            self.got.append(m)
            if m.method == "INVITE":
                self.ue.answer(m, "486 Busy Here", tag="B")
            elif m.method and m.method != "ACK":
                self.ue.answer(m, "200 OK", tag="B")


def base(ue, body=sdp.AR_OFFER, cseq=1, callid=None, ctype="application/sdp"):
    d = Dialog(ue)
    d.local, d.remote, d.target = f"<{ue.aor()}>;tag={os.urandom(4).hex()}", "<sip:bob@ims.example>", "sip:bob@ims.example"
    d.callid = callid or os.urandom(8).hex()
    return ue.compose("INVITE sip:bob@ims.example SIP/2.0", d.headers("INVITE", cseq), body, ctype)


def header(name, value):
    return lambda t: re.sub(rf"(?m)^{name}:.*$", lambda m: f"{name}: {value}", t, count=1)


def added(line):
    return lambda t: t.replace("\r\nMax-Forwards", "\r\n" + line + "\r\nMax-Forwards", 1)


def in_sdp(change):
    """A description of another kind; Content-Length is right."""
    return lambda t: with_body(t, change(t.split("\r\n\r\n", 1)[1]))


def with_body(t, body):
    head = t.split("\r\n\r\n", 1)[0]
    return re.sub(r"(?m)^Content-Length:.*$", f"Content-Length: {len(body.encode('latin-1'))}", head) + "\r\n\r\n" + body


def swap(a, b):
    return in_sdp(lambda s: s.replace(a, b))


DC = "m=application 40000 UDP/DTLS/SCTP webrtc-datachannel"
TORTURE = {
    # SIP
    "tortuous": lambda t: t.replace("Max-Forwards: 70", "mAX-fORWARDS:\r\n 0068").replace("CSeq: 1", "CSeq:  \r\n\t 0009")
    .replace("Contact: <", 'coNTACT :\r\n "Quoted \\"string\\" \\\\ <x>"\t<'),
    "no From tag": header("From", "<sip:alice@ims.example>"),
    "empty Call-ID": header("Call-ID", ""),
    "Call-ID of 4 kB": header("Call-ID", "x" * 4096),
    "Call-ID with quotes": header("Call-ID", "a\"b\\c{}<>'@x"),
    "Call-ID not UTF-8": header("Call-ID", "\xff\xfe@\x80"),
    "tag of 2 kB": header("From", "<sip:alice@ims.example>;tag=" + "t" * 2048),
    "To tag of no dialog": header("To", "<sip:bob@ims.example>;tag=nobody"),
    "CSeq of another method": header("CSeq", "1 OPTIONS"),
    "CSeq too large": header("CSeq", "4294967296 INVITE"),
    "CSeq no number": header("CSeq", "x INVITE"),
    "CSeq 0": header("CSeq", "0 INVITE"),
    "Contact is *": header("Contact", "*"),
    "Contact of 8 kB": header("Contact", "<sip:alice@127.0.0.1>;" + ";".join(f"+sip.app-subtype=\"webrtc-datachannel{i}\"" for i in range(180))),
    "Contact not closed": header("Contact", "<sip:alice@127.0.0.1;+sip.app-subtype=\"webrtc"),
    "a hundred marks": added("\r\n".join(["P-IMS-AR: 0123456789abcdef;n=x;h=" + "0" * 32] * 100)),
    "mark of 4 kB": added("P-IMS-AR: " + "a" * 4096),
    "empty mark": added("P-IMS-AR:"),
    "Record-Route of ours": added(f"Record-Route: <sip:127.0.0.1:{P1};lr;ims_ar=0123456789abcdef.0.0123456789abcdef>"),
    "Route to us": added(f"Route: <sip:127.0.0.1:{P1};lr;pass=t;ims_ar=other.0123456789abcdef>"),
    "Route with a long parameter": added(f"Route: <sip:127.0.0.1:{P1};lr;ims_ar=" + "f" * 3000 + ">"),
    "a hundred Vias": added("\r\n".join(f"Via: SIP/2.0/UDP 192.0.2.{i};branch=z9hG4bK{i}" for i in range(100))),
    "Accept-Contact full of quotes": added("Accept-Contact: *;+sip.app-subtype=\"" + "\\\"" * 500),
    "RAck in an INVITE": added("RAck: 99999999999999999999 1 INVITE"),
    "two Content-Types": added("Content-Type: text/plain"),
    "Content-Length too large": header("Content-Length", "9999"),
    "Content-Length too small": header("Content-Length", "100"),
    "Content-Length negative": header("Content-Length", "-1"),
    "Content-Encoding": added("Content-Encoding: gzip"),
    "PRACK of no dialog": lambda t: t.replace("INVITE", "PRACK").replace("\r\nMax", "\r\nRAck: 1 1 PRACK\r\nMax", 1),
    "UPDATE of no dialog": lambda t: t.replace("INVITE", "UPDATE"),
    "ACK with an offer": lambda t: t.replace("INVITE", "ACK"),
    "BYE of no dialog": lambda t: t.replace("INVITE", "BYE"),
    "unknown method": lambda t: t.replace("INVITE", "AUGMENT"),
    # bodies
    "empty SDP": in_sdp(lambda s: "v=0\r\n"),
    "blank SDP": in_sdp(lambda s: "\r\n" * 20),
    "SDP without o=": in_sdp(lambda s: re.sub(r"o=.*\r\n", "", s)),
    "o= with a huge version": in_sdp(lambda s: re.sub(r"(o=\S+ \S+) \d+", r"\1 " + "9" * 400, s)),
    "o= with blanks": in_sdp(lambda s: s.replace("o=alice ", "o=alice  ")),
    "LF only": in_sdp(lambda s: s.replace("\r\n", "\n")),
    "CR only": in_sdp(lambda s: s.replace("\r\n", "\r")),
    "NUL in SDP": swap("a=x-unknown", "a=x\0unknown"),
    "not UTF-8 in SDP": swap("a=x-unknown", "a=\xff\xfe\xc0"),
    "line of 20 kB": swap("a=x-unknown:", "a=x-unknown:" + "y" * 20000),
    "5000 lines": swap("a=x-unknown:", "a=x\r\n" * 5000 + "a=x-unknown:"),
    "hundred sections": in_sdp(lambda s: s + sdp.crlf(sdp.dc("u", "actpass")) * 100),
    "no section": in_sdp(lambda s: s.split("m=")[0]),
    "only the data channel": in_sdp(lambda s: s.split("m=")[0] + "m=" + s.split("m=")[2]),
    "port 65536": swap(DC, DC.replace("40000", "65536")),
    "port negative": swap(DC, DC.replace("40000", "-1")),
    "two formats": swap(DC, DC + " webrtc-datachannel"),
    "legacy form": swap(DC, "m=application 40000 DTLS/SCTP 5000\r\na=sctpmap:5000 webrtc-datachannel 1024"),
    "no sctp-port": swap("a=sctp-port:5000\r\n", ""),
    "sctp-port 0": swap("a=sctp-port:5000", "a=sctp-port:0"),
    "sctp-port 99999": swap("a=sctp-port:5000", "a=sctp-port:99999"),
    "no fingerprint": in_sdp(lambda s: re.sub(r"a=fingerprint.*\r\n", "", s)),
    "fingerprint of another hash": in_sdp(lambda s: re.sub(r"a=fingerprint:sha-256", "a=fingerprint:md5", s)),
    "hundred fingerprints": in_sdp(lambda s: re.sub(r"(a=fingerprint.*\r\n)", lambda m: m.group(1) * 100, s)),
    "setup:holdconn": swap("a=setup:actpass", "a=setup:holdconn"),
    "ufrag of 2 kB": swap("a=ice-ufrag:ue1u", "a=ice-ufrag:" + "u" * 2000),
    "no ice-pwd": in_sdp(lambda s: re.sub(r"a=ice-pwd.*\r\n", "", s)),
    "stream 65535": swap("a=dcmap:1000", "a=dcmap:65535"),
    "stream 99999": swap("a=dcmap:1000", "a=dcmap:99999"),
    "the same stream twice": swap("a=dcmap:1002", "a=dcmap:1000"),
    "retr and time": swap("max-retr=0", "max-retr=0;max-time=5"),
    "dcmap with quotes": swap('subprotocol="mpeg-sd"', 'subprotocol="mpeg-sd;label=\\"'),
    "dcmap without end": swap('label="scene"', 'label="scene'),
    "500 dcmaps": swap("a=dcmap:1000", "".join(f'a=dcmap:{i} subprotocol="mpeg-sd"\r\n' for i in range(500)) + "a=dcmap:1000"),
    "message size of 30 digits": swap("a=max-message-size:65536", "a=max-message-size:" + "9" * 30),
    "candidates without number": in_sdp(lambda s: re.sub(r"(a=candidate.*\r\n)", lambda m: m.group(1) * 300, s)),
    "candidate with garbage": swap("typ host", "typ host raddr \x01\x02 rport"),
    "mid twice": swap("a=mid:dc", "a=mid:a"),
    "mid of 2 kB": swap("a=mid:dc", "a=mid:" + "m" * 2000),
    "group of nobody": swap("a=group:BUNDLE a dc", "a=group:BUNDLE " + " ".join(f"x{i}" for i in range(300))),
    "req-app of 4 kB": swap("a=mid:dc", "a=mid:dc\r\na=3gpp-req-app:" + "r" * 4000),
    "c= of a name": swap("c=IN IP4 127.0.0.1", "c=IN IP4 host.invalid"),
    "multipart without end": lambda t: multipart(t, "--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp.AR_OFFER),
    "multipart without SDP": lambda t: multipart(t, "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"),
    "two SDPs": lambda t: multipart(t, 2 * ("--b\r\nContent-Type: application/sdp\r\n\r\n" + sdp.AR_OFFER + "\r\n") + "--b--\r\n"),
    "multipart in multipart": lambda t: multipart(
        t, "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\nContent-Type: application/sdp\r\n\r\n" + sdp.AR_OFFER +
        "\r\n--c--\r\n--b--\r\n"),
    "multipart without boundary": lambda t: multipart(t, "--b\r\n\r\n", ""),
}


def multipart(t, body, boundary=";boundary=b"):
    return with_body(header("Content-Type", "multipart/mixed" + boundary)(t), body)


def unharmed(net, alice, bob, callee):
    """All are there, an AR call can be made, and after it nothing is left."""
    for name in ("pcscf1", "core", "asd1", "mediad"):
        net.alive(name)
    until(15, f"no call is left: {net.status()}", lambda: net.status()["calls"] == "0")
    callee.stop()
    net.register("bob", BOB)
    bob = Ue("bob", "udp", BOB, P1, tags=AR_TAGS)
    callee = Answering(bob, [sdp.AR_ANSWER])
    try:
        while not alice.inbox.empty():
            alice.inbox.get_nowait()
        call = Dialog(alice).invite(sdp.AR_OFFER)
        up = call.answered()
        check(up.status == 200 and sdp.UE2_UFRAG not in up.body and "a=ice-lite" in up.body, f"no AR call after it: {up.raw[:300]}")
        check(call.ask("BYE").status == 200, "BYE")
    finally:
        callee.stop()
    until(10, "mediad has no context", lambda: net.contexts() == 0)
    until(5, "asd has no call", lambda: "call" not in net.rpc("pcscf1", "ims_ar.calls")[1])
    net.settled()


def barrage(net, messages, transport="udp", gap=0.004):
    alice, bob = Ue("alice", "udp", ALICE, P1, tags=AR_TAGS), Ue("bob", "udp", BOB, P1, tags=AR_TAGS)
    callee = Busy(bob, [""])
    sender = alice
    try:
        for i, text in enumerate(messages):
            if transport != "udp" and (i % 10 == 0 or sender is alice):  # a stream that was damaged is closed
                if sender is not alice:
                    sender.stop()
                sender = Ue("alice", transport, BASE + 32, P1, tags=AR_TAGS)
            try:
                sender.raw(text if transport != "udp" else text[:60000])
            except OSError:
                sender = alice if transport != "udp" else sender
            time.sleep(gap)
        time.sleep(0.5)
        unharmed(net, alice, bob, callee)
    finally:
        for x in {alice, sender}:
            x.stop()
        callee.stop()


@scenario(**QUICK)
def torture(net):
    alice = Ue("alice", "udp", BASE + 33, P1, tags=AR_TAGS)
    alice.stop()
    messages = [change(base(alice)) for change in TORTURE.values()]
    barrage(net, messages, gap=0.02)
    barrage(net, messages, transport="tcp", gap=0.02)


@scenario(**QUICK)
def torture_inside(net):
    """The same as re-INVITEs of an AR call; what reaches the callee is never the caller's own data channel."""
    alice, bob = Ue("alice", "udp", ALICE, P1, tags=AR_TAGS), Ue("bob", "udp", BOB, P1, tags=AR_TAGS)
    callee = Answering(bob, [sdp.answer(version=i) for i in range(1, 200)])
    try:
        call = Dialog(alice).invite(sdp.AR_OFFER)
        check(call.answered().status == 200, "the call")
        for name, change in TORTURE.items():
            if "Call-ID" in name or "tag" in name or "BYE" in name:  # another dialog, or the end of this one
                continue
            call.cseq += 1
            text = alice.compose(f"INVITE {call.target} SIP/2.0", call.headers("INVITE", call.cseq), sdp.offer(version=call.cseq, group=""))
            alice.raw(change(text)[:60000])
            try:
                m = alice.wait(lambda x, n=call.cseq: x.status >= 200 and x.get("CSeq") == f"{n} INVITE", name, 0.25)
                call.acknowledge(m)
            except Failed:
                pass
        raw = [m.raw for m in callee.got if m.method in ("INVITE", "UPDATE", "PRACK", "ACK") for part in sdp.sections(m.body)
               if re.match("m=application [1-9][0-9]* (UDP|TCP)/DTLS/SCTP webrtc", part) and sdp.UE1_UFRAG in part]
        check(not raw, f"the caller's own data channel reached the callee: {raw[:1]}")
        call.cseq += 1
        check(call.ask("BYE").status == 200, "BYE")
        unharmed(net, alice, bob, callee)
    finally:
        alice.stop()
        callee.stop()


# ---- random damage

def damage(rng, text):
    data = bytearray(text.encode("latin-1"))
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        at, kind = rng.randrange(len(data) or 1), rng.randrange(7)
        lines = bytes(data).split(b"\r\n")
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        elif kind == 2:
            del data[at:at + rng.randrange(1, 40)]
        elif kind == 3:
            i = rng.randrange(len(lines))
            data = bytearray(b"\r\n".join(lines[:i] + [lines[i]] * rng.randrange(0, 4) + lines[i + 1:]))
        elif kind == 4:
            i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            data = bytearray(b"\r\n".join(lines))
        elif kind == 5:
            numbers = list(re.finditer(rb"\d+", bytes(data)))
            if numbers:
                m = rng.choice(numbers)
                data[m.start():m.end()] = rng.choice((b"0", b"-1", b"65536", b"4294967295", b"4294967296", b"9" * 30, b""))
        else:
            del data[rng.randrange(len(data) or 1):]
    return bytes(data)


@scenario(**QUICK)
def random_damage(net):
    """TORTURE_N (default 600) damaged INVITEs, re-INVITEs, BYEs, and answers from the callee's side; TORTURE_SEED."""
    seed = int(os.environ.get("TORTURE_SEED", str(random.SystemRandom().randrange(1 << 32))))
    n = int(os.environ.get("TORTURE_N", "600"))
    print(f"# random-damage: TORTURE_SEED={seed} TORTURE_N={n}", flush=True)
    rng = random.Random(seed)
    bob = Ue("bob", "udp", BOB, P1, tags=AR_TAGS)
    callee = Answering(bob, [sdp.AR_ANSWER, sdp.answer(version=2)])
    alice = Ue("alice", "udp", ALICE, P1, tags=AR_TAGS)
    stop = threading.Event()
    answer = bob.answer

    def damaged_answers(m, status, body="", tag="", extra=()):
        if not stop.is_set() and rng.randrange(3) == 0:
            raw = bob.raw

            def harm(text):
                data = damage(rng, text)
                if b";tag=B\r\n" in data or b" 200 " not in data:  # another tag would be another fork, which nobody ends
                    raw(data)
            bob.raw = harm
            try:
                answer(m, status, body, tag, extra)
            finally:
                bob.raw = raw
        answer(m, status, body, tag, extra)
    bob.answer = damaged_answers
    try:
        for i in range(n // 20):
            call = Dialog(alice).invite(sdp.AR_OFFER)
            try:
                up = call.answered(8)
            except (AttributeError, Failed):  # the answer that came was too damaged
                continue
            for j in range(19):
                kind = rng.choice(("INVITE", "INVITE", "UPDATE", "BYE", "PRACK", "new", "ACK"))
                if kind == "new":
                    text = base(alice)
                else:
                    call.cseq += 1
                    text = alice.compose(f"{kind} {call.target} SIP/2.0", call.headers(kind, call.cseq),
                                         sdp.offer(version=j + 2, group=""))
                with_errors = damage(rng, text)
                if with_errors:
                    alice.raw(with_errors)
                time.sleep(0.005)
            call.cseq += 1
            if up.status == 200:
                call.send("BYE")
            time.sleep(0.02)
        stop.set()
        # calls that a damaged INVITE began and nobody ends: bob hangs up what he knows of
        begun = [m for m in callee.got if m.method == "INVITE" and ";tag=" not in m.get("To")]
        for m in begun:
            try:
                Dialog(bob).take(m).send("BYE")
            except (AttributeError, Failed):
                pass
            time.sleep(0.003)
        time.sleep(5)  # ack_ttl: calls that a damaged INVITE began have nobody who acknowledges
        unharmed_after_damage(net, alice, bob, callee)
    finally:
        alice.stop()
        callee.stop()


def unharmed_after_damage(net, alice, bob, callee):
    left = int(net.status()["calls"])
    if left and os.environ.get("KEEP"):
        print(net.rpc("pcscf1", "ims_ar.local_calls")[1], net.rpc("pcscf1", "ims_ar.calls")[1], flush=True)
    print(f"# random-damage: {left} calls that no BYE can name any more", flush=True)
    check(left <= 1, f"{left} calls are left")  # acknowledged, and then no BYE could name it
    for name in ("pcscf1", "core", "asd1", "mediad"):
        net.alive(name)
    while not alice.inbox.empty():
        alice.inbox.get_nowait()
    call = Dialog(alice).invite(sdp.AR_OFFER)
    up = call.answered()
    check(up.status == 200 and sdp.UE2_UFRAG not in up.body and "a=ice-lite" in up.body, f"no AR call after it: {up.raw[:300]}")
    check(call.ask("BYE").status == 200, "BYE")
    until(5, f"only those are left: {left}", lambda: int(net.status()["calls"]) <= left)
