/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a script can reach: base, string, table, math and utf8 without what loads code, does
 * I/O, starts coroutines or sets finalizers; all sealed read-only; its own require. An undefined
 * global is an error, and so is defining one.
 *
 * Called by vm.c (open) and who loads scripts, inside protected calls; may raise Lua errors.
 */
#ifndef AR_LUA_SANDBOX_H
#define AR_LUA_SANDBOX_H

#include <lua.h>
#include <stddef.h>

#define SANDBOX_MAX_MODULES 64
#define SANDBOX_MAX_MODULE_NAME 64

/* Builds the environment; once per state. */
void sandbox_open(lua_State *L);

/* Pushes a read-only view of the table on the top in its place. */
void sandbox_seal(lua_State *L);

/* Raises text as an error at the nearest line of the operator's own files, so that a mistake in
 * the use of a library function is reported where it was made. */
int sandbox_fail(lua_State *L, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Compiles the file and pushes its function; raises "policy.lua:3: ...". */
void sandbox_load_file(lua_State *L, const char *path, const char *chunk_name);

/* Pushes what require(name) gives. */
void sandbox_require(lua_State *L, const char *name);

/* A regular file's bytes, malloc'd. 0, -errno, -EISDIR (not a regular file) or -EFBIG. */
int sandbox_read_file(const char *path, size_t max, char **bytes, size_t *n);

/* Of sandbox_string.c and sandbox_table.c: replaces what is dangerous in the library table on the
 * top. */
void sandbox_string(lua_State *L);
void sandbox_table(lua_State *L);

#endif
