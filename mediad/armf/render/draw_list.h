/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is drawn of a stage from a camera: visible primitives in drawing order within the budget of
 * triangles, the lights, and the rectangle of it all. No GL. Memory is taken at the load of a model
 * only.
 */
#ifndef RENDER_DRAW_LIST_H
#define RENDER_DRAW_LIST_H

#include "mediad/armf/gltf/stage.h"
#include "mediad/armf/render/geom.h"

#define DRAW_DETAILS 3 /* as it is, a quarter, a sixteenth of the triangles */

struct draw_item {
	const struct model_primitive *prim;
	unsigned detail; /* 0: as it is */
	unsigned slot; /* the primitive's number: those of mesh 0 first, then of mesh 1, ... */
	unsigned node;
	float depth;
	bool blend;
};

struct draw_light {
	float position[4]; /* or the direction towards it; w 1: has a position */
	float color[4]; /* times intensity; w 1 / range squared, 0 without end */
	float axis[4]; /* spot: where it shines */
	float cone[4]; /* factor = clamp(cos * x + y), squared */
};

struct draw_lights {
	unsigned n;
	bool positions; /* some have a position */
	bool standard; /* the scene has none: ours */
	float sky[3], ground[3]; /* ambient */
	struct draw_light light[RENDER_MAX_LIGHTS];
};

/* Of a frame. Layers: how often its pixels are shaded, all in all, at most: a mesh of stacked
 * squares that fill the picture is no load of triangles but one of pixels. Ordinary closed meshes
 * cover what they cover 3 to 15 times, by the measure of mesh_layers. */
struct draw_budget {
	unsigned triangles, layers;
};

struct draw_candidate; /* a visible node */

struct draw_list {
	/* of the model, draw_list_prepare() */
	unsigned *first_slot; /* by mesh; nmesh + 1 */
	unsigned (*mesh_triangles)[DRAW_DETAILS];
	float *mesh_layers; /* how often a mesh covers what it covers, at most */
	unsigned max_items, max_nodes;
	uint64_t all_triangles; /* of all nodes */
	struct draw_candidate *candidate;
	struct draw_item *item;
	/* of the frame, draw_list_build() */
	unsigned n, triangles, nodes, reduced, left_out;
	int x, y, w, h; /* even numbers; w 0: nothing */
	struct draw_lights lights;
};

/* Empties the list and makes room for the model's nodes. -ENOMEM. */
int draw_list_prepare(struct draw_list *l, const struct model_view *m)
	__attribute__((warn_unused_result));
/* A primitive has fewer triangles at a level of detail: counted for its mesh. */
void draw_list_reduce(struct draw_list *l, unsigned mesh, unsigned detail, unsigned fewer);
void draw_list_free(struct draw_list *l);
void draw_list_build(struct draw_list *l, const struct stage *st, const struct geom_camera *c,
	int own, int w, int h, const struct draw_budget *max);

#endif
