/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages between a media worker ("front") and one of its media processors ("proc"): one datagram
 * of a SOCK_SEQPACKET pair each, structs of fixed size in the machine's byte order (both ends are
 * of one build, the hello says so), with at most one file descriptor.
 *
 * Encoded frames are in shared memory that the front makes (link_ring.h); a message says where.
 * Nothing that steers either side is in shared memory, and the front never takes a file descriptor
 * from a processor. Pure; both sides check what they get with link_msg_check() first.
 *
 * Scenes and jobs are named by the front's ids. A message about one that is gone is not an error.
 * Times: microseconds, CLOCK_MONOTONIC.
 */
#ifndef LINK_MSG_H
#define LINK_MSG_H

#include "mediad/armf/front/armf_pool.h"

#define LINK_VERSION 0x41520003u
#define LINK_MAX_URI 1024
#define LINK_MAX_WHY 256
#define LINK_MAX_DOCUMENT (16u << 20)
#define LINK_MAX_ASSET (64u << 20)
#define LINK_MAX_PNG (16u << 20)
#define LINK_MAX_NODES 65535 /* poses are kept for node numbers below this */
#define LINK_MAX_STEP 3

enum link_type {
	/* front to processor */
	LINK_SCENE = 1, /* fd: the document */
	LINK_SCENE_CLOSE,
	LINK_POSE,
	LINK_ASSET, /* fd: the bytes, none with an error */
	LINK_JOB_OPEN, /* fd: shared memory of LINK_RING_BYTES twice, frames in, frames out */
	LINK_JOB_CLOSE,
	LINK_JOB_SET,
	LINK_FRAME,
	LINK_TAKEN,
	LINK_SNAPSHOT, /* fd: memory of LINK_MAX_PNG */
	/* processor to front */
	LINK_HELLO = 64,
	LINK_BEAT,
	LINK_WANT_ASSET,
	LINK_SCENE_DONE,
	LINK_JOB_UP,
	LINK_OUT,
	LINK_DONE,
	LINK_SNAPPED,
};

struct link_head {
	uint32_t type;
	uint32_t id; /* of the scene or job; 0 where there is none */
};

/* ---- front to processor ---- */

struct link_scene {
	uint64_t epoch; /* animations began then */
	uint64_t at; /* the document is as of then */
	uint32_t size, serial;
};

struct link_pose {
	uint64_t at;
	uint32_t node, has; /* 1: t, 2: r */
	float t[3], r[4];
};

struct link_asset {
	uint32_t serial; /* of LINK_WANT_ASSET */
	int32_t err;
	uint32_t size;
};

struct link_job_open {
	uint32_t op, in, out, scene;
	uint32_t max_width, max_height, max_fps, max_blocks, start_bps, step, splice;
	char own[64], call_id[128];
};

struct link_job_set {
	uint32_t bps; /* 0: as it is */
	uint32_t max_blocks, max_fps; /* as in link_job_open */
	uint32_t step;
	uint32_t want_key;
};

struct link_camera {
	float position[3], orientation[4], fov_y, projection[16];
};

struct link_frame {
	uint64_t capture;
	uint32_t seq; /* of this job, from 1, growing */
	uint32_t offset, size; /* in the ring of frames in; size 0: nothing to decode, render */
	uint32_t ts, key, views;
	struct link_camera camera[2];
};

struct link_taken {
	uint32_t seq; /* of LINK_OUT: this and all before */
};

struct link_snapshot {
	uint32_t serial;
};

/* ---- processor to front ---- */

struct link_hello {
	uint32_t version, hardware;
	char renderer[128];
};

struct link_beat {
	uint64_t cpu_us; /* of the process since its start */
	uint32_t stuck; /* a job whose thread makes no progress, 0: none */
	uint32_t stuck_stage;
};

struct link_want_asset {
	uint32_t serial, scene;
	char uri[LINK_MAX_URI];
};

struct link_scene_done {
	int32_t err;
	uint32_t serial, triangles;
	char why[LINK_MAX_WHY];
};

struct link_job_up {
	int32_t err; /* not 0: the job could not be made */
	char why[LINK_MAX_WHY];
};

/* What one frame came to; LINK_OUT and LINK_DONE carry it. */
enum link_fate {
	LINK_FATE_OUT,
	LINK_FATE_HIDDEN, /* the decoder showed nothing */
	LINK_FATE_LATE, /* a newer frame was there already */
	LINK_FATE_STEP, /* left out by max_fps or a step down */
	LINK_FATE_RATE, /* left out by rate control */
	LINK_FATE_BROKEN, /* could not be decoded */
	LINK_FATE_FULL, /* no room for what would come out */
	LINK_FATE_FAILED, /* encoder or renderer */
	LINK_FATES
};

/* How VP8 goes out that came as VP8. */
enum link_splice {
	LINK_SPLICE_OFF, /* coded again, by configuration or codecs */
	LINK_SPLICED,
	/* coded again, because */
	LINK_SPLICE_STEP, /* stepped down, or pictures are to be smaller */
	LINK_SPLICE_FAST, /* more pictures a second come than max_fps */
	LINK_SPLICE_RATE, /* what comes is more than the receiver's line takes */
	LINK_SPLICE_KEY, /* a key frame was wanted, and the sender's did not come */
	LINK_SPLICE_BOX, /* most of the picture is drawn upon */
	LINK_SPLICE_LATE, /* the job is behind: coded again, frames may be left out */
	LINK_SPLICE_WAIT, /* the sender's next key frame is waited for */
	LINK_SPLICE_FAILED, /* a profile other than 0, or a frame too long */
	LINK_SPLICES
};

struct link_work {
	uint32_t seq; /* of LINK_FRAME */
	uint32_t fate, need_key, cached;
	uint32_t ask_key; /* one would be welcome; frames go on meanwhile */
	uint32_t splice; /* enum link_splice */
	uint32_t blocks, recoded; /* macroblocks of a spliced frame; of these not as they came */
	uint32_t decode_us, draw_us, encode_us; /* CPU */
};

struct link_out {
	struct link_work work;
	uint32_t seq; /* of the frames out, from 1, growing by 1 */
	uint32_t offset, size; /* in the ring of frames out */
	uint32_t ts, key, drawn;
	uint32_t width, height;
	float pose[7];
};

struct link_done {
	struct link_work work;
};

struct link_snapped {
	uint32_t serial, size;
	int32_t err;
};

struct link_msg {
	struct link_head h;
	union {
		struct link_scene scene;
		struct link_pose pose;
		struct link_asset asset;
		struct link_job_open job_open;
		struct link_job_set job_set;
		struct link_frame frame;
		struct link_taken taken;
		struct link_snapshot snapshot;
		struct link_hello hello;
		struct link_beat beat;
		struct link_want_asset want_asset;
		struct link_scene_done scene_done;
		struct link_job_up job_up;
		struct link_out out;
		struct link_done done;
		struct link_snapped snapped;
	} u;
};

enum link_side { LINK_FROM_FRONT, LINK_FROM_PROC };

/* Bytes of a message of this type; 0: there is no such type. */
size_t link_msg_size(uint32_t type);
/*
 * Is this, as received with nfd file descriptors, a message that the other side may send? Texts are
 * terminated, numbers within their limits, floats finite. Returns NULL, or what is wrong with it.
 */
const char *link_msg_check(const struct link_msg *m, size_t n, unsigned nfd, enum link_side from);
/* A relative name that goes no way up and has no scheme (as model.h has it). */
bool link_uri_ok(const char *uri);
/* "spliced", or why not, in a word (docs/mrm.md); "off". */
const char *link_splice_name(uint32_t splice);

#endif
