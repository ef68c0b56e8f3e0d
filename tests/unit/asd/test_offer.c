/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the call flow takes from a description, and what the policy is shown of a call. */
#include "world.h"
#include "asd/call/call_view.h"
#include "asd/call/offer.h"
#include "asd/policy/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct world w;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return 0;
}

static void lines_are_named(void **state)
{
	struct offer o;
	char why[120];

	(void)state;
	assert_int_equal(offer_read(&o, "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nnonsense\r\n", NULL,
				 AR_SIDE_A, NULL, why),
		-EBADMSG);
	assert_non_null(strstr(why, "sdp line 3"));
	assert_int_equal(offer_read(&o, "", NULL, AR_SIDE_A, NULL, why), -EBADMSG);
}

static void roles(void **state)
{
	(void)state;
	assert_int_equal(offer_our_setup(AR_SETUP_ACTPASS, AR_SETUP_NONE), AR_SETUP_PASSIVE);
	assert_int_equal(offer_our_setup(AR_SETUP_ACTPASS, AR_SETUP_ACTIVE), AR_SETUP_ACTIVE);
	assert_int_equal(offer_our_setup(AR_SETUP_PASSIVE, AR_SETUP_PASSIVE), AR_SETUP_ACTIVE);
	assert_int_equal(offer_our_setup(AR_SETUP_ACTIVE, AR_SETUP_ACTIVE), AR_SETUP_PASSIVE);
	assert_int_equal(offer_our_setup(AR_SETUP_NONE, AR_SETUP_NONE), AR_SETUP_PASSIVE);
}

/* The plan says which section of each side is ours, also when there are others. */
static void our_section_on_both_sides(void **state)
{
	char *sdp = world_sdp("aaaa", "actpass", 52718), *two = NULL;
	struct front_offer m = world_invite("0123456789abcdef", sdp);
	struct offer o;
	char why[120];
	struct call *c;

	(void)state;
	/* a bootstrap channel before the application's */
	assert_true(asprintf(&two,
			    "%.*sm=application 5 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:b\r\n"
			    "a=ice-ufrag:xxxx\r\na=ice-pwd:yyyyyyyyyyyyyyyyyyyyyyyy\r\na=setup:"
			    "actpass\r\n"
			    "a=sctp-port:5000\r\na=fingerprint:SHA-256 "
			    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
			    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\r\n"
			    "a=dcmap:0 subprotocol=\"http\"\r\n%s",
			    (int)(strstr(sdp, "m=application") - sdp), sdp,
			    strstr(sdp, "m=application")) > 0);
	m.sdp = two;
	world_offer(&w, &m);
	world_confirm(&w, 0);
	c = calls_find(&w.a.calls, m.call);
	assert_non_null(c);
	assert_int_equal(offer_our_section(c->ex[0]->plan, AR_SIDE_A), 2);
	assert_int_equal(offer_our_section(c->ex[0]->plan, AR_SIDE_B), 2);
	assert_int_equal(offer_read(&o, two, NULL, AR_SIDE_A, NULL, why), 0);
	assert_int_equal(o.choice.index, 2);
	assert_int_equal(o.nchannels, 2); /* the policy sees both */
	/* an answer without that section, or with it refused, has no channel of ours */
	assert_int_equal(offer_read_answer(&o, "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n",
				 c->ex[0]->plan, AR_SIDE_B, why),
		0);
	assert_int_equal(o.choice.index, -1);
	assert_int_equal(offer_read_answer(&o, two, c->ex[0]->plan, AR_SIDE_B, why), 0);
	assert_int_equal(o.choice.index, 2);
	free(two);
	free(sdp);
}

static void what_the_policy_sees(void **state)
{
	char *sdp = world_sdp("aaaa", "actpass", 52718);
	struct front_offer m = world_invite("0123456789abcdef", sdp);
	static struct call_view v;
	struct offer o;
	char why[120];
	struct call *c;

	(void)state;
	m.reasons = "dc-section,subprotocol,ar-capable";
	m.asserted = "sip:alice@ims";
	world_offer(&w, &m);
	c = calls_find(&w.a.calls, m.call);
	assert_int_equal(offer_read(&o, sdp, NULL, AR_SIDE_A, NULL, why), 0);
	call_view_make(&v, &w.a, c, &m, &o);
	assert_true(ar_span_eq(v.call.caller.user, AR_SPAN("alice")));
	assert_true(ar_span_eq(v.call.callee.host, AR_SPAN("ims")));
	assert_int_equal(v.call.cls, AR_CLASS_AR);
	assert_int_equal(v.call.reasons,
		AR_REASON_DC_SECTION | AR_REASON_SUBPROTOCOL | AR_REASON_AR_CAPABLE);
	assert_true(v.call.caller.caps & POLICY_CAP_AR_CAPABLE);
	assert_int_equal(v.call.nmedia, 2);
	assert_true(v.call.media[1].live && v.call.media[1].kind == AR_SDP_DATACHANNEL);
	assert_int_equal(v.call.nchannels, 1);
	assert_int_equal(v.call.calls_of_caller, 0);
	assert_int_equal(v.call.calls_total, 0);
	assert_int_equal(v.call.ndcmfs, 1);
	assert_true(v.call.weekday >= 1 && v.call.weekday <= 7);
	m.reasons = "dc,ar-capableX,,service"; /* whole words only */
	call_view_make(&v, &w.a, c, &m, &o);
	assert_int_equal(v.call.reasons, AR_REASON_SERVICE);
	/* a second call of the same caller */
	m.call = "fedcba9876543210";
	world_offer(&w, &m);
	call_view_make(&v, &w.a, c, &m, &o);
	assert_int_equal(v.call.calls_of_caller, 1);
	free(sdp);
}

static void capabilities(void **state)
{
	(void)state;
	assert_string_equal(call_view_capability("<sip:a@b>;+sip.3gpp-ar-support=\"ar-assisted\""),
		"ar-assisted");
	assert_string_equal(call_view_capability("<sip:a@b>;+sip.3gpp-ar-support=\"ar-capable\""),
		"ar-capable");
	assert_string_equal(call_view_capability("<sip:a@b>"), "dc-only");
	assert_string_equal(call_view_capability(""), "dc-only");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(lines_are_named), T(roles),
		T(our_section_on_both_sides), T(what_the_policy_sees), T(capabilities)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
