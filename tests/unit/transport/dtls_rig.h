/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two DTLS ends and the wires between them, for the tests of mediad/dtls: each end is ours or plain
 * OpenSSL over a BIO of its own. A test fills `fx` by rig_set_up(), makes both ends and exchanges.
 */
#ifndef TEST_DTLS_RIG_H
#define TEST_DTLS_RIG_H

#include "tests/unit/common/cmocka_all.h"

#include "common/daemon/ar_clock.h"
#include "mediad/dtls/dtls_int.h"
#include "tests/lib/vclock.h"

#define RIG_QUEUE 256
#define RIG_DATAGRAM 17000

struct wire { /* datagrams one way, oldest at head; tail counts all that ever went */
	char *d[RIG_QUEUE]; /* allocated to the byte, so that a sanitizer sees an overread */
	size_t n[RIG_QUEUE];
	unsigned head, tail;
	size_t largest;
};

struct end {
	struct dtls *dtls; /* ours, or */
	SSL *raw; /* plain OpenSSL */
	struct wire *out, *in;
	int result; /* first error */
	unsigned packets;
	char last[RIG_DATAGRAM];
	size_t nlast;
	uint64_t sum; /* of all data, any order */
};

struct dtls_rig {
	struct cert *cert[2];
	struct dtls_ctx *ctx[2];
	struct wire ab, ba;
	struct end a, b; /* a: DTLS server, b: client */
	BIO_METHOD *method;
	SSL_CTX *raw_ctx;
};

extern struct dtls_rig fx;

int rig_set_up(void **state);
int rig_tear_down(void **state);

void wire_put(struct wire *w, const char *p, size_t n);
struct ar_span wire_newest(const struct wire *w);
void wire_drop(struct wire *w); /* all that is on the way is lost */

/* unverified: the client's address, when a cookie is due first; NULL: none is. */
void rig_make_ours(struct end *e, unsigned cert, const struct peer_addr *unverified);
/* A plain OpenSSL end; x509 NULL: without certificate. One a test. */
void rig_make_raw(struct end *e, X509 *x509, EVP_PKEY *key);
void rig_feed(struct end *e, const char *p, size_t n); /* to one of ours */
void rig_read_all(struct end *e);
void rig_exchange(void); /* until both ends are silent; starts the client when it is ours */

#endif
