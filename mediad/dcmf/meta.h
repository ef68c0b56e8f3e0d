/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages on a `3gpp-ar-metadata` channel (TS 26.264 6.2, TS 26.119 12.2; docs/messages.md): what
 * type they are, and the pose in them, read in place. Tolerated: a bare object,
 * `{"type","message"}`, and an envelope `{"messages":[...]}`. Pure, any thread.
 */
#ifndef META_H
#define META_H

#include "common/ar_span.h"

#include <stdint.h>

#define META_MAX_BYTES 65536 /* of one data channel message */
#define META_MAX_MESSAGES 32 /* in one envelope */

/* The viewer's pose out of poseInfo: the first entry; the middle between two eyes. */
struct meta_pose {
	bool has_time, has_position, has_orientation;
	bool has_rtp, has_ssrc; /* it belongs to a frame of the UE's video */
	bool has_eyes; /* eye[] */
	double time;
	double p[3], q[4]; /* x y z, x y z w */
	unsigned views;
	uint32_t rtp, ssrc;
	struct { /* as they came, left and right */
		double p[3], q[4];
	} eye[2];
	struct ar_span fov[2], projection[2]; /* JSON text, not yet looked into; or AR_SPAN_NONE */
};

struct meta_message {
	struct ar_span type; /* AR_SPAN_NONE: none given */
	struct ar_span action; /* JSON text of its `action` object, or AR_SPAN_NONE */
	struct ar_span body; /* JSON text of its `message` object, or AR_SPAN_NONE */
	bool resync; /* it had a `resync` member */
	bool has_pose; /* it had a poseInfo */
	struct meta_pose pose;
};

typedef void meta_handler(void *arg, const struct meta_message *m);

/* Calls h for every message, in order. 0, -EBADMSG (not such JSON; earlier ones of the same
 * envelope have been handled), -E2BIG. */
int meta_scan(struct ar_span text, meta_handler *h, void *arg) __attribute__((warn_unused_result));

/* A pose's `fov` {"angleLeft","angleRight","angleUp","angleDown"} (radians) and `projectionMatrix`
 * (16 numbers, column-major). False: not that. */
bool meta_read_fov(struct ar_span text, float angle[4]);
bool meta_read_projection(struct ar_span text, float m[16]);

#endif
