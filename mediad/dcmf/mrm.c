/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/mrm.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void mrm_fail(struct mrm_error *err, int status, const char *cause, const char *fmt, ...)
{
	va_list ap;

	*err = (struct mrm_error){.status = status, .cause = cause};
	va_start(ap, fmt);
	vsnprintf(err->detail, sizeof(err->detail), fmt, ap);
	va_end(ap);
}

int mrm_problem(const struct mrm_error *err, struct ar_buf *out)
{
	json_t *j = json_pack("{s:i, s:s}", "status", err->status, "cause", err->cause);
	char *text;
	int rc = -ENOMEM;

	if (j && err->detail[0])
		json_object_set_new(j, "detail", json_string(err->detail));
	if (j && err->param[0])
		json_object_set_new(j, "invalidParams",
			json_pack("[{s:s, s:s}]", "param", err->param, "reason", err->detail));
	text = json_dumps(j, JSON_COMPACT);
	if (text)
		rc = ar_buf_add_str(out, text);
	free(text);
	json_decref(j);
	return rc;
}

/* Where we are in the document; one level is pushed and popped by every reader. */
struct rd {
	struct mrm_error *err;
	const struct nets_list *nets;
	char path[100];
};

static size_t push(struct rd *r, const char *name)
{
	size_t n = strlen(r->path);

	snprintf(r->path + n, sizeof(r->path) - n, "/%s", name);
	return n;
}

static size_t push_index(struct rd *r, size_t i)
{
	char name[24];

	snprintf(name, sizeof(name), "%zu", i);
	return push(r, name);
}

static void pop(struct rd *r, size_t n)
{
	r->path[n] = '\0';
}

static int wrong(struct rd *r, const char *name, bool missing, const char *why)
{
	mrm_fail(r->err, 400, missing ? "MANDATORY_IE_MISSING" : "MANDATORY_IE_INCORRECT",
		"%s/%s: %s", r->path, name, why);
	snprintf(r->err->param, sizeof(r->err->param), "%s/%s", r->path, name);
	return -EINVAL;
}

enum need { OPTIONAL, MANDATORY };

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	}
	return true;
}

static int text(struct rd *r, const json_t *o, const char *name, enum need need, size_t max,
	struct ar_span *out)
{
	const json_t *v = json_object_get(o, name);

	*out = AR_SPAN_NONE;
	if (!v || (json_is_null(v) && need == OPTIONAL))
		return need == MANDATORY ? wrong(r, name, true, "missing") : 0;
	if (!json_is_string(v))
		return wrong(r, name, false, "want a string");
	if (json_string_length(v) > max)
		return wrong(r, name, false, "too long");
	if (!printable(json_string_value(v), json_string_length(v)))
		return wrong(r, name, false, "control characters");
	*out = (struct ar_span){json_string_value(v), json_string_length(v)};
	return need == MANDATORY && out->n == 0 ? wrong(r, name, false, "empty") : 0;
}

static int number(struct rd *r, const json_t *o, const char *name, enum need need, json_int_t min,
	json_int_t max, json_int_t *out)
{
	const json_t *v = json_object_get(o, name);
	char why[80];

	if (!v)
		return need == MANDATORY ? wrong(r, name, true, "missing") : 0;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		snprintf(why, sizeof(why), "want a whole number from %lld to %lld", (long long)min,
			(long long)max);
		return wrong(r, name, false, why);
	}
	*out = json_integer_value(v);
	return 0;
}

static int flag(struct rd *r, const json_t *o, const char *name, bool *out)
{
	const json_t *v = json_object_get(o, name);

	if (v && !json_is_boolean(v))
		return wrong(r, name, false, "want true or false");
	if (v)
		*out = json_is_true(v);
	return 0;
}

static int object(
	struct rd *r, const json_t *o, const char *name, enum need need, const json_t **out)
{
	*out = json_object_get(o, name);
	if (!*out)
		return need == MANDATORY ? wrong(r, name, true, "missing") : 0;
	return json_is_object(*out) ? 0 : wrong(r, name, false, "want an object");
}

static int list(struct rd *r, const json_t *o, const char *name, enum need need, size_t max,
	const json_t **out)
{
	char why[64];

	*out = json_object_get(o, name);
	if (!*out)
		return need == MANDATORY ? wrong(r, name, true, "missing") : 0;
	if (json_is_array(*out) && json_array_size(*out) <= max &&
		(need == OPTIONAL || json_array_size(*out) > 0))
		return 0;
	snprintf(why, sizeof(why), "want a list of at most %zu entries", max);
	return wrong(r, name, false, why);
}

static bool id_ok(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && !strchr("._~-", s.p[i]))
			return false;
	}
	return true;
}

static int ident(struct rd *r, const json_t *o, const char *name, struct ar_span *out)
{
	int err = text(r, o, name, MANDATORY, MRM_MAX_ID, out);

	return err || id_ok(*out) ? err : wrong(r, name, false, "want letters, digits, . _ ~ -");
}

/* ---- streams ---- */

static int copy_text(struct rd *r, const json_t *o, const char *name, char *out, size_t cap)
{
	struct ar_span s;
	int err = text(r, o, name, OPTIONAL, cap - 1, &s);

	if (!err && s.n)
		memcpy(out, s.p, s.n);
	if (!err)
		out[s.n] = '\0';
	return err;
}

static int reliability(struct rd *r, const json_t *o, struct peer_channel *ch)
{
	json_int_t retry = -1, time = -1;
	int err = number(r, o, "maxRetry", OPTIONAL, 0, 65535, &retry);

	if (!err)
		err = number(r, o, "maxTime", OPTIONAL, 0, 65535, &time);
	if (!err && retry >= 0 && time >= 0)
		return wrong(
			r, "maxTime", false, "maxRetry and maxTime exclude each other (RFC 8864)");
	ch->max_retr = (int32_t)retry;
	ch->max_time = (int32_t)time;
	return err;
}

static int stream(struct rd *r, const char *key, const json_t *o, struct peer_channel *ch)
{
	json_int_t id = -1, prio;
	char *end;
	long named = strtol(key, &end, 10);
	int err;

	*ch = (struct peer_channel){.ordered = true};
	if (!json_is_object(o))
		return wrong(r, "", false, "want an object");
	err = number(r, o, "streamId", OPTIONAL, 0, MRM_MAX_STREAM_ID, &id);
	if (err)
		return err;
	if (id < 0)
		id = named;
	if (*key == '\0' || *end || named != id || id < 0 || id > MRM_MAX_STREAM_ID)
		return wrong(r, "streamId", false, "must be its key, from 0 to 1023");
	ch->id = (uint16_t)id;
	err = flag(r, o, "order", &ch->ordered);
	if (!err)
		err = number(r, o, "priority", OPTIONAL, 0, 65535, &prio);
	if (!err)
		err = copy_text(r, o, "subprotocol", ch->subprotocol, sizeof(ch->subprotocol));
	if (!err)
		err = copy_text(r, o, "label", ch->label, sizeof(ch->label));
	if (!err)
		err = reliability(r, o, ch);
	if (!err && strcmp(ch->subprotocol, "mpeg-sd") == 0 &&
		(!ch->ordered || ch->max_retr >= 0 || ch->max_time >= 0))
		return wrong(r, "subprotocol", false, "mpeg-sd must be ordered and reliable");
	return err;
}

static int streams(struct rd *r, const json_t *dc, struct mrm_media *m)
{
	const json_t *o;
	const char *key;
	json_t *v;
	int err = object(r, dc, "streams", MANDATORY, &o);
	size_t at = push(r, "streams");

	if (!err && json_object_size(o) > AR_DC_MAX_STREAMS)
		err = wrong(r, "", false, "more than 32 streams");
	if (err)
		return err;
	json_object_foreach((json_t *)o, key, v)
	{
		size_t here = push(r, strlen(key) > 8 ? "?" : key);

		err = stream(r, key, v, &m->channel[m->nchannel++]);
		if (err)
			return err;
		pop(r, here);
	}
	pop(r, at);
	return 0;
}

/* ---- the UE's side ---- */

static int setup_word(struct rd *r, const json_t *dc, enum ar_setup *out)
{
	static const struct {
		const char *word;
		enum ar_setup setup;
	} words[] = {{"ACTPASS", AR_SETUP_ACTPASS}, {"ACTIVE", AR_SETUP_ACTIVE},
		{"PASSIVE", AR_SETUP_PASSIVE}};
	struct ar_span s;
	int err = text(r, dc, "securitySetup", OPTIONAL, 16, &s);

	*out = AR_SETUP_ACTPASS;
	if (err || !s.p)
		return err;
	for (unsigned i = 0; i < 3; i++) {
		if (ar_span_eq(s, ar_span_str(words[i].word))) {
			*out = words[i].setup;
			return 0;
		}
	}
	return wrong(r, "securitySetup", false, "want ACTIVE, PASSIVE or ACTPASS");
}

/* "SHA-256 AB:CD:...": a name, a blank, hex pairs with colons. */
static bool fingerprint_ok(struct ar_span s)
{
	const char *sp = s.n ? memchr(s.p, ' ', s.n) : NULL;
	size_t n = sp ? s.n - (size_t)(sp + 1 - s.p) : 0;

	if (!sp || sp == s.p || n < 59 || n % 3 != 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i % 3 == 2 ? sp[1 + i] != ':' : !isxdigit((unsigned char)sp[1 + i]))
			return false;
	}
	return true;
}

static int add_fingerprint(struct rd *r, struct ar_span s, struct peer_remote *p)
{
	if (!fingerprint_ok(s))
		return wrong(r, "fingerprint", false, "want \"SHA-256 AB:CD:...\"");
	for (unsigned i = 0; i < p->nfingerprint; i++) {
		if (p->fingerprint[i].n == s.n && strncasecmp(p->fingerprint[i].p, s.p, s.n) == 0)
			return 0;
	}
	if (p->nfingerprint == AR_DC_MAX_FINGERPRINTS)
		return wrong(r, "fingerprint", false, "more than 4 fingerprints");
	p->fingerprint[p->nfingerprint++] = s;
	return 0;
}

static int remote_dc(struct rd *r, const json_t *dc, struct mrm_media *m)
{
	const json_t *o;
	struct ar_span s = AR_SPAN_NONE;
	json_int_t port = 0;
	int err = object(r, dc, "remoteDcEndpoint", OPTIONAL, &o);
	size_t at = push(r, "remoteDcEndpoint");

	if (!err && o) {
		m->has_remote = true;
		err = number(r, o, "sctpPort", MANDATORY, 1, 65535, &port);
		m->remote.sctp_port = (uint16_t)port;
		if (!err)
			err = text(r, o, "tlsId", OPTIONAL, 255, &s);
		if (!err)
			err = text(r, o, "fingerprint", OPTIONAL, 255, &s);
		if (!err && s.n)
			err = add_fingerprint(r, s, &m->remote);
	}
	if (!err)
		pop(r, at);
	return err;
}

static bool ice_chars(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '+' && s.p[i] != '/')
			return false;
	}
	return true;
}

static int ice(struct rd *r, const json_t *x, struct peer_remote *p)
{
	const json_t *o, *c;
	int err = object(r, x, "ice", OPTIONAL, &o);
	size_t at = push(r, "ice");

	if (!err && o) {
		err = text(r, o, "ufrag", MANDATORY, 256, &p->ufrag);
		if (!err)
			err = text(r, o, "pwd", MANDATORY, 256, &p->pwd);
		if (!err && (p->ufrag.n < 4 || !ice_chars(p->ufrag)))
			err = wrong(r, "ufrag", false, "want 4 to 256 ice-chars (RFC 8839 5.4)");
		if (!err && (p->pwd.n < 22 || !ice_chars(p->pwd)))
			err = wrong(r, "pwd", false, "want 22 to 256 ice-chars (RFC 8839 5.4)");
		if (!err)
			err = flag(r, o, "lite", &p->ice_lite);
		if (!err)
			err = list(r, o, "candidates", OPTIONAL, AR_DC_MAX_CANDIDATES, &c);
	}
	if (!err)
		pop(r, at);
	return err;
}

static int fingerprints(struct rd *r, const json_t *x, struct peer_remote *p)
{
	const json_t *a;
	json_t *v;
	size_t i;
	int err = list(r, x, "fingerprints", OPTIONAL, AR_DC_MAX_FINGERPRINTS, &a);

	if (err)
		return err;
	json_array_foreach(a, i, v)
	{
		if (!json_is_string(v))
			return wrong(r, "fingerprints", false, "want strings");
		err = add_fingerprint(
			r, (struct ar_span){json_string_value(v), json_string_length(v)}, p);
		if (err)
			return err;
	}
	return 0;
}

static int remote_vendor(
	struct rd *r, const json_t *x, struct mrm_termination *t, struct mrm_media *m)
{
	const json_t *o;
	json_int_t max = AR_DC_DEFAULT_MESSAGE_SIZE;
	int err = object(r, x, "remote", OPTIONAL, &o);
	size_t at = push(r, "remote");

	if (!err && o) {
		err = number(r, o, "maxMessageSize", OPTIONAL, 0, INT64_MAX, &max);
		if (!err)
			err = fingerprints(r, o, &m->remote);
		if (!err)
			err = ice(r, o, &m->remote);
		if (!err)
			err = text(r, o, "capability", OPTIONAL, MRM_MAX_TEXT, &t->capability);
	}
	m->remote.max_message_size = (uint64_t)max;
	if (!err)
		pop(r, at);
	return err;
}

static int endpoint(struct rd *r, const json_t *media, struct peer_addr *out)
{
	const json_t *o, *ip;
	struct ar_span s = AR_SPAN_NONE;
	json_int_t port = 0;
	char addr[64];
	int err = object(r, media, "remoteMbEndpoint", OPTIONAL, &o);
	size_t at = push(r, "remoteMbEndpoint");

	if (!err && o) {
		err = number(r, o, "portNumber", MANDATORY, 0, 65535, &port);
		if (!err)
			err = object(r, o, "ip", MANDATORY, &ip);
		if (!err)
			err = text(r, ip, "ipv4Addr", OPTIONAL, 45, &s);
		if (!err && !s.p)
			err = text(r, ip, "ipv6Addr", MANDATORY, 45, &s);
		if (!err) {
			snprintf(addr, sizeof(addr), "%.*s", (int)s.n, s.p);
			if (nets_addr_parse(out, addr) != 0)
				err = wrong(r, "ip", false, "not an address");
			nets_set_port(out, (uint16_t)port);
		}
	}
	if (!err)
		pop(r, at);
	return err;
}

/* Port 9 and an unspecified address mean "ask ICE" (RFC 8839 4.2.1). */
static void drop_unusable(struct peer_addr *a)
{
	char ip[INET6_ADDRSTRLEN];

	nets_print_ip(&a->ss, ip, sizeof(ip));
	if (nets_port(&a->ss) == 0 || nets_port(&a->ss) == 9 || strcmp(ip, "0.0.0.0") == 0 ||
		strcmp(ip, "::") == 0)
		a->len = 0;
}

static int settle_remote(struct rd *r, struct mrm_media *m)
{
	if (!m->has_remote)
		return 0;
	if (m->remote.nfingerprint == 0)
		return wrong(r, "dcMedia/remoteDcEndpoint/fingerprint", true, "missing");
	if (m->setup == AR_SETUP_ACTPASS)
		return wrong(r, "dcMedia/securitySetup", false,
			"must be ACTIVE or PASSIVE once remoteDcEndpoint is known");
	drop_unusable(&m->remote.addr);
	if (!m->remote.ufrag.p && m->remote.addr.len == 0)
		return wrong(r, "remoteMbEndpoint", true, "neither ICE nor an address to send to");
	m->remote.setup = m->setup;
	return 0;
}

/* ---- context ---- */

static int network(struct rd *r, const json_t *x, const struct mrm_media *m, int *out)
{
	struct ar_span name;
	int family = m->remote.addr.len ? m->remote.addr.ss.ss_family : AF_UNSPEC;
	int err = text(r, x, "network", OPTIONAL, NETS_MAX_NAME, &name);

	if (err)
		return err;
	if (!name.p)
		name = AR_SPAN("default");
	*out = nets_find(r->nets, name, family);
	if (*out < 0)
		*out = nets_find(r->nets, name, AF_UNSPEC);
	return *out >= 0 ? 0 : wrong(r, "network", false, "no such network is configured here");
}

static int vendor_media(
	struct rd *r, const json_t *o, struct mrm_termination *t, struct mrm_media *m)
{
	const json_t *x;
	struct ar_span user = AR_SPAN_NONE;
	int err = object(r, o, "x-ims-ar", OPTIONAL, &x);
	size_t at = push(r, "x-ims-ar");

	if (!err)
		err = text(r, x, "user", OPTIONAL, MRM_MAX_TEXT, &user);
	if (!err && user.n)
		t->user = user;
	if (!err)
		err = remote_vendor(r, x, t, m);
	if (!err)
		err = network(r, x, m, &m->network);
	if (!err)
		pop(r, at);
	return err;
}

static int dc_media(struct rd *r, const json_t *o, struct mrm_media *m)
{
	const json_t *dc;
	int err = object(r, o, "dcMedia", MANDATORY, &dc);
	size_t at = push(r, "dcMedia");

	if (!err)
		err = streams(r, dc, m);
	if (!err)
		err = setup_word(r, dc, &m->setup);
	if (!err)
		err = remote_dc(r, dc, m);
	if (!err)
		pop(r, at);
	return err;
}

static int media(struct rd *r, const json_t *o, struct mrm_termination *t)
{
	struct mrm_media *m = &t->media[t->nmedia++];
	struct ar_span type;
	int err;

	if (!json_is_object(o))
		return wrong(r, "", false, "want an object");
	err = ident(r, o, "mediaId", &m->id);
	if (!err)
		err = text(r, o, "mediaResourceType", MANDATORY, 16, &type);
	if (!err && !ar_span_eq(type, AR_SPAN("DC")))
		err = wrong(r, "mediaResourceType", false, "only DC is served here");
	if (!err)
		err = dc_media(r, o, m);
	if (!err)
		err = endpoint(r, o, &m->remote.addr);
	if (!err)
		err = vendor_media(r, o, t, m);
	return err ? err : settle_remote(r, m);
}

static int termination(struct rd *r, const json_t *o, struct mrm_termination *t)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err;

	if (!json_is_object(o))
		return wrong(r, "", false, "want an object");
	err = ident(r, o, "terminationId", &t->id);
	if (!err)
		err = list(r, o, "medias", MANDATORY, MRM_MAX_MEDIAS, &a);
	if (err)
		return err;
	at = push(r, "medias");
	json_array_foreach(a, i, v)
	{
		size_t here = push_index(r, i);

		err = media(r, v, t);
		if (err)
			return err;
		for (unsigned k = 0; k + 1 < t->nmedia; k++) {
			if (ar_span_eq(t->media[k].id, t->media[i].id))
				return wrong(r, "mediaId", false, "given twice");
		}
		pop(r, here);
	}
	pop(r, at);
	return 0;
}

static int terminations(struct rd *r, const json_t *doc, struct mrm_context *c)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err = list(r, doc, "terminations", MANDATORY, MRM_MAX_TERMINATIONS, &a);

	if (err)
		return err;
	c->term = calloc(json_array_size(a), sizeof(*c->term));
	if (!c->term) {
		mrm_fail(r->err, 500, "SYSTEM_FAILURE", "out of memory");
		return -ENOMEM;
	}
	at = push(r, "terminations");
	json_array_foreach(a, i, v)
	{
		size_t here = push_index(r, i);

		err = termination(r, v, &c->term[c->nterm++]);
		if (err)
			return err;
		for (unsigned k = 0; k + 1 < c->nterm; k++) {
			if (ar_span_eq(c->term[k].id, c->term[i].id))
				return wrong(r, "terminationId", false, "given twice");
		}
		pop(r, here);
	}
	pop(r, at);
	return 0;
}

static int vendor_context(struct rd *r, const json_t *doc, struct mrm_context *c)
{
	const json_t *x;
	json_int_t lease = 0;
	int err = object(r, doc, "x-ims-ar", OPTIONAL, &x);
	struct {
		const char *name;
		struct ar_span *out;
	} texts[] = {{"owner", &c->owner}, {"callId", &c->call_id}, {"call", &c->call},
		{"scene", &c->scene}, {"application", &c->application}};

	push(r, "x-ims-ar");
	for (unsigned i = 0; !err && i < sizeof(texts) / sizeof(texts[0]); i++)
		err = text(r, x, texts[i].name, OPTIONAL, MRM_MAX_TEXT, texts[i].out);
	if (!err)
		err = flag(r, x, "trace", &c->trace);
	if (!err)
		err = number(r, x, "leaseSeconds", OPTIONAL, 5, 86400, &lease);
	c->lease_s = (long)lease;
	return err;
}

int mrm_read(struct mrm_context *c, const json_t *doc, const struct nets_list *nets,
	struct mrm_error *err)
{
	struct rd r = {.err = err, .nets = nets};
	int rc;

	*c = (struct mrm_context){.nterm = 0};
	*err = (struct mrm_error){.status = 0};
	if (!json_is_object(doc)) {
		mrm_fail(err, 400, "INVALID_MSG_FORMAT", "a MediaContext is a JSON object");
		return -EINVAL;
	}
	rc = terminations(&r, doc, c);
	if (!rc)
		rc = vendor_context(&r, doc, c);
	if (rc)
		mrm_free(c);
	return rc;
}

void mrm_free(struct mrm_context *c)
{
	free(c->term);
	*c = (struct mrm_context){.nterm = 0};
}
