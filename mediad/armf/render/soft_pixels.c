/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Four pixels at a time in the compiler's vectors: SSE2 on x86-64, something as wide elsewhere.
 * What comes out is defined by whole numbers and by single operations of IEEE 754, so that it is
 * the same however many pixels are drawn at once. Texels above and below each other are mixed with
 * weights of 7 bits, exactly; left and right with 15 bits, rounded to a 128th. Light has 13 bits
 * behind the point.
 */
#include "mediad/armf/render/soft_light.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANES 4

typedef float f4 __attribute__((vector_size(16)));
typedef int32_t i4 __attribute__((vector_size(16)));
typedef int64_t l2 __attribute__((vector_size(16)));
typedef int16_t s8 __attribute__((vector_size(16)));
typedef uint16_t u8 __attribute__((vector_size(16)));

#ifdef __SSE2__
/* Products, rounded to their upper 17 bits without the first one. */
static inline s8 mulhrs(s8 a, s8 b)
{
	u8 high = (u8)_mm_mulhi_epi16((__m128i)a, (__m128i)b), low = (u8)a * (u8)b;

	return (s8)((high << 1) + (((low >> 14) + 1) >> 1));
}

static inline s8 adds(s8 a, s8 b)
{
	return (s8)_mm_adds_epi16((__m128i)a, (__m128i)b);
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

	return (s8)_mm_unpacklo_epi8(b, b) >> 8;
}
#else
static inline s8 mulhrs(s8 a, s8 b)
{
	s8 r = {0};

	for (int k = 0; k < 8; k++)
		r[k] = (int16_t)(((int32_t)a[k] * b[k] + 0x4000) >> 15);
	return r;
}

static inline s8 adds(s8 a, s8 b)
{
	for (int k = 0; k < 8; k++) {
		int32_t v = a[k] + b[k];

		a[k] = (int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
	}
	return a;
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
	int8_t b __attribute__((vector_size(8)));

	memcpy(&b, texel, sizeof(b));
	return __builtin_convertvector(b, s8);
}
#endif

/* Two texels side by side, each of the upper and the lower row, 128 times. */
static inline s8 column(const uint32_t *texel, ptrdiff_t row, i4 below)
{
	s8 a = load_pair(texel), b = load_pair(texel + row);

	return (a << 7) + (b - a) * (s8)below;
}

/* Two pixels. */
static inline s8 mix(s8 a, s8 b, i4 right)
{
	s8 first = (s8)__builtin_shufflevector((l2)a, (l2)b, 0, 2);
	s8 second = (s8)__builtin_shufflevector((l2)a, (l2)b, 1, 3);

	return first + mulhrs(second - first, (s8)right);
}

static inline s8 shade(s8 texels, u8 light)
{
	s8 more = mulhrs((s8)light, (s8){0} + SOFT_LIGHT_MORE) + (int16_t)SOFT_LIGHT_LESS;

	return adds(mulhrs(texels, (s8)light), more) >> 5;
}

struct sampler {
	const uint32_t *texel;
	ptrdiff_t row;
	s8 most, rows;
};

/* x, y: of the upper left of four texels, 16 bits behind the point, from the border. */
static inline void read_texels(const struct sampler *m, i4 x, i4 y, s8 *low, s8 *high)
{
	i4 at = dot(clamp((s8)(((x >> 16) & 0xffff) | (y & ~0xffff)), m->most), m->rows);
	i4 right = (x >> 1) & 0x7fff, below = (y >> 9) & 127;
	const uint32_t *t = m->texel;
	s8 a, b;

	right |= right << 16; /* once for each 16 bits */
	below |= below << 16;
	a = column(t + at[0], m->row, __builtin_shufflevector(below, below, 0, 0, 0, 0));
	b = column(t + at[1], m->row, __builtin_shufflevector(below, below, 1, 1, 1, 1));
	*low = mix(a, b, __builtin_shufflevector(right, right, 0, 0, 1, 1));
	a = column(t + at[2], m->row, __builtin_shufflevector(below, below, 2, 2, 2, 2));
	b = column(t + at[3], m->row, __builtin_shufflevector(below, below, 3, 3, 3, 3));
	*high = mix(a, b, __builtin_shufflevector(right, right, 2, 2, 3, 3));
}

/* For the lanes of two pixels. */
static inline u8 twice(const uint16_t light[4])
{
	u8 r;

	memcpy(&r, light, 8);
	memcpy((char *)&r + 8, light, 8);
	return r;
}

static struct sampler sampler_of(const struct soft_level *l)
{
	const int16_t w = (int16_t)l->w, h = (int16_t)l->h, row = (int16_t)l->stride;

	return (struct sampler){
		l->texel, l->stride, {w, h, w, h, w, h, w, h}, {1, row, 1, row, 1, row, 1, row}};
}

static inline void draw(const struct soft_segment *segment, bool textured)
{
	/* a copy, that no store of a pixel can change */
	const struct soft_segment here = *segment, *const s = &here;
	static const uint8_t opaque[4] = {0, 0, 0, 255};
	const struct sampler m = textured ? sampler_of(s->level) : (struct sampler){0};
	const u8 step = twice(s->dlight), two = step + step;
	const i4 lane = {0, 1, 2, 3};
	u8 light = twice(s->light) + (step & (u8){0, 0, 0, 0, 0xffff, 0xffff, 0xffff, 0xffff});
	s8 low = (s8){0} + SOFT_LIGHT_WHITE, high = low;
	int32_t alpha;

	memcpy(&alpha, opaque, sizeof(alpha));
	for (int k = 0; k < s->n; k += LANES, light += two + two) {
		f4 at = __builtin_convertvector(lane + k, f4), i = s->i + at * s->di, depth;
		i4 old, now, drawn = lane < s->n - k;

		memcpy(&depth, s->depth + k, sizeof(depth));
		if (!s->first)
			drawn &= i >= depth;
		if (!any(drawn))
			continue;
		if (textured) {
			f4 w = 1 / i;
			i4 x = __builtin_convertvector((s->x + at * s->dx) * w, i4);
			i4 y = __builtin_convertvector((s->y + at * s->dy) * w, i4);

			read_texels(&m, x & s->x_mask, y & s->y_mask, &low, &high);
		}
		memcpy(&old, s->pixel + k, sizeof(old));
		now = pack(shade(low, light), shade(high, light + two)) | alpha;
		now = (now & drawn) | (old & ~drawn);
		depth = (f4)(((i4)i & drawn) | ((i4)depth & ~drawn));
		memcpy(s->pixel + k, &now, sizeof(now));
		memcpy(s->depth + k, &depth, sizeof(depth));
	}
}

static void draw_plain(const struct soft_segment *s)
{
	if (s->level)
		draw(s, true);
	else
		draw(s, false);
}

#define WORD(a) (a) * 4, (a)*4 + 1
#define FOUR(a) WORD(a), WORD(a), WORD(a), WORD(a)
#define COPIES(a, b)                                                                               \
	{                                                                                          \
		FOUR(a), FOUR(b), FOUR(a), FOUR(b)                                                 \
	}

_Alignas(32) const uint8_t soft_copies[6][32] = {
	COPIES(0, 0), COPIES(1, 1), COPIES(2, 2), COPIES(3, 3), COPIES(0, 1), COPIES(2, 3)};

const struct soft_pixels soft_pixels_plain = {"plain", draw_plain};

const struct soft_pixels *soft_pixels_get(unsigned at)
{
	const struct soft_pixels *list[2] = {0};
	unsigned n = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		list[n++] = &soft_pixels_avx2;
#endif
	list[n] = &soft_pixels_plain;
	return at <= n ? list[at] : NULL;
}
