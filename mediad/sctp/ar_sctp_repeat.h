/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a UE's acknowledgements show to be lost is sent again early. usrsctp waits for three of them
 * (RFC 9260 7.2.4), which is 50 ms more at 60 patches a second, and every later patch waits behind
 * the lost one. A flow as thin as that does not congest anything, so here a packet is lost when one
 * that was sent a reordering window later has arrived (RFC 8985, RACK). A copy of the packet goes
 * out; its TSNs, usrsctp's own retransmission and its smaller window stay as they are, the UE drops
 * what comes twice.
 *
 * Only ordered reliable data in a thin flow: of channels with max-retr or max-time nothing is kept,
 * and bulk gets its three acknowledgements within milliseconds.
 *
 * Called by ar_sctp.c and ar_sctp_stack.c. No clock; copies are malloc's, at most
 * AR_SCTP_REPEAT_KEPT and together about AR_SCTP_REPEAT_THIN bytes.
 */
#ifndef AR_SCTP_REPEAT_H
#define AR_SCTP_REPEAT_H

#include "common/ar_span.h"

#include <stdbool.h>
#include <stdint.h>

#define AR_SCTP_REPEAT_KEPT 16 /* packets; the oldest is left to usrsctp then */
#define AR_SCTP_REPEAT_THIN 8192 /* bytes unacknowledged; with more nothing is kept */
#define AR_SCTP_REPEAT_TIMES 3 /* of one packet */
#define AR_SCTP_REPEAT_SHARE 4 /* one in so many packets, */
#define AR_SCTP_REPEAT_SAVED 8 /* and this many at once; then usrsctp's pace */
#define AR_SCTP_REPEAT_STREAMS 128 /* usrsctp's, ar_sctp_map.h */

struct ar_sctp_kept {
	uint32_t first, count; /* TSNs */
	uint8_t *p;
	uint32_t n;
	unsigned times; /* it was sent again, by us or usrsctp */
	uint64_t sent_at;
};

struct ar_sctp_repeat_stats { /* of all associations */
	uint64_t repeated;
	uint64_t refused; /* over AR_SCTP_REPEAT_SHARE or _TIMES: left to usrsctp */
	uint64_t forgotten; /* over AR_SCTP_REPEAT_KEPT, or no memory: left to usrsctp */
};

struct ar_sctp_repeat {
	struct ar_sctp_repeat_stats *stats; /* its owner's */
	struct ar_sctp_kept kept[AR_SCTP_REPEAT_KEPT]; /* by TSN */
	unsigned nkept, credit;
	uint64_t partial[AR_SCTP_REPEAT_STREAMS / 64]; /* streams that promise no delivery */
	bool any;
	uint32_t next; /* TSN after the highest seen */
	uint64_t newest; /* of what has arrived, when that was sent */
	uint64_t min_rtt; /* 0: not known */
};

void ar_sctp_repeat_init(struct ar_sctp_repeat *r, struct ar_sctp_repeat_stats *stats);
void ar_sctp_repeat_free(struct ar_sctp_repeat *r);
/* What is sent on one of usrsctp's streams from now on is reliable or not. */
void ar_sctp_repeat_stream(struct ar_sctp_repeat *r, uint16_t stream, bool reliable);
/* A packet of usrsctp's, before its ids are translated. thin: it may be kept. */
void ar_sctp_repeat_out(struct ar_sctp_repeat *r, struct ar_span packet, bool thin, uint64_t now);
/* A packet from the UE, after usrsctp has seen it. Then ar_sctp_repeat_next() until false. */
void ar_sctp_repeat_in(struct ar_sctp_repeat *r, struct ar_span packet, uint64_t now);
/* The next packet to send again now; ids and checksum are to be filled in in a copy. */
bool ar_sctp_repeat_next(struct ar_sctp_repeat *r, struct ar_span *packet, uint64_t now);

#endif
