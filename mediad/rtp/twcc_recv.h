/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrivals of one transport for transport-wide feedback to its sender: every packet with the
 * extension is noted, feedback is due every TWCC_INTERVAL. Same thread, no clock; bounded.
 */
#ifndef TWCC_RECV_H
#define TWCC_RECV_H

#include "mediad/rtp/rtcp.h"

#define TWCC_INTERVAL 50000 /* us: what a sender sees of a link that drops, it sees that late */

struct twcc_recv {
	int64_t tick[RTCP_TWCC_MAX]; /* by sequence number; -1: not seen */
	uint16_t base; /* first not reported */
	unsigned n; /* sequence numbers from there on */
	bool started;
	uint8_t count;
	uint64_t due; /* UINT64_MAX: nothing to report */
};

void twcc_recv_init(struct twcc_recv *t);
void twcc_recv_packet(struct twcc_recv *t, uint16_t seq, uint64_t now);
/* Writes what is due. ssrc: ours; media: any stream of theirs. */
void twcc_recv_feedback(
	struct twcc_recv *t, uint64_t now, uint32_t ssrc, uint32_t media, struct rtcp_writer *w);
uint64_t twcc_recv_deadline(const struct twcc_recv *t);

#endif
