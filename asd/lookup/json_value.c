/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/lookup/json_value.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_TOKEN 256

/* RFC 6901 4: ~1 is '/', ~0 is '~'. The token's end, NULL: too long or malformed. */
static const char *next_token(const char *p, char *out)
{
	size_t n = 0;

	for (; *p && *p != '/'; p++) {
		char c = *p;

		if (c == '~') {
			c = *++p;
			if (c != '0' && c != '1')
				return NULL;
			c = c == '0' ? '~' : '/';
		}
		if (n + 1 >= MAX_TOKEN)
			return NULL;
		out[n++] = c;
	}
	out[n] = '\0';
	return p;
}

static json_t *element(json_t *array, const char *token)
{
	char *end;
	unsigned long i;

	if (*token < '0' || *token > '9' || (*token == '0' && token[1]))
		return NULL;
	i = strtoul(token, &end, 10);
	return *end ? NULL : json_array_get(array, i);
}

json_t *json_value_at(json_t *doc, const char *pointer)
{
	char token[MAX_TOKEN];

	while (doc && *pointer == '/') {
		pointer = next_token(pointer + 1, token);
		if (!pointer)
			return NULL;
		doc = json_is_array(doc) ? element(doc, token) : json_object_get(doc, token);
	}
	return doc;
}

static int copy(struct ar_span s, char **text, size_t *n)
{
	*text = malloc(s.n + 1); /* not strndup(): there may be a NUL in it */
	if (!*text)
		return -ENOMEM;
	if (s.n)
		memcpy(*text, s.p, s.n);
	(*text)[s.n] = '\0';
	*n = s.n;
	return 0;
}

int json_value_read(struct ar_span body, const char *pointer, char **text, size_t *n)
{
	json_t *doc, *v;
	int err = 0;

	if (!pointer) {
		body = ar_span_trim(body);
		return body.n ? copy(body, text, n) : -ENODATA;
	}
	doc = json_loadb(
		body.p ? body.p : "", body.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!doc)
		return -EBADMSG;
	v = json_value_at(doc, pointer);
	if (!v || json_is_null(v)) {
		err = -ENODATA;
	} else if (json_is_string(v)) {
		err = copy((struct ar_span){json_string_value(v), json_string_length(v)}, text, n);
	} else {
		*text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
		*n = *text ? strlen(*text) : 0;
		err = *text ? 0 : -ENOMEM;
	}
	json_decref(doc);
	return err;
}
