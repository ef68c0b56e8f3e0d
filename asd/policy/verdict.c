/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/verdict.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum type {
	NAME, /* letters, digits and ._:@- ; size bytes at off */
	TEXT, /* printable; size bytes at off */
	UINT, /* unsigned, at most max */
	CODE, /* int, 400..699 */
	FLAG, /* bool */
	CHOICE, /* enum; words */
	READ, /* read() */
};

#define MAX_DEPTH 6

/* Where we are, put into words only when something is refused. */
struct place {
	const char *name; /* NULL: an element */
	size_t index;
};

struct reader {
	lua_State *L;
	char *why;
	size_t cap;
	unsigned depth;
	unsigned hidden; /* places behind the first that the operator did not write */
	struct place at[MAX_DEPTH];
};

struct field {
	const char *name;
	enum type type;
	unsigned max;
	size_t off, size;
	const char *const *words;
	int (*read)(struct reader *r, void *at);
};

#define FIELDS(a) (a), sizeof(a) / sizeof(*(a))
#define SIZE(s, m) sizeof(((s *)0)->m)
#define STR(s, name, kind, m)                                                                      \
	{                                                                                          \
		name, kind, 0, offsetof(s, m), SIZE(s, m), NULL, NULL                              \
	}
#define NUM(s, name, m, most)                                                                      \
	{                                                                                          \
		name, UINT, most, offsetof(s, m), 0, NULL, NULL                                    \
	}
#define SUB(s, name, m, fn)                                                                        \
	{                                                                                          \
		name, READ, 0, offsetof(s, m), 0, NULL, fn                                         \
	}

static int refuse(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct reader *r, const char *fmt, ...)
{
	size_t n = 0;
	unsigned i;
	va_list ap;

	for (i = 0; i < r->depth && n < r->cap; i++) {
		if (i && i <= r->hidden)
			continue;
		if (r->at[i].name)
			n += (size_t)snprintf(
				r->why + n, r->cap - n, "%s%s", i ? "." : "", r->at[i].name);
		else
			n += (size_t)snprintf(r->why + n, r->cap - n, "[%zu]", r->at[i].index);
	}
	if (n >= r->cap)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(r->why + n, r->cap - n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int enter(struct reader *r, const char *name, size_t index)
{
	if (r->depth == MAX_DEPTH)
		return refuse(r, " is nested too deeply");
	r->at[r->depth].name = name;
	r->at[r->depth++].index = index;
	return 0;
}

bool policy_is_utf8(struct ar_span s)
{
	json_t *text = json_stringn(s.p ? s.p : "", s.n);

	json_decref(text);
	return text != NULL;
}

static bool name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._:@-/", c));
}

static int read_text(struct reader *r, const struct field *f, char *at)
{
	const char *s;
	size_t i, n;

	if (lua_type(r->L, -1) != LUA_TSTRING)
		return refuse(r, " must be a string, it is a %s", luaL_typename(r->L, -1));
	s = lua_tolstring(r->L, -1, &n);
	if (n >= f->size)
		return refuse(r, " is too long: %zu bytes, at most %zu", n, f->size - 1);
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (f->type == NAME ? !name_char(c) : c < ' ' || c == 0x7f)
			return refuse(r, " has a character that is not allowed (byte %zu)", i + 1);
	}
	/* it goes into JSON: a name cut in the middle of a character would cost the whole answer */
	if (!policy_is_utf8((struct ar_span){s, n}))
		return refuse(r, " is not UTF-8");
	memcpy(at, s, n);
	at[n] = '\0';
	return 0;
}

static int read_number(struct reader *r, lua_Integer min, lua_Integer max, lua_Integer *out)
{
	int ok = 0;
	lua_Integer v = 0;

	if (lua_type(r->L, -1) == LUA_TNUMBER)
		v = lua_tointegerx(r->L, -1, &ok);
	if (!ok)
		return refuse(r, " must be a whole number");
	if (v < min || v > max)
		return refuse(r, " must be %lld to %lld, it is %lld", (long long)min,
			(long long)max, (long long)v);
	*out = v;
	return 0;
}

static int read_choice(struct reader *r, const struct field *f, unsigned *at)
{
	char list[128] = "";
	const char *s = lua_type(r->L, -1) == LUA_TSTRING ? lua_tostring(r->L, -1) : NULL;
	size_t n = 0;
	unsigned i;

	for (i = 0; f->words[i]; i++) {
		if (s && strcmp(s, f->words[i]) == 0) {
			*at = i;
			return 0;
		}
		n += (size_t)snprintf(list + n, n < sizeof(list) ? sizeof(list) - n : 0, "%s'%s'",
			i ? ", " : "", f->words[i]);
	}
	return refuse(r, " must be one of %s", list);
}

static int read_field(struct reader *r, const struct field *f, char *base)
{
	lua_Integer n = 0;
	int err;

	switch (f->type) {
	case NAME:
	case TEXT:
		return read_text(r, f, base + f->off);
	case UINT:
		err = read_number(r, 0, f->max, &n);
		if (!err)
			*(unsigned *)(void *)(base + f->off) = (unsigned)n;
		return err;
	case CODE:
		err = read_number(r, 400, 699, &n);
		if (!err)
			*(int *)(void *)(base + f->off) = (int)n;
		return err;
	case FLAG:
		if (!lua_isboolean(r->L, -1))
			return refuse(r, " must be true or false");
		*(bool *)(base + f->off) = lua_toboolean(r->L, -1);
		return 0;
	case CHOICE:
		return read_choice(r, f, (unsigned *)(void *)(base + f->off));
	case READ:
		return f->read(r, base + f->off);
	}
	return -EINVAL;
}

static const struct field *find_field(const struct field *f, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(f[i].name, name) == 0)
			return &f[i];
	return NULL;
}

/* The table on the top, kept there. */
static int read_table(struct reader *r, const struct field *fields, size_t nfields, void *base)
{
	lua_State *L = r->L;
	int err = 0;

	if (!lua_istable(L, -1))
		return refuse(r, " must be a table, it is a %s", luaL_typename(L, -1));
	lua_pushnil(L);
	while (!err && lua_next(L, -2)) {
		const struct field *f = NULL;

		if (lua_type(L, -2) == LUA_TSTRING)
			f = find_field(fields, nfields, lua_tostring(L, -2));
		if (f) {
			err = enter(r, f->name, 0);
			if (!err)
				err = read_field(r, f, base);
			if (!err)
				r->depth--;
		} else if (lua_type(L, -2) == LUA_TSTRING) {
			err = refuse(r, " has an unknown key '%.40s'", lua_tostring(L, -2));
		} else {
			err = refuse(r, " has a key that is a %s", luaL_typename(L, -2));
		}
		lua_pop(L, 1);
	}
	if (err)
		lua_pop(L, 1);
	return err;
}

/* The array on the top: one(r, at) for each element. */
static int read_array(
	struct reader *r, unsigned max, int (*one)(struct reader *r, void *at), void *at)
{
	lua_State *L = r->L;
	size_t i, n;
	int err = 0;

	if (!lua_istable(L, -1))
		return refuse(r, " must be a list, it is a %s", luaL_typename(L, -1));
	n = lua_rawlen(L, -1);
	if (n > max)
		return refuse(r, " has %zu elements, at most %u", n, max);
	for (i = 1; i <= n && !err; i++) {
		lua_rawgeti(L, -1, (lua_Integer)i);
		err = enter(r, NULL, i);
		if (!err)
			err = one(r, at);
		if (!err)
			r->depth--;
		lua_pop(L, 1);
	}
	if (!err && n == 0) {
		lua_pushnil(L);
		if (lua_next(L, -2)) {
			lua_pop(L, 2);
			return refuse(r, " must be a list of tables");
		}
	}
	return err;
}

/* ---- steps ---- */

static const char *const parties[] = {"caller", "callee", NULL};
static const char *const media[] = {"video", "audio", NULL};
static const char *const bys[] = {"armf", NULL};

struct steps {
	unsigned *n;
	struct policy_step *step;
};

static int read_step(struct reader *r, void *at)
{
	struct raw {
		unsigned party, media, by, max_kbps;
		char op[SIZE(struct policy_step, op)], codec[SIZE(struct policy_step, codec)];
	} raw = {.party = POLICY_PARTIES, .media = 2};
	static const struct field fields[] = {
		{"party", CHOICE, 0, offsetof(struct raw, party), 0, parties, NULL},
		{"media", CHOICE, 0, offsetof(struct raw, media), 0, media, NULL},
		{"by", CHOICE, 0, offsetof(struct raw, by), 0, bys, NULL},
		STR(struct raw, "op", NAME, op),
		STR(struct raw, "codec", NAME, codec),
		NUM(struct raw, "max_kbps", max_kbps, 1000000),
	};
	struct steps *s = at;
	struct policy_step *out;
	int err = read_table(r, FIELDS(fields), &raw);

	if (err)
		return err;
	if (raw.party == POLICY_PARTIES || raw.media == 2 || !raw.op[0])
		return refuse(r, " needs party, media and op");
	if (*s->n == POLICY_MAX_STEPS)
		return refuse(r, ": more than %d process steps", POLICY_MAX_STEPS);
	out = &s->step[(*s->n)++];
	memset(out, 0, sizeof(*out));
	out->party = (enum policy_party_id)raw.party;
	out->max_kbps = raw.max_kbps;
	snprintf(out->media, sizeof(out->media), "%s", media[raw.media]);
	snprintf(out->by, sizeof(out->by), "%s", bys[raw.by]);
	memcpy(out->op, raw.op, sizeof(out->op));
	memcpy(out->codec, raw.codec, sizeof(out->codec));
	return 0;
}

static int read_process(struct reader *r, void *at)
{
	struct policy_verdict *v = at;
	struct steps s = {&v->nsteps, v->step};

	return read_array(r, POLICY_MAX_STEPS, read_step, &s);
}

static int read_answer_process(struct reader *r, void *at)
{
	struct policy_answer *a = at;
	struct steps s = {&a->nsteps, a->step};

	return read_array(r, POLICY_MAX_STEPS, read_step, &s);
}

/* ---- headers ---- */

/* RFC 3261 and 3GPP headers that routing, identity or the message's body depend on. */
static bool protected_header(const char *name)
{
	static const char *const names[] = {"via", "v", "route", "record-route", "from", "f", "to",
		"t", "call-id", "i", "cseq", "contact", "m", "max-forwards", "content-type", "c",
		"content-length", "l", "content-encoding", "e", "content-disposition",
		"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate",
		"require", "proxy-require", "supported", "k", "path", "service-route",
		"p-asserted-identity", "p-preferred-identity", "p-charging-vector",
		"p-charging-function-addresses", "p-access-network-info", "p-visited-network-id",
		"privacy", "p-ims-ar", "rack", "rseq", "replaces", "refer-to", "r"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static int read_header(struct reader *r, void *at)
{
	static const struct field fields[] = {STR(struct policy_header, "name", TEXT, name),
		STR(struct policy_header, "value", TEXT, value)};
	struct policy_verdict *v = at;
	struct policy_header h = {"", ""};
	int err = read_table(r, FIELDS(fields), &h);

	if (err)
		return err;
	if (!h.name[0] || strspn(h.name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-.!%*_+`'~") != strlen(h.name))
		return refuse(r, ".name must be a header name");
	if (protected_header(h.name))
		return refuse(r, ": a policy may not set %s", h.name);
	if (v->nheaders == POLICY_MAX_HEADERS)
		return refuse(r, ": more than %d headers", POLICY_MAX_HEADERS);
	v->header[v->nheaders++] = h;
	return 0;
}

static int read_headers(struct reader *r, void *at)
{
	return read_array(r, POLICY_MAX_HEADERS, read_header, at);
}

/* ---- the verdict ---- */

static int read_network(struct reader *r, void *at)
{
	struct networks {
		char side[POLICY_PARTIES][SIZE(struct policy_verdict, network[0])];
	};
	static const struct field fields[] = {
		STR(struct networks, "caller", NAME, side[POLICY_CALLER]),
		STR(struct networks, "callee", NAME, side[POLICY_CALLEE])};

	return read_table(r, FIELDS(fields), at);
}

static int read_limits(struct reader *r, void *at)
{
	static const struct field fields[] = {
		NUM(struct policy_call_limits, "max_seconds", max_seconds, 86400 * 7),
		NUM(struct policy_call_limits, "max_kbps", max_kbps, 1000000),
		NUM(struct policy_call_limits, "max_pose_hz", max_pose_hz, 1000),
		NUM(struct policy_call_limits, "max_nodes", max_nodes, 100000),
		NUM(struct policy_call_limits, "max_participants", max_participants, 64)};

	return read_table(r, FIELDS(fields), at);
}

static const char *const actions[] = {"plain", "deny", "ar", NULL};

static int check_action(struct reader *r, const struct policy_verdict *v)
{
	bool ar_only = v->scene[0] || v->application[0] || v->dcmf[0] || v->nsteps ||
		       v->network[0][0] || v->network[1][0] || v->share[0];

	if (v->action == POLICY_DENY && !v->code)
		return refuse(r, ": deny needs a code");
	if (v->action != POLICY_DENY && v->code)
		return refuse(r, ": only deny has a code");
	if (v->action != POLICY_AR && ar_only)
		return refuse(r, ": scene, application, dcmf, network, share and process "
				 "belong to action 'ar'");
	if (!v->share[0] && (v->full || v->limits.max_participants))
		return refuse(r, ": full and max_participants are about a scene with a share");
	if (v->limits.max_participants == 1)
		return refuse(r, ".limits.max_participants: a call has two participants");
	return 0;
}

int verdict_read(lua_State *L, int idx, struct policy_verdict *v, const struct verdict_text *t)
{
	static const struct field fields[] = {
		{"action", CHOICE, 0, offsetof(struct policy_verdict, action), 0, actions, NULL},
		STR(struct policy_verdict, "scene", NAME, scene),
		STR(struct policy_verdict, "application", NAME, application),
		STR(struct policy_verdict, "dcmf", NAME, dcmf),
		STR(struct policy_verdict, "share", NAME, share),
		{"full", CODE, 0, offsetof(struct policy_verdict, full), 0, NULL, NULL},
		{"code", CODE, 0, offsetof(struct policy_verdict, code), 0, NULL, NULL},
		STR(struct policy_verdict, "reason", TEXT, reason),
		SUB(struct policy_verdict, "network", network, read_network),
		SUB(struct policy_verdict, "limits", limits, read_limits),
		{"process", READ, 0, 0, 0, NULL, read_process},
		{"headers", READ, 0, 0, 0, NULL, read_headers},
		{"trace", FLAG, 0, offsetof(struct policy_verdict, trace), 0, NULL, NULL},
	};
	struct reader r = {.L = L, .why = t->why, .cap = t->cap, .hidden = t->hidden};
	bool has_action;
	int err;

	_Static_assert(sizeof(enum policy_action) == sizeof(unsigned), "CHOICE writes an unsigned");
	memset(v, 0, offsetof(struct policy_verdict, error));
	v->error[0] = '\0';
	enter(&r, t->what ? t->what : "verdict", 0);
	lua_pushvalue(L, idx);
	err = read_table(&r, FIELDS(fields), v);
	if (!err) {
		lua_pushliteral(L, "action");
		has_action = lua_rawget(L, -2) != LUA_TNIL;
		lua_pop(L, 1);
		err = has_action ? check_action(&r, v) : refuse(&r, " has no action");
	}
	lua_pop(L, 1);
	return err;
}

int verdict_read_answer(
	lua_State *L, int idx, struct policy_answer *a, const struct verdict_text *t)
{
	static const struct field fields[] = {
		{"keep", FLAG, 0, offsetof(struct policy_answer, keep_a), 0, NULL, NULL},
		{"process", READ, 0, 0, 0, NULL, read_answer_process},
	};
	struct reader r = {.L = L, .why = t->why, .cap = t->cap, .hidden = t->hidden};
	int err;

	enter(&r, t->what ? t->what : "answer", 0);
	lua_pushvalue(L, idx);
	err = read_table(&r, FIELDS(fields), a);
	lua_pop(L, 1);
	return err;
}

/* ---- the call record ---- */

static int read_record_field(struct reader *r, struct policy_record *rec)
{
	static const struct field name = {"name", NAME, 0, 0, POLICY_MAX_NAME, NULL, NULL};
	static const struct field text = {"value", TEXT, 0, 0, POLICY_MAX_TEXT, NULL, NULL};
	lua_State *L = r->L;
	int err;

	if (rec->n == POLICY_MAX_RECORD)
		return refuse(r, " has more than %d fields", POLICY_MAX_RECORD);
	if (lua_isboolean(L, -1)) {
		snprintf(rec->field[rec->n].value, POLICY_MAX_TEXT, "%s",
			lua_toboolean(L, -1) ? "true" : "false");
	} else {
		if (lua_isinteger(L, -1))
			snprintf(rec->field[rec->n].value, POLICY_MAX_TEXT, "%lld",
				(long long)lua_tointeger(L, -1));
		else if (lua_type(L, -1) == LUA_TNUMBER)
			snprintf(rec->field[rec->n].value, POLICY_MAX_TEXT, "%.14g",
				lua_tonumber(L, -1));
		else if ((err = read_text(r, &text, rec->field[rec->n].value)) != 0)
			return err;
	}
	lua_pushvalue(L, -2);
	err = read_text(r, &name, rec->field[rec->n].name);
	lua_pop(L, 1);
	if (!err)
		rec->n++;
	return err;
}

int verdict_read_record(lua_State *L, int idx, struct policy_record *rec, char *why, size_t cap)
{
	struct reader r = {.L = L, .why = why, .cap = cap};
	int err = 0;

	rec->n = 0;
	enter(&r, "record", 0);
	lua_pushvalue(L, idx);
	if (!lua_istable(L, -1))
		err = refuse(&r, " must be a table");
	lua_pushnil(L);
	while (!err && lua_next(L, -2)) {
		err = read_record_field(&r, rec);
		lua_pop(L, 1);
	}
	if (err)
		lua_pop(L, 1);
	lua_pop(L, 1);
	if (err)
		rec->n = 0;
	return err;
}
