/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/policy_json.h"
#include "asd/policy/view.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lua to JSON ---- */

static json_t *from_lua(lua_State *L, int idx, unsigned depth);

static json_t *array_from_lua(lua_State *L, int idx, unsigned depth)
{
	json_t *a = json_array();
	size_t i, n = lua_rawlen(L, idx);

	for (i = 1; i <= n; i++) {
		lua_rawgeti(L, idx, (lua_Integer)i);
		if (json_array_append_new(a, from_lua(L, lua_gettop(L), depth + 1)) != 0) {
			json_decref(a);
			a = NULL;
		}
		lua_pop(L, 1);
		if (!a)
			return NULL;
	}
	return a;
}

static json_t *object_from_lua(lua_State *L, int idx, unsigned depth)
{
	json_t *o = json_object();
	bool any = false;

	lua_pushnil(L);
	while (lua_next(L, idx)) {
		any = true;
		if (lua_type(L, -2) != LUA_TSTRING ||
			json_object_set_new(o, lua_tostring(L, -2),
				from_lua(L, lua_gettop(L), depth + 1)) != 0) {
			json_decref(o);
			lua_pop(L, 2);
			return NULL;
		}
		lua_pop(L, 1);
	}
	if (!any) { /* {} may be either; readers of objects take it too */
		json_decref(o);
		return json_array();
	}
	return o;
}

static json_t *from_lua(lua_State *L, int idx, unsigned depth)
{
	const char *s;
	size_t n;

	if (depth > POLICY_JSON_MAX_DEPTH || !lua_checkstack(L, 4))
		return NULL;
	switch (lua_type(L, idx)) {
	case LUA_TBOOLEAN:
		return json_boolean(lua_toboolean(L, idx));
	case LUA_TNUMBER:
		return lua_isinteger(L, idx) ? json_integer(lua_tointeger(L, idx))
					     : json_real(lua_tonumber(L, idx));
	case LUA_TSTRING:
		s = lua_tolstring(L, idx, &n);
		return json_stringn(s, n);
	case LUA_TTABLE:
		return lua_rawlen(L, idx) ? array_from_lua(L, idx, depth)
					  : object_from_lua(L, idx, depth);
	default:
		return NULL;
	}
}

json_t *policy_json_from_lua(lua_State *L, int idx)
{
	return from_lua(L, lua_absindex(L, idx), 0);
}

/* ---- comparing ---- */

static void say(char *why, size_t cap, const char *path, json_t *got, json_t *want)
{
	char *g = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *w = json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT);

	snprintf(why, cap, "%s is %s, expected %s", path, g ? g : "not there", w ? w : "?");
	free(g);
	free(w);
}

static bool has(json_t *got, json_t *want, const char *path, char *why, size_t cap)
{
	char at[160];
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_object(want) && json_is_object(got)) {
		json_object_foreach(want, key, v)
		{
			snprintf(at, sizeof(at), "%s%s%s", path, *path ? "." : "", key);
			if (!has(json_object_get(got, key), v, at, why, cap))
				return false;
		}
		return true;
	}
	if (json_is_array(want) && json_is_array(got) &&
		json_array_size(want) == json_array_size(got)) {
		json_array_foreach(want, i, v)
		{
			snprintf(at, sizeof(at), "%s[%zu]", path, i + 1);
			if (!has(json_array_get(got, i), v, at, why, cap))
				return false;
		}
		return true;
	}
	/* What is empty or false is left out of verdicts. */
	if (!got && (json_is_false(want) || (json_is_array(want) && !json_array_size(want)) ||
			    (json_is_string(want) && !*json_string_value(want))))
		return true;
	if (got && json_equal(got, want))
		return true;
	say(why, cap, path, got, want);
	return false;
}

bool policy_json_has(json_t *got, json_t *want, char *why, size_t cap)
{
	return has(got, want, "", why, cap);
}

/* ---- verdicts ---- */

static void set_text(json_t *o, const char *key, const char *s)
{
	if (*s)
		json_object_set_new(o, key, json_string(s));
}

static void set_uint(json_t *o, const char *key, unsigned v)
{
	if (v)
		json_object_set_new(o, key, json_integer(v));
}

static void set_some(json_t *o, const char *key, json_t *v)
{
	if (json_object_size(v) || json_array_size(v))
		json_object_set_new(o, key, v);
	else
		json_decref(v);
}

/* A party has one operation on a media type: the last step counts. */
static bool is_replaced(const struct policy_step *step, unsigned n, unsigned i)
{
	for (unsigned k = i + 1; k < n; k++) {
		if (step[k].party == step[i].party && strcmp(step[k].media, step[i].media) == 0)
			return true;
	}
	return false;
}

static json_t *steps_json(const struct policy_step *step, unsigned n)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < n; i++) {
		json_t *o = json_object();

		set_text(o, "party", step[i].party == POLICY_CALLER ? "caller" : "callee");
		set_text(o, "media", step[i].media);
		set_text(o, "by", step[i].by);
		set_text(o, "op", step[i].op);
		set_text(o, "codec", step[i].codec);
		set_uint(o, "max_kbps", step[i].max_kbps);
		if (is_replaced(step, n, i))
			json_object_set_new(o, "replaced", json_true());
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *headers_json(const struct policy_verdict *v)
{
	json_t *a = json_array();
	unsigned i;

	for (i = 0; i < v->nheaders; i++)
		json_array_append_new(a, json_pack("{ss ss}", "name", v->header[i].name, "value",
						 v->header[i].value));
	return a;
}

json_t *policy_verdict_json(const struct policy_verdict *v, enum policy_result r)
{
	json_t *o = json_object(), *net = json_object(), *lim = json_object();

	set_text(o, "result", policy_result_name(r));
	set_text(o, "action", policy_action_name(v->action));
	set_text(o, "rule", v->rule);
	set_uint(o, "code", (unsigned)v->code);
	set_text(o, "reason", v->reason);
	set_text(o, "scene", v->scene);
	set_text(o, "application", v->application);
	set_text(o, "dcmf", v->dcmf);
	set_text(o, "share", v->share);
	set_uint(o, "full", (unsigned)v->full);
	set_text(net, "caller", v->network[POLICY_CALLER]);
	set_text(net, "callee", v->network[POLICY_CALLEE]);
	set_some(o, "network", net);
	set_uint(lim, "max_seconds", v->limits.max_seconds);
	set_uint(lim, "max_kbps", v->limits.max_kbps);
	set_uint(lim, "max_pose_hz", v->limits.max_pose_hz);
	set_uint(lim, "max_nodes", v->limits.max_nodes);
	set_uint(lim, "max_participants", v->limits.max_participants);
	set_some(o, "limits", lim);
	set_some(o, "process", steps_json(v->step, v->nsteps));
	set_some(o, "headers", headers_json(v));
	if (v->trace)
		json_object_set_new(o, "trace", json_true());
	set_text(o, "error", v->error);
	return o;
}

json_t *policy_answer_json(const struct policy_answer *a, enum policy_result r)
{
	json_t *o = json_object();

	set_text(o, "result", policy_result_name(r));
	json_object_set_new(o, "keep", json_boolean(a->keep_a));
	set_text(o, "rule", a->rule);
	set_some(o, "process", steps_json(a->step, a->nsteps));
	set_text(o, "error", a->error);
	return o;
}
