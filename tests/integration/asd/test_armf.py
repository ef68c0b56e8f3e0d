# SPDX-License-Identifier: GPL-2.0-or-later
"""asd and media for the ARMF, with a mediad of every kind of manners.

python3 test_armf.py ASD FAKE_MEDIAD [test...]
"""
import os
import sys

import front
from calls import bye, items
from front import admin, answered, offer, token
from harness import World, main, table, wait_for

TESTS, test = table()
POLICY = """
local ar = require 'ar.policy'
local m, act = ar.match, ar.act
return ar.new 'armf'
	:rule('draw', m.any, act.process { party = 'caller', media = 'video', op = 'overlay' })
	:rule('ar', m.any, act.accept { scene = 'default' })
"""
VIDEO = """m=video 49154 UDP/TLS/RTP/SAVPF 96 102
c=IN IP4 192.0.2.10
a=mid:2
a=ice-ufrag:{ufrag}
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=setup:{setup}
a=fingerprint:SHA-256 {fp}
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=fmtp:102 packetization-mode=1
a=sendrecv
""".replace("\n", "\r\n")


def make_world(t):
    more = dict(t.world)
    snapshots = more.pop("snapshots", False)
    w = World(sys.argv[1], sys.argv[2], **more)
    with open(w.policy, "w") as f:
        f.write(POLICY)
    if snapshots:
        w.conf["armf.snapshots"] = [w.dir]
    w.start()
    return w


def sdp(ufrag="8hhY", setup="actpass", video=True, video_port=49154):
    text = front.sdp(ufrag=ufrag, setup=setup)
    if not video:
        return text
    return text + VIDEO.format(ufrag=ufrag + "V", setup=setup, fp=front.FP).replace("video 49154", "video %d" % video_port)


def call(f, text=None, answer=None):
    t = token()
    v = f.ask(**offer(t, text=text or sdp()))
    assert v["ok"] and v["action"] == "ar", v
    f.event("answered", t, **answered(t, text=answer or sdp("bobU", "active")))
    f.wait_acks()
    return t, v


def section(plan, name, i):
    return (plan["offer"] if name == "offer" else plan["answers"][0])["sec"][i]


def av(w, ident="c1"):
    c = w.context(ident)
    return [{m["mediaId"]: m for m in t["medias"] if m["mediaResourceType"] == "AR"} for t in c["terminations"]]


@test()
def video_is_reserved_with_the_channel(w):
    f = w.link()
    t, v = call(f)
    to_b, to_a = section(v["plan"], "offer", 2), section(v["plan"], "answer", 2)
    assert to_b["carry"] and to_a["carry"] and to_b["from"] == 2 and to_a["from"] == 2, (to_b, to_a)
    assert "a=ice-ufrag:av1b" in to_b["text"] and "a=ice-ufrag:av1a" in to_a["text"], (to_b, to_a)
    assert "m=video 0 " in to_a["alt"]
    w.wait_count(update_ok=1)
    a, b = av(w)
    assert a["v2"]["mediaProcessingUri"].endswith(":overlay"), a
    assert b["v2"]["mediaProcessingUri"].endswith(":relay"), b
    assert b["v2"]["x-ims-ar"]["remote"]["ice"]["ufrag"] == "bobUV", b
    assert items(admin(w.sock, "call", t))[0]["armf_a"] == "v2 overlay"
    m = f.ask(cmd="map", call=t)
    assert m["plan"]["offer"]["sec"][2]["carry"] is True
    bye(f, t)
    w.wait_contexts(0)


@test()
def versions_that_differ(w):
    """SSRCs of video are turned by the module and mediad, or by neither; the log says why not."""
    f = w.link()
    t, v = call(f)
    assert section(v["plan"], "offer", 2)["ssrc_mask"] == section(v["plan"], "answer", 2)["ssrc_mask"] == 0x2a5c96e1
    bye(f, t)
    w.wait_contexts(0)
    w.fakes[0].set(old_mask=1)
    t, v = call(f)
    assert section(v["plan"], "offer", 2)["carry"] and "ssrc_mask" not in section(v["plan"], "offer", 2), v["plan"]
    wait_for(lambda: "m1 is older than asd: video keeps its SSRCs" in w.asd.text())
    bye(f, t)
    w.wait_contexts(0)
    w.fakes[0].set(old_mask=0)
    t = token()
    old = offer(t, text=sdp())
    del old["turns_ssrc"]
    v = f.ask(**old)
    assert section(v["plan"], "offer", 2)["carry"] and "ssrc_mask" not in section(v["plan"], "offer", 2), v["plan"]
    assert all("ssrcMask" not in m["v2"]["x-ims-ar"]["local"] for m in av(w, "c3")), av(w, "c3")
    wait_for(lambda: "pcscf1 is older than asd: video keeps its SSRCs" in w.asd.text())
    bye(f, t)


@test()
def no_room_at_the_armf(w):
    """The call goes on with its data channel, the video with the media relay, and the log says so."""
    w.fakes[0].set(armf_full=1)
    f = w.link()
    t, v = call(f)
    assert v["plan"]["offer"]["sec"][2] == {"pass": 2}, v["plan"]["offer"]
    assert "a=ice-ufrag:uf" in v["plan"]["offer"]["sec"][1]["text"]
    assert w.fakes[0].counts()["POST"] == 2
    assert "do not go to the ARMF: no room at m1" in w.asd.text()
    assert av(w) == [{}, {}]
    assert "armf_a" not in items(admin(w.sock, "call", t))[0]
    bye(f, t)
    w.wait_contexts(0)


@test()
def video_added_where_there_is_no_room(w):
    f = w.link()
    t, _ = call(f, sdp(video=False), sdp("bobU", "active", video=False))
    w.fakes[0].set(armf_full=1)
    again = offer(t, text=sdp())
    again.update(initial=False, cseq=2, to_tag="tb")
    v = f.ask(**again)
    assert v["ok"] and v["plan"]["offer"]["sec"][2] == {"pass": 2}, v
    f.event("answered", t, **dict(answered(t, text=sdp("bobU", "active")), cseq=2))
    f.wait_acks()
    assert av(w) == [{}, {}]
    bye(f, t)
    w.wait_contexts(0)


@test()
def video_added_and_removed(w):
    f = w.link()
    t, _ = call(f, sdp(video=False), sdp("bobU", "active", video=False))
    again = offer(t, text=sdp())
    again.update(initial=False, cseq=2, to_tag="tb")
    v = f.ask(**again)
    assert v["ok"] and "a=ice-ufrag:av" in v["plan"]["offer"]["sec"][2]["text"], v
    f.event("answered", t, **dict(answered(t, text=sdp("bobU", "active")), cseq=2))
    f.wait_acks()
    wait_for(lambda: "remote" in av(w)[1]["v2"]["x-ims-ar"])
    off = offer(t, text=sdp(video_port=0))
    off.update(initial=False, cseq=3, to_tag="tb")
    v = f.ask(**off)
    assert "m=video 0 " in v["plan"]["offer"]["sec"][2]["text"], v
    f.event("answered", t, **dict(answered(t, text=sdp("bobU", "active", video_port=0)), cseq=3))
    f.wait_acks()
    wait_for(lambda: av(w) == [{}, {}])
    bye(f, t)
    w.wait_contexts(0)


@test(snapshots=True)
def one_picture(w):
    f = w.link()
    t, _ = call(f)
    w.wait_count(update_ok=1)
    r = items(admin(w.sock, "media", t + " snapshot"))[0]
    assert r["ue"] == "a" and r["media"] == "v2", r
    with open(r["file"]) as p:
        assert "termination=a&media=v2" in p.read()
    assert os.stat(r["file"]).st_mode & 0o777 == 0o640
    r = items(admin(w.sock, "media", t + "@ue snapshot b v2"))[0]
    assert r["ue"] == "b", r
    w.fakes[0].set(no_picture=1)
    r = admin(w.sock, "media", t + " snapshot")
    assert not r["ok"] and "409" in r["reason"], r
    for arg in (t + " film", t + " snapshot c", t + " show c", ""):
        assert admin(w.sock, "media", arg)["code"] == "usage", arg
    assert admin(w.sock, "media", "nobody snapshot")["code"] == "no_call"
    assert admin(w.sock, "media", t + " snapshot a v9")["code"] == "no_media"
    bye(f, t)


@test()
def what_is_there(w):
    """Without a verb, and by side and name; no folder for pictures is needed for it."""
    f = w.link()
    t, _ = call(f)
    w.wait_count(update_ok=1)
    both = items(admin(w.sock, "media", t))
    assert [(i["ue"], i["media"], i["op"]) for i in both] == [("a", "v2", "overlay"), ("b", "v2", "relay")], both
    assert both[0]["kind"] == "video" and both[0]["transport"] == "DTLS-SRTP", both
    assert items(admin(w.sock, "media", t + "@ue show")) == both
    assert items(admin(w.sock, "media", t + " show b v2")) == both[1:]
    assert admin(w.sock, "media", t + " show a v9")["code"] == "no_media"
    assert admin(w.sock, "media", "nobody")["code"] == "no_call"
    w.fakes[0].stop()
    r = admin(w.sock, "media", t)
    assert r["code"] == "no_facts" and r["reason"], r
    bye(f, t)


@test()
def no_folder_for_pictures(w):
    f = w.link()
    t, _ = call(f)
    assert admin(w.sock, "media", t + " snapshot")["code"] == "no_folder"
    bye(f, t)


@test()
def it_survives_a_restart(w):
    f = w.link()
    t, _ = call(f)
    w.wait_count(update_ok=1)
    w.asd.stop()
    w.start()
    f = w.link()
    assert items(admin(w.sock, "call", t))[0]["armf_a"] == "v2 overlay"
    again = offer(t, text=sdp())
    again.update(initial=False, cseq=2, to_tag="tb")
    v = f.ask(**again)
    assert v["ok"] and "a=ice-ufrag:av1b" in v["plan"]["offer"]["sec"][2]["text"], v
    bye(f, t)
    w.wait_contexts(0)


if __name__ == "__main__":
    sys.exit(main(TESTS, make_world))
