/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/sim.h"
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/vclock.h"

#include <stdio.h>
#include <stdlib.h>

struct flying {
	uint64_t at, order;
	struct peer_addr from, to;
	size_t n;
	char *data;
};

struct sim {
	struct sim_link link;
	uint64_t rng, order;
	struct sim_node *node[SIM_MAX_NODES];
	unsigned nnode;
	struct flying *heap;
	size_t n, cap;
	bool (*tap)(void *arg, const struct sim_node *from, struct ar_span d);
	void *tap_arg;
};

struct sim *sim_new(uint64_t seed, const struct sim_link *link)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->link = *link;
	s->rng = seed * 2 + 1;
	return s;
}

void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < s->nnode; i++)
		free(s->node[i]);
	for (size_t i = 0; i < s->n; i++)
		free(s->heap[i].data);
	free(s->heap);
	free(s);
}

struct sim_link *sim_link(struct sim *s)
{
	return &s->link;
}

void sim_on_datagram(struct sim *s,
	bool (*tap)(void *arg, const struct sim_node *from, struct ar_span d), void *arg)
{
	s->tap = tap;
	s->tap_arg = arg;
}

uint32_t sim_random(struct sim *s, uint32_t below)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return below ? (uint32_t)((s->rng >> 16) % below) : 0;
}

struct sim_node *sim_add(struct sim *s, const char *host, uint16_t port)
{
	struct sim_node *n = calloc(1, sizeof(*n));

	if (!n || s->nnode == SIM_MAX_NODES || peer_addr_parse(&n->addr, host, port) != 0)
		abort();
	return s->node[s->nnode++] = n;
}

void sim_remove(struct sim *s, struct sim_node *n)
{
	for (unsigned i = 0; i < s->nnode; i++) {
		if (s->node[i] == n) {
			s->node[i] = s->node[--s->nnode];
			free(n);
			return;
		}
	}
}

static bool before(const struct flying *a, const struct flying *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim *s, struct flying f)
{
	size_t i = s->n++;

	if (s->n > s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->heap = realloc(s->heap, s->cap * sizeof(f));
		if (!s->heap)
			abort();
	}
	for (; i && before(&f, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = f;
}

static struct flying pop(struct sim *s)
{
	struct flying top = s->heap[0], last = s->heap[--s->n];
	size_t i = 0;

	for (size_t kid; (kid = 2 * i + 1) < s->n; i = kid) {
		if (kid + 1 < s->n && before(&s->heap[kid + 1], &s->heap[kid]))
			kid++;
		if (!before(&s->heap[kid], &last))
			break;
		s->heap[i] = s->heap[kid];
	}
	s->heap[i] = last;
	return top;
}

static struct sim_node *node_at(struct sim *s, const struct peer_addr *a)
{
	for (unsigned i = 0; i < s->nnode; i++) {
		if (peer_addr_eq(&s->node[i]->addr, a))
			return s->node[i];
	}
	return NULL;
}

/* The line into a node: when what is sent now has come through it. False: its queue is full. */
static bool pass_down(struct sim *s, struct sim_node *to, size_t n, uint64_t *at)
{
	if (!to || !to->down_rate)
		return true;
	if (to->down_busy_until < *at)
		to->down_busy_until = *at;
	if (to->down_busy_until > *at + s->link.queue)
		return false;
	to->down_busy_until += (n + 28) * AR_SEC / to->down_rate;
	*at = to->down_busy_until;
	return true;
}

static void fly(struct sim *s, struct sim_node *from, struct ar_span d, const struct peer_addr *to)
{
	uint64_t now = vclock_now(), start = now;
	struct flying f = {.order = s->order++, .from = from->addr, .to = *to, .n = d.n};

	if (s->link.rate) {
		start = from->busy_until > now ? from->busy_until : now;
		if (start > now + s->link.queue) {
			from->lost++;
			return;
		}
		start += (d.n + 28) * AR_SEC / s->link.rate;
		from->busy_until = start;
	}
	if (!pass_down(s, node_at(s, to), d.n, &start)) {
		from->lost++;
		return;
	}
	f.at = start + s->link.delay + sim_random(s, (uint32_t)s->link.jitter);
	f.data = malloc(d.n ? d.n : 1); /* exact, so that a sanitizer sees an overread */
	if (!f.data)
		abort();
	memcpy(f.data, d.p, d.n);
	push(s, f);
}

void sim_send(struct sim *s, struct sim_node *from, struct ar_span d, const struct peer_addr *to)
{
	if (d.n > SIM_MTU) {
		fprintf(stderr, "sim: a datagram of %zu bytes\n", d.n);
		abort();
	}
	from->sent++;
	from->sent_bytes += d.n;
	if (s->tap && !s->tap(s->tap_arg, from, d))
		return;
	if (from->deaf || sim_random(s, 100) < s->link.loss) {
		from->lost++;
		return;
	}
	fly(s, from, d, to);
	if (sim_random(s, 100) < s->link.dup)
		fly(s, from, d, to);
}

static void arrive(struct sim *s)
{
	struct flying f = pop(s);

	for (unsigned i = 0; i < s->nnode; i++) {
		struct sim_node *n = s->node[i];

		if (!n->deaf && n->input && peer_addr_eq(&n->addr, &f.to)) {
			n->input(n->arg, (struct ar_span){f.data, f.n}, &f.from, vclock_now());
			break;
		}
	}
	free(f.data);
}

static uint64_t next_timer(struct sim *s)
{
	uint64_t at = AR_NEVER;

	for (unsigned i = 0; i < s->nnode; i++) {
		uint64_t t = s->node[i]->next_timeout ? s->node[i]->next_timeout(s->node[i]->arg)
						      : AR_NEVER;

		if (t < at)
			at = t;
	}
	return at;
}

static void fire(struct sim *s)
{
	for (unsigned i = 0; i < s->nnode; i++) {
		struct sim_node *n = s->node[i];

		if (n->next_timeout && n->next_timeout(n->arg) <= vclock_now())
			n->on_timer(n->arg, vclock_now());
	}
}

bool sim_run(struct sim *s, uint64_t for_us, bool (*done)(void *arg), void *arg)
{
	uint64_t end = vclock_now() + for_us;
	unsigned stuck = 0;

	while (!done || !done(arg)) {
		uint64_t timer = next_timer(s), now = vclock_now();
		uint64_t at = s->n && s->heap[0].at < timer ? s->heap[0].at : timer;

		if (at > end) {
			vclock_set(end);
			return false;
		}
		stuck = at <= now && (!s->n || s->heap[0].at > now) ? stuck + 1 : 0;
		if (stuck > 10000) {
			fprintf(stderr, "sim: a timer that never moves on\n");
			abort();
		}
		vclock_set(at);
		if (s->n && s->heap[0].at <= vclock_now())
			arrive(s);
		else
			fire(s);
	}
	return true;
}
