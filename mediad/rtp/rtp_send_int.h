/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sender from the inside. rtp_send.c: frames in, packets out; rtp_send_feedback.c: what the
 * receiver says, and what it is told.
 */
#ifndef RTP_SEND_INT_H
#define RTP_SEND_INT_H

#include "mediad/rtp/rtp_send.h"
#include "mediad/rtp/ulpfec.h"

#define RTP_SEND_MAX_POSE 64
#define RTP_SEND_REPORTS 8 /* sender reports remembered for the round-trip time */

struct packet {
	uint8_t *data;
	uint16_t len;
	uint8_t tries, pt, rtx_pt;
	uint8_t group; /* which sum it is in, or of which sum it is the parity */
	bool red, parity, opens; /* in RED; parity: made when it is sent; opens: a frame */
	bool marker, sent, has_capture, has_offset;
	uint32_t ts;
	uint64_t capture;
	int64_t offset;
	uint8_t npose;
	uint8_t pose[RTP_SEND_MAX_POSE];
	bool has_playout;
	uint32_t playout;
	uint64_t sent_at, resent_at;
	uint8_t flying; /* copies, the first among them, that no feedback has spoken of */
	bool arrived, missed; /* missed: somebody has said so */
	/* without RTX the same packet goes again to the bit: under AES-GCM one nonce must not
	 * protect two texts (RFC 7714 8.1) */
	uint32_t send_time;
	uint16_t transport_seq;
};

struct rtp_send {
	struct rtp_send_conf conf;
	struct bwe *bwe;
	struct rtp_send_stats stats;
	struct packet ring[RTP_SEND_RING];
	struct {
		uint32_t ext; /* the packet that was sent under a transport-wide number; 0: none */
		uint16_t seq;
	} sent_as[BWE_LOG];
	uint32_t tail, next, head; /* remembered from, to be sent, to be filled */
	size_t bytes, queued;
	uint16_t rtx_seq, picture_id;
	uint32_t resend[RTP_SEND_MAX_RESEND];
	unsigned resend_head, nresend;
	double rtx_tokens;
	uint64_t rtx_at, pace_at, full_until, full_since, now;
	/* the first frame after a stall, on a path that loses: once more when it is out */
	uint32_t again_from, again_to;
	unsigned again; /* times */
	uint64_t framed_at, tail_at; /* tail_at: the last packet goes again, 0: has gone */
	double interval; /* us between frames, smoothed */
	/* the frame that is being cut */
	uint32_t ts;
	const struct rtp_ext_values *values;
	struct rtcp_sr source;
	uint64_t source_at;
	struct {
		uint32_t lsr;
		uint64_t at;
	} reports[RTP_SEND_REPORTS];
	unsigned nreport;
	bool has_source, want_key, has_fir;
	uint8_t fir;
	bool tight, lossy;
	bool first; /* of the packets of a frame */
	bool protect; /* the frame that is being cut */
	uint32_t last_media; /* the packet that was queued last, but for parity */
	uint64_t rtt, key_at;
	uint64_t smooth_until, cut_at;
	double parity_share; /* of the bytes, smoothed */
	struct ulpfec_sum sum[RTP_SEND_PARITY]; /* of the frame that is being sent */
	double told_loss; /* as loss, by feedback */
	double loss; /* of 256, of what is reported */
};

static inline struct packet *at(struct rtp_send *s, uint32_t ext)
{
	return &s->ring[ext % RTP_SEND_RING];
}

static inline bool is_remembered(struct rtp_send *s, uint32_t ext)
{
	return (int32_t)(ext - s->tail) >= 0 && (int32_t)(ext - s->next) < 0 && at(s, ext)->data;
}

/* Of the codec that it was sent in; the next one may have none. */
static inline bool has_rtx(const struct rtp_send *s, const struct packet *p)
{
	return s->conf.rtx_ssrc && p->rtx_pt;
}

static inline void queue_resend(struct rtp_send *s, uint32_t ext, unsigned copies)
{
	for (; copies && s->nresend < RTP_SEND_MAX_RESEND; copies--)
		s->resend[(s->resend_head + s->nresend++) % RTP_SEND_MAX_RESEND] = ext;
}

#endif
