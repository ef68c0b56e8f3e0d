/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scenes there are: every *.gltf and *.glb of one folder, checked and parsed once by the parent
 * before it forks; a scene's name is its file's without the ending. Read-only afterwards.
 *
 * Checked is the document (scene_load()) and, as the ARMF will, all that hangs from it: buffers,
 * accessors, indices, animations, the files beside it, images by their headers
 * (mediad/armf/gltf/model.h). Mistakes are refused. What is right but more than the ARMF can draw
 * is a note: UEs that render themselves can have it.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "mediad/scene/scene.h"

#define LIBRARY_MAX 64
#define LIBRARY_MAX_NAME 64
#define LIBRARY_MAX_FILES 128 /* beside one scene */
#define LIBRARY_MAX_NOTES 16384 /* bytes; later ones are left out */

struct library;

/* -EINVAL with "file: reason" in why when a scene is not usable or the folder cannot be read. */
int library_load(struct library **lp, const char *folder, struct ar_buf *why)
	__attribute__((warn_unused_result));
/* Adds one from text; for tests and folders of other kinds. -EEXIST, -ENOSPC, or scene_load()'s. */
int library_add(struct library **lp, const char *name, struct ar_span text, struct ar_buf *why)
	__attribute__((warn_unused_result));
void library_free(struct library *l);
const struct scene *library_find(const struct library *l, struct ar_span name);
/* Lines for the log about scenes that only some can draw; n 0: none. */
struct ar_span library_notes(const struct library *l);
/* "default, whiteboard", cut to fit. Returns buf. */
const char *library_names(const struct library *l, char *buf, size_t cap);

#endif
