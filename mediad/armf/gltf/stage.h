/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A model being played: where its nodes are now. Live poses, visibility and animation time go in;
 * world matrices, joint matrices, morph weights and boxes come out, worked out anew only where
 * something changed.
 *
 * One thread at a time; the model behind it may be shared. A stage holds a reference to its model.
 * Several views (renderers) may read one stage: each keeps the version it drew last and asks
 * whether anything that it shows has changed since.
 *
 * What is set from outside wins: after a live translation the animations leave that node's
 * translation alone, and so on for rotation and scale, until stage_release().
 */
#ifndef STAGE_H
#define STAGE_H

#include "mediad/armf/gltf/model.h"

struct stage;

int stage_new(struct stage **out, struct model *m) __attribute__((warn_unused_result));
void stage_free(struct stage *st); /* NULL is fine */
const struct model *stage_model(const struct stage *st);
/* The same play on the next document of the same scene: animation times go on. Poses are the new
 * document's, which has the latest. */
int stage_renew(struct stage **out, struct model *m, const struct stage *old)
	__attribute__((warn_unused_result));

/*
 * Sets what is not NULL: metres, unit quaternion x y z w (normalised), factors. -ENOENT no such
 * node, -EPERM it has a matrix, -EDOM not finite or no rotation; then nothing is changed.
 */
int stage_set_trs(
	struct stage *st, unsigned node, const float t[3], const float r[4], const float s[3]);
/* Gives the node back to the animations and to the document's own pose. -ENOENT. */
int stage_release(struct stage *st, unsigned node);
/* -ENOENT. Holds for all nodes below. */
int stage_set_visible(struct stage *st, unsigned node, bool on);
/* Puts a node at the top on the scene's list or takes it off (the DCMF attaches and detaches
 * participants so). -ENOENT, -EPERM: has a parent. */
int stage_set_root(struct stage *st, unsigned node, bool on);
/* -ENOENT, -EINVAL not the mesh's number of morph targets, -EDOM. Wins over animations. */
int stage_set_weights(struct stage *st, unsigned node, const float *weight, unsigned n);

/* seconds from the animation's start, wrapped by the caller if it is to loop (stage_set_clock()
 * does so); before the first and after the last key the value stays. -ENOENT, -EDOM. */
int stage_set_time(struct stage *st, unsigned animation, double seconds);
int stage_stop(struct stage *st, unsigned animation);
/* Plays all animations that are not held in loops from a common start. -EDOM. */
int stage_set_clock(struct stage *st, double seconds);

/* Works out what has changed. Returns true when anything did; stage_version() has then grown. All
 * functions below tell the state of the last evaluation. */
bool stage_evaluate(struct stage *st);
uint64_t stage_version(const struct stage *st);
/*
 * Has anything that a view shows changed after that version: a node drawn or lit, moved, shown,
 * hidden? own: the view's own participant node (its avatar is not drawn, so its moves do not
 * count), -1 none.
 */
bool stage_changed_since(const struct stage *st, uint64_t version, int own);

/* In the scene, not removed, visible, with all above it. False for no such node. */
bool stage_shown(const struct stage *st, unsigned node);
/* The version at which the node's world matrix, deformation or visibility last changed. */
uint64_t stage_node_version(const struct stage *st, unsigned node);
/* Node to world, 16 floats, column-major. NULL for no such node. */
const float *stage_world(const struct stage *st, unsigned node);
/*
 * Mesh to world of a skinned node, one matrix (16) for each joint; n gets their number. glTF 2.0
 * 3.7.3.3: the node's own transform has no say in it. NULL: not skinned.
 */
const float *stage_joints(const struct stage *st, unsigned node, unsigned *n);
/* Morph weights; n gets their number. NULL: none. */
const float *stage_weights(const struct stage *st, unsigned node, unsigned *n);
/* World box around what the node's mesh draws (never too small), morph and skin included. False:
 * it draws nothing: no mesh, no vertices, never shown yet, or no finite numbers. */
bool stage_box(const struct stage *st, unsigned node, float lo[3], float hi[3]);
/* World box of everything shown except own's. False: nothing. */
bool stage_bounds(const struct stage *st, int own, float lo[3], float hi[3]);

#endif
