/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A call's scene: one glTF 2.0 document with MPEG-I extensions, its revision, and what each UE (a
 * view) still has to be told. Call flow steps 8 to 11; the messages are docs/messages.md.
 *
 * The revision stands in the document at /scenes/0/extras/rev. A view gets either the whole
 * document or JSON Patches (RFC 6902) that test the revision sent last and set the next one, each
 * within the UE's message size. Poses of nodes live outside the JSON tree, as fixed-point numbers,
 * so that pose in and patch out build no tree. Indices never shift: nodes are only appended; what
 * is removed stays as a detached tombstone.
 *
 * One thread: the worker's loop. No network and no clock here. A view is owned by its participant
 * and is closed before the scene is freed.
 */
#ifndef SCENE_H
#define SCENE_H

#include "common/ar_buf.h"

#include <jansson.h>
#include <stdint.h>

#define SCENE_MAX_NODES 1024
#define SCENE_MAX_BYTES (4 * 1024 * 1024) /* of a document */
#define SCENE_MAX_DEPTH 32
#define SCENE_MAX_VIEWS 65 /* 64 participants and the media processors */
#define SCENE_MAX_JOURNAL 256 /* changes of structure kept; a view further behind gets all */
#define SCENE_ONE_MESSAGE 65536 /* a larger document goes in pieces */
#define SCENE_PIECE 16384
#define SCENE_MIN_MESSAGE 512 /* below it a UE gets no scene */

/* Fixed-point pose: metres * 1e5 and quaternion x y z w * 1e7. */
#define SCENE_T_UNIT 100000
#define SCENE_R_UNIT 10000000
#define SCENE_MAX_METRES 10000
struct scene_pose {
	int32_t t[3], r[4];
};

/* Where a node is, and where its -Z axis points. */
struct scene_place {
	float at[3], ahead[3];
};
void scene_place_of(const struct scene_pose *pose, struct scene_place *out);

/* 0, -EDOM (not finite), -ERANGE (further than SCENE_MAX_METRES), -EINVAL (|q| not near 1). t NULL
 * keeps out->t. The quaternion is normalised. */
int scene_pose_set(struct scene_pose *out, const double t[3], const double r[4])
	__attribute__((warn_unused_result));

struct scene;

#define SCENE_WORDS (SCENE_MAX_NODES / 64)
struct scene_view {
	uint64_t sent_rev;
	uint64_t journal; /* entries it has been told */
	uint64_t dirty[SCENE_WORDS];
	uint64_t hold[SCENE_WORDS]; /* nodes whose pose is not told now; of the owner */
	bool whole; /* next: the whole document */
	int own; /* node held back unless asked for; -1 none */
	struct ar_buf backlog; /* pieces of a whole document: 4 bytes length, text */
	size_t backlog_pos;
};

struct scene_stats {
	uint64_t rev;
	unsigned nodes, gone, views; /* gone: tombstones among the nodes */
};

/* From a document's text. -EINVAL with the reason in why, -E2BIG, -ENOMEM. */
int scene_load(struct scene **sp, struct ar_span text, struct ar_buf *why)
	__attribute__((warn_unused_result));
int scene_clone(struct scene **sp, const struct scene *from) __attribute__((warn_unused_result));
void scene_free(struct scene *s);
/* The whole document at the present revision. */
int scene_write(struct scene *s, struct ar_buf *out) __attribute__((warn_unused_result));
void scene_get_stats(const struct scene *s, struct scene_stats *out);

/* Index of the node with that name (not a tombstone), -1 none. */
int scene_find(const struct scene *s, struct ar_span name);
/* Read-only members of a node besides its pose; NULL for no such node. */
const json_t *scene_node(const struct scene *s, unsigned node);
const struct scene_pose *scene_node_pose(const struct scene *s, unsigned node);
const json_t *scene_doc(const struct scene *s);
/* Counts changes that can be seen: all but poses and what lies under extras. */
uint64_t scene_looks(const struct scene *s);

/* The hot path. -ENOENT, -EPERM (the node has a matrix), else 0. */
int scene_set_pose(struct scene *s, unsigned node, const struct scene_pose *pose);
/* Appends a node (stolen) under the scene's root. Indices never shift; at SCENE_MAX_NODES the
 * tombstone that has lain longest gets it, of those that were added. -ENOSPC without one. */
int scene_add_node(struct scene *s, json_t *node, unsigned *index)
	__attribute__((warn_unused_result));
/* Appends to a top-level list such as "materials" (item stolen). */
int scene_append(struct scene *s, const char *list, json_t *item, unsigned *index)
	__attribute__((warn_unused_result));
/* Shows or hides a node at the root of the scene. */
int scene_attach(struct scene *s, unsigned node, bool on) __attribute__((warn_unused_result));
/* Detaches it for good and leaves a tombstone. */
int scene_remove(struct scene *s, unsigned node) __attribute__((warn_unused_result));
/* Sets one member (value stolen); the place above it must exist. Not for poses. */
int scene_set(struct scene *s, const char *pointer, json_t *value)
	__attribute__((warn_unused_result));

/* -ENOSPC at SCENE_MAX_VIEWS. A new view starts with the whole document. */
int scene_view_open(struct scene *s, struct scene_view *v) __attribute__((warn_unused_result));
void scene_view_close(struct scene *s, struct scene_view *v);
/* The UE has lost track: the whole document next. */
void scene_view_reset(struct scene_view *v);
/* Is there something to send? with_own: its own pose and a mere change of revision count too. */
bool scene_view_pending(const struct scene *s, const struct scene_view *v, bool with_own);
/*
 * Makes the next message of at most max bytes. 1 when there is one, 0 when the view is up to date,
 * -EMSGSIZE when something does not fit the UE's limit at all, -ENOMEM.
 */
int scene_view_next(struct scene *s, struct scene_view *v, size_t max, bool with_own,
	struct ar_buf *out) __attribute__((warn_unused_result));
/* For a view that is told poses only: nodes that have moved since it was asked last, at most max.
 */
unsigned scene_view_moved(
	const struct scene *s, struct scene_view *v, unsigned *node, unsigned max);
/* A patch that only tests the revision sent last (keeps a lost last update from freezing). */
int scene_view_keepalive(const struct scene_view *v, struct ar_buf *out);

#endif
