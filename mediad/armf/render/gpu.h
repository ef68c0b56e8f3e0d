/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GPU's copy of a model in one GL context: a buffer and a vertex array per different primitive,
 * a texture per different image and use, and buffers of their own for what morphs. At the next load
 * what has the same content hash stays. Needs the context current.
 */
#ifndef RENDER_GPU_H
#define RENDER_GPU_H

#include "mediad/armf/gltf/stage.h"
#include "mediad/armf/render/draw_list.h"
#include "mediad/armf/render/shader.h"

#include <GLES3/gl3.h>

#define GPU_MAX_MORPHS 256 /* primitives with morph targets, by node; more stand still */

/* A buffer per attribute, all from offset 0: Mesa makes attributes of one buffer into one binding
 * with offsets, and compiles the vertex shader anew for offsets that it has not seen. */
struct gpu_mesh {
	uint64_t hash;
	GLuint array, vertices[ATTR_N], indices;
	uint32_t first[DRAW_DETAILS], count[DRAW_DETAILS]; /* indices; by level of detail */
	size_t bytes;
	bool reduced; /* levels were made, if that was possible */
	bool smooth; /* no normal turns much within a triangle, as it is */
	bool used;
};

struct gpu_texture {
	uint64_t hash;
	bool srgb; /* decoded by the texture unit */
	GLuint name;
	size_t bytes;
	bool used;
};

/* A primitive as one node deforms it. */
struct gpu_morph {
	unsigned node, slot;
	GLuint array, vertices[3]; /* positions, normals, tangents */
	size_t bytes;
	uint64_t version; /* of the node when last worked out */
};

struct gpu_limits {
	unsigned triangles;
	size_t texture_bytes;
	bool reduce; /* make levels of detail: the scene may be over the budget of a frame */
};

struct gpu_model {
	struct model *model; /* our reference; NULL: nothing is loaded */
	struct gpu_mesh *mesh; /* by hash */
	unsigned nmesh;
	struct gpu_texture *texture; /* by hash */
	unsigned ntexture;
	unsigned *by_slot; /* mesh, see struct draw_item */
	struct gpu_texture *(*by_image)[2]; /* as data, as colour; NULL: not used so */
	GLuint *sampler; /* by texture of the model */
	unsigned nsampler;
	struct gpu_morph *morph;
	unsigned nmorph;
	float *scratch; /* for one morphed primitive: 10 floats a vertex */
	uint32_t scratch_vertices;
	size_t bytes;
	uint64_t uploads, kept;
};

/* fast: textures of colour are not decoded by the texture unit. -EFBIG, -ENOMEM, -EIO; g is empty
 * then. list has been prepared for m, and is told of levels of detail. */
int gpu_load(struct gpu_model *g, struct model *m, struct draw_list *list, bool fast,
	const struct gpu_limits *limits, struct ar_buf *why) __attribute__((warn_unused_result));
void gpu_clear(struct gpu_model *g);
/* What morphs is worked out again. No GL. */
void gpu_forget_morphs(struct gpu_model *g);
/* The vertex array to draw an item with; what morphs is worked out first if it changed. */
GLuint gpu_array(struct gpu_model *g, const struct stage *st, const struct draw_item *it);
/* Binds the texture and its sampler to a unit; false: there is none. */
bool gpu_bind(const struct gpu_model *g, int texture, bool color, unsigned unit);

#endif
