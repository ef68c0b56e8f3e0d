/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/json_patch.h"

#include "mediad/ctl/json_strict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes one reference token off *p ("/a~1b/c" gives "a/b"), RFC 6901 3 and 4. */
static int next_token(const char **p, char *token)
{
	const char *s = *p;
	size_t n = 0;

	if (*s++ != '/')
		return -EINVAL;
	for (; *s && *s != '/'; s++) {
		char c = *s;

		if (c == '~') {
			c = *++s;
			if (c != '0' && c != '1')
				return -EINVAL;
			c = c == '0' ? '~' : '/';
		}
		if (n + 1 >= JSON_PATCH_MAX_TOKEN)
			return -EINVAL;
		token[n++] = c;
	}
	token[n] = '\0';
	*p = s;
	return 0;
}

/* RFC 6901 4: digits without leading zeros. */
static int array_index(const char *token, size_t *index)
{
	size_t n = 0;

	if (!*token || (token[0] == '0' && token[1]))
		return -EINVAL;
	for (const char *s = token; *s; s++) {
		if (*s < '0' || *s > '9' || n > 100000000)
			return -EINVAL;
		n = n * 10 + (size_t)(*s - '0');
	}
	*index = n;
	return 0;
}

static json_t *child(json_t *parent, const char *token)
{
	size_t i;

	if (json_is_object(parent))
		return json_object_get(parent, token);
	if (json_is_array(parent) && array_index(token, &i) == 0)
		return json_array_get(parent, i);
	return NULL;
}

json_t *json_pointer_get(json_t *doc, const char *pointer)
{
	char token[JSON_PATCH_MAX_TOKEN];

	while (doc && *pointer) {
		if (next_token(&pointer, token) != 0)
			return NULL;
		doc = child(doc, token);
	}
	return doc;
}

/* The container that `pointer` leads into, and the last token; "" has none. */
static json_t *parent_of(json_t *doc, const char *pointer, char *token)
{
	while (doc) {
		if (next_token(&pointer, token) != 0)
			return NULL;
		if (!*pointer)
			return doc;
		doc = child(doc, token);
	}
	return NULL;
}

#define MAX_COPIED 100000 /* values that the copies of one patch may make; */
#define TEXT_WEIGHT 64 /* so many bytes of text count as one more */
#define MAX_DEPTH 64

struct job {
	json_t *doc; /* owned */
	size_t copied;
	const json_t *op;
	const char *path, *why;
};

static int fail(struct job *j, const char *why)
{
	j->why = why;
	return -EINVAL;
}

/* Steals value. */
static int put(struct job *j, const char *path, json_t *value, bool must_exist)
{
	char token[JSON_PATCH_MAX_TOKEN];
	json_t *parent;
	size_t i;
	int rc = -1;

	if (!value)
		return -ENOMEM;
	if (!*path) {
		json_decref(j->doc);
		j->doc = value;
		return 0;
	}
	parent = parent_of(j->doc, path, token);
	if (json_is_object(parent) && (!must_exist || json_object_get(parent, token)))
		return json_object_set_new(parent, token, value) == 0 ? 0 : -ENOMEM;
	if (json_is_array(parent) && !must_exist && strcmp(token, "-") == 0)
		return json_array_append_new(parent, value) == 0 ? 0 : -ENOMEM;
	if (json_is_array(parent) && array_index(token, &i) == 0) {
		if (must_exist && i < json_array_size(parent))
			rc = json_array_set_new(parent, i, value);
		else if (!must_exist && i <= json_array_size(parent))
			rc = json_array_insert_new(parent, i, value);
		else
			json_decref(value);
		return rc == 0 ? 0 : fail(j, "no such array element");
	}
	json_decref(value);
	return fail(j, "no such place");
}

/* New reference to what was there. */
static json_t *take(struct job *j, const char *path)
{
	char token[JSON_PATCH_MAX_TOKEN];
	json_t *parent, *v;
	size_t i;

	if (!*path) {
		v = j->doc;
		j->doc = json_null();
		return v;
	}
	parent = parent_of(j->doc, path, token);
	v = parent ? json_incref(child(parent, token)) : NULL;
	if (!v)
		return NULL;
	if (json_is_object(parent))
		json_object_del(parent, token);
	else if (array_index(token, &i) == 0)
		json_array_remove(parent, i);
	return v;
}

static const json_t *member_value(struct job *j)
{
	return json_object_get(j->op, "value");
}

static int do_add(struct job *j)
{
	if (!member_value(j))
		return fail(j, "no value");
	return put(j, j->path, json_deep_copy(member_value(j)), false);
}

static int do_replace(struct job *j)
{
	if (!member_value(j))
		return fail(j, "no value");
	return put(j, j->path, json_deep_copy(member_value(j)), true);
}

static int do_remove(struct job *j)
{
	json_t *v = take(j, j->path);

	if (!v)
		return fail(j, "nothing to remove");
	json_decref(v);
	return 0;
}

static int do_test(struct job *j)
{
	const json_t *v = json_pointer_get(j->doc, j->path);

	if (!member_value(j))
		return fail(j, "no value");
	if (!v || !json_strict_same(v, member_value(j))) {
		j->why = "test failed";
		return -ECANCELED;
	}
	return 0;
}

static const char *from_of(struct job *j)
{
	return json_string_value(json_object_get(j->op, "from"));
}

/* How many values v holds; MAX_COPIED + 1 when it is too many or too deep. */
static size_t weigh(const json_t *v, unsigned depth)
{
	size_t n = 1, i;
	const char *key;
	json_t *c;

	if (depth > MAX_DEPTH)
		return MAX_COPIED + 1;
	n += json_string_length(v) / TEXT_WEIGHT;
	json_object_foreach((json_t *)v, key, c)
	{
		if (n <= MAX_COPIED)
			n += strlen(key) / TEXT_WEIGHT + weigh(c, depth + 1);
	}
	json_array_foreach(v, i, c)
	{
		if (n <= MAX_COPIED)
			n += weigh(c, depth + 1);
	}
	return n;
}

/* Copies into copies double: without a limit, thirty operations fill the memory. */
static int do_copy(struct job *j)
{
	const json_t *v;

	if (!from_of(j))
		return fail(j, "no from");
	v = json_pointer_get(j->doc, from_of(j));
	if (!v)
		return fail(j, "nothing at from");
	j->copied += weigh(v, 0);
	if (j->copied > MAX_COPIED)
		return fail(j, "copies grow too large");
	return put(j, j->path, json_deep_copy(v), false);
}

static int do_move(struct job *j)
{
	const char *from = from_of(j);
	json_t *v;

	if (!from)
		return fail(j, "no from");
	if (strncmp(j->path, from, strlen(from)) == 0 && j->path[strlen(from)] == '/')
		return fail(j, "moved into itself");
	v = json_pointer_get(j->doc, from);
	if (!v)
		return fail(j, "nothing at from");
	if (strcmp(from, j->path) == 0)
		return 0;
	return put(j, j->path, take(j, from), false);
}

static const struct {
	const char *name;
	int (*run)(struct job *j);
} ops[] = {{"add", do_add}, {"replace", do_replace}, {"remove", do_remove}, {"test", do_test},
	{"copy", do_copy}, {"move", do_move}};

static int run_op(struct job *j)
{
	const char *name = json_string_value(json_object_get(j->op, "op"));

	j->path = json_string_value(json_object_get(j->op, "path"));
	if (!name)
		return fail(j, "no op");
	if (!j->path)
		return fail(j, "no path");
	if (*j->path && *j->path != '/')
		return fail(j, "a path begins with /");
	for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].run(j);
	}
	return fail(j, "unknown op");
}

static void explain(struct json_patch_error *err, const struct job *j, size_t i)
{
	if (!err)
		return;
	err->op = (unsigned)i;
	err->why = j->why ? j->why : "out of memory";
	snprintf(err->path, sizeof(err->path), "%s", j->path ? j->path : "");
}

int json_patch_apply(json_t **doc, const json_t *patch, struct json_patch_error *err)
{
	struct job j = {0};
	int rc = 0;
	size_t i, n = json_array_size(patch);

	if (!json_is_array(patch) || n > JSON_PATCH_MAX_OPS) {
		j.why = json_is_array(patch) ? "too many operations" : "a patch is an array";
		explain(err, &j, 0);
		return json_is_array(patch) ? -E2BIG : -EINVAL;
	}
	j.doc = json_deep_copy(*doc);
	if (!j.doc)
		rc = -ENOMEM;
	for (i = 0; rc == 0 && i < n; i++) {
		j.op = json_array_get(patch, i);
		j.path = NULL;
		rc = run_op(&j);
		if (rc)
			explain(err, &j, i);
	}
	if (rc) {
		json_decref(j.doc);
		return rc;
	}
	json_decref(*doc);
	*doc = j.doc;
	return 0;
}
