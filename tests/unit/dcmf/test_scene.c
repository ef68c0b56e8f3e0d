/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scene documents: what is refused, what patches say, how large they get. */
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"
#include "mediad/scene/library.h"
#include "mediad/scene/scene_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALL                                                                                      \
	"{\"asset\":{\"version\":\"2.0\"},\"scene\":0,\"scenes\":[{\"nodes\":[0,1]}],"             \
	"\"nodes\":[{\"name\":\"one\"},{\"name\":\"two\",\"translation\":[1,2,3],"                 \
	"\"extras\":{\"object\":true}},{\"name\":\"loose\",\"matrix\":[1,0,0,0,0,1,0,0,0,0,1,0,0," \
	"0,0,1]}]}"

static struct scene *load(const char *text)
{
	struct scene *s = NULL;
	struct ar_buf why;

	ar_buf_init(&why, 1024);
	if (scene_load(&s, ar_span_str(text), &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	ar_buf_free(&why);
	return s;
}

static json_t *parse(const struct ar_buf *b)
{
	json_t *j = json_loadb(b->p, b->n, 0, NULL);

	if (!j)
		fail_msg("not JSON: %.*s", (int)b->n, b->p);
	return j;
}

/* ---- loading ---- */

static void refused(void **state)
{
	static const struct {
		const char *text, *why;
	} all[] = {
		{"[]", "/asset/version"},
		{"{}", "/asset/version"},
		{"{\"asset\":{\"version\":\"1.0\"}}", "/asset/version"},
		{"{\"asset\":{\"version\":\"2.0\"}}", "/nodes"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}]}", "/scenes/0/nodes"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[]}]}",
			"/scenes/0/nodes"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[1]}]}",
			"/scenes/0/nodes/0"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[0,0]}]}",
			"/scenes/0/nodes/1"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scene\":1,\"scenes\":[{"
		 "\"nodes\":[0]"
		 "},{\"nodes\":[0]}]}",
			"/scene"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"children\":[1]},{\"children\":[0]}"
		 ",{}],"
		 "\"scenes\":[{\"nodes\":[2]}]}",
			"ancestor"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"children\":[2]},{\"children\":[2]}"
		 ",{}],"
		 "\"scenes\":[{\"nodes\":[0]}]}",
			"two parents"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"mesh\":0}],\"scenes\":[{\"nodes\":"
		 "[0]}]}",
			"/nodes/0/mesh"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"mesh\":-1}],\"scenes\":[{"
		 "\"nodes\":[0]}]"
		 "}",
			"/nodes/0/mesh"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"rotation\":[0,0,0]}],\"scenes\":[{"
		 "\"nodes\":[0]}]}",
			"/nodes/0"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"rotation\":[0,0,0,0]}],\"scenes\":"
		 "[{"
		 "\"nodes\":[0]}]}",
			"out of range"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{\"translation\":[1e9,0,0]}],"
		 "\"scenes\":[{"
		 "\"nodes\":[0]}]}",
			"out of range"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[7],\"scenes\":[{\"nodes\":[0]}]}",
			"wrong type"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[0]}],"
		 "\"materials\":[]}",
			"/materials"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[0]}],"
		 "\"buffers\":[{\"byteLength\":4,\"uri\":\"../../etc/passwd\"}]}",
			"/buffers/0/uri"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[0]}],"
		 "\"images\":[{\"uri\":\"http://evil/x.png\"}]}",
			"/images/0/uri"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[0]}],"
		 "\"buffers\":[{\"byteLength\":4}],\"bufferViews\":[{\"buffer\":0,\"byteOffset\":2,"
		 "\"byteLength\":3}]}",
			"/bufferViews/0"},
		{"{\"asset\":{\"version\":\"2.0\"},\"nodes\":[{}],\"scenes\":[{\"nodes\":[0]}],"
		 "\"meshes\":[{\"primitives\":[{\"attributes\":{\"POSITION\":0}}]}]}",
			"/meshes/0/primitives/0"},
		{"{\"asset\":{\"version\":\"2.0\"}", "line 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct scene *s = NULL;
		struct ar_buf why;

		ar_buf_init(&why, 1024);
		if (scene_load(&s, ar_span_str(all[i].text), &why) == 0)
			fail_msg("taken: %s", all[i].text);
		assert_null(s);
		ar_buf_add(&why, "", 1);
		if (!strstr(why.p, all[i].why))
			fail_msg("%s: said '%s', not '%s'", all[i].text, why.p, all[i].why);
		ar_buf_free(&why);
	}
}

static void too_many_nodes(void **state)
{
	struct ar_buf b, why;
	struct scene *s;

	(void)state;
	ar_buf_init(&b, 1 << 20);
	ar_buf_init(&why, 1024);
	ar_buf_add_str(
		&b, "{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],\"nodes\":[{}");
	for (int i = 0; i < SCENE_MAX_NODES; i++)
		ar_buf_add_str(&b, ",{}");
	ar_buf_add_str(&b, "]}");
	assert_int_equal(scene_load(&s, ar_buf_span(&b), &why), -EINVAL);
	ar_buf_free(&b);
	ar_buf_free(&why);
}

static void materialised(void **state)
{
	struct scene *s = load(SMALL);
	struct ar_buf out;
	json_t *j;

	(void)state;
	ar_buf_init(&out, SCENE_MAX_BYTES);
	assert_int_equal(scene_write(s, &out), 0);
	j = parse(&out);
	assert_int_equal(json_integer_value(json_pointer_get(j, SCENE_REV_PATH)), 1);
	assert_int_equal(json_array_size(json_pointer_get(j, "/nodes/0/translation")), 3);
	assert_int_equal(json_array_size(json_pointer_get(j, "/nodes/0/rotation")), 4);
	assert_int_equal(json_number_value(json_pointer_get(j, "/nodes/1/translation/2")), 3);
	assert_null(json_pointer_get(j, "/nodes/2/translation"));
	assert_int_equal(json_array_size(json_pointer_get(j, "/nodes/2/matrix")), 16);
	assert_true(json_is_true(json_pointer_get(j, "/nodes/1/extras/object")));
	json_decref(j);
	ar_buf_free(&out);
	scene_free(s);
}

/* ---- poses ---- */

static void pose_limits(void **state)
{
	double t[3] = {0, 0, 0}, unit[4] = {0, 0, 0, 1}, r[4];
	struct scene_pose p = {{0}, {0}};
	static const struct {
		double t0, scale, w;
		int err;
	} all[] = {{0, 1, 1, 0}, {9999.9, 1, 1, 0}, {10000.1, 1, 1, -ERANGE},
		{-1e300, 1, 1, -ERANGE}, {NAN, 1, 1, -EDOM}, {INFINITY, 1, 1, -EDOM},
		{0, 0, 1, -EINVAL}, {0, 0.89, 1, -EINVAL}, {0, 0.91, 1, 0}, {0, 1.09, 1, 0},
		{0, 1.11, 1, -EINVAL}, {0, NAN, 1, -EDOM}, {0, 1e200, 1, -EDOM}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		t[0] = all[i].t0;
		for (int k = 0; k < 4; k++)
			r[k] = unit[k] * all[i].scale;
		if (scene_pose_set(&p, t, r) != all[i].err)
			fail_msg("case %zu", i);
	}
	r[0] = 0.5, r[1] = 0.5, r[2] = 0.5, r[3] = 0.55;
	assert_int_equal(scene_pose_set(&p, NULL, r), 0);
	double n = 0;
	for (int k = 0; k < 4; k++)
		n += (double)p.r[k] * p.r[k] / SCENE_R_UNIT / SCENE_R_UNIT;
	assert_true(fabs(sqrt(n) - 1) < 5e-7);
}

static void fixed_point(void **state)
{
	static const struct {
		int64_t v;
		unsigned decimals;
		const char *text;
	} all[] = {{0, 5, "0"}, {100000, 5, "1"}, {-100000, 5, "-1"}, {1, 5, "0.00001"},
		{-1, 5, "-0.00001"}, {123456, 5, "1.23456"}, {120000, 5, "1.2"},
		{-50, 5, "-0.0005"}, {7071068, 7, "0.7071068"}, {10000000, 7, "1"},
		{1000000000, 5, "10000"}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char text[32] = "";

		*scene_print_fixed(text, all[i].v, all[i].decimals) = '\0';
		assert_string_equal(text, all[i].text);
	}
}

/* ---- views ---- */

static int next(struct scene *s, struct scene_view *v, size_t max, struct ar_buf *out)
{
	return scene_view_next(s, v, max, true, out);
}

static void first_whole_then_patch(void **state)
{
	struct scene *s = load(SMALL);
	struct scene_pose p = {{100000, -50000, 1}, {0, 0, 0, SCENE_R_UNIT}};
	struct scene_view v;
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, SCENE_MAX_BYTES);
	assert_int_equal(scene_view_open(s, &v), 0);
	assert_true(scene_view_pending(s, &v, false));
	assert_int_equal(next(s, &v, 65536, &out), 1);
	assert_int_equal(out.p[0], '{');
	assert_int_equal(next(s, &v, 65536, &out), 0);
	assert_false(scene_view_pending(s, &v, true));
	assert_int_equal(scene_set_pose(s, 1, &p), 0);
	assert_int_equal(scene_set_pose(s, 1, &p), 0); /* no change */
	assert_true(scene_view_pending(s, &v, false));
	assert_int_equal(next(s, &v, 65536, &out), 1);
	ar_buf_add(&out, "", 1);
	assert_string_equal(out.p,
		"[{\"op\":\"test\",\"path\":\"/scenes/0/extras/rev\",\"value\":1},"
		"{\"op\":\"replace\",\"path\":\"/nodes/1/translation\",\"value\":[1,-0.5,0.00001]},"
		"{\"op\":\"replace\",\"path\":\"/nodes/1/rotation\",\"value\":[0,0,0,1]},"
		"{\"op\":\"replace\",\"path\":\"/scenes/0/extras/rev\",\"value\":2}]");
	assert_int_equal(scene_view_keepalive(&v, &out), 0);
	ar_buf_add(&out, "", 1);
	assert_string_equal(
		out.p, "[{\"op\":\"test\",\"path\":\"/scenes/0/extras/rev\",\"value\":2}]");
	assert_int_equal(scene_set_pose(s, 2, &p), -EPERM);
	assert_int_equal(scene_set_pose(s, 99, &p), -ENOENT);
	scene_view_close(s, &v);
	ar_buf_free(&out);
	scene_free(s);
}

static void own_pose_waits(void **state)
{
	struct scene *s = load(SMALL);
	struct scene_pose p = {{1, 1, 1}, {0, 0, 0, SCENE_R_UNIT}};
	struct scene_view v, other;
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, SCENE_MAX_BYTES);
	assert_int_equal(scene_view_open(s, &v) | scene_view_open(s, &other), 0);
	assert_int_equal(next(s, &v, 65536, &out), 1);
	assert_int_equal(next(s, &other, 65536, &out), 1);
	v.own = 0;
	scene_set_pose(s, 0, &p);
	assert_false(scene_view_pending(s, &v, false));
	assert_true(scene_view_pending(s, &v, true));
	assert_true(scene_view_pending(s, &other, false));
	assert_int_equal(scene_view_next(s, &v, 65536, false, &out), 0);
	p.t[0] = 2;
	scene_set_pose(s, 1, &p);
	assert_int_equal(scene_view_next(s, &v, 65536, false, &out), 1);
	ar_buf_add(&out, "", 1);
	assert_null(strstr(out.p, "/nodes/0/"));
	assert_int_equal(scene_view_next(s, &v, 65536, true, &out), 1);
	ar_buf_add(&out, "", 1);
	assert_non_null(strstr(out.p, "/nodes/0/"));
	/* that had to make a revision of its own, which the other learns without its own pose's
	 * flag */
	assert_int_equal(scene_view_next(s, &other, 65536, true, &out), 1);
	assert_int_equal(v.sent_rev, other.sent_rev);
	assert_false(scene_view_pending(s, &v, true) || scene_view_pending(s, &other, true));
	scene_view_close(s, &v);
	scene_view_close(s, &other);
	ar_buf_free(&out);
	scene_free(s);
}

/* A UE's document, kept by an independent implementation of RFC 6902. */
static void apply(json_t **doc, const struct ar_buf *message)
{
	json_t *j = parse(message);
	struct json_patch_error err;

	if (json_is_object(j)) {
		json_decref(*doc);
		*doc = j;
		return;
	}
	if (json_patch_apply(doc, j, &err) != 0)
		fail_msg("operation %u of %.*s: %s", err.op, (int)message->n, message->p, err.why);
	json_decref(j);
}

static void drain(
	struct scene *s, struct scene_view *v, json_t **doc, size_t max, unsigned *messages)
{
	struct ar_buf out;
	int rc;

	ar_buf_init(&out, SCENE_MAX_BYTES * 2);
	while ((rc = next(s, v, max, &out)) == 1) {
		assert_true(out.n <= max);
		apply(doc, &out);
		(*messages)++;
	}
	assert_int_equal(rc, 0);
	ar_buf_free(&out);
}

static void assert_same(struct scene *s, const json_t *doc)
{
	struct ar_buf out;
	json_t *j;

	ar_buf_init(&out, SCENE_MAX_BYTES);
	assert_int_equal(scene_write(s, &out), 0);
	j = parse(&out);
	if (!json_strict_same(j, doc)) {
		char *text = json_dumps(doc, JSON_COMPACT);

		fail_msg("server %.*s\nUE %s", (int)out.n, out.p, text);
	}
	json_decref(j);
	ar_buf_free(&out);
}

static struct scene *shipped(const char *name)
{
	struct library *l = NULL;
	const struct scene *from;
	struct scene *s = NULL;
	struct ar_buf why;

	ar_buf_init(&why, 1024);
	if (library_load(&l, SRC_DIR "/webapp/scenes", &why) != 0)
		fail_msg("%.*s", (int)why.n, why.p);
	from = library_find(l, ar_span_str(name));
	assert_non_null(from);
	assert_int_equal(scene_clone(&s, from), 0);
	library_free(l);
	ar_buf_free(&why);
	return s;
}

/* Every scene that comes with mediad reaches a UE whatever its message size, down to 1024. */
static void any_message_size(void **state)
{
	static const char *const names[] = {"default", "whiteboard"};
	static const size_t sizes[] = {1024, 1025, 2000, 4096, 16384, 65536, 262144};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct scene *s = shipped(names[i]);
			json_t *doc = NULL;
			struct scene_view v;
			unsigned n = 0;

			assert_int_equal(scene_view_open(s, &v), 0);
			drain(s, &v, &doc, sizes[k], &n);
			assert_same(s, doc);
			assert_true(n >= 1 && (sizes[k] > 8192) == (n == 1));
			scene_view_close(s, &v);
			json_decref(doc);
			scene_free(s);
		}
	}
}

static void does_not_fit(void **state)
{
	struct scene *s =
		load("{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"
		     "\"nodes\":[{\"name\":\"0123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "0123456789012345678901234567890123456789012345678901234567890123456789"
		     "\"}]}");
	struct scene_view v;
	struct ar_buf out;

	(void)state;
	ar_buf_init(&out, SCENE_MAX_BYTES);
	assert_int_equal(scene_view_open(s, &v), 0);
	assert_int_equal(next(s, &v, 512, &out), -EMSGSIZE);
	assert_int_equal(next(s, &v, 511, &out), -EMSGSIZE);
	assert_int_equal(next(s, &v, 1024, &out), 1);
	scene_view_close(s, &v);
	ar_buf_free(&out);
	scene_free(s);
}

static void structure_changes(void **state)
{
	struct scene *s = shipped("default");
	struct scene_view v, small;
	json_t *doc = NULL, *doc2 = NULL;
	unsigned n = 0, n2 = 0, node, item;

	(void)state;
	assert_int_equal(scene_view_open(s, &v) | scene_view_open(s, &small), 0);
	drain(s, &v, &doc, 65536, &n);
	drain(s, &small, &doc2, 1024, &n2);
	assert_int_equal(scene_add_node(s,
				 json_pack("{s:s, s:[f,i,i], s:{}}", "name", "new", "translation",
					 0.25, 1, 2, "extras"),
				 &node),
		0);
	assert_int_equal(scene_append(s, "materials", json_pack("{s:s}", "name", "m"), &item), 0);
	assert_int_equal(scene_append(s, "cameras", json_pack("{s:s}", "type", "x"), &item), 0);
	assert_int_equal(item, 0);
	assert_int_equal(scene_append(s, "cameras", json_pack("{s:s}", "type", "y"), &item), 0);
	assert_int_equal(item, 1);
	assert_int_equal(scene_set(s, "/nodes/0/extras/none", json_integer(1)), -ENOENT);
	assert_int_equal(scene_set(s, "/nodes/2/extras/heldBy", json_string("a")), 0);
	assert_int_equal(scene_remove(s, 2), 0);
	assert_null(scene_node(s, 2));
	assert_int_equal(scene_find(s, AR_SPAN("cube")), -1);
	assert_int_equal(scene_find(s, AR_SPAN("new")), (int)node);
	assert_int_equal(scene_attach(s, node, false), 0);
	assert_int_equal(scene_attach(s, node, false), 0);
	assert_int_equal(scene_attach(s, node, true), 0);
	drain(s, &v, &doc, 65536, &n);
	drain(s, &small, &doc2, 1024, &n2);
	assert_same(s, doc);
	assert_same(s, doc2);
	assert_int_equal(n, 2); /* one patch took all of it */
	assert_true(n2 > 8);
	scene_view_close(s, &v);
	scene_view_close(s, &small);
	json_decref(doc);
	json_decref(doc2);
	scene_free(s);
}

/* A view too far behind gets the whole document, never half of what happened. */
static void journal_overflow(void **state)
{
	struct scene *s = load(SMALL);
	json_t *doc = NULL;
	struct scene_view v;
	unsigned n = 0;

	(void)state;
	assert_int_equal(scene_view_open(s, &v), 0);
	drain(s, &v, &doc, 65536, &n);
	for (int i = 0; i < SCENE_MAX_JOURNAL; i++)
		assert_int_equal(scene_set(s, "/nodes/1/extras/x", json_integer(i)), 0);
	drain(s, &v, &doc, 1 << 20, &n);
	assert_int_equal(n, 2);
	assert_same(s, doc);
	for (int i = 0; i < SCENE_MAX_JOURNAL + 1; i++)
		assert_int_equal(scene_set(s, "/nodes/1/extras/x", json_integer(-i)), 0);
	drain(s, &v, &doc, 1 << 20, &n);
	assert_int_equal(n, 3);
	assert_same(s, doc);
	scene_view_close(s, &v);
	json_decref(doc);
	scene_free(s);
}

static void last_root_stays(void **state)
{
	struct scene *s = load("{\"asset\":{\"version\":\"2.0\"},\"scenes\":[{\"nodes\":[0]}],"
			       "\"nodes\":[{\"extras\":{}}]}");

	(void)state;
	assert_int_equal(scene_attach(s, 0, false), -EPERM);
	assert_int_equal(scene_remove(s, 0), -EPERM);
	assert_int_equal(scene_attach(s, 1, true), -ENOENT);
	scene_free(s);
}

static void full(void **state)
{
	struct scene *s = load(SMALL);
	static struct scene_view v[SCENE_MAX_VIEWS + 1];
	unsigned node;
	int err = 0;

	(void)state;
	for (int i = 3; i < SCENE_MAX_NODES; i++)
		err |= scene_add_node(s, json_object(), &node);
	assert_int_equal(err, 0);
	assert_int_equal(scene_add_node(s, json_object(), &node), -ENOSPC);
	for (int i = 0; i < SCENE_MAX_VIEWS; i++)
		assert_int_equal(scene_view_open(s, &v[i]), 0);
	assert_int_equal(scene_view_open(s, &v[SCENE_MAX_VIEWS]), -ENOSPC);
	for (int i = 0; i < SCENE_MAX_VIEWS; i++)
		scene_view_close(s, &v[i]);
	scene_free(s);
}

/* Of a full scene the places of what was removed are given again, the oldest first, and nobody's
 * indices shift. */
static void places_given_again(void **state)
{
	struct scene *s = load(SMALL);
	struct scene_stats st;
	struct scene_view v;
	struct ar_buf out;
	unsigned node = 0;

	(void)state;
	ar_buf_init(&out, SCENE_MAX_BYTES);
	for (int i = 3; i < SCENE_MAX_NODES; i++)
		assert_int_equal(scene_add_node(s, json_object(), &node), 0);
	assert_int_equal(scene_view_open(s, &v), 0);
	assert_int_equal(next(s, &v, 65536, &out), 1);
	assert_int_equal(scene_remove(s, 1) | scene_remove(s, 700) | scene_remove(s, 500), 0);
	scene_get_stats(s, &st);
	assert_int_equal(st.gone, 3);
	assert_int_equal(
		scene_add_node(s,
			json_pack("{s:s, s:[i,i,i]}", "name", "new", "translation", 4, 5, 6),
			&node),
		0);
	assert_int_equal(node, 500);
	assert_int_equal(next(s, &v, 65536, &out), 1);
	ar_buf_add(&out, "", 1);
	assert_non_null(strstr(out.p, "{\"op\":\"replace\",\"path\":\"/nodes/500\",\"value\":{"
				      "\"translation\":[4,5,6]"));
	assert_int_equal(scene_find(s, AR_SPAN("new")), 500);
	assert_int_equal(scene_add_node(s, json_object(), &node), 0);
	assert_int_equal(node, 700);
	/* a node of the file is never another one: behaviors name it */
	assert_int_equal(scene_add_node(s, json_object(), &node), -ENOSPC);
	scene_view_close(s, &v);
	ar_buf_free(&out);
	scene_free(s);
}

static void libraries(void **state)
{
	struct library *l = NULL;
	struct ar_buf why;
	char names[64];

	(void)state;
	ar_buf_init(&why, 4096);
	assert_int_equal(library_load(&l, "/nonexistent", &why), -ENOENT);
	assert_int_equal(library_load(&l, SRC_DIR "/webapp/scenes", &why), 0);
	assert_non_null(strstr(library_names(l, names, sizeof(names)), "default"));
	assert_null(library_find(l, AR_SPAN("../default")));
	ar_buf_reset(&why);
	assert_int_equal(library_add(&l, "default", AR_SPAN(SMALL), &why), -EEXIST);
	assert_int_equal(library_add(&l, "broken", AR_SPAN("{}"), &why), -EINVAL);
	assert_int_equal(library_add(&l, "more", AR_SPAN(SMALL), &why), 0);
	assert_non_null(library_find(l, AR_SPAN("more")));
	library_free(l);
	ar_buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(too_many_nodes),
		cmocka_unit_test(materialised),
		cmocka_unit_test(pose_limits),
		cmocka_unit_test(fixed_point),
		cmocka_unit_test(first_whole_then_patch),
		cmocka_unit_test(own_pose_waits),
		cmocka_unit_test(any_message_size),
		cmocka_unit_test(does_not_fit),
		cmocka_unit_test(structure_changes),
		cmocka_unit_test(journal_overflow),
		cmocka_unit_test(last_root_stays),
		cmocka_unit_test(full),
		cmocka_unit_test(places_given_again),
		cmocka_unit_test(libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
