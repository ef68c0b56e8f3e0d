/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads what a policy script returned into C structs, strictly: an unknown key, a wrong type, a
 * text that is too long or unsafe on the wire is an error that says which and why; nothing is
 * ignored or cut. Raw access only: no metamethod of the script runs.
 *
 * Called inside a run of the state. why: cap bytes for the reason.
 */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include "asd/policy/policy.h"

#include <lua.h>

/* The table at idx: action and what belongs to it. v is zeroed first. 0 or -EINVAL. */
int verdict_read(lua_State *L, int idx, struct policy_verdict *v, char *why, size_t cap);
/* keep, process, trace. Steps are appended to a. 0 or -EINVAL. */
int verdict_read_answer(lua_State *L, int idx, struct policy_answer *a, char *why, size_t cap);
/* A flat table of strings, numbers and booleans. */
int verdict_read_record(lua_State *L, int idx, struct policy_record *r, char *why, size_t cap);

/* RFC 3629: no surrogates, nothing overlong. */
bool policy_is_utf8(struct ar_span s);

#endif
