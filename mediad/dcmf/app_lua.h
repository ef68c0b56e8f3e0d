/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An AR call application in Lua (docs/applications.md): one sandboxed state per call, its handlers
 * run one after the other in slices, so that the worker's loop never waits for a script longer than
 * a slice, and within a share of the worker's time. What a handler does wrong ends the handler, not
 * the call.
 *
 * Owner: the app; one thread, the worker's loop.
 */
#ifndef APP_LUA_H
#define APP_LUA_H

#include "mediad/dcmf/app.h"
#include "mediad/dcmf/scripts.h"

#define APP_LUA_QUEUE 64 /* events that wait; then actions are refused, others dropped, counted */
#define APP_LUA_TIMERS 32
#define APP_LUA_SLICE_US 1000
#define APP_LUA_BURST_US 5000 /* of CPU time a call may be ahead of its share */
#define APP_LUA_HANDLER_MS 100 /* CPU time of one handler, over all its slices */
#define APP_LUA_INSTRUCTIONS 20000000
#define APP_LUA_LOAD_MS 250
#define APP_LUA_UNSENT 65536 /* bytes to a UE; above it a script sends it nothing */
#define APP_LUA_GROWN (2 * 1024 * 1024) /* bytes of JSON that a script may add to a scene */
#define APP_LUA_APPENDED 1024 /* materials, meshes, ... that a script may add to a scene */

struct app_lua_conf {
	unsigned memory_kb; /* of one call's state */
	unsigned cpu_percent; /* of a core that one call's script may use */
};

/* Makes the call's state from s; from now on a->ops are a script's. -EINVAL with why. */
int app_lua_open(struct app *a, struct script *s, const struct app_lua_conf *conf,
	struct ar_buf *why) __attribute__((warn_unused_result));
/* Loads it without a call, to see whether it can be. */
int app_lua_check(struct script *s, struct ar_buf *why) __attribute__((warn_unused_result));

#endif
