/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pixels.h with AVX2: 32 bytes at once, which are half a row and the other half, or two rows. */
#include "mediad/armf/vp8/pixels_x86.h"

#if defined(SPLICE_X86) && defined(__AVX2__)

#include "mediad/armf/vp8/pixels_avx2.h"

ALWAYS __m256i pair(const uint8_t *lo, const uint8_t *hi)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(lo)), load16(hi), 1);
}

/* ---- interpolation, as pixels_ssse3.c has it ---- */

struct taps {
	__m256i k24, k13, k05;
};

ALWAYS struct taps taps_of(int k)
{
	const int16_t *t = splice_tap_pairs[k];

	return (struct taps){
		_mm256_set1_epi16(t[0]), _mm256_set1_epi16(t[1]), _mm256_set1_epi16(t[2])};
}

ALWAYS __m256i sum(__m256i p24, __m256i p13, __m256i p05, const struct taps *t, bool six)
{
	__m256i v = _mm256_adds_epi16(
		_mm256_maddubs_epi16(p24, t->k24), _mm256_maddubs_epi16(p13, t->k13));
	__m256i round = _mm256_set1_epi16(64);

	if (six)
		round = _mm256_add_epi16(round, _mm256_maddubs_epi16(p05, t->k05));
	return _mm256_srai_epi16(_mm256_adds_epi16(v, round), 7);
}

/* A row of 16, or two of 8 or 4. */
ALWAYS void store(struct splice_strip to, int w, __m256i v)
{
	__m128i p = _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));

	if (w == 16) {
		store16(to.p, p);
	} else if (w == 8) {
		store2(to.p, to.p + to.stride, p);
	} else {
		store4(to.p, p);
		store4(to.p + to.stride, _mm_srli_si128(p, 8));
	}
}

ALWAYS __m256i along16(const uint8_t *lo, const uint8_t *hi, const struct taps *t, bool six)
{
	const __m256i s24 = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(2, 4, 3, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8, 10, 9, 11));
	const __m256i s13 = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(1, 3, 2, 4, 3, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8, 10));
	const __m256i s05 = _mm256_broadcastsi128_si256(
		_mm_setr_epi8(0, 5, 1, 6, 2, 7, 3, 8, 4, 9, 5, 10, 6, 11, 7, 12));
	__m256i v = pair(lo - 2, hi - 2);

	return sum(_mm256_shuffle_epi8(v, s24), _mm256_shuffle_epi8(v, s13),
		_mm256_shuffle_epi8(v, s05), t, six);
}

/* Of rows of 8 and 4 there is room for one more than h behind where they go, when h is odd. */
ALWAYS void along(
	struct splice_strip to, struct splice_strip_in from, int w, int h, int k, bool six)
{
	struct taps t = taps_of(k);
	int step = w == 16 ? 1 : 2;

	for (; h > 0; h -= step, to.p += step * to.stride, from.p += step * from.stride) {
		const uint8_t *next = from.p + (h > 1 ? from.stride : 0);

		store(to, w, along16(from.p, w == 16 ? from.p + 8 : next, &t, six));
	}
}

/* A row of 16 with its halves in both parts; or two rows. */
ALWAYS __m256i row(const uint8_t *p, ptrdiff_t stride, int w)
{
	if (w == 16)
		return _mm256_permute4x64_epi64(_mm256_castsi128_si256(load16(p)), 0x10);
	return _mm256_inserti128_si256(_mm256_castsi128_si256(load8(p)), load8(p + stride), 1);
}

ALWAYS void across(
	struct splice_strip to, struct splice_strip_in from, int w, int h, int k, bool six)
{
	struct taps t = taps_of(k);
	ptrdiff_t s = from.stride;
	int step = w == 16 ? 1 : 2;

	for (; h > 0; h -= step, to.p += step * to.stride, from.p += step * s) {
		__m256i p24 = _mm256_unpacklo_epi8(row(from.p, s, w), row(from.p + 2 * s, s, w));
		__m256i p13 = _mm256_unpacklo_epi8(row(from.p - s, s, w), row(from.p + s, s, w));
		__m256i p05 = p24;

		if (six)
			p05 = _mm256_unpacklo_epi8(
				row(from.p - 2 * s, s, w), row(from.p + 3 * s, s, w));
		store(to, w, sum(p24, p13, p05, &t, six));
	}
}

#include "mediad/armf/vp8/sixtap_x86.h"

/* ---- transforms: blocks 0 and 1, 2 and 3, in a vector's quarters ---- */

struct quad {
	__m256i r[4];
};

ALWAYS struct quad transpose(struct quad m)
{
	__m256i a = _mm256_unpacklo_epi16(m.r[0], m.r[1]),
		b = _mm256_unpacklo_epi16(m.r[2], m.r[3]);
	__m256i c = _mm256_unpackhi_epi16(m.r[0], m.r[1]),
		d = _mm256_unpackhi_epi16(m.r[2], m.r[3]);
	__m256i a0 = _mm256_unpacklo_epi32(a, b), a1 = _mm256_unpackhi_epi32(a, b);
	__m256i b0 = _mm256_unpacklo_epi32(c, d), b1 = _mm256_unpackhi_epi32(c, d);

	return (struct quad){{_mm256_unpacklo_epi64(a0, b0), _mm256_unpackhi_epi64(a0, b0),
		_mm256_unpacklo_epi64(a1, b1), _mm256_unpackhi_epi64(a1, b1)}};
}

ALWAYS __m256i by_cos(__m256i v)
{
	return _mm256_add_epi16(v, _mm256_mulhi_epi16(v, _mm256_set1_epi16(20091)));
}

ALWAYS __m256i by_sin(__m256i v)
{
	return _mm256_add_epi16(
		v, _mm256_mulhi_epi16(v, _mm256_set1_epi16((int16_t)(35468 - 65536))));
}

ALWAYS struct quad idct_pass(struct quad m)
{
	__m256i a = _mm256_add_epi16(m.r[0], m.r[2]), b = _mm256_sub_epi16(m.r[0], m.r[2]);
	__m256i c = _mm256_sub_epi16(by_sin(m.r[1]), by_cos(m.r[3]));
	__m256i d = _mm256_add_epi16(by_cos(m.r[1]), by_sin(m.r[3]));

	return (struct quad){{_mm256_add_epi16(a, d), _mm256_add_epi16(b, c),
		_mm256_sub_epi16(b, c), _mm256_sub_epi16(a, d)}};
}

static void idct_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t c[4][16])
{
	const __m256i four = _mm256_set1_epi16(4);
	struct quad m;

	for (ptrdiff_t i = 0; i < 4; i++) {
		const int16_t *p = c[0] + 4 * i;

		m.r[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(load2((const uint8_t *)p,
							 (const uint8_t *)(p + 16))),
			load2((const uint8_t *)(p + 32), (const uint8_t *)(p + 48)), 1);
	}
	m = transpose(idct_pass(m));
	m = idct_pass(m);
	for (int i = 0; i < 4; i++)
		m.r[i] = _mm256_srai_epi16(_mm256_add_epi16(m.r[i], four), 3);
	m = transpose(m);
	for (int i = 0; i < 4; i++, a += stride, b += stride) {
		__m256i v = _mm256_add_epi16(_mm256_cvtepu8_epi16(load2(a, b)), m.r[i]);

		store2(a, b,
			_mm_packus_epi16(
				_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
	}
}

static void dc_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t dc[4])
{
	/* each four times: those at a are in the lower half's quarters, as pixels are */
	const __m128i spread = _mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3, 2, 3);
	__m128i v = _mm_add_epi16(load8((const uint8_t *)dc), _mm_set1_epi16(4));
	__m256i add;

	v = _mm_srai_epi16(v, 3);
	add = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_shuffle_epi8(v, spread)),
		_mm_shuffle_epi8(_mm_srli_si128(v, 4), spread), 1);
	for (int i = 0; i < 4; i++, a += stride, b += stride) {
		__m256i sum = _mm256_add_epi16(_mm256_cvtepu8_epi16(load2(a, b)), add);

		store2(a, b,
			_mm_packus_epi16(
				_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
	}
}

/* ---- quantiser ---- */

ALWAYS __m256i load32(const void *p)
{
	return _mm256_loadu_si256(p);
}

/* A block in the order of the zigzag; returns its end. */
ALWAYS uint8_t zigzag(__m256i v, int16_t level[16])
{
	const __m256i order = _mm256_setr_epi8(0, 1, 2, 3, 8, 9, -1, -1, 10, 11, 4, 5, 6, 7, 12, 13,
		2, 3, 8, 9, 10, 11, 4, 5, -1, -1, 6, 7, 12, 13, 14, 15);
	/* the eighth of the other half, to places 3 and 12 */
	__m256i swapped = _mm256_permute4x64_epi64(v, 0x4e), none;
	const __m256i other = _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, 0, 1, -1, -1, -1, -1, -1, -1,
		-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 14, 15, -1, -1, -1, -1, -1, -1);

	v = _mm256_or_si256(_mm256_shuffle_epi8(v, order), _mm256_shuffle_epi8(swapped, other));
	_mm256_storeu_si256((void *)level, v);
	none = _mm256_cmpeq_epi16(v, _mm256_setzero_si256());
	return (uint8_t)(16 - __builtin_clz(~(unsigned)_mm256_movemask_epi8(none)) / 2);
}

static void quantise(
	int16_t (*c)[16], int n, const struct splice_divide *d, int16_t (*level)[16], uint8_t *end)
{
	const __m256i step = load32(d->step);
	const __m256i round = load32(d->round);
	const __m256i by = load32(d->by);

	for (int i = 0; i < n; i++) {
		__m256i v = load32(c[i]), size = _mm256_abs_epi16(v);
		__m256i q = _mm256_mulhi_epu16(_mm256_add_epi16(size, round), by);

		q = _mm256_min_epi16(q, _mm256_set1_epi16(SPLICE_MOST_LEVEL));
		q = _mm256_sign_epi16(q, v);
		_mm256_storeu_si256((void *)c[i], _mm256_mullo_epi16(q, step));
		end[i] = _mm256_testz_si256(q, q) ? 0 : zigzag(q, level[i]);
	}
}

/* ---- differences ---- */

ALWAYS __m256i squares(__m128i p, __m128i q)
{
	__m256i d = _mm256_sub_epi16(_mm256_cvtepu8_epi16(p), _mm256_cvtepu8_epi16(q));

	return _mm256_madd_epi16(d, d);
}

static unsigned sse(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	__m256i two = _mm256_setzero_si256();
	__m128i sum;

	if (n == 16) {
		for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
			two = _mm256_add_epi32(two, squares(load16(a), load16(b)));
	} else {
		for (int y = 0; y < 8; y += 2, a += 2 * a_stride, b += 2 * b_stride)
			two = _mm256_add_epi32(
				two, squares(load2(a, a + a_stride), load2(b, b + b_stride)));
	}
	sum = _mm_add_epi32(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
	sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 8));
	sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 4));
	return (unsigned)_mm_cvtsi128_si32(sum);
}

const struct splice_pixels splice_avx2 = {.name = "AVX2",
	.sixtap = sixtap,
	.idct_add = splice_sse2_idct_add,
	.idct_add4 = idct_add4,
	.dc_add4 = dc_add4,
	.iwht = splice_sse2_iwht,
	.fdct = splice_sse2_fdct,
	.quantise = quantise,
	.sad16 = splice_sse2_sad16,
	.sse = sse,
	.farthest = splice_sse2_farthest,
	.differ = splice_sse2_differ,
	.copy = splice_sse2_copy,
	.filter = splice_avx2_filter,
	.filter_simple = splice_sse2_filter_simple};

#endif
