/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Skins, cameras and lights. */
#include "mediad/armf/gltf/load_internal.h"

#include <float.h>
#include <math.h>

/* ---------------------------------------------------------------- skins (3.7.3) */

static int inverse_bind(struct load *l, const struct at *at, int accessor, struct model_skin *s)
{
	const struct load_accessor *a = accessor >= 0 ? &l->accessor[accessor] : NULL;
	size_t n = a ? a->count : s->njoint;
	float *m;
	int err = 0;

	if (a && (!a->matrix || a->components != 16 || a->type != 5126 || a->count < s->njoint))
		return load_bad(l, at, -EINVAL, "accessor %d: want at least %u MAT4 of floats",
			accessor, s->njoint);
	if (n > UINT16_MAX)
		return load_bad(l, at, -E2BIG, "%zu matrices", n);
	m = load_take(l, at, n * 16, sizeof(*m), &err);
	if (!err && a)
		err = accessor_floats(l, at, (unsigned)accessor, m);
	for (size_t i = 0; i < n && !err; i++) {
		float *one = m + i * 16;

		if (!a)
			one[0] = one[5] = one[10] = one[15] = 1;
		if (one[3] != 0 || one[7] != 0 || one[11] != 0 || one[15] != 1)
			err = load_bad(
				l, at, -EINVAL, "matrix %zu: the last row is not 0 0 0 1", i);
	}
	s->inverse_bind = m;
	return err;
}

static int one_skin(struct load *l, unsigned i, const json_t *o, struct model_skin *s)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "skins"), i);
	unsigned nnode = list_size(l->doc, "nodes");
	int k = -1, err = get_indices(l, at, o, "joints", nnode, &s->joint, &s->njoint);

	if (!err && s->njoint == 0)
		err = load_bad(l, AT_KEY(at, "joints"), -EINVAL, "is missing");
	if (!err && s->njoint > l->lim->joints)
		err = load_bad(l, AT_KEY(at, "joints"), -E2BIG, "%u entries, the limit is %u",
			s->njoint, l->lim->joints);
	if (!err)
		err = get_index(l, at, o, "skeleton", nnode, &k);
	if (!err)
		err = get_index(l, at, o, "inverseBindMatrices", l->naccessor, &k);
	return err ? err : inverse_bind(l, AT_KEY(at, "inverseBindMatrices"), k, s);
}

int load_skins(struct load *l)
{
	unsigned n = list_size(l->doc, "skins");
	struct model_skin *s;
	int err = 0;

	s = load_take(l, AT_KEY(NULL, "skins"), n, sizeof(*s), &err);
	for (unsigned i = 0; i < n && !err; i++)
		err = one_skin(l, i, json_array_get(json_object_get(l->doc, "skins"), i), &s[i]);
	if (!err) {
		l->m->view.skin = n ? s : NULL;
		l->m->view.nskin = n;
	}
	return err;
}

/* ---------------------------------------------------------------- cameras (3.10) */

static int need_float(
	struct load *l, const struct at *at, const json_t *o, const char *key, float lo, float *out)
{
	if (!json_object_get(o, key))
		return load_bad(l, AT_KEY(at, key), -EINVAL, "is missing");
	return get_float(l, at, o, key, lo, FLT_MAX, out);
}

static int perspective(struct load *l, const struct at *at, const json_t *o, struct model_camera *c)
{
	int err = need_float(l, at, o, "yfov", FLT_MIN, &c->yfov);

	if (!err && c->yfov >= 3.14159265f)
		err = load_bad(l, AT_KEY(at, "yfov"), -EINVAL, "want less than pi");
	if (!err)
		err = need_float(l, at, o, "znear", FLT_MIN, &c->znear);
	if (!err)
		err = get_float(l, at, o, "zfar", FLT_MIN, FLT_MAX, &c->zfar);
	if (!err)
		err = get_float(l, at, o, "aspectRatio", FLT_MIN, FLT_MAX, &c->aspect);
	return err;
}

static int orthographic(
	struct load *l, const struct at *at, const json_t *o, struct model_camera *c)
{
	int err = need_float(l, at, o, "xmag", -FLT_MAX, &c->xmag);

	if (!err)
		err = need_float(l, at, o, "ymag", -FLT_MAX, &c->ymag);
	if (!err)
		err = need_float(l, at, o, "znear", 0, &c->znear);
	if (!err)
		err = need_float(l, at, o, "zfar", FLT_MIN, &c->zfar);
	if (!err && (c->xmag == 0 || c->ymag == 0))
		err = load_bad(l, at, -EINVAL, "xmag and ymag must not be 0");
	c->ortho = true;
	return err;
}

static int one_camera(struct load *l, unsigned i, const json_t *o, struct model_camera *c)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "cameras"), i);
	const char *type = "";
	json_t *p = NULL;
	bool ortho;
	int err = get_string(l, at, o, "type", &type);

	ortho = strcmp(type, "orthographic") == 0;
	if (!err && !ortho && strcmp(type, "perspective") != 0)
		err = load_bad(l, AT_KEY(at, "type"), -EINVAL, "want perspective or orthographic");
	if (!err)
		err = get_object(l, at, o, type, &p);
	if (!err && !p)
		err = load_bad(l, AT_KEY(at, type), -EINVAL, "is missing");
	if (!err)
		err = (ortho ? orthographic : perspective)(l, AT_KEY(at, type), p, c);
	if (!err && c->zfar != 0 && c->zfar <= c->znear)
		err = load_bad(l, AT_KEY(at, type), -EINVAL, "zfar must be more than znear");
	return err;
}

int load_cameras(struct load *l)
{
	unsigned n = list_size(l->doc, "cameras");
	struct model_camera *c;
	int err = 0;

	c = load_take(l, AT_KEY(NULL, "cameras"), n, sizeof(*c), &err);
	for (unsigned i = 0; i < n && !err; i++)
		err = one_camera(
			l, i, json_array_get(json_object_get(l->doc, "cameras"), i), &c[i]);
	if (!err) {
		l->m->view.camera = n ? c : NULL;
		l->m->view.ncamera = n;
	}
	return err;
}

/* ---------------------------------------------------------------- KHR_lights_punctual */

static int spot(struct load *l, const struct at *at, const json_t *o, struct model_light *light)
{
	const struct at *here = AT_KEY(at, "spot");
	const float half_pi = 1.57079633f;
	json_t *s = NULL;
	int err = get_object(l, at, o, "spot", &s);

	light->outer = half_pi / 2;
	if (!err && !s)
		err = load_bad(l, here, -EINVAL, "is missing");
	if (!err)
		err = get_float(l, here, s, "innerConeAngle", 0, half_pi, &light->inner);
	if (!err)
		err = get_float(l, here, s, "outerConeAngle", FLT_MIN, half_pi, &light->outer);
	if (!err && light->inner >= light->outer)
		err = load_bad(l, here, -EINVAL, "innerConeAngle must be less than outerConeAngle");
	return err;
}

static int one_light(
	struct load *l, const struct at *at, const json_t *o, struct model_light *light)
{
	static const char *const types[] = {"directional", "point", "spot"};
	const char *type = "";
	unsigned i = 0;
	int err;

	if (!json_is_object(o))
		return load_bad(l, at, -EINVAL, "want an object");
	*light = (struct model_light){.color = {1, 1, 1}, .intensity = 1};
	err = get_string(l, at, o, "type", &type);
	while (i < 3 && strcmp(types[i], type) != 0)
		i++;
	if (!err && i == 3)
		err = load_bad(l, AT_KEY(at, "type"), -EINVAL, "want directional, point or spot");
	light->type = (enum model_light_type)i;
	if (!err)
		err = get_floats(l, at, o, "color", 3, 0, FLT_MAX, light->color);
	if (!err)
		err = get_float(l, at, o, "intensity", 0, FLT_MAX, &light->intensity);
	if (!err)
		err = get_float(l, at, o, "range", FLT_MIN, FLT_MAX, &light->range);
	if (!err && light->type == MODEL_SPOT)
		err = spot(l, at, o, light);
	return err;
}

int load_lights(struct load *l)
{
	const struct at *ext = AT_KEY(AT_KEY(NULL, "extensions"), "KHR_lights_punctual");
	const struct at *here = AT_KEY(ext, "lights");
	json_t *o = NULL, *list = NULL;
	struct model_light *light;
	unsigned n;
	int err = get_extension(l, NULL, l->doc, "KHR_lights_punctual", &o);

	if (!err && o)
		err = get_list(l, ext, o, "lights", l->lim->lights, &list);
	n = (unsigned)json_array_size(list);
	light = load_take(l, here, n, sizeof(*light), &err);
	for (unsigned i = 0; i < n && !err; i++)
		err = one_light(l, AT_INDEX(here, i), json_array_get(list, i), &light[i]);
	if (!err) {
		l->m->view.light = n ? light : NULL;
		l->m->view.nlight = n;
	}
	return err;
}
