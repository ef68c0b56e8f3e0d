/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP server in the test's loop that answers by rote: requests are told apart by what they
 * contain, the answers are raw bytes, sent in pieces and as late as the test likes. */
#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

#include "common/ar_span.h"

#include <event2/event.h>
#include <stdint.h>

struct fake_rule {
	const char *request; /* a part of it; NULL: any */
	const char *answer; /* NULL: none; "*": the request's own bytes are of no use, close */
	size_t length; /* 0: strlen(answer) */
	unsigned delay_ms; /* before it */
	unsigned repeat; /* the answer's last byte so often, for huge ones */
	unsigned drip_ms; /* a byte each so many ms */
	bool close; /* afterwards */
};

struct fake_server;

/* end: what a request ends with ("\r\n\r\n", "\r\n"). rules live as long as the server. */
struct fake_server *fake_server_new(struct event_base *base, const char *end,
	const struct fake_rule *rules, unsigned n, uint16_t *port);
void fake_server_free(struct fake_server *s);
unsigned fake_server_requests(const struct fake_server *s);
unsigned fake_server_connections(const struct fake_server *s); /* accepted */
unsigned fake_server_open(const struct fake_server *s);
const char *fake_server_last(const struct fake_server *s); /* the last request, "" */
/* Closes every connection, as a server does that is tired of waiting. */
void fake_server_hang_up(struct fake_server *s);
/* Closes the listener, too. */
void fake_server_down(struct fake_server *s);

#endif
