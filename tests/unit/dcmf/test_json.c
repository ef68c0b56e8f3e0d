/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strict JSON, JSON Pointer (RFC 6901) and JSON Patch (RFC 6902, with its Appendix A). */
#include "mediad/ctl/json_patch.h"
#include "mediad/ctl/json_strict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *load(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!j)
		fail_msg("test data is not JSON: %s", text);
	return j;
}

/* ---- RFC 6902 Appendix A and the sharp corners ---- */

static const struct {
	const char *name, *doc, *patch;
	const char *want; /* NULL: refused */
	int err;
} cases[] = {
	{"A.1 add a member", "{\"foo\":\"bar\"}",
		"[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
		"{\"baz\":\"qux\",\"foo\":\"bar\"}", 0},
	{"A.2 add an element", "{\"foo\":[\"bar\",\"baz\"]}",
		"[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
		"{\"foo\":[\"bar\",\"qux\",\"baz\"]}", 0},
	{"A.3 remove a member", "{\"baz\":\"qux\",\"foo\":\"bar\"}",
		"[{\"op\":\"remove\",\"path\":\"/baz\"}]", "{\"foo\":\"bar\"}", 0},
	{"A.4 remove an element", "{\"foo\":[\"bar\",\"qux\",\"baz\"]}",
		"[{\"op\":\"remove\",\"path\":\"/foo/1\"}]", "{\"foo\":[\"bar\",\"baz\"]}", 0},
	{"A.5 replace", "{\"baz\":\"qux\",\"foo\":\"bar\"}",
		"[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]",
		"{\"baz\":\"boo\",\"foo\":\"bar\"}", 0},
	{"A.6 move a value", "{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"c\":1}}",
		"[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
		"{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"c\":1,\"thud\":\"fred\"}}", 0},
	{"A.7 move an element", "{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}",
		"[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]",
		"{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}", 0},
	{"A.8 test, success", "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
		"[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},"
		"{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
		"{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}", 0},
	{"A.9 test, error", "{\"baz\":\"qux\"}",
		"[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", NULL, -ECANCELED},
	{"A.10 nested", "{\"foo\":\"bar\"}",
		"[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grandchild\":{}}}]",
		"{\"foo\":\"bar\",\"child\":{\"grandchild\":{}}}", 0},
	{"A.11 unknown members", "{\"foo\":\"bar\"}",
		"[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"xyz\":123}]",
		"{\"foo\":\"bar\",\"baz\":\"qux\"}", 0},
	{"A.12 nonexistent target", "{\"foo\":\"bar\"}",
		"[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", NULL, -EINVAL},
	{"A.14 escapes", "{\"/\":9,\"~1\":10}",
		"[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]", "{\"/\":9,\"~1\":10}", 0},
	{"A.15 string and number", "{\"/\":9,\"~1\":10}",
		"[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]", NULL, -ECANCELED},
	{"A.16 append", "{\"foo\":[\"bar\"]}",
		"[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\",\"def\"]}]",
		"{\"foo\":[\"bar\",[\"abc\",\"def\"]]}", 0},
	{"numbers by value", "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":1.0}]",
		"{\"a\":1}", 0},
	{"replace needs a target", "{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":1}]", NULL,
		-EINVAL},
	{"replace has no end", "[1]", "[{\"op\":\"replace\",\"path\":\"/-\",\"value\":1}]", NULL,
		-EINVAL},
	{"index past the end", "[1]", "[{\"op\":\"add\",\"path\":\"/2\",\"value\":1}]", NULL,
		-EINVAL},
	{"index at the end", "[1]", "[{\"op\":\"add\",\"path\":\"/1\",\"value\":2}]", "[1,2]", 0},
	{"leading zero", "[1,2]", "[{\"op\":\"remove\",\"path\":\"/00\"}]", NULL, -EINVAL},
	{"negative index", "[1,2]", "[{\"op\":\"remove\",\"path\":\"/-1\"}]", NULL, -EINVAL},
	{"huge index", "[1]", "[{\"op\":\"remove\",\"path\":\"/99999999999999999999\"}]", NULL,
		-EINVAL},
	{"bad escape", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/~2\"}]", NULL, -EINVAL},
	{"escape at the end", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/~\"}]", NULL, -EINVAL},
	{"no slash", "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"a\"}]", NULL, -EINVAL},
	{"whole document", "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":[2]}]", "[2]",
		0},
	{"into itself", "{\"a\":{\"b\":1}}",
		"[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL, -EINVAL},
	{"move onto itself", "{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]",
		"{\"a\":1}", 0},
	{"prefix is not inside", "{\"a\":1,\"ab\":{}}",
		"[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/ab/c\"}]", "{\"ab\":{\"c\":1}}", 0},
	{"copy", "{\"a\":[1]}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]",
		"{\"a\":[1],\"b\":[1]}", 0},
	{"copy of nothing", "{}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]", NULL,
		-EINVAL},
	{"null is a value", "{}", "[{\"op\":\"add\",\"path\":\"/a\",\"value\":null}]",
		"{\"a\":null}", 0},
	{"no value", "{}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL, -EINVAL},
	{"no op", "{}", "[{\"path\":\"/a\",\"value\":1}]", NULL, -EINVAL},
	{"unknown op", "{}", "[{\"op\":\"spam\",\"path\":\"/a\",\"value\":1}]", NULL, -EINVAL},
	{"op is no object", "{}", "[1]", NULL, -EINVAL},
	{"patch is no array", "{}", "{\"op\":\"add\"}", NULL, -EINVAL},
	{"path is no string", "{}", "[{\"op\":\"add\",\"path\":1,\"value\":1}]", NULL, -EINVAL},
	{"empty patch", "{\"a\":1}", "[]", "{\"a\":1}", 0},
	{"empty key", "{\"\":1}", "[{\"op\":\"replace\",\"path\":\"/\",\"value\":2}]", "{\"\":2}",
		0},
	{"atomic", "{\"a\":1}",
		"[{\"op\":\"replace\",\"path\":\"/a\",\"value\":2},{\"op\":\"remove\",\"path\":\"/"
		"b\"}]",
		NULL, -EINVAL},
};

static void patch_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = load(cases[i].doc), *before = load(cases[i].doc);
		json_t *patch = load(cases[i].patch);
		json_t *want = load(cases[i].want ? cases[i].want : cases[i].doc);
		struct json_patch_error err = {.why = NULL};
		int rc = json_patch_apply(&doc, patch, &err);

		if (rc != cases[i].err || !json_equal(doc, want))
			fail_msg("%s: %d (%s)", cases[i].name, rc, err.why ? err.why : "-");
		if (rc)
			assert_non_null(err.why);
		json_decref(doc);
		json_decref(before);
		json_decref(patch);
		json_decref(want);
	}
}

static void patch_tells_where(void **state)
{
	json_t *doc = load("{\"a\":1}");
	json_t *patch = load("[{\"op\":\"test\",\"path\":\"/a\",\"value\":1},"
			     "{\"op\":\"remove\",\"path\":\"/nothing\"}]");
	struct json_patch_error err;

	(void)state;
	assert_int_equal(json_patch_apply(&doc, patch, &err), -EINVAL);
	assert_int_equal(err.op, 1);
	assert_string_equal(err.path, "/nothing");
	json_decref(doc);
	json_decref(patch);
}

/* Thirty copies of a document into itself would be 2^30 values. */
static void patch_bomb(void **state)
{
	json_t *doc = load("{\"a\":[1,2,3,4,5,6,7,8]}"), *patch = json_array();
	struct json_patch_error err;

	(void)state;
	for (int i = 0; i < 30; i++)
		json_array_append_new(patch,
			json_pack("{s:s, s:s, s:s}", "op", "copy", "from", "/a", "path", "/a/-"));
	assert_int_equal(json_patch_apply(&doc, patch, &err), -EINVAL);
	json_decref(patch);
	patch = json_array();
	for (int i = 0; i <= JSON_PATCH_MAX_OPS; i++)
		json_array_append_new(patch,
			json_pack("{s:s, s:s, s:i}", "op", "test", "path", "/b", "value", 1));
	assert_int_equal(json_patch_apply(&doc, patch, &err), -E2BIG);
	json_decref(patch);
	json_decref(doc);
}

/* One long text is one value, but copies of it fill the memory as well. */
static void patch_text_bomb(void **state)
{
	json_t *doc = json_object(), *patch = json_array();
	struct json_patch_error err;
	char text[100001], path[32];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	json_object_set_new(doc, "a", json_string(text));
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/b%d", i);
		json_array_append_new(patch,
			json_pack("{s:s, s:s, s:s}", "op", "copy", "from", "/a", "path", path));
	}
	assert_int_equal(json_patch_apply(&doc, patch, &err), -EINVAL);
	assert_in_range(err.op, 10, 100);
	json_decref(patch);
	json_decref(doc);
}

static void size_limits(void **state)
{
	json_t *doc = load("{\"a\":[[\"1234567890\"]]}");

	(void)state;
	assert_true(json_strict_fits(doc, 3, 100));
	assert_false(json_strict_fits(doc, 2, 100));
	assert_true(json_strict_fits(doc, 3, 19));
	assert_false(json_strict_fits(doc, 3, 18));
	json_decref(doc);
}

/* Deeper and deeper by copying: the copies' depth is limited before the stack is. */
static void patch_depth(void **state)
{
	json_t *doc = load("{\"a\":[]}"), *patch = json_array();
	struct json_patch_error err;

	(void)state;
	for (int i = 0; i < 200; i++) {
		json_array_append_new(patch,
			json_pack("{s:s, s:s, s:s}", "op", "copy", "from", "/a", "path", "/a/0"));
	}
	assert_int_equal(json_patch_apply(&doc, patch, &err), -EINVAL);
	json_decref(patch);
	json_decref(doc);
}

/* ---- the suite that the JSON Patch libraries share (npm, tests/suites) ---- */

static void suite_case(const char *file, size_t i, const json_t *c)
{
	const char *comment = json_string_value(json_object_get(c, "comment"));
	json_t *want = json_object_get(c, "expected"), *doc, *before;
	bool must_fail = json_object_get(c, "error") != NULL;
	struct json_patch_error err = {.why = NULL};
	int rc;

	if (json_is_true(json_object_get(c, "disabled")) || !json_object_get(c, "patch"))
		return;
	doc = json_deep_copy(json_object_get(c, "doc"));
	before = json_deep_copy(doc);
	rc = json_patch_apply(&doc, json_object_get(c, "patch"), &err);
	if ((rc != 0) != must_fail || (rc && !json_equal(doc, before)) ||
		(!rc && want && !json_strict_same(doc, want)))
		fail_msg("%s %zu (%s): %d %s", file, i, comment ? comment : "", rc,
			err.why ? err.why : "");
	json_decref(doc);
	json_decref(before);
}

static void shared_suite(void **state)
{
	static const char *const files[] = {"tests.json", "spec_tests.json"};
	char path[512];
	size_t n = 0;

	(void)state;
	for (unsigned f = 0; f < 2; f++) {
		json_t *list, *c;
		size_t i;

		snprintf(path, sizeof(path),
			SRC_DIR "/tests/suites/node_modules/json-patch-test-suite/%s", files[f]);
		list = json_load_file(path, JSON_DECODE_ANY, NULL);
		if (!list)
			skip(); /* not installed */
		json_array_foreach(list, i, c)
		{
			suite_case(files[f], i, c);
			n++;
		}
		json_decref(list);
	}
	assert_true(n > 80);
}

/* ---- strict JSON ---- */

static void strict(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		const char *why;
	} all[] = {{"{}", true, NULL}, {"[1,2]", true, NULL}, {"", false, "empty"},
		{"{\"a\":1,\"a\":2}", false, "duplicate"}, {"{\"a\":}", false, "line 1"},
		{"{} x", false, "end of file"}, {"{\"a\":\"\xff\"}", false, "decode"},
		{"[[[[1]]]]", true, NULL}, {"[[[[[1]]]]]", false, "deeper"},
		{"[\"[[[[[[[[\"]", true, NULL}, {"[\"\\\"[[[[[[[[\"]", true, NULL},
		{"[NaN]", false, "line 1"}, {"{\"a\":1e999}", false, "line 1"}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct json_strict_error err = {""};
		json_t *j = json_strict_load(ar_span_str(all[i].text), 4, &err);

		if ((j != NULL) != all[i].ok)
			fail_msg("%s: %s", all[i].text, err.why);
		if (all[i].why && !strstr(err.why, all[i].why))
			fail_msg("%s: said '%s', not '%s'", all[i].text, err.why, all[i].why);
		json_decref(j);
	}
}

static void sameness(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} all[] = {{"1", "1.0", true}, {"1", "\"1\"", false}, {"[1,2]", "[2,1]", false},
		{"{\"a\":1,\"b\":2}", "{\"b\":2.0,\"a\":1}", true}, {"{\"a\":1}", "{}", false},
		{"null", "false", false}, {"true", "true", true}, {"[]", "{}", false},
		{"{\"a\":null}", "{\"b\":null}", false},
		{"9007199254740993", "9007199254740992", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		json_t *a = load(all[i].a), *b = load(all[i].b);

		if (json_strict_same(a, b) != all[i].same)
			fail_msg("%s and %s", all[i].a, all[i].b);
		json_decref(a);
		json_decref(b);
	}
	assert_true(json_strict_same(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patch_cases),
		cmocka_unit_test(patch_tells_where),
		cmocka_unit_test(patch_bomb),
		cmocka_unit_test(patch_text_bomb),
		cmocka_unit_test(size_limits),
		cmocka_unit_test(patch_depth),
		cmocka_unit_test(shared_suite),
		cmocka_unit_test(strict),
		cmocka_unit_test(sameness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
