/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/gltf/model.h"
#include "mediad/scene/library.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct library {
	unsigned n;
	struct ar_buf notes;
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

/* ---- what the ARMF will say ---- */

struct beside { /* the files beside a scene that it names */
	const char *folder;
	struct ar_buf file[LIBRARY_MAX_FILES];
	unsigned n;
};

static int read_beside(void *user, const char *uri, struct ar_span *bytes)
{
	struct beside *b = user;
	char path[2048];
	int err;

	if (b->n == LIBRARY_MAX_FILES)
		return -ENFILE;
	if (snprintf(path, sizeof(path), "%s/%s", b->folder, uri) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	ar_buf_init(&b->file[b->n], model_limits_default.resource_bytes);
	err = read_file(path, &b->file[b->n]);
	*bytes = ar_buf_span(&b->file[b->n++]);
	return err;
}

/* A scene with a mistake is refused; one that only the ARMF cannot draw is noted. */
static int check_drawable(struct library *l, const char *folder, const char *name,
	struct ar_span text, struct ar_buf *why)
{
	struct beside b = {.folder = folder};
	struct model_source src = {.bytes = text, .resolve = read_beside, .user = &b};
	size_t before = why->n;
	int err = model_check(&src, NULL, why);

	for (unsigned i = 0; i < b.n; i++)
		ar_buf_free(&b.file[i]);
	if (err != -EOPNOTSUPP && err != -E2BIG)
		return err;
	if (l->notes.max == 0)
		ar_buf_init(&l->notes, LIBRARY_MAX_NOTES);
	ar_buf_printf(&l->notes, "%s%s cannot be drawn by the ARMF: %.*s", l->notes.n ? "\n" : "",
		name, (int)(why->n - before), why->p + before);
	why->n = before;
	return 0;
}

/* ---- files ---- */

static const char *ending(const char *file)
{
	const char *dot = strrchr(file, '.');

	if (!dot || dot == file || file[0] == '.')
		return NULL;
	return strcmp(dot, ".gltf") == 0 || strcmp(dot, ".glb") == 0 ? dot : NULL;
}

/* The file as JSON text. */
static int read_scene(const char *path, bool glb, struct ar_buf *text, struct ar_buf *why)
{
	struct ar_buf raw;
	int err;

	ar_buf_init(&raw, SCENE_MAX_BYTES + 1);
	err = read_file(path, &raw);
	if (err)
		ar_buf_printf(why, "%s", err == -ENOBUFS ? "too large" : strerror(-err));
	else if (glb)
		err = model_glb_to_json(ar_buf_span(&raw), text, why);
	else
		err = ar_buf_add_span(text, ar_buf_span(&raw));
	ar_buf_free(&raw);
	return err;
}

static int load_file(struct library **lp, const char *folder, const char *file, struct ar_buf *why)
{
	char path[1024], name[LIBRARY_MAX_NAME + 8];
	const char *dot = ending(file);
	struct ar_buf text;
	int err;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	snprintf(name, sizeof(name), "%.*s", (int)(dot - file), file);
	ar_buf_printf(why, "%s: ", path);
	ar_buf_init(&text, SCENE_MAX_BYTES + 1);
	err = read_scene(path, strcmp(dot, ".glb") == 0, &text, why);
	if (!err)
		err = library_add(lp, name, ar_buf_span(&text), why);
	if (err == -EEXIST)
		ar_buf_printf(why, "there is another scene named %s", name);
	if (!err)
		err = check_drawable(*lp, folder, name, ar_buf_span(&text), why);
	ar_buf_free(&text);
	return err;
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
		if (!ending(e->d_name))
			continue;
		ar_buf_reset(why);
		err = load_file(&l, folder, e->d_name, why);
	}
	closedir(d);
	if (!err && !l) {
		ar_buf_printf(why, "scenes = %s: no *.gltf or *.glb there", folder);
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
	ar_buf_free(&l->notes);
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

struct ar_span library_notes(const struct library *l)
{
	return l ? ar_buf_span(&l->notes) : AR_SPAN_NONE;
}

const char *library_names(const struct library *l, char *buf, size_t cap)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; l && i < l->n && n < cap; i++)
		n += (size_t)snprintf(buf + n, cap - n, "%s%s", i ? ", " : "", l->item[i].name);
	return buf;
}
