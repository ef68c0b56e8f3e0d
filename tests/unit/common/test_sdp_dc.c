/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "common/sdp_dc.h"
#include "tests/unit/common/samples.h"

#include <errno.h>
#include <stdio.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1/127\r\nt=0 0\r\n"
#define M "m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\n"
#define FPL "a=fingerprint:sha-256 " FP32 "\r\n"
#define LIVE HEAD M "a=sctp-port:5000\r\n" FPL
/* number of the first line after LIVE */
#define LIVE_NEXT 9

static int read_dc(struct ar_sdp_dc *dc, const char *text, struct ar_sdp_error *err)
{
	static struct ar_sdp sdp;
	struct ar_sdp_error e;

	if (ar_sdp_parse(&sdp, text, strlen(text), &e) != 0)
		fail_msg("line %u: %s", e.line, e.reason);
	return ar_sdp_dc_parse(dc, &sdp, sdp.nmedia - 1, err);
}

static void must_read(struct ar_sdp_dc *dc, const char *text)
{
	struct ar_sdp_error err;

	if (read_dc(dc, text, &err) != 0)
		fail_msg("line %u: %s in\n%s", err.line, err.reason, text);
}

static void assert_span(struct ar_span s, const char *want)
{
	if (s.n != strlen(want) || memcmp(s.p, want, s.n) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", (int)s.n, s.p, want);
}

static void reads_a_browser(void **state)
{
	struct ar_sdp_dc dc;

	(void)state;
	must_read(&dc, CHROMIUM_OFFER);
	assert_span(dc.ufrag, "Qx7f");
	assert_span(dc.pwd, "3nRk2p9vT5xB1nZ8sW4dLq0c");
	assert_int_equal(dc.nfingerprint, 1);
	assert_span(dc.fingerprint[0], "sha-256 " FP32);
	assert_int_equal(dc.setup, AR_SETUP_ACTPASS);
	assert_span(dc.mid, "1");
	assert_span(dc.addr, "192.0.2.10");
	assert_int_equal(dc.sctp_port, 5000);
	assert_int_equal(dc.max_message_size, 262144);
	assert_int_equal(dc.ncandidate, 1);
	assert_int_equal(dc.nstream, 2);
	assert_int_equal(dc.stream[0].id, 1000);
	assert_true(dc.stream[0].ordered);
	assert_int_equal(dc.stream[0].max_retr, -1);
	assert_int_equal(dc.stream[0].max_time, -1);
	assert_int_equal(dc.stream[0].priority, 256);
	assert_span(dc.stream[0].subprotocol, "mpeg-sd");
	assert_span(dc.stream[0].label, "scene");
	assert_false(dc.stream[1].ordered);
	assert_int_equal(dc.stream[1].max_retr, 0);
	assert_false(dc.ice_lite);
	assert_false(dc.bundle_only);
	assert_null(dc.tls_id.p);
}

/* Session-level ICE, fingerprint, setup and c= count; the blank before tls-id does not; options
 * apart by blanks and a bare `ordered` are understood. */
static void reads_a_handset(void **state)
{
	struct ar_sdp_dc dc;

	(void)state;
	must_read(&dc, HANDSET_OFFER);
	assert_span(dc.ufrag, "8hhY");
	assert_span(dc.pwd, "asd88fgpdd777uzjYhagZg");
	assert_int_equal(dc.nfingerprint, 1);
	assert_int_equal(dc.setup, AR_SETUP_ACTPASS);
	assert_span(dc.tls_id, "abc3de65cddef001be83");
	assert_span(dc.addr, "192.0.2.156");
	assert_span(dc.req_app, "ar-room");
	assert_int_equal(dc.nstream, 2);
	assert_span(dc.stream[0].label, "scene");
	assert_span(dc.stream[0].subprotocol, "mpeg-sd");
	assert_true(dc.stream[0].ordered);
}

static void section_hides_session(void **state)
{
	struct ar_sdp_dc dc;

	(void)state;
	must_read(&dc, HEAD
		"a=ice-ufrag:sess\r\na=ice-pwd:ssssssssssssssssssssss\r\na=setup:active\r\n"
		"a=ice-lite\r\na=sctp-port:77\r\na=mid:no\r\n"
		"a=fingerprint:sha-1 00:11\r\na=fingerprint:nonsense\r\n" M
		"c=IN IP6 2001:db8::5\r\na=sctp-port:5000\r\n" FPL
		"a=ice-pwd:mmmmmmmmmmmmmmmmmmmmmm\r\na=ice-ufrag:media\r\na=setup:passive\r\n");
	assert_span(dc.ufrag, "media");
	assert_span(dc.pwd, "mmmmmmmmmmmmmmmmmmmmmm");
	assert_int_equal(dc.setup, AR_SETUP_PASSIVE);
	assert_int_equal(dc.nfingerprint, 1);
	assert_span(dc.addr, "2001:db8::5");
	assert_true(dc.ice_lite);
	assert_int_equal(dc.sctp_port, 5000);
	assert_null(dc.mid.p);
	/* ice-lite inside a section means nothing (RFC 8839 5.3) */
	must_read(&dc, LIVE "a=ice-lite\r\n");
	assert_false(dc.ice_lite);
	assert_span(dc.addr, "192.0.2.1"); /* the ttl goes */
}

static void defaults(void **state)
{
	struct ar_sdp_dc dc;

	(void)state;
	must_read(&dc, LIVE);
	assert_int_equal(dc.max_message_size, AR_DC_DEFAULT_MESSAGE_SIZE);
	assert_int_equal(dc.setup, AR_SETUP_NONE);
	assert_null(dc.ufrag.p);
	assert_int_equal(dc.nstream, 0);
	must_read(&dc, LIVE "a=max-message-size:0\r\n");
	assert_int_equal(dc.max_message_size, 0);
	must_read(&dc, LIVE "a=max-message-size:18446744073709551615\r\n");
	assert_true(dc.max_message_size == UINT64_MAX);
}

static void dcmap_leniency(void **state)
{
	struct ar_sdp_dc dc;
	const struct ar_dc_stream *st = dc.stream;

	(void)state;
	must_read(&dc,
		LIVE "a=dcmap:2 label=\"avatar-anim-1\" subprotocol=\"3gpp-ar-animation\" ordered "
		     "max-time=150\r\n"
		     "a=dcmap: 65534 max-retr=5;  label=\"a;b c%22\" ;priority=65535;x-new=1;y\r\n"
		     "a=dcmap:0\r\n"
		     "a=dcmap:1 ORDERED=FALSE;SubProtocol=mpeg-sd\r\n"
		     "a=dcmap:3 ordered=maybe;label=\"\"\r\n");
	assert_int_equal(dc.nstream, 5);
	assert_true(st[0].ordered);
	assert_int_equal(st[0].max_time, 150);
	assert_span(st[0].label, "avatar-anim-1");
	assert_int_equal(st[1].id, 65534);
	assert_int_equal(st[1].max_retr, 5);
	assert_int_equal(st[1].priority, 65535);
	assert_span(st[1].label, "a;b c%22");
	assert_true(st[2].ordered);
	assert_null(st[2].label.p);
	assert_false(st[3].ordered);
	assert_span(st[3].subprotocol, "mpeg-sd");
	assert_true(st[4].ordered);
	assert_span(st[4].label, "");
}

static void refuses_with_line_and_reason(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *reason; /* a part of it */
	} cases[] = {
		{HEAD M FPL, 6, "no sctp-port"},
		{HEAD M "a=sctp-port:5000\r\n", 6, "fingerprint"},
		{HEAD "m=application 5 UDP/DTLS/SCTP webrtc-datachannel "
		      "two\r\na=sctp-port:5\r\n" FPL,
			6, "more than one format"},
		{HEAD "m=application 0 UDP/DTLS/SCTP webrtc-datachannel two\r\n", 6,
			"more than one format"},
		{LIVE "a=dcmap:1000 max-retr=1;max-time=5\r\n", LIVE_NEXT, "exclude"},
		{LIVE "a=dcmap:1000 max-time=5 ordered max-retr=1\r\n", LIVE_NEXT, "exclude"},
		{LIVE "a=dcmap:65535\r\n", LIVE_NEXT, "stream id"},
		{LIVE "a=dcmap:x\r\n", LIVE_NEXT, "stream id"},
		{LIVE "a=dcmap:\r\n", LIVE_NEXT, "stream id"},
		{LIVE "a=dcmap:-1\r\n", LIVE_NEXT, "stream id"},
		{LIVE "a=dcmap:7\r\na=dcmap:8\r\na=dcmap:7 label=\"x\"\r\n", LIVE_NEXT + 2,
			"twice"},
		{LIVE "a=dcmap:7 label=\"x\r\n", LIVE_NEXT, "without an end"},
		{LIVE "a=dcmap:7 max-retr=x\r\n", LIVE_NEXT, "max-retr"},
		{LIVE "a=dcmap:7 max-retr=2147483648\r\n", LIVE_NEXT, "max-retr"},
		{LIVE "a=dcmap:7 max-time=\r\n", LIVE_NEXT, "max-time"},
		{LIVE "a=dcmap:7 priority=65536\r\n", LIVE_NEXT, "priority"},
		{LIVE "a=sctp-port:5000\r\n", LIVE_NEXT, "twice"},
		{LIVE "a=setup:holdconn\r\n", LIVE_NEXT, "setup"},
		{LIVE "a=setup:\r\n", LIVE_NEXT, "setup"},
		{LIVE "a=max-message-size:1k\r\n", LIVE_NEXT, "max-message-size"},
		{LIVE "a=ice-ufrag:abc\r\na=ice-pwd:0123456789012345678901\r\n", LIVE_NEXT,
			"ice-ufrag"},
		{LIVE "a=ice-ufrag:abcd\r\na=ice-pwd:012345678901234567890\r\n", LIVE_NEXT + 1,
			"ice-pwd"},
		{LIVE "a=ice-ufrag:ab cd\r\na=ice-pwd:0123456789012345678901\r\n", LIVE_NEXT,
			"ice-ufrag"},
		{LIVE "a=ice-ufrag:abcd\r\n", 6, "go together"},
		{LIVE "a=mid:\r\n", LIVE_NEXT, "mid"},
		{HEAD M "a=sctp-port:65536\r\n" FPL, 7, "sctp-port"},
		{LIVE "a=fingerprint:sha-256\r\n", LIVE_NEXT, "fingerprint"},
		{LIVE "a=fingerprint:sha-256 AB:CG\r\n", LIVE_NEXT, "fingerprint"},
		{LIVE "a=fingerprint:sha-256 AB:C\r\n", LIVE_NEXT, "fingerprint"},
		{LIVE "a=fingerprint:sha-256 AB-CD\r\n", LIVE_NEXT, "fingerprint"},
		{HEAD M "a=sctp-port:5000\r\na=fingerprint:md5 AB:CD\r\n", 6,
			"no usable fingerprint"},
		/* in the session: its own line */
		{"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\na=setup:holdconn\r\nc=IN IP4 h\r\n" M
		 "a=sctp-port:5\r\n" FPL,
			4, "setup"},
	};
	struct ar_sdp_error err;
	struct ar_sdp_dc dc;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct ar_sdp_error){999, "-"};
		if (read_dc(&dc, cases[i].text, &err) != -EBADMSG)
			fail_msg("case %zu was not refused", i);
		if (err.line != cases[i].line || !strstr(err.reason, cases[i].reason))
			fail_msg("case %zu: line %u, %s", i, err.line, err.reason);
		assert_int_equal(read_dc(&dc, cases[i].text, NULL), -EBADMSG);
	}
}

static void other_sections_are_none(void **state)
{
	struct ar_sdp_error err;
	struct ar_sdp_dc dc;
	struct ar_sdp sdp;

	(void)state;
	assert_int_equal(read_dc(&dc,
				 HEAD "m=application 5 DTLS/SCTP 5000\r\n"
				      "a=sctpmap:5000 webrtc-datachannel 1024\r\n",
				 &err),
		-EBADMSG);
	assert_string_equal(err.reason, "not a data channel section");
	assert_int_equal(ar_sdp_parse(&sdp, LIVE, strlen(LIVE), NULL), 0);
	assert_int_equal(ar_sdp_dc_parse(&dc, &sdp, 1, &err), -EBADMSG);
	assert_int_equal(ar_sdp_dc_parse(&dc, &sdp, 99, NULL), -EBADMSG);
}

/* A refused section may be bare; a bundle-only one is at port 0 and says all the same. */
static void port_zero(void **state)
{
	struct ar_sdp_dc dc;
	struct ar_sdp sdp;
	static const char text[] = HEAD "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
					"a=bundle-only\r\na=mid:1\r\na=sctp-port:5000\r\n";

	(void)state;
	must_read(&dc, HEAD "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n");
	must_read(&dc, text);
	assert_true(dc.bundle_only);
	assert_int_equal(ar_sdp_parse(&sdp, text, strlen(text), NULL), 0);
	assert_false(ar_sdp_dc_live(&sdp.media[0], &dc));
	assert_int_equal(ar_sdp_parse(&sdp, LIVE, strlen(LIVE), NULL), 0);
	assert_int_equal(ar_sdp_dc_parse(&dc, &sdp, 0, NULL), 0);
	assert_true(ar_sdp_dc_live(&sdp.media[0], &dc));
	/* sctp-port:0 closes (RFC 8841 6.6), and needs no fingerprint any more */
	must_read(&dc, HEAD M "a=sctp-port:0\r\n");
	assert_false(ar_sdp_dc_live(&sdp.media[0], &dc));
}

static void maxima(void **state)
{
	char text[8000];
	struct ar_sdp_error err;
	struct ar_sdp_dc dc;
	size_t n = (size_t)snprintf(text, sizeof(text), LIVE);

	(void)state;
	for (int i = 0; i < AR_DC_MAX_STREAMS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a=dcmap:%d\r\n", i);
	for (int i = 0; i < AR_DC_MAX_CANDIDATES + 3; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a=candidate:%d\r\n", i);
	for (int i = 0; i < AR_DC_MAX_FINGERPRINTS + 3; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "a=fingerprint:sha-1 0%d\r\n", i);
	must_read(&dc, text);
	assert_int_equal(dc.nstream, AR_DC_MAX_STREAMS);
	assert_int_equal(dc.ncandidate, AR_DC_MAX_CANDIDATES); /* more are ignored */
	assert_int_equal(dc.nfingerprint, AR_DC_MAX_FINGERPRINTS);
	snprintf(text + n, sizeof(text) - n, "a=dcmap:999\r\n");
	assert_int_equal(read_dc(&dc, text, &err), -EBADMSG);
	assert_string_equal(err.reason, "dcmap: too many streams in one section");
}

static void setup_names(void **state)
{
	(void)state;
	assert_string_equal(ar_setup_name(AR_SETUP_ACTPASS), "actpass");
	assert_string_equal(ar_setup_name(AR_SETUP_ACTIVE), "active");
	assert_string_equal(ar_setup_name(AR_SETUP_PASSIVE), "passive");
	assert_string_equal(ar_setup_name(AR_SETUP_NONE), "none");
	assert_string_equal(ar_setup_name((enum ar_setup)9), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_browser),
		cmocka_unit_test(reads_a_handset),
		cmocka_unit_test(section_hides_session),
		cmocka_unit_test(defaults),
		cmocka_unit_test(dcmap_leniency),
		cmocka_unit_test(refuses_with_line_and_reason),
		cmocka_unit_test(other_sections_are_none),
		cmocka_unit_test(port_zero),
		cmocka_unit_test(maxima),
		cmocka_unit_test(setup_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
