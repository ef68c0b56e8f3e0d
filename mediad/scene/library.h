/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scenes there are: every *.gltf of one folder, checked and parsed once by the parent before it
 * forks; a scene's name is its file's without the ending. Read-only afterwards.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "mediad/scene/scene.h"

#define LIBRARY_MAX 64
#define LIBRARY_MAX_NAME 64

struct library;

/* -EINVAL with "file: reason" in why when a scene is not usable or the folder cannot be read. */
int library_load(struct library **lp, const char *folder, struct ar_buf *why)
	__attribute__((warn_unused_result));
/* Adds one from text; for tests and folders of other kinds. -EEXIST, -ENOSPC, or scene_load()'s. */
int library_add(struct library **lp, const char *name, struct ar_span text, struct ar_buf *why)
	__attribute__((warn_unused_result));
void library_free(struct library *l);
const struct scene *library_find(const struct library *l, struct ar_span name);
/* "default, whiteboard", cut to fit. Returns buf. */
const char *library_names(const struct library *l, char *buf, size_t cap);

#endif
