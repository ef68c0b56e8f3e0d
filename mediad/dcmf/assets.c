/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/assets.h"

#include "common/daemon/ar_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct assets {
	unsigned n;
	size_t total;
	bool scenes; /* what is added now is of the scenes' folder */
	struct asset item[ASSETS_MAX_FILES];
};

static const char *type_of(const char *name)
{
	static const struct {
		const char *ending, *type;
	} types[] = {{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
		{".json", "application/json"}, {".jpeg", "image/jpeg"},
		{".gltf", "model/gltf+json"}, {".glb", "model/gltf-binary"},
		{".bin", "application/octet-stream"}, {".png", "image/png"}, {".jpg", "image/jpeg"},
		{".svg", "image/svg+xml"}, {".zip", "application/zip"},
		{".wasm", "application/wasm"}};
	size_t n = strlen(name);

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t e = strlen(types[i].ending);

		if (n > e && strcmp(name + n - e, types[i].ending) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static char *read_all(int fd, size_t n)
{
	char *p = malloc(n + 1);
	size_t at = 0;
	ssize_t got = 1;

	while (p && at < n && got > 0) {
		got = read(fd, p + at, n - at);
		if (got > 0)
			at += (size_t)got;
	}
	if (p && at == n)
		return p;
	free(p);
	return NULL;
}

void assets_etag(struct ar_span data, char *out, size_t cap)
{
	uint64_t h = 1469598103934665603ull;

	for (size_t i = 0; i < data.n; i++)
		h = (h ^ (unsigned char)data.p[i]) * 1099511628211ull;
	snprintf(out, cap, "\"%016llx\"", (unsigned long long)h);
}

static void add_file(struct assets *a, int fd, const char *name)
{
	struct asset *x = &a->item[a->n];
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	if (a->n == ASSETS_MAX_FILES || st.st_size > ASSETS_MAX_FILE ||
		a->total + (size_t)st.st_size > ASSETS_MAX_TOTAL ||
		strlen(name) >= sizeof(x->name)) {
		ar_log(AR_LOG_WARN, "boot", "%s is not served: too large, or too many files", name);
		return;
	}
	x->data = (struct ar_span){read_all(fd, (size_t)st.st_size), (size_t)st.st_size};
	if (!x->data.p)
		return;
	memcpy(x->name, name, strlen(name) + 1);
	x->content_type = type_of(name);
	x->scene = a->scenes;
	assets_etag(x->data, x->etag, sizeof(x->etag));
	a->total += x->data.n;
	a->n++;
}

static void add_folder(struct assets *a, int dirfd, const char *prefix, unsigned depth)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *e;
	char name[512];
	int fd;

	if (!d) {
		close(dirfd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s%s", prefix, e->d_name);
		fd = openat(dirfd, e->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		if (e->d_type == DT_DIR && depth < ASSETS_MAX_DEPTH) {
			strncat(name, "/", sizeof(name) - strlen(name) - 1);
			add_folder(a, fd, name, depth + 1);
			continue;
		}
		if (e->d_type != DT_DIR)
			add_file(a, fd, name);
		close(fd);
	}
	closedir(d);
}

static void add_tree(struct assets *a, const char *folder, const char *prefix)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		ar_log(AR_LOG_WARN, "boot", "%s: %s: not served on bootstrap channels", folder,
			strerror(errno));
	else
		add_folder(a, fd, prefix, 1);
}

int assets_load(struct assets **ap, const char *folder)
{
	struct assets *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	add_tree(a, folder, "");
	*ap = a;
	return 0;
}

void assets_add_scenes(struct assets *a, const char *folder)
{
	a->scenes = true;
	add_tree(a, folder, "scenes/");
	a->scenes = false;
}

void assets_free(struct assets *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < a->n; i++)
		free((char *)a->item[i].data.p);
	free(a);
}

const struct asset *assets_find(const struct assets *a, struct ar_span name)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (ar_span_eq(ar_span_str(a->item[i].name), name))
			return &a->item[i];
	}
	return NULL;
}

const struct asset *assets_at(const struct assets *a, unsigned i)
{
	return i < a->n ? &a->item[i] : NULL;
}
