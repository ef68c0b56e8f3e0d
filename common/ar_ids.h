/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slot table: 32-bit ids (generation << 16 | slot) in place of pointers across anything
 * asynchronous. A stale id finds nothing. 0 is never a valid id.
 */
#ifndef AR_IDS_H
#define AR_IDS_H

#include <stdint.h>

#define AR_IDS_MAX 65535

struct ar_ids {
	struct ar_ids_slot *slot;
	uint32_t n, cap, max, free_head, used;
};

/* max: most live ids, at most AR_IDS_MAX. */
void ar_ids_init(struct ar_ids *t, uint32_t max);
void ar_ids_free(struct ar_ids *t);
/* Returns 0 and the id, -ENOMEM, or -ENOSPC at the maximum. obj must not be NULL. */
int ar_ids_add(struct ar_ids *t, void *obj, uint32_t *id) __attribute__((warn_unused_result));
/* NULL when the id is stale or was never given out. */
void *ar_ids_get(const struct ar_ids *t, uint32_t id);
/* Gives the object back to its owner, NULL when stale. */
void *ar_ids_remove(struct ar_ids *t, uint32_t id);
/* Walks: start with *pos = 0; NULL at the end. Removing the current one while walking is allowed.
 */
void *ar_ids_next(const struct ar_ids *t, uint32_t *pos);

#endif
