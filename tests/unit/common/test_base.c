/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Buffer, ids, frames, spans. */
#include "tests/unit/common/cmocka_all.h"
#include "common/ar_frame.h"
#include "common/ar_ids.h"
#include "tests/unit/common/oom.h"

#include <errno.h>
#include <stdlib.h>

/* ---- ar_buf ---- */

static void buf_appends(void **state)
{
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 1000);
	assert_int_equal(ar_buf_add_str(&b, "one "), 0);
	assert_int_equal(ar_buf_add(&b, "two", 3), 0);
	assert_int_equal(ar_buf_add_span(&b, AR_SPAN(" three")), 0);
	assert_int_equal(ar_buf_printf(&b, " %d", 4), 0);
	assert_true(ar_span_eq(ar_buf_span(&b), AR_SPAN("one two three 4")));
	ar_buf_consume(&b, 4);
	assert_true(ar_span_eq(ar_buf_span(&b), AR_SPAN("two three 4")));
	ar_buf_consume(&b, 400);
	assert_int_equal(b.n, 0);
	assert_int_equal(ar_buf_add(&b, NULL, 0), 0);
	assert_int_equal(ar_buf_add_span(&b, AR_SPAN_NONE), 0);
	ar_buf_free(&b);
	assert_int_equal(ar_buf_add_str(&b, "again"), 0); /* usable after free, same maximum */
	ar_buf_free(&b);
}

static void buf_grows_and_stops_at_its_maximum(void **state)
{
	char chunk[100] = {'x'};
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 1000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ar_buf_add(&b, chunk, sizeof(chunk)), 0);
	assert_int_equal(b.n, 1000);
	assert_int_equal(ar_buf_add(&b, "y", 1), -ENOBUFS);
	assert_int_equal(b.n, 1000);
	/* the error sticks */
	assert_int_equal(ar_buf_add(&b, "", 0), -ENOBUFS);
	assert_int_equal(ar_buf_printf(&b, "%s", ""), -ENOBUFS);
	assert_int_equal(ar_buf_err(&b), -ENOBUFS);
	ar_buf_reset(&b);
	assert_int_equal(ar_buf_err(&b), 0);
	assert_int_equal(ar_buf_reserve(&b, SIZE_MAX), -ENOBUFS);
	ar_buf_free(&b);
	ar_buf_init(&b, 256);
	/* a text that fits to the byte fits, its terminator does not count */
	assert_int_equal(ar_buf_printf(&b, "%0256d", 1), 0);
	assert_int_equal(b.n, 256);
	ar_buf_free(&b);
}

static void buf_without_memory(void **state)
{
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 1 << 20);
	oom_after(1);
	assert_int_equal(ar_buf_add_str(&b, "x"), -ENOMEM);
	oom_after(-1);
	assert_int_equal(ar_buf_add_str(&b, "x"), -ENOMEM);
	ar_buf_reset(&b);
	assert_int_equal(ar_buf_add_str(&b, "x"), 0);
	oom_after(1);
	assert_int_equal(ar_buf_reserve(&b, 100000), -ENOMEM);
	oom_after(-1);
	assert_int_equal(b.n, 1); /* what was there stays */
	assert_int_equal(b.p[0], 'x');
	ar_buf_free(&b);
}

/* ---- ar_frame ---- */

static void frames_go_round(void **state)
{
	struct ar_span body, in;
	struct ar_buf b;
	size_t used;

	(void)state;
	ar_buf_init(&b, 1 << 20);
	assert_int_equal(ar_frame_add(&b, AR_SPAN("{}")), 0);
	assert_int_equal(ar_frame_add(&b, AR_SPAN("{\"a\":1}")), 0);
	assert_memory_equal(b.p, "\0\0\0\2{}", 6);
	in = ar_buf_span(&b);
	/* every cut short of the whole asks for more */
	for (size_t n = 0; n < 6; n++)
		assert_int_equal(ar_frame_next((struct ar_span){b.p, n}, &body, &used), 0);
	assert_int_equal(ar_frame_next(in, &body, &used), 1);
	assert_int_equal(used, 6);
	assert_true(ar_span_eq(body, AR_SPAN("{}")));
	ar_buf_consume(&b, used);
	assert_int_equal(ar_frame_next(ar_buf_span(&b), &body, &used), 1);
	assert_true(ar_span_eq(body, AR_SPAN("{\"a\":1}")));
	ar_buf_free(&b);
}

static void frame_lengths(void **state)
{
	static char big[AR_FRAME_MAX + 1];
	struct ar_span body;
	struct ar_buf b;
	size_t used;

	(void)state;
	ar_buf_init(&b, AR_FRAME_MAX + AR_FRAME_HEAD);
	assert_int_equal(ar_frame_add(&b, AR_SPAN("")), -EMSGSIZE);
	assert_int_equal(ar_frame_add(&b, (struct ar_span){big, AR_FRAME_MAX + 1}), -EMSGSIZE);
	assert_int_equal(b.n, 0);
	assert_int_equal(ar_frame_add(&b, (struct ar_span){big, AR_FRAME_MAX}), 0);
	assert_int_equal(ar_frame_next(ar_buf_span(&b), &body, &used), 1);
	assert_int_equal(body.n, AR_FRAME_MAX);
	/* a buffer without room keeps no half frame that would be sent */
	assert_int_equal(ar_frame_add(&b, AR_SPAN("{}")), -ENOBUFS);
	ar_buf_free(&b);
	assert_int_equal(ar_frame_next(AR_SPAN("\0\0\0\0x"), &body, &used), -EBADMSG);
	assert_int_equal(ar_frame_next(AR_SPAN("\0\4\0\1"), &body, &used), -EBADMSG);
	assert_int_equal(ar_frame_next(AR_SPAN("GET / HT"), &body, &used), -EBADMSG);
	assert_int_equal(ar_frame_next(AR_SPAN("\377\377\377\377"), &body, &used), -EBADMSG);
}

/* A frame is added whole or not at all. */
static void frame_is_whole_or_not_there(void **state)
{
	struct ar_buf b;

	(void)state;
	ar_buf_init(&b, 10);
	assert_int_equal(ar_frame_add(&b, AR_SPAN("{}")), 0);
	assert_int_equal(ar_frame_add(&b, AR_SPAN("{}")), -ENOBUFS);
	assert_int_equal(b.n, 6);
	ar_buf_free(&b);
}

/* ---- ar_ids ---- */

static void stale_ids_find_nothing(void **state)
{
	struct ar_ids t;
	int x, y;
	uint32_t a, b;

	(void)state;
	ar_ids_init(&t, 4);
	assert_null(ar_ids_get(&t, 0));
	assert_int_equal(ar_ids_add(&t, &x, &a), 0);
	assert_true(a != 0);
	assert_ptr_equal(ar_ids_get(&t, a), &x);
	assert_null(ar_ids_get(&t, a + 1));
	assert_null(ar_ids_get(&t, a ^ 0x10000));
	assert_ptr_equal(ar_ids_remove(&t, a), &x);
	assert_null(ar_ids_get(&t, a));
	assert_null(ar_ids_remove(&t, a));
	assert_int_equal(ar_ids_add(&t, &y, &b), 0);
	assert_true(a != b); /* same slot, another generation */
	assert_int_equal(a & 0xffff, b & 0xffff);
	assert_null(ar_ids_get(&t, a));
	assert_ptr_equal(ar_ids_get(&t, b), &y);
	ar_ids_free(&t);
}

static void generations_wrap_without_a_zero(void **state)
{
	struct ar_ids t;
	uint32_t id;
	int x;

	(void)state;
	ar_ids_init(&t, 1);
	for (int i = 0; i < 70000; i++) {
		assert_int_equal(ar_ids_add(&t, &x, &id), 0);
		assert_true(id != 0 && id >> 16 != 0);
		assert_ptr_equal(ar_ids_remove(&t, id), &x);
	}
	ar_ids_free(&t);
}

static void ids_have_a_maximum(void **state)
{
	struct ar_ids t;
	uint32_t id, keep = 0;
	int x;

	(void)state;
	ar_ids_init(&t, 20);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ar_ids_add(&t, &x, &id), 0);
		if (i == 7)
			keep = id;
	}
	assert_int_equal(ar_ids_add(&t, &x, &id), -ENOSPC);
	assert_int_equal(t.used, 20);
	ar_ids_remove(&t, keep);
	assert_int_equal(ar_ids_add(&t, &x, &id), 0);
	ar_ids_free(&t);

	ar_ids_init(&t, 1u << 30);
	assert_int_equal(t.max, AR_IDS_MAX);
	for (int i = 0; i < AR_IDS_MAX; i++)
		assert_int_equal(ar_ids_add(&t, &x, &id), 0);
	assert_ptr_equal(ar_ids_get(&t, id), &x);
	assert_int_equal(ar_ids_add(&t, &x, &id), -ENOSPC);
	ar_ids_free(&t);
}

static void ids_without_memory(void **state)
{
	struct ar_ids t;
	uint32_t id, first;
	int x;

	(void)state;
	ar_ids_init(&t, 100);
	oom_after(1);
	assert_int_equal(ar_ids_add(&t, &x, &id), -ENOMEM);
	oom_after(-1);
	assert_int_equal(ar_ids_add(&t, &x, &first), 0);
	for (int i = 0; i < 15; i++)
		assert_int_equal(ar_ids_add(&t, &x, &id), 0);
	oom_after(1);
	assert_int_equal(ar_ids_add(&t, &x, &id), -ENOMEM);
	oom_after(-1);
	assert_ptr_equal(ar_ids_get(&t, first), &x);
	ar_ids_free(&t);
}

static void walking_while_removing(void **state)
{
	struct ar_ids t;
	uint32_t id[10], pos = 0;
	int x[10], n = 0;
	int *p;

	(void)state;
	ar_ids_init(&t, 10);
	assert_null(ar_ids_next(&t, &pos));
	for (int i = 0; i < 10; i++) {
		x[i] = i;
		assert_int_equal(ar_ids_add(&t, &x[i], &id[i]), 0);
	}
	ar_ids_remove(&t, id[3]);
	pos = 0;
	while ((p = ar_ids_next(&t, &pos)) != NULL) {
		assert_int_not_equal(*p, 3);
		ar_ids_remove(&t, id[*p]);
		n++;
	}
	assert_int_equal(n, 9);
	assert_int_equal(t.used, 0);
	ar_ids_free(&t);
}

/* ---- ar_span ---- */

static void spans(void **state)
{
	(void)state;
	assert_true(ar_span_eq(AR_SPAN_NONE, AR_SPAN("")));
	assert_false(ar_span_eq(AR_SPAN("a"), AR_SPAN("b")));
	assert_true(ar_span_caseeq(AR_SPAN("AbC"), "aBc"));
	assert_false(ar_span_caseeq(AR_SPAN("ab"), "abc"));
	assert_false(ar_span_caseeq(AR_SPAN_NONE, ""));
	assert_true(ar_span_eq(ar_span_trim(AR_SPAN(" \t\r\n a b \r\n")), AR_SPAN("a b")));
	assert_int_equal(ar_span_trim(AR_SPAN(" \t ")).n, 0);
	assert_int_equal(ar_span_trim(AR_SPAN("x\0")).n, 2); /* NUL is no blank */
	assert_int_equal(ar_span_str(NULL).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_appends),
		cmocka_unit_test(buf_grows_and_stops_at_its_maximum),
		cmocka_unit_test(buf_without_memory),
		cmocka_unit_test(frames_go_round),
		cmocka_unit_test(frame_lengths),
		cmocka_unit_test(frame_is_whole_or_not_there),
		cmocka_unit_test(stale_ids_find_nothing),
		cmocka_unit_test(generations_wrap_without_a_zero),
		cmocka_unit_test(ids_have_a_maximum),
		cmocka_unit_test(ids_without_memory),
		cmocka_unit_test(walking_while_removing),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
