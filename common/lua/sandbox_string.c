/* SPDX-License-Identifier: GPL-2.0-or-later */
/* string.find, match, gmatch, gsub over pattern.c; rep, byte and format with a bound on the work.
 */
#include "common/lua/pattern.h"
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <lauxlib.h>
#include <string.h>

static bool may_go_on(void *arg)
{
	return vm_may_spend(arg, PATTERN_SLICE);
}

/* In place: pattern keeps pointers to itself nowhere, the strings stay on the Lua stack. */
static void prepare(
	struct pattern *m, lua_State *L, const char *s, size_t ls, const char *p, size_t lp)
{
	memset(m, 0, offsetof(struct pattern, capture));
	m->subject = s;
	m->subject_end = s + ls;
	m->pattern_end = p + lp;
	m->may_go_on = may_go_on;
	m->arg = L;
	m->depth = 0;
	m->spent = 0;
}

/* Results of a match from lib: NULL raises if there was an error. */
static const char *attempt(lua_State *L, struct pattern *m, const char *s, const char *p)
{
	const char *e;

	pattern_restart(m);
	e = pattern_match(m, s, p);
	if (m->error)
		luaL_error(L, "%s", m->error);
	return e;
}

static void push_capture(
	lua_State *L, const struct pattern *m, unsigned i, const char *s, const char *e)
{
	if (i >= m->level) {
		if (i != 0)
			luaL_error(L, "invalid capture index %%%d", (int)i + 1);
		lua_pushlstring(L, s, (size_t)(e - s));
	} else if (m->capture[i].len == PATTERN_POSITION) {
		lua_pushinteger(L, m->capture[i].p - m->subject + 1);
	} else if (m->capture[i].len == PATTERN_UNCLOSED) {
		luaL_error(L, "unfinished capture");
	} else {
		lua_pushlstring(L, m->capture[i].p, (size_t)m->capture[i].len);
	}
}

/* s NULL: the captures only, not the whole match when there are none (find). */
static int push_captures(lua_State *L, const struct pattern *m, const char *s, const char *e)
{
	unsigned i, n = m->level == 0 && s ? 1 : m->level;

	luaL_checkstack(L, (int)n, "too many captures");
	for (i = 0; i < n; i++)
		push_capture(L, m, i, s, e);
	return (int)n;
}

/* Start position, from 0; beyond the end: *n + 1. */
static size_t start_position(lua_State *L, int arg, size_t n)
{
	lua_Integer i = luaL_optinteger(L, arg, 1);

	if (i > 0)
		return (lua_Unsigned)i - 1 > n ? n + 1 : (size_t)i - 1;
	if (i == 0 || i < -(lua_Integer)n)
		return 0;
	return (size_t)((lua_Integer)n + i);
}

static int find_plain(lua_State *L, const char *s, size_t ls, size_t init, const char *p, size_t lp)
{
	const char *at = lp ? memmem(s + init, ls - init, p, lp) : s + init;

	vm_spend(L, (ls - init) / 8 + lp);
	if (!at) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, at - s + 1);
	lua_pushinteger(L, at - s + (lua_Integer)lp);
	return 2;
}

static int find_or_match(lua_State *L, bool find)
{
	size_t ls, lp, init;
	const char *s = luaL_checklstring(L, 1, &ls), *p = luaL_checklstring(L, 2, &lp), *from, *e;
	struct pattern m;
	bool anchor;

	init = start_position(L, 3, ls);
	if (init > ls) {
		lua_pushnil(L);
		return 1;
	}
	if (find && (lua_toboolean(L, 4) || pattern_is_plain(p, lp)))
		return find_plain(L, s, ls, init, p, lp);
	anchor = lp && *p == '^';
	prepare(&m, L, s, ls, p, lp);
	p += anchor;
	for (from = s + init; from <= s + ls; from++) {
		e = attempt(L, &m, from, p);
		if (e && find) {
			lua_pushinteger(L, from - s + 1);
			lua_pushinteger(L, e - s);
			return push_captures(L, &m, NULL, NULL) + 2;
		}
		if (e)
			return push_captures(L, &m, from, e);
		if (anchor)
			break;
	}
	lua_pushnil(L);
	return 1;
}

static int safe_find(lua_State *L)
{
	return find_or_match(L, true);
}

static int safe_match(lua_State *L)
{
	return find_or_match(L, false);
}

/* Upvalues: subject, pattern, where to go on, end of the last match (-1: none); from 0. */
static int gmatch_next(lua_State *L)
{
	size_t ls, lp;
	const char *s = lua_tolstring(L, lua_upvalueindex(1), &ls);
	const char *p = lua_tolstring(L, lua_upvalueindex(2), &lp), *from, *e;
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	struct pattern m;

	prepare(&m, L, s, ls, p, lp);
	for (from = s + lua_tointeger(L, lua_upvalueindex(3)); from <= s + ls; from++) {
		e = attempt(L, &m, from, p);
		if (!e || e - s == last)
			continue;
		lua_pushinteger(L, e - s);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return push_captures(L, &m, from, e);
	}
	return 0;
}

static int safe_gmatch(lua_State *L)
{
	size_t n, init;

	luaL_checklstring(L, 1, &n);
	luaL_checkstring(L, 2);
	init = start_position(L, 3, n);
	lua_settop(L, 2);
	lua_pushinteger(L, (lua_Integer)init);
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, gmatch_next, 4);
	return 1;
}

/* Appends the replacement string with its %0-%9. */
static void add_string(
	lua_State *L, luaL_Buffer *b, const struct pattern *m, const char *s, const char *e)
{
	size_t i, n;
	const char *r = lua_tolstring(L, 3, &n);

	for (i = 0; i < n; i++) {
		if (r[i] != '%') {
			luaL_addchar(b, r[i]);
			continue;
		}
		if (++i < n && r[i] == '%') {
			luaL_addchar(b, '%');
		} else if (i < n && r[i] == '0') {
			luaL_addlstring(b, s, (size_t)(e - s));
		} else if (i < n && r[i] >= '1' && r[i] <= '9') {
			push_capture(L, m, (unsigned)(r[i] - '1'), s, e);
			luaL_tolstring(L, -1, NULL);
			lua_remove(L, -2);
			luaL_addvalue(b);
		} else {
			luaL_error(L, "invalid use of '%%' in replacement string");
		}
	}
}

/* Appends what the replacement makes of the match; whether it changed anything. */
static bool add_value(
	lua_State *L, luaL_Buffer *b, const struct pattern *m, const char *s, const char *e)
{
	switch (lua_type(L, 3)) {
	case LUA_TFUNCTION:
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(L, m, s, e), 1);
		break;
	case LUA_TTABLE:
		push_capture(L, m, 0, s, e);
		lua_gettable(L, 3);
		break;
	default:
		add_string(L, b, m, s, e);
		return true;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		luaL_addlstring(b, s, (size_t)(e - s));
		return false;
	}
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	luaL_addvalue(b);
	return true;
}

static int safe_gsub(lua_State *L)
{
	size_t ls, lp;
	const char *s = luaL_checklstring(L, 1, &ls), *p = luaL_checklstring(L, 2, &lp);
	const char *from = s, *last = NULL, *e;
	int type = lua_type(L, 3);
	lua_Integer max = luaL_optinteger(L, 4, (lua_Integer)ls + 1), n = 0;
	struct pattern m;
	bool anchor = lp && *p == '^';
	luaL_Buffer b;

	luaL_argexpected(L,
		type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
			type == LUA_TTABLE,
		3, "string/function/table");
	prepare(&m, L, s, ls, p, lp);
	p += anchor;
	luaL_buffinit(L, &b);
	while (n < max) {
		e = attempt(L, &m, from, p);
		if (e && e != last) {
			n++;
			add_value(L, &b, &m, from, e);
			vm_spend(L, 16);
			from = last = e;
		} else if (from < s + ls) {
			luaL_addchar(&b, *from++);
		} else {
			break;
		}
		if (anchor)
			break;
	}
	luaL_addlstring(&b, from, (size_t)(s + ls - from));
	luaL_pushresult(&b);
	lua_pushinteger(L, n);
	return 2;
}

static int safe_rep(lua_State *L)
{
	size_t ls, lsep;
	lua_Integer n = luaL_checkinteger(L, 2);

	luaL_checklstring(L, 1, &ls);
	luaL_optlstring(L, 3, "", &lsep);
	if (n > 0 && (ls > VM_MAX_STRING || lsep > VM_MAX_STRING ||
			     (lua_Unsigned)n > VM_MAX_STRING / (ls + lsep ? ls + lsep : 1)))
		return luaL_error(L, "string.rep: result over %d bytes", VM_MAX_STRING);
	if (n > 0)
		vm_spend(L, (size_t)n * (ls + lsep + 1) / 8);
	n = lua_gettop(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, (int)n, 1);
	return 1;
}

static int safe_byte(lua_State *L)
{
	size_t n, from;
	lua_Integer end;

	luaL_checklstring(L, 1, &n);
	from = start_position(L, 2, n);
	end = luaL_optinteger(L, 3, (lua_Integer)from + 1);
	if (end < 0)
		end += (lua_Integer)n + 1;
	if (end > (lua_Integer)n)
		end = (lua_Integer)n;
	if (end - (lua_Integer)from > VM_MAX_VALUES)
		return luaL_error(L, "more than %d values", VM_MAX_VALUES);
	end = lua_gettop(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, (int)end, LUA_MULTRET);
	return lua_gettop(L);
}

static int safe_format(lua_State *L)
{
	size_t n;
	int top = lua_gettop(L);

	luaL_checklstring(L, 1, &n);
	vm_spend(L, n + (size_t)top * 256);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, top, 1);
	return 1;
}

/* Expects the stock library below and ours on the top. */
void sandbox_string(lua_State *L)
{
	static const luaL_Reg ours[] = {{"find", safe_find}, {"match", safe_match},
		{"gmatch", safe_gmatch}, {"gsub", safe_gsub}, {NULL, NULL}};
	static const luaL_Reg guarded[] = {
		{"rep", safe_rep}, {"byte", safe_byte}, {"format", safe_format}, {NULL, NULL}};
	const luaL_Reg *r;

	luaL_setfuncs(L, ours, 0);
	for (r = guarded; r->name; r++) {
		lua_getfield(L, -2, r->name);
		lua_pushcclosure(L, r->func, 1);
		lua_setfield(L, -2, r->name);
	}
}
