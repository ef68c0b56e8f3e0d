/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/sctp/ar_sctp_repeat.h"

#include <stdlib.h>
#include <string.h>

#define COMMON_HEADER 12
#define CHUNK_HEADER 4
#define DATA_HEADER 16
#define SACK_HEADER 16
/* The window for what the network has put in another order: a quarter of the round trip (RFC 8985
 * 6.2), but two packets of one burst are never enough and two patches always are. */
#define REORDER_MIN 2000
#define REORDER_MAX 12000

enum { DATA = 0, SACK = 3 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static bool before(uint32_t a, uint32_t b) /* RFC 1982 */
{
	return (int32_t)(a - b) < 0;
}

/* The next chunk of a packet, its header in it; false: no more, or malformed. */
static bool next_chunk(struct ar_span packet, size_t *at, struct ar_span *chunk)
{
	const uint8_t *p = (const uint8_t *)packet.p + *at;
	size_t n;

	if (*at + CHUNK_HEADER > packet.n)
		return false;
	n = get16(p + 2);
	if (n < CHUNK_HEADER || *at + n > packet.n)
		return false;
	*chunk = (struct ar_span){(const char *)p, n};
	*at += (n + 3) & ~(size_t)3;
	return true;
}

void ar_sctp_repeat_init(struct ar_sctp_repeat *r, struct ar_sctp_repeat_stats *stats)
{
	*r = (struct ar_sctp_repeat){
		.stats = stats, .credit = AR_SCTP_REPEAT_SHARE * AR_SCTP_REPEAT_SAVED / 2};
}

void ar_sctp_repeat_free(struct ar_sctp_repeat *r)
{
	while (r->nkept)
		free(r->kept[--r->nkept].p);
}

static void forget(struct ar_sctp_repeat *r, unsigned i)
{
	free(r->kept[i].p);
	r->nkept--;
	memmove(&r->kept[i], &r->kept[i + 1], (r->nkept - i) * sizeof(r->kept[0]));
}

void ar_sctp_repeat_stream(struct ar_sctp_repeat *r, uint16_t stream, bool reliable)
{
	uint64_t bit = UINT64_C(1) << (stream % 64);

	if (stream >= AR_SCTP_REPEAT_STREAMS)
		return;
	if (reliable)
		r->partial[stream / 64] &= ~bit;
	else
		r->partial[stream / 64] |= bit;
}

static bool is_partial(const struct ar_sctp_repeat *r, uint16_t stream)
{
	return stream >= AR_SCTP_REPEAT_STREAMS ||
	       (r->partial[stream / 64] >> (stream % 64) & 1) != 0;
}

/* usrsctp sends one of ours again. */
static void sent_again(struct ar_sctp_repeat *r, uint32_t tsn, uint64_t now)
{
	for (unsigned i = 0; i < r->nkept; i++) {
		struct ar_sctp_kept *k = &r->kept[i];

		if (tsn - k->first < k->count) {
			k->times++;
			k->sent_at = now;
			return;
		}
	}
}

struct copy { /* what of a packet is worth keeping: header and DATA, next to each other */
	uint32_t first, count;
	size_t from, n;
};

/* Looks at every chunk; the copy is empty when there is nothing to keep. */
static void look(struct ar_sctp_repeat *r, struct ar_span packet, struct copy *c, uint64_t now)
{
	size_t at = COMMON_HEADER, start = at;
	struct ar_span chunk;

	for (; next_chunk(packet, &at, &chunk); start = at) {
		const uint8_t *p = (const uint8_t *)chunk.p;
		uint32_t tsn;

		if (p[0] != DATA || chunk.n < DATA_HEADER)
			continue;
		tsn = get32(p + 4);
		if (r->any && before(tsn, r->next)) {
			sent_again(r, tsn, now);
			continue;
		}
		r->any = true;
		r->next = tsn + 1;
		if (is_partial(r, get16(p + 8)))
			continue;
		if (!c->count)
			*c = (struct copy){.first = tsn, .from = start};
		else if (tsn != c->first + c->count || start != c->from + c->n)
			continue; /* not in one piece: the rest is usrsctp's */
		c->count++;
		c->n = (at < packet.n ? at : packet.n) - c->from;
	}
}

static void keep(
	struct ar_sctp_repeat *r, struct ar_span packet, const struct copy *c, uint64_t now)
{
	uint8_t *p = malloc(COMMON_HEADER + c->n);

	if (!p) {
		r->stats->forgotten++;
		return;
	}
	if (r->nkept == AR_SCTP_REPEAT_KEPT) {
		r->stats->forgotten++;
		forget(r, 0);
	}
	memcpy(p, packet.p, COMMON_HEADER);
	memcpy(p + COMMON_HEADER, packet.p + c->from, c->n);
	r->kept[r->nkept++] = (struct ar_sctp_kept){.first = c->first,
		.count = c->count,
		.p = p,
		.n = (uint32_t)(COMMON_HEADER + c->n),
		.sent_at = now};
	if (r->credit < AR_SCTP_REPEAT_SHARE * AR_SCTP_REPEAT_SAVED)
		r->credit++;
}

void ar_sctp_repeat_out(struct ar_sctp_repeat *r, struct ar_span packet, bool thin, uint64_t now)
{
	struct copy c = {0};

	look(r, packet, &c, now);
	if (c.count && thin)
		keep(r, packet, &c, now);
}

struct sack {
	uint32_t cumulative;
	const uint8_t *gap; /* pairs of offsets from it */
	unsigned ngap;
};

static bool read_sack(struct sack *s, struct ar_span chunk)
{
	const uint8_t *p = (const uint8_t *)chunk.p;

	if (p[0] != SACK || chunk.n < SACK_HEADER)
		return false;
	*s = (struct sack){
		.cumulative = get32(p + 4), .gap = p + SACK_HEADER, .ngap = get16(p + 12)};
	return SACK_HEADER + 4 * (size_t)s->ngap <= chunk.n;
}

/* All of it: a packet arrives whole or not at all. */
static bool has_arrived(const struct sack *s, const struct ar_sctp_kept *k)
{
	uint32_t first = k->first - s->cumulative, last = first + k->count - 1;

	if (!before(s->cumulative, k->first + k->count - 1))
		return true;
	for (unsigned i = 0; i < s->ngap; i++) {
		if (first >= get16(s->gap + 4 * (size_t)i) &&
			last <= get16(s->gap + 4 * (size_t)i + 2))
			return true;
	}
	return false;
}

static void arrived(struct ar_sctp_repeat *r, const struct ar_sctp_kept *k, uint64_t now)
{
	uint64_t took = now - k->sent_at;

	/* an answer that came sooner than any is one to the packet's first copy */
	if (k->times && took < r->min_rtt)
		return;
	if (!k->times && (!r->min_rtt || took < r->min_rtt))
		r->min_rtt = took;
	if (k->sent_at > r->newest)
		r->newest = k->sent_at;
}

void ar_sctp_repeat_in(struct ar_sctp_repeat *r, struct ar_span packet, uint64_t now)
{
	size_t at = COMMON_HEADER;
	struct ar_span chunk;
	struct sack s;

	while (r->nkept && next_chunk(packet, &at, &chunk)) {
		if (!read_sack(&s, chunk))
			continue;
		for (unsigned i = 0; i < r->nkept;) {
			if (!has_arrived(&s, &r->kept[i])) {
				i++;
				continue;
			}
			arrived(r, &r->kept[i], now);
			forget(r, i);
		}
	}
}

static uint64_t reordering(const struct ar_sctp_repeat *r)
{
	uint64_t w = r->min_rtt / 4;

	return w < REORDER_MIN ? REORDER_MIN : w > REORDER_MAX ? REORDER_MAX : w;
}

bool ar_sctp_repeat_next(struct ar_sctp_repeat *r, struct ar_span *packet, uint64_t now)
{
	uint64_t window = r->nkept ? reordering(r) : 0;

	for (unsigned i = 0; i < r->nkept; i++) {
		struct ar_sctp_kept *k = &r->kept[i];

		if (k->sent_at + window > r->newest)
			continue;
		if (k->times >= AR_SCTP_REPEAT_TIMES || r->credit < AR_SCTP_REPEAT_SHARE) {
			r->stats->refused++;
			forget(r, i--);
			continue;
		}
		r->credit -= AR_SCTP_REPEAT_SHARE;
		r->stats->repeated++;
		k->times++;
		k->sent_at = now;
		*packet = (struct ar_span){(char *)k->p, k->n};
		return true;
	}
	return false;
}
