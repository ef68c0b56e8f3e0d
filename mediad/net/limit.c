/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/net/limit.h"
#include "common/daemon/ar_clock.h"

struct limit_bucket *limit_of(struct limit_table *t, uint64_t hash)
{
	return &t->bucket[hash % LIMIT_BUCKETS];
}

bool limit_is_full(struct limit_bucket *b, const struct limit_rate *r, uint64_t now)
{
	uint32_t ms = (uint32_t)(now / AR_MS);
	uint64_t leak = (uint64_t)(ms - b->stamp) * r->per_sec / 1000;

	/* less than one stays for the next time */
	if (leak) {
		b->used = b->used > leak ? b->used - (uint32_t)leak : 0;
		b->stamp = ms;
	}
	return b->used >= r->burst;
}

bool limit_take(struct limit_bucket *b, const struct limit_rate *r, uint64_t now)
{
	if (limit_is_full(b, r, now))
		return false;
	b->used++;
	return true;
}

void limit_give_back(struct limit_bucket *b, uint32_t n)
{
	b->used = b->used > n ? b->used - n : 0;
}
