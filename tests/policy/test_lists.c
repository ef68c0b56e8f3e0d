/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asd/policy/lists.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static char dir[] = "/tmp/test_lists.XXXXXX";
static char path[64];

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.list", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove(path);
	return remove(dir);
}

static void write_file(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static const struct policy_list *read_list(struct lists *ls, const char *text)
{
	const struct policy_list *l = NULL;
	char why[256] = "";

	lists_init(ls, 1000, 100000);
	write_file(text, strlen(text));
	if (lists_open(ls, path, false, &l, why, sizeof(why)) != 0)
		print_error("%s\n", why);
	assert_non_null(l);
	return l;
}

static bool party(const struct policy_list *l, const char *user, const char *host)
{
	return list_has_party(l, ar_span_str(user), ar_span_str(host));
}

static void test_forms(void **state)
{
	struct lists ls;
	const struct policy_list *l = read_list(&ls, "# comment\n"
						     "alice@IMS.example   # her\r\n"
						     "\n"
						     "sip:bob@ims.example\n"
						     "@Spam.example\n"
						     "@*.sub.example\n"
						     "+4930123\n"
						     "tel:+4930999\n"
						     "+4990*\n"
						     "carol");

	(void)state;
	assert_int_equal(list_size(l), 8);
	assert_true(party(l, "alice", "ims.example"));
	assert_true(party(l, "alice", "IMS.EXAMPLE"));
	assert_false(party(l, "Alice", "ims.example"));
	assert_false(party(l, "alice", "other.example"));
	assert_false(party(l, "alice", NULL));
	assert_true(party(l, "bob", "ims.example"));
	assert_true(party(l, "anyone", "spam.example"));
	assert_true(party(l, NULL, "SPAM.example"));
	assert_false(party(l, "anyone", "x.spam.example"));
	assert_true(party(l, "anyone", "a.b.sub.example"));
	assert_false(party(l, "anyone", "sub.example"));
	assert_false(party(l, "anyone", "xsub.example"));
	assert_true(party(l, "+4930123", NULL));
	assert_true(party(l, "+4930123", "gw.example"));
	assert_false(party(l, "+49301234", NULL));
	assert_true(party(l, "+4930999", NULL));
	assert_true(party(l, "+4990", NULL));
	assert_true(party(l, "+499012345", "x"));
	assert_false(party(l, "+499", NULL));
	assert_true(party(l, "carol", "anywhere"));
	assert_false(party(l, "", ""));
	assert_false(party(l, NULL, NULL));
	assert_true(list_has(l, AR_SPAN("sip:alice@ims.EXAMPLE")));
	assert_true(list_has(l, AR_SPAN("+4990777")));
	assert_false(list_has(l, AR_SPAN("ims.example")));
	lists_free(&ls);
}

/* Long strangers' texts are no match, and no overrun. */
static void test_long(void **state)
{
	struct lists ls;
	const struct policy_list *l = read_list(&ls, "a*\n@b\n");
	char text[5000];
	struct ar_span s = {text, sizeof(text)};

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_false(list_has(l, s));
	assert_false(list_has_party(l, s, s));
	s.n = 255;
	assert_true(list_has(l, s));
	s.n = 254;
	assert_true(list_has_party(l, s, s));
	lists_free(&ls);
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"a\nb c\n", "x.list:2: blank"},
		{"a\tb\n", "x.list:1: blank"},
		{"\n\nal*ice\n", "x.list:3: '*'"},
		{"alice@*\n", "x.list:1: '*'"},
		{"@\n", "x.list:1: '*'"},
		{"<sip:a@b>\n", "x.list:1: URI parameters"},
		{"sip:a@b;user=phone\n", "x.list:1: URI parameters"},
	};
	const struct policy_list *l;
	struct lists ls;
	char why[256], text[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		lists_init(&ls, 1000, 100000);
		write_file(bad[i].text, strlen(bad[i].text));
		assert_int_equal(lists_open(&ls, path, false, &l, why, sizeof(why)), -EINVAL);
		if (!strstr(why, bad[i].says))
			print_error("%s\n", why);
		assert_non_null(strstr(why, bad[i].says));
		assert_int_equal(ls.n, 0);
		lists_free(&ls);
	}
	memset(text, 'x', sizeof(text));
	write_file(text, sizeof(text));
	lists_init(&ls, 1000, 100000);
	assert_int_equal(lists_open(&ls, path, false, &l, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "over 255"));
	lists_free(&ls);
}

static void test_bounds(void **state)
{
	const struct policy_list *l, *again;
	struct lists ls;
	char why[256];

	(void)state;
	write_file("a\nb\nc\n", 6);
	lists_init(&ls, 2, 100);
	assert_int_equal(lists_open(&ls, path, false, &l, why, sizeof(why)), -E2BIG);
	assert_non_null(strstr(why, "x.list:3: more than 2"));
	lists_free(&ls);
	lists_init(&ls, 10, 5);
	assert_int_equal(lists_open(&ls, path, false, &l, why, sizeof(why)), -EFBIG);
	lists_free(&ls);
	lists_init(&ls, 10, 10);
	assert_int_equal(lists_open(&ls, "/nowhere/x.list", false, &l, why, sizeof(why)), -ENOENT);
	assert_int_equal(lists_open(&ls, dir, false, &l, why, sizeof(why)), -EISDIR);
	assert_int_equal(lists_open(&ls, path, false, &l, why, sizeof(why)), 0);
	assert_int_equal(lists_open(&ls, path, false, &again, why, sizeof(why)), 0);
	assert_ptr_equal(l, again); /* read once, counted once */
	assert_int_equal(ls.entries, 3);
	lists_free(&ls);
}

static struct ar_span value(const struct policy_list *l, const char *user, const char *host)
{
	return list_party_value(l, ar_span_str(user), ar_span_str(host));
}

static void test_map(void **state)
{
	static const char text[] = "alice@ims.example\tgold # comment\n"
				   "alice   anywhere, with blanks\n"
				   "+49* de\n+4930* berlin\n+4930123 one\n"
				   "@ims.example basic\n@*.example sub\n@*.ims.example near\n";
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"alice\n", "x.list:1: no value"},
		{"a 1\nb 2\na 3\n", "x.list:3: this key is in the file already"},
		{"a x\x01y\n", "x.list:1: control character"},
	};
	const struct policy_list *l = NULL;
	struct lists ls;
	char why[256];
	size_t i;

	(void)state;
	write_file(text, strlen(text));
	lists_init(&ls, 1000, 100000);
	assert_int_equal(lists_open(&ls, path, true, &l, why, sizeof(why)), 0);
	assert_true(ar_span_eq(value(l, "alice", "IMS.example"), AR_SPAN("gold")));
	assert_true(ar_span_eq(value(l, "alice", "x"), AR_SPAN("anywhere, with blanks")));
	assert_true(ar_span_eq(value(l, "+4930123", NULL), AR_SPAN("one")));
	assert_true(ar_span_eq(value(l, "+4930124", NULL), AR_SPAN("berlin")));
	assert_true(ar_span_eq(value(l, "+4940", "ims.example"), AR_SPAN("de")));
	assert_true(ar_span_eq(value(l, "bob", "ims.example"), AR_SPAN("basic")));
	assert_true(ar_span_eq(value(l, "bob", "a.ims.example"), AR_SPAN("near")));
	assert_true(ar_span_eq(value(l, "bob", "b.a.example"), AR_SPAN("sub")));
	assert_null(value(l, "bob", "elsewhere").p);
	assert_true(ar_span_eq(list_value(l, AR_SPAN("+49")), AR_SPAN("de")));
	lists_free(&ls);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		write_file(bad[i].text, strlen(bad[i].text));
		lists_init(&ls, 1000, 100000);
		assert_int_equal(lists_open(&ls, path, true, &l, why, sizeof(why)), -EINVAL);
		assert_memory_equal(why, bad[i].says, strlen(bad[i].says));
		lists_free(&ls);
	}
}

static void test_many(void **state)
{
	const struct policy_list *l;
	struct lists ls;
	char why[256], s[32];
	FILE *f = fopen(path, "w");
	int i;

	(void)state;
	for (i = 0; i < 100000; i++)
		fprintf(f, "+49%06d\nu%d@d%d.example\n", i, i, i % 1000);
	fclose(f);
	lists_init(&ls, 1000000, 64 << 20);
	assert_int_equal(lists_open(&ls, path, false, &l, why, sizeof(why)), 0);
	assert_int_equal(list_size(l), 200000);
	for (i = 0; i < 200000; i++) {
		snprintf(s, sizeof(s), "+49%06d", i);
		assert_int_equal(list_has_party(l, ar_span_str(s), AR_SPAN_NONE), i < 100000);
	}
	lists_free(&ls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
