/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Good files cut off and changed at random: refused with a reason or taken, and then everything in
 * the model is within its bounds and can be played. Most worth under the sanitizers. */
#include "files.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct model_limits small = {
	.bytes = 1 << 20,
	.json = 1 << 20,
	.resource_bytes = 1 << 20,
	.memory = 8 << 20,
	.items = 256,
	.nodes = 256,
	.depth = 16,
	.primitives = 256,
	.vertices = 20000,
	.triangles = 20000,
	.joints = 32,
	.targets = 8,
	.keys = 10000,
	.lights = 8,
	.images = 8,
	.image_side = 512,
	.texture_side = 128,
};

static void check_model(const struct model_view *v)
{
	for (unsigned i = 0; i < v->nmesh; i++) {
		for (unsigned k = 0; k < v->mesh[i].nprimitive; k++) {
			const struct model_primitive *p = &v->mesh[i].primitive[k];

			assert_true(p->material >= 0 && p->material < (int)v->nmaterial);
			for (uint32_t j = 0; j < p->nindex; j++)
				assert_true(model_index(p, j) < p->nvertex);
			for (uint32_t j = 0; j < p->nvertex * 3; j++)
				assert_true(isfinite(p->position[j]));
			if (p->mode == MODEL_TRIANGLES && p->nvertex)
				assert_non_null(p->normal);
		}
	}
	for (unsigned i = 0; i < v->nnode; i++) {
		const struct model_node *n = &v->node[i];

		assert_true(n->mesh < (int)v->nmesh && n->skin < (int)v->nskin &&
			    n->light < (int)v->nlight);
		assert_true(n->parent < (int)v->nnode);
		assert_non_null(n->name);
	}
}

static void play(struct model *m)
{
	const struct model_view *v = model_view(m);
	struct stage *st = NULL;

	assert_int_equal(stage_new(&st, m), 0);
	for (int t = 0; t < 3; t++) {
		assert_int_equal(stage_set_clock(st, t * 0.7), 0);
		stage_evaluate(st);
		for (unsigned i = 0; i < v->nnode; i++) {
			float lo[3], hi[3];

			if (stage_shown(st, i) && stage_box(st, i, lo, hi)) {
				for (unsigned k = 0; k < 3; k++)
					assert_true(isfinite(lo[k]) && isfinite(hi[k]) &&
						    lo[k] <= hi[k]);
			}
		}
	}
	stage_free(st);
}

static bool try(const char *p, size_t n, const struct model *prev, struct ar_buf *why)
{
	char *exact = malloc(n ? n : 1);
	struct model_source src = {.limits = &small, .prev = prev};
	struct model *m = NULL;
	int err;

	memcpy(exact, p, n);
	src.bytes = (struct ar_span){exact, n};
	ar_buf_reset(why);
	err = model_load(&m, &src, why);
	if (err) {
		assert_null(m);
		assert_true(why->n > 0);
		assert_true(
			err == -EINVAL || err == -E2BIG || err == -EOPNOTSUPP || err == -ENOENT);
	} else {
		check_model(model_view(m));
		play(m);
	}
	model_unref(m);
	free(exact);
	return err == 0;
}

/* Bytes of numbers are the interesting ones: most other changes end in the JSON parser. */
static void change(char *p, size_t n)
{
	static const char digits[] = "0123456789";
	unsigned count = 1 + (unsigned)rand() % 4;

	for (unsigned i = 0; i < count; i++) {
		size_t at = (size_t)rand() % n;

		for (size_t k = 0; k < 200 && at + 1 < n && !(p[at] >= '0' && p[at] <= '9'); k++)
			at++;
		p[at] = rand() % 5 ? digits[rand() % 10] : (char)rand();
	}
}

static void attack(const char *path, unsigned rounds)
{
	struct model_source src = {.limits = &small};
	struct ar_buf file, why;
	struct model *good = NULL;
	unsigned taken = 0;

	ar_buf_init(&why, 4096);
	assert_true(file_read(path, &file));
	assert_int_equal(file_load(&good, path, &src, &why), 0);
	for (unsigned i = 0; i < rounds; i++) {
		char *copy = malloc(file.n);

		memcpy(copy, file.p, file.n);
		change(copy, file.n);
		taken += try(copy, i % 10 ? file.n : (size_t)rand() % file.n, good, &why);
		free(copy);
	}
	assert_true(taken < rounds);
	model_unref(good);
	ar_buf_free(&file);
	ar_buf_free(&why);
}

static void full_document(void **state)
{
	(void)state;
	srand(11);
	attack(SRC_DIR "/tests/unit/gltf/full.gltf", 1500);
}

static void skins_and_boxes(void **state)
{
	(void)state;
	srand(12);
	attack(ASSIMP "simple_skin/simple_skin.gltf", 1500);
	attack(ASSIMP "BoxTextured-glTF-Embedded/BoxTextured.gltf", 500);
	attack(ASSIMP "BoxTextured-glTF-Binary/BoxTextured.glb", 500);
	attack(SRC_DIR "/webapp/scenes/default.gltf", 500);
}

/* Values that a random digit would hardly hit, at every number of the document. */
static void walk(json_t *doc, json_t *at, struct ar_buf *why, unsigned *n)
{
	static const double odd[] = {-1, 0, 255, 65536, 4294967295.0, 9e18, 1e30};
	const char *key;
	size_t i;
	json_t *v;

	if (json_is_object(at)) {
		void *it;

		json_object_foreach_safe(at, it, key, v) walk(doc, v, why, n);
	}
	json_array_foreach(at, i, v) walk(doc, v, why, n);
	if (!json_is_integer(at) && !json_is_real(at))
		return;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		json_int_t was = json_integer_value(at);
		double real = json_real_value(at);
		char *text;

		json_integer_set(at, (json_int_t)odd[i]);
		json_real_set(at, odd[i]);
		text = json_dumps(doc, JSON_COMPACT);
		try(text, strlen(text), NULL, why);
		free(text);
		json_integer_set(at, was);
		json_real_set(at, real);
		(*n)++;
	}
}

static void odd_numbers_everywhere(void **state)
{
	json_t *doc = full_doc();
	struct ar_buf why;
	unsigned n = 0;

	(void)state;
	ar_buf_init(&why, 4096);
	walk(doc, doc, &why, &n);
	assert_true(n > 1500);
	json_decref(doc);
	ar_buf_free(&why);
}

static void deep_nesting(void **state)
{
	char *text = malloc(200001);
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	memset(text, '[', 200000);
	text[200000] = '\0';
	assert_false(try(text, 200000, NULL, &why));
	for (unsigned i = 0; i < 199990; i += 5)
		memcpy(text + i, "{\"a\":", 5);
	assert_false(try(text, 199990, NULL, &why));
	free(text);
	ar_buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_document),
		cmocka_unit_test(skins_and_boxes),
		cmocka_unit_test(odd_numbers_everywhere),
		cmocka_unit_test(deep_nesting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
