/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every script in hostile/ against the limit that must stop it. The head of each says
 *
 *	-- limit: timeout | nomem | error | badverdict | none | load
 *	-- says: a part of the error text
 *	-- also: a limit that may be met instead
 *	-- instructions: off	(only the clock is left), or a number
 *	-- calls: 20		(the evil call is made so often)
 *	-- load_ms: 100		(time to load, where another limit is to be met; a load is in a
 *				 thread of its own and stalls nothing)
 *	-- hook: answer		(its answers are asked, too: they share the decision's time)
 *
 * Each run is bounded in CPU time, the caller gets the fallback, and the next call is decided as if
 * nothing had happened.
 */
#include "asd/policy/policy.h"
#include "common/lua/sandbox.h"

#include "common/daemon/ar_log.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <time.h>

#define FOLDER SRC_DIR "/tests/policy/hostile"
#define BOUND_MS 25.0
#define ATTEMPTS 3 /* the best counts: other work on the machine disturbs the caches */

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct head {
	char limit[32], says[128], also[32], instructions[16], calls[16], hook[16], load_ms[16];
};

static void read_key(const char *src, const char *key, char *out, size_t cap)
{
	char mark[64];
	const char *p, *end;

	snprintf(mark, sizeof(mark), "-- %s: ", key);
	out[0] = '\0';
	p = strstr(src, mark);
	if (!p)
		return;
	p += strlen(mark);
	end = strchr(p, '\n');
	snprintf(out, cap, "%.*s", (int)(end ? end - p : (long)strlen(p)), p);
}

static void read_head(const char *path, struct head *h)
{
	char *src;
	size_t n;

	assert_int_equal(sandbox_read_file(path, 65536, &src, &n), 0);
	read_key(src, "limit", h->limit, sizeof(h->limit));
	read_key(src, "says", h->says, sizeof(h->says));
	read_key(src, "also", h->also, sizeof(h->also));
	read_key(src, "instructions", h->instructions, sizeof(h->instructions));
	read_key(src, "calls", h->calls, sizeof(h->calls));
	read_key(src, "hook", h->hook, sizeof(h->hook));
	read_key(src, "load_ms", h->load_ms, sizeof(h->load_ms));
	free(src);
}

static void make_call(struct policy_call *c, const char *user)
{
	static const struct policy_dcmf dcmf = {AR_SPAN("mediad1"), true, 10, 1};

	*c = (struct policy_call){
		.callid = AR_SPAN("x@y"), .initial = true, .dcmfs = &dcmf, .ndcmfs = 1};
	policy_party_set(&c->caller, ar_span_str(user));
	policy_party_set(&c->callee, AR_SPAN("sip:bob@ims.example"));
}

struct outcome {
	int rc; /* of loading */
	enum policy_result result, after;
	enum policy_action action;
	double ms; /* the worst of the evil calls, or the load */
	char text[POLICY_MAX_ERROR];
};

/* For the caller it is an AR call all the same: the fallback of an answer is the verdict's. */
static enum policy_result evil_answers(
	struct policy_gen *gen, const struct policy_call *c, struct policy_verdict *v)
{
	struct policy_answer a[AR_OUTCOMES];
	enum policy_result r = policy_on_answers(gen, c, v, a);

	v->action = POLICY_PLAIN;
	for (int o = 0; o < AR_OUTCOMES; o++) {
		if (a[o].error[0])
			snprintf(v->error, sizeof(v->error), "%s", a[o].error);
		if (a[o].keep_a || a[o].nsteps != v->nsteps)
			v->action = POLICY_DENY; /* not the default answer */
	}
	return r;
}

static void evil_calls(struct policy *p, const struct head *h, struct outcome *o)
{
	struct policy_gen *gen = policy_pin(p);
	struct policy_verdict v;
	struct policy_call c;
	int i, n = h->calls[0] ? atoi(h->calls) : 1;

	make_call(&c, "sip:evil@ims.example");
	for (i = 0; i < n; i++) {
		double t0 = cpu_ms(), ms;
		enum policy_result r = policy_decide(gen, &c, &v);

		if (h->hook[0] && r == POLICY_OK)
			r = evil_answers(gen, &c, &v);
		ms = cpu_ms() - t0;
		o->ms = ms > o->ms ? ms : o->ms;
		if (o->result != POLICY_OK)
			continue;
		o->result = r;
		o->action = v.action;
		snprintf(o->text, sizeof(o->text), "%s", v.error);
	}
	make_call(&c, "sip:alice@ims.example");
	o->after = policy_decide(gen, &c, &v);
	if (v.action != POLICY_AR)
		o->after = POLICY_ERROR;
	policy_unpin(gen);
}

static void run(const char *path, const struct head *h, struct outcome *o)
{
	struct policy_conf conf = {.script = path, .lib_dir = SRC_DIR "/lua/ar"};
	struct policy *p = NULL;
	struct ar_buf err;
	double t0;

	memset(o, 0, sizeof(*o));
	if (strcmp(h->instructions, "off") == 0)
		conf.limits.instructions = UINT64_MAX;
	else
		conf.limits.instructions = strtoull(h->instructions, NULL, 10);
	conf.limits.load_cpu_ms = h->load_ms[0] ? (unsigned)atoi(h->load_ms) : 20;
	ar_buf_init(&err, POLICY_MAX_ERROR - 1);
	t0 = cpu_ms();
	o->rc = policy_load(&p, &conf, &err);
	if (o->rc) {
		o->ms = cpu_ms() - t0;
		snprintf(o->text, sizeof(o->text), "%.*s", (int)err.n, err.p);
	} else {
		evil_calls(p, h, o);
	}
	ar_buf_free(&err);
	policy_free(p);
}

static bool as_expected(const struct head *h, const struct outcome *o)
{
	const char *got = o->rc ? "load" : policy_result_name(o->result);

	if (!o->rc && o->after != POLICY_OK)
		return false;
	if (strcmp(h->limit, "none") == 0)
		return !o->rc && o->result == POLICY_OK;
	if (strcmp(got, h->also) == 0)
		return true;
#ifdef POLICY_TEST_NO_BOUND /* the clock runs out before the memory does */
	if (strcmp(h->limit, "nomem") == 0 && o->result == POLICY_TIMEOUT)
		return true;
	if (strcmp(h->limit, "load") == 0 && o->rc && strstr(o->text, "CPU time"))
		return true;
#endif
	return strcmp(got, h->limit) == 0 && strstr(o->text, h->says) != NULL &&
	       (o->rc || o->action == POLICY_PLAIN);
}

static int try_script(const char *file)
{
	char path[512];
	struct head h;
	struct outcome o;
	double best = 1e9;
	int i;

	snprintf(path, sizeof(path), "%s/%s", FOLDER, file);
	read_head(path, &h);
	for (i = 0; i < ATTEMPTS; i++) {
		run(path, &h, &o);
		best = o.ms < best ? o.ms : best;
		if (!as_expected(&h, &o)) {
			print_error("%s: wanted %s '%s'; got %s, after it %s: %s\n", file, h.limit,
				h.says, o.rc ? "load" : policy_result_name(o.result),
				policy_result_name(o.after), o.text);
			return 1;
		}
		if (best <= BOUND_MS)
			break;
	}
	print_message("%7.2f ms  %-24s %.90s\n", best, file, o.text);
#ifndef POLICY_TEST_NO_BOUND
	if (best > BOUND_MS && !h.load_ms[0]) {
		print_error("%s: %.1f ms of CPU time, at most %.0f\n", file, best, BOUND_MS);
		return 1;
	}
#endif
	return 0;
}

static int is_script(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".lua") == 0;
}

static void test_all(void **state)
{
	struct dirent **file = NULL;
	int i, n = scandir(FOLDER, &file, is_script, alphasort), bad = 0;

	(void)state;
	assert_true(n > 70);
	for (i = 0; i < n; i++) {
		bad += try_script(file[i]->d_name);
		free(file[i]);
	}
	free(file);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	ar_log_init("test_hostile", AR_LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
