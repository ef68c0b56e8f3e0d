/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accessors (glTF 2.0 3.6.2): checked once against their views, then read as floats or integers. */
#include "mediad/armf/gltf/load_internal.h"

#include <inttypes.h>
#include <math.h>

enum { I8 = 5120, U8, I16, U16, U32 = 5125, F32 };

static unsigned type_size(unsigned type)
{
	return type == I8 || type == U8     ? 1
	       : type == I16 || type == U16 ? 2
	       : type == U32 || type == F32 ? 4
					    : 0;
}

static int component_type(struct load *l, const struct at *at, const json_t *o, uint16_t *out)
{
	uint64_t type = 0;
	int err = get_uint(l, at, o, "componentType", 0, UINT16_MAX, &type);

	if (!err && type_size((unsigned)type) == 0)
		err = load_bad(
			l, AT_KEY(at, "componentType"), -EINVAL, "want 5120 to 5123, 5125 or 5126");
	*out = (uint16_t)type;
	return err;
}

static int element_type(struct load *l, const struct at *at, const json_t *o, uint8_t *components)
{
	static const struct {
		const char *name;
		uint8_t n;
	} types[] = {{"SCALAR", 1}, {"VEC2", 2}, {"VEC3", 3}, {"VEC4", 4}, {"MAT2", 4}, {"MAT3", 9},
		{"MAT4", 16}};
	const char *name = "";
	int err = get_string(l, at, o, "type", &name);

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]) && !err; i++) {
		if (strcmp(types[i].name, name) == 0) {
			*components = types[i].n;
			return 0;
		}
	}
	return err ? err
		   : load_bad(l, AT_KEY(at, "type"), -EINVAL,
			     "want SCALAR, VEC2 to VEC4 or MAT2 to MAT4");
}

/* Does an array of count elements fit its view? */
static int place(struct load *l, const struct at *at, unsigned view, uint64_t offset, size_t stride,
	uint64_t count, unsigned element, unsigned align, const uint8_t **out)
{
	const struct load_view *v = &l->bview[view];

	if (align == 0 || (v->offset + offset) % align)
		return load_bad(l, at, -EINVAL, "does not start at a multiple of %u bytes", align);
	if (element > v->n || offset > v->n - element ||
		(count - 1) * (uint64_t)stride > v->n - element - offset)
		return load_bad(
			l, at, -EINVAL, "ends behind its bufferView, which has %zu bytes", v->n);
	*out = v->p + offset;
	return 0;
}

static uint64_t get_count(
	struct load *l, const struct at *at, const json_t *o, uint64_t hi, int *err)
{
	uint64_t n = 0;

	if (!*err)
		*err = get_uint(l, at, o, "count", 1, hi, &n);
	if (!*err && n == 0)
		*err = load_bad(l, AT_KEY(at, "count"), -EINVAL, "is missing");
	return n;
}

static int sparse_part(struct load *l, const struct at *at, const json_t *o, const char *key,
	uint64_t count, unsigned size, uint16_t *type, const uint8_t **out)
{
	const struct at *here = AT_KEY(at, key);
	json_t *part = NULL;
	uint64_t offset = 0;
	unsigned align;
	int view, err = get_object(l, at, o, key, &part);

	if (!err && !part)
		return load_bad(l, here, -EINVAL, "is missing");
	if (!err && size == 0)
		err = component_type(l, here, part, type);
	if (!err && size == 0 && *type != U8 && *type != U16 && *type != U32)
		err = load_bad(
			l, AT_KEY(here, "componentType"), -EINVAL, "want 5121, 5123 or 5125");
	if (!err)
		err = need_index(l, here, part, "bufferView", l->nview, &view);
	if (!err)
		err = get_uint(l, here, part, "byteOffset", 0, UINT32_MAX, &offset);
	if (err)
		return err;
	align = type_size(*type);
	size = size ? size : align;
	return place(l, here, (unsigned)view, offset, size, count, size, align, out);
}

static inline uint32_t read_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t read_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t read_uint(const uint8_t *p, unsigned type)
{
	return type == U8 ? *p : type == U16 ? read_u16(p) : read_u32(p);
}

static int sparse_order(struct load *l, const struct at *at, const struct load_accessor *a)
{
	unsigned size = type_size(a->sparse_type);
	uint32_t last = 0;

	for (uint32_t i = 0; i < a->sparse; i++) {
		uint32_t k = read_uint(a->sparse_index + (size_t)i * size, a->sparse_type);

		if (k >= a->count || (i && k <= last))
			return load_bad(l, at, -EINVAL,
				"index %u is %u: want growing ones below %u", i, k, a->count);
		last = k;
	}
	return 0;
}

static int sparse(struct load *l, const struct at *at, const json_t *o, struct load_accessor *a,
	unsigned element)
{
	const struct at *here = AT_KEY(at, "sparse");
	json_t *s = NULL;
	uint16_t type = a->type;
	int err = get_object(l, at, o, "sparse", &s);

	if (err || !s)
		return err;
	a->sparse = (uint32_t)get_count(l, here, s, a->count, &err);
	if (!err)
		err = sparse_part(
			l, here, s, "indices", a->sparse, 0, &a->sparse_type, &a->sparse_index);
	if (!err)
		err = sparse_part(
			l, here, s, "values", a->sparse, element, &type, &a->sparse_value);
	return err ? err : sparse_order(l, AT_KEY(here, "indices"), a);
}

/* 3.6.2.4: columns of matrices start at multiples of four bytes. */
static unsigned element_size(const json_t *o, const struct load_accessor *a)
{
	const char *type = json_string_value(json_object_get(o, "type"));
	unsigned columns = type[0] == 'M' ? (unsigned)type[3] - '0' : 1;
	unsigned column = a->components / columns * a->size;

	return columns > 1 ? (column + 3) / 4 * 4 * columns : column;
}

static int dense(struct load *l, const struct at *at, const json_t *o, struct load_accessor *a,
	unsigned element)
{
	uint64_t offset = 0;
	int view, err = get_index(l, at, o, "bufferView", l->nview, &view);

	if (!err)
		err = get_uint(l, at, o, "byteOffset", 0, UINT32_MAX, &offset);
	if (err)
		return err;
	a->stride = element;
	if (view < 0)
		return offset ? load_bad(l, AT_KEY(at, "byteOffset"), -EINVAL,
					"without a bufferView")
			      : 0;
	if (l->bview[view].stride)
		a->stride = l->bview[view].stride;
	if (a->stride < element)
		return load_bad(l, at, -EINVAL,
			"elements of %u bytes do not fit a byteStride of %zu", element, a->stride);
	return place(l, at, (unsigned)view, offset, a->stride, a->count, element, a->size, &a->p);
}

static int one_accessor(struct load *l, unsigned i, const json_t *o)
{
	const struct at *at = AT_INDEX(AT_KEY(NULL, "accessors"), i);
	struct load_accessor *a = &l->accessor[i];
	json_t *bounds = NULL;
	unsigned element;
	int err = component_type(l, at, o, &a->type);

	if (!err)
		err = element_type(l, at, o, &a->components);
	if (!err)
		err = get_bool(l, at, o, "normalized", &a->normalized);
	if (!err && a->normalized && (a->type == F32 || a->type == U32))
		err = load_bad(l, AT_KEY(at, "normalized"), -EINVAL, "only for 8 and 16 bits");
	a->count = (uint32_t)get_count(l, at, o, UINT32_MAX / 64, &err);
	for (unsigned k = 0; k < 2 && !err; k++)
		err = get_list(l, at, o, k ? "max" : "min", 16, &bounds);
	if (err)
		return err;
	a->size = (uint8_t)type_size(a->type);
	a->matrix = json_string_value(json_object_get(o, "type"))[0] == 'M';
	element = element_size(o, a);
	err = dense(l, at, o, a, element);
	return err ? err : sparse(l, at, o, a, element);
}

int load_accessors(struct load *l)
{
	unsigned n = list_size(l->doc, "accessors");
	int err = 0;

	l->accessor = calloc(n + 1, sizeof(*l->accessor));
	if (!l->accessor)
		return -ENOMEM;
	l->naccessor = n;
	for (unsigned i = 0; i < n && !err; i++)
		err = one_accessor(l, i, json_array_get(json_object_get(l->doc, "accessors"), i));
	return err;
}

/* 3.6.2.2, the mapping of normalised integers; others by value. */
static float read_float(const uint8_t *p, const struct load_accessor *a)
{
	int16_t s;
	float f;

	switch (a->type) {
	case F32:
		memcpy(&f, p, 4);
		return f;
	case I8:
		f = (float)(int8_t)*p;
		return a->normalized ? fmaxf(f / 127.0f, -1.0f) : f;
	case I16:
		memcpy(&s, p, 2);
		return a->normalized ? fmaxf((float)s / 32767.0f, -1.0f) : (float)s;
	case U8:
		return a->normalized ? (float)*p / 255.0f : (float)*p;
	case U16:
		f = (float)read_uint(p, U16);
		return a->normalized ? f / 65535.0f : f;
	default:
		return (float)read_uint(p, U32);
	}
}

static void read_elements(
	const struct load_accessor *a, const uint8_t *p, size_t stride, uint32_t n, float *out)
{
	if (a->type == F32 && stride == a->components * sizeof(float)) {
		memcpy(out, p, (size_t)n * stride);
		return;
	}
	for (uint32_t i = 0; i < n; i++, p += stride) {
		for (unsigned c = 0; c < a->components; c++)
			*out++ = read_float(p + c * a->size, a);
	}
}

static int all_finite(
	struct load *l, const struct at *at, unsigned accessor, const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &v[i], 4);
		if ((bits & 0x7f800000) == 0x7f800000)
			return load_bad(l, at, -EINVAL, "accessor %u: number %zu is not finite",
				accessor, i);
	}
	return 0;
}

/* Callers have checked that it is no matrix with padded columns. */
int accessor_floats(struct load *l, const struct at *at, unsigned accessor, float *out)
{
	const struct load_accessor *a = &l->accessor[accessor];
	unsigned packed = a->components * a->size, index_size = type_size(a->sparse_type);
	size_t n = (size_t)a->count * a->components;

	if (a->p)
		read_elements(a, a->p, a->stride, a->count, out);
	else
		memset(out, 0, n * sizeof(*out));
	for (uint32_t i = 0; i < a->sparse; i++) {
		uint32_t k = read_uint(a->sparse_index + (size_t)i * index_size, a->sparse_type);

		read_elements(a, a->sparse_value + (size_t)i * packed, packed, 1,
			out + (size_t)k * a->components);
	}
	return all_finite(l, at, accessor, out, n);
}

static void read_uints(const struct load_accessor *a, uint32_t *out)
{
	const uint8_t *p = a->p;

	for (uint32_t i = 0; i < a->count; i++, p += a->stride) {
		for (unsigned c = 0; c < a->components; c++) {
			const uint8_t *q = p + c * a->size;

			*out++ = a->type == U16 ? read_u16(q) : a->type == U8 ? *q : read_u32(q);
		}
	}
}

int accessor_uints(struct load *l, const struct at *at, unsigned accessor, uint32_t *out)
{
	const struct load_accessor *a = &l->accessor[accessor];
	unsigned index_size = type_size(a->sparse_type);

	if (a->type != U8 && a->type != U16 && a->type != U32)
		return load_bad(l, at, -EINVAL, "accessor %u holds no unsigned integers", accessor);
	if (!a->p)
		memset(out, 0, (size_t)a->count * a->components * sizeof(*out));
	else
		read_uints(a, out);
	for (uint32_t i = 0; i < a->sparse; i++) {
		uint32_t k = read_uint(a->sparse_index + (size_t)i * index_size, a->sparse_type);

		for (unsigned c = 0; c < a->components; c++)
			out[(size_t)k * a->components + c] = read_uint(
				a->sparse_value + ((size_t)i * a->components + c) * a->size,
				a->type);
	}
	return 0;
}
