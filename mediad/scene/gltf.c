/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Structure and limits of a scene document: glTF 2.0, so that nothing later needs to look twice. */
#include "mediad/scene/scene_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define SCENE_MAX_ITEMS 4096 /* of any top-level list */

static int bad(struct ar_buf *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(struct ar_buf *why, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ar_buf_add_str(why, text);
	return -EINVAL;
}

static size_t count(const json_t *doc, const char *list)
{
	return json_array_size(json_object_get(doc, list));
}

/* An index into `list`; absent is fine. */
static bool index_ok(const json_t *doc, const json_t *v, const char *list)
{
	return !v || (json_is_integer(v) && json_integer_value(v) >= 0 &&
			     (size_t)json_integer_value(v) < count(doc, list));
}

static bool numbers(const json_t *a, size_t n)
{
	size_t i;
	json_t *v;

	if (!a)
		return true;
	if (json_array_size(a) != n)
		return false;
	json_array_foreach(a, i, v)
	{
		if (!json_is_number(v))
			return false;
	}
	return true;
}

static int check_lists(const json_t *doc, struct ar_buf *why)
{
	static const char *const lists[] = {"scenes", "nodes", "meshes", "materials", "accessors",
		"bufferViews", "buffers", "images", "textures", "samplers", "cameras", "skins",
		"animations", "extensionsUsed", "extensionsRequired"};

	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const json_t *l = json_object_get(doc, lists[i]);
		size_t k, max = i == 1 ? SCENE_MAX_NODES : SCENE_MAX_ITEMS;
		json_t *v;

		if (l && (!json_is_array(l) || json_array_size(l) == 0))
			return bad(why, "/%s: want a list with at least one entry", lists[i]);
		if (json_array_size(l) > max)
			return bad(why, "/%s: more than %zu entries", lists[i], max);
		json_array_foreach(l, k, v)
		{
			if (i >= 13 ? !json_is_string(v) : !json_is_object(v))
				return bad(why, "/%s/%zu: wrong type", lists[i], k);
		}
	}
	return 0;
}

static int check_refs(const json_t *doc, struct ar_buf *why)
{
	static const struct {
		const char *list, *member, *target;
	} refs[] = {{"nodes", "mesh", "meshes"}, {"nodes", "camera", "cameras"},
		{"nodes", "skin", "skins"}, {"accessors", "bufferView", "bufferViews"},
		{"bufferViews", "buffer", "buffers"}, {"images", "bufferView", "bufferViews"},
		{"textures", "source", "images"}, {"textures", "sampler", "samplers"}};

	for (unsigned i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
		size_t k;
		json_t *v;

		json_array_foreach(json_object_get(doc, refs[i].list), k, v)
		{
			if (!index_ok(doc, json_object_get(v, refs[i].member), refs[i].target))
				return bad(why, "/%s/%zu/%s: no such entry in %s", refs[i].list, k,
					refs[i].member, refs[i].target);
		}
	}
	return 0;
}

static bool primitive_ok(const json_t *doc, const json_t *p)
{
	const json_t *attributes = json_object_get(p, "attributes");
	const char *key;
	json_t *v;

	if (!json_is_object(attributes) || json_object_size(attributes) == 0)
		return false;
	json_object_foreach((json_t *)attributes, key, v)
	{
		if (!index_ok(doc, v, "accessors"))
			return false;
	}
	return index_ok(doc, json_object_get(p, "indices"), "accessors") &&
	       index_ok(doc, json_object_get(p, "material"), "materials");
}

static int check_meshes(const json_t *doc, struct ar_buf *why)
{
	size_t i, k;
	json_t *mesh, *p;

	json_array_foreach(json_object_get(doc, "meshes"), i, mesh)
	{
		const json_t *prims = json_object_get(mesh, "primitives");

		if (json_array_size(prims) == 0)
			return bad(why, "/meshes/%zu/primitives: want at least one", i);
		json_array_foreach(prims, k, p)
		{
			if (!primitive_ok(doc, p))
				return bad(why, "/meshes/%zu/primitives/%zu: bad reference", i, k);
		}
	}
	return 0;
}

static int check_ranges(const json_t *doc, struct ar_buf *why)
{
	size_t i;
	json_t *v;

	json_array_foreach(json_object_get(doc, "bufferViews"), i, v)
	{
		const json_t *b = json_array_get(json_object_get(doc, "buffers"),
			(size_t)json_integer_value(json_object_get(v, "buffer")));
		json_int_t at = json_integer_value(json_object_get(v, "byteOffset"));
		json_int_t n = json_integer_value(json_object_get(v, "byteLength"));
		json_int_t have = json_integer_value(json_object_get(b, "byteLength"));

		if (at < 0 || n <= 0 || n > have || at > have - n)
			return bad(why, "/bufferViews/%zu: outside its buffer", i);
	}
	return 0;
}

/* data: or a plain relative name; nothing that leaves the scene's folder. */
static bool uri_ok(const json_t *v)
{
	const char *s = json_string_value(v);

	if (!v)
		return true;
	if (!s || !*s)
		return false;
	if (strncmp(s, "data:", 5) == 0)
		return true;
	return s[0] != '/' && !strchr(s, ':') && !strchr(s, '\\') && !strstr(s, "..") &&
	       !strchr(s, '%');
}

static int check_uris(const json_t *doc, struct ar_buf *why)
{
	static const char *const lists[] = {"buffers", "images"};

	for (unsigned i = 0; i < 2; i++) {
		size_t k;
		json_t *v;

		json_array_foreach(json_object_get(doc, lists[i]), k, v)
		{
			if (!uri_ok(json_object_get(v, "uri")))
				return bad(why,
					"/%s/%zu/uri: want data: or a name in the scene's folder",
					lists[i], k);
		}
	}
	return 0;
}

static bool node_shape(const json_t *n)
{
	const json_t *m = json_object_get(n, "matrix");

	if (m && (json_object_get(n, "translation") || json_object_get(n, "rotation") ||
			 json_object_get(n, "scale")))
		return false;
	return numbers(m, 16) && numbers(json_object_get(n, "translation"), 3) &&
	       numbers(json_object_get(n, "rotation"), 4) &&
	       numbers(json_object_get(n, "scale"), 3);
}

static int take_children(
	const json_t *doc, size_t i, const json_t *list, int *parent, struct ar_buf *why)
{
	size_t k;
	json_t *c;

	if (list && json_array_size(list) == 0)
		return bad(why, "/nodes/%zu/children: want a list with at least one entry", i);
	json_array_foreach(list, k, c)
	{
		size_t n = (size_t)json_integer_value(c);

		if (!json_is_integer(c) || !index_ok(doc, c, "nodes"))
			return bad(why, "/nodes/%zu/children/%zu: no such node", i, k);
		if (parent[n] >= 0)
			return bad(why, "/nodes/%zu: has two parents", n);
		parent[n] = (int)i;
	}
	return 0;
}

static int check_nodes(const json_t *doc, int *parent, struct ar_buf *why)
{
	const json_t *nodes = json_object_get(doc, "nodes");
	size_t i, n = json_array_size(nodes);
	json_t *v;

	if (n == 0)
		return bad(why, "/nodes: want at least one");
	for (i = 0; i < n; i++)
		parent[i] = -1;
	json_array_foreach(nodes, i, v)
	{
		if (!node_shape(v))
			return bad(why,
				"/nodes/%zu: translation, rotation, scale or matrix is wrong", i);
		if (take_children(doc, i, json_object_get(v, "children"), parent, why) != 0)
			return -EINVAL;
	}
	for (i = 0; i < n; i++) {
		size_t steps = 0;

		for (int p = parent[i]; p >= 0; p = parent[p]) {
			if (++steps > n)
				return bad(why, "/nodes/%zu: is its own ancestor", i);
		}
	}
	return 0;
}

static int check_roots(const json_t *doc, const int *parent, struct ar_buf *why)
{
	const json_t *scene = json_array_get(json_object_get(doc, "scenes"), 0);
	const json_t *roots = json_object_get(scene, "nodes");
	bool seen[SCENE_MAX_NODES] = {false};
	size_t i;
	json_t *v;

	if (json_integer_value(json_object_get(doc, "scene")) != 0)
		return bad(why, "/scene: the scene that is used must be number 0");
	if (json_array_size(roots) == 0)
		return bad(why, "/scenes/0/nodes: want at least one");
	json_array_foreach(roots, i, v)
	{
		size_t n = (size_t)json_integer_value(v);

		if (!json_is_integer(v) || !index_ok(doc, v, "nodes") || parent[n] >= 0 || seen[n])
			return bad(why, "/scenes/0/nodes/%zu: not a root node, or twice", i);
		seen[n] = true;
	}
	return 0;
}

int gltf_check(const json_t *doc, struct ar_buf *why)
{
	const char *version =
		json_string_value(json_object_get(json_object_get(doc, "asset"), "version"));
	int parent[SCENE_MAX_NODES], err;

	if (!version || strcmp(version, "2.0") != 0)
		return bad(why, "/asset/version: want \"2.0\"");
	err = check_lists(doc, why);
	if (!err)
		err = check_refs(doc, why);
	if (!err)
		err = check_meshes(doc, why);
	if (!err)
		err = check_ranges(doc, why);
	if (!err)
		err = check_uris(doc, why);
	if (!err)
		err = check_nodes(doc, parent, why);
	return err ? err : check_roots(doc, parent, why);
}
