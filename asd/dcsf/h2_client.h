/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/2 client with prior knowledge (RFC 9113 3.3) on one persistent connection, for DC2.
 *
 * Connects by itself, again with back-off after every loss, and keeps the connection alive with
 * PING. One thread: the loop's. Requests do not wait for a connection: without one they fail at
 * once. Each accepted request ends with exactly one on_done, never from inside h2_request(); new
 * requests may be made in any handler, but the client must not be freed in one.
 */
#ifndef H2_CLIENT_H
#define H2_CLIENT_H

#include "common/ar_span.h"

#include <event2/event.h>
#include <stdint.h>

#define H2_MAX_REQUESTS 4096 /* open at a time; further ones -ENOBUFS */
#define H2_MAX_RESPONSE (16 * 1024 * 1024) /* bytes of one response body */
#define H2_MAX_BODY (256 * 1024) /* bytes of one request body (docs/mrm.md) */

struct h2_conf {
	const char *host; /* name or address; copied */
	uint16_t port;
	unsigned connect_ms; /* until the server's SETTINGS; 0: 2000 */
	unsigned idle_ms; /* silence after which PING is sent, and after it the end; 0: 4000 */
	unsigned backoff_ms; /* first pause before connecting again, doubled up to 2 s; 0: 200 */
};

struct h2_handlers {
	void (*on_up)(void *arg);
	void (*on_down)(void *arg, const char *reason); /* after all its requests have ended */
	void (*on_failed)(void *arg, const char *reason); /* could not connect; tries again */
};

struct h2_response {
	int err; /* 0, -ETIMEDOUT, -ECONNRESET (link lost), -EMSGSIZE, -EPROTO (stream reset) */
	int status; /* HTTP status, when err is 0 */
	struct ar_span body;
};

/* cookie: the caller's own id of what it asked for. */
struct h2_request {
	const char *method, *path;
	const char *content_type; /* NULL: no body */
	struct ar_span body; /* copied */
	unsigned timeout_ms; /* 0: none */
	uint64_t cookie;
	/* Given: the body is handed over as it arrives, and not collected. */
	void (*on_data)(void *arg, uint64_t cookie, struct ar_span data);
	void (*on_done)(void *arg, uint64_t cookie, const struct h2_response *r);
};

struct h2_client;

int h2_client_new(struct h2_client **cp, struct event_base *base, const struct h2_conf *conf,
	const struct h2_handlers *h, void *arg) __attribute__((warn_unused_result));
/* Open requests end without a word. */
void h2_client_free(struct h2_client *c);
bool h2_client_up(const struct h2_client *c);
/* 0, -ENOTCONN, -ENOBUFS, -EMSGSIZE, -ENOMEM. */
int h2_request(struct h2_client *c, const struct h2_request *r) __attribute__((warn_unused_result));
/* Closes and connects anew, e.g. when the peer talks nonsense. */
void h2_client_restart(struct h2_client *c, const char *reason);

#endif
