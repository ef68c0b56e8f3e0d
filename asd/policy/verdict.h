/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads what a policy script returned into C structs, strictly: an unknown key, a wrong type, a
 * text that is too long or unsafe on the wire is an error that says which and why; nothing is
 * ignored or cut. Raw access only: no metamethod of the script runs.
 *
 * Called inside a run of the state.
 */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include "asd/policy/policy.h"

#include <lua.h>

struct verdict_text {
	char *why; /* for the reason */
	size_t cap;
	const char *what; /* whose table it is: "act.accept"; NULL: "verdict", "answer" */
	unsigned hidden; /* levels below it that are not the operator's, and not named */
};

/* The table at idx: action and what belongs to it. v is zeroed first. 0 or -EINVAL. */
int verdict_read(lua_State *L, int idx, struct policy_verdict *v, const struct verdict_text *t);
/* keep, process. Steps are appended to a. 0 or -EINVAL. */
int verdict_read_answer(
	lua_State *L, int idx, struct policy_answer *a, const struct verdict_text *t);
/* A flat table of strings, numbers and booleans. */
int verdict_read_record(lua_State *L, int idx, struct policy_record *r, char *why, size_t cap);

/* RFC 3629: no surrogates, nothing overlong. */
bool policy_is_utf8(struct ar_span s);

#endif
