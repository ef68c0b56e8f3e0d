/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DC2 documents: what is sent is what docs/mrm.md says, what comes back cannot hurt an SDP. */
#include "asd/dcsf/mrm_av.h"
#include "asd/dcsf/mrm_json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static struct ar_sdp_dc a_dc(void)
{
	return (struct ar_sdp_dc){.ufrag = AR_SPAN("8hhY"),
		.pwd = AR_SPAN("secretsecretsecretsecret"),
		.fingerprint = {AR_SPAN("sha-256 ab:cd"), AR_SPAN("SHA-1 00:11")},
		.nfingerprint = 2,
		.tls_id = AR_SPAN("abcdefghijklmnopqrst"),
		.addr = AR_SPAN("192.0.2.7"),
		.sctp_port = 5000,
		.max_message_size = 65536,
		.candidate = {AR_SPAN("1 1 UDP 2130706431 192.0.2.7 52718 typ host")},
		.ncandidate = 1};
}

static json_t *parse(const char *text)
{
	json_error_t e;
	json_t *j = json_loads(text, 0, &e);

	if (!j)
		fail_msg("%s", e.text);
	return j;
}

static void same(json_t *have, const char *want)
{
	json_t *w = parse(want);
	char *text = json_dumps(have, JSON_INDENT(1));

	if (!json_equal(have, w))
		fail_msg("have %s", text);
	free(text);
	json_decref(w);
	json_decref(have);
}

static void facts_of_a_ue(void **state)
{
	struct ar_sdp_dc dc = a_dc();

	(void)state;
	same(mrm_facts(&dc, 52718, AR_SETUP_PASSIVE, "ar-capable"),
		"{\"remoteDcEndpoint\":{\"sctpPort\":5000,\"fingerprint\":\"SHA-256 AB:CD\","
		"\"tlsId\":\"abcdefghijklmnopqrst\"},\"securitySetup\":\"PASSIVE\","
		"\"remoteMbEndpoint\":{\"ip\":{\"ipv4Addr\":\"192.0.2.7\"},\"transport\":\"UDP\","
		"\"portNumber\":52718},\"remote\":{\"maxMessageSize\":65536,"
		"\"fingerprints\":[\"SHA-256 AB:CD\",\"SHA-1 "
		"00:11\"],\"capability\":\"ar-capable\","
		"\"ice\":{\"ufrag\":\"8hhY\",\"pwd\":\"secretsecretsecretsecret\",\"lite\":false,"
		"\"candidates\":[\"1 1 UDP 2130706431 192.0.2.7 52718 typ host\"]}}}");
}

static void facts_without_ice_and_tls_id_over_ipv6(void **state)
{
	struct ar_sdp_dc dc = a_dc();
	json_t *j;

	(void)state;
	dc.ufrag = dc.pwd = dc.tls_id = AR_SPAN_NONE;
	dc.addr = AR_SPAN("2001:db8::7");
	j = mrm_facts(&dc, 9, AR_SETUP_ACTIVE, NULL);
	assert_null(json_object_get(json_object_get(j, "remote"), "ice"));
	assert_null(json_object_get(json_object_get(j, "remoteDcEndpoint"), "tlsId"));
	assert_string_equal(json_string_value(json_object_get(j, "securitySetup")), "ACTIVE");
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_object_get(j, "remoteMbEndpoint"), "ip"), "ipv6Addr")),
		"2001:db8::7");
	json_decref(j);
	dc.addr = AR_SPAN("ue.example.org"); /* only ICE can reach that */
	j = mrm_facts(&dc, 9, AR_SETUP_ACTIVE, NULL);
	assert_non_null(j);
	assert_null(json_object_get(j, "remoteMbEndpoint"));
	json_decref(j);
}

static void not_utf8_is_no_facts(void **state)
{
	struct ar_sdp_dc dc = a_dc();

	(void)state;
	dc.ufrag = AR_SPAN("\xff\xfe!!");
	assert_null(mrm_facts(&dc, 9, AR_SETUP_ACTIVE, NULL));
	dc = a_dc();
	dc.candidate[0] = AR_SPAN("\xc3");
	assert_null(mrm_facts(&dc, 9, AR_SETUP_ACTIVE, NULL));
}

static void streams(void **state)
{
	struct ar_dc_stream st[] = {{.id = 1000,
					    .ordered = true,
					    .max_retr = -1,
					    .max_time = -1,
					    .priority = 256,
					    .subprotocol = AR_SPAN("mpeg-sd"),
					    .label = AR_SPAN("a%20b%2x%")},
		{.id = 1002, .max_retr = 0, .max_time = -1, .priority = 1},
		{.id = 1004, .max_retr = -1, .max_time = 50, .priority = 1}};

	(void)state;
	same(mrm_streams(st, 3),
		"{\"1000\":{\"streamId\":1000,\"subprotocol\":\"mpeg-sd\",\"label\":\"a b%2x%\","
		"\"order\":true,\"priority\":256},"
		"\"1002\":{\"streamId\":1002,\"subprotocol\":\"\",\"label\":\"\",\"order\":false,"
		"\"priority\":1,\"maxRetry\":0},"
		"\"1004\":{\"streamId\":1004,\"subprotocol\":\"\",\"label\":\"\",\"order\":false,"
		"\"priority\":1,\"maxTime\":50}}");
}

static json_t *a_context(const json_t *facts)
{
	json_t *st = json_object();
	struct mrm_context c = {.leg = {{.network = "access",
						.user = "sip:alice@ims",
						.streams = st,
						.facts = facts},
					{.network = "core", .user = "sip:bob@ims", .streams = st}},
		.owner = "asd1",
		.callid = "abc@ue",
		.call = "9f3c",
		.scene = "default",
		.application = "shared-scene",
		.lease_s = 300};
	json_t *j = mrm_context(&c);

	json_decref(st);
	return j;
}

static void create_document(void **state)
{
	struct ar_sdp_dc dc = a_dc();
	json_t *facts = mrm_facts(&dc, 52718, AR_SETUP_PASSIVE, NULL), *c = a_context(facts);
	json_t *b = json_array_get(
		json_object_get(json_array_get(json_object_get(c, "terminations"), 1), "medias"),
		0);

	(void)state;
	json_decref(facts);
	same(json_incref(b),
		"{\"mediaId\":\"1\",\"mediaResourceType\":\"DC\",\"dcMedia\":{\"streams\":{},"
		"\"securitySetup\":\"ACTPASS\"},\"x-ims-ar\":{\"network\":\"core\","
		"\"user\":\"sip:bob@ims\"}}");
	same(json_incref(json_object_get(c, "x-ims-ar")),
		"{\"owner\":\"asd1\",\"callId\":\"abc@ue\",\"call\":\"9f3c\",\"scene\":\"default\","
		"\"application\":\"shared-scene\",\"trace\":false,\"leaseSeconds\":300}");
	json_decref(c);
}

static void patch_document(void **state)
{
	struct ar_sdp_dc dc = a_dc();
	json_t *facts = mrm_facts(&dc, 1, AR_SETUP_PASSIVE, NULL), *p = mrm_patch(AR_SIDE_B, facts);

	(void)state;
	assert_int_equal(json_array_size(p), 4);
	assert_string_equal(json_string_value(json_object_get(json_array_get(p, 0), "path")),
		"/terminations/1/medias/0/dcMedia/remoteDcEndpoint");
	json_decref(p);
	json_decref(facts);
}

static void callee_takes_some_streams(void **state)
{
	struct ar_dc_stream st[] = {{.id = 1000, .max_retr = -1, .max_time = -1},
		{.id = 1002, .max_retr = -1, .max_time = -1}};
	json_t *all = mrm_streams(st, 2), *c, *facts = json_object();
	struct mrm_context in = {.leg = {{.network = "n", .user = "u", .streams = all},
					 {.network = "n", .user = "u", .streams = all}},
		.owner = "o",
		.callid = "i",
		.call = "c",
		.scene = "s",
		.application = "a"};
	struct ar_sdp_dc dc = a_dc();

	(void)state;
	c = mrm_context(&in);
	assert_true(mrm_narrow_streams(facts, c, AR_SIDE_B, &dc)); /* no dcmap: says nothing */
	assert_int_equal(json_object_size(facts), 0);
	dc.nstream = 2;
	dc.stream[0] = st[1];
	dc.stream[1] = st[0];
	assert_true(mrm_narrow_streams(facts, c, AR_SIDE_B, &dc)); /* all of them */
	assert_int_equal(json_object_size(facts), 0);
	dc.stream[1].id = 7; /* was never offered */
	assert_true(mrm_narrow_streams(facts, c, AR_SIDE_B, &dc));
	same(json_incref(json_object_get(facts, "streams")),
		"{\"1002\":{\"streamId\":1002,\"subprotocol\":\"\",\"label\":\"\",\"order\":false,"
		"\"priority\":0}}");
	json_decref(all);
	json_decref(c);
	json_decref(facts);
}

/* ---- answers ---- */

static json_t *an_answer(void)
{
	json_t *c = a_context(NULL), *t, *m;
	size_t i;

	json_object_set_new(c, "contextId", json_string("17-a"));
	json_array_foreach(json_object_get(c, "terminations"), i, t)
	{
		m = json_array_get(json_object_get(t, "medias"), 0);
		json_object_set_new(m, "localMbEndpoint",
			parse("{\"ip\":{\"ipv4Addr\":\"198.51.100.9\"},\"portNumber\":40000}"));
		json_object_set_new(json_object_get(m, "dcMedia"), "localDcEndpoint",
			parse("{\"sctpPort\":5000,\"fingerprint\":\"SHA-256 AB:CD\"}"));
		json_object_set_new(json_object_get(m, "x-ims-ar"), "ice",
			parse("{\"ufrag\":\"u\",\"pwd\":\"p\",\"candidates\":[\"1 1 UDP 1 1.2.3.4 "
			      "5 typ host\"]}"));
	}
	return c;
}

static json_t *media_of(json_t *c, size_t side)
{
	return json_array_get(
		json_object_get(json_array_get(json_object_get(c, "terminations"), side), "medias"),
		0);
}

static void reading_an_answer(void **state)
{
	json_t *c = an_answer();
	struct mrm_local l;
	const char *why;

	(void)state;
	assert_string_equal(mrm_context_id(c), "17-a");
	assert_int_equal(mrm_local(c, AR_SIDE_B, &l, &why), 0);
	assert_int_equal(l.port, 40000);
	assert_int_equal(l.ncandidate, 1);
	assert_int_equal(l.max_message_size, AR_DC_DEFAULT_MESSAGE_SIZE);
	json_array_clear(json_object_get(c, "terminations"));
	assert_int_equal(mrm_local(c, AR_SIDE_A, &l, &why), -EBADMSG);
	json_decref(c);
}

/* Whatever a DCMF puts there must not make lines of its own in a UE's SDP. */
static void answers_that_would_hurt(void **state)
{
	static const struct {
		const char *part, *key, *json;
	} cases[] = {
		{"mb", "portNumber", "0"},
		{"mb", "portNumber", "65536"},
		{"mb", "portNumber", "\"40000\""},
		{"mb", "ip", "{\"ipv4Addr\":\"1.2.3.4\\r\\na=evil\"}"},
		{"mb", "ip", "{\"ipv4Addr\":\"host.example\"}"},
		{"mb", "ip", "{}"},
		{"dc", "sctpPort", "-1"},
		{"dc", "fingerprint", "\"SHA-256 AB\\na=x\""},
		{"dc", "fingerprint", "7"},
		{"dc", "tlsId", "\"two words\""},
		{"ice", "ufrag", "\"\""},
		{"ice", "ufrag", "\"a b\""},
		{"ice", "pwd", "\"\\u00e9\""},
		{"ice", "pwd", "null"},
		{"ice", "candidates", "[\"1 1 UDP\\r\\n\"]"},
		{"ice", "candidates", "[7]"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *c = an_answer(), *m = media_of(c, 0);
		json_t *at =
			cases[i].part[0] == 'm' ? json_object_get(m, "localMbEndpoint")
			: cases[i].part[0] == 'd'
				? json_object_get(json_object_get(m, "dcMedia"), "localDcEndpoint")
				: json_object_get(json_object_get(m, "x-ims-ar"), "ice");
		json_error_t e;
		struct mrm_local l;
		const char *why = "";

		json_object_set_new(
			at, cases[i].key, json_loads(cases[i].json, JSON_DECODE_ANY, &e));
		if (mrm_local(c, AR_SIDE_A, &l, &why) != -EBADMSG)
			fail_msg("case %u was taken", i);
		assert_int_equal(mrm_local(c, AR_SIDE_B, &l, &why), 0);
		json_decref(c);
	}
}

static void context_ids_stay_in_their_path(void **state)
{
	static const char *const bad[] = {"", "a/b", "../x", "a?b", "a b", "a\r\nb", "\xc3\xa9"};
	char longest[MRM_MAX_CONTEXT_ID + 2];
	json_t *c;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c = json_pack("{s:s}", "contextId", bad[i]);
		assert_null(mrm_context_id(c));
		json_decref(c);
	}
	memset(longest, 'x', sizeof(longest));
	longest[MRM_MAX_CONTEXT_ID + 1] = '\0';
	c = json_pack("{s:s}", "contextId", longest);
	assert_null(mrm_context_id(c));
	json_object_set_new(c, "contextId", json_string(longest + 1));
	assert_non_null(mrm_context_id(c));
	json_decref(c);
	assert_null(mrm_context_id(NULL));
}

static void problems(void **state)
{
	char buf[16];

	(void)state;
	mrm_problem(AR_SPAN("{\"status\":503,\"cause\":\"FULL\",\"detail\":\"no room at all\"}"),
		buf, sizeof(buf));
	assert_string_equal(buf, "no room at all");
	mrm_problem(AR_SPAN("<html>"), buf, sizeof(buf));
	assert_string_equal(buf, "no reason given");
	mrm_problem(AR_SPAN_NONE, buf, sizeof(buf));
	assert_string_equal(buf, "no reason given");
}

/* ---- media of type AR ---- */

static json_t *av_entry(const char *op, const char *dir)
{
	return json_pack("{s:s, s:{s:s, s:{s:s}}}", "mediaProcessingUri", op, "x-ims-ar", "media",
		"video", "remote", "direction", dir);
}

static json_t *av_facts(const char *id, json_t *entry)
{
	json_t *f = json_pack("{s:{}}", "av");

	if (id)
		json_object_set_new(json_object_get(f, "av"), id, entry);
	return f;
}

static json_t *av_doc(const char *id)
{
	json_t *d = json_pack("{s:[{s:s, s:[{s:s, s:s, s:{s:s}}]}, {s:s, s:[{s:s}]}]}",
		"terminations", "terminationId", "a", "medias", "mediaId", "1", "mediaResourceType",
		"DC", "x-ims-ar", "network", "outside", "terminationId", "b", "medias", "mediaId",
		"1");

	if (id)
		json_array_append_new(
			json_object_get(
				json_array_get(json_object_get(d, "terminations"), 0), "medias"),
			json_pack("{s:s, s:s}", "mediaId", id, "mediaResourceType", "AR"));
	return d;
}

static json_t *av_ops(json_t *facts, json_t *told, json_t *doc)
{
	json_t *ops = json_array();

	assert_true(mrm_av_patch(ops, AR_SIDE_A, facts, told, doc));
	json_decref(facts);
	json_decref(told);
	json_decref(doc);
	return ops;
}

static const char *op_at(const json_t *ops, size_t i, const char *key)
{
	const char *s = json_string_value(json_object_get(json_array_get(ops, i), key));

	return s ? s : "";
}

static void patches_of_media(void **state)
{
	json_t *ops;

	(void)state;
	/* a new one, in the data channel's network */
	ops = av_ops(av_facts("v1", av_entry("x:relay", "sendrecv")), NULL, av_doc(NULL));
	assert_int_equal(json_array_size(ops), 1);
	assert_string_equal(op_at(ops, 0, "path"), "/terminations/0/medias/-");
	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(
				json_object_get(json_array_get(ops, 0), "value"), "x-ims-ar"),
			"network")),
		"outside");
	json_decref(ops);
	/* what has changed, after a test that it is still that one */
	ops = av_ops(av_facts("v1", av_entry("x:relay", "sendonly")),
		av_facts("v1", av_entry("x:relay", "sendrecv")), av_doc("v1"));
	assert_int_equal(json_array_size(ops), 2);
	assert_string_equal(op_at(ops, 0, "op"), "test");
	assert_string_equal(op_at(ops, 0, "value"), "v1");
	assert_string_equal(op_at(ops, 1, "path"), "/terminations/0/medias/1/x-ims-ar/remote");
	json_decref(ops);
	/* nothing */
	ops = av_ops(av_facts("v1", av_entry("x:relay", "sendrecv")),
		av_facts("v1", av_entry("x:relay", "sendrecv")), av_doc("v1"));
	assert_int_equal(json_array_size(ops), 0);
	json_decref(ops);
	/* gone */
	ops = av_ops(av_facts(NULL, NULL), av_facts("v1", av_entry("x:relay", "sendrecv")),
		av_doc("v1"));
	assert_int_equal(json_array_size(ops), 2);
	assert_string_equal(op_at(ops, 1, "op"), "remove");
	assert_string_equal(op_at(ops, 1, "path"), "/terminations/0/medias/1");
	json_decref(ops);
	/* facts that say nothing of media leave them */
	ops = av_ops(json_object(), NULL, av_doc("v1"));
	assert_int_equal(json_array_size(ops), 0);
	json_decref(ops);
}

static void media_that_are_refused(void **state)
{
	static const struct {
		const char *body;
		bool av;
	} cases[] = {{"{\"invalidParams\":[{\"param\":\"/terminations/1/medias/1\"}]}", true},
		{"{\"invalidParams\":[{\"param\":\"/terminations/1/medias/2/x-ims-ar/"
		 "transport\"}]}",
			true},
		{"{\"invalidParams\":[{\"param\":\"/terminations/1/medias/0/dcMedia\"}]}", false},
		{"{\"invalidParams\":[{\"param\":\"/terminations\"}]}", false},
		{"{\"invalidParams\":[{\"param\":\"medias\"}, {}]}", false},
		{"{\"status\":503}", false}, {"", false}, {"no JSON", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (mrm_av_refused(ar_span_str(cases[i].body)) != cases[i].av)
			fail_msg("%s", cases[i].body);
	}
}

static void reserved_media_are_checked(void **state)
{
	static const char *const bad[] = {"{}",
		"{\"localMbEndpoint\":{\"ip\":{\"ipv4Addr\":\"host.example\"},\"portNumber\":1}}",
		"{\"localMbEndpoint\":{\"ip\":{\"ipv4Addr\":\"1.2.3.4\"},\"portNumber\":0}}",
		"{\"localMbEndpoint\":{\"ip\":{\"ipv4Addr\":\"1.2.3.4\"},\"portNumber\":9},"
		"\"x-ims-ar\":{\"fingerprint\":\"a\\r\\nb\"}}",
		"{\"localMbEndpoint\":{\"ip\":{\"ipv4Addr\":\"1.2.3.4\"},\"portNumber\":9},"
		"\"x-ims-ar\":{\"ice\":{\"ufrag\":\"a b\",\"pwd\":\"c\"}}}"};
	struct mrm_av_reserved r;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *d = av_doc("v1"), *m = json_loads(bad[i], 0, NULL);

		assert_non_null(m);
		json_object_update(
			json_array_get(
				json_object_get(
					json_array_get(json_object_get(d, "terminations"), 0),
					"medias"),
				1),
			m);
		why = NULL;
		assert_int_equal(mrm_av_reserved(d, AR_SIDE_A, "v1", &r, &why), -EBADMSG);
		assert_non_null(why);
		json_decref(d);
		json_decref(m);
	}
	json_t *d = av_doc(NULL);
	assert_int_equal(mrm_av_reserved(d, AR_SIDE_A, "v1", &r, &why), -ENOENT);
	assert_int_equal(mrm_av_reserved(d, AR_SIDE_A, "1", &r, &why), -ENOENT); /* no AR medium */
	json_decref(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(facts_of_a_ue),
		cmocka_unit_test(facts_without_ice_and_tls_id_over_ipv6),
		cmocka_unit_test(not_utf8_is_no_facts), cmocka_unit_test(streams),
		cmocka_unit_test(create_document), cmocka_unit_test(callee_takes_some_streams),
		cmocka_unit_test(patch_document), cmocka_unit_test(reading_an_answer),
		cmocka_unit_test(answers_that_would_hurt),
		cmocka_unit_test(context_ids_stay_in_their_path), cmocka_unit_test(problems),
		cmocka_unit_test(patches_of_media), cmocka_unit_test(media_that_are_refused),
		cmocka_unit_test(reserved_media_are_checked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
