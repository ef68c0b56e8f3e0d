/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Draws a list with GL into the framebuffer that is bound. Needs the context current. */
#ifndef RENDER_DRAW_H
#define RENDER_DRAW_H

#include "mediad/armf/render/gpu.h"
#include "mediad/armf/render/shader.h"

struct draw {
	struct shader_set shaders;
	GLuint frame_block, joint_block;
	bool fast; /* cheaper shading, see shader_text.c */
};

/* Its highlight cannot be told from its diffuse colour. */
bool draw_is_matte(const struct model_material *m);
bool draw_is_white(const float c[4]);
float draw_encoded(float c); /* linear to sRGB, 0 to 1 */

int draw_init(struct draw *d) __attribute__((warn_unused_result));
void draw_clear(struct draw *d);
/* The viewport maps the whole picture; rows go downwards. -EIO with the reason. */
int draw_items(struct draw *d, struct gpu_model *g, const struct stage *st,
	const struct draw_list *l, const struct geom_camera *c, struct ar_buf *why)
	__attribute__((warn_unused_result));

#endif
