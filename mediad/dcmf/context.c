/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/dcmf_internal.h"

#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

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
	struct termination *t;
	char user[MRM_MAX_TEXT + 1], name[APP_MAX_NAME + 1];
	int rc = room_has_place(c, err);

	if (rc)
		return rc;
	t = calloc(1, sizeof(*t));
	rc = t ? 0 : -ENOMEM;
	snprintf(user, sizeof(user), "%.*s", (int)spec->user.n, spec->user.p ? spec->user.p : "");
	if (!rc) {
		t->ctx = c;
		memcpy(t->id, spec->id.p, spec->id.n);
		room_name(c->room, t->id, name, sizeof(name));
		rc = app_add(c->app, name, user, &t->part);
	}
	if (!rc)
		app_participant_of(t->part, c->call_id, &c->limits);
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

static int set_remotes(struct context *c, const struct mrm_context *spec, struct mrm_error *err)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		struct termination *t = context_term(c, spec->term[i].id);

		for (unsigned k = 0; k < spec->term[i].nmedia; k++) {
			const struct mrm_media *s = &spec->term[i].media[k];
			struct medium *m = termination_medium(t, s->id);
			int rc = medium_prepare(m, s, err);

			if (!rc)
				rc = medium_set_remote(m, s, err);
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
	c->limits = spec->limits;
	c->traced = spec->trace;
	if (c->traced)
		ar_log_trace(c->call_id, true);
	rc = make_id(d, c->id, sizeof(c->id));
	if (!rc)
		rc = room_enter(c, spec, err);
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

void context_free(struct context *c)
{
	while (c->nterm)
		term_free(c->term[--c->nterm], "released");
	if (c->room)
		room_leave(c);
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

typedef int each_media(struct medium *m, const struct mrm_media *spec, struct mrm_error *err);

/* Of those whose UE's facts have changed. */
static int each_changed(struct context *c, const struct mrm_context *spec, const json_t *doc,
	each_media *run, struct mrm_error *err)
{
	for (unsigned i = 0; i < spec->nterm; i++) {
		const struct mrm_termination *s = &spec->term[i];
		struct termination *t = context_term(c, s->id);

		for (unsigned k = 0; k < s->nmedia; k++) {
			struct medium *m = termination_medium(t, s->media[k].id);
			int rc = 0;

			if (!same_remote(media_json(c->doc, s->id, s->media[k].id),
				    media_json(doc, s->id, s->media[k].id)))
				rc = run(m, &s->media[k], err);
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* Two UEs without ICE at one address cannot be told apart, in one patch too. */
static int check_addresses(const struct mrm_context *spec, struct mrm_error *err)
{
	const struct peer_remote *all[MRM_MAX_TERMINATIONS * MRM_MAX_MEDIAS];
	unsigned n = 0;

	for (unsigned i = 0; i < spec->nterm; i++) {
		for (unsigned k = 0; k < spec->term[i].nmedia; k++) {
			const struct peer_remote *r = &spec->term[i].media[k].remote;

			if (!spec->term[i].media[k].has_remote || r->addr_verified ||
				(r->ufrag.n && !r->ice_lite))
				continue;
			for (unsigned o = 0; o < n; o++) {
				if (all[o]->addr.len != r->addr.len ||
					memcmp(&all[o]->addr.ss, &r->addr.ss, r->addr.len) != 0)
					continue;
				mrm_fail(err, 400, "MANDATORY_IE_INCORRECT",
					"two media without ICE have one address");
				return -EINVAL;
			}
			all[n++] = r;
		}
	}
	return 0;
}

static int update_media(
	struct context *c, const struct mrm_context *spec, const json_t *doc, struct mrm_error *err)
{
	int rc = check_addresses(spec, err);

	if (!rc)
		rc = each_changed(c, spec, doc, medium_prepare, err);
	return rc ? rc : each_changed(c, spec, doc, medium_set_remote, err);
}

static void unprepare(struct context *c)
{
	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i]->nmedia; k++)
			medium_unprepare(c->term[i]->media[k]);
	}
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
		unprepare(c);
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
