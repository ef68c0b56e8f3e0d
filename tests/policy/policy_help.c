/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy_help.h"

#include "common/daemon/ar_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

char policy_test_dir[] = "/tmp/test_policy.XXXXXX";
char policy_test_script[64];

void policy_test_write_to(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", policy_test_dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

int policy_test_load(
	struct policy **pp, const char *text, const struct policy_conf *base, char *why)
{
	struct policy_conf conf = base ? *base : (struct policy_conf){0};
	struct ar_buf err;
	int rc;

	policy_test_write_to("policy.lua", text);
	conf.script = policy_test_script;
	conf.lib_dir = LIB;
	ar_buf_init(&err, 4000);
	rc = policy_load(pp, &conf, &err);
	snprintf(why, 4096, "%.*s", (int)err.n, err.n ? err.p : "");
	ar_buf_free(&err);
	return rc;
}

struct policy *policy_test_good_conf(const char *text, const struct policy_conf *conf)
{
	struct policy *p = NULL;
	char why[4096];

	if (policy_test_load(&p, text, conf, why) != 0)
		print_error("%s\n", why);
	assert_non_null(p);
	return p;
}

struct policy *policy_test_good(const char *text)
{
	return policy_test_good_conf(text, NULL);
}

void policy_test_bad(const char *text, const char *says)
{
	struct policy *p = NULL;
	char why[4096];

	assert_int_equal(policy_test_load(&p, text, NULL, why), -EINVAL);
	assert_null(p);
	if (strncmp(why, says, strlen(says)) != 0)
		print_error("'%s', not '%s'\n", why, says);
	assert_memory_equal(why, says, strlen(says));
}

/* An AR call with audio, video and two channels. */
struct policy_call *policy_test_ar_call(const char *caller)
{
	static const struct policy_media media[] = {
		{AR_SPAN("audio"), AR_SPAN("RTP/AVP"), AR_SDP_AUDIO, true},
		{AR_SPAN("video"), AR_SPAN("RTP/AVP"), AR_SDP_VIDEO, true},
		{AR_SPAN("application"), AR_SPAN("UDP/DTLS/SCTP"), AR_SDP_DATACHANNEL, true}};
	static const struct ar_dc_stream channels[] = {{.id = 1000,
							       .ordered = true,
							       .max_retr = -1,
							       .max_time = -1,
							       .priority = 256,
							       .subprotocol = AR_SPAN("mpeg-sd"),
							       .label = AR_SPAN("scene")},
		{.id = 1002,
			.max_retr = 0,
			.max_time = -1,
			.subprotocol = AR_SPAN("3gpp-ar-metadata")}};
	static const struct policy_dcmf dcmfs[] = {
		{AR_SPAN("one"), true, 50, 5}, {AR_SPAN("two"), false, 0, 0}};
	static const struct policy_fact facts[] = {{AR_SPAN("tier"), AR_SPAN("gold"), AR_SPAN_NONE},
		{AR_SPAN("age"), AR_SPAN_NONE, AR_SPAN("timeout")}};
	static struct policy_call c;

	c = (struct policy_call){.callid = AR_SPAN("call-7"),
		.asserted = AR_SPAN("sip:alice@ims.example"),
		.role = AR_SPAN("originating"),
		.initial = true,
		.cls = AR_CLASS_AR,
		.reasons = AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL,
		.media = media,
		.nmedia = 3,
		.channels = channels,
		.nchannels = 2,
		.req_app = AR_SPAN("urn:x"),
		.source = AR_SPAN("192.0.2.7:5060"),
		.calls_of_caller = 1,
		.calls_total = 17,
		.hour = 12,
		.minute = 34,
		.weekday = 3,
		.dcmfs = dcmfs,
		.ndcmfs = 2,
		.facts = facts,
		.nfacts = 2};
	policy_party_set(&c.caller, ar_span_str(caller));
	c.caller.caps = POLICY_CAP_DC | POLICY_CAP_AR_ASSISTED;
	policy_party_set(&c.callee, AR_SPAN("sip:bob@ims.example"));
	return &c;
}

enum policy_result policy_test_decide(
	struct policy *p, const struct policy_call *c, struct policy_verdict *v)
{
	struct policy_gen *gen = policy_pin(p);
	enum policy_result r = policy_decide(gen, c, v);

	policy_unpin(gen);
	return r;
}

int policy_test_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(policy_test_dir));
	snprintf(policy_test_script, sizeof(policy_test_script), "%s/policy.lua", policy_test_dir);
	ar_log_init("test_policy", AR_LOG_ERR);
	return 0;
}

int policy_test_teardown(void **state)
{
	static const char *const files[] = {"policy.lua", "blocked.list", "scenes.lua"};
	char path[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s/%s", policy_test_dir, files[i]);
		unlink(path);
	}
	return rmdir(policy_test_dir);
}
