/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * STUN messages as ICE uses them: Binding requests, indications and responses (RFC 8489, RFC 8445
 * 7.1). Reading checks every length and FINGERPRINT; MESSAGE-INTEGRITY is checked apart, as it
 * needs the key. Pure: no socket, no clock. Called by ice.c and by the test client.
 */
#ifndef STUN_MSG_H
#define STUN_MSG_H

#include "mediad/peer.h"

#define STUN_HEADER 20
#define STUN_ID_LEN 12
#define STUN_MAX_USERNAME 513 /* two ice-ufrags of 256 and a colon; RFC 8489 14.3 */
#define STUN_MAX_UNKNOWN 4 /* listed in a 420; more are left out */
#define STUN_BINDING 0x0001

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_FAILURE };

enum stun_error {
	STUN_BAD_REQUEST = 400,
	STUN_UNAUTHENTICATED = 401,
	STUN_UNKNOWN_ATTRIBUTE = 420,
	STUN_ROLE_CONFLICT = 487,
};

struct stun_msg { /* spans borrow from the datagram */
	uint16_t method;
	enum stun_class cls;
	uint8_t id[STUN_ID_LEN];
	struct ar_span raw, username;
	size_t mi_at; /* offset of MESSAGE-INTEGRITY in raw, 0: none */
	bool has_priority, use_candidate, controlling, controlled, fingerprint, mapped;
	uint32_t priority;
	uint64_t tie_breaker;
	uint16_t error; /* of an error response, 0: none */
	struct peer_addr mapped_addr;
	uint16_t unknown[STUN_MAX_UNKNOWN]; /* comprehension-required ones that we do not know */
	unsigned nunknown;
};

/* A key for MESSAGE-INTEGRITY, kept ready so that a check costs no key set-up. */
struct stun_key;

/* -EBADMSG: not STUN, a length is wrong, or FINGERPRINT is there and wrong. */
int stun_parse(struct stun_msg *m, struct ar_span datagram) __attribute__((warn_unused_result));

/* The local half of USERNAME, without checking anything else; absent when there is none. For the
 * demultiplexer. */
struct ar_span stun_peek_ufrag(struct ar_span datagram);

/* Short-term credential: the key is the password itself (RFC 8489 9.1.1). -ENOMEM. */
int stun_key_new(struct stun_key **kp, struct ar_span password) __attribute__((warn_unused_result));
void stun_key_free(struct stun_key *k);
/* false when MESSAGE-INTEGRITY is absent or wrong. */
bool stun_check(const struct stun_msg *m, struct stun_key *k);

/* Writing: begin, attributes, then stun_finish(). An error sticks and shows in stun_finish(). */
struct stun_writer {
	uint8_t *p;
	size_t n, cap;
	int err;
};

void stun_begin(struct stun_writer *w, uint8_t *buf, size_t cap, enum stun_class cls,
	const uint8_t id[STUN_ID_LEN]);
void stun_add_username(struct stun_writer *w, struct ar_span local, struct ar_span remote);
void stun_add_priority(struct stun_writer *w, uint32_t priority);
void stun_add_role(struct stun_writer *w, bool controlling, uint64_t tie_breaker);
void stun_add_use_candidate(struct stun_writer *w);
void stun_add_xor_mapped(struct stun_writer *w, const struct peer_addr *a);
/* ERROR-CODE without a reason phrase (an error must not be larger than what caused it), and
 * UNKNOWN-ATTRIBUTES when it is a 420. */
void stun_add_error(struct stun_writer *w, enum stun_error code, const struct stun_msg *cause);
/* MESSAGE-INTEGRITY (key NULL: without it), FINGERPRINT and the length. Returns the size or a
 * negative errno (-ENOBUFS: buf too small). */
int stun_finish(struct stun_writer *w, struct stun_key *k) __attribute__((warn_unused_result));

#endif
