/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/dcsf/h2_client.h"
#include "common/ar_buf.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/dns.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW (1024 * 1024) /* flow control window of each stream, and twice for the whole */
#define OUT_LOW (256 * 1024) /* nghttp2 is asked for more below this */
#define BACKOFF_MAX_MS 2000
#define STEADY (10 * AR_SEC) /* a connection that lived so long resets the back-off */

enum link_state { LINK_IDLE, LINK_CONNECTING, LINK_UP };

struct req {
	struct req *next, *prev;
	struct h2_client *c;
	int32_t stream;
	uint64_t cookie;
	void (*on_data)(void *arg, uint64_t cookie, struct ar_span data);
	void (*on_done)(void *arg, uint64_t cookie, const struct h2_response *r);
	struct event *timer;
	char *body;
	size_t body_n, body_at;
	struct ar_buf in;
	int status, err;
};

struct h2_client {
	struct event_base *base;
	struct evdns_base *dns;
	char *host, authority[300];
	struct h2_conf conf;
	struct h2_handlers h;
	void *arg;
	enum link_state state;
	struct bufferevent *bev;
	nghttp2_session *session;
	struct event *tick, *redial, *kick;
	struct req *reqs;
	unsigned nreqs, backoff;
	uint64_t since, heard, pinged;
	bool feeding; /* inside nghttp2_session_mem_recv() */
	const char *lost; /* why the connection must end; static text */
};

static void dial(struct h2_client *c);

/* ---- requests ---- */

static void req_unlink(struct req *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		r->c->reqs = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->c->nreqs--;
}

static void req_free(struct req *r)
{
	if (r->timer)
		event_free(r->timer);
	ar_buf_free(&r->in);
	free(r->body);
	free(r);
}

/* The request is over: out of the list first, so that the handler may do what it likes. */
static void req_finish(struct req *r, int err)
{
	struct h2_response res = {.err = err, .status = r->status, .body = ar_buf_span(&r->in)};

	if (!err && r->in.err)
		res.err = -EMSGSIZE;
	else if (!err && r->status == 0)
		res.err = -EPROTO;
	req_unlink(r);
	if (r->c->session && r->stream > 0)
		nghttp2_session_set_stream_user_data(r->c->session, r->stream, NULL);
	r->on_done(r->c->arg, r->cookie, &res);
	req_free(r);
}

static void on_req_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct req *r = arg;
	struct h2_client *c = r->c;

	(void)fd;
	(void)what;
	if (c->session)
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, r->stream, NGHTTP2_CANCEL);
	req_finish(r, -ETIMEDOUT);
	event_active(c->kick, 0, 0);
}

static ssize_t read_body(nghttp2_session *s, int32_t stream, uint8_t *buf, size_t cap,
	uint32_t *flags, nghttp2_data_source *src, void *arg)
{
	struct req *r = nghttp2_session_get_stream_user_data(s, stream);
	size_t n;

	(void)src;
	(void)arg;
	if (!r)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	n = r->body_n - r->body_at;
	if (n > cap)
		n = cap;
	memcpy(buf, r->body + r->body_at, n);
	r->body_at += n;
	if (r->body_at == r->body_n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv nv(const char *name, const char *value)
{
	return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
		.flags = NGHTTP2_NV_FLAG_NONE};
}

static int submit(struct h2_client *c, struct req *r, const struct h2_request *q)
{
	char length[24] = "";
	nghttp2_data_provider body = {.read_callback = read_body};
	nghttp2_nv head[] = {nv(":method", q->method), nv(":scheme", "http"),
		nv(":authority", c->authority), nv(":path", q->path),
		nv("user-agent", "ims-ar-asd/" IMS_AR_VERSION), nv("accept", "application/json"),
		nv("content-type", q->content_type ? q->content_type : ""),
		nv("content-length", length)};
	size_t n = sizeof(head) / sizeof(head[0]);

	snprintf(length, sizeof(length), "%zu", q->body.n);
	head[n - 1].valuelen = strlen(length);
	r->stream = nghttp2_submit_request(c->session, NULL, head, q->content_type ? n : n - 2,
		q->content_type ? &body : NULL, r);
	return r->stream > 0 ? 0 : -ENOMEM;
}

static int req_new(struct req **rp, struct h2_client *c, const struct h2_request *q)
{
	struct timeval tv = {.tv_sec = q->timeout_ms / 1000,
		.tv_usec = (suseconds_t)(q->timeout_ms % 1000) * 1000};
	struct req *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->c = c;
	r->cookie = q->cookie;
	r->on_data = q->on_data;
	r->on_done = q->on_done;
	ar_buf_init(&r->in, H2_MAX_RESPONSE);
	r->body_n = q->body.n;
	r->body = malloc(q->body.n + 1);
	if (q->timeout_ms)
		r->timer = evtimer_new(c->base, on_req_timeout, r);
	if (!r->body || (q->timeout_ms && (!r->timer || evtimer_add(r->timer, &tv) != 0))) {
		req_free(r);
		return -ENOMEM;
	}
	if (q->body.n)
		memcpy(r->body, q->body.p, q->body.n);
	*rp = r;
	return 0;
}

int h2_request(struct h2_client *c, const struct h2_request *q)
{
	struct req *r;
	int err;

	if (c->state != LINK_UP || c->lost)
		return -ENOTCONN;
	if (q->body.n > H2_MAX_BODY)
		return -EMSGSIZE;
	if (c->nreqs >= H2_MAX_REQUESTS)
		return -ENOBUFS;
	err = req_new(&r, c, q);
	if (err)
		return err;
	err = submit(c, r, q);
	if (err) {
		req_free(r);
		return err;
	}
	r->next = c->reqs;
	if (c->reqs)
		c->reqs->prev = r;
	c->reqs = r;
	c->nreqs++;
	event_active(c->kick, 0, 0);
	return 0;
}

/* ---- nghttp2 ---- */

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t nn,
	const uint8_t *value, size_t vn, uint8_t flags, void *arg)
{
	struct req *r = nghttp2_session_get_stream_user_data(s, f->hd.stream_id);

	(void)flags;
	(void)arg;
	if (!r || nn != 7 || memcmp(name, ":status", 7) != 0 || vn != 3)
		return 0;
	r->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
	return 0;
}

static int on_data(
	nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *p, size_t n, void *arg)
{
	struct req *r = nghttp2_session_get_stream_user_data(s, stream);
	struct h2_client *c = arg;
	struct ar_span data = {(const char *)p, n};

	(void)flags;
	if (!r)
		return 0;
	if (r->on_data)
		r->on_data(c->arg, r->cookie, data);
	else if (ar_buf_add_span(&r->in, data) != 0)
		nghttp2_submit_rst_stream(s, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
	return 0;
}

static int on_stream_close(nghttp2_session *s, int32_t stream, uint32_t code, void *arg)
{
	struct req *r = nghttp2_session_get_stream_user_data(s, stream);

	(void)arg;
	if (!r)
		return 0;
	r->stream = -1; /* nghttp2 forgets the stream after this */
	if (r->in.err)
		req_finish(r, -EMSGSIZE);
	else
		req_finish(r, code == NGHTTP2_NO_ERROR ? 0 : -EPROTO);
	return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *arg)
{
	struct h2_client *c = arg;

	(void)s;
	if (f->hd.type == NGHTTP2_GOAWAY)
		c->lost = "server said goodbye";
	if (f->hd.type != NGHTTP2_SETTINGS || (f->hd.flags & NGHTTP2_FLAG_ACK) ||
		c->state != LINK_CONNECTING)
		return 0;
	c->state = LINK_UP;
	c->since = ar_now();
	c->h.on_up(c->arg);
	return 0;
}

static int session_new(struct h2_client *c)
{
	nghttp2_settings_entry set[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16384}};
	nghttp2_session_callbacks *cb;
	int rv;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return -ENOMEM;
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	rv = nghttp2_session_client_new(&c->session, cb, c);
	nghttp2_session_callbacks_del(cb);
	if (rv != 0)
		return -ENOMEM;
	if (nghttp2_submit_settings(
		    c->session, NGHTTP2_FLAG_NONE, set, sizeof(set) / sizeof(set[0])) != 0 ||
		nghttp2_session_set_local_window_size(
			c->session, NGHTTP2_FLAG_NONE, 0, 2 * WINDOW) != 0)
		return -ENOMEM;
	return 0;
}

/* ---- connection ---- */

static void redial_later(struct h2_client *c)
{
	unsigned ms = c->backoff - (unsigned)(ar_now() % (c->backoff / 4 + 1)); /* spread */
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	c->backoff = c->backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff * 2;
	evtimer_add(c->redial, &tv);
}

/* Only from the loop's callbacks, never from inside nghttp2. */
static void hang_up(struct h2_client *c, const char *reason)
{
	bool was_up = c->state == LINK_UP;

	if (was_up && ar_now() - c->since > STEADY)
		c->backoff = c->conf.backoff_ms;
	c->state = LINK_IDLE;
	c->lost = NULL;
	if (c->bev)
		bufferevent_free(c->bev);
	c->bev = NULL;
	nghttp2_session_del(c->session);
	c->session = NULL;
	for (struct req *r, *next = c->reqs; (r = next);) {
		next = r->next; /* none is added while there is no connection */
		req_finish(r, -ECONNRESET);
	}
	if (was_up)
		c->h.on_down(c->arg, reason);
	else if (c->h.on_failed)
		c->h.on_failed(c->arg, reason);
	redial_later(c);
}

/* Moves what nghttp2 has to say into the socket's buffer, as much as is good. */
static void pump(struct h2_client *c)
{
	struct evbuffer *out;
	const uint8_t *p;
	ssize_t n;

	if (!c->session || c->feeding)
		return;
	if (c->lost) {
		hang_up(c, c->lost);
		return;
	}
	out = bufferevent_get_output(c->bev);
	while (evbuffer_get_length(out) < OUT_LOW) {
		n = nghttp2_session_mem_send(c->session, &p);
		if (n <= 0)
			break;
		evbuffer_add(out, p, (size_t)n);
	}
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump(arg);
}

static void on_writable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	pump(arg);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct h2_client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_contiguous_space(in);
	ssize_t used;

	c->heard = ar_now();
	c->pinged = 0;
	c->feeding = true;
	while (n > 0 && !c->lost) {
		used = nghttp2_session_mem_recv(c->session, evbuffer_pullup(in, (ssize_t)n), n);
		if (used < 0) {
			c->lost = nghttp2_strerror((int)used);
			break;
		}
		evbuffer_drain(in, n);
		n = evbuffer_get_contiguous_space(in);
	}
	c->feeding = false;
	if (!c->lost && !nghttp2_session_want_read(c->session) &&
		!nghttp2_session_want_write(c->session))
		c->lost = "protocol error";
	pump(c);
}

static void on_socket(struct bufferevent *bev, short what, void *arg)
{
	struct h2_client *c = arg;
	int on = 1;

	if (!(what & BEV_EVENT_CONNECTED)) {
		int e = bufferevent_socket_get_dns_error(bev);

		hang_up(c, e ? evutil_gai_strerror(e)
			   : what & BEV_EVENT_EOF
				   ? "closed by the server"
				   : evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
		return;
	}
	setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	pump(c);
}

static void dial(struct h2_client *c)
{
	if (session_new(c) == 0)
		c->bev = bufferevent_socket_new(
			c->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!c->bev) {
		hang_up(c, "no memory");
		return;
	}
	c->state = LINK_CONNECTING;
	c->since = c->heard = ar_now();
	c->pinged = 0;
	bufferevent_setcb(c->bev, on_readable, on_writable, on_socket, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	if (bufferevent_socket_connect_hostname(c->bev, c->dns, AF_UNSPEC, c->host, c->conf.port) !=
		0)
		c->lost = "cannot connect"; /* the tick hangs up */
}

static void on_redial(evutil_socket_t fd, short what, void *arg)
{
	struct h2_client *c = arg;

	(void)fd;
	(void)what;
	if (c->state == LINK_IDLE && !c->bev)
		dial(c);
}

/* Silence: first a PING, then the end. A half-open connection would hold requests for ever. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct h2_client *c = arg;
	uint64_t now = ar_now(), idle = c->conf.idle_ms * AR_MS;

	(void)fd;
	(void)what;
	if (c->lost) {
		hang_up(c, c->lost);
	} else if (c->state == LINK_CONNECTING) {
		if (now - c->since > c->conf.connect_ms * AR_MS)
			hang_up(c, "connecting took too long");
	} else if (c->state == LINK_UP && c->pinged && now - c->pinged > idle) {
		hang_up(c, "no sign of life");
	} else if (c->state == LINK_UP && !c->pinged && now - c->heard > idle) {
		c->pinged = now;
		nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
		pump(c);
	}
}

/* ---- life ---- */

/* Without name servers (an empty resolv.conf is an error to libevent) the hosts file still counts.
 */
static struct evdns_base *resolver(struct event_base *base)
{
	struct evdns_base *dns = evdns_base_new(
		base, EVDNS_BASE_INITIALIZE_NAMESERVERS | EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	if (dns)
		return dns;
	dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (dns)
		evdns_base_load_hosts(dns, "/etc/hosts");
	return dns;
}

static int make_events(struct h2_client *c)
{
	struct timeval often = {.tv_usec = 250000}, now = {0};
	struct in6_addr a;

	c->tick = event_new(c->base, -1, EV_PERSIST, on_tick, c);
	c->redial = evtimer_new(c->base, on_redial, c);
	c->kick = event_new(c->base, -1, 0, on_kick, c);
	if (!c->tick || !c->redial || !c->kick)
		return -ENOMEM;
	/* A name must not block the loop while it is looked up. */
	if (evutil_inet_pton(AF_INET, c->host, &a) != 1 &&
		evutil_inet_pton(AF_INET6, c->host, &a) != 1) {
		c->dns = resolver(c->base);
		if (!c->dns)
			return -ENOMEM;
	}
	if (event_add(c->tick, &often) != 0 || evtimer_add(c->redial, &now) != 0)
		return -ENOMEM;
	return 0;
}

int h2_client_new(struct h2_client **cp, struct event_base *base, const struct h2_conf *conf,
	const struct h2_handlers *h, void *arg)
{
	struct h2_client *c = calloc(1, sizeof(*c));
	bool v6 = strchr(conf->host, ':') != NULL;

	if (!c)
		return -ENOMEM;
	*c = (struct h2_client){.base = base, .conf = *conf, .h = *h, .arg = arg};
	c->host = strdup(conf->host);
	c->conf.connect_ms = conf->connect_ms ? conf->connect_ms : 2000;
	c->conf.idle_ms = conf->idle_ms ? conf->idle_ms : 4000;
	c->backoff = c->conf.backoff_ms = conf->backoff_ms ? conf->backoff_ms : 200;
	if (!c->host || make_events(c) != 0) {
		h2_client_free(c);
		return -ENOMEM;
	}

	snprintf(c->authority, sizeof(c->authority), "%s%s%s:%u", v6 ? "[" : "", conf->host,
		v6 ? "]" : "", conf->port);
	*cp = c;
	return 0;
}

void h2_client_free(struct h2_client *c)
{
	if (!c)
		return;
	for (struct req *r, *next = c->reqs; (r = next);) {
		next = r->next;
		req_free(r);
	}
	if (c->bev)
		bufferevent_free(c->bev);
	nghttp2_session_del(c->session);
	if (c->tick)
		event_free(c->tick);
	if (c->redial)
		event_free(c->redial);
	if (c->kick)
		event_free(c->kick);
	if (c->dns)
		evdns_base_free(c->dns, 0);
	free(c->host);
	free(c);
}

bool h2_client_up(const struct h2_client *c)
{
	return c->state == LINK_UP && !c->lost;
}

void h2_client_restart(struct h2_client *c, const char *reason)
{
	if (c->state != LINK_IDLE && !c->lost)
		c->lost = reason;
	event_active(c->kick, 0, 0);
}
