/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec.h"

#include <errno.h>
#include <libyuv/scale.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64

int codec_picture_new(struct codec_picture *out, unsigned width, unsigned height)
{
	size_t y = (width + ALIGN - 1) / ALIGN * ALIGN;
	size_t c = (width / 2 + ALIGN - 1) / ALIGN * ALIGN;
	void *mem;

	if (!codec_size_ok(width, height))
		return -EINVAL;
	if (posix_memalign(&mem, ALIGN, y * height + 2 * c * (height / 2)) != 0)
		return -ENOMEM;
	out->plane[0] = mem;
	out->plane[1] = out->plane[0] + y * height;
	out->plane[2] = out->plane[1] + c * (height / 2);
	out->stride[0] = (int)y;
	out->stride[1] = out->stride[2] = (int)c;
	out->width = width;
	out->height = height;
	return 0;
}

void codec_picture_free(struct codec_picture *p)
{
	free(p->plane[0]);
	*p = (struct codec_picture){0};
}

void codec_picture_copy(struct codec_picture *to, const struct codec_picture *from)
{
	I420Scale(from->plane[0], from->stride[0], from->plane[1], from->stride[1], from->plane[2],
		from->stride[2], (int)from->width, (int)from->height, to->plane[0], to->stride[0],
		to->plane[1], to->stride[1], to->plane[2], to->stride[2], (int)to->width,
		(int)to->height, kFilterBox);
}

/* ---- what has changed ---- */

/* Copies a row and remembers, for every 8 bytes, whether they were others. */
static void update_row(
	uint8_t *restrict to, const uint8_t *restrict from, unsigned w, uint64_t *restrict differs)
{
	unsigned i = 0, tail = w % 8;
	uint64_t a, b;

	for (; i < w / 8; i++) {
		memcpy(&a, from + (size_t)8 * i, 8);
		memcpy(&b, to + (size_t)8 * i, 8);
		memcpy(to + (size_t)8 * i, &a, 8);
		differs[i] |= a ^ b;
	}
	if (!tail)
		return;
	differs[i] |= (uint64_t)(memcmp(to + w - tail, from + w - tail, tail) != 0);
	memcpy(to + w - tail, from + w - tail, tail);
}

/* The rows of one plane that a row of blocks has. */
static void update_rows(struct codec_picture *to, const struct codec_picture *from, int plane,
	unsigned block_row, uint64_t *differs)
{
	unsigned shift = plane ? 1 : 0, size = CODEC_BLOCK >> shift;
	unsigned y = block_row * size, h = to->height >> shift;

	for (unsigned end = y + size < h ? y + size : h; y < end; y++)
		update_row(to->plane[plane] + (ptrdiff_t)y * to->stride[plane],
			from->plane[plane] + (ptrdiff_t)y * from->stride[plane], to->width >> shift,
			differs);
}

void codec_picture_update(
	struct codec_picture *to, const struct codec_picture *from, uint8_t *changed)
{
	uint64_t luma[CODEC_MAX_WIDTH / 8 + 2], chroma[CODEC_MAX_WIDTH / 16 + 2];
	unsigned bw = codec_blocks(to->width), bh = codec_blocks(to->height);

	for (unsigned by = 0; by < bh; by++) {
		memset(luma, 0, (size_t)bw * 2 * sizeof(luma[0]));
		memset(chroma, 0, bw * sizeof(chroma[0]));
		update_rows(to, from, 0, by, luma);
		update_rows(to, from, 1, by, chroma);
		update_rows(to, from, 2, by, chroma);
		for (unsigned bx = 0; bx < bw; bx++)
			changed[by * bw + bx] |=
				(luma[2 * bx] | luma[2 * bx + 1] | chroma[bx]) != 0;
	}
}

void codec_blocks_mark(uint8_t *changed, const struct codec_picture *p, int x, int y, int w, int h)
{
	unsigned bw = codec_blocks(p->width), bh = codec_blocks(p->height);
	unsigned x0 = (unsigned)(x < 0 ? 0 : x) / CODEC_BLOCK;
	unsigned y0 = (unsigned)(y < 0 ? 0 : y) / CODEC_BLOCK;
	unsigned x1 = codec_blocks((unsigned)(x + w < 0 ? 0 : x + w));
	unsigned y1 = codec_blocks((unsigned)(y + h < 0 ? 0 : y + h));

	x1 = x1 < bw ? x1 : bw;
	y1 = y1 < bh ? y1 : bh;
	for (unsigned by = y0; by < y1 && w > 0; by++) {
		for (unsigned bx = x0; bx < x1; bx++)
			changed[by * bw + bx] = 1;
	}
}
