/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT_COST 64 /* a step over the holes of a large table */

/* Registry keys, by address. */
static char env_key, modules_key;

/* ---- sealing ---- */

static int refuse_write(lua_State *L)
{
	return luaL_error(L,
		"'%s' cannot be set here: the library and globals are read-only, "
		"use a local",
		lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2));
}

/* What Lua has elsewhere. */
static bool left_out(const char *name)
{
	static const char *const names[] = {"collectgarbage", "coroutine", "debug", "dofile", "io",
		"load", "loadfile", "loadstring", "os", "package", "print", "rawset", "warn",
		"xpcall"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static int refuse_unknown(lua_State *L)
{
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);

	return luaL_error(L, "'%s' is not defined%s", name,
		strcmp(name, "print") == 0 ? ": scripts here write with ar.log(text)"
		: left_out(name)           ? ": the sandbox does not have it"
					   : " (misspelt, or its 'local' is missing)");
}

void sandbox_seal(lua_State *L)
{
	lua_createtable(L, 0, 0);
	lua_createtable(L, 0, 3);
	lua_rotate(L, -3, -1); /* view, metatable, table */
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, refuse_write);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
}

/* A name that is not there is an error: catches misspellings when the policy loads. */
static void refuse_unknown_names(lua_State *L)
{
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, refuse_unknown);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
}

int sandbox_fail(lua_State *L, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	lua_Debug ar;
	int level;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (level = 1; lua_getstack(L, level, &ar); level++) {
		if (!lua_getinfo(L, "Sl", &ar) || ar.currentline < 0)
			continue;
		if (strncmp(ar.short_src, "ar/", 3) == 0)
			continue;
		lua_pushfstring(L, "%s:%d: %s", ar.short_src, ar.currentline, text);
		return lua_error(L);
	}
	if (vm_place(vm_of(L))[0])
		lua_pushfstring(L, "%s: %s", vm_place(vm_of(L)), text);
	else
		lua_pushstring(L, text);
	return lua_error(L);
}

/* ---- base ---- */

static int safe_next(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	vm_spend(L, NEXT_COST);
	if (lua_next(L, 1))
		return 2;
	lua_pushnil(L);
	return 1;
}

static int safe_pairs(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushcfunction(L, safe_next);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* __gc and __close run when no limit holds; weak tables can make a collection quadratic. */
static int safe_setmetatable(lua_State *L)
{
	static const char *const refused[] = {"__gc", "__close", "__mode"};
	size_t i;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
	lua_settop(L, 2);
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	for (i = 0; lua_istable(L, 2) && i < sizeof(refused) / sizeof(*refused); i++) {
		lua_pushstring(L, refused[i]);
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "metatables with %s are not allowed", refused[i]);
		lua_pop(L, 1);
	}
	lua_settop(L, 2);
	lua_setmetatable(L, 1);
	return 1;
}

static int safe_random(lua_State *L)
{
	uint64_t r = vm_random(vm_of(L));
	lua_Integer low = 1, high;

	switch (lua_gettop(L)) {
	case 0:
		lua_pushnumber(L, (lua_Number)(r >> 11) * (0.5 / ((uint64_t)1 << 52)));
		return 1;
	case 1:
		high = luaL_checkinteger(L, 1);
		break;
	default:
		low = luaL_checkinteger(L, 1);
		high = luaL_checkinteger(L, 2);
	}
	luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
	if ((lua_Unsigned)high - (lua_Unsigned)low == UINT64_MAX)
		lua_pushinteger(L, (lua_Integer)r);
	else
		lua_pushinteger(L, (lua_Integer)((lua_Unsigned)low +
						 r % ((lua_Unsigned)high - (lua_Unsigned)low + 1)));
	return 1;
}

static int safe_codepoint(lua_State *L)
{
	size_t n;
	lua_Integer i, j;

	luaL_checklstring(L, 1, &n);
	i = luaL_optinteger(L, 2, 1);
	j = luaL_optinteger(L, 3, i);
	if (i < 0)
		i += (lua_Integer)n + 1;
	if (j < 0)
		j += (lua_Integer)n + 1;
	if (i > 0 && j > i && j - i >= VM_MAX_VALUES)
		return luaL_error(L, "more than %d values", VM_MAX_VALUES);
	n = (size_t)lua_gettop(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, (int)n, LUA_MULTRET);
	return lua_gettop(L);
}

/* ---- files and modules ---- */

static int check_file(int fd, size_t max, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	if (st.st_size < 0 || (uint64_t)st.st_size > max)
		return -EFBIG;
	*size = (size_t)st.st_size;
	return 0;
}

/* Up to size bytes; less when the file has shrunk meanwhile. */
static ssize_t read_all(int fd, char *p, size_t size)
{
	size_t have = 0;
	ssize_t got;

	while (have < size) {
		got = read(fd, p + have, size - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int sandbox_read_file(const char *path, size_t max, char **bytes, size_t *n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	size_t size = 0;
	ssize_t got = -ENOMEM;
	char *p = NULL;

	if (fd < 0)
		return -errno;
	err = check_file(fd, max, &size);
	if (err)
		goto out;
	p = malloc(size + 1);
	if (p)
		got = read_all(fd, p, size);
	err = got < 0 ? (int)got : 0;
out:
	close(fd);
	if (err) {
		free(p);
		return err;
	}
	p[got] = '\0';
	*bytes = p;
	*n = (size_t)got;
	return 0;
}

static const char *file_error(int err)
{
	if (err == -EISDIR)
		return "not a regular file";
	if (err == -EFBIG)
		return "too large";
	return strerror(-err);
}

/* Borrowed from the owner's store, or *own, to be freed. */
static int get_source(struct vm *vm, const char *path, const char **text, size_t *n, char **own)
{
	const struct vm_conf *conf = vm_conf(vm);
	int err;

	*own = NULL;
	if (conf->source)
		return conf->source(vm_user(vm), path, text, n);
	err = sandbox_read_file(path, VM_MAX_SOURCE, own, n);
	*text = *own;
	return err;
}

/* module: who asks for it with require, or NULL. */
static int fail_file(lua_State *L, const char *path, const char *module, int err)
{
	if (!module || err != -ENOENT)
		return sandbox_fail(L, "%s: %s%s", path, file_error(err),
			err == -EACCES ? "; the daemon's user must be able to read it" : "");
	if (strncmp(module, "ar.", 3) == 0)
		return sandbox_fail(L, "require '%s': the library has no %s", module, path);
	return sandbox_fail(
		L, "require '%s': there is no %s; it loads files beside the script", module, path);
}

static void load_file(lua_State *L, const char *path, const char *chunk_name, const char *module)
{
	char name[SANDBOX_MAX_MODULE_NAME + 16], *own;
	const char *text = NULL;
	size_t n = 0;
	int err = get_source(vm_of(L), path, &text, &n, &own);

	snprintf(name, sizeof(name), "@%s", chunk_name);
	if (!err && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* as lua itself does */
		text += 3;
		n -= 3;
	}
	if (!err && luaL_loadbufferx(L, text, n, name, "t") != LUA_OK)
		err = 1;
	free(own);
	if (err == 1)
		lua_error(L);
	else if (err)
		fail_file(L, path, module, err);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key);
	lua_setupvalue(L, -2, 1);
}

void sandbox_load_file(lua_State *L, const char *path, const char *chunk_name)
{
	load_file(L, path, chunk_name, NULL);
}

/* Lower case words joined by dots: nothing that leaves the folder. */
static bool good_module_name(const char *s)
{
	const char *p;
	bool word = false;

	for (p = s; *p; p++) {
		if (*p == '.' && !word)
			return false;
		if (*p != '.' && *p != '_' && !(*p >= 'a' && *p <= 'z') &&
			!(*p >= '0' && *p <= '9'))
			return false;
		word = *p != '.';
	}
	return word && p - s < SANDBOX_MAX_MODULE_NAME;
}

static void push_module(lua_State *L, const char *name)
{
	struct vm *vm = vm_of(L);
	bool lib = strncmp(name, "ar.", 3) == 0;
	char path[4096], chunk[SANDBOX_MAX_MODULE_NAME + 8], *p;
	const char *file;

	for (const struct vm_module *m = vm_conf(vm)->module; m && m->name; m++) {
		if (strcmp(name, m->name) == 0) {
			m->open(L);
			return;
		}
	}
	snprintf(chunk, sizeof(chunk), "%s", name);
	for (p = chunk; *p; p++)
		if (*p == '.')
			*p = '/';
	snprintf(p, sizeof(chunk) - (size_t)(p - chunk), ".lua");
	file = lib ? chunk + 3 : chunk;
	snprintf(path, sizeof(path), "%s/%s", lib ? vm_lib_dir(vm) : vm_policy_dir(vm), file);
	load_file(L, path, chunk, name);
	lua_call(L, 0, 1);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushboolean(L, 1);
	}
}

static int safe_require(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	lua_Integer count;

	if (!good_module_name(name))
		return sandbox_fail(L, "require: '%s' is not a module name", name);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
	if (lua_getfield(L, -1, name) == LUA_TSTRING)
		return sandbox_fail(L, "require: '%s' requires itself", name);
	if (!lua_isnil(L, -1))
		return 1;
	if (!vm_loading(vm_of(L)))
		return sandbox_fail(L, "require '%s': works only while the script loads", name);
	lua_pop(L, 1);
	lua_rawgeti(L, -1, 1);
	count = lua_tointeger(L, -1) + 1;
	lua_pop(L, 1);
	if (count > SANDBOX_MAX_MODULES)
		return sandbox_fail(L, "require: more than %d modules", SANDBOX_MAX_MODULES);
	lua_pushinteger(L, count);
	lua_rawseti(L, -2, 1);
	lua_pushliteral(L, "loading");
	lua_setfield(L, -2, name);
	push_module(L, name);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, name);
	return 1;
}

void sandbox_require(lua_State *L, const char *name)
{
	lua_pushcfunction(L, safe_require);
	lua_pushstring(L, name);
	lua_call(L, 1, 1);
}

/* ---- the environment ---- */

/* Moves the named fields of the table at src into the table on the top. */
static void copy_fields(lua_State *L, int src, const char *const *names)
{
	for (; *names; names++) {
		lua_getfield(L, src, *names);
		lua_setfield(L, -2, *names);
	}
}

static void add_base(lua_State *L)
{
	static const char *const kept[] = {"assert", "error", "getmetatable", "ipairs", "pcall",
		"rawequal", "rawget", "rawlen", "select", "tonumber", "tostring", "type",
		"_VERSION", NULL};
	static const luaL_Reg ours[] = {{"next", safe_next}, {"pairs", safe_pairs},
		{"setmetatable", safe_setmetatable}, {"require", safe_require}, {NULL, NULL}};

	lua_pushcfunction(L, luaopen_base);
	lua_call(L, 0, 1);
	lua_insert(L, -2);
	copy_fields(L, -2, kept);
	luaL_setfuncs(L, ours, 0);
	lua_remove(L, -2);
}

static void add_string(lua_State *L)
{
	static const char *const kept[] = {
		"byte", "char", "format", "len", "lower", "reverse", "sub", "upper", NULL};

	lua_pushcfunction(L, luaopen_string);
	lua_call(L, 0, 1);
	lua_createtable(L, 0, 16);
	copy_fields(L, -2, kept);
	sandbox_string(L);
	/* The metatable of all strings: methods only, no arithmetic, locked. */
	lua_pushliteral(L, "");
	lua_createtable(L, 0, 2);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
	sandbox_seal(L);
	lua_setfield(L, -3, "string");
	lua_pop(L, 1);
}

static void add_table(lua_State *L)
{
	lua_pushcfunction(L, luaopen_table);
	lua_call(L, 0, 1);
	sandbox_table(L);
	sandbox_seal(L);
	lua_setfield(L, -2, "table");
}

/* By name: what a build of Lua has beside them differs. */
static void add_math(lua_State *L)
{
	static const char *const kept[] = {"abs", "acos", "asin", "atan", "ceil", "cos", "deg",
		"exp", "floor", "fmod", "huge", "log", "max", "maxinteger", "min", "mininteger",
		"modf", "pi", "rad", "sin", "sqrt", "tan", "tointeger", "type", "ult", NULL};

	lua_pushcfunction(L, luaopen_math);
	lua_call(L, 0, 1);
	lua_createtable(L, 0, 32);
	copy_fields(L, -2, kept);
	lua_pushcfunction(L, safe_random);
	lua_setfield(L, -2, "random");
	sandbox_seal(L);
	lua_setfield(L, -3, "math");
	lua_pop(L, 1);
}

static void add_utf8(lua_State *L)
{
	lua_pushcfunction(L, luaopen_utf8);
	lua_call(L, 0, 1);
	lua_getfield(L, -1, "codepoint");
	lua_pushcclosure(L, safe_codepoint, 1);
	lua_setfield(L, -2, "codepoint");
	sandbox_seal(L);
	lua_setfield(L, -2, "utf8");
}

void sandbox_open(lua_State *L)
{
	lua_createtable(L, 0, 32);
	add_base(L);
	add_string(L);
	add_table(L);
	add_math(L);
	add_utf8(L);
	refuse_unknown_names(L);
	sandbox_seal(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);
	lua_createtable(L, 1, 16);
	lua_pushinteger(L, 0);
	lua_rawseti(L, -2, 1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
	/* The stock libraries and globals are out of reach; free them. */
	lua_createtable(L, 0, 0);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
