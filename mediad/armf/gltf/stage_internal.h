/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by stage.c (state, evaluation), stage_anim.c (sampling) and stage_box.c; nobody else. */
#ifndef STAGE_INTERNAL_H
#define STAGE_INTERNAL_H

#include "mediad/armf/gltf/load_internal.h"
#include "mediad/armf/gltf/stage.h"

#define LIVE(path) (1u << (path)) /* of enum model_path */

struct stage_node {
	float t[3], r[4], s[3];
	float world[16];
	float lo[3], hi[3]; /* world box */
	uint8_t live; /* set from outside */
	bool root, visible; /* wanted */
	bool moved; /* the local transform has changed */
	bool morphed; /* the weights have changed */
	bool changed; /* in this evaluation: the world matrix */
	bool shown, sound; /* sound: the world matrix is finite */
	bool boxed;
	uint64_t world_version, version;
	float *weight;
	float *joint; /* 16 each */
	uint64_t joint_version;
};

struct stage_anim {
	bool on, fresh; /* fresh: to be sampled */
	double seconds;
};

struct stage {
	struct model *model;
	const struct model_view *v;
	struct stage_node *node;
	struct stage_anim *anim;
	float *weights, *joints; /* of all nodes */
	bool dirty;
	uint64_t version;
};

unsigned stage_nweight(const struct stage *st, unsigned node);
/* The document's own value of a property. */
void stage_reset(struct stage *st, unsigned node, enum model_path path);
/* Takes a value in: marks what changes. n floats. */
void stage_put(struct stage *st, unsigned node, enum model_path path, const float *value);
void stage_sample(struct stage *st);
/* World box of one node from its matrices; sets boxed. */
void stage_measure(struct stage *st, unsigned node);

#endif
