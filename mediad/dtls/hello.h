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

enum dtls_hello {
	DTLS_HELLO_NONE,
	DTLS_HELLO_REST, /* a later fragment only */
	DTLS_HELLO_BEGIN, /* a whole one, or its first fragment */
};

/* cookie: borrowed from the datagram, of no bytes when there is none. */
enum dtls_hello dtls_hello_peek(struct ar_span datagram, struct ar_span *cookie);

/* False: no memory. */
bool dtls_cookie_make(
	const struct dtls_ctx *c, const struct peer_addr *a, uint8_t cookie[DTLS_COOKIE]);
bool dtls_cookie_fits(const struct dtls_ctx *c, const struct peer_addr *a, struct ar_span cookie);

#endif
