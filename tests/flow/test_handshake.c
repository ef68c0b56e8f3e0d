/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICE, DTLS and SCTP come up over every kind of bad network, or end in bounded time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/flow.h"
#include "tests/lib/vclock.h"

#include <stdio.h>

static const struct peer_channel scene[] = {
	{.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1}};

/* Connects `runs` times and returns the slowest, in ms; fails when one does not in 30 s. */
static unsigned slowest(struct flow_conf conf, unsigned runs)
{
	unsigned worst = 0, ms;

	conf.channel = scene;
	conf.nchannel = 1;
	for (unsigned i = 0; i < runs; i++) {
		struct flow *f;

		conf.seed = 1000 + i;
		f = flow_new(&conf);
		if (!flow_connect(f, 30 * FLOW_SEC))
			fail_msg("seed %u: server %s (%s), UE %s (%s)", 1000 + i,
				peer_state_name(f->server.state), f->server.reason,
				peer_state_name(f->ue.state), f->ue.reason);
		ms = (unsigned)((vclock_now() - f->born) / FLOW_MS);
		worst = ms > worst ? ms : worst;
		flow_free(f);
	}
	return worst;
}

static void test_clean(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}};
	unsigned server, client;

	(void)state;
	server = slowest(conf, 2);
	conf.server_active = true;
	client = slowest(conf, 2);
	printf("clean link, 20 ms round trip: %u ms as DTLS server, %u ms as client\n", server,
		client);
	/* check 1, DTLS 2 (cookie-less), SCTP 2 round trips */
	assert_true(server <= 160);
	assert_true(client <= 160);
}

static void test_loss(void **state)
{
	(void)state;
	for (unsigned loss = 5; loss <= 30; loss += 5) {
		struct flow_conf conf = {
			.link = {.loss = loss, .delay = 20 * FLOW_MS, .jitter = 10 * FLOW_MS}};
		unsigned server = slowest(conf, 20), client;

		conf.server_active = true;
		client = slowest(conf, 20);
		printf("loss %u %%: slowest of 20 %u ms as DTLS server, %u ms as client\n", loss,
			server, client);
	}
}

static void test_reorder_and_duplicates(void **state)
{
	struct flow_conf conf = {.link = {.dup = 50, .delay = 5 * FLOW_MS, .jitter = 60 * FLOW_MS}};

	(void)state;
	slowest(conf, 10);
	conf.server_active = true;
	slowest(conf, 10);
}

static void test_long_path(void **state)
{
	struct flow_conf conf = {.link = {.delay = 400 * FLOW_MS}};

	(void)state;
	assert_true(slowest(conf, 2) < 8000);
	conf.link = (struct sim_link){
		.delay = 30 * FLOW_MS, .rate = 8000, .queue = 500 * FLOW_MS}; /* 64 kbit/s */
	assert_true(slowest(conf, 2) < 8000);
}

static void test_ipv6(void **state)
{
	struct flow_conf conf = {.link = {.delay = FLOW_MS}, .ipv6 = true};

	(void)state;
	slowest(conf, 1);
}

static void test_peer_is_ice_lite_too(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS, .loss = 10}, .no_ice = true};

	(void)state;
	slowest(conf, 10);
	conf.server_active = true;
	slowest(conf, 10);
}

/* The UE's ClientHello comes before the answer that names it: held or answered, never dropped. */
static void test_answer_comes_late(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.no_answer = true,
		.channel = scene,
		.nchannel = 1};
	struct flow *f = flow_new(&conf);
	struct peer_stats st;

	(void)state;
	flow_run(f, 300 * FLOW_MS);
	assert_int_equal(f->server.state, PEER_WAITING);
	assert_int_equal(f->server.nchannel, 0);
	flow_answer(f);
	assert_true(flow_connect(f, FLOW_SEC));
	/* the handshake was done by then: one round trip or two of SCTP are left */
	assert_true(vclock_now() - f->born < 420 * FLOW_MS);
	peer_get_stats(f->server.peer, &st);
	assert_true(st.early_held > 0);
	assert_int_equal(st.early_dropped, 0);
	flow_free(f);
}

static void test_late_answer_with_the_other_role(void **state)
{
	struct flow_conf conf = {
		.link = {.delay = 10 * FLOW_MS}, .no_answer = true, .server_active = true};
	struct flow *f = flow_new(&conf);

	(void)state;
	flow_run(f, 300 * FLOW_MS);
	flow_answer(f);
	assert_true(flow_connect(f, 2 * FLOW_SEC));
	flow_free(f);
}

/* A fork rings, makes its handshake, and goes: the one that answers later still finds us. */
static void test_fork_that_went_does_no_harm(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_answer = true};
	struct flow *f = flow_new(&conf);
	const struct peer_remote other = {.ufrag = AR_SPAN("another"),
		.pwd = AR_SPAN("0123456789012345678901"),
		.fingerprint = {ar_span_str(transport_fingerprint(f->ue.t))},
		.nfingerprint = 1,
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000};
	const char *why;

	(void)state;
	flow_run(f, 300 * FLOW_MS);
	peer_close(f->ue.peer, "declined"); /* close_notify */
	flow_run(f, 40 * FLOW_SEC);
	assert_int_equal(f->server.state, PEER_WAITING);
	assert_int_equal(peer_set_remote(f->server.peer, &other, vclock_now(), &why), 0);
	assert_int_equal(f->server.state, PEER_CHECKING);
	flow_free(f);
}

static bool only_hellos(void *arg, const struct sim_node *from, struct ar_span d)
{
	/* of the UE's DTLS the first flight arrives, ClientHello being message 1 */
	return !(from == arg && d.n > 13 && d.p[0] >= 20 && d.p[0] <= 63 && d.p[13] != 1);
}

/* A fork that vanishes within its handshake is not waited for to the end of the call. */
static void test_fork_that_vanished_does_no_harm(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_answer = true};
	struct flow *f = flow_new(&conf);

	(void)state;
	sim_on_datagram(f->sim, only_hellos, f->ue.node);
	flow_run(f, 60 * FLOW_SEC);
	assert_int_equal(f->server.state, PEER_WAITING);
	flow_free(f);
}

static bool swallow(void *arg, const struct sim_node *from, struct ar_span d)
{
	/* the UE's DTLS never arrives, its checks do */
	return !(from == arg && d.n && d.p[0] >= 20 && d.p[0] <= 63);
}

static void test_silent_ue_is_given_up(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}};
	struct flow *f = flow_new(&conf);

	(void)state;
	sim_on_datagram(f->sim, swallow, f->ue.node);
	assert_true(flow_until_state(f, &f->server, PEER_CLOSED, 40 * FLOW_SEC));
	assert_true(vclock_now() - f->born <= 31 * FLOW_SEC);
	assert_string_equal(f->server.reason, "DTLS handshake not finished in 30 s");
	assert_true(peer_next_timeout(f->server.peer) == UINT64_MAX);
	flow_free(f);
}

static void test_times_are_noted(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}};
	struct flow *f = flow_new(&conf);
	struct peer_stats st;

	(void)state;
	assert_true(flow_connect(f, 2 * FLOW_SEC));
	peer_get_stats(f->server.peer, &st);
	assert_true(st.at.ice > 0 && st.at.ice < st.at.dtls && st.at.dtls < st.at.sctp);
	assert_true(st.stun_ok > 0 && st.use_candidate == st.stun_ok);
	assert_int_equal(st.selected.ss.ss_family, AF_INET);
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_reorder_and_duplicates),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_peer_is_ice_lite_too),
		cmocka_unit_test(test_answer_comes_late),
		cmocka_unit_test(test_late_answer_with_the_other_role),
		cmocka_unit_test(test_fork_that_went_does_no_harm),
		cmocka_unit_test(test_fork_that_vanished_does_no_harm),
		cmocka_unit_test(test_silent_ue_is_given_up),
		cmocka_unit_test(test_times_are_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
