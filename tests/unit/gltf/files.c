/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool file_read(const char *path, struct ar_buf *out)
{
	FILE *f = fopen(path, "rb");
	char piece[65536];
	size_t n;

	ar_buf_init(out, 256u << 20);
	if (!f)
		return false;
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		ar_buf_add(out, piece, n);
	fclose(f);
	return ar_buf_err(out) == 0;
}

static int resolve(void *user, const char *uri, struct ar_span *bytes)
{
	struct folder *f = user;
	char path[4096];

	if (f->n == 64)
		return -ENOSPC;
	snprintf(path, sizeof(path), "%s/%s", f->path, uri);
	if (!file_read(path, &f->bytes[f->n])) {
		ar_buf_free(&f->bytes[f->n]);
		return -ENOENT;
	}
	*bytes = ar_buf_span(&f->bytes[f->n++]);
	return 0;
}

static int with_file(const char *path, struct model_source *src, struct model **m,
	struct model_stats *stats, struct ar_buf *why)
{
	struct folder f = {.n = 0};
	struct ar_buf text;
	char *slash;
	int err;

	ar_buf_reset(why);
	if (!file_read(path, &text))
		return -EIO;
	snprintf(f.path, sizeof(f.path), "%s", path);
	slash = strrchr(f.path, '/');
	if (slash)
		*slash = '\0';
	src->bytes = ar_buf_span(&text);
	src->resolve = resolve;
	src->user = &f;
	err = m ? model_load(m, src, why) : model_check(src, stats, why);
	for (unsigned i = 0; i < f.n; i++)
		ar_buf_free(&f.bytes[i]);
	ar_buf_free(&text);
	return err;
}

int file_load(struct model **m, const char *path, struct model_source *src, struct ar_buf *why)
{
	struct model_source mine = src ? *src : (struct model_source){.limits = NULL};

	return with_file(path, &mine, m, NULL, why);
}

int file_check(const char *path, struct model_stats *stats, struct ar_buf *why)
{
	struct model_source mine = {.limits = NULL};

	return with_file(path, &mine, NULL, stats, why);
}

int text_load(
	struct model **m, const char *text, const struct model_limits *limits, struct ar_buf *why)
{
	struct model_source src = {.bytes = ar_span_str(text), .limits = limits};

	ar_buf_reset(why);
	return model_load(m, &src, why);
}

json_t *full_doc(void)
{
	return json_load_file(SRC_DIR "/tests/unit/gltf/full.gltf", 0, NULL);
}

int json_load_model(struct model **m, json_t *doc, struct model_source *src, struct ar_buf *why)
{
	struct model_source mine = src ? *src : (struct model_source){.limits = NULL};
	char *text = json_dumps(doc, JSON_COMPACT);
	int err;

	mine.bytes = ar_span_str(text);
	ar_buf_reset(why);
	err = model_load(m, &mine, why);
	free(text);
	return err;
}

static json_t *step(json_t *at, const char *key)
{
	return json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
				 : json_object_get(at, key);
}

static bool put(json_t *at, const char *key, json_t *value)
{
	if (json_is_array(at)) {
		size_t i = strtoul(key, NULL, 10);

		if (key[0] == '-')
			return json_array_append_new(at, value) == 0;
		return (value ? json_array_set_new(at, i, value) : json_array_remove(at, i)) == 0;
	}
	return (value ? json_object_set_new(at, key, value) : json_object_del(at, key)) == 0;
}

bool json_put(json_t *doc, const char *pointer, json_t *value)
{
	char key[80];
	const char *next;

	for (pointer++; (next = strchr(pointer, '/')) != NULL && doc; pointer = next + 1) {
		snprintf(key, sizeof(key), "%.*s", (int)(next - pointer), pointer);
		doc = step(doc, key);
	}
	if (doc && put(doc, pointer, value))
		return true;
	json_decref(value);
	return false;
}

const char *why_text(struct ar_buf *why)
{
	ar_buf_add(why, "", 1);
	why->n--;
	return why->p ? why->p : "";
}
