/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Four pixels at a time in the compiler's vectors: SSE2 on x86-64, something as wide elsewhere.
 * Texels are mixed with weights of 7 bits, light has 13 bits behind the point.
 */
#include "mediad/armf/render/soft_int.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANES 4
#define LIGHT_ONE 8192.0f /* SOFT_MAX_LIGHT times it fits in 16 bits */
/* encode(decode(t) * light) is (t + 0.055) * g - 0.055, see shader_text.c */
#define BIAS (0.055f * 255)

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));
typedef int64_t l2 __attribute__((vector_size(16)));
typedef int16_t s8 __attribute__((vector_size(16)));
typedef uint16_t u8 __attribute__((vector_size(16))); /* lanes beyond a segment may overflow */

#ifdef __SSE2__
/* The upper half of products. */
static inline s8 mulhi(s8 a, s8 b)
{
	return (s8)_mm_mulhi_epi16((__m128i)a, (__m128i)b);
}

/* To bytes, what is out of their range to its ends. */
static inline i4 pack(s8 a, s8 b)
{
	return (i4)_mm_packus_epi16((__m128i)a, (__m128i)b);
}

static inline s8 clamp(s8 v, s8 most)
{
	return (s8)_mm_min_epi16(_mm_max_epi16((__m128i)v, _mm_setzero_si128()), (__m128i)most);
}

/* Sums of products of neighbours. */
static inline i4 dot(s8 a, s8 b)
{
	return (i4)_mm_madd_epi16((__m128i)a, (__m128i)b);
}

static inline bool any(i4 mask)
{
	return _mm_movemask_epi8((__m128i)mask) != 0;
}

/* A texel and the one right of it. */
static inline s8 load_pair(const uint32_t *texel)
{
	__m128i b = _mm_loadl_epi64((const __m128i *)(const void *)texel);

	return (s8)_mm_unpacklo_epi8(b, _mm_setzero_si128());
}
#else
static inline s8 mulhi(s8 a, s8 b)
{
	s8 r = {0};

	for (int k = 0; k < 8; k++)
		r[k] = (int16_t)((int32_t)a[k] * b[k] >> 16);
	return r;
}

static inline i4 pack(s8 a, s8 b)
{
	uint8_t out[16];
	i4 r;

	for (int k = 0; k < 16; k++) {
		int16_t v = k < 8 ? a[k] : b[k - 8];

		out[k] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
	memcpy(&r, out, sizeof(r));
	return r;
}

static inline s8 clamp(s8 v, s8 most)
{
	for (int k = 0; k < 8; k++)
		v[k] = v[k] < 0 ? 0 : v[k] > most[k] ? most[k] : v[k];
	return v;
}

static inline i4 dot(s8 a, s8 b)
{
	i4 r = {0};

	for (int k = 0; k < 4; k++)
		r[k] = a[2 * k] * b[2 * k] + a[2 * k + 1] * b[2 * k + 1];
	return r;
}

static inline bool any(i4 mask)
{
	return (mask[0] | mask[1] | mask[2] | mask[3]) != 0;
}
static inline s8 load_pair(const uint32_t *texel)
{
	uint8_t b __attribute__((vector_size(8)));

	memcpy(&b, texel, sizeof(b));
	return __builtin_convertvector(b, s8);
}
#endif

static inline s8 mix(s8 a, s8 b, i4 weight)
{
	return a + (((b - a) * (s8)weight) >> 7);
}

/* Two texels side by side, each of the upper and the lower row. */
static inline s8 column(const uint32_t *texel, ptrdiff_t row, i4 below)
{
	return mix(load_pair(texel), load_pair(texel + row), below);
}

/* Two pixels. What rounding down has taken twice is given back. */
static inline s8 shade(s8 a, s8 b, i4 right, s8 light)
{
	s8 c = mix((s8)__builtin_shufflevector((l2)a, (l2)b, 0, 2),
		(s8)__builtin_shufflevector((l2)a, (l2)b, 1, 3), right);

	c = mulhi((s8)(c << 5) + (int16_t)(BIAS * 32 + 16), light);
	return (c + (int16_t)(2 - BIAS * 4)) >> 2;
}

struct sampler {
	const uint32_t *texel;
	ptrdiff_t row;
	s8 most, rows;
};

/* x, y: of the upper left of four texels, 16 bits behind the point, from the border. light: of the
 * first two pixels; two: what the next two have more. */
static inline i4 colours(const struct sampler *m, i4 x, i4 y, u8 light, u8 two)
{
	i4 at = dot(clamp((s8)(((x >> 16) & 0xffff) | (y & ~0xffff)), m->most), m->rows);
	i4 right = (x >> 9) & 127, below = (y >> 9) & 127;
	const uint32_t *t = m->texel;
	s8 a, b, low, high;

	right |= right << 16; /* once for each 16 bits */
	below |= below << 16;
	a = column(t + at[0], m->row, __builtin_shufflevector(below, below, 0, 0, 0, 0));
	b = column(t + at[1], m->row, __builtin_shufflevector(below, below, 1, 1, 1, 1));
	low = shade(a, b, __builtin_shufflevector(right, right, 0, 0, 1, 1), (s8)light);
	a = column(t + at[2], m->row, __builtin_shufflevector(below, below, 2, 2, 2, 2));
	b = column(t + at[3], m->row, __builtin_shufflevector(below, below, 3, 3, 3, 3));
	high = shade(a, b, __builtin_shufflevector(right, right, 2, 2, 3, 3), (s8)(light + two));
	return pack(low, high);
}

/* To the lanes of two pixels; alpha has no light. */
static inline u8 fixed(const float light[4])
{
	f4 v;
	u8 r;

	memcpy(&v, light, sizeof(v));
	r = (u8) __builtin_convertvector(v * LIGHT_ONE, i4);
	return __builtin_shufflevector(r, r, 0, 2, 4, 6, 0, 2, 4, 6);
}

static struct sampler sampler_of(const struct soft_level *l)
{
	const int16_t w = (int16_t)l->w, h = (int16_t)l->h, row = (int16_t)l->stride;

	return (struct sampler){
		l->texel, l->stride, {w, h, w, h, w, h, w, h}, {1, row, 1, row, 1, row, 1, row}};
}

void soft_pixels(const struct soft_segment *s)
{
	static const uint8_t opaque[4] = {0, 0, 0, 255};
	const struct sampler m = sampler_of(s->level);
	const i4 lane = {0, 1, 2, 3};
	const i4 dx = (i4){0} + s->dx * LANES, dy = (i4){0} + s->dy * LANES;
	const f4 di = (f4){0} + s->di * LANES;
	const u8 step = fixed(s->dlight), two = step + step;
	f4 i = s->i + __builtin_convertvector(lane, f4) * s->di;
	i4 x = s->x + lane * s->dx, y = s->y + lane * s->dy, solid = {0};
	u8 light = fixed(s->light) + (step & (u8){0, 0, 0, 0, 0xffff, 0xffff, 0xffff, 0xffff});
	uint32_t *pixel = s->pixel;
	float *nearest = s->depth;
	int32_t alpha;

	memcpy(&alpha, opaque, sizeof(alpha));
	solid += alpha;
	for (int left = s->n; left > 0; left -= LANES, pixel += LANES, nearest += LANES) {
		i4 old, now, drawn;
		f4 depth;

		memcpy(&depth, nearest, sizeof(depth));
		drawn = (i >= depth) & (lane < left);
		if (any(drawn)) {
			memcpy(&old, pixel, sizeof(old));
			now = colours(&m, x, y, light, two) | solid;
			now = (now & drawn) | (old & ~drawn);
			depth = (f4)(((i4)i & drawn) | ((i4)depth & ~drawn));
			memcpy(pixel, &now, sizeof(now));
			memcpy(nearest, &depth, sizeof(depth));
		}
		i += di;
		x += dx;
		y += dy;
		light += two + two;
	}
}
