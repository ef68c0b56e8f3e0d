/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls in the store: one JSON text per call, written at the end of the turn in which it changed,
 * so that what the front acknowledges is on disk before.
 */
#ifndef CALL_STORE_H
#define CALL_STORE_H

#include "asd/call/call.h"

struct asd;

/* New reference; NULL: no memory. */
json_t *call_to_json(const struct asd *a, const struct call *c);
/* Adds the call to the table. -EBADMSG with *why static text, -EEXIST, -ENOSPC, -ENOMEM. */
int call_from_json(struct asd *a, const json_t *j, const char **why)
	__attribute__((warn_unused_result));

/* Reads all calls back at start; those that make no sense are dropped with a line. */
int call_store_load(struct asd *a) __attribute__((warn_unused_result));
/* Writes what call_changed() and call_changed_now() marked, urgent: the latter only; and commits.
 */
void call_store_flush(struct asd *a, bool urgent);
/* After a failed write, once a second: everything anew, in one transaction. */
void call_store_retry(struct asd *a);
void call_store_forget(struct asd *a, const struct call *c);

#endif
