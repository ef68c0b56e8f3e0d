/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ar.host: what the Lua library gets from C. fail(text), seal(table), list(path), log(text),
 * share(text), cidr(text) and in_cidr(); check(kind, table) reads a piece of verdict as strictly
 * as the one of a decision will be, so that mistakes show when the policy loads.
 */
#ifndef POLICY_HOST_H
#define POLICY_HOST_H

#include "asd/policy/lists.h"

#include <lua.h>

struct view;

/* vm_user() of a policy's state. */
struct host {
	struct lists lists;
	const struct view *view; /* asd/policy/view.h; NULL outside a run */
};

/* Pushes the module. */
void host_open(lua_State *L);

#endif
