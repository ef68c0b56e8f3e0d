/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Coefficients, RFC 6386 13: read and written. */
#include "mediad/armf/vp8/splice_int.h"

#include <errno.h>
#include <string.h>

typedef const uint8_t (*band_probs)[3][11];

static const uint8_t cat_bits[6][12] = {{159}, {165, 145}, {173, 148, 140}, {176, 155, 140, 135},
	{180, 157, 141, 134, 130}, {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}};
static const uint16_t cat_base[6] = {5, 7, 11, 19, 35, 67};

enum { Y_AFTER_Y2, Y2, CHROMA, Y_WITH_DC };

#define ALWAYS static inline __attribute__((always_inline))

/* Blocks of one kind side by side and below each other, n times n. */
struct blocks {
	band_probs probs;
	uint8_t *above, *left; /* do those there have coefficients? */
	uint8_t *end;
	int n, first;
};

/* All of a macroblock, in the order in which they come; the number of kinds. */
static int kinds(const struct splice *s, struct blocks k[4], bool y2, uint8_t end[25],
	struct splice_context *above, struct splice_context *left)
{
	const struct splice_probs *p = &s->now.probs;
	int i = 0;

	if (y2)
		k[i++] = (struct blocks){p->coef[Y2], &above->y2, &left->y2, end + 24, 1, 0};
	k[i++] = (struct blocks){
		p->coef[y2 ? Y_AFTER_Y2 : Y_WITH_DC], above->y, left->y, end, 4, y2};
	k[i++] = (struct blocks){p->coef[CHROMA], above->u, left->u, end + 16, 2, 0};
	k[i++] = (struct blocks){p->coef[CHROMA], above->v, left->v, end + 20, 2, 0};
	return i;
}

/* ---- reading ---- */

/* Notes what it reads. */
struct taker {
	struct splice_bool b;
	uint16_t *said;
};

ALWAYS unsigned take(struct taker *t, unsigned prob)
{
	unsigned bit = splice_bool_get(&t->b, prob);

	*t->said++ = (uint16_t)(prob << 1 | bit);
	return bit;
}

ALWAYS int read_large(struct taker *t, const uint8_t *p)
{
	unsigned cat;
	int v = 0;

	if (!take(t, p[3])) {
		if (!take(t, p[4]))
			return 2;
		return 3 + (int)take(t, p[5]);
	}
	if (!take(t, p[6])) {
		cat = take(t, p[7]);
	} else {
		cat = 2 + 2 * take(t, p[8]);
		cat += take(t, p[9 + (cat > 2)]);
	}
	for (const uint8_t *bits = cat_bits[cat]; *bits; bits++)
		v = v << 1 | (int)take(t, *bits);
	return v + cat_base[cat];
}

/* The end of the block, 0 when it is empty. */
ALWAYS int read_block(struct taker *t, band_probs probs, int ctx, int first, int16_t *out)
{
	const uint8_t *p = probs[splice_band[first]][ctx];
	int n = first, v;

	if (!take(t, p[0]))
		return 0;
	for (;;) {
		n++;
		if (!take(t, p[1])) {
			*out++ = 0;
			p = probs[splice_band[n]][0];
		} else {
			v = take(t, p[2]) ? read_large(t, p) : 1;
			p = probs[splice_band[n]][v > 1 ? 2 : 1];
			*out++ = (int16_t)(take(t, 128) ? -v : v);
			if (n == 16 || !take(t, p[0]))
				return n;
		}
		if (n == 16)
			return 16;
	}
}

/* Returns where the next coefficients go. */
static int16_t *read_blocks(struct taker *from, const struct blocks *k, int16_t *to, bool *any)
{
	struct taker t = *from; /* in registers */
	uint8_t *end = k->end;

	for (int y = 0; y < k->n; y++) {
		uint8_t left = k->left[y];

		for (int i = 0; i < k->n; i++) {
			int e = read_block(&t, k->probs, k->above[i] + left, k->first, to);

			*end++ = (uint8_t)e;
			k->above[i] = left = e > 0;
			*any = *any || e > 0;
			to += e > k->first ? e - k->first : 0;
		}
		k->left[y] = left;
	}
	*from = t;
	return to;
}

void splice_tokens_none(
	const struct splice_mb *m, struct splice_context *above, struct splice_context *left)
{
	uint8_t a = above->y2, l = left->y2;

	*above = *left = (struct splice_context){0};
	if (!splice_has_y2(m)) {
		above->y2 = a;
		left->y2 = l;
	}
}

int splice_tokens_read(struct splice *s, struct splice_bool *b, struct splice_mb *m,
	struct splice_coefs *c, struct splice_context *above, struct splice_context *left)
{
	uint16_t *said = s->said + s->nsaid;
	struct taker t = {*b, said};
	struct blocks k[4];
	int16_t *to = s->levels + s->nlevels;
	bool any = false;
	int n;

	c->level = to;
	m->coded = 0;
	if (m->skip) {
		memset(c->end, 0, sizeof(c->end));
		splice_tokens_none(m, above, left);
		return 0;
	}
	c->end[24] = 0;
	c->before[0] = *above;
	c->before[1] = *left;
	n = kinds(s, k, splice_has_y2(m), c->end, above, left);
	for (int i = 0; i < n; i++)
		to = read_blocks(&t, &k[i], to, &any);
	*b = t.b;
	m->coded = any;
	c->behind[0] = *above;
	c->behind[1] = *left;
	splice_said(s, &c->said, (size_t)(t.said - said));
	s->nlevels = (size_t)(to - s->levels);
	return splice_bool_over(b) ? -EBADMSG : 0;
}

/* ---- writing ---- */

ALWAYS void write_large(struct splice_put *e, const uint8_t *p, unsigned v)
{
	unsigned cat = 5, bits;

	splice_put_bool(e, v > 4, p[3]);
	if (v <= 4) {
		splice_put_bool(e, v > 2, p[4]);
		if (v > 2)
			splice_put_bool(e, v > 3, p[5]);
		return;
	}
	while (v < cat_base[cat])
		cat--;
	splice_put_bool(e, cat > 1, p[6]);
	if (cat < 2) {
		splice_put_bool(e, cat, p[7]);
	} else {
		splice_put_bool(e, cat > 3, p[8]);
		splice_put_bool(e, cat & 1, p[9 + (cat > 3)]);
	}
	bits = (unsigned)strlen((const char *)cat_bits[cat]);
	for (unsigned i = 0; i < bits; i++)
		splice_put_bool(e, (v - cat_base[cat]) >> (bits - 1 - i) & 1, cat_bits[cat][i]);
}

ALWAYS void write_block(
	struct splice_put *e, band_probs probs, int ctx, int first, int end, const int16_t *level)
{
	const uint8_t *p = probs[splice_band[first]][ctx];

	splice_put_bool(e, end > 0, p[0]);
	for (int n = first + 1; n <= end; n++) {
		int v = *level++;
		unsigned size = (unsigned)(v < 0 ? -v : v);

		splice_put_bool(e, size > 0, p[1]);
		if (size) {
			splice_put_bool(e, size > 1, p[2]);
			if (size > 1)
				write_large(e, p, size);
			splice_put_bool(e, v < 0, 128);
		}
		p = probs[splice_band[n]][size > 1 ? 2 : size];
		if (size && n < 16)
			splice_put_bool(e, n < end, p[0]);
	}
}

static const int16_t *write_blocks(
	struct splice_put *to, const struct blocks *k, const int16_t *level)
{
	struct splice_put e = *to; /* in registers */
	const uint8_t *ends = k->end;

	for (int y = 0; y < k->n; y++) {
		for (int i = 0; i < k->n; i++) {
			int end = *ends++, ctx = k->above[i] + k->left[y];

			write_block(&e, k->probs, ctx, k->first, end, level);
			k->above[i] = k->left[y] = end > 0;
			level += end > k->first ? end - k->first : 0;
		}
	}
	*to = e;
	return level;
}

static bool same_context(const struct splice_context *a, const struct splice_context *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void splice_tokens_write(const struct splice *s, struct splice_put *e, const struct splice_mb *m,
	struct splice_coefs *c, struct splice_context *above, struct splice_context *left)
{
	const int16_t *level = c->level;
	struct blocks k[4];
	int n;

	if (m->skip) {
		splice_tokens_none(m, above, left);
		return;
	}
	if (c->said.n && same_context(above, &c->before[0]) && same_context(left, &c->before[1])) {
		splice_put_said(e, s->said + c->said.at, c->said.n);
		*above = c->behind[0];
		*left = c->behind[1];
		return;
	}
	n = kinds(s, k, splice_has_y2(m), c->end, above, left);
	for (int i = 0; i < n; i++)
		level = write_blocks(e, &k[i], level);
}
