/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ar_json beside jansson, on what the protocols say and on what nobody should. */
#include "cmocka_all.h"

#include "common/ar_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void same(const char *text, size_t n, size_t flags)
{
	json_error_t ea = {.line = -5}, eb = {.line = -5};
	json_t *b = json_loadb(text, n, flags, &eb);
	json_t *a = ar_json_load((struct ar_span){text, n}, flags, &ea);

	if (!a != !b || (a && !json_equal(a, b)))
		fail_msg("%.*s: %s here, %s there", (int)n, text, a ? "taken" : "refused",
			b ? "taken" : "refused");
	if (!a) {
		assert_string_equal(ea.text, eb.text);
		assert_int_equal(ea.position, eb.position);
	} else {
		char *x = ar_json_text(a), *y = json_dumps(b, JSON_COMPACT);

		assert_string_equal(x, y);
		free(x);
		free(y);
	}
	json_decref(a);
	json_decref(b);
}

static void reads_what_jansson_reads(void **state)
{
	static const char *const texts[] = {"{}", "[]", " { } ", "[ ]", "\t[\r\n1 , 2 ]\n",
		"{\"a\":1,\"b\":[true,false,null]}", "{\"a\" : {\"b\" : {\"c\" : \"d\"}}}",
		"[0,1,-1,-0,00,01,-,1.,.5,1.5]", "[0]", "[-0]", "[-0.0]", "[0.0]", "[00]", "[01]",
		"[-]", "[1.]", "[.5]", "[1.5]", "[-12.25]", "[0.1]", "[0.30000000000000004]",
		"[123456789.123456]", "[3.14159265358979]", "[1e5]", "[1E-5]", "[1.5e300]",
		"[1e999]", "[1.2.3]", "[123456789012345]", "[1234567890123456]",
		"[9223372036854775807]", "[9223372036854775808]", "[-9223372036854775808]",
		"[99999999999999999999999999]",
		"[1234567890123456789012345678901234567890.1234567890123456789]", "[1x]", "[+1]",
		"[\"\"]", "[\"plain\"]",
		"[\"exactly8\",\"exactly 16 chars\",\"12345678\\n12345678\"]",
		"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "[\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"]",
		"[\"\\ud83d\"]", "[\"\\u0000\"]", "[\"\\x\"]", "[\"\\\"]", "[\"a\tb\"]", "[\"open",
		"[\"\x7f\"]", "[\"gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac\"]", "[\"\xff\"]",
		"[\"\xc3\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]", "[\"12345678\xff 12345678\"]",
		"{\"\":1}", "{\"a\":1,\"a\":2}", "{\"a\\n\":1}", "{\"\xc3\xa9\":1}", "{\"\xff\":1}",
		"{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[,1]", "[1 2]",
		"{\"a\":1 \"b\":2}", "[1", "{\"a\":1", "[}", "{]", "[]]", "[] x", "{} {}", "true",
		"1", "\"a\"", "null", " ", "nul", "[nul]", "[nulll]", "[truefalse]", "[True]", "//",
		"[1]\f", "\xef\xbb\xbf[]"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		same(texts[i], strlen(texts[i]), 0);
		same(texts[i], strlen(texts[i]), JSON_REJECT_DUPLICATES);
	}
	same("[1\0]", 4, 0);
	same("[\"a\0b\"]", 7, 0);
	same("", 0, 0);
}

static void every_byte_in_a_string_at_every_place(void **state)
{
	char text[32];

	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t at = 2; at < 20; at++) {
			memset(text, 'x', sizeof(text));
			memcpy(text, "[\"", 2);
			memcpy(text + 20, "\"]", 2);
			text[at] = (char)c;
			same(text, 22, 0);
		}
	}
}

static void deep_nesting(void **state)
{
	char text[5000];

	(void)state;
	for (size_t n = 60; n < 2100; n += n < 70 ? 1 : 400) {
		memset(text, '[', n);
		memset(text + n, ']', n);
		same(text, 2 * n, 0);
		same(text, n, 0);
	}
}

static uint64_t seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static json_t *random_text(void)
{
	static const char *const parts[] = {"a=mid:1", "\r\n", "\"", "\\", "\x01", "/", "\x7f",
		"\xc3\xa9", "m=audio 9 RTP/AVP 0", "\t", ""};
	char s[200] = "";

	for (unsigned n = pick(8); n; n--)
		strcat(s, parts[pick(sizeof(parts) / sizeof(parts[0]))]);
	return json_string(s);
}

static json_t *random_value(unsigned depth)
{
	json_t *j;
	char key[24];

	switch (pick(depth ? 8 : 6)) {
	case 0:
		return json_integer(
			(json_int_t)(((uint64_t)pick(1u << 31) << 32) | pick(1u << 31)));
	case 1:
		return json_integer((json_int_t)pick(2000) - 1000);
	case 2:
		return json_real((double)((int)pick(200000) - 100000) / (1 + pick(1000)));
	case 3:
		return pick(2) ? json_true() : json_null();
	case 4:
	case 5:
		return random_text();
	case 6:
		j = json_array();
		for (unsigned n = pick(5); n; n--)
			json_array_append_new(j, random_value(depth - 1));
		return j;
	default:
		j = json_object();
		for (unsigned n = pick(6); n; n--) {
			snprintf(key, sizeof(key), "k%u", pick(1000));
			json_object_set_new(j, key, random_value(depth - 1));
		}
		return j;
	}
}

/* Written, and read again: the same; and with one byte changed, whatever jansson makes of it. */
static void random_documents(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		json_t *j = json_array();
		char *text;
		size_t n;

		json_array_append_new(j, random_value(5));
		text = ar_json_text(j);
		assert_non_null(text);
		n = strlen(text);
		same(text, n, 0);
		text[pick((unsigned)n)] = (char)pick(256);
		same(text, n, JSON_REJECT_DUPLICATES);
		free(text);
		json_decref(j);
	}
}

static int append(const char *text, size_t n, void *arg)
{
	return ar_buf_add(arg, text, n);
}

static void reals_as_short_as_asked_for(void **state)
{
	const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(9);
	struct ar_buf a, b;

	(void)state;
	ar_buf_init(&a, 1 << 20);
	ar_buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < 500; i++) {
		json_t *j = json_pack("[o, f]", random_value(4), 1.0 / (1 + i));

		assert_int_equal(ar_json_write(&a, j, flags), 0);
		assert_int_equal(json_dump_callback(j, append, &b, flags), 0);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.p, b.p, a.n);
		json_decref(j);
	}
	ar_buf_free(&a);
	ar_buf_free(&b);
}

static void what_does_not_fit(void **state)
{
	json_t *j = json_pack("{s:[i,i,s]}", "abc", 1, 2, "0123456789");
	struct ar_buf b;
	size_t whole = strlen("{\"abc\":[1,2,\"0123456789\"]}");

	(void)state;
	for (size_t max = 0; max <= whole; max++) {
		ar_buf_init(&b, max);
		assert_int_equal(ar_json_write(&b, j, JSON_COMPACT), max < whole ? -ENOBUFS : 0);
		ar_buf_free(&b);
	}
	json_decref(j);
}

static void what_cannot_be_written(void **state)
{
	json_t *j = json_array(), *s = json_string("x");

	(void)state;
	assert_null(ar_json_text(NULL));
	assert_null(ar_json_text(s));
	json_array_append(j, j); /* refused by jansson */
	for (int i = 0; i < 3000; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, j);
		j = outer;
	}
	/* too deep for ours: jansson's verdict */
	char *text = ar_json_text(j), *theirs = json_dumps(j, JSON_COMPACT);

	assert_int_equal(!text, !theirs);
	if (text)
		assert_string_equal(text, theirs);
	free(text);
	free(theirs);
	json_decref(j);
	json_decref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_jansson_reads),
		cmocka_unit_test(every_byte_in_a_string_at_every_place),
		cmocka_unit_test(deep_nesting),
		cmocka_unit_test(random_documents),
		cmocka_unit_test(reals_as_short_as_asked_for),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(what_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
