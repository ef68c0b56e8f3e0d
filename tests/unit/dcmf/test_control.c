/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HTTP server under the control interface, spoken to by an HTTP/2 client and by strangers; the
 * link between parent and worker. */
#include "h2c.h"
#include "mediad/ctl/h2.h"
#include "mediad/worker/wlink.h"

#include "common/daemon/ar_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- server with a scripted owner ---- */

struct box {
	struct event_base *base;
	struct h2_server *s;
	uint16_t port;
	unsigned requests, gone;
	uint32_t last;
	char method[16], path[300], query[300], type[80];
	size_t body;
	bool too_large, endless, silent;
};

static void on_request(void *arg, const struct h2_request *r)
{
	struct box *b = arg;
	struct h2_response a = {.status = 200,
		.content_type = "text/plain",
		.name = {"x-one"},
		.value = {"1"},
		.body = r->body};

	b->requests++;
	b->last = r->id;
	snprintf(b->method, sizeof(b->method), "%s", r->method);
	snprintf(b->path, sizeof(b->path), "%s", r->path);
	snprintf(b->query, sizeof(b->query), "%s", r->query);
	snprintf(b->type, sizeof(b->type), "%s", r->content_type);
	b->body = r->body.n;
	b->too_large = r->too_large;
	if (r->too_large)
		a.status = 413;
	if (b->endless)
		assert_int_equal(h2_open(b->s, r->id, "text/plain"), 0);
	else if (!b->silent)
		assert_int_equal(h2_reply(b->s, r->id, &a), 0);
}

static void on_gone(void *arg, uint32_t id)
{
	(void)id;
	((struct box *)arg)->gone++;
}

static void box_open(struct box *b, unsigned max)
{
	static const struct h2_handlers h = {on_request, on_gone};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ar_log_set_level(AR_LOG_ERR);
	*b = (struct box){.base = event_base_new()};
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)) | listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	b->port = ntohs(a.sin_port);
	assert_int_equal(h2_server_new(&b->s, b->base, max, &h, b), 0);
	assert_int_equal(h2_server_add(b->s, fd), 0);
}

static void box_close(struct box *b)
{
	h2_server_free(b->s);
	event_base_free(b->base);
}

static int dial(const struct box *b)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(b->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void pump(struct box *b)
{
	for (int i = 0; i < 20; i++) {
		event_base_loop(b->base, EVLOOP_NONBLOCK);
		usleep(500);
	}
}

/* Sends raw bytes and gives what comes back (static buffer). *closed: the server hung up. */
static const char *raw(struct box *b, const void *p, size_t n, bool *closed)
{
	static char buf[8192];
	int fd = dial(b);
	ssize_t got;
	size_t at = 0;

	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
	pump(b);
	*closed = false;
	while (at < sizeof(buf) - 1) {
		got = recv(fd, buf + at, sizeof(buf) - 1 - at, MSG_DONTWAIT);
		*closed = got == 0 || (got < 0 && errno == ECONNRESET);
		if (got <= 0)
			break;
		at += (size_t)got;
	}
	buf[at] = '\0';
	close(fd);
	pump(b);
	return buf;
}

static struct h2_stats stats(const struct box *b)
{
	struct h2_stats s;

	h2_server_get_stats(b->s, &s);
	return s;
}

/* ---- strangers ---- */

static void garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} all[] = {{"\0\0\0\0\0\0\0\0", 8}, {"hello\r\n\r\n", 9}, {"\x16\x03\x01\x02\x00\x01", 6},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 55},
		{"GET\r\n\r\n", 7}, {"GET / HTTP/9.9\r\n\r\n", 18}};
	struct box b;
	bool closed;

	(void)state;
	box_open(&b, 10);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		raw(&b, all[i].bytes, all[i].n, &closed);
		if (!closed || stats(&b).garbage != i + 1)
			fail_msg("case %zu: closed %d, counted %llu", i, closed,
				(unsigned long long)stats(&b).garbage);
	}
	assert_int_equal(b.requests, 0);
	assert_int_equal(stats(&b).open, 0);
	box_close(&b);
}

static void http_1(void **state)
{
	static const char get[] = "GET /metrics?a=b HTTP/1.1\r\nHost: x\r\n\r\n";
	static const char post[] = "POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
	struct box b;
	const char *text;
	bool closed;

	(void)state;
	box_open(&b, 10);
	text = raw(&b, get, sizeof(get) - 1, &closed);
	assert_true(closed);
	assert_memory_equal(text, "HTTP/1.1 200 ", 13);
	assert_non_null(strstr(text, "x-one: 1\r\n"));
	assert_string_equal(b.path, "/metrics");
	assert_string_equal(b.query, "a=b");
	text = raw(&b, post, sizeof(post) - 1, &closed);
	assert_memory_equal(text, "HTTP/1.1 505 ", 13);
	assert_non_null(strstr(text, "--http2-prior-knowledge"));
	assert_int_equal(b.requests, 1);
	raw(&b, "GET /half HTTP/1.1\r\nHost:", 25, &closed);
	assert_false(closed);
	assert_int_equal(b.requests, 1);
	box_close(&b);
}

static void connections_are_limited(void **state)
{
	struct box b;
	int fd[4];
	char c;

	(void)state;
	box_open(&b, 2);
	for (int i = 0; i < 4; i++)
		fd[i] = dial(&b);
	pump(&b);
	assert_int_equal(stats(&b).open, 2);
	assert_int_equal(stats(&b).refused, 2);
	assert_int_equal(recv(fd[3], &c, 1, MSG_DONTWAIT), 0);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
	pump(&b);
	assert_int_equal(stats(&b).open, 0);
	box_close(&b);
}

/* ---- a client ---- */

static void talk(struct h2c *c, struct box *b, unsigned rounds)
{
	for (unsigned i = 0; i < rounds && !c->closed; i++) {
		h2c_send(c);
		pump(b);
		h2c_recv(c);
	}
}

static void client_close(struct h2c *c, struct box *b)
{
	h2c_close(c);
	pump(b);
}

static void request_and_answer(void **state)
{
	struct box b;
	struct h2c c;

	(void)state;
	box_open(&b, 10);
	h2c_open(&c, b.port);
	h2c_ask(&c, "POST", "/a/b?c=d&e", "application/json; charset=utf-8", NULL, 1000);
	talk(&c, &b, 20);
	assert_int_equal(c.status, 200);
	assert_int_equal(c.body.n, 1000);
	assert_string_equal(b.method, "POST");
	assert_string_equal(b.path, "/a/b");
	assert_string_equal(b.query, "c=d&e");
	assert_string_equal(b.type, "application/json");
	h2c_ask(&c, "DELETE", "/x", "application/json; charset=utf-8", NULL, 0);
	talk(&c, &b, 20);
	assert_int_equal(c.status, 200);
	assert_int_equal(b.requests, 2);
	client_close(&c, &b);
	assert_int_equal(stats(&b).open, 0);
	assert_int_equal(h2_reply(b.s, b.last, &(struct h2_response){.status = 200}), -ENOENT);
	box_close(&b);
}

static void body_limits(void **state)
{
	struct box b;
	struct h2c c;

	(void)state;
	box_open(&b, 10);
	h2c_open(&c, b.port);
	h2c_ask(&c, "POST", "/", "application/json; charset=utf-8", NULL, H2_MAX_BODY);
	talk(&c, &b, 100);
	assert_int_equal(c.status, 200);
	assert_int_equal(c.body.n, H2_MAX_BODY);
	h2c_ask(&c, "POST", "/", "application/json; charset=utf-8", NULL, H2_MAX_BODY + 1);
	talk(&c, &b, 100);
	assert_int_equal(c.status, 413);
	assert_true(b.too_large);
	assert_int_equal(b.requests, 2);
	client_close(&c, &b);
	box_close(&b);
}

static void long_path(void **state)
{
	struct box b;
	struct h2c c;
	char path[2000];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	box_open(&b, 10);
	h2c_open(&c, b.port);
	h2c_ask(&c, "GET", path, "application/json; charset=utf-8", NULL, 0);
	talk(&c, &b, 20);
	assert_string_equal(b.path, ""); /* no resource has that name */
	client_close(&c, &b);
	box_close(&b);
}

static void headers_are_limited(void **state)
{
	nghttp2_nv nv[] = {H2C_NV(":method", "GET"), H2C_NV(":scheme", "http"),
		H2C_NV(":path", "/"), H2C_NV(":authority", "x"), H2C_NV("x-big", "")};
	static char big[60000];
	struct box b;
	struct h2c c;

	(void)state;
	memset(big, 'a', sizeof(big));
	nv[4].value = (uint8_t *)big;
	nv[4].valuelen = sizeof(big);
	box_open(&b, 10);
	h2c_open(&c, b.port);
	nghttp2_submit_request(c.s, NULL, nv, 5, NULL, NULL);
	talk(&c, &b, 20);
	assert_int_equal(b.requests, 0); /* the stream or the connection is refused */
	client_close(&c, &b);
	box_close(&b);
}

static void client_goes_before_the_answer(void **state)
{
	struct box b;
	struct h2c c;

	(void)state;
	box_open(&b, 10);
	b.silent = true;
	h2c_open(&c, b.port);
	h2c_ask(&c, "GET", "/", "application/json; charset=utf-8", NULL, 0);
	talk(&c, &b, 5);
	assert_int_equal(b.requests, 1);
	client_close(&c, &b);
	assert_int_equal(h2_reply(b.s, b.last, &(struct h2_response){.status = 200}), -ENOENT);
	assert_int_equal(b.gone, 0);
	box_close(&b);
}

static void endless(void **state)
{
	struct box b;
	struct h2c c;
	char *big = calloc(1, H2_MAX_BACKLOG);
	int rc = 0;

	(void)state;
	box_open(&b, 10);
	b.endless = true;
	h2c_open(&c, b.port);
	h2c_ask(&c, "GET", "/events", "application/json; charset=utf-8", NULL, 0);
	talk(&c, &b, 5);
	assert_int_equal(c.status, 200);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(h2_push(b.s, b.last, AR_SPAN("{\"ev\":1}\n")), 0);
		talk(&c, &b, 2);
	}
	assert_int_equal(c.body.n, 90);
	assert_false(c.closed);
	/* one that stops reading is dropped, not stored for */
	for (int i = 0; i < 200 && rc == 0; i++) {
		rc = h2_push(b.s, b.last, (struct ar_span){big, 60000});
		pump(&b);
	}
	assert_int_equal(rc, -ENOBUFS);
	pump(&b);
	assert_int_equal(b.gone, 1);
	assert_int_equal(h2_push(b.s, b.last, AR_SPAN("x")), -ENOENT);
	client_close(&c, &b);
	free(big);
	box_close(&b);
}

/* ---- the link ---- */

struct end {
	struct wlink *l;
	unsigned messages, lost;
	size_t body;
	json_int_t last;
	bool echo;
};

static void on_message(void *arg, const json_t *head, struct ar_span body)
{
	struct end *e = arg;

	e->messages++;
	e->body = body.n;
	e->last = json_integer_value(json_object_get(head, "id"));
	for (size_t i = 0; i < body.n; i++)
		assert_int_equal(body.p[i], (char)(i % 251));
	if (e->echo)
		assert_int_equal(wlink_send(e->l, head, body), 0);
}

static void on_lost(void *arg, const char *reason)
{
	(void)reason;
	((struct end *)arg)->lost++;
}

static void link_open(struct event_base *base, struct end *a, struct end *b)
{
	static const struct wlink_handlers h = {on_message, on_lost};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	*a = *b = (struct end){.messages = 0};
	assert_int_equal(wlink_new(&a->l, base, pair[0], &h, a), 0);
	assert_int_equal(wlink_new(&b->l, base, pair[1], &h, b), 0);
	b->echo = true;
}

static void link_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 262142, 262143, 262144, 262145, 1000000, 8000000};
	struct event_base *base = event_base_new();
	char *big = malloc(8000000);
	struct end a, b;

	(void)state;
	for (size_t i = 0; i < 8000000; i++)
		big[i] = (char)(i % 251);
	link_open(base, &a, &b);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		json_t *head = json_pack("{s:i}", "id", (int)i);

		assert_int_equal(wlink_send(a.l, head, (struct ar_span){big, sizes[i]}), 0);
		for (int k = 0; k < 20000 && a.messages == i; k++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		assert_int_equal(a.messages, i + 1);
		assert_int_equal(a.last, i);
		assert_int_equal(a.body, sizes[i]);
		json_decref(head);
	}
	wlink_free(b.l);
	for (int k = 0; k < 100; k++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(a.lost, 1);
	assert_int_equal(wlink_send(a.l, json_null(), AR_SPAN("")), -EPIPE);
	wlink_free(a.l);
	event_base_free(base);
	free(big);
}

static void link_limits(void **state)
{
	struct event_base *base = event_base_new();
	json_t *head = json_pack("{s:i}", "id", 1);
	char *big = calloc(1, WLINK_MAX_MESSAGE);
	struct end a, b;
	int rc;

	(void)state;
	link_open(base, &a, &b);
	assert_int_equal(
		wlink_send(a.l, head, (struct ar_span){big, WLINK_MAX_MESSAGE}), -EMSGSIZE);
	rc = wlink_send(a.l, head, (struct ar_span){big, WLINK_MAX_QUEUE / 2});
	assert_int_equal(rc, 0);
	rc = wlink_send(a.l, head, (struct ar_span){big, WLINK_MAX_QUEUE / 2 - 100});
	assert_true(rc == 0 || rc == -ENOBUFS);
	assert_int_equal(
		wlink_send(a.l, head, (struct ar_span){big, WLINK_MAX_QUEUE / 2}), -ENOBUFS);
	wlink_free(a.l);
	wlink_free(b.l);
	event_base_free(base);
	json_decref(head);
	free(big);
}

static void link_garbage(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} all[] = {{"\0\0\0\0", 4}, {"\xff\xff\xff\xff", 4}, {"\0\0\0\3.{}", 7},
		{"\0\0\0\5.nono", 9}, {"\0\0\0\4.[]\n", 8}};

	(void)state;
	ar_log_set_level(AR_LOG_ERR);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		static const struct wlink_handlers h = {on_message, on_lost};
		struct event_base *base = event_base_new();
		struct end a = {.messages = 0};
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(wlink_new(&a.l, base, pair[0], &h, &a), 0);
		assert_int_equal(write(pair[1], all[i].bytes, all[i].n), all[i].n);
		for (int k = 0; k < 50; k++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		if (a.lost != 1 || a.messages)
			fail_msg("case %u: lost %u", i, a.lost);
		wlink_free(a.l);
		close(pair[1]);
		event_base_free(base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(garbage),
		cmocka_unit_test(http_1),
		cmocka_unit_test(connections_are_limited),
		cmocka_unit_test(request_and_answer),
		cmocka_unit_test(body_limits),
		cmocka_unit_test(long_path),
		cmocka_unit_test(headers_are_limited),
		cmocka_unit_test(client_goes_before_the_answer),
		cmocka_unit_test(endless),
		cmocka_unit_test(link_sizes),
		cmocka_unit_test(link_limits),
		cmocka_unit_test(link_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
