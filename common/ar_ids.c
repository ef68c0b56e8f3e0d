/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/ar_ids.h"

#include <errno.h>
#include <stdlib.h>

#define NO_SLOT UINT32_MAX

struct ar_ids_slot {
	void *obj;
	uint32_t next_free;
	uint16_t gen;
};

void ar_ids_init(struct ar_ids *t, uint32_t max)
{
	*t = (struct ar_ids){.max = max > AR_IDS_MAX ? AR_IDS_MAX : max, .free_head = NO_SLOT};
}

void ar_ids_free(struct ar_ids *t)
{
	free(t->slot);
	ar_ids_init(t, t->max);
}

static int grow(struct ar_ids *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 16;
	struct ar_ids_slot *s;

	if (t->cap >= t->max)
		return -ENOSPC;
	if (cap > t->max)
		cap = t->max;
	s = realloc(t->slot, cap * sizeof(*s));
	if (!s)
		return -ENOMEM;
	t->slot = s;
	t->cap = cap;
	return 0;
}

int ar_ids_add(struct ar_ids *t, void *obj, uint32_t *id)
{
	uint32_t i = t->free_head;
	int err;

	if (i != NO_SLOT) {
		t->free_head = t->slot[i].next_free;
	} else {
		if (t->n == t->cap && (err = grow(t)) != 0)
			return err;
		i = t->n++;
		t->slot[i].gen = 0;
	}
	if (++t->slot[i].gen == 0)
		t->slot[i].gen = 1;
	t->slot[i].obj = obj;
	t->used++;
	*id = ((uint32_t)t->slot[i].gen << 16) | i;
	return 0;
}

void *ar_ids_get(const struct ar_ids *t, uint32_t id)
{
	uint32_t i = id & 0xffff;

	if (i >= t->n || t->slot[i].gen != id >> 16)
		return NULL;
	return t->slot[i].obj;
}

void *ar_ids_remove(struct ar_ids *t, uint32_t id)
{
	void *obj = ar_ids_get(t, id);
	uint32_t i = id & 0xffff;

	if (!obj)
		return NULL;
	t->slot[i].obj = NULL;
	t->slot[i].next_free = t->free_head;
	t->free_head = i;
	t->used--;
	return obj;
}

void *ar_ids_next(const struct ar_ids *t, uint32_t *pos)
{
	while (*pos < t->n) {
		void *obj = t->slot[(*pos)++].obj;

		if (obj)
			return obj;
	}
	return NULL;
}
