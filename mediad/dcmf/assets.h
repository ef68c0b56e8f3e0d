/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder served on the bootstrap channels, read into memory once at start, so that serving does
 * no file I/O on the worker's loop. Owned by the dcmf; read-only afterwards.
 */
#ifndef ASSETS_H
#define ASSETS_H

#include "common/ar_span.h"

#include <stdbool.h>
#include <stdint.h>

#define ASSETS_MAX_FILES 256
#define ASSETS_MAX_FILE (64 * 1024 * 1024)
#define ASSETS_MAX_TOTAL (256 * 1024 * 1024)
#define ASSETS_MAX_NAME 128
#define ASSETS_MAX_DEPTH 4

struct asset {
	char name[ASSETS_MAX_NAME]; /* relative to the folder, "index.html" */
	const char *content_type;
	char etag[20]; /* with quotes; of the content */
	bool scene; /* of a scene: only calls whose scene names it may have it */
	struct ar_span data;
};

struct assets;

/* Files over a limit, hidden ones and links are left out with a log line. A folder that cannot be
 * read gives an empty set. -ENOMEM. */
int assets_load(struct assets **ap, const char *folder) __attribute__((warn_unused_result));
/* The files of the scenes' folder too, as "scenes/NAME". */
void assets_add_scenes(struct assets *a, const char *folder);
void assets_free(struct assets *a);
/* A tag of the content, with quotes. */
void assets_etag(struct ar_span data, char *out, size_t cap);
const struct asset *assets_find(const struct assets *a, struct ar_span name);
/* Walks: i from 0; NULL at the end. */
const struct asset *assets_at(const struct assets *a, unsigned i);

#endif
