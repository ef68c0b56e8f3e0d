/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a call, an offer and mediad's facts to the exchange's plan: what planner.h needs. */
#ifndef CALL_PLAN_H
#define CALL_PLAN_H

#include "asd/call/call.h"
#include "asd/call/planner.h"

struct asd;

struct planner_rules call_plan_rules(const struct asd *a);
/* Makes x->plan out of x->sdp and the call's context (none, or x->without: our sections at port 0).
 * 0, or negative errno with a reason for people. */
int call_plan(const struct asd *a, struct call *c, struct exchange *x, char why[120])
	__attribute__((warn_unused_result));
/* The dialog's map for a new offer: that of the last answered exchange, else (early dialog) the
 * newest plan whose answer has not come. */
const struct ar_plan *call_plan_map(const struct call *c);
/* What mediad has on a leg for the data channel (id NULL) or a further medium (-ENOENT: it has none
 * of that id), borrowed from the context. Setup and streams stay for the caller to say. */
int call_plan_leg(struct planner_leg *leg, const struct call *c, enum ar_side side, const char *id,
	const char **why) __attribute__((warn_unused_result));

#endif
