/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call table in shared memory: calls, their exchanges (one offer and its answers each) and
 * plans. A call is found from a message alone, since replies come long after tm has forgotten the
 * transaction.
 *
 * Any process. One lock per bucket of Call-IDs, nothing blocks under it. A caller never holds a
 * pointer into the table without a reference: ar_calls_find() takes one on call and plan, and
 * ar_use_done() gives it back in the same function. Times are ms of CLOCK_MONOTONIC.
 */
#ifndef IMS_AR_CALLS_H
#define IMS_AR_CALLS_H

#include "common/plan.h"

#include <stdint.h>

#define AR_CALL_ID_LEN 16
#define AR_CALL_LEGS_MAX 16 /* to-tags of one call whose DTLS roles are kept */
#define AR_CALL_XCHGS_MAX 64 /* exchanges of one call that are kept, for late copies too */
#define AR_CALLS_SAME_MAX 32 /* calls of one Call-ID and From-tag: retries, other branches */
#define AR_ORIGIN_MAX                                                                              \
	256 /* bytes of an o= line that is gone on with; a longer one passes as it is */
#define AR_XCHG_SEEN_MAX 8 /* to-tags of one exchange whose reports to asd are remembered */

enum ar_call_state {
	AR_CALL_ASKED, /* asd has not decided yet */
	AR_CALL_EARLY, /* planned, no 2xx yet */
	AR_CALL_UP,
	AR_CALL_PLAIN, /* goes on without data channel; kept so that the dialog is recognised */
	AR_CALL_DEAD, /* ended; kept for late copies of replies */
};

/* What of a message names its call and exchange. Spans borrow from the message. */
struct ar_msg_key {
	struct ar_span callid, from_tag, to_tag;
	uint32_t cseq;
	uint32_t method; /* Kamailio's METHOD_*, of the CSeq */
	uint32_t via; /* hash of the Via that the request had on top when it came here */
	char id[AR_CALL_ID_LEN + 1]; /* from our Record-Route parameter, or "" */
};

struct ar_call;
struct ar_plan_box;

/* One message's hold on its exchange, with copies of what may change meanwhile. */
struct ar_use {
	struct ar_call *call;
	struct ar_plan_box *box;
	const struct ar_plan *plan; /* NULL: plain or late without its offer yet */
	uint32_t bucket;
	char id[AR_CALL_ID_LEN + 1];
	enum ar_call_state state;
	enum ar_side offerer;
	bool late; /* the INVITE had no SDP: its 2xx carries the offer, ACK the answer */
	bool answered; /* its 2xx, or the answer to its late offer, has been seen */
	bool offered; /* the description to the answerer had a live data channel */
	bool initial; /* the first exchange of the call */
	bool released; /* asd ended the AR part */
	bool inside; /* the call began as an ordinary one */
	bool spiral; /* both UEs are here: its requests pass twice */
	bool elsewhere; /* anchored by another Kamailio */
	bool bye; /* AR_CALL_DEAD after a BYE */
	uint64_t version[2];
	uint32_t facts[2];
	struct ar_plan_roles roles;
	unsigned asd; /* index of the asd that has the call */
};

int ar_calls_init(unsigned log2_buckets, int max);
void ar_calls_destroy(void);
/* False before ar_calls_init and after ar_calls_destroy: no other function here may be called then.
 */
bool ar_calls_ready(void);

/*
 * A new call for this initial INVITE, or for this offer inside a dialog (k->to_tag) that was an
 * ordinary call until now, with its first exchange, offered by side A, asked for. The id is made
 * with the system's random generator. -ENOMEM, -ENOSPC (call_max, AR_CALLS_SAME_MAX).
 */
int ar_calls_open(const struct ar_msg_key *k, int64_t expires, char id[AR_CALL_ID_LEN + 1])
	__attribute__((warn_unused_result));
/*
 * An initial INVITE without SDP: an ordinary call whose offer comes from the callee. Kept until
 * that has passed, for ar_calls_late(). -ENOMEM, -ENOSPC.
 */
int ar_calls_open_late(const struct ar_msg_key *k, int64_t expires)
	__attribute__((warn_unused_result));
/* Its 2xx with SDP: kept no longer than the copies come. */
void ar_calls_late(const struct ar_msg_key *k, int64_t expires);
/* A new exchange in a call found before (its id in k->id). -ENOENT, -ENOMEM, -ENOSPC. */
int ar_calls_offer(const struct ar_msg_key *k, enum ar_side offerer, bool late, int64_t expires)
	__attribute__((warn_unused_result));
/*
 * asd's decision, or a plan made here, for that exchange; plan NULL: plain. Copies the plan.
 * -ENOENT when the exchange has ended meanwhile, -EEXIST when it has a plan, -ENOMEM.
 */
int ar_calls_decide(const struct ar_msg_key *k, const struct ar_plan *plan, unsigned asd,
	int64_t expires) __attribute__((warn_unused_result));
/* A call of a former life of this Kamailio, as asd remembers it (front link, `map`). */
struct ar_restore {
	const struct ar_plan *map;
	uint64_t version[2];
	unsigned asd;
	bool inside, spiral;
	int64_t expires;
};
int ar_calls_restore(const struct ar_msg_key *k, const struct ar_restore *r)
	__attribute__((warn_unused_result));
/*
 * The dialog is anchored by another Kamailio, as its mark or asd says: remembered, so that a later
 * offer of the UE here does not begin a call of its own. Nothing when there is no room.
 */
void ar_calls_elsewhere(const struct ar_msg_key *k, int64_t expires);
/* A request of this call has come by a second time, with its mark. */
void ar_calls_spiral(struct ar_span callid, const char *id);

/* The exchange of a request, reply or ACK. 0, or -ENOENT. */
int ar_calls_find(const struct ar_msg_key *k, struct ar_use *use)
	__attribute__((warn_unused_result));
/*
 * The call of a dialog; use->plan is its map (NULL before the first answer), use->offerer the
 * side of k->from_tag. 0, or -ENOENT.
 */
int ar_calls_find_dialog(const struct ar_msg_key *k, struct ar_use *use)
	__attribute__((warn_unused_result));
void ar_use_done(struct ar_use *use);

/* The offer of the exchange was sent on: whether with a live data channel, and the offerer's facts.
 */
void ar_calls_offered(const struct ar_msg_key *k, bool offered, uint32_t facts);

/*
 * The o= line that side `to` was sent in the first exchange of a call that began inside a dialog.
 * When both are known, the plan and all later ones go on from them.
 */
void ar_calls_origin(const struct ar_msg_key *k, enum ar_side to, const struct ar_sdp_origin *o);
/* As JSON has it, "<username> <sess-id> <version> IN IP4 <address>"; "" when it is not known, or
 * when asd chose it. */
void ar_calls_origin_text(const struct ar_msg_key *k, char text[2][AR_ORIGIN_MAX]);

struct ar_answer {
	int status;
	bool has_sdp;
	enum ar_outcome outcome; /* with SDP */
	uint32_t hash; /* of the SDP */
	uint32_t facts; /* of the answerer's data channel sections */
	uint32_t active[2]; /* with SDP; struct ar_plan_roles */
	int64_t call_expires, plan_expires;
	int64_t ack_expires; /* of a call whose 2xx has not been acknowledged; 0: call_expires */
};

/*
 * A 1xx or 2xx of the exchange was seen: makes the plan the map, refreshes times, learns roles.
 * True when asd must be told: once per to-tag, SDP and 1xx, once per to-tag and 2xx.
 */
bool ar_calls_answered(const struct ar_msg_key *k, const struct ar_answer *a);

/* An ACK to a 2xx has passed: the dialog lives. Until then a caller may be gone, or never have been
 * there: the callee repeats its 2xx for 32 s and then ends what it has (RFC 3261 13.3.1.4), perhaps
 * with a BYE that comes to nobody. */
bool ar_calls_any(void);
void ar_calls_acked(const struct ar_msg_key *k, int64_t call_expires);

/* What ended, for the event to asd. */
struct ar_ended {
	char id[AR_CALL_ID_LEN + 1];
	unsigned asd;
	bool planned; /* asd has something to release, or is being asked */
	bool initial;
};

/* Final status >= 300 of an exchange. True when it was open. */
bool ar_calls_failed(const struct ar_msg_key *k, int64_t expires, struct ar_ended *e);
/* Is the exchange open and asd concerned? For `cancelled`. */
bool ar_calls_open_exchange(const struct ar_msg_key *k, struct ar_ended *e);
/* BYE. True when it ended the call now, or one of several forks that answered: asd is told. */
bool ar_calls_bye(const struct ar_msg_key *k, int64_t expires, struct ar_ended *e);
/* Undoes ar_calls_open()/ar_calls_offer() when the hand-off came to nothing. */
void ar_calls_drop(const struct ar_msg_key *k);
/* asd ended the AR part of this call. True when it is known. */
bool ar_calls_release(struct ar_span callid, const char *id);

struct ar_call_info {
	char id[AR_CALL_ID_LEN + 1];
	struct ar_span callid, tag_a, tag_b; /* valid during the callback only */
	enum ar_call_state state;
	unsigned asd, exchanges;
	bool released;
	int64_t started, expires;
};

/* Walks all calls, under the lock of one bucket at a time: fn must not block. False stops. */
void ar_calls_each(bool (*fn)(const struct ar_call_info *info, void *arg), void *arg);
/*
 * Frees what has expired in buckets [from, from + n) (mod size) and tells fn of each call that
 * asd still believes in. Returns where to go on. Link process only.
 */
unsigned ar_calls_sweep(unsigned from, unsigned n, int64_t now,
	void (*fn)(const struct ar_call_info *info, void *arg), void *arg);

struct ar_calls_count {
	int calls; /* asked, early and up */
	int plain, dead, exchanges, plans;
};
void ar_calls_count(struct ar_calls_count *c);

const char *ar_call_state_name(enum ar_call_state s);

/* FNV-1a, for Vias, SDPs and tags. */
uint32_t ar_hash32(const void *p, size_t n);
int64_t ar_now_ms(void);

#endif
