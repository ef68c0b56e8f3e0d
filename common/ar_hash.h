/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash-1-3, 64 bits: a keyed hash for tables whose keys strangers choose (Call-IDs, tags). With
 * a random key nobody can aim at one bucket. Not for signatures. Pure.
 */
#ifndef AR_HASH_H
#define AR_HASH_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t ar_hash_rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void ar_hash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ar_hash_rotl(v[1], 13) ^ v[0];
	v[0] = ar_hash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = ar_hash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ar_hash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ar_hash_rotl(v[1], 17) ^ v[2];
	v[2] = ar_hash_rotl(v[2], 32);
}

static inline uint64_t ar_hash(const uint64_t key[2], const void *p, size_t n)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
		key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull};
	const uint8_t *b = p;
	uint64_t m = 0;

	for (size_t i = 0; i < n; i++) {
		m |= (uint64_t)b[i] << (8 * (i % 8));
		if (i % 8 == 7) {
			v[3] ^= m;
			ar_hash_round(v);
			v[0] ^= m;
			m = 0;
		}
	}
	m |= (uint64_t)n << 56;
	v[3] ^= m;
	ar_hash_round(v);
	v[0] ^= m;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		ar_hash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
