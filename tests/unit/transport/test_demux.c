/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Demultiplexer, deadlines, addresses, checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/daemon/ar_clock.h"
#include "mediad/net/demux.h"
#include "mediad/net/peer_addr.h"
#include "mediad/net/timerq.h"
#include "mediad/ice/crc32.h"
#include "mediad/sctp/ar_crc32c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void test_first_byte(void **state)
{
	char d[64] = {0};

	(void)state;
	for (unsigned b = 0; b < 256; b++) { /* RFC 7983 7 */
		enum demux_kind want = b <= 3                 ? DEMUX_STUN
				       : b >= 20 && b <= 63   ? DEMUX_DTLS
				       : b >= 128 && b <= 191 ? DEMUX_RTP
							      : DEMUX_OTHER;

		d[0] = (char)b;
		assert_int_equal(demux_classify((struct ar_span){d, sizeof(d)}), want);
		assert_int_equal(demux_classify((struct ar_span){d, 12}),
			want == DEMUX_RTP ? DEMUX_RTP : DEMUX_OTHER);
	}
	assert_int_equal(demux_classify((struct ar_span){d, 0}), DEMUX_OTHER);
	d[0] = 0;
	assert_int_equal(demux_classify((struct ar_span){d, 19}), DEMUX_OTHER);
}

static void test_tables(void **state)
{
	static struct demux_node byname[500], byaddr[500];
	struct demux d;
	struct peer_addr a;
	char name[16];

	(void)state;
	assert_int_equal(demux_init(&d, 4), 0); /* small, so that chains are long */
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "ufrag%u", i);
		demux_put_ufrag(&d, &byname[i], name, &byname[i]);
		assert_int_equal(
			peer_addr_parse(&a, i & 1 ? "2001:db8::1" : "192.0.2.1", (uint16_t)(i + 1)),
			0);
		demux_put_addr(&d, &byaddr[i], &a, &byaddr[i]);
	}
	for (unsigned i = 0; i < 500; i += 3) {
		demux_remove(&byname[i]);
		demux_remove(&byname[i]); /* twice is once */
		demux_remove(&byaddr[i]);
	}
	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "ufrag%u", i);
		assert_ptr_equal(
			demux_find_ufrag(&d, ar_span_str(name)), i % 3 ? &byname[i] : NULL);
		assert_int_equal(
			peer_addr_parse(&a, i & 1 ? "2001:db8::1" : "192.0.2.1", (uint16_t)(i + 1)),
			0);
		assert_ptr_equal(demux_find_addr(&d, &a), i % 3 ? &byaddr[i] : NULL);
	}
	/* an address moves with its node */
	assert_int_equal(peer_addr_parse(&a, "198.51.100.1", 9), 0);
	demux_put_addr(&d, &byaddr[1], &a, &byaddr[1]);
	assert_ptr_equal(demux_find_addr(&d, &a), &byaddr[1]);
	assert_int_equal(peer_addr_parse(&a, "2001:db8::1", 2), 0);
	assert_null(demux_find_addr(&d, &a));
	assert_null(demux_find_ufrag(&d, AR_SPAN("")));
	demux_free(&d);
}

static void test_addresses(void **state)
{
	struct peer_addr a, b;
	char text[PEER_ADDR_TEXT];

	(void)state;
	assert_int_equal(peer_addr_parse(&a, "192.0.2.7", 5000), 0);
	assert_string_equal(peer_addr_print(&a, text), "192.0.2.7:5000");
	assert_int_equal(peer_addr_parse(&b, "2001:db8::7", 5000), 0);
	assert_string_equal(peer_addr_print(&b, text), "[2001:db8::7]:5000");
	assert_false(peer_addr_eq(&a, &b));
	assert_int_equal(peer_addr_parse(&b, "192.0.2.7", 5001), 0);
	assert_false(peer_addr_eq(&a, &b));
	assert_int_equal(peer_addr_parse(&b, "ue.example", 5000), -EINVAL);
	assert_string_equal(peer_addr_print(&b, text), "-");
}

static void test_deadlines(void **state)
{
	static struct timerq_node n[200];
	struct timerq q;
	uint64_t last = 0;
	unsigned left = 0;

	(void)state;
	assert_int_equal(timerq_init(&q, 200), 0);
	assert_null(timerq_top(&q));
	srand(4711);
	for (unsigned round = 0; round < 5000; round++) {
		struct timerq_node *k = &n[rand() % 200];
		uint64_t least = AR_NEVER;

		timerq_set(&q, k, rand() % 4 ? (uint64_t)(rand() % 1000) : AR_NEVER);
		for (unsigned i = 0; i < 200; i++) {
			if (n[i].pos && n[i].at < least)
				least = n[i].at;
		}
		assert_true(timerq_top(&q) ? timerq_top(&q)->at == least : least == AR_NEVER);
	}
	for (unsigned i = 0; i < 200; i++)
		left += n[i].pos != 0;
	assert_int_equal(left, q.n);
	while (timerq_top(&q)) {
		assert_true(timerq_top(&q)->at >= last);
		last = timerq_top(&q)->at;
		timerq_set(&q, timerq_top(&q), AR_NEVER);
		left--;
	}
	assert_int_equal(left, 0);
	timerq_free(&q);
}

static void test_crc32c(void **state)
{
	uint8_t data[300], packet[32] = {0x13, 0x88, 0x13, 0x88};

	(void)state;
	assert_int_equal(ar_crc32c("123456789", 9), 0xe3069283u);
	assert_int_equal(ar_crc32c_soft("123456789", 9), 0xe3069283u);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31);
	for (unsigned n = 0; n < sizeof(data); n++)
		assert_int_equal(ar_crc32c(data, n), ar_crc32c_soft(data, n));
	ar_crc32c_fill(packet, sizeof(packet));
	uint8_t sum[4];

	memcpy(sum, packet + 8, 4);
	memset(packet + 8, 0, 4);
	assert_int_equal(ar_crc32c(packet, sizeof(packet)),
		(uint32_t)sum[0] | (uint32_t)sum[1] << 8 | (uint32_t)sum[2] << 16 |
			(uint32_t)sum[3] << 24);
}

static void test_crc32(void **state)
{
	uint8_t data[300];

	(void)state;
	assert_int_equal(crc32_of("123456789", 9), 0xcbf43926u);
	assert_int_equal(crc32_of("The quick brown fox jumps over the lazy dog", 43), 0x414fa339u);
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 7);
	for (unsigned at = 0; at < 17; at++) { /* whatever it is aligned to */
		for (unsigned n = 0; at + n <= sizeof(data); n++)
			assert_int_equal(crc32_of(data + at, n), crc32_soft(data + at, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32),
		cmocka_unit_test(test_first_byte),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_crc32c),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
