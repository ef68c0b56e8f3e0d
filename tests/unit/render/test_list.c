/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is drawn, in which order, within which rectangle, by which light. No GL. */
#include "mediad/armf/render/draw_list.h"
#include "tests/unit/render/rig.h"
#include "tests/unit/render/shapes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define W 640
#define H 360

struct made {
	struct model *model;
	struct stage *stage;
	struct draw_list list;
	char *text;
};

static const struct draw_budget plenty = {1000000, 1000};

static void make(struct made *m, const struct shapes *sh)
{
	struct model_source source;

	memset(m, 0, sizeof(*m));
	m->text = shapes_gltf(sh);
	source = (struct model_source){.bytes = {m->text, strlen(m->text)}};
	assert_int_equal(model_load(&m->model, &source, NULL), 0);
	assert_int_equal(stage_new(&m->stage, m->model), 0);
	stage_evaluate(m->stage);
	assert_int_equal(draw_list_prepare(&m->list, model_view(m->model)), 0);
}

static void unmake(struct made *m)
{
	draw_list_free(&m->list);
	stage_free(m->stage);
	model_unref(m->model);
	free(m->text);
}

static void build(struct made *m, const float from[3], int own, const struct draw_budget *max)
{
	struct render_camera c = rig_look(from, (float[]){from[0], from[1], from[2] - 1}, 0.9f);
	struct geom_camera g;

	assert_int_equal(geom_camera(&g, &c, W, H), 0);
	draw_list_build(&m->list, m->stage, &g, own, W, H, max);
}

/* Solid ones from the front, then transparent ones from the back. */
static void order(void **state)
{
	const struct shapes sh = {2, SHAPES_MATTE ",{\"alphaMode\":\"BLEND\"}",
		"{\"mesh\":2,\"translation\":[0,0,-3]},{\"mesh\":0,\"translation\":[0,0,-2]},"
		"{\"mesh\":2,\"translation\":[0,0,-1]},{\"mesh\":0},"
		"{\"mesh\":2,\"translation\":[0,0,-5]},{\"mesh\":0,\"translation\":[0,0,-4]}",
		6, NULL};
	static const unsigned want[] = {3, 1, 5, 4, 0, 2};
	struct made m;

	(void)state;
	make(&m, &sh);
	build(&m, (float[]){0, 0, 4}, -1, &plenty);
	assert_int_equal(m.list.n, 6);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(m.list.item[i].node, want[i]);
		assert_int_equal(m.list.item[i].blend, i >= 3);
	}
	unmake(&m);
}

static void rectangle_is_even_and_inside(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE, "{\"mesh\":0}", 1, NULL};
	struct made m;

	(void)state;
	make(&m, &sh);
	for (int i = 0; i < 60; i++) {
		float a = 0.1f * (float)i;

		build(&m, (float[]){2 * sinf(a), 1.5f * cosf(1.7f * a), 2 + sinf(3 * a)}, -1,
			&plenty);
		if (!m.list.w)
			continue;
		assert_true(m.list.x % 2 == 0 && m.list.y % 2 == 0);
		assert_true(m.list.w % 2 == 0 && m.list.h % 2 == 0 && m.list.h > 0);
		assert_true(m.list.x >= 0 && m.list.x + m.list.w <= W);
		assert_true(m.list.y >= 0 && m.list.y + m.list.h <= H);
	}
	build(&m, (float[]){0, 0, -4}, -1, &plenty); /* looks away */
	assert_int_equal(m.list.w, 0);
	assert_int_equal(m.list.n, 0);
	unmake(&m);
}

/* One's own avatar, what hangs on it, and the light it carries. */
static void own_is_left_out(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE,
		"{\"mesh\":0,\"extras\":{\"participant\":\"a\"},\"children\":[3]},"
		"{\"mesh\":0,\"extras\":{\"participant\":\"b\"}},{\"mesh\":0},"
		"{\"mesh\":0,\"translation\":[0,1,0],"
		"\"extensions\":{\"KHR_lights_punctual\":{\"light\":0}}}",
		3, ",\"extensions\":{\"KHR_lights_punctual\":{\"lights\":[{\"type\":\"point\"}]}}"};
	struct made m;

	(void)state;
	make(&m, &sh);
	build(&m, (float[]){0, 0, 6}, -1, &plenty);
	assert_int_equal(m.list.n, 4);
	assert_false(m.list.lights.standard);
	build(&m, (float[]){0, 0, 6}, 0, &plenty);
	assert_int_equal(m.list.n, 2);
	assert_true(m.list.lights.standard);
	build(&m, (float[]){0, 0, 6}, 1, &plenty);
	assert_int_equal(m.list.n, 3);
	unmake(&m);
}

static void lights(void **state)
{
	struct ar_buf nodes;
	struct shapes sh = {1, SHAPES_MATTE, NULL, 12,
		",\"extensions\":{\"KHR_lights_punctual\":{\"lights\":["
		"{\"type\":\"directional\",\"color\":[1,0.5,0],\"intensity\":2},"
		"{\"type\":\"spot\",\"range\":4,\"spot\":{\"innerConeAngle\":0.1,"
		"\"outerConeAngle\":0.5}}]}}"};
	const struct draw_lights *l;
	struct made m;

	(void)state;
	ar_buf_init(&nodes, 4096);
	ar_buf_add_str(&nodes, "{\"mesh\":0}");
	for (int i = 0; i < 11; i++)
		ar_buf_printf(&nodes,
			",{\"rotation\":[-0.7071068,0,0,0.7071068],\"translation\":[1,2,3],"
			"\"extensions\":{\"KHR_lights_punctual\":{\"light\":%d}}}",
			i & 1);
	assert_int_equal(ar_buf_add(&nodes, "", 1), 0);
	sh.nodes = nodes.p;
	make(&m, &sh);
	build(&m, (float[]){0, 0, 6}, -1, &plenty);
	l = &m.list.lights;
	assert_int_equal(l->n, RENDER_MAX_LIGHTS); /* of eleven */
	assert_true(l->positions);
	/* shines down: the direction towards it is up */
	assert_float_equal(l->light[0].position[1], 1, 1e-5);
	assert_float_equal(l->light[0].position[3], 0, 0);
	assert_float_equal(l->light[0].color[0], 2, 1e-6);
	assert_float_equal(l->light[0].color[1], 1, 1e-6);
	assert_float_equal(l->light[1].position[0], 1, 1e-5);
	assert_float_equal(l->light[1].position[3], 1, 0);
	assert_float_equal(l->light[1].color[3], 1.0 / 16, 1e-6);
	assert_float_equal(l->light[1].axis[1], -1, 1e-5);
	/* the cone: 1 inside, 0 outside */
	assert_float_equal(cosf(0.1f) * l->light[1].cone[0] + l->light[1].cone[1], 1, 1e-3);
	assert_float_equal(cosf(0.5f) * l->light[1].cone[0] + l->light[1].cone[1], 0, 1e-3);
	unmake(&m);
	ar_buf_free(&nodes);
}

/* Less detail first where there is some, and the order of going is by size on screen. */
static void budget(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE,
		"{\"mesh\":0,\"translation\":[-1,0,-8]},{\"mesh\":2,\"translation\":[1,0,0]},"
		"{\"mesh\":0,\"translation\":[-1,0,-3]}",
		3, NULL};
	struct made m;

	(void)state;
	make(&m, &sh);
	assert_int_equal(m.list.all_triangles, 36);
	draw_list_reduce(&m.list, 0, 1, 9); /* mesh 0 has 3 at the first level, 1 at the second */
	draw_list_reduce(&m.list, 0, 2, 11);
	build(&m, (float[]){0, 0, 4}, -1, &(struct draw_budget){36, 1000});
	assert_int_equal(m.list.triangles, 36);
	assert_int_equal(m.list.reduced, 0);
	build(&m, (float[]){0, 0, 4}, -1, &(struct draw_budget){30, 1000});
	assert_int_equal(m.list.triangles, 27);
	assert_int_equal(m.list.reduced, 1);
	for (unsigned i = 0; i < m.list.n; i++)
		assert_int_equal(m.list.item[i].detail, m.list.item[i].node == 0);
	build(&m, (float[]){0, 0, 4}, -1, &(struct draw_budget){16, 1000});
	assert_int_equal(m.list.triangles, 16);
	assert_int_equal(m.list.reduced, 2);
	build(&m, (float[]){0, 0, 4}, -1, &(struct draw_budget){12, 1000});
	assert_int_equal(m.list.triangles, 12); /* the one in front alone */
	assert_int_equal(m.list.left_out, 2);
	assert_int_equal(m.list.reduced, 0);
	assert_int_equal(m.list.item[0].node, 1);
	build(&m, (float[]){0, 0, 4}, -1, &(struct draw_budget){0, 1000});
	assert_int_equal(m.list.n, 0);
	assert_int_equal(m.list.w, 0);
	unmake(&m);
}

/* A cube's surface is six times its largest side. */
static void layers(void **state)
{
	const struct shapes sh = {1, SHAPES_MATTE, "{\"mesh\":0},{\"mesh\":1}", 2, NULL};
	struct made m;

	(void)state;
	make(&m, &sh);
	assert_float_equal(m.list.mesh_layers[0], 6, 1e-4);
	assert_float_equal(m.list.mesh_layers[1], 1, 1e-4);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(rectangle_is_even_and_inside),
		cmocka_unit_test(own_is_left_out),
		cmocka_unit_test(lights),
		cmocka_unit_test(budget),
		cmocka_unit_test(layers),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
