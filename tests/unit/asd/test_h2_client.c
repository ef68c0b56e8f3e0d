/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HTTP/2 client against a good server, and against all kinds of bad ones. */
#include "asd/dcsf/h2_client.h"
#include "common/daemon/ar_clock.h"
#include "fake_mediad.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <limits.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define PATIENCE_MS 30000
#define CONTEXTS "/nmf-mrm/v1/contexts"

static struct {
	struct event_base *base;
	struct h2_client *c;
	unsigned ups, downs, failed, done, chunks;
	bool inside; /* h2_request() */
	struct h2_response last;
	char reason[100];
	unsigned again; /* further requests to make from on_done */
	int again_err;
} t;

static void on_up(void *arg)
{
	(void)arg;
	t.ups++;
}

static void on_down(void *arg, const char *reason)
{
	(void)arg;
	t.downs++;
	snprintf(t.reason, sizeof(t.reason), "%s", reason);
}

static void on_failed(void *arg, const char *reason)
{
	(void)arg;
	t.failed++;
	snprintf(t.reason, sizeof(t.reason), "%s", reason);
}

static void on_done(void *arg, uint64_t cookie, const struct h2_response *r);

static int ask(const char *method, const char *path, struct ar_span body, unsigned ms)
{
	struct h2_request q = {.method = method,
		.path = path,
		.content_type = body.p ? "application/json" : NULL,
		.body = body,
		.timeout_ms = ms,
		.cookie = 42,
		.on_done = on_done};
	int err;

	t.inside = true;
	err = h2_request(t.c, &q);
	t.inside = false;
	return err;
}

static void on_done(void *arg, uint64_t cookie, const struct h2_response *r)
{
	(void)arg;
	assert_int_equal(cookie, 42);
	assert_false(t.inside);
	t.done++;
	t.last = *r;
	if (t.again) {
		t.again--;
		t.again_err = ask("GET", CONTEXTS, AR_SPAN_NONE, PATIENCE_MS);
	}
}

static void client(uint16_t port, unsigned idle_ms)
{
	struct h2_conf conf = {.host = "127.0.0.1",
		.port = port,
		.connect_ms = 400,
		.idle_ms = idle_ms,
		.backoff_ms = 50};
	struct h2_handlers h = {.on_up = on_up, .on_down = on_down, .on_failed = on_failed};

	assert_int_equal(h2_client_new(&t.c, t.base, &conf, &h, &t), 0);
}

static void step(void)
{
	struct timeval tv = {.tv_usec = 2000};

	event_base_loopexit(t.base, &tv);
	event_base_dispatch(t.base);
}

/* Turns the loop until *n reaches want, which a busy machine may take long for. */
static void until(const unsigned *n, unsigned want)
{
	uint64_t end = ar_now() + PATIENCE_MS * AR_MS;

	while (*n < want && ar_now() < end)
		step();
}

static void turn(unsigned ms)
{
	uint64_t end = ar_now() + ms * AR_MS;

	while (ar_now() < end)
		step();
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.base = event_base_new();
	return t.base ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	h2_client_free(t.c);
	event_base_free(t.base);
	return 0;
}

/* ---- a good server ---- */

static struct fake_mediad *good(unsigned idle_ms)
{
	uint16_t port = 0;
	struct fake_mediad *f = fake_new(t.base, "i1", &port);

	assert_non_null(f);
	client(port, idle_ms);
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, 100), -ENOTCONN);
	until(&t.ups, 1);
	assert_true(h2_client_up(t.c));
	return f;
}

static void requests_and_answers(void **state)
{
	struct fake_mediad *f = good(0);

	(void)state;
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, PATIENCE_MS), 0);
	until(&t.done, 1);
	assert_int_equal(t.last.err, 0);
	assert_int_equal(t.last.status, 200);
	assert_int_equal(ask("POST", CONTEXTS, AR_SPAN("{\"terminations\":[],\"x-ims-ar\":{}}"),
				 PATIENCE_MS),
		0);
	until(&t.done, 2);
	assert_int_equal(t.last.status, 201);
	assert_int_equal(ask("DELETE", CONTEXTS "/c1", AR_SPAN_NONE, PATIENCE_MS), 0);
	until(&t.done, 3);
	assert_int_equal(t.last.status, 204);
	assert_int_equal(ask("DELETE", CONTEXTS "/c1", AR_SPAN_NONE, PATIENCE_MS), 0);
	until(&t.done, 4);
	assert_int_equal(t.last.status, 404);
	fake_free(f);
}

static void many_at_once(void **state)
{
	struct fake_mediad *f = good(0);
	unsigned n = 0;

	(void)state;
	while (n < H2_MAX_REQUESTS && ask("GET", CONTEXTS, AR_SPAN_NONE, PATIENCE_MS) == 0)
		n++;
	assert_int_equal(n, H2_MAX_REQUESTS);
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, PATIENCE_MS), -ENOBUFS);
	until(&t.done, n);
	assert_int_equal(t.done, n);
	fake_free(f);
}

static void bodies_at_their_maximum(void **state)
{
	struct fake_mediad *f = good(0);
	char *big = malloc(H2_MAX_BODY + 1);

	(void)state;
	memset(big, ' ', H2_MAX_BODY + 1);
	memcpy(big, "{\"x-ims-ar\":{}}", 15);
	assert_int_equal(ask("POST", CONTEXTS, (struct ar_span){big, H2_MAX_BODY + 1}, PATIENCE_MS),
		-EMSGSIZE);
	assert_int_equal(ask("POST", CONTEXTS, (struct ar_span){big, H2_MAX_BODY}, PATIENCE_MS), 0);
	until(&t.done, 1);
	assert_int_equal(t.last.status, 201);
	free(big);
	fake_free(f);
}

static void no_answer_times_out(void **state)
{
	struct fake_mediad *f = good(0);

	(void)state;
	fake_manners(f)->post_delay_ms = UINT_MAX;
	assert_int_equal(ask("POST", CONTEXTS, AR_SPAN("{}"), 100), 0);
	until(&t.done, 1);
	assert_int_equal(t.last.err, -ETIMEDOUT);
	assert_true(h2_client_up(t.c)); /* only that request */
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, PATIENCE_MS), 0);
	until(&t.done, 2);
	assert_int_equal(t.last.status, 200);
	fake_free(f);
}

static void connection_cut(void **state)
{
	struct fake_mediad *f = good(0);

	(void)state;
	fake_manners(f)->post_delay_ms = UINT_MAX;
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask("POST", CONTEXTS, AR_SPAN("{}"), 5000), 0);
	turn(50);
	t.again = 1; /* a request out of the first on_done: there is no connection */
	fake_down(f, 1);
	until(&t.downs, 1);
	assert_int_equal(t.done, 5);
	assert_int_equal(t.last.err, -ECONNRESET);
	assert_int_equal(t.again_err, -ENOTCONN);
	fake_down(f, 0);
	until(&t.ups, 2);
	assert_true(h2_client_up(t.c));
	fake_free(f);
}

static void request_out_of_an_answer(void **state)
{
	struct fake_mediad *f = good(0);

	(void)state;
	t.again = 3;
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, PATIENCE_MS), 0);
	until(&t.done, 4);
	assert_int_equal(t.done, 4);
	assert_int_equal(t.last.status, 200);
	fake_free(f);
}

static void on_chunk(void *arg, uint64_t cookie, struct ar_span data)
{
	(void)arg;
	(void)cookie;
	t.chunks += data.n != 0;
}

static void endless_stream(void **state)
{
	struct fake_mediad *f = good(0);
	struct h2_request q = {.method = "GET",
		.path = "/x-ims-ar/v1/events?owner=x",
		.cookie = 42,
		.on_data = on_chunk,
		.on_done = on_done};

	(void)state;
	assert_int_equal(h2_request(t.c, &q), 0);
	until(&t.chunks, 1);
	for (unsigned i = 2; i < 20; i++) {
		fake_event(f, json_pack("{s:s}", "ev", "x"));
		until(&t.chunks, i);
		assert_int_equal(t.chunks, i);
	}
	assert_int_equal(t.done, 0);
	h2_client_restart(t.c, "because");
	until(&t.downs, 1);
	assert_int_equal(t.done, 1);
	assert_string_equal(t.reason, "because");
	fake_free(f);
}

static void idle_connection_stays(void **state)
{
	struct fake_mediad *f = good(300);

	(void)state;
	turn(1500); /* PINGs are answered by the fake's nghttp2 */
	assert_int_equal(t.downs, 0);
	fake_free(f);
}

/* ---- bad servers: they get each connection and say their piece ---- */

static struct {
	struct evconnlistener *l;
	struct bufferevent *bev;
	const char *say;
	size_t n;
	unsigned accepted;
	bool hang; /* reads and answers nothing */
} bad;

/* SETTINGS, empty */
static const char settings[] = "\0\0\0\4\0\0\0\0\0";

static void bad_event(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
	if (bad.bev == bev)
		bad.bev = NULL;
}

static void bad_accept(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	(void)l;
	(void)sa;
	(void)n;
	(void)arg;
	bad.accepted++;
	if (bad.bev)
		bufferevent_free(bad.bev);
	bad.bev = bufferevent_socket_new(t.base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bad.bev, NULL, NULL, bad_event, NULL);
	bufferevent_enable(bad.bev, bad.hang ? EV_WRITE : EV_READ | EV_WRITE);
	if (bad.n)
		bufferevent_write(bad.bev, bad.say, bad.n);
}

static void bad_server(const char *say, size_t n, bool hang, unsigned idle_ms)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	memset(&bad, 0, sizeof(bad));
	bad.say = say;
	bad.n = n;
	bad.hang = hang;
	bad.l = evconnlistener_new_bind(t.base, bad_accept, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 16, (struct sockaddr *)&sin,
		sizeof(sin));
	assert_non_null(bad.l);
	getsockname(evconnlistener_get_fd(bad.l), (struct sockaddr *)&sin, &len);
	client(ntohs(sin.sin_port), idle_ms);
}

static void bad_end(void)
{
	evconnlistener_free(bad.l);
	if (bad.bev)
		bufferevent_free(bad.bev);
}

static void speaks_http1(void **state)
{
	static const char text[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	bad_server(text, sizeof(text) - 1, false, 0);
	until(&bad.accepted, 3); /* tries again, with pauses */
	assert_true(bad.accepted >= 3);
	assert_int_equal(t.ups, 0);
	assert_false(h2_client_up(t.c));
	bad_end();
}

static void says_nothing(void **state)
{
	(void)state;
	bad_server("", 0, false, 0);
	until(&bad.accepted, 2);
	assert_true(bad.accepted >= 2);
	assert_int_equal(t.ups, 0);
	bad_end();
}

static void hangs_after_settings(void **state)
{
	(void)state;
	bad_server(settings, 9, true, 300);
	until(&t.ups, 1);
	assert_int_equal(ask("POST", CONTEXTS, AR_SPAN("{}"), 0), 0);
	until(&t.downs, 1);
	assert_int_equal(t.downs, 1);
	assert_int_equal(t.last.err, -ECONNRESET);
	assert_string_equal(t.reason, "no sign of life");
	bad_end();
}

static void resets_and_leaves(void **state)
{
	/* SETTINGS, RST_STREAM 1, GOAWAY */
	static const char text[] = "\0\0\0\4\0\0\0\0\0"
				   "\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0";

	(void)state;
	bad_server(text, 9 + 17, false, 0);
	until(&t.downs, 1);
	assert_true(t.downs >= 1);
	assert_string_equal(t.reason, "server said goodbye");
	bad_end();
}

/* An answer that goes on for ever. */
static void answer_too_long(void **state)
{
	static const char head[] = "\0\0\1\1\4\0\0\0\1\x88"; /* HEADERS, :status 200 */
	static char data[9 + 16384] = "\0\x40\0\0\0\0\0\0\1";

	(void)state;
	bad_server(settings, 9, false, 0);
	until(&t.ups, 1);
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, 20000), 0);
	turn(20);
	bufferevent_write(bad.bev, head, sizeof(head) - 1);
	for (int i = 0; i < 1100 && t.done == 0; i++) {
		bufferevent_write(bad.bev, data, sizeof(data));
		turn(1);
	}
	until(&t.done, 1);
	assert_int_equal(t.done, 1);
	/* it keeps to no flow control window, so the connection may go first */
	assert_true(t.last.err == -EMSGSIZE || t.last.err == -ECONNRESET || t.last.err == -EPROTO);
	bad_end();
}

static void random_bytes(void **state)
{
	static char noise[4096];
	unsigned seed = 11;

	(void)state;
	memcpy(noise, settings, 9);
	for (unsigned round = 0; round < 30; round++) {
		for (size_t i = 9; i < sizeof(noise); i++) {
			seed = seed * 1103515245 + 12345;
			noise[i] = (char)(seed >> 16);
		}
		if (round % 2) /* small frames of a known kind, nonsense inside */
			memcpy(noise + 9, "\0\0\20", 3), noise[12] = (char)(round % 10);
		bad_server(noise, sizeof(noise), false, 0);
		until(&bad.accepted, 1);
		turn(20);
		if (h2_client_up(t.c))
			(void)!ask("GET", CONTEXTS, AR_SPAN_NONE, 10);
		turn(20);
		h2_client_free(t.c);
		t.c = NULL;
		bad_end();
	}
}

static void nobody_listens(void **state)
{
	(void)state;
	client(1, 0);
	until(&t.failed, 3);
	assert_true(t.failed >= 3);
	assert_string_equal(t.reason, "Connection refused");
	assert_int_equal(t.ups + t.downs, 0);
	assert_int_equal(ask("GET", CONTEXTS, AR_SPAN_NONE, 100), -ENOTCONN);
}

static void freed_with_requests_open(void **state)
{
	struct fake_mediad *f = good(0);

	(void)state;
	fake_manners(f)->post_delay_ms = UINT_MAX;
	assert_int_equal(ask("POST", CONTEXTS, AR_SPAN("{}"), 5000), 0);
	turn(20);
	h2_client_free(t.c);
	t.c = NULL;
	assert_int_equal(t.done, 0);
	fake_free(f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(requests_and_answers), T(many_at_once),
		T(bodies_at_their_maximum), T(no_answer_times_out), T(connection_cut),
		T(request_out_of_an_answer), T(endless_stream), T(idle_connection_stays),
		T(speaks_http1), T(says_nothing), T(hangs_after_settings), T(resets_and_leaves),
		T(answer_too_long), T(random_bytes), T(nobody_listens),
		T(freed_with_requests_open)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
