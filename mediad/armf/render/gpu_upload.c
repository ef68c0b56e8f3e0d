/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/gpu_upload.h"
#include "mediad/armf/render/shader.h"
#include "mediad/armf/render/simplify.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SMOOTH_COS 0.88f /* 28 degrees between the normals of a triangle */

/* ---------------------------------------------------------------- meshes */

struct part {
	const void *data;
	GLsizeiptr size; /* of a vertex */
	GLint n;
	GLenum type;
};

static void list_parts(struct part part[ATTR_N], const struct model_primitive *p)
{
	part[ATTR_POSITION] = (struct part){p->position, 12, 3, GL_FLOAT};
	part[ATTR_NORMAL] = (struct part){p->normal, 12, 3, GL_FLOAT};
	part[ATTR_TANGENT] = (struct part){p->tangent, 16, 4, GL_FLOAT};
	part[ATTR_UV0] = (struct part){p->texcoord[0], 8, 2, GL_FLOAT};
	part[ATTR_UV1] = (struct part){p->texcoord[1], 8, 2, GL_FLOAT};
	part[ATTR_COLOR] = (struct part){p->color, 16, 4, GL_FLOAT};
	part[ATTR_JOINT] = (struct part){p->joint, 8, 4, GL_UNSIGNED_SHORT};
	part[ATTR_WEIGHT] = (struct part){p->weight, 16, 4, GL_FLOAT};
}

static void point_at(GLuint i, const struct part *a, GLuint buffer)
{
	glBindBuffer(GL_ARRAY_BUFFER, buffer);
	glEnableVertexAttribArray(i);
	if (i == ATTR_JOINT)
		glVertexAttribIPointer(i, a->n, a->type, 0, NULL);
	else
		glVertexAttribPointer(i, a->n, a->type, GL_FALSE, 0, NULL);
}

static size_t add_part(GLuint *buffer, const struct part *a, uint32_t n, GLenum usage)
{
	glGenBuffers(1, buffer);
	glBindBuffer(GL_ARRAY_BUFFER, *buffer);
	glBufferData(GL_ARRAY_BUFFER, a->size * (GLsizeiptr)n, a->data, usage);
	return (size_t)a->size * n;
}

/* Indices of fewer triangles behind those that are there. */
static void add_detail(struct gpu_mesh *out, const struct model_primitive *p, unsigned d,
	uint8_t *indices, uint32_t *scratch)
{
	uint32_t n = simplify(p, p->nindex / 3 >> 2 * d, scratch),
		 at = out->first[d - 1] + out->count[d - 1];

	out->first[d] = out->first[d - 1];
	out->count[d] = out->count[d - 1];
	if (!n || n >= out->count[d - 1])
		return;
	for (uint32_t i = 0; i < n; i++) {
		if (p->index_size == 2)
			((uint16_t *)(void *)indices)[at + i] = (uint16_t)scratch[i];
		else
			((uint32_t *)(void *)indices)[at + i] = scratch[i];
	}
	out->first[d] = at;
	out->count[d] = n;
}

#define DETAIL_FROM 300 /* triangles */

static int upload_indices(struct gpu_mesh *out, const struct model_primitive *p, bool reduce)
{
	size_t size = (size_t)p->nindex * p->index_size, room = size;
	uint8_t *all = NULL;
	uint32_t *scratch = NULL;
	unsigned last = DRAW_DETAILS - 1;

	out->reduced = reduce;
	for (int d = 0; d < DRAW_DETAILS; d++)
		out->count[d] = p->nindex;
	if (reduce && p->mode == MODEL_TRIANGLES && p->nindex >= 3 * DETAIL_FROM) {
		room *= 2; /* a quarter and a sixteenth take less */
		all = malloc(room);
		scratch = malloc((size_t)p->nindex * sizeof(*scratch));
	}
	if (all && scratch) {
		memcpy(all, p->index, size);
		for (unsigned d = 1; d < DRAW_DETAILS; d++)
			add_detail(out, p, d, all, scratch);
		size = (size_t)(out->first[last] + out->count[last]) * p->index_size;
	}
	glGenBuffers(1, &out->indices);
	glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, out->indices);
	glBufferData(GL_ELEMENT_ARRAY_BUFFER, (GLsizeiptr)size, all && scratch ? all : p->index,
		GL_STATIC_DRAW);
	out->bytes += size;
	free(all);
	free(scratch);
	return glGetError() == GL_NO_ERROR ? 0 : -ENOMEM;
}

static bool alike(const float *a, const float *b)
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] >= SMOOTH_COS;
}

/* Light between vertices is then the light at the vertices, within 3 per cent. */
static bool is_smooth(const struct model_primitive *p)
{
	if (p->mode != MODEL_TRIANGLES || !p->normal)
		return false;
	for (uint32_t i = 0; i + 3 <= p->nindex; i += 3) {
		const float *a = p->normal + (size_t)3 * model_index(p, i);
		const float *b = p->normal + (size_t)3 * model_index(p, i + 1);
		const float *c = p->normal + (size_t)3 * model_index(p, i + 2);

		if (!alike(a, b) || !alike(b, c) || !alike(c, a))
			return false;
	}
	return true;
}

int gpu_upload_mesh(struct gpu_mesh *out, const struct model_primitive *p, bool reduce)
{
	struct part part[ATTR_N];
	int rc;

	list_parts(part, p);
	while (glGetError() != GL_NO_ERROR)
		;
	glGenVertexArrays(1, &out->array);
	glBindVertexArray(out->array);
	for (GLuint i = 0; i < ATTR_N; i++) {
		if (!part[i].data)
			continue;
		out->bytes += add_part(&out->vertices[i], &part[i], p->nvertex, GL_STATIC_DRAW);
		point_at(i, &part[i], out->vertices[i]);
	}
	rc = upload_indices(out, p, reduce);
	out->smooth = is_smooth(p);
	glBindVertexArray(0);
	return rc;
}

void gpu_make_morph(
	struct gpu_morph *mo, const struct gpu_mesh *mesh, const struct model_primitive *p)
{
	struct part part[ATTR_N];

	list_parts(part, p);
	glGenVertexArrays(1, &mo->array);
	glBindVertexArray(mo->array);
	for (GLuint i = 0; i < ATTR_N; i++) {
		bool own = i <= ATTR_TANGENT;

		if (!part[i].data)
			continue;
		if (own)
			mo->bytes +=
				add_part(&mo->vertices[i], &part[i], p->nvertex, GL_DYNAMIC_DRAW);
		point_at(i, &part[i], own ? mo->vertices[i] : mesh->vertices[i]);
	}
	glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, mesh->indices);
	glBindVertexArray(0);
}

void gpu_upload_morph(struct gpu_morph *mo, const struct model_primitive *p, const float *position,
	const float *normal, const float *tangent)
{
	const float *data[3] = {position, normal, tangent};

	for (int i = 0; i < 3; i++) {
		if (!mo->vertices[i])
			continue;
		glBindBuffer(GL_ARRAY_BUFFER, mo->vertices[i]);
		glBufferSubData(GL_ARRAY_BUFFER, 0,
			(GLsizeiptr)p->nvertex * (i == ATTR_TANGENT ? 16 : 12), data[i]);
	}
}

/* ---------------------------------------------------------------- textures */

#define ENCODE_STEPS 4096

static pthread_once_t tables_once = PTHREAD_ONCE_INIT;
static float to_linear[256];
static uint8_t to_srgb[ENCODE_STEPS + 1];

static void make_tables(void)
{
	for (int i = 0; i < 256; i++) {
		double c = i / 255.0;

		to_linear[i] = (float)(c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
	}
	for (int i = 0; i <= ENCODE_STEPS; i++) {
		double c = (double)i / ENCODE_STEPS;

		c = c <= 0.0031308 ? 12.92 * c : 1.055 * pow(c, 1 / 2.4) - 0.055;
		to_srgb[i] = (uint8_t)(c * 255 + 0.5);
	}
}

static void average_data(uint8_t *out, const uint8_t *const p[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)((p[0][i] + p[1][i] + p[2][i] + p[3][i] + 2) / 4);
}

static void average_color(uint8_t *out, const uint8_t *const p[4])
{
	unsigned alpha = p[0][3] + p[1][3] + p[2][3] + p[3][3];

	for (int i = 0; i < 3; i++) {
		float sum = 0;

		for (int k = 0; k < 4; k++)
			sum += to_linear[p[k][i]] * (alpha ? (float)p[k][3] : 1.0f);
		sum /= alpha ? (float)alpha : 4.0f;
		out[i] = to_srgb[(int)(sum * ENCODE_STEPS + 0.5f)];
	}
	out[3] = (uint8_t)((alpha + 2) / 4);
}

void gpu_halve(uint8_t *out, const uint8_t *in, unsigned w, unsigned h, bool color)
{
	unsigned ow = w > 1 ? w / 2 : 1, oh = h > 1 ? h / 2 : 1;

	pthread_once(&tables_once, make_tables);
	for (unsigned y = 0; y < oh; y++) {
		const uint8_t *a = in + (size_t)(h > 1 ? 2 * y : 0) * w * 4;
		const uint8_t *b = h > 1 ? a + (size_t)w * 4 : a;

		for (unsigned x = 0; x < ow; x++, out += 4) {
			size_t l = w > 1 ? (size_t)8 * x : 0, r = w > 1 ? l + 4 : l;
			const uint8_t *const p[4] = {a + l, a + r, b + l, b + r};

			if (color)
				average_color(out, p);
			else
				average_data(out, p);
		}
	}
}

static int upload_levels(const struct model_image *im, bool color, GLint format, size_t *bytes)
{
	unsigned w = im->w, h = im->h;
	uint8_t *a = NULL, *b = NULL;
	int rc = -ENOMEM;

	/* each level is made from the one before, in turns */
	a = calloc(((size_t)w / 2 + 1) * (h / 2 + 1), 4);
	b = calloc(((size_t)w / 4 + 1) * (h / 4 + 1), 4);
	if (!a || !b)
		goto out;
	for (GLint level = 0;; level++) {
		const uint8_t *now = level == 0 ? im->rgba : level & 1 ? a : b;

		glTexImage2D(GL_TEXTURE_2D, level, format, (GLsizei)w, (GLsizei)h, 0, GL_RGBA,
			GL_UNSIGNED_BYTE, now);
		*bytes += (size_t)w * h * 4;
		if (w == 1 && h == 1)
			break;
		gpu_halve(level & 1 ? b : a, now, w, h, color);
		w = w > 1 ? w / 2 : 1;
		h = h > 1 ? h / 2 : 1;
	}
	rc = glGetError() == GL_NO_ERROR ? 0 : -ENOMEM;
out:
	free(a);
	free(b);
	return rc;
}

int gpu_upload_texture(struct gpu_texture *out, const struct model_image *im, bool color)
{
	while (glGetError() != GL_NO_ERROR)
		;
	glGenTextures(1, &out->name);
	glActiveTexture(GL_TEXTURE0);
	glBindTexture(GL_TEXTURE_2D, out->name);
	glPixelStorei(GL_UNPACK_ALIGNMENT, 4);
	return upload_levels(im, color, out->srgb ? GL_SRGB8_ALPHA8 : GL_RGBA8, &out->bytes);
}

void gpu_set_sampler(GLuint sampler, const struct model_texture *t, bool fast)
{
	GLint min = t->min;

	/* one filter for all mipmaps: the driver compiles every shader for each, too */
	if (fast && min != GL_NEAREST && min != GL_LINEAR)
		min = GL_LINEAR_MIPMAP_NEAREST;
	glSamplerParameteri(sampler, GL_TEXTURE_MIN_FILTER, min);
	glSamplerParameteri(sampler, GL_TEXTURE_MAG_FILTER, t->mag);
	glSamplerParameteri(sampler, GL_TEXTURE_WRAP_S, t->wrap_s);
	glSamplerParameteri(sampler, GL_TEXTURE_WRAP_T, t->wrap_t);
}
