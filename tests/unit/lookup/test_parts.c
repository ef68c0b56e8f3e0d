/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pure parts: templates, Redis words, JSON Pointers, the cache. */
#include "asd/lookup/cache.h"
#include "asd/lookup/json_value.h"
#include "asd/lookup/lookup_int.h"
#include "asd/lookup/redis_args.h"
#include "asd/lookup/template.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct lookup_query query(const char *caller, const char *callee)
{
	struct lookup_query q = {.callid = AR_SPAN("1 2@x"), .source = AR_SPAN("192.0.2.1:5060")};

	policy_party_set(&q.caller, ar_span_str(caller));
	policy_party_set(&q.callee, ar_span_str(callee));
	return q;
}

/* The text, or the error as "!" and a number. */
static const char *fill(const char *text, const struct lookup_query *q, enum template_escape e)
{
	static char out[2048];
	struct template t;
	struct ar_buf b;
	char why[400];
	int err;

	if (template_parse(&t, ar_span_str(text), why, sizeof(why)) != 0) {
		snprintf(out, sizeof(out), "!%s", why);
		return out;
	}
	ar_buf_init(&b, LOOKUP_MAX_REQUEST);
	err = template_fill(&t, q, e, &b);
	if (err)
		snprintf(out, sizeof(out), "!%d", err);
	else
		snprintf(out, sizeof(out), "%.*s", (int)b.n, b.p ? b.p : "");
	ar_buf_free(&b);
	return out;
}

static void templates(void **state)
{
	struct lookup_query q = query("sip:al ice@Ims.Example", "tel:+49301;phone-context=x");
	char none[20];

	(void)state;
	snprintf(none, sizeof(none), "!%d", -ENODATA);
	assert_string_equal(fill("", &q, TEMPLATE_URL), "");
	assert_string_equal(fill("/plain", &q, TEMPLATE_URL), "/plain");
	assert_string_equal(
		fill("/{caller.user}/{caller.host}", &q, TEMPLATE_URL), "/al%20ice/Ims.Example");
	assert_string_equal(fill("{caller.user}{caller.user}", &q, TEMPLATE_RAW), "al iceal ice");
	assert_string_equal(fill("{caller.uri}", &q, TEMPLATE_URL), "sip%3Aal%20ice%40Ims.Example");
	assert_string_equal(fill("{callid}|{source}", &q, TEMPLATE_RAW), "1 2@x|192.0.2.1:5060");
	assert_string_equal(fill("{callee.host}", &q, TEMPLATE_URL), none);
	assert_string_equal(fill("{asserted.user}", &q, TEMPLATE_URL), none);
	assert_non_null(
		strstr(fill("/{caller.name}", &q, TEMPLATE_URL), "{caller.name} is not known"));
	assert_non_null(strstr(fill("/{caller.user", &q, TEMPLATE_URL), "{ without its }"));
	assert_non_null(
		strstr(fill("/{}", &q, TEMPLATE_URL), "is not known; there are {caller.uri}"));
	assert_string_equal(fill("/}x", &q, TEMPLATE_URL), "/}x");
}

static void what_cannot_stand_there(void **state)
{
	char bad[20], full[20], uri[400];
	struct lookup_query q;

	(void)state;
	snprintf(bad, sizeof(bad), "!%d", -EINVAL);
	snprintf(full, sizeof(full), "!%d", -ENOBUFS);
	q = query("sip:..@h", "sip:.@h");
	assert_string_equal(fill("/{caller.user}", &q, TEMPLATE_URL), bad);
	assert_string_equal(fill("/{callee.user}", &q, TEMPLATE_URL), bad);
	assert_string_equal(fill("k:{callee.user}", &q, TEMPLATE_RAW), "k:.");
	snprintf(uri, sizeof(uri), "sip:%0257d@h", 1);
	q = query(uri, uri);
	assert_string_equal(fill("/{caller.user}", &q, TEMPLATE_URL), bad);
	q.caller.user = (struct ar_span){"a\0b", 3};
	assert_string_equal(fill("{caller.user}", &q, TEMPLATE_RAW), bad);
	snprintf(uri, sizeof(uri), "sip:%0256d@h", 1);
	q = query(uri, uri);
	assert_string_equal(
		fill("{caller.user}{caller.user}{caller.user}{caller.user}{caller.host}", &q,
			TEMPLATE_RAW),
		full);
}

static void too_many_places(void **state)
{
	char text[600] = "";
	struct template t;
	char why[400];

	(void)state;
	for (unsigned i = 0; i < TEMPLATE_MAX_PARTS; i++)
		strcat(text, "{caller.user}");
	assert_int_equal(template_parse(&t, ar_span_str(text), why, sizeof(why)), 0);
	assert_true(template_varies(&t));
	strcat(text, "x");
	assert_int_equal(template_parse(&t, ar_span_str(text), why, sizeof(why)), -EINVAL);
	assert_int_equal(template_parse(&t, AR_SPAN("no place"), why, sizeof(why)), 0);
	assert_false(template_varies(&t));
}

static void redis_words(void **state)
{
	struct lookup_query q = query("sip:a b\r\nDEL x@h", "sip:bob@h");
	const char *argv[REDIS_MAX_ARGS];
	size_t len[REDIS_MAX_ARGS];
	struct redis_args a;
	struct ar_buf b;
	char why[400];

	(void)state;
	assert_int_equal(
		redis_args_parse(&a, " HGET  sub:{caller.user} tier ", why, sizeof(why)), 0);
	assert_int_equal(a.n, 3);
	ar_buf_init(&b, LOOKUP_MAX_REQUEST);
	assert_int_equal(redis_args_fill(&a, &q, &b), 0);
	assert_int_equal(redis_args_split(ar_buf_span(&b), argv, len), 3);
	assert_int_equal(len[0], 4);
	assert_memory_equal(argv[0], "HGET", 4);
	assert_int_equal(len[1], strlen("sub:a b\r\nDEL x")); /* one word still */
	assert_memory_equal(argv[1], "sub:a b\r\nDEL x", len[1]);
	assert_memory_equal(argv[2], "tier", 4);
	for (size_t n = 0; n < b.n; n++) { /* cut short: nothing beyond is read */
		char *copy = malloc(n + 1);

		memcpy(copy, b.p, n);
		assert_true(redis_args_split((struct ar_span){copy, n}, argv, len) < 3);
		free(copy);
	}
	ar_buf_free(&b);
}

static void redis_words_refused(void **state)
{
	static const char *const bad[] = {"", "  ", "{caller.user} x", "SUBSCRIBE x", "monitor",
		"GET {caller.nose}", "MGET 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"};
	struct redis_args a;
	char why[400];

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why[0] = '\0';
		assert_int_equal(redis_args_parse(&a, bad[i], why, sizeof(why)), -EINVAL);
		assert_true(why[0] != '\0');
	}
}

/* RFC 6901 5 */
static void pointers(void **state)
{
	static const struct {
		const char *pointer, *want;
	} cases[] = {{"/foo/0", "bar"}, {"/foo/1", "baz"}, {"/foo/2", NULL}, {"/foo/01", NULL},
		{"/foo/-", NULL}, {"/", "0"}, {"/a~1b", "1"}, {"/c%d", "2"}, {"/m~0n", "8"},
		{"/m~2n", NULL}, {"/m~", NULL}, {"/foo", "[\"bar\",\"baz\"]"}, {"/no", NULL},
		{"/foo/0/x", NULL}, {"/deep/er/est", "true"}, {"/nothing", NULL}, {"", NULL}};
	struct ar_span doc =
		AR_SPAN("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8,"
			"\"deep\":{\"er\":{\"est\":true}},\"nothing\":null}");
	char *text;
	size_t n;

	(void)state;
	for (unsigned i = 0; i + 1 < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = json_value_read(doc, cases[i].pointer, &text, &n);

		if (!cases[i].want) {
			assert_int_equal(err, -ENODATA);
			continue;
		}
		assert_int_equal(err, 0);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(n, strlen(text));
		free(text);
	}
}

static void bodies(void **state)
{
	char *text, deep[5000], pointer[600] = "/";
	size_t n;

	(void)state;
	assert_int_equal(json_value_read(AR_SPAN(" gold\r\n"), NULL, &text, &n), 0);
	assert_string_equal(text, "gold");
	free(text);
	/* with a NUL in it: all of it, so that it is seen to be no text */
	assert_int_equal(json_value_read((struct ar_span){"a\0b", 3}, NULL, &text, &n), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(text, "a\0b", 4);
	free(text);
	assert_int_equal(json_value_read(AR_SPAN(" \r\n"), NULL, &text, &n), -ENODATA);
	assert_int_equal(json_value_read(AR_SPAN_NONE, "/a", &text, &n), -EBADMSG);
	assert_int_equal(json_value_read(AR_SPAN("\"x\""), "", &text, &n), 0); /* the document */
	assert_string_equal(text, "x");
	free(text);
	assert_int_equal(json_value_read(AR_SPAN("{\"a\":1}x"), "/a", &text, &n), -EBADMSG);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(json_value_read(ar_span_str(deep), "/0", &text, &n), -EBADMSG);
	memset(pointer + 1, 'k', sizeof(pointer) - 2);
	pointer[sizeof(pointer) - 1] = '\0';
	assert_int_equal(json_value_read(AR_SPAN("{}"), pointer, &text, &n), -ENODATA);
}

static void fit_to_be_a_fact(void **state)
{
	char long_text[LOOKUP_MAX_VALUE + 2];

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	assert_null(lookup_text_bad(AR_SPAN("gold")));
	assert_null(lookup_text_bad(AR_SPAN("")));
	assert_null(lookup_text_bad(AR_SPAN("Gr\xc3\xb6\xc3\x9f"
					    "e")));
	assert_null(lookup_text_bad((struct ar_span){long_text, LOOKUP_MAX_VALUE}));
	assert_string_equal(
		lookup_text_bad((struct ar_span){long_text, LOOKUP_MAX_VALUE + 1}), "too long");
	assert_non_null(lookup_text_bad(AR_SPAN("a\nb")));
	assert_non_null(lookup_text_bad(AR_SPAN("a\0b")));
	assert_non_null(lookup_text_bad(AR_SPAN("\x7f")));
	assert_non_null(lookup_text_bad(AR_SPAN("\xff\xfe"))); /* not UTF-8 */
}

static const uint64_t key[2] = {1, 2};

static void cache_keeps_and_forgets(void **state)
{
	const struct cache_entry *e;
	struct cache c;

	(void)state;
	assert_int_equal(cache_init(&c, 100, key), 0);
	assert_null(cache_get(&c, AR_SPAN("a"), 5));
	cache_put(&c, AR_SPAN("a"), AR_SPAN("1"), 10);
	cache_put(&c, AR_SPAN("b"), AR_SPAN_NONE, 10);
	e = cache_get(&c, AR_SPAN("a"), 9);
	assert_non_null(e);
	assert_true(ar_span_eq(cache_value(e), AR_SPAN("1")));
	assert_false(e->none);
	e = cache_get(&c, AR_SPAN("b"), 9);
	assert_true(e && e->none);
	assert_null(cache_get(&c, AR_SPAN("a"), 10)); /* its time is over */
	cache_put(&c, AR_SPAN("a"), AR_SPAN("longer"), 20);
	e = cache_get(&c, AR_SPAN("a"), 19);
	assert_true(e && ar_span_eq(cache_value(e), AR_SPAN("longer")));
	assert_int_equal(c.n, 2);
	assert_int_equal(c.hits, 3);
	cache_free(&c);
}

static void cache_is_bounded(void **state)
{
	struct cache c;
	char name[20];

	(void)state;
	assert_int_equal(cache_init(&c, 64, key), 0);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		cache_put(&c, ar_span_str(name), AR_SPAN("x"), 100);
		assert_non_null(cache_get(&c, ar_span_str(name), 1)); /* the newest is there */
	}
	assert_int_equal(c.n, 64);
	assert_int_equal(c.evictions, 10000 - 64);
	cache_free(&c);
	assert_int_equal(cache_init(&c, 0, key), 0); /* none at all */
	cache_put(&c, AR_SPAN("a"), AR_SPAN("1"), 10);
	assert_null(cache_get(&c, AR_SPAN("a"), 1));
	cache_free(&c);
}

/* What is asked for stays when a set is full. */
static void cache_drops_the_oldest(void **state)
{
	struct cache c;
	char name[20];

	(void)state;
	assert_int_equal(cache_init(&c, CACHE_WAYS, key), 0);
	cache_put(&c, AR_SPAN("dear"), AR_SPAN("1"), 100);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		cache_put(&c, ar_span_str(name), AR_SPAN("x"), 100);
		assert_non_null(cache_get(&c, AR_SPAN("dear"), 1));
	}
	cache_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(templates),
		cmocka_unit_test(what_cannot_stand_there), cmocka_unit_test(too_many_places),
		cmocka_unit_test(redis_words), cmocka_unit_test(redis_words_refused),
		cmocka_unit_test(pointers), cmocka_unit_test(bodies),
		cmocka_unit_test(fit_to_be_a_fact), cmocka_unit_test(cache_keeps_and_forgets),
		cmocka_unit_test(cache_is_bounded), cmocka_unit_test(cache_drops_the_oldest)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
