/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_calls_int.h"

#include "../../core/dprint.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

struct ar_table *ar_table;

uint32_t ar_hash32(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * 16777619u;
	return h;
}

int64_t ar_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *ar_call_state_name(enum ar_call_state s)
{
	static const char *const name[] = {"asked", "early", "up", "plain", "ended"};

	return name[s];
}

int ar_calls_init(unsigned log2_buckets, int max)
{
	uint32_t n = 1u << log2_buckets;

	ar_table = shm_malloc(sizeof(*ar_table) + n * sizeof(ar_table->bucket[0]));
	if (!ar_table)
		return -ENOMEM;
	memset(ar_table, 0, sizeof(*ar_table) + n * sizeof(ar_table->bucket[0]));
	ar_table->mask = n - 1;
	ar_table->max = max;
	if (getrandom(ar_table->key, sizeof(ar_table->key), 0) != (ssize_t)sizeof(ar_table->key)) {
		shm_free(ar_table);
		ar_table = NULL;
		return -EIO;
	}
	for (uint32_t i = 0; i < n; i++)
		lock_init(&ar_table->bucket[i].lock);
	return 0;
}

void ar_calls_destroy(void)
{
	if (!ar_table)
		return;
	for (uint32_t i = 0; i <= ar_table->mask; i++) {
		struct ar_bucket *bu = &ar_table->bucket[i];

		while (bu->first)
			ar_call_unlink(bu, bu->first);
		lock_destroy(&bu->lock);
	}
	shm_free(ar_table);
	ar_table = NULL;
}

bool ar_calls_ready(void)
{
	return ar_table != NULL;
}

uint32_t ar_bucket_of(struct ar_span callid)
{
	return (uint32_t)ar_hash(ar_table->key, callid.p, callid.n) & ar_table->mask;
}

struct ar_bucket *ar_bucket_lock(uint32_t b)
{
	struct ar_bucket *bu = &ar_table->bucket[b];

	lock_get(&bu->lock);
	return bu;
}

void ar_bucket_unlock(struct ar_bucket *bu)
{
	lock_release(&bu->lock);
}

/* ---- parts */

static int *count_of(enum ar_call_state s)
{
	if (s == AR_CALL_DEAD)
		return &ar_table->dead;
	return s == AR_CALL_PLAIN ? &ar_table->plain : &ar_table->calls;
}

void ar_call_set_state(struct ar_call *c, enum ar_call_state s)
{
	__atomic_fetch_sub(count_of(c->state), 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(count_of(s), 1, __ATOMIC_RELAXED);
	c->state = s;
}

static struct ar_plan_box *box_get(struct ar_plan_box *b)
{
	if (b)
		__atomic_fetch_add(&b->refs, 1, __ATOMIC_ACQ_REL);
	return b;
}

void ar_box_put(struct ar_plan_box *b)
{
	if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	shm_free(b->plan);
	shm_free(b);
	__atomic_fetch_sub(&ar_table->plans, 1, __ATOMIC_RELAXED);
}

static void *plan_alloc(size_t n)
{
	return shm_malloc(n);
}

struct ar_plan_box *ar_box_new(const struct ar_plan *plan)
{
	struct ar_plan_box *b = shm_malloc(sizeof(*b));

	if (!b)
		return NULL;
	b->refs = 1;
	b->plan = ar_plan_clone(plan, plan_alloc);
	if (!b->plan) {
		shm_free(b);
		return NULL;
	}
	__atomic_fetch_add(&ar_table->plans, 1, __ATOMIC_RELAXED);
	return b;
}

void ar_xchg_free(struct ar_xchg *x)
{
	ar_box_put(x->box);
	shm_free(x);
	__atomic_fetch_sub(&ar_table->exchanges, 1, __ATOMIC_RELAXED);
}

static struct ar_xchg *xchg_add(
	struct ar_call *c, const struct ar_msg_key *k, enum ar_side offerer, bool initial)
{
	struct ar_xchg *x = shm_malloc(sizeof(*x));

	if (!x)
		return NULL;
	memset(x, 0, sizeof(*x));
	x->cseq = k->cseq;
	x->method = k->method;
	x->via = k->via;
	x->tags = ar_hash32(k->from_tag.p, k->from_tag.n);
	x->offerer = offerer;
	x->initial = initial;
	for (int s = 0; s < 2; s++)
		x->version[s] = ++c->version[s];
	x->next = c->xchg;
	c->xchg = x;
	__atomic_fetch_add(&ar_table->exchanges, 1, __ATOMIC_RELAXED);
	return x;
}

static void call_free(struct ar_call *c)
{
	struct ar_xchg *x;
	struct ar_leg *l;

	while ((x = c->xchg)) {
		c->xchg = x->next;
		ar_xchg_free(x);
	}
	while ((l = c->leg)) {
		c->leg = l->next;
		shm_free(l);
	}
	for (int s = 0; s < 2; s++)
		if (c->origin[s])
			shm_free(c->origin[s]);
	ar_box_put(c->map);
	shm_free(c);
}

void ar_call_put(struct ar_call *c)
{
	if (--c->refs == 0)
		call_free(c);
}

void ar_call_unlink(struct ar_bucket *bu, struct ar_call *c)
{
	struct ar_call **pp = &bu->first;

	while (*pp && *pp != c)
		pp = &(*pp)->next;
	if (*pp)
		*pp = c->next;
	__atomic_fetch_sub(count_of(c->state), 1, __ATOMIC_RELAXED);
	ar_call_put(c);
}

static int new_id(char id[AR_CALL_ID_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[AR_CALL_ID_LEN / 2];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		return -EIO;
	for (size_t i = 0; i < sizeof(b); i++) {
		id[2 * i] = hex[b[i] >> 4];
		id[2 * i + 1] = hex[b[i] & 15];
	}
	id[AR_CALL_ID_LEN] = 0;
	return 0;
}

/* ---- finding */

bool ar_call_matches(const struct ar_call *c, const struct ar_msg_key *k)
{
	if (!ar_span_eq(ar_call_callid(c), k->callid))
		return false;
	if (k->id[0] && strcmp(c->id, k->id) != 0)
		return false;
	if (c->inside) /* other forks of the same INVITE are ordinary calls */
		return (ar_span_eq(ar_call_tag(c), k->from_tag) && ar_leg_find(c, k->to_tag)) ||
		       (ar_span_eq(ar_call_tag(c), k->to_tag) && ar_leg_find(c, k->from_tag));
	return ar_span_eq(ar_call_tag(c), k->from_tag) || ar_span_eq(ar_call_tag(c), k->to_tag);
}

struct ar_leg *ar_leg_find(const struct ar_call *c, struct ar_span tag)
{
	for (struct ar_leg *l = c->leg; l; l = l->next)
		if (ar_span_eq((struct ar_span){l->tag, l->n}, tag))
			return l;
	return NULL;
}

struct ar_leg *ar_leg_get(struct ar_call *c, struct ar_span tag)
{
	struct ar_leg *l = ar_leg_find(c, tag);

	if (l || !tag.n || c->nleg >= AR_CALL_LEGS_MAX)
		return l;
	l = shm_malloc(sizeof(*l) + tag.n);
	if (!l)
		return NULL;
	*l = (struct ar_leg){.next = c->leg, .n = tag.n};
	memcpy(l->tag, tag.p, tag.n);
	c->leg = l;
	c->nleg++;
	return l;
}

static bool xchg_matches(const struct ar_xchg *x, const struct ar_msg_key *k, uint32_t ack)
{
	if (x->cseq != k->cseq || x->tags != ar_hash32(k->from_tag.p, k->from_tag.n))
		return false;
	/* an ACK of a 2xx is a transaction of its own, with a Via of its own (RFC 3261 17.1.1.3) */
	if (k->method == ack)
		return x->late;
	return x->method == k->method && x->via == k->via;
}

#define METHOD_ACK_BIT 4 /* METHOD_ACK of core/parser/msg_parser.h, checked in ar_view.c */

struct ar_xchg *ar_xchg_find(
	struct ar_bucket *bu, const struct ar_msg_key *k, struct ar_call **call)
{
	for (struct ar_call *c = bu->first; c; c = c->next) {
		if (!ar_call_matches(c, k))
			continue;
		for (struct ar_xchg *x = c->xchg; x; x = x->next)
			if (xchg_matches(x, k, METHOD_ACK_BIT)) {
				*call = c;
				return x;
			}
	}
	return NULL;
}

static int liveness(const struct ar_call *c)
{
	if (c->state == AR_CALL_DEAD)
		return 0;
	return c->state == AR_CALL_PLAIN ? 1 : 2;
}

/* With the id of the Record-Route parameter exact; else the to-tag chooses among forks, then a
 * live call goes before an ordinary one, and that before a dead one. */
struct ar_call *ar_dialog_find(struct ar_bucket *bu, const struct ar_msg_key *k)
{
	struct ar_call *best = NULL;
	int best_score = -1;

	for (struct ar_call *c = bu->first; c; c = c->next) {
		int score = liveness(c);

		if (!ar_call_matches(c, k))
			continue;
		if (ar_leg_find(
			    c, ar_span_eq(ar_call_tag(c), k->from_tag) ? k->to_tag : k->from_tag))
			score += 3;
		if (score > best_score) {
			best = c;
			best_score = score;
		}
	}
	return best;
}

static void use_fill(
	struct ar_use *u, struct ar_call *c, struct ar_plan_box *box, const struct ar_msg_key *k)
{
	struct ar_leg *l;

	memset(u, 0, sizeof(*u));
	c->refs++;
	u->call = c;
	u->bucket = c->bucket;
	u->box = box_get(box);
	u->plan = box ? box->plan : NULL;
	memcpy(u->id, c->id, sizeof(u->id));
	u->state = c->state;
	u->released = c->released;
	u->inside = c->inside;
	u->spiral = c->spiral;
	u->elsewhere = c->elsewhere;
	u->bye = c->bye;
	u->asd = c->asd;
	memcpy(u->version, c->version, sizeof(u->version));
	memcpy(u->facts, c->facts, sizeof(u->facts));
	u->offerer = ar_span_eq(ar_call_tag(c), k->from_tag) ? AR_SIDE_A : AR_SIDE_B;
	l = ar_leg_find(c, u->offerer == AR_SIDE_A ? k->to_tag : k->from_tag);
	if (!l)
		l = c->leg;
	if (l)
		memcpy(u->roles.active, l->active, sizeof(l->active));
	u->roles.av_gone = c->released;
}

int ar_calls_find(const struct ar_msg_key *k, struct ar_use *u)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);

	if (x) {
		use_fill(u, c, x->box, k);
		u->offerer = x->offerer;
		u->late = x->late;
		u->answered = x->answered;
		u->offered = x->offered;
		u->initial = x->initial;
		memcpy(u->version, x->version, sizeof(u->version));
		if (x->plain)
			u->state = AR_CALL_PLAIN;
	}
	ar_bucket_unlock(bu);
	return x ? 0 : -ENOENT;
}

int ar_calls_find_dialog(const struct ar_msg_key *k, struct ar_use *u)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c = ar_dialog_find(bu, k);

	if (c)
		use_fill(u, c, c->map, k);
	ar_bucket_unlock(bu);
	return c ? 0 : -ENOENT;
}

void ar_use_done(struct ar_use *u)
{
	struct ar_bucket *bu;

	if (!u->call)
		return;
	bu = ar_bucket_lock(u->bucket);
	ar_call_put(u->call);
	ar_bucket_unlock(bu);
	ar_box_put(u->box);
	u->call = NULL;
	u->box = NULL;
	u->plan = NULL;
}

/* ---- making */

static struct ar_call *call_new(const struct ar_msg_key *k, struct ar_span tag_a)
{
	size_t n = sizeof(struct ar_call) + k->callid.n + tag_a.n;
	struct ar_call *c = shm_malloc(n);

	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->refs = 1;
	c->bucket = ar_bucket_of(k->callid);
	c->ncallid = k->callid.n;
	c->ntag = tag_a.n;
	memcpy(c->text, k->callid.p, k->callid.n);
	memcpy(c->text + k->callid.n, tag_a.p, tag_a.n);
	c->started = ar_now_ms();
	return c;
}

static void call_link(struct ar_bucket *bu, struct ar_call *c)
{
	c->next = bu->first;
	bu->first = c;
	__atomic_fetch_add(count_of(c->state), 1, __ATOMIC_RELAXED);
}

static bool table_full(void)
{
	return __atomic_load_n(&ar_table->calls, __ATOMIC_RELAXED) +
		       __atomic_load_n(&ar_table->plain, __ATOMIC_RELAXED) +
		       __atomic_load_n(&ar_table->dead, __ATOMIC_RELAXED) >=
	       ar_table->max;
}

static unsigned same_calls(const struct ar_bucket *bu, const struct ar_call *c)
{
	unsigned n = 0;

	for (const struct ar_call *o = bu->first; o; o = o->next)
		n += ar_span_eq(ar_call_callid(o), ar_call_callid(c)) &&
		     ar_span_eq(ar_call_tag(o), ar_call_tag(c));
	return n;
}

static struct ar_call *open_new(const struct ar_msg_key *k)
{
	struct ar_call *c = call_new(k, k->from_tag);

	if (!c)
		return NULL;
	c->inside = c->acked = k->to_tag.n > 0;
	if (new_id(c->id) < 0 || !xchg_add(c, k, AR_SIDE_A, true) ||
		(c->inside && !ar_leg_get(c, k->to_tag))) {
		call_free(c);
		return NULL;
	}
	return c;
}

/* An earlier offer of this kind that came to nothing. */
static void unlink_ordinary(struct ar_bucket *bu, const struct ar_msg_key *k)
{
	struct ar_call *c = ar_dialog_find(bu, k);

	if (c && c->state == AR_CALL_PLAIN && c->inside)
		ar_call_unlink(bu, c);
}

static int open_call(const struct ar_msg_key *k, struct ar_call *c, int64_t expires)
{
	struct ar_bucket *bu;

	c->expires = expires;
	bu = ar_bucket_lock(c->bucket);
	if (same_calls(bu, c) >= AR_CALLS_SAME_MAX) {
		ar_bucket_unlock(bu);
		call_free(c);
		return -ENOSPC;
	}
	if (c->inside)
		unlink_ordinary(bu, k);
	call_link(bu, c);
	ar_bucket_unlock(bu);
	return 0;
}

int ar_calls_open(const struct ar_msg_key *k, int64_t expires, char id[AR_CALL_ID_LEN + 1])
{
	char new[AR_CALL_ID_LEN + 1];
	struct ar_call *c;
	int rc;

	if (table_full())
		return -ENOSPC;
	c = open_new(k);
	if (!c)
		return -ENOMEM;
	memcpy(new, c->id, sizeof(new));
	rc = open_call(k, c, expires);
	if (rc == 0)
		memcpy(id, new, sizeof(new));
	return rc;
}

int ar_calls_open_late(const struct ar_msg_key *k, int64_t expires)
{
	struct ar_call *c;

	if (table_full())
		return -ENOSPC;
	c = open_new(k);
	if (!c)
		return -ENOMEM;
	c->state = AR_CALL_PLAIN;
	c->xchg->late = c->xchg->decided = c->xchg->plain = true;
	return open_call(k, c, expires);
}

void ar_calls_late(const struct ar_msg_key *k, int64_t expires)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c;
	struct ar_xchg *x = ar_xchg_find(bu, k, &c);

	if (x && !x->answered) {
		x->answered = true;
		c->expires = expires;
	}
	ar_bucket_unlock(bu);
}

void ar_calls_elsewhere(const struct ar_msg_key *k, int64_t expires)
{
	struct ar_call *c = table_full() ? NULL : call_new(k, k->from_tag);
	struct ar_bucket *bu;

	if (!c)
		return;
	c->inside = c->elsewhere = c->acked = true;
	c->state = AR_CALL_PLAIN;
	c->expires = expires;
	bu = ar_bucket_lock(c->bucket);
	if (ar_leg_get(c, k->to_tag) && !ar_dialog_find(bu, k)) {
		call_link(bu, c);
		c = NULL;
	}
	ar_bucket_unlock(bu);
	if (c)
		call_free(c);
}

void ar_calls_spiral(struct ar_span callid, const char *id)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(callid));

	for (struct ar_call *c = bu->first; c; c = c->next)
		if (strcmp(c->id, id) == 0)
			c->spiral = true;
	ar_bucket_unlock(bu);
}

static bool many_exchanges(const struct ar_call *c)
{
	unsigned n = 0;

	for (const struct ar_xchg *x = c->xchg; x; x = x->next)
		n++;
	return n >= AR_CALL_XCHGS_MAX;
}

int ar_calls_offer(const struct ar_msg_key *k, enum ar_side offerer, bool late, int64_t expires)
{
	struct ar_bucket *bu = ar_bucket_lock(ar_bucket_of(k->callid));
	struct ar_call *c = ar_dialog_find(bu, k);
	bool full = c && many_exchanges(c);
	struct ar_xchg *x = c && !full ? xchg_add(c, k, offerer, false) : NULL;
	int rc = !c ? -ENOENT : full ? -ENOSPC : !x ? -ENOMEM : 0;

	if (x) {
		x->late = late;
		x->expires = expires;
		if (c->expires < expires)
			c->expires = expires;
	}
	ar_bucket_unlock(bu);
	return rc;
}

static int decide(struct ar_call *c, struct ar_xchg *x, struct ar_plan_box *box, unsigned asd,
	int64_t expires)
{
	if (x->failed || c->state == AR_CALL_DEAD)
		return -ENOENT;
	if (x->decided)
		return -EEXIST;
	x->decided = true;
	x->plain = !box;
	x->box = box;
	c->asd = asd;
	if (!x->initial)
		return 0;
	ar_call_set_state(c, box ? AR_CALL_EARLY : AR_CALL_PLAIN);
	c->expires = expires;
	return 0;
}

int ar_calls_decide(
	const struct ar_msg_key *k, const struct ar_plan *plan, unsigned asd, int64_t expires)
{
	struct ar_plan_box *box = plan ? ar_box_new(plan) : NULL;
	struct ar_bucket *bu;
	struct ar_call *c;
	struct ar_xchg *x;
	int rc;

	if (plan && !box)
		return -ENOMEM;
	bu = ar_bucket_lock(ar_bucket_of(k->callid));
	x = ar_xchg_find(bu, k, &c);
	rc = x ? decide(c, x, box, asd, expires) : -ENOENT;
	ar_bucket_unlock(bu);
	if (rc < 0)
		ar_box_put(box);
	return rc;
}

int ar_calls_restore(const struct ar_msg_key *k, const struct ar_restore *r)
{
	struct ar_span tag_a = k->from_tag; /* as asd says: the from_tag of the first offer */
	struct ar_call *c = call_new(k, tag_a);
	struct ar_bucket *bu;

	if (!c)
		return -ENOMEM;
	c->map = ar_box_new(r->map);
	c->inside = r->inside;
	c->acked = true;
	if (!c->map || (c->inside && !ar_leg_get(c, k->to_tag))) {
		call_free(c);
		return -ENOMEM;
	}
	memcpy(c->id, k->id, sizeof(c->id));
	memcpy(c->version, r->version, sizeof(c->version));
	c->asd = r->asd;
	c->spiral = r->spiral;
	c->state = AR_CALL_UP;
	c->expires = r->expires;
	bu = ar_bucket_lock(c->bucket);
	if (ar_dialog_find(bu, k)) { /* another message was first */
		ar_bucket_unlock(bu);
		call_free(c);
		return 0;
	}
	call_link(bu, c);
	ar_bucket_unlock(bu);
	return 0;
}
