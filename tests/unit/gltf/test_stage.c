/* SPDX-License-Identifier: GPL-2.0-or-later */
/* World matrices, visibility, versions, boxes. */
#include "files.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define FULL SRC_DIR "/tests/unit/gltf/full.gltf"

static struct stage *st;
static const struct model_view *v;

static int start_with(const char *path)
{
	struct model *m = NULL;
	struct ar_buf why;
	int err;

	ar_buf_init(&why, 4096);
	err = file_load(&m, path, NULL, &why);
	if (!err)
		err = stage_new(&st, m);
	model_unref(m);
	ar_buf_free(&why);
	if (err)
		return err;
	v = model_view(stage_model(st));
	stage_evaluate(st);
	return 0;
}

static int start(void **state)
{
	(void)state;
	return start_with(FULL);
}

static int stop(void **state)
{
	(void)state;
	stage_free(st);
	st = NULL;
	return 0;
}

static void same(const float *a, const double *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!(fabs((double)a[i] - b[i]) <= 5e-4)) /* boxes have some slack */
			fail_msg("number %u is %g, want %g", i, (double)a[i], b[i]);
	}
}
#define SAME(a, ...)                                                                               \
	same((a), (const double[]){__VA_ARGS__},                                                   \
		sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static void worlds_by_hand(void **state)
{
	unsigned n;

	(void)state;
	SAME(stage_world(st, 0), 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 10, 0, 0, 1);
	/* a quarter turn about z, x doubled, at (10, 1, 0) */
	SAME(stage_world(st, 1), 0, 2, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 10, 1, 0, 1);
	SAME(stage_world(st, 4) + 12, 10, 1, 0, 1);
	SAME(stage_world(st, 8), 0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 3, 0, 0, 1);
	/* joints: world of the joint times its inverse bind matrix; the skinned node has no say */
	SAME(stage_joints(st, 2, &n) + 12, 10, 0, 0, 1);
	SAME(stage_joints(st, 2, &n) + 16 + 12, 10, 0, 0, 1);
	assert_int_equal(n, 2);
	assert_null(stage_joints(st, 1, &n));
	assert_null(stage_world(st, 12));
	assert_null(stage_weights(st, 1, &n));
}

static void boxes_by_hand(void **state)
{
	float lo[3], hi[3];

	(void)state;
	assert_true(stage_box(st, 1, lo, hi));
	SAME(lo, 9, 1, 0);
	SAME(hi, 10, 3, 0);
	assert_true(stage_box(st, 5, lo, hi)); /* weights 0.5 0: half a metre along z */
	SAME(lo, 0, 0, 0.5);
	SAME(hi, 2, 1, 0.5);
	assert_true(stage_box(st, 2, lo, hi));
	SAME(lo, 9.5, 0, 0);
	SAME(hi, 10.5, 2, 0);
	assert_false(stage_box(st, 0, lo, hi));
	assert_false(stage_box(st, 11, lo, hi));
	assert_false(stage_box(st, 50, lo, hi));
	assert_true(stage_bounds(st, -1, lo, hi));
	SAME(lo, 0, 0, -1);
	SAME(hi, 10.5, 3, 1.5);
	assert_true(stage_bounds(st, 9, lo, hi));
	SAME(hi, 10.5, 3, 0.5); /* the head at z 1.5 is one's own */
}

static void moves_are_seen_once(void **state)
{
	const float t[3] = {1, 2, 3};
	uint64_t before = stage_version(st), other = stage_node_version(st, 8);

	(void)state;
	assert_false(stage_evaluate(st));
	assert_int_equal(stage_set_trs(st, 0, t, NULL, NULL), 0);
	assert_false(stage_changed_since(st, before, -1));
	assert_true(stage_evaluate(st));
	assert_true(stage_version(st) > before);
	assert_true(stage_changed_since(st, before, -1));
	assert_true(stage_node_version(st, 1) > before);
	assert_true(stage_node_version(st, 2) > before); /* skinned, by its joints */
	assert_true(stage_node_version(st, 8) == other);
	SAME(stage_world(st, 1) + 12, 1, 3, 3);
	assert_false(stage_changed_since(st, stage_version(st), -1));
	assert_int_equal(stage_set_trs(st, 0, t, NULL, NULL), 0);
	assert_false(stage_evaluate(st));
}

static void ones_own_avatar_does_not_count(void **state)
{
	const float t[3] = {4, 1.6f, 4};
	uint64_t before = stage_version(st);

	(void)state;
	assert_int_equal(stage_set_trs(st, 9, t, NULL, NULL), 0);
	assert_true(stage_evaluate(st));
	assert_true(stage_changed_since(st, before, -1));
	assert_false(stage_changed_since(st, before, 9));
	assert_true(stage_changed_since(st, before, 8));
}

static void nodes_that_draw_nothing_do_not_count(void **state)
{
	const float t[3] = {0, 0, 1};
	uint64_t before = stage_version(st);

	(void)state;
	assert_int_equal(stage_set_trs(st, 6, t, NULL, NULL), 0); /* the camera */
	stage_evaluate(st);
	assert_false(stage_changed_since(st, before, -1));
	assert_int_equal(stage_set_trs(st, 7, t, NULL, NULL), 0); /* the lamp does */
	stage_evaluate(st);
	assert_true(stage_changed_since(st, before, -1));
}

static void hiding_and_showing(void **state)
{
	const float t[3] = {1, 1, 1};
	float lo[3], hi[3];
	uint64_t before = stage_version(st);

	(void)state;
	assert_true(stage_shown(st, 1) && stage_shown(st, 10));
	assert_false(stage_shown(st, 11)); /* a tombstone */
	assert_false(stage_shown(st, 99));
	assert_int_equal(stage_set_visible(st, 0, false), 0);
	assert_true(stage_evaluate(st));
	assert_false(stage_shown(st, 0) || stage_shown(st, 1) || stage_shown(st, 4));
	assert_true(stage_changed_since(st, before, -1));
	before = stage_version(st);
	assert_int_equal(stage_set_trs(st, 0, t, NULL, NULL), 0); /* out of sight */
	stage_evaluate(st);
	assert_false(stage_changed_since(st, before, -1));
	assert_int_equal(stage_set_visible(st, 0, true), 0);
	assert_true(stage_evaluate(st));
	assert_true(stage_shown(st, 1));
	assert_true(stage_box(st, 1, lo, hi));
	SAME(lo, 0, 2, 1);
	assert_true(stage_box(st, 2, lo, hi)); /* its joints moved meanwhile */
	SAME(lo, 0.5, 1, 1);
	assert_int_equal(stage_set_visible(st, 12, true), -ENOENT);
}

static void roots_come_and_go(void **state)
{
	uint64_t before = stage_version(st);

	(void)state;
	assert_int_equal(stage_set_root(st, 9, false), 0);
	assert_true(stage_evaluate(st));
	assert_false(stage_shown(st, 10));
	assert_true(stage_changed_since(st, before, -1));
	assert_false(stage_changed_since(st, before, 9));
	assert_int_equal(stage_set_root(st, 9, true), 0);
	assert_true(stage_evaluate(st));
	assert_true(stage_shown(st, 10));
	assert_int_equal(stage_set_root(st, 1, true), -EPERM);
	assert_int_equal(stage_set_root(st, 12, true), -ENOENT);
	assert_int_equal(stage_set_root(st, 11, true), 0); /* a tombstone stays one */
	stage_evaluate(st);
	assert_false(stage_shown(st, 11));
}

static void bad_input_changes_nothing(void **state)
{
	const float nan3[3] = {0, NAN, 0}, zero[4] = {0, 0, 0, 0}, t[3] = {1, 1, 1},
		    w[3] = {0, INFINITY, 0};

	(void)state;
	assert_int_equal(stage_set_trs(st, 0, nan3, NULL, NULL), -EDOM);
	assert_int_equal(stage_set_trs(st, 0, t, zero, NULL), -EDOM);
	assert_int_equal(stage_set_trs(st, 0, t, NULL, nan3), -EDOM);
	assert_int_equal(stage_set_trs(st, 8, t, NULL, NULL), -EPERM);
	assert_int_equal(stage_set_trs(st, 12, t, NULL, NULL), -ENOENT);
	assert_int_equal(stage_set_weights(st, 5, w, 3), -EINVAL);
	assert_int_equal(stage_set_weights(st, 5, w, 2), -EDOM);
	assert_int_equal(stage_set_weights(st, 1, w, 0), -EINVAL);
	assert_int_equal(stage_set_weights(st, 12, w, 2), -ENOENT);
	assert_false(stage_evaluate(st));
	SAME(stage_world(st, 0) + 12, 10, 0, 0, 1);
}

static void numbers_beyond_floats_are_not_drawn(void **state)
{
	const float huge[3] = {3e38f, 3e38f, 3e38f}, back[3] = {1, 1, 1};
	float lo[3], hi[3];

	(void)state;
	assert_int_equal(stage_set_trs(st, 0, NULL, NULL, huge), 0);
	assert_int_equal(stage_set_trs(st, 1, huge, NULL, huge), 0);
	stage_evaluate(st);
	assert_false(stage_shown(st, 1));
	if (stage_bounds(st, -1, lo, hi))
		assert_true(isfinite(lo[0]) && isfinite(hi[0]));
	assert_int_equal(stage_set_trs(st, 0, NULL, NULL, back), 0);
	assert_int_equal(stage_set_trs(st, 1, back, NULL, back), 0);
	stage_evaluate(st);
	assert_true(stage_shown(st, 1));
	assert_true(stage_box(st, 1, lo, hi));
}

static void rotations_are_made_unit(void **state)
{
	const float r[4] = {0, 0, 5, 5};

	(void)state;
	assert_int_equal(stage_set_trs(st, 0, NULL, r, NULL), 0);
	stage_evaluate(st);
	SAME(stage_world(st, 0), 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0);
}

/* ---- whatever the pose: no vertex leaves its node's box ---- */

static float rnd(float lo, float hi)
{
	return lo + (hi - lo) * (float)rand() / (float)RAND_MAX;
}

static void transform(const float *m, const float *p, float w, float *out)
{
	for (unsigned i = 0; i < 3; i++)
		out[i] += w * (m[i] * p[0] + m[4 + i] * p[1] + m[8 + i] * p[2] + m[12 + i]);
}

static void check_primitive(
	unsigned node, const struct model_primitive *p, const float lo[3], const float hi[3])
{
	float *pos = malloc(p->nvertex * 3 * sizeof(float) + 1);
	unsigned n = 0;
	const float *w = stage_weights(st, node, &n), *j = stage_joints(st, node, &(unsigned){0});

	model_morph(p, w, n, pos, NULL, NULL);
	for (uint32_t k = 0; k < p->nvertex; k++) {
		float out[3] = {0, 0, 0};

		for (unsigned b = 0; b < 4 && j; b++)
			transform(j + p->joint[k * 4 + b] * 16, pos + k * 3, p->weight[k * 4 + b],
				out);
		if (!j)
			transform(stage_world(st, node), pos + k * 3, 1, out);
		for (unsigned i = 0; i < 3; i++) {
			if (!(out[i] >= lo[i] && out[i] <= hi[i]))
				fail_msg("node %u vertex %u: %g is not in %g to %g", node, k,
					(double)out[i], (double)lo[i], (double)hi[i]);
		}
	}
	free(pos);
}

static void check_boxes(void)
{
	for (unsigned i = 0; i < v->nnode; i++) {
		float lo[3], hi[3];

		if (v->node[i].mesh < 0 || !stage_shown(st, i))
			continue;
		assert_true(stage_box(st, i, lo, hi));
		for (unsigned k = 0; k < v->mesh[v->node[i].mesh].nprimitive; k++)
			check_primitive(i, &v->mesh[v->node[i].mesh].primitive[k], lo, hi);
	}
}

static void shake(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		const float t[3] = {rnd(-9, 9), rnd(-9, 9), rnd(-9, 9)};
		const float r[4] = {rnd(-1, 1), rnd(-1, 1), rnd(-1, 1), rnd(-1, 1)};
		const float s[3] = {rnd(-3, 3), rnd(-3, 3), rnd(-3, 3)};
		float w[MODEL_MAX_TARGETS];
		unsigned n = (unsigned)rand() % v->nnode, nw;

		for (unsigned k = 0; k < MODEL_MAX_TARGETS; k++)
			w[k] = rnd(-2, 2);
		(void)stage_set_trs(st, n, t, r, s);
		if (stage_weights(st, n, &nw))
			assert_int_equal(stage_set_weights(st, n, w, nw), 0);
		if (i % 3 == 0)
			(void)stage_set_clock(st, (double)rnd(0, 10));
		stage_evaluate(st);
		check_boxes();
	}
}

static void boxes_hold_what_is_drawn(void **state)
{
	static const char *const paths[] = {FULL, ASSIMP "simple_skin/simple_skin.gltf",
		ASSIMP "glTF-Sample-Models/AnimatedMorphCube-glTF/AnimatedMorphCube.gltf",
		SRC_DIR "/webapp/scenes/default.gltf"};

	(void)state;
	srand(7);
	for (unsigned i = 0; i < 4; i++) {
		stage_free(st);
		st = NULL;
		assert_int_equal(start_with(paths[i]), 0);
		check_boxes();
		shake(300);
	}
}

/* A skinned mesh with morph targets: the joints' boxes must grow with the targets. */
static void boxes_of_skin_and_morph_together(void **state)
{
	json_t *doc = full_doc();
	struct model *m = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	stage_free(st);
	st = NULL;
	assert_true(json_put(doc, "/meshes/1/primitives/0/targets",
		json_pack("[{s:i},{s:i}]", "POSITION", 7, "POSITION", 7)));
	assert_int_equal(json_load_model(&m, doc, NULL, &why), 0);
	json_decref(doc);
	assert_int_equal(stage_new(&st, m), 0);
	v = model_view(m);
	model_unref(m);
	stage_evaluate(st);
	shake(300);
	ar_buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(worlds_by_hand, start, stop),
		cmocka_unit_test_setup_teardown(boxes_by_hand, start, stop),
		cmocka_unit_test_setup_teardown(moves_are_seen_once, start, stop),
		cmocka_unit_test_setup_teardown(ones_own_avatar_does_not_count, start, stop),
		cmocka_unit_test_setup_teardown(nodes_that_draw_nothing_do_not_count, start, stop),
		cmocka_unit_test_setup_teardown(hiding_and_showing, start, stop),
		cmocka_unit_test_setup_teardown(roots_come_and_go, start, stop),
		cmocka_unit_test_setup_teardown(bad_input_changes_nothing, start, stop),
		cmocka_unit_test_setup_teardown(numbers_beyond_floats_are_not_drawn, start, stop),
		cmocka_unit_test_setup_teardown(rotations_are_made_unit, start, stop),
		cmocka_unit_test_setup_teardown(boxes_hold_what_is_drawn, start, stop),
		cmocka_unit_test_setup_teardown(boxes_of_skin_and_morph_together, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
