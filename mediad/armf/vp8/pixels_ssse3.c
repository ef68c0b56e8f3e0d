/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interpolation with SSSE3: products of bytes, two added up at once. */
#include "mediad/armf/vp8/pixels_x86.h"

#if defined(SPLICE_X86) && defined(__SSSE3__)

#include <tmmintrin.h>

/* The taps of a place: bytes in pairs that cannot overflow together, and outer ones that are never
 * negative, so that sums saturate only to what is clamped. */
struct taps {
	__m128i k24, k13, k05;
};

ALWAYS struct taps taps_of(int k)
{
	const int16_t *t = splice_tap_pairs[k];

	return (struct taps){_mm_set1_epi16(t[0]), _mm_set1_epi16(t[1]), _mm_set1_epi16(t[2])};
}

ALWAYS __m128i sum(__m128i p24, __m128i p13, __m128i p05, const struct taps *t, bool six)
{
	__m128i v = _mm_adds_epi16(_mm_maddubs_epi16(p24, t->k24), _mm_maddubs_epi16(p13, t->k13));
	__m128i round = _mm_set1_epi16(64);

	if (six)
		round = _mm_add_epi16(round, _mm_maddubs_epi16(p05, t->k05));
	return _mm_srai_epi16(_mm_adds_epi16(v, round), 7);
}

ALWAYS __m128i along8(const uint8_t *p, const struct taps *t, bool six)
{
	const __m128i s24 = _mm_setr_epi8(2, 4, 3, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8, 10, 9, 11);
	const __m128i s13 = _mm_setr_epi8(1, 3, 2, 4, 3, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8, 10);
	const __m128i s05 = _mm_setr_epi8(0, 5, 1, 6, 2, 7, 3, 8, 4, 9, 5, 10, 6, 11, 7, 12);
	__m128i v = load16(p - 2);

	return sum(_mm_shuffle_epi8(v, s24), _mm_shuffle_epi8(v, s13), _mm_shuffle_epi8(v, s05), t,
		six);
}

ALWAYS void store(uint8_t *to, int w, __m128i lo, __m128i hi)
{
	__m128i v = _mm_packus_epi16(lo, hi);

	if (w == 16)
		store16(to, v);
	else if (w == 8)
		_mm_storel_epi64((void *)to, v);
	else
		store4(to, v);
}

ALWAYS void along(
	struct splice_strip to, struct splice_strip_in from, int w, int h, int k, bool six)
{
	struct taps t = taps_of(k);

	for (; h > 0; h--, to.p += to.stride, from.p += from.stride) {
		__m128i lo = along8(from.p, &t, six);

		store(to.p, w, lo, w == 16 ? along8(from.p + 8, &t, six) : lo);
	}
}

ALWAYS __m128i two_rows(const uint8_t *p, const uint8_t *q, bool high)
{
	__m128i a = load16(p), b = load16(q);

	return high ? _mm_unpackhi_epi8(a, b) : _mm_unpacklo_epi8(a, b);
}

ALWAYS __m128i across8(
	const uint8_t *p, ptrdiff_t s, const struct taps *t, bool six, bool high, __m128i *p13)
{
	__m128i p24 = two_rows(p, p + 2 * s, high), before = *p13;

	*p13 = p24; /* of the next row */
	return sum(p24, before, six ? two_rows(p - 2 * s, p + 3 * s, high) : p24, t, six);
}

ALWAYS void across(
	struct splice_strip to, struct splice_strip_in from, int w, int h, int k, bool six)
{
	struct taps t = taps_of(k);
	ptrdiff_t s = from.stride;
	__m128i lo = two_rows(from.p - s, from.p + s, false);
	__m128i hi = two_rows(from.p - s, from.p + s, true);

	for (; h > 0; h--, to.p += to.stride, from.p += s) {
		__m128i v = across8(from.p, s, &t, six, false, &lo);

		store(to.p, w, v, w == 16 ? across8(from.p, s, &t, six, true, &hi) : v);
	}
}

#include "mediad/armf/vp8/sixtap_x86.h"

const struct splice_pixels splice_ssse3 = {.name = "SSSE3",
	.sixtap = sixtap,
	.idct_add = splice_sse2_idct_add,
	.idct_add4 = splice_sse2_idct_add4,
	.dc_add4 = splice_sse2_dc_add4,
	.iwht = splice_sse2_iwht,
	.fdct = splice_sse2_fdct,
	.quantise = splice_sse2_quantise,
	.sad16 = splice_sse2_sad16,
	.sse = splice_sse2_sse,
	.farthest = splice_sse2_farthest,
	.differ = splice_sse2_differ,
	.copy = splice_sse2_copy,
	.filter = splice_sse2_filter,
	.filter_simple = splice_sse2_filter_simple};

#endif
