/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parity packets: the RFC's example, what is lost comes back to the bit, what is broken is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "mediad/rtp/ulpfec.h"
#include "mediad/rtp/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <cmocka.h>

#define SSRC 0x01020304

struct packet {
	size_t n;
	uint8_t d[RTP_MAX_PACKET];
};

static struct ulpfec_recv *u;
static uint64_t seed = 42;

static unsigned dice(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static int setup(void **state)
{
	(void)state;
	return ulpfec_recv_new(&u, SSRC);
}

static int teardown(void **state)
{
	(void)state;
	ulpfec_recv_free(u);
	return 0;
}

static struct ar_span span(const struct packet *p)
{
	return (struct ar_span){(const char *)p->d, p->n};
}

/* n bytes behind the RTP header, with an extension block when there is room for one. */
static struct packet make(uint16_t seq, uint32_t ts, bool marker, size_t n)
{
	struct packet p = {.n = RTP_HEAD + n};

	for (size_t i = 0; i < n; i++)
		p.d[RTP_HEAD + i] = (uint8_t)dice(256);
	p.d[0] = n >= 8 ? 0x90 : 0x80;
	p.d[1] = (uint8_t)(marker << 7 | 96);
	put16(p.d + 2, seq);
	put32(p.d + 4, ts);
	put32(p.d + 8, SSRC);
	if (n >= 8)
		put32(p.d + RTP_HEAD, 0xbede0001);
	return p;
}

static struct packet parity_of(const struct packet *p, unsigned n)
{
	static struct ulpfec_sum sum;
	struct packet out;

	sum = (struct ulpfec_sum){0};
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(ulpfec_sum_add(&sum, span(&p[i])), 0);
	out.n = ulpfec_sum_write(&sum, out.d, sizeof(out.d));
	assert_true(out.n > 0);
	return out;
}

static void assert_taken(const struct packet *want)
{
	uint8_t out[RTP_MAX_PACKET];

	assert_int_equal(ulpfec_recv_take(u, out, sizeof(out)), want->n);
	assert_memory_equal(out, want->d, want->n);
}

static void assert_nothing(void)
{
	uint8_t out[RTP_MAX_PACKET];

	assert_int_equal(ulpfec_recv_take(u, out, sizeof(out)), 0);
}

static struct packet plain(uint16_t seq, uint32_t ts, size_t n)
{
	struct packet p = make(seq, ts, false, n);

	p.d[0] = 0x80;
	p.d[1] = 11;
	return p;
}

/* RFC 5109 10.1: packets A to D and the header that protects them. */
static void the_example_of_the_rfc(void **state)
{
	const struct packet p[] = {
		plain(8, 3, 200), plain(9, 5, 140), plain(10, 7, 100), plain(11, 9, 340)};
	static const uint8_t head[] = {
		0, 0, 0, 8, 0, 0, 0, 8, 372 >> 8, 372 & 255, 340 >> 8, 340 & 255, 61440 >> 8, 0};
	struct packet fec = parity_of(p, 4);

	(void)state;
	assert_int_equal(fec.n, sizeof(head) + 340);
	assert_memory_equal(fec.d, head, sizeof(head));
	for (size_t i = 0; i < 340; i++) {
		uint8_t sum = 0;

		for (unsigned k = 0; k < 4; k++)
			sum ^= i < p[k].n - RTP_HEAD ? p[k].d[RTP_HEAD + i] : 0;
		assert_int_equal(fec.d[sizeof(head) + i], sum);
	}
	for (unsigned k = 0; k < 4; k++)
		if (k != 1)
			assert_int_equal(ulpfec_recv_media(u, span(&p[k]), false), 0);
	assert_int_equal(ulpfec_recv_parity(u, 12, span(&fec)), 0);
	assert_taken(&p[1]);
	assert_nothing();
}

/* In any order, whatever is missing comes back to the bit as soon as it is alone. */
static void random_losses(void **state)
{
	static struct packet p[ULPFEC_MAX_COVER];
	uint16_t seq = 65400;
	unsigned twice = 0;

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		unsigned n = 1 + dice(round % 4 ? 12 : ULPFEC_MAX_COVER), lost = dice(n);
		unsigned other = round % 3 ? lost : dice(n), early = dice(2);
		struct packet fec;

		for (unsigned i = 0; i < n; i++)
			p[i] = make(seq++, round * 3000, i + 1 == n, dice(1400));
		fec = parity_of(p, n);
		if (early)
			assert_int_equal(ulpfec_recv_parity(u, seq, span(&fec)), 0);
		for (unsigned i = 0; i < n; i++)
			if (i != lost && i != other)
				assert_int_equal(ulpfec_recv_media(u, span(&p[i]), false), 0);
		if (!early)
			assert_int_equal(ulpfec_recv_parity(u, seq, span(&fec)), 0);
		seq++;
		if (lost != other) {
			assert_nothing();
			assert_int_equal(ulpfec_recv_media(u, span(&p[other]), false), 0);
			twice++;
		}
		assert_taken(&p[lost]);
		assert_nothing();
	}
	assert_true(twice > 100);
	assert_int_equal(ulpfec_recv_stats(u)->recovered, 1000);
	assert_int_equal(ulpfec_recv_stats(u)->useless, 0);
}

/* A retransmission without an extension that the packet had would spoil what is worked out. */
static void another_header_is_no_help(void **state)
{
	struct packet p[3] = {make(1, 1, false, 100), make(2, 1, false, 100), make(3, 1, true, 80)};
	struct packet fec = parity_of(p, 3), again = p[1];

	(void)state;
	put32(again.d + RTP_HEAD, 0xbede0000);
	memmove(again.d + RTP_HEAD + 4, again.d + RTP_HEAD + 8, again.n - RTP_HEAD - 8);
	again.n -= 4;
	assert_int_equal(ulpfec_recv_media(u, span(&p[0]), false), 0);
	assert_int_equal(ulpfec_recv_media(u, span(&again), true), 0);
	assert_int_equal(ulpfec_recv_parity(u, 4, span(&fec)), 0);
	assert_nothing();
	assert_int_equal(ulpfec_recv_stats(u)->useless, 1);
}

static void nothing_lost_nothing_kept(void **state)
{
	struct packet p[2] = {make(1, 1, false, 10), make(2, 1, true, 20)}, fec = parity_of(p, 2);

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ulpfec_recv_media(u, span(&p[i]), false), 0);
	assert_int_equal(ulpfec_recv_parity(u, 3, span(&fec)), 0);
	assert_nothing();
	assert_int_equal(ulpfec_recv_stats(u)->useless, 0);
	/* the parity is gone: its number may be used for others */
	for (unsigned i = 0; i < 3 * ULPFEC_PENDING; i++) {
		assert_int_equal(ulpfec_recv_parity(u, 3, span(&fec)), 0);
		assert_nothing();
	}
	assert_int_equal(ulpfec_recv_stats(u)->useless, 0);
}

/* Two are lost of each: the oldest parity is pushed out, and counted. */
static void bounded(void **state)
{
	struct packet p[3], fec, first;

	(void)state;
	for (unsigned i = 0; i < ULPFEC_PENDING + 1; i++) {
		for (unsigned k = 0; k < 3; k++)
			p[k] = make((uint16_t)(4 * i + k), i, k == 2, 30);
		fec = parity_of(p, 3);
		if (i == 0)
			first = p[0];
		assert_int_equal(ulpfec_recv_media(u, span(&p[2]), false), 0);
		assert_int_equal(ulpfec_recv_parity(u, (uint16_t)(4 * i + 3), span(&fec)), 0);
		assert_nothing();
	}
	assert_int_equal(ulpfec_recv_stats(u)->useless, 1);
	assert_int_equal(ulpfec_recv_media(u, span(&first), false), 0);
	assert_nothing();
	assert_int_equal(ulpfec_recv_media(u, span(&p[0]), false), 0);
	assert_taken(&p[1]);
}

static void broken_parity(void **state)
{
	struct packet p = make(1, 1, true, 50), good = parity_of(&p, 1), bad;

	(void)state;
	for (size_t n = 0; n < good.n; n++) {
		bad = good;
		bad.n = n;
		assert_int_equal(ulpfec_recv_parity(u, 2, span(&bad)), -EBADMSG);
	}
	bad = good;
	bad.d[0] |= 0x80;
	assert_int_equal(ulpfec_recv_parity(u, 2, span(&bad)), -EBADMSG);
	bad = good;
	put16(bad.d + 12, 0); /* about no packet */
	assert_int_equal(ulpfec_recv_parity(u, 2, span(&bad)), -EBADMSG);
	bad = good;
	bad.d[0] |= 0x40; /* the long mask takes four bytes of the rest */
	assert_int_equal(ulpfec_recv_parity(u, 2, span(&bad)), -EBADMSG);
	assert_int_equal(ulpfec_recv_parity(u, 300, span(&good)), 0);
	assert_int_equal(ulpfec_recv_stats(u)->useless, 1);
	bad = good;
	put16(bad.d + 8, 51); /* longer than what is protected */
	assert_int_equal(ulpfec_recv_parity(u, 2, span(&bad)), 0);
	assert_nothing();
	assert_int_equal(ulpfec_recv_stats(u)->useless, 2);
	assert_int_equal(ulpfec_recv_parity(u, 2, span(&good)), 0);
	assert_taken(&p);
	p.n = RTP_HEAD - 1;
	assert_int_equal(ulpfec_recv_media(u, span(&p), false), -EBADMSG);
}

static void what_does_not_fit_a_sum(void **state)
{
	static struct ulpfec_sum sum;
	struct packet a = make(65530, 1, false, 10), b = make(65530 + 48 - 65536, 1, false, 10);
	struct packet c = make(65530 + 47 - 65536, 1, false, 10);
	uint8_t out[64];

	(void)state;
	sum = (struct ulpfec_sum){0};
	assert_int_equal(ulpfec_sum_write(&sum, out, sizeof(out)), 0);
	assert_int_equal(ulpfec_sum_add(&sum, span(&a)), 0);
	assert_int_equal(ulpfec_sum_add(&sum, span(&a)), -ERANGE);
	assert_int_equal(ulpfec_sum_add(&sum, span(&b)), -ERANGE);
	assert_int_equal(ulpfec_sum_write(&sum, out, sizeof(out)), 14 + 10);
	assert_int_equal(ulpfec_sum_add(&sum, span(&c)), 0);
	assert_int_equal(ulpfec_sum_write(&sum, out, sizeof(out)), 18 + 10);
	assert_int_equal(ulpfec_sum_write(&sum, out, 27), 0);
	a.n = 5;
	assert_int_equal(ulpfec_sum_add(&sum, span(&a)), -EBADMSG);
}

static void red(void **state)
{
	struct rtp_packet p = {.pt = 98, .payload = {"\x60xy", 3}};

	(void)state;
	assert_int_equal(red_unwrap(&p), 0);
	assert_int_equal(p.pt, 96);
	assert_int_equal(p.payload.n, 2);
	assert_memory_equal(p.payload.p, "xy", 2);
	p.payload = (struct ar_span){"\xe0\0\0\0\x60xy", 7}; /* RFC 2198 3: two blocks */
	assert_int_equal(red_unwrap(&p), -EBADMSG);
	p.payload.n = 0;
	assert_int_equal(red_unwrap(&p), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_example_of_the_rfc, setup, teardown),
		cmocka_unit_test_setup_teardown(random_losses, setup, teardown),
		cmocka_unit_test_setup_teardown(another_header_is_no_help, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_lost_nothing_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_parity, setup, teardown),
		cmocka_unit_test(what_does_not_fit_a_sum),
		cmocka_unit_test(red),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
