/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scene document: refused with a reason, or taken, printed, taken again and printed the same; and
 * given to a view in pieces it is the same document. */
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"
#include "mediad/scene/scene.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void in_pieces(struct scene *s, size_t max)
{
	struct scene_view v;
	struct ar_buf out;
	json_t *doc = NULL, *want;
	int rc;

	ar_buf_init(&out, 2 * SCENE_MAX_BYTES);
	if (scene_view_open(s, &v) != 0)
		abort();
	while ((rc = scene_view_next(s, &v, max, true, &out)) == 1) {
		json_t *j = json_loadb(out.p, out.n, 0, NULL);

		if (!j || out.n > max)
			abort();
		if (json_is_object(j)) {
			json_decref(doc);
			doc = json_incref(j);
		} else if (json_patch_apply(&doc, j, NULL) != 0) {
			abort();
		}
		json_decref(j);
	}
	if (rc != 0 && rc != -EMSGSIZE)
		abort();
	ar_buf_reset(&out);
	if (scene_write(s, &out) != 0)
		abort();
	want = json_loadb(out.p, out.n, 0, NULL);
	if (rc == 0 && !json_strict_same(want, doc))
		abort();
	json_decref(want);
	json_decref(doc);
	scene_view_close(s, &v);
	ar_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene *s = NULL, *again = NULL;
	struct ar_buf why, one, two;

	ar_buf_init(&why, 4096);
	ar_buf_init(&one, SCENE_MAX_BYTES * 2);
	ar_buf_init(&two, SCENE_MAX_BYTES * 2);
	if (scene_load(&s, (struct ar_span){(const char *)data, size}, &why) != 0) {
		if (why.n == 0)
			abort();
	} else {
		if (scene_write(s, &one) != 0 || scene_load(&again, ar_buf_span(&one), &why) != 0 ||
			scene_write(again, &two) != 0 ||
			!ar_span_eq(ar_buf_span(&one), ar_buf_span(&two)))
			abort();
		in_pieces(again, 1024);
		in_pieces(again, 70000);
	}
	scene_free(s);
	scene_free(again);
	ar_buf_free(&why);
	ar_buf_free(&one);
	ar_buf_free(&two);
	return 0;
}
