# SPDX-License-Identifier: GPL-2.0-or-later
"""The IMS as it comes, without the module: what must be the same afterwards."""
import copy

import sdp
from cases import Failed, check, same
from lab import wait_until
from ue import Callee, Caller, Sipp, expect, registration


def invite(message):
    return message.is_request("INVITE")


def answer(message):
    return message.is_reply(200, "INVITE")


class Call:
    """Two UEs in one scenario each, and both logs afterwards."""

    def __init__(self, lab, name, a, b):
        self.lab, self.name, self.a, self.b = lab, name, a, b
        self.caller, self.callee = Caller(a, b, name), Callee(b, a, name)
        self.uac = self.uas = None

    def start(self, *more):
        folder = self.lab.run / "ue" / self.name
        self.uas = Sipp(self.b, self.callee.steps, self.name, folder / "b", more=more)
        self.uac = Sipp(self.a, self.caller.steps, self.name, folder / "a", self.a.pcscf, more=more)
        return self

    def finish(self):
        try:
            self.uac.finish()
            self.uas.finish(10)
        finally:
            self.uac.stop(0)
            self.uas.stop(0)
        return self

    def run(self):
        return self.start().finish()

    @property
    def call_id(self):
        return self.uac.sent(invite).header("Call-ID")[0]

    def offers(self):
        """(what A sent, what B got)"""
        return self.uac.sent(invite).body, self.uas.received(invite).body

    def answers(self):
        """(what B sent, what A got)"""
        return self.uas.sent(answer).body, self.uac.received(answer).body

    def check_untouched(self):
        for pair, what in ((self.offers(), "the offer"), (self.answers(), "the answer")):
            difference = sdp.line_diff(*pair)
            if difference:
                raise Failed(f"{what} changed: {difference}")


def register(lab, ue, expires=3600, name="reg"):
    sipp = Sipp(ue, registration(ue, expires), name, lab.run / "ue" / f"{name}-{ue.number}", ue.pcscf)
    try:
        sipp.finish(15)
    finally:
        sipp.stop(0)
    return sipp


def case_register(lab, a, b):
    for ue in (a, b):
        register(lab, ue)
        commands = [e["command"] for e in lab.hss_saw() if e.get("public") == ue.public]
        # the I-CSCF remembers its choice between the two REGISTERs: one UAR
        same(["UAR", "MAR", "SAR"], commands, f"Cx commands for {ue.number}")


def case_wrong_password(lab, ue):
    """The digest is really checked: a wrong one ends in 403."""
    thief = copy.copy(ue)
    thief.password, thief.port = "guess", 5099
    steps = registration(thief)[:-1] + [expect(403, routes=False)]
    sipp = Sipp(thief, steps, "thief", lab.run / "ue" / "thief", thief.pcscf)
    try:
        sipp.finish(15)
    finally:
        sipp.stop(0)


def case_plain_call(lab, a, b):
    call = Call(lab, "plain", a, b)
    call.caller.invite(sdp.describe(a, ["audio", "video"])).ringing().answered().bye()
    call.callee.ringing().answer(sdp.describe(b, ["audio", "video"], answer=True)).await_bye()
    call.run().check_untouched()
    vias = len(call.uas.received(invite).header("Via"))
    check(vias >= 5, f"the INVITE took {vias} Via, a path over P, S, I, S, P has 6")
    return f"{vias} Via at the callee"


def case_data_call_untouched(lab, a, b):
    """A data channel call of two UEs, end to end: the IMS itself does not mind the section."""
    call = Call(lab, "stock-data", a, b)
    call.caller.invite(sdp.describe(a, ["audio", "data"])).ringing().answered().bye()
    call.callee.ringing().answer(sdp.describe(b, ["audio", "data"], answer=True)).await_bye()
    call.run().check_untouched()


def case_reinvite(lab, a, b):
    call = Call(lab, "plain-again", a, b)
    call.caller.invite(sdp.describe(a, ["audio"])).ringing().answered() \
        .offer_again(sdp.describe(a, ["audio", "video"], version=2)).answer_again(
            sdp.describe(a, ["audio", "video"], answer=True, version=3)).await_bye()
    call.callee.ringing().answer(sdp.describe(b, ["audio"], answer=True)) \
        .answer_again(sdp.describe(b, ["audio", "video"], answer=True, version=2)) \
        .offer_again(sdp.describe(b, ["audio", "video"], version=3)).bye()
    call.run().check_untouched()


def case_busy(lab, a, b):
    call = Call(lab, "plain-busy", a, b)
    call.caller.invite(sdp.describe(a, ["audio"])).ringing().refused(486)
    call.callee.ringing().refuse("486 Busy Here")
    call.run()


def case_cancel(lab, a, b):
    call = Call(lab, "plain-cancel", a, b)
    call.caller.invite(sdp.describe(a, ["audio"])).cancel()
    call.callee.ringing(0).await_cancel()
    call.run()


def case_deregister(lab, ue):
    register(lab, ue, expires=0, name="dereg")
    wait_until(lambda: any(e["command"] == "SAR" and e["public"] == ue.public
                           for e in lab.hss_saw()[-4:]), 3, "SAR of the deregistration")
    register(lab, ue, name="rereg")


def run(results, lab, ues):
    a, b = ues["+1001"], ues["+1002"]
    if not results.always("ims-register", case_register, lab, a, b):
        return
    results.run("ims-register-wrong-password", case_wrong_password, lab, ues["+1005"])
    results.run("ims-plain-call", case_plain_call, lab, a, b)
    results.run("ims-data-call-stock", case_data_call_untouched, lab, a, b)
    results.run("ims-plain-reinvite", case_reinvite, lab, a, b)
    results.run("ims-plain-busy", case_busy, lab, a, b)
    results.run("ims-plain-cancel", case_cancel, lab, a, b)
    results.run("ims-deregister", case_deregister, lab, b)
