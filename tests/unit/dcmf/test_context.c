/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nmf_MRM as a client sees it: what is made, changed, refused and told (docs/mrm.md). */
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

#define M0 "/terminations/0/medias/0"

static const char *text_at(json_t *doc, const char *pointer)
{
	const char *s = json_string_value(json_pointer_get(doc, pointer));

	if (!s)
		fail_msg("nothing at %s", pointer);
	return s;
}

static long number_at(json_t *doc, const char *pointer)
{
	const json_t *v = json_pointer_get(doc, pointer);

	if (!json_is_number(v))
		fail_msg("no number at %s", pointer);
	return (long)json_number_value(v);
}

static void created(void **state)
{
	struct rig r;
	char *body = rig_body(2);
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(rig_post(&r, body, &j), 201);
	assert_string_equal(text_at(j, "/contextId"), r.context);
	assert_string_equal(text_at(j, M0 "/localMbEndpoint/ip/ipv4Addr"), "192.0.2.1");
	assert_int_equal(number_at(j, M0 "/localMbEndpoint/portNumber"), 40000);
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/ufrag"), "uf0");
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/candidates/0"),
		"1 1 UDP 2130706431 192.0.2.1 40000 typ host");
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/candidates/1"),
		"2 1 UDP 2130706175 2001:db8::1 40000 typ host");
	assert_true(json_is_true(json_pointer_get(j, M0 "/x-ims-ar/ice/lite")));
	assert_int_equal(number_at(j, M0 "/dcMedia/localDcEndpoint/sctpPort"), 5000);
	assert_memory_equal(text_at(j, M0 "/dcMedia/localDcEndpoint/fingerprint"), "SHA-256 ", 8);
	assert_true(strlen(text_at(j, M0 "/dcMedia/localDcEndpoint/tlsId")) >= 20);
	assert_int_equal(number_at(j, M0 "/x-ims-ar/localMaxMessageSize"), PEER_MAX_MESSAGE);
	assert_string_equal(text_at(j, "/x-ims-ar/callId"), "call@ue");
	assert_int_equal(fake_remote(fake_peer(1))->sctp_port, 5000);
	assert_int_equal(fake_remote(fake_peer(1))->max_message_size, 65536);
	assert_int_equal(fake_remote(fake_peer(1))->addr.len, sizeof(struct sockaddr_in));
	json_decref(j);
	free(body);
	rig_stop(&r);
}

/* One change to a good body, and what must be said about it. */
static void refused(void **state)
{
	static const struct {
		const char *op, *path, *value;
		const char *cause, *param;
	} all[] = {
		{"remove", "/terminations", NULL, "MANDATORY_IE_MISSING", "/terminations"},
		{"replace", "/terminations", "[]", "MANDATORY_IE_INCORRECT", "/terminations"},
		{"replace", "/terminations", "{}", "MANDATORY_IE_INCORRECT", "/terminations"},
		{"replace", "/terminations/0", "7", "MANDATORY_IE_INCORRECT", "/terminations/0/"},
		{"replace", "/terminations/0/terminationId", "\"a/b\"", "MANDATORY_IE_INCORRECT",
			"/terminations/0/terminationId"},
		{"replace", "/terminations/0/terminationId", "\"t1\"", "MANDATORY_IE_INCORRECT",
			"/terminations/1/terminationId"},
		{"remove", M0 "/mediaId", NULL, "MANDATORY_IE_MISSING", M0 "/mediaId"},
		{"replace", M0 "/mediaResourceType", "\"AUDIO\"", "MANDATORY_IE_INCORRECT",
			M0 "/mediaResourceType"},
		{"remove", M0 "/dcMedia", NULL, "MANDATORY_IE_MISSING", M0 "/dcMedia"},
		{"remove", M0 "/dcMedia/streams", NULL, "MANDATORY_IE_MISSING",
			M0 "/dcMedia/streams"},
		{"add", M0 "/dcMedia/streams/1000/maxRetry", "0", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/streams/1000/subprotocol"},
		{"add", M0 "/dcMedia/streams/1002/maxTime", "0", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/streams/1002/maxTime"},
		{"replace", M0 "/dcMedia/streams/1000/order", "false", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/streams/1000/subprotocol"},
		{"replace", M0 "/dcMedia/streams/1000/streamId", "1001", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/streams/1000/streamId"},
		{"add", M0 "/dcMedia/streams/1024", "{\"streamId\":1024}", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/streams/1024/streamId"},
		{"add", M0 "/dcMedia/streams/x", "{}", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/streams/x/streamId"},
		{"replace", M0 "/dcMedia/streams/1002/subprotocol",
			"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
			"MANDATORY_IE_INCORRECT", M0 "/dcMedia/streams/1002/subprotocol"},
		{"replace", M0 "/dcMedia/securitySetup", "\"active\"", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/securitySetup"},
		{"replace", M0 "/dcMedia/securitySetup", "\"ACTPASS\"", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/securitySetup"},
		{"remove", M0 "/dcMedia/remoteDcEndpoint/sctpPort", NULL, "MANDATORY_IE_MISSING",
			M0 "/dcMedia/remoteDcEndpoint/sctpPort"},
		{"replace", M0 "/dcMedia/remoteDcEndpoint/sctpPort", "0", "MANDATORY_IE_INCORRECT",
			M0 "/dcMedia/remoteDcEndpoint/sctpPort"},
		{"remove", M0 "/dcMedia/remoteDcEndpoint/fingerprint", NULL, "MANDATORY_IE_MISSING",
			M0 "/dcMedia/remoteDcEndpoint/fingerprint"},
		{"replace", M0 "/dcMedia/remoteDcEndpoint/fingerprint", "\"SHA-256 AB:C\"",
			"MANDATORY_IE_INCORRECT", M0 "/dcMedia/remoteDcEndpoint/fingerprint"},
		{"replace", M0 "/x-ims-ar/remote/ice/pwd", "\"short\"", "MANDATORY_IE_INCORRECT",
			M0 "/x-ims-ar/remote/ice/pwd"},
		{"replace", M0 "/x-ims-ar/remote/ice/ufrag", "\"ab cd\"", "MANDATORY_IE_INCORRECT",
			M0 "/x-ims-ar/remote/ice/ufrag"},
		{"remove", M0 "/x-ims-ar/remote/ice/ufrag", NULL, "MANDATORY_IE_MISSING",
			M0 "/x-ims-ar/remote/ice/ufrag"},
		{"replace", M0 "/x-ims-ar/network", "\"mars\"", "MANDATORY_IE_INCORRECT",
			M0 "/x-ims-ar/network"},
		{"replace", M0 "/remoteMbEndpoint/ip/ipv4Addr", "\"ue.example\"",
			"MANDATORY_IE_INCORRECT", M0 "/remoteMbEndpoint/ip"},
		{"replace", M0 "/remoteMbEndpoint/portNumber", "70000", "MANDATORY_IE_INCORRECT",
			M0 "/remoteMbEndpoint/portNumber"},
		{"replace", "/x-ims-ar/scene", "\"mars\"", "OPTIONAL_IE_INCORRECT",
			"/x-ims-ar/scene"},
		{"replace", "/x-ims-ar/scene", "\"../../etc/passwd\"", "OPTIONAL_IE_INCORRECT",
			"/x-ims-ar/scene"},
		{"add", "/x-ims-ar/application", "\"none\"", "OPTIONAL_IE_INCORRECT",
			"/x-ims-ar/application"},
		{"add", "/x-ims-ar/leaseSeconds", "1", "MANDATORY_IE_INCORRECT",
			"/x-ims-ar/leaseSeconds"},
		{"replace", "/x-ims-ar/callId", "\"a\\nb\"", "MANDATORY_IE_INCORRECT",
			"/x-ims-ar/callId"},
		{"add", "/x-ims-ar/trace", "1", "MANDATORY_IE_INCORRECT", "/x-ims-ar/trace"},
		{"add", "/contextId", "\"mine\"", "MANDATORY_IE_INCORRECT", "/contextId"},
	};
	char *good = rig_body(2);
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		json_t *doc = json_loads(good, 0, NULL), *answer, *patch, *value = NULL;
		char *body;

		if (all[i].value)
			value = json_loads(all[i].value, JSON_DECODE_ANY, NULL);
		patch = json_pack(
			"[{s:s, s:s, s:o*}]", "op", all[i].op, "path", all[i].path, "value", value);
		assert_int_equal(json_patch_apply(&doc, patch, NULL), 0);
		body = json_dumps(doc, 0);
		if (rig_post(&r, body, &answer) != 400)
			fail_msg("%s %s %s was not refused", all[i].op, all[i].path, all[i].value);
		if (strcmp(text_at(answer, "/cause"), all[i].cause) != 0 ||
			strcmp(text_at(answer, "/invalidParams/0/param"), all[i].param) != 0)
			fail_msg("%s %s: %s", all[i].op, all[i].path, json_dumps(answer, 0));
		assert_int_equal(number_at(answer, "/status"), 400);
		free(body);
		json_decref(doc);
		json_decref(patch);
		json_decref(answer);
	}
	assert_int_equal(dcmf_contexts(r.d), 0);
	assert_int_equal(fake_live(), 0);
	free(good);
	rig_stop(&r);
}

static void not_json(void **state)
{
	static const char *const bodies[] = {"", "{", "[]", "\"x\"", "{\"a\":1,\"a\":2}",
		"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]"};
	struct rig r;
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_int_equal(rig_post(&r, bodies[i], &j), 400);
		assert_string_equal(text_at(j, "/cause"), "INVALID_MSG_FORMAT");
		json_decref(j);
	}
	rig_stop(&r);
}

static void limits(void **state)
{
	struct rig r;
	char *body = rig_body(1);
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(rig_post(&r, body, NULL), 201);
	assert_int_equal(rig_post(&r, body, &j), 503);
	assert_string_equal(text_at(j, "/cause"), "INSUFFICIENT_RESOURCES");
	json_decref(j);
	free(body);
	body = rig_body(MRM_MAX_TERMINATIONS + 1);
	assert_int_equal(rig_post(&r, body, NULL), 400);
	free(body);
	rig_stop(&r);
}

/* Whatever fails on the way, nothing stays behind. */
static void failure_leaves_nothing(void **state)
{
	struct rig r;
	char *body = rig_body(2);
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	fake_fail_next_new(-ENOSPC);
	assert_int_equal(rig_post(&r, body, &j), 503);
	json_decref(j);
	fake_fail_next_new(-ENOMEM);
	assert_int_equal(rig_post(&r, body, &j), 500);
	json_decref(j);
	assert_int_equal(dcmf_contexts(r.d), 0);
	assert_int_equal(fake_live(), 0);
	free(body);
	rig_stop(&r);
}

/* ---- the UE's answer ---- */

#define WAITING                                                                                    \
	"{\"terminations\":[{\"terminationId\":\"b\",\"medias\":[{\"mediaId\":\"1\","              \
	"\"mediaResourceType\":\"DC\",\"dcMedia\":{\"streams\":{\"1000\":{\"subprotocol\":"        \
	"\"mpeg-sd\"},\"1002\":{\"subprotocol\":\"3gpp-ar-metadata\"}}}}]}]}"
#define FP2                                                                                        \
	"sha-256 11:22:33:44:55:66:77:88:11:22:33:44:55:66:77:88:"                                 \
	"11:22:33:44:55:66:77:88:11:22:33:44:55:66:77:88"
#define ANSWER(ufrag, fp)                                                                          \
	"[{\"op\":\"add\",\"path\":\"" M0 "/dcMedia/remoteDcEndpoint\",\"value\":{\"sctpPort\":"   \
	"5001,\"fingerprint\":\"" fp "\"}},{\"op\":\"add\",\"path\":\"" M0                         \
	"/dcMedia/securitySetup\",\"value\":\"ACTIVE\"},{\"op\":\"add\",\"path\":\"" M0            \
	"/dcMedia/streams\",\"value\":{\"1000\":{\"subprotocol\":\"mpeg-sd\"}}},"                  \
	"{\"op\":\"add\",\"path\":\"" M0                                                           \
	"/x-ims-ar/remote\",\"value\":{\"ice\":{\"ufrag\":\"" ufrag                                \
	"\",\"pwd\":\"0123456789012345678901\"},\"fingerprints\":[\"" FP2 "\"]}}]"

static void answered(void **state)
{
	struct rig r;
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(rig_post(&r, WAITING, &j), 201);
	assert_int_equal(fake_remotes(fake_peer(0)), 0);
	json_decref(j);
	assert_int_equal(rig_patch(&r, ANSWER("wxyz", FP2), &j), 200);
	assert_int_equal(fake_remotes(fake_peer(0)), 1);
	assert_int_equal(fake_remote(fake_peer(0))->setup, AR_SETUP_ACTIVE);
	assert_int_equal(fake_remote(fake_peer(0))->nfingerprint, 1); /* the same twice */
	assert_int_equal(fake_remote(fake_peer(0))->addr.len, 0);
	assert_int_equal(fake_remote(fake_peer(0))->max_message_size, 65536);
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/ufrag"), "uf0");
	json_decref(j);
	/* the same again changes nothing */
	assert_int_equal(rig_patch(&r, ANSWER("wxyz", FP2), NULL), 200);
	assert_int_equal(fake_remotes(fake_peer(0)), 1);
	/* another ufrag of the UE is an ICE restart: ours changes too */
	assert_int_equal(rig_patch(&r, ANSWER("wxyz2", FP2), &j), 200);
	assert_int_equal(fake_remotes(fake_peer(0)), 2);
	assert_int_equal(fake_restarts(fake_peer(0)), 1);
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/ufrag"), "uf0r1");
	json_decref(j);
	/* what the UE left out is not used even if it opens */
	fake_connect(fake_peer(0));
	j = rig_get(&r);
	assert_int_equal(json_array_size(json_pointer_get(j, M0 "/x-ims-ar/channels")), 1);
	json_decref(j);
	rig_stop(&r);
}

static void patches_refused(void **state)
{
	static const struct {
		const char *ops;
		int status;
		const char *cause;
	} all[] = {
		{"[{\"op\":\"test\",\"path\":\"/contextId\",\"value\":\"x\"}]", 409,
			"MODIFICATION_CONFLICT"},
		{"[{\"op\":\"remove\",\"path\":\"/nothing\"}]", 400, "INVALID_MSG_FORMAT"},
		{"[]", 400, "INVALID_MSG_FORMAT"},
		{"{}", 400, "INVALID_MSG_FORMAT"},
		{"not json", 400, "INVALID_MSG_FORMAT"},
		{"[{\"op\":\"replace\",\"path\":\"/contextId\",\"value\":\"x\"}]", 400,
			"MODIFICATION_NOT_ALLOWED"},
		{"[{\"op\":\"replace\",\"path\":\"" M0 "/x-ims-ar/ice/ufrag\",\"value\":\"mine\"}]",
			400, "MODIFICATION_NOT_ALLOWED"},
		{"[{\"op\":\"remove\",\"path\":\"" M0 "/localMbEndpoint\"}]", 400,
			"MODIFICATION_NOT_ALLOWED"},
		{"[{\"op\":\"add\",\"path\":\"/x-ims-ar/scene\",\"value\":\"tiny\"}]", 400,
			"MODIFICATION_NOT_ALLOWED"},
		{"[{\"op\":\"remove\",\"path\":\"/terminations\"}]", 400, "MANDATORY_IE_MISSING"},
		{"[{\"op\":\"add\",\"path\":\"" M0 "/dcMedia/streams/1004\",\"value\":{}}]", 400,
			"MODIFICATION_NOT_ALLOWED"},
	};
	struct rig r;
	json_t *before, *after, *j;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	before = rig_get(&r);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int status = rig_patch(&r, all[i].ops, &j);

		if (status != all[i].status || strcmp(text_at(j, "/cause"), all[i].cause) != 0)
			fail_msg("%s: %d %s", all[i].ops, status, json_dumps(j, 0));
		json_decref(j);
	}
	after = rig_get(&r);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	rig_stop(&r);
}

/* Small patches cannot make a context that fills the memory, or that is too deep to walk. */
static void patches_add_up(void **state)
{
	static char text[100001];
	char at[128];
	struct rig r;
	json_t *ops;
	char *s;
	int i, status;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	rig_start(&r, NULL);
	rig_create(&r, 2);
	for (i = 0, status = 200; status == 200 && i < 20; i++) {
		snprintf(at, sizeof(at), "/x-ims-ar/more%d", i);
		ops = json_pack("[{s:s, s:s, s:s}]", "op", "add", "path", at, "value", text);
		s = json_dumps(ops, 0);
		json_decref(ops);
		status = rig_patch(&r, s, NULL);
		free(s);
	}
	assert_int_equal(status, 400);
	assert_in_range(i, 3, 8);
	snprintf(at, sizeof(at), "/x-ims-ar");
	for (i = 0, status = 200; status == 200 && i < 40; i++) {
		strcat(at, "/d");
		ops = json_pack("[{s:s, s:s, s:{}}]", "op", "add", "path", at, "value");
		s = json_dumps(ops, 0);
		json_decref(ops);
		status = rig_patch(&r, s, NULL);
		free(s);
	}
	assert_int_equal(status, 400);
	assert_in_range(i, 10, 16);
	rig_stop(&r);
}

/* A patch that brings one termination and breaks on another leaves neither. */
static void patch_is_atomic(void **state)
{
	struct rig r;
	json_t *j, *term;
	char *ops, *body = rig_body(3);

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	fake_refuse_remote(fake_peer(0), "no");
	j = json_loads(body, 0, NULL);
	term = json_pointer_get(j, "/terminations/2");
	json_incref(term);
	json_decref(j);
	j = json_pack("[{s:s, s:s, s:o}, {s:s, s:s, s:i}]", "op", "add", "path", "/terminations/-",
		"value", term, "op", "replace", "path", M0 "/dcMedia/remoteDcEndpoint/sctpPort",
		"value", 7);
	ops = json_dumps(j, 0);
	json_decref(j);
	assert_int_equal(rig_patch(&r, ops, &j), 400);
	json_decref(j);
	assert_int_equal(fake_live(), 2);
	j = rig_get(&r);
	assert_int_equal(json_array_size(json_object_get(j, "terminations")), 2);
	assert_int_equal(number_at(j, M0 "/dcMedia/remoteDcEndpoint/sctpPort"), 5000);
	json_decref(j);
	fake_refuse_remote(fake_peer(0), NULL);
	assert_int_equal(rig_patch(&r, ops, &j), 200);
	assert_int_equal(fake_live(), 3);
	assert_string_equal(text_at(j, "/terminations/2/medias/0/x-ims-ar/ice/ufrag"), "uf3");
	json_decref(j);
	assert_int_equal(
		rig_patch(&r, "[{\"op\":\"remove\",\"path\":\"/terminations/0\"}]", NULL), 200);
	assert_int_equal(fake_live(), 2);
	assert_null(fake_peer(0));
	free(ops);
	free(body);
	rig_stop(&r);
}

#define M1 "/terminations/1/medias/0"
#define UFRAG(medium, text)                                                                        \
	"{\"op\":\"replace\",\"path\":\"" medium "/x-ims-ar/remote/ice/ufrag\",\"value\":\"" text  \
	"\"}"

/* New facts of two UEs, of which the second's are refused, leave the first as it was. */
static void patch_of_two_is_atomic(void **state)
{
	struct rig r;
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	fake_refuse_remote(fake_peer(1), "no");
	assert_int_equal(rig_patch(&r, "[" UFRAG(M0, "wxyz") "," UFRAG(M1, "wxyz") "]", &j), 400);
	assert_non_null(strstr(text_at(j, "/detail"), "t1/1"));
	json_decref(j);
	assert_int_equal(fake_remotes(fake_peer(0)), 1);
	assert_int_equal(fake_restarts(fake_peer(0)), 0);
	/* a closed one would have got a fresh connection: it is not made, or goes again */
	fake_state(fake_peer(0), PEER_CLOSED, "gone");
	assert_int_equal(rig_patch(&r, "[" UFRAG(M0, "wxyz") "," UFRAG(M1, "wxyz") "]", NULL), 400);
	assert_int_equal(fake_live(), 2);
	j = rig_get(&r);
	assert_string_equal(text_at(j, M0 "/x-ims-ar/state"), "closed");
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/ufrag"), "uf0");
	json_decref(j);
	/* no room for that fresh one: the second is left alone too */
	fake_refuse_remote(fake_peer(1), NULL);
	fake_fail_next_new(-ENOSPC);
	assert_int_equal(rig_patch(&r, "[" UFRAG(M1, "wxyz") "," UFRAG(M0, "wxyz") "]", NULL), 503);
	assert_int_equal(fake_restarts(fake_peer(1)), 0);
	assert_int_equal(rig_patch(&r, "[" UFRAG(M0, "wxyz") "," UFRAG(M1, "wxyz") "]", &j), 200);
	assert_int_equal(fake_restarts(fake_peer(1)), 1);
	assert_string_not_equal(text_at(j, M0 "/x-ims-ar/ice/ufrag"), "uf0");
	json_decref(j);
	rig_stop(&r);
}

/* Without ICE the address says who it is, so two cannot have one. */
static void two_without_ice_at_one_address(void **state)
{
	static const char no_ice[] = "[{\"op\":\"remove\",\"path\":\"" M0 "/x-ims-ar/remote/ice\"},"
				     "{\"op\":\"remove\",\"path\":\"" M1 "/x-ims-ar/remote/ice\"},"
				     "{\"op\":\"replace\",\"path\":\"" M1
				     "/remoteMbEndpoint/portNumber\",\"value\":%d}]";
	char ops[600];
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	snprintf(ops, sizeof(ops), no_ice, 5000);
	assert_int_equal(rig_patch(&r, ops, NULL), 400);
	assert_int_equal(fake_remotes(fake_peer(0)), 1);
	snprintf(ops, sizeof(ops), no_ice, 5002);
	assert_int_equal(rig_patch(&r, ops, NULL), 200);
	assert_int_equal(fake_remotes(fake_peer(0)), 2);
	rig_stop(&r);
}

/* Ours is told to who makes a context, so that it can write the description; nothing of the UE's
 * comes back, and who looks later gets neither. */
static void secrets_are_not_shown(void **state)
{
	struct rig r;
	json_t *j;
	char *body = rig_body(2);

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(rig_post(&r, body, &j), 201);
	assert_non_null(json_pointer_get(j, M0 "/x-ims-ar/ice/pwd"));
	assert_non_null(json_pointer_get(j, M0 "/x-ims-ar/remote/ice/ufrag"));
	assert_null(json_pointer_get(j, M0 "/x-ims-ar/remote/ice/pwd"));
	json_decref(j);
	rig_create(&r, 2);
	assert_int_equal(rig_patch(&r, "[" UFRAG(M0, "wxyz") "]", &j), 200);
	assert_non_null(json_pointer_get(j, M0 "/x-ims-ar/ice/pwd"));
	assert_null(json_pointer_get(j, M0 "/x-ims-ar/remote/ice/pwd"));
	json_decref(j);
	j = rig_get(&r);
	assert_non_null(json_pointer_get(j, M0 "/x-ims-ar/ice/ufrag"));
	assert_null(json_pointer_get(j, M0 "/x-ims-ar/ice/pwd"));
	assert_null(json_pointer_get(j, M0 "/x-ims-ar/remote/ice/pwd"));
	json_decref(j);
	/* it is kept: a patch of something else needs it */
	assert_int_equal(rig_patch(&r, "[" UFRAG(M0, "wxyz2") "]", NULL), 200);
	assert_int_equal(fake_remote(fake_peer(2))->pwd.n > 0, 1);
	free(body);
	rig_stop(&r);
}

/* ---- life ---- */

static void deleted(void **state)
{
	struct dcmf_reply reply;
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	fake_connect(fake_peer(0));
	dcmf_delete(r.d, ar_span_str(r.context), r.now, &reply);
	assert_int_equal(reply.status, 204);
	assert_int_equal(fake_live(), 0);
	dcmf_delete(r.d, ar_span_str(r.context), r.now, &reply);
	assert_int_equal(reply.status, 404);
	dcmf_reply_free(&reply);
	dcmf_get(r.d, AR_SPAN("0.nothing"), r.now, &reply);
	assert_int_equal(reply.status, 404);
	dcmf_reply_free(&reply);
	dcmf_patch(r.d, AR_SPAN(""), AR_SPAN("[]"), r.now, &reply);
	assert_int_equal(reply.status, 404);
	dcmf_reply_free(&reply);
	rig_stop(&r);
}

static void events_and_states(void **state)
{
	struct rig r;
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 1);
	assert_int_equal(r.events, 0); /* nobody knows the id before the answer */
	fake_connect(fake_peer(0));
	assert_non_null(strstr(r.last_event, "\"state\":\"connected\""));
	assert_non_null(strstr(r.last_event, r.context));
	rig_pass(&r, 100000);
	j = rig_get(&r);
	assert_string_equal(text_at(j, M0 "/x-ims-ar/state"), "connected");
	assert_int_equal(number_at(j, M0 "/x-ims-ar/channels/0/id"), 1000);
	assert_true(number_at(j, M0 "/x-ims-ar/channels/0/tx") >= 1);
	assert_int_equal(number_at(j, M0 "/x-ims-ar/times/scene"), 0);
	assert_string_equal(text_at(j, "/x-ims-ar/scene/name"), "default");
	assert_int_equal(number_at(j, "/x-ims-ar/scene/nodes"), 6);
	json_decref(j);
	fake_state(fake_peer(0), PEER_CLOSED, "DTLS alert");
	assert_non_null(strstr(r.last_event, "DTLS alert"));
	rig_stop(&r);
}

static void idle_ends(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	rig_create(&r, 2);
	rig_pass(&r, 600ull * 1000000); /* never connected: its lease decides, not we */
	assert_int_equal(dcmf_contexts(r.d), 1);
	fake_connect(fake_peer(0));
	fake_connect(fake_peer(1));
	fake_state(fake_peer(0), PEER_CLOSED, "");
	rig_pass(&r, 120ull * 1000000);
	assert_int_equal(dcmf_contexts(r.d), 1);
	fake_state(fake_peer(1), PEER_CLOSED, "");
	rig_pass(&r, 58ull * 1000000);
	assert_int_equal(dcmf_contexts(r.d), 1);
	rig_pass(&r, 4ull * 1000000);
	assert_int_equal(dcmf_contexts(r.d), 0);
	assert_non_null(strstr(r.last_event, "context-gone"));
	assert_non_null(strstr(r.last_event, "idle"));
	assert_int_equal(fake_live(), 0);
	rig_stop(&r);
}

/* A UE that lost its connection comes back with new facts and gets a fresh peer. */
static void comes_back(void **state)
{
	struct rig r;
	json_t *j;

	(void)state;
	rig_start(&r, NULL);
	assert_int_equal(rig_post(&r, WAITING, NULL), 201);
	assert_int_equal(rig_patch(&r, ANSWER("wxyz", FP2), NULL), 200);
	fake_connect(fake_peer(0));
	fake_state(fake_peer(0), PEER_CLOSED, "gone");
	assert_int_equal(rig_patch(&r, ANSWER("next", FP2), &j), 200);
	assert_string_equal(text_at(j, M0 "/x-ims-ar/ice/ufrag"), "uf1");
	json_decref(j);
	assert_null(fake_peer(0));
	assert_int_equal(fake_live(), 1);
	fake_connect(fake_peer(1));
	rig_pass(&r, 50000);
	assert_true(fake_queued(fake_peer(1)) >= 1);
	rig_stop(&r);
}

static void networks(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} all[] = {{"default/192.0.2.1", true}, {"v6/[2001:db8::2]", true},
		{"v6/2001:db8::3", false}, {"v4/2001:db8::3", true},
		{"nat/10.0.0.1!192.0.2.9", true}, {"any/0.0.0.0", false},
		{"any/0.0.0.0!192.0.2.9", true}, {"mixed/10.0.0.1!2001:db8::1", false},
		{"default/192.0.2.2", false}, {"nothing", false}, {"/192.0.2.1", false},
		{"x/host.example", false}, {"x/192.0.2.1!", false}, {"x/", false},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/192.0.2.1", false}};
	struct nets_list l = {.n = 0};
	struct peer_addr a;
	char text[64];
	struct ar_buf err;

	(void)state;
	ar_buf_init(&err, 4096);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if ((nets_add(&l, all[i].text, &err) == 0) != all[i].ok)
			fail_msg("%s", all[i].text);
	}
	ar_buf_free(&err);
	assert_int_equal(nets_find(&l, AR_SPAN("default"), AF_INET6), -1);
	assert_int_equal(nets_find(&l, AR_SPAN("default"), AF_UNSPEC), 0);
	assert_int_equal(nets_addr_port_parse(&a, "[::1]:9910"), 0);
	assert_string_equal(nets_print(&a.ss, text, sizeof(text)), "[::1]:9910");
	assert_int_equal(nets_addr_port_parse(&a, "127.0.0.1:80"), 0);
	assert_string_equal(nets_print(&a.ss, text, sizeof(text)), "127.0.0.1:80");
	assert_int_equal(nets_addr_port_parse(&a, "::1:80"), -EINVAL);
	assert_int_equal(nets_addr_port_parse(&a, "127.0.0.1"), -EINVAL);
	assert_int_equal(nets_addr_port_parse(&a, "127.0.0.1:99999"), -EINVAL);
	assert_int_equal(nets_addr_port_parse(&a, "127.0.0.1:"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(created),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_json),
		cmocka_unit_test(limits),
		cmocka_unit_test(failure_leaves_nothing),
		cmocka_unit_test(answered),
		cmocka_unit_test(patches_refused),
		cmocka_unit_test(patches_add_up),
		cmocka_unit_test(patch_is_atomic),
		cmocka_unit_test(patch_of_two_is_atomic),
		cmocka_unit_test(two_without_ice_at_one_address),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(deleted),
		cmocka_unit_test(events_and_states),
		cmocka_unit_test(idle_ends),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
