# SPDX-License-Identifier: GPL-2.0-or-later
"""The same with asd and mediad themselves: ASD=real run.sh."""
import re

import sdp
from case import AR_TAGS, Call, bye_by_callee, bye_by_caller, plain_call, scenario, setup
from cases_dialog import REFRESH_A, REFRESH_B, bodies, dialog, offer_by_callee, offer_by_caller
from net import check, until
from sipp import Callee, Caller, pause, recv


def ours(text, why):
    """The data channel section of a description, which must be mediad's."""
    s = sdp.section(text, "application")
    check(s and " 0 UDP" not in s.split("\r\n")[0], f"{why}: no data channel in {text}")
    check(sdp.UE1_UFRAG not in s and sdp.UE2_UFRAG not in s, f"{why}: a UE's own section passed: {s}")
    for part in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=candidate:", "a=sctp-port:", "a=setup:"):
        check(part in s, f"{why}: no {part} in {s}")
    return s


def check_real(call):
    to_b, to_a = call.uas.received("INVITE")[0], bodies(call.uac, "200")[0]
    b, a = ours(to_b, "towards B"), ours(to_a, "towards A")
    check("a=setup:actpass" in b and re.search("a=setup:(active|passive)", a), f"roles: {a} {b}")
    check("a=ice-lite" in to_b and "a=ice-lite" in to_a, "no ice-lite")
    check(sdp.audio(to_b) == sdp.audio(sdp.AR_OFFER) and sdp.audio(to_a) == sdp.audio(sdp.AR_ANSWER), "audio changed")


@scenario(real=True)
def real_ar_call(net):
    check_real(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, early=True))
    net.settled()


@scenario(real=True)
def real_bye_from_callee(net):
    check_real(plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER, bye=bye_by_callee))
    net.settled()


@scenario(real=True)
def real_busy(net):
    a, b = Caller(AR_TAGS), Callee()
    Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180, optional=True), recv(486), a.ack_failure()],
         [b.invite(), b.reply("180 Ringing"), pause(100), b.reply("486 Busy Here"), recv("ACK")]).wait()
    net.settled()


@scenario(real=True)
def real_cancel(net):
    a, b = Caller(AR_TAGS), Callee()
    Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(180), pause(100), a.cancel(), recv(200), recv(487),
               a.ack_failure()],
         [b.invite(), b.reply("180 Ringing"), recv("CANCEL"), b.reply("200 OK"), b.reply_invite("487 Request Terminated"),
          recv("ACK")]).wait()
    net.settled()


@scenario(real=True)
def real_callee_refuses_data_channel(net):
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    ours(call.uas.received("INVITE")[0], "towards B")
    check(len(sdp.sections(bodies(call.uac, "200")[0])) == 2, "as many sections as offered")
    net.settled()


@scenario(real=True)
def real_refreshes(net):
    call = dialog(net, *offer_by_caller(*REFRESH_A))
    check_real(call)
    first, again = bodies(call.uas, "INVITE")
    same = re.search("a=ice-ufrag:.*", ours(first, "INVITE")).group(0)
    check(same in ours(again, "re-INVITE"), "another ufrag in a refresh")
    call = dialog(net, *offer_by_callee(*REFRESH_B))
    ours(bodies(call.uac, "INVITE")[-1], "re-INVITE towards A")
    ours(bodies(call.uas, "200")[-1], "its answer")
    net.settled()


@scenario(real=True)
def real_restart_of_ice(net):
    call = dialog(net, *offer_by_caller(sdp.offer(version=2, ufrag="new1", group=""), sdp.answer(version=2)))
    ours(bodies(call.uas, "INVITE")[-1], "re-INVITE")
    net.settled()


@scenario(real=True, alone=True)
def real_asd_killed_mid_call(net):
    """asd dies and comes back between ACK and BYE; what it had reserved is released."""
    def again():
        check(net.contexts() == 1, f"mediad has {net.contexts()} contexts during a call")
        net.stop_asd()
        net.start_asd()
        until(5, "the link is up again", net.link_up)
    check_real(dialog(net, lambda a: [], lambda b: [], during=again))
    net.settled()


@scenario(real=True, alone=True)
def real_refresh_while_asd_is_dead(net):
    call = dialog(net, *offer_by_caller(*REFRESH_A), during=net.stop_asd)
    ours(bodies(call.uas, "INVITE")[-1], "re-INVITE")
    net.start_asd()
    until(5, "the link is up again", net.link_up)
    net.settled()


@scenario(real=True, alone=True)
def real_kamailio_restarted(net):
    def again():
        net.processes.pop("pcscf1").crash()
        net.start_pcscf(1)
        net.ready()
    call = dialog(net, *offer_by_caller(*REFRESH_A), during=again)
    ours(bodies(call.uas, "INVITE")[-1], "re-INVITE")
    net.settled()


@scenario(real=True, alone=True)
def real_mediad_down(net):
    net.processes.pop("mediad").stop(9)
    until(10, "asd has seen it", lambda: not net.dcmf_up())
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    check("m=application 0 " in call.uas.received("INVITE")[0], "the data channel was offered on")
    until(3, "no call is left", lambda: net.status()["calls"] == "0")


@scenario(real=True, two=True, challenge=True)
def real_two_pcscf_retry_after_407(net):
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    auth = 'Proxy-Authorization: Digest username="alice",realm="ims.example",nonce="1",uri="sip:ims.example",response="0"\n'
    _, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(407), a.ack_failure(), pause(50),
                      a.invite(sdp.AR_OFFER, cseq=2, extra=auth), recv(100, optional=True), recv(180, optional=True),
                      recv(200, rrs=True), a.ack(2)] + x, callee + y).wait()
    check_real(call)
    net.settled()
