/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sdp_av.h"

static bool cut_number(struct ar_span *s, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9') {
		v = v * 10 + (unsigned)(s->p[n++] - '0');
		if (v > max)
			return false;
	}
	if (!n)
		return false;
	*s = (struct ar_span){s->p + n, s->n - n};
	*out = (uint32_t)v;
	return true;
}

/* Up to the next blank or `stop`, which goes too. */
static struct ar_span cut_word(struct ar_span *s, char stop)
{
	struct ar_span word;
	size_t n = 0;

	*s = ar_span_trim(*s);
	while (n < s->n && !ar_span_is_space(s->p[n]) && s->p[n] != stop)
		n++;
	word = (struct ar_span){s->p, n};
	if (n < s->n)
		n++;
	*s = ar_span_trim((struct ar_span){s->p + n, s->n - n});
	return word;
}

/* ---- directions, feedback ---- */

static const char *const directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

const char *ar_direction_name(enum ar_direction d)
{
	return directions[d];
}

static bool direction_in(struct ar_span part, enum ar_direction *d)
{
	for (int i = 0; i < 4; i++) {
		if (ar_sdp_attr(part, directions[i]).p) {
			*d = (enum ar_direction)i;
			return true;
		}
	}
	return false;
}

enum ar_direction ar_sdp_direction(struct ar_span section, struct ar_span session)
{
	enum ar_direction d = AR_SENDRECV;

	if (!direction_in(section, &d))
		(void)direction_in(session, &d);
	return d;
}

static const char *const fb_names[AR_FB_BITS] = {
	"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};

const char *ar_fb_name(unsigned bit)
{
	return fb_names[bit];
}

struct ar_span ar_av_fmtp(struct ar_span fmtp, const char *key)
{
	while (fmtp.n) {
		const char *semi = memchr(fmtp.p, ';', fmtp.n);
		size_t n = semi ? (size_t)(semi - fmtp.p) : fmtp.n;
		struct ar_span item = ar_span_trim((struct ar_span){fmtp.p, n});
		const char *eq = item.n ? memchr(item.p, '=', item.n) : NULL;
		size_t k = eq ? (size_t)(eq - item.p) : item.n;

		if (ar_span_caseeq((struct ar_span){item.p, k}, key))
			return eq ? ar_span_trim((struct ar_span){eq + 1, item.n - k - 1})
				  : (struct ar_span){"", 0};
		n += semi != NULL;
		fmtp = (struct ar_span){fmtp.p + n, fmtp.n - n};
	}
	return AR_SPAN_NONE;
}

static bool short_word(struct ar_span s)
{
	if (!s.n || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

void ar_av_add_fmtp(struct ar_buf *b, struct ar_span fmtp)
{
	static const char *const keys[] = {"profile-level-id", "packetization-mode",
		"level-asymmetry-allowed", "max-fr", "max-fs", "minptime", "useinbandfec", "stereo",
		"sprop-stereo"};
	const char *sep = "";

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct ar_span v = ar_av_fmtp(fmtp, keys[i]);

		if (!short_word(v))
			continue;
		ar_buf_printf(b, "%s%s=", sep, keys[i]);
		ar_buf_add_span(b, v);
		sep = ";";
	}
}

/* ---- formats ---- */

/* RFC 3551 6: may do without a=rtpmap. */
static const struct {
	uint8_t pt;
	const char *name;
} fixed[] = {{0, "PCMU"}, {8, "PCMA"}, {9, "G722"}};

static void read_rtpmap(struct ar_av_codec *c, struct ar_span v)
{
	uint32_t n;

	c->name = cut_word(&v, '/');
	c->clock = cut_number(&v, 1000000, &n) ? n : 0;
	if (v.n && v.p[0] == '/') {
		v.p++, v.n--;
		if (cut_number(&v, 255, &n))
			c->channels = (uint8_t)n;
	}
}

/* Next a=`name`:<pt> value of the section that is about pt (or "*"). */
static bool next_of_pt(
	struct ar_span section, size_t *pos, const char *name, uint8_t pt, struct ar_span *value)
{
	while (ar_sdp_next_attr(section, pos, name, value)) {
		uint32_t n;

		if (value->n > 1 && value->p[0] == '*') {
			*value = ar_span_trim((struct ar_span){value->p + 1, value->n - 1});
			return true;
		}
		if (cut_number(value, 127, &n) && n == pt) {
			*value = ar_span_trim(*value);
			return true;
		}
	}
	return false;
}

static unsigned feedback_of(struct ar_span section, uint8_t pt)
{
	struct ar_span v;
	unsigned fb = 0;
	size_t pos = 0;

	while (next_of_pt(section, &pos, "rtcp-fb", pt, &v)) {
		for (unsigned i = 0; i < AR_FB_BITS; i++) {
			if (ar_span_caseeq(v, fb_names[i]))
				fb |= 1u << i;
		}
	}
	return fb;
}

static bool read_codec(struct ar_av_codec *c, struct ar_span section, uint8_t pt)
{
	struct ar_span v;
	size_t pos = 0;

	*c = (struct ar_av_codec){.pt = pt, .rtx = -1, .fmtp = {"", 0}};
	if (next_of_pt(section, &pos, "rtpmap", pt, &v))
		read_rtpmap(c, v);
	for (size_t i = 0; !c->name.n && i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (fixed[i].pt == pt) {
			c->name = ar_span_str(fixed[i].name);
			c->clock = 8000;
		}
	}
	pos = 0;
	if (next_of_pt(section, &pos, "fmtp", pt, &v))
		c->fmtp = v;
	c->fb = feedback_of(section, pt);
	return c->name.n && c->clock;
}

/* RFC 4588 8.6: the format names the one that it repeats. */
static void join_rtx(struct ar_sdp_av *av, const struct ar_av_codec *rtx)
{
	struct ar_span apt = ar_av_fmtp(rtx->fmtp, "apt");
	uint32_t n;

	if (!apt.n || !cut_number(&apt, 127, &n))
		return;
	for (unsigned i = 0; i < av->ncodec; i++) {
		if (av->codec[i].pt == n && av->codec[i].rtx < 0)
			av->codec[i].rtx = rtx->pt;
	}
}

static void read_formats(struct ar_sdp_av *av, const struct ar_sdp_media *m)
{
	/* rtx may come before what it repeats */
	for (int pass = 0; pass < 2; pass++) {
		struct ar_span fmt = m->fmt;

		for (unsigned k = 0; fmt.n && k < AR_AV_MAX_CODECS; k++) {
			struct ar_span word = cut_word(&fmt, ' ');
			struct ar_av_codec c;
			uint32_t pt;

			if (!cut_number(&word, 127, &pt) || word.n ||
				!read_codec(&c, m->text, (uint8_t)pt))
				continue;
			if (!ar_span_caseeq(c.name, "rtx") && pass == 0)
				av->codec[av->ncodec++] = c;
			else if (ar_span_caseeq(c.name, "rtx") && pass == 1)
				join_rtx(av, &c);
		}
	}
}

/* ---- the other attributes ---- */

static void on_extmap(struct ar_sdp_av *av, struct ar_span v)
{
	uint32_t id;

	if (av->next == AR_AV_MAX_EXTS || !cut_number(&v, 255, &id) || !id || !v.n ||
		!ar_span_is_space(v.p[0]))
		return;
	av->ext[av->next++] = (struct ar_av_ext){(uint8_t)id, ar_span_trim(v)};
}

static struct ar_av_ssrc *ssrc_of(struct ar_sdp_av *av, uint32_t n)
{
	for (unsigned i = 0; i < av->nssrc; i++) {
		if (av->ssrc[i].ssrc == n)
			return &av->ssrc[i];
	}
	if (av->nssrc == AR_AV_MAX_SSRCS)
		return NULL;
	av->ssrc[av->nssrc] = (struct ar_av_ssrc){.ssrc = n};
	return &av->ssrc[av->nssrc++];
}

static void on_ssrc(struct ar_sdp_av *av, struct ar_span v)
{
	struct ar_av_ssrc *s;
	uint32_t n;

	if (!cut_number(&v, UINT32_MAX, &n))
		return;
	s = ssrc_of(av, n);
	v = ar_span_trim(v);
	if (s && v.n > 6 && memcmp(v.p, "cname:", 6) == 0)
		s->cname = (struct ar_span){v.p + 6, v.n - 6};
}

/* RFC 4588 8.4: FID <stream> <its retransmissions> */
static void on_ssrc_group(struct ar_sdp_av *av, struct ar_span v)
{
	uint32_t one, two;
	struct ar_av_ssrc *s;

	if (!ar_span_eq(cut_word(&v, ' '), AR_SPAN("FID")) || !cut_number(&v, UINT32_MAX, &one))
		return;
	v = ar_span_trim(v);
	s = cut_number(&v, UINT32_MAX, &two) ? ssrc_of(av, one) : NULL;
	if (s)
		s->rtx = two;
}

/* RFC 4568 6.3: only parameters that need not be understood, or hint at the size of a window. */
static bool session_params_ok(struct ar_span v)
{
	while (v.n) {
		struct ar_span w = cut_word(&v, ' ');

		if (w.n && w.p[0] != '-' && (w.n < 4 || memcmp(w.p, "WSH=", 4) != 0))
			return false;
	}
	return true;
}

/* "1 AES_CM_128_HMAC_SHA1_80 inline:key|2^20": a lifetime goes, a key with an MKI or in several
 * parts is left out, and one with parameters that change the packets (RFC 4568 6.3). */
static void on_crypto(struct ar_sdp_av *av, struct ar_span v)
{
	struct ar_av_crypto c;
	const char *bar;

	if (av->ncrypto == AR_AV_MAX_CRYPTO || !cut_number(&v, 999999999, &c.tag))
		return;
	c.suite = cut_word(&v, ' ');
	c.key = cut_word(&v, ' ');
	if (!c.suite.n || c.key.n < 8 || memcmp(c.key.p, "inline:", 7) != 0 ||
		memchr(c.key.p, ';', c.key.n) || !session_params_ok(v))
		return;
	c.key = (struct ar_span){c.key.p + 7, c.key.n - 7};
	bar = memchr(c.key.p, '|', c.key.n);
	if (bar && memchr(bar, ':', c.key.n - (size_t)(bar - c.key.p)))
		return;
	if (bar)
		c.key.n = (size_t)(bar - c.key.p);
	av->crypto[av->ncrypto++] = c;
}

static void on_candidate(struct ar_sdp_av *av, struct ar_span v)
{
	if (av->ncandidate < AR_DC_MAX_CANDIDATES)
		av->candidate[av->ncandidate++] = v;
}

static void on_rtcp(struct ar_sdp_av *av, struct ar_span v)
{
	uint32_t port;

	if (cut_number(&v, 65535, &port) && port)
		av->rtcp_port = (uint16_t)port;
}

static const struct {
	const char *name;
	void (*read)(struct ar_sdp_av *av, struct ar_span value);
} attrs[] = {
	{"extmap", on_extmap},
	{"ssrc", on_ssrc},
	{"ssrc-group", on_ssrc_group},
	{"crypto", on_crypto},
	{"candidate", on_candidate},
	{"rtcp", on_rtcp},
};

static void read_attrs(struct ar_sdp_av *av, struct ar_span section)
{
	struct ar_span line, v;
	size_t pos = 0;

	while (ar_sdp_next_line(section, &pos, &line)) {
		for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
			if (ar_sdp_line_attr(line, attrs[i].name, &v))
				attrs[i].read(av, v);
		}
	}
}

static struct ar_span either(const struct ar_sdp *sdp, unsigned i, const char *name)
{
	struct ar_span v = ar_sdp_attr(sdp->media[i].text, name);

	return v.p ? v : ar_sdp_attr(sdp->session, name);
}

static void read_security(struct ar_sdp_av *av, const struct ar_sdp *sdp, unsigned i)
{
	static const enum ar_setup known[] = {AR_SETUP_ACTPASS, AR_SETUP_ACTIVE, AR_SETUP_PASSIVE};
	struct ar_span part = sdp->media[i].text, v = either(sdp, i, "setup");
	size_t pos = 0;

	if (!ar_sdp_attr(part, "fingerprint").p)
		part = sdp->session;
	while (av->nfingerprint < AR_DC_MAX_FINGERPRINTS &&
		ar_sdp_next_attr(part, &pos, "fingerprint", &av->fingerprint[av->nfingerprint]))
		av->nfingerprint++;
	for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
		if (ar_span_caseeq(v, ar_setup_name(known[k])))
			av->setup = known[k];
	}
	part = ar_sdp_attr(sdp->media[i].text, "ice-ufrag").p ? sdp->media[i].text : sdp->session;
	av->ufrag = ar_sdp_attr(part, "ice-ufrag");
	av->pwd = ar_sdp_attr(part, "ice-pwd");
	if (!av->ufrag.n || !av->pwd.n)
		av->ufrag = av->pwd = AR_SPAN_NONE;
	av->ice_lite = ar_sdp_attr(sdp->session, "ice-lite").p != NULL;
}

static const struct {
	const char *proto;
	enum ar_av_transport transport;
	bool feedback;
} protos[] = {
	{"UDP/TLS/RTP/SAVPF", AR_AV_DTLS, true},
	{"UDP/TLS/RTP/SAVP", AR_AV_DTLS, false},
	{"RTP/SAVPF", AR_AV_SDES, true},
	{"RTP/SAVP", AR_AV_SDES, false},
	{"RTP/AVPF", AR_AV_RTP, true},
	{"RTP/AVP", AR_AV_RTP, false},
};

static void read_transport(struct ar_sdp_av *av, const struct ar_sdp_media *m)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (ar_span_caseeq(m->proto, protos[i].proto)) {
			av->transport = protos[i].transport;
			av->feedback = protos[i].feedback;
		}
	}
	/* RTP/SAVPF with a fingerprint and no key: browsers of old */
	if (av->transport == AR_AV_SDES && !av->ncrypto)
		av->transport = av->nfingerprint ? AR_AV_DTLS : AR_AV_OTHER;
	if (av->transport == AR_AV_DTLS && !av->nfingerprint && m->port)
		av->transport = AR_AV_OTHER;
}

/* RFC 8866 5.7: "IN" SP addrtype SP address[/ttl] */
static struct ar_span connection_address(const struct ar_sdp *sdp, unsigned i)
{
	struct ar_span c = ar_sdp_line(sdp->media[i].text, 'c');

	if (!c.p)
		c = ar_sdp_line(sdp->session, 'c');
	if (!c.p)
		return AR_SPAN_NONE;
	(void)cut_word(&c, ' ');
	(void)cut_word(&c, ' ');
	return cut_word(&c, '/');
}

/* RFC 8866 5.8, RFC 3890: bits for TIAS, kilobits for AS. */
static unsigned bandwidth(struct ar_span section)
{
	struct ar_span line;
	uint32_t n, as = 0, tias = 0;
	size_t pos = 0;

	while (ar_sdp_next_line(section, &pos, &line)) {
		struct ar_span v = {line.p + 5, line.n - 5};

		if (line.n > 5 && memcmp(line.p, "b=AS:", 5) == 0 && cut_number(&v, 100000000, &n))
			as = n;
		v = (struct ar_span){line.p + 7, line.n - 7};
		if (line.n > 7 && memcmp(line.p, "b=TIAS:", 7) == 0 &&
			cut_number(&v, UINT32_MAX, &n))
			tias = n / 1000;
	}
	return tias ? tias : as;
}

bool ar_sdp_av_parse(struct ar_sdp_av *av, const struct ar_sdp *sdp, unsigned i)
{
	const struct ar_sdp_media *m = &sdp->media[i];

	memset(av, 0, sizeof(*av));
	if (i >= sdp->nmedia || (m->kind != AR_SDP_AUDIO && m->kind != AR_SDP_VIDEO))
		return false;
	av->rtcp_port = m->port == 65535 ? 0 : (uint16_t)(m->port + 1);
	read_attrs(av, m->text);
	read_security(av, sdp, i);
	read_transport(av, m);
	read_formats(av, m);
	av->mid = ar_sdp_attr(m->text, "mid");
	av->addr = connection_address(sdp, i);
	av->direction = ar_sdp_direction(m->text, sdp->session);
	av->rtcp_mux = ar_sdp_attr(m->text, "rtcp-mux").p != NULL;
	av->rtcp_rsize = ar_sdp_attr(m->text, "rtcp-rsize").p != NULL;
	av->bundle_only = ar_sdp_attr(m->text, "bundle-only").p != NULL;
	av->max_kbps = bandwidth(m->text);
	return true;
}
