/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New exchanges planned from the map alone, as the module does with asd away. */
#include "tests/unit/common/cmocka_all.h"
#include "tests/unit/common/oom.h"
#include "tests/unit/common/plan_help.h"
#include "tests/unit/common/samples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct ar_plan_roles settled = {.active = {0, 1u << 1}};

struct bench {
	struct sample_plan map;
	struct ar_plan plan;
	struct ar_plan_room room;
	struct ar_buf texts, out;
};

static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	sample_plan(&b->map);
	ar_buf_init(&b->texts, 1 << 20);
	ar_buf_init(&b->out, AR_SDP_MAX_LEN);
	return b;
}

static void bench_free(struct bench *b)
{
	ar_buf_free(&b->texts);
	ar_buf_free(&b->out);
	free(b);
}

static int derive(struct bench *b, enum ar_side offerer, const char *offer)
{
	static struct ar_sdp sdp;
	const char *why;
	int err;

	parse(&sdp, offer);
	ar_buf_reset(&b->texts);
	err = ar_plan_from_map(
		&b->map.plan, offerer, &sdp, &settled, &b->plan, &b->room, &b->texts);
	if (!err && ar_plan_check(&b->plan, &why) != 0)
		fail_msg("not a plan: %s", why);
	return err;
}

static void apply(struct bench *b, bool answer, enum ar_outcome o, const char *in)
{
	struct ar_plan_dir d = {.answer = answer, .outcome = o};
	struct ar_sdp sdp;

	parse(&sdp, in);
	ar_buf_reset(&b->out);
	assert_int_equal(ar_plan_apply(&b->plan, d, &sdp, NULL, 8, &b->out), 0);
	parse_buf(&sdp, &b->out);
}

static void refresh_by_a(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_OFFER), 0);
	assert_int_equal(b->plan.offerer, AR_SIDE_A);
	assert_int_equal(b->plan.nanswer, 2); /* still one for each outcome */
	assert_true(b->plan.drop_group);
	apply(b, false, 0, CHROMIUM_OFFER);
	assert_has(&b->out, "o=- 3902 8 ");
	assert_has(&b->out, DC_TEXT("2", "actpass"));
	apply(b, true, AR_OUTCOME_AR_CAPABLE, CHROMIUM_ANSWER);
	assert_has(&b->out, "a=ice-ufrag:mf11\r\n");
	assert_has(&b->out, "a=setup:passive\r\n");
	assert_has_not(&b->out, "a=tls-id"); /* A's offer has none */
	apply(b, true, AR_OUTCOME_AR_CAPABLE, CHROMIUM_ANSWER_REFUSED);
	assert_has(&b->out, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=" A_ORIGIN
			    "\r\na=mid:1\r\n");
	bench_free(b);
}

static void refresh_by_b(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_ANSWER), 0);
	assert_int_equal(b->plan.nanswer, 1);
	apply(b, false, 0, CHROMIUM_ANSWER);
	assert_has(&b->out, "o=- 3901 8 ");
	assert_has(&b->out, "a=ice-ufrag:mf11\r\n");
	assert_has(&b->out, "a=setup:actpass\r\n");
	assert_has(&b->out, "a=tls-id:"); /* an offer has it */
	/* B's section says active, so ours is passive whatever had settled; one dcmap was offered
	 */
	apply(b, true, AR_OUTCOME_AR_CAPABLE, CHROMIUM_ANSWER);
	assert_has(&b->out, "a=ice-ufrag:mf22\r\n");
	assert_has(&b->out, "a=setup:passive\r\n");
	assert_has(&b->out, "a=dcmap:1000 ");
	assert_has_not(&b->out, "a=dcmap:1002 ");
	bench_free(b);
}

static void settled_role_is_kept(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_OFFER), 0); /* actpass */
	apply(b, true, 0, CHROMIUM_ANSWER);
	assert_has(&b->out, "a=setup:active\r\n");
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_OFFER), 0);
	apply(b, true, 0, CHROMIUM_ANSWER);
	assert_has(&b->out, "m=application 9001");
	assert_true(has_span(ar_buf_span(&b->out), "a=setup:passive\r\na=fingerprint"));
	bench_free(b);
}

#define VIDEO(PORT) "m=video " PORT " RTP/AVP 96\r\nc=IN IP4 h\r\na=mid:7\r\n"

static void sections_are_added_at_the_end(void **state)
{
	struct bench *b = bench_new();
	struct ar_sdp sdp;

	(void)state;
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_ANSWER VIDEO("40")), 0);
	apply(b, false, 0, CHROMIUM_ANSWER VIDEO("40"));
	parse_buf(&sdp, &b->out);
	assert_int_equal(sdp.nmedia, 3);
	assert_int_equal(sdp.media[2].port, 40);
	apply(b, true, 0, CHROMIUM_OFFER); /* A forgot it */
	parse_buf(&sdp, &b->out);
	assert_int_equal(sdp.nmedia, 3);
	assert_int_equal(sdp.media[2].port, 0);
	assert_true(has_span(sdp.media[2].text, "m=video 0 RTP/AVP 96\r\n"));
	assert_true(has_span(sdp.media[2].text, "a=mid:7\r\n"));
	bench_free(b);
}

static void added_behind_a_channel_of_one_side_only(void **state)
{
	struct bench *b = bench_new();
	struct ar_sdp sdp;

	(void)state;
	/* only B has a data channel: A's leg is shorter */
	b->map.offer[1].from = -1;
	b->map.plan.answer[0].n = b->map.plan.answer[1].n = 1;
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_AUDIO_OFFER VIDEO("40")), 0);
	apply(b, false, 0, CHROMIUM_AUDIO_OFFER VIDEO("40"));
	parse_buf(&sdp, &b->out);
	assert_int_equal(sdp.nmedia, 3);
	assert_int_equal(sdp.media[1].port, 9002);
	assert_int_equal(sdp.media[2].port, 40);
	apply(b, true, 0, CHROMIUM_ANSWER VIDEO("50"));
	parse_buf(&sdp, &b->out);
	assert_int_equal(sdp.nmedia, 2);
	assert_int_equal(sdp.media[1].port, 50);
	bench_free(b);
}

static void port_zero_is_answered_with_port_zero(void **state)
{
	static const char closed[] = CHROMIUM_SESSION CHROMIUM_AUDIO
		"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 h\r\na=mid:1\r\n";
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(derive(b, AR_SIDE_A, closed), 0);
	apply(b, false, 0, closed);
	assert_has(&b->out, DC_STUB); /* B's goes too: its condition is A's section */
	apply(b, true, AR_OUTCOME_AR_CAPABLE, CHROMIUM_ANSWER);
	assert_has(&b->out, "m=application 0 ");
	/* the slot stays refused afterwards, live again or not, until asd plans it anew */
	b->map.plan.offer = b->plan.offer;
	b->map.plan.answer[0] = b->map.plan.answer[1] = b->plan.answer[0];
	b->map.offer[1] = b->plan.offer.sec[1];
	b->map.answer[1] = b->map.refused[1] = b->plan.answer[0].sec[1];
	b->map.plan.offer.sec = b->map.offer;
	b->map.plan.answer[0].sec = b->map.answer;
	b->map.plan.answer[1].sec = b->map.refused;
	b->map.answer[1].text = AR_SPAN(DC_STUB);
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_OFFER), 0);
	apply(b, true, AR_OUTCOME_AR_CAPABLE, CHROMIUM_ANSWER);
	assert_has(&b->out, "m=application 0 ");
	bench_free(b);
}

static void unconditional_texts_stay(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	/* A keeps its channel although B refused */
	b->map.refused[1] =
		(struct ar_plan_section){.from = -1, .text = AR_SPAN(DC_TEXT("1", "passive"))};
	b->map.plan.settled = 1 + AR_OUTCOME_DC_REFUSED;
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_ANSWER_REFUSED), 0);
	apply(b, false, 0, CHROMIUM_ANSWER_REFUSED);
	assert_has(&b->out, "a=ice-ufrag:mf11");
	/* told nothing, it is guessed from what B shows */
	b->map.plan.settled = 0;
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_ANSWER_REFUSED), 0);
	apply(b, false, 0, CHROMIUM_ANSWER_REFUSED);
	assert_has(&b->out, "a=ice-ufrag:mf11");
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_ANSWER), 0);
	assert_int_equal(b->plan.offer.sec[1].from, 1);
	/* no channel was offered to B at all */
	b->map.offer[1].text = AR_SPAN(DC_STUB);
	b->map.plan.answer_for[AR_OUTCOME_DC_REFUSED] = 0;
	assert_int_equal(derive(b, AR_SIDE_B, CHROMIUM_ANSWER_REFUSED), 0);
	assert_int_equal(b->plan.offer.sec[1].from, -1);
	bench_free(b);
}

static void what_rfc_3264_forbids(void **state)
{
	struct bench *b = bench_new();

	(void)state;
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_AUDIO_OFFER), -EPROTO);
	/* the line used for something else: refused on both legs */
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_AUDIO_OFFER VIDEO("1")), 0);
	apply(b, false, 0, CHROMIUM_AUDIO_OFFER VIDEO("1"));
	assert_has(&b->out, DC_STUB);
	apply(b, true, 0, CHROMIUM_ANSWER);
	assert_has(&b->out, "m=video 0 ");
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_AUDIO_OFFER VIDEO("0")), 0);
	apply(b, true, 0, CHROMIUM_ANSWER);
	assert_has(&b->out, "m=video 0 ");
	/* audio may become video (8.3.3) */
	assert_int_equal(derive(b, AR_SIDE_A, CHROMIUM_SESSION VIDEO("1") CHROMIUM_DC), 0);
	bench_free(b);
}

static void limits(void **state)
{
	struct bench *b = bench_new();
	char text[4000];
	struct ar_sdp sdp;
	size_t n;

	(void)state;
	n = (size_t)snprintf(text, sizeof(text), "%s", CHROMIUM_AUDIO_OFFER);
	for (int i = 1; i < AR_SDP_MAX_MEDIA; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, VIDEO("1"));
	b->map.offer[1].from = -1;
	b->map.plan.answer[0].n = b->map.plan.answer[1].n = 1;
	assert_int_equal(derive(b, AR_SIDE_A, text), -E2BIG);

	sample_plan(&b->map);
	ar_buf_free(&b->texts);
	ar_buf_init(&b->texts, 300);
	parse(&sdp, CHROMIUM_OFFER);
	assert_int_equal(ar_plan_from_map(&b->map.plan, AR_SIDE_A, &sdp, &settled, &b->plan,
				 &b->room, &b->texts),
		-ENOBUFS);
	assert_int_equal(b->texts.max, 300); /* the buffer is as it was */
	ar_buf_free(&b->texts);
	ar_buf_init(&b->texts, 1 << 20);
	oom_after(1);
	assert_int_equal(ar_plan_from_map(&b->map.plan, AR_SIDE_A, &sdp, &settled, &b->plan,
				 &b->room, &b->texts),
		-ENOMEM);
	oom_after(-1);
	assert_null(ar_plan_room_take(&b->room, 6 * AR_PLAN_MAX_SECTIONS + 1));
	bench_free(b);
}

/* Over and over from its own result: nothing grows, nothing drifts. */
static void is_a_fixed_point(void **state)
{
	struct bench *b = bench_new();
	struct ar_buf first;
	size_t size = 0;

	(void)state;
	ar_buf_init(&first, AR_SDP_MAX_LEN);
	for (int i = 0; i < 20; i++) {
		enum ar_side side = i % 2 ? AR_SIDE_B : AR_SIDE_A;
		static struct ar_sdp sdp;
		struct ar_plan *map = NULL;
		static struct ar_plan *last;

		parse(&sdp, CHROMIUM_OFFER);
		ar_buf_reset(&b->texts);
		assert_int_equal(ar_plan_from_map(last ? last : &b->map.plan, side, &sdp, &settled,
					 &b->plan, &b->room, &b->texts),
			0);
		apply(b, false, 0, CHROMIUM_OFFER);
		map = ar_plan_clone(&b->plan, malloc);
		assert_non_null(map);
		if (i == 2) {
			size = ar_plan_size(map);
			assert_int_equal(ar_buf_add_span(&first, ar_buf_span(&b->out)), 0);
		} else if (i > 2 && side == AR_SIDE_A) {
			assert_int_equal(ar_plan_size(map), size);
			assert_true(ar_span_eq(ar_buf_span(&first), ar_buf_span(&b->out)));
		}
		free(last);
		last = i == 19 ? NULL : map;
		if (i == 19)
			free(map);
	}
	ar_buf_free(&first);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refresh_by_a),
		cmocka_unit_test(refresh_by_b),
		cmocka_unit_test(settled_role_is_kept),
		cmocka_unit_test(sections_are_added_at_the_end),
		cmocka_unit_test(added_behind_a_channel_of_one_side_only),
		cmocka_unit_test(port_zero_is_answered_with_port_zero),
		cmocka_unit_test(unconditional_texts_stay),
		cmocka_unit_test(what_rfc_3264_forbids),
		cmocka_unit_test(limits),
		cmocka_unit_test(is_a_fixed_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
