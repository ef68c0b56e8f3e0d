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

/* First and last byte of a row that is not 0: 8 at a time as long as they are. */
static struct layer_span span_of(const uint8_t *a, int w)
{
	int from = 0, to = w;
	uint64_t word = 0;

	for (; from + 8 <= w && !word; from += word ? 0 : 8)
		memcpy(&word, a + from, 8);
	while (from < w && !a[from])
		from++;
	if (from == w)
		return (struct layer_span){0, 0, 0, 0};
	for (word = 0; to - 8 > from && !word; to -= word ? 0 : 8)
		memcpy(&word, a + to - 8, 8);
	while (!a[to - 1])
		to--;
	/* whole pairs, for the chroma below */
	return (struct layer_span){(uint16_t)(from & ~1), (uint16_t)((to + 1) & ~1), 0, 0};
}

static bool solid_word(const uint8_t *a)
{
	uint64_t word;

	memcpy(&word, a, sizeof(word));
	return word == ~(uint64_t)0;
}

/* Most rows are solid but for their ends. */
static void find_solid(const uint8_t *a, struct layer_span *s)
{
	int i = s->from, first;

	while (i + 8 <= s->to && !solid_word(a + i))
		i += 8;
	for (first = i; i + 8 <= s->to && solid_word(a + i);)
		i += 8;
	if (i == first)
		first = i = s->from; /* a few pixels: not worth it */
	while (i > first && i < s->to && a[i] == 255)
		i++;
	while (i > first && first > s->from && a[first - 1] == 255)
		first--;
	s->solid = (uint16_t)first;
	s->end = (uint16_t)i;
}

void layer_convert(struct layer *l)
{
	int half = l->w / 2;

	ABGRToI420(l->rgba, l->w * 4, l->y_plane, l->w, l->u_plane, half, l->v_plane, half, l->w,
		l->h);
	ARGBExtractAlpha(l->rgba, l->w * 4, l->alpha, l->w, l->w, l->h);
	ScalePlane(l->alpha, l->w, l->w, l->h, l->alpha_uv, half, half, l->h / 2, kFilterBox);
	for (int y = 0; y < l->h; y++) {
		const uint8_t *row = l->alpha + (size_t)y * (size_t)l->w;

		l->span[y] = span_of(row, l->w);
		find_solid(row, &l->span[y]);
	}
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

/* What a span has of a row: pointers are to its first sample. */
static void blend_span(
	uint8_t *dst, const uint8_t *src, const uint8_t *alpha, struct layer_span s, int black)
{
	int before = s.solid - s.from, solid = s.end - s.solid;

	if (s.solid >= s.end) {
		blend_row(dst, src, alpha, s.to - s.from, black);
		return;
	}
	blend_row(dst, src, alpha, before, black);
	memcpy(dst + before, src + before, (size_t)solid);
	before += solid;
	blend_row(dst + before, src + before, alpha + before, s.to - s.end, black);
}

static struct layer_span cut(struct layer_span s, int limit)
{
	int most = limit < 0 ? 0 : limit;

	s.to = s.to < most ? s.to : (uint16_t)most;
	s.end = s.end < s.to ? s.end : s.to;
	return s;
}

/* Of a row of chroma, which two of brightness share. */
static struct layer_span both(struct layer_span a, struct layer_span b)
{
	struct layer_span s;

	if (a.from == a.to)
		return (struct layer_span){b.from / 2, b.to / 2, 0, 0};
	if (b.from == b.to)
		return (struct layer_span){a.from / 2, a.to / 2, 0, 0};
	s.from = (a.from < b.from ? a.from : b.from) / 2;
	s.to = (a.to > b.to ? a.to : b.to) / 2;
	s.solid = (uint16_t)((a.solid > b.solid ? a.solid : b.solid) + 1) / 2;
	s.end = (a.end < b.end ? a.end : b.end) / 2;
	return s;
}

static void blend_chroma_row(const struct layer *l, const struct render_frame *f, int y)
{
	struct layer_span s = both(l->span[y], l->span[y + 1 < l->h ? y + 1 : y]);
	int half = l->w / 2, row = (l->y + y) / 2;
	size_t at = (size_t)(y / 2) * (size_t)half + s.from;

	s = cut(s, (f->width + 1) / 2 - l->x / 2);
	if (s.from >= s.to)
		return;
	for (int i = 1; i < 3; i++) {
		uint8_t *d = f->plane[i] + (ptrdiff_t)row * f->stride[i] + l->x / 2 + s.from;

		blend_span(
			d, (i == 1 ? l->u_plane : l->v_plane) + at, l->alpha_uv + at, s, BLACK_UV);
	}
}

void layer_blend(const struct layer *l, const struct render_frame *f)
{
	for (int y = 0; y < l->h && l->y + y < f->height; y++) {
		struct layer_span s = cut(l->span[y], f->width - l->x);
		size_t at = (size_t)y * (size_t)l->w + s.from;
		uint8_t *d = f->plane[0] + (ptrdiff_t)(l->y + y) * f->stride[0] + l->x + s.from;

		if (s.from < s.to)
			blend_span(d, l->y_plane + at, l->alpha + at, s, BLACK_Y);
		if (!(y & 1))
			blend_chroma_row(l, f, y);
	}
}

void layer_bring(
	const struct layer *l, const struct render_frame *f, const struct render_frame *under)
{
	int x = l->x & ~15, y = l->y & ~15;
	int x1 = (l->x + l->w + 15) & ~15, y1 = (l->y + l->h + 15) & ~15;

	if (!l->w)
		return;
	x1 = x1 < f->width ? x1 : f->width;
	y1 = y1 < f->height ? y1 : f->height;
	for (int i = 0; i < 3; i++) {
		int sub = i > 0, from = x >> sub, n = ((x1 + sub) >> sub) - from;

		for (int row = y >> sub; n > 0 && row < (y1 + sub) >> sub; row++)
			memcpy(f->plane[i] + (ptrdiff_t)row * f->stride[i] + from,
				under->plane[i] + (ptrdiff_t)row * under->stride[i] + from,
				(size_t)n);
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
