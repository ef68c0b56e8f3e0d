/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts over HTTP/1.1: GET on a few persistent connections (libevent's evhttp), the others wait in
 * a queue. 404, 410 and 204 say that there is no value; redirects are not followed. What a server
 * may send is bounded, and so is the time of every question (lookup_job.c).
 */
#include "asd/lookup/json_value.h"
#include "asd/lookup/lookup_int.h"
#include "asd/lookup/template.h"
#include "asd/lookup/tls.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_HEADERS 8192
#define MAX_BODY 65536
#define MAX_QUEUE LOOKUP_MAX_JOBS

struct slot {
	struct http *h;
	struct evhttp_connection *conn;
	struct evhttp_request *req;
	uint32_t job; /* while req */
	bool reused; /* the connection has answered before */
	bool stale; /* closed, or failed: another one is made */
	bool again; /* the job has been tried before */
	const char *why;
};

struct waiting {
	uint32_t job;
	bool again;
};

struct http {
	struct fact *fact;
	struct template path;
	struct lookup_url url;
	char host[300]; /* of the header */
	char *authorization;
	struct tls *tls; /* NULL: http */
	struct event *pump; /* the queue can go on */
	struct waiting queue[MAX_QUEUE];
	unsigned head, waiting, nslots;
	struct slot slot[];
};

/* ---- connections ---- */

static void on_close(struct evhttp_connection *conn, void *arg)
{
	struct slot *s = arg;

	(void)conn;
	s->stale = true;
}

static struct evhttp_connection *connect_new(struct http *h)
{
	struct lookup *l = h->fact->l;
	struct evdns_base *dns = lookup_dns(l);
	struct bufferevent *bev = h->tls ? tls_bufferevent(h->tls, l->base, h->url.host) : NULL;

	if (!dns || (h->tls && !bev))
		return NULL;
	return evhttp_connection_base_bufferevent_new(l->base, dns, bev, h->url.host, h->url.port);
}

/* A connection for one more request; not from inside a callback of evhttp. */
static int renew(struct slot *s)
{
	struct timeval tv = lookup_tv((uint64_t)s->h->fact->conf->timeout_ms + 1000);

	if (s->conn && !s->stale)
		return 0;
	if (s->conn)
		evhttp_connection_free(s->conn);
	s->stale = s->reused = false;
	s->conn = connect_new(s->h);
	if (!s->conn)
		return -ENOMEM;
	evhttp_connection_set_timeout_tv(s->conn, &tv);
	evhttp_connection_set_max_headers_size(s->conn, MAX_HEADERS);
	evhttp_connection_set_max_body_size(s->conn, MAX_BODY);
	evhttp_connection_set_closecb(s->conn, on_close, s);
	return 0;
}

/* ---- answers ---- */

static void enqueue(struct http *h, uint32_t job, bool again)
{
	if (h->waiting == MAX_QUEUE) {
		lookup_done(h->fact->l, job, LOOKUP_FAILED, "busy", AR_SPAN_NONE);
		return;
	}
	h->queue[(h->head + h->waiting++) % MAX_QUEUE] = (struct waiting){job, again};
}

static void read_body(struct http *h, uint32_t job, struct evhttp_request *req)
{
	struct lookup *l = h->fact->l;
	struct evbuffer *b = evhttp_request_get_input_buffer(req);
	struct ar_span body = {(const char *)evbuffer_pullup(b, -1), evbuffer_get_length(b)};
	char *text = NULL;
	size_t n = 0;
	int err = json_value_read(body, h->fact->conf->pointer, &text, &n);

	if (err == -ENODATA)
		lookup_done(l, job, LOOKUP_NONE, NULL, AR_SPAN_NONE);
	else if (err)
		lookup_done(l, job, LOOKUP_FAILED, err == -EBADMSG ? "not JSON" : "no memory",
			AR_SPAN_NONE);
	else
		lookup_done(l, job, LOOKUP_OK, NULL, (struct ar_span){text, n});
	free(text);
}

static void read_answer(struct http *h, uint32_t job, struct evhttp_request *req)
{
	struct lookup *l = h->fact->l;
	int code = evhttp_request_get_response_code(req);

	if (code == 200)
		read_body(h, job, req);
	else if (code == 404 || code == 410 || code == 204)
		lookup_done(l, job, LOOKUP_NONE, NULL, AR_SPAN_NONE);
	else if (code == 401 || code == 403)
		lookup_done(l, job, LOOKUP_FAILED, "not authorized", AR_SPAN_NONE);
	else if (code >= 500 || code == 429)
		lookup_done(l, job, LOOKUP_FAILED, LOOKUP_SERVER_ERROR, AR_SPAN_NONE);
	else
		lookup_done(l, job, LOOKUP_FAILED, "unexpected status", AR_SPAN_NONE);
}

static void on_answer(struct evhttp_request *req, void *arg)
{
	struct slot *s = arg;
	struct http *h = s->h;
	uint32_t job = s->job;

	s->req = NULL;
	event_active(h->pump, 0, 0);
	if (req && evhttp_request_get_response_code(req) > 0) {
		s->reused = true;
		read_answer(h, job, req);
		return;
	}
	s->stale = true;
	/* the server may have closed just when we asked */
	if (s->reused && !s->again && !s->why)
		enqueue(h, job, true);
	else
		lookup_done(h->fact->l, job, LOOKUP_FAILED, s->why ? s->why : LOOKUP_UNREACHABLE,
			AR_SPAN_NONE);
}

/* Comes before on_answer(). */
static void on_error(enum evhttp_request_error error, void *arg)
{
	struct slot *s = arg;

	if (error == EVREQ_HTTP_DATA_TOO_LONG)
		s->why = "too long";
	else if (error == EVREQ_HTTP_INVALID_HEADER)
		s->why = LOOKUP_SERVER_ERROR;
}

/* ---- requests ---- */

static int send_request(struct slot *s, struct ar_span path, bool again)
{
	struct http *h = s->h;
	struct evhttp_request *req = evhttp_request_new(on_answer, s);
	struct evkeyvalq *headers;
	char text[LOOKUP_MAX_REQUEST + 2];

	if (!req || renew(s) != 0) {
		if (req)
			evhttp_request_free(req);
		return -ENOMEM;
	}
	evhttp_request_set_error_cb(req, on_error);
	headers = evhttp_request_get_output_headers(req);
	evhttp_add_header(headers, "Host", h->host);
	evhttp_add_header(headers, "User-Agent", "ims-ar/" IMS_AR_VERSION);
	evhttp_add_header(headers, "Accept", h->fact->conf->pointer ? "application/json" : "*/*");
	if (h->authorization)
		evhttp_add_header(headers, "Authorization", h->authorization);
	snprintf(text, sizeof(text), "%s%.*s", path.n && path.p[0] == '/' ? "" : "/", (int)path.n,
		path.p ? path.p : "");
	s->req = req;
	s->again = again;
	s->why = NULL;
	/* what fails at once comes as an answer, too, in which case s->req is NULL now */
	if (evhttp_make_request(s->conn, req, EVHTTP_REQ_GET, text) != 0) {
		s->stale = true;
		s->req = NULL;
		return -EIO;
	}
	return 0;
}

static struct slot *free_slot(struct http *h)
{
	struct slot *other = NULL;

	for (unsigned i = 0; i < h->nslots; i++) {
		struct slot *s = &h->slot[i];

		if (s->req)
			continue;
		if (s->conn && !s->stale)
			return s; /* connected already */
		other = s;
	}
	return other;
}

static void run(struct http *h, struct slot *s, const struct waiting *w)
{
	struct lookup *l = h->fact->l;
	const struct job *j = ar_ids_get(&l->jobs, w->job);

	if (!j || j->done)
		return;
	s->job = w->job;
	if (send_request(s, (struct ar_span){j->key.p + 1, j->key.n - 1}, w->again) != 0)
		lookup_done(l, w->job, LOOKUP_FAILED, LOOKUP_UNREACHABLE, AR_SPAN_NONE);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	struct slot *s;

	(void)fd;
	(void)what;
	while (h->waiting && (s = free_slot(h))) {
		struct waiting w = h->queue[h->head];

		h->head = (h->head + 1) % MAX_QUEUE;
		h->waiting--;
		run(h, s, &w);
	}
}

static void http_start(struct fact *f, uint32_t job, struct ar_span request)
{
	struct http *h = f->state;

	(void)request; /* the job has it */
	enqueue(h, job, false);
	on_pump(-1, 0, h);
}

static void http_abandon(struct fact *f, uint32_t job)
{
	struct http *h = f->state;

	for (unsigned i = 0; i < h->nslots; i++) {
		struct slot *s = &h->slot[i];

		if (!s->req || s->job != job)
			continue;
		evhttp_cancel_request(s->req); /* no callback comes */
		s->req = NULL;
		s->stale = true;
		event_active(h->pump, 0, 0);
	}
}

static int http_request(const struct fact *f, const struct lookup_query *q, struct ar_buf *out)
{
	const struct http *h = f->state;

	return template_fill(&h->path, q, TEMPLATE_URL, out);
}

/* ---- life ---- */

static void http_close(struct fact *f)
{
	struct http *h = f->state;

	if (!h)
		return;
	for (unsigned i = 0; i < h->nslots; i++) {
		if (h->slot[i].conn) {
			evhttp_connection_set_closecb(h->slot[i].conn, NULL, NULL);
			evhttp_connection_free(h->slot[i].conn);
		}
	}
	if (h->pump)
		event_free(h->pump);
	tls_free(h->tls);
	free(h->authorization);
	free(h);
	f->state = NULL;
}

static int open_secrets(struct http *h, struct ar_buf *err)
{
	const struct lookup_fact_conf *c = h->fact->conf;
	int e = 0;

	if (c->authorization_file)
		e = lookup_read_secret(c->authorization_file, &h->authorization, err);
	if (!e && h->url.tls)
		e = tls_new(&h->tls, c->ca_file, err);
	return e;
}

static int http_open(struct fact *f, struct ar_buf *err)
{
	unsigned n = (unsigned)f->conf->connections;
	struct http *h = calloc(1, sizeof(*h) + n * sizeof(h->slot[0]));
	char why[400];

	if (!h)
		return -ENOMEM;
	f->state = h;
	h->fact = f;
	h->nslots = n;
	for (unsigned i = 0; i < n; i++)
		h->slot[i].h = h;
	h->pump = event_new(f->l->base, -1, 0, on_pump, h);
	if (!h->pump)
		return -ENOMEM;
	if (lookup_parse_url(&h->url, f->conf->url, why, sizeof(why)) != 0 ||
		template_parse(&h->path, h->url.path, why, sizeof(why)) != 0) {
		ar_buf_printf(err, "[fact %s] url: %s", f->conf->name, why);
		return -EINVAL;
	}
	snprintf(h->host, sizeof(h->host), strchr(h->url.host, ':') ? "[%s]:%u" : "%s:%u",
		h->url.host, h->url.port);
	return open_secrets(h, err);
}

const struct lookup_source lookup_http = {.kind = "http",
	.open = http_open,
	.close = http_close,
	.request = http_request,
	.start = http_start,
	.abandon = http_abandon};
