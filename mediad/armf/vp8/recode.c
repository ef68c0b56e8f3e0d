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

struct packed {
	int16_t *to;
	struct splice_coefs *c;
	bool any;
};

/* A step, what is added before dividing by it, and the least that is not nothing then. */
struct step {
	int16_t step[2], round[2], least[2]; /* DC, AC */
};

static struct step step_of(const int16_t step[2])
{
	struct step t;

	for (int i = 0; i < 2; i++) {
		t.step[i] = step[i];
		t.round[i] = (int16_t)(step[i] * ROUND_PERCENT / 100);
		t.least[i] = (int16_t)(step[i] - t.round[i]);
	}
	return t;
}

static int size_of(int v)
{
	return v < 0 ? -v : v;
}

static int quantise(int v, const struct step *t, int ac)
{
	int n = (size_of(v) + t->round[ac]) / t->step[ac];

	n = n > 2047 ? 2047 : n;
	return v < 0 ? -n : n;
}

/* Does anything of a block become more than nothing? Of most, nothing does. */
static bool any_left(const int16_t in[16], int first, const struct step *t)
{
	int16_t any = 0;

	for (int i = 1; i < 16; i++)
		any |= (int16_t)((in[i] >= t->least[1]) | (in[i] <= -t->least[1]));
	return any || (!first && size_of(in[0]) >= t->least[0]);
}

static void pack(struct packed *p, int block, int first, const int16_t in[16], const struct step *t)
{
	int end = 0;

	p->c->end[block] = 0;
	if (!any_left(in, first, t))
		return;
	for (int n = first; n < 16; n++) {
		int v = in[splice_zigzag[n]];

		p->to[n - first] =
			(int16_t)(size_of(v) < t->least[n > 0] ? 0 : quantise(v, t, n > 0));
		if (p->to[n - first])
			end = n + 1;
	}
	p->c->end[block] = (uint8_t)end;
	p->to += end - first;
	p->any = true;
}

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

static void finish(struct splice *s, struct splice_mb *m, const struct packed *p)
{
	m->coded = p->any;
	m->skip = s->head.skip_flags && !p->any;
	s->nlevels_new = (size_t)(p->to - s->levels_new);
}

/* The residual between the target and what is predicted in raw_out; then its pixels. */
static void code_residual(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	const struct splice_quant *q = &s->quant[m->segment];
	struct packed p = {s->levels_new + s->nlevels_new, c, false};
	bool y2 = splice_has_y2(m);
	struct step y1 = step_of(q->y1), y2_step = step_of(q->y2), uv = step_of(q->uv);
	int16_t v[25][16];

	c->level = p.to;
	c->said.n = 0;
	c->end[24] = 0;
	transform(s, t, v, col, row, true);
	if (y2) {
		splice_fwht(v[0], v[24]);
		pack(&p, 24, 0, v[24], &y2_step);
	}
	for (int i = 0; i < 24; i++)
		pack(&p, i, y2 && i < 16, v[i], i < 16 ? &y1 : &uv);
	finish(s, m, &p);
	(void)splice_add_residual(s, &s->raw_out, m, c, col, row);
}

/* Blocks that are predicted from each other. */
static void code_blocks(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	static const int16_t none[16];
	const struct splice_quant *q = &s->quant[m->segment];
	struct packed p = {s->levels_new + s->nlevels_new, c, false};
	struct step y1 = step_of(q->y1), uv = step_of(q->uv);
	int16_t v[25][16], back[16], spare[16];

	c->level = p.to;
	c->said.n = 0;
	c->end[24] = 0;
	for (int i = 0; i < 16; i++) {
		int x = (i & 3) * 4, y = (i >> 2) * 4;
		uint8_t *to = splice_pixel(&s->raw_out, 0, col * 16 + x, row * 16 + y);
		const int16_t *level = p.to;

		splice_predict_block(s, &s->raw_out, m->bmode[i], col, row, i);
		s->px->fdct(
			t->plane[0] + y * 16 + x, 16, to, s->raw_out.plane[0].stride, v[i], spare);
		pack(&p, i, 0, v[i], &y1);
		memset(back, 0, sizeof(back));
		for (int n = 0; n < c->end[i]; n++)
			back[splice_zigzag[n]] = (int16_t)(level[n] * q->y1[n > 0]);
		if (c->end[i])
			s->px->idct_add(to, s->raw_out.plane[0].stride, back, none);
	}
	transform(s, t, v, col, row, false);
	for (int i = 16; i < 24; i++)
		pack(&p, i, 0, v[i], &uv);
	finish(s, m, &p);
	(void)splice_add_chroma(s, &s->raw_out, m, c, col, row);
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

/* A coarse quantiser leaves of an object that has gone what is smaller than a block: what is beside
 * knows nothing of it. */
static void without_ghost(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row)
{
	size_t levels = (size_t)(c->level - s->levels_new);
	unsigned off = colour_off(s, t, col, row);
	struct splice_mb was = *m;

	if (off <= GHOST || m->ref == SPLICE_INTRA)
		return;
	*m = (struct splice_mb){
		.segment = was.segment, .mode = SPLICE_DC_PRED, .ref = SPLICE_INTRA};
	s->nlevels_new = levels;
	predict_and_code(s, t, m, c, col, row);
	if (colour_off(s, t, col, row) < off)
		return;
	*m = was;
	s->nlevels_new = levels;
	predict_and_code(s, t, m, c, col, row);
}

void splice_recode(struct splice *s, const struct splice_target *t, struct splice_mb *m,
	struct splice_coefs *c, int col, int row, bool search)
{
	struct splice_mb *place = &s->out[splice_at(s, col, row)];

	if (search && !s->head.key)
		find_mv(s, t, m, col, row);
	*place = *m; /* vectors are told by the neighbours' */
	if (!splice_modes_fits(s, place, col, row))
		fall_back(s, m);
	predict_and_code(s, t, m, c, col, row);
	without_ghost(s, t, m, c, col, row);
}
