/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are drawn: the truth of the projection, the rectangle, the cache, split pictures. */
#include "tests/unit/render/rig.h"
#include "tests/unit/render/shapes.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct edges {
	double x0, y0, x1, y1;
};

/* The unit cube's corners through the camera, by the textbook and not by our code: rotate by the
 * conjugate quaternion, divide by depth. */
static struct edges expected(const struct render_camera *c, int w, int h)
{
	struct edges e = {1e9, 1e9, -1e9, -1e9};
	double f = h / 2.0 / tan(c->fov_y / 2.0);
	double x = -c->orientation[0], y = -c->orientation[1], z = -c->orientation[2],
	       q = c->orientation[3];

	for (int i = 0; i < 8; i++) {
		double p[3] = {(i & 1 ? 0.5 : -0.5) - c->position[0],
			(i & 2 ? 0.5 : -0.5) - c->position[1],
			(i & 4 ? 0.5 : -0.5) - c->position[2]};
		double t[3] = {2 * (y * p[2] - z * p[1]), 2 * (z * p[0] - x * p[2]),
			2 * (x * p[1] - y * p[0])};
		double v[3] = {p[0] + q * t[0] + y * t[2] - z * t[1],
			p[1] + q * t[1] + z * t[0] - x * t[2],
			p[2] + q * t[2] + x * t[1] - y * t[0]};
		double px = w / 2.0 + f * v[0] / -v[2], py = h / 2.0 - f * v[1] / -v[2];

		e.x0 = fmin(e.x0, px);
		e.x1 = fmax(e.x1, px);
		e.y0 = fmin(e.y0, py);
		e.y1 = fmax(e.y1, py);
	}
	return e;
}

static void check_edges(const struct rig_frame *f, const struct render_camera *c)
{
	struct edges e = expected(c, f->f.width, f->f.height);
	struct rig_box b = rig_drawn(f);

	if (fabs(b.x0 - e.x0) > 1 || fabs(b.x1 - e.x1) > 1 || fabs(b.y0 - e.y0) > 1 ||
		fabs(b.y1 - e.y1) > 1)
		fail_msg("%dx%d: drawn %d..%d, %d..%d, expected %.2f..%.2f, %.2f..%.2f", f->f.width,
			f->f.height, b.x0, b.x1, b.y0, b.y1, e.x0, e.x1, e.y0, e.y1);
}

static const float still_poses[][3] = {{0, 0, 4}, {2.1f, 1.4f, 2.6f}, {-3, 0.2f, 2},
	{0.7f, -2.5f, 3}, {-1.1f, 3.3f, -1.2f}, {5, 0.5f, -6}, {0.3f, 0.1f, 2.2f}, {9, 7, 11}};

#define POSES (sizeof(still_poses) / sizeof(*still_poses))

static void drawn_where_projected(void **state)
{
	static const int size[][2] = {{640, 360}, {1280, 720}, {321, 241}};
	char *text = shapes_cube(SHAPES_MAGENTA);
	struct rig_scene s;

	(void)state;
	rig_open_text(&s, text);
	for (size_t k = 0; k < 3; k++) {
		struct rig_frame f;

		rig_new_frame(&f, size[k][0], size[k][1]);
		for (size_t i = 0; i < POSES; i++) {
			/* past the middle: the cube is not always in the centre */
			struct render_camera c = rig_look(still_poses[i],
				(float[]){0.2f * (float)(i % 3), 0.1f, -0.1f * (float)i}, 0.9f);
			struct render_stats st;
			char name[32];

			rig_fill_frame(&f);
			st = rig_draw(&s, &f, &c);
			assert_false(st.cached);
			assert_int_equal(st.triangles, 12);
			check_edges(&f, &c);
			snprintf(name, sizeof(name), "cube-%d-%zu", size[k][1], i);
			rig_save(&f, name);
		}
		rig_free_frame(&f);
	}
	rig_close(&s);
	free(text);
}

/* The magenta is one, and what is drawn is the same through a WebXR projection matrix. */
static void colour_and_matrix(void **state)
{
	char *text = shapes_cube(SHAPES_MAGENTA);
	struct render_camera c = rig_look(still_poses[1], (float[]){0, 0, 0}, 0.9f);
	struct rig_scene s;
	struct rig_frame f, g;
	struct rig_box b;
	float y = 1 / tanf(0.45f);

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 640, 360);
	rig_new_frame(&g, 640, 360);
	rig_draw(&s, &f, &c);
	b = rig_find(&f, rig_is_magenta);
	assert_true(b.count > 5000);
	assert_true(rig_pixel(&f, 320, 180).r > 250 && rig_pixel(&f, 320, 180).g < 6);
	c.fov_y = 0;
	c.projection[0] = y * 360 / 640;
	c.projection[5] = y;
	c.projection[10] = -1.001f;
	c.projection[11] = -1;
	c.projection[14] = -0.1f;
	rig_draw(&s, &g, &c);
	assert_true(rig_same(&f, &g));
	/* an off-centre one moves the picture: positive [8] to the left */
	c.projection[8] = 0.25f;
	rig_fill_frame(&g);
	rig_draw(&s, &g, &c);
	assert_int_equal(rig_drawn(&f).x0 - rig_drawn(&g).x0, 80);
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	free(text);
}

static void outside_is_untouched(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	struct rig_scene s;
	struct rig_frame f, g;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 639, 359);
	rig_new_frame(&g, 639, 359);
	for (size_t i = 0; i < POSES; i++) {
		struct render_camera c = rig_look(still_poses[i], (float[]){0.9f, 0.6f, 0}, 0.7f);
		struct render_stats st;

		rig_noise_frame(&f, (unsigned)i);
		rig_noise_frame(&g, (unsigned)i);
		st = rig_draw(&s, &f, &c);
		assert_true(st.width > 0 && st.width < 639);
		assert_true(rig_same_outside(&f, &g, &st));
		assert_false(rig_same(&f, &g));
	}
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	free(text);
}

static void cut_by_the_frame(void **state)
{
	char *text = shapes_cube(SHAPES_MAGENTA);
	struct rig_scene s;
	struct rig_frame f;
	/* half out to the left, half below, inside the cube, beside it */
	static const float from[][3] = {
		{2.2f, 0, 3}, {0, 1.6f, 3}, {0, 0, 0.6f}, {0.4f, 0.3f, 0.52f}};

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 320, 180);
	for (int i = 0; i < 4; i++) {
		struct render_camera c = {
			.orientation = {0, 0, 0, 1}, .fov_y = 0.9f, .near = 0.01f};
		struct render_stats st;

		memcpy(c.position, from[i], sizeof(c.position));
		rig_fill_frame(&f);
		st = rig_draw(&s, &f, &c);
		assert_true(st.x >= 0 && st.y >= 0 && st.x + st.width <= 320 &&
			    st.y + st.height <= 180);
		assert_true(rig_drawn(&f).count > 0);
	}
	assert_int_equal(rig_drawn(&f).count, 320 * 180); /* close up it fills the picture */
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
}

static void nothing_in_view_costs_nothing(void **state)
{
	char *text = shapes_cube(SHAPES_MAGENTA);
	struct rig_scene s;
	struct rig_frame f, g;
	struct render_camera c = rig_look((float[]){0, 0, 4}, (float[]){0, 0, 8}, 0.9f);
	struct render_stats st;
	struct render_totals t;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 640, 360);
	rig_new_frame(&g, 640, 360);
	st = rig_draw(&s, &f, &c);
	assert_int_equal(st.width, 0);
	assert_int_equal(st.triangles, 0);
	assert_true(rig_same(&f, &g));
	render_view_get_totals(s.view, &t);
	assert_int_equal(t.empty, 1);
	assert_int_equal(stage_set_visible(s.stage, 0, false), 0);
	stage_evaluate(s.stage);
	c = rig_look((float[]){0, 0, 4}, (float[]){0, 0, 0}, 0.9f);
	st = rig_draw(&s, &f, &c);
	assert_int_equal(st.width, 0);
	assert_true(rig_same(&f, &g));
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	free(text);
}

/* ---------------------------------------------------------------- cache */

static void still_is_cached(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	struct rig_scene s;
	struct rig_frame f, g;
	struct render_camera c = rig_look(still_poses[1], (float[]){0, 0, 0}, 0.9f);
	struct render_stats st;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 640, 360);
	rig_new_frame(&g, 640, 360);
	rig_noise_frame(&f, 3);
	rig_noise_frame(&g, 3);
	assert_false(rig_draw(&s, &f, &c).cached);
	st = rig_draw(&s, &g, &c);
	assert_true(st.cached);
	assert_int_equal(st.triangles, 12);
	assert_true(rig_same(&f, &g));
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	free(text);
}

static int smaller(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

/* Our own copying of the layer is what a sanitizer slows down. */
#ifdef __SANITIZE_ADDRESS__
#define CHEAPER 2
#else
#define CHEAPER 4
#endif

static void cached_is_cheap(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	struct rig_scene s;
	struct rig_frame f;
	struct render_camera c = rig_look((float[]){1.2f, 0.9f, 1.8f}, (float[]){0, 0, 0}, 0.9f);
	uint32_t live[41], still[41];

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 1280, 720);
	for (int i = 0; i < 41; i++) {
		c.position[0] += 1e-4f;
		live[i] = rig_draw(&s, &f, &c).cpu_us;
		still[i] = rig_draw(&s, &f, &c).cpu_us;
	}
	qsort(live, 41, sizeof(*live), smaller);
	qsort(still, 41, sizeof(*still), smaller);
	if (!render_get_info(rig_render())->hardware)
		assert_true(still[20] * CHEAPER < live[20]);
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
}

/* Whatever changes the picture ends the cache. */
static void changes_are_seen(void **state)
{
	const struct shapes shapes = {1, SHAPES_MATTE,
		"{\"mesh\":0},{\"mesh\":0,\"translation\":[0,1.2,0],\"name\":\"me\",\"extras\":{"
		"\"participant\":\"me\"}}",
		2, NULL};
	char *text = shapes_gltf(&shapes);
	struct rig_scene s;
	struct rig_frame f, small;
	struct render_camera c = rig_look((float[]){1, 1, 5}, (float[]){0, 0.5f, 0}, 0.9f);
	struct render_options o = {.own = -1};
	struct render_stats st;
	const float moved[3] = {0.3f, 0, 0}, away[3] = {0, 1.4f, 0};

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 640, 360);
	rig_new_frame(&small, 320, 180);
#define DRAW(frame)                                                                                \
	assert_int_equal(render_view_overlay(s.view, &(frame).f, s.stage, &c, &o, &st), 0)
	DRAW(f);
	assert_int_equal(st.nodes, 2);
	DRAW(f);
	assert_true(st.cached);
	c.orientation[0] += 0.001f;
	DRAW(f);
	assert_false(st.cached);
	DRAW(small);
	assert_false(st.cached);
	assert_int_equal(stage_set_trs(s.stage, 0, moved, NULL, NULL), 0);
	stage_evaluate(s.stage);
	DRAW(small);
	assert_false(st.cached);
	o.own = 1; /* one's own avatar is not drawn, and its moves do not matter */
	DRAW(small);
	assert_false(st.cached);
	assert_int_equal(st.nodes, 1);
	assert_int_equal(stage_set_trs(s.stage, 1, away, NULL, NULL), 0);
	stage_evaluate(s.stage);
	DRAW(small);
	assert_true(st.cached);
	o.quality = RENDER_BEST;
	DRAW(small);
	assert_false(st.cached);
	assert_int_equal(render_view_load(s.view, s.model, NULL), 0);
	DRAW(small);
	assert_false(st.cached);
	rig_free_frame(&f);
	rig_free_frame(&small);
	rig_close(&s);
	free(text);
}

/* Another play of the same model has versions of its own. */
static void another_stage_is_seen(void **state)
{
	char *text = shapes_cube(SHAPES_MAGENTA);
	struct render_camera c = rig_look((float[]){0, 0, 4}, (float[]){0, 0, 0}, 0.9f);
	struct rig_scene s;
	struct stage *one, *two;
	struct rig_frame f;
	struct rig_box b;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 320, 180);
	one = s.stage;
	assert_int_equal(stage_new(&two, s.model), 0);
	assert_int_equal(stage_set_trs(two, 0, (float[]){1, 0, 0}, NULL, NULL), 0);
	stage_evaluate(two);
	rig_draw(&s, &f, &c);
	b = rig_drawn(&f);
	s.stage = two;
	rig_fill_frame(&f);
	assert_false(rig_draw(&s, &f, &c).cached);
	assert_true(rig_drawn(&f).x0 > b.x0 + 30);
	s.stage = one;
	stage_free(two);
	rig_free_frame(&f);
	rig_close(&s);
	free(text);
}

/* ---------------------------------------------------------------- errors */

static void refuses_and_leaves_the_frame(void **state)
{
	char *text = shapes_cube(SHAPES_MATTE);
	struct rig_scene s, other;
	struct rig_frame f, g;
	struct render_camera c = rig_look(still_poses[1], (float[]){0, 0, 0}, 0.9f), bad = c;
	struct render_options o = {.own = -1};
	struct render_stats st;
	struct render_totals t;

	(void)state;
	rig_open_text(&s, text);
	rig_open_text(&other, text);
	rig_new_frame(&f, 64, 64);
	rig_new_frame(&g, 64, 64);
	bad.position[2] = NAN;
	assert_int_equal(render_view_overlay(s.view, &f.f, s.stage, &bad, &o, &st), -EINVAL);
	assert_int_equal(render_view_overlay(s.view, &f.f, other.stage, &c, &o, &st), -EINVAL);
	assert_int_equal(render_view_load(s.view, NULL, NULL), 0);
	assert_int_equal(render_view_overlay(s.view, &f.f, s.stage, &c, &o, &st), -EINVAL);
	f.f.width = 70;
	assert_int_equal(render_view_overlay(other.view, &f.f, other.stage, &c, &o, &st), -EINVAL);
	f.f.width = 64;
	assert_true(rig_same(&f, &g));
	render_view_get_totals(s.view, &t);
	assert_int_equal(t.failed, 3);
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	rig_close(&other);
	free(text);
}

/* ---------------------------------------------------------------- split rendering */

static void two_eyes(void **state)
{
	char *text = shapes_cube(SHAPES_MAGENTA);
	struct rig_scene s;
	struct rig_frame f, one;
	struct render_camera eye[2];
	struct render_options o = {.own = -1};
	struct render_stats st;

	(void)state;
	rig_open_text(&s, text);
	rig_new_frame(&f, 642, 240); /* 320 an eye, two columns left over */
	rig_new_frame(&one, 320, 240);
	eye[0] = rig_look((float[]){-0.032f, 0, 4}, (float[]){-0.032f, 0, 0}, 0.9f);
	eye[1] = rig_look((float[]){0.032f, 0, 4}, (float[]){0.032f, 0, 0}, 0.9f);
	assert_int_equal(render_view_split(s.view, &f.f, s.stage, eye, 2, 0x204060, &o, &st), 0);
	assert_true(rig_pixel(&f, 160, 120).r > 200 && rig_pixel(&f, 480, 120).r > 200);
	assert_true(
		abs(rig_pixel(&f, 3, 3).b - 0x60) < 5 && abs(rig_pixel(&f, 641, 200).b - 0x60) < 5);
	/* each eye is what it would be alone */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			render_view_split(s.view, &one.f, s.stage, &eye[i], 1, 0x204060, &o, &st),
			0);
		for (int y = 0; y < 240; y++)
			assert_memory_equal(
				f.f.plane[0] + y * 642 + i * 320, one.f.plane[0] + y * 320, 320);
		rig_save(&one, i ? "eye-right" : "eye-left");
	}
	assert_int_equal(render_view_split(s.view, &f.f, s.stage, eye, 2, 0x204060, &o, &st), 0);
	assert_false(st.cached);
	assert_int_equal(render_view_split(s.view, &f.f, s.stage, eye, 2, 0x204060, &o, &st), 0);
	assert_true(st.cached);
	assert_int_equal(st.triangles, 24);
	assert_int_equal(
		render_view_split(s.view, &f.f, s.stage, eye, 3, 0x204060, &o, &st), -EINVAL);
	rig_free_frame(&f);
	rig_free_frame(&one);
	rig_close(&s);
	free(text);
}

static int end(void **state)
{
	(void)state;
	rig_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawn_where_projected),
		cmocka_unit_test(colour_and_matrix),
		cmocka_unit_test(outside_is_untouched),
		cmocka_unit_test(cut_by_the_frame),
		cmocka_unit_test(nothing_in_view_costs_nothing),
		cmocka_unit_test(still_is_cached),
		cmocka_unit_test(cached_is_cheap),
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(another_stage_is_seen),
		cmocka_unit_test(refuses_and_leaves_the_frame),
		cmocka_unit_test(two_eyes),
	};

	return cmocka_run_group_tests_name("overlay", tests, NULL, end);
}
