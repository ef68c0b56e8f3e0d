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

/* Which contexts a block has. */
static uint8_t *context(struct splice_context *c, int block, bool left)
{
	if (block == 24)
		return &c->y2;
	if (block < 16)
		return &c->y[left ? block >> 2 : block & 3];
	return (block < 20 ? c->u : c->v) + (left ? block >> 1 & 1 : block & 1);
}

/* ---- reading ---- */

static int read_large(struct splice_bool *b, const uint8_t *p)
{
	unsigned cat;
	int v = 0;

	if (!splice_bool_get(b, p[3])) {
		if (!splice_bool_get(b, p[4]))
			return 2;
		return 3 + (int)splice_bool_get(b, p[5]);
	}
	if (!splice_bool_get(b, p[6])) {
		cat = splice_bool_get(b, p[7]);
	} else {
		cat = 2 + 2 * splice_bool_get(b, p[8]);
		cat += splice_bool_get(b, p[9 + (cat > 2)]);
	}
	for (const uint8_t *bits = cat_bits[cat]; *bits; bits++)
		v = v << 1 | (int)splice_bool_get(b, *bits);
	return v + cat_base[cat];
}

/* The end of the block, 0 when it is empty. */
static int read_block(struct splice_bool *b, band_probs probs, int ctx, int first, int16_t *out)
{
	const uint8_t *p = probs[splice_band[first]][ctx];
	int n = first, v;

	if (!splice_bool_get(b, p[0]))
		return 0;
	for (;;) {
		n++;
		if (!splice_bool_get(b, p[1])) {
			*out++ = 0;
			p = probs[splice_band[n]][0];
		} else {
			v = splice_bool_get(b, p[2]) ? read_large(b, p) : 1;
			p = probs[splice_band[n]][v > 1 ? 2 : 1];
			*out++ = (int16_t)(splice_bool_get(b, 128) ? -v : v);
			if (n == 16 || !splice_bool_get(b, p[0]))
				return n;
		}
		if (n == 16)
			return 16;
	}
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
	bool y2 = splice_has_y2(m);
	int16_t *to = s->levels + s->nlevels;

	c->level = to;
	m->coded = 0;
	if (m->skip) {
		memset(c->end, 0, sizeof(c->end));
		splice_tokens_none(m, above, left);
		return 0;
	}
	c->end[24] = 0;
	for (int i = y2 ? -1 : 0; i < 24; i++) {
		int block = i < 0 ? 24 : i, first = y2 && i >= 0 && i < 16;
		int type = i < 0 ? Y2 : i >= 16 ? CHROMA : y2 ? Y_AFTER_Y2 : Y_WITH_DC;
		uint8_t *ca = context(above, block, false), *cl = context(left, block, true);
		int end = read_block(b, s->now.probs.coef[type], *ca + *cl, first, to);

		c->end[block] = (uint8_t)end;
		*ca = *cl = end > 0;
		m->coded |= end > 0;
		to += end > first ? end - first : 0;
	}
	s->nlevels = (size_t)(to - s->levels);
	return splice_bool_over(b) ? -EBADMSG : 0;
}

/* ---- writing ---- */

static void write_large(struct splice_put *e, const uint8_t *p, unsigned v)
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

static void write_block(
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

void splice_tokens_write(const struct splice *s, struct splice_put *e, const struct splice_mb *m,
	const struct splice_coefs *c, struct splice_context *above, struct splice_context *left)
{
	const int16_t *level = c->level;
	bool y2 = splice_has_y2(m);

	if (m->skip) {
		splice_tokens_none(m, above, left);
		return;
	}
	for (int i = y2 ? -1 : 0; i < 24; i++) {
		int block = i < 0 ? 24 : i, first = y2 && i >= 0 && i < 16, end = c->end[block];
		int type = i < 0 ? Y2 : i >= 16 ? CHROMA : y2 ? Y_AFTER_Y2 : Y_WITH_DC;
		uint8_t *ca = context(above, block, false), *cl = context(left, block, true);

		write_block(e, s->now.probs.coef[type], *ca + *cl, first, end, level);
		*ca = *cl = end > 0;
		level += end > first ? end - first : 0;
	}
}
