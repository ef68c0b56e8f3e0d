/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DTLS 1.2 records with AES-GCM after the handshake (RFC 6347 4.1, RFC 5288): sealing, opening,
 * replay window. OpenSSL makes the keys; here is only what each packet needs, at a quarter of the
 * instructions that SSL_read() and SSL_write() take and without the 45 kB that an SSL keeps.
 *
 * Called by dtls.c only. No I/O, no clock. One epoch, since nobody renegotiates. In memory of its
 * owner; dtls_record_free() wipes it.
 */
#ifndef DTLS_RECORD_H
#define DTLS_RECORD_H

#include "common/ar_span.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define DTLS_RECORD_HEAD 13
#define DTLS_RECORD_NONCE 8 /* the explicit half */
#define DTLS_RECORD_TAG 16
#define DTLS_RECORD_ROOM (DTLS_RECORD_HEAD + DTLS_RECORD_NONCE + DTLS_RECORD_TAG)
#define DTLS_RECORD_SALT 4
#define DTLS_RECORD_WINDOW 64 /* sequence numbers behind the highest that may still come */
#define DTLS_RECORD_PLAIN 16384 /* RFC 5246 6.2.1 */
#define DTLS_VERSION_1_2 0xfefd

enum dtls_type {
	DTLS_CHANGE_CIPHER_SPEC = 20,
	DTLS_ALERT = 21,
	DTLS_HANDSHAKE = 22,
	DTLS_APPLICATION_DATA = 23,
};

struct dtls_head { /* one record of a datagram; body borrows from it */
	uint8_t type;
	uint16_t version, epoch;
	uint64_t seq; /* 48 bits */
	struct ar_span body;
};

struct dtls_record_keys { /* of one direction */
	uint8_t key[32], salt[DTLS_RECORD_SALT];
};

struct dtls_record_side {
	EVP_CIPHER_CTX *ctx;
};

struct dtls_record {
	struct dtls_record_side rx, tx;
	uint64_t tx_seq; /* of the next one; the nonces are in tx.ctx, one up each time */
	uint64_t rx_top, rx_seen; /* highest so far + 1; bit n: top - 1 - n has come */
};

/* The first record of the rest of a datagram, which is moved past it. False: what is left is none,
 * and can only be dropped (RFC 6347 4.1.2.7). */
bool dtls_record_next(struct ar_span *rest, struct dtls_head *h);

/* cipher: AES-128-GCM or AES-256-GCM. -ENOMEM. */
int dtls_record_init(struct dtls_record *r, const EVP_CIPHER *cipher,
	const struct dtls_record_keys *tx, const struct dtls_record_keys *rx)
	__attribute__((warn_unused_result));
void dtls_record_free(struct dtls_record *r);

/*
 * The last record that OpenSSL sent in this epoch: opens it and goes on after its sequence number
 * and nonce, so that neither is used twice with the key. Otherwise as dtls_record_open(); without
 * it nothing can be sealed.
 */
int dtls_record_adopt(struct dtls_record *r, const EVP_CIPHER *cipher,
	const struct dtls_record_keys *tx, const struct dtls_head *h, uint8_t *buf,
	struct ar_span *plain) __attribute__((warn_unused_result));

/* One record of at most DTLS_RECORD_PLAIN bytes into out (room for DTLS_RECORD_ROOM more).
 * Its length, -EOVERFLOW: no sequence number is left, -EIO. */
int dtls_record_seal(struct dtls_record *r, enum dtls_type type, struct ar_span plain, uint8_t *out)
	__attribute__((warn_unused_result));

/* buf: room for h->body, where plain is then. 0, -EBADMSG: not authentic or malformed, -EALREADY:
 * has come before or is too old. The record counts as come only when it is authentic. */
int dtls_record_open(struct dtls_record *r, const struct dtls_head *h, uint8_t *buf,
	struct ar_span *plain) __attribute__((warn_unused_result));

#endif
