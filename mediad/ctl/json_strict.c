/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/ctl/json_strict.h"
#include "common/ar_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Deepest nesting of brackets outside strings. */
static unsigned nesting(struct ar_span t)
{
	unsigned now = 0, most = 0;
	bool string = false;

	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];

		if (string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				string = false;
		} else if (c == '"') {
			string = true;
		} else if (c == '{' || c == '[') {
			if (++now > most)
				most = now;
		} else if ((c == '}' || c == ']') && now) {
			now--;
		}
	}
	return most;
}

json_t *json_strict_load(struct ar_span text, unsigned depth, struct json_strict_error *err)
{
	json_error_t je;
	json_t *j;

	if (text.n == 0) {
		snprintf(err->why, sizeof(err->why), "empty body");
		return NULL;
	}
	if (nesting(text) > depth) {
		snprintf(err->why, sizeof(err->why), "nested deeper than %u levels", depth);
		return NULL;
	}
	j = ar_json_load(text, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		snprintf(err->why, sizeof(err->why), "line %d, column %d: %.100s", je.line,
			je.column, je.text);
	return j;
}

static bool same_members(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *v;

	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)a, key, v)
	{
		if (!json_strict_same(v, json_object_get(b, key)))
			return false;
	}
	return true;
}

static bool same_items(const json_t *a, const json_t *b)
{
	size_t n = json_array_size(a);

	if (n != json_array_size(b))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!json_strict_same(json_array_get(a, i), json_array_get(b, i)))
			return false;
	}
	return true;
}

static bool same_number(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	return json_number_value(a) == json_number_value(b);
}

bool json_strict_same(const json_t *a, const json_t *b)
{
	if (!a || !b)
		return a == b;
	if (json_is_number(a) && json_is_number(b))
		return same_number(a, b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_object(a))
		return same_members(a, b);
	if (json_is_array(a))
		return same_items(a, b);
	return json_equal(a, b);
}

static bool take(size_t *left, size_t n)
{
	if (n > *left)
		return false;
	*left -= n;
	return true;
}

static bool fits(const json_t *j, unsigned depth, size_t *left)
{
	const char *key;
	json_t *v;
	size_t i;

	if (!take(left, 2 + json_string_length(j)))
		return false;
	if (!json_is_object(j) && !json_is_array(j))
		return true;
	if (depth == 0)
		return false;
	json_object_foreach((json_t *)j, key, v)
	{
		if (!take(left, strlen(key)) || !fits(v, depth - 1, left))
			return false;
	}
	json_array_foreach(j, i, v)
	{
		if (!fits(v, depth - 1, left))
			return false;
	}
	return true;
}

bool json_strict_fits(const json_t *j, unsigned depth, size_t bytes)
{
	return fits(j, depth, &bytes);
}
