/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON Patch (RFC 6902) and JSON Pointer (RFC 6901) on jansson. Pure, any thread. */
#ifndef JSON_PATCH_H
#define JSON_PATCH_H

#include <jansson.h>
#include <stddef.h>

#define JSON_PATCH_MAX_OPS 512
#define JSON_PATCH_MAX_TOKEN 512 /* bytes of one reference token */

struct json_patch_error {
	unsigned op; /* index into the patch */
	const char *why; /* static text */
	char path[128]; /* the op's path, cut to fit */
};

/*
 * Applies all of patch to *doc, or nothing. On success *doc is a new document and the old reference
 * is given up; on failure it is untouched. -EINVAL: malformed patch or no such place, -ECANCELED: a
 * `test` failed, -E2BIG, -ENOMEM.
 */
int json_patch_apply(json_t **doc, const json_t *patch, struct json_patch_error *err)
	__attribute__((warn_unused_result));

/* Borrowed; NULL when nothing is there or the pointer is malformed. "" is the whole document. */
json_t *json_pointer_get(json_t *doc, const char *pointer);

#endif
