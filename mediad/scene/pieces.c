/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole document for a UE whose max-message-size it exceeds (RFC 8841 6: never send more), or
 * that is too long for one message: an entry document with nothing but the revision, then patches
 * that add everything, each within the limit.
 */
#include "mediad/scene/scene_internal.h"

#include <errno.h>
#include <stdio.h>

#define MAX_PATH 256
#define CLOSING 80 /* the closing guard with a revision of 20 digits */

struct piecer {
	struct scene *s;
	struct ar_buf *backlog;
	struct ar_buf cur; /* the message being filled */
	struct ar_buf op; /* one operation */
	uint64_t rev; /* set by the last whole message */
	size_t max;
};

static int store(struct piecer *p, const struct ar_buf *message)
{
	uint32_t n = (uint32_t)message->n;

	if (message->n > p->max)
		return -EMSGSIZE;
	ar_buf_add(p->backlog, &n, sizeof(n));
	return ar_buf_add(p->backlog, message->p, n);
}

static int flush(struct piecer *p)
{
	int err;

	if (p->cur.n == 0)
		return 0;
	ar_buf_printf(&p->cur,
		"{\"op\":\"replace\",\"path\":\"" SCENE_REV_PATH "\",\"value\":%llu}]",
		(unsigned long long)++p->rev);
	err = ar_buf_err(&p->cur) ? ar_buf_err(&p->cur) : store(p, &p->cur);
	ar_buf_reset(&p->cur);
	return err;
}

/* Adds p->op to the messages. -EMSGSIZE: it fits none. */
static int add_op(struct piecer *p)
{
	for (int fresh = 0; fresh < 2; fresh++) {
		if (p->cur.n == 0)
			ar_buf_printf(&p->cur,
				"[{\"op\":\"test\",\"path\":\"" SCENE_REV_PATH
				"\",\"value\":%llu},",
				(unsigned long long)p->rev);
		if (p->cur.n + p->op.n + 1 + CLOSING <= p->max) {
			ar_buf_add_span(&p->cur, ar_buf_span(&p->op));
			return ar_buf_add(&p->cur, ",", 1);
		}
		if (fresh || flush(p) != 0)
			break;
	}
	ar_buf_reset(&p->cur);
	return -EMSGSIZE;
}

static bool fits(const struct piecer *p, size_t n)
{
	return n + 2 * CLOSING <= p->max;
}

static int begin(struct piecer *p, const char *path)
{
	ar_buf_reset(&p->op);
	return ar_buf_printf(&p->op, "{\"op\":\"add\",\"path\":\"%s\",\"value\":", path);
}

static int add_text(struct piecer *p, const char *path, const char *text)
{
	begin(p, path);
	ar_buf_printf(&p->op, "%s}", text);
	return ar_buf_err(&p->op) ? ar_buf_err(&p->op) : add_op(p);
}

/* RFC 6901 4 escapes; member names that JSON would escape are not split further. */
static int member_path(char *out, const char *path, const char *key)
{
	size_t n = (size_t)snprintf(out, MAX_PATH, "%s/", path);

	for (; *key; key++) {
		if (n + 3 >= MAX_PATH || *key == '"' || *key == '\\' || (unsigned char)*key < 0x20)
			return -EMSGSIZE;
		if (*key == '~' || *key == '/')
			out[n++] = '~';
		out[n++] = *key == '~' ? '0' : *key == '/' ? '1' : *key;
	}
	out[n] = '\0';
	return 0;
}

static int emit(struct piecer *p, const char *path, const char *at, const json_t *v);

static int emit_members(struct piecer *p, const char *path, const json_t *v)
{
	char sub[MAX_PATH];
	const char *key;
	json_t *c;
	int err = 0;

	json_object_foreach((json_t *)v, key, c)
	{
		err = member_path(sub, path, key);
		if (!err)
			err = emit(p, sub, sub, c);
		if (err)
			return err;
	}
	return err;
}

static int emit_items(struct piecer *p, const char *path, const json_t *v)
{
	char end[MAX_PATH], at[MAX_PATH];
	int err = 0;
	size_t i;
	json_t *c;

	json_array_foreach(v, i, c)
	{
		if ((size_t)snprintf(end, sizeof(end), "%s/-", path) >= sizeof(end) ||
			(size_t)snprintf(at, sizeof(at), "%s/%zu", path, i) >= sizeof(at))
			return -EMSGSIZE;
		err = emit(p, end, at, c);
		if (err)
			return err;
	}
	return err;
}

/* Adds v with `path`; once there, it is found at `at`. */
static int emit(struct piecer *p, const char *path, const char *at, const json_t *v)
{
	int err;

	begin(p, path);
	err = scene_dump(&p->op, v);
	ar_buf_add(&p->op, "}", 1);
	if (err || ar_buf_err(&p->op))
		return err ? err : ar_buf_err(&p->op);
	if (fits(p, p->op.n))
		return add_op(p);
	if (!json_is_object(v) && !json_is_array(v))
		return -EMSGSIZE;
	err = add_text(p, path, json_is_object(v) ? "{}" : "[]");
	if (err)
		return err;
	return json_is_object(v) ? emit_members(p, at, v) : emit_items(p, at, v);
}

static int emit_node(struct piecer *p, unsigned i)
{
	char at[MAX_PATH], pose[192], *q = pose;
	int err;

	begin(p, "/nodes/-");
	err = scene_write_node(p->s, i, &p->op);
	ar_buf_add(&p->op, "}", 1);
	if (err || ar_buf_err(&p->op))
		return err ? err : ar_buf_err(&p->op);
	if (fits(p, p->op.n))
		return add_op(p);
	if (p->s->node[i].fixed) {
		snprintf(pose, sizeof(pose), "{}");
	} else {
		q += sprintf(q, "{\"translation\":");
		q = scene_print_vec(q, p->s->node[i].pose.t, 3, 5);
		q += sprintf(q, ",\"rotation\":");
		q = scene_print_vec(q, p->s->node[i].pose.r, 4, 7);
		memcpy(q, "}", 2);
	}
	snprintf(at, sizeof(at), "/nodes/%u", i);
	err = add_text(p, "/nodes/-", pose);
	return err ? err : emit_members(p, at, json_array_get(p->s->nodes, i));
}

/* Everything but what the entry document has and the nodes, so that references come after. */
static int emit_lists(struct piecer *p)
{
	static const char *const entry[] = {
		"asset", "extensionsUsed", "extensionsRequired", "scene", "scenes", "nodes"};
	char path[MAX_PATH];
	const char *key;
	json_t *v;
	int err = 0;

	json_object_foreach(p->s->doc, key, v)
	{
		bool skip = false;

		for (unsigned i = 0; i < sizeof(entry) / sizeof(entry[0]); i++)
			skip = skip || strcmp(key, entry[i]) == 0;
		if (skip)
			continue;
		err = member_path(path, "", key);
		if (!err)
			err = emit(p, path, path, v);
		if (err)
			return err;
	}
	return err;
}

/* Scenes besides the one that is used. */
static int emit_other_scenes(struct piecer *p, const json_t *scenes)
{
	char at[MAX_PATH];
	int err = 0;

	for (size_t i = 1; !err && i < json_array_size(scenes); i++) {
		snprintf(at, sizeof(at), "/scenes/%zu", i);
		err = emit(p, "/scenes/-", at, json_array_get(scenes, i));
	}
	return err;
}

static int emit_scene(struct piecer *p)
{
	const json_t *scenes = json_object_get(p->s->doc, "scenes");
	const json_t *scene = json_array_get(scenes, 0);
	char path[MAX_PATH];
	const char *key;
	json_t *v;
	int err;

	json_object_foreach(json_object_get(scene, "extras"), key, v)
	{
		err = strcmp(key, "rev") == 0 ? 0 : member_path(path, "/scenes/0/extras", key);
		if (!err && strcmp(key, "rev") != 0)
			err = emit(p, path, path, v);
		if (err)
			return err;
	}
	json_object_foreach((json_t *)scene, key, v)
	{
		if (strcmp(key, "extras") == 0 || strcmp(key, "nodes") == 0)
			continue;
		err = member_path(path, "/scenes/0", key);
		if (!err)
			err = emit(p, path, path, v);
		if (err)
			return err;
	}
	err = emit(p, "/scenes/0/nodes", "/scenes/0/nodes", p->s->roots);
	return err ? err : emit_other_scenes(p, scenes);
}

static int entry_document(struct piecer *p)
{
	static const char *const lists[] = {"extensionsUsed", "extensionsRequired"};
	int err;

	ar_buf_reset(&p->op);
	ar_buf_add_str(&p->op, "{\"asset\":");
	err = scene_dump(&p->op, json_object_get(p->s->doc, "asset"));
	for (unsigned i = 0; !err && i < 2; i++) {
		const json_t *l = json_object_get(p->s->doc, lists[i]);

		if (!l)
			continue;
		ar_buf_printf(&p->op, ",\"%s\":", lists[i]);
		err = scene_dump(&p->op, l);
	}
	ar_buf_printf(&p->op, ",\"scene\":0,\"scenes\":[{\"extras\":{\"rev\":%llu}}]}",
		(unsigned long long)p->rev);
	if (err || ar_buf_err(&p->op))
		return err ? err : ar_buf_err(&p->op);
	return store(p, &p->op);
}

int scene_pieces(struct scene *s, struct scene_view *v, size_t max)
{
	struct piecer p = {.s = s, .backlog = &v->backlog, .rev = s->rev, .max = max};
	int err;

	ar_buf_init(&p.cur, SCENE_MAX_BYTES);
	ar_buf_init(&p.op, SCENE_MAX_BYTES);
	ar_buf_reset(&v->backlog);
	v->backlog_pos = 0;
	err = entry_document(&p);
	if (!err)
		err = emit_lists(&p);
	if (!err)
		err = add_text(&p, "/nodes", "[]");
	for (unsigned i = 0; !err && i < s->nnode; i++)
		err = emit_node(&p, i);
	if (!err)
		err = emit_scene(&p);
	if (!err)
		err = flush(&p);
	if (!err)
		s->rev = p.rev;
	else
		ar_buf_free(&v->backlog);
	ar_buf_free(&p.cur);
	ar_buf_free(&p.op);
	return err;
}
