/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text with places for what a call says: "/subscribers/{caller.user}". What is filled in comes from
 * strangers, so it is escaped for where it stands. Pure.
 */
#ifndef LOOKUP_TEMPLATE_H
#define LOOKUP_TEMPLATE_H

#include "asd/lookup/lookup.h"

#define TEMPLATE_MAX_PARTS 24
#define TEMPLATE_MAX_VALUE 256 /* bytes of one place, before escaping */

enum template_escape {
	TEMPLATE_URL, /* all but RFC 3986's unreserved characters become %XX */
	TEMPLATE_RAW, /* as it is: for protocols that count bytes */
};

struct template
{
	unsigned n;
	struct {
		struct ar_span text; /* into the source; absent: a place */
		unsigned field;
	} part[TEMPLATE_MAX_PARTS];
};

/* text is borrowed as long as t is used. -EINVAL with why. */
int template_parse(struct template *t, struct ar_span text, char *why, size_t cap)
	__attribute__((warn_unused_result));
/* Has it any place? */
bool template_varies(const struct template *t);
/* Appends to out. -ENODATA: the call does not have what a place asks for; -EINVAL: what it has
 * cannot stand there; -ENOBUFS, -ENOMEM. */
int template_fill(const struct template *t, const struct lookup_query *q, enum template_escape e,
	struct ar_buf *out) __attribute__((warn_unused_result));

#endif
