/* SPDX-License-Identifier: GPL-2.0-or-later */
/* full.gltf with one thing wrong at a time: refused, with the place and the reason. With a folder
 * as argument it writes the documents there, for oracle.mjs to ask gltf-validator about each. */
#include "files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct row {
	const char *pointer; /* what to set */
	const char *value; /* JSON; NULL: take it away */
	int err; /* 0: still fine */
	const char *why; /* part of the text */
};

#define P0 "/meshes/0/primitives/0"
#define BAD -EINVAL

static const struct row rows[] = {
	/* asset and lists */
	{"/asset", NULL, BAD, "/asset/version: is missing"},
	{"/asset", "7", BAD, "/asset: want an object"},
	{"/asset/version", "2", BAD, "/asset/version: want a string"},
	{"/asset/version", "\"1.0\"", -EOPNOTSUPP, "/asset/version: 1.0, want 2.0"},
	{"/asset/version", "\"2.1\"", 0, ""},
	{"/asset/minVersion", "\"2.1\"", -EOPNOTSUPP, "/asset/minVersion: 2.1"},
	{"/asset/minVersion", "\"2.0\"", 0, ""},
	{"/nodes", "{}", BAD, "/nodes: want a list"},
	{"/samplers/0", "[]", BAD, "/samplers/0: want an object"},
	{"/cameras/0/name", "1", BAD, "/cameras/0/name: want a string"},
	{"/textures/0/extensions", "[]", BAD, "/textures/0/extensions: want an object"},
	{"/extensionsUsed", "[]", BAD, "/extensionsUsed: want a list with at least one"},
	{"/extensionsUsed/0", "3", BAD, "/extensionsUsed/0: want a string"},
	{"/extensionsRequired/0", "\"KHR_xyz\"", -EOPNOTSUPP,
		"/extensionsRequired/0: KHR_xyz is not supported"},
	{"/extensionsRequired/0", "\"KHR_draco_mesh_compression\"", -EOPNOTSUPP,
		"store them plain"},
	{"/extensionsRequired/0", "\"KHR_texture_basisu\"", -EOPNOTSUPP, "store PNG or JPEG"},
	{"/extensionsRequired/0", "\"KHR_mesh_quantization\"", BAD, "is not in extensionsUsed"},

	/* buffers and views */
	{"/buffers/0/byteLength", NULL, BAD, "/buffers/0/byteLength: is missing"},
	{"/buffers/0/byteLength", "100000", BAD, "/buffers/0: byteLength is 100000, there are"},
	{"/buffers/0/byteLength", "0", BAD, "is not between 1 and"},
	{"/buffers/0/byteLength", "-1", BAD, "is not between 1 and"},
	{"/buffers/0/byteLength", "8.5", BAD, "want a whole number"},
	{"/buffers/0/uri", NULL, -ENOENT, "/buffers/0: has no uri"},
	{"/buffers/0/uri", "\"data:text/plain,hello\"", BAD,
		"/buffers/0/uri: want data:...;base64"},
	{"/buffers/0/uri", "\"data:application/octet-stream;base64,AA*A\"", BAD, "bad base64"},
	{"/buffers/0/uri", "\"x.bin\"", -ENOENT, "x.bin: there are no files beside"},
	{"/bufferViews/3/buffer", NULL, BAD, "/bufferViews/3/buffer: is missing"},
	{"/bufferViews/3/buffer", "1", BAD,
		"/bufferViews/3/buffer: 1 is out of range, there are 1"},
	{"/bufferViews/3/byteLength", "99999", BAD, "/bufferViews/3: ends behind its buffer"},
	{"/bufferViews/3/byteOffset", "4294967295", BAD, "/bufferViews/3: ends behind its buffer"},
	{"/bufferViews/3/byteLength", NULL, BAD, "/bufferViews/3/byteLength: is missing"},
	{"/bufferViews/3/byteStride", "6", BAD, "6 is no multiple of 4"},
	{"/bufferViews/3/byteStride", "256", BAD, "256 is not between 4 and 252"},
	{"/bufferViews/3/target", "5", BAD, "/bufferViews/3/target: 5 is not"},

	/* accessors */
	{"/accessors/0/bufferView", "99", BAD, "/accessors/0/bufferView: 99 is out of range"},
	{"/accessors/0/bufferView", "1.0", BAD, "want an index"},
	{"/accessors/0/componentType", "5124", BAD, "/accessors/0/componentType: want 5120"},
	{"/accessors/0/componentType", NULL, BAD, "/accessors/0/componentType: want 5120"},
	{"/accessors/0/type", "\"VEC5\"", BAD, "/accessors/0/type: want SCALAR"},
	{"/accessors/0/type", NULL, BAD, "/accessors/0/type: want SCALAR"},
	{"/accessors/0/count", "0", BAD, "/accessors/0/count: 0 is not between 1"},
	{"/accessors/0/count", NULL, BAD, "/accessors/0/count: is missing"},
	{"/accessors/0/count", "5", BAD, "/accessors/0: ends behind its bufferView, which has 48"},
	{"/accessors/0/byteOffset", "4", BAD, "/accessors/0: ends behind its bufferView"},
	{"/accessors/6/byteOffset", "1", BAD, "/accessors/6: does not start at a multiple of 2"},
	{"/accessors/0/normalized", "true", BAD, "/accessors/0/normalized: only for"},
	{"/accessors/0/min", "[]", BAD, "/accessors/0/min: want a list"},
	{"/accessors/15/sparse/count", "6", BAD, "/accessors/15/sparse/count: 6 is not between"},
	{"/accessors/15/sparse/count", "3", BAD, "ends behind its bufferView"},
	{"/accessors/15/count", "3", BAD, "indices: index 1 is 3: want growing ones below 3"},
	{"/accessors/15/sparse/indices", NULL, BAD, "/accessors/15/sparse/indices: is missing"},
	{"/accessors/15/sparse/indices/componentType", "5126", BAD, "want 5121, 5123 or 5125"},
	{"/accessors/15/sparse/indices/bufferView", "14", BAD,
		"indices: index 1 is 0: want growing"},
	{"/accessors/15/sparse/values/bufferView", "77", BAD,
		"values/bufferView: 77 is out of range"},
	{"/accessors/15/sparse/values/byteOffset", "2", BAD, "does not start at a multiple of 4"},
	{"/accessors/15/sparse", "1", BAD, "/accessors/15/sparse: want an object"},

	/* meshes */
	{"/meshes/0/primitives", NULL, BAD, "/meshes/0/primitives: is missing"},
	{"/meshes/0/primitives", "[]", BAD, "/meshes/0/primitives: want a list"},
	{P0, "0", BAD, P0 ": want an object"},
	{P0 "/attributes", NULL, BAD, P0 "/attributes: want an object with"},
	{P0 "/attributes", "{}", BAD, P0 "/attributes: want an object with"},
	{P0 "/attributes/POSITION", "30", BAD, "POSITION: 30 is out of range, there are 24"},
	{P0 "/attributes/POSITION", "\"0\"", BAD, "POSITION: want an index"},
	{P0 "/attributes/POSITION", "2", BAD, "POSITION: accessor 2 has a type"},
	{P0 "/attributes/NORMAL", "13", BAD, "NORMAL: 5 elements, POSITION has 4"},
	{P0 "/attributes/NORMAL", "4", BAD, "NORMAL: accessor 4 has a type"},
	{P0 "/attributes/TEXCOORD_0", "6", BAD, "5 elements|6 elements|accessor 6 has a type"},
	{P0 "/attributes/TEXCOORD_2", "10", BAD, "TEXCOORD_2: 24 elements, POSITION has 4"},
	{P0 "/attributes/_OWN", "99", BAD, "_OWN: 99 is out of range"},
	{P0 "/attributes/_OWN", "0", 0, ""},
	{P0 "/attributes/COLOR_0", "6", BAD, "COLOR_0: "},
	{P0 "/indices", "0", BAD, P0 "/indices: accessor 0 is no plain SCALAR"},
	{P0 "/indices", "16", BAD, P0 "/indices: accessor 16 holds no unsigned integers"},
	{P0 "/indices", "10", BAD, P0 "/indices: index "},
	{P0 "/mode", "7", BAD, P0 "/mode: 7 is not between 0 and 6"},
	{P0 "/material", "3", BAD, P0 "/material: 3 is out of range, there are 3"},
	{P0 "/targets", "[]", BAD, P0 "/targets: want a list"},
	{"/meshes/1/primitives/0/attributes/WEIGHTS_0", NULL, BAD, "only together"},
	{"/meshes/1/primitives/0/attributes/JOINTS_0", NULL, BAD, "only together"},
	{"/meshes/1/primitives/0/attributes/JOINTS_0", "9", BAD, "JOINTS_0: accessor 9 has a type"},
	{"/meshes/2/primitives/0/targets/0/POSITION", "0", BAD,
		"POSITION: 4 elements, POSITION has 5"},
	{"/meshes/2/primitives/0/targets/0", "4", BAD, "targets/0: want an object"},
	{"/meshes/2/weights", "[1]", BAD, "/meshes/2/weights: want a list of 2 numbers"},
	{"/meshes/2/weights/0", "\"a\"", BAD, "/meshes/2/weights/0: want a number"},

	/* materials, textures, images */
	{"/materials/0/pbrMetallicRoughness/baseColorFactor/1", "1.5", BAD,
		"1.5 is not between 0 and 1"},
	{"/materials/0/pbrMetallicRoughness/baseColorFactor", "[1,1,1]", BAD,
		"want a list of 4 numbers"},
	{"/materials/0/pbrMetallicRoughness/metallicFactor", "-1", BAD,
		"-1 is not between 0 and 1"},
	{"/materials/0/pbrMetallicRoughness/baseColorTexture/index", "2", BAD, "2 is out of range"},
	{"/materials/0/pbrMetallicRoughness/baseColorTexture/index", NULL, BAD,
		"index: is missing"},
	{"/materials/0/normalTexture/texCoord", "2", -EOPNOTSUPP, "only sets 0 and 1"},
	{"/materials/0/occlusionTexture/strength", "2", BAD, "2 is not between 0 and 1"},
	{"/materials/0/emissiveFactor", "[2,0,0]", BAD, "/materials/0/emissiveFactor/0: 2 is not"},
	{"/materials/0/alphaMode", "\"GLASS\"", BAD, "want OPAQUE, MASK or BLEND"},
	{"/materials/0/alphaCutoff", "-0.1", BAD, "/materials/0/alphaCutoff: -0.1"},
	{"/materials/0/doubleSided", "1", BAD, "want true or false"},
	{"/materials/1/extensions/KHR_materials_unlit", "true", BAD, "want an object"},
	{"/materials/0/extensions/KHR_materials_emissive_strength/emissiveStrength", "-1", BAD,
		"-1 is"},
	{"/textures/0/source", "2", BAD, "/textures/0/source: 2 is out of range"},
	{"/textures/0/sampler", "1", BAD, "/textures/0/sampler: 1 is out of range"},
	{"/textures/0/source", NULL, 0, ""},
	{"/samplers/0/wrapS", "1", BAD, "/samplers/0/wrapS: 1 is no wrapping mode"},
	{"/samplers/0/magFilter", "9984", BAD, "/samplers/0/magFilter: 9984 is no filter"},
	{"/samplers/0/minFilter", "1", BAD, "/samplers/0/minFilter: 1 is no filter"},
	{"/images/0/mimeType", NULL, BAD, "/images/0/mimeType: is missing"},
	{"/images/0/uri", "\"a.png\"", BAD, "/images/0: want either uri or bufferView"},
	{"/images/1/uri", NULL, BAD, "/images/1: want either uri or bufferView"},
	{"/images/0/bufferView", "0", BAD, "/images/0: neither PNG nor JPEG"},

	/* nodes */
	{"/nodes/0/children/0", "12", BAD, "/nodes/0/children/0: 12 is out of range, there are 12"},
	{"/nodes/0/children/0", "2", BAD, "/nodes/0/children/1: 2 stands there twice"},
	{"/nodes/0/children", "[]", BAD, "/nodes/0/children: want a list"},
	{"/nodes/0/children/0", "4", BAD, "node 4 is a child of node 0 already"},
	{"/nodes/4/children", "[3]", BAD, "node 3 is a child of node 0 already"},
	{"/nodes/0/children/2", "0", BAD, "/nodes/0: is its own descendant"},
	{"/nodes/1/mesh", "3", BAD, "/nodes/1/mesh: 3 is out of range, there are 3"},
	{"/nodes/1/matrix", "[1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1]", BAD, "has a matrix and"},
	{"/nodes/8/matrix", "[1]", BAD, "/nodes/8/matrix: want a list of 16 numbers"},
	{"/nodes/8/matrix/3", "1", BAD, "/nodes/8/matrix: the last row is not 0 0 0 1"},
	{"/nodes/1/translation", "[0,0]", BAD, "/nodes/1/translation: want a list of 3"},
	{"/nodes/1/rotation", "[0,0,0,0]", BAD, "/nodes/1/rotation: is no unit quaternion"},
	{"/nodes/1/rotation", "[0,0,0,2]", BAD, "/nodes/1/rotation/3: 2 is not between"},
	{"/nodes/1/scale", "[1e38,1,1]", BAD, "/nodes/1/scale/0: 1e+38 is not between"},
	{"/nodes/1/skin", "0", BAD, "/nodes/1/skin: mesh 0 has no JOINTS_0"},
	{"/nodes/2/mesh", NULL, BAD, "/nodes/2/skin: needs a mesh"},
	{"/nodes/2/skin", "1", BAD, "/nodes/2/skin: 1 is out of range"},
	{"/nodes/5/weights", "[1,2,3]", BAD, "/nodes/5/weights: want a list of 2"},
	{"/nodes/0/weights", "[1]", BAD, "/nodes/0/weights: the node has no mesh with morph"},
	{"/nodes/6/camera", "2", BAD, "/nodes/6/camera: 2 is out of range"},
	{"/nodes/7/extensions/KHR_lights_punctual/light", "3", BAD, "light: 3 is out of range"},
	{"/nodes/7/extensions/KHR_lights_punctual/light", NULL, BAD, "light: is missing"},
	{"/nodes/9/extras", "[1]", 0, ""},
	{"/nodes/0/name", "null", BAD, "/nodes/0/name: want a string"},
	{"/scenes/0/nodes/0", "1", BAD, "/scenes/0/nodes/0: node 1 is a child of node 0"},
	{"/scenes/0/nodes/0", "40", BAD, "/scenes/0/nodes/0: 40 is out of range"},
	{"/scenes/0/nodes/0", "5", BAD, "/scenes/0/nodes/1: 5 stands there twice"},
	{"/scenes/0/nodes", NULL, 0, ""},
	{"/scene", "1", BAD, "/scene: 1 is out of range, there are 1"},
	{"/scene", "\"0\"", BAD, "/scene: want an index"},
	{"/scene", NULL, 0, ""},

	/* skins, cameras, lights */
	{"/skins/0/joints", NULL, BAD, "/skins/0/joints: is missing"},
	{"/skins/0/joints/0", "4", BAD, "/skins/0/joints/1: 4 stands there twice"},
	{"/skins/0/joints", "[3]", BAD, "/nodes/2/skin: mesh 1 uses joint 1, the skin has 1"},
	{"/skins/0/joints/0", "12", BAD, "/skins/0/joints/0: 12 is out of range"},
	{"/skins/0/joints", "[3,4,5]", BAD, "want at least 3 MAT4"},
	{"/skins/0/skeleton", "12", BAD, "/skins/0/skeleton: 12 is out of range"},
	{"/skins/0/inverseBindMatrices", "0", BAD, "accessor 0: want at least 2 MAT4"},
	{"/skins/0/inverseBindMatrices", NULL, 0, ""},
	{"/cameras/0/type", "\"fisheye\"", BAD, "/cameras/0/type: want perspective"},
	{"/cameras/0/type", "\"orthographic\"", BAD, "/cameras/0/orthographic: is missing"},
	{"/cameras/0/perspective/yfov", "0", BAD, "/cameras/0/perspective/yfov: 0 is not"},
	{"/cameras/0/perspective/yfov", NULL, BAD, "/cameras/0/perspective/yfov: is missing"},
	{"/cameras/0/perspective/zfar", "0.05", BAD, "zfar must be more than znear"},
	{"/cameras/0/perspective/zfar", NULL, 0, ""},
	{"/cameras/1/orthographic/xmag", "0", BAD, "xmag and ymag must not be 0"},
	{"/extensions/KHR_lights_punctual/lights/0/type", "\"area\"", BAD, "lights/0/type: want"},
	{"/extensions/KHR_lights_punctual/lights/0/spot", NULL, BAD, "lights/0/spot: is missing"},
	{"/extensions/KHR_lights_punctual/lights/0/spot/innerConeAngle", "0.6", BAD,
		"must be less"},
	{"/extensions/KHR_lights_punctual/lights/0/spot/innerConeAngle", "0.5", BAD,
		"must be less"},
	{"/extensions/KHR_lights_punctual/lights/1/color", "[1,1]", BAD, "color: want a list of 3"},

	/* animations */
	{"/animations/0/channels", NULL, BAD, "/animations/0: want samplers and channels"},
	{"/animations/0/channels/0/sampler", "4", BAD, "channels/0/sampler: 4 is out of range"},
	{"/animations/0/channels/0/sampler", NULL, BAD, "channels/0/sampler: is missing"},
	{"/animations/0/channels/0/target", NULL, BAD, "channels/0/target: is missing"},
	{"/animations/0/channels/0/target/node", "12", BAD, "target/node: 12 is out of range"},
	{"/animations/0/channels/0/target/node", NULL, 0, ""},
	{"/animations/0/channels/0/target/node", "8", BAD, "node 8 has a matrix"},
	{"/animations/0/channels/0/target/path", "\"size\"", BAD, "target/path: want translation"},
	{"/animations/0/channels/0/target/path", "\"scale\"", BAD,
		"channels/2/target: is the target of"},
	{"/animations/0/channels/3/target/node", "1", BAD, "node 1 has no mesh with morph targets"},
	{"/animations/0/samplers/0/input", NULL, BAD, "samplers/0/input: is missing"},
	{"/animations/0/samplers/0/output", "24", BAD, "samplers/0/output: 24 is out of range"},
	{"/animations/0/samplers/0/output", "21", BAD, "accessor 21: 6 elements, want 3"},
	{"/animations/0/samplers/0/output", "19", BAD, "accessor 19 has a type"},
	{"/animations/0/samplers/0/input", "18", BAD, "accessor 18: want a SCALAR of floats"},
	{"/animations/0/samplers/0/interpolation", "\"SMOOTH\"", BAD,
		"want LINEAR, STEP or CUBICSPLINE"},
	{"/animations/0/samplers/0/interpolation", "\"CUBICSPLINE\"", BAD, "3 elements, want 9"},
	{"/animations/0/samplers/0/input", "23", BAD, "times must grow"},
	{"/accessors/17/bufferView", "7", BAD, "times must grow, from 0"}, /* -0.5 and 0 */
	{"/animations/0/samplers/1/output", "2", BAD, "4 elements, want 3"},
};

static json_t *broken(const struct row *r)
{
	json_t *doc = full_doc(),
	       *value = r->value ? json_loads(r->value, JSON_DECODE_ANY, NULL) : NULL;

	if (!doc || (r->value && !value) || !json_put(doc, r->pointer, value)) {
		print_error("%s: cannot be set\n", r->pointer);
		exit(2);
	}
	return doc;
}

/* One of the alternatives that a | separates. */
static bool says(const char *text, const char *want)
{
	char piece[200];
	const char *end;

	for (; (end = strchr(want, '|')) != NULL; want = end + 1) {
		snprintf(piece, sizeof(piece), "%.*s", (int)(end - want), want);
		if (strstr(text, piece))
			return true;
	}
	return strstr(text, want) != NULL;
}

static void one_wrong_thing_each(void **state)
{
	unsigned bad = 0;
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *doc = broken(&rows[i]);
		struct model *m = NULL;
		int err = json_load_model(&m, doc, NULL, &why);

		if (err != rows[i].err || !says(why_text(&why), rows[i].why) || (err && m)) {
			print_error("%s = %s: %d \"%s\", want %d \"%s\"\n", rows[i].pointer,
				rows[i].value ? rows[i].value : "nothing", err, why_text(&why),
				rows[i].err, rows[i].why);
			bad++;
		}
		model_unref(m);
		json_decref(doc);
	}
	ar_buf_free(&why);
	assert_int_equal(bad, 0);
}

static void text_that_is_no_document(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "7",
		"{\"asset\":{\"version\":\"2.0\"}} x", "{\"asset\":{},\"asset\":{}}",
		"\xef\xbb\xbf{\"asset\":{\"version\":\"2.0\"}}", "glTF",
		"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"translation\":[1e999,0,0]}]}",
		"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"translation\":[NaN,0,0]}]}"};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct model *m = NULL;

		if (text_load(&m, texts[i], NULL, &why) != -EINVAL || why.n == 0)
			fail_msg("text %zu was taken", i);
	}
	ar_buf_free(&why);
}

static void smallest_documents(void **state)
{
	static const char *const texts[] = {"{\"asset\":{\"version\":\"2.0\"}}",
		"{\"asset\":{\"version\":\"2.0\"},\"scene\":0,"
		"\"scenes\":[{\"extras\":{\"rev\":7}}]}"};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < 2; i++) {
		struct model *m = NULL;

		assert_int_equal(text_load(&m, texts[i], NULL, &why), 0);
		assert_int_equal(model_view(m)->nnode, 0);
		assert_int_equal(model_view(m)->rev, i ? 7 : -1);
		assert_int_equal(model_view(m)->nmaterial, 1);
		model_unref(m);
	}
	ar_buf_free(&why);
}

static int dump(const char *folder)
{
	char path[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *doc = broken(&rows[i]);

		snprintf(path, sizeof(path), "%s/%03zu-%s.gltf", folder, i,
			rows[i].err ? "refused" : "taken");
		json_object_set_new(json_object_get(doc, "asset"), "copyright",
			json_pack("s+", rows[i].pointer, rows[i].value ? rows[i].value : ""));
		if (json_dump_file(doc, path, JSON_COMPACT) != 0)
			return 1;
		json_decref(doc);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_wrong_thing_each),
		cmocka_unit_test(text_that_is_no_document),
		cmocka_unit_test(smallest_documents),
	};

	return argc > 1 ? dump(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
