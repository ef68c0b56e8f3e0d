/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cameras and where boxes land: pure arithmetic. */
#include "mediad/armf/render/geom.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define W 640
#define H 360

static uint32_t seed = 1;

static float rnd(float lo, float hi)
{
	seed = seed * 1664525u + 1013904223u;
	return lo + (hi - lo) * (float)(seed >> 8) / 16777216.0f;
}

static struct render_camera plain(void)
{
	return (struct render_camera){.orientation = {0, 0, 0, 1}, .fov_y = 0.8f};
}

static bool pixel_of(const struct geom_camera *c, const float p[3], float *x, float *y)
{
	float v[4];

	for (int r = 0; r < 4; r++)
		v[r] = c->clip[r] * p[0] + c->clip[4 + r] * p[1] + c->clip[8 + r] * p[2] +
		       c->clip[12 + r];
	*x = (v[0] / v[3] + 1) / 2 * W;
	*y = (1 - v[1] / v[3]) / 2 * H;
	return v[3] > 0 && v[2] >= -v[3] && v[2] <= v[3];
}

static void right_is_right_and_up_is_up(void **state)
{
	struct render_camera r = plain();
	struct geom_camera c;
	float x, y;

	(void)state;
	assert_int_equal(geom_camera(&c, &r, W, H), 0);
	assert_true(pixel_of(&c, (float[]){0, 0, -2}, &x, &y));
	assert_float_equal(x, 320, 0.01);
	assert_float_equal(y, 180, 0.01);
	assert_true(pixel_of(&c, (float[]){0.5f, 0, -2}, &x, &y));
	assert_float_equal(x, 320 + 0.25 / tan(0.4) * 180, 0.01);
	assert_true(pixel_of(&c, (float[]){0, 0.5f, -2}, &x, &y));
	assert_float_equal(y, 180 - 0.25 / tan(0.4) * 180, 0.01);
	assert_false(pixel_of(&c, (float[]){0, 0, 2}, &x, &y));
}

/* A quarter turn to the left looks along -X; a position moves the other way. */
static void orientation_and_position(void **state)
{
	struct render_camera r = plain();
	struct geom_camera c;
	float x, y;

	(void)state;
	r.orientation[1] = r.orientation[3] = sqrtf(0.5f);
	r.position[0] = 3;
	r.position[1] = 1;
	assert_int_equal(geom_camera(&c, &r, W, H), 0);
	assert_true(pixel_of(&c, (float[]){1, 1, 0}, &x, &y));
	assert_float_equal(x, 320, 0.01);
	assert_float_equal(y, 180, 0.01);
	assert_true(pixel_of(&c, (float[]){1, 1, -0.5f}, &x, &y));
	assert_true(x > 321); /* -Z is to the right of one who looks along -X */
	/* the length of the quaternion has no say */
	for (int i = 0; i < 4; i++)
		r.orientation[i] *= 3;
	assert_int_equal(geom_camera(&c, &r, W, H), 0);
	assert_true(pixel_of(&c, (float[]){1, 1, 0}, &x, &y));
	assert_float_equal(x, 320, 0.01);
}

static void webxr_projection(void **state)
{
	struct render_camera r = plain();
	struct geom_camera a, b;
	float f = 1 / tanf(0.4f);

	(void)state;
	assert_int_equal(geom_camera(&a, &r, W, H), 0);
	r.fov_y = 0;
	memset(r.projection, 0, sizeof(r.projection));
	r.projection[0] = f * H / W;
	r.projection[5] = f;
	r.projection[10] = (100 + 0.05f) / (0.05f - 100);
	r.projection[11] = -1;
	r.projection[14] = 2 * 100 * 0.05f / (0.05f - 100);
	assert_int_equal(geom_camera(&b, &r, W, H), 0);
	for (int i = 0; i < 16; i++)
		assert_float_equal(a.clip[i], b.clip[i], 1e-4);
}

static void refuses_what_is_no_camera(void **state)
{
	struct geom_camera c;
	struct render_camera r;

	(void)state;
	r = plain();
	r.position[1] = NAN;
	assert_int_equal(geom_camera(&c, &r, W, H), -EINVAL);
	r = plain();
	r.orientation[3] = 0;
	assert_int_equal(geom_camera(&c, &r, W, H), -EINVAL);
	r = plain();
	r.orientation[0] = INFINITY;
	assert_int_equal(geom_camera(&c, &r, W, H), -EINVAL);
	r = plain();
	r.fov_y = 3.2f;
	assert_int_equal(geom_camera(&c, &r, W, H), -EINVAL);
	r = plain();
	r.fov_y = 0; /* and a projection of zeros */
	assert_int_equal(geom_camera(&c, &r, W, H), -EINVAL);
	r = plain();
	r.near = 2;
	r.far = 1;
	assert_int_equal(geom_camera(&c, &r, W, H), -EINVAL);
}

static void random_box(float lo[3], float hi[3])
{
	for (int i = 0; i < 3; i++) {
		lo[i] = rnd(-3, 3);
		hi[i] = lo[i] + rnd(0, 2);
	}
}

static struct render_camera random_camera(void)
{
	struct render_camera r = {.fov_y = rnd(0.3f, 2), .near = rnd(0.01f, 0.5f), .far = 50};

	for (int i = 0; i < 3; i++)
		r.position[i] = rnd(-3, 3);
	for (int i = 0; i < 4; i++)
		r.orientation[i] = rnd(-1, 1);
	return r;
}

/* Whatever is visible of a box is inside its rectangle, also where the near plane cuts it. */
static void visible_points_are_in_the_rectangle(void **state)
{
	unsigned seen = 0, empty = 0;

	(void)state;
	for (int n = 0; n < 3000; n++) {
		struct render_camera r = random_camera();
		struct geom_camera c;
		struct geom_rect rect = {0, 0, 0, 0};
		float lo[3], hi[3];
		bool any;

		random_box(lo, hi);
		if (geom_camera(&c, &r, W, H))
			continue;
		any = geom_project(&c, lo, hi, W, H, &rect);
		empty += !any;
		for (int k = 0; k < 50; k++) {
			float p[3], x, y;

			for (int i = 0; i < 3; i++)
				p[i] = rnd(lo[i], hi[i]);
			if (!pixel_of(&c, p, &x, &y) || x < 0 || y < 0 || x >= W || y >= H)
				continue;
			seen++;
			assert_true(any);
			assert_true(x >= rect.x0 - 0.01f && x <= rect.x1 + 0.01f);
			assert_true(y >= rect.y0 - 0.01f && y <= rect.y1 + 0.01f);
		}
		if (any)
			assert_true(rect.x0 >= 0 && rect.x1 <= W && rect.y0 >= 0 && rect.y1 <= H);
	}
	assert_true(seen > 1000 && empty > 300);
}

/* In front of the near plane the rectangle is the corners', not more. */
static void rectangle_is_tight(void **state)
{
	struct render_camera r = plain();
	struct geom_camera c;
	struct geom_rect rect;
	const float lo[3] = {-0.5f, -0.5f, -3}, hi[3] = {0.5f, 0.5f, -2};
	float f = 180 / tanf(0.4f) * 0.5f / 2;

	(void)state;
	assert_int_equal(geom_camera(&c, &r, W, H), 0);
	assert_true(geom_project(&c, lo, hi, W, H, &rect));
	assert_float_equal(rect.x0, 320 - f, 0.1);
	assert_float_equal(rect.x1, 320 + f, 0.1);
	assert_float_equal(rect.y0, 180 - f, 0.1);
	assert_float_equal(rect.y1, 180 + f, 0.1);
	assert_float_equal(geom_depth(&c, lo, hi), 2.5, 1e-4);
}

static void normals_of_stretched_and_singular(void **state)
{
	float m[16] = {2, 0, 0, 0, 0, 4, 0, 0, 0, 0, -1, 0, 7, 8, 9, 1}, n[9];

	(void)state;
	geom_normal(n, m);
	assert_float_equal(n[0], 0.5, 1e-6);
	assert_float_equal(n[4], 0.25, 1e-6);
	assert_float_equal(n[8], -1, 1e-6);
	assert_true(geom_det3(m) < 0);
	m[0] = 0;
	geom_normal(n, m);
	for (int i = 0; i < 9; i++)
		assert_true(isfinite(n[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_is_right_and_up_is_up),
		cmocka_unit_test(orientation_and_position),
		cmocka_unit_test(webxr_projection),
		cmocka_unit_test(refuses_what_is_no_camera),
		cmocka_unit_test(visible_points_are_in_the_rectangle),
		cmocka_unit_test(rectangle_is_tight),
		cmocka_unit_test(normals_of_stretched_and_singular),
	};

	return cmocka_run_group_tests_name("geom", tests, NULL, NULL);
}
