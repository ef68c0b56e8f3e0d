/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State of the nodes and its evaluation: matrices, joints, boxes, versions. */
#include "mediad/armf/gltf/stage_internal.h"

#include <math.h>

/* ---------------------------------------------------------------- matrices, column-major */

static void multiply(float out[16], const float *restrict a, const float *restrict b)
{
	for (unsigned c = 0; c < 4; c++) {
		for (unsigned r = 0; r < 4; r++)
			out[c * 4 + r] = a[r] * b[c * 4] + a[4 + r] * b[c * 4 + 1] +
					 a[8 + r] * b[c * 4 + 2] + a[12 + r] * b[c * 4 + 3];
	}
}

/* Translation times rotation times scale (3.5.3). */
static void compose(float m[16], const float t[3], const float q[4], const float s[3])
{
	const float x = q[0], y = q[1], z = q[2], w = q[3];
	const float r[9] = {1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w),
		2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w),
		2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)};

	for (unsigned c = 0; c < 3; c++) {
		for (unsigned i = 0; i < 3; i++)
			m[c * 4 + i] = r[c * 3 + i] * s[c];
		m[c * 4 + 3] = 0;
		m[12 + c] = t[c];
	}
	m[15] = 1;
}

static bool same(const float *a, const float *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static bool all_finite(const float *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!isfinite(v[i]))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------- life */

unsigned stage_nweight(const struct stage *st, unsigned node)
{
	int mesh = st->v->node[node].mesh;

	return mesh < 0 ? 0 : st->v->mesh[mesh].nweight;
}

static void count_parts(const struct stage *st, size_t *weights, size_t *joints)
{
	*weights = *joints = 0;
	for (unsigned i = 0; i < st->v->nnode; i++) {
		*weights += stage_nweight(st, i);
		if (st->v->node[i].skin >= 0)
			*joints += st->v->skin[st->v->node[i].skin].njoint;
	}
}

static void start_nodes(struct stage *st)
{
	float *w = st->weights, *j = st->joints;

	for (unsigned i = 0; i < st->v->nnode; i++) {
		const struct model_node *n = &st->v->node[i];
		struct stage_node *s = &st->node[i];

		s->root = n->root;
		s->visible = n->visible;
		s->moved = s->morphed = true;
		if (stage_nweight(st, i)) {
			s->weight = w;
			w += stage_nweight(st, i);
		}
		if (n->skin >= 0) {
			s->joint = j;
			j += (size_t)st->v->skin[n->skin].njoint * 16;
		}
		for (unsigned path = MODEL_TRANSLATION; path <= MODEL_WEIGHTS; path++)
			stage_reset(st, i, (enum model_path)path);
	}
}

int stage_new(struct stage **out, struct model *m)
{
	struct stage *st = calloc(1, sizeof(*st));
	size_t nw, nj;

	if (!st)
		return -ENOMEM;
	st->model = model_ref(m);
	st->v = model_view(m);
	count_parts(st, &nw, &nj);
	st->node = calloc(st->v->nnode + 1, sizeof(*st->node));
	st->anim = calloc(st->v->nanimation + 1, sizeof(*st->anim));
	st->weights = calloc(nw + 1, sizeof(float));
	st->joints = calloc(nj * 16 + 1, sizeof(float));
	if (!st->node || !st->anim || !st->weights || !st->joints) {
		stage_free(st);
		return -ENOMEM;
	}
	start_nodes(st);
	st->dirty = true;
	*out = st;
	return 0;
}

int stage_renew(struct stage **out, struct model *m, const struct stage *old)
{
	int err = stage_new(out, m);

	for (unsigned i = 0; !err && old && i < (*out)->v->nanimation && i < old->v->nanimation;
		i++) {
		(*out)->anim[i].on = (*out)->anim[i].fresh = old->anim[i].on;
		(*out)->anim[i].seconds = old->anim[i].seconds;
	}
	if (!err && old)
		(*out)->version = old->version;
	return err;
}

void stage_free(struct stage *st)
{
	if (!st)
		return;
	model_unref(st->model);
	free(st->node);
	free(st->anim);
	free(st->weights);
	free(st->joints);
	free(st);
}

const struct model *stage_model(const struct stage *st)
{
	return st->model;
}

/* ---------------------------------------------------------------- input */

void stage_put(struct stage *st, unsigned node, enum model_path path, const float *value)
{
	struct stage_node *s = &st->node[node];
	float *const into[] = {s->t, s->r, s->s, s->weight};
	const unsigned n[] = {3, 4, 3, stage_nweight(st, node)};

	if (same(into[path], value, n[path]))
		return;
	memcpy(into[path], value, n[path] * sizeof(float));
	st->dirty = true;
	if (path == MODEL_WEIGHTS)
		s->morphed = true;
	else
		s->moved = true;
}

void stage_reset(struct stage *st, unsigned node, enum model_path path)
{
	const struct model_node *n = &st->v->node[node];
	const float *const from[] = {n->t, n->r, n->s,
		n->nweight     ? n->weight
		: n->mesh >= 0 ? st->v->mesh[n->mesh].weight
			       : NULL};

	if (from[path])
		stage_put(st, node, path, from[path]);
}

int stage_set_trs(
	struct stage *st, unsigned node, const float t[3], const float r[4], const float s[3])
{
	float q[4], len = 0;

	if (node >= st->v->nnode)
		return -ENOENT;
	if (st->v->node[node].fixed)
		return -EPERM;
	if ((t && !all_finite(t, 3)) || (r && !all_finite(r, 4)) || (s && !all_finite(s, 3)))
		return -EDOM;
	for (unsigned i = 0; i < 4 && r; i++)
		len += r[i] * r[i];
	len = sqrtf(len);
	if (r && !(len > 1e-3f && len < 1e3f))
		return -EDOM;
	for (unsigned i = 0; i < 4 && r; i++)
		q[i] = r[i] / len;
	if (t)
		stage_put(st, node, MODEL_TRANSLATION, t);
	if (r)
		stage_put(st, node, MODEL_ROTATION, q);
	if (s)
		stage_put(st, node, MODEL_SCALE, s);
	st->node[node].live |=
		(uint8_t)((t ? LIVE(MODEL_TRANSLATION) : 0) | (r ? LIVE(MODEL_ROTATION) : 0) |
			  (s ? LIVE(MODEL_SCALE) : 0));
	return 0;
}

int stage_set_visible(struct stage *st, unsigned node, bool on)
{
	if (node >= st->v->nnode)
		return -ENOENT;
	st->dirty |= st->node[node].visible != on;
	st->node[node].visible = on;
	return 0;
}

int stage_set_root(struct stage *st, unsigned node, bool on)
{
	if (node >= st->v->nnode)
		return -ENOENT;
	if (st->v->node[node].parent >= 0)
		return -EPERM;
	st->dirty |= st->node[node].root != on;
	st->node[node].root = on;
	return 0;
}

int stage_set_weights(struct stage *st, unsigned node, const float *weight, unsigned n)
{
	if (node >= st->v->nnode)
		return -ENOENT;
	if (n == 0 || n != stage_nweight(st, node))
		return -EINVAL;
	if (!all_finite(weight, n))
		return -EDOM;
	stage_put(st, node, MODEL_WEIGHTS, weight);
	st->node[node].live |= LIVE(MODEL_WEIGHTS);
	return 0;
}

/* ---------------------------------------------------------------- evaluation */

static void place(struct stage *st, unsigned i, uint64_t version)
{
	const struct model_node *n = &st->v->node[i];
	struct stage_node *s = &st->node[i];
	float local[16], world[16];

	s->changed = false;
	if (!s->moved && (n->parent < 0 || !st->node[n->parent].changed))
		return;
	if (!n->fixed)
		compose(local, s->t, s->r, s->s);
	if (n->parent < 0)
		memcpy(world, n->fixed ? n->matrix : local, sizeof(world));
	else
		multiply(world, st->node[n->parent].world, n->fixed ? n->matrix : local);
	s->moved = false;
	if (s->world_version && same(world, s->world, 16))
		return;
	memcpy(s->world, world, sizeof(world));
	s->sound = all_finite(world, 16);
	s->changed = true;
	s->world_version = version;
}

static bool is_shown(const struct stage *st, unsigned i)
{
	const struct model_node *n = &st->v->node[i];
	const struct stage_node *s = &st->node[i];

	return (n->parent < 0 ? s->root : st->node[n->parent].shown) && s->visible && !n->removed &&
	       s->sound;
}

/* Joint matrices, if one of the joints has moved since they were made. */
static bool bend(struct stage *st, unsigned i)
{
	const struct model_skin *skin = &st->v->skin[st->v->node[i].skin];
	struct stage_node *s = &st->node[i];
	uint64_t newest = 0;

	for (unsigned j = 0; j < skin->njoint; j++) {
		uint64_t v = st->node[skin->joint[j]].world_version;

		newest = v > newest ? v : newest;
	}
	if (newest <= s->joint_version)
		return false;
	for (unsigned j = 0; j < skin->njoint; j++)
		multiply(s->joint + (size_t)j * 16, st->node[skin->joint[j]].world,
			skin->inverse_bind + (size_t)j * 16);
	s->joint_version = newest;
	return true;
}

/* True when what the node draws has changed. A hidden node's changes wait until it is shown. */
static bool finish(struct stage *st, unsigned i, bool was_shown)
{
	struct stage_node *s = &st->node[i];
	bool changed = s->shown != was_shown;

	if (!s->shown)
		return changed;
	if (s->joint)
		changed |= bend(st, i);
	else
		changed |= s->changed;
	changed |= s->morphed;
	s->morphed = false;
	if (changed && st->v->node[i].mesh >= 0)
		stage_measure(st, i);
	return changed;
}

bool stage_evaluate(struct stage *st)
{
	uint64_t next = st->version + 1;
	bool any = false;

	if (!st->dirty)
		return false;
	st->dirty = false;
	stage_sample(st);
	st->dirty = false;
	for (unsigned k = 0; k < st->v->nnode; k++)
		place(st, st->v->order[k], next);
	for (unsigned k = 0; k < st->v->nnode; k++) {
		unsigned i = st->v->order[k];
		bool was = st->node[i].shown;

		st->node[i].shown = is_shown(st, i);
		if (finish(st, i, was)) {
			st->node[i].version = next;
			any = true;
		}
	}
	if (any || st->version == 0)
		st->version = next;
	return any;
}

/* ---------------------------------------------------------------- output */

uint64_t stage_version(const struct stage *st)
{
	return st->version;
}

bool stage_changed_since(const struct stage *st, uint64_t version, int own)
{
	if (st->version <= version)
		return false;
	for (unsigned i = 0; i < st->v->nnode; i++) {
		const struct model_node *n = &st->v->node[i];

		if (st->node[i].version > version && (n->mesh >= 0 || n->light >= 0) &&
			(own < 0 || n->owner != own))
			return true;
	}
	return false;
}

bool stage_shown(const struct stage *st, unsigned node)
{
	return node < st->v->nnode && st->node[node].shown;
}

uint64_t stage_node_version(const struct stage *st, unsigned node)
{
	return node < st->v->nnode ? st->node[node].version : 0;
}

const float *stage_world(const struct stage *st, unsigned node)
{
	return node < st->v->nnode ? st->node[node].world : NULL;
}

const float *stage_joints(const struct stage *st, unsigned node, unsigned *n)
{
	if (node >= st->v->nnode || !st->node[node].joint)
		return NULL;
	*n = st->v->skin[st->v->node[node].skin].njoint;
	return st->node[node].joint;
}

const float *stage_weights(const struct stage *st, unsigned node, unsigned *n)
{
	if (node >= st->v->nnode || !st->node[node].weight)
		return NULL;
	*n = stage_nweight(st, node);
	return st->node[node].weight;
}

bool stage_box(const struct stage *st, unsigned node, float lo[3], float hi[3])
{
	if (node >= st->v->nnode || !st->node[node].boxed)
		return false;
	memcpy(lo, st->node[node].lo, 3 * sizeof(*lo));
	memcpy(hi, st->node[node].hi, 3 * sizeof(*hi));
	return true;
}

bool stage_bounds(const struct stage *st, int own, float lo[3], float hi[3])
{
	bool any = false;

	for (unsigned i = 0; i < st->v->nnode; i++) {
		const struct stage_node *s = &st->node[i];

		if (!s->shown || !s->boxed || (own >= 0 && st->v->node[i].owner == own))
			continue;
		for (unsigned k = 0; k < 3; k++) {
			lo[k] = any ? fminf(lo[k], s->lo[k]) : s->lo[k];
			hi[k] = any ? fmaxf(hi[k], s->hi[k]) : s->hi[k];
		}
		any = true;
	}
	return any;
}
