/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mediad's live facts as kamcmd prints them: flat, strings only, whatever mediad says. */
#include "asd/admin/admin_live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static json_t *items_of(const char *text)
{
	json_error_t e;
	json_t *context = json_loads(text, 0, &e), *items = json_array();

	if (!context)
		fail_msg("%s", e.text);
	admin_live_items(items, context);
	json_decref(context);
	return items;
}

static void flat(const json_t *items)
{
	const json_t *o;
	const char *key;
	json_t *v;
	size_t i;

	json_array_foreach(items, i, o)
	{
		assert_true(json_is_object(o));
		json_object_foreach((json_t *)(uintptr_t)o, key, v) assert_true(json_is_string(v));
	}
}

static const char *text(const json_t *items, size_t i, const char *key)
{
	const char *s = json_string_value(json_object_get(json_array_get(items, i), key));

	return s ? s : "(none)";
}

static void a_connected_call(void **state)
{
	json_t *items = items_of(
		"{\"terminations\":[{\"terminationId\":\"a\",\"medias\":[{\"x-ims-ar\":{"
		"\"user\":\"sip:alice@ims\",\"state\":\"connected\",\"selected\":\"127.0.0.1:"
		"4000\","
		"\"rttMs\":1.25,\"times\":{\"ice\":3,\"dtls\":9},\"channels\":[{\"id\":1000,"
		"\"subprotocol\":\"mpeg-sd\",\"rx\":5,\"tx\":7}]}}]},{\"terminationId\":\"b\",\"x-"
		"ims-ar\":"
		"{\"participant\":{\"joined\":true,\"poseHz\":59.9,\"updateHz\":30.0,\"revision\":"
		"12,"
		"\"posesDropped\":1,\"odd\":{}}}}],"
		"\"x-ims-ar\":{\"scene\":{\"revision\":12,\"nodes\":4},\"poses\":600,\"updates\":"
		"1200,"
		"\"worker\":0}}");

	(void)state;
	flat(items);
	assert_int_equal(json_array_size(items), 4);
	assert_string_equal(text(items, 0, "ue"), "a");
	assert_string_equal(text(items, 0, "state"), "connected");
	assert_string_equal(text(items, 0, "rtt_ms"), "1.250");
	assert_string_equal(text(items, 0, "ms_to_dtls"), "9");
	assert_string_equal(text(items, 1, "channel_of"), "a");
	assert_string_equal(text(items, 1, "rx"), "5");
	assert_string_equal(text(items, 2, "ue"), "b");
	assert_string_equal(text(items, 2, "state"), "(none)");
	assert_string_equal(text(items, 2, "joined"), "yes");
	assert_string_equal(text(items, 2, "pose_hz"), "59.900");
	assert_string_equal(text(items, 2, "update_hz"), "30.000");
	assert_string_equal(text(items, 2, "revision"), "12");
	assert_string_equal(text(items, 2, "poses_dropped"), "1");
	assert_string_equal(text(items, 0, "pose_hz"), "(none)");
	assert_string_equal(text(items, 3, "scene_revision"), "12");
	assert_string_equal(text(items, 3, "poses"), "600");
	json_decref(items);
}

static void media_of_a_call(void **state)
{
	json_t *items = items_of(
		"{\"terminations\":[{\"terminationId\":\"a\",\"medias\":[{\"mediaId\":\"v0\","
		"\"mediaProcessingUri\":\"urn:x-ims-ar:armf:overlay\",\"x-ims-ar\":{"
		"\"transport\":\"SDES-SRTP\",\"state\":\"connected\",\"armf\":{\"state\":"
		"\"processing\"},\"counters\":{\"rxPackets\":5,\"srtpBad\":2}}}]}]}");

	(void)state;
	flat(items);
	assert_string_equal(text(items, 1, "media_of"), "a");
	assert_string_equal(text(items, 1, "op"), "overlay");
	assert_string_equal(text(items, 1, "transport"), "SDES-SRTP");
	assert_string_equal(text(items, 1, "armf_state"), "processing");
	assert_string_equal(text(items, 1, "rtp_rxPackets"), "5");
	assert_string_equal(text(items, 1, "rtp_srtpBad"), "2");
	json_decref(items);
}

static json_t *shown(const char *text, const char *side, const char *media, bool *any)
{
	json_t *context = json_loads(text, 0, NULL), *items = json_array();

	*any = admin_live_media(items, context, side, media);
	assert_true(*any == (json_array_size(items) > 0));
	flat(items);
	json_decref(context);
	return items;
}

static void media_as_an_operator_reads_them(void **state)
{
	static const char facts[] =
		"{\"terminations\":[{\"terminationId\":\"a\",\"medias\":[{\"mediaId\":\"1\"},{"
		"\"mediaId\":\"v1\",\"mediaProcessingUri\":\"urn:x-ims-ar:armf:overlay\","
		"\"x-ims-ar\":{\"media\":\"video\",\"transport\":\"DTLS-SRTP\",\"state\":"
		"\"connected\",\"armf\":{\"state\":\"processing\",\"codecIn\":\"VP8\",\"width\":"
		"640,"
		"\"fps\":29.9,\"lost\":3,\"frames\":200,\"spliced\":150,\"blocks\":1000,"
		"\"blocksRecoded\":90,\"poseSource\":\"message\"},\"counters\":{\"rxPackets\":7}}}]"
		"},"
		"{\"terminationId\":\"b\",\"medias\":[{\"mediaId\":\"v1\",\"mediaProcessingUri\":"
		"\"urn:x-ims-ar:armf:relay\",\"x-ims-ar\":{\"armf\":{\"blocks\":0}}}]}],"
		"\"x-ims-ar\":{\"worker\":2}}";
	static const char *const want[][2] = {{"ue", "a"}, {"media", "v1"}, {"kind", "video"},
		{"op", "overlay"}, {"connection", "connected"}, {"state", "processing"},
		{"codec_in", "VP8"}, {"width", "640"}, {"fps", "29.900"}, {"lost", "3"},
		{"spliced_percent", "75.000"}, {"recoded_percent", "9.000"},
		{"pose_source", "message"}, {"rtp_received", "7"}, {"worker", "2"}};
	bool any;
	json_t *items = shown(facts, "", "", &any);

	(void)state;
	assert_int_equal(json_array_size(items), 2);
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(text(items, 0, want[i][0]), want[i][1]);
	assert_string_equal(text(items, 1, "op"), "relay");
	assert_string_equal(text(items, 1, "recoded_percent"), "(none)");
	json_decref(items);
	items = shown(facts, "b", "v1", &any);
	assert_int_equal(json_array_size(items), 1);
	assert_string_equal(text(items, 0, "ue"), "b");
	json_decref(items);
	items = shown(facts, "a", "a2", &any);
	assert_false(any);
	json_decref(items);
}

static void nonsense(void **state)
{
	static const char *const cases[] = {"[]", "{}", "{\"terminations\":7}",
		"{\"terminations\":[1,null,{\"medias\":{}},{\"medias\":[7]}]}", "{\"x-ims-ar\":[]}",
		"{\"x-ims-ar\":{\"scene\":[1],\"poses\":{\"a\":1}}}",
		"{\"terminations\":[{\"medias\":[{\"x-ims-ar\":{\"channels\":[[],{\"a\":[]}],"
		"\"times\":\"x\",\"state\":{}}}]}]}",
		"{\"terminations\":[{\"terminationId\":7,\"medias\":[{\"mediaId\":\"v\","
		"\"mediaProcessingUri\":\"x:y\"}]},{\"terminationId\":\"a\",\"medias\":[{"
		"\"mediaId\":"
		"\"v\",\"mediaProcessingUri\":\"none\"},{\"mediaId\":\"v\",\"mediaProcessingUri\":"
		"\"x:y\",\"x-ims-ar\":{\"armf\":[1],\"counters\":7}}]}]}"};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *items = items_of(cases[i]);
		bool any;

		flat(items);
		json_decref(items);
		json_decref(shown(cases[i], "", "", &any));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_connected_call),
		cmocka_unit_test(media_of_a_call),
		cmocka_unit_test(media_as_an_operator_reads_them), cmocka_unit_test(nonsense)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
