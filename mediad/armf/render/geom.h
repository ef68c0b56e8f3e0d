/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cameras, matrices and where a box lands on the picture. Pure. Matrices are column-major, 16
 * floats.
 */
#ifndef RENDER_GEOM_H
#define RENDER_GEOM_H

#include "mediad/armf/render/render.h"

void geom_mul(float out[16], const float a[16], const float b[16]); /* out is neither */
float geom_det3(const float m[16]);
/* The transposed inverse of the upper 3x3, for normals; of a singular one the matrix itself. */
void geom_normal(float out[9], const float m[16]);

struct geom_camera {
	float view[16]; /* world to camera */
	float clip[16]; /* world to clip space */
	float position[3];
};

/* For a picture of w x h. -EINVAL: not finite, no rotation, or a projection that is none. */
int geom_camera(struct geom_camera *out, const struct render_camera *c, int w, int h)
	__attribute__((warn_unused_result));

struct geom_rect {
	float x0, y0, x1, y1; /* pixels, y down; x1 <= x0: empty */
};

/* The rectangle that a world box covers, what is before the near plane cut off, within the picture.
 * False: nothing of it is in the picture. */
bool geom_project(const struct geom_camera *c, const float lo[3], const float hi[3], int w, int h,
	struct geom_rect *out);
/* Depth of the box's middle, metres along the view direction. */
float geom_depth(const struct geom_camera *c, const float lo[3], const float hi[3]);

#endif
