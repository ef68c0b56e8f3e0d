/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers of the sources, for a while. A fixed number of sets of CACHE_WAYS places: keys that fall
 * into one set push each other out and never make a search long, whoever chose them. Pure.
 */
#ifndef LOOKUP_CACHE_H
#define LOOKUP_CACHE_H

#include "common/ar_span.h"

#include <stdint.h>

#define CACHE_WAYS 8

struct cache_entry {
	uint64_t hash, expires, used; /* used: a counter, for the oldest */
	uint32_t key_len, value_len;
	bool none; /* the source has no value */
	char *bytes; /* key, then value, terminated; NULL: free place */
};

struct cache {
	struct cache_entry *entry;
	unsigned nsets;
	unsigned n; /* entries in use, expired ones included */
	uint64_t key[2], uses;
	uint64_t hits, misses, evictions;
};

/* entries is rounded up to whole sets; 0: nothing is kept. -ENOMEM. */
int cache_init(struct cache *c, unsigned entries, const uint64_t key[2])
	__attribute__((warn_unused_result));
void cache_free(struct cache *c);
/* NULL: not there or expired. Borrowed until the next call. */
const struct cache_entry *cache_get(struct cache *c, struct ar_span key, uint64_t now);
/* value absent: none. Without memory nothing is kept. */
void cache_put(struct cache *c, struct ar_span key, struct ar_span value, uint64_t expires);
static inline struct ar_span cache_value(const struct cache_entry *e)
{
	return (struct ar_span){e->bytes + e->key_len, e->value_len};
}

#endif
