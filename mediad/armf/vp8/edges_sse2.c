/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop filter of pixels.h with SSE2. */
#include "mediad/armf/vp8/pixels_x86.h"

#ifdef SPLICE_X86

#define V __m128i
#define VOP(x) _mm_##x
#define VSI(x) _mm_##x##_si128
#include "mediad/armf/vp8/edges_x86.h"

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

static void edge_v2(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	if (whole)
		edge_v(u, v, stride, e, true);
	else
		edge_v(u, v, stride, e, false);
}

static void edge_v1(uint8_t *p, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	edge_v2(p, p + 8 * stride, stride, e, whole);
}

static void edge_h1(uint8_t *p, ptrdiff_t s, const struct splice_edge *e, bool whole)
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

static void edge_h2(uint8_t *u, uint8_t *v, ptrdiff_t s, const struct splice_edge *e, bool whole)
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

static void simple_v(uint8_t *p, ptrdiff_t stride, unsigned limit)
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

static void simple_h(uint8_t *p, ptrdiff_t s, unsigned limit)
{
	struct across x = {
		.p1 = load16(p - 2 * s), .p0 = load16(p - s), .q0 = load16(p), .q1 = load16(p + s)};

	filter_simple(&x, limit);
	store16(p - s, x.p0);
	store16(p, x.q0);
}

void splice_sse2_filter(const struct splice_place *p, const struct splice_edge *e)
{
	if (p->left) {
		edge_v1(p->y, p->ys, e, true);
		edge_v2(p->u, p->v, p->cs, e, true);
	}
	if (p->inner) {
		for (int x = 4; x < 16; x += 4)
			edge_v1(p->y + x, p->ys, e, false);
		edge_v2(p->u + 4, p->v + 4, p->cs, e, false);
	}
	if (p->above) {
		edge_h1(p->y, p->ys, e, true);
		edge_h2(p->u, p->v, p->cs, e, true);
	}
	if (p->inner) {
		for (int y = 4; y < 16; y += 4)
			edge_h1(p->y + y * p->ys, p->ys, e, false);
		edge_h2(p->u + 4 * p->cs, p->v + 4 * p->cs, p->cs, e, false);
	}
}

void splice_sse2_filter_simple(const struct splice_place *p, const struct splice_edge *e)
{
	if (p->left)
		simple_v(p->y, p->ys, e->outer);
	for (int x = 4; p->inner && x < 16; x += 4)
		simple_v(p->y + x, p->ys, e->inner);
	if (p->above)
		simple_h(p->y, p->ys, e->outer);
	for (int y = 4; p->inner && y < 16; y += 4)
		simple_h(p->y + y * p->ys, p->ys, e->inner);
}

#endif
