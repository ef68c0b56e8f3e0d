/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool with the real program, a loop, and streams through it. A test says what it waits for;
 * times are limits for a loaded machine, not expectations.
 */
#ifndef RIG_H
#define RIG_H

#include "../common/cmocka_all.h"
#include "clip.h"
#include "mediad/armf/front/armf_pool_int.h"

#define RIG_JOBS 8
#define RIG_SEC 150 /* nothing takes longer, also with a sanitizer on a busy machine */

struct rig;

struct rig_stream {
	struct rig *rig;
	uint32_t job;
	struct clip clip;
	struct codec_dec *dec; /* the receiver */
	struct codec_picture last; /* what it saw; borrowed */
	struct armf_camera camera;
	unsigned views;
	bool paused, up, relay;
	unsigned ups, downs, need_key, out, keys, drawn, undecoded;
	bool want_key; /* of the sender */
	uint32_t last_ts;
	uint64_t capture; /* 0: now */
	size_t bytes;
	char reason[64];
	float pose[7];
};

struct rig {
	struct event_base *base;
	struct event *clock;
	struct armf_pool *pool;
	struct armf_pool_conf conf;
	struct rig_stream s[RIG_JOBS];
	unsigned n;
	unsigned fps;
};

void rig_open(struct rig *r, const struct armf_pool_conf *conf); /* NULL: one process, software */
void rig_close(struct rig *r);
/* Turns the loop until done(arg) says so; fails after RIG_SEC. */
void rig_until(struct rig *r, bool (*done)(void *arg), void *arg, const char *what);
void rig_turn(struct rig *r, unsigned ms);
/* Opens a job and feeds it with `fps` frames a second from now on. */
struct rig_stream *rig_stream(struct rig *r, const struct armf_job_conf *c, unsigned w, unsigned h);
void rig_stream_end(struct rig_stream *s);
/* Until so many more frames have come out. */
void rig_frames(struct rig_stream *s, unsigned n);
void rig_until_up(struct rig_stream *s);
pid_t rig_pid(const struct rig *r); /* of the first process */
uint32_t rig_scene(struct rig *r, const char *file); /* in tests/unit/armf */
/* Children of this process now. */
unsigned rig_children(void);
unsigned rig_fds(void);
/* A camera 2 m in front of the origin, looking at it. */
struct armf_camera rig_camera(void);

#endif
