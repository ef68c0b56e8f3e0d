/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module `ar.app`: what an application's script can do to the scene and to participants
 * (docs/applications.md). */
#include "mediad/dcmf/app_lua_internal.h"

#include "common/lua/sandbox.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/dcmf/lua_json.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_POINTER 256
#define MAX_TIMER_S 86400.0

static struct app_lua *lua_of(lua_State *L)
{
	return vm_user(vm_of(L));
}

/* Only inside a call's handler: while a script loads there is no call yet. */
static struct app *app_of(lua_State *L)
{
	struct app *a = lua_of(L)->app;

	if (!a)
		sandbox_fail(L, "there is no call yet: use this in a handler");
	return a;
}

static struct scene *scene_of(lua_State *L)
{
	return app_of(L)->scene;
}

int app_lua_fail(lua_State *L, const char *what, int err)
{
	if (err == -ENOSPC)
		return sandbox_fail(L, "%s: the scene is full", what);
	if (err == -ENOENT)
		return sandbox_fail(L, "%s: there is no such place in the scene", what);
	return sandbox_fail(L, "%s: %s", what, strerror(-err));
}

/* A node by index or name. */
static unsigned node_at(lua_State *L, int arg)
{
	struct scene *s = scene_of(L);
	struct scene_stats st;
	lua_Integer i;

	scene_get_stats(s, &st);
	if (lua_type(L, arg) == LUA_TSTRING) {
		struct ar_span name;

		name.p = lua_tolstring(L, arg, &name.n);
		vm_spend(L, st.nodes);
		i = scene_find(s, name);
		if (i < 0)
			sandbox_fail(L, "no node is named '%.60s'", name.p);
	} else {
		i = luaL_checkinteger(L, arg);
	}
	if (i < 0 || i >= (lua_Integer)st.nodes)
		sandbox_fail(L, "there is no node %lld", (long long)i);
	return (unsigned)i;
}

/* ---- participants ---- */

void app_lua_push_player(lua_State *L, struct app_lua *l, const char *name)
{
	const struct participant *p = app_lua_find(l->app, name);

	vm_push_kept(L, l->players);
	if (lua_getfield(L, -1, name) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_createtable(L, 0, 3);
		lua_pushstring(L, name);
		lua_setfield(L, -2, "name");
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, name);
	}
	lua_remove(L, -2);
	if (!p)
		return;
	lua_pushstring(L, p->user);
	lua_setfield(L, -2, "user");
	if (p->node >= 0) {
		lua_pushinteger(L, p->node);
		lua_setfield(L, -2, "node");
	}
}

/* A participant's table, or a name; NULL: it has left. */
static struct participant *player_at(lua_State *L, int arg)
{
	struct app *a = app_of(L);
	struct participant *p;

	if (lua_istable(L, arg)) {
		lua_getfield(L, arg, "name");
		lua_replace(L, arg);
	}
	p = app_lua_find(a, luaL_checkstring(L, arg));
	return p && p->joined ? p : NULL;
}

static int l_participants(lua_State *L)
{
	struct app_lua *l = lua_of(L);
	struct app *a = app_of(L);
	lua_Integer k = 0;

	lua_newtable(L);
	for (unsigned i = 0; i < a->n; i++) {
		if (!a->p[i]->joined)
			continue;
		app_lua_push_player(L, l, a->p[i]->name);
		lua_rawseti(L, -2, ++k);
	}
	return 1;
}

static json_t *envelope(json_t *body)
{
	return json_pack("{s:s, s:o}", "type", "urn:x-imsar:app:1", "message", body);
}

/* A UE that does not take what it is sent gets no more for now. */
static bool has_room(const struct participant *p)
{
	return p->meta.peer && peer_buffered(p->meta.peer) < APP_LUA_UNSENT;
}

/* send(participant, table) -> true, or false when it has left or its line is full */
static int l_send(lua_State *L)
{
	struct participant *p = player_at(L, 1);
	json_t *j;

	luaL_checktype(L, 2, LUA_TTABLE);
	j = p ? envelope(lua_json_get(L, 2)) : NULL;
	lua_pushboolean(L, j && has_room(p) && app_send_meta(p, j) == 0);
	json_decref(j);
	return 1;
}

/* send_all(table [, but]) -> how many it went to */
static int l_send_all(lua_State *L)
{
	struct app *a = app_of(L);
	struct participant *but = lua_isnoneornil(L, 2) ? NULL : player_at(L, 2);
	lua_Integer sent = 0;
	json_t *j;

	luaL_checktype(L, 1, LUA_TTABLE);
	vm_spend(L, (size_t)a->n * APP_LUA_CHANGE_COST);
	j = envelope(lua_json_get(L, 1));
	for (unsigned i = 0; j && i < a->n; i++) {
		if (a->p[i]->joined && a->p[i] != but && has_room(a->p[i]))
			sent += app_send_meta(a->p[i], j) == 0;
	}
	json_decref(j);
	lua_pushinteger(L, sent);
	return 1;
}

/* builtin(participant, action) -> true, or false, code, reason: what shared-scene does */
static int l_builtin(lua_State *L)
{
	struct app *a = app_of(L);
	struct app_refusal no = {.pending = false};
	struct participant *p = player_at(L, 1);
	struct app_action act = {.hash = 0};
	const char *name;
	json_t *body;

	luaL_checktype(L, 2, LUA_TTABLE);
	vm_spend(L, APP_LUA_CHANGE_COST);
	if (!p) {
		lua_pushboolean(L, 0);
		lua_pushliteral(L, "gone");
		return 2;
	}
	body = lua_json_get(L, 2);
	name = json_string_value(json_object_get(body, "name"));
	act.body = body;
	act.name = ar_span_str(name ? name : "");
	app_shared.on_action(a, p, &act, &no);
	json_decref(body);
	lua_pushboolean(L, !*no.code);
	lua_pushstring(L, no.code);
	lua_pushstring(L, no.reason);
	return *no.code ? 3 : 1;
}

/* ---- scene: reading ---- */

static int l_find(lua_State *L)
{
	struct scene_stats st;
	struct ar_span name;
	int i;

	name.p = luaL_checklstring(L, 1, &name.n);
	scene_get_stats(scene_of(L), &st);
	vm_spend(L, st.nodes);
	i = scene_find(scene_of(L), name);
	if (i < 0)
		return 0;
	lua_pushinteger(L, i);
	return 1;
}

static int l_node(lua_State *L)
{
	lua_json_push(L, scene_node(scene_of(L), node_at(L, 1)));
	return 1;
}

static void push_vector(lua_State *L, const int32_t *v, int n, double unit)
{
	lua_createtable(L, n, 0);
	for (int i = 0; i < n; i++) {
		lua_pushnumber(L, v[i] / unit);
		lua_rawseti(L, -2, i + 1);
	}
}

/* pose(node) -> {x, y, z}, {x, y, z, w} */
static int l_pose(lua_State *L)
{
	const struct scene_pose *p = scene_node_pose(scene_of(L), node_at(L, 1));

	if (!p)
		return 0;
	push_vector(L, p->t, 3, SCENE_T_UNIT);
	push_vector(L, p->r, 4, SCENE_R_UNIT);
	return 2;
}

static const char *pointer_at(lua_State *L, int arg)
{
	size_t n;
	const char *s = luaL_checklstring(L, arg, &n);

	if (n >= MAX_POINTER || (n && *s != '/') || strlen(s) != n || strpbrk(s, "\"\\\n\r\t"))
		sandbox_fail(L, "not a JSON Pointer: '%.60s'", s);
	return s;
}

/* get(pointer) -> value; without poses of nodes, those are pose()'s */
static int l_get(lua_State *L)
{
	char path[MAX_POINTER], *save = NULL;
	const json_t *j = scene_doc(scene_of(L));

	snprintf(path, sizeof(path), "%s", pointer_at(L, 1));
	for (char *t = strtok_r(path, "/", &save); t && j; t = strtok_r(NULL, "/", &save)) {
		if (json_is_array(j))
			j = json_array_get(j, (size_t)strtoul(t, NULL, 10));
		else
			j = json_object_get(j, t);
	}
	if (!j)
		return 0;
	lua_json_push(L, j);
	return 1;
}

/* ---- scene: changing ---- */

void app_lua_grow(lua_State *L, const char *what, int64_t bytes)
{
	struct app_lua *l = lua_of(L);

	if (bytes > 0 && l->grown + bytes > APP_LUA_GROWN)
		sandbox_fail(L, "%s: the application has put %d KiB into the scene", what,
			APP_LUA_GROWN / 1024);
	l->grown += bytes;
}

static int64_t size_of(const json_t *j)
{
	return j ? (int64_t)json_dumpb(j, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 16 : 0;
}

/* The argument in place of old (may be NULL), when there is room for it: as lua_json_get(). */
static json_t *value_for(lua_State *L, int arg, const char *what, const json_t *old)
{
	struct app_lua *l = lua_of(L);
	json_t *j = lua_json_get(L, arg);
	int64_t more = size_of(j) - size_of(old);

	if (more > 0 && l->grown + more > APP_LUA_GROWN) {
		json_decref(j);
		app_lua_grow(L, what, more);
	}
	l->grown += more;
	return j;
}

static json_t *value_at(lua_State *L, int arg, const char *what, const char *pointer)
{
	json_t *doc = (json_t *)(uintptr_t)scene_doc(scene_of(L)); /* only looked into */

	return value_for(L, arg, what, json_pointer_get(doc, pointer));
}

/* The name of a member, as a step of a JSON Pointer without anything to be escaped. */
static bool is_plain(const char *name)
{
	for (const char *p = name; *p; p++) {
		if ((unsigned char)*p < ' ' || strchr("/~\"\\", *p))
			return false;
	}
	return *name && strlen(name) <= 64;
}

bool app_lua_vector(lua_State *L, int arg, double *out, int n)
{
	if (lua_isnoneornil(L, arg))
		return false;
	luaL_checktype(L, arg, LUA_TTABLE);
	for (int i = 0; i < n; i++) {
		lua_rawgeti(L, arg, i + 1);
		if (!lua_isnumber(L, -1))
			sandbox_fail(L, "a list of %d numbers was expected", n);
		out[i] = lua_tonumber(L, -1);
		lua_pop(L, 1);
	}
	return true;
}

/* Poses of participants come from their UEs. */
static void not_a_participant(lua_State *L, unsigned node)
{
	struct app *a = app_of(L);

	for (unsigned i = 0; i < a->n; i++) {
		if (a->p[i]->node == (int)node)
			sandbox_fail(L, "node %u is participant %s", node, a->p[i]->name);
	}
}

/* move(node, {x, y, z} [, {x, y, z, w}]); either may be nil */
static int l_move(lua_State *L)
{
	struct scene *s = scene_of(L);
	unsigned node = node_at(L, 1);
	struct scene_pose pose;
	double t[3], r[4];
	bool has_t = app_lua_vector(L, 2, t, 3), has_r = app_lua_vector(L, 3, r, 4);
	int err;

	not_a_participant(L, node);
	pose = *scene_node_pose(s, node);
	for (int i = 0; !has_r && i < 4; i++)
		r[i] = (double)pose.r[i] / SCENE_R_UNIT;
	err = scene_pose_set(&pose, has_t ? t : NULL, r);
	if (!err)
		err = scene_set_pose(s, node, &pose);
	if (err)
		return sandbox_fail(L, "move: %s",
			err == -EPERM ? "the node has a matrix"
				      : "not a position within 10 km and a unit quaternion");
	return 0;
}

/* add(table) -> index */
static int l_add(lua_State *L)
{
	struct app *a = app_of(L);
	unsigned index;
	int err;

	luaL_checktype(L, 1, LUA_TTABLE);
	vm_spend(L, APP_LUA_CHANGE_COST);
	if (a->objects >= APP_MAX_OBJECTS)
		return sandbox_fail(L, "add: %d objects have been added", APP_MAX_OBJECTS);
	if (!app_room_for_node(a))
		return sandbox_fail(L, "add: the scene has as many nodes as it may");
	err = scene_add_node(a->scene, value_for(L, 1, "add", NULL), &index);
	if (err)
		return app_lua_fail(L, "add", err);
	a->objects++;
	lua_pushinteger(L, index);
	return 1;
}

static int l_remove(lua_State *L)
{
	struct scene *s = scene_of(L);
	unsigned node = node_at(L, 1);
	int err;

	vm_spend(L, APP_LUA_CHANGE_COST);
	not_a_participant(L, node);
	err = scene_remove(s, node);
	return err ? app_lua_fail(L, "remove", err) : 0;
}

/* show(node, bool): a node at the root of the scene */
static int l_show(lua_State *L)
{
	struct scene *s = scene_of(L);
	unsigned node = node_at(L, 1);
	int err;

	vm_spend(L, APP_LUA_CHANGE_COST);
	not_a_participant(L, node);
	err = scene_attach(s, node, lua_toboolean(L, 2));
	return err ? app_lua_fail(L, "show", err) : 0;
}

/* Poses of nodes are not in the document. */
static bool is_pose(const char *pointer)
{
	const char *last = strrchr(pointer, '/');

	return strncmp(pointer, "/nodes/", 7) == 0 && strchr(pointer + 7, '/') == last &&
	       (strcmp(last, "/translation") == 0 || strcmp(last, "/rotation") == 0 ||
		       strcmp(last, "/matrix") == 0);
}

/* set(pointer, value) */
static int l_set(lua_State *L)
{
	struct scene *s = scene_of(L);
	const char *pointer = pointer_at(L, 1);
	int err;

	luaL_checkany(L, 2);
	vm_spend(L, APP_LUA_CHANGE_COST);
	if (strncmp(pointer, "/scenes", 7) == 0 || strcmp(pointer, "/nodes") == 0)
		return sandbox_fail(L, "set: %s is not the application's", pointer);
	if (is_pose(pointer))
		return sandbox_fail(L, "set: %s: use scene.move", pointer);
	err = scene_set(s, pointer, value_at(L, 2, "set", pointer));
	return err ? app_lua_fail(L, "set", err) : 0;
}

/* append('materials', table) -> index */
static int l_append(lua_State *L)
{
	static const char *const lists[] = {"materials", "meshes", "animations", "accessors",
		"bufferViews", "buffers", "textures", "images", "samplers", NULL};
	struct app_lua *l = lua_of(L);
	const char *list = lists[luaL_checkoption(L, 1, NULL, lists)];
	struct scene *s = scene_of(L);
	unsigned index;
	int err;

	luaL_checktype(L, 2, LUA_TTABLE);
	vm_spend(L, APP_LUA_CHANGE_COST);
	if (l->appended >= APP_LUA_APPENDED)
		return sandbox_fail(L, "append: %d have been appended", APP_LUA_APPENDED);
	err = scene_append(s, list, value_for(L, 2, "append", NULL), &index);
	if (err)
		return app_lua_fail(L, "append", err);
	l->appended++;
	lua_pushinteger(L, index);
	return 1;
}

/* extras(node, name, value): a member of the node's extras */
static int l_extras(lua_State *L)
{
	struct scene *s = scene_of(L);
	unsigned node = node_at(L, 1);
	const char *name = luaL_checkstring(L, 2);
	char pointer[MAX_POINTER];
	int err;

	luaL_checkany(L, 3);
	vm_spend(L, APP_LUA_CHANGE_COST);
	if (!is_plain(name))
		return sandbox_fail(L, "extras: a plain name of up to 64 letters");
	if (!json_is_object(json_object_get(scene_node(s, node), "extras"))) {
		snprintf(pointer, sizeof(pointer), "/nodes/%u/extras", node);
		err = scene_set(s, pointer, json_object());
		if (err)
			return app_lua_fail(L, "extras", err);
	}
	snprintf(pointer, sizeof(pointer), "/nodes/%u/extras/%s", node, name);
	err = scene_set(s, pointer, value_at(L, 3, "extras", pointer));
	return err ? app_lua_fail(L, "extras", err) : 0;
}

/* lock(node, participant|nil): who alone may act upon it */
static int l_lock(lua_State *L)
{
	struct participant *p = lua_isnoneornil(L, 2) ? NULL : player_at(L, 2);

	lua_settop(L, 1);
	lua_pushliteral(L, "heldBy");
	if (p)
		lua_pushstring(L, p->name);
	else
		lua_pushlightuserdata(L, NULL);
	return l_extras(L);
}

/* material(node, {baseColorFactor = {...}, ...}): members of its pbrMetallicRoughness */
static int l_material(lua_State *L)
{
	struct scene *s = scene_of(L);
	unsigned node = node_at(L, 1);
	const json_t *mesh = json_object_get(scene_node(s, node), "mesh"), *m;
	char pointer[MAX_POINTER];
	int err = -ENOENT;

	luaL_checktype(L, 2, LUA_TTABLE);
	m = json_array_get(
		json_object_get(scene_doc(s), "meshes"), (size_t)json_integer_value(mesh));
	m = json_object_get(json_array_get(json_object_get(m, "primitives"), 0), "material");
	if (!json_is_integer(mesh) || !json_is_integer(m))
		return sandbox_fail(L, "material: the node has none");
	lua_pushnil(L);
	while (lua_next(L, 2)) {
		if (lua_type(L, -2) != LUA_TSTRING || !is_plain(lua_tostring(L, -2)))
			return sandbox_fail(L, "material: names of members");
		vm_spend(L, APP_LUA_CHANGE_COST);
		snprintf(pointer, sizeof(pointer), "/materials/%lld/pbrMetallicRoughness/%s",
			(long long)json_integer_value(m), lua_tostring(L, -2));
		err = scene_set(s, pointer, value_at(L, -1, "material", pointer));
		if (err)
			return app_lua_fail(L, "material", err);
		lua_pop(L, 1);
	}
	return 0;
}

/* ---- time ---- */

static int start_timer(lua_State *L, bool again)
{
	struct app_lua *l = lua_of(L);
	struct app *a = app_of(L);
	lua_Number s = luaL_checknumber(L, 1);
	unsigned i;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (!(s >= (again ? 0.02 : 0) && s <= MAX_TIMER_S))
		return sandbox_fail(L, "a timer is %s to 86400 seconds", again ? "0.02" : "0");
	for (i = 0; i < APP_LUA_TIMERS && l->timer[i].id; i++)
		;
	if (i == APP_LUA_TIMERS)
		return sandbox_fail(L, "%d timers are running", APP_LUA_TIMERS);
	lua_pushvalue(L, 2);
	l->timer[i].waits = false;
	l->timer[i].fn = vm_keep(L);
	l->timer[i].due = a->now + (uint64_t)(s * 1e6);
	l->timer[i].every = again ? (uint64_t)(s * 1e6) : 0;
	if (++l->next_timer == 0)
		l->next_timer = 1;
	l->timer[i].id = l->next_timer;
	lua_pushinteger(L, l->timer[i].id);
	return 1;
}

static int l_after(lua_State *L)
{
	return start_timer(L, false);
}

static int l_every(lua_State *L)
{
	return start_timer(L, true);
}

static int l_cancel(lua_State *L)
{
	struct app_lua *l = lua_of(L);
	lua_Integer id = luaL_checkinteger(L, 1);

	for (unsigned i = 0; i < APP_LUA_TIMERS; i++) {
		if (!l->timer[i].id || l->timer[i].id != (uint32_t)id)
			continue;
		luaL_unref(L, LUA_REGISTRYINDEX, l->timer[i].fn);
		l->timer[i].id = 0;
	}
	return 0;
}

static int l_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)app_of(L)->now / 1e6);
	return 1;
}

static int l_log(lua_State *L)
{
	size_t n;
	const char *s = luaL_checklstring(L, 1, &n);

	vm_log_add(vm_of(L), s, n);
	return 0;
}

void app_lua_module(lua_State *L)
{
	static const luaL_Reg functions[] = {{"participants", l_participants}, {"send", l_send},
		{"send_all", l_send_all}, {"builtin", l_builtin}, {"after", l_after},
		{"every", l_every}, {"cancel", l_cancel}, {"now", l_now}, {"log", l_log},
		{NULL, NULL}};
	static const luaL_Reg scene[] = {{"find", l_find}, {"node", l_node}, {"pose", l_pose},
		{"get", l_get}, {"move", l_move}, {"add", l_add}, {"remove", l_remove},
		{"show", l_show}, {"set", l_set}, {"append", l_append}, {"mesh", app_lua_mesh},
		{"extras", l_extras}, {"lock", l_lock}, {"material", l_material}, {NULL, NULL}};

	luaL_newlib(L, functions);
	luaL_newlib(L, scene);
	sandbox_seal(L);
	lua_setfield(L, -2, "scene");
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "null");
	sandbox_seal(L);
}
