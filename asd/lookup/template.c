/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/lookup/template.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#define AT(member) offsetof(struct lookup_query, member)

static const struct {
	const char *name;
	size_t at;
} fields[] = {
	{"caller.uri", AT(caller.uri)},
	{"caller.user", AT(caller.user)},
	{"caller.host", AT(caller.host)},
	{"callee.uri", AT(callee.uri)},
	{"callee.user", AT(callee.user)},
	{"callee.host", AT(callee.host)},
	{"asserted.uri", AT(asserted.uri)},
	{"asserted.user", AT(asserted.user)},
	{"asserted.host", AT(asserted.host)},
	{"callid", AT(callid)},
	{"source", AT(source)},
	{"role", AT(role)},
};
#define NFIELDS (sizeof(fields) / sizeof(fields[0]))

static int bad(char *why, size_t cap, struct ar_span s, const char *what)
{
	int n = snprintf(why, cap, "%.*s %s", (int)(s.n < 60 ? s.n : 60), s.p, what);

	for (size_t i = 0; i < NFIELDS && n > 0 && (size_t)n < cap; i++)
		n += snprintf(why + n, cap - (size_t)n, "%s{%s}", i ? ", " : "; there are ",
			fields[i].name);
	return -EINVAL;
}

static int field_of(struct ar_span name)
{
	for (size_t i = 0; i < NFIELDS; i++) {
		if (ar_span_eq(name, ar_span_str(fields[i].name)))
			return (int)i;
	}
	return -1;
}

/* One piece of text, or one place; what is left of it. */
static int next_part(struct template *t, struct ar_span *s, char *why, size_t cap)
{
	const char *open = memchr(s->p, '{', s->n), *close;
	size_t n = open ? (size_t)(open - s->p) : s->n;
	int field;

	if (n) {
		t->part[t->n++].text = (struct ar_span){s->p, n};
		*s = (struct ar_span){s->p + n, s->n - n};
		return 0;
	}
	close = memchr(s->p, '}', s->n);
	if (!close)
		return bad(why, cap, *s, "has a { without its }");
	n = (size_t)(close - s->p) + 1;
	field = field_of((struct ar_span){s->p + 1, n - 2});
	if (field < 0)
		return bad(why, cap, (struct ar_span){s->p, n}, "is not known");
	t->part[t->n].text = AR_SPAN_NONE;
	t->part[t->n++].field = (unsigned)field;
	*s = (struct ar_span){s->p + n, s->n - n};
	return 0;
}

int template_parse(struct template *t, struct ar_span text, char *why, size_t cap)
{
	int err = 0;

	t->n = 0;
	while (!err && text.n) {
		if (t->n == TEMPLATE_MAX_PARTS) {
			snprintf(why, cap, "more than %d places", TEMPLATE_MAX_PARTS / 2);
			return -EINVAL;
		}
		err = next_part(t, &text, why, cap);
	}
	return err;
}

bool template_varies(const struct template *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (!t->part[i].text.p)
			return true;
	}
	return false;
}

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* RFC 3986 2.1. "." and ".." would leave their place in the path (5.2.4), escaped or not. */
static int add_escaped(struct ar_buf *out, struct ar_span s)
{
	static const char hex[] = "0123456789ABCDEF";

	if (ar_span_eq(s, AR_SPAN(".")) || ar_span_eq(s, AR_SPAN("..")))
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char x[3] = {'%', hex[c >> 4], hex[c & 15]};
		int err = unreserved((char)c) ? ar_buf_add(out, &c, 1) : ar_buf_add(out, x, 3);

		if (err)
			return err;
	}
	return 0;
}

int template_fill(const struct template *t, const struct lookup_query *q, enum template_escape e,
	struct ar_buf *out)
{
	int err = 0;

	for (unsigned i = 0; !err && i < t->n; i++) {
		const struct ar_span *v;

		if (t->part[i].text.p) {
			err = ar_buf_add_span(out, t->part[i].text);
			continue;
		}
		v = (const struct ar_span *)(const void *)((const char *)q +
							   fields[t->part[i].field].at);
		if (!v->p || !v->n)
			return -ENODATA;
		if (v->n > TEMPLATE_MAX_VALUE || memchr(v->p, '\0', v->n))
			return -EINVAL;
		err = e == TEMPLATE_URL ? add_escaped(out, *v) : ar_buf_add_span(out, *v);
	}
	return err;
}
