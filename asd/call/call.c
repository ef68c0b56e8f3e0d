/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/call/call.h"
#include "common/ar_hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* ---- the table ---- */

uint64_t calls_hash(const struct calls *t, const void *p, size_t n)
{
	return ar_hash(t->key, p, n);
}

static struct call **bucket(const struct calls *t, enum call_index x, const char *key)
{
	return &t->bucket[x][calls_hash(t, key, strlen(key)) & (t->nbuckets - 1)];
}

static const char *key_of(const struct call *c, enum call_index x)
{
	switch (x) {
	case CALL_BY_TOKEN:
		return c->token;
	case CALL_BY_CALLID:
		return c->callid;
	case CALL_BY_CALLER:
		return c->caller;
	case CALL_BY_SHARE:
		return c->share[0] ? c->share : NULL;
	default:
		return c->ctx.id;
	}
}

static void link_call(struct calls *t, struct call *c, enum call_index x)
{
	struct call **b = bucket(t, x, key_of(c, x));

	c->chain[x] = *b;
	*b = c;
}

static void unlink_call(struct calls *t, struct call *c, enum call_index x)
{
	struct call **b;

	if (!key_of(c, x))
		return;
	b = bucket(t, x, key_of(c, x));
	while (*b && *b != c)
		b = &(*b)->chain[x];
	if (*b)
		*b = c->chain[x];
}

int calls_init(struct calls *t, unsigned max)
{
	*t = (struct calls){.nbuckets = 64};
	ar_ids_init(&t->ids, max);
	while (t->nbuckets < max && t->nbuckets < 65536)
		t->nbuckets *= 2;
	for (int i = 0; i < CALL_INDEXES; i++) {
		t->bucket[i] = calloc(t->nbuckets, sizeof(void *));
		if (!t->bucket[i]) {
			calls_free(t);
			return -ENOMEM;
		}
	}
	if (getrandom(t->key, sizeof(t->key), 0) != (ssize_t)sizeof(t->key)) {
		calls_free(t);
		return -EIO;
	}
	return 0;
}

static void free_exchange(struct exchange *x)
{
	json_decref(x->facts);
	json_decref(x->there);
	free(x->plan);
	free(x->sdp);
	free(x->asked);
	json_decref(x->headers);
	free(x->from_tag);
	free(x);
}

static void free_context(struct call_ctx *x)
{
	free(x->dcmf_name);
	free(x->instance);
	free(x->id);
	json_decref(x->doc);
	for (int i = 0; i < 2; i++) {
		json_decref(x->told[i]);
		json_decref(x->wanted[i]);
	}
}

static void free_call(struct call *c)
{
	for (unsigned i = 0; i < c->nex; i++)
		free_exchange(c->ex[i]);
	for (unsigned i = 0; i < c->nlegs; i++) {
		free(c->legs[i].tag);
		json_decref(c->legs[i].facts);
	}
	free_context(&c->ctx);
	json_decref(c->settled[0]);
	json_decref(c->settled[1]);
	free(c->map);
	free(c->callid);
	free(c->from_tag);
	free(c->to_tag);
	free(c->relay[0]);
	free(c->relay[1]);
	free(c->caller);
	free(c->callee);
	free(c->module);
	free(c->role);
	free(c->facts);
	free(c);
}

void calls_free(struct calls *t)
{
	struct call *c;

	for (uint32_t pos = 0; (c = ar_ids_next(&t->ids, &pos));)
		free_call(c);
	ar_ids_free(&t->ids);
	free(t->dirty);
	t->dirty = NULL;
	t->ndirty = t->dirty_cap = 0;
	for (int i = 0; i < CALL_INDEXES; i++) {
		free(t->bucket[i]);
		t->bucket[i] = NULL;
	}
}

int calls_add(struct calls *t, const char *token, const char *callid, const char *caller,
	struct call **cp)
{
	struct call *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return -ENOMEM;
	memcpy(c->token, token, CALL_TOKEN_LEN);
	c->ctx.dcmf = -1;
	c->callid = strdup(callid);
	c->caller = strdup(caller);
	if (c->callid && c->caller)
		err = ar_ids_add(&t->ids, c, &c->id);
	if (err) {
		free_call(c);
		return err;
	}
	link_call(t, c, CALL_BY_TOKEN);
	link_call(t, c, CALL_BY_CALLID);
	link_call(t, c, CALL_BY_CALLER);
	*cp = c;
	return 0;
}

void calls_remove(struct calls *t, struct call *c)
{
	for (unsigned i = 0; i < c->nex; i++)
		t->deciding -= c->ex[i]->state == EXCHANGE_DECIDING;
	for (int i = 0; i < CALL_INDEXES; i++)
		unlink_call(t, c, (enum call_index)i);
	ar_ids_remove(&t->ids, c->id);
	free_call(c);
}

struct call *calls_get(const struct calls *t, uint32_t id)
{
	return ar_ids_get(&t->ids, id);
}

static struct call *next_of(
	const struct calls *t, enum call_index x, const char *key, const struct call *prev)
{
	struct call *c = prev ? prev->chain[x] : *bucket(t, x, key);

	while (c && strcmp(key_of(c, x), key) != 0)
		c = c->chain[x];
	return c;
}

struct call *calls_find(const struct calls *t, const char *token)
{
	return next_of(t, CALL_BY_TOKEN, token, NULL);
}

struct call *calls_find_callid(const struct calls *t, const char *callid, const struct call *prev)
{
	return next_of(t, CALL_BY_CALLID, callid, prev);
}

struct call *calls_find_caller(const struct calls *t, const char *caller, const struct call *prev)
{
	return next_of(t, CALL_BY_CALLER, caller, prev);
}

struct call *calls_find_share(const struct calls *t, const char *share, const struct call *prev)
{
	return next_of(t, CALL_BY_SHARE, share, prev);
}

void calls_set_share(struct calls *t, struct call *c, const char *share)
{
	if (strcmp(c->share, share) == 0)
		return;
	unlink_call(t, c, CALL_BY_SHARE);
	snprintf(c->share, sizeof(c->share), "%s", share);
	if (c->share[0])
		link_call(t, c, CALL_BY_SHARE);
}

struct call *calls_find_context(const struct calls *t, int dcmf, const char *context_id)
{
	struct call *c = next_of(t, CALL_BY_CONTEXT, context_id, NULL);

	while (c && c->ctx.dcmf != dcmf)
		c = next_of(t, CALL_BY_CONTEXT, context_id, c);
	return c;
}

void calls_clear_context(struct calls *t, struct call *c)
{
	unlink_call(t, c, CALL_BY_CONTEXT);
	free(c->ctx.id);
	c->ctx.id = NULL;
}

int calls_set_context(struct calls *t, struct call *c, const char *context_id)
{
	char *copy = strdup(context_id);

	if (!copy)
		return -ENOMEM;
	calls_clear_context(t, c);
	c->ctx.id = copy;
	link_call(t, c, CALL_BY_CONTEXT);
	return 0;
}

int calls_mark_dirty(struct calls *t, const struct call *c)
{
	if (t->ndirty == t->dirty_cap) {
		unsigned cap = t->dirty_cap ? t->dirty_cap * 2 : 64;
		uint32_t *p = realloc(t->dirty, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->dirty = p;
		t->dirty_cap = cap;
	}
	t->dirty[t->ndirty++] = c->id;
	return 0;
}

/* ---- one call ---- */

bool call_token_ok(const char *s)
{
	return strlen(s) == CALL_TOKEN_LEN && strspn(s, "0123456789abcdef") == CALL_TOKEN_LEN;
}

int call_set(char **dst, const char *s)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		return -ENOMEM;
	free(*dst);
	*dst = copy;
	return 0;
}

void call_set_json(json_t **dst, json_t *j)
{
	json_incref(j);
	json_decref(*dst);
	*dst = j;
}

struct exchange *call_exchange(const struct call *c, const char *from_tag, uint32_t cseq)
{
	for (unsigned i = c->nex; i-- > 0;) {
		struct exchange *x = c->ex[i];

		if (x->cseq == cseq && (!from_tag || strcmp(x->from_tag, from_tag) == 0))
			return x;
	}
	return NULL;
}

void call_exchange_drop(struct call *c, struct exchange *x)
{
	for (unsigned i = 0; i < c->nex; i++) {
		if (c->ex[i] != x)
			continue;
		memmove(&c->ex[i], &c->ex[i + 1], (c->nex - i - 1) * sizeof(void *));
		c->nex--;
		free_exchange(x);
		return;
	}
}

/* The oldest that nobody waits for. */
static struct exchange *spare(const struct call *c)
{
	for (unsigned i = 0; i < c->nex; i++) {
		if (c->ex[i]->state == EXCHANGE_OPEN)
			return c->ex[i];
	}
	return NULL;
}

int call_exchange_new(struct call *c, struct exchange **xp)
{
	struct exchange *x;

	if (c->nex == CALL_MAX_EXCHANGES) {
		x = spare(c);
		if (!x)
			return -ENOSPC;
		call_exchange_drop(c, x);
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	c->ex[c->nex++] = x;
	*xp = x;
	return 0;
}

struct exchange *call_deciding(const struct call *c)
{
	for (unsigned i = 0; i < c->nex; i++) {
		if (c->ex[i]->state == EXCHANGE_DECIDING)
			return c->ex[i];
	}
	return NULL;
}

struct leg *call_leg(struct call *c, const char *tag, bool make)
{
	struct leg *l;

	for (unsigned i = 0; i < c->nlegs; i++) {
		if (strcmp(c->legs[i].tag, tag) == 0)
			return &c->legs[i];
	}
	if (!make || c->nlegs == CALL_MAX_LEGS)
		return NULL;
	l = &c->legs[c->nlegs];
	*l = (struct leg){.tag = strdup(tag)};
	if (!l->tag)
		return NULL;
	c->nlegs++;
	return l;
}

bool call_seen(struct call *c, uint64_t meaning)
{
	unsigned n = c->nseen < CALL_MAX_SEEN ? c->nseen : CALL_MAX_SEEN;

	for (unsigned i = 0; i < n; i++) {
		if (c->seen[i] == meaning)
			return true;
	}
	c->seen[c->nseen++ % CALL_MAX_SEEN] = meaning;
	return false;
}

const char *call_state_name(const struct call *c)
{
	if (c->state == CALL_UP)
		return "up";
	return call_deciding(c) ? "deciding" : "ringing";
}

const char *ctx_state_name(enum call_ctx_state s)
{
	static const char *const names[] = {"none", "reserving", "up", "lost"};

	return names[s];
}

const char *call_check(const struct call *c)
{
	if (c->state == CALL_UP && !c->map)
		return "answered without a map";
	if ((c->ctx.state == CTX_UP) != (c->ctx.id != NULL))
		return "context state and id disagree";
	if (c->ctx.state == CTX_UP && (!c->ctx.doc || !c->ctx.dcmf_name))
		return "context without its facts";
	for (unsigned i = 0; i < c->nex; i++) {
		const struct exchange *x = c->ex[i];

		if ((x->state == EXCHANGE_DECIDING) != (x->plan == NULL))
			return "exchange state and plan disagree";
		if (!x->from_tag)
			return "exchange without a tag";
	}
	return NULL;
}
