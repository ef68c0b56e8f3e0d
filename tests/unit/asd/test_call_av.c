/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Audio and video through the ARMF: what the call flow makes of policy, offers and answers. */
#include "world.h"
#include "asd/call/call_av.h"
#include "asd/call/call_store.h"
#include "asd/dcsf/mrm_av.h"
#include "common/daemon/ar_clock.h"
#include "common/plan_json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define T1 "0123456789abcdef"

#define FP8 "AB:AB:AB:AB:AB:AB:AB:AB:"
#define FP "a=fingerprint:sha-256 " FP8 FP8 FP8 "AB:AB:AB:AB:AB:AB:AB:AB\r\n"
#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
#define AUDIO "m=audio 49152 RTP/AVP 0\r\na=mid:0\r\n"
#define DC(SETUP)                                                                                  \
	"m=application 52718 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=ice-ufrag:dcdc\r\n"  \
	"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=sctp-port:5000\r\na=setup:" SETUP "\r\n" FP         \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"
#define VIDEO(PORT, SETUP, DIR)                                                                    \
	"m=video " PORT " UDP/TLS/RTP/SAVPF 96 97 102\r\na=mid:2\r\na=ice-ufrag:vivi\r\n"          \
	"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=setup:" SETUP "\r\n" FP "a=rtcp-mux\r\n"            \
	"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"                   \
	"a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\na=" DIR "\r\n"              \
	"a=ssrc-group:FID 5 6\r\na=ssrc:5 cname:ue\r\na=ssrc:6 cname:ue\r\n"
#define OFFER HEAD AUDIO DC("actpass") VIDEO("49154", "actpass", "sendrecv")
#define ANSWER HEAD AUDIO DC("active") VIDEO("49154", "active", "sendrecv")
#define NO_VIDEO "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n"

static struct world w;

/* A policy that differs by outcome. */
static const char policy[] =
	"local ar = require 'ar.policy'\n"
	"local m, act = ar.match, ar.act\n"
	"return ar.new 'armf'\n"
	"	:rule('draw', m.any, act.process { party = 'caller', media = 'video', op = "
	"'relay', "
	"max_kbps = 900 })\n"
	"	:rule('ar', m.any, act.accept { scene = 'default' })\n"
	"	:on_answer('assisted', m.outcome 'ar-assisted',\n"
	"		act.process { party = 'callee', media = 'video', op = 'split-render' })\n"
	"	:on_answer('plain phone', m.any_of(m.outcome 'dc-refused', m.outcome "
	"'none-offered'),\n"
	"		act.process { party = 'caller', media = 'video', op = 'overlay' })\n"
	"	:on_change('drawn upon from now on', m.by_callee,\n"
	"		act.process { party = 'caller', media = 'video', op = 'overlay' }, "
	"act.accept { scene = 'default' })\n";

static int setup(void **state)
{
	static char path[] = "/tmp/ims-ar-policy.XXXXXX";
	struct policy_conf pc;
	struct ar_buf err;
	FILE *f;
	int fd;

	(void)state;
	world_open(&w);
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fputs(policy, f);
	fclose(f);
	free(w.a.conf.policy_file);
	w.a.conf.policy_file = strdup(path);
	policy_free(w.a.policy);
	pc = asd_policy_conf(&w.a.conf);
	ar_buf_init(&err, 4096);
	if (policy_load(&w.a.policy, &pc, &err) != 0)
		fail_msg("%.*s", (int)err.n, err.p);
	ar_buf_free(&err);
	unlink(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

static struct call *the_call(void)
{
	return calls_find(&w.a.calls, T1);
}

static unsigned invite(const char *sdp)
{
	struct front_offer m = world_invite(T1, sdp);

	return world_offer(&w, &m);
}

static unsigned re_invite(uint32_t cseq, enum ar_side side, const char *sdp)
{
	struct front_offer m = world_invite(T1, sdp);

	m.cseq = cseq;
	m.initial = false;
	m.side = side;
	m.from_tag = side == AR_SIDE_A ? "ta" : "tb";
	m.to_tag = side == AR_SIDE_A ? "tb" : "ta";
	return world_offer(&w, &m);
}

static void event(
	const char *ev, uint32_t cseq, unsigned status, const char *sdp, const char *outcome)
{
	struct front_event e = world_event(ev, T1);

	e.cseq = cseq;
	e.has_cseq = cseq != 0;
	e.status = status;
	e.sdp = sdp ? sdp : "";
	e.outcome = outcome ? outcome : "";
	call_on_event(&w.a, &e);
	world_check(&w);
}

/* mediad takes all that is under way; what it has afterwards is side's facts. */
static void updated(void)
{
	for (unsigned i = 0; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	world_check(&w);
}

static const json_t *has(enum ar_side side, const char *id)
{
	return json_object_get(json_object_get(the_call()->ctx.told[side], "av"), id);
}

static const json_t *at_path(const json_t *o, const char *path)
{
	char copy[120], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *tok = strtok_r(copy, "/", &save); tok; tok = strtok_r(NULL, "/", &save))
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(tok))
				     : json_object_get(o, tok);
	return o;
}

static const char *text(const json_t *o, const char *path)
{
	o = at_path(o, path);
	return json_is_string(o) ? json_string_value(o) : "";
}

static json_int_t number(const json_t *o, const char *path)
{
	return json_integer_value(at_path(o, path));
}

static const char *uri(enum ar_side side)
{
	const char *u = text(has(side, "v2"), "mediaProcessingUri");

	return *u ? strrchr(u, ':') + 1 : "";
}

/* The plan's sections that go to the ARMF. */
static unsigned planned(unsigned request)
{
	struct planner_av_slot slot[PLANNER_MAX_AV];
	static struct ar_plan_room room;
	struct ar_plan p;
	const char *why = "";

	assert_string_equal(world_verdict(&w, request), "ar");
	if (ar_plan_from_json(&p, &room, json_object_get(w.answer[request], "plan"), &why) != 0)
		fail_msg("plan: %s", why);
	return planner_av_slots(&p, slot);
}

static unsigned ringing(void)
{
	unsigned r = invite(OFFER);

	world_confirm(&w, (unsigned)world_order(&w));
	world_check(&w);
	return r;
}

static void up(const char *outcome)
{
	ringing();
	event("answered", 1, 200, ANSWER, outcome);
	updated();
}

/* ---- */

static void reserved_with_the_data_channel(void **state)
{
	const json_t *a, *b;
	unsigned r = invite(OFFER);

	(void)state;
	a = json_object_get(
		json_array_get(json_object_get(w.order[0].doc, "terminations"), 0), "medias");
	b = json_object_get(
		json_array_get(json_object_get(w.order[0].doc, "terminations"), 1), "medias");
	assert_int_equal(json_array_size(a), 2);
	assert_int_equal(json_array_size(b), 2);
	assert_string_equal(text(a, "1/mediaId"), "v2");
	assert_string_equal(text(a, "1/mediaResourceType"), "AR");
	assert_string_equal(text(a, "1/x-ims-ar/network"), "default");
	assert_string_equal(text(a, "1/x-ims-ar/transport"), "DTLS-SRTP");
	assert_string_equal(text(a, "1/x-ims-ar/remote/direction"), "sendrecv");
	assert_string_equal(text(a, "1/x-ims-ar/remote/codecs/0/name"), "VP8");
	assert_string_equal(text(a, "1/x-ims-ar/remote/ssrc/0/cname"), "ue");
	assert_int_equal(number(a, "1/x-ims-ar/remote/ssrc/0/ssrc"), 5);
	/* each is sent the other's under the names that the module writes */
	assert_int_equal(number(a, "1/x-ims-ar/local/ssrcMask"), AR_PLAN_SSRC_MASK);
	assert_int_equal(number(b, "1/x-ims-ar/local/ssrcMask"), AR_PLAN_SSRC_MASK);
	assert_string_equal(text(a, "1/x-ims-ar/securitySetup"), "PASSIVE");
	assert_string_equal(text(b, "1/x-ims-ar/securitySetup"), "ACTPASS");
	assert_string_equal(text(b, "1/x-ims-ar/local/codecs/1/name"), "H264");
	world_confirm(&w, 0);
	assert_int_equal(planned(r), 1);
	event("bye", 0, 0, NULL, NULL);
}

/* "ssrc_mask" of the video in the offer to the callee; 0: none. */
static json_int_t planned_mask(unsigned r)
{
	const json_t *o = at_path(w.answer[r], "plan/offer/sec/2");

	assert_int_equal(planned(r), 1);
	assert_true(json_is_true(json_object_get(o, "carry")));
	return number(o, "ssrc_mask");
}

static json_t *ordered_local(int side)
{
	char path[80];

	snprintf(path, sizeof(path), "terminations/%d/medias/1/x-ims-ar/local", side);
	return (json_t *)(uintptr_t)at_path(w.order[world_order(&w)].doc, path);
}

/* Versions differ during an upgrade: SSRCs are turned where both the module and mediad can, else by
 * neither. One alone would be dead video at a UE that was told of others. */
static void ssrcs_are_turned_by_both_or_none(void **state)
{
	struct front_offer m = world_invite(T1, OFFER);
	unsigned r = ringing();

	(void)state;
	assert_int_equal(planned_mask(r), AR_PLAN_SSRC_MASK);
	event("bye", 0, 0, NULL, NULL);

	m.turns_ssrc = false; /* an older module */
	r = world_offer(&w, &m);
	assert_null(json_object_get(ordered_local(0), "ssrcMask"));
	world_confirm(&w, (unsigned)world_order(&w));
	assert_int_equal(planned_mask(r), 0);
	event("bye", 0, 0, NULL, NULL);

	r = invite(OFFER); /* an older mediad: its answer says nothing of a mask */
	for (int i = 0; i < 2; i++)
		assert_int_equal(json_object_del(ordered_local(i), "ssrcMask"), 0);
	world_confirm(&w, (unsigned)world_order(&w));
	assert_int_equal(planned_mask(r), 0);
	event("bye", 0, 0, NULL, NULL);
}

static void the_answer_goes_to_mediad(void **state)
{
	json_t *ops;

	(void)state;
	ringing();
	event("answered", 1, 200, ANSWER, "ar-capable");
	ops = json_array();
	assert_true(mrm_av_patch(ops, AR_SIDE_B, w.update[0].facts, the_call()->ctx.told[AR_SIDE_B],
		the_call()->ctx.doc));
	assert_string_equal(text(ops, "0/op"), "test");
	assert_string_equal(text(ops, "0/path"), "/terminations/1/medias/1/mediaId");
	assert_string_equal(text(ops, "1/path"), "/terminations/1/medias/1/remoteMbEndpoint");
	assert_string_equal(text(ops, "2/path"), "/terminations/1/medias/1/x-ims-ar/securitySetup");
	assert_string_equal(text(ops, "3/path"), "/terminations/1/medias/1/x-ims-ar/remote");
	assert_int_equal(json_array_size(ops), 4);
	json_decref(ops);
	updated();
	assert_string_equal(text(has(AR_SIDE_B, "v2"), "x-ims-ar/remote/codecs/0/name"), "VP8");
	assert_string_equal(text(has(AR_SIDE_B, "v2"), "x-ims-ar/securitySetup"), "PASSIVE");
	assert_true(*text(has(AR_SIDE_B, "v2"), "x-ims-ar/remote/fingerprints/0"));
	assert_string_equal(uri(AR_SIDE_A), "relay");
	assert_string_equal(uri(AR_SIDE_B), "relay");
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void the_operation_is_that_of_the_outcome(void **state)
{
	(void)state;
	up("ar-assisted");
	assert_string_equal(uri(AR_SIDE_A), "relay");
	assert_string_equal(uri(AR_SIDE_B), "split-render");
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

/* The callee has no data channel: its picture is drawn for it all the same. */
static void a_plain_phone_is_called(void **state)
{
	(void)state;
	ringing();
	event("answered", 1, 200,
		HEAD AUDIO "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n" VIDEO(
			"49154", "active", "sendrecv"),
		"dc-refused");
	updated();
	assert_int_equal(the_call()->ctx.state, CTX_UP);
	assert_string_equal(uri(AR_SIDE_A), "overlay");
	assert_string_equal(uri(AR_SIDE_B), "relay");
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void video_is_refused(void **state)
{
	(void)state;
	ringing();
	event("answered", 1, 200, HEAD AUDIO DC("active") NO_VIDEO, "ar-capable");
	updated();
	assert_null(has(AR_SIDE_A, "v2"));
	assert_null(has(AR_SIDE_B, "v2"));
	assert_int_equal(the_call()->ctx.state, CTX_UP);
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

/* Neither data channel nor video: nothing is left of the AR part. */
static void all_is_refused(void **state)
{
	(void)state;
	ringing();
	event("answered", 1, 200,
		HEAD AUDIO "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" NO_VIDEO,
		"dc-refused");
	assert_int_equal(the_call()->ctx.state, CTX_NONE);
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

/* A fork that refuses video while it rings takes it from nobody. */
static void an_early_refusal_takes_nothing(void **state)
{
	(void)state;
	ringing();
	event("early", 1, 183, HEAD AUDIO DC("active") NO_VIDEO, "ar-capable");
	updated();
	assert_non_null(has(AR_SIDE_A, "v2"));
	assert_non_null(has(AR_SIDE_B, "v2"));
	event("answered", 1, 200, ANSWER, "ar-capable");
	updated();
	assert_string_equal(text(has(AR_SIDE_B, "v2"), "x-ims-ar/remote/direction"), "sendrecv");
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void no_room_at_mediad(void **state)
{
	unsigned r = invite(OFFER);

	(void)state;
	assert_true(mrm_av_strip(w.order[0].doc)); /* what dcsf.c does then */
	assert_false(mrm_av_strip(w.order[0].doc));
	world_confirm(&w, 0);
	assert_int_equal(planned(r), 0);
	event("answered", 1, 200, ANSWER, "ar-capable");
	updated();
	assert_null(has(AR_SIDE_A, "v2"));
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

/* mediad's document with what an update brought. */
static void add_to_doc(enum ar_side side)
{
	json_t *doc = the_call()->ctx.doc, *ops = json_array(), *op;
	json_t *medias = json_object_get(
		json_array_get(json_object_get(doc, "terminations"), (size_t)side), "medias");
	size_t i;

	assert_true(mrm_av_patch(ops, side, the_call()->ctx.told[side], NULL, doc));
	json_array_foreach(ops, i, op)
	{
		if (strstr(text(op, "path"), "/medias/-"))
			json_array_append(medias, json_object_get(op, "value"));
	}
	json_decref(ops);
	world_add_av(medias, "later");
}

static void video_is_added(void **state)
{
	unsigned r;

	(void)state;
	r = invite(HEAD AUDIO DC("actpass"));
	world_confirm(&w, 0);
	assert_int_equal(planned(r), 0);
	event("answered", 1, 200, HEAD AUDIO DC("active"), "ar-capable");
	updated();
	r = re_invite(2, AR_SIDE_A, OFFER);
	assert_string_equal(world_verdict(&w, r), ""); /* both legs first */
	assert_int_equal(w.nupdates, 3);
	world_updated(&w, 1, 0);
	assert_string_equal(world_verdict(&w, r), "");
	call_set_json(&the_call()->ctx.told[1], w.update[2].facts);
	add_to_doc(AR_SIDE_A);
	add_to_doc(AR_SIDE_B);
	world_updated(&w, 2, 0);
	assert_int_equal(planned(r), 1);
	event("answered", 2, 200, ANSWER, "ar-capable");
	updated();
	assert_string_equal(text(has(AR_SIDE_B, "v2"), "x-ims-ar/remote/direction"), "sendrecv");
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void added_video_finds_no_room(void **state)
{
	unsigned r;

	(void)state;
	r = invite(HEAD AUDIO DC("actpass"));
	world_confirm(&w, 0);
	event("answered", 1, 200, HEAD AUDIO DC("active"), "ar-capable");
	updated();
	r = re_invite(2, AR_SIDE_A, OFFER);
	world_updated(&w, 1, -EREMOTEIO);
	world_updated(&w, 2, -EREMOTEIO);
	for (unsigned i = 3; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	assert_int_equal(planned(r), 0);
	event("answered", 2, 200, ANSWER, "ar-capable");
	updated();
	assert_null(has(AR_SIDE_A, "v2"));
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void a_failed_offer_leaves_nothing(void **state)
{
	(void)state;
	(void)invite(HEAD AUDIO DC("actpass"));
	world_confirm(&w, 0);
	event("answered", 1, 200, HEAD AUDIO DC("active"), "ar-capable");
	updated();
	(void)re_invite(2, AR_SIDE_A, OFFER);
	updated();
	assert_non_null(has(AR_SIDE_A, "v2"));
	event("failed", 2, 488, NULL, NULL);
	updated();
	assert_null(has(AR_SIDE_A, "v2"));
	assert_null(has(AR_SIDE_B, "v2"));
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void video_is_removed(void **state)
{
	unsigned r;

	(void)state;
	up("ar-capable");
	r = re_invite(2, AR_SIDE_A, HEAD AUDIO DC("actpass") NO_VIDEO);
	updated();
	assert_int_equal(planned(r), 0);
	assert_non_null(has(AR_SIDE_A, "v2")); /* not yet answered */
	event("answered", 2, 200, HEAD AUDIO DC("active") NO_VIDEO, "ar-capable");
	updated();
	assert_null(has(AR_SIDE_A, "v2"));
	assert_null(has(AR_SIDE_B, "v2"));
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void hold_is_told(void **state)
{
	unsigned r;

	(void)state;
	up("ar-capable");
	assert_string_equal(uri(AR_SIDE_A), "relay");
	r = re_invite(2, AR_SIDE_B, HEAD AUDIO DC("actpass") VIDEO("49154", "actpass", "sendonly"));
	updated();
	assert_int_equal(planned(r), 1);
	assert_string_equal(text(has(AR_SIDE_B, "v2"), "x-ims-ar/remote/direction"), "sendonly");
	/* asd is away, the module planned the next one itself */
	struct front_event e = world_event("offer", T1);
	e.cseq = 3;
	e.from_tag = "ta";
	e.to_tag = "tb";
	e.side = AR_SIDE_A;
	e.sdp = HEAD AUDIO DC("actpass") VIDEO("49154", "actpass", "inactive");
	event("answered", 2, 200, HEAD AUDIO DC("active") VIDEO("49154", "active", "recvonly"),
		"ar-capable");
	updated();
	assert_string_equal(uri(AR_SIDE_A), "overlay"); /* the policy of the change */
	call_on_event(&w.a, &e);
	updated();
	assert_string_equal(text(has(AR_SIDE_A, "v2"), "x-ims-ar/remote/direction"), "inactive");
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void it_is_in_the_store(void **state)
{
	json_t *before, *after;
	const char *why = "";
	struct call *c;

	(void)state;
	up("ar-assisted");
	before = call_to_json(&w.a, the_call());
	call_flow_close(&w.a);
	calls_remove(&w.a.calls, the_call());
	assert_int_equal(call_from_json(&w.a, before, &why), 0);
	c = the_call();
	assert_true(call_av_wanted(c));
	assert_int_equal(c->av.rule[PLANNER_AV_VIDEO].max_kbps[AR_SIDE_A], 900);
	after = call_to_json(&w.a, c);
	assert_true(json_equal(json_object_get(before, "av"), json_object_get(after, "av")));
	assert_true(
		json_equal(json_object_get(before, "settled"), json_object_get(after, "settled")));
	json_decref(before);
	json_decref(after);
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

/* What it was answered with chooses among the call's operations. */
static void an_outcome_out_of_range(void **state)
{
	static const int outcomes[] = {-1, -2, 7, AR_OUTCOMES};
	const char *why = "";

	(void)state;
	up("ar-assisted");
	for (unsigned i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		json_t *j = call_to_json(&w.a, the_call());

		json_object_set_new(j, "outcome", json_integer(outcomes[i]));
		call_flow_close(&w.a);
		calls_remove(&w.a.calls, the_call());
		assert_int_equal(call_from_json(&w.a, j, &why), 0);
		assert_in_range(the_call()->outcome, 0, AR_OUTCOMES - 1);
		json_decref(j);
	}
	event("bye", 0, 0, NULL, NULL);
	world_check_empty(&w);
}

static void printed_for_people(void **state)
{
	char buf[80];

	(void)state;
	up("ar-assisted");
	assert_string_equal(call_av_print(the_call(), AR_SIDE_A, buf, sizeof(buf)), "v2 relay");
	assert_string_equal(
		call_av_print(the_call(), AR_SIDE_B, buf, sizeof(buf)), "v2 split-render");
	assert_string_equal(call_av_print(the_call(), AR_SIDE_B, buf, 5), "v2 s");
	event("bye", 0, 0, NULL, NULL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(reserved_with_the_data_channel),
		T(ssrcs_are_turned_by_both_or_none), T(the_answer_goes_to_mediad),
		T(the_operation_is_that_of_the_outcome), T(a_plain_phone_is_called),
		T(video_is_refused), T(all_is_refused), T(an_early_refusal_takes_nothing),
		T(no_room_at_mediad), T(video_is_added), T(added_video_finds_no_room),
		T(a_failed_offer_leaves_nothing), T(video_is_removed), T(hold_is_told),
		T(it_is_in_the_store), T(an_outcome_out_of_range), T(printed_for_people)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
