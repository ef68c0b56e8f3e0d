/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pixels of a segment: every way of drawing them that this machine knows, against a slow
 * account of one pixel after the other, to the bit. */
#include "mediad/armf/render/soft_light.h"

#include <GLES3/gl3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MOST 150 /* pixels */
#define BEFORE 8 /* and behind a segment, which stay as they are */
#define ROOM (BEFORE + MOST + BEFORE)
#define ROUNDS 4000

struct memory {
	uint32_t pixel[ROOM];
	float depth[ROOM];
};

static uint32_t next_random(void)
{
	static uint32_t state = 98765;

	state = state * 1664525u + 1013904223u;
	return state >> 8;
}

static int between(int low, int high)
{
	return low + (int)(next_random() % (unsigned)(high - low + 1));
}

/* 0 to 1 */
static float part(void)
{
	return (float)between(0, 1 << 20) / (1 << 20);
}

/* ---------------------------------------------------------------- the account */

/* A channel of the texel in that row and column of a level, from the border. */
static int texel(const struct soft_level *l, int x, int y, int c)
{
	uint8_t b[4];

	memcpy(b, &l->texel[y * l->stride + x], sizeof(b));
	return (int8_t)b[c];
}

static int within(int v, int most)
{
	return v < 0 ? 0 : v > most ? most : v;
}

static int rounded(int a, int b)
{
	return (a * b + 0x4000) >> 15;
}

/* (t - 128) * 128 of what lies there. */
static int read_texel(const struct soft_level *l, int32_t x, int32_t y, int c)
{
	int at_x = within(x >> 16, l->w), at_y = within(y >> 16, l->h);
	int below = y >> 9 & 127, mixed[2];

	for (int k = 0; k < 2; k++)
		mixed[k] = texel(l, at_x + k, at_y, c) * (128 - below) +
			   texel(l, at_x + k, at_y + 1, c) * below;
	return mixed[0] + rounded(mixed[1] - mixed[0], x >> 1 & 0x7fff);
}

static uint8_t shade(int t, int light)
{
	int v = rounded(t, light) + rounded(light, SOFT_LIGHT_MORE) + SOFT_LIGHT_LESS;

	return (uint8_t)within((v > 32767 ? 32767 : v) >> 5, 255);
}

static void account(const struct soft_segment *s)
{
	for (int k = 0; k < s->n; k++) {
		float at = (float)k, i = s->i + at * s->di, w = 1 / i;
		uint8_t c[4] = {0, 0, 0, 255};

		if (!s->first && !(i >= s->depth[k]))
			continue;
		for (int n = 0; n < 3; n++) {
			int t = SOFT_LIGHT_WHITE;

			if (s->level)
				t = read_texel(s->level,
					(int32_t)((s->x + at * s->dx) * w) & s->x_mask,
					(int32_t)((s->y + at * s->dy) * w) & s->y_mask, n);
			c[n] = shade(t, (uint16_t)(s->light[n] + k * s->dlight[n]));
		}
		memcpy(&s->pixel[k], c, sizeof(c));
		s->depth[k] = i;
	}
}

/* ---------------------------------------------------------------- any segment */

static void new_texture(struct soft_texture *t, unsigned w, unsigned h)
{
	uint8_t *rgba = malloc((size_t)w * h * 4);
	const struct model_image im = {.w = w, .h = h, .rgba = rgba};

	assert_non_null(rgba);
	for (size_t i = 0; i < (size_t)w * h * 4; i++) {
		uint32_t r = next_random(); /* the ends as well */

		rgba[i] = (uint8_t)(r & 0x300 ? r : r & 1 ? 255 : 0);
	}
	assert_int_equal(soft_texture_new(t, &im, GL_REPEAT, GL_MIRRORED_REPEAT), 0);
	free(rgba);
}

/* From one texel to another, and what it is to be divided by at both ends. */
static void set_axis(
	const struct soft_segment *s, int size, bool repeats, float *at, float *by, int32_t *mask)
{
	float most = repeats ? 9.0f * (float)size : (float)size + 0.9f;
	float end = s->i + (float)(s->n - 1) * s->di;
	float a = part() * most * 65536, b = part() * most * 65536;

	if (repeats)
		a -= most * 32768, b -= most * 32768;
	if (between(0, 9) == 0)
		a = b; /* along a row or a column */
	*at = a * s->i;
	*by = s->n > 1 ? (b * end - *at) / (float)(s->n - 1) : 0;
	*mask = repeats ? (size << 16) - 1 : -1;
}

static void set_light(struct soft_segment *s)
{
	bool even = between(0, 1);

	for (int k = 0; k < 3; k++) {
		float most = SOFT_MAX_LIGHT * SOFT_LIGHT_ONE, a = part() * most, b = part() * most;

		if (between(0, 5) == 0)
			a = SOFT_LIGHT_ONE;
		s->light[k] = (uint16_t)a;
		if (!even && s->n > 1)
			s->dlight[k] = (uint16_t)(int)((b - a) / (float)(s->n - 1));
	}
}

static void any_segment(struct soft_segment *s, const struct soft_texture *t)
{
	const struct soft_level *l = &t->level[between(0, (int)t->nlevel - 1)];
	float end;

	*s = (struct soft_segment){.n = between(1, between(0, 3) ? 20 : MOST)};
	s->first = between(0, 1);
	s->i = 0.01f + part() * 4;
	end = between(0, 2) ? s->i * (0.9f + part() * 0.2f) : 0.01f + part() * 4;
	s->di = s->n > 1 ? (end - s->i) / (float)(s->n - 1) : 1;
	set_light(s);
	if (between(0, 5) == 0)
		return;
	s->level = l;
	set_axis(s, l->w, !(l->w & (l->w - 1)) && between(0, 1), &s->x, &s->dx, &s->x_mask);
	set_axis(s, l->h, !(l->h & (l->h - 1)) && between(0, 1), &s->y, &s->dy, &s->y_mask);
}

static void fill(struct memory *m, const struct soft_segment *s)
{
	for (int k = 0; k < ROOM; k++) {
		m->pixel[k] = next_random();
		m->depth[k] = s->i + (float)(k - BEFORE) * s->di;
		if (between(0, 2) == 0) /* else as near */
			m->depth[k] *= 0.5f + part();
	}
}

static void put(struct memory *m, struct soft_segment *s, soft_pixels_fn *draw)
{
	s->pixel = m->pixel + BEFORE;
	s->depth = m->depth + BEFORE;
	draw(s);
}

static void compare(const struct memory *got, const struct memory *want,
	const struct soft_segment *s, const char *name)
{
	for (int k = 0; k < ROOM; k++) {
		if (got->pixel[k] != want->pixel[k])
			fail_msg("%s: pixel %d of %d is %08x instead of %08x", name, k - BEFORE,
				s->n, got->pixel[k], want->pixel[k]);
		if (memcmp(&got->depth[k], &want->depth[k], sizeof(float)) != 0)
			fail_msg("%s: depth %d of %d is %g instead of %g", name, k - BEFORE, s->n,
				(double)got->depth[k], (double)want->depth[k]);
	}
}

static void all_draw_the_same(void **state)
{
	static const unsigned size[][2] = {{64, 32}, {1, 1}, {1, 300}, {13, 7}, {256, 256}};
	static struct memory before, want, got;
	const struct soft_pixels *p;
	struct soft_segment s;

	(void)state;
	for (size_t n = 0; n < sizeof(size) / sizeof(*size); n++) {
		struct soft_texture t;

		new_texture(&t, size[n][0], size[n][1]);
		for (int round = 0; round < ROUNDS; round++) {
			any_segment(&s, &t);
			fill(&before, &s);
			want = before;
			put(&want, &s, account);
			for (unsigned at = 0; (p = soft_pixels_get(at)); at++) {
				got = before;
				put(&got, &s, p->draw);
				compare(&got, &want, &s, p->name);
			}
		}
		soft_texture_free(&t);
	}
}

/* A texture as it is, in the middle of its texels. */
static void texels_come_out_as_they_went_in(void **state)
{
	uint8_t rgba[32 * 4];
	const struct model_image im = {.w = 32, .h = 1, .rgba = rgba};
	const struct soft_pixels *p;
	struct soft_texture t;
	struct memory m;

	(void)state;
	for (int i = 0; i < 32 * 4; i++)
		rgba[i] = (uint8_t)(i % 4 == 3 ? 255 : i * 2);
	assert_int_equal(soft_texture_new(&t, &im, GL_REPEAT, GL_REPEAT), 0);
	for (unsigned at = 0; (p = soft_pixels_get(at)); at++) {
		struct soft_segment s = {.n = 32,
			.first = true,
			.i = 1,
			.x = 65536,
			.dx = 65536,
			.y = 65536,
			.x_mask = -1,
			.y_mask = -1,
			.light = {SOFT_LIGHT_ONE, SOFT_LIGHT_ONE, SOFT_LIGHT_ONE},
			.level = t.level};

		put(&m, &s, p->draw);
		assert_memory_equal(s.pixel, rgba, sizeof(rgba));
	}
	soft_texture_free(&t);
}

/* That nothing beyond the texture is read the sanitizers see. */
static void anywhere_is_somewhere(void **state)
{
	static const float far[] = {1e9f, -1e9f, 3e38f, -3e38f, 0};
	static struct memory m;
	const struct soft_pixels *p;
	struct soft_segment s;
	struct soft_texture t;

	(void)state;
	new_texture(&t, 16, 9);
	for (int round = 0; round < ROUNDS; round++) {
		any_segment(&s, &t);
		fill(&m, &s);
		s.x = far[between(0, 4)];
		s.dy = far[between(0, 4)];
		s.i = between(0, 1) ? s.i : 0;
		s.di = between(0, 1) ? s.di : -1e-3f;
		for (unsigned at = 0; (p = soft_pixels_get(at)); at++)
			put(&m, &s, p->draw);
	}
	soft_texture_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_draw_the_same),
		cmocka_unit_test(texels_come_out_as_they_went_in),
		cmocka_unit_test(anywhere_is_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
