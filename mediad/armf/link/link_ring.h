/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where in a job's shared memory the next encoded frame goes. Only the writer of a ring has this
 * book, in its own memory: the reader learns places by message and gives them back in order. An
 * empty ring begins at 0 again, so that a job that keeps up touches few pages.
 *
 * A job's memory is two rings, frames in first. Pure; one thread at a time.
 */
#ifndef LINK_RING_H
#define LINK_RING_H

#include "mediad/armf/front/armf_pool.h"

#define LINK_RING_BYTES (2u * ARMF_MAX_FRAME + 65536u)
#define LINK_RING_SLOTS 16 /* frames under way at most */

struct link_ring {
	struct {
		uint32_t offset, size, seq;
	} slot[LINK_RING_SLOTS];
	unsigned first, n;
};

/* Is this a place within a ring that a frame may have? size 0 is none. */
static inline bool link_ring_place_ok(uint32_t offset, uint32_t size)
{
	return size <= ARMF_MAX_FRAME && offset <= LINK_RING_BYTES - size &&
	       offset <= LINK_RING_BYTES;
}

/* Room for `size` bytes, known as seq from now on. -ENOBUFS. */
int link_ring_put(struct link_ring *r, uint32_t size, uint32_t seq, uint32_t *offset)
	__attribute__((warn_unused_result));
/* Would link_ring_put() find room for that many? */
bool link_ring_has_room(const struct link_ring *r, uint32_t size);
/* seq and all before it have been read. False: no such frame is under way. */
bool link_ring_taken(struct link_ring *r, uint32_t seq);
/* The last one put does not go out after all. */
void link_ring_undo(struct link_ring *r);

#endif
