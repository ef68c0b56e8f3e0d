/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/h2_internal.h"

#include <errno.h>

#define H1_MAX_HEAD 8192

static void refuse(struct h2_conn *c, const char *status, const char *text)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_add_printf(out,
		"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		status, strlen(text), text);
	c->closing = true;
}

static bool looks_like_http(struct ar_span line)
{
	struct ar_span tail = {line.p + line.n - 9, 9};

	if (line.n < 14 || line.p[0] < 'A' || line.p[0] > 'Z')
		return false;
	return ar_span_eq(tail, AR_SPAN(" HTTP/1.1")) || ar_span_eq(tail, AR_SPAN(" HTTP/1.0"));
}

static int get(struct h2_conn *c, struct ar_span line, size_t used)
{
	struct ar_span target = {line.p + 4, line.n - 4 - 9};
	struct h2_stream *st = h2_stream_new(c, 0);

	if (!st)
		return -1;
	memcpy(st->method, "GET", 4);
	h2_stream_set_path(st, target);
	h2_stream_request(st);
	return (int)used;
}

int h1_input(struct h2_conn *c, struct ar_span in)
{
	const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
	struct ar_span line;

	if (c->streams || c->closing)
		return (int)in.n; /* one request a connection */
	if ((unsigned char)in.p[0] < 'A' || (unsigned char)in.p[0] > 'Z' || in.n > H1_MAX_HEAD)
		return -1;
	if (!end)
		return 0;
	line = (struct ar_span){in.p, (size_t)((char *)memchr(in.p, '\r', in.n) - in.p)};
	if (!looks_like_http(line))
		return -1;
	if (memcmp(line.p, "GET ", 4) == 0)
		return get(c, line, (size_t)(end - in.p) + 4);
	c->server->stats.requests++;
	refuse(c, "505 HTTP Version Not Supported",
		"Only GET is served over HTTP/1.1. Use HTTP/2 with prior knowledge "
		"(curl --http2-prior-knowledge).\n");
	return (int)in.n;
}

static const char *reason(int status)
{
	return status < 300 ? "OK" : status < 500 ? "Refused" : "Failed";
}

int h1_answer(struct h2_stream *st, const struct h2_response *r)
{
	struct evbuffer *out = bufferevent_get_output(st->conn->bev);

	evbuffer_add_printf(
		out, "HTTP/1.1 %d %s\r\nConnection: close\r\n", r->status, reason(r->status));
	if (r->content_type)
		evbuffer_add_printf(out, "Content-Type: %s\r\n", r->content_type);
	for (unsigned i = 0; i < 2 && r->name[i]; i++)
		evbuffer_add_printf(out, "%s: %s\r\n", r->name[i], r->value[i]);
	if (!st->endless)
		evbuffer_add_printf(out, "Content-Length: %zu\r\n", st->out.n);
	evbuffer_add_printf(out, "\r\n");
	h1_push(st);
	st->conn->closing = !st->endless;
	return 0;
}

void h1_push(struct h2_stream *st)
{
	struct evbuffer *out = bufferevent_get_output(st->conn->bev);

	if (evbuffer_get_length(out) + st->out.n > H2_MAX_REPLY ||
		evbuffer_add(out, st->out.p, st->out.n) != 0)
		h2_conn_kill(st->conn);
	ar_buf_reset(&st->out);
}
