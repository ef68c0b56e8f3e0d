/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What time, restarts and losses do to a call: its end, its limits, its reconciliation. */
#include "asd/asd.h"
#include "asd/call/call_facts.h"
#include "asd/call/call_flow.h"
#include "asd/call/call_log.h"
#include "asd/call/call_plan.h"
#include "asd/call/call_record.h"
#include "asd/call/call_store.h"
#include "asd/call/call_verdict.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "common/plan_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void call_changed(struct asd *a, struct call *c)
{
	if (!c->dirty && calls_mark_dirty(&a->calls, c) == 0)
		c->dirty = CALL_DIRTY;
	asd_settle_later(a);
}

void call_changed_now(struct asd *a, struct call *c)
{
	if (c->dirty || calls_mark_dirty(&a->calls, c) == 0)
		c->dirty = CALL_URGENT;
	asd_settle_soon(a);
}

/* ---- the end ---- */

void call_drop_context(struct asd *a, struct call *c, enum call_ctx_state to)
{
	struct call_ctx *x = &c->ctx;

	if (x->state == CTX_RESERVING)
		dcsf_forget(a, c->id);
	if (x->state == CTX_UP && to == CTX_NONE)
		dcsf_release(a, x->dcmf, x->id);
	x->state = to;
	c->ar_ends = 0;
	calls_clear_context(&a->calls, c);
	call_set_json(&x->doc, NULL);
	for (int i = 0; i < 2; i++) {
		call_set_json(&x->told[i], NULL);
		call_set_json(&x->wanted[i], NULL);
		x->updating[i] = false;
	}
}

void call_end(struct asd *a, struct call *c, const char *reason)
{
	struct exchange *x = call_deciding(c);
	CALL_LOG(c);

	if (x)
		front_answer(a, x->ref, front_error("gone", reason));
	ar_log(AR_LOG_INFO, "call", "ended: %s, after %llu s, rule '%s'", reason,
		(unsigned long long)call_seconds(c, asd_now(a)), c->rule);
	call_record(a, c, reason);
	call_drop_context(a, c, CTX_NONE);
	policy_unpin(c->gen);
	call_store_forget(a, c);
	calls_remove(&a->calls, c);
	asd_count(a, ASD_CALLS_ENDED);
	asd_settle_later(a);
}

/* ---- the AR part is lost ---- */

static bool tell_released(struct asd *a, const struct call *c)
{
	return front_tell(a, c->module,
		json_pack("{s:s, s:s, s:s}", "cmd", "release", "call", c->token, "callid",
			c->callid));
}

void call_lose(struct asd *a, struct call *c, const char *reason)
{
	CALL_LOG(c);

	ar_log(AR_LOG_WARN, "call", "the AR part is lost: %s; the call goes on", reason);
	asd_count(a, ASD_CALLS_LOST);
	call_drop_context(a, c, CTX_LOST);
	(void)tell_released(a, c); /* not connected: when it says hello */
	call_changed(a, c);
}

void call_on_context_gone(struct asd *a, int dcmf, const char *context_id, const char *reason)
{
	struct call *c = calls_find_context(&a->calls, dcmf, context_id);

	if (c)
		call_lose(a, c, reason[0] ? reason : "mediad ended it");
}

/* listed: its own context, a call just made may be too young to be in the list. */
static void check_listed(struct asd *a, struct call *c, json_t *listed, uint64_t asked)
{
	if (json_object_get(listed, c->ctx.id)) {
		json_object_del(listed, c->ctx.id);
		for (int i = 0; i < 2; i++)
			call_send_facts(a, c, (enum ar_side)i);
	} else if (c->ctx.since < asked) {
		call_lose(a, c, "mediad does not have its context any more");
	}
}

void call_on_contexts_listed(struct asd *a, int dcmf, json_t *listed, uint64_t asked)
{
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		if (c->ctx.state == CTX_UP && c->ctx.dcmf == dcmf)
			check_listed(a, c, listed, asked);
	}
}

void call_on_module(struct asd *a, const char *module)
{
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		if (c->ctx.state == CTX_LOST && strcmp(c->module, module) == 0)
			(void)tell_released(a, c);
	}
}

/* ---- the module lost events: it lists its calls ---- */

void call_on_instance(struct asd *a, const char *token, const char *instance)
{
	struct call *c = calls_find(&a->calls, token);

	if (!c || strcmp(c->instance, instance) == 0)
		return;
	snprintf(c->instance, sizeof(c->instance), "%s", instance);
	call_changed(a, c);
}

uint32_t call_listing(struct asd *a)
{
	if (++a->calls.listings == 0)
		a->calls.listings = 1;
	return a->calls.listings;
}

void call_on_listed(struct asd *a, uint32_t listing, const char *token)
{
	struct call *c = calls_find(&a->calls, token);

	if (c)
		c->listed = listing;
}

void call_on_all_listed(struct asd *a, uint32_t listing, const char *instance)
{
	uint64_t now = asd_now(a);
	struct call *c;

	if (!instance[0])
		return;
	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		/* its verdict may still be on the way to the module */
		bool young = c->state == CALL_SETUP && now - c->heard < CALL_YOUNG_S * AR_SEC;

		if (c->listed != listing && !young && strcmp(c->instance, instance) == 0)
			call_end(a, c, "the module does not have it any more");
	}
}

/* ---- the module lost its memory ---- */

json_t *call_map(struct asd *a, const char *token)
{
	struct call *c = call_token_ok(token) ? calls_find(&a->calls, token) : NULL;
	json_t *plan, *reply;

	if (!c || !c->map || !c->to_tag)
		return NULL;
	c->heard = asd_now(a);
	plan = ar_plan_to_json(c->map);
	if (!plan)
		return NULL;
	reply = json_pack("{s:b, s:s, s:s, s:s, s:o, s:[II], s:b, s:b, s:b}", "ok", 1, "callid",
		c->callid, "from_tag", c->from_tag, "to_tag", c->to_tag, "plan", plan, "version",
		(json_int_t)c->version[0], (json_int_t)c->version[1], "released",
		c->ctx.state == CTX_LOST, "inside", c->inside, "spiral", c->spiral);
	if (reply && (c->relay[0] || c->relay[1]))
		json_object_set_new(reply, "relay",
			json_pack("[ss]", c->relay[0] ? c->relay[0] : "",
				c->relay[1] ? c->relay[1] : ""));
	return reply;
}

static bool same_dialog(const struct call *c, const struct front_offer *m)
{
	if (c->state != CALL_UP || !c->map || !c->to_tag)
		return false;
	if (strcmp(c->from_tag, m->from_tag) == 0)
		return strcmp(c->to_tag, m->to_tag) == 0;
	return strcmp(c->from_tag, m->to_tag) == 0 && strcmp(c->to_tag, m->from_tag) == 0;
}

bool call_answer_known(
	struct asd *a, const struct front_offer *m, const char *module, struct front_ref ref)
{
	struct call *c = NULL;
	json_t *reply = NULL;

	do
		c = calls_find_callid(&a->calls, m->callid, c);
	while (c && !same_dialog(c, m));
	if (!c)
		return false;
	reply = call_map(a, c->token);
	if (reply) {
		bool here = strcmp(c->module, module) == 0;

		json_object_set_new(reply, "action", json_string(here ? "known" : "elsewhere"));
		json_object_set_new(reply, "call", json_string(c->token));
		if (!here)
			json_object_set_new(
				reply, "reason", json_string("anchored by another Kamailio"));
	}
	asd_count(a, ASD_OFFERS_REPEATED);
	front_answer(a, ref, reply);
	return true;
}

/* ---- time ---- */

/* The offer has waited long enough; an in-dialog one waits for mediad only as long as one try. */
static void check_decision(struct asd *a, struct call *c, uint64_t now)
{
	struct exchange *x = call_deciding(c);
	uint64_t limit = (uint64_t)a->conf.decision_ms * AR_MS;
	CALL_LOG(c);

	if (!x)
		return;
	if (x->lookup) { /* has a deadline of its own, well before */
		if (now - x->since >= limit)
			call_answer_plain(a, c, x, "the look-up of facts took too long");
		return;
	}
	if (c->ctx.state == CTX_UP)
		limit = (uint64_t)a->conf.reserve_ms * AR_MS;
	if (now - x->since < limit)
		return;
	if (c->ctx.state == CTX_UP) {
		call_make_plan(a, c, x);
		return;
	}
	dcsf_forget(a, c->id);
	c->ctx.state = CTX_NONE;
	asd_count(a, ASD_PLAIN_TIMEOUT);
	call_answer_plain(a, c, x, "the decision took too long");
}

/* Kamailio was restarted and no request of the dialog has come since: BYE may have been lost. */
static bool orphan(struct asd *a, const struct call *c)
{
	return front_restarted(a, c->module, c->instance);
}

static void check_age(struct asd *a, struct call *c, uint64_t now)
{
	uint64_t quiet = now - c->heard;
	CALL_LOG(c);

	if (c->state == CALL_SETUP && quiet > (uint64_t)a->conf.ring_ttl_s * AR_SEC) {
		asd_count(a, ASD_CALLS_EXPIRED_RING);
		call_end(a, c, "never answered");
	} else if (c->ctx.state != CTX_UP && quiet > CALL_ORPHAN_S * AR_SEC && orphan(a, c)) {
		asd_count(a, ASD_CALLS_EXPIRED_TTL);
		call_end(a, c, "its UEs are gone, and so is the Kamailio that had it");
	} else if (quiet > (uint64_t)a->conf.call_ttl_s * AR_SEC) {
		asd_count(a, ASD_CALLS_EXPIRED_TTL);
		call_end(a, c, "not heard of for call_ttl");
	} else if (c->ar_ends && now >= c->ar_ends) {
		asd_count(a, ASD_CALLS_EXPIRED_LIMIT);
		dcsf_release(a, c->ctx.dcmf, c->ctx.id);
		call_lose(a, c, "the policy's max_seconds are over");
	} else {
		for (int i = 0; i < 2; i++)
			call_send_facts(a, c, (enum ar_side)i);
	}
}

static void each_call(struct asd *a, void (*check)(struct asd *, struct call *, uint64_t))
{
	uint64_t now = asd_now(a);
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));)
		check(a, c, now);
}

void call_flow_tick(struct asd *a)
{
	if (a->calls.deciding)
		each_call(a, check_decision);
	if (++a->calls.ticks % (1000 / CALL_TICK_MS) != 0)
		return;
	each_call(a, check_age);
	call_store_retry(a);
}

void call_flow_stop(struct asd *a)
{
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		struct exchange *x = call_deciding(c);

		if (x) /* the script decides what becomes of it */
			call_answer_error(a, c, x, "stopping", "asd stops");
	}
}

void call_flow_close(struct asd *a)
{
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&a->calls.ids, &pos));) {
		policy_unpin(c->gen);
		c->gen = NULL;
	}
}
