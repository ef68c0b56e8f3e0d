/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processors that die or have no room, what they draw and when, scenes that they render. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/av.h"

#include <errno.h>
#include <cmocka.h>

static const struct av_options spliced = {
	.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8, .splice = true};

/* The processor goes: relayed from the next key frame; back: processed again. */
static void a_processor_that_dies(void **s)
{
	struct av_options o = spliced;
	struct stream_totals t;

	(void)s;
	av_begin(&o);
	av_run(3 * AV_SEC);
	assert_string_equal(av_state(av.a), "processing");
	av.view.freeze = 0;
	av_job_up(false, "processor died");
	av_run(2 * AV_SEC);
	assert_string_equal(av_state(av.a), "relay");
	av_job_up(true, "");
	av_run(2 * AV_SEC);
	assert_string_equal(av_state(av.a), "processing");
	stream_front_get_totals(av.front, &t);
	assert_int_equal(t.fallbacks, 1);
	assert_int_equal(t.returns, 1);
	assert_int_equal(av.view.broken, 0);
	av_print("a processor died and came back");
	assert_true(av.job.spliced_at > av.now - AV_SEC);
	assert_true(av.view.freeze <= 200 * AV_MS);
	av_end();
}

static void a_processor_that_dies_across_codecs(void **s)
{
	struct av_options o = {.op = ARMF_OVERLAY, .in = DEPAY_H264, .out = DEPAY_VP8};
	unsigned before;

	(void)s;
	av_begin(&o);
	av_run(3 * AV_SEC);
	av_job_up(false, "processor hung");
	av_run(200 * AV_MS);
	before = av.view.nshown;
	av_run(600 * AV_MS);
	assert_string_equal(av_state(av.a), "frozen");
	assert_int_equal(av.view.nshown, before);
	av_job_up(true, "");
	av_run(2 * AV_SEC);
	assert_string_equal(av_state(av.a), "processing");
	assert_int_equal(av.view.broken, 0);
	assert_true(av.view.freeze <= 1200 * AV_MS);
	av_end();
}

static void no_room(void **s)
{
	struct av_options o = {.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8};
	struct stream_facts f;

	(void)s;
	av_begin(&o);
	av.job.refuse = -EBUSY;
	assert_int_equal(stream_leg_reserve(av.a, av.now), -EBUSY);
	av_run(3 * AV_SEC);
	stream_leg_get_facts(av.a, &f, av.now);
	assert_string_equal(f.state, "relay");
	assert_string_equal(f.reason, "overload");
	assert_true(av.view.nshown > 60);
	av.job.refuse = 0;
	av_run(6 * AV_SEC);
	assert_string_equal(av_state(av.a), "processing");
	assert_int_equal(av.view.broken, 0);
	av_end();
}

/* Frames wait for the pose of their time, a moment only; without poses nothing is drawn. */
static void drawn_at_the_pose_of_its_time(void **s)
{
	struct av_options o = {.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8};
	struct capture_pose pose = {.has_time = true, .views = 1, .orientation = {{0, 0, 0, 1}}};
	struct stream_facts f;
	struct stream_totals t;

	(void)s;
	av_begin(&o);
	av_run(2 * AV_SEC);
	assert_false(av.job.drawn_last);
	for (unsigned i = 0; i < 200; i++) {
		pose.time = (double)av.now / 1e6;
		stream_leg_pose(av.a, &pose, av.now);
		av_run(16 * AV_MS);
	}
	assert_true(av.job.drawn_last);
	stream_leg_get_facts(av.a, &f, av.now);
	stream_front_get_totals(av.front, &t);
	print_message("pose from %s, %u frames waited, %u pushed out, delay worst %u ms\n",
		f.pose_source, (unsigned)t.frames_held, (unsigned)t.held_over,
		(unsigned)(av.view.worst_delay / AV_MS));
	assert_string_equal(f.pose_source, "sender-report");
	assert_int_equal(t.held_over, 0);
	assert_true(f.drawn > 80);
	assert_int_equal(av.view.broken, 0);
	av_run(2 * AV_SEC); /* the poses end: hidden */
	assert_false(av.job.drawn_last);
	av_end();
}

/* mediad is not scheduled for a moment, then frames come all at once, more than may wait: each is
 * drawn with what is known, as it may be shown. */
static void all_at_once(void **s)
{
	struct av_options o = spliced;
	struct capture_pose pose = {.has_time = true, .views = 1, .orientation = {{0, 0, 0, 1}}};
	struct stream_totals t;

	(void)s;
	av_begin(&o);
	for (unsigned i = 0; i < 400; i++) {
		pose.time = (double)av.now / 1e6;
		stream_leg_pose(av.a, &pose, av.now);
		if (i == 200)
			av.job.undrawn = 0;
		if (i >= 200 && i % 40 == 0) {
			av.stalled = av.now + 180 * AV_MS;
			av_run(181 * AV_MS);
		}
		av_run(16 * AV_MS);
	}
	stream_front_get_totals(av.front, &t);
	print_message(
		"%u frames pushed out, %u not drawn\n", (unsigned)t.held_over, av.job.undrawn);
	assert_true(t.held_over >= 3);
	assert_true(av.job.undrawn <= 6); /* what is more than 100 ms past the last pose */
	assert_int_equal(av.view.broken, 0);
	av_end();
}

static void rendered_for_the_receiver(void **s)
{
	struct av_options o = {.op = ARMF_RELAY, .in = DEPAY_VP8, .out = DEPAY_VP8};
	struct capture_pose pose = {.views = 1, .orientation = {{0, 0, 0, 1}}};

	(void)s;
	av_begin(&o);
	stream_front_set_ntp(av.front, UINT64_C(0xe0000000) << 32, 0);
	av.conf_b.op = ARMF_SPLIT_RENDER;
	stream_leg_set(av.b, &av.conf_b, av.now);
	av_run(AV_SEC);
	assert_int_equal(av.job.renders, 0); /* nobody has said where it is */
	for (unsigned i = 0; i < 100; i++) {
		stream_leg_pose(av.b, &pose, av.now);
		av_run(20 * AV_MS);
	}
	print_message("rendered %u, shown %u in 2 s\n", av.job.renders, av.view.nshown);
	assert_in_range(av.job.renders, 55, 62);
	assert_true(av.view.nshown > 50);
	assert_int_equal(av.view.ssrc, 0x11112222); /* as the description to this UE names it */
	assert_string_equal(av_state(av.b), "processing");
	/* on hold and back, gone and back: it is drawn again */
	for (unsigned k = 0; k < 2; k++) {
		unsigned before;

		av.conf_b.remote.receives = k == 1;
		stream_leg_set(av.b, &av.conf_b, av.now);
		stream_leg_up(av.b, k == 0, av.now);
		av_run(AV_SEC);
		before = av.job.renders;
		av_run(AV_SEC);
		assert_int_equal(av.job.renders, before);
		av.conf_b.remote.receives = true;
		stream_leg_set(av.b, &av.conf_b, av.now);
		stream_leg_up(av.b, true, av.now);
		for (unsigned i = 0; i < 50; i++) {
			stream_leg_pose(av.b, &pose, av.now);
			av_run(20 * AV_MS);
		}
		assert_in_range(av.job.renders - before, 25, 32);
	}
	av_end();
}

/* The scene and the camera's picture in turns are for the receiver one stream, whose timestamps
 * go on. */
static void rendered_and_not(void **s)
{
	struct av_options o = {.op = ARMF_RELAY, .in = DEPAY_VP8, .out = DEPAY_VP8};
	struct capture_pose pose = {.views = 1, .orientation = {{0, 0, 0, 1}}};
	unsigned before;

	(void)s;
	av_begin(&o);
	av_run(2 * AV_SEC);
	for (unsigned k = 0; k < 8; k++) {
		before = av.view.nshown;
		av.conf_b.op = k % 2 ? ARMF_RELAY : ARMF_SPLIT_RENDER;
		stream_leg_set(av.b, &av.conf_b, av.now);
		for (unsigned i = 0; i < 100; i++) {
			stream_leg_pose(av.b, &pose, av.now);
			av_run(20 * AV_MS);
		}
		assert_string_equal(av_state(k % 2 ? av.a : av.b), k % 2 ? "relay" : "processing");
		assert_true(av.view.nshown - before > 50);
	}
	print_message("rendered and not: timestamps %u ms off at most, longest freeze %u ms\n",
		(unsigned)(av.view.jump / AV_MS), (unsigned)(av.view.freeze / AV_MS));
	assert_int_equal(av.view.ssrc, 0x11112222);
	assert_true(av.view.jump <= 100 * AV_MS);
	assert_true(av.view.freeze <= 300 * AV_MS);
	av_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_processor_that_dies),
		cmocka_unit_test(a_processor_that_dies_across_codecs),
		cmocka_unit_test(no_room),
		cmocka_unit_test(drawn_at_the_pose_of_its_time),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(rendered_for_the_receiver),
		cmocka_unit_test(rendered_and_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
