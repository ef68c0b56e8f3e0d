/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "calls_rig.h"

struct ar_plan plan;
struct ar_plan_room room;

int calls_set_up(void **state)
{
	(void)state;
	test_stubs_reset();
	help_plan(&plan, &room, AR_SIDE_A);
	return ar_calls_init(4, 100);
}

int calls_tear_down(void **state)
{
	(void)state;
	ar_calls_destroy();
	return test_shm_live == 0 ? 0 : -1; /* everything was given back */
}

void calls_count_ended(const struct ar_call_info *i, void *arg)
{
	(void)i;
	if (arg)
		(*(int *)arg)++;
}

struct ar_calls_count calls_count(void)
{
	struct ar_calls_count n;

	ar_calls_count(&n);
	return n;
}

struct ar_answer calls_answer(int status, const char *sdp)
{
	return (struct ar_answer){.status = status,
		.has_sdp = sdp != NULL,
		.hash = sdp ? ar_hash32(sdp, strlen(sdp)) : 0,
		.call_expires = HOUR,
		.plan_expires = ar_now_ms() + 40000};
}

struct ar_msg_key calls_invited(const char *callid)
{
	struct ar_msg_key k = help_key(callid, "a", "", 1, 77);

	assert_int_equal(ar_calls_open(&k, HOUR, k.id), 0);
	assert_int_equal(ar_calls_decide(&k, &plan, 0, HOUR), 0);
	return k;
}

struct ar_msg_key calls_with_to(struct ar_msg_key k, const char *to)
{
	k.to_tag = ar_span_str(to);
	k.id[0] = 0; /* a reply does not carry it */
	return k;
}
