/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_verdict.h"
#include "asd/asd.h"
#include "asd/call/call_flow.h"
#include "asd/front/front.h"
#include "common/daemon/ar_log.h"
#include "common/plan_json.h"

#include <stdlib.h>

static json_t *with_headers(const struct exchange *x, json_t *reply)
{
	if (reply && x->headers)
		json_object_set(reply, "headers", x->headers);
	return reply;
}

static int send_verdict(struct asd *a, struct exchange *x, enum asd_counter kind, json_t *reply)
{
	asd_count(a, kind);
	asd_stats_verdict(&a->stats, asd_now(a) - x->since);
	return front_answer(a, x->ref, reply);
}

json_t *call_headers(const struct policy_verdict *v)
{
	json_t *list = v->nheaders ? json_array() : NULL;

	for (unsigned i = 0; i < v->nheaders; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", v->header[i].name,
						    "value", v->header[i].value));
	return list;
}

/* The exchange comes to nothing; so does a call that had only this one. */
void call_drop_exchange(struct asd *a, struct call *c, struct exchange *x, const char *reason)
{
	a->calls.deciding -= x->state == EXCHANGE_DECIDING;
	call_exchange_drop(c, x);
	if (c->state == CALL_SETUP && c->nex == 0)
		call_end(a, c, reason);
	else
		call_changed(a, c);
}

void call_answer_plain(struct asd *a, struct call *c, struct exchange *x, const char *reason)
{
	ar_log(AR_LOG_INFO, "call", "plain: %s", reason);
	if (x->initial)
		send_verdict(a, x, ASD_VERDICT_PLAIN,
			with_headers(x, json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "action",
						"plain", "rule", c->rule, "reason", reason)));
	else /* the module goes on from the map */
		send_verdict(a, x, ASD_VERDICT_ERROR, front_error("no_plan", reason));
	call_drop_exchange(a, c, x, "plain");
}

void call_answer_deny_with(
	struct asd *a, struct call *c, struct exchange *x, unsigned code, const char *reason)
{
	ar_log(AR_LOG_INFO, "call", "deny %u %s by rule '%s'", code, reason, c->rule);
	send_verdict(a, x, ASD_VERDICT_DENY,
		with_headers(x, json_pack("{s:b, s:s, s:i, s:s, s:s}", "ok", 1, "action", "deny",
					"code", (int)code, "reason", reason, "rule", c->rule)));
	call_drop_exchange(a, c, x, "denied");
}

void call_answer_deny(
	struct asd *a, struct call *c, struct exchange *x, unsigned code, const char *reason)
{
	json_decref(x->headers); /* those are for the request that goes on */
	x->headers = NULL;
	call_answer_deny_with(a, c, x, code, reason);
}

void call_answer_error(
	struct asd *a, struct call *c, struct exchange *x, const char *code, const char *reason)
{
	send_verdict(a, x, ASD_VERDICT_ERROR, front_error(code, reason));
	call_drop_exchange(a, c, x, reason);
}

void call_refuse_plain(
	struct asd *a, struct front_ref ref, enum asd_counter why, const char *reason)
{
	asd_count(a, ASD_VERDICT_PLAIN);
	asd_count(a, why);
	ar_log_limited(AR_LOG_WARN, "call", "plain: %s", reason);
	front_answer(
		a, ref, json_pack("{s:b, s:s, s:s}", "ok", 1, "action", "plain", "reason", reason));
}

void call_refuse(struct asd *a, struct front_ref ref, const char *code, const char *reason)
{
	asd_count(a, ASD_VERDICT_ERROR);
	front_answer(a, ref, front_error(code, reason));
}

json_t *call_plan_reply(const struct call *c, const struct exchange *x)
{
	json_t *plan = ar_plan_to_json(x->plan);

	if (!plan)
		return NULL;
	return with_headers(x, json_pack("{s:b, s:s, s:s, s:o}", "ok", 1, "action", "ar", "rule",
				       c->rule, "plan", plan));
}

/* Step 6: the INVITE may go on to UE2. Next: call_on_event() with early, answered or failed. */
void call_answer_plan(struct asd *a, struct call *c, struct exchange *x)
{
	free(x->sdp);
	x->sdp = NULL;
	x->state = EXCHANGE_OPEN;
	a->calls.deciding--;
	if (send_verdict(a, x, ASD_VERDICT_AR, call_plan_reply(c, x)) != 0) {
		ar_log(AR_LOG_WARN, "call", "nobody waits for the plan any more");
		call_drop_exchange(a, c, x, "module gone");
		return;
	}
	ar_log(AR_LOG_INFO, "call", "plan %s for %s's %s, rule '%s', context %s at %s",
		x->plan->ref, x->side == AR_SIDE_A ? "the caller" : "the callee", x->method,
		c->rule, c->ctx.id ? c->ctx.id : "none",
		c->ctx.dcmf_name ? c->ctx.dcmf_name : "no DCMF");
	call_changed_now(a, c);
}

/* RFC 3261 14.1: two offers at once. */
void call_refuse_glare(struct asd *a, struct front_ref ref)
{
	asd_count(a, ASD_VERDICT_DENY);
	front_answer(a, ref,
		json_pack("{s:b, s:s, s:i, s:s}", "ok", 1, "action", "deny", "code", 491, "reason",
			"Request Pending"));
}
