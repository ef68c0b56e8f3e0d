/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The splice's arithmetic on pixels: every table of functions does as plain C does, to the bit. */
#include "mediad/armf/vp8/pixels.h"

#include "../common/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define STRIDE 64
#define ROWS 48
#define ROUNDS 80

struct canvas {
	uint8_t p[3][STRIDE * ROWS];
};

static uint32_t seed;

static unsigned dice(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* How pixels look: noise, flat with little on it, dark, bright, steps; filters do other things with
 * each. */
static uint8_t pixel(unsigned kind, unsigned x, unsigned y)
{
	switch (kind) {
	case 0:
		return (uint8_t)dice(256);
	case 1:
		return (uint8_t)(120 + dice(6));
	case 2:
		return (uint8_t)dice(4);
	case 3:
		return (uint8_t)(252 + dice(4));
	case 4:
		return (uint8_t)(100 + (x / 4 + y / 4) % 3 * 4 + dice(2));
	default:
		return dice(2) ? 255 : 0;
	}
}

#define KINDS 6

static void fill(struct canvas *c, unsigned kind)
{
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < STRIDE * ROWS; k++)
			c->p[i][k] = pixel(kind, k % STRIDE, k / STRIDE);
	}
}

/* Calls back with every table but plain C's. */
static void each(void (*with)(const struct splice_pixels *px))
{
	for (unsigned i = 0; splice_pixels_get(i); i++) {
		seed = 1;
		with(splice_pixels_get(i));
	}
}

static void same(const struct splice_pixels *px, const char *what, unsigned kind,
	const struct canvas *a, const struct canvas *b)
{
	for (unsigned i = 0; i < 3 * STRIDE * ROWS; i++) {
		unsigned k = i % (STRIDE * ROWS);

		if ((&a->p[0][0])[i] != (&b->p[0][0])[i])
			fail_msg("%s, %s, pixels of kind %u: plane %u, %u,%u: %u is not %u",
				px->name, what, kind, i / (STRIDE * ROWS), k % STRIDE, k / STRIDE,
				(&b->p[0][0])[i], (&a->p[0][0])[i]);
	}
}

static uint8_t *at(struct canvas *c, int plane, int x, int y)
{
	return c->p[plane] + y * STRIDE + x;
}

/* ---- interpolation ---- */

static void sixtap(const struct splice_pixels *px)
{
	static const int widths[3] = {4, 8, 16};
	static struct canvas from, a, b;

	for (unsigned i = 0; i < 3u * 3 * 64 * KINDS; i++) {
		int w = widths[i % 3], h = widths[i / 3 % 3];
		int mx = (int)(i / 9 % 8), my = (int)(i / 72 % 8);
		unsigned kind = i / 576;

		fill(&from, kind);
		fill(&a, 1);
		b = a;
		splice_plain.sixtap(
			at(&a, 0, 8, 8), STRIDE, at(&from, 0, 9, 10), STRIDE, w, h, mx, my);
		px->sixtap(at(&b, 0, 8, 8), STRIDE, at(&from, 0, 9, 10), STRIDE, w, h, mx, my);
		same(px, "interpolation", kind, &a, &b);
	}
}

static void test_sixtap(void **state)
{
	(void)state;
	each(sixtap);
}

/* ---- transforms ---- */

/* Sixteen numbers; `most` is what they may add up to. */
static void numbers(int16_t v[16], int most)
{
	memset(v, 0, 16 * sizeof(*v));
	for (unsigned n = dice(17); n > 0; n--) {
		int x = (int)dice((unsigned)most / 16 + 1);

		v[dice(16)] = (int16_t)(dice(2) ? -x : x);
	}
}

static void transforms(const struct splice_pixels *px)
{
	static const int most[] = {100, 1000, 16000};
	static struct canvas a, b;

	for (unsigned i = 0; i < ROUNDS * KINDS; i++) {
		int16_t v[4][16], dc[4], back[2][16];

		fill(&a, i % KINDS);
		b = a;
		for (int k = 0; k < 4; k++) {
			numbers(v[k], most[i % 3]);
			dc[k] = v[k][i % 16];
		}
		splice_plain.idct_add(at(&a, 0, 8, 8), STRIDE, v[0], v[1]);
		px->idct_add(at(&b, 0, 8, 8), STRIDE, v[0], v[1]);
		splice_plain.idct_add4(
			at(&a, 1, 8, 8), at(&a, 1, 20, 13), STRIDE, (const int16_t(*)[16])v);
		px->idct_add4(at(&b, 1, 8, 8), at(&b, 1, 20, 13), STRIDE, (const int16_t(*)[16])v);
		splice_plain.dc_add4(at(&a, 2, 8, 8), at(&a, 2, 8, 12), STRIDE, dc);
		px->dc_add4(at(&b, 2, 8, 8), at(&b, 2, 8, 12), STRIDE, dc);
		same(px, "a transform", i % KINDS, &a, &b);
		numbers(v[0], 32760);
		splice_plain.iwht(v[0], back[0]);
		px->iwht(v[0], back[1]);
		assert_memory_equal(back[0], back[1], sizeof(back[0]));
	}
}

static void test_transforms(void **state)
{
	(void)state;
	each(transforms);
}

/* One pixel that is not the same is seen, wherever; and one beside is not. */
static void copies(const struct splice_pixels *px, struct canvas *a, struct canvas *b, int n)
{
	int x = (int)dice((unsigned)n), y = (int)dice((unsigned)n);
	uint8_t *p = at(a, 1, 8, 8), *q = at(b, 1, 9, 7);

	*b = *a;
	px->copy(q, STRIDE, p, STRIDE, n);
	assert_false(splice_plain.differ(p, STRIDE, q, STRIDE, n));
	assert_false(px->differ(p, STRIDE, q, STRIDE, n));
	q[y * STRIDE + n] ^= 1;
	q[n * STRIDE + x] ^= 1;
	assert_false(px->differ(p, STRIDE, q, STRIDE, n));
	q[y * STRIDE + x] ^= 0x80;
	assert_true(px->differ(p, STRIDE, q, STRIDE, n));
}

static void forward(const struct splice_pixels *px)
{
	static struct canvas a, b;

	for (unsigned i = 0; i < ROUNDS * KINDS; i++) {
		const uint8_t *p = at(&a, 0, 8, 8), *q = at(&b, 0, 9, 7);
		int16_t v[2][2][16];

		fill(&a, i % KINDS);
		fill(&b, i / KINDS % KINDS);
		splice_plain.fdct(p, STRIDE, q, STRIDE, v[0][0], v[0][1]);
		px->fdct(p, STRIDE, q, STRIDE, v[1][0], v[1][1]);
		assert_memory_equal(v[0], v[1], sizeof(v[0]));
		assert_int_equal(
			splice_plain.sad16(p, STRIDE, q, STRIDE), px->sad16(p, STRIDE, q, STRIDE));
		for (int n = 8; n <= 16; n += 8) {
			assert_int_equal(splice_plain.sse(p, STRIDE, q, STRIDE, n),
				px->sse(p, STRIDE, q, STRIDE, n));
			assert_int_equal(splice_plain.farthest(p, STRIDE, q, STRIDE, n),
				px->farthest(p, STRIDE, q, STRIDE, n));
			copies(px, &a, &b, n);
		}
	}
}

static void test_forward(void **state)
{
	(void)state;
	each(forward);
}

/* ---- the quantiser ---- */

static void divider(struct splice_divide *d, int dc, int ac)
{
	for (int i = 0; i < 16; i++) {
		int step = i ? ac : dc;

		d->step[i] = (int16_t)step;
		d->round[i] = (int16_t)(step * 37 / 100);
		d->by[i] = (uint16_t)((65536 + step - 1) / step);
	}
}

/* What plain C does is a quantiser: no coefficient is farther away than its step. */
static void near(const int16_t *was, const int16_t *is, const struct splice_divide *d)
{
	for (int i = 0; i < 16; i++)
		assert_in_range(abs(was[i] - is[i]), 0, d->step[i]);
}

static void quantises(const struct splice_pixels *px)
{
	static const int most[] = {60, 900, 16000};

	for (unsigned i = 0; i < ROUNDS * KINDS; i++) {
		int16_t v[3][5][16], level[2][5][16];
		uint8_t end[2][5];
		struct splice_divide d;

		divider(&d, 8 + (int)dice(300), 8 + (int)dice(277));
		for (int k = 0; k < 5; k++)
			numbers(v[0][k], most[dice(3)]);
		memcpy(v[1], v[0], sizeof(v[0]));
		memcpy(v[2], v[0], sizeof(v[0]));
		splice_plain.quantise(v[1], 5, &d, level[0], end[0]);
		px->quantise(v[2], 5, &d, level[1], end[1]);
		assert_memory_equal(end[0], end[1], sizeof(end[0]));
		assert_memory_equal(v[1], v[2], sizeof(v[1]));
		for (int k = 0; k < 5; k++) {
			near(v[0][k], v[1][k], &d);
			assert_memory_equal(level[0][k], level[1][k], end[0][k] * sizeof(int16_t));
		}
	}
}

static void test_quantiser(void **state)
{
	(void)state;
	each(quantises);
}

/* ---- the loop filter ---- */

static void filter(const struct splice_pixels *px)
{
	static struct canvas a, b;

	for (unsigned i = 0; i < 8 * ROUNDS * KINDS; i++) {
		unsigned kind = i / 8 % KINDS, level = 1 + dice(63), limit = 1 + dice(level);
		struct splice_edge e = {(uint8_t)(2 * (level + 2) + limit),
			(uint8_t)(2 * level + limit), (uint8_t)limit, (uint8_t)dice(4)};
		struct splice_place p = {at(&a, 0, 16, 16), at(&a, 1, 8, 8), at(&a, 2, 8, 8),
			STRIDE, STRIDE, i & 1, i & 2, i & 4};
		struct splice_place q = p;

		fill(&a, kind);
		/* chroma is not like luma */
		for (unsigned k = 0; k < STRIDE * ROWS; k++)
			a.p[1][k] = pixel(i / 48 % KINDS, k % STRIDE, k / STRIDE);
		b = a;
		q.y = at(&b, 0, 16, 16);
		q.u = at(&b, 1, 8, 8);
		q.v = at(&b, 2, 8, 8);
		if (dice(4)) {
			splice_plain.filter(&p, &e);
			px->filter(&q, &e);
		} else {
			splice_plain.filter_simple(&p, &e);
			px->filter_simple(&q, &e);
		}
		same(px, "the loop filter", kind, &a, &b);
	}
}

static void test_filter(void **state)
{
	(void)state;
	each(filter);
}

/* Plain C is always there, and last. */
static void test_kinds(void **state)
{
	unsigned n = 0;

	(void)state;
	while (splice_pixels_get(n))
		n++;
	assert_true(n > 0);
	assert_ptr_equal(splice_pixels_get(n - 1), &splice_plain);
	assert_null(splice_pixels_get(n + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sixtap),
		cmocka_unit_test(test_transforms),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_quantiser),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
