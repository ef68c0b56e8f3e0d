/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deadlines of many peers: a binary heap with intrusive nodes. One thread. */
#ifndef TIMERQ_H
#define TIMERQ_H

#include <stdint.h>

struct timerq_node { /* zeroed: not queued */
	uint64_t at;
	uint32_t pos; /* in the heap + 1, 0: not queued */
	void *owner;
};

struct timerq {
	struct timerq_node **heap;
	uint32_t n, cap;
};

/* Room for cap nodes. -ENOMEM. */
int timerq_init(struct timerq *q, uint32_t cap) __attribute__((warn_unused_result));
void timerq_free(struct timerq *q);
/* Queues, moves, or (AR_NEVER) removes. More than cap nodes are never queued by the caller. */
void timerq_set(struct timerq *q, struct timerq_node *n, uint64_t at);
/* The earliest node, NULL: none. */
struct timerq_node *timerq_top(const struct timerq *q);

#endif
