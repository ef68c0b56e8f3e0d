/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/daemon/ar_conf.h"

#include <errno.h>
#include <ini.h>
#include <stdint.h>
#include <stdlib.h>

#define MAX_KEYS 256
#define MAX_SECTION 50 /* inih's */

/* What the lines of a section go into. */
struct target {
	const struct ar_conf_key *keys;
	unsigned nkeys;
	char *conf;
	uint64_t seen[MAX_KEYS / 64]; /* bit per key */
};

struct reader {
	struct target main, named, *t;
	const struct ar_conf_family *family;
	char section[MAX_SECTION]; /* of named */
	int err;
	char why[300];
	FILE *file;
	unsigned line, err_line;
	bool too_long;
};

static int parse_bool(const char *v, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"yes", true}, {"no", false}, {"true", true}, {"false", false}, {"on", true},
		{"off", false}, {"1", true}, {"0", false}};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(v, words[i].word) == 0) {
			*out = words[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

static const char *section_of(const struct reader *r, const struct ar_conf_key *k)
{
	return r->t == &r->named ? r->section : k->section;
}

static int no_memory(struct reader *r)
{
	snprintf(r->why, sizeof(r->why), "out of memory");
	return -ENOMEM;
}

static int set_string(struct reader *r, char **dst, const char *v)
{
	char *s = strdup(v);

	if (!s)
		return no_memory(r);
	free(*dst);
	*dst = s;
	return 0;
}

static int set_int(struct reader *r, const struct ar_conf_key *k, const char *v)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(v, &end, 10);
	if (errno || end == v || *end || n < k->min || n > k->max) {
		snprintf(r->why, sizeof(r->why), "[%s] %s = %s: want a number from %ld to %ld",
			section_of(r, k), k->name, v, k->min, k->max);
		return -EINVAL;
	}
	*(long *)(r->t->conf + k->offset) = n;
	return 0;
}

static int set_list(struct reader *r, const struct ar_conf_key *k, const char *v)
{
	struct ar_conf_list *l = (struct ar_conf_list *)(r->t->conf + k->offset);

	if (l->n == AR_CONF_MAX_LIST) {
		snprintf(r->why, sizeof(r->why), "[%s] %s: more than %d entries", section_of(r, k),
			k->name, AR_CONF_MAX_LIST);
		return -E2BIG;
	}
	l->item[l->n] = strdup(v);
	if (!l->item[l->n])
		return no_memory(r);
	l->n++;
	return 0;
}

static int set_value(struct reader *r, const struct ar_conf_key *k, const char *v)
{
	switch (k->type) {
	case AR_CONF_STRING:
		return set_string(r, (char **)(r->t->conf + k->offset), v);
	case AR_CONF_INT:
		return set_int(r, k, v);
	case AR_CONF_LIST:
		return set_list(r, k, v);
	case AR_CONF_BOOL:
		if (parse_bool(v, (bool *)(r->t->conf + k->offset)) == 0)
			return 0;
		snprintf(r->why, sizeof(r->why), "[%s] %s = %s: want yes or no", section_of(r, k),
			k->name, v);
		return -EINVAL;
	}
	return -EINVAL;
}

static void clear_list(struct ar_conf_list *l)
{
	while (l->n)
		free(l->item[--l->n]);
}

/* The first value from the file replaces a default list; a second single value is a mistake. */
static int first_time(struct reader *r, unsigned i)
{
	const struct ar_conf_key *k = &r->t->keys[i];
	uint64_t bit = 1ull << (i % 64);
	bool again = (r->t->seen[i / 64] & bit) != 0;

	r->t->seen[i / 64] |= bit;
	if (k->type == AR_CONF_LIST) {
		if (!again)
			clear_list((struct ar_conf_list *)(r->t->conf + k->offset));
		return 0;
	}
	if (!again)
		return 0;
	snprintf(r->why, sizeof(r->why), "[%s] %s: given twice", section_of(r, k), k->name);
	return -EEXIST;
}

static int set_defaults(struct reader *r)
{
	for (unsigned i = 0; i < r->t->nkeys; i++) {
		if (!r->t->keys[i].deflt)
			continue;
		r->err = set_value(r, &r->t->keys[i], r->t->keys[i].deflt);
		if (r->err)
			return r->err;
	}
	return 0;
}

/* The first line of [fact NAME] makes the object. */
static int begin_named(struct reader *r, const char *section, const char *name)
{
	r->named = (struct target){.keys = r->family->keys, .nkeys = r->family->nkeys};
	r->named.conf = r->family->add(r->main.conf, name, r->why, sizeof(r->why));
	if (!r->named.conf)
		return -EINVAL;
	snprintf(r->section, sizeof(r->section), "%s", section);
	return set_defaults(r);
}

/* Chooses r->t; true when it is a named section's. */
static bool choose(struct reader *r, const char *section)
{
	size_t n = r->family ? strlen(r->family->section) : 0;

	r->t = &r->main;
	if (!n || strncmp(section, r->family->section, n) != 0 ||
		(section[n] != ' ' && section[n] != '\0'))
		return false;
	r->t = &r->named;
	if (strcmp(section, r->section) != 0)
		r->err = begin_named(r, section, section + n + (section[n] == ' '));
	return true;
}

/* inih's handler: 1 when the line is fine. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *r = arg;
	bool named;

	if (r->err)
		return 0;
	r->err_line = r->line;
	named = choose(r, section);
	if (r->err)
		return 0;
	for (unsigned i = 0; i < r->t->nkeys; i++) {
		const struct ar_conf_key *k = &r->t->keys[i];

		if (strcmp(k->name, name) != 0 || (!named && strcmp(k->section, section) != 0))
			continue;
		r->err = first_time(r, i);
		if (!r->err)
			r->err = set_value(r, k, value);
		return r->err == 0;
	}
	snprintf(r->why, sizeof(r->why), "[%s] %s: no such setting (--help lists them)", section,
		name);
	r->err = -EINVAL;
	return 0;
}

/*
 * inih's reader. It would take an indented line for more of the value above, and cut a long line in
 * two: so indentation goes, and a line that does not fit ends the reading.
 */
static char *next_line(char *buf, int size, void *arg)
{
	struct reader *r = arg;
	size_t n = 0;
	int c;

	while ((c = getc(r->file)) != EOF && c != '\n') {
		if (n == 0 && (c == ' ' || c == '\t'))
			continue;
		if (n + 2 >= (size_t)size) {
			r->too_long = true;
			r->line++;
			return NULL;
		}
		buf[n++] = (char)c;
	}
	if (c == EOF && n == 0)
		return NULL;
	r->line++;
	buf[n++] = '\n';
	buf[n] = '\0';
	return buf;
}

static int read_file(struct reader *r, const char *path, struct ar_buf *err)
{
	int line = ini_parse_stream(next_line, r, on_key, r);

	if (ferror(r->file)) {
		ar_buf_printf(err, "%s: %s", path, strerror(errno));
		return errno ? -errno : -EIO;
	}
	if (line > 0) {
		/* inih's first mistake may come before ours */
		bool ours = r->err && r->err_line == (unsigned)line;

		ar_buf_printf(err, "%s:%d: %s", path, line,
			ours ? r->why : "neither [section] nor name = value");
		return ours ? r->err : -EINVAL;
	}
	if (r->too_long) {
		ar_buf_printf(
			err, "%s:%u: line too long (a list takes one entry a line)", path, r->line);
		return -EINVAL;
	}
	return line ? -ENOMEM : 0;
}

int ar_conf_read_family(const struct ar_conf_key *keys, unsigned nkeys,
	const struct ar_conf_family *family, void *conf, const char *path, struct ar_buf *err)
{
	struct reader r = {.main = {.keys = keys, .nkeys = nkeys, .conf = conf}, .family = family};
	int rc;

	if (nkeys > MAX_KEYS || (family && family->nkeys > MAX_KEYS))
		return -E2BIG;
	r.t = &r.main;
	rc = set_defaults(&r);
	if (rc) {
		ar_buf_printf(err, "built-in default: %s", r.why);
		return rc;
	}
	if (!path)
		return 0;
	r.file = fopen(path, "re");
	if (!r.file) {
		rc = errno ? -errno : -EIO;
		ar_buf_printf(err, "%s: %s", path, strerror(-rc));
		return rc;
	}
	rc = read_file(&r, path, err);
	fclose(r.file);
	return rc;
}

int ar_conf_read(const struct ar_conf_key *keys, unsigned nkeys, void *conf, const char *path,
	struct ar_buf *err)
{
	return ar_conf_read_family(keys, nkeys, NULL, conf, path, err);
}

void ar_conf_free(const struct ar_conf_key *keys, unsigned nkeys, void *conf)
{
	for (unsigned i = 0; i < nkeys; i++) {
		void *p = (char *)conf + keys[i].offset;

		if (keys[i].type == AR_CONF_STRING) {
			free(*(char **)p);
			*(char **)p = NULL;
		} else if (keys[i].type == AR_CONF_LIST) {
			clear_list(p);
		}
	}
}

void ar_conf_help(const struct ar_conf_key *keys, unsigned nkeys, FILE *out)
{
	const char *section = "";

	for (unsigned i = 0; i < nkeys; i++) {
		if (strcmp(section, keys[i].section) != 0) {
			section = keys[i].section;
			fprintf(out, "  [%s]\n", section);
		}
		fprintf(out, "    %-22s = %-28s %s\n", keys[i].name,
			keys[i].deflt ? keys[i].deflt : "", keys[i].help);
	}
}
