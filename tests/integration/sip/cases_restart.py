# SPDX-License-Identifier: GPL-2.0-or-later
"""A Kamailio is restarted in the middle of a call whose video is at the ARMF; both edges have a relay.
What it knew of the call is asd's to tell, or is in the route set."""
import re

import sdp
from case import AR_TAGS, Call, bye_by_caller, scenario, setup
from cases_armf import ANSWER, BACK, OFFER, RELAY, a_video, anchored, b_video, call, media, relayed
from cases_dialog import bodies, offer_by_callee, offer_by_caller
from cases_inside import PLAIN_A, PLAIN_B
from net import check, front, until
from sipp import Callee, Caller, gate, pause, recv


def hold_by_caller(version, at=23000, b_at=24000):
    return offer_by_caller(sdp.offer(version=version, group="", video=a_video(port=at, direction="sendonly")),
                           sdp.answer(version=version, video=b_video(port=b_at, direction="recvonly")), cseq=version)


def hold_by_callee(version, at=23000, b_at=24000):
    return offer_by_callee(sdp.answer(version=version, setup="actpass",
                                      video=b_video(port=b_at, setup="actpass", direction="sendonly")),
                           sdp.offer(version=version, setup="active", group="",
                                     video=a_video(port=at, setup="active", direction="recvonly", formats="96 97")))


def to_relay(version):
    """A re-INVITE that takes the video from the ARMF."""
    return offer_by_caller(sdp.offer(version=version, group="", video=a_video(port=23002)),
                           sdp.answer(version=version, video=b_video(port=24002)), cseq=version)


def restart(net, n):
    net.processes.pop(f"pcscf{n}").crash()
    net.start_pcscf(n)
    net.ready()
    until(5, "its link to asd is up", lambda: net.link_up(n))


def at_each_edge(name, body, options):
    """Three scenarios: the one Kamailio for both UEs is restarted; of two the caller's; the callee's."""
    for which, n, two in (("kamailio", 1, False), ("callers_kamailio", 1, True), ("callees_kamailio", 2, True)):
        def run(net, n=n):
            body(net, n)
        run.__name__ = name.format(which)
        scenario(alone=True, two=two, **options)(run)


def caller_after(net, n):
    c = call(net, steps=hold_by_caller(2), during=lambda: restart(net, n))
    first, held = bodies(c.uas, "INVITE")
    anchored(held, "hold towards B", "actpass", "sendonly", "96 97 102", ssrc=1111)
    anchored(bodies(c.uac, "200")[-1], "its answer", "passive", "recvonly", ssrc=2222)
    relayed(held, "audio", "hold towards B")
    relayed(bodies(c.uac, "200")[-1], "audio", "its answer")
    net.settled()


def callee_after(net, n):
    c = call(net, steps=hold_by_callee(2), during=lambda: restart(net, n))
    anchored(bodies(c.uac, "INVITE")[-1], "hold towards A", "actpass", "sendonly", ssrc=2222)
    anchored(bodies(c.uas, "200")[-1], "its answer", "passive", "recvonly", ssrc=1111)
    relayed(bodies(c.uac, "INVITE")[-1], "audio", "hold towards A")
    relayed(bodies(c.uas, "200")[-1], "audio", "its answer")
    net.settled()


at_each_edge("armf_{}_restarted", caller_after, RELAY)
at_each_edge("armf_{}_restarted_offer_by_callee", callee_after, RELAY)


def port_of(text, kind):
    return int(sdp.section(text, kind).split(" ")[1])


def same_place(text, before, why):
    """Where the relay had them before: no m-line of its was left or taken anew."""
    for kind in ("audio", "video"):
        relayed(text, kind, why)
        check(port_of(text, kind) == port_of(before, kind), f"{why}: {kind} at {port_of(text, kind)}, was at {port_of(before, kind)}")


def exchanges(net, *parts, first=(OFFER, ANSWER)):
    """A call with several exchanges inside it. Each part: what happens before it, while both UEs are at a gate, and
    its steps."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, *first)
    for before, steps in parts:
        wait = [gate()] if before else []
        caller, callee = caller + wait + steps[0](a), callee + wait + steps[1](b)
    x, y = bye_by_caller(a, b)
    c = Call(net, caller + x, callee + y)
    try:
        for n, (before, _) in enumerate(parts):
            if before:
                both_acked(c, n + 1)
                until(4, "mediad has been told the answer", told)
                before()
                c.go()
    except BaseException:
        c.stop()
        raise
    return c.wait()


def both_acked(c, n):
    """That many ACKs have been sent."""
    def acks():
        return sum(len({re.search(r"(?im)^CSeq: *(\d+)", h).group(1) for f, h, _ in p.seen() if f.startswith("ACK")})
                   for p in (c.uac, c.uas))
    until(4, f"{n} ACKs", lambda: acks() >= n)


def told():
    return all("remote" in m["x-ims-ar"] for leg in media().values() for m in leg.values())


def kept_by_asd(net):
    """The m-lines at the two media relays of the one call."""
    call = re.search(r"\tcall: (\w+)", net.rpc("pcscf1", "ims_ar.calls")[1]).group(1)
    return front(net.asd_socket(1), "map", kind="sip", call=call).get("relay")


def restart_when_kept(net, n):
    until(5, "asd has the m-lines", lambda: kept_by_asd(net) == ["0 1- 2 2"] * 2)
    restart(net, n)


def kept_after_restart(net, n):
    """The video has gone back to the relay, at an m-line of its own: it stays there."""
    c = exchanges(net, (None, to_relay(2)), (lambda: restart_when_kept(net, n), hold_by_caller(3, 23002, 24002)))
    back, held = bodies(c.uas, "INVITE")[1:]
    same_place(held, back, "hold, towards B")
    same_place(bodies(c.uac, "200")[2], bodies(c.uac, "200")[1], "hold, answer to A")
    net.settled()


at_each_edge("armf_back_to_the_relay_then_{}_restarted", kept_after_restart, BACK)


@scenario(alone=True, two=True, **BACK)
def armf_kamailios_restarted_then_back_to_the_relay(net):
    """The relays had the video at port 0 before: it gets m-lines of its own, and keeps them. (The first offer after a
    restart is planned from the map, so the video stays where it is.)"""
    def both():
        restart(net, 1)
        restart(net, 2)
    c = exchanges(net, (both, hold_by_caller(2)), (None, to_relay(3)),
                  (lambda: restart_when_kept(net, 1), hold_by_caller(4, 23002, 24002)),
                  (lambda: restart(net, 2), hold_by_callee(5, 23002, 24002)))
    _, away, back, held = bodies(c.uas, "INVITE")
    anchored(away, "hold towards B", "actpass", "sendonly", "96 97 102", ssrc=1111)
    same_place(held, back, "another hold, towards B")
    same_place(bodies(c.uac, "INVITE")[0], bodies(c.uac, "200")[2], "hold by B, towards A")
    net.settled()


@scenario(alone=True, two=True, **RELAY)
def armf_callees_kamailio_restarted_while_asd_is_dead(net):
    """What A offers says itself where the video is; when asd is back, it is asked for what B offers."""
    def away():
        restart(net, 2)
        net.stop_asd()

    def back():
        net.start_asd()
        until(5, "both are linked again", lambda: net.link_up(1) and net.link_up(2))
    c = exchanges(net, (away, hold_by_caller(2)), (back, hold_by_callee(3)))
    anchored(bodies(c.uas, "INVITE")[-1], "hold towards B", "actpass", "sendonly", "96 97 102", ssrc=1111)
    anchored(bodies(c.uac, "200")[1], "its answer", "passive", "recvonly", ssrc=2222)
    anchored(bodies(c.uac, "INVITE")[-1], "hold by B, towards A", "actpass", "sendonly", ssrc=2222)
    anchored(bodies(c.uas, "200")[-1], "its answer", "passive", "recvonly", ssrc=1111)
    net.settled()


PLAIN = (PLAIN_A, PLAIN_B)
BECOMES_AR = offer_by_caller(sdp.offer(version=4, group="", video=a_video()), sdp.answer(version=8, video=b_video(port=24000)))


def from_a_plain_call(net, n):
    """Nothing in the route set names a call that became an AR call later."""
    c = exchanges(net, (None, BECOMES_AR), ((lambda: restart(net, n)) if n else None, hold_by_callee(9)), first=PLAIN)
    anchored(bodies(c.uas, "INVITE")[-1], "AR, towards B", "actpass", pts="96 97 102", ssrc=1111)
    anchored(bodies(c.uac, "INVITE")[-1], "hold towards A", "actpass", "sendonly", ssrc=2222)
    anchored(bodies(c.uas, "200")[-1], "its answer", "passive", "recvonly", ssrc=1111)
    relayed(bodies(c.uac, "INVITE")[-1], "audio", "hold towards A")
    net.settled()


@scenario(**RELAY)
def armf_inside_a_plain_call(net):
    """Both UEs behind one Kamailio: its second pass knows what the first one has anchored."""
    from_a_plain_call(net, 0)


at_each_edge("armf_inside_a_plain_call_then_{}_restarted", from_a_plain_call, RELAY)


def kept_in_what_was_a_plain_call(net, n):
    """The caller's offer after the restart is the one that has to find the m-lines."""
    back = offer_by_caller(sdp.offer(version=5, group="", video=a_video(port=23002)),
                           sdp.answer(version=9, video=b_video(port=24002)), cseq=3)
    hold = offer_by_caller(sdp.offer(version=6, group="", video=a_video(port=23002, direction="sendonly")),
                           sdp.answer(version=10, video=b_video(port=24002, direction="recvonly")), cseq=4)
    c = exchanges(net, (None, BECOMES_AR), (None, back), (lambda: restart_when_kept(net, n), hold), first=PLAIN)
    there, back, held = bodies(c.uas, "INVITE")[1:]
    anchored(there, "AR, towards B", "actpass", pts="96 97 102", ssrc=1111)
    same_place(held, back, "hold, towards B")
    same_place(bodies(c.uac, "200")[3], bodies(c.uac, "200")[2], "hold, answer to A")
    net.settled()


at_each_edge("armf_inside_a_plain_call_back_to_the_relay_then_{}_restarted", kept_in_what_was_a_plain_call, BACK)


def late_offer_by_caller(version, a_answers, b_offers):
    """An INVITE without a description: the callee's 200 has the offer, the ACK the answer."""
    def caller(a):
        return [pause(100), a.request("INVITE", version), recv(100, optional=True), recv(200), a.ack(version, a_answers)]

    def callee(b):
        return [recv("INVITE"), b.in_dialog_reply("200 OK", b_offers), recv("ACK")]
    return caller, callee


@scenario(alone=True, two=True, **BACK)
def armf_back_to_the_relay_then_callees_kamailio_restarted_then_a_late_offer(net):
    late = late_offer_by_caller(3, sdp.offer(version=3, setup="active", group="", video=a_video(port=23002, setup="active")),
                                sdp.answer(version=3, setup="actpass", video=b_video(port=24002, setup="actpass")))
    c = exchanges(net, (None, to_relay(2)), (lambda: restart_when_kept(net, 2), late))
    same_place(bodies(c.uac, "200")[2], bodies(c.uac, "200")[1], "the late offer, towards A")
    same_place(bodies(c.uas, "ACK")[0], bodies(c.uas, "INVITE")[1], "its answer, towards B")
    net.settled()
