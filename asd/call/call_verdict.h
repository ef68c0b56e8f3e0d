/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answers that an offer can get (docs/front.md). Each ends the exchange's DECIDING; those that
 * bring no plan end the exchange, and a call that had only this one: neither x nor c may be used
 * afterwards.
 */
#ifndef CALL_VERDICT_H
#define CALL_VERDICT_H

#include "asd/asd_stats.h"
#include "asd/call/call.h"
#include "asd/policy/policy.h"

struct asd;

/* Initial offer: plain. In-dialog: ok:false no_plan, the module goes on from its map. */
void call_answer_plain(struct asd *a, struct call *c, struct exchange *x, const char *reason);
void call_answer_deny(
	struct asd *a, struct call *c, struct exchange *x, unsigned code, const char *reason);
/* Denied with headers (x->headers) for the answer. */
void call_answer_deny_with(
	struct asd *a, struct call *c, struct exchange *x, unsigned code, const char *reason);
void call_answer_error(
	struct asd *a, struct call *c, struct exchange *x, const char *code, const char *reason);
/* x->plan is there: step 6. Exchange and call stay. */
void call_answer_plan(struct asd *a, struct call *c, struct exchange *x);
/* What the policy adds to the request, as docs/front.md has it; new reference, NULL: none. */
json_t *call_headers(const struct policy_verdict *v);
/* The same answer once more, new reference. */
json_t *call_plan_reply(const struct call *c, const struct exchange *x);
/* Where there is no exchange. */
void call_refuse_plain(
	struct asd *a, struct front_ref ref, enum asd_counter why, const char *reason);
void call_refuse(struct asd *a, struct front_ref ref, const char *code, const char *reason);
void call_refuse_glare(struct asd *a, struct front_ref ref);
/* The exchange comes to nothing; so does a call that had only this one. */
void call_drop_exchange(struct asd *a, struct call *c, struct exchange *x, const char *reason);

#endif
