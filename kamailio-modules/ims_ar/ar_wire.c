/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_wire.h"

#include "common/ar_json.h"
#include "common/plan_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Absent spans and texts that JSON cannot hold (not UTF-8, or with a NUL) are left out. */
static void put_span(json_t *j, const char *name, struct ar_span s)
{
	json_t *v;

	if (!s.p || memchr(s.p, 0, s.n))
		return;
	v = json_stringn(s.p, s.n);
	if (v)
		json_object_set_new(j, name, v);
}

static void put_str(json_t *j, const char *name, const char *s)
{
	if (s)
		put_span(j, name, ar_span_str(s));
}

static char *finish(json_t *j)
{
	char *text = j ? ar_json_text(j) : NULL;

	json_decref(j);
	return text;
}

char *ar_wire_offer(const struct ar_wire_offer *o)
{
	json_t *j = json_object();

	if (!j)
		return NULL;
	put_str(j, "cmd", "offer");
	put_str(j, "call", o->call);
	put_span(j, "callid", o->callid);
	put_span(j, "from_tag", o->from_tag);
	put_span(j, "to_tag", o->to_tag.p ? o->to_tag : AR_SPAN(""));
	json_object_set_new(j, "cseq", json_integer(o->cseq));
	put_str(j, "method", o->method);
	json_object_set_new(j, "initial", json_boolean(o->initial));
	json_object_set_new(j, "turns_ssrc", json_true());
	put_str(j, "side", o->side);
	put_str(j, "role", o->role);
	put_span(j, "ruri", o->ruri);
	put_span(j, "from", o->from);
	put_span(j, "to", o->to);
	put_span(j, "asserted", o->asserted);
	put_span(j, "registered", o->registered);
	put_span(j, "registered_callee", o->registered_callee);
	put_span(j, "contact", o->contact);
	put_str(j, "source", o->source);
	put_str(j, "class", o->cls);
	put_str(j, "reasons", o->reasons);
	put_span(j, "sdp", o->sdp);
	if (!json_object_get(j, "sdp") || !json_object_get(j, "callid")) {
		json_decref(j);
		return NULL;
	}
	return finish(j);
}

char *ar_wire_event(const struct ar_wire_event *e)
{
	json_t *j = json_object();
	char hash[9];

	if (!j)
		return NULL;
	put_str(j, "cmd", "event");
	put_str(j, "ev", e->ev);
	put_str(j, "call", e->call);
	put_span(j, "callid", e->callid);
	put_span(j, "from_tag", e->from_tag);
	put_span(j, "to_tag", e->to_tag);
	if (e->has_cseq) {
		json_object_set_new(j, "cseq", json_integer(e->cseq));
		put_str(j, "method", e->method);
		json_object_set_new(j, "initial", json_boolean(e->initial));
	}
	if (e->status)
		json_object_set_new(j, "status", json_integer(e->status));
	put_str(j, "side", e->side);
	if (e->has_hash) {
		snprintf(hash, sizeof(hash), "%08x", e->hash);
		put_str(j, "hash", hash);
	}
	put_str(j, "outcome", e->outcome);
	put_str(j, "origin_a", e->origin_a && e->origin_a[0] ? e->origin_a : NULL);
	put_str(j, "origin_b", e->origin_b && e->origin_b[0] ? e->origin_b : NULL);
	if (e->spiral)
		json_object_set_new(j, "spiral", json_true());
	put_str(j, "pass", e->pass);
	put_str(j, "relay", e->relay);
	put_span(j, "contact", e->contact);
	put_span(j, "sdp", e->sdp);
	return finish(j);
}

char *ar_wire_hello(const char *kind, const char *name, const char *instance)
{
	return finish(json_pack("{s:s, s:i, s:s, s:s, s:s}", "cmd", "hello", "v", 1, "kind", kind,
		"name", name, "instance", instance));
}

char *ar_wire_command(const char *cmd, const char *arg)
{
	if (!arg)
		return finish(json_pack("{s:s}", "cmd", cmd));
	return finish(json_pack("{s:s, s:s}", "cmd", cmd, "arg", arg));
}

char *ar_wire_map(const char *call)
{
	return finish(json_pack("{s:s, s:s}", "cmd", "map", "call", call));
}

const char *ar_action_name(enum ar_wire_action a)
{
	static const char *const name[] = {
		"", "ar", "plain", "deny", "elsewhere", "known", "refuse"};

	return name[a];
}

static const char *string_of(const json_t *j, const char *name)
{
	const char *s = json_string_value(json_object_get(j, name));

	return s ? s : "";
}

static enum ar_wire_action action_of(const json_t *j)
{
	const char *s = string_of(j, "action");

	for (enum ar_wire_action a = AR_ACTION_AR; a <= AR_ACTION_KNOWN; a++)
		if (strcmp(s, ar_action_name(a)) == 0)
			return a;
	return AR_ACTION_NONE;
}

/* RFC 3261 25.1: a token, and a value of one line. */
static bool header_ok(const char *name, const char *value)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-.!%*_+`'~";

	if (!*name || name[strspn(name, token)])
		return false;
	for (; *value; value++) {
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	}
	return true;
}

/* Those that are none, or too many, are left out: a header is not worth a call. */
static void read_headers(const json_t *j, char out[AR_HEADERS_MAX])
{
	const json_t *h;
	size_t i, n = 0;

	json_array_foreach(json_object_get(j, "headers"), i, h)
	{
		const char *name = string_of(h, "name"), *value = string_of(h, "value");
		size_t more = strlen(name) + strlen(value) + 4;

		if (!header_ok(name, value) || n + more >= AR_HEADERS_MAX)
			continue;
		snprintf(out + n, AR_HEADERS_MAX - n, "%s: %s\r\n", name, value);
		n += more;
	}
}

int ar_wire_verdict(
	const json_t *j, struct ar_wire_verdict *v, struct ar_plan_room *room, const char **why)
{
	const json_t *ok = json_object_get(j, "ok"), *plan = json_object_get(j, "plan");
	json_int_t code = json_integer_value(json_object_get(j, "code"));

	memset(v, 0, sizeof(*v));
	v->reason = string_of(j, "reason");
	v->rule = string_of(j, "rule");
	read_headers(j, v->headers);
	if (!json_is_true(ok)) {
		*why = v->reason[0] ? v->reason : string_of(j, "code");
		return json_is_false(ok) ? -ECANCELED : -EBADMSG;
	}
	v->action = action_of(j);
	*why = "unknown action";
	if (v->action == AR_ACTION_NONE)
		return -EBADMSG;
	*why = "deny needs a code from 300 to 699";
	if (v->action == AR_ACTION_DENY && (code < 300 || code > 699))
		return -EBADMSG;
	v->code = v->action == AR_ACTION_DENY ? (int)code : 0;
	*why = "action ar needs a plan";
	if (v->action != AR_ACTION_AR)
		return 0;
	if (!plan)
		return -EBADMSG;
	v->has_plan = true;
	return ar_plan_from_json(&v->plan, room, plan, why);
}
