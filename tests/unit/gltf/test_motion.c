/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Animations: beside three.js, by hand, and against what is set from outside. */
#include "files.h"
#include "three_values.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define FULL SRC_DIR "/tests/unit/gltf/full.gltf"

static void encode64(const uint8_t *p, size_t n, char *o)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t bit = 0; bit < n * 8; bit += 6) {
		unsigned v = (unsigned)p[bit / 8] << 8 | (bit / 8 + 1 < n ? p[bit / 8 + 1] : 0);

		*o++ = digits[v >> (10 - bit % 8) & 63];
	}
	*o = '\0';
}

static struct stage *play(const char *path)
{
	struct model *m = NULL;
	struct stage *st = NULL;
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	if (file_load(&m, path, NULL, &why) != 0)
		fail_msg("%s", why_text(&why));
	assert_int_equal(stage_new(&st, m), 0);
	model_unref(m);
	ar_buf_free(&why);
	return st;
}

static double tolerance = 3e-5;

static bool near(float a, double b)
{
	return fabs((double)a - b) <= tolerance * (1 + fabs(b));
}

static void same(const float *a, const float *b, unsigned n, const char *what)
{
	for (unsigned i = 0; i < n; i++) {
		if (!near(a[i], (double)b[i]))
			fail_msg("%s: number %u is %g, want %g", what, i, (double)a[i],
				(double)b[i]);
	}
}
#define SAME(a, ...)                                                                               \
	same((a), (const float[]){__VA_ARGS__},                                                    \
		sizeof((const float[]){__VA_ARGS__}) / sizeof(float), #a)

static void set_all(struct stage *st, float t)
{
	for (unsigned i = 0; i < model_view(stage_model(st))->nanimation; i++)
		assert_int_equal(stage_set_time(st, i, (double)t), 0);
	stage_evaluate(st);
}

static void as_three_js_does(void **state)
{
	static const struct {
		const char *name, *path;
	} files[] = {{"full", FULL}, {"skin", ASSIMP "simple_skin/simple_skin.gltf"},
		{"morph",
			ASSIMP "glTF-Sample-Models/AnimatedMorphCube-glTF/AnimatedMorphCube.gltf"}};
	unsigned done = 0, n;

	(void)state;
	for (unsigned f = 0; f < 3; f++) {
		struct stage *st = play(files[f].path);

		/* its quaternions have three digits; three.js does not make them unit */
		tolerance = f == 1 ? 5e-4 : 3e-5;

		for (size_t i = 0; i < sizeof(three_values) / sizeof(three_values[0]); i++) {
			const struct three_value *v = &three_values[i];
			char what[64];

			if (strcmp(v->model, files[f].name) != 0)
				continue;
			set_all(st, v->time);
			snprintf(what, sizeof(what), "%s %s of node %u at %g", v->model, v->what,
				v->node, (double)v->time);
			if (v->what[0] == 'j')
				same(stage_joints(st, v->node, &n) + 16, v->v, 16, what);
			else if (strcmp(v->what, "world") == 0)
				same(stage_world(st, v->node), v->v, 16, what);
			else
				same(stage_weights(st, v->node, &n), v->v, v->n, what);
			done++;
		}
		stage_free(st);
	}
	tolerance = 3e-5;
	assert_true(done > 100);
}

static const float *at(struct stage *st, unsigned node)
{
	return stage_world(st, node) + 12;
}

static void by_hand(void **state)
{
	struct stage *st = play(FULL);
	unsigned n;

	(void)state;
	assert_int_equal(
		stage_set_time(st, 0, 1.75), 0); /* linear: (2, 4 * 0.75, 0), group at x 10 */
	assert_int_equal(stage_set_time(st, 1, 1), 0); /* the middle of a Hermite curve */
	assert_true(stage_evaluate(st));
	SAME(at(st, 1), 12, 3, 0);
	SAME(stage_world(st, 1) + 8, 0, 0, 2); /* scale: a step, the key of 1 s still holds */
	SAME(at(st, 10), 0.75f, 1.6f + 0.75f, 1.5f + 0.5f);
	SAME(stage_weights(st, 5, &n), 0.25f, 0.875f); /* from 1, 0.5 to 0, 1 */
	assert_int_equal(n, 2);
	assert_int_equal(stage_set_time(st, 0, 1.99), 0);
	stage_evaluate(st);
	SAME(stage_world(st, 1) + 8, 0, 0, 2);
	assert_int_equal(stage_set_time(st, 0, 2), 0);
	stage_evaluate(st);
	SAME(stage_world(st, 1) + 8, 0, 0, 3);
	stage_free(st);
}

static void ends_are_held(void **state)
{
	struct stage *st = play(FULL);

	(void)state;
	set_all(st, -5);
	SAME(at(st, 1), 10, 0, 0);
	SAME(at(st, 10), 0, 1.6f, 1.5f);
	set_all(st, 100);
	SAME(at(st, 1), 12, 4, 0);
	SAME(at(st, 10), 1, 2.6f, 2.5f);
	stage_free(st);
}

static void clock_loops(void **state)
{
	struct stage *st = play(FULL);

	(void)state;
	assert_int_equal(stage_set_clock(st, 7.5), 0); /* 1.5 s into "move", 0 s into "nod" */
	assert_true(stage_evaluate(st));
	SAME(at(st, 1), 12, 2, 0);
	SAME(at(st, 10), 0, 1.6f, 1.5f);
	assert_int_equal(stage_set_clock(st, -0.5), 0);
	stage_evaluate(st);
	SAME(at(st, 1), 12, 2, 0);
	assert_int_equal(stage_set_clock(st, -0.5), 0);
	assert_false(stage_evaluate(st));
	assert_int_equal(stage_set_clock(st, (double)NAN), -EDOM);
	assert_int_equal(stage_set_time(st, 0, (double)INFINITY), -EDOM);
	assert_int_equal(stage_set_time(st, 2, 0), -ENOENT);
	assert_int_equal(stage_stop(st, 2), -ENOENT);
	stage_free(st);
}

/* extras.playing of an animation: what the DCMF says of it (docs/scenes.md). */
static void clock_leaves_held_ones(void **state)
{
	json_t *doc = full_doc();
	struct model *m = NULL;
	struct stage *st = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_true(json_put(doc, "/animations/0/extras", json_pack("{s:b}", "playing", 0)));
	assert_true(json_put(doc, "/animations/1/extras", json_pack("{s:b}", "playing", 1)));
	if (json_load_model(&m, doc, NULL, &why) != 0)
		fail_msg("%s", why_text(&why));
	assert_int_equal(stage_new(&st, m), 0);
	stage_evaluate(st);
	SAME(at(st, 1), 10, 1, 0);
	assert_int_equal(stage_set_clock(st, 101.5), 0);
	assert_true(stage_evaluate(st));
	SAME(at(st, 1), 10, 1, 0);
	assert_true(at(st, 10)[1] > 1.7f);
	stage_free(st);
	model_unref(m);
	json_decref(doc);
	ar_buf_free(&why);
}

static void stopping_brings_the_document_back(void **state)
{
	struct stage *st = play(FULL);
	unsigned n;

	(void)state;
	set_all(st, 1);
	assert_int_equal(stage_stop(st, 0), 0);
	assert_true(stage_evaluate(st));
	SAME(at(st, 1), 10, 1, 0);
	SAME(stage_weights(st, 5, &n), 0.5f, 0);
	SAME(at(st, 10), 0.75f, 2.35f, 2.0f); /* "nod" goes on */
	assert_int_equal(stage_stop(st, 0), 0);
	assert_false(stage_evaluate(st));
	stage_free(st);
}

static void live_wins(void **state)
{
	const float t[3] = {7, 8, 9}, w[2] = {0.1f, 0.2f};
	struct stage *st = play(FULL);
	unsigned n;

	(void)state;
	set_all(st, 1);
	assert_int_equal(stage_set_trs(st, 1, t, NULL, NULL), 0);
	assert_int_equal(stage_set_weights(st, 5, w, 2), 0);
	set_all(st, 2);
	SAME(at(st, 1), 17, 8, 9);
	SAME(stage_world(st, 1) + 8, 0, 0, 3); /* scale is still the animation's */
	SAME(stage_weights(st, 5, &n), 0.1f, 0.2f);
	assert_int_equal(stage_stop(st, 0), 0);
	stage_evaluate(st);
	SAME(at(st, 1), 17, 8, 9);
	assert_int_equal(stage_set_time(st, 0, 2), 0);
	assert_int_equal(stage_release(st, 1), 0);
	assert_int_equal(stage_release(st, 5), 0);
	assert_true(stage_evaluate(st));
	SAME(at(st, 1), 12, 4, 0);
	SAME(stage_weights(st, 5, &n), 0, 1);
	assert_int_equal(stage_release(st, 99), -ENOENT);
	stage_free(st);
}

static void play_goes_on_with_the_next_document(void **state)
{
	struct stage *st = play(FULL), *next = NULL;
	struct ar_buf why;
	struct model *m = NULL;
	uint64_t before;

	(void)state;
	ar_buf_init(&why, 4096);
	set_all(st, 1.5f);
	before = stage_version(st);
	assert_int_equal(file_load(&m, FULL, NULL, &why), 0);
	assert_int_equal(stage_renew(&next, m, st), 0);
	model_unref(m);
	stage_free(st);
	assert_true(stage_evaluate(next));
	SAME(at(next, 1), 12, 2, 0);
	assert_true(stage_version(next) > before);
	assert_true(stage_changed_since(next, before, -1));
	stage_free(next);
	ar_buf_free(&why);
}

/* Two animations of one property: the later one; when it stops, the earlier one again. */
static void later_animation_wins(void **state)
{
	json_t *doc = full_doc();
	struct model *m = NULL;
	struct stage *st = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_true(json_put(doc, "/animations/1/channels/0/target/node", json_integer(1)));
	assert_int_equal(json_load_model(&m, doc, NULL, &why), 0);
	json_decref(doc);
	assert_int_equal(stage_new(&st, m), 0);
	model_unref(m);
	set_all(st, 1);
	SAME(at(st, 1), 10.75f, 0.75f, 0.5f);
	assert_int_equal(stage_stop(st, 1), 0);
	stage_evaluate(st);
	SAME(at(st, 1), 12, 0, 0);
	stage_free(st);
	ar_buf_free(&why);
}

static struct stage *play_json(json_t *doc)
{
	struct model *m = NULL;
	struct stage *st = NULL;
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	if (json_load_model(&m, doc, NULL, &why) != 0)
		fail_msg("%s", why_text(&why));
	assert_int_equal(stage_new(&st, m), 0);
	model_unref(m);
	json_decref(doc);
	ar_buf_free(&why);
	return st;
}

/* Appendix C.5: tangents are scaled by the time between the keys, here two seconds instead of one.
 */
static void spline_over_two_seconds(void **state)
{
	json_t *doc = full_doc(), *view;
	struct stage *st;

	(void)state;
	view = json_deep_copy(
		json_array_get(json_object_get(doc, "bufferViews"), 17)); /* 0, 1, 2 s */
	json_object_set_new(view, "byteStride", json_integer(8));
	assert_true(json_put(doc, "/bufferViews/-", view));
	assert_true(json_put(doc, "/accessors/17/bufferView",
		json_integer(
			(json_int_t)json_array_size(json_object_get(doc, "bufferViews")) - 1)));
	st = play_json(doc);
	set_all(st, 1);
	/* half of 0 and of (1 1 1), an eighth of 2 s * (1 2 0), less an eighth of 2 s * (-1 0 0) */
	SAME(at(st, 10), 1, 1.6f + 1, 1.5f + 0.5f);
	set_all(st, 2);
	SAME(at(st, 10), 1, 2.6f, 2.5f);
	stage_free(st);
}

/* 3.11: the shorter of the two ways; -q is the same rotation as q. */
static void the_short_way_round(void **state)
{
	const float angle = 0.3f;
	float key[8] = {0, 0, 0, 1, 0, -0.14943813f, 0, -0.98877108f}; /* -q of 0.3 rad about y */
	json_t *doc = full_doc(), *buffers = json_object_get(doc, "buffers");
	char uri[128] = "data:;base64,";
	struct stage *st;

	(void)state;
	encode64((const uint8_t *)key, sizeof(key), uri + strlen(uri));
	json_array_append_new(buffers, json_pack("{s:i,s:s}", "byteLength", 32, "uri", uri));
	assert_true(json_put(
		doc, "/bufferViews/-", json_pack("{s:i,s:i}", "buffer", 1, "byteLength", 32)));
	assert_true(json_put(doc, "/accessors/-",
		json_pack("{s:i,s:i,s:i,s:s}", "bufferView",
			(int)json_array_size(json_object_get(doc, "bufferViews")) - 1,
			"componentType", 5126, "count", 2, "type", "VEC4")));
	assert_true(json_put(doc, "/animations/1/samplers/1",
		json_pack("{s:i,s:i}", "input", 17, "output",
			(int)json_array_size(json_object_get(doc, "accessors")) - 1)));
	st = play_json(doc);
	set_all(st, 1); /* half way between 0.5 and 1.5 s */
	SAME(stage_world(st, 10), cosf(angle / 2), 0, -sinf(angle / 2));
	stage_free(st);
}

static void turning_stays_a_rotation(void **state)
{
	struct stage *st = play(FULL);

	(void)state;
	for (float t = 0; t < 2.1f; t += 0.01f) {
		const float *m;

		set_all(st, t);
		m = stage_world(st, 10);
		for (unsigned c = 0; c < 3; c++) {
			float len = m[c * 4] * m[c * 4] + m[c * 4 + 1] * m[c * 4 + 1] +
				    m[c * 4 + 2] * m[c * 4 + 2];

			assert_true(near(len, 1));
		}
	}
	stage_free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_three_js_does),
		cmocka_unit_test(by_hand),
		cmocka_unit_test(ends_are_held),
		cmocka_unit_test(clock_loops),
		cmocka_unit_test(clock_leaves_held_ones),
		cmocka_unit_test(stopping_brings_the_document_back),
		cmocka_unit_test(live_wins),
		cmocka_unit_test(play_goes_on_with_the_next_document),
		cmocka_unit_test(later_animation_wins),
		cmocka_unit_test(spline_over_two_seconds),
		cmocka_unit_test(the_short_way_round),
		cmocka_unit_test(turning_stays_a_rotation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
