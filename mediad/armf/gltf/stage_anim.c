/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Animation samplers at a time (glTF 2.0 3.11 and appendix C). */
#include "mediad/armf/gltf/stage_internal.h"

#include <math.h>

/* The last key at or before t; t lies between the first and the last. */
static uint32_t find_key(const struct model_channel *c, float t)
{
	uint32_t lo = 0, hi = c->nkey - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo + 1) / 2;

		if (c->time[mid] <= t)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

static void normalise(float q[4])
{
	float len = sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);

	if (!(len > 1e-6f)) { /* a spline may pass through nothing */
		memcpy(q, (float[4]){0, 0, 0, 1}, 4 * sizeof(float));
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		q[i] /= len;
}

/* The short way round; nearly equal ones linearly. */
static void slerp(const float *a, const float *b, float u, float out[4])
{
	float dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
	float sign = dot < 0 ? -1.0f : 1.0f, x = 1 - u, y = u * sign;

	dot = fabsf(dot);
	if (dot < 0.9995f) {
		float angle = acosf(dot), s = sinf(angle);

		x = sinf((1 - u) * angle) / s;
		y = sign * sinf(u * angle) / s;
	}
	for (unsigned i = 0; i < 4; i++)
		out[i] = x * a[i] + y * b[i];
	normalise(out);
}

static void spline(const struct model_channel *c, uint32_t k, float u, float dt, float *out)
{
	const float *a = c->value + (size_t)k * 3 * c->width, *b = a + (size_t)3 * c->width;
	const float u2 = u * u, u3 = u2 * u;
	const unsigned w = c->width;

	for (unsigned i = 0; i < w; i++)
		out[i] = (2 * u3 - 3 * u2 + 1) * a[w + i] + dt * (u3 - 2 * u2 + u) * a[2 * w + i] +
			 (-2 * u3 + 3 * u2) * b[w + i] + dt * (u3 - u2) * b[i];
}

/* The value of key k alone. */
static void at_key(const struct model_channel *c, uint32_t k, float *out)
{
	const float *v = c->value + (size_t)k * c->width;

	if (c->step == MODEL_CUBICSPLINE)
		v = c->value + ((size_t)k * 3 + 1) * c->width;
	memcpy(out, v, c->width * sizeof(*out));
}

static void sample(const struct model_channel *c, float t, float *out)
{
	const unsigned w = c->width;
	float dt, u;
	uint32_t k;

	if (t <= c->time[0] || t >= c->time[c->nkey - 1]) {
		at_key(c, t <= c->time[0] ? 0 : c->nkey - 1, out);
		return;
	}
	k = find_key(c, t);
	dt = c->time[k + 1] - c->time[k];
	u = (t - c->time[k]) / dt;
	if (c->step == MODEL_STEP)
		at_key(c, k, out);
	else if (c->step == MODEL_CUBICSPLINE)
		spline(c, k, u, dt, out);
	else if (c->path == MODEL_ROTATION)
		slerp(c->value + (size_t)k * 4, c->value + (size_t)k * 4 + 4, u, out);
	for (unsigned i = 0; i < w && c->step == MODEL_LINEAR && c->path != MODEL_ROTATION; i++)
		out[i] = c->value[(size_t)k * w + i] * (1 - u) +
			 c->value[(size_t)(k + 1) * w + i] * u;
	if (c->step == MODEL_CUBICSPLINE && c->path == MODEL_ROTATION)
		normalise(out);
}

/* Samples what has a new time, later animations over earlier ones; live values stay. */
void stage_sample(struct stage *st)
{
	float value[MODEL_MAX_TARGETS] = {0};

	for (unsigned i = 0; i < st->v->nanimation; i++) {
		const struct model_animation *a = &st->v->animation[i];

		for (unsigned k = 0; k < a->nchannel && st->anim[i].on && st->anim[i].fresh; k++) {
			const struct model_channel *c = &a->channel[k];

			if (st->node[c->node].live & LIVE(c->path))
				continue;
			sample(c, (float)st->anim[i].seconds, value);
			stage_put(st, c->node, c->path, value);
		}
		st->anim[i].fresh = false;
	}
}

/* ---------------------------------------------------------------- what callers say */

/* All are sampled again: a later animation may have hidden what an earlier one does. */
static void refresh(struct stage *st)
{
	for (unsigned i = 0; i < st->v->nanimation; i++)
		st->anim[i].fresh = true;
	st->dirty = true;
}

int stage_set_time(struct stage *st, unsigned animation, double seconds)
{
	if (animation >= st->v->nanimation)
		return -ENOENT;
	if (!isfinite(seconds))
		return -EDOM;
	if (st->anim[animation].on && st->anim[animation].seconds == seconds)
		return 0;
	st->anim[animation].on = true;
	st->anim[animation].seconds = seconds;
	refresh(st);
	return 0;
}

int stage_stop(struct stage *st, unsigned animation)
{
	const struct model_animation *a;

	if (animation >= st->v->nanimation)
		return -ENOENT;
	a = &st->v->animation[animation];
	for (unsigned k = 0; k < a->nchannel && st->anim[animation].on; k++) {
		if (!(st->node[a->channel[k].node].live & LIVE(a->channel[k].path)))
			stage_reset(st, a->channel[k].node, a->channel[k].path);
	}
	st->anim[animation].on = false;
	refresh(st);
	return 0;
}

int stage_set_clock(struct stage *st, double seconds)
{
	int err = isfinite(seconds) ? 0 : -EDOM;

	for (unsigned i = 0; i < st->v->nanimation && !err; i++) {
		double d = (double)st->v->animation[i].duration;

		if (st->v->animation[i].held)
			continue;
		err = stage_set_time(st, i, d > 0 ? seconds - d * floor(seconds / d) : 0);
	}
	return err;
}

int stage_release(struct stage *st, unsigned node)
{
	if (node >= st->v->nnode)
		return -ENOENT;
	if (!st->node[node].live)
		return 0;
	for (unsigned path = MODEL_TRANSLATION; path <= MODEL_WEIGHTS; path++) {
		if (st->node[node].live & LIVE(path))
			stage_reset(st, node, (enum model_path)path);
	}
	st->node[node].live = 0;
	refresh(st);
	return 0;
}
