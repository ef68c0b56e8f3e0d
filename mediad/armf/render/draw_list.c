/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/draw_list.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct draw_candidate {
	unsigned node;
	float area, depth;
	struct geom_rect rect;
	unsigned detail;
	bool out;
};

void draw_list_free(struct draw_list *l)
{
	free(l->first_slot);
	free(l->mesh_triangles);
	free(l->mesh_layers);
	free(l->candidate);
	free(l->item);
	memset(l, 0, sizeof(*l));
}

/* Lines and points cost about as much as a triangle each. */
static unsigned cost_of(const struct model_primitive *p)
{
	return p->nindex / (p->mode == MODEL_TRIANGLES ? 3 : p->mode == MODEL_LINES ? 2 : 1);
}

static const float *corner(const struct model_primitive *p, uint32_t i)
{
	return p->position + 3 * (size_t)model_index(p, i);
}

static double surface(const struct model_primitive *p)
{
	double sum = 0;

	for (uint32_t i = 0; i + 2 < p->nindex; i += 3) {
		const float *a = corner(p, i), *b = corner(p, i + 1), *c = corner(p, i + 2);
		double u[3], v[3], n = 0;

		for (int k = 0; k < 3; k++) {
			u[k] = (double)b[k] - a[k];
			v[k] = (double)c[k] - a[k];
		}
		for (int k = 0; k < 3; k++) {
			double w =
				u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];

			n += w * w;
		}
		sum += sqrt(n) / 2;
	}
	return sum;
}

/* Its surface over the largest side of its box. */
static float layers_of(const struct model_mesh *m)
{
	double side[3], area = 0, most = 0;

	for (int i = 0; i < 3; i++)
		side[i] = (double)m->hi[i] - m->lo[i];
	for (int i = 0; i < 3; i++)
		most = fmax(most, side[i] * side[(i + 1) % 3]);
	for (unsigned k = 0; k < m->nprimitive; k++) {
		if (m->primitive[k].mode == MODEL_TRIANGLES)
			area += surface(&m->primitive[k]);
	}
	return most > 0 ? (float)(area / most) : 0;
}

static void count_primitives(struct draw_list *l, const struct model_view *m)
{
	for (unsigned i = 0; i < m->nmesh; i++) {
		const struct model_mesh *mesh = &m->mesh[i];

		l->first_slot[i + 1] = l->first_slot[i] + mesh->nprimitive;
		l->mesh_layers[i] = layers_of(mesh);
		for (unsigned k = 0; k < mesh->nprimitive; k++) {
			for (int d = 0; d < DRAW_DETAILS; d++)
				l->mesh_triangles[i][d] += cost_of(&mesh->primitive[k]);
		}
	}
	for (unsigned i = 0; i < m->nnode; i++) {
		int mesh = m->node[i].mesh;

		if (mesh < 0)
			continue;
		l->max_nodes++;
		l->max_items += m->mesh[mesh].nprimitive;
		l->all_triangles += l->mesh_triangles[mesh][0];
	}
}

int draw_list_prepare(struct draw_list *l, const struct model_view *m)
{
	draw_list_free(l);
	l->first_slot = calloc(m->nmesh + 1, sizeof(*l->first_slot));
	l->mesh_triangles = calloc(m->nmesh + 1, sizeof(*l->mesh_triangles));
	l->mesh_layers = calloc(m->nmesh + 1, sizeof(*l->mesh_layers));
	if (!l->first_slot || !l->mesh_triangles || !l->mesh_layers)
		goto none;
	count_primitives(l, m);
	l->candidate = calloc(l->max_nodes + 1, sizeof(*l->candidate));
	l->item = calloc(l->max_items + 1, sizeof(*l->item));
	if (l->candidate && l->item)
		return 0;
none:
	draw_list_free(l);
	return -ENOMEM;
}

void draw_list_reduce(struct draw_list *l, unsigned mesh, unsigned detail, unsigned fewer)
{
	l->mesh_triangles[mesh][detail] -= fewer;
}

/* Lines and points are a pixel wide, half of it on either side. */
static void widen(struct geom_rect *r, const struct model_mesh *mesh, int w, int h)
{
	bool thin = false;

	for (unsigned i = 0; i < mesh->nprimitive; i++)
		thin = thin || mesh->primitive[i].mode != MODEL_TRIANGLES;
	if (!thin)
		return;
	r->x0 = fmaxf(r->x0 - 1, 0);
	r->y0 = fmaxf(r->y0 - 1, 0);
	r->x1 = fminf(r->x1 + 1, (float)w);
	r->y1 = fminf(r->y1 + 1, (float)h);
}

static unsigned find_candidates(struct draw_list *l, const struct stage *st,
	const struct geom_camera *c, int own, int w, int h)
{
	const struct model_view *m = model_view(stage_model(st));
	unsigned n = 0;

	for (unsigned i = 0; i < m->nnode && n < l->max_nodes; i++) {
		struct draw_candidate *d = &l->candidate[n];
		float lo[3], hi[3];

		if (m->node[i].mesh < 0 || (own >= 0 && m->node[i].owner == own))
			continue;
		if (!stage_shown(st, i) || !stage_box(st, i, lo, hi))
			continue;
		if (!geom_project(c, lo, hi, w, h, &d->rect))
			continue;
		widen(&d->rect, &m->mesh[m->node[i].mesh], w, h);
		d->node = i;
		d->area = (d->rect.x1 - d->rect.x0) * (d->rect.y1 - d->rect.y0);
		d->depth = geom_depth(c, lo, hi);
		d->out = false;
		d->detail = 0;
		n++;
	}
	return n;
}

static int by_area(const void *a, const void *b)
{
	const struct draw_candidate *p = a, *q = b;

	if (p->area != q->area)
		return p->area > q->area ? -1 : 1;
	return p->node < q->node ? -1 : 1;
}

static unsigned triangles_of(
	const struct draw_list *l, const struct model_view *m, const struct draw_candidate *d)
{
	return l->mesh_triangles[m->node[d->node].mesh][d->detail];
}

/* Less detail, the smallest on screen first, until it fits. Returns the triangles then. */
static uint64_t reduce(
	struct draw_list *l, const struct model_view *m, unsigned n, uint64_t sum, unsigned max)
{
	for (unsigned detail = 1; detail < DRAW_DETAILS; detail++) {
		for (unsigned i = n; i-- > 0 && sum > max;) {
			struct draw_candidate *d = &l->candidate[i];
			unsigned before = triangles_of(l, m, d);

			if (l->mesh_triangles[m->node[d->node].mesh][detail] >= before)
				continue;
			l->reduced += d->detail == 0;
			d->detail = detail;
			sum -= before - triangles_of(l, m, d);
		}
	}
	return sum;
}

/* The largest on screen first, as long as there are triangles left. */
static uint64_t leave_out(struct draw_list *l, const struct model_view *m, unsigned n, unsigned max)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		struct draw_candidate *d = &l->candidate[i];
		unsigned t = triangles_of(l, m, d);

		d->out = t > max - sum;
		l->left_out += d->out;
		l->reduced -= d->out && d->detail;
		sum += d->out ? 0 : t;
	}
	return sum;
}

static float pixels_of(
	const struct draw_list *l, const struct model_view *m, const struct draw_candidate *d)
{
	return d->area * l->mesh_layers[m->node[d->node].mesh];
}

/* The same for pixels; most scenes are far below. Returns the triangles of what stays. */
static uint64_t keep_pixels(
	struct draw_list *l, const struct model_view *m, unsigned n, uint64_t sum, float max)
{
	float all = 0;

	for (unsigned i = 0; i < n; i++)
		all += l->candidate[i].out ? 0 : pixels_of(l, m, &l->candidate[i]);
	if (all <= max)
		return sum;
	qsort(l->candidate, n, sizeof(*l->candidate), by_area);
	all = 0;
	for (unsigned i = 0; i < n; i++) {
		struct draw_candidate *d = &l->candidate[i];

		if (d->out || all + pixels_of(l, m, d) <= max) {
			all += d->out ? 0 : pixels_of(l, m, d);
			continue;
		}
		d->out = true;
		l->left_out++;
		l->reduced -= d->detail > 0;
		sum -= triangles_of(l, m, d);
	}
	return sum;
}

static void keep_budget(
	struct draw_list *l, const struct model_view *m, unsigned n, unsigned max, float max_pixels)
{
	uint64_t sum = 0;

	l->reduced = l->left_out = 0;
	for (unsigned i = 0; i < n; i++)
		sum += triangles_of(l, m, &l->candidate[i]);
	if (sum > max) {
		qsort(l->candidate, n, sizeof(*l->candidate), by_area);
		sum = reduce(l, m, n, sum, max);
	}
	if (sum > max)
		sum = leave_out(l, m, n, max);
	sum = keep_pixels(l, m, n, sum, max_pixels);
	l->nodes = n - l->left_out;
	l->triangles = (unsigned)sum;
}

static void bound(struct draw_list *l, unsigned n)
{
	struct geom_rect r = {INFINITY, INFINITY, -INFINITY, -INFINITY};

	for (unsigned i = 0; i < n; i++) {
		const struct draw_candidate *d = &l->candidate[i];

		if (d->out)
			continue;
		r.x0 = fminf(r.x0, d->rect.x0);
		r.y0 = fminf(r.y0, d->rect.y0);
		r.x1 = fmaxf(r.x1, d->rect.x1);
		r.y1 = fmaxf(r.y1, d->rect.y1);
	}
	if (!(r.x1 > r.x0 && r.y1 > r.y0))
		return;
	l->x = (int)r.x0 & ~1;
	l->y = (int)r.y0 & ~1;
	l->w = (((int)ceilf(r.x1) + 1) & ~1) - l->x;
	l->h = (((int)ceilf(r.y1) + 1) & ~1) - l->y;
}

static void add_node(
	struct draw_list *l, const struct model_view *m, const struct draw_candidate *d)
{
	int mesh = m->node[d->node].mesh;

	for (unsigned k = 0; k < m->mesh[mesh].nprimitive && l->n < l->max_items; k++) {
		const struct model_primitive *p = &m->mesh[mesh].primitive[k];
		struct draw_item *it = &l->item[l->n++];

		it->prim = p;
		it->slot = l->first_slot[mesh] + k;
		it->node = d->node;
		it->detail = d->detail;
		it->depth = d->depth;
		it->blend = m->material[p->material].alpha == MODEL_BLEND;
	}
}

/* What is solid from front to back, so that hidden pixels are not shaded; then what is not, from
 * back to front. */
static int by_depth(const void *a, const void *b)
{
	const struct draw_item *p = a, *q = b;

	if (p->blend != q->blend)
		return p->blend ? 1 : -1;
	if (p->depth != q->depth)
		return (p->depth < q->depth) == p->blend ? 1 : -1;
	return p->slot < q->slot ? -1 : p->slot > q->slot;
}

static void normalized(float out[4], float x, float y, float z)
{
	float n = sqrtf(x * x + y * y + z * z);

	n = n > 1e-12f ? 1 / n : 0;
	out[0] = x * n;
	out[1] = y * n;
	out[2] = z * n;
}

/* KHR_lights_punctual: the factors of a spot's cone as one multiplication and one addition. */
static void cone_of(float cone[4], const struct model_light *in)
{
	float ci = cosf(in->inner), co = cosf(in->outer), d = fmaxf(0.001f, ci - co);

	cone[0] = 1 / d;
	cone[1] = -co / d;
}

static void add_light(struct draw_lights *l, const struct model_light *in, const float *w)
{
	struct draw_light *o = &l->light[l->n++];

	memset(o, 0, sizeof(*o));
	for (int i = 0; i < 3; i++)
		o->color[i] = in->color[i] * in->intensity;
	normalized(o->axis, -w[8], -w[9], -w[10]);
	o->cone[1] = 1;
	if (in->type == MODEL_DIRECTIONAL) {
		normalized(o->position, w[8], w[9], w[10]);
		return;
	}
	l->positions = true;
	memcpy(o->position, w + 12, 3 * sizeof(float));
	o->position[3] = 1;
	o->color[3] = in->range > 0 ? 1 / (in->range * in->range) : 0;
	if (in->type == MODEL_SPOT)
		cone_of(o->cone, in);
}

/* A scene without lights gets one from above, the left and the front. */
static void standard_light(struct draw_lights *l)
{
	struct draw_light *o = &l->light[l->n++];

	memset(o, 0, sizeof(*o));
	l->standard = true;
	normalized(o->position, -0.35f, 0.8f, 0.5f);
	o->color[0] = o->color[1] = o->color[2] = 2.4f;
	o->cone[1] = 1;
}

static void gather_lights(struct draw_lights *l, const struct stage *st, int own)
{
	const struct model_view *m = model_view(stage_model(st));
	/* with lights of its own a scene gets just enough not to be black in the shade */
	float ambient;

	l->n = 0;
	l->positions = l->standard = false;
	for (unsigned i = 0; m->nlight && i < m->nnode && l->n < RENDER_MAX_LIGHTS; i++) {
		const struct model_node *node = &m->node[i];

		if (node->light >= 0 && (own < 0 || node->owner != own) && stage_shown(st, i))
			add_light(l, &m->light[node->light], stage_world(st, i));
	}
	if (!l->n)
		standard_light(l);
	ambient = l->standard ? 1.0f : 0.4f;
	for (int i = 0; i < 3; i++) {
		static const float sky[3] = {0.33f, 0.35f, 0.38f},
				   ground[3] = {0.20f, 0.18f, 0.16f};

		l->sky[i] = sky[i] * ambient;
		l->ground[i] = ground[i] * ambient;
	}
}

void draw_list_build(struct draw_list *l, const struct stage *st, const struct geom_camera *c,
	int own, int w, int h, const struct draw_budget *max)
{
	const struct model_view *m = model_view(stage_model(st));
	unsigned n;

	l->n = 0;
	l->x = l->y = l->w = l->h = 0;
	n = find_candidates(l, st, c, own, w, h);
	keep_budget(l, m, n, max->triangles, (float)max->layers * (float)w * (float)h);
	bound(l, n);
	for (unsigned i = 0; i < n; i++) {
		if (!l->candidate[i].out)
			add_node(l, m, &l->candidate[i]);
	}
	qsort(l->item, l->n, sizeof(*l->item), by_depth);
	if (l->n)
		gather_lights(&l->lights, st, own);
}
