/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job of a media processor: one direction of a video stream. A thread of its own decodes every
 * frame, and draws and encodes those that are not late. Threads are made before the sandbox and
 * take one job after the other.
 *
 * Called by the main thread, except job_thread().
 */
#ifndef JOB_H
#define JOB_H

#include "mediad/armf/proc/proc.h"

/* A frame that has waited that long while a newer one waits is left out: the job is behind. Several
 * that come at once are not, they are drawn one after the other. */
#define JOB_LATE_MS 30
#define JOB_MAX_LATE 4 /* left out in a row; then one is drawn */

enum job_stage {
	JOB_IDLE,
	JOB_START,
	JOB_DECODE,
	JOB_LOAD,
	JOB_FIRST, /* drawing for the first time: shaders may have to be compiled */
	JOB_DRAW,
	JOB_ENCODE,
	JOB_STAGES
};

int job_new(struct job **out, struct proc *p) __attribute__((warn_unused_result));

uint32_t job_id(struct job *j); /* 0: free */
/* Takes over fd. The scene is counted, NULL: none yet. LINK_JOB_UP follows. */
void job_open(
	struct job *j, uint32_t id, const struct link_job_open *m, struct scene *scene, int fd);
void job_close(struct job *j);
/* Returns false when the worker broke the rules (more frames than there is room for). */
bool job_frame(struct job *j, const struct link_frame *f);
bool job_taken(struct job *j, uint32_t seq);
void job_set(struct job *j, const struct link_job_set *m);
/* Takes over fd; the next frame that goes out. */
void job_snapshot(struct job *j, uint32_t serial, int fd);
/* Once a tick: the stage it is stuck in, JOB_IDLE when it is not. */
enum job_stage job_watch(struct job *j);

#endif
