/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Animations (glTF 2.0 3.11): samplers become channels with their own keys. */
#include "mediad/armf/gltf/load_internal.h"

#include <math.h>

struct anim { /* one animation being made */
	const struct at *at;
	const json_t *samplers;
	unsigned nsampler;
	struct model_channel *channel;
	unsigned nchannel;
	uint8_t *moved; /* per node: a bit for each path that a channel moves */
};

static const struct {
	const char *name;
	uint8_t width; /* 0: the number of morph targets */
	bool normalized; /* may be normalised integers */
} paths[] = {
	[MODEL_TRANSLATION] = {"translation", 3, false},
	[MODEL_ROTATION] = {"rotation", 4, true},
	[MODEL_SCALE] = {"scale", 3, false},
	[MODEL_WEIGHTS] = {"weights", 0, true},
};

static int find_path(const char *name)
{
	for (int i = 0; i < 4; i++) {
		if (strcmp(paths[i].name, name) == 0)
			return i;
	}
	return -1;
}

static int interpolation(struct load *l, const struct at *at, const json_t *o, enum model_step *out)
{
	static const char *const names[] = {"LINEAR", "STEP", "CUBICSPLINE"};
	const char *name = names[0];
	int err = get_string(l, at, o, "interpolation", &name);

	for (unsigned i = 0; i < 3 && !err; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum model_step)i;
			return 0;
		}
	}
	return err ? err
		   : load_bad(l, AT_KEY(at, "interpolation"), -EINVAL,
			     "want LINEAR, STEP or CUBICSPLINE");
}

static int read_times(struct load *l, const struct at *at, int accessor, struct model_channel *c)
{
	const struct load_accessor *a = &l->accessor[accessor];
	float *t;
	int err = 0;

	if (a->components != 1 || a->type != 5126)
		return load_bad(l, at, -EINVAL, "accessor %d: want a SCALAR of floats", accessor);
	if (c->step == MODEL_CUBICSPLINE && a->count < 2)
		return load_bad(l, at, -EINVAL, "a cubic spline needs two keys");
	if (a->count > l->lim->keys - l->keys)
		return load_bad(l, at, -E2BIG, "more than %u keys in all", l->lim->keys);
	l->keys += a->count;
	t = load_take(l, at, a->count, sizeof(*t), &err);
	if (!err)
		err = accessor_floats(l, at, (unsigned)accessor, t);
	for (uint32_t i = 0; i < a->count && !err; i++) {
		if (t[i] < 0 || (i && t[i] <= t[i - 1]))
			err = load_bad(
				l, at, -EINVAL, "accessor %d: times must grow, from 0", accessor);
	}
	c->nkey = a->count;
	c->time = t;
	return err;
}

static int read_values(struct load *l, const struct at *at, int accessor, struct model_channel *c)
{
	const struct load_accessor *a = &l->accessor[accessor];
	unsigned components = c->path == MODEL_WEIGHTS ? 1 : c->width;
	uint64_t want = (uint64_t)c->nkey * (c->step == MODEL_CUBICSPLINE ? 3 : 1) *
			(c->width / components);
	bool integer = a->normalized && paths[c->path].normalized;
	float *v;
	int err = 0;

	if (a->matrix || a->components != components || (a->type != 5126 && !integer))
		return load_bad(l, at, -EINVAL, "accessor %d has a type that is not allowed here",
			accessor);
	if (a->count != want)
		return load_bad(l, at, -EINVAL, "accessor %d: %u elements, want %llu", accessor,
			a->count, (unsigned long long)want);
	v = load_take(l, at, (size_t)a->count * components, sizeof(*v), &err);
	if (!err)
		err = accessor_floats(l, at, (unsigned)accessor, v);
	c->value = v;
	return err;
}

/* Unit quaternions; those of spline tangents are no rotations. */
static int unit_rotations(struct load *l, const struct at *at, struct model_channel *c)
{
	unsigned per_key = c->step == MODEL_CUBICSPLINE ? 3 : 1;

	for (uint32_t i = 0; i < c->nkey; i++) {
		float *q = (float *)c->value + ((size_t)i * per_key + (per_key == 3)) * 4;
		float len = sqrtf(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);

		if (!(fabsf(len - 1) <= 0.1f))
			return load_bad(l, at, -EINVAL,
				"key %u is no unit quaternion, its length is %g", i, (double)len);
		for (unsigned k = 0; k < 4; k++)
			q[k] /= len;
	}
	return 0;
}

static int read_sampler(struct load *l, const struct anim *a, unsigned i, struct model_channel *c)
{
	const struct at *at = AT_INDEX(AT_KEY(a->at, "samplers"), i);
	const json_t *o = json_array_get(a->samplers, i);
	int in, out, err = interpolation(l, at, o, &c->step);

	if (!err)
		err = need_index(l, at, o, "input", l->naccessor, &in);
	if (!err)
		err = need_index(l, at, o, "output", l->naccessor, &out);
	if (!err)
		err = read_times(l, AT_KEY(at, "input"), in, c);
	if (!err)
		err = read_values(l, AT_KEY(at, "output"), out, c);
	if (!err && c->path == MODEL_ROTATION)
		err = unit_rotations(l, AT_KEY(at, "output"), c);
	return err;
}

/* What the channel moves. *on false: nothing known here (no node, or KHR_animation_pointer). */
static int read_target(
	struct load *l, const struct at *at, const json_t *o, struct model_channel *c, bool *on)
{
	const struct at *here = AT_KEY(at, "target");
	const struct model_node *n;
	const char *path = "";
	json_t *t = NULL;
	int k = -1, p, err = get_object(l, at, o, "target", &t);

	if (!err && !t)
		err = load_bad(l, here, -EINVAL, "is missing");
	if (!err)
		err = get_string(l, here, t, "path", &path);
	if (!err)
		err = get_index(l, here, t, "node", l->m->view.nnode, &k);
	p = find_path(path);
	if (!err && p < 0 && strcmp(path, "pointer") != 0)
		err = load_bad(l, AT_KEY(here, "path"), -EINVAL,
			"want translation, rotation, scale or weights");
	*on = !err && p >= 0 && k >= 0;
	if (!*on)
		return err;
	n = &l->m->view.node[k];
	c->node = (uint16_t)k;
	c->path = (enum model_path)p;
	c->width = p == MODEL_WEIGHTS ? (n->mesh < 0 ? 0 : l->m->view.mesh[n->mesh].nweight)
				      : paths[p].width;
	if (c->width == 0)
		return load_bad(l, AT_KEY(here, "node"), -EINVAL,
			"node %d has no mesh with morph targets", k);
	if (n->fixed && p != MODEL_WEIGHTS)
		return load_bad(l, AT_KEY(here, "node"), -EINVAL,
			"node %d has a matrix and cannot be animated", k);
	return 0;
}

static int one_channel(struct load *l, struct anim *a, unsigned i, const json_t *o)
{
	const struct at *at = AT_INDEX(AT_KEY(a->at, "channels"), i);
	struct model_channel *c = &a->channel[a->nchannel];
	bool on = false;
	int s, err;

	if (!json_is_object(o))
		return load_bad(l, at, -EINVAL, "want an object");
	err = need_index(l, at, o, "sampler", a->nsampler, &s);
	if (!err)
		err = read_target(l, at, o, c, &on);
	if (err || !on)
		return err;
	if (a->moved[c->node] & 1u << c->path)
		return load_bad(l, AT_KEY(at, "target"), -EINVAL, "is the target of two channels");
	a->moved[c->node] |= (uint8_t)(1u << c->path);
	err = read_sampler(l, a, (unsigned)s, c);
	a->nchannel += !err;
	return err;
}

static int check_samplers(struct load *l, const struct anim *a)
{
	for (unsigned i = 0; i < a->nsampler; i++) {
		if (!json_is_object(json_array_get(a->samplers, i)))
			return load_bad(l, AT_INDEX(AT_KEY(a->at, "samplers"), i), -EINVAL,
				"want an object");
	}
	return 0;
}

static int one_animation(struct load *l, unsigned i, const json_t *o, struct model_animation *out)
{
	struct anim a = {.at = AT_INDEX(AT_KEY(NULL, "animations"), i)};
	json_t *samplers = NULL, *channels = NULL;
	int err = get_name(l, a.at, o, &out->name);

	if (!err)
		err = get_list(l, a.at, o, "samplers", l->lim->items, &samplers);
	if (!err)
		err = get_list(l, a.at, o, "channels", l->lim->items, &channels);
	if (!err && (!samplers || !channels))
		err = load_bad(l, a.at, -EINVAL, "want samplers and channels");
	a.samplers = samplers;
	a.nsampler = (unsigned)json_array_size(samplers);
	if (!err)
		err = check_samplers(l, &a);
	a.channel = load_take(l, a.at, json_array_size(channels), sizeof(*a.channel), &err);
	a.moved = calloc(1, l->m->view.nnode + 1);
	if (!a.moved)
		err = -ENOMEM;
	for (unsigned k = 0; k < json_array_size(channels) && !err; k++)
		err = one_channel(l, &a, k, json_array_get(channels, k));
	free(a.moved);
	if (err)
		return err;
	out->held = json_is_false(json_object_get(json_object_get(o, "extras"), "playing"));
	out->channel = a.nchannel ? a.channel : NULL;
	out->nchannel = a.nchannel;
	for (unsigned k = 0; k < a.nchannel; k++)
		out->duration = fmaxf(out->duration, a.channel[k].time[a.channel[k].nkey - 1]);
	return 0;
}

int load_animations(struct load *l)
{
	unsigned n = list_size(l->doc, "animations");
	struct model_animation *a;
	int err = 0;

	a = load_take(l, AT_KEY(NULL, "animations"), n, sizeof(*a), &err);
	for (unsigned i = 0; i < n && !err; i++)
		err = one_animation(
			l, i, json_array_get(json_object_get(l->doc, "animations"), i), &a[i]);
	if (!err) {
		l->m->view.animation = n ? a : NULL;
		l->m->view.nanimation = n;
	}
	return err;
}
