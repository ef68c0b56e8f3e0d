# SPDX-License-Identifier: GPL-2.0-or-later
"""asd as a whole: the real program, mediads with every kind of manners, a module that is a script.

python3 test_asd.py ASD FAKE_MEDIAD [test...]
"""
import os
import random
import signal
import socket
import struct
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import front
from front import admin, answered, offer, sdp, token
from harness import ROOT, World, free_port, in_time, main, wait_for

TESTS = []


def test(**world):
    def wrap(f):
        f.world = world
        TESTS.append(f)
        return f
    return wrap


def begin(f, **more):
    """A call with a plan: its token and the verdict."""
    t = token()
    v = f.ask(**offer(t, **more))
    assert v["ok"] and v["action"] == "ar", v
    return t, v


def talk(f, **more):
    t, v = begin(f, **more)
    f.event("answered", t, **answered(t))
    f.wait_acks()
    return t


def bye(f, t, from_tag="ta", to_tag="tb"):
    f.event("bye", t, callid=t + "@ue", from_tag=from_tag, to_tag=to_tag)
    f.wait_acks()


def texts(plan):
    """The sections of ours, everything."""
    out = []
    for r in [plan["offer"]] + plan["answers"]:
        out += [s.get("text", "") for s in r["sec"]]
    return "".join(out)


def items(reply):
    assert reply["ok"], reply
    return reply["items"]


# ---- the ordinary way ----

@test()
def call_from_offer_to_bye(w):
    f = w.link()
    t, v = begin(f)
    plan = v["plan"]
    assert v["rule"] == "ar call"
    assert plan["offer"]["sec"][0] == {"pass": 0}
    assert "a=ice-ufrag:uf1b" in plan["offer"]["sec"][1]["text"]
    assert "a=setup:actpass" in plan["offer"]["sec"][1]["text"]
    assert "a=setup:passive" in plan["answers"][0]["sec"][1]["text"]
    f.event("early", t, **answered(t, status=183))
    f.event("answered", t, **answered(t))
    f.wait_acks()
    w.wait_count(update_ok=1, calls_answered=1)  # early told mediad, answered said the same
    detail = items(admin(w.sock, "call", t + "@ue"))
    assert detail[0]["state"] == "up" and detail[0]["ar"] == "up", detail
    assert [d["ue"] for d in detail if "ue" in d] == ["a", "b"]
    assert items(admin(w.sock, "call", t))[0]["callid"] == t + "@ue"
    assert len(items(admin(w.sock, "calls"))) == 1
    m = f.ask(cmd="map", call=t)
    assert m["ok"] and m["to_tag"] == "tb" and m["version"] == [1, 1], m
    assert m["plan"]["settled"] == "ar-capable", m["plan"]
    bye(f, t)
    w.wait_contexts(0)
    assert items(admin(w.sock, "calls")) == []
    assert f.ask(cmd="map", call=t)["code"] == "no_call"


@test()
def what_mediad_hears(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    c = w.context("c1")
    assert c["x-ims-ar"]["owner"] == "asd1" and c["x-ims-ar"]["call"] == t
    a, b = (x["medias"][0] for x in c["terminations"])
    assert a["dcMedia"]["securitySetup"] == "PASSIVE" and b["dcMedia"]["securitySetup"] == "PASSIVE"
    assert a["dcMedia"]["remoteDcEndpoint"]["fingerprint"] == "SHA-256 " + front.FP
    assert a["x-ims-ar"]["remote"]["ice"]["ufrag"] == "8hhY"
    assert b["x-ims-ar"]["remote"]["ice"]["ufrag"] == "bobU"
    assert b["x-ims-ar"]["remote"]["capability"] == "ar-capable"
    assert a["remoteMbEndpoint"]["portNumber"] == 52718
    assert set(a["dcMedia"]["streams"]) == set(b["dcMedia"]["streams"]) == {"1000", "1002"}
    assert a["dcMedia"]["streams"]["1002"]["maxRetry"] == 0
    assert "maxRetry" not in a["dcMedia"]["streams"]["1000"]
    assert a["x-ims-ar"]["user"] == "sip:alice@ims" and b["x-ims-ar"]["user"] == "sip:bob@ims"


@test()
def plain_without_data_channel(w):
    f = w.link()
    text = sdp(port=0)
    v = f.ask(**offer(token(), text=text))
    assert v["ok"] and v["action"] == "plain", v
    assert w.fakes[0].counts()["POST"] == 0
    w.wait_count(calls=0)


@test()
def callee_refuses_the_data_channel(w):
    f = w.link()
    t, _ = begin(f)
    f.event("answered", t, **answered(t, outcome="dc-refused", text=sdp("b", port=0)))
    f.wait_acks()
    w.wait_contexts(0)
    assert items(admin(w.sock, "call", t))[0]["ar"] == "none"
    bye(f, t)
    w.wait_count(calls=0)


@test()
def repeated_offer_gets_the_same_plan(w):
    f = w.link()
    t, v = begin(f)
    again = f.ask(**offer(t))
    assert again["plan"] == v["plan"]
    assert w.fakes[0].counts()["POST"] == 1
    w.wait_count(offers_repeated=1)


@test()
def calls_not_listed_are_released(w):
    """Events were lost: the module lists its calls, in parts; those of another one stay."""
    f, g = w.link(instance="ab"), w.link(instance="cd")
    kept, lost, foreign = talk(f), talk(f), talk(g)
    assert f.ask(cmd="resync", calls="x", more=False)["code"] == "malformed"
    assert f.ask(cmd="resync", calls=[token(), 7], more=True)["ok"]
    assert f.ask(cmd="resync", calls=[kept], more=False)["ok"]
    w.wait_contexts(2)
    assert f.ask(cmd="map", call=lost)["code"] == "no_call"
    bye(f, kept)
    bye(g, foreign)
    w.wait_contexts(0)


@test()
def unknown_things_are_harmless(w):
    f = w.link()
    assert f.ask(cmd="nonsense")["code"] == "unknown_cmd"
    assert f.ask(cmd="status")["code"] == "unknown_cmd"  # for admin connections
    assert f.ask(cmd="ping")["ok"]
    t = talk(f)
    f.event("teleported", t)
    f.event("early", token())
    f.event("bye", token())
    f.wait_acks()
    assert f.ask(**offer(token(), initial=False))["code"] == "no_call"
    assert f.ask(**offer("short"))["code"] == "malformed"
    bad = f.ask(**offer(token(), text="v=0\r\nnonsense\r\n"))
    assert bad["code"] == "malformed" and "sdp line 2" in bad["reason"], bad
    assert items(admin(w.sock, "call", t))[0]["state"] == "up"
    assert admin(w.sock, "call", "nobody")["code"] == "no_call"
    w.wait_count(events_unknown=1, events_unknown_call=2, calls=1)


# ---- a mediad with bad manners ----

@test(fakes=2)
def slow_dcmf_the_next_one_is_asked(w):
    w.fakes[0].set(post_delay_ms=1500)
    w.fakes[1].set(load=50)  # so that m1 is asked first
    f = w.link()
    time.sleep(2.2)  # a load report
    began = time.monotonic()
    t, v = begin(f)
    took = time.monotonic() - began
    assert 0.7 < took, took
    in_time("the second DCMF", took, 1.5)
    assert items(admin(w.sock, "call", t))[0]["dcmf"] == "m2"
    w.wait_count(reserve_late=1)  # m1's answer came, and was undone
    w.wait_contexts(0, 0)
    w.wait_contexts(1, 1)
    bye(f, t)
    w.wait_contexts(0, 1)


@test(fakes=2)
def whichever_answers_first(w):
    w.fakes[0].set(post_delay_ms=950)  # given up at 800, but before m2
    w.fakes[1].set(load=50, post_delay_ms=600)
    f = w.link()
    time.sleep(2.2)
    t, _ = begin(f)
    assert items(admin(w.sock, "call", t))[0]["dcmf"] == "m1"
    w.wait_count(reserve_late=1)
    w.wait_contexts(1, 0)
    w.wait_contexts(0, 1)


@test()
def slow_dcmf_alone_plain_in_time(w):
    w.fakes[0].set(post_delay_ms=3000)
    f = w.link()
    began = time.monotonic()
    v = f.ask(**offer(token()))
    took = time.monotonic() - began
    assert v["action"] == "plain" and "in time" in v["reason"], v
    assert 1.9 < took, took
    in_time("the verdict", took, 2.4)
    w.wait_count(plain_timeout=1, calls=0)
    w.wait_count(reserve_late=1)
    w.wait_contexts(0)


@test(fakes=2)
def refusing_dcmf_the_next_one_is_asked(w):
    w.fakes[0].set(post_status=503)
    w.fakes[1].set(load=50)
    time.sleep(2.2)
    f = w.link()
    t, _ = begin(f)
    assert items(admin(w.sock, "call", t))[0]["dcmf"] == "m2"
    w.wait_count(reserve_retried=1, reserve_failed=1)


@test(fakes=2)
def all_refuse_plain_with_the_reason(w):
    for m in w.fakes:
        m.set(post_status=503)
    v = w.link().ask(**offer(token()))
    assert v["action"] == "plain" and "told to refuse" in v["reason"], v


@test()
def answer_that_is_no_context(w):
    w.fakes[0].set(bad_doc=1)
    v = w.link().ask(**offer(token()))
    assert v["action"] == "plain" and "MediaContext" in v["reason"], v
    w.wait_count(calls=0, deciding=0)


@test()
def no_dcmf_at_all(w):
    w.fakes[0].tell("down 1")

    def down():
        """the DCMF to be seen down"""
        return w.dcmfs()["m1"]["state"] == "down"
    wait_for(down)
    f = w.link()
    v = f.ask(**offer(token()))
    assert v["action"] == "plain" and v["reason"] == "no DCMF available", v
    w.fakes[0].tell("down 0")
    w.wait_ready()
    begin(f)


@test()
def connection_lost_while_reserving(w):
    w.fakes[0].set(post_delay_ms=5000)
    f = w.link()
    r = f.request(**offer(token()))
    time.sleep(0.2)
    began = time.monotonic()
    w.fakes[0].tell("down 0")  # cuts what there is
    v = f.wait(r)
    assert v["action"] == "plain", v
    in_time("the verdict", time.monotonic() - began, 1)


@test()
def release_is_repeated_until_confirmed(w):
    f = w.link()
    t = talk(f)
    w.fakes[0].set(delete_status=500)
    bye(f, t)
    w.wait_count(calls=0, releases_pending=1)
    w.fakes[0].set(delete_status=0)
    w.wait_contexts(0)
    w.wait_count(releases_pending=0, release_ok=1)


@test()
def release_waits_for_a_dcmf_that_is_away(w):
    f = w.link()
    t = talk(f)
    w.fakes[0].tell("down 1")
    bye(f, t)
    w.wait_count(calls=0, releases_pending=1)
    assert w.fakes[0].counts()["contexts"] == 1
    w.fakes[0].tell("down 0")
    w.wait_contexts(0)
    w.wait_count(releases_pending=0)


@test()
def release_of_a_context_that_is_gone(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    w.fakes[0].tell("forget i1")
    bye(f, t)
    w.wait_count(releases_pending=0, release_ok=1, release_sent=1)  # 404 is an answer


@test()
def mediad_lost_its_memory(w):
    f = w.link()
    t = talk(f)
    w.fakes[0].tell("forget i2")
    w.fakes[0].tell("down 0")
    assert f.wait_command("release", t)
    assert items(admin(w.sock, "call", t))[0]["ar"] == "lost"
    m = f.ask(cmd="map", call=t)
    assert m["ok"] and m["released"], m
    bye(f, t)
    w.wait_count(calls=0, calls_lost=1)


@test()
def context_gone_event(w):
    f = w.link()
    t = talk(f)
    w.fakes[0].tell('event {"ev":"context-gone","contextId":"c1","reason":"worker died"}')
    assert f.wait_command("release", t)
    # a module that was away hears it when it comes back
    f.close()
    g = w.link(instance="ff")
    assert g.wait_command("release", t)
    w.fakes[0].tell('event {"ev":"context-gone","contextId":"c1"}')
    w.fakes[0].tell('event {"ev":"peer","contextId":"c1","terminationId":"a","state":"connected"}')
    w.fakes[0].tell('event [1]')
    bye(g, t)
    w.wait_count(calls=0, calls_lost=1)


@test()
def strays_are_deleted_others_left_alone(w):
    w.fakes[0].tell("stray asd2")
    w.fakes[0].tell("down 0")
    w.wait_count(dcmf_up=2)
    w.wait_ready()
    time.sleep(0.3)
    assert w.fakes[0].counts()["contexts"] == 1  # somebody else's
    w.fakes[0].tell("stray asd1")
    w.fakes[0].tell("down 0")
    w.wait_contexts(0)
    w.wait_count(contexts_stray=1)


@test()
def silent_event_stream_is_not_trusted(w):
    w.fakes[0].set(silent_events=1)
    w.fakes[0].tell("down 0")

    def connected():
        """connected, not ready"""
        return w.dcmfs()["m1"]["state"] == "connected"
    wait_for(connected)
    v = w.link().ask(**offer(token()))
    assert v["reason"] == "no DCMF available", v


@test(start=False)
def dcmf_by_name(w):
    w.conf["dcsf.dcmf"] = ["m1 localhost:%d" % w.fakes[0].port, "m2 no.such.host.invalid:99"]
    w.start(ready=False)
    w.wait_ready(["m1"])
    begin(w.link())

    def told():
        """the log to name the other one"""
        return "m2 at no.such.host.invalid" in w.asd.text()
    wait_for(told)


# ---- the calls' ways ----

@test()
def retry_after_407(w):
    f = w.link()
    t, _ = begin(f)
    f.event("failed", t, from_tag="ta", cseq=1, status=407)
    v = f.ask(**offer(t, cseq=2))
    assert v["action"] == "ar"
    f.event("answered", t, **answered(t, cseq=2))
    f.wait_acks()
    assert items(admin(w.sock, "call", t))[0]["state"] == "up"
    w.wait_contexts(1)
    bye(f, t)
    w.wait_contexts(0)


@test()
def failed_of_the_old_exchange_comes_late(w):
    f = w.link()
    t, _ = begin(f)
    assert f.ask(**offer(t, cseq=2))["action"] == "ar"
    f.event("failed", t, from_tag="ta", cseq=1, status=407)
    f.wait_acks()
    assert w.fakes[0].counts() == {"contexts": 1, "POST": 1, "PATCH": 0, "DELETE": 0}
    f.event("answered", t, **answered(t, cseq=2))
    f.wait_acks()
    assert items(admin(w.sock, "call", t))[0]["state"] == "up"
    bye(f, t)
    w.wait_contexts(0)


@test()
def rejected_with_486(w):
    f = w.link()
    t, _ = begin(f)
    f.event("failed", t, from_tag="ta", to_tag="tb", cseq=1, status=486)
    f.event("failed", t, from_tag="ta", to_tag="tb", cseq=1, status=486)
    f.wait_acks()
    w.wait_contexts(0)
    w.wait_count(calls=0, events_unknown_call=1)


@test()
def cancel_loses_against_200(w):
    f = w.link()
    t, _ = begin(f)
    f.event("cancelled", t, from_tag="ta", cseq=1)
    f.event("answered", t, **answered(t))
    f.wait_acks()
    assert items(admin(w.sock, "call", t))[0]["state"] == "up"
    w.wait_contexts(1)


@test()
def cancel_while_deciding(w):
    w.fakes[0].set(post_delay_ms=500)
    f = w.link()
    t = token()
    r = f.request(**offer(t))
    f.event("cancelled", t, from_tag="ta", cseq=1)
    f.event("failed", t, from_tag="ta", cseq=1, status=487)
    v = f.wait(r)
    assert not v["ok"] and v["code"] == "gone", v
    w.wait_count(calls=0, reserve_late=1)
    w.wait_contexts(0)


@test()
def module_gone_while_deciding(w):
    w.fakes[0].set(post_delay_ms=500)
    f = w.link()
    f.request(**offer(token()))
    time.sleep(0.1)
    f.close()
    w.wait_count(calls=0, reserve_ok=1)
    w.wait_contexts(0)


@test()
def verdict_came_too_late_gone(w):
    f = w.link()
    t, _ = begin(f)
    f.event("gone", t, from_tag="ta", cseq=1)
    f.wait_acks()
    w.wait_contexts(0)
    t = talk(f)
    r = f.ask(**offer(t, cseq=5, initial=False, to_tag="tb"))
    assert r["action"] == "ar"
    f.event("gone", t, from_tag="ta", cseq=5)  # only that exchange
    f.wait_acks()
    assert items(admin(w.sock, "call", t))[0]["open_exchanges"] == "0"
    f.event("gone", t)  # the whole call
    f.wait_acks()
    w.wait_count(calls=0)


@test()
def forks_the_2xx_wins(w):
    f = w.link()
    t, _ = begin(f)
    f.event("early", t, **answered(t, to_tag="t1", status=183, text=sdp("uf-one", "active")))
    f.event("early", t, **answered(t, to_tag="t2", status=183, text=sdp("uf-two", "active")))
    f.event("answered", t, **answered(t, to_tag="t2", text=sdp("uf-two", "active")))
    f.wait_acks()
    w.wait_count(update_ok=2)
    detail = items(admin(w.sock, "call", t))[0]
    assert detail["to_tag"] == "t2" and detail["forks"] == "2", detail
    # the other fork answers too, and the caller ends that one
    f.event("answered", t, **answered(t, to_tag="t1", text=sdp("uf-one", "active")))
    bye(f, t, "ta", "t1")
    assert items(admin(w.sock, "call", t))[0]["to_tag"] == "t2"
    w.wait_contexts(1)
    bye(f, t, "t2", "ta")
    w.wait_contexts(0)


@test()
def the_winner_is_ended_the_other_fork_stays(w):
    f = w.link()
    t, _ = begin(f)
    f.event("answered", t, **answered(t, to_tag="t1", text=sdp("uf-one", "active")))
    f.event("answered", t, **answered(t, to_tag="t2", text=sdp("uf-two", "active"), hash="ff"))
    bye(f, t, "ta", "t1")
    assert items(admin(w.sock, "call", t))[0]["to_tag"] == "t2"
    w.wait_count(update_ok=2)
    bye(f, t, "ta", "t2")
    w.wait_contexts(0)


@test()
def events_repeated_and_out_of_order(w):
    f = w.link(instance="ab")
    t, _ = begin(f)
    f.event("answered", t, **answered(t))
    f.event("early", t, **answered(t, status=183))  # late
    f.wait_acks()
    # the link breaks, the module sends both again with their numbers
    f.close()
    g = w.link(instance="ab")
    g.event("answered", t, **answered(t))
    g.event("early", t, **answered(t, status=183))
    g.wait_acks()
    w.wait_count(events_repeated=2, calls_answered=1)
    g.event("early", token())
    g.seq -= 1
    g.event("early", token())  # the number counts, whatever it says now
    g.wait_acks()
    w.wait_count(events_repeated=3, events_unknown_call=1)
    # Kamailio came back under a new instance: by meaning
    h = w.link(instance="cd")
    h.event("answered", t, **answered(t))
    h.wait_acks()
    w.wait_count(events_repeated=4, calls_answered=1)
    bye(h, t)
    h.event("bye", t)
    h.event("answered", t, **answered(t))
    h.wait_acks()
    w.wait_count(calls=0)


@test()
def answer_without_sdp_after_a_reliable_183(w):
    f = w.link()
    t, _ = begin(f)
    f.event("early", t, **answered(t, status=183))
    f.event("answered", t, **answered(t, text="", outcome=""))
    f.wait_acks()
    d = items(admin(w.sock, "call", t))[0]
    assert d["state"] == "up" and d["outcome"] == "ar-capable" and d["ar"] == "up", d


@test()
def re_invite_with_ice_restart(w):
    f = w.link()
    t = talk(f)
    w.fakes[0].set(new_ice=1)
    v = f.ask(**offer(t, cseq=2, initial=False, to_tag="tb", text=sdp("NEWu")))
    assert v["action"] == "ar"
    w.wait_count(update_ok=2)
    assert "uf3a" in texts(v["plan"]) or "uf2a" in texts(v["plan"]), texts(v["plan"])
    f.event("answered", t, **answered(t, cseq=2))
    f.wait_acks()
    assert f.ask(cmd="map", call=t)["version"] == [2, 2]
    # from the callee: its tag is the From-tag now
    v = f.ask(**offer(t, cseq=1, initial=False, side="b", from_tag="tb", to_tag="ta",
                      text=sdp("bobU", "actpass")))
    assert v["action"] == "ar" and v["plan"]["offerer"] == "b", v
    f.event("answered", t, **answered(t, cseq=1, side="a", from_tag="tb", to_tag="ta",
                                      text=sdp("NEWu", "active")))
    f.wait_acks()
    assert f.ask(cmd="map", call=t)["plan"]["offerer"] == "b"
    bye(f, t)
    w.wait_contexts(0)


@test()
def session_refresh_does_not_bother_mediad(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    v = f.ask(**offer(t, cseq=2, initial=False, method="UPDATE", to_tag="tb"))
    assert v["action"] == "ar"
    w.wait_count(update_sent=1)


@test()
def update_slow_or_refused_the_offer_is_answered(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    w.fakes[0].set(patch_delay_ms=1500)
    began = time.monotonic()
    v = f.ask(**offer(t, cseq=2, initial=False, to_tag="tb", text=sdp("slow")))
    assert v["action"] == "ar", v
    in_time("the verdict", time.monotonic() - began, 1.2)
    f.event("answered", t, **answered(t, cseq=2))
    w.wait_count(update_ok=2)
    w.fakes[0].set(patch_delay_ms=0, patch_status=400)
    v = f.ask(**offer(t, cseq=3, initial=False, to_tag="tb", text=sdp("refused")))
    assert v["action"] == "ar"
    w.wait_count(update_failed=1)
    w.fakes[0].set(patch_status=404)  # it does not have it any more
    v = f.ask(**offer(t, cseq=4, initial=False, to_tag="tb", text=sdp("notfound")))
    assert v["ok"], v
    assert f.wait_command("release", t)


@test()
def failed_re_invite_puts_the_facts_back(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    assert f.ask(**offer(t, cseq=2, initial=False, to_tag="tb", text=sdp("NEWu")))["ok"]
    w.wait_count(update_ok=2)
    f.event("failed", t, from_tag="ta", cseq=2, status=488)
    f.wait_acks()
    w.wait_count(update_ok=3)
    assert items(admin(w.sock, "call", t))[0]["state"] == "up"


@test()
def glare(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    w.fakes[0].set(patch_delay_ms=500)
    r = f.request(**offer(t, cseq=2, initial=False, to_tag="tb", text=sdp("NEWu")))
    v = f.ask(**offer(t, cseq=9, initial=False, side="b", from_tag="tb", to_tag="ta"))
    assert v["action"] == "deny" and v["code"] == 491, v
    assert f.wait(r)["action"] == "ar"


@test()
def data_channel_taken_out_and_put_in_again(w):
    f = w.link()
    t = talk(f)
    v = f.ask(**offer(t, cseq=2, initial=False, to_tag="tb", text=sdp(port=0)))
    assert v["action"] == "ar" and "m=application 0" in texts(v["plan"]), v
    f.event("answered", t, **answered(t, cseq=2, outcome="none-offered", text=sdp(port=0)))
    f.wait_acks()
    w.wait_contexts(0)
    v = f.ask(**offer(t, cseq=3, initial=False, to_tag="tb", text=sdp("AGAI")))
    assert v["action"] == "ar", v
    w.wait_contexts(1)
    f.event("answered", t, **answered(t, cseq=3))
    f.wait_acks()
    assert items(admin(w.sock, "call", t))[0]["ar"] == "up"
    bye(f, t)
    w.wait_contexts(0)


@test()
def module_planned_it_itself(w):
    f = w.link()
    t = talk(f)
    w.wait_count(update_ok=1)
    f.event("offer", t, from_tag="ta", to_tag="tb", cseq=7, method="INVITE", side="a",
            hash="77", sdp=sdp("LOCA"))
    f.event("answered", t, **answered(t, cseq=7, text=sdp("BLOC", "active"), hash="78"))
    f.wait_acks()
    w.wait_count(update_ok=3)
    assert f.ask(cmd="map", call=t)["version"] == [2, 2]


@test()
def callee_takes_one_stream_only(w):
    f = w.link()
    t, _ = begin(f)
    text = "\r\n".join(x for x in sdp("bobU", "active").split("\r\n") if "dcmap:1002" not in x)
    f.event("answered", t, **answered(t, text=text))
    f.wait_acks()
    w.wait_count(update_ok=1)
    c = w.context("c1")
    a, b = (x["medias"][0]["dcMedia"]["streams"] for x in c["terminations"])
    assert set(a) == {"1000", "1002"} and set(b) == {"1000"}, (a, b)


# ---- limits ----

@test(conf={"call.max_calls": "3"})
def max_calls(w):
    f = w.link()
    for _ in range(3):
        begin(f)
    v = f.ask(**offer(token()))
    assert v["action"] == "plain" and "too many calls" in v["reason"], v
    w.wait_count(plain_max_calls=1, calls=3)


@test(conf={"call.ring_ttl": "1"})
def never_answered(w):
    f = w.link()
    begin(f)
    w.wait_count(calls_expired_ring=1, calls=0)
    w.wait_contexts(0)


@test(conf={"front.max_connections": "3"})
def max_connections(w):
    links = [w.link() for _ in range(2)]
    hold = w.link()
    extra = socket.socket(socket.AF_UNIX)
    extra.connect(w.sock)
    assert extra.recv(1) == b""  # closed at once
    extra.close()
    hold.close()
    time.sleep(0.2)
    assert links[0].ask(cmd="ping")["ok"]
    w.wait_count(front_refused=1)


# ---- strangers on the front ----

@test()
def garbage_closes_the_connection(w):
    good = w.link()
    hello = b'{"id":1,"cmd":"hello","v":1,"kind":"sip","name":"x","instance":"y"}'

    def frame(b):
        return struct.pack("!I", len(b)) + b
    cases = [b"GET / HTTP/1.1\r\n\r\n", frame(b"[]"), frame(b"nonsense"), frame(b'{"a":1}'),
             struct.pack("!I", 0), struct.pack("!I", 0xffffffff), frame(b"\xff\xfe\x00"),
             frame(b'{"id":1,"cmd":"ping"}'), frame(hello) + frame(b'{"cmd":"ping"}'),
             frame(hello) + frame(b'{"cmd":"event","ev":"bye"}'), frame(b'{"id":1,"id":2}'),
             frame(hello) + frame(b"[" * 5000), frame(b'{"id":"x","cmd":"hello"}')]
    for case in cases:
        s = socket.socket(socket.AF_UNIX)
        s.connect(w.sock)
        s.settimeout(3)
        s.sendall(case)
        try:
            while s.recv(4096):
                pass
        except ConnectionResetError:
            pass
        except socket.timeout:
            raise AssertionError("still open after %r" % case[:40])
        finally:
            s.close()
    w.wait_count(front_garbage=len(cases))
    assert good.ask(cmd="ping")["ok"]


@test()
def random_frames_never_hurt(w):
    rng = random.Random(7)
    keys = ["id", "seq", "cmd", "ev", "call", "callid", "from_tag", "sdp", "initial", "side", "v",
            "cseq", "method", "arg", "outcome", "status"]
    values = ["offer", "event", "map", "ping", "hello", "bye", "answered", "early", 0, 1, -1, 2**63 - 1,
              None, True, [], {}, "a" * 300, "0123456789abcdef", sdp(), "INVITE", "a", 1.5, "\u0001\r\n"]
    f = w.link()
    t = talk(f)
    for i in range(400):
        m = {k: rng.choice(values) for k in rng.sample(keys, rng.randint(1, len(keys)))}
        m["cmd"] = rng.choice(["offer", "event", "map", "ping", "hello", "x"])
        m["id"] = 1000 + i
        m["seq"] = 1000 + i
        m.setdefault("call", rng.choice([t, "0123456789abcdef"]))
        f.send(m)
    f.next_id = 5000
    assert f.ask(cmd="ping")["ok"]
    assert w.status()["calls"] is not None


@test()
def wrong_version(w):
    f = w.link(hello=False)
    r = f.ask(cmd="hello", v=2, kind="sip", name="x", instance="y")
    assert r["code"] == "version", r
    assert f.ask(cmd="hello", v=1, kind="thing", name="x")["code"] == "malformed"
    assert f.ask(cmd="hello", v=1, kind="sip", name="x")["ok"]


@test(conf={"front.send_buffer_kib": "512"})
def slow_reader_is_closed(w):
    f = w.link()
    for _ in range(100):
        begin(f)
    s = front.Front(w.sock, kind="admin")
    body = b'{"id":7,"cmd":"calls"}'
    try:
        for _ in range(2000):
            s.raw(struct.pack("!I", len(body)) + body)
    except OSError:
        pass
    w.wait_count(front_slow=1)
    assert f.ask(cmd="ping")["ok"]
    s.close()


@test()
def no_hello(w):
    s = socket.socket(socket.AF_UNIX)
    s.connect(w.sock)
    s.settimeout(60)
    began = time.monotonic()
    s.sendall(struct.pack("!I", 100) + b"{")
    assert s.recv(1) == b""
    assert 4 < time.monotonic() - began
    in_time("closing it", time.monotonic() - began, 8)
    s.close()
    w.wait_count(front_silent=1)


@test(conf={"front.listen": ["tcp:127.0.0.1:%d" % free_port(), "unix:/tmp/asd-test-%d.sock" % os.getpid()]})
def front_over_tcp(w):
    where = w.conf["front.listen"][0][4:]
    f = front.Front(where)
    t = talk(f)
    bye(f, t)
    f.close()
    w.wait_contexts(0)


# ---- restarts ----

@test()
def killed_and_started_again(w):
    f = w.link(instance="k1")
    up = talk(f)
    ringing, v = begin(f)
    f.event("early", ringing, **answered(ringing, status=183))
    f.wait_acks()
    w.fakes[0].set(post_delay_ms=5000)
    f.request(**offer(token()))
    time.sleep(0.1)
    w.asd.stop(signal.SIGKILL)
    w.fakes[0].set(post_delay_ms=0)
    w.start()
    f = w.link(instance="k1")
    s = w.status()
    assert s["calls"] == "2" and s["calls_restored"] == "2", s
    m = f.ask(cmd="map", call=up)
    assert m["ok"] and m["to_tag"] == "tb" and m["from_tag"] == "ta", m
    # the ringing one is answered now, the same plan is known
    assert f.ask(**offer(ringing))["plan"] == v["plan"]
    f.event("answered", ringing, **answered(ringing))
    f.wait_acks()
    assert items(admin(w.sock, "call", ringing))[0]["outcome"] == "ar-capable"
    v = f.ask(**offer(up, cseq=2, initial=False, to_tag="tb"))
    assert v["action"] == "ar", v
    bye(f, up)
    bye(f, ringing)
    w.wait_contexts(0)


@test()
def context_gone_while_asd_was_away(w):
    f = w.link()
    t = talk(f)
    assert w.asd.stop() == 0
    w.fakes[0].tell("forget i2")
    w.start()
    f = w.link()
    assert f.wait_command("release", t)


@test()
def call_ended_while_asd_was_away(w):
    """The store was lost: mediad's contexts of ours are strays then."""
    f = w.link()
    talk(f)
    w.asd.stop(signal.SIGKILL)
    for name in os.listdir(w.dir):
        if name.startswith("asd.db"):
            os.unlink(os.path.join(w.dir, name))
    w.start()
    w.wait_contexts(0)
    w.wait_count(contexts_stray=1)


@test()
def stopping_answers_what_waits(w):
    w.fakes[0].set(post_delay_ms=3000)
    f = w.link()
    r = f.request(**offer(token()))
    time.sleep(0.2)
    w.asd.p.send_signal(signal.SIGTERM)
    v = f.wait(r)
    assert not v["ok"] and v["code"] == "stopping", v
    assert w.asd.p.wait(5) == 0


@test()
def a_second_asd_keeps_out(w):
    w.link()
    p = subprocess.run([w.asd_path, "-c", w.write_conf()], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "another asd" in p.stderr, p.stderr
    assert w.status()["calls"] == "0"


@test()
def damaged_store_goes_aside(w):
    f = w.link()
    talk(f)
    w.asd.stop()
    path = os.path.join(w.dir, "asd.db")
    with open(path, "r+b") as db:
        db.write(b"this is not a database at all, really not")
    p = subprocess.run([w.asd_path, "-c", w.write_conf(), "-t"], capture_output=True, text=True,
                       timeout=10)
    assert p.returncode == 1 and "damaged" in p.stderr, p
    w.start()
    assert any(n.startswith("asd.db.corrupt-") for n in os.listdir(w.dir))
    assert w.status()["calls"] == "0"


# ---- the system ----

@test(start=False)
def told_to_systemd(w):
    path = os.path.join(w.dir, "notify")
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.bind(path)
    n.settimeout(5)
    w.env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
    w.start()
    heard = b""
    while b"WATCHDOG=1" not in heard:
        heard += n.recv(4096)
    assert b"READY=1" in heard and b"calls" in heard, heard
    w.asd.p.send_signal(signal.SIGTERM)
    while b"STOPPING=1" not in heard:
        heard += n.recv(4096)
    assert w.asd.p.wait(5) == 0
    n.close()


@test(start=False)
def becomes_another_user(w):
    if os.geteuid() != 0:
        return
    import pwd
    who = pwd.getpwnam("nobody")
    os.chmod(w.dir, 0o755)
    os.mkdir(os.path.join(w.dir, "lib"))
    os.chown(os.path.join(w.dir, "lib"), who.pw_uid, who.pw_gid)
    w.conf["store.file"] = [os.path.join(w.dir, "lib", "asd.db")]
    # the checkout may be where that user cannot read
    lua = shutil.copytree(w.conf["policy.dir"][0], os.path.join(w.dir, "ar"))
    subprocess.run(["chmod", "-R", "a+rX", lua], check=True)
    w.conf["policy.dir"] = [lua]
    w.conf["asd.user"] = ["nobody"]
    w.start()
    with open("/proc/%d/status" % w.asd.p.pid) as f:
        ids = [line.split()[1:] for line in f if line.startswith(("Uid:", "Gid:", "Groups:"))]
    assert ids[0] == [str(who.pw_uid)] * 4 and ids[1] == [str(who.pw_gid)] * 4 and not ids[2], ids
    talk(w.link())
    w.wait_count(store_errors=0, update_ok=1)
    w.asd.stop()
    w.conf["asd.user"] = ["no-such-user"]
    p = subprocess.run([w.asd_path, "-c", w.write_conf()], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "no-such-user" in p.stderr, p.stderr


@test()
def store_on_a_full_disk(w):
    """Calls go on; the counter and the log tell."""
    w.asd.stop()
    small = os.path.join(w.dir, "small")
    os.mkdir(small)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", small],
                      capture_output=True).returncode != 0:
        w.start()
        return
    try:
        w.conf["store.file"] = [os.path.join(small, "asd.db")]
        w.start()
        f = w.link()
        names = [talk(f) for _ in range(40)]
        assert int(w.status()["store_errors"]) > 0
        assert "disk full" in w.asd.text()
        # there is room again: what is now is written, and nothing that ended meanwhile
        for t in names[:20]:
            bye(f, t)
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)

        def written():
            """the store to be written anew"""
            return "is written again" in w.asd.text()
        wait_for(written)
        w.asd.stop(signal.SIGKILL)
        w.start()
        assert w.status()["calls_restored"] == "20", w.status()
        f = w.link()
        for t in names[20:]:
            bye(f, t)
        w.wait_contexts(0)
        w.asd.stop()
    finally:
        subprocess.run(["umount", "-l", small], capture_output=True)


# ---- operator ----

def check(w, text, *argv):
    path = os.path.join(w.dir, "t.conf")
    with open(path, "w") as f:
        f.write(text)
    return subprocess.run([w.asd_path, "-c", path] + list(argv or ["-t"]), capture_output=True,
                          text=True, timeout=20)


@test()
def configuration_errors_say_where(w):
    cases = [("[asd]\nnmae = x\n", "t.conf:2"), ("[call]\nring_ttl = never\n", "t.conf:2"),
             ("[call]\nfallback = maybe\n", "fallback"), ("[dcsf]\ndcmf = x\n", "dcmf"),
             ("[dcsf]\ndcmf = a 1.2.3.4:1\ndcmf = a 1.2.3.4:2\n", "taken"),
             ("[front]\nlisten = somewhere\n", "listen"), ("[asd]\nname = a b\n", "name"),
             ("[front]\nunix_mode = 9\n", "unix_mode"), ("[asd]\nlog_level = loud\n", "log_level"),
             ("[dcsf]\nreserve_timeout_ms = 5000\n", "reserve_timeout_ms"),
             ("[asd]\nmetrics = 9920\n", "metrics"), ("[policy]\nmemory_kib = 1\n", "memory_kib")]
    for text, want in cases:
        p = check(w, text)
        assert p.returncode == 78 and want in p.stderr, (text, p.returncode, p.stderr)
    p = check(w, "[policy]\nfile = /nonexistent.lua\n")
    assert p.returncode == 1, p
    assert check(w, "", "--wrong").returncode == 2
    p = check(w, "", "--help")
    assert p.returncode == 0 and "decision_timeout_ms" in p.stdout
    assert "asd " in check(w, "", "--version").stdout


@test()
def shipped_configuration_is_right(w):
    with open(os.path.join(ROOT, "etc", "ims-ar", "asd.conf")) as f:
        text = f.read()
    for old, new in (("/etc/ims-ar/policy.lua", w.policy), ("/var/lib/ims-ar", w.dir),
                     ("; dir = /usr/share/ims-ar/lua/ar", "dir = " + ROOT + "/lua/ar")):
        assert old in text, old
        text = text.replace(old, new)
    p = check(w, text)
    assert p.returncode == 0 and "all right" in p.stdout, p


@test()
def policy_denies_and_reloads(w):
    f = w.link()
    begin(f)
    with open(w.policy, "w") as p:
        p.write("local ar = require 'ar.policy'\nreturn ar.new 'closed'\n"
                "  :rule('nobody', ar.match.any, ar.act.deny(403, 'AR service not allowed'))\n")
    assert admin(w.sock, "reload")["ok"]
    v = f.ask(**offer(token()))
    assert v == {"id": v["id"], "ok": True, "action": "deny", "code": 403, "rule": "nobody",
                 "reason": "AR service not allowed"}, v
    with open(w.policy, "w") as p:
        p.write("local ar = require 'ar.policy'\nreturn ar.new(\n")
    r = admin(w.sock, "reload")
    assert not r["ok"] and "policy.lua:" in r["reason"], r
    assert f.ask(**offer(token()))["action"] == "deny"  # the old one stays
    w.wait_count(policy_reloads=1, policy_reload_failed=1)
    w.asd.p.send_signal(signal.SIGHUP)
    w.wait_count(policy_reload_failed=2)


@test()
def broken_policy_at_start(w):
    w.asd.stop()
    with open(w.policy, "w") as p:
        p.write("this is not lua\n")
    p = subprocess.run([w.asd_path, "-c", w.write_conf()], capture_output=True, text=True, timeout=10)
    assert p.returncode == 1 and "policy.lua:1" in p.stderr, p.stderr


@test()
def policy_fails_in_a_call(w):
    f = w.link()
    with open(w.policy, "w") as p:
        p.write("local ar = require 'ar.policy'\nreturn ar.new 'bad'\n"
                "  :rule('loops', function(c) if c.caller.user == 'loop' then while true do end end "
                "return true end, ar.act.accept{scene='default'})\n")
    r = admin(w.sock, "reload")
    assert r["ok"], r
    v = f.ask(**offer(token(), **{"from": "sip:loop@ims"}))
    assert v["ok"] and v["action"] == "plain", v
    assert f.ask(**offer(token()))["action"] == "ar"
    w.wait_count(policy_failed=1)


@test(conf={"asd.metrics": "127.0.0.1:%d" % free_port()})
def metrics_and_health(w):
    base = "http://" + w.conf["asd.metrics"][0]
    f = w.link()
    talk(f)
    text = urllib.request.urlopen(base + "/metrics", timeout=5).read().decode()
    assert "asd_calls 1\n" in text and 'asd_dcmf_up{dcmf="m1"} 1' in text, text
    assert "asd_verdicts_ar_total 1\n" in text
    names = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"]
    assert len(names) > 60
    assert urllib.request.urlopen(base + "/healthz", timeout=5).read() == b"ok\n"
    try:
        urllib.request.urlopen(base + "/secret", timeout=5)
        raise AssertionError("found")
    except urllib.error.HTTPError as e:
        assert e.code == 404
    w.fakes[0].tell("down 1")

    def sick():
        """health to say so"""
        try:
            urllib.request.urlopen(base + "/healthz", timeout=5)
        except urllib.error.HTTPError as e:
            return e.code == 503
        return False
    wait_for(sick)


@test(conf={"asd.log_level": "warn"})
def thousand_calls_leave_nothing(w):
    f = w.link()

    def round_of(n):
        for i in range(0, n, 20):
            names = [token() for _ in range(20)]
            asked = [f.request(**offer(t)) for t in names]
            for r in asked:
                assert f.wait(r)["action"] == "ar"
            for t in names:
                f.event("early", t, **answered(t, status=183))
                f.event("answered", t, **answered(t))
            for t in names:
                f.event("bye", t, from_tag="ta", to_tag="tb")
            f.wait_acks()
        w.wait_contexts(0)
        w.wait_count(calls=0, releases_pending=0)
        return w.asd.rss_kib()
    before = round_of(400)
    after = round_of(1000)
    print("bench asd_memory 1000 calls: %d -> %d KiB" % (before, after))
    assert w.sanitized() or after - before < 600, (before, after)
    assert w.asd.text() == "", w.asd.text()[:500]


def make_world(t):
    more = dict(t.world)
    start = more.pop("start", True)
    w = World(sys.argv[1], sys.argv[2], **more)
    if start:
        w.start()
    return w


if __name__ == "__main__":
    sys.exit(main(TESTS, make_world))
