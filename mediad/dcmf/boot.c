/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/boot.h"

#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>

struct request {
	struct ar_span method, target, if_none_match;
	size_t body; /* Content-Length */
	bool bad;
};

void boot_open(struct boot *b, struct peer *peer, uint16_t id, const struct assets *assets,
	struct boot_stats *stats)
{
	boot_close(b);
	*b = (struct boot){.peer = peer, .id = id, .assets = assets, .stats = stats};
	ar_buf_init(&b->in, 2 * BOOT_MAX_REQUEST);
	ar_buf_init(&b->head, 65536);
}

void boot_close(struct boot *b)
{
	ar_buf_free(&b->in);
	ar_buf_free(&b->head);
	b->peer = NULL;
}

static bool next_line(struct ar_span *rest, struct ar_span *line)
{
	const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!end)
		return false;
	*line = ar_span_trim((struct ar_span){rest->p, (size_t)(end - rest->p)});
	rest->n -= (size_t)(end + 1 - rest->p);
	rest->p = end + 1;
	return true;
}

static void read_header(struct request *r, struct ar_span line)
{
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	struct ar_span name, value;

	if (!colon)
		return;
	name = (struct ar_span){line.p, (size_t)(colon - line.p)};
	value = ar_span_trim((struct ar_span){colon + 1, line.n - name.n - 1});
	if (ar_span_caseeq(name, "if-none-match"))
		r->if_none_match = value;
	if (ar_span_caseeq(name, "transfer-encoding"))
		r->bad = true;
	if (!ar_span_caseeq(name, "content-length"))
		return;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9' || r->body > BOOT_MAX_REQUEST)
			r->bad = true;
		else
			r->body = r->body * 10 + (size_t)(value.p[i] - '0');
	}
}

static void read_request_line(struct request *r, struct ar_span line)
{
	const char *a = memchr(line.p, ' ', line.n), *b;

	b = a ? memchr(a + 1, ' ', line.n - (size_t)(a + 1 - line.p)) : NULL;
	if (!b || line.n - (size_t)(b + 1 - line.p) < 8 || memcmp(b + 1, "HTTP/1.", 7) != 0) {
		r->bad = true;
		return;
	}
	r->method = (struct ar_span){line.p, (size_t)(a - line.p)};
	r->target = (struct ar_span){a + 1, (size_t)(b - a - 1)};
}

/* "/x?y", "http://host/x" and, as handsets send it, "host/x": the name "x". */
static struct ar_span asset_name(struct ar_span t)
{
	const char *p;

	if (t.n > 7 && strncasecmp(t.p, "http://", 7) == 0)
		t.p += 7, t.n -= 7;
	p = t.n ? memchr(t.p, '?', t.n) : NULL;
	if (p)
		t.n = (size_t)(p - t.p);
	p = t.n ? memchr(t.p, '/', t.n) : NULL;
	if (!p)
		return AR_SPAN("");
	t.n -= (size_t)(p + 1 - t.p);
	t.p = p + 1;
	return t;
}

static void answer(struct boot *b, const char *status, const char *type, struct ar_span body,
	const char *extra)
{
	ar_buf_printf(&b->head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
		status, type, body.n, extra);
	ar_buf_add_span(&b->head, body);
}

static void answer_asset(struct boot *b, const struct request *r, const struct asset *x)
{
	bool same = r->if_none_match.p && memmem(r->if_none_match.p, r->if_none_match.n, x->etag,
						  strlen(x->etag)) != NULL;

	if (same) {
		ar_buf_printf(&b->head, "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n", x->etag);
		return;
	}
	ar_buf_printf(&b->head,
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\nETag: %s\r\n"
		"Cache-Control: no-cache\r\n\r\n",
		x->content_type, x->data.n, x->etag);
	if (!ar_span_eq(r->method, AR_SPAN("HEAD")))
		b->body = x->data;
}

/* The applications there are, when the folder has no index of its own. */
static void answer_list(struct boot *b)
{
	const struct asset *x;
	struct ar_buf body;

	ar_buf_init(&body, 60000);
	ar_buf_add_str(&body, "<!doctype html><title>AR applications</title><ul>");
	for (unsigned i = 0; (x = assets_at(b->assets, i)) != NULL; i++) {
		if (strpbrk(x->name, "<>\"&") == NULL)
			ar_buf_printf(&body, "<li><a href=\"/%s\">%s</a>", x->name, x->name);
	}
	ar_buf_add_str(&body, "</ul>");
	answer(b, "200 OK", "text/html; charset=utf-8", ar_buf_span(&body), "");
	ar_buf_free(&body);
}

static void serve(struct boot *b, const struct request *r)
{
	struct ar_span name = asset_name(r->target);
	const struct asset *x = assets_find(b->assets, name.n ? name : AR_SPAN("index.html"));

	b->stats->requests++;
	if (r->bad || r->body > BOOT_MAX_REQUEST) {
		b->stats->refused++;
		b->closing = true;
		answer(b, r->bad ? "400 Bad Request" : "413 Content Too Large", "text/plain",
			AR_SPAN("not understood\n"), "Connection: close\r\n");
	} else if (!ar_span_eq(r->method, AR_SPAN("GET")) &&
		   !ar_span_eq(r->method, AR_SPAN("HEAD"))) {
		b->stats->refused++;
		answer(b, "405 Method Not Allowed", "text/plain", AR_SPAN("GET or HEAD\n"),
			"Allow: GET, HEAD\r\n");
	} else if (x) {
		answer_asset(b, r, x);
	} else if (name.n == 0) {
		answer_list(b);
	} else {
		b->stats->not_found++;
		answer(b, "404 Not Found", "text/plain", AR_SPAN("not found\n"), "");
	}
}

/* One request off the input, if it is whole. */
static bool take_request(struct boot *b)
{
	struct ar_span rest = ar_buf_span(&b->in), line;
	const char *end = rest.n ? memmem(rest.p, rest.n, "\r\n\r\n", 4) : NULL;
	struct request r = {.bad = false};
	size_t head;

	if (!end && rest.n < BOOT_MAX_REQUEST)
		return false;
	head = end ? (size_t)(end + 4 - rest.p) : rest.n;
	if (!end || head > BOOT_MAX_REQUEST)
		r.bad = true;
	else
		rest.n = head;
	if (!r.bad && next_line(&rest, &line))
		read_request_line(&r, line);
	while (!r.bad && next_line(&rest, &line))
		read_header(&r, line);
	if (!r.bad && r.body <= BOOT_MAX_REQUEST && b->in.n < head + r.body)
		return false;
	serve(b, &r);
	ar_buf_consume(&b->in, head + (r.body <= BOOT_MAX_REQUEST ? r.body : 0));
	return true;
}

void boot_input(struct boot *b, struct ar_span data)
{
	if (b->closing)
		return;
	if (ar_buf_add_span(&b->in, data) != 0) {
		struct request r = {.bad = true};

		ar_log_limited(AR_LOG_INFO, "boot",
			"channel %u: more than %d bytes of requests wait", b->id, BOOT_MAX_REQUEST);
		ar_buf_reset(&b->in);
		if (b->head.n == 0)
			serve(b, &r);
		b->closing = true;
	}
	boot_run(b);
}

static struct ar_span piece(struct boot *b)
{
	size_t max = peer_max_message(b->peer);
	struct ar_span s = b->body;

	if (b->head_sent < b->head.n)
		s = (struct ar_span){b->head.p + b->head_sent, b->head.n - b->head_sent};
	if (max > BOOT_MAX_PIECE)
		max = BOOT_MAX_PIECE;
	if (s.n > max)
		s.n = max;
	return s;
}

static void sent(struct boot *b, size_t n)
{
	b->stats->bytes += n;
	b->tx++;
	if (b->head_sent < b->head.n) {
		b->head_sent += n;
		return;
	}
	b->body.p += n;
	b->body.n -= n;
}

bool boot_run(struct boot *b)
{
	for (;;) {
		struct ar_span s = piece(b);

		if (s.n == 0) {
			ar_buf_reset(&b->head);
			b->head_sent = 0;
			if (b->closing || !take_request(b))
				return false;
			continue;
		}
		if (peer_buffered(b->peer) >= BOOT_MAX_UNACKED) {
			peer_watch_buffered(b->peer, BOOT_MAX_UNACKED / 2);
			return true;
		}
		if (peer_send(b->peer, b->id, PEER_BINARY, s) != 0)
			return true;
		sent(b, s.n);
	}
}
