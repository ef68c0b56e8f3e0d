/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Step 9 and 10: poses and user actions from a UE's metadata channel. */
#include "mediad/dcmf/app_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ACTION_DEPTH 8

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
	p->stats.poses++;
	if (!p->stats.at_first_pose)
		p->stats.at_first_pose = now;
	scene_set_pose(a->scene, (unsigned)p->node, &pose);
}

/* ---- actions: acknowledged, applied once ---- */

static uint64_t hash_id(struct ar_span s)
{
	uint64_t h = 1469598103934665603ull;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211ull;
	return h ? h : 1;
}

static int find_action(const struct app_log *l, uint64_t hash)
{
	for (unsigned i = 0; i < APP_ACTION_WINDOW; i++) {
		if (l->item[i].hash == hash)
			return (int)i;
	}
	return -1;
}

static void acknowledge(struct participant *p, const json_t *id, unsigned at)
{
	const char *code = p->log->item[at].code;
	json_t *ack, *j;

	if (p->log->item[at].pending)
		return;
	ack = json_pack(
		"{s:O, s:b, s:I}", "id", id, "ok", !*code, "rev", (json_int_t)p->log->item[at].rev);
	j = json_pack("{s:s, s:o}", "type", "urn:x-imsar:action-ack:1", "ack", ack);
	if (j && *code) {
		json_object_set_new(ack, "code", json_string(code));
		json_object_set_new(ack, "reason", json_string(p->log->item[at].reason));
	}
	if (j)
		app_send_meta(p, j);
	json_decref(j);
}

/* What became of an action, for its acknowledgement and those of its repetitions. */
static void settle(struct participant *p, unsigned at, const struct app_refusal *no)
{
	struct scene_stats s;

	if (*no->code)
		p->stats.actions_refused++;
	else
		p->stats.actions++;
	scene_get_stats(p->app->scene, &s);
	p->log->item[at].pending = false;
	p->log->item[at].rev = s.rev;
	memcpy(p->log->item[at].code, no->code, sizeof(no->code));
	memcpy(p->log->item[at].reason, no->reason, sizeof(no->reason));
}

void app_action_done(
	struct participant *p, uint64_t hash, const json_t *id, const struct app_refusal *no)
{
	int at = p->log ? find_action(p->log, hash) : -1;

	if (at < 0 || !p->log->item[at].pending)
		return;
	settle(p, (unsigned)at, no);
	acknowledge(p, id, (unsigned)at);
}

static unsigned apply(struct participant *p, const struct app_action *act)
{
	struct app_refusal no = {.pending = false};
	unsigned at = p->log->n++ % APP_ACTION_WINDOW;

	p->log->item[at].hash = act->hash;
	p->log->item[at].pending = true;
	if (act->name.n == 0) {
		snprintf(no.code, sizeof(no.code), "malformed");
		snprintf(no.reason, sizeof(no.reason), "no name");
	} else {
		p->app->ops->on_action(p->app, p, act, &no);
	}
	if (!no.pending)
		settle(p, at, &no);
	return at;
}

static struct ar_span string_member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_string(v))
		return AR_SPAN_NONE;
	return (struct ar_span){json_string_value(v), json_string_length(v)};
}

/* An id is a string or a whole number; 7 and "7" are the same action. */
static bool read_id(const json_t *o, char *buf, size_t cap, struct ar_span *out)
{
	const json_t *id = json_object_get(o, "id");

	if (json_is_string(id) && json_string_length(id) > 0 && json_string_length(id) < cap) {
		*out = (struct ar_span){json_string_value(id), json_string_length(id)};
		return true;
	}
	if (!json_is_integer(id))
		return false;
	out->n = (size_t)snprintf(buf, cap, "%lld", (long long)json_integer_value(id));
	out->p = buf;
	return true;
}

static void on_action(struct participant *p, struct ar_span text)
{
	struct json_strict_error err;
	struct app_action act;
	json_t *j = NULL;
	char id[APP_MAX_NAME];
	int at;

	if (text.n <= APP_MAX_ACTION)
		j = json_strict_load(text, ACTION_DEPTH, &err);
	if (!p->log)
		p->log = calloc(1, sizeof(*p->log));
	if (!p->log || !json_is_object(j) || !read_id(j, id, sizeof(id), &act.id)) {
		p->stats.meta_bad++;
		json_decref(j);
		return;
	}
	act.name = string_member(j, "name");
	act.body = j;
	act.hash = hash_id(act.id);
	at = find_action(p->log, act.hash);
	if (at >= 0)
		p->stats.actions_repeated++;
	else
		at = (int)apply(p, &act);
	acknowledge(p, json_object_get(j, "id"), (unsigned)at);
	json_decref(j);
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
			on_action(p, m->action.p ? m->action : m->body);
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
	AR_LOG_CALL(p->app->call_id);
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
