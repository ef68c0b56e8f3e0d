/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scene and the application of a context, which other contexts may share. */
#include "mediad/dcmf/dcmf_internal.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void room_wake(struct room *r)
{
	r->due = 0;
	if (r->active)
		return;
	r->active = true;
	r->next_active = r->d->active;
	r->d->active = r;
}

void context_wake(struct context *c)
{
	room_wake(c->room);
}

int context_feed(struct context *c, struct feed **out)
{
	struct room *r = c->room;
	int rc = 0;

	if (!r->feed)
		rc = feed_new(&r->feed, &r->d->conf.armf, r->app, r->call_id, r->d->now);
	if (rc)
		return rc;
	*out = r->feed;
	room_wake(r);
	return 0;
}

void room_end_feed(struct room *r)
{
	feed_free(r->feed);
	r->feed = NULL;
}

void app_stats_add(struct app_stats *sum, const struct app_stats *s)
{
	uint64_t *out = (uint64_t *)sum;
	const uint64_t *in = (const uint64_t *)s;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*out); i++)
		out[i] += in[i];
}

/* ---- a new one ---- */

/* It was checked when it was read: only memory can be missing. */
static int start_script(struct room *r, struct script *script)
{
	struct ar_buf why;
	int rc;

	ar_buf_init(&why, 512);
	rc = app_lua_open(r->app, script, &r->d->conf.script, &why);
	if (rc)
		ar_log(AR_LOG_ERR, "dcmf", "application %s: %.*s", script->name, (int)why.n,
			why.p ? why.p : "");
	ar_buf_free(&why);
	return rc;
}

static int no_such(struct mrm_error *err, const char *what, struct ar_span name, const char *are)
{
	mrm_fail(err, 400, "OPTIONAL_IE_INCORRECT", "no %s '%.*s'; there are: %s", what,
		(int)name.n, name.p, are);
	snprintf(err->param, sizeof(err->param), "/x-ims-ar/%s", what);
	return -EINVAL;
}

static int make_app(struct room *r, const struct app_limits *limits, struct mrm_error *err)
{
	const struct dcmf_conf *conf = &r->d->conf;
	struct ar_span name = ar_span_str(r->scene), app = ar_span_str(r->application);
	const struct scene *from = library_find(conf->scenes, name);
	const struct app_ops *ops = app_ops_find(app);
	struct script *script = ops ? NULL : scripts_find(conf->scripts, app, r->d->now);
	struct scene *scene;
	char names[160] = "shared-scene, ";
	int rc;

	if (!from)
		return no_such(
			err, "scene", name, library_names(conf->scenes, names, sizeof(names)));
	if (!ops && !script) {
		scripts_names(conf->scripts, names + 14, sizeof(names) - 14);
		return no_such(err, "application", app, names);
	}
	rc = scene_clone(&scene, from);
	if (!rc)
		rc = app_new(&r->app, &conf->app, ops, scene);
	if (!rc) {
		app_set_call(r->app, r->call_id);
		app_set_limits(r->app, limits);
	}
	if (!rc && script)
		rc = start_script(r, script);
	if (rc)
		mrm_fail(err, 500, "SYSTEM_FAILURE", "%s", strerror(-rc));
	return rc;
}

static struct room **bucket(struct dcmf *d, const char *share)
{
	return &d->rooms[dcmf_bucket(ar_span_str(share))];
}

static void unlink_active(struct room *r)
{
	struct room **pp = &r->d->active;

	while (r->active && *pp) {
		if (*pp == r) {
			*pp = r->next_active;
			r->active = false;
			return;
		}
		pp = &(*pp)->next_active;
	}
}

static void keep_counts(struct room *r)
{
	struct app_stats s;

	app_total(r->app, &s);
	app_stats_add(&r->d->stats.ended, &s);
}

static void room_free(struct room *r)
{
	struct room **pp;

	for (pp = bucket(r->d, r->share); *pp; pp = &(*pp)->next) {
		if (*pp != r)
			continue;
		*pp = r->next;
		r->d->nrooms--;
		break;
	}
	if (r->app)
		keep_counts(r);
	room_end_feed(r);
	app_free(r->app);
	unlink_active(r);
	free(r);
}

static void copy(char *out, size_t cap, struct ar_span s)
{
	snprintf(out, cap, "%.*s", (int)s.n, s.p ? s.p : "");
}

static int room_new(struct room **rp, struct dcmf *d, const struct room *want,
	const struct mrm_context *spec, struct mrm_error *err)
{
	struct room *r = malloc(sizeof(*r));
	int rc;

	if (!r) {
		mrm_fail(err, 500, "SYSTEM_FAILURE", "out of memory");
		return -ENOMEM;
	}
	*r = *want;
	rc = make_app(r, &spec->limits, err);
	if (rc) {
		room_free(r);
		return rc;
	}
	if (r->share[0]) {
		struct room **b = bucket(d, r->share);

		r->next = *b;
		*b = r;
		d->nrooms++;
	}
	*rp = r;
	return 0;
}

/* ---- in and out ---- */

static struct room *find(struct dcmf *d, const struct room *want)
{
	struct room *r = want->share[0] ? *bucket(d, want->share) : NULL;

	while (r && (strcmp(r->share, want->share) != 0 || strcmp(r->scene, want->scene) != 0 ||
			    strcmp(r->application, want->application) != 0))
		r = r->next;
	return r;
}

int room_enter(struct context *c, const struct mrm_context *spec, struct mrm_error *err)
{
	const struct dcmf_conf *conf = &c->d->conf;
	struct room want = {.d = c->d}, *r;
	int rc = 0;

	/* names too long to be there are cut and not found */
	copy(want.share, sizeof(want.share), spec->share);
	copy(want.scene, sizeof(want.scene), spec->scene.n ? spec->scene : AR_SPAN("default"));
	copy(want.application, sizeof(want.application),
		spec->application.n ? spec->application : ar_span_str(conf->application));
	copy(want.call_id, sizeof(want.call_id), spec->call_id);
	r = find(c->d, &want);
	if (r) {
		c->d->stats.joined_rooms++;
		AR_LOG_CALL(c->call_id);
		ar_log(AR_LOG_INFO, "dcmf", "joins '%s', in which %u are already", r->share,
			app_participants(r->app));
	} else {
		rc = room_new(&r, c->d, &want, spec, err);
	}
	if (rc)
		return rc;
	snprintf(c->scene, sizeof(c->scene), "%s", r->scene);
	c->room = r;
	c->app = r->app;
	c->next_in_room = r->contexts;
	r->contexts = c;
	r->ncontext++;
	return 0;
}

void room_leave(struct context *c)
{
	struct room *r = c->room;
	struct context **pp = &r->contexts;

	while (*pp && *pp != c)
		pp = &(*pp)->next_in_room;
	if (*pp)
		*pp = c->next_in_room;
	c->room = NULL;
	c->app = NULL;
	if (--r->ncontext == 0)
		room_free(r);
	else
		room_wake(r); /* the others are told who has left */
}

void room_name(const struct room *r, const char *id, char *out, size_t cap)
{
	snprintf(out, cap, "%s", id);
	for (unsigned i = 2; app_has_participant(r->app, out); i++)
		snprintf(out, cap, "%.50s.%u", id, i);
}

int room_has_place(const struct context *c, struct mrm_error *err)
{
	const struct room *r = c->room;
	unsigned n = app_participants(r->app), max = APP_MAX_PARTICIPANTS;

	if (c->limits.participants && c->limits.participants < max)
		max = c->limits.participants;
	if (n < max)
		return 0;
	r->d->stats.rooms_full++;
	mrm_fail(err, 403, "SHARE_FULL", "%u participants in '%s' are the limit", max, r->share);
	snprintf(err->param, sizeof(err->param), "/x-ims-ar/share");
	return -ENOSPC;
}
