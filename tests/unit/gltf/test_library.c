/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenes of a folder at start-up: mistakes anywhere in them are refused with file and place, GLB is
 * taken, what only the ARMF cannot draw is a note. */
#include "mediad/scene/library.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#define MODELS "/usr/share/assimp/models/glTF2/"

struct folder {
	char path[64];
	struct library *l;
	struct ar_buf why;
};

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/library.XXXXXX");
	ar_buf_init(&f->why, 4096);
	*state = f;
	return mkdtemp(f->path) ? 0 : -1;
}

static int teardown(void **state)
{
	struct folder *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	library_free(f->l);
	ar_buf_free(&f->why);
	if (system(command) != 0)
		return -1;
	free(f);
	return 0;
}

static void copy(const struct folder *f, const char *from, const char *name)
{
	char command[512];

	snprintf(command, sizeof(command), "cp '%s' '%s/%s'", from, f->path, name);
	assert_int_equal(system(command), 0);
}

/* The default scene with one change. */
static void write_scene(const struct folder *f, const char *name, const char *list, unsigned index,
	const char *key, json_t *value)
{
	json_t *doc = json_load_file(SRC_DIR "/webapp/scenes/default.gltf", 0, NULL);
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	if (list)
		json_object_set_new(json_array_get(json_object_get(doc, list), index), key, value);
	else
		json_object_set_new(doc, key, value);
	assert_int_equal(json_dump_file(doc, path, JSON_COMPACT), 0);
	json_decref(doc);
}

static int load(struct folder *f)
{
	library_free(f->l);
	f->l = NULL;
	ar_buf_reset(&f->why);
	return library_load(&f->l, f->path, &f->why);
}

static bool says(struct folder *f, const char *text)
{
	ar_buf_add(&f->why, "", 1);
	if (strstr(f->why.p, text))
		return true;
	print_error("%s\n", f->why.p);
	return false;
}

static void shipped_scenes(void **state)
{
	struct library *l = NULL;
	struct folder *f = *state;

	assert_int_equal(library_load(&l, SRC_DIR "/webapp/scenes", &f->why), 0);
	assert_int_equal(library_notes(l).n, 0);
	library_free(l);
}

static void mistakes_are_told(void **state)
{
	struct folder *f = *state;

	write_scene(f, "a.gltf", "accessors", 1, "componentType", json_integer(5126));
	assert_int_equal(load(f), -EINVAL);
	assert_true(says(f, "/a.gltf: /accessors/1: ends behind its bufferView"));
	write_scene(f, "a.gltf", "accessors", 1, "bufferView", json_integer(0));
	assert_int_equal(load(f), -EINVAL);
	assert_true(says(f, "/indices: index "));
	write_scene(f, "a.gltf", "nodes", 2, "rotation", json_pack("[i,i,i,i]", 0, 0, 0, 0));
	assert_int_equal(load(f), -EINVAL);
	assert_true(says(f, "/a.gltf: /nodes/2: "));
	write_scene(f, "a.gltf", "materials", 0, "alphaMode", json_string("THICK"));
	assert_int_equal(load(f), -EINVAL);
	assert_true(says(f, "/materials/0/alphaMode"));
	write_scene(f, "a.gltf", "materials", 0, "alphaMode", json_string("MASK"));
	assert_int_equal(load(f), 0);
}

static void files_beside_are_looked_at(void **state)
{
	struct folder *f = *state;

	write_scene(f, "a.gltf", "buffers", 0, "uri", json_string("table.bin"));
	assert_int_equal(load(f), -ENOENT);
	assert_true(says(f, "/buffers/0/uri: table.bin: No such file"));
	copy(f, SRC_DIR "/LICENSE", "table.bin");
	assert_int_equal(load(f), -EINVAL); /* a licence is no geometry */
	assert_true(says(f, "/a.gltf: /meshes/0/primitives/0/"));
	write_scene(f, "a.gltf", "buffers", 0, "uri", json_string("../../etc/passwd"));
	assert_int_equal(load(f), -EINVAL);
}

static void glb_is_a_scene(void **state)
{
	struct folder *f = *state;

	copy(f, MODELS "BoxTextured-glTF-Binary/BoxTextured.glb", "box.glb");
	assert_int_equal(load(f), 0);
	assert_non_null(library_find(f->l, AR_SPAN("box")));
	copy(f, MODELS "IndexOutOfRange/IndexOutOfRange.gltf", "cut.glb");
	assert_int_equal(load(f), -EINVAL);
	assert_true(says(f, "/cut.glb: GLB: does not begin with glTF"));
}

static void a_name_belongs_to_one(void **state)
{
	struct folder *f = *state;

	copy(f, MODELS "BoxTextured-glTF-Binary/BoxTextured.glb", "box.glb");
	write_scene(f, "box.gltf", NULL, 0, "scene", json_integer(0));
	assert_int_equal(load(f), -EEXIST);
	assert_true(says(f, "there is another scene named box"));
}

static void what_only_ues_can_draw_is_noted(void **state)
{
	struct folder *f = *state;
	struct ar_span notes;

	write_scene(f, "room.gltf", NULL, 0, "extensionsRequired", json_pack("[s]", "KHR_xyz"));
	assert_int_equal(load(f), 0);
	assert_non_null(library_find(f->l, AR_SPAN("room")));
	notes = library_notes(f->l);
	ar_buf_reset(&f->why);
	ar_buf_add_span(&f->why, notes);
	assert_true(
		says(f, "room cannot be drawn by the ARMF: /extensionsRequired/0: KHR_xyz is not"));
	assert_null(memchr(notes.p, '\n', notes.n));
}

static void nothing_there(void **state)
{
	struct folder *f = *state;

	copy(f, SRC_DIR "/LICENSE", "LICENSE");
	copy(f, SRC_DIR "/LICENSE", ".gltf");
	copy(f, SRC_DIR "/LICENSE", "gltf");
	assert_int_equal(load(f), -ENOENT);
	assert_true(says(f, "no *.gltf or *.glb there"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(shipped_scenes), T(mistakes_are_told),
		T(files_beside_are_looked_at), T(glb_is_a_scene), T(a_name_belongs_to_one),
		T(what_only_ues_can_draw_is_noted), T(nothing_there)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
