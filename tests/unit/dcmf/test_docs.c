/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docs/messages.md and docs/mrm.md against the code: every example is what we read or write. */
#include "mediad/ctl/json_strict.h"
#include "mediad/dcmf/meta.h"
#include "mediad/scene/scene.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_doc(const char *name)
{
	char path[256], *text = calloc(1, 1 << 17);
	FILE *f;

	snprintf(path, sizeof(path), SRC_DIR "/docs/%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 17) - 1, f) > 1000);
	fclose(f);
	return text;
}

/* The next ```json block, terminated in place; NULL at the end. */
static char *next_block(char **pos)
{
	char *start = strstr(*pos, "```json\n"), *end;

	if (!start)
		return NULL;
	start += strlen("```json\n");
	end = strstr(start, "```");
	assert_non_null(end);
	*end = '\0';
	*pos = end + 1;
	return start;
}

static void note(void *arg, const struct meta_message *m)
{
	unsigned *kinds = arg;

	kinds[0]++;
	kinds[1] += m->has_pose && m->pose.has_orientation;
	kinds[2] += m->action.p != NULL;
	kinds[3] += m->resync;
}

static void examples_are_json(void **state)
{
	char *text = read_doc("messages.md"), *pos = text, *block;
	unsigned n = 0, poses = 0, actions = 0, resyncs = 0, acks = 0, patches = 0;

	(void)state;
	for (; (block = next_block(&pos)) != NULL; n++) {
		struct json_strict_error err;
		json_t *j = json_strict_load(ar_span_str(block), 16, &err);
		unsigned kinds[4] = {0};

		if (!j)
			fail_msg("%s\n%s", err.why, block);
		patches += json_is_array(j);
		acks += json_object_get(j, "ack") != NULL;
		if (json_is_object(j))
			assert_int_equal(meta_scan(ar_span_str(block), note, kinds), 0);
		poses += kinds[1];
		actions += kinds[2];
		resyncs += kinds[3];
		json_decref(j);
	}
	assert_true(n >= 10);
	assert_int_equal(poses, 3);
	assert_int_equal(actions, 3);
	assert_int_equal(resyncs, 1);
	assert_int_equal(acks, 2);
	assert_int_equal(patches, 3);
	free(text);
}

/* The patch of the first example is, letter for letter, what a scene in that state sends. */
static void patch_as_shown(void **state)
{
	char *text = read_doc("messages.md"), *pos = text, *block = next_block(&pos), *shown;
	struct scene_pose p = {{123000, 165000, -99000}, {0, 7071068, 0, 7071068}};
	struct scene_view v;
	struct scene *s;
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, 1 << 20);
	assert_int_equal(
		scene_load(&s,
			AR_SPAN("{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"
				"\"nodes\":[{},{},{},{},{},{\"extras\":{}}]}"),
			&out),
		0);
	assert_int_equal(scene_view_open(s, &v), 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(scene_set(s, "/nodes/5/extras/x", json_integer(i)), 0);
	assert_int_equal(scene_view_next(s, &v, 65536, true, &out), 1);
	for (int i = 16; i >= 0; i--) {
		p.t[0] = 123000 + i;
		assert_int_equal(scene_set_pose(s, 5, &p), 0);
	}
	assert_int_equal(scene_view_next(s, &v, 65536, true, &out), 1);
	ar_buf_add(&out, "", 1);
	shown = calloc(1, strlen(block) + 1);
	assert_non_null(shown);
	for (char *c = block, *d = shown; *c; c++) {
		if (*c != '\n' && !(*c == ' ' && c > block && (c[-1] == '\n')))
			*d++ = *c;
	}
	assert_string_equal(out.p, shown);
	free(shown);
	scene_view_close(s, &v);
	scene_free(s);
	ar_buf_free(&out);
	free(text);
}

/* Members of the create example, and of the answer, are those of docs/mrm.md. */
static void nmf_mrm_as_shown(void **state)
{
	static const char *const named[] = {"localMbEndpoint", "localDcEndpoint",
		"localMaxMessageSize", "state", "selected", "rttMs", "channels", "times", "poses",
		"actions", "updates", "worker", "scene", "revision", "nodes", "bytes"};
	char *text = read_doc("mrm.md"), *live;
	struct rig r;
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	fake_connect(fake_peer(0));
	j = rig_get(&r);
	live = json_dumps(j, 0);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		char member[64];

		snprintf(member, sizeof(member), "\"%s\":", named[i]);
		if (!strstr(live, member) || !strstr(text, named[i]))
			fail_msg("%s", named[i]);
	}
	free(live);
	json_decref(j);
	rig_stop(&r);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_json),
		cmocka_unit_test(patch_as_shown),
		cmocka_unit_test(nmf_mrm_as_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
