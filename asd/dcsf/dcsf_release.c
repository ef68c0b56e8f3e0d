/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of contexts: releases until they are confirmed, and what a DCMF has against what we have.
 */
#include "asd/asd.h"
#include "asd/call/call_flow.h"
#include "asd/dcsf/dcsf_int.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>

#define RELEASE_MS 3000
#define RELEASE_TRIES_LOGGED 5

/* ---- release ---- */

static void release_free(struct dcsf *d, struct release *r)
{
	ar_ids_remove(&d->releases, r->id);
	free(r);
}

static void on_release_done(void *arg, uint64_t cookie, const struct h2_response *res)
{
	struct dcmf *m = arg;
	struct dcsf *d = m->asd->dcsf;
	struct release *r = ar_ids_get(&d->releases, (uint32_t)cookie);
	uint64_t pause = 1;
	char why[200];

	if (!r)
		return;
	if (!res->err && (res->status / 100 == 2 || res->status == 404)) {
		asd_count(d->asd, ASD_RELEASE_OK);
		release_free(d, r);
		return;
	}
	r->sent = false;
	r->tries++;
	pause <<= r->tries < 5 ? r->tries : 5;
	r->after = asd_now(d->asd) + pause * AR_SEC;
	dcsf_failure_text(res, m, why, sizeof(why));
	if (r->tries <= RELEASE_TRIES_LOGGED)
		ar_log_limited(AR_LOG_WARN, "dcsf", "release of context %s: %s; again in %u s",
			r->context, why, (unsigned)pause);
}

void dcsf_release_send(struct dcsf *d, struct release *r)
{
	struct dcmf *m = dcmf_pool_get(d->asd->pool, r->dcmf);
	char path[sizeof(CONTEXTS) + MRM_MAX_CONTEXT_ID + 2];
	struct h2_request q = {.method = "DELETE",
		.path = path,
		.timeout_ms = RELEASE_MS,
		.cookie = r->id,
		.on_done = on_release_done};

	if (r->sent || !m || m->state == DCMF_DOWN || r->after > asd_now(d->asd))
		return;
	snprintf(path, sizeof(path), CONTEXTS "/%s", r->context);
	if (h2_request(m->h2, &q) != 0)
		return;
	r->sent = true;
	asd_count(d->asd, r->tries ? ASD_RELEASE_RETRIED : ASD_RELEASE_SENT);
}

void dcsf_release(struct asd *a, int dcmf, const char *context_id)
{
	struct release *r;

	if (dcmf < 0 || !context_id || strlen(context_id) > MRM_MAX_CONTEXT_ID)
		return;
	r = calloc(1, sizeof(*r));
	if (!r || ar_ids_add(&a->dcsf->releases, r, &r->id) != 0) {
		asd_count(a, ASD_RELEASE_FULL); /* found again as a stray, or its lease ends it */
		free(r);
		return;
	}
	r->dcmf = (unsigned)dcmf;
	snprintf(r->context, sizeof(r->context), "%s", context_id);
	dcsf_release_send(a->dcsf, r);
}

unsigned dcsf_releases(const struct dcsf *d)
{
	return d->releases.used;
}

/* ---- reconciliation ---- */

/* What mediad does not list is gone: nothing to release. */
static void settle_releases(struct dcsf *d, const struct dcmf *m, json_t *listed)
{
	struct release *r;

	for (uint32_t pos = 0; (r = ar_ids_next(&d->releases, &pos));) {
		if (r->dcmf != m->index)
			continue;
		if (r->sent) {
			json_object_del(listed, r->context);
		} else if (!json_object_get(listed, r->context)) {
			asd_count(d->asd, ASD_RELEASE_OK);
			release_free(d, r);
		} else {
			json_object_del(listed, r->context);
			r->after = 0;
			dcsf_release_send(d, r);
		}
	}
}

static bool being_reserved(const struct dcsf *d, const char *token)
{
	const struct call *c = token ? calls_find(&d->asd->calls, token) : NULL;

	return c && c->ctx.state == CTX_RESERVING;
}

static void delete_strays(struct dcsf *d, const struct dcmf *m, json_t *listed)
{
	const char *id, *owner, *callid;
	json_t *x;

	json_object_foreach(listed, id, x)
	{
		owner = json_string_value(json_object_get(x, "owner"));
		callid = json_string_value(json_object_get(x, "callId"));
		if (!owner || strcmp(owner, d->asd->conf.name) != 0 ||
			being_reserved(d, json_string_value(json_object_get(x, "call"))))
			continue;
		AR_LOG_CALL(callid);
		ar_log(AR_LOG_WARN, "dcsf",
			"%s has our context %s, but no call has it: deleting it", m->at.name, id);
		asd_count(d->asd, ASD_CONTEXTS_STRAY);
		dcsf_release(d->asd, (int)m->index, id);
	}
}

/* Set of contextId -> its x-ims-ar. NULL: not a list. */
static json_t *listed_contexts(const json_t *doc)
{
	const json_t *list = json_object_get(doc, "contexts"), *e;
	json_t *set = json_is_array(list) ? json_object() : NULL;
	size_t i;

	json_array_foreach(list, i, e)
	{
		const char *id = mrm_context_id(e);
		json_t *x = json_object_get(e, "x-ims-ar");

		if (id && set)
			json_object_set_new(set, id, x ? json_incref(x) : json_object());
	}
	return set;
}

static void on_list_done(void *arg, uint64_t cookie, const struct h2_response *r)
{
	struct dcmf *m = arg;
	struct dcsf *d = m->asd->dcsf;
	struct job *j = ar_ids_get(&d->jobs, (uint32_t)cookie);
	json_t *doc = !r->err && r->status == 200 ? dcsf_parse(r) : NULL;
	json_t *listed = listed_contexts(doc);
	char why[200];

	json_decref(doc);
	if (j && listed) {
		call_on_contexts_listed(d->asd, (int)m->index, listed, j->since);
		settle_releases(d, m, listed);
		delete_strays(d, m, listed);
	} else if (j && r->err != -ECONNRESET) {
		dcsf_failure_text(r, m, why, sizeof(why));
		ar_log_limited(AR_LOG_WARN, "dcsf", "list of contexts: %s", why);
	}
	json_decref(listed);
	if (j)
		dcsf_job_free(d, j);
}

void dcsf_reconcile(struct dcsf *d, struct dcmf *m)
{
	char path[sizeof(CONTEXTS) + ASD_MAX_NAME + 16];
	struct h2_request q = {
		.method = "GET", .path = path, .timeout_ms = 10000, .on_done = on_list_done};
	struct job *j = dcsf_job_new(d, JOB_LIST, m->index);

	if (!j)
		return;
	snprintf(path, sizeof(path), CONTEXTS "?owner=%s", d->asd->conf.name);
	j->since = asd_now(d->asd);
	if (dcsf_send_job(d, j, m, &q) != 0)
		ar_log(AR_LOG_WARN, "dcsf", "cannot ask %s for its contexts", m->at.name);
}
