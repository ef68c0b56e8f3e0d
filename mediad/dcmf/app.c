/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/app_internal.h"
#include "mediad/dcmf/interact.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SCENE_PROTOCOL "mpeg-sd"
#define META_PROTOCOL "3gpp-ar-metadata"

int app_types_add(struct app_types *t, const char *list, enum app_type type)
{
	struct ar_span rest = ar_span_str(list);

	while (rest.n) {
		const char *comma = memchr(rest.p, ',', rest.n);
		struct ar_span one = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};

		rest.p += one.n + (comma ? 1 : 0);
		rest.n -= one.n + (comma ? 1 : 0);
		one = ar_span_trim(one);
		if (one.n == 0)
			continue;
		if (t->n == APP_MAX_TYPES || one.n >= sizeof(t->item[0].urn))
			return -E2BIG;
		memcpy(t->item[t->n].urn, one.p, one.n);
		t->item[t->n].urn[one.n] = '\0';
		t->item[t->n++].type = type;
	}
	return 0;
}

const struct app_ops *app_ops_find(struct ar_span name)
{
	static const struct app_ops *const known[] = {&app_shared};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (ar_span_eq(name, ar_span_str(known[i]->name)))
			return known[i];
	}
	return NULL;
}

int app_new(struct app **ap, const struct app_conf *conf, const struct app_ops *ops,
	struct scene *scene)
{
	struct app *a = calloc(1, sizeof(*a));
	int err;

	if (!a) {
		scene_free(scene);
		return -ENOMEM;
	}
	a->conf = conf;
	a->ops = ops;
	a->scene = scene;
	ar_buf_init(&a->out, 2 * SCENE_MAX_BYTES);
	err = interact_open(&a->interact, a);
	if (err)
		app_free(a);
	else
		*ap = a;
	return err;
}

void app_set_call(struct app *a, const char *call_id)
{
	a->call_id = call_id;
}

void app_set_limits(struct app *a, const struct app_limits *l)
{
	a->limits = *l;
}

bool app_room_for_node(const struct app *a)
{
	struct scene_stats s;

	scene_get_stats(a->scene, &s);
	s.nodes -= s.gone;
	return s.nodes < SCENE_MAX_NODES && (!a->limits.nodes || s.nodes < a->limits.nodes);
}

void app_set_pose_cb(struct app *a, app_pose_cb *cb, void *arg)
{
	a->pose_cb = cb;
	a->pose_arg = arg;
}

static void participant_free(struct app *a, struct participant *p)
{
	if (p->view_open)
		scene_view_close(a->scene, &p->view);
	app_action_reset(p);
	free(p->log);
	free(p);
}

void app_free(struct app *a)
{
	if (!a)
		return;
	app_lua_close(a);
	interact_close(a->interact);
	while (a->n)
		participant_free(a, a->p[--a->n]);
	scene_free(a->scene);
	ar_buf_free(&a->out);
	free(a);
}

int app_add(struct app *a, const char *name, const char *user, struct participant **pp)
{
	struct participant *p;

	if (a->n == APP_MAX_PARTICIPANTS)
		return -ENOSPC;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->app = a;
	p->node = -1;
	p->call_id = a->call_id;
	p->limits = a->limits;
	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->user, sizeof(p->user), "%s", user);
	a->p[a->n++] = p;
	*pp = p;
	return 0;
}

void app_participant_of(struct participant *p, const char *call_id, const struct app_limits *limits)
{
	p->call_id = call_id;
	p->limits = *limits;
}

unsigned app_participants(const struct app *a)
{
	return a->n;
}

bool app_has_participant(const struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->p[i]->name, name) == 0)
			return true;
	}
	return false;
}

static void join(struct participant *p, uint64_t now)
{
	struct app *a = p->app;
	int err;

	if (p->joined)
		return;
	a->now = now;
	err = a->ops->on_join(a, p);
	if (err)
		ar_log(AR_LOG_WARN, "app", "%s cannot be shown in the scene: %s", p->name,
			strerror(-err));
	p->joined = true;
}

static void leave(struct participant *p, uint64_t now)
{
	struct app *a = p->app;

	if (!p->joined)
		return;
	a->now = now;
	p->joined = false;
	app_action_reset(p);
	a->ops->on_leave(a, p);
}

static void add(struct app_stats *sum, const struct app_stats *s)
{
	uint64_t *out = (uint64_t *)sum;
	const uint64_t *in = (const uint64_t *)s;

	for (size_t k = 0; k < sizeof(*sum) / sizeof(*out); k++)
		out[k] += in[k];
}

void app_remove(struct app *a, struct participant *p, uint64_t now)
{
	leave(p, now);
	for (unsigned i = 0; i < a->n; i++) {
		if (a->p[i] == p) {
			a->p[i] = a->p[--a->n];
			break;
		}
	}
	add(&a->gone, &p->stats);
	if (p->node >= 0 && a->nspare < APP_MAX_PARTICIPANTS)
		a->spare[a->nspare++] = (unsigned)p->node;
	participant_free(a, p);
}

static void open_scene(
	struct participant *p, struct peer *peer, const struct peer_channel *ch, uint64_t now)
{
	if (p->view_open)
		scene_view_reset(&p->view);
	else if (scene_view_open(p->app->scene, &p->view) != 0)
		return;
	p->view_open = true;
	p->view.own = p->node;
	p->scene = (struct app_channel){peer, ch->id, true};
	p->blocked = false;
	p->last_sent = p->slot = 0;
	p->own_due = now;
	p->base_rtt = 0;
	p->rtt_at = now;
}

void app_on_channel(
	struct participant *p, struct peer *peer, const struct peer_channel *ch, uint64_t now)
{
	if (strcmp(ch->subprotocol, SCENE_PROTOCOL) == 0) {
		if (!ch->ordered || ch->max_retr >= 0 || ch->max_time >= 0) {
			ar_log_limited(AR_LOG_WARN, "app",
				"%s: mpeg-sd on channel %u is not ordered and reliable: closed",
				p->name, ch->id);
			peer_close_channel(peer, ch->id);
			return;
		}
		join(p, now);
		open_scene(p, peer, ch, now);
	} else if (strcmp(ch->subprotocol, META_PROTOCOL) == 0) {
		p->meta = (struct app_channel){peer, ch->id, ch->max_retr < 0 && ch->max_time < 0};
		app_action_reset(p);
		join(p, now);
	}
}

static bool is_channel(const struct app_channel *c, const struct peer *peer, uint16_t id)
{
	return c->peer == peer && c->id == id;
}

static void close_scene(struct participant *p)
{
	p->scene.peer = NULL;
	if (p->view_open)
		scene_view_close(p->app->scene, &p->view);
	p->view_open = false;
}

void app_on_channel_closed(struct participant *p, struct peer *peer, uint16_t id, uint64_t now)
{
	if (p->scene.peer && is_channel(&p->scene, peer, id))
		close_scene(p);
	if (p->meta.peer && is_channel(&p->meta, peer, id))
		p->meta.peer = NULL;
	if (!p->scene.peer && !p->meta.peer)
		leave(p, now);
}

void app_on_peer_closed(struct participant *p, struct peer *peer, uint64_t now)
{
	if (p->scene.peer == peer)
		close_scene(p);
	if (p->meta.peer == peer)
		p->meta.peer = NULL;
	if (!p->scene.peer && !p->meta.peer)
		leave(p, now);
}

bool app_on_message(
	struct participant *p, struct peer *peer, uint16_t id, struct ar_span data, uint64_t now)
{
	if (!is_channel(&p->meta, peer, id) && !is_channel(&p->scene, peer, id))
		return false;
	app_meta_input(p, data, now);
	return true;
}

void app_on_writable(struct participant *p, struct peer *peer)
{
	if (p->scene.peer == peer)
		p->blocked = false;
}

static void measure(struct participant *p, uint64_t now)
{
	struct app_measure *m = &p->measure;
	double seconds = (double)(now - m->since) / AR_SEC;

	if (now - m->since < AR_SEC)
		return;
	m->rates.pose_hz = m->since ? (double)(p->stats.poses - m->poses) / seconds : 0;
	m->rates.update_hz = m->since ? (double)(p->stats.updates - m->updates) / seconds : 0;
	m->since = now;
	m->poses = p->stats.poses;
	m->updates = p->stats.updates;
}

void app_participant_rates(struct participant *p, uint64_t now, struct app_rates *out)
{
	measure(p, now);
	*out = p->measure.rates;
	out->revision = p->view_open && !p->view.whole ? p->view.sent_rev : 0;
}

uint64_t app_run(struct app *a, uint64_t now)
{
	uint64_t due = AR_NEVER, look;

	a->now = now;
	if (a->ops->run)
		due = a->ops->run(a, now);
	for (unsigned i = 0; i < a->n; i++) {
		uint64_t pose = app_pose_run(a->p[i], now);

		measure(a->p[i], now);
		due = pose < due ? pose : due;
	}
	look = interact_due(a->interact, now);
	due = look < due ? look : due;
	for (unsigned i = 0; i < a->n; i++) {
		uint64_t act = app_action_due(a->p[i], now), t = app_send_due(a->p[i], now);

		if (act < t)
			t = act;
		if (t < due)
			due = t;
	}
	return due;
}

struct scene *app_scene(struct app *a)
{
	return a->scene;
}

const struct app_stats *app_participant_stats(const struct participant *p)
{
	return &p->stats;
}

const char *app_participant_name(const struct participant *p)
{
	return p->name;
}

const char *app_participant_user(const struct participant *p)
{
	return p->user;
}

bool app_participant_joined(const struct participant *p)
{
	return p->joined;
}

unsigned app_joined(const struct app *a)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++)
		n += a->p[i]->joined;
	return n;
}

/* Every member is a counter; the sum of the three times means nothing and is cleared. */
void app_total(const struct app *a, struct app_stats *sum)
{
	*sum = a->gone;
	for (unsigned i = 0; i < a->n; i++)
		add(sum, &a->p[i]->stats);
	sum->at_scene = sum->at_first_pose = sum->at_first_update = 0;
	app_lua_count(a, sum);
	if (a->interact) {
		const struct interact_stats *s = interact_get_stats(a->interact);

		sum->behaviors = s->fired;
		sum->behavior_actions = s->actions;
		sum->behavior_dropped = s->dropped;
	}
}
