/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/draw.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A surface so rough that its highlight cannot be told from its diffuse colour. */
#define MATTE_ROUGHNESS 0.7f
#define MATTE_METALLIC 0.02f

int draw_init(struct draw *d)
{
	glGenBuffers(1, &d->frame_block);
	glBindBuffer(GL_UNIFORM_BUFFER, d->frame_block);
	glBufferData(GL_UNIFORM_BUFFER, sizeof(struct shader_frame), NULL, GL_DYNAMIC_DRAW);
	glGenBuffers(1, &d->joint_block);
	glBindBuffer(GL_UNIFORM_BUFFER, d->joint_block);
	glBufferData(
		GL_UNIFORM_BUFFER, RENDER_MAX_JOINTS * 16 * sizeof(float), NULL, GL_DYNAMIC_DRAW);
	return glGetError() == GL_NO_ERROR ? 0 : -EIO;
}

void draw_clear(struct draw *d)
{
	shader_set_clear(&d->shaders);
	glDeleteBuffers(1, &d->frame_block);
	glDeleteBuffers(1, &d->joint_block);
	d->frame_block = d->joint_block = 0;
}

static void send_frame(
	struct draw *d, const struct draw_lights *lights, const struct geom_camera *c)
{
	struct shader_frame f;

	memset(&f, 0, sizeof(f));
	memcpy(f.clip, c->clip, sizeof(f.clip));
	/* the picture's first row is the top one: up is down for GL */
	for (int i = 1; i < 16; i += 4)
		f.clip[i] = -f.clip[i];
	memcpy(f.eye, c->position, sizeof(c->position));
	memcpy(f.sky, lights->sky, sizeof(lights->sky));
	memcpy(f.ground, lights->ground, sizeof(lights->ground));
	memcpy(f.light, lights->light, lights->n * sizeof(struct draw_light));
	glBindBuffer(GL_UNIFORM_BUFFER, d->frame_block);
	glBufferSubData(GL_UNIFORM_BUFFER, 0, sizeof(f), &f);
	glBindBufferBase(GL_UNIFORM_BUFFER, BLOCK_FRAME, d->frame_block);
	glBindBufferBase(GL_UNIFORM_BUFFER, BLOCK_JOINTS, d->joint_block);
}

struct use {
	const struct model_texture_ref *ref;
	uint32_t bit;
	bool color;
};

static void uses_of(struct use u[TEX_N], const struct model_material *m)
{
	u[TEX_BASE] = (struct use){&m->base_color_tex, SHADER_BASE, true};
	u[TEX_ROUGH] = (struct use){&m->metallic_roughness_tex, SHADER_ROUGH, false};
	u[TEX_NORMAL] = (struct use){&m->normal_tex, SHADER_NORMAL_MAP, false};
	u[TEX_OCCLUSION] = (struct use){&m->occlusion_tex, SHADER_OCCLUSION, false};
	u[TEX_EMISSIVE] = (struct use){&m->emissive_tex, SHADER_EMISSIVE, true};
}

/* The textures that both material and mesh have, bound; their bits. */
static uint32_t bind_textures(const struct gpu_model *g, const struct use u[TEX_N],
	const struct model_primitive *p, bool lit)
{
	uint32_t key = 0;

	for (unsigned i = 0; i < (lit ? TEX_N : TEX_BASE + 1); i++) {
		const struct model_texture_ref *r = u[i].ref;
		unsigned set = r->texcoord ? 1 : 0;

		if (r->texture < 0 || !p->texcoord[set] || !gpu_bind(g, r->texture, u[i].color, i))
			continue;
		key |= u[i].bit | (set ? SHADER_UV1 : 0) | (r->transformed ? SHADER_UV_MATRIX : 0);
	}
	return key;
}

bool draw_is_white(const float c[4])
{
	return c[0] == 1 && c[1] == 1 && c[2] == 1;
}

bool draw_is_matte(const struct model_material *m)
{
	return m->metallic <= MATTE_METALLIC && m->roughness >= MATTE_ROUGHNESS;
}

/* Light at the vertices is as good as at every pixel: none comes from nearby, nothing but the
 * surface's colour is in the texture, and its normals hardly turn within a triangle. */
static bool lit_at_vertices(const struct model_material *m, const struct gpu_mesh *mesh,
	const struct draw_item *it, uint32_t key)
{
	static const uint32_t none = SHADER_POSITIONS | SHADER_NORMAL_MAP | SHADER_EMISSIVE |
				     SHADER_COLOR | SHADER_SKIN | SHADER_DOUBLE;

	return key & SHADER_MATTE && !(key & none) && mesh->smooth && it->detail == 0 &&
	       !it->prim->ntarget && m->emissive[0] <= 0 && m->emissive[1] <= 0 &&
	       m->emissive[2] <= 0;
}

static uint32_t key_of(const struct draw *d, const struct model_material *m,
	const struct draw_item *it, const struct draw_lights *l, const struct gpu_mesh *mesh,
	uint32_t textures, bool skinned)
{
	const struct model_primitive *p = it->prim;
	uint32_t k = textures;
	bool lit = !m->unlit && p->normal;

	k |= (p->color ? SHADER_COLOR : 0) | (skinned ? SHADER_SKIN : 0) |
	     (d->fast ? SHADER_FAST : 0);
	if (m->alpha == MODEL_MASK)
		k |= SHADER_MASK;
	if (m->alpha == MODEL_BLEND)
		k |= SHADER_BLEND;
	if (!lit) {
		bool plain = !p->color &&
			     (!(k & SHADER_BASE) || (d->fast && draw_is_white(m->base_color)));

		return k | (plain ? SHADER_PLAIN : 0);
	}
	k |= SHADER_LIT | l->n << SHADER_LIGHTS_SHIFT;
	k |= (m->double_sided ? SHADER_DOUBLE : 0) | (l->positions ? SHADER_POSITIONS : 0);
	if (k & SHADER_NORMAL_MAP && p->tangent)
		k |= SHADER_TANGENT;
	if (d->fast && !(k & (SHADER_ROUGH | SHADER_OCCLUSION)) && draw_is_matte(m))
		k |= SHADER_MATTE;
	if (lit_at_vertices(m, mesh, it, k))
		k |= SHADER_VERTEX_LIT;
	return k;
}

float draw_encoded(float c)
{
	if (!(c > 0))
		return 0;
	if (c >= 1)
		return 1;
	return c <= 0.0031308f ? 12.92f * c : 1.055f * powf(c, 1 / 2.4f) - 0.055f;
}

static void send_uv(const struct shader *s, const struct use u[TEX_N])
{
	float m[TEX_N][9], set[TEX_N];

	if (s->at[U_UV_SET] >= 0) {
		for (int i = 0; i < TEX_N; i++)
			set[i] = u[i].ref->texcoord ? 1 : 0;
		glUniform1fv(s->at[U_UV_SET], TEX_N, set);
	}
	if (s->at[U_UV_MATRIX] < 0)
		return;
	for (int i = 0; i < TEX_N; i++) {
		static const float unit[6] = {1, 0, 0, 1, 0, 0};
		const float *uv = u[i].ref->transformed ? u[i].ref->uv : unit;

		for (int c = 0; c < 3; c++) {
			m[i][c * 3] = uv[c * 2];
			m[i][c * 3 + 1] = uv[c * 2 + 1];
			m[i][c * 3 + 2] = c == 2;
		}
	}
	glUniformMatrix3fv(s->at[U_UV_MATRIX], TEX_N, GL_FALSE, m[0]);
}

static void send_material(
	const struct shader *s, const struct model_material *m, const struct use u[TEX_N])
{
	float base[4];

	memcpy(base, m->base_color, sizeof(base));
	if (s->key & SHADER_PLAIN && !(s->key & SHADER_BASE)) {
		for (int i = 0; i < 3; i++)
			base[i] = draw_encoded(base[i]);
	}
	glUniform4fv(s->at[U_BASE], 1, base);
	glUniform4f(s->at[U_SURFACE], m->metallic, m->roughness, m->alpha_cutoff,
		m->occlusion_tex.scale);
	glUniform4f(s->at[U_EMISSIVE], m->emissive[0], m->emissive[1], m->emissive[2],
		m->normal_tex.scale);
	send_uv(s, u);
}

static void send_place(const struct shader *s, const struct stage *st, unsigned node)
{
	const float *world = stage_world(st, node);
	float normal[9];

	if (s->key & SHADER_SKIN)
		return;
	geom_normal(normal, world);
	glUniformMatrix4fv(s->at[U_WORLD], 1, GL_FALSE, world);
	glUniformMatrix3fv(s->at[U_NORMAL], 1, GL_FALSE, normal);
}

static bool send_joints(struct draw *d, const struct stage *st, const struct draw_item *it)
{
	unsigned n = 0;
	const float *m;

	if (!it->prim->joint || !it->prim->weight)
		return false;
	m = stage_joints(st, it->node, &n);
	if (!m || !n)
		return false;
	n = n < RENDER_MAX_JOINTS ? n : RENDER_MAX_JOINTS;
	glBindBuffer(GL_UNIFORM_BUFFER, d->joint_block);
	glBufferSubData(GL_UNIFORM_BUFFER, 0, (GLsizeiptr)(n * 16 * sizeof(float)), m);
	return true;
}

static void set_state(const struct model_material *m, const struct draw_item *it, bool mirrored)
{
	/* with rows going down and with mirroring nodes what was clockwise is not */
	glFrontFace(mirrored ? GL_CCW : GL_CW);
	if (m->double_sided)
		glDisable(GL_CULL_FACE);
	else
		glEnable(GL_CULL_FACE);
	if (it->blend)
		glEnable(GL_BLEND);
	else
		glDisable(GL_BLEND);
	glDepthMask(!it->blend);
}

static int draw_item(struct draw *d, struct gpu_model *g, const struct stage *st,
	const struct draw_list *l, const struct draw_item *it, struct ar_buf *why)
{
	static const GLenum modes[] = {[MODEL_TRIANGLES] = GL_TRIANGLES,
		[MODEL_LINES] = GL_LINES,
		[MODEL_POINTS] = GL_POINTS};
	const struct model_material *m = &model_view(g->model)->material[it->prim->material];
	GLuint array = gpu_array(g, st, it); /* may upload: before anything is bound */
	bool skinned = send_joints(d, st, it);
	const struct gpu_mesh *mesh = &g->mesh[g->by_slot[it->slot]];
	unsigned detail = it->prim->mode == MODEL_TRIANGLES ? it->detail : 0;
	const struct shader *s;
	struct use use[TEX_N];
	uint32_t textures;

	uses_of(use, m);
	textures = bind_textures(g, use, it->prim, !m->unlit && it->prim->normal);
	s = shader_get(&d->shaders, key_of(d, m, it, &l->lights, mesh, textures, skinned), why);
	if (!s)
		return -EIO;
	glUseProgram(s->program);
	send_material(s, m, use);
	send_place(s, st, it->node);
	set_state(m, it, !skinned && geom_det3(stage_world(st, it->node)) < 0);
	glBindVertexArray(array);
	glDrawElements(modes[it->prim->mode], (GLsizei)mesh->count[detail],
		it->prim->index_size == 2 ? GL_UNSIGNED_SHORT : GL_UNSIGNED_INT,
		(const void *)((uintptr_t)mesh->first[detail] * it->prim->index_size));
	return 0;
}

int draw_items(struct draw *d, struct gpu_model *g, const struct stage *st,
	const struct draw_list *l, const struct geom_camera *c, struct ar_buf *why)
{
	int rc = 0;

	send_frame(d, &l->lights, c);
	glEnable(GL_DEPTH_TEST);
	glDepthFunc(GL_LEQUAL);
	glBlendFunc(GL_ONE, GL_ONE_MINUS_SRC_ALPHA);
	for (unsigned i = 0; i < l->n && !rc; i++)
		rc = draw_item(d, g, st, l, &l->item[i], why);
	glDepthMask(GL_TRUE);
	glBindVertexArray(0);
	return rc;
}
