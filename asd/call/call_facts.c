/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_facts.h"
#include "asd/asd.h"
#include "asd/call/call_av.h"
#include "asd/call/call_flow.h"
#include "asd/call/call_log.h"
#include "asd/call/offer.h"
#include "asd/dcsf/dcsf.h"

#include <errno.h>

/* ---- what a UE's answer says ---- */

static const struct {
	const char *name;
	enum ar_outcome outcome;
} outcomes[] = {{"ar-capable", AR_OUTCOME_AR_CAPABLE}, {"ar-assisted", AR_OUTCOME_AR_ASSISTED},
	{"dc-only", AR_OUTCOME_DC_ONLY}, {"dc-refused", AR_OUTCOME_DC_REFUSED},
	{"none-offered", AR_OUTCOME_NONE_OFFERED}};

enum ar_outcome call_outcome(const struct front_event *m, const json_t *facts)
{
	for (unsigned i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
		if (strcmp(m->outcome, outcomes[i].name) == 0)
			return outcomes[i].outcome;
	}
	return json_object_get(facts, "remoteDcEndpoint") ? AR_OUTCOME_DC_ONLY
							  : AR_OUTCOME_DC_REFUSED;
}

json_t *call_answer_facts(
	struct call *c, const struct ar_plan *plan, enum ar_side side, const struct front_event *m)
{
	enum ar_setup ours;
	struct offer o;
	json_t *facts;
	char why[120];

	if (!plan || !m->sdp[0])
		return NULL;
	if (offer_read_answer(&o, m->sdp, plan, side, why) != 0) {
		ar_log_limited(AR_LOG_WARN, "call", "malformed answer: %s", why);
		return NULL;
	}
	ours = offer_our_setup(o.choice.dc.setup, AR_SETUP_NONE);
	if (o.choice.index >= 0)
		c->setup[side] = ours;
	facts = offer_facts(&o, ours, m->outcome[0] ? m->outcome : "dc-only");
	if (facts)
		(void)mrm_narrow_streams(facts, c->ctx.doc, side, &o.choice.dc);
	return call_av_said(c, plan, side, &o.sdp, facts);
}

/* ---- to mediad ---- */

void call_send_facts(struct asd *a, struct call *c, enum ar_side side)
{
	struct call_ctx *x = &c->ctx;

	if (x->state != CTX_UP || x->updating[side] || !x->wanted[side])
		return;
	if (json_equal(x->wanted[side], x->told[side])) {
		call_set_json(&x->wanted[side], NULL);
		return;
	}
	x->updating[side] = dcsf_update(a, c, side, x->wanted[side]) == 0;
	ar_log(AR_LOG_DEBUG, "call", "new facts of UE %c %s", side == AR_SIDE_A ? 'a' : 'b',
		x->updating[side] ? "to mediad" : "wait for mediad");
}

void call_tell_facts(struct asd *a, struct call *c, enum ar_side side, json_t *facts)
{
	if (!facts || c->ctx.state != CTX_UP)
		return;
	call_set_json(&c->ctx.wanted[side], facts);
	call_send_facts(a, c, side);
}

void call_tell_open(struct asd *a, struct call *c, const struct exchange *x)
{
	for (int i = 0; i < 2; i++) {
		json_t *facts =
			i == (int)x->side || x->there ? call_av_open(c, x, (enum ar_side)i) : NULL;

		call_tell_facts(a, c, (enum ar_side)i, facts);
		json_decref(facts);
	}
}

/* RFC 3264 8: as if it had not been made. */
void call_tell_settled(struct asd *a, struct call *c, const struct exchange *x)
{
	for (int i = 0; i < 2; i++) {
		json_t *facts = call_av_revert(c, (enum ar_side)i);

		if (i == (int)x->side || call_av_any(c->ctx.told[i]))
			call_tell_facts(a, c, (enum ar_side)i, facts);
		json_decref(facts);
	}
}

bool call_telling(const struct call *c, const struct exchange *x)
{
	return c->ctx.updating[x->side] || (x->there && c->ctx.updating[ar_other_side(x->side)]);
}

void call_on_updated(
	struct asd *a, uint32_t id, enum ar_side side, int err, json_t *facts, json_t *doc)
{
	struct call *c = calls_get(&a->calls, id);
	struct exchange *x = c ? call_deciding(c) : NULL;
	json_t *less;

	if (!c || c->ctx.state != CTX_UP)
		return;
	CALL_LOG(c);
	c->ctx.updating[side] = false;
	if (err == -EREMOTEIO && (less = call_av_without(c, side, facts)) != NULL) {
		/* the ARMF has no room: those media stay with the media relay */
		if (!c->ctx.wanted[side] || json_equal(c->ctx.wanted[side], facts))
			call_set_json(&c->ctx.wanted[side], less);
		json_decref(less);
	} else if (!err || err == -EREMOTEIO) { /* refused once would be refused again */
		call_set_json(&c->ctx.told[side], facts);
	}
	if (doc && mrm_context_id(doc))
		call_set_json(&c->ctx.doc, doc);
	if (err == -ENOENT)
		call_lose(a, c, "mediad does not have its context");
	else if (!err || err == -EREMOTEIO)
		call_send_facts(a, c, side); /* the next, if they changed meanwhile */
	call_changed(a, c);
	if (x && x->telling && !call_telling(c, x))
		call_make_plan(a, c, x);
}
