/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of calls and exchanges: answers, ends, expiry. */
#include "ar_calls_int.h"

#include "../../core/dprint.h"

#include <errno.h>

#define FAILED_LINGER 5000 /* ms that a failed exchange is kept, for a late 1xx of it */

void ar_calls_offered(const struct ar_msg_key *k, bool offered, uint32_t facts)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);

	if (x) {
		x->offered = offered;
		c->facts[x->offerer] = facts;
	}
	ar_bucket_unlock(bu);
}

/* Once per to-tag and SDP while early, once per to-tag with the 2xx. A to-tag beyond the maximum
 * is reported every time: asd dedupes by meaning. */
static bool claim_report(struct ar_xchg *x, struct ar_span to_tag, const struct ar_answer *a)
{
	uint32_t tag = ar_hash32(to_tag.p, to_tag.n);
	struct ar_seen *s = NULL;

	for (unsigned i = 0; i < x->nseen && !s; i++)
		if (x->seen[i].tag == tag)
			s = &x->seen[i];
	if (!s) {
		if (x->nseen == AR_XCHG_SEEN_MAX)
			return true;
		s = &x->seen[x->nseen++];
		*s = (struct ar_seen){.tag = tag};
	}
	if (a->status >= 200) {
		bool first = !s->answered;

		s->answered = true;
		return first;
	}
	if (!a->has_sdp || s->answered || s->early == a->hash)
		return false;
	s->early = a->hash;
	return true;
}

static void learn_leg(struct ar_call *c, const struct ar_xchg *x, const struct ar_msg_key *k,
	const struct ar_answer *a)
{
	struct ar_span tag = ar_span_eq(ar_call_tag(c), k->from_tag) ? k->to_tag : k->from_tag;
	struct ar_leg *l = ar_leg_get(c, tag);

	if (!l)
		return;
	if (a->has_sdp)
		memcpy(l->active, a->active, sizeof(l->active));
	if (a->status >= 200 && x->initial)
		l->answered = true;
}

static void take_map(struct ar_call *c, struct ar_xchg *x)
{
	struct ar_plan_box *old = c->map;

	if (!x->box || old == x->box)
		return;
	__atomic_fetch_add(&x->box->refs, 1, __ATOMIC_ACQ_REL);
	c->map = x->box;
	ar_box_put(old);
}

/* Copies of the 2xx come for as long as its ACK does not. */
static void prolong(struct ar_call *c, const struct ar_xchg *x, const struct ar_answer *a)
{
	c->acked |= !x->initial;
	if (!c->acked && a->ack_expires)
		c->expires = a->ack_expires;
	else if (c->expires < a->call_expires)
		c->expires = a->call_expires;
}

static void confirm(struct ar_call *c, struct ar_xchg *x, const struct ar_answer *a)
{
	if (!x->answered) {
		x->answered = true;
		x->expires = a->plan_expires;
	}
	take_map(c, x);
	if (c->state == AR_CALL_EARLY)
		ar_call_set_state(c, AR_CALL_UP);
	if (c->state == AR_CALL_UP)
		prolong(c, x, a);
}

bool ar_calls_any(void)
{
	return ar_calls_ready() && (__atomic_load_n(&ar_table->calls, __ATOMIC_RELAXED) ||
					   __atomic_load_n(&ar_table->plain, __ATOMIC_RELAXED));
}

bool ar_calls_answered(const struct ar_msg_key *k, const struct ar_answer *a)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);
	bool report = false;

	if (x && x->box) {
		learn_leg(c, x, k, a);
		if (a->has_sdp) {
			c->facts[ar_other_side(x->offerer)] = a->facts;
			/* which of the plan's answers the dialog goes on with: one byte that only
			   ar_plan_from_map() reads */
			x->box->plan->settled = (uint8_t)(1 + a->outcome);
		}
		if (a->status >= 200)
			confirm(c, x, a);
		else if (a->has_sdp && !c->map)
			take_map(c, x); /* a reliable 183 answers (RFC 3262 5); the 2xx's plan is
					   the same */
		report = claim_report(x, k->to_tag, a);
	} else if (x && a->status >= 200) {
		x->answered = true;
		if (c->state == AR_CALL_PLAIN)
			prolong(c, x, a);
	}
	ar_bucket_unlock(bu);
	return report;
}

static void ended_fill(struct ar_ended *e, const struct ar_call *c, const struct ar_xchg *x)
{
	memcpy(e->id, c->id, sizeof(e->id));
	e->asd = c->asd;
	e->initial = x ? x->initial : false;
	e->planned = x ? x->box != NULL || !x->decided : c->state != AR_CALL_PLAIN;
}

bool ar_calls_failed(const struct ar_msg_key *k, int64_t expires, struct ar_ended *e)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);
	bool open = x && !x->failed && !x->answered;
	int64_t soon = ar_now_ms() + FAILED_LINGER;

	if (open) {
		ended_fill(e, c, x);
		x->failed = true;
		x->expires = expires < soon ? expires : soon;
		if (x->initial && c->state != AR_CALL_UP && c->state != AR_CALL_DEAD) {
			ar_call_set_state(c, AR_CALL_DEAD);
			c->expires = x->expires;
		}
	}
	ar_bucket_unlock(bu);
	return open;
}

bool ar_calls_open_exchange(const struct ar_msg_key *k, struct ar_ended *e)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);
	bool open = x && !x->failed && !x->answered;

	if (open)
		ended_fill(e, c, x);
	ar_bucket_unlock(bu);
	return open;
}

static struct ar_leg *leg_of(struct ar_call *c, const struct ar_msg_key *k)
{
	return ar_leg_find(c, ar_span_eq(ar_call_tag(c), k->from_tag) ? k->to_tag : k->from_tag);
}

/* An ACK or BYE with a tag that no answer had is of no dialog: the UE will say 481. Beyond the legs
 * kept, and in a call that asd gave back after a restart, all count. */
static bool has_leg(struct ar_call *c, const struct ar_msg_key *k)
{
	return c->nleg == 0 || c->nleg == AR_CALL_LEGS_MAX || leg_of(c, k);
}

void ar_calls_acked(const struct ar_msg_key *k, int64_t call_expires)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));

	for (struct ar_call *c = bu->first; c; c = c->next) {
		struct ar_leg *l;

		if (!ar_call_matches(c, k) || c->state == AR_CALL_DEAD || !has_leg(c, k))
			continue;
		l = leg_of(c, k);
		if (l)
			l->acked = true;
		if (c->acked)
			continue;
		c->acked = true;
		if ((c->state == AR_CALL_UP || c->state == AR_CALL_PLAIN) &&
			c->expires < call_expires)
			c->expires = call_expires;
	}
	ar_bucket_unlock(bu);
}

/* The caller ends all but one of several forks that answered (RFC 3261 13.2.2.4). */
static bool another_is_up(struct ar_call *c, const struct ar_msg_key *k)
{
	struct ar_leg *own = leg_of(c, k);
	bool found = false;

	if (!own)
		return false;
	own->ended = true;
	for (const struct ar_leg *l = c->leg; l && !found; l = l->next)
		found = l->answered && !l->ended;
	return found;
}

/* The fork that was acknowledged has ended; of the others it is not known whether anybody wants
 * one. */
static void wait_for_ack(struct ar_call *c, int64_t expires)
{
	for (const struct ar_leg *l = c->leg; l; l = l->next)
		if (l->answered && !l->ended && l->acked)
			return;
	c->acked = false;
	c->expires = expires;
}

/* What else is known of this dialog, as an ordinary call. */
static void end_ordinary(struct ar_bucket *bu, const struct ar_msg_key *k, int64_t expires)
{
	for (struct ar_call *c = bu->first; c; c = c->next)
		if (c->state == AR_CALL_PLAIN && ar_call_matches(c, k) && has_leg(c, k)) {
			ar_call_set_state(c, AR_CALL_DEAD);
			c->bye = true;
			c->expires = expires;
		}
}

bool ar_calls_bye(const struct ar_msg_key *k, int64_t expires, struct ar_ended *e)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c = ar_dialog_find(bu, k);
	bool live = c && c->state != AR_CALL_DEAD && has_leg(c, k);

	if (live) {
		ended_fill(e, c, NULL);
		if (!another_is_up(c, k)) {
			ar_call_set_state(c, AR_CALL_DEAD);
			c->bye = true;
			c->expires = expires;
		} else {
			wait_for_ack(c, expires);
		}
	}
	end_ordinary(bu, k, expires);
	ar_bucket_unlock(bu);
	return live;
}

static void xchg_remove(struct ar_call *c, struct ar_xchg *x)
{
	struct ar_xchg **pp = &c->xchg;

	while (*pp != x)
		pp = &(*pp)->next;
	*pp = x->next;
	ar_xchg_free(x);
}

void ar_calls_drop(const struct ar_msg_key *k)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);

	if (x && x->initial)
		ar_call_unlink(bu, c);
	else if (x)
		xchg_remove(c, x);
	ar_bucket_unlock(bu);
}

bool ar_calls_release(struct ar_span callid, const char *id)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(callid));
	bool found = false;

	for (struct ar_call *c = bu->first; c && !found; c = c->next)
		if (strcmp(c->id, id) == 0)
			found = c->released = true;
	ar_bucket_unlock(bu);
	return found;
}

static void info_fill(struct ar_call_info *i, const struct ar_call *c)
{
	memset(i, 0, sizeof(*i));
	memcpy(i->id, c->id, sizeof(i->id));
	i->callid = ar_call_callid(c);
	i->tag_a = ar_call_tag(c);
	if (c->leg)
		i->tag_b = (struct ar_span){c->leg->tag, c->leg->n};
	i->state = c->state;
	i->asd = c->asd;
	i->released = c->released;
	i->started = c->started;
	i->expires = c->expires;
	for (const struct ar_xchg *x = c->xchg; x; x = x->next)
		i->exchanges++;
}

void ar_calls_each(bool (*fn)(const struct ar_call_info *info, void *arg), void *arg)
{
	struct ar_call_info info;
	bool on = true;

	for (uint32_t i = 0; i <= ar_table->mask && on; i++) {
		struct ar_bucket *bu = ar_bucket_lock(i);

		for (struct ar_call *c = bu->first; c && on; c = c->next) {
			info_fill(&info, c);
			on = fn(&info, arg);
		}
		ar_bucket_unlock(bu);
	}
}

static void sweep_exchanges(struct ar_call *c, int64_t now)
{
	struct ar_xchg **pp = &c->xchg, *x;

	while ((x = *pp)) {
		if (x->expires && x->expires < now) {
			*pp = x->next;
			ar_xchg_free(x);
		} else {
			pp = &x->next;
		}
	}
}

static void sweep_bucket(struct ar_bucket *bu, int64_t now,
	void (*fn)(const struct ar_call_info *info, void *arg), void *arg)
{
	struct ar_call_info info;
	struct ar_call *c, *next;

	for (c = bu->first; c; c = next) {
		next = c->next;
		sweep_exchanges(c, now);
		if (c->expires >= now)
			continue;
		if (c->state != AR_CALL_DEAD && c->state != AR_CALL_PLAIN) {
			info_fill(&info, c);
			fn(&info, arg);
		}
		ar_call_unlink(bu, c);
	}
}

unsigned ar_calls_sweep(unsigned from, unsigned n, int64_t now,
	void (*fn)(const struct ar_call_info *info, void *arg), void *arg)
{
	if (n > ar_table->mask + 1)
		n = ar_table->mask + 1;
	for (unsigned i = 0; i < n; i++) {
		struct ar_bucket *bu = ar_bucket_lock((from + i) & ar_table->mask);

		if (bu->first)
			sweep_bucket(bu, now, fn, arg);
		ar_bucket_unlock(bu);
	}
	return (from + n) & ar_table->mask;
}

void ar_calls_count(struct ar_calls_count *n)
{
	n->calls = __atomic_load_n(&ar_table->calls, __ATOMIC_RELAXED);
	n->plain = __atomic_load_n(&ar_table->plain, __ATOMIC_RELAXED);
	n->dead = __atomic_load_n(&ar_table->dead, __ATOMIC_RELAXED);
	n->exchanges = __atomic_load_n(&ar_table->exchanges, __ATOMIC_RELAXED);
	n->plans = __atomic_load_n(&ar_table->plans, __ATOMIC_RELAXED);
}
