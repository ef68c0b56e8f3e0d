/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Materials (glTF 2.0 3.9): metallic-roughness, with the KHR extensions that change the picture. */
#include "mediad/armf/gltf/load_internal.h"

#include <float.h>
#include <math.h>

/* translation * rotation * scale. The extension's GLSL and its own example disagree about the sense
 * of the rotation; the example, three.js and Khronos' viewer agree, and so do we. */
static int texture_transform(struct load *l, const struct at *at, const json_t *o,
	struct model_texture_ref *r, uint64_t *texcoord)
{
	const struct at *here = AT_KEY(AT_KEY(at, "extensions"), "KHR_texture_transform");
	float offset[2] = {0, 0}, scale[2] = {1, 1}, angle = 0, c, s;
	json_t *t = NULL;
	int err = get_extension(l, at, o, "KHR_texture_transform", &t);

	if (err || !t)
		return err;
	err = get_floats(l, here, t, "offset", 2, -FLT_MAX, FLT_MAX, offset);
	if (!err)
		err = get_floats(l, here, t, "scale", 2, -FLT_MAX, FLT_MAX, scale);
	if (!err)
		err = get_float(l, here, t, "rotation", -FLT_MAX, FLT_MAX, &angle);
	if (!err)
		err = get_uint(l, here, t, "texCoord", 0, UINT32_MAX, texcoord);
	if (err)
		return err;
	c = cosf(angle);
	s = sinf(angle);
	r->transformed = true;
	memcpy(r->uv,
		(float[6]){c * scale[0], -s * scale[0], s * scale[1], c * scale[1], offset[0],
			offset[1]},
		sizeof(r->uv));
	return 0;
}

static int texture_ref(struct load *l, const struct at *at, const json_t *o, const char *key,
	const char *scale, struct model_texture_ref *r)
{
	const struct at *here = AT_KEY(at, key);
	uint64_t texcoord = 0;
	json_t *t = NULL;
	int err = get_object(l, at, o, key, &t);

	if (err || !t)
		return err;
	err = need_index(l, here, t, "index", l->m->view.ntexture, &r->texture);
	if (!err)
		err = get_uint(l, here, t, "texCoord", 0, UINT32_MAX, &texcoord);
	if (!err && scale)
		err = get_float(l, here, t, scale, scale[1] == 't' ? 0 : -FLT_MAX,
			scale[1] == 't' ? 1 : FLT_MAX, &r->scale);
	if (!err)
		err = texture_transform(l, here, t, r, &texcoord);
	if (!err && texcoord > 1)
		err = load_bad(l, AT_KEY(here, "texCoord"), -EOPNOTSUPP,
			"only sets 0 and 1 are supported");
	r->texcoord = (unsigned)texcoord;
	return err;
}

static int metallic_roughness(
	struct load *l, const struct at *at, const json_t *o, struct model_material *m)
{
	const struct at *here = AT_KEY(at, "pbrMetallicRoughness");
	json_t *pbr = NULL;
	int err = get_object(l, at, o, "pbrMetallicRoughness", &pbr);

	if (err || !pbr)
		return err;
	err = get_floats(l, here, pbr, "baseColorFactor", 4, 0, 1, m->base_color);
	if (!err)
		err = get_float(l, here, pbr, "metallicFactor", 0, 1, &m->metallic);
	if (!err)
		err = get_float(l, here, pbr, "roughnessFactor", 0, 1, &m->roughness);
	if (!err)
		err = texture_ref(l, here, pbr, "baseColorTexture", NULL, &m->base_color_tex);
	if (!err)
		err = texture_ref(
			l, here, pbr, "metallicRoughnessTexture", NULL, &m->metallic_roughness_tex);
	return err;
}

static int emission(struct load *l, const struct at *at, const json_t *o, struct model_material *m)
{
	const struct at *ext = AT_KEY(AT_KEY(at, "extensions"), "KHR_materials_emissive_strength");
	float strength = 1;
	json_t *e = NULL;
	int err = get_floats(l, at, o, "emissiveFactor", 3, 0, 1, m->emissive);

	if (!err)
		err = get_extension(l, at, o, "KHR_materials_emissive_strength", &e);
	if (!err && e)
		err = get_float(l, ext, e, "emissiveStrength", 0, FLT_MAX, &strength);
	for (unsigned i = 0; i < 3; i++)
		m->emissive[i] *= strength;
	return err;
}

static int alpha(struct load *l, const struct at *at, const json_t *o, struct model_material *m)
{
	static const char *const modes[] = {"OPAQUE", "MASK", "BLEND"};
	const char *mode = modes[0];
	int err = get_string(l, at, o, "alphaMode", &mode);
	unsigned i = 0;

	if (!err)
		err = get_float(l, at, o, "alphaCutoff", 0, FLT_MAX, &m->alpha_cutoff);
	while (i < 3 && strcmp(modes[i], mode) != 0)
		i++;
	if (!err && i == 3)
		err = load_bad(l, AT_KEY(at, "alphaMode"), -EINVAL, "want OPAQUE, MASK or BLEND");
	m->alpha = (enum model_alpha)i;
	return err;
}

#define NO_TEXTURE                                                                                 \
	{                                                                                          \
		.texture = -1, .scale = 1, .uv = { 1, 0, 0, 1, 0, 0 }                              \
	}
static const struct model_material default_material = {
	.name = "",
	.base_color = {1, 1, 1, 1},
	.metallic = 1,
	.roughness = 1,
	.base_color_tex = NO_TEXTURE,
	.metallic_roughness_tex = NO_TEXTURE,
	.normal_tex = NO_TEXTURE,
	.occlusion_tex = NO_TEXTURE,
	.emissive_tex = NO_TEXTURE,
	.alpha_cutoff = 0.5f,
};

static int one_material(struct load *l, unsigned i, const json_t *o, struct model_material *m)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "materials"), i);
	json_t *unlit = NULL;
	int err;

	*m = default_material;
	err = get_name(l, at, o, &m->name);
	if (!err)
		err = metallic_roughness(l, at, o, m);
	if (!err)
		err = texture_ref(l, at, o, "normalTexture", "scale", &m->normal_tex);
	if (!err)
		err = texture_ref(l, at, o, "occlusionTexture", "strength", &m->occlusion_tex);
	if (!err)
		err = texture_ref(l, at, o, "emissiveTexture", NULL, &m->emissive_tex);
	if (!err)
		err = emission(l, at, o, m);
	if (!err)
		err = alpha(l, at, o, m);
	if (!err)
		err = get_bool(l, at, o, "doubleSided", &m->double_sided);
	if (!err)
		err = get_extension(l, at, o, "KHR_materials_unlit", &unlit);
	m->unlit = unlit != NULL;
	return err;
}

static void mark_use(struct load *l, const struct model_material *m)
{
	struct model_texture *t = (struct model_texture *)l->m->view.texture;
	const int color[] = {m->base_color_tex.texture, m->emissive_tex.texture};
	const int data[] = {
		m->metallic_roughness_tex.texture, m->normal_tex.texture, m->occlusion_tex.texture};

	for (unsigned i = 0; i < 2; i++) {
		if (color[i] >= 0)
			t[color[i]].color = true;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (data[i] >= 0)
			t[data[i]].data = true;
	}
}

int load_materials(struct load *l)
{
	unsigned n = list_size(l->doc, "materials");
	struct model_material *m;
	int err = 0;

	m = load_take(l, AT_KEY(NULL, "materials"), n + 1, sizeof(*m), &err);
	for (unsigned i = 0; i < n && !err; i++) {
		err = one_material(
			l, i, json_array_get(json_object_get(l->doc, "materials"), i), &m[i]);
		if (!err)
			mark_use(l, &m[i]);
	}
	if (err)
		return err;
	m[n] = default_material;
	l->m->view.material = m;
	l->m->view.nmaterial = n + 1;
	return 0;
}
