/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apply, hide, restore, clone, check. */
#include "tests/unit/common/cmocka_all.h"
#include "tests/unit/common/oom.h"
#include "tests/unit/common/plan_help.h"
#include "tests/unit/common/samples.h"

#include <errno.h>
#include <stdlib.h>

static const struct ar_plan_dir to_b = {.answer = false};
static const struct ar_plan_dir to_a = {.answer = true, .outcome = AR_OUTCOME_AR_CAPABLE};

/* What rtpengine makes of Chromium's offer, hidden: its address, its ports, no group. */
#define RELAYED                                                                                    \
	"v=0\r\no=- 1 1 IN IP4 198.51.100.77\r\ns=-\r\nt=0 0\r\na=x-session:of rtpengine\r\n"      \
	"m=audio 30000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 198.51.100.77\r\na=mid:0\r\n"             \
	"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 "                            \
	"198.51.100.77\r\na=mid:1\r\n"

static int apply(const struct ar_plan *p, struct ar_plan_dir d, const char *in, const char *relayed,
	struct ar_buf *out)
{
	struct ar_sdp in_sdp, relayed_sdp;

	parse(&in_sdp, in);
	if (relayed)
		parse(&relayed_sdp, relayed);
	ar_buf_reset(out);
	return ar_plan_apply(p, d, &in_sdp, relayed ? &relayed_sdp : NULL, 5, out);
}

static void offer_to_b(void **state)
{
	struct sample_plan s;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_b, CHROMIUM_OFFER, NULL, &out), 0);
	/* exactly: o= ours, no group, ice-lite at the end of the session, audio byte for byte */
	assert_true(ar_span_eq(ar_buf_span(&out),
		AR_SPAN("v=0\r\no=- 3902 5 " B_ORIGIN "\r\ns=-\r\nt=0 0\r\na=extmap-allow-mixed\r\n"
			"a=msid-semantic: WMS s1\r\na=ice-lite\r\n" CHROMIUM_AUDIO DC_TEXT(
				"2", "actpass"))));
	ar_buf_free(&out);
}

static void answers_to_a(void **state)
{
	struct ar_plan_dir refused = {.answer = true, .outcome = AR_OUTCOME_DC_REFUSED};
	struct sample_plan s;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER, NULL, &out), 0);
	assert_has(&out, "o=- 3901 5 " A_ORIGIN "\r\n");
	assert_has(&out, CHROMIUM_ANSWER_AUDIO DC_TEXT("1", "passive"));
	assert_has_not(&out, "a=mid:1\r\na=sctp-port:5000\r\na=max-message"); /* B's own section */
	/* B says port 0, or nothing at all: the alternative */
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER_REFUSED, NULL, &out), 0);
	assert_has(&out, CHROMIUM_ANSWER_AUDIO DC_STUB);
	assert_has_not(&out, "a=ice-lite");
	assert_int_equal(
		apply(&s.plan, to_a, CHROMIUM_ANSWER_SESSION CHROMIUM_ANSWER_AUDIO, NULL, &out), 0);
	assert_has(&out, CHROMIUM_ANSWER_AUDIO DC_STUB);
	/* not even audio: its alternative, at port 0 */
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER_SESSION, NULL, &out), 0);
	assert_has(&out, "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n");
	/* another outcome, another recipe */
	assert_int_equal(apply(&s.plan, refused, CHROMIUM_ANSWER, NULL, &out), 0);
	assert_has(&out, DC_STUB);
	s.answer[0].alt = AR_SPAN_NONE;
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER_SESSION, NULL, &out), -EBADMSG);
	ar_buf_free(&out);
}

static void same_input_same_bytes(void **state)
{
	struct sample_plan s;
	struct ar_buf one, two;

	(void)state;
	sample_plan(&s);
	ar_buf_init(&one, AR_SDP_MAX_LEN);
	ar_buf_init(&two, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER, NULL, &one), 0);
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER, NULL, &two), 0);
	assert_true(ar_span_eq(ar_buf_span(&one), ar_buf_span(&two)));
	ar_buf_free(&one);
	ar_buf_free(&two);
}

static void with_rtpengine(void **state)
{
	struct sample_plan s;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_b, CHROMIUM_OFFER, RELAYED, &out), 0);
	assert_has(&out, "o=- 3902 5 " B_ORIGIN "\r\n");
	assert_has(&out, "a=x-session:of rtpengine\r\na=ice-lite\r\n");
	assert_has(&out, "m=audio 30000 ");
	assert_has(&out, DC_TEXT("2", "actpass"));
	assert_has_not(&out, "extmap-allow-mixed");
	/* B refuses: rtpengine's port 0 says nothing, B's says all */
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER, RELAYED, &out), 0);
	assert_has(&out, DC_TEXT("1", "passive"));
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER_REFUSED, RELAYED, &out), 0);
	assert_has(&out, DC_STUB);
	/* rtpengine lost sections: what has an alternative gets it */
	assert_int_equal(apply(&s.plan, to_a, CHROMIUM_ANSWER,
				 "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n", &out),
		0);
	assert_has(&out, "m=audio 0 ");
	assert_int_equal(apply(&s.plan, to_b, CHROMIUM_OFFER,
				 "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n", &out),
		-EBADMSG);
	ar_buf_free(&out);
}

/* A: audio, data channel, video. B: audio, video, ours last. rtpengine always has A's order. */
static void legs_in_different_order(void **state)
{
#define SEC(M) M "c=IN IP4 h\r\n"
	static const char a[] = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n" SEC(
		"m=audio 1 R 0\r\n") CHROMIUM_DC SEC("m=video 3 R 0\r\n");
	static const char b[] = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n" SEC(
		"m=audio 4 R 0\r\n") SEC("m=video 5 R 0\r\n") CHROMIUM_ANSWER_DC;
	static const char relayed[] = "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n" SEC(
		"m=audio 7 R 0\r\n") DC_STUB SEC("m=video 9 R 0\r\n");
	struct sample_plan s;
	struct ar_sdp in, out_sdp;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	s.offer[2] = s.offer[1];
	s.offer[1] = (struct ar_plan_section){.pass = true, .from = 2};
	s.answer[2] = (struct ar_plan_section){.pass = true, .from = 1};
	s.answer[1].from = 2;
	s.plan.offer.n = s.plan.answer[0].n = 3;
	ar_buf_init(&out, AR_SDP_MAX_LEN);

	assert_int_equal(apply(&s.plan, to_b, a, relayed, &out), 0);
	parse_buf(&out_sdp, &out);
	assert_int_equal(out_sdp.media[0].port, 7);
	assert_int_equal(out_sdp.media[1].port, 9);
	assert_int_equal(out_sdp.media[1].kind, AR_SDP_VIDEO);
	assert_int_equal(out_sdp.media[2].port, 9002);

	/* from B: hide gives A's order, and rtpengine's comes back in it */
	parse(&in, b);
	ar_buf_reset(&out);
	assert_int_equal(ar_plan_hide(&s.plan, to_a, &in, &out), 0);
	parse_buf(&out_sdp, &out);
	assert_int_equal(out_sdp.nmedia, 3);
	assert_int_equal(out_sdp.media[0].port, 4);
	assert_int_equal(out_sdp.media[1].port, 0);
	assert_int_equal(out_sdp.media[1].kind, AR_SDP_DATACHANNEL);
	assert_int_equal(out_sdp.media[2].port, 5);
	assert_int_equal(apply(&s.plan, to_a, b, relayed, &out), 0);
	parse_buf(&out_sdp, &out);
	assert_int_equal(out_sdp.media[0].port, 7);
	assert_int_equal(out_sdp.media[1].port, 9001);
	assert_int_equal(out_sdp.media[2].port, 9);
	ar_buf_free(&out);
#undef SEC
}

/* A data channel that passes brings along what it took from its session. */
static void passing_sections_take_their_session_along(void **state)
{
	struct sample_plan s;
	struct ar_sdp in, relayed, out_sdp;
	struct ar_span dc;
	struct ar_buf out;
	static const char lite[] =
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n"
		"a=ice-lite\r\na=ice-ufrag:sess\r\n"
		"a=ice-pwd:ssssssssssssssssssssss\r\na=setup:actpass\r\n"
		"a=fingerprint:sha-1 00:11\r\na=fingerprint:sha-1 22:33\r\n"
		"m=audio 1 R 0\r\nm=application 5 UDP/DTLS/SCTP "
		"webrtc-datachannel\r\ni=info\r\na=setup:passive\r\n";

	(void)state;
	sample_plan(&s);
	s.offer[1] = (struct ar_plan_section){.pass = true, .from = 1};
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_b, lite, RELAYED, &out), 0);
	parse_buf(&out_sdp, &out);
	dc = out_sdp.media[1].text;
	assert_int_equal(out_sdp.media[0].port, 30000);
	assert_true(
		has_span(dc, "webrtc-datachannel\r\ni=info\r\nc=IN IP4 192.0.2.5\r\na=setup:pass"));
	assert_true(has_span(dc, "a=ice-ufrag:sess\r\n"));
	assert_true(has_span(dc, "a=ice-pwd:ssssssssssssssssssssss\r\n"));
	assert_true(has_span(dc, "a=fingerprint:sha-1 00:11\r\na=fingerprint:sha-1 22:33\r\n"));
	assert_int_equal(count(dc, "a=setup"), 1); /* its own stays */
	assert_int_equal(count(ar_buf_span(&out), "a=ice-lite"), 0); /* it has no ICE of its own */

	/* restore does the same, without a plan, and leaves rtpengine's o= alone */
	parse(&in, lite);
	parse(&relayed, RELAYED);
	ar_buf_reset(&out);
	assert_int_equal(ar_sdp_restore(&in, &relayed, &out), 0);
	assert_has(&out, "o=- 1 1 IN IP4 198.51.100.77\r\n");
	assert_has(&out, "m=audio 30000 ");
	assert_has(
		&out, "m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\ni=info\r\nc=IN IP4 192");
	assert_has(&out, "a=ice-ufrag:sess\r\n");
	parse(&relayed, "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n");
	assert_int_equal(ar_sdp_restore(&in, &relayed, &out), -EBADMSG);
	ar_buf_free(&out);
}

/* a=ice-lite is of the session: behind rtpengine's it is added for a lite UE's own section. */
static void lite_ue_stays_lite(void **state)
{
	static const char lite[] =
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n" CHROMIUM_AUDIO
			CHROMIUM_DC;
	struct ar_sdp in, relayed;
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	parse(&in, lite);
	parse(&relayed, RELAYED);
	assert_int_equal(ar_sdp_restore(&in, &relayed, &out), 0);
	assert_has(&out, "a=ice-lite\r\nm=audio 30000");
	assert_int_equal(count(ar_buf_span(&out), "a=ice-lite"), 1);
	ar_buf_reset(&out);
	assert_int_equal(ar_sdp_restore(&in, &in, &out), 0);
	assert_int_equal(count(ar_buf_span(&out), "a=ice-lite"), 1);
	ar_buf_free(&out);
}

static void ordinary_call_hidden_and_restored(void **state)
{
	struct ar_plan_dir any = {0};
	struct ar_buf hidden, out;
	struct ar_sdp in, relayed;

	(void)state;
	ar_buf_init(&hidden, AR_SDP_MAX_LEN);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	/* no data channel: nothing changes, to the byte */
	parse(&in, PLAIN_OFFER);
	assert_int_equal(ar_plan_hide(NULL, any, &in, &hidden), 0);
	assert_true(ar_span_eq(ar_buf_span(&hidden), AR_SPAN(PLAIN_OFFER)));

	ar_buf_reset(&hidden);
	parse(&in, HANDSET_OFFER);
	assert_int_equal(ar_plan_hide(NULL, any, &in, &hidden), 0);
	parse_buf(&relayed, &hidden);
	assert_int_equal(relayed.nmedia, 4);
	assert_int_equal(relayed.media[1].port, 49154);
	assert_int_equal(relayed.media[2].port, 0);
	assert_true(has_span(relayed.media[3].text, "c=IN IP4 192.0.2.156\r\n"));
	assert_has_not(&hidden, "sctp-port");
	assert_int_equal(ar_sdp_restore(&in, &relayed, &out), 0);
	parse_buf(&relayed, &out);
	assert_int_equal(relayed.media[2].port, 52718);
	assert_true(has_span(relayed.media[2].text, "a=dcmap:10 subprotocol=\"http\"\r\n"));

	/* a second format, which RFC 8841 forbids, is not repeated, nor are an audio's others */
	ar_buf_reset(&hidden);
	parse(&in, "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 h\r\nt=0 0\r\n"
		   "m=application 5 UDP/DTLS/SCTP x webrtc-datachannel\r\n");
	assert_int_equal(ar_plan_hide(NULL, any, &in, &hidden), 0);
	assert_has(&hidden, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n");

	/* the group keeps only what is in use */
	ar_buf_reset(&hidden);
	parse(&in, CHROMIUM_OFFER);
	assert_int_equal(ar_plan_hide(NULL, any, &in, &hidden), 0);
	assert_has(&hidden, "a=group:BUNDLE 0\r\n");
	ar_buf_free(&hidden);
	ar_buf_free(&out);
}

static void every_section_has_an_address(void **state)
{
	static const char in_text[] =
		"v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nt=0 0\r\nm=audio 0 R 0\r\n"
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:\xc3\xa8\r\n";
	struct ar_plan_dir any = {0};
	struct sample_plan s;
	struct ar_buf out;
	struct ar_sdp in;

	(void)state;
	sample_plan(&s);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	parse(&in, in_text);
	assert_int_equal(ar_plan_hide(NULL, any, &in, &out), 0);
	assert_int_equal(count(ar_buf_span(&out), "c=IN IP6 2001:db8::9\r\n"), 2);
	assert_has_not(&out, "a=mid:"); /* a mid that is no token is not repeated */
	s.offer[1] = (struct ar_plan_section){.pass = true, .from = 1};
	assert_int_equal(apply(&s.plan, to_b, in_text, NULL, &out), 0);
	assert_int_equal(count(ar_buf_span(&out), "c=" B_ORIGIN "\r\n"), 2);
	ar_buf_free(&out);
}

static void line_ends_are_normalised(void **state)
{
	struct sample_plan s;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_b,
				 "v=0\no=- 1 1 IN IP4 h\ns=-\nt=0 0\nm=audio 1 R 0\nc=IN IP4 h\n"
				 "a=last\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel",
				 NULL, &out),
		0);
	for (size_t i = 0; i < out.n; i++)
		assert_true(out.p[i] != '\n' || out.p[i - 1] == '\r');
	assert_has(&out, "a=last\r\nm=application");
	ar_buf_free(&out);
}

static void group_of_a_max_bundle_ue(void **state)
{
	static const char other_group[] =
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\na=group:LS 0 1\r\na=group:BUNDLE 0 1 "
		"9\r\n" CHROMIUM_AUDIO CHROMIUM_DC;
	struct sample_plan s;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	s.plan.drop_group = false;
	s.plan.group[AR_SIDE_B] = AR_SPAN("BUNDLE 0 1");
	s.offer[1].text = AR_SPAN(DC_STUB);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s.plan, to_b, other_group, NULL, &out), 0);
	assert_has(&out, "a=group:LS 0 1\r\na=group:BUNDLE 0\r\n");
	/* rtpengine dropped it: put back; nothing left in use: no line */
	assert_int_equal(apply(&s.plan, to_b, other_group, RELAYED, &out), 0);
	assert_has(&out, "a=group:BUNDLE 0\r\n");
	s.offer[0] = (struct ar_plan_section){
		.from = -1, .text = AR_SPAN("m=audio 0 R 0\r\nc=IN IP4 h\r\na=mid:0\r\n")};
	assert_int_equal(apply(&s.plan, to_b, other_group, RELAYED, &out), 0);
	assert_has_not(&out, "BUNDLE");
	s.plan.drop_group = true;
	assert_int_equal(apply(&s.plan, to_b, other_group, NULL, &out), 0);
	assert_has(&out, "a=group:LS 0 1\r\n");
	assert_has_not(&out, "BUNDLE");
	ar_buf_free(&out);
}

static void buffer_errors_come_back(void **state)
{
	struct sample_plan s;
	struct ar_sdp in;
	struct ar_buf out;

	(void)state;
	sample_plan(&s);
	parse(&in, CHROMIUM_OFFER);
	ar_buf_init(&out, 100);
	assert_int_equal(ar_plan_apply(&s.plan, to_b, &in, NULL, 1, &out), -ENOBUFS);
	ar_buf_reset(&out);
	assert_int_equal(ar_plan_hide(&s.plan, to_b, &in, &out), -ENOBUFS);
	ar_buf_reset(&out);
	assert_int_equal(ar_sdp_restore(&in, &in, &out), -ENOBUFS);
	ar_buf_free(&out);
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	oom_after(1);
	assert_int_equal(ar_plan_apply(&s.plan, to_b, &in, NULL, 1, &out), -ENOMEM);
	oom_after(-1);
	ar_buf_free(&out);
}

/* ---- clone ---- */

static size_t asked;

static void *counting(size_t n)
{
	asked = n;
	return malloc(n);
}

static void *no_memory(size_t n)
{
	(void)n;
	return NULL;
}

static void clone_is_whole_and_compact(void **state)
{
	struct sample_plan *s = malloc(sizeof(*s));
	struct ar_buf before, after;
	struct ar_plan *c;
	const char *why;

	(void)state;
	assert_non_null(s);
	sample_plan(s);
	ar_buf_init(&before, AR_SDP_MAX_LEN);
	ar_buf_init(&after, AR_SDP_MAX_LEN);
	assert_int_equal(apply(&s->plan, to_a, CHROMIUM_ANSWER, NULL, &before), 0);
	c = ar_plan_clone(&s->plan, counting);
	assert_non_null(c);
	assert_int_equal(asked, ar_plan_size(&s->plan));
	assert_int_equal(ar_plan_size(c), asked);
	/* equal texts are there once: all three stubs are one */
	assert_ptr_equal(c->answer[0].sec[1].alt.p, c->answer[1].sec[1].text.p);
	assert_ptr_equal(c->offer.sec[1].alt.p, c->answer[1].sec[1].text.p);
	assert_null(c->offer.sec[0].alt.p); /* absent stays absent */
	assert_true(asked < 2500);
	/* nothing of the original is needed any more */
	memset(s, 0xee, sizeof(*s));
	free(s);
	assert_int_equal(ar_plan_check(c, &why), 0);
	assert_int_equal(apply(c, to_a, CHROMIUM_ANSWER, NULL, &after), 0);
	assert_true(ar_span_eq(ar_buf_span(&before), ar_buf_span(&after)));
	assert_null(ar_plan_clone(c, no_memory));
	free(c);
	ar_buf_free(&before);
	ar_buf_free(&after);
}

/* ---- check ---- */

struct damage {
	void (*to)(struct sample_plan *s);
	const char *why; /* a part of it */
};

#define TOO_LONG_TEXT 5000
static char long_text[TOO_LONG_TEXT + 10];

#define DAMAGE(name, code)                                                                         \
	static void name(struct sample_plan *s)                                                    \
	{                                                                                          \
		code;                                                                              \
	}
DAMAGE(d_offerer, s->plan.offerer = (enum ar_side)2)
DAMAGE(d_settled, s->plan.settled = 6)
DAMAGE(d_ref, memset(s->plan.ref, 'x', sizeof(s->plan.ref)))
DAMAGE(d_ref_line, strcpy(s->plan.ref, "a\nb"))
DAMAGE(d_id, s->plan.session_id[1] = AR_SPAN("-"))
DAMAGE(d_id_crlf, s->plan.session_id[0] = AR_SPAN("- 1\r\na=x"))
DAMAGE(d_id_none, s->plan.session_id[0] = AR_SPAN_NONE)
DAMAGE(d_id_blanks, s->plan.session_id[0] = AR_SPAN("-  1"))
DAMAGE(d_addr, s->plan.origin_addr[0] = AR_SPAN("IN IP4"))
DAMAGE(d_group, s->plan.group[0] = AR_SPAN("BUNDLE 0\r\na=x"))
DAMAGE(d_none, s->plan.nanswer = 0)
DAMAGE(d_many, s->plan.nanswer = AR_OUTCOMES + 1)
DAMAGE(d_for, s->plan.answer_for[4] = 2)
DAMAGE(d_length, s->plan.answer[1].n = 1)
DAMAGE(d_sections, s->plan.offer.n = AR_PLAN_MAX_SECTIONS + 1)
DAMAGE(d_sections2, s->plan.answer[0].n = AR_PLAN_MAX_SECTIONS + 1)
DAMAGE(d_from, s->offer[0].from = 2)
DAMAGE(d_from_low, s->offer[1].from = -2)
DAMAGE(d_pass_always, s->offer[0].from = -1)
DAMAGE(d_from_answer, s->answer[1].from = 2)
DAMAGE(d_one_way, s->answer[0].pass = false; s->answer[0].text = AR_SPAN(DC_STUB);
	s->answer[0].alt = AR_SPAN(DC_STUB))
DAMAGE(d_crossed, s->offer[1] = s->offer[0])
DAMAGE(d_no_text, s->offer[1].text = AR_SPAN_NONE)
DAMAGE(d_two, s->offer[1].text = AR_SPAN(DC_STUB DC_STUB))
DAMAGE(d_no_c, s->offer[1].text = AR_SPAN("m=audio 0 R 0\r\n"))
DAMAGE(d_lf, s->offer[1].text = AR_SPAN("m=audio 0 R 0\nc=IN IP4 h\n"))
DAMAGE(d_cut, s->offer[1].text = AR_SPAN("m=audio 0 R 0\r\nc=IN IP4 h"))
DAMAGE(d_long, s->offer[1].text = ar_span_str(long_text))
DAMAGE(d_alt_port, s->offer[1].alt = AR_SPAN(DC_TEXT("1", "passive")))
DAMAGE(d_alt_kind, s->offer[1].alt = AR_SPAN("m=audio 0 R 0\r\nc=IN IP4 h\r\n"))
DAMAGE(d_alt_bad, s->answer[0].alt = AR_SPAN("nonsense"))
DAMAGE(d_no_alt, s->answer[1].alt = AR_SPAN_NONE)

static void check_refuses(void **state)
{
	static const struct damage all[] = {{d_offerer, "offerer"}, {d_settled, "settled"},
		{d_ref, "ref"}, {d_ref_line, "ref"}, {d_id, "session_id"},
		{d_id_crlf, "session_id"}, {d_id_none, "session_id"}, {d_id_blanks, "session_id"},
		{d_addr, "origin_addr"}, {d_group, "group"}, {d_none, "no answer"},
		{d_many, "answer"}, {d_for, "answer_for"}, {d_length, "different length"},
		{d_sections, "too many"}, {d_sections2, "too many"}, {d_from, "out of range"},
		{d_from_low, "out of range"}, {d_pass_always, "range"}, {d_from_answer, "range"},
		{d_one_way, "one direction"}, {d_crossed, "one direction"},
		{d_no_text, "not one m="}, {d_two, "not one m="}, {d_no_c, "c= line"},
		{d_lf, "CRLF"}, {d_cut, "CRLF"}, {d_long, "too long"}, {d_alt_port, "with a port"},
		{d_alt_kind, "different kinds"}, {d_alt_bad, "not one m="},
		{d_no_alt, "without an alternative"}};
	struct sample_plan s;
	const char *why;

	(void)state;
	memset(long_text, 'x', TOO_LONG_TEXT);
	memcpy(long_text, "m=audio 0 R 0\r\nc=IN IP4 h\r\na=", 29);
	memcpy(long_text + TOO_LONG_TEXT - 2, "\r\n", 3);
	sample_plan(&s);
	why = NULL;
	if (ar_plan_check(&s.plan, &why) != 0)
		fail_msg("a good plan: %s", why);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sample_plan(&s);
		all[i].to(&s);
		why = "-";
		if (ar_plan_check(&s.plan, &why) != -EBADMSG || !strstr(why, all[i].why))
			fail_msg("case %zu: %s, not %s", i, why, all[i].why);
		assert_int_equal(ar_plan_check(&s.plan, NULL), -EBADMSG);
	}
}

/* A plan that nobody checked must not do worse than fail. */
static void unchecked_plans_fail(void **state)
{
	struct sample_plan s;
	struct ar_sdp in;
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, AR_SDP_MAX_LEN);
	parse(&in, CHROMIUM_ANSWER);
	sample_plan(&s);
	s.answer[1].text = AR_SPAN("nonsense");
	assert_int_equal(ar_plan_apply(&s.plan, to_a, &in, NULL, 1, &out), -EBADMSG);
	assert_int_equal(ar_plan_hide(&s.plan, to_a, &in, &out), -EBADMSG);
	sample_plan(&s);
	s.plan.answer[0].n = 1000;
	assert_int_equal(ar_plan_apply(&s.plan, to_a, &in, NULL, 1, &out), -EBADMSG);
	assert_int_equal(ar_plan_hide(&s.plan, to_a, &in, &out), -EBADMSG);
	ar_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offer_to_b),
		cmocka_unit_test(answers_to_a),
		cmocka_unit_test(same_input_same_bytes),
		cmocka_unit_test(with_rtpengine),
		cmocka_unit_test(legs_in_different_order),
		cmocka_unit_test(passing_sections_take_their_session_along),
		cmocka_unit_test(lite_ue_stays_lite),
		cmocka_unit_test(ordinary_call_hidden_and_restored),
		cmocka_unit_test(every_section_has_an_address),
		cmocka_unit_test(line_ends_are_normalised),
		cmocka_unit_test(group_of_a_max_bundle_ue),
		cmocka_unit_test(buffer_errors_come_back),
		cmocka_unit_test(clone_is_whole_and_compact),
		cmocka_unit_test(check_refuses),
		cmocka_unit_test(unchecked_plans_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
