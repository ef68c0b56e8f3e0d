# SPDX-License-Identifier: GPL-2.0-or-later
"""The module's end of the front link (docs/front.md), for tests: blocking, standard library only."""
import json
import random
import socket
import struct
import time

SDP_A = """v=0
o=- 1 1 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 49152 RTP/AVP 0
a=mid:0
m=application 52718 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 192.0.2.10
a=mid:1
a=ice-ufrag:{ufrag}
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=candidate:1 1 UDP 2130706431 192.0.2.10 52718 typ host
a=sctp-port:5000
a=max-message-size:65536
a=setup:{setup}
a=tls-id:3f7Yc0k2mQ9vT5xB1nZ8sW4d
a=fingerprint:SHA-256 {fp}
a=dcmap:1000 subprotocol="mpeg-sd";label="scene"
a=dcmap:1002 subprotocol="3gpp-ar-metadata";label="meta";ordered=false;max-retr=0
""".replace("\n", "\r\n")

FP = ":".join(["AB"] * 32)


def sdp(ufrag="8hhY", setup="actpass", port=52718):
    text = SDP_A.format(ufrag=ufrag, setup=setup, fp=FP)
    return text.replace("m=application 52718", "m=application %d" % port)


def token():
    return "%016x" % random.getrandbits(64)


class Closed(Exception):
    pass


class Front:
    def __init__(self, path, kind="sip", name="pcscf1", instance=None, hello=True):
        if path.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(path)
        else:
            host, port = path.rsplit(":", 1)
            self.sock = socket.create_connection((host, int(port)))
        self.sock.settimeout(10)
        self.buf = b""
        self.next_id = 0
        self.seq = 0
        self.acked = 0
        self.commands = []  # asd -> module
        self.answers = {}
        self.instance = instance or token()
        if hello:
            self.hello = self.ask(cmd="hello", v=1, kind=kind, name=name, instance=self.instance)

    def close(self):
        self.sock.close()

    def raw(self, data):
        self.sock.settimeout(10)
        self.sock.sendall(data)

    def send(self, obj):
        body = json.dumps(obj).encode()
        self.raw(struct.pack("!I", len(body)) + body)

    def frame(self, timeout=10):
        """The next frame, None when the time is over."""
        end = time.monotonic() + timeout
        while True:
            if len(self.buf) >= 4:
                n = struct.unpack("!I", self.buf[:4])[0]
                if len(self.buf) >= 4 + n:
                    body, self.buf = self.buf[4:4 + n], self.buf[4 + n:]
                    return json.loads(body)
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                return None
            if not data:
                raise Closed()
            self.buf += data

    def pump(self, timeout):
        """Takes one frame and sorts it. False when none came."""
        f = self.frame(timeout)
        if f is None:
            return False
        if "ack" in f:
            self.acked = max(self.acked, f["ack"])
        elif "id" in f:
            self.answers[f["id"]] = f
        else:
            self.commands.append(f)
        return True

    def request(self, **members):
        self.next_id += 1
        self.send(dict(members, id=self.next_id))
        return self.next_id

    def wait(self, ident, timeout=10):
        end = time.monotonic() + timeout
        while ident not in self.answers:
            if not self.pump(end - time.monotonic()):
                raise TimeoutError("no answer to %d" % ident)
        return self.answers.pop(ident)

    def ask(self, timeout=10, **members):
        return self.wait(self.request(**members), timeout)

    def event(self, ev, call, **members):
        self.seq += 1
        self.send(dict(members, seq=self.seq, cmd="event", ev=ev, call=call))
        return self.seq

    def wait_acks(self, timeout=10):
        end = time.monotonic() + timeout
        while self.acked < self.seq:
            if not self.pump(end - time.monotonic()):
                raise TimeoutError("acked %d of %d" % (self.acked, self.seq))

    def wait_command(self, cmd, call, timeout=10):
        end = time.monotonic() + timeout
        while not any(c["cmd"] == cmd and c["call"] == call for c in self.commands):
            if not self.pump(end - time.monotonic()):
                return False
        return True


def offer(call, callid=None, cseq=1, method="INVITE", initial=True, side="a", text=None, **more):
    m = {"cmd": "offer", "call": call, "callid": callid or call + "@ue", "from_tag": "ta",
         "to_tag": "", "cseq": cseq, "method": method, "initial": initial, "turns_ssrc": True, "side": side,
         "role": "originating", "ruri": "sip:bob@ims", "from": "sip:alice@ims",
         "to": "sip:bob@ims", "asserted": "sip:alice@ims",
         "contact": '<sip:a@192.0.2.10>;+sip.app-subtype="webrtc-datachannel";'
                    '+sip.3gpp-ar-support="ar-capable"',
         "source": "192.0.2.10:5060", "class": "ar", "reasons": "dc-section,subprotocol",
         "sdp": text or sdp()}
    m.update(more)
    return m


def answered(call, to_tag="tb", cseq=1, outcome="ar-capable", text=None, side="b", **more):
    m = {"callid": call + "@ue", "from_tag": "ta", "to_tag": to_tag, "cseq": cseq,
         "method": "INVITE", "status": 200, "side": side, "hash": "1a2b3c4d",
         "outcome": outcome, "sdp": sdp("bobU", "active") if text is None else text}
    m.update(more)
    return m


def admin(path, cmd, arg=None, timeout=10):
    f = Front(path, kind="admin")
    try:
        return f.ask(timeout=timeout, cmd=cmd, **({"arg": arg} if arg else {}))
    finally:
        f.close()


def counters(path):
    """All of `status` in one dict."""
    flat = {}
    for item in admin(path, "status")["items"]:
        if "dcmf" not in item and "module" not in item:
            flat.update(item)
    return flat
