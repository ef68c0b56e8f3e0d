/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/lists.h"
#include "asd/policy/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry is a kind, a length and the normalised text. */
enum kind { EXACT = 'e', PREFIX = 'p', SUFFIX = 's' };

struct policy_list {
	char *path;
	size_t entries;
	unsigned char *text; /* kind, length, bytes; one after the other */
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

		if (!e || (e[0] == kind && e[1] == n && memcmp(e + 2, p, n) == 0))
			return &l->slot[i];
	}
}

static bool has(const struct policy_list *l, enum kind kind, const char *p, size_t n)
{
	return l->slots && n && n <= LISTS_MAX_ENTRY && *find_slot(l, kind, p, n) != 0;
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
	for (at = 0; at < l->text_n; at += 2u + l->text[at + 1])
		*find_slot(l, l->text[at], (char *)l->text + at + 2, l->text[at + 1]) =
			(uint32_t)at + 1;
	return 0;
}

static int append(struct policy_list *l, enum kind kind, const char *p, size_t n)
{
	if (l->text_n + n + 2 > l->text_cap) {
		size_t cap = l->text_cap ? l->text_cap * 2 : 4096;
		unsigned char *text = cap < UINT32_MAX ? realloc(l->text, cap) : NULL;

		if (!text)
			return -ENOMEM;
		l->text = text;
		l->text_cap = cap;
	}
	l->text[l->text_n] = (unsigned char)kind;
	l->text[l->text_n + 1] = (unsigned char)n;
	memcpy(l->text + l->text_n + 2, p, n);
	l->text_n += n + 2;
	return 0;
}

static int add(struct policy_list *l, enum kind kind, const char *p, size_t n)
{
	uint32_t *slot;
	size_t at = l->text_n;
	int err;

	if ((l->entries + 1) * 2 > l->slots && (err = grow(l)) != 0)
		return err;
	slot = find_slot(l, kind, p, n);
	if (*slot)
		return 0; /* twice in the file */
	if ((err = append(l, kind, p, n)) != 0)
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

static const char *add_line(struct policy_list *l, struct ar_span line, int *err)
{
	char text[LISTS_MAX_ENTRY];
	size_t i, n = normalise(text, line);

	*err = -EINVAL;
	if (!n)
		return "entry over 255 bytes";
	for (i = 0; i < n; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return "blank or control character inside an entry; one entry a line";
	if (memchr(text, ';', n) || memchr(text, '<', n))
		return "URI parameters and <> do not belong in a list";
	*err = 0;
	if (n > 3 && memcmp(text, "@*.", 3) == 0)
		*err = add(l, SUFFIX, text + 2, n - 2);
	else if (n > 1 && text[n - 1] == '*' && !memchr(text, '@', n) && !memchr(text, '*', n - 1))
		*err = add(l, PREFIX, text, n - 1);
	else if (memchr(text, '*', n) || (n == 1 && *text == '@'))
		*err = -EINVAL;
	else
		*err = add(l, EXACT, text, n);
	if (*err == -EINVAL)
		return "'*' may stand at the end of a number or user, or as @*.domain";
	return *err ? "out of memory" : NULL;
}

static int parse(
	struct lists *ls, struct policy_list *l, const char *p, size_t n, char *why, size_t cap)
{
	const char *end = p + n, *name = strrchr(l->path, '/'), *eol, *hash_at, *text;
	unsigned line = 0;
	int err;

	name = name ? name + 1 : l->path;
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
			snprintf(why, cap, "%s:%u: more than %zu list entries", name, line,
				ls->max_entries);
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

static int read_list(struct lists *ls, struct policy_list *l, char *why, size_t cap)
{
	char *bytes = NULL;
	size_t n = 0;
	int err = sandbox_read_file(l->path, ls->max_bytes - ls->bytes, &bytes, &n);

	if (err) {
		snprintf(why, cap, "%s: %s", l->path,
			err == -EISDIR  ? "not a regular file"
			: err == -EFBIG ? "the lists are too large together"
					: strerror(-err));
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

int lists_open(
	struct lists *ls, const char *path, const struct policy_list **out, char *why, size_t cap)
{
	struct policy_list *l;
	unsigned i;
	int err;

	for (i = 0; i < ls->n; i++) {
		if (strcmp(ls->list[i]->path, path) == 0) {
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

static bool has_prefix(const struct policy_list *l, const char *p, size_t n)
{
	size_t i;

	for (i = 1; i <= n && i <= LISTS_MAX_ENTRY; i++)
		if (l->lengths[i] && has(l, PREFIX, p, i))
			return true;
	return false;
}

bool list_has(const struct policy_list *l, struct ar_span s)
{
	char text[LISTS_MAX_ENTRY];
	size_t n = normalise(text, s);

	return has(l, EXACT, text, n) || (n && has_prefix(l, text, n));
}

static bool has_domain(const struct policy_list *l, struct ar_span host)
{
	char text[LISTS_MAX_ENTRY];
	size_t i, n = host.n + 1;

	if (!host.p || !host.n || n > LISTS_MAX_ENTRY)
		return false;
	text[0] = '@';
	memcpy(text + 1, host.p, host.n);
	lower(text, n);
	if (has(l, EXACT, text, n))
		return true;
	for (i = 2; i < n; i++)
		if (text[i] == '.' && has(l, SUFFIX, text + i, n - i))
			return true;
	return false;
}

bool list_has_party(const struct policy_list *l, struct ar_span user, struct ar_span host)
{
	char text[LISTS_MAX_ENTRY];
	size_t n = user.n + 1 + host.n;

	if (has_domain(l, host) || (user.n && list_has(l, user)))
		return true;
	if (!user.n || !host.n || n > LISTS_MAX_ENTRY)
		return false;
	memcpy(text, user.p, user.n);
	text[user.n] = '@';
	memcpy(text + user.n + 1, host.p, host.n);
	lower(text + user.n, n - user.n);
	return has(l, EXACT, text, n);
}

size_t list_size(const struct policy_list *l)
{
	return l->entries;
}

const char *list_path(const struct policy_list *l)
{
	return l->path;
}
