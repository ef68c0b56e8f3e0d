/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offers inside the dialog. */
#include "tests/unit/common/planner_bench.h"

#include <errno.h>
#include <stdlib.h>

/* Makes the plan the map, as call_flow.c does with the last answered one. */
static struct ar_plan *settle(struct bench *b, enum ar_outcome o)
{
	struct ar_plan *map;

	b->plan.settled = (uint8_t)(1 + o);
	map = ar_plan_clone(&b->plan, malloc);
	assert_non_null(map);
	return map;
}

static void replan(
	struct bench *b, const struct ar_plan *map, enum ar_side offerer, const char *offer)
{
	parse(&b->offer, offer);
	planner_choose(&b->choice, NULL, &b->offer, offerer, map);
	b->in.map = map;
	b->in.offerer = offerer;
	b->in.leg[offerer].nstream = b->choice.naccepted;
	b->in.leg[offerer].stream = b->choice.accepted;
	b->in.leg[ar_other_side(offerer)].stream = bench_streams;
	b->in.leg[ar_other_side(offerer)].nstream = 2;
}

#define VIDEO "m=video 50003 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 192.0.2.10\r\na=mid:2\r\n"

static void upgrade_in_the_middle_of_a_call(void **state)
{
	struct bench b;
	struct ar_plan *map;

	(void)state;
	bench_open(&b, CHROMIUM_AUDIO_OFFER);
	assert_int_equal(planner_plain(&b.in, &b.plan, b.room, &b.texts, &b.why), 0);
	map = settle(&b, AR_OUTCOME_NONE_OFFERED);
	replan(&b, map, AR_SIDE_A, CHROMIUM_OFFER);
	assert_int_equal(b.choice.index, 1);
	b.in.leg[0] = a_leg("mfA2");
	b.in.leg[1] = a_leg("mfB2");
	plan(&b);
	apply(&b, to_b, CHROMIUM_OFFER);
	assert_has(&b.out, "a=ice-ufrag:mfB2");
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), CHROMIUM_ANSWER);
	assert_has(&b.out, "a=ice-ufrag:mfA2");
	free(map);
	bench_close(&b);
}

static void b_offers_again_and_adds_video(void **state)
{
	struct bench b;
	struct ar_plan *map;
	struct ar_sdp out;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	map = settle(&b, AR_OUTCOME_AR_CAPABLE);
	replan(&b, map, AR_SIDE_B, CHROMIUM_OFFER VIDEO);
	assert_int_equal(b.choice.index, 1);
	plan(&b);
	assert_int_equal(ar_plan_to(&b.plan, to_b), AR_SIDE_A);
	apply(&b, to_b, CHROMIUM_OFFER VIDEO);
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 3);
	assert_int_equal(out.media[2].kind, AR_SDP_VIDEO);
	assert_true(has_span(out.media[1].text, "a=ice-ufrag:mfA1"));
	assert_true(has_span(out.media[1].text, "a=setup:actpass"));
	assert_has(&b.out, "o=- 3901 7 ");
	/* A answers two sections of three: the third comes back at port 0 */
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), CHROMIUM_ANSWER);
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 3);
	assert_true(has_span(out.media[1].text, "a=ice-ufrag:mfB1"));
	assert_int_equal(out.media[2].port, 0);
	assert_true(has_span(out.media[2].text, "a=mid:2"));
	free(map);
	bench_close(&b);
}

static void a_disabled_slot_is_used_anew(void **state)
{
	struct bench b;
	struct ar_plan *map;
	struct ar_sdp out;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	assert_int_equal(planner_plain(&b.in, &b.plan, b.room, &b.texts, &b.why), 0);
	map = settle(&b, AR_OUTCOME_NONE_OFFERED);
	replan(&b, map, AR_SIDE_A, CHROMIUM_SESSION CHROMIUM_AUDIO VIDEO);
	plan(&b);
	apply(&b, to_b, CHROMIUM_SESSION CHROMIUM_AUDIO VIDEO);
	parse_buf(&out, &b.out);
	assert_int_equal(out.media[1].kind, AR_SDP_VIDEO);
	assert_int_equal(out.media[1].port, 50003);

	/* but where ours may be in use it is refused, on both legs */
	free(map);
	bench_close(&b);
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	map = settle(&b, AR_OUTCOME_AR_CAPABLE);
	replan(&b, map, AR_SIDE_A, CHROMIUM_SESSION CHROMIUM_AUDIO VIDEO);
	b.in.leg[0].present = b.in.leg[1].present = false;
	plan(&b);
	apply(&b, to_b, CHROMIUM_SESSION CHROMIUM_AUDIO VIDEO);
	parse_buf(&out, &b.out);
	assert_int_equal(out.media[1].port, 0);
	apply(&b, answer(AR_OUTCOME_NONE_OFFERED), CHROMIUM_ANSWER);
	assert_has(&b.out, "m=video 0 ");
	replan(&b, map, AR_SIDE_A, CHROMIUM_AUDIO_OFFER);
	b.why = NULL;
	assert_int_equal(planner_plan(&b.in, &b.plan, b.room, &b.texts, &b.why), -EPROTO);
	assert_non_null(b.why);
	free(map);
	bench_close(&b);
}

static void ar_ends_inside_the_call(void **state)
{
	struct bench b;
	struct ar_plan *map;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	map = settle(&b, AR_OUTCOME_AR_CAPABLE);
	replan(&b, map, AR_SIDE_B, CHROMIUM_OFFER);
	assert_int_equal(planner_plain(&b.in, &b.plan, b.room, &b.texts, &b.why), 0);
	apply(&b, to_b, CHROMIUM_OFFER);
	assert_has(&b.out, "m=application 0 ");
	apply(&b, answer(AR_OUTCOME_AR_CAPABLE), CHROMIUM_ANSWER);
	assert_has(&b.out, "m=application 0 ");
	free(map);
	bench_close(&b);
}

static void kept_channel_survives_the_other_sides_refresh(void **state)
{
	static const char refused_offer[] = CHROMIUM_SESSION CHROMIUM_AUDIO
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 "
		"0.0.0.0\r\na=mid:1\r\n";
	struct bench b;
	struct ar_plan *map;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	b.in.keep = KEEP_ALL;
	plan(&b);
	map = settle(&b, AR_OUTCOME_DC_REFUSED);
	assert_int_equal(
		ar_plan_from_map(map, AR_SIDE_B, &b.offer,
			&(struct ar_plan_roles){.active = {0, 0}}, &b.plan, b.room, &b.texts),
		0);
	apply(&b, to_b, refused_offer);
	assert_has(&b.out, "a=ice-ufrag:mfA1");
	free(map);
	bench_close(&b);
}

#define CLOSED "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"
#define DC_AGAIN                                                                                   \
	"m=application 50007 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.10\r\n"          \
	"a=mid:2\r\na=sctp-port:5000\r\na=setup:actpass\r\na=fingerprint:sha-256 " FP32 "\r\n"     \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"

static void moves_to_another_section(void **state)
{
	struct bench b;
	struct ar_plan *map, *next;
	struct ar_sdp out;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	map = settle(&b, AR_OUTCOME_AR_CAPABLE);
	/* closed here, opened there: the old slot is closed on both legs, the new one anchored */
	replan(&b, map, AR_SIDE_A, CHROMIUM_SESSION CHROMIUM_AUDIO CLOSED DC_AGAIN);
	assert_int_equal(b.choice.index, 2);
	plan(&b);
	apply(&b, to_b, CHROMIUM_SESSION CHROMIUM_AUDIO CLOSED DC_AGAIN);
	parse_buf(&out, &b.out);
	assert_int_equal(out.nmedia, 3);
	assert_int_equal(out.media[1].port, 0);
	assert_true(has_span(out.media[1].text, "a=mid:1\r\n"));
	assert_int_equal(out.media[2].port, 9001);
	assert_true(has_span(out.media[2].text, "a=mid:2\r\n"));
	/* two live ones: the one from before stays the anchored one */
	next = settle(&b, AR_OUTCOME_AR_CAPABLE);
	replan(&b, next, AR_SIDE_A, CHROMIUM_OFFER DC_AGAIN);
	assert_int_equal(b.choice.index, 2);
	/* and the first in an offer of the same shape that knows no before */
	planner_choose(&b.choice, NULL, &b.offer, AR_SIDE_A, NULL);
	assert_int_equal(b.choice.index, 1);
	free(next);
	free(map);
	bench_close(&b);
}

/* RFC 8840: an offer may come before its candidates, as after a restart of ICE. A first one of this
 * shape is bundled; here the group has gone long ago. */
static void candidates_may_come_later(void **state)
{
	struct bench b;
	struct ar_plan *map;

	(void)state;
	bench_open(&b, CHROMIUM_OFFER);
	plan(&b);
	map = settle(&b, AR_OUTCOME_AR_CAPABLE);
	replan(&b, map, AR_SIDE_A, MAX_BUNDLE_OFFER);
	assert_int_equal(b.choice.index, 1);
	assert_false(b.choice.max_bundle);
	plan(&b);
	apply(&b, to_b, MAX_BUNDLE_OFFER);
	assert_has(&b.out, "a=ice-ufrag:mfB1");
	planner_choose(&b.choice, NULL, &b.offer, AR_SIDE_A, NULL);
	assert_int_equal(b.choice.index, -1);
	assert_true(b.choice.max_bundle);
	free(map);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upgrade_in_the_middle_of_a_call),
		cmocka_unit_test(b_offers_again_and_adds_video),
		cmocka_unit_test(a_disabled_slot_is_used_anew),
		cmocka_unit_test(ar_ends_inside_the_call),
		cmocka_unit_test(kept_channel_survives_the_other_sides_refresh),
		cmocka_unit_test(moves_to_another_section),
		cmocka_unit_test(candidates_may_come_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
