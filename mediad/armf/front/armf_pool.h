/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The media processors of one media worker: exec'd processes (mediad-armf) that decode, draw and
 * encode, so that codecs, image decoders and OpenGL never run where calls are kept. ARMF, call flow
 * steps 12 and 13.
 *
 * A job is one direction of one video stream: encoded frames in, encoded frames out, in order,
 * through shared memory. A scene is a call's scene as the DCMF has it; jobs of that call draw it.
 *
 * Owner and thread: the worker's loop. Nothing here blocks. Jobs and scenes are named by ids, an
 * id is never used again. When a processor dies or hangs its jobs get on_state(false), then
 * on_state(true) once a new one runs and has the scenes again; frames given meanwhile are dropped
 * and counted, the owner relays. A job is never freed inside one of its own handlers. Times are
 * microseconds, monotonic (common/daemon/ar_clock.h), the same clock in all processes.
 */
#ifndef ARMF_POOL_H
#define ARMF_POOL_H

#include "common/ar_buf.h"
#include "mediad/rtp/depay.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct armf_pool;

enum armf_op {
	ARMF_RELAY, /* no processor: frames go on as they are */
	ARMF_OVERLAY, /* the call's scene, drawn onto the sender's video at its pose */
	ARMF_SPLIT_RENDER, /* the call's scene alone, from the receiver's pose (TS 26.565) */
};

/* Where the camera is and what it sees; right-handed, +Y up, looking along -Z, metres. */
struct armf_camera {
	float position[3], orientation[4]; /* x y z w */
	float fov_y; /* radians, of the frame's height; 0: projection */
	float projection[16]; /* column-major, as WebXR's projectionMatrix */
};

#define ARMF_MAX_FRAME (1u << 20) /* encoded bytes */

struct armf_job_conf {
	enum armf_op op;
	enum depay_codec in, out;
	uint32_t scene; /* of armf_scene_open() */
	char own[64]; /* name of the participant whose view it is: its avatar is not drawn */
	unsigned max_width, max_height, max_fps; /* 0: as it comes */
	unsigned max_blocks; /* macroblocks of a picture; likewise */
	uint32_t start_bps;
	const char *call_id; /* for logs; copied */
};

struct armf_frame_in {
	struct ar_span data; /* copied before the call returns */
	uint32_t ts; /* RTP */
	bool key;
	uint64_t capture; /* when it was taken, our clock: nodes are drawn as they were then */
	unsigned views; /* 0: camera unknown or too old, nothing is drawn */
	struct armf_camera camera[2];
};

struct armf_frame_out {
	struct ar_span data; /* valid during the handler */
	uint32_t ts;
	bool key;
	bool drawn; /* false: the scene is not in it (hidden, or stepped down) */
	bool splices; /* what comes goes out again as it is, or would if its rate allowed */
	uint16_t width, height;
	float pose[7]; /* position and orientation it was drawn at */
};

struct armf_job_handlers {
	void (*on_frame)(void *arg, const struct armf_frame_out *f);
	void (*on_need_key)(void *arg); /* the decoder cannot go on without one */
	/* false: frames are not processed now, with the reason ("processor died", "overload", ...)
	 */
	void (*on_state)(void *arg, bool up, const char *reason);
};

struct armf_job_stats {
	uint64_t in, out, drawn, cached, dropped, late, undecodable;
	uint64_t spliced; /* of out: VP8 of which only what was drawn upon was coded again */
	uint64_t blocks, recoded; /* macroblocks of these, and those that are not as they came */
	const char *splice; /* "spliced", or why not now, in a word (docs/mrm.md); "": no frame yet
			     */
	uint32_t decode_us, draw_us, encode_us; /* CPU time of one frame, smoothed */
	uint16_t width, height, fps;
	uint8_t step; /* 0: full quality, each step down is smaller or slower */
};

struct armf_pool_conf {
	const char *program; /* path of mediad-armf */
	unsigned processes; /* kept running; 0: media processing is off */
	unsigned max_jobs; /* per process */
	unsigned cpu_percent; /* of one core and process that jobs may use; above it -EBUSY */
	unsigned memory_mb; /* resident, per process; above it the process is replaced */
	const char *platform; /* "surfaceless" "device" "auto" */
	int device; /* -1: the first */
	const char *cache_dir; /* of Mesa's shaders; NULL: none */
	unsigned max_triangles;
	const char *h264; /* encoder: "x264" "openh264"; NULL: x264 */
	bool splice; /* VP8 that comes and goes as VP8 */
	const char *assets; /* folder that relative URIs of scenes are in */
};

struct armf_pool_stats {
	unsigned running, jobs, scenes;
	uint64_t started, died, hung, over_memory, refused, frames_in, frames_out, frames_dropped;
	uint64_t frames_spliced, blocks, blocks_recoded; /* macroblocks of spliced frames */
	uint64_t splice_ends[10]; /* by enum link_splice (link_msg.h): why splicing ended */
	uint32_t cpu_permille; /* of what jobs may use, the busiest process */
	char renderer[128];
};

int armf_pool_new(struct armf_pool **out, const struct armf_pool_conf *conf,
	struct event_base *base) __attribute__((warn_unused_result));
void armf_pool_free(struct armf_pool *p); /* ends its processes; all jobs are gone */
void armf_pool_get_stats(const struct armf_pool *p, struct armf_pool_stats *out);

/* A scene: the whole document (glTF JSON), sent again to a new process by itself. -E2BIG, -ENOMEM.
 */
int armf_scene_open(struct armf_pool *p, struct ar_span document, const char *call_id,
	uint32_t *scene) __attribute__((warn_unused_result));
/* Structure changed: the whole document again; coalesced, the processor keeps what is the same. */
int armf_scene_update(struct armf_pool *p, uint32_t scene, struct ar_span document)
	__attribute__((warn_unused_result));
/* The hot path: a node's pose, valid from `at` on. A second of history is kept per node. */
void armf_scene_pose(struct armf_pool *p, uint32_t scene, unsigned node, const float t[3],
	const float r[4], uint64_t at);
void armf_scene_close(struct armf_pool *p, uint32_t scene);

/* -EBUSY: no room by count or by measured cost; -ENOSYS: processing is off; -ENOENT: no such
 * scene; -ENOMEM. */
int armf_job_open(struct armf_pool *p, const struct armf_job_conf *conf,
	const struct armf_job_handlers *h, void *arg, uint32_t *job)
	__attribute__((warn_unused_result));
void armf_job_close(struct armf_pool *p, uint32_t job);
/* -ENOBUFS: the job is behind, the frame was dropped and the decoder asks for a key frame when it
 * needs one; -ENOTCONN: no processor now; -ENOENT; -EMSGSIZE. */
int armf_job_frame(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f)
	__attribute__((warn_unused_result));
/* ARMF_SPLIT_RENDER has no frames in: draw one now, at these views, with this RTP timestamp. */
int armf_job_render(struct armf_pool *p, uint32_t job, const struct armf_frame_in *f)
	__attribute__((warn_unused_result));
void armf_job_want_key(struct armf_pool *p, uint32_t job); /* of the encoder */
void armf_job_set_rate(struct armf_pool *p, uint32_t job, uint32_t bps);
/* max_blocks and max_fps of the configuration, from the next frame on. */
void armf_job_set_limits(struct armf_pool *p, uint32_t job, unsigned max_blocks, unsigned max_fps);
int armf_job_get_stats(const struct armf_pool *p, uint32_t job, struct armf_job_stats *out);
/* The next frame as it goes out, as PNG: done() once, with a negative errno in err: -ETIMEDOUT if
 * there is none in 2 s, -ECANCELED from within armf_job_close(), -ENOTCONN when its processor goes.
 * Returns -EBUSY while one is under way, -ENOTCONN, -ENOENT. */
int armf_job_snapshot(struct armf_pool *p, uint32_t job,
	void (*done)(void *arg, int err, struct ar_span png), void *arg)
	__attribute__((warn_unused_result));

#endif
