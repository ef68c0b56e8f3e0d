/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What capture_flow does not reach: lenses, eyes, the header extension, hostile values, bounds. */
#include "mediad/armf/front/capture.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEC 1000000ull

static struct capture *make(bool stereo)
{
	struct capture_conf conf = {.fov_y = 0.9f, .stereo = stereo};
	struct capture *c = NULL;

	assert_int_equal(capture_new(&c, &conf), 0);
	return c;
}

static struct capture_pose pose(double time, float x)
{
	struct capture_pose p = {.has_time = true, .time = time, .views = 1};

	p.position[0][0] = x;
	p.orientation[0][3] = 1;
	return p;
}

/* Poses every 16 ms for as long, poseTime in seconds, x = seconds. */
static void walk(struct capture *c, uint64_t from, uint64_t us)
{
	for (uint64_t t = from; t <= from + us; t += 16000) {
		struct capture_pose p = pose((double)t / 1e6, (float)(t - from) / 1e6f);

		capture_pose(c, &p, t);
	}
}

static int near(float a, double b)
{
	return fabs((double)a - b) < 1e-3;
}

static void test_between(void **state)
{
	struct capture *c = make(false);
	struct capture_frame f = {.arrived = 100 * SEC + SEC};
	struct capture_shot s;

	(void)state;
	walk(c, 100 * SEC, SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_int_equal(s.views, 1);
	assert_true(near(s.camera[0].position[0], 0.98)); /* 20 ms before */
	assert_int_equal(s.source, CAPTURE_LATEST);
	assert_true(near(s.camera[0].fov_y, 0.9));
	assert_false(s.extrapolated);
	capture_free(c);
}

static void test_exact_frame(void **state)
{
	struct capture *c = make(false);
	struct capture_frame f = {.ts = 77777, .ssrc = 5, .arrived = 100 * SEC + SEC + 5000};
	struct capture_pose p = pose(100.9, 7);
	struct capture_shot s;

	(void)state;
	walk(c, 100 * SEC, SEC);
	p.has_rtp = p.has_ssrc = true;
	p.rtp = 77777;
	p.ssrc = 6;
	capture_pose(c, &p, 101 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived + CAPTURE_WAIT, &s), 0);
	assert_int_equal(s.source, CAPTURE_LATEST); /* another stream's */
	p.ssrc = 5;
	p.time += 0.02;
	capture_pose(c, &p, 101 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_int_equal(s.source, CAPTURE_POSE_RTP);
	assert_true(near(s.camera[0].position[0], 7));
	assert_true(s.at > 100 * SEC + 915000 && s.at < 100 * SEC + 925000);
	capture_free(c);
}

/* All that can tell is there: the best is taken, and the next one where it is missing. */
static void test_order(void **state)
{
	static const float at[3] = {1, 2, -3}, turned[4] = {0, 0.6f, 0, 0.8f};
	struct capture *c = make(false);
	struct capture_pose tag = pose(100.9, 7);
	const uint64_t ntp = 0xe000000000000000ull;
	uint8_t value[28];
	struct capture_frame f = {.ts = 77777,
		.ssrc = 5,
		.arrived = 101 * SEC,
		.has_capture_time = true,
		.capture_time = ntp,
		.has_ntp = true,
		.ntp = ntp};
	struct capture_shot s;

	(void)state;
	f.xr_pose = (struct ar_span){(char *)value, capture_xr_pose_write(value, at, turned)};
	walk(c, 100 * SEC, SEC);
	capture_report(c, ntp, 101 * SEC);
	tag.has_rtp = true;
	tag.rtp = f.ts;
	capture_pose(c, &tag, 101 * SEC);
	for (enum capture_source want = CAPTURE_POSE_RTP; want <= CAPTURE_LATEST; want++) {
		assert_int_equal(capture_frame(c, &f, f.arrived + CAPTURE_WAIT, &s), 0);
		assert_int_equal(s.source, want);
		assert_int_equal(s.views, 1);
		if (want == CAPTURE_POSE_RTP)
			f.ts += 10 * 90000;
		else if (want == CAPTURE_XR_POSE)
			f.xr_pose = AR_SPAN_NONE;
		else if (want == CAPTURE_ABS_TIME)
			f.has_capture_time = false;
		else
			f.has_ntp = false;
	}
	capture_free(c);
}

/* The frame after a tagged one: waits for its pose, goes on without. */
static void test_waits(void **state)
{
	struct capture *c = make(false);
	struct capture_frame f = {.ts = 90000 + 3000, .arrived = 101 * SEC + 40000};
	struct capture_pose p = pose(101, 1);
	struct capture_shot s;

	(void)state;
	walk(c, 100 * SEC, SEC - 16000);
	p.has_rtp = true;
	p.rtp = 90000;
	capture_pose(c, &p, 101 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), -EAGAIN);
	assert_true(s.deadline == f.arrived + CAPTURE_WAIT);
	p = pose(101.0334, 1.5f);
	p.has_rtp = true;
	p.rtp = 93000;
	capture_pose(c, &p, f.arrived + 2000);
	assert_int_equal(capture_frame(c, &f, f.arrived + 2000, &s), 0);
	assert_true(near(s.camera[0].position[0], 1.5));
	f.ts += 3000;
	f.arrived += 33333;
	assert_int_equal(capture_frame(c, &f, f.arrived + 9999, &s), -EAGAIN);
	assert_int_equal(capture_frame(c, &f, f.arrived + CAPTURE_WAIT, &s), 0);
	assert_true(s.extrapolated && s.views == 1 && s.source == CAPTURE_POSE_RTP);
	assert_true(capture_get_stats(c)->extrapolated == 1);
	assert_true(capture_get_stats(c)->waited == 1);
	capture_free(c);
}

static void test_lenses(void **state)
{
	struct capture *c = make(false);
	struct capture_frame f = {.arrived = 2 * SEC};
	struct capture_pose p = pose(2.0, 0);
	struct capture_shot s;

	(void)state;
	walk(c, SEC, SEC);
	p.lens[0] =
		(struct capture_lens){.kind = CAPTURE_LENS_FOV, .fov = {-0.7f, 0.7f, 0.5f, -0.3f}};
	capture_pose(c, &p, 2 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_true(s.camera[0].fov_y == 0);
	assert_true(near(s.camera[0].projection[0], 1 / tan(0.7)));
	assert_true(near(s.camera[0].projection[5], 2 / (tan(0.5) + tan(0.3))));
	assert_true(near(s.camera[0].projection[9], (tan(0.5) - tan(0.3)) / (tan(0.5) + tan(0.3))));
	assert_true(near(s.camera[0].projection[11], -1));
	/* nonsense does not replace it */
	p.lens[0].fov[1] = -0.8f;
	capture_pose(c, &p, 2 * SEC);
	p.lens[0].fov[1] = NAN;
	capture_pose(c, &p, 2 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_true(near(s.camera[0].projection[0], 1 / tan(0.7)));
	p.lens[0] = (struct capture_lens){.kind = CAPTURE_LENS_PROJECTION};
	capture_pose(c, &p, 2 * SEC); /* all zeros */
	p.lens[0].projection[0] = 1.5f;
	p.lens[0].projection[5] = 2.5f;
	p.lens[0].projection[3] = INFINITY;
	capture_pose(c, &p, 2 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_true(near(s.camera[0].projection[0], 1 / tan(0.7)));
	p.lens[0].projection[3] = 0;
	capture_pose(c, &p, 2 * SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_true(near(s.camera[0].projection[5], 2.5));
	capture_free(c);
}

static struct capture_pose eyes(double time)
{
	struct capture_pose p = pose(time, -0.03f);

	p.views = 2;
	p.position[1][0] = 0.03f;
	p.position[0][1] = p.position[1][1] = 1.6f;
	p.orientation[1][3] = 1;
	return p;
}

static void test_eyes(void **state)
{
	(void)state;
	for (int stereo = 0; stereo < 2; stereo++) {
		struct capture *c = make(stereo);
		struct capture_pose p = eyes(5);
		struct capture_shot s;

		capture_latest(c, 5 * SEC, &s);
		assert_int_equal(s.views, 0);
		capture_pose(c, &p, 5 * SEC);
		capture_latest(c, 5 * SEC + 1000, &s);
		assert_int_equal(s.views, 1 + stereo);
		assert_true(near(s.camera[0].position[0], stereo ? -0.03 : 0));
		assert_true(near(s.camera[0].position[1], 1.6));
		capture_latest(c, 5 * SEC + 2 * SEC, &s);
		assert_int_equal(s.views, 0);
		capture_free(c);
	}
}

static void test_xr_pose(void **state)
{
	struct capture *c = make(false);
	struct capture_frame f = {.arrived = 2 * SEC};
	const float p[3] = {1, 2, -3}, q[4] = {0, 0.6f, 0, 0.8f};
	struct capture_shot s;
	uint8_t value[28];

	(void)state;
	assert_int_equal(capture_xr_pose_write(value, p, q), 28);
	assert_int_equal(value[0], 0x3f); /* 1.0 */
	assert_int_equal(value[1], 0x80);
	f.xr_pose = (struct ar_span){(const char *)value, 28};
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0); /* no other pose at all */
	assert_int_equal(s.source, CAPTURE_XR_POSE);
	assert_true(near(s.camera[0].position[2], -3) && near(s.camera[0].orientation[1], 0.6));
	assert_int_equal(capture_xr_pose_write(value, NULL, q), 16);
	f.xr_pose.n = 16;
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_int_equal(s.views, 0); /* turned, but where? */
	walk(c, SEC, SEC);
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_int_equal(s.source, CAPTURE_XR_POSE);
	assert_true(near(s.camera[0].position[0], 0.98) && near(s.camera[0].orientation[1], 0.6));
	f.xr_pose.n = 17;
	assert_int_equal(capture_frame(c, &f, f.arrived, &s), 0);
	assert_int_equal(s.source, CAPTURE_LATEST);
	assert_true(capture_get_stats(c)->bad_xr_pose == 1);
	capture_free(c);
}

static void test_xr_pose_hostile(void **state)
{
	float p[3], q[4];
	bool has;
	unsigned taken = 0;
	char v[28];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = i % 2 ? 28 : 16;

		for (unsigned k = 0; k < sizeof(v); k++)
			v[k] = (char)(k % 4 == 0 ? 0x3e | (rand() & 1) : rand());
		if (capture_xr_pose_read((struct ar_span){v, n}, p, &has, q) != 0)
			continue;
		taken++;
		assert_int_equal(has, n == 28);
		for (unsigned k = 0; k < 4; k++)
			assert_true(isfinite(q[k]));
	}
	assert_true(taken > 0 && taken < 20000);
	memset(v, 0xff, sizeof(v));
	assert_int_equal(capture_xr_pose_read((struct ar_span){v, 28}, p, &has, q), -EBADMSG);
	memset(v, 0, sizeof(v));
	assert_int_equal(capture_xr_pose_read((struct ar_span){v, 28}, p, &has, q), -EBADMSG);
	assert_int_equal(capture_xr_pose_read(AR_SPAN_NONE, p, &has, q), -EBADMSG);
}

static double any_time(unsigned i, uint64_t now)
{
	static const double wild[] = {0, -1e300, 1e300, 1e-300, 5, -5, 1e18, 4e9};

	switch (rand() % 4) {
	case 0:
		return wild[i % 8];
	case 1:
		return (double)now / 1e3 + rand() % 100000;
	default:
		return (double)now / 1e3;
	}
}

/* Whatever a UE sends: no crash, no waiting beyond the deadline, only finite cameras. */
static void test_hostile(void **state)
{
	struct capture *c = make(true);
	uint64_t now = SEC;
	struct capture_shot s;

	(void)state;
	srand(2);
	for (unsigned i = 0; i < 60000; i++) {
		struct capture_pose p = eyes(any_time(i, now));
		struct capture_frame f = {.ts = (uint32_t)rand() * 3u,
			.arrived = now,
			.has_ntp = rand() % 2,
			.ntp = (uint64_t)rand() << (rand() % 33),
			.has_capture_time = rand() % 2,
			.capture_time = (uint64_t)rand() << 32};

		p.has_time = rand() % 50 != 0;
		p.views = (unsigned)rand() % 4;
		p.has_rtp = rand() % 3 == 0;
		p.rtp = f.ts + (unsigned)rand() % 5000;
		now += (uint64_t)(rand() % 30000);
		capture_pose(c, &p, now);
		if (i % 7 == 0)
			capture_report(c, (uint64_t)rand() << 33, now);
		if (i % 1000 == 0)
			now += 3600 * SEC;
		assert_int_equal(capture_frame(c, &f, f.arrived + CAPTURE_WAIT, &s), 0);
		for (unsigned v = 0; v < s.views; v++) {
			assert_true(isfinite(s.camera[v].position[0]));
			assert_true(isfinite(s.camera[v].orientation[3]));
		}
	}
	capture_free(c);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(capture_source_name(CAPTURE_POSE_RTP), "pose-rtp");
	assert_string_equal(capture_source_name(CAPTURE_SOURCES), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_between),
		cmocka_unit_test(test_exact_frame), cmocka_unit_test(test_order),
		cmocka_unit_test(test_waits), cmocka_unit_test(test_lenses),
		cmocka_unit_test(test_eyes), cmocka_unit_test(test_xr_pose),
		cmocka_unit_test(test_xr_pose_hostile), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
