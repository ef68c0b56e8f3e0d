/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asd --decide INVITE.sip: reading an INVITE, and what its offer becomes. */
#include "asd/policy/policy_sip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define SDP                                                                                        \
	"v=0\r\n"                                                                                  \
	"o=alice 1 1 IN IP4 192.0.2.7\r\n"                                                         \
	"s=-\r\n"                                                                                  \
	"c=IN IP4 192.0.2.7\r\n"                                                                   \
	"t=0 0\r\n"                                                                                \
	"m=audio 49170 RTP/AVP 0\r\n"                                                              \
	"m=video 0 RTP/AVP 96\r\n"                                                                 \
	"m=application 52718 UDP/DTLS/SCTP webrtc-datachannel\r\n"                                 \
	"a=ice-ufrag:8hhY\r\n"                                                                     \
	"a=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"                                                     \
	"a=sctp-port:5000\r\n"                                                                     \
	"a=setup:actpass\r\n"                                                                      \
	"a=fingerprint:SHA-256 "                                                                   \
	"4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:"                                         \
	"19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF\r\n"                                      \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"

#define HEAD                                                                                       \
	"INVITE sip:bob@ims.example;user=phone SIP/2.0\r\n"                                        \
	"Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\n"                                      \
	"f: \"Alice <x>\" <sip:anonymous@anonymous.invalid>;tag=1\r\n"                             \
	"To: <sip:bob@ims.example>\r\n"                                                            \
	"Call-ID: abc@ue\r\n"                                                                      \
	"Contact: <sip:alice@192.0.2.7>;+sip.app-subtype=\"webrtc-datachannel\"\r\n"               \
	" ;+sip.3gpp-ar-support=\r\n\t\"ar-assisted\"\r\n"                                         \
	"P-Asserted-Identity: <sip:alice@ims.example>\r\n"

static int read_text(struct policy_sip *s, const char *text, char why[256])
{
	why[0] = '\0';
	return policy_sip_read(s, ar_span_str(text), why, 256);
}

static void test_call(void **state)
{
	struct policy_sip *s = calloc(1, sizeof(*s));
	struct policy_call *c = &s->pc.call;
	char why[256];

	(void)state;
	assert_int_equal(read_text(s, HEAD "\r\n" SDP, why), 0);
	assert_true(ar_span_eq(c->callid, AR_SPAN("abc@ue")));
	assert_true(ar_span_eq(c->caller.user, AR_SPAN("alice"))); /* asserted, not From */
	assert_true(ar_span_eq(c->asserted, AR_SPAN("sip:alice@ims.example")));
	assert_true(ar_span_eq(c->callee.host, AR_SPAN("ims.example")));
	assert_true(c->initial);
	assert_int_equal(c->cls, AR_CLASS_AR);
	assert_true(c->caller.caps & POLICY_CAP_DC);
	assert_true(c->caller.caps & POLICY_CAP_AR_ASSISTED);
	assert_false(c->caller.caps & POLICY_CAP_AR_CAPABLE);
	assert_int_equal(c->nmedia, 3);
	assert_true(c->media[0].live);
	assert_false(c->media[1].live);
	assert_int_equal(c->media[2].kind, AR_SDP_DATACHANNEL);
	assert_int_equal(c->nchannels, 1);
	assert_true(ar_span_eq(c->channels[0].subprotocol, AR_SPAN("mpeg-sd")));
	policy_sip_free(s);
	free(s);
}

static void test_other_calls(void **state)
{
	static const char change[] = "INVITE tel:+49301 SIP/2.0\nFrom: sip:a@b;tag=x\nTo: "
				     "<sip:c@d>;tag=y\nCall-ID: 1\n\n";
	struct policy_sip *s = calloc(1, sizeof(*s));
	char why[256];

	(void)state;
	/* LF alone, no body, addr-spec without <>, a change inside a dialog. */
	assert_int_equal(read_text(s, change, why), 0);
	assert_false(s->pc.call.initial);
	assert_true(ar_span_eq(s->pc.call.caller.uri, AR_SPAN("sip:a@b")));
	assert_null(s->pc.call.asserted.p);
	assert_true(ar_span_eq(s->pc.call.callee.user, AR_SPAN("+49301")));
	assert_int_equal(s->pc.call.nmedia, 0);
	assert_int_equal(s->pc.call.cls, AR_CLASS_NONE);
	policy_sip_free(s);
	free(s);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", "line 1: neither JSON nor an INVITE"},
		{"BYE sip:a@b SIP/2.0\r\n\r\n", "line 1: neither"},
		{"INVITE sip:a@b\r\n\r\n", "line 1: not a request line"},
		{"INVITE sip:a@b SIP/2.0", "Call-ID or From is missing"},
		{"INVITE sip:a@b SIP/2.0\r\nFrom: x\r\n\r\n", "Call-ID or From is missing"},
		{HEAD "\r\nv=0\r\nnonsense\r\n", "sdp line 2: "},
	};
	struct policy_sip *s = calloc(1, sizeof(*s));
	char why[256], *text;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(read_text(s, bad[i].text, why), -EINVAL);
		if (strncmp(why, bad[i].says, strlen(bad[i].says)) != 0)
			print_error("%s\n", why);
		assert_memory_equal(why, bad[i].says, strlen(bad[i].says));
		policy_sip_free(s);
	}
	/* Cut anywhere: an error or a call, and no byte too far. */
	n = sizeof(HEAD "\r\n" SDP) - 1;
	for (i = 0; i < n; i += 3) {
		text = malloc(i + 1);
		memcpy(text, HEAD "\r\n" SDP, i);
		(void)!policy_sip_read(s, (struct ar_span){text, i}, why, sizeof(why));
		policy_sip_free(s);
		free(text);
	}
	free(s);
}

static char *diff_of(const struct policy_sip *s, enum policy_action action)
{
	struct policy_verdict *v = calloc(1, sizeof(*v));
	char *out = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&out, &n);

	v->action = action;
	v->nsteps = 1; /* of no effect without video */
	v->step[0] = (struct policy_step){.party = POLICY_CALLER,
		.media = "video",
		.by = "armf",
		.op = "overlay",
		.codec = "H264"};
	policy_sip_diff(s, v, f);
	fclose(f);
	free(v);
	return out;
}

static void test_diff(void **state)
{
	struct policy_sip *s = calloc(1, sizeof(*s));
	char why[256], *d;

	(void)state;
	assert_int_equal(read_text(s, HEAD "\r\n" SDP, why), 0);
	d = diff_of(s, POLICY_AR);
	assert_non_null(strstr(d, "offer to the callee, with example addresses:\n"));
	assert_non_null(strstr(d, "\n  m=audio 49170 RTP/AVP 0\n"));
	assert_non_null(strstr(d, "\n- a=ice-ufrag:8hhY\n"));
	assert_non_null(strstr(d, "\n+ a=ice-lite\n"));
	assert_non_null(strstr(d, "\n  a=dcmap:1000 subprotocol=\"mpeg-sd\"\n"));
	free(d);
	d = diff_of(s, POLICY_PLAIN);
	assert_non_null(strstr(d, "\n- m=application 52718"));
	assert_non_null(strstr(d, "\n+ m=application 0"));
	free(d);
	d = diff_of(s, POLICY_DENY);
	assert_string_equal(d, "");
	free(d);
	policy_sip_free(s);
	free(s);
}

static void test_diff_of_media(void **state)
{
	static const char video[] = "m=video 49172 UDP/TLS/RTP/SAVPF 96 97\r\na=setup:actpass\r\n"
				    "a=rtcp-mux\r\n"
				    "a=fingerprint:SHA-256 AB:CD\r\na=rtpmap:96 VP8/90000\r\n"
				    "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n";
	static const char other[] = "m=video 49172 UDP/TLS/RTP/SAVPF 98\r\na=setup:actpass\r\n"
				    "a=fingerprint:SHA-256 AB:CD\r\na=rtpmap:98 VP9/90000\r\n";
	struct policy_sip *s = calloc(1, sizeof(*s));
	char why[256], text[4096], *d;

	(void)state;
	snprintf(text, sizeof(text), HEAD "\r\n" SDP "%s", video);
	assert_int_equal(read_text(s, text, why), 0);
	d = diff_of(s, POLICY_AR);
	assert_non_null(strstr(d, "\n- m=video 49172 UDP/TLS/RTP/SAVPF 96 97\n"));
	assert_non_null(strstr(d, "\n+ m=video 40002 UDP/TLS/RTP/SAVPF 97 96\n"));
	free(d);
	policy_sip_free(s);
	snprintf(text, sizeof(text), HEAD "\r\n" SDP "%s", other);
	assert_int_equal(read_text(s, text, why), 0);
	d = diff_of(s, POLICY_AR);
	assert_non_null(strstr(d, "neither VP8 nor H264"));
	assert_non_null(strstr(d, "\n  m=video 49172 UDP/TLS/RTP/SAVPF 98\n"));
	free(d);
	policy_sip_free(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_other_calls),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_diff_of_media),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
