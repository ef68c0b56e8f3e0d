/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of JSON objects, strictly typed, with the place in the error. */
#include "mediad/armf/gltf/load_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define WHY_TEXT 300

static void write_place(struct ar_buf *why, const struct at *at)
{
	if (!at)
		return;
	write_place(why, at->up);
	if (at->key)
		ar_buf_printf(why, "/%s", at->key);
	else
		ar_buf_printf(why, "/%u", at->index);
}

int load_bad(struct load *l, const struct at *at, int err, const char *fmt, ...)
{
	char text[WHY_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_place(l->why, at);
	if (at)
		ar_buf_add_str(l->why, ": ");
	ar_buf_add_str(l->why, text);
	return err;
}

static int wrong_type(struct load *l, const struct at *at, const char *key, const char *want)
{
	return load_bad(l, AT_KEY(at, key), -EINVAL, "want %s", want);
}

int get_object(struct load *l, const struct at *at, const json_t *o, const char *key, json_t **out)
{
	json_t *v = json_object_get(o, key);

	if (!v)
		return 0;
	if (!json_is_object(v))
		return wrong_type(l, at, key, "an object");
	*out = v;
	return 0;
}

int get_list(struct load *l, const struct at *at, const json_t *o, const char *key, unsigned max,
	json_t **out)
{
	json_t *v = json_object_get(o, key);

	if (!v)
		return 0;
	if (!json_is_array(v) || json_array_size(v) == 0)
		return wrong_type(l, at, key, "a list with at least one entry");
	if (json_array_size(v) > max)
		return load_bad(l, AT_KEY(at, key), -E2BIG, "%zu entries, the limit is %u",
			json_array_size(v), max);
	*out = v;
	return 0;
}

int get_string(
	struct load *l, const struct at *at, const json_t *o, const char *key, const char **out)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return 0;
	if (!json_is_string(v))
		return wrong_type(l, at, key, "a string");
	*out = json_string_value(v);
	return 0;
}

int get_bool(struct load *l, const struct at *at, const json_t *o, const char *key, bool *out)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return 0;
	if (!json_is_boolean(v))
		return wrong_type(l, at, key, "true or false");
	*out = json_is_true(v);
	return 0;
}

int get_uint(struct load *l, const struct at *at, const json_t *o, const char *key, uint64_t lo,
	uint64_t hi, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);
	json_int_t i;

	if (!v)
		return 0;
	if (!json_is_integer(v))
		return wrong_type(l, at, key, "a whole number");
	i = json_integer_value(v);
	if (i < 0 || (uint64_t)i < lo || (uint64_t)i > hi)
		return load_bad(l, AT_KEY(at, key), -EINVAL, "%lld is not between %llu and %llu",
			(long long)i, (unsigned long long)lo, (unsigned long long)hi);
	*out = (uint64_t)i;
	return 0;
}

/* JSON has no infinities, but a double may be too large for a float. */
static int number(
	struct load *l, const struct at *at, const json_t *v, float lo, float hi, float *out)
{
	double d;

	if (!json_is_number(v))
		return load_bad(l, at, -EINVAL, "want a number");
	d = json_number_value(v);
	if (!(d >= (double)lo && d <= (double)hi))
		return load_bad(
			l, at, -EINVAL, "%g is not between %g and %g", d, (double)lo, (double)hi);
	*out = (float)d;
	return 0;
}

int get_float(struct load *l, const struct at *at, const json_t *o, const char *key, float lo,
	float hi, float *out)
{
	const json_t *v = json_object_get(o, key);

	return v ? number(l, AT_KEY(at, key), v, lo, hi, out) : 0;
}

int get_floats(struct load *l, const struct at *at, const json_t *o, const char *key, unsigned n,
	float lo, float hi, float *out)
{
	const json_t *v = json_object_get(o, key);
	int err = 0;

	if (!v)
		return 0;
	if (!json_is_array(v) || json_array_size(v) != n)
		return load_bad(l, AT_KEY(at, key), -EINVAL, "want a list of %u numbers", n);
	for (unsigned i = 0; i < n && !err; i++)
		err = number(
			l, AT_INDEX(AT_KEY(at, key), i), json_array_get(v, i), lo, hi, &out[i]);
	return err;
}

static int index_value(
	struct load *l, const struct at *at, const json_t *v, unsigned count, int *out)
{
	json_int_t i;

	if (!json_is_integer(v))
		return load_bad(l, at, -EINVAL, "want an index");
	i = json_integer_value(v);
	if (i < 0 || i >= (json_int_t)count)
		return load_bad(
			l, at, -EINVAL, "%lld is out of range, there are %u", (long long)i, count);
	*out = (int)i;
	return 0;
}

int get_index(struct load *l, const struct at *at, const json_t *o, const char *key, unsigned count,
	int *out)
{
	const json_t *v = json_object_get(o, key);

	*out = -1;
	return v ? index_value(l, AT_KEY(at, key), v, count, out) : 0;
}

int need_index(struct load *l, const struct at *at, const json_t *o, const char *key,
	unsigned count, int *out)
{
	const json_t *v = json_object_get(o, key);

	if (!v)
		return load_bad(l, AT_KEY(at, key), -EINVAL, "is missing");
	return index_value(l, AT_KEY(at, key), v, count, out);
}

static int different(
	struct load *l, const struct at *at, const uint16_t *v, unsigned n, unsigned count)
{
	uint8_t *seen = calloc(1, count / 8 + 1);
	int err = seen ? 0 : -ENOMEM;

	for (unsigned i = 0; i < n && !err; i++) {
		uint8_t bit = (uint8_t)(1u << v[i] % 8);

		if (seen[v[i] / 8] & bit)
			err = load_bad(l, AT_INDEX(at, i), -EINVAL, "%u stands there twice", v[i]);
		seen[v[i] / 8] |= bit;
	}
	free(seen);
	return err;
}

int get_indices(struct load *l, const struct at *at, const json_t *o, const char *key,
	unsigned count, const uint16_t **out, unsigned *n)
{
	const struct at *here = AT_KEY(at, key);
	json_t *list = NULL;
	uint16_t *v;
	int err = get_list(l, at, o, key, UINT16_MAX, &list), one = 0;

	*n = 0;
	*out = NULL;
	if (err || !list)
		return err;
	v = load_take(l, here, json_array_size(list), sizeof(*v), &err);
	for (unsigned i = 0; i < json_array_size(list) && !err; i++) {
		err = index_value(l, AT_INDEX(here, i), json_array_get(list, i), count, &one);
		if (!err)
			v[i] = (uint16_t)one;
	}
	if (err)
		return err;
	*out = v;
	*n = (unsigned)json_array_size(list);
	return different(l, here, v, *n, count);
}

int get_extension(
	struct load *l, const struct at *at, const json_t *o, const char *name, json_t **out)
{
	json_t *ext = NULL;
	int err = get_object(l, at, o, "extensions", &ext);

	return err || !ext ? err : get_object(l, AT_KEY(at, "extensions"), ext, name, out);
}

int get_name(struct load *l, const struct at *at, const json_t *o, const char **out)
{
	const char *s = "";
	char *copy;
	int err = get_string(l, at, o, "name", &s);

	if (err)
		return err;
	copy = load_take(l, at, strlen(s) + 1, 1, &err);
	if (err)
		return err;
	memcpy(copy, s, strlen(s) + 1);
	*out = copy;
	return 0;
}

unsigned list_size(const json_t *doc, const char *list)
{
	return (unsigned)json_array_size(json_object_get(doc, list));
}
