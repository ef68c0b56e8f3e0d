# SPDX-License-Identifier: GPL-2.0-or-later
"""Session descriptions of the tests."""
import re

UE1_UFRAG, UE2_UFRAG = "ue1u", "ue2u"


def crlf(text):
    return text.strip("\n").replace("\n", "\r\n") + "\r\n"


def dc(ufrag, setup, port=40000, mid="dc", session=1000):
    return f"""m=application {port} UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 127.0.0.1
a=mid:{mid}
a=ice-ufrag:{ufrag}
a=ice-pwd:{ufrag}5678901234567890123456
a=candidate:1 1 UDP 2130706431 127.0.0.1 {port or 9} typ host
a=fingerprint:sha-256 {':'.join(['1F'] * 32)}
a=setup:{setup}
a=sctp-port:5000
a=max-message-size:65536
a=dcmap:1000 subprotocol="mpeg-sd";label="scene"
a=dcmap:1002 subprotocol="3gpp-ar-metadata";label="pose";ordered=false;max-retr=0
"""


AUDIO = """m=audio {port} RTP/AVP 8 0 101
c=IN IP4 127.0.0.1
a=mid:a
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=x-unknown: keeps  its   blanks
a=sendrecv
"""

VIDEO = """m=video {port} RTP/AVP 96
c=IN IP4 127.0.0.1
a=mid:v
a=rtpmap:96 VP8/90000
"""


def session(user, version=1, group="", extra=""):
    return f"""v=0
o={user} 2890844526 {version} IN IP4 127.0.0.1
s=-
b=AS:640
t=0 0
{group}a=x-site: unchanged
{extra}"""


def offer(version=1, port=20000, setup="actpass", ufrag=UE1_UFRAG, video="", group="a=group:BUNDLE a dc\n", dc_port=40000):
    return crlf(session("alice", version, group) + AUDIO.format(port=port) + dc(ufrag, setup, port=dc_port) + video)


def answer(version=1, port=22000, setup="active", ufrag=UE2_UFRAG, video="", dc_port=41000):
    return crlf(session("bob", version) + AUDIO.format(port=port) + dc(ufrag, setup, port=dc_port) + video)


AR_OFFER = offer()
AR_ANSWER = answer()
AR_ANSWER_NO_DC = crlf(session("bob") + AUDIO.format(port=22000) + dc(UE2_UFRAG, "active", port=0))
AR_ANSWER_SHORT = crlf(session("bob") + AUDIO.format(port=22000))
PLAIN_OFFER = crlf(session("alice") + AUDIO.format(port=20000) + VIDEO.format(port=20002) +
                   "m=application 5000 UDP/BFCP *\nc=IN IP4 127.0.0.1\na=setup:actpass\na=webrtc-datachannel\n")
PLAIN_ANSWER = crlf(session("bob") + AUDIO.format(port=22000) + VIDEO.format(port=22002) +
                    "m=application 0 UDP/BFCP *\nc=IN IP4 127.0.0.1\n")


def sections(text):
    return re.findall(r"(?ms)^m=.*?(?=^m=|\Z)", text)


def section(text, kind):
    return next((s for s in sections(text) if s.startswith(f"m={kind} ")), None)


def audio(text):
    return section(text, "audio")


def origin_version(text):
    return int(re.search(r"^o=\S+ \S+ (\d+) ", text, re.M).group(1))
