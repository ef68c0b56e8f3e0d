/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job's insides: job.c is the queue and the thread's life, job_frame.c what happens to a frame.
 */
#ifndef JOB_INT_H
#define JOB_INT_H

#include "mediad/armf/codec/codec.h"
#include "mediad/armf/link/link_ring.h"
#include "mediad/armf/proc/job.h"
#include "mediad/armf/proc/scene.h"

#include <stdatomic.h>

/* Wishes that the next frame heeds. */
struct job_wish {
	uint32_t bps, step;
	bool key;
	int snapshot; /* fd, -1 none */
	uint32_t snapshot_serial;
};

struct job {
	struct proc *p;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;

	/* under the lock */
	uint32_t id;
	bool opening, closing;
	struct link_job_open conf;
	struct scene *scene;
	int fd;
	struct link_frame queue[LINK_RING_SLOTS];
	uint64_t came[LINK_RING_SLOTS]; /* when */
	unsigned first, n;
	struct link_ring out;
	struct job_wish wish;

	/* watchdog: written by the thread, read by main */
	atomic_uint stage, progress;
	unsigned seen, ticks; /* main's */

	/* the thread's own */
	uint8_t *memory;
	struct codec_dec *dec;
	struct codec_enc *enc;
	struct codec_picture work; /* drawn upon */
	uint8_t *changed; /* its blocks, since the encoder was given it */
	struct render_view *view;
	struct stage *play;
	struct model *model;
	int own_node;
	bool drew; /* at least once since the model was loaded */
	uint32_t step, seq_out;
	unsigned late, nth;
	uint32_t due; /* RTP time of the next frame under max_fps */
	bool due_set;
};

/* The thread's state of one job; job_frame.c. */
int job_begin(struct job *j, struct ar_buf *why);
void job_end(struct job *j);
void job_work(struct job *j, const struct link_frame *f, bool behind, struct job_wish *w);
void job_enter(struct job *j, enum job_stage stage);

#endif
