/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop filter of pixels.h with AVX2. Luma is in the lower half of a vector and both chroma
 * planes, one below the other, in the upper one: their edges at 0 and at 4 are filtered with
 * luma's. For vertical edges the whole macroblock is turned once.
 */
#include "mediad/armf/vp8/pixels_x86.h"

#if defined(SPLICE_X86) && defined(__AVX2__)

#include "mediad/armf/vp8/pixels_avx2.h"

#define V __m256i
#define VOP(x) _mm256_##x
#define VSI(x) _mm256_##x##_si256
#include "mediad/armf/vp8/edges_x86.h"

ALWAYS V both(__m128i luma, __m128i chroma)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(luma), chroma, 1);
}

ALWAYS __m128i luma_of(V v)
{
	return _mm256_castsi256_si128(v);
}

ALWAYS __m128i chroma_of(V v)
{
	return _mm256_extracti128_si256(v, 1);
}

/* Rows of u, then rows of v. */
ALWAYS uint8_t *chroma_row(const struct splice_place *p, int i)
{
	return (i < 8 ? p->u : p->v) + (i & 7) * p->cs;
}

/* ---- vertical edges ---- */

/* Sixteen by sixteen bytes in each half: rows to columns, and back. */
ALWAYS void turn16(V r[16])
{
	V t[16];

	for (int k = 0; k < 4; k++) {
		for (int i = 0; i < 8; i++) {
			t[2 * i] = _mm256_unpacklo_epi8(r[i], r[i + 8]);
			t[2 * i + 1] = _mm256_unpackhi_epi8(r[i], r[i + 8]);
		}
		memcpy(r, t, sizeof(t));
	}
}

/* Four columns of sixteen rows: q[i] has rows 4i to 4i+3, or a column. */
ALWAYS void turn4(V q[4])
{
	V a = _mm256_unpacklo_epi32(q[0], q[1]), b = _mm256_unpackhi_epi32(q[0], q[1]);
	V c = _mm256_unpacklo_epi32(q[2], q[3]), d = _mm256_unpackhi_epi32(q[2], q[3]);

	q[0] = _mm256_unpacklo_epi64(a, c);
	q[1] = _mm256_unpackhi_epi64(a, c);
	q[2] = _mm256_unpacklo_epi64(b, d);
	q[3] = _mm256_unpackhi_epi64(b, d);
}

ALWAYS V turn_bytes(V v)
{
	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5,
					      9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
}

ALWAYS __m128i load4x4(const uint8_t *p, ptrdiff_t stride)
{
	__m128i a = _mm_unpacklo_epi32(load4(p), load4(p + stride));

	return _mm_unpacklo_epi64(
		a, _mm_unpacklo_epi32(load4(p + 2 * stride), load4(p + 3 * stride)));
}

ALWAYS void store4x4(uint8_t *p, ptrdiff_t stride, __m128i v)
{
	store4(p, v);
	store4(p + stride, _mm_srli_si128(v, 4));
	store4(p + 2 * stride, _mm_srli_si128(v, 8));
	store4(p + 3 * stride, _mm_srli_si128(v, 12));
}

/* The last four columns of the macroblock before. */
ALWAYS void load_left(const struct splice_place *p, V q[4])
{
	for (int i = 0; i < 4; i++)
		q[i] = turn_bytes(both(load4x4(p->y - 4 + 4 * i * p->ys, p->ys),
			load4x4(chroma_row(p, 4 * i) - 4, p->cs)));
	turn4(q);
}

ALWAYS void store_left(const struct splice_place *p, V q[4])
{
	turn4(q);
	for (int i = 0; i < 4; i++) {
		V v = turn_bytes(q[i]);

		store4x4(p->y - 4 + 4 * i * p->ys, p->ys, luma_of(v));
		store4x4(chroma_row(p, 4 * i) - 4, p->cs, chroma_of(v));
	}
}

ALWAYS void inner_edge(V c[16], int at, const struct splice_edge *e)
{
	struct across x = {
		c[at - 4], c[at - 3], c[at - 2], c[at - 1], c[at], c[at + 1], c[at + 2], c[at + 3]};

	filter_inner(&x, e);
	if (at == 8) { /* chroma ends here */
		x.p1 = _mm256_blend_epi32(x.p1, c[6], 0xf0);
		x.p0 = _mm256_blend_epi32(x.p0, c[7], 0xf0);
	}
	c[at - 2] = x.p1;
	c[at - 1] = x.p0;
	c[at] = x.q0;
	c[at + 1] = x.q1;
}

ALWAYS void left_edge(const struct splice_place *p, V c[16], const struct splice_edge *e)
{
	V q[4];
	struct across x;

	load_left(p, q);
	x = (struct across){q[0], q[1], q[2], q[3], c[0], c[1], c[2], c[3]};
	filter_outer(&x, e);
	q[1] = x.p2;
	q[2] = x.p1;
	q[3] = x.p0;
	store_left(p, q);
	c[0] = x.q0;
	c[1] = x.q1;
	c[2] = x.q2;
}

static void vertical(const struct splice_place *p, const struct splice_edge *e)
{
	V c[16];

	for (int i = 0; i < 16; i++)
		c[i] = both(load16(p->y + i * p->ys), load8(chroma_row(p, i)));
	turn16(c);
	if (p->left)
		left_edge(p, c, e);
	for (int x = 4; x < 16; x += 4)
		inner_edge(c, x, e);
	turn16(c);
	for (int i = 0; i < 16; i++) {
		store16(p->y + i * p->ys, luma_of(c[i]));
		_mm_storel_epi64((void *)chroma_row(p, i), chroma_of(c[i]));
	}
}

/* The macroblock's own edge alone. */
static void vertical_left(const struct splice_place *p, const struct splice_edge *e)
{
	V r[16], out[8];
	struct across x;

	for (int i = 0; i < 16; i++)
		r[i] = both(load8(p->y - 4 + i * p->ys), load8(chroma_row(p, i) - 4));
	x = turn(r);
	filter_outer(&x, e);
	turn_back(&x, out);
	for (int i = 0; i < 8; i++) {
		uint8_t *y = p->y - 4 + 2 * i * p->ys;

		store2(y, y + p->ys, luma_of(out[i]));
		store2(chroma_row(p, 2 * i) - 4, chroma_row(p, 2 * i + 1) - 4, chroma_of(out[i]));
	}
}

/* ---- horizontal edges ---- */

ALWAYS V load_row(const struct splice_place *p, int y, bool chroma)
{
	__m128i luma = load16(p->y + y * p->ys);

	return chroma ? both(luma, load2(p->u + y * p->cs, p->v + y * p->cs))
		      : _mm256_castsi128_si256(luma);
}

ALWAYS void store_row(const struct splice_place *p, int y, V v, bool chroma)
{
	store16(p->y + y * p->ys, luma_of(v));
	if (chroma)
		store2(p->u + y * p->cs, p->v + y * p->cs, chroma_of(v));
}

ALWAYS struct across load_across(const struct splice_place *p, int y, bool chroma)
{
	return (struct across){load_row(p, y - 4, chroma), load_row(p, y - 3, chroma),
		load_row(p, y - 2, chroma), load_row(p, y - 1, chroma), load_row(p, y, chroma),
		load_row(p, y + 1, chroma), load_row(p, y + 2, chroma), load_row(p, y + 3, chroma)};
}

ALWAYS void horizontal_inner(
	const struct splice_place *p, int y, const struct splice_edge *e, bool chroma)
{
	struct across x = load_across(p, y, chroma);

	filter_inner(&x, e);
	store_row(p, y - 2, x.p1, chroma);
	store_row(p, y - 1, x.p0, chroma);
	store_row(p, y, x.q0, chroma);
	store_row(p, y + 1, x.q1, chroma);
}

static void horizontal_above(const struct splice_place *p, const struct splice_edge *e)
{
	struct across x = load_across(p, 0, true);

	filter_outer(&x, e);
	store_row(p, -3, x.p2, true);
	store_row(p, -2, x.p1, true);
	store_row(p, -1, x.p0, true);
	store_row(p, 0, x.q0, true);
	store_row(p, 1, x.q1, true);
	store_row(p, 2, x.q2, true);
}

void splice_avx2_filter(const struct splice_place *p, const struct splice_edge *e)
{
	if (p->inner)
		vertical(p, e);
	else if (p->left)
		vertical_left(p, e);
	if (p->above)
		horizontal_above(p, e);
	if (!p->inner)
		return;
	horizontal_inner(p, 4, e, true);
	horizontal_inner(p, 8, e, false);
	horizontal_inner(p, 12, e, false);
}

#endif
