/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a UE's camera was when a frame of its video was taken (call flow step 12). Drawn at the
 * latest pose an object swims: 60 degrees a second and 50 ms are 38 pixels at 720p. So a second of
 * poses is kept and the one of the frame's capture time is worked out from, in this order:
 *
 *   pose-rtp          a pose message that names the frame's RTP timestamp, or the poses around it
 *   xr-pose           the uplink header extension urn:3gpp:xr-pose (TS 26.522 4.3) in the frame
 *   abs-capture-time  that header extension's time, brought to the pose clock
 *   sender-report     the frame's NTP time from sender reports (RFC 3550 6.4.1), likewise
 *   latest            when the frame came, less a set delay
 *
 * Four clocks, none of them trusted: ours; the UE's XR clock (poseTime, any epoch, unit found from
 * its pace); the UE's NTP clock (may be an hour off); RTP. Each is tied to ours by the least delay
 * seen lately; that delay is about the same for poses and sender reports of one UE and cancels out.
 *
 * Called by the AR media of a context: one struct capture for each video stream that is drawn on.
 * One thread: the worker's loop. Pure: no clock, no socket; times are microseconds of our monotonic
 * clock unless said otherwise. Bounded: CAPTURE_POSES poses. Never fails on what a UE sends.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "mediad/armf/front/armf_pool.h"

#define CAPTURE_POSES 256
#define CAPTURE_STEP                                                                               \
	4000 /* closer poses replace each other: CAPTURE_POSES of them are a second                \
	      */
#define CAPTURE_WAIT 10000 /* for the pose of a frame */
#define CAPTURE_EXTRAPOLATE 100000 /* beyond the last pose; then nothing is drawn */
#define CAPTURE_JUMP 1000000 /* a clock that is off by more than this has been set anew */

struct capture;

enum capture_source {
	CAPTURE_NONE,
	CAPTURE_POSE_RTP,
	CAPTURE_XR_POSE,
	CAPTURE_ABS_TIME,
	CAPTURE_REPORT,
	CAPTURE_LATEST,
	CAPTURE_SOURCES,
};
const char *capture_source_name(enum capture_source s); /* as above; "none" */

/* How a camera sees; TS 26.119 table 12.2-1 `fov`, or WebXR's projectionMatrix. */
enum capture_lens_kind { CAPTURE_LENS_KEEP, CAPTURE_LENS_FOV, CAPTURE_LENS_PROJECTION };
struct capture_lens {
	enum capture_lens_kind kind; /* KEEP: as it was told before */
	float fov[4]; /* left, right, up, down: radians, left and down negative */
	float projection[16]; /* column-major */
};

/* A pose message of the UE (docs/messages.md), already checked: finite, unit quaternions. */
struct capture_pose {
	bool has_time, has_rtp, has_ssrc;
	double time; /* poseTime as sent */
	uint32_t rtp, ssrc; /* of the frame that it belongs to */
	unsigned views; /* 1, or 2: left and right eye */
	float position[2][3], orientation[2][4]; /* metres; x y z w */
	struct capture_lens lens[2];
};

struct capture_conf {
	uint32_t clock; /* of RTP; 0: 90000 */
	float fov_y; /* radians, until the UE tells its own; 0: 1.0 */
	uint32_t delay; /* from taking a frame to its arrival, beyond that of poses; 0: 20 ms */
	uint32_t encode_delay; /* part of it inside the UE; 0: 10 ms */
	bool stereo; /* both eyes as they are; false: one camera in the middle */
};

/* What is known of a frame. NTP is 32.32 of the UE's clock. */
struct capture_frame {
	uint32_t ts, ssrc;
	uint64_t arrived; /* its last packet */
	bool has_capture_time; /* abs-capture-time, with the offset already added */
	uint64_t capture_time;
	bool has_ntp; /* rtp_recv_ntp() */
	uint64_t ntp;
	struct ar_span xr_pose; /* AR_SPAN_NONE: not there */
};

struct capture_shot {
	unsigned views; /* 0: not known well enough, draw nothing */
	struct armf_camera camera[2];
	uint64_t at; /* when it was taken, our clock; the network's delay is not taken off: what
		      * the UE did at that time reached us then, so nodes are drawn as of then */
	enum capture_source source;
	bool extrapolated;
	uint64_t deadline; /* -EAGAIN: ask again then, or when a pose has come */
};

struct capture_stats {
	uint64_t poses, thinned, too_old, restarts, bad_xr_pose;
	uint64_t shots[CAPTURE_SOURCES]; /* CAPTURE_NONE: hidden */
	uint64_t waited; /* in vain */
	uint64_t extrapolated;
};

int capture_new(struct capture **out, const struct capture_conf *conf)
	__attribute__((warn_unused_result));
void capture_free(struct capture *c);
void capture_pose(struct capture *c, const struct capture_pose *p, uint64_t now);
/* A sender report of the stream. */
void capture_report(struct capture *c, uint64_t ntp, uint64_t now);
/* The camera of a frame. -EAGAIN at most until f->arrived + CAPTURE_WAIT; else 0, views may be 0.
 * Each frame is counted once, when 0 is returned. */
int capture_frame(struct capture *c, const struct capture_frame *f, uint64_t now,
	struct capture_shot *out) __attribute__((warn_unused_result));
/* The newest pose (split rendering draws for it). views 0: none in the last second. */
void capture_latest(const struct capture *c, uint64_t now, struct capture_shot *out);
const struct capture_stats *capture_get_stats(const struct capture *c);

/*
 * The value of urn:3gpp:xr-pose: 28 bytes "6DOF" x y z rx ry rz rw, or 16 bytes "3DOF" rx ry rz rw,
 * each an IEEE 754 binary32, big-endian (docs/messages.md says why). has_position tells which.
 * -EBADMSG: another length, not finite, or no rotation.
 */
int capture_xr_pose_read(struct ar_span value, float position[3], bool *has_position,
	float orientation[4]) __attribute__((warn_unused_result));
/* The bytes written: 28, or 16 with position NULL. */
size_t capture_xr_pose_write(uint8_t out[28], const float position[3], const float orientation[4]);

#endif
