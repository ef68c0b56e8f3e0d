/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/recognise.h"

#include <stdio.h>

#define DEFAULT_SUBPROTOCOLS "mpeg-sd,3gpp-ar-metadata,3gpp-ar-animation,3gpp-sr-*"
#define DC_SUBTYPE "webrtc-datachannel"

static struct ar_span skip(struct ar_span s, size_t n)
{
	return (struct ar_span){s.p + n, s.n - n};
}

/* Bytes before the first of `stop`, all of it when there is none. */
static size_t until(struct ar_span s, const char *stop)
{
	size_t n = 0;

	while (n < s.n && (!s.p[n] || !strchr(stop, s.p[n])))
		n++;
	return n;
}

/* Cuts up to the next of `stop` off *rest, the stop too; blanks around the item go. */
static struct ar_span cut_item(struct ar_span *rest, const char *stop)
{
	size_t n = until(*rest, stop);
	struct ar_span item = {rest->p, n};

	*rest = skip(*rest, n < rest->n ? n + 1 : n);
	return ar_span_trim(item);
}

static bool pattern_match(struct ar_span pattern, struct ar_span v)
{
	if (pattern.n && pattern.p[pattern.n - 1] == '*') {
		pattern.n--;
		return v.n >= pattern.n && strncasecmp(v.p, pattern.p, pattern.n) == 0;
	}
	return pattern.n && v.n == pattern.n && strncasecmp(v.p, pattern.p, v.n) == 0;
}

bool ar_recognise_listed(const char *list, struct ar_span v)
{
	struct ar_span rest = ar_span_str(list);

	while (v.n && rest.n) {
		if (pattern_match(cut_item(&rest, ","), v))
			return true;
	}
	return false;
}

/* ---- header parameters (RFC 3261 20.10, RFC 3840 9) ---- */

/* Length of the quoted string at s.p[0], its quotes included; to the end when it has no end. */
static size_t quoted_length(struct ar_span s)
{
	size_t n = 1;

	while (n < s.n && s.p[n] != '"')
		n += s.p[n] == '\\' ? 2 : 1;
	return n < s.n ? n + 1 : s.n;
}

/* The value after "=", without its quotes. */
static struct ar_span cut_value(struct ar_span *rest)
{
	struct ar_span value;
	size_t n;

	while (rest->n && ar_span_is_space(rest->p[0]))
		*rest = skip(*rest, 1);
	if (rest->n && rest->p[0] == '"') {
		n = quoted_length(*rest);
		value = (struct ar_span){rest->p + 1, n >= 2 ? n - 2 : 0};
	} else {
		n = until(*rest, ";,");
		value = ar_span_trim((struct ar_span){rest->p, n});
	}
	*rest = skip(*rest, n);
	return value;
}

/* Next header parameter outside of addresses and quoted strings: ";name[=value]". */
static bool next_param(struct ar_span *rest, struct ar_span *name, struct ar_span *value)
{
	while (rest->n && rest->p[0] != ';') {
		size_t n = 1;

		if (rest->p[0] == '"')
			n = quoted_length(*rest);
		else if (rest->p[0] == '<')
			n = until(*rest, ">");
		*rest = skip(*rest, n);
	}
	if (!rest->n)
		return false;
	*rest = skip(*rest, 1);
	*name = (struct ar_span){rest->p, until(*rest, "=;,<\"")};
	*rest = skip(*rest, name->n);
	*name = ar_span_trim(*name);
	*value = AR_SPAN_NONE;
	if (rest->n && rest->p[0] == '=') {
		*rest = skip(*rest, 1);
		*value = cut_value(rest);
	}
	return true;
}

/* Whether a feature tag's value list (tag-value-list or <string>) has the word. */
static bool value_has(struct ar_span value, const char *word)
{
	while (value.n) {
		struct ar_span v = cut_item(&value, ",");

		if (v.n >= 2 && v.p[0] == '<' && v.p[v.n - 1] == '>')
			v = (struct ar_span){v.p + 1, v.n - 2};
		if (ar_span_caseeq(v, word))
			return true;
	}
	return false;
}

static const struct {
	const char *tag, *word;
	unsigned reason;
} contact_tags[] = {
	{"+sip.app-subtype", DC_SUBTYPE, AR_REASON_CONTACT_DC},
	{"+sip.3gpp-ar-support", "ar-capable", AR_REASON_AR_CAPABLE},
	{"+sip.3gpp-ar-support", "ar-assisted", AR_REASON_AR_ASSISTED},
	{"+sip.3gpp-avatar-support", "avatar-capable", AR_REASON_AVATAR},
	{"+sip.3gpp-avatar-support", "avatar-assisted", AR_REASON_AVATAR},
};

static unsigned header_reasons(struct ar_span header)
{
	struct ar_span name, value;
	unsigned reasons = 0;

	while (header.n && next_param(&header, &name, &value)) {
		for (size_t i = 0; i < sizeof(contact_tags) / sizeof(contact_tags[0]); i++) {
			if (ar_span_caseeq(name, contact_tags[i].tag) &&
				value_has(value, contact_tags[i].word))
				reasons |= contact_tags[i].reason;
		}
	}
	return reasons;
}

/* The R-URI without its parameters: what comes after the host, so ';' in a user part stays. */
static struct ar_span bare_uri(struct ar_span uri)
{
	size_t from = 0;

	for (size_t i = 0; i < uri.n; i++) {
		if (uri.p[i] == '@')
			from = i;
	}
	return (struct ar_span){uri.p, from + until(skip(uri, from), ";?")};
}

static bool service_listed(const char *services, const struct ar_recognise_in *in)
{
	struct ar_span rest = in->asserted_service;

	if (!services)
		return false;
	while (rest.n) {
		if (ar_recognise_listed(services, cut_item(&rest, ",")))
			return true;
	}
	return in->ruri.n && (ar_recognise_listed(services, in->ruri) ||
				     ar_recognise_listed(services, bare_uri(in->ruri)));
}

/* ---- the description ---- */

/* Its grammar is not public: the whole value, every item and every value of key=value is tried. */
static bool req_app_listed(const char *list, struct ar_span v)
{
	struct ar_span rest = v;

	if (!list || !v.n)
		return false;
	if (ar_recognise_listed(list, v))
		return true;
	while (rest.n) {
		struct ar_span item = cut_item(&rest, ";, \t");
		size_t eq = until(item, "=");
		struct ar_span value = eq < item.n ? skip(item, eq + 1) : item;

		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = (struct ar_span){value.p + 1, value.n - 2};
		if (ar_recognise_listed(list, value))
			return true;
	}
	return false;
}

bool ar_recognise_ar_stream(const struct ar_recognise_conf *conf, const struct ar_dc_stream *st)
{
	const char *list = conf && conf->subprotocols ? conf->subprotocols : DEFAULT_SUBPROTOCOLS;

	return ar_recognise_listed(list, st->subprotocol);
}

static unsigned dc_reasons(const struct ar_recognise_conf *conf, const struct ar_sdp_dc *dc)
{
	unsigned reasons = AR_REASON_DC_SECTION;

	for (unsigned i = 0; i < dc->nstream; i++) {
		if (ar_recognise_ar_stream(conf, &dc->stream[i]))
			reasons |= AR_REASON_SUBPROTOCOL;
	}
	if (conf && req_app_listed(conf->req_apps, dc->req_app))
		reasons |= AR_REASON_REQ_APP;
	return reasons;
}

/* Whether a=group:BUNDLE has the section's mid. */
static bool bundled(const struct ar_sdp *sdp, struct ar_span mid)
{
	struct ar_span value;
	size_t pos = 0;

	while (ar_sdp_next_attr(sdp->session, &pos, "group", &value)) {
		if (!ar_span_caseeq(cut_item(&value, " \t"), "BUNDLE"))
			continue;
		while (value.n) {
			struct ar_span item = cut_item(&value, " \t");

			if (item.n && ar_span_eq(item, mid))
				return true;
		}
	}
	return false;
}

bool ar_recognise_max_bundle(const struct ar_sdp *sdp, unsigned i, const struct ar_sdp_dc *dc)
{
	if (!bundled(sdp, dc->mid))
		return false;
	if (dc->bundle_only)
		return true;
	return i > 0 && !dc->ncandidate && ar_sdp_attr(sdp->media[0].text, "candidate").p;
}

/* Reasons of one section; 0 when it is no data channel that somebody wants. */
static unsigned section_reasons(
	const struct ar_recognise_conf *conf, const struct ar_sdp *sdp, unsigned i)
{
	struct ar_sdp_dc dc;

	if (sdp->media[i].kind != AR_SDP_DATACHANNEL)
		return 0;
	if (ar_sdp_dc_parse(&dc, sdp, i, NULL) != 0)
		return AR_REASON_BAD_DC;
	/* RFC 9143: a bundle-only section is offered, although at port 0 */
	if (!ar_sdp_dc_live(&sdp->media[i], &dc) && !(dc.bundle_only && dc.sctp_port))
		return 0;
	if (ar_recognise_max_bundle(sdp, i, &dc))
		return dc_reasons(conf, &dc) | AR_REASON_MAX_BUNDLE;
	return dc_reasons(conf, &dc);
}

void ar_recognise(struct ar_recognise_out *out, const struct ar_recognise_conf *conf,
	const struct ar_recognise_in *in)
{
	const unsigned support = AR_REASON_AR_CAPABLE | AR_REASON_AR_ASSISTED | AR_REASON_AVATAR;
	unsigned reasons = header_reasons(in->contact);

	if (header_reasons(in->accept_contact) & AR_REASON_CONTACT_DC)
		reasons |= AR_REASON_ACCEPT_CONTACT;
	if (conf && service_listed(conf->services, in))
		reasons |= AR_REASON_SERVICE;
	for (unsigned i = 0; in->sdp && i < in->sdp->nmedia; i++)
		reasons |= section_reasons(conf, in->sdp, i);
	out->reasons = reasons;
	if (reasons & AR_REASON_DC_SECTION) {
		const unsigned evidence =
			support | AR_REASON_SUBPROTOCOL | AR_REASON_REQ_APP | AR_REASON_SERVICE;

		out->cls = reasons & evidence ? AR_CLASS_AR : AR_CLASS_DC;
	} else {
		/* TS 26.264 7: AR media ride on data channels, so support of one means both */
		out->cls = reasons & (AR_REASON_CONTACT_DC | support) ? AR_CLASS_DC_CAPABLE
								      : AR_CLASS_NONE;
	}
}

static bool accepts_datachannel(const struct ar_sdp *sdp)
{
	struct ar_sdp_dc dc;

	for (unsigned i = 0; sdp && i < sdp->nmedia; i++) {
		if (ar_sdp_dc_parse(&dc, sdp, i, NULL) == 0 && ar_sdp_dc_live(&sdp->media[i], &dc))
			return true;
	}
	return false;
}

enum ar_outcome ar_recognise_outcome(
	const struct ar_recognise_conf *conf, const struct ar_recognise_in *answer, bool offered)
{
	struct ar_recognise_out out;

	if (!offered)
		return AR_OUTCOME_NONE_OFFERED;
	if (!accepts_datachannel(answer->sdp))
		return AR_OUTCOME_DC_REFUSED;
	ar_recognise(&out, conf, answer);
	if (out.reasons & AR_REASON_AR_CAPABLE)
		return AR_OUTCOME_AR_CAPABLE;
	if (out.reasons & AR_REASON_AR_ASSISTED)
		return AR_OUTCOME_AR_ASSISTED;
	if (out.reasons & (AR_REASON_AVATAR | AR_REASON_SUBPROTOCOL | AR_REASON_REQ_APP))
		return AR_OUTCOME_AR_CAPABLE;
	return AR_OUTCOME_DC_ONLY;
}

/* ---- names ---- */

const char *ar_class_name(enum ar_class c)
{
	static const char *const names[] = {"none", "dc-capable", "dc", "ar"};

	return (unsigned)c < sizeof(names) / sizeof(names[0]) ? names[c] : "none";
}

const char *ar_outcome_name(enum ar_outcome o)
{
	static const char *const names[AR_OUTCOMES] = {
		"ar-capable", "ar-assisted", "dc-only", "dc-refused", "none-offered"};

	return (unsigned)o < AR_OUTCOMES ? names[o] : "unknown";
}

char *ar_reasons_print(unsigned reasons, char *buf, size_t cap)
{
	static const char *const names[] = {"dc-section", "contact-datachannel", "subprotocol",
		"req-app", "ar-capable", "ar-assisted", "avatar", "service", "bad-dc-section",
		"max-bundle", "accept-contact"};
	size_t n = 0;

	if (cap)
		buf[0] = '\0';
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) && n < cap; i++) {
		if (!(reasons & (1u << i)))
			continue;
		n += (size_t)snprintf(buf + n, cap - n, "%s%s", n ? "," : "", names[i]);
	}
	return buf;
}
