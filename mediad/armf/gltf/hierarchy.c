/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes, their tree, and the scene that is shown (glTF 2.0 3.5). */
#include "mediad/armf/gltf/load_internal.h"

#include <float.h>
#include <math.h>

#define BIG 1e9f /* of any number of a transform; what still overflows is not drawn (stage.c) */

static int matrix(struct load *l, const struct at *at, const json_t *o, struct model_node *n)
{
	const float *m = n->matrix;
	int err;

	if (json_object_get(o, "translation") || json_object_get(o, "rotation") ||
		json_object_get(o, "scale"))
		return load_bad(
			l, at, -EINVAL, "has a matrix and translation, rotation or scale too");
	err = get_floats(l, at, o, "matrix", 16, -BIG, BIG, n->matrix);
	if (!err && (m[3] != 0 || m[7] != 0 || m[11] != 0 || m[15] != 1))
		err = load_bad(l, AT_KEY(at, "matrix"), -EINVAL, "the last row is not 0 0 0 1");
	return err;
}

static int transform(struct load *l, const struct at *at, const json_t *o, struct model_node *n)
{
	float len = 0;
	int err;

	n->fixed = json_object_get(o, "matrix") != NULL;
	n->r[3] = n->s[0] = n->s[1] = n->s[2] = 1;
	if (n->fixed)
		return matrix(l, at, o, n);
	err = get_floats(l, at, o, "translation", 3, -BIG, BIG, n->t);
	if (!err)
		err = get_floats(l, at, o, "rotation", 4, -1.1f, 1.1f, n->r);
	if (!err)
		err = get_floats(l, at, o, "scale", 3, -BIG, BIG, n->s);
	for (unsigned i = 0; i < 4; i++)
		len += n->r[i] * n->r[i];
	len = sqrtf(len);
	if (!err && fabsf(len - 1) > 0.1f)
		err = load_bad(l, AT_KEY(at, "rotation"), -EINVAL,
			"is no unit quaternion, its length is %g", (double)len);
	for (unsigned i = 0; i < 4 && !err; i++)
		n->r[i] /= len;
	return err;
}

static int mesh_and_skin(struct load *l, const struct at *at, const json_t *o, struct model_node *n)
{
	const struct model_view *v = &l->m->view;
	int err = get_index(l, at, o, "mesh", v->nmesh, &n->mesh);

	if (!err)
		err = get_index(l, at, o, "skin", v->nskin, &n->skin);
	if (!err)
		err = get_index(l, at, o, "camera", v->ncamera, &n->camera);
	if (err || n->skin < 0)
		return err;
	if (n->mesh < 0)
		return load_bad(l, AT_KEY(at, "skin"), -EINVAL, "needs a mesh");
	if (!l->mesh_skinned[n->mesh])
		return load_bad(l, AT_KEY(at, "skin"), -EINVAL,
			"mesh %d has no JOINTS_0 and WEIGHTS_0", n->mesh);
	if (l->mesh_joints[n->mesh] > v->skin[n->skin].njoint)
		return load_bad(l, AT_KEY(at, "skin"), -EINVAL,
			"mesh %d uses joint %u, the skin has %u", n->mesh,
			l->mesh_joints[n->mesh] - 1u, v->skin[n->skin].njoint);
	return 0;
}

static int weights(struct load *l, const struct at *at, const json_t *o, struct model_node *n)
{
	unsigned want = n->mesh < 0 ? 0 : l->m->view.mesh[n->mesh].nweight;
	float *w;
	int err = 0;

	if (!json_object_get(o, "weights"))
		return 0;
	if (want == 0)
		return load_bad(l, AT_KEY(at, "weights"), -EINVAL,
			"the node has no mesh with morph targets");
	w = load_take(l, at, want, sizeof(*w), &err);
	if (!err)
		err = get_floats(l, at, o, "weights", want, -FLT_MAX, FLT_MAX, w);
	n->weight = w;
	n->nweight = want;
	return err;
}

static int node_extensions(
	struct load *l, const struct at *at, const json_t *o, struct model_node *n)
{
	const struct at *ext = AT_KEY(at, "extensions");
	json_t *light = NULL, *visible = NULL;
	int err = get_extension(l, at, o, "KHR_lights_punctual", &light);

	n->light = -1;
	n->visible = true;
	if (!err && light)
		err = need_index(l, AT_KEY(ext, "KHR_lights_punctual"), light, "light",
			l->m->view.nlight, &n->light);
	if (!err)
		err = get_extension(l, at, o, "KHR_node_visibility", &visible);
	if (!err && visible)
		err = get_bool(
			l, AT_KEY(ext, "KHR_node_visibility"), visible, "visible", &n->visible);
	return err;
}

/* docs/messages.md: what the DCMF says about its nodes. extras is free, so odd types are no error.
 */
static int node_extras(struct load *l, const struct at *at, const json_t *o, struct model_node *n)
{
	const json_t *extras = json_object_get(o, "extras");
	const char *who = json_string_value(json_object_get(extras, "participant"));
	char *copy;
	int err = 0;

	n->removed = json_is_true(json_object_get(extras, "removed"));
	if (!who || !*who)
		return 0;
	copy = load_take(l, at, strlen(who) + 1, 1, &err);
	if (!err)
		memcpy(copy, who, strlen(who) + 1);
	n->participant = copy;
	return err;
}

static int one_node(struct load *l, unsigned i, const json_t *o, struct model_node *n)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "nodes"), i);
	int err = get_name(l, at, o, &n->name);

	n->parent = n->owner = -1;
	if (!err)
		err = get_indices(
			l, at, o, "children", list_size(l->doc, "nodes"), &n->child, &n->nchild);
	if (!err)
		err = transform(l, at, o, n);
	if (!err)
		err = mesh_and_skin(l, at, o, n);
	if (!err)
		err = weights(l, at, o, n);
	if (!err)
		err = node_extensions(l, at, o, n);
	if (!err)
		err = node_extras(l, at, o, n);
	return err;
}

/* ---------------------------------------------------------------- the tree */

static int find_parents(struct load *l, struct model_node *node, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < node[i].nchild; k++) {
			const struct at *children =
				AT_KEY(AT_INDEX(AT_KEY(NULL, "nodes"), i), "children");
			struct model_node *c = &node[node[i].child[k]];

			if (c->parent >= 0)
				return load_bad(l, AT_INDEX(children, k), -EINVAL,
					"node %u is a child of node %d already", node[i].child[k],
					c->parent);
			c->parent = (int)i;
		}
	}
	return 0;
}

/* Breadth first from the top: parents before children. Who is not reached hangs in a circle. */
static int sort_nodes(struct load *l, struct model_node *node, unsigned n, uint16_t *order)
{
	uint16_t *depth = calloc(n + 1, sizeof(*depth));
	unsigned have = 0;
	int err = depth ? 0 : -ENOMEM;

	for (unsigned i = 0; i < n; i++) {
		if (node[i].parent < 0)
			order[have++] = (uint16_t)i;
	}
	for (unsigned at = 0; at < have && !err; at++) {
		struct model_node *p = &node[order[at]];

		if (p->participant)
			p->owner = order[at];
		if (depth[order[at]] >= l->lim->depth)
			err = load_bad(l, AT_INDEX(AT_KEY(NULL, "nodes"), order[at]), -E2BIG,
				"has more than %u nodes above it", l->lim->depth);
		for (unsigned k = 0; k < p->nchild; k++) {
			node[p->child[k]].owner = p->owner;
			depth[p->child[k]] = (uint16_t)(depth[order[at]] + 1);
			order[have++] = p->child[k];
		}
	}
	for (unsigned i = 0; i < n && !err && have < n; i++) {
		if (node[i].parent >= 0 && depth[i] == 0)
			err = load_bad(l, AT_INDEX(AT_KEY(NULL, "nodes"), i), -EINVAL,
				"is its own descendant or below such a node");
	}
	free(depth);
	return err;
}

int load_nodes(struct load *l)
{
	unsigned n = list_size(l->doc, "nodes");
	const struct at *at = AT_KEY(NULL, "nodes");
	struct model_node *node;
	uint16_t *order;
	int err = 0;

	node = load_take(l, at, n, sizeof(*node), &err);
	order = load_take(l, at, n, sizeof(*order), &err);
	for (unsigned i = 0; i < n && !err; i++)
		err = one_node(l, i, json_array_get(json_object_get(l->doc, "nodes"), i), &node[i]);
	if (!err)
		err = find_parents(l, node, n);
	if (!err)
		err = sort_nodes(l, node, n, order);
	if (err)
		return err;
	l->m->view.node = n ? node : NULL;
	l->m->view.order = n ? order : NULL;
	l->m->view.nnode = n;
	return 0;
}

/* ---------------------------------------------------------------- scenes */

static int one_scene(struct load *l, unsigned i, bool shown)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "scenes"), i);
	const json_t *o = json_array_get(json_object_get(l->doc, "scenes"), i);
	struct model_node *node = (struct model_node *)l->m->view.node;
	const json_t *rev = json_object_get(json_object_get(o, "extras"), "rev");
	const uint16_t *list;
	unsigned n;
	int err = get_indices(l, at, o, "nodes", l->m->view.nnode, &list, &n);

	for (unsigned k = 0; k < n && !err; k++) {
		if (node[list[k]].parent >= 0)
			err = load_bad(l, AT_INDEX(AT_KEY(at, "nodes"), k), -EINVAL,
				"node %u is a child of node %d", list[k], node[list[k]].parent);
		node[list[k]].root |= shown;
	}
	if (i == 0 && json_is_integer(rev))
		l->m->view.rev = json_integer_value(rev);
	return err;
}

/* The default scene, or the first one when the document names none. */
int load_scene(struct load *l)
{
	unsigned n = list_size(l->doc, "scenes");
	int shown, err = get_index(l, NULL, l->doc, "scene", n, &shown);

	if (shown < 0)
		shown = 0;
	for (unsigned i = 0; i < n && !err; i++)
		err = one_scene(l, i, (int)i == shown);
	return err;
}
