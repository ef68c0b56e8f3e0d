/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the call table share: its plan, its keys and answers, and its two ends. */
#ifndef TEST_CALLS_RIG_H
#define TEST_CALLS_RIG_H

#include "help.h"
#include "stubs.h"

#include "tests/unit/common/cmocka_all.h"

#define HOUR (ar_now_ms() + 3600000)

extern struct ar_plan plan; /* audio passes, the data channel is ours; fresh for each test */
extern struct ar_plan_room room;

int calls_set_up(void **state);
int calls_tear_down(void **state); /* fails where something was not given back */

/* For ar_calls_sweep(): counts into the int at arg, if any. */
void calls_count_ended(const struct ar_call_info *i, void *arg);
struct ar_calls_count calls_count(void);
struct ar_answer calls_answer(int status, const char *sdp);
/* An INVITE of "a" that asd has planned. */
struct ar_msg_key calls_invited(const char *callid);
/* The key of a message of that fork: it names no call. */
struct ar_msg_key calls_with_to(struct ar_msg_key k, const char *to);

#endif
