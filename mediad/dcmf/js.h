/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In-place JSON reader for the pose path: no allocation, no tree, strict grammar (RFC 8259),
 * bounded nesting. UTF-8 inside strings is not looked at: strings are only compared. Pure, any
 * thread.
 */
#ifndef JS_H
#define JS_H

#include "common/ar_span.h"

#define JS_MAX_DEPTH 16

struct js {
	const char *p, *end;
	unsigned depth;
};

/* Next character that is no white space, '\0' at the end. */
char js_peek(struct js *j);
/* All return 0 or -1 on bad grammar. */
int js_string(struct js *j, struct ar_span *raw); /* without quotes, escapes as they are */
int js_number(struct js *j, double *v); /* may be infinite: 1e999 is good grammar */
int js_skip(struct js *j); /* any value */
/* Into an object or array; then js_member() / js_item() until 0. */
int js_enter(struct js *j, char open);
/* 1: a member's key, its value is next; 0: end of the object; -1. *first starts true. */
int js_member(struct js *j, bool *first, struct ar_span *key);
int js_item(struct js *j, bool *first);
/* Only white space is left. */
bool js_done(struct js *j);

#endif
