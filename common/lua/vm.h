/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One Lua 5.4 state that cannot hurt the process: capped memory, CPU time and instructions, a
 * sealed library, and one guarded window, vm_run(), in which alone the script's code runs.
 *
 * How it holds (each point has a script in tests/policy/hostile):
 * - The script runs in a coroutine that the host owns. A count hook every VM_HOOK_COUNT
 *   instructions looks at the clock; at the limit it yields, which pcall cannot catch, or, under a
 *   C function that cannot be yielded across, raises an error again at every instruction.
 * - The allocator refuses what is over the cap. Lua then collects and tries again; the second
 *   refusal latches: nothing more is given and the hook fires at the next instruction. Strings
 *   over VM_MAX_STRING are refused at once, so no single instruction is long.
 * - The collector is off during a run. The rest is collected in slices afterwards.
 * - Library functions whose time depends on their arguments spend from the same budget.
 *
 * Owner: a policy generation of asd, an application of mediad. One thread at a time. The clock is
 * thread CPU time.
 */
#ifndef AR_LUA_VM_H
#define AR_LUA_VM_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VM_HOOK_COUNT 100
#define VM_MAX_STRING 65536 /* bytes of any Lua string */
#define VM_MAX_SOURCE (256 * 1024) /* bytes of one source file */
#define VM_MAX_VALUES 256 /* that unpack, byte and codepoint return at once */
#define VM_MAX_SORT 16384 /* elements, also that move copies */
#define VM_LOG_MAX 2048 /* bytes of ar.log() text of one run */

enum vm_status { VM_OK, VM_TIMEOUT, VM_NOMEM, VM_ERROR, VM_AGAIN };

/* A module that C provides under require(name): open pushes it. */
struct vm_module {
	const char *name;
	void (*open)(lua_State *L);
};

struct vm;

struct vm_conf {
	size_t memory;
	const char *lib_dir; /* ar.NAME is lib_dir/NAME.lua; copied */
	const char *policy_dir; /* NAME is policy_dir/NAME.lua; copied */
	const struct vm_module *module; /* ends with a NULL name; must outlive the state */
	/* Where source files come from; NULL: the disk. Borrowed text, 0 or as sandbox_read_file().
	 */
	int (*source)(void *user, const char *path, const char **text, size_t *n);
	bool unlimited; /* no hook and no cap: benchmarks only */
	void *user; /* vm_user() */
};

struct vm_budget {
	unsigned cpu_ms;
	uint64_t instructions;
};

/* -ENOMEM */
int vm_new(struct vm **vmp, const struct vm_conf *conf) __attribute__((warn_unused_result));
void vm_free(struct vm *vm);

/*
 * Runs fn(arg) as a C function inside the guarded window; fn may call the script's functions with
 * lua_callk() or lua_call() and leaves nothing behind on the stack. err (may be NULL) gets
 * "policy.lua:12: what" and the places it was called from. What the script wrote with ar.log() is
 * in vm_log() until the next run.
 */
enum vm_status vm_run(struct vm *vm, lua_CFunction fn, void *arg, const struct vm_budget *budget,
	char *err, size_t cap);

/*
 * The same in slices: after slice_us of CPU time VM_AGAIN comes back, and vm_continue() goes on
 * where the script was; the budget is for all slices together, arg must live until the end. fn
 * calls the script with lua_callk(). A slice that cannot be left (under a C function) ends with
 * VM_TIMEOUT when it is twice as long, inside one library function five times. Between slices
 * nothing else is run in this state; vm_cancel() gives up.
 */
enum vm_status vm_start(struct vm *vm, lua_CFunction fn, void *arg, const struct vm_budget *budget,
	unsigned slice_us, char *err, size_t cap);
enum vm_status vm_continue(struct vm *vm, char *err, size_t cap);
void vm_cancel(struct vm *vm);
/* Time of the last run so far and of the collections since, microseconds, by the wall clock. */
uint64_t vm_used_us(const struct vm *vm);

/* Inside a run: as luaL_ref() of the value on the top. Slots live as long as the state. */
int vm_keep(lua_State *L);
void vm_push_kept(lua_State *L, int slot);

/* For library functions of the host. n: steps of about 4 ns; raises when the budget is spent. */
void vm_spend(lua_State *L, size_t n);
/* The same without raising: false when spent; the caller returns soon. */
bool vm_may_spend(lua_State *L, size_t n);
/* The host's own work, bounded otherwise, is not the script's time. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
struct vm *vm_of(lua_State *L);
void *vm_user(const struct vm *vm);
void vm_set_user(struct vm *vm, void *user);
const struct vm_conf *vm_conf(const struct vm *vm);
/* "policy.lua:7", the line of the script that ran last; "" when it does not load. */
const char *vm_place(const struct vm *vm);
const char *vm_lib_dir(const struct vm *vm);
const char *vm_policy_dir(const struct vm *vm);
bool vm_loading(const struct vm *vm);
void vm_set_loading(struct vm *vm, bool on); /* require and lists work only while loading */
/* The seed of math.random for the next run: same seed, same numbers. */
void vm_seed(struct vm *vm, uint64_t seed);
uint64_t vm_random(struct vm *vm);
void vm_log_add(struct vm *vm, const char *text, size_t n);
const char *vm_log(const struct vm *vm);
/* A full collection; after loading. */
void vm_collect(struct vm *vm);
size_t vm_memory(const struct vm *vm);
/* After a collection more than three quarters are in use: the script keeps data between runs. */
bool vm_is_full(struct vm *vm);
lua_State *vm_lua(const struct vm *vm); /* the main state; for tests */

#endif
