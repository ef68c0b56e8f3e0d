/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sending side of one RTP stream and its RTX companion: pacer, history for retransmission, answers
 * to NACK, sender reports that keep the time base of the original sender.
 *
 * The media come from a UE and go on with its RTP timestamps, its NTP mapping and its CNAME, so
 * that its audio, which goes another way, stays in step: sender reports are extrapolated from the
 * UE's own. Until one has come, receiver reports with the CNAME stand in for them.
 *
 * Same thread, no socket, no clock: now in microseconds; after each input and at
 * rtp_send_deadline() call rtp_send_poll() until it returns 0.
 */
#ifndef RTP_SEND_H
#define RTP_SEND_H

#include "mediad/rtp/bwe.h"
#include "mediad/rtp/depay.h"
#include "mediad/rtp/rtp_packet.h"

#define RTP_SEND_RING 2048 /* packets queued and remembered, at most */
#define RTP_SEND_MAX_BYTES (2u << 20)
#define RTP_SEND_HISTORY 1000000 /* us a packet can be asked for */
#define RTP_SEND_MAX_QUEUE 400000 /* us of queue at the target rate; more refuses frames */
#define RTP_SEND_MAX_RESEND 256 /* waiting retransmissions */
#define RTP_SEND_MAX_TRIES 8 /* of one packet */
#define RTP_SEND_RTX_SHARE 40 /* per cent of the target rate that may go to retransmission */
#define RTP_SEND_MAX_RTT 1000000 /* us that are believed */
#define RTP_SEND_PARITY 4 /* parity packets of a frame, at most */
#define RTP_SEND_PARITY_COVER 10 /* packets for each of them, while they do */
#define RTP_SEND_PARITY_RTT 40000 /* us: where it is less, coming again is soon enough */
#define RTP_SEND_KEY_INTERVAL 300000 /* us between key frames on request */

struct rtp_send_conf {
	uint32_t ssrc, rtx_ssrc; /* rtx 0: plain retransmission */
	uint8_t pt, rtx_pt;
	/* RED and ULPFEC (ulpfec.h), 0: none. While losses are reported and the path is neither
	 * short nor full, a frame of VP8 goes in RED with parity after it. */
	uint8_t red_pt, ulpfec_pt;
	uint16_t first_seq, first_rtx_seq;
	uint32_t clock; /* Hz, not 0 */
	enum depay_codec codec;
	size_t mtu; /* payload bytes, see pay.h */
	struct rtp_extmap extmap;
	/* Where the extension is negotiated: pictures are shown as they come while the path is
	 * steady and loses nothing, else the receiver smooths. */
	bool low_delay;
	char mid[RTP_MAX_MID + 1];
	char cname[RTCP_MAX_CNAME + 1]; /* the original sender's */
};

struct rtp_send_stats {
	uint64_t frames, packets, bytes, resent, resent_bytes;
	uint64_t refused; /* frames, for a full queue */
	uint64_t probes; /* last packets sent again because the next frame is late */
	uint64_t fec_packets, fec_bytes;
	uint64_t nacked, told, too_old, too_soon, over_budget, key_requests;
};

struct rtp_send;

/* bwe: the transport's, borrowed, outlives the stream. */
int rtp_send_new(struct rtp_send **out, const struct rtp_send_conf *conf, struct bwe *bwe)
	__attribute__((warn_unused_result));
void rtp_send_free(struct rtp_send *s);

/* Frames from now on are of another codec; packets sent before keep their payload type. */
void rtp_send_set_format(struct rtp_send *s, enum depay_codec codec, uint8_t pt, uint8_t rtx_pt);
void rtp_send_set_cname(struct rtp_send *s, const char *cname);
/* What a successor of the same SSRC must go on with: under SRTP no number may come twice. */
uint16_t rtp_send_next_seq(const struct rtp_send *s);
uint16_t rtp_send_next_rtx_seq(const struct rtp_send *s);
/* Frames not sent yet are dropped, a frame partly sent goes on; the number of packets. The next
 * frame must be a key frame. */
unsigned rtp_send_drop_queued(struct rtp_send *s);

/* Queues a frame. values: capture time and pose, or NULL; the rest of it is filled in here.
 * -ENOBUFS: the queue is full, nothing was queued: the next frame must be a key frame.
 * -EINVAL: no frame. */
int rtp_send_frame(struct rtp_send *s, struct ar_span frame, uint32_t ts,
	const struct rtp_ext_values *values, uint64_t now) __attribute__((warn_unused_result));
/* The next datagram, its length; 0: nothing to send now. cap at least RTP_MAX_PACKET. */
size_t rtp_send_poll(struct rtp_send *s, uint64_t now, uint8_t *out, size_t cap);
uint64_t rtp_send_deadline(const struct rtp_send *s); /* UINT64_MAX: nothing queued */
/* How much of what is sent is parity, 0 to 1, smoothed. */
double rtp_send_parity_share(const struct rtp_send *s);
size_t rtp_send_queued(const struct rtp_send *s); /* bytes */

/* One RTCP packet from the receiver; what is about other streams is ignored. */
void rtp_send_rtcp(struct rtp_send *s, const struct rtcp_packet *p, uint64_t now);
/* Shall the next frame be a key frame? Answers true once per (rate limited) request. */
bool rtp_send_take_key_request(struct rtp_send *s, uint64_t now);
uint64_t rtp_send_rtt(const struct rtp_send *s); /* 0: not known yet */

/* A sender report of the original sender, as it came at `at`. */
void rtp_send_source(struct rtp_send *s, const struct rtcp_sr *sr, uint64_t at);
/* SR (or RR) and CNAME; blocks: reports about streams received on the same transport. */
void rtp_send_report(struct rtp_send *s, uint64_t now, const struct rtcp_report *blocks, unsigned n,
	struct rtcp_writer *w);
const struct rtp_send_stats *rtp_send_stats(const struct rtp_send *s);

#endif
