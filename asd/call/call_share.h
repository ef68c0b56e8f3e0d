/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that share a scene (policy: share). Each has a context of its own; mediad puts those with
 * the same share into one scene (docs/mrm.md), so they must all go to one mediad: to the one that
 * has calls of the share, else to one that its name decides, so that several asd agree without
 * talking. One that has no place left refuses; then the policy's `full` says what becomes of the
 * call.
 */
#ifndef CALL_SHARE_H
#define CALL_SHARE_H

#include "asd/call/call.h"
#include "asd/dcsf/dcsf.h"
#include "asd/policy/policy.h"

struct asd;

/* What the verdict says of it. A context that is there stays where it is. */
void call_share_take(struct asd *a, struct call *c, const struct policy_verdict *v);
/* Where the reservation has to go. */
void call_share_order(const struct asd *a, const struct call *c, struct dcsf_order *order);
/* There was no place. Ends the exchange, as call_verdict.h has it. */
void call_share_full(struct asd *a, struct call *c, struct exchange *x, const char *why);

#endif
