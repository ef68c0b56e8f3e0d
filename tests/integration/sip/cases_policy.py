# SPDX-License-Identifier: GPL-2.0-or-later
"""What the policy says, as SIP sees it: headers in the request, rules and generations in kamcmd."""
import re
import time

import sdp
from case import AR_TAGS, Call, plain_call, scenario
from net import ALICE, BOB, check, until
from sipp import Caller, recv

POLICY = """local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new '%s'
	:rule('barred', m.caller 'mallory', act.deny(403, 'AR service not allowed'))
	:rule('mark', m.any, act.header('X-AR-Service', 'scene=default;tier=%s'))
	:rule('class', m.no(m.reason 'req-app'), act.header('X-AR-Class', 'usual'))
	:rule('%s', m.any, %s)
"""
AR = POLICY % ("marks", "gold", "ar call", "act.accept {}")
PLAIN = POLICY % ("newer", "none", "plain for all", "act.plain()")


def headers(sipp, what="INVITE"):
    """Of the first such request that it got."""
    return next(h for f, h, _ in sipp.seen() if f.startswith(what)).replace("\r", "")


def has(text, line):
    return re.search(rf"(?m)^{re.escape(line)}$", text) is not None


def replace_policy(net, text):
    (net.run / "policy.lua").write_text(text)
    rc, out = net.rpc("pcscf1", "ims_ar.reload")
    check(rc == 0 and "state: loaded" in out, f"ims_ar.reload: {out}")


def parts(out):
    """The flat objects that kamcmd prints."""
    return [dict(re.findall(r"(?m)^\s*([\w.]+): (.*?)\s*$", p)) for p in re.findall(r"\{([^{}]*)\}", out)]


@scenario(real=True, policy=AR)
def real_headers_of_the_policy(net):
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    got = headers(call.uas)
    check(has(got, "X-AR-Service: scene=default;tier=gold"), f"no header in: {got}")
    check(has(got, "X-AR-Class: usual"), f"only one header in: {got}")
    check(got.count("X-AR-Service") == 1, f"twice: {got}")
    check("X-AR" not in headers(call.uas, "BYE"), "in the BYE too")
    net.settled()


@scenario(real=True, policy=AR)
def real_policy_reload_and_hits(net):
    """ims_ar.policy through kamcmd; a plain call has the headers, too; the next call obeys."""
    replace_policy(net, AR)
    for _ in range(2):
        plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    rc, out = net.rpc("pcscf1", "ims_ar.policy")
    check(rc == 0, out)
    hits = {p["rule"]: p["hits"] for p in parts(out) if "rule" in p}
    check(hits == {"barred": "0", "mark": "2", "class": "2", "ar call": "2"}, f"hits {hits} of {out}")
    replace_policy(net, PLAIN)
    call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
    check(has(headers(call.uas), "X-AR-Service: scene=default;tier=none"), headers(call.uas))
    check("m=application 0 " in call.uas.received("INVITE")[0], "a data channel in a plain call")
    until(5, "the old generation is freed", lambda: "marks" not in net.rpc("pcscf1", "ims_ar.policy")[1])
    (net.run / "policy.lua").write_text("return 7\n")
    rc, out = net.rpc("pcscf1", "ims_ar.reload")
    check("policy.lua" in out and "loaded" not in out, f"ims_ar.reload: {out}")
    rc, out = net.rpc("pcscf1", "ims_ar.policy")
    check("newer" in out, f"the old policy does not stay: {out}")
    (net.run / "policy.lua").write_text(AR)
    net.settled()


@scenario(real=True, policy=POLICY % ("facts", "x", "ar call", "function(call)\n"
                                      "return act.deny(480, tostring(call.facts.tier)) end"),
          asd_conf="[fact tier]\nkind = http\nurl = http://127.0.0.1:9/{caller.user}\ntimeout_ms = 100\n")
def real_facts_in_kamcmd(net):
    """A source that is not there: the call is decided all the same, kamcmd shows why."""
    a = Caller(AR_TAGS)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(480), a.ack_failure()], None).wait()
    check("480 false" in next(f for f, _, _ in call.uac.seen() if " 480 " in f), "the rule did not see it")
    rc, out = net.rpc("pcscf1", "ims_ar.policy")
    fact = next(p for p in parts(out) if p.get("fact") == "tier")
    check(fact["kind"] == "http" and fact["failed"] == "1", f"fact {fact}")
    time.sleep(0.1)
    net.settled()


REGISTERED = """local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'registered'
	:rule('both', m.all_of(m.caller_registered 'ar-assisted', m.callee_registered 'ar-capable'), act.deny(481, 'both'))
	:rule('callee', m.callee_registered 'ar-capable', act.deny(482, 'callee'))
	:rule('none', m.no(m.caller_registered 'datachannel'), act.deny(483, 'none'))
"""


@scenario(real=True, policy=REGISTERED)
def real_registered_tags(net):
    """The tag of the REGISTER, whatever the INVITE says; of the callee before its answer."""
    def rejected(code):
        a = Caller(AR_TAGS)
        call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(code), a.ack_failure()], None).wait()
        net.settled()
        return call
    rejected(483)
    net.register("bob", BOB, tags=';+sip.3gpp-ar-support="ar-capable"')
    rejected(482)
    net.register("alice", ALICE, tags=';+sip.app-subtype="webrtc-datachannel";+sip.3gpp-ar-support="ar-assisted"')
    rejected(481)
    net.register("bob", BOB)  # without it: the newest counts
    net.register("alice", ALICE)
    rejected(483)


FAILING = """local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'failing'
	:rule('barred', m.reason 'accept-contact', act.deny(451, 'No AR, by law'))
	:rule('faulty', m.reason 'contact-datachannel', function(call) %s end)
	:rule('others', m.any, act.plain())
"""


@scenario(real=True, policy=PLAIN)
def real_policy_fails_and_the_call_goes_on(net):
    """Whatever a rule does: an ordinary call to its end, one line with rule and place, a counter."""
    faults = (("while call.hour < 24 do end", "timeout"), ("local t = {} for i = 1, 1e9 do t[i] = {} end", "nomem"),
              ("error { call }", "error"), ("local a = act.deny(call.initial and 7) return a", "error"))
    for fault, result in faults:
        # the trial calls of a load are from elsewhere, or it would be refused
        replace_policy(net, FAILING % f"if call.source:sub(1, 4) == '127.' then {fault} end")
        before = (net.run / "asd1.log").stat().st_size
        call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER_NO_DC)
        check("m=application 0 " in call.uas.received("INVITE")[0], f"{fault}: not a plain call")
        with open(net.run / "asd1.log") as f:
            f.seek(before)
            told = [line for line in f if "rule 'faulty'" in line and "policy: " in line and " warn " in line]
        check(len(told) == 1 and f"failing: {result}, rule 'faulty'" in told[0] and "policy.lua:5" in told[0] and
              "plain call instead" in told[0], f"{fault}: told {told}")
    rc, out = net.rpc("pcscf1", "ims_ar.policy")
    gen = next(p for p in parts(out) if p.get("state") == "current")
    check(rc == 0 and gen["error"] == "1" and gen["ok"] == "0", f"counted: {gen}")
    net.settled()


@scenario(real=True, policy=AR.replace("m.caller 'mallory'", "m.caller 'alice'"))
def real_denied_with_code_and_reason(net):
    a = Caller(AR_TAGS)
    call = Call(net, [a.invite(sdp.AR_OFFER), recv(100, optional=True), recv(403), a.ack_failure()], None).wait()
    check(any(f.startswith("SIP/2.0 403 AR service not allowed") for f, _, _ in call.uac.seen()), call.uac.seen())
    net.settled()


@scenario()
def headers_of_a_strange_asd(net):
    """What is no header, or too much, is left out; the call goes on."""
    net.mode("headers")
    try:
        call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    finally:
        net.mode("ar")
    got = headers(call.uas)
    check(has(got, "X-Good: yes") and has(got, "X-Last: too"), f"a good one is missing: {got}")
    for evil in ("X-Evil", "Injected", "X-Huge", "Bad Name"):
        check(evil not in got, f"{evil} in: {got}")
    net.settled()


@scenario(alone=True, kemi=True)
def kemi_headers(net):
    net.mode("headers")
    try:
        call = plain_call(net, sdp.AR_OFFER, sdp.AR_ANSWER)
    finally:
        net.mode("ar")
    check(has(headers(call.uas), "X-Good: yes"), headers(call.uas))
    net.settled()
