/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small HTTP server: HTTP/2 with prior knowledge (h2c, TS 29.500), and HTTP/1.1 GET with
 * Connection: close for scrapers and browsers. Bounded in every direction; what does not finish in
 * time is cut off. Bytes that are neither end the connection and are counted.
 *
 * One thread: the parent's loop. A request is answered by its id, at once or later; an id whose
 * stream has gone finds nothing. DC2.
 */
#ifndef H2_H
#define H2_H

#include "common/ar_span.h"

#include <event2/event.h>
#include <stdint.h>

#define H2_MAX_BODY (256 * 1024)
#define H2_MAX_REPLY (24 * 1024 * 1024)
#define H2_MAX_BACKLOG (256 * 1024) /* unsent bytes of an endless answer */
#define H2_MAX_STREAMS 100 /* at a time on one connection */
#define H2_MAX_HEADERS 16384 /* bytes of one request's header list */
#define H2_MAX_PATH 256
#define H2_REQUEST_S 10 /* a request must be whole after this */
#define H2_IDLE_S 300 /* a connection without a stream ends after this */
#define H2_STALL_S 15 /* and one that takes no bytes after this */

struct h2_request {
	uint32_t id;
	const char *method, *path, *query; /* query without '?', "" for none */
	const char *content_type; /* "" for none, without parameters */
	struct ar_span body; /* valid during the call */
	bool too_large; /* over H2_MAX_BODY, body is empty */
};

struct h2_response {
	int status;
	const char *content_type; /* NULL: none */
	const char *name[2], *value[2]; /* further headers, NULL: none */
	struct ar_span body;
};

struct h2_handlers {
	void (*on_request)(void *arg, const struct h2_request *r);
	void (*on_gone)(void *arg, uint32_t id); /* after h2_open only: the client went away */
};

struct h2_stats {
	uint64_t connections, refused, garbage, requests, timeouts, slow;
	unsigned open;
};

struct h2_server;

int h2_server_new(struct h2_server **sp, struct event_base *base, unsigned max_connections,
	const struct h2_handlers *h, void *arg) __attribute__((warn_unused_result));
void h2_server_free(struct h2_server *s);
/* Takes over a listening socket. */
int h2_server_add(struct h2_server *s, int fd) __attribute__((warn_unused_result));
void h2_server_get_stats(const struct h2_server *s, struct h2_stats *out);

/* -ENOENT when the stream is gone; everything is copied. */
int h2_reply(struct h2_server *s, uint32_t id, const struct h2_response *r);
/* An endless answer: header now, h2_push() as often as wanted. -ENOBUFS: the reader is too slow,
 * the stream has been ended. */
int h2_open(struct h2_server *s, uint32_t id, const char *content_type);
int h2_push(struct h2_server *s, uint32_t id, struct ar_span data);

#endif
