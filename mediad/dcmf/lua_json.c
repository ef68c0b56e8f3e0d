/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/lua_json.h"

#include "common/ar_span.h"
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <lauxlib.h>
#include <math.h>

#define VALUE_COST 32 /* steps of vm_spend() */

/* ---- to Lua ---- */

static void push_list(lua_State *L, const json_t *j)
{
	size_t i;
	json_t *v;

	lua_createtable(L, (int)json_array_size(j), 0);
	json_array_foreach(j, i, v)
	{
		lua_json_push(L, v);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void push_object(lua_State *L, const json_t *j)
{
	json_t *o = (json_t *)(uintptr_t)j; /* jansson's iterators are not const */
	const char *key;
	json_t *v;

	lua_createtable(L, 0, (int)json_object_size(j));
	json_object_foreach(o, key, v)
	{
		lua_json_push(L, v);
		lua_setfield(L, -2, key);
	}
}

void lua_json_push(lua_State *L, const json_t *j)
{
	vm_spend(L, VALUE_COST);
	luaL_checkstack(L, 4, "too deep");
	switch (j ? json_typeof(j) : JSON_NULL) {
	case JSON_OBJECT:
		push_object(L, j);
		break;
	case JSON_ARRAY:
		push_list(L, j);
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(j));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(j));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(j));
		break;
	case JSON_NULL:
		lua_pushlightuserdata(L, NULL);
		break;
	}
}

/* ---- from Lua: first looked at, which may raise, then built, which may not ---- */

struct look {
	unsigned values, depth;
	size_t bytes;
};

static bool is_utf8(struct ar_span s)
{
	json_t *j = json_stringn(s.p, s.n);

	json_decref(j);
	return j != NULL;
}

static struct ar_span text_at(lua_State *L, int index)
{
	struct ar_span s;

	s.p = lua_tolstring(L, index, &s.n);
	return s;
}

static void look_at(lua_State *L, int index, struct look *k);

static void look_at_text(lua_State *L, struct ar_span s, struct look *k, const char *what)
{
	vm_spend(L, s.n);
	k->bytes += s.n;
	if (k->bytes > LUA_JSON_BYTES)
		sandbox_fail(L, "more than %d bytes of text", LUA_JSON_BYTES);
	if (!is_utf8(s))
		sandbox_fail(L, "%s is not UTF-8 text", what);
}

static void look_at_table(lua_State *L, int index, struct look *k)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, index), found = 0;

	if (++k->depth > LUA_JSON_DEPTH)
		sandbox_fail(L, "tables are nested deeper than %d", LUA_JSON_DEPTH);
	lua_pushnil(L);
	while (lua_next(L, index)) {
		if (n && (!lua_isinteger(L, -2) || lua_tointeger(L, -2) > n ||
				 lua_tointeger(L, -2) < 1))
			sandbox_fail(L, "a table has names or is a list from 1 on, not both");
		if (!n && lua_type(L, -2) != LUA_TSTRING)
			sandbox_fail(L, "a name is not UTF-8 text");
		if (!n)
			look_at_text(L, text_at(L, -2), k, "a name");
		found++;
		look_at(L, lua_gettop(L), k);
		lua_pop(L, 1);
	}
	if (n && found != n)
		sandbox_fail(L, "a list has holes");
	k->depth--;
}

static void look_at(lua_State *L, int index, struct look *k)
{
	vm_spend(L, VALUE_COST);
	luaL_checkstack(L, 8, "too deep");
	if (++k->values > LUA_JSON_VALUES)
		sandbox_fail(L, "more than %d values", LUA_JSON_VALUES);
	switch (lua_type(L, index)) {
	case LUA_TTABLE:
		look_at_table(L, index, k);
		break;
	case LUA_TSTRING:
		look_at_text(L, text_at(L, index), k, "a text");
		break;
	case LUA_TNUMBER:
		if (!isfinite(lua_tonumber(L, index)))
			sandbox_fail(L, "a number is not finite");
		break;
	case LUA_TBOOLEAN:
	case LUA_TLIGHTUSERDATA:
		break;
	default:
		sandbox_fail(L, "a %s cannot be sent", luaL_typename(L, index));
	}
}

static json_t *build(lua_State *L, int index);

/* A failed allocation leaves a gap here, and the whole is dropped by its owner's check. */
static json_t *build_list(lua_State *L, int index)
{
	size_t n = lua_rawlen(L, index);
	json_t *j = json_array();

	for (size_t i = 1; j && i <= n; i++) {
		lua_rawgeti(L, index, (lua_Integer)i);
		if (json_array_append_new(j, build(L, lua_gettop(L))) != 0) {
			json_decref(j);
			j = NULL;
		}
		lua_pop(L, 1);
	}
	return j;
}

static json_t *build_object(lua_State *L, int index)
{
	json_t *j = json_object();

	lua_pushnil(L);
	while (lua_next(L, index)) {
		if (j &&
			json_object_set_new(j, lua_tostring(L, -2), build(L, lua_gettop(L))) != 0) {
			json_decref(j);
			j = NULL;
		}
		lua_pop(L, 1);
	}
	return j;
}

static json_t *build(lua_State *L, int index)
{
	struct ar_span s;

	switch (lua_type(L, index)) {
	case LUA_TTABLE:
		return lua_rawlen(L, index) ? build_list(L, index) : build_object(L, index);
	case LUA_TSTRING:
		s = text_at(L, index);
		return json_stringn(s.p, s.n);
	case LUA_TNUMBER:
		return lua_isinteger(L, index) ? json_integer(lua_tointeger(L, index))
					       : json_real(lua_tonumber(L, index));
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, index));
	default:
		return json_null();
	}
}

json_t *lua_json_get(lua_State *L, int index)
{
	struct look k = {0};
	json_t *j;

	index = lua_absindex(L, index);
	look_at(L, index, &k);
	luaL_checkstack(L, 4 * LUA_JSON_DEPTH, "too deep");
	j = build(L, index);
	if (!j)
		luaL_error(L, "out of memory");
	return j;
}
