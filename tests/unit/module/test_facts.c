/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What asd is asked about again, and what not. */
#include "kamailio-modules/ims_ar/ar_facts.h"
#include "stubs.h"

#include "tests/unit/common/cmocka_all.h"

#include <stdio.h>

#define SESSION "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nc=IN IP4 192.0.2.1\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0\r\n"
#define VIDEO "m=video 4002 RTP/AVP 96\r\n"
#define FP                                                                                         \
	"a=fingerprint:sha-256 "                                                                   \
	"11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"  \
	"EE:FF:00\r\n"
#define DC(PORT, UFRAG, SETUP, SCTP, MORE)                                                         \
	"m=application " PORT " UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:" UFRAG            \
	"\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n" FP "a=setup:" SETUP "\r\na=sctp-port:" SCTP     \
	"\r\n" MORE

static uint32_t facts(const char *text)
{
	struct ar_sdp sdp;

	assert_int_equal(ar_sdp_parse(&sdp, text, strlen(text), NULL), 0);
	return ar_facts(&sdp, NULL, AR_SIDE_A);
}

static void test_what_changes_them(void **state)
{
	static const char *const other[] = {
		SESSION AUDIO DC("5000", "new1", "actpass", "5000", ""),
		SESSION AUDIO DC("0", "ufrg", "actpass", "5000", ""),
		SESSION AUDIO DC("5000", "ufrg", "actpass", "5001", ""),
		SESSION AUDIO DC("5000", "ufrg", "actpass", "5000", "a=max-message-size:1024\r\n"),
		SESSION AUDIO DC("5000", "ufrg", "actpass", "5000",
			"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"),
		SESSION AUDIO DC(
			"5000", "ufrg", "actpass", "5000", "a=tls-id:abcdefghijklmnopqrst\r\n"),
		SESSION AUDIO DC("5000", "ufrg", "actpass", "5000", "") VIDEO,
		SESSION DC("5000", "ufrg", "actpass", "5000", "") AUDIO,
		SESSION AUDIO,
	};
	uint32_t f = facts(SESSION AUDIO DC("5000", "ufrg", "actpass", "5000", ""));

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		assert_int_not_equal(facts(other[i]), f);
}

static void test_what_does_not(void **state)
{
	static const char *const same[] = {
		/* a hold, other ports, codecs, candidates, the role, the version */
		SESSION "a=sendonly\r\n" AUDIO DC("5000", "ufrg", "actpass", "5000", ""),
		SESSION "m=audio 4711 RTP/AVP 8 0\r\na=sendonly\r\n" DC(
			"5000", "ufrg", "actpass", "5000", ""),
		SESSION AUDIO DC("5002", "ufrg", "active", "5000", ""),
		SESSION AUDIO DC("5000", "ufrg", "passive", "5000",
			"a=candidate:1 1 UDP 1 192.0.2.7 5000 typ host\r\n"),
	};
	uint32_t f = facts(SESSION AUDIO DC("5000", "ufrg", "actpass", "5000", ""));

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_int_equal(facts(same[i]), f);
}

static void test_session_level_counts(void **state)
{
	(void)state;
	assert_int_not_equal(
		facts(SESSION
			"a=ice-ufrag:one1\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n" FP
			"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"),
		facts(SESSION "a=ice-ufrag:two2\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n" FP
			      "m=application 9 UDP/DTLS/SCTP "
			      "webrtc-datachannel\r\na=sctp-port:5000\r\n"));
}

/* Each section has its own: those of a terminating edge (TS 24.186 9.3.3.2) are three connections.
 */
static void test_role(void **state)
{
	static const char text[] = SESSION AUDIO DC("0", "ufrg", "active", "5000", "")
		DC("5000", "ufrg", "passive", "5000", "") DC("5002", "ufrh", "active", "5000", "");
	static const char none[] = SESSION AUDIO;
	struct ar_sdp sdp;

	(void)state;
	assert_int_equal(ar_sdp_parse(&sdp, text, sizeof(text) - 1, NULL), 0);
	assert_int_equal(ar_facts_roles(&sdp, AR_SETUP_PASSIVE), 1u << 2);
	assert_int_equal(ar_facts_roles(&sdp, AR_SETUP_ACTIVE), 1u << 3); /* of the live one */
	assert_true(ar_facts_live(&sdp));
	assert_int_equal(ar_sdp_parse(&sdp, none, sizeof(none) - 1, NULL), 0);
	assert_int_equal(ar_facts_roles(&sdp, AR_SETUP_PASSIVE), 0);
	assert_false(ar_facts_live(&sdp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_changes_them),
		cmocka_unit_test(test_what_does_not),
		cmocka_unit_test(test_session_level_counts),
		cmocka_unit_test(test_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
