/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A job's insides: job.c is the queue and the thread's life, job_frame.c what happens to a frame.
 */
#ifndef JOB_INT_H
#define JOB_INT_H

#include "mediad/armf/codec/codec.h"
#include "mediad/armf/link/link_ring.h"
#include "mediad/armf/proc/job.h"
#include "mediad/armf/proc/scene.h"
#include "mediad/armf/vp8/splice.h"

#include <stdatomic.h>

/* Wishes that the next frame heeds. */
struct job_wish {
	uint32_t bps, step, max_blocks, max_fps;
	bool key;
	int snapshot; /* fd, -1 none */
	uint32_t snapshot_serial;
};

/* VP8 that is spliced, job_splice.c. Times are RTP's. */
struct job_splice {
	struct splice *s; /* NULL: this job codes everything again */
	enum link_splice state; /* of the last frame */
	bool timed;
	uint32_t ts;
	int64_t ahead; /* bits sent beyond the rate wanted; negative: below */
	bool key_waits; /* somebody wants a key frame, since key_ts */
	uint32_t key_ts;
	bool asked;
	uint32_t ask_ts, ask_gap; /* when the sender was asked for one so that splicing can go on */
	unsigned late; /* frames that came out late, of late */
	unsigned fast; /* how much more often than max_fps they come, of late */
	unsigned box_percent; /* of the picture, drawn upon in the last frame */
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
	struct job_splice splice;
	uint32_t due; /* RTP time of the next frame under max_fps */
	bool due_set;
};

/* The thread's state of one job; job_frame.c. */
int job_begin(struct job *j, struct ar_buf *why);
void job_end(struct job *j);
void job_work(struct job *j, const struct link_frame *f, bool behind, struct job_wish *w);
void job_enter(struct job *j, enum job_stage stage);

/* job_splice.c. What is known of a frame when it is decided how it goes out. */
struct job_shot {
	const struct link_frame *f;
	const struct codec_picture *pic; /* spliced: only around what is drawn, unless whole */
	const struct codec_picture *under; /* that is drawn upon; NULL: pic is */
	struct link_work work;
	bool drawn, hidden;
	bool whole; /* all of the picture is looked at */
	bool behind; /* it waited long, and newer ones wait */
	bool excess; /* more than max_fps or a step down lets out */
	int x, y, width, height; /* of what was drawn */
};
/* Within max_width x max_height, and as stepped down; job_frame.c. */
void job_out_size(const struct job *j, unsigned *w, unsigned *h);
int job_splice_begin(struct job *j);
void job_splice_end(struct job *j);
int job_splice_decode(struct job *j, struct ar_span data, struct codec_picture *pic, bool *hidden);
/* Does this frame go out spliced? If not, why is in s->work. Once a frame that is to be shown or
 * not. */
bool job_splice_use(struct job *j, const struct codec_picture *pic, struct job_shot *s,
	const struct job_wish *w);
/* It is to go out spliced, but more come than should, and no later one needs it. */
bool job_splice_omit(struct job *j, const struct job_shot *s);
/* How much of the picture has been drawn upon. */
void job_splice_painted(struct job *j, const struct job_shot *s);
/* -EMSGSIZE, -EINVAL: the frame is missing in the stream. */
int job_splice_write(struct job *j, struct job_shot *s, struct job_wish *w, struct codec_out *out);
/* What was given did not get out. */
void job_splice_lost(struct job *j);

#endif
