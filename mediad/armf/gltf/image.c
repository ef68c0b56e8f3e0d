/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding of images, halving of large ones; model_load(), which wants both. */
#include "mediad/armf/gltf/load_internal.h"

/* Average of 2 x 2 pixels, in place, colours weighted by alpha; an odd last row or column is
 * dropped. */
static void halve(struct image_job *j)
{
	unsigned w = j->w > 1 ? j->w / 2 : 1, h = j->h > 1 ? j->h / 2 : 1;
	unsigned dx = j->w > 1 ? 4 : 0;
	size_t dy = j->h > 1 ? (size_t)j->w * 4 : 0;
	uint8_t *out = j->rgba;

	for (unsigned y = 0; y < h; y++) {
		const uint8_t *p = j->rgba + (size_t)y * 2 * dy;

		for (unsigned x = 0; x < w; x++, p += 2 * dx, out += 4) {
			const uint8_t *q[4] = {p, p + dx, p + dy, p + dx + dy};
			unsigned a = q[0][3] + q[1][3] + q[2][3] + q[3][3], c[3] = {0, 0, 0};

			for (unsigned i = 0; i < 12; i++)
				c[i % 3] += q[i / 3][i % 3] * (a ? q[i / 3][3] : 1u);
			for (unsigned i = 0; i < 3; i++)
				out[i] = (uint8_t)((c[i] + (a ? a : 4) / 2) / (a ? a : 4));
			out[3] = (uint8_t)((a + 2) / 4);
		}
	}
	j->w = w;
	j->h = h;
	j->halved = true;
}

static int shrink(struct image_job *j)
{
	uint8_t *less;
	bool changed = false;

	while (j->w > j->keep || j->h > j->keep) {
		halve(j);
		changed = true;
	}
	less = changed ? realloc(j->rgba, (size_t)j->w * j->h * 4) : NULL;
	if (less)
		j->rgba = less;
	return 0;
}

int image_decode(struct image_job *j)
{
	enum image_kind kind = IMAGE_PNG;
	int err = image_kind(j, &kind);

	j->rgba = NULL;
	if (!err)
		err = kind == IMAGE_PNG ? image_decode_png(j) : image_decode_jpeg(j);
	if (!err)
		err = shrink(j);
	if (err) {
		free(j->rgba);
		j->rgba = NULL;
	}
	return err;
}

int model_load(struct model **out, const struct model_source *src, struct ar_buf *why)
{
	return model_build(out, src, image_decode, why);
}
