/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several UEs at one termination: an offer that forks, each UE beginning before its answer, one
 * answer after another, and a UE that comes back as another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/fork.h"
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/vclock.h"

#include <stdio.h>

static const struct peer_channel scene[] = {
	{.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1}};

static struct flow *ringing(uint64_t seed)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.no_answer = true,
		.seed = seed,
		.channel = scene,
		.nchannel = 1};

	return flow_new(&conf);
}

/* The one that has been named has its channel, and hears what is sent; nobody else does. */
static void talks_to(struct flow *f, struct fork *k, unsigned n, unsigned named)
{
	unsigned had = k[named].side.nmessage;

	assert_true(flow_until(f, &k[named].side.nchannel, 1, 5 * FLOW_SEC));
	assert_int_equal(f->server.state, PEER_CONNECTED);
	assert_int_equal(peer_send(f->server.peer, 1000, PEER_TEXT, AR_SPAN("hi")), 0);
	flow_run(f, FLOW_SEC);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(k[i].side.nmessage, i == named ? had + 1 : 0);
}

/* One offer rings the UE of the flow and another; both start at once, the answer names one. */
static void test_either_is_named(void **state)
{
	(void)state;
	/* who is named: the UE that spoke first, or the other one */
	for (unsigned second = 0; second < 2; second++) {
		struct flow *f = ringing(7);
		struct fork k;

		flow_run(f, 100 * FLOW_MS);
		fork_add(f, &k, f->server.peer, "10.0.0.3");
		flow_run(f, 400 * FLOW_MS);
		assert_int_equal(f->server.state, PEER_WAITING);
		if (second)
			fork_answer(f->server.peer, &k, false);
		else
			flow_answer(f);
		assert_true(flow_until(f, &f->server.nchannel, 1, 3 * FLOW_SEC));
		flow_run(f, 3 * FLOW_SEC);
		assert_int_equal(f->server.state, PEER_CONNECTED);
		assert_int_equal(peer_send(f->server.peer, 1000, PEER_TEXT, AR_SPAN("hi")), 0);
		flow_run(f, FLOW_SEC);
		assert_int_equal(f->ue.nmessage, second ? 0 : 1);
		assert_int_equal(k.side.nmessage, second ? 1 : 0);
		/* the other goes on knocking and changes nothing */
		flow_run(f, 40 * FLOW_SEC);
		assert_int_equal(f->server.state, PEER_CONNECTED);
		fork_remove(f, &k);
		flow_free(f);
	}
}

/* One is named in the middle of the other's handshake: its own begins at once, whether it has
 * knocked before or comes now. */
static void test_named_during_the_handshake_of_another(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms <= 120; ms += 5) {
		for (unsigned late = 0; late < 2; late++) {
			struct flow *f = ringing(300 + ms);
			struct fork k[2];

			f->ue.node->deaf = true;
			fork_add(f, &k[0], f->server.peer, "10.0.1.1");
			flow_run(f, 5 * FLOW_MS);
			if (!late)
				fork_add(f, &k[1], f->server.peer, "10.0.1.2");
			flow_run(f, ms * FLOW_MS);
			if (late)
				fork_add(f, &k[1], f->server.peer, "10.0.1.2");
			fork_answer(f->server.peer, &k[1], false);
			assert_true(flow_until(f, &f->server.nchannel, 1, 3 * FLOW_SEC));
			talks_to(f, k, 2, 1);
			fork_remove(f, &k[0]);
			fork_remove(f, &k[1]);
			flow_free(f);
		}
	}
}

/* Five ring for a while, each repeating its ClientHello: whoever is named, its own is there, and it
 * need not wait until it sends it once more (libwebrtc's next but one is a second away by then). */
static void test_every_fork_is_held(void **state)
{
	(void)state;
	for (unsigned named = 0; named < 4; named++) {
		struct flow *f = ringing(30 + named);
		struct fork k[4];
		struct peer_stats st;
		uint64_t at;

		flow_run(f, 100 * FLOW_MS);
		for (unsigned i = 0; i < 4; i++) {
			char host[16];

			snprintf(host, sizeof(host), "10.0.1.%u", i + 1);
			fork_add(f, &k[i], f->server.peer, host);
			flow_run(f, 300 * FLOW_MS);
		}
		flow_run(f, 3 * FLOW_SEC); /* each has sent it six times and more */
		peer_get_stats(f->server.peer, &st);
		assert_int_equal(st.early_dropped, 0);
		assert_true(st.early_held <= PEER_MAX_EARLY);
		at = vclock_now();
		fork_answer(f->server.peer, &k[named], false);
		talks_to(f, k, 4, named);
		assert_true(vclock_now() - at < FLOW_SEC + 300 * FLOW_MS);
		for (unsigned i = 0; i < 4; i++)
			fork_remove(f, &k[i]);
		flow_free(f);
	}
}

/* A provisional answer names one, the final one another, at every moment of the first one's set-up:
 * the call is the second one's, and the first, which goes on, does no harm. */
static void test_another_is_named_later(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms <= 120; ms += 5) {
		struct flow *f = ringing(60 + ms);
		struct fork k[2];

		fork_add(f, &k[0], f->server.peer, "10.0.1.1");
		fork_add(f, &k[1], f->server.peer, "10.0.1.2");
		f->ue.node->deaf = true;
		if (ms % 2)
			flow_run(f, 200 * FLOW_MS); /* its handshake is over before it is named */
		fork_answer(f->server.peer, &k[0], false);
		flow_run(f, ms * FLOW_MS);
		/* as mediad does with every description that has a new ufrag */
		assert_int_equal(peer_restart_ice(f->server.peer), 0);
		fork_answer(f->server.peer, &k[1], false);
		k[0].side.nmessage = 0;
		talks_to(f, k, 2, 1);
		flow_run(f, 40 * FLOW_SEC);
		talks_to(f, k, 2, 1);
		fork_remove(f, &k[0]);
		fork_remove(f, &k[1]);
		flow_free(f);
	}
}

/* A UE in a call gets an offer of ours, checks and begins DTLS as it was before, and restarts its
 * ICE with the answer, from the same port or another one (libwebrtc): one association, whatever the
 * moment, and none that is closed on it. */
static void test_ufrag_changes_before_the_answer(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms <= 240; ms += 3) {
		struct flow *f = ringing(90 + ms);
		struct dc_client_server to = {.ufrag = peer_ufrag(f->server.peer),
			.pwd = peer_pwd(f->server.peer),
			.fingerprint = transport_fingerprint(f->server.t),
			.addr = f->server.node->addr,
			.setup = AR_SETUP_ACTIVE};
		struct peer_stats st;

		flow_run(f, ms * FLOW_MS);
		if (ms % 2)
			assert_int_equal(peer_addr_parse(&f->ue.node->addr, "10.0.0.2", 5100), 0);
		dc_client_restart(f->ue.client, &to, vclock_now());
		flow_run(f, ms % 4 * 15 * FLOW_MS);
		flow_answer(f);
		assert_true(flow_until(f, &f->ue.nchannel, 1, 5 * FLOW_SEC));
		assert_int_equal(f->server.state, PEER_CONNECTED);
		assert_int_equal(peer_send(f->server.peer, 1000, PEER_TEXT, AR_SPAN("hi")), 0);
		flow_run(f, 40 * FLOW_SEC);
		assert_int_equal(f->ue.nmessage, 1);
		assert_int_equal(f->server.state, PEER_CONNECTED);
		assert_int_equal(f->server.nchannel, 1);
		peer_get_stats(f->server.peer, &st);
		assert_true(peer_addr_eq(&st.selected, &f->ue.node->addr));
		flow_free(f);
	}
}

/* The final answer is of a UE that knows no ICE; a fork that has our offer, too, goes on checking.
 */
static void test_fork_is_not_the_ue_without_ice(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.seed = 5,
		.channel = scene,
		.nchannel = 1,
		.no_ice = true,
		.no_answer = true};
	struct flow *f = flow_new(&conf);
	struct peer_remote r = {.fingerprint = {ar_span_str(transport_fingerprint(f->ue.t))},
		.nfingerprint = 1,
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000,
		.addr = f->ue.node->addr};
	const char *why = "";
	struct fork k;

	(void)state;
	fork_add(f, &k, f->server.peer, "10.0.1.1");
	assert_int_equal(peer_set_remote(f->server.peer, &r, vclock_now(), &why), 0);
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	assert_true(flow_until(f, &f->server.nchannel, 1, FLOW_SEC));
	flow_run(f, 40 * FLOW_SEC);
	assert_int_equal(f->server.state, PEER_CONNECTED);
	assert_int_equal(flow_send(&f->ue, 1000, PEER_TEXT, 100), 0);
	assert_true(flow_until(f, &f->server.nmessage, 1, FLOW_SEC));
	assert_int_equal(flow_send(&f->server, 1000, PEER_TEXT, 100), 0);
	assert_true(flow_until(f, &f->ue.nmessage, 1, FLOW_SEC));
	fork_remove(f, &k);
	flow_free(f);
}

/* The UE comes back with another certificate: a new DTLS association (RFC 8842 5.5), in the role
 * that is settled now. */
static void test_new_association_after_reinvite(void **state)
{
	(void)state;
	for (unsigned passive = 0; passive < 2; passive++) {
		struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
			.seed = 8,
			.channel = scene,
			.nchannel = 1,
			.server_active = !passive};
		struct flow *f = flow_new(&conf);
		struct fork k;

		assert_true(flow_connect(f, 5 * FLOW_SEC));
		assert_true(flow_until(f, &f->server.nchannel, 1, FLOW_SEC));
		f->ue.node->deaf = true;
		fork_add_as(f, &k, f->server.peer, "10.0.0.4", !passive);
		fork_answer(f->server.peer, &k, passive);
		assert_int_equal(f->server.state, PEER_CHECKING);
		assert_int_equal(f->server.nclosed, 1); /* and with the association the channel */
		assert_true(flow_until(f, &f->server.nchannel, 2, 5 * FLOW_SEC));
		assert_int_equal(f->server.state, PEER_CONNECTED);
		assert_true(flow_until(f, &k.side.nchannel, 1, FLOW_SEC));
		fork_remove(f, &k);
		flow_free(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_either_is_named),
		cmocka_unit_test(test_named_during_the_handshake_of_another),
		cmocka_unit_test(test_every_fork_is_held),
		cmocka_unit_test(test_another_is_named_later),
		cmocka_unit_test(test_ufrag_changes_before_the_answer),
		cmocka_unit_test(test_fork_is_not_the_ue_without_ice),
		cmocka_unit_test(test_new_association_after_reinvite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
