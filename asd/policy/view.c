/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/view.h"
#include "asd/policy/host.h"
#include "common/lua/vm.h"

#include <lauxlib.h>
#include <string.h>

static char metatable_key, party_key, caps_key, facts_key;

const char *const view_caps[] = {"datachannel", "ar-capable", "ar-assisted", "avatar", NULL};
/* As ar_reasons_print() writes them, by bit. */
const char *const view_reasons[] = {"dc-section", "contact-datachannel", "subprotocol", "req-app",
	"ar-capable", "ar-assisted", "avatar", "service", "bad-dc-section", "max-bundle",
	"accept-contact", NULL};
const char *const view_classes[] = {"none", "dc-capable", "dc", "ar", NULL};
static const char *const outcomes[] = {
	"ar-capable", "ar-assisted", "dc-only", "dc-refused", "none-offered"};

static void push_span(lua_State *L, struct ar_span s)
{
	if (s.p)
		lua_pushlstring(L, s.p, s.n);
	else
		lua_pushnil(L);
}

/* Where a stranger can leave something out the script gets "", so that it need not ask. */
static void set_text(lua_State *L, const char *name, struct ar_span s)
{
	lua_pushlstring(L, s.p ? s.p : "", s.p ? s.n : 0);
	lua_setfield(L, -2, name);
}

static void push_text(lua_State *L, struct ar_span s)
{
	lua_pushlstring(L, s.p ? s.p : "", s.p ? s.n : 0);
}

static void set_int(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

static void set_bool(lua_State *L, const char *name, bool v)
{
	lua_pushboolean(L, v);
	lua_setfield(L, -2, name);
}

static void push_set(lua_State *L, unsigned bits, const char *const *names)
{
	unsigned i;

	lua_createtable(L, 0, 4);
	for (i = 0; names[i]; i++)
		if (bits & (1u << i))
			set_bool(L, names[i], true);
}

/* A misspelt field of the table on the top is an error, as one of call is. */
static void strict(lua_State *L, const char *key)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, key);
	lua_setmetatable(L, -2);
}

static void push_caps(lua_State *L, unsigned bits)
{
	push_set(L, bits, view_caps);
	strict(L, &caps_key);
}

static void push_party(lua_State *L, const struct policy_party *p)
{
	lua_createtable(L, 0, 5);
	set_text(L, "uri", p->uri);
	set_text(L, "user", p->user);
	set_text(L, "host", p->host);
	push_caps(L, p->caps);
	lua_setfield(L, -2, "caps");
	push_caps(L, p->registered);
	lua_setfield(L, -2, "registered");
	strict(L, &party_key);
}

/* ---- one function a field ---- */

#define FIELD(name) static void push_##name(lua_State *L, const struct view *v)

FIELD(callid)
{
	push_text(L, v->call->callid);
}

FIELD(caller)
{
	push_party(L, &v->call->caller);
}

FIELD(callee)
{
	push_party(L, &v->call->callee);
}

FIELD(asserted)
{
	push_span(L, v->call->asserted);
}

FIELD(role)
{
	push_text(L, v->call->role);
}

FIELD(side)
{
	lua_pushstring(L, v->call->side == AR_SIDE_A ? "a" : "b");
}

FIELD(initial)
{
	lua_pushboolean(L, v->call->initial);
}

FIELD(class)
{
	lua_pushstring(L, v->call->cls <= AR_CLASS_AR ? view_classes[v->call->cls] : "none");
}

FIELD(reasons)
{
	push_set(L, v->call->reasons, view_reasons);
}

static unsigned at_most(unsigned n, unsigned max)
{
	return n < max ? n : max;
}

FIELD(media)
{
	unsigned i, n = at_most(v->call->nmedia, POLICY_MAX_MEDIA);

	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		const struct policy_media *m = &v->call->media[i];

		lua_createtable(L, 0, 4);
		set_text(L, "media", m->media);
		set_text(L, "proto", m->proto);
		set_bool(L, "live", m->live);
		set_bool(L, "datachannel", m->kind == AR_SDP_DATACHANNEL);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

FIELD(channels)
{
	unsigned i, n = at_most(v->call->nchannels, POLICY_MAX_CHANNELS);

	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		const struct ar_dc_stream *c = &v->call->channels[i];

		lua_createtable(L, 0, 8);
		set_int(L, "id", c->id);
		set_text(L, "subprotocol", c->subprotocol);
		set_text(L, "label", c->label);
		set_bool(L, "ordered", c->ordered);
		set_bool(L, "reliable", c->max_retr < 0 && c->max_time < 0);
		if (c->max_retr >= 0)
			set_int(L, "max_retr", c->max_retr);
		if (c->max_time >= 0)
			set_int(L, "max_time", c->max_time);
		set_int(L, "priority", c->priority);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* Live media and the channels' subprotocols as one set. */
FIELD(offers)
{
	unsigned i;

	lua_createtable(L, 0, 8);
	for (i = 0; i < v->call->nmedia && i < POLICY_MAX_MEDIA; i++) {
		const struct policy_media *m = &v->call->media[i];

		if (!m->live)
			continue;
		if (m->kind == AR_SDP_DATACHANNEL)
			lua_pushliteral(L, "datachannel");
		else
			lua_pushlstring(L, m->media.p ? m->media.p : "", m->media.n);
		lua_pushboolean(L, 1);
		lua_rawset(L, -3);
	}
	for (i = 0; i < v->call->nchannels && i < POLICY_MAX_CHANNELS; i++) {
		struct ar_span s = v->call->channels[i].subprotocol;

		if (!s.n)
			continue;
		lua_pushlstring(L, s.p, s.n);
		lua_pushboolean(L, 1);
		lua_rawset(L, -3);
	}
}

FIELD(req_app)
{
	push_span(L, v->call->req_app);
}

FIELD(source)
{
	push_text(L, v->call->source);
}

FIELD(calls_of_caller)
{
	lua_pushinteger(L, v->call->calls_of_caller);
}

FIELD(calls_total)
{
	lua_pushinteger(L, v->call->calls_total);
}

FIELD(hour)
{
	lua_pushinteger(L, v->call->hour);
}

FIELD(minute)
{
	lua_pushinteger(L, v->call->minute);
}

FIELD(weekday)
{
	lua_pushinteger(L, v->call->weekday);
}

FIELD(dcmfs)
{
	unsigned i, n = at_most(v->call->ndcmfs, POLICY_MAX_DCMFS);

	lua_createtable(L, (int)n, 0);
	for (i = 0; i < n; i++) {
		const struct policy_dcmf *d = &v->call->dcmfs[i];

		lua_createtable(L, 0, 4);
		set_text(L, "name", d->name);
		set_bool(L, "healthy", d->healthy);
		set_int(L, "load", d->load);
		set_int(L, "calls", d->calls);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* A fact is a string, false when its look-up failed, nil when there is no such fact. */
FIELD(facts)
{
	unsigned i, n = at_most(v->call->nfacts, POLICY_MAX_FACTS);

	lua_createtable(L, 0, (int)n);
	for (i = 0; i < n; i++) {
		const struct policy_fact *f = &v->call->facts[i];

		lua_pushlstring(L, f->name.p ? f->name.p : "", f->name.n);
		if (f->value.p)
			push_span(L, f->value);
		else
			lua_pushboolean(L, 0);
		lua_rawset(L, -3);
	}
	strict(L, &facts_key);
}

/* Why look-ups failed, by name. */
FIELD(facts_failed)
{
	unsigned i, n = at_most(v->call->nfacts, POLICY_MAX_FACTS);

	lua_createtable(L, 0, 2);
	for (i = 0; i < n; i++) {
		const struct policy_fact *f = &v->call->facts[i];

		if (f->value.p)
			continue;
		lua_pushlstring(L, f->name.p ? f->name.p : "", f->name.n);
		lua_pushlstring(L, f->why.p ? f->why.p : "failed", f->why.p ? f->why.n : 6);
		lua_rawset(L, -3);
	}
	strict(L, &facts_key);
}

FIELD(outcome)
{
	if (v->outcome >= 0 && v->outcome < AR_OUTCOMES)
		lua_pushstring(L, outcomes[v->outcome]);
	else
		lua_pushnil(L);
}

FIELD(verdict)
{
	if (!v->verdict) {
		lua_pushnil(L);
		return;
	}
	lua_createtable(L, 0, 5);
	set_text(L, "action", ar_span_str(policy_action_name(v->verdict->action)));
	set_text(L, "rule", ar_span_str(v->verdict->rule));
	set_text(L, "scene", ar_span_str(v->verdict->scene));
	set_text(L, "application", ar_span_str(v->verdict->application));
	set_text(L, "share", ar_span_str(v->verdict->share));
}

FIELD(ended)
{
	const struct policy_end *e = v->end;

	if (!e) {
		lua_pushnil(L);
		return;
	}
	lua_createtable(L, 0, 8);
	set_text(L, "reason", e->reason);
	set_text(L, "rule", e->rule);
	set_text(L, "scene", e->scene);
	set_text(L, "action", ar_span_str(policy_action_name(e->action)));
	set_int(L, "seconds", (lua_Integer)e->seconds);
	set_int(L, "poses", (lua_Integer)e->poses);
	set_int(L, "actions", (lua_Integer)e->actions);
	set_int(L, "updates", (lua_Integer)e->updates);
}

static const struct {
	const char *name;
	void (*push)(lua_State *L, const struct view *v);
} fields[] = {
	{"callid", push_callid},
	{"caller", push_caller},
	{"callee", push_callee},
	{"asserted", push_asserted},
	{"role", push_role},
	{"side", push_side},
	{"initial", push_initial},
	{"class", push_class},
	{"reasons", push_reasons},
	{"media", push_media},
	{"channels", push_channels},
	{"offers", push_offers},
	{"req_app", push_req_app},
	{"source", push_source},
	{"calls_of_caller", push_calls_of_caller},
	{"calls_total", push_calls_total},
	{"hour", push_hour},
	{"minute", push_minute},
	{"weekday", push_weekday},
	{"dcmfs", push_dcmfs},
	{"facts", push_facts},
	{"facts_failed", push_facts_failed},
	{"outcome", push_outcome},
	{"verdict", push_verdict},
	{"ended", push_ended},
};

/* __index: upvalue 1 maps the name to its place in fields. */
static int view_index(lua_State *L)
{
	const struct host *h = vm_user(vm_of(L));
	lua_Integer i;

	lua_pushvalue(L, 2);
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER)
		return luaL_error(L, "call has no field '%s'",
			lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2));
	i = lua_tointeger(L, -1);
	if (!h->view || lua_topointer(L, 1) != h->view_table)
		return luaL_error(L, "call.%s: this call was decided before", fields[i].name);
	fields[i].push(L, h->view);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, -2);
	lua_rawset(L, 1);
	return 1;
}

static int view_newindex(lua_State *L)
{
	return luaL_error(L, "call is read-only");
}

/* ---- what is in its tables ---- */

static const char *key_text(lua_State *L)
{
	return lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
}

static int party_index(lua_State *L)
{
	return luaL_error(
		L, "a party has no field '%s': uri, user, host, caps, registered", key_text(L));
}

static int caps_index(lua_State *L)
{
	const char *key = key_text(L);

	for (size_t i = 0; view_caps[i]; i++)
		if (strcmp(key, view_caps[i]) == 0)
			return 0;
	return luaL_error(
		L, "'%s' is no capability: datachannel, ar-capable, ar-assisted, avatar", key);
}

static int facts_index(lua_State *L)
{
	const struct host *h = vm_user(vm_of(L));
	const char *key = key_text(L);

	return host_knows_fact(h, key) ? 0 : host_no_fact(L, h, key);
}

static void open_strict(lua_State *L, const char *key, lua_CFunction index)
{
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, index);
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

void view_open(lua_State *L)
{
	size_t i;

	lua_createtable(L, 0, 3);
	lua_createtable(L, 0, 32);
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		set_int(L, fields[i].name, (lua_Integer)i);
	lua_pushcclosure(L, view_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, view_newindex);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
	open_strict(L, &party_key, party_index);
	open_strict(L, &caps_key, caps_index);
	open_strict(L, &facts_key, facts_index);
}

void view_push(lua_State *L)
{
	struct host *h = vm_user(vm_of(L));

	lua_createtable(L, 0, 4);
	h->view_table = lua_topointer(L, -1);
	lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
	lua_setmetatable(L, -2);
}
