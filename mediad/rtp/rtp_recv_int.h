/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A receiver from the inside. rtp_recv.c: packets in, packets out; rtp_recv_feedback.c: what the
 * sender is told, and when.
 */
#ifndef RTP_RECV_INT_H
#define RTP_RECV_INT_H

#include "mediad/rtp/rtp_recv.h"
#include "mediad/rtp/ulpfec.h"

#define RTP_RECV_FIRST_RTT 100000 /* us, until one is measured */
#define RTP_RECV_FOLLOW_HEAD 8 /* bytes of a payload: VP8's descriptor has 6 at most */

enum state { EMPTY, MISSING, HAVE };

struct slot {
	enum state state;
	uint8_t tries;
	uint8_t copies; /* of the present try, beyond the first */
	uint16_t len;
	uint8_t *data; /* HAVE: NULL where nothing of the media was in it */
	uint64_t at; /* HAVE: arrival; MISSING: first missed */
	uint64_t nack_at; /* MISSING: when the next NACK is due */
	uint64_t first, nacked; /* when the first and the last one went */
};

struct rtp_recv {
	struct rtp_recv_conf conf;
	struct rtp_recv_stats stats;
	struct slot slot[RTP_RECV_SLOTS];
	uint32_t next, highest; /* extended: to be delivered; seen */
	unsigned nmissing;
	bool started;
	uint32_t bad_seq; /* RFC 3550 A.1: what would follow a jump; > 65535: none */
	uint32_t gap; /* given up, not told yet */
	uint64_t reorder; /* us that packets have lately come late without being lost */
	/* The last packet of a frame is missed by the time that passes; guessed: `highest` is one.
	 */
	bool guessed;
	uint64_t guess_at, last_at,
		spread; /* spread: between packets of one frame, the most lately */
	uint32_t last_ts;
	bool stuck; /* STUCK at the head */
	bool fresh; /* something has come since a key frame was looked for */
	uint8_t *out; /* lent by the last pop */
	struct ulpfec_recv *fec; /* NULL: no RED */
	uint64_t parity_at; /* when the last parity packet came; 0: none */
	/* the last packet that was delivered, as far as telling its frame needs it */
	struct rtp_packet before;
	char before_head[RTP_RECV_FOLLOW_HEAD];
	uint64_t rtt, min_rtt; /* min: 0: none measured */
	bool told; /* the owner knows it */
	/* reports, RFC 3550 A.3 and A.8 */
	uint32_t base, transit, jitter16, expected_prior, received_prior, received;
	bool has_transit;
	uint64_t report_at;
	struct rtcp_sr sr;
	uint64_t sr_at;
	bool has_sr;
	bool want_key;
	uint64_t key_at;
	uint8_t fir;
};

/* How long a gap at the head is worth waiting: three NACK rounds, more if they are short. */
uint64_t rtp_recv_patience(const struct rtp_recv *r);

/* rtp_recv.c: the rest of a frame should be there by now: its next packet is missing. */
void rtp_recv_guess(struct rtp_recv *r, uint64_t now);

#endif
