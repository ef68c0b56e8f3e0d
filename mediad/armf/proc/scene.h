/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call's scene in a media processor: the newest model, and a second of history of each node that
 * moves, so that a frame gets the nodes as they were when it was taken. Shared by the jobs of the
 * call; counted; a lock inside. Any thread.
 */
#ifndef SCENE_H
#define SCENE_H

#include "mediad/armf/gltf/model.h"
#include "mediad/armf/gltf/stage.h"
#include "mediad/armf/link/link_msg.h"

#define SCENE_HISTORY 128 /* poses of one node: a second at 120 a second */
#define SCENE_TRACKS 256 /* nodes with a history; poses of further ones are dropped and counted */
#define SCENE_GAP                                                                                  \
	250000 /* us; poses further apart are no movement but a jump at the second one             \
		*/

struct scene;

struct scene *scene_new(uint32_t id, uint64_t epoch); /* NULL: no memory */
struct scene *scene_ref(struct scene *s);
void scene_unref(struct scene *s);
uint32_t scene_id(const struct scene *s);

/* The whole document again, as of `at`. Takes a reference to m. */
void scene_set_model(struct scene *s, struct model *m, uint64_t at);
/* The newest model with a reference for the caller, NULL if there is none yet. */
struct model *scene_get_model(struct scene *s, uint64_t *epoch);
void scene_pose(struct scene *s, const struct link_pose *p);
/* Puts every node with a history where it was at `at`; the caller evaluates the stage. */
void scene_apply(struct scene *s, struct stage *st, uint64_t at);
/* Poses dropped for SCENE_TRACKS. */
uint64_t scene_dropped(struct scene *s);

#endif
