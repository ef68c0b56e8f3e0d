/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VP8 that is spliced: what a call does to it, and when a processor that is late stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/av.h"
#include "tests/flow/av_splice.h"

#include <cmocka.h>

static const struct av_options spliced = {
	.op = ARMF_OVERLAY, .in = DEPAY_VP8, .out = DEPAY_VP8, .splice = true};

static const char *state(void)
{
	struct stream_facts f;

	stream_leg_get_facts(av.a, &f, av.now);
	return f.state;
}

/* At re-INVITEs, with a little loss. */
static void the_codec_changes(void **s)
{
	struct stream_facts f;

	(void)s;
	av_begin(&spliced);
	av.up.loss = av.down.loss = 20;
	av_run(3 * AV_SEC);
	for (unsigned k = 0; k < 4; k++) {
		enum depay_codec c = k % 2 ? DEPAY_VP8 : DEPAY_H264;
		unsigned before = av.view.nshown, opened = av.job.opened;

		assert_int_equal(av.job.spliced_at > av.now - AV_SEC, k % 2 == 0);
		av.view.freeze = 0;
		av_codec(c);
		av_run(3 * AV_SEC);
		stream_leg_get_facts(av.a, &f, av.now);
		assert_string_equal(f.codec_in, c == DEPAY_VP8 ? "VP8" : "H264");
		assert_string_equal(f.codec_out, f.codec_in);
		assert_string_equal(f.state, "processing");
		assert_int_equal(av.job.opened, opened + 1);
		assert_true(av.view.nshown - before > 80);
		assert_true(av.view.freeze <= 400 * AV_MS);
	}
	print_message("another codec at re-INVITEs: longest freeze %u ms of the last\n",
		(unsigned)(av.view.freeze / AV_MS));
	assert_int_equal(av.view.broken, 0);
	av_end();
}

/* Policy's operation of a spliced stream changes at re-INVITEs. */
static void drawn_upon_and_not(void **s)
{
	(void)s;
	av_begin(&spliced);
	av_run(2 * AV_SEC);
	for (unsigned k = 0; k < 6; k++) {
		av.view.freeze = 0;
		av.conf_a.op = k % 2 ? ARMF_OVERLAY : ARMF_RELAY;
		stream_leg_set(av.a, &av.conf_a, av.now);
		av_run(2 * AV_SEC);
		assert_string_equal(state(), k % 2 ? "processing" : "relay");
		assert_int_equal(av.job.open && av.job.spliced_at > av.now - AV_SEC, k % 2);
		assert_true(av.view.freeze <= 250 * AV_MS);
	}
	assert_int_equal(av.view.broken, 0);
	av_end();
}

/* ---- a processor that is late ---- */

static uint32_t frame_ts;
static bool asked;

static bool one(bool behind, bool key)
{
	struct av_splice_frame f = {frame_ts += 3000, 4000, key, behind};
	struct av_splice_out out;
	bool want = false;

	av_splice_work(&f, 2000000, &want, &out);
	asked = out.ask_key;
	return out.spliced;
}

static void a_late_processor(void **s)
{
	unsigned n = 0;

	(void)s;
	av_splice_begin();
	assert_true(one(false, true));
	for (unsigned i = 0; i < 10; i++) { /* late for a moment, time and again */
		for (unsigned k = 0; k < 6; k++)
			assert_true(one(true, false));
		assert_true(one(false, false));
	}
	for (unsigned k = 0; k < 6; k++)
		assert_true(one(true, false));
	assert_false(one(true, false)); /* it cannot keep up */
	assert_false(one(true, false));
	/* back when it has been in time for two seconds, with the camera's key frame */
	assert_false(one(false, true));
	for (bool key = false; !one(false, key); n++) {
		assert_true(n < 200);
		key = asked;
	}
	assert_in_range(n, 55, 70);
	for (unsigned k = 0; k < 6; k++)
		assert_true(one(true, false));
	av_splice_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_codec_changes),
		cmocka_unit_test(drawn_upon_and_not),
		cmocka_unit_test(a_late_processor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
