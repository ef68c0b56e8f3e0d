/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/policy.h"
#include "asd/policy/policy_int.h"
#include "asd/policy/verdict.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef IMS_AR_LUA_DIR
#define IMS_AR_LUA_DIR "/usr/share/ims-ar/lua/ar"
#endif

/* ---- one evaluation ---- */

static int run_done(lua_State *L, int status, lua_KContext ctx)
{
	struct policy_run *r = (struct policy_run *)ctx;
	lua_Integer rule = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
	struct verdict_text t = {.why = r->why, .cap = sizeof(r->why)};

	(void)status;
	if (r->hook != POLICY_HOOK_END && rule > 0 && rule <= r->gen->nrules)
		snprintf(r->rule, sizeof(r->rule), "%s", r->gen->rule[rule - 1].name);
	else
		r->rule[0] = '\0';
	if (lua_isnil(L, 1))
		r->fell_off = true;
	else if (r->hook == POLICY_HOOK_ANSWER)
		r->bad = verdict_read_answer(L, 1, r->out.answer, &t);
	else if (r->hook == POLICY_HOOK_END)
		r->bad = verdict_read_record(L, 1, r->out.record, r->why, sizeof(r->why));
	else
		r->bad = verdict_read(L, 1, r->out.verdict, &t);
	return 0;
}

static int run_entry(lua_State *L)
{
	struct policy_run *r = lua_touserdata(L, 1);

	lua_settop(L, 0);
	vm_push_kept(L, r->gen->progress);
	lua_pushinteger(L, 0);
	lua_rawseti(L, -2, 1);
	lua_pushinteger(L, 0);
	lua_rawseti(L, -2, 2);
	lua_settop(L, 0);
	vm_push_kept(L, r->gen->hook[r->hook]);
	view_push(L);
	lua_callk(L, 1, 2, (lua_KContext)r, run_done);
	return run_done(L, LUA_OK, (lua_KContext)r);
}

static lua_Integer progress_at(lua_State *L, lua_Integer i)
{
	lua_Integer v;

	lua_rawgeti(L, -1, i);
	v = lua_tointeger(L, -1);
	lua_pop(L, 1);
	return v;
}

/* Which rules matched, and on failure which one was at work. Only raw reads: needs no guard. */
static void read_progress(struct policy_gen *gen, struct policy_run *run, bool failed)
{
	lua_State *L = vm_lua(gen->vm);
	lua_Integer i, n, rule;

	vm_push_kept(L, gen->progress);
	n = progress_at(L, 2);
	gen->nlast = 0;
	for (i = 1; i <= n && i <= (lua_Integer)gen->nrules; i++) {
		rule = progress_at(L, i + 2);
		if (rule > 0 && rule <= gen->nrules && gen->nlast < POLICY_MAX_RULES)
			gen->last[gen->nlast++] = (unsigned)rule - 1;
	}
	rule = progress_at(L, 1);
	if (failed && rule > 0 && rule <= gen->nrules)
		snprintf(run->rule, sizeof(run->rule), "%s", gen->rule[rule - 1].name);
	lua_pop(L, 1);
}

static uint64_t seed_of(struct ar_span s)
{
	uint64_t h = 0xcbf29ce484222325u;

	while (s.n--)
		h = (h ^ (unsigned char)*s.p++) * 0x100000001b3u;
	return h;
}

/* Counts nothing, logs nothing. */
static enum policy_result evaluate(struct policy_gen *gen, struct policy_run *run, char *err)
{
	const struct policy_limits *lim = &gen->owner->conf.limits;
	struct vm_budget budget = {run->cpu_ms ? run->cpu_ms : lim->cpu_ms, lim->instructions};
	enum vm_status st;

	run->gen = gen;
	run->fell_off = false;
	run->bad = 0;
	run->rule[0] = '\0';
	gen->host.view = &run->view;
	vm_seed(gen->vm, seed_of(run->view.call->callid));
	st = vm_run(gen->vm, run_entry, run, &budget, err, POLICY_MAX_ERROR);
	gen->host.view = NULL;
	gen->decision_us += vm_used_us(gen->vm);
	read_progress(gen, run, st != VM_OK || run->bad);
	switch (st) {
	case VM_TIMEOUT:
		return POLICY_TIMEOUT;
	case VM_NOMEM:
		return POLICY_NOMEM;
	case VM_ERROR:
		return POLICY_ERROR;
	case VM_OK:
	case VM_AGAIN: /* not without slices */
		break;
	}
	if (run->bad) {
		snprintf(err, POLICY_MAX_ERROR, "%s", run->why);
		return POLICY_BADVERDICT;
	}
	return POLICY_OK;
}

/* ---- counting and telling ---- */

static void count(struct policy_gen *gen, enum policy_result r)
{
	unsigned i;

	gen->result[r]++;
	gen->owner->stats.result[r]++;
	for (i = 0; i < gen->nlast; i++)
		gen->rule[gen->last[i]].hits++;
}

static void tell(struct policy_gen *gen, enum policy_result r, const struct policy_run *run,
	const char *what, const char *err)
{
	const char *line = vm_log(gen->vm), *eol;

	for (; *line && (eol = strchr(line, '\n')); line = eol + 1)
		ar_log_limited(
			AR_LOG_INFO, "policy", "%s: %.*s", gen->name, (int)(eol - line), line);
	if (r == POLICY_OK || r == POLICY_DENIED)
		return;
	ar_log_limited(AR_LOG_WARN, "policy", "%s: %s, rule '%s': %s; %s", gen->name,
		policy_result_name(r), run->rule[0] ? run->rule : "(none)", err, what);
}

/* What a decision and a fresh start behind it may take together: they hold up the loop. */
#define RESTART_MS 20
#define RESTART_LEAST_MS 4

/* A script that keeps data between calls ends with no memory for any call; that must not last. */
static void recover(struct policy_gen *gen, enum policy_result r)
{
	const struct policy_conf *c = &gen->owner->conf;
	uint64_t used = gen->decision_us / 1000;
	unsigned left = RESTART_LEAST_MS;
	struct ar_buf err;

	if (r != POLICY_NOMEM || !vm_is_full(gen->vm))
		return;
	if (used + RESTART_LEAST_MS < RESTART_MS)
		left = RESTART_MS - (unsigned)used;
	ar_buf_init(&err, POLICY_MAX_ERROR);
	if (policy_gen_restart(gen, left, &err) == 0) {
		gen->restarts++;
		ar_log_limited(AR_LOG_ERR, "policy",
			"%s: the script has filled its memory with data it keeps between calls; "
			"it was started afresh",
			gen->name);
	} else {
		ar_log_limited(AR_LOG_ERR, "policy",
			"%s: the script has filled its memory with data it keeps between calls; "
			"no fresh start beside calls: %.*s",
			gen->name, (int)err.n, err.p ? err.p : "");
		if (c->full)
			c->full(c->full_user);
	}
	ar_buf_free(&err);
}

/* ---- the three calls ---- */

static void fall_back(const struct policy_gen *gen, struct policy_verdict *v)
{
	const struct policy_conf *c = &gen->owner->conf;

	memset(v, 0, offsetof(struct policy_verdict, error));
	v->action = c->fallback;
	v->code = c->fallback == POLICY_DENY ? c->fallback_code : 0;
	snprintf(v->reason, sizeof(v->reason), "%s",
		c->fallback == POLICY_DENY ? "Service Unavailable" : "");
	snprintf(v->rule, sizeof(v->rule), "(fallback)");
}

static void no_rule(const struct policy_gen *gen, struct policy_verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->action = POLICY_DENY;
	v->code = 403;
	snprintf(v->reason, sizeof(v->reason), "No rule of policy %s matches", gen->name);
	snprintf(v->rule, sizeof(v->rule), "(no rule)");
}

/* A text of a stranger's that is too long must not turn a rule against him into the fallback. */
static bool too_long(const struct policy_call *c)
{
	const struct ar_span s[] = {c->callid, c->caller.uri, c->caller.user, c->caller.host,
		c->callee.uri, c->callee.user, c->callee.host, c->asserted, c->req_app, c->source};
	size_t i;

	for (i = 0; i < sizeof(s) / sizeof(*s); i++)
		if (s[i].n > POLICY_MAX_VIEW)
			return true;
	return false;
}

static void refuse_long(const struct policy_gen *gen, struct policy_verdict *v)
{
	no_rule(gen, v);
	v->code = 400;
	snprintf(v->reason, sizeof(v->reason), "Header too long");
	snprintf(v->rule, sizeof(v->rule), "(too long)");
}

enum policy_result policy_try_decide(struct policy_gen *gen, const struct policy_call *call,
	struct policy_verdict *v, struct policy_run *run)
{
	enum policy_result r = POLICY_OK;

	*run = (struct policy_run){.view = {call, -1, NULL, NULL}, .out.verdict = v};
	run->hook = call->initial ? POLICY_HOOK_CALL : POLICY_HOOK_CHANGE;
	v->error[0] = '\0';
	gen->nlast = 0;
	gen->decision_us = 0;
	if (too_long(call)) {
		refuse_long(gen, v);
	} else {
		r = evaluate(gen, run, v->error);
		if (r != POLICY_OK)
			fall_back(gen, v);
		else if (run->fell_off)
			no_rule(gen, v);
		else
			memcpy(v->rule, run->rule, sizeof(v->rule));
	}
	if (r == POLICY_OK && v->action == POLICY_DENY)
		r = POLICY_DENIED;
	v->generation = gen->id;
	return r;
}

static void default_answer(const struct policy_verdict *v, struct policy_answer *a)
{
	memset(a, 0, offsetof(struct policy_answer, error));
	a->nsteps = v->nsteps;
	memcpy(a->step, v->step, v->nsteps * sizeof(*v->step));
}

static enum policy_result try_answer(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, enum ar_outcome outcome, struct policy_answer *a,
	struct policy_run *run, unsigned cpu_ms)
{
	enum policy_result r;

	*run = (struct policy_run){.view = {call, (int)outcome, v, NULL},
		.hook = POLICY_HOOK_ANSWER,
		.out.answer = a,
		.cpu_ms = cpu_ms};
	gen->nlast = 0;
	a->error[0] = '\0';
	default_answer(v, a);
	if (gen->hook[POLICY_HOOK_ANSWER] == LUA_NOREF || too_long(call))
		return POLICY_OK;
	r = evaluate(gen, run, a->error);
	if (r != POLICY_OK)
		default_answer(v, a);
	memcpy(a->rule, run->rule, sizeof(a->rule));
	return r;
}

enum policy_result policy_try_answer(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, enum ar_outcome outcome, struct policy_answer *a,
	struct policy_run *run)
{
	return try_answer(gen, call, v, outcome, a, run, 0);
}

enum policy_result policy_try_end(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_end *end, struct policy_record *rec, struct policy_run *run, char *err)
{
	enum policy_result r;

	*run = (struct policy_run){
		.view = {call, -1, NULL, end}, .hook = POLICY_HOOK_END, .out.record = rec};
	gen->nlast = 0;
	rec->n = 0;
	err[0] = '\0';
	if (gen->hook[POLICY_HOOK_END] == LUA_NOREF || too_long(call))
		return POLICY_OK;
	r = evaluate(gen, run, err);
	if (r != POLICY_OK)
		rec->n = 0;
	return r;
}

enum policy_result policy_decide(
	struct policy_gen *gen, const struct policy_call *call, struct policy_verdict *v)
{
	struct policy_run run;
	enum policy_result r = policy_try_decide(gen, call, v, &run);

	count(gen, r);
	tell(gen, r, &run, v->action == POLICY_DENY ? "denied instead" : "plain call instead",
		v->error);
	recover(gen, r);
	return r;
}

static enum policy_result on_answer(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, enum ar_outcome outcome, struct policy_answer *a,
	unsigned cpu_ms)
{
	struct policy_run run;
	enum policy_result r = try_answer(gen, call, v, outcome, a, &run, cpu_ms);

	if (gen->hook[POLICY_HOOK_ANSWER] == LUA_NOREF)
		return r;
	count(gen, r);
	tell(gen, r, &run, "answered by default", a->error);
	recover(gen, r);
	return r;
}

enum policy_result policy_on_answer(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, enum ar_outcome outcome, struct policy_answer *a)
{
	return on_answer(gen, call, v, outcome, a, 0);
}

/* What the decision has left of its time, all outcomes together: one offer stalls the loop no
 * longer than one run. */
enum policy_result policy_on_answers(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_verdict *v, struct policy_answer a[AR_OUTCOMES])
{
	enum policy_result worst = POLICY_OK, r;
	uint64_t all = (uint64_t)gen->owner->conf.limits.cpu_ms * 1000;

	for (unsigned o = 0; o < AR_OUTCOMES; o++) {
		uint64_t left = gen->decision_us < all ? all - gen->decision_us : 0;

		if (left < 1000) { /* what used it up has been told */
			memset(&a[o], 0, sizeof(a[o]));
			default_answer(v, &a[o]);
			worst = POLICY_TIMEOUT;
			continue;
		}
		r = on_answer(gen, call, v, (enum ar_outcome)o, &a[o], (unsigned)(left / 1000));
		if (worst == POLICY_OK)
			worst = r;
	}
	return worst;
}

bool policy_has_end(const struct policy_gen *gen)
{
	return gen->hook[POLICY_HOOK_END] != LUA_NOREF;
}

enum policy_result policy_on_end(struct policy_gen *gen, const struct policy_call *call,
	const struct policy_end *end, struct policy_record *rec)
{
	struct policy_run run;
	char err[POLICY_MAX_ERROR];
	enum policy_result r = policy_try_end(gen, call, end, rec, &run, err);

	if (gen->hook[POLICY_HOOK_END] == LUA_NOREF)
		return r;
	count(gen, r);
	tell(gen, r, &run, "no record", err);
	recover(gen, r);
	return r;
}

/* ---- generations ---- */

struct policy_gen *policy_gen_new(const struct policy *p)
{
	struct policy_gen *gen = calloc(1, sizeof(*gen));
	unsigned i;

	if (!gen)
		return NULL;
	gen->owner = (struct policy *)p;
	for (i = 0; i < POLICY_HOOKS; i++)
		gen->hook[i] = LUA_NOREF;
	gen->progress = gen->selftest = LUA_NOREF;
	gen->loaded_ms = ar_wall_ms();
	gen->host.conf = &p->conf;
	lists_init(&gen->host.lists, p->conf.limits.list_entries, p->conf.limits.list_bytes);
	return gen;
}

void policy_gen_free(struct policy_gen *gen)
{
	if (!gen)
		return;
	vm_free(gen->vm);
	sources_free(&gen->host.sources);
	lists_free(&gen->host.lists); /* the state's list objects point there */
	free(gen->rule);
	free(gen);
}

int policy_build(const struct policy *p, struct policy_gen **genp, struct ar_buf *err)
{
	struct policy_gen *gen = policy_gen_new(p);
	int rc = gen ? 0 : -ENOMEM;

	if (rc)
		ar_buf_add_str(err, "out of memory");
	else
		rc = policy_gen_load(gen, p->conf.limits.load_cpu_ms, err);
	if (!rc)
		rc = policy_gen_selftest(gen, err);
	if (rc) {
		policy_gen_free(gen);
		return rc;
	}
	memset(gen->result, 0, sizeof(gen->result));
	*genp = gen;
	return 0;
}

static void gen_unlink(struct policy_gen *gen)
{
	struct policy_gen **at = &gen->owner->gens;

	while (*at != gen)
		at = &(*at)->next;
	*at = gen->next;
	gen->owner->stats.generations--;
}

struct policy_gen *policy_pin(struct policy *p)
{
	p->current->refs++;
	return p->current;
}

void policy_unpin(struct policy_gen *gen)
{
	if (!gen || --gen->refs)
		return;
	gen_unlink(gen);
	policy_gen_free(gen);
}

void policy_swap(struct policy *p, struct policy_gen *gen)
{
	struct policy_gen *old = p->current;

	gen->id = ++p->next_id;
	gen->refs = 1;
	gen->next = p->gens;
	p->gens = gen;
	p->current = gen;
	p->stats.generations++;
	policy_unpin(old);
}

void policy_count_reload(struct policy *p, bool ok)
{
	if (ok)
		p->stats.reloads++;
	else
		p->stats.reload_failures++;
}

int policy_reload(struct policy *p, struct ar_buf *err)
{
	struct policy_gen *gen;
	int rc = policy_build(p, &gen, err);

	if (!rc)
		policy_swap(p, gen);
	policy_count_reload(p, rc == 0);
	return rc;
}

uint64_t policy_generation(const struct policy_gen *gen)
{
	return gen->id;
}

/* ---- life ---- */

static void set_defaults(struct policy_conf *c)
{
	struct policy_limits *l = &c->limits;

	l->memory = l->memory ? l->memory : 4 * 1024 * 1024;
	l->cpu_ms = l->cpu_ms ? l->cpu_ms : 20;
	l->load_cpu_ms = l->load_cpu_ms ? l->load_cpu_ms : 250;
	l->instructions = l->instructions ? l->instructions : 1000000;
	l->list_entries = l->list_entries ? l->list_entries : 1000000;
	l->list_bytes = l->list_bytes ? l->list_bytes : 64 * 1024 * 1024;
	if (c->fallback_code < 400 || c->fallback_code > 699)
		c->fallback_code = 503;
	if (c->fallback != POLICY_DENY)
		c->fallback = POLICY_PLAIN;
}

/* The library beside the program (its own version: from a build folder, or installed elsewhere),
 * else where it is to be installed. */
char *policy_default_lib(void)
{
	char exe[4096], path[4200];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash) {
		*slash = '\0';
		snprintf(path, sizeof(path), "%s/../share/ims-ar/lua/ar", exe);
		if (access(path, X_OK) == 0)
			return realpath(path, NULL);
	}
	return strdup(IMS_AR_LUA_DIR);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int policy_load(struct policy **pp, const struct policy_conf *conf, struct ar_buf *err)
{
	struct policy *p = calloc(1, sizeof(*p));
	struct policy_gen *gen;
	int rc = -ENOMEM;

	if (!p)
		return -ENOMEM;
	p->conf = *conf;
	set_defaults(&p->conf);
	p->script = strdup(conf->script);
	p->lib_dir = conf->lib_dir ? strdup(conf->lib_dir) : policy_default_lib();
	p->dir = folder_of(conf->script);
	if (!p->script || !p->lib_dir || !p->dir) {
		ar_buf_add_str(err, "out of memory");
		goto out;
	}
	p->conf.script = p->script;
	p->conf.lib_dir = p->lib_dir;
	rc = policy_build(p, &gen, err);
	if (!rc)
		policy_swap(p, gen);
out:
	if (rc)
		policy_free(p);
	else
		*pp = p;
	return rc;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	policy_unpin(p->current);
	free(p->script);
	free(p->lib_dir);
	free(p->dir);
	free(p);
}

void policy_get_stats(const struct policy *p, struct policy_stats *st)
{
	*st = p->stats;
}
