/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A macroblock coded anew: vector, transform, quantiser. */
#include "mediad/armf/vp8/pixels.h"
#include "mediad/armf/vp8/splice_int.h"

#include <string.h>

#define ENOUGH                                                                                     \
	4 /* of a pixel on average, beside the quantiser's step: no better vector is looked for */
#define GHOST 32 /* of colour in one pixel, that is seen */
#define ROUND_PERCENT 37 /* of a step: what is added before a coefficient is divided */

/* ---- quantiser ---- */

static void divider(struct splice_divide *d, const int16_t step[2])
{
	for (int i = 0; i < 16; i++) {
		int n = step[i > 0];

		d->step[i] = (int16_t)n;
		d->round[i] = (int16_t)(n * ROUND_PERCENT / 100);
		d->by[i] = (uint16_t)((65536 + n - 1) / n);
	}
}

void splice_recode_begin(struct splice *s)
{
	for (int i = 0; i < 4; i++) { /* a map may outlast its use */
		divider(&s->divide[i].y1, s->quant[i].y1);
		divider(&s->divide[i].y2, s->quant[i].y2);
		divider(&s->divide[i].uv, s->quant[i].uv);
	}
}

/* Coefficients of a macroblock: as a decoder has them, and divided. */
struct coding {
	int16_t (*v)[16], (*level)[16];
};

static void transform(const struct splice *s, const struct splice_target *t, int16_t (*c)[16],
	int col, int row, bool luma)
{
	for (int i = luma ? 0 : 16; i < 24; i += 2) {
		int plane = i < 16 ? 0 : i < 20 ? 1 : 2, k = i < 16 ? i : (i - 16) & 3;
		int across = i < 16 ? 4 : 2, size = across * 4;
		int x = k % across * 4, y = k / across * 4;
		const uint8_t *want = t->plane[plane] + y * size + x;

		s->px->fdct(want, size,
			splice_pixel(&s->raw_out, plane, col * size + x, row * size + y),
			s->raw_out.plane[plane].stride, c[i], c[i + 1]);
	}
}

static int16_t *pack_block(
	int16_t *to, const struct splice_coefs *c, const struct coding *k, int block, int first)
{
	int n = c->end[block] > first ? c->end[block] - first : 0;

	if (n > 0) /* there is room for all that a macroblock may have */
		memcpy(to, k->level[block] + first, (size_t)n * sizeof(*to));
	return to + n;
}

/* All of a macroblock, in the order in which they are written. */
static void pack(
	struct splice *s, struct splice_mb *m, struct splice_coefs *c, const struct coding *k)
{
	bool y2 = splice_has_y2(m), any = false;
	int16_t *to = s->levels_new + s->nlevels_new;

	c->level = to;
	c->said.n = 0;
	if (y2)
		to = pack_block(to, c, k, 24, 0);
	for (int i = 0; i < 24; i++)
		to = pack_block(to, c, k, i, y2 && i < 16);
	for (int i = 0; i < 25; i++)
		any |= c->end[i] > 0;
	m->coded = any;
	m->skip = s->head.skip_flags && !any;
	s->nlevels_new = (size_t)(to - s->levels_new);
}

/* Luma beside a Y2 block. */
static void code_luma(
	struct splice *s, const struct splice_dividers *d, struct splice_coefs *c, struct coding *k)
{
	int16_t dc[16];

	splice_fwht(k->v[0], k->v[24]);
	for (int i = 0; i < 16; i++)
		k->v[i][0] = 0;
	s->px->quantise(k->v + 24, 1, &d->y2, k->level + 24, c->end + 24);
	s->px->quantise(k->v, 16, &d->y1, k->level, c->end);
	if (!c->end[24])
		return;
	s->px->iwht(k->v[24], dc);
	for (int i = 0; i < 16; i++)
		k->v[i][0] = dc[i];
}

/* The residual between the target and what is predicted in raw_out; then its pixels. */
static void code_residual(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	const struct splice_dividers *d = &s->divide[m->segment];
	int16_t v[25][16], level[25][16];
	struct coding k = {v, level};

	c->end[24] = 0;
	transform(s, t, k.v, col, row, true);
	if (splice_has_y2(m))
		code_luma(s, d, c, &k);
	else
		s->px->quantise(k.v, 16, &d->y1, k.level, c->end);
	s->px->quantise(k.v + 16, 8, &d->uv, k.level + 16, c->end + 16);
	pack(s, m, c, &k);
	splice_add_blocks(s, &s->raw_out, &(struct splice_blocks){k.v, c->end, 0}, col, row);
}

/* Blocks that are predicted from each other. */
static void code_blocks(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	static const int16_t none[16];
	const struct splice_dividers *d = &s->divide[m->segment];
	int16_t v[25][16], level[25][16];
	struct coding k = {v, level};

	c->end[24] = 0;
	for (int i = 0; i < 16; i++) {
		int x = (i & 3) * 4, y = (i >> 2) * 4;
		uint8_t *to = splice_pixel(&s->raw_out, 0, col * 16 + x, row * 16 + y);
		ptrdiff_t stride = s->raw_out.plane[0].stride;

		splice_predict_block(s, &s->raw_out, m->bmode[i], col, row, i);
		s->px->fdct(t->plane[0] + y * 16 + x, 16, to, stride, k.v[i], k.v[i + 1]);
		s->px->quantise(k.v + i, 1, &d->y1, k.level + i, c->end + i);
		if (c->end[i])
			s->px->idct_add(to, stride, k.v[i], none);
	}
	transform(s, t, k.v, col, row, false);
	s->px->quantise(k.v + 16, 8, &d->uv, k.level + 16, c->end + 16);
	pack(s, m, c, &k);
	splice_add_blocks(s, &s->raw_out, &(struct splice_blocks){k.v, c->end, 16}, col, row);
}

/* ---- vectors ---- */

struct hunt {
	struct splice *s;
	const struct splice_target *t;
	struct splice_source from;
	int col, row;
	struct splice_mv best;
	unsigned least;
};

/* Within a macroblock around the picture. */
static bool inside(const struct splice *s, struct splice_mv v, int col, int row)
{
	return v.col >= -(col * 16 + 16) * 8 && v.col <= (s->cols - col) * 16 * 8 &&
	       v.row >= -(row * 16 + 16) * 8 && v.row <= (s->rows - row) * 16 * 8;
}

static void try_mv(struct hunt *h, int v_row, int v_col)
{
	struct splice_mv v = {(int16_t)v_row, (int16_t)v_col};
	uint8_t p[256];
	unsigned sad;

	if (!inside(h->s, v, h->col, h->row))
		return;
	splice_predict_luma(h->s, h->from, p, 16, v, h->col, h->row);
	sad = h->s->px->sad16(p, 16, h->t->plane[0], 16);
	/* a vector other than the neighbours' costs bits */
	sad += splice_mv_zero(v) ? 0 : 32;
	if (sad < h->least) {
		h->least = sad;
		h->best = v;
	}
}

static void look_around(struct hunt *h, int step)
{
	struct splice_mv v = h->best;

	try_mv(h, v.row - step, v.col);
	try_mv(h, v.row + step, v.col);
	try_mv(h, v.row, v.col - step);
	try_mv(h, v.row, v.col + step);
}

static void find_mv(
	struct splice *s, const struct splice_target *t, struct splice_mb *m, int col, int row)
{
	const struct splice_mb *o = &s->out[splice_at(s, col, row)];
	const struct splice_mb *beside[2] = {o - 1, o - (s->cols + 1)};
	unsigned enough = 256u * (ENOUGH + (unsigned)s->quant[m->segment].y1[1] / 16);
	struct hunt h = {s, t, {s->ref[SPLICE_LAST], true}, col, row, {0}, UINT32_MAX};

	try_mv(&h, 0, 0);
	if (h.least > enough && m->ref != SPLICE_INTRA && !splice_mv_zero(m->mv))
		try_mv(&h, m->mv.row, m->mv.col);
	for (int i = 0; i < 2 && h.least > enough; i++) {
		if (beside[i]->ref == SPLICE_LAST && !splice_mv_zero(beside[i]->mv))
			try_mv(&h, beside[i]->mv.row, beside[i]->mv.col);
	}
	for (int step = 16; step >= 2 && h.least > enough; step /= 2)
		look_around(&h, step);
	m->ref = SPLICE_LAST;
	m->mv = h.best;
	m->mode = splice_mv_zero(m->mv) ? SPLICE_ZERO : SPLICE_NEW;
}

static void fall_back(const struct splice *s, struct splice_mb *m)
{
	*m = (struct splice_mb){.segment = m->segment,
		.mode = s->head.key ? SPLICE_DC_PRED : SPLICE_ZERO,
		.ref = s->head.key ? SPLICE_INTRA : SPLICE_LAST};
}

/* The largest difference in colour. */
static unsigned colour_off(const struct splice *s, const struct splice_target *t, int col, int row)
{
	unsigned most = 0;

	for (int plane = 1; plane < 3; plane++) {
		unsigned n = s->px->farthest(t->plane[plane], 8,
			splice_pixel(&s->raw_out, plane, col * 8, row * 8),
			s->raw_out.plane[plane].stride, 8);

		most = n > most ? n : most;
	}
	return most;
}

static void predict_and_code(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	if (m->ref == SPLICE_INTRA)
		splice_predict_intra(s, &s->raw_out, m, col, row);
	else
		splice_predict_inter(
			s, (struct splice_source){s->ref[m->ref], true}, &s->raw_out, m, col, row);
	(m->mode == SPLICE_B_PRED ? code_blocks : code_residual)(s, t, m, c, col, row);
}

/* What there is of a macroblock in raw_out, to or from. */
static void keep_pixels(const struct splice *s, uint8_t kept[3][256], int col, int row, bool back)
{
	for (int i = 0; i < 3; i++) {
		const struct splice_plane *plane = &s->raw_out.plane[i];
		int n = i ? 8 : 16;
		uint8_t *p = splice_pixel(&s->raw_out, i, col * n, row * n);

		if (back)
			s->px->copy(p, plane->stride, kept[i], n, n);
		else
			s->px->copy(kept[i], n, p, plane->stride, n);
	}
}

/* A coarse quantiser leaves of an object that has gone what is smaller than a block: what is beside
 * knows nothing of it. */
static void without_ghost(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	size_t levels = (size_t)(c->level - s->levels_new), end = s->nlevels_new;
	unsigned off = colour_off(s, t, col, row);
	struct splice_coefs coefs = *c;
	struct splice_mb was = *m;
	uint8_t kept[3][256];

	if (off <= GHOST || m->ref == SPLICE_INTRA)
		return;
	keep_pixels(s, kept, col, row, false);
	*m = (struct splice_mb){
		.segment = was.segment, .mode = SPLICE_DC_PRED, .ref = SPLICE_INTRA};
	predict_and_code(s, t, m, c, col, row);
	if (colour_off(s, t, col, row) < off) { /* there is not room for both */
		memmove(s->levels_new + levels, c->level,
			(s->nlevels_new - end) * sizeof(*s->levels_new));
		c->level = s->levels_new + levels;
		s->nlevels_new -= end - levels;
		return;
	}
	keep_pixels(s, kept, col, row, true);
	*m = was;
	*c = coefs;
	s->nlevels_new = end;
}

void splice_recode(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row, bool search)
{
	if (search && !s->head.key)
		find_mv(s, t, m, col, row);
	if (!splice_modes_fits(s, m, col, row))
		fall_back(s, m);
	predict_and_code(s, t, m, c, col, row);
	without_ghost(s, t, m, c, col, row);
}
