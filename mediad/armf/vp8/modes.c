/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modes and motion vectors of macroblocks, RFC 6386 10, 11, 16, 17 and 19.3: read and written. */
#include "mediad/armf/vp8/splice_int.h"

#include <string.h>

enum { PROB_SHORT, PROB_SIGN, PROB_TREE, PROB_LONG = PROB_TREE + 7 };
#define LONG_BITS 10

static const uint8_t split_probs[3] = {110, 111, 150};
static const int16_t split_tree[6] = {-3, 2, -2, 4, -0, -1};
static const int16_t sub_mv_tree[6] = {-0, 2, -1, 4, -2, -3}; /* left, above, zero, new */
static const int16_t inter_tree[8] = {
	-SPLICE_ZERO, 2, -SPLICE_NEAREST, 4, -SPLICE_NEAR, 6, -SPLICE_NEW, -SPLICE_SPLIT};

bool splice_put_tree(struct splice_put *e, const int16_t *tree, const uint8_t *probs, int value)
{
	int path[16], n = 0, leaf = -1;

	/* depth is at most 9; parents are found by looking for who points at a node */
	for (int i = 0; i < 18 && leaf < 0; i++) {
		if (tree[i] <= 0 && tree[i] == -value)
			leaf = i;
	}
	if (leaf < 0)
		return false;
	for (int at = leaf; n < 16;) {
		int node = at & ~1;

		path[n++] = at;
		if (node == 0)
			break;
		for (at = 0; at < node && tree[at] != node;)
			at++;
	}
	while (n-- > 0)
		splice_put_bool(e, (unsigned)path[n] & 1, probs[path[n] >> 1]);
	return true;
}

/* ---- neighbours' vectors, 18.2 ---- */

static struct splice_mv clamp(const struct splice *s, struct splice_mv v, int col, int row)
{
	int left = -(col * 16 + 16) * 8, right = ((s->cols - 1 - col) * 16 + 16) * 8;
	int top = -(row * 16 + 16) * 8, bottom = ((s->rows - 1 - row) * 16 + 16) * 8;

	v.col = (int16_t)(v.col < left ? left : v.col > right ? right : v.col);
	v.row = (int16_t)(v.row < top ? top : v.row > bottom ? bottom : v.row);
	return v;
}

struct search {
	struct splice_mv mv[4];
	int count[4], n;
};

static void look(const struct splice *s, struct search *f, const struct splice_mb *m, unsigned ref,
	int weight, bool first)
{
	struct splice_mv v = m->mv;

	if (m->ref == SPLICE_INTRA)
		return;
	if (splice_mv_zero(v)) {
		f->count[first ? f->n : 0] += weight;
		return;
	}
	if (s->head.bias[m->ref] != s->head.bias[ref])
		v = (struct splice_mv){(int16_t)-v.row, (int16_t)-v.col};
	if (first || !splice_mv_same(v, f->mv[f->n]))
		f->mv[++f->n] = v;
	f->count[f->n] += weight;
}

void splice_modes_near(const struct splice *s, const struct splice_mb *m, int col, int row,
	unsigned ref, struct splice_near *near)
{
	const struct splice_mb *above = m - (s->cols + 1), *left = m - 1, *corner = above - 1;
	struct search f = {0};

	look(s, &f, above, ref, 2, true);
	look(s, &f, left, ref, 2, false);
	look(s, &f, corner, ref, 1, false);
	near->prob[0] = splice_mode_contexts[f.count[0]][0];
	if (f.count[3] > 0 && splice_mv_same(f.mv[f.n], f.mv[1]))
		f.count[1]++;
	if (f.count[2] > f.count[1]) {
		struct splice_mv v = f.mv[1];
		int n = f.count[1];

		f.mv[1] = f.mv[2];
		f.mv[2] = v;
		f.count[1] = f.count[2];
		f.count[2] = n;
	}
	near->prob[1] = splice_mode_contexts[f.count[1]][1];
	near->prob[2] = splice_mode_contexts[f.count[2]][2];
	near->prob[3] = splice_mode_contexts[((above->mode == SPLICE_SPLIT) +
						     (left->mode == SPLICE_SPLIT)) *
						     2 +
					     (corner->mode == SPLICE_SPLIT)][3];
	near->best = clamp(s, f.count[1] >= f.count[0] ? f.mv[1] : (struct splice_mv){0}, col, row);
	near->nearest = clamp(s, f.mv[1], col, row);
	near->near = clamp(s, f.mv[2], col, row);
}

/* ---- vectors ---- */

/* Notes what it reads. */
struct asker {
	struct splice_bool b;
	uint16_t *said;
};

static inline unsigned ask(struct asker *a, unsigned prob)
{
	unsigned bit = splice_bool_get(&a->b, prob);

	*a->said++ = (uint16_t)(prob << 1 | bit);
	return bit;
}

static inline int ask_tree(struct asker *a, const int16_t *tree, const uint8_t *probs)
{
	int i = 0;

	do
		i = tree[i + (int)ask(a, probs[i >> 1])];
	while (i > 0);
	return -i;
}

static int read_component(struct asker *a, const uint8_t *p)
{
	int x = 0;

	if (!ask(a, p[PROB_SHORT])) {
		x = ask_tree(a, splice_small_mv_tree, p + PROB_TREE);
	} else {
		for (int i = 0; i < 3; i++)
			x += (int)ask(a, p[PROB_LONG + i]) << i;
		for (int i = LONG_BITS - 1; i > 3; i--)
			x += (int)ask(a, p[PROB_LONG + i]) << i;
		if (!(x & 0xfff0) || ask(a, p[PROB_LONG + 3]))
			x += 8;
	}
	return x && ask(a, p[PROB_SIGN]) ? -x : x;
}

static struct splice_mv read_mv(
	struct asker *a, const struct splice_probs *p, struct splice_mv best)
{
	int row = read_component(a, p->mv[0]) * 2, col = read_component(a, p->mv[1]) * 2;

	return (struct splice_mv){(int16_t)(row + best.row), (int16_t)(col + best.col)};
}

static void write_component(struct splice_put *e, const uint8_t *p, int v)
{
	unsigned x = (unsigned)(v < 0 ? -v : v);

	splice_put_bool(e, x > 7, p[PROB_SHORT]);
	if (x <= 7) {
		splice_put_tree(e, splice_small_mv_tree, p + PROB_TREE, (int)x);
	} else {
		for (int i = 0; i < 3; i++)
			splice_put_bool(e, x >> i & 1, p[PROB_LONG + i]);
		for (int i = LONG_BITS - 1; i > 3; i--)
			splice_put_bool(e, x >> i & 1, p[PROB_LONG + i]);
		if (x & 0xfff0)
			splice_put_bool(e, x >> 3 & 1, p[PROB_LONG + 3]);
	}
	if (x)
		splice_put_bool(e, v < 0, p[PROB_SIGN]);
}

static void write_mv(struct splice_put *e, const struct splice_probs *p, struct splice_mv v,
	struct splice_mv best)
{
	write_component(e, p->mv[0], (v.row - best.row) / 2);
	write_component(e, p->mv[1], (v.col - best.col) / 2);
}

static bool mv_fits(struct splice_mv v, struct splice_mv best)
{
	int row = (v.row - best.row) / 2, col = (v.col - best.col) / 2;

	return row >= -SPLICE_MAX_MV && row <= SPLICE_MAX_MV && col >= -SPLICE_MAX_MV &&
	       col <= SPLICE_MAX_MV;
}

/* ---- split vectors, 16.3 ---- */

static struct splice_mv block_mv(const struct splice_mb *m, int block)
{
	return m->mode == SPLICE_SPLIT ? m->bmv[block] : m->mv;
}

struct sub {
	struct splice_mv left, above;
	const uint8_t *prob;
};

static struct sub sub_of(const struct splice *s, const struct splice_mb *m, int k)
{
	struct sub u = {
		.left = k & 3 ? m->bmv[k - 1] : block_mv(m - 1, k + 3),
		.above = k >> 2 ? m->bmv[k - 4] : block_mv(m - (s->cols + 1), k + 12),
	};

	u.prob =
		splice_sub_mv_probs[(splice_mv_zero(u.above) << 2) | (splice_mv_zero(u.left) << 1) |
				    splice_mv_same(u.left, u.above)];
	return u;
}

static void read_split(
	const struct splice *s, struct asker *a, struct splice_mb *m, struct splice_mv best)
{
	m->split = (uint8_t)ask_tree(a, split_tree, split_probs);
	for (int j = 0; j < splice_split_count[m->split]; j++) {
		struct sub u = sub_of(s, m, splice_split_first[m->split][j]);
		struct splice_mv v = {0};

		switch (ask_tree(a, sub_mv_tree, u.prob)) {
		case 0:
			v = u.left;
			break;
		case 1:
			v = u.above;
			break;
		case 3:
			v = read_mv(a, &s->now.probs, best);
			break;
		}
		for (int k = 0; k < 16; k++) {
			if (splice_split_map[m->split][k] == j)
				m->bmv[k] = v;
		}
	}
	m->mv = m->bmv[15];
}

static int sub_kind(const struct sub *u, struct splice_mv v)
{
	if (splice_mv_same(v, u->left))
		return 0;
	if (splice_mv_same(v, u->above))
		return 1;
	return splice_mv_zero(v) ? 2 : 3;
}

static void write_split(const struct splice *s, struct splice_put *e, const struct splice_mb *m,
	struct splice_mv best)
{
	splice_put_tree(e, split_tree, split_probs, m->split);
	for (int j = 0; j < splice_split_count[m->split]; j++) {
		int k = splice_split_first[m->split][j];
		struct sub u = sub_of(s, m, k);
		int kind = sub_kind(&u, m->bmv[k]);

		splice_put_tree(e, sub_mv_tree, u.prob, kind);
		if (kind == 3)
			write_mv(e, &s->now.probs, m->bmv[k], best);
	}
}

static bool split_fits(const struct splice *s, const struct splice_mb *m, struct splice_mv best)
{
	for (int j = 0; j < splice_split_count[m->split]; j++) {
		int k = splice_split_first[m->split][j];
		struct sub u = sub_of(s, m, k);

		if (sub_kind(&u, m->bmv[k]) == 3 && !mv_fits(m->bmv[k], best))
			return false;
	}
	return true;
}

/* ---- macroblocks ---- */

static uint8_t context_mode(const struct splice_mb *m, int block)
{
	static const uint8_t as_block[] = {[SPLICE_DC_PRED] = 0,
		[SPLICE_V_PRED] = 2,
		[SPLICE_H_PRED] = 3,
		[SPLICE_TM_PRED] = 1};

	if (m->mode == SPLICE_B_PRED)
		return m->bmode[block];
	return m->mode <= SPLICE_TM_PRED ? as_block[m->mode] : 0;
}

static const uint8_t *bmode_probs(const struct splice *s, const struct splice_mb *m, int i)
{
	unsigned above, left;

	if (!s->head.key)
		return splice_bmode_probs;
	above = i >> 2 ? m->bmode[i - 4] : context_mode(m - (s->cols + 1), i + 12);
	left = i & 3 ? m->bmode[i - 1] : context_mode(m - 1, i + 3);
	return splice_kf_bmode_probs[above][left];
}

static void read_intra(const struct splice *s, struct asker *a, struct splice_mb *m)
{
	bool key = s->head.key;

	m->ref = SPLICE_INTRA;
	m->mv = (struct splice_mv){0};
	m->mode = (uint8_t)(key ? ask_tree(a, splice_kf_ymode_tree, splice_kf_ymode_probs)
				: ask_tree(a, splice_ymode_tree, s->now.probs.ymode));
	for (int i = 0; m->mode == SPLICE_B_PRED && i < 16; i++)
		m->bmode[i] = (uint8_t)ask_tree(a, splice_bmode_tree, bmode_probs(s, m, i));
	m->uv_mode = (uint8_t)ask_tree(
		a, splice_uv_mode_tree, key ? splice_kf_uv_mode_probs : s->now.probs.uv_mode);
}

static void read_inter(
	const struct splice *s, struct asker *a, struct splice_mb *m, int col, int row)
{
	struct splice_near near;

	m->ref = SPLICE_LAST;
	if (ask(a, s->head.prob_last))
		m->ref = (uint8_t)(SPLICE_GOLDEN + ask(a, s->head.prob_golden));
	splice_modes_near(s, m, col, row, m->ref, &near);
	m->mode = (uint8_t)ask_tree(a, inter_tree, near.prob);
	m->mv = (struct splice_mv){0};
	if (m->mode == SPLICE_NEAREST)
		m->mv = near.nearest;
	else if (m->mode == SPLICE_NEAR)
		m->mv = near.near;
	else if (m->mode == SPLICE_NEW)
		m->mv = read_mv(a, &s->now.probs, near.best);
	else if (m->mode == SPLICE_SPLIT)
		read_split(s, a, m, near.best);
}

static void read_one(struct splice *s, struct asker *a, int col, int row)
{
	static const int16_t segment_tree[6] = {2, 4, -0, -1, -2, -3};
	const struct splice_head *h = &s->head;
	struct splice_mb *m = &s->in[splice_at(s, col, row)];
	uint8_t *segment = &s->segment[row * s->cols + col];

	if (h->map_update)
		*segment = (uint8_t)ask_tree(a, segment_tree, h->tree_probs);
	else if (h->key)
		*segment = 0;
	m->segment = *segment;
	m->skip = h->skip_flags && ask(a, h->prob_skip);
	if (!h->key && ask(a, h->prob_intra))
		read_inter(s, a, m, col, row);
	else
		read_intra(s, a, m);
}

void splice_modes_read(struct splice *s, struct splice_bool *b)
{
	struct asker a = {.b = *b};

	for (int row = 0; row < s->rows; row++) {
		for (int col = 0; col < s->cols; col++) {
			uint16_t *said = s->said + s->nsaid;

			a.said = said;
			read_one(s, &a, col, row);
			splice_said(s, &s->mode_said[row * s->cols + col], (size_t)(a.said - said));
		}
	}
	*b = a.b;
}

/* ---- writing ---- */

static void write_intra(const struct splice *s, struct splice_put *e, const struct splice_mb *m)
{
	bool key = s->head.key;

	splice_put_tree(e, key ? splice_kf_ymode_tree : splice_ymode_tree,
		key ? splice_kf_ymode_probs : s->now.probs.ymode, m->mode);
	for (int i = 0; m->mode == SPLICE_B_PRED && i < 16; i++)
		splice_put_tree(e, splice_bmode_tree, bmode_probs(s, m, i), m->bmode[i]);
	splice_put_tree(e, splice_uv_mode_tree,
		key ? splice_kf_uv_mode_probs : s->now.probs.uv_mode, m->uv_mode);
}

/* The shortest way to say a vector among these neighbours. "Zero" is told apart from a vector that
 * is zero: the loop filter does. */
static int inter_mode(const struct splice_mb *m, const struct splice_near *near)
{
	if (m->mode == SPLICE_SPLIT || m->mode == SPLICE_ZERO)
		return m->mode;
	if (splice_mv_same(m->mv, near->nearest))
		return SPLICE_NEAREST;
	return splice_mv_same(m->mv, near->near) ? SPLICE_NEAR : SPLICE_NEW;
}

bool splice_modes_fits(const struct splice *s, const struct splice_mb *m, int col, int row)
{
	struct splice_near near;

	if (m->ref == SPLICE_INTRA)
		return true;
	splice_modes_near(s, m, col, row, m->ref, &near);
	if (m->mode == SPLICE_SPLIT)
		return split_fits(s, m, near.best);
	return inter_mode(m, &near) != SPLICE_NEW || mv_fits(m->mv, near.best);
}

static void write_inter(
	const struct splice *s, struct splice_put *e, const struct splice_mb *m, int col, int row)
{
	struct splice_near near;
	int mode;

	splice_put_bool(e, m->ref != SPLICE_LAST, s->head.prob_last);
	if (m->ref != SPLICE_LAST)
		splice_put_bool(e, m->ref == SPLICE_ALTREF, s->head.prob_golden);
	splice_modes_near(s, m, col, row, m->ref, &near);
	mode = inter_mode(m, &near);
	splice_put_tree(e, inter_tree, near.prob, mode);
	if (mode == SPLICE_NEW)
		write_mv(e, &s->now.probs, m->mv, near.best);
	else if (mode == SPLICE_SPLIT)
		write_split(s, e, m, near.best);
}

void splice_modes_write(const struct splice *s, struct splice_put *e, const struct splice_mb *m,
	int col, int row, bool as_came)
{
	const struct splice_said *said = &s->mode_said[row * s->cols + col];
	const struct splice_head *h = &s->head;

	if (as_came && said->n) {
		splice_put_said(e, s->said + said->at, said->n);
		return;
	}

	if (h->map_update) {
		splice_put_bool(e, m->segment >> 1, h->tree_probs[0]);
		splice_put_bool(e, m->segment & 1, h->tree_probs[1 + (m->segment >> 1)]);
	}
	if (h->skip_flags)
		splice_put_bool(e, m->skip, h->prob_skip);
	if (!h->key)
		splice_put_bool(e, m->ref != SPLICE_INTRA, h->prob_intra);
	if (m->ref == SPLICE_INTRA)
		write_intra(s, e, m);
	else
		write_inter(s, e, m, col, row);
}
