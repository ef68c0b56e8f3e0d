/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call_lookup.h"
#include "asd/asd.h"
#include "asd/call/call_flow.h"
#include "asd/call/call_log.h"
#include "asd/call/call_plan.h"
#include "asd/call/call_verdict.h"
#include "asd/call/offer.h"
#include "asd/lookup/lookup.h"
#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdlib.h>

static struct ar_span opt(const char *s)
{
	return s && *s ? ar_span_str(s) : AR_SPAN_NONE;
}

static void make_query(struct lookup_query *q, const struct call *c, const struct front_offer *m)
{
	*q = (struct lookup_query){
		.callid = opt(c->callid), .source = opt(m->source), .role = opt(c->role)};
	policy_party_set(&q->caller, opt(c->caller));
	policy_party_set(&q->callee, opt(c->callee));
	policy_party_set(&q->asserted, opt(m->asserted));
}

static void take(struct call *c, struct lookup_facts *facts)
{
	free(c->facts);
	c->facts = facts;
}

int call_look_up(struct asd *a, struct call *c, struct exchange *x, const struct front_offer *m)
{
	struct lookup_facts *facts = NULL;
	struct lookup_query q;
	uint32_t batch = 0;
	int err;

	c->turns_ssrc = m->turns_ssrc; /* every offer that is decided comes by here */
	if (!a->lookup)
		return 0;
	make_query(&q, c, m);
	err = lookup_begin(a->lookup, &q, c->id, &facts, &batch);
	if (err == -EINPROGRESS) {
		x->asked = front_offer_copy(m);
		if (x->asked) {
			x->lookup = batch;
			return err;
		}
		err = -ENOMEM; /* what comes finds nobody */
	}
	if (err) {
		asd_count(a, ASD_LOOKUPS_REFUSED);
		facts = lookup_facts_failed(a->lookup, err == -ENOMEM ? "no memory" : "busy");
	}
	take(c, facts);
	return 0;
}

void call_on_facts(void *arg, uint32_t call, uint32_t batch, struct lookup_facts *facts)
{
	struct asd *a = arg;
	struct call *c = calls_get(&a->calls, call);
	struct exchange *x = c ? call_deciding(c) : NULL;
	struct planner_rules rules = call_plan_rules(a);
	struct front_offer *m;
	struct offer o;
	char why[120];
	CALL_LOG(c);

	if (!x || x->lookup != batch) { /* ended, or begun anew, meanwhile */
		asd_count(a, ASD_LOOKUPS_UNWANTED);
		free(facts);
		return;
	}
	take(c, facts);
	x->lookup = 0;
	m = x->asked; /* x may end with the decision */
	x->asked = NULL;
	if (offer_read(&o, m->sdp, &rules, m->side, c->map, why) == 0)
		call_decide(a, c, x, m, &o);
	else
		call_answer_error(a, c, x, "malformed", why);
	free(m);
}
