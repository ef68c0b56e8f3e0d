/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6386 15: what is done to pixels across an edge, for vectors V of 16 bytes or of two times 16.
 * Who includes this has V, VOP(x) and VSI(x): the intrinsic x, and that whose name ends in the
 * vector's size. 16 pixels along an edge (and 16 of another one), eight across.
 */

struct across {
	V p3, p2, p1, p0, q0, q1, q2, q3;
};

ALWAYS V away(V a, V b)
{
	return VSI(or)(VOP(subs_epu8)(a, b), VOP(subs_epu8)(b, a));
}

ALWAYS V signed_shift3(V v)
{
	V lo = VOP(srai_epi16)(VOP(unpacklo_epi8)(v, v), 11);
	V hi = VOP(srai_epi16)(VOP(unpackhi_epi8)(v, v), 11);

	return VOP(packs_epi16)(lo, hi);
}

ALWAYS V edge_limit(const struct across *x)
{
	V d = away(x->p0, x->q0);
	V e = VSI(and)(away(x->p1, x->q1), VOP(set1_epi8)((char)0xfe));

	return VOP(adds_epu8)(VOP(adds_epu8)(d, d), VOP(srli_epi16)(e, 1));
}

ALWAYS V not_over(V v, unsigned limit)
{
	return VOP(cmpeq_epi8)(VOP(subs_epu8)(v, VOP(set1_epi8)((char)limit)), VSI(setzero)());
}

ALWAYS V smooth(const struct across *x, unsigned edge, unsigned limit)
{
	V m = VOP(max_epu8)(away(x->p3, x->p2), away(x->p2, x->p1));

	m = VOP(max_epu8)(m, VOP(max_epu8)(away(x->p1, x->p0), away(x->q1, x->q0)));
	m = VOP(max_epu8)(m, VOP(max_epu8)(away(x->q2, x->q1), away(x->q3, x->q2)));
	return VSI(and)(not_over(m, limit), not_over(edge_limit(x), edge));
}

/* Where the pixels on either side vary little. */
ALWAYS V even(const struct across *x, unsigned variance)
{
	return not_over(VOP(max_epu8)(away(x->p1, x->p0), away(x->q1, x->q0)), variance);
}

ALWAYS void to_signed(struct across *x)
{
	const V bias = VOP(set1_epi8)((char)0x80);

	x->p2 = VSI(xor)(x->p2, bias);
	x->p1 = VSI(xor)(x->p1, bias);
	x->p0 = VSI(xor)(x->p0, bias);
	x->q0 = VSI(xor)(x->q0, bias);
	x->q1 = VSI(xor)(x->q1, bias);
	x->q2 = VSI(xor)(x->q2, bias);
}

/* The common part: returns what q0 was lowered by. */
ALWAYS V adjust(struct across *x, V v)
{
	V a = signed_shift3(VOP(adds_epi8)(v, VOP(set1_epi8)(4)));
	V b = signed_shift3(VOP(adds_epi8)(v, VOP(set1_epi8)(3)));

	x->q0 = VOP(subs_epi8)(x->q0, a);
	x->p0 = VOP(adds_epi8)(x->p0, b);
	return a;
}

ALWAYS V add3(V v, const struct across *x)
{
	V d = VOP(subs_epi8)(x->q0, x->p0);

	return VOP(adds_epi8)(VOP(adds_epi8)(VOP(adds_epi8)(v, d), d), d);
}

ALWAYS void filter_inner(struct across *x, const struct splice_edge *e)
{
	V mask = smooth(x, e->inner, e->limit), flat = even(x, e->variance), v, a;

	to_signed(x);
	v = VSI(andnot)(flat, VOP(subs_epi8)(x->p1, x->q1));
	a = adjust(x, VSI(and)(add3(v, x), mask));
	/* (a + 1) >> 1, signed: through the unsigned mean */
	a = VOP(sub_epi8)(
		VOP(avg_epu8)(VSI(xor)(a, VOP(set1_epi8)((char)0x80)), VOP(set1_epi8)((char)0x80)),
		VOP(set1_epi8)((char)0x80));
	a = VSI(and)(a, flat);
	x->q1 = VOP(subs_epi8)(x->q1, a);
	x->p1 = VOP(adds_epi8)(x->p1, a);
	to_signed(x);
}

ALWAYS void spread(V *p, V *q, V lo, V hi)
{
	V u = VOP(packs_epi16)(VOP(srai_epi16)(lo, 7), VOP(srai_epi16)(hi, 7));

	*q = VOP(subs_epi8)(*q, u);
	*p = VOP(adds_epi8)(*p, u);
}

ALWAYS void filter_outer(struct across *x, const struct splice_edge *e)
{
	V mask = smooth(x, e->outer, e->limit), flat = even(x, e->variance);
	const V nine = VOP(set1_epi16)(9), round = VOP(set1_epi16)(63);
	V v, lo, hi, lo1, hi1;

	to_signed(x);
	v = VSI(and)(add3(VOP(subs_epi8)(x->p1, x->q1), x), mask);
	adjust(x, VSI(andnot)(flat, v));
	v = VSI(and)(v, flat);
	lo = VOP(mullo_epi16)(VOP(srai_epi16)(VOP(unpacklo_epi8)(v, v), 8), nine);
	hi = VOP(mullo_epi16)(VOP(srai_epi16)(VOP(unpackhi_epi8)(v, v), 8), nine);
	lo1 = VOP(add_epi16)(lo, round);
	hi1 = VOP(add_epi16)(hi, round);
	spread(&x->p2, &x->q2, lo1, hi1);
	lo1 = VOP(add_epi16)(lo1, lo);
	hi1 = VOP(add_epi16)(hi1, hi);
	spread(&x->p1, &x->q1, lo1, hi1);
	spread(&x->p0, &x->q0, VOP(add_epi16)(lo1, lo), VOP(add_epi16)(hi1, hi));
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
ALWAYS struct across turn(const V r[16])
{
	V a[8], b[8], c[8];

	for (int i = 0; i < 8; i++)
		a[i] = VOP(unpacklo_epi8)(
			r[i], r[i + 8]); /* rows i and i+8, a column after the other */
	for (int i = 0; i < 4; i++) {
		b[2 * i] = VOP(unpacklo_epi8)(a[i], a[i + 4]);
		b[2 * i + 1] = VOP(unpackhi_epi8)(a[i], a[i + 4]);
	}
	/* b[2i]: columns 0 to 3 of rows i, i+4, i+8, i+12 */
	for (int i = 0; i < 2; i++) {
		c[4 * i] = VOP(unpacklo_epi8)(b[2 * i], b[2 * i + 4]);
		c[4 * i + 1] = VOP(unpackhi_epi8)(b[2 * i], b[2 * i + 4]);
		c[4 * i + 2] = VOP(unpacklo_epi8)(b[2 * i + 1], b[2 * i + 5]);
		c[4 * i + 3] = VOP(unpackhi_epi8)(b[2 * i + 1], b[2 * i + 5]);
	}
	/* c[k]: columns 2k and 2k+1 of even rows, c[k+4]: of odd ones */
	return (struct across){VOP(unpacklo_epi8)(c[0], c[4]), VOP(unpackhi_epi8)(c[0], c[4]),
		VOP(unpacklo_epi8)(c[1], c[5]), VOP(unpackhi_epi8)(c[1], c[5]),
		VOP(unpacklo_epi8)(c[2], c[6]), VOP(unpackhi_epi8)(c[2], c[6]),
		VOP(unpacklo_epi8)(c[3], c[7]), VOP(unpackhi_epi8)(c[3], c[7])};
}

/* And back: out[i] has rows 2i and 2i+1. */
ALWAYS void turn_back(const struct across *x, V out[8])
{
	V a[8], b[8];

	a[0] = VOP(unpacklo_epi8)(x->p3, x->p2);
	a[1] = VOP(unpacklo_epi8)(x->p1, x->p0);
	a[2] = VOP(unpacklo_epi8)(x->q0, x->q1);
	a[3] = VOP(unpacklo_epi8)(x->q2, x->q3);
	a[4] = VOP(unpackhi_epi8)(x->p3, x->p2);
	a[5] = VOP(unpackhi_epi8)(x->p1, x->p0);
	a[6] = VOP(unpackhi_epi8)(x->q0, x->q1);
	a[7] = VOP(unpackhi_epi8)(x->q2, x->q3);
	for (int i = 0; i < 2; i++) {
		b[4 * i] = VOP(unpacklo_epi16)(a[4 * i], a[4 * i + 1]);
		b[4 * i + 1] = VOP(unpackhi_epi16)(a[4 * i], a[4 * i + 1]);
		b[4 * i + 2] = VOP(unpacklo_epi16)(a[4 * i + 2], a[4 * i + 3]);
		b[4 * i + 3] = VOP(unpackhi_epi16)(a[4 * i + 2], a[4 * i + 3]);
	}
	for (int i = 0; i < 2; i++) {
		out[4 * i] = VOP(unpacklo_epi32)(b[4 * i], b[4 * i + 2]);
		out[4 * i + 1] = VOP(unpackhi_epi32)(b[4 * i], b[4 * i + 2]);
		out[4 * i + 2] = VOP(unpacklo_epi32)(b[4 * i + 1], b[4 * i + 3]);
		out[4 * i + 3] = VOP(unpackhi_epi32)(b[4 * i + 1], b[4 * i + 3]);
	}
}

/* ---- the simple filter ---- */

ALWAYS void filter_simple(struct across *x, unsigned limit)
{
	V mask = not_over(edge_limit(x), limit);

	to_signed(x);
	adjust(x, VSI(and)(add3(VOP(subs_epi8)(x->p1, x->q1), x), mask));
	to_signed(x);
}
