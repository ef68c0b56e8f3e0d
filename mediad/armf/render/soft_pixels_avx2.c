/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Eight pixels at a time with AVX2, the same as soft_pixels.c to the bit. Halves of a vector do the
 * same, each for four pixels. */
#include "mediad/armf/render/soft_light.h"

#ifdef __AVX2__

#include <immintrin.h>
#include <string.h>

#define LANES 8
#define ALWAYS static inline __attribute__((always_inline))

_Static_assert(LANES <= SOFT_LANES, "memory behind a segment");

ALWAYS __m256i join(__m128i low, __m128i high)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

/* Two texels side by side, and again. */
ALWAYS __m128i pairs(const uint32_t *a, const uint32_t *b)
{
	__m128i low = _mm_loadl_epi64((const void *)a);

	return _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(low), (const void *)b));
}

/* Pixels a and b of each half: mixed of two rows, then of left and right. */
ALWAYS __m256i mix(const uint32_t *texel, ptrdiff_t row, const uint32_t *at, __m256i below_a,
	__m256i below_b, __m256i right)
{
	__m256i up = join(pairs(texel + at[0], texel + at[1]), pairs(texel + at[4], texel + at[5]));
	const uint32_t *t = texel + row;
	__m256i low = join(pairs(t + at[0], t + at[1]), pairs(t + at[4], t + at[5]));
	__m256i a = _mm256_maddubs_epi16(below_a, _mm256_unpacklo_epi8(up, low));
	__m256i b = _mm256_maddubs_epi16(below_b, _mm256_unpackhi_epi8(up, low));
	__m256i first = _mm256_unpacklo_epi64(a, b), second = _mm256_unpackhi_epi64(a, b);

	return _mm256_add_epi16(first, _mm256_mulhrs_epi16(_mm256_sub_epi16(second, first), right));
}

struct sampler {
	const uint32_t *texel;
	ptrdiff_t row;
	__m256i mask, most, rows; /* of the row, of the column */
};

ALWAYS struct sampler sampler_of(const struct soft_segment *s)
{
	const struct soft_level *l = s->level;

	return (struct sampler){l->texel, l->stride,
		_mm256_set1_epi32((s->x_mask >> 16 & 0xffff) | (s->y_mask & ~0xffff)),
		_mm256_set1_epi32(l->w | l->h << 16), _mm256_set1_epi32(1 | l->stride << 16)};
}

ALWAYS __m256i copy(__m256i v, int which)
{
	return _mm256_shuffle_epi8(v, _mm256_load_si256((const void *)soft_copies[which]));
}

/* low: pixels 0, 1, 4, 5; high: 2, 3, 6, 7. */
ALWAYS void read_texels(const struct sampler *m, __m256i x, __m256i y, __m256i *low, __m256i *high)
{
	__m256i at = _mm256_blend_epi16(_mm256_srli_epi32(x, 16), y, 0xaa);
	__m256i right = _mm256_srli_epi16(x, 1), below = _mm256_srli_epi16(y, 9);
	uint32_t index[LANES];

	at = _mm256_max_epi16(_mm256_and_si256(at, m->mask), _mm256_setzero_si256());
	at = _mm256_madd_epi16(_mm256_min_epi16(at, m->most), m->rows);
	_mm256_storeu_si256((void *)index, at);
	/* bytes: 128 - b for the upper row, b for the lower one */
	below = _mm256_mullo_epi16(below, _mm256_set1_epi16(255));
	below = _mm256_add_epi16(below, _mm256_set1_epi16(128));
	*low = mix(m->texel, m->row, index, copy(below, 0), copy(below, 1), copy(right, 4));
	*high = mix(m->texel, m->row, index + 2, copy(below, 2), copy(below, 3), copy(right, 5));
}

/* What light adds, whatever the texel: alpha is nothing else. */
ALWAYS __m256i more_of(__m256i light)
{
	const int64_t less = SOFT_LIGHT_LESS & 0xffff;

	return _mm256_add_epi16(_mm256_mulhrs_epi16(light, _mm256_set1_epi16(SOFT_LIGHT_MORE)),
		_mm256_set1_epi64x(less | less << 16 | less << 32 | (int64_t)(255 * 32) << 48));
}

ALWAYS __m256i shade(__m256i texels, __m256i light)
{
	texels = _mm256_mulhrs_epi16(texels, light);
	return _mm256_srai_epi16(_mm256_adds_epi16(texels, more_of(light)), 5);
}

/* Of pixels 0, 1, 4, 5. */
ALWAYS __m256i light_of(int64_t first, __m256i step)
{
	const __m256i times = _mm256_setr_epi16(0, 0, 0, 0, 1, 1, 1, 1, 4, 4, 4, 4, 5, 5, 5, 5);

	return _mm256_add_epi16(_mm256_set1_epi64x(first), _mm256_mullo_epi16(step, times));
}

ALWAYS __m256 change(float first, __m256 at, float by)
{
	return _mm256_add_ps(_mm256_set1_ps(first), _mm256_mul_ps(at, _mm256_set1_ps(by)));
}

ALWAYS __m256i texel_at(float first, __m256 at, float by, __m256 w)
{
	return _mm256_cvttps_epi32(_mm256_mul_ps(change(first, at, by), w));
}

struct brush {
	struct soft_segment s; /* a copy, that no store of a pixel can change */
	struct sampler m;
	__m256i light, two, eight; /* what so many pixels on has more */
	__m256 at; /* the pixels' numbers */
};

ALWAYS struct brush brush_of(const struct soft_segment *s, bool textured)
{
	struct brush b = {.s = *s};
	int64_t light, step;

	memcpy(&light, s->light, sizeof(light));
	memcpy(&step, s->dlight, sizeof(step));
	if (textured)
		b.m = sampler_of(s);
	b.light = light_of(light, _mm256_set1_epi64x(step));
	b.two = _mm256_slli_epi16(_mm256_set1_epi64x(step), 1);
	b.eight = _mm256_slli_epi16(b.two, 2);
	b.at = _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7);
	return b;
}

/* i: of the pixels */
ALWAYS __m256i colours(const struct brush *b, __m256 i, bool textured, bool even)
{
	__m256i low = _mm256_set1_epi16(SOFT_LIGHT_WHITE), high = low;

	if (textured) {
		__m256 w = _mm256_div_ps(_mm256_set1_ps(1), i);

		read_texels(&b->m, texel_at(b->s.x, b->at, b->s.dx, w),
			texel_at(b->s.y, b->at, b->s.dy, w), &low, &high);
	}
	return _mm256_packus_epi16(shade(low, b->light),
		shade(high, even ? b->light : _mm256_add_epi16(b->light, b->two)));
}

/* Those of eight that are within the segment and not behind what is there. */
ALWAYS void draw_some(const struct brush *b, int k, __m256 i, bool textured, bool even)
{
	const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
	__m256 drawn = _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(b->s.n - k), lane));
	float *pixel = (float *)(void *)(b->s.pixel + k), *depth = b->s.depth + k;
	__m256 old = _mm256_loadu_ps(depth), now;

	if (!b->s.first)
		drawn = _mm256_and_ps(drawn, _mm256_cmp_ps(i, old, _CMP_GE_OQ));
	if (!_mm256_movemask_ps(drawn))
		return;
	_mm256_storeu_ps(depth, _mm256_blendv_ps(old, i, drawn));
	now = _mm256_castsi256_ps(colours(b, i, textured, even));
	_mm256_storeu_ps(pixel, _mm256_blendv_ps(_mm256_loadu_ps(pixel), now, drawn));
}

ALWAYS void draw(const struct soft_segment *s, bool textured, bool even)
{
	struct brush b = brush_of(s, textured);

	for (int k = 0; k < b.s.n; k += LANES) {
		__m256 i = change(b.s.i, b.at, b.s.di);

		if (b.s.first && b.s.n - k >= LANES) {
			__m256i now = colours(&b, i, textured, even);

			_mm256_storeu_si256((void *)(b.s.pixel + k), now);
			_mm256_storeu_ps(b.s.depth + k, i);
		} else {
			draw_some(&b, k, i, textured, even);
		}
		b.at = _mm256_add_ps(b.at, _mm256_set1_ps(LANES));
		if (!even)
			b.light = _mm256_add_epi16(b.light, b.eight);
	}
}

static void draw_avx2(const struct soft_segment *s)
{
	static const uint16_t none[4];
	bool even = memcmp(s->dlight, none, sizeof(none)) == 0;

	if (!s->level)
		draw(s, false, false);
	else if (even)
		draw(s, true, true);
	else
		draw(s, true, false);
}

const struct soft_pixels soft_pixels_avx2 = {"AVX2", draw_avx2};

#else
typedef int soft_pixels_avx2_has_nothing;
#endif
