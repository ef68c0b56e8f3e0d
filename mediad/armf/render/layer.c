/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/layer.h"

#include <errno.h>
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>

#define BLACK_Y 16
#define BLACK_UV 128
#define SLACK 64 /* bytes behind a plane, for whole vectors */

/* Bytes for n pixels: rgba, y, u, v, alpha, alpha_uv, spans. */
static size_t bytes_for(size_t n, size_t h)
{
	return n * 4 + n + n / 4 + n / 4 + n + n / 4 + h * sizeof(struct layer_span) + 7 * SLACK;
}

int layer_resize(struct layer *l, int x, int y, int w, int h)
{
	size_t n = (size_t)w * (size_t)h;
	uint8_t *p;

	l->w = l->h = 0;
	if (n + (size_t)h > l->capacity) {
		size_t want = n + n / 4 + (size_t)h; /* so that a growing one grows seldom */

		free(l->memory);
		l->capacity = 0;
		l->memory = malloc(bytes_for(want, want));
		if (!l->memory)
			return -ENOMEM;
		l->capacity = want;
	}
	p = l->memory;
	l->rgba = p;
	p += n * 4 + SLACK;
	l->y_plane = p;
	p += n + SLACK;
	l->u_plane = p;
	p += n / 4 + SLACK;
	l->v_plane = p;
	p += n / 4 + SLACK;
	l->alpha = p;
	p += n + SLACK;
	l->alpha_uv = p;
	p += n / 4 + SLACK;
	l->span = (struct layer_span *)(((uintptr_t)p + 7) & ~(uintptr_t)7);
	l->x = x;
	l->y = y;
	l->w = w;
	l->h = h;
	return 0;
}

void layer_free(struct layer *l)
{
	free(l->memory);
	memset(l, 0, sizeof(*l));
}

/* First and last byte of a row that is not 0, in steps of 8. */
static struct layer_span span_of(const uint8_t *a, int w)
{
	int from = 0, to = w;
	uint64_t word;

	for (; from + 8 <= w; from += 8) {
		memcpy(&word, a + from, 8);
		if (word)
			break;
	}
	while (from < w && from + 8 > w && !a[from])
		from++;
	if (from >= w)
		return (struct layer_span){0, 0};
	for (; to - 8 > from; to -= 8) {
		memcpy(&word, a + to - 8, 8);
		if (word)
			break;
	}
	/* whole pairs, for the chroma below */
	return (struct layer_span){(uint16_t)(from & ~1), (uint16_t)((to + 1) & ~1)};
}

void layer_convert(struct layer *l)
{
	int half = l->w / 2;

	ABGRToI420(l->rgba, l->w * 4, l->y_plane, l->w, l->u_plane, half, l->v_plane, half, l->w,
		l->h);
	ARGBExtractAlpha(l->rgba, l->w * 4, l->alpha, l->w, l->w, l->h);
	ScalePlane(l->alpha, l->w, l->w, l->h, l->alpha_uv, half, half, l->h / 2, kFilterBox);
	for (int y = 0; y < l->h; y++)
		l->span[y] = span_of(l->alpha + (size_t)y * (size_t)l->w, l->w);
}

/* dst = src + (dst - black) * (1 - alpha), alpha in 128 steps so that 16 bits are enough; exactly
 * dst where src is black and alpha 0. */
static inline void blend_part(uint8_t *restrict dst, const uint8_t *restrict src,
	const uint8_t *restrict alpha, int n, int black)
{
	for (int i = 0; i < n; i++) {
		int16_t w = (int16_t)(128 - ((alpha[i] + 1) >> 1));
		int16_t d = (int16_t)((dst[i] - black) * w + 64);
		int16_t v = (int16_t)(src[i] + (d >> 7));

		dst[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
}

#define PART 32 /* pixels; most are solid from the first to the last */

static bool solid(const uint8_t *alpha)
{
	uint64_t word[PART / 8], all = ~(uint64_t)0;

	memcpy(word, alpha, sizeof(word));
	for (int i = 0; i < PART / 8; i++)
		all &= word[i];
	return all == ~(uint64_t)0;
}

static void blend_row(uint8_t *restrict dst, const uint8_t *restrict src,
	const uint8_t *restrict alpha, int n, int black)
{
	int i = 0;

	for (; i + PART <= n; i += PART) {
		if (solid(alpha + i))
			memcpy(dst + i, src + i, PART);
		else
			blend_part(dst + i, src + i, alpha + i, PART, black);
	}
	blend_part(dst + i, src + i, alpha + i, n - i, black);
}

static void blend_chroma_row(const struct layer *l, const struct render_frame *f, int y)
{
	struct layer_span a = l->span[y], b = l->span[y + 1 < l->h ? y + 1 : y];
	int half = l->w / 2, row = (l->y + y) / 2, limit = (f->width + 1) / 2 - l->x / 2;
	size_t at = (size_t)(y / 2) * (size_t)half;
	int from, to;

	if (a.from == a.to)
		a = b;
	else if (b.from == b.to)
		b = a;
	from = (a.from < b.from ? a.from : b.from) / 2;
	to = (a.to > b.to ? a.to : b.to) / 2;
	to = to < limit ? to : limit;
	if (from >= to)
		return;
	at += (size_t)from;
	for (int i = 1; i < 3; i++) {
		uint8_t *d = f->plane[i] + (ptrdiff_t)row * f->stride[i] + l->x / 2 + from;

		blend_row(d, (i == 1 ? l->u_plane : l->v_plane) + at, l->alpha_uv + at, to - from,
			BLACK_UV);
	}
}

void layer_blend(const struct layer *l, const struct render_frame *f)
{
	for (int y = 0; y < l->h && l->y + y < f->height; y++) {
		struct layer_span s = l->span[y];
		int to = s.to < f->width - l->x ? s.to : f->width - l->x;
		size_t at = (size_t)y * (size_t)l->w + s.from;

		if (s.from < to)
			blend_row(
				f->plane[0] + (ptrdiff_t)(l->y + y) * f->stride[0] + l->x + s.from,
				l->y_plane + at, l->alpha + at, to - s.from, BLACK_Y);
		if (!(y & 1))
			blend_chroma_row(l, f, y);
	}
}

bool frame_valid(const struct render_frame *f)
{
	if (f->width < 2 || f->height < 2 || f->width > RENDER_MAX_SIDE ||
		f->height > RENDER_MAX_SIDE)
		return false;
	return f->plane[0] && f->plane[1] && f->plane[2] && f->stride[0] >= f->width &&
	       f->stride[1] >= (f->width + 1) / 2 && f->stride[2] >= (f->width + 1) / 2;
}

void frame_fill(const struct render_frame *f, uint32_t rgb)
{
	int r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255;
	int value[3] = {(66 * r + 129 * g + 25 * b + 0x1080) >> 8,
		(112 * b - 74 * g - 38 * r + 0x8080) >> 8,
		(112 * r - 94 * g - 18 * b + 0x8080) >> 8};

	for (int i = 0; i < 3; i++) {
		int w = i ? (f->width + 1) / 2 : f->width, h = i ? (f->height + 1) / 2 : f->height;

		for (int y = 0; y < h; y++)
			memset(f->plane[i] + (ptrdiff_t)y * f->stride[i], value[i], (size_t)w);
	}
}
