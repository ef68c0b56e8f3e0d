/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Step 7 and BYE of the call flow, and whatever else a module reports of a call that was offered:
 * the table of events is at the end.
 */
#include "asd/call/call_flow.h"
#include "asd/asd.h"
#include "asd/call/call_av.h"
#include "asd/call/call_facts.h"
#include "asd/call/call_log.h"
#include "asd/call/call_plan.h"
#include "asd/call/call_verdict.h"
#include "asd/call/call_view.h"
#include "common/daemon/ar_log.h"

#include <stdio.h>
#include <stdlib.h>

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

/* ---- the media relays ---- */

/* Kept for the module, which forgets it when it is restarted. */
static void on_relay(struct asd *a, struct call *c, struct exchange *x, const struct front_event *m)
{
	(void)a;
	(void)x;
	if (call_set(&c->relay[strcmp(m->pass, "through") == 0], m->relay) != 0)
		ar_log(AR_LOG_ERR, "call", "no memory for the relay's m-lines");
}

/* ---- events: the table ---- */

static const struct {
	const char *ev;
	void (*on)(struct asd *a, struct call *c, struct exchange *x, const struct front_event *m);
	bool state; /* says how it is: again is no repetition */
} events[] = {
	{"early", on_early, false},
	{"answered", on_answered, false},
	{"offer", on_local_offer, false},
	{"failed", on_failed, false},
	{"cancelled", on_cancelled, false},
	{"gone", on_gone, false},
	{"bye", on_bye, false},
	{"relay", on_relay, true},
};
#define EVENTS (sizeof(events) / sizeof(events[0]))

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
	size_t i = 0;
	CALL_LOG(c);

	if (!c) {
		asd_count(a, ASD_EVENTS_UNKNOWN_CALL);
		return;
	}
	while (i < EVENTS && strcmp(events[i].ev, m->ev) != 0)
		i++;
	if (i == EVENTS) {
		asd_count(a, ASD_EVENTS_UNKNOWN);
		return;
	}
	if (!events[i].state && call_seen(c, meaning_of(a, m))) {
		asd_count(a, ASD_EVENTS_REPEATED);
		return;
	}
	c->heard = asd_now(a);
	ar_log(AR_LOG_DEBUG, "call", "%s, cseq %u, status %u", m->ev, m->cseq, m->status);
	events[i].on(a, c, m->has_cseq ? call_exchange(c, m->from_tag, m->cseq) : NULL, m);
	c = calls_get(&a->calls, id);
	if (c)
		call_changed(a, c);
}
