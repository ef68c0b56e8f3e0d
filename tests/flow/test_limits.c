/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshakes that do not end: bounded for an address and for a peer, counted, and in nobody's way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/flow.h"
#include "common/daemon/ar_clock.h"
#include "mediad/ice/stun_msg.h"
#include "mediad/net/peer_addr.h"
#include "tests/lib/vclock.h"

#include <stdio.h>
#include <stdlib.h>

static const struct peer_channel scene[] = {
	{.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1}};

static uint64_t limited(struct flow *f)
{
	struct transport_stats st;

	transport_get_stats(f->server.t, &st);
	return st.hellos_limited;
}

static void give(struct flow *f, const void *bytes, size_t n, const struct peer_addr *from)
{
	char *exact = malloc(n); /* a sanitizer sees an overread */

	assert_non_null(exact);
	memcpy(exact, bytes, n);
	transport_input(f->server.t, (struct ar_span){exact, n}, from, vclock_now());
	free(exact);
}

/* A ClientHello that is none behind its head; cookie: bytes of one, none for 0. */
static size_t bad_hello(uint8_t *p, unsigned number, uint8_t cookie)
{
	static const uint8_t head[] = {22, 254, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
	size_t body = 34 + 1 + 1 + cookie, n = 25 + body;

	memset(p, 7, n);
	memcpy(p, head, sizeof(head));
	p[9] = (uint8_t)(number >> 8);
	p[10] = (uint8_t)number;
	p[12] = (uint8_t)(12 + body);
	p[16] = p[24] = (uint8_t)body;
	memset(p + 17, 0, 7); /* message number, offset, half of the length */
	p[18] = cookie ? 1 : 0;
	p[59] = 0;
	p[60] = cookie;
	return n;
}

/* Its own check, so that the address is the peer's. */
static void check_from(struct flow *f, const struct peer_addr *from, const char *remote)
{
	static const uint8_t id[STUN_ID_LEN] = "transaction";
	struct stun_writer w;
	struct stun_key *k;
	uint8_t buf[512];
	int n;

	stun_begin(&w, buf, sizeof(buf), STUN_REQUEST, id);
	stun_add_username(&w, ar_span_str(peer_ufrag(f->server.peer)), ar_span_str(remote));
	stun_add_priority(&w, 1);
	stun_add_role(&w, true, 1);
	assert_int_equal(stun_key_new(&k, ar_span_str(peer_pwd(f->server.peer))), 0);
	n = stun_finish(&w, k);
	stun_key_free(k);
	assert_true(n > 0);
	give(f, buf, (size_t)n, from);
}

/* Before the answer is there whoever has the offer may begin; and again, and again. */
static void test_peer_that_begins_again_and_again(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.no_answer = true,
		.seed = 21,
		.channel = scene,
		.nchannel = 1};
	struct flow *f = flow_new(&conf);
	struct peer_addr from;
	struct peer_stats st;
	uint8_t hello[200];
	uint64_t looked_at;

	(void)state;
	f->ue.node->deaf = true;
	assert_int_equal(peer_addr_parse(&from, "10.7.7.7", 7), 0);
	check_from(f, &from, "fork");
	for (unsigned i = 0; i < 1000; i++) {
		size_t n = bad_hello(hello, i, 0);

		give(f, hello, n, &from);
		flow_run(f, FLOW_MS);
	}
	peer_get_stats(f->server.peer, &st);
	looked_at = 1000 - limited(f);
	printf("1000 hellos in a second: %u were looked at\n", (unsigned)looked_at);
	assert_in_range(looked_at, 20, 30);
	assert_true(st.dtls_bad >= looked_at);
	assert_int_equal(f->server.state, PEER_WAITING);
	/* the UE that answers is served, as soon as there is room again */
	f->ue.node->deaf = false;
	flow_answer(f);
	assert_true(flow_connect(f, 10 * FLOW_SEC));
	flow_free(f);
}

/* What is no ClientHello makes nothing. */
static void test_only_a_hello_begins(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS}, .no_answer = true, .seed = 22};
	struct flow *f = flow_new(&conf);
	struct peer_addr from;
	struct peer_stats st;
	uint8_t hello[200];
	size_t n = bad_hello(hello, 0, 0);

	(void)state;
	f->ue.node->deaf = true;
	assert_int_equal(peer_addr_parse(&from, "10.7.7.7", 7), 0);
	check_from(f, &from, "fork");
	hello[13] = 11; /* Certificate */
	for (unsigned i = 0; i < 1000; i++)
		give(f, hello, n, &from);
	peer_get_stats(f->server.peer, &st);
	assert_int_equal(st.dtls_bad, 1000);
	assert_int_equal(limited(f), 0);
	f->ue.node->deaf = false;
	flow_answer(f);
	assert_true(flow_connect(f, 10 * FLOW_SEC));
	flow_free(f);
}

/* A forged hello comes before the UE's: its own is answered all the same. */
static void test_forged_hello_is_in_nobodys_way(void **state)
{
	(void)state;
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
			.no_ice = true,
			.ipv6 = ipv6,
			.seed = 23,
			.channel = scene,
			.nchannel = 1};
		struct flow *f = flow_new(&conf);
		uint8_t hello[200];

		for (unsigned i = 0; i < 200; i++) {
			size_t n = bad_hello(hello, i, i & 1 ? 16 : 0);

			give(f, hello, n, &f->ue.node->addr);
			if (f->server.state == PEER_CONNECTED)
				break;
			flow_run(f, FLOW_MS);
		}
		assert_true(flow_connect(f, 5 * FLOW_SEC));
		flow_free(f);
	}
}

static struct {
	const struct sim_node *whose;
	unsigned count;
} answers;

static bool count_answers(void *arg, const struct sim_node *from, struct ar_span d)
{
	(void)arg;
	if (from == answers.whose && d.n && d.p[0] == 22)
		answers.count++;
	return true;
}

/* Nobody is at that address, and somebody says so a thousand times a second: few are answered, none
 * with a cookie that we never made; the others of the worker lose nothing. */
static void test_flood_without_ice(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.no_ice = true,
		.seed = 24,
		.handshakes_per_sec = 20,
		.channel = scene,
		.nchannel = 1};
	struct flow *f = flow_new(&conf);
	struct peer_stats st;
	uint8_t hello[200];

	(void)state;
	f->ue.node->deaf = true;
	answers.whose = f->server.node;
	answers.count = 0;
	sim_on_datagram(f->sim, count_answers, NULL);
	for (unsigned i = 0; i < 4000; i++) {
		size_t n = bad_hello(hello, i, i & 1 ? 16 : 0);

		give(f, hello, n, &f->ue.node->addr);
		flow_run(f, FLOW_MS);
	}
	printf("2000 hellos in 4 s, 20 a second allowed: %u answered, %u dropped\n", answers.count,
		(unsigned)limited(f));
	assert_in_range(limited(f), 2000 - 4 * 20 - 4 * 20 - 5, 2000 - 4 * 20);
	assert_true(answers.count <= 4 * 20 + 4 * 20 + 5);
	peer_get_stats(f->server.peer, &st);
	assert_true(st.dtls_bad >= 2000); /* the cookies */
	assert_int_not_equal(f->server.state, PEER_CLOSED);
	/* then it is quiet */
	flow_run(f, 5 * FLOW_SEC);
	f->ue.node->deaf = false;
	assert_true(flow_connect(f, 20 * FLOW_SEC));
	flow_free(f);
}

struct guest { /* another UE at the address of the first */
	struct flow *f;
	struct peer *peer;
	struct dc_client *client;
	struct sim_node *node;
	enum peer_state state;
};

static void guest_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct guest *g = arg;

	sim_send(g->f->sim, g->node, d, to);
}

static void server_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct guest *g = arg;

	sim_send(g->f->sim, g->f->server.node, d, to);
}

static void nothing_state(void *arg, enum peer_state s, const char *why)
{
	(void)arg, (void)s, (void)why;
}

static void note_state(void *arg, enum peer_state s, const char *why)
{
	(void)why;
	((struct guest *)arg)->state = s;
}

static void nothing_channel(void *arg, const struct peer_channel *ch)
{
	(void)arg, (void)ch;
}

static void nothing_closed(void *arg, uint16_t id)
{
	(void)arg, (void)id;
}

static void nothing_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	(void)arg, (void)id, (void)kind, (void)data;
}

static void nothing_writable(void *arg)
{
	(void)arg;
}

static void guest_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	dc_client_input(((struct guest *)arg)->client, d, from, now);
}

static uint64_t guest_next(void *arg)
{
	return dc_client_next_timeout(((struct guest *)arg)->client);
}

static void guest_timer(void *arg, uint64_t now)
{
	dc_client_on_timer(((struct guest *)arg)->client, now);
}

static void make_guest(struct flow *f, struct guest *g, uint16_t port)
{
	static const struct peer_handlers theirs = {guest_send, nothing_state, nothing_channel,
		nothing_closed, nothing_message, nothing_writable, NULL};
	static const struct peer_handlers ours = {server_send, note_state, nothing_channel,
		nothing_closed, nothing_message, nothing_writable, NULL};
	struct peer_conf pc = {.channel = scene, .nchannel = 1};
	struct dc_client_server to = {.fingerprint = transport_fingerprint(f->server.t),
		.addr = f->server.node->addr,
		.setup = AR_SETUP_ACTIVE};
	struct peer_remote r = {.nfingerprint = 1,
		.fingerprint = {ar_span_str(transport_fingerprint(f->ue.t))},
		.setup = AR_SETUP_PASSIVE,
		.sctp_port = 5000};
	const char *why;

	*g = (struct guest){.f = f};
	assert_int_equal(peer_new(&g->peer, f->server.t, &pc, &ours, g, vclock_now()), 0);
	g->client = dc_client_new(f->ue.t, scene, 1, &theirs, g, vclock_now());
	g->node = sim_add(f->sim, "10.0.0.2", port);
	g->node->arg = g;
	g->node->input = guest_input;
	g->node->next_timeout = guest_next;
	g->node->on_timer = guest_timer;
	to.ufrag = peer_ufrag(g->peer);
	to.pwd = peer_pwd(g->peer);
	dc_client_start(g->client, &to, vclock_now());
	r.ufrag = ar_span_str(dc_client_ufrag(g->client));
	r.pwd = ar_span_str(dc_client_pwd(g->client));
	assert_int_equal(peer_set_remote(g->peer, &r, vclock_now(), &why), 0);
}

/* A NAT of an operator: UEs behind one address come faster than the rate, and all are let in. */
static void test_many_behind_one_address(void **state)
{
	struct flow_conf conf = {.link = {.delay = 10 * FLOW_MS},
		.seed = 25,
		.handshakes_per_sec = 1,
		.channel = scene,
		.nchannel = 1};
	struct flow *f = flow_new(&conf);
	uint64_t from;

	(void)state;
	assert_true(flow_connect(f, 5 * FLOW_SEC));
	from = vclock_now();
	for (uint16_t i = 0; i < 50; i++) {
		struct guest g;

		make_guest(f, &g, (uint16_t)(6000 + i));
		flow_run(f, 250 * FLOW_MS);
		assert_int_equal(g.state, PEER_CONNECTED);
		peer_free(g.peer);
		dc_client_free(g.client);
		sim_remove(f->sim, g.node);
	}
	assert_true(vclock_now() - from < 20 * FLOW_SEC);
	assert_int_equal(limited(f), 0);
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_that_begins_again_and_again),
		cmocka_unit_test(test_only_a_hello_begins),
		cmocka_unit_test(test_forged_hello_is_in_nobodys_way),
		cmocka_unit_test(test_flood_without_ice),
		cmocka_unit_test(test_many_behind_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
