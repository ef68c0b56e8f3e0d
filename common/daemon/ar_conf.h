/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Declarative INI configuration. A daemon describes its keys in one table; the table drives
 * reading, checking, defaults, --help and the man page test. An unknown section or key, a value
 * out of range, or a key given twice where it may not be, is an error with file and line.
 */
#ifndef AR_CONF_H
#define AR_CONF_H

#include "common/ar_buf.h"

#include <stdio.h>

#define AR_CONF_MAX_LIST 32

enum ar_conf_type {
	AR_CONF_STRING, /* char *, malloc'd */
	AR_CONF_INT, /* long */
	AR_CONF_BOOL, /* bool: yes/no/true/false/on/off/1/0 */
	AR_CONF_LIST, /* struct ar_conf_list: the key may be repeated */
};

struct ar_conf_list {
	unsigned n;
	char *item[AR_CONF_MAX_LIST];
};

struct ar_conf_key {
	const char *section, *name;
	enum ar_conf_type type;
	size_t offset; /* in the daemon's struct */
	const char *deflt; /* text as in a file; NULL: none (string NULL, list empty) */
	long min, max; /* INT only */
	const char *help; /* one line */
};

/*
 * Sections that are there as often as the operator likes, each with a name: [fact tier]. add()
 * makes the object of one, zeroed, where the keys' offsets point into; what it makes is part of
 * conf, and is freed with it. NULL with why: the name will not do.
 */
struct ar_conf_family {
	const char *section; /* "fact" for [fact NAME] */
	const struct ar_conf_key *keys; /* their member `section` is for --help */
	unsigned nkeys;
	void *(*add)(void *conf, const char *name, char *why, size_t cap);
};

/* Sets defaults, then reads the file (path NULL: defaults only). conf is zeroed memory. 0, or
 * negative errno with "file:line: what and what to do" in err; ar_conf_free() is due either way.
 * Comments begin with '#' or ';' at the start of a line, or with " ;". Lines are at most 197 bytes;
 * indentation means nothing. */
int ar_conf_read(const struct ar_conf_key *keys, unsigned nkeys, void *conf, const char *path,
	struct ar_buf *err) __attribute__((warn_unused_result));
/* The same with one family of named sections; NULL: none. */
int ar_conf_read_family(const struct ar_conf_key *keys, unsigned nkeys,
	const struct ar_conf_family *family, void *conf, const char *path, struct ar_buf *err)
	__attribute__((warn_unused_result));
void ar_conf_free(const struct ar_conf_key *keys, unsigned nkeys, void *conf);
/* "[section] name = default   help", one line a key. */
void ar_conf_help(const struct ar_conf_key *keys, unsigned nkeys, FILE *out);

#endif
