/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/scripts.h"

#include "common/daemon/ar_log.h"
#include "common/lua/sandbox.h"
#include "common/lua/vm.h"
#include "mediad/dcmf/app_lua.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LOOK_EVERY 1000000 /* us */

struct scripts {
	char folder[400];
	unsigned n;
	struct script *item[SCRIPTS_MAX];
};

static void forget_files(struct script *s)
{
	while (s->nfile) {
		s->nfile--;
		free(s->file[s->nfile].path);
		free(s->file[s->nfile].text);
	}
}

int script_source(struct script *s, const char *path, const char **text, size_t *n)
{
	unsigned i;
	int err;

	for (i = 0; i < s->nfile && strcmp(s->file[i].path, path) != 0; i++)
		;
	if (i == SCRIPTS_MAX_FILES)
		return -E2BIG;
	if (i == s->nfile) {
		err = sandbox_read_file(path, VM_MAX_SOURCE, &s->file[i].text, &s->file[i].n);
		if (err)
			return err;
		s->file[i].path = strdup(path);
		if (!s->file[i].path) {
			free(s->file[i].text);
			return -ENOMEM;
		}
		s->nfile++;
	}
	*text = s->file[i].text;
	*n = s->file[i].n;
	return 0;
}

/* The newest of its files. 0: it is gone. */
static int64_t newest(const struct script *s)
{
	int64_t t = 0;
	struct stat st;

	for (unsigned i = 0; i <= s->nfile; i++) {
		const char *path = i < s->nfile ? s->file[i].path : s->path;
		int64_t m;

		if (stat(path, &st) != 0)
			return 0;
		m = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
		t = m > t ? m : t;
	}
	return t;
}

static int add(struct scripts *l, const char *file, struct ar_buf *why)
{
	struct script *s;
	int err;

	if (l->n == SCRIPTS_MAX || strlen(file) - 4 > SCRIPTS_MAX_NAME) {
		ar_buf_printf(why, "%s: more than %d applications, or too long a name", file,
			SCRIPTS_MAX);
		return -ENOSPC;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	snprintf(s->name, sizeof(s->name), "%.*s", (int)(strlen(file) - 4), file);
	snprintf(s->path, sizeof(s->path), "%s/%s", l->folder, file);
	err = app_lua_check(s, why);
	if (err) {
		forget_files(s);
		free(s);
		return err;
	}
	s->mtime_ns = newest(s);
	l->item[l->n++] = s;
	return 0;
}

static bool is_script(const char *file)
{
	size_t n = strlen(file);

	return file[0] != '.' && n > 4 && strcmp(file + n - 4, ".lua") == 0;
}

int scripts_load(struct scripts **sp, const char *folder, struct ar_buf *why)
{
	struct scripts *l = calloc(1, sizeof(*l));
	DIR *d = l ? opendir(folder) : NULL;
	struct dirent *e;
	int err = l ? 0 : -ENOMEM;

	if (l)
		snprintf(l->folder, sizeof(l->folder), "%s", folder);
	while (!err && d && (e = readdir(d)) != NULL) {
		if (is_script(e->d_name))
			err = add(l, e->d_name, why);
	}
	if (d)
		closedir(d);
	if (err)
		scripts_free(l);
	else
		*sp = l;
	return err;
}

void scripts_free(struct scripts *l)
{
	if (!l)
		return;
	while (l->n) {
		forget_files(l->item[--l->n]);
		free(l->item[l->n]);
	}
	free(l);
}

static void take(struct script *s, struct script *fresh)
{
	struct script old = *s;

	s->nfile = fresh->nfile;
	memcpy(s->file, fresh->file, sizeof(s->file));
	fresh->nfile = old.nfile;
	memcpy(fresh->file, old.file, sizeof(old.file));
}

static void read_again(struct script *s, int64_t mtime)
{
	struct script fresh = {.nfile = 0};
	struct ar_buf why;

	ar_buf_init(&why, 1024);
	memcpy(fresh.name, s->name, sizeof(s->name));
	memcpy(fresh.path, s->path, sizeof(s->path));
	s->mtime_ns = mtime;
	if (app_lua_check(&fresh, &why) == 0) {
		take(s, &fresh);
		ar_log(AR_LOG_NOTICE, "app", "%s: application read again", s->path);
	} else {
		ar_log(AR_LOG_ERR, "app", "%.*s: the old application stays",
			(int)ar_buf_span(&why).n, ar_buf_span(&why).p);
	}
	forget_files(&fresh);
	ar_buf_free(&why);
}

struct script *scripts_find(struct scripts *l, struct ar_span name, uint64_t now)
{
	for (unsigned i = 0; l && i < l->n; i++) {
		struct script *s = l->item[i];
		int64_t mtime;

		if (!ar_span_eq(ar_span_str(s->name), name))
			continue;
		if ((int64_t)now - s->looked_us >= LOOK_EVERY) {
			s->looked_us = (int64_t)now;
			mtime = newest(s);
			if (mtime && mtime != s->mtime_ns)
				read_again(s, mtime);
		}
		return s;
	}
	return NULL;
}

const char *scripts_names(const struct scripts *l, char *buf, size_t cap)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; l && i < l->n && n < cap; i++)
		n += (size_t)snprintf(buf + n, cap - n, "%s%s", i ? ", " : "", l->item[i]->name);
	return buf;
}

const char *scripts_folder(const struct scripts *l)
{
	return l->folder;
}
