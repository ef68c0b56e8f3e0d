# SPDX-License-Identifier: GPL-2.0-or-later
"""A UE that says exactly what a test wants it to say, over UDP, TCP, TLS or WebSocket, IPv4 or IPv6. For what SIPp
cannot do: compact headers, stripped routes, broken messages, more than one transport in a call."""
import base64
import contextlib
import hashlib
import os
import queue
import re
import select
import socket
import ssl
import struct
import threading
import time



class Failed(Exception):
    pass


COMPACT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Type": "c", "Content-Length": "l",
           "Supported": "k", "Accept-Contact": "a"}
LONG = {v: k for k, v in COMPACT.items()}


class Message:
    def __init__(self, raw):
        head, _, self.body = raw.partition("\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        self.first, self.raw = lines[0], raw
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip()
            self.headers.append((LONG.get(name.lower()) or next((n for n in COMPACT if n.lower() == name.lower()), name),
                                 value.strip()))
        self.status = int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0
        self.method = "" if self.status else self.first.split()[0]

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def get(self, name):
        return next(iter(self.all(name)), "")


class Ue:
    """transport: udp, tcp, tls, ws. Messages that come are in a queue, in order."""

    def __init__(self, name, transport, port, peer, compact=False, tags="", v6=False, at=None, domain="ims.example",
                 password=None, impi=None):
        """peer: the P-CSCF's port here, or (address, port), then `at` is our own address."""
        self.name, self.transport, self.port, self.compact, self.tags = name, transport, port, compact, tags
        self.domain, self.password, self.own_impi, self.impi = domain, password, impi is not None, impi or f"{name}@{domain}"
        self.host = at or ("[::1]" if v6 else "127.0.0.1")
        to, peer = peer if isinstance(peer, tuple) else (self.host.strip("[]"), peer)
        v6 = ":" in self.host
        self.seen = set()
        self.inbox, self.closed, self.sent = queue.Queue(), False, 0
        self.lock = threading.Lock()  # a TLS connection is not for two threads at once
        family = socket.AF_INET6 if v6 else socket.AF_INET
        self.s = socket.socket(family, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if transport != "udp":  # the next UE of this address need not wait
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.bind((self.host.strip("[]"), port))
        self.s.settimeout(3)
        self.server = f"{to} port {peer}"
        self.s.connect((to, peer))
        if transport == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.s = context.wrap_socket(self.s)
        if transport == "ws":
            self._upgrade(peer)
        self.s.settimeout(0.05)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    # ---- bytes

    def _upgrade(self, peer):
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall((f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{peer}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n"
                        f"Content-Length: 0\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.s.recv(4096)
        if b" 101 " not in answer:
            raise Failed(f"WebSocket: {answer[:80]}")

    def _frame(self, data):
        mask = os.urandom(4)
        n = len(data)
        head = struct.pack(">BBH", 0x81, 0x80 | 126, n) if n > 125 else struct.pack(">BB", 0x81, 0x80 | n)
        return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))

    def raw(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        with self.lock:
            self.s.sendall(self._frame(data) if self.transport == "ws" else data)

    def _read(self):
        buf = b""
        while not self.closed:
            try:
                if self.transport != "tls" or not self.s.pending():
                    select.select([self.s], [], [], 0.1)
                with self.lock:
                    data = self.s.recv(65536)
            except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
                continue
            except (OSError, ValueError):
                if self.transport == "udp" and not self.closed:
                    continue  # ICMP of something that was sent before
                return
            if self.transport == "udp":
                self._take(data)
                continue
            if not data:
                return
            buf += data
            buf = self._frames(buf) if self.transport == "ws" else self._messages(buf)

    def _messages(self, buf):
        while True:
            buf = buf.lstrip(b"\r\n")
            head, sep, rest = buf.partition(b"\r\n\r\n")
            if not sep:
                return buf
            m = re.search(rb"(?im)^(?:Content-Length|l)\s*:\s*(\d+)", head)
            n = int(m.group(1)) if m else 0
            if len(rest) < n:
                return buf
            self._take(head + sep + rest[:n])
            buf = rest[n:]

    def _frames(self, buf):
        while len(buf) >= 2:
            n, at = buf[1] & 127, 2
            if n == 126:
                if len(buf) < 4:
                    return buf
                n, at = struct.unpack(">H", buf[2:4])[0], 4
            if len(buf) < at + n:
                return buf
            if buf[0] & 15 == 1:
                self._take(buf[at:at + n])
            buf = buf[at + n:]
        return buf

    def _take(self, data):
        if len(data) <= 10:
            return
        m = Message(data.decode("latin-1"))
        copy = (m.first, m.get("Via"), m.get("CSeq"))
        if m.method and m.method != "ACK" and copy in self.seen:
            return  # sent again, since our answer was slow
        self.seen.add(copy)
        self.inbox.put(m)

    def stop(self):
        self.closed = True
        with contextlib.suppress(OSError):
            self.s.close()
        self.thread.join(2)

    # ---- SIP

    def uri(self):
        if self.transport == "ws":
            return f"sip:{self.name}@{self.name}.invalid;transport=ws"
        t = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.name}@{self.host}:{self.port}{t}"

    def via(self):
        self.sent += 1
        at = f"{self.name}.invalid" if self.transport == "ws" else f"{self.host}:{self.port}"
        return f"SIP/2.0/{self.transport.upper()} {at};rport;branch=z9hG4bK{self.name}{os.urandom(6).hex()}"

    def compose(self, first, headers, body="", ctype="application/sdp"):
        lines = list(headers)
        if body:
            lines.append(("Content-Type", ctype))
        lines.append(("Content-Length", str(len(body.encode("latin-1")))))
        if self.compact:
            lines = [(COMPACT.get(k, k), v) for k, v in lines]
        return first + "\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines) + "\r\n" + body

    def contact(self):
        return ("Contact", f"<{self.uri()}>{self.tags}")

    def wait(self, test, what, seconds=6):
        """The next message for which test() is true; those before it are dropped."""
        end = time.monotonic() + seconds
        seen = []
        while time.monotonic() < end:
            try:
                m = self.inbox.get(timeout=0.1)
            except queue.Empty:
                continue
            if test(m):
                return m
            seen.append(m.first)
        raise Failed(f"{self.name} waits for {what} in vain, got {seen}")

    def response(self, cseq, seconds=6):
        return self.wait(lambda m: m.status >= 200 and m.get("CSeq") == cseq, f"an answer to {cseq}", seconds)

    def request(self, method, seconds=6):
        return self.wait(lambda m: m.method == method, method, seconds)

    def answer(self, m, status, body="", tag="", extra=()):
        to = m.get("To") + (f";tag={tag}" if tag and ";tag=" not in m.get("To") else "")
        keep = [(k, v) for k, v in m.headers if k in ("Via", "Record-Route", "From", "Call-ID", "CSeq")]
        self.raw(self.compose(f"SIP/2.0 {status}", keep + [("To", to), self.contact(), *extra], body))

    def aor(self):
        return f"sip:{self.name}@{self.domain}"

    def credentials(self, m, method, uri):
        """The header that answers this 401 or 407 (RFC 7616 with MD5), or Failed."""
        asked = m.get("WWW-Authenticate") or m.get("Proxy-Authenticate")
        p = dict((k, a or b) for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^ ,]+))', asked))
        if self.password is None or p.get("algorithm", "MD5").upper() != "MD5":
            raise Failed(f"{self.name}: {m.first}, and no password for {p.get('algorithm', 'MD5')} is given")

        def md5(*parts):
            return hashlib.md5(":".join(parts).encode()).hexdigest()
        ha1, ha2 = md5(self.impi, p["realm"], self.password), md5(method, uri)
        text = f'Digest username="{self.impi}",realm="{p["realm"]}",nonce="{p["nonce"]}",uri="{uri}",algorithm=MD5'
        if "qop" in p:
            cnonce = os.urandom(6).hex()
            text += f',qop=auth,nc=00000001,cnonce="{cnonce}",response="{md5(ha1, p["nonce"], "00000001", cnonce, "auth", ha2)}"'
        else:
            text += f',response="{md5(ha1, p["nonce"], ha2)}"'
        if "opaque" in p:
            text += f',opaque="{p["opaque"]}"'
        return ("Authorization" if m.status == 401 else "Proxy-Authorization", text)

    def unchallenged(self):
        """Who asks, before the network challenges: TS 24.229 5.1.1.2.2; without it an S-CSCF makes the
        private identity from the public one."""
        uri = f"sip:{self.domain}"
        return ("Authorization", f'Digest username="{self.impi}",realm="{self.domain}",nonce="",uri="{uri}",response=""')

    def register(self, expires=600):
        callid, cseq = f"reg-{os.urandom(6).hex()}", 0
        auth, answered = [self.unchallenged()] if self.own_impi else [], False
        for _ in range(4):  # UDP may lose it
            cseq += 1
            self.raw(self.compose(f"REGISTER sip:{self.domain} SIP/2.0", [
                ("Via", self.via()), ("Max-Forwards", "70"), ("From", f"<{self.aor()}>;tag=r"), ("To", f"<{self.aor()}>"),
                ("Call-ID", callid), ("CSeq", f"{cseq} REGISTER"), self.contact(), *auth,
                ("Supported", "path"), ("Expires", str(expires))]))
            try:
                m = self.response(f"{cseq} REGISTER", 2)
            except Failed:
                continue
            if m.status == 200:
                return m
            if m.status not in (401, 407) or answered:
                raise Failed(f"{self.name} cannot register: {m.first}")
            time.sleep(0.04)  # some S-CSCFs store the vector after they have sent the challenge
            answered = True
            auth = [self.credentials(m, "REGISTER", f"sip:{self.domain}")]
        raise Failed(f"{self.name} cannot register: {self.server} does not answer over {self.transport}")


class Dialog:
    """One side of a call. The caller begins with invite(), the callee with take()."""

    def __init__(self, ue):
        self.ue, self.cseq, self.routes, self.target = ue, 0, [], ""
        self.local = self.remote = self.callid = ""
        self.last = None  # of the INVITE: body and more headers

    def headers(self, method, cseq):
        return [("Via", self.ue.via()), ("Max-Forwards", "70")] + [("Route", r) for r in self.routes] + [
            ("From", self.local), ("To", self.remote), ("Call-ID", self.callid), ("CSeq", f"{cseq} {method}"), self.ue.contact()]

    def invite(self, body, to="sip:bob@ims.example", extra=(), **kw):
        self.local, self.remote = f"<{self.ue.aor()}>;tag={os.urandom(5).hex()}", f"<{to}>"
        self.callid, self.target = f"{os.urandom(8).hex()}@{self.ue.name}", to
        self.last = (body, list(extra), kw)
        self._invite()
        return self

    def _invite(self, auth=()):
        body, extra, kw = self.last
        self.cseq += 1
        self.first = self.headers("INVITE", self.cseq)
        self.ue.raw(self.ue.compose(f"INVITE {self.target} SIP/2.0", self.first + extra + list(auth), body, **kw))

    def cancel(self):
        keep = [h for h in self.first if h[0] not in ("CSeq", "Contact")]
        self.ue.raw(self.ue.compose(f"CANCEL {self.target} SIP/2.0", keep + [("CSeq", f"{self.cseq} CANCEL")]))

    def early(self, m):
        """A 1xx that makes an early dialog: requests in it are possible."""
        self.remote = m.get("To")
        self.routes = [r for line in m.all("Record-Route") for r in re.split(r",\s*(?=<)", line)][::-1]
        self.target = re.search("<(.*?)>", m.get("Contact")).group(1)

    def answered(self, seconds=6, ack=""):
        """The final answer to the INVITE; with a 2xx the dialog is up and the ACK sent, with a body when one is due."""
        m = self._final(seconds)
        if m.status in (401, 407) and self.ue.password is not None:
            self._ack_failure(m)
            self._invite([self.ue.credentials(m, "INVITE", self.target)])
            m = self._final(seconds)
        if m.status < 300:
            self.early(m)
            self.send("ACK", ack, cseq=self.first_cseq())
        else:
            self._ack_failure(m)
        return m

    def _final(self, seconds):
        cseq = f"{self.first_cseq()} INVITE"
        return self.ue.wait(lambda m: m.status >= 200 and m.get("CSeq") == cseq and m.get("Call-ID") == self.callid,
                            f"an answer to {cseq}", seconds)

    def first_cseq(self):
        return int(dict(self.first)["CSeq"].split()[0])

    def _ack_failure(self, m):
        keep = [h for h in self.first if h[0] in ("Via", "Max-Forwards", "From", "Call-ID")]
        self.ue.raw(self.ue.compose(f"ACK {self.target} SIP/2.0", keep + [
            ("To", m.get("To")), ("CSeq", f"{self.first_cseq()} ACK")]))

    def take(self, m, tag="B"):
        """The callee's side of this INVITE."""
        self.local, self.remote, self.callid = m.get("To") + f";tag={tag}", m.get("From"), m.get("Call-ID")
        self.routes = [r for line in m.all("Record-Route") for r in re.split(r",\s*(?=<)", line)]
        self.target = re.search("<(.*?)>", m.get("Contact")).group(1)
        return self

    def send(self, method, body="", cseq=None, extra=()):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        self.ue.raw(self.ue.compose(f"{method} {self.target} SIP/2.0", self.headers(method, cseq) + list(extra), body))
        return f"{cseq} {method}"

    def ask(self, method, body="", seconds=6, extra=()):
        """A request in the dialog and its final answer; an INVITE is acknowledged."""
        m = self.ue.response(self.send(method, body, extra=extra), seconds)
        if method == "INVITE":
            self.acknowledge(m)
        return m

    def acknowledge(self, m, body=""):
        cseq = int(m.get("CSeq").split()[0])
        if m.status < 300:
            self.send("ACK", body, cseq=cseq)
            return
        # RFC 3261 17.1.1.3: hop by hop, with the Via of the request
        headers = [(k, m.get("Via") if k == "Via" else v) for k, v in self.headers("ACK", cseq) if k != "Contact"]
        self.ue.raw(self.ue.compose(f"ACK {self.target} SIP/2.0", headers))


class Answering:
    """A callee that takes whatever comes: 180 and 200 with the next of `answers`, 200 to all else; 481 inside a
    dialog that it does not have (RFC 3261 12.2.2)."""

    def __init__(self, ue, answers):
        self.ue, self.answers, self.got, self.dialog, self.error = ue, list(answers), [], None, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.done, self.dialogs = False, set()
        self.thread.start()

    def _run(self):
        while not self.done:
            try:
                m = self.ue.inbox.get(timeout=0.1)
            except queue.Empty:
                continue
            self.got.append(m)
            with contextlib.suppress(AttributeError, OSError):  # a message that is beyond reading
                self._take(m)

    def _take(self, m):
        dialog = (m.get("Call-ID"), re.search(r";tag=([^;]*)|$", m.get("From")).group(1))
        if m.method and m.method != "ACK" and ";tag=" in m.get("To") and (dialog not in self.dialogs or ";tag=B" not in m.get("To")):
            self.ue.answer(m, "481 Call/Transaction Does Not Exist")
            return
        if m.method == "INVITE":
            if ";tag=" not in m.get("To"):
                self.dialog = Dialog(self.ue).take(m)
                self.dialogs.add(dialog)
                self.ue.answer(m, "180 Ringing", tag="B")
            if any(o.raw == m.raw for o in self.got[:-1]):
                return
            self.ue.answer(m, "200 OK", self.answers.pop(0) if len(self.answers) > 1 else self.answers[0], tag="B")
        elif m.method and m.method not in ("ACK", "CANCEL"):
            self.ue.answer(m, "200 OK", tag="B")

    def bodies(self, method):
        return [m.body for m in self.got if m.method == method and m.body]

    def stop(self):
        self.done = True
        self.thread.join(2)
        self.ue.stop()
