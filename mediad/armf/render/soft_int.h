/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the plain renderer know of each other: soft.c finds out what can be drawn and
 * where its corners are, soft_raster.c which pixels, soft_pixels*.c their colours. */
#ifndef RENDER_SOFT_INT_H
#define RENDER_SOFT_INT_H

#include "mediad/armf/gltf/model.h"

#define SOFT_LEVELS 16
#define SOFT_MAX_LIGHT 3.99f /* a texel times its colour does not become brighter */
#define SOFT_LIGHT_ONE 8192 /* SOFT_MAX_LIGHT times it fits in 16 bits */
#define SOFT_ONE 256 /* parts of a pixel that corners are rounded to */
#define SOFT_SIDE 8192 /* pixels: corners further away from the rectangle are GL's */
#define SOFT_LANES 8 /* pixels drawn at once, at most */

/* Rows have a texel more at either end, and there is a row more above and below: what lies there by
 * the rule of repeating. So a pixel's four texels are always in two pairs. Bytes are 128 less than
 * what they stand for: signed numbers, as vectors multiply them. */
struct soft_level {
	uint32_t *texel;
	int w, h, stride;
};

struct soft_texture {
	uint64_t hash; /* of the image */
	uint16_t wrap_s, wrap_t;
	bool white; /* nothing else, so that nothing has to be read */
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
	float u, v, light[3];
	bool lit; /* soft.c's: the light is known */
};

/* Pixels of a row, side by side; memory of SOFT_LANES - 1 more is read, and written as it was. */
struct soft_segment {
	uint32_t *pixel;
	float *depth;
	int n;
	bool first; /* nothing is there: what the memory holds is no depth */
	float i, di; /* 1 / w at the first pixel, and what the next one has more */
	/* texels from the border, in 65536ths and divided by w; masks: where they repeat */
	float x, y, dx, dy;
	int32_t x_mask, y_mask;
	/* SOFT_LIGHT_ONE; three are used, the fourth is 0. Beyond the segment they may overflow. */
	uint16_t light[4], dlight[4];
	const struct soft_level *level; /* NULL: white */
};

typedef void soft_pixels_fn(const struct soft_segment *s);

/* soft_pixels.c: all the same to the bit. */
struct soft_pixels {
	const char *name;
	soft_pixels_fn *draw;
};

extern const struct soft_pixels soft_pixels_plain, soft_pixels_avx2;
/* All that this machine can run, the best one first; `at` from 0. NULL: no more. */
const struct soft_pixels *soft_pixels_get(unsigned at);

/* What has been drawn of a row lies within it. Beyond it nothing is known of pixels and depths, so
 * that nothing has to be cleared beforehand. */
struct soft_row {
	int32_t from, to; /* to 0: nothing */
};

struct soft_target {
	uint32_t *pixel; /* RGBA in memory; SOFT_LANES more behind it, of depth as well */
	float *depth; /* of what is there, as in soft_corner; 0: nothing */
	struct soft_row *row;
	int w, h;
	soft_pixels_fn *draw;
};

void soft_begin(const struct soft_target *t);
/* Any winding. levels: how many of the texture's may be used. */
void soft_triangle(const struct soft_target *t, const struct soft_corner *const corner[3],
	const struct soft_texture *texture, unsigned levels);
/* Where nothing has been drawn is transparent. */
void soft_end(const struct soft_target *t);

#endif
