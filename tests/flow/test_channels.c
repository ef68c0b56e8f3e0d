/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data channels from SDP and in-band: opening, closing from both sides, ids and their reuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/flow.h"
#include "tests/lib/vclock.h"

#include <errno.h>
#include <stdio.h>

static const struct peer_channel two[] = {
	{.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1, .subprotocol = "mpeg-sd"},
	{.id = 1002, .ordered = false, .max_retr = 0, .max_time = -1},
};

static struct flow *connected(const struct peer_channel *ch, unsigned n, unsigned loss)
{
	struct flow_conf conf = {.link = {.delay = 5 * FLOW_MS, .loss = loss},
		.seed = 21,
		.channel = ch,
		.nchannel = n};
	struct flow *f = flow_new(&conf);

	assert_true(flow_connect(f, 30 * FLOW_SEC));
	assert_true(flow_until(f, &f->ue.nchannel, n, 5 * FLOW_SEC));
	assert_true(flow_until(f, &f->server.nchannel, n, 5 * FLOW_SEC));
	return f;
}

static int open_inband(struct flow_side *s, const char *label, uint16_t id, bool ordered, int retr)
{
	struct peer_channel ch = flow_channel(id, ordered, retr);

	snprintf(ch.label, sizeof(ch.label), "%s", label);
	snprintf(ch.subprotocol, sizeof(ch.subprotocol), "proto-%s", label);
	return peer_open_channel(s->peer, &ch);
}

static void test_negotiated_channels_need_no_dcep(void **state)
{
	struct flow *f = connected(two, 2, 0);

	(void)state;
	assert_int_equal(f->server.channel[0].id, 1000);
	assert_string_equal(f->server.channel[0].subprotocol, "mpeg-sd");
	assert_int_equal(flow_send(&f->ue, 1002, PEER_TEXT, 10), 0);
	assert_true(flow_until(f, &f->server.nmessage, 1, FLOW_SEC));
	assert_int_equal(f->server.id, 1002);
	flow_free(f);
}

static void test_inband_channels_keep_their_properties(void **state)
{
	struct flow *f = connected(NULL, 0, 0);
	struct peer_channel timed = flow_channel(UINT16_MAX, false, -1);
	const struct peer_channel *ch;

	(void)state;
	/* the UE is DTLS client: even ids (RFC 8832 6) */
	assert_int_equal(open_inband(&f->ue, "a", UINT16_MAX, true, -1), 0);
	assert_int_equal(open_inband(&f->ue, "b", UINT16_MAX, false, 3), 2);
	timed.max_time = 150;
	assert_int_equal(peer_open_channel(f->ue.peer, &timed), 4);
	assert_true(flow_until(f, &f->server.nchannel, 3, FLOW_SEC));
	ch = flow_find(&f->server, "a");
	assert_non_null(ch);
	assert_true(ch->ordered && ch->max_retr == -1 && ch->max_time == -1);
	assert_string_equal(ch->subprotocol, "proto-a");
	ch = flow_find(&f->server, "b");
	assert_non_null(ch);
	assert_true(!ch->ordered && ch->max_retr == 3);
	assert_int_equal(f->server.channel[2].max_time, 150);
	assert_true(flow_until(f, &f->ue.nchannel, 3, FLOW_SEC));
	/* we may open too, with the other parity */
	assert_int_equal(open_inband(&f->server, "ours", UINT16_MAX, true, -1), 1);
	assert_true(flow_until(f, &f->server.nchannel, 4, FLOW_SEC));
	assert_non_null(flow_find(&f->ue, "ours"));
	flow_free(f);
}

static void test_any_parity_is_taken(void **state)
{
	struct flow *f = connected(NULL, 0, 0);

	(void)state;
	assert_int_equal(open_inband(&f->ue, "odd", 7, true, -1), 7);
	assert_true(flow_until(f, &f->server.nchannel, 1, FLOW_SEC));
	assert_true(f->server.open[7]);
	assert_int_equal(open_inband(&f->ue, "again", 7, true, -1), -EEXIST);
	assert_int_equal(open_inband(&f->ue, "far", 64, true, -1), -EINVAL);
	flow_free(f);
}

/* Data sent at once arrives after the OPEN, in order, also on an unordered channel. */
static void test_data_right_behind_open(void **state)
{
	(void)state;
	for (unsigned loss = 0; loss <= 20; loss += 10) {
		struct flow *f = connected(NULL, 0, loss);

		assert_int_equal(open_inband(&f->ue, "x", UINT16_MAX, false, -1), 0);
		for (unsigned i = 0; i < 20; i++)
			assert_int_equal(flow_send(&f->ue, 0, PEER_TEXT, 100 + i), 0);
		assert_true(flow_until(f, &f->server.nmessage, 20, 60 * FLOW_SEC));
		assert_int_equal(f->server.nchannel, 1);
		flow_free(f);
	}
}

static void test_open_on_a_negotiated_id_closes_it(void **state)
{
	static const struct peer_channel server_only[] = {
		{.id = 6, .ordered = true, .max_retr = -1, .max_time = -1}};
	struct flow_conf conf = {.link = {.delay = FLOW_MS}, .channel = server_only, .nchannel = 1};
	struct flow *f = flow_new(&conf);

	(void)state;
	assert_true(flow_connect(f, FLOW_SEC));
	/* a UE that forgot what SDP said: close its channel, then open the id in-band at once,
	 * which reaches us while our side of the reset is under way */
	assert_int_equal(peer_close_channel(f->ue.peer, 6), 0);
	assert_true(flow_until(f, &f->server.nclosed, 1, FLOW_SEC));
	assert_true(flow_until(f, &f->ue.nclosed, 1, FLOW_SEC));
	flow_run(f, FLOW_SEC);
	assert_int_equal(open_inband(&f->ue, "x", 6, true, -1), 6);
	assert_true(flow_until(f, &f->server.nchannel, 2, FLOW_SEC));
	flow_free(f);
}

static void test_close_by_either_side(void **state)
{
	(void)state;
	for (unsigned loss = 0; loss <= 20; loss += 10) {
		struct flow *f = connected(two, 2, loss);

		assert_int_equal(peer_close_channel(f->server.peer, 1000), 0);
		assert_int_equal(peer_close_channel(f->server.peer, 1000), -ENOENT);
		assert_int_equal(flow_send(&f->server, 1000, PEER_TEXT, 5), -ENOENT);
		assert_true(flow_until(f, &f->ue.nclosed, 1, 30 * FLOW_SEC));
		assert_false(f->ue.open[1000]);
		assert_true(flow_until(f, &f->server.nclosed, 1, 30 * FLOW_SEC));
		assert_int_equal(peer_close_channel(f->ue.peer, 1002), 0);
		assert_true(flow_until(f, &f->server.nclosed, 2, 30 * FLOW_SEC));
		assert_true(flow_until(f, &f->ue.nclosed, 2, 30 * FLOW_SEC));
		flow_run(f, 10 * FLOW_SEC);
		assert_int_equal(f->server.nclosed, 2); /* each told once */
		assert_int_equal(f->ue.nclosed, 2);
		assert_int_equal(f->server.state, PEER_CONNECTED);
		flow_free(f);
	}
}

static void test_what_was_sent_before_close_arrives(void **state)
{
	struct flow *f = connected(two, 2, 10);

	(void)state;
	for (unsigned i = 0; i < 150; i++) /* more than usrsctp's buffer holds */
		assert_int_equal(flow_send(&f->server, 1000, PEER_BINARY, 16384), 0);
	assert_int_equal(peer_close_channel(f->server.peer, 1000), 0);
	assert_true(flow_until(f, &f->ue.nclosed, 1, 120 * FLOW_SEC));
	assert_int_equal(f->ue.nmessage, 150);
	flow_free(f);
}

static void test_id_is_reused_when_both_are_done(void **state)
{
	(void)state;
	for (unsigned loss = 0; loss <= 10; loss += 10) {
		struct flow *f = connected(NULL, 0, loss);

		for (unsigned i = 1; i <= 30; i++) {
			assert_int_equal(open_inband(&f->ue, "x", UINT16_MAX, true, -1), 0);
			assert_true(flow_until(f, &f->server.nchannel, i, 30 * FLOW_SEC));
			assert_true(flow_until(f, &f->ue.nchannel, i, 30 * FLOW_SEC));
			assert_int_equal(flow_send(&f->ue, 0, PEER_TEXT, 100), 0);
			assert_true(flow_until(f, &f->server.nmessage, i, 30 * FLOW_SEC));
			assert_int_equal(
				peer_close_channel(i & 1 ? f->ue.peer : f->server.peer, 0), 0);
			assert_true(flow_until(f, &f->server.nclosed, i, 30 * FLOW_SEC));
			assert_true(flow_until(f, &f->ue.nclosed, i, 30 * FLOW_SEC));
			flow_run(f, 8 * FLOW_SEC);
		}
		flow_free(f);
	}
}

struct nth {
	const struct sim_node *from;
	unsigned count, lost;
};

static bool lose_nth(void *arg, const struct sim_node *from, struct ar_span d)
{
	struct nth *w = arg;

	return from != w->from || !d.n || d.p[0] != 23 || w->count++ != w->lost;
}

/* The UE takes the id again as soon as it may, whichever of its packets about the end of the
 * channel before is lost. */
static void test_id_is_reused_at_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		struct flow *f = connected(NULL, 0, 0);
		struct nth w = {.from = f->ue.node, .lost = i / 2};

		f->server.echo = true;
		assert_int_equal(open_inband(&f->ue, "x", UINT16_MAX, true, -1), 0);
		assert_true(flow_until(f, &f->ue.nchannel, 1, FLOW_SEC));
		flow_run(f, FLOW_SEC);
		sim_on_datagram(f->sim, lose_nth, &w);
		for (unsigned k = 1; k <= 3; k++) {
			assert_int_equal(
				peer_close_channel(i & 1 ? f->ue.peer : f->server.peer, 0), 0);
			assert_true(flow_until(f, &f->ue.nclosed, k, 10 * FLOW_SEC));
			while (peer_open_channel(f->ue.peer,
				       &(struct peer_channel){0, true, -1, -1, "", "again"}) != 0)
				flow_run(f, FLOW_MS); /* not free in both directions yet */
			assert_int_equal(flow_send(&f->ue, 0, PEER_TEXT, 100 + k), 0);
			assert_true(flow_until(f, &f->ue.nmessage, k, 10 * FLOW_SEC));
			assert_true(flow_is_pattern(&f->ue, 100 + k));
			assert_int_equal(f->server.nclosed, k);
		}
		flow_run(f, 10 * FLOW_SEC);
		assert_true(f->server.open[0] && f->ue.open[0]);
		assert_int_equal(f->server.nchannel, 4);
		flow_free(f);
	}
}

/* Both close all at once: requests cross, only one of each side may be outstanding. */
static void test_many_closed_at_once(void **state)
{
	struct peer_channel many[40];

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		many[i] = flow_channel((uint16_t)i, true, -1);
	for (unsigned loss = 0; loss <= 20; loss += 20) {
		struct flow *f = connected(many, 40, loss);

		for (uint16_t i = 0; i < 40; i++) {
			assert_int_equal(
				peer_close_channel(i % 3 ? f->ue.peer : f->server.peer, i), 0);
			if (i % 5 == 0)
				assert_int_equal(
					peer_close_channel(i % 3 ? f->server.peer : f->ue.peer, i),
					0);
		}
		assert_true(flow_until(f, &f->server.nclosed, 40, 60 * FLOW_SEC));
		assert_true(flow_until(f, &f->ue.nclosed, 40, 60 * FLOW_SEC));
		flow_free(f);
	}
}

static void test_channel_table_has_an_end(void **state)
{
	struct flow *f = connected(NULL, 0, 0);

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(open_inband(&f->ue, "x", (uint16_t)i, true, -1), (int)i);
	assert_true(flow_until(f, &f->server.nchannel, 64, FLOW_SEC));
	assert_int_equal(open_inband(&f->ue, "x", UINT16_MAX, true, -1), -ENOSPC);
	flow_free(f);
}

static void test_bad_ids_are_refused(void **state)
{
	struct transport_conf tc = {.max_peers = 1};
	struct peer_handlers h = {0};
	struct peer_channel ch[2] = {
		flow_channel(PEER_MAX_STREAMS, true, -1), flow_channel(5, true, -1)};
	struct peer_conf conf = {.channel = ch, .nchannel = 1};
	struct transport *t;
	struct peer *p, *q;

	(void)state;
	assert_int_equal(transport_new(&t, &tc), 0);
	assert_int_equal(peer_new(&p, t, &conf, &h, NULL, 1), -EINVAL);
	ch[0].id = 5;
	conf.nchannel = 2;
	assert_int_equal(peer_new(&p, t, &conf, &h, NULL, 1), -EINVAL);
	ch[0].id = PEER_MAX_STREAMS - 1;
	ch[0].max_retr = ch[0].max_time = 1;
	assert_int_equal(peer_new(&p, t, &conf, &h, NULL, 1), -EINVAL);
	ch[0].max_time = -1;
	assert_int_equal(peer_new(&p, t, &conf, &h, NULL, 1), 0);
	assert_int_equal(peer_new(&q, t, &conf, &h, NULL, 1), -ENOSPC);
	peer_free(p);
	transport_free(t);
}

static void test_highest_id_works(void **state)
{
	struct peer_channel top[] = {flow_channel(PEER_MAX_STREAMS - 1, true, -1)};
	struct flow *f = connected(top, 1, 0);

	(void)state;
	assert_int_equal(flow_send(&f->ue, PEER_MAX_STREAMS - 1, PEER_TEXT, 10), 0);
	assert_true(flow_until(f, &f->server.nmessage, 1, FLOW_SEC));
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_negotiated_channels_need_no_dcep),
		cmocka_unit_test(test_inband_channels_keep_their_properties),
		cmocka_unit_test(test_any_parity_is_taken),
		cmocka_unit_test(test_data_right_behind_open),
		cmocka_unit_test(test_open_on_a_negotiated_id_closes_it),
		cmocka_unit_test(test_close_by_either_side),
		cmocka_unit_test(test_what_was_sent_before_close_arrives),
		cmocka_unit_test(test_id_is_reused_when_both_are_done),
		cmocka_unit_test(test_id_is_reused_at_once),
		cmocka_unit_test(test_many_closed_at_once),
		cmocka_unit_test(test_channel_table_has_an_end),
		cmocka_unit_test(test_bad_ids_are_refused),
		cmocka_unit_test(test_highest_id_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
