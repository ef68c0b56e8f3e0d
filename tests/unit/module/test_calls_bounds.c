/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call table: it is bounded, whatever comes nothing stays behind, and many may use it at once.
 */
#include "calls_rig.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

static void test_many_forks(void **state)
{
	struct ar_msg_key k = calls_invited("c1");
	struct ar_answer a = calls_answer(200, "x");
	char tag[16];

	(void)state;
	for (int i = 0; i < 100; i++) { /* beyond the maxima: told every time, nothing grows */
		snprintf(tag, sizeof(tag), "fork%d", i);
		struct ar_msg_key f = calls_with_to(k, tag);

		assert_true(ar_calls_answered(&f, &a));
	}
	assert_int_equal(calls_count().calls, 1);
}

/* One UE cannot fill the table, or shared memory, with one Call-ID. */
static void test_one_call_id_is_limited(void **state)
{
	struct ar_msg_key k = help_key("c1", "a", "", 1, 77);
	unsigned n;

	(void)state;
	for (n = 0; n < 99; n++) {
		k.cseq = n + 1;
		if (ar_calls_open(&k, HOUR, k.id) == -ENOSPC)
			break;
	}
	assert_int_equal(n, AR_CALLS_SAME_MAX);
	assert_int_equal(calls_count().calls, AR_CALLS_SAME_MAX);
	assert_int_equal(calls_count().exchanges, AR_CALLS_SAME_MAX);
	k = help_key("c2", "a", "", 1, 77);
	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	for (n = 1; n < 99; n++) {
		k.cseq = n + 1;
		if (ar_calls_offer(&k, AR_SIDE_A, false, ar_now_ms() + 1000) == -ENOSPC)
			break;
	}
	assert_int_equal(n, AR_CALL_XCHGS_MAX);
	ar_calls_sweep(0, 1000, ar_now_ms() + 2000, calls_count_ended, NULL);
	assert_int_equal(ar_calls_offer(&k, AR_SIDE_A, false, HOUR), 0);
}

static void test_expiry_is_told(void **state)
{
	int gone = 0;
	struct ar_msg_key k = help_key("c1", "a", "", 1, 77);

	(void)state;
	assert_int_equal(ar_calls_open(&k, ar_now_ms() + 1000, k.id), 0);
	calls_invited("c2");
	ar_calls_sweep(0, 1000, ar_now_ms() + 500, calls_count_ended, &gone);
	assert_int_equal(gone, 0);
	ar_calls_sweep(0, 1000, ar_now_ms() + 2000, calls_count_ended, &gone);
	assert_int_equal(gone, 1);
	assert_int_equal(calls_count().calls, 1);
}

static void test_sweep_goes_round(void **state)
{
	unsigned at = 0;
	int gone = 0;
	char id[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		struct ar_msg_key k;

		snprintf(id, sizeof(id), "call%d", i);
		k = help_key(id, "a", "", 1, 77);
		assert_int_equal(ar_calls_open(&k, ar_now_ms() - 1, k.id), 0);
	}
	for (int i = 0; i < 8; i++)
		at = ar_calls_sweep(at, 2, ar_now_ms(), calls_count_ended, &gone);
	assert_int_equal(at, 0);
	assert_int_equal(gone, 50);
}

static void test_table_is_bounded(void **state)
{
	char id[16];
	int rc = 0, i;

	(void)state;
	for (i = 0; i < 200 && rc == 0; i++) {
		struct ar_msg_key k;

		snprintf(id, sizeof(id), "call%d", i);
		k = help_key(id, "a", "", 1, 77);
		rc = ar_calls_open(&k, HOUR, k.id);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_int_equal(i, 101);
}

/* Every allocation fails once: an error or less, never a leak or a half-made call. */
static void test_without_memory(void **state)
{
	struct ar_answer a = calls_answer(200, "x");

	(void)state;
	for (int fail = 0; fail < 12; fail++) {
		struct ar_msg_key k = help_key("c1", "a", "", 1, 77),
				  r = help_key("c1", "a", "b", 2, 5);

		test_shm_countdown = fail;
		if (ar_calls_open(&k, HOUR, k.id) == 0) {
			int rc = ar_calls_decide(&k, &plan, 0, HOUR);

			assert_true(rc == 0 || rc == -ENOMEM);
			k = calls_with_to(k, "b");
			ar_calls_answered(&k, &a);
			rc = ar_calls_offer(&r, AR_SIDE_A, false, HOUR);
			assert_true(rc == 0 || rc == -ENOMEM);
		}
		test_shm_countdown = -1;
		ar_calls_sweep(0, 1000, HOUR + 10 * 3600000ll, calls_count_ended, NULL);
		assert_int_equal(calls_count().calls + calls_count().dead + calls_count().plans +
					 calls_count().exchanges,
			0);
	}
}

/* Workers at one call and at many, the sweeper in between. */
static void *hammer(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg;
	char callid[16], to[8];

	for (int i = 0; i < 3000; i++) {
		unsigned r = (seed = seed * 1103515245 + 12345) >> 16;
		struct ar_answer a = calls_answer(r & 1 ? 183 : 200, "x");
		struct ar_msg_key k;
		struct ar_ended e;
		struct ar_use u;

		snprintf(callid, sizeof(callid), "call%u", r % 7);
		snprintf(to, sizeof(to), "b%u", r % 3);
		k = help_key(callid, "a", to, 1, 77);
		switch (r % 8) {
		case 0:
			k.to_tag = AR_SPAN("");
			if (ar_calls_open(&k, ar_now_ms() + 20, k.id) == 0)
				(void)!ar_calls_decide(&k, &plan, 0, ar_now_ms() + 20);
			break;
		case 1:
			ar_calls_failed(&k, ar_now_ms(), &e);
			break;
		case 2:
			ar_calls_bye(&k, ar_now_ms(), &e);
			break;
		case 3:
			ar_calls_sweep(r, 16, ar_now_ms(), calls_count_ended, NULL);
			break;
		case 4:
			if (ar_calls_find_dialog(&k, &u) == 0) {
				(void)!ar_calls_offer(&k, AR_SIDE_A, false, ar_now_ms() + 5);
				ar_use_done(&u);
			}
			break;
		default:
			if (ar_calls_find(&k, &u) == 0) {
				if (u.plan)
					assert_int_equal(u.plan->offer.n, 2);
				ar_calls_answered(&k, &a);
				ar_use_done(&u);
			}
		}
	}
	return NULL;
}

static void test_many_workers(void **state)
{
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, hammer, (void *)(i + 1));
	for (size_t i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ar_calls_sweep(0, 1000, HOUR + 10 * 3600000ll, calls_count_ended, NULL);
	assert_int_equal(calls_count().calls + calls_count().dead + calls_count().plans +
				 calls_count().exchanges,
		0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, calls_set_up, calls_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_many_forks),
		T(test_one_call_id_is_limited),
		T(test_expiry_is_told),
		T(test_sweep_goes_round),
		T(test_table_is_bounded),
		T(test_without_memory),
		T(test_many_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
