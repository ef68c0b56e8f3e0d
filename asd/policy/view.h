/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call as the script sees it: a table whose fields are made when they are first read, so that a
 * rule pays for what it looks at. A field that does not exist is an error, not nil; one that exists
 * and has no value (asserted, req_app, outcome) is nil. Once the run is over the table keeps what
 * was read and has nothing more.
 *
 * Called inside a run of the state.
 */
#ifndef POLICY_VIEW_H
#define POLICY_VIEW_H

#include "asd/policy/policy.h"

#include <lua.h>

/* Borrowed for one run. */
struct view {
	const struct policy_call *call;
	int outcome; /* enum ar_outcome, or -1 */
	const struct policy_verdict *verdict; /* answer and end, else NULL */
	const struct policy_end *end; /* end only, else NULL */
};

/* Builds the metatable; once per state, while it loads. */
void view_open(lua_State *L);
/* Pushes the table for host->view (asd/policy/host.h). */
void view_push(lua_State *L);

/* Names, in the order of the enums; NULL ends. */
extern const char *const view_caps[], *const view_reasons[], *const view_classes[];

#endif
