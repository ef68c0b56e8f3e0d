/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ice/crc32.h"

/* Of the state before the last inversion, four bits at a time. */
static uint32_t go_on(uint32_t c, const uint8_t *p, size_t n)
{
	static const uint32_t t[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190,
		0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

	while (n--) {
		c = t[(c ^ *p) & 15] ^ (c >> 4);
		c = t[(c ^ (uint32_t)(*p++ >> 4)) & 15] ^ (c >> 4);
	}
	return c;
}

uint32_t crc32_soft(const void *p, size_t n)
{
	return ~go_on(~0u, p, n);
}

#if defined(__x86_64__)
#include <smmintrin.h>
#include <wmmintrin.h>

#define FOLD 16

/*
 * Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Intel, 2009), bit
 * reflected: 128 bits are folded onto the next 128, what is left is reduced (Barrett). n: at least
 * FOLD, and a multiple of it.
 */
__attribute__((target("pclmul,sse4.1"))) static uint32_t fold(const uint8_t *p, size_t n)
{
	const __m128i by128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0); /* x^96, x^160 mod P */
	const __m128i by64 = _mm_set_epi64x(0, 0x163cd6124); /* x^64 mod P */
	const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641); /* x^64 / P, P */
	const __m128i low32 = _mm_set_epi32(0, 0, 0, ~0);
	__m128i x = _mm_loadu_si128((const __m128i *)p), t;

	x = _mm_xor_si128(x, low32); /* the initial value, all ones */
	for (p += FOLD, n -= FOLD; n; p += FOLD, n -= FOLD) {
		t = _mm_clmulepi64_si128(x, by128, 0x11);
		x = _mm_clmulepi64_si128(x, by128, 0x00);
		x = _mm_xor_si128(_mm_xor_si128(x, t), _mm_loadu_si128((const __m128i *)p));
	}
	/* 128 to 64 bits */
	t = _mm_clmulepi64_si128(x, by128, 0x10);
	x = _mm_xor_si128(_mm_srli_si128(x, 8), t);
	t = _mm_srli_si128(x, 4);
	x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, low32), by64, 0x00), t);
	/* and to 32 */
	t = _mm_clmulepi64_si128(_mm_and_si128(x, low32), barrett, 0x10);
	t = _mm_clmulepi64_si128(_mm_and_si128(t, low32), barrett, 0x00);
	return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

uint32_t crc32_of(const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t whole = n - n % FOLD;

	if (!whole || !__builtin_cpu_supports("pclmul") || !__builtin_cpu_supports("sse4.1"))
		return crc32_soft(p, n);
	return ~go_on(fold(p, whole), p + whole, n - whole);
}
#else
uint32_t crc32_of(const void *p, size_t n)
{
	return crc32_soft(p, n);
}
#endif
