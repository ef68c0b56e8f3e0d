/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table.*: the stock functions behind a check of what they will cost. */
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <lauxlib.h>

static int call_stock(lua_State *L)
{
	int n = lua_gettop(L);

	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, LUA_MULTRET);
	return lua_gettop(L);
}

/* A plain table; with a metatable its length and elements could be anything. */
static size_t plain_table(lua_State *L, int arg)
{
	luaL_checktype(L, arg, LUA_TTABLE);
	if (lua_getmetatable(L, arg))
		luaL_argerror(L, arg, "a table with a metatable");
	return lua_rawlen(L, arg);
}

static int safe_shift(lua_State *L)
{
	size_t n = plain_table(L, 1);
	bool insert = lua_toboolean(L, lua_upvalueindex(2));

	/* An append or a removal at the end moves nothing. */
	if (lua_gettop(L) > (insert ? 2 : 1))
		vm_spend(L, n * 4);
	return call_stock(L);
}

static int safe_concat(lua_State *L)
{
	size_t n = plain_table(L, 1);

	vm_spend(L, n * 8);
	return call_stock(L);
}

static int safe_unpack(lua_State *L)
{
	lua_Integer i, j;

	i = luaL_optinteger(L, 2, 1);
	j = luaL_opt(L, luaL_checkinteger, 3, (lua_Integer)plain_table(L, 1));
	plain_table(L, 1);
	if (i <= j && (lua_Unsigned)j - (lua_Unsigned)i >= VM_MAX_VALUES)
		return luaL_error(L, "more than %d values", VM_MAX_VALUES);
	return call_stock(L);
}

static int safe_move(lua_State *L)
{
	lua_Integer f = luaL_checkinteger(L, 2), e = luaL_checkinteger(L, 3);

	plain_table(L, 1);
	if (!lua_isnoneornil(L, 5))
		plain_table(L, 5);
	if (f <= e && (lua_Unsigned)e - (lua_Unsigned)f >= VM_MAX_SORT)
		return luaL_error(L, "more than %d elements", VM_MAX_SORT);
	if (f <= e)
		vm_spend(L, (size_t)(e - f) * 8);
	return call_stock(L);
}

/* One comparison of table.sort, so that its loop in C spends from the budget too. */
static int compare(lua_State *L)
{
	lua_settop(L, 2);
	vm_spend(L, 8 + lua_rawlen(L, 1) / 8);
	if (lua_isnil(L, lua_upvalueindex(1))) {
		lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
		return 1;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

static int safe_sort(lua_State *L)
{
	size_t n = plain_table(L, 1);

	if (n > VM_MAX_SORT)
		return luaL_error(L, "more than %d elements", VM_MAX_SORT);
	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	lua_pushcclosure(L, compare, 1);
	return call_stock(L);
}

void sandbox_table(lua_State *L)
{
	static const luaL_Reg guarded[] = {{"insert", safe_shift}, {"remove", safe_shift},
		{"concat", safe_concat}, {"unpack", safe_unpack}, {"move", safe_move},
		{"sort", safe_sort}, {NULL, NULL}};
	const luaL_Reg *r;

	for (r = guarded; r->name; r++) {
		lua_getfield(L, -1, r->name);
		lua_pushboolean(L, r == guarded);
		lua_pushcclosure(L, r->func, 2);
		lua_setfield(L, -2, r->name);
	}
}
