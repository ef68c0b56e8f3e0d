/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is this an AR call? Pure function over headers and SDP (design: no single flag marks one).
 * TS 26.114 6.2.10, TS 26.264 clause 7, RFC 5688, RFC 8864.
 *
 * A section that looks like a data channel but breaks RFC 8841/8864 does not count as one; the
 * reason bad-dc-section tells. A description that cannot be parsed is given as sdp NULL.
 */
#ifndef AR_RECOGNISE_H
#define AR_RECOGNISE_H

#include "common/sdp_dc.h"

enum ar_class {
	AR_CLASS_NONE, /* ordinary call */
	AR_CLASS_DC_CAPABLE, /* Contact says so, no data channel offered */
	AR_CLASS_DC, /* data channel offered, no AR evidence */
	AR_CLASS_AR,
};

/* Reasons, a bit set; ar_reasons_print() gives their names. */
enum ar_reason {
	AR_REASON_DC_SECTION = 1 << 0, /* "dc-section" */
	AR_REASON_CONTACT_DC = 1 << 1, /* "contact-datachannel": +sip.app-subtype */
	AR_REASON_SUBPROTOCOL = 1 << 2, /* "subprotocol" */
	AR_REASON_REQ_APP = 1 << 3, /* "req-app" */
	AR_REASON_AR_CAPABLE = 1 << 4, /* "ar-capable": +sip.3gpp-ar-support */
	AR_REASON_AR_ASSISTED = 1 << 5, /* "ar-assisted" */
	AR_REASON_AVATAR = 1 << 6, /* "avatar": +sip.3gpp-avatar-support */
	AR_REASON_SERVICE = 1 << 7, /* "service": configured service URI */
	AR_REASON_BAD_DC = 1 << 8, /* "bad-dc-section": looks like one, RFC 8841 says no */
	AR_REASON_MAX_BUNDLE = 1 << 9, /* "max-bundle": cannot take an unbundled data channel */
	AR_REASON_ACCEPT_CONTACT = 1 << 10, /* "accept-contact" */
};

/* Lists are comma separated; an item may end in '*'. NULL: the default. */
struct ar_recognise_conf {
	const char
		*subprotocols; /* default "mpeg-sd,3gpp-ar-metadata,3gpp-ar-animation,3gpp-sr-*" */
	const char *req_apps; /* patterns of a=3gpp-req-app that mean AR; default none */
	const char *services; /* R-URI / P-Asserted-Service values that mean AR; default none */
};

/* What the recogniser looks at; absent spans are AR_SPAN_NONE. Header values as received, several
 * of one name joined with commas. */
struct ar_recognise_in {
	struct ar_span contact, accept_contact, asserted_service, ruri;
	const struct ar_sdp *sdp; /* NULL: no SDP */
};

struct ar_recognise_out {
	enum ar_class cls;
	unsigned reasons;
};

void ar_recognise(struct ar_recognise_out *out, const struct ar_recognise_conf *conf,
	const struct ar_recognise_in *in);
/* The same list syntax for others: whether v matches an item. NULL list: no. */
bool ar_recognise_listed(const char *list, struct ar_span v);
/* Whether the stream's sub-protocol is one of AR. conf may be NULL. */
bool ar_recognise_ar_stream(const struct ar_recognise_conf *conf, const struct ar_dc_stream *st);
/* Whether the sender of the offer cannot take data channel section i unbundled: a=bundle-only, or
 * bundled and without candidates while the first section has some (seen in libwebrtc). */
bool ar_recognise_max_bundle(const struct ar_sdp *sdp, unsigned i, const struct ar_sdp_dc *dc);

const char *ar_class_name(enum ar_class c); /* "none" "dc-capable" "dc" "ar" */
/* Comma separated names, terminated, cut to cap. Returns buf. */
char *ar_reasons_print(unsigned reasons, char *buf, size_t cap);

/*
 * Outcomes: the closed set for which asd evaluates the policy's answer hook beforehand; the module
 * picks the answer recipe by what the callee's answer turns out to be.
 */
enum ar_outcome {
	AR_OUTCOME_AR_CAPABLE, /* data channel accepted, +sip.3gpp-ar-support="ar-capable" or AR
				  streams */
	AR_OUTCOME_AR_ASSISTED, /* accepted, "ar-assisted" */
	AR_OUTCOME_DC_ONLY, /* accepted, no AR evidence */
	AR_OUTCOME_DC_REFUSED, /* port 0 or absent in the answer */
	AR_OUTCOME_NONE_OFFERED, /* our offer to the callee had no data channel */
	AR_OUTCOMES
};

const char *ar_outcome_name(enum ar_outcome o); /* "ar-capable" ... */
/* offered: whether the description the callee answers had a live data channel section. */
enum ar_outcome ar_recognise_outcome(
	const struct ar_recognise_conf *conf, const struct ar_recognise_in *answer, bool offered);

#endif
