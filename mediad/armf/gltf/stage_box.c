/* SPDX-License-Identifier: GPL-2.0-or-later */
/* World boxes: of rigid, morphed and skinned meshes, never smaller than what is drawn. */
#include "mediad/armf/gltf/stage_internal.h"

#include <math.h>

#define SLACK 1e-5f /* of the numbers' size, for rounding here and on the GPU */

struct extent {
	float lo[3], hi[3];
	bool any;
};

/* Adds the box lo..hi under a matrix (J. Arvo, Transforming axis-aligned bounding boxes, 1990). */
static void add_box(struct extent *e, const float m[16], const float lo[3], const float hi[3])
{
	for (unsigned i = 0; i < 3; i++) {
		float a = m[12 + i], b = m[12 + i], size = fabsf(m[12 + i]);

		for (unsigned k = 0; k < 3; k++) {
			float x = m[k * 4 + i] * lo[k], y = m[k * 4 + i] * hi[k];

			a += fminf(x, y);
			b += fmaxf(x, y);
			size += fmaxf(fabsf(x), fabsf(y));
		}
		a -= size * SLACK;
		b += size * SLACK;
		e->lo[i] = e->any ? fminf(e->lo[i], a) : a;
		e->hi[i] = e->any ? fmaxf(e->hi[i], b) : b;
	}
	e->any = true;
}

/* How far the morph targets move a primitive's vertices at these weights, at most. */
static void morph_reach(
	const struct model_primitive *p, const float *w, unsigned n, float lo[3], float hi[3])
{
	for (unsigned i = 0; i < p->ntarget && i < n; i++) {
		for (unsigned k = 0; k < 3 && p->target[i].position; k++) {
			float x = w[i] * p->target[i].lo[k], y = w[i] * p->target[i].hi[k];

			lo[k] += fminf(x, y);
			hi[k] += fmaxf(x, y);
		}
	}
}

static void measure_rigid(const struct stage *st, unsigned node, struct extent *e)
{
	const struct stage_node *s = &st->node[node];
	const struct model_mesh *m = &st->v->mesh[st->v->node[node].mesh];

	for (unsigned i = 0; i < m->nprimitive; i++) {
		const struct model_primitive *p = &m->primitive[i];
		float lo[3], hi[3];

		if (p->nvertex == 0)
			continue;
		memcpy(lo, p->lo, sizeof(lo));
		memcpy(hi, p->hi, sizeof(hi));
		morph_reach(p, s->weight, m->nweight, lo, hi);
		add_box(e, s->world, lo, hi);
	}
}

/* A vertex is a mean of its joints' pictures of it, so it lies within the boxes of those. */
static void measure_skinned(const struct stage *st, unsigned node, struct extent *e)
{
	const struct stage_node *s = &st->node[node];
	const struct model_mesh *m = &st->v->mesh[st->v->node[node].mesh];
	const struct joint_boxes *b = &st->model->joint_boxes[st->v->node[node].mesh];
	float less[3] = {0, 0, 0}, more[3] = {0, 0, 0};

	for (unsigned i = 0; i < m->nprimitive; i++) {
		float lo[3] = {0, 0, 0}, hi[3] = {0, 0, 0};

		morph_reach(&m->primitive[i], s->weight, m->nweight, lo, hi);
		for (unsigned k = 0; k < 3; k++) {
			less[k] = fminf(less[k], lo[k]);
			more[k] = fmaxf(more[k], hi[k]);
		}
	}
	for (unsigned j = 0; j < b->n; j++) {
		const struct joint_box *x = &b->box[j];
		float lo[3], hi[3];

		for (unsigned k = 0; k < 3; k++) {
			lo[k] = x->lo[k] + less[k];
			hi[k] = x->hi[k] + more[k];
		}
		if (x->lo[0] <= x->hi[0])
			add_box(e, s->joint + (size_t)j * 16, lo, hi);
	}
}

void stage_measure(struct stage *st, unsigned node)
{
	struct stage_node *s = &st->node[node];
	struct extent e = {.any = false};

	if (s->joint)
		measure_skinned(st, node, &e);
	else
		measure_rigid(st, node, &e);
	for (unsigned k = 0; k < 3 && e.any; k++)
		e.any = isfinite(e.lo[k]) && isfinite(e.hi[k]);
	s->boxed = e.any;
	if (e.any) {
		memcpy(s->lo, e.lo, sizeof(s->lo));
		memcpy(s->hi, e.hi, sizeof(s->hi));
	}
}
