/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/h2_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_STREAM_IDS 20000

void h2_conn_kill(struct h2_conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	event_active(c->server->reap, EV_TIMEOUT, 0);
}

struct h2_stream *h2_stream_new(struct h2_conn *c, int32_t stream_id)
{
	struct h2_stream *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	if (ar_ids_add(&c->server->streams, st, &st->id) != 0) {
		free(st);
		return NULL;
	}
	st->stream_id = stream_id;
	st->conn = c;
	st->started = ar_now();
	ar_buf_init(&st->body, H2_MAX_BODY);
	ar_buf_init(&st->out, H2_MAX_REPLY);
	st->next = c->streams;
	c->streams = st;
	return st;
}

void h2_stream_free(struct h2_stream *st)
{
	struct h2_conn *c = st->conn;
	struct h2_stream **pp = &c->streams;

	while (*pp && *pp != st)
		pp = &(*pp)->next;
	if (*pp)
		*pp = st->next;
	c->busy = ar_now();
	ar_ids_remove(&c->server->streams, st->id);
	if (st->endless)
		c->server->h.on_gone(c->server->arg, st->id);
	ar_buf_free(&st->body);
	ar_buf_free(&st->out);
	free(st);
}

void h2_stream_set_path(struct h2_stream *st, struct ar_span target)
{
	const char *q = memchr(target.p, '?', target.n);
	size_t path_n = q ? (size_t)(q - target.p) : target.n;
	size_t query_n = q ? target.n - path_n - 1 : 0;

	if (path_n >= sizeof(st->path) || query_n >= sizeof(st->query)) {
		st->bad_path = true;
		return;
	}
	memcpy(st->path, target.p, path_n);
	st->path[path_n] = '\0';
	if (query_n)
		memcpy(st->query, q + 1, query_n);
	st->query[query_n] = '\0';
}

void h2_stream_set_type(struct h2_stream *st, struct ar_span v)
{
	const char *semi = memchr(v.p, ';', v.n);

	if (semi)
		v.n = (size_t)(semi - v.p);
	v = ar_span_trim(v);
	if (v.n >= sizeof(st->content_type))
		v = AR_SPAN("too-long");
	memcpy(st->content_type, v.p, v.n);
	st->content_type[v.n] = '\0';
}

static void request(struct h2_stream *st, bool too_large)
{
	struct h2_server *s = st->conn->server;
	struct h2_request r = {.id = st->id,
		.method = st->method,
		.path = st->bad_path ? "" : st->path,
		.query = st->query,
		.content_type = st->content_type,
		.body = too_large ? AR_SPAN("") : ar_buf_span(&st->body),
		.too_large = too_large};

	s->stats.requests++;
	if (!r.body.p)
		r.body = AR_SPAN("");
	s->h.on_request(s->arg, &r);
}

void h2_stream_body(struct h2_stream *st, struct ar_span data)
{
	if (st->over || st->answered)
		return;
	if (ar_buf_add_span(&st->body, data) == 0)
		return;
	st->over = true;
	request(st, true);
}

void h2_stream_request(struct h2_stream *st)
{
	st->whole = true;
	if (!st->over && !st->answered)
		request(st, false);
}

static void read_unknown(struct h2_conn *c, struct ar_span in)
{
	static const struct ar_span magic = {NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN};
	size_t n = in.n < magic.n ? in.n : magic.n;

	if (memcmp(in.p, magic.p, n) == 0) {
		if (in.n < magic.n)
			return;
		c->mode = H2_TWO;
		if (h2_two_start(c) != 0)
			h2_conn_kill(c);
		return;
	}
	c->mode = H2_ONE;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct h2_conn *c = arg;
	size_t n = evbuffer_get_length(in);
	struct ar_span s = {(char *)evbuffer_pullup(in, -1), n};

	if (c->dead || n == 0)
		return;
	if (c->mode == H2_UNKNOWN)
		read_unknown(c, s);
	if (c->dead)
		return;
	if (c->mode == H2_TWO) {
		h2_two_input(c, s);
		evbuffer_drain(in, n);
	} else if (c->mode == H2_ONE) {
		int used = h1_input(c, s);

		if (used < 0) {
			c->server->stats.garbage++;
			ar_log_limited(AR_LOG_WARN, "ctl", "not HTTP: connection closed");
			h2_conn_kill(c);
		} else {
			evbuffer_drain(in, (size_t)used);
		}
	}
}

static void on_write(struct bufferevent *bev, void *arg)
{
	struct h2_conn *c = arg;

	if (c->dead)
		return;
	if (c->mode == H2_TWO)
		h2_two_flush(c);
	if (c->closing && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		h2_conn_kill(c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct h2_conn *c = arg;

	(void)bev;
	if ((what & BEV_EVENT_TIMEOUT) && (what & BEV_EVENT_WRITING))
		c->server->stats.slow++;
	h2_conn_kill(c);
}

static void on_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct timeval stall = {.tv_sec = H2_STALL_S};
	struct h2_server *s = arg;
	struct h2_conn *c;
	int on = 1;

	(void)l, (void)sa, (void)len;
	s->stats.connections++;
	c = s->stats.open < s->max_connections ? calloc(1, sizeof(*c)) : NULL;
	if (c)
		c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		s->stats.refused++;
		ar_log_limited(
			AR_LOG_WARN, "ctl", "connection refused: %u are open", s->stats.open);
		free(c);
		close(fd);
		return;
	}
	/* answers are small and wait for no more: without this each may cost a delayed ACK */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->server = s;
	c->busy = ar_now();
	c->next = s->conns;
	s->conns = c;
	s->stats.open++;
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_set_timeouts(c->bev, NULL, &stall);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* Out of descriptors, as a rule: trying again at once would only burn the CPU. on_tick() does. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	(void)arg;
	ar_log_limited(AR_LOG_ERR, "ctl", "cannot accept: %s; again in a second",
		evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(l);
}

static void conn_free(struct h2_conn *c)
{
	struct h2_stream *st, *next;

	for (st = c->streams; st; st = next) {
		next = st->next;
		h2_stream_free(st);
	}
	nghttp2_session_del(c->session);
	bufferevent_free(c->bev);
	c->server->stats.open--;
	free(c);
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct h2_server *s = arg;
	struct h2_conn **pp = &s->conns;

	(void)fd, (void)what;
	while (*pp) {
		struct h2_conn *c = *pp;

		if (!c->dead) {
			pp = &c->next;
			continue;
		}
		*pp = c->next;
		conn_free(c);
	}
}

/* A request that does not end, or an answer for which the client opens no window: either would keep
 * its stream, and the connection, for ever. */
static bool is_late(const struct h2_stream *st, uint64_t now)
{
	if (st->answered)
		return st->out.n > st->sent && now - st->moved >= H2_STALL_S * AR_SEC;
	return !st->whole && now - st->started >= H2_REQUEST_S * AR_SEC;
}

static struct h2_stream *find_late(struct h2_conn *c, uint64_t now)
{
	struct h2_stream *st = c->streams;

	while (st && !is_late(st, now))
		st = st->next;
	return st;
}

/* A reset lets what else is due leave, and that ends streams too: look anew after each. */
static void check_streams(struct h2_conn *c, uint64_t now)
{
	struct h2_stream *st;

	while (!c->dead && (st = find_late(c, now)) != NULL) {
		c->server->stats.timeouts++;
		st->answered = true;
		ar_buf_reset(&st->out);
		st->sent = 0;
		h2_two_reset(st, NGHTTP2_CANCEL);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct h2_server *s = arg;
	uint64_t now = ar_now();

	(void)fd, (void)what;
	for (unsigned i = 0; i < s->nlistener; i++)
		evconnlistener_enable(
			s->listener[i]); /* nothing, but for one that could not accept */
	for (struct h2_conn *c = s->conns; c; c = c->next) {
		uint64_t limit = c->mode == H2_TWO ? H2_IDLE_S : H2_REQUEST_S;

		if (c->dead)
			continue;
		if (c->mode == H2_TWO)
			check_streams(c, now);
		if (!c->streams && now - c->busy > limit * AR_SEC) {
			s->stats.timeouts += c->mode != H2_TWO;
			h2_conn_kill(c);
		}
	}
}

int h2_server_new(struct h2_server **sp, struct event_base *base, unsigned max_connections,
	const struct h2_handlers *h, void *arg)
{
	struct timeval second = {.tv_sec = 1};
	struct h2_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->base = base;
	s->h = *h;
	s->arg = arg;
	s->max_connections = max_connections;
	ar_ids_init(&s->streams, MAX_STREAM_IDS);
	s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
	s->reap = event_new(base, -1, 0, on_reap, s);
	if (!s->tick || !s->reap || event_add(s->tick, &second) != 0) {
		h2_server_free(s);
		return -ENOMEM;
	}
	*sp = s;
	return 0;
}

void h2_server_free(struct h2_server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->nlistener; i++)
		evconnlistener_free(s->listener[i]);
	while (s->conns) {
		struct h2_conn *c = s->conns;

		s->conns = c->next;
		conn_free(c);
	}
	if (s->tick)
		event_free(s->tick);
	if (s->reap)
		event_free(s->reap);
	ar_ids_free(&s->streams);
	free(s);
}

int h2_server_add(struct h2_server *s, int fd)
{
	struct evconnlistener *l = NULL;

	evutil_make_socket_nonblocking(fd);
	if (s->nlistener < H2_MAX_LISTEN)
		l = evconnlistener_new(s->base, on_accept, s,
			LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 128, fd);
	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	s->listener[s->nlistener++] = l;
	return 0;
}

void h2_server_get_stats(const struct h2_server *s, struct h2_stats *out)
{
	*out = s->stats;
}

int h2_reply(struct h2_server *s, uint32_t id, const struct h2_response *r)
{
	struct h2_stream *st = ar_ids_get(&s->streams, id);
	int err;

	if (!st || st->answered || st->conn->dead)
		return -ENOENT;
	st->answered = true;
	st->moved = ar_now();
	err = ar_buf_add_span(&st->out, r->body);
	if (err)
		h2_conn_kill(st->conn);
	else if (st->conn->mode == H2_TWO)
		err = h2_two_answer(st, r);
	else
		err = h1_answer(st, r);
	return err;
}

int h2_open(struct h2_server *s, uint32_t id, const char *content_type)
{
	struct h2_stream *st = ar_ids_get(&s->streams, id);
	struct h2_response r = {.status = 200, .content_type = content_type};

	if (!st)
		return -ENOENT;
	st->endless = true;
	st->out.max = H2_MAX_BACKLOG;
	return h2_reply(s, id, &r);
}

int h2_push(struct h2_server *s, uint32_t id, struct ar_span data)
{
	struct h2_stream *st = ar_ids_get(&s->streams, id);

	if (!st || !st->endless || st->conn->dead)
		return -ENOENT;
	if (st->out.n == st->sent)
		st->moved = ar_now();
	if (ar_buf_add_span(&st->out, data) != 0) {
		s->stats.slow++;
		h2_conn_kill(st->conn);
		return -ENOBUFS;
	}
	if (st->conn->mode == H2_TWO)
		h2_two_resume(st);
	else
		h1_push(st);
	return 0;
}
