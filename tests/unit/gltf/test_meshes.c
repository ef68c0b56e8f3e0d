/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Primitives of every storage: component types, quantisation, modes, missing and odd attributes. */
#include "files.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { I8 = 5120, U8, I16, U16, U32 = 5125, F32 };

/* A document with one mesh of one primitive, put together piece by piece. */
struct made {
	json_t *doc, *prim, *attributes;
	struct ar_buf bin, why;
	struct model *m;
	const struct model_primitive *p;
};

static int setup(void **state)
{
	struct made *d = calloc(1, sizeof(*d));

	ar_buf_init(&d->bin, 64u << 20);
	ar_buf_init(&d->why, 4096);
	d->doc = json_pack("{s:{s:s},s:[{s:[{s:{}}]}],s:[],s:[],s:[{s:[i]}],s:[{s:i}]}", "asset",
		"version", "2.0", "meshes", "primitives", "attributes", "accessors", "bufferViews",
		"scenes", "nodes", 0, "nodes", "mesh", 0);
	d->prim = json_array_get(
		json_object_get(json_array_get(json_object_get(d->doc, "meshes"), 0), "primitives"),
		0);
	d->attributes = json_object_get(d->prim, "attributes");
	*state = d;
	return d->doc && d->attributes ? 0 : -1;
}

static int teardown(void **state)
{
	struct made *d = *state;

	model_unref(d->m);
	json_decref(d->doc);
	ar_buf_free(&d->bin);
	ar_buf_free(&d->why);
	free(d);
	return 0;
}

static int accessor(struct made *d, int type, const char *shape, bool normalized, unsigned count,
	const void *data, size_t n, unsigned stride)
{
	json_t *a = json_object_get(d->doc, "accessors"),
	       *b = json_object_get(d->doc, "bufferViews");
	json_t *view;

	while (d->bin.n % 4)
		ar_buf_add(&d->bin, "", 1);
	view = json_pack(
		"{s:i,s:i,s:i}", "buffer", 0, "byteOffset", (int)d->bin.n, "byteLength", (int)n);
	if (stride)
		json_object_set_new(view, "byteStride", json_integer(stride));
	json_array_append_new(b, view);
	ar_buf_add(&d->bin, data, n);
	json_array_append_new(a, json_pack("{s:i,s:i,s:s,s:b,s:i}", "bufferView",
					 (int)json_array_size(b) - 1, "componentType", type, "type",
					 shape, "normalized", normalized, "count", (int)count));
	return (int)json_array_size(a) - 1;
}

static void attribute(struct made *d, const char *name, int type, const char *shape,
	bool normalized, unsigned count, const void *data, size_t n)
{
	unsigned stride = n / count % 4 ? (unsigned)((n / count + 3) / 4 * 4) : 0;

	if (stride) { /* vertex attributes are aligned to four bytes */
		uint8_t *wide = calloc(count, stride);
		size_t each = n / count;

		for (unsigned i = 0; i < count; i++)
			memcpy(wide + (size_t)i * stride, (const uint8_t *)data + i * each, each);
		json_object_set_new(d->attributes, name,
			json_integer(accessor(d, type, shape, normalized, count, wide,
				(size_t)count * stride, stride)));
		free(wide);
		return;
	}
	json_object_set_new(d->attributes, name,
		json_integer(accessor(d, type, shape, normalized, count, data, n, 0)));
}
#define ATTRIBUTE(d, name, type, shape, normalized, count, data)                                   \
	attribute(d, name, type, shape, normalized, count, data, sizeof(data))

static void indices(struct made *d, int type, unsigned count, const void *data, size_t n)
{
	json_object_set_new(d->prim, "indices",
		json_integer(accessor(d, type, "SCALAR", false, count, data, n, 0)));
}

static int make(struct made *d)
{
	char *json = NULL;
	struct model_source src = {.limits = NULL};
	struct ar_buf glb;
	uint32_t head[5], chunk[2];
	size_t n;
	int err;

	while (d->bin.n % 4)
		ar_buf_add(&d->bin, "", 1);
	json_object_set_new(d->doc, "buffers", json_pack("[{s:i}]", "byteLength", (int)d->bin.n));
	json = json_dumps(d->doc, JSON_COMPACT);
	n = (strlen(json) + 3) / 4 * 4;
	memcpy(head,
		(uint32_t[]){0x46546c67, 2, (uint32_t)(28 + n + d->bin.n), (uint32_t)n, 0x4e4f534a},
		sizeof(head));
	memcpy(chunk, (uint32_t[]){(uint32_t)d->bin.n, 0x004e4942}, sizeof(chunk));
	ar_buf_init(&glb, 128u << 20);
	ar_buf_add(&glb, head, sizeof(head));
	ar_buf_add_str(&glb, json);
	ar_buf_add(&glb, "   ", n - strlen(json));
	ar_buf_add(&glb, chunk, sizeof(chunk));
	ar_buf_add_span(&glb, ar_buf_span(&d->bin));
	src.bytes = ar_buf_span(&glb);
	ar_buf_reset(&d->why);
	model_unref(d->m);
	d->m = NULL;
	err = model_load(&d->m, &src, &d->why);
	d->p = err ? NULL : model_view(d->m)->mesh[0].primitive;
	ar_buf_free(&glb);
	free(json);
	return err;
}

static void taken(struct made *d)
{
	if (make(d) != 0)
		fail_msg("%s", why_text(&d->why));
}

static void refused(struct made *d, const char *text)
{
	if (make(d) != -EINVAL || !strstr(why_text(&d->why), text))
		fail_msg("\"%s\", want %s", why_text(&d->why), text);
}

static void same(const float *a, const double *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!(fabs((double)a[i] - b[i]) <= 1e-6))
			fail_msg("number %u is %g, want %g", i, (double)a[i], b[i]);
	}
}
#define SAME(a, ...)                                                                               \
	same((a), (const double[]){__VA_ARGS__},                                                   \
		sizeof((const double[]){__VA_ARGS__}) / sizeof(double))

static const float tri[9] = {0, 0, 0, 2, 0, 0, 0, 2, 0};
static const float tent[12] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};

/* ---------------------------------------------------------------- normals */

/* Two faces that share an edge: four vertices become six, each face with its own normal. */
static void flat_normals(void **state)
{
	const uint16_t i[6] = {0, 1, 2, 0, 3, 1};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 4, tent);
	indices(d, U16, 6, i, sizeof(i));
	taken(d);
	assert_int_equal(d->p->nvertex, 6);
	SAME(d->p->normal, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1, 0);
	SAME(d->p->position + 12, 0, 0, 1);
	for (unsigned k = 0; k < 6; k++)
		assert_int_equal(model_index(d->p, k), k);
}

/* 3.7.2.1: tangents without normals are ignored; the other attributes go with their vertices. */
static void flat_normals_take_the_rest_along(void **state)
{
	const float tangent[16] = {1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1},
		    uv[8] = {0, 0, 1, 0, 0, 1, 1, 1};
	const uint8_t color[16] = {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 9, 9, 9, 255},
		      i[3] = {3, 1, 2};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 4, tent);
	ATTRIBUTE(d, "TANGENT", F32, "VEC4", false, 4, tangent);
	ATTRIBUTE(d, "TEXCOORD_0", F32, "VEC2", false, 4, uv);
	ATTRIBUTE(d, "COLOR_0", U8, "VEC4", true, 4, color);
	indices(d, U8, 3, i, sizeof(i));
	taken(d);
	assert_null(d->p->tangent);
	SAME(d->p->texcoord[0], 1, 1, 1, 0, 0, 1);
	SAME(d->p->color + 4, 0, 1, 0, 1);
	SAME(d->p->lo, 0, 0, 0);
	SAME(d->p->hi, 1, 1, 1);
}

static void faces_without_area_get_some_normal(void **state)
{
	const float same_place[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, same_place);
	taken(d);
	SAME(d->p->normal, 0, 0, 1, 0, 0, 1, 0, 0, 1);
}

/* Numbers whose product is beyond floats are no excuse. */
static void normals_of_huge_and_tiny_faces(void **state)
{
	const float huge[9] = {0, 0, 0, 0, 1e30f, 0, 0, 0, 1e30f},
		    tiny[9] = {0, 0, 0, 0, 1e-20f, 0, 0, 0, 1e-20f};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, huge);
	taken(d);
	SAME(d->p->normal, 1, 0, 0);
	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tiny);
	taken(d);
	SAME(d->p->normal, 1, 0, 0);
}

static void given_normals_are_made_unit(void **state)
{
	const float normal[9] = {0, 5, 0, 0, 0, 0, 0.3f, 0, 0.4f},
		    tangent[12] = {2, 0, 0, 0.5f, 0, 1, 0, -3, 0, 0, 0, 1};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 3, normal);
	ATTRIBUTE(d, "TANGENT", F32, "VEC4", false, 3, tangent);
	taken(d);
	SAME(d->p->normal, 0, 1, 0, 0, 0, 1, 0.6, 0, 0.8);
	SAME(d->p->tangent, 1, 0, 0, 1, 0, 1, 0, -1, 0, 0, 1, 1);
}

/* ---------------------------------------------------------------- modes and indices */

static void without_indices(void **state)
{
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	taken(d);
	assert_int_equal(d->p->nindex, 3);
	assert_int_equal(model_index(d->p, 2), 2);
}

static void left_over_vertices_draw_nothing(void **state)
{
	static const struct {
		int mode;
		unsigned n, want;
	} rows[] = {{4, 4, 3}, {4, 2, 0}, {1, 3, 2}, {1, 1, 0}, {2, 1, 0}, {2, 2, 4}, {3, 1, 0},
		{3, 4, 6}, {5, 2, 0}, {5, 4, 6}, {6, 2, 0}, {6, 4, 6}, {0, 4, 4}};
	const uint8_t i[4] = {0, 1, 2, 3};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 4, tent);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 4, tent);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		json_object_set_new(d->prim, "mode", json_integer(rows[k].mode));
		indices(d, U8, rows[k].n, i, rows[k].n);
		taken(d);
		assert_int_equal(d->p->nindex, rows[k].want);
	}
}

static void fan_turns_the_right_way(void **state)
{
	const uint8_t i[4] = {3, 2, 1, 0};
	const unsigned want[6] = {2, 1, 3, 1, 0, 3};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 4, tent);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 4, tent);
	indices(d, U8, 4, i, 4);
	json_object_set_new(d->prim, "mode", json_integer(6));
	taken(d);
	for (unsigned k = 0; k < 6; k++)
		assert_int_equal(model_index(d->p, k), want[k]);
}

static void index_types(void **state)
{
	const uint32_t wide[3] = {2, 1, 0};
	const int16_t negative[3] = {0, 1, 2};
	const float real[3] = {0, 1, 2};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 3, tri);
	indices(d, U32, 3, wide, sizeof(wide));
	taken(d);
	assert_int_equal(d->p->index_size, 2);
	assert_int_equal(model_index(d->p, 0), 2);
	indices(d, I16, 3, negative, sizeof(negative));
	refused(d, "holds no unsigned integers");
	indices(d, F32, 3, real, sizeof(real));
	refused(d, "holds no unsigned integers");
}

/* 3.7.2.1: the highest value of the index type is not an index. */
static void no_primitive_restart(void **state)
{
	float *many = calloc(65536, 12);
	const uint16_t i[3] = {0, 1, 65535};
	const uint32_t wide[3] = {0, 1, 65535};
	struct made *d = *state;

	attribute(d, "POSITION", F32, "VEC3", false, 65536, many, 65536 * 12);
	attribute(d, "NORMAL", F32, "VEC3", false, 65536, many, 65536 * 12);
	indices(d, U16, 3, i, sizeof(i));
	refused(d, "index 2 is 65535");
	indices(d, U32, 3, wide, sizeof(wide));
	taken(d);
	assert_int_equal(d->p->index_size, 4);
	assert_int_equal(model_index(d->p, 2), 65535);
	free(many);
}

static void nothing_to_draw_without_positions(void **state)
{
	struct made *d = *state;
	struct stage *st = NULL;
	float lo[3], hi[3];

	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 3, tri);
	taken(d);
	assert_int_equal(d->p->nvertex, 0);
	assert_int_equal(d->p->nindex, 0);
	assert_int_equal(stage_new(&st, d->m), 0);
	assert_true(stage_evaluate(st));
	assert_false(stage_box(st, 0, lo, hi));
	stage_free(st);
}

/* ---------------------------------------------------------------- component types */

static void texture_coordinates(void **state)
{
	const uint8_t bytes[6] = {0, 255, 51, 102, 255, 0};
	const uint16_t shorts[6] = {0, 65535, 13107, 26214, 65535, 0};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "TEXCOORD_0", U8, "VEC2", true, 3, bytes);
	ATTRIBUTE(d, "TEXCOORD_1", U16, "VEC2", true, 3, shorts);
	taken(d);
	SAME(d->p->texcoord[0], 0, 1, 0.2, 0.4, 1, 0);
	SAME(d->p->texcoord[1], 0, 1, 0.2, 0.4, 1, 0);
	ATTRIBUTE(d, "TEXCOORD_0", U8, "VEC2", false, 3, bytes);
	refused(d, "TEXCOORD_0: accessor");
}

static void colors_of_three_and_out_of_range(void **state)
{
	const float rgb[9] = {0.5f, 2, -1, 0, 0, 0, 1, 1, 1};
	const uint16_t shorts[9] = {65535, 0, 0, 0, 65535, 0, 0, 0, 65535};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "COLOR_0", F32, "VEC3", false, 3, rgb);
	taken(d);
	SAME(d->p->color, 0.5, 1, 0, 1, 0, 0, 0, 1);
	ATTRIBUTE(d, "COLOR_0", U16, "VEC3", true, 3, shorts);
	taken(d);
	SAME(d->p->color, 1, 0, 0, 1, 0, 1, 0, 1);
}

static void use_quantization(struct made *d)
{
	json_object_set_new(d->doc, "extensionsUsed", json_pack("[s]", "KHR_mesh_quantization"));
	json_object_set_new(
		d->doc, "extensionsRequired", json_pack("[s]", "KHR_mesh_quantization"));
}

static void quantized(void **state)
{
	const int16_t pos[9] = {0, 0, 0, 200, 0, 0, 0, -300, 0},
		      npos[9] = {0, 0, 0, 32767, 0, 0, 0, -32768, 0};
	const int8_t normal[9] = {0, 0, 127, 0, 127, 0, -128, 0, 0};
	const uint8_t uv[6] = {0, 7, 255, 0, 1, 2};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", I16, "VEC3", false, 3, pos);
	refused(d, "POSITION: accessor 0 has a type");
	use_quantization(d);
	taken(d);
	SAME(d->p->position + 3, 200, 0, 0, 0, -300, 0);
	ATTRIBUTE(d, "POSITION", I16, "VEC3", true, 3, npos);
	ATTRIBUTE(d, "NORMAL", I8, "VEC3", true, 3, normal);
	ATTRIBUTE(d, "TEXCOORD_0", U8, "VEC2", false, 3, uv);
	taken(d);
	SAME(d->p->position + 3, 1, 0, 0, 0, -1, 0);
	SAME(d->p->normal, 0, 0, 1, 0, 1, 0, -1, 0, 0);
	SAME(d->p->texcoord[0], 0, 7, 255, 0, 1, 2);
	ATTRIBUTE(d, "NORMAL", I8, "VEC3", false, 3, normal);
	refused(d, "NORMAL: accessor");
}

static void infinities_are_refused(void **state)
{
	static const float odd[] = {INFINITY, -INFINITY, NAN};
	struct made *d = *state;

	for (unsigned i = 0; i < 3; i++) {
		float bad[9] = {0, 0, 0, 1, 0, 0, 0, 1, 0};

		bad[7] = odd[i];
		ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, bad);
		refused(d, "number 7 is not finite");
	}
}

static void interleaved(void **state)
{
	const float both[18] = {0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1};
	struct made *d = *state;
	int a = accessor(d, F32, "VEC3", false, 3, both, sizeof(both), 24);
	json_t *normal =
		json_deep_copy(json_array_get(json_object_get(d->doc, "accessors"), (size_t)a));

	json_object_set_new(normal, "byteOffset", json_integer(12));
	json_array_append_new(json_object_get(d->doc, "accessors"), normal);
	json_object_set_new(d->attributes, "POSITION", json_integer(a));
	json_object_set_new(d->attributes, "NORMAL", json_integer(a + 1));
	taken(d);
	SAME(d->p->position, 0, 0, 0, 1, 0, 0, 0, 1, 0);
	SAME(d->p->normal, 0, 0, 1, 0, 0, 1, 0, 0, 1);
	json_object_set_new(normal, "byteOffset", json_integer(16));
	refused(d, "ends behind its bufferView");
}

/* ---------------------------------------------------------------- skins */

static void weights_add_up_to_one(void **state)
{
	const uint16_t joint[12] = {0, 1, 9, 9, 0, 0, 0, 0, 1, 0, 0, 0};
	const float weight[12] = {3, 1, 0, 0, 0, 0, 0, 0, 1, -5, 0, 0};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "JOINTS_0", U16, "VEC4", false, 3, joint);
	ATTRIBUTE(d, "WEIGHTS_0", F32, "VEC4", false, 3, weight);
	json_object_set_new(d->doc, "skins", json_pack("[{s:[i,i]}]", "joints", 0, 1));
	json_object_set_new(d->doc, "nodes", json_pack("[{s:i,s:i},{}]", "mesh", 0, "skin", 0));
	taken(d); /* joint 9 has no weight, so it does not matter */
	SAME(d->p->weight, 0.75, 0.25, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0);
	assert_int_equal(d->p->joint[2], 0);
	json_object_set_new(d->doc, "skins", json_pack("[{s:[i]}]", "joints", 0));
	refused(d, "/nodes/0/skin: mesh 0 uses joint 1, the skin has 1");
}

static void inverse_matrices_default_to_none(void **state)
{
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	json_object_set_new(d->doc, "skins", json_pack("[{s:[i]}]", "joints", 0));
	taken(d);
	SAME(model_view(d->m)->skin[0].inverse_bind, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0,
		1);
}

static void bad_inverse_matrices(void **state)
{
	float m[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
	struct made *d = *state;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	m[7] = 1;
	json_object_set_new(d->doc, "skins",
		json_pack("[{s:[i],s:i}]", "joints", 0, "inverseBindMatrices",
			accessor(d, F32, "MAT4", false, 1, m, sizeof(m), 0)));
	refused(d, "/skins/0/inverseBindMatrices: matrix 0: the last row");
}

/* Targets go with the vertices when normals are computed; their normals are left out. */
static void morphing_with_flat_normals(void **state)
{
	const float move[12] = {1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0};
	const uint8_t i[3] = {3, 1, 2};
	struct made *d = *state;
	int a;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 4, tent);
	indices(d, U8, 3, i, 3);
	a = accessor(d, F32, "VEC3", false, 4, move, sizeof(move), 0);
	json_object_set_new(
		d->prim, "targets", json_pack("[{s:i,s:i}]", "POSITION", a, "NORMAL", a));
	taken(d);
	SAME(d->p->target[0].position, 4, 0, 0, 2, 0, 0, 3, 0, 0);
	assert_null(d->p->target[0].normal);
	SAME(d->p->target[0].lo, 2, 0, 0);
	SAME(d->p->target[0].hi, 4, 0, 0);
}

static void morphed_normals_and_tangents(void **state)
{
	const float n[9] = {0, 0, 1, 0, 0, 1, 0, 0, 1},
		    t[12] = {1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1};
	const float more[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	float out[9], normal[9], tangent[12];
	struct made *d = *state;
	int a;

	ATTRIBUTE(d, "POSITION", F32, "VEC3", false, 3, tri);
	ATTRIBUTE(d, "NORMAL", F32, "VEC3", false, 3, n);
	ATTRIBUTE(d, "TANGENT", F32, "VEC4", false, 3, t);
	a = accessor(d, F32, "VEC3", false, 3, more, sizeof(more), 0);
	json_object_set_new(d->prim, "targets",
		json_pack("[{s:i,s:i},{s:i}]", "NORMAL", a, "TANGENT", a, "POSITION", a));
	taken(d);
	model_morph(d->p, (const float[]){0.5f, 2}, 2, out, normal, tangent);
	SAME(out, 2, 4, 6, 10, 10, 12, 14, 18, 18);
	SAME(normal, 0.5, 1, 2.5, 2, 2.5, 4, 3.5, 4, 5.5);
	SAME(tangent, 1.5, 1, 1.5, 1, 3, 2.5, 3, -1, 4.5, 4, 4.5, 1);
	model_morph(
		d->p, (const float[]){1}, 1, out, NULL, NULL); /* weights that are missing are 0 */
	SAME(out, 0, 0, 0, 2, 0, 0, 0, 2, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(flat_normals), T(flat_normals_take_the_rest_along),
		T(faces_without_area_get_some_normal), T(normals_of_huge_and_tiny_faces),
		T(given_normals_are_made_unit), T(without_indices),
		T(left_over_vertices_draw_nothing), T(fan_turns_the_right_way), T(index_types),
		T(no_primitive_restart), T(nothing_to_draw_without_positions),
		T(texture_coordinates), T(colors_of_three_and_out_of_range), T(quantized),
		T(infinities_are_refused), T(interleaved), T(weights_add_up_to_one),
		T(inverse_matrices_default_to_none), T(bad_inverse_matrices),
		T(morphing_with_flat_normals), T(morphed_normals_and_tangents)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
