/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/render/simplify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define TRIES 8

struct grid {
	uint32_t n[3]; /* cells */
	float lo[3], scale; /* cells per metre */
	uint32_t *cell; /* the vertex that stands for it; NONE */
	uint32_t *of; /* by vertex: the one that stands for it */
};

static uint32_t cell_of(const struct grid *g, const float *p)
{
	uint32_t at[3];

	for (int i = 0; i < 3; i++) {
		float v = (p[i] - g->lo[i]) * g->scale;

		at[i] = !(v > 0) ? 0 : v < (float)g->n[i] ? (uint32_t)v : g->n[i] - 1;
	}
	return (at[2] * g->n[1] + at[1]) * g->n[0] + at[0];
}

static float longest(const struct model_primitive *p)
{
	float side = 0;

	for (int i = 0; i < 3; i++)
		side = fmaxf(side, p->hi[i] - p->lo[i]);
	return side;
}

static void set_cells(struct grid *g, const struct model_primitive *p, uint32_t n)
{
	size_t all = 1;

	g->scale = (float)n / longest(p);
	for (int i = 0; i < 3; i++) {
		g->lo[i] = p->lo[i];
		g->n[i] = (uint32_t)((p->hi[i] - p->lo[i]) * g->scale) + 1;
		all *= g->n[i];
	}
	memset(g->cell, 0xff, all * sizeof(*g->cell));
	for (uint32_t i = 0; i < p->nvertex; i++) {
		uint32_t *c = &g->cell[cell_of(g, p->position + 3 * (size_t)i)];

		if (*c == NONE)
			*c = i;
		g->of[i] = *c;
	}
}

/* The triangles whose corners are in three cells. out NULL: only counted. */
static uint32_t join(const struct grid *g, const struct model_primitive *p, uint32_t *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i + 2 < p->nindex; i += 3) {
		uint32_t a = g->of[model_index(p, i)], b = g->of[model_index(p, i + 1)],
			 c = g->of[model_index(p, i + 2)];

		if (a == b || b == c || a == c)
			continue;
		if (out) {
			out[n] = a;
			out[n + 1] = b;
			out[n + 2] = c;
		}
		n += 3;
	}
	return n;
}

/* The finest grid that does not give more than the target; 0: none. */
static uint32_t find_grid(struct grid *g, const struct model_primitive *p, uint32_t target)
{
	uint32_t lo = 0, hi = SIMPLIFY_MAX_CELLS + 1;

	for (int k = 0; k < TRIES && hi - lo > 1; k++) {
		uint32_t mid = (lo + hi) / 2;

		set_cells(g, p, mid);
		if (join(g, p, NULL) > 3 * target)
			hi = mid;
		else
			lo = mid;
	}
	return lo;
}

uint32_t simplify(const struct model_primitive *p, uint32_t target, uint32_t *out)
{
	const size_t most = SIMPLIFY_MAX_CELLS + 2;
	struct grid g = {.cell = malloc(most * most * most * sizeof(*g.cell)),
		.of = malloc(p->nvertex * sizeof(*g.of))};
	uint32_t n = 0, cells = 0;

	if (g.cell && g.of && p->mode == MODEL_TRIANGLES && longest(p) > 0 && isfinite(longest(p)))
		cells = find_grid(&g, p, target);
	if (cells) {
		set_cells(&g, p, cells);
		n = join(&g, p, out);
	}
	free(g.cell);
	free(g.of);
	return n;
}
