/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/common/cmocka_all.h"
#include "common/recognise.h"
#include "tests/unit/common/plan_help.h"
#include "tests/unit/common/samples.h"

#include <stdio.h>

#define CONTACT "<sip:alice@192.0.2.10:5060>"
#define DC_TAG ";+sip.app-subtype=\"webrtc-datachannel\""
#define HTTP_OFFER                                                                                 \
	CHROMIUM_ANSWER_SESSION                                                                    \
	CHROMIUM_ANSWER_AUDIO                                                                      \
	"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 h\r\na=sctp-port:5000\r\n"   \
	"a=fingerprint:sha-256 " FP32 "\r\na=dcmap:0 subprotocol=\"http\"\r\n"

static struct ar_recognise_out recognise(
	const struct ar_recognise_conf *conf, struct ar_recognise_in in, const char *sdp_text)
{
	static struct ar_sdp sdp;
	struct ar_recognise_out out;

	if (sdp_text) {
		parse(&sdp, sdp_text);
		in.sdp = &sdp;
	}
	ar_recognise(&out, conf, &in);
	return out;
}

static void assert_out(struct ar_recognise_out out, enum ar_class cls, unsigned reasons)
{
	char got[300], want[300];

	ar_reasons_print(out.reasons, got, sizeof(got));
	ar_reasons_print(reasons, want, sizeof(want));
	if (out.cls != cls || out.reasons != reasons)
		fail_msg("%s (%s), not %s (%s)", ar_class_name(out.cls), got, ar_class_name(cls),
			want);
}

static void by_description(void **state)
{
	const struct ar_recognise_in none = {0};
	static const char bundle_only[] = CHROMIUM_SESSION CHROMIUM_AUDIO
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\na=mid:1\r\n"
		"a=sctp-port:5000\r\n";

	(void)state;
	assert_out(recognise(NULL, none, NULL), AR_CLASS_NONE, 0);
	assert_out(recognise(NULL, none, PLAIN_OFFER), AR_CLASS_NONE, 0);
	assert_out(recognise(NULL, none, CHROMIUM_AUDIO_OFFER), AR_CLASS_NONE, 0);
	assert_out(recognise(NULL, none, CHROMIUM_OFFER), AR_CLASS_AR,
		AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL);
	assert_out(recognise(NULL, none, HANDSET_OFFER), AR_CLASS_AR,
		AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL);
	assert_out(recognise(NULL, none, HTTP_OFFER), AR_CLASS_DC, AR_REASON_DC_SECTION);
	assert_out(recognise(NULL, none, CHROMIUM_ANSWER_REFUSED), AR_CLASS_NONE, 0);
	assert_out(recognise(NULL, none, MAX_BUNDLE_OFFER), AR_CLASS_AR,
		AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL | AR_REASON_MAX_BUNDLE);
	assert_out(recognise(NULL, none, bundle_only), AR_CLASS_DC,
		AR_REASON_DC_SECTION | AR_REASON_MAX_BUNDLE);
}

#define BARE "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 h\r\nt=0 0\r\n"

/* What looks like a data channel and is none leaves the call an ordinary one. */
static void bad_sections(void **state)
{
	const struct ar_recognise_in none = {0};
	static const char *const bad[] = {
		"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\n",
		"m=application 5 UDP/DTLS/SCTP webrtc-datachannel x\r\na=sctp-port:5000\r\n",
		"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
		"a=fingerprint:sha-256 " FP32 "\r\na=dcmap:1000 max-retr=1;max-time=1\r\n",
	};
	static const char *const silent[] = {
		"m=application 5 UDP/BFCP *\r\n",
		"m=message 5 TCP/MSRP webrtc-datachannel\r\n",
		"m=application 5 DTLS/SCTP 5000\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n",
		"m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:0\r\n",
		"m=audio 5 RTP/AVP 0\r\na=label:webrtc-datachannel mpeg-sd\r\n",
	};
	char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), BARE "%s", bad[i]);
		assert_out(recognise(NULL, none, text), AR_CLASS_NONE, AR_REASON_BAD_DC);
	}
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++) {
		snprintf(text, sizeof(text), BARE "%s", silent[i]);
		assert_out(recognise(NULL, none, text), AR_CLASS_NONE, 0);
	}
}

static void by_contact(void **state)
{
	static const struct {
		const char *contact;
		unsigned reasons;
	} cases[] = {
		{CONTACT, 0},
		{"*", 0},
		{CONTACT DC_TAG, AR_REASON_CONTACT_DC},
		{"sip:alice@h;+sip.app-subtype=webrtc-datachannel", AR_REASON_CONTACT_DC},
		{CONTACT ";+SIP.App-Subtype=\"WebRTC-DataChannel\"", AR_REASON_CONTACT_DC},
		{CONTACT ";expires=60;+sip.app-subtype=\"foo, webrtc-datachannel\";q=0.5",
			AR_REASON_CONTACT_DC},
		{CONTACT "\r\n ;\r\n\t+sip.app-subtype = \"<webrtc-datachannel>\"",
			AR_REASON_CONTACT_DC},
		{CONTACT ", <sip:b@h>" DC_TAG, AR_REASON_CONTACT_DC},
		{CONTACT ";+sip.app-subtype=\"!webrtc-datachannel\"", 0},
		{CONTACT ";+sip.app-subtype=\"webrtc-datachannel2\"", 0},
		{CONTACT ";+sip.app-subtype", 0},
		{CONTACT ";+sip.app-subtype=\"", 0},
		{CONTACT ";x-sip.app-subtype=\"webrtc-datachannel\"", 0},
		/* inside the address or a display name it is no feature tag */
		{"<sip:a@h;+sip.app-subtype=\"webrtc-datachannel\">", 0},
		{"\"x" DC_TAG "\" <sip:a@h>", 0},
		{"\"x\\\";+sip.app-subtype=webrtc-datachannel;\" <sip:a@h>", 0},
		{CONTACT ";y=\";+sip.app-subtype=webrtc-datachannel\"", 0},
		{CONTACT ";+sip.3gpp-ar-support=\"ar-capable\"", AR_REASON_AR_CAPABLE},
		{CONTACT DC_TAG ";+sip.3gpp-ar-support=\"ar-assisted\"",
			AR_REASON_CONTACT_DC | AR_REASON_AR_ASSISTED},
		{CONTACT ";+sip.3gpp-avatar-support=avatar-assisted", AR_REASON_AVATAR},
		{"<sip:a@h", 0},
		{";", 0},
		{"\"", 0},
		{";a=\"\\", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ar_recognise_in in = {.contact = ar_span_str(cases[i].contact)};
		struct ar_recognise_out out = recognise(NULL, in, PLAIN_OFFER);

		if (out.reasons != cases[i].reasons)
			fail_msg("case %zu: %s", i, cases[i].contact);
		assert_int_equal(out.cls, out.reasons ? AR_CLASS_DC_CAPABLE : AR_CLASS_NONE);
		/* with a data channel that carries nothing of AR, the tags decide */
		out = recognise(NULL, in, HTTP_OFFER);
		assert_int_equal(out.cls,
			out.reasons & ~(unsigned)(AR_REASON_CONTACT_DC | AR_REASON_DC_SECTION)
				? AR_CLASS_AR
				: AR_CLASS_DC);
	}
}

static void accept_contact_is_a_wish(void **state)
{
	struct ar_recognise_in in = {.accept_contact = AR_SPAN("*" DC_TAG)};

	(void)state;
	assert_out(recognise(NULL, in, PLAIN_OFFER), AR_CLASS_NONE, AR_REASON_ACCEPT_CONTACT);
	in.accept_contact = AR_SPAN("*;+sip.3gpp-ar-support=\"ar-capable\"");
	assert_out(recognise(NULL, in, HTTP_OFFER), AR_CLASS_DC, AR_REASON_DC_SECTION);
}

static void by_configured_lists(void **state)
{
	struct ar_recognise_conf conf = {.subprotocols = "nothing",
		.req_apps = "ar-*, urn:x:room",
		.services = "sip:ar-*, urn:urn-7:3gpp-service.ims.icsi.ar"};
	struct ar_recognise_in in = {.ruri = AR_SPAN("sip:bob@ims")};
	static const char req[] =
		BARE "m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n"
		     "a=fingerprint:sha-256 " FP32 "\r\na=3gpp-req-app:";
	static const struct {
		const char *value;
		bool ar;
	} apps[] = {{"ar-room", true}, {"chess", false}, {"urn:x:room", true},
		{"urn:x:roomy", false}, {"app-id=\"AR-room\";endpoint=server", true},
		{"1000;app=chess,ar-2", true}, {"x ar-3", true}, {"bar-1", false}, {"", false},
		{"=", false}};
	char text[500];

	(void)state;
	assert_out(recognise(&conf, in, CHROMIUM_OFFER), AR_CLASS_DC, AR_REASON_DC_SECTION);
	for (size_t i = 0; i < sizeof(apps) / sizeof(apps[0]); i++) {
		snprintf(text, sizeof(text), "%s%s\r\n", req, apps[i].value);
		assert_out(recognise(&conf, in, text), apps[i].ar ? AR_CLASS_AR : AR_CLASS_DC,
			AR_REASON_DC_SECTION | (apps[i].ar ? AR_REASON_REQ_APP : 0));
	}
	in.asserted_service = AR_SPAN("urn:urn-7:3gpp-service.ims.icsi.mmtel ,\r\n "
				      "URN:urn-7:3gpp-service.ims.icsi.ar");
	assert_out(recognise(&conf, in, HTTP_OFFER), AR_CLASS_AR,
		AR_REASON_DC_SECTION | AR_REASON_SERVICE);
	/* without a data channel a service alone makes no AR call */
	assert_out(recognise(&conf, in, PLAIN_OFFER), AR_CLASS_NONE, AR_REASON_SERVICE);
	in.asserted_service = AR_SPAN_NONE;
	in.ruri = AR_SPAN("sip:ar-room@ims;transport=tcp");
	assert_out(recognise(&conf, in, HTTP_OFFER), AR_CLASS_AR,
		AR_REASON_DC_SECTION | AR_REASON_SERVICE);
}

static void lists(void **state)
{
	static const struct {
		const char *list, *value;
		bool match;
	} cases[] = {{"a,b", "b", true}, {" a , b ", "b", true}, {"a,b", "c", false},
		{"a*", "abc", true}, {"a*", "a", true}, {"a*", "b", false}, {"*", "x", true},
		{"*", "", false}, {"", "a", false}, {",,", "a", false}, {"ab", "a", false},
		{"a", "ab", false}, {"A", "a", true}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ar_recognise_listed(cases[i].list, ar_span_str(cases[i].value)),
			cases[i].match);
	assert_false(ar_recognise_listed(NULL, AR_SPAN("x")));
}

static enum ar_outcome outcome(const char *contact, const char *text, bool offered)
{
	struct ar_recognise_in in = {.contact = ar_span_str(contact)};
	static struct ar_sdp sdp;

	if (text) {
		parse(&sdp, text);
		in.sdp = &sdp;
	}
	return ar_recognise_outcome(NULL, &in, offered);
}

static void outcomes(void **state)
{
	static const char bundle_only[] =
		BARE "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"
		     "a=bundle-only\r\na=sctp-port:5000\r\n";
	static const char broken[] = BARE "m=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\n";

	(void)state;
	assert_int_equal(outcome(CONTACT, CHROMIUM_ANSWER, true), AR_OUTCOME_AR_CAPABLE);
	assert_int_equal(outcome(CONTACT, HTTP_OFFER, true), AR_OUTCOME_DC_ONLY);
	assert_int_equal(outcome(CONTACT ";+sip.3gpp-ar-support=\"ar-capable\"", HTTP_OFFER, true),
		AR_OUTCOME_AR_CAPABLE);
	assert_int_equal(
		outcome(CONTACT ";+sip.3gpp-ar-support=\"ar-assisted\"", CHROMIUM_ANSWER, true),
		AR_OUTCOME_AR_ASSISTED);
	assert_int_equal(
		outcome(CONTACT ";+sip.3gpp-avatar-support=\"avatar-capable\"", HTTP_OFFER, true),
		AR_OUTCOME_AR_CAPABLE);
	assert_int_equal(outcome(CONTACT ";+sip.3gpp-ar-support=\"ar-capable\"",
				 CHROMIUM_ANSWER_REFUSED, true),
		AR_OUTCOME_DC_REFUSED);
	assert_int_equal(outcome(CONTACT, CHROMIUM_AUDIO_OFFER, true), AR_OUTCOME_DC_REFUSED);
	assert_int_equal(outcome(CONTACT, NULL, true), AR_OUTCOME_DC_REFUSED);
	assert_int_equal(outcome(CONTACT, bundle_only, true), AR_OUTCOME_DC_REFUSED);
	assert_int_equal(outcome(CONTACT, broken, true), AR_OUTCOME_DC_REFUSED);
	assert_int_equal(outcome(CONTACT, CHROMIUM_ANSWER, false), AR_OUTCOME_NONE_OFFERED);
}

static void names(void **state)
{
	char buf[200], tiny[8];

	(void)state;
	assert_string_equal(ar_class_name(AR_CLASS_DC_CAPABLE), "dc-capable");
	assert_string_equal(ar_class_name((enum ar_class)77), "none");
	assert_string_equal(ar_outcome_name(AR_OUTCOME_NONE_OFFERED), "none-offered");
	assert_string_equal(ar_outcome_name(AR_OUTCOMES), "unknown");
	assert_string_equal(
		ar_reasons_print(AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL, buf, sizeof(buf)),
		"dc-section,subprotocol");
	assert_string_equal(ar_reasons_print(0, buf, sizeof(buf)), "");
	assert_string_equal(ar_reasons_print(~0u, tiny, sizeof(tiny)), "dc-sect");
	assert_true(strlen(ar_reasons_print(~0u, buf, sizeof(buf))) < sizeof(buf));
	ar_reasons_print(~0u, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_description),
		cmocka_unit_test(bad_sections),
		cmocka_unit_test(by_contact),
		cmocka_unit_test(accept_contact_is_a_wish),
		cmocka_unit_test(by_configured_lists),
		cmocka_unit_test(lists),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
