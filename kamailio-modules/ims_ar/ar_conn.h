/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to an asd: connect and reconnect, frames, hello, ping, events until they are
 * acknowledged. No Kamailio API but logging, so that it is tested alone. Link process only; never
 * blocks, except where a host name has to be resolved.
 */
#ifndef IMS_AR_CONN_H
#define IMS_AR_CONN_H

#include "ar_job.h"

#include "common/ar_frame.h"

#include <poll.h>

#define AR_CONN_RETRY 500 /* ms between attempts */
#define AR_CONN_LOOKUP 20 /* ms between two looks whether a name has been found */
#define AR_CONN_SETUP 3000 /* ms for connect and hello */
#define AR_CONN_PING 5000 /* ms between pings */
#define AR_CONN_PONG 3000 /* ms for the answer to a ping */
#define AR_CONN_OUT (4 * 1024 * 1024) /* bytes that asd has not read; more closes */

enum ar_conn_phase { AR_CONN_DOWN, AR_CONN_CONNECTING, AR_CONN_HELLO, AR_CONN_UP };

struct ar_conn {
	unsigned index;
	const char *address, *name, *instance;
	enum ar_conn_phase phase;
	int fd;
	struct ar_buf in, out;
	int64_t due; /* retry, set-up, next ping or missing pong */
	bool pinging;
	uint64_t next_id; /* of hello and ping, above every job's id */
	uint64_t wait_id;
	/* events: [head .. sent) were sent, [sent .. tail] wait */
	struct ar_event *head, *tail, *sent;
	uint64_t next_seq;
	unsigned unacked;
	char peer_instance[40], peer_version[24], why[96];
};

struct ar_conn_handler {
	void (*up)(struct ar_conn *c, void *arg);
	void (*down)(struct ar_conn *c, void *arg); /* may not use c to send */
	/* any frame that is not hello, ping or ack; -EBADMSG closes the connection */
	int (*frame)(struct ar_conn *c, const json_t *j, void *arg);
	void *arg;
};

void ar_conn_init(struct ar_conn *c, unsigned index, const char *address, const char *name,
	const char *instance);
void ar_conn_free(struct ar_conn *c);
/* fd -1 when there is nothing to poll. Returns when it is next due. */
int64_t ar_conn_poll(const struct ar_conn *c, struct pollfd *p);
void ar_conn_run(struct ar_conn *c, short revents, int64_t now, const struct ar_conn_handler *h);
/* Sends {"id":id,<text without its brace>. -ENOTCONN, -ENOBUFS, -EMSGSIZE. */
int ar_conn_request(struct ar_conn *c, uint64_t id, const char *text)
	__attribute__((warn_unused_result));
/* Takes the event over; it is sent in order and freed when acknowledged. */
void ar_conn_event(struct ar_conn *c, struct ar_event *e);
/* Takes all its events out again, oldest first (another asd is to have them). */
struct ar_event *ar_conn_take_events(struct ar_conn *c);

/* Parses "unix:/path", "tcp:host:port", "tcp:[v6]:port" and begins to connect. The fd, or a
 * negative errno; -EAGAIN: the host's name is being looked up, ask again. wait: for that, in the
 * RPC process. */
int ar_conn_dial(const char *address, bool wait);
/* 0 or -EINVAL: can the address be meant? */
int ar_conn_check(const char *address);
/* Appends one frame of {"<what>":n,<text without its brace>. */
int ar_conn_frame(struct ar_buf *out, const char *what, uint64_t n, const char *text)
	__attribute__((warn_unused_result));

#endif
