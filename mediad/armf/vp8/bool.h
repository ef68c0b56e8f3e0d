/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6386 7: the boolean entropy coder, both directions. Pure; inline, because everything in a
 * frame goes through it. Reading past the end gives zeros and is remembered; so is a full buffer.
 */
#ifndef SPLICE_BOOL_H
#define SPLICE_BOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- reading ---- */

#define SPLICE_BOOL_ENDLESS                                                                        \
	0x40000000 /* added to the bits that are left when the bytes are gone                      \
		    */

struct splice_bool {
	uint64_t value; /* the byte that is compared with is on top */
	int32_t bits; /* in value below that byte; negative: to be filled */
	uint32_t range;
	const uint8_t *p, *end;
};

static inline void splice_bool_fill(struct splice_bool *b)
{
	int shift = 64 - 8 - (b->bits + 8);

	while (shift >= 0 && b->p < b->end) {
		b->value |= (uint64_t)*b->p++ << shift;
		b->bits += 8;
		shift -= 8;
	}
	if (shift >= 0)
		b->bits += SPLICE_BOOL_ENDLESS;
}

static inline void splice_bool_start(struct splice_bool *b, const uint8_t *p, const uint8_t *end)
{
	*b = (struct splice_bool){.bits = -8, .range = 255, .p = p, .end = end};
	splice_bool_fill(b);
}

static inline unsigned splice_bool_get(struct splice_bool *b, unsigned prob)
{
	uint32_t split = 1 + (((b->range - 1) * prob) >> 8), range = split;
	uint64_t big;
	unsigned bit = 0, shift;

	if (b->bits < 0)
		splice_bool_fill(b);
	big = (uint64_t)split << 56;
	if (b->value >= big) {
		range = b->range - split;
		b->value -= big;
		bit = 1;
	}
	shift = (unsigned)__builtin_clz(range) - 24;
	b->range = range << shift;
	b->value <<= shift;
	b->bits -= (int32_t)shift;
	return bit;
}

/* More was read than there was. */
static inline bool splice_bool_over(const struct splice_bool *b)
{
	return b->bits > 64 && b->bits < SPLICE_BOOL_ENDLESS;
}

static inline int splice_bool_tree(struct splice_bool *b, const int16_t *tree, const uint8_t *probs)
{
	int i = 0;

	do
		i = tree[i + (int)splice_bool_get(b, probs[i >> 1])];
	while (i > 0);
	return -i;
}

/* ---- writing ---- */

struct splice_put {
	uint32_t low, range;
	int32_t bits;
	bool full;
	uint8_t *p;
	size_t n, room;
};

static inline void splice_put_start(struct splice_put *e, uint8_t *p, size_t room)
{
	*e = (struct splice_put){.range = 255, .bits = -24, .p = p, .room = room};
}

static inline void splice_put_carry(struct splice_put *e)
{
	size_t i = e->n;

	while (i > 0 && e->p[i - 1] == 0xff)
		e->p[--i] = 0;
	if (i > 0)
		e->p[i - 1]++;
}

/* offset: bits of the byte that are still to come, 1 to 7 */
static inline void splice_put_byte(struct splice_put *e, unsigned offset)
{
	if ((e->low << (offset - 1)) & 0x80000000u)
		splice_put_carry(e);
	if (e->n < e->room)
		e->p[e->n++] = (uint8_t)(e->low >> (24 - offset));
	else
		e->full = true;
	e->low = (uint32_t)((uint64_t)e->low << offset) & 0xffffff;
}

static inline void splice_put_bool(struct splice_put *e, unsigned bit, unsigned prob)
{
	uint32_t split = 1 + (((e->range - 1) * prob) >> 8);
	uint32_t range = bit ? e->range - split : split;
	unsigned shift = (unsigned)__builtin_clz(range) & 7; /* less 24: it has one byte */

	e->low += bit ? split : 0;
	e->range = range << shift;
	e->bits += (int32_t)shift;
	if (e->bits >= 0) {
		unsigned rest = (unsigned)e->bits & 7;

		splice_put_byte(e, shift - rest);
		shift = rest;
		e->bits -= 8;
	}
	e->low <<= shift;
}

/* `value` of a tree like the one above; its leaves are few enough to be looked for. */
bool splice_put_tree(struct splice_put *e, const int16_t *tree, const uint8_t *probs, int value);

static inline void splice_put_end(struct splice_put *e)
{
	for (int i = 0; i < 32; i++)
		splice_put_bool(e, 0, 128);
}

#endif
