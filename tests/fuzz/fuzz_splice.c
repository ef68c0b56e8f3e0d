/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VP8 from a UE into the splice, beside libvpx: what both decode is the same picture, and what is
 * written libvpx decodes to what the splice says the receiver has. Input: frames, each after its
 * size in two bytes, little end first.
 */
#include "mediad/armf/vp8/splice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIXELS (320 * 240) /* larger ones only take longer */
#define MAX_FRAMES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct codec_picture *a, const struct codec_picture *b)
{
	if (a->width != b->width || a->height != b->height)
		abort();
	for (int i = 0; i < 3; i++) {
		unsigned w = i ? a->width / 2 : a->width, h = i ? a->height / 2 : a->height;

		for (unsigned y = 0; y < h; y++) {
			if (memcmp(a->plane[i] + y * (unsigned)a->stride[i],
				    b->plane[i] + y * (unsigned)b->stride[i], w) != 0)
				abort();
		}
	}
}

/* Something in the middle, other than what was there. */
static void put(struct splice *s, struct codec_dec *behind, const struct codec_picture *pic)
{
	struct splice_drawn d = {.x = (int)pic->width / 4,
		.y = (int)pic->height / 4,
		.width = (int)pic->width / 2,
		.height = (int)pic->height / 2};
	struct codec_picture drawn = {0}, out, mine;
	struct ar_span bytes;
	int err;

	if (!splice_can_write(s) || codec_picture_new(&drawn, pic->width, pic->height) != 0)
		return;
	codec_picture_copy(&drawn, pic);
	for (int y = d.y; y < d.y + d.height; y++)
		memset(drawn.plane[0] + y * drawn.stride[0] + d.x, y * 5 & 255, (size_t)d.width);
	d.picture = &drawn;
	if (splice_write(s, &d, &bytes) == 0) {
		err = codec_dec_frame(behind, bytes, &out);
		splice_written(s, &mine);
		if (!err)
			same(&mine, &out);
		else
			splice_break(s);
	}
	codec_picture_free(&drawn);
}

static bool too_large(const uint8_t *p, size_t n)
{
	return n >= 10 && !(p[0] & 1) &&
	       (uint32_t)((p[6] | p[7] << 8) & 0x3fff) * (uint32_t)((p[8] | p[9] << 8) & 0x3fff) >
		       MAX_PIXELS;
}

/* False: one of the two gave up; both begin anew. */
static bool frame(
	struct splice *s, struct codec_dec *before, struct codec_dec *behind, struct ar_span f)
{
	struct codec_picture mine, theirs;
	bool shown;
	int err = splice_decode(s, f, &mine, &shown), other = codec_dec_frame(before, f, &theirs);

	if (err || (other && other != -EAGAIN))
		return false;
	if (shown && !other)
		same(&mine, &theirs);
	put(s, behind, &mine);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct codec_dec *before = NULL, *behind = NULL;
	struct splice *s = NULL;

	for (int i = 0; i < MAX_FRAMES && size > 2; i++) {
		size_t n = data[0] | (size_t)data[1] << 8;

		n = n > size - 2 ? size - 2 : n;
		if (too_large(data + 2, n))
			break;
		if (!s && (splice_new(&s) != 0 || codec_dec_new(&before, DEPAY_VP8) != 0 ||
				  codec_dec_new(&behind, DEPAY_VP8) != 0))
			abort();
		if (n && !frame(s, before, behind, (struct ar_span){(const char *)data + 2, n})) {
			splice_free(s);
			codec_dec_free(before);
			codec_dec_free(behind);
			s = NULL;
			before = behind = NULL;
		}
		data += 2 + n;
		size -= 2 + n;
	}
	splice_free(s);
	codec_dec_free(before);
	codec_dec_free(behind);
	return 0;
}
