/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Meshes: attributes and morph targets of each primitive (glTF 2.0 3.7.2). */
#include "mediad/armf/gltf/load_internal.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#define BIT(type) (1u << ((type)-5120))
#define FLOAT BIT(5126)
#define BYTES (BIT(5120) | BIT(5121))
#define SHORTS (BIT(5122) | BIT(5123))
#define UNSIGNED (BIT(5121) | BIT(5123))
#define SIGNED (BIT(5120) | BIT(5122))

/* What an attribute may be stored as: by value, normalised; and more with KHR_mesh_quantization. */
struct format {
	const char *name;
	uint8_t components, components_max;
	uint16_t plain, normalized, q_plain, q_normalized;
};

enum { POSITION, NORMAL, TANGENT, TEXCOORD_0, TEXCOORD_1, COLOR_0, JOINTS_0, WEIGHTS_0, NFORMAT };

static const struct format formats[NFORMAT] = {
	[POSITION] = {"POSITION", 3, 3, FLOAT, 0, BYTES | SHORTS, BYTES | SHORTS},
	[NORMAL] = {"NORMAL", 3, 3, FLOAT, 0, 0, SIGNED},
	[TANGENT] = {"TANGENT", 4, 4, FLOAT, 0, 0, SIGNED},
	[TEXCOORD_0] = {"TEXCOORD_0", 2, 2, FLOAT, UNSIGNED, BYTES | SHORTS, BYTES | SHORTS},
	[TEXCOORD_1] = {"TEXCOORD_1", 2, 2, FLOAT, UNSIGNED, BYTES | SHORTS, BYTES | SHORTS},
	[COLOR_0] = {"COLOR_0", 3, 4, FLOAT, UNSIGNED, 0, 0},
	[JOINTS_0] = {"JOINTS_0", 4, 4, UNSIGNED, 0, 0, 0},
	[WEIGHTS_0] = {"WEIGHTS_0", 4, 4, FLOAT, UNSIGNED, 0, 0},
};

/* Morph targets: position, normal and tangent displacements. */
static const struct format target_formats[3] = {
	{"POSITION", 3, 3, FLOAT, 0, SIGNED, SIGNED},
	{"NORMAL", 3, 3, FLOAT, 0, 0, SIGNED},
	{"TANGENT", 3, 3, FLOAT, 0, 0, SIGNED},
};

struct prim { /* one primitive being made */
	const struct at *at;
	const json_t *attributes;
	struct model_primitive *out;
	int material;
	unsigned joints; /* highest joint + 1 */
};

/* The accessor of an attribute, checked for its format; -1 when there is none. */
static int find(struct load *l, const struct at *at, const json_t *attributes,
	const struct format *f, uint32_t count, int *accessor)
{
	const struct load_accessor *a;
	unsigned allowed;
	int err = get_index(l, at, attributes, f->name, l->naccessor, accessor);

	if (err || *accessor < 0)
		return err;
	a = &l->accessor[*accessor];
	allowed = a->normalized ? f->normalized : f->plain;
	if (l->quantized)
		allowed |= a->normalized ? f->q_normalized : f->q_plain;
	if (a->matrix || a->components < f->components || a->components > f->components_max ||
		!(allowed & BIT(a->type)))
		return load_bad(l, AT_KEY(at, f->name), -EINVAL,
			"accessor %d has a type that is not allowed here", *accessor);
	if (count && a->count != count)
		return load_bad(l, AT_KEY(at, f->name), -EINVAL, "%u elements, POSITION has %u",
			a->count, count);
	return 0;
}

/* An attribute as floats in the model's memory, NULL when absent. */
static int floats(struct load *l, const struct at *at, const json_t *attributes,
	const struct format *f, uint32_t count, const float **out)
{
	int accessor, err = find(l, at, attributes, f, count, &accessor);
	float *v;

	*out = NULL;
	if (err || accessor < 0)
		return err;
	v = load_take(l, at, (size_t)count * l->accessor[accessor].components, sizeof(*v), &err);
	if (!err)
		err = accessor_floats(l, AT_KEY(at, f->name), (unsigned)accessor, v);
	if (!err)
		*out = v;
	return err;
}

/* Unit length (3.7.2.1 wants it, files have others); nothing becomes +Z. w of a tangent: its sign.
 */
static void make_unit(float *v, uint32_t n, unsigned width)
{
	for (uint32_t i = 0; v && i < n; i++, v += width) {
		double len = sqrt((double)v[0] * v[0] + (double)v[1] * v[1] + (double)v[2] * v[2]);

		if (!(len > 1e-30))
			memcpy(v, (float[3]){0, 0, 1}, 3 * sizeof(*v));
		else if (fabs(len - 1) > 1e-6)
			for (unsigned k = 0; k < 3; k++)
				v[k] = (float)(v[k] / len);
		if (width == 4)
			v[3] = v[3] < 0 ? -1.0f : 1.0f;
	}
}

/* RGB becomes RGBA; colours are kept between 0 and 1, as 3.7.2.1 wants. */
static int colors(struct load *l, struct prim *p)
{
	const struct at *at = AT_KEY(p->at, "attributes");
	uint32_t n = p->out->nvertex;
	const float *raw = NULL;
	float *v;
	int accessor, err = find(l, at, p->attributes, &formats[COLOR_0], n, &accessor);
	unsigned have;

	if (err || accessor < 0)
		return err;
	have = l->accessor[accessor].components;
	err = floats(l, at, p->attributes, &formats[COLOR_0], n, &raw);
	v = have == 4 ? (float *)raw : load_take(l, at, (size_t)n * 4, sizeof(*v), &err);
	if (err || !raw)
		return err;
	for (size_t i = 0; i < (size_t)n * 4; i++) {
		float c = i % 4 < have ? raw[i / 4 * have + i % 4] : 1.0f;

		v[i] = fminf(fmaxf(c, 0.0f), 1.0f);
	}
	p->out->color = v;
	return 0;
}

/* Weights that add up to 1, joints of no weight are 0, and the highest joint that is left. */
static void tidy_skin(struct prim *p, uint16_t *joint, float *weight)
{
	for (uint32_t i = 0; i < p->out->nvertex; i++, joint += 4, weight += 4) {
		float sum = 0;

		for (unsigned k = 0; k < 4; k++) {
			weight[k] = fmaxf(weight[k], 0.0f);
			sum += weight[k];
		}
		if (!(sum > 0) || !isfinite(sum)) {
			memcpy(weight, (float[4]){1, 0, 0, 0}, 4 * sizeof(float));
			sum = 1;
		}
		for (unsigned k = 0; k < 4; k++) {
			weight[k] /= sum;
			if (weight[k] == 0)
				joint[k] = 0;
			else if (joint[k] + 1u > p->joints)
				p->joints = joint[k] + 1u;
		}
	}
}

static int skinning(struct load *l, struct prim *p)
{
	const struct at *at = AT_KEY(p->at, "attributes");
	size_t n = (size_t)p->out->nvertex * 4;
	const float *weight;
	uint32_t *wide;
	uint16_t *joint;
	int accessor,
		err = find(l, at, p->attributes, &formats[JOINTS_0], p->out->nvertex, &accessor);

	if (!err)
		err = floats(l, at, p->attributes, &formats[WEIGHTS_0], p->out->nvertex, &weight);
	if (err || (accessor < 0 && !weight))
		return err;
	if (accessor < 0 || !weight)
		return load_bad(l, at, -EINVAL, "JOINTS_0 and WEIGHTS_0 only together");
	joint = load_take(l, at, n, sizeof(*joint), &err);
	wide = calloc(n, sizeof(*wide));
	if (!err && !wide)
		err = -ENOMEM;
	if (!err)
		err = accessor_uints(l, AT_KEY(at, "JOINTS_0"), (unsigned)accessor, wide);
	for (size_t i = 0; i < n && !err; i++)
		joint[i] = (uint16_t)wide[i];
	free(wide);
	if (err)
		return err;
	tidy_skin(p, joint, (float *)weight);
	p->out->joint = joint;
	p->out->weight = weight;
	return 0;
}

/* ---------------------------------------------------------------- morph targets */

static int one_target(
	struct load *l, const struct at *at, const json_t *o, uint32_t n, struct model_target *t)
{
	const float **const into[] = {&t->position, &t->normal, &t->tangent};
	int err = 0;

	if (!json_is_object(o))
		return load_bad(l, at, -EINVAL, "want an object");
	for (unsigned i = 0; i < 3 && !err; i++)
		err = floats(l, at, o, &target_formats[i], n, into[i]);
	l->m->view.stats.ignored_attributes +=
		json_object_size(o) - (unsigned)(t->position != NULL) -
		(unsigned)(t->normal != NULL) - (unsigned)(t->tangent != NULL);
	return err;
}

static int targets(struct load *l, const struct at *at, const json_t *o, struct model_primitive *p)
{
	const struct at *here = AT_KEY(at, "targets");
	struct model_target *t;
	json_t *list = NULL;
	unsigned most = l->lim->targets < MODEL_MAX_TARGETS ? l->lim->targets : MODEL_MAX_TARGETS;
	int err = get_list(l, at, o, "targets", most, &list);

	if (err || !list)
		return err;
	t = load_take(l, here, json_array_size(list), sizeof(*t), &err);
	for (unsigned i = 0; i < json_array_size(list) && !err; i++)
		err = one_target(l, AT_INDEX(here, i), json_array_get(list, i), p->nvertex, &t[i]);
	p->target = t;
	p->ntarget = (unsigned)json_array_size(list);
	return err;
}

/* ---------------------------------------------------------------- primitives */

static int read_indices(
	struct load *l, const struct at *at, int accessor, struct raw_primitive *raw)
{
	const struct load_accessor *a;
	uint32_t restart; /* the highest value of its type is not allowed */
	int err;

	if (accessor < 0) {
		raw->nindex = raw->nvertex;
		return 0;
	}
	a = &l->accessor[accessor];
	if (a->components != 1 || a->normalized)
		return load_bad(l, at, -EINVAL, "accessor %d is no plain SCALAR", accessor);
	if (a->count / 3 > l->lim->triangles)
		return load_bad(l, at, -E2BIG, "%u indices, the limit is %u triangles", a->count,
			l->lim->triangles);
	raw->index = malloc((size_t)a->count * sizeof(*raw->index));
	if (!raw->index)
		return load_bad(l, at, -ENOMEM, "out of memory");
	raw->nindex = a->count;
	err = accessor_uints(l, at, (unsigned)accessor, raw->index);
	restart = a->size == 1 ? UINT8_MAX : a->size == 2 ? UINT16_MAX : UINT32_MAX;
	for (uint32_t i = 0; i < raw->nindex && !err; i++) {
		if (raw->index[i] >= raw->nvertex || raw->index[i] == restart)
			err = load_bad(l, at, -EINVAL, "index %u is %u, there are %u vertices", i,
				raw->index[i], raw->nvertex);
	}
	return err;
}

static int attributes(struct load *l, struct prim *p)
{
	const struct at *at = AT_KEY(p->at, "attributes");
	struct model_primitive *o = p->out;
	unsigned known = 0;
	int err = floats(l, at, p->attributes, &formats[POSITION], o->nvertex, &o->position);

	if (!err)
		err = floats(l, at, p->attributes, &formats[NORMAL], o->nvertex, &o->normal);
	if (!err)
		err = floats(l, at, p->attributes, &formats[TANGENT], o->nvertex, &o->tangent);
	if (!err)
		err = floats(
			l, at, p->attributes, &formats[TEXCOORD_0], o->nvertex, &o->texcoord[0]);
	if (!err)
		err = floats(
			l, at, p->attributes, &formats[TEXCOORD_1], o->nvertex, &o->texcoord[1]);
	if (!err)
		err = colors(l, p);
	if (!err)
		err = skinning(l, p);
	if (!err) {
		make_unit((float *)o->normal, o->nvertex, 3);
		make_unit((float *)o->tangent, o->nvertex, 4);
	}
	for (unsigned i = 0; i < NFORMAT; i++)
		known += json_object_get(p->attributes, formats[i].name) != NULL;
	l->m->view.stats.ignored_attributes += (unsigned)json_object_size(p->attributes) - known;
	return err;
}

/* Every other attribute's accessor must exist and have as many elements. */
static int other_attributes(struct load *l, const struct at *at, const json_t *o, uint32_t nvertex)
{
	const char *key;
	json_t *v;
	int k, err = 0;

	json_object_foreach((json_t *)o, key, v)
	{
		if (!err)
			err = need_index(l, at, o, key, l->naccessor, &k);
		if (!err && l->accessor[k].count != nvertex)
			err = load_bad(l, at, -EINVAL, "%.40s: %u elements, POSITION has %u", key,
				l->accessor[k].count, nvertex);
	}
	return err;
}

/* No positions: nothing to draw (3.7.2.1); it stays as a primitive without vertices. */
static int count_vertices(
	struct load *l, struct prim *p, const json_t *o, struct raw_primitive *raw)
{
	const struct at *at = AT_KEY(p->at, "attributes");
	json_t *draco = NULL;
	int position, err = find(l, at, p->attributes, &formats[POSITION], 0, &position);

	if (!err)
		err = get_extension(l, p->at, o, "KHR_draco_mesh_compression", &draco);
	if (err || position < 0)
		return err;
	if (draco && !l->accessor[position].p)
		return load_bad(l, p->at, -EOPNOTSUPP,
			"Draco-compressed meshes are not supported; store it plain");
	raw->nvertex = l->accessor[position].count;
	if (raw->nvertex > l->lim->vertices - l->vertices)
		return load_bad(l, at, -E2BIG, "more than %u vertices in all", l->lim->vertices);
	p->out->nvertex = raw->nvertex;
	return other_attributes(l, at, p->attributes, raw->nvertex);
}

static int primitive_parts(
	struct load *l, struct prim *p, const json_t *o, struct raw_primitive *raw)
{
	json_t *list = NULL;
	int accessor, err = get_object(l, p->at, o, "attributes", &list);

	if (!err && json_object_size(list) == 0)
		err = load_bad(l, AT_KEY(p->at, "attributes"), -EINVAL,
			"want an object with at least one");
	if (err)
		return err;
	p->attributes = list;
	err = count_vertices(l, p, o, raw);
	if (!err)
		err = get_index(l, p->at, o, "indices", l->naccessor, &accessor);
	if (!err && raw->nvertex)
		err = read_indices(l, AT_KEY(p->at, "indices"), accessor, raw);
	if (!err && raw->nvertex)
		err = attributes(l, p);
	if (!err && raw->nvertex)
		err = targets(l, p->at, o, p->out);
	raw->target = (struct model_target *)p->out->target;
	return err;
}

static int one_primitive(struct load *l, const struct at *at, const json_t *o,
	struct model_primitive *out, struct prim *p)
{
	struct raw_primitive raw = {.out = out};
	uint64_t mode = 4;
	int err;

	*p = (struct prim){.at = at, .out = out};
	if (!json_is_object(o))
		return load_bad(l, at, -EINVAL, "want an object");
	err = get_uint(l, at, o, "mode", 0, 6, &mode);
	if (!err)
		err = get_index(l, at, o, "material", l->m->view.nmaterial - 1, &out->material);
	if (!err && out->material < 0)
		out->material = (int)l->m->view.nmaterial - 1;
	raw.mode = (unsigned)mode;
	if (!err)
		err = primitive_parts(l, p, o, &raw);
	if (!err)
		err = primitive_finish(l, at, &raw);
	free(raw.index);
	return err;
}

/* ---------------------------------------------------------------- meshes */

static void mesh_box(struct model_mesh *m)
{
	bool any = false;

	for (unsigned i = 0; i < m->nprimitive; i++) {
		const struct model_primitive *p = &m->primitive[i];

		for (unsigned k = 0; k < 3 && p->nvertex; k++) {
			m->lo[k] = any ? fminf(m->lo[k], p->lo[k]) : p->lo[k];
			m->hi[k] = any ? fmaxf(m->hi[k], p->hi[k]) : p->hi[k];
		}
		any |= p->nvertex > 0;
	}
}

static int mesh_weights(struct load *l, const struct at *at, const json_t *o, struct model_mesh *m)
{
	bool first = true;
	float *w;
	int err = 0;

	for (unsigned i = 0; i < m->nprimitive; i++) {
		if (!m->primitive[i].nvertex)
			continue;
		if (!first && m->primitive[i].ntarget != m->nweight)
			return load_bad(l, at, -EINVAL,
				"primitives with different numbers of morph targets");
		m->nweight = m->primitive[i].ntarget;
		first = false;
	}
	if (m->nweight == 0)
		return 0;
	w = load_take(l, at, m->nweight, sizeof(*w), &err);
	if (!err)
		err = get_floats(l, at, o, "weights", m->nweight, -FLT_MAX, FLT_MAX, w);
	m->weight = w;
	return err;
}

static int one_mesh(struct load *l, unsigned i, const json_t *o, struct model_mesh *m)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "meshes"), i), *here = AT_KEY(at, "primitives");
	struct model_primitive *prims;
	struct prim p;
	json_t *list = NULL;
	int err = get_name(l, at, o, &m->name);

	if (!err)
		err = get_list(l, at, o, "primitives", l->lim->primitives - l->primitives, &list);
	if (!err && !list)
		err = load_bad(l, here, -EINVAL, "is missing");
	if (err)
		return err;
	m->nprimitive = (unsigned)json_array_size(list);
	l->primitives += m->nprimitive;
	prims = load_take(l, here, m->nprimitive, sizeof(*prims), &err);
	m->primitive = prims;
	l->mesh_skinned[i] = true;
	for (unsigned k = 0; k < m->nprimitive && !err; k++) {
		err = one_primitive(l, AT_INDEX(here, k), json_array_get(list, k), &prims[k], &p);
		l->mesh_skinned[i] &= prims[k].joint || !prims[k].nvertex;
		if (p.joints > l->mesh_joints[i])
			l->mesh_joints[i] =
				(uint16_t)(p.joints > UINT16_MAX ? UINT16_MAX : p.joints);
	}
	if (!err)
		err = mesh_weights(l, at, o, m);
	if (!err)
		mesh_box(m);
	return err;
}

int load_meshes(struct load *l)
{
	unsigned n = list_size(l->doc, "meshes");
	struct model_mesh *m;
	int err = 0;

	m = load_take(l, AT_KEY(NULL, "meshes"), n, sizeof(*m), &err);
	l->mesh_joints = calloc(n + 1, sizeof(*l->mesh_joints));
	l->mesh_skinned = calloc(n + 1, sizeof(*l->mesh_skinned));
	if (!l->mesh_joints || !l->mesh_skinned)
		return -ENOMEM;
	for (unsigned i = 0; i < n && !err; i++)
		err = one_mesh(l, i, json_array_get(json_object_get(l->doc, "meshes"), i), &m[i]);
	if (!err) {
		l->m->view.mesh = n ? m : NULL;
		l->m->view.nmesh = n;
	}
	return err;
}
