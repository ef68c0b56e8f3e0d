/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Video through the ARMF's streams over bad networks, relayed and processed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/av.h"

#include <cmocka.h>

enum where { UP, DOWN, BOTH };

/* 5 % loss each way and 100 ms there and back on one leg; or half of it on each. */
static void worsen(enum where where)
{
	struct av_pipe *up[] = {&av.up, &av.up_back}, *down[] = {&av.down, &av.down_back};
	bool half = where == BOTH;

	for (unsigned i = 0; i < 2; i++) {
		struct av_pipe *p[] = {up[i], down[i]};

		for (unsigned k = 0; k < 2; k++) {
			bool bad = half || (k == 0) == (where == UP);

			p[k]->delay = (!bad ? 2 : half ? 25 : 50) * AV_MS;
			p[k]->loss = !bad ? 0 : half ? 25 : 50;
			p[k]->reorder = bad ? 50 : 0;
			p[k]->duplicate = bad ? 20 : 0;
		}
	}
}

/* Loss is luck: of several networks most keep the bound, and none is far from it. */
#define NETWORKS 6

static void bad_networks(const struct av_options *how, enum where where)
{
	static const char *const wheres[] = {"towards us", "from us", "half on either leg"};
	struct av_options o = *how;
	enum depay_codec in = o.in, out = o.out;
	enum armf_op op = o.op;
	unsigned over = 0;

	print_message("5 %% loss, 100 ms, %s, %s to %s, %s: longest freeze (ms)", wheres[where],
		in == DEPAY_VP8 ? "VP8" : "H.264", out == DEPAY_VP8 ? "VP8" : "H.264",
		o.splice             ? "spliced"
		: op == ARMF_OVERLAY ? "drawn on"
				     : "relay");
	for (o.seed = 0; o.seed < NETWORKS; o.seed++) {
		av_begin(&o);
		worsen(where);
		av_run(10 * AV_SEC);
		print_message(" %u", (unsigned)(av.view.freeze / AV_MS));
		over += av.view.freeze > 300 * AV_MS;
		assert_int_equal(av.view.broken, 0);
		assert_true(av.view.freeze <= 700 * AV_MS);
		assert_true(av.view.nshown > av.cam.number * 90 / 100);
		assert_string_equal(
			av_state(av.a), op == ARMF_RELAY && in == out ? "relay" : "processing");
		av_end();
	}
	print_message("\n");
	assert_true(over <= 1);
}

static void bad_network(
	enum armf_op op, enum depay_codec in, enum depay_codec out, enum where where)
{
	struct av_options o = {.op = op, .in = in, .out = out};

	bad_networks(&o, where);
}

static void relayed_through_loss(void **s)
{
	(void)s;
	for (enum where w = UP; w <= BOTH; w++) {
		bad_network(ARMF_RELAY, DEPAY_VP8, DEPAY_VP8, w);
		bad_network(ARMF_RELAY, DEPAY_H264, DEPAY_H264, w);
	}
}

static void processed_through_loss(void **s)
{
	(void)s;
	for (enum where w = UP; w <= BOTH; w++) {
		bad_network(ARMF_OVERLAY, DEPAY_VP8, DEPAY_VP8, w);
		bad_network(ARMF_OVERLAY, DEPAY_H264, DEPAY_VP8, w);
		bad_network(ARMF_RELAY, DEPAY_VP8, DEPAY_H264, w);
	}
}

/* 5 % and 100 ms on either leg, both with parity: what is lost on the way comes back by it. */
static void with_parity(void **s)
{
	static const enum armf_op ops[] = {ARMF_RELAY, ARMF_OVERLAY, ARMF_OVERLAY};
	struct av_pipe *p[] = {&av.up, &av.up_back, &av.down, &av.down_back};
	struct stream_totals t;
	unsigned over = 0;

	(void)s;
	for (unsigned i = 0; i < 2 * 3; i++) {
		struct av_options o = {.op = ops[i / 2],
			.in = DEPAY_VP8,
			.out = DEPAY_VP8,
			.splice = i / 2 == 2,
			.red = true,
			.seed = i};

		av_begin(&o);
		for (unsigned k = 0; k < 4; k++) {
			p[k]->delay = 50 * AV_MS;
			p[k]->loss = 50;
		}
		av_run(3 * AV_SEC);
		av.view.freeze = 0;
		av_run(10 * AV_SEC);
		av_print("parity on both legs");
		stream_front_get_totals(av.front, &t);
		assert_int_equal(av.view.broken, 0);
		assert_true(av.view.freeze <= 450 * AV_MS);
		over += av.view.freeze > 300 * AV_MS;
		assert_true(t.fec_sent > 200 && t.fec_received > 200);
		assert_true(t.fec_recovered > 15);
		assert_true(rtp_recv_stats(av.view.recv)->fec_recovered > 15);
		assert_true(av.view.nshown > av.cam.number * 90 / 100);
		av_end();
	}
	assert_true(over <= 1);
}

static const struct av_options spliced = {
	.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8, .splice = true};

static void spliced_through_loss(void **s)
{
	(void)s;
	for (enum where w = UP; w <= BOTH; w++)
		bad_networks(&spliced, w);
}

/* SSRC, CNAME, timestamps and their mapping to the sender's clock, which is an hour off. */
static void identity_is_kept(void **s)
{
	struct av_options o = {.op = ARMF_OVERLAY,
		.in = DEPAY_VP8,
		.out = DEPAY_VP8,
		.clock_off = -3600 * (int64_t)AV_SEC};

	(void)s;
	for (unsigned i = 0; i < 2; i++) {
		o.op = i ? ARMF_RELAY : ARMF_OVERLAY;
		av_begin(&o);
		av.conf_b.local.ssrc_mask = i ? 0x0f0f0000 : 0;
		stream_leg_set(av.b, &av.conf_b, av.now);
		av_run(6 * AV_SEC);
		assert_int_equal(av.view.ssrc, i ? 0x1e1e2222 : 0x11112222);
		assert_string_equal(av.view.cname, "alice@camera");
		assert_true(av.view.reports >= 4);
		print_message("sender's clock an hour off: skew at most %d us in %u reports\n",
			(int)av.view.skew, av.view.reports);
		assert_true(av.view.skew <= 45 * (int64_t)AV_MS);
		av_end();
	}
}

static void a_link_drops(struct av_options o)
{
	uint64_t at, reached = 0, worst = 0, freeze, target;
	struct stream_facts f;

	o.in = o.out = DEPAY_VP8;
	o.start = 2000000;
	o.max_kbps = 2500;
	av_begin(&o);
	av.down.delay = av.down_back.delay = 25 * AV_MS;
	av.down.rate = 3000000;
	av.down.max_queue = 600 * AV_MS;
	av_run(25 * AV_SEC);
	stream_leg_get_facts(av.b, &f, av.now);
	print_message("before: target %u kbit/s\n", f.target_kbps);
	assert_true(f.target_kbps >= 1400);
	av.down.rate = 500000;
	at = av.now;
	av.view.freeze = 0;
	while (av.now < at + 2 * AV_SEC) {
		av_run(10 * AV_MS);
		stream_leg_get_facts(av.b, &f, av.now);
		if (!reached && f.target_kbps <= 450)
			reached = av.now - at;
	}
	target = f.target_kbps;
	freeze = av.view.freeze;
	av_print("the two seconds after");
	av.view.worst_delay = av.view.delays = av.view.ndelay = 0;
	for (unsigned i = 0; i < 200; i++) {
		av_run(50 * AV_MS);
		worst = av.down.queue > worst ? av.down.queue : worst;
	}
	stream_leg_get_facts(av.b, &f, av.now);
	print_message("%s, 3 Mbit/s to 500 kbit/s: below 90 %% after %u ms, longest freeze %u ms, "
		      "then queue at most %u ms, delay mean %u worst %u ms, target %u kbit/s, "
		      "REMB %u kbit/s, broken %u\n",
		o.op == ARMF_RELAY ? "relayed"
		: o.no_remb        ? "spliced, camera of its own mind"
		: o.splice         ? "spliced"
				   : "processed",
		(unsigned)(reached / AV_MS), (unsigned)(freeze / AV_MS), (unsigned)(worst / AV_MS),
		(unsigned)(av.view.delays / av.view.ndelay / AV_MS),
		(unsigned)(av.view.worst_delay / AV_MS), f.target_kbps,
		(unsigned)(av.cam.remb / 1000), av.view.broken);
	assert_int_equal(av.view.broken, 0);
	assert_true(reached > 0 && target <= 450);
	assert_true(freeze <= 500 * AV_MS);
	assert_true(worst < 250 * AV_MS);
	assert_true(f.target_kbps >= 200);
	av.down.rate = 3000000;
	av_run(20 * AV_SEC);
	stream_leg_get_facts(av.b, &f, av.now);
	print_message(
		"the link is back: %u kbit/s after 20 s, %u keys\n", f.target_kbps, av.view.nkeys);
	assert_true(f.target_kbps >= 1200);
	if (o.splice && !o.no_remb)
		assert_true(av.job.spliced_at > av.now - AV_SEC);
	av_end();
}

static void a_link_that_drops(void **s)
{
	(void)s;
	a_link_drops((struct av_options){.op = ARMF_OVERLAY});
	a_link_drops((struct av_options){.op = ARMF_RELAY});
	a_link_drops(spliced);
}

/* What it sends is not what the other UE's line takes, for minutes: coded again, and its key frames
 * are asked for ever more seldom. */
static void a_camera_of_its_own_mind(void **s)
{
	struct av_options o = spliced;
	struct stream_facts f;
	unsigned asked, keys;

	(void)s;
	o.start = 2000000;
	o.no_remb = true;
	av_begin(&o);
	av.down.delay = av.down_back.delay = 25 * AV_MS;
	av.down.rate = 500000;
	av.down.max_queue = 600 * AV_MS;
	av_run(5 * AV_SEC);
	av.view.worst_delay = av.view.delays = av.view.ndelay = 0;
	av.view.freeze = 0;
	asked = av.job.asked;
	keys = av.view.nkeys;
	av_run(60 * AV_SEC);
	av_print("500 kbit/s, a camera that sends 4 Mbit/s");
	stream_leg_get_facts(av.b, &f, av.now);
	assert_int_equal(av.cam.remb, 0);
	assert_true(av.job.spliced_at < av.now - 30 * AV_SEC);
	assert_int_equal(av.view.broken, 0);
	assert_true(av.view.freeze <= 500 * AV_MS);
	assert_true(av.view.delays / av.view.ndelay < 250 * AV_MS);
	assert_true(av.job.asked - asked <= 6 && av.view.nkeys - keys <= 8);
	assert_in_range(f.target_kbps, 200, 650);
	av_end();
}

/* On hold and back, gone and back: nothing that is shown lacks what it refers to. */
static void spliced_on_hold(void **s)
{
	unsigned before;

	(void)s;
	av_begin(&spliced);
	av_run(2 * AV_SEC);
	for (unsigned k = 0; k < 4; k++) {
		before = av.view.nshown;
		av.conf_b.remote.receives = k % 2;
		stream_leg_set(av.b, &av.conf_b, av.now);
		stream_leg_up(av.b, k % 2 == 0, av.now);
		av_run(AV_SEC);
		assert_true(av.view.nshown - before < 6);
		av.conf_b.remote.receives = true;
		stream_leg_set(av.b, &av.conf_b, av.now);
		stream_leg_up(av.b, true, av.now);
		av_run(2 * AV_SEC);
		assert_true(av.view.nshown - before > 40);
		assert_true(av.job.spliced_at > av.now - AV_SEC);
	}
	assert_int_equal(av.view.broken, 0);
	av_end();
}

/* A UE that joins, or whose decoder has lost its way, waits for the camera's key frame, or ours. */
static void a_key_is_wanted(void **s)
{
	struct av_options o = spliced;
	uint64_t at;

	(void)s;
	for (unsigned deaf = 0; deaf < 2; deaf++) {
		av_begin(&o);
		av_run(3 * AV_SEC);
		assert_true(av.job.spliced > 60);
		av.view.nkeys = 0;
		av.cam.deaf = deaf;
		at = av.now;
		rtp_recv_want_key(av.view.recv);
		while (!av.view.nkeys && av.now < at + 2 * AV_SEC)
			av_run(10 * AV_MS);
		print_message("%s: a key frame after %u ms\n", deaf ? "made here" : "the camera's",
			(unsigned)((av.now - at) / AV_MS));
		assert_true(av.now - at <= (deaf ? 480 : 150) * AV_MS);
		av.cam.deaf = false;
		av_run(10 * AV_SEC);
		assert_true(av.job.spliced_at > av.now - AV_SEC);
		assert_true(av.view.nkeys <= 3 && av.view.broken == 0);
		av_end();
	}
}

/* A UE on a busy machine reads nothing for a while, then all at once: no reason to send less. */
static void a_viewer_that_stalls(void **s)
{
	struct av_options o = {.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8};

	(void)s;
	av_begin(&o);
	av_run(3 * AV_SEC);
	av.view.nkeys = 0;
	for (unsigned i = 0; i < 20; i++) {
		av.view.stalled = av.now + (100 + av_random(100)) * AV_MS;
		av_run(AV_SEC);
	}
	av_print("stalls of 100 to 200 ms");
	assert_int_equal(av.view.broken, 0);
	assert_int_equal(av.view.nkeys, 0);
	assert_true(av.view.freeze <= 280 * AV_MS);
	assert_true(av.view.nshown > av.cam.number * 95 / 100);
	av_end();
}

/* Direction attributes, and the operation, change in a running call. */
static void hold_and_change(void **s)
{
	struct av_options o = {.op = ARMF_RELAY, .in = DEPAY_VP8, .out = DEPAY_VP8};
	unsigned before;

	(void)s;
	av_begin(&o);
	av_run(2 * AV_SEC);
	av.conf_b.remote.receives = false;
	stream_leg_set(av.b, &av.conf_b, av.now);
	av_run(100 * AV_MS);
	before = av.view.nshown;
	av_run(2 * AV_SEC);
	assert_int_equal(av.view.nshown, before);
	assert_string_equal(av_state(av.a), "waiting");
	av.conf_b.remote.receives = true;
	stream_leg_set(av.b, &av.conf_b, av.now);
	av_run(2 * AV_SEC);
	assert_true(av.view.nshown > before + 30);
	av.conf_a.op = ARMF_OVERLAY;
	stream_leg_set(av.a, &av.conf_a, av.now);
	av_run(2 * AV_SEC);
	assert_string_equal(av_state(av.a), "processing");
	av.conf_a.op = ARMF_RELAY;
	stream_leg_set(av.a, &av.conf_a, av.now);
	av_run(2 * AV_SEC);
	assert_string_equal(av_state(av.a), "relay");
	assert_false(av.job.open);
	assert_int_equal(av.view.broken, 0);
	stream_leg_pair(av.a, NULL, av.now);
	before = av.view.nshown;
	av_run(500 * AV_MS);
	assert_true(av.view.nshown <= before + 2);
	av_end();
}

/* A UE may change to another codec of its description at any frame. The viewer has VP8 alone. */
static void the_sender_changes_its_codec(void **s)
{
	static const enum armf_op ops[] = {ARMF_RELAY, ARMF_OVERLAY};

	(void)s;
	for (unsigned i = 0; i < 2; i++) {
		struct av_options o = {.op = ops[i], .in = DEPAY_VP8, .out = DEPAY_VP8};
		struct stream_facts f;

		av_begin(&o);
		av.up.loss = av.up_back.loss = 20;
		av_run(2 * AV_SEC);
		for (unsigned k = 0; k < 4; k++) {
			enum depay_codec c = k % 2 ? DEPAY_VP8 : DEPAY_H264;

			av.view.freeze = 0;
			av_camera_codec(c);
			av_run(2 * AV_SEC);
			stream_leg_get_facts(av.a, &f, av.now);
			assert_string_equal(f.codec_in, c == DEPAY_VP8 ? "VP8" : "H264");
			assert_string_equal(f.codec_out, "VP8");
			assert_string_equal(f.state,
				ops[i] == ARMF_RELAY && c == DEPAY_VP8 ? "relay" : "processing");
			assert_true(av.view.freeze <= 300 * AV_MS);
		}
		av_print("a sender that changes its codec");
		assert_int_equal(av.view.broken, 0);
		assert_true(av.view.nshown > av.cam.number * 90 / 100);
		av_end();
	}
}

/* A UE is not told to send more than the other takes. */
static void the_sender_is_held_back(void **s)
{
	struct av_options o = {
		.op = ARMF_RELAY, .in = DEPAY_VP8, .out = DEPAY_VP8, .start = 2000000};

	(void)s;
	av_begin(&o);
	av.conf_b.remote.max_kbps = 300;
	stream_leg_set(av.b, &av.conf_b, av.now);
	av_run(4 * AV_SEC);
	assert_in_range(av.cam.remb, 50000, 300000);
	assert_true(bwe_target(av.cam.bwe) <= 310000);
	av_end();
}

static void without_rtx(void **s)
{
	struct av_options o = {.op = ARMF_RELAY, .in = DEPAY_VP8, .out = DEPAY_VP8, .no_rtx = true};

	(void)s;
	av_begin(&o);
	av.up.loss = av.down.loss = 20;
	av_run(6 * AV_SEC);
	av_print("plain retransmission, 2 % loss");
	assert_int_equal(av.view.broken, 0);
	assert_true(av.view.nshown > av.cam.number * 95 / 100);
	av_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relayed_through_loss),
		cmocka_unit_test(processed_through_loss),
		cmocka_unit_test(spliced_through_loss),
		cmocka_unit_test(with_parity),
		cmocka_unit_test(identity_is_kept),
		cmocka_unit_test(a_link_that_drops),
		cmocka_unit_test(a_camera_of_its_own_mind),
		cmocka_unit_test(a_key_is_wanted),
		cmocka_unit_test(spliced_on_hold),
		cmocka_unit_test(a_viewer_that_stalls),
		cmocka_unit_test(hold_and_change),
		cmocka_unit_test(the_sender_changes_its_codec),
		cmocka_unit_test(the_sender_is_held_back),
		cmocka_unit_test(without_rtx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
