/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash-1-3 (Aumasson, Bernstein): keyed, so that content from outside cannot be made to collide.
 */
#include "mediad/armf/gltf/load_internal.h"

static inline uint64_t rotl(uint64_t x, unsigned b)
{
	return x << b | x >> (64 - b);
}

static inline void one_round(struct siphash *h)
{
	h->v0 += h->v1;
	h->v1 = rotl(h->v1, 13) ^ h->v0;
	h->v0 = rotl(h->v0, 32);
	h->v2 += h->v3;
	h->v3 = rotl(h->v3, 16) ^ h->v2;
	h->v0 += h->v3;
	h->v3 = rotl(h->v3, 21) ^ h->v0;
	h->v2 += h->v1;
	h->v1 = rotl(h->v1, 17) ^ h->v2;
	h->v2 = rotl(h->v2, 32);
}

static inline void word(struct siphash *h, uint64_t w)
{
	h->v3 ^= w;
	one_round(h);
	h->v0 ^= w;
}

void siphash_start(struct siphash *h, const uint64_t key[2])
{
	h->v0 = key[0] ^ 0x736f6d6570736575;
	h->v1 = key[1] ^ 0x646f72616e646f6d;
	h->v2 = key[0] ^ 0x6c7967656e657261;
	h->v3 = key[1] ^ 0x7465646279746573;
	h->tail = 0;
	h->n = 0;
}

void siphash_add(struct siphash *h, const void *p, size_t n)
{
	const uint8_t *b = p, *end;

	if (n == 0)
		return;
	end = b + n;
	for (; b < end && h->n % 8; b++, h->n++) {
		h->tail |= (uint64_t)*b << 8 * (h->n % 8);
		if (h->n % 8 == 7) {
			word(h, h->tail);
			h->tail = 0;
		}
	}
	for (; end - b >= 8; b += 8, h->n += 8) {
		uint64_t w;

		memcpy(&w, b, 8); /* byte order of the machine: hashes never leave it */
		word(h, w);
	}
	for (; b < end; b++, h->n++)
		h->tail |= (uint64_t)*b << 8 * (h->n % 8);
}

uint64_t siphash_end(struct siphash *h)
{
	word(h, h->tail | h->n << 56);
	h->v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		one_round(h);
	return h->v0 ^ h->v1 ^ h->v2 ^ h->v3;
}
