/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RED and ULPFEC of video through the ARMF: who is offered them, and who is not. */
#include "tests/unit/common/planner_bench.h"

#include <stdio.h>
#include <stdlib.h>

#define UE                                                                                         \
	"a=ice-ufrag:uevi\r\na=ice-pwd:0123456789abcdef012345\r\na=fingerprint:sha-256 " FP32      \
	"\r\na=candidate:1 1 udp 1 192.0.2.1 40000 typ host\r\na=setup:actpass\r\n"                \
	"a=rtcp-mux\r\na=rtcp-rsize\r\n"
#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define DC                                                                                         \
	"m=application 40004 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"           \
	"a=mid:1\r\n" UE "a=sctp-port:5000\r\na=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"
#define VIDEO(PROFILE, PTS)                                                                        \
	"m=video 40002 " PROFILE " " PTS "\r\nc=IN IP4 192.0.2.1\r\na=mid:2\r\n" UE
#define VP8                                                                                        \
	"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\n"                  \
	"a=fmtp:97 apt=96\r\n"
#define H264 "a=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\n"
#define RED "a=rtpmap:114 red/90000\r\na=rtpmap:115 rtx/90000\r\na=fmtp:115 apt=114\r\n"
#define ULPFEC "a=rtpmap:116 ulpfec/90000\r\n"
#define OFFER HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97 102 114 115 116") VP8 H264 RED ULPFEC
#define B_HEAD                                                                                     \
	"v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\n"                                    \
	"m=application 50004 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.2\r\n"           \
	"a=mid:1\r\n" UE "a=sctp-port:5000\r\n"

static struct planner_av_rules rules;
static struct planner_av_choice av;

static void open_bench(struct bench *b, const char *offer, const char *codec)
{
	bench_open(b, offer);
	rules = (struct planner_av_rules){.transports = 1u << AR_AV_DTLS | 1u << AR_AV_RTP};
	rules.kind[PLANNER_AV_VIDEO].wanted = true;
	snprintf(rules.kind[PLANNER_AV_VIDEO].codec, 16, "%s", codec);
	planner_av_choose(&av, &rules, &b->offer, AR_SIDE_A, NULL, b->choice.max_bundle);
	assert_int_equal(av.n, 1);
	for (int s = 0; s < 2; s++)
		av.av[0].leg[s] = (struct planner_av_leg){.addr = AR_SPAN("203.0.113.5"),
			.port = (uint16_t)(7000 + s),
			.ufrag = AR_SPAN("avuf"),
			.pwd = AR_SPAN("avavavavavavavavavavavav"),
			.fingerprint = AR_SPAN("SHA-256 " FP32),
			.candidate = {AR_SPAN("1 1 UDP 2130706431 203.0.113.5 7000 typ host")},
			.ncandidate = 1,
			.setup = AR_SETUP_PASSIVE};
	b->in.av = &av;
	plan(b);
}

static struct ar_span video(const struct ar_buf *b)
{
	static struct ar_sdp sdp;

	parse_buf(&sdp, b);
	assert_true(sdp.nmedia >= 2);
	return sdp.media[1].text;
}

static void offered_on_both_legs(void **state)
{
	struct bench b;
	struct ar_span v;

	(void)state;
	open_bench(&b, OFFER, "");
	apply(&b, to_b, OFFER);
	v = video(&b.out);
	assert_true(has_span(v, "m=video 7001 UDP/TLS/RTP/SAVPF 96 97 102 114 115 116\r\n"));
	assert_true(has_span(v, RED ULPFEC));
	assert_false(has_span(v, "a=rtcp-fb:114"));
	assert_false(has_span(v, "a=rtcp-fb:116"));
	/* whatever the callee takes of it, the answer to the caller has VP8 and its parity */
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD VIDEO("UDP/TLS/RTP/SAVPF", "96 97") VP8);
	v = video(&b.out);
	assert_true(has_span(v, "m=video 7000 UDP/TLS/RTP/SAVPF 96 97 114 115 116\r\n"));
	assert_true(has_span(v, RED ULPFEC));
	bench_close(&b);
}

/* H.264 does not number its pictures: a lost parity packet would be waited for. */
static void not_beside_h264_alone(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b, OFFER, "H264");
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD VIDEO("UDP/TLS/RTP/SAVPF", "102") H264);
	assert_true(has_span(video(&b.out), "m=video 7000 UDP/TLS/RTP/SAVPF 102\r\n"));
	assert_false(has_span(video(&b.out), "ulpfec"));
	bench_close(&b);
}

static void not_offered_not_there(const char *offer)
{
	struct bench b;

	open_bench(&b, offer, "");
	apply(&b, to_b, offer);
	assert_true(has_span(video(&b.out), " 96 97\r\n"));
	assert_false(has_span(video(&b.out), "red/"));
	assert_false(has_span(video(&b.out), "ulpfec"));
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), B_HEAD VIDEO("UDP/TLS/RTP/SAVPF", "96 97") VP8);
	assert_false(has_span(video(&b.out), "red/"));
	bench_close(&b);
}

static void half_of_it_is_nothing(void **state)
{
	(void)state;
	not_offered_not_there(HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97") VP8);
	not_offered_not_there(HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97 114 115") VP8 RED);
	not_offered_not_there(HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97 116") VP8 ULPFEC);
	/* RFC 5761 4: no type for RTP beside RTCP */
	not_offered_not_there(HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97 114 90") VP8
		"a=rtpmap:114 red/90000\r\na=rtpmap:90 ulpfec/90000\r\n");
	/* sound's RED is something else */
	not_offered_not_there(HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97 63 116") VP8 ULPFEC
		"a=rtpmap:63 red/48000/2\r\n");
	/* nobody tells of losses at once */
	not_offered_not_there(
		HEAD DC VIDEO("UDP/TLS/RTP/SAVP", "96 97 114 115 116") VP8 RED ULPFEC);
}

static void red_without_its_repetition(void **state)
{
	static const char offer[] = HEAD DC VIDEO("UDP/TLS/RTP/SAVPF", "96 97 114 116") VP8
		"a=rtpmap:114 red/90000\r\n" ULPFEC;
	struct bench b;

	(void)state;
	open_bench(&b, offer, "");
	apply(&b, to_b, offer);
	assert_true(has_span(video(&b.out), " 96 97 114 116\r\n"));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offered_on_both_legs),
		cmocka_unit_test(not_beside_h264_alone),
		cmocka_unit_test(half_of_it_is_nothing),
		cmocka_unit_test(red_without_its_repetition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
