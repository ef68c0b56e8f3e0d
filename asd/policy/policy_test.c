/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/policy_test.h"
#include "asd/policy/policy_json.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *policy_test_name(json_t *tc, size_t i, char *buf, size_t cap)
{
	const char *name = json_string_value(json_object_get(tc, "name"));

	if (name)
		snprintf(buf, cap, "'%s'", name);
	else
		snprintf(buf, cap, "case %zu", i + 1);
	return buf;
}

static int outcome_of(json_t *tc, int *outcome)
{
	const char *s = json_string_value(json_object_get(tc, "outcome"));
	static const char *const names[] = {
		"ar-capable", "ar-assisted", "dc-only", "dc-refused", "none-offered"};
	int i;

	*outcome = -1;
	if (!json_object_get(tc, "outcome"))
		return 0;
	for (i = 0; s && i < AR_OUTCOMES; i++)
		if (strcmp(s, names[i]) == 0)
			*outcome = i;
	return *outcome < 0 ? -EINVAL : 0;
}

static const char *unknown_member(json_t *tc)
{
	static const char *const known[] = {"name", "call", "outcome", "expect"};
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach(tc, key, v)
	{
		for (i = 0; i < 4 && strcmp(key, known[i]) != 0; i++)
			;
		if (i == 4)
			return key;
	}
	return NULL;
}

static json_t *run_case(struct policy_gen *gen, const struct policy_call *call, int outcome)
{
	struct policy_run run;
	struct policy_verdict v;
	struct policy_answer a;
	enum policy_result r = policy_try_decide(gen, call, &v, &run);

	if (outcome < 0)
		return policy_verdict_json(&v, r);
	r = policy_try_answer(gen, call, &v, (enum ar_outcome)outcome, &a, &run);
	return policy_answer_json(&a, r);
}

int policy_test_case(struct policy_gen *gen, json_t *tc, char *why, size_t cap)
{
	json_t *call = json_object_get(tc, "call"), *want = json_object_get(tc, "expect");
	struct policy_case *c = NULL;
	json_t *none = json_object(), *got = NULL;
	const char *bad = unknown_member(tc);
	int outcome, err = -EINVAL;

	if (bad)
		snprintf(why, cap, "a case has no '%s'; it has name, call, outcome, expect", bad);
	else if (!json_is_object(want))
		snprintf(why, cap, "expect is missing or names nothing");
	else if (outcome_of(tc, &outcome) != 0)
		snprintf(why, cap,
			"outcome is none of ar-capable, ar-assisted, dc-only, "
			"dc-refused, none-offered");
	else if (!(c = malloc(sizeof(*c))))
		snprintf(why, cap, "out of memory");
	else if (policy_case_read(c, call ? call : none, why, cap) == 0)
		err = 0;
	if (!err) {
		got = run_case(gen, &c->call, outcome);
		if (!policy_json_has(got, want, why, cap))
			err = -EINVAL;
		policy_case_free(c);
	}
	json_decref(got);
	json_decref(none);
	free(c);
	return err;
}

/* ---- the self-test ---- */

/* What no policy may stumble over: strangers send it. */
static const struct {
	const char *name, *call;
} samples[] = {
	{"an AR call", "{}"},
	{"an ordinary call", "{\"media\":[\"audio\"],\"class\":\"none\",\"reasons\":[],"
			     "\"caller\":\"tel:+49301234567;phone-context=x\"}"},
	{"a call of which nothing is known",
		"{\"media\":[],\"caller\":\"\",\"callee\":\"\",\"callid\":\"\",\"role\":\"\","
		"\"source\":\"\",\"dcmfs\":[],\"class\":\"none\",\"reasons\":[]}"},
	{"a change by the callee", "{\"initial\":false,\"side\":\"b\"}"},
};

static int failed(enum policy_result r)
{
	return r != POLICY_OK && r != POLICY_DENIED;
}

static int try_sample(struct policy_gen *gen, const struct policy_call *call, char *why)
{
	struct policy_end end = {AR_SPAN("bye"), AR_SPAN("ar call"), AR_SPAN("default"), 60, 3600,
		5, 3000, POLICY_AR};
	struct policy_run run;
	struct policy_record rec;
	struct policy_verdict v;
	struct policy_answer a;
	int o;

	if (failed(policy_try_decide(gen, call, &v, &run))) {
		memcpy(why, v.error, POLICY_MAX_ERROR);
		return -EINVAL;
	}
	for (o = 0; o < AR_OUTCOMES; o++) {
		if (failed(policy_try_answer(gen, call, &v, (enum ar_outcome)o, &a, &run))) {
			memcpy(why, a.error, POLICY_MAX_ERROR);
			return -EINVAL;
		}
	}
	return failed(policy_try_end(gen, call, &end, &rec, &run, why)) ? -EINVAL : 0;
}

static int try_samples(struct policy_gen *gen, struct policy_case *c, struct ar_buf *err)
{
	char why[POLICY_MAX_ERROR];
	size_t i;

	for (i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		json_t *o = json_loads(samples[i].call, 0, NULL);
		int rc = o ? policy_case_read(c, o, why, sizeof(why)) : -ENOMEM;

		json_decref(o);
		if (!rc) {
			rc = try_sample(gen, &c->call, why);
			policy_case_free(c);
		}
		if (rc) {
			policy_explain(err, gen->owner, why);
			ar_buf_printf(err, " (tried with %s)", samples[i].name);
			return rc;
		}
	}
	return 0;
}

struct cases_run {
	struct policy_gen *gen;
	json_t *cases;
};

static int cases_entry(lua_State *L)
{
	struct cases_run *r = lua_touserdata(L, 1);

	vm_push_kept(L, r->gen->selftest);
	r->cases = policy_json_from_lua(L, -1);
	return 0;
}

static int try_own_cases(struct policy_gen *gen, struct ar_buf *err)
{
	struct cases_run r = {gen, NULL};
	struct vm_budget budget = {gen->owner->conf.limits.load_cpu_ms, 100000000};
	const char *slash = strrchr(gen->owner->conf.script, '/');
	char why[POLICY_MAX_ERROR], name[128];
	json_t *tc;
	size_t i;
	int rc = 0;

	if (gen->selftest == LUA_NOREF)
		return 0;
	if (vm_run(gen->vm, cases_entry, &r, &budget, why, sizeof(why)) != VM_OK)
		rc = -EINVAL;
	else if (!json_is_array(r.cases)) {
		snprintf(why, sizeof(why), "it must be a list of tables with plain values");
		rc = -EINVAL;
	}
	if (rc)
		ar_buf_printf(
			err, "%s: selftest: %s", slash ? slash + 1 : gen->owner->conf.script, why);
	for (i = 0; !rc && i < json_array_size(r.cases); i++) {
		tc = json_array_get(r.cases, i);
		rc = policy_test_case(gen, tc, why, sizeof(why));
		if (rc)
			ar_buf_printf(err, "%s: selftest %s: %s",
				slash ? slash + 1 : gen->owner->conf.script,
				policy_test_name(tc, i, name, sizeof(name)), why);
	}
	json_decref(r.cases);
	return rc;
}

int policy_gen_selftest(struct policy_gen *gen, struct ar_buf *err)
{
	struct policy_case *c = malloc(sizeof(*c));
	int rc = c ? try_samples(gen, c, err) : -ENOMEM;

	free(c);
	if (!rc)
		rc = try_own_cases(gen, err);
	return rc;
}
