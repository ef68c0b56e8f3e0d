/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps 2 to 7 and BYE of the call flow, top to bottom. Each function ends by naming the event that
 * starts the next.
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
#include <stdlib.h>

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

/* ---- step 7: UE2 answers ---- */

static struct leg *take_leg(struct asd *a, struct call *c, const struct ar_plan *plan,
	enum ar_side side, const struct front_event *m)
{
	struct leg *l = call_leg(c, m->to_tag, true);
	json_t *facts;

	if (!l) {
		asd_count(a, ASD_LEGS_FULL);
		return NULL;
	}
	if (!m->sdp[0])
		return l; /* what the 18x said stands */
	facts = call_answer_facts(c, plan, side, m);
	l->outcome = call_outcome(m, facts);
	json_decref(l->facts);
	l->facts = facts;
	return l;
}

/* A fork that only rings: the first one's facts go ahead, so that DTLS need not wait for the 2xx.
 */
static void on_early(struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	struct leg *l;

	if (!x || x->state != EXCHANGE_OPEN || c->state == CALL_UP) {
		asd_count(a, ASD_EVENTS_IGNORED);
		return;
	}
	l = take_leg(a, c, x->plan, ar_other_side(x->side), m);
	if (l && l == &c->legs[0]) {
		json_t *facts = call_av_keep(c, ar_other_side(x->side), json_incref(l->facts));

		call_tell_facts(a, c, ar_other_side(x->side), facts);
		json_decref(facts);
	}
}

/* The plan is the dialog's m-line map from now on. */
static void settle(
	struct asd *a, struct call *c, struct exchange *x, json_t *facts, enum ar_outcome outcome)
{
	enum ar_side answerer = ar_other_side(x->side);
	json_t *both[2];

	c->outcome = outcome;
	if (x->no < c->map_no) { /* an UPDATE of the early dialog was answered before */
		call_exchange_drop(c, x);
		return;
	}
	free(c->map);
	c->map = x->plan;
	c->map_no = x->no;
	c->map->settled = (uint8_t)(1 + outcome);
	x->plan = NULL;
	if (x->setup != AR_SETUP_NONE)
		c->setup[x->side] = x->setup;
	both[x->side] = json_incref(x->facts);
	both[answerer] = json_incref(facts);
	call_av_settle(c, c->map, both);
	if ((offer_our_section(c->map, x->side) < 0 || !(x->keep & 1u << outcome)) &&
		!call_av_any(both[0]) && !call_av_any(both[1])) {
		if (c->ctx.state == CTX_UP)
			ar_log(AR_LOG_INFO, "call", "%s: the AR part ends",
				ar_outcome_name(outcome));
		call_drop_context(a, c, CTX_NONE);
	}
	for (int i = 0; i < 2; i++) {
		call_set_json(&c->settled[i], both[i]);
		call_tell_facts(a, c, (enum ar_side)i, both[i]);
		json_decref(both[i]);
	}
	call_exchange_drop(c, x);
}

/* o= that both sides have seen from before the AR call goes on in later exchanges (RFC 3264 8). */
static void keep_origins(struct call *c, const struct front_event *m)
{
	const char *const text[2] = {m->origin_a, m->origin_b};
	struct ar_plan plan, *copy;
	struct ar_sdp_origin o[2];

	c->spiral = m->spiral;
	if (!c->inside || !c->map)
		return;
	plan = *c->map;
	for (int i = 0; i < 2; i++) {
		if (!ar_sdp_origin_value(ar_span_str(text[i]), &o[i]))
			return;
		plan.session_id[i] = o[i].session_id;
		plan.origin_addr[i] = o[i].address;
	}
	copy = ar_plan_clone(&plan, malloc);
	if (!copy)
		return;
	free(c->map);
	c->map = copy;
	for (int i = 0; i < 2; i++)
		c->version[i] = o[i].version;
}

/* Another fork's 2xx: the caller will end one of them (RFC 3261 13.2.2.4). */
static void on_second_answer(struct asd *a, struct call *c, const struct front_event *m)
{
	struct leg *l = take_leg(a, c, c->map, AR_SIDE_B, m);

	asd_count(a, ASD_EVENTS_IGNORED);
	if (l)
		l->answered = true;
	ar_log(AR_LOG_INFO, "call", "a second fork answered; the first one is the call");
}

static void on_first_answer(
	struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	struct leg *l = take_leg(a, c, x->plan, ar_other_side(x->side), m);
	enum ar_outcome outcome;
	json_t *facts;

	if (call_set(&c->to_tag, m->to_tag) != 0)
		return;
	/* more forks than legs have rung: it counts all the same */
	facts = l ? json_incref(l->facts)
		  : call_answer_facts(c, x->plan, ar_other_side(x->side), m);
	outcome = l && (m->sdp[0] || l->facts) ? l->outcome : call_outcome(m, facts);
	if (l)
		l->answered = true;
	c->state = CALL_UP;
	c->answered = call_since(asd_now(a));
	asd_count(a, ASD_CALLS_ANSWERED);
	ar_log(AR_LOG_INFO, "call", "answered: %s", ar_outcome_name(outcome));
	settle(a, c, x, facts, outcome);
	keep_origins(c, m);
	json_decref(facts);
}

/* Step 7. Next: the UEs open their data channels to the DCMF (step 8, mediad); BYE ends it. */
static void on_answered(
	struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	bool same = !c->to_tag || strcmp(c->to_tag, m->to_tag) == 0 ||
		    strcmp(c->to_tag, m->from_tag) == 0;
	json_t *facts;

	if (c->state == CALL_UP && !same) {
		on_second_answer(a, c, m);
	} else if ((x && x->state != EXCHANGE_OPEN) || (!x && c->state != CALL_UP)) {
		asd_count(a, ASD_EVENTS_IGNORED);
	} else if (c->state == CALL_SETUP && x && x->initial) {
		on_first_answer(a, c, x, m);
	} else if (x) {
		facts = call_answer_facts(c, x->plan, ar_other_side(x->side), m);
		settle(a, c, x, facts, call_outcome(m, facts));
		json_decref(facts);
	} else { /* the module planned it itself */
		facts = call_answer_facts(c, c->map, m->side, m);
		facts = call_av_keep(c, m->side, facts);
		call_tell_facts(a, c, m->side, facts);
		json_decref(facts);
	}
}

/* The module planned an offer from the map while asd was away. */
static void on_local_offer(
	struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	struct planner_rules rules = call_plan_rules(a);
	struct offer o;
	char why[120];
	json_t *facts;

	(void)x;
	c->version[0]++;
	c->version[1]++;
	if (!c->map || offer_read(&o, m->sdp, &rules, m->side, c->map, why) != 0 ||
		o.choice.index != offer_our_section(c->map, m->side))
		return;
	facts = offer_facts(&o, offer_our_setup(o.choice.dc.setup, c->setup[m->side]),
		call_view_capability(m->contact));
	facts = call_av_keep(c, m->side, call_av_said(c, c->map, m->side, &o.sdp, facts));
	call_tell_facts(a, c, m->side, facts);
	json_decref(facts);
}

/* ---- the call does not come about, or an exchange fails ---- */

/* A 407 is followed by the same call with a higher CSeq: only what is left without any open
 * exchange ends. */
static void on_failed(
	struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	char reason[32];

	snprintf(reason, sizeof(reason), m->status ? "%s %u" : "%s", m->ev, m->status);
	if (x && c->state == CALL_UP && x->facts)
		call_tell_settled(a, c, x);
	if (x && x->state == EXCHANGE_DECIDING)
		call_answer_error(a, c, x, "gone", reason);
	else if (x)
		call_drop_exchange(a, c, x, reason);
	else if (c->state == CALL_SETUP && c->nex == 0)
		call_end(a, c, reason);
	else
		asd_count(a, ASD_EVENTS_IGNORED);
}

/* CANCEL is a hint: the 200 may have won, and then `answered` follows. */
static void on_cancelled(
	struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	(void)a;
	(void)c;
	(void)x;
	(void)m;
}

static void on_gone(struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	if (m->has_cseq)
		on_failed(a, c, x, m);
	else
		call_end(a, c, "gone");
}

/* ---- BYE ---- */

static bool tag_pair(const struct front_event *m, const char *a, const char *b)
{
	return (strcmp(m->from_tag, a) == 0 && strcmp(m->to_tag, b) == 0) ||
	       (strcmp(m->from_tag, b) == 0 && strcmp(m->to_tag, a) == 0);
}

/* The call's own leg is gone, another fork's 2xx stands: that one is the call now. */
static bool move_to_other_leg(struct asd *a, struct call *c)
{
	for (unsigned i = 0; i < c->nlegs; i++) {
		struct leg *l = &c->legs[i];

		if (!l->answered || l->ended || call_set(&c->to_tag, l->tag) != 0)
			continue;
		ar_log(AR_LOG_INFO, "call", "the call goes on with another fork");
		call_set_json(&c->settled[AR_SIDE_B], l->facts);
		call_tell_facts(a, c, AR_SIDE_B, l->facts);
		return true;
	}
	return false;
}

static void on_bye(struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	(void)x;
	for (unsigned i = 0; i < c->nlegs; i++) {
		struct leg *l = &c->legs[i];

		if (!tag_pair(m, c->from_tag, l->tag))
			continue;
		l->ended = true;
		if ((c->to_tag && strcmp(c->to_tag, l->tag) != 0) || move_to_other_leg(a, c))
			return; /* a fork that was not the call */
		call_end(a, c, "bye");
		return;
	}
	/* without a to-tag its 2xx has not been told yet */
	if (c->to_tag ? tag_pair(m, c->from_tag, c->to_tag)
		      : strcmp(m->from_tag, c->from_tag) == 0 ||
				strcmp(m->to_tag, c->from_tag) == 0) {
		call_end(a, c, "bye");
		return;
	}
	asd_count(a, ASD_EVENTS_IGNORED); /* no tags of this dialog: a UE answers it 481 */
}

/* ---- events: the table ---- */

static const struct {
	const char *ev;
	void (*on)(struct asd *a, struct call *c, struct exchange *x, const struct front_event *m);
} events[] = {
	{"early", on_early},
	{"answered", on_answered},
	{"offer", on_local_offer},
	{"failed", on_failed},
	{"cancelled", on_cancelled},
	{"gone", on_gone},
	{"bye", on_bye},
};

static uint64_t meaning_of(const struct asd *a, const struct front_event *m)
{
	char text[900];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%u\n%u\n%s", m->ev, m->from_tag,
		m->to_tag, m->cseq, m->status, m->hash);

	return calls_hash(&a->calls, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* At least once and in order per module; what comes twice or too late changes nothing. */
void call_on_event(struct asd *a, const struct front_event *m)
{
	struct call *c = calls_find(&a->calls, m->call);
	uint32_t id = c ? c->id : 0;
	CALL_LOG(c);

	if (!c) {
		asd_count(a, ASD_EVENTS_UNKNOWN_CALL);
		return;
	}
	if (call_seen(c, meaning_of(a, m))) {
		asd_count(a, ASD_EVENTS_REPEATED);
		return;
	}
	c->heard = asd_now(a);
	for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(events[i].ev, m->ev) != 0)
			continue;
		ar_log(AR_LOG_DEBUG, "call", "%s, cseq %u, status %u", m->ev, m->cseq, m->status);
		events[i].on(a, c, m->has_cseq ? call_exchange(c, m->from_tag, m->cseq) : NULL, m);
		c = calls_get(&a->calls, id);
		if (c)
			call_changed(a, c);
		return;
	}
	asd_count(a, ASD_EVENTS_UNKNOWN);
}
