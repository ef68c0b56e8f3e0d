/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by app_lua.c (events, slices) and app_lua_api.c (what a script can call); nobody else. */
#ifndef APP_LUA_INTERNAL_H
#define APP_LUA_INTERNAL_H

#include "common/lua/vm.h"
#include "mediad/dcmf/app_internal.h"
#include "mediad/dcmf/app_lua.h"

enum event_kind {
	EVENT_START,
	EVENT_JOIN,
	EVENT_LEAVE,
	EVENT_ACTION,
	EVENT_MESSAGE,
	EVENT_TICK,
	EVENT_TIMER,
	EVENT_KINDS
};

struct event {
	enum event_kind kind;
	char who[APP_MAX_NAME + 1]; /* a participant by name: it may be gone by then */
	json_t *body; /* of an action or message; ours */
	uint64_t hash; /* of an action's id */
	uint32_t timer;
};

struct timer {
	uint32_t id; /* 0: free */
	int fn; /* vm_keep() */
	uint64_t due, every; /* every 0: once */
	bool waits; /* an event of it is in the queue */
};

struct app_lua {
	struct app *app; /* NULL: only being checked */
	struct script *script; /* while it loads */
	struct app_lua_conf conf;
	struct vm *vm;
	int hook[EVENT_KINDS]; /* vm_keep(), LUA_NOREF: the script has none */
	int players; /* table: participant's name -> its table */
	bool running, stopped;
	struct event now; /* being handled */
	unsigned head, n;
	struct event queue[APP_LUA_QUEUE];
	struct timer timer[APP_LUA_TIMERS];
	uint32_t next_timer;
	uint64_t tick_us, tick_due; /* 0: no ticks */
	bool tick_waits;
	double debt_us; /* CPU time used ahead of the share */
	uint64_t debt_at, used_us; /* of the running handler so far */
	unsigned appended;
	int64_t grown; /* bytes of JSON that the scene has more, because of the script */
	/* what an action's handler said */
	bool answered, accepted;
	struct app_refusal no;
	struct {
		uint64_t handlers, errors, timeouts, nomem, dropped, slices, stopped;
	} stats;
};

#define APP_LUA_CHANGE_COST 500 /* steps of vm_spend() for a change of the scene's document */

/* app_lua_mesh.c */
int app_lua_mesh(lua_State *L);
/* app_lua_api.c: a list of n numbers; false: nil. */
bool app_lua_vector(lua_State *L, int arg, double *out, int n);
/* Raises an error when the scene would grow by too much. */
void app_lua_grow(lua_State *L, const char *what, int64_t bytes);
/* Raises an error for what a scene_*() call returned. */
int app_lua_fail(lua_State *L, const char *what, int err);
/* Pushes the module `ar.app`. */
void app_lua_module(lua_State *L);
/* Pushes the participant's table; makes it when it is new. */
void app_lua_push_player(lua_State *L, struct app_lua *l, const char *name);
struct participant *app_lua_find(const struct app *a, const char *name);

#endif
