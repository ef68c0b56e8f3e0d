/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/dcsf/mrm_int.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- building ---- */

/* Steals v; false when anything is missing. */
bool mrm_put(json_t *o, const char *key, json_t *v)
{
	return v && o && json_object_set_new(o, key, v) == 0;
}

json_t *mrm_span(struct ar_span s)
{
	return json_stringn(s.p ? s.p : "", s.n);
}

/* RFC 8122: hash name in any case; TS 29.571's pattern wants capitals. */
json_t *mrm_fingerprint(struct ar_span s)
{
	char buf[256];

	if (s.n >= sizeof(buf))
		return NULL;
	for (size_t i = 0; i < s.n; i++)
		buf[i] = (char)toupper((unsigned char)s.p[i]);
	return json_stringn(buf, s.n);
}

/* RFC 8864 5.1.1: %HH in quoted names. */
static json_t *decoded_json(struct ar_span s)
{
	char buf[512];
	size_t n = 0;

	if (s.n > sizeof(buf))
		return NULL;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%' && i + 2 < s.n && isxdigit((unsigned char)s.p[i + 1]) &&
			isxdigit((unsigned char)s.p[i + 2])) {
			char hex[3] = {s.p[i + 1], s.p[i + 2], '\0'};

			c = (char)strtol(hex, NULL, 16);
			i += 2;
		}
		buf[n++] = c ? c : '?';
	}
	return json_stringn(buf, n);
}

static bool put_reliability(json_t *o, const struct ar_dc_stream *s)
{
	if (s->max_retr >= 0 && !mrm_put(o, "maxRetry", json_integer(s->max_retr)))
		return false;
	if (s->max_time >= 0 && !mrm_put(o, "maxTime", json_integer(s->max_time)))
		return false;
	return true;
}

static json_t *stream_json(const struct ar_dc_stream *s)
{
	json_t *o = json_object();

	if (mrm_put(o, "streamId", json_integer(s->id)) &&
		mrm_put(o, "subprotocol", decoded_json(s->subprotocol)) &&
		mrm_put(o, "label", decoded_json(s->label)) &&
		mrm_put(o, "order", json_boolean(s->ordered)) &&
		mrm_put(o, "priority", json_integer(s->priority)) && put_reliability(o, s))
		return o;
	json_decref(o);
	return NULL;
}

json_t *mrm_streams(const struct ar_dc_stream *stream, unsigned n)
{
	json_t *o = json_object();
	char key[8];

	for (unsigned i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%u", (unsigned)stream[i].id);
		if (!mrm_put(o, key, stream_json(&stream[i]))) {
			json_decref(o);
			return NULL;
		}
	}
	return o;
}

static json_t *dc_endpoint(const struct ar_sdp_dc *dc)
{
	json_t *o = json_object();
	bool ok = mrm_put(o, "sctpPort", json_integer(dc->sctp_port));

	if (dc->nfingerprint)
		ok = ok && mrm_put(o, "fingerprint", mrm_fingerprint(dc->fingerprint[0]));
	if (dc->tls_id.n)
		ok = ok && mrm_put(o, "tlsId", mrm_span(dc->tls_id));
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

json_t *mrm_endpoint(struct ar_span addr, uint16_t port)
{
	bool v6 = addr.n && memchr(addr.p, ':', addr.n);
	json_t *o = json_object(), *ip = json_object();

	if (!mrm_put(ip, v6 ? "ipv6Addr" : "ipv4Addr", mrm_span(addr))) {
		json_decref(ip);
		ip = NULL;
	}
	if (mrm_put(o, "ip", ip) && mrm_put(o, "transport", json_string("UDP")) &&
		mrm_put(o, "portNumber", json_integer(port)))
		return o;
	json_decref(o);
	return NULL;
}

json_t *mrm_spans(const struct ar_span *s, unsigned n, json_t *(*make)(struct ar_span))
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++) {
		json_t *v = make(s[i]);

		if (!v || json_array_append_new(a, v) != 0) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

static json_t *ice_json(const struct ar_sdp_dc *dc)
{
	json_t *o = json_object();

	if (mrm_put(o, "ufrag", mrm_span(dc->ufrag)) && mrm_put(o, "pwd", mrm_span(dc->pwd)) &&
		mrm_put(o, "lite", json_boolean(dc->ice_lite)) &&
		mrm_put(o, "candidates", mrm_spans(dc->candidate, dc->ncandidate, mrm_span)))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *remote_json(const struct ar_sdp_dc *dc, const char *capability)
{
	json_t *o = json_object();
	bool ok = mrm_put(o, "maxMessageSize", json_integer((json_int_t)dc->max_message_size)) &&
		  mrm_put(o, "fingerprints",
			  mrm_spans(dc->fingerprint, dc->nfingerprint, mrm_fingerprint));

	if (dc->ufrag.n)
		ok = ok && mrm_put(o, "ice", ice_json(dc));
	if (capability)
		ok = ok && mrm_put(o, "capability", json_string(capability));
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

const char *mrm_setup_word(enum ar_setup s)
{
	return s == AR_SETUP_ACTIVE ? "ACTIVE" : s == AR_SETUP_PASSIVE ? "PASSIVE" : "ACTPASS";
}

enum ar_setup mrm_setup(const char *word)
{
	return word && strcmp(word, "ACTIVE") == 0 ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE;
}

/* A host name instead of an address is legal (RFC 8866 5.7), but only ICE can reach that UE. */
bool mrm_is_address(struct ar_span a)
{
	if (a.n == 0)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (!isxdigit((unsigned char)a.p[i]) && a.p[i] != '.' && a.p[i] != ':')
			return false;
	}
	return true;
}

json_t *mrm_facts(
	const struct ar_sdp_dc *dc, uint16_t port, enum ar_setup ours, const char *capability)
{
	json_t *o = json_object();
	bool ok = mrm_put(o, "remoteDcEndpoint", dc_endpoint(dc)) &&
		  mrm_put(o, "securitySetup", json_string(mrm_setup_word(ours))) &&
		  mrm_put(o, "remote", remote_json(dc, capability));

	if (mrm_is_address(dc->addr))
		ok = ok && mrm_put(o, "remoteMbEndpoint", mrm_endpoint(dc->addr, port));
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

json_t *mrm_shared(const json_t *j)
{
	return json_incref((json_t *)(uintptr_t)j);
}

static json_t *dc_media(const struct mrm_leg *l)
{
	json_t *o = json_object();
	bool ok = mrm_put(o, "streams", l->streams ? mrm_shared(l->streams) : json_object());

	if (json_object_get(l->facts, "remoteDcEndpoint"))
		ok = ok &&
		     mrm_put(o, "remoteDcEndpoint",
			     mrm_shared(json_object_get(l->facts, "remoteDcEndpoint"))) &&
		     mrm_put(o, "securitySetup",
			     mrm_shared(json_object_get(l->facts, "securitySetup")));
	else
		ok = ok && mrm_put(o, "securitySetup", json_string("ACTPASS"));
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *vendor_media(const struct mrm_leg *l)
{
	json_t *o = json_object();
	bool ok = mrm_put(o, "network", json_string(l->network)) &&
		  mrm_put(o, "user", json_string(l->user));

	if (json_object_get(l->facts, "remote"))
		ok = ok && mrm_put(o, "remote", mrm_shared(json_object_get(l->facts, "remote")));
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *medium(const struct mrm_leg *l)
{
	json_t *o = json_object(), *mb = json_object_get(l->facts, "remoteMbEndpoint");
	bool ok = mrm_put(o, "mediaId", json_string("1")) &&
		  mrm_put(o, "mediaResourceType", json_string("DC")) &&
		  mrm_put(o, "dcMedia", dc_media(l)) && mrm_put(o, "x-ims-ar", vendor_media(l));

	if (mb)
		ok = ok && mrm_put(o, "remoteMbEndpoint", mrm_shared(mb));
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *termination(const char *id, const struct mrm_leg *l)
{
	json_t *o = json_object(), *medias = json_array(), *m = medium(l);

	if (m && json_array_append_new(medias, m) == 0 &&
		mrm_av_add(medias, l->facts, l->network) &&
		mrm_put(o, "terminationId", json_string(id)) &&
		mrm_put(o, "medias", mrm_shared(medias))) {
		json_decref(medias);
		return o;
	}
	json_decref(medias);
	json_decref(o);
	return NULL;
}

static json_t *limits(const struct mrm_context *c)
{
	json_t *o = json_object();

	if ((!c->max_kbps || mrm_put(o, "maxKbps", json_integer(c->max_kbps))) &&
		(!c->max_pose_hz || mrm_put(o, "maxPoseHz", json_integer(c->max_pose_hz))) &&
		(!c->max_nodes || mrm_put(o, "maxNodes", json_integer(c->max_nodes))) &&
		(!c->max_participants ||
			mrm_put(o, "maxParticipants", json_integer(c->max_participants))))
		return o;
	json_decref(o);
	return NULL;
}

static json_t *vendor_context(const struct mrm_context *c)
{
	bool limited = c->max_kbps || c->max_pose_hz || c->max_nodes || c->max_participants;
	json_t *o = json_object();

	if (mrm_put(o, "owner", json_string(c->owner)) &&
		mrm_put(o, "callId", json_string(c->callid)) &&
		mrm_put(o, "call", json_string(c->call)) &&
		mrm_put(o, "scene", json_string(c->scene)) &&
		mrm_put(o, "application", json_string(c->application)) &&
		mrm_put(o, "trace", json_boolean(c->trace)) &&
		(!limited || mrm_put(o, "limits", limits(c))) &&
		(!c->share || !*c->share || mrm_put(o, "share", json_string(c->share))) &&
		mrm_put(o, "leaseSeconds", json_integer(c->lease_s)))
		return o;
	json_decref(o);
	return NULL;
}

json_t *mrm_context(const struct mrm_context *c)
{
	json_t *o = json_object(), *a = termination("a", &c->leg[AR_SIDE_A]),
	       *b = termination("b", &c->leg[AR_SIDE_B]);

	if (a && b && mrm_put(o, "terminations", json_pack("[oo]", a, b)) &&
		mrm_put(o, "x-ims-ar", vendor_context(c)))
		return o;
	if (!a || !b) {
		json_decref(a);
		json_decref(b);
	}
	json_decref(o);
	return NULL;
}

static bool patch_add(json_t *ops, enum ar_side side, const char *path, const json_t *value)
{
	char at[80];
	json_t *op;

	if (!value)
		return true;
	snprintf(at, sizeof(at), "/terminations/%d/medias/0/%s", (int)side, path);
	op = json_pack("{s:s, s:s, s:O}", "op", "add", "path", at, "value", value);
	return op && json_array_append_new(ops, op) == 0;
}

json_t *mrm_patch(enum ar_side side, const json_t *facts)
{
	json_t *ops = json_array();

	if (patch_add(ops, side, "dcMedia/remoteDcEndpoint",
		    json_object_get(facts, "remoteDcEndpoint")) &&
		patch_add(ops, side, "dcMedia/securitySetup",
			json_object_get(facts, "securitySetup")) &&
		patch_add(ops, side, "remoteMbEndpoint",
			json_object_get(facts, "remoteMbEndpoint")) &&
		patch_add(ops, side, "dcMedia/streams", json_object_get(facts, "streams")) &&
		patch_add(ops, side, "x-ims-ar/remote", json_object_get(facts, "remote")))
		return ops;
	json_decref(ops);
	return NULL;
}

/* ---- reading ---- */

struct ar_span mrm_text(const json_t *o, const char *key)
{
	const json_t *s = json_object_get(o, key);

	if (!json_is_string(s))
		return AR_SPAN_NONE;
	return (struct ar_span){json_string_value(s), json_string_length(s)};
}

/* May stand in an SDP line; blanks only where the caller says so. */
bool mrm_clean(struct ar_span s, bool blanks, size_t max)
{
	if (s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c >= 0x7f || (c == ' ' && !blanks))
			return false;
	}
	return true;
}

bool mrm_port(const json_t *o, const char *key, uint16_t *port)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	if (v < 1 || v > 65535)
		return false;
	*port = (uint16_t)v;
	return true;
}

const json_t *mrm_medias_of(const json_t *context, enum ar_side side)
{
	const char *want = side == AR_SIDE_A ? "a" : "b";
	const json_t *t;
	size_t i;

	json_array_foreach(json_object_get(context, "terminations"), i, t)
	{
		const char *id = json_string_value(json_object_get(t, "terminationId"));

		if (id && strcmp(id, want) == 0)
			return json_object_get(t, "medias");
	}
	return NULL;
}

static const json_t *medium_of(const json_t *context, enum ar_side side)
{
	return json_array_get(mrm_medias_of(context, side), 0);
}

static bool answered_stream(const struct ar_sdp_dc *answer, const char *id)
{
	char key[8];

	for (unsigned i = 0; i < answer->nstream; i++) {
		snprintf(key, sizeof(key), "%u", (unsigned)answer->stream[i].id);
		if (strcmp(key, id) == 0)
			return true;
	}
	return false;
}

bool mrm_narrow_streams(
	json_t *facts, const json_t *context, enum ar_side side, const struct ar_sdp_dc *answer)
{
	json_t *all =
		json_object_get(json_object_get(medium_of(context, side), "dcMedia"), "streams");
	json_t *some, *st;
	const char *id;

	if (answer->nstream == 0)
		return true;
	some = json_object();
	json_object_foreach(all, id, st)
	{
		if (answered_stream(answer, id))
			json_object_set(some, id, st);
	}
	if (some && json_object_size(some) < json_object_size(all))
		return mrm_put(facts, "streams", some);
	json_decref(some);
	return some != NULL;
}

static const char *read_mb(const json_t *m, struct mrm_local *l)
{
	const json_t *mb = json_object_get(m, "localMbEndpoint");
	const json_t *ip = json_object_get(mb, "ip");

	l->addr = mrm_text(ip, "ipv4Addr");
	l->v6 = !l->addr.p;
	if (l->v6)
		l->addr = mrm_text(ip, "ipv6Addr");
	if (!mrm_clean(l->addr, false, 45) || !mrm_is_address(l->addr))
		return "localMbEndpoint has no address";
	if (!mrm_port(mb, "portNumber", &l->port))
		return "localMbEndpoint has no portNumber";
	return NULL;
}

static const char *read_dc(const json_t *m, struct mrm_local *l)
{
	const json_t *dc = json_object_get(json_object_get(m, "dcMedia"), "localDcEndpoint");

	l->fingerprint = mrm_text(dc, "fingerprint");
	l->tls_id = mrm_text(dc, "tlsId");
	if (!mrm_port(dc, "sctpPort", &l->sctp_port))
		return "localDcEndpoint has no sctpPort";
	if (!mrm_clean(l->fingerprint, true, 255))
		return "localDcEndpoint has no usable fingerprint";
	if (l->tls_id.p && !mrm_clean(l->tls_id, false, 255))
		return "localDcEndpoint has no usable tlsId";
	return NULL;
}

static const char *read_ice(const json_t *m, struct mrm_local *l)
{
	const json_t *x = json_object_get(m, "x-ims-ar"), *ice = json_object_get(x, "ice"), *c;
	json_int_t max = json_integer_value(json_object_get(x, "localMaxMessageSize"));
	size_t i;

	l->ufrag = mrm_text(ice, "ufrag");
	l->pwd = mrm_text(ice, "pwd");
	l->max_message_size = max > 0 ? (uint64_t)max : AR_DC_DEFAULT_MESSAGE_SIZE;
	if (!mrm_clean(l->ufrag, false, 256) || !mrm_clean(l->pwd, false, 256))
		return "x-ims-ar.ice has no usable ufrag and pwd";
	json_array_foreach(json_object_get(ice, "candidates"), i, c)
	{
		struct ar_span s = {json_string_value(c), json_string_length(c)};

		if (!mrm_clean(s, true, 512))
			return "x-ims-ar.ice has an unusable candidate";
		if (l->ncandidate < MRM_MAX_CANDIDATES)
			l->candidate[l->ncandidate++] = s;
	}
	return NULL;
}

static int read_local(const json_t *m, struct mrm_local *l, const char **why)
{
	*l = (struct mrm_local){.port = 0};
	*why = m ? NULL : "a termination is missing";
	if (!*why)
		*why = read_mb(m, l);
	if (!*why)
		*why = read_dc(m, l);
	if (!*why)
		*why = read_ice(m, l);
	return *why ? -EBADMSG : 0;
}

int mrm_local(const json_t *context, enum ar_side side, struct mrm_local *l, const char **why)
{
	return read_local(medium_of(context, side), l, why);
}

int mrm_local_more(const json_t *context, enum ar_side side, const char *id, struct mrm_local *l,
	const char **why)
{
	const json_t *m;
	size_t i;

	json_array_foreach(mrm_medias_of(context, side), i, m)
	{
		const char *have = json_string_value(json_object_get(m, "mediaId"));

		if (i && have && strcmp(have, id) == 0)
			return read_local(m, l, why);
	}
	return -ENOENT;
}

const char *mrm_context_id(const json_t *context)
{
	const char *id = json_string_value(json_object_get(context, "contextId"));
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._~-";

	if (!id || !*id || strlen(id) > MRM_MAX_CONTEXT_ID || strspn(id, ok) != strlen(id))
		return NULL;
	return id;
}

void mrm_problem(struct ar_span body, char *buf, size_t cap)
{
	static const char *const keys[] = {"detail", "title", "cause"};
	json_t *j = body.n ? json_loadb(body.p, body.n, 0, NULL) : NULL;

	snprintf(buf, cap, "no reason given");
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *s = json_string_value(json_object_get(j, keys[i]));

		if (s) {
			snprintf(buf, cap, "%s", s);
			break;
		}
	}
	json_decref(j);
}

bool mrm_problem_is(struct ar_span body, const char *cause)
{
	json_t *j = body.n ? json_loadb(body.p, body.n, 0, NULL) : NULL;
	const char *s = json_string_value(json_object_get(j, "cause"));
	bool is = s && strcmp(s, cause) == 0;

	json_decref(j);
	return is;
}
