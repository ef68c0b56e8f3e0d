/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCTP stack under the data channels: what it keeps, when it sleeps, streams that there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/transport/dc_rig.h"
#include "common/daemon/ar_clock.h"
#include "mediad/sctp/ar_sctp_int.h"
#include "tests/lib/vclock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* A UE that minds no window sends what comes after a chunk that it keeps back: the buffer has an
 * end, and what is over it is counted. */
static void test_too_much_ahead(void **state)
{
	static uint8_t data[1100], packet[AR_SCTP_MTU];
	static const struct ar_sctp_msg m = {
		.ppid = DC_PPID_BINARY, .max_retr = -1, .max_time = -1};
	struct ar_sctp_stats before, after;
	struct ar_span held = {(char *)data, sizeof(data)};
	uint32_t tsn;

	(void)state;
	ar_sctp_stack_get_stats(&before);
	assert_int_equal(ar_sctp_send(fx.ue.sctp, &m, held), 0);
	assert_non_null(fx.first);
	held = (struct ar_span){fx.first->data, fx.first->n};
	memcpy(packet, held.p, held.n);
	memcpy(&tsn, packet + 16, 4);
	for (uint32_t i = 1; i <= 2000; i++) {
		uint32_t next = htonl(ntohl(tsn) + i);

		memcpy(packet + 16, &next, 4);
		packet[22] = (uint8_t)(i >> 8); /* the stream's sequence number */
		packet[23] = (uint8_t)i;
		ar_sctp_input(fx.ours.sctp, (struct ar_span){(char *)packet, held.n}, vclock_now());
	}
	ar_sctp_stack_get_stats(&after);
	assert_int_equal(fx.messages, 0);
	assert_in_range(after.early - before.early, 900, 1999);
	assert_false(fx.ours.down);
	/* the one that was missing comes: what was kept follows it, no more than the buffer held */
	ar_sctp_input(fx.ours.sctp, held, vclock_now());
	assert_in_range(fx.messages, 100, AR_SCTP_BUFFER / sizeof(data) + 1);
	assert_int_equal(fx.messages + (after.early - before.early), 2001);
}

/* A UE with fewer streams than the dcmap ids need: that channel ends at once, and is told so. */
static void test_fewer_streams_than_ids(void **state)
{
	(void)state;
	rig_restart(dc_streams(&fx.dc), 1000, 0);
	assert_int_equal(ar_sctp_streams(fx.ours.sctp), 1000);
	assert_int_equal(fx.opened, 1);
	assert_int_equal(fx.closed, 1);
	assert_int_equal(fx.closed_id, 1000);
	assert_int_equal(dc_send(&fx.dc, 1000, PEER_TEXT, AR_SPAN("x")), -ENOENT);
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("x")), 0);
}

/* Nothing under way and no heartbeats: the stack sleeps. What is sent then neither waits nor goes
 * twice, though usrsctp's clock stood still. */
static void test_idle_stack_sleeps(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 5; i++) {
		rig_run(200);
		assert_true(ar_sctp_stack_next_timeout() <= vclock_now() + AR_SCTP_IDLE_TICK);
		rig_run(6000);
		assert_true(ar_sctp_stack_next_timeout() >
			    vclock_now() + AR_SCTP_SLEEP_TICK - 2 * AR_SCTP_TICK);
		vclock_set(vclock_now() + (AR_SCTP_SLEEP_TICK - i * AR_SEC));
		ar_sctp_stack_now(vclock_now());
		assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("awake")), 0);
		assert_true(ar_sctp_stack_next_timeout() <= vclock_now() + AR_SCTP_TICK);
		for (unsigned k = 0; k < 10; k++) {
			vclock_set(vclock_now() + 10 * AR_MS);
			ar_sctp_stack_run(vclock_now());
		}
		assert_int_equal(fx.data, i);
		rig_run(100);
		assert_int_equal(fx.ue.messages, i);
		assert_int_equal(ar_sctp_buffered(fx.ours.sctp), 0);
	}
}

/* With heartbeats it must not. */
static void test_heartbeats_keep_it_awake(void **state)
{
	(void)state;
	rig_restart(64, 64, 5000);
	rig_run(7000);
	assert_true(ar_sctp_stack_next_timeout() <= vclock_now() + AR_SCTP_IDLE_TICK);
	assert_false(fx.ours.sctp->busy || fx.ue.sctp->busy);
	ar_sctp_free(fx.ue.sctp);
	fx.ue.sctp = NULL;
	rig_run(7000);
	assert_true(ar_sctp_stack_next_timeout() > vclock_now() + AR_SCTP_IDLE_TICK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_too_much_ahead),
		T(test_fewer_streams_than_ids),
		T(test_idle_stack_sleeps),
		T(test_heartbeats_keep_it_awake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
