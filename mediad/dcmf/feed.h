/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a context tells the media processors of its scene (call flow steps 12 and 13): the document
 * when the first AR medium needs it and after changes that can be seen, node poses on every turn of
 * the loop in between. And the other way round: which pose messages concern a UE's own video.
 *
 * Made by the context with its first AR medium that draws, freed with the last or with the context.
 * One thread: the worker's loop. It reads the scene through a view of its own (scene.h), so a scene
 * that nobody draws costs nothing. The pool is reached through a table: unit tests and tools that
 * have no processors leave it empty.
 */
#ifndef FEED_H
#define FEED_H

#include "mediad/armf/front/capture.h"
#include "mediad/dcmf/app.h"

#define FEED_COALESCE 100000 /* least time between two documents */
#define FEED_RETRY 1000000 /* after one that could not be given */
#define FEED_MAX_LISTENERS 256

/* armf_scene_*() of armf_pool.h; pool NULL: media processing is off. */
struct feed_pool {
	struct armf_pool *pool;
	int (*open)(
		struct armf_pool *p, struct ar_span document, const char *call_id, uint32_t *scene);
	int (*update)(struct armf_pool *p, uint32_t scene, struct ar_span document);
	void (*pose)(struct armf_pool *p, uint32_t scene, unsigned node, const float t[3],
		const float r[4], uint64_t at);
	void (*close)(struct armf_pool *p, uint32_t scene);
};

struct feed_stats {
	uint64_t documents, failed, poses;
};

struct feed;
typedef void feed_pose_cb(void *arg, const struct capture_pose *pose, uint64_t now);

/* Opens the scene at once. pool and call_id must outlive it. -ENOSYS without a pool, else what
 * open() says. */
int feed_new(struct feed **out, const struct feed_pool *pool, struct app *app, const char *call_id,
	uint64_t now) __attribute__((warn_unused_result));
void feed_free(struct feed *f);
uint32_t feed_scene(const struct feed *f); /* for struct armf_job_conf */

/* The poses that this participant sends, as soon as they come; late ones too. A listener may take
 * itself off inside cb. -ENOSPC. */
int feed_listen(struct feed *f, const struct participant *p, feed_pose_cb *cb, void *arg)
	__attribute__((warn_unused_result));
void feed_unlisten(struct feed *f, const void *arg);
/* The whole document again with the next run: a processor has begun anew. */
void feed_again(struct feed *f);

/* At the end of each turn; returns when to come again, AR_NEVER: when the scene changes. */
uint64_t feed_run(struct feed *f, uint64_t now);
const struct feed_stats *feed_get_stats(const struct feed *f);

#endif
