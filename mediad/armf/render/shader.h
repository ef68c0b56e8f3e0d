/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs of one GL context: one per combination of what a material, a mesh and the lights
 * need, compiled when first used. Several hundred combinations are possible and a scene uses a
 * few; at SHADER_MAX all are dropped and compiled again as needed, which is counted.
 *
 * Needs the context current.
 */
#ifndef RENDER_SHADER_H
#define RENDER_SHADER_H

#include "mediad/armf/render/render.h"

#include <GLES3/gl3.h>

#define SHADER_MAX 64

/* What a program does. Bits of its key; above them the number of lights. */
enum shader_bit {
	SHADER_LIT = 1 << 0, /* has normals and is not unlit */
	SHADER_TANGENT = 1 << 1, /* has tangents */
	SHADER_COLOR = 1 << 2, /* colours by vertex */
	SHADER_SKIN = 1 << 3,
	SHADER_BASE = 1 << 4, /* textures */
	SHADER_ROUGH = 1 << 5,
	SHADER_NORMAL_MAP = 1 << 6,
	SHADER_OCCLUSION = 1 << 7,
	SHADER_EMISSIVE = 1 << 8,
	SHADER_UV1 = 1 << 9, /* some texture reads the second set of coordinates */
	SHADER_UV_MATRIX = 1 << 10, /* KHR_texture_transform */
	SHADER_MASK = 1 << 11,
	SHADER_BLEND = 1 << 12,
	SHADER_DOUBLE = 1 << 13, /* double sided */
	SHADER_POSITIONS = 1 << 14, /* some light has a position */
	SHADER_FAST = 1 << 15, /* cheaper formulas, see shader_text.c */
	SHADER_MATTE = 1 << 16, /* no specular reflection worth its price */
	SHADER_PLAIN = 1 << 17, /* colours come encoded and are not lit */
	SHADER_VERTEX_LIT = 1 << 18, /* a matte surface: lit at its vertices */
};
#define SHADER_LIGHTS_SHIFT 20

enum shader_texture { TEX_BASE, TEX_ROUGH, TEX_NORMAL, TEX_OCCLUSION, TEX_EMISSIVE, TEX_N };
enum shader_attribute {
	ATTR_POSITION,
	ATTR_NORMAL,
	ATTR_TANGENT,
	ATTR_UV0,
	ATTR_UV1,
	ATTR_COLOR,
	ATTR_JOINT,
	ATTR_WEIGHT,
	ATTR_N
};
/* Uniform blocks; std140 */
enum shader_block { BLOCK_FRAME, BLOCK_JOINTS };

struct shader_frame {
	float clip[16];
	float eye[4];
	float sky[4], ground[4];
	float light[RENDER_MAX_LIGHTS * 4][4]; /* struct draw_light */
};

enum shader_uniform {
	U_WORLD,
	U_NORMAL,
	U_BASE, /* base colour and alpha */
	U_SURFACE, /* metallic, roughness, cut-off, occlusion strength */
	U_EMISSIVE, /* rgb, normal scale */
	U_UV_MATRIX,
	U_UV_SET,
	U_N
};

struct shader {
	uint32_t key;
	GLuint program;
	GLint at[U_N];
};

struct shader_set {
	struct shader shader[SHADER_MAX];
	unsigned n;
	uint64_t compiled, flushed;
};

/* NULL: the driver refused, its words are in why. */
const struct shader *shader_get(struct shader_set *s, uint32_t key, struct ar_buf *why);
void shader_set_clear(struct shader_set *s);

extern const char *const shader_vertex_text, *const shader_fragment_text;

#endif
