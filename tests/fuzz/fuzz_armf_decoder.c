/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hostile video: whatever a decoder makes of it, a picture that comes out lies within the limits
 * and all of it can be read. First byte: codec; then frames of a length (2 bytes) and bytes each.
 */
#include "mediad/armf/codec/codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned sum;

static void look(const struct codec_picture *p)
{
	if (!codec_size_ok(p->width, p->height))
		abort();
	for (int i = 0; i < 3; i++) {
		unsigned w = i ? p->width / 2 : p->width, h = i ? p->height / 2 : p->height;

		for (unsigned y = 0; y < h; y += 7)
			sum += p->plane[i][y * (unsigned)p->stride[i]] +
			       p->plane[i][y * (unsigned)p->stride[i] + w - 1];
		sum += p->plane[i][(h - 1) * (unsigned)p->stride[i] + w - 1];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct codec_picture p;
	struct codec_dec *d;

	if (size < 1 || codec_dec_new(&d, data[0] & 1 ? DEPAY_H264 : DEPAY_VP8) != 0)
		return 0;
	data++, size--;
	while (size >= 2) {
		size_t n = data[0] | (size_t)data[1] << 8;

		n = n > size - 2 ? size - 2 : n;
		if (codec_dec_frame(d, (struct ar_span){(const char *)data + 2, n}, &p) == 0)
			look(&p);
		data += 2 + n;
		size -= 2 + n;
	}
	codec_dec_free(d);
	return 0;
}
