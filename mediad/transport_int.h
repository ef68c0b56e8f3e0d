/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What transport.c and peer.c share, and nobody else. */
#ifndef TRANSPORT_INT_H
#define TRANSPORT_INT_H

#include "mediad/dtls/dtls.h"
#include "mediad/net/demux.h"
#include "mediad/net/limit.h"
#include "mediad/net/timerq.h"
#include "mediad/transport.h"

struct transport {
	struct cert *cert;
	struct dtls_ctx *dtls;
	struct demux demux;
	struct timerq timers;
	struct transport_stats stats;
	uint32_t max_peers;
	unsigned depth; /* entries into peers that have not returned yet */
	struct peer *doomed; /* closed, to be taken down when depth is 0 */
	struct peer *latching; /* without ICE or DTLS: may be at another address than they said */
	struct limit_table bad,
		hellos; /* of sources: STUN that failed, handshakes that did not end */
	struct limit_rate hello_rate;
	uint8_t rtp[PEER_MAX_RTP]; /* the packet being decrypted */
};

/* Has the source sent too much of that lately? */
bool transport_is_blamed(struct transport *t, const struct peer_addr *from, uint64_t now);
/* The source sent something that failed verification. */
void transport_blame(struct transport *t, const struct peer_addr *from, uint64_t now);
/* peer_rtp.c: whose address has this datagram corrected? NULL: nobody's. */
struct peer *peer_latch(
	struct transport *t, struct ar_span d, const struct peer_addr *from, uint64_t now);
/* peer.c: takes down the layers of doomed peers; only with depth 0. */
void peer_reap(struct transport *t);

#endif
