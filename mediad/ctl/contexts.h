/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's list of all media contexts: which worker has it, who made it, until when its lease
 * runs. One thread: the parent's loop.
 */
#ifndef CONTEXTS_H
#define CONTEXTS_H

#include "mediad/dcmf/mrm.h"

struct mcontext {
	char id[MRM_MAX_ID + 1];
	char owner[MRM_MAX_TEXT + 1], call_id[MRM_MAX_TEXT + 1], call[MRM_MAX_TEXT + 1];
	char share[MRM_MAX_TEXT + 1]; /* "": none */
	unsigned worker;
	uint64_t lease_us, deadline;
	struct mcontext *next;
};

struct contexts;

int contexts_new(struct contexts **cp) __attribute__((warn_unused_result));
void contexts_free(struct contexts *c);
/* A copy of *m is kept. */
int contexts_add(struct contexts *c, const struct mcontext *m) __attribute__((warn_unused_result));
struct mcontext *contexts_find(struct contexts *c, const char *id);
void contexts_remove(struct contexts *c, const char *id);
unsigned contexts_count(const struct contexts *c);
/* Calls f for every one; f may remove the one it is given. */
void contexts_each(struct contexts *c, void (*f)(void *arg, struct mcontext *m), void *arg);

#endif
