/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receiving side of one RTP stream and its RTX companion (RFC 4588): order, loss, NACK, reports,
 * key frame requests. RED is taken off, and what parity can recover is (ulpfec.h). Packets in, the
 * same packets out in order, with a mark where some are lost.
 *
 * Owner: the worker's loop, one thread. No socket, no clock: now in microseconds of any monotonic
 * clock; call rtp_recv_pop() and rtp_recv_feedback() after each input and when
 * rtp_recv_deadline() has come. Bounded: RTP_RECV_SLOTS packets; a jump over that (or more than
 * RTP_RECV_MAX_BURST lost at once) gives up what is missing and counts it.
 */
#ifndef RTP_RECV_H
#define RTP_RECV_H

#include "mediad/rtp/rtcp.h"
#include "mediad/rtp/rtp_packet.h"

#define RTP_RECV_SLOTS 1024
#define RTP_RECV_MAX_BURST 256 /* lost in one go: a key frame is cheaper than so many NACKs */
#define RTP_RECV_MAX_TRIES 8 /* NACKs of one packet */
#define RTP_RECV_REORDER 10000 /* us before the first NACK, at first: reordering is not loss */
#define RTP_RECV_REORDER_MAX 40000 /* where that much has been seen; where none has, soon 0 */
#define RTP_RECV_MIN_WAIT 60000 /* us a gap is waited for, without NACK: just that */
#define RTP_RECV_NACK_WAIT 200000 /* with NACK, at least */
#define RTP_RECV_MAX_WAIT 600000
#define RTP_RECV_REPORT 1000000 /* us between receiver reports, RFC 3550 6.2 scaled for video */
#define RTP_RECV_PARITY_WAIT 10000 /* us before the first NACK where parity comes */
#define RTP_RECV_PARITY_SEEN 1000000 /* us that it counts as coming */
#define RTP_RECV_KEY_INTERVAL 300000 /* us between key frame requests */

struct rtp_recv_conf {
	uint32_t ssrc, local; /* theirs; ours, in reports */
	uint32_t rtx_ssrc; /* 0: none */
	uint8_t rtx_pt, media_pt; /* of the RTX stream, and what it carries */
	/* RED and ULPFEC (ulpfec.h) and the RTX of RED; 0: none */
	uint8_t red_pt, red_rtx_pt, ulpfec_pt;
	uint32_t clock; /* Hz, not 0 */
	bool nack, pli, fir; /* negotiated (a=rtcp-fb) */
	bool reduced; /* a=rtcp-rsize */
	bool report; /* write receiver reports; false: a sender report carries the block */
	/* Does a key frame begin with this packet? NULL: never known. */
	bool (*begins_key)(void *arg, const struct rtp_packet *p);
	/* With RED: is p the first packet of the frame right after that of `before`, of whose
	 * payload there are only the first bytes? NULL: never known. */
	bool (*follows)(void *arg, const struct rtp_packet *before, const struct rtp_packet *p);
	void *arg;
	char cname[RTCP_MAX_CNAME + 1];
};

struct rtp_recv_stats {
	uint64_t packets, bytes, duplicates, late, recovered, lost, nacks, key_requests;
	uint64_t malformed, flushed, restarts, skipped, guesses;
	uint64_t fec_packets, fec_recovered;
	uint64_t hollow; /* not there, and nothing but parity or padding can have been in it */
};

enum rtp_recv_event {
	RTP_RECV_NONE,
	RTP_RECV_PACKET,
	RTP_RECV_GAP, /* out->lost packets will not come, before the next packet */
};

struct rtp_recv_out {
	struct rtp_packet packet; /* its bytes: valid until the next call */
	uint64_t arrived;
	uint32_t lost;
};

struct rtp_recv;

int rtp_recv_new(struct rtp_recv **out, const struct rtp_recv_conf *conf)
	__attribute__((warn_unused_result));
void rtp_recv_free(struct rtp_recv *r);

/* A packet of either stream, parsed; others are -ENOENT. -EBADMSG: RTX without a sequence number,
 * or too long. -ENOMEM. Late and double ones are counted, 0. */
int rtp_recv_input(struct rtp_recv *r, const struct rtp_packet *p, uint64_t now);
enum rtp_recv_event rtp_recv_pop(struct rtp_recv *r, uint64_t now, struct rtp_recv_out *out);

/* The codec, or the RTX stream, has changed: what RTX packets carry from now on. */
void rtp_recv_set_rtx(struct rtp_recv *r, uint32_t ssrc, uint8_t rtx_pt, uint8_t media_pt);
void rtp_recv_sr(struct rtp_recv *r, const struct rtcp_sr *sr, uint64_t now);
/* The latest sender report, for passing on; false: none yet. */
bool rtp_recv_last_sr(const struct rtp_recv *r, struct rtcp_sr *sr, uint64_t *at);
/* NTP time of a packet on the sender's clock; false: no sender report yet. */
bool rtp_recv_ntp(const struct rtp_recv *r, uint32_t ts, uint64_t *ntp);
/* Round-trip time if it is known better than from answers to NACKs. */
void rtp_recv_set_rtt(struct rtp_recv *r, uint64_t rtt);
uint64_t rtp_recv_rtt(const struct rtp_recv *r);

/* The decoder cannot go on without a key frame; asked for again until rtp_recv_got_key(). */
void rtp_recv_want_key(struct rtp_recv *r);
void rtp_recv_got_key(struct rtp_recv *r);

/* Whatever is due: reports, NACK, PLI or FIR. What does not fit (RTCP_MAX_NACK) stays due: then
 * rtp_recv_deadline() is not after now, call again with a new datagram. */
void rtp_recv_feedback(struct rtp_recv *r, uint64_t now, struct rtcp_writer *w);
/* A report block, for a sender report of ours; restarts the interval of the loss fraction. */
void rtp_recv_report(struct rtp_recv *r, uint64_t now, struct rtcp_report *out);
uint64_t rtp_recv_deadline(const struct rtp_recv *r); /* UINT64_MAX: none */
const struct rtp_recv_stats *rtp_recv_stats(const struct rtp_recv *r);

#endif
