/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/ctl_internal.h"

#include "common/ar_json.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* ---- answers ---- */

void ctl_answer(struct ctl *c, uint32_t stream, int status, const char *type, struct ar_span body)
{
	struct h2_response r = {.status = status, .content_type = type, .body = body};

	c->stats.answers[(unsigned)status / 100 % 6]++;
	if (h2_reply(c->h2, stream, &r) != 0)
		ar_log(AR_LOG_DEBUG, "ctl", "nobody waits for the answer any more");
}

void ctl_problem(
	struct ctl *c, uint32_t stream, int status, const char *cause, const char *fmt, ...)
{
	struct mrm_error err = {.status = status, .cause = cause};
	struct ar_buf b;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.detail, sizeof(err.detail), fmt, ap);
	va_end(ap);
	ar_buf_init(&b, 4096);
	if (mrm_problem(&err, &b) != 0)
		ar_buf_reset(&b);
	ctl_answer(c, stream, status, CTL_PROBLEM, b.n ? ar_buf_span(&b) : AR_SPAN("{}"));
	ar_buf_free(&b);
}

void ctl_answer_json(struct ctl *c, uint32_t stream, json_t *j)
{
	char *text = j ? ar_json_text(j) : NULL;

	if (text)
		ctl_answer(c, stream, 200, CTL_JSON, ar_span_str(text));
	else
		ctl_problem(c, stream, 500, "SYSTEM_FAILURE", "out of memory");
	free(text);
	json_decref(j);
}

static int hex(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch = (char)tolower((unsigned char)ch);
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static bool decode(struct ar_span v, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		char ch = v.p[i];

		if (ch == '%') {
			int high = i + 2 < v.n ? hex(v.p[i + 1]) : -1;
			int low = i + 2 < v.n ? hex(v.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			ch = (char)(high * 16 + low);
			i += 2;
		}
		if (n + 1 >= cap || ch == '\0')
			return false;
		out[n++] = ch;
	}
	out[n] = '\0';
	return true;
}

bool ctl_query(const char *query, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name);

	while (*query) {
		size_t len = strcspn(query, "&");

		if (len > n && strncmp(query, name, n) == 0 && query[n] == '=')
			return decode((struct ar_span){query + n + 1, len - n - 1}, out, cap);
		query += len + (query[len] == '&');
	}
	return false;
}

static void healthz(struct ctl *c, const struct ctl_call *q)
{
	ctl_answer(c, q->req->id, 200, "text/plain", AR_SPAN("ok\n"));
}

/* One worker: its number as in the status. False: there is none of that number that takes calls. */
static bool drain_worker(struct ctl *c, const json_t *worker, bool on)
{
	json_int_t n = json_is_integer(worker) ? json_integer_value(worker) : -1;

	if (n < 0 || n >= (json_int_t)c->conf->nworker || n >= MEDIAD_MAX_WORKERS)
		return false;
	c->resting[n] = on;
	c->next_load = 0;
	ar_log(AR_LOG_NOTICE, "ctl", "worker %d: %s", (int)n,
		on ? "draining, no new contexts" : "taking new contexts again");
	return true;
}

/* The load, and of the one that was named how many it still has. */
static json_t *drained(struct ctl *c, const json_t *worker)
{
	json_t *j = ctl_load(c);
	json_int_t n = json_integer_value(worker);
	struct workers_info w;

	if (!worker)
		return j;
	workers_get(c->workers, (unsigned)n, &w);
	json_object_set_new(j, "drained",
		json_pack("{s:I, s:b, s:I}", "worker", n, "draining", ctl_rests(c, (unsigned)n, &w),
			"contexts", json_integer_value(json_object_get(w.stats, "contexts"))));
	return j;
}

/* Where there are several asd, one is enough: the others hear of it with the next load. */
static void put_drain(struct ctl *c, const struct ctl_call *q)
{
	json_t *j = json_loadb(q->req->body.p, q->req->body.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *on = json_object_get(j, "draining"), *worker = json_object_get(j, "worker");

	if (!json_is_boolean(on)) {
		ctl_problem(c, q->req->id, 400, "INVALID_MSG_FORMAT",
			"want {\"draining\":true} or {\"draining\":false}");
	} else if (worker && !drain_worker(c, worker, json_is_true(on))) {
		ctl_problem(c, q->req->id, 400, "INVALID_MSG_FORMAT",
			"worker: want the number of one, 0 to %d", (int)c->conf->nworker - 1);
	} else {
		if (!worker && json_is_true(on) != c->draining)
			ctl_drain(c, json_is_true(on));
		ctl_answer_json(c, q->req->id, drained(c, worker));
	}
	json_decref(j);
}

/* ---- routes ---- */

#define CONTEXTS "/nmf-mrm/v1/contexts"

static const struct route {
	const char *method, *before, *after; /* with after, {contextId} stands between */
	const char *type[2]; /* request body; NULL: none is read */
	void (*run)(struct ctl *c, const struct ctl_call *q);
} routes[] = {
	/* application/x-www-form-urlencoded is what curl -d says unless told otherwise */
	{"POST", CONTEXTS, NULL, {CTL_JSON, "application/x-www-form-urlencoded"}, ctl_create},
	{"GET", CONTEXTS, NULL, {NULL}, ctl_list},
	{"GET", CONTEXTS "/", "", {NULL}, ctl_get},
	{"PATCH", CONTEXTS "/", "", {"application/json-patch+json", NULL}, ctl_patch},
	{"DELETE", CONTEXTS "/", "", {NULL}, ctl_delete},
	{"GET", "/x-ims-ar/v1/contexts/", "/scene", {NULL}, ctl_get_scene},
	{"GET", "/x-ims-ar/v1/contexts/", "/snapshot", {NULL}, ctl_get_snapshot},
	{"GET", "/x-ims-ar/v1/status", NULL, {NULL}, ctl_status},
	{"PUT", "/x-ims-ar/v1/drain", NULL, {CTL_JSON, NULL}, put_drain},
	{"GET", "/x-ims-ar/v1/events", NULL, {NULL}, ctl_events},
	{"GET", "/metrics", NULL, {NULL}, ctl_metrics},
	{"GET", "/healthz", NULL, {NULL}, healthz},
};
#define NROUTES (sizeof(routes) / sizeof(routes[0]))

enum fit { NO_FIT, FITS, ID_TOO_LONG };

static enum fit fits(const struct route *r, const char *path, char *context)
{
	size_t before = strlen(r->before), after, n;

	if (!r->after)
		return strcmp(path, r->before) == 0 ? FITS : NO_FIT;
	if (strncmp(path, r->before, before) != 0)
		return NO_FIT;
	path += before;
	n = strlen(path);
	after = strlen(r->after);
	if (n <= after || strcmp(path + n - after, r->after) != 0)
		return NO_FIT;
	n -= after;
	if (memchr(path, '/', n))
		return NO_FIT;
	if (n > MRM_MAX_ID)
		return ID_TOO_LONG;
	memcpy(context, path, n);
	context[n] = '\0';
	return FITS;
}

static bool type_ok(const struct route *r, const char *type)
{
	if (!r->type[0] || (r->type[1] && !*type))
		return true;
	return strcasecmp(type, r->type[0]) == 0 ||
	       (r->type[1] && strcasecmp(type, r->type[1]) == 0);
}

static void not_allowed(struct ctl *c, const struct h2_request *req, const char *allow)
{
	struct h2_response r = {.status = 405,
		.content_type = CTL_PROBLEM,
		.name = {"allow"},
		.value = {allow},
		.body = AR_SPAN("{\"status\":405,\"cause\":\"METHOD_NOT_ALLOWED\"}")};

	c->stats.answers[4]++;
	h2_reply(c->h2, req->id, &r);
}

static void run_route(struct ctl *c, const struct route *r, const struct ctl_call *q)
{
	if (q->req->too_large)
		ctl_problem(c, q->req->id, 413, "INVALID_MSG_FORMAT",
			"the body is over the limit of %d bytes", H2_MAX_BODY);
	else if (!type_ok(r, q->req->content_type))
		ctl_problem(c, q->req->id, 415, "UNSUPPORTED_MEDIA_TYPE",
			"content-type '%.60s' is not served here, %s is", q->req->content_type,
			r->type[0]);
	else
		r->run(c, q);
}

static void on_request(void *arg, const struct h2_request *req)
{
	struct ctl *c = arg;
	struct ctl_call q = {.req = req};
	char allow[64] = "";

	for (unsigned i = 0; i < NROUTES; i++) {
		enum fit f = fits(&routes[i], req->path, q.context);

		if (f == ID_TOO_LONG) {
			ctl_problem(c, req->id, 400, "INVALID_URI",
				"a contextId has at most %d characters", MRM_MAX_ID);
			return;
		}
		if (f == NO_FIT)
			continue;
		if (strcmp(routes[i].method, req->method) == 0) {
			run_route(c, &routes[i], &q);
			return;
		}
		snprintf(allow + strlen(allow), sizeof(allow) - strlen(allow), "%s%s",
			*allow ? ", " : "", routes[i].method);
	}
	if (*allow)
		not_allowed(c, req, allow);
	else
		ctl_problem(
			c, req->id, 404, "RESOURCE_URI_STRUCTURE_NOT_FOUND", "no such resource");
}

static void on_gone(void *arg, uint32_t stream)
{
	ctl_unsubscribe(arg, stream);
}

/* ---- life ---- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *c = arg;
	uint64_t now = ar_now();
	json_t *load;

	(void)fd, (void)what;
	ctl_check_pending(c, now);
	ctl_check_leases(c, now);
	if (now < c->next_load)
		return;
	c->next_load = now + CTL_LOAD_S * AR_SEC;
	load = ctl_load(c);
	if (load && json_object_set_new(load, "ev", json_string("load")) == 0)
		ctl_publish(c, load);
	json_decref(load);
}

static int make_instance(struct ctl *c)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return -EIO;
	snprintf(c->instance, sizeof(c->instance), "%016llx", (unsigned long long)r);
	return 0;
}

int ctl_new(struct ctl **cp, struct event_base *base, const struct mediad_conf *conf)
{
	static const struct h2_handlers handlers = {.on_request = on_request, .on_gone = on_gone};
	struct timeval second = {.tv_sec = 1};
	struct ctl *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->base = base;
	c->conf = conf;
	c->started = ar_now();
	ar_ids_init(&c->pending, CTL_MAX_PENDING);
	err = make_instance(c);
	if (!err)
		err = contexts_new(&c->contexts);
	if (!err)
		err = h2_server_new(&c->h2, base, (unsigned)conf->max_connections, &handlers, c);
	if (!err) {
		c->tick = event_new(base, -1, EV_PERSIST, on_tick, c);
		err = c->tick && event_add(c->tick, &second) == 0 ? 0 : -ENOMEM;
	}
	if (err)
		ctl_free(c);
	else
		*cp = c;
	return err;
}

void ctl_free(struct ctl *c)
{
	uint32_t pos = 0;
	void *p;

	if (!c)
		return;
	h2_server_free(c->h2);
	if (c->tick)
		event_free(c->tick);
	while ((p = ar_ids_next(&c->pending, &pos)) != NULL)
		free(p);
	ar_ids_free(&c->pending);
	contexts_free(c->contexts);
	free(c);
}

void ctl_set_workers(struct ctl *c, struct workers *w)
{
	c->workers = w;
}

int ctl_listen(struct ctl *c, int fd)
{
	return h2_server_add(c->h2, fd);
}

void ctl_drain(struct ctl *c, bool on)
{
	c->draining = on;
	c->next_load = 0;
	ar_log(AR_LOG_NOTICE, "ctl",
		on ? "draining: no new contexts" : "taking new contexts again");
}

bool ctl_draining(const struct ctl *c)
{
	return c->draining;
}

unsigned ctl_contexts(const struct ctl *c)
{
	return contexts_count(c->contexts);
}

bool ctl_busy(const struct ctl *c)
{
	return c->pending.used > 0;
}
