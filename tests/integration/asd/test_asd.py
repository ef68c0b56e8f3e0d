# SPDX-License-Identifier: GPL-2.0-or-later
"""asd as a whole: the real program, mediads with every kind of manners, a module that is a script.

python3 test_asd.py ASD FAKE_MEDIAD [test...]
"""
import signal
import sys
import time

import front
from calls import begin, bye, items, talk, texts
from front import admin, answered, offer, sdp, token
from harness import in_time, main, table, wait_for

TESTS, test = table()


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
def lines_of_the_media_relays(w):
    """Kept for a module that is restarted, as it said them last, over a restart of asd as well."""
    f = w.link(instance="k1")
    t = talk(f)
    assert "relay" not in f.ask(cmd="map", call=t)
    for lines in ("0 1-", "0 1- 1", "0 1-", "0 1- 1"):  # the same again is no repetition
        f.event("relay", t, callid=t + "@ue", **{"pass": "anchored"}, relay=lines)
        f.wait_acks()
        assert f.ask(cmd="map", call=t)["relay"] == [lines, ""]
    far = w.link(name="pcscf2", instance="k2")
    far.event("relay", t, callid=t + "@ue", **{"pass": "through"}, relay="0 1- 2-")
    far.wait_acks()
    assert far.ask(cmd="resync", calls=[], more=False)["ok"]  # the call is not its own
    far.close()
    time.sleep(1.5)  # written behind the calls' back
    w.asd.stop(signal.SIGKILL)
    w.start()
    f = w.link(instance="k1")
    assert f.ask(cmd="map", call=t)["relay"] == ["0 1- 1", "0 1- 2-"]
    f.event("relay", token(), callid="x", **{"pass": "through"}, relay="0")
    f.wait_acks()
    w.wait_count(events_unknown_call=1)
    bye(f, t)
    w.wait_contexts(0)


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
    # asd's own clock for the decision is as long, and may be first on a busy machine
    assert v["action"] == "plain" and ("in time" in v["reason"] or "too long" in v["reason"]), v
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


if __name__ == "__main__":
    sys.exit(main(TESTS))
