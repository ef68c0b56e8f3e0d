# SPDX-License-Identifier: GPL-2.0-or-later
"""asd away, slow, broken, killed; overload; what the operator sees of it."""
import re
import subprocess
import sys
import time

import sdp
from case import AR_TAGS, Call, bye_by_caller, check_ar, plain_call, scenario, setup
from cases_torture import Busy
from cases_torture import base as offer_of
from net import ALICE, BASE, BOB, HERE, OFFER_TIMEOUT, P1, check, until
from in_time import in_time
from sipp import Callee, Caller, gate, pause, recv
from ue import Ue


ASD_TCP = BASE + 31


def check_plain(call):
    """An ordinary call: the data channel at port 0 on the way, everything else untouched."""
    got = call.uas.received("INVITE")[0]
    check("m=application 0 " in got, f"the data channel is offered on: {got}")
    check(sdp.audio(got) == sdp.audio(sdp.AR_OFFER), "audio changed")
    check(call.uac.received("200")[0] == sdp.AR_ANSWER_NO_DC, "the answer changed")


def goes_on_plain(net, limit_ms=8000, asd=True):
    start = time.monotonic()
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    in_time("the call", time.monotonic() - start, limit_ms / 1000)
    check_plain(call)
    net.settled(asd)
    return call


def with_mode(net, mode, test):
    net.mode(mode)
    try:
        return test()
    finally:
        net.mode("ar")


@scenario()
def asd_says_plain(net):
    with_mode(net, "plain", lambda: goes_on_plain(net, 1500))


@scenario()
def asd_denies(net):
    def test():
        a = Caller(AR_TAGS)
        call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(403), a.ack_failure()], None).wait()
        refusal = next((h for f, h, _ in call.uac.seen() if "403 AR service not allowed" in f), None)
        check(refusal, "the reason is not asd's")
        check('Warning: 399 asd1 "no place"' in refusal, f"no Warning: {refusal}")
        net.settled()
    with_mode(net, "deny", test)


@scenario()
def asd_errs(net):
    with_mode(net, "error", lambda: goes_on_plain(net, 1500))


@scenario()
def asd_silent(net):
    """offer_timeout, then an ordinary call."""
    net.set("offer_timeout", 500)
    try:
        call = with_mode(net, "silent", lambda: goes_on_plain(net, 2500))
    finally:
        net.set("offer_timeout", OFFER_TIMEOUT)
    check("gone" in net.events(call.callid()), "asd was not told that nobody waits any more")


@scenario()
def asd_without_plan(net):
    with_mode(net, "noplan", lambda: goes_on_plain(net, 1500))


@scenario()
def asd_bad_plan(net):
    with_mode(net, "badplan", lambda: goes_on_plain(net, 1500))


def breaks_the_link(net, mode):
    with_mode(net, mode, lambda: goes_on_plain(net, 2500, asd=False))
    until(5, "the link is up again", net.link_up)
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
    net.settled()


@scenario()
def asd_garbage(net):
    breaks_the_link(net, "garbage")


@scenario()
def asd_not_an_object(net):
    breaks_the_link(net, "nojson")


@scenario()
def asd_frame_too_long(net):
    breaks_the_link(net, "oversize")


@scenario(alone=True)
def asd_dies_on_the_offer(net):
    net.mode("dies")
    goes_on_plain(net, 2000, asd=False)
    net.stop_asd()
    net.start_asd("ar")
    until(5, "the link is up again", net.link_up)
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
    net.settled()


def no_service(net):
    """The lines about AR calls for which no asd was there."""
    log = (net.run / "pcscf1.log").read_text(errors="replace")
    return [line for line in log.splitlines() if "no AR service for this call" in line]


def log_is_no_flood(net):
    """60 calls at once: five lines a second at most, the others are counted."""
    before, start = len(no_service(net)), time.monotonic()
    ue, callee = Ue("alice", "udp", ALICE, P1, tags=AR_TAGS), Busy(Ue("bob", "udp", BOB, P1), [])
    refused = set()

    def over():
        """Every call to its last ACK: nothing of them comes to those who have these ports next."""
        while not ue.inbox.empty():
            m = ue.inbox.get()
            if m.status >= 300:
                refused.add(m.get("Call-ID"))
                ue.raw(ue.compose("ACK sip:bob@ims.example SIP/2.0", [
                    (k, m.get(k)) for k in ("Via", "From", "To", "Call-ID")] + [("CSeq", m.get("CSeq").replace("INVITE", "ACK"))]))
        return len(refused) == 60 == len({m.get("Call-ID") for m in callee.got if m.method == "ACK"})
    try:
        for _ in range(60):
            ue.raw(offer_of(ue))
        until(10, "60 calls without asd", over)
    finally:
        ue.stop()
        callee.stop()
    check(int(net.status()["offers_away"]) >= 60, f"status {net.status()}")
    seconds, lines = int(time.monotonic() - start) + 2, len(no_service(net)) - before
    left_out = int(net.status().get("log_lines_left_out", 0))
    check(0 < lines <= 5 * seconds and lines + left_out >= 60, f"{lines} lines in {seconds} s, {left_out} left out")


@scenario(alone=True)
def asd_down(net):
    net.stop_asd()
    until(3, "the link is down", lambda: not net.link_up())
    callid = goes_on_plain(net, 1500, asd=False).callid()
    said = no_service(net)
    check(len(said) == 1 and callid in said[0] and "asd is not connected" in said[0], f"the log says {said}")
    log_is_no_flood(net)
    rc, text = net.rpc("pcscf1", "ims_ar.call", "nobody@nowhere")
    check("error: 503" in text, f"ims_ar.call while asd is down: {text[:200]}")
    rc, text = net.rpc("pcscf1", "ims_ar.status")
    check(rc == 0 and "state: down" in text, f"ims_ar.status while asd is down: {text[:200]}")
    rc, text = net.rpc("pcscf1", "ims_ar.calls")
    check(rc != 0 and "asd1.sock" in text, f"ims_ar.calls while asd is down: {text[:200]}")
    net.start_asd()
    until(5, "the link is up again", net.link_up)
    check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
    net.settled()


@scenario(alone=True, define=["IMS_AR_AWAY_REJECT"])
def asd_down_site_rejects(net):
    net.stop_asd()
    until(3, "the link is down", lambda: not net.link_up())
    a = Caller(AR_TAGS)
    Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(503), a.ack_failure()], None).wait()
    net.settled(asd=False)


def long_call(net, during):
    """A call that lasts as long as during(call) does, from when it rings: at the first go() the callee answers."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True),
                      a.ack(), gate()] + x,
                [b.invite(), b.reply("180 Ringing"), gate(), b.reply_invite("200 OK", sdp.AR_ANSWER), recv("ACK"), gate()] + y)
    try:
        until(3, "it rings", lambda: any(" 180 " in f for f, _, _ in call.uac.seen()))
        during(call)
    except BaseException:
        call.stop()
        raise
    call.go()
    return call.wait()


def answered(call):
    call.go(call.uas)
    call.acked(1)


@scenario(alone=True)
def asd_killed_while_ringing(net):
    """The answer comes while asd is dead; asd is told when it is back, in order."""
    def during(call):
        net.stop_asd()
        answered(call)
        net.start_asd()
    call = long_call(net, during)
    check_ar(call)
    net.settled()
    check(net.events(call.callid()) == ["answered", "bye"], f"events {net.events(call.callid())}")


@scenario(alone=True)
def asd_killed_mid_call(net):
    """BYE while asd is dead: what it reserved is released when it is back."""
    def during(call):
        answered(call)
        net.stop_asd()
    check_ar(long_call(net, during))
    s = net.status()
    check(s["events_unacked"] != "0" and s["calls"] == "0", f"status {s}")
    net.start_asd()
    until(5, "the link is up again", net.link_up)
    net.settled()


@scenario(alone=True)
def asd_stopped_with_events_in_its_socket(net):
    """What it had received and not acknowledged comes again."""
    net.mode("ar", "deaf")
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    check(net.status()["events_unacked"] == "2", f"status {net.status()}")
    net.stop_asd()
    net.start_asd()
    until(5, "the link is up again", net.link_up)
    net.settled()
    check(net.events(call.callid()) == ["answered", "bye"], f"events {net.events(call.callid())}")


@scenario(alone=True)
def asd_does_not_pong(net):
    net.mode("ar", "nopong")
    until(12, "the link goes down", lambda: not net.link_up())
    net.mode("ar")
    until(5, "the link is up again", net.link_up)


@scenario(alone=True)
def asd_of_another_version(net):
    net.stop_asd()
    net.start_asd("badhello")
    time.sleep(1)
    rc, text = net.rpc("pcscf1", "ims_ar.status")
    check("only version 7" in text, f"the reason is not shown: {text[:300]}")
    goes_on_plain(net, 1500, asd=False)


@scenario(alone=True, config="misuse.cfg")
def called_too_late(net):
    """A site's mistake: a branch or another target before the hand-off. Said, counted, an ordinary call."""
    for user in ("branch", "target"):
        a, b = Caller(AR_TAGS, to=f"sip:{user}@ims.example"), Callee(AR_TAGS)
        caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
        x, y = bye_by_caller(a, b)
        check_plain(Call(net, caller + x, callee + y).wait())
    check(net.status()["offers_misplaced"] == "2", f"status {net.status()}")
    check("comes too late" in (net.run / "pcscf1.log").read_text(errors="replace"), "nothing in the log")
    net.settled()


@scenario(alone=True, asds=2)
def two_asd_one_dies(net):
    """Calls are spread; when one is gone the other has them all."""
    for n in range(1, 25):  # which one is chance: a hash of the Call-ID
        check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
        one, two = net.asd(1)["offers"], net.asd(2)["offers"]
        check(one + two == n, f"{n} calls, {one} and {two} offers")
        if one and two:
            break
    check(one and two, f"spread {one} and {two}")
    net.stop_asd(i=1)
    until(3, "one link is down", lambda: not net.link_up())
    for _ in range(3):
        check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
    until(3, "it was told all", lambda: net.asd(2)["reserve"] == net.asd(2)["release"])
    d = net.asd(2)
    check(d["offers"] == two + 3 and d["reserve"] == d["release"], f"the second has {d['offers']} offers")


@scenario(alone=True, asds=2)
def two_asd_one_dies_on_the_offer(net):
    """The offer goes to the other one at once."""
    net.mode("dies", i=1)
    for _ in range(24):
        check_ar(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER))
        if not net.processes["asd1"].alive():
            break
    check(not net.processes["asd1"].alive(), "the first was never asked")


@scenario(alone=True, asds=2)
def two_asd_bye_while_its_own_is_dead(net):
    """The BYE is told to the other one; the call's own asd learns of it when it is back."""
    home = []

    def during(call):
        answered(call)
        home.append(1 if net.asd(1)["calls"] else 2)
        net.stop_asd(i=home[0])
    check_ar(long_call(net, during))
    check(net.status()["calls"] == "0", "the call is over")
    net.start_asd(i=home[0])
    until(5, "its own asd has released it", lambda: not net.asd(home[0])["calls"])
    d = net.asd(home[0])
    check(d["reserve"] == d["release"] == 1, f"reserved {d['reserve']}, released {d['release']}")


@scenario(alone=True)
def kamailio_restarted_before_the_bye(net):
    """Nothing but the Record-Route parameter names the call: asd releases it all the same."""
    def during(call):
        answered(call)
        net.processes.pop("pcscf1").crash()
        net.start_pcscf(1)
        net.ready()
    call = long_call(net, during)
    net.settled()
    check(net.events(call.callid()) == ["answered", "bye"], f"events {net.events(call.callid())}")


@scenario(alone=True, modparams={"queue_max": 1})
def queue_is_full(net):
    """Only one offer may wait: the next goes on as an ordinary call, at once."""
    net.mode("hold")
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + x, callee + y, calls=3, rate=20)
    until(3, "one waits, two do not", lambda: net.status().get("offers_full") == "2")
    net.mode("ar")
    call.wait()
    got = call.uas.received("INVITE")
    plain = sum("m=application 0 " in g for g in got)
    check(plain == 2, f"{plain} of {len(got)} went on without a data channel")
    check(net.status()["offers_full"] == "2", f"status {net.status()}")
    net.settled()


@scenario(alone=True)
def asd_is_behind(net):
    """Many offers wait and the oldest one has for long: new calls go on at once, those that it has are answered."""
    net.set("offer_timeout", 5000)
    net.mode("hold")
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    callee = [s.replace("<send>", '<send retrans="500">') if "200 OK" in s else s for s in callee]  # what is lost comes again
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + x, callee + y, calls=150, rate=50)
    until(4, "new calls go on at once", lambda: int(net.status().get("offers_behind", 0)) > 0)
    net.mode("ar")
    call.wait()
    s = net.status()
    check(int(s["offers_ar"]) > 0, f"status {s}")
    net.settled()


@scenario(alone=True, modparams={"event_max": 10})
def events_are_lost(net):
    """More events than may wait while asd is dead: counted, and asd gets the list of calls instead."""
    net.stop_asd()
    until(3, "the link is down", lambda: not net.link_up())
    net.start_asd("ar", "deaf")
    until(5, "the link is up again", net.link_up)
    for _ in range(7):
        plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    s = net.status()
    check(int(s["events_lost"]) >= 4 and int(s["events_unacked"]) <= 10, f"status {s}")
    net.stop_asd()
    net.start_asd("ar")
    until(5, "asd was told all calls", lambda: net.asd()["resync"] > 0)
    net.settled()


@scenario(alone=True, modparams={"ring_ttl": 5})
def call_without_end(net):
    """UE1 vanishes after 183 and no BYE ever comes: the call expires and asd is told."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(183)],
                [b.invite(), b.reply("183 Session Progress", sdp.AR_ANSWER)]).wait()
    until(12, "the call has expired", lambda: net.status()["calls"] == "0")
    net.settled()
    check(net.events(call.callid())[-1] == "gone", f"events {net.events(call.callid())}")


@scenario(alone=True, modparams={"ack_ttl": 2})
def call_without_ack(net):
    """The 2xx is never acknowledged and no BYE comes: the call expires; one that is acknowledged stays."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    ghost = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180, optional=True), recv(200)],
                 [b.invite(), b.reply("180 Ringing"), b.reply("200 OK", sdp.AR_ANSWER)]).wait()
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + [gate()] + x, callee + [gate()] + y)

    def during():
        time.sleep(4)  # as long as the other one has, and more
        until(8, "the one without ACK has expired", lambda: net.events(ghost.callid())[-1] == "gone")
        check(net.status()["calls"] == "1", "the other one has, too")
    call.wait_with(during)
    check_ar(call)
    net.settled()
    check(net.events(ghost.callid()) == ["answered", "gone"] and net.events(call.callid()) == ["answered", "bye"],
          f"events {net.events(ghost.callid())}, {net.events(call.callid())}")


@scenario()
def what_kamcmd_says(net):
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    call = Call(net, caller + [gate()] + x, callee + [gate()] + y)
    call.wait_with(lambda: what_it_says_of(net, call))
    rc, text = net.rpc("pcscf1", "ims_ar.reload")
    check(rc != 0 and "policy.lua:12" in text, f"ims_ar.reload: {text}")
    rc, text = net.rpc("pcscf1", "ims_ar.policy")
    check(rc == 0 and "fake rule" in text, f"ims_ar.policy: {text}")
    rc, text = net.rpc("pcscf1", "ims_ar.call", "0123456789abcdeX")
    check(rc == 0 or "404" in text, f"unknown call: {text}")
    rc, text = net.rpc("pcscf1", "cnt.grp_get_all", "ims_ar")
    check(rc == 0 and "offers_ar" in text, f"statistics: {text[:100]}")
    net.settled()


def what_it_says_of(net, call):
    rc, text = net.rpc("pcscf1", "ims_ar.call", call.callid())
    check(rc == 0 and "state: up" in text and call.callid() in text, f"ims_ar.call: {text}")
    name = re.search(r"call: ([0-9a-f]{16})", text).group(1)
    rc, text = net.rpc("pcscf1", "ims_ar.call", name)
    check(rc == 0 and call.callid() in text, f"ims_ar.call by id: {text}")
    rc, text = net.rpc("pcscf1", "ims_ar.calls")
    check(rc == 0 and name in text, f"ims_ar.calls: {text}")
    rc, text = net.rpc("pcscf1", "ims_ar.local_calls")
    check(rc == 0 and name in text, f"ims_ar.local_calls: {text}")


@scenario(alone=True)
def timeout_above_that_of_tm(net):
    """An AR call would end with 408: Kamailio says so and does not start."""
    net.processes.pop("pcscf1").stop()
    net.modparams = {"offer_timeout": 30000}
    net.start_pcscf(1)
    until(5, "Kamailio gives up", lambda: not net.processes["pcscf1"].alive())
    log = (net.run / "pcscf1.log").read_text(errors="replace")
    check("fr_timer of tm 30000 ms" in log, f"the reason is not in the log: {log[-300:]}")
    net.processes.pop("pcscf1").stop()
    net.modparams = {"offer_timeout": 29999}
    net.start_pcscf(1)
    net.ready()


@scenario(alone=True, asds=2)
def two_links_to_one_asd(net):
    """Both values of asd lead to the same one, as through a balancer: no event of either connection is taken for the other's."""
    net.stop_asd(i=2)
    net.asd_socket(2).symlink_to(net.asd_socket(1))
    until(5, "both links are up", net.link_up)
    for n in range(12):
        call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
        check(net.events(call.callid()) == ["answered", "bye"], f"call {n}: events {net.events(call.callid())}")
    d = net.asd()
    check(d["reserve"] == d["release"] == 12, f"reserved {d['reserve']}, released {d['release']}")
    check(len(d["seq"]) == 2, f"one connection had all: {d['seq']}")


@scenario(alone=True, modparams={"asd": f'"tcp:localhost:{ASD_TCP}"'})
def asd_by_name(net):
    """A host name: looked up without holding up the link to the others."""
    def reachable():
        return f"asd tcp:localhost:{ASD_TCP} is there" in (net.run / "pcscf1.log").read_text(errors="replace")
    s = subprocess.Popen([sys.executable, str(HERE / "fake_asd.py"), f"tcp:{ASD_TCP}", "-"], stdout=subprocess.DEVNULL)
    try:
        until(8, "the link by name is up", reachable)
    finally:
        s.kill()
        s.wait()
