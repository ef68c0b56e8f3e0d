/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICE-lite agent of one peer (RFC 8445 2.5, RFC 8839): answers checks, never sends any, is always
 * controlled. Checks are answered on the local credentials alone, so also before the UE's
 * description is known; whose they were is remembered by the remote half of USERNAME.
 *
 * Called by peer.c only. No socket, no clock, no allocation per datagram. Nothing changes before
 * MESSAGE-INTEGRITY has been verified, and an error response is never larger than its request.
 */
#ifndef ICE_H
#define ICE_H

#include "mediad/ice/stun_msg.h"

#define ICE_UFRAG_LEN 8
#define ICE_PWD_LEN 24
#define ICE_MAX_CRED 256 /* RFC 8839 5.4 */
#define ICE_MAX_PAIRS 8 /* remote addresses with a verified check; the stalest goes */
#define ICE_MAX_REPLY 96
#define ICE_CONSENT (30 * 1000000ull) /* RFC 7675 5.1 */

struct ice_pair {
	struct peer_addr addr;
	uint64_t remote; /* who: ice_remote_hash() of its ufrag */
	uint64_t seen; /* last verified check */
	uint32_t priority;
	bool nominated;
};

struct ice_local {
	char ufrag[ICE_UFRAG_LEN + 1], pwd[ICE_PWD_LEN + 1];
	struct stun_key *key; /* NULL: not in use */
};

struct ice {
	struct ice_local local, old_local; /* old: until the first check on the new one */
	uint64_t remote, old_remote; /* 0: not known */
	struct ice_pair pair[ICE_MAX_PAIRS];
	unsigned npair;
	struct ice_pair *selected; /* NULL: nothing nominated yet */
	uint64_t seen; /* last verified check of the current remote */
};

enum ice_verdict {
	ICE_DROP, /* nothing to do */
	ICE_ERROR, /* answer, and count as bad */
	ICE_OK, /* answer; *pair has been refreshed */
};

struct ice_out {
	enum ice_verdict verdict;
	uint8_t reply[ICE_MAX_REPLY];
	size_t nreply;
	struct ice_pair *pair;
	bool fresh; /* the slot has a new address */
	bool nominated; /* USE-CANDIDATE was there */
	bool moved; /* the selected pair changed */
};

/* Makes local credentials. -ENOMEM, -EIO (no random numbers). */
int ice_init(struct ice *ice) __attribute__((warn_unused_result));
void ice_free(struct ice *ice);
/* New local credentials (RFC 8839 4.4.1.1.1); those that were used last stay valid until the new
 * are. */
int ice_restart(struct ice *ice) __attribute__((warn_unused_result));

/* The UE's ufrag is known, or new. Pairs of others are forgotten, except that those of the
 * previous one stay until a new one is nominated, where both are the same UE's. */
void ice_set_remote(struct ice *ice, struct ar_span ufrag, bool same_ue);
uint64_t ice_remote_hash(struct ar_span ufrag); /* never 0 */

/* One STUN datagram. out is written always. */
void ice_input(struct ice *ice, struct ar_span datagram, const struct peer_addr *from, uint64_t now,
	struct ice_out *out);

/* Data has come over the pair: its UE has moved there when its last check did too, though it has
 * nominated nothing (consent checks need not, RFC 7675; libjuice's do not). */
void ice_on_data(struct ice *ice, struct ice_pair *pair);

/* The pair with this address, NULL: no verified check came from there. */
struct ice_pair *ice_find(struct ice *ice, const struct peer_addr *from);
/* Is the pair the UE's that the description names (any, while none is known)? */
bool ice_is_ours(const struct ice *ice, const struct ice_pair *pair);
/* Has a check of the UE with this ufrag been verified? */
bool ice_has_heard(const struct ice *ice, struct ar_span ufrag);
/* Has a check with the current description's ufrag been verified? */
bool ice_is_reached(const struct ice *ice);

#endif
