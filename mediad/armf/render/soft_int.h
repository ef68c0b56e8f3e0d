/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the plain renderer know of each other: soft.c finds out what can be drawn and
 * where its corners are, soft_raster.c which pixels, soft_pixels.c their colours. */
#ifndef RENDER_SOFT_INT_H
#define RENDER_SOFT_INT_H

#include "mediad/armf/gltf/model.h"

#define SOFT_LEVELS 16
#define SOFT_MAX_LIGHT 3.99f /* a texel times its colour does not become brighter */
#define SOFT_ONE 256 /* parts of a pixel that corners are rounded to */
#define SOFT_SIDE 8192 /* pixels: corners further away from the rectangle are GL's */

/* Rows have a texel more at either end, and there is a row more above and below: what lies there by
 * the rule of repeating. So a pixel's four texels are always in two pairs. */
struct soft_level {
	uint32_t *texel;
	int w, h, stride;
};

struct soft_texture {
	uint64_t hash; /* of the image */
	uint16_t wrap_s, wrap_t;
	bool used;
	unsigned nlevel;
	struct soft_level level[SOFT_LEVELS];
	size_t bytes;
};

/* soft_texture.c. color: texels are sRGB. mipmaps: smaller levels too. -ENOMEM. */
int soft_texture_new(struct soft_texture *out, const struct model_image *im, uint16_t wrap_s,
	uint16_t wrap_t) __attribute__((warn_unused_result));
void soft_texture_free(struct soft_texture *t);

struct soft_corner {
	int32_t x, y; /* SOFT_ONE to the pixel, from the rectangle's corner */
	float i; /* 1 / w: the greater the nearer */
	float u, v, light[3]; /* divided by w */
};

struct soft_target {
	uint32_t *pixel; /* RGBA in memory */
	float *depth; /* of what is there, as in soft_corner; 0: nothing */
	int w, h;
};

/* Any winding. levels: how many of the texture's may be used. */
void soft_triangle(const struct soft_target *t, const struct soft_corner *const corner[3],
	const struct soft_texture *texture, unsigned levels);

/* Pixels of a row, side by side; memory of 3 more is read, and written as it was. Where they read
 * the texture and light change evenly. */
struct soft_segment {
	uint32_t *pixel;
	float *depth;
	int n;
	float i, di; /* at the first pixel, and what the next one has more */
	int32_t x, y, dx, dy; /* texels from the border, 16 bits behind the point */
	float light[4], dlight[4]; /* up to SOFT_MAX_LIGHT; no more than three are used */
	const struct soft_level *level;
};

void soft_pixels(const struct soft_segment *s);

#endif
