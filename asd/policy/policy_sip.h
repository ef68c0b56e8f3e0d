/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An INVITE as text, for asd --decide: the call it makes and what its offer becomes for the callee.
 * A reader for the operator's tool, not a SIP stack: Kamailio does SIP.
 */
#ifndef POLICY_SIP_H
#define POLICY_SIP_H

#include "asd/policy/policy_json.h"

#include <stdio.h>

#define POLICY_SIP_MAX 65536 /* bytes of one message */

struct policy_sip {
	struct policy_case pc;
	struct ar_sdp sdp;
	char *text; /* unfolded copy that everything borrows from */
	struct ar_span body; /* of text */
};

/* text is an INVITE, LF or CRLF, folded and compact headers too. 0 or -EINVAL with why. Free in any
 * case. */
int policy_sip_read(struct policy_sip *s, struct ar_span text, char *why, size_t cap)
	__attribute__((warn_unused_result));
void policy_sip_free(struct policy_sip *s);

/* Prints the offer line by line, ' ' unchanged, '-' gone, '+' new: what the callee is offered under
 * this verdict, with example addresses where mediad's would stand. */
void policy_sip_diff(const struct policy_sip *s, const struct policy_verdict *v, FILE *out);

#endif
