/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pattern.h. Structure after Lua 5.4's lstrlib.c, Copyright (C) 1994-2022 Lua.org, PUC-Rio
 * (MIT licence). */
#include "common/lua/pattern.h"

#include <ctype.h>
#include <string.h>

#define ESC '%'

static const char *match(struct pattern *m, const char *s, const char *p);

static const char *fail(struct pattern *m, const char *why)
{
	if (!m->error)
		m->error = why;
	return NULL;
}

static bool spend(struct pattern *m, size_t n)
{
	m->spent += n;
	if (m->spent < PATTERN_SLICE)
		return true;
	m->spent = 0;
	if (m->error)
		return false;
	if (m->may_go_on && !m->may_go_on(m->arg)) {
		fail(m, "time limit reached in a pattern");
		return false;
	}
	return true;
}

static bool step(struct pattern *m)
{
	return spend(m, 1);
}

/* The end of the single-character class that starts at p; NULL: malformed. */
static const char *class_end(struct pattern *m, const char *p)
{
	if (*p++ == ESC) {
		if (p == m->pattern_end)
			return fail(m, "malformed pattern (ends with '%')");
		return p + 1;
	}
	if (p[-1] != '[')
		return p;
	if (p < m->pattern_end && *p == '^')
		p++;
	do { /* look for a ']', the first character may be one */
		if (p == m->pattern_end)
			return fail(m, "malformed pattern (missing ']')");
		if (*p++ == ESC && p < m->pattern_end)
			p++;
	} while (p == m->pattern_end || *p != ']');
	return p + 1;
}

static bool match_class(int c, int cl)
{
	bool res;

	switch (tolower(cl)) {
	case 'a':
		res = isalpha(c);
		break;
	case 'c':
		res = iscntrl(c);
		break;
	case 'd':
		res = isdigit(c);
		break;
	case 'g':
		res = isgraph(c);
		break;
	case 'l':
		res = islower(c);
		break;
	case 'p':
		res = ispunct(c);
		break;
	case 's':
		res = isspace(c);
		break;
	case 'u':
		res = isupper(c);
		break;
	case 'w':
		res = isalnum(c);
		break;
	case 'x':
		res = isxdigit(c);
		break;
	case 'z':
		res = c == 0;
		break;
	default:
		return cl == c;
	}
	return isupper(cl) ? !res : res;
}

/* p at the '[', ec at its ']'. */
static bool match_set(struct pattern *m, int c, const char *p, const char *ec)
{
	bool sig = true;

	if (p[1] == '^') {
		sig = false;
		p++;
	}
	while (++p < ec) {
		if (!step(m))
			return false;
		if (*p == ESC) {
			p++;
			if (match_class(c, (unsigned char)*p))
				return sig;
		} else if (p[1] == '-' && p + 2 < ec) {
			p += 2;
			if ((unsigned char)p[-2] <= c && c <= (unsigned char)*p)
				return sig;
		} else if ((unsigned char)*p == c) {
			return sig;
		}
	}
	return !sig;
}

static bool single(struct pattern *m, const char *s, const char *p, const char *ep)
{
	int c;

	if (s >= m->subject_end || !step(m))
		return false;
	c = (unsigned char)*s;
	switch (*p) {
	case '.':
		return true;
	case ESC:
		return match_class(c, (unsigned char)p[1]);
	case '[':
		return match_set(m, c, p, ep - 1);
	default:
		return (unsigned char)*p == c;
	}
}

static const char *match_balance(struct pattern *m, const char *s, const char *p)
{
	char begin, end;
	int depth = 1;

	if (p >= m->pattern_end - 1)
		return fail(m, "malformed pattern (missing arguments to '%b')");
	if (s >= m->subject_end || *s != *p)
		return NULL;
	begin = *p;
	end = p[1];
	while (++s < m->subject_end) {
		if (!step(m))
			return NULL;
		if (*s == end) {
			if (--depth == 0)
				return s + 1;
		} else if (*s == begin) {
			depth++;
		}
	}
	return NULL;
}

static const char *max_expand(struct pattern *m, const char *s, const char *p, const char *ep)
{
	ptrdiff_t i = 0;

	while (single(m, s + i, p, ep))
		i++;
	for (; i >= 0; i--) {
		const char *res = match(m, s + i, ep + 1);

		if (res || m->error)
			return m->error ? NULL : res;
	}
	return NULL;
}

static const char *min_expand(struct pattern *m, const char *s, const char *p, const char *ep)
{
	for (;; s++) {
		const char *res = match(m, s, ep + 1);

		if (res || m->error)
			return m->error ? NULL : res;
		if (!single(m, s, p, ep))
			return NULL;
	}
}

static const char *start_capture(struct pattern *m, const char *s, const char *p, ptrdiff_t what)
{
	const char *res;

	if (m->level >= PATTERN_MAX_CAPTURES)
		return fail(m, "too many captures");
	m->capture[m->level].p = s;
	m->capture[m->level].len = what;
	m->level++;
	res = match(m, s, p);
	if (!res)
		m->level--;
	return res;
}

static const char *end_capture(struct pattern *m, const char *s, const char *p)
{
	unsigned l = m->level;
	const char *res;

	while (l > 0 && m->capture[l - 1].len != PATTERN_UNCLOSED)
		l--;
	if (l == 0)
		return fail(m, "invalid pattern capture");
	m->capture[l - 1].len = s - m->capture[l - 1].p;
	res = match(m, s, p);
	if (!res)
		m->capture[l - 1].len = PATTERN_UNCLOSED;
	return res;
}

static const char *match_capture(struct pattern *m, const char *s, int digit)
{
	unsigned l = (unsigned)(digit - '1');
	size_t len;

	if (digit < '1' || l >= m->level || m->capture[l].len == PATTERN_UNCLOSED)
		return fail(m, "invalid capture index in the pattern");
	/* A position capture matches as in lstrlib, where its length is out of any range. */
	if (m->capture[l].len < 0)
		return NULL;
	len = (size_t)m->capture[l].len;
	if (!spend(m, len / 16))
		return NULL;
	if ((size_t)(m->subject_end - s) >= len && memcmp(m->capture[l].p, s, len) == 0)
		return s + len;
	return NULL;
}

/* %f[set]: between a character outside the set and one inside. *pp moves behind the set. */
static bool frontier(struct pattern *m, const char *s, const char **pp)
{
	const char *p = *pp, *ep;
	int prev, here;

	if (p >= m->pattern_end || *p != '[') {
		fail(m, "missing '[' after '%f' in the pattern");
		return false;
	}
	ep = class_end(m, p);
	if (!ep)
		return false;
	prev = s == m->subject ? '\0' : (unsigned char)s[-1];
	here = s < m->subject_end ? (unsigned char)*s : '\0';
	*pp = ep;
	return !match_set(m, prev, p, ep - 1) && match_set(m, here, p, ep - 1) && !m->error;
}

/* An item that begins with '%'. True: *sp and *pp have moved on; go on there (or *sp is NULL). */
static bool special_escape(struct pattern *m, const char **sp, const char **pp)
{
	const char *p = *pp;

	if (p + 1 >= m->pattern_end)
		return false;
	switch (p[1]) {
	case 'b':
		*sp = match_balance(m, *sp, p + 2);
		*pp = p + 4;
		return true;
	case 'f':
		*pp = p + 2;
		if (!frontier(m, *sp, pp))
			*sp = NULL;
		return true;
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		*sp = match_capture(m, *sp, (unsigned char)p[1]);
		*pp = p + 2;
		return true;
	default:
		return false;
	}
}

/* A class and what follows it. True: *sp, *pp have moved on; false: *res is the result. */
static bool class_item(struct pattern *m, const char **sp, const char **pp, const char **res)
{
	const char *s = *sp, *p = *pp, *ep = class_end(m, p);
	char rep;
	bool one;

	*res = NULL;
	if (!ep)
		return false;
	rep = ep < m->pattern_end ? *ep : '\0';
	if (rep == '*') {
		*res = max_expand(m, s, p, ep);
		return false;
	}
	if (rep == '-') {
		*res = min_expand(m, s, p, ep);
		return false;
	}
	one = single(m, s, p, ep);
	if (m->error)
		return false;
	if (rep == '+') {
		*res = one ? max_expand(m, s + 1, p, ep) : NULL;
		return false;
	}
	if (rep == '?') {
		if (one)
			*res = match(m, s + 1, ep + 1);
		*pp = ep + 1;
		return !*res && !m->error;
	}
	*sp = s + 1;
	*pp = ep;
	return one;
}

static const char *match_here(struct pattern *m, const char *s, const char *p)
{
	const char *res;

	for (;;) {
		if (!step(m) || m->error)
			return NULL;
		if (p == m->pattern_end)
			return s;
		if (*p == '(')
			return p + 1 < m->pattern_end && p[1] == ')'
				       ? start_capture(m, s, p + 2, PATTERN_POSITION)
				       : start_capture(m, s, p + 1, PATTERN_UNCLOSED);
		if (*p == ')')
			return end_capture(m, s, p + 1);
		if (*p == '$' && p + 1 == m->pattern_end)
			return s == m->subject_end ? s : NULL;
		if (*p == ESC && special_escape(m, &s, &p)) {
			if (!s)
				return NULL;
			continue;
		}
		if (!class_item(m, &s, &p, &res))
			return res;
	}
}

static const char *match(struct pattern *m, const char *s, const char *p)
{
	const char *res;

	if (m->depth >= PATTERN_MAX_DEPTH)
		return fail(m, "pattern too complex");
	m->depth++;
	res = match_here(m, s, p);
	m->depth--;
	return m->error ? NULL : res;
}

const char *pattern_match(struct pattern *m, const char *s, const char *p)
{
	return match(m, s, p);
}

void pattern_restart(struct pattern *m)
{
	m->level = 0;
	m->depth = 0;
}

bool pattern_is_plain(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] && strchr("^$*+?.([%-", p[i]))
			return false;
	return true;
}
