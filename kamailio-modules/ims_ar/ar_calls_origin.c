/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * o= of a call that began as an ordinary one (RFC 3264 8: user name, session id and address stay,
 * the version goes up by one). In its first exchange o= passes as it is; what each side got is
 * kept, and the plan then owns it as it does in any other call.
 */
#include "ar_calls_int.h"

#include <errno.h>
#include <stdio.h>

static struct ar_origin *origin_new(const struct ar_sdp_origin *o)
{
	struct ar_origin *n = shm_malloc(sizeof(*n) + o->session_id.n + o->address.n);

	if (!n)
		return NULL;
	*n = (struct ar_origin){
		.version = o->version, .nid = o->session_id.n, .naddr = o->address.n};
	memcpy(n->text, o->session_id.p, n->nid);
	memcpy(n->text + n->nid, o->address.p, n->naddr);
	return n;
}

/* Copies of the answer that come later are made with the new plan: the same bytes. */
static void own_it(struct ar_call *c, struct ar_xchg *x)
{
	struct ar_plan plan = *x->box->plan;
	struct ar_plan_box *box;

	for (int s = 0; s < 2; s++) {
		const struct ar_origin *o = c->origin[s];

		plan.session_id[s] = (struct ar_span){o->text, o->nid};
		plan.origin_addr[s] = (struct ar_span){o->text + o->nid, o->naddr};
	}
	box = ar_box_new(&plan);
	if (!box) /* o= goes on passing as it is */
		return;
	for (int s = 0; s < 2; s++)
		c->version[s] = x->version[s] = c->origin[s]->version;
	if (c->map == x->box) {
		c->map = box;
		__atomic_fetch_add(&box->refs, 1, __ATOMIC_ACQ_REL);
		ar_box_put(x->box);
	}
	ar_box_put(x->box);
	x->box = box;
}

void ar_calls_origin(const struct ar_msg_key *k, enum ar_side to, const struct ar_sdp_origin *o)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);

	if (x && x->box && !x->box->plan->session_id[to].n && !c->origin[to] &&
		o->session_id.n + o->address.n + 24 <= AR_ORIGIN_MAX)
		c->origin[to] = origin_new(o);
	if (x && x->box && !x->box->plan->session_id[to].n && c->origin[0] && c->origin[1])
		own_it(c, x);
	ar_bucket_unlock(bu);
}

void ar_calls_origin_text(const struct ar_msg_key *k, char text[2][AR_ORIGIN_MAX])
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);

	text[0][0] = text[1][0] = 0;
	for (int s = 0; x && c->origin[0] && c->origin[1] && s < 2; s++) {
		const struct ar_origin *o = c->origin[s];

		snprintf(text[s], AR_ORIGIN_MAX, "%.*s %llu %.*s", (int)o->nid, o->text,
			(unsigned long long)o->version, (int)o->naddr, o->text + o->nid);
	}
	ar_bucket_unlock(bu);
}
