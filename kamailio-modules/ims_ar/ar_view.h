/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the module looks at in a SIP message, as spans into it. SIP workers and resume workers;
 * valid until the next ar_view_read() or the end of the message.
 */
#ifndef IMS_AR_VIEW_H
#define IMS_AR_VIEW_H

#include "ar_calls.h"

#include "../../core/parser/msg_parser.h"

struct ar_view {
	struct ar_msg_key key;
	bool reply;
	int status; /* replies */
	struct ar_span method; /* of the CSeq, as written */
	uint32_t rack; /* PRACK: CSeq of the INVITE whose reliable 1xx it acknowledges; 0: none */
	struct ar_span contact, accept_contact, asserted_service, asserted_identity;
	struct ar_span ruri, from, to; /* URIs */
	struct ar_span body; /* the SDP, also inside multipart/mixed; absent: none */
	bool ambiguous; /* more than one Content-Type or SDP part, or encoded: another SDP may be
			   read there */
};

/* 0; -EBADMSG when a header that names the dialog is missing or broken, -ENAMETOOLONG when Call-ID
 * or a tag is over AR_NAME_MAX (both logged at debug level). */
int ar_view_read(struct sip_msg *msg, struct ar_view *v) __attribute__((warn_unused_result));
/* The key of the INVITE without an offer whose answer this PRACK may carry. */
bool ar_view_late_key(const struct ar_view *v, struct ar_msg_key *k);
/* An offer-carrying method: INVITE, UPDATE, PRACK. */
bool ar_view_offers(const struct ar_view *v);

static inline struct ar_span ar_span_of(const str *s)
{
	return (struct ar_span){s->s, s->s && s->len > 0 ? (size_t)s->len : 0};
}

#endif
