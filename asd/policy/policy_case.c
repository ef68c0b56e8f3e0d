/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a call from JSON; policy_json.h. */
#include "asd/policy/policy_json.h"
#include "asd/policy/view.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reader {
	struct policy_case *c;
	char *why;
	size_t cap;
};

static int refuse(struct reader *r, const char *name, const char *what)
{
	snprintf(r->why, r->cap, "call.%s: %s", name, what);
	return -EINVAL;
}

static struct ar_span text_of(const json_t *v)
{
	return (struct ar_span){json_string_value(v), json_string_length(v)};
}

static int read_text(struct reader *r, const char *name, json_t *v, struct ar_span *out)
{
	if (!json_is_string(v))
		return refuse(r, name, "must be a string");
	*out = text_of(v);
	return 0;
}

static int read_uint(struct reader *r, const char *name, json_t *v, unsigned *out)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > 1000000000)
		return refuse(r, name, "must be a number, 0 or more");
	*out = (unsigned)n;
	return 0;
}

static int read_bool(struct reader *r, const char *name, json_t *v, bool *out)
{
	if (!json_is_boolean(v))
		return refuse(r, name, "must be true or false");
	*out = json_is_true(v);
	return 0;
}

static int word_index(const char *const *words, const json_t *v)
{
	const char *s = json_string_value(v);
	int i;

	for (i = 0; s && words[i]; i++)
		if (strcmp(s, words[i]) == 0)
			return i;
	return -1;
}

/* ["a", "b"] or {"a": true, "b": false} */
static int read_set(
	struct reader *r, const char *name, json_t *v, const char *const *words, unsigned *out)
{
	const char *key;
	json_t *x;
	size_t i;
	int bit;

	*out = 0;
	if (!json_is_array(v) && !json_is_object(v))
		return refuse(r, name, "must be a list of names");
	json_array_foreach(v, i, x)
	{
		bit = word_index(words, x);
		if (bit < 0)
			return refuse(r, name, "has an unknown name");
		*out |= 1u << bit;
	}
	json_object_foreach(v, key, x)
	{
		json_t *word = json_string(key);

		bit = word_index(words, word);
		json_decref(word);
		if (bit < 0)
			return refuse(r, name, "has an unknown name");
		if (json_is_true(x))
			*out |= 1u << bit;
	}
	return 0;
}

static int read_party_object(struct reader *r, const char *name, json_t *v, struct policy_party *p)
{
	const char *key;
	json_t *x = json_object_get(v, "uri");
	int err = 0;

	if (json_is_string(x))
		policy_party_set(p, text_of(x));
	json_object_foreach(v, key, x)
	{
		if (strcmp(key, "user") == 0)
			err = read_text(r, name, x, &p->user);
		else if (strcmp(key, "host") == 0)
			err = read_text(r, name, x, &p->host);
		else if (strcmp(key, "caps") == 0)
			err = read_set(r, name, x, view_caps, &p->caps);
		else if (strcmp(key, "registered") == 0)
			err = read_set(r, name, x, view_caps, &p->registered);
		else if (strcmp(key, "uri") != 0)
			err = refuse(r, name, "has an unknown member");
		if (err)
			return err;
	}
	return 0;
}

static int read_party(struct reader *r, const char *name, json_t *v, struct policy_party *p)
{
	if (json_is_object(v))
		return read_party_object(r, name, v, p);
	if (!json_is_string(v))
		return refuse(r, name, "must be a URI, or a table with uri, user, host, caps");
	policy_party_set(p, text_of(v));
	return 0;
}

/* ---- lists ---- */

static int read_medium(struct reader *r, json_t *v, struct policy_media *m)
{
	const char *key;
	json_t *x;
	int err = 0;

	*m = (struct policy_media){.media = text_of(v), .proto = AR_SPAN("RTP/AVP"), .live = true};
	if (json_is_object(v)) {
		json_object_foreach(v, key, x)
		{
			if (strcmp(key, "media") == 0)
				err = read_text(r, "media", x, &m->media);
			else if (strcmp(key, "proto") == 0)
				err = read_text(r, "media", x, &m->proto);
			else if (strcmp(key, "live") == 0)
				err = read_bool(r, "media", x, &m->live);
			else if (strcmp(key, "datachannel") != 0)
				err = refuse(r, "media", "has an unknown member");
			if (err)
				return err;
		}
	}
	if (!m->media.p)
		return refuse(r, "media", "needs a name: 'audio', 'video', 'datachannel'");
	m->kind = ar_span_caseeq(m->media, "audio")   ? AR_SDP_AUDIO
		  : ar_span_caseeq(m->media, "video") ? AR_SDP_VIDEO
						      : AR_SDP_OTHER;
	if (ar_span_caseeq(m->media, "datachannel") ||
		json_is_true(json_object_get(v, "datachannel"))) {
		m->media = AR_SPAN("application");
		m->proto = AR_SPAN("UDP/DTLS/SCTP");
		m->kind = AR_SDP_DATACHANNEL;
	}
	return 0;
}

static int read_media(struct reader *r, json_t *v)
{
	json_t *x;
	size_t i;
	int err;

	if (!json_is_array(v) || json_array_size(v) > POLICY_MAX_MEDIA)
		return refuse(r, "media", "must be a list");
	r->c->call.nmedia = (unsigned)json_array_size(v);
	json_array_foreach(v, i, x)
	{
		err = read_medium(r, x, &r->c->media[i]);
		if (err)
			return err;
	}
	return 0;
}

static int read_channel_member(struct reader *r, const char *key, json_t *x, struct ar_dc_stream *s)
{
	unsigned n = 0;
	bool flag = false;
	int err;

	if (strcmp(key, "subprotocol") == 0)
		return read_text(r, "channels", x, &s->subprotocol);
	if (strcmp(key, "label") == 0)
		return read_text(r, "channels", x, &s->label);
	if (strcmp(key, "ordered") == 0 || strcmp(key, "reliable") == 0) {
		err = read_bool(r, "channels", x, &flag);
		if (*key == 'o')
			s->ordered = flag;
		return err;
	}
	err = read_uint(r, "channels", x, &n);
	if (err)
		return err;
	if (strcmp(key, "id") == 0)
		s->id = (uint16_t)n;
	else if (strcmp(key, "max_retr") == 0)
		s->max_retr = (int32_t)n;
	else if (strcmp(key, "max_time") == 0)
		s->max_time = (int32_t)n;
	else if (strcmp(key, "priority") == 0)
		s->priority = (uint16_t)n;
	else
		return refuse(r, "channels", "has an unknown member");
	return 0;
}

static int read_channels(struct reader *r, json_t *v)
{
	const char *key;
	json_t *x, *y;
	size_t i;
	int err;

	if (!json_is_array(v) || json_array_size(v) > POLICY_MAX_CHANNELS)
		return refuse(r, "channels", "must be a list");
	r->c->call.nchannels = (unsigned)json_array_size(v);
	json_array_foreach(v, i, x)
	{
		struct ar_dc_stream *s = &r->c->channel[i];

		*s = (struct ar_dc_stream){.id = (uint16_t)(1000 + 2 * i),
			.ordered = true,
			.max_retr = -1,
			.max_time = -1,
			.priority = 256,
			.subprotocol = text_of(x)};
		json_object_foreach(x, key, y)
		{
			err = read_channel_member(r, key, y, s);
			if (err)
				return err;
		}
	}
	return 0;
}

static int read_dcmfs(struct reader *r, json_t *v)
{
	const char *key;
	json_t *x, *y;
	size_t i;
	int err = 0;

	if (!json_is_array(v) || json_array_size(v) > POLICY_MAX_DCMFS)
		return refuse(r, "dcmfs", "must be a list");
	r->c->call.ndcmfs = (unsigned)json_array_size(v);
	json_array_foreach(v, i, x)
	{
		struct policy_dcmf *d = &r->c->dcmf[i];

		*d = (struct policy_dcmf){.healthy = true};
		json_object_foreach(x, key, y)
		{
			if (strcmp(key, "name") == 0)
				err = read_text(r, "dcmfs", y, &d->name);
			else if (strcmp(key, "healthy") == 0)
				err = read_bool(r, "dcmfs", y, &d->healthy);
			else if (strcmp(key, "load") == 0)
				err = read_uint(r, "dcmfs", y, &d->load);
			else if (strcmp(key, "calls") == 0)
				err = read_uint(r, "dcmfs", y, &d->calls);
			else
				err = refuse(r, "dcmfs", "has an unknown member");
			if (err)
				return err;
		}
	}
	return 0;
}

static struct policy_fact *fact_named(struct policy_case *c, const char *name)
{
	unsigned i, n = c->call.nfacts;

	for (i = 0; i < n && !ar_span_eq(c->fact[i].name, ar_span_str(name)); i++)
		;
	if (i == n && n < POLICY_MAX_FACTS)
		c->fact[c->call.nfacts++] = (struct policy_fact){.name = ar_span_str(name)};
	return i < POLICY_MAX_FACTS ? &c->fact[i] : NULL;
}

static int read_facts(struct reader *r, json_t *v)
{
	const char *key;
	json_t *x;

	json_object_foreach(v, key, x)
	{
		struct policy_fact *f = fact_named(r->c, key);

		if (!f)
			return refuse(r, "facts", "too many");
		if (!json_is_string(x) && !json_is_false(x))
			return refuse(r, "facts", "a fact is a string, or false where it failed");
		if (json_is_string(x))
			f->value = text_of(x);
	}
	return 0;
}

/* Before or behind `facts`. */
static int read_facts_failed(struct reader *r, json_t *v)
{
	const char *key;
	json_t *x;

	json_object_foreach(v, key, x)
	{
		struct policy_fact *f = fact_named(r->c, key);

		if (!f)
			return refuse(r, "facts_failed", "too many");
		if (!json_is_string(x) || f->value.p)
			return refuse(r, "facts_failed", "a reason, of a fact that has no value");
		f->why = text_of(x);
	}
	return 0;
}

/* ---- the call ---- */

static int read_caller(struct reader *r, json_t *v)
{
	return read_party(r, "caller", v, &r->c->call.caller);
}

static int read_callee(struct reader *r, json_t *v)
{
	return read_party(r, "callee", v, &r->c->call.callee);
}

static int read_side(struct reader *r, json_t *v)
{
	static const char *const sides[] = {"a", "b", NULL};
	int i = word_index(sides, v);

	r->c->call.side = i == 1 ? AR_SIDE_B : AR_SIDE_A;
	return i < 0 ? refuse(r, "side", "must be 'a' or 'b'") : 0;
}

static int read_class(struct reader *r, json_t *v)
{
	int i = word_index(view_classes, v);

	if (i < 0)
		return refuse(r, "class", "must be 'none', 'dc-capable', 'dc' or 'ar'");
	r->c->call.cls = (enum ar_class)i;
	return 0;
}

static int read_reasons(struct reader *r, json_t *v)
{
	return read_set(r, "reasons", v, view_reasons, &r->c->call.reasons);
}

static int read_weekday(struct reader *r, json_t *v)
{
	static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
	int i = word_index(days, v);
	unsigned n = 0;

	if (i >= 0) {
		r->c->call.weekday = i + 1;
		return 0;
	}
	if (read_uint(r, "weekday", v, &n) != 0 || n < 1 || n > 7)
		return refuse(r, "weekday", "must be 1 (Monday) to 7, or 'mon' to 'sun'");
	r->c->call.weekday = (int)n;
	return 0;
}

enum kind { TEXT, UINT, INT, BOOL, OTHER };

static const struct member {
	const char *name;
	enum kind kind;
	size_t off;
	int (*read)(struct reader *r, json_t *v);
} members[] = {
	{"callid", TEXT, offsetof(struct policy_call, callid), NULL},
	{"caller", OTHER, 0, read_caller},
	{"callee", OTHER, 0, read_callee},
	{"asserted", TEXT, offsetof(struct policy_call, asserted), NULL},
	{"role", TEXT, offsetof(struct policy_call, role), NULL},
	{"side", OTHER, 0, read_side},
	{"initial", BOOL, offsetof(struct policy_call, initial), NULL},
	{"class", OTHER, 0, read_class},
	{"reasons", OTHER, 0, read_reasons},
	{"media", OTHER, 0, read_media},
	{"channels", OTHER, 0, read_channels},
	{"req_app", TEXT, offsetof(struct policy_call, req_app), NULL},
	{"source", TEXT, offsetof(struct policy_call, source), NULL},
	{"calls_of_caller", UINT, offsetof(struct policy_call, calls_of_caller), NULL},
	{"calls_total", UINT, offsetof(struct policy_call, calls_total), NULL},
	{"hour", INT, offsetof(struct policy_call, hour), NULL},
	{"minute", INT, offsetof(struct policy_call, minute), NULL},
	{"weekday", OTHER, 0, read_weekday},
	{"dcmfs", OTHER, 0, read_dcmfs},
	{"facts", OTHER, 0, read_facts},
	{"facts_failed", OTHER, 0, read_facts_failed},
};

static int read_member(struct reader *r, const struct member *m, json_t *v)
{
	void *at = (char *)&r->c->call + m->off;
	unsigned n = 0;
	int err;

	switch (m->kind) {
	case TEXT:
		return read_text(r, m->name, v, at);
	case UINT:
		return read_uint(r, m->name, v, at);
	case BOOL:
		return read_bool(r, m->name, v, at);
	case INT:
		err = read_uint(r, m->name, v, &n);
		if (!err && n > 59)
			err = refuse(r, m->name, "is out of range");
		*(int *)at = (int)n;
		return err;
	case OTHER:
		break;
	}
	return m->read(r, v);
}

void policy_case_defaults(struct policy_case *c)
{
	struct policy_call *call = &c->call;

	memset(c, 0, sizeof(*c));
	call->callid = AR_SPAN("call-1@ims.example");
	policy_party_set(&call->caller, AR_SPAN("sip:alice@ims.example"));
	policy_party_set(&call->callee, AR_SPAN("sip:bob@ims.example"));
	call->caller.caps = POLICY_CAP_DC | POLICY_CAP_AR_CAPABLE;
	call->role = AR_SPAN("originating");
	call->initial = true;
	call->cls = AR_CLASS_AR;
	call->reasons = AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL | AR_REASON_CONTACT_DC |
			AR_REASON_AR_CAPABLE;
	call->source = AR_SPAN("192.0.2.7:5060");
	call->hour = 12;
	call->weekday = 3;
	call->media = c->media;
	call->channels = c->channel;
	call->dcmfs = c->dcmf;
	call->facts = c->fact;
	c->dcmf[0] = (struct policy_dcmf){AR_SPAN("mediad1"), true, 10, 3};
	call->ndcmfs = 1;
}

static int add_default_lists(struct reader *r, json_t *obj)
{
	static const char media[] = "[\"audio\",\"video\",\"datachannel\"]";
	static const char channels[] = "[{\"id\":1000,\"subprotocol\":\"mpeg-sd\"},"
				       "{\"id\":1002,\"subprotocol\":\"3gpp-ar-metadata\","
				       "\"ordered\":false,\"max_retr\":0}]";
	json_t *v = NULL;
	unsigned i;
	int err = 0;

	if (!json_object_get(obj, "media")) {
		v = json_loads(media, 0, NULL);
		err = json_array_append_new(r->c->keep, v) ? -ENOMEM : read_media(r, v);
	}
	for (i = 0; !err && !json_object_get(obj, "channels") && i < r->c->call.nmedia; i++) {
		if (r->c->media[i].kind != AR_SDP_DATACHANNEL || !r->c->media[i].live)
			continue;
		v = json_loads(channels, 0, NULL);
		err = json_array_append_new(r->c->keep, v) ? -ENOMEM : read_channels(r, v);
		break;
	}
	return err;
}

int policy_case_read(struct policy_case *c, json_t *obj, char *why, size_t cap)
{
	struct reader r = {c, why, cap};
	const char *key;
	json_t *v;
	size_t i;
	int err = 0;

	policy_case_defaults(c);
	c->keep = json_array();
	if (!c->keep || json_array_append(c->keep, obj) != 0) {
		snprintf(why, cap, "out of memory");
		return -EINVAL;
	}
	if (!json_is_object(obj) && (!json_is_array(obj) || json_array_size(obj) != 0))
		err = refuse(&r, "*", "the call must be a table");
	json_object_foreach(obj, key, v)
	{
		for (i = 0; i < sizeof(members) / sizeof(*members); i++)
			if (strcmp(members[i].name, key) == 0)
				break;
		if (!err && i == sizeof(members) / sizeof(*members))
			err = refuse(&r, key, "there is no such field");
		if (!err)
			err = read_member(&r, &members[i], v);
	}
	if (!err)
		err = add_default_lists(&r, obj);
	if (err)
		policy_case_free(c);
	return err ? -EINVAL : 0;
}

void policy_case_free(struct policy_case *c)
{
	json_decref(c->keep);
	c->keep = NULL;
}
