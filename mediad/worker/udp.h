/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UDP in batches: what has come is read with recvmmsg() and handed up, what is to go is collected
 * during a turn of the loop and leaves with sendmmsg(). One thread: the worker's loop. Mb.
 */
#ifndef UDP_H
#define UDP_H

#include "mediad/nets.h"

#include <event2/event.h>

#define UDP_BATCH 64
#define UDP_MAX 2048 /* bytes of one datagram; longer ones are dropped and counted */
#define UDP_ROUNDS 4 /* batches read before others have their turn */

struct udp_stats {
	uint64_t rx, tx, rx_bytes, tx_bytes, rx_too_long, tx_failed;
};

typedef void udp_input(void *arg, struct ar_span datagram, const struct peer_addr *from);

struct udp;

/* Opens and binds a socket; for the parent, before privileges are dropped. fd or negative errno. */
int udp_bind(const struct peer_addr *at, uint16_t port);

/* Takes over fd. turn is called after every batch. */
int udp_new(struct udp **up, struct event_base *base, int fd, udp_input *input,
	void (*turn)(void *arg), void *arg) __attribute__((warn_unused_result));
void udp_free(struct udp *u);
/* Copied; leaves with udp_flush() or when the batch is full. */
void udp_send(struct udp *u, struct ar_span datagram, const struct peer_addr *to);
void udp_flush(struct udp *u);
const struct udp_stats *udp_get_stats(const struct udp *u);

#endif
