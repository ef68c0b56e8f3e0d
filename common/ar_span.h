/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Borrowed bytes: a pointer and a length, never terminated, owned by somebody else. */
#ifndef AR_SPAN_H
#define AR_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct ar_span {
	const char *p; /* NULL: absent, which is not the same as empty */
	size_t n;
};

#define AR_SPAN(lit) ((struct ar_span){(lit), sizeof(lit) - 1})
#define AR_SPAN_NONE ((struct ar_span){NULL, 0})

static inline struct ar_span ar_span_str(const char *s)
{
	return (struct ar_span){s, s ? strlen(s) : 0};
}

static inline bool ar_span_eq(struct ar_span a, struct ar_span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool ar_span_caseeq(struct ar_span a, const char *s)
{
	return a.p && a.n == strlen(s) && strncasecmp(a.p, s, a.n) == 0;
}

static inline bool ar_span_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static inline struct ar_span ar_span_trim(struct ar_span s)
{
	while (s.n && ar_span_is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n && ar_span_is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* The next word, up to white space, taken off rest; empty at the end. */
static inline struct ar_span ar_span_cut_word(struct ar_span *rest)
{
	struct ar_span word;
	size_t n = 0;

	*rest = ar_span_trim(*rest);
	while (n < rest->n && !ar_span_is_space(rest->p[n]))
		n++;
	word = (struct ar_span){rest->p, n};
	rest->p += n;
	rest->n -= n;
	return word;
}

#endif
