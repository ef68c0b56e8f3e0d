/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values in an application's script and back. Objects and lists are tables, null is ar.null.
 * Inside a protected run of a sandbox (common/lua/vm.h): they raise Lua errors, and spend.
 */
#ifndef LUA_JSON_H
#define LUA_JSON_H

#include <jansson.h>
#include <lua.h>

#define LUA_JSON_DEPTH 16
#define LUA_JSON_VALUES 4096 /* in one value that leaves the script */
#define LUA_JSON_BYTES (256 * 1024) /* of its texts and names: one may stand in it many times */

void lua_json_push(lua_State *L, const json_t *j);
/* New reference, the caller's: nothing may raise until it is given away. Raises for what JSON
 * cannot say (functions, mixed tables, not finite numbers, text that is not UTF-8). */
json_t *lua_json_get(lua_State *L, int index);

#endif
