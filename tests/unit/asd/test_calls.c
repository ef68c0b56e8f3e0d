/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call table and one call's lists. */
#include "asd/call/call.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct calls t;

static int setup(void **state)
{
	(void)state;
	return calls_init(&t, 500);
}

static int teardown(void **state)
{
	(void)state;
	calls_free(&t);
	return 0;
}

static struct call *add(unsigned i, const char *callid, const char *caller)
{
	char token[17];
	struct call *c;

	snprintf(token, sizeof(token), "%016x", i);
	return calls_add(&t, token, callid, caller, &c) == 0 ? c : NULL;
}

static void found_by_every_name(void **state)
{
	struct call *a = add(1, "same@x", "alice"), *b = add(2, "same@x", "bob"),
		    *c = add(3, "other@x", "alice");

	(void)state;
	assert_ptr_equal(calls_find(&t, "0000000000000002"), b);
	assert_null(calls_find(&t, "0000000000000004"));
	assert_ptr_equal(calls_get(&t, c->id), c);
	struct call *first = calls_find_callid(&t, "same@x", NULL);
	struct call *second = calls_find_callid(&t, "same@x", first);
	assert_true((first == a && second == b) || (first == b && second == a));
	assert_null(calls_find_callid(&t, "same@x", second));
	assert_non_null(calls_find_caller(&t, "alice", calls_find_caller(&t, "alice", NULL)));
	calls_remove(&t, a);
	assert_ptr_equal(calls_find_callid(&t, "same@x", NULL), b);
	assert_null(calls_find_callid(&t, "same@x", b));
	assert_ptr_equal(calls_find_caller(&t, "alice", NULL), c);
	assert_null(calls_find(&t, "0000000000000001"));
}

static void context_index_follows(void **state)
{
	struct call *a = add(1, "a", "x"), *b = add(2, "b", "x");

	(void)state;
	a->ctx.dcmf = 0;
	b->ctx.dcmf = 1;
	assert_int_equal(calls_set_context(&t, a, "7"), 0);
	assert_int_equal(calls_set_context(&t, b, "7"), 0); /* ids of two mediads may be equal */
	assert_ptr_equal(calls_find_context(&t, 0, "7"), a);
	assert_ptr_equal(calls_find_context(&t, 1, "7"), b);
	assert_null(calls_find_context(&t, 2, "7"));
	assert_int_equal(calls_set_context(&t, a, "8"), 0);
	assert_null(calls_find_context(&t, 0, "7"));
	calls_clear_context(&t, a);
	assert_null(calls_find_context(&t, 0, "8"));
	calls_clear_context(&t, a);
	calls_remove(&t, b);
	assert_null(calls_find_context(&t, 1, "7"));
}

static void full_and_empty_again(void **state)
{
	struct call *c;
	uint32_t stale;

	(void)state;
	for (unsigned i = 0; i < 500; i++)
		assert_non_null(add(i, "id", "x"));
	assert_int_equal(calls_add(&t, "00000000000001f5", "id", "x", &c), -ENOSPC);
	c = calls_find(&t, "0000000000000064");
	stale = c->id;
	calls_remove(&t, c);
	assert_null(calls_get(&t, stale));
	c = add(600, "id", "x");
	assert_non_null(c);
	assert_int_not_equal(c->id, stale);
	assert_null(calls_get(&t, stale));
	for (uint32_t pos = 0; (c = ar_ids_next(&t.ids, &pos));)
		calls_remove(&t, c);
	assert_int_equal(calls_n(&t), 0);
	assert_null(calls_find_callid(&t, "id", NULL));
}

static void hash_is_keyed(void **state)
{
	struct calls other;
	unsigned same = 0;

	(void)state;
	assert_int_equal(calls_init(&other, 10), 0);
	for (unsigned i = 0; i < 100; i++)
		same += calls_hash(&t, &i, sizeof(i)) == calls_hash(&other, &i, sizeof(i));
	assert_int_equal(same, 0);
	calls_free(&other);
	assert_true(calls_hash(&t, "abcdefgh", 8) != calls_hash(&t, "abcdefg\0", 8));
	assert_true(calls_hash(&t, "", 0) != calls_hash(&t, "\0", 1));
}

static void tokens(void **state)
{
	(void)state;
	assert_true(call_token_ok("0123456789abcdef"));
	assert_false(call_token_ok("0123456789ABCDEF"));
	assert_false(call_token_ok("0123456789abcde"));
	assert_false(call_token_ok("0123456789abcdef0"));
	assert_false(call_token_ok(""));
}

static struct exchange *exchange(struct call *c, const char *tag, uint32_t cseq)
{
	struct exchange *x;

	assert_int_equal(call_exchange_new(c, &x), 0);
	x->cseq = cseq;
	assert_int_equal(call_set(&x->from_tag, tag), 0);
	return x;
}

static void exchanges_make_room(void **state)
{
	struct call *c = add(1, "a", "x");
	struct exchange *x;

	(void)state;
	for (uint32_t i = 0; i < CALL_MAX_EXCHANGES; i++)
		exchange(c, i % 2 ? "ta" : "tb", i)->state = i ? EXCHANGE_OPEN : EXCHANGE_DECIDING;
	assert_non_null(call_exchange(c, "tb", 0));
	assert_null(call_exchange(c, "ta", 0));
	assert_non_null(call_exchange(c, NULL, 0));
	exchange(c, "ta", 50)->state =
		EXCHANGE_DECIDING; /* the oldest that nobody waits for goes */
	assert_non_null(call_exchange(c, "tb", 0));
	assert_null(call_exchange(c, "ta", 1));
	for (unsigned i = 0; i < c->nex; i++)
		c->ex[i]->state = EXCHANGE_DECIDING;
	assert_int_equal(call_exchange_new(c, &x), -ENOSPC);
	assert_ptr_equal(call_deciding(c), c->ex[0]);
	t.deciding = c->nex;
	calls_remove(&t, c);
	assert_int_equal(t.deciding, 0);
}

static void legs_and_meanings(void **state)
{
	struct call *c = add(1, "a", "x");
	char tag[8];

	(void)state;
	for (unsigned i = 0; i < CALL_MAX_LEGS; i++) {
		snprintf(tag, sizeof(tag), "t%u", i);
		assert_non_null(call_leg(c, tag, true));
	}
	assert_null(call_leg(c, "more", true));
	assert_non_null(call_leg(c, "t3", true));
	assert_null(call_leg(c, "more", false));
	assert_false(call_seen(c, 7));
	assert_true(call_seen(c, 7));
	for (uint64_t i = 100; i < 100 + CALL_MAX_SEEN; i++)
		assert_false(call_seen(c, i));
	assert_false(call_seen(c, 7)); /* forgotten: the oldest of CALL_MAX_SEEN */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(found_by_every_name), T(context_index_follows),
		T(full_and_empty_again), T(hash_is_keyed), T(tokens), T(exchanges_make_room),
		T(legs_and_meanings)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
