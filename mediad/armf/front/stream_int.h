/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A leg from the inside. stream.c: life and time; stream_codec.c: which payload type is which on
 * the other leg; stream_in.c: what the UE sends, up to frames; stream_job.c: frames through a media
 * processor; stream_out.c: what the UE is sent; stream_packets.c: translated packets.
 */
#ifndef ARMF_STREAM_INT_H
#define ARMF_STREAM_INT_H

#include "mediad/armf/front/stream.h"
#include "mediad/rtp/rtp_recv.h"
#include "mediad/rtp/rtp_send.h"
#include "mediad/rtp/twcc_recv.h"

#define STREAM_SSRC_SILENCE 500000 /* us before another SSRC may take over unannounced */
#define STREAM_REPORT 1000000 /* us between sender reports */
#define STREAM_REMB 1000000 /* at least so often */
#define STREAM_REMB_MIN 100000 /* at most so often */
#define STREAM_MAX_SETS 512 /* bytes of sprop-parameter-sets; longer ones are not used */
#define STREAM_SEQS 128 /* SSRCs whose numbering is remembered: those of rtpsec.h, RTX unsent */
#define STREAM_TRACKED 64 /* SSRCs of translated packets: those that rtpsec.h has */
#define STREAM_FLIGHT 16 /* frames of one stream with a processor, at most */
#define STREAM_MTU 1100 /* payload bytes */
#define STREAM_STALE 150000 /* us of queue that is not worth sending after the rate has dropped */
#define STREAM_ROOM 32 /* that protecting may add */

enum stream_mode { MODE_NONE, MODE_PACKETS, MODE_RELAY, MODE_PROCESS, MODE_FROZEN };

struct stream_meter { /* of the last second */
	uint64_t since, bytes, frames;
	double bps, fps;
};

struct stream_held {
	uint8_t *data;
	size_t n;
	bool key;
	struct capture_frame f;
	uint8_t xr_pose[32];
};

struct stream_in {
	struct rtp_recv *recv; /* NULL: nothing heard */
	uint32_t ssrc, rtx_ssrc;
	uint64_t heard;
	int codec; /* index into conf.local; -1: none */
	struct depay *depay;
	enum depay_codec depay_codec;
	struct twcc_recv twcc;
	char cname[RTCP_MAX_CNAME + 1];
	uint64_t arrived, now; /* of the packet being pushed; now */
	struct rtp_ext_values ext; /* of the frame being pushed */
	uint32_t ext_ts;
	bool has_ext, has_abs;
	uint8_t xr_pose[32];
	uint64_t abs_time; /* the last abs-capture-time, of abs_ts */
	uint32_t abs_ts;
	struct stream_held held[STREAM_MAX_HELD];
	unsigned nheld;
	size_t held_bytes;
	uint32_t flight[STREAM_FLIGHT]; /* timestamps of frames given to the processor */
	unsigned nflight; /* since the stream began */
	uint64_t remb_at, remb;
	struct stream_meter meter;
	uint16_t width, height;
	size_t nsets; /* H.264: parameter sets of the description, each with a start code */
	uint8_t sets[STREAM_MAX_SETS];
};

/* What the UE that is sent to can receive; 0: not said. */
struct stream_limits {
	unsigned blocks, fps; /* macroblocks of a picture, pictures a second */
	uint32_t bps;
};

struct stream_job {
	uint32_t id;
	bool open, up;
	enum armf_op op;
	enum stream_kind in, out;
	uint64_t retry_at;
	const char *reason; /* why there is none, or it is not up */
	uint32_t rate;
	struct stream_limits limits; /* that the processor knows of */
	bool splices; /* what it sends is what comes, so that must fit the receiver's line */
};

struct stream_seq {
	uint32_t ssrc;
	uint16_t next;
	uint64_t used; /* stream_out.clock then; 0: free */
};

struct stream_track { /* translated packets: no number twice under one key */
	uint32_t ssrc, mask;
	uint16_t top;
	uint64_t used; /* stream_out.clock then; 0: free */
};

struct stream_out {
	struct bwe *bwe;
	struct rtp_send *send; /* NULL: nothing sent yet */
	uint32_t ssrc, rtx_ssrc;
	int codec; /* index into conf.remote; -1: none */
	bool need_key; /* the next frame must be one */
	uint64_t target; /* when it was looked at last */
	uint64_t report_at;
	struct stream_seq seq[STREAM_SEQS];
	uint64_t clock; /* of what is remembered of SSRCs: the longest unused goes */
	struct stream_track track[STREAM_TRACKED];
	struct stream_meter meter;
};

struct stream_leg {
	struct stream_front *front;
	struct stream_leg *next, *partner;
	struct stream_conf conf;
	char call_id[128];
	struct stream_handlers h;
	void *arg;
	bool up;
	uint32_t local; /* our SSRC in reports about what we receive */
	enum stream_mode mode; /* of what its UE sends */
	const char *reason;
	struct stream_in in;
	struct stream_out out;
	struct stream_job job;
	struct capture *capture;
	enum capture_source source;
	/* split rendering */
	uint64_t render_at, render_told; /* the next one; the last one */
	uint32_t render_ts; /* of the last one */
	struct stream_totals n;
};

struct stream_front {
	struct stream_front_conf conf;
	struct stream_leg *legs;
	unsigned nleg;
	uint64_t ntp, ntp_at;
	struct stream_totals gone; /* of legs that are freed */
};

/* stream.c */
int stream_random(void *out, size_t n);
void stream_meter_add(struct stream_meter *m, size_t bytes, bool frame, uint64_t now);
void stream_meter_tick(struct stream_meter *m, uint64_t now);

/* stream_codec.c */
int stream_by_pt(const struct stream_side *s, uint8_t pt, bool *rtx); /* -1: unknown */
/* The payload type of the same codec in another description: as it is (relay), or as we encode. */
int stream_same(const struct stream_side *s, const struct stream_codec *c, bool exact);
int stream_of_kind(const struct stream_side *s, enum stream_kind kind);
/* RED, its RTX (or NULL) and ULPFEC; 0: not there. */
void stream_find_red(const struct stream_side *s, uint8_t *red, uint8_t *rtx, uint8_t *ulpfec);
/* Frames that we read. */
bool stream_is_frames(enum stream_kind kind);
/* A parameter of a=fmtp; "" if it is not there. */
void stream_parameter(const char *fmtp, const char *name, char *out, size_t cap);
/* sprop-parameter-sets (RFC 6184 8.1) with start codes; the bytes, 0: none, or not understood. */
size_t stream_sprop(const char *fmtp, uint8_t *out, size_t cap);

/* stream_level.c */
/* Of H.264, by the level in both descriptions' a=fmtp. */
void stream_h264_limits(const char *remote, const char *local, struct stream_limits *out);
/* Of the UE of this leg. */
void stream_limits_of(const struct stream_leg *l, enum stream_kind kind, struct stream_limits *out);

/* stream_in.c */
void stream_in_init(struct stream_in *in);
void stream_in_free(struct stream_leg *l);
/* Forgets the stream; the next packet begins one. */
void stream_in_reset(struct stream_leg *l);
void stream_in_rtp(struct stream_leg *l, const struct rtp_packet *p, uint64_t now);
void stream_in_run(struct stream_leg *l, uint64_t now);
void stream_in_feedback(struct stream_leg *l, uint64_t now);
uint64_t stream_in_deadline(const struct stream_leg *l);
void stream_in_want_key(struct stream_leg *l);
const struct stream_codec *stream_in_codec(const struct stream_leg *l); /* NULL: none */

/* stream_job.c */
/* A whole frame of the UE. */
void stream_job_frame(struct stream_leg *l, const struct depay_frame *f, uint64_t now);
/* Frames whose pose has come, or whose time is up. */
void stream_job_run(struct stream_leg *l, uint64_t now);
uint64_t stream_job_deadline(const struct stream_leg *l);
int stream_job_open(struct stream_leg *l, enum armf_op op, enum stream_kind in,
	enum stream_kind out, uint64_t now);
void stream_job_close(struct stream_leg *l);
void stream_job_rate(struct stream_leg *l, uint64_t target);
void stream_drop_held(struct stream_leg *l);
/* What is to be done with what the UE sends now. */
void stream_route(struct stream_leg *l);

/* stream_out.c */
int stream_out_init(struct stream_leg *l);
void stream_out_free(struct stream_leg *l);
void stream_out_stop(struct stream_leg *l); /* its sender is gone */
void stream_out_renew(struct stream_leg *l); /* and what was known of the path */
void stream_out_limit(struct stream_leg *l); /* the description may allow more or less now */
/* One encoded frame to the UE of this leg, of the stream `ssrc`. -EAGAIN: a key frame is needed. */
struct stream_out_frame {
	struct ar_span data;
	uint32_t ts, ssrc, rtx_ssrc;
	bool key;
	int codec; /* of conf.remote */
	const char *cname;
	const struct rtp_ext_values *ext; /* or NULL */
};
int stream_out_frame(struct stream_leg *l, const struct stream_out_frame *f, uint64_t now);
void stream_out_run(struct stream_leg *l, uint64_t now);
uint64_t stream_out_deadline(const struct stream_leg *l);
/* RTCP of the UE of this leg about what it is sent. */
void stream_out_rtcp(struct stream_leg *l, const struct rtcp_packet *p, uint64_t now);
uint64_t stream_out_target(const struct stream_leg *l); /* bit/s, of the pictures */
uint64_t stream_out_rate(const struct stream_leg *l); /* with their parity */
void stream_out_source(struct stream_leg *l, const struct rtcp_sr *sr, uint64_t now);
int stream_send(struct stream_leg *l, uint8_t *packet, size_t n, bool rtcp, uint64_t now);

/* stream_packets.c */
void stream_packets_rtp(struct stream_leg *l, const struct rtp_packet *p, uint64_t now);
void stream_packets_rtcp(struct stream_leg *l, struct ar_span d, uint64_t now);

#endif
