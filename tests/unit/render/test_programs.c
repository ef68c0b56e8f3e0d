/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shader programs: every combination compiles, each once; and the targets drawn into. */
#include "mediad/armf/render/egl.h"
#include "mediad/armf/render/shader.h"
#include "mediad/armf/render/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct egl the_egl;
static EGLContext context;
static struct shader_set set;

static int start(void **state)
{
	(void)state;
	if (egl_open(&the_egl, &(struct render_conf){0}, NULL) ||
		egl_context_new(&the_egl, &context, NULL))
		return -1;
	return egl_bind(&the_egl, context);
}

static int end(void **state)
{
	(void)state;
	shader_set_clear(&set);
	egl_unbind(&the_egl);
	egl_context_free(&the_egl, context);
	return 0;
}

static void compiles(uint32_t key)
{
	struct ar_buf why;

	ar_buf_init(&why, 4096);
	if (!shader_get(&set, key, &why))
		fail_msg("0x%x: %.*s", key, (int)why.n, why.p);
	ar_buf_free(&why);
}

/* A key as draw.c could make it. */
static uint32_t made_possible(uint32_t k)
{
	if (k & SHADER_LIT)
		k = (k & ~(uint32_t)SHADER_PLAIN) | (1 + (k >> 28)) << SHADER_LIGHTS_SHIFT;
	else
		k &= ~(uint32_t)(SHADER_ROUGH | SHADER_NORMAL_MAP | SHADER_OCCLUSION |
				 SHADER_EMISSIVE | SHADER_TANGENT | SHADER_DOUBLE |
				 SHADER_POSITIONS | SHADER_MATTE);
	if (!(k & SHADER_NORMAL_MAP))
		k &= ~(uint32_t)SHADER_TANGENT;
	if (k & (SHADER_ROUGH | SHADER_OCCLUSION) || !(k & SHADER_FAST))
		k &= ~(uint32_t)SHADER_MATTE;
	if (!(k & (SHADER_BASE | SHADER_ROUGH | SHADER_NORMAL_MAP | SHADER_OCCLUSION |
			  SHADER_EMISSIVE)))
		k &= ~(uint32_t)(SHADER_UV1 | SHADER_UV_MATRIX);
	if (k & SHADER_COLOR)
		k &= ~(uint32_t)SHADER_PLAIN;
	if (k & SHADER_MASK)
		k &= ~(uint32_t)SHADER_BLEND;
	return k;
}

static void each_bit_alone(void **state)
{
	(void)state;
	for (int fast = 0; fast < 2; fast++) {
		uint32_t more = fast ? SHADER_FAST : 0;

		for (int bit = 0; bit < SHADER_LIGHTS_SHIFT - 2; bit++) {
			uint32_t k = 1u << bit | more;

			compiles(made_possible(k) & ((8u << SHADER_LIGHTS_SHIFT) | 0xfffff));
			compiles(made_possible(k | SHADER_LIT));
		}
	}
}

static void any_together(void **state)
{
	uint32_t x = 7;

	(void)state;
	for (int i = 0; i < 150; i++) {
		uint32_t k;

		x = x * 1664525u + 1013904223u;
		k = made_possible(
			(x >> 8 & 0x3ffff) | (i % 3 ? SHADER_LIT : 0) | (uint32_t)(i % 8) << 28);
		compiles(k & 0x0fffffff);
	}
	assert_true(set.flushed > 0); /* more than are kept */
	assert_true(set.n <= SHADER_MAX);
}

static void each_once(void **state)
{
	const struct shader *a, *b;
	uint64_t n;

	(void)state;
	a = shader_get(&set, SHADER_PLAIN, NULL);
	n = set.compiled;
	b = shader_get(&set, SHADER_PLAIN, NULL);
	assert_ptr_equal(a, b);
	assert_int_equal(set.compiled, n);
}

/* ---------------------------------------------------------------- targets */

static void paint(int x, int y, int w, int h, float r)
{
	glEnable(GL_SCISSOR_TEST);
	glScissor(x, y, w, h);
	glClearColor(r, 0.5f, 0, 1);
	glClear(GL_COLOR_BUFFER_BIT);
}

static void read_what_was_drawn(int samples)
{
	static uint8_t out[100 * 60 * 4];
	struct target t = {0};

	assert_int_equal(target_begin(&t, 100, 60, samples), 0);
	assert_true(t.w >= 100 && t.h >= 60);
	paint(10, 20, 30, 5, 1);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(target_read(&t, 100, 60, out), 0);
	for (int y = 0; y < 60; y++) {
		for (int x = 0; x < 100; x++) {
			const uint8_t *p = out + (y * 100 + x) * 4;
			bool in = x >= 10 && x < 40 && y >= 20 && y < 25;

			assert_int_equal(p[0], in ? 255 : 0);
			assert_int_equal(p[3], in ? 255 : 0);
		}
	}
	/* the next picture begins empty, also where the last one was larger */
	paint(0, 0, 200, 200, 1);
	assert_int_equal(target_begin(&t, 90, 50, samples), 0);
	assert_int_equal(target_read(&t, 90, 50, out), 0);
	for (int i = 0; i < 90 * 50 * 4; i++)
		assert_int_equal(out[i], 0);
	target_free(&t);
	assert_int_equal(target_bytes(&t), 0);
}

static void target_gives_back(void **state)
{
	(void)state;
	read_what_was_drawn(0);
	read_what_was_drawn(4);
}

/* It grows with a rectangle and is given up for one far smaller, not at every pixel. */
static void target_fits(void **state)
{
	struct target t = {0};
	int made = 0, first;

	(void)state;
	assert_int_equal(target_begin(&t, 400, 300, 0), 0);
	first = t.w;
	for (int i = 0; i < 40; i++) {
		int w = t.w;

		assert_int_equal(target_begin(&t, 400 + i % 7, 300 - i % 5, 0), 0);
		made += t.w != w;
	}
	assert_int_equal(made, 0);
	assert_int_equal(t.w, first);
	assert_int_equal(target_begin(&t, 1200, 700, 0), 0);
	assert_true(t.w >= 1200 && t.h >= 700);
	assert_int_equal(target_begin(&t, 100, 80, 0), 0);
	assert_true(t.w < 300);
	assert_int_equal(target_begin(&t, 100, 80, 4), 0);
	assert_int_equal(t.samples, 4);
	target_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_alone),
		cmocka_unit_test(any_together),
		cmocka_unit_test(each_once),
		cmocka_unit_test(target_gives_back),
		cmocka_unit_test(target_fits),
	};

	return cmocka_run_group_tests_name("programs", tests, start, end);
}
