/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked for, and what never is; base64. */
#include "mediad/armf/gltf/load_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static char asked[2048];
static int answer;
static const char content[36];

static int resolve(void *user, const char *uri, struct ar_span *bytes)
{
	(void)user;
	snprintf(asked, sizeof(asked), "%s", uri);
	if (answer == 0)
		*bytes = (struct ar_span){content, sizeof(content)};
	return answer;
}

static int load_uri_of(const char *uri, struct ar_buf *why)
{
	char text[4096];
	struct model_source src = {.resolve = resolve};
	struct model *m = NULL;
	int err;

	snprintf(text, sizeof(text),
		"{\"asset\":{\"version\":\"2.0\"},\"buffers\":[{\"byteLength\":36,\"uri\":\"%s\"}]"
		"}",
		uri);
	src.bytes = ar_span_str(text);
	asked[0] = '\0';
	ar_buf_reset(why);
	err = model_load(&m, &src, why);
	model_unref(m);
	return err;
}

static void names_are_asked_for_decoded(void **state)
{
	static const char *const rows[][2] = {{"a.bin", "a.bin"},
		{"sub/folder/a.bin", "sub/folder/a.bin"}, {"two%20words.bin", "two words.bin"},
		{"./a.bin", "./a.bin"}, {"caf%C3%A9", "caf\xc3\xa9"}, {"a?b#c", "a?b#c"}};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	answer = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(load_uri_of(rows[i][0], &why), 0);
		assert_string_equal(asked, rows[i][1]);
	}
	ar_buf_free(&why);
}

static void nothing_outside_is_asked_for(void **state)
{
	static const char *const rows[] = {"../a.bin", "a/../../b", "/etc/passwd", "%2e%2e/a",
		"..%2fa", "%2fetc/passwd", "http://example.org/a", "file:///etc/passwd",
		"HTTP://x/", "c:/a", "a\\\\b", "..\\\\a", "", "a%00b", "a%0ab", "a%zz", "a%2", "a%",
		"//host/a", "\\u0007a", "x/..", "javascript:1"};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	answer = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (load_uri_of(rows[i], &why) != -EINVAL || asked[0])
			fail_msg("%s was asked for", rows[i]);
		assert_string_equal(strstr(why.p, "want") ? "want" : why.p, "want");
	}
	ar_buf_free(&why);
}

static void long_names_are_refused(void **state)
{
	char uri[1500];
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	memset(uri, 'a', sizeof(uri));
	uri[1024] = '\0';
	assert_int_equal(load_uri_of(uri, &why), -EINVAL);
	uri[1023] = '\0';
	assert_int_equal(load_uri_of(uri, &why), 0);
	ar_buf_free(&why);
}

static void errors_of_the_resolver_come_through(void **state)
{
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	answer = -ENOENT;
	assert_int_equal(load_uri_of("gone.bin", &why), -ENOENT);
	ar_buf_add(&why, "", 1);
	assert_string_equal(why.p, "/buffers/0/uri: gone.bin: No such file or directory");
	answer = -EACCES;
	assert_int_equal(load_uri_of("gone.bin", &why), -EACCES);
	ar_buf_free(&why);
}

static void data_uris(void **state)
{
	static const struct {
		const char *uri;
		int err;
	} rows[] = {
		{"data:application/"
		 "octet-stream;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			0},
		{"DATA:application/"
		 "gltf-buffer;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			0},
		{"data:;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0},
		{"data:;base64,AAAA", -EINVAL}, /* too short */
		{"data:base64,AAAA", -EINVAL},
		{"data:,AAAA", -EINVAL},
		{"data:", -EINVAL},
		{"data:;base64", -EINVAL},
		{"data:;base64,A AAA", -EINVAL},
	};
	struct ar_buf why;

	(void)state;
	ar_buf_init(&why, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (load_uri_of(rows[i].uri, &why) != rows[i].err || asked[0])
			fail_msg("%s", rows[i].uri);
	}
	ar_buf_free(&why);
}

/* RFC 4648 section 10, and what is none. */
static void base64(void **state)
{
	static const char *const rows[][2] = {{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"},
		{"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"}, {"Zm9vYg", "foob"}, {"+/+/", "\xfb\xff\xbf"}};
	static const char *const bad[] = {
		"Z", "Zg=", "Zg===", "Zm9vY", "Zm 9v", "Zm-_", "====", "=", "Z=g="};
	uint8_t out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t n = base64_decode(rows[i][0], strlen(rows[i][0]), out);

		assert_int_equal(n, strlen(rows[i][1]));
		assert_memory_equal(out, rows[i][1], (size_t)n);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (base64_decode(bad[i], strlen(bad[i]), out) >= 0)
			fail_msg("%s was taken", bad[i]);
	}
}

/* The reference implementation's vectors are for SipHash-2-4; this one is 1-3: what must hold is
 * that pieces do not matter and that key, length and every bit do. */
static void hashes(void **state)
{
	static const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908}, other[2] = {1, 2};
	uint8_t text[64];
	uint64_t seen[2 * 64 * 8];
	unsigned n = 0;
	struct siphash h;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		text[i] = (uint8_t)i;
	for (unsigned len = 0; len < 64; len++) {
		siphash_start(&h, key);
		siphash_add(&h, text, len);
		seen[n++] = siphash_end(&h);
		siphash_start(&h, key);
		for (unsigned i = 0; i < len; i += 1 + i % 5)
			siphash_add(&h, text + i, i + 1 + i % 5 < len ? 1 + i % 5 : len - i);
		assert_true(siphash_end(&h) == seen[n - 1]);
		siphash_start(&h, other);
		siphash_add(&h, text, len);
		seen[n++] = siphash_end(&h);
	}
	for (unsigned bit = 0; bit < 64 * 8; bit++) {
		text[bit / 8] ^= (uint8_t)(1u << bit % 8);
		siphash_start(&h, key);
		siphash_add(&h, text, 64);
		seen[n++] = siphash_end(&h);
		text[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < i; k++)
			assert_true(seen[i] != seen[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_asked_for_decoded),
		cmocka_unit_test(nothing_outside_is_asked_for),
		cmocka_unit_test(long_names_are_refused),
		cmocka_unit_test(errors_of_the_resolver_come_through),
		cmocka_unit_test(data_uris),
		cmocka_unit_test(base64),
		cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
