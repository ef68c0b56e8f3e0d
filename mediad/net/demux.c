/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/net/demux.h"
#include "mediad/net/peer_addr.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define MIN_BUCKETS 64

enum demux_kind demux_classify(struct ar_span d)
{
	uint8_t b = d.n ? (uint8_t)d.p[0] : 255;

	if (b <= 3 && d.n >= 20)
		return DEMUX_STUN;
	if (b >= 128 && b <= 191 && d.n >= 8)
		return DEMUX_RTP;
	return b >= 20 && b <= 63 && d.n >= 13 ? DEMUX_DTLS : DEMUX_OTHER;
}

int demux_init(struct demux *d, uint32_t peers)
{
	uint32_t n = MIN_BUCKETS;

	while (n < 2 * (uint64_t)peers && n < 1u << 20)
		n *= 2;
	*d = (struct demux){.mask = n - 1};
	d->by_ufrag = calloc(n, sizeof(struct demux_node *));
	d->by_addr = calloc(n, sizeof(struct demux_node *));
	if (!d->by_ufrag || !d->by_addr ||
		RAND_bytes((unsigned char *)d->seed, sizeof(d->seed)) != 1) {
		demux_free(d);
		return -ENOMEM;
	}
	return 0;
}

void demux_free(struct demux *d)
{
	free(d->by_ufrag);
	free(d->by_addr);
	*d = (struct demux){0};
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9fb21c651e98df25ull;
	return h ^ (h >> 28);
}

static uint64_t hash_bytes(const struct demux *d, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t h = d->seed[0] ^ n, v;

	for (; n >= 8; n -= 8, b += 8) {
		memcpy(&v, b, 8);
		h = mix(h, v);
	}
	v = 0;
	memcpy(&v, b, n);
	return mix(mix(h, v), d->seed[1]);
}

uint64_t demux_hash_host(const struct demux *d, const struct peer_addr *a)
{
	const struct sockaddr_in *sin = (const void *)&a->ss;
	const struct sockaddr_in6 *sin6 = (const void *)&a->ss;

	/* one IPv6 host has a /64 to choose from */
	if (a->ss.ss_family == AF_INET6)
		return hash_bytes(d, &sin6->sin6_addr, 8);
	return hash_bytes(d, &sin->sin_addr, 4);
}

static uint64_t hash_addr(const struct demux *d, const struct peer_addr *a)
{
	const struct sockaddr_in *sin = (const void *)&a->ss;
	const struct sockaddr_in6 *sin6 = (const void *)&a->ss;

	if (a->ss.ss_family == AF_INET6)
		return mix(hash_bytes(d, &sin6->sin6_addr, 16), sin6->sin6_port);
	return mix(hash_bytes(d, &sin->sin_addr, 4), sin->sin_port);
}

void demux_remove(struct demux_node *n)
{
	if (!n->prev)
		return;
	*n->prev = n->next;
	if (n->next)
		n->next->prev = n->prev;
	n->prev = NULL;
	n->next = NULL;
}

static void put(struct demux *d, struct demux_node **table, struct demux_node *n)
{
	struct demux_node **head = &table[n->hash & d->mask];

	n->next = *head;
	n->prev = head;
	if (n->next)
		n->next->prev = &n->next;
	*head = n;
}

void demux_put_ufrag(struct demux *d, struct demux_node *n, const char *ufrag, void *owner)
{
	demux_remove(n);
	n->owner = owner;
	snprintf(n->ufrag, sizeof(n->ufrag), "%s", ufrag);
	n->hash = hash_bytes(d, n->ufrag, strlen(n->ufrag));
	put(d, d->by_ufrag, n);
}

void demux_put_addr(struct demux *d, struct demux_node *n, const struct peer_addr *a, void *owner)
{
	demux_remove(n);
	n->owner = owner;
	n->addr = *a;
	n->hash = hash_addr(d, a);
	put(d, d->by_addr, n);
}

void *demux_find_ufrag(const struct demux *d, struct ar_span ufrag)
{
	uint64_t h = hash_bytes(d, ufrag.p, ufrag.n);

	for (struct demux_node *n = d->by_ufrag[h & d->mask]; n; n = n->next) {
		if (n->hash == h && ar_span_eq(ar_span_str(n->ufrag), ufrag))
			return n->owner;
	}
	return NULL;
}

void *demux_find_addr(const struct demux *d, const struct peer_addr *a)
{
	uint64_t h = hash_addr(d, a);

	for (struct demux_node *n = d->by_addr[h & d->mask]; n; n = n->next) {
		if (n->hash == h && peer_addr_eq(&n->addr, a))
			return n->owner;
	}
	return NULL;
}
