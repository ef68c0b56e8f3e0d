/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan on the wire (docs/front.md, member "plan") and in asd's store. */
#ifndef AR_PLAN_JSON_H
#define AR_PLAN_JSON_H

#include "common/plan.h"

#include <jansson.h>

/* New reference, or NULL without memory or when a text is not UTF-8. */
json_t *ar_plan_to_json(const struct ar_plan *p);
/* Spans of *p borrow from j, which must outlive it (clone to keep). Checked with ar_plan_check().
 * -EBADMSG with *why (static text). Unknown members are ignored. */
int ar_plan_from_json(struct ar_plan *p, struct ar_plan_room *room, const json_t *j,
	const char **why) __attribute__((warn_unused_result));

#endif
