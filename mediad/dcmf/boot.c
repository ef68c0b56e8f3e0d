/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/boot.h"

#include "common/daemon/ar_log.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct request {
	struct ar_span method, target, if_none_match, range, if_range, accept;
	size_t body; /* Content-Length */
	bool bad;
};

void boot_open(struct boot *b, struct peer *peer, uint16_t id, const struct boot_site *site,
	struct boot_stats *stats)
{
	boot_close(b);
	*b = (struct boot){
		.peer = peer, .id = id, .site = *site, .stats = stats, .unacked = BOOT_UNACKED};
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
	static const struct {
		const char *name;
		size_t at;
	} kept[] = {{"if-none-match", offsetof(struct request, if_none_match)},
		{"range", offsetof(struct request, range)},
		{"if-range", offsetof(struct request, if_range)},
		{"accept", offsetof(struct request, accept)}};
	const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
	struct ar_span name, value;

	if (!colon)
		return;
	name = (struct ar_span){line.p, (size_t)(colon - line.p)};
	value = ar_span_trim((struct ar_span){colon + 1, line.n - name.n - 1});
	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (ar_span_caseeq(name, kept[i].name))
			memcpy((char *)r + kept[i].at, &value, sizeof(value));
	}
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

static bool is_head(const struct request *r)
{
	return ar_span_eq(r->method, AR_SPAN("HEAD"));
}

static void answer(struct boot *b, const char *status, const char *type, struct ar_span body,
	const char *extra)
{
	ar_buf_printf(&b->head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
		status, type, body.n, extra);
	ar_buf_add_span(&b->head, body);
}

/* If-None-Match: the tag is among them, weak or strong, or any will do (RFC 9110 13.1.2). */
static bool unchanged(const struct request *r, const char *etag)
{
	struct ar_span tags = r->if_none_match;

	return ar_span_eq(tags, AR_SPAN("*")) ||
	       (tags.p && memmem(tags.p, tags.n, etag, strlen(etag)) != NULL);
}

static void answer_unchanged(struct boot *b, const char *etag)
{
	ar_buf_printf(&b->head, "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n", etag);
}

/* ---- ranges (RFC 9110 14) ---- */

enum wanted { WANT_ALL, WANT_PART, WANT_NOTHING };

/* Digits off the front; false: none, or more than a file can have. */
static bool read_offset(struct ar_span *s, size_t *out)
{
	size_t n = 0;

	*out = 0;
	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		if (*out > SIZE_MAX / 16)
			return false;
		*out = *out * 10 + (size_t)(s->p[n] - '0');
	}
	s->p += n;
	s->n -= n;
	return n > 0;
}

/* "bytes=0-99", "bytes=100-", "bytes=-5". Several ranges, and what is not understood, get the
 * whole. */
static enum wanted read_range(struct ar_span s, size_t size, size_t *first, size_t *end)
{
	bool has_first, has_last;
	size_t last;

	if (s.n < 7 || strncasecmp(s.p, "bytes=", 6) != 0)
		return WANT_ALL;
	s.p += 6, s.n -= 6;
	has_first = read_offset(&s, first);
	if (s.n == 0 || *s.p != '-')
		return WANT_ALL;
	s.p++, s.n--;
	has_last = read_offset(&s, &last);
	if (s.n || (!has_first && !has_last) || (has_first && has_last && last < *first))
		return WANT_ALL;
	*end = has_first && has_last && last < size ? last + 1 : size;
	if (!has_first)
		*first = last < size ? size - last : 0;
	return *first < *end ? WANT_PART : WANT_NOTHING;
}

static void answer_part(
	struct boot *b, const struct request *r, const struct asset *x, size_t first, size_t end)
{
	ar_buf_printf(&b->head,
		"HTTP/1.1 206 Partial Content\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Content-Range: bytes %zu-%zu/%zu\r\nETag: %s\r\n\r\n",
		x->content_type, end - first, first, end - 1, x->data.n, x->etag);
	if (!is_head(r))
		b->body = (struct ar_span){x->data.p + first, end - first};
}

static void answer_asset(struct boot *b, const struct request *r, const struct asset *x)
{
	size_t first = 0, end = 0;
	enum wanted w = WANT_ALL;
	char extra[64];

	if (unchanged(r, x->etag)) {
		answer_unchanged(b, x->etag);
		return;
	}
	if (!r->if_range.p || ar_span_eq(r->if_range, ar_span_str(x->etag)))
		w = read_range(r->range, x->data.n, &first, &end);
	if (w == WANT_PART) {
		answer_part(b, r, x, first, end);
	} else if (w == WANT_NOTHING) {
		snprintf(extra, sizeof(extra), "Content-Range: bytes */%zu\r\n", x->data.n);
		answer(b, "416 Range Not Satisfiable", "text/plain", AR_SPAN(""), extra);
	} else {
		ar_buf_printf(&b->head,
			"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			"ETag: %s\r\nAccept-Ranges: bytes\r\nCache-Control: no-cache\r\n\r\n",
			x->content_type, x->data.n, x->etag);
		if (!is_head(r))
			b->body = x->data;
	}
}

/* ---- the list of applications ---- */

/* The subscriber's, for programs; its tag changes when anything in it does. */
static void answer_applist(struct boot *b, const struct request *r)
{
	struct ar_buf body;
	char etag[24], extra[96];

	ar_buf_init(&body, BOOT_MAX_LIST);
	if (!b->site.list || b->site.list(b->site.arg, b->id, &body) != 0) {
		answer(b, "503 Service Unavailable", "text/plain", AR_SPAN("no list\n"), "");
		ar_buf_free(&body);
		return;
	}
	assets_etag(ar_buf_span(&body), etag, sizeof(etag));
	snprintf(extra, sizeof(extra), "ETag: %s\r\nCache-Control: no-cache\r\nVary: Accept\r\n",
		etag);
	if (unchanged(r, etag))
		answer_unchanged(b, etag);
	else if (is_head(r))
		ar_buf_printf(&b->head,
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n%s\r\n",
			body.n, extra);
	else
		answer(b, "200 OK", "application/json", ar_buf_span(&body), extra);
	ar_buf_free(&body);
}

/* For people, when the folder has no index of its own. */
static void answer_files(struct boot *b, const struct request *r)
{
	const struct asset *x;
	struct ar_buf body;

	ar_buf_init(&body, BOOT_MAX_LIST);
	ar_buf_add_str(&body, "<!doctype html><title>AR applications</title><ul>");
	for (unsigned i = 0; (x = assets_at(b->site.assets, i)) != NULL; i++) {
		if (!x->scene && strpbrk(x->name, "<>\"&") == NULL)
			ar_buf_printf(&body, "<li><a href=\"/%s\">%s</a>", x->name, x->name);
	}
	ar_buf_add_str(&body, "</ul>");
	if (is_head(r))
		ar_buf_printf(&b->head,
			"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
			"Content-Length: %zu\r\n\r\n",
			body.n);
	else
		answer(b, "200 OK", "text/html; charset=utf-8", ar_buf_span(&body), "");
	ar_buf_free(&body);
}

/* A program asks for JSON and for no page. */
static bool wants_list(const struct request *r, struct ar_span name)
{
	const struct ar_span a = r->accept;

	if (ar_span_eq(name, AR_SPAN("applist.json")))
		return true;
	return name.n == 0 && a.p && memmem(a.p, a.n, "application/json", 16) &&
	       !memmem(a.p, a.n, "text/html", 9);
}

/* ---- one request ---- */

static const struct asset *find(const struct boot *b, struct ar_span name)
{
	const struct asset *x = assets_find(b->site.assets, name.n ? name : AR_SPAN("index.html"));

	if (x && x->scene && (!b->site.may_have || !b->site.may_have(b->site.arg, x)))
		return NULL;
	return x;
}

static void serve(struct boot *b, const struct request *r)
{
	struct ar_span name = asset_name(r->target);
	const struct asset *x = find(b, name);

	b->stats->requests++;
	if (r->bad || r->body > BOOT_MAX_REQUEST) {
		b->stats->refused++;
		b->closing = true;
		answer(b, r->bad ? "400 Bad Request" : "413 Content Too Large", "text/plain",
			AR_SPAN("not understood\n"), "Connection: close\r\n");
	} else if (!ar_span_eq(r->method, AR_SPAN("GET")) && !is_head(r)) {
		b->stats->refused++;
		answer(b, "405 Method Not Allowed", "text/plain", AR_SPAN("GET or HEAD\n"),
			"Allow: GET, HEAD\r\n");
	} else if (wants_list(r, name) && !(name.n && x)) {
		answer_applist(b, r);
	} else if (x) {
		answer_asset(b, r, x);
	} else if (name.n == 0) {
		answer_files(b, r);
	} else {
		b->stats->not_found++;
		answer(b, "404 Not Found", "text/plain",
			is_head(r) ? AR_SPAN("") : AR_SPAN("not found\n"), "");
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
	if (max > b->unacked / 4)
		max = b->unacked / 4;
	if (max > PEER_FRAGMENT)
		max -= max % PEER_FRAGMENT;
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

/*
 * So many bytes on the way that the line is full, and BOOT_QUEUE of it more: what waits in front of
 * its bottleneck delays the scene's updates, which go the same way.
 */
static void adapt(struct boot *b)
{
	uint64_t rate = peer_rate(b->peer), want, least;
	struct peer_stats s;

	peer_get_stats(b->peer, &s);
	if (s.rtt_us && (!b->rtt || s.rtt_us < b->rtt))
		b->rtt = s.rtt_us;
	if (!rate || !b->rtt)
		return;
	want = rate * (b->rtt + BOOT_QUEUE) / 1000000;
	/* to begin with the rate is that of the patches, not the line's */
	least = s.rtt_us < b->rtt + BOOT_QUEUE ? 2 * BOOT_MIN_UNACKED : BOOT_MIN_UNACKED;
	b->unacked = want < least              ? least
		     : want > BOOT_MAX_UNACKED ? BOOT_MAX_UNACKED
					       : (size_t)want;
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
		if (b->body.n)
			adapt(b);
		if (peer_buffered_on(b->peer, b->id) >= b->unacked) {
			peer_watch_buffered(b->peer, b->unacked - b->unacked / 4);
			return true;
		}
		if (peer_send(b->peer, b->id, PEER_BINARY, s) != 0)
			return true;
		sent(b, s.n);
	}
}
