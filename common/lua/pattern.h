/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lua 5.4's pattern matcher with a budget.
 *
 * The stock one cannot be interrupted: ('a'):rep(2000):find('.-.-b') runs for seconds, and the
 * subjects here are strangers' SIP URIs. This one has the same results (tests/policy/test_pattern.c
 * compares) and asks before every PATTERN_SLICE steps whether it may go on. Pure, any thread.
 *
 * Patterns and matching follow the Lua 5.4 manual, 6.4.1; the structure follows lstrlib.c,
 * Copyright (C) 1994-2022 Lua.org, PUC-Rio, MIT licence.
 */
#ifndef AR_LUA_PATTERN_H
#define AR_LUA_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#define PATTERN_MAX_CAPTURES 32
#define PATTERN_MAX_DEPTH 200 /* of recursion, as LUAI_MAXCCALLS */
#define PATTERN_SLICE 1024 /* steps, each a few nanoseconds */

#define PATTERN_UNCLOSED (-1)
#define PATTERN_POSITION (-2)

struct pattern_capture {
	const char *p;
	ptrdiff_t len; /* or PATTERN_POSITION */
};

struct pattern {
	/* Set by the caller. */
	const char *subject, *subject_end, *pattern_end;
	bool (*may_go_on)(void *arg); /* after each slice; false: stop */
	void *arg;
	/* Results. */
	const char *error; /* static text: malformed pattern, or out of budget */
	unsigned level;
	struct pattern_capture capture[PATTERN_MAX_CAPTURES];
	/* Own. */
	int depth;
	size_t spent; /* of the current slice */
};

/* Tries to match at s; p is the pattern without its '^'. The end of the match, or NULL with
 * m->error NULL (no match) or set. */
const char *pattern_match(struct pattern *m, const char *s, const char *p);
/* Before another pattern_match() with the same m; the slice goes on. */
void pattern_restart(struct pattern *m);
/* No magic character in it: memmem() will do. */
bool pattern_is_plain(const char *p, size_t n);

#endif
