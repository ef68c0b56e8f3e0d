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

int file_load(struct model **m, const char *path, struct model_source *src, struct ar_buf *why)
{
	struct model_source mine = src ? *src : (struct model_source){.limits = NULL};
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
	mine.bytes = ar_buf_span(&text);
	mine.resolve = resolve;
	mine.user = &f;
	err = model_load(m, &mine, why);
	for (unsigned i = 0; i < f.n; i++)
		ar_buf_free(&f.bytes[i]);
	ar_buf_free(&text);
	return err;
}

int text_load(struct model **m, const char *text, const struct model_limits *limits, struct ar_buf *why)
{
	struct model_source src = {.bytes = ar_span_str(text), .limits = limits};

	ar_buf_reset(why);
	return model_load(m, &src, why);
}

const char *why_text(struct ar_buf *why)
{
	ar_buf_add(why, "", 1);
	why->n--;
	return why->p ? why->p : "";
}
