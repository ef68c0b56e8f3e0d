/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/dcmf_internal.h"

#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void context_wake(struct context *c)
{
	c->due = 0;
	if (c->active)
		return;
	c->active = true;
	c->next_active = c->d->active;
	c->d->active = c;
}

int context_feed(struct context *c, struct feed **out)
{
	int rc = 0;

	if (!c->feed)
		rc = feed_new(&c->feed, &c->d->conf.armf, c->app, c->call_id, c->d->now);
	if (rc)
		return rc;
	*out = c->feed;
	context_wake(c);
	return 0;
}

void context_end_feed(struct context *c)
{
	feed_free(c->feed);
	c->feed = NULL;
}

struct termination *context_term(const struct context *c, struct ar_span id)
{
	for (unsigned i = 0; i < c->nterm; i++) {
		if (ar_span_eq(ar_span_str(c->term[i]->id), id))
			return c->term[i];
	}
	return NULL;
}

static void term_free(struct termination *t, const char *reason)
{
	struct context *c = t->ctx;

	for (unsigned i = 0; i < t->nmedia; i++)
		medium_free(t->media[i], reason);
	if (t->part)
		app_remove(c->app, t->part, c->d->now);
	free(t);
}

static int term_new(struct context *c, const struct mrm_termination *spec, struct mrm_error *err)
{
	struct termination *t = calloc(1, sizeof(*t));
	char user[MRM_MAX_TEXT + 1];
	int rc = t ? 0 : -ENOMEM;

	snprintf(user, sizeof(user), "%.*s", (int)spec->user.n, spec->user.p ? spec->user.p : "");
	if (!rc) {
		t->ctx = c;
		memcpy(t->id, spec->id.p, spec->id.n);
		rc = app_add(c->app, t->id, user, &t->part);
	}
	if (rc)
		mrm_fail(err, rc == -ENOSPC ? 503 : 500,
			rc == -ENOSPC ? "INSUFFICIENT_RESOURCES" : "SYSTEM_FAILURE",
			"no room for termination %.*s", (int)spec->id.n, spec->id.p);
	for (unsigned i = 0; !rc && i < spec->nmedia; i++) {
		rc = medium_new(&t->media[i], t, &spec->media[i], err);
		if (!rc)
			t->nmedia++;
	}
	if (rc) {
		if (t)
			term_free(t, "refused");
		return rc;
	}
	c->term[c->nterm++] = t;
	return 0;
}

/* It was checked when it was read: only memory can be missing. */
static int start_script(struct context *c, struct script *script)
{
	struct ar_buf why;
	int rc;

	ar_buf_init(&why, 512);
	rc = app_lua_open(c->app, script, &c->d->conf.script, &why);
	if (rc)
		ar_log(AR_LOG_ERR, "dcmf", "application %s: %.*s", script->name, (int)why.n,
			why.p ? why.p : "");
	ar_buf_free(&why);
	return rc;
}

static int make_app(struct context *c, const struct mrm_context *spec, struct mrm_error *err)
{
	const struct dcmf_conf *conf = &c->d->conf;
	struct ar_span name = spec->scene.n ? spec->scene : AR_SPAN("default");
	struct ar_span app =
		spec->application.n ? spec->application : ar_span_str(conf->application);
	const struct scene *from = library_find(conf->scenes, name);
	const struct app_ops *ops = app_ops_find(app);
	struct script *script = ops ? NULL : scripts_find(conf->scripts, app, c->d->now);
	struct scene *scene;
	char names[160];
	int rc;

	if (!from) {
		mrm_fail(err, 400, "OPTIONAL_IE_INCORRECT", "no scene '%.*s'; there are: %s",
			(int)name.n, name.p, library_names(conf->scenes, names, sizeof(names)));
		snprintf(err->param, sizeof(err->param), "/x-ims-ar/scene");
		return -EINVAL;
	}
	if (!ops && !script) {
		mrm_fail(err, 400, "OPTIONAL_IE_INCORRECT",
			"no application '%.*s'; there are: shared-scene, %s", (int)app.n, app.p,
			scripts_names(conf->scripts, names, sizeof(names)));
		snprintf(err->param, sizeof(err->param), "/x-ims-ar/application");
		return -EINVAL;
	}
	snprintf(c->scene, sizeof(c->scene), "%.*s", (int)name.n, name.p);
	rc = scene_clone(&scene, from);
	if (!rc)
		rc = app_new(&c->app, &conf->app, ops, scene);
	if (!rc) {
		app_set_call(c->app, c->call_id);
		app_set_limits(c->app, &spec->limits);
	}
	if (!rc && script)
		rc = start_script(c, script);
	if (rc)
		mrm_fail(err, 500, "SYSTEM_FAILURE", "%s", strerror(-rc));
	return rc;
}

static int set_remotes(struct context *c, const struct mrm_context *spec, struct mrm_error *err)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		struct termination *t = context_term(c, spec->term[i].id);

		for (unsigned k = 0; k < spec->term[i].nmedia; k++) {
			const struct mrm_media *s = &spec->term[i].media[k];
			int rc = medium_set_remote(termination_medium(t, s->id), s, err);

			if (rc)
				return rc;
		}
	}
	return 0;
}

static int make_id(const struct dcmf *d, char *id, size_t cap)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return -EIO;
	snprintf(id, cap, "%u.%016llx", d->conf.worker, (unsigned long long)r);
	return 0;
}

int context_new(struct context **cp, struct dcmf *d, const struct mrm_context *spec, json_t *doc,
	struct mrm_error *err)
{
	struct context *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		mrm_fail(err, 500, "SYSTEM_FAILURE", "out of memory");
		return -ENOMEM;
	}
	c->d = d;
	c->made = d->now;
	c->doc = json_incref(doc);
	snprintf(c->call_id, sizeof(c->call_id), "%.*s", (int)spec->call_id.n,
		spec->call_id.p ? spec->call_id.p : "");
	c->traced = spec->trace;
	if (c->traced)
		ar_log_trace(c->call_id, true);
	rc = make_id(d, c->id, sizeof(c->id));
	if (!rc)
		rc = make_app(c, spec, err);
	for (unsigned i = 0; !rc && i < spec->nterm; i++)
		rc = term_new(c, &spec->term[i], err);
	if (!rc)
		rc = set_remotes(c, spec, err);
	if (!rc)
		context_av_pair(c);
	if (rc)
		context_free(c);
	else
		*cp = c;
	return rc;
}

static void unlink_active(struct context *c)
{
	struct context **pp = &c->d->active;

	while (c->active && *pp) {
		if (*pp == c) {
			*pp = c->next_active;
			c->active = false;
			return;
		}
		pp = &(*pp)->next_active;
	}
}

static void keep_counts(struct context *c)
{
	uint64_t *sum = (uint64_t *)&c->d->stats.ended;
	struct app_stats s;

	app_total(c->app, &s);
	for (size_t i = 0; i < sizeof(s) / sizeof(*sum); i++)
		sum[i] += ((uint64_t *)&s)[i];
}

void context_free(struct context *c)
{
	if (c->app)
		keep_counts(c);
	while (c->nterm)
		term_free(c->term[--c->nterm], "released");
	context_end_feed(c);
	app_free(c->app);
	unlink_active(c);
	if (c->traced)
		ar_log_trace(c->call_id, false);
	json_decref(c->doc);
	free(c);
}

bool context_idle(struct context *c, uint64_t now)
{
	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i]->nmedia; k++) {
			if (c->term[i]->media[k]->state == PEER_CONNECTED) {
				c->idle_since = 0;
				return false;
			}
		}
	}
	if (!c->once_connected)
		return false;
	if (!c->idle_since)
		c->idle_since = now;
	return now - c->idle_since >= (uint64_t)c->d->conf.idle_s * 1000000;
}

/* ---- patch ---- */

static const struct mrm_termination *spec_term(const struct mrm_context *spec, const char *id)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		if (ar_span_eq(spec->term[i].id, ar_span_str(id)))
			return &spec->term[i];
	}
	return NULL;
}

static const struct mrm_media *spec_media(const struct mrm_termination *t, const char *id)
{
	for (unsigned i = 0; t && i < t->nmedia; i++) {
		if (ar_span_eq(t->media[i].id, ar_span_str(id)))
			return &t->media[i];
	}
	return NULL;
}

static int add_media(
	struct termination *t, const struct mrm_termination *spec, struct mrm_error *err)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < spec->nmedia; i++) {
		if (termination_medium(t, spec->media[i].id))
			continue;
		if (t->nmedia == MRM_MAX_MEDIAS) {
			mrm_fail(err, 400, "MODIFICATION_NOT_ALLOWED",
				"remove a medium of %s before adding another", t->id);
			return -EINVAL;
		}
		rc = medium_new(&t->media[t->nmedia], t, &spec->media[i], err);
		if (!rc)
			t->nmedia++;
	}
	return rc;
}

static int add_missing(struct context *c, const struct mrm_context *spec, struct mrm_error *err)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < spec->nterm; i++) {
		struct termination *t = context_term(c, spec->term[i].id);

		if (t) {
			rc = add_media(t, &spec->term[i], err);
		} else if (c->nterm == MRM_MAX_TERMINATIONS) {
			mrm_fail(err, 503, "INSUFFICIENT_RESOURCES", "too many terminations");
			rc = -ENOSPC;
		} else {
			rc = term_new(c, &spec->term[i], err);
		}
	}
	return rc;
}

/* Drops what spec does not have. */
static void drop_others(struct context *c, const struct mrm_context *spec, const char *reason)
{
	for (unsigned i = c->nterm; i-- > 0;) {
		struct termination *t = c->term[i];
		const struct mrm_termination *s = spec_term(spec, t->id);

		for (unsigned k = t->nmedia; s && k-- > 0;) {
			if (spec_media(s, t->media[k]->id))
				continue;
			medium_free(t->media[k], reason);
			t->media[k] = t->media[--t->nmedia];
		}
		if (!s) {
			c->term[i] = c->term[--c->nterm];
			term_free(t, reason);
		}
	}
}

static const json_t *find_by_id(const json_t *list, const char *key, struct ar_span id)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(json_object_get(v, key));

		if (s && ar_span_eq(ar_span_str(s), id))
			return v;
	}
	return NULL;
}

static const json_t *media_json(const json_t *doc, struct ar_span term, struct ar_span media)
{
	const json_t *t = find_by_id(json_object_get(doc, "terminations"), "terminationId", term);

	return find_by_id(json_object_get(t, "medias"), "mediaId", media);
}

static bool same_remote(const json_t *a, const json_t *b)
{
	static const char *const av[] = {"securitySetup", "local", "transport"};
	static const char *const dc[] = {"remoteDcEndpoint", "securitySetup"};
	bool same = a && json_strict_same(json_object_get(a, "remoteMbEndpoint"),
				 json_object_get(b, "remoteMbEndpoint"));

	for (unsigned i = 0; same && i < 2; i++)
		same = json_strict_same(json_object_get(json_object_get(a, "dcMedia"), dc[i]),
			json_object_get(json_object_get(b, "dcMedia"), dc[i]));
	for (unsigned i = 0; same && i < 3; i++)
		same = json_strict_same(json_object_get(json_object_get(a, "x-ims-ar"), av[i]),
			json_object_get(json_object_get(b, "x-ims-ar"), av[i]));
	return same && json_strict_same(json_object_get(json_object_get(a, "x-ims-ar"), "remote"),
			       json_object_get(json_object_get(b, "x-ims-ar"), "remote"));
}

static int accept_media(struct context *c, const struct mrm_context *spec, struct mrm_error *err)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		const struct mrm_termination *s = &spec->term[i];
		struct termination *t = context_term(c, s->id);

		for (unsigned k = 0; t && k < s->nmedia; k++) {
			struct medium *m = termination_medium(t, s->media[k].id);
			int rc = m ? medium_accept(m, &s->media[k], err) : 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}

/* The UE's facts as far as they changed. */
static int update_media(
	struct context *c, const struct mrm_context *spec, const json_t *doc, struct mrm_error *err)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		const struct mrm_termination *s = &spec->term[i];
		struct termination *t = context_term(c, s->id);

		for (unsigned k = 0; k < s->nmedia; k++) {
			struct medium *m = termination_medium(t, s->media[k].id);
			int rc = 0;

			if (!same_remote(media_json(c->doc, s->id, s->media[k].id),
				    media_json(doc, s->id, s->media[k].id)))
				rc = medium_set_remote(m, &s->media[k], err);
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* Nothing of it can fail. */
static void set_av(struct context *c, const struct mrm_context *spec)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		struct termination *t = context_term(c, spec->term[i].id);

		for (unsigned k = 0; k < spec->term[i].nmedia; k++) {
			struct medium *m = termination_medium(t, spec->term[i].media[k].id);

			if (m->leg)
				medium_av_set(m, &spec->term[i].media[k]);
		}
	}
	context_av_pair(c);
}

int context_patch(
	struct context *c, const struct mrm_context *spec, json_t *doc, struct mrm_error *err)
{
	struct mrm_error again;
	struct mrm_context before;
	int rc = add_missing(c, spec, err);

	/* nothing is changed before everything has been looked at */
	if (!rc)
		rc = accept_media(c, spec, err);
	if (!rc)
		rc = update_media(c, spec, doc, err);
	if (rc) {
		/* what was added for this patch goes again */
		if (mrm_read(&before, c->doc, c->d->conf.nets, &again) == 0) {
			drop_others(c, &before, "patch refused");
			(void)accept_media(c, &before, &again);
			mrm_free(&before);
		}
		return rc;
	}
	drop_others(c, spec, "removed");
	set_av(c, spec);
	json_decref(c->doc);
	c->doc = json_incref(doc);
	context_wake(c);
	return 0;
}
