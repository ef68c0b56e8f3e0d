/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/dcmf_internal.h"

#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_EVERY AR_SEC
#define MAX_DOCUMENT (2 * DCMF_MAX_BODY) /* of a context: a body and what we add to it */
#define DOCUMENT (JSON_COMPACT | JSON_REAL_PRECISION(9))

int dcmf_new(struct dcmf **dp, const struct dcmf_conf *conf, struct transport *t,
	const struct dcmf_handlers *h, void *arg)
{
	struct dcmf *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->conf = *conf;
	d->t = t;
	d->h = *h;
	d->arg = arg;
	if (stream_front_new(&d->front, &conf->av) != 0) {
		free(d);
		return -ENOMEM;
	}
	*dp = d;
	return 0;
}

/* ---- table ---- */

unsigned dcmf_bucket(struct ar_span id)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * 16777619u;
	return h % DCMF_BUCKETS;
}

static struct context *find(struct dcmf *d, struct ar_span id)
{
	struct context *c = d->bucket[dcmf_bucket(id)];

	while (c && !ar_span_eq(ar_span_str(c->id), id))
		c = c->next;
	return c;
}

static void insert(struct dcmf *d, struct context *c)
{
	struct context **b = &d->bucket[dcmf_bucket(ar_span_str(c->id))];

	c->next = *b;
	*b = c;
	d->n++;
}

static void remove_context(struct dcmf *d, struct context *c)
{
	struct context **pp = &d->bucket[dcmf_bucket(ar_span_str(c->id))];

	while (*pp && *pp != c)
		pp = &(*pp)->next;
	if (*pp)
		*pp = c->next;
	d->n--;
	context_free(c);
}

void dcmf_free(struct dcmf *d, uint64_t now)
{
	if (!d)
		return;
	d->now = now;
	for (unsigned i = 0; i < DCMF_BUCKETS; i++) {
		while (d->bucket[i])
			remove_context(d, d->bucket[i]);
	}
	stream_front_free(d->front);
	free(d);
}

unsigned dcmf_contexts(const struct dcmf *d)
{
	return d->n;
}

/* ---- answers ---- */

static void begin(struct dcmf *d, uint64_t now, struct dcmf_reply *r)
{
	d->now = now;
	*r = (struct dcmf_reply){.status = 500};
	ar_buf_init(&r->body, DCMF_MAX_REPLY);
}

void dcmf_reply_free(struct dcmf_reply *r)
{
	ar_buf_free(&r->body);
}

static void problem(struct dcmf *d, struct dcmf_reply *r, const struct mrm_error *err)
{
	d->stats.refused++;
	r->status = err->status ? err->status : 500;
	ar_buf_reset(&r->body);
	if (mrm_problem(err, &r->body) != 0)
		ar_buf_reset(&r->body);
	ar_log_limited(AR_LOG_WARN, "dcmf", "request refused with %d: %s", r->status, err->detail);
}

static void not_found(struct dcmf *d, struct dcmf_reply *r, struct ar_span id)
{
	struct mrm_error err;

	mrm_fail(&err, 404, "CONTEXT_NOT_FOUND", "no context %.*s",
		id.n > MRM_MAX_ID ? MRM_MAX_ID : (int)id.n, id.p);
	problem(d, r, &err);
}

static void document(struct dcmf *d, struct dcmf_reply *r, int status, const json_t *doc)
{
	struct mrm_error err;

	r->status = status;
	if (doc && ar_json_write(&r->body, doc, DOCUMENT) == 0)
		return;
	mrm_fail(&err, 500, "SYSTEM_FAILURE", "the answer does not fit");
	problem(d, r, &err);
}

static void answer(struct dcmf *d, struct dcmf_reply *r, int status, const json_t *doc)
{
	json_t *shown = facts_answer(doc);

	document(d, r, status, shown);
	json_decref(shown);
}

static void copy_span(char *out, size_t cap, struct ar_span s)
{
	snprintf(out, cap, "%.*s", (int)s.n, s.p ? s.p : "");
}

static void describe(struct dcmf_reply *r, const struct context *c, const struct mrm_context *spec)
{
	snprintf(r->context, sizeof(r->context), "%s", c->id);
	r->lease_s = spec->lease_s;
	copy_span(r->owner, sizeof(r->owner), spec->owner);
	copy_span(r->call_id, sizeof(r->call_id), spec->call_id);
	copy_span(r->call, sizeof(r->call), spec->call);
	snprintf(r->share, sizeof(r->share), "%s", c->room->share);
}

static json_t *load(struct ar_span body, struct mrm_error *err)
{
	struct json_strict_error je;
	json_t *j;

	if (body.n > DCMF_MAX_BODY) {
		mrm_fail(err, 413, "INVALID_MSG_FORMAT", "more than %d bytes", DCMF_MAX_BODY);
		return NULL;
	}
	j = json_strict_load(body, JSON_STRICT_DEPTH, &je);
	if (!j)
		mrm_fail(err, 400, "INVALID_MSG_FORMAT", "not JSON: %s", je.why);
	return j;
}

/* ---- create ---- */

static int check_create(const struct dcmf *d, const json_t *doc, struct mrm_error *err)
{
	if (json_object_get(doc, "contextId")) {
		mrm_fail(err, 400, "MANDATORY_IE_INCORRECT", "contextId is ours to choose");
		snprintf(err->param, sizeof(err->param), "/contextId");
		return -EINVAL;
	}
	if (d->n >= d->conf.max_contexts) {
		mrm_fail(err, 503, "INSUFFICIENT_RESOURCES", "%u contexts are the limit",
			d->conf.max_contexts);
		return -ENOSPC;
	}
	return 0;
}

static int create(struct dcmf *d, json_t *doc, struct dcmf_reply *r, struct mrm_error *err)
{
	struct mrm_context spec;
	struct context *c = NULL;
	int rc = mrm_read(&spec, doc, d->conf.nets, err);

	if (rc)
		return rc;
	rc = check_create(d, doc, err);
	if (!rc)
		rc = context_new(&c, d, &spec, doc, err);
	if (!rc)
		rc = facts_local(c, doc);
	if (rc) {
		if (!err->status)
			mrm_fail(err, 500, "SYSTEM_FAILURE", "%s", strerror(-rc));
		if (c)
			context_free(c);
	} else {
		AR_LOG_CALL(c->call_id);
		ar_log(AR_LOG_INFO, "dcmf", "context %s: %u terminations, scene %s", c->id,
			c->nterm, c->scene);
		insert(d, c);
		c->known = true;
		context_wake(c);
		d->stats.created++;
		describe(r, c, &spec);
	}
	mrm_free(&spec);
	return rc;
}

void dcmf_create(struct dcmf *d, struct ar_span body, uint64_t now, struct dcmf_reply *r)
{
	struct mrm_error err = {.status = 0};
	json_t *doc;

	begin(d, now, r);
	doc = load(body, &err);
	if (doc && create(d, doc, r, &err) == 0)
		answer(d, r, 201, doc);
	else
		problem(d, r, &err);
	json_decref(doc);
}

/* ---- patch ---- */

static int patch(struct dcmf *d, struct context *c, const json_t *ops, struct dcmf_reply *r,
	struct mrm_error *err)
{
	json_t *doc = json_incref(c->doc);
	struct json_patch_error pe;
	struct mrm_context spec;
	int rc = json_patch_apply(&doc, ops, &pe);

	if (rc) {
		mrm_fail(err,
			rc == -ECANCELED ? 409
			: rc == -ENOMEM  ? 500
					 : 400,
			rc == -ECANCELED ? "MODIFICATION_CONFLICT" : "INVALID_MSG_FORMAT",
			"operation %u: %s", pe.op, pe.why);
		snprintf(err->param, sizeof(err->param), "%.127s", pe.path);
		json_decref(doc);
		return rc;
	}
	/* each patch is small, but they add up */
	if (!json_strict_fits(doc, JSON_STRICT_DEPTH, MAX_DOCUMENT)) {
		mrm_fail(err, 400, "INVALID_MSG_FORMAT",
			"the context would be larger than %d bytes or nested deeper than %d levels",
			MAX_DOCUMENT, JSON_STRICT_DEPTH);
		json_decref(doc);
		return -E2BIG;
	}
	rc = mrm_read(&spec, doc, d->conf.nets, err);
	if (!rc) {
		rc = facts_same(c->doc, doc, err);
		if (!rc)
			rc = context_patch(c, &spec, doc, err);
		if (!rc)
			rc = facts_local(c, doc);
		if (!rc)
			describe(r, c, &spec);
		mrm_free(&spec);
	}
	json_decref(doc);
	return rc;
}

void dcmf_patch(
	struct dcmf *d, struct ar_span id, struct ar_span body, uint64_t now, struct dcmf_reply *r)
{
	struct context *c = find(d, id);
	struct mrm_error err = {.status = 0};
	json_t *ops;

	begin(d, now, r);
	if (!c) {
		not_found(d, r, id);
		return;
	}
	AR_LOG_CALL(c->call_id);
	ops = load(body, &err);
	if (ops && json_array_size(ops) == 0) {
		mrm_fail(&err, 400, "INVALID_MSG_FORMAT", "a patch is a list with an operation");
		problem(d, r, &err);
	} else if (ops && patch(d, c, ops, r, &err) == 0) {
		answer(d, r, 200, c->doc);
	} else {
		if (!err.status)
			mrm_fail(&err, 500, "SYSTEM_FAILURE", "out of memory");
		problem(d, r, &err);
	}
	json_decref(ops);
}

/* ---- delete, get ---- */

void dcmf_delete(struct dcmf *d, struct ar_span id, uint64_t now, struct dcmf_reply *r)
{
	struct context *c = find(d, id);

	begin(d, now, r);
	if (!c) {
		not_found(d, r, id);
		return;
	}
	AR_LOG_CALL(c->call_id);
	ar_log(AR_LOG_INFO, "dcmf", "context %s deleted", c->id);
	snprintf(r->context, sizeof(r->context), "%s", c->id);
	remove_context(d, c);
	d->stats.deleted++;
	r->status = 204;
}

void dcmf_get(struct dcmf *d, struct ar_span id, uint64_t now, struct dcmf_reply *r)
{
	struct context *c = find(d, id);
	json_t *doc;

	begin(d, now, r);
	if (!c) {
		not_found(d, r, id);
		return;
	}
	doc = facts_live(c, now);
	document(d, r, 200, doc);
	json_decref(doc);
}

void dcmf_get_scene(struct dcmf *d, struct ar_span id, struct dcmf_reply *r)
{
	struct context *c = find(d, id);
	struct mrm_error err;

	begin(d, d->now, r);
	if (!c) {
		not_found(d, r, id);
		return;
	}
	r->status = 200;
	if (scene_write(app_scene(c->app), &r->body) == 0)
		return;
	mrm_fail(&err, 500, "SYSTEM_FAILURE", "the scene cannot be printed");
	problem(d, r, &err);
}

static bool snapshot(
	struct context *c, const json_t *o, dcmf_picture *done, void *arg, struct mrm_error *err)
{
	const char *t = json_string_value(json_object_get(o, "termination"));
	const char *id = json_string_value(json_object_get(o, "media"));
	struct termination *term = t ? context_term(c, ar_span_str(t)) : NULL;
	struct medium *m = term && id ? termination_medium(term, ar_span_str(id)) : NULL;
	int rc = m && m->leg ? stream_leg_snapshot(m->leg, done, arg) : -ENODEV;

	if (rc == -ENODEV)
		mrm_fail(err, 404, "CONTEXT_NOT_FOUND",
			"no medium of type AR with this termination and media");
	else if (rc)
		mrm_fail(err, 409, "MODIFICATION_CONFLICT", "not processed now");
	return !rc;
}

bool dcmf_snapshot(struct dcmf *d, struct ar_span id, struct ar_span body, dcmf_picture *done,
	void *arg, struct dcmf_reply *r)
{
	struct context *c = find(d, id);
	struct mrm_error err = {.status = 0};
	json_t *o;
	bool later;

	begin(d, d->now, r);
	if (!c) {
		not_found(d, r, id);
		return false;
	}
	o = load(body, &err);
	later = o && snapshot(c, o, done, arg, &err);
	if (!later)
		problem(d, r, &err);
	json_decref(o);
	return later;
}

/* ---- time ---- */

static void tell_gone(struct dcmf *d, const struct context *c, const char *reason)
{
	json_t *ev = json_pack(
		"{s:s, s:s, s:s}", "ev", "context-gone", "contextId", c->id, "reason", reason);

	if (ev)
		d->h.event(d->arg, ev);
	json_decref(ev);
}

static void end_idle(struct dcmf *d, uint64_t now)
{
	for (unsigned i = 0; i < DCMF_BUCKETS; i++) {
		struct context *c, *next;

		for (c = d->bucket[i]; c; c = next) {
			next = c->next;
			if (!context_idle(c, now))
				continue;
			AR_LOG_CALL(c->call_id);
			ar_log(AR_LOG_NOTICE, "dcmf", "context %s ended: its UEs have gone", c->id);
			tell_gone(d, c, "idle");
			remove_context(d, c);
			d->stats.idle_ended++;
		}
	}
}

static bool run_media(struct context *c)
{
	bool waits = false;

	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i]->nmedia; k++) {
			if (medium_run(c->term[i]->media[k]))
				waits = true;
		}
	}
	return waits;
}

static uint64_t run_room(struct room *r, uint64_t now)
{
	uint64_t due = AR_NEVER, next;
	bool waits = false;

	for (struct context *c = r->contexts; c; c = c->next_in_room) {
		next = context_av_run(c, now);
		due = next < due ? next : due;
		waits = run_media(c) || waits;
	}
	next = app_run(r->app, now);
	due = next < due ? next : due;
	if (r->feed) {
		next = feed_run(r->feed, now);
		due = next < due ? next : due;
	}
	return waits && due > now + 20 * AR_MS ? now + 20 * AR_MS : due;
}

void dcmf_set_ntp(struct dcmf *d, uint64_t ntp, uint64_t now)
{
	stream_front_set_ntp(d->front, ntp, now);
}

void dcmf_set_now(struct dcmf *d, uint64_t now)
{
	d->now = now;
}

uint64_t dcmf_run(struct dcmf *d, uint64_t now)
{
	struct room *list, *r;
	uint64_t next;

	d->now = now;
	if (now >= d->next_check) {
		end_idle(d, now);
		d->next_check = now + CHECK_EVERY;
	}
	next = d->next_check;
	list = d->active;
	d->active = NULL;
	while ((r = list) != NULL) {
		list = r->next_active;
		r->active = false;
		if (r->due <= now)
			r->due = run_room(r, now);
		if (r->due == AR_NEVER)
			continue;
		if (r->due < next)
			next = r->due;
		if (!r->active) { /* not woken meanwhile */
			uint64_t due = r->due;

			room_wake(r);
			r->due = due;
		}
	}
	return next;
}

/* ---- counters ---- */

struct gauges {
	struct app_stats app;
	unsigned peers[PEER_CLOSED + 1], joined;
};

/* Of several contexts in one room the first one counts it. */
static void look_at_room(const struct context *c, struct gauges *g)
{
	struct app_stats s;

	if (c != c->room->contexts)
		return;
	app_total(c->app, &s);
	app_stats_add(&g->app, &s);
	g->joined += app_joined(c->app);
}

static void look_at(const struct dcmf *d, struct gauges *g)
{
	*g = (struct gauges){.app = d->stats.ended};
	for (unsigned i = 0; i < DCMF_BUCKETS; i++) {
		for (const struct context *c = d->bucket[i]; c; c = c->next) {
			look_at_room(c, g);
			for (unsigned k = 0; k < c->nterm; k++) {
				for (unsigned m = 0; m < c->term[k]->nmedia; m++)
					g->peers[c->term[k]->media[m]->state]++;
			}
		}
	}
}

void dcmf_get_stats(struct dcmf *d, json_t *out)
{
	struct gauges g;

	look_at(d, &g);
	const struct {
		const char *name;
		uint64_t value;
	} all[] = {{"contexts", d->n}, {"contextsCreated", d->stats.created},
		{"contextsDeleted", d->stats.deleted}, {"contextsIdle", d->stats.idle_ended},
		{"rooms", d->nrooms}, {"roomsJoined", d->stats.joined_rooms},
		{"roomsFull", d->stats.rooms_full}, {"requestsRefused", d->stats.refused},
		{"participants", g.joined}, {"peersWaiting", g.peers[PEER_WAITING]},
		{"peersChecking", g.peers[PEER_CHECKING]},
		{"peersHandshake", g.peers[PEER_HANDSHAKE]},
		{"peersConnected", g.peers[PEER_CONNECTED]}, {"peersClosed", g.peers[PEER_CLOSED]},
		{"connects", d->stats.peers_connected}, {"peersLost", d->stats.peers_lost},
		{"poses", g.app.poses}, {"posesOfFrames", g.app.poses_of_frames},
		{"posesBad", g.app.poses_bad}, {"posesStale", g.app.poses_stale},
		{"posesLimited", g.app.poses_limited}, {"kbpsWaits", g.app.kbps_waits},
		{"posesRange", g.app.poses_range}, {"posesQuaternion", g.app.poses_quaternion},
		{"posesNotFinite", g.app.poses_not_finite}, {"actions", g.app.actions},
		{"actionsRefused", g.app.actions_refused},
		{"actionsRepeated", g.app.actions_repeated}, {"actionsHeld", g.app.actions_held},
		{"actionsSkipped", g.app.actions_skipped}, {"actionsNoRoom", g.app.actions_no_room},
		{"updates", g.app.updates}, {"updateBytes", g.app.update_bytes},
		{"scenes", g.app.scenes}, {"sceneBytes", g.app.scene_bytes},
		{"sceneMisfit", g.app.scene_misfit}, {"resyncs", g.app.resyncs},
		{"metaBad", g.app.meta_bad}, {"metaUnknown", g.app.meta_unknown},
		{"metaTooBig", g.app.meta_too_big}, {"scriptHandlers", g.app.script_handlers},
		{"scriptErrors", g.app.script_errors}, {"scriptTimeouts", g.app.script_timeouts},
		{"scriptNoMemory", g.app.script_nomem}, {"scriptDropped", g.app.script_dropped},
		{"scriptSlices", g.app.script_slices}, {"scriptStopped", g.app.script_stopped},
		{"behaviors", g.app.behaviors}, {"behaviorActions", g.app.behavior_actions},
		{"behaviorDropped", g.app.behavior_dropped},
		{"messagesUnknown", d->stats.messages_unknown}, {"sendFailed", g.app.send_failed},
		{"channelsOverflowed", g.app.overflows}, {"httpRequests", d->stats.boot.requests},
		{"httpNotFound", d->stats.boot.not_found}, {"httpRefused", d->stats.boot.refused},
		{"httpBytes", d->stats.boot.bytes}};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(out, all[i].name, json_integer((json_int_t)all[i].value));
	dcmf_av_stats(d, out);
}
