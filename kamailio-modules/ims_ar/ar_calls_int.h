/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the call table; for ar_calls*.c only. Everything here is under the bucket's lock. */
#ifndef IMS_AR_CALLS_INT_H
#define IMS_AR_CALLS_INT_H

#include "ar_calls.h"

#include "common/ar_hash.h"

#include "../../core/locking.h"
#include "../../core/mem/shm_mem.h"

/* A plan and who uses it: its exchange, the map of its call, messages at work. */
struct ar_plan_box {
	int refs; /* atomic */
	struct ar_plan *plan;
};

struct ar_seen {
	uint32_t tag, early; /* hashes of to-tag and SDP */
	bool answered;
};

struct ar_xchg {
	struct ar_xchg *next;
	struct ar_plan_box *box;
	uint32_t cseq, method, via;
	uint32_t tags; /* hash of From-tag: who offers */
	enum ar_side offerer;
	bool late, offered, initial, decided, plain, failed, answered;
	uint64_t version[2];
	int64_t expires; /* 0: with the call */
	unsigned nseen;
	struct ar_seen seen[AR_XCHG_SEEN_MAX];
};

struct ar_leg {
	struct ar_leg *next;
	uint32_t active[2];
	bool answered, ended, acked;
	size_t n;
	char tag[];
};

/* The o= line that one leg has seen from before the call became an AR call. */
struct ar_origin {
	uint64_t version;
	size_t nid, naddr;
	char text[]; /* "<username> <sess-id>", then "<nettype> <addrtype> <address>" */
};

struct ar_call {
	struct ar_call *next;
	uint32_t bucket;
	int refs; /* messages at work, and 1 for the table */
	char id[AR_CALL_ID_LEN + 1];
	enum ar_call_state state;
	bool released;
	bool inside; /* began with an offer inside a dialog: found by both tags only */
	bool spiral; /* its requests pass here twice: the other pass has shown the mark of this one
		      */
	bool elsewhere; /* another Kamailio has anchored it: kept so that this one does not */
	bool bye;
	bool acked; /* the dialog is confirmed */
	unsigned asd;
	uint64_t version[2];
	uint32_t facts[2];
	struct ar_origin *origin[2]; /* to side A and B; until the first exchange is settled */
	struct ar_xchg *xchg; /* newest first */
	struct ar_plan_box *map;
	struct ar_leg *leg;
	unsigned nleg;
	int64_t started, expires;
	size_t ncallid, ntag;
	char text[]; /* Call-ID, then the tag of side A */
};

struct ar_bucket {
	gen_lock_t lock;
	struct ar_call *first;
};

struct ar_table {
	uint32_t mask;
	int max;
	uint64_t key[2]; /* of the hash over Call-IDs */
	/* atomic */
	int calls, plain, dead, exchanges, plans;
	struct ar_bucket bucket[];
};

extern struct ar_table *ar_table;

uint32_t ar_bucket_of(struct ar_span callid);
struct ar_bucket *ar_bucket_lock(uint32_t b);
void ar_bucket_unlock(struct ar_bucket *bu);

bool ar_call_matches(const struct ar_call *c, const struct ar_msg_key *k);
struct ar_xchg *ar_xchg_find(
	struct ar_bucket *bu, const struct ar_msg_key *k, struct ar_call **call);
struct ar_call *ar_dialog_find(struct ar_bucket *bu, const struct ar_msg_key *k);
struct ar_leg *ar_leg_find(const struct ar_call *c, struct ar_span tag);
/* Finds or makes; NULL without memory or at AR_CALL_LEGS_MAX. */
struct ar_leg *ar_leg_get(struct ar_call *c, struct ar_span tag);
struct ar_plan_box *ar_box_new(const struct ar_plan *plan);
void ar_call_set_state(struct ar_call *c, enum ar_call_state s);
void ar_xchg_free(struct ar_xchg *x);
void ar_box_put(struct ar_plan_box *b);
/* Out of the table; freed when the last message at work lets go. */
void ar_call_unlink(struct ar_bucket *bu, struct ar_call *c);
void ar_call_put(struct ar_call *c);

static inline struct ar_span ar_call_callid(const struct ar_call *c)
{
	return (struct ar_span){c->text, c->ncallid};
}

static inline struct ar_span ar_call_tag(const struct ar_call *c)
{
	return (struct ar_span){c->text + c->ncallid, c->ntag};
}

#endif
