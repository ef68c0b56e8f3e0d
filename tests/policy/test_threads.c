/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies in several threads at once: each has its own state and its own limits (processor time of
 * its own thread), and one that is stopped disturbs none of the others. A new generation is built
 * in one thread while another one decides.
 */
#include "asd/policy/policy.h"

#include "common/daemon/ar_log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 25

static char path[] = "/tmp/test_threads.XXXXXX";

static const char script[] =
	"local ar = require 'ar.policy'\n"
	"local m, act = ar.match, ar.act\n"
	"return ar.new 'threads'\n"
	"  :rule('loop', m.caller 'loop', function() while true do end end)\n"
	"  :rule('memory', m.caller 'memory', function()\n"
	"    local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(100) .. i end end)\n"
	"  :rule('pattern', m.caller 'pattern', function(call)\n"
	"    return (('a'):rep(2000)):find('.-.-.-.-b') and act.plain() or nil end)\n"
	"  :rule('error', m.caller 'error', function() error 'x' end)\n"
	"  :rule('ar', m.any, act.accept { scene = 'default' })\n";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	ar_log_init("test", AR_LOG_ERR);
	if (fd < 0 || write(fd, script, sizeof(script) - 1) != (ssize_t)sizeof(script) - 1)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static struct policy *load(void)
{
	struct policy_conf conf = {.script = path, .lib_dir = SRC_DIR "/lua/ar"};
	struct policy *p = NULL;
	struct ar_buf err;

	ar_buf_init(&err, 4096);
	if (policy_load(&p, &conf, &err) != 0)
		fprintf(stderr, "%.*s\n", (int)err.n, err.p);
	ar_buf_free(&err);
	return p;
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct worker {
	pthread_t thread;
	unsigned decided, wrong;
	double worst_ms;
};

static enum policy_result ask(struct policy_gen *gen, const char *user, struct worker *w)
{
	struct policy_call c = {.callid = AR_SPAN("x@y"), .initial = true};
	struct policy_verdict v;
	enum policy_result r;
	double t0 = cpu_ms(), ms;
	char uri[64];

	snprintf(uri, sizeof(uri), "sip:%s@ims.example", user);
	policy_party_set(&c.caller, ar_span_str(uri));
	policy_party_set(&c.callee, AR_SPAN("sip:bob@ims.example"));
	r = policy_decide(gen, &c, &v);
	ms = cpu_ms() - t0;
	w->worst_ms = ms > w->worst_ms ? ms : w->worst_ms;
	w->decided++;
	return r;
}

/* Whichever limit is reached first ends a script that fills memory: page faults of several threads
 * take CPU time too. */
static bool as_wanted(enum policy_result got, enum policy_result want)
{
	return got == want || (want == POLICY_NOMEM && got == POLICY_TIMEOUT);
}

static void *hostile_calls(void *arg)
{
	static const struct {
		const char *user;
		enum policy_result want;
	} calls[] = {{"alice", POLICY_OK}, {"loop", POLICY_TIMEOUT}, {"alice", POLICY_OK},
		{"memory", POLICY_NOMEM}, {"alice", POLICY_OK}, {"pattern", POLICY_TIMEOUT},
		{"error", POLICY_ERROR}, {"alice", POLICY_OK}};
	struct worker *w = arg;
	struct policy *p = load();
	struct policy_gen *gen = p ? policy_pin(p) : NULL;

	for (unsigned i = 0; gen && i < ROUNDS; i++) {
		for (unsigned k = 0; k < sizeof(calls) / sizeof(calls[0]); k++)
			w->wrong += !as_wanted(ask(gen, calls[k].user, w), calls[k].want);
	}
	policy_unpin(gen);
	policy_free(p);
	return NULL;
}

static void each_its_own_limits(void **state)
{
	struct worker w[THREADS] = {{0}};

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&w[i].thread, NULL, hostile_calls, &w[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(w[i].decided, ROUNDS * 8);
		assert_int_equal(w[i].wrong, 0);
		print_message("thread %u: worst decision %.1f ms\n", i, w[i].worst_ms);
#ifndef POLICY_TEST_NO_BOUND
		/* the clock is the thread's own: the others' time does not count */
		assert_true(w[i].worst_ms < 40);
#endif
	}
}

struct builder {
	const struct policy *p;
	struct policy_gen *gen;
	int rc;
};

static void *build(void *arg)
{
	struct builder *b = arg;
	struct ar_buf err;

	ar_buf_init(&err, 4096);
	b->rc = policy_build(b->p, &b->gen, &err);
	ar_buf_free(&err);
	return NULL;
}

/* The way of a reload that costs the loop nothing. */
static void built_beside_decisions(void **state)
{
	struct policy *p = load();
	struct worker w = {0};

	(void)state;
	assert_non_null(p);
	for (unsigned i = 0; i < 20; i++) {
		struct builder b = {.p = p, .rc = -1};
		struct policy_gen *gen = policy_pin(p);
		uint64_t was = policy_generation(gen);
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, build, &b), 0);
		for (unsigned k = 0; k < 200; k++)
			assert_int_equal(ask(gen, "alice", &w), POLICY_OK);
		pthread_join(thread, NULL);
		assert_int_equal(b.rc, 0);
		policy_swap(p, b.gen);
		assert_int_equal(policy_generation(gen), was); /* pinned */
		policy_unpin(gen);
		gen = policy_pin(p);
		assert_true(policy_generation(gen) > was);
		policy_unpin(gen);
	}
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_its_own_limits), cmocka_unit_test(built_beside_decisions)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
