/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/lookup/cache.h"

#include <errno.h>
#include <stdlib.h>

int cache_init(struct cache *c, unsigned entries, const uint64_t key[2])
{
	*c = (struct cache){
		.nsets = (entries + CACHE_WAYS - 1) / CACHE_WAYS, .key = {key[0], key[1]}};
	if (!c->nsets)
		return 0;
	c->entry = calloc((size_t)c->nsets * CACHE_WAYS, sizeof(*c->entry));
	return c->entry ? 0 : -ENOMEM;
}

void cache_free(struct cache *c)
{
	for (size_t i = 0; c->entry && i < (size_t)c->nsets * CACHE_WAYS; i++)
		free(c->entry[i].bytes);
	free(c->entry);
	*c = (struct cache){.nsets = 0};
}

/* Keyed, so that sets are not known outside; a collision costs an entry, never time. */
static uint64_t hash(const struct cache *c, struct ar_span key)
{
	uint64_t h = c->key[0];

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3u;
	h ^= c->key[1];
	h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}

static struct cache_entry *find(struct cache *c, struct ar_span key, uint64_t h)
{
	struct cache_entry *set = &c->entry[h % c->nsets * CACHE_WAYS];

	for (unsigned i = 0; i < CACHE_WAYS; i++) {
		if (set[i].bytes && set[i].hash == h && set[i].key_len == key.n &&
			memcmp(set[i].bytes, key.p, key.n) == 0)
			return &set[i];
	}
	return NULL;
}

const struct cache_entry *cache_get(struct cache *c, struct ar_span key, uint64_t now)
{
	struct cache_entry *e = c->nsets ? find(c, key, hash(c, key)) : NULL;

	if (!e || e->expires <= now) {
		c->misses++;
		return NULL;
	}
	c->hits++;
	e->used = ++c->uses;
	return e;
}

/* A free place, or the one that was not asked for longest. */
static struct cache_entry *place(struct cache *c, uint64_t h)
{
	struct cache_entry *set = &c->entry[h % c->nsets * CACHE_WAYS], *oldest = set;

	for (unsigned i = 0; i < CACHE_WAYS; i++) {
		if (!set[i].bytes)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	c->evictions++;
	return oldest;
}

void cache_put(struct cache *c, struct ar_span key, struct ar_span value, uint64_t expires)
{
	struct cache_entry *e;
	uint64_t h;
	char *bytes;

	if (!c->nsets)
		return;
	bytes = malloc(key.n + value.n + 1);
	if (!bytes)
		return;
	h = hash(c, key);
	e = find(c, key, h);
	if (!e)
		e = place(c, h);
	memcpy(bytes, key.p, key.n);
	if (value.n)
		memcpy(bytes + key.n, value.p, value.n);
	bytes[key.n + value.n] = '\0';
	c->n += e->bytes == NULL;
	free(e->bytes);
	*e = (struct cache_entry){.hash = h,
		.expires = expires,
		.used = ++c->uses,
		.key_len = (uint32_t)key.n,
		.value_len = (uint32_t)value.n,
		.none = !value.p,
		.bytes = bytes};
}
