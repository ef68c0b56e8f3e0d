# SPDX-License-Identifier: GPL-2.0-or-later
"""What the test UEs offer and answer, and what came out at the other end."""
import hashlib
import re

AUDIO = """m=audio {port} RTP/AVP 96 8 101
a=rtpmap:96 AMR-WB/16000
a=fmtp:96 mode-change-capability=2; max-red=0
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=x-site-own:kept byte for byte
a=ptime:20
a=sendrecv
"""
VIDEO = """m=video {port} RTP/AVP 97
b=AS:384
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42e00c;packetization-mode=1
a=inactive
"""
DATA = """m=application {port} UDP/DTLS/SCTP webrtc-datachannel
a=mid:{mid}
a=sctp-port:5000
a=max-message-size:65536
a=setup:{setup}
a=fingerprint:SHA-256 {fingerprint}
a=tls-id:abc3de65cddef001be82
a=ice-ufrag:{ufrag}
a=ice-pwd:{pwd}
a=candidate:1 1 UDP 2130706431 {address} {port} typ host
a=dcmap:1000 subprotocol="mpeg-sd";label="scene"
a=dcmap:1002 subprotocol="3gpp-ar-metadata";label="pose";ordered=false;max-retr=0
"""
REFUSED = """m=application 0 UDP/DTLS/SCTP webrtc-datachannel
"""


def _fingerprint(name):
    digest = hashlib.sha256(name.encode()).hexdigest().upper()
    return ":".join(digest[i:i + 2] for i in range(0, 64, 2))


def describe(ue, kinds, answer=False, version=1):
    """A description of `ue` with sections of the kinds given ("audio", "video", "data", "refused")."""
    seed = int(ue.number.lstrip("+"))
    fields = {"address": ue.address, "fingerprint": _fingerprint(ue.number), "mid": "dc",
              "setup": "active" if answer else "actpass", "ufrag": f"uf{seed}",
              "pwd": f"passwordOfTheUe{seed}withIceChars"}
    text = (f"v=0\no=- {seed} {version} IN IP4 {ue.address}\ns=-\nc=IN IP4 {ue.address}\n"
            "b=AS:49\nt=0 0\na=x-session:kept too\n")
    for n, kind in enumerate(kinds):
        form = {"audio": AUDIO, "video": VIDEO, "data": DATA, "refused": REFUSED}[kind]
        text += form.format(port=40000 + seed % 1000 * 20 + 2 * n, **fields)
    return text


class Description:
    def __init__(self, body):
        self.body = body
        parts = ("\r\n" + body).split("\r\nm=")
        self.session = parts[0].lstrip("\r\n")
        self.sections = ["m=" + p if p.endswith("\r\n") else "m=" + p + "\r\n" for p in parts[1:]]

    def of(self, media):
        """The first section of a media kind, or None."""
        return next((s for s in self.sections if s.startswith(f"m={media} ")), None)

    @property
    def data(self):
        return self.of("application")

    def address(self, section):
        """Where its media go: the section's c= line, else the session's."""
        for text in (section, self.session):
            for line in text.split("\r\n"):
                if line.startswith("c=IN IP4 "):
                    return line.split()[2]
        return None


def attribute(section, name):
    for line in section.split("\r\n"):
        if line.startswith(f"a={name}:"):
            return line[len(name) + 3:]
    return None


def port(section):
    return int(section.split()[1])


def without_random(body):
    """A description without what rtpengine makes anew for each call: ports and ICE."""
    for pattern, to in ((r"^(m=\w+) \d+", r"\1 PORT"), (r"^a=rtcp:\d+", "a=rtcp:PORT"),
                        (r"^a=ice-(ufrag|pwd):.*?\r$", "a=ice-\\1:X\r"),
                        (r"^a=candidate:\S+ (\d) UDP (\d+) (\S+) \d+", r"a=candidate:X \1 UDP \2 \3 PORT")):
        body = re.sub(pattern, to, body, flags=re.M)
    return body


def line_diff(a, b):
    """First line in which two texts differ, for a message; None when they are the same bytes."""
    if a == b:
        return None
    left, right = a.split("\r\n"), b.split("\r\n")
    for n, (x, y) in enumerate(zip(left, right), 1):
        if x != y:
            return f"line {n}: {x!r} became {y!r}"
    return f"{len(left)} lines became {len(right)}"
