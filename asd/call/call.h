/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The calls: what asd knows of each, and the table that finds them.
 *
 * A call is named by the module's token; several calls may share a Call-ID (both UEs behind one
 * Kamailio). Owner of every struct call is struct calls. Others keep its id, never a pointer:
 * calls_get() of a stale id is NULL. State changes only in call_flow.c and call_event.c.
 */
#ifndef CALL_H
#define CALL_H

#include "asd/call/planner_av.h"
#include "common/ar_frame.h"
#include "common/ar_ids.h"
#include "common/plan.h"

#include <jansson.h>

#define CALL_TOKEN_LEN 16
#define CALL_MAX_EXCHANGES 8 /* open; the oldest makes room */
#define CALL_MAX_LEGS 8 /* forks of the callee that we keep apart */
#define CALL_MAX_SEEN 32 /* events remembered by meaning */
#define CALL_MAX_CALLID AR_NAME_MAX /* bytes; longer ones are malformed offers */
#define CALL_MAX_TAG AR_NAME_MAX
#define CALL_MAX_RELAY 128 /* m-lines of a media relay as text, 4 bytes each at most */
#define CALL_MAX_URI 1023

enum call_state {
	CALL_SETUP, /* the first offer is being decided, or waits for its answer */
	CALL_UP, /* answered */
};

/* The AR part of the call. */
enum call_ctx_state {
	CTX_NONE,
	CTX_RESERVING,
	CTX_UP,
	CTX_LOST, /* mediad lost it; the module is told, the dialog goes on */
};

struct call_ctx {
	enum call_ctx_state state;
	int dcmf; /* index in the pool */
	char *dcmf_name; /* over restarts, indices change */
	char *instance; /* mediad's, when it was made */
	char *id; /* contextId */
	uint64_t since; /* asd_now() of its confirmation, 0: restored */
	json_t *doc; /* mediad's answer */
	json_t *told[2]; /* facts that mediad has, by side */
	json_t *wanted[2]; /* facts that it should have; NULL: what was told */
	bool updating[2];
};

enum exchange_state {
	EXCHANGE_DECIDING, /* the module waits for our answer */
	EXCHANGE_OPEN, /* it has a plan; the UE has not answered */
};

/* What is not yet in the store. */
enum call_dirty {
	CALL_CLEAN,
	CALL_DIRTY, /* written with others, asd_settle_later() */
	CALL_URGENT, /* at the end of this turn */
};

/* Where an answer goes: front's connection and the request's id there. */
struct front_ref {
	uint32_t conn;
	int64_t id;
};

struct exchange {
	enum exchange_state state;
	char *from_tag;
	uint32_t cseq;
	char method[16];
	enum ar_side side; /* the offerer */
	bool initial;
	struct front_ref ref; /* DECIDING: who waits */
	uint64_t since; /* asd_now() of the offer */
	char *sdp; /* DECIDING: the offer */
	uint32_t lookup; /* DECIDING: the batch of facts that it waits for, 0: none */
	struct front_offer *asked; /* meanwhile; one piece of memory */
	json_t *headers; /* that the policy adds to the request, NULL: none */
	json_t *facts; /* the offerer's, NULL without a data channel */
	enum ar_setup setup; /* ours towards the offerer, when the exchange is answered */
	struct ar_plan *plan; /* NULL while DECIDING */
	unsigned keep; /* bit per outcome, planner.h */
	json_t *there; /* DECIDING: media of the other side for the ARMF (call_av.h); NULL: none */
	bool telling; /* DECIDING: waits for mediad to take the facts */
	bool without; /* the policy wants the data channel out of this dialog */
	unsigned no; /* of the plan, from 1 */
};

/* One UE that answered the call's first offer. */
struct leg {
	char *tag;
	json_t *facts; /* NULL: no data channel */
	enum ar_outcome outcome;
	bool answered, ended;
};

/* What the policy wants the ARMF to do (call_av.h), by kind; op: 0 nothing, by outcome, AR_OUTCOMES
 * until the answer comes, and by side. */
struct call_av {
	struct planner_av_rule rule[PLANNER_AV_KINDS];
	uint8_t op[PLANNER_AV_KINDS][AR_OUTCOMES + 1][2];
};

enum call_index {
	CALL_BY_TOKEN,
	CALL_BY_CALLID,
	CALL_BY_CALLER,
	CALL_BY_CONTEXT,
	CALL_BY_SHARE,
	CALL_INDEXES
};

struct call {
	char *callid, *from_tag, *to_tag; /* to_tag: NULL until answered */
	char *caller, *callee, *module, *role;
	/* m-lines at the media relays, as the module tells them and gets them back after its
	 * restart: of the anchored pass, of the other one. NULL: the call's own */
	char *relay[2];
	struct policy_gen *gen;
	struct lookup_facts *facts; /* of the last decision; NULL: none are configured */
	struct call_ctx ctx;

	struct exchange *ex[CALL_MAX_EXCHANGES]; /* oldest first */
	struct leg legs[CALL_MAX_LEGS];
	struct ar_plan *map; /* plan of the last answered exchange, both ways */
	json_t *settled[2]; /* facts of the last answered exchange */

	/* asd_now(), so that a step of the wall clock changes no duration. Of a call from before
	 * the machine's start they lie before 0, and wrap. answered 0: not yet. */
	uint64_t created, answered;
	uint64_t heard; /* asd_now() */
	bool turns_ssrc; /* the module of the last offer can, ar_plan_section.ssrc_mask */
	uint64_t ar_ends; /* asd_now() at which the policy's max_seconds is over; 0: never */
	uint64_t seen[CALL_MAX_SEEN];
	struct call *chain[CALL_INDEXES]; /* of struct calls */

	uint32_t id;
	enum call_state state;
	unsigned caps; /* the caller's, enum policy_cap */
	unsigned keep; /* bit per outcome: the offerer keeps its data channel (planner.h) */
	struct call_av av;
	unsigned max_seconds; /* of the AR part, 0: no limit */
	unsigned max_kbps, max_pose_hz, max_nodes, max_participants; /* for mediad, 0: no limit */
	int full; /* SIP code when the shared scene is full, 0: an ordinary call */
	unsigned nex, nlegs, nseen;
	unsigned plans; /* made */
	unsigned map_no;
	uint64_t version[2]; /* o= of the leg to A and to B */
	enum ar_setup setup[2]; /* ours towards each side, settled */
	enum ar_outcome outcome; /* of the first answer */

	bool inside; /* an ordinary call that became an AR call: o= goes on from what was there */
	bool spiral; /* both UEs are behind the module's Kamailio */
	bool trace;
	enum call_dirty dirty;
	uint32_t listed; /* the last resync that had it */
	char token[CALL_TOKEN_LEN + 1];
	char instance[64]; /* of the module, that of its last message */
	char rule[64], scene[64], application[64], dcmf[64], network[2][32]; /* of the policy */
	char source[64]; /* of the last offer, "address:port" */
	char share[64]; /* other calls with the same are in this one's scene; "": alone */
};

struct calls {
	struct ar_ids ids;
	struct call **bucket[CALL_INDEXES];
	unsigned nbuckets;
	uint64_t key[2]; /* of the hash: Call-IDs are chosen by strangers */
	unsigned deciding; /* exchanges in EXCHANGE_DECIDING */
	uint32_t *dirty; /* ids of calls to be stored at the end of the turn */
	unsigned ndirty, dirty_cap;
	bool unstored; /* a write failed: the store lacks something */
	unsigned ticks;
	uint32_t listings; /* resyncs begun */
};

int calls_init(struct calls *t, unsigned max) __attribute__((warn_unused_result));
/* Frees every call, without unpinning: call_flow_close() comes before. */
void calls_free(struct calls *t);
/* 0, -ENOSPC at the maximum, -ENOMEM. Strings are copied. */
int calls_add(struct calls *t, const char *token, const char *callid, const char *caller,
	struct call **cp) __attribute__((warn_unused_result));
void calls_remove(struct calls *t, struct call *c);
struct call *calls_get(const struct calls *t, uint32_t id);
struct call *calls_find(const struct calls *t, const char *token);
/* Next call with this Call-ID after prev (NULL: the first). */
struct call *calls_find_callid(const struct calls *t, const char *callid, const struct call *prev);
struct call *calls_find_caller(const struct calls *t, const char *caller, const struct call *prev);
struct call *calls_find_share(const struct calls *t, const char *share, const struct call *prev);
void calls_set_share(struct calls *t, struct call *c, const char *share);
struct call *calls_find_context(const struct calls *t, int dcmf, const char *context_id);
/* The call's context got this id (copied), or has none any more. */
int calls_set_context(struct calls *t, struct call *c, const char *context_id)
	__attribute__((warn_unused_result));
static inline unsigned calls_n(const struct calls *t)
{
	return t->ids.used;
}

void calls_clear_context(struct calls *t, struct call *c);
int calls_mark_dirty(struct calls *t, const struct call *c) __attribute__((warn_unused_result));

/* For call.answered: 0 stands for "not yet". */
static inline uint64_t call_since(uint64_t at)
{
	return at ? at : 1;
}

/* Since the answer; 0 before it. */
static inline uint64_t call_seconds(const struct call *c, uint64_t now)
{
	return c->answered ? (now - c->answered) / 1000000 : 0;
}

/* 16 hex digits, lower case. */
bool call_token_ok(const char *s);
/* Replaces *dst with a copy of s (NULL: none). -ENOMEM leaves it as it was. */
int call_set(char **dst, const char *s) __attribute__((warn_unused_result));
void call_set_json(json_t **dst, json_t *j); /* borrows j */

/* NULL when unknown. from_tag NULL: any. */
struct exchange *call_exchange(const struct call *c, const char *from_tag, uint32_t cseq);
/* Makes room if need be: the oldest that is not DECIDING goes. -ENOSPC, -ENOMEM. */
int call_exchange_new(struct call *c, struct exchange **xp) __attribute__((warn_unused_result));
void call_exchange_drop(struct call *c, struct exchange *x);
/* The one that waits for our answer, NULL: none. */
struct exchange *call_deciding(const struct call *c);
/* Finds or makes; NULL at the maximum or without memory. */
struct leg *call_leg(struct call *c, const char *tag, bool make);
/* True when this meaning was seen before; remembers it. */
bool call_seen(struct call *c, uint64_t meaning);
const char *call_state_name(const struct call *c);
const char *ctx_state_name(enum call_ctx_state s);
/* What must always hold; for tests. NULL or what is wrong. */
const char *call_check(const struct call *c);
/* Keyed hash of bytes (SipHash-1-3). */
uint64_t calls_hash(const struct calls *t, const void *p, size_t n);

#endif
