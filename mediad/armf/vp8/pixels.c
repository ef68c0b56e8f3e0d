/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In plain C: transforms, interpolation, edges; and which table of functions a machine gets. */
#include "mediad/armf/vp8/pixels.h"

#include "mediad/armf/vp8/tables.h"

#include <stdlib.h>
#include <string.h>

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

static void sixtap(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int w,
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

static void idct_block(uint8_t *to, ptrdiff_t stride, const int16_t in[16])
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

static void idct_add(uint8_t *to, ptrdiff_t stride, const int16_t a[16], const int16_t b[16])
{
	idct_block(to, stride, a);
	idct_block(to + 4, stride, b);
}

static void idct_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t c[4][16])
{
	idct_add(a, stride, c[0], c[1]);
	idct_add(b, stride, c[2], c[3]);
}

static void dc_add4(uint8_t *a, uint8_t *b, ptrdiff_t stride, const int16_t dc[4])
{
	int16_t c[4][16] = {{dc[0]}, {dc[1]}, {dc[2]}, {dc[3]}};

	idct_add4(a, b, stride, (const int16_t(*)[16])c);
}

static void iwht(const int16_t in[16], int16_t out[16])
{
	int t[16];

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

		for (int j = 0; j < 4; j++)
			out[4 * i + j] = (int16_t)((v[j] + 3) >> 3);
	}
}

static void fdct_block(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have,
	ptrdiff_t stride, int16_t *out)
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

static uint8_t quantise_block(int16_t c[16], const struct splice_divide *d, int16_t level[16])
{
	uint8_t end = 0;

	for (unsigned n = 0; n < 16; n++) {
		int i = splice_zigzag[n], size = abs(c[i]);
		int v = (int)((unsigned)(size + d->round[i]) * d->by[i] >> 16);

		v = v > SPLICE_MOST_LEVEL ? SPLICE_MOST_LEVEL : v;
		v = c[i] < 0 ? -v : v;
		level[n] = (int16_t)v;
		c[i] = (int16_t)(v * d->step[i]);
		end = (uint8_t)(v ? n + 1 : end);
	}
	return end;
}

static void quantise(
	int16_t (*c)[16], int n, const struct splice_divide *d, int16_t (*level)[16], uint8_t *end)
{
	for (int i = 0; i < n; i++)
		end[i] = quantise_block(c[i], d, level[i]);
}

static void fdct(const uint8_t *want, ptrdiff_t want_stride, const uint8_t *have, ptrdiff_t stride,
	int16_t a[16], int16_t b[16])
{
	fdct_block(want, want_stride, have, stride, a);
	fdct_block(want + 4, want_stride, have + 4, stride, b);
}

/* ---- differences ---- */

static unsigned sad16(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
	unsigned sum = 0;

	for (int y = 0; y < 16; y++, a += a_stride, b += b_stride) {
		for (int x = 0; x < 16; x++)
			sum += (unsigned)abs(a[x] - b[x]);
	}
	return sum;
}

static unsigned sse(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	unsigned sum = 0;

	for (int y = 0; y < n; y++, a += a_stride, b += b_stride) {
		for (int i = 0; i < n; i++)
			sum += (unsigned)((a[i] - b[i]) * (a[i] - b[i]));
	}
	return sum;
}

static unsigned farthest(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	int most = 0;

	for (int y = 0; y < n; y++, a += a_stride, b += b_stride) {
		for (int i = 0; i < n; i++) {
			int d = abs(a[i] - b[i]);

			most = d > most ? d : most;
		}
	}
	return (unsigned)most;
}

static bool differ(
	const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride, int n)
{
	for (int y = 0; y < n; y++, a += a_stride, b += b_stride) {
		if (memcmp(a, b, (size_t)n) != 0)
			return true;
	}
	return false;
}

static void copy(uint8_t *to, ptrdiff_t to_stride, const uint8_t *from, ptrdiff_t stride, int n)
{
	for (int y = 0; y < n; y++, to += to_stride, from += stride)
		memcpy(to, from, (size_t)n);
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

static void filter(const struct splice_place *p, const struct splice_edge *e)
{
	for (int x = p->left ? 0 : 4; x < (p->inner ? 16 : 4); x += 4) {
		edge(p->y + x, p->ys, 1, 16, e, x == 0);
		if (x < 8) {
			edge(p->u + x, p->cs, 1, 8, e, x == 0);
			edge(p->v + x, p->cs, 1, 8, e, x == 0);
		}
	}
	for (int y = p->above ? 0 : 4; y < (p->inner ? 16 : 4); y += 4) {
		edge(p->y + y * p->ys, 1, p->ys, 16, e, y == 0);
		if (y < 8) {
			edge(p->u + y * p->cs, 1, p->cs, 8, e, y == 0);
			edge(p->v + y * p->cs, 1, p->cs, 8, e, y == 0);
		}
	}
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

static void filter_simple(const struct splice_place *p, const struct splice_edge *e)
{
	for (int x = p->left ? 0 : 4; x < (p->inner ? 16 : 4); x += 4)
		simple(p->y + x, p->ys, 1, x ? e->inner : e->outer);
	for (int y = p->above ? 0 : 4; y < (p->inner ? 16 : 4); y += 4)
		simple(p->y + y * p->ys, 1, p->ys, y ? e->inner : e->outer);
}

/* ---- which of them ---- */

const struct splice_pixels splice_plain = {.name = "plain",
	.sixtap = sixtap,
	.idct_add = idct_add,
	.idct_add4 = idct_add4,
	.dc_add4 = dc_add4,
	.iwht = iwht,
	.fdct = fdct,
	.quantise = quantise,
	.sad16 = sad16,
	.sse = sse,
	.farthest = farthest,
	.differ = differ,
	.copy = copy,
	.filter = filter,
	.filter_simple = filter_simple};

const struct splice_pixels *splice_pixels_get(unsigned at)
{
	const struct splice_pixels *list[5] = {0};
	unsigned n = 0;

#if defined(__x86_64__) && !defined(SPLICE_PLAIN)
	if (__builtin_cpu_supports("avx2"))
		list[n++] = &splice_avx2;
	if (__builtin_cpu_supports("ssse3"))
		list[n++] = &splice_ssse3;
	list[n++] = &splice_sse2;
#endif
	list[n] = &splice_plain;
	return at <= n ? list[at] : NULL;
}
