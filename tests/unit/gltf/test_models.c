/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's files (Debian's assimp-testmodels): what is taken and what not; gltf-validator
 * 2.0.0-dev.3.10 says the same but where a comment says why. And the scenes that come with mediad.
 */
#include "files.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
	const char *path;
	int err;
	const char *why;
	unsigned triangles;
};

static const struct row rows[] = {
	{"2CylinderEngine-glTF-Binary/2CylinderEngine.glb", 0, "", 75730},
	/* its normals are not unit, which is mended */
	{"BoxBadNormals-glTF-Binary/BoxBadNormals.glb", 0, "", 12},
	{"BoxTexcoords-glTF/boxTexcoords.gltf", 0, "", 12},
	{"BoxTextured-glTF/BoxTextured.gltf", 0, "", 12},
	{"BoxTextured-glTF-Binary/BoxTextured.glb", 0, "", 12},
	{"BoxTextured-glTF-Embedded/BoxTextured.gltf", 0, "", 12},
	{"BoxTextured-glTF-pbrSpecularGlossiness/BoxTextured.gltf", 0, "", 12},
	/* valid, but not drawable without the extension */
	{"BoxTextured-glTF-techniqueWebGL/BoxTextured.gltf", -EOPNOTSUPP,
		"/extensionsRequired/0: KHR_technique_webgl is not supported", 0},
	{"BoxWithInfinites-glTF-Binary/BoxWithInfinites.glb", -EINVAL,
		"POSITION: accessor 2: number 0 is not finite", 0},
	/* an error in an extension that is not drawn here */
	{"ClearCoat-glTF/ClearCoatTest.gltf", 0, "", 37116},
	{"IncorrectVertexArrays/Cube.gltf", -EINVAL, "/bufferViews/2: ends behind its buffer", 0},
	{"IndexOutOfRange/AllIndicesOutOfRange.gltf", -EINVAL,
		"/indices: index 0 is 65535, there are 24", 0},
	{"IndexOutOfRange/IndexOutOfRange.gltf", -EINVAL, "/indices: index 0 is 255, there are 24",
		0},
	{"MissingBin/BoxTextured.gltf", -ENOENT, "/buffers/0/uri: BoxTextured0.bin: No such file",
		0},
	{"RecursiveNodes/RecursiveNodes.gltf", -EINVAL, "is its own descendant", 0},
	{"SchemaFailures/sceneWrongType.gltf", -ENOENT, "/buffers/0/uri: BoxTextured0.bin", 0},
	{"TestNoRootNode/NoScene.gltf", -EINVAL, "/scene: 0 is out of range, there are 0", 0},
	{"TestNoRootNode/SceneWithoutNodes.gltf", 0, "", 0},
	{"cameras/Cameras.gltf", 0, "", 2},
	{"draco/2CylinderEngine.gltf", -EOPNOTSUPP, "Draco-compressed meshes are not supported", 0},
	{"glTF-Sample-Models/AnimatedMorphCube-glTF/AnimatedMorphCube.gltf", 0, "", 12},
	/* texture coordinates are missing; they are 0 then */
	{"issue_3269/texcoord_crash.gltf", 0, "", 10},
	{"simple_skin/simple_skin.gltf", 0, "", 8},
	{"textureTransform/TextureTransformTest.gltf", 0, "", 18},
	{"wrongTypes/badArray.gltf", -EINVAL, "/meshes/0/primitives: want a list", 0},
	{"wrongTypes/badExtension.gltf", -EINVAL, "KHR_texture_transform: want an object", 0},
	{"wrongTypes/badNumber.gltf", -EINVAL, "/materials/0/normalTexture", 0},
	{"wrongTypes/badObject.gltf", -EINVAL, "/materials/0/pbrMetallicRoughness: want an object",
		0},
	{"wrongTypes/badString.gltf", -EINVAL, "/scenes/0/name: want a string", 0},
	{"wrongTypes/badUint.gltf", -EINVAL, "baseColorTexture/index: -1 is out of range", 0},
};

static void others_files(void **state)
{
	struct ar_buf why;
	unsigned bad = 0;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct model *m = NULL;
		char path[512];
		int err;

		snprintf(path, sizeof(path), ASSIMP "%s", rows[i].path);
		err = file_load(&m, path, NULL, &why);
		if (err != rows[i].err || !strstr(why_text(&why), rows[i].why) ||
			(m && model_view(m)->stats.triangles != rows[i].triangles)) {
			print_error("%s: %d %s\n", rows[i].path, err, why_text(&why));
			bad++;
		}
		model_unref(m);
	}
	ar_buf_free(&why);
	assert_int_equal(bad, 0);
}

/* What is checked without decoding is what is loaded. */
static void check_and_load_agree(void **state)
{
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct model_stats stats;
		char path[512];
		int err;

		snprintf(path, sizeof(path), ASSIMP "%s", rows[i].path);
		err = file_check(path, &stats, &why);
		assert_int_equal(err, rows[i].err);
		assert_non_null(strstr(why_text(&why), rows[i].why));
		if (!err)
			assert_int_equal(stats.triangles, rows[i].triangles);
	}
	ar_buf_free(&why);
}

/* A GLB as JSON is the same model. */
static void glb_as_json(void **state)
{
	static const char *const paths[] = {ASSIMP "BoxTextured-glTF-Binary/BoxTextured.glb",
		ASSIMP "2CylinderEngine-glTF-Binary/2CylinderEngine.glb"};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (unsigned i = 0; i < 2; i++) {
		struct model *a = NULL, *b = NULL;
		struct ar_buf bytes, text, small;

		assert_true(file_read(paths[i], &bytes));
		ar_buf_init(&text, 16u << 20);
		assert_int_equal(model_glb_to_json(ar_buf_span(&bytes), &text, &why), 0);
		ar_buf_add(&text, "", 1);
		assert_int_equal(text_load(&b, text.p, NULL, &why), 0);
		assert_int_equal(file_load(&a, paths[i], NULL, &why), 0);
		assert_int_equal(model_view(a)->nnode, model_view(b)->nnode);
		for (unsigned k = 0; k < model_view(a)->nmesh; k++)
			assert_true(model_view(a)->mesh[k].primitive[0].hash ==
				    model_view(b)->mesh[k].primitive[0].hash);
		ar_buf_init(&small, 1000);
		assert_int_equal(model_glb_to_json(ar_buf_span(&bytes), &small, &why), -E2BIG);
		ar_buf_reset(&why);
		bytes.n--;
		assert_int_equal(model_glb_to_json(ar_buf_span(&bytes), &small, &why), -EINVAL);
		assert_int_equal(model_glb_to_json(AR_SPAN("{}"), &small, &why), -EINVAL);
		model_unref(a);
		model_unref(b);
		ar_buf_free(&small);
		ar_buf_free(&text);
		ar_buf_free(&bytes);
	}
	ar_buf_free(&why);
}

/* Khronos' generator of primitive modes: sixteen files of points, lines, triangles. */
static void primitive_modes(void **state)
{
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (unsigned i = 0; i < 16; i++) {
		unsigned points = i == 0 || i == 7 ? 1024 : 0, kind = i % 7;
		const struct model_stats *s;
		struct model *m = NULL;
		char path[512];

		snprintf(path, sizeof(path),
			ASSIMP
			"glTF-Asset-Generator/Mesh_PrimitiveMode/Mesh_PrimitiveMode_%02u.gltf",
			i);
		assert_int_equal(file_load(&m, path, NULL, &why), 0);
		s = &model_view(m)->stats;
		assert_int_equal(s->points, points);
		assert_int_equal(s->lines, kind >= 1 && kind <= 3 && i < 14 ? 4 : 0);
		assert_int_equal(s->triangles, (kind >= 4 || i >= 14) && !points ? 2 : 0);
		model_unref(m);
	}
	ar_buf_free(&why);
}

static void textured_box(void **state)
{
	const struct model_view *v;
	struct model *m = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(
		file_load(&m, ASSIMP "BoxTextured-glTF-Binary/BoxTextured.glb", NULL, &why), 0);
	v = model_view(m);
	assert_int_equal(v->image[0]->w, 211);
	assert_int_equal(v->image[0]->h, 211);
	assert_false(v->image[0]->has_alpha);
	assert_int_equal(v->material[0].base_color_tex.texture, 0);
	assert_true(v->material[0].metallic == 0);
	assert_int_equal(v->mesh[0].primitive[0].nvertex, 24);
	model_unref(m);
	ar_buf_free(&why);
}

static void bad_normals_are_mended(void **state)
{
	const struct model_primitive *p;
	struct model *m = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(
		file_load(&m, ASSIMP "BoxBadNormals-glTF-Binary/BoxBadNormals.glb", NULL, &why), 0);
	p = &model_view(m)->mesh[0].primitive[0];
	for (uint32_t i = 0; i < p->nvertex; i++) {
		const float *n = p->normal + i * 3;

		assert_true(fabsf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] - 1) < 1e-5f);
	}
	model_unref(m);
	ar_buf_free(&why);
}

/* The extension's own test file has a transform on its materials. */
static void texture_transforms(void **state)
{
	const struct model_view *v;
	struct model *m = NULL;
	struct ar_buf why;
	unsigned n = 0;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(
		file_load(&m, ASSIMP "textureTransform/TextureTransformTest.gltf", NULL, &why), 0);
	v = model_view(m);
	for (unsigned i = 0; i < v->nmaterial; i++)
		n += v->material[i].base_color_tex.transformed;
	assert_true(n >= 6);
	model_unref(m);
	ar_buf_free(&why);
}

static void scenes_of_mediad(void **state)
{
	static const char *const paths[] = {
		SRC_DIR "/webapp/scenes/default.gltf", SRC_DIR "/webapp/scenes/whiteboard.gltf"};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (unsigned i = 0; i < 2; i++) {
		const struct model_view *v;
		struct model *m = NULL;
		struct stage *st = NULL;
		float lo[3], hi[3];

		assert_int_equal(file_load(&m, paths[i], NULL, &why), 0);
		v = model_view(m);
		assert_int_equal(v->rev, 1);
		assert_int_equal(stage_new(&st, m), 0);
		assert_true(stage_evaluate(st));
		for (unsigned k = 0; k < v->nnode; k++) {
			assert_true(stage_shown(st, k));
			assert_true(stage_box(st, k, lo, hi));
		}
		for (unsigned k = 0; k < v->nmesh; k++)
			assert_non_null(v->mesh[k].primitive[0].normal);
		stage_free(st);
		model_unref(m);
	}
	ar_buf_free(&why);
}

/* The pins of the whiteboard share their accessors: one content, one hash, one buffer on the GPU.
 */
static void same_content_same_hash(void **state)
{
	const struct model_view *v;
	struct model *m = NULL;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(file_load(&m, SRC_DIR "/webapp/scenes/whiteboard.gltf", NULL, &why), 0);
	v = model_view(m);
	assert_true(v->mesh[2].primitive[0].hash == v->mesh[5].primitive[0].hash);
	assert_true(v->mesh[2].primitive[0].hash != v->mesh[1].primitive[0].hash);
	model_unref(m);
	ar_buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_files),
		cmocka_unit_test(check_and_load_agree),
		cmocka_unit_test(glb_as_json),
		cmocka_unit_test(primitive_modes),
		cmocka_unit_test(textured_box),
		cmocka_unit_test(bad_normals_are_mended),
		cmocka_unit_test(texture_transforms),
		cmocka_unit_test(scenes_of_mediad),
		cmocka_unit_test(same_content_same_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
