/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/sdp_dc.h"

#include <errno.h>

/* RFC 8839 5.4 */
#define UFRAG_MIN 4
#define PWD_MIN 22
#define ICE_MAX 256

/* A rule that a value breaks: static text, or NULL when it is fine. */
typedef const char *fault;

static bool parse_u64(struct ar_span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(s.p[i] - '0');

		if (s.p[i] < '0' || s.p[i] > '9' || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*out = v;
	return true;
}

static bool visible(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	}
	return true;
}

/* ---- a=dcmap, RFC 8864 5.1 ---- */

static fault opt_ordered(struct ar_dc_stream *st, struct ar_span v)
{
	/* a value that is neither true nor false counts as true; SA4's example has a bare one */
	st->ordered = !ar_span_caseeq(v, "false");
	return NULL;
}

static fault opt_subprotocol(struct ar_dc_stream *st, struct ar_span v)
{
	st->subprotocol = v;
	return NULL;
}

static fault opt_label(struct ar_dc_stream *st, struct ar_span v)
{
	st->label = v;
	return NULL;
}

static fault opt_max_retr(struct ar_dc_stream *st, struct ar_span v)
{
	uint64_t n;

	if (!parse_u64(v, INT32_MAX, &n))
		return "dcmap: max-retr is not a number";
	st->max_retr = (int32_t)n;
	return NULL;
}

static fault opt_max_time(struct ar_dc_stream *st, struct ar_span v)
{
	uint64_t n;

	if (!parse_u64(v, INT32_MAX, &n))
		return "dcmap: max-time is not a number";
	st->max_time = (int32_t)n;
	return NULL;
}

static fault opt_priority(struct ar_dc_stream *st, struct ar_span v)
{
	uint64_t n;

	if (!parse_u64(v, UINT16_MAX, &n))
		return "dcmap: priority is not a number up to 65535";
	st->priority = (uint16_t)n;
	return NULL;
}

static const struct {
	const char *name;
	fault (*set)(struct ar_dc_stream *st, struct ar_span value);
} dcmap_opts[] = {
	{"ordered", opt_ordered},
	{"subprotocol", opt_subprotocol},
	{"label", opt_label},
	{"max-retr", opt_max_retr},
	{"max-time", opt_max_time},
	{"priority", opt_priority},
};

static bool is_separator(char c)
{
	return c == ';' || c == ' ' || c == '\t';
}

/* Cuts `name[=value]` or `name="value"` off *rest; the quotes go. */
static fault cut_opt(struct ar_span *rest, struct ar_span *name, struct ar_span *value)
{
	const char *p = rest->p, *end = rest->p + rest->n, *quote;

	*value = (struct ar_span){"", 0};
	while (p < end && *p != '=' && !is_separator(*p))
		p++;
	*name = (struct ar_span){rest->p, (size_t)(p - rest->p)};
	if (p < end && *p == '=') {
		p++;
		if (p < end && *p == '"') {
			quote = memchr(p + 1, '"', (size_t)(end - p - 1));
			if (!quote)
				return "dcmap: quotation mark without an end";
			*value = (struct ar_span){p + 1, (size_t)(quote - p - 1)};
			p = quote + 1;
		} else {
			value->p = p;
			while (p < end && !is_separator(*p))
				p++;
			value->n = (size_t)(p - value->p);
		}
	}
	*rest = (struct ar_span){p, (size_t)(end - p)};
	return NULL;
}

static fault set_opt(struct ar_dc_stream *st, struct ar_span name, struct ar_span value)
{
	for (size_t i = 0; i < sizeof(dcmap_opts) / sizeof(dcmap_opts[0]); i++) {
		if (ar_span_caseeq(name, dcmap_opts[i].name))
			return dcmap_opts[i].set(st, value);
	}
	return NULL; /* RFC 8864 5.1.1: unknown parameters are ignored */
}

static fault dcmap_opts_read(struct ar_dc_stream *st, struct ar_span rest)
{
	struct ar_span name, value;
	fault f = NULL;

	for (;;) {
		while (rest.n && is_separator(rest.p[0]))
			rest.p++, rest.n--;
		if (!rest.n || f)
			break;
		f = cut_opt(&rest, &name, &value);
		if (!f)
			f = set_opt(st, name, value);
	}
	if (!f && st->max_retr >= 0 && st->max_time >= 0)
		f = "dcmap: max-retr and max-time exclude each other (RFC 8864 5.1.6)";
	return f;
}

static fault on_dcmap(struct ar_sdp_dc *dc, struct ar_span v)
{
	struct ar_dc_stream st = {.ordered = true, .max_retr = -1, .max_time = -1, .priority = 256};
	struct ar_span id = v;
	uint64_t n;

	id.n = 0;
	while (id.n < v.n && !is_separator(v.p[id.n]))
		id.n++;
	if (!parse_u64(id, AR_DC_MAX_STREAM_ID, &n))
		return "dcmap: the stream id is not a number up to 65534";
	st.id = (uint16_t)n;
	for (unsigned i = 0; i < dc->nstream; i++) {
		if (dc->stream[i].id == st.id)
			return "dcmap: stream id used twice";
	}
	if (dc->nstream == AR_DC_MAX_STREAMS)
		return "dcmap: too many streams in one section";
	dc->stream[dc->nstream] = st;
	return dcmap_opts_read(
		&dc->stream[dc->nstream++], (struct ar_span){v.p + id.n, v.n - id.n});
}

/* ---- the other attributes ---- */

static fault ice_string(struct ar_span *out, struct ar_span v, size_t min, const char *why)
{
	if (v.n < min || v.n > ICE_MAX || !visible(v))
		return why;
	*out = v;
	return NULL;
}

static fault on_ufrag(struct ar_sdp_dc *dc, struct ar_span v)
{
	return ice_string(&dc->ufrag, v, UFRAG_MIN, "ice-ufrag: want 4 to 256 characters");
}

static fault on_pwd(struct ar_sdp_dc *dc, struct ar_span v)
{
	return ice_string(&dc->pwd, v, PWD_MIN, "ice-pwd: want 22 to 256 characters");
}

/* RFC 8122 5: hash-func SP UHEX *(":" UHEX); lower case is met in the wild. */
static bool is_fingerprint(struct ar_span v)
{
	const char *sp = memchr(v.p, ' ', v.n);
	struct ar_span hash, hex;

	if (!sp)
		return false;
	hash = (struct ar_span){v.p, (size_t)(sp - v.p)};
	hex = ar_span_trim((struct ar_span){sp, v.n - hash.n});
	if (!hash.n || !visible(hash) || hex.n % 3 != 2)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		if (!hex.p[i] || !strchr(i % 3 == 2 ? ":" : "0123456789abcdefABCDEF", hex.p[i]))
			return false;
	}
	return true;
}

static fault on_fingerprint(struct ar_sdp_dc *dc, struct ar_span v)
{
	if (!is_fingerprint(v))
		return "fingerprint: want a hash name and pairs of hex digits with colons";
	if (ar_span_caseeq((struct ar_span){v.p, 3}, "md5") ||
		ar_span_caseeq((struct ar_span){v.p, 3}, "md2"))
		return NULL; /* RFC 8122 5: must not be used */
	if (dc->nfingerprint < AR_DC_MAX_FINGERPRINTS)
		dc->fingerprint[dc->nfingerprint++] = v;
	return NULL;
}

static fault on_setup(struct ar_sdp_dc *dc, struct ar_span v)
{
	static const enum ar_setup known[] = {AR_SETUP_ACTPASS, AR_SETUP_ACTIVE, AR_SETUP_PASSIVE};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (ar_span_caseeq(v, ar_setup_name(known[i]))) {
			dc->setup = known[i];
			return NULL;
		}
	}
	return "setup: want actpass, active or passive (RFC 8841 9.1)";
}

static fault on_sctp_port(struct ar_sdp_dc *dc, struct ar_span v)
{
	uint64_t n;

	if (!parse_u64(v, UINT16_MAX, &n))
		return "sctp-port: want a number up to 65535";
	dc->sctp_port = (uint16_t)n;
	return NULL;
}

static fault on_max_message_size(struct ar_sdp_dc *dc, struct ar_span v)
{
	return parse_u64(v, UINT64_MAX, &dc->max_message_size) ? NULL
							       : "max-message-size: want a number";
}

static fault on_candidate(struct ar_sdp_dc *dc, struct ar_span v)
{
	if (dc->ncandidate < AR_DC_MAX_CANDIDATES)
		dc->candidate[dc->ncandidate++] = v;
	return NULL;
}

static fault on_tls_id(struct ar_sdp_dc *dc, struct ar_span v)
{
	dc->tls_id = v;
	return NULL;
}

static fault on_mid(struct ar_sdp_dc *dc, struct ar_span v)
{
	if (!v.n || !visible(v))
		return "mid: want a token";
	dc->mid = v;
	return NULL;
}

static fault on_bundle_only(struct ar_sdp_dc *dc, struct ar_span v)
{
	(void)v;
	dc->bundle_only = true;
	return NULL;
}

static fault on_req_app(struct ar_sdp_dc *dc, struct ar_span v)
{
	dc->req_app = v;
	return NULL;
}

static fault on_bdc_used_by(struct ar_sdp_dc *dc, struct ar_span v)
{
	dc->bdc_used_by = v;
	return NULL;
}

static fault on_ice_lite(struct ar_sdp_dc *dc, struct ar_span v)
{
	(void)v;
	dc->ice_lite = true;
	return NULL;
}

/* Where an attribute may stand. */
enum { SECTION = 1, SESSION = 2 };

static const struct attr {
	const char *name;
	fault (*read)(struct ar_sdp_dc *dc, struct ar_span value);
	unsigned where;
	bool once; /* a second one in the same place is refused */
} attrs[] = {
	{"ice-ufrag", on_ufrag, SECTION | SESSION, true},
	{"ice-pwd", on_pwd, SECTION | SESSION, true},
	{"fingerprint", on_fingerprint, SECTION | SESSION, false},
	{"setup", on_setup, SECTION | SESSION, true},
	{"ice-lite", on_ice_lite, SESSION, false}, /* RFC 8839 5.3 */
	{"tls-id", on_tls_id, SECTION, true}, /* RFC 8842 4 */
	{"sctp-port", on_sctp_port, SECTION, true},
	{"max-message-size", on_max_message_size, SECTION, true},
	{"candidate", on_candidate, SECTION, false},
	{"mid", on_mid, SECTION, true},
	{"bundle-only", on_bundle_only, SECTION, false},
	{"dcmap", on_dcmap, SECTION, false},
	{"3gpp-req-app", on_req_app, SECTION, false},
	{"3gpp-bdc-used-by", on_bdc_used_by, SECTION, false},
};

#define NATTR (sizeof(attrs) / sizeof(attrs[0]))

static unsigned attr_find(struct ar_span line, struct ar_span *value)
{
	unsigned i;

	for (i = 0; i < NATTR; i++) {
		if (ar_sdp_line_attr(line, attrs[i].name, value))
			break;
	}
	return i;
}

/* Number of the line at p in the whole description, from 1. */
static unsigned line_number(const struct ar_sdp *sdp, const char *p)
{
	unsigned n = 1;

	for (const char *q = sdp->text.p; q < p; q++)
		n += *q == '\n';
	return n;
}

static int fail(struct ar_sdp_error *err, const struct ar_sdp *sdp, const char *at, fault why)
{
	if (err)
		*err = (struct ar_sdp_error){line_number(sdp, at), why};
	return -EBADMSG;
}

/* Reads one part (section or session). *seen: bit per attribute met here. */
static int read_part(struct ar_sdp_dc *dc, const struct ar_sdp *sdp, struct ar_span part,
	unsigned where, uint32_t skip, uint32_t *seen, struct ar_sdp_error *err)
{
	struct ar_span line, value;
	size_t pos = 0;

	while (ar_sdp_next_line(part, &pos, &line)) {
		unsigned i = attr_find(line, &value);
		uint32_t bit = 1u << i;
		fault why = NULL;

		if (i == NATTR || !(attrs[i].where & where) || (skip & bit))
			continue;
		if (attrs[i].once && (*seen & bit))
			why = "attribute given twice";
		else
			why = attrs[i].read(dc, value);
		if (why)
			return fail(err, sdp, line.p, why);
		*seen |= bit;
	}
	return 0;
}

/* RFC 8866 5.7: "IN" SP addrtype SP address[/ttl] */
static struct ar_span connection_address(const struct ar_sdp *sdp, unsigned i)
{
	struct ar_span c = ar_sdp_line(sdp->media[i].text, 'c');
	const char *cut;

	if (!c.p)
		c = ar_sdp_line(sdp->session, 'c');
	for (int word = 0; word < 2 && c.p; word++) {
		cut = memchr(c.p, ' ', c.n);
		if (!cut)
			return AR_SPAN_NONE;
		c = (struct ar_span){cut + 1, c.n - (size_t)(cut + 1 - c.p)};
	}
	c = c.p ? ar_span_trim(c) : c;
	cut = c.p ? memchr(c.p, '/', c.n) : NULL;
	if (cut)
		c.n = (size_t)(cut - c.p);
	return c;
}

static uint32_t bit_of(const char *name)
{
	for (unsigned i = 0; i < NATTR; i++) {
		if (strcmp(attrs[i].name, name) == 0)
			return 1u << i;
	}
	return 0;
}

/* What only the whole section shows. Not asked of a section at port 0: it is refused or, with
 * bundle-only, shares what its group's first section says. */
static fault whole(const struct ar_sdp_dc *dc, const struct ar_sdp_media *m, uint32_t seen)
{
	if (memchr(m->fmt.p, ' ', m->fmt.n) || memchr(m->fmt.p, '\t', m->fmt.n))
		return "more than one format (RFC 8841 4.3)";
	if (!m->port)
		return NULL;
	if (!(seen & bit_of("sctp-port")))
		return "no sctp-port: the section is invalid (RFC 8841 5)";
	if (!dc->ufrag.p != !dc->pwd.p)
		return "ice-ufrag and ice-pwd go together";
	if (dc->sctp_port && !dc->nfingerprint)
		return "no usable fingerprint in the section or the session (RFC 8122 5)";
	return NULL;
}

int ar_sdp_dc_parse(
	struct ar_sdp_dc *dc, const struct ar_sdp *sdp, unsigned i, struct ar_sdp_error *err)
{
	uint32_t own = 0, session = 0;
	fault why;
	int rc;

	memset(dc, 0, sizeof(*dc));
	dc->max_message_size = AR_DC_DEFAULT_MESSAGE_SIZE;
	if (i >= sdp->nmedia || sdp->media[i].kind != AR_SDP_DATACHANNEL) {
		if (err)
			*err = (struct ar_sdp_error){0, "not a data channel section"};
		return -EBADMSG;
	}
	rc = read_part(dc, sdp, sdp->media[i].text, SECTION, 0, &own, err);
	/* ufrag and pwd are one pair: a section's own ufrag hides both of the session */
	if (own & (bit_of("ice-ufrag") | bit_of("ice-pwd")))
		own |= bit_of("ice-ufrag") | bit_of("ice-pwd");
	if (!rc)
		rc = read_part(dc, sdp, sdp->session, SESSION, own, &session, err);
	if (rc)
		return rc;
	dc->addr = connection_address(sdp, i);
	why = whole(dc, &sdp->media[i], own);
	return why ? fail(err, sdp, sdp->media[i].text.p, why) : 0;
}

bool ar_sdp_dc_live(const struct ar_sdp_media *m, const struct ar_sdp_dc *dc)
{
	return m->port != 0 && dc->sctp_port != 0;
}

const char *ar_setup_name(enum ar_setup s)
{
	static const char *const names[] = {"none", "actpass", "active", "passive"};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "none";
}
