/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each limit: full.gltf passes at it and is refused, by name, one below. GLB; sharing of images. */
#include "files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define FULL SRC_DIR "/tests/unit/gltf/full.gltf"

static int load_with(const struct model_limits *lim, struct ar_buf *why)
{
	struct model_source src = {.limits = lim};
	struct model *m = NULL;
	int err = file_load(&m, FULL, &src, why);

	model_unref(m);
	return err;
}

#define LIMIT(field, at, text)                                                                     \
	{                                                                                          \
#field, offsetof(struct model_limits, field),                                      \
			sizeof(((struct model_limits *)0)->field), at, text                        \
	}

static void every_limit(void **state)
{
	static const struct {
		const char *name;
		size_t offset, size, at;
		const char *why;
	} limits[] = {
		LIMIT(resource_bytes, 0, "the limit is"),
		LIMIT(items, 26, "/bufferViews: 26 entries, the limit is 25"),
		LIMIT(nodes, 12, "/nodes: 12 entries, the limit is 11"),
		LIMIT(depth, 3, "has more than 2 nodes above it"),
		LIMIT(primitives, 4, "entries, the limit is"),
		LIMIT(vertices, 37, "more than 36 vertices in all"),
		LIMIT(triangles, 15, "more than 14 triangles in all"),
		LIMIT(joints, 2, "/skins/0/joints: 2 entries, the limit is 1"),
		LIMIT(targets, 2, "/targets: 2 entries, the limit is 1"),
		LIMIT(keys, 16, "more than 15 keys in all"),
		LIMIT(lights, 3, "lights: 3 entries, the limit is 2"),
		LIMIT(images, 2, "/images: 2 entries, the limit is 1"),
		LIMIT(image_side, 4, "4 x 2 pixels, the limit is 3"),
	};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct model_limits lim = model_limits_default;
		size_t at = limits[i].at;

		if (at) {
			memcpy((char *)&lim + limits[i].offset, &at, limits[i].size);
			if (load_with(&lim, &why) != 0)
				fail_msg("%s at %zu: %s", limits[i].name, at, why_text(&why));
			at--;
		}
		memcpy((char *)&lim + limits[i].offset, &at, limits[i].size);
		if (load_with(&lim, &why) != -E2BIG || !strstr(why_text(&why), limits[i].why))
			fail_msg("%s at %zu: %s", limits[i].name, at, why_text(&why));
	}
	ar_buf_free(&why);
}

static void flat_normals_need_more_vertices(void **state)
{
	struct model_limits lim = model_limits_default;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	lim.vertices = 31; /* 4 + 4, and the bar's 10 become 24 */
	assert_int_equal(load_with(&lim, &why), -E2BIG);
	assert_non_null(strstr(why_text(&why), "flat normals need their own"));
	ar_buf_free(&why);
}

static void document_too_long(void **state)
{
	struct model_limits lim = model_limits_default;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	lim.bytes = 1000;
	assert_int_equal(load_with(&lim, &why), -E2BIG);
	assert_non_null(strstr(why_text(&why), "bytes, the limit is 1000"));
	lim = model_limits_default;
	lim.json = 1000;
	assert_int_equal(load_with(&lim, &why), -E2BIG);
	assert_non_null(strstr(why_text(&why), "bytes of JSON, the limit is 1000"));
	ar_buf_free(&why);
}

/* Any amount of memory is enough, or too little and said so; nothing in between. */
static void memory(void **state)
{
	struct model_limits lim = model_limits_default;
	unsigned refused = 0, taken = 0;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (lim.memory = 0; lim.memory < 16000; lim.memory += 48) {
		int err = load_with(&lim, &why);

		if (err == 0)
			taken++;
		else if (err == -E2BIG && strstr(why_text(&why), "memory"))
			refused++;
		else
			fail_msg("%zu bytes: %d %s", lim.memory, err, why_text(&why));
		assert_true(err == 0 || taken == 0);
	}
	assert_true(taken > 0 && refused > 0);
	ar_buf_free(&why);
}

/* A count that would need gigabytes is refused before anything is allocated. */
static void counts_are_checked_before_memory(void **state)
{
	static const char doc[] =
		"{\"asset\":{\"version\":\"2.0\"},\"meshes\":[{\"primitives\":[{\"attributes\":"
		"{\"POSITION\":0}}]}],\"accessors\":[{\"componentType\":5126,\"count\":60000000,"
		"\"type\":\"VEC3\"}]}";
	struct model *m = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(text_load(&m, doc, NULL, &why), -E2BIG);
	assert_non_null(strstr(why_text(&why), "vertices"));
	ar_buf_free(&why);
}

/* ---------------------------------------------------------------- GLB */

static void put32(struct ar_buf *b, uint32_t v)
{
	const uint8_t le[4] = {
		(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};

	ar_buf_add(b, le, 4);
}

struct glb {
	uint32_t magic, version, length, json_type, bin_type;
	int json_more, bin_more; /* added to the chunk's length */
	bool bin;
};

static int load_glb(const struct glb *g, const char *json, struct ar_buf *why)
{
	struct model_source src = {.limits = NULL};
	struct model *m = NULL;
	struct ar_buf b;
	size_t n = (strlen(json) + 3) / 4 * 4;
	int err;

	ar_buf_init(&b, 65536);
	put32(&b, g->magic ? g->magic : 0x46546c67);
	put32(&b, g->version ? g->version : 2);
	put32(&b, g->length ? g->length : (uint32_t)(12 + 8 + n + (g->bin ? 8 + 36 : 0)));
	put32(&b, (uint32_t)n + (uint32_t)g->json_more);
	put32(&b, g->json_type ? g->json_type : 0x4e4f534a);
	ar_buf_add_str(&b, json);
	ar_buf_add(&b, "   ", n - strlen(json));
	if (g->bin) {
		const float tri[9] = {0, 0, 0, 1, 0, 0, 0, 1, 0};

		put32(&b, (uint32_t)(36 + g->bin_more));
		put32(&b, g->bin_type ? g->bin_type : 0x004e4942);
		ar_buf_add(&b, tri, sizeof(tri));
	}
	src.bytes = ar_buf_span(&b);
	ar_buf_reset(why);
	err = model_load(&m, &src, why);
	if (!err)
		assert_int_equal(model_view(m)->stats.triangles, 1);
	model_unref(m);
	ar_buf_free(&b);
	return err;
}

#define TRIANGLE                                                                                   \
	"{\"asset\":{\"version\":\"2.0\"},\"buffers\":[{\"byteLength\":36}],\"bufferViews\":[{"    \
	"\"buffer\":0,"                                                                            \
	"\"byteLength\":36}],\"accessors\":[{\"bufferView\":0,\"componentType\":5126,\"count\":3," \
	"\"type\":"                                                                                \
	"\"VEC3\"}],\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":0}}]}]}  "

static void glb(void **state)
{
	static const struct {
		struct glb g;
		int err;
		const char *why;
	} rows[] = {
		{{.bin = true}, 0, ""},
		{{.bin = false}, -ENOENT, "there is no binary chunk"},
		{{.bin = true, .bin_type = 0x12345678}, -ENOENT, "there is no binary chunk"},
		{{.bin = true, .version = 1}, -EINVAL, "GLB: version 1"},
		{{.bin = true, .length = 100}, -EINVAL, "GLB: header says 100"},
		{{.bin = true, .json_type = 0x004e4942}, -EINVAL, "GLB: want JSON in chunk 0"},
		{{.bin = true, .bin_type = 0x4e4f534a}, -EINVAL, "GLB: want JSON in chunk 0"},
		{{.bin = true, .json_more = 1}, -EINVAL, "GLB: chunk 0 has a bad length"},
		{{.bin = true, .bin_more = 4}, -EINVAL, "GLB: chunk 1 has a bad length"},
		{{.bin = true, .bin_more = -8}, -EINVAL, "GLB: "},
		{{.bin = true, .json_more = 0x7ffffff0}, -EINVAL, "GLB: chunk 0 has a bad length"},
	};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = load_glb(&rows[i].g, TRIANGLE, &why);

		if (err != rows[i].err || !strstr(why_text(&why), rows[i].why))
			fail_msg("row %zu: %d %s", i, err, why_text(&why));
	}
	ar_buf_free(&why);
}

static void glb_cut_anywhere(void **state)
{
	struct model_source src = {.limits = NULL};
	struct model *m = NULL;
	struct ar_buf glb_bytes, why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_true(file_read(ASSIMP "BoxTextured-glTF-Binary/BoxTextured.glb", &glb_bytes));
	for (size_t n = 0; n < glb_bytes.n; n += n < 100 ? 1 : 37) {
		src.bytes = (struct ar_span){glb_bytes.p, n};
		ar_buf_reset(&why);
		assert_int_not_equal(model_load(&m, &src, &why), 0);
		assert_true(why.n > 0);
	}
	ar_buf_free(&glb_bytes);
	ar_buf_free(&why);
}

/* ---------------------------------------------------------------- the next document */

static void images_and_hashes_stay(void **state)
{
	struct model_source src = {.hash_key = {1, 2}};
	const struct model_view *a, *b;
	struct model *m = NULL, *next = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(file_load(&m, FULL, &src, &why), 0);
	src.prev = m;
	assert_int_equal(file_load(&next, FULL, &src, &why), 0);
	a = model_view(m);
	b = model_view(next);
	assert_int_equal(a->stats.images_shared, 0);
	assert_int_equal(b->stats.images_shared, 2);
	assert_ptr_equal(a->image[0]->rgba, b->image[0]->rgba);
	for (unsigned i = 0; i < a->nmesh; i++)
		assert_true(a->mesh[i].primitive[0].hash == b->mesh[i].primitive[0].hash);
	assert_true(a->mesh[0].primitive[0].hash != a->mesh[0].primitive[1].hash);
	assert_int_equal(a->stats.memory, b->stats.memory);
	model_unref(m); /* the images live on in the second */
	assert_memory_equal(b->image[0]->rgba, "\x00\x00\x80\x80", 4);
	model_unref(next);
	ar_buf_free(&why);
}

static void other_keys_and_sizes_are_not_shared(void **state)
{
	struct model_limits lim = model_limits_default;
	struct model_source src = {.hash_key = {1, 2}};
	struct model *m = NULL, *next = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(file_load(&m, FULL, &src, &why), 0);
	src.prev = m;
	src.hash_key[0] = 3;
	assert_int_equal(file_load(&next, FULL, &src, &why), 0);
	assert_int_equal(model_view(next)->stats.images_shared, 0);
	assert_true(model_view(next)->mesh[0].primitive[0].hash !=
		    model_view(m)->mesh[0].primitive[0].hash);
	model_unref(next);
	src.hash_key[0] = 1;
	src.limits = &lim;
	lim.texture_side = 2;
	assert_int_equal(file_load(&next, FULL, &src, &why), 0);
	assert_int_equal(model_view(next)->stats.images_shared, 0);
	assert_int_equal(model_view(next)->image[0]->w, 2);
	assert_int_equal(model_view(next)->stats.halved_images, 2);
	model_unref(next);
	model_unref(m);
	ar_buf_free(&why);
}

static const char *const png_and_more[2] = {
	"iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAYAAAB/qH1jAAAAIUlEQVR42g3IMQEAMBCEMEzWz+l5"
	"k5QhS4DtMS8GLCxiPgiqEvNhvMxmAAAAAElFTkSuQmCCb25l",
	"iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAYAAAB/qH1jAAAAIUlEQVR42g3IMQEAMBCEMEzWz+l5"
	"k5QhS4DtMS8GLCxiPgiqEvNhvMxmAAAAAElFTkSuQmCCdHdv",
};

/* Of the same length, but another: bytes behind the end of a PNG do not count for the picture. */
static void another_image_is_not_shared(void **state)
{
	struct model_source src = {.hash_key = {1, 2}};
	struct model *m = NULL, *next = NULL;
	json_t *doc = full_doc();
	struct ar_buf why, uri;

	(void)state;
	ar_buf_init(&why, 4096);
	ar_buf_init(&uri, 4096);
	for (unsigned i = 0; i < 2; i++) {
		ar_buf_reset(&uri);
		ar_buf_printf(&uri, "data:image/png;base64,%s", png_and_more[i]);
		assert_true(json_put(doc, "/images/1/uri", json_stringn(uri.p, uri.n)));
		assert_int_equal(json_load_model(i ? &next : &m, doc, &src, &why), 0);
		src.prev = m;
	}
	assert_int_equal(model_view(next)->stats.images_shared, 1); /* image 0 */
	assert_true(model_view(next)->image[1]->hash != model_view(m)->image[1]->hash);
	model_unref(m);
	model_unref(next);
	json_decref(doc);
	ar_buf_free(&uri);
	ar_buf_free(&why);
}

static void a_changed_mesh_has_another_hash(void **state)
{
	static const char *const changes[][2] = {{"/meshes/0/primitives/0/indices", "null"},
		{"/meshes/0/primitives/0/attributes/COLOR_0", NULL},
		{"/meshes/0/primitives/0/attributes/TEXCOORD_1", NULL},
		{"/meshes/0/primitives/0/attributes/TANGENT", NULL},
		{"/meshes/0/primitives/0/attributes/POSITION", "1"}};
	uint64_t before;
	struct model *m = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(file_load(&m, FULL, NULL, &why), 0);
	before = model_view(m)->mesh[0].primitive[0].hash;
	model_unref(m);
	for (size_t i = 1; i < sizeof(changes) / sizeof(changes[0]); i++) {
		json_t *doc = full_doc();

		assert_true(json_put(doc, changes[i][0],
			changes[i][1] ? json_loads(changes[i][1], JSON_DECODE_ANY, NULL) : NULL));
		assert_int_equal(json_load_model(&m, doc, NULL, &why), 0);
		assert_true(model_view(m)->mesh[0].primitive[0].hash != before);
		model_unref(m);
		json_decref(doc);
	}
	ar_buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit),
		cmocka_unit_test(flat_normals_need_more_vertices),
		cmocka_unit_test(document_too_long),
		cmocka_unit_test(memory),
		cmocka_unit_test(counts_are_checked_before_memory),
		cmocka_unit_test(glb),
		cmocka_unit_test(glb_cut_anywhere),
		cmocka_unit_test(images_and_hashes_stay),
		cmocka_unit_test(other_keys_and_sizes_are_not_shared),
		cmocka_unit_test(another_image_is_not_shared),
		cmocka_unit_test(a_changed_mesh_has_another_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
