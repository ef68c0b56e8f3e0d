/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaky buckets: so many a second, and so many at once. One by itself, or a table of them for
 * sources, whose hash is the owner's (demux_hash_host()); sources that share a place share the
 * limit. No clock, no allocation; zeroed is empty. One thread.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LIMIT_BUCKETS 1024

struct limit_bucket {
	uint32_t used, stamp; /* stamp: milliseconds */
};

struct limit_rate {
	uint32_t per_sec, burst;
};

struct limit_table {
	struct limit_bucket bucket[LIMIT_BUCKETS];
};

struct limit_bucket *limit_of(struct limit_table *t, uint64_t hash);
bool limit_is_full(struct limit_bucket *b, const struct limit_rate *r, uint64_t now);
/* One more; false: there is no room for it. */
bool limit_take(struct limit_bucket *b, const struct limit_rate *r, uint64_t now);
/* n of those taken do not count, as if they had never been. */
void limit_give_back(struct limit_bucket *b, uint32_t n);

#endif
