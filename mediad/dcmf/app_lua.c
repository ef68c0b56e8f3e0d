/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/app_lua_internal.h"

#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "common/lua/sandbox.h"
#include "mediad/dcmf/lua_json.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#define ERROR_TEXT 512
#define SLICE_AGAIN 200 /* us until the next slice: the loop's other work comes first */
#define MIN_TICK_US 20000

static const char *const hook_names[EVENT_KINDS] = {
	"on_start", "on_join", "on_leave", "on_action", "on_message", "on_tick", NULL};

/* ---- life ---- */

static const struct vm_module modules[] = {{"ar.app", app_lua_module}, {NULL, NULL}};

static int source(void *user, const char *path, const char **text, size_t *n)
{
	struct app_lua *l = user;

	return l->script ? script_source(l->script, path, text, n) : -ENOENT;
}

static int read_hook(lua_State *L, int table, const char *name)
{
	if (lua_getfield(L, table, name) == LUA_TFUNCTION)
		return vm_keep(L);
	if (!lua_isnil(L, -1))
		luaL_error(L, "%s must be a function, it is a %s", name, luaL_typename(L, -1));
	lua_pop(L, 1);
	return LUA_NOREF;
}

static void read_tick(lua_State *L, struct app_lua *l, int table)
{
	if (lua_getfield(L, table, "tick") == LUA_TNUMBER) {
		lua_Number s = lua_tonumber(L, -1);

		if (!(s >= MIN_TICK_US / 1e6 && s <= 3600))
			luaL_error(L, "tick is 0.02 to 3600 seconds");
		l->tick_us = (uint64_t)(s * 1e6);
	} else if (!lua_isnil(L, -1)) {
		luaL_error(L, "tick is a number of seconds");
	}
	lua_pop(L, 1);
	if (l->tick_us && l->hook[EVENT_TICK] == LUA_NOREF)
		luaL_error(L, "tick is set, and there is no on_tick");
	if (!l->tick_us)
		l->tick_us = l->hook[EVENT_TICK] == LUA_NOREF ? 0 : 100 * AR_MS;
}

static int load_entry(lua_State *L)
{
	struct app_lua *l = lua_touserdata(L, 1);
	char chunk[SCRIPTS_MAX_NAME + 8];

	snprintf(chunk, sizeof(chunk), "%s.lua", l->script->name);
	lua_newtable(L);
	l->players = vm_keep(L);
	sandbox_load_file(L, l->script->path, chunk);
	lua_call(L, 0, 1);
	if (!lua_istable(L, -1))
		return luaL_error(L, "%s must return a table with its handlers", chunk);
	for (unsigned i = 0; i < EVENT_KINDS; i++)
		l->hook[i] = hook_names[i] ? read_hook(L, 2, hook_names[i]) : LUA_NOREF;
	read_tick(L, l, 2);
	return 0;
}

static void lua_free(struct app_lua *l)
{
	while (l->n) {
		json_decref(l->queue[l->head].body);
		l->head = (l->head + 1) % APP_LUA_QUEUE;
		l->n--;
	}
	if (l->running)
		json_decref(l->now.body);
	vm_free(l->vm);
	free(l);
}

static int make(
	struct app_lua **lp, struct script *s, const struct app_lua_conf *conf, struct ar_buf *why)
{
	struct app_lua *l = calloc(1, sizeof(*l));
	struct vm_budget budget = {APP_LUA_LOAD_MS, APP_LUA_INSTRUCTIONS};
	char folder[512], err[ERROR_TEXT], *slash;
	struct vm_conf vc = {.memory = (size_t)conf->memory_kb * 1024,
		.lib_dir = folder,
		.policy_dir = folder,
		.module = modules,
		.source = source,
		.user = l};

	if (!l)
		return -ENOMEM;
	snprintf(folder, sizeof(folder), "%s", s->path);
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	l->conf = *conf;
	l->script = s;
	if (vm_new(&l->vm, &vc) != 0) {
		free(l);
		return -ENOMEM;
	}
	vm_set_loading(l->vm, true);
	if (vm_run(l->vm, load_entry, l, &budget, err, sizeof(err)) != VM_OK) {
		ar_buf_printf(why, "%s", err);
		lua_free(l);
		return -EINVAL;
	}
	vm_set_loading(l->vm, false);
	vm_collect(l->vm);
	l->script = NULL;
	*lp = l;
	return 0;
}

int app_lua_check(struct script *s, struct ar_buf *why)
{
	static const struct app_lua_conf conf = {.memory_kb = 4096, .cpu_percent = 5};
	struct app_lua *l;
	int err = make(&l, s, &conf, why);

	if (!err)
		lua_free(l);
	return err;
}

void app_lua_close(struct app *a)
{
	if (a->lua)
		lua_free(a->lua);
	a->lua = NULL;
}

void app_lua_count(const struct app *a, struct app_stats *sum)
{
	if (!a->lua)
		return;
	sum->script_handlers = a->lua->stats.handlers;
	sum->script_errors = a->lua->stats.errors;
	sum->script_timeouts = a->lua->stats.timeouts;
	sum->script_nomem = a->lua->stats.nomem;
	sum->script_dropped = a->lua->stats.dropped;
	sum->script_slices = a->lua->stats.slices;
	sum->script_stopped = a->lua->stats.stopped;
}

/* ---- events ---- */

/* Takes body over. */
static bool push(struct app_lua *l, const struct event *e)
{
	if (l->n == APP_LUA_QUEUE || l->stopped) {
		l->stats.dropped++;
		json_decref(e->body);
		return false;
	}
	l->queue[(l->head + l->n++) % APP_LUA_QUEUE] = *e;
	return true;
}

static void event_of(struct event *e, enum event_kind kind, const struct participant *p)
{
	*e = (struct event){.kind = kind};
	if (p)
		memcpy(e->who, p->name, sizeof(e->who));
}

struct participant *app_lua_find(const struct app *a, const char *name)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (strcmp(a->p[i]->name, name) == 0)
			return a->p[i];
	}
	return NULL;
}

static int on_join(struct app *a, struct participant *p)
{
	struct event e;
	int err = app_shared.on_join(a, p);

	event_of(&e, EVENT_JOIN, p);
	push(a->lua, &e);
	return err;
}

static void on_leave(struct app *a, struct participant *p)
{
	struct event e;

	app_shared.on_leave(a, p);
	event_of(&e, EVENT_LEAVE, p);
	push(a->lua, &e);
}

static void on_action(
	struct app *a, struct participant *p, const struct app_action *act, struct app_refusal *no)
{
	struct app_lua *l = a->lua;
	struct event e;

	if (l->hook[EVENT_ACTION] == LUA_NOREF || l->stopped) {
		app_shared.on_action(a, p, act, no);
		return;
	}
	event_of(&e, EVENT_ACTION, p);
	e.hash = act->hash;
	e.body = json_deep_copy(act->body);
	no->pending = e.body && push(l, &e);
	if (no->pending)
		return;
	snprintf(no->code, sizeof(no->code), "busy");
	snprintf(no->reason, sizeof(no->reason), "too many events wait for the application");
}

static bool on_message(
	struct app *a, struct participant *p, struct ar_span type, struct ar_span body)
{
	struct app_lua *l = a->lua;
	struct event e;
	json_t *j;

	if (l->hook[EVENT_MESSAGE] == LUA_NOREF || l->stopped || body.n > APP_MAX_ACTION)
		return false;
	j = json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL);
	if (!j)
		return false;
	event_of(&e, EVENT_MESSAGE, p);
	e.body = json_pack("{s:s%, s:o}", "type", type.p, type.n, "message", j);
	return e.body && push(l, &e);
}

/* ---- one handler ---- */

static int handled(lua_State *L, int status, lua_KContext ctx)
{
	struct app_lua *l = (struct app_lua *)ctx;

	(void)status;
	if (l->now.kind == EVENT_ACTION && !lua_isnoneornil(L, 2)) {
		l->answered = true;
		l->accepted = lua_toboolean(L, 2);
		snprintf(l->no.code, sizeof(l->no.code), "%s",
			lua_type(L, 3) == LUA_TSTRING ? lua_tostring(L, 3) : "refused");
		snprintf(l->no.reason, sizeof(l->no.reason), "%s",
			lua_type(L, 4) == LUA_TSTRING ? lua_tostring(L, 4) : "");
	}
	if (l->now.kind == EVENT_LEAVE) {
		vm_push_kept(L, l->players);
		lua_pushnil(L);
		lua_setfield(L, -2, l->now.who);
	}
	return 0;
}

static int push_arguments(lua_State *L, struct app_lua *l)
{
	switch (l->now.kind) {
	case EVENT_JOIN:
	case EVENT_LEAVE:
		app_lua_push_player(L, l, l->now.who);
		return 1;
	case EVENT_ACTION:
	case EVENT_MESSAGE:
		app_lua_push_player(L, l, l->now.who);
		lua_json_push(L, l->now.body);
		return 2;
	case EVENT_TICK:
	case EVENT_TIMER:
		lua_pushnumber(L, (lua_Number)l->app->now / 1e6);
		return 1;
	case EVENT_START:
	case EVENT_KINDS:
		break;
	}
	return 0;
}

/* A timer of one shot is gone before its function runs: that may set it again. */
static int timer_function(lua_State *L, struct app_lua *l, uint32_t id)
{
	for (unsigned i = 0; i < APP_LUA_TIMERS; i++) {
		struct timer *t = &l->timer[i];

		if (!id || t->id != id)
			continue;
		vm_push_kept(L, t->fn);
		if (!t->every) {
			luaL_unref(L, LUA_REGISTRYINDEX, t->fn);
			t->id = 0;
		}
		return 1;
	}
	return 0;
}

static int entry(lua_State *L)
{
	struct app_lua *l = lua_touserdata(L, 1);
	int n;

	if (l->now.kind == EVENT_TIMER) {
		if (!timer_function(L, l, l->now.timer))
			return 0;
	} else {
		if (l->hook[l->now.kind] == LUA_NOREF)
			return handled(L, LUA_OK, (lua_KContext)l);
		vm_push_kept(L, l->hook[l->now.kind]);
	}
	n = push_arguments(L, l);
	lua_callk(L, n, 3, (lua_KContext)l, handled);
	return handled(L, LUA_OK, (lua_KContext)l);
}

static void say(struct app_lua *l, enum vm_status st, const char *err)
{
	AR_LOG_CALL(l->app->call_id);
	l->stats.errors += st == VM_ERROR;
	l->stats.timeouts += st == VM_TIMEOUT;
	l->stats.nomem += st == VM_NOMEM;
	ar_log_limited(AR_LOG_WARN, "app", "%s: %s",
		l->now.kind == EVENT_TIMER ? "timer" : hook_names[l->now.kind], err);
}

/* The script's answer, else that of the built-in actions. */
static void answer_action(struct app_lua *l, enum vm_status st)
{
	struct participant *p = app_lua_find(l->app, l->now.who);
	struct app_refusal no = {.pending = false};
	const json_t *name = json_object_get(l->now.body, "name");
	struct app_action act = {.hash = l->now.hash, .body = l->now.body};

	if (!p)
		return;
	if (st != VM_OK) {
		snprintf(no.code, sizeof(no.code), "error");
		snprintf(no.reason, sizeof(no.reason), "the application failed");
	} else if (l->answered) {
		if (!l->accepted)
			no = l->no;
	} else {
		act.name = ar_span_str(json_is_string(name) ? json_string_value(name) : "");
		app_shared.on_action(l->app, p, &act, &no);
	}
	app_action_done(p, l->now.hash, json_object_get(l->now.body, "id"), &no);
}

static void tell_log(struct app_lua *l)
{
	AR_LOG_CALL(l->app->call_id);
	if (*vm_log(l->vm))
		ar_log_limited(AR_LOG_INFO, "app", "script: %s", vm_log(l->vm));
}

/* A script that keeps too much between its runs would fail at every one. */
static void check_memory(struct app_lua *l)
{
	AR_LOG_CALL(l->app->call_id);
	if (!vm_is_full(l->vm))
		return;
	l->stopped = true;
	l->stats.stopped++;
	ar_log(AR_LOG_ERR, "app",
		"the application keeps more than three quarters of its %u KiB: stopped for this "
		"call, the built-in actions go on",
		l->conf.memory_kb);
}

static void finish(struct app_lua *l, enum vm_status st, const char *err)
{
	l->stats.handlers++;
	if (st != VM_OK)
		say(l, st, err);
	tell_log(l);
	if (l->now.kind == EVENT_ACTION)
		answer_action(l, st);
	json_decref(l->now.body);
	l->now.body = NULL;
	l->running = false;
	check_memory(l);
}

/* Takes the first event of the queue. */
static void next_event(struct app_lua *l)
{
	l->now = l->queue[l->head];
	l->queue[l->head].body = NULL;
	l->head = (l->head + 1) % APP_LUA_QUEUE;
	l->n--;
	if (l->now.kind == EVENT_TICK)
		l->tick_waits = false;
	for (unsigned i = 0; l->now.kind == EVENT_TIMER && i < APP_LUA_TIMERS; i++) {
		if (l->timer[i].id == l->now.timer)
			l->timer[i].waits = false;
	}
}

/* What comes of it, the collection above all, is the script's time, too. */
static void slice(struct app_lua *l)
{
	struct vm_budget budget = {APP_LUA_HANDLER_MS, APP_LUA_INSTRUCTIONS};
	char err[ERROR_TEXT] = "";
	enum vm_status st;

	if (l->running) {
		st = vm_continue(l->vm, err, sizeof(err));
	} else {
		next_event(l);
		l->running = true;
		l->answered = l->accepted = false;
		l->used_us = 0;
		l->no = (struct app_refusal){.pending = false};
		st = vm_start(l->vm, entry, l, &budget, APP_LUA_SLICE_US, err, sizeof(err));
	}
	l->stats.slices++;
	if (st != VM_AGAIN)
		finish(l, st, err);
	l->debt_us += (double)(vm_used_us(l->vm) - l->used_us);
	l->used_us = vm_used_us(l->vm);
}

/* ---- when ---- */

/* One that still waits is not put in twice: a script too slow for its ticks would fill the queue,
 * and actions found no room. */
static bool push_time(struct app_lua *l, const struct event *e, bool *waits)
{
	if (*waits)
		l->stats.dropped++;
	else if (!push(l, e))
		return false;
	*waits = true;
	return true;
}

static void due_timers(struct app_lua *l, uint64_t now)
{
	struct event e = {.kind = EVENT_TIMER};

	for (unsigned i = 0; i < APP_LUA_TIMERS; i++) {
		struct timer *t = &l->timer[i];

		if (!t->id || now < t->due)
			continue;
		e.timer = t->id;
		if (!push_time(l, &e, &t->waits))
			continue;
		t->due = t->every ? now + t->every : AR_NEVER;
	}
	if (!l->tick_us || now < l->tick_due)
		return;
	l->tick_due = now + l->tick_us;
	e = (struct event){.kind = EVENT_TICK};
	push_time(l, &e, &l->tick_waits);
}

static uint64_t next_timer(const struct app_lua *l)
{
	uint64_t due = l->tick_us ? l->tick_due : AR_NEVER;

	for (unsigned i = 0; i < APP_LUA_TIMERS; i++) {
		if (l->timer[i].id && l->timer[i].due < due)
			due = l->timer[i].due;
	}
	return due;
}

static void pay_debt(struct app_lua *l, uint64_t now)
{
	l->debt_us -= (double)(now - l->debt_at) * l->conf.cpu_percent / 100;
	l->debt_at = now;
	if (l->debt_us < 0)
		l->debt_us = 0;
}

/* Until the share allows more. */
static uint64_t wait_for_share(const struct app_lua *l)
{
	return (uint64_t)((l->debt_us - APP_LUA_BURST_US) * 100 / l->conf.cpu_percent) + 1;
}

static uint64_t run(struct app *a, uint64_t now)
{
	struct app_lua *l = a->lua;
	uint64_t spent = 0, due;
	double before;

	if (l->stopped)
		return AR_NEVER;
	pay_debt(l, now);
	due_timers(l, now);
	while ((l->running || l->n) && spent < APP_LUA_SLICE_US && l->debt_us < APP_LUA_BURST_US &&
		!l->stopped) {
		before = l->debt_us;
		slice(l);
		spent += (uint64_t)(l->debt_us - before) + 1;
	}
	due = next_timer(l);
	if (due <= now)
		due = now + SLICE_AGAIN;
	if (l->stopped || (!l->running && !l->n))
		return l->stopped ? AR_NEVER : due;
	if (l->debt_us >= APP_LUA_BURST_US)
		return now + wait_for_share(l);
	return now + SLICE_AGAIN;
}

static const struct app_ops app_lua_ops = {
	.name = "lua",
	.on_join = on_join,
	.on_leave = on_leave,
	.on_action = on_action,
	.on_message = on_message,
	.run = run,
};

int app_lua_open(
	struct app *a, struct script *s, const struct app_lua_conf *conf, struct ar_buf *why)
{
	struct event e = {.kind = EVENT_START};
	int err = make(&a->lua, s, conf, why);

	if (err)
		return err;
	a->lua->app = a;
	a->ops = &app_lua_ops;
	push(a->lua, &e);
	return 0;
}
