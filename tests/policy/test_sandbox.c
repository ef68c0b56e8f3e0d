/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sandbox has is what lua/.luacheckrc says it has, no more and no less; and the log of a
 * script is bounded and clean.
 */
#include "asd/policy/host.h"
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/test_sandbox.XXXXXX";
static char path[64];

static int entry(lua_State *L)
{
	sandbox_load_file(L, lua_touserdata(L, 1), "test.lua");
	lua_call(L, 0, 0);
	return 0;
}

static enum vm_status run_source(struct vm *vm, const char *src, char *err, size_t cap)
{
	struct vm_budget budget = {1000, 100000000};
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(src, f);
	fclose(f);
	vm_set_loading(vm, true);
	return vm_run(vm, entry, path, &budget, err, cap);
}

static struct vm *new_vm(void)
{
	struct vm_conf conf = {.memory = 4 << 20,
		.lib_dir = SRC_DIR "/lua/ar",
		.policy_dir = dir,
		.module = host_modules};
	struct vm *vm = NULL;

	assert_int_equal(vm_new(&vm, &conf), 0);
	return vm;
}

/* Makes a script out of .luacheckrc, in stock Lua, that touches every name. */
static const char make_script[] =
	"local rc = {}\n"
	"assert(loadfile(SRC_DIR .. '/lua/.luacheckrc', 't', rc))()\n"
	"local out, known = {}, {}\n"
	"for k, v in pairs(rc.std.read_globals) do\n"
	"  if type(k) == 'number' then\n"
	"    out[#out + 1] = 'assert(' .. v .. ' ~= nil)'\n"
	"    known[v] = true\n"
	"  else\n"
	"    known[k] = {}\n"
	"    for _, f in ipairs(v.fields) do\n"
	"      out[#out + 1] = ('assert(%s.%s ~= nil, %q)'):format(k, f, f)\n"
	"      known[k][f] = true\n"
	"    end\n"
	"  end\n"
	"end\n"
	"-- What stock Lua has and the list has not must not be there.\n"
	"for k, v in pairs(_G) do\n"
	"  if not known[k] then\n"
	"    out[#out + 1] = ('assert(not pcall(function() return %s end), %q)'):format(k, k)\n"
	"  elseif type(v) == 'table' then\n"
	"    for f in pairs(v) do\n"
	"      if not known[k][f] then\n"
	"        out[#out + 1] = ('assert(%s.%s == nil, %q)'):format(k, f, k .. '.' .. f)\n"
	"      end\n"
	"    end\n"
	"  end\n"
	"end\n"
	"return table.concat(out, '\\n'), #out\n";

static void test_luacheckrc(void **state)
{
	lua_State *L = luaL_newstate();
	struct vm *vm = new_vm();
	char err[512] = "";

	(void)state;
	luaL_openlibs(L);
	lua_pushliteral(L, SRC_DIR);
	lua_setglobal(L, "SRC_DIR");
	if (luaL_dostring(L, make_script))
		print_error("%s\n", lua_tostring(L, -1));
	assert_int_equal(lua_gettop(L), 2);
	assert_true(lua_tointeger(L, 2) > 70);
	if (run_source(vm, lua_tostring(L, 1), err, sizeof(err)) != VM_OK)
		print_error("%s\n", err);
	assert_string_equal(err, "");
	vm_free(vm);
	lua_close(L);
}

static void test_sealed(void **state)
{
	static const char src[] = "for _, t in ipairs { string, table, math, utf8 } do\n"
				  "  assert(not pcall(function() t.x = 1 end))\n"
				  "  assert(not pcall(setmetatable, t, {}))\n"
				  "  assert(getmetatable(t) == false)\n"
				  "  assert(next(t) == nil)\n"
				  "  assert(not pcall(table.insert, t, 1))\n"
				  "end\n"
				  "assert(not pcall(function() x = 1 end))\n"
				  "assert(not pcall(function() assert = nil end))\n"
				  "assert(getmetatable('') == false)\n"
				  "assert(('x'):rep(3) == 'xxx' and ('%d'):format(7) == '7')\n";
	struct vm *vm = new_vm();
	char err[512] = "";

	(void)state;
	run_source(vm, src, err, sizeof(err));
	assert_string_equal(err, "");
	vm_free(vm);
}

static void test_log(void **state)
{
	struct vm *vm = new_vm();
	char err[512] = "";

	(void)state;
	run_source(vm,
		"local h = require "
		"'ar.host'\nh.log('one\\ntwo\\27[2J')\nh.log(('x'):rep(5000))\nh.log('more')\n",
		err, sizeof(err));
	assert_string_equal(err, "");
	assert_memory_equal(vm_log(vm), "one?two?[2J\nxxx", 15);
	assert_true(strlen(vm_log(vm)) < VM_LOG_MAX);
	assert_null(strstr(vm_log(vm), "more"));
	run_source(vm, "return 1", err, sizeof(err));
	assert_string_equal(vm_log(vm), "");
	vm_free(vm);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/test.lua", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_luacheckrc),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
