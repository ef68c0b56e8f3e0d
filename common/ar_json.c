/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/ar_json.h"

#include <errno.h>

#define MAX_DEPTH 64
#define MAX_DIGITS 15 /* exact in a double, and far from what overflows */
#define MAX_TEXT (64u << 20)
#define FIRST_TEXT 16384 /* what most documents need with room for escapes */

struct reader {
	const char *p, *end;
	struct ar_buf text; /* of the string that had escapes */
};

/* Every reader returns NULL, or false, for what jansson shall see. */
static json_t *read_value(struct reader *r, unsigned depth);

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t'))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

/* ---- strings ---- */

#define EACH(byte) (~0ull / 255 * (byte))
/* Bit 7 of each byte of v that is 0, or of one above such a byte: never none where there is one. */
#define ZERO_BYTES(v) (((v)-EACH(1)) & ~(v))

/* Any byte that is a quote, a backslash, a control character or not ASCII? */
static bool unusual(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return ((ZERO_BYTES(v ^ EACH('"')) | ZERO_BYTES(v ^ EACH('\\')) | (v - EACH(0x20)) | v) &
		       EACH(0x80)) != 0;
}

/* Up to a quote, a backslash, or what a string may not have; *high: it is not all ASCII. */
static const char *plain_run(const char *p, const char *end, bool *high)
{
	for (;;) {
		unsigned char c;

		while (end - p >= 8 && !unusual(p))
			p += 8;
		if (p == end)
			return p;
		c = (unsigned char)*p;
		if (c == '"' || c == '\\' || c < 0x20)
			return p;
		*high |= c >= 0x80;
		p++;
	}
}

static bool escape(struct reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = r->p < r->end ? memchr(from, *r->p, sizeof(from) - 1) : NULL;

	if (!at)
		return false;
	r->p++;
	return ar_buf_add(&r->text, &to[at - from], 1) == 0;
}

/* Behind the opening quote; to is good until the next string. */
static bool read_string(struct reader *r, struct ar_span *to, bool *high)
{
	const char *start = r->p;

	*high = false;
	ar_buf_reset(&r->text);
	for (;;) {
		r->p = plain_run(r->p, r->end, high);
		if (r->p == r->end || (*r->p != '"' && *r->p != '\\'))
			return false;
		if (*r->p == '"' && r->text.n == 0) {
			*to = (struct ar_span){start, (size_t)(r->p++ - start)};
			return true;
		}
		if (ar_buf_add(&r->text, start, (size_t)(r->p - start)) != 0)
			return false;
		if (*r->p++ == '"') {
			*to = ar_buf_span(&r->text);
			return true;
		}
		if (!escape(r))
			return false;
		start = r->p;
	}
}

static json_t *string_value(struct reader *r)
{
	struct ar_span s;
	bool high;

	if (!read_string(r, &s, &high))
		return NULL;
	return high ? json_stringn(s.p, s.n) : json_stringn_nocheck(s.n ? s.p : "", s.n);
}

/* ---- numbers and words ---- */

/* One more than most is read, so that the caller sees that they are too many. */
static unsigned digits(struct reader *r, unsigned most, json_int_t *v)
{
	const char *start = r->p;

	for (; r->p < r->end && *r->p >= '0' && *r->p <= '9' && r->p - start <= (ptrdiff_t)most;
		r->p++)
		*v = *v * 10 + (*r->p - '0');
	return (unsigned)(r->p - start);
}

static json_t *number(struct reader *r)
{
	static const double tens[] = {
		1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool minus = *r->p == '-', real;
	const char *first;
	json_int_t v = 0;
	unsigned n, after = 0;

	r->p += minus;
	first = r->p;
	n = digits(r, MAX_DIGITS, &v);
	if (n == 0 || n > MAX_DIGITS || (n > 1 && *first == '0'))
		return NULL;
	real = r->p < r->end && *r->p == '.';
	if (real) {
		r->p++;
		after = digits(r, MAX_DIGITS - n, &v);
	}
	if ((real && after == 0) || n + after > MAX_DIGITS || (minus && v == 0))
		return NULL;
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E' || *r->p == '.'))
		return NULL;
	/* both are exact, so the quotient is what strtod() finds */
	return real ? json_real((minus ? -1 : 1) * (double)v / tens[after])
		    : json_integer(minus ? -v : v);
}

static json_t *word(struct reader *r, const char *text, json_t *v)
{
	size_t n = strlen(text);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
		return NULL;
	r->p += n;
	return v;
}

/* ---- objects and arrays ---- */

static bool member(struct reader *r, json_t *o, unsigned depth)
{
	size_t had = json_object_size(o);
	struct ar_span key;
	json_t *v;
	bool high;

	/* a key must outlive its value: no escapes in it */
	if (!take(r, '"') || !read_string(r, &key, &high) || high || r->text.n || !take(r, ':'))
		return false;
	v = read_value(r, depth);
	return v && json_object_setn_new_nocheck(o, key.p, key.n, v) == 0 &&
	       json_object_size(o) == had + 1;
}

static bool element(struct reader *r, json_t *a, unsigned depth)
{
	json_t *v = read_value(r, depth);

	return v && json_array_append_new(a, v) == 0;
}

static json_t *container(struct reader *r, unsigned depth)
{
	bool object = *r->p == '{', ok = depth < MAX_DEPTH;
	char end = object ? '}' : ']';
	json_t *j = object ? json_object() : json_array();

	r->p++;
	if (j && ok && take(r, end))
		return j;
	do {
		ok = ok && j && (object ? member(r, j, depth + 1) : element(r, j, depth + 1));
	} while (ok && take(r, ','));
	if (ok && take(r, end))
		return j;
	json_decref(j);
	return NULL;
}

static json_t *read_value(struct reader *r, unsigned depth)
{
	blanks(r);
	if (r->p == r->end)
		return NULL;
	switch (*r->p) {
	case '"':
		r->p++;
		return string_value(r);
	case '{':
	case '[':
		return container(r, depth);
	case 't':
		return word(r, "true", json_true());
	case 'f':
		return word(r, "false", json_false());
	case 'n':
		return word(r, "null", json_null());
	default:
		return number(r);
	}
}

json_t *ar_json_load(struct ar_span text, size_t flags, json_error_t *err)
{
	struct reader r = {.p = text.p, .end = text.p + text.n};
	json_t *j = NULL;

	if (text.n == 0)
		return json_loadb("", 0, flags, err);
	ar_buf_init(&r.text, MAX_TEXT);
	blanks(&r);
	if (r.p < r.end && (*r.p == '{' || *r.p == '['))
		j = read_value(&r, 0);
	blanks(&r);
	if (j && r.p != r.end) {
		json_decref(j);
		j = NULL;
	}
	ar_buf_free(&r.text);
	return j ? j : json_loadb(text.p, text.n, flags, err);
}

/* ---- writing ---- */

static bool write_value(struct ar_buf *b, const json_t *j, size_t flags, unsigned depth);

#define MAX_ESCAPE 6 /* \\u001F */

static char *put_escape(char *to, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	static const char hex[] = "0123456789ABCDEF";
	const char *at = memchr(from, c, sizeof(from) - 1);

	*to++ = '\\';
	if (at) {
		*to++ = letter[at - from];
		return to;
	}
	*to++ = 'u';
	*to++ = '0';
	*to++ = '0';
	*to++ = hex[c >> 4];
	*to++ = hex[c & 15];
	return to;
}

/* Where there is room for the longest that it can become. */
static char *put_string(char *to, const char *p, size_t n)
{
	const char *end = p + n, *run;
	bool high = false;

	*to++ = '"';
	for (;; p = run + 1) {
		run = plain_run(p, end, &high);
		memcpy(to, p, (size_t)(run - p));
		to += run - p;
		if (run == end)
			break;
		to = put_escape(to, (unsigned char)*run);
	}
	*to++ = '"';
	return to;
}

static void write_string(struct ar_buf *b, const char *p, size_t n)
{
	char piece[MAX_ESCAPE * 256 + 2];

	if (b->err == 0 && n < b->cap && b->cap - b->n >= MAX_ESCAPE * n + 2) {
		b->n = (size_t)(put_string(b->p + b->n, p, n) - b->p);
		return;
	}
	/* near the buffer's end, or its maximum: as long as it really is */
	ar_buf_add(b, "\"", 1);
	while (n) {
		size_t part = n < 256 ? n : 256;
		char *to = put_string(piece, p, part);

		ar_buf_add(b, piece + 1, (size_t)(to - piece) - 2);
		p += part;
		n -= part;
	}
	ar_buf_add(b, "\"", 1);
}

static void write_integer(struct ar_buf *b, json_int_t v)
{
	char text[24], *p = text + sizeof(text);
	unsigned long long u = v < 0 ? 0 - (unsigned long long)v : (unsigned long long)v;

	do {
		*--p = (char)('0' + u % 10);
	} while (u /= 10);
	if (v < 0)
		*--p = '-';
	ar_buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

static bool write_real(struct ar_buf *b, const json_t *j, size_t flags)
{
	char text[64];
	size_t n = json_dumpb(j, text, sizeof(text), flags | JSON_ENCODE_ANY);

	return n && n <= sizeof(text) && ar_buf_add(b, text, n) == 0;
}

static bool write_object(struct ar_buf *b, const json_t *j, size_t flags, unsigned depth)
{
	json_t *o = (json_t *)(uintptr_t)j;
	const char *between = "{";

	for (void *i = json_object_iter(o); i; i = json_object_iter_next(o, i)) {
		ar_buf_add(b, between, 1);
		write_string(b, json_object_iter_key(i), json_object_iter_key_len(i));
		ar_buf_add(b, ":", 1);
		if (!write_value(b, json_object_iter_value(i), flags, depth))
			return false;
		between = ",";
	}
	return ar_buf_add_str(b, *between == '{' ? "{}" : "}") == 0;
}

static bool write_array(struct ar_buf *b, const json_t *j, size_t flags, unsigned depth)
{
	size_t n = json_array_size(j);

	for (size_t i = 0; i < n; i++) {
		ar_buf_add(b, i ? "," : "[", 1);
		if (!write_value(b, json_array_get(j, i), flags, depth))
			return false;
	}
	return ar_buf_add_str(b, n ? "]" : "[]") == 0;
}

/* A document that contains itself ends at the depth, and goes to jansson, which says so. */
static bool write_value(struct ar_buf *b, const json_t *j, size_t flags, unsigned depth)
{
	switch (json_typeof(j)) {
	case JSON_STRING:
		write_string(b, json_string_value(j), json_string_length(j));
		break;
	case JSON_INTEGER:
		write_integer(b, json_integer_value(j));
		break;
	case JSON_REAL:
		return write_real(b, j, flags);
	case JSON_OBJECT:
		return depth < MAX_DEPTH && write_object(b, j, flags, depth + 1);
	case JSON_ARRAY:
		return depth < MAX_DEPTH && write_array(b, j, flags, depth + 1);
	case JSON_TRUE:
		ar_buf_add(b, "true", 4);
		break;
	case JSON_FALSE:
		ar_buf_add(b, "false", 5);
		break;
	case JSON_NULL:
		ar_buf_add(b, "null", 4);
		break;
	}
	return b->err == 0;
}

static int append(const char *text, size_t n, void *arg)
{
	return ar_buf_add(arg, text, n);
}

int ar_json_write(struct ar_buf *b, const json_t *j, size_t flags)
{
	size_t had = b->n;

	if (!json_is_object(j) && !json_is_array(j))
		return -EINVAL;
	if (write_value(b, j, flags, 0))
		return 0;
	if (b->err)
		return b->err;
	b->n = had;
	if (json_dump_callback(j, append, b, flags) == 0)
		return 0;
	return b->err ? b->err : -EINVAL;
}

char *ar_json_text(const json_t *j)
{
	struct ar_buf b;

	ar_buf_init(&b, MAX_TEXT);
	if (ar_buf_reserve(&b, FIRST_TEXT) == 0 && ar_json_write(&b, j, JSON_COMPACT) == 0 &&
		ar_buf_add(&b, "", 1) == 0)
		return b.p;
	ar_buf_free(&b);
	return NULL;
}
