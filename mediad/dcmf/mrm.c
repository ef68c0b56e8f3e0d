/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/mrm_rd.h"
#include "common/ar_json.h"

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
	text = ar_json_text(j);
	if (text)
		rc = ar_buf_add_str(out, text);
	free(text);
	json_decref(j);
	return rc;
}

/* ---- streams ---- */

static int copy_text(struct mrm_rd *r, const json_t *o, const char *name, char *out, size_t cap)
{
	struct ar_span s;
	int err = mrm_text(r, o, name, MRM_OPTIONAL, cap - 1, &s);

	if (!err && s.n)
		memcpy(out, s.p, s.n);
	if (!err)
		out[s.n] = '\0';
	return err;
}

static int reliability(struct mrm_rd *r, const json_t *o, struct peer_channel *ch)
{
	json_int_t retry = -1, time = -1;
	int err = mrm_number(r, o, "maxRetry", MRM_OPTIONAL, 0, 65535, &retry);

	if (!err)
		err = mrm_number(r, o, "maxTime", MRM_OPTIONAL, 0, 65535, &time);
	if (!err && retry >= 0 && time >= 0)
		return mrm_wrong(
			r, "maxTime", false, "maxRetry and maxTime exclude each other (RFC 8864)");
	ch->max_retr = (int32_t)retry;
	ch->max_time = (int32_t)time;
	return err;
}

static int stream(struct mrm_rd *r, const char *key, const json_t *o, struct peer_channel *ch)
{
	json_int_t id = -1, prio;
	char *end;
	long named = strtol(key, &end, 10);
	int err;

	*ch = (struct peer_channel){.ordered = true};
	if (!json_is_object(o))
		return mrm_wrong(r, "", false, "want an object");
	err = mrm_number(r, o, "streamId", MRM_OPTIONAL, 0, MRM_MAX_STREAM_ID, &id);
	if (err)
		return err;
	if (id < 0)
		id = named;
	if (*key == '\0' || *end || named != id || id < 0 || id > MRM_MAX_STREAM_ID)
		return mrm_wrong(r, "streamId", false, "must be its key, from 0 to 1023");
	ch->id = (uint16_t)id;
	err = mrm_flag(r, o, "order", &ch->ordered);
	if (!err)
		err = mrm_number(r, o, "priority", MRM_OPTIONAL, 0, 65535, &prio);
	if (!err)
		err = copy_text(r, o, "subprotocol", ch->subprotocol, sizeof(ch->subprotocol));
	if (!err)
		err = copy_text(r, o, "label", ch->label, sizeof(ch->label));
	if (!err)
		err = reliability(r, o, ch);
	if (!err && strcmp(ch->subprotocol, "mpeg-sd") == 0 &&
		(!ch->ordered || ch->max_retr >= 0 || ch->max_time >= 0))
		return mrm_wrong(r, "subprotocol", false, "mpeg-sd must be ordered and reliable");
	return err;
}

static int streams(struct mrm_rd *r, const json_t *dc, struct mrm_media *m)
{
	const json_t *o;
	const char *key;
	json_t *v;
	int err = mrm_object(r, dc, "streams", MRM_MANDATORY, &o);
	size_t at = mrm_push(r, "streams");

	if (!err && json_object_size(o) > AR_DC_MAX_STREAMS)
		err = mrm_wrong(r, "", false, "more than 32 streams");
	if (err)
		return err;
	json_object_foreach((json_t *)o, key, v)
	{
		size_t here = mrm_push(r, strlen(key) > 8 ? "?" : key);

		err = stream(r, key, v, &m->channel[m->nchannel++]);
		if (err)
			return err;
		mrm_pop(r, here);
	}
	mrm_pop(r, at);
	return 0;
}

/* ---- the UE's side ---- */

int mrm_setup_word(struct mrm_rd *r, const json_t *dc, enum ar_setup *out)
{
	static const struct {
		const char *word;
		enum ar_setup setup;
	} words[] = {{"ACTPASS", AR_SETUP_ACTPASS}, {"ACTIVE", AR_SETUP_ACTIVE},
		{"PASSIVE", AR_SETUP_PASSIVE}};
	struct ar_span s;
	int err = mrm_text(r, dc, "securitySetup", MRM_OPTIONAL, 16, &s);

	*out = AR_SETUP_ACTPASS;
	if (err || !s.p)
		return err;
	for (unsigned i = 0; i < 3; i++) {
		if (ar_span_eq(s, ar_span_str(words[i].word))) {
			*out = words[i].setup;
			return 0;
		}
	}
	return mrm_wrong(r, "securitySetup", false, "want ACTIVE, PASSIVE or ACTPASS");
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

static int add_fingerprint(struct mrm_rd *r, struct ar_span s, struct peer_remote *p)
{
	if (!fingerprint_ok(s))
		return mrm_wrong(r, "fingerprint", false, "want \"SHA-256 AB:CD:...\"");
	for (unsigned i = 0; i < p->nfingerprint; i++) {
		if (p->fingerprint[i].n == s.n && strncasecmp(p->fingerprint[i].p, s.p, s.n) == 0)
			return 0;
	}
	if (p->nfingerprint == AR_DC_MAX_FINGERPRINTS)
		return mrm_wrong(r, "fingerprint", false, "more than 4 fingerprints");
	p->fingerprint[p->nfingerprint++] = s;
	return 0;
}

static int remote_dc(struct mrm_rd *r, const json_t *dc, struct mrm_media *m)
{
	const json_t *o;
	struct ar_span s = AR_SPAN_NONE;
	json_int_t port = 0;
	int err = mrm_object(r, dc, "remoteDcEndpoint", MRM_OPTIONAL, &o);
	size_t at = mrm_push(r, "remoteDcEndpoint");

	if (!err && o) {
		m->has_remote = true;
		err = mrm_number(r, o, "sctpPort", MRM_MANDATORY, 1, 65535, &port);
		m->remote.sctp_port = (uint16_t)port;
		if (!err)
			err = mrm_text(r, o, "tlsId", MRM_OPTIONAL, 255, &s);
		if (!err)
			err = mrm_text(r, o, "fingerprint", MRM_OPTIONAL, 255, &s);
		if (!err && s.n)
			err = add_fingerprint(r, s, &m->remote);
	}
	if (!err)
		mrm_pop(r, at);
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

int mrm_ice(struct mrm_rd *r, const json_t *x, struct peer_remote *p)
{
	const json_t *o, *c;
	int err = mrm_object(r, x, "ice", MRM_OPTIONAL, &o);
	size_t at = mrm_push(r, "ice");

	if (!err && o) {
		err = mrm_text(r, o, "ufrag", MRM_MANDATORY, 256, &p->ufrag);
		if (!err)
			err = mrm_text(r, o, "pwd", MRM_MANDATORY, 256, &p->pwd);
		if (!err && (p->ufrag.n < 4 || !ice_chars(p->ufrag)))
			err = mrm_wrong(
				r, "ufrag", false, "want 4 to 256 ice-chars (RFC 8839 5.4)");
		if (!err && (p->pwd.n < 22 || !ice_chars(p->pwd)))
			err = mrm_wrong(r, "pwd", false, "want 22 to 256 ice-chars (RFC 8839 5.4)");
		if (!err)
			err = mrm_flag(r, o, "lite", &p->ice_lite);
		if (!err)
			err = mrm_list(r, o, "candidates", MRM_OPTIONAL, AR_DC_MAX_CANDIDATES, &c);
	}
	if (!err)
		mrm_pop(r, at);
	return err;
}

int mrm_fingerprints(struct mrm_rd *r, const json_t *x, struct peer_remote *p)
{
	const json_t *a;
	json_t *v;
	size_t i;
	int err = mrm_list(r, x, "fingerprints", MRM_OPTIONAL, AR_DC_MAX_FINGERPRINTS, &a);

	if (err)
		return err;
	json_array_foreach(a, i, v)
	{
		if (!json_is_string(v))
			return mrm_wrong(r, "fingerprints", false, "want strings");
		err = add_fingerprint(
			r, (struct ar_span){json_string_value(v), json_string_length(v)}, p);
		if (err)
			return err;
	}
	return 0;
}

static int remote_vendor(
	struct mrm_rd *r, const json_t *x, struct mrm_termination *t, struct mrm_media *m)
{
	const json_t *o;
	json_int_t max = AR_DC_DEFAULT_MESSAGE_SIZE;
	int err = mrm_object(r, x, "remote", MRM_OPTIONAL, &o);
	size_t at = mrm_push(r, "remote");

	if (!err && o) {
		err = mrm_number(r, o, "maxMessageSize", MRM_OPTIONAL, 0, INT64_MAX, &max);
		if (!err)
			err = mrm_fingerprints(r, o, &m->remote);
		if (!err)
			err = mrm_ice(r, o, &m->remote);
		if (!err)
			err = mrm_text(
				r, o, "capability", MRM_OPTIONAL, MRM_MAX_TEXT, &t->capability);
	}
	m->remote.max_message_size = (uint64_t)max;
	if (!err)
		mrm_pop(r, at);
	return err;
}

static int endpoint(struct mrm_rd *r, const json_t *media, struct peer_addr *out)
{
	const json_t *o, *ip;
	struct ar_span s = AR_SPAN_NONE;
	json_int_t port = 0;
	char addr[64];
	int err = mrm_object(r, media, "remoteMbEndpoint", MRM_OPTIONAL, &o);
	size_t at = mrm_push(r, "remoteMbEndpoint");

	if (!err && o) {
		err = mrm_number(r, o, "portNumber", MRM_MANDATORY, 0, 65535, &port);
		if (!err)
			err = mrm_object(r, o, "ip", MRM_MANDATORY, &ip);
		if (!err)
			err = mrm_text(r, ip, "ipv4Addr", MRM_OPTIONAL, 45, &s);
		if (!err && !s.p)
			err = mrm_text(r, ip, "ipv6Addr", MRM_MANDATORY, 45, &s);
		if (!err) {
			snprintf(addr, sizeof(addr), "%.*s", (int)s.n, s.p);
			if (nets_addr_parse(out, addr) != 0)
				err = mrm_wrong(r, "ip", false, "not an address");
			nets_set_port(out, (uint16_t)port);
		}
	}
	if (!err)
		mrm_pop(r, at);
	return err;
}

/* Port 9 and an unspecified address mean "ask ICE" (RFC 8839 4.2.1). */
static void drop_unusable(struct peer_addr *a)
{
	char ip[INET6_ADDRSTRLEN];

	if (!a->len)
		return;
	nets_print_ip(&a->ss, ip, sizeof(ip));
	if (nets_port(&a->ss) == 0 || nets_port(&a->ss) == 9 || strcmp(ip, "0.0.0.0") == 0 ||
		strcmp(ip, "::") == 0)
		a->len = 0;
}

static int settle_remote(struct mrm_rd *r, struct mrm_media *m)
{
	if (!m->has_remote)
		return 0;
	if (m->remote.nfingerprint == 0)
		return mrm_wrong(r, "dcMedia/remoteDcEndpoint/fingerprint", true, "missing");
	if (m->setup == AR_SETUP_ACTPASS)
		return mrm_wrong(r, "dcMedia/securitySetup", false,
			"must be ACTIVE or PASSIVE once remoteDcEndpoint is known");
	if (!m->remote.ufrag.p && m->remote.addr.len == 0)
		return mrm_wrong(
			r, "remoteMbEndpoint", true, "neither ICE nor an address to send to");
	m->remote.setup = m->setup;
	return 0;
}

/* ---- context ---- */

static int network(struct mrm_rd *r, const json_t *x, const struct mrm_media *m, int *out)
{
	struct ar_span name;
	int family = m->remote.addr.len ? m->remote.addr.ss.ss_family : AF_UNSPEC;
	int err = mrm_text(r, x, "network", MRM_OPTIONAL, NETS_MAX_NAME, &name);

	if (err)
		return err;
	if (!name.p)
		name = AR_SPAN("default");
	*out = nets_find(r->nets, name, family);
	if (*out < 0)
		*out = nets_find(r->nets, name, AF_UNSPEC);
	return *out >= 0 ? 0 : mrm_wrong(r, "network", false, "no such network is configured here");
}

static int vendor_media(
	struct mrm_rd *r, const json_t *o, struct mrm_termination *t, struct mrm_media *m)
{
	const json_t *x;
	struct ar_span user = AR_SPAN_NONE;
	int err = mrm_object(r, o, "x-ims-ar", MRM_OPTIONAL, &x);
	size_t at = mrm_push(r, "x-ims-ar");

	if (!err)
		err = mrm_text(r, x, "user", MRM_OPTIONAL, MRM_MAX_TEXT, &user);
	if (!err && user.n)
		t->user = user;
	if (!err && m->type == MRM_DC)
		err = remote_vendor(r, x, t, m);
	if (!err)
		err = network(r, x, m, &m->network);
	if (!err)
		mrm_pop(r, at);
	return err;
}

static int dc_media(struct mrm_rd *r, const json_t *o, struct mrm_media *m)
{
	const json_t *dc;
	int err = mrm_object(r, o, "dcMedia", MRM_MANDATORY, &dc);
	size_t at = mrm_push(r, "dcMedia");

	if (!err)
		err = streams(r, dc, m);
	if (!err)
		err = mrm_setup_word(r, dc, &m->setup);
	if (!err)
		err = remote_dc(r, dc, m);
	if (!err)
		mrm_pop(r, at);
	return err;
}

static int media(struct mrm_rd *r, const json_t *o, struct mrm_termination *t)
{
	struct mrm_media *m = &t->media[t->nmedia++];
	struct ar_span type;
	int err;

	if (!json_is_object(o))
		return mrm_wrong(r, "", false, "want an object");
	snprintf(m->path, sizeof(m->path), "%s", r->path);
	err = mrm_ident(r, o, "mediaId", &m->id);
	if (!err)
		err = mrm_text(r, o, "mediaResourceType", MRM_MANDATORY, 16, &type);
	if (!err && ar_span_eq(type, AR_SPAN("AR")))
		m->type = MRM_AR;
	else if (!err && !ar_span_eq(type, AR_SPAN("DC")))
		err = mrm_wrong(r, "mediaResourceType", false, "DC and AR are served here");
	if (!err)
		err = m->type == MRM_AR ? mrm_av(r, o, t, m) : dc_media(r, o, m);
	if (!err)
		err = endpoint(r, o, &m->remote.addr);
	if (!err)
		err = vendor_media(r, o, t, m);
	if (err)
		return err;
	drop_unusable(&m->remote.addr);
	return m->type == MRM_AR ? mrm_av_settle(r, m) : settle_remote(r, m);
}

static int termination(struct mrm_rd *r, const json_t *o, struct mrm_termination *t)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err;

	if (!json_is_object(o))
		return mrm_wrong(r, "", false, "want an object");
	err = mrm_ident(r, o, "terminationId", &t->id);
	if (!err)
		err = mrm_list(r, o, "medias", MRM_MANDATORY, MRM_MAX_MEDIAS, &a);
	if (err)
		return err;
	at = mrm_push(r, "medias");
	json_array_foreach(a, i, v)
	{
		size_t here = mrm_push_index(r, i);

		err = media(r, v, t);
		if (err)
			return err;
		for (unsigned k = 0; k + 1 < t->nmedia; k++) {
			if (ar_span_eq(t->media[k].id, t->media[i].id))
				return mrm_wrong(r, "mediaId", false, "given twice");
		}
		mrm_pop(r, here);
	}
	mrm_pop(r, at);
	return 0;
}

static int terminations(struct mrm_rd *r, const json_t *doc, struct mrm_context *c)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err = mrm_list(r, doc, "terminations", MRM_MANDATORY, MRM_MAX_TERMINATIONS, &a);

	if (err)
		return err;
	c->term = calloc(json_array_size(a), sizeof(*c->term));
	if (!c->term) {
		mrm_fail(r->err, 500, "SYSTEM_FAILURE", "out of memory");
		return -ENOMEM;
	}
	at = mrm_push(r, "terminations");
	json_array_foreach(a, i, v)
	{
		size_t here = mrm_push_index(r, i);

		err = termination(r, v, &c->term[c->nterm++]);
		if (err)
			return err;
		for (unsigned k = 0; k + 1 < c->nterm; k++) {
			if (ar_span_eq(c->term[k].id, c->term[i].id))
				return mrm_wrong(r, "terminationId", false, "given twice");
		}
		mrm_pop(r, here);
	}
	mrm_pop(r, at);
	return 0;
}

static int limits(struct mrm_rd *r, const json_t *x, struct app_limits *l)
{
	const struct {
		const char *name;
		unsigned *out;
	} numbers[] = {{"maxKbps", &l->kbps}, {"maxPoseHz", &l->pose_hz}, {"maxNodes", &l->nodes},
		{"maxParticipants", &l->participants}};
	const json_t *o;
	int err = mrm_object(r, x, "limits", MRM_OPTIONAL, &o);
	size_t at;

	if (err || !o)
		return err;
	at = mrm_push(r, "limits");
	for (unsigned i = 0; !err && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		json_int_t n = 0;

		err = mrm_number(r, o, numbers[i].name, MRM_OPTIONAL, 1, 10000000, &n);
		*numbers[i].out = (unsigned)n;
	}
	mrm_pop(r, at);
	return err;
}

static int vendor_context(struct mrm_rd *r, const json_t *doc, struct mrm_context *c)
{
	const json_t *x;
	json_int_t lease = 0;
	int err = mrm_object(r, doc, "x-ims-ar", MRM_OPTIONAL, &x);
	struct {
		const char *name;
		struct ar_span *out;
	} texts[] = {{"owner", &c->owner}, {"callId", &c->call_id}, {"call", &c->call},
		{"scene", &c->scene}, {"application", &c->application}, {"share", &c->share}};

	mrm_push(r, "x-ims-ar");
	for (unsigned i = 0; !err && i < sizeof(texts) / sizeof(texts[0]); i++)
		err = mrm_text(r, x, texts[i].name, MRM_OPTIONAL, MRM_MAX_TEXT, texts[i].out);
	if (!err)
		err = mrm_flag(r, x, "trace", &c->trace);
	if (!err)
		err = limits(r, x, &c->limits);
	if (!err)
		err = mrm_number(r, x, "leaseSeconds", MRM_OPTIONAL, 5, 86400, &lease);
	c->lease_s = (long)lease;
	return err;
}

int mrm_read(struct mrm_context *c, const json_t *doc, const struct nets_list *nets,
	struct mrm_error *err)
{
	struct mrm_rd r = {.err = err, .nets = nets};
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
	for (unsigned i = 0; i < c->nterm; i++) {
		for (unsigned k = 0; k < c->term[i].nmedia; k++)
			free(c->term[i].media[k].av);
	}
	free(c->term);
	*c = (struct mrm_context){.nterm = 0};
}
