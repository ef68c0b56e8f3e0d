/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pixels.h with SSE2, which every x86-64 has. */
#include "mediad/armf/vp8/pixels.h"

#include "mediad/armf/vp8/tables.h"

#if defined(__SSE2__) && !defined(SPLICE_PLAIN)

#include <emmintrin.h>
#include <string.h>

static __m128i load4(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, 4);
	return _mm_cvtsi32_si128(v);
}

static void store4(uint8_t *p, __m128i v)
{
	int32_t x = _mm_cvtsi128_si32(v);

	memcpy(p, &x, 4);
}

static __m128i load8(const uint8_t *p)
{
	return _mm_loadl_epi64((const void *)p);
}

static __m128i load16(const uint8_t *p)
{
	return _mm_loadu_si128((const void *)p);
}

static void store16(uint8_t *p, __m128i v)
{
	_mm_storeu_si128((void *)p, v);
}

/* ---- interpolation ---- */

#define ALWAYS static inline __attribute__((always_inline))

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

void splice_sixtap(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w,
	int h, int mx, int my)
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

void splice_idct_add(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16])
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

void splice_fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have, ptrdiff_t stride,
	int16_t a[16], int16_t b[16])
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

/* ---- differences ---- */

unsigned splice_sad16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
	__m128i sum = _mm_setzero_si128();

	for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
		sum = _mm_add_epi64(sum, _mm_sad_epu8(load16(a), load16(b)));
	return (unsigned)(_mm_cvtsi128_si32(sum) + _mm_extract_epi16(sum, 4));
}

unsigned splice_sse16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
	__m128i sum = _mm_setzero_si128(), zero = sum;

	for (int y = 0; y < 16; y++, a += a_stride, b += b_stride) {
		__m128i p = load16(a), q = load16(b);
		__m128i d = _mm_or_si128(_mm_subs_epu8(p, q), _mm_subs_epu8(q, p));
		__m128i lo = _mm_unpacklo_epi8(d, zero), hi = _mm_unpackhi_epi8(d, zero);

		sum = _mm_add_epi32(sum, _mm_madd_epi16(lo, lo));
		sum = _mm_add_epi32(sum, _mm_madd_epi16(hi, hi));
	}
	sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 8));
	sum = _mm_add_epi32(sum, _mm_srli_si128(sum, 4));
	return (unsigned)_mm_cvtsi128_si32(sum);
}

/* ---- edges: 16 pixels along, eight across ---- */

struct across {
	__m128i p3, p2, p1, p0, q0, q1, q2, q3;
};

ALWAYS __m128i away(__m128i a, __m128i b)
{
	return _mm_or_si128(_mm_subs_epu8(a, b), _mm_subs_epu8(b, a));
}

ALWAYS __m128i signed_shift3(__m128i v)
{
	__m128i lo = _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 11);
	__m128i hi = _mm_srai_epi16(_mm_unpackhi_epi8(v, v), 11);

	return _mm_packs_epi16(lo, hi);
}

ALWAYS __m128i edge_limit(const struct across *x)
{
	__m128i d = away(x->p0, x->q0);
	__m128i e = _mm_and_si128(away(x->p1, x->q1), _mm_set1_epi8((char)0xfe));

	return _mm_adds_epu8(_mm_adds_epu8(d, d), _mm_srli_epi16(e, 1));
}

ALWAYS __m128i not_over(__m128i v, unsigned limit)
{
	return _mm_cmpeq_epi8(_mm_subs_epu8(v, _mm_set1_epi8((char)limit)), _mm_setzero_si128());
}

ALWAYS __m128i smooth(const struct across *x, unsigned edge, unsigned limit)
{
	__m128i m = _mm_max_epu8(away(x->p3, x->p2), away(x->p2, x->p1));

	m = _mm_max_epu8(m, _mm_max_epu8(away(x->p1, x->p0), away(x->q1, x->q0)));
	m = _mm_max_epu8(m, _mm_max_epu8(away(x->q2, x->q1), away(x->q3, x->q2)));
	return _mm_and_si128(not_over(m, limit), not_over(edge_limit(x), edge));
}

/* Where the pixels on either side vary little. */
ALWAYS __m128i even(const struct across *x, unsigned variance)
{
	return not_over(_mm_max_epu8(away(x->p1, x->p0), away(x->q1, x->q0)), variance);
}

ALWAYS void to_signed(struct across *x)
{
	const __m128i bias = _mm_set1_epi8((char)0x80);

	x->p2 = _mm_xor_si128(x->p2, bias);
	x->p1 = _mm_xor_si128(x->p1, bias);
	x->p0 = _mm_xor_si128(x->p0, bias);
	x->q0 = _mm_xor_si128(x->q0, bias);
	x->q1 = _mm_xor_si128(x->q1, bias);
	x->q2 = _mm_xor_si128(x->q2, bias);
}

/* The common part: returns what q0 was lowered by. */
ALWAYS __m128i adjust(struct across *x, __m128i v)
{
	__m128i a = signed_shift3(_mm_adds_epi8(v, _mm_set1_epi8(4)));
	__m128i b = signed_shift3(_mm_adds_epi8(v, _mm_set1_epi8(3)));

	x->q0 = _mm_subs_epi8(x->q0, a);
	x->p0 = _mm_adds_epi8(x->p0, b);
	return a;
}

ALWAYS __m128i add3(__m128i v, const struct across *x)
{
	__m128i d = _mm_subs_epi8(x->q0, x->p0);

	return _mm_adds_epi8(_mm_adds_epi8(_mm_adds_epi8(v, d), d), d);
}

ALWAYS void filter_inner(struct across *x, const struct splice_edge *e)
{
	__m128i mask = smooth(x, e->inner, e->limit), flat = even(x, e->variance), v, a;

	to_signed(x);
	v = _mm_andnot_si128(flat, _mm_subs_epi8(x->p1, x->q1));
	a = adjust(x, _mm_and_si128(add3(v, x), mask));
	/* (a + 1) >> 1, signed: through the unsigned mean */
	a = _mm_sub_epi8(_mm_avg_epu8(_mm_xor_si128(a, _mm_set1_epi8((char)0x80)),
				 _mm_set1_epi8((char)0x80)),
		_mm_set1_epi8((char)0x80));
	a = _mm_and_si128(a, flat);
	x->q1 = _mm_subs_epi8(x->q1, a);
	x->p1 = _mm_adds_epi8(x->p1, a);
	to_signed(x);
}

ALWAYS void spread(__m128i *p, __m128i *q, __m128i lo, __m128i hi)
{
	__m128i u = _mm_packs_epi16(_mm_srai_epi16(lo, 7), _mm_srai_epi16(hi, 7));

	*q = _mm_subs_epi8(*q, u);
	*p = _mm_adds_epi8(*p, u);
}

ALWAYS void filter_outer(struct across *x, const struct splice_edge *e)
{
	__m128i mask = smooth(x, e->outer, e->limit), flat = even(x, e->variance);
	const __m128i nine = _mm_set1_epi16(9), round = _mm_set1_epi16(63);
	__m128i v, lo, hi, lo1, hi1;

	to_signed(x);
	v = _mm_and_si128(add3(_mm_subs_epi8(x->p1, x->q1), x), mask);
	adjust(x, _mm_andnot_si128(flat, v));
	v = _mm_and_si128(v, flat);
	lo = _mm_mullo_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8), nine);
	hi = _mm_mullo_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(v, v), 8), nine);
	lo1 = _mm_add_epi16(lo, round);
	hi1 = _mm_add_epi16(hi, round);
	spread(&x->p2, &x->q2, lo1, hi1);
	lo1 = _mm_add_epi16(lo1, lo);
	hi1 = _mm_add_epi16(hi1, hi);
	spread(&x->p1, &x->q1, lo1, hi1);
	spread(&x->p0, &x->q0, _mm_add_epi16(lo1, lo), _mm_add_epi16(hi1, hi));
	to_signed(x);
}

ALWAYS void filter(struct across *x, const struct splice_edge *e, bool whole)
{
	if (whole)
		filter_outer(x, e);
	else
		filter_inner(x, e);
}

/* Sixteen rows of eight to eight of sixteen. */
ALWAYS struct across turn(const __m128i r[16])
{
	__m128i a[8], b[8], c[8];

	for (int i = 0; i < 8; i++)
		a[i] = _mm_unpacklo_epi8(
			r[i], r[i + 8]); /* rows i and i+8, a column after the other */
	for (int i = 0; i < 4; i++) {
		b[2 * i] = _mm_unpacklo_epi8(a[i], a[i + 4]);
		b[2 * i + 1] = _mm_unpackhi_epi8(a[i], a[i + 4]);
	}
	/* b[2i]: columns 0 to 3 of rows i, i+4, i+8, i+12 */
	for (int i = 0; i < 2; i++) {
		c[4 * i] = _mm_unpacklo_epi8(b[2 * i], b[2 * i + 4]);
		c[4 * i + 1] = _mm_unpackhi_epi8(b[2 * i], b[2 * i + 4]);
		c[4 * i + 2] = _mm_unpacklo_epi8(b[2 * i + 1], b[2 * i + 5]);
		c[4 * i + 3] = _mm_unpackhi_epi8(b[2 * i + 1], b[2 * i + 5]);
	}
	/* c[k]: columns 2k and 2k+1 of even rows, c[k+4]: of odd ones */
	return (struct across){_mm_unpacklo_epi8(c[0], c[4]), _mm_unpackhi_epi8(c[0], c[4]),
		_mm_unpacklo_epi8(c[1], c[5]), _mm_unpackhi_epi8(c[1], c[5]),
		_mm_unpacklo_epi8(c[2], c[6]), _mm_unpackhi_epi8(c[2], c[6]),
		_mm_unpacklo_epi8(c[3], c[7]), _mm_unpackhi_epi8(c[3], c[7])};
}

/* And back: out[i] has rows 2i and 2i+1. */
ALWAYS void turn_back(const struct across *x, __m128i out[8])
{
	__m128i a[8], b[8];

	a[0] = _mm_unpacklo_epi8(x->p3, x->p2);
	a[1] = _mm_unpacklo_epi8(x->p1, x->p0);
	a[2] = _mm_unpacklo_epi8(x->q0, x->q1);
	a[3] = _mm_unpacklo_epi8(x->q2, x->q3);
	a[4] = _mm_unpackhi_epi8(x->p3, x->p2);
	a[5] = _mm_unpackhi_epi8(x->p1, x->p0);
	a[6] = _mm_unpackhi_epi8(x->q0, x->q1);
	a[7] = _mm_unpackhi_epi8(x->q2, x->q3);
	for (int i = 0; i < 2; i++) {
		b[4 * i] = _mm_unpacklo_epi16(a[4 * i], a[4 * i + 1]);
		b[4 * i + 1] = _mm_unpackhi_epi16(a[4 * i], a[4 * i + 1]);
		b[4 * i + 2] = _mm_unpacklo_epi16(a[4 * i + 2], a[4 * i + 3]);
		b[4 * i + 3] = _mm_unpackhi_epi16(a[4 * i + 2], a[4 * i + 3]);
	}
	for (int i = 0; i < 2; i++) {
		out[4 * i] = _mm_unpacklo_epi32(b[4 * i], b[4 * i + 2]);
		out[4 * i + 1] = _mm_unpackhi_epi32(b[4 * i], b[4 * i + 2]);
		out[4 * i + 2] = _mm_unpacklo_epi32(b[4 * i + 1], b[4 * i + 3]);
		out[4 * i + 3] = _mm_unpackhi_epi32(b[4 * i + 1], b[4 * i + 3]);
	}
}

ALWAYS void edge_v(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	__m128i r[16], out[8];
	struct across x;

	for (int i = 0; i < 8; i++) {
		r[i] = load8(u - 4 + i * stride);
		r[i + 8] = load8(v - 4 + i * stride);
	}
	x = turn(r);
	filter(&x, e, whole);
	turn_back(&x, out);
	for (int i = 0; i < 8; i++) {
		uint8_t *p = (i < 4 ? u : v) - 4 + (i & 3) * 2 * stride;

		_mm_storel_epi64((void *)p, out[i]);
		_mm_storel_epi64((void *)(p + stride), _mm_unpackhi_epi64(out[i], out[i]));
	}
}

void splice_edge_v2(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	if (whole)
		edge_v(u, v, stride, e, true);
	else
		edge_v(u, v, stride, e, false);
}

void splice_edge_v(uint8_t *p, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	splice_edge_v2(p, p + 8 * stride, stride, e, whole);
}

ALWAYS __m128i load2(const uint8_t *a, const uint8_t *b)
{
	return _mm_unpacklo_epi64(load8(a), load8(b));
}

void splice_edge_h(uint8_t *p, ptrdiff_t s, const struct splice_edge *e, bool whole)
{
	struct across x = {load16(p - 4 * s), load16(p - 3 * s), load16(p - 2 * s), load16(p - s),
		load16(p), load16(p + s), load16(p + 2 * s), load16(p + 3 * s)};

	filter(&x, e, whole);
	store16(p - 3 * s, x.p2);
	store16(p - 2 * s, x.p1);
	store16(p - s, x.p0);
	store16(p, x.q0);
	store16(p + s, x.q1);
	store16(p + 2 * s, x.q2);
}

ALWAYS void store2(uint8_t *a, uint8_t *b, __m128i v)
{
	_mm_storel_epi64((void *)a, v);
	_mm_storel_epi64((void *)b, _mm_unpackhi_epi64(v, v));
}

void splice_edge_h2(uint8_t *u, uint8_t *v, ptrdiff_t s, const struct splice_edge *e, bool whole)
{
	struct across x = {load2(u - 4 * s, v - 4 * s), load2(u - 3 * s, v - 3 * s),
		load2(u - 2 * s, v - 2 * s), load2(u - s, v - s), load2(u, v), load2(u + s, v + s),
		load2(u + 2 * s, v + 2 * s), load2(u + 3 * s, v + 3 * s)};

	filter(&x, e, whole);
	store2(u - 3 * s, v - 3 * s, x.p2);
	store2(u - 2 * s, v - 2 * s, x.p1);
	store2(u - s, v - s, x.p0);
	store2(u, v, x.q0);
	store2(u + s, v + s, x.q1);
	store2(u + 2 * s, v + 2 * s, x.q2);
}

/* ---- the simple filter ---- */

ALWAYS void filter_simple(struct across *x, unsigned limit)
{
	__m128i mask = not_over(edge_limit(x), limit);

	to_signed(x);
	adjust(x, _mm_and_si128(add3(_mm_subs_epi8(x->p1, x->q1), x), mask));
	to_signed(x);
}

void splice_simple_v(uint8_t *p, ptrdiff_t stride, unsigned limit)
{
	__m128i r[16], out[8];
	struct across x;

	for (int i = 0; i < 16; i++)
		r[i] = load8(p - 4 + i * stride);
	x = turn(r);
	filter_simple(&x, limit);
	turn_back(&x, out);
	for (ptrdiff_t i = 0; i < 8; i++)
		store2(p - 4 + 2 * i * stride, p - 4 + (2 * i + 1) * stride, out[i]);
}

void splice_simple_h(uint8_t *p, ptrdiff_t s, unsigned limit)
{
	struct across x = {
		.p1 = load16(p - 2 * s), .p0 = load16(p - s), .q0 = load16(p), .q1 = load16(p + s)};

	filter_simple(&x, limit);
	store16(p - s, x.p0);
	store16(p, x.q0);
}

#endif
