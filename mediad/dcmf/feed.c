/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/feed.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdlib.h>

#define MOVED 64 /* nodes taken off the view at a time */

struct listener {
	const struct participant *p; /* NULL: gone, its place is free */
	feed_pose_cb *cb;
	void *arg;
};

struct feed {
	const struct feed_pool *pool;
	struct app *app;
	const char *call_id;
	uint32_t scene;
	struct scene_view view;
	uint64_t looks, sent_at, retry_at;
	bool again;
	unsigned nlistener;
	struct listener listener[FEED_MAX_LISTENERS];
	struct ar_buf text;
	struct feed_stats stats;
};

/* ---- the scene, outwards ---- */

static int write_document(struct feed *f)
{
	struct scene *s = app_scene(f->app);
	unsigned node[MOVED];

	ar_buf_reset(&f->text);
	f->looks = scene_looks(s);
	f->again = false;
	while (scene_view_moved(s, &f->view, node, MOVED) == MOVED)
		;
	return scene_write(s, &f->text);
}

static struct ar_span document(const struct feed *f)
{
	return (struct ar_span){f->text.p, f->text.n};
}

int feed_new(struct feed **out, const struct feed_pool *pool, struct app *app, const char *call_id,
	uint64_t now)
{
	struct feed *f;
	int err;

	if (!pool->pool)
		return -ENOSYS;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->pool = pool;
	f->app = app;
	f->call_id = call_id;
	f->sent_at = now;
	ar_buf_init(&f->text, 2 * SCENE_MAX_BYTES);
	err = scene_view_open(app_scene(app), &f->view);
	if (err) {
		free(f);
		return err;
	}
	err = write_document(f);
	if (!err)
		err = pool->open(pool->pool, document(f), call_id, &f->scene);
	ar_buf_free(&f->text);
	if (err) {
		scene_view_close(app_scene(app), &f->view);
		free(f);
		return err;
	}
	f->stats.documents++;
	*out = f;
	return 0;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	app_set_pose_cb(f->app, NULL, NULL);
	f->pool->close(f->pool->pool, f->scene);
	scene_view_close(app_scene(f->app), &f->view);
	ar_buf_free(&f->text);
	free(f);
}

uint32_t feed_scene(const struct feed *f)
{
	return f->scene;
}

const struct feed_stats *feed_get_stats(const struct feed *f)
{
	return &f->stats;
}

void feed_again(struct feed *f)
{
	f->again = true;
}

static void send_document(struct feed *f, uint64_t now)
{
	int err = write_document(f);

	if (!err)
		err = f->pool->update(f->pool->pool, f->scene, document(f));
	ar_buf_free(&f->text);
	f->sent_at = now;
	if (!err) {
		f->stats.documents++;
		return;
	}
	f->stats.failed++;
	f->again = true;
	f->retry_at = now + FEED_RETRY;
	AR_LOG_CALL(f->call_id);
	ar_log_limited(AR_LOG_WARN, "feed", "the scene cannot be given to the media processors: %s",
		strerror(-err));
}

static void pose_floats(const struct scene_pose *p, float t[3], float r[4])
{
	for (unsigned i = 0; i < 3; i++)
		t[i] = (float)p->t[i] / SCENE_T_UNIT;
	for (unsigned i = 0; i < 4; i++)
		r[i] = (float)p->r[i] / SCENE_R_UNIT;
}

static void send_poses(struct feed *f, uint64_t now)
{
	struct scene *s = app_scene(f->app);
	unsigned node[MOVED], n;
	float t[3], r[4];

	do {
		n = scene_view_moved(s, &f->view, node, MOVED);
		for (unsigned i = 0; i < n; i++) {
			pose_floats(scene_node_pose(s, node[i]), t, r);
			f->pool->pose(f->pool->pool, f->scene, node[i], t, r, now);
		}
		f->stats.poses += n;
	} while (n == MOVED);
}

/* A document that waits does not hold the poses up: what it adds is not drawn before it comes. */
uint64_t feed_run(struct feed *f, uint64_t now)
{
	uint64_t due = AR_NEVER;

	if (f->again || f->looks != scene_looks(app_scene(f->app))) {
		due = f->sent_at + FEED_COALESCE;
		if (due < f->retry_at)
			due = f->retry_at;
		if (due <= now) {
			send_document(f, now);
			due = f->again ? f->retry_at : AR_NEVER;
		}
	}
	send_poses(f, now);
	return due;
}

/* ---- the poses of a UE, to its own video ---- */

static void read_lens(const struct meta_pose *m, unsigned view, struct capture_lens *l)
{
	if (meta_read_projection(m->projection[view], l->projection))
		l->kind = CAPTURE_LENS_PROJECTION;
	else if (meta_read_fov(m->fov[view], l->fov))
		l->kind = CAPTURE_LENS_FOV;
}

static void make_pose(
	struct capture_pose *out, const struct meta_pose *m, const struct scene_pose *middle)
{
	struct scene_pose eye[2];

	*out = (struct capture_pose){.has_time = m->has_time,
		.has_rtp = m->has_rtp,
		.has_ssrc = m->has_ssrc,
		.time = m->time,
		.rtp = m->rtp,
		.ssrc = m->ssrc,
		.views = 1};
	for (unsigned i = 0; i < 2; i++)
		read_lens(m, i, &out->lens[i]);
	if (m->has_eyes && scene_pose_set(&eye[0], m->eye[0].p, m->eye[0].q) == 0 &&
		scene_pose_set(&eye[1], m->eye[1].p, m->eye[1].q) == 0) {
		out->views = 2;
		pose_floats(&eye[0], out->position[0], out->orientation[0]);
		pose_floats(&eye[1], out->position[1], out->orientation[1]);
		return;
	}
	pose_floats(middle, out->position[0], out->orientation[0]);
}

static void on_pose(void *arg, const struct participant *p, const struct meta_pose *m,
	const struct scene_pose *middle, uint64_t now)
{
	struct feed *f = arg;
	struct capture_pose pose;
	bool made = false;

	for (unsigned i = 0; i < f->nlistener; i++) {
		if (f->listener[i].p != p)
			continue;
		if (!made)
			make_pose(&pose, m, middle);
		made = true;
		f->listener[i].cb(f->listener[i].arg, &pose, now);
	}
}

int feed_listen(struct feed *f, const struct participant *p, feed_pose_cb *cb, void *arg)
{
	unsigned i = 0;

	while (i < f->nlistener && f->listener[i].p)
		i++;
	if (i == FEED_MAX_LISTENERS)
		return -ENOSPC;
	f->listener[i] = (struct listener){p, cb, arg};
	if (i == f->nlistener)
		f->nlistener++;
	app_set_pose_cb(f->app, on_pose, f);
	return 0;
}

void feed_unlisten(struct feed *f, const void *arg)
{
	bool any = false;

	for (unsigned i = 0; i < f->nlistener; i++) {
		if (f->listener[i].arg == arg)
			f->listener[i].p = NULL;
		any = any || f->listener[i].p;
	}
	if (!any)
		app_set_pose_cb(f->app, NULL, NULL);
}
