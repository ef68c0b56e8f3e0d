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
#include <string.h>

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

static inline uint64_t splice_bool_big(uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void splice_bool_fill(struct splice_bool *b)
{
	int shift = 64 - 8 - (b->bits + 8), used = b->bits + 8, whole = (64 - used) / 8;
	uint64_t next;

	if (b->end - b->p >= 8) {
		memcpy(&next, b->p, 8);
		/* what there is of a byte that is not counted yet is the same when it comes again
		 */
		b->value |= splice_bool_big(next) >> used;
		b->bits += 8 * whole;
		b->p += whole;
		return;
	}
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
	uint64_t low; /* 8 bits and those that wait, and one for a carry */
	uint32_t range;
	int32_t bits; /* that wait */
	bool full;
	uint8_t *p;
	size_t n, room;
};

static inline void splice_put_start(struct splice_put *e, uint8_t *p, size_t room)
{
	*e = (struct splice_put){.range = 255, .p = p, .room = room};
}

static inline void splice_put_carry(struct splice_put *e)
{
	size_t i = e->n;

	while (i > 0 && e->p[i - 1] == 0xff)
		e->p[--i] = 0;
	if (i > 0)
		e->p[i - 1]++;
}

/* Whole bytes of what waits. */
static inline void splice_put_flush(struct splice_put *e)
{
	if (e->low >> (8 + e->bits))
		splice_put_carry(e);
	for (; e->bits >= 8; e->bits -= 8) {
		if (e->n < e->room)
			e->p[e->n++] = (uint8_t)(e->low >> e->bits);
		else
			e->full = true;
	}
	e->low &= ((uint64_t)1 << (8 + e->bits)) - 1;
}

static inline void splice_put_bool(struct splice_put *e, unsigned bit, unsigned prob)
{
	uint32_t split = 1 + (((e->range - 1) * prob) >> 8);
	uint32_t range = bit ? e->range - split : split;
	unsigned shift = (unsigned)__builtin_clz(range) & 7; /* less 24: it has one byte */

	e->range = range << shift;
	e->low = (e->low + (bit ? split : 0)) << shift;
	e->bits += (int32_t)shift;
	if (e->bits >= 40)
		splice_put_flush(e);
}

/* As they were said: probability << 1 | bit. */
static inline void splice_put_said(struct splice_put *to, const uint16_t *said, size_t n)
{
	struct splice_put e = *to; /* in registers */

	for (size_t i = 0; i < n; i++)
		splice_put_bool(&e, said[i] & 1, said[i] >> 1);
	*to = e;
}

/* `value` of a tree like the one above; its leaves are few enough to be looked for. */
bool splice_put_tree(struct splice_put *e, const int16_t *tree, const uint8_t *probs, int value);

static inline void splice_put_end(struct splice_put *e)
{
	for (int i = 0; i < 16; i++)
		splice_put_bool(e, 0, 128);
	splice_put_flush(e);
}

#endif
