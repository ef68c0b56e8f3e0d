/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/net/timerq.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <stdlib.h>

int timerq_init(struct timerq *q, uint32_t cap)
{
	*q = (struct timerq){.cap = cap};
	q->heap = calloc(cap ? cap : 1, sizeof(struct timerq_node *));
	return q->heap ? 0 : -ENOMEM;
}

void timerq_free(struct timerq *q)
{
	free(q->heap);
	*q = (struct timerq){.heap = NULL};
}

static void place(struct timerq *q, struct timerq_node *n, uint32_t pos)
{
	q->heap[pos] = n;
	n->pos = pos + 1;
}

static void sift_up(struct timerq *q, struct timerq_node *n, uint32_t pos)
{
	for (; pos && q->heap[(pos - 1) / 2]->at > n->at; pos = (pos - 1) / 2)
		place(q, q->heap[(pos - 1) / 2], pos);
	place(q, n, pos);
}

static void sift_down(struct timerq *q, struct timerq_node *n, uint32_t pos)
{
	for (uint32_t kid; (kid = 2 * pos + 1) < q->n; pos = kid) {
		if (kid + 1 < q->n && q->heap[kid + 1]->at < q->heap[kid]->at)
			kid++;
		if (q->heap[kid]->at >= n->at)
			break;
		place(q, q->heap[kid], pos);
	}
	place(q, n, pos);
}

static void settle(struct timerq *q, struct timerq_node *n, uint32_t pos)
{
	if (pos && q->heap[(pos - 1) / 2]->at > n->at)
		sift_up(q, n, pos);
	else
		sift_down(q, n, pos);
}

void timerq_set(struct timerq *q, struct timerq_node *n, uint64_t at)
{
	uint32_t pos = n->pos;

	if (at == AR_NEVER) {
		if (!pos)
			return;
		n->pos = 0;
		if (--q->n != pos - 1)
			settle(q, q->heap[q->n], pos - 1);
		return;
	}
	if (pos && n->at == at)
		return;
	n->at = at;
	if (pos)
		settle(q, n, pos - 1);
	else if (q->n < q->cap)
		sift_up(q, n, q->n++);
}

struct timerq_node *timerq_top(const struct timerq *q)
{
	return q->n ? q->heap[0] : NULL;
}
