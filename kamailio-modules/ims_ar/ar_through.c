/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ar_through.h"

#include "ar_conf.h"
#include "ar_stat.h"

#include "../../core/locking.h"
#include "../../core/mem/shm_mem.h"

#include <errno.h>

#define BUCKETS 1024u /* a power of two */

struct entry {
	struct entry *next;
	uint32_t sections; /* as last offered from the anchored side */
	uint32_t agreed; /* as last answered: of no offer that has failed */
	int64_t expires;
	bool whole;
	int asd; /* that has told it; -1: none */
	char id[AR_CALL_ID_LEN + 1];
	size_t ncallid, ntag;
	char text[]; /* Call-ID, tag of side A */
};

static struct table {
	gen_lock_t lock;
	int n, max;
	struct entry *bucket[BUCKETS];
} * table;

int ar_through_init(int max)
{
	table = shm_malloc(sizeof(*table));
	if (!table)
		return -ENOMEM;
	memset(table, 0, sizeof(*table));
	table->max = max;
	lock_init(&table->lock);
	return 0;
}

static void drop(struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	shm_free(e);
	table->n--;
}

void ar_through_destroy(void)
{
	if (!table)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (table->bucket[i])
			drop(&table->bucket[i]);
	lock_destroy(&table->lock);
	shm_free(table);
	table = NULL;
}

static struct entry **bucket_of(struct ar_span callid)
{
	return &table->bucket[ar_hash32(callid.p, callid.n) & (BUCKETS - 1)];
}

static struct ar_span tag_of(const struct entry *e)
{
	return (struct ar_span){e->text + e->ncallid, e->ntag};
}

/* Where the call's entry is linked in; what has expired before it goes. */
static struct entry **find(struct ar_span callid)
{
	struct entry **at = bucket_of(callid);
	int64_t now = ar_now_ms();

	while (*at) {
		if ((*at)->expires <= now)
			drop(at);
		else if (ar_span_eq((struct ar_span){(*at)->text, (*at)->ncallid}, callid))
			return at;
		else
			at = &(*at)->next;
	}
	return at;
}

static struct entry *entry_new(const struct ar_msg_key *k)
{
	struct entry *e = shm_malloc(sizeof(*e) + k->callid.n + k->from_tag.n);

	if (!e)
		return NULL;
	*e = (struct entry){.ncallid = k->callid.n, .ntag = k->from_tag.n, .asd = -1};
	memcpy(e->id, k->id, sizeof(e->id));
	memcpy(e->text, k->callid.p, k->callid.n);
	if (k->from_tag.n)
		memcpy(e->text + k->callid.n, k->from_tag.p, k->from_tag.n);
	return e;
}

static void sweep(void)
{
	int64_t now = ar_now_ms();

	for (unsigned i = 0; i < BUCKETS; i++) {
		for (struct entry **at = &table->bucket[i]; *at;) {
			if ((*at)->expires <= now)
				drop(at);
			else
				at = &(*at)->next;
		}
	}
}

/* The call's entry, there or new; NULL: no room. */
static struct entry *find_or_add(const struct ar_msg_key *k)
{
	struct entry **at, *e;

	if (table->n >= table->max)
		sweep();
	at = find(k->callid);
	e = *at;
	if (e)
		return e;
	if (table->n < table->max)
		e = entry_new(k);
	if (!e) {
		AR_COUNT(through_full);
		return NULL;
	}
	e->next = NULL;
	*at = e;
	table->n++;
	return e;
}

void ar_through_open(const struct ar_msg_key *k, int64_t expires)
{
	struct entry *e;

	lock_get(&table->lock);
	e = find_or_add(k);
	if (e) {
		memcpy(e->id, k->id, sizeof(e->id)); /* a retry is another call of that Call-ID */
		e->whole = true;
		e->expires = expires;
	}
	lock_release(&table->lock);
}

void ar_through_reopen(const struct ar_msg_key *k, int64_t expires)
{
	struct entry *e;

	lock_get(&table->lock);
	e = *find(k->callid) ? NULL : find_or_add(k);
	if (e)
		e->expires = expires;
	lock_release(&table->lock);
}

/* What only offers since the restart have told gives way to asd's. */
void ar_through_restore(
	const struct ar_msg_key *k, unsigned asd, uint32_t sections, int64_t expires)
{
	struct entry **at, *e;

	lock_get(&table->lock);
	at = find(k->callid);
	if (*at && !(*at)->whole) {
		drop(at);
		at = find(k->callid);
	}
	e = *at ? NULL : find_or_add(k);
	if (e) {
		e->sections = e->agreed = sections;
		e->asd = (int)asd;
		e->whole = true;
		e->expires = expires;
	}
	lock_release(&table->lock);
}

bool ar_through_is_whole(struct ar_span callid)
{
	const struct entry *e;
	bool whole;

	if (__atomic_load_n(&table->n, __ATOMIC_RELAXED) == 0)
		return false;
	lock_get(&table->lock);
	e = *find(callid);
	whole = e && e->whole;
	lock_release(&table->lock);
	return whole;
}

bool ar_through_call(struct ar_span callid, char id[AR_CALL_ID_LEN + 1], int *asd)
{
	const struct entry *e;

	if (__atomic_load_n(&table->n, __ATOMIC_RELAXED) == 0)
		return false;
	lock_get(&table->lock);
	e = *find(callid);
	if (e) {
		memcpy(id, e->id, sizeof(e->id));
		*asd = e->asd;
	}
	lock_release(&table->lock);
	return e != NULL;
}

static uint32_t marked(const struct ar_sdp *sdp)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < sdp->nmedia; i++)
		if (ar_sdp_attr(sdp->media[i].text, AR_PLAN_ARMF_ATTR).p)
			bits |= 1u << i;
	return bits;
}

/* The offers of side A come from the anchored pass. */
static bool brings(const struct entry *e, const struct ar_msg_key *k, enum ar_through_kind kind)
{
	return kind == AR_THROUGH_REQUEST && ar_span_eq(tag_of(e), k->from_tag);
}

uint32_t ar_through_sections(
	const struct ar_msg_key *k, enum ar_through_kind kind, const struct ar_sdp *sdp)
{
	struct entry *e;
	uint32_t bits = 0;

	if (__atomic_load_n(&table->n, __ATOMIC_RELAXED) == 0)
		return 0;
	lock_get(&table->lock);
	e = *find(k->callid);
	if (e && brings(e, k, kind))
		e->sections = marked(sdp);
	else if (e && kind != AR_THROUGH_REQUEST)
		e->agreed = e->sections;
	if (e)
		bits = kind != AR_THROUGH_REQUEST || brings(e, k, kind) ? e->sections : e->agreed;
	if (e && kind == AR_THROUGH_FINAL)
		e->expires = ar_now_ms() + (int64_t)ar_conf.call_ttl * 1000;
	lock_release(&table->lock);
	return bits;
}

void ar_through_close(struct ar_span callid)
{
	struct entry **at;

	if (__atomic_load_n(&table->n, __ATOMIC_RELAXED) == 0)
		return;
	lock_get(&table->lock);
	at = find(callid);
	if (*at)
		drop(at);
	lock_release(&table->lock);
}

int ar_through_count(void)
{
	return __atomic_load_n(&table->n, __ATOMIC_RELAXED);
}
