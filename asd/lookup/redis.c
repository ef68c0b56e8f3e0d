/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts from Redis: one connection a fact (hiredis), commands one behind the other, answers in
 * order. A string is the value, nil says that there is none. hiredis itself sets no bound to what a
 * server may send: the reader's buffer and its arrays are bounded here.
 */
#include "asd/lookup/lookup_int.h"
#include "asd/lookup/redis_args.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_REPLY 65536 /* bytes waiting in the reader */
#define MAX_ELEMENTS 16
#define MAX_UNANSWERED 1024
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
#define STALLED 8 /* questions given up in a row: the connection is made anew */

struct redis {
	struct fact *fact;
	struct redis_args args;
	struct lookup_url at;
	char *password;
	redisAsyncContext *ac; /* NULL: not connected */
	redisReplyObjectFunctions functions; /* the library's, with our createArray */
	void *(*library_array)(const redisReadTask *, int);
	struct event *rev, *wev, *again;
	unsigned backoff_ms, unanswered, given_up;
	bool up, told;
};

static void connect_now(struct redis *r);

/* ---- the loop, as hiredis wants it ---- */

static void too_much(struct redis *r)
{
	if (!r->ac || r->ac->c.reader->len - r->ac->c.reader->pos <= MAX_REPLY)
		return;
	ar_log_limited(AR_LOG_WARN, "lookup", "fact %s: a reply over %d bytes", r->fact->conf->name,
		MAX_REPLY);
	redisAsyncFree(r->ac);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct redis *r = arg;

	(void)fd;
	(void)what;
	redisAsyncHandleRead(r->ac);
	too_much(r);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	const struct redis *r = arg;

	(void)fd;
	(void)what;
	redisAsyncHandleWrite(r->ac);
}

static void add_read(void *arg)
{
	event_add(((struct redis *)arg)->rev, NULL);
}

static void del_read(void *arg)
{
	event_del(((struct redis *)arg)->rev);
}

static void add_write(void *arg)
{
	event_add(((struct redis *)arg)->wev, NULL);
}

static void del_write(void *arg)
{
	event_del(((struct redis *)arg)->wev);
}

/* hiredis frees its context next. */
static void cleanup(void *arg)
{
	struct redis *r = arg;

	if (r->rev)
		event_free(r->rev);
	if (r->wev)
		event_free(r->wev);
	r->rev = r->wev = NULL;
	r->ac = NULL;
}

/* ---- the connection ---- */

static void later(struct redis *r, const char *why)
{
	struct timeval tv;

	if (!r->told)
		ar_log(AR_LOG_WARN, "lookup", "fact %s: no connection to %s: %s",
			r->fact->conf->name, r->fact->conf->server, why);
	r->told = true;
	r->up = false;
	r->backoff_ms = r->backoff_ms * 2 < BACKOFF_MAX_MS ? r->backoff_ms * 2 : BACKOFF_MAX_MS;
	tv = lookup_tv(r->backoff_ms);
	evtimer_add(r->again, &tv);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connect_now(arg);
}

static void on_disconnected(const redisAsyncContext *ac, int status)
{
	(void)status;
	later(ac->data, ac->errstr && ac->errstr[0] ? ac->errstr : "closed");
}

static void on_hello(redisAsyncContext *ac, void *reply, void *what)
{
	const redisReply *x = reply;
	struct redis *r = ac->data;

	if (!x || x->type != REDIS_REPLY_ERROR)
		return;
	ar_log(AR_LOG_ERR, "lookup", "fact %s: %s refused: %.200s", r->fact->conf->name,
		(const char *)what, x->str);
	redisAsyncDisconnect(ac);
}

static void on_connected(const redisAsyncContext *cac, int status)
{
	redisAsyncContext *ac = (redisAsyncContext *)(uintptr_t)cac;
	struct redis *r = ac->data;

	if (status != REDIS_OK) {
		later(r, ac->errstr);
		return;
	}
	r->up = true;
	r->backoff_ms = BACKOFF_MIN_MS;
	r->unanswered = r->given_up = 0;
	if (r->told)
		ar_log(AR_LOG_NOTICE, "lookup", "fact %s: connected again", r->fact->conf->name);
	r->told = false;
	if (r->password)
		redisAsyncCommand(ac, on_hello, (void *)(uintptr_t) "AUTH", "AUTH %s", r->password);
	if (r->fact->conf->db)
		redisAsyncCommand(ac, on_hello, (void *)(uintptr_t) "SELECT", "SELECT %d",
			(int)r->fact->conf->db);
}

/* hiredis would make room for as many as the server says. NULL: "out of memory", the end. */
static void *create_array(const redisReadTask *task, int n)
{
	const struct redis *r = task->privdata;

	return n > MAX_ELEMENTS ? NULL : r->library_array(task, n);
}

static int attach(struct redis *r, redisAsyncContext *ac)
{
	r->rev = event_new(r->fact->l->base, ac->c.fd, EV_READ | EV_PERSIST, on_readable, r);
	r->wev = event_new(r->fact->l->base, ac->c.fd, EV_WRITE, on_writable, r);
	if (!r->rev || !r->wev)
		return -ENOMEM;
	r->functions = *ac->c.reader->fn;
	r->library_array = r->functions.createArray;
	r->functions.createArray = create_array;
	ac->c.reader->fn = &r->functions;
	ac->c.reader->privdata = r;
	ac->data = ac->ev.data = r;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	redisAsyncSetDisconnectCallback(ac, on_disconnected);
	redisAsyncSetConnectCallback(ac, on_connected); /* waits for the socket */
	return 0;
}

static void connect_now(struct redis *r)
{
	redisAsyncContext *ac = r->at.path.n ? redisAsyncConnectUnix(r->at.path.p)
					     : redisAsyncConnect(r->at.host, r->at.port);

	if (ac && !ac->err && attach(r, ac) == 0) {
		r->ac = ac;
		return;
	}
	later(r, ac && ac->errstr && ac->errstr[0] ? ac->errstr : "out of memory");
	if (ac)
		redisAsyncFree(ac);
	cleanup(r);
}

/* ---- questions ---- */

static void read_reply(struct redis *r, uint32_t job, const redisReply *x)
{
	struct lookup *l = r->fact->l;
	char number[24];

	if (x->type == REDIS_REPLY_ARRAY && x->elements == 1)
		x = x->element[0]; /* HMGET of one */
	switch (x->type) {
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		lookup_done(l, job, LOOKUP_OK, NULL, (struct ar_span){x->str, (size_t)x->len});
		return;
	case REDIS_REPLY_INTEGER:
		snprintf(number, sizeof(number), "%lld", x->integer);
		lookup_done(l, job, LOOKUP_OK, NULL, ar_span_str(number));
		return;
	case REDIS_REPLY_NIL:
		lookup_done(l, job, LOOKUP_NONE, NULL, AR_SPAN_NONE);
		return;
	case REDIS_REPLY_ERROR:
		ar_log_limited(
			AR_LOG_WARN, "lookup", "fact %s: %.200s", r->fact->conf->name, x->str);
		lookup_done(l, job, LOOKUP_FAILED, "refused", AR_SPAN_NONE);
		return;
	default:
		lookup_done(l, job, LOOKUP_FAILED, "not one value", AR_SPAN_NONE);
	}
}

static void on_reply(redisAsyncContext *ac, void *reply, void *arg)
{
	struct redis *r = ac->data;
	uint32_t job = (uint32_t)(uintptr_t)arg;

	r->unanswered--;
	r->given_up = 0;
	if (reply)
		read_reply(r, job, reply);
	else
		lookup_done(r->fact->l, job, LOOKUP_FAILED, LOOKUP_UNREACHABLE, AR_SPAN_NONE);
}

static void redis_start(struct fact *f, uint32_t job, struct ar_span request)
{
	struct redis *r = f->state;
	const char *argv[REDIS_MAX_ARGS];
	size_t argvlen[REDIS_MAX_ARGS];
	unsigned argc = redis_args_split(request, argv, argvlen);
	const char *why = r->unanswered >= MAX_UNANSWERED ? "busy" : LOOKUP_UNREACHABLE;

	if (r->up && r->ac && r->unanswered < MAX_UNANSWERED &&
		redisAsyncCommandArgv(r->ac, on_reply, (void *)(uintptr_t)job, (int)argc, argv,
			argvlen) == REDIS_OK)
		r->unanswered++;
	else
		lookup_done(f->l, job, LOOKUP_FAILED, why, AR_SPAN_NONE);
}

/* Its answer will come to nothing; a server that says nothing at all is left. */
static void redis_abandon(struct fact *f, uint32_t job)
{
	struct redis *r = f->state;

	(void)job;
	if (++r->given_up >= STALLED && r->ac)
		redisAsyncFree(r->ac);
}

static int redis_request(const struct fact *f, const struct lookup_query *q, struct ar_buf *out)
{
	const struct redis *r = f->state;

	return redis_args_fill(&r->args, q, out);
}

/* ---- life ---- */

static void redis_close(struct fact *f)
{
	struct redis *r = f->state;

	if (!r)
		return;
	r->told = true;
	if (r->ac)
		redisAsyncFree(r->ac);
	if (r->again)
		event_free(r->again);
	free(r->password);
	free(r);
	f->state = NULL;
}

static int redis_open(struct fact *f, struct ar_buf *err)
{
	struct redis *r = calloc(1, sizeof(*r));
	char why[400];

	if (!r)
		return -ENOMEM;
	f->state = r;
	r->fact = f;
	r->backoff_ms = BACKOFF_MIN_MS;
	r->again = evtimer_new(f->l->base, on_again, r);
	if (!r->again)
		return -ENOMEM;
	if (lookup_parse_server(&r->at, f->conf->server) != 0 ||
		redis_args_parse(&r->args, f->conf->command, why, sizeof(why)) != 0) {
		ar_buf_printf(err, "[fact %s] server or command", f->conf->name);
		return -EINVAL;
	}
	if (f->conf->password_file &&
		lookup_read_secret(f->conf->password_file, &r->password, err) != 0)
		return -EINVAL;
	connect_now(r);
	return 0;
}

const struct lookup_source lookup_redis = {.kind = "redis",
	.open = redis_open,
	.close = redis_close,
	.request = redis_request,
	.start = redis_start,
	.abandon = redis_abandon};
