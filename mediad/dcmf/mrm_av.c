/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media of type AR (docs/mrm.md, "Media for the ARMF"): an m-line's two descriptions. */
#include "mediad/dcmf/mrm_rd.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_EXTMAP 64
#define MAX_SSRCS 16 /* that may stand in a description; STREAM_MAX_SSRCS are used */
#define MAX_FB 16
#define MAX_KBPS 100000
#define MIN_KBPS 64

struct word {
	const char *text;
	int value;
};

static int word(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need,
	const struct word *words, int *out)
{
	struct ar_span s;
	char why[160] = "want ";
	int err = mrm_text(r, o, name, need, 64, &s);

	if (err || !s.p)
		return err;
	for (const struct word *w = words; w->text; w++) {
		if (ar_span_eq(s, ar_span_str(w->text))) {
			*out = w->value;
			return 0;
		}
		snprintf(why + strlen(why), sizeof(why) - strlen(why), "%s%s",
			w == words ? "" : ", ", w->text);
	}
	return mrm_wrong(r, name, false, why);
}

static int copy(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need, char *out,
	size_t cap)
{
	struct ar_span s;
	int err = mrm_text(r, o, name, need, cap - 1, &s);

	if (!err && s.n)
		memcpy(out, s.p, s.n);
	if (!err)
		out[s.n] = '\0';
	return err;
}

/* ---- codecs ---- */

static int feedback(struct mrm_rd *r, const json_t *o, struct stream_codec *c)
{
	static const struct word known[] = {{"nack", STREAM_FB_NACK}, {"nack pli", STREAM_FB_PLI},
		{"ccm fir", STREAM_FB_FIR}, {"goog-remb", STREAM_FB_REMB},
		{"transport-cc", STREAM_FB_TWCC}};
	const json_t *a;
	json_t *v;
	size_t i;
	int err = mrm_list(r, o, "fb", MRM_OPTIONAL, MAX_FB, &a);

	if (err)
		return err;
	json_array_foreach(a, i, v)
	{
		const char *s = json_string_value(v);

		if (!s)
			return mrm_wrong(r, "fb", false, "want strings");
		for (unsigned k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			if (strcmp(s, known[k].text) == 0)
				c->fb |= (unsigned)known[k].value;
		}
	}
	return 0;
}

/* RFC 5761 4: with these RTP and RTCP cannot be told apart on one port. */
static bool pt_ok(json_int_t pt)
{
	return pt < 64 || pt > 95;
}

static int codec(struct mrm_rd *r, const json_t *o, struct stream_codec *c)
{
	json_int_t pt = 0, rtx = 0, clock = 0, channels = 0;
	int err;

	*c = (struct stream_codec){.kind = STREAM_OTHER};
	if (!json_is_object(o))
		return mrm_wrong(r, "", false, "want an object");
	err = mrm_number(r, o, "pt", MRM_MANDATORY, 0, 127, &pt);
	if (!err)
		err = mrm_number(r, o, "rtx", MRM_OPTIONAL, 0, 127, &rtx);
	if (!err && !(pt_ok(pt) && pt_ok(rtx)))
		err = mrm_wrong(r, "pt", false, "64 to 95 collide with RTCP (RFC 5761 4)");
	if (!err)
		err = mrm_number(r, o, "clock", MRM_MANDATORY, 1000, 384000, &clock);
	if (!err)
		err = mrm_number(r, o, "channels", MRM_OPTIONAL, 1, 32, &channels);
	if (!err)
		err = copy(r, o, "name", MRM_MANDATORY, c->name, sizeof(c->name));
	if (!err)
		err = copy(r, o, "fmtp", MRM_OPTIONAL, c->fmtp, sizeof(c->fmtp));
	if (!err)
		err = feedback(r, o, c);
	c->pt = (uint8_t)pt;
	c->rtx = (uint8_t)rtx;
	c->clock = (uint32_t)clock;
	c->channels = (unsigned)channels;
	if (strcasecmp(c->name, "VP8") == 0 && clock == 90000)
		c->kind = STREAM_VP8;
	if (strcasecmp(c->name, "H264") == 0 && clock == 90000)
		c->kind = STREAM_H264;
	if (strcasecmp(c->name, "red") == 0 && clock == 90000)
		c->kind = STREAM_RED;
	if (strcasecmp(c->name, "ulpfec") == 0 && clock == 90000)
		c->kind = STREAM_ULPFEC;
	return err;
}

static int codecs(struct mrm_rd *r, const json_t *o, struct stream_side *s)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err = mrm_list(r, o, "codecs", MRM_MANDATORY, STREAM_MAX_CODECS, &a);

	if (err)
		return err;
	at = mrm_push(r, "codecs");
	json_array_foreach(a, i, v)
	{
		size_t here = mrm_push_index(r, i);

		err = codec(r, v, &s->codec[s->ncodec++]);
		if (err)
			return err;
		mrm_pop(r, here);
	}
	mrm_pop(r, at);
	return 0;
}

/* ---- the rest of a description ---- */

static int extmap(struct mrm_rd *r, const json_t *o, struct rtp_extmap *map)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err = mrm_list(r, o, "extmap", MRM_OPTIONAL, MAX_EXTMAP, &a);

	if (err)
		return err;
	at = mrm_push(r, "extmap");
	json_array_foreach(a, i, v)
	{
		size_t here = mrm_push_index(r, i);
		struct ar_span uri = AR_SPAN_NONE;
		json_int_t id = 0;
		enum rtp_ext kind;

		err = mrm_number(r, v, "id", MRM_MANDATORY, 1, 255, &id);
		if (!err)
			err = mrm_text(r, v, "uri", MRM_MANDATORY, 255, &uri);
		if (err)
			return err;
		kind = rtp_ext_of_uri(uri);
		if (kind < RTP_EXT_COUNT)
			map->id[kind] = (uint8_t)id;
		mrm_pop(r, here);
	}
	mrm_pop(r, at);
	return 0;
}

static int ssrcs(struct mrm_rd *r, const json_t *o, struct stream_side *s)
{
	const json_t *a;
	json_t *v;
	size_t i, at;
	int err = mrm_list(r, o, "ssrc", MRM_OPTIONAL, MAX_SSRCS, &a);

	if (err)
		return err;
	at = mrm_push(r, "ssrc");
	json_array_foreach(a, i, v)
	{
		size_t here = mrm_push_index(r, i);
		json_int_t ssrc = 0, rtx = 0;
		char cname[RTCP_MAX_CNAME + 1];

		err = mrm_number(r, v, "ssrc", MRM_MANDATORY, 0, UINT32_MAX, &ssrc);
		if (!err)
			err = mrm_number(r, v, "rtx", MRM_OPTIONAL, 0, UINT32_MAX, &rtx);
		if (!err)
			err = copy(r, v, "cname", MRM_OPTIONAL, cname, sizeof(cname));
		if (err)
			return err;
		mrm_pop(r, here);
		if (s->nssrc == STREAM_MAX_SSRCS)
			continue;
		s->ssrc[s->nssrc].ssrc = (uint32_t)ssrc;
		s->ssrc[s->nssrc].rtx = (uint32_t)rtx;
		memcpy(s->ssrc[s->nssrc++].cname, cname, sizeof(cname));
	}
	mrm_pop(r, at);
	return 0;
}

static int kbps(struct mrm_rd *r, const json_t *o, uint32_t *out)
{
	json_int_t v = 0;
	int err = mrm_number(r, o, "maxKbps", MRM_OPTIONAL, MIN_KBPS, MAX_KBPS, &v);

	*out = (uint32_t)v;
	return err;
}

static int side(struct mrm_rd *r, const json_t *o, struct stream_side *s)
{
	static const struct word directions[] = {
		{"sendrecv", 3}, {"sendonly", 1}, {"recvonly", 2}, {"inactive", 0}, {NULL, 0}};
	int dir = 3, err = codecs(r, o, s);
	bool mux = false;

	s->known = true;
	if (!err)
		err = extmap(r, o, &s->ext);
	if (!err)
		err = word(r, o, "direction", MRM_OPTIONAL, directions, &dir);
	if (!err)
		err = mrm_flag(r, o, "rtcpMux", &mux);
	if (!err && !mux)
		err = mrm_wrong(
			r, "rtcpMux", false, "must be true: RTCP has no port of its own here");
	if (!err)
		err = mrm_flag(r, o, "rtcpRsize", &s->reduced);
	if (!err)
		err = ssrcs(r, o, s);
	if (!err)
		err = kbps(r, o, &s->max_kbps);
	s->sends = dir & 1;
	s->receives = dir & 2;
	return err;
}

/* ---- SDES (RFC 4568 6.1: "inline:" key||salt, which asd has cut off) ---- */

static int crypto(struct mrm_rd *r, const json_t *o, enum rtpsec_profile *profile, uint8_t *key)
{
	const json_t *c;
	struct ar_span suite = AR_SPAN_NONE, text = AR_SPAN_NONE;
	uint8_t raw[72];
	size_t want, at;
	int n, err = mrm_object(r, o, "crypto", MRM_MANDATORY, &c);

	at = mrm_push(r, "crypto");
	if (!err)
		err = mrm_text(r, c, "suite", MRM_MANDATORY, 64, &suite);
	if (!err)
		err = mrm_text(r, c, "key", MRM_MANDATORY, 92, &text);
	if (err)
		return err;
	*profile = rtpsec_by_suite(suite);
	if (*profile == RTPSEC_NONE)
		return mrm_wrong(r, "suite", false,
			"want AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM or AEAD_AES_256_GCM");
	want = rtpsec_key_len(*profile) + rtpsec_salt_len(*profile);
	n = text.n % 4 ? -1 : EVP_DecodeBlock(raw, (const unsigned char *)text.p, (int)text.n);
	/* what is decoded is a multiple of three; the rest of it was padding */
	if (n < 0 || text.n != (want + 2) / 3 * 4) {
		err = mrm_wrong(r, "key", false, "not the base64 of a key and salt of this suite");
	} else {
		memcpy(key, raw, want);
		mrm_pop(r, at);
	}
	explicit_bzero(raw, sizeof(raw));
	return err;
}

/* ---- a medium ---- */

static int remote(struct mrm_rd *r, const json_t *x, struct mrm_media *m)
{
	const json_t *o;
	enum rtpsec_profile profile = RTPSEC_NONE;
	json_int_t port = 0;
	int err = mrm_object(r, x, "remote", MRM_OPTIONAL, &o);
	size_t at = mrm_push(r, "remote");

	if (!err && o) {
		m->has_remote = true;
		err = side(r, o, &m->av->conf.remote);
		if (!err)
			err = mrm_fingerprints(r, o, &m->remote);
		if (!err)
			err = mrm_ice(r, o, &m->remote);
		if (!err)
			err = mrm_number(r, o, "rtcpPort", MRM_OPTIONAL, 1, 65535, &port);
		m->remote.rtcp_port = (uint16_t)port;
		if (!err && m->av->transport == PEER_SDES_SRTP)
			err = crypto(r, o, &profile, m->av->keys.rx);
		if (!err && m->av->transport == PEER_SDES_SRTP && profile != m->av->keys.profile)
			err = mrm_wrong(r, "crypto/suite", false, "must be the one of local");
	}
	if (!err)
		mrm_pop(r, at);
	return err;
}

static int local(struct mrm_rd *r, const json_t *x, struct mrm_media *m)
{
	const json_t *o;
	json_int_t mask = 0;
	int err = mrm_object(r, x, "local", MRM_MANDATORY, &o);
	size_t at = mrm_push(r, "local");

	if (!err)
		err = side(r, o, &m->av->conf.local);
	if (!err)
		err = mrm_number(r, o, "ssrcMask", MRM_OPTIONAL, 0, UINT32_MAX, &mask);
	m->av->conf.local.ssrc_mask = (uint32_t)mask;
	if (!err && m->av->transport == PEER_SDES_SRTP)
		err = crypto(r, o, &m->av->keys.profile, m->av->keys.tx);
	if (!err)
		mrm_pop(r, at);
	return err;
}

static int vendor(struct mrm_rd *r, const json_t *x, struct mrm_media *m)
{
	static const struct word kinds[] = {{"audio", 0}, {"video", 1}, {NULL, 0}};
	static const struct word transports[] = {{"DTLS-SRTP", PEER_DTLS_SRTP},
		{"SDES-SRTP", PEER_SDES_SRTP}, {"RTP", PEER_PLAIN_RTP}, {NULL, 0}};
	int kind = 1, transport = PEER_DTLS_SRTP;
	int err = word(r, x, "media", MRM_MANDATORY, kinds, &kind);

	if (!err)
		err = word(r, x, "transport", MRM_OPTIONAL, transports, &transport);
	if (!err)
		err = mrm_setup_word(r, x, &m->setup);
	if (!err)
		err = kbps(r, x, &m->av->conf.max_kbps);
	m->av->conf.video = kind;
	m->av->transport = (enum peer_media)transport;
	if (!err)
		err = local(r, x, m);
	return err ? err : remote(r, x, m);
}

int mrm_av(struct mrm_rd *r, const json_t *o, struct mrm_termination *t, struct mrm_media *m)
{
	static const struct word ops[] = {{"urn:x-ims-ar:armf:overlay", ARMF_OVERLAY},
		{"urn:x-ims-ar:armf:split-render", ARMF_SPLIT_RENDER},
		{"urn:x-ims-ar:armf:relay", ARMF_RELAY}, {NULL, 0}};
	const json_t *x;
	int op = ARMF_RELAY, err;
	size_t at;

	m->av = calloc(1, sizeof(*m->av));
	if (!m->av) {
		mrm_fail(r->err, 500, "SYSTEM_FAILURE", "out of memory");
		return -ENOMEM;
	}
	err = word(r, o, "mediaProcessingUri", MRM_MANDATORY, ops, &op);
	m->av->conf.op = (enum armf_op)op;
	snprintf(m->av->conf.own, sizeof(m->av->conf.own), "%.*s", (int)t->id.n, t->id.p);
	if (!err)
		err = mrm_object(r, o, "x-ims-ar", MRM_MANDATORY, &x);
	if (err)
		return err;
	at = mrm_push(r, "x-ims-ar");
	err = vendor(r, x, m);
	if (err)
		return err;
	if (!m->av->conf.video && op != ARMF_RELAY)
		return mrm_wrong(r, "media", false, "audio can only be relayed");
	mrm_pop(r, at);
	return 0;
}

int mrm_av_settle(struct mrm_rd *r, struct mrm_media *m)
{
	if (!m->has_remote)
		return 0;
	if (m->av->transport == PEER_DTLS_SRTP) {
		if (m->remote.nfingerprint == 0)
			return mrm_wrong(r, "x-ims-ar/remote/fingerprints", true, "missing");
		if (m->setup == AR_SETUP_ACTPASS)
			return mrm_wrong(r, "x-ims-ar/securitySetup", false,
				"must be ACTIVE or PASSIVE once the UE's side is known");
	}
	if (!m->remote.ufrag.p && m->remote.addr.len == 0)
		return mrm_wrong(
			r, "remoteMbEndpoint", true, "neither ICE nor an address to send to");
	m->remote.setup = m->setup;
	m->remote.keys = m->av->transport == PEER_SDES_SRTP ? &m->av->keys : NULL;
	return 0;
}
