/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/lists.h"
#include "asd/policy/verdict.h"
#include "common/lua/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry is a kind, two lengths, the normalised text and the value (of a map; else empty). */
#define ENTRY_HEAD 3
enum kind { EXACT = 'e', PREFIX = 'p', SUFFIX = 's' };

struct policy_list {
	char *path;
	bool map;
	size_t entries;
	unsigned char *text; /* entries, one after the other */
	size_t text_n, text_cap;
	uint32_t *slot; /* offset into text + 1; 0: free */
	size_t slots; /* power of two */
	unsigned char lengths[LISTS_MAX_ENTRY + 1]; /* of which there are PREFIX entries */
};

static uint64_t hash(enum kind kind, const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)kind;

	while (n--)
		h = (h ^ (unsigned char)*p++) * 0x100000001b3u;
	return h ^ (h >> 29);
}

/* The slot of the entry, or the free one where it belongs. */
static uint32_t *find_slot(const struct policy_list *l, enum kind kind, const char *p, size_t n)
{
	size_t i = hash(kind, p, n) & (l->slots - 1);

	for (;; i = (i + 1) & (l->slots - 1)) {
		const unsigned char *e = l->slot[i] ? l->text + l->slot[i] - 1 : NULL;

		if (!e || (e[0] == kind && e[1] == n && memcmp(e + ENTRY_HEAD, p, n) == 0))
			return &l->slot[i];
	}
}

static const unsigned char *find(
	const struct policy_list *l, enum kind kind, const char *p, size_t n)
{
	uint32_t at = l->slots && n && n <= LISTS_MAX_ENTRY ? *find_slot(l, kind, p, n) : 0;

	return at ? l->text + at - 1 : NULL;
}

static int grow(struct policy_list *l)
{
	size_t slots = l->slots ? l->slots * 2 : 64, at;
	uint32_t *old = l->slot, *slot = calloc(slots, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	free(old);
	l->slot = slot;
	l->slots = slots;
	for (at = 0; at < l->text_n; at += (size_t)ENTRY_HEAD + l->text[at + 1] + l->text[at + 2])
		*find_slot(l, l->text[at], (char *)l->text + at + ENTRY_HEAD, l->text[at + 1]) =
			(uint32_t)at + 1;
	return 0;
}

static int append(
	struct policy_list *l, enum kind kind, const char *p, size_t n, struct ar_span value)
{
	size_t more = ENTRY_HEAD + n + value.n;
	unsigned char *e;

	if (l->text_n + more > l->text_cap) {
		size_t cap = l->text_cap ? l->text_cap * 2 : 4096;
		unsigned char *text = cap < UINT32_MAX ? realloc(l->text, cap) : NULL;

		if (!text)
			return -ENOMEM;
		l->text = text;
		l->text_cap = cap;
	}
	e = l->text + l->text_n;
	e[0] = (unsigned char)kind;
	e[1] = (unsigned char)n;
	e[2] = (unsigned char)value.n;
	memcpy(e + ENTRY_HEAD, p, n);
	if (value.n)
		memcpy(e + ENTRY_HEAD + n, value.p, value.n);
	l->text_n += more;
	return 0;
}

static int add(struct policy_list *l, enum kind kind, const char *p, size_t n, struct ar_span value)
{
	uint32_t *slot;
	size_t at = l->text_n;
	int err;

	if ((l->entries + 1) * 2 > l->slots && (err = grow(l)) != 0)
		return err;
	slot = find_slot(l, kind, p, n);
	if (*slot)
		return l->map ? -EEXIST : 0; /* twice in a list does no harm */
	if ((err = append(l, kind, p, n, value)) != 0)
		return err;
	*slot = (uint32_t)at + 1;
	l->entries++;
	if (kind == PREFIX)
		l->lengths[n] = 1;
	return 0;
}

static void lower(char *p, size_t n)
{
	for (; n--; p++)
		*p = (char)tolower((unsigned char)*p);
}

static struct ar_span without_scheme(struct ar_span s)
{
	static const char *const schemes[] = {"sip:", "sips:", "tel:"};
	size_t i, n;

	for (i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
		n = strlen(schemes[i]);
		if (s.n > n && strncasecmp(s.p, schemes[i], n) == 0)
			return (struct ar_span){s.p + n, s.n - n};
	}
	return s;
}

/* The text of an entry or a question, as it is compared. Its length; 0: too long or empty. */
static size_t normalise(char out[LISTS_MAX_ENTRY], struct ar_span s)
{
	const char *at;
	size_t n;

	s = without_scheme(ar_span_trim(s));
	if (!s.p || !s.n || s.n > LISTS_MAX_ENTRY)
		return 0;
	memcpy(out, s.p, s.n);
	at = memrchr(out, '@', s.n);
	n = at ? (size_t)(at - out) : 0;
	lower(out + n, s.n - n);
	return s.n;
}

static const char *check_text(const char *text, size_t n)
{
	size_t i;

	if (!n)
		return "entry over 255 bytes";
	if (memchr(text, '\0', n))
		return "a zero byte: the file must be text in UTF-8";
	for (i = 0; i < n; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return "blank or control character inside an entry; one entry a line";
	if (memchr(text, ';', n) || memchr(text, '<', n))
		return "URI parameters and <> do not belong in a list";
	for (i = 0; i < n && !(text[i] & 0x80); i++)
		;
	if (i < n && !policy_is_utf8((struct ar_span){text, n}))
		return "not UTF-8";
	return NULL;
}

static const char *add_entry(
	struct policy_list *l, const char *text, size_t n, struct ar_span value, int *err)
{
	if (n > 3 && memcmp(text, "@*.", 3) == 0)
		*err = add(l, SUFFIX, text + 2, n - 2, value);
	else if (n > 1 && text[n - 1] == '*' && !memchr(text, '@', n) && !memchr(text, '*', n - 1))
		*err = add(l, PREFIX, text, n - 1, value);
	else if (memchr(text, '*', n) || (n == 1 && *text == '@'))
		*err = -EINVAL;
	else
		*err = add(l, EXACT, text, n, value);
	if (*err == -EINVAL)
		return "'*' may stand at the end of a number or user, or as @*.domain";
	if (*err == -EEXIST) {
		*err = -EINVAL;
		return "this key is in the file already";
	}
	return *err ? "out of memory" : NULL;
}

/* "key value" or "key,value": the value is the rest of the line. */
static const char *split_value(struct ar_span *line, struct ar_span *value)
{
	size_t i, n = 0;

	while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t' && line->p[n] != ',')
		n++;
	*value = ar_span_trim((struct ar_span){line->p + n, line->n - n});
	if (value->n && value->p[0] == ',')
		*value = ar_span_trim((struct ar_span){value->p + 1, value->n - 1});
	if (!value->n)
		return "no value behind the key";
	line->n = n;
	if (value->n > LISTS_MAX_ENTRY)
		return "value over 255 bytes";
	for (i = 0; i < value->n; i++)
		if ((unsigned char)value->p[i] < ' ')
			return "control character inside a value";
	return NULL;
}

static const char *add_line(struct policy_list *l, struct ar_span line, int *err)
{
	struct ar_span value = AR_SPAN_NONE;
	char text[LISTS_MAX_ENTRY];
	const char *why = l->map ? split_value(&line, &value) : NULL;
	size_t n = normalise(text, line);

	*err = -EINVAL;
	if (!why)
		why = check_text(text, n);
	return why ? why : add_entry(l, text, n, value, err);
}

static int parse(
	struct lists *ls, struct policy_list *l, const char *p, size_t n, char *why, size_t cap)
{
	const char *end = p + n, *name = strrchr(l->path, '/'), *eol, *hash_at, *text;
	unsigned line = 0;
	int err;

	name = name ? name + 1 : l->path;
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3; /* the mark that some editors put before UTF-8: no part of the first entry
			 */
	for (; p < end; p = eol + 1) {
		struct ar_span s;

		line++;
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		hash_at = memchr(p, '#', (size_t)(eol - p));
		s = ar_span_trim((struct ar_span){p, (size_t)((hash_at ? hash_at : eol) - p)});
		if (!s.n)
			continue;
		if (ls->entries + l->entries >= ls->max_entries) {
			snprintf(why, cap,
				"%s:%u: more than %zu list entries ([policy] list_entries)", name,
				line, ls->max_entries);
			return -E2BIG;
		}
		text = add_line(l, s, &err);
		if (text) {
			snprintf(why, cap, "%s:%u: %s", name, line, text);
			return err;
		}
	}
	return 0;
}

static void list_free(struct policy_list *l)
{
	if (!l)
		return;
	free(l->path);
	free(l->text);
	free(l->slot);
	free(l);
}

static const char *read_error(int err)
{
	switch (err) {
	case -EISDIR:
		return "not a regular file";
	case -EFBIG:
		return "the lists are too large together ([policy] list_kib)";
	case -EACCES:
		return "Permission denied; asd's user must be able to read it";
	default:
		return strerror(-err);
	}
}

static int read_list(struct lists *ls, struct policy_list *l, char *why, size_t cap)
{
	char *bytes = NULL;
	size_t n = 0;
	int err = sandbox_read_file(l->path, ls->max_bytes - ls->bytes, &bytes, &n);

	if (err) {
		snprintf(why, cap, "%s: %s", l->path, read_error(err));
		return err;
	}
	err = parse(ls, l, bytes, n, why, cap);
	free(bytes);
	if (!err) {
		ls->bytes += n;
		ls->entries += l->entries;
	}
	return err;
}

void lists_init(struct lists *ls, size_t max_entries, size_t max_bytes)
{
	memset(ls, 0, sizeof(*ls));
	ls->max_entries = max_entries;
	ls->max_bytes = max_bytes;
}

void lists_free(struct lists *ls)
{
	while (ls->n)
		list_free(ls->list[--ls->n]);
}

int lists_open(struct lists *ls, const char *path, bool map, const struct policy_list **out,
	char *why, size_t cap)
{
	struct policy_list *l;
	unsigned i;
	int err;

	for (i = 0; i < ls->n; i++) {
		if (ls->list[i]->map == map && strcmp(ls->list[i]->path, path) == 0) {
			*out = ls->list[i];
			return 0;
		}
	}
	if (ls->n == LISTS_MAX) {
		snprintf(why, cap, "%s: more than %d lists", path, LISTS_MAX);
		return -E2BIG;
	}
	l = calloc(1, sizeof(*l));
	if (!l || !(l->path = strdup(path))) {
		snprintf(why, cap, "out of memory");
		err = -ENOMEM;
		goto out;
	}
	l->map = map;
	err = read_list(ls, l, why, cap);
out:
	if (err) {
		list_free(l);
		return err;
	}
	ls->list[ls->n++] = l;
	*out = l;
	return 0;
}

static const unsigned char *find_prefix(const struct policy_list *l, const char *p, size_t n)
{
	const unsigned char *e;
	size_t i;

	for (i = n < LISTS_MAX_ENTRY ? n : LISTS_MAX_ENTRY; i > 0; i--)
		if (l->lengths[i] && (e = find(l, PREFIX, p, i)) != NULL)
			return e;
	return NULL;
}

static const unsigned char *find_text(const struct policy_list *l, struct ar_span s)
{
	char text[LISTS_MAX_ENTRY];
	size_t n = normalise(text, s);
	const unsigned char *e = find(l, EXACT, text, n);

	return e || !n ? e : find_prefix(l, text, n);
}

static const unsigned char *find_domain(const struct policy_list *l, struct ar_span host)
{
	char text[LISTS_MAX_ENTRY];
	const unsigned char *e;
	size_t i, n = host.n + 1;

	if (!host.p || !host.n || n > LISTS_MAX_ENTRY)
		return NULL;
	text[0] = '@';
	memcpy(text + 1, host.p, host.n);
	lower(text, n);
	e = find(l, EXACT, text, n);
	for (i = 2; !e && i < n; i++)
		if (text[i] == '.')
			e = find(l, SUFFIX, text + i, n - i);
	return e;
}

static const unsigned char *find_user(
	const struct policy_list *l, struct ar_span user, struct ar_span host)
{
	char text[LISTS_MAX_ENTRY];
	size_t n = user.n + 1 + host.n;

	if (!user.n || !host.n || n > LISTS_MAX_ENTRY)
		return NULL;
	memcpy(text, user.p, user.n);
	text[user.n] = '@';
	memcpy(text + user.n + 1, host.p, host.n);
	lower(text + user.n, n - user.n);
	return find(l, EXACT, text, n);
}

/* The most particular entry. */
static const unsigned char *find_party(
	const struct policy_list *l, struct ar_span user, struct ar_span host)
{
	const unsigned char *e = find_user(l, user, host);

	if (!e && user.n)
		e = find_text(l, user);
	return e ? e : find_domain(l, host);
}

static struct ar_span value_of(const unsigned char *e)
{
	return e ? (struct ar_span){(const char *)e + ENTRY_HEAD + e[1], e[2]} : AR_SPAN_NONE;
}

bool list_has(const struct policy_list *l, struct ar_span s)
{
	return find_text(l, s) != NULL;
}

bool list_has_party(const struct policy_list *l, struct ar_span user, struct ar_span host)
{
	return find_party(l, user, host) != NULL;
}

struct ar_span list_value(const struct policy_list *l, struct ar_span s)
{
	return value_of(find_text(l, s));
}

struct ar_span list_party_value(
	const struct policy_list *l, struct ar_span user, struct ar_span host)
{
	return value_of(find_party(l, user, host));
}

size_t list_size(const struct policy_list *l)
{
	return l->entries;
}

const char *list_path(const struct policy_list *l)
{
	return l->path;
}
