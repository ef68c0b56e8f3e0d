/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single objects of struct gpu_model on their way to the GPU. Needs the context current. */
#ifndef RENDER_GPU_UPLOAD_H
#define RENDER_GPU_UPLOAD_H

#include "mediad/armf/render/gpu.h"

/* reduce: with levels of detail, if it has so many triangles that they pay. -ENOMEM */
int gpu_upload_mesh(struct gpu_mesh *out, const struct model_primitive *p, bool reduce)
	__attribute__((warn_unused_result));
/* With all mipmaps, made here: colour is averaged as light, and transparent pixels do not bleed.
 * -ENOMEM. */
int gpu_upload_texture(struct gpu_texture *out, const struct model_image *im, bool color)
	__attribute__((warn_unused_result));
/* fast: of mipmaps the nearest one instead of two, whatever the texture asks for. */
void gpu_set_sampler(GLuint sampler, const struct model_texture *t, bool fast);
/* A vertex array with positions, normals and tangents of its own, the rest shared with mesh. */
void gpu_make_morph(
	struct gpu_morph *mo, const struct gpu_mesh *mesh, const struct model_primitive *p);
void gpu_upload_morph(struct gpu_morph *mo, const struct model_primitive *p, const float *position,
	const float *normal, const float *tangent);

/* Half the size, rounded down but at least 1. Exposed for tests. */
void gpu_halve(uint8_t *out, const uint8_t *in, unsigned w, unsigned h, bool color);

#endif
