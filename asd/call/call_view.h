/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy may see of a call: plain data, everything borrowed from offer and message. */
#ifndef CALL_VIEW_H
#define CALL_VIEW_H

#include "asd/call/offer.h"
#include "asd/front/front_msg.h"
#include "asd/policy/policy.h"

struct asd;
struct call;

struct call_view {
	struct policy_call call;
	struct policy_media media[POLICY_MAX_MEDIA];
	struct policy_dcmf dcmfs[POLICY_MAX_DCMFS];
	struct policy_fact facts[POLICY_MAX_FACTS];
};

/* o NULL: a call that ends, seen from the call alone. */
void call_view_make(struct call_view *v, const struct asd *a, const struct call *c,
	const struct front_offer *m, const struct offer *o);
/* "ar-capable", "ar-assisted" or "dc-only", from the feature tags of a Contact. */
const char *call_view_capability(const char *contact);

#endif
