/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drawing of plain scenes without GL, where GL would be software anyway: solid triangles with at
 * most a colour texture, unlit or lit at their vertices, skinned or not, all in front of the
 * camera. That is what most scenes of a call are, and llvmpipe takes up to four times as long for
 * them: the less, the smaller the triangles and the fewer the textures. Everything else is GL's:
 * soft_draw() says so before anything that it has drawn is used.
 *
 * Called by view.c. A struct belongs to one view and has no lock. The picture is that of draw.c
 * within a few steps of 255 and half a pixel at edges.
 */
#ifndef RENDER_SOFT_H
#define RENDER_SOFT_H

#include "mediad/armf/render/draw.h"

#define SOFT_MAX_VERTICES 6144 /* of a frame; more are GL's */
#define SOFT_MAX_TRIANGLES 8192
#define SOFT_MAX_TEXTURES 32
#define SOFT_MAX_SIDE 4096 /* of a texture */
#define SOFT_MAX_BYTES ((size_t)32 << 20) /* of textures, in a form of their own */

struct soft;

/* -ENOMEM */
int soft_new(struct soft **out) __attribute__((warn_unused_result));
void soft_free(struct soft *s);
/* Another model is drawn from now on, NULL: none; textures that it has too stay. */
void soft_load(struct soft *s, const struct model_view *m);
size_t soft_bytes(const struct soft *s);

struct soft_picture {
	uint8_t *rgba; /* the list's rectangle, rows of its width; 64 bytes of slack behind it */
	int width, height; /* of the whole picture */
};

/* Draws the list's rectangle, premultiplied, and nothing else is transparent; false: GL has to. */
bool soft_draw(struct soft *s, const struct gpu_model *g, const struct stage *st,
	const struct draw_list *l, const struct geom_camera *c, const struct soft_picture *p);

#endif
