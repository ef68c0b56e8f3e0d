/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Media of type AR as a client sees them (docs/mrm.md, "Media for the ARMF"). */
#include "rig.h"

#include "mediad/ctl/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define X "/terminations/0/medias/0/x-ims-ar"
#define FP                                                                                         \
	"SHA-256 AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:"                                 \
	"AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89"
#define CODEC                                                                                      \
	"{\"pt\":96,\"name\":\"VP8\",\"clock\":90000,\"fmtp\":\"\",\"rtx\":97,"                    \
	"\"fb\":[\"nack\",\"nack pli\",\"ccm fir\",\"goog-remb\",\"transport-cc\",\"other\"]}"
#define SIDE(more)                                                                                 \
	"{\"codecs\":[" CODEC "],\"extmap\":[{\"id\":3,\"uri\":"                                   \
	"\"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\"}],"                     \
	"\"rtcpMux\":true,\"rtcpRsize\":true" more "}"
#define REMOTE                                                                                     \
	SIDE(",\"direction\":\"sendrecv\",\"maxKbps\":2000,\"ssrc\":[{\"ssrc\":1234,"              \
	     "\"rtx\":5678,\"cname\":\"x@y\"}],\"fingerprints\":[\"" FP "\"],"                     \
	     "\"ice\":{\"ufrag\":\"abcd\",\"pwd\":\"0123456789012345678901\"}")

static struct rig r;

/* A context of n terminations with one medium each; ops applied to the first's are tried. */
static json_t *document(unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		json_t *remote = json_loads(REMOTE, 0, NULL),
		       *local = json_loads(SIDE(""), 0, NULL);
		char id[16];

		assert_non_null(remote);
		assert_non_null(local);
		snprintf(id, sizeof(id), "t%u", i);
		json_array_append_new(list,
			json_pack("{s:s, s:[{s:s, s:s, s:s, s:{s:s, s:s, s:s, s:i, s:o, s:o}}]}",
				"terminationId", id, "medias", "mediaId", "v0", "mediaResourceType",
				"AR", "mediaProcessingUri", "urn:x-ims-ar:armf:relay", "x-ims-ar",
				"media", "video", "transport", "DTLS-SRTP", "securitySetup",
				"PASSIVE", "maxKbps", 1500, "local", local, "remote", remote));
	}
	return json_pack("{s:o, s:{s:s}}", "terminations", list, "x-ims-ar", "callId", "av@ue");
}

static int post(json_t *doc, json_t **out)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	int status = rig_post(&r, text, out);

	free(text);
	json_decref(doc);
	return status;
}

static const char *text_at(json_t *doc, const char *pointer)
{
	const char *s = json_string_value(json_pointer_get(doc, pointer));

	if (!s)
		fail_msg("nothing at %s", pointer);
	return s;
}

static int setup(void **state)
{
	(void)state;
	rig_transports = 0;
	rig_start(&r, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&r);
	rig_transports = 0;
	return 0;
}

static void made_and_shown(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(post(document(2), &j), 201);
	assert_memory_equal(text_at(j, X "/fingerprint"), "SHA-256 ", 8);
	assert_string_equal(text_at(j, X "/ice/ufrag"), "uf0");
	assert_string_equal(
		text_at(j, "/terminations/0/medias/0/localMbEndpoint/ip/ipv4Addr"), "192.0.2.1");
	assert_null(json_pointer_get(j, "/terminations/0/medias/0/dcMedia"));
	assert_null(json_pointer_get(j, X "/localMaxMessageSize"));
	json_decref(j);
	j = rig_get(&r);
	assert_string_equal(text_at(j, X "/armf/state"), "waiting");
	assert_string_equal(text_at(j, X "/armf/reason"), "the other side is not connected");
	assert_string_equal(text_at(j, X "/transport"), "DTLS-SRTP");
	assert_true(json_is_integer(json_pointer_get(j, X "/counters/srtpBad")));
	json_decref(j);
	fake_connect(fake_peer(0));
	fake_connect(fake_peer(1));
	j = rig_get(&r);
	assert_string_equal(text_at(j, X "/armf/reason"), "nothing received");
	json_decref(j);
}

/* Where it is wrong, and what is said to be wrong. */
static const struct wrong {
	const char *place, *value; /* of the first medium; value NULL: taken away */
	int status;
	const char *param; /* where it is said to be */
} wrongs[] = {
	{"/mediaResourceType", "\"XR\"", 400, "/terminations/0/medias/0/mediaResourceType"},
	{"/mediaProcessingUri", NULL, 400, "/terminations/0/medias/0/mediaProcessingUri"},
	{"/mediaProcessingUri", "\"urn:other\"", 400,
		"/terminations/0/medias/0/mediaProcessingUri"},
	{"/x-ims-ar/media", "\"text\"", 400, X "/media"},
	{"/x-ims-ar/media", NULL, 400, X "/media"},
	{"/x-ims-ar/transport", "\"SDES\"", 400, X "/transport"},
	{"/x-ims-ar/transport", "\"RTP\"", 400, X "/transport"},
	{"/x-ims-ar/securitySetup", "\"ACTPASS\"", 400,
		"/terminations/0/medias/0/x-ims-ar/securitySetup"},
	{"/x-ims-ar/maxKbps", "1", 400, X "/maxKbps"},
	{"/x-ims-ar/local", NULL, 400, X "/local"},
	{"/x-ims-ar/local/rtcpMux", "false", 400, X "/local/rtcpMux"},
	{"/x-ims-ar/remote/rtcpMux", NULL, 400, X "/remote/rtcpMux"},
	{"/x-ims-ar/remote/rtcpPort", "0", 400, X "/remote/rtcpPort"},
	{"/x-ims-ar/remote/rtcpPort", "65536", 400, X "/remote/rtcpPort"},
	{"/x-ims-ar/local/codecs", "[]", 400, X "/local/codecs"},
	{"/x-ims-ar/local/codecs/0/pt", "128", 400, X "/local/codecs/0/pt"},
	{"/x-ims-ar/local/codecs/0/pt", "70", 400, X "/local/codecs/0/pt"},
	{"/x-ims-ar/local/codecs/0/rtx", "80", 400, X "/local/codecs/0/pt"},
	{"/x-ims-ar/local/codecs/0/clock", "0", 400, X "/local/codecs/0/clock"},
	{"/x-ims-ar/local/codecs/0/name", "7", 400, X "/local/codecs/0/name"},
	{"/x-ims-ar/local/codecs/0/fb", "[7]", 400, X "/local/codecs/0/fb"},
	{"/x-ims-ar/local/codecs/0", "\"VP8\"", 400, X "/local/codecs/0/"},
	{"/x-ims-ar/remote/extmap/0/id", "256", 400, X "/remote/extmap/0/id"},
	{"/x-ims-ar/remote/extmap/0", "3", 400, X "/remote/extmap/0/id"},
	{"/x-ims-ar/remote/direction", "\"both\"", 400, X "/remote/direction"},
	{"/x-ims-ar/remote/ssrc/0/ssrc", "-1", 400, X "/remote/ssrc/0/ssrc"},
	{"/x-ims-ar/remote/ssrc/0/cname", "9", 400, X "/remote/ssrc/0/cname"},
	{"/x-ims-ar/remote/fingerprints", NULL, 400, X "/remote/fingerprints"},
	{"/x-ims-ar/remote/ice", NULL, 400, "/terminations/0/medias/0/remoteMbEndpoint"},
	{"/x-ims-ar/remote/ice/pwd", "\"short\"", 400, X "/remote/ice/pwd"},
};

static json_t *change(json_t *doc, const char *place, const char *value)
{
	char path[128], ops[512];
	struct json_patch_error e;
	json_t *p;

	snprintf(path, sizeof(path), "/terminations/0/medias/0%s", place);
	if (value)
		snprintf(ops, sizeof(ops), "[{\"op\":\"add\",\"path\":\"%s\",\"value\":%s}]", path,
			value);
	else
		snprintf(ops, sizeof(ops), "[{\"op\":\"remove\",\"path\":\"%s\"}]", path);
	/* into a list "add" inserts: replace what is there */
	if (value && json_pointer_get(doc, path))
		snprintf(ops, sizeof(ops), "[{\"op\":\"replace\",\"path\":\"%s\",\"value\":%s}]",
			path, value);
	p = json_loads(ops, 0, NULL);
	assert_non_null(p);
	assert_int_equal(json_patch_apply(&doc, p, &e), 0);
	json_decref(p);
	return doc;
}

static void mistakes_are_told_with_their_place(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		json_t *j, *doc = change(document(1), w->place, w->value);
		int status = post(doc, &j);

		if (status != w->status)
			fail_msg("%s = %s: %d", w->place, w->value, status);
		if (strcmp(text_at(j, "/invalidParams/0/param"), w->param) != 0)
			fail_msg("%s = %s is told as %s", w->place, w->value,
				text_at(j, "/invalidParams/0/param"));
		json_decref(j);
	}
	assert_int_equal(fake_live(), 0);
}

static void audio_is_only_relayed(void **state)
{
	json_t *j, *doc = change(document(1), "/x-ims-ar/media", "\"audio\"");

	(void)state;
	assert_int_equal(post(json_deep_copy(doc), &j), 201);
	json_decref(j);
	doc = change(doc, "/mediaProcessingUri", "\"urn:x-ims-ar:armf:overlay\"");
	assert_int_equal(post(doc, &j), 400);
	json_decref(j);
}

/* Without processors the medium is refused, so that it stays where it is. */
static void no_processors(void **state)
{
	json_t *j,
		*doc = change(document(1), "/mediaProcessingUri", "\"urn:x-ims-ar:armf:overlay\"");

	(void)state;
	assert_int_equal(post(doc, &j), 503);
	assert_string_equal(text_at(j, "/cause"), "INSUFFICIENT_RESOURCES");
	assert_string_equal(text_at(j, "/invalidParams/0/param"), "/terminations/0/medias/0");
	json_decref(j);
	assert_int_equal(fake_live(), 0);
}

static void there_is_an_end_to_streams(void **state)
{
	json_t *j;

	(void)state;
	assert_int_equal(post(document(9), &j), 503); /* of one context */
	assert_string_equal(text_at(j, "/invalidParams/0/param"), "/terminations/8/medias/0");
	json_decref(j);
	assert_int_equal(fake_live(), 0);
	assert_int_equal(post(document(8), &j), 201);
	json_decref(j);
	assert_int_equal(post(document(2), &j), 201);
	json_decref(j);
	assert_int_equal(post(document(1), &j), 503); /* of the worker */
	json_decref(j);
}

static void other_transports_behind_a_setting(void **state)
{
	/* 30 bytes: key and salt */
	static const char crypto[] = "{\"suite\":\"AES_CM_128_HMAC_SHA1_80\",\"key\":"
				     "\"d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\"}";
	json_t *doc, *j;

	teardown(state);
	rig_transports = 1u << PEER_SDES_SRTP | 1u << PEER_PLAIN_RTP;
	rig_start(&r, NULL);
	assert_int_equal(post(document(1), &j), 400); /* DTLS-SRTP is not among them */
	assert_string_equal(text_at(j, "/invalidParams/0/param"), X "/transport");
	json_decref(j);
	doc = change(document(1), "/x-ims-ar/transport", "\"SDES-SRTP\"");
	assert_int_equal(post(json_deep_copy(doc), &j), 400);
	assert_string_equal(text_at(j, "/invalidParams/0/param"), X "/local/crypto");
	json_decref(j);
	doc = change(doc, "/x-ims-ar/local/crypto", crypto);
	doc = change(doc, "/x-ims-ar/remote/crypto", crypto);
	assert_int_equal(post(json_deep_copy(doc), &j), 201);
	json_decref(j);
	j = rig_get(&r); /* who may look may not listen */
	assert_string_equal(text_at(j, X "/transport"), "SDES-SRTP");
	assert_string_equal(text_at(j, X "/local/crypto/suite"), "AES_CM_128_HMAC_SHA1_80");
	assert_null(json_pointer_get(j, X "/local/crypto/key"));
	assert_null(json_pointer_get(j, X "/remote/crypto/key"));
	json_decref(j);
	/* they are still known */
	assert_int_equal(rig_patch(&r,
				 "[{\"op\":\"test\",\"path\":\"" X "/local/crypto/key\",\"value\":"
				 "\"d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\"}]",
				 &j),
		200);
	json_decref(j);
	doc = change(doc, "/x-ims-ar/remote/crypto/key", "\"d0Rm\"");
	assert_int_equal(post(json_deep_copy(doc), &j), 400);
	assert_string_equal(text_at(j, "/invalidParams/0/param"), X "/remote/crypto/key");
	json_decref(j);
	doc = change(doc, "/x-ims-ar/remote/crypto/suite", "\"NULL\"");
	assert_int_equal(post(doc, &j), 400);
	json_decref(j);
	doc = change(document(1), "/x-ims-ar/transport", "\"RTP\"");
	doc = change(doc, "/x-ims-ar/remote/ice", NULL);
	doc = change(doc, "/x-ims-ar/remote/fingerprints", NULL);
	doc = change(doc, "/remoteMbEndpoint",
		"{\"ip\":{\"ipv4Addr\":\"192.0.2.7\"},\"transport\":\"UDP\",\"portNumber\":4000}");
	assert_int_equal(post(doc, &j), 201);
	json_decref(j);
}

static void patched(void **state)
{
	json_t *j;
	unsigned before;

	(void)state;
	assert_int_equal(post(document(2), &j), 201);
	json_decref(j);
	assert_int_equal(rig_patch(&r,
				 "[{\"op\":\"replace\",\"path\":\"" X "/remote/direction\","
				 "\"value\":\"sendonly\"},{\"op\":\"replace\",\"path\":\"" X
				 "/maxKbps\",\"value\":300}]",
				 &j),
		200);
	json_decref(j);
	/* what is ours, and what it is, stays */
	assert_int_equal(rig_patch(&r,
				 "[{\"op\":\"replace\",\"path\":\"" X "/fingerprint\","
				 "\"value\":\"SHA-256 00\"}]",
				 &j),
		400);
	json_decref(j);
	assert_int_equal(rig_patch(&r,
				 "[{\"op\":\"replace\",\"path\":\"" X "/media\","
				 "\"value\":\"audio\"}]",
				 &j),
		400);
	json_decref(j);
	/* a refused patch leaves nothing, also when its first part was right */
	before = fake_remotes(fake_peer(0));
	assert_int_equal(
		rig_patch(&r,
			"[{\"op\":\"replace\",\"path\":\"" X "/remote/ice/pwd\",\"value\":"
			"\"9999999999999999999999\"},{\"op\":\"replace\",\"path\":"
			"\"/terminations/1/medias/0/x-ims-ar/media\",\"value\":\"audio\"}]",
			&j),
		400);
	json_decref(j);
	assert_int_equal(fake_remotes(fake_peer(0)), before);
	assert_int_equal(rig_patch(&r,
				 "[{\"op\":\"replace\",\"path\":\"" X "/local/codecs/0/pt\","
				 "\"value\":300}]",
				 &j),
		400);
	json_decref(j);
	assert_int_equal(
		rig_patch(&r, "[{\"op\":\"remove\",\"path\":\"/terminations/1\"}]", &j), 200);
	json_decref(j);
	j = rig_get(&r);
	assert_string_equal(text_at(j, X "/armf/reason"), "no other side");
	assert_string_equal(text_at(j, X "/remote/direction"), "sendonly");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(made_and_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(
			mistakes_are_told_with_their_place, setup, teardown),
		cmocka_unit_test_setup_teardown(audio_is_only_relayed, setup, teardown),
		cmocka_unit_test_setup_teardown(no_processors, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(other_transports_behind_a_setting, setup, teardown),
		cmocka_unit_test_setup_teardown(patched, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
