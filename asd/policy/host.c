/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/host.h"
#include "common/lua/sandbox.h"
#include "asd/policy/verdict.h"
#include "common/lua/vm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char list_type[] = "ar.list";

/* ---- sources ---- */

int sources_get(struct sources *s, const char *path, const char **text, size_t *n)
{
	unsigned i;
	int err;

	for (i = 0; i < s->n && strcmp(s->file[i].path, path) != 0; i++)
		;
	if (i == sizeof(s->file) / sizeof(*s->file))
		return -E2BIG;
	if (i == s->n) {
		err = sandbox_read_file(path, VM_MAX_SOURCE, &s->file[i].text, &s->file[i].n);
		if (err)
			return err;
		s->file[i].path = strdup(path);
		if (!s->file[i].path) {
			free(s->file[i].text);
			return -ENOMEM;
		}
		s->n++;
	}
	*text = s->file[i].text;
	*n = s->file[i].n;
	return 0;
}

void sources_free(struct sources *s)
{
	while (s->n) {
		s->n--;
		free(s->file[s->n].path);
		free(s->file[s->n].text);
	}
}

static struct ar_span check_span(lua_State *L, int arg)
{
	struct ar_span s;

	s.p = luaL_checklstring(L, arg, &s.n);
	return s;
}

static struct ar_span opt_span(lua_State *L, int arg)
{
	return lua_isnoneornil(L, arg) ? AR_SPAN_NONE : check_span(L, arg);
}

/* ---- lists ---- */

struct list_ref {
	const struct policy_list *list; /* owned by struct lists */
};

static const struct policy_list *check_list(lua_State *L, int arg)
{
	const struct list_ref *ref = luaL_checkudata(L, arg, list_type);

	return ref->list;
}

static int l_list_has(lua_State *L)
{
	lua_pushboolean(L, list_has(check_list(L, 1), check_span(L, 2)));
	return 1;
}

static int l_list_has_party(lua_State *L)
{
	const struct policy_list *l = check_list(L, 1);

	lua_pushboolean(L, list_has_party(l, opt_span(L, 2), opt_span(L, 3)));
	return 1;
}

static int push_value(lua_State *L, struct ar_span v)
{
	if (v.p)
		lua_pushlstring(L, v.p, v.n);
	else
		lua_pushnil(L);
	return 1;
}

static int l_list_get(lua_State *L)
{
	return push_value(L, list_value(check_list(L, 1), check_span(L, 2)));
}

static int l_list_party(lua_State *L)
{
	const struct policy_list *l = check_list(L, 1);

	return push_value(L, list_party_value(l, opt_span(L, 2), opt_span(L, 3)));
}

static int l_list_size(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)list_size(check_list(L, 1)));
	return 1;
}

static int l_list_path(lua_State *L)
{
	lua_pushstring(L, list_path(check_list(L, 1)));
	return 1;
}

static int l_list(lua_State *L)
{
	struct vm *vm = vm_of(L);
	struct host *h = vm_user(vm);
	const char *name = luaL_checkstring(L, 1);
	const struct policy_list *list;
	struct list_ref *ref;
	char path[4096], why[512];
	int err;

	if (!vm_loading(vm) || !h)
		return sandbox_fail(L, "lists are read only while the policy loads");
	if (name[0] == '/')
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), "%s/%s", vm_policy_dir(vm), name);
	vm_pause(vm);
	err = lists_open(&h->lists, path, lua_toboolean(L, 2), &list, why, sizeof(why));
	vm_resume(vm);
	if (err)
		return sandbox_fail(L, "%s%s", why,
			err == -ENOENT && name[0] != '/' ? " (it is looked for beside the policy)"
							 : "");
	ref = lua_newuserdatauv(L, sizeof(*ref), 0);
	ref->list = list;
	luaL_setmetatable(L, list_type);
	return 1;
}

static void make_list_type(lua_State *L)
{
	static const luaL_Reg methods[] = {{"has", l_list_has}, {"has_party", l_list_has_party},
		{"get", l_list_get}, {"party", l_list_party}, {"size", l_list_size},
		{"path", l_list_path}, {NULL, NULL}};

	if (luaL_newmetatable(L, list_type)) {
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
	}
	lua_pop(L, 1);
}

/* ---- small things ---- */

static int l_fail(lua_State *L)
{
	return sandbox_fail(L, "%s", luaL_checkstring(L, 1));
}

static int l_seal(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	sandbox_seal(L);
	return 1;
}

static int l_log(lua_State *L)
{
	struct ar_span s = check_span(L, 1);

	vm_log_add(vm_of(L), s.p, s.n);
	return 0;
}

/* 0 to 99.99, the same for the same text everywhere: shares of calls that stay put. */
static int l_share(lua_State *L)
{
	struct ar_span s = check_span(L, 1);
	uint64_t h = 0xcbf29ce484222325u;

	while (s.n--)
		h = (h ^ (unsigned char)*s.p++) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	lua_pushnumber(L, (lua_Number)(h % 10000) / 100);
	return 1;
}

/* "192.0.2.7:5060", "[2001:db8::1]:5060", "192.0.2.7" */
static int parse_address(struct ar_span s, unsigned char out[16], unsigned *bytes)
{
	char text[INET6_ADDRSTRLEN];
	const char *colon;

	if (s.n && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.n);

		if (!end)
			return -1;
		s = (struct ar_span){s.p + 1, (size_t)(end - s.p) - 1};
	} else {
		colon = memchr(s.p, ':', s.n);
		if (colon && !memchr(colon + 1, ':', s.n - (size_t)(colon + 1 - s.p)))
			s.n = (size_t)(colon - s.p);
	}
	if (!s.n || s.n >= sizeof(text))
		return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, out) == 1)
		*bytes = 4;
	else if (inet_pton(AF_INET6, text, out) == 1)
		*bytes = 16;
	else
		return -1;
	return 0;
}

/* cidr(text) -> network (4 or 16 bytes), bits; fails on anything else. */
static int l_cidr(lua_State *L)
{
	struct ar_span s = check_span(L, 1);
	const char *slash = memchr(s.p, '/', s.n);
	unsigned char a[16];
	unsigned bytes;
	char *end = NULL;
	unsigned long bits;

	if (parse_address((struct ar_span){s.p, slash ? (size_t)(slash - s.p) : s.n}, a, &bytes) <
		0)
		return sandbox_fail(L, "'%s' is not an address or a network", s.p);
	bits = slash ? strtoul(slash + 1, &end, 10) : bytes * 8;
	if (slash && (end == slash + 1 || *end || bits > bytes * 8))
		return sandbox_fail(L, "'%s' is not a network: 0 to %u bits", s.p, bytes * 8);
	lua_pushlstring(L, (char *)a, bytes);
	lua_pushinteger(L, (lua_Integer)bits);
	return 2;
}

/* in_cidr(address, network, bits) */
static int l_in_cidr(lua_State *L)
{
	struct ar_span net = check_span(L, 2), addr = check_span(L, 1);
	unsigned bits = (unsigned)luaL_checkinteger(L, 3), bytes, full = bits / 8;
	unsigned char a[16], mask = (unsigned char)(0xff00u >> (bits % 8));
	bool in = parse_address(addr, a, &bytes) == 0 && bytes == net.n && bits <= bytes * 8 &&
		  memcmp(a, net.p, full) == 0;

	if (in && bits % 8)
		in = ((a[full] ^ (unsigned char)net.p[full]) & mask) == 0;
	lua_pushboolean(L, in);
	return 1;
}

/* check('verdict'|'answer', table, whose, levels): refused in the name of `whose`, an action,
 * without naming the levels of the table below it that only the library made. */
static int l_check(lua_State *L)
{
	static const char *const kinds[] = {"verdict", "answer", NULL};
	struct policy_verdict *v;
	struct policy_answer *a;
	char why[256] = "";
	int kind = luaL_checkoption(L, 1, NULL, kinds), err;
	struct verdict_text t = {.why = why,
		.cap = sizeof(why),
		.what = luaL_optstring(L, 3, NULL),
		.hidden = (unsigned)luaL_optinteger(L, 4, 0)};

	lua_settop(L, 3);
	/* Owned by the state: an error may be raised meanwhile. */
	v = lua_newuserdatauv(L, sizeof(*v) + sizeof(*a), 0);
	a = (struct policy_answer *)(void *)(v + 1);
	memset(a, 0, sizeof(*a));
	err = kind == 0 ? verdict_read(L, 2, v, &t) : verdict_read_answer(L, 2, a, &t);
	if (err)
		return sandbox_fail(L, "%s", why);
	lua_settop(L, 2);
	return 1;
}

/* dcmf(name): an error while the script loads, unless asd.conf has it. */
static int l_dcmf(lua_State *L)
{
	const struct host *h = vm_user(vm_of(L));
	const char *name = luaL_checkstring(L, 1);
	const struct policy_conf *c = h ? h->conf : NULL;
	char names[256] = "";
	size_t n = 0;
	unsigned i;

	if (!c || !c->facts_known || !vm_loading(vm_of(L)))
		return 0;
	for (i = 0; i < c->ndcmfs; i++) {
		if (strcmp(c->dcmf[i], name) == 0)
			return 0;
		if (n < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n, ", %s", c->dcmf[i]);
	}
	return sandbox_fail(L,
		"act.accept.dcmf: asd.conf has no dcmf '%.60s'; there are nearest, "
		"least-loaded%s",
		name, names);
}

/* ---- facts ---- */

bool host_knows_fact(const struct host *h, const char *name)
{
	unsigned i;

	if (!h || !h->conf || !h->conf->facts_known)
		return true;
	for (i = 0; i < h->conf->nfacts; i++)
		if (strcmp(h->conf->fact[i], name) == 0)
			return true;
	return false;
}

int host_no_fact(lua_State *L, const struct host *h, const char *name)
{
	char names[256] = "none";
	size_t n = 0;
	unsigned i;

	for (i = 0; i < h->conf->nfacts && n < sizeof(names); i++)
		n += (size_t)snprintf(
			names + n, sizeof(names) - n, "%s%s", i ? ", " : "", h->conf->fact[i]);
	return sandbox_fail(L, "asd.conf has no fact '%.60s'; it has: %s", name, names);
}

/* fact(name): an error unless asd.conf has it. */
static int l_fact(lua_State *L)
{
	const struct host *h = vm_user(vm_of(L));
	const char *name = luaL_checkstring(L, 1);

	return host_knows_fact(h, name) ? 0 : host_no_fact(L, h, name);
}

static void host_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"fail", l_fail}, {"seal", l_seal}, {"list", l_list},
		{"log", l_log}, {"share", l_share}, {"cidr", l_cidr}, {"in_cidr", l_in_cidr},
		{"check", l_check}, {"fact", l_fact}, {"dcmf", l_dcmf}, {NULL, NULL}};

	make_list_type(L);
	luaL_newlib(L, functions);
	lua_pushinteger(L, POLICY_API_VERSION);
	lua_setfield(L, -2, "api");
	sandbox_seal(L);
}

const struct vm_module host_modules[] = {{"ar.host", host_open}, {NULL, NULL}};

int host_source(void *user, const char *path, const char **text, size_t *n)
{
	struct host *h = user;

	return sources_get(&h->sources, path, text, n);
}
