/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/lua/vm.h"
#include "common/lua/sandbox.h"

#include "common/ar_buf.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPEND_SLICE 1024 /* steps between two looks at the clock */
#define STEPS_PER_INSTRUCTION 4 /* of library work, charged to the instruction limit */
#define CPU_AFTER_NS 500000 /* below this much wall time the CPU clock is not asked */
/* Over its slice, what cannot be left (a library function, a callback of one) is ended: a slice of
 * 1 ms stalls nobody for 2 ms. */
#define OVERTIME(slice) ((slice) / 2)
#define MAX_REFUSALS 2
#define ALLOC_SLICE (128 * 1024) /* bytes between two looks at the clock */
#define GC_SLICE_KB 64
#define GC_SLACK (96 * 1024) /* garbage left alone */
#define TRACE_LEVELS 6

struct vm {
	lua_State *L, *co;
	int co_ref;
	struct vm_conf conf;
	char *lib_dir, *policy_dir;
	bool loading;
	/* memory */
	size_t used, live, allocated;
	unsigned refusals;
	/* the current run */
	bool running, fast_hook, collecting;
	bool again, suspended; /* a slice is over; between two slices */
	bool stuck; /* stopped where a slice could not be left */
	uint64_t slice_ns, slice_end; /* 0: no slices; cpu_used() at which this one is over */
	uint64_t took_ns; /* of all slices */
	enum vm_status stop; /* VM_OK: may go on */
	struct vm_budget budget;
	int64_t left; /* instructions */
	size_t spent; /* steps since the last look */
	uint64_t wall0, cpu0;
	uint64_t cpu_before; /* charged for the time before cpu0 was read */
	uint64_t cpu_earlier; /* used before vm_pause() */
	uint64_t random;
	char log[VM_LOG_MAX];
	size_t log_n;
	char place[128]; /* where the script was last while it loaded */
};

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- limits ---- */

static void on_count(lua_State *L, lua_Debug *ar);

/* Also called from the allocator: lua_sethook() may be called at any moment. */
static void hook_every(struct vm *vm, int count)
{
	int lines = vm->loading ? LUA_MASKLINE : 0;

	vm->fast_hook = count == 1;
	lua_sethook(vm->co, on_count, LUA_MASKCOUNT | lines, count);
}

static void stop(struct vm *vm, enum vm_status why)
{
	if (vm->stop == VM_OK)
		vm->stop = why;
	hook_every(vm, 1);
}

/*
 * Thread CPU time costs a system call, the wall clock does not, and CPU time is never more than
 * wall time: so short runs never ask for it. The time before the first asking counts in full, but
 * no more than twice CPU_AFTER_NS, because the process may not have had the processor.
 */
static uint64_t cpu_used(struct vm *vm)
{
	uint64_t wall = clock_ns(CLOCK_MONOTONIC) - vm->wall0;

	if (wall < CPU_AFTER_NS)
		return vm->cpu_earlier;
	if (!vm->cpu0) {
		vm->cpu0 = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		vm->cpu_before = wall < 2 * CPU_AFTER_NS ? wall : 2 * CPU_AFTER_NS;
		return vm->cpu_earlier + vm->cpu_before;
	}
	return vm->cpu_earlier + vm->cpu_before + clock_ns(CLOCK_THREAD_CPUTIME_ID) - vm->cpu0;
}

void vm_pause(struct vm *vm)
{
	vm->cpu_earlier = cpu_used(vm);
}

void vm_resume(struct vm *vm)
{
	vm->cpu0 = 0;
	vm->wall0 = clock_ns(CLOCK_MONOTONIC);
}

static bool in_time(struct vm *vm)
{
	if (vm->stop != VM_OK)
		return false;
	if (vm->left <= 0 || cpu_used(vm) >= (uint64_t)vm->budget.cpu_ms * 1000000u) {
		stop(vm, VM_TIMEOUT);
		return false;
	}
	return true;
}

static void stop_stuck(struct vm *vm)
{
	vm->stuck = vm->stop == VM_OK;
	stop(vm, VM_TIMEOUT);
}

/* Inside a library function no hook looks at the slice. */
static bool in_slice(struct vm *vm)
{
	if (!vm->slice_ns || cpu_used(vm) < vm->slice_end + OVERTIME(vm->slice_ns))
		return true;
	stop_stuck(vm);
	return false;
}

/* Is the slice over? Where it cannot be left it may be half as long again. */
static bool slice_over(struct vm *vm, lua_State *L)
{
	uint64_t used;

	if (!vm->slice_ns)
		return false;
	used = cpu_used(vm);
	if (used < vm->slice_end)
		return false;
	if (lua_isyieldable(L))
		return true;
	if (used >= vm->slice_end + OVERTIME(vm->slice_ns))
		stop_stuck(vm);
	return false;
}

/* A tail call ("return ar.new ...") leaves no line behind for messages: it is remembered. */
static void on_line(struct vm *vm, lua_State *L, lua_Debug *ar)
{
	if (lua_getinfo(L, "S", ar) && strncmp(ar->short_src, "ar/", 3) != 0)
		snprintf(vm->place, sizeof(vm->place), "%s:%d", ar->short_src, ar->currentline);
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	struct vm *vm = vm_of(L);

	if (ar->event == LUA_HOOKLINE) {
		on_line(vm, L, ar);
		return;
	}
	if (vm->stop == VM_OK) {
		vm->left -= vm->fast_hook ? 1 : VM_HOOK_COUNT;
		vm->allocated = 0;
		if (in_time(vm)) {
			if (vm->fast_hook)
				hook_every(vm, VM_HOOK_COUNT);
			vm->again = slice_over(vm, L);
			if (vm->again)
				lua_yield(L, 0);
			if (vm->again || vm->stop == VM_OK)
				return;
		}
	}
	if (lua_isyieldable(L))
		lua_yield(L, 0);
	else
		luaL_error(L, "limit reached");
}

bool vm_may_spend(lua_State *L, size_t n)
{
	struct vm *vm = vm_of(L);

	if (!vm->running || vm->conf.unlimited)
		return true;
	vm->spent += n;
	if (vm->spent < SPEND_SLICE)
		return vm->stop == VM_OK;
	vm->left -= (int64_t)(vm->spent / STEPS_PER_INSTRUCTION);
	vm->spent = 0;
	return in_time(vm) && in_slice(vm);
}

void vm_spend(lua_State *L, size_t n)
{
	if (!vm_may_spend(L, n))
		luaL_error(L, "limit reached");
}

static bool refuse(struct vm *vm, size_t osize, size_t nsize, bool fresh)
{
	size_t grow = nsize - osize;

	if (!vm->running || vm->conf.unlimited)
		return false; /* setting up and clearing away: nothing of the script's */
	if (vm->stop == VM_NOMEM)
		return true;
	if (fresh && nsize > VM_MAX_STRING + 64) {
		stop(vm, VM_NOMEM);
		return true;
	}
	if (grow <= vm->conf.memory && vm->used <= vm->conf.memory - grow)
		return false;
	/* Lua now collects everything, some milliseconds, and asks again. */
	if (++vm->refusals >= MAX_REFUSALS || cpu_used(vm) > (uint64_t)vm->budget.cpu_ms * 500000u)
		stop(vm, VM_NOMEM);
	return true;
}

static void *vm_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
	struct vm *vm = ud;
	bool string = !ptr && osize == LUA_TSTRING;
	void *p;

	if (!ptr)
		osize = 0; /* it was the type of the new object */
	if (nsize == 0) {
		free(ptr);
		vm->used -= osize;
		return NULL;
	}
	if (nsize > osize && refuse(vm, osize, nsize, string))
		return NULL;
	p = realloc(ptr, nsize);
	if (!p && nsize > osize)
		return NULL;
	if (!p)
		p = ptr; /* Lua counts on shrinking */
	vm->used = vm->used - osize + nsize;
	vm->allocated += nsize;
	if (vm->allocated > ALLOC_SLICE && vm->running && !vm->fast_hook && !vm->conf.unlimited) {
		vm->allocated = 0;
		hook_every(vm, 1);
	}
	return p;
}

/* ---- life ---- */

static int setup(lua_State *L)
{
	struct vm *vm = lua_touserdata(L, 1);

	vm->co = lua_newthread(L);
	vm->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	sandbox_open(L);
	return 0;
}

int vm_new(struct vm **vmp, const struct vm_conf *conf)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return -ENOMEM;
	vm->conf = *conf;
	vm->lib_dir = strdup(conf->lib_dir ? conf->lib_dir : ".");
	vm->policy_dir = strdup(conf->policy_dir ? conf->policy_dir : ".");
	vm->L = lua_newstate(vm_alloc, vm);
	if (!vm->lib_dir || !vm->policy_dir || !vm->L)
		goto fail;
	lua_gc(vm->L, LUA_GCSTOP);
	lua_pushcfunction(vm->L, setup);
	lua_pushlightuserdata(vm->L, vm);
	if (lua_pcall(vm->L, 1, 0, 0) != LUA_OK)
		goto fail;
	vm_collect(vm);
	*vmp = vm;
	return 0;
fail:
	vm_free(vm);
	return -ENOMEM;
}

void vm_free(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->L)
		lua_close(vm->L);
	free(vm->lib_dir);
	free(vm->policy_dir);
	free(vm);
}

/* ---- a run ---- */

static void begin(struct vm *vm, const struct vm_budget *budget)
{
	vm->budget = *budget;
	vm->left = budget->instructions > INT64_MAX ? INT64_MAX : (int64_t)budget->instructions;
	vm->stop = VM_OK;
	vm->stuck = false;
	vm->refusals = 0;
	vm->allocated = 0;
	vm->spent = 0;
	vm->cpu0 = 0;
	vm->cpu_earlier = 0;
	vm->log_n = 0;
	vm->log[0] = '\0';
	vm->place[0] = '\0';
	vm->wall0 = clock_ns(CLOCK_MONOTONIC);
	vm->took_ns = 0;
	if (!vm->conf.unlimited)
		hook_every(vm, VM_HOOK_COUNT);
	vm->running = true;
}

static const char *limit_text(const struct vm *vm, char *buf, size_t cap)
{
	if (vm->stop == VM_NOMEM)
		snprintf(buf, cap, "memory limit of %zu KiB reached", vm->conf.memory / 1024);
	else if (vm->stuck)
		snprintf(buf, cap, "one call of a library function took more than %llu ms",
			(unsigned long long)(vm->slice_ns / 1000000));
	else if (vm->left <= 0)
		snprintf(buf, cap, "limit of %llu instructions reached",
			(unsigned long long)vm->budget.instructions);
	else
		snprintf(buf, cap, "CPU time limit of %u ms reached", vm->budget.cpu_ms);
	return buf;
}

/* Where the coroutine stands. Neither allocates nor runs anything of the script. */
static void add_trace(lua_State *co, struct ar_buf *b)
{
	lua_Debug ar;
	int level, shown = 0;

	for (level = 0; shown < TRACE_LEVELS && lua_getstack(co, level, &ar); level++) {
		if (!lua_getinfo(co, "Sl", &ar) || ar.currentline < 0)
			continue;
		ar_buf_printf(b, "%s%s:%d", shown ? " < " : " [", ar.short_src, ar.currentline);
		shown++;
	}
	if (shown)
		ar_buf_add_str(b, "]");
}

static void explain(struct vm *vm, enum vm_status st, char *err, size_t cap)
{
	struct ar_buf b;
	char text[128];
	size_t n;

	ar_buf_init(&b, cap - 1);
	if (vm->stop != VM_OK)
		ar_buf_add_str(&b, limit_text(vm, text, sizeof(text)));
	else if (st == VM_NOMEM)
		ar_buf_add_str(&b, "memory limit reached");
	else if (lua_type(vm->co, -1) == LUA_TSTRING)
		ar_buf_printf(&b, "%.400s", lua_tostring(vm->co, -1));
	else /* never turned into a string: its __tostring would run here */
		ar_buf_printf(&b, "(the error is a %s)", luaL_typename(vm->co, -1));
	add_trace(vm->co, &b);
	n = ar_buf_span(&b).n;
	if (n)
		memcpy(err, ar_buf_span(&b).p, n);
	err[n] = '\0';
	ar_buf_free(&b);
}

/* The budget holds here too: lua_resetthread() runs pending __close methods. */
static void abandon(struct vm *vm)
{
	lua_resetthread(vm->co);
	lua_settop(vm->co, 0);
}

static void collect_slice(struct vm *vm)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC);

	if (!vm->collecting && vm->used < vm->live * 2 + GC_SLACK)
		return;
	vm->collecting = !lua_gc(vm->L, LUA_GCSTEP, GC_SLICE_KB);
	if (!vm->collecting)
		vm->live = vm->used;
	vm->took_ns += clock_ns(CLOCK_MONOTONIC) - began;
}

static enum vm_status leave_slice(struct vm *vm)
{
	vm_pause(vm);
	vm->running = false;
	vm->suspended = true;
	return VM_AGAIN;
}

/* By the wall when it was short, else by what the process had of it. */
static uint64_t slice_took(struct vm *vm)
{
	uint64_t wall = clock_ns(CLOCK_MONOTONIC) - vm->wall0, before = vm->cpu_earlier;
	uint64_t used = cpu_used(vm) - before;

	return used && used < wall ? used : wall;
}

static enum vm_status run_slice(struct vm *vm, int nargs, char *err, size_t cap)
{
	enum vm_status st;
	int rc, n;

	vm->again = false;
	vm->suspended = false;
	rc = lua_resume(vm->co, NULL, nargs, &n);
	vm->took_ns += slice_took(vm);
	if (vm->again && rc == LUA_YIELD && vm->stop == VM_OK)
		return leave_slice(vm);
	if (vm->stop != VM_OK)
		st = vm->stop;
	else if (rc == LUA_OK)
		st = VM_OK;
	else
		st = rc == LUA_ERRMEM ? VM_NOMEM : VM_ERROR;
	if (st != VM_OK && err && cap)
		explain(vm, st, err, cap);
	if (rc == LUA_OK)
		lua_settop(vm->co, 0);
	else
		abandon(vm);
	lua_sethook(vm->co, NULL, 0, 0);
	vm->running = false;
	collect_slice(vm);
	return st;
}

enum vm_status vm_start(struct vm *vm, lua_CFunction fn, void *arg, const struct vm_budget *budget,
	unsigned slice_us, char *err, size_t cap)
{
	if (vm->suspended)
		vm_cancel(vm);
	begin(vm, budget);
	vm->slice_ns = (uint64_t)slice_us * 1000;
	vm->slice_end = vm->slice_ns;
	lua_pushcfunction(vm->co, fn);
	lua_pushlightuserdata(vm->co, arg);
	return run_slice(vm, 1, err, cap);
}

enum vm_status vm_run(struct vm *vm, lua_CFunction fn, void *arg, const struct vm_budget *budget,
	char *err, size_t cap)
{
	return vm_start(vm, fn, arg, budget, 0, err, cap);
}

enum vm_status vm_continue(struct vm *vm, char *err, size_t cap)
{
	if (!vm->suspended)
		return VM_OK;
	vm_resume(vm);
	vm->slice_end = vm->cpu_earlier + vm->slice_ns;
	vm->running = true;
	return run_slice(vm, 0, err, cap);
}

void vm_cancel(struct vm *vm)
{
	if (!vm->suspended)
		return;
	vm->suspended = false;
	stop(vm, VM_TIMEOUT); /* what __close would run gets nothing */
	vm->running = true;
	abandon(vm);
	lua_sethook(vm->co, NULL, 0, 0);
	vm->running = false;
}

uint64_t vm_used_us(const struct vm *vm)
{
	return vm->took_ns / 1000;
}

/* ---- for the library and the owner ---- */

struct vm *vm_of(lua_State *L)
{
	void *ud;

	lua_getallocf(L, &ud);
	return ud;
}

int vm_keep(lua_State *L)
{
	return luaL_ref(L, LUA_REGISTRYINDEX);
}

void vm_push_kept(lua_State *L, int slot)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, slot);
}

void *vm_user(const struct vm *vm)
{
	return vm->conf.user;
}

const struct vm_conf *vm_conf(const struct vm *vm)
{
	return &vm->conf;
}

void vm_set_user(struct vm *vm, void *user)
{
	vm->conf.user = user;
}

const char *vm_lib_dir(const struct vm *vm)
{
	return vm->lib_dir;
}

const char *vm_policy_dir(const struct vm *vm)
{
	return vm->policy_dir;
}

const char *vm_place(const struct vm *vm)
{
	return vm->loading ? vm->place : "";
}

bool vm_loading(const struct vm *vm)
{
	return vm->loading;
}

void vm_set_loading(struct vm *vm, bool on)
{
	vm->loading = on;
}

void vm_seed(struct vm *vm, uint64_t seed)
{
	vm->random = seed;
}

/* splitmix64 */
uint64_t vm_random(struct vm *vm)
{
	uint64_t z = vm->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void vm_log_add(struct vm *vm, const char *text, size_t n)
{
	size_t i, room = sizeof(vm->log) - 1 - vm->log_n;

	if (room < 2)
		return;
	if (n > room - 1)
		n = room - 1;
	for (i = 0; i < n; i++)
		vm->log[vm->log_n++] = (unsigned char)text[i] < ' ' ? '?' : text[i];
	vm->log[vm->log_n++] = '\n';
	vm->log[vm->log_n] = '\0';
}

const char *vm_log(const struct vm *vm)
{
	return vm->log;
}

void vm_collect(struct vm *vm)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC);

	lua_gc(vm->L, LUA_GCCOLLECT);
	vm->collecting = false;
	vm->live = vm->used;
	vm->took_ns += clock_ns(CLOCK_MONOTONIC) - began;
}

bool vm_is_full(struct vm *vm)
{
	size_t full = vm->conf.memory - vm->conf.memory / 4;

	if (vm->used <= full)
		return false;
	vm_collect(vm);
	return vm->used > full;
}

size_t vm_memory(const struct vm *vm)
{
	return vm->used;
}

lua_State *vm_lua(const struct vm *vm)
{
	return vm->L;
}
