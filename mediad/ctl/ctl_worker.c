/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that a worker answers: create goes to the least loaded, or to where the scene is that it
 * shares; the others to the context's. */
#include "mediad/ctl/ctl_internal.h"

#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void forget(struct ctl *c, struct ctl_pending *p)
{
	ar_ids_remove(&c->pending, p->id);
	free(p);
}

static int pass_on(struct ctl *c, const struct ctl_pending *p, struct ar_span body)
{
	json_t *head = json_pack(
		"{s:I, s:s, s:s}", "id", (json_int_t)p->id, "op", p->op, "ctx", p->context);
	int err = head ? workers_send(c->workers, p->worker, head, body) : -ENOMEM;

	json_decref(head);
	return err;
}

struct errand {
	unsigned worker;
	const char *op, *context, *share;
	uint32_t stream;
};

static int send_request(struct ctl *c, const struct errand *e, struct ar_span body)
{
	struct ctl_pending *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->stream = e->stream;
	p->worker = e->worker;
	p->op = e->op;
	p->deadline = ar_now() + CTL_ANSWER_S * AR_SEC;
	snprintf(p->context, sizeof(p->context), "%s", e->context);
	snprintf(p->share, sizeof(p->share), "%s", e->share);
	err = ar_ids_add(&c->pending, p, &p->id);
	if (err) {
		free(p);
		return err;
	}
	err = pass_on(c, p, body);
	if (err)
		forget(c, p);
	return err;
}

static void errand(struct ctl *c, const struct errand *e, struct ar_span body)
{
	int err = send_request(c, e, body);

	if (!err)
		return;
	c->stats.no_worker++;
	ctl_problem(c, e->stream, 503, err == -ENOENT ? "NF_FAILOVER" : "NF_CONGESTION",
		"worker %u cannot take the request: %s", e->worker, strerror(-err));
}

static void request_body(struct ctl *c, const struct ctl_call *q, unsigned worker, const char *op,
	struct ar_span body)
{
	struct errand e = {worker, op, q->context, "", q->req->id};

	errand(c, &e, body);
}

static void request(struct ctl *c, const struct ctl_call *q, unsigned worker, const char *op)
{
	request_body(c, q, worker, op, q->req->body);
}

/* ---- the operations ---- */

static uint64_t load_of(const struct workers_info *i)
{
	return (uint64_t)json_integer_value(json_object_get(i->stats, "contexts"));
}

struct tally {
	unsigned n[WORKERS_MAX_NUMBERS];
};

static void count_one(void *arg, struct mcontext *m)
{
	struct tally *t = arg;

	t->n[m->worker % WORKERS_MAX_NUMBERS]++;
}

bool ctl_rests(const struct ctl *c, unsigned w, const struct workers_info *i)
{
	return i->draining || (w < MEDIAD_MAX_WORKERS && c->resting[w]);
}

/* The one that is up with the fewest contexts, those that were just made counted too. */
static int choose(struct ctl *c)
{
	struct tally t = {{0}};
	struct workers_info i;
	uint64_t least = UINT64_MAX;
	int best = -1;

	contexts_each(c->contexts, count_one, &t);
	for (unsigned w = 0; w < workers_count(c->workers); w++) {
		uint64_t n;

		workers_get(c->workers, w, &i);
		n = t.n[w] > load_of(&i) ? t.n[w] : load_of(&i);
		if (i.up && !ctl_rests(c, w, &i) && n < least) {
			least = n;
			best = (int)w;
		}
	}
	return best;
}

/* ---- calls that share a scene are in one worker ---- */

struct search {
	const char *share;
	int worker;
};

static void look_for(void *arg, struct mcontext *m)
{
	struct search *s = arg;

	if (strcmp(m->share, s->share) == 0)
		s->worker = (int)m->worker;
}

/* -1: nobody has it yet, nor is about to. */
static int worker_with(struct ctl *c, const char *share)
{
	struct search s = {share, -1};
	const struct ctl_pending *p;
	uint32_t pos = 0;

	contexts_each(c->contexts, look_for, &s);
	while (s.worker < 0 && (p = ar_ids_next(&c->pending, &pos)) != NULL) {
		if (strcmp(p->share, share) == 0)
			s.worker = (int)p->worker;
	}
	return s.worker;
}

/* What is wrong with the body the worker tells. */
static void read_share(struct ar_span body, char *out, size_t cap)
{
	struct json_strict_error err;
	json_t *j = NULL;
	const char *s;

	out[0] = '\0';
	if (memmem(body.p, body.n, "share", 5))
		j = json_strict_load(body, JSON_STRICT_DEPTH, &err);
	s = json_string_value(json_object_get(json_object_get(j, "x-ims-ar"), "share"));
	if (s && strlen(s) < cap)
		snprintf(out, cap, "%s", s);
	json_decref(j);
}

void ctl_create(struct ctl *c, const struct ctl_call *q)
{
	char share[MRM_MAX_TEXT + 1];
	int worker = -1;

	read_share(q->req->body, share, sizeof(share));
	if (share[0])
		worker = worker_with(c, share);
	if (worker < 0)
		worker = choose(c);

	if (c->draining) {
		ctl_problem(
			c, q->req->id, 503, "NF_CONGESTION", "draining: no new contexts are taken");
	} else if (worker < 0) {
		c->stats.no_worker++;
		ctl_problem(c, q->req->id, 503, "NF_FAILOVER",
			"no worker is running that takes new contexts");
	} else {
		struct errand e = {(unsigned)worker, "create", q->context, share, q->req->id};

		errand(c, &e, q->req->body);
	}
}

static void to_owner(struct ctl *c, const struct ctl_call *q, const char *op)
{
	struct mcontext *m = contexts_find(c->contexts, q->context);

	if (!m)
		ctl_problem(c, q->req->id, 404, "CONTEXT_NOT_FOUND", "no context %s", q->context);
	else
		request(c, q, m->worker, op);
}

void ctl_patch(struct ctl *c, const struct ctl_call *q)
{
	to_owner(c, q, "patch");
}

void ctl_delete(struct ctl *c, const struct ctl_call *q)
{
	to_owner(c, q, "delete");
}

void ctl_get(struct ctl *c, const struct ctl_call *q)
{
	char scene[8];

	to_owner(c, q, ctl_query(q->req->query, "scene", scene, sizeof(scene)) ? "scene" : "get");
}

void ctl_get_scene(struct ctl *c, const struct ctl_call *q)
{
	to_owner(c, q, "scene");
}

void ctl_get_snapshot(struct ctl *c, const struct ctl_call *q)
{
	struct mcontext *m = contexts_find(c->contexts, q->context);
	char term[MRM_MAX_ID + 1], media[MRM_MAX_ID + 1], *text;
	json_t *body;

	if (!ctl_query(q->req->query, "termination", term, sizeof(term)) ||
		!ctl_query(q->req->query, "media", media, sizeof(media))) {
		ctl_problem(
			c, q->req->id, 400, "INVALID_QUERY_PARAM", "want ?termination=ID&media=ID");
		return;
	}
	if (!m) {
		ctl_problem(c, q->req->id, 404, "CONTEXT_NOT_FOUND", "no context %s", q->context);
		return;
	}
	body = json_pack("{s:s, s:s}", "termination", term, "media", media);
	text = ar_json_text(body);
	if (text)
		request_body(c, q, m->worker, "snapshot", ar_span_str(text));
	else
		ctl_problem(c, q->req->id, 400, "INVALID_QUERY_PARAM", "not UTF-8");
	free(text);
	json_decref(body);
}

void ctl_delete_quietly(struct ctl *c, const struct mcontext *m)
{
	struct errand e = {m->worker, "delete", m->id, "", 0};

	if (send_request(c, &e, AR_SPAN("")) != 0)
		ar_log_limited(AR_LOG_WARN, "ctl", "worker %u could not be told to delete %s",
			m->worker, m->id);
}

/* ---- answers ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void fill(struct ctl *c, struct mcontext *m, const json_t *head, unsigned worker)
{
	json_int_t lease = json_integer_value(json_object_get(head, "lease"));

	snprintf(m->id, sizeof(m->id), "%s", text_of(head, "ctx"));
	snprintf(m->owner, sizeof(m->owner), "%s", text_of(head, "owner"));
	snprintf(m->call_id, sizeof(m->call_id), "%s", text_of(head, "callId"));
	snprintf(m->call, sizeof(m->call), "%s", text_of(head, "call"));
	snprintf(m->share, sizeof(m->share), "%s", text_of(head, "share"));
	m->worker = worker;
	m->lease_us = (uint64_t)(lease ? lease : c->conf->lease_seconds) * AR_SEC;
	ctl_touch(m, ar_now());
}

void ctl_adopt(struct ctl *c, unsigned worker, const json_t *contexts)
{
	size_t i;
	json_t *j;

	json_array_foreach(contexts, i, j)
	{
		struct mcontext m = {.worker = worker};

		fill(c, &m, j, worker);
		if (contexts_add(c->contexts, &m) != 0)
			ctl_delete_quietly(c, &m);
	}
}

static void created(
	struct ctl *c, const struct ctl_pending *p, const json_t *head, struct ar_span body)
{
	char location[MRM_MAX_ID + 32];
	struct mcontext m = {.worker = p->worker};
	struct h2_response r = {.status = 201,
		.content_type = CTL_JSON,
		.name = {"location"},
		.value = {location},
		.body = body};

	fill(c, &m, head, p->worker);
	snprintf(location, sizeof(location), "/nmf-mrm/v1/contexts/%s", m.id);
	if (contexts_add(c->contexts, &m) != 0) {
		ctl_delete_quietly(c, &m);
		ctl_problem(c, p->stream, 500, "SYSTEM_FAILURE", "out of memory");
		return;
	}
	c->stats.answers[2]++;
	if (h2_reply(c->h2, p->stream, &r) == 0)
		return;
	/* its client has gone and will never know the id */
	ctl_delete_quietly(c, &m);
	contexts_remove(c->contexts, m.id);
}

static void bookkeeping(struct ctl *c, const struct ctl_pending *p, const json_t *head, int status)
{
	struct mcontext *m = contexts_find(c->contexts, p->context);

	if (strcmp(p->op, "snapshot") == 0)
		return; /* its 404 may be about a medium */
	if (m && (status == 404 || (status == 204 && strcmp(p->op, "delete") == 0)))
		contexts_remove(c->contexts, p->context);
	else if (m && status == 200 && strcmp(p->op, "patch") == 0)
		fill(c, m, head, m->worker);
}

void ctl_on_reply(void *arg, unsigned worker, const json_t *head, struct ar_span body)
{
	struct ctl *c = arg;
	uint32_t id = (uint32_t)json_integer_value(json_object_get(head, "id"));
	int status = (int)json_integer_value(json_object_get(head, "status"));
	struct ctl_pending *p = ar_ids_get(&c->pending, id);

	if (!p || p->worker != worker) {
		struct mcontext late = {.worker = worker};

		/* a create that nobody waits for any more leaves nothing behind */
		snprintf(late.id, sizeof(late.id), "%s", text_of(head, "ctx"));
		if (status == 201)
			ctl_delete_quietly(c, &late);
		return;
	}
	if (status == 201 && strcmp(p->op, "create") == 0) {
		created(c, p, head, body);
	} else {
		bookkeeping(c, p, head, status);
		if (p->stream)
			ctl_answer(c, p->stream, status,
				status == 204                    ? NULL
				: status >= 400                  ? CTL_PROBLEM
				: strcmp(p->op, "snapshot") == 0 ? CTL_PNG
								 : CTL_JSON,
				body);
	}
	forget(c, p);
}

void ctl_check_pending(struct ctl *c, uint64_t now)
{
	struct ctl_pending *p;
	uint32_t pos = 0;

	while ((p = ar_ids_next(&c->pending, &pos)) != NULL) {
		if (now < p->deadline)
			continue;
		c->stats.timeouts++;
		if (p->stream)
			ctl_problem(c, p->stream, 504, "TIMED_OUT_REQUEST",
				"worker %u did not answer in %d s", p->worker, CTL_ANSWER_S);
		forget(c, p);
	}
}

/* ---- a worker's end ---- */

struct funeral {
	struct ctl *c;
	unsigned worker;
	const char *reason;
};

static void bury(void *arg, struct mcontext *m)
{
	struct funeral *f = arg;
	char id[MRM_MAX_ID + 1];

	if (m->worker != f->worker)
		return;
	snprintf(id, sizeof(id), "%s", m->id);
	contexts_remove(f->c->contexts, id);
	ctl_publish_gone(f->c, id, f->reason);
}

static void forget_worker(struct ctl *c, unsigned worker, const char *reason)
{
	struct funeral f = {c, worker, reason};
	struct ctl_pending *p;
	uint32_t pos = 0;

	while ((p = ar_ids_next(&c->pending, &pos)) != NULL) {
		if (p->worker != worker)
			continue;
		if (p->stream)
			ctl_problem(c, p->stream, 503, "NF_FAILOVER", "%s", reason);
		forget(c, p);
	}
	contexts_each(c->contexts, bury, &f);
}

void ctl_on_died(void *arg, unsigned worker, const char *reason)
{
	struct ctl *c = arg;

	c->stats.worker_deaths++;
	forget_worker(c, worker, reason);
}

void ctl_on_drained(void *arg, unsigned worker)
{
	struct ctl *c = arg;

	c->stats.worker_drained++;
	forget_worker(c, worker, "drained");
}

void ctl_on_event(void *arg, unsigned worker, const json_t *event)
{
	struct ctl *c = arg;

	(void)worker;
	if (strcmp(text_of(event, "ev"), "context-gone") == 0)
		contexts_remove(c->contexts, text_of(event, "contextId"));
	ctl_publish(c, event);
}
