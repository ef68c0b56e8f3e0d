/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forward error correction by parity (RFC 5109, ULPFEC) in RED (RFC 2198) on the stream's own SSRC
 * and sequence numbers, as browsers send it: of the packets that a parity packet names one may be
 * lost. Level 0 only, one RED block in a packet.
 *
 * Who calls: rtp_recv.c and rtp_send.c, on the worker's thread. No socket, no clock. Bounded: of
 * ULPFEC_WINDOW sequence numbers the packets are kept, and ULPFEC_PENDING parity packets that
 * cannot help yet; more push out the oldest, which is counted. Errors are negative errno.
 */
#ifndef ULPFEC_H
#define ULPFEC_H

#include "mediad/rtp/rtp_packet.h"

#define ULPFEC_WINDOW 128 /* a power of two */
#define ULPFEC_PENDING 16
#define ULPFEC_MAX_COVER 48 /* packets that one parity packet can name, RFC 5109 7.4 */
#define ULPFEC_HEAD 18 /* of what is added to the longest packet, at most */

struct ulpfec_stats {
	uint64_t packets; /* parity packets */
	uint64_t recovered;
	uint64_t malformed;
	uint64_t useless; /* too old, pushed out, or of more than one level */
};

/* Takes the block header off: the packet is then as if it had never been in RED. -EBADMSG: no
 * header, or several blocks. */
int red_unwrap(struct rtp_packet *p) __attribute__((warn_unused_result));

/* ---- receiving ---- */

struct ulpfec_recv;

int ulpfec_recv_new(struct ulpfec_recv **out, uint32_t ssrc) __attribute__((warn_unused_result));
void ulpfec_recv_free(struct ulpfec_recv *u);
/* A media packet as it came, from its RTP header on and without RED; copied. again: as it came in a
 * retransmission, its header rebuilt. -ENOMEM, -EBADMSG. */
int ulpfec_recv_media(struct ulpfec_recv *u, struct ar_span packet, bool again);
/* A parity packet's payload, without RED; seq: its own. -ENOMEM, -EBADMSG. */
int ulpfec_recv_parity(struct ulpfec_recv *u, uint16_t seq, struct ar_span payload);
/* A packet that was lost, as it was sent but for what its sender wrote into header extensions after
 * the parity was made; its length, 0: no more. cap at least RTP_MAX_PACKET. */
size_t ulpfec_recv_take(struct ulpfec_recv *u, uint8_t *out, size_t cap);
const struct ulpfec_stats *ulpfec_recv_stats(const struct ulpfec_recv *u);

/* ---- sending ---- */

/* What the packets so far add up to; all zero: none. */
struct ulpfec_sum {
	unsigned n;
	uint16_t base;
	uint64_t mask; /* bit k: base + k */
	size_t len; /* of the longest, without the RTP header */
	uint8_t head[10]; /* as on the wire */
	uint8_t body[RTP_MAX_PACKET];
};

/* A packet as it is sent, without RED. In order of their numbers. -ERANGE: it does not fit into the
 * mask any more; -EBADMSG. */
int ulpfec_sum_add(struct ulpfec_sum *s, struct ar_span packet) __attribute__((warn_unused_result));
/* The parity packet's payload; its length, 0: nothing was added, or it does not fit. */
size_t ulpfec_sum_write(const struct ulpfec_sum *s, uint8_t *out, size_t cap);

#endif
