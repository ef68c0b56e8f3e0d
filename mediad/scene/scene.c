/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/scene/scene_internal.h"

#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"
#include "mediad/scene/interact.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int32_t fixed(double v, double unit)
{
	return (int32_t)(v * unit + (v < 0 ? -0.5 : 0.5));
}

int scene_pose_set(struct scene_pose *out, const double t[3], const double r[4])
{
	double n = r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + r[3] * r[3];

	if (!isfinite(n))
		return -EDOM;
	if (n < 0.81 || n > 1.21)
		return -EINVAL;
	for (unsigned i = 0; t && i < 3; i++) {
		if (!isfinite(t[i]))
			return -EDOM;
		if (fabs(t[i]) > SCENE_MAX_METRES)
			return -ERANGE;
	}
	n = 1 / sqrt(n);
	for (unsigned i = 0; i < 4; i++)
		out->r[i] = fixed(r[i] * n, SCENE_R_UNIT);
	for (unsigned i = 0; t && i < 3; i++)
		out->t[i] = fixed(t[i], SCENE_T_UNIT);
	return 0;
}

void scene_place_of(const struct scene_pose *pose, struct scene_place *out)
{
	float q[4];

	for (int i = 0; i < 3; i++)
		out->at[i] = (float)pose->t[i] / SCENE_T_UNIT;
	for (int i = 0; i < 4; i++)
		q[i] = (float)pose->r[i] / SCENE_R_UNIT;
	out->ahead[0] = -2 * (q[0] * q[2] + q[3] * q[1]);
	out->ahead[1] = -2 * (q[1] * q[2] - q[3] * q[0]);
	out->ahead[2] = -1 + 2 * (q[0] * q[0] + q[1] * q[1]);
}

static unsigned read_vec(const json_t *a, double *v, unsigned n)
{
	if (json_array_size(a) != n)
		return 0;
	for (unsigned i = 0; i < n; i++)
		v[i] = json_number_value(json_array_get(a, i));
	return n;
}

/* Moves translation and rotation out of the JSON; gltf_check() has seen their shape. */
static int take_pose(struct scene_node_state *st, json_t *node)
{
	double t[3] = {0, 0, 0}, r[4] = {0, 0, 0, 1};
	int err;

	*st = (struct scene_node_state){.fixed = json_object_get(node, "matrix") != NULL};
	if (st->fixed)
		return 0;
	read_vec(json_object_get(node, "translation"), t, 3);
	read_vec(json_object_get(node, "rotation"), r, 4);
	err = scene_pose_set(&st->pose, t, r);
	json_object_del(node, "translation");
	json_object_del(node, "rotation");
	return err;
}

static int grow(struct scene *s)
{
	unsigned cap = s->cap ? s->cap * 2 : 32;
	struct scene_node_state *n;

	if (s->nnode < s->cap)
		return 0;
	if (s->nnode >= SCENE_MAX_NODES)
		return -ENOSPC;
	if (cap > SCENE_MAX_NODES)
		cap = SCENE_MAX_NODES;
	n = realloc(s->node, cap * sizeof(*n));
	if (!n)
		return -ENOMEM;
	s->node = n;
	s->cap = cap;
	return 0;
}

/* What mediad itself puts into scenes. */
static int declare_extension(json_t *doc, const char *name)
{
	json_t *list = json_object_get(doc, "extensionsUsed"), *v;
	size_t i;

	if (!list) {
		list = json_array();
		if (json_object_set_new(doc, "extensionsUsed", list) != 0)
			return -ENOMEM;
	}
	json_array_foreach(list, i, v)
	{
		if (strcmp(json_string_value(v), name) == 0)
			return 0;
	}
	return json_array_append_new(list, json_string(name)) == 0 ? 0 : -ENOMEM;
}

/* The members every scene has, whatever the file left out. */
static int complete(struct scene *s)
{
	json_t *scene = json_array_get(json_object_get(s->doc, "scenes"), 0);
	json_t *extras = json_object_get(scene, "extras");

	if (!json_is_object(extras)) {
		extras = json_object();
		if (json_object_set_new(scene, "extras", extras) != 0)
			return -ENOMEM;
	}
	if (json_object_set_new(s->doc, "scene", json_integer(0)) != 0)
		return -ENOMEM;
	s->rev_json = json_integer(1);
	s->rev = 1;
	if (json_object_set_new(extras, "rev", s->rev_json) != 0)
		return -ENOMEM;
	s->nodes = json_object_get(s->doc, "nodes");
	s->roots = json_object_get(scene, "nodes");
	return declare_extension(s->doc, "MPEG_node_avatar");
}

static int take_nodes(struct scene *s, struct ar_buf *why)
{
	json_t *node;
	size_t i;
	int err;

	json_array_foreach(s->nodes, i, node)
	{
		err = grow(s);
		if (!err)
			err = take_pose(&s->node[i], node);
		if (err) {
			ar_buf_printf(why, "/nodes/%zu: translation or rotation out of range", i);
			return err == -ENOMEM ? err : -EINVAL;
		}
		s->nnode++;
	}
	return 0;
}

/* That it can be executed; who does reads it again. */
static int check_interactivity(const json_t *doc, struct ar_buf *why)
{
	struct interact *in;
	int err = interact_read(&in, doc, why);

	if (!err)
		free(in);
	return err;
}

int scene_load(struct scene **sp, struct ar_span text, struct ar_buf *why)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct json_strict_error je;
	int err = s ? 0 : -ENOMEM;

	if (!err && text.n > SCENE_MAX_BYTES) {
		ar_buf_printf(why, "%zu bytes, the limit is %d", text.n, SCENE_MAX_BYTES);
		err = -E2BIG;
	}
	if (!err && !(s->doc = json_strict_load(text, SCENE_MAX_DEPTH, &je))) {
		ar_buf_printf(why, "%s", je.why);
		err = -EINVAL;
	}
	if (!err)
		err = gltf_check(s->doc, why);
	if (!err)
		err = check_interactivity(s->doc, why);
	if (!err)
		err = complete(s);
	if (!err)
		err = take_nodes(s, why);
	if (err)
		scene_free(s);
	else
		*sp = s;
	if (!err)
		s->made_with = s->nnode;
	return err;
}

int scene_clone(struct scene **sp, const struct scene *from)
{
	struct scene *s = calloc(1, sizeof(*s));
	int err = s ? 0 : -ENOMEM;

	if (!err && !(s->doc = json_deep_copy(from->doc)))
		err = -ENOMEM;
	if (!err)
		err = complete(s);
	if (!err && !(s->node = malloc((from->nnode + 1) * sizeof(*s->node))))
		err = -ENOMEM;
	if (err) {
		scene_free(s);
		return err;
	}
	memcpy(s->node, from->node, from->nnode * sizeof(*s->node));
	s->nnode = s->made_with = from->nnode;
	s->cap = from->nnode + 1;
	*sp = s;
	return 0;
}

void scene_free(struct scene *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < SCENE_MAX_JOURNAL; i++)
		free(s->change[i].text);
	json_decref(s->doc);
	free(s->node);
	free(s);
}

void scene_get_stats(const struct scene *s, struct scene_stats *out)
{
	*out = (struct scene_stats){
		.rev = s->rev, .nodes = s->nnode, .gone = s->gone, .views = s->nview};
}

int scene_find(const struct scene *s, struct ar_span name)
{
	for (unsigned i = 0; i < s->nnode; i++) {
		const json_t *n = json_object_get(json_array_get(s->nodes, i), "name");

		if (!s->node[i].gone && n && ar_span_eq(ar_span_str(json_string_value(n)), name))
			return (int)i;
	}
	return -1;
}

const json_t *scene_node(const struct scene *s, unsigned node)
{
	return node < s->nnode && !s->node[node].gone ? json_array_get(s->nodes, node) : NULL;
}

const struct scene_pose *scene_node_pose(const struct scene *s, unsigned node)
{
	return node < s->nnode ? &s->node[node].pose : NULL;
}

const json_t *scene_doc(const struct scene *s)
{
	return s->doc;
}

uint64_t scene_looks(const struct scene *s)
{
	return s->looks;
}

int scene_set_pose(struct scene *s, unsigned node, const struct scene_pose *pose)
{
	struct scene_node_state *st;

	if (node >= s->nnode || s->node[node].gone)
		return -ENOENT;
	st = &s->node[node];
	if (st->fixed)
		return -EPERM;
	if (memcmp(&st->pose, pose, sizeof(*pose)) == 0)
		return 0;
	st->pose = *pose;
	st->text_n = 0;
	s->rev++;
	for (unsigned i = 0; i < s->nview; i++)
		s->view[i]->dirty[node / 64] |= 1ull << (node % 64);
	return 0;
}

/* Takes the operations' text out of b. */
static int journal(struct scene *s, struct ar_buf *b)
{
	struct scene_change *c = &s->change[s->journal % SCENE_MAX_JOURNAL];

	if (ar_buf_err(b)) {
		int err = ar_buf_err(b);

		ar_buf_free(b);
		return err;
	}
	free(c->text);
	*c = (struct scene_change){b->p, b->n};
	s->journal++;
	s->rev++;
	return 0;
}

static void op_roots(struct scene *s, struct ar_buf *b)
{
	ar_buf_add_str(b, "{\"op\":\"replace\",\"path\":\"/scenes/0/nodes\",\"value\":");
	scene_dump(b, s->roots);
	ar_buf_add(b, "}", 1);
}

static int append_json(struct scene *s, json_t *node)
{
	if (json_array_append(s->nodes, node) != 0)
		return -ENOMEM;
	if (json_array_append_new(s->roots, json_integer(s->nnode)) != 0) {
		json_array_remove(s->nodes, s->nnode);
		return -ENOMEM;
	}
	return 0;
}

/* Looked for in turn, so that it is long until an index means something else. */
static int tombstone(struct scene *s)
{
	for (unsigned i = 0; s->gone && i < s->nnode; i++) {
		unsigned at = s->refill++ % s->nnode;

		if (at >= s->made_with && s->node[at].gone)
			return (int)at;
	}
	return -ENOSPC;
}

static int refill(struct scene *s, json_t *node, unsigned at)
{
	struct scene_node_state st = {.text_n = 0};
	struct ar_buf b;
	int err = take_pose(&st, node);

	if (!err && json_array_append_new(s->roots, json_integer(at)) != 0)
		err = -ENOMEM;
	if (err)
		return err;
	json_array_set(s->nodes, at, node);
	s->node[at] = st;
	s->gone--;
	s->looks++;
	ar_buf_init(&b, SCENE_MAX_BYTES);
	ar_buf_printf(&b, "{\"op\":\"replace\",\"path\":\"/nodes/%u\",\"value\":", at);
	scene_write_node(s, at, &b);
	ar_buf_add_str(&b, "},");
	op_roots(s, &b);
	return journal(s, &b);
}

int scene_add_node(struct scene *s, json_t *node, unsigned *index)
{
	struct ar_buf b;
	int err = node ? grow(s) : -ENOMEM;

	if (err == -ENOSPC && (err = tombstone(s)) >= 0) {
		*index = (unsigned)err;
		err = refill(s, node, *index);
		json_decref(node);
		return err;
	}

	if (!err)
		err = take_pose(&s->node[s->nnode], node);
	if (!err)
		err = append_json(s, node);
	json_decref(node);
	if (err)
		return err;
	*index = s->nnode++;
	s->looks++;
	ar_buf_init(&b, SCENE_MAX_BYTES);
	ar_buf_add_str(&b, "{\"op\":\"add\",\"path\":\"/nodes/-\",\"value\":");
	scene_write_node(s, *index, &b);
	ar_buf_add_str(&b, "},");
	op_roots(s, &b);
	return journal(s, &b);
}

int scene_append(struct scene *s, const char *name, json_t *item, unsigned *index)
{
	json_t *list = json_object_get(s->doc, name);
	char path[64];
	struct ar_buf b;

	snprintf(path, sizeof(path), "/%s", name);
	if (item && !list) { /* glTF: no empty lists, so it begins with the first */
		*index = 0;
		return scene_set(s, path, json_pack("[o]", item));
	}
	if (!item || json_array_append_new(list, item) != 0)
		return -ENOMEM;
	*index = (unsigned)json_array_size(list) - 1;
	s->looks++;
	ar_buf_init(&b, SCENE_MAX_BYTES);
	ar_buf_printf(&b, "{\"op\":\"add\",\"path\":\"/%s/-\",\"value\":", name);
	scene_dump(&b, item);
	ar_buf_add(&b, "}", 1);
	return journal(s, &b);
}

static int root_position(const struct scene *s, unsigned node)
{
	size_t i;
	json_t *v;

	json_array_foreach(s->roots, i, v)
	{
		if (json_integer_value(v) == (json_int_t)node)
			return (int)i;
	}
	return -1;
}

int scene_attach(struct scene *s, unsigned node, bool on)
{
	int at = root_position(s, node);
	struct ar_buf b;

	if (!scene_node(s, node))
		return -ENOENT;
	if ((at >= 0) == on)
		return 0;
	if (on && json_array_append_new(s->roots, json_integer(node)) != 0)
		return -ENOMEM;
	if (!on && json_array_size(s->roots) == 1)
		return -EPERM; /* glTF: a scene's list of nodes is never empty */
	if (!on)
		json_array_remove(s->roots, (size_t)at);
	s->looks++;
	ar_buf_init(&b, SCENE_MAX_BYTES);
	op_roots(s, &b);
	return journal(s, &b);
}

int scene_remove(struct scene *s, unsigned node)
{
	char path[48];
	int err = scene_attach(s, node, false);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/nodes/%u/extras", node);
	err = scene_set(s, path, json_pack("{s:b}", "removed", 1));
	if (!err) {
		s->node[node].gone = true;
		s->gone++;
	}
	return err;
}

int scene_set(struct scene *s, const char *pointer, json_t *value)
{
	json_t *parent = NULL;
	const char *last = strrchr(pointer, '/');
	char above[256];
	struct ar_buf b;

	/* it becomes part of a JSON text, and the list of nodes is ours */
	if (strpbrk(pointer, "\"\\\n\r\t") || strcmp(pointer, "/nodes") == 0) {
		json_decref(value);
		return -EINVAL;
	}
	if (value && last && (size_t)(last - pointer) < sizeof(above)) {
		memcpy(above, pointer, (size_t)(last - pointer));
		above[last - pointer] = '\0';
		parent = json_pointer_get(s->doc, above);
	}
	if (!json_is_object(parent)) {
		json_decref(value);
		return value ? -ENOENT : -ENOMEM;
	}
	if (json_object_set_new(parent, last + 1, value) != 0)
		return -ENOMEM;
	/* whether an animation runs is in its extras, and is seen */
	s->looks += strstr(pointer, "/extras") == NULL ||
		    strncmp(pointer, "/animations/", strlen("/animations/")) == 0;
	ar_buf_init(&b, SCENE_MAX_BYTES);
	ar_buf_printf(&b, "{\"op\":\"add\",\"path\":\"%s\",\"value\":", pointer);
	scene_dump(&b, value);
	ar_buf_add(&b, "}", 1);
	return journal(s, &b);
}
