/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A DTLS association from the inside. dtls.c: OpenSSL, which makes every handshake and carries the
 * data of cipher suites that are not AES-GCM; dtls_own.c: what follows a handshake with AES-GCM,
 * without OpenSSL's SSL.
 */
#ifndef DTLS_INT_H
#define DTLS_INT_H

#include "mediad/dtls/dtls.h"
#include "mediad/dtls/record.h"

#include <openssl/kdf.h>
#include <openssl/ssl.h>

#define DTLS_MAX_EARLY 8 /* records of data that came before the handshake was complete */
#define DTLS_MAX_REPEATS 32 /* answers to handshake messages after the handshake */
#define DTLS_CCS_RECORD (DTLS_RECORD_HEAD + 1)
#define DTLS_FINISHED 24 /* header and verify_data, RFC 5246 7.4.9, RFC 6347 4.2.2 */

struct dtls_ctx {
	SSL_CTX *ssl;
	BIO_METHOD *bio;
	EVP_CIPHER *gcm128, *gcm256;
	EVP_KDF *prf;
	uint8_t secret[32]; /* of the cookies */
	char buf[DTLS_RECORD_NONCE + DTLS_RECORD_PLAIN + DTLS_RECORD_TAG], out[DTLS_MTU];
};

struct dtls_early {
	char *data;
	size_t n;
};

struct dtls {
	SSL *ssl; /* NULL: the records are ours */
	struct dtls_ctx *ctx;
	struct dtls_handlers h;
	void *arg;
	const struct peer_addr *unverified;
	struct cert_prints prints;
	struct ar_span in; /* the record being read by OpenSSL */
	uint64_t deadline, bad;
	bool client, srtp, done, dead, mismatch;
	bool silent, asked; /* what goes out does not; it was a HelloVerifyRequest */
	char why[128];
	const char *cipher; /* text of OpenSSL's */
	uint8_t *cert; /* the UE's, DER */
	size_t ncert;

	struct dtls_early early[DTLS_MAX_EARLY];
	unsigned nearly;

	/* the end of our last flight, as sent; once own: finished is the message itself */
	uint8_t ccs[DTLS_CCS_RECORD], finished[DTLS_FINISHED + DTLS_RECORD_ROOM];
	size_t nccs, nfinished;
	struct dtls_record rec;
	unsigned repeats;
};

/* Sets dead and why, returns err. */
int dtls_fail(struct dtls *d, int err, const char *what);

/* dtls_own.c */
/* OpenSSL sends this datagram: keeps what must be sent again when it is lost. */
void dtls_own_note(struct dtls *d, struct ar_span datagram);
/* The handshake is complete: goes on without OpenSSL where it can. */
void dtls_own_take(struct dtls *d);
int dtls_own_input(struct dtls *d, const struct dtls_head *h);
int dtls_own_send(struct dtls *d, enum dtls_type type, struct ar_span plain);

#endif
