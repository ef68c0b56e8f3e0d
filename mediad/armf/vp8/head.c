/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame header, RFC 6386 9 and 19.2. What is read is noted bool by bool and written as it was.
 */
#include "mediad/armf/vp8/splice_int.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct splice_bool *b;
	struct splice_head *h;
};

static unsigned get(struct reader *r, unsigned prob)
{
	unsigned bit = splice_bool_get(r->b, prob);

	if (r->h->nsaid < SPLICE_MAX_HEAD)
		r->h->said[r->h->nsaid++] = (uint16_t)(prob << 1 | bit);
	return bit;
}

static bool flag(struct reader *r)
{
	return get(r, 128);
}

static unsigned number(struct reader *r, unsigned bits)
{
	unsigned v = 0;

	while (bits-- > 0)
		v = v << 1 | get(r, 128);
	return v;
}

static int with_sign(struct reader *r, unsigned bits)
{
	int v = (int)number(r, bits);

	return flag(r) ? -v : v;
}

/* ---- its parts ---- */

int splice_head_tag(struct splice_head *h, struct ar_span f)
{
	const uint8_t *p = (const uint8_t *)f.p;

	if (f.n < 3 || f.n > DEPAY_MAX_FRAME)
		return -EBADMSG;
	*h = (struct splice_head){.key = !(p[0] & 1), .show = p[0] >> 4 & 1};
	h->first_size = (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16) >> 5;
	if (!h->first_size || (h->key && f.n < 10))
		return -EBADMSG;
	memcpy(h->tag, p, h->key ? 10 : 3);
	if (p[0] >> 1 & 7)
		return -ENOTSUP;
	if (!h->key)
		return 0;
	if (p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a)
		return -EBADMSG;
	h->width = (p[6] | (unsigned)p[7] << 8) & 0x3fff;
	h->height = (p[8] | (unsigned)p[9] << 8) & 0x3fff;
	return codec_size_ok(h->width & ~1u, h->height & ~1u) ? 0 : -EFBIG;
}

static void defaults(struct splice_lasting *l)
{
	*l = (struct splice_lasting){0};
	memcpy(l->probs.coef, splice_coef_probs, sizeof(l->probs.coef));
	memcpy(l->probs.mv, splice_mv_probs, sizeof(l->probs.mv));
	memcpy(l->probs.ymode, splice_ymode_probs, sizeof(l->probs.ymode));
	memcpy(l->probs.uv_mode, splice_uv_mode_probs, sizeof(l->probs.uv_mode));
}

/* 9.3 */
static void segments(struct reader *r, struct splice_lasting *l)
{
	struct splice_head *h = r->h;
	bool data;

	h->segments = flag(r);
	if (!h->segments)
		return;
	h->map_update = flag(r);
	data = h->data_update = flag(r);
	if (data) {
		l->segments_absolute = flag(r);
		for (int i = 0; i < 4; i++)
			l->segment_q[i] = (int8_t)(flag(r) ? with_sign(r, 7) : 0);
		for (int i = 0; i < 4; i++)
			l->segment_level[i] = (int8_t)(flag(r) ? with_sign(r, 6) : 0);
	}
	for (int i = 0; h->map_update && i < 3; i++)
		h->tree_probs[i] = (uint8_t)(flag(r) ? number(r, 8) : 255);
}

/* 9.3, 9.6 */
static void filter(struct reader *r, struct splice_lasting *l)
{
	r->h->simple_filter = flag(r);
	r->h->level = (uint8_t)number(r, 6);
	r->h->sharpness = (uint8_t)number(r, 3);
	l->deltas = flag(r);
	if (!l->deltas || !flag(r))
		return;
	for (int i = 0; i < 4; i++) {
		if (flag(r))
			l->ref_delta[i] = (int8_t)with_sign(r, 6);
	}
	for (int i = 0; i < 4; i++) {
		if (flag(r))
			l->mode_delta[i] = (int8_t)with_sign(r, 6);
	}
}

/* 9.7 */
static void references(struct reader *r)
{
	struct splice_head *h = r->h;

	h->refresh[SPLICE_GOLDEN] = h->key || flag(r);
	h->refresh[SPLICE_ALTREF] = h->key || flag(r);
	if (h->key)
		return;
	if (!h->refresh[SPLICE_GOLDEN])
		h->copy_golden = (uint8_t)number(r, 2);
	if (!h->refresh[SPLICE_ALTREF])
		h->copy_altref = (uint8_t)number(r, 2);
	h->bias[SPLICE_GOLDEN] = flag(r);
	h->bias[SPLICE_ALTREF] = flag(r);
}

/* 13.4 */
static void coef_probs(struct reader *r, struct splice_probs *p)
{
	uint8_t *to = &p->coef[0][0][0][0];
	const uint8_t *update = &splice_coef_update[0][0][0][0];

	for (size_t i = 0; i < sizeof(p->coef); i++) {
		if (get(r, update[i]))
			to[i] = (uint8_t)number(r, 8);
	}
}

/* 9.10, 9.11, 17.2 */
static void mode_probs(struct reader *r, struct splice_probs *p)
{
	struct splice_head *h = r->h;

	h->skip_flags = flag(r);
	h->prob_skip = (uint8_t)(h->skip_flags ? number(r, 8) : 0);
	if (h->key)
		return;
	h->prob_intra = (uint8_t)number(r, 8);
	h->prob_last = (uint8_t)number(r, 8);
	h->prob_golden = (uint8_t)number(r, 8);
	for (int i = 0, n = flag(r) ? 4 : 0; i < n; i++)
		p->ymode[i] = (uint8_t)number(r, 8);
	for (int i = 0, n = flag(r) ? 3 : 0; i < n; i++)
		p->uv_mode[i] = (uint8_t)number(r, 8);
	for (int i = 0; i < 2 * 19; i++) {
		if (get(r, splice_mv_update[i / 19][i % 19])) {
			unsigned x = number(r, 7);

			p->mv[i / 19][i % 19] = (uint8_t)(x ? x << 1 : 1);
		}
	}
}

/* Encoders send them again and again. */
static bool same_deltas(const struct splice_lasting *a, const struct splice_lasting *b)
{
	return memcmp(a->ref_delta, b->ref_delta, sizeof(a->ref_delta)) == 0 &&
	       memcmp(a->mode_delta, b->mode_delta, sizeof(a->mode_delta)) == 0;
}

int splice_head_read(struct splice *s, struct splice_bool *b)
{
	struct splice_head *h = &s->head;
	struct splice_lasting *l = &s->now;
	struct reader r = {b, h};
	struct splice_lasting was = *l;

	if (h->key) {
		defaults(l);
		(void)number(&r, 2); /* colour space; clamping, which costs nothing */
	}
	segments(&r, l);
	filter(&r, l);
	h->new_deltas = !same_deltas(&was, l);
	h->parts = 1u << number(&r, 2);
	h->q_index = (uint8_t)number(&r, 7);
	for (int i = 0; i < 5; i++)
		h->q_delta[i] = (int8_t)(flag(&r) ? with_sign(&r, 4) : 0);
	references(&r);
	h->refresh_probs = flag(&r);
	if (!h->refresh_probs)
		s->before = *l;
	h->refresh[SPLICE_LAST] = h->key || flag(&r);
	coef_probs(&r, &l->probs);
	mode_probs(&r, &l->probs);
	if (h->nsaid == SPLICE_MAX_HEAD || h->copy_golden == 3 || h->copy_altref == 3)
		return -EBADMSG;
	return splice_bool_over(b) ? -EBADMSG : 0;
}

void splice_head_write(const struct splice *s, struct splice_put *e)
{
	splice_put_said(e, s->head.said, s->head.nsaid);
}

/* ---- 14.1, 9.6: steps of each segment ---- */

static int clamp_q(int q)
{
	return q < 0 ? 0 : q > 127 ? 127 : q;
}

static struct splice_quant steps(const struct splice_head *h, int q)
{
	int uv = splice_dc_step[clamp_q(q + h->q_delta[3])];
	int y2 = splice_ac_step[clamp_q(q + h->q_delta[2])] * 155 / 100;

	return (struct splice_quant){
		.y1 = {splice_dc_step[clamp_q(q + h->q_delta[0])], (int16_t)splice_ac_step[q]},
		.y2 = {(int16_t)(splice_dc_step[clamp_q(q + h->q_delta[1])] * 2),
			(int16_t)(y2 < 8 ? 8 : y2)},
		.uv = {(int16_t)(uv > 132 ? 132 : uv),
			(int16_t)splice_ac_step[clamp_q(q + h->q_delta[4])]},
	};
}

void splice_head_quant(struct splice *s)
{
	for (int i = 0; i < 4; i++) {
		int q = s->head.q_index;

		if (s->head.segments)
			q = s->now.segment_q[i] + (s->now.segments_absolute ? 0 : q);
		s->quant[i] = steps(&s->head, clamp_q(q));
	}
}
