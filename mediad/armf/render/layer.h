/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A drawn rectangle, kept as I420 with alpha so that blending it again costs next to nothing. No
 * GL. Colours are premultiplied: where alpha is 0 the plane holds black, and blending leaves the
 * frame's bytes exactly as they were.
 */
#ifndef RENDER_LAYER_H
#define RENDER_LAYER_H

#include "mediad/armf/render/render.h"

struct layer {
	int x, y, w, h; /* in the picture, even; w 0: nothing to blend */
	uint8_t *rgba; /* w * h * 4, what GL gives */
	uint8_t *y_plane, *u_plane, *v_plane; /* rows of w, w / 2, w / 2 */
	uint8_t *alpha, *alpha_uv; /* the same */
	struct layer_span *span; /* per row: what is not transparent */
	void *memory;
	size_t capacity; /* pixels */
};

struct layer_span {
	uint16_t from, to;
	uint16_t solid, end; /* within: the first pixels side by side that are solid */
};

/* Makes room; the planes' contents are lost. -ENOMEM: the layer is empty. */
int layer_resize(struct layer *l, int x, int y, int w, int h) __attribute__((warn_unused_result));
void layer_free(struct layer *l);
/* From rgba to the planes. */
void layer_convert(struct layer *l);
/* Onto a frame; what lies outside it is left out. */
void layer_blend(const struct layer *l, const struct render_frame *f);

/* What lies under it, grown to multiples of 16 pixels, from a frame of the same size. */
void layer_bring(
	const struct layer *l, const struct render_frame *f, const struct render_frame *under);

/* Whether a frame can be drawn on at all. */
bool frame_valid(const struct render_frame *f);
/* One colour, 0xRRGGBB. */
void frame_fill(const struct render_frame *f, uint32_t rgb);

#endif
