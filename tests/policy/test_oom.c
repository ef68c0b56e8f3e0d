/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two allocations in a row fail (Lua collects and tries again after the first), from the first, the
 * second, ... on: loading and deciding must report it or go on, and leave nothing behind. The
 * linker sends the library's allocations here.
 */
#include "asd/policy/policy.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static long fail_at = -1, seen;

static bool fails(void)
{
	long n = seen++;

	return fail_at >= 0 && n >= fail_at && n < fail_at + 2;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

/* One round; whether the failure came. */
static bool round_at(long at, long *good, long *bad)
{
	struct policy_conf conf = {
		.script = SRC_DIR "/lua/examples/subscribers.lua", .lib_dir = SRC_DIR "/lua/ar"};
	struct policy *p = NULL;
	struct policy_verdict v;
	struct policy_call c = {.callid = AR_SPAN("x"), .initial = true, .hour = 12};
	struct ar_buf err;
	enum policy_result r;
	int rc;

	policy_party_set(&c.caller, AR_SPAN("sip:alice@ims.example"));
	policy_party_set(&c.callee, AR_SPAN("sip:bob@ims.example"));
	ar_buf_init(&err, 4096);
	fail_at = at;
	seen = 0;
	rc = policy_load(&p, &conf, &err);
	if (rc) {
		assert_null(p);
		(*bad)++;
	} else {
		struct policy_gen *gen = policy_pin(p);

		r = policy_decide(gen, &c, &v);
		assert_true(r == POLICY_OK || r == POLICY_NOMEM);
		assert_true(r == POLICY_OK ? v.action == POLICY_AR : v.action == POLICY_PLAIN);
		policy_unpin(gen);
		(*good)++;
	}
	fail_at = -1;
	policy_free(p);
	ar_buf_free(&err);
	return seen > at;
}

static void test_sweep(void **state)
{
	long at, good = 0, bad = 0;

	(void)state;
	/* Thousands of them are Lua's own, all alike; every one at first, then every seventh. */
	for (at = 0; round_at(at, &good, &bad); at += at < 400 ? 1 : 7)
		;
	print_message("%ld allocations: %ld loads refused, %ld went on\n", at, bad, good);
	assert_true(bad > 400);
	assert_true(good >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sweep)};

	ar_log_init("test_oom", AR_LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
