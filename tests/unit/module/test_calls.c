/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call table: who finds what, and what asd is told how often. */
#include "calls_rig.h"

#include <errno.h>

static void test_found_from_the_message_alone(void **state)
{
	struct ar_msg_key k = calls_with_to(calls_invited("c1"), "b"), other;
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_non_null(u.plan);
	assert_int_equal(u.offerer, AR_SIDE_A);
	assert_true(u.initial);
	assert_int_equal(u.version[0], 1);
	assert_int_equal(u.version[1], 1);
	ar_use_done(&u);
	/* the same call at its other pass: another Via */
	other = k;
	other.via = 78;
	assert_int_equal(ar_calls_find(&other, &u), -ENOENT);
	other = k;
	other.cseq = 2;
	assert_int_equal(ar_calls_find(&other, &u), -ENOENT);
	other = k;
	other.callid = AR_SPAN("c2");
	assert_int_equal(ar_calls_find(&other, &u), -ENOENT);
	other = k;
	other.from_tag = AR_SPAN("x");
	assert_int_equal(ar_calls_find(&other, &u), -ENOENT);
}

static void test_the_plan_is_a_copy(void **state)
{
	struct ar_msg_key k = calls_invited("c1");
	struct ar_use u;

	(void)state;
	memset(&plan, 0xff, sizeof(plan));
	memset(&room, 0xff, sizeof(room));
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_int_equal(u.plan->offer.n, 2);
	assert_true(ar_span_eq(u.plan->offer.sec[1].text, AR_SPAN(DC_TEXT)));
	ar_use_done(&u);
}

static void test_asd_is_told_once(void **state)
{
	struct ar_msg_key k = calls_with_to(calls_invited("c1"), "b");
	struct ar_answer early = calls_answer(183, "one"), late = calls_answer(200, "one");

	(void)state;
	assert_true(ar_calls_answered(&k, &early));
	assert_false(ar_calls_answered(&k, &early)); /* the same 183 again */
	early = calls_answer(180, NULL);
	assert_false(ar_calls_answered(&k, &early)); /* nothing to tell */
	early = calls_answer(183, "two");
	assert_true(ar_calls_answered(&k, &early)); /* another description */
	assert_true(ar_calls_answered(&k, &late));
	for (int i = 0; i < 10; i++)
		assert_false(ar_calls_answered(&k, &late));
	early = calls_answer(183, "three");
	assert_false(ar_calls_answered(&k, &early)); /* overtaken by the 200 */
	k = calls_with_to(k, "c"); /* another fork answers too */
	assert_true(ar_calls_answered(&k, &late));
	assert_false(ar_calls_answered(&k, &late));
}

/* Nobody has acknowledged the 2xx: the caller was never there. With its ACK, or a later 2xx of the
 * dialog, the call has its usual time. */
static void test_without_an_ack(void **state)
{
	const int64_t now = ar_now_ms();
	struct ar_answer a = calls_answer(200, "x");
	struct ar_msg_key none = calls_with_to(calls_invited("c1"), "b"),
			  acked = calls_with_to(calls_invited("c2"), "b"),
			  other = help_key("c2", "x", "y", 1, 5);
	int gone = 0;

	(void)state;
	a.call_expires = now + 1000000;
	a.ack_expires = now + 64000;
	assert_true(ar_calls_answered(&none, &a));
	assert_true(ar_calls_answered(&acked, &a));
	assert_true(ar_calls_any());
	ar_calls_acked(&other, a.call_expires); /* not of this dialog */
	ar_calls_acked(&acked, a.call_expires);
	a.ack_expires = now + 70000; /* a copy of the 2xx, overtaken by the ACK */
	ar_calls_answered(&acked, &a);
	ar_calls_sweep(0, 1000, now + 60000, calls_count_ended, &gone);
	assert_int_equal(gone, 0);
	ar_calls_sweep(0, 1000, now + 65000, calls_count_ended, &gone);
	assert_int_equal(gone, 1);
	assert_int_equal(calls_count().calls, 1);
	ar_calls_sweep(0, 1000, now + 900000, calls_count_ended, &gone);
	assert_int_equal(gone, 1);
	ar_calls_sweep(0, 1000, now + 1001000, calls_count_ended, &gone);
	assert_int_equal(gone, 2);
	assert_false(ar_calls_any());
}

/* Two forks answer, the caller takes one and ends it: the other one waits for its ACK. */
static void test_other_fork_without_an_ack(void **state)
{
	const int64_t now = ar_now_ms();
	struct ar_answer a = calls_answer(200, "x");
	struct ar_msg_key k = calls_invited("c1"), b = calls_with_to(k, "b"),
			  c = calls_with_to(k, "c");
	struct ar_ended e;

	(void)state;
	a.call_expires = now + 1000000;
	a.ack_expires = now + 64000;
	ar_calls_answered(&b, &a);
	ar_calls_answered(&c, &a);
	ar_calls_acked(&b, a.call_expires);
	assert_true(ar_calls_bye(&b, now + 40000, &e));
	ar_calls_sweep(0, 1000, now + 39000, calls_count_ended, NULL);
	assert_int_equal(calls_count().calls, 1);
	ar_calls_acked(&c, a.call_expires); /* it comes */
	ar_calls_sweep(0, 1000, now + 900000, calls_count_ended, NULL);
	assert_int_equal(calls_count().calls, 1);
	assert_true(ar_calls_bye(&c, now + 40000, &e));
	assert_int_equal(calls_count().calls, 0);
	/* and when it does not */
	k = calls_invited("c2");
	b = calls_with_to(k, "b");
	c = calls_with_to(k, "c");
	ar_calls_answered(&b, &a);
	ar_calls_answered(&c, &a);
	ar_calls_acked(&b, a.call_expires);
	assert_true(ar_calls_bye(&b, now + 40000, &e));
	ar_calls_sweep(0, 1000, now + 41000, calls_count_ended, NULL);
	assert_int_equal(calls_count().calls, 0);
}

static void test_map_after_the_answer(void **state)
{
	struct ar_msg_key k = calls_invited("c1"), d = help_key("c1", "b", "a", 1, 99);
	struct ar_answer a = calls_answer(200, "x");
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_find_dialog(&d, &u), 0);
	assert_null(u.plan); /* nothing answered yet */
	assert_int_equal(u.state, AR_CALL_EARLY);
	ar_use_done(&u);
	a.active[AR_SIDE_B] = 1u << 1 | 1u << 3;
	a.facts = 5;
	k = calls_with_to(k, "b");
	ar_calls_offered(&k, true, 4);
	ar_calls_answered(&k, &a);
	assert_int_equal(ar_calls_find_dialog(&d, &u), 0);
	assert_non_null(u.plan);
	assert_int_equal(u.state, AR_CALL_UP);
	assert_int_equal(u.offerer, AR_SIDE_B); /* the sender of this request */
	assert_int_equal(u.roles.active[AR_SIDE_A], 0);
	assert_int_equal(u.roles.active[AR_SIDE_B], 1u << 1 | 1u << 3);
	assert_int_equal(u.facts[AR_SIDE_A], 4);
	assert_int_equal(u.facts[AR_SIDE_B], 5);
	ar_use_done(&u);
}

static void up(struct ar_msg_key *k)
{
	struct ar_answer a = calls_answer(200, "x");

	*k = calls_with_to(calls_invited("c1"), "b");
	ar_calls_answered(k, &a);
}

static void test_versions_rise_once_an_exchange(void **state)
{
	struct ar_msg_key k, r = help_key("c1", "b", "a", 7, 5);
	struct ar_use u;

	(void)state;
	up(&k);
	help_plan(&plan, &room, AR_SIDE_B);
	assert_int_equal(ar_calls_offer(&r, AR_SIDE_B, false, HOUR), 0);
	assert_int_equal(ar_calls_decide(&r, &plan, 0, HOUR), 0);
	assert_int_equal(ar_calls_find(&r, &u), 0);
	assert_int_equal(u.version[0], 2);
	assert_int_equal(u.version[1], 2);
	assert_false(u.initial);
	assert_int_equal(u.offerer, AR_SIDE_B);
	ar_use_done(&u);
	assert_int_equal(ar_calls_find(&k, &u), 0); /* the old INVITE's 200 comes again */
	assert_int_equal(u.version[0], 1);
	ar_use_done(&u);
}

static void test_the_newer_answer_is_the_map(void **state)
{
	struct ar_msg_key k, r = help_key("c1", "a", "b", 2, 5);
	struct ar_answer a = calls_answer(200, "y");
	struct ar_use u;
	const struct ar_plan *old;

	(void)state;
	up(&k);
	assert_int_equal(ar_calls_find_dialog(&r, &u), 0);
	old = u.plan;
	ar_use_done(&u);
	assert_int_equal(ar_calls_offer(&r, AR_SIDE_A, false, HOUR), 0);
	assert_int_equal(ar_calls_decide(&r, &plan, 0, HOUR), 0);
	a.plan_expires = ar_now_ms() - 1;
	assert_true(ar_calls_answered(&r, &a));
	assert_int_equal(ar_calls_find_dialog(&r, &u), 0);
	assert_ptr_not_equal(u.plan, old);
	ar_use_done(&u);
	assert_int_equal(calls_count().plans, 2); /* the old one for copies of its 200 */
	ar_calls_sweep(0, 1000, ar_now_ms() + 41000, calls_count_ended, NULL);
	assert_int_equal(calls_count().exchanges, 0);
	assert_int_equal(calls_count().plans, 1);
	assert_int_equal(ar_calls_find_dialog(&r, &u), 0);
	assert_non_null(u.plan);
	ar_use_done(&u);
}

static void test_a_refused_reinvite_leaves_the_map(void **state)
{
	struct ar_msg_key k, r = help_key("c1", "a", "b", 2, 5);
	struct ar_ended e;
	struct ar_use u;
	const struct ar_plan *map;

	(void)state;
	up(&k);
	assert_int_equal(ar_calls_find_dialog(&r, &u), 0);
	map = u.plan;
	ar_use_done(&u);
	assert_int_equal(ar_calls_offer(&r, AR_SIDE_A, false, HOUR), 0);
	assert_int_equal(ar_calls_decide(&r, &plan, 0, HOUR), 0);
	assert_true(ar_calls_failed(&r, HOUR, &e));
	assert_false(e.initial);
	assert_true(e.planned);
	assert_false(ar_calls_failed(&r, HOUR, &e)); /* once */
	assert_int_equal(calls_count().calls, 1);
	assert_int_equal(ar_calls_find_dialog(&r, &u), 0);
	assert_ptr_equal(u.plan, map);
	ar_use_done(&u);
}

static void test_failure_ends_the_call(void **state)
{
	struct ar_msg_key k = calls_invited("c1");
	struct ar_ended e;
	int gone = 0;

	(void)state;
	assert_true(ar_calls_failed(&k, HOUR, &e));
	assert_true(e.planned && e.initial);
	assert_string_equal(e.id, k.id);
	assert_int_equal(calls_count().calls, 0);
	assert_int_equal(calls_count().dead, 1);
	ar_calls_sweep(0, 1000, ar_now_ms() + 6000, calls_count_ended, &gone);
	assert_int_equal(calls_count().dead, 0);
	assert_int_equal(calls_count().plans, 0);
	assert_int_equal(gone, 0); /* asd has been told of the failure */
}

static void test_cancelled_while_asd_thinks(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "", 1, 77);
	struct ar_ended e;

	(void)state;
	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	assert_true(ar_calls_open_exchange(&k, &e));
	assert_true(ar_calls_failed(&k, HOUR, &e));
	assert_true(e.planned); /* asd may have reserved */
	assert_int_equal(ar_calls_decide(&k, &plan, 0, HOUR), -ENOENT);
	assert_int_equal(calls_count().plans, 0);
}

static void test_retry_after_407(void **state)
{
	struct ar_msg_key one = calls_invited("c1"), two = help_key("c1", "a", "", 2, 78);
	struct ar_answer a = calls_answer(200, "x");
	struct ar_ended e;
	struct ar_use u;

	(void)state;
	assert_true(ar_calls_failed(&one, HOUR, &e));
	assert_int_equal(ar_calls_open(&two, HOUR, two.id), 0);
	assert_string_not_equal(one.id, two.id);
	assert_int_equal(ar_calls_decide(&two, &plan, 0, HOUR), 0);
	two = calls_with_to(two, "b");
	assert_true(ar_calls_answered(&two, &a));
	/* in the dialog the live one is found */
	two.cseq = 3;
	assert_int_equal(ar_calls_find_dialog(&two, &u), 0);
	assert_int_equal(u.state, AR_CALL_UP);
	ar_use_done(&u);
}

static void test_merged_requests(void **state)
{
	/* one INVITE came twice over different ways: two calls, told apart by id and by to-tag */
	struct ar_msg_key one = calls_invited("c1"), two = help_key("c1", "a", "", 1, 78), d;
	struct ar_answer a = calls_answer(200, "x");
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_open(&two, HOUR, two.id), 0);
	assert_int_equal(ar_calls_decide(&two, &plan, 0, HOUR), 0);
	d = calls_with_to(one, "b1");
	ar_calls_answered(&d, &a);
	d = calls_with_to(two, "b2");
	ar_calls_answered(&d, &a);
	d = help_key("c1", "b1", "a", 1, 3);
	assert_int_equal(ar_calls_find_dialog(&d, &u), 0);
	assert_string_equal(u.id, one.id);
	ar_use_done(&u);
	d = help_key("c1", "b2", "a", 1, 3);
	assert_int_equal(ar_calls_find_dialog(&d, &u), 0);
	assert_string_equal(u.id, two.id);
	ar_use_done(&u);
	memcpy(d.id, one.id, sizeof(d.id));
	assert_int_equal(ar_calls_find_dialog(&d, &u), 0);
	assert_string_equal(u.id, one.id);
	ar_use_done(&u);
	memcpy(d.id, "0123456789abcdef", sizeof(d.id));
	assert_int_equal(ar_calls_find_dialog(&d, &u), -ENOENT);
}

static void test_bye(void **state)
{
	struct ar_msg_key k, bye = help_key("c1", "b", "a", 9, 5);
	struct ar_ended e;
	struct ar_use u;

	(void)state;
	up(&k);
	bye.to_tag = AR_SPAN("nobody");
	bye.from_tag = AR_SPAN("nobody");
	assert_false(ar_calls_bye(&bye, HOUR, &e)); /* of another dialog */
	bye = help_key("c1", "b", "a", 9, 5);
	assert_true(ar_calls_bye(&bye, ar_now_ms() + 1000, &e));
	assert_false(ar_calls_bye(&bye, HOUR, &e)); /* at the other pass */
	assert_int_equal(calls_count().calls, 0);
	assert_int_equal(ar_calls_find(&k, &u), 0); /* a late copy of the 200 */
	assert_non_null(u.plan);
	/* it is freed when the message lets go, not under its feet */
	ar_calls_sweep(0, 1000, ar_now_ms() + 50000, calls_count_ended, NULL);
	assert_int_equal(calls_count().dead, 0);
	assert_int_equal(u.plan->offer.n, 2);
	ar_use_done(&u);
	assert_int_equal(calls_count().plans, 0);
}

/* Two forks answer; the caller ends one of them: the call stays what it is with the other. */
static void test_bye_of_a_fork(void **state)
{
	struct ar_msg_key k = calls_invited("c1"), b = calls_with_to(k, "b"),
			  c = calls_with_to(k, "c"), bye;
	struct ar_answer a = calls_answer(200, "x"), early = calls_answer(183, "y");
	struct ar_msg_key d = calls_with_to(k, "d");
	struct ar_ended e;
	struct ar_use u;

	(void)state;
	ar_calls_answered(&d, &early); /* never answers: it does not count */
	ar_calls_answered(&b, &a);
	ar_calls_answered(&c, &a);
	bye = help_key("c1", "a", "c", 2, 5);
	assert_true(ar_calls_bye(&bye, HOUR, &e)); /* asd is told */
	assert_true(e.planned);
	assert_int_equal(ar_calls_find_dialog(&b, &u), 0);
	assert_int_equal(u.state, AR_CALL_UP);
	ar_use_done(&u);
	bye = help_key("c1", "b", "a", 1, 6);
	assert_true(ar_calls_bye(&bye, HOUR, &e));
	assert_int_equal(calls_count().calls, 0);
	assert_int_equal(calls_count().dead, 1);
	assert_false(ar_calls_bye(&bye, HOUR, &e));
}

static void test_plain_call(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "", 1, 77);
	struct ar_answer a = calls_answer(200, "x");
	struct ar_ended e;
	struct ar_use u;

	(void)state;
	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	assert_int_equal(ar_calls_decide(&k, NULL, 0, HOUR), 0);
	assert_int_equal(calls_count().calls, 0);
	assert_int_equal(calls_count().plain, 1);
	assert_int_equal(ar_calls_find(&k, &u), 0);
	assert_int_equal(u.state, AR_CALL_PLAIN);
	assert_null(u.plan);
	ar_use_done(&u);
	k = calls_with_to(k, "b");
	assert_false(ar_calls_answered(&k, &a)); /* asd is told nothing */
	assert_false(ar_calls_failed(&k, HOUR, &e)); /* tm's last word after the 200 */
	assert_int_equal(calls_count().plain, 1);
	assert_true(ar_calls_bye(&k, HOUR, &e));
	assert_false(e.planned);
}

static void test_late_offer(void **state)
{
	struct ar_msg_key k, r = help_key("c1", "a", "b", 2, 5), ack;
	struct ar_use u;

	(void)state;
	up(&k);
	assert_int_equal(ar_calls_offer(&r, AR_SIDE_B, true, HOUR), 0);
	assert_int_equal(ar_calls_find(&r, &u), 0);
	assert_true(u.late);
	assert_null(u.plan);
	ar_use_done(&u);
	ack = r;
	ack.method = METHOD_ACK_T;
	ack.via = 4711; /* an ACK of a 2xx has a branch of its own */
	assert_int_equal(ar_calls_find(&ack, &u), 0);
	assert_true(u.late);
	ar_use_done(&u);
	ack.cseq = 1; /* the ACK of the first INVITE, whose offer was not late */
	assert_int_equal(ar_calls_find(&ack, &u), -ENOENT);
}

static void test_restored(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "b", 0, 0), r = help_key("c1", "b", "a", 3, 1);
	const struct ar_restore how = {.map = &plan, .version = {5, 6}, .asd = 1, .expires = HOUR};
	struct ar_use u;

	(void)state;
	memcpy(k.id, "0123456789abcdef", sizeof(k.id));
	assert_int_equal(ar_calls_restore(&k, &how), 0);
	assert_int_equal(ar_calls_restore(&k, &how), 0); /* two at once */
	assert_int_equal(calls_count().calls, 1);
	memcpy(r.id, k.id, sizeof(r.id));
	assert_int_equal(ar_calls_find_dialog(&r, &u), 0);
	assert_non_null(u.plan);
	assert_int_equal(u.offerer, AR_SIDE_B);
	assert_int_equal(u.asd, 1);
	ar_use_done(&u);
	assert_int_equal(ar_calls_offer(&r, AR_SIDE_B, false, HOUR), 0);
	assert_int_equal(ar_calls_find(&r, &u), 0);
	assert_int_equal(u.version[0], 6);
	assert_int_equal(u.version[1], 7);
	ar_use_done(&u);
}

static void test_released_by_asd(void **state)
{
	struct ar_msg_key k = calls_invited("c1");
	struct ar_use u;

	(void)state;
	assert_false(ar_calls_release(k.callid, "ffffffffffffffff"));
	assert_true(ar_calls_release(k.callid, k.id));
	assert_int_equal(ar_calls_find_dialog(&k, &u), 0);
	assert_true(u.released);
	ar_use_done(&u);
}

static void test_dropped(void **state)
{
	struct ar_msg_key k = calls_invited("c1"), r = help_key("c1", "a", "b", 2, 5);
	struct ar_answer a = calls_answer(200, "x");

	(void)state;
	k = calls_with_to(k, "b");
	ar_calls_answered(&k, &a);
	assert_int_equal(ar_calls_offer(&r, AR_SIDE_A, false, HOUR), 0);
	ar_calls_drop(&r); /* the exchange only */
	assert_int_equal(calls_count().calls, 1);
	assert_int_equal(calls_count().exchanges, 1);
	ar_calls_drop(&k);
	assert_int_equal(calls_count().calls, 0);
	assert_int_equal(calls_count().plans, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, calls_set_up, calls_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_found_from_the_message_alone),
		T(test_the_plan_is_a_copy),
		T(test_asd_is_told_once),
		T(test_without_an_ack),
		T(test_other_fork_without_an_ack),
		T(test_map_after_the_answer),
		T(test_versions_rise_once_an_exchange),
		T(test_the_newer_answer_is_the_map),
		T(test_a_refused_reinvite_leaves_the_map),
		T(test_failure_ends_the_call),
		T(test_cancelled_while_asd_thinks),
		T(test_retry_after_407),
		T(test_merged_requests),
		T(test_bye),
		T(test_bye_of_a_fork),
		T(test_plain_call),
		T(test_late_offer),
		T(test_restored),
		T(test_released_by_asd),
		T(test_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
