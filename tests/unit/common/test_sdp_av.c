/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Audio and video sections: what is read, and what strangers may write there. */
#include "tests/unit/common/cmocka_all.h"
#include "common/sdp_av.h"
#include "tests/unit/common/plan_help.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

static struct ar_sdp sdp;
static struct ar_sdp_av av;
static char text[20000];

static void read_av(const char *session, const char *section)
{
	snprintf(text, sizeof(text), HEAD "%s%s", session, section);
	parse(&sdp, text);
	assert_true(ar_sdp_av_parse(&av, &sdp, 0));
}

#define SAME(s, lit) assert_true(ar_span_eq(s, AR_SPAN(lit)))

static void a_browsers_video(void **state)
{
	(void)state;
	read_av("",
		"m=video 9 UDP/TLS/RTP/SAVPF 97 96 98 35\r\nc=IN IP6 2001:db8::1/64\r\nb=AS:700\r\n"
		"a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
		"a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\na=mid:v\r\n"
		"a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
		"a=extmap:3 urn:a\r\na=extmap:4/sendonly urn:b\r\na=extmap:x urn:c\r\n"
		"a=rtcp-mux\r\na=rtcp-rsize\r\na=recvonly\r\n"
		"a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
		"a=rtcp-fb:* transport-cc\r\na=rtcp-fb:98 ccm fir\r\na=rtcp-fb:96 x y\r\n"
		"a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96;rtx-time=3000\r\n"
		"a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1; "
		"profile-level-id=42e01f\r\n"
		"a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:c\r\na=ssrc:1 msid:a b\r\na=ssrc:2 "
		"cname:c\r\n");
	assert_int_equal(av.transport, AR_AV_DTLS);
	assert_true(av.feedback);
	SAME(av.ufrag, "abcd");
	SAME(av.addr, "2001:db8::1");
	assert_int_equal(av.nfingerprint, 1);
	assert_int_equal(av.setup, AR_SETUP_ACTPASS);
	assert_int_equal(av.direction, AR_RECVONLY);
	assert_int_equal(av.max_kbps, 700);
	assert_int_equal(av.next, 1); /* a direction of its own, or no number: left out */
	assert_int_equal(av.ncodec, 2);
	SAME(av.codec[0].name, "VP8");
	assert_int_equal(av.codec[0].rtx, 97);
	assert_int_equal(av.codec[0].fb, AR_FB_NACK | AR_FB_PLI | AR_FB_TCC);
	assert_int_equal(av.codec[1].fb, AR_FB_FIR | AR_FB_TCC);
	assert_int_equal(av.codec[1].rtx, -1);
	SAME(ar_av_fmtp(av.codec[1].fmtp, "profile-level-id"), "42e01f");
	assert_int_equal(av.nssrc, 2);
	assert_int_equal(av.ssrc[0].rtx, 2);
	SAME(av.ssrc[0].cname, "c");
	assert_true(av.rtcp_mux && av.rtcp_rsize);
}

static void what_the_session_says(void **state)
{
	(void)state;
	read_av("c=IN IP4 192.0.2.9\r\na=ice-ufrag:sess\r\na=ice-pwd:0123456789012345678901\r\n"
		"a=fingerprint:sha-1 AA\r\na=setup:passive\r\na=sendonly\r\na=ice-lite\r\n",
		"m=audio 4000 UDP/TLS/RTP/SAVP 0 8\r\n");
	SAME(av.ufrag, "sess");
	SAME(av.addr, "192.0.2.9");
	assert_int_equal(av.setup, AR_SETUP_PASSIVE);
	assert_int_equal(av.direction, AR_SENDONLY);
	assert_true(av.ice_lite);
	assert_int_equal(av.ncodec, 2); /* RFC 3551's own numbers */
	SAME(av.codec[1].name, "PCMA");
	assert_int_equal(av.rtcp_port, 4001);
	/* its own hides the session's */
	read_av("a=inactive\r\n", "m=audio 65535 RTP/AVP 0\r\nc=IN IP4 1.2.3.4\r\na=sendrecv\r\n"
				  "a=rtcp:7 IN IP4 1.2.3.4\r\n");
	assert_int_equal(av.direction, AR_SENDRECV);
	assert_int_equal(av.rtcp_port, 7);
}

static enum ar_av_transport transport_of(const char *proto, const char *lines)
{
	char section[400];

	snprintf(section, sizeof(section), "m=video 9 %s 96\r\nc=IN IP4 1.2.3.4\r\n%s", proto,
		lines);
	read_av("", section);
	return av.transport;
}

static void transports(void **state)
{
	(void)state;
	assert_int_equal(transport_of("RTP/AVP", ""), AR_AV_RTP);
	assert_int_equal(transport_of("RTP/AVPF", ""), AR_AV_RTP);
	assert_int_equal(transport_of("RTP/SAVP", "a=crypto:1 S inline:k\r\n"), AR_AV_SDES);
	assert_int_equal(transport_of("RTP/SAVPF", "a=fingerprint:sha-256 AB\r\n"), AR_AV_DTLS);
	assert_int_equal(transport_of("RTP/SAVP", ""), AR_AV_OTHER);
	assert_int_equal(transport_of("UDP/TLS/RTP/SAVPF", ""), AR_AV_OTHER);
	assert_int_equal(transport_of("TCP/RTP/AVP", ""), AR_AV_OTHER);
}

static void keys(void **state)
{
	(void)state;
	(void)transport_of("RTP/SAVP",
		"a=crypto:1 A inline:two;inline:keys\r\na=crypto:2 B inline:key|2^20\r\n"
		"a=crypto:3 C inline:key|2^20|1:4\r\na=crypto:4 D inline:\r\na=crypto:x E "
		"inline:k\r\n"
		"a=crypto:5 F inline:last\r\n"
		"a=crypto:6 G inline:key UNENCRYPTED_SRTP\r\na=crypto:7 H inline:key|2^20 KDR=1\r\n"
		"a=crypto:8 I inline:key|2^31 WSH=64 -new\r\n");
	assert_int_equal(av.ncrypto, 3);
	SAME(av.crypto[2].suite, "I");
	SAME(av.crypto[2].key, "key");
	SAME(av.crypto[0].suite, "B");
	SAME(av.crypto[0].key, "key"); /* the lifetime is not part of it */
	SAME(av.crypto[1].suite, "F");
	assert_int_equal(av.crypto[1].tag, 5);
}

static void only_what_a_receiver_says(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {{"", ""}, {"sprop-parameter-sets=Z0,aM", ""},
		{"packetization-mode=1;sprop-parameter-sets=Z0=;profile-level-id=42e01f",
			"profile-level-id=42e01f;packetization-mode=1"},
		{"max-fr=30; max-fs=3600", "max-fr=30;max-fs=3600"}, {"max-fr", ""},
		{"max-fr=12345678901234567", ""}, {"max-fr=3 0", ""}};
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ar_buf_reset(&b);
		ar_av_add_fmtp(&b, ar_span_str(cases[i].in));
		if (!ar_span_eq(ar_buf_span(&b), ar_span_str(cases[i].out)))
			fail_msg("%s: %.*s", cases[i].in, (int)b.n, b.p);
	}
	ar_buf_free(&b);
}

/* More of everything than there is room for; numbers out of range. */
static void too_much_and_nonsense(void **state)
{
	char *section = malloc(16000);
	size_t n = 0;

	(void)state;
	assert_non_null(section);
	n += (size_t)snprintf(section, 16000, "m=video 9 RTP/AVP");
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(section + n, 16000 - n, " %d", i);
	n += (size_t)snprintf(section + n, 16000 - n, "\r\nc=IN IP4 1.2.3.4\r\n");
	for (int i = 0; i < 60; i++)
		n += (size_t)snprintf(section + n, 16000 - n,
			"a=rtpmap:%d VP8/90000\r\na=extmap:%d u\r\na=ssrc:%d cname:x\r\n"
			"a=crypto:%d S inline:k\r\na=fingerprint:x y\r\n",
			i, i + 1, i + 1, i + 1);
	n += (size_t)snprintf(section + n, 16000 - n,
		"a=rtpmap:300 VP8/90000\r\na=rtpmap:\r\na=ssrc:99999999999 cname:x\r\n"
		"a=ssrc-group:FID\r\na=ssrc-group:FID 1\r\na=extmap:0 u\r\na=extmap:999 u\r\n"
		"b=AS:99999999999999\r\nb=TIAS:x\r\na=rtcp:99999\r\n");
	assert_true(n < 16000);
	read_av("", section);
	assert_int_equal(av.ncodec, AR_AV_MAX_CODECS);
	assert_int_equal(av.next, AR_AV_MAX_EXTS);
	assert_int_equal(av.nssrc, AR_AV_MAX_SSRCS);
	assert_int_equal(av.ncrypto, AR_AV_MAX_CRYPTO);
	assert_int_equal(av.nfingerprint, AR_DC_MAX_FINGERPRINTS);
	assert_int_equal(av.max_kbps, 0);
	assert_int_equal(av.rtcp_port, 10);
	free(section);
}

static void not_a_media_section(void **state)
{
	(void)state;
	snprintf(text, sizeof(text),
		HEAD "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 1.2.3.4\r\n");
	parse(&sdp, text);
	assert_false(ar_sdp_av_parse(&av, &sdp, 0));
	assert_false(ar_sdp_av_parse(&av, &sdp, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_browsers_video),
		cmocka_unit_test(what_the_session_says), cmocka_unit_test(transports),
		cmocka_unit_test(keys), cmocka_unit_test(only_what_a_receiver_says),
		cmocka_unit_test(too_much_and_nonsense), cmocka_unit_test(not_a_media_section)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
