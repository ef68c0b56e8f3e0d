/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake_server.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_CONNECTIONS 256

struct connection {
	struct fake_server *s;
	struct bufferevent *bev;
	struct event *timer;
	const struct fake_rule *rule;
	size_t sent;
};

struct fake_server {
	struct event_base *base;
	struct evconnlistener *listener;
	const char *end;
	const struct fake_rule *rules;
	unsigned nrules, requests, accepted;
	struct connection *c[MAX_CONNECTIONS];
	char last[8192];
};

static void drop(struct connection *c)
{
	for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
		if (c->s->c[i] == c)
			c->s->c[i] = NULL;
	}
	event_free(c->timer);
	bufferevent_free(c->bev);
	free(c);
}

static void wait_ms(struct connection *c, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	evtimer_add(c->timer, &tv);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;

	if (c->rule && c->rule->close && !c->rule->drip_ms &&
		evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		drop(c);
}

static void answer(struct connection *c)
{
	const struct fake_rule *r = c->rule;
	size_t n = r->length ? r->length : strlen(r->answer);

	if (r->drip_ms) {
		if (c->sent < n) {
			bufferevent_write(c->bev, r->answer + c->sent++, 1);
			wait_ms(c, r->drip_ms);
		}
		return;
	}
	bufferevent_write(c->bev, r->answer, n);
	if (r->repeat) {
		char *more = malloc(r->repeat);

		memset(more, r->answer[n - 1], r->repeat);
		bufferevent_write(c->bev, more, r->repeat);
		free(more);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	answer(arg);
}

static void on_read(struct bufferevent *bev, void *arg);

static void take_request(struct connection *c, size_t n)
{
	struct fake_server *s = c->s;
	struct evbuffer *in = bufferevent_get_input(c->bev);

	s->requests++;
	if (n >= sizeof(s->last))
		n = sizeof(s->last) - 1;
	evbuffer_remove(in, s->last, n);
	s->last[n] = '\0';
	c->rule = NULL;
	for (unsigned i = 0; !c->rule && i < s->nrules; i++) {
		if (!s->rules[i].request || strstr(s->last, s->rules[i].request))
			c->rule = &s->rules[i];
	}
	c->sent = 0;
	if (!c->rule || (!c->rule->answer && !c->rule->close))
		return;
	if (!c->rule->answer)
		drop(c);
	else if (c->rule->delay_ms)
		wait_ms(c, c->rule->delay_ms);
	else
		answer(c);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct connection *c = arg;
	const struct fake_server *s = c->s;

	for (;;) {
		struct evbuffer_ptr at =
			evbuffer_search(bufferevent_get_input(bev), s->end, strlen(s->end), NULL);
		unsigned before = s->requests;
		bool alive = false;

		if (at.pos < 0)
			return;
		take_request(c, (size_t)at.pos + strlen(s->end));
		for (unsigned i = 0; i < MAX_CONNECTIONS; i++)
			alive = alive || s->c[i] == c;
		if (!alive || s->requests == before)
			return;
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		drop(arg);
}

static void on_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	struct fake_server *s = arg;
	struct connection *c = calloc(1, sizeof(*c));

	(void)l;
	(void)sa;
	(void)n;
	s->accepted++;
	c->s = s;
	c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->timer = evtimer_new(s->base, on_timer, c);
	bufferevent_setcb(c->bev, on_read, on_drained, on_event, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
		if (!s->c[i]) {
			s->c[i] = c;
			return;
		}
	}
	abort();
}

struct fake_server *fake_server_new(struct event_base *base, const char *end,
	const struct fake_rule *rules, unsigned n, uint16_t *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
		.sin_port = htons(*port),
		.sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	struct fake_server *s = calloc(1, sizeof(*s));
	socklen_t len = sizeof(sin);

	s->base = base;
	s->end = end;
	s->rules = rules;
	s->nrules = n;
	s->listener = evconnlistener_new_bind(base, on_accept, s,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 64, (struct sockaddr *)&sin,
		sizeof(sin));
	if (!s->listener) {
		free(s);
		return NULL;
	}
	getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&sin, &len);
	*port = ntohs(sin.sin_port);
	return s;
}

void fake_server_hang_up(struct fake_server *s)
{
	for (unsigned i = 0; i < MAX_CONNECTIONS; i++) {
		if (s->c[i])
			drop(s->c[i]);
	}
}

void fake_server_down(struct fake_server *s)
{
	fake_server_hang_up(s);
	if (s->listener)
		evconnlistener_free(s->listener);
	s->listener = NULL;
}

void fake_server_free(struct fake_server *s)
{
	if (!s)
		return;
	fake_server_down(s);
	free(s);
}

unsigned fake_server_requests(const struct fake_server *s)
{
	return s->requests;
}

unsigned fake_server_connections(const struct fake_server *s)
{
	return s->accepted;
}

unsigned fake_server_open(const struct fake_server *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX_CONNECTIONS; i++)
		n += s->c[i] != NULL;
	return n;
}

const char *fake_server_last(const struct fake_server *s)
{
	return s->last;
}
