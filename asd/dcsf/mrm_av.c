/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/dcsf/mrm_int.h"

#include <errno.h>
#include <stdio.h>

/* ---- building ---- */

static json_t *done(json_t *o, bool ok)
{
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *feedback_json(unsigned fb)
{
	json_t *a = json_array();

	for (unsigned i = 0; a && i < AR_FB_BITS; i++) {
		if (fb & 1u << i)
			json_array_append_new(a, json_string(ar_fb_name(i)));
	}
	return a;
}

static json_t *codec_json(const struct ar_av_codec *c)
{
	json_t *o = json_object();
	struct ar_buf fmtp;
	bool ok;

	ar_buf_init(&fmtp, 256);
	ar_av_add_fmtp(&fmtp, c->fmtp);
	ok = !ar_buf_err(&fmtp) && mrm_put(o, "pt", json_integer(c->pt)) &&
	     mrm_put(o, "name", mrm_span(c->name)) && mrm_put(o, "clock", json_integer(c->clock)) &&
	     mrm_put(o, "fmtp", mrm_span(ar_buf_span(&fmtp))) &&
	     mrm_put(o, "fb", feedback_json(c->fb));
	ar_buf_free(&fmtp);
	if (ok && c->rtx >= 0)
		ok = mrm_put(o, "rtx", json_integer(c->rtx));
	if (ok && c->channels > 1)
		ok = mrm_put(o, "channels", json_integer(c->channels));
	return done(o, ok);
}

static bool put_said(json_t *o, const struct mrm_av_side *s)
{
	json_t *codecs = json_array(), *exts = json_array();
	bool ok = codecs && exts;

	for (unsigned i = 0; ok && i < s->ncodec; i++)
		ok = json_array_append_new(codecs, codec_json(&s->codec[i])) == 0;
	for (unsigned i = 0; ok && i < s->next; i++) {
		json_t *uri = mrm_span(s->ext[i].uri), *e;

		if (!uri)
			continue; /* not UTF-8: a stranger's text, and no extension of ours */
		e = json_object();
		ok = mrm_put(e, "id", json_integer(s->ext[i].id)) && mrm_put(e, "uri", uri);
		ok = json_array_append_new(exts, e) == 0 && ok;
	}
	ok = ok && mrm_put(o, "codecs", json_incref(codecs)) &&
	     mrm_put(o, "extmap", json_incref(exts)) && mrm_put(o, "rtcpMux", json_true()) &&
	     mrm_put(o, "rtcpRsize", json_boolean(s->rtcp_rsize));
	json_decref(codecs);
	json_decref(exts);
	if (s->ssrc_mask)
		ok = ok && mrm_put(o, "ssrcMask", json_integer(s->ssrc_mask));
	if (ok && s->key.n)
		ok = mrm_put(o, "crypto",
			json_pack("{s:s%, s:s%}", "suite", s->suite.p, s->suite.n, "key", s->key.p,
				s->key.n));
	return ok;
}

json_t *mrm_av_local(const struct mrm_av_side *s)
{
	json_t *o = json_object();

	return done(o, o && put_said(o, s));
}

/* A cname that is no UTF-8 is left out: it is a stranger's text. */
static json_t *ssrcs_json(const struct ar_sdp_av *av)
{
	json_t *a = json_array();

	for (unsigned i = 0; a && i < av->nssrc; i++) {
		const struct ar_av_ssrc *s = &av->ssrc[i];
		json_t *o = json_pack("{s:I}", "ssrc", (json_int_t)s->ssrc);
		bool repeats = false;

		for (unsigned k = 0; k < av->nssrc; k++)
			repeats |= av->ssrc[k].rtx == s->ssrc && s->ssrc;
		if (repeats || !o) {
			json_decref(o);
			continue;
		}
		if (s->rtx)
			mrm_put(o, "rtx", json_integer((json_int_t)s->rtx));
		if (s->cname.n && s->cname.n <= 255)
			mrm_put(o, "cname", mrm_span(s->cname));
		json_array_append_new(a, o);
	}
	return a;
}

static bool put_ice(json_t *o, const struct ar_sdp_av *av)
{
	json_t *ice = json_object();

	if (mrm_put(ice, "ufrag", mrm_span(av->ufrag)) && mrm_put(ice, "pwd", mrm_span(av->pwd)) &&
		mrm_put(ice, "lite", json_boolean(av->ice_lite)) &&
		mrm_put(ice, "candidates", mrm_spans(av->candidate, av->ncandidate, mrm_span)))
		return mrm_put(o, "ice", ice);
	json_decref(ice);
	return false;
}

json_t *mrm_av_remote(const struct ar_sdp_av *av, const struct mrm_av_side *s)
{
	json_t *o = json_object();
	bool ok = o && put_said(o, s) &&
		  mrm_put(o, "direction", json_string(ar_direction_name(av->direction))) &&
		  mrm_put(o, "ssrc", ssrcs_json(av));

	if (av->max_kbps)
		ok = ok && mrm_put(o, "maxKbps", json_integer(mrm_av_kbps(av->max_kbps)));
	if (!av->rtcp_mux && av->rtcp_port)
		ok = ok && mrm_put(o, "rtcpPort", json_integer(av->rtcp_port));
	if (av->transport == AR_AV_DTLS)
		ok = ok && mrm_put(o, "fingerprints",
				   mrm_spans(av->fingerprint, av->nfingerprint, mrm_fingerprint));
	if (av->transport == AR_AV_DTLS && av->ufrag.n)
		ok = ok && put_ice(o, av);
	return done(o, ok);
}

json_t *mrm_av_endpoint(const struct ar_sdp_av *av, uint16_t port)
{
	return mrm_is_address(av->addr) ? mrm_endpoint(av->addr, port) : NULL;
}

unsigned mrm_av_kbps(unsigned kbps)
{
	return kbps < 64 ? 64 : kbps > 100000 ? 100000 : kbps;
}

const char *mrm_av_transport(enum ar_av_transport t)
{
	return t == AR_AV_DTLS ? "DTLS-SRTP" : t == AR_AV_SDES ? "SDES-SRTP" : "RTP";
}

static json_t *medium(const char *id, const json_t *entry, const char *network)
{
	json_t *m = json_copy((json_t *)(uintptr_t)entry);
	json_t *x = json_copy(json_object_get(entry, "x-ims-ar"));
	bool ok = m && mrm_put(x, "network", json_string(network));

	ok = mrm_put(m, "x-ims-ar", x) && ok && mrm_put(m, "mediaId", json_string(id));
	if (!json_object_get(m, "mediaResourceType"))
		ok = ok && mrm_put(m, "mediaResourceType", json_string("AR"));
	return done(m, ok);
}

bool mrm_av_add(json_t *medias, const json_t *facts, const char *network)
{
	const char *id;
	json_t *entry;

	json_object_foreach(json_object_get(facts, "av"), id, entry)
	{
		if (json_array_append_new(medias, medium(id, entry, network)) != 0)
			return false;
	}
	return true;
}

/* ---- changing ---- */

/* Medium "1" is the call's data channel; the others are of the member "av". */
static bool is_more(const json_t *m)
{
	const char *id = json_string_value(json_object_get(m, "mediaId"));

	return id && strcmp(id, "1") != 0;
}

static const char *id_of(const json_t *m)
{
	const char *id = json_string_value(json_object_get(m, "mediaId"));

	return id ? id : "";
}

static int find(const json_t *medias, const char *id)
{
	for (size_t i = 0; i < json_array_size(medias); i++) {
		const json_t *m = json_array_get(medias, i);

		if (is_more(m) && strcmp(id_of(m), id) == 0)
			return (int)i;
	}
	return -1;
}

/* Takes over value. */
static bool op(json_t *ops, const char *what, const char *path, json_t *value)
{
	json_t *o = json_pack("{s:s, s:s}", "op", what, "path", path);

	if (!o || (value && json_object_set(o, "value", value) != 0)) {
		json_decref(o);
		o = NULL;
	}
	json_decref(value);
	return json_array_append_new(ops, o) == 0;
}

static bool patch_members(
	json_t *ops, const char *base, const json_t *entry, const json_t *told, const char *skip)
{
	json_t *v, *old;
	const char *key;
	char path[120];

	json_object_foreach((json_t *)(uintptr_t)entry, key, v)
	{
		old = json_object_get(told, key);
		if (strstr(skip, key) || (old && json_equal(v, old)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", base, key);
		if (!op(ops, "add", path, json_incref(v)))
			return false;
	}
	return true;
}

/* The index is what the document says; mediad refuses the whole when it has become another. */
static bool patch_one(json_t *ops, enum ar_side side, const char *id, int at, const json_t *entry,
	const json_t *told)
{
	char base[60], path[80];

	if (told && json_equal(entry, told))
		return true;
	snprintf(base, sizeof(base), "/terminations/%d/medias/%d", (int)side, at);
	snprintf(path, sizeof(path), "%s/mediaId", base);
	if (!op(ops, "test", path, json_string(id)) ||
		!patch_members(ops, base, entry, told, "x-ims-ar dcMedia"))
		return false;
	snprintf(path, sizeof(path), "%s/dcMedia", base);
	if (!patch_members(ops, path, json_object_get(entry, "dcMedia"),
		    json_object_get(told, "dcMedia"), ""))
		return false;
	snprintf(path, sizeof(path), "%s/x-ims-ar", base);
	return patch_members(ops, path, json_object_get(entry, "x-ims-ar"),
		json_object_get(told, "x-ims-ar"), "");
}

static bool patch_known(
	json_t *ops, enum ar_side side, const json_t *av, const json_t *told, const json_t *medias)
{
	const char *id;
	json_t *entry;

	json_object_foreach((json_t *)(uintptr_t)av, id, entry)
	{
		int at = find(medias, id);

		if (at >= 0 && !patch_one(ops, side, id, at, entry, json_object_get(told, id)))
			return false;
	}
	return true;
}

/* From the end, so that the indices before it stay. */
static bool patch_gone(json_t *ops, enum ar_side side, const json_t *av, const json_t *medias)
{
	char path[80];

	for (size_t i = json_array_size(medias); i-- > 0;) {
		const json_t *m = json_array_get(medias, i);

		if (!is_more(m) || json_object_get(av, id_of(m)))
			continue;
		snprintf(path, sizeof(path), "/terminations/%d/medias/%zu/mediaId", (int)side, i);
		if (!op(ops, "test", path, json_string(id_of(m))))
			return false;
		snprintf(path, sizeof(path), "/terminations/%d/medias/%zu", (int)side, i);
		if (!op(ops, "remove", path, NULL))
			return false;
	}
	return true;
}

static bool patch_new(json_t *ops, enum ar_side side, const json_t *av, const json_t *medias)
{
	const json_t *dc = json_object_get(json_array_get(medias, 0), "x-ims-ar");
	const char *network = json_string_value(json_object_get(dc, "network"));
	const char *id;
	json_t *entry;
	char path[80];

	snprintf(path, sizeof(path), "/terminations/%d/medias/-", (int)side);
	json_object_foreach((json_t *)(uintptr_t)av, id, entry)
	{
		if (find(medias, id) < 0 &&
			!op(ops, "add", path, medium(id, entry, network ? network : "default")))
			return false;
	}
	return true;
}

bool mrm_av_patch(
	json_t *ops, enum ar_side side, const json_t *facts, const json_t *told, const json_t *doc)
{
	const json_t *av = json_object_get(facts, "av"), *medias = mrm_medias_of(doc, side);

	return !av ||
	       (patch_known(ops, side, av, json_object_get(told, "av"), medias) &&
		       patch_gone(ops, side, av, medias) && patch_new(ops, side, av, medias));
}

/* "/terminations/0/medias/1/...": medium 0 is the data channel. */
static bool names_medium(const char *param)
{
	const char *at = param ? strstr(param, "medias") : NULL;

	if (!at)
		return false;
	at += strlen("medias");
	at += strspn(at, "/[.");
	return *at >= '1' && *at <= '9';
}

bool mrm_av_refused(struct ar_span body)
{
	json_t *j = body.n ? json_loadb(body.p, body.n, 0, NULL) : NULL;
	const json_t *p;
	bool named = false;
	size_t i;

	json_array_foreach(json_object_get(j, "invalidParams"), i, p) named |=
		names_medium(json_string_value(json_object_get(p, "param")));
	json_decref(j);
	return named;
}

bool mrm_av_strip(json_t *context)
{
	bool any = false;
	json_t *t;
	size_t i;

	json_array_foreach(json_object_get(context, "terminations"), i, t)
	{
		json_t *medias = json_object_get(t, "medias");

		for (size_t k = json_array_size(medias); k-- > 0;) {
			if (is_more(json_array_get(medias, k)))
				any = json_array_remove(medias, k) == 0 || any;
		}
	}
	return any;
}

/* ---- reading ---- */

static const char *read_ice(const json_t *x, struct mrm_av_reserved *r)
{
	const json_t *ice = json_object_get(x, "ice"), *c;
	size_t i;

	if (!ice)
		return NULL;
	r->ufrag = mrm_text(ice, "ufrag");
	r->pwd = mrm_text(ice, "pwd");
	if (!mrm_clean(r->ufrag, false, 256) || !mrm_clean(r->pwd, false, 256))
		return "an AR medium's x-ims-ar.ice has no usable ufrag and pwd";
	json_array_foreach(json_object_get(ice, "candidates"), i, c)
	{
		struct ar_span s = {json_string_value(c), json_string_length(c)};

		if (!mrm_clean(s, true, 200))
			return "an AR medium has an unusable candidate";
		if (r->ncandidate < MRM_AV_MAX_CANDIDATES)
			r->candidate[r->ncandidate++] = s;
	}
	return NULL;
}

static const char *read_reserved(const json_t *m, struct mrm_av_reserved *r)
{
	const json_t *x = json_object_get(m, "x-ims-ar"),
		     *mb = json_object_get(m, "localMbEndpoint");
	const json_t *ip = json_object_get(mb, "ip");

	r->addr = mrm_text(ip, "ipv4Addr");
	if (!r->addr.p)
		r->addr = mrm_text(ip, "ipv6Addr");
	if (!mrm_clean(r->addr, false, 45) || !mrm_is_address(r->addr) ||
		!mrm_port(mb, "portNumber", &r->port))
		return "an AR medium has no localMbEndpoint";
	r->ssrc_mask = (uint32_t)json_integer_value(json_object_get(x, "ssrcMask"));
	r->fingerprint = mrm_text(x, "fingerprint");
	if (r->fingerprint.p && !mrm_clean(r->fingerprint, true, 255))
		return "an AR medium has an unusable fingerprint";
	r->key = mrm_text(json_object_get(json_object_get(x, "local"), "crypto"), "key");
	return read_ice(x, r);
}

int mrm_av_reserved(const json_t *context, enum ar_side side, const char *id,
	struct mrm_av_reserved *r, const char **why)
{
	const json_t *medias = mrm_medias_of(context, side);
	int at = find(medias, id);

	*r = (struct mrm_av_reserved){.port = 0};
	if (at < 0)
		return -ENOENT;
	*why = read_reserved(json_array_get(medias, (size_t)at), r);
	return *why ? -EBADMSG : 0;
}
