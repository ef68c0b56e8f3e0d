/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last steps of a primitive: its mode taken apart, flat normals, boxes, indices, hash. */
#include "mediad/armf/gltf/load_internal.h"

#include <math.h>

/* ---------------------------------------------------------------- modes (3.7.2.1) */

enum { POINTS, LINES, LINE_LOOP, LINE_STRIP, TRIANGLES, TRIANGLE_STRIP, TRIANGLE_FAN };

static uint32_t at_index(const struct raw_primitive *r, uint32_t i)
{
	return r->index ? r->index[i] : i;
}

static uint32_t out_count(const struct raw_primitive *r)
{
	uint32_t n = r->nindex;

	switch (r->mode) {
	case POINTS:
		return n;
	case LINES:
		return n / 2 * 2;
	case LINE_LOOP:
		return n > 1 ? n * 2 : 0;
	case LINE_STRIP:
		return n > 1 ? (n - 1) * 2 : 0;
	case TRIANGLES:
		return n / 3 * 3;
	default:
		return n > 2 ? (n - 2) * 3 : 0;
	}
}

/* Position in the source of the k-th index of the output. */
static uint32_t source(const struct raw_primitive *r, uint32_t k)
{
	uint32_t t = k / 3, c = k % 3;

	switch (r->mode) {
	case LINE_LOOP:
	case LINE_STRIP:
		return (k / 2 + k % 2) % r->nindex;
	case TRIANGLE_STRIP: /* p = {v i, v i + (1 + i % 2), v i + (2 - i % 2)} */
		return c == 0 ? t : c == 1 ? t + 1 + t % 2 : t + 2 - t % 2;
	case TRIANGLE_FAN: /* p = {v i + 1, v i + 2, v 0} */
		return c == 2 ? 0 : t + 1 + c;
	default:
		return k;
	}
}

static int take_apart(struct load *l, const struct at *at, struct raw_primitive *r)
{
	uint32_t n = out_count(r), *v;

	if (n / 3 > l->lim->triangles - l->triangles)
		return load_bad(l, at, -E2BIG, "more than %u triangles in all", l->lim->triangles);
	l->triangles += n / 3;
	r->out->mode = r->mode == POINTS     ? MODEL_POINTS
		       : r->mode < TRIANGLES ? MODEL_LINES
					     : MODEL_TRIANGLES;
	if (r->index && (r->mode == POINTS || r->mode == LINES || r->mode == TRIANGLES)) {
		r->nindex = n; /* as it is */
		return 0;
	}
	v = malloc(((size_t)n + 1) * sizeof(*v));
	if (!v)
		return load_bad(l, at, -ENOMEM, "out of memory");
	for (uint32_t k = 0; k < n; k++)
		v[k] = at_index(r, source(r, k));
	free(r->index);
	r->index = v;
	r->nindex = n;
	return 0;
}

/* ---------------------------------------------------------------- flat normals */

/* One entry for each index instead of each vertex. */
static const void *spread(struct load *l, const struct at *at, const struct raw_primitive *r,
	const void *from, size_t size, int *err)
{
	const uint8_t *src = from;
	uint8_t *v;

	if (!src || *err)
		return NULL;
	v = load_take(l, at, r->nindex, size, err);
	for (uint32_t k = 0; v && k < r->nindex; k++)
		memcpy(v + (size_t)k * size, src + (size_t)r->index[k] * size, size);
	return v;
}

static int unshare(struct load *l, const struct at *at, struct raw_primitive *r)
{
	const size_t two = 2 * sizeof(float), three = 3 * sizeof(float), four = 4 * sizeof(float);
	struct model_primitive *o = r->out;
	int err = 0;

	if (r->nindex > l->lim->vertices - l->vertices)
		return load_bad(l, at, -E2BIG,
			"more than %u vertices in all, flat normals need their own",
			l->lim->vertices);
	o->position = spread(l, at, r, o->position, three, &err);
	o->texcoord[0] = spread(l, at, r, o->texcoord[0], two, &err);
	o->texcoord[1] = spread(l, at, r, o->texcoord[1], two, &err);
	o->color = spread(l, at, r, o->color, four, &err);
	o->joint = spread(l, at, r, o->joint, 4 * sizeof(uint16_t), &err);
	o->weight = spread(l, at, r, o->weight, four, &err);
	for (unsigned i = 0; i < o->ntarget; i++) {
		r->target[i].position = spread(l, at, r, r->target[i].position, three, &err);
		r->target[i].normal = r->target[i].tangent = NULL;
	}
	o->tangent = NULL;
	o->nvertex = r->nindex;
	for (uint32_t k = 0; k < r->nindex; k++)
		r->index[k] = k;
	return err;
}

static void face_normal(const float *p, float *n)
{
	double u[3], v[3], c[3], len;

	for (unsigned i = 0; i < 3; i++) {
		u[i] = (double)p[3 + i] - (double)p[i];
		v[i] = (double)p[6 + i] - (double)p[i];
	}
	for (unsigned i = 0; i < 3; i++)
		c[i] = u[(i + 1) % 3] * v[(i + 2) % 3] - u[(i + 2) % 3] * v[(i + 1) % 3];
	len = sqrt(c[0] * c[0] + c[1] * c[1] + c[2] * c[2]);
	for (unsigned i = 0; i < 3; i++)
		n[i] = len > 0 ? (float)(c[i] / len) : i == 2;
}

/* 3.7.2.1: without normals, flat ones; tangents are then ignored. */
static int flat_normals(struct load *l, const struct at *at, struct raw_primitive *r)
{
	int err = unshare(l, at, r);
	float *n = load_take(l, at, (size_t)r->nindex * 3, sizeof(*n), &err);

	if (err)
		return err;
	for (uint32_t k = 0; k + 2 < r->nindex; k += 3) {
		face_normal(r->out->position + (size_t)k * 3, n + (size_t)k * 3);
		memcpy(n + (size_t)k * 3 + 3, n + (size_t)k * 3, 3 * sizeof(*n));
		memcpy(n + (size_t)k * 3 + 6, n + (size_t)k * 3, 3 * sizeof(*n));
	}
	r->out->normal = n;
	return 0;
}

/* ---------------------------------------------------------------- boxes, indices, hash */

static void box(const float *v, uint32_t n, float lo[3], float hi[3])
{
	for (unsigned i = 0; i < 3 && n; i++)
		lo[i] = hi[i] = v[i];
	for (uint32_t k = 0; k < n; k++, v += 3) {
		for (unsigned i = 0; i < 3; i++) {
			lo[i] = v[i] < lo[i] ? v[i] : lo[i];
			hi[i] = v[i] > hi[i] ? v[i] : hi[i];
		}
	}
}

static void boxes(struct raw_primitive *r)
{
	struct model_primitive *o = r->out;

	box(o->position, o->nvertex, o->lo, o->hi);
	for (unsigned i = 0; i < o->ntarget; i++) {
		if (r->target[i].position)
			box(r->target[i].position, o->nvertex, r->target[i].lo, r->target[i].hi);
	}
}

static int pack_indices(struct load *l, const struct at *at, struct raw_primitive *r)
{
	struct model_primitive *o = r->out;
	uint16_t *narrow;
	void *v;
	int err = 0;

	o->nindex = r->nindex;
	o->index_size = o->nvertex <= UINT16_MAX ? 2 : 4;
	v = narrow = load_take(l, at, r->nindex, o->index_size, &err);
	if (err)
		return err;
	if (o->index_size == 4)
		memcpy(v, r->index, (size_t)r->nindex * 4);
	for (uint32_t k = 0; k < r->nindex && o->index_size == 2; k++)
		narrow[k] = (uint16_t)r->index[k];
	o->index = v;
	return 0;
}

static void hash_part(struct siphash *h, const void *p, size_t n)
{
	const uint64_t head = p ? n : UINT64_MAX;

	siphash_add(h, &head, sizeof(head));
	if (p)
		siphash_add(h, p, n);
}

static uint64_t content_hash(const struct load *l, const struct model_primitive *o)
{
	const size_t f = o->nvertex * sizeof(float);
	struct siphash h;

	siphash_start(&h, l->m->hash_key);
	hash_part(&h, o->index, (size_t)o->nindex * o->index_size);
	hash_part(&h, o->position, 3 * f);
	hash_part(&h, o->normal, 3 * f);
	hash_part(&h, o->tangent, 4 * f);
	hash_part(&h, o->texcoord[0], 2 * f);
	hash_part(&h, o->texcoord[1], 2 * f);
	hash_part(&h, o->color, 4 * f);
	hash_part(&h, o->joint, o->nvertex * 4 * sizeof(uint16_t));
	hash_part(&h, o->weight, 4 * f);
	for (unsigned i = 0; i < o->ntarget; i++) {
		hash_part(&h, o->target[i].position, 3 * f);
		hash_part(&h, o->target[i].normal, 3 * f);
		hash_part(&h, o->target[i].tangent, 3 * f);
	}
	return siphash_end(&h);
}

static void count(struct load *l, const struct model_primitive *o)
{
	struct model_stats *s = &l->m->view.stats;

	l->vertices += o->nvertex;
	s->vertices += o->nvertex;
	if (o->mode == MODEL_TRIANGLES)
		s->triangles += o->nindex / 3;
	else if (o->mode == MODEL_LINES)
		s->lines += o->nindex / 2;
	else
		s->points += o->nindex;
}

int primitive_finish(struct load *l, const struct at *at, struct raw_primitive *r)
{
	int err = take_apart(l, at, r);

	if (!err && r->out->mode == MODEL_TRIANGLES && r->out->nvertex && !r->out->normal)
		err = flat_normals(l, at, r);
	if (!err)
		err = pack_indices(l, at, r);
	if (err)
		return err;
	boxes(r);
	r->out->hash = content_hash(l, r->out);
	count(l, r->out);
	return 0;
}

/* ---------------------------------------------------------------- joints */

static void grow(struct joint_box *b, const float *v)
{
	for (unsigned i = 0; i < 3; i++) {
		b->lo[i] = fminf(b->lo[i], v[i]);
		b->hi[i] = fmaxf(b->hi[i], v[i]);
	}
}

static void joint_boxes_of(const struct model_primitive *p, struct joint_box *box)
{
	for (uint32_t v = 0; v < p->nvertex && p->joint; v++) {
		for (unsigned k = 0; k < 4; k++) {
			if (p->weight[v * 4 + k] > 0)
				grow(&box[p->joint[v * 4 + k]], p->position + (size_t)v * 3);
		}
	}
}

/* So that the box of a skinned mesh can be told from its joints alone (stage_box.c). */
int load_joint_boxes(struct load *l)
{
	const struct model_view *view = &l->m->view;
	const struct joint_box nothing = {
		{INFINITY, INFINITY, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}};
	struct joint_boxes *all;
	int err = 0;

	all = load_take(l, AT_KEY(NULL, "meshes"), view->nmesh, sizeof(*all), &err);
	for (unsigned i = 0; i < view->nmesh && !err; i++) {
		const struct model_mesh *m = &view->mesh[i];
		struct joint_box *box;

		all[i].n = l->mesh_joints[i];
		all[i].box = box =
			load_take(l, AT_KEY(NULL, "meshes"), all[i].n, sizeof(*box), &err);
		for (unsigned k = 0; k < all[i].n && !err; k++)
			box[k] = nothing;
		for (unsigned k = 0; k < m->nprimitive && !err; k++)
			joint_boxes_of(&m->primitive[k], box);
	}
	l->m->joint_boxes = all;
	return err;
}

/* ---------------------------------------------------------------- morphing for callers */

void model_morph(const struct model_primitive *p, const float *weight, unsigned nweight,
	float *position, float *normal, float *tangent)
{
	const size_t n = (size_t)p->nvertex * 3;

	if (position && p->position)
		memcpy(position, p->position, n * sizeof(float));
	if (normal && p->normal)
		memcpy(normal, p->normal, n * sizeof(float));
	if (tangent && p->tangent)
		memcpy(tangent, p->tangent, n / 3 * 4 * sizeof(float));
	for (unsigned i = 0; i < p->ntarget && i < nweight; i++) {
		const struct model_target *t = &p->target[i];
		float w = weight[i];

		if (w == 0)
			continue;
		for (size_t k = 0; position && p->position && t->position && k < n; k++)
			position[k] += w * t->position[k];
		for (size_t k = 0; normal && p->normal && t->normal && k < n; k++)
			normal[k] += w * t->normal[k];
		for (size_t k = 0; tangent && p->tangent && t->tangent && k < n; k++)
			tangent[k / 3 * 4 + k % 3] += w * t->tangent[k];
	}
}
