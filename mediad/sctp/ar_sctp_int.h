/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by ar_sctp.c (one association) and ar_sctp_stack.c (usrsctp, ids, ticks, events). */
#ifndef AR_SCTP_INT_H
#define AR_SCTP_INT_H

#include "common/ar_buf.h"
#include "mediad/sctp/ar_sctp.h"
#include "mediad/sctp/ar_sctp_map.h"
#include "mediad/sctp/ar_sctp_repeat.h"

#include <usrsctp.h>

struct ar_sctp_event { /* what usrsctp reported, kept until it has returned */
	uint32_t id;
	void *data; /* malloc's, ours; NULL: the association ended */
	size_t len;
	uint32_t ppid;
	uint16_t stream;
	bool notification, whole;
};

struct ar_sctp_queue { /* records of struct ar_sctp_queued and the message */
	struct ar_buf buf;
	size_t head, bytes; /* bytes: of messages only */
};

#define AR_SCTP_MAX_RUNS 32 /* of messages on one stream; more count as the last one's */

struct ar_sctp_run { /* bytes given to usrsctp one after the other on one stream */
	uint16_t stream;
	uint32_t bytes; /* at most AR_SCTP_BUFFER and one message */
};

struct ar_sctp {
	uint32_t id; /* in usrsctp's callbacks */
	void *addr; /* as usrsctp and the UE's cookie know it: a small number */
	struct socket *so;
	struct ar_sctp_handlers h;
	void *arg;
	struct ar_sctp_map
		map; /* stream ids: the UE's and usrsctp's; all others here are the UE's */
	struct ar_sctp_repeat repeat;
	struct ar_sctp_queue queue;
	size_t in_stack; /* unsent and unacknowledged bytes inside usrsctp */
	struct ar_sctp_run
		run[AR_SCTP_MAX_RUNS]; /* what in_stack is made of, oldest first; a ring */
	unsigned run_first, nrun;
	size_t run_bytes;
	size_t sndbuf;
	uint64_t acked_at;
	bool up, down, lost, acked, busy; /* lost: no memory for what came */
	bool heartbeat;
	uint16_t streams;
	unsigned resets; /* ours, not answered yet */
	int32_t skip_stream; /* an oversized message is being thrown away, -1: none */
	struct ar_sctp *next_busy, **prev_busy;
};

/* ar_sctp_stack.c */
int ar_sctp_stack_add(struct ar_sctp *s);
void ar_sctp_stack_remove(struct ar_sctp *s);
void ar_sctp_stack_busy(struct ar_sctp *s); /* something is in flight: tick fast */
void ar_sctp_stack_catch_up(uint64_t now); /* before input: timers that start now count from now */
void ar_sctp_stack_deliver(void);
void ar_sctp_stack_repeat(struct ar_sctp *s, struct ar_span packet, uint64_t now); /* after input */
int ar_sctp_on_receive(struct socket *so, union sctp_sockstore addr, void *data, size_t len,
	struct sctp_rcvinfo info, int flags, void *ulp_info);
int ar_sctp_on_sent(struct socket *so, uint32_t sb_free, void *ulp_info);

/* ar_sctp.c */
void ar_sctp_settle(struct ar_sctp *s); /* in_stack has fallen */
void ar_sctp_handle(struct ar_sctp *s, const struct ar_sctp_event *e);
void ar_sctp_after_input(struct ar_sctp *s, uint64_t now);
bool ar_sctp_is_busy(struct ar_sctp *s, uint64_t now);

#endif
