/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One DTLS 1.2 association (RFC 6347, RFC 8842, RFC 8261) over OpenSSL and a BIO of our own, so
 * that datagram boundaries survive both ways. Both roles; both sides must show a certificate, and
 * nothing of the UE's is handed up before its fingerprint is known and matches: the owner asks
 * dtls_verify(). Data goes out in one record, one datagram each.
 *
 * For media it also agrees on SRTP keys (RFC 5764).
 *
 * Called by peer.c only. No socket; OpenSSL reads gettimeofday() for its retransmission timer.
 * Never freed inside its own handlers. The read buffer is the context's: one thread.
 */
#ifndef DTLS_H
#define DTLS_H

#include "mediad/dtls/cert.h"
#include "mediad/peer.h"
#include "mediad/srtp/rtpsec.h"

#define DTLS_MTU 1200 /* UDP payload; RFC 8831 5 */
#define DTLS_OVERHEAD 37 /* record header, explicit nonce and tag of AES-GCM */
#define DTLS_RETRANSMIT 100000u /* first retransmission, microseconds */
#define DTLS_RETRANSMIT_MAX 800000u
#define DTLS_SLOW_RETRANSMIT 500000u /* towards an address that nobody has verified */

struct dtls_ctx; /* per worker: SSL_CTX, cookie secret, buffers */
struct dtls;

struct dtls_handlers {
	void (*send)(void *arg, struct ar_span datagram);
	void (*on_data)(void *arg, struct ar_span packet); /* valid during the call */
};

struct dtls_conf {
	bool client;
	bool srtp; /* media: the UE must agree on an SRTP profile */
	/* No ICE has shown that the UE is at this address: as a server begin with the ClientHello
	 * that brings the cookie for it (RFC 6347 4.2.1; hello.h asks for it), as a client send few
	 * ClientHellos. Borrowed for the life of it. */
	const struct peer_addr *unverified;
};

int dtls_ctx_new(struct dtls_ctx **cp, const struct cert *cert) __attribute__((warn_unused_result));
void dtls_ctx_free(struct dtls_ctx *c);

int dtls_new(struct dtls **dp, struct dtls_ctx *c, const struct dtls_conf *conf,
	const struct dtls_handlers *h, void *arg) __attribute__((warn_unused_result));
void dtls_free(struct dtls *d);

/* The fingerprints are known: from now on a certificate that does not match fails the handshake
 * with bad_certificate. Copied. */
void dtls_set_prints(struct dtls *d, const struct cert_prints *prints);

/* As client: sends the first ClientHello. 0 or as dtls_input(). */
int dtls_start(struct dtls *d, uint64_t now) __attribute__((warn_unused_result));
/*
 * One datagram. 0: go on. -ECONNRESET: the UE closed it (close_notify or alert); -EPROTO: handshake
 * failure; -EACCES: certificate does not match. dtls_why() tells more.
 */
int dtls_input(struct dtls *d, struct ar_span datagram, uint64_t now)
	__attribute__((warn_unused_result));
bool dtls_is_done(const struct dtls *d); /* the handshake is complete */
/* Complete, and the UE's certificate matches the fingerprints. */
bool dtls_verify(const struct dtls *d);
/* Does the certificate that the UE showed match these? False while the handshake goes on. */
bool dtls_matches(const struct dtls *d, const struct cert_prints *prints);

/* The keys for SRTP (RFC 5764 4.2), RTPSEC_MAX_KEY bytes each: ours, the UE's. -ENOENT: no profile
 * was agreed on; -ENOTCONN. */
int dtls_srtp_keys(struct dtls *d, enum rtpsec_profile *profile, uint8_t *tx, uint8_t *rx)
	__attribute__((warn_unused_result));

/* One packet of at most DTLS_MTU - DTLS_OVERHEAD bytes in one record. -ENOTCONN, -EMSGSIZE. */
int dtls_send(struct dtls *d, struct ar_span packet) __attribute__((warn_unused_result));
uint64_t dtls_next_timeout(const struct dtls *d);
/* Retransmits what is due. 0 or -ETIMEDOUT: given up. */
int dtls_on_timer(struct dtls *d, uint64_t now) __attribute__((warn_unused_result));
void dtls_close(struct dtls *d); /* sends close_notify */

/* Records dropped: not authentic, replayed, or not understood. */
uint64_t dtls_bad(const struct dtls *d);
const char *dtls_why(const struct dtls *d); /* text of the last failure, never NULL */
const char *dtls_cipher(const struct dtls *d);

#endif
