/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The messages of the front link: every member, every way to get it wrong. */
#include "asd/call/call.h"
#include "asd/front/front_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static json_t *an_offer(void)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:b, s:s, s:s}", "call", "0123456789abcdef",
		"callid", "abc@ue", "from_tag", "x", "cseq", 1, "method", "INVITE", "initial", 1,
		"side", "a", "sdp", "v=0");
}

static void offer_is_read(void **state)
{
	json_t *j = an_offer();
	struct front_offer m;
	char why[80];

	(void)state;
	json_object_set_new(j, "contact", json_string("<sip:a@b>"));
	json_object_set_new(j, "later", json_string("unknown members are ignored"));
	json_object_set_new(j, "to_tag", json_null());
	assert_int_equal(front_read_offer(&m, j, why), 0);
	assert_string_equal(m.call, "0123456789abcdef");
	assert_string_equal(m.contact, "<sip:a@b>");
	assert_string_equal(m.to_tag, ""); /* absent is empty, never NULL */
	assert_string_equal(m.asserted, "");
	assert_true(m.initial);
	assert_int_equal(m.cseq, 1);
	assert_int_equal(m.side, AR_SIDE_A);
	json_decref(j);
}

static void wrong_members(void **state)
{
	static const struct {
		const char *key, *json, *want;
	} cases[] = {
		{"call", NULL, "member call: missing"},
		{"call", "7", "member call: want a string"},
		{"call", "\"0123456789ABCDEF\"", "member call: want 16 hex digits"},
		{"call", "\"0123456789abcdef0\"", "member call: too long"},
		{"callid", "\"\\u0000\"", NULL}, /* not even JSON to us */
		{"cseq", "-1", "member cseq: want a number in range"},
		{"cseq", "4294967296", "member cseq: want a number in range"},
		{"cseq", "1.5", "member cseq: want a number in range"},
		{"cseq", "\"1\"", "member cseq: want a number in range"},
		{"initial", "1", "member initial: want true or false"},
		{"initial", NULL, "member initial: missing"},
		{"side", "\"c\"", "member side: want \"a\" or \"b\""},
		{"side", "true", "member side: want \"a\" or \"b\""},
		{"method", "\"ABCDEFGHIJKLMNOP\"", "member method: too long"},
		{"sdp", "null", "member sdp: missing"},
		{"sdp", "[]", "member sdp: want a string"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *j = an_offer(), *v = NULL;
		struct front_offer m;
		char why[80] = "";

		if (cases[i].json)
			v = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		if (cases[i].json && !v) {
			assert_null(cases[i].want);
		} else {
			json_object_del(j, cases[i].key);
			if (v)
				json_object_set_new(j, cases[i].key, v);
			assert_int_equal(front_read_offer(&m, j, why), -EBADMSG);
			assert_string_equal(why, cases[i].want);
		}
		json_decref(j);
	}
}

static void lengths_at_their_maximum(void **state)
{
	static const struct {
		const char *key;
		size_t max;
	} cases[] = {{"callid", CALL_MAX_CALLID}, {"from_tag", CALL_MAX_TAG},
		{"from", CALL_MAX_URI}, {"sdp", AR_SDP_MAX_LEN}, {"contact", 8191}};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *s = malloc(cases[i].max + 2);
		json_t *j = an_offer();
		struct front_offer m;
		char why[80];

		memset(s, 'x', cases[i].max + 1);
		s[cases[i].max] = '\0';
		json_object_set_new(j, cases[i].key, json_string(s));
		assert_int_equal(front_read_offer(&m, j, why), 0);
		s[cases[i].max] = 'x';
		s[cases[i].max + 1] = '\0';
		json_object_set_new(j, cases[i].key, json_string(s));
		assert_int_equal(front_read_offer(&m, j, why), -EBADMSG);
		json_decref(j);
		free(s);
	}
}

static void event_needs_little(void **state)
{
	json_t *j = json_pack("{s:s, s:s}", "ev", "bye", "call", "0123456789abcdef");
	struct front_event m;
	char why[80];

	(void)state;
	assert_int_equal(front_read_event(&m, j, why), 0);
	assert_string_equal(m.ev, "bye");
	assert_string_equal(m.sdp, "");
	assert_int_equal(m.cseq, 0);
	assert_string_equal(m.pass, "");
	assert_string_equal(m.relay, "");
	json_object_set_new(j, "status", json_integer(700));
	assert_int_equal(front_read_event(&m, j, why), -EBADMSG);
	json_decref(j);
}

static void hello_and_admin(void **state)
{
	json_t *j = json_pack("{s:i, s:s}", "v", 1, "kind", "sip");
	struct front_hello h;
	struct front_admin a;
	char why[80];

	(void)state;
	assert_int_equal(front_read_hello(&h, j, why), 0);
	assert_string_equal(h.name, "");
	json_object_set_new(j, "name",
		json_string("0123456789012345678901234567890123456789"
			    "0123456789012345678901234"));
	assert_int_equal(front_read_hello(&h, j, why), -EBADMSG);
	assert_int_equal(front_read_admin(&a, j, why), 0);
	assert_string_equal(a.arg, "");
	json_object_set_new(j, "arg", json_integer(1));
	assert_int_equal(front_read_admin(&a, j, why), -EBADMSG);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(offer_is_read),
		cmocka_unit_test(wrong_members), cmocka_unit_test(lengths_at_their_maximum),
		cmocka_unit_test(event_needs_little), cmocka_unit_test(hello_and_admin)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
