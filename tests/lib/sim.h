/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network on virtual time: nodes with an address each, and between any two the same link with
 * loss, duplicates, delay, jitter (which reorders) and a rate with a tail-drop queue. Seeded: the
 * same seed gives the same network. Datagrams to an address of nobody vanish.
 */
#ifndef SIM_H
#define SIM_H

#include "mediad/peer.h"

#define SIM_MAX_NODES 32
#define SIM_MTU 1200 /* a longer datagram fails the test */

struct sim_link {
	unsigned loss, dup; /* per cent */
	uint64_t delay, jitter; /* microseconds, one way */
	uint64_t rate; /* bytes per second each way, 0: no limit */
	uint64_t queue; /* microseconds of queue before the tail drops, with rate */
};

struct sim_node {
	struct peer_addr addr;
	void *arg;
	void (*input)(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now);
	uint64_t (*next_timeout)(void *arg);
	void (*on_timer)(void *arg, uint64_t now);
	bool deaf; /* nothing reaches it and nothing leaves it */
	uint64_t down_rate; /* bytes per second towards it, besides the link's; 0: no limit */
	uint64_t down_busy_until;
	uint64_t busy_until; /* of its sending direction */
	uint64_t sent, sent_bytes, lost;
};

struct sim;

struct sim *sim_new(uint64_t seed, const struct sim_link *link);
void sim_free(struct sim *s);
struct sim_link *sim_link(struct sim *s); /* may be changed while it runs */
/* "10.0.0.1" or "2001:db8::1". The node stays valid as long as the sim. */
struct sim_node *sim_add(struct sim *s, const char *host, uint16_t port);
void sim_remove(struct sim *s, struct sim_node *n);
void sim_send(struct sim *s, struct sim_node *from, struct ar_span d, const struct peer_addr *to);
/* Runs until `done` says so or `for_us` have passed; true when done. done may be NULL. */
bool sim_run(struct sim *s, uint64_t for_us, bool (*done)(void *arg), void *arg);
uint32_t sim_random(struct sim *s, uint32_t below);
/* Called for every datagram before the link; false: it is swallowed. NULL: none. */
void sim_on_datagram(struct sim *s,
	bool (*tap)(void *arg, const struct sim_node *from, struct ar_span d), void *arg);

#endif
