/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What events, answers and time do to a call, one case each. */
#include "one_call.h"
#include "asd/call/call_store.h"
#include "common/daemon/ar_clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void offer_answer_bye(void **state)
{
	(void)state;
	one_call_up();
	assert_string_equal(one_call()->to_tag, "tb");
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
	assert_int_equal(w.releases, 1);
}

static void decision_times_out(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	(void)state;
	world_pass(&w, 1900);
	assert_string_equal(world_verdict(&w, r), "");
	world_pass(&w, 200);
	assert_string_equal(world_verdict(&w, r), "plain");
	world_confirm(&w, 0); /* too late */
	world_check_empty(&w);
	assert_int_equal(w.a.stats.n[ASD_PLAIN_TIMEOUT], 1);
}

static void no_dcmf(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	w.reserve_err = -EHOSTUNREACH;
	assert_string_equal(world_verdict(&w, world_offer(&w, &m)), "plain");
	world_check_empty(&w);
}

static void refused_by_all(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	(void)state;
	world_refuse(&w, 0, -EREMOTEIO);
	assert_string_equal(world_verdict(&w, r), "plain");
	world_check_empty(&w);
}

static void nobody_waits_any_more(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);

	(void)state;
	world_offer(&w, &m);
	w.module_gone = true;
	world_confirm(&w, 0);
	world_check_empty(&w);
}

static void ring_ttl(void **state)
{
	(void)state;
	one_call_rings();
	world_pass(&w, 199000);
	assert_non_null(one_call());
	one_call_event("early", 1, "ta", "tb", 183, sdp_b, NULL); /* it rings on */
	world_pass(&w, 199000);
	assert_non_null(one_call());
	world_pass(&w, 3000);
	world_check_empty(&w);
	assert_int_equal(w.a.stats.n[ASD_CALLS_EXPIRED_RING], 1);
}

static void call_ttl(void **state)
{
	(void)state;
	w.a.conf.call_ttl_s = 600;
	one_call_up();
	world_pass(&w, 590000);
	assert_string_equal(world_verdict(&w, one_call_re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	one_call_event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	world_pass(&w, 590000);
	assert_non_null(one_call());
	world_pass(&w, 12000);
	world_check_empty(&w);
	assert_int_equal(w.a.stats.n[ASD_CALLS_EXPIRED_TTL], 1);
}

static void policy_limits_the_ar_part(void **state)
{
	(void)state;
	one_call_rings();
	one_call()->ar_ends = w.now + 10 * AR_SEC;
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	world_pass(&w, 12000);
	assert_int_equal(one_call()->ctx.state, CTX_LOST);
	assert_int_equal(w.told, 1);
	one_call_event("bye", 0, "tb", "ta", 0, NULL, NULL);
	world_check_empty(&w);
}

static void retry_after_407(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r;

	(void)state;
	one_call_rings();
	m.cseq = 2;
	r = world_offer(&w, &m);
	assert_string_equal(world_verdict(&w, r), "ar");
	assert_int_equal(w.norders, 1); /* the context serves again */
	one_call_event("failed", 1, "ta", "", 407, NULL, NULL);
	assert_non_null(one_call());
	one_call_event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(one_call()->state, CALL_UP);
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void retry_while_the_first_is_decided(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned first = world_offer(&w, &m), second;

	(void)state;
	m.cseq = 2;
	second = world_offer(&w, &m);
	assert_string_equal(world_verdict(&w, first), "error:superseded");
	world_confirm(&w, 0); /* of the first: deleted */
	world_check(&w);
	world_confirm(&w, 1);
	assert_string_equal(world_verdict(&w, second), "ar");
	one_call_event("failed", 2, "ta", "", 486, NULL, NULL);
	world_check_empty(&w);
}

static void update_in_the_early_dialog(void **state)
{
	unsigned r;

	(void)state;
	one_call_rings();
	one_call_event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	r = one_call_re_invite(2, AR_SIDE_A, sdp_a);
	assert_string_equal(world_verdict(&w, r), "ar");
	one_call_event("answered", 2, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(one_call()->state, CALL_SETUP);
	one_call_event("answered", 1, "ta", "tb", 200, NULL, NULL);
	assert_int_equal(one_call()->state, CALL_UP);
	assert_int_equal(one_call()->map_no, 2); /* the later exchange is the map */
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void update_fails_the_invite_goes_on(void **state)
{
	(void)state;
	one_call_rings();
	assert_string_equal(world_verdict(&w, one_call_re_invite(2, AR_SIDE_A, sdp_a)), "ar");
	one_call_event("failed", 2, "ta", "tb", 491, NULL, NULL);
	assert_non_null(one_call());
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void facts_are_told_once(void **state)
{
	(void)state;
	one_call_rings();
	one_call_event("early", 1, "ta", "tb", 183, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 1);
	one_call_event("early", 1, "ta", "t2", 183, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 1);
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 1);
	world_updated(&w, 0, 0);
	assert_int_equal(w.nupdates, 1);
	world_pass(&w, 5000);
	assert_int_equal(w.nupdates, 1);
}

static void facts_are_told_again_after_a_loss(void **state)
{
	(void)state;
	one_call_rings();
	w.update_err = -ENOTCONN;
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(w.nupdates, 0);
	w.update_err = 0;
	world_pass(&w, 1100);
	assert_int_equal(w.nupdates, 1);
	world_updated(&w, 0, -ETIMEDOUT);
	world_pass(&w, 1100);
	assert_int_equal(w.nupdates, 2);
	world_updated(&w, 1, -EREMOTEIO); /* for good */
	world_pass(&w, 5000);
	assert_int_equal(w.nupdates, 2);
}

static void change_waits_for_mediad(void **state)
{
	char *restart = world_sdp("rrrr", "actpass", 52718);
	unsigned r, u;

	(void)state;
	one_call_up();
	u = w.nupdates;
	r = one_call_re_invite(2, AR_SIDE_A, restart);
	assert_string_equal(world_verdict(&w, r), "");
	assert_int_equal(w.nupdates, u + 1);
	world_updated(&w, u, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	r = one_call_re_invite(3, AR_SIDE_A, sdp_a);
	world_pass(&w, 900); /* mediad says nothing: after reserve_timeout_ms */
	assert_string_equal(world_verdict(&w, r), "ar");
	world_check(&w);
	free(restart);
}

/* The DTLS role, once settled, stays for an offer that leaves it open (RFC 8842 5.5). */
static void roles_stay(void **state)
{
	char *passive = world_sdp("aaaa", "passive", 52718);
	struct front_offer m = world_invite(T1, passive);
	unsigned r = world_offer(&w, &m);

	(void)state;
	world_confirm(&w, 0);
	assert_string_equal(world_verdict(&w, r), "ar");
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_int_equal(one_call()->setup[AR_SIDE_A], AR_SETUP_ACTIVE);
	assert_int_equal(one_call()->setup[AR_SIDE_B], AR_SETUP_PASSIVE);
	r = one_call_re_invite(2, AR_SIDE_A, sdp_a); /* actpass */
	for (unsigned i = 0; i < w.nupdates; i++)
		world_updated(&w, i, 0);
	char *text = json_dumps(w.answer[r], 0);
	assert_non_null(strstr(text, "a=setup:active"));
	assert_null(strstr(text, "a=setup:passive"));
	free(text);
	free(passive);
}

static void context_lost_while_changing(void **state)
{
	char *restart = world_sdp("rrrr", "actpass", 52718);
	unsigned r;

	(void)state;
	one_call_up();
	r = one_call_re_invite(2, AR_SIDE_A, restart);
	free(w.live[--w.nlive]);
	call_on_context_gone(&w.a, 0, "c1", "worker died");
	world_check(&w);
	assert_int_equal(w.told, 1);
	world_updated(&w, w.nupdates - 1, -ENOENT);
	world_pass(&w, 2200);
	assert_int_equal(w.answers[r], 1);
	world_check(&w);
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
	free(restart);
}

/* A list asked for before the context was confirmed need not have it. */
static void young_context_is_not_missed(void **state)
{
	uint64_t asked = w.now;
	json_t *listed = json_object();

	(void)state;
	w.now += AR_SEC;
	one_call_up();
	call_on_contexts_listed(&w.a, 0, listed, asked);
	assert_int_equal(one_call()->ctx.state, CTX_UP);
	json_object_set_new(listed, "c1", json_object());
	json_object_set_new(listed, "c9", json_object());
	call_on_contexts_listed(&w.a, 0, listed, w.now + 1);
	assert_int_equal(one_call()->ctx.state, CTX_UP);
	assert_int_equal(json_object_size(listed), 1); /* c9 is nobody's */
	call_on_contexts_listed(&w.a, 1, listed, w.now + 1); /* another DCMF's list */
	assert_int_equal(one_call()->ctx.state, CTX_UP);
	free(w.live[--w.nlive]);
	call_on_contexts_listed(&w.a, 0, listed, w.now + 1);
	assert_int_equal(one_call()->ctx.state, CTX_LOST);
	json_decref(listed);
}

static void no_answer_sdp_is_no_harm(void **state)
{
	(void)state;
	one_call_rings();
	one_call_event("answered", 1, "ta", "tb", 200, "v=0\r\nbroken", "ar-capable");
	assert_int_equal(one_call()->state, CALL_UP);
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void refused_ends_the_ar_part(void **state)
{
	(void)state;
	one_call_rings();
	one_call_event("answered", 1, "ta", "tb", 200, sdp_off, "dc-refused");
	assert_int_equal(w.nlive, 0);
	assert_int_equal(w.told, 0); /* the module knows by its plan */
	one_call_event("bye", 0, "tb", "ta", 0, NULL, NULL);
	world_check_empty(&w);
}

static void bye_before_the_answer_is_known(void **state)
{
	(void)state;
	one_call_rings();
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	world_check_empty(&w);
}

static void the_cseq_is_zero(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	struct front_event e = world_event("answered", T1);

	(void)state;
	m.cseq = 0;
	world_offer(&w, &m);
	world_confirm(&w, (unsigned)world_order(&w));
	e.from_tag = "ta";
	e.to_tag = "tb";
	e.cseq = 0;
	e.status = 200;
	e.sdp = sdp_b;
	call_on_event(&w.a, &e);
	assert_int_equal(one_call()->state, CALL_UP);
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

/* The one that answers is not among the first that rang: mediad hears of it all the same. */
static void more_forks_than_legs(void **state)
{
	char tag[8];

	(void)state;
	one_call_rings();
	for (int i = 0; i < CALL_MAX_LEGS + 1; i++) {
		snprintf(tag, sizeof(tag), "f%d", i);
		one_call_event("early", 1, "ta", tag, 183, sdp_a, "dc-only");
	}
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	assert_non_null(one_call()->settled[AR_SIDE_B]);
	assert_int_equal(one_call()->outcome, AR_OUTCOME_AR_CAPABLE);
	one_call_event("bye", 0, "ta", "tb", 0, NULL, NULL);
	world_check_empty(&w);
}

static void malformed_offer(void **state)
{
	struct front_offer m = world_invite(T1, "v=0\r\nx\r\n");

	(void)state;
	assert_string_equal(world_verdict(&w, world_offer(&w, &m)), "error:malformed");
	world_check_empty(&w);
}

static void stopping(void **state)
{
	struct front_offer m = world_invite(T1, sdp_a);
	unsigned r = world_offer(&w, &m);

	(void)state;
	w.a.stopping = true;
	call_flow_stop(&w.a);
	assert_string_equal(world_verdict(&w, r), "error:stopping");
	m.call = T2;
	assert_string_equal(world_verdict(&w, world_offer(&w, &m)), "error:stopping");
	world_check_empty(&w);
}

/* By asd's own clock: what somebody does to the wall clock is no part of a call record. After a
 * restart of asd, and of the machine (whose clock begins anew), the call is as old as it was. */
static void seconds_since_the_answer(void **state)
{
	(void)state;
	one_call_rings();
	assert_int_equal(call_seconds(one_call(), w.now), 0);
	one_call_event("answered", 1, "ta", "tb", 200, sdp_b, "ar-capable");
	world_pass(&w, 20000);
	assert_in_range(call_seconds(one_call(), w.now), 19, 21);
	one_call_re_invite(2, AR_SIDE_A, sdp_a);
	assert_in_range(call_seconds(one_call(), w.now), 19, 21);
	call_store_flush(&w.a, true);
	world_restart(&w);
	assert_in_range(call_seconds(one_call(), w.now), 19, 40);
	w.now = 0;
	world_restart(&w);
	assert_in_range(call_seconds(one_call(), w.now), 19, 40);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, one_call_setup, one_call_teardown)
	const struct CMUnitTest tests[] = {T(offer_answer_bye), T(decision_times_out), T(no_dcmf),
		T(refused_by_all), T(nobody_waits_any_more), T(ring_ttl), T(call_ttl),
		T(policy_limits_the_ar_part), T(retry_after_407),
		T(retry_while_the_first_is_decided), T(update_in_the_early_dialog),
		T(update_fails_the_invite_goes_on), T(facts_are_told_once),
		T(facts_are_told_again_after_a_loss), T(change_waits_for_mediad), T(roles_stay),
		T(young_context_is_not_missed), T(context_lost_while_changing),
		T(no_answer_sdp_is_no_harm), T(refused_ends_the_ar_part),
		T(bye_before_the_answer_is_known), T(malformed_offer), T(the_cseq_is_zero),
		T(more_forks_than_legs), T(stopping), T(seconds_since_the_answer)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
