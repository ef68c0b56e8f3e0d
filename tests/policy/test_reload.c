/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generations: a policy and its lists are loaded anew, also while calls are decided; the fallback
 * when that fails too often; and memory that does not grow.
 */
#include "policy_help.h"
#include "asd/policy/policy_tool.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void test_reload(void **state)
{
	struct policy *p = policy_test_good(
		HEAD "return ar.new 'x':rule('one', m.any, act.accept { scene = 'one' })");
	struct policy_gen *first = policy_pin(p), *second;
	struct policy_call *c = policy_test_ar_call("sip:alice@x");
	struct policy_verdict v;
	struct policy_stats st;
	struct ar_buf err;

	(void)state;
	ar_buf_init(&err, 4096);
	policy_test_write_to("policy.lua",
		HEAD "return ar.new 'x':rule('two', m.any, act.accept { scene = 'two' })");
	assert_int_equal(policy_reload(p, &err), 0);
	second = policy_pin(p);
	assert_ptr_not_equal(first, second);
	assert_int_equal(policy_decide(first, c, &v), POLICY_OK);
	assert_string_equal(v.scene, "one"); /* a call keeps what it began with */
	assert_int_equal(v.generation, 1);
	assert_int_equal(policy_decide(second, c, &v), POLICY_OK);
	assert_string_equal(v.scene, "two");
	assert_int_equal(v.generation, 2);
	/* A broken file: the old one stays, and err says where. */
	policy_test_write_to("policy.lua", HEAD "return ar.new 'x':rule('three'");
	assert_int_equal(policy_reload(p, &err), -EINVAL);
	assert_memory_equal(err.p, "policy.lua:3:", 13);
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_OK);
	assert_string_equal(v.scene, "two");
	unlink(policy_test_script);
	ar_buf_reset(&err);
	assert_int_equal(policy_reload(p, &err), -EINVAL);
	assert_int_equal(policy_test_decide(p, c, &v), POLICY_OK);
	policy_get_stats(p, &st);
	assert_int_equal(st.generations, 2);
	assert_int_equal(st.reloads, 1);
	assert_int_equal(st.reload_failures, 2);
	policy_unpin(first);
	policy_get_stats(p, &st);
	assert_int_equal(st.generations, 1);
	policy_unpin(second);
	ar_buf_free(&err);
	policy_free(p);
}

static void test_lists_reloaded(void **state)
{
	struct policy_verdict v;
	struct policy *p;
	struct ar_buf err;

	(void)state;
	ar_buf_init(&err, 4096);
	policy_test_write_to("blocked.list", "mallory@x\n");
	p = policy_test_good(HEAD
		"return ar.new 'x':rule('b', m.caller_in(lists.file 'blocked.list'), act.deny())\n"
		"  :rule('r', m.any, act.accept {})");
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:mallory@x"), &v), POLICY_DENIED);
	assert_int_equal(policy_test_decide(p, policy_test_ar_call("sip:eve@x"), &v), POLICY_OK);
	policy_test_write_to("blocked.list", "eve@x\n");
	assert_int_equal(policy_test_decide(p, policy_test_ar_call("sip:eve@x"), &v),
		POLICY_OK); /* not before the reload */
	assert_int_equal(policy_reload(p, &err), 0);
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:mallory@x"), &v), POLICY_OK);
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:eve@x"), &v), POLICY_DENIED);
	policy_test_write_to("blocked.list", "a b\n");
	assert_int_equal(policy_reload(p, &err), -EINVAL);
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:eve@x"), &v), POLICY_DENIED);
	ar_buf_free(&err);
	policy_free(p);
}

/* Reading a long list is asd's work, not the script's time. */
static void test_long_list(void **state)
{
	struct policy_conf conf = {.limits = {.load_cpu_ms = 60}};
	struct policy_verdict v;
	struct policy *p;
	char file[128];
	FILE *f;
	int i;

	(void)state;
	snprintf(file, sizeof(file), "%s/blocked.list", policy_test_dir);
	f = fopen(file, "w");
	assert_non_null(f);
	for (i = 0; i < 400000; i++)
		fprintf(f, "u%d@x.example\n", i);
	fclose(f);
	p = policy_test_good_conf(HEAD
		"return ar.new 'x':rule('b', m.caller_in(lists.file 'blocked.list'), act.deny())\n"
		"  :rule('r', m.any, act.accept {})",
		&conf);
	assert_int_equal(policy_test_decide(p, policy_test_ar_call("sip:u399999@x.example"), &v),
		POLICY_DENIED);
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:u400000@x.example"), &v), POLICY_OK);
	policy_free(p);
}

/* Reloads while calls come and go: nothing lost, old generations freed when their calls end. */
static void test_reload_under_load(void **state)
{
	enum { CALLS = 50, ROUNDS = 2000 };
	struct policy_gen *call[CALLS] = {NULL};
	struct policy *p =
		policy_test_good(HEAD "return ar.new 'x':rule('r', m.any, act.accept {})");
	struct policy_call *c = policy_test_ar_call("sip:alice@x");
	struct policy_verdict v;
	struct policy_answer a;
	struct policy_stats st;
	struct ar_buf err;
	int i;

	(void)state;
	ar_buf_init(&err, 4096);
	for (i = 0; i < ROUNDS; i++) {
		int k = i % CALLS;

		if (call[k]) {
			assert_int_equal(policy_on_answer(call[k], c, &v, AR_OUTCOME_DC_ONLY, &a),
				POLICY_OK);
			policy_unpin(call[k]);
		}
		call[k] = policy_pin(p);
		assert_int_equal(policy_decide(call[k], c, &v), POLICY_OK);
		assert_int_equal(v.action, POLICY_AR);
		if (i % 40 == 0)
			assert_int_equal(policy_reload(p, &err), 0);
	}
	policy_get_stats(p, &st);
	assert_true(st.generations <= 3);
	assert_int_equal(st.result[POLICY_OK], ROUNDS);
	for (i = 0; i < CALLS; i++)
		policy_unpin(call[i]);
	policy_get_stats(p, &st);
	assert_int_equal(st.generations, 1);
	ar_buf_free(&err);
	policy_free(p);
}

static void count_full(void *user)
{
	++*(unsigned *)user;
}

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A script that has filled its memory is started afresh beside calls only if that is quick. */
static void test_full_and_slow_to_load(void **state)
{
	static const char text[] =
		HEAD "for _ = 1, 5000000 do end\n"
		     "local kept = {}\n"
		     "return ar.new 'x':rule('leak', function(call)\n"
		     "\tif call.caller.user ~= 'evil' then kept = {} return false end\n"
		     "\tfor _ = 1, 20000 do kept[#kept + 1] = { #kept } end return true\n"
		     "end, act.plain()):rule('rest', m.any, act.accept {})";
	struct policy_conf conf = {.limits.load_cpu_ms = 20000};
	struct policy_call *c = policy_test_ar_call("sip:evil@x");
	unsigned asked = 0, i;
	uint64_t t, longest = 0;
	struct policy_verdict v;
	struct policy *p;

	(void)state;
	conf.full = count_full;
	conf.full_user = &asked;
	p = policy_test_good_conf(text, &conf);
	for (i = 0; i < 20; i++) {
		t = cpu_us();
		policy_test_decide(p, c, &v);
		t = cpu_us() - t;
		longest = t > longest ? t : longest;
	}
	assert_true(asked > 0);
	print_message(
		"a decision and the fresh start behind it took %llu us at most, asked %u times\n",
		(unsigned long long)longest, asked);
	assert_true(longest < 60000); /* 25 ms; a sanitizer collects a full state slowly */
	policy_free(p);
}

static void test_fallback(void **state)
{
	static const char src[] =
		HEAD "return ar.new 'x':rule('boom', function(c)\n"
		     "  if c.caller.user == 'evil' then local t = nil; return t.x end\n"
		     "end, act.plain()):rule('r', m.any, act.accept {})\n";
	struct policy_conf conf = {.fallback = POLICY_DENY, .fallback_code = 480};
	struct policy *p = policy_test_good_conf(src, &conf);
	struct policy_verdict v;
	struct policy_stats st;

	(void)state;
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:evil@x"), &v), POLICY_ERROR);
	assert_int_equal(v.action, POLICY_DENY);
	assert_int_equal(v.code, 480);
	assert_string_equal(v.rule, "(fallback)");
	assert_non_null(strstr(v.error, "policy.lua:4: attempt to index a nil value (local 't')"));
	policy_get_stats(p, &st);
	assert_int_equal(st.result[POLICY_ERROR], 1);
	policy_free(p);
	p = policy_test_good(src);
	assert_int_equal(
		policy_test_decide(p, policy_test_ar_call("sip:evil@x"), &v), POLICY_ERROR);
	assert_int_equal(v.action, POLICY_PLAIN);
	assert_int_equal(v.code, 0);
	policy_free(p);
}

/* Memory of a long run stays where it was. */
static void test_no_growth(void **state)
{
	struct policy_conf conf = {.lib_dir = LIB, .script = SRC_DIR "/lua/default.lua"};
	struct policy *p = NULL;
	struct policy_verdict v;
	struct ar_buf err;
	json_int_t max = 0;
	int i;

	(void)state;
	ar_buf_init(&err, 4096);
	assert_int_equal(policy_load(&p, &conf, &err), 0);
	for (i = 0; i < 20000; i++) {
		policy_test_decide(p, policy_test_ar_call("sip:alice@x"), &v);
		if (i % 100 == 0) {
			json_t *items = policy_items(p);
			json_int_t n = json_integer_value(
				json_object_get(json_array_get(items, 0), "memory"));

			max = n > max ? n : max;
			json_decref(items);
		}
	}
	assert_true(max < 600 * 1024);
	ar_buf_free(&err);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_lists_reloaded),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_reload_under_load),
		cmocka_unit_test(test_full_and_slow_to_load),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_no_growth),
	};

	return cmocka_run_group_tests(tests, policy_test_setup, policy_test_teardown);
}
