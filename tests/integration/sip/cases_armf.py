# SPDX-License-Identifier: GPL-2.0-or-later
"""Video through the ARMF: asd, mediad and rtpengine themselves, the policy anchors the video."""
import json
import re
import subprocess

import sdp
from case import AR_TAGS, Call, bye_by_caller, scenario, setup
from cases_dialog import bodies, offer_by_callee, offer_by_caller, then
from net import MRM, RTP_MAX, RTP_MIN, check, until
from sipp import Callee, Caller, gate, pause, recv

POLICY = """
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'video'
	:rule('no data channel', m.no(m.offers 'datachannel'), act.plain())
	:rule('draw', m.any, act.process { party = 'caller', media = 'video', op = '%s', max_kbps = 1200 })
	:rule('ar', m.any, act.accept { scene = 'default' })
"""
ARMF = {"real": True, "policy": POLICY % "relay"}
RELAY = {"rtpengine": True, "when": ("RTPENGINE", "1"), **ARMF}

SSRC_MASK = 0x2A5C96E1  # of video through the ARMF: docs/front.md

FP = "a=fingerprint:sha-256 " + ":".join(["2F"] * 32)
CODECS = """a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 VP9/90000
a=rtpmap:102 H264/90000
a=fmtp:102 packetization-mode=1;profile-level-id=42e01f
"""


def video(ufrag, setup, port=23000, direction="sendrecv", formats="98 96 97 102", codecs=CODECS, ssrc=1111):
    return f"""m=video {port} UDP/TLS/RTP/SAVPF {formats}
c=IN IP4 127.0.0.1
a=mid:v
a=ice-ufrag:{ufrag}
a=ice-pwd:{ufrag}5678901234567890123456
a=candidate:1 1 UDP 2130706431 127.0.0.1 {port or 9} typ host
{FP}
a=setup:{setup}
a=rtcp-mux
{codecs}a={direction}
a=msid:stream{ssrc} track{ssrc}
a=ssrc:{ssrc} cname:name{ssrc}
"""


def a_video(**kw):
    return video("uevA", kw.pop("setup", "actpass"), **kw)


def b_video(**kw):
    return video("uevB", kw.pop("setup", "active"), ssrc=2222, formats=kw.pop("formats", "96 97"), **kw)


NO_VIDEO = "m=video 0 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 127.0.0.1\na=mid:v\n"
OFFER, ANSWER = sdp.offer(video=a_video()), sdp.answer(video=b_video(port=24000))


def contexts():
    def get(path):
        r = subprocess.run(["curl", "-sf", "-m", "10", "--http2-prior-knowledge", f"http://127.0.0.1:{MRM}{path}"],
                           capture_output=True, text=True, check=False)
        check(r.returncode == 0, f"GET {path}: curl says {r.returncode}")
        return json.loads(r.stdout)
    return [get(f"/nmf-mrm/v1/contexts/{c['contextId']}") for c in get("/nmf-mrm/v1/contexts")["contexts"]]


def media():
    """The AR media of the one context, by termination."""
    all_ = contexts()
    check(len(all_) == 1, f"{len(all_)} contexts")
    return {t["terminationId"]: {m["mediaId"]: m for m in t["medias"] if m["mediaResourceType"] == "AR"}
            for t in all_[0]["terminations"]}


def anchored(text, why, setup, direction="sendrecv", pts="96 97", ssrc=None):
    """The video section, which must be mediad's."""
    s = sdp.section(text, "video")
    check(s, f"{why}: no video in {text}")
    check(re.match(rf"m=video [1-9]\d* UDP/TLS/RTP/SAVPF {pts}\r\n", s), f"{why}: {s}")
    check("uevA" not in s and "uevB" not in s and FP not in s, f"{why}: a UE's own section passed: {s}")
    for part in ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=candidate:", f"a=setup:{setup}\r\n", "a=rtcp-mux\r\n",
                 f"a={direction}\r\n", "a=mid:v\r\n", "a=rtpmap:96 VP8/90000\r\n"):
        check(part in s, f"{why}: no {part} in {s}")
    if ssrc:
        check(f"a=ssrc:{ssrc ^ SSRC_MASK} cname:name{ssrc}\r\n" in s and f"a=msid:stream{ssrc}" in s, f"{why}: not the sender's names: {s}")
    check("a=ice-lite" in text.split("m=")[0], f"{why}: no ice-lite")
    return s


def relayed(text, kind, why, end_to_end=None):
    """Through rtpengine, or without one as the other side sent it."""
    s = sdp.section(text, kind)
    port = int(s.split(" ")[1])
    if end_to_end:
        check(port == end_to_end, f"{why}: {kind} does not go end to end: {s}")
        return
    check(RTP_MIN <= port <= RTP_MAX, f"{why}: {kind} does not go through rtpengine: {s}")


def refused(text, why):
    check(sdp.section(text, "video").startswith("m=video 0 "), f"{why}: {sdp.section(text, 'video')}")


def call(net, offer=OFFER, answer=ANSWER, steps=None, during=None, early=False, tags=AR_TAGS):
    """A call with more between ACK and BYE; `during` runs while it is up."""
    a, b = Caller(AR_TAGS), Callee(tags)
    caller, callee = setup(a, b, offer, answer, early)
    more = steps or (lambda _: [], lambda _: [])
    x, y = bye_by_caller(a, b)
    wait = [gate()] if during else []

    def look():
        until(4, "mediad has been told the answer", lambda: all("remote" in m["x-ims-ar"] for leg in media().values() for m in leg.values()))
        during()
    return Call(net, caller + wait + more[0](a) + x, callee + wait + more[1](b) + y).wait_with(during and look)


def check_video(c):
    to_b, to_a = bodies(c.uas, "INVITE")[0], bodies(c.uac, "200")[0]
    anchored(to_b, "towards B", "actpass", pts="96 97 102", ssrc=1111)
    anchored(to_a, "towards A", "passive", ssrc=2222)
    relayed(to_b, "audio", "towards B", 20000)
    relayed(to_a, "audio", "towards A", 22000)


@scenario(**ARMF)
def armf_video_on_both_legs(net):
    def look():
        m = media()
        check(list(m["a"]) == ["v2"] and list(m["b"]) == ["v2"], f"media {m}")
        a, b = m["a"]["v2"]["x-ims-ar"], m["b"]["v2"]["x-ims-ar"]
        check([x["ssrc"] for x in a["remote"]["ssrc"]] == [1111], f"A's facts {a['remote']}")
        check([x["ssrc"] for x in b["remote"]["ssrc"]] == [2222], f"B's facts {b['remote']}")
        check([x["name"] for x in a["local"]["codecs"]] == ["VP8"], f"A was told {a['local']}")
        check([x["name"] for x in b["local"]["codecs"]] == ["VP8", "H264"], f"B was told {b['local']}")
        check(a["securitySetup"] == "PASSIVE" and b["securitySetup"] == "PASSIVE", "roles")
        check(a["maxKbps"] == 1200, f"max_kbps of the policy: {a}")
        _, text = net.rpc("pcscf1", "ims_ar.calls")
        _, text = net.rpc("pcscf1", "ims_ar.call", re.search(r"\tcall: (\w+)", text).group(1))
        check("armf_a: v2 relay" in text and "armf_b: v2 relay" in text, f"ims_ar.call does not tell: {text}")
        check("media_of: a" in text and "armf_state: " in text, f"nor the live facts: {text}")
    check_video(call(net, during=look, early=True))
    net.settled()


@scenario(**RELAY)
def armf_past_both_relays(net):
    """Both edges have an rtpengine: neither sees the video, both relay the audio."""
    hold = offer_by_callee(sdp.answer(version=2, setup="actpass", video=b_video(port=24000, setup="actpass",
                                                                                direction="sendonly")),
                           sdp.offer(version=2, setup="active", group="",
                                     video=a_video(setup="active", direction="recvonly", formats="96 97")))
    c = call(net, steps=hold)
    to_b, to_a = bodies(c.uas, "INVITE")[0], bodies(c.uac, "200")[0]
    anchored(to_b, "towards B", "actpass", pts="96 97 102", ssrc=1111)
    anchored(to_a, "towards A", "passive", ssrc=2222)
    relayed(to_b, "audio", "towards B")
    relayed(to_a, "audio", "towards A")
    anchored(bodies(c.uac, "INVITE")[-1], "hold towards A", "actpass", "sendonly", ssrc=2222)
    anchored(bodies(c.uas, "200")[-1], "its answer", "passive", "recvonly", ssrc=1111)
    relayed(bodies(c.uac, "INVITE")[-1], "audio", "hold towards A")
    net.settled()


@scenario(two=True, **RELAY)
def armf_past_the_relays_of_two_kamailios(net):
    hold = offer_by_caller(sdp.offer(version=2, group="", video=a_video(direction="sendonly")),
                           sdp.answer(version=2, video=b_video(port=24000, direction="recvonly")))
    c = call(net, steps=hold)
    anchored(bodies(c.uas, "INVITE")[0], "towards B", "actpass", pts="96 97 102", ssrc=1111)
    anchored(bodies(c.uac, "200")[0], "towards A", "passive", ssrc=2222)
    anchored(bodies(c.uas, "INVITE")[-1], "hold towards B", "actpass", "sendonly", "96 97 102", ssrc=1111)
    relayed(bodies(c.uas, "INVITE")[0], "audio", "towards B")
    net.settled()


BACK = {**RELAY, "policy": (POLICY % "relay").replace("m.any, act.process", "m.no(m.change), act.process")}


def back_from_the_armf(net):
    """A re-INVITE takes the video back to rtpengine, at an m-line of its own there, and no UE sees that."""
    back = offer_by_caller(sdp.offer(version=2, group="", video=a_video(port=23002)),
                           sdp.answer(version=2, video=b_video(port=24002)))
    hold = offer_by_callee(sdp.answer(version=3, setup="actpass", video=b_video(port=24002, direction="sendonly")),
                           sdp.offer(version=3, setup="active", group="", video=a_video(port=23002, setup="active",
                                                                                        direction="recvonly")))
    c = call(net, steps=then(back, hold))
    anchored(bodies(c.uas, "INVITE")[0], "towards B", "actpass", pts="96 97 102", ssrc=1111)
    for text, why in ((bodies(c.uas, "INVITE")[1], "back, towards B"), (bodies(c.uac, "200")[1], "back, answer to A"),
                      (bodies(c.uac, "INVITE")[0], "hold, towards A"), (bodies(c.uas, "200")[0], "hold, answer to B")):
        relayed(text, "audio", why)
        relayed(text, "video", why)
        check([s.split(" ")[0] for s in sdp.sections(text)] == ["m=audio", "m=application", "m=video"], f"{why}: {text}")
        check(" 0 " not in sdp.section(text, "application").split("\r\n")[0], f"{why}: no data channel: {text}")
    check("a=sendonly" in sdp.section(bodies(c.uac, "INVITE")[0], "video"), "hold towards A")
    net.settled()


@scenario(**BACK)
def armf_back_to_the_relay(net):
    back_from_the_armf(net)


@scenario(two=True, **BACK)
def armf_back_to_the_relays_of_two_kamailios(net):
    back_from_the_armf(net)


@scenario(**RELAY)
def armf_relayed_where_it_cannot(net):
    """Without a usable codec the video goes through rtpengine as the audio does."""
    vp9 = {"formats": "98", "codecs": "a=rtpmap:98 VP9/90000\n"}
    c = call(net, sdp.offer(video=a_video(**vp9)),
             sdp.answer(video="m=video 24000 RTP/AVP 98\nc=IN IP4 127.0.0.1\na=mid:v\na=rtpmap:98 VP9/90000\n"))
    relayed(bodies(c.uas, "INVITE")[0], "video", "towards B")
    net.settled()


@scenario(**ARMF)
def armf_early_media_and_answer_are_alike(net):
    c = call(net, early=True)
    check(bodies(c.uac, "183")[0] == bodies(c.uac, "200")[0], "183 and 200 differ")
    net.settled()


@scenario(**ARMF)
def armf_no_codec_stays_with_the_relay(net):
    vp9 = {"formats": "98", "codecs": "a=rtpmap:98 VP9/90000\n"}
    c = call(net, sdp.offer(video=a_video(**vp9)), sdp.answer(video=b_video(port=24000, **vp9)),
             during=lambda: check(media() == {"a": {}, "b": {}}, f"media {media()}"))
    relayed(bodies(c.uas, "INVITE")[0], "video", "towards B", 23000)
    relayed(bodies(c.uac, "200")[0], "video", "towards A", 24000)
    check("neither VP8 nor H264" in net.log_tail("asd1", 4000), "asd does not say why")
    net.settled()


@scenario(**ARMF)
def armf_callee_refuses_video(net):
    c = call(net, answer=sdp.answer(video=NO_VIDEO),
             during=lambda: until(3, "the media are gone", lambda: media() == {"a": {}, "b": {}}))
    refused(bodies(c.uac, "200")[0], "towards A")
    relayed(bodies(c.uac, "200")[0], "audio", "towards A", 22000)
    net.settled()


@scenario(**ARMF)
def armf_hold_and_resume(net):
    hold = offer_by_caller(sdp.offer(version=2, group="", video=a_video(direction="sendonly")),
                           sdp.answer(version=2, video=b_video(port=24000, direction="recvonly")))
    resume = offer_by_caller(sdp.offer(version=3, group="", video=a_video()),
                             sdp.answer(version=3, video=b_video(port=24000)), cseq=3)
    c = call(net, steps=(lambda a: hold[0](a) + resume[0](a), lambda b: hold[1](b) + resume[1](b)))
    _, held, again = bodies(c.uas, "INVITE")
    anchored(held, "hold towards B", "actpass", "sendonly", "96 97 102", ssrc=1111)
    anchored(again, "resume towards B", "actpass", "sendrecv", "96 97 102", ssrc=1111)
    _, held, again = bodies(c.uac, "200")[:3]
    anchored(held, "hold, answer to A", "passive", "recvonly", ssrc=2222)
    anchored(again, "resume, answer to A", "passive", "sendrecv", ssrc=2222)
    net.settled()


@scenario(**ARMF)
def armf_hold_by_the_callee(net):
    steps = offer_by_callee(sdp.answer(version=2, setup="actpass", video=b_video(port=24000, setup="actpass",
                                                                                 direction="sendonly")),
                            sdp.offer(version=2, setup="active", group="",
                                      video=a_video(setup="active", direction="recvonly", formats="96 97")))
    c = call(net, steps=steps)
    anchored(bodies(c.uac, "INVITE")[-1], "hold towards A", "actpass", "sendonly", ssrc=2222)
    anchored(bodies(c.uas, "200")[-1], "its answer", "passive", "recvonly", ssrc=1111)
    net.settled()


@scenario(**ARMF)
def armf_video_added_and_removed(net):
    add = offer_by_caller(sdp.offer(version=2, group="", video=a_video()),
                          sdp.answer(version=2, video=b_video(port=24000)))
    off = offer_by_caller(sdp.offer(version=3, group="", video=a_video(port=0)),
                          sdp.answer(version=3, video=NO_VIDEO), cseq=3)

    def look():
        until(4, "the video is at the ARMF", lambda: "remote" in media()["b"].get("v2", {}).get("x-ims-ar", {}))
        check(media()["b"]["v2"]["x-ims-ar"]["remote"]["ssrc"][0]["ssrc"] == 2222, f"{media()}")
        c.acked(2)
        c.go()
        until(4, "the video is gone", lambda: media() == {"a": {}, "b": {}})
        c.acked(3)

    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    c = Call(net, caller + add[0](a) + [gate()] + off[0](a) + [gate()] + x,
             callee + add[1](b) + [gate()] + off[1](b) + [gate()] + y)
    c.wait_with(look)
    _, added, removed = bodies(c.uas, "INVITE")
    anchored(added, "added, towards B", "actpass", pts="96 97 102", ssrc=1111)
    refused(removed, "removed, towards B")
    _, added, removed = bodies(c.uac, "200")[:3]
    anchored(added, "added, answer to A", "passive", ssrc=2222)
    refused(removed, "removed, answer to A")
    net.settled()


@scenario(**ARMF)
def armf_added_video_is_refused(net):
    """488 to the re-INVITE: what had been reserved for it goes again."""
    def caller(a):
        return [pause(100), a.request("INVITE", 2, sdp.offer(version=2, group="", video=a_video())), recv(100, optional=True),
                recv(488), a.ack_failure(2), gate()]

    def callee(b):
        return [recv("INVITE"), b.reply("488 Not Acceptable Here"), recv("ACK"), gate()]
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    x, y = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    bye = bye_by_caller(a, b)
    c = Call(net, x + caller(a) + bye[0], y + callee(b) + bye[1])

    def look():
        until(4, "the re-INVITE is refused", lambda: any(" 488 " in f for f, _, _ in c.uac.seen()))
        until(3, "no media are left", lambda: media() == {"a": {}, "b": {}})
        c.acked(2)
    c.wait_with(look)
    net.settled()


@scenario(alone=True, **ARMF)
def armf_hold_while_asd_is_dead(net):
    hold = offer_by_caller(sdp.offer(version=2, group="", video=a_video(direction="sendonly")),
                           sdp.answer(version=2, video=b_video(port=24000, direction="recvonly")))
    c = call(net, steps=hold, during=net.stop_asd)
    anchored(bodies(c.uas, "INVITE")[-1], "hold towards B", "actpass", "sendonly", "96 97 102", ssrc=1111)
    anchored(bodies(c.uac, "200")[-1], "its answer", "passive", "recvonly", ssrc=2222)
    net.start_asd()
    until(5, "the link is up again", net.link_up)
    net.settled()


@scenario(alone=True, **ARMF)
def armf_mediad_dies(net):
    """At the caller's next offer the video goes back to the media relay."""
    def crash():
        net.processes.pop("mediad").stop(9)
        until(10, "asd has seen it", lambda: not net.dcmf_up())
        net.start_mediad()
        until(10, "asd has found mediad", net.dcmf_up)
        until(5, "asd has told the module", lambda: "released: yes" in net.rpc("pcscf1", "ims_ar.call", c_id())[1]
              or "ar: lost" in net.rpc("pcscf1", "ims_ar.calls")[1])

    def c_id():
        return re.search(r"\tcall: (\w+)", net.rpc("pcscf1", "ims_ar.calls")[1]).group(1)
    again = offer_by_caller(sdp.offer(version=2, group="", video=a_video()),
                            sdp.answer(version=2, video=b_video(port=24000)))
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, OFFER, ANSWER)
    x, y = bye_by_caller(a, b)
    c = Call(net, caller + [gate()] + again[0](a) + x, callee + [gate()] + again[1](b) + y).wait_with(crash)
    relayed(bodies(c.uas, "INVITE")[-1], "video", "towards B", 23000)
    relayed(bodies(c.uac, "200")[-1], "video", "towards A", 24000)
    net.settled()


@scenario(**ARMF)
def armf_copies_of_the_answer(net):
    """Provisional answers and a 200 that come again are the same again, byte for byte."""
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    c = Call(net, [a.invite(OFFER), recv(100, optional=True), recv(180, optional=True), recv(200, rrs=True), a.ack(),
                   pause(600), a.request("BYE", 9), recv(200)],
             [b.invite()] + 2 * [b.reply_invite("180 Ringing", ANSWER), pause(50)] +
             [b.reply_invite("200 OK", ANSWER), recv("ACK"), pause(200), b.reply_invite("200 OK", ANSWER),
              recv("BYE"), b.in_dialog_reply("200 OK")]).wait()
    got = set(bodies(c.uac, "180") + bodies(c.uac, "200"))
    check(len(got) == 1, f"{len(got)} different answers in copies")
    anchored(got.pop(), "the answer", "passive", ssrc=2222)
    net.settled()


# ---- a second video m-line: the ARMF takes one, the other goes as it would without ----

def second(ufrag, setup, port, ssrc, direction="sendrecv"):
    return video(ufrag, setup, port, direction, "98 96", CODECS, ssrc).replace("a=mid:v\n", "a=mid:w\n")


def a_cameras(setup="actpass", direction="sendrecv", formats="98 96 97 102"):
    return a_video(setup=setup, direction=direction, formats=formats) + second("uevC", setup, 23100, 3333)


def b_cameras(plain, setup="active", direction="sendrecv"):
    other = second("uevD", setup, 24100, 4444)
    if plain:
        other = re.sub(r"a=(ice|candidate|fingerprint|setup)\S*.*\n", "", other.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"))
    return b_video(setup=setup, port=24000, direction=direction) + other


def videos(text, why):
    v = [s for s in sdp.sections(text) if s.startswith("m=video ")]
    check(len(v) == 2, f"{why}: {len(v)} videos in {text}")
    return v


def check_second(text, why, ssrc, end_to_end=None):
    first, other = videos(text, why)
    check("a=mid:v\r\n" in first and "a=mid:w\r\n" in other, f"{why}: another order: {text}")
    relayed(other, "video", why, end_to_end)
    proto = "UDP/TLS/RTP/SAVPF" if end_to_end else "RTP/AVP"  # as rtpengine writes it without WebSocket
    check(re.match(rf"m=video \d+ {proto} 98 96\r\n", other), f"{why}: {other}")
    for part in ("a=rtpmap:98 VP9/90000\r\n", "a=rtpmap:96 VP8/90000\r\n", f"a=ssrc:{ssrc} cname:name{ssrc}\r\n",
                 f"a=msid:stream{ssrc} track{ssrc}\r\n", "a=sendrecv\r\n"):
        check(part in other, f"{why}: no {part} in {other}")
    check("a=x-ims-ar" not in other, f"{why}: taken for the ARMF's: {other}")


def two_cameras(net, end_to_end):
    def look():
        m = media()
        check(list(m["a"]) == ["v2"] and list(m["b"]) == ["v2"], f"media {m}")
    hold = offer_by_callee(sdp.answer(version=2, setup="actpass", video=b_cameras(not end_to_end, "actpass", "sendonly")),
                           sdp.offer(version=2, setup="active", group="", video=a_cameras("active", "recvonly", "96 97")))
    again = offer_by_caller(sdp.offer(version=3, group="", video=a_cameras()),
                            sdp.answer(version=3, video=b_cameras(not end_to_end)), cseq=3)
    c = call(net, sdp.offer(video=a_cameras()), sdp.answer(video=b_cameras(not end_to_end)),
             steps=(lambda a: hold[0](a) + again[0](a), lambda b: hold[1](b) + again[1](b)), during=look)
    to_b, to_a = bodies(c.uas, "INVITE"), [bodies(c.uac, "200")[0], bodies(c.uac, "INVITE")[-1]]
    for text, why, way, rtx in ((to_b[0], "towards B", "actpass", "96 97 102"), (to_b[-1], "again towards B", "actpass", "96 97")):
        anchored(text, why, way, pts=rtx, ssrc=1111)
        check_second(text, why, 3333, end_to_end and 23100)
    for text, why, way, direction in ((to_a[0], "towards A", "passive", "sendrecv"), (to_a[1], "hold towards A", "actpass", "sendonly")):
        anchored(text, why, way, direction, ssrc=2222)
        check_second(text, why, 4444, end_to_end and 24100)
    check_second(bodies(c.uas, "200")[-1], "B's hold, answered", 3333, end_to_end and 23100)
    net.settled()


@scenario(**ARMF)
def armf_second_camera_goes_as_it_came(net):
    two_cameras(net, True)


@scenario(**RELAY)
def armf_second_camera_past_both_relays(net):
    two_cameras(net, False)


@scenario(two=True, **RELAY)
def armf_second_camera_through_two_kamailios(net):
    two_cameras(net, False)


# ---- the callee adds a video of its own: its edge's rtpengine has it before asd does ----

def added_by_callee(net, a_answers, check_call):
    offer = sdp.answer(version=2, setup="actpass", video=b_video(port=24000, setup="actpass"))
    add = offer_by_callee(offer, sdp.offer(version=2, setup="active", group="", video=a_answers))
    a, b = Caller(AR_TAGS), Callee(AR_TAGS)
    caller, callee = setup(a, b, sdp.AR_OFFER, sdp.AR_ANSWER)
    x, y = bye_by_caller(a, b)
    c = Call(net, caller + add[0](a) + [gate()] + x, callee + add[1](b) + [gate()] + y)

    def look():
        c.acked(1, c.uac)  # B's video is answered
        check_call(c)
    c.wait_with(look)
    net.settled()


@scenario(**RELAY)
def armf_video_by_the_callee_is_relayed(net):
    """rtpengine has made it plain RTP, which the shipped configuration does not allow at the ARMF."""
    def look(c):
        relayed(bodies(c.uac, "INVITE")[-1], "video", "towards A")
        relayed(bodies(c.uas, "200")[-1], "video", "towards B")
        check(media() == {"a": {}, "b": {}}, f"media {media()}")
        check("not allowed" in net.log_tail("asd1", 6000), "asd does not say why")
    added_by_callee(net, "m=video 23000 RTP/AVP 96\nc=IN IP4 127.0.0.1\na=mid:v\na=rtpmap:96 VP8/90000\n", look)


BEHIND = {**RELAY, "asd_conf": "[armf]\ntransports = dtls, rtp\noffer_transport = dtls\n",
          "mediad_conf": "[armf]\ntransports = dtls, rtp\n"}


@scenario(**BEHIND)
def armf_video_by_the_callee_behind_its_relay(net):
    """With plain RTP allowed the ARMF is between the callee's rtpengine and the caller."""
    def look(c):
        anchored(bodies(c.uac, "INVITE")[-1], "towards A", "actpass", ssrc=2222)
        relayed(bodies(c.uas, "200")[-1], "video", "towards B")
        m = media()
        check(m["a"]["v2"]["x-ims-ar"]["transport"] == "DTLS-SRTP" and m["b"]["v2"]["x-ims-ar"]["transport"] == "RTP", f"{m}")
    added_by_callee(net, a_video(setup="active", formats="96 97"), look)


# ---- other transports ----

ALL = {**ARMF, "asd_conf": "[armf]\ntransports = dtls, sdes, rtp\n", "mediad_conf": "[armf]\ntransports = dtls, sdes, rtp\n"}
PHONES = {**ARMF, "asd_conf": "[armf]\ntransports = dtls, rtp\noffer_transport = rtp\n",
          "mediad_conf": "[armf]\ntransports = dtls, rtp\n"}


def phone_video(proto, port, extra=""):
    return (f"m=video {port} {proto} 96\nc=IN IP4 127.0.0.1\na=mid:v\na=rtpmap:96 VP8/90000\n{extra}"
            f"a=ssrc:{port} cname:name{port}\n")


KEY = "a=crypto:{} AES_CM_128_HMAC_SHA1_80 inline:{}\n"


@scenario(**ALL)
def armf_keys_in_the_description(net):
    def look():
        m = media()
        for side in "ab":  # GET says that there is a key, and not which
            for what in ("local", "remote"):
                crypto = m[side]["v2"]["x-ims-ar"][what]["crypto"]
                check(crypto["suite"] == "AES_CM_128_HMAC_SHA1_80" and "key" not in crypto, f"{side} {what}: {crypto}")
    theirs, his = "MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm", "ZmVkY2JBOTg3NjU0MzIxMEVEQ0JBOTg3NjU0MzIx"
    c = call(net, sdp.offer(video=phone_video("RTP/SAVP", 23000, KEY.format(7, theirs + "|2^20"))),
             sdp.answer(video=phone_video("RTP/SAVP", 24000, KEY.format(1, his))), during=look)
    to_b = sdp.section(bodies(c.uas, "INVITE")[0], "video")
    to_a = sdp.section(bodies(c.uac, "200")[0], "video")
    check(re.search(r"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}\r\n", to_b), f"towards B: {to_b}")
    check(re.search(r"a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:[A-Za-z0-9+/]{40}\r\n", to_a), f"towards A: {to_a}")
    check(theirs not in to_b and his not in to_a, "a UE's key passed to the other")
    logs = net.log_tail("asd1", 100000) + net.log_tail("mediad", 100000)
    check(theirs not in logs and his not in logs, "a key is in the log")
    net.settled()


@scenario(**ALL)
def armf_plain_rtp(net):
    c = call(net, sdp.offer(video=phone_video("RTP/AVP", 23000)), sdp.answer(video=phone_video("RTP/AVP", 24000)),
             during=lambda: check(media()["b"]["v2"]["x-ims-ar"]["remote"]["rtcpPort"] == 24001, f"{media()}"))
    for text in (bodies(c.uas, "INVITE")[0], bodies(c.uac, "200")[0]):
        s = sdp.section(text, "video")
        check(re.match(r"m=video [1-9]\d* RTP/AVP 96\r\n", s) and "a=rtcp:" in s, f"{s}")
        check("fingerprint" not in s and "ice-ufrag" not in s, f"{s}")
    net.settled()


@scenario(**ARMF)
def armf_plain_rtp_is_not_allowed(net):
    c = call(net, sdp.offer(video=phone_video("RTP/AVP", 23000)), sdp.answer(video=phone_video("RTP/AVP", 24000)),
             during=lambda: check(media() == {"a": {}, "b": {}}, f"media {media()}"))
    relayed(bodies(c.uas, "INVITE")[0], "video", "towards B", 23000)
    check("not allowed" in net.log_tail("asd1", 4000), "asd does not say why")
    net.settled()


@scenario(**PHONES)
def armf_a_plain_phone_is_called(net):
    plain_phone(net, "relay")


def plain_phone(net, op):
    """Only the caller has data channels: the phone gets the caller's video all the same, as plain RTP."""
    answer = sdp.crlf(sdp.session("bob") + sdp.AUDIO.format(port=22000) +
                      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 127.0.0.1\n" +
                      phone_video("RTP/AVP", 24000))

    def look():
        m = media()
        check(m["a"]["v2"]["mediaProcessingUri"].endswith(op), f"{m['a']}")
        check("ice" not in m["b"]["v2"]["x-ims-ar"]["remote"], f"{m['b']}")
    c = call(net, answer=answer, during=look, tags="")
    s = sdp.section(bodies(c.uas, "INVITE")[0], "video")
    check(re.match(r"m=video [1-9]\d* RTP/AVP 96 97 102\r\n", s) and "fingerprint" not in s, f"towards the phone: {s}")
    got = bodies(c.uac, "200")[0]
    anchored(got, "towards A", "passive", ssrc=None)
    check(f"a=ssrc:{24000 ^ SSRC_MASK} cname:name24000" in got, "the phone's names are not there")
    check(sdp.section(got, "application").startswith("m=application 0 "), "the caller has a data channel to nobody")
    net.settled()
