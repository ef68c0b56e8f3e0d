/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the vector versions of pixels.h share. pixels_sse2.c and edges_sse2.c are for every x86-64,
 * the others replace what they do better. */
#ifndef SPLICE_PIXELS_X86_H
#define SPLICE_PIXELS_X86_H

#include "mediad/armf/vp8/pixels.h"

#if defined(__SSE2__) && !defined(SPLICE_PLAIN)
#define SPLICE_X86

#include <emmintrin.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))

ALWAYS __m128i load4(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, 4);
	return _mm_cvtsi32_si128(v);
}

ALWAYS void store4(uint8_t *p, __m128i v)
{
	int32_t x = _mm_cvtsi128_si32(v);

	memcpy(p, &x, 4);
}

ALWAYS __m128i load8(const uint8_t *p)
{
	return _mm_loadl_epi64((const void *)p);
}

ALWAYS __m128i load16(const uint8_t *p)
{
	return _mm_loadu_si128((const void *)p);
}

ALWAYS void store16(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((void *)p, v);
}

ALWAYS __m128i load2(const uint8_t *a, const uint8_t *b)
{
	return _mm_unpacklo_epi64(load8(a), load8(b));
}

ALWAYS void store2(uint8_t *a, uint8_t *b, __m128i v)
{
	_mm_storel_epi64((void *)a, v);
	_mm_storel_epi64((void *)b, _mm_unpackhi_epi64(v, v));
}

/* ---- interpolation ---- */

struct splice_strip {
	uint8_t *p;
	ptrdiff_t stride;
};

struct splice_strip_in {
	const uint8_t *p;
	ptrdiff_t stride;
};

/* Of each place, as pairs of bytes: taps 2 and 4, 1 and 3, 0 and 5. */
#define PAIR(a, b) (int16_t)(((unsigned)(a)&255u) | ((unsigned)(b)&255u) << 8)
static const int16_t splice_tap_pairs[8][3] = {{0, 0, 0}, {PAIR(123, -1), PAIR(-6, 12), PAIR(0, 0)},
	{PAIR(108, -8), PAIR(-11, 36), PAIR(2, 1)}, {PAIR(93, -6), PAIR(-9, 50), PAIR(0, 0)},
	{PAIR(77, -16), PAIR(-16, 77), PAIR(3, 3)}, {PAIR(50, -9), PAIR(-6, 93), PAIR(0, 0)},
	{PAIR(36, -11), PAIR(-8, 108), PAIR(1, 2)}, {PAIR(12, -6), PAIR(-1, 123), PAIR(0, 0)}};
#undef PAIR

ALWAYS void splice_strip_copy(struct splice_strip to, struct splice_strip_in from, int w, int h)
{
	for (; h > 0; h--, to.p += to.stride, from.p += from.stride) {
		if (w == 16)
			store16(to.p, load16(from.p));
		else if (w == 8)
			_mm_storel_epi64((void *)to.p, load8(from.p));
		else
			store4(to.p, load4(from.p));
	}
}

/* ---- what every x86-64 has ---- */

void splice_sse2_quantise(
	int16_t (*c)[16], int n, const struct splice_divide *d, int16_t (*level)[16], uint8_t *end);

void splice_sse2_idct_add(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16]);
void splice_sse2_idct_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t c[4][16]);
void splice_sse2_dc_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t dc[4]);
void splice_sse2_iwht(const int16_t in[16], int16_t out[16]);
void splice_sse2_fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have,
	ptrdiff_t stride, int16_t a[16], int16_t b[16]);
unsigned splice_sse2_sad16(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride);
unsigned splice_sse2_sse(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n);
unsigned splice_sse2_farthest(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n);
bool splice_sse2_differ(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n);
void splice_sse2_copy(
	uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int n);
void splice_sse2_filter(const struct splice_place *p, const struct splice_edge *e);
void splice_sse2_filter_simple(const struct splice_place *p, const struct splice_edge *e);

#endif
#endif
