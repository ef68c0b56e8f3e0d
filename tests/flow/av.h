/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a video call through the ARMF's streams, on virtual time: a UE that sends, two
 * legs with a network each, a UE that shows. Frames name themselves and carry a checksum; one that
 * is not a key frame may only be shown after the one right before it. Jobs are a stand-in.
 */
#ifndef AV_H
#define AV_H

#include "mediad/armf/front/stream.h"
#include "mediad/rtp/bwe.h"
#include "mediad/rtp/rtp_recv.h"
#include "mediad/rtp/rtp_send.h"
#include "mediad/rtp/twcc_recv.h"

#define AV_MS 1000ull
#define AV_SEC 1000000ull
#define AV_FPS 30
#define AV_INFLIGHT 4096
#define AV_MAX_FRAMES 4096 /* of one test, for their times */

struct av_packet {
	uint64_t at;
	bool rtcp;
	size_t n; /* 0: free */
	uint8_t d[STREAM_MAX_PACKET];
};

struct av_pipe { /* one way */
	unsigned loss, duplicate, reorder; /* per mille */
	uint64_t delay, rate, max_queue; /* us; bit/s, 0: any; us, then it drops */
	uint64_t free_at, queue;
	unsigned top;
	struct av_packet p[AV_INFLIGHT];
};

struct av_sender { /* a UE's camera */
	struct bwe *bwe;
	struct rtp_send *send;
	enum depay_codec codec;
	uint32_t number;
	unsigned since_key;
	bool key_next, silent, deaf; /* deaf: to wishes for key frames */
	int64_t clock_off; /* of its wall clock, us */
	uint64_t remb;
	uint64_t made[AV_MAX_FRAMES]; /* by number */
};

struct av_viewer {
	struct rtp_recv *recv;
	struct depay *depay;
	struct twcc_recv twcc;
	enum depay_codec codec;
	bool red;
	uint32_t shown;
	unsigned nshown, nkeys, broken;
	uint64_t shown_at, freeze; /* the longest between two frames */
	uint32_t ts;
	uint64_t jump; /* the most that timestamps went ahead or back, beside the clock; us */
	uint64_t worst_delay, delays, ndelay; /* from the camera to here */
	uint64_t stalled; /* until then it is not scheduled: what comes is read afterwards */
	uint32_t ssrc;
	char cname[64];
	int64_t skew; /* the worst of its mapping to the sender's clock, us */
	unsigned reports;
};

struct av_job { /* what a stand-in for the pool does */
	bool open, up, key;
	const struct armf_job_handlers *h;
	void *arg;
	struct armf_job_conf conf;
	uint32_t rate;
	unsigned opened, frames, want_key, renders;
	int refuse; /* of the next open */
	uint64_t delay; /* us of work */
	struct {
		uint64_t at;
		uint32_t ts, number, size;
		bool key;
	} work[64];
	bool may_splice; /* VP8 to VP8 as av_splice.h does */
	bool splice; /* so now */
	uint64_t spliced, spliced_at; /* frames, the last one */
	unsigned asked; /* for key frames of the camera */
	unsigned undrawn; /* frames without a pose */
	unsigned nwork;
	uint32_t emitted;
	unsigned since_key;
	bool drawn_last;
};

struct av {
	uint64_t now, seed;
	struct stream_front *front;
	struct stream_leg *a, *b;
	struct stream_conf conf_a, conf_b;
	struct av_pipe up, up_back, down, down_back; /* UE a to us, us to a; us to b, b to us */
	struct av_sender cam;
	struct av_viewer view;
	struct av_job job;
	unsigned wakes;
	uint64_t stalled; /* until then mediad is not scheduled */
};

extern struct av av;

struct av_options {
	enum armf_op op;
	enum depay_codec in, out;
	uint64_t start; /* bit/s of the camera */
	uint32_t max_kbps;
	bool no_pool, no_rtx;
	bool splice;
	bool red; /* every side has RED and ULPFEC */
	bool no_remb; /* the camera heeds its own line only */
	int64_t clock_off;
	uint64_t seed; /* of the networks; 0: any */
};

void av_begin(const struct av_options *o);
void av_end(void);
void av_run(uint64_t us);
/* The camera's UE goes on with another of its codecs. */
void av_camera_codec(enum depay_codec c);
/* A new description of both legs: that codec alone, and camera and viewer follow. */
void av_codec(enum depay_codec c);
/* The stand-in's processor dies, or is back. */
void av_job_up(bool up, const char *reason);
unsigned av_random(unsigned n);
/* Says what became of the call so far. */
void av_print(const char *what);
/* Of a leg's stream: "relay", "processing", ... */
const char *av_state(struct stream_leg *l);

#endif
