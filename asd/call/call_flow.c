/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps 2 to 6 of the call flow, top to bottom; call_event.c has what follows. Each function ends
 * by naming the event that starts the next.
 */
#include "asd/call/call_flow.h"
#include "asd/asd.h"
#include "asd/call/call_av.h"
#include "asd/call/call_facts.h"
#include "asd/call/call_log.h"
#include "asd/call/call_lookup.h"
#include "asd/call/call_plan.h"
#include "asd/call/call_share.h"
#include "asd/call/call_verdict.h"
#include "asd/call/call_view.h"
#include "asd/dcsf/dcsf.h"
#include "asd/front/front.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdio.h>

/* Step 6. Next: call_on_event() with early, answered or failed. */
void call_make_plan(struct asd *a, struct call *c, struct exchange *x)
{
	char why[120];

	if (call_plan(a, c, x, why) == 0) {
		call_answer_plan(a, c, x);
		return;
	}
	asd_count(a, ASD_PLAIN_PLANNER);
	call_answer_plain(a, c, x, why);
}

/* ---- step 2: the offer arrives, the policy decides ---- */

static void keep_answers(
	struct call *c, const struct call_view *v, const struct policy_verdict *verdict)
{
	const unsigned open = 1u << AR_OUTCOME_DC_REFUSED | 1u << AR_OUTCOME_NONE_OFFERED;
	struct policy_answer answer[AR_OUTCOMES];

	c->keep = PLANNER_KEEP_USUAL;
	call_av_reset(c);
	call_av_take(c, AR_OUTCOMES, verdict->step, verdict->nsteps);
	policy_on_answers(c->gen, &v->call, verdict, answer);
	for (unsigned o = 0; o < AR_OUTCOMES; o++) {
		call_av_take(c, o, answer[o].step, answer[o].nsteps);
		if (answer[o].keep_a)
			c->keep |= open & 1u << o;
	}
}

static void take_verdict(struct call *c, const struct policy_verdict *v, const char *source)
{
	snprintf(c->source, sizeof(c->source), "%s", source);
	snprintf(c->rule, sizeof(c->rule), "%s", v->rule);
	snprintf(c->scene, sizeof(c->scene), "%s", v->scene);
	snprintf(c->application, sizeof(c->application), "%s", v->application);
	snprintf(c->dcmf, sizeof(c->dcmf), "%s", v->dcmf);
	memcpy(c->network, v->network, sizeof(c->network));
	c->max_seconds = v->limits.max_seconds;
	c->max_kbps = v->limits.max_kbps;
	c->max_pose_hz = v->limits.max_pose_hz;
	c->max_nodes = v->limits.max_nodes;
	c->trace = v->trace;
}

static void reserve(
	struct asd *a, struct call *c, struct exchange *x, const struct planner_choice *choice);
static void change(struct asd *a, struct call *c, struct exchange *x, const struct offer *o);

/* Next: step 3, or the answer. */
void call_decide(struct asd *a, struct call *c, struct exchange *x, const struct front_offer *m,
	const struct offer *o)
{
	struct policy_verdict v;
	struct call_view view;
	enum policy_result r;

	call_view_make(&view, a, c, m, o);
	r = policy_decide(c->gen, &view.call, &v);
	take_verdict(c, &v, m->source);
	CALL_LOG(c); /* traced from here on */
	ar_log(AR_LOG_DEBUG, "call", "policy: %s by rule '%s'%s", policy_action_name(v.action),
		v.rule, v.trace ? ", traced" : "");
	asd_count_if(a, r != POLICY_OK && r != POLICY_DENIED, ASD_POLICY_FAILED);
	call_share_take(a, c, &v);
	x->headers = call_headers(&v);
	if (v.action == POLICY_DENY) {
		call_answer_deny(a, c, x, (unsigned)v.code, v.reason);
	} else if (v.action == POLICY_PLAIN && x->initial) {
		call_answer_plain(a, c, x, v.reason[0] ? v.reason : "by policy");
	} else {
		keep_answers(c, &view, &v);
		x->without = v.action == POLICY_PLAIN;
		if (!x->without && call_av_offer(a, c, x, o) != 0)
			call_answer_plain(a, c, x, "out of memory");
		else
			change(a, c, x, o);
	}
}

static int new_call(
	struct asd *a, const struct front_offer *m, const char *module, struct call **cp)
{
	struct ar_recognise_in in = {.contact = ar_span_str(m->contact)};
	struct ar_recognise_out caps;
	struct call *c;
	int err = calls_add(&a->calls, m->call, m->callid, m->from, &c);

	if (err)
		return err;
	if (call_set(&c->from_tag, m->from_tag) != 0 || call_set(&c->callee, m->to) != 0 ||
		call_set(&c->module, module) != 0 || call_set(&c->role, m->role) != 0) {
		calls_remove(&a->calls, c);
		return -ENOMEM;
	}
	ar_recognise(&caps, NULL, &in);
	c->caps = policy_caps(caps.reasons);
	c->inside = m->to_tag[0] != '\0';
	c->gen = policy_pin(a->policy);
	c->created = asd_now(a);
	asd_count(a, ASD_CALLS_CREATED);
	*cp = c;
	return 0;
}

/* An offer that begins the call anew (a retry after 407) takes the place of the one before. */
static void supersede(struct asd *a, struct call *c)
{
	while (c->nex) {
		struct exchange *x = c->ex[0];

		if (x->state == EXCHANGE_DECIDING) {
			a->calls.deciding--;
			call_refuse(a, x->ref, "superseded", "a newer offer came");
		}
		call_exchange_drop(c, x);
	}
	dcsf_forget(a, c->id);
	if (c->ctx.state == CTX_RESERVING)
		c->ctx.state = CTX_NONE;
}

static int new_exchange(struct asd *a, struct call *c, const struct front_offer *m,
	struct front_ref ref, struct exchange **xp)
{
	struct exchange *x;
	int err;

	if (m->initial && c->state == CALL_SETUP)
		supersede(a, c);
	if (c->nex == CALL_MAX_EXCHANGES)
		asd_count(a, ASD_EXCHANGES_FULL);
	err = call_exchange_new(c, &x);
	if (err)
		return err;
	a->calls.deciding++;
	*x = (struct exchange){.state = EXCHANGE_DECIDING,
		.cseq = m->cseq,
		.side = m->side,
		.initial = m->initial,
		.ref = ref,
		.since = asd_now(a)};
	snprintf(x->method, sizeof(x->method), "%s", m->method);
	c->heard = x->since;
	if (call_set(&x->from_tag, m->from_tag) != 0 || call_set(&x->sdp, m->sdp) != 0) {
		call_drop_exchange(a, c, x, "no memory");
		return -ENOMEM;
	}
	*xp = x;
	return 0;
}

/* The module asks again: same answer. True when it was answered, or will be. */
static bool repeated(
	struct asd *a, struct call *c, const struct front_offer *m, struct front_ref ref)
{
	struct exchange *x = call_exchange(c, m->from_tag, m->cseq);

	if (!x || strcmp(x->method, m->method) != 0)
		return false;
	asd_count(a, ASD_OFFERS_REPEATED);
	if (x->state == EXCHANGE_DECIDING) {
		call_refuse(a, x->ref, "repeated", "asked again");
		x->ref = ref;
	} else {
		front_answer(a, ref, call_plan_reply(c, x));
	}
	return true;
}

static void take_offer(struct asd *a, struct call *c, const struct front_offer *m,
	const struct offer *o, struct front_ref ref)
{
	struct exchange *x;

	if (!m->initial && call_deciding(c)) {
		call_refuse_glare(a, ref);
		return;
	}
	if (new_exchange(a, c, m, ref, &x) != 0) {
		call_refuse(a, ref, "no_resources", "out of memory");
		return;
	}
	if (o->choice.index >= 0) {
		x->setup = offer_our_setup(o->choice.dc.setup, c->setup[x->side]);
		x->facts = offer_facts(o, x->setup, call_view_capability(m->contact));
	}
	if (x->initial && o->choice.index < 0)
		call_answer_plain(a, c, x, o->choice.why ? o->choice.why : "no data channel");
	else if (call_look_up(a, c, x, m) == 0)
		call_decide(a, c, x, m, o);
}

/* Step 2. Next: call_decide(), perhaps after facts have been looked up. */
void call_on_offer(
	struct asd *a, const struct front_offer *m, const char *module, struct front_ref ref)
{
	struct call *c = calls_find(&a->calls, m->call);
	struct planner_rules rules = call_plan_rules(a);
	struct offer o;
	char why[120];
	AR_LOG_CALL(m->callid);

	ar_log(AR_LOG_DEBUG, "call", "%s offer of %s, cseq %u, class %s (%s), from %s",
		m->initial ? "initial" : "in-dialog",
		m->side == AR_SIDE_A ? "the caller" : "the callee", m->cseq, m->cls, m->reasons,
		m->source);
	if (m->initial)
		asd_count(a, ASD_OFFERS_INITIAL);
	if (a->stopping) {
		call_refuse(a, ref, "stopping", "asd stops");
		return;
	}
	if (c && repeated(a, c, m, ref))
		return;
	if (!c && m->initial && m->to_tag[0] && call_answer_known(a, m, module, ref))
		return;
	if (!c && !m->initial) {
		call_refuse(a, ref, "no_call", "asd does not have this call");
		return;
	}
	if (c && m->initial && c->state == CALL_UP) {
		call_refuse(a, ref, "answered", "an initial offer of a call that is up");
		return;
	}
	if (offer_read(&o, m->sdp, &rules, m->side, c ? c->map : NULL, why) != 0) {
		asd_count(a, ASD_OFFERS_MALFORMED);
		ar_log_limited(AR_LOG_WARN, "call", "malformed offer: %s", why);
		call_refuse(a, ref, "malformed", why);
		return;
	}
	if (!c && new_call(a, m, module, &c) != 0) {
		call_refuse_plain(a, ref, ASD_PLAIN_MAX_CALLS, "too many calls");
		return;
	}
	take_offer(a, c, m, &o, ref);
}

/* ---- step 3: the DCSF is asked for the data channel's resources ---- */

/* Next: dcsf.c sends CreateMediaContext (step 4), then call_on_reserved(). */
static void reserve(
	struct asd *a, struct call *c, struct exchange *x, const struct planner_choice *choice)
{
	const struct asd_conf *k = &a->conf;
	json_t *streams = mrm_streams(choice->accepted, choice->naccepted), *facts[2];
	struct dcsf_order order = {.prefer = c->dcmf,
		.source = c->source,
		.deadline = x->since + (uint64_t)k->decision_ms * AR_MS,
		.context = {.owner = k->name,
			.callid = c->callid,
			.call = c->token,
			.scene = c->scene[0] ? c->scene : k->scene,
			.application = c->application[0] ? c->application : k->application,
			.lease_s = (unsigned)k->lease_s,
			.max_kbps = c->max_kbps,
			.max_pose_hz = c->max_pose_hz,
			.max_nodes = c->max_nodes,
			.trace = c->trace}};
	int err;

	for (int i = 0; i < 2; i++) {
		const char *net = i == AR_SIDE_A ? k->network_a : k->network_b;

		order.context.leg[i] =
			(struct mrm_leg){.network = c->network[i][0] ? c->network[i] : net,
				.user = i == AR_SIDE_A ? c->caller : c->callee,
				.streams = streams};
	}
	for (int i = 0; i < 2; i++)
		order.context.leg[i].facts = facts[i] = call_av_open(c, x, (enum ar_side)i);
	call_share_order(a, c, &order);
	c->ctx.state = CTX_RESERVING;
	err = dcsf_reserve(a, c, &order);
	json_decref(streams);
	json_decref(facts[0]);
	json_decref(facts[1]);
	if (!err)
		return;
	c->ctx.state = CTX_NONE;
	asd_count(a, ASD_PLAIN_NO_DCMF);
	call_answer_plain(a, c, x, err == -EHOSTUNREACH ? "no DCMF available" : "no resources");
}

/* A context that is there already: a change inside the dialog, or the call begun anew. Changed
 * facts go to mediad first, whose answer may change ours (ICE restart). Next: call_on_updated(). */
static void change(struct asd *a, struct call *c, struct exchange *x, const struct offer *o)
{
	if (!x->without && c->ctx.state == CTX_NONE && o->choice.index >= 0) {
		reserve(a, c, x, &o->choice);
		return;
	}
	if (x->facts && c->ctx.state == CTX_UP && !x->without) {
		call_tell_open(a, c, x);
		x->telling = call_telling(c, x);
		if (x->telling)
			return;
	}
	call_make_plan(a, c, x);
}

/* ---- step 5: the DCMF has confirmed, the DCSF forwards it ---- */

static int take_context(struct asd *a, struct call *c, const struct dcsf_result *r)
{
	struct call_ctx *x = &c->ctx;

	if (calls_set_context(&a->calls, c, r->context_id) != 0 ||
		call_set(&x->dcmf_name, r->dcmf->at.name) != 0 ||
		call_set(&x->instance, r->dcmf->instance) != 0)
		return -ENOMEM;
	x->state = CTX_UP;
	x->dcmf = (int)r->dcmf->index;
	x->since = asd_now(a);
	call_set_json(&x->doc, r->doc);
	if (c->max_seconds)
		c->ar_ends = x->since + c->max_seconds * AR_SEC;
	return 0;
}

/* Step 5. Next: step 6, answer_plan(). */
void call_on_reserved(struct asd *a, uint32_t id, const struct dcsf_result *r)
{
	struct call *c = calls_get(&a->calls, id);
	struct exchange *x = c ? call_deciding(c) : NULL;
	CALL_LOG(c);

	if (!x) { /* ended or answered meanwhile */
		if (!r->err)
			dcsf_release(a, (int)r->dcmf->index, r->context_id);
		if (c && c->ctx.state == CTX_RESERVING)
			c->ctx.state = CTX_NONE;
		return;
	}
	if (r->err || take_context(a, c, r) != 0) {
		c->ctx.state = CTX_NONE;
		if (r->err == -EUSERS) {
			call_share_full(a, c, x, r->why);
			return;
		}
		asd_count(a, r->err == -ETIMEDOUT ? ASD_PLAIN_TIMEOUT : ASD_PLAIN_NO_DCMF);
		call_answer_plain(a, c, x, r->why[0] ? r->why : "no DCMF available");
		return;
	}
	call_av_reserve_done(c, x);
	call_make_plan(a, c, x);
}
