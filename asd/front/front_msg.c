/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/front/front_msg.h"
#include "asd/call/call.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { TEXT, TOKEN, NUMBER, FLAG, SIDE };

struct field {
	const char *name;
	enum kind kind;
	bool required;
	size_t offset, max;
};

#define F(msg, member, name, kind, required, max)                                                  \
	{                                                                                          \
		name, kind, required, offsetof(struct msg, member), max                            \
	}

static const struct field hello_fields[] = {
	F(front_hello, v, "v", NUMBER, true, UINT32_MAX),
	F(front_hello, kind, "kind", TEXT, true, 16),
	F(front_hello, name, "name", TEXT, false, 63),
	F(front_hello, instance, "instance", TEXT, false, 63),
};

static const struct field offer_fields[] = {
	F(front_offer, call, "call", TOKEN, true, CALL_TOKEN_LEN),
	F(front_offer, callid, "callid", TEXT, true, CALL_MAX_CALLID),
	F(front_offer, from_tag, "from_tag", TEXT, true, CALL_MAX_TAG),
	F(front_offer, to_tag, "to_tag", TEXT, false, CALL_MAX_TAG),
	F(front_offer, cseq, "cseq", NUMBER, true, UINT32_MAX),
	F(front_offer, method, "method", TEXT, true, 15),
	F(front_offer, initial, "initial", FLAG, true, 0),
	F(front_offer, turns_ssrc, "turns_ssrc", FLAG, false, 0),
	F(front_offer, side, "side", SIDE, true, 0),
	F(front_offer, role, "role", TEXT, false, 31),
	F(front_offer, ruri, "ruri", TEXT, false, CALL_MAX_URI),
	F(front_offer, from, "from", TEXT, false, CALL_MAX_URI),
	F(front_offer, to, "to", TEXT, false, CALL_MAX_URI),
	F(front_offer, asserted, "asserted", TEXT, false, CALL_MAX_URI),
	F(front_offer, contact, "contact", TEXT, false, 8191),
	F(front_offer, registered, "registered", TEXT, false, 8191),
	F(front_offer, registered_callee, "registered_callee", TEXT, false, 8191),
	F(front_offer, source, "source", TEXT, false, 127),
	F(front_offer, cls, "class", TEXT, false, 31),
	F(front_offer, reasons, "reasons", TEXT, false, 511),
	F(front_offer, sdp, "sdp", TEXT, true, AR_SDP_MAX_LEN),
};

static const struct field event_fields[] = {
	F(front_event, ev, "ev", TEXT, true, 31),
	F(front_event, call, "call", TOKEN, true, CALL_TOKEN_LEN),
	F(front_event, callid, "callid", TEXT, false, CALL_MAX_CALLID),
	F(front_event, from_tag, "from_tag", TEXT, false, CALL_MAX_TAG),
	F(front_event, to_tag, "to_tag", TEXT, false, CALL_MAX_TAG),
	F(front_event, cseq, "cseq", NUMBER, false, UINT32_MAX),
	F(front_event, method, "method", TEXT, false, 15),
	F(front_event, status, "status", NUMBER, false, 699),
	F(front_event, side, "side", SIDE, false, 0),
	F(front_event, hash, "hash", TEXT, false, 63),
	F(front_event, outcome, "outcome", TEXT, false, 31),
	F(front_event, contact, "contact", TEXT, false, 8191),
	F(front_event, sdp, "sdp", TEXT, false, AR_SDP_MAX_LEN),
	F(front_event, origin_a, "origin_a", TEXT, false, 255),
	F(front_event, origin_b, "origin_b", TEXT, false, 255),
	F(front_event, spiral, "spiral", FLAG, false, 0),
	F(front_event, pass, "pass", TEXT, false, 15),
	F(front_event, relay, "relay", TEXT, false, CALL_MAX_RELAY),
};

static const struct field admin_fields[] = {
	F(front_admin, arg, "arg", TEXT, false, CALL_MAX_CALLID + 64),
};

static const char **text_at(const struct field *f, const void *m)
{
	return (const char **)(uintptr_t)((const char *)m + f->offset);
}

static const char *read_text(const struct field *f, const json_t *v, char *at)
{
	if (!json_is_string(v))
		return "want a string";
	if (json_string_length(v) > f->max)
		return "too long";
	if (f->kind == TOKEN && !call_token_ok(json_string_value(v)))
		return "want 16 hex digits";
	*(const char **)at = json_string_value(v);
	return NULL;
}

static const char *read_field(const struct field *f, const json_t *v, char *at)
{
	const char *s;

	switch (f->kind) {
	case TEXT:
	case TOKEN:
		return read_text(f, v, at);
	case NUMBER:
		if (!json_is_integer(v) || json_integer_value(v) < 0 ||
			(uint64_t)json_integer_value(v) > f->max)
			return "want a number in range";
		*(uint32_t *)at = (uint32_t)json_integer_value(v);
		return NULL;
	case FLAG:
		if (!json_is_boolean(v))
			return "want true or false";
		*(bool *)at = json_is_true(v);
		return NULL;
	case SIDE:
		s = json_string_value(v);
		if (!s || (strcmp(s, "a") != 0 && strcmp(s, "b") != 0))
			return "want \"a\" or \"b\"";
		*(enum ar_side *)at = *s == 'a' ? AR_SIDE_A : AR_SIDE_B;
		return NULL;
	}
	return "unknown kind";
}

static int read_fields(const struct field *f, size_t n, void *m, const json_t *j, char why[80])
{
	for (size_t i = 0; i < n; i++) {
		char *at = (char *)m + f[i].offset;
		const json_t *v = json_object_get(j, f[i].name);
		const char *bad = NULL;

		if (f[i].kind == TEXT || f[i].kind == TOKEN)
			*(const char **)at = "";
		if (v && !json_is_null(v))
			bad = read_field(&f[i], v, at);
		else if (f[i].required)
			bad = "missing";
		if (bad) {
			snprintf(why, 80, "member %s: %s", f[i].name, bad);
			return -EBADMSG;
		}
	}
	return 0;
}

#define READ(table, m, j, why) read_fields(table, sizeof(table) / sizeof((table)[0]), m, j, why)

int front_read_hello(struct front_hello *m, const json_t *j, char why[80])
{
	*m = (struct front_hello){.v = 0};
	return READ(hello_fields, m, j, why);
}

int front_read_offer(struct front_offer *m, const json_t *j, char why[80])
{
	*m = (struct front_offer){.cseq = 0};
	return READ(offer_fields, m, j, why);
}

struct front_offer *front_offer_copy(const struct front_offer *m)
{
	const size_t nfields = sizeof(offer_fields) / sizeof(offer_fields[0]);
	struct front_offer *copy;
	size_t room = sizeof(*copy);
	char *at;

	for (size_t i = 0; i < nfields; i++) {
		if (offer_fields[i].kind == TEXT || offer_fields[i].kind == TOKEN)
			room += strlen(*text_at(&offer_fields[i], m)) + 1;
	}
	copy = malloc(room);
	if (!copy)
		return NULL;
	*copy = *m;
	at = (char *)(copy + 1);
	for (size_t i = 0; i < nfields; i++) {
		const char **text;
		size_t n;

		if (offer_fields[i].kind != TEXT && offer_fields[i].kind != TOKEN)
			continue;
		text = text_at(&offer_fields[i], copy);
		n = strlen(*text) + 1;
		*text = memcpy(at, *text, n);
		at += n;
	}
	return copy;
}

int front_read_event(struct front_event *m, const json_t *j, char why[80])
{
	*m = (struct front_event){.has_cseq = json_is_integer(json_object_get(j, "cseq"))};
	return READ(event_fields, m, j, why);
}

int front_read_admin(struct front_admin *m, const json_t *j, char why[80])
{
	return READ(admin_fields, m, j, why);
}

json_t *front_ok(void)
{
	return json_pack("{s:b}", "ok", 1);
}

json_t *front_error(const char *code, const char *reason)
{
	return json_pack("{s:b, s:s, s:s}", "ok", 0, "code", code, "reason", reason);
}
