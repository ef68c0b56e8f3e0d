/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In plain C: transforms, interpolation. pixels_sse2.c has the same for x86. */
#include "mediad/armf/vp8/pixels.h"

#include "mediad/armf/vp8/tables.h"

#include <stdlib.h>
#include <string.h>

bool splice_iwht(const int16_t in[16], int16_t *out)
{
	int t[16], wild = 0;

	for (int i = 0; i < 4; i++) {
		int a = in[i] + in[12 + i], b = in[4 + i] + in[8 + i];
		int c = in[4 + i] - in[8 + i], d = in[i] - in[12 + i];

		t[i] = a + b;
		t[4 + i] = c + d;
		t[8 + i] = a - b;
		t[12 + i] = d - c;
	}
	for (int i = 0; i < 4; i++) {
		const int *r = t + (ptrdiff_t)4 * i;
		int a = r[0] + r[3], b = r[1] + r[2], c = r[1] - r[2], d = r[0] - r[3];
		int v[4] = {a + b, c + d, a - b, d - c};

		for (int j = 0; j < 4; j++) {
			wild |= v[j] > INT16_MAX - 3 || v[j] < INT16_MIN || r[j] > INT16_MAX ||
				r[j] < INT16_MIN;
			out[16 * (4 * i + j)] = (int16_t)((v[j] + 3) >> 3);
		}
	}
	return !wild;
}

void splice_fwht(const int16_t *in, int16_t out[16])
{
	int t[16];

	for (int i = 0; i < 4; i++) {
		const int16_t *r = in + (ptrdiff_t)64 * i;
		int a = (r[0] + r[32]) * 4, d = (r[16] + r[48]) * 4;
		int c = (r[16] - r[48]) * 4, b = (r[0] - r[32]) * 4;

		t[4 * i] = a + d + (a != 0);
		t[4 * i + 1] = b + c;
		t[4 * i + 2] = b - c;
		t[4 * i + 3] = a - d;
	}
	for (int i = 0; i < 4; i++) {
		int a = t[i] + t[8 + i], d = t[4 + i] + t[12 + i];
		int c = t[4 + i] - t[12 + i], b = t[i] - t[8 + i];
		int v[4] = {a + d, b + c, b - c, a - d};

		for (int j = 0; j < 4; j++)
			out[4 * j + i] = (int16_t)((v[j] + (v[j] < 0) + 3) >> 3);
	}
}

#if !defined(__SSE2__) || defined(SPLICE_PLAIN)

static uint8_t clamp255(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* ---- interpolation ---- */

static uint8_t tap(const uint8_t *p, ptrdiff_t step, const int16_t *f)
{
	int v = p[0] * f[2] + p[step] * f[3] + 64;

	/* the outer ones only where they count: they may lie outside */
	if (f[1])
		v += p[-step] * f[1] + p[2 * step] * f[4];
	if (f[0])
		v += p[-2 * step] * f[0] + p[3 * step] * f[5];
	return clamp255(v >> 7);
}

void splice_sixtap(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w,
	int h, int mx, int my)
{
	uint8_t mid[16 * 21] = {0};
	int before = my ? 2 : 0, rows = h + (my ? 5 : 0);

	for (int y = 0; y < rows; y++) {
		const uint8_t *r = from + (y - before) * stride;

		for (int x = 0; x < w; x++)
			mid[16 * y + x] = mx ? tap(r + x, 1, splice_sixtap_taps[mx]) : r[x];
	}
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			const uint8_t *m = mid + (ptrdiff_t)16 * (y + before) + x;

			to[y * to_stride + x] = my ? tap(m, 16, splice_sixtap_taps[my]) : *m;
		}
	}
}

/* ---- transforms ---- */

static void idct_add(uint8_t *to, ptrdiff_t stride, const int16_t in[16])
{
	int t[16];

	for (int i = 0; i < 4; i++) {
		int a = in[i] + in[8 + i], b = in[i] - in[8 + i];
		int c = (in[4 + i] * 35468 >> 16) - (in[12 + i] + (in[12 + i] * 20091 >> 16));
		int d = in[4 + i] + (in[4 + i] * 20091 >> 16) + (in[12 + i] * 35468 >> 16);

		t[i] = a + d;
		t[12 + i] = a - d;
		t[4 + i] = b + c;
		t[8 + i] = b - c;
	}
	for (int i = 0; i < 4; i++, to += stride) {
		const int *r = t + (ptrdiff_t)4 * i;
		int a = r[0] + r[2], b = r[0] - r[2];
		int c = (r[1] * 35468 >> 16) - (r[3] + (r[3] * 20091 >> 16));
		int d = r[1] + (r[1] * 20091 >> 16) + (r[3] * 35468 >> 16);

		to[0] = clamp255(to[0] + ((a + d + 4) >> 3));
		to[3] = clamp255(to[3] + ((a - d + 4) >> 3));
		to[1] = clamp255(to[1] + ((b + c + 4) >> 3));
		to[2] = clamp255(to[2] + ((b - c + 4) >> 3));
	}
}

void splice_idct_add(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16])
{
	idct_add(to, stride, a);
	idct_add(to + 4, stride, b);
}

static void fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have, ptrdiff_t stride,
	int16_t *out)
{
	int t[16];

	for (int i = 0; i < 4; i++, want += want_stride, have += stride) {
		int r[4] = {
			want[0] - have[0], want[1] - have[1], want[2] - have[2], want[3] - have[3]};
		int a = (r[0] + r[3]) * 8, b = (r[1] + r[2]) * 8;
		int c = (r[1] - r[2]) * 8, d = (r[0] - r[3]) * 8;

		t[4 * i] = a + b;
		t[4 * i + 2] = a - b;
		t[4 * i + 1] = (c * 2217 + d * 5352 + 14500) >> 12;
		t[4 * i + 3] = (d * 2217 - c * 5352 + 7500) >> 12;
	}
	for (int i = 0; i < 4; i++) {
		int a = t[i] + t[12 + i], b = t[4 + i] + t[8 + i];
		int c = t[4 + i] - t[8 + i], d = t[i] - t[12 + i];

		out[i] = (int16_t)((a + b + 7) >> 4);
		out[8 + i] = (int16_t)((a - b + 7) >> 4);
		out[4 + i] = (int16_t)(((c * 2217 + d * 5352 + 12000) >> 16) + (d != 0));
		out[12 + i] = (int16_t)((d * 2217 - c * 5352 + 51000) >> 16);
	}
}

void splice_fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have, ptrdiff_t stride,
	int16_t a[16], int16_t b[16])
{
	fdct(want, want_stride, have, stride, a);
	fdct(want + 4, want_stride, have + 4, stride, b);
}

/* ---- differences ---- */

unsigned splice_sad16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
	unsigned sum = 0;

	for (int y = 0; y < 16; y++, a += a_stride, b += b_stride) {
		for (int x = 0; x < 16; x++)
			sum += (unsigned)abs(a[x] - b[x]);
	}
	return sum;
}

unsigned splice_sse16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
	unsigned sum = 0;

	for (int y = 0; y < 16; y++, a += a_stride, b += b_stride) {
		for (int x = 0; x < 16; x++)
			sum += (unsigned)((a[x] - b[x]) * (a[x] - b[x]));
	}
	return sum;
}

/* ---- edges, 15.2 and 15.3 ---- */

static int clamp_s(int v)
{
	return v < -128 ? -128 : v > 127 ? 127 : v;
}

static int sign(uint8_t v)
{
	return v - 128;
}

static uint8_t unsign(int v)
{
	return (uint8_t)(clamp_s(v) + 128);
}

static void move(uint8_t *p, ptrdiff_t step, int before, int behind, int by)
{
	p[before * step] = unsign(sign(p[before * step]) + by);
	p[behind * step] = unsign(sign(p[behind * step]) - by);
}

static void common(uint8_t *p, ptrdiff_t s, int v, int *by)
{
	int a = clamp_s(v + 4) >> 3, b = clamp_s(v + 3) >> 3;

	p[0] = unsign(sign(p[0]) - a);
	p[-s] = unsign(sign(p[-s]) + b);
	*by = a;
}

static bool smooth(const uint8_t *p, ptrdiff_t s, int edge, int limit)
{
	for (int i = -4; i < 3; i++) {
		if (i != -1 && abs(p[i * s] - p[(i + 1) * s]) > limit)
			return false;
	}
	return abs(p[-s] - p[0]) * 2 + abs(p[-2 * s] - p[s]) / 2 <= edge;
}

static void edge_pixel(uint8_t *p, ptrdiff_t s, const struct splice_edge *e, bool whole)
{
	bool high = abs(p[-2 * s] - p[-s]) > e->variance || abs(p[s] - p[0]) > e->variance;
	int v, by;

	if (!smooth(p, s, whole ? e->outer : e->inner, e->limit))
		return;
	v = whole || high ? clamp_s(sign(p[-2 * s]) - sign(p[s])) : 0;
	v = clamp_s(v + 3 * (sign(p[0]) - sign(p[-s])));
	if (whole && !high) {
		move(p, s, -1, 0, clamp_s((63 + v * 27) >> 7));
		move(p, s, -2, 1, clamp_s((63 + v * 18) >> 7));
		move(p, s, -3, 2, clamp_s((63 + v * 9) >> 7));
		return;
	}
	common(p, s, v, &by);
	if (!high)
		move(p, s, -2, 1, (by + 1) >> 1);
}

static void edge(uint8_t *p, ptrdiff_t along, ptrdiff_t across, int n, const struct splice_edge *e,
	bool whole)
{
	for (; n > 0; n--, p += along)
		edge_pixel(p, across, e, whole);
}

void splice_edge_v(uint8_t *p, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	edge(p, stride, 1, 16, e, whole);
}

void splice_edge_h(uint8_t *p, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	edge(p, 1, stride, 16, e, whole);
}

void splice_edge_v2(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	edge(u, stride, 1, 8, e, whole);
	edge(v, stride, 1, 8, e, whole);
}

void splice_edge_h2(
	uint8_t *u, uint8_t *v, ptrdiff_t stride, const struct splice_edge *e, bool whole)
{
	edge(u, 1, stride, 8, e, whole);
	edge(v, 1, stride, 8, e, whole);
}

static void simple(uint8_t *p, ptrdiff_t along, ptrdiff_t s, unsigned limit)
{
	for (int i = 0, by; i < 16; i++, p += along) {
		int v = clamp_s(sign(p[-2 * s]) - sign(p[s]));

		if (abs(p[-s] - p[0]) * 2 + abs(p[-2 * s] - p[s]) / 2 > (int)limit)
			continue;
		common(p, s, clamp_s(v + 3 * (sign(p[0]) - sign(p[-s]))), &by);
	}
}

void splice_simple_v(uint8_t *p, ptrdiff_t stride, unsigned limit)
{
	simple(p, stride, 1, limit);
}

void splice_simple_h(uint8_t *p, ptrdiff_t stride, unsigned limit)
{
	simple(p, 1, stride, limit);
}

#endif
