/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker's certificate and key, and certificate fingerprints (RFC 8122, RFC 8842 5.1). One
 * certificate per worker, made at start: ECDSA P-256, self-signed, never written anywhere.
 */
#ifndef CERT_H
#define CERT_H

#include "common/ar_span.h"

#include <openssl/x509.h>
#include <stdint.h>

#define CERT_FINGERPRINT_TEXT 128 /* "SHA-256 AB:CD:..." with its end */
#define CERT_MAX_DIGEST 64
#define CERT_MAX_PRINTS 8

struct cert {
	X509 *x509;
	EVP_PKEY *key;
	char fingerprint[CERT_FINGERPRINT_TEXT];
};

/* -ENOMEM: OpenSSL could not make it. */
int cert_new(struct cert **cp) __attribute__((warn_unused_result));
void cert_free(struct cert *c);

/* The fingerprints that a description names, of the strongest hash among them only. */
struct cert_prints {
	unsigned n;
	unsigned strength; /* rank of the hash, 0: none yet */
	const char *digest;
	size_t len;
	uint8_t value[CERT_MAX_PRINTS][CERT_MAX_DIGEST];
};

/*
 * Adds one "sha-256 AB:CD:..." (hash name and digits in either case). 0, also when it was weaker
 * than one already there and so ignored; -EINVAL: malformed, or a hash that we refuse (MD5, MD2).
 */
int cert_prints_add(struct cert_prints *set, struct ar_span text)
	__attribute__((warn_unused_result));
/* The same fingerprints? */
bool cert_prints_eq(const struct cert_prints *a, const struct cert_prints *b);
/* Does the certificate match any of the set? An empty set matches nothing. */
bool cert_prints_match(const struct cert_prints *set, const X509 *x509);
/* The same of its DER encoding, which is what a fingerprint is of (RFC 8122 5). */
bool cert_prints_match_der(const struct cert_prints *set, struct ar_span der);

#endif
