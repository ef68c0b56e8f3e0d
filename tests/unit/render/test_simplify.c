/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Levels of detail: fewer triangles, the same shape; and when they are drawn. */
#include "mediad/armf/render/simplify.h"
#include "tests/unit/render/rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RINGS 48
#define SECTORS 64
#define NVERTEX ((RINGS + 1) * SECTORS)
#define NINDEX (RINGS * SECTORS * 6)

static float position[NVERTEX][3];
static uint16_t indices[NINDEX];

/* A sphere of 1 m, outside counter-clockwise. */
static struct model_primitive sphere(void)
{
	uint32_t n = 0;

	for (int r = 0; r <= RINGS; r++) {
		for (int s = 0; s < SECTORS; s++) {
			double a = M_PI * r / RINGS, b = 2 * M_PI * s / SECTORS;
			float *p = position[r * SECTORS + s];

			p[0] = (float)(sin(a) * cos(b));
			p[1] = (float)cos(a);
			p[2] = (float)(-sin(a) * sin(b));
		}
	}
	for (int r = 0; r < RINGS; r++) {
		for (int s = 0; s < SECTORS; s++) {
			uint16_t a = (uint16_t)(r * SECTORS + s),
				 b = (uint16_t)(r * SECTORS + (s + 1) % SECTORS);
			uint16_t q[6] = {a, (uint16_t)(a + SECTORS), b, b, (uint16_t)(a + SECTORS),
				(uint16_t)(b + SECTORS)};

			memcpy(indices + n, q, sizeof(q));
			n += 6;
		}
	}
	return (struct model_primitive){.mode = MODEL_TRIANGLES,
		.nvertex = NVERTEX,
		.nindex = n,
		.index_size = 2,
		.index = indices,
		.position = position[0],
		.lo = {-1, -1, -1},
		.hi = {1, 1, 1}};
}

static bool faces_out(const uint32_t t[3])
{
	float u[3], v[3], c[3], sum = 0;

	for (int i = 0; i < 3; i++) {
		u[i] = position[t[1]][i] - position[t[0]][i];
		v[i] = position[t[2]][i] - position[t[0]][i];
		c[i] = position[t[0]][i] + position[t[1]][i] + position[t[2]][i];
	}
	for (int i = 0; i < 3; i++)
		sum += c[i] * (u[(i + 1) % 3] * v[(i + 2) % 3] - u[(i + 2) % 3] * v[(i + 1) % 3]);
	return sum > 0;
}

static void a_sphere_stays_one(void **state)
{
	struct model_primitive p = sphere();
	static uint32_t out[NINDEX];

	(void)state;
	for (uint32_t target = 1500; target >= 100; target /= 4) {
		uint32_t n = simplify(&p, target, out), outward = 0;

		assert_true(n % 3 == 0 && n <= 3 * target && n >= target);
		for (uint32_t i = 0; i < n; i += 3) {
			for (int k = 0; k < 3; k++)
				assert_true(out[i + (uint32_t)k] < p.nvertex);
			assert_true(out[i] != out[i + 1] && out[i + 1] != out[i + 2] &&
				    out[i] != out[i + 2]);
			outward += faces_out(out + i);
		}
		assert_true(outward * 3 > n * 9 / 10);
	}
}

static void what_cannot_be_is_not(void **state)
{
	struct model_primitive p = sphere();
	static uint32_t out[NINDEX];

	(void)state;
	assert_int_equal(simplify(&p, 0, out), 0);
	p.mode = MODEL_LINES;
	assert_int_equal(simplify(&p, 100, out), 0);
	p.mode = MODEL_TRIANGLES;
	memset(p.hi, 0, sizeof(p.hi)); /* all in a point */
	memset(p.lo, 0, sizeof(p.lo));
	assert_int_equal(simplify(&p, 100, out), 0);
	p = sphere();
	p.hi[1] = p.lo[1]; /* a box that is flat, vertices that are not in it */
	assert_true(simplify(&p, 500, out) <= 1500);
	/* no more than there is */
	p = sphere();
	assert_true(simplify(&p, 1000000, out) <= p.nindex);
}

/* 121,496 triangles in 67 nodes, 20,000 allowed: all are there, with less detail, and where they
 * would be with all. */
static void a_large_scene_is_drawn_whole(void **state)
{
	const char *file =
		"/usr/share/assimp/models/glTF2/2CylinderEngine-glTF-Binary/2CylinderEngine.glb";
	struct render_conf conf = {.max_triangles = 1000000};
	struct rig_scene s, full;
	struct rig_frame f, g;
	struct rig_box a, b;
	struct render_camera c;
	struct render_stats st;
	struct render *r;

	(void)state;
	if (render_get_info(rig_render())->hardware)
		skip();
	rig_open_file(&s, file);
	assert_int_equal(rig_load_file(&full, file, NULL), 0);
	assert_int_equal(render_new(&r, &conf, NULL), 0);
	assert_int_equal(render_view_new(&full.view, r, NULL), 0);
	assert_int_equal(render_view_load(full.view, full.model, NULL), 0);
	c = rig_look_at_scene(&s);
	rig_new_frame(&f, 640, 360);
	rig_new_frame(&g, 640, 360);
	st = rig_draw(&s, &f, &c);
	assert_true(st.triangles <= 20000 && st.triangles > 10000);
	assert_true(st.nodes_reduced > 0);
	assert_int_equal(st.nodes_left_out, 0);
	st = rig_draw(&full, &g, &c);
	assert_int_equal(st.nodes_reduced, 0);
	assert_true(st.triangles > 100000);
	a = rig_drawn(&f);
	b = rig_drawn(&g);
	assert_true(abs(a.x0 - b.x0) < 8 && abs(a.x1 - b.x1) < 8 && abs(a.y0 - b.y0) < 8 &&
		    abs(a.y1 - b.y1) < 8);
	assert_true(abs(a.count - b.count) < b.count / 8);
	rig_save(&f, "engine-reduced");
	rig_save(&g, "engine-full");
	rig_free_frame(&f);
	rig_free_frame(&g);
	rig_close(&s);
	rig_close(&full);
	render_free(r);
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
		cmocka_unit_test(a_sphere_stays_one),
		cmocka_unit_test(what_cannot_be_is_not),
		cmocka_unit_test(a_large_scene_is_drawn_whole),
	};

	return cmocka_run_group_tests_name("simplify", tests, NULL, end);
}
