/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Audio and video through the ARMF: which sections, and what stands on both legs. */
#include "tests/unit/common/planner_bench.h"

#include <stdlib.h>

#define UE_ICE(U)                                                                                  \
	"a=ice-ufrag:" U "\r\na=ice-pwd:0123456789abcdef012345\r\na=fingerprint:sha-256 " FP32     \
	"\r\n"

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n"
#define AUDIO                                                                                      \
	"m=audio 40000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.1\r\na=mid:0\r\n" UE_ICE(         \
		"ueau") "a=candidate:1 1 udp 1 192.0.2.1 40000 typ host\r\na=setup:actpass\r\n"    \
			"a=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=sendrecv\r\n"
#define VIDEO_CODECS                                                                               \
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n"         \
	"a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"                   \
	"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"                                            \
	"a=rtpmap:98 VP9/90000\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n"                   \
	"a=rtpmap:102 H264/90000\r\n"                                                              \
	"a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f;"       \
	"sprop-parameter-sets=Z0LAH\r\na=rtcp-fb:102 nack\r\n"                                     \
	"a=rtpmap:103 H264/90000\r\na=fmtp:103 packetization-mode=0;profile-level-id=42001f\r\n"
#define VIDEO(PORT, DIR)                                                                           \
	"m=video " PORT " UDP/TLS/RTP/SAVPF 98 99 96 97 102 103\r\nc=IN IP4 192.0.2.1\r\n"         \
	"b=AS:2500\r\na=mid:2\r\n" UE_ICE(                                                         \
		"uevi") "a=candidate:1 1 udp 1 192.0.2.1 40002 typ "                               \
			"host\r\na=setup:actpass\r\na=rtcp-mux\r\n"                                \
			"a=rtcp-rsize\r\na=extmap:2 "                                              \
			"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"           \
			"a=extmap:5 "                                                              \
			"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"           \
			"a=extmap:13 urn:3gpp:video-orientation\r\n" VIDEO_CODECS "a=" DIR "\r\n"  \
			"a=msid:stream track\r\na=ssrc-group:FID 11 12\r\na=ssrc:11 "              \
			"cname:ue\r\na=ssrc:12 cname:ue\r\n"
#define DC                                                                                         \
	"m=application 40004 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"           \
	"a=mid:1\r\n" UE_ICE("uedc") "a=candidate:1 1 udp 1 192.0.2.1 40004 typ "                  \
				     "host\r\na=setup:actpass\r\na=sctp-port:5000\r\n"             \
				     "a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"
#define OFFER HEAD AUDIO DC VIDEO("40002", "sendrecv")

#define B_VIDEO(PORT, DIR)                                                                         \
	"m=video " PORT " UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 192.0.2.2\r\na=mid:2\r\n" UE_ICE(    \
		"bbbb") "a=setup:active\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"                \
			"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=" DIR                      \
			"\r\na=msid:bs bt\r\n"                                                     \
			"a=ssrc:77 cname:bob\r\n"
#define B_HEAD "v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\n"
#define B_AUDIO                                                                                    \
	"m=audio 50000 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.2\r\na=mid:0\r\n" UE_ICE(         \
		"bbau") "a=setup:active\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
#define B_DC                                                                                       \
	"m=application 50004 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.2\r\n"           \
	"a=mid:1\r\n" UE_ICE("bbdc") "a=setup:active\r\na=sctp-port:5000\r\n"

static struct planner_av_rules rules;
static struct planner_av_choice av;

static void want_video(void)
{
	rules = (struct planner_av_rules){.transports = 1u << AR_AV_DTLS};
	rules.kind[PLANNER_AV_VIDEO].wanted = true;
}

static void reserve(struct planner_av *m)
{
	for (int s = 0; s < 2; s++)
		m->leg[s] = (struct planner_av_leg){.addr = AR_SPAN("203.0.113.5"),
			.ssrc_mask = m->kind == PLANNER_AV_VIDEO ? AR_PLAN_SSRC_MASK : 0,
			.port = (uint16_t)(7000 + s),
			.ufrag = s ? AR_SPAN("avB1") : AR_SPAN("avA1"),
			.pwd = AR_SPAN("avavavavavavavavavavavav"),
			.fingerprint = AR_SPAN("SHA-256 " FP32),
			.key = AR_SPAN("WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"),
			.candidate = {AR_SPAN("1 1 UDP 2130706431 203.0.113.5 7000 typ host")},
			.ncandidate = 1,
			.setup = AR_SETUP_PASSIVE};
}

static void choose(struct bench *b, enum ar_side offerer, const struct ar_plan *map)
{
	planner_av_choose(&av, &rules, &b->offer, offerer, map, b->choice.max_bundle);
	for (unsigned i = 0; i < av.n; i++)
		reserve(&av.av[i]);
	b->in.av = &av;
}

static void open_bench(struct bench *b, const char *offer)
{
	bench_open(b, offer);
	want_video();
	choose(b, AR_SIDE_A, NULL);
}

static struct ar_span section(const struct ar_buf *b, unsigned i)
{
	static struct ar_sdp sdp;

	parse_buf(&sdp, b);
	assert_true(i < sdp.nmedia);
	return sdp.media[i].text;
}

static void video_goes_to_the_armf_on_both_legs(void **state)
{
	struct bench b;
	struct ar_span v;

	(void)state;
	open_bench(&b, OFFER);
	assert_int_equal(av.n, 1);
	assert_string_equal(av.av[0].id, "v2");
	plan(&b);
	apply(&b, to_b, OFFER);
	v = section(&b.out, 2);
	/* the offerer's first codec that the ARMF has, then the others of VP8 and H264 */
	assert_true(has_span(v, "m=video 7001 UDP/TLS/RTP/SAVPF 96 97 102\r\n"));
	assert_true(has_span(v, "a=ice-ufrag:avB1"));
	assert_true(has_span(v, "a=setup:actpass\r\n"));
	assert_true(has_span(v, "a=rtcp-mux\r\n"));
	assert_true(has_span(v, "a=mid:2\r\n"));
	assert_true(has_span(v, "a=extmap:2 http://www.webrtc.org"));
	assert_true(has_span(
		v, "a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n"));
	assert_false(has_span(v, "video-orientation"));
	assert_false(has_span(v, "VP9"));
	assert_false(has_span(v, "sprop-parameter-sets"));
	/* the sender's names go along, and SSRCs that its video has nowhere else */
	assert_true(has_span(v, "a=sendrecv\r\na=msid:stream track\r\n"
				"a=ssrc-group:FID 710711018 710711021\r\n"
				"a=ssrc:710711018 cname:ue\r\na=ssrc:710711021 cname:ue\r\n"));
	assert_int_equal(710711018 ^ AR_PLAN_SSRC_MASK, 11);
	assert_has_not(&b.out, "uevi");
	assert_true(has_span(section(&b.out, 0), "a=ice-ufrag:ueau"));
	assert_has(&b.out, "a=ice-lite");

	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD B_AUDIO B_DC B_VIDEO("50002", "recvonly"));
	v = section(&b.out, 2);
	assert_true(has_span(v, "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_true(has_span(v, "a=setup:passive\r\n"));
	assert_true(has_span(v, "a=recvonly\r\na=msid:bs bt\r\na=ssrc:710710956 cname:bob\r\n"));
	assert_has_not(&b.out, "bbbb");
	assert_has(&b.out, "a=ice-ufrag:bbau");
	bench_close(&b);
}

#define TCC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define TCC_AUDIO AUDIO "a=extmap:3 " TCC "\r\na=rtcp-fb:111 transport-cc\r\n"
#define TCC_OFFER HEAD TCC_AUDIO DC VIDEO("40002", "sendrecv") "a=extmap:3 " TCC "\r\n"

/* A UE numbers all its transports together: beside the ARMF's leg nothing else may report them. */
static void transport_wide_numbers_are_the_armfs_alone(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, TCC_OFFER);
	assert_int_equal(av.n, 1);
	plan(&b);
	apply(&b, to_b, TCC_OFFER);
	assert_false(has_span(section(&b.out, 0), "transport"));
	assert_true(has_span(section(&b.out, 0), "a=rtpmap:111 opus/48000/2\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=extmap:3 " TCC "\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=rtcp-fb:96 transport-cc\r\n"));
	/* a callee that reports all the same is not passed on either */
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE),
		B_HEAD B_AUDIO "a=extmap:3 " TCC "\r\na=rtcp-fb:* transport-cc\r\n" B_DC B_VIDEO(
			"50002", "recvonly") "a=extmap:3 " TCC "\r\n");
	assert_false(has_span(section(&b.out, 0), "transport"));
	assert_true(has_span(section(&b.out, 2), "a=extmap:3 " TCC "\r\n"));
	bench_close(&b);
}

static void without_the_armf_every_section_keeps_them(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, TCC_OFFER);
	av.n = 0;
	plan(&b);
	apply(&b, to_b, TCC_OFFER);
	assert_true(has_span(section(&b.out, 0), "a=extmap:3 " TCC "\r\n"));
	assert_true(has_span(section(&b.out, 0), "a=rtcp-fb:111 transport-cc\r\n"));
	bench_close(&b);
}

static void sound_at_the_armf_has_none(void **state)
{
	struct bench b;
	struct ar_span a;

	(void)state;
	bench_open(&b, TCC_OFFER);
	want_video();
	rules.kind[PLANNER_AV_AUDIO].wanted = true;
	choose(&b, AR_SIDE_A, NULL);
	assert_int_equal(av.n, 2);
	plan(&b);
	apply(&b, to_b, TCC_OFFER);
	a = section(&b.out, 0);
	assert_true(has_span(a, "a=ice-ufrag:avB1"));
	assert_false(has_span(a, "transport"));
	assert_true(has_span(section(&b.out, 2), "a=extmap:3 " TCC "\r\n"));
	bench_close(&b);
}

static void whatever_becomes_of_the_data_channel(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	apply(&b, answer(AR_OUTCOME_DC_REFUSED),
		B_HEAD B_AUDIO
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.2\r\n"
		"a=mid:1\r\n" B_VIDEO("50002", "sendrecv"));
	assert_true(has_span(section(&b.out, 1), "m=application 0 "));
	assert_true(has_span(section(&b.out, 2), "m=video 7000 "));
	bench_close(&b);
}

static void refused_on_one_leg_refused_on_the_other(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE),
		B_HEAD B_AUDIO B_DC "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 "
				    "192.0.2.2\r\na=mid:2\r\na=sendonly\r\n");
	assert_true(has_span(section(&b.out, 2), "m=video 0 UDP/TLS/RTP/SAVPF 98\r\n"));
	assert_false(has_span(section(&b.out, 2), "sendonly"));
	/* too few m-lines */
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD B_AUDIO B_DC);
	assert_true(has_span(section(&b.out, 2), "m=video 0 "));
	bench_close(&b);
}

static void the_policy_names_the_codec_and_the_rate(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, OFFER);
	want_video();
	memcpy(rules.kind[PLANNER_AV_VIDEO].codec, "H264", 5);
	rules.kind[PLANNER_AV_VIDEO].max_kbps[AR_SIDE_A] = 800;
	choose(&b, AR_SIDE_A, NULL);
	plan(&b);
	apply(&b, to_b, OFFER);
	assert_true(has_span(section(&b.out, 2), "m=video 7001 UDP/TLS/RTP/SAVPF 102 96 97\r\n"));
	assert_true(has_span(section(&b.out, 2), "b=AS:2500\r\n")); /* the offerer's wish */
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD B_AUDIO B_DC B_VIDEO("50002", "sendrecv"));
	assert_true(has_span(section(&b.out, 2), "m=video 7000 UDP/TLS/RTP/SAVPF 102\r\n"));
	assert_true(has_span(section(&b.out, 2), "b=AS:800\r\n"));
	assert_true(has_span(section(&b.out, 2),
		"a=fmtp:102 "
		"profile-level-id=42001f;packetization-mode=1;level-asymmetry-allowed=1\r\n"));
	bench_close(&b);
}

/* What rtpengine is shown is A's layout with ours at port 0, from both sides. */
static void rtpengine_does_not_see_it(void **state)
{
	struct bench b;
	struct ar_sdp in;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	parse(&in, OFFER);
	ar_buf_reset(&b.out);
	assert_int_equal(ar_plan_hide(&b.plan, to_b, &in, &b.out), 0);
	assert_true(has_span(section(&b.out, 0), "m=audio 40000 "));
	assert_true(has_span(section(&b.out, 1), "m=application 0 "));
	assert_true(has_span(section(&b.out, 2), "m=video 0 "));
	parse(&in, B_HEAD B_AUDIO B_DC B_VIDEO("50002", "sendrecv"));
	ar_buf_reset(&b.out);
	assert_int_equal(ar_plan_hide(&b.plan, answer(AR_OUTCOME_AR_CAPABLE), &in, &b.out), 0);
	assert_true(has_span(section(&b.out, 0), "m=audio 50000 "));
	assert_true(has_span(section(&b.out, 2), "m=video 0 "));
	bench_close(&b);
}

/* ---- not taken ---- */

static void not_taken(const char *offer, const char *why)
{
	struct bench b;

	bench_open(&b, offer);
	choose(&b, AR_SIDE_A, NULL);
	assert_int_equal(av.n, 0);
	if (!av.why[PLANNER_AV_VIDEO] || !strstr(av.why[PLANNER_AV_VIDEO], why))
		fail_msg("\"%s\" is not why: %s", why, av.why[PLANNER_AV_VIDEO]);
	plan(&b); /* the video passes */
	apply(&b, to_b, offer);
	bench_close(&b);
}

static void media_that_stay_with_the_relay(void **state)
{
	static const char no_codec[] =
		HEAD AUDIO DC "m=video 40002 UDP/TLS/RTP/SAVPF 98 103\r\nc=IN IP4 "
			      "192.0.2.1\r\na=mid:2\r\n" UE_ICE(
				      "uevi") "a=candidate:1 1 udp 1 192.0.2.1 40002 typ "
					      "host\r\na=setup:actpass\r\n"
					      "a=rtpmap:98 VP9/90000\r\na=rtpmap:103 H264/90000\r\n"
					      "a=fmtp:103 packetization-mode=0\r\n";
	static const char no_mux[] = HEAD AUDIO DC
		"m=video 40002 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.1\r\na=mid:2\r\n" UE_ICE(
			"uevi") "a=candidate:1 1 udp 1 192.0.2.1 40002 typ host\r\n"
				"a=setup:actpass\r\na=rtpmap:96 VP8/90000\r\n";
	static const char plain_rtp[] = HEAD AUDIO DC
		"m=video 40002 RTP/AVP 96\r\nc=IN IP4 192.0.2.1\r\na=mid:2\r\n"
		"a=candidate:1 1 udp 1 192.0.2.1 40002 typ host\r\na=rtpmap:96 VP8/90000\r\n";
	static const char bundle_only[] =
		HEAD AUDIO DC "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.1\r\na=mid:2\r\n"
			      "a=bundle-only\r\na=rtpmap:96 VP8/90000\r\n";

	(void)state;
	want_video();
	not_taken(no_codec, "VP8 nor H264");
	not_taken(no_mux, "no a=rtcp-mux");
	not_taken(plain_rtp, "not allowed");
	not_taken(bundle_only, "max-bundle");
}

/* What is drawn is meant for the camera. */
static void the_camera_before_the_slides(void **state)
{
	static const char both[] = HEAD AUDIO DC VIDEO(
		"40002", "sendrecv") "a=content:slides\r\n" VIDEO("40006", "sendrecv");
	static const char slides[] =
		HEAD AUDIO DC VIDEO("40002", "sendrecv") "a=content:Slides\r\n";
	static const char cameras[] =
		HEAD AUDIO DC VIDEO("40002", "sendrecv") VIDEO("40006", "sendrecv");
	struct bench b;

	(void)state;
	open_bench(&b, both);
	assert_int_equal(av.n, 1);
	assert_int_equal(av.av[0].index, 3);
	bench_close(&b);
	open_bench(&b, slides);
	assert_int_equal(av.av[0].index, 2);
	bench_close(&b);
	open_bench(&b, cameras);
	assert_int_equal(av.av[0].index, 2);
	bench_close(&b);
}

static void no_video_is_nothing_to_say(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, HEAD AUDIO DC);
	assert_int_equal(av.n, 0);
	assert_null(av.why[PLANNER_AV_VIDEO]);
	bench_close(&b);
	open_bench(&b, HEAD AUDIO DC VIDEO("0", "inactive"));
	assert_int_equal(av.n, 0);
	bench_close(&b);
}

/* ---- other transports ---- */

#define SDES_VIDEO                                                                                 \
	"m=video 40002 RTP/SAVP 96\r\nc=IN IP4 192.0.2.1\r\na=mid:2\r\na=rtpmap:96 VP8/90000\r\n"  \
	"a=candidate:1 1 udp 1 192.0.2.1 40002 typ host\r\n"                                       \
	"a=crypto:3 AEAD_AES_256_GCM inline:XXXXXXXXXXXX\r\n"                                      \
	"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm\r\n"

static void keys_in_the_description(void **state)
{
	struct bench b;
	struct ar_span v;

	(void)state;
	bench_open(&b, HEAD AUDIO DC SDES_VIDEO);
	want_video();
	rules.transports |= 1u << AR_AV_SDES;
	choose(&b, AR_SIDE_A, NULL);
	assert_int_equal(av.n, 1);
	plan(&b);
	apply(&b, to_b, HEAD AUDIO DC SDES_VIDEO);
	v = section(&b.out, 2);
	assert_true(has_span(v, "m=video 7001 RTP/SAVP 96\r\n"));
	assert_true(has_span(v, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19z"));
	assert_false(has_span(v, "fingerprint"));
	assert_false(has_span(v, "ice-ufrag"));
	assert_true(has_span(v, "a=rtcp:7001\r\n"));
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE),
		B_HEAD B_AUDIO B_DC
		"m=video 50002 RTP/SAVP 96\r\nc=IN IP4 192.0.2.2\r\na=mid:2\r\n"
		"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:bbbb\r\na=rtpmap:96 VP8/90000\r\n");
	/* the tag of the one that is answered (RFC 4568 5.1.2) */
	assert_true(has_span(section(&b.out, 2), "a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:WVNf"));
	bench_close(&b);
}

static void a_plain_phone_on_the_other_side(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, OFFER);
	want_video();
	rules.transports |= 1u << AR_AV_RTP;
	rules.offered = AR_AV_RTP;
	choose(&b, AR_SIDE_A, NULL);
	plan(&b);
	apply(&b, to_b, OFFER);
	assert_true(has_span(section(&b.out, 2), "m=video 7001 RTP/AVP 96 97 102\r\n"));
	assert_false(has_span(section(&b.out, 2), "fingerprint"));
	apply(&b, answer(AR_OUTCOME_NONE_OFFERED),
		B_HEAD B_AUDIO B_DC
		"m=video 50002 RTP/AVP 96\r\nc=IN IP4 192.0.2.2\r\na=rtpmap:96 VP8/90000\r\n");
	assert_true(has_span(section(&b.out, 2), "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=fingerprint:"));
	bench_close(&b);
}

/* ---- later exchanges ---- */

static struct ar_plan *settle(struct bench *b)
{
	struct ar_plan *map;

	b->plan.settled = 1 + AR_OUTCOME_AR_CAPABLE;
	map = ar_plan_clone(&b->plan, malloc);
	assert_non_null(map);
	return map;
}

static void again(struct bench *b, const char *offer, enum ar_side offerer, struct ar_plan *map)
{
	parse(&b->offer, offer);
	planner_choose(&b->choice, NULL, &b->offer, offerer, map);
	b->in.offerer = offerer;
	b->in.map = map;
	b->in.leg[AR_SIDE_A].nstream = b->choice.naccepted;
	choose(b, offerer, map);
	ar_buf_reset(&b->texts);
	plan(b);
}

static void the_callee_holds(void **state)
{
	static const char hold[] = B_HEAD B_AUDIO B_DC B_VIDEO("50002", "sendonly");
	struct bench b;
	struct ar_plan *map;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	map = settle(&b);
	again(&b, hold, AR_SIDE_B, map);
	assert_int_equal(av.n, 1);
	assert_string_equal(av.av[0].id, "v2");
	apply(&b, (struct ar_plan_dir){.answer = false}, hold);
	assert_true(has_span(section(&b.out, 2), "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=sendonly\r\na=msid:bs bt\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=setup:actpass\r\n"));
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), HEAD AUDIO DC VIDEO("40002", "recvonly"));
	assert_true(has_span(section(&b.out, 2), "m=video 7001 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=recvonly\r\n"));
	free(map);
	bench_close(&b);
}

/* Without asd: from the map alone. */
static void held_while_asd_is_away(void **state)
{
	static const char hold[] = B_HEAD B_AUDIO B_DC B_VIDEO("50002", "sendonly");
	const struct ar_plan_roles roles = {.active = {0, 1u << 2}};
	struct bench b;
	struct ar_plan *map;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	map = settle(&b);
	parse(&b.offer, hold);
	ar_buf_reset(&b.texts);
	assert_int_equal(
		ar_plan_from_map(map, AR_SIDE_B, &b.offer, &roles, &b.plan, b.room, &b.texts), 0);
	assert_int_equal(ar_plan_check(&b.plan, &b.why), 0);
	apply(&b, (struct ar_plan_dir){.answer = false}, hold);
	assert_true(has_span(section(&b.out, 2), "m=video 7000 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=setup:actpass\r\n"));
	assert_true(has_span(section(&b.out, 2), "a=sendonly\r\n"));
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), HEAD AUDIO DC VIDEO("40002", "recvonly"));
	/* only what was offered: no H264, no rtcp-rsize, no extension; the role stays with us */
	assert_true(has_span(section(&b.out, 2), "m=video 7001 UDP/TLS/RTP/SAVPF 96 97\r\n"));
	assert_false(has_span(section(&b.out, 2), "H264"));
	assert_false(has_span(section(&b.out, 2), "rtcp-rsize"));
	assert_false(has_span(section(&b.out, 2), "extmap"));
	free(map);
	bench_close(&b);
}

static void the_role_stays_without_asd(void **state)
{
	static const char refresh[] = B_HEAD B_AUDIO B_DC
		"m=video 50002 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.2\r\na=mid:2\r\n" UE_ICE(
			"bbbb") "a=setup:actpass\r\na=rtpmap:96 VP8/90000\r\n";
	struct ar_plan_roles roles = {.active = {0, 1u << 2}};
	struct bench b;
	struct ar_plan *map;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	map = settle(&b);
	for (int active = 1; active >= 0; active--) {
		roles.active[AR_SIDE_B] = active ? 1u << 2 : 0;
		parse(&b.offer, refresh);
		ar_buf_reset(&b.texts);
		assert_int_equal(ar_plan_from_map(map, AR_SIDE_B, &b.offer, &roles, &b.plan, b.room,
					 &b.texts),
			0);
		apply(&b, answer(AR_OUTCOME_AR_CAPABLE), OFFER);
		assert_true(has_span(
			section(&b.out, 2), active ? "a=setup:active\r\n" : "a=setup:passive\r\n"));
	}
	/* another codec under our number, or another protocol, cannot be answered so */
	parse(&b.offer, B_HEAD B_AUDIO B_DC
		"m=video 50002 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.2\r\na=mid:2\r\n" UE_ICE(
			"bbbb") "a=setup:actpass\r\na=rtpmap:96 AV1/90000\r\n");
	ar_buf_reset(&b.texts);
	assert_int_equal(
		ar_plan_from_map(map, AR_SIDE_B, &b.offer, &roles, &b.plan, b.room, &b.texts), 0);
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), OFFER);
	assert_true(has_span(section(&b.out, 2), "m=video 0 "));
	free(map);
	bench_close(&b);
}

static void the_media_function_is_gone(void **state)
{
	const struct ar_plan_roles roles = {.av_gone = true};
	struct bench b;
	struct ar_plan *map;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	map = settle(&b);
	parse(&b.offer, OFFER);
	ar_buf_reset(&b.texts);
	assert_int_equal(
		ar_plan_from_map(map, AR_SIDE_A, &b.offer, &roles, &b.plan, b.room, &b.texts), 0);
	assert_int_equal(ar_plan_check(&b.plan, &b.why), 0);
	apply(&b, to_b, OFFER);
	assert_true(has_span(section(&b.out, 2), "a=ice-ufrag:uevi")); /* end to end */
	free(map);
	bench_close(&b);
}

static void video_goes_and_comes_back(void **state)
{
	static const char without[] = HEAD AUDIO DC VIDEO("0", "inactive");
	struct bench b;
	struct ar_plan *map, *map2;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	map = settle(&b);
	again(&b, without, AR_SIDE_A, map);
	assert_int_equal(av.n, 0);
	apply(&b, to_b, without);
	assert_true(has_span(section(&b.out, 2), "m=video 0 "));
	map2 = settle(&b);
	again(&b, OFFER, AR_SIDE_A, map2);
	assert_int_equal(av.n, 1);
	apply(&b, to_b, OFFER);
	assert_true(has_span(section(&b.out, 2), "m=video 7001 "));
	free(map);
	free(map2);
	bench_close(&b);
}

static void added_and_taken_off_by_a_later_offer(void **state)
{
	struct bench b;
	struct ar_plan *map, *map2;

	(void)state;
	open_bench(&b, HEAD AUDIO DC);
	plan(&b);
	map = settle(&b);
	again(&b, OFFER, AR_SIDE_A, map); /* video at the end */
	assert_int_equal(av.n, 1);
	apply(&b, to_b, OFFER);
	assert_true(has_span(section(&b.out, 2), "m=video 7001 "));
	map2 = settle(&b);
	rules.kind[PLANNER_AV_VIDEO].wanted = false; /* the policy does not want it any more */
	again(&b, B_HEAD B_AUDIO B_DC B_VIDEO("50002", "sendrecv"), AR_SIDE_B, map2);
	assert_int_equal(av.n, 1); /* not at the callee's offer: its edge may have hidden it */
	again(&b, OFFER, AR_SIDE_A, map2);
	assert_int_equal(av.n, 0);
	apply(&b, to_b, OFFER);
	assert_true(has_span(section(&b.out, 2), "a=ice-ufrag:uevi"));
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD B_AUDIO B_DC B_VIDEO("50002", "sendrecv"));
	assert_true(has_span(section(&b.out, 2), "a=ice-ufrag:bbbb"));
	free(map);
	free(map2);
	bench_close(&b);
}

/* A handset goes on without its keys: the media relay has the section until its next offer. */
static void another_transport_in_a_call(void **state)
{
	static const char plain[] = HEAD AUDIO DC
		"m=video 40002 RTP/AVP 96\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:96 VP8/90000\r\n"
		"a=candidate:1 1 udp 1 192.0.2.1 40002 typ host\r\n";
	struct bench b;
	struct ar_plan *map, *map2;

	(void)state;
	bench_open(&b, HEAD AUDIO DC SDES_VIDEO);
	want_video();
	rules.transports |= 1u << AR_AV_SDES | 1u << AR_AV_RTP;
	choose(&b, AR_SIDE_A, NULL);
	plan(&b);
	map = settle(&b);
	again(&b, HEAD AUDIO DC SDES_VIDEO, AR_SIDE_A, map);
	assert_int_equal(av.n, 1);
	again(&b, plain, AR_SIDE_A, map);
	assert_int_equal(av.n, 0);
	assert_string_equal(av.why[0], "its transport is another now: at the next offer again");
	apply(&b, to_b, plain);
	assert_true(has_span(section(&b.out, 2), "m=video 40002 RTP/AVP 96\r\n"));
	map2 = settle(&b);
	again(&b, plain, AR_SIDE_A, map2);
	assert_int_equal(av.n, 1);
	free(map);
	free(map2);
	bench_close(&b);
}

static void slots_of_a_plan(void **state)
{
	struct planner_av_slot slot[PLANNER_MAX_AV];
	struct bench b;

	(void)state;
	open_bench(&b, OFFER);
	plan(&b);
	assert_int_equal(planner_av_slots(&b.plan, slot), 1);
	assert_string_equal(slot[0].id, "v2");
	assert_int_equal(slot[0].at[0], 2);
	assert_int_equal(slot[0].at[1], 2);
	b.in.av = NULL;
	ar_buf_reset(&b.texts);
	plan(&b);
	assert_int_equal(planner_av_slots(&b.plan, slot), 0);
	bench_close(&b);
}

static void a_leg_that_cannot_stand_in_sdp(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, OFFER);
	av.av[0].leg[1].ufrag = AR_SPAN("a b");
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -22);
	assert_string_equal(b.why, "armf: no ICE credentials");
	bench_close(&b);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {T(video_goes_to_the_armf_on_both_legs),
		T(transport_wide_numbers_are_the_armfs_alone),
		T(without_the_armf_every_section_keeps_them), T(sound_at_the_armf_has_none),
		T(whatever_becomes_of_the_data_channel), T(refused_on_one_leg_refused_on_the_other),
		T(the_policy_names_the_codec_and_the_rate), T(rtpengine_does_not_see_it),
		T(media_that_stay_with_the_relay), T(the_camera_before_the_slides),
		T(media_that_stay_with_the_relay), T(no_video_is_nothing_to_say),
		T(keys_in_the_description), T(a_plain_phone_on_the_other_side), T(the_callee_holds),
		T(held_while_asd_is_away), T(the_role_stays_without_asd),
		T(the_media_function_is_gone), T(video_goes_and_comes_back),
		T(added_and_taken_off_by_a_later_offer), T(another_transport_in_a_call),
		T(slots_of_a_plan), T(a_leg_that_cannot_stand_in_sdp)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
