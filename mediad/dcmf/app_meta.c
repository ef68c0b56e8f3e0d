/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step 9 and 10: what comes on a UE's metadata channel; poses. Actions: app_action.c. */
#include "mediad/dcmf/app_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct input {
	struct participant *p;
	uint64_t now;
};

/* XR clocks start anew when a UE's session does, so going back is only wrong while others come. */
static bool time_ok(struct participant *p, const struct meta_pose *m, uint64_t now)
{
	if (!m->has_time || !p->has_time || m->time >= p->last_time)
		return true;
	return now - p->last_accepted > APP_STALE_RESET;
}

static void count_refused(struct app_stats *s, int err)
{
	switch (err) {
	case -EDOM:
		s->poses_not_finite++;
		break;
	case -ERANGE:
		s->poses_range++;
		break;
	default:
		s->poses_quaternion++;
	}
}

/* The policy's limit. A pose that comes too early is held, the last one counts: a UE that stops
 * moving is shown where it is. Half an interval of jitter is nobody's fault. */
static bool too_early(struct participant *p, const struct scene_pose *pose, uint64_t now)
{
	unsigned hz = p->limits.pose_hz;
	uint64_t interval = hz ? AR_SEC / hz : 0;

	if (!hz)
		return false;
	if (now + interval / 2 < p->pose_due) {
		p->stats.poses_limited++;
		p->held = *pose;
		p->has_held = true;
		return true;
	}
	p->has_held = false;
	p->pose_due = (p->pose_due + interval > now ? p->pose_due : now) + interval;
	return false;
}

uint64_t app_pose_run(struct participant *p, uint64_t now)
{
	if (!p->has_held)
		return AR_NEVER;
	if (now < p->pose_due)
		return p->pose_due;
	p->has_held = false;
	p->pose_due = now + AR_SEC / p->limits.pose_hz;
	p->stats.poses++;
	if (p->node >= 0)
		scene_set_pose(p->app->scene, (unsigned)p->node, &p->held);
	return AR_NEVER;
}

static void on_pose(struct participant *p, const struct meta_pose *m, uint64_t now)
{
	struct app *a = p->app;
	struct scene_pose pose;
	int err;

	if (!m->has_orientation || p->node < 0) {
		p->stats.poses_bad++;
		return;
	}
	pose = *scene_node_pose(a->scene, (unsigned)p->node);
	err = scene_pose_set(&pose, m->has_position ? m->p : NULL, m->q);
	if (err) {
		count_refused(&p->stats, err);
		return;
	}
	p->stats.poses_of_frames += m->has_rtp;
	if (a->pose_cb)
		a->pose_cb(a->pose_arg, p, m, &pose, now);
	if (!time_ok(p, m, now)) {
		/* a frame's pose comes after its encoding: the scene has a newer one */
		p->stats.poses_stale += !m->has_rtp;
		return;
	}
	p->has_time = m->has_time;
	p->last_time = m->time;
	p->last_accepted = now;
	if (!p->stats.at_first_pose)
		p->stats.at_first_pose = now;
	if (too_early(p, &pose, now))
		return;
	p->stats.poses++;
	scene_set_pose(a->scene, (unsigned)p->node, &pose);
}

/* ---- dispatch ---- */

static enum app_type type_of(const struct app_types *t, struct ar_span urn)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (ar_span_eq(urn, ar_span_str(t->item[i].urn)))
			return t->item[i].type;
	}
	return APP_TYPE_NONE;
}

/* The type decides when it is one of the table, else the members do. */
static enum app_type kind_of(const struct app *a, const struct meta_message *m)
{
	enum app_type t = m->type.p ? type_of(&a->conf->types, m->type) : APP_TYPE_NONE;

	if (t != APP_TYPE_NONE)
		return t;
	if (m->has_pose)
		return APP_TYPE_POSE;
	if (m->action.p)
		return APP_TYPE_ACTION;
	return m->resync ? APP_TYPE_RESYNC : APP_TYPE_NONE;
}

static void on_message(void *arg, const struct meta_message *m)
{
	struct input *in = arg;
	struct participant *p = in->p;

	switch (kind_of(p->app, m)) {
	case APP_TYPE_POSE:
		if (m->has_pose)
			on_pose(p, &m->pose, in->now);
		else
			p->stats.poses_bad++;
		break;
	case APP_TYPE_ACTION:
		if (m->action.p || m->body.p)
			app_action_input(p, m->action.p ? m->action : m->body, in->now);
		else
			p->stats.meta_bad++;
		break;
	case APP_TYPE_RESYNC:
		p->stats.resyncs++;
		p->resync_wanted = true;
		break;
	case APP_TYPE_NONE:
		if (!p->app->ops->on_message || !m->type.p || !m->body.p ||
			!p->app->ops->on_message(p->app, p, m->type, m->body))
			p->stats.meta_unknown++;
		break;
	}
}

static void refused(struct participant *p, size_t n, int err)
{
	AR_LOG_CALL(p->call_id);
	if (err == -E2BIG)
		p->stats.meta_too_big++;
	else
		p->stats.meta_bad++;
	ar_log_limited(AR_LOG_INFO, "app", "%s: metadata message of %zu bytes dropped: %s", p->name,
		n, err == -E2BIG ? "too large" : "not the expected JSON");
}

void app_meta_input(struct participant *p, struct ar_span data, uint64_t now)
{
	struct input in = {p, now};
	int err;

	p->app->now = now;
	err = meta_scan(data, on_message, &in);
	if (err)
		refused(p, data.n, err);
}
