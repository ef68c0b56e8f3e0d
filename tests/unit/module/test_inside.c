/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call table: calls that begin inside a dialog, o= that goes on, late offers, other Kamailios.
 */
#include "calls_rig.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

static int setup(void **state)
{
	int err = calls_set_up(state);

	plan.session_id[0] = plan.session_id[1] = AR_SPAN("");
	return err;
}

static struct ar_answer answer(int status)
{
	return calls_answer(status, "x");
}

/* An offer of "a" to "b", who have talked before. */
static struct ar_msg_key opened(void)
{
	struct ar_msg_key k = help_key("c1", "a", "b", 2, 77);

	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	assert_int_equal(ar_calls_decide(&k, &plan, 0, HOUR), 0);
	k.id[0] = 0;
	return k;
}

static struct ar_sdp_origin origin(const char *text)
{
	struct ar_sdp_origin o;

	assert_true(ar_sdp_origin_value(ar_span_str(text), &o));
	return o;
}

static void learn(const struct ar_msg_key *k, enum ar_side to, const char *text)
{
	struct ar_sdp_origin o = origin(text);

	ar_calls_origin(k, to, &o);
}

static void test_found_by_both_tags_only(void **state)
{
	struct ar_msg_key k = opened(), other = help_key("c1", "a", "c", 2, 77),
			  back = help_key("c1", "b", "a", 9, 5),
			  lone = help_key("c1", "a", "", 2, 77);
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_true(u.inside && u.initial);
	assert_int_equal(u.offerer, AR_SIDE_A);
	ar_use_done(&u);
	assert_int_equal(ar_calls_find_dialog(&back, &u), 0);
	assert_int_equal(u.offerer, AR_SIDE_B);
	ar_use_done(&u);
	assert_int_equal(ar_calls_find(&other, &u), -ENOENT);
	assert_int_equal(ar_calls_find_dialog(&other, &u), -ENOENT);
	assert_int_equal(ar_calls_find_dialog(&lone, &u), -ENOENT);
}

static void test_origin_goes_on(void **state)
{
	struct ar_msg_key k = opened(), next = help_key("c1", "b", "a", 1, 6);
	struct ar_answer a = answer(200);
	char text[2][AR_ORIGIN_MAX];
	struct ar_use u;

	(void)state;
	learn(&k, AR_SIDE_B, "alice 55 4 IN IP4 192.0.2.10");
	ar_calls_origin_text(&k, text);
	assert_string_equal(text[1], ""); /* one of them is not known yet */
	learn(&k, AR_SIDE_A, "bob 77 18446744073 IN IP6 2001:db8::1");
	learn(&k, AR_SIDE_A, "mallory 1 1 IN IP4 192.0.2.66"); /* a second answer changes nothing */
	ar_calls_origin_text(&k, text);
	assert_string_equal(text[0], "bob 77 18446744073 IN IP6 2001:db8::1");
	assert_string_equal(text[1], "alice 55 4 IN IP4 192.0.2.10");
	assert_int_equal(ar_calls_find(&k, &u), 0); /* a copy of the answer: the same o= */
	assert_true(ar_span_eq(u.plan->session_id[0], AR_SPAN("bob 77")));
	assert_true(ar_span_eq(u.plan->origin_addr[0], AR_SPAN("IN IP6 2001:db8::1")));
	assert_true(u.version[0] == 18446744073ull && u.version[1] == 4);
	ar_use_done(&u);
	assert_true(ar_calls_answered(&k, &a));
	assert_int_equal(ar_calls_find_dialog(&next, &u), 0);
	assert_true(ar_span_eq(u.plan->session_id[1], AR_SPAN("alice 55"))); /* the map has it */
	ar_use_done(&u);
	assert_int_equal(ar_calls_offer(&next, AR_SIDE_B, false, HOUR), 0);
	assert_int_equal(ar_calls_find(&next, &u), 0);
	assert_true(u.version[0] == 18446744074ull && u.version[1] == 5);
	ar_use_done(&u);
}

/* Reliable 183 first: it makes the plan the map, then o= of the answer is learned. */
static void test_origin_after_the_map(void **state)
{
	struct ar_msg_key k = opened();
	struct ar_answer early = answer(183), last = answer(200);
	struct ar_use u;

	(void)state;
	learn(&k, AR_SIDE_B, "alice 55 4 IN IP4 192.0.2.10");
	ar_calls_answered(&k, &early);
	learn(&k, AR_SIDE_A, "bob 77 8 IN IP4 192.0.2.20");
	ar_calls_answered(&k, &last);
	assert_int_equal(ar_calls_find_dialog(&k, &u), 0);
	assert_true(ar_span_eq(u.plan->session_id[0], AR_SPAN("bob 77")));
	ar_use_done(&u);
}

static void test_origin_without_memory(void **state)
{
	struct ar_msg_key k = opened();
	struct ar_use u;

	(void)state;
	for (int n = 0; n < 4; n++) {
		test_shm_countdown = n;
		learn(&k, AR_SIDE_B, "alice 55 4 IN IP4 192.0.2.10");
		learn(&k, AR_SIDE_A, "bob 77 8 IN IP4 192.0.2.20");
		test_shm_countdown = -1;
	}
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_true(ar_span_eq(u.plan->session_id[0], AR_SPAN("bob 77")));
	ar_use_done(&u);
}

static void test_long_origin_passes(void **state)
{
	struct ar_msg_key k = opened();
	char user[AR_ORIGIN_MAX], text[AR_ORIGIN_MAX + 40];
	struct ar_use u;

	(void)state;
	memset(user, 'u', sizeof(user) - 1);
	user[sizeof(user) - 1] = 0;
	snprintf(text, sizeof(text), "%s 1 1 IN IP4 192.0.2.1", user);
	learn(&k, AR_SIDE_A, text);
	learn(&k, AR_SIDE_B, "alice 55 4 IN IP4 192.0.2.10");
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_int_equal(u.plan->session_id[0].n, 0);
	ar_use_done(&u);
}

static void test_refused_and_tried_again(void **state)
{
	struct ar_msg_key k = opened(), again = help_key("c1", "b", "a", 1, 9);
	struct ar_ended e;
	struct ar_use u;

	(void)state;
	assert_true(ar_calls_failed(&k, HOUR, &e));
	assert_true(e.planned && e.initial);
	assert_int_equal(ar_calls_find_dialog(&again, &u), 0);
	assert_int_equal(u.state, AR_CALL_DEAD);
	assert_false(u.bye); /* the dialog lives */
	ar_use_done(&u);
	assert_int_equal(ar_calls_open(&again, HOUR, again.id), 0);
	again.id[0] = 0;
	assert_int_equal(ar_calls_find_dialog(&again, &u), 0);
	assert_int_equal(u.state, AR_CALL_ASKED);
	assert_int_equal(u.offerer, AR_SIDE_A); /* who made the offer */
	ar_use_done(&u);
}

static void test_plain_tries_do_not_pile_up(void **state)
{
	struct ar_calls_count n;

	(void)state;
	for (uint32_t i = 1; i <= 3 * AR_CALLS_SAME_MAX; i++) {
		struct ar_msg_key k = help_key("c1", "a", "b", i, i);

		assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
		assert_int_equal(ar_calls_decide(&k, NULL, 0, HOUR), 0);
	}
	ar_calls_count(&n);
	assert_int_equal(n.plain, 1);
}

static void test_elsewhere(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "b", 2, 7), back = help_key("c1", "b", "a", 3, 8),
			  bye = help_key("c1", "b", "a", 4, 9);
	struct ar_ended e;
	struct ar_use u;

	(void)state;
	ar_calls_elsewhere(&k, HOUR);
	ar_calls_elsewhere(&k, HOUR);
	assert_int_equal(ar_calls_find_dialog(&back, &u), 0);
	assert_true(u.elsewhere);
	ar_use_done(&u);
	assert_int_equal(ar_calls_find(&k, &u), -ENOENT); /* descriptions pass */
	(void)ar_calls_bye(&bye, HOUR, &e);
	assert_int_equal(ar_calls_find_dialog(&back, &u), 0);
	assert_int_equal(u.state, AR_CALL_DEAD);
	ar_use_done(&u);
}

static void test_spiral(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "", 1, 7);
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	ar_calls_spiral(k.callid, "ffffffffffffffff");
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_false(u.spiral);
	ar_use_done(&u);
	ar_calls_spiral(k.callid, k.id);
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_true(u.spiral);
	ar_use_done(&u);
}

static void nothing(const struct ar_call_info *i, void *arg)
{
	(void)i;
	(void)arg;
}

static void test_late_offer_is_kept_for_its_copies(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "", 1, 7), reply = help_key("c1", "a", "b", 1, 7);
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_open_late(&k, HOUR), 0);
	assert_int_equal(ar_calls_find(&reply, &u), 0);
	assert_int_equal(u.state, AR_CALL_PLAIN);
	assert_true(u.late);
	ar_use_done(&u);
	ar_calls_late(&reply, ar_now_ms() + 100);
	ar_calls_late(&reply, HOUR); /* a copy does not keep it longer */
	ar_calls_sweep(0, 16, ar_now_ms() + 1000, nothing, NULL);
	assert_int_equal(ar_calls_find(&reply, &u), -ENOENT);
}

static void test_bye_with_a_wrong_tag(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "", 1, 7), reply = help_key("c1", "a", "b", 1, 7),
			  wrong = help_key("c1", "a", "x", 9, 1),
			  right = help_key("c1", "b", "a", 9, 2);
	struct ar_answer a = answer(200);
	struct ar_ended e;

	(void)state;
	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	assert_int_equal(ar_calls_decide(&k, &plan, 0, HOUR), 0);
	assert_true(ar_calls_answered(&reply, &a));
	assert_false(ar_calls_bye(&wrong, HOUR, &e));
	assert_true(ar_calls_bye(&right, HOUR, &e));
	assert_false(ar_calls_bye(&right, HOUR, &e));
}

/* With a known key one bucket would take all: the same Call-IDs lie elsewhere after a restart. */
static void test_buckets_cannot_be_aimed_at(void **state)
{
	struct ar_msg_key k;
	struct ar_use u;
	char id[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		k = help_key(id, "a", "", 1, 7);
		assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	}
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		k = help_key(id, "a", "", 1, 7);
		assert_int_equal(ar_calls_find(&k, &u), 0);
		ar_use_done(&u);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, calls_tear_down)
	const struct CMUnitTest tests[] = {T(test_found_by_both_tags_only), T(test_origin_goes_on),
		T(test_origin_after_the_map), T(test_origin_without_memory),
		T(test_long_origin_passes), T(test_refused_and_tried_again),
		T(test_plain_tries_do_not_pile_up), T(test_elsewhere), T(test_spiral),
		T(test_late_offer_is_kept_for_its_copies), T(test_bye_with_a_wrong_tag),
		T(test_buckets_cannot_be_aimed_at)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
