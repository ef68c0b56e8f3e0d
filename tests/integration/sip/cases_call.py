# SPDX-License-Identifier: GPL-2.0-or-later
"""From INVITE to BYE with everything in order."""
import os
import re
import time

import sdp
from case import AR_TAGS, Call, bye_by_callee, bye_by_caller, check_ar, plain_call, scenario, setup
from net import BOB, BOB2, check, until
from sipp import Callee, Caller, Sipp, pause, recv


@scenario()
def ar_call(net):
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
    check(net.events()[-2:] == ["answered", "bye"], f"events {net.events()}")
    e = net.asd()["events"][-2]
    check(e["sdp"] == sdp.AR_ANSWER and e["outcome"] == "ar-capable" and e["side"] == "b", f"answered: {e}")
    net.settled()


@scenario()
def bye_from_callee(net):
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, bye=bye_by_callee))
    net.settled()


@scenario()
def early_media(net):
    """183 and 200 with the same description: the same bytes for the caller, each told asd once."""
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, early=True)
    check_ar(call)
    check(call.uac.received("183")[0] == call.uac.received("200")[0], "183 and 200 differ")
    check(net.events(call.callid()) == ["early", "answered", "bye"], f"events {net.events(call.callid())}")
    net.settled()


@scenario()
def ordinary_call(net):
    before = net.asd()["offers"]
    call = plain_call(net, sdp.PLAIN_OFFER, sdp.PLAIN_ANSWER, early=True, tags="")
    check(call.uas.received("INVITE")[0] == sdp.PLAIN_OFFER, "the offer is not byte-identical")
    for what in ("183", "200"):
        check(call.uac.received(what)[0] == sdp.PLAIN_ANSWER, f"the answer in {what} is not byte-identical")
    check(net.asd()["offers"] == before, "asd was asked about an ordinary call")
    net.settled()


@scenario()
def ordinary_call_odd_sdp(net):
    """What the parser refuses is no reason to touch an ordinary call."""
    offer = sdp.PLAIN_OFFER.replace("c=IN IP4 127.0.0.1\r\n", "") + "a=\xe9\xe8 not UTF-8\r\n"
    call = plain_call(net, offer, sdp.PLAIN_ANSWER, tags="")
    check(call.uas.received("INVITE")[0] == offer, "the offer is not byte-identical")
    net.settled()


@scenario()
def ordinary_dc_capable(net):
    """A caller that only says that it could: no data channel offered, nothing to do."""
    call = plain_call(net, sdp.PLAIN_OFFER, sdp.PLAIN_ANSWER, tags=AR_TAGS)
    check(call.uas.received("INVITE")[0] == sdp.PLAIN_OFFER, "the offer is not byte-identical")
    check(call.uac.received("200")[0] == sdp.PLAIN_ANSWER, "the answer is not byte-identical")
    net.settled()


@scenario()
def busy(net):
    a, b = Caller(AR_TAGS), Callee()
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180, optional=True), recv(486), a.ack_failure()],
                [b.invite(), b.reply("180 Ringing"), pause(100), b.reply("486 Busy Here"), recv("ACK")]).wait()
    net.settled()
    check(net.events(call.callid()) == ["failed"], f"events {net.events(call.callid())}")


@scenario()
def cancel_while_ringing(net):
    a, b = Caller(AR_TAGS), Callee()
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180), pause(100), a.cancel(), recv(200),
                      recv(487), a.ack_failure()],
                [b.invite(), b.reply("180 Ringing"), recv("CANCEL"), b.reply("200 OK"),
                 b.reply_invite("487 Request Terminated"), recv("ACK")]).wait()
    net.settled()
    check(net.events(call.callid()) == ["cancelled", "failed"], f"events {net.events(call.callid())}")


@scenario()
def cancel_while_asd_thinks(net):
    net.mode("hold")
    try:
        a = Caller(AR_TAGS)
        call = Call(net, [a.invite(sdp.AR_OFFER), recv(100), pause(300), a.cancel(), recv(487), a.ack_failure(),
                          recv(200)], None).wait()
    finally:
        net.mode("ar")  # the verdict comes after the end
    net.settled()
    events = net.events(call.callid())
    check(events[:1] == ["cancelled"] and events[-1] in ("failed", "gone"), f"events {events}")


@scenario()
def callee_refuses_data_channel(net):
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    got = call.uac.received("200")[0]
    check("m=application 0 " in got and "ufragA" not in got, f"the caller keeps a channel: {got}")
    check(sdp.audio(got) == sdp.audio(sdp.AR_ANSWER), "audio changed")
    e = next(e for e in net.asd()["events"] if e["callid"] == call.callid() and e["ev"] == "answered")
    check(e["outcome"] == "dc-refused", f"outcome {e['outcome']}")
    net.settled()


@scenario()
def callee_answers_too_few(net):
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_SHORT)
    got = call.uac.received("200")[0]
    check(len(sdp.sections(got)) == 2 and "m=application 0 " in got, f"RFC 3264 6: as many sections as offered: {got}")
    net.settled()


@scenario(two=True)
def two_pcscf(net):
    """The callee's edge has the module too, sees the mark and leaves the call alone."""
    before = net.asd()["offers"]
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, early=True)
    check_ar(call)
    check(net.asd()["offers"] == before + 1, f"asd was asked {net.asd()['offers'] - before} times")
    check(net.status(2).get("offers", "0") == "0", "the second P-CSCF handed over")
    net.settled()


@scenario(two=True)
def two_pcscf_bye_from_callee(net):
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, bye=bye_by_callee))
    net.settled()


@scenario(challenge=True)
def retry_after_407(net):
    """The same Call-ID twice: what the first attempt reserved is released, the second lives."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    auth = 'Proxy-Authorization: Digest username="alice",realm="ims.example",nonce="1",uri="sip:ims.example",response="0"\n'
    _, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(407), a.ack_failure(), pause(50),
                      a.invite(sdp.AR_OFFER, cseq=2, extra=auth), recv(100, optional=True), recv(180, optional=True),
                      recv(200, rrs=True), a.ack(2)] + x, callee + y).wait()
    check_ar(call)
    d = net.asd()
    check(d["reserve"] == 2, f"reserved {d['reserve']}")
    net.settled()


@scenario()
def late_200(net):
    """The 200 again after tm has forgotten the transaction (5 s): the same bytes, told asd once."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(183, optional=True), recv(200, rrs=True),
                      a.ack(), pause(7600), a.request("BYE", 9), recv(200)],
                [b.invite(), b.reply("183 Session Progress", sdp.AR_ANSWER), pause(50), b.reply_invite("200 OK", sdp.AR_ANSWER),
                 recv("ACK"), pause(7000), b.reply_invite("200 OK", sdp.AR_ANSWER), recv("BYE"),
                 b.in_dialog_reply("200 OK")]).wait()
    check_ar(call)
    first, second = [x for x in call.uac.received("200") if x][:2]
    check(first == second, "the late copy differs")
    check(net.events(call.callid()) == ["early", "answered", "bye"], f"events {net.events(call.callid())}")
    net.settled()


@scenario()
def ringing_after_200(net):
    """180 overtaken by 200 on the way."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply_invite("200 OK", sdp.AR_ANSWER), recv("ACK"), b.reply_invite("180 Ringing")] + y).wait()
    check_ar(call)
    net.settled()


@scenario()
def answer_without_sdp_after_183(net):
    """The answer is in a 183; the 200 has none and reaches no function of the script."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(183), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("183 Session Progress", sdp.AR_ANSWER), pause(50), b.reply_invite("200 OK"),
                 recv("ACK")] + y).wait()
    check_ar(call)
    check(net.events(call.callid()) == ["early", "answered", "bye"], f"events {net.events(call.callid())}")
    net.settled()


@scenario()
def forged_mark(net):
    """A UE cannot talk itself out of the hand-over."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    caller[0] = a.invite(sdp.AR_OFFER, extra="P-IMS-AR: 0123456789abcdef;n=x;h=0123456789abcdef0123456789abcdef\n")
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + x, callee + y).wait()
    check_ar(call)
    head = next(h for f, h, _ in call.uas.seen() if f.startswith("INVITE"))
    check("0123456789abcdef;n=x" not in head, "the forged mark reached the callee")
    net.settled()


@scenario()
def switched_off(net):
    """enabled 0 at run time: an AR INVITE is an ordinary one."""
    net.set("enabled", 0)
    try:
        before = net.asd()["offers"]
        call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
        check(call.uas.received("INVITE")[0] == sdp.AR_OFFER, "the offer was touched")
        check(net.asd()["offers"] == before, "asd was asked")
    finally:
        net.set("enabled", 1)
    net.settled()


@scenario()
def layouts_differ(net):
    """Audio, data channel, video towards A; audio, video, data channel towards B."""
    offer = sdp.offer(video=sdp.VIDEO.format(port=20002))
    parts = sdp.answer(video="").split("m=application")
    answer = parts[0] + sdp.crlf(sdp.VIDEO.format(port=22002)) + "m=application" + parts[1]
    net.mode("dc-last")
    try:
        call = plain_call(net, offer, answer)
    finally:
        net.mode("ar")
    kinds = [s.split(" ")[0] for s in sdp.sections(call.uas.received("INVITE")[0])]
    check(kinds == ["m=audio", "m=video", "m=application"], f"towards B: {kinds}")
    kinds = [s.split(" ")[0] for s in sdp.sections(call.uac.received("200")[0])]
    check(kinds == ["m=audio", "m=application", "m=video"], f"towards A: {kinds}")
    net.settled()


@scenario(alone=True, kemi=True)
def kemi_script(net):
    """The same from a KEMI script: hand-off, resume, plan, deny, events."""
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, early=True))
    net.settled()
    net.mode("deny")
    a = Caller(AR_TAGS)
    Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(403), a.ack_failure()], None).wait()
    log = (net.run / "pcscf1.log").read_text(errors="replace")
    check("kemi event ims_ar:asd-up" in log, "no event")
    check("resumed: ar by fake rule" in log, "the resumed function did not see the verdict")
    net.settled()


@scenario(alone=True, modparams={"resume_workers": 0})
def without_resume_workers(net):
    """The link process runs the resumed route itself."""
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, early=True))
    net.settled()


@scenario()
def multipart_body(net):
    """SDP and location in one body: only the SDP part is exchanged."""
    pidf = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\">here</presence>\r\n"
    body = (f"--b1\r\nContent-Type: application/sdp\r\n\r\n{sdp.AR_OFFER}\r\n--b1\r\n"
            f"Content-Type: application/pidf+xml\r\n\r\n{pidf}--b1--\r\n")
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    _, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    caller, _ = setup(a, b, ("multipart/mixed;boundary=b1", body), sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + x, callee + y).wait()
    got = call.uas.received("INVITE")[0]
    check("ufragB" in got and sdp.UE1_UFRAG not in got, f"the SDP part is not ours: {got}")
    check(pidf in got and got.count("--b1") == 3, f"the other part was touched: {got}")
    check("ufragA" in call.uac.received("200")[0], "the answer is not ours")
    net.settled()


@scenario()
def reliable_183_and_update(net):
    """100rel: the answer in a 183, PRACK, then UPDATE by A in the early dialog, at last a 200 without SDP."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    again = sdp.offer(version=2, group="")
    call = Call(net, [a.invite(sdp.AR_OFFER, extra="Supported: 100rel\n"), recv(100, optional=True), recv(183, rrs=True),
                      a.request("PRACK", 2, extra="RAck: 1 1 INVITE\n"), recv(200),
                      a.request("UPDATE", 3, again), recv(200), recv(200, rrs=True), a.ack()] + x,
                [b.invite(), b.reply("183 Session Progress", sdp.AR_ANSWER, extra="Require: 100rel\nRSeq: 1\n"),
                 recv("PRACK"), b.in_dialog_reply("200 OK"), recv("UPDATE"),
                 b.in_dialog_reply("200 OK", sdp.answer(version=2)), pause(200), b.reply_invite("200 OK"), recv("ACK")] + y).wait()
    update = call.uas.received("UPDATE")[0]
    check("ufragB" in update and "a=setup:actpass" in update and sdp.origin_version(update) == 2, f"UPDATE: {update}")
    answers = [x for x in call.uac.received("200") if x]
    check("ufragA" in answers[0] and "a=setup:passive" in answers[0], f"answer to UPDATE: {answers[0]}")
    net.settled()


@scenario(alone=True)
def fork_of_the_home_network(net):
    """Two UEs of bob ring; both send early media, the second answers. One to-tag is the call."""
    net.register("bob", BOB2)
    a = Caller(AR_TAGS)
    b1, b2 = Callee(AR_TAGS, tag="X"), Callee(AR_TAGS, tag="Y")
    early1, early2 = sdp.answer(port=23000, ufrag="fork1"), sdp.answer(port=24000, ufrag="fork2")
    loser = Sipp(net.run, "loser", [b1.invite(), b1.reply("183 Session Progress", early1), recv("CANCEL"), b1.reply("200 OK"),
                                    b1.reply_invite("487 Request Terminated"), recv("ACK")], BOB)
    winner = Sipp(net.run, "winner", [b2.invite(), b2.reply("183 Session Progress", early2), pause(300),
                                      b2.reply_invite("200 OK", early2), recv("ACK"), recv("BYE"),
                                      b2.in_dialog_reply("200 OK")], BOB2)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(183), recv(183), recv(200, rrs=True), a.ack(),
                      pause(200), a.request("BYE", 9), recv(200)], None)
    try:
        call.wait()
        check(loser.wait() == 0 and winner.wait() == 0, f"{loser.why()} {winner.why()}")
    finally:
        loser.stop()
        winner.stop()
    for what, n in (("183", 2), ("200", 1)):
        got = [x for x in call.uac.received(what) if x]
        check(len(got) == n and all("ufragA" in x and "fork" not in x for x in got), f"{what}: {got}")
    ports = {sdp.audio(x).split()[1] for x in call.uac.received("183")}
    check(ports == {"23000", "24000"}, f"audio of the forks: {ports}")
    net.settled()
    events = [(e["ev"], e["to_tag"][:1]) for e in net.asd()["events"] if e["callid"] == call.callid()]
    check(sorted(events[:2]) == [("early", "X"), ("early", "Y")] and events[2:] == [("answered", "Y"), ("bye", "Y")],
          f"events {events}")


@scenario(alone=True)
def no_transaction_stays(net):
    """A CANCEL while asd thinks, and a late verdict: tm forgets the transaction as any other."""
    net.mode("slow")
    a = Caller(AR_TAGS)
    Call(net, [a.invite(sdp.AR_OFFER), recv(100), pause(300), a.cancel(), recv(487), a.ack_failure(), recv(200)], None,
         calls=5).wait()

    def current():
        return int(re.search(r"current: (\d+)", net.rpc("pcscf1", "tm.stats")[1]).group(1))
    until(15, "tm has no transaction", lambda: current() == 0)
    net.settled()


def loop(net, caller, callee, n, rate=50):
    """n calls; then everything is swept, here and in tm (which keeps transactions for 5 s)."""
    Call(net, caller, callee, calls=n, rate=rate, limit=120).wait()
    until(20, "all calls are swept", lambda: net.status()["ended"] == "0")
    time.sleep(6)


def same_memory(net, round_):
    round_(100)
    before = net.shm_used()
    round_(int(os.environ.get("LOOP", "0")) if int(os.environ.get("LOOP", "0")) > 1 else 1000)
    after = net.shm_used()
    print(f"# shared memory {before} before, {after} after", flush=True)
    check(abs(after - before) < 20000, f"shared memory was {before}, is {after}")
    net.settled()


@scenario(alone=True, modparams={"reply_ttl": 2}, when=("LOOP", "0"), children=2)
def thousand_calls(net):
    """Shared memory is back where it was."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    same_memory(net, lambda n: loop(net, caller + x, callee + y, n))


@scenario(alone=True, modparams={"reply_ttl": 2}, when=("LOOP", "0"), children=2)
def thousand_failures(net):
    """486, CANCEL while it rings, and no answer to the offer in time."""
    a, b = Caller(AR_TAGS), Callee()
    busy = ([a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180, optional=True), recv(486), a.ack_failure()],
            [b.invite(), b.reply("180 Ringing"), pause(50), b.reply("486 Busy Here"), recv("ACK")])
    cancel = ([a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180), pause(50), a.cancel(), recv(200), recv(487),
               a.ack_failure()],
              [b.invite(), b.reply("180 Ringing"), recv("CANCEL"), b.reply("200 OK"),
               b.reply_invite("487 Request Terminated"), recv("ACK")])
    thinks = ([a.invite(sdp.AR_OFFER), recv(100), pause(50), a.cancel(), recv(487), a.ack_failure(), recv(200)], None)

    def round_(n):
        loop(net, *busy, n // 3)
        loop(net, *cancel, n // 3)
        net.mode("slow")
        loop(net, *thinks, n // 3)
        net.mode("ar")
    same_memory(net, round_)
