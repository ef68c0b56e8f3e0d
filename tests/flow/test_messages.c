/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages: sizes, limits, reliability, what is buffered, and that an idle stack sleeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "mediad/peer_int.h"
#include "mediad/sctp/ar_sctp_int.h"
#include "tests/flow/flow.h"
#include "tests/lib/vclock.h"

#include <errno.h>
#include <stdio.h>

enum { SCENE = 1000, META = 1002 };

static const struct peer_channel channels[] = {
	{.id = SCENE, .ordered = true, .max_retr = -1, .max_time = -1},
	{.id = META, .ordered = false, .max_retr = 0, .max_time = -1},
};

static struct flow *connected(struct flow_conf conf)
{
	struct flow *f;

	conf.channel = channels;
	conf.nchannel = 2;
	f = flow_new(&conf);
	assert_true(flow_connect(f, 30 * FLOW_SEC));
	assert_true(flow_until(f, &f->ue.nchannel, 2, FLOW_SEC));
	assert_true(flow_until(f, &f->server.nchannel, 2, FLOW_SEC));
	return f;
}

static struct flow *clean(void)
{
	return connected((struct flow_conf){.link = {.delay = 5 * FLOW_MS}, .seed = 3});
}

static void one_way(struct flow *f, struct flow_side *from, struct flow_side *to, size_t n)
{
	enum peer_kind kind = n & 1 ? PEER_TEXT : PEER_BINARY;

	assert_int_equal(flow_send(from, SCENE, kind, n), 0);
	assert_true(flow_until(f, &to->nmessage, to->nmessage + 1, 60 * FLOW_SEC));
	assert_true(flow_is_pattern(to, n));
	assert_int_equal(to->kind, kind);
	assert_int_equal(to->id, SCENE);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 1023, 1024, 1120, 1121, 16384, 65536, 262144};

	(void)state;
	for (unsigned loss = 0; loss <= 10; loss += 10) {
		struct flow *f = connected((struct flow_conf){
			.link = {.delay = 5 * FLOW_MS, .loss = loss}, .seed = 4});

		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			one_way(f, &f->ue, &f->server, sizes[i]);
			one_way(f, &f->server, &f->ue, sizes[i]);
		}
		flow_free(f);
	}
}

static void test_empty_keeps_its_kind(void **state)
{
	struct flow *f = clean();

	(void)state;
	assert_int_equal(peer_send(f->ue.peer, SCENE, PEER_TEXT, (struct ar_span){"", 0}), 0);
	assert_true(flow_until(f, &f->server.nmessage, 1, FLOW_SEC));
	assert_int_equal(f->server.kind, PEER_TEXT);
	assert_int_equal(f->server.nlast, 0);
	assert_int_equal(peer_send(f->ue.peer, SCENE, PEER_BINARY, (struct ar_span){"", 0}), 0);
	assert_true(flow_until(f, &f->server.nmessage, 2, FLOW_SEC));
	assert_int_equal(f->server.kind, PEER_BINARY);
	flow_free(f);
}

static void test_max_message_size(void **state)
{
	struct flow *f = connected(
		(struct flow_conf){.link = {.delay = FLOW_MS}, .seed = 5, .ue_max_message = 1024});

	(void)state;
	assert_int_equal(peer_max_message(f->server.peer), 1024);
	assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, 1025), -EMSGSIZE);
	one_way(f, &f->server, &f->ue, 1024);
	flow_free(f);

	f = clean(); /* 0: takes any size */
	assert_int_equal(peer_max_message(f->server.peer), PEER_MAX_MESSAGE);
	assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, PEER_MAX_MESSAGE + 1), -EMSGSIZE);
	flow_free(f);
}

static void test_wrong_channel(void **state)
{
	struct flow *f = clean();

	(void)state;
	assert_int_equal(flow_send(&f->server, 4, PEER_TEXT, 5), -ENOENT);
	assert_int_equal(flow_send(&f->server, 60000, PEER_TEXT, 5), -ENOENT);
	peer_close(f->server.peer, "test");
	assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, 5), -ENOTCONN);
	flow_free(f);
}

/* Everything arrives, once and in order, whatever the network does. */
static void test_reliable_ordered(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 3; seed++) {
		struct flow *f = connected((struct flow_conf){.link = {.loss = 15,
								      .dup = 10,
								      .delay = 20 * FLOW_MS,
								      .jitter = 40 * FLOW_MS},
			.seed = seed});
		uint64_t sum = 0, bytes = 0;

		for (unsigned i = 0; i < 400; i++) {
			char text[64];
			size_t n = (size_t)snprintf(text, sizeof(text), "%08u-%u", i, i * i);

			for (unsigned k = 0; k < 8; k++)
				sum = sum * 31 + (uint8_t)text[k];
			bytes += n;
			assert_int_equal(
				peer_send(f->ue.peer, SCENE, PEER_TEXT, (struct ar_span){text, n}),
				0);
			flow_run(f, 5 * FLOW_MS);
		}
		assert_true(flow_until(f, &f->server.nmessage, 400, 60 * FLOW_SEC));
		flow_run(f, 10 * FLOW_SEC); /* the last acknowledgement may be lost too */
		assert_int_equal(f->server.nmessage, 400);
		assert_true(f->server.bytes == bytes && f->server.sum == sum);
		assert_int_equal(peer_buffered(f->ue.peer), 0);
		flow_free(f);
	}
}

/* maxRetransmits 0: what is lost stays lost, nothing waits for it, nothing stays buffered. */
static void test_unreliable(void **state)
{
	struct flow *f = connected(
		(struct flow_conf){.link = {.loss = 20, .delay = 10 * FLOW_MS}, .seed = 7});
	uint64_t worst = 0;

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		uint64_t sent = vclock_now();
		unsigned before = f->server.nmessage;

		assert_int_equal(flow_send(&f->ue, META, PEER_TEXT, 275), 0);
		flow_run(f, 16 * FLOW_MS);
		if (f->server.nmessage > before && f->server.seen_at - sent > worst)
			worst = f->server.seen_at - sent;
	}
	flow_run(f, 5 * FLOW_SEC);
	printf("unreliable at 20 %% loss: %u of 600 arrived\n", f->server.nmessage);
	assert_in_range(f->server.nmessage, 400, 540);
	assert_true(worst < 20 * FLOW_MS);
	assert_int_equal(peer_buffered(f->ue.peer), 0);
	flow_free(f);
}

static void test_buffered_and_writable(void **state)
{
	struct flow *f = connected((struct flow_conf){
		.link = {.delay = 20 * FLOW_MS, .rate = 125000, .queue = FLOW_SEC}, .seed = 8});
	size_t before;

	(void)state;
	peer_watch_buffered(f->server.peer, 20000);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(flow_send(&f->server, SCENE, PEER_BINARY, 16384), 0);
	before = peer_buffered(f->server.peer);
	assert_in_range(before, 163840, 163840 + 4096);
	flow_run(f, 500 * FLOW_MS);
	assert_true(peer_buffered(f->server.peer) < before);
	assert_int_equal(f->server.nwritable, 0);
	assert_true(flow_until(f, &f->server.nwritable, 1, 5 * FLOW_SEC));
	assert_true(peer_buffered(f->server.peer) < 20000);
	assert_true(flow_until(f, &f->ue.nmessage, 10, 5 * FLOW_SEC));
	flow_run(f, FLOW_SEC);
	assert_int_equal(peer_buffered(f->server.peer), 0);
	assert_int_equal(f->server.nwritable, 1); /* once per fall, not per acknowledgement */
	flow_free(f);
}

/* Each channel knows what of it is under way, whatever else is, and in the end nothing. */
static void test_buffered_on_one_channel(void **state)
{
	struct flow *f = connected((struct flow_conf){
		.link = {.delay = 20 * FLOW_MS, .rate = 125000, .queue = FLOW_SEC, .loss = 2},
		.seed = 9});
	struct peer *p = f->server.peer;
	unsigned sent = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++) { /* more runs than are told apart */
		assert_int_equal(flow_send(&f->server, SCENE, PEER_BINARY, 100), 0);
		assert_int_equal(flow_send(&f->server, META, PEER_TEXT, 10), 0);
		sent += 110;
	}
	assert_int_equal(peer_buffered_on(p, SCENE) + peer_buffered_on(p, META), sent);
	assert_int_equal(peer_buffered_on(p, META + 1), 0);
	flow_run(f, 5 * FLOW_SEC);
	assert_int_equal(peer_buffered_on(p, SCENE) + peer_buffered_on(p, META), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(flow_send(&f->server, SCENE, PEER_BINARY, 16384), 0);
	assert_int_equal(peer_buffered_on(p, SCENE), 131072);
	for (unsigned i = 0; i < 40; i++) {
		assert_true(peer_buffered_on(p, META) < 2048);
		assert_int_equal(flow_send(&f->server, META, PEER_TEXT, 300), 0);
		flow_run(f, 300 * FLOW_MS);
	}
	flow_run(f, 5 * FLOW_SEC);
	assert_int_equal(peer_buffered(p), 0);
	assert_int_equal(peer_buffered_on(p, SCENE) + peer_buffered_on(p, META), 0);
	flow_free(f);
}

/* A stalled UE: what it is owed is bounded, and comes when it wakes. */
static void test_queue_has_an_end(void **state)
{
	struct flow *f = clean();
	unsigned taken = 0;
	int err = 0;

	(void)state;
	f->ue.node->deaf = true;
	while (taken < 10000 && (err = flow_send(&f->server, SCENE, PEER_BINARY, 16384)) == 0)
		taken++;
	assert_int_equal(err, -ENOBUFS);
	assert_in_range(taken * 16384, PEER_SEND_QUEUE, PEER_SEND_QUEUE + 1200000);
	assert_in_range(
		peer_buffered(f->server.peer), PEER_SEND_QUEUE - 16384, PEER_SEND_QUEUE + 1200000);
	flow_run(f, 3 * FLOW_SEC);
	f->ue.node->deaf = false;
	assert_true(flow_until(f, &f->ue.nmessage, taken, 60 * FLOW_SEC));
	assert_true(flow_is_pattern(&f->ue, 16384));
	flow_run(f, FLOW_SEC);
	assert_int_equal(peer_buffered(f->server.peer), 0);
	assert_int_equal(f->ue.nmessage, taken);
	flow_free(f);
}

static void test_send_from_inside_a_handler(void **state)
{
	struct flow *f = clean();

	(void)state;
	f->server.echo = true;
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(flow_send(&f->ue, SCENE, PEER_BINARY, 300 + i * 100), 0);
	assert_true(flow_until(f, &f->ue.nmessage, 50, 5 * FLOW_SEC));
	assert_true(flow_is_pattern(&f->ue, 300 + 49 * 100));
	flow_free(f);
}

static void close_in_handler(struct flow_side *s, uint16_t id, struct ar_span data)
{
	(void)id;
	(void)data;
	peer_close(s->peer, "from a handler");
	s->state = PEER_CLOSED; /* no on_state for what the owner does */
}

static void test_close_from_inside_a_handler(void **state)
{
	struct flow *f = clean();

	(void)state;
	f->server.on_message = close_in_handler;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(flow_send(&f->ue, SCENE, PEER_BINARY, 300), 0);
	assert_true(flow_until_state(f, &f->ue, PEER_CLOSED, FLOW_SEC));
	assert_int_equal(f->server.nmessage, 1);
	flow_free(f);
}

static void test_idle_stack_sleeps(void **state)
{
	struct flow *f = clean();
	uint64_t now;

	(void)state;
	one_way(f, &f->server, &f->ue, 5000);
	assert_true(transport_next_timeout(f->server.t) <= vclock_now() + 20 * FLOW_MS);
	flow_run(f, FLOW_SEC);
	now = vclock_now();
	flow_run(f, 10 * FLOW_MS);
	assert_true(transport_next_timeout(f->server.t) >= now + 100 * FLOW_MS);
	flow_free(f);
}

static unsigned data_packets;

static bool count_data(void *arg, const struct sim_node *from, struct ar_span d)
{
	data_packets += from == arg && d.n > 300 && d.p[0] == 23;
	return true;
}

/* usrsctp's clock stands still while nothing is in flight; a message after a pause must not be
 * retransmitted because of that. */
static void test_no_spurious_retransmission_after_a_pause(void **state)
{
	struct flow *f = connected((struct flow_conf){.link = {.delay = 45 * FLOW_MS}, .seed = 9});

	(void)state;
	one_way(f, &f->server, &f->ue, 100);
	sim_on_datagram(f->sim, count_data, f->server.node);
	for (unsigned i = 1; i <= 20; i++) {
		flow_run(f, 1000 * FLOW_MS + i * 37 * FLOW_MS);
		assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, 400), 0);
		assert_true(flow_until(f, &f->ue.nmessage, 1 + i, FLOW_SEC));
		flow_run(f, 200 * FLOW_MS);
		assert_int_equal(data_packets, i);
	}
	flow_free(f);
}

static unsigned from_server;

static bool count_from_server(void *arg, const struct sim_node *from, struct ar_span d)
{
	from_server += from == arg && d.p[0] == 23;
	return true;
}

/* The same for a request that has a timer of its own. */
static void test_no_early_timer_after_a_pause(void **state)
{
	struct flow *f;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		f = connected((struct flow_conf){.link = {.delay = 45 * FLOW_MS}, .seed = 12 + i});
		for (unsigned k = 0; k < 10; k++) /* so that the retransmission time-out is short */
			one_way(f, &f->server, &f->ue, 100);
		flow_run(f, 2 * FLOW_SEC + i * 61 * FLOW_MS);
		from_server = 0;
		sim_on_datagram(f->sim, count_from_server, f->server.node);
		assert_int_equal(peer_close_channel(f->server.peer, SCENE), 0);
		flow_run(f, 80 * FLOW_MS);
		assert_int_equal(from_server, 1);
		assert_true(flow_until(f, &f->server.nclosed, 1, FLOW_SEC));
		flow_free(f);
	}
}

static void test_lost_last_message_comes_soon(void **state)
{
	struct flow *f = connected((struct flow_conf){.link = {.delay = 20 * FLOW_MS}, .seed = 10});
	uint64_t sent;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		one_way(f, &f->server, &f->ue, 300);
	sim_link(f->sim)->loss = 100;
	sent = vclock_now();
	assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, 301), 0);
	flow_run(f, 10 * FLOW_MS);
	sim_link(f->sim)->loss = 0;
	assert_true(flow_until(f, &f->ue.nmessage, 21, 5 * FLOW_SEC));
	assert_true(f->ue.seen_at - sent < 300 * FLOW_MS); /* RTO minimum 200 ms, a tick, the way */
	flow_free(f);
}

static bool lose_next;

static bool lose_one(void *arg, const struct sim_node *from, struct ar_span d)
{
	bool lost = lose_next && from == arg && d.p[0] == 23;

	lose_next = lose_next && !lost;
	return !lost;
}

/* usrsctp counts a path as failing until something is acknowledged that was sent but once. */
static void test_path_is_not_given_up(void **state)
{
	struct flow *f = clean();

	(void)state;
	sim_on_datagram(f->sim, lose_one, f->server.node);
	for (unsigned i = 1; i <= 40; i++) {
		lose_next = true;
		assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, 300), 0);
		assert_true(flow_until(f, &f->ue.nmessage, i, 8 * FLOW_SEC));
		flow_run(f, FLOW_SEC);
	}
	assert_int_equal(f->server.state, PEER_CONNECTED);
	flow_free(f);
}

static void test_round_trip_is_known(void **state)
{
	struct flow *f = connected((struct flow_conf){.link = {.delay = 50 * FLOW_MS}, .seed = 11});
	struct peer_stats st;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		one_way(f, &f->server, &f->ue, 300);
	peer_get_stats(f->server.peer, &st);
	assert_in_range(st.rtt_us, 95000, 150000);
	assert_int_equal(st.tx_messages, 20);
	assert_int_equal(st.rx_messages, 0);
	flow_free(f);
}

static bool from_one(void *arg, const struct sim_node *from, struct ar_span d)
{
	(void)d;
	return from == arg;
}

/* libdatachannel says SHUTDOWN, and is gone before it has acknowledged what is under way to it. */
static void test_shutdown_is_the_end(void **state)
{
	struct flow *f = clean();

	(void)state;
	sim_on_datagram(f->sim, from_one, f->ue.node);
	assert_int_equal(flow_send(&f->server, SCENE, PEER_TEXT, 300), 0);
	assert_int_equal(usrsctp_shutdown(f->ue.peer->sctp->so, SHUT_WR), 0);
	assert_true(flow_until_state(f, &f->server, PEER_CLOSED, FLOW_SEC));
	assert_string_equal(f->server.reason, "SCTP closed by the UE");
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_empty_keeps_its_kind),
		cmocka_unit_test(test_max_message_size),
		cmocka_unit_test(test_wrong_channel),
		cmocka_unit_test(test_reliable_ordered),
		cmocka_unit_test(test_unreliable),
		cmocka_unit_test(test_buffered_and_writable),
		cmocka_unit_test(test_buffered_on_one_channel),
		cmocka_unit_test(test_queue_has_an_end),
		cmocka_unit_test(test_send_from_inside_a_handler),
		cmocka_unit_test(test_close_from_inside_a_handler),
		cmocka_unit_test(test_idle_stack_sleeps),
		cmocka_unit_test(test_no_spurious_retransmission_after_a_pause),
		cmocka_unit_test(test_no_early_timer_after_a_pause),
		cmocka_unit_test(test_lost_last_message_comes_soon),
		cmocka_unit_test(test_path_is_not_given_up),
		cmocka_unit_test(test_round_trip_is_known),
		cmocka_unit_test(test_shutdown_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
