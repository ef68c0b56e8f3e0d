/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by h2.c (server, streams), h2_conn.c (HTTP/2) and h1.c (HTTP/1.1); nobody else. */
#ifndef H2_INTERNAL_H
#define H2_INTERNAL_H

#include "common/ar_buf.h"
#include "common/ar_ids.h"
#include "mediad/ctl/h2.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <nghttp2/nghttp2.h>

#define H2_MAX_LISTEN 16
#define H2_OUT_MARK (256 * 1024) /* bytes handed to the socket before we wait for it */

struct h2_conn;

struct h2_stream {
	uint32_t id;
	int32_t stream_id;
	struct h2_conn *conn;
	struct h2_stream *next;
	char method[16], path[H2_MAX_PATH], query[H2_MAX_PATH], content_type[64];
	struct ar_buf body, out;
	size_t sent; /* of out */
	size_t headers; /* bytes of them so far */
	uint64_t started; /* microseconds */
	uint64_t moved; /* when the client last took some of the answer */
	bool whole, answered, endless, over, bad_path;
};

enum h2_mode { H2_UNKNOWN, H2_TWO, H2_ONE };

struct h2_conn {
	struct h2_server *server;
	struct h2_conn *next;
	struct bufferevent *bev;
	nghttp2_session *session;
	struct h2_stream *streams;
	enum h2_mode mode;
	uint64_t busy; /* when it last had a stream or was made */
	bool in_recv, dead, closing;
};

struct h2_server {
	struct event_base *base;
	struct h2_handlers h;
	void *arg;
	unsigned max_connections, nlistener;
	struct evconnlistener *listener[H2_MAX_LISTEN];
	struct h2_conn *conns;
	struct ar_ids streams;
	struct event *tick, *reap;
	struct h2_stats stats;
};

/* h2.c */
struct h2_stream *h2_stream_new(struct h2_conn *c, int32_t stream_id);
void h2_stream_free(struct h2_stream *st);
void h2_stream_body(struct h2_stream *st, struct ar_span data);
void h2_stream_request(struct h2_stream *st); /* whole: hands it to the owner */
void h2_stream_set_path(struct h2_stream *st, struct ar_span target);
void h2_stream_set_type(struct h2_stream *st, struct ar_span value);
void h2_conn_kill(struct h2_conn *c); /* freed at the end of the turn */

/* h2_conn.c */
int h2_two_start(struct h2_conn *c);
void h2_two_input(struct h2_conn *c, struct ar_span in);
void h2_two_flush(struct h2_conn *c);
int h2_two_answer(struct h2_stream *st, const struct h2_response *r);
void h2_two_resume(struct h2_stream *st);
void h2_two_reset(struct h2_stream *st, uint32_t code);

/* h1.c: returns bytes used, 0: more are needed, -1: not HTTP/1.1 GET */
int h1_input(struct h2_conn *c, struct ar_span in);
int h1_answer(struct h2_stream *st, const struct h2_response *r);
void h1_push(struct h2_stream *st);

#endif
