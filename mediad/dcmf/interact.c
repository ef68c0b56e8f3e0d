/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/interact.h"

#include "common/daemon/ar_clock.h"
#include "mediad/ctl/json_patch.h"
#include "mediad/dcmf/app_internal.h"
#include "mediad/scene/interact.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CLAIMS 256 /* things that behaviors of one turn may act upon */

struct pending {
	uint64_t due;
	uint8_t action, behavior;
};

struct interact_run {
	struct app *app;
	struct interact *in;
	uint64_t on, pulse; /* triggers that are true; that are for this evaluation only */
	uint64_t held, once; /* behaviors whose combination held last time; that had their once */
	uint64_t seen_rev, next;
	unsigned npending;
	struct pending pending[INTERACT_PENDING];
	struct interact_stats stats;
};

int interact_open(struct interact_run **out, struct app *a)
{
	struct interact_run *r;
	struct interact *in;
	struct ar_buf why;
	int err;

	*out = NULL;
	ar_buf_init(&why, 512);
	err = interact_read(&in, scene_doc(a->scene), &why);
	ar_buf_free(&why);
	if (err || !in)
		return err;
	r = calloc(1, sizeof(*r));
	if (!r) {
		free(in);
		return -ENOMEM;
	}
	r->app = a;
	r->in = in;
	*out = r;
	return 0;
}

void interact_close(struct interact_run *r)
{
	if (r)
		free(r->in);
	free(r);
}

const struct interact_stats *interact_get_stats(const struct interact_run *r)
{
	return &r->stats;
}

/* ---- triggers ---- */

static bool meets(
	const struct interact_trigger *t, const struct scene_place *from, const float *node)
{
	float to[3], d = 0, along = 0;

	for (int i = 0; i < 3; i++) {
		to[i] = node[i] - from->at[i];
		d += to[i] * to[i];
		along += to[i] * from->ahead[i];
	}
	d = sqrtf(d);
	if (t->type == INTERACT_PROXIMITY)
		return d >= t->lower && d <= t->upper;
	return along >= t->cosine * d;
}

/* Is any of its nodes in reach, or in sight, of that place? */
static bool any_meets(const struct interact_run *r, const struct interact_trigger *t,
	const struct scene_place *from)
{
	const struct scene *s = r->app->scene;

	for (unsigned i = 0; i < t->nnode; i++) {
		float at[3];
		const struct scene_pose *pose = scene_node_pose(s, t->node[i]);

		if (!scene_node(s, t->node[i]))
			continue; /* somebody removed it */
		for (int k = 0; k < 3; k++)
			at[k] = (float)pose->t[k] / SCENE_T_UNIT;
		if (meets(t, from, at))
			return true;
	}
	return false;
}

static bool is_on(const struct interact_run *r, const struct interact_trigger *t)
{
	const struct app *a = r->app;
	struct scene_place from;

	if (t->reference >= 0) {
		scene_place_of(scene_node_pose(a->scene, (unsigned)t->reference), &from);
		return any_meets(r, t, &from);
	}
	for (unsigned i = 0; i < a->n; i++) {
		if (!a->p[i]->joined || a->p[i]->node < 0)
			continue;
		scene_place_of(scene_node_pose(a->scene, (unsigned)a->p[i]->node), &from);
		if (any_meets(r, t, &from))
			return true;
	}
	return false;
}

static void look(struct interact_run *r)
{
	r->on = 0;
	for (unsigned i = 0; i < r->in->ntrigger; i++) {
		const struct interact_trigger *t = &r->in->trigger[i];

		if (t->type != INTERACT_PROXIMITY && t->type != INTERACT_VISIBILITY)
			continue;
		if (is_on(r, t))
			r->on |= 1ull << i;
	}
}

/* ---- actions ---- */

/* Nothing is sent for what is so already. */
static bool set(struct interact_run *r, const char *path, json_t *value)
{
	const json_t *now = json_pointer_get((json_t *)(uintptr_t)scene_doc(r->app->scene), path);

	if (value && now && json_equal(now, value)) {
		json_decref(value);
		return false;
	}
	return scene_set(r->app->scene, path, value) == 0;
}

static bool set_material(struct interact_run *r, const struct interact_action *a)
{
	const json_t *doc = scene_doc(r->app->scene);
	char path[96];
	bool any = false;

	for (unsigned i = 0; i < a->nnode; i++) {
		const json_t *mesh = json_object_get(scene_node(r->app->scene, a->node[i]), "mesh");
		size_t m = (size_t)json_integer_value(mesh);
		size_t n = json_array_size(json_object_get(
			json_array_get(json_object_get(doc, "meshes"), m), "primitives"));

		for (size_t k = 0; mesh && k < n; k++) {
			snprintf(path, sizeof(path), "/meshes/%zu/primitives/%zu/material", m, k);
			any |= set(r, path, json_integer(a->index));
		}
	}
	return any;
}

/* What somebody holds stays in the hand. */
static bool is_held(const struct scene *s, unsigned node)
{
	const json_t *extras = json_object_get(scene_node(s, node), "extras");

	return json_is_string(json_object_get(extras, "heldBy"));
}

static bool move(struct interact_run *r, const struct interact_action *a)
{
	struct scene *s = r->app->scene;
	bool any = false;

	for (unsigned i = 0; i < a->nnode; i++)
		any |= !is_held(s, a->node[i]) && scene_set_pose(s, a->node[i], &a->pose) == 0;
	return any;
}

static bool activate(struct interact_run *r, const struct interact_action *a)
{
	bool any = false;

	for (unsigned i = 0; i < a->nnode; i++)
		any |= scene_attach(r->app->scene, a->node[i], a->enable) == 0;
	return any;
}

/* extras of the animation or medium: what it does now, for UEs that come later too. */
static bool control(struct interact_run *r, const char *list, const struct interact_action *a)
{
	static const char *const names[] = {"play", "pause", "stop", "resume"};
	bool runs = a->control == INTERACT_PLAY || a->control == INTERACT_RESUME;
	const json_t *doc = scene_doc(r->app->scene), *extras;
	char path[96];

	snprintf(path, sizeof(path), "%s/%u/extras", list, a->index);
	extras = json_pointer_get((json_t *)(uintptr_t)doc, path);
	/* what runs is not begun anew: several come near, one after the other */
	if (extras && json_is_true(json_object_get(extras, "playing")) == runs &&
		(runs || a->control != INTERACT_STOP))
		return false;
	return set(r, path, json_pack("{s:b, s:s}", "playing", runs, "control", names[a->control]));
}

static void run_action(struct interact_run *r, unsigned index)
{
	const struct interact_action *a = &r->in->action[index];
	bool did = false;

	switch (a->type) {
	case INTERACT_ACTIVATE:
		did = activate(r, a);
		break;
	case INTERACT_TRANSFORM:
		did = move(r, a);
		break;
	case INTERACT_ANIMATION:
		did = control(r, "/animations", a);
		break;
	case INTERACT_MEDIA:
		did = control(r, "/extensions/MPEG_media/media", a);
		break;
	case INTERACT_SET_MATERIAL:
		did = set_material(r, a);
		break;
	case INTERACT_BLOCK:
	case INTERACT_MANIPULATE:
	case INTERACT_HAPTIC:
		break; /* the UE's own */
	}
	r->stats.actions += did;
}

/* ---- behaviors ---- */

static bool goes_on(const struct interact_run *r, unsigned behavior)
{
	for (unsigned i = 0; i < r->npending; i++) {
		if (r->pending[i].behavior == behavior)
			return true;
	}
	return false;
}

static void later(struct interact_run *r, unsigned behavior, unsigned action, uint64_t due)
{
	if (r->npending == INTERACT_PENDING) {
		r->stats.dropped++;
		return;
	}
	r->pending[r->npending++] = (struct pending){due, (uint8_t)action, (uint8_t)behavior};
}

static void begin(struct interact_run *r, unsigned behavior, uint64_t now)
{
	const struct interact_behavior *b = &r->in->behavior[behavior];
	uint64_t due = now;

	r->stats.fired++;
	for (unsigned i = 0; i < b->naction; i++) {
		uint64_t delay = r->in->action[b->action[i]].delay;

		due = b->sequential ? due + delay : now + delay;
		if (due > now)
			later(r, behavior, b->action[i], due);
		else
			run_action(r, b->action[i]);
	}
}

struct claims {
	unsigned n;
	uint32_t thing[CLAIMS];
};

static bool claimed(const struct claims *c, uint32_t thing)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->thing[i] == thing)
			return true;
	}
	return false;
}

/* Everything the behavior acts upon: nodes, animations, media. */
static unsigned things_of(
	const struct interact *in, const struct interact_behavior *b, uint32_t *thing, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->naction; i++) {
		const struct interact_action *a = &in->action[b->action[i]];

		for (unsigned k = 0; k < a->nnode && n < max; k++)
			thing[n++] = a->node[k];
		if (a->type == INTERACT_ANIMATION && n < max)
			thing[n++] = 1u << 16 | a->index;
		if (a->type == INTERACT_MEDIA && n < max)
			thing[n++] = 2u << 16 | a->index;
	}
	return n;
}

/* Of several behaviors for one thing the one of the highest priority acts. */
static bool claim(const struct interact *in, const struct interact_behavior *b, struct claims *c)
{
	uint32_t thing[CLAIMS];
	unsigned n = things_of(in, b, thing, CLAIMS);

	for (unsigned i = 0; i < n; i++) {
		if (claimed(c, thing[i]))
			return false;
	}
	for (unsigned i = 0; i < n && c->n < CLAIMS; i++)
		c->thing[c->n++] = thing[i];
	return true;
}

/* Does it act now? */
static bool fires(struct interact_run *r, unsigned i, bool holds)
{
	static const struct {
		bool edge, exit, once;
	} how[] = {{true, false, true}, {true, false, false}, {false, false, false},
		{true, true, true}, {true, true, false}, {false, true, false}};
	enum interact_activation act = r->in->behavior[i].activation;
	uint64_t bit = 1ull << i;
	bool before = r->held & bit, now = how[act].exit ? !holds : holds;

	if (!now || (how[act].edge && before == holds) || (how[act].once && r->once & bit))
		return false;
	r->once |= bit;
	return true;
}

static void evaluate(struct interact_run *r, uint64_t now)
{
	struct claims c = {.n = 0};
	uint64_t on = r->on | r->pulse, held = 0, fired = 0;

	for (unsigned i = 0; i < r->in->nbehavior; i++) {
		bool holds = interact_holds(&r->in->behavior[i], on);

		held |= (uint64_t)holds << i;
		if (fires(r, i, holds) && !goes_on(r, i))
			fired |= 1ull << i;
	}
	r->held = held;
	while (fired) {
		unsigned best = (unsigned)__builtin_ctzll(fired);

		for (uint64_t bits = fired; bits; bits &= bits - 1) {
			unsigned i = (unsigned)__builtin_ctzll(bits);

			if (r->in->behavior[i].priority > r->in->behavior[best].priority)
				best = i;
		}
		fired &= ~(1ull << best);
		if (claim(r->in, &r->in->behavior[best], &c))
			begin(r, best, now);
	}
}

/* ---- from outside ---- */

static bool is_target(
	const struct interact_run *r, const struct interact_trigger *t, const json_t *target)
{
	int node = -1;

	if (t->nnode == 0)
		return true;
	if (json_is_integer(target) && json_integer_value(target) >= 0 &&
		json_integer_value(target) < SCENE_MAX_NODES)
		node = (int)json_integer_value(target);
	else if (json_is_string(target))
		node = scene_find(r->app->scene,
			(struct ar_span){json_string_value(target), json_string_length(target)});
	for (unsigned i = 0; node >= 0 && i < t->nnode; i++) {
		if (t->node[i] == node && scene_node(r->app->scene, (unsigned)node))
			return true;
	}
	return false;
}

/* The action's name, or for `input` what it says, is the description. */
uint64_t interact_match(const struct interact_run *r, const struct app_action *act)
{
	const char *input = json_string_value(json_object_get(act->body, "input"));
	const json_t *target = json_object_get(act->body, "target");
	struct ar_span what = act->name;
	uint64_t bits = 0;

	if (!r)
		return 0;
	if (ar_span_eq(what, AR_SPAN("input")) && input)
		what = ar_span_str(input);
	for (unsigned i = 0; i < r->in->ntrigger; i++) {
		const struct interact_trigger *t = &r->in->trigger[i];

		if (t->type == INTERACT_USER_INPUT && ar_span_eq(what, ar_span_str(t->input)) &&
			is_target(r, t, target))
			bits |= 1ull << i;
	}
	return bits;
}

void interact_input(struct interact_run *r, uint64_t bits, uint64_t now)
{
	if (!r || !bits)
		return;
	r->pulse = bits;
	evaluate(r, now);
	r->pulse = 0;
	evaluate(r, now);
}

/* Actions whose delay is over, in order of their time. */
static uint64_t run_pending(struct interact_run *r, uint64_t now)
{
	for (;;) {
		unsigned first = 0;
		struct pending p;

		for (unsigned i = 1; i < r->npending; i++) {
			if (r->pending[i].due < r->pending[first].due)
				first = i;
		}
		if (!r->npending)
			return AR_NEVER;
		p = r->pending[first];
		if (p.due > now)
			return p.due;
		r->npending--;
		memmove(&r->pending[first], &r->pending[first + 1],
			(r->npending - first) * sizeof(p));
		run_action(r, p.action);
	}
}

uint64_t interact_due(struct interact_run *r, uint64_t now)
{
	struct scene_stats s;
	uint64_t due;

	if (!r)
		return AR_NEVER;
	due = run_pending(r, now);
	scene_get_stats(r->app->scene, &s);
	if (s.rev == r->seen_rev)
		return due;
	if (now < r->next)
		return r->next < due ? r->next : due;
	r->seen_rev = s.rev;
	r->next = now + INTERACT_STEP;
	look(r);
	evaluate(r, now);
	due = run_pending(r, now);
	scene_get_stats(r->app->scene, &s);
	return s.rev != r->seen_rev && r->next < due ? r->next : due;
}
