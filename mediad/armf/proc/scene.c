/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/proc/scene.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

struct pose {
	uint64_t at;
	float t[3], r[4];
};

struct track {
	unsigned node, has; /* has: as in struct link_pose, of all poses so far */
	unsigned first, n;
	bool full; /* older poses have been forgotten */
	struct pose pose[SCENE_HISTORY];
};

struct scene {
	uint32_t id;
	uint64_t epoch;
	pthread_mutex_t lock;
	unsigned refs;
	struct model *model;
	struct track *track[SCENE_TRACKS];
	unsigned ntrack;
	uint64_t dropped;
};

struct scene *scene_new(uint32_t id, uint64_t epoch)
{
	struct scene *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = id;
	s->epoch = epoch;
	s->refs = 1;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

struct scene *scene_ref(struct scene *s)
{
	pthread_mutex_lock(&s->lock);
	s->refs++;
	pthread_mutex_unlock(&s->lock);
	return s;
}

void scene_unref(struct scene *s)
{
	unsigned left;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	left = --s->refs;
	pthread_mutex_unlock(&s->lock);
	if (left)
		return;
	for (unsigned i = 0; i < s->ntrack; i++)
		free(s->track[i]);
	model_unref(s->model);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

uint32_t scene_id(const struct scene *s)
{
	return s->id;
}

uint64_t scene_dropped(struct scene *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->lock);
	n = s->dropped;
	pthread_mutex_unlock(&s->lock);
	return n;
}

/* ---- history ---- */

static struct pose *pose_at(struct track *k, unsigned i)
{
	return &k->pose[(k->first + i) % SCENE_HISTORY];
}

/* One that is older than the newest comes too late to matter. */
static void add_pose(struct track *k, const struct pose *p)
{
	if (k->n && p->at <= pose_at(k, k->n - 1)->at) {
		if (p->at == pose_at(k, k->n - 1)->at)
			*pose_at(k, k->n - 1) = *p;
		return;
	}
	if (k->n == SCENE_HISTORY) {
		k->first = (k->first + 1) % SCENE_HISTORY;
		k->n--;
		k->full = true;
	}
	*pose_at(k, k->n++) = *p;
}

static struct track *find_track(struct scene *s, unsigned node)
{
	for (unsigned i = 0; i < s->ntrack; i++) {
		if (s->track[i]->node == node)
			return s->track[i];
	}
	return NULL;
}

static struct track *make_track(struct scene *s, unsigned node)
{
	struct track *k = s->ntrack < SCENE_TRACKS ? calloc(1, sizeof(*k)) : NULL;

	if (!k) {
		s->dropped++;
		return NULL;
	}
	k->node = node;
	s->track[s->ntrack++] = k;
	return k;
}

static void fill_from(struct pose *p, unsigned missing, const float t[3], const float r[4])
{
	if (missing & 1)
		memcpy(p->t, t, sizeof(p->t));
	if (missing & 2)
		memcpy(p->r, r, sizeof(p->r));
}

void scene_pose(struct scene *s, const struct link_pose *p)
{
	static const float zero[3], unit[4] = {0, 0, 0, 1};
	struct pose q = {.at = p->at};
	struct track *k;

	memcpy(q.t, p->t, sizeof(q.t));
	memcpy(q.r, p->r, sizeof(q.r));
	pthread_mutex_lock(&s->lock);
	k = find_track(s, p->node);
	if (!k)
		k = make_track(s, p->node);
	if (k) {
		const struct pose *last = k->n ? pose_at(k, k->n - 1) : NULL;

		fill_from(&q, ~p->has, last ? last->t : zero, last ? last->r : unit);
		k->has |= p->has & 3;
		add_pose(k, &q);
	}
	pthread_mutex_unlock(&s->lock);
}

/* The document tells where nodes are at its time, also those that moved before. A pose of the same
 * microsecond came later. */
static void add_document(struct scene *s, uint64_t at)
{
	const struct model_view *v = model_view(s->model);

	for (unsigned i = 0; i < s->ntrack; i++) {
		struct track *k = s->track[i];
		struct pose p = {.at = at};

		if (k->node >= v->nnode || v->node[k->node].fixed || !k->n ||
			pose_at(k, k->n - 1)->at >= at)
			continue;
		memcpy(p.t, v->node[k->node].t, sizeof(p.t));
		memcpy(p.r, v->node[k->node].r, sizeof(p.r));
		add_pose(k, &p);
	}
}

void scene_set_model(struct scene *s, struct model *m, uint64_t at)
{
	struct model *old;

	pthread_mutex_lock(&s->lock);
	old = s->model;
	s->model = model_ref(m);
	add_document(s, at);
	pthread_mutex_unlock(&s->lock);
	model_unref(old);
}

struct model *scene_get_model(struct scene *s, uint64_t *epoch)
{
	struct model *m;

	pthread_mutex_lock(&s->lock);
	m = s->model ? model_ref(s->model) : NULL;
	*epoch = s->epoch;
	pthread_mutex_unlock(&s->lock);
	return m;
}

/* ---- the past ---- */

/* The shorter way round, constant speed. */
static void slerp(float out[4], const float a[4], const float b[4], float u)
{
	float dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
	float sign = dot < 0 ? -1.0f : 1.0f, wa = 1 - u, wb = u, angle;

	dot *= sign;
	if (dot < 0.9995f) {
		angle = acosf(dot);
		wa = sinf((1 - u) * angle) / sinf(angle);
		wb = sinf(u * angle) / sinf(angle);
	}
	for (int i = 0; i < 4; i++)
		out[i] = wa * a[i] + wb * sign * b[i];
}

static void between(struct pose *out, const struct pose *a, const struct pose *b, uint64_t at)
{
	float u = (float)(at - a->at) / (float)(b->at - a->at);

	*out = *a;
	if (b->at - a->at > SCENE_GAP)
		return; /* stood still, then jumped */
	for (int i = 0; i < 3; i++)
		out->t[i] = a->t[i] + u * (b->t[i] - a->t[i]);
	slerp(out->r, a->r, b->r, u);
}

/* False: it was not moved yet, the document's own pose is right. */
static bool look_up(struct track *k, uint64_t at, struct pose *out)
{
	unsigned i = k->n;

	while (i && pose_at(k, i - 1)->at > at)
		i--;
	if (i == 0) {
		*out = *pose_at(k, 0);
		return k->full;
	}
	if (i == k->n)
		*out = *pose_at(k, i - 1);
	else
		between(out, pose_at(k, i - 1), pose_at(k, i), at);
	return true;
}

void scene_apply(struct scene *s, struct stage *st, uint64_t at)
{
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->ntrack; i++) {
		struct track *k = s->track[i];
		struct pose p;

		/* fails for a node that the document does not have (yet) */
		if (k->n && look_up(k, at, &p))
			(void)stage_set_trs(st, k->node, k->has & 1 ? p.t : NULL,
				k->has & 2 ? p.r : NULL, NULL);
		else
			(void)stage_release(st, k->node);
	}
	pthread_mutex_unlock(&s->lock);
}
