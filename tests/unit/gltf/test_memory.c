/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every allocation of a load, and of a play, fails once: an error, no crash, nothing lost. The
 * linker sends our allocations here (--wrap), and jansson is told to use them. */
#include "files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static long left = -1; /* allocations before the one that fails; -1: none fails */

static bool fails(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static struct ar_buf text, why;

static int load_at(long n, struct model **m)
{
	struct model_source src = {.bytes = ar_buf_span(&text)};
	int err;

	ar_buf_reset(&why);
	left = n;
	err = model_load(m, &src, &why);
	left = -1;
	return err;
}

static void load_anywhere(const char *path, long at_least)
{
	long n = 0;

	assert_true(file_read(path, &text));
	for (;; n++) {
		struct model *m = NULL;
		int err = load_at(n, &m);

		if (err == 0) {
			model_unref(m);
			break;
		}
		assert_null(m);
		if (err != -ENOMEM)
			fail_msg("allocation %ld: %d %s", n, err, why_text(&why));
		assert_true(n < 100000);
	}
	assert_true(n >= at_least);
	ar_buf_free(&text);
}

static void loading(void **state)
{
	(void)state;
	load_anywhere(SRC_DIR "/tests/unit/gltf/full.gltf", 15);
	load_anywhere(ASSIMP "BoxTextured-glTF-Binary/BoxTextured.glb", 8);
}

static void playing(void **state)
{
	struct model *m = NULL;
	struct stage *st = NULL;
	long n = 0;
	int err = -ENOMEM;

	(void)state;
	assert_true(file_read(SRC_DIR "/tests/unit/gltf/full.gltf", &text));
	assert_int_equal(load_at(-1, &m), 0);
	while (err) {
		left = n++;
		err = stage_new(&st, m);
		left = -1;
		assert_true(err == 0 || err == -ENOMEM);
	}
	assert_int_equal(n, 6); /* five allocations */
	left = 0;
	assert_true(stage_evaluate(st)); /* needs none */
	assert_int_equal(stage_set_clock(st, 1), 0);
	assert_true(stage_evaluate(st));
	assert_int_equal(left, 0);
	left = -1;
	stage_free(st);
	model_unref(m);
	ar_buf_free(&text);
}

static void glb_as_json(void **state)
{
	struct ar_buf out;
	long n = 0;
	int err = -ENOMEM;

	(void)state;
	assert_true(file_read(ASSIMP "BoxTextured-glTF-Binary/BoxTextured.glb", &text));
	ar_buf_init(&out, 1 << 20);
	while (err) {
		ar_buf_reset(&out);
		ar_buf_reset(&why);
		left = n++;
		err = model_glb_to_json(ar_buf_span(&text), &out, &why);
		left = -1;
		assert_true(n < 10000);
	}
	ar_buf_free(&out);
	ar_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loading),
		cmocka_unit_test(playing),
		cmocka_unit_test(glb_as_json),
	};
	int rc;

	ar_buf_init(&why, 4096);
	ar_buf_reserve(&why, 1000);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ar_buf_free(&why);
	return rc;
}
