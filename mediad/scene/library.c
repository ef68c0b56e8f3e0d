/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/scene/library.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct library {
	unsigned n;
	struct {
		char name[LIBRARY_MAX_NAME + 1];
		struct scene *scene;
	} item[LIBRARY_MAX];
};

static int read_file(const char *path, struct ar_buf *out)
{
	FILE *f = fopen(path, "rbe");
	char piece[8192];
	size_t n;
	int err = f ? 0 : -errno;

	while (f && !err && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		err = ar_buf_add(out, piece, n);
	if (f && ferror(f))
		err = -EIO;
	if (f)
		fclose(f);
	return err;
}

int library_add(struct library **lp, const char *name, struct ar_span text, struct ar_buf *why)
{
	struct library *l = *lp ? *lp : calloc(1, sizeof(*l));
	struct scene *s;
	int err;

	if (!l)
		return -ENOMEM;
	*lp = l;
	if (l->n == LIBRARY_MAX || strlen(name) > LIBRARY_MAX_NAME) {
		ar_buf_printf(why, "more than %d scenes, or too long a name", LIBRARY_MAX);
		return -ENOSPC;
	}
	if (library_find(l, ar_span_str(name)))
		return -EEXIST;
	err = scene_load(&s, text, why);
	if (err)
		return err;
	snprintf(l->item[l->n].name, sizeof(l->item[l->n].name), "%s", name);
	l->item[l->n++].scene = s;
	return 0;
}

static int load_file(struct library **lp, const char *folder, const char *file, struct ar_buf *why)
{
	char path[1024], name[LIBRARY_MAX_NAME + 8];
	struct ar_buf text;
	size_t n = strlen(file) - strlen(".gltf");
	int err;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	ar_buf_printf(why, "%s: ", path);
	ar_buf_init(&text, SCENE_MAX_BYTES + 1);
	err = read_file(path, &text);
	if (err) {
		ar_buf_printf(why, "%s", err == -ENOBUFS ? "too large" : strerror(-err));
	} else {
		snprintf(name, sizeof(name), "%.*s", (int)n, file);
		err = library_add(lp, name, ar_buf_span(&text), why);
	}
	ar_buf_free(&text);
	return err;
}

static bool is_scene(const char *file)
{
	size_t n = strlen(file);

	return file[0] != '.' && n > 5 && strcmp(file + n - 5, ".gltf") == 0;
}

int library_load(struct library **lp, const char *folder, struct ar_buf *why)
{
	struct library *l = NULL;
	DIR *d = opendir(folder);
	struct dirent *e;
	int err = 0;

	if (!d) {
		err = -errno;
		ar_buf_printf(why, "scenes = %s: %s", folder, strerror(-err));
		return err;
	}
	while (!err && (e = readdir(d)) != NULL) {
		if (!is_scene(e->d_name))
			continue;
		ar_buf_reset(why);
		err = load_file(&l, folder, e->d_name, why);
	}
	closedir(d);
	if (!err && !l) {
		ar_buf_printf(why, "scenes = %s: no *.gltf there", folder);
		err = -ENOENT;
	}
	if (err)
		library_free(l);
	else
		*lp = l;
	return err;
}

void library_free(struct library *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n; i++)
		scene_free(l->item[i].scene);
	free(l);
}

const struct scene *library_find(const struct library *l, struct ar_span name)
{
	for (unsigned i = 0; l && i < l->n; i++) {
		if (ar_span_eq(ar_span_str(l->item[i].name), name))
			return l->item[i].scene;
	}
	return NULL;
}

const char *library_names(const struct library *l, char *buf, size_t cap)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; l && i < l->n && n < cap; i++)
		n += (size_t)snprintf(buf + n, cap - n, "%s%s", i ? ", " : "", l->item[i].name);
	return buf;
}
