/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One SCTP association in a DTLS association (RFC 9260, RFC 8261) over usrsctp's AF_CONN, and the
 * stack they share (ar_sctp_stack_*). Hides usrsctp: nothing else includes its header.
 *
 * usrsctp knows an association only by a 32-bit id and a small number as its address, which also
 * reaches the UE in the cookie: never a pointer. What it reports is queued and handed up after it
 * has returned, so handlers may do anything but free the association. One stack per process,
 * without usrsctp's threads; made after fork(). usrsctp reads gettimeofday() itself; its timers run
 * from ar_sctp_stack_run().
 */
#ifndef AR_SCTP_H
#define AR_SCTP_H

#include "mediad/peer.h"
#include "mediad/sctp/ar_sctp_repeat.h"

#define AR_SCTP_MTU 1160 /* DTLS_MTU - DTLS_OVERHEAD, a multiple of 4 */
#define AR_SCTP_BUFFER (1024 * 1024) /* send and receive buffer of an association: limits */
#define AR_SCTP_TICK 20000u /* microseconds, while anything is in flight */
#define AR_SCTP_IDLE_TICK 500000u /* where there are heartbeats, or somebody has just ended */
#define AR_SCTP_SLEEP_TICK 10000000u /* else: each tick walks a timer of every association */
#define AR_SCTP_MIN_STREAMS 64 /* for DCEP, where no dcmap asks for more */
#define AR_SCTP_MAX_RESETS PEER_MAX_CHANNELS

struct ar_sctp;

struct ar_sctp_msg {
	uint16_t stream;
	uint32_t ppid;
	bool unordered, control; /* control: goes in although the queue is full */
	int32_t max_retr, max_time; /* -1 unset */
};

enum ar_sctp_reset { AR_SCTP_RESET_IN = 1, AR_SCTP_RESET_OUT = 2, AR_SCTP_RESET_FAILED = 4 };

#define AR_SCTP_ALL_STREAMS UINT16_MAX

struct ar_sctp_handlers {
	/* One packet to the UE; its checksum is filled in. Called from within usrsctp: must not
	 * call anything here. */
	void (*send)(void *arg, struct ar_span packet);
	void (*on_up)(void *arg, uint16_t streams); /* usable in both directions */
	void (*on_down)(void *arg, const char *why);
	/* A whole message. oversize: longer than PEER_MAX_MESSAGE, data absent. */
	void (*on_message)(
		void *arg, uint16_t stream, uint32_t ppid, struct ar_span data, bool oversize);
	void (*on_reset)(void *arg, uint16_t stream, unsigned what);
	void (*on_acked)(void *arg); /* ar_sctp_buffered() fell */
};

struct ar_sctp_conf {
	uint16_t local_port, remote_port;
	uint16_t streams; /* each way */
	uint32_t heartbeat_ms; /* 0: none, ICE consent runs */
};

struct ar_sctp_stats {
	struct ar_sctp_repeat_stats repeat;
	uint64_t no_stream; /* messages on one id too many, ar_sctp_map.h; of ended associations */
	uint64_t early; /* DATA chunks over AR_SCTP_BUFFER, ahead of one that is missing */
};

/* The process's stack; counted, the last put ends it. -ENOMEM. */
int ar_sctp_stack_get(uint64_t now) __attribute__((warn_unused_result));
void ar_sctp_stack_put(void);
/* For what is sent from now on. */
void ar_sctp_stack_now(uint64_t now);
void ar_sctp_stack_get_stats(struct ar_sctp_stats *s);
void ar_sctp_stack_run(uint64_t now);
uint64_t ar_sctp_stack_next_timeout(void);

/* Makes the association and sends INIT. */
int ar_sctp_new(struct ar_sctp **sp, const struct ar_sctp_conf *conf,
	const struct ar_sctp_handlers *h, void *arg, uint64_t now)
	__attribute__((warn_unused_result));
/* Sends ABORT if it is up, then no handler is called any more. Not inside a handler. */
void ar_sctp_free(struct ar_sctp *s);

void ar_sctp_input(struct ar_sctp *s, struct ar_span packet, uint64_t now);
/* 0, -ENOTCONN, -EINVAL (stream), -ENOBUFS (PEER_SEND_QUEUE), -ENOMEM. */
int ar_sctp_send(struct ar_sctp *s, const struct ar_sctp_msg *m, struct ar_span data)
	__attribute__((warn_unused_result));
/* Unsent and unacknowledged bytes. */
size_t ar_sctp_buffered(const struct ar_sctp *s);
/* Those of one stream, as if they were acknowledged in the order in which they were sent. */
size_t ar_sctp_buffered_on(const struct ar_sctp *s, uint16_t stream);
/* Resets our direction (RFC 6525), after what is queued on it. on_reset tells the outcome.
 * -ENOTCONN, -EOPNOTSUPP (the UE cannot). */
int ar_sctp_reset_stream(struct ar_sctp *s, uint16_t stream) __attribute__((warn_unused_result));
uint16_t ar_sctp_streams(const struct ar_sctp *s); /* usable, once up */
uint32_t ar_sctp_rtt_us(struct ar_sctp *s);

#endif
