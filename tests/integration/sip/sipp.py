# SPDX-License-Identifier: GPL-2.0-or-later
"""SIPp scenarios written as lists of steps, and what SIPp saw.

A step is a piece of XML; the functions below make them. Both ends name the dialog in the same way: the
caller (alice) is From in requests of its own, the callee (bob) keeps the INVITE's headers in variables.
"""
import re
import subprocess
from pathlib import Path

DOMAIN = "ims.example"


def _send(text, retrans=True):
    text = "\n".join(line for line in text.strip("\n").split("\n"))
    r = ' retrans="500"' if retrans else ""
    return f"<send{r}><![CDATA[\n{text}\n]]></send>\n"


def _body(sdp):
    if not sdp:
        return "Content-Length: 0\n"
    if isinstance(sdp, tuple):  # type and body
        return f"Content-Type: {sdp[0]}\nContent-Length: [len]\n\n" + sdp[1].replace("\r\n", "\n").strip("\n") + "\n"
    return "Content-Type: application/sdp\nContent-Length: [len]\n\n" + sdp.replace("\r\n", "\n").strip("\n") + "\n"


def recv(what, optional=False, rrs=False, timeout=20000, extra="", **kw):
    """what: a status or a method."""
    kind = f'response="{what}"' if str(what).isdigit() else f'request="{what}"'
    o = ' optional="true"' if optional else f' timeout="{timeout}"'
    r = ' rrs="true"' if rrs else ""
    more = "".join(f' {k}="{v}"' for k, v in kw.items())
    inner = f"<action>{extra}</action>" if extra else ""
    return f"<recv {kind}{o}{r}{more}>{inner}</recv>\n"


def pause(ms):
    return f'<pause milliseconds="{ms}"/>\n'


GATE = 'request="INFO" timeout="100000"'


def gate():
    """Holds this end until Call.go(): what the test does meanwhile takes as long as it takes."""
    return f"<recv {GATE}></recv>\n"


def nop(extra):
    return f"<nop><action>{extra}</action></nop>\n"


class Caller:
    """Steps of UE1, who has sent the dialog's first INVITE."""
    contact = "<sip:alice@[local_ip]:[local_port]>"

    def __init__(self, tags="", to=f"sip:bob@{DOMAIN}"):
        self.tags, self.to = tags, to

    def _request(self, method, uri, cseq, sdp=None, totag=True, routes=True, via=None, extra=""):
        via = via or "Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]"
        to = f"To: <{self.to}>" + ("[peer_tag_param]" if totag else "")
        route = "[routes]\n" if routes else ""
        return (f"{method} {uri} SIP/2.0\n{via}\nMax-Forwards: 70\n{route}"
                f"From: <sip:alice@{DOMAIN}>;tag=A[call_number]\n{to}\n"
                f"Call-ID: [call_id]\nCSeq: {cseq} {method}\n{extra}"
                f"Contact: {self.contact}{self.tags}\n{_body(sdp)}")

    def invite(self, sdp, cseq=1, extra=""):
        return _send(self._request("INVITE", self.to, cseq, sdp, totag=False, routes=False, extra=extra))

    def ack(self, cseq=1, sdp=None):
        return _send(self._request("ACK", "[next_url]", cseq, sdp), retrans=False)

    def ack_failure(self, cseq=1):
        return _send(self._request("ACK", self.to, cseq, routes=False, via="[last_Via:]"), retrans=False)

    def cancel(self, cseq=1):
        return _send(self._request("CANCEL", self.to, cseq, totag=False, routes=False, via="[last_Via:]"))

    def request(self, method, cseq, sdp=None, extra=""):
        return _send(self._request(method, "[next_url]", cseq, sdp, extra=extra))

    def reply(self, status, sdp=None):
        """To a request of the other side."""
        return _send(f"SIP/2.0 {status}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n"
                     f"[last_CSeq:]\nContact: {self.contact}{self.tags}\n{_body(sdp)}", retrans=False)


class Callee:
    """Steps of UE2, who has received it."""
    contact = "<sip:bob@[local_ip]:[local_port]>"

    def __init__(self, tags="", tag="B"):
        self.tags, self.tag = tags, tag

    def invite(self, **kw):
        keep = "".join(f'<ereg regexp=".*" search_in="hdr" header="{h}:" assign_to="{i}"/>'
                       for i, h in ((1, "From"), (2, "To"), (3, "Call-ID"), (4, "CSeq")))
        # all Vias and Record-Routes: a final answer after a CANCEL needs those of the INVITE
        keep += '<ereg regexp="(Record-Route: [^\r\n]*\r\n)+" search_in="msg" assign_to="5"/>'
        keep += '<ereg regexp="(Via: [^\r\n]*\r\n)+" search_in="msg" assign_to="6"/>'
        return recv("INVITE", rrs=True, extra=keep, **kw)

    def reply_invite(self, status, sdp=None):
        """To the first INVITE, whatever was received since."""
        return _send(f"SIP/2.0 {status}\n[$6][$5]From:[$1]\nTo:[$2];tag={self.tag}[call_number]\nCall-ID:[$3]\nCSeq:[$4]\n"
                     f"Contact: {self.contact}{self.tags}\n{_body(sdp)}", retrans=False)

    def reply(self, status, sdp=None, totag=True, extra=""):
        """To the request received last."""
        tag = f";tag={self.tag}[call_number]" if totag else ""
        return _send(f"SIP/2.0 {status}\n[last_Via:]\n[last_Record-Route:]\n[last_From:]\n[last_To:]{tag}\n"
                     f"[last_Call-ID:]\n[last_CSeq:]\n{extra}Contact: {self.contact}{self.tags}\n{_body(sdp)}",
                     retrans=False)

    def in_dialog_reply(self, status, sdp=None):
        return self.reply(status, sdp, totag=False)

    def request(self, method, cseq, sdp=None):
        return _send(f"{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]\n"
                     f"Max-Forwards: 70\n[routes]\nFrom: <sip:bob@{DOMAIN}>;tag={self.tag}[call_number]\nTo:[$1]\nCall-ID:[$3]\n"
                     f"CSeq: {cseq} {method}\nContact: {self.contact}{self.tags}\n{_body(sdp)}",
                     retrans=method != "ACK")


def scenario(name, steps):
    use = '<Reference variables="1,2,3,4,5,6"/>\n' if any("[$" in s or 'assign_to="1"' in s for s in steps) else ""
    return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{name}">\n{"".join(steps)}{use}</scenario>\n'


class Sipp:
    """One SIPp process; steps decide whether it calls or is called."""

    def __init__(self, run, name, steps, port, peer=None, calls=1, rate=10, limit=120, args=()):
        self.name, self.dir, self.limit = name, Path(run), limit
        xml = self.dir / f"{name}.xml"
        xml.write_text(scenario(name, steps), encoding="latin-1")
        self.messages = self.dir / f"{name}.msg"
        self.messages.unlink(missing_ok=True)
        cmd = ["timeout", str(limit), "sipp", "-sf", str(xml), "-i", "127.0.0.1", "-p", str(port), "-m", str(calls),
               "-r", str(rate), "-nostdin", "-nd", "-trace_err", "-error_file", str(self.dir / f"{name}.err"),
               "-default_behaviors", "all,-bye", "-buff_size", "212992", "-cid_str", f"{name}-%u-%p@%s"]
        if calls <= 10:
            cmd += ["-trace_msg", "-message_file", str(self.messages), "-message_overwrite", "false"]
        if peer:
            cmd += [peer, "-s", "bob"]
        self.log = open(self.dir / f"{name}.out", "w", encoding="utf-8")  # noqa: SIM115
        self.p = subprocess.Popen(cmd + list(args), stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def wait(self):
        try:
            return self.p.wait(self.limit + 5)
        finally:
            self.log.close()

    def stop(self):
        if self.p.poll() is None:
            self.p.terminate()
            self.p.wait(10)
        self.log.close()

    def why(self):
        err = self.dir / f"{self.name}.err"
        return err.read_text(errors="replace")[-600:] if err.exists() else ""

    def seen(self, direction="received"):
        """SIP messages, in order, as (first line, headers, body)."""
        if not self.messages.exists():
            return []
        out = []
        text = self.messages.read_bytes().decode("latin-1")
        for block in re.split(r"(?m)^-{20,} .*\n", text):
            head, _, message = block.partition("\n\n")
            if not re.search(rf"message {direction} ", head):
                continue
            top, _, body = message.partition("\r\n\r\n")
            if not _:
                top, _, body = message.partition("\n\n")
            first, _, headers = top.partition("\n")
            # SIPp adds a line end after each message
            length = re.search(r"(?im)^Content-Length:\s*(\d+)", headers)
            out.append((first.strip(), headers, body[:int(length.group(1))] if length else body))
        return out

    def callid(self):
        m = re.search(r"(?im)^Call-ID: *(\S+)", self.messages.read_text("latin-1") if self.messages.exists() else "")
        return m.group(1) if m else None

    def received(self, what):
        """Bodies of the messages whose first line has this word."""
        return [b for f, _, b in self.seen() if re.search(rf"\b{what}\b", f.replace("SIP/2.0", ""))]
