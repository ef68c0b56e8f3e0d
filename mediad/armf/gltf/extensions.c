/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which extensions a document uses and requires. */
#include "mediad/armf/gltf/load_internal.h"

/* Those of MPEG are for the DCMF and the UEs, which place things and set them off; what is drawn is
 * plain glTF with or without them. */
static const char *const known[] = {"KHR_materials_unlit", "KHR_texture_transform",
	"KHR_materials_emissive_strength", "KHR_lights_punctual", "KHR_mesh_quantization",
	"KHR_node_visibility", "MPEG_anchor", "MPEG_media", "MPEG_node_avatar",
	"MPEG_scene_dynamic", "MPEG_scene_interactivity"};

static const struct {
	const char *name, *advice;
} refused[] = {
	{"KHR_draco_mesh_compression",
		"Draco-compressed meshes are not supported; store them plain"},
	{"EXT_meshopt_compression", "compressed meshes are not supported; store them plain"},
	{"KHR_meshopt_compression", "compressed meshes are not supported; store them plain"},
	{"KHR_texture_basisu", "Basis Universal textures are not supported; store PNG or JPEG"},
	{"EXT_texture_webp", "WebP textures are not supported; store PNG or JPEG"},
	{"EXT_texture_avif", "AVIF textures are not supported; store PNG or JPEG"},
};

static bool is_known(const char *name)
{
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_used(const json_t *used, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach(used, i, v)
	{
		if (strcmp(json_string_value(v), name) == 0)
			return true;
	}
	return false;
}

static int check_required(struct load *l, const json_t *used, unsigned i, const char *name)
{
	const struct at *here = AT_INDEX(AT_KEY(NULL, "extensionsRequired"), i);

	for (unsigned k = 0; k < sizeof(refused) / sizeof(refused[0]); k++) {
		if (strcmp(refused[k].name, name) == 0)
			return load_bad(l, here, -EOPNOTSUPP, "%s: %s", name, refused[k].advice);
	}
	if (!is_known(name))
		return load_bad(l, here, -EOPNOTSUPP, "%.80s is not supported", name);
	if (!is_used(used, name))
		return load_bad(l, here, -EINVAL, "%s is not in extensionsUsed", name);
	return 0;
}

int load_extensions(struct load *l)
{
	const json_t *used = json_object_get(l->doc, "extensionsUsed");
	const json_t *required = json_object_get(l->doc, "extensionsRequired");
	json_t *v;
	size_t i;
	int err = 0;

	json_array_foreach(required, i, v)
	{
		if (!err)
			err = check_required(l, used, (unsigned)i, json_string_value(v));
	}
	json_array_foreach(used, i, v)
	{
		if (!is_known(json_string_value(v)))
			l->m->view.stats.ignored_extensions++;
	}
	l->quantized = is_used(used, "KHR_mesh_quantization");
	return err;
}
