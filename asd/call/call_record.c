/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_record.h"
#include "asd/asd.h"
#include "asd/call/call_log.h"
#include "asd/call/call_view.h"
#include "asd/dcsf/dcsf.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A call that has ended and waits for mediad's figures. */
struct ending {
	struct asd *a;
	struct policy_gen *gen; /* pinned */
	struct lookup_facts *facts; /* the call's */
	struct call_view view; /* into facts and the texts below */
	struct policy_end end;
	char *callid, *caller, *callee, *role, *rule, *scene, *reason;
};

static void ending_free(struct ending *e)
{
	if (!e)
		return;
	policy_unpin(e->gen);
	free(e->facts);
	free(e->callid);
	free(e->caller);
	free(e->callee);
	free(e->role);
	free(e->rule);
	free(e->scene);
	free(e->reason);
	free(e);
}

static char *copy(const char *s)
{
	return strdup(s ? s : "");
}

static int copy_texts(struct ending *e, const struct call *c, const char *reason)
{
	e->callid = copy(c->callid);
	e->caller = copy(c->caller);
	e->callee = copy(c->callee);
	e->role = copy(c->role);
	e->rule = copy(c->rule);
	e->scene = copy(c->scene);
	e->reason = copy(reason);
	return e->callid && e->caller && e->callee && e->role && e->rule && e->scene && e->reason
		       ? 0
		       : -ENOMEM;
}

static int ending_new(struct ending **ep, struct asd *a, struct call *c, const char *reason)
{
	struct ending *e = calloc(1, sizeof(*e));
	struct policy_call *p;

	if (!e || copy_texts(e, c, reason) != 0) {
		ending_free(e);
		return -ENOMEM;
	}
	e->a = a;
	e->gen = c->gen;
	c->gen = NULL;
	call_view_make(&e->view, a, c, NULL, NULL);
	e->facts = c->facts;
	c->facts = NULL;
	p = &e->view.call;
	p->callid = ar_span_str(e->callid);
	p->role = ar_span_str(e->role);
	policy_party_set(&p->caller, ar_span_str(e->caller));
	policy_party_set(&p->callee, ar_span_str(e->callee));
	e->end = (struct policy_end){.reason = ar_span_str(e->reason),
		.rule = ar_span_str(e->rule),
		.scene = ar_span_str(e->scene),
		.seconds = call_seconds(c, asd_now(a)),
		.action = POLICY_AR};
	*ep = e;
	return 0;
}

/* ---- where it goes ---- */

static json_t *record_json(const struct policy_record *rec)
{
	json_t *o = json_object();

	for (unsigned i = 0; o && i < rec->n; i++)
		json_object_set_new(o, rec->field[i].name, json_string(rec->field[i].value));
	return o;
}

/* Opened for each line: it may be moved away at any time (logrotate). */
static int append(const char *path, const char *line, size_t n)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
	ssize_t wrote = fd < 0 ? -1 : write(fd, line, n);
	int err = wrote < 0 ? -errno : (size_t)wrote < n ? -ENOSPC : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

static void to_file(struct asd *a, const struct ending *e, json_t *fields)
{
	const char *path = a->conf.records;
	json_t *o = json_pack("{s:I, s:s, s:s, s:O}", "time_ms", (json_int_t)ar_wall_ms(), "callid",
		e->callid, "reason", e->reason, "record", fields);
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	struct ar_buf line;
	int err = -ENOMEM;

	ar_buf_init(&line, 256 * 1024);
	if (text) {
		ar_buf_add_str(&line, text);
		ar_buf_add(&line, "\n", 1);
		err = ar_buf_err(&line) ? -ENOMEM : append(path, line.p, line.n);
	}
	if (err) {
		asd_count(a, ASD_RECORDS_LOST);
		ar_log_limited(
			AR_LOG_ERR, "record", "%s: %s; records are lost", path, strerror(-err));
	}
	ar_buf_free(&line);
	free(text);
	json_decref(o);
}

static void write_out(struct asd *a, const struct ending *e, const struct policy_record *rec)
{
	json_t *fields = rec->n ? record_json(rec) : NULL;
	char *text = fields ? json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	if (text)
		ar_log(AR_LOG_INFO, "record", "%s", text);
	if (fields && a->conf.records && a->conf.records[0])
		to_file(a, e, fields);
	free(text);
	json_decref(fields);
}

/* ---- when ---- */

static void finish(struct ending *e)
{
	struct policy_record rec;
	AR_LOG_CALL(e->callid);

	if (policy_on_end(e->gen, &e->view.call, &e->end, &rec) != POLICY_OK)
		asd_count(e->a, ASD_RECORDS_LOST);
	write_out(e->a, e, &rec);
	ending_free(e);
}

static uint64_t figure(const json_t *x, const char *name)
{
	json_int_t v = json_integer_value(json_object_get(x, name));

	return v > 0 ? (uint64_t)v : 0;
}

static void on_figures(void *arg, uint32_t ref, const json_t *context, const char *why)
{
	const json_t *x = json_object_get(context, "x-ims-ar");
	struct ending *e = arg;

	(void)ref;
	(void)why;
	e->end.poses = figure(x, "poses");
	e->end.actions = figure(x, "actions");
	e->end.updates = figure(x, "updates");
	if (e->a->stopping) /* their names are about to go */
		e->view.call.ndcmfs = 0;
	finish(e);
}

void call_record(struct asd *a, struct call *c, const char *reason)
{
	struct ending *e;

	if (!c->gen || !c->plans || !policy_has_end(c->gen))
		return;
	if (ending_new(&e, a, c, reason) != 0) {
		asd_count(a, ASD_RECORDS_LOST);
		return;
	}
	if (c->ctx.state != CTX_UP || dcsf_live(a, c, on_figures, e, 0) != 0)
		finish(e);
}
