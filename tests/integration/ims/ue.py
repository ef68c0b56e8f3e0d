# SPDX-License-Identifier: GPL-2.0-or-later
"""SIPp as an IMS UE: scenarios made from steps, and what it sent and received."""
import re
import shutil
import xml.sax.saxutils
from dataclasses import dataclass, field
from pathlib import Path

from lab import LabError, Process, udp_bound, wait_until
from stock import HOME

FEATURES = ';+sip.app-subtype="webrtc-datachannel";+sip.3gpp-ar-support="ar-capable"'
SEPARATOR = re.compile(r"^-{40,} .*$", re.M)
DIRECTION = re.compile(r"UDP message (sent|received)[^:]*:\n\n", re.S)


@dataclass
class Ue:
    number: str
    address: str
    pcscf: str
    password: str
    port: int = 5060
    features: str = FEATURES
    ifc: str = ""

    @property
    def public(self):
        return f"sip:{self.number}@{HOME}"

    @property
    def private(self):
        return f"{self.number.lstrip('+')}@{HOME}"

    @property
    def contact(self):
        return f"<sip:{self.number}@{self.address}:{self.port}>{self.features}"

    def subscriber(self):
        return {"private": self.private, "public": [self.public], "password": self.password,
                "ifc": self.ifc}


# ------------------------------------------------------------------ steps of a scenario

def pause(ms):
    return f'<pause milliseconds="{ms}"/>'


def send(text, retransmit=True):
    attr = ' retrans="500"' if retransmit else ""
    return f"<send{attr}><![CDATA[\n{text}\n]]></send>"


def expect(code, optional=False, auth=False, routes=True):
    attrs = f' response="{code}"'
    attrs += ' optional="true"' if optional else ""
    attrs += ' auth="true"' if auth else ""
    attrs += ' rrs="true"' if routes else ""
    return f"<recv{attrs} timeout=\"15000\"/>"


def await_request(method, remember=False):
    """remember: keep the caller's name, for a request of our own in this dialog, and the Via lines,
    for a late answer (a CANCEL has only one)."""
    action = ('<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="peer"/>'
              '<ereg regexp="(Via: SIP.*)From: " search_in="msg" assign_to="whole,vias"/></action>'
              if remember else "")
    return f'<recv request="{method}" rrs="true" timeout="15000">{action}</recv>'


def branch_of(ue, method, cseq, tag):
    return f"z9hG4bK-{ue.number.lstrip('+')}-{tag}-{method}-{cseq}-[pid]"


def request(ue, method, uri, cseq, to, tag, body=None, more=(), routes=True, branch=None):
    """branch: of the request that a CANCEL or the ACK to a refusal belongs to."""
    branch = branch or branch_of(ue, method, cseq, tag)
    lines = [f"{method} {uri} SIP/2.0",
             f"Via: SIP/2.0/UDP {ue.address}:{ue.port};branch={branch}"]
    lines += ["[routes]"] if routes else []
    lines += [f"From: <{ue.public}>;tag={tag}", f"To: {to}", "Call-ID: [call_id]",
              f"CSeq: {cseq} {method}", "Max-Forwards: 70", *more]
    if method in ("INVITE", "REGISTER", "UPDATE"):
        lines.append(f"Contact: {ue.contact}")
    if body is None:
        return "\n".join([*lines, "Content-Length: 0", "", ""])
    return "\n".join([*lines, "Content-Type: application/sdp", "Content-Length: [len]", "", body])


def reply(ue, status, tag, body=None, tagged=False):
    """tagged: the request's To has our tag already."""
    to = "[last_To:]" if tagged else f"[last_To:];tag={tag}"
    lines = [f"SIP/2.0 {status}", "[last_Via:]", "[last_From:]", to, "[last_Call-ID:]",
             "[last_CSeq:]", "[last_Record-Route:]", f"Contact: {ue.contact}"]
    if body is None:
        return "\n".join([*lines, "Content-Length: 0", "", ""])
    return "\n".join([*lines, "Content-Type: application/sdp", "Content-Length: [len]", "", body])


class Caller:
    """Steps of the side that sends the first INVITE."""

    def __init__(self, ue, callee, name):
        self.ue, self.callee, self.tag, self.cseq = ue, callee, f"{name}-a", 0
        self.steps = []

    def _request(self, method, body=None, in_dialog=True, cseq=None, more=(), **opts):
        uri = "[next_url]" if in_dialog else self.callee.public
        to = "[$to]" if in_dialog else f"<{self.callee.public}>"
        return request(self.ue, method, uri, cseq or self.cseq, to, self.tag, body, more,
                       routes=in_dialog, **opts)

    def invite(self, body, more=()):
        self.cseq += 1
        more = (f"P-Preferred-Identity: <{self.ue.public}>",
                f"Accept-Contact: *{self.ue.features}", *more)
        self.steps += [send(self._request("INVITE", body, in_dialog=False, more=more)),
                       expect(100, optional=True, routes=False)]
        return self

    def ringing(self, codes=(180,)):
        self.steps += [expect(c, optional=True) for c in codes]
        return self

    def answered(self):
        self.steps += ['<recv response="200" rrs="true" timeout="15000"><action><ereg regexp=".*" '
                       'search_in="hdr" header="To:" assign_to="to"/></action></recv>',
                       send(self._request("ACK"), retransmit=False)]
        return self

    def answered_again(self):
        """The same 200 once more."""
        self.steps += [expect(200, routes=False), send(self._request("ACK"), retransmit=False)]
        return self

    def offer_again(self, body):
        self.cseq += 1
        self.steps += [pause(100), send(self._request("INVITE", body)),
                       expect(100, optional=True, routes=False), expect(200, routes=False),
                       send(self._request("ACK"), retransmit=False)]
        return self

    def answer_again(self, body):
        self.steps += [await_request("INVITE"), send(reply(self.ue, "200 OK", self.tag, body, tagged=True)),
                       await_request("ACK")]
        return self

    def hold(self, ms):
        self.steps.append(pause(ms))
        return self

    def bye(self):
        self.cseq += 1
        self.steps += [pause(100), send(self._request("BYE")), expect(200, routes=False)]
        return self

    def await_bye(self):
        self.steps += [await_request("BYE"), send(reply(self.ue, "200 OK", self.tag, tagged=True), False)]
        return self

    def cancel(self, after_ms=50):
        cancel = request(self.ue, "CANCEL", self.callee.public, self.cseq, f"<{self.callee.public}>",
                         self.tag, routes=False, branch=self._invite_branch())
        self.steps += [expect(180), pause(after_ms), send(cancel), expect(200, routes=False)]
        return self.refused(487)

    def _invite_branch(self):
        return branch_of(self.ue, "INVITE", self.cseq, self.tag)

    def refused(self, code):
        self.steps.append(f'<recv response="{code}" timeout="15000"><action><ereg regexp=".*" '
                          'search_in="hdr" header="To:" assign_to="to"/></action></recv>')
        ack = request(self.ue, "ACK", self.callee.public, self.cseq, "[$to]", self.tag,
                      routes=False, branch=self._invite_branch())
        self.steps.append(send(ack, retransmit=False))
        return self


class Callee:
    """Steps of the side that is called."""

    def __init__(self, ue, caller, name):
        self.ue, self.caller, self.tag, self.cseq = ue, caller, f"{name}-b", 0
        self.steps = []

    def ringing(self, ms=50):
        self.steps += [await_request("INVITE", remember=True),
                       send(reply(self.ue, "180 Ringing", self.tag), False), pause(ms)]
        return self

    def answer(self, body, progress=None):
        if progress is not None:
            self.steps += [send(reply(self.ue, "183 Session Progress", self.tag, progress), False),
                           pause(400)]  # six hops with several processes each: one may be overtaken
        self.steps += [send(reply(self.ue, "200 OK", self.tag, body)), await_request("ACK")]
        return self

    def _late(self, status, body=None):
        """A reply to the INVITE when another request of the dialog is the last one received."""
        text = reply(self.ue, status, self.tag, body, tagged=body is not None)
        text = text.replace("[last_CSeq:]", "CSeq: 1 INVITE").replace("[last_Via:]\n", "")
        return text.replace("Content-Length", "[$vias]Content-Length")

    def copy_of_answer(self, body, after_ms):
        self.steps += [pause(after_ms), send(self._late("200 OK", body)), await_request("ACK")]
        return self

    def refuse(self, status):
        self.steps += [send(reply(self.ue, status, self.tag)), await_request("ACK")]
        return self

    def await_cancel(self):
        self.steps += [await_request("CANCEL"), send(reply(self.ue, "200 OK", self.tag), False),
                       send(self._late("487 Request Terminated")), await_request("ACK")]
        return self

    def answer_again(self, body):
        self.steps += [await_request("INVITE"),
                       send(reply(self.ue, "200 OK", self.tag, body, tagged=True)), await_request("ACK")]
        return self

    def _request(self, method, body=None):
        return request(self.ue, method, "[next_url]", self.cseq, "[$peer]", self.tag, body)

    def offer_again(self, body):
        self.cseq += 1
        self.steps += [pause(100), send(self._request("INVITE", body)),
                       expect(100, optional=True, routes=False), expect(200, routes=False),
                       send(self._request("ACK"), retransmit=False)]
        return self

    def await_bye(self):
        self.steps += [await_request("BYE"), send(reply(self.ue, "200 OK", self.tag, tagged=True), False)]
        return self

    def bye(self):
        self.cseq += 1
        self.steps += [pause(100), send(self._request("BYE")), expect(200, routes=False)]
        return self


def registration(ue, expires=3600):
    def register(cseq, credentials):
        more = (credentials, "Supported: path", f"Expires: {expires}")
        return request(ue, "REGISTER", f"sip:{HOME}", cseq, f"<{ue.public}>", "reg[call_number]",
                       more=more, routes=False)
    first = (f'Authorization: Digest username="{ue.private}",realm="{HOME}",nonce="",'
             f'uri="sip:{HOME}",response=""')
    second = f"[authentication username={ue.private} password={ue.password}]"
    return [send(register(1, first)), expect(100, optional=True, routes=False),
            expect(401, auth=True, routes=False),
            pause(40),  # the S-CSCF stores the vector after it has sent the challenge
            send(register(2, second)),
            expect(100, optional=True, routes=False), expect(200, routes=False)]


# ------------------------------------------------------------------ running them

@dataclass
class Message:
    sent: bool
    text: str
    first: str = field(init=False)
    body: str = field(init=False)

    def __post_init__(self):
        head, _, self.body = self.text.partition("\r\n\r\n")
        self.first = head.split("\r\n")[0]
        self.head = head

    def header(self, name):
        return [line.split(":", 1)[1].strip() for line in self.head.split("\r\n")[1:]
                if line.lower().startswith(name.lower() + ":")]

    def is_request(self, method):
        return self.first.startswith(method + " ")

    def is_reply(self, code, method):
        return self.first.startswith(f"SIP/2.0 {code} ") and self.header("CSeq")[0].endswith(method)


class Sipp(Process):
    def __init__(self, ue, steps, name, folder, target=None, more=()):
        self.folder = Path(folder)
        self.ue, self.title = ue, f"{name}-{ue.number}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        scenario = self.folder / "scenario.xml"
        body = "\n".join(steps)
        used = ",".join(re.findall(r'assign_to="([\w,]+)"', body)).split(",") if "assign_to" in body else []
        idle = [v for v in used if f"[${v}]" not in body]
        reference = f'<Reference variables="{",".join(sorted(set(idle)))}"/>' if idle else ""
        scenario.write_text(f'<?xml version="1.0"?>\n<scenario name={xml.sax.saxutils.quoteattr(name)}>\n'
                            f"{body}\n{reference}\n</scenario>\n")
        argv = ["sipp", "-sf", str(scenario), "-i", ue.address, "-p", str(ue.port), "-m", "1",
                "-nostdin", "-timeout", "30s", "-trace_msg", "-message_file", str(self.folder / "messages"),
                "-trace_err", "-error_file", str(self.folder / "errors"),
                "-cid_str", f"{name}-%u@%s", *more]
        super().__init__(self.title, argv + ([f"{target}:5060"] if target else []),
                         self.folder / "out", env={"TERM": "dumb"})
        if not target:
            wait_until(lambda: udp_bound(ue.address, ue.port), 5, f"{self.title} listens", self)

    def finish(self, seconds=30):
        try:
            self.popen.wait(seconds)
        except Exception:
            self.stop(1)
            raise LabError(f"{self.title}: still running after {seconds} s; {self.last()}") from None
        if self.popen.returncode != 0:
            raise LabError(f"{self.title}: sipp ended with {self.popen.returncode}; {self.last()}")

    def last(self):
        errors = self.folder / "errors"
        text = errors.read_text(errors="replace") if errors.exists() else ""
        why = next((line for line in text.splitlines() if "Aborting" in line or "nexpected" in line), "")
        seen = [("> " if m.sent else "< ") + m.first for m in self.messages()]
        return (f"{why.strip()} " if why else "") + "last messages: " + " | ".join(seen[-3:])

    def messages(self):
        log = self.folder / "messages"
        if not log.exists():
            return []
        out = []
        for chunk in SEPARATOR.split(log.read_bytes().decode(errors="replace")):
            match = DIRECTION.search(chunk)
            if match:
                out.append(Message(match.group(1) == "sent", _exact(chunk[match.end():])))
        return out

    def bodies(self, sent):
        """All session descriptions of one direction, retransmissions left out."""
        seen, out = set(), []
        for m in self.messages():
            key = (m.first, *m.header("CSeq"), m.body)
            if m.sent == sent and m.body and key not in seen:
                seen.add(key)
                out.append(m.body)
        return out

    def sent(self, test):
        return next(m for m in self.messages() if m.sent and test(m))

    def received(self, test):
        found = [m for m in self.messages() if not m.sent and test(m)]
        if not found:
            raise LabError(f"{self.title}: never received it; {self.last()}")
        return found[0]


def _exact(text):
    """SIPp puts a line end after each message: cut it where Content-Length says."""
    head, gap, rest = text.partition("\r\n\r\n")
    match = re.search(r"^(?:Content-Length|l):\s*(\d+)", head, re.M | re.I)
    length = int(match.group(1)) if match else 0
    return head + gap + rest.encode()[:length].decode(errors="replace")
