/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The media processor, program mediad-armf: made by a media worker, talks with it over one socket
 * (link/link_msg.h), decodes, draws and encodes. What it reads is hostile, so it has no files, no
 * network and no new processes once it has started (sandbox.h), and when it dies a call loses some
 * pictures and nothing else.
 *
 * Threads, all made before the sandbox: main (messages, watchdog), one per job (a job is serial),
 * one "side" thread (documents, assets, snapshots). Lock order: scene table, scene; job; none is
 * held while drawing, coding or sending.
 */
#ifndef PROC_H
#define PROC_H

#include "mediad/armf/codec/codec.h"
#include "mediad/armf/gltf/model.h"
#include "mediad/armf/link/link_msg.h"
#include "mediad/armf/render/render.h"

#include <pthread.h>

#define PROC_MAX_JOBS 256
#define PROC_SPARE_JOBS 2 /* threads that finish with a closed job while a new one starts */
#define PROC_MAX_SCENES 256
#define PROC_MAX_WARM 4 /* GL contexts made before the first job */
#define PROC_TICK_MS 100
#define PROC_BEAT_TICKS 2
#define PROC_STUCK_TICKS 10 /* a second without progress */
#define PROC_SLOW_TICKS 100 /* the same while a scene goes to the GPU or a job starts */

struct job;
struct scene;
struct side;

struct proc_conf {
	struct render_conf render;
	unsigned max_jobs;
	enum codec_h264 h264;
};

struct proc {
	struct proc_conf conf;
	int sock;
	struct render *render;
	uint64_t hash_key[2];
	struct side *side;
	struct scene *scene[PROC_MAX_SCENES];
	unsigned njob;
	struct job *job[PROC_MAX_JOBS + PROC_SPARE_JOBS];
};

/* Blocks while the worker is busy; ends the process when it is gone. Any thread. */
void proc_send(struct proc *p, const struct link_msg *m);
/* Runs until the worker goes away. The process's exit status. */
int proc_run(struct proc *p);

#endif
