/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ar.host: what the Lua library gets from C. fail(text), seal(table), list(path, map), log(text),
 * share(text), cidr(text) and in_cidr(); check(kind, table) reads a piece of verdict as strictly
 * as the one of a decision will be, so that mistakes show when the policy loads.
 */
#ifndef POLICY_HOST_H
#define POLICY_HOST_H

#include "asd/policy/lists.h"
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"

#include <lua.h>

struct policy_conf;
struct view;

/* The texts a state was made from, so that it can be made again without the files. */
struct sources {
	unsigned n;
	struct {
		char *path, *text;
		size_t n;
	} file[SANDBOX_MAX_MODULES + 1];
};

/* Borrowed text of the file, read if it was not yet. 0 or as sandbox_read_file(). */
int sources_get(struct sources *s, const char *path, const char **text, size_t *n);
void sources_free(struct sources *s);

/* vm_user() of a policy's state. */
struct host {
	struct lists lists;
	struct sources sources;
	const struct policy_conf *conf;
	const struct view *view; /* asd/policy/view.h; NULL outside a run */
	const void *view_table; /* the table that shows it */
};

/* May the policy ask for that fact? */
bool host_knows_fact(const struct host *h, const char *name);
/* Raises the error that says which there are. */
int host_no_fact(lua_State *L, const struct host *h, const char *name);

/* For struct vm_conf, whose user is the host. */
extern const struct vm_module host_modules[];
int host_source(void *user, const char *path, const char **text, size_t *n);

#endif
