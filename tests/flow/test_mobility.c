/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changes while a call lives: ICE restart, another address, consent, forks, new associations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/fork.h"
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/vclock.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>

static const struct peer_channel scene[] = {
	{.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1}};

static struct flow *connected(uint64_t seed)
{
	struct flow_conf conf = {
		.link = {.delay = 10 * FLOW_MS}, .seed = seed, .channel = scene, .nchannel = 1};
	struct flow *f = flow_new(&conf);

	assert_true(flow_connect(f, 5 * FLOW_SEC));
	assert_true(flow_until(f, &f->server.nchannel, 1, FLOW_SEC));
	return f;
}

static void echo_works(struct flow *f, size_t n)
{
	f->server.echo = true;
	assert_int_equal(flow_send(&f->ue, 1000, PEER_TEXT, n), 0);
	assert_true(flow_until(f, &f->ue.nmessage, f->ue.nmessage + 1, 10 * FLOW_SEC));
	assert_true(flow_is_pattern(&f->ue, n));
}

static struct dc_client_server server_of(struct flow *f)
{
	return (struct dc_client_server){.ufrag = peer_ufrag(f->server.peer),
		.pwd = peer_pwd(f->server.peer),
		.fingerprint = transport_fingerprint(f->server.t),
		.addr = f->server.node->addr,
		.setup = AR_SETUP_ACTIVE};
}

static void test_ice_restart_by_the_ue(void **state)
{
	struct flow *f = connected(1);
	struct dc_client_server to;

	(void)state;
	echo_works(f, 100);
	/* only the UE's credentials are new */
	to = server_of(f);
	dc_client_restart(f->ue.client, &to, vclock_now());
	flow_answer(f);
	flow_run(f, FLOW_SEC);
	assert_true(dc_client_checked(f->ue.client));
	echo_works(f, 101);
	assert_int_equal(f->server.state, PEER_CONNECTED);
	assert_int_equal(f->server.nchannel, 1); /* the same association goes on (RFC 8842 5.5) */
	/* 40 s later consent still runs, on the new credentials */
	flow_run(f, 40 * FLOW_SEC);
	echo_works(f, 102);
	flow_free(f);
}

static void test_ice_restart_with_new_local_credentials(void **state)
{
	struct flow *f = connected(2);
	struct dc_client_server to;
	char old[64];

	(void)state;
	snprintf(old, sizeof(old), "%s", peer_ufrag(f->server.peer));
	assert_int_equal(peer_restart_ice(f->server.peer), 0);
	assert_string_not_equal(old, peer_ufrag(f->server.peer));
	flow_run(f, 5 * FLOW_SEC); /* the answer is on its way: old checks still count */
	echo_works(f, 100);
	to = server_of(f);
	dc_client_restart(f->ue.client, &to, vclock_now());
	flow_answer(f);
	flow_run(f, FLOW_SEC);
	assert_true(dc_client_checked(f->ue.client));
	flow_run(f, 40 * FLOW_SEC);
	echo_works(f, 101);
	flow_free(f);
}

static void say_lite(struct flow *f, const char *host)
{
	const char *why = "";
	struct peer_remote r = {.ufrag = ar_span_str(dc_client_ufrag(f->ue.client)),
		.pwd = ar_span_str(dc_client_pwd(f->ue.client)),
		.ice_lite = true,
		.nfingerprint = 1,
		.fingerprint = {ar_span_str(transport_fingerprint(f->ue.t))},
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000};

	assert_int_equal(peer_addr_parse(&r.addr, host, 5000), 0);
	if (peer_set_remote(f->server.peer, &r, vclock_now(), &why) != 0)
		fail_msg("%s", why);
}

/* A relay on the way has set a=ice-lite for what it relays; the UE sends checks all the same, and
 * is not where the description says. */
static void test_relay_says_ice_lite(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.seed = 21,
		.channel = scene,
		.nchannel = 1,
		.no_answer = true};
	struct dc_client_server to;
	struct flow *f = flow_new(&conf);

	(void)state;
	say_lite(f, "203.0.113.9");
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	assert_true(flow_until(f, &f->server.nchannel, 1, FLOW_SEC));
	echo_works(f, 100);
	flow_free(f);

	/* only later, with an ICE restart, and the UE has moved meanwhile */
	f = connected(22);
	echo_works(f, 100);
	assert_int_equal(peer_restart_ice(f->server.peer), 0);
	to = server_of(f);
	dc_client_restart(f->ue.client, &to, vclock_now());
	say_lite(f, "203.0.113.9");
	echo_works(f, 100);
	flow_run(f, 40 * FLOW_SEC); /* consent goes on */
	assert_int_equal(f->server.state, PEER_CONNECTED);
	echo_works(f, 200);
	flow_free(f);
}

static void test_consent_stops(void **state)
{
	struct flow *f = connected(3);
	uint64_t from = vclock_now();

	(void)state;
	flow_run(f, 60 * FLOW_SEC);
	assert_int_equal(f->server.state, PEER_CONNECTED);
	from = vclock_now();
	dc_client_silence(f->ue.client);
	assert_true(flow_until_state(f, &f->server, PEER_CLOSED, 60 * FLOW_SEC));
	assert_string_equal(f->server.reason, "no ICE consent for 30 s");
	assert_in_range((vclock_now() - from) / FLOW_MS, 27000, 30500);
	/* and the UE is told */
	assert_true(flow_until_state(f, &f->ue, PEER_CLOSED, FLOW_SEC));
	flow_free(f);
}

static void test_ue_without_ice_is_missed_too(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_ice = true, .seed = 4};
	struct flow *f = flow_new(&conf);
	uint64_t from;

	(void)state;
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	flow_run(f, 120 * FLOW_SEC);
	assert_int_equal(f->server.state, PEER_CONNECTED);
	f->ue.node->deaf = true;
	from = vclock_now();
	assert_true(flow_until_state(f, &f->server, PEER_CLOSED, 120 * FLOW_SEC));
	assert_in_range((vclock_now() - from) / FLOW_MS, 24000, 31000);
	assert_string_equal(f->server.reason, "nothing heard for 30 s");
	flow_free(f);
}

static void move(struct flow *f, const char *host, uint16_t port)
{
	assert_int_equal(peer_addr_parse(&f->ue.node->addr, host, port), 0);
}

static void test_ue_moves(void **state)
{
	struct flow *f = connected(5);
	struct peer_stats st;

	(void)state;
	echo_works(f, 100);
	move(f, "10.0.7.7", 6000); /* Wi-Fi to cellular: the next check comes from elsewhere */
	flow_run(f, 3 * FLOW_SEC);
	peer_get_stats(f->server.peer, &st);
	assert_true(peer_addr_eq(&st.selected, &f->ue.node->addr));
	echo_works(f, 101);
	move(f, "10.0.0.2", 5000); /* and back */
	flow_run(f, 3 * FLOW_SEC);
	echo_works(f, 102);
	for (uint16_t i = 0; i < 40; i++) { /* more addresses than the table holds */
		move(f, "10.0.8.8", (uint16_t)(7000 + i));
		flow_run(f, 3 * FLOW_SEC);
		echo_works(f, 103 + i);
	}
	flow_free(f);
}

static void test_address_that_never_checked_is_not_heard(void **state)
{
	struct flow *f = connected(6);
	struct transport_stats before, after;
	struct peer_stats st;

	(void)state;
	transport_get_stats(f->server.t, &before);
	move(f, "10.0.9.9", 6000);
	assert_int_equal(flow_send(&f->ue, 1000, PEER_TEXT, 10), 0);
	flow_run(f, 100 * FLOW_MS);
	transport_get_stats(f->server.t, &after);
	peer_get_stats(f->server.peer, &st);
	assert_true(after.no_peer > before.no_peer);
	assert_int_equal(f->server.nmessage, 0);
	assert_int_equal(ntohs(((struct sockaddr_in *)&st.selected.ss)->sin_port), 5000);
	flow_free(f);
}

static void test_close_tells_the_ue(void **state)
{
	struct flow *f = connected(9);

	(void)state;
	peer_close(f->server.peer, "call ended");
	assert_int_equal(peer_state(f->server.peer), PEER_CLOSED);
	assert_true(flow_until_state(f, &f->ue, PEER_CLOSED, 100 * FLOW_MS));
	assert_true(peer_next_timeout(f->server.peer) == AR_NEVER);
	flow_free(f);

	f = connected(10);
	peer_close(f->ue.peer, "UE ended");
	assert_true(flow_until_state(f, &f->server, PEER_CLOSED, 100 * FLOW_MS));
	flow_free(f);
}

/* Peers come and go; nothing is left. */
static void test_cycles(void **state)
{
	const unsigned cycles = 1000;
	size_t at_start = 0, at_end;

	(void)state;
	for (unsigned i = 0; i < cycles; i++) {
		struct flow *f = connected(100 + i);

		echo_works(f, 2000);
		if (i % 3 == 0)
			peer_close(f->server.peer, "cycle");
		else if (i % 3 == 1)
			peer_close(f->ue.peer, "cycle");
		flow_run(f, 100 * FLOW_MS);
		if (i % 3 == 1)
			assert_int_equal(f->server.state, PEER_CLOSED);
		flow_free(f);
		if (i == cycles / 4)
			at_start = mallinfo2().uordblks;
	}
	at_end = mallinfo2().uordblks;
	printf("%u open/close cycles: %zu bytes in use after a quarter, %zu at the end\n", cycles,
		at_start, at_end);
	assert_true(at_end < at_start + 64 * 1024);
}

/* The same within one stack, which lives on. */
static void test_cycles_in_one_transport(void **state)
{
	struct flow *f = connected(11);
	struct transport_stats st;
	size_t at_start = 0, at_end;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct peer_conf pc = {.channel = scene, .nchannel = 1};
		struct peer *p;
		struct fork k, us = {.side.sim = f->sim, .side.node = f->server.node};

		assert_int_equal(
			peer_new(&p, f->server.t, &pc, &fork_handlers, &us, vclock_now()), 0);
		fork_add(f, &k, p, "10.0.0.3");
		fork_answer(p, &k, false);
		assert_true(flow_until(f, &us.side.nchannel, 1, 5 * FLOW_SEC));
		if (i % 4)
			flow_run(f, 50 * FLOW_MS);
		if (i % 2)
			peer_close(p, "cycle");
		peer_free(p);
		flow_run(f, 50 * FLOW_MS);
		fork_remove(f, &k);
		if (i == 100)
			at_start = mallinfo2().uordblks;
	}
	at_end = mallinfo2().uordblks;
	printf("one stack: %zu bytes after 100 cycles, %zu after 300\n", at_start, at_end);
	assert_true(at_end < at_start + 64 * 1024);
	transport_get_stats(f->server.t, &st);
	assert_int_equal(st.peers, 1);
	echo_works(f, 100); /* the one that stayed */
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ice_restart_by_the_ue),
		cmocka_unit_test(test_ice_restart_with_new_local_credentials),
		cmocka_unit_test(test_relay_says_ice_lite),
		cmocka_unit_test(test_consent_stops),
		cmocka_unit_test(test_ue_without_ice_is_missed_too),
		cmocka_unit_test(test_ue_moves),
		cmocka_unit_test(test_address_that_never_checked_is_not_heard),
		cmocka_unit_test(test_close_tells_the_ue),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_cycles_in_one_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
