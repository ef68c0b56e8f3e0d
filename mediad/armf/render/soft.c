/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/soft.h"
#include "mediad/armf/render/soft_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_W 1e-4f
#define MAX_UV 1000.0f /* repeats; they become addresses by way of float */
#define INV_PI 0.31830989f

struct soft {
	struct soft_texture texture[SOFT_MAX_TEXTURES];
	unsigned ntexture;
	struct soft_texture white;
	size_t bytes;
	float *depth;
	size_t depth_size; /* floats */
	struct soft_row row[RENDER_MAX_SIDE];
	struct soft_corner corner[SOFT_MAX_VERTICES];
	soft_pixels_fn *draw;
};

/* How an item's pixels get their colour. */
struct paint {
	const struct soft_texture *texture;
	unsigned levels;
	bool lit, textured;
	bool both; /* sides */
	float color[3]; /* unlit: factor; lit: linear */
};

struct scene {
	struct soft *s;
	const struct gpu_model *g;
	const struct model_view *m;
	const struct stage *st;
	const struct draw_list *l;
	const struct soft_picture *p;
	float clip[16]; /* rows going down */
	struct soft_target target;
};

/* ---------------------------------------------------------------- textures */

int soft_new(struct soft **out)
{
	static const uint8_t texel[4] = {255, 255, 255, 255};
	const struct model_image im = {.w = 1, .h = 1, .rgba = texel};
	struct soft *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (soft_texture_new(&s->white, &im, GL_CLAMP_TO_EDGE, GL_CLAMP_TO_EDGE) != 0) {
		free(s);
		return -ENOMEM;
	}
	s->white.white = true;
	s->draw = soft_pixels_get(0)->draw;
	*out = s;
	return 0;
}

void soft_free(struct soft *s)
{
	if (!s)
		return;
	soft_load(s, NULL);
	soft_texture_free(&s->white);
	free(s->depth);
	free(s);
}

size_t soft_bytes(const struct soft *s)
{
	return s->bytes + s->depth_size * sizeof(float);
}

static bool has_image(const struct model_view *m, uint64_t hash)
{
	for (unsigned i = 0; m && i < m->nimage; i++) {
		if (m->image[i] && m->image[i]->hash == hash)
			return true;
	}
	return false;
}

void soft_load(struct soft *s, const struct model_view *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->ntexture; i++) {
		if (has_image(m, s->texture[i].hash)) {
			s->texture[n++] = s->texture[i];
			continue;
		}
		s->bytes -= s->texture[i].bytes;
		soft_texture_free(&s->texture[i]);
	}
	s->ntexture = n;
}

/* Made when it is first drawn; NULL: no room for it. */
static const struct soft_texture *texture_of(
	struct soft *s, const struct model_image *im, const struct model_texture *t)
{
	struct soft_texture *to = &s->texture[s->ntexture];

	for (unsigned i = 0; i < s->ntexture; i++) {
		const struct soft_texture *x = &s->texture[i];

		if (x->hash == im->hash && x->wrap_s == t->wrap_s && x->wrap_t == t->wrap_t)
			return x;
	}
	if (s->ntexture == SOFT_MAX_TEXTURES || im->w > SOFT_MAX_SIDE || im->h > SOFT_MAX_SIDE ||
		s->bytes + (size_t)im->w * im->h * 4 / 2 * 3 > SOFT_MAX_BYTES)
		return NULL;
	if (soft_texture_new(to, im, t->wrap_s, t->wrap_t) != 0)
		return NULL;
	s->bytes += to->bytes;
	s->ntexture++;
	return to;
}

/* ---------------------------------------------------------------- what can be drawn */

static bool uses(const struct model_texture_ref *r)
{
	return r->texture >= 0;
}

static bool plain_light(
	const struct scene *c, const struct model_material *m, const struct draw_item *it)
{
	return draw_is_matte(m) && !uses(&m->metallic_roughness_tex) && !uses(&m->normal_tex) &&
	       !uses(&m->occlusion_tex) && !uses(&m->emissive_tex) && m->emissive[0] <= 0 &&
	       m->emissive[1] <= 0 && m->emissive[2] <= 0 && !c->l->lights.positions &&
	       c->g->mesh[c->g->by_slot[it->slot]].smooth;
}

static bool plain_texture(struct scene *c, const struct draw_item *it,
	const struct model_texture_ref *r, struct paint *out)
{
	const struct model_texture *t;

	out->texture = &c->s->white;
	out->levels = 1;
	if (!uses(r) || !it->prim->texcoord[r->texcoord ? 1 : 0])
		return true;
	t = &c->m->texture[r->texture];
	if (t->image < 0 || !c->m->image[t->image])
		return true;
	/* of mipmaps the nearest one, as gpu_set_sampler() has it */
	if (r->texcoord || r->transformed || t->mag != GL_LINEAR || t->min == GL_NEAREST)
		return false;
	out->texture = texture_of(c->s, c->m->image[t->image], t);
	out->textured = true;
	out->levels = t->min == GL_LINEAR || !out->texture ? 1 : out->texture->nlevel;
	return out->texture != NULL;
}

static bool plain(struct scene *c, const struct draw_item *it, struct paint *out)
{
	const struct model_material *m = &c->m->material[it->prim->material];
	const struct model_primitive *p = it->prim;

	*out = (struct paint){.lit = !m->unlit && p->normal, .both = m->double_sided};
	memcpy(out->color, m->base_color, sizeof(out->color));
	if (p->mode != MODEL_TRIANGLES || it->detail || it->blend || p->ntarget || p->color ||
		m->alpha != MODEL_OPAQUE)
		return false;
	if (out->lit && !plain_light(c, m, it))
		return false;
	if (!plain_texture(c, it, &m->base_color_tex, out))
		return false;
	return out->lit || !out->textured || draw_is_white(m->base_color);
}

/* ---------------------------------------------------------------- corners */

/* What texels are multiplied with, see shader_text.c. */
static void light_at(
	const struct draw_lights *l, const float n[3], const float color[3], float out[3])
{
	float c[3] = {0}, up = n[1] * 0.5f + 0.5f;

	for (unsigned k = 0; k < l->n; k++) {
		const struct draw_light *d = &l->light[k];
		float cosine =
			n[0] * d->position[0] + n[1] * d->position[1] + n[2] * d->position[2];

		for (int i = 0; i < 3 && cosine > 0; i++)
			c[i] += d->color[i] * cosine;
	}
	for (int i = 0; i < 3; i++) {
		c[i] = c[i] * INV_PI + l->ground[i] + (l->sky[i] - l->ground[i]) * up;
		out[i] = powf(fmaxf(c[i] * color[i], 0), 1 / 2.4f);
	}
}

/* The factor that makes white that colour. */
static void flat_light(const struct paint *p, float out[3])
{
	for (int i = 0; i < 3; i++)
		out[i] = p->textured ? 1 : (draw_encoded(p->color[i]) + 0.055f) / 1.055f;
}

static bool place(
	const struct scene *c, const float m[16], const float p[3], struct soft_corner *out)
{
	float v[4], x, y;

	for (int i = 0; i < 4; i++)
		v[i] = m[i] * p[0] + m[i + 4] * p[1] + m[i + 8] * p[2] + m[i + 12];
	/* before the near plane or behind the far one: it would have to be cut */
	if (!(v[3] > LEAST_W) || !(v[2] >= -v[3]) || !(v[2] <= v[3]))
		return false;
	out->i = 1 / v[3];
	x = (v[0] * out->i + 1) * 0.5f * (float)c->p->width - (float)c->l->x;
	y = (v[1] * out->i + 1) * 0.5f * (float)c->p->height - (float)c->l->y;
	if (!(fabsf(x) < SOFT_SIDE) || !(fabsf(y) < SOFT_SIDE))
		return false;
	out->x = (int32_t)lrintf(x * SOFT_ONE);
	out->y = (int32_t)lrintf(y * SOFT_ONE);
	return true;
}

static bool texture_place(const struct paint *t, const float *uv, struct soft_corner *out)
{
	out->u = out->v = 0;
	if (!t->textured || !uv)
		return true;
	if (!(fabsf(uv[0]) < MAX_UV) || !(fabsf(uv[1]) < MAX_UV))
		return false;
	out->u = uv[0];
	out->v = uv[1];
	return true;
}

static void turn(const float m[9], const float in[3], float out[3])
{
	float length = 0;

	for (int i = 0; i < 3; i++) {
		out[i] = m[i] * in[0] + m[i + 3] * in[1] + m[i + 6] * in[2];
		length += out[i] * out[i];
	}
	length = length > 0 ? 1 / sqrtf(length) : 0;
	for (int i = 0; i < 3; i++)
		out[i] *= length;
}

/* An item, and what it needs on the way. */
struct brush {
	const struct scene *c;
	const struct model_primitive *p;
	struct paint t;
	const float *world;
	float normal[9];
	const float *joints; /* NULL: world is the same for all vertices */
	unsigned njoint;
	bool mirrored;
};

static void set_brush(struct brush *b, const struct scene *c, const struct draw_item *it)
{
	b->c = c;
	b->p = it->prim;
	b->world = stage_world(c->st, it->node);
	b->mirrored = geom_det3(b->world) < 0;
	geom_normal(b->normal, b->world);
	b->joints = NULL;
	if (b->p->joint && b->p->weight)
		b->joints = stage_joints(c->st, it->node, &b->njoint);
	if (b->joints)
		b->mirrored = false; /* as draw.c has it */
}

/* A skinned vertex's mesh to world. */
static void skin(const struct brush *b, uint32_t i, float out[16])
{
	memset(out, 0, 16 * sizeof(*out));
	for (int k = 0; k < 4; k++) {
		unsigned joint = b->p->joint[4 * (size_t)i + (size_t)k];
		float weight = b->p->weight[4 * (size_t)i + (size_t)k];
		const float *m = b->joints + (size_t)16 * joint;

		for (int n = 0; n < 16 && joint < b->njoint; n++)
			out[n] += m[n] * weight;
	}
}

static bool make_corners(const struct brush *b)
{
	const struct model_primitive *p = b->p;
	float all[16], world[16], light[3];

	geom_mul(all, b->c->clip, b->world);
	flat_light(&b->t, light);
	for (uint32_t i = 0; i < p->nvertex; i++) {
		const float *uv = p->texcoord[0] ? p->texcoord[0] + (size_t)2 * i : NULL;
		struct soft_corner *out = &b->c->s->corner[i];

		if (b->joints) {
			skin(b, i, world);
			geom_mul(all, b->c->clip, world);
		}
		if (!place(b->c, all, p->position + (size_t)3 * i, out) ||
			!texture_place(&b->t, uv, out))
			return false;
		memcpy(out->light, light, sizeof(light));
		out->lit = !b->t.lit;
	}
	return true;
}

/* What turns its normal. */
static void turn_of(const struct brush *b, uint32_t i, float out[9])
{
	float world[16];

	if (!b->joints) {
		memcpy(out, b->normal, sizeof(b->normal));
		return;
	}
	skin(b, i, world);
	for (int k = 0; k < 9; k++)
		out[k] = world[k / 3 * 4 + k % 3];
}

/* Light is worked out for what is seen only. side: -1 at the back. */
static void light_corner(const struct brush *b, struct soft_corner *out, unsigned i, float side)
{
	float n[3], by[9];

	if (out->lit)
		return;
	turn_of(b, i, by);
	turn(by, b->p->normal + (size_t)3 * i, n);
	for (int k = 0; k < 3; k++)
		n[k] *= side;
	light_at(&b->c->l->lights, n, b->t.color, out->light);
	out->lit = true;
}

/* ---------------------------------------------------------------- drawing */

static bool faces_us(const struct soft_corner *const k[3], bool mirrored)
{
	int64_t x1 = k[1]->x - k[0]->x, y1 = k[1]->y - k[0]->y;
	int64_t x2 = k[2]->x - k[0]->x, y2 = k[2]->y - k[0]->y;
	int64_t twice = x1 * y2 - x2 * y1;

	return mirrored ? twice > 0 : twice < 0; /* rows go down */
}

static void draw_triangle(const struct brush *b, const unsigned at[3])
{
	struct soft_corner *all = b->c->s->corner, back[3];
	const struct soft_corner *k[3] = {&all[at[0]], &all[at[1]], &all[at[2]]};
	bool front = faces_us(k, b->mirrored);

	if (!front && !b->t.both)
		return;
	for (int n = 0; n < 3; n++) {
		if (front || !b->t.lit) {
			light_corner(b, &all[at[n]], at[n], 1);
			continue;
		}
		back[n] = all[at[n]];
		back[n].lit = false;
		light_corner(b, &back[n], at[n], -1);
		k[n] = &back[n];
	}
	soft_triangle(&b->c->target, k, b->t.texture, b->t.levels);
}

static bool draw_one(struct scene *c, const struct draw_item *it)
{
	const struct model_primitive *p = it->prim;
	struct brush b;

	set_brush(&b, c, it);
	if (!plain(c, it, &b.t) || !make_corners(&b))
		return false;
	for (uint32_t i = 0; i + 3 <= p->nindex; i += 3) {
		const unsigned at[3] = {
			model_index(p, i), model_index(p, i + 1), model_index(p, i + 2)};

		draw_triangle(&b, at);
	}
	return true;
}

/* Cheap to tell, so that scenes for GL are told at once. */
static bool small(const struct draw_list *l)
{
	uint64_t vertices = 0, triangles = 0;

	for (unsigned i = 0; i < l->n; i++) {
		vertices += l->item[i].prim->nvertex;
		triangles += l->item[i].prim->nindex / 3;
	}
	return vertices <= SOFT_MAX_VERTICES && triangles <= SOFT_MAX_TRIANGLES;
}

/* The target; false: no memory. */
static bool begin(struct scene *c)
{
	size_t want = (size_t)c->l->w * (size_t)c->l->h + SOFT_LANES;
	struct soft *s = c->s;

	if (want > s->depth_size) {
		free(s->depth);
		s->depth_size = want + want / 4;
		s->depth = malloc(s->depth_size * sizeof(float));
		if (!s->depth) {
			s->depth_size = 0;
			return false;
		}
	}
	c->target = (struct soft_target){
		(uint32_t *)(void *)c->p->rgba, s->depth, s->row, c->l->w, c->l->h, s->draw};
	soft_begin(&c->target);
	return true;
}

bool soft_draw(struct soft *s, const struct gpu_model *g, const struct stage *st,
	const struct draw_list *l, const struct geom_camera *camera, const struct soft_picture *p)
{
	struct scene c = {.s = s, .g = g, .m = model_view(g->model), .st = st, .l = l, .p = p};
	struct paint unused;

	if (!small(l))
		return false;
	for (unsigned i = 0; i < l->n; i++) {
		if (!plain(&c, &l->item[i], &unused))
			return false;
	}
	if (!begin(&c))
		return false;
	memcpy(c.clip, camera->clip, sizeof(c.clip));
	for (int i = 1; i < 16; i += 4)
		c.clip[i] = -c.clip[i];
	for (unsigned i = 0; i < l->n; i++) {
		if (!draw_one(&c, &l->item[i]))
			return false;
	}
	soft_end(&c.target);
	return true;
}
