/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Coefficients to pixels, RFC 6386 14: four blocks at a time. */
#include "mediad/armf/vp8/splice_int.h"

#include <string.h>

/* Of a block's coefficients: below it 16 bits are enough everywhere, 14.3; and in 14.1. */
#define MAX_SUM 16000
#define MAX_SUM_Y2 (INT16_MAX - 7)

static int dequantise(
	int16_t out[16], const int16_t *level, int first, int end, const int16_t step[2])
{
	int sum = 0;

	for (int n = first; n < end; n++) {
		int v = *level++ * step[n > 0];

		out[splice_zigzag[n]] = (int16_t)v;
		sum += v < 0 ? -v : v;
	}
	return sum;
}

bool splice_dequantise(
	int16_t out[16], const int16_t *level, int first, int end, const int16_t step[2])
{
	return dequantise(out, level, first, end, step) <= MAX_SUM;
}

struct residual {
	const struct splice *s;
	const struct splice_coefs *c;
	const int16_t *level; /* of the next block */
	int16_t dc[16]; /* of blocks beside a Y2 block */
	bool y2;
};

struct four {
	uint8_t *a, *b; /* two blocks side by side each */
	ptrdiff_t stride;
	int block; /* the first one's number */
};

static bool add_dcs(struct residual *r, const struct four *f, const int16_t step[2])
{
	const uint8_t *end = r->c->end + f->block;
	int16_t dc[4];
	bool ok = true;

	for (int i = 0; i < 4; i++) {
		int v = end[i] ? *r->level++ * step[0] : 0;

		ok = ok && v <= MAX_SUM && v >= -MAX_SUM;
		dc[i] = (int16_t)v;
	}
	r->s->px->dc_add4(f->a, f->b, f->stride, dc);
	return ok;
}

static bool add_four(struct residual *r, const struct four *f, const int16_t step[2])
{
	const uint8_t *end = r->c->end + f->block;
	int first = r->y2 && f->block < 16;
	int16_t v[4][16] __attribute__((aligned(32)));
	bool ok = true;

	for (int i = 0; i < 4; i++) {
		memset(v[i], 0, sizeof(v[i])); /* apart: a string instruction is slow to begin */
		ok = splice_dequantise(v[i], r->level, first, end[i], step) && ok;
		r->level += end[i] > first ? end[i] - first : 0;
		if (first)
			v[i][0] = r->dc[f->block + i];
	}
	r->s->px->idct_add4(f->a, f->b, f->stride, (const int16_t(*)[16])v);
	return ok;
}

/* Most blocks have nothing, or nothing but their DC. */
static bool add(struct residual *r, const struct four *f, const int16_t step[2])
{
	bool beside_y2 = r->y2 && f->block < 16;
	uint32_t ends;

	memcpy(&ends, r->c->end + f->block, sizeof(ends));
	if (!ends && beside_y2)
		r->s->px->dc_add4(f->a, f->b, f->stride, r->dc + f->block);
	else if (ends && !beside_y2 && !(ends & 0xfefefefeu))
		return add_dcs(r, f, step);
	else if (ends)
		return add_four(r, f, step);
	return true;
}

static bool add_luma(
	struct residual *r, const struct splice_image *img, const int16_t step[2], int col, int row)
{
	uint8_t *to = splice_pixel(img, 0, col * 16, row * 16);
	ptrdiff_t stride = img->plane[0].stride;
	bool ok = true;

	for (int i = 0; i < 16; i += 4, to += 4 * stride)
		ok = add(r, &(struct four){to, to + 8, stride, i}, step) && ok;
	return ok;
}

static bool add_chroma(
	struct residual *r, const struct splice_image *img, const int16_t step[2], int col, int row)
{
	bool ok = true;

	for (int i = 1; i < 3; i++) {
		uint8_t *to = splice_pixel(img, i, col * 8, row * 8);
		ptrdiff_t stride = img->plane[i].stride;

		ok = add(r, &(struct four){to, to + 4 * stride, stride, 12 + 4 * i}, step) && ok;
	}
	return ok;
}

static bool read_y2(struct residual *r, const struct splice_quant *q)
{
	int end = r->c->end[24];
	int16_t v[16] = {0};
	bool ok = dequantise(v, r->level, 0, end, q->y2) <= MAX_SUM_Y2;

	r->level += end;
	if (end > 0)
		r->s->px->iwht(v, r->dc);
	return ok;
}

bool splice_add_residual(const struct splice *s, const struct splice_image *to,
	const struct splice_mb *m, const struct splice_coefs *c, int col, int row)
{
	const struct splice_quant *q = &s->quant[m->segment];
	struct residual r = {.s = s, .c = c, .level = c->level, .y2 = splice_has_y2(m)};
	bool ok = true;

	if (!m->coded)
		return true;
	if (r.y2)
		ok = read_y2(&r, q);
	ok = add_luma(&r, to, q->y1, col, row) && ok;
	return add_chroma(&r, to, q->uv, col, row) && ok;
}

/* Of SPLICE_B_PRED: its luma has none between blocks. */
bool splice_add_chroma(const struct splice *s, const struct splice_image *to,
	const struct splice_mb *m, const struct splice_coefs *c, int col, int row)
{
	struct residual r = {.s = s, .c = c, .level = c->level};

	for (int i = 0; i < 16; i++)
		r.level += c->end[i];
	return add_chroma(&r, to, s->quant[m->segment].uv, col, row);
}

/* ---- of macroblocks that are coded anew ---- */

/* As add(): `dcs` when they come from a Y2 block. */
static void add_coded(
	const struct splice *s, const struct four *f, const struct splice_blocks *b, bool dcs)
{
	const int16_t(*v)[16] = (const int16_t(*)[16])b->v + f->block;
	uint32_t ends;

	memcpy(&ends, b->end + f->block, sizeof(ends));
	if (ends & 0xfefefefeu)
		s->px->idct_add4(f->a, f->b, f->stride, v);
	else if (ends || dcs)
		s->px->dc_add4(f->a, f->b, f->stride,
			(const int16_t[4]){v[0][0], v[1][0], v[2][0], v[3][0]});
}

void splice_add_blocks(const struct splice *s, const struct splice_image *to,
	const struct splice_blocks *b, int col, int row)
{
	uint8_t *p = splice_pixel(to, 0, col * 16, row * 16);
	ptrdiff_t stride = to->plane[0].stride;

	for (int i = b->first; i < 16; i += 4, p += 4 * stride)
		add_coded(s, &(struct four){p, p + 8, stride, i}, b, b->end[24] > 0);
	for (int i = 1; i < 3; i++) {
		p = splice_pixel(to, i, col * 8, row * 8);
		stride = to->plane[i].stride;
		add_coded(s, &(struct four){p, p + 4 * stride, stride, 12 + 4 * i}, b, false);
	}
}
