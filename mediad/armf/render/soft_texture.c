/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/gpu_upload.h"
#include "mediad/armf/render/soft_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Texel -1 or n of a row of n. */
static int beyond(uint16_t wrap, int at, int n)
{
	if (wrap == GL_REPEAT)
		return at < 0 ? n - 1 : 0;
	return at < 0 ? 0 : n - 1; /* clamped, and mirrored as well */
}

static void fill_row(uint32_t *to, const uint8_t *from, int w, uint16_t wrap_s)
{
	memcpy(to + 1, from, (size_t)w * 4);
	for (int x = 1; x <= w; x++)
		to[x] ^= 0x80808080;
	to[0] = to[1 + beyond(wrap_s, -1, w)];
	to[w + 1] = to[1 + beyond(wrap_s, w, w)];
}

static void fill_level(
	const struct soft_level *l, const uint8_t *rgba, uint16_t wrap_s, uint16_t wrap_t)
{
	for (int y = -1; y <= l->h; y++) {
		int from = y < 0 || y == l->h ? beyond(wrap_t, y, l->h) : y;

		fill_row(l->texel + (size_t)(y + 1) * (size_t)l->stride,
			rgba + (size_t)from * (size_t)l->w * 4, l->w, wrap_s);
	}
}

static size_t lay_out(struct soft_texture *t, unsigned w, unsigned h)
{
	size_t texels = 0;

	while (t->nlevel < SOFT_LEVELS) {
		struct soft_level *l = &t->level[t->nlevel++];

		l->w = (int)w;
		l->h = (int)h;
		l->stride = l->w + 2;
		texels += (size_t)l->stride * (size_t)(l->h + 2);
		if (w == 1 && h == 1)
			break;
		w = w > 1 ? w / 2 : 1;
		h = h > 1 ? h / 2 : 1;
	}
	return texels;
}

int soft_texture_new(
	struct soft_texture *out, const struct model_image *im, uint16_t wrap_s, uint16_t wrap_t)
{
	const uint8_t *now = im->rgba;
	uint8_t *half[2] = {NULL, NULL};
	size_t texels, size;
	uint32_t *p;

	*out = (struct soft_texture){.hash = im->hash, .wrap_s = wrap_s, .wrap_t = wrap_t};
	texels = lay_out(out, im->w, im->h);
	size = ((size_t)im->w / 2 + 1) * (im->h / 2 + 1) * 4;
	p = texels ? malloc(texels * 4) : NULL;
	half[0] = malloc(size);
	half[1] = malloc(size);
	out->level[0].texel = p;
	if (!p || !half[0] || !half[1])
		goto none;
	for (unsigned i = 0; i < out->nlevel; i++) {
		struct soft_level *l = &out->level[i];

		if (i) {
			const struct soft_level *up = &out->level[i - 1];

			gpu_halve(half[i & 1], now, (unsigned)up->w, (unsigned)up->h, true);
			now = half[i & 1];
		}
		l->texel = p;
		p += (size_t)l->stride * (size_t)(l->h + 2);
		fill_level(l, now, wrap_s, wrap_t);
	}
	out->bytes = texels * 4;
	free(half[0]);
	free(half[1]);
	return 0;
none:
	free(half[0]);
	free(half[1]);
	soft_texture_free(out);
	return -ENOMEM;
}

void soft_texture_free(struct soft_texture *t)
{
	free(t->level[0].texel);
	*t = (struct soft_texture){0};
}
