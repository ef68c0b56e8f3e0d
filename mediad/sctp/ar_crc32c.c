/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/sctp/ar_crc32c.h"

#include <string.h>

#define CHECKSUM_AT 8 /* offset in the common header, RFC 9260 3.1 */

uint32_t ar_crc32c_soft(const void *p, size_t n)
{
	static const uint32_t t[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc,
		0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
	const uint8_t *b = p;
	uint32_t c = ~0u;

	while (n--) {
		c = t[(c ^ *b) & 15] ^ (c >> 4);
		c = t[(c ^ (uint32_t)(*b++ >> 4)) & 15] ^ (c >> 4);
	}
	return ~c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t hard(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t c = ~0u, v;

	for (; n >= 8; n -= 8, b += 8) {
		memcpy(&v, b, 8);
		c = _mm_crc32_u64(c, v);
	}
	for (; n; n--, b++)
		c = _mm_crc32_u8((uint32_t)c, *b);
	return ~(uint32_t)c;
}

uint32_t ar_crc32c(const void *p, size_t n)
{
	return __builtin_cpu_supports("sse4.2") ? hard(p, n) : ar_crc32c_soft(p, n);
}
#else
uint32_t ar_crc32c(const void *p, size_t n)
{
	return ar_crc32c_soft(p, n);
}
#endif

void ar_crc32c_fill(void *packet, size_t n)
{
	uint8_t *p = packet;
	uint32_t c;

	memset(p + CHECKSUM_AT, 0, 4);
	c = ar_crc32c(p, n);
	/* least significant byte first, unlike the rest of SCTP */
	p[CHECKSUM_AT] = (uint8_t)c;
	p[CHECKSUM_AT + 1] = (uint8_t)(c >> 8);
	p[CHECKSUM_AT + 2] = (uint8_t)(c >> 16);
	p[CHECKSUM_AT + 3] = (uint8_t)(c >> 24);
}
