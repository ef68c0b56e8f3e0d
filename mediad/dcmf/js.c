/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/js.h"

#include <math.h>
#include <stdint.h>

char js_peek(struct js *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\n' || *j->p == '\r' || *j->p == '\t'))
		j->p++;
	return j->p < j->end ? *j->p : '\0';
}

bool js_done(struct js *j)
{
	js_peek(j);
	return j->p == j->end;
}

int js_string(struct js *j, struct ar_span *raw)
{
	const char *s;

	if (js_peek(j) != '"')
		return -1;
	s = ++j->p;
	for (; j->p < j->end; j->p++) {
		unsigned char c = (unsigned char)*j->p;

		if (c == '"') {
			*raw = (struct ar_span){s, (size_t)(j->p - s)};
			j->p++;
			return 0;
		}
		if (c < 0x20)
			return -1;
		if (c == '\\' && ++j->p == j->end)
			return -1;
	}
	return -1;
}

static double scale(double m, int e)
{
	static const double p10[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	if (m == 0 || e == 0)
		return m;
	if (e < 0 && e >= -22)
		return m / p10[-e];
	if (e > 0 && e <= 22)
		return m * p10[e];
	if (e > 400)
		return INFINITY;
	if (e < -400)
		return 0;
	return (double)((long double)m * powl(10.0L, e));
}

static bool digit(const struct js *j)
{
	return j->p < j->end && *j->p >= '0' && *j->p <= '9';
}

static int exponent(struct js *j, int *e)
{
	bool minus = false;
	int v = 0;

	if (j->p == j->end || (*j->p != 'e' && *j->p != 'E'))
		return 0;
	j->p++;
	if (j->p < j->end && (*j->p == '-' || *j->p == '+'))
		minus = *j->p++ == '-';
	if (!digit(j))
		return -1;
	for (; digit(j); j->p++)
		v = v < 10000 ? v * 10 + (*j->p - '0') : v;
	*e += minus ? -v : v;
	return 0;
}

/* Digits into *m, nineteen at most; *e counts those that did not fit. Returns how many were read.
 */
static unsigned digits(struct js *j, uint64_t *m, int *e, bool fraction)
{
	unsigned n = 0;

	for (; digit(j); j->p++, n++) {
		if (*m >= UINT64_MAX / 10 - 1) {
			*e += fraction ? 0 : 1;
			continue;
		}
		*m = *m * 10 + (uint64_t)(*j->p - '0');
		*e -= fraction ? 1 : 0;
	}
	return n;
}

int js_number(struct js *j, double *v)
{
	bool minus = js_peek(j) == '-';
	uint64_t m = 0;
	int e = 0;

	if (minus)
		j->p++;
	if (!digit(j))
		return -1;
	if (*j->p == '0') {
		j->p++;
		if (digit(j))
			return -1;
	} else {
		digits(j, &m, &e, false);
	}
	if (j->p < j->end && *j->p == '.') {
		j->p++;
		if (digits(j, &m, &e, true) == 0)
			return -1;
	}
	if (exponent(j, &e) != 0)
		return -1;
	*v = scale((double)m, e);
	if (minus)
		*v = -*v;
	return 0;
}

int js_enter(struct js *j, char open)
{
	if (js_peek(j) != open || j->depth == JS_MAX_DEPTH)
		return -1;
	j->depth++;
	j->p++;
	return 0;
}

/* Past the separator; 0: the closing bracket was there. */
static int separator(struct js *j, bool *first, char close)
{
	char c = js_peek(j);

	if (c == close) {
		j->p++;
		j->depth--;
		return 0;
	}
	if (!*first) {
		if (c != ',')
			return -1;
		j->p++;
		if (js_peek(j) == close)
			return -1;
	}
	*first = false;
	return 1;
}

int js_member(struct js *j, bool *first, struct ar_span *key)
{
	int rc = separator(j, first, '}');

	if (rc != 1)
		return rc;
	if (js_string(j, key) != 0 || js_peek(j) != ':')
		return -1;
	j->p++;
	return 1;
}

int js_item(struct js *j, bool *first)
{
	return separator(j, first, ']');
}

static int skip_word(struct js *j, struct ar_span word)
{
	if ((size_t)(j->end - j->p) < word.n || memcmp(j->p, word.p, word.n) != 0)
		return -1;
	j->p += word.n;
	return 0;
}

static int skip_object(struct js *j)
{
	struct ar_span key;
	bool first = true;
	int rc;

	if (js_enter(j, '{') != 0)
		return -1;
	while ((rc = js_member(j, &first, &key)) == 1) {
		if (js_skip(j) != 0)
			return -1;
	}
	return rc;
}

static int skip_array(struct js *j)
{
	bool first = true;
	int rc;

	if (js_enter(j, '[') != 0)
		return -1;
	while ((rc = js_item(j, &first)) == 1) {
		if (js_skip(j) != 0)
			return -1;
	}
	return rc;
}

int js_skip(struct js *j)
{
	struct ar_span s;
	double v;

	switch (js_peek(j)) {
	case '{':
		return skip_object(j);
	case '[':
		return skip_array(j);
	case '"':
		return js_string(j, &s);
	case 't':
		return skip_word(j, AR_SPAN("true"));
	case 'f':
		return skip_word(j, AR_SPAN("false"));
	case 'n':
		return skip_word(j, AR_SPAN("null"));
	default:
		return js_number(j, &v);
	}
}
