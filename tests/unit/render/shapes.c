/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/render/shapes.h"
#include "common/ar_buf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CUBE 24 /* vertices */
#define SQUARE 4
#define VERTICES (CUBE + SQUARE)

struct arrays {
	float position[VERTICES][3], normal[VERTICES][3], uv[VERTICES][2], color[VERTICES][4];
	uint16_t index[36 + 6];
};

static void base64(struct ar_buf *out, const uint8_t *p, size_t n)
{
	static const char set[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0);
		char c[4] = {set[v >> 18 & 63], set[v >> 12 & 63],
			i + 1 < n ? set[v >> 6 & 63] : '=', i + 2 < n ? set[v & 63] : '='};

		ar_buf_add(out, c, 4);
	}
}

static void add_face(
	struct arrays *a, int f, const float n[3], const float u[3], const float v[3], float off)
{
	static const float corner[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
	static const uint16_t order[6] = {0, 1, 2, 0, 2, 3};

	for (int k = 0; k < 4; k++) {
		int at = f * 4 + k;

		for (int i = 0; i < 3; i++) {
			a->position[at][i] =
				off * n[i] + 0.5f * (corner[k][0] * u[i] + corner[k][1] * v[i]);
			a->normal[at][i] = n[i];
		}
		a->uv[at][0] = (corner[k][0] + 1) / 2;
		a->uv[at][1] = (1 - corner[k][1]) / 2;
		a->color[at][0] = a->color[at][3] = 1;
		a->color[at][1] = a->color[at][2] = corner[k][0] < 0 ? 0 : 1;
	}
	for (int k = 0; k < 6; k++)
		a->index[f * 6 + k] = (uint16_t)((f < 6 ? f * 4 : 0) + order[k]);
}

static void make(struct arrays *a)
{
	static const float n[6][3] = {
		{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
	static const float x[3] = {1, 0, 0}, y[3] = {0, 1, 0}, z[3] = {0, 0, 1};

	memset(a, 0, sizeof(*a));
	for (int f = 0; f < 6; f++) {
		float u[3] = {n[f][1], n[f][2], n[f][0]}, v[3];

		for (int i = 0; i < 3; i++)
			v[i] = n[f][(i + 1) % 3] * u[(i + 2) % 3] -
			       n[f][(i + 2) % 3] * u[(i + 1) % 3];
		add_face(a, f, n[f], u, v, 0.5f);
	}
	add_face(a, 6, z, x, y, 0);
}

/* Per attribute two accessors, of the cube and of the square. */
static void add_accessors(struct ar_buf *b)
{
	static const struct {
		const char *type;
		unsigned size, kind;
	} part[5] = {{"VEC3", 12, 5126}, {"VEC3", 12, 5126}, {"VEC2", 8, 5126}, {"VEC4", 16, 5126},
		{"SCALAR", 2, 5123}};
	unsigned offset = 0;

	ar_buf_add_str(b, ",\"accessors\":[");
	for (unsigned i = 0; i < 10; i++) {
		unsigned square = i & 1, index = i / 2 == 4;

		ar_buf_printf(b,
			"%s{\"bufferView\":%u,\"byteOffset\":%u,\"componentType\":%u,\"count\":%u,"
			"\"type\":\"%s\"%s}",
			i ? "," : "", i / 2, square * part[i / 2].size * (index ? 36 : CUBE),
			part[i / 2].kind,
			index    ? (square ? 6 : 36)
			: square ? SQUARE
				 : CUBE,
			part[i / 2].type,
			i == 0   ? ",\"min\":[-0.5,-0.5,-0.5],\"max\":[0.5,0.5,0.5]"
			: i == 1 ? ",\"min\":[-0.5,-0.5,0],\"max\":[0.5,0.5,0]"
				 : "");
	}
	ar_buf_add_str(b, "],\"bufferViews\":[");
	for (unsigned i = 0; i < 5; i++) {
		unsigned n = part[i].size * (i == 4 ? 42 : VERTICES);

		ar_buf_printf(b, "%s{\"buffer\":0,\"byteOffset\":%u,\"byteLength\":%u}",
			i ? "," : "", offset, n);
		offset += n;
	}
	ar_buf_printf(b,
		"],\"buffers\":[{\"byteLength\":%u,\"uri\":\"data:application/octet-stream;base64,",
		offset);
}

static void add_meshes(struct ar_buf *b, unsigned nmaterial)
{
	ar_buf_add_str(b, ",\"meshes\":[");
	for (unsigned i = 0; i < 2 * nmaterial + 2; i++) {
		unsigned q = i & 1;

		ar_buf_printf(b,
			"%s{\"primitives\":[{\"attributes\":{\"POSITION\":%u,\"NORMAL\":%u,"
			"\"TEXCOORD_0\":%u",
			i ? "," : "", q, 2 + q, 4 + q);
		if (i / 2 == nmaterial)
			ar_buf_printf(b, ",\"COLOR_0\":%u", 6 + q);
		ar_buf_printf(b, "},\"indices\":%u,\"material\":%u}]}", 8 + q,
			i / 2 == nmaterial ? 0 : i / 2);
	}
	ar_buf_add_str(b, "]");
}

char *shapes_gltf(const struct shapes *s)
{
	struct arrays a;
	struct ar_buf b;

	make(&a);
	ar_buf_init(&b, 1 << 20);
	ar_buf_add_str(&b,
		"{\"asset\":{\"version\":\"2.0\"},\"scene\":0,\"extensionsUsed\":["
		"\"KHR_materials_unlit\",\"KHR_lights_punctual\",\"KHR_texture_transform\"],"
		"\"scenes\":[{\"nodes\":[");
	for (unsigned i = 0; i < s->nnode; i++)
		ar_buf_printf(&b, "%s%u", i ? "," : "", i);
	ar_buf_printf(&b, "]}],\"nodes\":[%s],\"materials\":[%s]", s->nodes, s->materials);
	add_meshes(&b, s->nmaterial);
	add_accessors(&b);
	base64(&b, (const uint8_t *)&a, sizeof(a));
	ar_buf_printf(&b, "\"}]%s}", s->more ? s->more : "");
	ar_buf_add(&b, "", 1);
	return b.p;
}

char *shapes_cube(const char *material)
{
	const struct shapes s = {1, material, "{\"mesh\":0}", 1, NULL};

	return shapes_gltf(&s);
}
