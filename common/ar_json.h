/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jansson's documents read and written for the paths that every call takes: what the two protocols
 * consist of is done here, in a third of the instructions; the first thing out of the ordinary (\u,
 * an exponent, a member twice, an error) gives the whole text to jansson, whose verdict and words
 * hold. So neither accepts or writes anything that jansson would not.
 *
 * Any thread. New references and malloc's memory, the caller's.
 */
#ifndef AR_JSON_H
#define AR_JSON_H

#include "common/ar_buf.h"

#include <jansson.h>

/* As json_loadb(); flags: 0 or JSON_REJECT_DUPLICATES. A text without bytes is an error. */
json_t *ar_json_load(struct ar_span text, size_t flags, json_error_t *err);
/* As json_dumps(j, JSON_COMPACT); NULL: no object or array, or no memory. */
char *ar_json_text(const json_t *j);
/* As json_dump_callback(): flags are JSON_COMPACT and a JSON_REAL_PRECISION. Added to b, or
 * -ENOBUFS, -ENOMEM, -EINVAL: no object or array, or nested deeper than jansson takes. */
int ar_json_write(struct ar_buf *b, const json_t *j, size_t flags)
	__attribute__((warn_unused_result));

#endif
