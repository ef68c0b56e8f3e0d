/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * AR call applications written in Lua: every *.lua of one folder (docs/applications.md), read into
 * memory, and read again when the file has changed: calls that begin later get the new one. A file
 * that does not load keeps the old one in force, with a log line.
 *
 * Owner: the worker; one thread. Files are looked at when a call begins, once a second at most.
 */
#ifndef SCRIPTS_H
#define SCRIPTS_H

#include "common/ar_buf.h"

#include <stdint.h>
#include <time.h>

#define SCRIPTS_MAX 32
#define SCRIPTS_MAX_NAME 64
#define SCRIPTS_MAX_FILES 8 /* of one application: its own and what it requires */

struct scripts;

/* Sources of one application; borrowed while its state is made. */
struct script {
	char name[SCRIPTS_MAX_NAME + 1], path[512];
	unsigned nfile;
	struct {
		char *path, *text;
		size_t n;
	} file[SCRIPTS_MAX_FILES];
	int64_t mtime_ns;
	int64_t looked_us;
};

/* No folder: an empty set. -EINVAL with "draw.lua:3: what" in why when one does not load. */
int scripts_load(struct scripts **sp, const char *folder, struct ar_buf *why)
	__attribute__((warn_unused_result));
void scripts_free(struct scripts *s);
/* NULL: no such application. now: microseconds, monotonic. */
struct script *scripts_find(struct scripts *s, struct ar_span name, uint64_t now);
/* "draw, presenter", cut to fit. Returns buf. */
const char *scripts_names(const struct scripts *s, char *buf, size_t cap);
const char *scripts_folder(const struct scripts *s);

/* For struct vm_conf: text of a file of the application, read if it was not yet. */
int script_source(struct script *s, const char *path, const char **text, size_t *n);

#endif
