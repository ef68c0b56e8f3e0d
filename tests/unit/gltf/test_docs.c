/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docs/scenes.md says what the code does: its limits, its extensions. */
#include "files.h"
#include "mediad/scene/scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct ar_buf page;

static int setup(void **state)
{
	(void)state;
	if (!file_read(SRC_DIR "/docs/scenes.md", &page))
		return -1;
	return ar_buf_add(&page, "", 1);
}

static int teardown(void **state)
{
	(void)state;
	ar_buf_free(&page);
	return 0;
}

/* The row of the table that begins so. */
static void row(const char *what, size_t value)
{
	char begin[80], number[32];
	const char *p, *end;

	snprintf(begin, sizeof(begin), "\n| %s", what);
	snprintf(number, sizeof(number), "%zu", value);
	p = strstr(page.p, begin);
	assert_non_null(p);
	end = strchr(p + 1, '\n');
	p = strstr(p, number);
	if (!p || p > end)
		fail_msg("%s: want %s", what, number);
}

static void limits(void **state)
{
	const struct model_limits *l = &model_limits_default;

	(void)state;
	row("GLB", l->bytes);
	row("GLB", l->resource_bytes);
	row("JSON for the ARMF", l->json);
	row("JSON in the DCMF", SCENE_MAX_BYTES);
	row("all of it decoded", l->memory);
	row("nodes", l->nodes);
	row("nodes", l->depth);
	row("entries of any other list", l->items);
	row("primitives", l->primitives);
	row("triangles", l->triangles);
	row("vertices", l->vertices);
	row("joints", l->joints);
	row("morph targets", l->targets);
	row("animation keys", l->keys);
	row("lights", l->lights);
	row("images", l->images);
	row("images", l->image_side);
	assert_int_equal(l->texture_side, 2048);
	assert_int_equal(l->nodes, SCENE_MAX_NODES);
}

/* Every name in backquotes that looks like an extension is taken when required. */
static void extensions(void **state)
{
	const char *end = strstr(page.p, "\n## Interactivity");
	unsigned n = 0;
	struct ar_buf why;

	(void)state;
	assert_non_null(end);
	ar_buf_init(&why, 4096);
	for (const char *p = page.p; (p = strchr(p, '`')) != NULL && p < end; p++) {
		size_t len = strcspn(p + 1, "`\n");
		struct model *m = NULL;
		char doc[256];

		if (strncmp(p + 1, "KHR_", 4) != 0 && strncmp(p + 1, "MPEG_", 5) != 0)
			continue;
		snprintf(doc, sizeof(doc),
			"{\"asset\":{\"version\":\"2.0\"},\"extensionsUsed\":[\"%.*s\"],"
			"\"extensionsRequired\":[\"%.*s\"]}",
			(int)len, p + 1, (int)len, p + 1);
		if (text_load(&m, doc, NULL, &why) != 0)
			fail_msg("%s", why_text(&why));
		model_unref(m);
		n++;
	}
	assert_int_equal(n, 11);
	ar_buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(extensions),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
