/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which peer does a datagram belong to? By its first byte (RFC 7983), then STUN by the local ufrag
 * in USERNAME, the rest by source address. Two hash tables with intrusive nodes: no allocation per
 * peer, none per datagram. Seeded, so that nobody outside can aim at one bucket.
 *
 * Owners are the peers of one transport; one thread.
 */
#ifndef DEMUX_H
#define DEMUX_H

#include "mediad/peer.h"

#define DEMUX_MAX_UFRAG 32

enum demux_kind { DEMUX_STUN, DEMUX_DTLS, DEMUX_RTP, DEMUX_OTHER };

struct demux_node { /* zeroed: in no table */
	struct demux_node *next, **prev;
	void *owner;
	uint64_t hash;
	union {
		struct peer_addr addr;
		char ufrag[DEMUX_MAX_UFRAG];
	};
};

struct demux {
	struct demux_node **by_ufrag, **by_addr;
	uint32_t mask;
	uint64_t seed[2];
};

enum demux_kind demux_classify(struct ar_span datagram);

/* Tables sized for this many peers. -ENOMEM. */
int demux_init(struct demux *d, uint32_t peers) __attribute__((warn_unused_result));
void demux_free(struct demux *d);

/* A node that is in a table leaves it first. */
void demux_put_ufrag(struct demux *d, struct demux_node *n, const char *ufrag, void *owner);
void demux_put_addr(struct demux *d, struct demux_node *n, const struct peer_addr *a, void *owner);
void demux_remove(struct demux_node *n);

void *demux_find_ufrag(const struct demux *d, struct ar_span ufrag);
void *demux_find_addr(const struct demux *d, const struct peer_addr *a);
/* Seeded hash of an address alone (without its port), for rate limits. */
uint64_t demux_hash_host(const struct demux *d, const struct peer_addr *a);

#endif
