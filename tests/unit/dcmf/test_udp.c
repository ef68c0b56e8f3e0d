/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's socket on loopback: what is sent together arrives as the datagrams that it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mediad/net/peer_addr.h"
#include "mediad/worker/udp.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TARGETS 3
#define MANY 400

static struct event_base *base;
static struct udp *udp;
static int target[TARGETS];
static struct peer_addr addr[TARGETS], own;
static unsigned seen, turns;

static void on_input(void *arg, struct ar_span d, const struct peer_addr *from)
{
	(void)arg;
	assert_true(d.n == 4 && memcmp(d.p, "ping", 4) == 0);
	assert_int_equal(from->len, addr[0].len);
	assert_true(peer_addr_eq(from, &addr[0]));
	seen++;
}

static void on_turn(void *arg)
{
	(void)arg;
	turns++;
}

static int open_at(const char *host, struct peer_addr *a)
{
	int fd;

	assert_int_equal(peer_addr_parse(a, host, 1), 0);
	fd = udp_bind(a, 0);
	assert_true(fd >= 0);
	a->len = sizeof(a->ss);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a->ss, &a->len), 0);
	return fd;
}

static int start(const char *host)
{
	int fd;

	base = event_base_new();
	assert_non_null(base);
	fd = open_at(host, &own);
	assert_int_equal(udp_new(&udp, base, fd, on_input, on_turn, NULL), 0);
	for (unsigned i = 0; i < TARGETS; i++)
		target[i] = open_at(host, &addr[i]);
	seen = turns = 0;
	return 0;
}

static int start4(void **state)
{
	(void)state;
	return start("127.0.0.1");
}

static int stop(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TARGETS; i++)
		close(target[i]);
	udp_free(udp);
	event_base_free(base);
	return 0;
}

static void fill(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(seed * 31 + i * 7);
}

/* Runs of random length to each, of equal and of mixed lengths: order, lengths and bytes stay. */
static void mixed(void **state)
{
	static size_t length[TARGETS][MANY];
	static unsigned seed[TARGETS][MANY];
	unsigned n[TARGETS] = {0}, to = 0;
	char want[UDP_MAX], got[UDP_MAX + 1];
	size_t len = 1200, bytes = 0;

	(void)state;
	srand(4);
	for (unsigned i = 0; i < MANY; i++) {
		if (rand() % 8 == 0)
			to = (unsigned)rand() % TARGETS;
		if (rand() % 5 == 0)
			len = 1 + (size_t)rand() % 1200;
		fill(want, len, i);
		length[to][n[to]] = len;
		seed[to][n[to]++] = i;
		bytes += len;
		udp_send(udp, (struct ar_span){want, len}, &addr[to]);
		if (rand() % 100 == 0)
			udp_flush(udp);
	}
	udp_flush(udp);
	udp_flush(udp); /* of nothing */
	for (unsigned k = 0; k < TARGETS; k++) {
		for (unsigned i = 0; i < n[k]; i++) {
			ssize_t r = recv(target[k], got, sizeof(got), 0);

			fill(want, length[k][i], seed[k][i]);
			assert_int_equal(r, length[k][i]);
			assert_memory_equal(got, want, length[k][i]);
		}
		assert_int_equal(recv(target[k], got, sizeof(got), MSG_DONTWAIT), -1);
	}
	assert_int_equal(udp_get_stats(udp)->tx, MANY);
	assert_int_equal(udp_get_stats(udp)->tx_bytes, bytes);
	assert_int_equal(udp_get_stats(udp)->tx_failed, 0);
}

/* A run to an address that cannot be sent to costs its own datagrams, and no later run anything. */
static void unreachable(void **state)
{
	struct peer_addr nowhere;
	char d[1000] = {0}, got[UDP_MAX];
	unsigned come = 0;

	(void)state;
	assert_int_equal(peer_addr_parse(&nowhere, "127.0.0.1", 1), 0);
	((struct sockaddr_in *)&nowhere.ss)->sin_port = 0;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 10; i++)
			udp_send(udp, (struct ar_span){d, sizeof(d)}, &addr[0]);
		for (unsigned i = 0; i < 10; i++)
			udp_send(udp, (struct ar_span){d, sizeof(d)}, &nowhere);
		for (unsigned i = 0; i < 10; i++)
			udp_send(udp, (struct ar_span){d, sizeof(d)}, &addr[1]);
		udp_flush(udp);
	}
	for (unsigned k = 0; k < 2; k++) {
		while (recv(target[k], got, sizeof(got), MSG_DONTWAIT) == sizeof(d))
			come++;
	}
	assert_int_equal(come, 60);
	assert_int_equal(udp_get_stats(udp)->tx, 60);
	assert_int_equal(udp_get_stats(udp)->tx_failed, 30);
}

static void too_long(void **state)
{
	static char d[UDP_MAX + 1];

	(void)state;
	udp_send(udp, (struct ar_span){d, sizeof(d)}, &addr[0]);
	assert_int_equal(udp_get_stats(udp)->tx_failed, 1);
	/* and one that comes is not cut */
	assert_int_equal(
		sendto(target[0], d, sizeof(d), 0, (struct sockaddr *)&own.ss, own.len), sizeof(d));
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(seen, 0);
	assert_int_equal(udp_get_stats(udp)->rx_too_long, 1);
}

/* More than a batch is read, and the batch's heads are as new each time. */
static void reading(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < UDP_BATCH + 10; i++)
			assert_int_equal(sendto(target[0], "ping", 4, 0, (struct sockaddr *)&own.ss,
						 own.len),
				4);
		event_base_loop(base, EVLOOP_ONCE);
	}
	assert_int_equal(seen, 3 * (UDP_BATCH + 10));
	assert_int_equal(udp_get_stats(udp)->rx, seen);
	assert_in_range(turns, 6, 3 * UDP_ROUNDS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start4, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {T(mixed), T(unreachable), T(too_long), T(reading)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
