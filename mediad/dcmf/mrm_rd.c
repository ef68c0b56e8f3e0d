/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/dcmf/mrm_rd.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

size_t mrm_push(struct mrm_rd *r, const char *name)
{
	size_t n = strlen(r->path);

	snprintf(r->path + n, sizeof(r->path) - n, "/%s", name);
	return n;
}

size_t mrm_push_index(struct mrm_rd *r, size_t i)
{
	char name[24];

	snprintf(name, sizeof(name), "%zu", i);
	return mrm_push(r, name);
}

void mrm_pop(struct mrm_rd *r, size_t n)
{
	r->path[n] = '\0';
}

int mrm_wrong(struct mrm_rd *r, const char *name, bool missing, const char *why)
{
	mrm_fail(r->err, 400, missing ? "MANDATORY_IE_MISSING" : "MANDATORY_IE_INCORRECT",
		"%s/%s: %s", r->path, name, why);
	snprintf(r->err->param, sizeof(r->err->param), "%s/%s", r->path, name);
	return -EINVAL;
}

static bool printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	}
	return true;
}

int mrm_text(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need, size_t max,
	struct ar_span *out)
{
	const json_t *v = json_object_get(o, name);

	*out = AR_SPAN_NONE;
	if (!v || (json_is_null(v) && need == MRM_OPTIONAL))
		return need == MRM_MANDATORY ? mrm_wrong(r, name, true, "missing") : 0;
	if (!json_is_string(v))
		return mrm_wrong(r, name, false, "want a string");
	if (json_string_length(v) > max)
		return mrm_wrong(r, name, false, "too long");
	if (!printable(json_string_value(v), json_string_length(v)))
		return mrm_wrong(r, name, false, "control characters");
	*out = (struct ar_span){json_string_value(v), json_string_length(v)};
	return need == MRM_MANDATORY && out->n == 0 ? mrm_wrong(r, name, false, "empty") : 0;
}

int mrm_number(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need,
	json_int_t min, json_int_t max, json_int_t *out)
{
	const json_t *v = json_object_get(o, name);
	char why[80];

	if (!v)
		return need == MRM_MANDATORY ? mrm_wrong(r, name, true, "missing") : 0;
	if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max) {
		snprintf(why, sizeof(why), "want a whole number from %lld to %lld", (long long)min,
			(long long)max);
		return mrm_wrong(r, name, false, why);
	}
	*out = json_integer_value(v);
	return 0;
}

int mrm_flag(struct mrm_rd *r, const json_t *o, const char *name, bool *out)
{
	const json_t *v = json_object_get(o, name);

	if (v && !json_is_boolean(v))
		return mrm_wrong(r, name, false, "want true or false");
	if (v)
		*out = json_is_true(v);
	return 0;
}

int mrm_object(
	struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need, const json_t **out)
{
	*out = json_object_get(o, name);
	if (!*out)
		return need == MRM_MANDATORY ? mrm_wrong(r, name, true, "missing") : 0;
	return json_is_object(*out) ? 0 : mrm_wrong(r, name, false, "want an object");
}

int mrm_list(struct mrm_rd *r, const json_t *o, const char *name, enum mrm_need need, size_t max,
	const json_t **out)
{
	char why[64];

	*out = json_object_get(o, name);
	if (!*out)
		return need == MRM_MANDATORY ? mrm_wrong(r, name, true, "missing") : 0;
	if (json_is_array(*out) && json_array_size(*out) <= max &&
		(need == MRM_OPTIONAL || json_array_size(*out) > 0))
		return 0;
	snprintf(why, sizeof(why), "want a list of at most %zu entries", max);
	return mrm_wrong(r, name, false, why);
}

static bool id_ok(struct ar_span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!isalnum((unsigned char)s.p[i]) && !strchr("._~-", s.p[i]))
			return false;
	}
	return true;
}

int mrm_ident(struct mrm_rd *r, const json_t *o, const char *name, struct ar_span *out)
{
	int err = mrm_text(r, o, name, MRM_MANDATORY, MRM_MAX_ID, out);

	return err || id_ok(*out) ? err
				  : mrm_wrong(r, name, false, "want letters, digits, . _ ~ -");
}
