/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Models from files and from text, for the tests of mediad/armf/gltf. */
#ifndef GLTF_TEST_FILES_H
#define GLTF_TEST_FILES_H

#include "mediad/armf/gltf/stage.h"

#include <jansson.h>

#define ASSIMP "/usr/share/assimp/models/glTF2/"

struct folder { /* serves a document's own folder */
	char path[1024];
	struct ar_buf bytes[64];
	unsigned n;
};

/* Whole file, malloc'ed. False: cannot be read. */
bool file_read(const char *path, struct ar_buf *out);
/* Loads it with its neighbours; src may hold limits, prev, key. why is reset. */
int file_load(struct model **m, const char *path, struct model_source *src, struct ar_buf *why);
/* The same, checked only. */
int file_check(const char *path, struct model_stats *stats, struct ar_buf *why);
/* From text, with nothing beside it. */
int text_load(
	struct model **m, const char *text, const struct model_limits *limits, struct ar_buf *why);

/* full.gltf as JSON; the caller owns it. */
json_t *full_doc(void);
/* Loads a document that is JSON already. */
int json_load_model(struct model **m, json_t *doc, struct model_source *src, struct ar_buf *why);
/* Sets (value stolen; NULL removes) what a JSON Pointer names; "-" appends. False: no such place.
 */
bool json_put(json_t *doc, const char *pointer, json_t *value);

/* A C string, "" when there is nothing. */
const char *why_text(struct ar_buf *why);

#endif
