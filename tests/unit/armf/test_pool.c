/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames through the real media processor: what comes out, when, and with what drawn into it. */
#include "rig.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct armf_job_conf overlay = {.op = ARMF_OVERLAY,
	.in = DEPAY_VP8,
	.out = DEPAY_VP8,
	.start_bps = 600000,
	.call_id = "test-call"};

static bool sees_cube(const struct rig_stream *s, int *cx, int *cy, int *w)
{
	int x0, y0, x1, y1;

	if (!s->last.plane[0] || !clip_magenta(&s->last, &x0, &y0, &x1, &y1))
		return false;
	*cx = (x0 + x1) / 2;
	*cy = (y0 + y1) / 2;
	*w = x1 - x0 + 1;
	return true;
}

static bool cube_is_there(void *arg)
{
	int x, y, w;

	return sees_cube(arg, &x, &y, &w);
}

static void test_overlay(void **state)
{
	struct armf_job_conf c = overlay;
	struct rig_stream *s;
	struct armf_job_stats st;
	struct rig r;
	int x = 0, y = 0, w = 0;

	(void)state;
	rig_open(&r, NULL);
	c.scene = rig_scene(&r, "magenta.gltf");
	s = rig_stream(&r, &c, 320, 240);
	rig_until_up(s);
	rig_until(&r, cube_is_there, s, "the cube");
	assert_true(sees_cube(s, &x, &y, &w));
	/* the front face, 1.8 m away: 0.4 m of 2 * 1.8 * tan(0.5) m in 240 rows */
	assert_true(abs(x - 160) <= 3 && abs(y - 120) <= 3);
	assert_true(fabs(w - 240 * 0.4 / (2 * 1.8 * tan(0.5))) <= 4);
	assert_int_equal(s->undecoded, 0);
	assert_true(s->drawn > 0);
	assert_true(s->last_ts > 90000 && s->last_ts <= s->clip.ts);
	assert_int_equal(armf_job_get_stats(r.pool, s->job, &st), 0);
	assert_int_equal(st.width, 320);
	assert_true(st.encode_us > 0 && st.decode_us > 0);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
