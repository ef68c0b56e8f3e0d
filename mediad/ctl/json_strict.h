/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON from outside: RFC 8259, UTF-8, no doubled members, a limit of nesting, and an error that
 * says where. Pure, any thread.
 */
#ifndef JSON_STRICT_H
#define JSON_STRICT_H

#include "common/ar_span.h"

#include <jansson.h>

#define JSON_STRICT_DEPTH 16 /* docs/mrm.md */

struct json_strict_error {
	char why[160]; /* "line 3: invalid token near '}'" */
};

/* New reference, or NULL with *err filled in. Nesting is checked before anything is built. */
json_t *json_strict_load(struct ar_span text, unsigned depth, struct json_strict_error *err);

/* Equality as RFC 6902 4.6 wants it: numbers by value, whatever their spelling. */
bool json_strict_same(const json_t *a, const json_t *b);

/* What many small patches made: not nested deeper, and about so many bytes at most. */
bool json_strict_fits(const json_t *j, unsigned depth, size_t bytes);

#endif
