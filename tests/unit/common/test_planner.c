/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/planner_bench.h"
#include "tests/unit/common/oom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void anchors_a_browser_call(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	assert_int_equal(b.choice.index, 1);
	assert_int_equal(b.choice.naccepted, 2);
	plan(&b);

	apply(&b, to_b, CHROMIUM_OFFER);
	assert_has(&b.out, "o=- 3902 7 " B_ORIGIN "\r\n");
	assert_has_not(&b.out, "a=group");
	assert_has(&b.out, "a=ice-lite\r\nm=audio 50001");
	assert_has(&b.out, "a=x-nobody-knows:this stays as it is\r\n");
	assert_has(&b.out,
		"m=application 9001 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.1\r\n"
		"a=mid:1\r\na=ice-options:ice2\r\na=ice-ufrag:mfB1\r\n");
	assert_has(&b.out, "a=setup:actpass\r\na=tls-id:");
	assert_has(&b.out,
		"a=dcmap:1002 subprotocol=\"3gpp-ar-metadata\";ordered=false;max-retr=0\r\n");

	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), CHROMIUM_ANSWER);
	assert_has(&b.out, "o=- 3901 7 " A_ORIGIN "\r\n");
	assert_has(&b.out, "m=audio 51001 ");
	assert_has(&b.out, "a=ice-ufrag:mfA1\r\n");
	assert_has(&b.out, "a=setup:passive\r\na=fingerprint"); /* the offer had no tls-id */
	assert_has(&b.out, "a=dcmap:1000 subprotocol=\"mpeg-sd\";label=\"scene\"\r\n");
	bench_close(&b);
}

static void refusal_by_b(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	apply(&b, answer(AR_OUTCOME_DC_REFUSED), CHROMIUM_ANSWER_REFUSED);
	assert_has(&b.out, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=" A_ORIGIN
			   "\r\na=mid:1\r\n");
	assert_has_not(&b.out, "a=ice-lite");

	/* an answer that says port 51002, but is no data channel that could be served */
	apply(&b, answer(AR_OUTCOME_DC_REFUSED), CHROMIUM_ANSWER);
	assert_has(&b.out, "m=application 0 ");

	/* the policy keeps A's */
	b.in.keep = KEEP_ALL;
	plan(&b);
	assert_int_equal(b.plan.nanswer, 1);
	apply(&b, answer(AR_OUTCOME_DC_REFUSED), CHROMIUM_ANSWER_REFUSED);
	assert_has(&b.out, "a=ice-ufrag:mfA1");

	/* the policy refuses even where B took it */
	b.in.keep = 0;
	plan(&b);
	assert_int_equal(b.plan.nanswer, 1);
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), CHROMIUM_ANSWER);
	assert_has(&b.out, "m=application 0 ");
	bench_close(&b);
}

static void handset_with_two_sections(void **state)
{
	struct bench b;
	struct ar_sdp out;

	(void)state;
	bench_open(&b, HANDSET_OFFER);
	assert_int_equal(b.choice.index, 3); /* bootstrap only is not for us */
	plan(&b);
	apply(&b, to_b, HANDSET_OFFER);
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 4);
	assert_int_equal(out.media[2].port, 0);
	assert_true(has_span(out.media[2].text, "c=" B_ORIGIN));
	assert_int_equal(out.media[3].port, 9001);
	assert_true(has_span(out.media[3].text, "a=3gpp-req-app:ar-room\r\n"));
	assert_true(has_span(out.media[3].text, "a=3gpp-qos-hint:loss=0.01;latency=100\r\n"));
	assert_true(has_span(out.media[3].text, "b=AS:500\r\n"));

	apply(&b, answer(AR_OUTCOME_AR_CAPABLE),
		"v=0\r\no=b 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
		"m=audio 6000 RTP/AVP 97\r\nm=video 0 RTP/AVP 98\r\n"
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		"m=application 6004 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n");
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 4);
	assert_int_equal(out.media[2].port, 0);
	assert_int_equal(out.media[3].port, 9001);
	/* the offer had one, with a blank before it that is not repeated */
	assert_true(has_span(out.media[3].text, "a=tls-id:mf"));
	assert_false(has_span(out.media[3].text, "a=3gpp-req-app"));
	bench_close(&b);
}

static void max_bundle_keeps_its_group(void **state)
{
	struct bench b;
	struct ar_sdp relayed, in;

	(void)state;
	bench_open(&b, MAX_BUNDLE_OFFER);
	assert_int_equal(b.choice.index, -1);
	assert_true(b.choice.max_bundle);
	assert_non_null(b.choice.why);
	if (planner_plain(&b.in, &b.plan, b.room, &b.texts, &b.why) != 0)
		fail_msg("%s", b.why);
	assert_false(b.plan.drop_group);

	apply(&b, to_b, MAX_BUNDLE_OFFER);
	assert_has(&b.out, "a=group:BUNDLE 0\r\n");
	assert_has(&b.out, "m=application 0 ");
	assert_has_not(&b.out, "a=ice-lite");

	/* rtpengine drops the group of B's answer; A cannot do without */
	parse(&in, CHROMIUM_ANSWER_REFUSED);
	parse(&relayed, CHROMIUM_ANSWER_REFUSED);
	ar_buf_reset(&b.out);
	assert_int_equal(
		ar_plan_apply(&b.plan, answer(AR_OUTCOME_NONE_OFFERED), &in, &relayed, 1, &b.out),
		0);
	assert_has(&b.out, "a=group:BUNDLE 0\r\n");
	assert_has(&b.out, "m=application 0 ");
	bench_close(&b);
}

static void plain_call_of_an_unbundled_ue(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	assert_int_equal(planner_plain(&b.in, &b.plan, b.room, &b.texts, &b.why), 0);
	assert_true(b.plan.drop_group); /* or the call could never become an AR call */
	apply(&b, to_b, CHROMIUM_OFFER);
	assert_has(&b.out, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=" B_ORIGIN
			   "\r\na=mid:1\r\n");
	assert_has_not(&b.out, "a=group");
	apply(&b, answer(AR_OUTCOME_NONE_OFFERED), CHROMIUM_ANSWER_REFUSED);
	assert_has(&b.out, "m=application 0 ");
	bench_close(&b);
}

static void only_one_side_gets_a_channel(void **state)
{
	struct bench b;
	struct ar_sdp out;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	b.in.leg[AR_SIDE_B].present = false;
	b.in.keep = KEEP_ALL;
	plan(&b);
	apply(&b, to_b, CHROMIUM_OFFER);
	assert_has(&b.out, "m=application 0 ");
	assert_has_not(&b.out, "a=ice-lite");
	apply(&b, answer(AR_OUTCOME_NONE_OFFERED), CHROMIUM_ANSWER_REFUSED);
	assert_has(&b.out, "a=ice-ufrag:mfA1");
	bench_close(&b);

	/* A has none, B gets one at the end */
	bench_open(&b, CHROMIUM_AUDIO_OFFER);
	assert_int_equal(b.choice.index, -1);
	b.in.leg[AR_SIDE_A].present = false;
	plan(&b);
	apply(&b, to_b, CHROMIUM_AUDIO_OFFER);
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 2);
	assert_int_equal(out.media[1].port, 9001);
	assert_true(has_span(out.media[1].text, "a=mid:imsar\r\n"));
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), CHROMIUM_ANSWER);
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 1);
	bench_close(&b);
}

/* A telephone that takes its data channel section from a WebRTC stack, and nothing else: no mid
 * towards the other side, which would give audio the same one; and what that one calls audio in
 * its answer does not come back beside ours of that name. */
static void only_the_data_channel_has_a_mid(void **state)
{
	static const char offer_of_a[] = CHROMIUM_ANSWER_SESSION
		"m=audio 4000 RTP/AVP 8\r\nc=IN IP4 192.0.2.10\r\na=sendrecv\r\n" CHROMIUM_DC;
	static const char answer_of_b[] = CHROMIUM_ANSWER_SESSION
		"m=audio 5000 RTP/AVP 8\r\nc=IN IP4 "
		"192.0.2.20\r\na=mid:1\r\na=sendrecv\r\n" CHROMIUM_ANSWER_DC;
	struct bench b;
	struct ar_sdp out;

	(void)state;
	bench_open(&b, offer_of_a);
	plan(&b);
	apply(&b, to_b, offer_of_a);
	assert_has(&b.out, "a=ice-ufrag:mfB1");
	assert_has_not(&b.out, "a=mid:");
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), answer_of_b);
	parse_buf(&out, &b.out);
	assert_null(ar_sdp_attr(out.media[0].text, "mid").p);
	assert_true(has_span(out.media[0].text, "m=audio 5000 "));
	assert_true(has_span(out.media[0].text, "a=sendrecv\r\n"));
	assert_true(has_span(out.media[1].text, "a=mid:1\r\n"));
	bench_close(&b);
}

static void streams_are_chosen(void **state)
{
	struct planner_rules rules = {.accept = "*", .max_stream_id = 65534};
	struct planner_choice c;
	struct ar_sdp sdp;
	static const struct {
		const char *dcmap;
		unsigned accepted;
		const char *why;
	} cases[] = {
		{"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n", 1, NULL},
		{"a=dcmap:1000 subprotocol=\"mpeg-sd\";ordered=false\r\n"
		 "a=dcmap:1002 subprotocol=\"3gpp-ar-metadata\"\r\n",
			1, "mpeg-sd offered unreliable or unordered"},
		{"a=dcmap:1000 subprotocol=\"mpeg-sd\";max-time=9\r\n"
		 "a=dcmap:1002 subprotocol=\"3gpp-sr-pose\"\r\n",
			1, "mpeg-sd offered unreliable or unordered"},
		{"a=dcmap:1022 subprotocol=\"mpeg-sd\"\r\n"
		 "a=dcmap:1023 subprotocol=\"3gpp-ar-metadata\"\r\n",
			1, "stream id above the maximum"},
		{"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\na=dcmap:1001 subprotocol=\"chess\"\r\n",
			1, "sub-protocol not served"},
		{"a=dcmap:1000 subprotocol=\"mpeg-sd\";label=\"sz\xc3\xa8ne\"\r\n"
		 "a=dcmap:1002 subprotocol=\"3gpp-ar-metadata\"\r\n",
			1, "label with bytes outside ASCII"},
		/* 110 mpeg-sd collides with the bootstrap numbers; the sub-protocol decides */
		{"a=dcmap:110 subprotocol=\"mpeg-sd\"\r\n", 1, NULL},
		{"", 0, NULL}, /* channels in-band */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2000];

		snprintf(text, sizeof(text),
			"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
			"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
			"a=fingerprint:sha-256 " FP32 "\r\n%s",
			cases[i].dcmap);
		parse(&sdp, text);
		planner_choose(&c, NULL, &sdp, AR_SIDE_A, NULL);
		assert_int_equal(c.index, 0);
		assert_int_equal(c.naccepted, cases[i].accepted);
		if (cases[i].why)
			assert_string_equal(c.why, cases[i].why);
		else
			assert_null(c.why);
		planner_choose(&c, &rules, &sdp, AR_SIDE_A, NULL);
		assert_true(c.naccepted >= cases[i].accepted);
	}
}

static void what_cannot_be_anchored(void **state)
{
	static const struct {
		const char *section, *why;
	} cases[] = {
		{"m=application 5 TCP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n",
			"data channel over TCP"},
		{"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\n",
			"the data channel section breaks RFC 8841 or 8864"},
		{"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:0\r\n",
			"no data channel for AR in the offer"},
		{"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
			"no data channel for AR in the offer"},
		{"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
		 "a=dcmap:0 subprotocol=\"http\"\r\n",
			"no data channel for AR in the offer"},
		{"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
		 "a=dcmap:1000 subprotocol=\"chess\"\r\n",
			"sub-protocol not served"},
		{"m=application 5 DTLS/SCTP 5000\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n",
			"no data channel for AR in the offer"},
		{"", "no data channel for AR in the offer"},
	};
	struct planner_choice c;
	struct ar_sdp sdp;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2000];

		snprintf(text, sizeof(text),
			"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
			"a=fingerprint:sha-256 " FP32 "\r\nm=audio 4 RTP/AVP 0\r\n%s",
			cases[i].section);
		parse(&sdp, text);
		planner_choose(&c, NULL, &sdp, AR_SIDE_A, NULL);
		assert_int_equal(c.index, -1);
		assert_string_equal(c.why, cases[i].why);
	}
}

static void names_stay_within_the_text(void **state)
{
	char text[20000], label[900];
	struct planner_choice c;
	struct ar_sdp sdp;
	size_t n;

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	n = (size_t)snprintf(text, sizeof(text),
		CHROMIUM_AUDIO_OFFER
		"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"
		"a=sctp-port:5000\r\na=fingerprint:sha-256 " FP32 "\r\n");
	for (int i = 0; i < 8; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"a=dcmap:%d subprotocol=\"3gpp-sr-x\";label=\"%s\"\r\n", 1000 + i, label);
	parse(&sdp, text);
	planner_choose(&c, NULL, &sdp, AR_SIDE_A, NULL);
	assert_int_equal(c.naccepted, 2);
	assert_int_equal(c.nleft_out, 6);
	assert_string_equal(c.why, "labels too long");
}

static void setup_answers_what_the_ue_insists_on(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, HANDSET_OFFER);
	b.in.leg[AR_SIDE_A].setup = AR_SETUP_ACTIVE;
	plan(&b);
	assert_true(has_span(b.plan.answer[0].sec[3].text, "a=setup:active"));
	b.choice.dc.setup = AR_SETUP_ACTIVE;
	plan(&b);
	assert_true(has_span(b.plan.answer[0].sec[3].text, "a=setup:passive"));
	b.in.leg[AR_SIDE_A].setup = AR_SETUP_PASSIVE;
	b.choice.dc.setup = AR_SETUP_PASSIVE;
	plan(&b);
	assert_true(has_span(b.plan.answer[0].sec[3].text, "a=setup:active"));
	/* without ICE in the offer there is none in the answer, and our offer has it all the same
	 */
	b.choice.dc.ufrag = b.choice.dc.pwd = AR_SPAN_NONE;
	plan(&b);
	assert_false(has_span(b.plan.answer[0].sec[3].text, "a=ice-"));
	assert_false(has_span(b.plan.answer[0].sec[3].text, "a=candidate"));
	assert_true(has_span(b.plan.offer.sec[3].text, "a=ice-ufrag"));
	b.in.leg[AR_SIDE_A].addr = AR_SPAN("2001:db8::7");
	plan(&b);
	assert_true(has_span(b.plan.answer[0].sec[3].text, "c=IN IP6 2001:db8::7\r\n"));
	bench_close(&b);
}

static void bad_facts_are_refused(void **state)
{
	struct ar_dc_stream both = {.id = 1, .max_retr = 1, .max_time = 1};
	struct ar_dc_stream quote = {
		.id = 1, .max_retr = -1, .max_time = -1, .label = AR_SPAN("a\"b")};
	struct ar_dc_stream high = {.id = 65535, .max_retr = -1, .max_time = -1};
	struct planner_leg good = a_leg("mfA1");
	struct planner_leg bad[14];
	struct bench b;
	unsigned n = 0;

	(void)state;
#define BAD(...)                                                                                   \
	do {                                                                                       \
		bad[n] = good;                                                                     \
		bad[n].__VA_ARGS__;                                                                \
		n++;                                                                               \
	} while (0)
	BAD(addr = AR_SPAN("1.2.3.4\r\na=x"));
	BAD(addr = AR_SPAN_NONE);
	BAD(port = 0);
	BAD(sctp_port = 0);
	BAD(ufrag = AR_SPAN("a b"));
	BAD(pwd = AR_SPAN_NONE);
	BAD(fingerprint = AR_SPAN("SHA-256 AB\r\nm=audio 1"));
	BAD(fingerprint = AR_SPAN_NONE);
	BAD(tls_id = AR_SPAN("a\tb"));
	BAD(candidate[0] = AR_SPAN("1 1\n"));
	BAD(ncandidate = PLANNER_MAX_CANDIDATES + 1);
	BAD(stream = &both, bad[n].nstream = 1);
	BAD(stream = &quote, bad[n].nstream = 1);
	BAD(stream = &high, bad[n].nstream = 1);
#undef BAD
	bench_open(&b, CHROMIUM_OFFER);
	for (unsigned i = 0; i < n; i++) {
		b.why = NULL;
		b.in.leg[AR_SIDE_A] = bad[i];
		assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -EINVAL);
		assert_non_null(b.why);
	}
	b.in.leg[AR_SIDE_A] = good;
	b.in.ref = AR_SPAN("a reference that is longer than it may be");
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -EINVAL);
	b.in.ref = AR_SPAN("x");
	b.choice.index = 9;
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -EINVAL);
	b.choice.index = 1;
	b.in.session_id[0] = AR_SPAN("one");
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -EBADMSG);
	bench_close(&b);
}

static void limits(void **state)
{
	static char text[AR_SDP_MAX_LEN];
	struct bench b;
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), CHROMIUM_SESSION);
	for (int i = 0; i < AR_SDP_MAX_MEDIA; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"m=audio %d RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n", 1000 + i);
	bench_open(&b, text);
	b.in.leg[AR_SIDE_A].present = false;
	/* B's own channel would be the 33rd section */
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -E2BIG);
	b.in.leg[AR_SIDE_B].present = false;
	plan(&b);
	ar_buf_free(&b.texts);
	ar_buf_init(&b.texts, 100);
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -ENOBUFS);
	bench_close(&b);

	bench_open(&b, CHROMIUM_OFFER);
	oom_after(1);
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -ENOMEM);
	oom_after(-1);
	assert_string_equal(b.why, "no memory for the plan's texts");
	bench_close(&b);
}

static void *remember(size_t n);
static size_t asked;
static void *remember(size_t n)
{
	asked = n;
	return malloc(n);
}

static void a_plan_is_compact(void **state)
{
	struct bench b;
	struct ar_plan *c;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	c = ar_plan_clone(&b.plan, remember);
	assert_non_null(c);
	print_message("audio and data channel: %zu bytes\n", asked);
	assert_true(asked <= 2500);
	free(c);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anchors_a_browser_call),
		cmocka_unit_test(refusal_by_b),
		cmocka_unit_test(handset_with_two_sections),
		cmocka_unit_test(max_bundle_keeps_its_group),
		cmocka_unit_test(plain_call_of_an_unbundled_ue),
		cmocka_unit_test(only_one_side_gets_a_channel),
		cmocka_unit_test(only_the_data_channel_has_a_mid),
		cmocka_unit_test(streams_are_chosen),
		cmocka_unit_test(what_cannot_be_anchored),
		cmocka_unit_test(names_stay_within_the_text),
		cmocka_unit_test(setup_answers_what_the_ue_insists_on),
		cmocka_unit_test(bad_facts_are_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(a_plan_is_compact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
