/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From bytes to a model: GLB or JSON, then the parts in order. */
#include "mediad/armf/gltf/load_internal.h"

const struct model_limits model_limits_default = {
	.bytes = 64u << 20,
	.json = 8u << 20,
	.resource_bytes = 64u << 20,
	.memory = 256u << 20,
	.items = 4096,
	.nodes = 1024,
	.depth = 32,
	.primitives = 4096,
	.vertices = 2000000,
	.triangles = 1000000,
	.joints = 256,
	.targets = 64,
	.keys = 1000000,
	.lights = 64,
	.images = 256,
	.image_side = 8192,
	.texture_side = 2048,
};

static int parse(struct load *l)
{
	struct ar_span text = l->src->bytes;
	json_error_t e;
	int err = 0;

	if (text.n > l->lim->bytes)
		return load_bad(
			l, NULL, -E2BIG, "%zu bytes, the limit is %zu", text.n, l->lim->bytes);
	if (glb_is(text))
		err = glb_split(l, text, &text);
	if (err)
		return err;
	if (text.n > l->lim->json)
		return load_bad(l, NULL, -E2BIG, "%zu bytes of JSON, the limit is %zu", text.n,
			l->lim->json);
	l->doc = json_loadb(text.n ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &e);
	if (!l->doc)
		return load_bad(l, NULL, -EINVAL, "not JSON: line %d: %s", e.line, e.text);
	if (!json_is_object(l->doc))
		return load_bad(l, NULL, -EINVAL, "want a JSON object");
	return 0;
}

/* 3.2: a document whose minVersion is met, or whose major version is 2. */
static int check_asset(struct load *l)
{
	const struct at *here = AT_KEY(NULL, "asset");
	const char *version = NULL, *least = NULL;
	json_t *asset = NULL;
	int err = get_object(l, NULL, l->doc, "asset", &asset);

	if (!err)
		err = get_string(l, here, asset, "version", &version);
	if (!err)
		err = get_string(l, here, asset, "minVersion", &least);
	if (err)
		return err;
	if (!version)
		return load_bad(l, AT_KEY(here, "version"), -EINVAL, "is missing");
	if (least && strcmp(least, "2.0") != 0)
		return load_bad(
			l, AT_KEY(here, "minVersion"), -EOPNOTSUPP, "%.20s, this is 2.0", least);
	if (strncmp(version, "2.", 2) != 0 || !version[2])
		return load_bad(
			l, AT_KEY(here, "version"), -EOPNOTSUPP, "%.20s, want 2.0", version);
	return 0;
}

/* What every object has. */
static int check_common(struct load *l, const struct at *at, const json_t *o)
{
	const char *name;
	json_t *extensions;
	int err = get_string(l, at, o, "name", &name);

	return err ? err : get_object(l, at, o, "extensions", &extensions);
}

static int check_list(struct load *l, const char *name, unsigned max, bool objects)
{
	const struct at *here = AT_KEY(NULL, name);
	json_t *list = NULL, *v;
	size_t k;
	int err = get_list(l, NULL, l->doc, name, max < UINT16_MAX ? max : UINT16_MAX - 1, &list);

	json_array_foreach(list, k, v)
	{
		const struct at *at = AT_INDEX(here, (unsigned)k);

		if (!err && !(objects ? json_is_object(v) : json_is_string(v)))
			err = load_bad(
				l, at, -EINVAL, objects ? "want an object" : "want a string");
		if (!err && objects)
			err = check_common(l, at, v);
	}
	return err;
}

static int check_lists(struct load *l)
{
	static const char *const lists[] = {"nodes", "scenes", "meshes", "materials", "accessors",
		"bufferViews", "buffers", "images", "textures", "samplers", "cameras", "skins",
		"animations", "extensionsUsed", "extensionsRequired"};
	int err = 0;

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]) && !err; i++)
		err = check_list(l, lists[i], i == 0 ? l->lim->nodes : l->lim->items, i < 13);
	return err;
}

static int load_parts(struct load *l)
{
	static int (*const parts[])(struct load *) = {parse, check_asset, check_lists,
		load_extensions, load_buffers, load_accessors, load_textures, load_materials,
		load_images, load_meshes, load_joint_boxes, load_skins, load_cameras, load_lights,
		load_nodes, load_scene, load_animations};
	int err = 0;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]) && !err; i++)
		err = parts[i](l);
	return err;
}

int model_build(struct model **out, const struct model_source *src,
	int (*decode)(struct image_job *j), struct ar_buf *why)
{
	struct load l = {.src = src, .decode = decode, .why = why};
	int err;

	l.lim = src->limits ? src->limits : &model_limits_default;
	l.m = calloc(1, sizeof(*l.m));
	if (!l.m)
		return -ENOMEM;
	atomic_init(&l.m->refs, 1);
	memcpy(l.m->hash_key, src->hash_key, sizeof(l.m->hash_key));
	l.m->image_side = l.lim->image_side;
	l.m->texture_side = l.lim->texture_side;
	l.m->view.rev = -1;
	err = load_parts(&l);
	load_buffers_free(&l);
	json_decref(l.doc);
	if (err)
		model_unref(l.m);
	else
		*out = l.m;
	if (err && why->n == 0)
		ar_buf_add_str(why, "out of memory");
	return err;
}

int model_check(const struct model_source *src, struct model_stats *stats, struct ar_buf *why)
{
	struct model *m = NULL;
	int err = model_build(&m, src, NULL, why);

	if (!err && stats)
		*stats = m->view.stats;
	model_unref(m);
	return err;
}

struct model *model_ref(struct model *m)
{
	atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void model_unref(struct model *m)
{
	if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned i = 0; m->pixels && i < m->view.nimage; i++)
		pixels_unref(m->pixels[i]);
	model_chunks_free(m->chunks);
	free(m);
}

const struct model_view *model_view(const struct model *m)
{
	return &m->view;
}

int model_find_node(const struct model *m, struct ar_span name)
{
	for (unsigned i = 0; i < m->view.nnode; i++) {
		if (!m->view.node[i].removed && ar_span_eq(ar_span_str(m->view.node[i].name), name))
			return (int)i;
	}
	return -1;
}
