/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dtls/hello.h"
#include "mediad/dtls/dtls_int.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>

#define CLIENT_HELLO 1
#define MESSAGE_HEAD 12 /* type, length, sequence number, fragment offset and length */
#define OFFSET_AT 6
#define VERSION_AND_RANDOM 34

/* A field with one byte of length; false when it is cut off. */
static bool take_field(struct ar_span *s, struct ar_span *field)
{
	size_t n = s->n ? (uint8_t)s->p[0] : 0;

	if (s->n < 1 + n)
		return false;
	*field = (struct ar_span){s->p + 1, n};
	*s = (struct ar_span){s->p + 1 + n, s->n - 1 - n};
	return true;
}

/* The cookie is near the beginning: the first fragment has it. */
static void find_cookie(struct ar_span hello, struct ar_span *cookie)
{
	struct ar_span session;

	*cookie = AR_SPAN_NONE;
	if (hello.n < VERSION_AND_RANDOM)
		return;
	hello.p += VERSION_AND_RANDOM;
	hello.n -= VERSION_AND_RANDOM;
	if (!take_field(&hello, &session) || !take_field(&hello, cookie))
		*cookie = AR_SPAN_NONE;
}

/* hello: the message from its version on, when it begins here. */
static enum dtls_hello find_hello(struct ar_span datagram, struct ar_span *hello)
{
	enum dtls_hello what = DTLS_HELLO_NONE;
	struct dtls_head h;

	while (dtls_record_next(&datagram, &h)) {
		const uint8_t *b = (const uint8_t *)h.body.p;

		if (h.type != DTLS_HANDSHAKE || h.epoch || h.body.n < MESSAGE_HEAD ||
			b[0] != CLIENT_HELLO)
			continue;
		what = DTLS_HELLO_REST;
		if (b[OFFSET_AT] || b[OFFSET_AT + 1] || b[OFFSET_AT + 2])
			continue;
		*hello = (struct ar_span){h.body.p + MESSAGE_HEAD, h.body.n - MESSAGE_HEAD};
		return DTLS_HELLO_BEGIN;
	}
	return what;
}

enum dtls_hello dtls_hello_peek(struct ar_span datagram, struct ar_span *cookie)
{
	struct ar_span hello;
	enum dtls_hello what = find_hello(datagram, &hello);

	*cookie = AR_SPAN_NONE;
	if (what == DTLS_HELLO_BEGIN)
		find_cookie(hello, cookie);
	return what;
}

struct ar_span dtls_hello_random(struct ar_span datagram)
{
	struct ar_span hello;

	if (find_hello(datagram, &hello) != DTLS_HELLO_BEGIN || hello.n < VERSION_AND_RANDOM)
		return AR_SPAN_NONE;
	return (struct ar_span){hello.p + VERSION_AND_RANDOM - DTLS_RANDOM, DTLS_RANDOM};
}

bool dtls_hello_ask(const struct dtls_ctx *c, struct ar_span datagram, const struct peer_addr *a,
	uint8_t out[DTLS_ASK])
{
	/* DTLS 1.0 in both versions, whatever follows. Record 0 and not the number of the hello's
	 * record (RFC 6347 4.2.1): those from 1 up are the association's, and a UE that has had
	 * one of these needs no other. */
	static const uint8_t head[DTLS_ASK - DTLS_COOKIE] = {22, 0xfe, 0xff, [12] = DTLS_ASK - 13,
		[13] = 3, [16] = 3 + DTLS_COOKIE, [24] = 3 + DTLS_COOKIE, [25] = 0xfe, 0xff,
		DTLS_COOKIE};

	if (datagram.n < DTLS_ASK)
		return false;
	memcpy(out, head, sizeof(head));
	return dtls_cookie_make(c, a, out + sizeof(head));
}

bool dtls_cookie_make(
	const struct dtls_ctx *c, const struct peer_addr *a, uint8_t cookie[DTLS_COOKIE])
{
	const struct sockaddr_in *sin = (const void *)&a->ss;
	const struct sockaddr_in6 *sin6 = (const void *)&a->ss;
	uint8_t text[18] = {0}, md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (a->ss.ss_family == AF_INET6) {
		memcpy(text, &sin6->sin6_addr, 16);
		memcpy(text + 16, &sin6->sin6_port, 2);
	} else {
		memcpy(text, &sin->sin_addr, 4);
		memcpy(text + 16, &sin->sin_port, 2);
	}
	if (!HMAC(EVP_sha256(), c->secret, sizeof(c->secret), text, sizeof(text), md, &n))
		return false;
	memcpy(cookie, md, DTLS_COOKIE);
	return true;
}

bool dtls_cookie_fits(const struct dtls_ctx *c, const struct peer_addr *a, struct ar_span cookie)
{
	uint8_t want[DTLS_COOKIE];

	return cookie.n == DTLS_COOKIE && dtls_cookie_make(c, a, want) &&
	       CRYPTO_memcmp(want, cookie.p, DTLS_COOKIE) == 0;
}
