/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RTP streams that pass through the ARMF (call flow steps 12 and 13): a leg is one UE's side of
 * one audio or video m-line, two legs with the same mediaId are partners, and what the UE of one
 * sends goes to the UE of the other, relayed or through a media processor (armf_pool.h).
 *
 *   packets   audio, and video of a codec that we do not read: translated (RFC 3550 7.2), sequence
 *             numbers and reports as they are
 *   relay     VP8 and H.264 frame by frame: NACK, RTX, key frames and rate are ours on either leg
 *   process   through a job: decoded, drawn on, encoded
 *   frozen    another codec is needed and no processor runs
 *
 * RTP timestamps, SSRC (see ssrc_mask), CNAME and the NTP mapping of sender reports are the
 * sender's, so that its other media stay in step. Without a socket; `now` in microseconds,
 * monotonic. Owner and thread: the worker's loop; a leg is not freed inside its own handlers.
 * Bounded: see the maxima.
 */
#ifndef ARMF_STREAM_H
#define ARMF_STREAM_H

#include "mediad/armf/front/armf_pool.h"
#include "mediad/armf/front/capture.h"
#include "mediad/rtp/rtp_packet.h"
#include "mediad/rtp/rtcp.h"

#define STREAM_MAX_CODECS 24 /* of one description */
#define STREAM_MAX_SSRCS 4 /* that a description names */
#define STREAM_MAX_HELD 4 /* frames that wait for their pose */
#define STREAM_MAX_HELD_BYTES (1u << 20)
#define STREAM_MAX_PACKET 2048
#define STREAM_RETRY 5000000 /* us until a refused job is tried again */
#define STREAM_FPS 30 /* of split rendering */

enum stream_kind { STREAM_OTHER, STREAM_VP8, STREAM_H264, STREAM_RED, STREAM_ULPFEC };
enum stream_fb {
	STREAM_FB_NACK = 1,
	STREAM_FB_PLI = 2,
	STREAM_FB_FIR = 4,
	STREAM_FB_REMB = 8,
	STREAM_FB_TWCC = 16,
};

struct stream_codec {
	enum stream_kind kind;
	uint8_t pt, rtx; /* rtx 0: none */
	uint32_t clock;
	unsigned channels, fb;
	char name[32], fmtp[256];
};

struct stream_side { /* one description of an m-line */
	bool known;
	unsigned ncodec, nssrc;
	struct stream_codec codec[STREAM_MAX_CODECS];
	struct rtp_extmap ext;
	bool reduced; /* a=rtcp-rsize */
	bool sends, receives; /* its author, by direction */
	uint32_t ssrc_mask; /* ours: its UE is sent the partner's SSRCs with these bits turned */
	uint32_t max_kbps; /* 0: not said */
	struct {
		uint32_t ssrc, rtx;
		char cname[RTCP_MAX_CNAME + 1];
	} ssrc[STREAM_MAX_SSRCS];
};

struct stream_conf {
	bool video;
	enum armf_op op;
	uint32_t max_kbps; /* of this leg, either way; 0: the front's */
	struct stream_side local, remote; /* ours to this UE, its own */
	char own[64]; /* participant's name */
	const char *call_id; /* copied */
};

struct stream_handlers {
	/* n bytes with room to cap; protected and sent */
	int (*send)(void *arg, uint8_t *packet, size_t n, size_t cap, bool rtcp);
	/* stream_leg_run() is wanted soon */
	void (*wake)(void *arg);
	/* The call's scene in the pool; negative errno. */
	int (*scene)(void *arg, uint32_t *scene);
};

/* armf_job_*() of armf_pool.h; pool NULL: nothing is processed. */
struct stream_pool {
	struct armf_pool *pool;
	int (*open)(struct armf_pool *p, const struct armf_job_conf *conf,
		const struct armf_job_handlers *h, void *arg, uint32_t *job);
	void (*close)(struct armf_pool *p, uint32_t job);
	int (*frame)(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f);
	int (*render)(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f);
	void (*want_key)(struct armf_pool *p, uint32_t job);
	void (*set_rate)(struct armf_pool *p, uint32_t job, uint32_t bps);
	void (*set_limits)(
		struct armf_pool *p, uint32_t job, unsigned max_blocks, unsigned max_fps);
	int (*stats)(const struct armf_pool *p, uint32_t job, struct armf_job_stats *out);
	int (*snapshot)(struct armf_pool *p, uint32_t job,
		void (*done)(void *arg, int err, struct ar_span png), void *arg);
};

struct stream_front_conf {
	struct stream_pool jobs;
	uint64_t (*clock)(void); /* as `now`, for what the pool brings */
	unsigned max_legs;
	uint32_t max_kbps; /* of a stream that says nothing; 0: 2500 */
	float fov_y; /* of a UE that says nothing, see capture.h */
	uint32_t delay; /* likewise, us */
	bool low_delay; /* rtp_send.h */
};

struct stream_totals { /* counters, all of the worker's legs that there ever were */
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t malformed, unknown_pt, unknown_ssrc, rtcp_bad, replayed;
	uint64_t lost, recovered, nacks_sent, nacks_received, resent, key_asked, key_wanted;
	uint64_t frames_in, frames_out, frames_drawn, frames_dropped, frames_held;
	uint64_t refused, fallbacks, returns; /* jobs: not taken, lost, back again */
	uint64_t held_over; /* frames that could not wait for their pose */
	uint64_t fec_sent, fec_received,
		fec_recovered; /* parity packets, packets that they brought back */
};

struct stream_facts {
	const char *state, *reason; /* docs/mrm.md: armf */
	const char *codec_in, *codec_out; /* "": none */
	uint16_t width, height;
	double fps;
	uint32_t kbps_in, kbps_out, target_kbps;
	uint64_t lost, nacks, plis, frames, drawn, dropped;
	uint32_t decode_us, draw_us, encode_us;
	const char *pose_source;
	const char *splice; /* as in armf_job_stats; "": not processed */
	uint64_t spliced, blocks, recoded; /* frames, macroblocks of these, likewise */
	unsigned step;
	uint64_t rtt_us;
};

struct stream_front;
struct stream_leg;

int stream_front_new(struct stream_front **fp, const struct stream_front_conf *conf)
	__attribute__((warn_unused_result));
void stream_front_free(struct stream_front *f); /* all legs are freed */
/* NTP time (32.32) at `now`, for streams whose clock is ours. */
void stream_front_set_ntp(struct stream_front *f, uint64_t ntp, uint64_t now);
void stream_front_get_totals(const struct stream_front *f, struct stream_totals *out);
unsigned stream_front_legs(const struct stream_front *f);

/* -ENOSPC at max_legs; -ENOMEM. */
int stream_leg_new(struct stream_leg **lp, struct stream_front *f, const struct stream_conf *conf,
	const struct stream_handlers *h, void *arg, uint64_t now)
	__attribute__((warn_unused_result));
void stream_leg_free(struct stream_leg *l, uint64_t now);
/* The descriptions, the operation or the direction have changed. */
void stream_leg_set(struct stream_leg *l, const struct stream_conf *conf, uint64_t now);
/* Partners; either leaves an older one. b NULL: none. */
void stream_leg_pair(struct stream_leg *a, struct stream_leg *b, uint64_t now);
struct stream_leg *stream_leg_partner(const struct stream_leg *l);
/* Its connection is there or not. */
void stream_leg_up(struct stream_leg *l, bool up, uint64_t now);
/* One decrypted packet of its UE; written over. */
void stream_leg_input(struct stream_leg *l, uint8_t *packet, size_t n, bool rtcp, uint64_t now);
/* A pose of its UE. */
void stream_leg_pose(struct stream_leg *l, const struct capture_pose *p, uint64_t now);
/* Takes the processor's room that the operation will need, so that a call is refused rather than
 * stuttering later: errors as armf_job_open(). */
int stream_leg_reserve(struct stream_leg *l, uint64_t now) __attribute__((warn_unused_result));
/* Whatever is due; when to come again, UINT64_MAX: nothing waits. */
uint64_t stream_leg_run(struct stream_leg *l, uint64_t now);
uint32_t stream_leg_ssrc_mask(const struct stream_leg *l);
void stream_leg_get_facts(struct stream_leg *l, struct stream_facts *out, uint64_t now);
/* armf_job_snapshot() of what its UE sends, or is sent if that is rendered. -ENOENT: not processed
 * now. */
int stream_leg_snapshot(struct stream_leg *l, void (*done)(void *arg, int err, struct ar_span png),
	void *arg) __attribute__((warn_unused_result));

#endif
