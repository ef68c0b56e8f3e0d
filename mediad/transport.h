/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all peers of one worker share: certificate and key, TLS context, SCTP stack, and the
 * demultiplexer that finds the peer of a datagram (RFC 7983; STUN by ufrag, the rest by address).
 * Make it after fork(): usrsctp starts with it. No socket and no clock here either.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "mediad/peer.h"

#define TRANSPORT_HANDSHAKES 100
#define TRANSPORT_HANDSHAKE_BURST 4 /* seconds of them at once */

struct transport_conf {
	uint32_t max_peers;
	uint32_t handshakes_per_sec; /* unfinished, of one source; 0: TRANSPORT_HANDSHAKES */
};

struct transport_stats {
	uint32_t peers;
	uint64_t rx, no_peer, garbage, rate_limited, hellos_limited;
	uint64_t srtp_bad, srtp_replayed, rtp_early;
	uint64_t repeated, not_repeated, no_stream,
		early_data; /* of the process: mediad/sctp/ar_sctp.h */
};

int transport_new(struct transport **tp, const struct transport_conf *conf)
	__attribute__((warn_unused_result));
void transport_free(struct transport *t); /* all its peers must be freed */

/* "SHA-256 AB:CD:..." of our certificate. */
const char *transport_fingerprint(const struct transport *t);

/* One datagram from a socket of this worker. */
void transport_input(
	struct transport *t, struct ar_span datagram, const struct peer_addr *from, uint64_t now);
/* Earliest deadline of the stack and of all its peers; AR_NEVER: none. */
uint64_t transport_next_timeout(const struct transport *t);
/* Runs the SCTP timers and the timers of every peer that is due. */
void transport_on_timer(struct transport *t, uint64_t now);
void transport_get_stats(const struct transport *t, struct transport_stats *s);

#endif
