/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/link/link_ring.h"

#include <errno.h>

#define ALIGN 64u

/* What a frame takes up, also one without bytes: no two are at one place. */
static uint32_t takes(uint32_t size)
{
	return size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
}

/* The place behind the newest frame, or at the start if that is free; UINT32_MAX: none. */
static uint32_t find(const struct link_ring *r, uint32_t size)
{
	uint32_t head, tail;

	if (r->n == 0)
		return size <= LINK_RING_BYTES ? 0 : UINT32_MAX;
	if (r->n == LINK_RING_SLOTS)
		return UINT32_MAX;
	tail = r->slot[r->first].offset;
	head = (r->first + r->n - 1) % LINK_RING_SLOTS;
	head = r->slot[head].offset + takes(r->slot[head].size);
	if (head > tail) { /* free: head to the end, and the start to tail */
		if (head <= LINK_RING_BYTES && size <= LINK_RING_BYTES - head)
			return head;
		return size < tail ? 0 : UINT32_MAX;
	}
	return head + size < tail ? head : UINT32_MAX;
}

bool link_ring_has_room(const struct link_ring *r, uint32_t size)
{
	return find(r, size) != UINT32_MAX;
}

int link_ring_put(struct link_ring *r, uint32_t size, uint32_t seq, uint32_t *offset)
{
	uint32_t at = find(r, size);
	unsigned i = (r->first + r->n) % LINK_RING_SLOTS;

	if (at == UINT32_MAX)
		return -ENOBUFS;
	r->slot[i].offset = at;
	r->slot[i].size = size;
	r->slot[i].seq = seq;
	r->n++;
	*offset = at;
	return 0;
}

bool link_ring_taken(struct link_ring *r, uint32_t seq)
{
	for (unsigned i = 0; i < r->n; i++) {
		if (r->slot[(r->first + i) % LINK_RING_SLOTS].seq != seq)
			continue;
		r->first = (r->first + i + 1) % LINK_RING_SLOTS;
		r->n -= i + 1;
		return true;
	}
	return false;
}

void link_ring_undo(struct link_ring *r)
{
	if (r->n)
		r->n--;
}
