/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interest management: in a call of many, a UE is told of those near and before it at the full
 * rate, of the others less often. What is held back stays in the view's dirty set, so the newest
 * pose goes out when its time has come, and nothing is lost.
 */
#include "mediad/dcmf/app_internal.h"

#include "common/daemon/ar_clock.h"

#include <math.h>

#define NEAR_M 3.0f /* full rate up to here, then in proportion to the distance */
#define IN_VIEW 0.5f /* cosine of 60 degrees: half of a wide field of view, and some to turn */
#define SLOWEST (200 * AR_MS)
#define PHASES 8

/* 0: at the full rate. */
static uint64_t interval(const struct scene_place *me, const struct scene_place *other)
{
	float to[3], d = 0, along = 0;

	for (int i = 0; i < 3; i++) {
		to[i] = other->at[i] - me->at[i];
		d += to[i] * to[i];
		along += to[i] * me->ahead[i];
	}
	d = sqrtf(d);
	if (d > 0.3f && along < IN_VIEW * d) /* beside or behind */
		return SLOWEST;
	if (d <= NEAR_M)
		return 0;
	/* a step of the same size looks smaller from further away */
	return d >= 4 * NEAR_M ? SLOWEST : (uint64_t)((d / NEAR_M - 1) * (float)SLOWEST / 3);
}

/*
 * When the next pose of the i-th may go, about so much later: in a turn of its own, so that who has
 * everybody behind is told of some of them each time, and not of all five times a second.
 */
static uint64_t turn_of(unsigned i, uint64_t now, uint64_t later)
{
	uint64_t due;

	if (!later)
		return now;
	due = now - now % later + i % PHASES * later / PHASES;
	while (due < now + later / 4)
		due += later;
	return due;
}

static bool is_dirty(const struct scene_view *v, unsigned node)
{
	return v->dirty[node / 64] >> (node % 64) & 1;
}

void app_interest_begin(struct participant *p, uint64_t now)
{
	const struct app *a = p->app;
	struct scene_view *v = &p->view;

	memset(v->hold, 0, sizeof(v->hold));
	p->interest_mask = 0;
	if (!a->conf->interest_from || a->n < a->conf->interest_from)
		return;
	for (unsigned i = 0; i < a->n; i++) {
		const struct participant *o = a->p[i];

		if (o == p || o->node < 0 || !is_dirty(v, (unsigned)o->node))
			continue;
		if (p->interest[i].node != o->node)
			p->interest[i] = (struct app_interest){o->node, 0};
		if (now < p->interest[i].due)
			v->hold[o->node / 64] |= 1ull << (o->node % 64);
		else
			p->interest_mask |= 1ull << i;
	}
}

void app_interest_end(struct participant *p, uint64_t now)
{
	const struct app *a = p->app;
	struct scene_place me, other;

	if (!p->interest_mask || p->node < 0)
		return;
	scene_place_of(scene_node_pose(a->scene, (unsigned)p->node), &me);
	for (unsigned i = 0; i < a->n; i++) {
		const struct participant *o = a->p[i];

		if (!(p->interest_mask >> i & 1) || is_dirty(&p->view, (unsigned)o->node))
			continue;
		scene_place_of(scene_node_pose(a->scene, (unsigned)o->node), &other);
		p->interest[i].due = turn_of(i, now, interval(&me, &other));
	}
}

uint64_t app_interest_due(const struct participant *p)
{
	const struct app *a = p->app;
	uint64_t due = AR_NEVER;

	if (!a->conf->interest_from || a->n < a->conf->interest_from)
		return AR_NEVER;
	for (unsigned i = 0; i < a->n; i++) {
		const struct participant *o = a->p[i];

		if (o != p && o->node >= 0 && p->interest[i].node == o->node &&
			is_dirty(&p->view, (unsigned)o->node) && p->interest[i].due < due)
			due = p->interest[i].due;
	}
	return due;
}
