/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/ulpfec.h"

#include "mediad/rtp/wire.h"

#include <errno.h>
#include <stdlib.h>

#define FEC_HEAD 10 /* RFC 5109 7.3 */
#define LEVEL_HEAD 4 /* 7.4, with the short mask */
#define LONG_MASK 4 /* bytes more */
#define SHORT_COVER 16

struct kept {
	uint8_t *data; /* NULL: not there */
	uint16_t seq, len;
	bool again;
};

struct parity {
	uint8_t *data; /* level 0's bytes, NULL: free */
	uint16_t len, base;
	uint64_t mask;
	uint8_t head[FEC_HEAD];
};

struct ulpfec_recv {
	uint32_t ssrc;
	struct ulpfec_stats stats;
	struct kept kept[ULPFEC_WINDOW];
	struct parity parity[ULPFEC_PENDING];
	unsigned next; /* to be used of them */
};

int red_unwrap(struct rtp_packet *p)
{
	uint8_t head;

	if (p->payload.n < 1)
		return -EBADMSG;
	head = (uint8_t)p->payload.p[0];
	if (head & 0x80) /* RFC 2198 3: another block follows */
		return -EBADMSG;
	p->pt = head;
	p->payload.p++;
	p->payload.n--;
	return 0;
}

int ulpfec_recv_new(struct ulpfec_recv **out, uint32_t ssrc)
{
	struct ulpfec_recv *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->ssrc = ssrc;
	*out = u;
	return 0;
}

static void drop(struct parity *p)
{
	free(p->data);
	p->data = NULL;
}

void ulpfec_recv_free(struct ulpfec_recv *u)
{
	if (!u)
		return;
	for (unsigned i = 0; i < ULPFEC_WINDOW; i++)
		free(u->kept[i].data);
	for (unsigned i = 0; i < ULPFEC_PENDING; i++)
		drop(&u->parity[i]);
	free(u);
}

static uint8_t *copy(const void *from, size_t n)
{
	uint8_t *to = malloc(n ? n : 1);

	if (to && n)
		memcpy(to, from, n);
	return to;
}

int ulpfec_recv_media(struct ulpfec_recv *u, struct ar_span packet, bool again)
{
	const uint8_t *d = (const uint8_t *)packet.p;
	struct kept *k;
	uint8_t *data;

	if (packet.n < RTP_HEAD || packet.n > RTP_MAX_PACKET)
		return -EBADMSG;
	data = copy(d, packet.n);
	if (!data)
		return -ENOMEM;
	k = &u->kept[get16(d + 2) % ULPFEC_WINDOW];
	free(k->data);
	*k = (struct kept){data, get16(d + 2), (uint16_t)packet.n, again};
	return 0;
}

/* The first bit is the base. */
static uint64_t read_mask(const uint8_t *d, unsigned cover)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < cover; i++) {
		if (d[i / 8] & 0x80 >> i % 8)
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

static bool read_parity(struct parity *p, struct ar_span payload, struct ar_span *level)
{
	const uint8_t *d = (const uint8_t *)payload.p;
	size_t head = FEC_HEAD + LEVEL_HEAD;
	bool wide;

	if (payload.n < head || d[0] & 0x80) /* E: RFC 5109 7.3, must be 0 */
		return false;
	wide = d[0] & 0x40;
	head += wide ? LONG_MASK : 0;
	if (payload.n < head)
		return false;
	*p = (struct parity){.len = get16(d + FEC_HEAD), .base = get16(d + 2)};
	memcpy(p->head, d, FEC_HEAD);
	p->mask = read_mask(d + FEC_HEAD + 2, wide ? ULPFEC_MAX_COVER : SHORT_COVER);
	if (!p->mask || p->len > payload.n - head || p->len > RTP_MAX_PACKET - RTP_HEAD)
		return false;
	*level = (struct ar_span){payload.p + head, p->len};
	return true;
}

int ulpfec_recv_parity(struct ulpfec_recv *u, uint16_t seq, struct ar_span payload)
{
	struct parity p, *at;
	struct ar_span level;

	u->stats.packets++;
	if (!read_parity(&p, payload, &level)) {
		u->stats.malformed++;
		return -EBADMSG;
	}
	if ((uint16_t)(seq - p.base) >= ULPFEC_WINDOW) {
		u->stats.useless++;
		return 0;
	}
	p.data = copy(level.p, level.n);
	if (!p.data)
		return -ENOMEM;
	at = &u->parity[u->next++ % ULPFEC_PENDING];
	u->stats.useless += at->data != NULL;
	drop(at);
	*at = p;
	return 0;
}

static const struct kept *find(const struct ulpfec_recv *u, uint16_t seq)
{
	const struct kept *k = &u->kept[seq % ULPFEC_WINDOW];

	return k->data && k->seq == seq ? k : NULL;
}

/* How many of its packets are not there; one of them. */
static unsigned missing(const struct ulpfec_recv *u, const struct parity *p, uint16_t *seq)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ULPFEC_MAX_COVER; i++) {
		if (!(p->mask >> i & 1) || find(u, (uint16_t)(p->base + i)))
			continue;
		*seq = (uint16_t)(p->base + i);
		n++;
	}
	return n;
}

static void add(uint8_t *to, const uint8_t *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] ^= d[i];
}

/* RFC 5109 9.1 and 9.2; the fields of the header stand where those of the parity header do. */
static void add_head(uint8_t head[FEC_HEAD], const uint8_t *rtp, size_t n)
{
	uint8_t len[2];

	put16(len, (uint32_t)(n - RTP_HEAD));
	head[0] ^= rtp[0] & 0x3f;
	head[1] ^= rtp[1];
	add(head + 4, rtp + 4, 4);
	add(head + 8, len, 2);
}

/* A retransmission may lack extensions that the packet had: then all that is behind them adds up to
 * something else. Where all have as long a block, the one that was worked out too, it has not. */
static bool fits(const struct ulpfec_recv *u, const struct parity *p, const uint8_t *out)
{
	bool again = false, same = true;

	for (unsigned i = 0; i < ULPFEC_MAX_COVER; i++) {
		const struct kept *k = p->mask >> i & 1 ? find(u, (uint16_t)(p->base + i)) : NULL;

		if (!k)
			continue;
		again |= k->again;
		same &= (k->data[0] & 0x1f) == (out[0] & 0x1f) &&
			(!(out[0] & 0x10) || k->len < RTP_HEAD + 4 ||
				memcmp(k->data + RTP_HEAD, out + RTP_HEAD, 4) == 0);
	}
	return same || !again;
}

/* Into out, which has room for RTP_MAX_PACKET; its length, 0: it cannot be. */
static size_t recover(
	const struct ulpfec_recv *u, const struct parity *p, uint16_t seq, uint8_t *out)
{
	uint8_t head[FEC_HEAD];
	size_t n;

	memcpy(head, p->head, sizeof(head));
	memcpy(out + RTP_HEAD, p->data, p->len);
	for (unsigned i = 0; i < ULPFEC_MAX_COVER; i++) {
		const struct kept *k = p->mask >> i & 1 ? find(u, (uint16_t)(p->base + i)) : NULL;

		if (!k)
			continue;
		n = k->len - RTP_HEAD;
		add_head(head, k->data, k->len);
		add(out + RTP_HEAD, k->data + RTP_HEAD, n < p->len ? n : p->len);
	}
	n = get16(head + 8);
	if (n > p->len) /* the rest is another level's, or this is no parity of them */
		return 0;
	out[0] = 0x80 | (head[0] & 0x3f);
	out[1] = head[1];
	put16(out + 2, seq);
	memcpy(out + 4, head + 4, 4);
	put32(out + 8, u->ssrc);
	return RTP_HEAD + n;
}

size_t ulpfec_recv_take(struct ulpfec_recv *u, uint8_t *out, size_t cap)
{
	for (unsigned i = 0; i < ULPFEC_PENDING && cap >= RTP_MAX_PACKET; i++) {
		struct parity *p = &u->parity[i];
		uint16_t seq = 0;
		unsigned n = p->data ? missing(u, p, &seq) : 2;
		size_t len;

		if (n > 1)
			continue;
		len = n == 1 ? recover(u, p, seq, out) : 0;
		len = len && fits(u, p, out) ? len : 0;
		drop(p);
		u->stats.useless += n == 1 && !len;
		if (!len || ulpfec_recv_media(u, (struct ar_span){(char *)out, len}, false) != 0)
			continue;
		u->stats.recovered++;
		return len;
	}
	return 0;
}

const struct ulpfec_stats *ulpfec_recv_stats(const struct ulpfec_recv *u)
{
	return &u->stats;
}

int ulpfec_sum_add(struct ulpfec_sum *s, struct ar_span packet)
{
	const uint8_t *d = (const uint8_t *)packet.p;
	unsigned at;

	if (packet.n < RTP_HEAD || packet.n > RTP_MAX_PACKET)
		return -EBADMSG;
	if (!s->n)
		s->base = get16(d + 2);
	at = (uint16_t)(get16(d + 2) - s->base);
	if (at >= ULPFEC_MAX_COVER || s->mask >> at & 1)
		return -ERANGE;
	s->n++;
	s->mask |= UINT64_C(1) << at;
	s->len = packet.n - RTP_HEAD > s->len ? packet.n - RTP_HEAD : s->len;
	add_head(s->head, d, packet.n);
	add(s->body, d + RTP_HEAD, packet.n - RTP_HEAD);
	return 0;
}

size_t ulpfec_sum_write(const struct ulpfec_sum *s, uint8_t *out, size_t cap)
{
	bool wide = s->mask >> SHORT_COVER;
	size_t head = FEC_HEAD + LEVEL_HEAD + (wide ? LONG_MASK : 0);

	if (!s->n || head + s->len > cap)
		return 0;
	memset(out, 0, head);
	memcpy(out, s->head, FEC_HEAD);
	out[0] |= wide ? 0x40 : 0;
	put16(out + 2, s->base);
	put16(out + FEC_HEAD, (uint32_t)s->len);
	for (unsigned i = 0; i < ULPFEC_MAX_COVER; i++) {
		if (s->mask >> i & 1)
			out[FEC_HEAD + 2 + i / 8] |= 0x80 >> i % 8;
	}
	memcpy(out + head, s->body, s->len);
	return head + s->len;
}
