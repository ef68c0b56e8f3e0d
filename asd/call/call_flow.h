/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call, in the order of the call flow (docs/architecture.md): what comes in from the front and
 * from the DCSF, and what asd does about it.
 *
 * One thread. Messages are borrowed for the length of the call. Every offer gets exactly one answer
 * within call.decision_timeout_ms, whatever becomes of policy and mediad. call_flow.c holds the
 * steps until the offer is answered, call_event.c those after, call_life.c what time, restarts and
 * losses do to a call.
 */
#ifndef CALL_FLOW_H
#define CALL_FLOW_H

#include "asd/call/call.h"
#include "asd/front/front_msg.h"

struct asd;
struct dcsf_result;

/* ---- front (steps 2, 6, 7, BYE) ---- */
void call_on_offer(
	struct asd *a, const struct front_offer *m, const char *module, struct front_ref ref);
void call_on_event(struct asd *a, const struct front_event *m);
/* An offer that would begin a call inside a dialog (m->to_tag) of which asd has a call: answers it
 * with action known or elsewhere. False: there is none. */
bool call_answer_known(
	struct asd *a, const struct front_offer *m, const char *module, struct front_ref ref);
/* The answer to `map`: a new reference, NULL when there is no answered call of that token. */
json_t *call_map(struct asd *a, const char *token);
/* A module has connected: tells it again what it may have missed. */
void call_on_module(struct asd *a, const char *module);
/* A call without a context (its UEs have left mediad), of a Kamailio that was restarted, ends when
 * nothing was heard of it for so long: the usual session interval (RFC 4028). */
#define CALL_ORPHAN_S 1800
/* This instance of a module has spoken of that call: it is in its table. */
void call_on_instance(struct asd *a, const char *token, const char *instance);
/* resync: a listing begins, has that call, is whole: calls of the instance not in it end, but for
 * those whose offer is younger than CALL_YOUNG_S. */
#define CALL_YOUNG_S 10
uint32_t call_listing(struct asd *a);
void call_on_listed(struct asd *a, uint32_t listing, const char *token);
void call_on_all_listed(struct asd *a, uint32_t listing, const char *instance);

/* ---- dcsf (step 5) ---- */
void call_on_reserved(struct asd *a, uint32_t call, const struct dcsf_result *r);
/* err 0, -ENOENT (mediad has no such context), -EREMOTEIO (refused), else: no answer. doc may be
 * NULL. facts: what was sent. */
void call_on_updated(
	struct asd *a, uint32_t call, enum ar_side side, int err, json_t *facts, json_t *doc);
void call_on_context_gone(struct asd *a, int dcmf, const char *context_id, const char *reason);
/* listed: set of the context ids that the DCMF has; the known ones are taken out. asked: when. */
void call_on_contexts_listed(struct asd *a, int dcmf, json_t *listed, uint64_t asked);

/* ---- time and life ---- */
#define CALL_TICK_MS 100
void call_flow_tick(struct asd *a);
/* Ends it: releases, unpins, forgets. reason: "bye", "failed 486", ... */
void call_end(struct asd *a, struct call *c, const char *reason);
/* asd is about to stop: offers under way are answered, further ones refused. */
void call_flow_stop(struct asd *a);
/* The loop has ended: unpins the policy; calls stay in the store for the next start. */
void call_flow_close(struct asd *a);

/* ---- between call_flow.c, call_event.c and call_life.c ---- */
/* Step 2, once the facts are there: asks the policy. x and c may be gone afterwards. */
struct offer;
void call_decide(struct asd *a, struct call *c, struct exchange *x, const struct front_offer *m,
	const struct offer *o);
/* Answers the exchange that waits with a plan, or else plain; the call may end. */
void call_make_plan(struct asd *a, struct call *c, struct exchange *x);
/* The AR part is over, the dialog goes on. */
void call_lose(struct asd *a, struct call *c, const char *reason);
void call_drop_context(struct asd *a, struct call *c, enum call_ctx_state to);
/* Something changed that must survive a restart: soon, or at the end of this turn. */
void call_changed(struct asd *a, struct call *c);
void call_changed_now(struct asd *a, struct call *c);

#endif
