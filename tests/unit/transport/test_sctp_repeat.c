/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is sent again early: when a loss is sure, what is never kept, and every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mediad/sctp/ar_sctp_repeat.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000u
#define RTT (40 * MS)
#define STEP (17 * MS) /* 60 patches a second */

static struct ar_sctp_repeat_stats stats;
static struct ar_sctp_repeat rep;
static uint64_t now;
static uint8_t buf[2048];
static size_t len;

static int set_up(void **state)
{
	(void)state;
	stats = (struct ar_sctp_repeat_stats){0};
	ar_sctp_repeat_init(&rep, &stats);
	now = 1000 * MS;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ar_sctp_repeat_free(&rep);
	return 0;
}

static void put(uint32_t v, unsigned bytes)
{
	while (bytes--)
		buf[len++] = (uint8_t)(v >> (8 * bytes));
}

static void start(void)
{
	len = 0;
	put(0x13881388, 4), put(0xcafebabe, 4), put(0, 4);
}

static void data(uint32_t tsn, uint16_t stream, unsigned bytes)
{
	put(0, 1), put(3, 1), put(16 + bytes, 2), put(tsn, 4), put(stream, 2), put(7, 2);
	put(51, 4);
	for (unsigned i = 0; i < bytes; i++)
		put(tsn + i, 1);
	while (len % 4)
		put(0, 1);
}

struct gap {
	uint16_t from, to;
};

static void sack(uint32_t cumulative, const struct gap *g, unsigned n)
{
	put(3, 1), put(0, 1), put(16 + 4 * n, 2), put(cumulative, 4), put(1000000, 4);
	put(n, 2), put(0, 2);
	for (unsigned i = 0; i < n; i++)
		put(g[i].from, 2), put(g[i].to, 2);
}

static void out(bool thin)
{
	ar_sctp_repeat_out(&rep, (struct ar_span){(char *)buf, len}, thin, now);
}

static void sent(uint32_t tsn)
{
	start();
	data(tsn, 64, 201);
	out(true);
}

/* An acknowledgement; how many packets go again, the first one's TSN. */
static unsigned acked(uint32_t cumulative, uint16_t from, uint16_t to, uint32_t *tsn)
{
	struct gap g = {from, to};
	struct ar_span p;
	unsigned n = 0;

	start();
	sack(cumulative, &g, from ? 1 : 0);
	ar_sctp_repeat_in(&rep, (struct ar_span){(char *)buf, len}, now);
	for (; ar_sctp_repeat_next(&rep, &p, now); n++) {
		const uint8_t *b = (const uint8_t *)p.p;

		assert_true(p.n >= 28 && n < AR_SCTP_REPEAT_KEPT);
		if (n == 0)
			*tsn = (uint32_t)b[16] << 24 | (uint32_t)b[17] << 16 |
			       (uint32_t)b[18] << 8 | b[19];
	}
	return n;
}

/* One packet there and back, so that the round trip is known. */
static void warm(uint32_t tsn)
{
	uint32_t none;

	sent(tsn);
	now += RTT;
	assert_int_equal(acked(tsn, 0, 0, &none), 0);
	assert_int_equal(rep.nkept, 0);
	assert_int_equal(rep.min_rtt, RTT);
}

static void test_one_lost(void **state)
{
	uint32_t tsn = 0;

	(void)state;
	warm(100);
	sent(101);
	now += STEP;
	sent(102);
	now += RTT;
	assert_int_equal(acked(100, 2, 2, &tsn), 1);
	assert_int_equal(tsn, 101);
	assert_int_equal(stats.repeated, 1);
	/* once more only when something later than the repeat has arrived */
	sent(103);
	now += STEP;
	assert_int_equal(acked(100, 2, 3, &tsn), 0);
	sent(104);
	now += RTT;
	assert_int_equal(acked(100, 2, 4, &tsn), 1);
	assert_int_equal(tsn, 101);
	now += RTT;
	assert_int_equal(acked(104, 0, 0, &tsn), 0);
	assert_int_equal(rep.nkept, 0);
}

/* TSNs count modulo 2^32. */
static void test_wrap(void **state)
{
	uint32_t tsn = 0;

	(void)state;
	warm(UINT32_MAX - 1);
	sent(UINT32_MAX);
	now += STEP;
	sent(0);
	now += RTT;
	assert_int_equal(acked(UINT32_MAX - 1, 2, 2, &tsn), 1);
	assert_int_equal(tsn, UINT32_MAX);
	now += RTT;
	assert_int_equal(acked(0, 0, 0, &tsn), 0);
	assert_int_equal(rep.nkept, 0);
}

/* Packets of one burst, and what came a little early, prove nothing. */
static void test_reordered(void **state)
{
	uint32_t tsn;

	(void)state;
	warm(100);
	sent(101);
	now += 9 * MS;
	sent(102);
	sent(103);
	now += RTT;
	assert_int_equal(acked(100, 2, 3, &tsn), 0);
	now += 1 * MS;
	assert_int_equal(acked(103, 0, 0, &tsn), 0);
	assert_int_equal(stats.repeated, 0);
}

/* An answer sooner than any was to the first copy: it does not show that a later packet came. */
static void test_spurious(void **state)
{
	uint32_t tsn = 0;

	(void)state;
	warm(100);
	sent(101);
	now += STEP;
	sent(102);
	now += RTT;
	assert_int_equal(acked(100, 2, 2, &tsn), 1);
	now -= STEP;
	sent(103); /* while 101 goes again */
	now += STEP + 5 * MS;
	assert_int_equal(acked(102, 0, 0, &tsn), 0);
	assert_int_equal(rep.nkept, 1);
	assert_int_equal(rep.min_rtt, RTT);
}

/* Channels with max-retr or max-time, and what comes with the DATA. */
static void test_only_reliable(void **state)
{
	uint32_t tsn = 0;
	struct ar_span p;

	(void)state;
	warm(100);
	ar_sctp_repeat_stream(&rep, 65, false);
	start();
	sack(5, NULL, 0);
	data(101, 65, 30);
	out(true);
	assert_int_equal(rep.nkept, 0);
	start();
	sack(5, NULL, 0);
	data(102, 65, 30);
	data(103, 64, 33);
	data(104, 3, 9);
	data(105, 65, 9);
	out(true);
	assert_int_equal(rep.nkept, 1);
	assert_int_equal(rep.kept[0].first, 103);
	assert_int_equal(rep.kept[0].count, 2);
	now += STEP;
	sent(106);
	now += RTT;
	start();
	sack(102, &(struct gap){4, 4}, 1);
	ar_sctp_repeat_in(&rep, (struct ar_span){(char *)buf, len}, now);
	assert_true(ar_sctp_repeat_next(&rep, &p, now));
	start();
	data(103, 64, 33);
	data(104, 3, 9);
	assert_int_equal(p.n, len);
	assert_memory_equal(p.p, buf, len);
	assert_false(ar_sctp_repeat_next(&rep, &p, now));
	ar_sctp_repeat_stream(&rep, 65, true);
	ar_sctp_repeat_stream(&rep, AR_SCTP_REPEAT_STREAMS, true);
	start();
	data(107, 65, 30);
	out(true);
	assert_int_equal(rep.nkept, 2);
	start();
	data(108, AR_SCTP_REPEAT_STREAMS, 30);
	out(true);
	assert_int_equal(rep.nkept, 2);
	now += RTT;
	assert_int_equal(acked(108, 0, 0, &tsn), 0);
}

static void test_bulk_is_not_kept(void **state)
{
	(void)state;
	start();
	data(1, 64, 900);
	out(false);
	assert_int_equal(rep.nkept, 0);
	assert_int_equal(rep.next, 2);
}

/* usrsctp was first: its retransmission counts as ours, and nothing is kept twice. */
static void test_usrsctps_own(void **state)
{
	uint32_t tsn;

	(void)state;
	warm(100);
	sent(101);
	now += STEP;
	sent(102);
	now += RTT;
	sent(101);
	assert_int_equal(rep.nkept, 2);
	assert_int_equal(acked(100, 2, 2, &tsn), 0);
	assert_int_equal(rep.kept[0].times, 1);
}

/* A packet is given up after so many times, all together after their share. */
static void test_limits(void **state)
{
	uint32_t tsn = 0, next = 102;
	unsigned n = 0;

	(void)state;
	warm(100);
	sent(101);
	for (unsigned i = 0; i < 20; i++) {
		now += STEP;
		sent(next++);
		now += RTT;
		n += acked(100, 2, (uint16_t)(next - 101), &tsn);
	}
	assert_int_equal(n, AR_SCTP_REPEAT_TIMES);
	assert_int_equal(stats.refused, 1);
	assert_int_equal(rep.nkept, 0);
	/* every second one is lost: one in AR_SCTP_REPEAT_SHARE goes again, and what was saved */
	for (unsigned i = 0; i < 200; i++) {
		uint32_t before = next - 1;

		sent(next++);
		now += STEP;
		sent(next++);
		now += RTT;
		n += acked(before, 2, 2, &tsn);
		assert_int_equal(acked(before + 2, 0, 0, &tsn), 0);
	}
	assert_in_range(n, 420 / AR_SCTP_REPEAT_SHARE - AR_SCTP_REPEAT_SAVED,
		420 / AR_SCTP_REPEAT_SHARE + AR_SCTP_REPEAT_SAVED);
	assert_true(stats.refused > 50);
}

static void test_full(void **state)
{
	uint32_t tsn;

	(void)state;
	for (uint32_t i = 0; i < AR_SCTP_REPEAT_KEPT + 5; i++)
		sent(1 + i);
	assert_int_equal(rep.nkept, AR_SCTP_REPEAT_KEPT);
	assert_int_equal(rep.kept[0].first, 6);
	assert_int_equal(stats.forgotten, 5);
	now += RTT;
	assert_int_equal(acked(5, 0, 0, &tsn), 0);
	assert_int_equal(rep.nkept, AR_SCTP_REPEAT_KEPT);
	assert_int_equal(acked(7, 0, 0, &tsn), 0);
	assert_int_equal(rep.nkept, AR_SCTP_REPEAT_KEPT - 2);
}

/* Whatever a UE sends: no chunk is read over its end, and nothing is believed that was not sent. */
static void test_garbage(void **state)
{
	struct gap g[3] = {{9, 2}, {0, 0}, {UINT16_MAX, UINT16_MAX}};
	struct ar_span p;

	(void)state;
	warm(100);
	sent(101);
	start();
	sack(100, g, 3);
	buf[12 + 13] = 200; /* more gaps than there are */
	for (size_t n = 0; n <= len; n++) {
		char *exact = malloc(n ? n : 1); /* so that a sanitizer sees an overread */

		assert_non_null(exact);
		memcpy(exact, buf, n);
		ar_sctp_repeat_in(&rep, (struct ar_span){exact, n}, now);
		ar_sctp_repeat_out(&rep, (struct ar_span){exact, n}, true, now);
		free(exact);
	}
	start();
	data(102, 64, 40);
	for (size_t n = 0; n < len - 1; n++) {
		char *exact = malloc(n ? n : 1);

		assert_non_null(exact);
		memcpy(exact, buf, n);
		ar_sctp_repeat_out(&rep, (struct ar_span){exact, n}, true, now);
		free(exact);
	}
	start();
	sack(100, g, 3);
	ar_sctp_repeat_in(&rep, (struct ar_span){(char *)buf, len}, now);
	assert_false(ar_sctp_repeat_next(&rep, &p, now));
	assert_int_equal(rep.nkept, 1);
	for (unsigned i = 0; i < 20000; i++) {
		len = 12 + (size_t)rand() % 200;
		for (size_t k = 12; k < len; k++)
			buf[k] = (uint8_t)(rand() % (k % 4 == 2 ? 1 : 256));
		buf[12] = 3;
		now += MS;
		if (i % 3 == 0)
			sent(rep.next);
		else
			ar_sctp_repeat_in(&rep, (struct ar_span){(char *)buf, len}, now);
		while (ar_sctp_repeat_next(&rep, &p, now))
			;
		assert_true(rep.nkept <= AR_SCTP_REPEAT_KEPT);
	}
	/* whatever it says, one in so many goes again */
	assert_true(stats.repeated <= 20000 / 3 / AR_SCTP_REPEAT_SHARE + AR_SCTP_REPEAT_SAVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reordered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spurious, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_only_reliable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bulk_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_usrsctps_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
