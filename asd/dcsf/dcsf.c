/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/asd.h"
#include "asd/call/call_flow.h"
#include "asd/dcsf/dcsf_int.h"
#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define UPDATE_MS 2000
#define LIVE_MS 1000

/* A reservation: tries one DCMF after the other. Its attempts may outlive it. */
struct order {
	struct dcsf *d;
	uint32_t id, call;
	char *callid, *prefer, *source;
	json_t *doc;
	uint64_t deadline;
	uint32_t tried;
	unsigned attempt; /* whose failure counts; earlier ones were given up already */
	int dcmf; /* where that went */
	struct event *timer;
	char why[200];
	int err;
};

static void try_next(struct order *o);

static struct timeval ms_tv(uint64_t ms)
{
	return (struct timeval){
		.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

/* ---- jobs: one request each ---- */

struct job *dcsf_job_new(struct dcsf *d, enum job_kind kind, unsigned dcmf)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	*j = (struct job){.kind = kind, .dcmf = dcmf};
	if (ar_ids_add(&d->jobs, j, &j->id) != 0) {
		free(j);
		return NULL;
	}
	return j;
}

void dcsf_job_free(struct dcsf *d, struct job *j)
{
	ar_ids_remove(&d->jobs, j->id);
	json_decref(j->facts);
	free(j->callid);
	free(j->context);
	free(j);
}

json_t *dcsf_parse(const struct h2_response *r)
{
	return ar_json_load(r->body, JSON_REJECT_DUPLICATES, NULL);
}

void dcsf_failure_text(const struct h2_response *r, const struct dcmf *m, char *buf, size_t cap)
{
	char detail[120];

	if (r->err == -ETIMEDOUT)
		snprintf(buf, cap, "%s did not answer in time", m->at.name);
	else if (r->err)
		snprintf(buf, cap, "%s: connection lost", m->at.name);
	else {
		mrm_problem(r->body, detail, sizeof(detail));
		snprintf(buf, cap, "%s refused with %d: %s", m->at.name, r->status, detail);
	}
}

/* ---- reserve: steps 3 to 5 ---- */

static void order_free(struct order *o)
{
	ar_ids_remove(&o->d->orders, o->id);
	if (o->timer)
		event_free(o->timer);
	json_decref(o->doc);
	free(o->callid);
	free(o->prefer);
	free(o->source);
	free(o);
}

/* The order is over; what of it is still under way comes too late. */
static void order_end(struct order *o, struct dcsf_result *r)
{
	struct asd *a = o->d->asd;
	uint32_t call = o->call;

	snprintf(r->why, sizeof(r->why), "%s", o->why);
	order_free(o);
	call_on_reserved(a, call, r);
}

static void confirm(struct dcsf *d, const struct job *j, json_t *doc)
{
	struct order *o = ar_ids_get(&d->orders, j->order);
	const char *id = mrm_context_id(doc);
	struct dcsf_result r = {
		.doc = doc, .context_id = id, .dcmf = dcmf_pool_get(d->asd->pool, j->dcmf)};

	if (!o) { /* answered already, by whichever was first */
		asd_count(d->asd, ASD_RESERVE_LATE);
		dcsf_release(d->asd, (int)j->dcmf, id);
		return;
	}
	asd_count(d->asd, ASD_RESERVE_OK);
	order_end(o, &r);
}

static void refused(struct order *o, const struct dcmf *m, const struct h2_response *r)
{
	bool full = !r->err && r->status == 403 && mrm_problem_is(r->body, "SHARE_FULL");

	o->err = r->err == -ETIMEDOUT ? -ETIMEDOUT : -EREMOTEIO;
	if (!r->err && r->status >= 400 && mrm_av_refused(r->body) && mrm_av_strip(o->doc))
		o->tried &= ~(1u << m->index); /* once more, without media for the ARMF */
	asd_count(m->asd, r->err == -ETIMEDOUT ? ASD_RESERVE_TIMEOUT : ASD_RESERVE_FAILED);
	if (r->err || r->status != 201)
		dcsf_failure_text(r, m, o->why, sizeof(o->why));
	else
		snprintf(
			o->why, sizeof(o->why), "%s: its answer is not a MediaContext", m->at.name);
	if (full) { /* elsewhere it would be another scene */
		struct dcsf_result res = {.err = -EUSERS};

		order_end(o, &res);
		return;
	}
	ar_log_limited(AR_LOG_WARN, "dcsf", "reserve: %s", o->why);
	try_next(o);
}

static void on_reserve_done(void *arg, uint64_t cookie, const struct h2_response *r)
{
	struct dcmf *m = arg;
	struct dcsf *d = m->asd->dcsf;
	struct job *j = ar_ids_get(&d->jobs, (uint32_t)cookie);
	json_t *doc = !r->err && r->status == 201 ? dcsf_parse(r) : NULL;
	struct order *o;

	if (!j) {
		json_decref(doc);
		return;
	}
	AR_LOG_CALL(j->callid);
	o = ar_ids_get(&d->orders, j->order);
	dcmf_note(m, doc != NULL || (!r->err && r->status < 500));
	if (mrm_context_id(doc))
		confirm(d, j, doc);
	else if (o && o->attempt == j->attempt)
		refused(o, m, r);
	json_decref(doc);
	dcsf_job_free(d, j);
}

static int send_attempt(struct order *o, struct dcmf *m)
{
	struct job *j = dcsf_job_new(o->d, JOB_RESERVE, m->index);
	char *body = ar_json_text(o->doc);
	struct h2_request q = {.method = "POST",
		.path = CONTEXTS,
		.content_type = "application/json",
		.body = ar_span_str(body),
		.timeout_ms = DCSF_LATE_MS,
		.on_done = on_reserve_done};
	int err = j && body ? 0 : -ENOMEM;

	if (!err) {
		j->order = o->id;
		j->attempt = o->attempt;
		j->callid = strdup(o->callid);
		q.cookie = j->id;
		err = h2_request(m->h2, &q);
	}
	free(body);
	if (err && j)
		dcsf_job_free(o->d, j);
	return err;
}

/* One DCMF alone may take all the time there is; with others at hand each has its share. */
static void arm(struct order *o, uint64_t now)
{
	struct asd *a = o->d->asd;
	uint64_t left = (o->deadline - now) / AR_MS;
	struct timeval tv;

	if (dcmf_pool_choose(a->pool, NULL, NULL, o->tried) >= 0 &&
		left > (uint64_t)a->conf.reserve_ms)
		left = (uint64_t)a->conf.reserve_ms;
	tv = ms_tv(left);
	evtimer_add(o->timer, &tv);
}

/* 0 when an attempt is under way. */
static int attempt(struct order *o)
{
	struct asd *a = o->d->asd;
	uint64_t now = asd_now(a);

	for (;;) {
		int i = dcmf_pool_choose(a->pool, o->prefer, o->source, o->tried);
		struct dcmf *m = i >= 0 ? dcmf_pool_get(a->pool, (unsigned)i) : NULL;

		if (!m || now >= o->deadline)
			return m ? -ETIMEDOUT : o->err ? o->err : -EHOSTUNREACH;
		if (o->attempt)
			asd_count(a, ASD_RESERVE_RETRIED);
		o->tried |= 1u << i;
		o->attempt++;
		o->dcmf = i;
		if (send_attempt(o, m) == 0) {
			asd_count(a, ASD_RESERVE_SENT);
			m->pending++;
			arm(o, now);
			return 0;
		}
		snprintf(o->why, sizeof(o->why), "%s takes no request", m->at.name);
	}
}

static void try_next(struct order *o)
{
	struct dcsf_result r = {.err = attempt(o)};

	if (r.err)
		order_end(o, &r);
}

static void on_attempt_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct order *o = arg;
	struct dcmf *m = dcmf_pool_get(o->d->asd->pool, (unsigned)o->dcmf);
	AR_LOG_CALL(o->callid);

	(void)fd;
	(void)what;
	asd_count(o->d->asd, ASD_RESERVE_TIMEOUT);
	dcmf_note(m, false);
	o->err = -ETIMEDOUT;
	snprintf(o->why, sizeof(o->why), "%s did not answer in time", m->at.name);
	ar_log_limited(AR_LOG_WARN, "dcsf", "reserve: %s", o->why);
	try_next(o);
}

int dcsf_reserve(struct asd *a, const struct call *c, const struct dcsf_order *w)
{
	struct order *o = calloc(1, sizeof(*o));
	int err = -ENOMEM;

	if (!o)
		return -ENOMEM;
	*o = (struct order){.d = a->dcsf,
		.call = c->id,
		.deadline = w->deadline,
		.tried = w->only < 0 ? 0 : ~(1u << w->only)};
	o->doc = mrm_context(&w->context);
	o->callid = strdup(c->callid);
	o->prefer = strdup(w->prefer ? w->prefer : "");
	o->source = strdup(w->source ? w->source : "");
	o->timer = evtimer_new(a->base, on_attempt_timeout, o);
	if (o->doc && o->callid && o->prefer && o->source && o->timer)
		err = ar_ids_add(&a->dcsf->orders, o, &o->id);
	if (!err)
		err = attempt(o);
	if (err)
		order_free(o);
	return err;
}

void dcsf_forget(struct asd *a, uint32_t call)
{
	struct order *o;

	for (uint32_t pos = 0; (o = ar_ids_next(&a->dcsf->orders, &pos));) {
		if (o->call == call)
			order_free(o);
	}
}

/* ---- update ---- */

/* NULL when the call has ended meanwhile, or has another context. */
static const struct call *call_of(const struct dcsf *d, const struct job *j)
{
	const struct call *c = j ? calls_get(&d->asd->calls, j->call) : NULL;

	return c && c->ctx.id && j->context && strcmp(c->ctx.id, j->context) == 0 ? c : NULL;
}

static void on_update_done(void *arg, uint64_t cookie, const struct h2_response *r)
{
	struct dcmf *m = arg;
	struct dcsf *d = m->asd->dcsf;
	struct job *j = ar_ids_get(&d->jobs, (uint32_t)cookie);
	bool ok = !r->err && (r->status == 200 || r->status == 204);
	int err = ok ? 0 : r->err ? r->err : r->status == 404 ? -ENOENT : -EREMOTEIO;
	json_t *doc = ok && r->status == 200 ? dcsf_parse(r) : NULL;
	char why[200] = "";

	asd_count(d->asd, ok ? ASD_UPDATE_OK : ASD_UPDATE_FAILED);
	if (call_of(d, j)) {
		AR_LOG_CALL(j->callid);
		if (!ok) {
			dcsf_failure_text(r, m, why, sizeof(why));
			ar_log_limited(AR_LOG_WARN, "dcsf", "update: %s", why);
		}
		call_on_updated(d->asd, j->call, j->side, err, j->facts, doc);
	}
	if (j)
		dcsf_job_free(d, j);
	json_decref(doc);
}

int dcsf_send_job(struct dcsf *d, struct job *j, struct dcmf *m, struct h2_request *q)
{
	int err;

	q->cookie = j->id;
	err = h2_request(m->h2, q);
	if (err)
		dcsf_job_free(d, j);
	return err;
}

struct dcmf *dcsf_dcmf_of(struct asd *a, const struct call *c)
{
	struct dcmf *m = c->ctx.dcmf >= 0 ? dcmf_pool_get(a->pool, (unsigned)c->ctx.dcmf) : NULL;

	return m && c->ctx.id && m->state == DCMF_READY ? m : NULL;
}

int dcsf_update(struct asd *a, const struct call *c, enum ar_side side, const json_t *facts)
{
	struct dcmf *m = dcsf_dcmf_of(a, c);
	char path[sizeof(CONTEXTS) + MRM_MAX_CONTEXT_ID + 2];
	struct h2_request q = {.method = "PATCH",
		.path = path,
		.content_type = "application/json-patch+json",
		.timeout_ms = UPDATE_MS,
		.on_done = on_update_done};
	json_t *ops;
	char *body;
	struct job *j;
	int err = -ENOMEM;

	if (!m)
		return -ENOTCONN;
	snprintf(path, sizeof(path), CONTEXTS "/%s", c->ctx.id);
	ops = mrm_patch(side, facts);
	if (ops && !mrm_av_patch(ops, side, facts, c->ctx.told[side], c->ctx.doc)) {
		json_decref(ops);
		ops = NULL;
	}
	if (ops && json_array_size(ops) == 0) /* nothing but the lease */
		json_array_append_new(
			ops, json_pack("{s:s, s:s, s:s}", "op", "test", "path",
				     side == AR_SIDE_A ? "/terminations/0/terminationId"
						       : "/terminations/1/terminationId",
				     "value", side == AR_SIDE_A ? "a" : "b"));
	body = ops ? ar_json_text(ops) : NULL;
	json_decref(ops);
	j = body ? dcsf_job_new(a->dcsf, JOB_UPDATE, m->index) : NULL;
	if (j) {
		j->call = c->id;
		j->side = side;
		j->facts = json_incref((json_t *)(uintptr_t)facts);
		j->callid = strdup(c->callid);
		j->context = strdup(c->ctx.id);
		q.body = ar_span_str(body);
		err = dcsf_send_job(a->dcsf, j, m, &q);
	}
	free(body);
	if (!err)
		asd_count(a, ASD_UPDATE_SENT);
	return err;
}

/* ---- live facts ---- */

static void on_live_done(void *arg, uint64_t cookie, const struct h2_response *r)
{
	struct dcmf *m = arg;
	struct dcsf *d = m->asd->dcsf;
	struct job *j = ar_ids_get(&d->jobs, (uint32_t)cookie);
	json_t *doc = !r->err && r->status == 200 ? dcsf_parse(r) : NULL;
	char why[200] = "not JSON";

	if (j) {
		if (!doc && (r->err || r->status != 200))
			dcsf_failure_text(r, m, why, sizeof(why));
		j->live(j->arg, j->ref, doc, why);
		dcsf_job_free(d, j);
	}
	json_decref(doc);
}

int dcsf_live(struct asd *a, const struct call *c, dcsf_live_h *h, void *arg, uint32_t ref)
{
	struct dcmf *m = dcsf_dcmf_of(a, c);
	char path[sizeof(CONTEXTS) + MRM_MAX_CONTEXT_ID + 2];
	struct h2_request q = {
		.method = "GET", .path = path, .timeout_ms = LIVE_MS, .on_done = on_live_done};
	struct job *j = m ? dcsf_job_new(a->dcsf, JOB_LIVE, m->index) : NULL;

	if (!m)
		return -ENOTCONN;
	if (!j)
		return -ENOMEM;
	snprintf(path, sizeof(path), CONTEXTS "/%s", c->ctx.id);
	j->live = h;
	j->arg = arg;
	j->ref = ref;
	return dcsf_send_job(a->dcsf, j, m, &q);
}

int dcsf_drain(struct asd *a, unsigned dcmf, int worker, bool on, dcsf_live_h *h, void *arg)
{
	struct job *j = dcsf_job_new(a->dcsf, JOB_LIVE, dcmf);
	char body[64];
	struct h2_request q = {.method = "PUT",
		.path = "/x-ims-ar/v1/drain",
		.content_type = "application/json",
		.timeout_ms = LIVE_MS,
		.on_done = on_live_done};

	if (!j)
		return -ENOMEM;
	if (worker < 0)
		snprintf(body, sizeof(body), "{\"draining\":%s}", on ? "true" : "false");
	else
		snprintf(body, sizeof(body), "{\"draining\":%s,\"worker\":%d}",
			on ? "true" : "false", worker);
	q.body = ar_span_str(body);
	j->live = h;
	j->arg = arg;
	return dcsf_send_job(a->dcsf, j, dcmf_pool_get(a->pool, dcmf), &q);
}

/* ---- events of the DCMFs ---- */

void dcsf_on_dcmf_ready(struct asd *a, struct dcmf *m)
{
	dcsf_reconcile(a->dcsf, m);
}

void dcsf_on_dcmf_lost(struct asd *a, struct dcmf *m)
{
	(void)a; /* every open request has ended with -ECONNRESET; ready reconciles */
	(void)m;
}

static void on_peer_event(struct asd *a, const struct dcmf *m, const json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "contextId"));
	const char *t = json_string_value(json_object_get(j, "terminationId"));
	const char *state = json_string_value(json_object_get(j, "state"));
	const char *reason = json_string_value(json_object_get(j, "reason"));
	const struct call *c = id ? calls_find_context(&a->calls, (int)m->index, id) : NULL;
	AR_LOG_CALL(c ? c->callid : NULL);

	if (c && t && state)
		ar_log(AR_LOG_INFO, "dcsf", "UE %s: %s%s%s", t, state,
			reason && *reason ? ", " : "", reason ? reason : "");
}

void dcsf_on_dcmf_event(struct asd *a, struct dcmf *m, const char *ev, const json_t *j)
{
	const char *id = json_string_value(json_object_get(j, "contextId"));
	const char *reason = json_string_value(json_object_get(j, "reason"));

	if (strcmp(ev, "context-gone") == 0 && id)
		call_on_context_gone(a, (int)m->index, id, reason ? reason : "");
	else if (strcmp(ev, "peer") == 0)
		on_peer_event(a, m, j);
	/* others are for later versions */
}

/* ---- life ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct dcsf *d = arg;
	uint64_t now = asd_now(d->asd);
	struct release *r;

	(void)fd;
	(void)what;
	for (uint32_t pos = 0; (r = ar_ids_next(&d->releases, &pos));)
		dcsf_release_send(d, r);
	if (now < d->reconcile_at)
		return;
	d->reconcile_at = now + DCSF_RECONCILE_S * AR_SEC;
	for (unsigned i = 0; i < dcmf_pool_n(d->asd->pool); i++) {
		struct dcmf *m = dcmf_pool_get(d->asd->pool, i);

		if (m->state == DCMF_READY)
			dcsf_reconcile(d, m);
	}
}

int dcsf_new(struct dcsf **dp, struct asd *a)
{
	struct timeval second = {.tv_sec = 1};
	struct dcsf *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->asd = a;
	ar_ids_init(&d->orders, DCSF_MAX_JOBS);
	ar_ids_init(&d->jobs, DCSF_MAX_JOBS);
	ar_ids_init(&d->releases, DCSF_MAX_RELEASES);
	d->reconcile_at = asd_now(a) + DCSF_RECONCILE_S * AR_SEC;
	d->tick = event_new(a->base, -1, EV_PERSIST, on_tick, d);
	if (!d->tick || event_add(d->tick, &second) != 0) {
		dcsf_free(d);
		return -ENOMEM;
	}
	*dp = d;
	return 0;
}

void dcsf_free(struct dcsf *d)
{
	void *p;

	if (!d)
		return;
	for (uint32_t pos = 0; (p = ar_ids_next(&d->orders, &pos));)
		order_free(p);
	for (uint32_t pos = 0; (p = ar_ids_next(&d->jobs, &pos));)
		dcsf_job_free(d, p);
	for (uint32_t pos = 0; (p = ar_ids_next(&d->releases, &pos));)
		free(p);
	if (d->tick)
		event_free(d->tick);
	ar_ids_free(&d->orders);
	ar_ids_free(&d->jobs);
	ar_ids_free(&d->releases);
	free(d);
}
