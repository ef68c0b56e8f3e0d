/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A script's run cut into slices: the owner's loop goes on meanwhile (common/lua/vm.h). */
#include "common/lua/vm.h"

#include <lauxlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_US 1000
#define LONG_SLICE_US 20000 /* that a loaded machine may show for one of 1000 in CPU time */

struct run {
	const char *source;
	lua_Integer result;
};

static int finished(lua_State *L, int status, lua_KContext ctx)
{
	struct run *r = (struct run *)ctx;

	(void)status;
	r->result = lua_tointeger(L, -1);
	return 0;
}

static int entry(lua_State *L)
{
	struct run *r = lua_touserdata(L, 1);

	if (luaL_loadstring(L, r->source) != LUA_OK)
		return lua_error(L);
	lua_callk(L, 0, 1, (lua_KContext)r, finished);
	return finished(L, LUA_OK, (lua_KContext)r);
}

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

struct outcome {
	enum vm_status st;
	unsigned slices;
	uint64_t longest;
	lua_Integer result;
	char err[512];
};

static struct vm *new_vm(void)
{
	struct vm_conf conf = {.memory = 1 << 20};
	struct vm *vm = NULL;

	assert_int_equal(vm_new(&vm, &conf), 0);
	return vm;
}

static void run(struct vm *vm, const char *source, unsigned cpu_ms, struct outcome *o)
{
	struct vm_budget budget = {cpu_ms, 1000000000};
	struct run r = {.source = source};
	uint64_t t = cpu_us();

	*o = (struct outcome){.slices = 1};
	o->st = vm_start(vm, entry, &r, &budget, SLICE_US, o->err, sizeof(o->err));
	for (;;) {
		uint64_t now = cpu_us();

		if (now - t > o->longest)
			o->longest = now - t;
		if (o->st != VM_AGAIN)
			break;
		o->slices++;
		t = cpu_us();
		o->st = vm_continue(vm, o->err, sizeof(o->err));
	}
	o->result = r.result;
}

static void a_long_run_is_cut(void **state)
{
	struct vm *vm = new_vm();
	struct outcome o;

	(void)state;
	run(vm, "local n = 0 for i = 1, 3000000 do n = n + i % 7 end return n", 2000, &o);
	assert_int_equal(o.st, VM_OK);
	assert_int_equal(o.result, 8999997);
	assert_true(o.slices > 2);
	assert_true(o.longest < LONG_SLICE_US);
	assert_true(vm_used_us(vm) > SLICE_US);
	vm_free(vm);
}

static void a_short_run_is_not(void **state)
{
	struct vm *vm = new_vm();
	struct outcome o;

	(void)state;
	run(vm, "return 7", 2000, &o);
	assert_int_equal(o.st, VM_OK);
	assert_int_equal(o.result, 7);
	assert_int_equal(o.slices, 1);
	vm_free(vm);
}

static void the_budget_is_for_all_slices(void **state)
{
	struct vm *vm = new_vm();
	struct outcome o;

	(void)state;
	run(vm, "while true do end", 20, &o);
	assert_int_equal(o.st, VM_TIMEOUT);
	assert_non_null(strstr(o.err, "CPU time limit of 20 ms"));
	assert_true(o.slices >= 5 && o.slices <= 40);
	run(vm, "return 1", 20, &o); /* the state is as good as before */
	assert_int_equal(o.st, VM_OK);
	vm_free(vm);
}

static void an_error_in_a_later_slice(void **state)
{
	struct vm *vm = new_vm();
	struct outcome o;

	(void)state;
	run(vm, "for i = 1, 2000000 do end local t = nil return t.x", 2000, &o);
	assert_int_equal(o.st, VM_ERROR);
	assert_non_null(strstr(o.err, "nil"));
	assert_true(o.slices > 1);
	vm_free(vm);
}

static void given_up(void **state)
{
	struct vm_budget budget = {2000, 1000000000};
	struct run r = {.source = "while true do end"};
	struct vm *vm = new_vm();
	struct outcome o;
	size_t before;

	(void)state;
	assert_int_equal(vm_start(vm, entry, &r, &budget, SLICE_US, NULL, 0), VM_AGAIN);
	vm_cancel(vm);
	vm_cancel(vm);
	assert_int_equal(vm_continue(vm, NULL, 0), VM_OK); /* nothing to go on with */
	before = vm_memory(vm);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(vm_start(vm, entry, &r, &budget, SLICE_US, NULL, 0), VM_AGAIN);
		vm_cancel(vm);
	}
	vm_collect(vm);
	assert_true(vm_memory(vm) <= before + 4096);
	run(vm, "return 3", 100, &o);
	assert_int_equal(o.result, 3);
	vm_free(vm);
}

/* A new start while another is suspended ends the old one. */
static void started_over(void **state)
{
	struct vm_budget budget = {2000, 1000000000};
	struct run r = {.source = "while true do end"};
	struct vm *vm = new_vm();
	struct outcome o;

	(void)state;
	assert_int_equal(vm_start(vm, entry, &r, &budget, SLICE_US, NULL, 0), VM_AGAIN);
	run(vm, "return 4", 100, &o);
	assert_int_equal(o.st, VM_OK);
	assert_int_equal(o.result, 4);
	vm_free(vm);
}

static void memory_in_a_later_slice(void **state)
{
	struct vm *vm = new_vm();
	struct outcome o;

	(void)state;
	run(vm, "for i = 1, 2000000 do end local t = {} for i = 1, 1e9 do t[i] = {i} end", 5000,
		&o);
	assert_int_equal(o.st, VM_NOMEM);
	assert_true(o.slices > 1);
	assert_true(o.longest < LONG_SLICE_US);
	vm_free(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_run_is_cut),
		cmocka_unit_test(a_short_run_is_not),
		cmocka_unit_test(the_budget_is_for_all_slices),
		cmocka_unit_test(an_error_in_a_later_slice),
		cmocka_unit_test(given_up),
		cmocka_unit_test(started_over),
		cmocka_unit_test(memory_in_a_later_slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
