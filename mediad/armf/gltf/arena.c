/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a model: pieces that are freed together, counted against one limit. */
#include "mediad/armf/gltf/load_internal.h"

#define CHUNK (64u * 1024)

struct model_chunk {
	struct model_chunk *next;
	size_t n, cap;
	max_align_t data[];
};

static struct model_chunk *new_chunk(size_t need)
{
	size_t cap = need > CHUNK / 4 ? need : CHUNK;
	struct model_chunk *c = calloc(1, sizeof(*c) + cap);

	if (c)
		c->cap = cap;
	return c;
}

int load_charge(struct load *l, const struct at *at, size_t n)
{
	size_t *used = &l->m->view.stats.memory;

	if (n > l->lim->memory - *used)
		return load_bad(l, at, -E2BIG, "the model needs more than %zu bytes of memory",
			l->lim->memory);
	*used += n;
	return 0;
}

/* Large pieces get a chunk of their own, put behind the first so that small ones still fit there.
 */
static struct model_chunk *room(struct model *m, size_t need)
{
	struct model_chunk *c = m->chunks;

	if (c && c->cap - c->n >= need)
		return c;
	c = new_chunk(need);
	if (!c)
		return NULL;
	if (m->chunks && c->cap == need) {
		c->next = m->chunks->next;
		m->chunks->next = c;
	} else {
		c->next = m->chunks;
		m->chunks = c;
	}
	return c;
}

void *load_take(struct load *l, const struct at *at, size_t n, size_t size, int *err)
{
	struct model_chunk *c;
	void *p;

	if (*err)
		return NULL;
	if (n > SIZE_MAX / 2 / size)
		n = SIZE_MAX / 2 / size;
	n = (n * size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	*err = load_charge(l, at, n);
	if (*err)
		return NULL;
	c = room(l->m, n);
	if (!c) {
		*err = load_bad(l, at, -ENOMEM, "out of memory");
		return NULL;
	}
	p = (char *)c->data + c->n;
	c->n += n;
	return p;
}

void model_chunks_free(struct model_chunk *c)
{
	while (c) {
		struct model_chunk *next = c->next;

		free(c);
		c = next;
	}
}
