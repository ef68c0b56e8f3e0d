/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pixels.h with SSE2, which every x86-64 has. */
#include "mediad/armf/vp8/pixels_x86.h"

#include "mediad/armf/vp8/tables.h"

#ifdef SPLICE_X86

/* ---- interpolation ---- */

#define LANES(v)                                                                                   \
	{                                                                                          \
		v, v, v, v, v, v, v, v                                                             \
	}
#define TAPS(a, b, c, d, e, f)                                                                     \
	{                                                                                          \
		LANES(a), LANES(b), LANES(c), LANES(d), LANES(e), LANES(f)                         \
	}

static const int16_t taps[8][6][8] __attribute__((aligned(16))) = {TAPS(0, 0, 128, 0, 0, 0),
	TAPS(0, -6, 123, 12, -1, 0), TAPS(2, -11, 108, 36, -8, 1), TAPS(0, -9, 93, 50, -6, 0),
	TAPS(3, -16, 77, 77, -16, 3), TAPS(0, -6, 50, 93, -9, 0), TAPS(1, -8, 36, 108, -11, 2),
	TAPS(0, -1, 12, 123, -6, 0)};

ALWAYS __m128i wide(const uint8_t *p)
{
	return _mm_unpacklo_epi8(load8(p), _mm_setzero_si128());
}

ALWAYS __m128i tap(__m128i v, const uint8_t *p, int k, int i)
{
	return _mm_add_epi16(v, _mm_mullo_epi16(wide(p), _mm_load_si128((const void *)taps[k][i])));
}

/* Eight pixels. The sum may go over 16 bits only upwards, where it saturates to what is clamped.
 * Odd places have four taps. */
ALWAYS __m128i tap8(const uint8_t *p, ptrdiff_t step, int k, bool six)
{
	__m128i v = tap(_mm_set1_epi16(64), p - step, k, 1), last;

	v = tap(v, p + 2 * step, k, 4);
	if (six) {
		v = tap(v, p - 2 * step, k, 0);
		v = tap(v, p + 3 * step, k, 5);
	}
	v = tap(v, p, k, 2);
	last = _mm_mullo_epi16(wide(p + step), _mm_load_si128((const void *)taps[k][3]));
	return _mm_srai_epi16(_mm_adds_epi16(v, last), 7);
}

ALWAYS void rows(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride,
	ptrdiff_t step, int w, int h, int k, bool six)
{
	for (; h > 0; h--, to += to_stride, from += stride) {
		__m128i lo = tap8(from, step, k, six);

		if (w == 16)
			store16(to, _mm_packus_epi16(lo, tap8(from + 8, step, k, six)));
		else if (w == 8)
			_mm_storel_epi64((void *)to, _mm_packus_epi16(lo, lo));
		else
			store4(to, _mm_packus_epi16(lo, lo));
	}
}

ALWAYS void rows_of(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride,
	ptrdiff_t step, int w, int h, int k)
{
	if (k & 1)
		rows(to, to_stride, from, stride, step, w, h, k, false);
	else
		rows(to, to_stride, from, stride, step, w, h, k, true);
}

ALWAYS void copy(
	uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w, int h)
{
	for (int y = 0; y < h; y++, to += to_stride, from += stride) {
		if (w == 16)
			store16(to, load16(from));
		else if (w == 8)
			_mm_storel_epi64((void *)to, load8(from));
		else
			store4(to, load4(from));
	}
}

ALWAYS void sixtap(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w,
	int h, int mx, int my)
{
	uint8_t mid[16 * 22];

	if (!mx && !my) {
		copy(to, to_stride, from, stride, w, h);
	} else if (!my) {
		rows_of(to, to_stride, from, stride, 1, w, h, mx);
	} else if (!mx) {
		rows_of(to, to_stride, from, stride, stride, w, h, my);
	} else {
		rows_of(mid, 16, from - 2 * stride, stride, 1, w, h + 5, mx);
		rows_of(to, to_stride, mid + 2 * 16, 16, 16, w, h, my);
	}
}

static void sixtap_any(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride,
	int w, int h, int mx, int my)
{
	if (w == 16)
		sixtap(to, to_stride, from, stride, 16, h, mx, my);
	else if (w == 8)
		sixtap(to, to_stride, from, stride, 8, h, mx, my);
	else
		sixtap(to, to_stride, from, stride, 4, h, mx, my);
}

/* ---- transforms: two blocks in a vector's halves ---- */

struct quad {
	__m128i r[4];
};

ALWAYS __m128i pair(const int16_t *a, const int16_t *b)
{
	return _mm_unpacklo_epi64(load8((const uint8_t *)a), load8((const uint8_t *)b));
}

/* Of both 4x4 blocks. */
ALWAYS struct quad transpose(struct quad m)
{
	__m128i a = _mm_unpacklo_epi16(m.r[0], m.r[1]), b = _mm_unpacklo_epi16(m.r[2], m.r[3]);
	__m128i c = _mm_unpackhi_epi16(m.r[0], m.r[1]), d = _mm_unpackhi_epi16(m.r[2], m.r[3]);
	__m128i a0 = _mm_unpacklo_epi32(a, b), a1 = _mm_unpackhi_epi32(a, b);
	__m128i b0 = _mm_unpacklo_epi32(c, d), b1 = _mm_unpackhi_epi32(c, d);

	return (struct quad){{_mm_unpacklo_epi64(a0, b0), _mm_unpackhi_epi64(a0, b0),
		_mm_unpacklo_epi64(a1, b1), _mm_unpackhi_epi64(a1, b1)}};
}

ALWAYS __m128i by_cos(__m128i v)
{
	return _mm_add_epi16(v, _mm_mulhi_epi16(v, _mm_set1_epi16(20091)));
}

ALWAYS __m128i by_sin(__m128i v)
{
	return _mm_add_epi16(v, _mm_mulhi_epi16(v, _mm_set1_epi16((int16_t)(35468 - 65536))));
}

ALWAYS struct quad idct_pass(struct quad m)
{
	__m128i a = _mm_add_epi16(m.r[0], m.r[2]), b = _mm_sub_epi16(m.r[0], m.r[2]);
	__m128i c = _mm_sub_epi16(by_sin(m.r[1]), by_cos(m.r[3]));
	__m128i d = _mm_add_epi16(by_cos(m.r[1]), by_sin(m.r[3]));

	return (struct quad){{_mm_add_epi16(a, d), _mm_add_epi16(b, c), _mm_sub_epi16(b, c),
		_mm_sub_epi16(a, d)}};
}

void splice_sse2_idct_add(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16])
{
	struct quad m = {
		{pair(a, b), pair(a + 4, b + 4), pair(a + 8, b + 8), pair(a + 12, b + 12)}};
	const __m128i zero = _mm_setzero_si128(), four = _mm_set1_epi16(4);

	m = transpose(idct_pass(m));
	m = idct_pass(m);
	for (int i = 0; i < 4; i++)
		m.r[i] = _mm_srai_epi16(_mm_add_epi16(m.r[i], four), 3);
	m = transpose(m);
	for (int i = 0; i < 4; i++, to += stride) {
		__m128i v = _mm_add_epi16(_mm_unpacklo_epi8(load8(to), zero), m.r[i]);

		_mm_storel_epi64((void *)to, _mm_packus_epi16(v, v));
	}
}

void splice_sse2_idct_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t c[4][16])
{
	splice_sse2_idct_add(a, stride, c[0], c[1]);
	splice_sse2_idct_add(b, stride, c[2], c[3]);
}

/* What is added, in the four places of a block each, and of the next. */
ALWAYS void dc_add2(uint8_t *p, ptrdiff_t stride, int a, int b)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i v = _mm_unpacklo_epi64(
		_mm_set1_epi16((int16_t)((a + 4) >> 3)), _mm_set1_epi16((int16_t)((b + 4) >> 3)));

	for (int i = 0; i < 4; i++, p += stride) {
		__m128i sum = _mm_add_epi16(_mm_unpacklo_epi8(load8(p), zero), v);

		_mm_storel_epi64((void *)p, _mm_packus_epi16(sum, sum));
	}
}

void splice_sse2_dc_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t dc[4])
{
	dc_add2(a, stride, dc[0], dc[1]);
	dc_add2(b, stride, dc[2], dc[3]);
}

ALWAYS struct quad iwht_pass(struct quad m)
{
	__m128i a = _mm_add_epi16(m.r[0], m.r[3]), b = _mm_add_epi16(m.r[1], m.r[2]);
	__m128i c = _mm_sub_epi16(m.r[1], m.r[2]), d = _mm_sub_epi16(m.r[0], m.r[3]);

	return (struct quad){{_mm_add_epi16(a, b), _mm_add_epi16(c, d), _mm_sub_epi16(a, b),
		_mm_sub_epi16(d, c)}};
}

void splice_sse2_iwht(const int16_t in[16], int16_t out[16])
{
	const __m128i three = _mm_set1_epi16(3);
	struct quad m;

	for (ptrdiff_t i = 0; i < 4; i++)
		m.r[i] = load8((const uint8_t *)(in + 4 * i));
	m = transpose(iwht_pass(transpose(iwht_pass(m))));
	for (ptrdiff_t i = 0; i < 4; i++)
		_mm_storel_epi64(
			(void *)(out + 4 * i), _mm_srai_epi16(_mm_add_epi16(m.r[i], three), 3));
}

/* (x * p + y * q + add) >> shift, of 16-bit lanes, in 32 bits */
ALWAYS __m128i combine(__m128i x, __m128i y, int p, int q, int add, int shift)
{
	__m128i f = _mm_set1_epi32((int)((uint32_t)p & 0xffff) | (int)((uint32_t)q << 16));
	__m128i lo = _mm_madd_epi16(_mm_unpacklo_epi16(x, y), f);
	__m128i hi = _mm_madd_epi16(_mm_unpackhi_epi16(x, y), f);
	__m128i round = _mm_set1_epi32(add);

	lo = _mm_srai_epi32(_mm_add_epi32(lo, round), shift);
	hi = _mm_srai_epi32(_mm_add_epi32(hi, round), shift);
	return _mm_packs_epi32(lo, hi);
}

ALWAYS struct quad fdct_first(struct quad m)
{
	__m128i a = _mm_slli_epi16(_mm_add_epi16(m.r[0], m.r[3]), 3);
	__m128i b = _mm_slli_epi16(_mm_add_epi16(m.r[1], m.r[2]), 3);
	__m128i c = _mm_slli_epi16(_mm_sub_epi16(m.r[1], m.r[2]), 3);
	__m128i d = _mm_slli_epi16(_mm_sub_epi16(m.r[0], m.r[3]), 3);

	return (struct quad){{_mm_add_epi16(a, b), combine(c, d, 2217, 5352, 14500, 12),
		_mm_sub_epi16(a, b), combine(d, c, 2217, -5352, 7500, 12)}};
}

ALWAYS struct quad fdct_second(struct quad m)
{
	const __m128i seven = _mm_set1_epi16(7), one = _mm_set1_epi16(1);
	__m128i a = _mm_add_epi16(m.r[0], m.r[3]), b = _mm_add_epi16(m.r[1], m.r[2]);
	__m128i c = _mm_sub_epi16(m.r[1], m.r[2]), d = _mm_sub_epi16(m.r[0], m.r[3]);
	__m128i is = _mm_add_epi16(_mm_cmpeq_epi16(d, _mm_setzero_si128()), one);

	return (struct quad){{_mm_srai_epi16(_mm_add_epi16(_mm_add_epi16(a, b), seven), 4),
		_mm_add_epi16(combine(c, d, 2217, 5352, 12000, 16), is),
		_mm_srai_epi16(_mm_add_epi16(_mm_sub_epi16(a, b), seven), 4),
		combine(d, c, 2217, -5352, 51000, 16)}};
}

void splice_sse2_fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have,
	ptrdiff_t stride, int16_t a[16], int16_t b[16])
{
	struct quad m;

	for (int i = 0; i < 4; i++)
		m.r[i] = _mm_sub_epi16(wide(want + i * want_stride), wide(have + i * stride));
	m = transpose(fdct_first(transpose(m)));
	m = fdct_second(m);
	for (ptrdiff_t i = 0; i < 4; i++) {
		_mm_storel_epi64((void *)(a + 4 * i), m.r[i]);
		_mm_storel_epi64((void *)(b + 4 * i), _mm_unpackhi_epi64(m.r[i], m.r[i]));
	}
}

/* ---- quantiser ---- */

/* Of eight; what is left of them, and in *back what a decoder has. */
ALWAYS __m128i divide8(const int16_t *c, const struct splice_divide *d, int at, __m128i *back)
{
	__m128i v = load16((const uint8_t *)c), neg = _mm_srai_epi16(v, 15);
	__m128i size = _mm_sub_epi16(_mm_xor_si128(v, neg), neg);

	v = _mm_add_epi16(size, load16((const uint8_t *)(d->round + at)));
	v = _mm_mulhi_epu16(v, load16((const uint8_t *)(d->by + at)));
	v = _mm_min_epi16(v, _mm_set1_epi16(SPLICE_MOST_LEVEL));
	v = _mm_sub_epi16(_mm_xor_si128(v, neg), neg);
	*back = _mm_mullo_epi16(v, load16((const uint8_t *)(d->step + at)));
	return v;
}

static uint8_t zigzag(const int16_t v[16], int16_t level[16])
{
	uint8_t end = 0;

	for (unsigned n = 0; n < 16; n++) {
		level[n] = v[splice_zigzag[n]];
		end = (uint8_t)(level[n] ? n + 1 : end);
	}
	return end;
}

void splice_sse2_quantise(
	int16_t (*c)[16], int n, const struct splice_divide *d, int16_t (*level)[16], uint8_t *end)
{
	for (int i = 0; i < n; i++) {
		int16_t v[16] __attribute__((aligned(16)));
		__m128i back[2], lo = divide8(c[i], d, 0, &back[0]),
				 hi = divide8(c[i] + 8, d, 8, &back[1]);

		store16((uint8_t *)c[i], back[0]);
		store16((uint8_t *)(c[i] + 8), back[1]);
		_mm_store_si128((void *)v, lo);
		_mm_store_si128((void *)(v + 8), hi);
		lo = _mm_cmpeq_epi8(_mm_or_si128(lo, hi), _mm_setzero_si128());
		end[i] = _mm_movemask_epi8(lo) == 0xffff ? 0 : zigzag(v, level[i]);
	}
}

/* ---- differences ---- */

unsigned splice_sse2_sad16(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
	__m128i sum = _mm_setzero_si128();

	for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
		sum = _mm_add_epi64(sum, _mm_sad_epu8(load16(a), load16(b)));
	return (unsigned)(_mm_cvtsi128_si32(sum) + _mm_extract_epi16(sum, 4));
}

ALWAYS __m128i squares(__m128i p, __m128i q)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i d = _mm_or_si128(_mm_subs_epu8(p, q), _mm_subs_epu8(q, p));
	__m128i lo = _mm_unpacklo_epi8(d, zero), hi = _mm_unpackhi_epi8(d, zero);

	return _mm_add_epi32(_mm_madd_epi16(lo, lo), _mm_madd_epi16(hi, hi));
}

unsigned splice_sse2_sse(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	__m128i sum = _mm_setzero_si128();

	if (n == 16) {
		for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
			sum = _mm_add_epi32(sum, squares(load16(a), load16(b)));
	} else {
		for (int y = 0; y < 8; y += 2, a += 2 * a_stride, b += 2 * b_stride)
			sum = _mm_add_epi32(
				sum, squares(load2(a, a + a_stride), load2(b, b + b_stride)));
	}
	sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 8));
	sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 4));
	return (unsigned)_mm_cvtsi128_si32(sum);
}

static __m128i apart(__m128i a, __m128i b)
{
	return _mm_or_si128(_mm_subs_epu8(a, b), _mm_subs_epu8(b, a));
}

unsigned splice_sse2_farthest(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	__m128i most = _mm_setzero_si128();

	if (n == 16) {
		for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
			most = _mm_max_epu8(most, apart(load16(a), load16(b)));
	} else {
		for (int y = 0; y < 8; y += 2, a += 2 * a_stride, b += 2 * b_stride)
			most = _mm_max_epu8(
				most, apart(load2(a, a + a_stride), load2(b, b + b_stride)));
	}
	most = _mm_max_epu8(most, _mm_srli_si128(most, 8));
	most = _mm_max_epu8(most, _mm_srli_si128(most, 4));
	most = _mm_max_epu8(most, _mm_srli_si128(most, 2));
	most = _mm_max_epu8(most, _mm_srli_si128(most, 1));
	return (unsigned)_mm_cvtsi128_si32(most) & 0xff;
}

bool splice_sse2_differ(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	__m128i any = _mm_setzero_si128();

	if (n == 16) {
		for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
			any = _mm_or_si128(any, _mm_xor_si128(load16(a), load16(b)));
	} else {
		for (int y = 0; y < 8; y++, a += a_stride, b += b_stride)
			any = _mm_or_si128(any, _mm_xor_si128(load8(a), load8(b)));
	}
	return _mm_movemask_epi8(_mm_cmpeq_epi8(any, _mm_setzero_si128())) != 0xffff;
}

void splice_sse2_copy(
	uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int n)
{
	struct splice_strip out = {to, to_stride};
	struct splice_strip_in in = {from, stride};

	if (n == 16)
		splice_strip_copy(out, in, 16, 16);
	else
		splice_strip_copy(out, in, 8, 8);
}

const struct splice_pixels splice_sse2 = {.name = "SSE2",
	.sixtap = sixtap_any,
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
