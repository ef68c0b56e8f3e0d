/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/gpu_upload.h"
#include "mediad/armf/render/shader.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- meshes */

struct part {
	const void *data;
	size_t size; /* of a vertex */
	GLint n;
	GLenum type;
	size_t offset;
};

/* The attributes of a primitive one after the other; returns the bytes of all. */
static size_t lay_out(struct part part[ATTR_N], const struct model_primitive *p)
{
	size_t at = 0;

	memset(part, 0, ATTR_N * sizeof(*part));
	part[ATTR_POSITION] = (struct part){p->position, 12, 3, GL_FLOAT, 0};
	part[ATTR_NORMAL] = (struct part){p->normal, 12, 3, GL_FLOAT, 0};
	part[ATTR_TANGENT] = (struct part){p->tangent, 16, 4, GL_FLOAT, 0};
	part[ATTR_UV0] = (struct part){p->texcoord[0], 8, 2, GL_FLOAT, 0};
	part[ATTR_UV1] = (struct part){p->texcoord[1], 8, 2, GL_FLOAT, 0};
	part[ATTR_COLOR] = (struct part){p->color, 16, 4, GL_FLOAT, 0};
	part[ATTR_JOINT] = (struct part){p->joint, 8, 4, GL_UNSIGNED_SHORT, 0};
	part[ATTR_WEIGHT] = (struct part){p->weight, 16, 4, GL_FLOAT, 0};
	for (int i = 0; i < ATTR_N; i++) {
		part[i].offset = at;
		if (part[i].data)
			at += part[i].size * p->nvertex;
	}
	return at;
}

static void point_at(GLuint i, const struct part *a)
{
	const void *offset = (const char *)0 + a->offset;

	glEnableVertexAttribArray(i);
	if (i == ATTR_JOINT)
		glVertexAttribIPointer(i, a->n, a->type, 0, offset);
	else
		glVertexAttribPointer(i, a->n, a->type, GL_FALSE, 0, offset);
}

int gpu_upload_mesh(struct gpu_mesh *out, const struct model_primitive *p)
{
	struct part part[ATTR_N];
	size_t vertices = lay_out(part, p), indices = (size_t)p->nindex * p->index_size;

	while (glGetError() != GL_NO_ERROR)
		;
	glGenVertexArrays(1, &out->array);
	glBindVertexArray(out->array);
	glGenBuffers(1, &out->vertices);
	glBindBuffer(GL_ARRAY_BUFFER, out->vertices);
	glBufferData(GL_ARRAY_BUFFER, (GLsizeiptr)vertices, NULL, GL_STATIC_DRAW);
	for (GLuint i = 0; i < ATTR_N; i++) {
		if (!part[i].data)
			continue;
		glBufferSubData(GL_ARRAY_BUFFER, (GLintptr)part[i].offset,
			(GLsizeiptr)(part[i].size * p->nvertex), part[i].data);
		point_at(i, &part[i]);
	}
	glGenBuffers(1, &out->indices);
	glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, out->indices);
	glBufferData(GL_ELEMENT_ARRAY_BUFFER, (GLsizeiptr)indices, p->index, GL_STATIC_DRAW);
	glBindVertexArray(0);
	out->bytes = vertices + indices;
	return glGetError() == GL_NO_ERROR ? 0 : -ENOMEM;
}

void gpu_make_morph(
	struct gpu_morph *mo, const struct gpu_mesh *mesh, const struct model_primitive *p)
{
	struct part part[ATTR_N];

	lay_out(part, p);
	glGenVertexArrays(1, &mo->array);
	glBindVertexArray(mo->array);
	glGenBuffers(1, &mo->vertices);
	mo->bytes = (size_t)p->nvertex * (12 + (p->normal ? 12 : 0) + (p->tangent ? 16 : 0));
	glBindBuffer(GL_ARRAY_BUFFER, mo->vertices);
	glBufferData(GL_ARRAY_BUFFER, (GLsizeiptr)mo->bytes, NULL, GL_DYNAMIC_DRAW);
	/* positions, normals and tangents come first in lay_out() too: the same offsets */
	for (GLuint i = 0; i < ATTR_N; i++) {
		if (i == ATTR_UV0)
			glBindBuffer(GL_ARRAY_BUFFER, mesh->vertices);
		if (part[i].data)
			point_at(i, &part[i]);
	}
	glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, mesh->indices);
	glBindVertexArray(0);
}

void gpu_upload_morph(struct gpu_morph *mo, const struct model_primitive *p, const float *position,
	const float *normal, const float *tangent)
{
	GLsizeiptr n = (GLsizeiptr)p->nvertex * 12;

	glBindBuffer(GL_ARRAY_BUFFER, mo->vertices);
	glBufferSubData(GL_ARRAY_BUFFER, 0, n, position);
	if (p->normal)
		glBufferSubData(GL_ARRAY_BUFFER, n, n, normal);
	if (p->tangent)
		glBufferSubData(GL_ARRAY_BUFFER, p->normal ? 2 * n : n, (GLsizeiptr)p->nvertex * 16,
			tangent);
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
	a = malloc(((size_t)w / 2 + 1) * (h / 2 + 1) * 4);
	b = malloc(((size_t)w / 4 + 1) * (h / 4 + 1) * 4);
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

	if (fast && min == GL_LINEAR_MIPMAP_LINEAR)
		min = GL_LINEAR_MIPMAP_NEAREST;
	glSamplerParameteri(sampler, GL_TEXTURE_MIN_FILTER, min);
	glSamplerParameteri(sampler, GL_TEXTURE_MAG_FILTER, t->mag);
	glSamplerParameteri(sampler, GL_TEXTURE_WRAP_S, t->wrap_s);
	glSamplerParameteri(sampler, GL_TEXTURE_WRAP_T, t->wrap_t);
}
