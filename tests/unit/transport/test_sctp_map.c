/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stream ids between the UE and usrsctp: every chunk that names one, both ways, and garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mediad/sctp/ar_sctp_map.h"

#include <stdlib.h>
#include <string.h>

#define HEAD 12

static struct ar_sctp_map map;

static int set_up(void **state)
{
	(void)state;
	ar_sctp_map_init(&map, 1003);
	return 0;
}

static void test_few_streams_stay(void **state)
{
	uint8_t packet[HEAD + 16] = {0}, before[sizeof(packet)];

	(void)state;
	ar_sctp_map_init(&map, AR_SCTP_MAP_STREAMS);
	assert_false(map.on);
	assert_int_equal(ar_sctp_map_inside(&map), AR_SCTP_MAP_STREAMS);
	assert_int_equal(ar_sctp_map_usable(&map, 77), 77);
	assert_int_equal(ar_sctp_map_in(&map, 100) + ar_sctp_map_out(&map, 100), 200);
	packet[HEAD + 3] = 16;
	packet[HEAD + 8] = 3;
	memcpy(before, packet, sizeof(packet));
	ar_sctp_map_packet_in(&map, packet, sizeof(packet));
	ar_sctp_map_packet_out(&map, packet, sizeof(packet));
	assert_memory_equal(packet, before, sizeof(packet));
}

static void test_places(void **state)
{
	(void)state;
	assert_true(map.on);
	assert_int_equal(ar_sctp_map_inside(&map), AR_SCTP_MAP_STREAMS);
	for (uint16_t id = 0; id < AR_SCTP_MAP_LOW; id++) {
		assert_int_equal(ar_sctp_map_in(&map, id), id);
		assert_int_equal(ar_sctp_map_out(&map, id), id);
	}
	assert_int_equal(ar_sctp_map_out(&map, 64), AR_SCTP_MAP_NONE); /* nobody's yet */
	assert_int_equal(ar_sctp_map_in(&map, 1002), 64);
	assert_int_equal(ar_sctp_map_in(&map, 64), 65);
	assert_int_equal(ar_sctp_map_in(&map, 1002), 64);
	assert_int_equal(ar_sctp_map_out(&map, 64), 1002);
	assert_int_equal(ar_sctp_map_out(&map, 65), 64);
	/* over what the UE was told: no place, and none is used up */
	assert_int_equal(ar_sctp_map_in(&map, 1003), AR_SCTP_MAP_NONE);
	assert_int_equal(ar_sctp_map_in(&map, UINT16_MAX), AR_SCTP_MAP_NONE);
	assert_int_equal(map.full, 0);
	for (uint16_t i = 2; i < AR_SCTP_MAP_HIGH; i++)
		assert_int_equal(ar_sctp_map_in(&map, (uint16_t)(200 + i)), 64 + i);
	assert_int_equal(ar_sctp_map_in(&map, 300), AR_SCTP_MAP_NONE);
	assert_int_equal(map.full, 1);
	assert_int_equal(ar_sctp_map_in(&map, 1002), 64);
	for (uint16_t i = 0; i < AR_SCTP_MAP_HIGH; i++)
		assert_int_equal(
			ar_sctp_map_in(&map, ar_sctp_map_out(&map, (uint16_t)(64 + i))), 64 + i);
}

/* A packet of chunks; numbers are bytes. */
static size_t build(uint8_t *p, const uint8_t *chunks, size_t n)
{
	memset(p, 0xee, HEAD);
	memcpy(p + HEAD, chunks, n);
	return HEAD + n;
}

static void test_data_and_sack_in_one_packet(void **state)
{
	/* SACK, DATA on 1000 (5 bytes and padding), DATA on 3 */
	static const uint8_t chunks[] = {3, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0,
		21, 0, 0, 0, 9, 0x03, 0xe8, 0, 7, 0, 0, 0, 51, 'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0,
		3, 0, 17, 0, 0, 0, 10, 0, 3, 0, 8, 0, 0, 0, 51, 'x'};
	uint8_t p[HEAD + sizeof(chunks)], want[sizeof(p)];
	size_t n = build(p, chunks, sizeof(chunks));

	(void)state;
	memcpy(want, p, n);
	ar_sctp_map_packet_in(&map, p, n);
	want[HEAD + 16 + 8] = 0;
	want[HEAD + 16 + 9] = 64;
	assert_memory_equal(p, want, n);
	ar_sctp_map_packet_out(&map, p, n);
	build(want, chunks, sizeof(chunks));
	assert_memory_equal(p, want, n);
}

static void test_init(void **state)
{
	static const uint8_t from_ue[] = {
		1, 0, 0, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0xff, 0xff, 0x08, 0, 0, 0, 0, 9};
	static const uint8_t of_usrsctp[] = {
		2, 0, 0, 20, 1, 2, 3, 4, 0, 1, 0, 0, 0, 128, 0, 128, 0, 0, 0, 9};
	uint8_t p[HEAD + 20];
	size_t n = build(p, from_ue, 20);

	(void)state;
	ar_sctp_map_packet_in(&map, p, n);
	assert_memory_equal(p + HEAD + 12, "\0\x80\0\x80", 4);
	assert_int_equal(map.ue_out, 65535);
	assert_int_equal(map.ue_in, 2048);
	assert_int_equal(ar_sctp_map_usable(&map, 128), 1003);
	n = build(p, of_usrsctp, 20);
	ar_sctp_map_packet_out(&map, p, n);
	assert_memory_equal(p + HEAD + 12, "\x03\xeb\x03\xeb", 4);
	/* a UE that takes fewer: as many are used, and never more are said */
	n = build(p, from_ue, 20);
	p[HEAD + 14] = 1, p[HEAD + 15] = 0;
	ar_sctp_map_packet_in(&map, p, n);
	assert_int_equal(ar_sctp_map_usable(&map, 128), 256);
	n = build(p, of_usrsctp, 20);
	ar_sctp_map_packet_out(&map, p, n);
	assert_memory_equal(p + HEAD + 12, "\x01\x00\x03\xeb", 4);
	/* none at all: usrsctp is to refuse it */
	n = build(p, from_ue, 20);
	memset(p + HEAD + 12, 0, 4);
	ar_sctp_map_packet_in(&map, p, n);
	assert_memory_equal(p + HEAD + 12, "\0\0\0\0", 4);
}

static void test_resets_and_forward_tsn(void **state)
{
	/* both kinds of request in one chunk: 1000 and 5; 1001 */
	static const uint8_t reset[] = {130, 0, 0, 36, 0, 13, 0, 20, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0,
		0, 3, 0x03, 0xe8, 0, 5, 0, 14, 0, 10, 0, 0, 0, 4, 0x03, 0xe9, 0, 0};
	static const uint8_t skip[] = {
		192, 0, 0, 16, 0, 0, 0, 7, 0x03, 0xe9, 0, 1, 0x03, 0xe8, 0, 2};
	uint8_t p[HEAD + sizeof(reset)], want[sizeof(p)];
	size_t n = build(p, reset, sizeof(reset));

	(void)state;
	ar_sctp_map_packet_in(&map, p, n);
	build(want, reset, sizeof(reset));
	memcpy(want + HEAD + 20, "\0\x40\0\x05", 4);
	memcpy(want + HEAD + 32, "\0\x41", 2);
	assert_memory_equal(p, want, n);
	ar_sctp_map_packet_out(&map, p, n);
	build(want, reset, sizeof(reset));
	assert_memory_equal(p, want, n);
	n = build(p, skip, sizeof(skip));
	ar_sctp_map_packet_in(&map, p, n);
	build(want, skip, sizeof(skip));
	memcpy(want + HEAD + 8, "\0\x41\0\x01\0\x40\0\x02", 8);
	assert_memory_equal(p, want, n);
}

/* Lengths that lie, cut packets: nothing is read or written outside (a sanitizer looks), and no
 * length changes. */
static void test_garbage(void **state)
{
	static const uint8_t types[] = {0, 1, 2, 130, 192, 3};

	(void)state;
	srand(7);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = (size_t)rand() % 80;
		uint8_t *p = malloc(n ? n : 1);

		assert_non_null(p);
		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)(rand() % 4 ? rand() % 40 : rand());
		if (n > HEAD)
			p[HEAD] = types[(size_t)rand() % sizeof(types)];
		if (n > HEAD + 2)
			p[HEAD + 2] = 0;
		if (i & 1)
			ar_sctp_map_packet_in(&map, p, n);
		else
			ar_sctp_map_packet_out(&map, p, n);
		free(p);
	}
	assert_true(map.nhigh <= AR_SCTP_MAP_HIGH);
}

#define T(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_few_streams_stay),
		T(test_places),
		T(test_data_and_sack_in_one_packet),
		T(test_init),
		T(test_resets_and_forward_tsn),
		T(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
