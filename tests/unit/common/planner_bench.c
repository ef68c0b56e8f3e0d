/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/planner_bench.h"

#include <stdlib.h>

const struct ar_dc_stream bench_streams[2] = {
	{.id = 1000,
		.ordered = true,
		.max_retr = -1,
		.max_time = -1,
		.subprotocol = AR_SPAN("mpeg-sd"),
		.label = AR_SPAN("scene")},
	{.id = 1002,
		.ordered = false,
		.max_retr = 0,
		.max_time = -1,
		.subprotocol = AR_SPAN("3gpp-ar-metadata")},
};

struct planner_leg a_leg(const char *ufrag)
{
	return (struct planner_leg){.present = true,
		.addr = AR_SPAN("203.0.113.1"),
		.port = 9001,
		.sctp_port = 5000,
		.max_message_size = 262144,
		.ufrag = ar_span_str(ufrag),
		.pwd = AR_SPAN("mfmfmfmfmfmfmfmfmfmfmfmf"),
		.fingerprint = AR_SPAN("SHA-256 " FP32),
		.tls_id = AR_SPAN("mfmfmfmfmfmfmfmfmfmfmfmf"),
		.candidate = {AR_SPAN("1 1 UDP 2130706431 203.0.113.1 9001 typ host")},
		.ncandidate = 1,
		.setup = AR_SETUP_PASSIVE};
}

void bench_open(struct bench *b, const char *offer)
{
	memset(b, 0, sizeof(*b));
	b->room = malloc(sizeof(*b->room));
	assert_non_null(b->room);
	ar_buf_init(&b->texts, PLANNER_TEXTS_MAX);
	ar_buf_init(&b->out, AR_SDP_MAX_LEN);
	parse(&b->offer, offer);
	planner_choose(&b->choice, NULL, &b->offer, AR_SIDE_A, NULL);
	b->in = (struct planner_in){.offer = &b->offer,
		.offerer = AR_SIDE_A,
		.choice = &b->choice,
		.leg = {a_leg("mfA1"), a_leg("mfB1")},
		.keep = PLANNER_KEEP_USUAL,
		.ref = AR_SPAN("9f3c-1"),
		.session_id = {AR_SPAN("- 3901"), AR_SPAN("- 3902")},
		.origin_addr = {AR_SPAN(A_ORIGIN), AR_SPAN(B_ORIGIN)}};
	b->in.leg[AR_SIDE_A].stream = b->choice.accepted;
	b->in.leg[AR_SIDE_A].nstream = b->choice.naccepted;
	b->in.leg[AR_SIDE_B].stream = bench_streams;
	b->in.leg[AR_SIDE_B].nstream = 2;
}

void bench_close(struct bench *b)
{
	free(b->room);
	ar_buf_free(&b->texts);
	ar_buf_free(&b->out);
}

void plan(struct bench *b)
{
	if (planner_plan(&b->in, &b->plan, b->room, &b->texts, &b->why) != 0)
		fail_msg("planner: %s", b->why);
}

void apply(struct bench *b, struct ar_plan_dir d, const char *in)
{
	struct ar_sdp sdp;

	parse(&sdp, in);
	ar_buf_reset(&b->out);
	assert_int_equal(ar_plan_apply(&b->plan, d, &sdp, NULL, 7, &b->out), 0);
	parse_buf(&sdp, &b->out);
}
