/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frames of docs/front.md, member by member, and asd's answers from a hostile hand. */
#include "kamailio-modules/ims_ar/ar_wire.h"
#include "stubs.h"

#include "tests/unit/common/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>

static json_t *parse(char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	free(text);
	return j;
}

static const char *string_of(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static struct ar_wire_offer an_offer(void)
{
	return (struct ar_wire_offer){.call = "9f3c0a0000000000",
		.side = "a",
		.role = "originating",
		.method = "INVITE",
		.cls = "ar",
		.reasons = "dc-section,subprotocol",
		.source = "192.0.2.7:5060",
		.initial = true,
		.cseq = 1,
		.callid = AR_SPAN("abc@ue"),
		.from_tag = AR_SPAN("x"),
		.ruri = AR_SPAN("sip:bob@ims"),
		.from = AR_SPAN("sip:alice@ims"),
		.to = AR_SPAN("sip:bob@ims"),
		.asserted = AR_SPAN("sip:alice@ims"),
		.contact = AR_SPAN("<sip:a@192.0.2.7>;+sip.app-subtype=\"webrtc-datachannel\""),
		.sdp = AR_SPAN("v=0\r\n")};
}

static void test_offer(void **state)
{
	static const char *const strings[] = {"cmd", "call", "callid", "from_tag", "to_tag",
		"method", "side", "role", "ruri", "from", "to", "asserted", "contact", "source",
		"class", "reasons", "sdp"};
	struct ar_wire_offer o = an_offer();
	json_t *j = parse(ar_wire_offer(&o));

	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		assert_non_null(string_of(j, strings[i]));
	assert_string_equal(string_of(j, "cmd"), "offer");
	assert_string_equal(string_of(j, "to_tag"), "");
	assert_string_equal(string_of(j, "sdp"), "v=0\r\n");
	assert_int_equal(json_integer_value(json_object_get(j, "cseq")), 1);
	assert_true(json_is_true(json_object_get(j, "initial")));
	assert_true(json_is_true(json_object_get(j, "turns_ssrc")));
	assert_int_equal(json_object_size(j), sizeof(strings) / sizeof(strings[0]) + 3);
	json_decref(j);
}

static void test_text_that_json_cannot_hold(void **state)
{
	struct ar_wire_offer o = an_offer();
	json_t *j;

	(void)state;
	o.contact = AR_SPAN("<sip:a@h>;x=\xe9"); /* Latin-1 */
	o.asserted = (struct ar_span){"a\0b", 3};
	j = parse(ar_wire_offer(&o));
	assert_null(json_object_get(j, "contact"));
	assert_null(json_object_get(j, "asserted"));
	json_decref(j);
	o.sdp = AR_SPAN("v=0\r\ns=\xff\r\n");
	assert_null(ar_wire_offer(&o)); /* then the offer cannot be handed over */
	o = an_offer();
	o.sdp = (struct ar_span){"v=0\0", 4};
	assert_null(ar_wire_offer(&o));
	o = an_offer();
	o.sdp = AR_SPAN("v=0\r\ns=\xc3\xa9 \"\\\x01\r\n"); /* odd, but good */
	j = parse(ar_wire_offer(&o));
	assert_string_equal(string_of(j, "sdp"), "v=0\r\ns=\xc3\xa9 \"\\\x01\r\n");
	json_decref(j);
}

static void test_event(void **state)
{
	struct ar_wire_event e = {.ev = "answered",
		.call = "9f3c0a0000000000",
		.method = "INVITE",
		.side = "b",
		.outcome = "ar-capable",
		.status = 200,
		.has_cseq = true,
		.has_hash = true,
		.cseq = 4000000000u,
		.hash = 0x1a2b,
		.callid = AR_SPAN("c"),
		.from_tag = AR_SPAN("x"),
		.to_tag = AR_SPAN("y"),
		.sdp = AR_SPAN("v=0\r\n")};
	json_t *j = parse(ar_wire_event(&e));

	(void)state;
	assert_string_equal(string_of(j, "hash"), "00001a2b");
	assert_true(json_integer_value(json_object_get(j, "cseq")) == 4000000000ll);
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 200);
	assert_true(json_is_false(json_object_get(j, "initial")));
	json_decref(j);
	e = (struct ar_wire_event){.ev = "gone", .call = "1", .callid = AR_SPAN("c")};
	j = parse(ar_wire_event(&e)); /* of an expired call: without cseq, asd releases all of it */
	assert_null(json_object_get(j, "cseq"));
	assert_null(json_object_get(j, "hash"));
	assert_null(json_object_get(j, "status"));
	assert_null(json_object_get(j, "relay"));
	json_decref(j);
	e = (struct ar_wire_event){.ev = "relay", .call = "1", .pass = "through", .relay = "0 1-"};
	j = parse(ar_wire_event(&e));
	assert_string_equal(string_of(j, "pass"), "through");
	assert_string_equal(string_of(j, "relay"), "0 1-");
	json_decref(j);
}

static void test_small_ones(void **state)
{
	json_t *j = parse(ar_wire_hello("sip", "pcscf\"1", "00ff"));

	(void)state;
	assert_string_equal(string_of(j, "name"), "pcscf\"1");
	assert_int_equal(json_integer_value(json_object_get(j, "v")), 1);
	json_decref(j);
	j = parse(ar_wire_command("call", "x\"y"));
	assert_string_equal(string_of(j, "arg"), "x\"y");
	json_decref(j);
	j = parse(ar_wire_map("9f3c"));
	assert_string_equal(string_of(j, "cmd"), "map");
	json_decref(j);
}

#define PLAN                                                                                       \
	"{\"ref\":\"r\",\"offerer\":\"a\",\"drop_group\":true,\"session_id\":[\"- 1\",\"- 2\"],"   \
	"\"origin_addr\":[\"IN IP4 192.0.2.1\",\"IN IP4 "                                          \
	"192.0.2.1\"],\"offer\":{\"ice_lite\":true,"                                               \
	"\"sec\":[{\"pass\":0}]},\"answers\":[{\"ice_lite\":true,\"sec\":[{\"pass\":0,\"alt\":"    \
	"\"m=audio 0 RTP/AVP 0\\r\\nc=IN IP4 "                                                     \
	"192.0.2.1\\r\\n\"}]}],\"answer_for\":{\"ar-capable\":0,"                                  \
	"\"ar-assisted\":0,\"dc-only\":0,\"dc-refused\":0,\"none-offered\":0}}"

static int verdict(const char *text, struct ar_wire_verdict *v, const char **why)
{
	static struct ar_plan_room room;
	static json_t *kept; /* the verdict borrows from it */

	json_decref(kept);
	kept = json_loads(text, 0, NULL);
	assert_non_null(kept);
	*why = NULL;
	return ar_wire_verdict(kept, v, &room, why);
}

static void test_verdicts(void **state)
{
	struct ar_wire_verdict v;
	const char *why;

	(void)state;
	assert_int_equal(
		verdict("{\"ok\":true,\"action\":\"ar\",\"rule\":\"r1\",\"plan\":" PLAN "}", &v,
			&why),
		0);
	assert_int_equal(v.action, AR_ACTION_AR);
	assert_true(v.has_plan);
	assert_string_equal(v.rule, "r1");
	assert_int_equal(
		verdict("{\"ok\":true,\"action\":\"plain\",\"reason\":\"none\"}", &v, &why), 0);
	assert_int_equal(v.action, AR_ACTION_PLAIN);
	assert_string_equal(v.reason, "none");
	assert_int_equal(verdict("{\"ok\":true,\"action\":\"deny\",\"code\":403,\"reason\":\"no\"}",
				 &v, &why),
		0);
	assert_int_equal(v.code, 403);
	assert_int_equal(
		verdict("{\"ok\":false,\"code\":\"malformed\",\"reason\":\"why\"}", &v, &why),
		-ECANCELED);
	assert_string_equal(why, "why");
	assert_int_equal(verdict("{\"ok\":false,\"code\":\"malformed\"}", &v, &why), -ECANCELED);
	assert_string_equal(why, "malformed");
}

static void test_hostile_verdicts(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"ok\":1,\"action\":\"ar\"}",
		"{\"ok\":true}",
		"{\"ok\":true,\"action\":7}",
		"{\"ok\":true,\"action\":\"\"}",
		"{\"ok\":true,\"action\":\"explode\"}",
		"{\"ok\":true,\"action\":\"ar\"}",
		"{\"ok\":true,\"action\":\"ar\",\"plan\":7}",
		"{\"ok\":true,\"action\":\"ar\",\"plan\":{}}",
		"{\"ok\":true,\"action\":\"ar\",\"plan\":[]}",
		"{\"ok\":true,\"action\":\"deny\"}",
		"{\"ok\":true,\"action\":\"deny\",\"code\":200}",
		"{\"ok\":true,\"action\":\"deny\",\"code\":0}",
		"{\"ok\":true,\"action\":\"deny\",\"code\":99999999999}",
		"{\"ok\":true,\"action\":\"deny\",\"code\":\"403\"}",
	};
	struct ar_wire_verdict v;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(verdict(bad[i], &v, &why), -EBADMSG);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer),
		cmocka_unit_test(test_text_that_json_cannot_hold),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_small_ones),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_hostile_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
