/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DCEP and data channels against a UE that says what it likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/transport/dc_rig.h"
#include "common/daemon/ar_clock.h"
#include "mediad/dc/dcep.h"
#include "mediad/sctp/ar_sctp_int.h"
#include "tests/lib/vclock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void test_dcep_codec(void **state)
{
	struct peer_channel in = {.ordered = false,
				    .max_retr = 7,
				    .max_time = -1,
				    .label = "a label",
				    .subprotocol = "proto"},
			    out = {.id = 5};
	uint8_t msg[DCEP_MAX];
	size_t n = dcep_write_open(msg, &in);

	(void)state;
	assert_int_equal(n, 12 + 7 + 5);
	assert_int_equal(dcep_read_open(&out, (struct ar_span){(char *)msg, n}), 0);
	assert_true(!out.ordered && out.max_retr == 7 && out.max_time == -1 && out.id == 5);
	assert_string_equal(out.label, "a label");
	assert_string_equal(out.subprotocol, "proto");
	for (size_t cut = 0; cut < n; cut++) {
		char *exact = malloc(cut ? cut : 1);

		assert_non_null(exact);
		memcpy(exact, msg, cut);
		assert_int_equal(dcep_read_open(&out, (struct ar_span){exact, cut}), -EBADMSG);
		free(exact);
	}
	msg[1] = 0x03; /* no such channel type */
	assert_int_equal(dcep_read_open(&out, (struct ar_span){(char *)msg, n}), -EBADMSG);
	msg[1] = 0x82;
	memset(msg + 4, 0xff, 4); /* a life time of 49 days is a life time of 24 */
	assert_int_equal(dcep_read_open(&out, (struct ar_span){(char *)msg, n}), 0);
	assert_true(out.max_time == INT32_MAX && !out.ordered);
}

static void test_long_names_are_cut(void **state)
{
	static uint8_t msg[12 + 3000] = {DCEP_OPEN};
	struct peer_channel ch;

	(void)state;
	memset(msg + 12, 'x', 3000);
	msg[8] = 2000 >> 8;
	msg[9] = 2000 & 255;
	msg[10] = 1000 >> 8;
	msg[11] = 1000 & 255;
	assert_int_equal(dcep_read_open(&ch, (struct ar_span){(char *)msg, sizeof(msg)}), 0);
	assert_int_equal(strlen(ch.label), sizeof(ch.label) - 1);
	assert_int_equal(strlen(ch.subprotocol), sizeof(ch.subprotocol) - 1);
}

static void test_ppids(void **state)
{
	(void)state;
	ue_says(0, DC_PPID_TEXT, "text", 4);
	assert_int_equal(fx.messages, 1);
	assert_int_equal(fx.kind, PEER_TEXT);
	ue_says(0, DC_PPID_BINARY, "bin", 3);
	assert_int_equal(fx.kind, PEER_BINARY);
	ue_says(0, DC_PPID_TEXT_EMPTY, "\0", 1);
	assert_int_equal(fx.ntext, 0);
	assert_int_equal(fx.kind, PEER_TEXT);
	ue_says(0, DC_PPID_BINARY_EMPTY, "\0", 1);
	assert_int_equal(fx.ntext, 0);
	assert_int_equal(fx.kind, PEER_BINARY);
	assert_int_equal(fx.messages, 4);
}

static void test_what_we_send(void **state)
{
	(void)state;
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("t")), 0);
	rig_run(50);
	assert_int_equal(fx.ue.ppid, DC_PPID_TEXT);
	assert_int_equal(dc_send(&fx.dc, 1000, PEER_BINARY, AR_SPAN("b")), 0);
	rig_run(50);
	assert_int_equal(fx.ue.ppid, DC_PPID_BINARY);
	assert_int_equal(fx.ue.stream, 1000);
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, (struct ar_span){"", 0}), 0);
	rig_run(50);
	assert_int_equal(fx.ue.ppid, DC_PPID_TEXT_EMPTY);
	assert_int_equal(fx.ue.nlast, 1);
	assert_int_equal(fx.ue.last[0], 0);
	assert_int_equal(fx.ue.messages, 3);
}

static void test_deprecated_fragments(void **state)
{
	static char half[PEER_MAX_MESSAGE / 2];

	(void)state;
	ue_says(0, DC_PPID_TEXT_PARTIAL, "one ", 4);
	ue_says(0, DC_PPID_TEXT_PARTIAL, "two ", 4);
	assert_int_equal(fx.messages, 0);
	ue_says(0, DC_PPID_TEXT, "three", 5);
	assert_int_equal(fx.messages, 1);
	assert_true(fx.ntext == 13 && memcmp(fx.text, "one two three", 13) == 0);
	/* no more than one largest message, in all channels together */
	ue_says(0, DC_PPID_BINARY_PARTIAL, half, sizeof(half));
	rig_run(1000);
	ue_says(0, DC_PPID_BINARY_PARTIAL, half, sizeof(half));
	rig_run(1000);
	assert_int_equal(fx.closed, 0);
	ue_says(1000, DC_PPID_BINARY_PARTIAL, "x", 1);
	rig_run(1000);
	assert_int_equal(fx.ue.resets_in, 1);
	ue_says(0, DC_PPID_BINARY, "x", 1);
	rig_run(1000);
	assert_int_equal(fx.ue.resets_in, 2);
	assert_int_equal(fx.messages, 1);
}

static void test_unknown_ppid_closes_the_channel(void **state)
{
	(void)state;
	ue_says(0, 55, "what is this", 12);
	assert_int_equal(fx.messages, 0);
	assert_int_equal(fx.ue.resets_in, 1);
	assert_int_equal(fx.dc.dropped, 1);
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("x")), -ENOENT);
	/* the UE does its part */
	assert_int_equal(ar_sctp_reset_stream(fx.ue.sctp, 0), 0);
	rig_run(200);
	assert_int_equal(fx.closed, 1);
	assert_int_equal(fx.closed_id, 0);
}

static void test_message_on_no_channel(void **state)
{
	(void)state;
	ue_says(8, DC_PPID_TEXT, "hello?", 6);
	assert_int_equal(fx.messages, 0);
	assert_int_equal(fx.dc.dropped, 1);
	assert_false(fx.ours.down);
}

static void test_oversized_message_closes_the_channel(void **state)
{
	static char big[PEER_MAX_MESSAGE + 5000];

	(void)state;
	ue_says(0, DC_PPID_BINARY, big, sizeof(big));
	rig_run(3000);
	assert_int_equal(fx.messages, 0);
	assert_true(fx.dc.dropped >= 1);
	assert_int_equal(fx.ue.resets_in, 1);
	ue_says(1000, DC_PPID_TEXT, "next", 4); /* the association and the other channel live */
	assert_int_equal(fx.messages, 1);
	assert_false(fx.ours.down);
}

static void test_largest_message_passes(void **state)
{
	static char big[PEER_MAX_MESSAGE];

	(void)state;
	ue_says(0, DC_PPID_BINARY, big, sizeof(big));
	rig_run(3000);
	assert_int_equal(fx.messages, 1);
	assert_int_equal(fx.ntext, PEER_MAX_MESSAGE);
}

static void test_open_is_acknowledged(void **state)
{
	(void)state;
	ue_opens(3, "inband"); /* odd or even: both are taken */
	assert_int_equal(fx.opened, 3);
	assert_int_equal(fx.channel.id, 3);
	assert_string_equal(fx.channel.label, "inband");
	assert_int_equal(fx.ue.ppid, DC_PPID_DCEP);
	assert_int_equal(fx.ue.last[0], DCEP_ACK);
	ue_says(3, DC_PPID_TEXT, "x", 1);
	assert_int_equal(fx.messages, 1);
}

static void test_open_on_a_negotiated_id_closes_it(void **state)
{
	(void)state;
	ue_opens(0, "mine now");
	assert_int_equal(fx.opened, 2);
	assert_int_equal(fx.ue.messages, 0); /* no ACK */
	assert_int_equal(fx.ue.resets_in, 1);
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("x")), -ENOENT);
}

static void test_second_open_closes(void **state)
{
	(void)state;
	ue_opens(4, "once");
	ue_opens(4, "twice");
	assert_int_equal(fx.opened, 3);
	assert_int_equal(fx.ue.resets_in, 1);
}

static void test_bad_dcep(void **state)
{
	(void)state;
	ue_says(6, DC_PPID_DCEP, "\x03", 1);
	ue_says(6, DC_PPID_DCEP, "\x07whatever whatever", 18);
	ue_says(0, DC_PPID_DCEP, "\x02", 1); /* ACK of nothing */
	assert_int_equal(fx.opened, 2);
	assert_int_equal(fx.messages, 0);
	assert_true(fx.dc.dropped >= 3);
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("x")), 0); /* harmless */
}

static void test_ordered_until_acknowledged(void **state)
{
	struct peer_channel ch = {.id = 7, .ordered = false, .max_retr = -1, .max_time = -1};

	(void)state;
	assert_int_equal(dc_open(&fx.dc, &ch), 7);
	assert_int_equal(
		dc_send(&fx.dc, 7, PEER_TEXT, AR_SPAN("first")), 0); /* may start at once */
	rig_run(50);
	assert_int_equal(fx.opened, 2);
	assert_int_equal(fx.ue.messages, 2); /* OPEN, then the text */
	assert_int_equal(fx.ue.ppid, DC_PPID_TEXT);
	assert_false(fx.unordered);
	ue_says(7, DC_PPID_TEXT, "data acknowledges too", 21);
	assert_int_equal(fx.opened, 3);
	assert_int_equal(fx.messages, 1);
	assert_int_equal(dc_send(&fx.dc, 7, PEER_TEXT, AR_SPAN("from now on")), 0);
	assert_true(fx.unordered);
}

/* The UE has reset its direction; ours is asked for and not answered yet. */
static void test_id_is_taken_until_both_directions_are_reset(void **state)
{
	struct peer_channel again = {.id = 0, .ordered = true, .max_retr = -1, .max_time = -1};

	(void)state;
	assert_int_equal(ar_sctp_reset_stream(fx.ue.sctp, 0), 0);
	fx.mute_ue = true;
	rig_run(100);
	assert_int_equal(fx.closed, 1);
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("x")), -ENOENT);
	assert_int_equal(dc_open(&fx.dc, &again), -EEXIST);
	fx.mute_ue = false;
	rig_run(3000);
	assert_int_equal(dc_open(&fx.dc, &again), 0);
	assert_int_equal(fx.closed, 1);
}

/* The UE has seen both directions reset, its answer to our request is lost, and it takes the id
 * again at once: the channel opens, and the late answer does not end it. */
static void test_id_comes_back_before_the_answer(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		ue_opens(3, "again");
		assert_int_equal(fx.opened, 2 + i);
		rig_run(1000); /* our side of the stream is free when the request has been repeated
				*/
		assert_int_equal(fx.ue.nlast, 1); /* the acknowledgement */
		ue_says(3, DC_PPID_TEXT, "x", 1);
		assert_int_equal(fx.messages, i);
		assert_int_equal(dc_send(&fx.dc, 3, PEER_TEXT, AR_SPAN("back")), 0);
		rig_run(100);
		assert_int_equal(fx.ue.nlast, 4);
		fx.lose_answer = i != 2;
		assert_int_equal(ar_sctp_reset_stream(fx.ue.sctp, 3), 0);
		rig_run(10);
		assert_int_equal(fx.closed, i);
		assert_int_equal(fx.ue.resets_in, i);
		assert_int_equal(fx.lose_answer, false);
	}
	rig_run(3000);
	assert_null(fx.dc.channel[2]->partial.p);
	assert_int_equal(fx.dc.channel[2]->state, DC_FREE);
	assert_int_equal(fx.closed, 3);
}

static void test_too_many_channels(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < PEER_MAX_CHANNELS + 10; i++)
		ue_opens((uint16_t)(10 + i), "x");
	rig_run(500);
	assert_int_equal(fx.opened, PEER_MAX_CHANNELS);
	assert_int_equal(fx.ue.resets_in, 12); /* those that found no room */
	assert_false(fx.ours.down);
}

/* usrsctp may give data up without a word; what it still has must stay counted. */
static void test_buffered_is_asked_for_now_and_then(void **state)
{
	unsigned acked;

	(void)state;
	rig_run(2000);
	acked = fx.ours.acked;
	fx.ours.sctp->in_stack = 500;
	ar_sctp_stack_busy(fx.ours.sctp);
	assert_int_equal(ar_sctp_buffered(fx.ours.sctp), 500);
	rig_run(2500);
	assert_int_equal(ar_sctp_buffered(fx.ours.sctp), 0);
	assert_true(fx.ours.acked > acked);
	assert_false(fx.ours.sctp->busy);

	fx.mute_ue = true;
	assert_int_equal(dc_send(&fx.dc, 0, PEER_TEXT, AR_SPAN("nobody acknowledges")), 0);
	rig_run(5000);
	assert_int_equal(ar_sctp_buffered(fx.ours.sctp), 19);
	assert_true(fx.ours.sctp->busy);
	fx.mute_ue = false;
	rig_run(6000);
	assert_int_equal(ar_sctp_buffered(fx.ours.sctp), 0);
}

static void test_abort_and_shutdown(void **state)
{
	(void)state;
	ar_sctp_free(fx.ue.sctp); /* ABORT */
	fx.ue.sctp = NULL;
	rig_run(100);
	assert_true(fx.ours.down);
	assert_int_equal(
		ar_sctp_send(fx.ours.sctp, &(struct ar_sctp_msg){.stream = 0}, AR_SPAN("x")),
		-ENOTCONN);
}

static void test_short_and_foreign_packets(void **state)
{
	char junk[200];

	(void)state;
	srand(5);
	for (unsigned i = 0; i < 5000; i++) {
		size_t n = (size_t)rand() % sizeof(junk);
		char *exact = malloc(n ? n : 1);

		assert_non_null(exact);
		for (size_t k = 0; k < n; k++)
			exact[k] = (char)rand();
		if (n >= 12 && i & 1)
			memcpy(exact, "\x13\x88\x13\x88", 4);
		ar_sctp_input(fx.ours.sctp, (struct ar_span){exact, n}, vclock_now());
		free(exact);
	}
	assert_false(fx.ours.down);
	ue_says(0, DC_PPID_TEXT, "x", 1);
	assert_int_equal(fx.messages, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dcep_codec),
		cmocka_unit_test(test_long_names_are_cut),
		T(test_ppids),
		T(test_what_we_send),
		T(test_deprecated_fragments),
		T(test_unknown_ppid_closes_the_channel),
		T(test_message_on_no_channel),
		T(test_oversized_message_closes_the_channel),
		T(test_largest_message_passes),
		T(test_open_is_acknowledged),
		T(test_open_on_a_negotiated_id_closes_it),
		T(test_second_open_closes),
		T(test_bad_dcep),
		T(test_ordered_until_acknowledged),
		T(test_id_is_taken_until_both_directions_are_reset),
		T(test_id_comes_back_before_the_answer),
		T(test_too_many_channels),
		T(test_buffered_is_asked_for_now_and_then),
		T(test_abort_and_shutdown),
		T(test_short_and_foreign_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
