/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "shared-scene": the AR call application that comes with mediad. Participants see each other, and
 * select, move, colour, add and remove objects. An object is a node with `extras.object` true; who
 * holds one owns it until release or leaving. Actions: docs/messages.md.
 */
#include "mediad/dcmf/app_internal.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Where participants stand until their first pose: around the middle, looking at it. */
static const struct {
	double t[3], r[4];
} places[] = {
	{{0, 1.6, 1.5}, {0, 0, 0, 1}},
	{{0, 1.6, -1.5}, {0, 1, 0, 0}},
	{{1.5, 1.6, 0}, {0, 0.70710678, 0, 0.70710678}},
	{{-1.5, 1.6, 0}, {0, -0.70710678, 0, 0.70710678}},
};

static void refuse(struct app_refusal *no, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void refuse(struct app_refusal *no, const char *code, const char *fmt, ...)
{
	va_list ap;

	snprintf(no->code, sizeof(no->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(no->reason, sizeof(no->reason), fmt, ap);
	va_end(ap);
}

/* ---- participants ---- */

static json_t *avatar(const struct app *a, const struct participant *p, unsigned index)
{
	int mesh = -1;
	size_t i;
	json_t *m, *n;

	json_array_foreach(json_object_get(scene_doc(a->scene), "meshes"), i, m)
	{
		const char *name = json_string_value(json_object_get(m, "name"));

		if (name && strcmp(name, "avatar") == 0)
			mesh = (int)i;
	}
	n = json_pack("{s:s+, s:{s:s, s:s}, s:{s:{s:s, s:[{s:s, s:i}]}}}", "name", "participant ",
		p->name, "extras", "participant", p->name, "user", p->user, "extensions",
		"MPEG_node_avatar", "type", "urn:mpeg:sd:2023:avatar", "mappings", "path",
		"/full_body/upper_body/head", "node", (int)index);
	if (n && mesh >= 0)
		json_object_set_new(n, "mesh", json_integer(mesh));
	return n;
}

static void place(struct app *a, const struct participant *p, unsigned index)
{
	unsigned k = index % (sizeof(places) / sizeof(places[0]));
	struct scene_pose pose;

	if (scene_pose_set(&pose, places[k].t, places[k].r) == 0)
		scene_set_pose(a->scene, (unsigned)p->node, &pose);
}

static unsigned number_of(const struct app *a, const struct participant *p)
{
	unsigned i;

	for (i = 0; i < a->n && a->p[i] != p; i++)
		;
	return i;
}

/* The node of one who has left for good: people come and go, the scene does not grow with them. */
static int take_over(struct app *a, struct participant *p, unsigned node)
{
	json_t *n = avatar(a, p, node), *v;
	char path[48];
	int err = n ? 0 : -ENOMEM;
	static const char *const members[] = {"name", "extras"};

	for (unsigned i = 0; !err && i < 2; i++) {
		v = json_object_get(n, members[i]);
		snprintf(path, sizeof(path), "/nodes/%u/%s", node, members[i]);
		err = scene_set(a->scene, path, json_incref(v));
	}
	json_decref(n);
	if (err)
		return err;
	p->node = (int)node;
	place(a, p, number_of(a, p));
	return scene_attach(a->scene, node, true);
}

static int on_join(struct app *a, struct participant *p)
{
	struct scene_stats s;
	unsigned node;
	int err;

	if (p->node >= 0)
		return scene_attach(a->scene, (unsigned)p->node, true);
	if (a->nspare)
		return take_over(a, p, a->spare[--a->nspare]);
	scene_get_stats(a->scene, &s);
	err = scene_add_node(a->scene, avatar(a, p, s.nodes), &node);
	if (err)
		return err;
	p->node = (int)node;
	place(a, p, number_of(a, p));
	return 0;
}

static const char *text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static const char *holder(const struct app *a, unsigned node)
{
	return text_of(json_object_get(scene_node(a->scene, node), "extras"), "heldBy");
}

static int set_extra(struct app *a, unsigned node, const char *name, json_t *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/nodes/%u/extras/%s", node, name);
	return scene_set(a->scene, path, value);
}

/* What the participant held or had selected is free again. */
static void on_leave(struct app *a, struct participant *p)
{
	static const char *const marks[] = {"heldBy", "selectedBy"};
	struct scene_stats s;

	scene_get_stats(a->scene, &s);
	for (unsigned i = 0; i < s.nodes; i++) {
		const json_t *extras = json_object_get(scene_node(a->scene, i), "extras");

		for (unsigned k = 0; k < 2; k++) {
			const char *by = text_of(extras, marks[k]);

			if (by && strcmp(by, p->name) == 0)
				set_extra(a, i, marks[k], json_null());
		}
	}
	if (p->node >= 0 && scene_attach(a->scene, (unsigned)p->node, false) != 0)
		ar_log(AR_LOG_WARN, "app", "%s stays in the scene", p->name);
}

/* ---- actions ---- */

struct job {
	struct app *a;
	struct participant *p;
	const json_t *body;
	unsigned node; /* the target */
	struct app_refusal *no;
};

static bool read_numbers(const json_t *v, const char *letters, double *out, unsigned n)
{
	char name[2] = "";

	for (unsigned i = 0; i < n; i++) {
		const json_t *x = json_is_array(v) ? json_array_get(v, i) : NULL;

		if (json_is_object(v)) {
			name[0] = letters[i];
			x = json_object_get(v, name);
		}
		if (!json_is_number(x))
			return false;
		out[i] = json_number_value(x);
	}
	return !json_is_array(v) || json_array_size(v) == n;
}

/* position and orientation of the action onto *pose; absent ones stay. */
static bool read_pose(struct job *j, struct scene_pose *pose)
{
	const json_t *pos = json_object_get(j->body, "position");
	const json_t *ori = json_object_get(j->body, "orientation");
	double t[3], r[4];

	for (unsigned i = 0; i < 3; i++)
		t[i] = (double)pose->t[i] / SCENE_T_UNIT;
	for (unsigned i = 0; i < 4; i++)
		r[i] = (double)pose->r[i] / SCENE_R_UNIT;
	if ((pos && !read_numbers(pos, "xyz", t, 3)) || (ori && !read_numbers(ori, "xyzw", r, 4)) ||
		scene_pose_set(pose, t, r) != 0) {
		refuse(j->no, "malformed", "position or orientation is not usable");
		return false;
	}
	return true;
}

static bool find_target(struct job *j)
{
	const json_t *t = json_object_get(j->body, "target"), *extras;
	int node = -1;

	if (json_is_integer(t) && json_integer_value(t) >= 0 &&
		json_integer_value(t) < SCENE_MAX_NODES)
		node = (int)json_integer_value(t);
	else if (json_is_string(t))
		node = scene_find(
			j->a->scene, (struct ar_span){json_string_value(t), json_string_length(t)});
	extras = node >= 0 ? json_object_get(scene_node(j->a->scene, (unsigned)node), "extras")
			   : NULL;
	if (!json_is_true(json_object_get(extras, "object"))) {
		refuse(j->no, "no-target", "target names no object of this scene");
		return false;
	}
	j->node = (unsigned)node;
	return true;
}

static bool held_by_other(struct job *j)
{
	const char *by = holder(j->a, j->node);

	if (!by || strcmp(by, j->p->name) == 0)
		return false;
	refuse(j->no, "held", "held by %.60s", by);
	return true;
}

static void done(struct job *j, int err)
{
	if (err)
		refuse(j->no, err == -ENOSPC ? "full" : "failed", "%s", strerror(-err));
}

static void do_select(struct job *j)
{
	const json_t *on = json_object_get(j->body, "on");
	bool off = json_is_false(on);

	done(j, set_extra(
			j->a, j->node, "selectedBy", off ? json_null() : json_string(j->p->name)));
}

static void do_move(struct job *j)
{
	struct scene_pose pose = *scene_node_pose(j->a->scene, j->node);
	const char *phase = text_of(j->body, "phase");
	bool grab = phase && strcmp(phase, "grab") == 0;
	bool release = phase && strcmp(phase, "release") == 0;
	int err = 0;

	if (phase && !grab && !release && strcmp(phase, "move") != 0) {
		refuse(j->no, "malformed", "phase is grab, move or release");
		return;
	}
	if (held_by_other(j) || !read_pose(j, &pose))
		return;
	if (phase && !grab && !holder(j->a, j->node)) {
		refuse(j->no, "not-held", "grab it first");
		return;
	}
	if (grab && !holder(j->a, j->node))
		err = set_extra(j->a, j->node, "heldBy", json_string(j->p->name));
	if (!err)
		err = scene_set_pose(j->a->scene, j->node, &pose);
	if (!err && release)
		err = set_extra(j->a, j->node, "heldBy", json_null());
	done(j, err);
}

static bool read_colour(struct job *j, double *c)
{
	const json_t *v = json_object_get(j->body, "color");
	bool ok = json_is_array(v);

	c[3] = 1;
	if (ok && json_array_size(v) == 3)
		ok = read_numbers(v, "", c, 3);
	else if (ok)
		ok = read_numbers(v, "", c, 4);
	for (unsigned i = 0; ok && i < 4; i++)
		ok = c[i] >= 0 && c[i] <= 1;
	if (!ok)
		refuse(j->no, "malformed", "color is a list of 3 or 4 numbers from 0 to 1");
	return ok;
}

static json_t *colour_json(const double *c)
{
	/* three decimals: what an eye can tell apart, and short */
	return json_pack("[f, f, f, f]", (int)(c[0] * 1000 + 0.5) / 1000.0,
		(int)(c[1] * 1000 + 0.5) / 1000.0, (int)(c[2] * 1000 + 0.5) / 1000.0,
		(int)(c[3] * 1000 + 0.5) / 1000.0);
}

static int material_of(const struct app *a, unsigned node)
{
	const json_t *mesh = json_object_get(scene_node(a->scene, node), "mesh");
	const json_t *prim, *m;

	if (!json_is_integer(mesh))
		return -1;
	prim = json_array_get(
		json_object_get(json_array_get(json_object_get(scene_doc(a->scene), "meshes"),
					(size_t)json_integer_value(mesh)),
			"primitives"),
		0);
	m = json_object_get(prim, "material");
	return json_is_integer(m) ? (int)json_integer_value(m) : -1;
}

static void do_colour(struct job *j)
{
	int material = material_of(j->a, j->node);
	char path[80];
	double c[4];

	if (held_by_other(j) || !read_colour(j, c))
		return;
	if (material < 0) {
		refuse(j->no, "no-material", "the target has no material");
		return;
	}
	snprintf(
		path, sizeof(path), "/materials/%d/pbrMetallicRoughness/baseColorFactor", material);
	done(j, scene_set(j->a->scene, path, colour_json(c)));
}

/* The first primitive of the mesh that is named so, for a copy with a material of its own. */
static json_t *shape_of(const struct app *a, const char *name)
{
	size_t i;
	json_t *m;

	json_array_foreach(json_object_get(scene_doc(a->scene), "meshes"), i, m)
	{
		const char *n = text_of(m, "name");

		if (n && strcmp(n, name) == 0 && strcmp(n, "avatar") != 0)
			return json_deep_copy(json_array_get(json_object_get(m, "primitives"), 0));
	}
	return NULL;
}

static int add_object(struct job *j, json_t *prim, const double *c, const struct scene_pose *pose)
{
	unsigned material, mesh, node;
	json_t *n;
	int err = scene_append(j->a->scene, "materials",
		json_pack("{s:{s:o, s:f, s:f}}", "pbrMetallicRoughness", "baseColorFactor",
			colour_json(c), "metallicFactor", 0.0, "roughnessFactor", 0.8),
		&material);

	if (err) {
		json_decref(prim);
		return err;
	}
	json_object_set_new(prim, "material", json_integer(material));
	err = scene_append(j->a->scene, "meshes", json_pack("{s:[o]}", "primitives", prim), &mesh);
	if (err)
		return err;
	n = json_pack("{s:s+, s:i, s:{s:b, s:s, s:n}}", "name", "added ", text_of(j->body, "shape"),
		"mesh", (int)mesh, "extras", "object", 1, "addedBy", j->p->name, "heldBy");
	err = scene_add_node(j->a->scene, n, &node);
	return err ? err : scene_set_pose(j->a->scene, node, pose);
}

static void do_add(struct job *j)
{
	struct scene_pose pose = {{0, SCENE_T_UNIT, 0}, {0, 0, 0, SCENE_R_UNIT}};
	const char *shape = text_of(j->body, "shape");
	double c[4] = {0.9, 0.6, 0.1, 1};
	json_t *prim;
	int err;

	if (!read_pose(j, &pose))
		return;
	if (json_object_get(j->body, "color") && !read_colour(j, c))
		return;
	if (j->a->objects >= APP_MAX_OBJECTS) {
		refuse(j->no, "full", "%d objects have been added", APP_MAX_OBJECTS);
		return;
	}
	/* before its material and mesh are there: those would stay, and every try add more */
	if (!app_room_for_node(j->a)) {
		refuse(j->no, "full", "the scene has as many nodes as it may");
		return;
	}
	prim = shape ? shape_of(j->a, shape) : NULL;
	if (!prim) {
		refuse(j->no, "no-shape", "shape names no mesh of this scene");
		return;
	}
	err = add_object(j, prim, c, &pose);
	if (!err)
		j->a->objects++;
	done(j, err);
}

static void do_remove(struct job *j)
{
	if (!held_by_other(j))
		done(j, scene_remove(j->a->scene, j->node));
}

static const struct {
	const char *name;
	bool target;
	void (*run)(struct job *j);
} actions[] = {
	{"select", true, do_select},
	{"highlight", true, do_select},
	{"tap", true, do_select},
	{"move", true, do_move},
	{"set-color", true, do_colour},
	{"add", false, do_add},
	{"remove", true, do_remove},
};

static void on_action(
	struct app *a, struct participant *p, const struct app_action *act, struct app_refusal *no)
{
	struct job j = {.a = a, .p = p, .body = act->body, .no = no};

	for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (!ar_span_eq(act->name, ar_span_str(actions[i].name)))
			continue;
		if (!actions[i].target || find_target(&j))
			actions[i].run(&j);
		return;
	}
	refuse(no, "unknown", "this application knows no such action");
}

const struct app_ops app_shared = {
	.name = "shared-scene",
	.on_join = on_join,
	.on_leave = on_leave,
	.on_action = on_action,
};
