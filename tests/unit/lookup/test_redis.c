/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts from Redis: the real server, and others that speak its protocol badly. */
#include "bench.h"
#include "common/daemon/ar_clock.h"
#include "fake_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

extern char **environ;

static struct bench b;
static char server[64];

static int setup(void **state)
{
	(void)state;
	bench_init(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&b);
	return 0;
}

static struct lookup_fact_conf *credit(uint16_t port, const char *command)
{
	struct lookup_fact_conf *c = bench_fact(&b, "credit", "redis");

	snprintf(server, sizeof(server), "127.0.0.1:%u", port);
	c->server = server;
	c->command = (char *)(uintptr_t)command;
	return c;
}

static void until_connected(void)
{
	uint64_t end = ar_now() + 40 * AR_SEC;

	while (bench_ask(&b, "sip:nobody@x", "credit")->state == LOOKUP_FAILED) {
		if (ar_now() > end)
			fail_msg("no answer: %s", bench_named(b.facts, "credit")->why);
		bench_run(&b, 30);
	}
}

/* ---- the real one ---- */

struct redis_server {
	pid_t pid;
	char path[64]; /* its socket */
	uint16_t port;
};

static uint16_t free_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(sin);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	close(fd);
	return ntohs(sin.sin_port);
}

/* False: there is no redis-server on this machine. */
static bool start_redis(struct redis_server *r, const char *password)
{
	char port[8];
	const char *argv[] = {"redis-server", "--port", port, "--unixsocket", r->path, "--save", "",
		"--bind", "127.0.0.1", "--loglevel", "warning", password ? "--requirepass" : NULL,
		password, NULL};
	redisContext *c = NULL;
	posix_spawn_file_actions_t quiet;

	if (!r->port)
		r->port = free_port();
	snprintf(port, sizeof(port), "%u", r->port);
	snprintf(r->path, sizeof(r->path), "/tmp/test_lookup_redis.%d", (int)getpid());
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&r->pid, argv[0], &quiet, NULL, (char *const *)(uintptr_t)argv, environ))
		r->pid = 0;
	posix_spawn_file_actions_destroy(&quiet);
	for (unsigned i = 0; r->pid && i < 300; i++) {
		c = redisConnect("127.0.0.1", r->port);
		if (c && !c->err)
			break;
		redisFree(c);
		c = NULL;
		usleep(20000);
	}
	redisFree(c);
	return c != NULL;
}

static void stop_redis(struct redis_server *r)
{
	if (!r->pid)
		return;
	kill(r->pid, SIGKILL);
	waitpid(r->pid, NULL, 0);
	r->pid = 0;
	unlink(r->path);
}

static void tell_redis(const struct redis_server *r, const char *password, const char *command)
{
	redisContext *c = redisConnect("127.0.0.1", r->port);
	redisReply *x;

	assert_non_null(c);
	if (password) {
		x = redisCommand(c, "AUTH %s", password);
		freeReplyObject(x);
	}
	x = redisCommand(c, command);
	assert_non_null(x);
	if (x->type == REDIS_REPLY_ERROR)
		fail_msg("%s", x->str);
	freeReplyObject(x);
	redisFree(c);
}

static void real_values(void **state)
{
	struct redis_server r = {0};

	(void)state;
	if (!start_redis(&r, NULL))
		skip();
	tell_redis(&r, NULL, "HSET sub:alice credit 12,50 tier gold");
	tell_redis(&r, NULL, "SET sub:list 1");
	credit(r.port, "HGET sub:{caller.user} credit");
	bench_open(&b);
	until_connected();
	assert_ok(bench_ask(&b, "sip:alice@x", "credit"), "12,50");
	assert_none(bench_ask(&b, "sip:carol@x", "credit"));
	assert_failed(bench_ask(&b, "sip:list@x", "credit"), "refused"); /* WRONGTYPE */
	/* a stranger's text is one word, whatever is in it */
	assert_none(bench_ask(&b, "sip:x credit\r\nFLUSHALL\r\n@x", "credit"));
	assert_ok(bench_ask(&b, "sip:alice@y", "credit"), "12,50");
	stop_redis(&r);
}

static void real_one_that_goes_and_comes(void **state)
{
	struct redis_server r = {0};
	struct lookup_fact_conf *c;
	uint64_t end;

	(void)state;
	if (!start_redis(&r, NULL))
		skip();
	c = credit(r.port, "INCR n");
	c->ttl_s = 0;
	bench_open(&b);
	until_connected();
	assert_int_equal(bench_ask(&b, "sip:alice@x", "credit")->state, LOOKUP_OK); /* an integer */
	stop_redis(&r);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(bench_ask(&b, "sip:alice@x", "credit")->state, LOOKUP_FAILED);
	assert_string_equal(bench_state(&b, "credit"), "down");
	assert_true(start_redis(&r, NULL));
	for (end = ar_now() + 40 * AR_SEC;
		bench_ask(&b, "sip:alice@x", "credit")->state != LOOKUP_OK;) {
		if (ar_now() > end)
			fail_msg("it does not come back");
		bench_run(&b, 50);
	}
	/* it hangs: the time-out counts, and afterwards it answers again */
	c->timeout_ms = 100;
	kill(r.pid, SIGSTOP);
	assert_failed(bench_ask(&b, "sip:alice@x", "credit"), "timeout");
	kill(r.pid, SIGCONT);
	for (end = ar_now() + 40 * AR_SEC;
		bench_ask(&b, "sip:alice@x", "credit")->state != LOOKUP_OK;) {
		if (ar_now() > end)
			fail_msg("it does not go on");
		bench_run(&b, 50);
	}
	stop_redis(&r);
}

static void real_password_and_socket(void **state)
{
	char path[] = "/tmp/test_lookup_secret.XXXXXX", at[80];
	struct redis_server r = {0};
	struct lookup_fact_conf *c;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "s3cret\n", 7), 7);
	close(fd);
	if (!start_redis(&r, "s3cret")) {
		unlink(path);
		skip();
	}
	tell_redis(&r, "s3cret", "SET k v0");
	c = credit(r.port, "GET k");
	snprintf(at, sizeof(at), "unix:%s", r.path);
	c->server = at;
	c->password_file = path;
	bench_open(&b);
	until_connected();
	assert_ok(bench_ask(&b, "sip:alice@x", "credit"), "v0");
	bench_close(&b);
	bench_init(&b);
	c = credit(r.port, "GET k"); /* without the password */
	c->ttl_s = 0;
	bench_open(&b);
	bench_run(&b, 200);
	assert_int_equal(bench_ask(&b, "sip:alice@x", "credit")->state, LOOKUP_FAILED);
	unlink(path);
	stop_redis(&r);
}

/* At the load of calls: pipelined, in order, each its own. */
static void real_many(void **state)
{
	struct redis_server r = {0};
	char uri[64], want[32];

	(void)state;
	if (!start_redis(&r, NULL))
		skip();
	credit(r.port, "ECHO v:{caller.user}");
	b.fact[0].timeout_ms = 4000;
	b.deadline_ms = 4000;
	bench_open(&b);
	until_connected();
	for (unsigned round = 0; round < 10; round++) {
		unsigned before = b.came;

		for (unsigned i = 0; i < 400; i++) {
			snprintf(uri, sizeof(uri), "sip:u%u-%u@x", round, i);
			assert_int_equal(bench_begin(&b, uri), -EINPROGRESS);
		}
		bench_wait(&b, before + 400);
		snprintf(want, sizeof(want), "v:u%u-399", round);
		assert_ok(bench_named(b.facts, "credit"), want);
	}
	assert_int_equal(bench_count(&b, "credit", "ok"), 4001);
	stop_redis(&r);
}

/* ---- others ---- */

static const struct fake_rule rules[] = {
	{.request = "k:str\r\n", .answer = "$4\r\ngold\r\n"},
	{.request = "k:nil\r\n", .answer = "$-1\r\n"},
	{.request = "k:int\r\n", .answer = ":-7\r\n"},
	{.request = "k:status\r\n", .answer = "+QUEUED\r\n"},
	{.request = "k:one\r\n", .answer = "*1\r\n$2\r\nhi\r\n"},
	{.request = "k:two\r\n", .answer = "*2\r\n$1\r\na\r\n$1\r\nb\r\n"},
	{.request = "k:none\r\n", .answer = "*0\r\n"},
	{.request = "k:error\r\n", .answer = "-ERR no\r\n"},
	{.request = "k:binary\r\n", .answer = "$3\r\na\0b\r\n", .length = 9},
	{.request = "k:empty\r\n", .answer = "$0\r\n\r\n"},
	{.request = "k:manyarray\r\n", .answer = "*1000000000\r\n"},
	{.request = "k:deep\r\n",
		.answer = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"},
	{.request = "k:garbage\r\n", .answer = "HTTP/1.1 400 Bad Request\r\n\r\n"},
	{.request = "k:huge\r\n", .answer = "$500000000\r\nx", .repeat = 40000000},
	{.request = "k:endless\r\n", .answer = "+x", .repeat = 40000000},
	{.request = "k:drip\r\n", .answer = "$4\r\ngold\r\n", .drip_ms = 40},
	{.request = "k:close\r\n", .close = true},
	{.request = "k:never\r\n"},
	{.request = "k:", .answer = "$3\r\nany\r\n"},
};

static struct fake_server *fake;

static struct lookup_fact_conf *start_fake(uint16_t *port)
{
	*port = 0;
	/* GET and its key: the last line of a request begins with k: */
	fake = fake_server_new(
		b.base, "\r\n$3\r\nend\r\n", rules, sizeof(rules) / sizeof(rules[0]), port);
	assert_non_null(fake);
	return credit(*port, "MGET k:{caller.user} end");
}

static void replies(void **state)
{
	static const struct {
		const char *who;
		enum lookup_state state;
		const char *text;
	} cases[] = {{"sip:str@x", LOOKUP_OK, "gold"}, {"sip:nil@x", LOOKUP_NONE, NULL},
		{"sip:int@x", LOOKUP_OK, "-7"}, {"sip:status@x", LOOKUP_OK, "QUEUED"},
		{"sip:one@x", LOOKUP_OK, "hi"}, {"sip:two@x", LOOKUP_FAILED, "not one value"},
		{"sip:none@x", LOOKUP_FAILED, "not one value"},
		{"sip:error@x", LOOKUP_FAILED, "refused"},
		{"sip:binary@x", LOOKUP_FAILED, "not a text"}, {"sip:empty@x", LOOKUP_OK, ""}};
	uint16_t port;

	(void)state;
	start_fake(&port);
	bench_open(&b);
	until_connected();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct lookup_fact *x = bench_ask(&b, cases[i].who, "credit");

		if (x->state != cases[i].state)
			fail_msg("%s: %d, %s", cases[i].who, (int)x->state, x->why ? x->why : "");
		if (cases[i].text)
			assert_string_equal(x->text ? x->text : x->why, cases[i].text);
	}
	assert_int_equal(fake_server_connections(fake), 1);
	fake_server_free(fake);
}

static size_t memory_kib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, rss = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &rss), 2);
	fclose(f);
	return rss * 4;
}

/* Each ends the connection, and asks for no more memory than the bound. */
static void replies_that_are_too_much(void **state)
{
	static const char *const who[] = {"sip:manyarray@x", "sip:deep@x", "sip:garbage@x",
		"sip:huge@x", "sip:endless@x", "sip:close@x"};
	uint16_t port;

	(void)state;
	start_fake(&port)->ttl_s = 0;
	bench_open(&b);
	for (unsigned i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		until_connected();
		/* by us, at once: not when its time is over */
		assert_failed(bench_ask(&b, who[i], "credit"), "unreachable");
		for (unsigned ms = 0; fake_server_open(fake) != 0; ms += 20) {
			assert_true(ms < 20000);
			bench_run(&b, 20);
		}
	}
	until_connected();
	assert_ok(bench_ask(&b, "sip:str@x", "credit"), "gold");
	assert_true(memory_kib() < 400 * 1024); /* the fake itself keeps 40 MB at a time */
	fake_server_free(fake);
}

/* Nothing comes: the connection is made anew in the end. */
static void silence(void **state)
{
	struct lookup_fact_conf *c;
	uint16_t port;

	(void)state;
	c = start_fake(&port);
	c->timeout_ms = 30;
	bench_open(&b);
	until_connected();
	for (unsigned i = 0; i < 8; i++)
		(void)bench_begin(&b, "sip:never@x");
	bench_wait(&b, b.came + 8);
	bench_run(&b, 300);
	assert_true(fake_server_connections(fake) >= 2);
	assert_int_equal(bench_count(&b, "credit", "under_way"), 0);
	fake_server_free(fake);
}

static void drops(void **state)
{
	uint16_t port;

	(void)state;
	start_fake(&port);
	bench_open(&b);
	until_connected();
	assert_ok(bench_ask(&b, "sip:drip@x", "credit"), "gold");
	fake_server_free(fake);
}

static void closed_while_waiting(void **state)
{
	uint16_t port;

	(void)state;
	start_fake(&port);
	bench_open(&b);
	until_connected();
	for (unsigned i = 0; i < 20; i++)
		(void)bench_begin(&b, "sip:never@x");
	bench_run(&b, 20);
	fake_server_free(fake);
	(void)bench_begin(&b, "sip:never@y");
}

static void no_server_at_all(void **state)
{
	(void)state;
	credit(free_port(), "GET x");
	bench_open(&b);
	assert_failed(bench_ask(&b, "sip:alice@x", "credit"), "unreachable");
	bench_run(&b, 300);
	assert_failed(bench_ask(&b, "sip:alice@x", "credit"), "unreachable");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(real_values), T(real_one_that_goes_and_comes),
		T(real_password_and_socket), T(real_many), T(replies), T(replies_that_are_too_much),
		T(silence), T(drops), T(closed_while_waiting), T(no_server_at_all)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
