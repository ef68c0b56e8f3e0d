/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/scene/interact.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define HALF_FIELD 0.5f /* cosine of 60 degrees: of participants, and cameras that say nothing */

struct reader {
	const json_t *doc;
	struct interact *in;
	struct ar_buf *why;
	const char *list; /* what is being read, for messages */
	size_t at;
	unsigned pairs;
};

static int bad(struct reader *r, const char *member, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int bad(struct reader *r, const char *member, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ar_buf_printf(r->why, "/scenes/0/extensions/MPEG_scene_interactivity/%s/%zu/%s: %s",
		r->list, r->at, member, text);
	return -EINVAL;
}

/* A name of the table, or its number: the texts of the standard have had both. */
static int read_enum(struct reader *r, const json_t *o, const char *member, const char *prefix,
	const char *const *names, unsigned n)
{
	const json_t *v = json_object_get(o, member);
	const char *s = json_string_value(v);
	size_t skip = strlen(prefix);

	if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < n)
		return (int)json_integer_value(v);
	if (s && strncmp(s, prefix, skip) == 0)
		s += skip;
	for (unsigned i = 0; s && i < n; i++) {
		/* the schema has "DISABLED " */
		if (ar_span_eq(ar_span_trim(ar_span_str(s)), ar_span_str(names[i])))
			return (int)i;
	}
	return bad(r, member, "want %s%s or another of its kind", prefix, names[0]);
}

static int read_index(
	struct reader *r, const json_t *o, const char *member, size_t have, unsigned *out)
{
	const json_t *v = json_object_get(o, member);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		(size_t)json_integer_value(v) >= have)
		return bad(r, member, "no such entry, there are %zu", have);
	*out = (unsigned)json_integer_value(v);
	return 0;
}

static size_t count(const struct reader *r, const char *list)
{
	return json_array_size(json_object_get(r->doc, list));
}

/* Distances, and what is shown or not, are of nodes that nothing stands above. */
static bool has_parent(const struct reader *r, unsigned node)
{
	size_t i, k;
	json_t *n, *c;

	json_array_foreach(json_object_get(r->doc, "nodes"), i, n)
	{
		json_array_foreach(json_object_get(n, "children"), k, c)
		{
			if (json_integer_value(c) == (json_int_t)node)
				return true;
		}
	}
	return false;
}

static int read_node(struct reader *r, const json_t *v, const char *member, bool top, unsigned *out)
{
	const json_t *n;

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		(size_t)json_integer_value(v) >= count(r, "nodes"))
		return bad(r, member, "no such node");
	*out = (unsigned)json_integer_value(v);
	n = json_array_get(json_object_get(r->doc, "nodes"), *out);
	if (top && (has_parent(r, *out) || json_object_get(n, "matrix")))
		return bad(r, member, "node %u: want one without parent or matrix", *out);
	return 0;
}

static int read_nodes(struct reader *r, const json_t *o, bool top, uint16_t *node, unsigned *n)
{
	const json_t *list = json_object_get(o, "nodes");
	size_t i;
	json_t *v;

	if (list && (!json_is_array(list) || json_array_size(list) > INTERACT_MAX_NODES))
		return bad(r, "nodes", "want a list of at most %d", INTERACT_MAX_NODES);
	json_array_foreach(list, i, v)
	{
		unsigned index = 0;
		int err = read_node(r, v, "nodes", top, &index);

		if (err)
			return err;
		node[(*n)++] = (uint16_t)index;
	}
	return 0;
}

static int read_number(struct reader *r, const json_t *o, const char *member, double absent,
	double max, double *out)
{
	const json_t *v = json_object_get(o, member);

	*out = v ? json_number_value(v) : absent;
	if ((v && !json_is_number(v)) || !isfinite(*out) || *out < 0 || *out > max)
		return bad(r, member, "want a number from 0 to %g", max);
	return 0;
}

/* ---- triggers ---- */

static int read_proximity(struct reader *r, const json_t *o, struct interact_trigger *t)
{
	double lower = 0, upper = 0;
	int err = read_number(r, o, "distanceLowerLimit", 0, SCENE_MAX_METRES, &lower);

	if (!err)
		err = read_number(
			r, o, "distanceUpperLimit", SCENE_MAX_METRES, SCENE_MAX_METRES, &upper);
	if (!err && lower > upper)
		err = bad(r, "distanceLowerLimit", "above distanceUpperLimit");
	t->lower = (float)lower;
	t->upper = (float)upper;
	return err;
}

/* A cone around the camera's axis, as wide as the wider of its fields. */
static void read_camera(const struct reader *r, struct interact_trigger *t)
{
	const json_t *n = json_array_get(json_object_get(r->doc, "nodes"), (size_t)t->reference);
	const json_t *c = json_array_get(json_object_get(r->doc, "cameras"),
		(size_t)json_integer_value(json_object_get(n, "camera")));
	const json_t *p = json_object_get(c, "perspective");
	double half = json_number_value(json_object_get(p, "yfov")) / 2;
	double aspect = json_number_value(json_object_get(p, "aspectRatio"));

	if (json_object_get(n, "camera") && half > 0 && half < 1.57)
		t->cosine = (float)cos(aspect > 1 ? atan(tan(half) * aspect) : half);
}

static int read_reference(
	struct reader *r, const json_t *o, const char *member, struct interact_trigger *t)
{
	const json_t *v = json_object_get(o, member);
	unsigned node = 0;
	int err = v ? read_node(r, v, member, true, &node) : 0;

	if (v && !err)
		t->reference = (int)node;
	return err;
}

static int read_input(struct reader *r, const json_t *o, struct interact_trigger *t)
{
	const char *s = json_string_value(json_object_get(o, "userInputDescription"));

	if (!s || !*s || strlen(s) > INTERACT_MAX_TEXT)
		return bad(r, "userInputDescription", "want 1 to %d bytes", INTERACT_MAX_TEXT);
	memcpy(t->input, s, strlen(s) + 1);
	return 0;
}

static int read_trigger(struct reader *r, const json_t *o)
{
	static const char *const types[] = {"COLLISION", "PROXIMITY", "USER_INPUT", "VISIBILITY"};
	struct interact_trigger *t = &r->in->trigger[r->in->ntrigger++];
	int type = read_enum(r, o, "type", "TRIGGER_", types, 4), err;

	if (type < 0)
		return type;
	*t = (struct interact_trigger){
		.type = (enum interact_trigger_type)type, .reference = -1, .cosine = HALF_FIELD};
	if (t->type == INTERACT_COLLISION)
		return 0;
	err = read_nodes(r, o, t->type != INTERACT_USER_INPUT, t->node, &t->nnode);
	r->pairs += t->nnode;
	if (!err && r->pairs > INTERACT_MAX_PAIRS)
		err = bad(r, "nodes", "more than %d in all triggers", INTERACT_MAX_PAIRS);
	if (!err && t->type == INTERACT_PROXIMITY)
		err = read_proximity(r, o, t);
	if (!err && t->type == INTERACT_PROXIMITY)
		err = read_reference(r, o, "referenceNode", t);
	if (!err && t->type == INTERACT_VISIBILITY)
		err = read_reference(r, o, "cameraNode", t);
	if (!err && t->type == INTERACT_VISIBILITY && t->reference >= 0)
		read_camera(r, t);
	if (!err && t->type == INTERACT_USER_INPUT)
		err = read_input(r, o, t);
	return err;
}

/* ---- actions ---- */

/* Column-major, as every matrix of glTF; a scene's nodes have a place and a turn of their own, so
 * it may not scale or shear. */
static int read_transform(struct reader *r, const json_t *o, struct interact_action *a)
{
	const json_t *v = json_object_get(o, "transform");
	double m[16], q[4], t[3], w, best = 0;
	unsigned k = 0;

	for (unsigned i = 0; i < 16; i++) {
		m[i] = json_number_value(json_array_get(v, i));
		if (json_array_size(v) != 16 || !json_is_number(json_array_get(v, i)))
			return bad(r, "transform", "want 16 numbers");
	}
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned j = 0; j < 3; j++) {
			double dot = m[4 * i] * m[4 * j] + m[4 * i + 1] * m[4 * j + 1] +
				     m[4 * i + 2] * m[4 * j + 2];

			if (!(fabs(dot - (i == j)) < 1e-3))
				return bad(r, "transform", "want a rotation and a translation");
		}
	}
	/* the largest of 4w^2, 4x^2, 4y^2, 4z^2 keeps its accuracy */
	for (unsigned i = 0; i < 4; i++) {
		w = 1 + (i == 0 || i == 1 ? m[0] : -m[0]) + (i == 0 || i == 2 ? m[5] : -m[5]) +
		    (i == 0 || i == 3 ? m[10] : -m[10]);
		if (w > best)
			best = w, k = i;
	}
	w = 2 * sqrt(best);
	q[3] = k == 0 ? w / 4 : (k == 1 ? m[6] - m[9] : k == 2 ? m[8] - m[2] : m[1] - m[4]) / w;
	q[0] = k == 1 ? w / 4 : (k == 0 ? m[6] - m[9] : k == 2 ? m[1] + m[4] : m[8] + m[2]) / w;
	q[1] = k == 2 ? w / 4 : (k == 0 ? m[8] - m[2] : k == 1 ? m[1] + m[4] : m[6] + m[9]) / w;
	q[2] = k == 3 ? w / 4 : (k == 0 ? m[1] - m[4] : k == 1 ? m[8] + m[2] : m[6] + m[9]) / w;
	memcpy(t, m + 12, sizeof(t));
	if (scene_pose_set(&a->pose, t, q) != 0)
		return bad(r, "transform", "out of range, or a reflection");
	return 0;
}

static int read_material(struct reader *r, const json_t *o, struct interact_action *a)
{
	for (unsigned i = 0; i < a->nnode; i++) {
		const json_t *n = json_array_get(json_object_get(r->doc, "nodes"), a->node[i]);

		if (!json_object_get(n, "mesh"))
			return bad(r, "nodes", "node %u has no mesh", a->node[i]);
	}
	return read_index(r, o, "material", count(r, "materials"), &a->index);
}

static int read_control(struct reader *r, const json_t *o, const char *member, const char *prefix,
	struct interact_action *a)
{
	static const char *const names[] = {"PLAY", "PAUSE", "STOP", "RESUME"};
	int control = read_enum(r, o, member, prefix, names, 4);

	if (control < 0)
		return control;
	a->control = (enum interact_control)control;
	return 0;
}

static size_t media(const struct reader *r)
{
	return json_array_size(json_object_get(
		json_object_get(json_object_get(r->doc, "extensions"), "MPEG_media"), "media"));
}

static int read_activate(struct reader *r, const json_t *o, struct interact_action *a)
{
	static const char *const names[] = {"ENABLED", "DISABLED"};
	int status = read_enum(r, o, "activationStatus", "", names, 2);

	a->enable = status == 0;
	return status < 0 ? status : 0;
}

static int read_action_kind(struct reader *r, const json_t *o, struct interact_action *a)
{
	int err = 0;

	switch (a->type) {
	case INTERACT_ACTIVATE:
		return read_activate(r, o, a);
	case INTERACT_TRANSFORM:
		return read_transform(r, o, a);
	case INTERACT_ANIMATION:
		err = read_index(r, o, "animation", count(r, "animations"), &a->index);
		return err ? err : read_control(r, o, "animationControl", "ANIMATION_", a);
	case INTERACT_MEDIA:
		err = read_index(r, o, "media", media(r), &a->index);
		return err ? err : read_control(r, o, "mediaControl", "MEDIA_", a);
	case INTERACT_SET_MATERIAL:
		return read_material(r, o, a);
	case INTERACT_BLOCK:
	case INTERACT_MANIPULATE:
	case INTERACT_HAPTIC:
		break;
	}
	return 0;
}

static int read_action(struct reader *r, const json_t *o)
{
	static const char *const types[] = {"ACTIVATE", "TRANSFORM", "BLOCK", "ANIMATION", "MEDIA",
		"MANIPULATE", "SET_MATERIAL", "SET_HAPTIC"};
	struct interact_action *a = &r->in->action[r->in->naction++];
	int type = read_enum(r, o, "type", "ACTION_", types, 8), err;
	double delay = 0;

	if (type < 0)
		return type;
	*a = (struct interact_action){.type = (enum interact_action_type)type};
	err = read_number(r, o, "delay", 0, INTERACT_MAX_DELAY, &delay);
	a->delay = (uint64_t)(delay * 1e6);
	if (!err)
		err = read_nodes(r, o,
			a->type == INTERACT_ACTIVATE || a->type == INTERACT_TRANSFORM, a->node,
			&a->nnode);
	return err ? err : read_action_kind(r, o, a);
}

/* ---- behaviors ---- */

struct formula {
	const char *p;
	struct interact_behavior *b;
	unsigned ntrigger, depth;
};

static bool either(struct formula *f);

static bool emit(struct formula *f, uint8_t code)
{
	if (f->b->ncode == INTERACT_MAX_TEXT)
		return false;
	f->b->code[f->b->ncode++] = code;
	return true;
}

static void blanks(struct formula *f)
{
	while (*f->p == ' ')
		f->p++;
}

/* "#3", "~x" or "(x)" */
static bool operand(struct formula *f)
{
	unsigned n = 0;
	char *end;

	blanks(f);
	if (++f->depth > INTERACT_MAX_DEPTH * 3)
		return false;
	if (*f->p == '~') {
		f->p++;
		if (!operand(f) || !emit(f, INTERACT_NOT))
			return false;
	} else if (*f->p == '(') {
		f->p++;
		if (!either(f) || *f->p != ')')
			return false;
		f->p++;
	} else {
		if (*f->p != '#' || f->p[1] < '0' || f->p[1] > '9')
			return false;
		n = (unsigned)strtoul(f->p + 1, &end, 10);
		f->p = end;
		if (n >= f->ntrigger || !(f->b->triggers >> n & 1) || !emit(f, (uint8_t)n))
			return false;
	}
	f->depth--;
	blanks(f);
	return true;
}

static bool both(struct formula *f)
{
	bool ok = operand(f);

	while (ok && *f->p == '&') {
		f->p++;
		ok = operand(f) && emit(f, INTERACT_AND);
	}
	return ok;
}

static bool either(struct formula *f)
{
	bool ok = both(f);

	while (ok && *f->p == '|') {
		f->p++;
		ok = both(f) && emit(f, INTERACT_OR);
	}
	return ok;
}

/* Empty: all of them. */
static int read_combination(struct reader *r, const json_t *o, struct interact_behavior *b)
{
	const char *s = json_string_value(json_object_get(o, "triggersCombinationControl"));
	struct formula f = {.p = s, .b = b, .ntrigger = r->in->ntrigger};

	if (s && *s) {
		if (strlen(s) > INTERACT_MAX_TEXT || !either(&f) || *f.p)
			return bad(r, "triggersCombinationControl",
				"want #INDEX of its triggers with & | ~ ( )");
		return 0;
	}
	for (unsigned i = 0, n = 0; i < r->in->ntrigger; i++) {
		if (b->triggers >> i & 1) {
			emit(&f, (uint8_t)i);
			if (n++)
				emit(&f, INTERACT_AND);
		}
	}
	return 0;
}

static int read_list(struct reader *r, const json_t *o, const char *member, unsigned have,
	uint8_t *out, unsigned *n)
{
	const json_t *list = json_object_get(o, member);
	size_t i;
	json_t *v;

	if (json_array_size(list) == 0 || json_array_size(list) > have)
		return bad(r, member, "want a list of 1 to %u", have);
	json_array_foreach(list, i, v)
	{
		if (!json_is_integer(v) || json_integer_value(v) < 0 ||
			json_integer_value(v) >= have)
			return bad(r, member, "entry %zu: no such index", i);
		out[(*n)++] = (uint8_t)json_integer_value(v);
	}
	return 0;
}

static int read_behavior(struct reader *r, const json_t *o)
{
	static const char *const activations[] = {
		"FIRST_ENTER", "EACH_ENTER", "ON", "FIRST_EXIT", "EACH_EXIT", "OFF"};
	static const char *const orders[] = {"SEQUENTIAL", "PARALLEL"};
	struct interact_behavior *b = &r->in->behavior[r->in->nbehavior++];
	uint8_t trigger[INTERACT_MAX];
	unsigned n = 0;
	int err = read_list(r, o, "triggers", r->in->ntrigger, trigger, &n), value;

	for (unsigned i = 0; i < n; i++)
		b->triggers |= 1ull << trigger[i];
	if (!err)
		err = read_list(r, o, "actions", r->in->naction, b->action, &b->naction);
	if (!err)
		err = read_combination(r, o, b);
	if (err)
		return err;
	value = read_enum(r, o, "triggersActivationControl", "TRIGGER_ACTIVATE_", activations, 6);
	if (value < 0)
		return value;
	b->activation = (enum interact_activation)value;
	value = read_enum(r, o, "actionsControl", "", orders, 2);
	if (value < 0)
		return value;
	b->sequential = value == 0;
	b->priority = json_number_value(json_object_get(o, "priority"));
	return 0;
}

bool interact_holds(const struct interact_behavior *b, uint64_t on)
{
	uint64_t stack = 0; /* a bit each, the top lowest: depth is bounded by the text */

	for (unsigned i = 0; i < b->ncode; i++) {
		uint8_t c = b->code[i];

		if (c == INTERACT_NOT)
			stack ^= 1;
		else if (c == INTERACT_AND)
			stack = (stack >> 1) & (~1ull | stack);
		else if (c == INTERACT_OR)
			stack = (stack >> 1) | (stack & 1);
		else
			stack = stack << 1 | (on >> c & 1);
	}
	return stack & 1;
}

/* ---- all of it ---- */

static int read_each(struct reader *r, const json_t *ext, const char *name,
	int (*read)(struct reader *r, const json_t *o))
{
	const json_t *list = json_object_get(ext, name);
	json_t *v;
	int err = 0;

	r->list = name;
	r->at = 0;
	if (json_array_size(list) == 0 || json_array_size(list) > INTERACT_MAX)
		return bad(r, "", "want a list of 1 to %d", INTERACT_MAX);
	json_array_foreach(list, r->at, v)
	{
		err = json_is_object(v) ? read(r, v) : bad(r, "", "want an object");
		if (err)
			return err;
	}
	return 0;
}

int interact_read(struct interact **out, const json_t *doc, struct ar_buf *why)
{
	const json_t *scene = json_array_get(json_object_get(doc, "scenes"), 0);
	const json_t *ext =
		json_object_get(json_object_get(scene, "extensions"), "MPEG_scene_interactivity");
	struct reader r = {.doc = doc, .why = why};
	int err;

	*out = NULL;
	if (!ext)
		return 0;
	r.in = calloc(1, sizeof(*r.in));
	if (!r.in)
		return -ENOMEM;
	err = read_each(&r, ext, "triggers", read_trigger);
	if (!err)
		err = read_each(&r, ext, "actions", read_action);
	if (!err)
		err = read_each(&r, ext, "behaviors", read_behavior);
	if (err)
		free(r.in);
	else
		*out = r.in;
	return err;
}
