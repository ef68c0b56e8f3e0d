/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A generation from the files: state, script, library's compilation of its rules. */
#include "asd/policy/policy_int.h"
#include "asd/policy/verdict.h"
#include "common/lua/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_INSTRUCTIONS 1000000000ull /* the clock ends a load long before */

static int keep_field(lua_State *L, const char *name)
{
	if (lua_getfield(L, -1, name) == LUA_TBOOLEAN) { /* false: there is none */
		lua_pop(L, 1);
		return LUA_NOREF;
	}
	return vm_keep(L);
}

/* Cut to cap, and fit to be shown: kamcmd and JSON take neither half characters nor line ends. */
static void copy_field(lua_State *L, const char *name, char *out, size_t cap)
{
	size_t n;
	char *p;

	lua_getfield(L, -1, name);
	snprintf(out, cap, "%s", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "");
	lua_pop(L, 1);
	for (p = out; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	n = strlen(out);
	while (n && !policy_is_utf8((struct ar_span){out, n}))
		n--;
	out[n] = '\0';
}

static enum policy_hook hook_by_name(const char *name)
{
	if (strcmp(name, "answer") == 0)
		return POLICY_HOOK_ANSWER;
	if (strcmp(name, "change") == 0)
		return POLICY_HOOK_CHANGE;
	return POLICY_HOOK_CALL;
}

static void read_rules(lua_State *L, struct policy_gen *gen)
{
	lua_Unsigned i, n;

	lua_getfield(L, -1, "rules");
	n = lua_rawlen(L, -1);
	gen->rule = calloc(n ? n : 1, sizeof(*gen->rule));
	if (!gen->rule || n > POLICY_MAX_RULES) {
		luaL_error(L, "out of memory for the rules");
		return;
	}
	for (i = 0; i < n; i++) {
		char hook[16];

		lua_rawgeti(L, -1, (lua_Integer)i + 1);
		copy_field(L, "hook", hook, sizeof(hook));
		gen->rule[i].hook = hook_by_name(hook);
		copy_field(L, "name", gen->rule[i].name, sizeof(gen->rule[i].name));
		copy_field(L, "text", gen->rule[i].text, sizeof(gen->rule[i].text));
		lua_getfield(L, -1, "ends");
		gen->rule[i].ends = lua_toboolean(L, -1);
		lua_pop(L, 1);
		lua_pop(L, 1);
	}
	gen->nrules = (unsigned)n;
	lua_pop(L, 1);
}

static int load_entry(lua_State *L)
{
	struct policy_gen *gen = lua_touserdata(L, 1);
	const char *script = gen->owner->conf.script, *slash = strrchr(script, '/');

	lua_settop(L, 0);
	view_open(L);
	sandbox_require(L, "ar.compile");
	sandbox_load_file(L, script, slash ? slash + 1 : script);
	lua_call(L, 0, 1);
	lua_call(L, 1, 1);
	copy_field(L, "name", gen->name, sizeof(gen->name));
	read_rules(L, gen);
	gen->progress = keep_field(L, "progress");
	gen->selftest = keep_field(L, "selftest");
	gen->hook[POLICY_HOOK_CALL] = keep_field(L, "call");
	gen->hook[POLICY_HOOK_CHANGE] = keep_field(L, "change");
	gen->hook[POLICY_HOOK_ANSWER] = keep_field(L, "answer");
	gen->hook[POLICY_HOOK_END] = keep_field(L, "finish");
	lua_settop(L, 0);
	return 0;
}

/* "policy.lua:3: what", "/etc/ims-ar/x.list: what" */
static bool names_place(const char *why)
{
	const char *blank = strchr(why, ' ');

	return blank && blank > why + 1 && blank[-1] == ':' &&
	       (isdigit((unsigned char)blank[-2]) || *why == '/');
}

/*
 * Every message begins with a file of the operator's. Lines of the library do not help him, nor
 * does a trace behind a place.
 */
void policy_explain(struct ar_buf *err, const struct policy *p, char *why)
{
	const char *slash = strrchr(p->conf.script, '/');
	char *trace = strstr(why, " [");

	if (trace && (names_place(why) || strncmp(trace, " [ar/", 5) == 0))
		*trace = '\0';
	if (!names_place(why) && strncmp(why, p->conf.script, strlen(p->conf.script)) != 0)
		ar_buf_printf(err, "%s: ", slash ? slash + 1 : p->conf.script);
	ar_buf_add_str(err, why);
}

int policy_gen_load(struct policy_gen *gen, unsigned cpu_ms, struct ar_buf *err)
{
	const struct policy *p = gen->owner;
	struct vm_conf vc = {.memory = p->conf.limits.memory,
		.lib_dir = p->conf.lib_dir,
		.policy_dir = p->dir,
		.module = host_modules,
		.source = host_source,
		.unlimited = p->conf.limits.off,
		.user = &gen->host};
	struct vm_budget budget = {cpu_ms, LOAD_INSTRUCTIONS};
	char why[POLICY_MAX_ERROR];
	enum vm_status st;

	if (vm_new(&gen->vm, &vc) != 0) {
		ar_buf_add_str(err, "out of memory");
		return -ENOMEM;
	}
	vm_set_loading(gen->vm, true);
	st = vm_run(gen->vm, load_entry, gen, &budget, why, sizeof(why));
	vm_set_loading(gen->vm, false);
	if (st != VM_OK) {
		policy_explain(err, p, why);
		return -EINVAL;
	}
	vm_collect(gen->vm);
	return 0;
}

/* The state's slots and rules belong together; lists and sources stay with gen. */
static void take_over(struct policy_gen *gen, struct policy_gen *fresh)
{
	struct vm *old = gen->vm;

	gen->vm = fresh->vm;
	memcpy(gen->hook, fresh->hook, sizeof(gen->hook));
	gen->progress = fresh->progress;
	gen->selftest = fresh->selftest;
	fresh->vm = old;
	vm_set_user(gen->vm, &gen->host);
}

int policy_gen_restart(struct policy_gen *gen, unsigned cpu_ms, struct ar_buf *err)
{
	struct policy_gen *fresh = policy_gen_new(gen->owner);
	int rc = fresh ? 0 : -ENOMEM;

	if (rc)
		return rc;
	fresh->host.lists = gen->host.lists;
	fresh->host.sources = gen->host.sources;
	rc = policy_gen_load(fresh, cpu_ms, err);
	if (!rc && fresh->nrules != gen->nrules)
		rc = -EINVAL;
	/* What a script that behaves differently now has opened beside, too. */
	gen->host.lists = fresh->host.lists;
	gen->host.sources = fresh->host.sources;
	memset(&fresh->host, 0, sizeof(fresh->host));
	if (!rc)
		take_over(gen, fresh);
	policy_gen_free(fresh);
	return rc;
}
