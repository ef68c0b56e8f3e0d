/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts over HTTP: servers that answer well, badly, slowly, not at all, and too much. */
#include "bench.h"
#include "common/daemon/ar_clock.h"
#include "fake_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define JSON(body) "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" body
#define PLENTY 40000000

static const struct fake_rule rules[] = {
	{.request = "/s/alice/",
		.answer = JSON("Content-Length: 38\r\n\r\n"
			       "{\"data\":{\"tier\":\"gold\",\"n\":[1,2.5]}}  ")},
	{.request = "/s/none/", .answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"},
	{.request = "/s/empty/", .answer = "HTTP/1.1 204 No Content\r\n\r\n"},
	{.request = "/s/null/",
		.answer = JSON("Content-Length: 22\r\n\r\n{\"data\":{\"tier\":null}}")},
	{.request = "/s/other/", .answer = JSON("Content-Length: 2\r\n\r\n{}")},
	{.request = "/s/number/",
		.answer = JSON("Content-Length: 21\r\n\r\n{\"data\":{\"tier\":42}} ")},
	{.request = "/s/chunked/",
		.answer = JSON("Transfer-Encoding: chunked\r\n\r\n9\r\n{\"data\":{\r\n10\r\n"
			       "\"tier\":\"silver\"}\r\n1\r\n}\r\n0\r\n\r\n")},
	{.request = "/s/until-close/",
		.answer = JSON("Connection: close\r\n\r\n{\"data\":{\"tier\":\"tin\"}}"),
		.close = true},
	{.request = "/s/slow/",
		.answer = JSON("Content-Length: 24\r\n\r\n{\"data\":{\"tier\":\"slow\"}}"),
		.delay_ms = 150},
	{.request = "/s/late/",
		.answer = JSON("Content-Length: 24\r\n\r\n{\"data\":{\"tier\":\"late\"}}"),
		.delay_ms = 400},
	{.request = "/s/never/"},
	{.request = "/s/drip/", .answer = JSON("Content-Length: 2\r\n\r\n{}"), .drip_ms = 30},
	{.request = "/s/hangup/", .close = true},
	{.request = "/s/garbage/", .answer = "\x16\x03\x01 what?\r\n\r\n\r\n", .close = true},
	{.request = "/s/500/", .answer = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
	{.request = "/s/403/", .answer = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"},
	{.request = "/s/302/",
		.answer = "HTTP/1.1 302 Go\r\nLocation: /s/alice/\r\nContent-Length: 0\r\n\r\n"},
	{.request = "/s/notjson/", .answer = JSON("Content-Length: 5\r\n\r\nhello")},
	{.request = "/s/twice/",
		.answer = JSON("Content-Length: 42\r\n\r\n"
			       "{\"data\":{\"tier\":\"gold\",\"tier\":\"silver\"}}  ")},
	{.request = "/s/control/",
		.answer = JSON("Content-Length: 29\r\n\r\n{\"data\":{\"tier\":\"a\\r\\nX: b\"}}")},
	{.request = "/s/huge/", .answer = JSON("\r\n{\"data\":{\"tier\":\"x"), .repeat = PLENTY},
	{.request = "/s/nul/",
		.answer =
			"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"data\":{\"tier\":\"\0\"}}",
		.length = 61},
	{.request = "/s/hugelength/", .answer = JSON("Content-Length: 999999999\r\n\r\n{")},
	{.request = "/s/hugehead/", .answer = "HTTP/1.1 200 OK\r\nX: y", .repeat = PLENTY},
	{.request = "/s/long/",
		.answer = JSON("Connection: close\r\n\r\n{\"data\":{\"tier\":\"LONG\"}}"),
		.close = true},
	{.request = "/plain", .answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n  gold\r\n"},
	{.request = "/s/",
		.answer = JSON("Content-Length: 23\r\n\r\n{\"data\":{\"tier\":\"any\"}}")},
};

static struct bench b;
static struct fake_server *server;
static uint16_t port;
static char url[200];

static int setup(void **state)
{
	(void)state;
	bench_init(&b);
	port = 0;
	server =
		fake_server_new(b.base, "\r\n\r\n", rules, sizeof(rules) / sizeof(rules[0]), &port);
	assert_non_null(server);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_server_free(server);
	bench_close(&b);
	return 0;
}

static struct lookup_fact_conf *tier(void)
{
	struct lookup_fact_conf *c = bench_fact(&b, "tier", "http");

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/s/{caller.user}/?d={caller.host}", port);
	c->url = url;
	c->pointer = (char *)(uintptr_t) "/data/tier";
	return c;
}

static void values(void **state)
{
	(void)state;
	tier();
	bench_open(&b);
	assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "gold");
	assert_non_null(
		strstr(fake_server_last(server), "GET /s/alice/?d=ims.example HTTP/1.1\r\n"));
	assert_non_null(strstr(fake_server_last(server), "\r\nHost: 127.0.0.1:"));
	assert_ok(bench_ask(&b, "sip:number@x", "tier"), "42");
	assert_ok(bench_ask(&b, "sip:chunked@x", "tier"), "silver");
	assert_ok(bench_ask(&b, "sip:until-close@x", "tier"), "tin");
	assert_ok(bench_ask(&b, "sip:slow@x", "tier"), "slow");
	assert_int_equal(bench_count(&b, "tier", "ok"), 5);
	assert_int_equal(bench_count(&b, "tier", "under_way"), 0);
}

static void no_value(void **state)
{
	static const char *const who[] = {"sip:none@x", "sip:empty@x", "sip:null@x", "sip:other@x"};

	(void)state;
	tier();
	bench_open(&b);
	for (unsigned i = 0; i < 4; i++)
		assert_none(bench_ask(&b, who[i], "tier"));
	assert_int_equal(bench_count(&b, "tier", "none"), 4);
	assert_string_equal(bench_state(&b, "tier"), "up");
	/* it is not asked at all about who has no host */
	assert_none(bench_ask(&b, "tel:+4930123", "tier"));
	assert_int_equal(fake_server_requests(server), 4);
}

static void failures(void **state)
{
	static const struct {
		const char *who, *why;
	} cases[] = {{"sip:hangup@x", "unreachable"}, {"sip:garbage@x", "server error"},
		{"sip:500@x", "server error"}, {"sip:403@x", "not authorized"},
		{"sip:302@x", "unexpected status"}, {"sip:notjson@x", "not JSON"},
		{"sip:twice@x", "not JSON"}, {"sip:control@x", "not a text"},
		{"sip:nul@x", "not JSON"}, {"sip:huge@x", "too long"},
		{"sip:hugelength@x", "too long"}, {"sip:hugehead@x", "server error"}};

	(void)state;
	tier();
	bench_open(&b);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lookup_fact *x = bench_ask(&b, cases[i].who, "tier");

		if (x->state != LOOKUP_FAILED || strcmp(x->why, cases[i].why) != 0)
			fail_msg("%s: state %d, %s, not %s", cases[i].who, (int)x->state,
				x->why ? x->why : "", cases[i].why);
		assert_ok(bench_ask(&b, "sip:alice@ims.example", "tier"), "gold"); /* or cached */
	}
	/* the sources' failures are not kept */
	assert_failed(bench_ask(&b, "sip:notjson@x", "tier"), "not JSON");
	assert_int_equal(bench_count(&b, "tier", "failed"), sizeof(cases) / sizeof(cases[0]) + 1);
}

static void hostile_callers(void **state)
{
	char uri[600];

	(void)state;
	tier();
	bench_open(&b);
	assert_ok(bench_ask(&b, "sip:a/../b?x=1&y#z@h/../../admin", "tier"), "any");
	assert_non_null(strstr(fake_server_last(server),
		"GET /s/a%2F..%2Fb%3Fx%3D1%26y%23z/?d=h%2F..%2F..%2Fadmin HTTP/1.1\r\n"));
	assert_ok(bench_ask(&b, "sip:a\r\nX-Evil: 1\r\n\r\nGET /admin@h", "tier"), "any");
	assert_null(strstr(fake_server_last(server), "\nX-Evil"));
	assert_ok(bench_ask(&b, "sip:%2e%2e%00@h", "tier"), "any");
	assert_non_null(strstr(fake_server_last(server), "/s/%252e%252e%2500/"));
	assert_ok(bench_ask(&b, "sip:{caller.host}%s@h", "tier"), "any");
	assert_failed(bench_ask(&b, "sip:..@h", "tier"), "unusable");
	assert_failed(bench_ask(&b, "sip:.@h", "tier"), "unusable");
	snprintf(uri, sizeof(uri), "sip:%0300d@h", 7);
	assert_failed(bench_ask(&b, uri, "tier"), "unusable");
	assert_int_equal(fake_server_requests(server), 4);
	assert_int_equal(bench_count(&b, "tier", "unusable"), 3);
}

static void whole_body_and_secret(void **state)
{
	struct lookup_fact_conf *c = bench_fact(&b, "plan", "http");
	char path[] = "/tmp/test_lookup_secret.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "Bearer s3cret\n", 14), 14);
	close(fd);
	snprintf(url, sizeof(url), "http://localhost:%u/plain", port);
	c->url = url;
	c->authorization_file = path;
	bench_open(&b);
	unlink(path);
	assert_ok(bench_ask(&b, "sip:alice@x", "plan"), "gold");
	assert_non_null(strstr(fake_server_last(server), "\r\nAuthorization: Bearer s3cret\r\n"));
}

static void kept_for_a_while(void **state)
{
	(void)state;
	tier()->ttl_s = 1;
	bench_open(&b);
	for (unsigned i = 0; i < 20; i++) {
		assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
		assert_none(bench_ask(&b, "sip:none@x", "tier"));
	}
	assert_int_equal(fake_server_requests(server), 2);
	assert_int_equal(bench_count(&b, "tier", "cached"), 38);
	assert_int_equal(bench_begin(&b, "sip:alice@x"), 0); /* at once */
	bench_run(&b, 1100);
	assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
	assert_int_equal(fake_server_requests(server), 3);
}

static void not_kept(void **state)
{
	(void)state;
	tier()->ttl_s = 0;
	bench_open(&b);
	for (unsigned i = 0; i < 5; i++)
		assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
	assert_int_equal(fake_server_requests(server), 5);
	assert_int_equal(fake_server_connections(server), 1); /* kept open */
}

/* The time of one answer, and the time of all. */
static void timeouts(void **state)
{
	uint64_t began;

	(void)state;
	tier()->timeout_ms = 100;
	bench_open(&b);
	began = ar_now();
	assert_failed(bench_ask(&b, "sip:never@x", "tier"), "timeout");
	assert_true(b.at - began >= 95 * AR_MS);
	assert_failed(bench_ask(&b, "sip:drip@x", "tier"), "timeout");
	assert_failed(bench_ask(&b, "sip:late@x", "tier"), "timeout");
	assert_int_equal(bench_count(&b, "tier", "timeout"), 3);
	b.fact[0].timeout_ms = 5000;
	assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
	bench_run(&b, 500); /* what came too late went nowhere */
	assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
	assert_true(fake_server_open(server) <= 4);
}

/* It is late for this call, but the next one has it. */
static void late_is_for_the_next_call(void **state)
{
	(void)state;
	b.deadline_ms = 80;
	tier();
	bench_open(&b);
	assert_failed(bench_ask(&b, "sip:slow@x", "tier"), "late");
	bench_run(&b, 300);
	assert_ok(bench_ask(&b, "sip:slow@x", "tier"), "slow");
	assert_int_equal(fake_server_requests(server), 1);
	assert_int_equal(bench_count(&b, "tier", "late"), 1);
	assert_int_equal(b.came, 2);
}

static void the_server_closes_idle_connections(void **state)
{
	(void)state;
	tier()->ttl_s = 0;
	bench_open(&b);
	for (unsigned i = 0; i < 5; i++) {
		assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
		fake_server_hang_up(server);
	}
	assert_int_equal(bench_count(&b, "tier", "failed"), 0);
	assert_int_equal(fake_server_connections(server), 5);
}

/* Five failures in a row; then it costs nothing until it answers again. */
static void down_and_up_again(void **state)
{
	const unsigned asks = 100;
	clock_t began;

	(void)state;
	tier()->ttl_s = 0;
	bench_open(&b);
	fake_server_down(server);
	for (unsigned i = 0; i < 5; i++)
		assert_failed(bench_ask(&b, "sip:alice@x", "tier"), "unreachable");
	assert_string_equal(bench_state(&b, "tier"), "down");
	began = clock();
	for (unsigned i = 0; i < asks; i++) {
		assert_int_equal(bench_begin(&b, "sip:alice@x"), 0);
		assert_failed(bench_named(b.facts, "tier"), "down");
	}
	assert_true(clock() - began < CLOCKS_PER_SEC / 10); /* CPU time: 1 ms each at most */
	assert_int_equal(bench_count(&b, "tier", "asked"), 5);
	assert_int_equal(bench_count(&b, "tier", "skipped"), asks);
	fake_server_free(server);
	server =
		fake_server_new(b.base, "\r\n\r\n", rules, sizeof(rules) / sizeof(rules[0]), &port);
	assert_non_null(server);
	bench_run(&b, 1100);
	assert_ok(bench_ask(&b, "sip:alice@x", "tier"), "gold");
	assert_string_equal(bench_state(&b, "tier"), "up");
}

/* A subscriber whose record is broken says nothing about the others. */
static void garbage_does_not_take_it_down(void **state)
{
	(void)state;
	tier();
	bench_open(&b);
	for (unsigned i = 0; i < 20; i++)
		assert_failed(bench_ask(&b, "sip:notjson@x", "tier"), "not JSON");
	assert_string_equal(bench_state(&b, "tier"), "up");
}

static void facts_are_fetched_at_the_same_time(void **state)
{
	static char urls[6][200], names[6][8];
	uint64_t began;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%u/s/slow/%u", port, i);
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		bench_fact(&b, names[i], "http")->url = urls[i];
	}
	bench_open(&b);
	began = ar_now();
	assert_int_equal(bench_ask(&b, "sip:alice@x", "f0")->state, LOOKUP_OK);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(bench_named(b.facts, names[i])->state, LOOKUP_OK);
	/* one after the other they take no less than that */
	assert_true(b.at - began < 6 * 150 * AR_MS);
}

/* More calls than connections: they wait for each other, each is answered once. */
static void many_calls(void **state)
{
	char uri[64];

	(void)state;
	tier()->connections = 3;
	b.fact[0].timeout_ms = 4000;
	b.deadline_ms = 4000;
	bench_open(&b);
	for (unsigned i = 0; i < 400; i++) {
		snprintf(uri, sizeof(uri), "sip:user%u@x", i);
		assert_int_equal(bench_begin(&b, uri), -EINPROGRESS);
	}
	bench_wait(&b, 400);
	assert_int_equal(b.came, 400);
	assert_int_equal(bench_count(&b, "tier", "ok"), 400);
	assert_true(fake_server_connections(server) <= 3);
}

static void too_many_calls(void **state)
{
	char uri[64];

	(void)state;
	tier()->connections = 2;
	b.fact[0].timeout_ms = 200;
	bench_open(&b);
	for (unsigned i = 0; i < LOOKUP_MAX_JOBS + 50; i++) {
		snprintf(uri, sizeof(uri), "sip:never@h%u", i);
		(void)bench_begin(&b, uri);
	}
	assert_int_equal(b.came, 50);
	assert_failed(bench_named(b.facts, "tier"), "busy");
	assert_int_equal(bench_count(&b, "tier", "busy"), 50);
	bench_wait(&b, LOOKUP_MAX_JOBS + 50);
	assert_int_equal(bench_count(&b, "tier", "timeout"), LOOKUP_MAX_JOBS);
	assert_int_equal(bench_count(&b, "tier", "under_way"), 0);
}

/* Everything under way when asd stops. */
static void closed_while_waiting(void **state)
{
	(void)state;
	tier();
	bench_open(&b);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(
			bench_begin(&b, i % 2 ? "sip:never@x" : "sip:drip@x"), -EINPROGRESS);
	bench_run(&b, 60);
	assert_int_equal(b.came, 0);
}

static void nobody_there_by_that_name(void **state)
{
	struct lookup_fact_conf *c = bench_fact(&b, "tier", "http");

	(void)state;
	c->url = (char *)(uintptr_t) "http://no-such-host.invalid/x";
	c->timeout_ms = 300;
	bench_open(&b);
	assert_int_equal(bench_ask(&b, "sip:alice@x", "tier")->state, LOOKUP_FAILED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(values), T(no_value), T(failures), T(hostile_callers),
		T(whole_body_and_secret), T(kept_for_a_while), T(not_kept), T(timeouts),
		T(late_is_for_the_next_call), T(the_server_closes_idle_connections),
		T(down_and_up_again), T(garbage_does_not_take_it_down),
		T(facts_are_fetched_at_the_same_time), T(many_calls), T(too_many_calls),
		T(closed_while_waiting), T(nobody_there_by_that_name)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
