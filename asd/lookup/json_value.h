/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The value of a fact out of the body of an HTTP answer. Pure. */
#ifndef LOOKUP_JSON_VALUE_H
#define LOOKUP_JSON_VALUE_H

#include "common/ar_span.h"

#include <jansson.h>

/* RFC 6901; NULL: there is no such value. Borrowed from doc. */
json_t *json_value_at(json_t *doc, const char *pointer);
/* Without a pointer: the body without white space around it. With one: what it points at, a string
 * as it is, anything else as JSON. 0 with *text (malloc'd) and *n; -ENODATA (none, or null);
 * -EBADMSG (not JSON); -ENOMEM. */
int json_value_read(struct ar_span body, const char *pointer, char **text, size_t *n)
	__attribute__((warn_unused_result));

#endif
