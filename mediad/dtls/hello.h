/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at what begins a DTLS handshake, before anything is made for it (RFC 6347 4.2.1): is there
 * a ClientHello in the datagram, and does it bring a cookie of ours? The cookie is an HMAC of the
 * address, so that nothing needs to be kept.
 *
 * Called by peer_layers.c and dtls.c. No state, no I/O. The datagram may be anything.
 */
#ifndef DTLS_HELLO_H
#define DTLS_HELLO_H

#include "mediad/dtls/dtls.h"

#define DTLS_COOKIE 16
#define DTLS_RANDOM 32
#define DTLS_ASK (13 + 12 + 3 + DTLS_COOKIE) /* a HelloVerifyRequest */

enum dtls_hello {
	DTLS_HELLO_NONE,
	DTLS_HELLO_REST, /* a later fragment only */
	DTLS_HELLO_BEGIN, /* a whole one, or its first fragment */
};

/* cookie: borrowed from the datagram, of no bytes when there is none. */
enum dtls_hello dtls_hello_peek(struct ar_span datagram, struct ar_span *cookie);

/* The client's random, DTLS_RANDOM bytes of the datagram, which all copies of one hello have; of no
 * bytes when none begins here. */
struct ar_span dtls_hello_random(struct ar_span datagram);

/*
 * The answer to a ClientHello without a cookie, from its first fragment alone: a
 * HelloVerifyRequest, never longer than what asks for it. False: nothing (too short, no memory).
 * The hello that brings the cookie is the first that an association sees (dtls.h, unverified).
 */
bool dtls_hello_ask(const struct dtls_ctx *c, struct ar_span datagram, const struct peer_addr *a,
	uint8_t out[DTLS_ASK]);

/* False: no memory. */
bool dtls_cookie_make(
	const struct dtls_ctx *c, const struct peer_addr *a, uint8_t cookie[DTLS_COOKIE]);
bool dtls_cookie_fits(const struct dtls_ctx *c, const struct peer_addr *a, struct ar_span cookie);

#endif
