/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kamailio-modules/ims_ar/ar_token.h"
#include "stubs.h"

#include "tests/unit/common/cmocka_all.h"

#include <stdio.h>

#define ID "0123456789abcdef"

static void check_hmac(struct ar_span key, struct ar_span data, const char *want)
{
	unsigned char mac[AR_HMAC_LEN];
	char hex[2 * AR_HMAC_LEN + 1];

	ar_hmac(key, &data, 1, mac);
	for (size_t i = 0; i < sizeof(mac); i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
	assert_string_equal(hex, want);
}

/* RFC 4231 4.2, 4.3, 4.4, 4.7 */
static void test_rfc4231(void **state)
{
	char key[131], data[50];

	(void)state;
	memset(key, 0x0b, 20);
	check_hmac((struct ar_span){key, 20}, AR_SPAN("Hi There"),
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	check_hmac(AR_SPAN("Jefe"), AR_SPAN("what do ya want for nothing?"),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	check_hmac((struct ar_span){key, 20}, (struct ar_span){data, 50},
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	check_hmac((struct ar_span){key, 131},
		AR_SPAN("Test Using Larger Than Block-Size Key - Hash Key First"),
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_mark(void **state)
{
	const struct ar_span secret = AR_SPAN("s3cret"), callid = AR_SPAN("c@h"),
			     tag = AR_SPAN("t1");
	char mark[AR_MARK_MAX], bad[AR_MARK_MAX];
	struct ar_span m;

	(void)state;
	ar_token_mark(mark, secret, callid, tag, ID, "pcscf1");
	m = ar_span_str(mark);
	assert_true(ar_token_mark_ok(m, secret, callid, tag));
	assert_false(ar_token_mark_ok(m, AR_SPAN("other"), callid, tag));
	assert_false(ar_token_mark_ok(m, secret, AR_SPAN("c@i"), tag)); /* of another call */
	assert_false(ar_token_mark_ok(m, secret, callid, AR_SPAN("t2")));
	/* the border between the parts does not move */
	assert_false(ar_token_mark_ok(m, secret, AR_SPAN("c@ht"), AR_SPAN("1")));
	for (size_t i = 0; i < m.n; i++) { /* no byte may change, the name included */
		memcpy(bad, mark, sizeof(bad));
		bad[i] ^= 1;
		assert_false(ar_token_mark_ok(ar_span_str(bad), secret, callid, tag));
	}
	for (size_t i = 0; i < m.n; i++)
		assert_false(ar_token_mark_ok((struct ar_span){mark, i}, secret, callid, tag));
	assert_false(ar_token_mark_ok(AR_SPAN_NONE, secret, callid, tag));
	ar_token_mark(mark, secret, callid, tag, ID,
		"a name that is far longer than anybody would give to a machine of his, and "
		"longer");
	assert_true(ar_token_mark_ok(ar_span_str(mark), secret, callid, tag));
}

static void test_route(void **state)
{
	const struct ar_span secret = AR_SPAN("s3cret"), callid = AR_SPAN("c@h");
	char token[AR_ROUTE_MAX], bad[AR_ROUTE_MAX], id[AR_CALL_ID_LEN + 1];
	struct ar_span t;
	unsigned asd = 99;

	(void)state;
	ar_token_route(token, secret, callid, ID, 7);
	t = ar_span_str(token);
	assert_true(ar_token_route_ok(t, secret, callid, id, &asd));
	assert_string_equal(id, ID);
	assert_int_equal(asd, 7);
	assert_false(ar_token_route_ok(t, secret, AR_SPAN("c@i"), id, &asd));
	assert_false(ar_token_route_ok(t, AR_SPAN("other"), callid, id, &asd));
	for (size_t i = 0; i < t.n; i++) {
		memcpy(bad, token, sizeof(bad));
		bad[i] ^= 1;
		assert_false(ar_token_route_ok(ar_span_str(bad), secret, callid, id, &asd));
	}
	for (size_t i = 0; i < t.n; i++)
		assert_false(
			ar_token_route_ok((struct ar_span){token, i}, secret, callid, id, &asd));
	/* safe in a SIP URI parameter without quoting (RFC 3261 25.1, paramchar) */
	assert_int_equal(strspn(token, "0123456789abcdef."), t.n);
}

static void test_other(void **state)
{
	const struct ar_span secret = AR_SPAN("s3cret"), callid = AR_SPAN("c@h");
	const struct ar_other o = {.id = ID, .tag = 0xdeadbeef};
	char token[AR_ROUTE_MAX], bad[AR_ROUTE_MAX];
	struct ar_other got = {.tag = 0};
	struct ar_span t;

	(void)state;
	ar_token_other(token, secret, callid, &o);
	t = ar_span_str(token);
	assert_true(ar_token_other_ok(t, secret, callid, &got));
	assert_string_equal(got.id, ID);
	assert_int_equal(got.tag, 0xdeadbeef);
	assert_false(ar_token_other_ok(t, secret, AR_SPAN("c@i"), &got));
	assert_false(ar_token_other_ok(t, AR_SPAN("other"), callid, &got));
	for (size_t i = 0; i < t.n; i++) {
		memcpy(bad, token, sizeof(bad));
		bad[i] ^= 1;
		assert_false(ar_token_other_ok(ar_span_str(bad), secret, callid, &got));
		assert_false(ar_token_other_ok((struct ar_span){token, i}, secret, callid, &got));
	}
	assert_false(ar_token_other_ok(AR_SPAN_NONE, secret, callid, &got));
	/* safe in a SIP URI parameter, as above */
	assert_int_equal(strspn(token + 5, "0123456789abcdef."), t.n - 5);
}

/* A mark must not do for a route, nor the other way. */
static void test_uses_are_apart(void **state)
{
	const struct ar_span secret = AR_SPAN("s"), callid = AR_SPAN("c");
	char mark[AR_MARK_MAX], token[AR_ROUTE_MAX], id[AR_CALL_ID_LEN + 1];
	struct ar_other other = {.id = ID};
	unsigned asd;

	(void)state;
	ar_token_mark(mark, secret, callid, AR_SPAN(""), ID, "");
	ar_token_route(token, secret, callid, ID, 0);
	assert_false(ar_token_route_ok(ar_span_str(mark), secret, callid, id, &asd));
	assert_false(ar_token_mark_ok(ar_span_str(token), secret, callid, AR_SPAN("")));
	assert_false(ar_token_other_ok(ar_span_str(token), secret, callid, &other));
	ar_token_other(token, secret, callid, &other);
	assert_false(ar_token_route_ok(ar_span_str(token), secret, callid, id, &asd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4231),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_other),
		cmocka_unit_test(test_uses_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
