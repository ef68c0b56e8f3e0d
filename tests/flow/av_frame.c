/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of no real codec that say who they are. */
#include "tests/flow/av_int.h"
#include "mediad/rtp/wire.h"

#define HEAD 20 /* of a test frame: enough for any codec's own */

static uint32_t sum(const uint8_t *d, size_t n)
{
	uint32_t v = 1;

	for (size_t i = 0; i < n; i++)
		v = v * 31 + d[i];
	return v;
}

static const uint8_t params[] = {0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xf4, 0x40, 0x50, 0x17, 0xf0,
	0x80, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80};

static const uint8_t vp8_start[] = {0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};

/* Seven bits a byte, none of them zero. */
static void put_number(uint8_t *d, uint32_t n)
{
	put32(d, (n >> 14 & 0x7f) << 16 | (n >> 7 & 0x7f) << 8 | (n & 0x7f) | 0x80808080u);
}

static uint32_t get_number(const uint8_t *d)
{
	uint32_t n = get32(d);

	return (n & 0x7f) | (n >> 8 & 0x7f) << 7 | (n >> 16 & 0x7f) << 14;
}

size_t av_make_frame(uint8_t *out, enum depay_codec codec, bool key, unsigned since_key,
	uint32_t number, size_t n)
{
	uint8_t *d = out;

	n = n < 60 ? 60 : n;
	if (codec == DEPAY_H264) {
		if (key) {
			memcpy(out, params, sizeof(params));
			d += sizeof(params);
		}
		memcpy(d, "\0\0\0\1", 4);
		d += 4;
	}
	for (size_t i = 0; i < n; i++)
		d[i] = (uint8_t)(av_random(255) + 1);
	if (codec == DEPAY_VP8) {
		d[0] = key ? 0x10 : 0x11;
		memcpy(d + 3, vp8_start, sizeof(vp8_start));
	} else {
		d[0] = key ? 0x65 : 0x61;
		put16(d + 1, 0x9a00u | (key ? 0 : since_key & 15) << 5 | 1);
	}
	put_number(d + 10, number);
	put_number(d + 14, since_key);
	put32(d + n - 4, sum(d, n - 4) | 0x01010101);
	return (size_t)(d - out) + n;
}

bool av_read_frame(enum depay_codec codec, bool key, struct ar_span data, uint32_t *number,
	uint32_t *since_key)
{
	const uint8_t *d = (const uint8_t *)data.p;
	size_t skip = codec == DEPAY_H264 ? (key ? sizeof(params) + 4 : 4) : 0;

	if (data.n < skip + HEAD)
		return false;
	*number = get_number(d + skip + 10);
	*since_key = get_number(d + skip + 14);
	return get32(d + data.n - 4) == (sum(d + skip, data.n - skip - 4) | 0x01010101);
}
