/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/contexts.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS 4096

struct contexts {
	unsigned n;
	struct mcontext *bucket[BUCKETS];
};

static struct mcontext **bucket_of(struct contexts *c, const char *id)
{
	uint32_t h = 2166136261u;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 16777619u;
	return &c->bucket[h % BUCKETS];
}

int contexts_new(struct contexts **cp)
{
	*cp = calloc(1, sizeof(**cp));
	return *cp ? 0 : -ENOMEM;
}

void contexts_free(struct contexts *c)
{
	for (unsigned i = 0; c && i < BUCKETS; i++) {
		while (c->bucket[i]) {
			struct mcontext *m = c->bucket[i];

			c->bucket[i] = m->next;
			free(m);
		}
	}
	free(c);
}

int contexts_add(struct contexts *c, const struct mcontext *m)
{
	struct mcontext **b = bucket_of(c, m->id), *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *m;
	copy->next = *b;
	*b = copy;
	c->n++;
	return 0;
}

struct mcontext *contexts_find(struct contexts *c, const char *id)
{
	struct mcontext *m = *bucket_of(c, id);

	while (m && strcmp(m->id, id) != 0)
		m = m->next;
	return m;
}

void contexts_remove(struct contexts *c, const char *id)
{
	struct mcontext **pp = bucket_of(c, id), *m;

	while (*pp && strcmp((*pp)->id, id) != 0)
		pp = &(*pp)->next;
	m = *pp;
	if (!m)
		return;
	*pp = m->next;
	free(m);
	c->n--;
}

unsigned contexts_count(const struct contexts *c)
{
	return c->n;
}

void contexts_each(struct contexts *c, void (*f)(void *arg, struct mcontext *m), void *arg)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct mcontext *m, *next;

		for (m = c->bucket[i]; m; m = next) {
			next = m->next;
			f(arg, m);
		}
	}
}
