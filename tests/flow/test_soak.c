/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many: peers that come and go in two stacks that live on, in every way there is to end, and
 * messages both ways over a bad network; nothing is lost, nothing is left. SOAK=1 (check.sh
 * --soak): 10,000 and 1,000,000 of them, otherwise what a second or two allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/flow.h"
#include "common/daemon/ar_clock.h"
#include "tests/lib/vclock.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 50

enum { SCENE = 1000, META = 1002 };

static const struct peer_channel channels[] = {
	{.id = SCENE, .ordered = true, .max_retr = -1, .max_time = -1},
	{.id = META, .ordered = false, .max_retr = -1, .max_time = -1},
};

static unsigned soak(unsigned lengthy, unsigned ordinary)
{
	const char *s = getenv("SOAK");

	return s && strcmp(s, "1") == 0 ? lengthy : ordinary;
}

/* ---- cycles ---- */

struct pair { /* one connection, both ends of it in the stacks of a flow */
	struct flow *f;
	struct flow_side server, ue;
	struct dc_client *client;
};

static void on_server_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct pair *p = arg;

	sim_send(p->f->sim, p->f->server.node, d, to);
}

static void on_ue_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct pair *p = arg;

	sim_send(p->f->sim, p->ue.node, d, to);
}

static void on_server_state(void *arg, enum peer_state state, const char *reason)
{
	(void)reason;
	((struct pair *)arg)->server.state = state;
}

static void on_ue_state(void *arg, enum peer_state state, const char *reason)
{
	(void)reason;
	((struct pair *)arg)->ue.state = state;
}

static void on_server_channel(void *arg, const struct peer_channel *ch)
{
	(void)ch;
	((struct pair *)arg)->server.nchannel++;
}

static void on_ue_channel(void *arg, const struct peer_channel *ch)
{
	(void)ch;
	((struct pair *)arg)->ue.nchannel++;
}

static void on_server_closed(void *arg, uint16_t id)
{
	(void)id;
	((struct pair *)arg)->server.nclosed++;
}

static void on_ue_closed(void *arg, uint16_t id)
{
	(void)id;
	((struct pair *)arg)->ue.nclosed++;
}

static void on_server_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct pair *p = arg;

	p->server.nmessage++;
	(void)!peer_send(p->server.peer, id, kind, data);
}

static void on_ue_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	(void)id, (void)kind;
	((struct pair *)arg)->ue.nmessage++;
	((struct pair *)arg)->ue.nlast = data.n;
}

static void on_writable(void *arg)
{
	(void)arg;
}

static const struct peer_handlers server_handlers = {on_server_send, on_server_state,
	on_server_channel, on_server_closed, on_server_message, on_writable, NULL};
static const struct peer_handlers ue_handlers = {
	on_ue_send, on_ue_state, on_ue_channel, on_ue_closed, on_ue_message, on_writable, NULL};

static void ue_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	dc_client_input(((struct pair *)arg)->client, d, from, now);
}

static uint64_t ue_next(void *arg)
{
	return dc_client_next_timeout(((struct pair *)arg)->client);
}

static void ue_timer(void *arg, uint64_t now)
{
	dc_client_on_timer(((struct pair *)arg)->client, now);
}

static void describe(struct pair *p, bool server_active)
{
	const char *why = "";
	struct dc_client_server to = {.ufrag = peer_ufrag(p->server.peer),
		.pwd = peer_pwd(p->server.peer),
		.fingerprint = transport_fingerprint(p->f->server.t),
		.addr = p->f->server.node->addr,
		.setup = server_active ? AR_SETUP_PASSIVE : AR_SETUP_ACTIVE};
	struct peer_remote r = {.ufrag = ar_span_str(dc_client_ufrag(p->client)),
		.pwd = ar_span_str(dc_client_pwd(p->client)),
		.nfingerprint = 1,
		.fingerprint = {ar_span_str(transport_fingerprint(p->f->ue.t))},
		.setup = server_active ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE,
		.sctp_port = 5000};

	assert_int_equal(peer_set_remote(p->server.peer, &r, vclock_now(), &why), 0);
	dc_client_start(p->client, &to, vclock_now());
}

static void pair_new(struct pair *p, struct flow *f, unsigned i)
{
	struct peer_conf conf = {
		.setup = AR_SETUP_ACTPASS, .channel = channels, .nchannel = 2, .log_call = "s@t"};

	*p = (struct pair){.f = f};
	assert_int_equal(
		peer_new(&p->server.peer, f->server.t, &conf, &server_handlers, p, vclock_now()),
		0);
	p->ue.node = sim_add(f->sim, "10.0.0.3", (uint16_t)(6000 + i % 1000));
	p->ue.node->arg = p;
	p->ue.node->input = ue_input;
	p->ue.node->next_timeout = ue_next;
	p->ue.node->on_timer = ue_timer;
	p->client = dc_client_new(f->ue.t, channels, 2, &ue_handlers, p, vclock_now());
	p->ue.peer = dc_client_peer(p->client);
	describe(p, i % 2);
}

static void pair_free(struct pair *p)
{
	peer_free(p->server.peer);
	flow_run(p->f, 100 * FLOW_MS);
	dc_client_free(p->client);
	sim_remove(p->f->sim, p->ue.node);
}

/* A channel that the UE opens, closed by either side. */
static void in_band(struct pair *p, bool by_ue)
{
	struct peer_channel ch = {.ordered = true, .max_retr = -1, .max_time = -1, .label = "x"};
	unsigned before = p->server.nchannel, closed = p->ue.nclosed;
	int id;

	ch.id = UINT16_MAX;
	id = peer_open_channel(p->ue.peer, &ch);
	assert_true(id >= 0);
	assert_true(flow_until(p->f, &p->server.nchannel, before + 1, 20 * FLOW_SEC));
	assert_int_equal(peer_close_channel(by_ue ? p->ue.peer : p->server.peer, (uint16_t)id), 0);
	assert_true(flow_until(p->f, &p->ue.nclosed, closed + 1, 20 * FLOW_SEC));
}

static void talk(struct pair *p, unsigned i)
{
	static char text[20000];
	size_t n = (i * 7919u) % sizeof(text);
	unsigned had = p->ue.nmessage;

	assert_true(flow_until(p->f, &p->ue.nchannel, 2, 30 * FLOW_SEC));
	assert_int_equal(peer_send(p->ue.peer, i % 3 ? SCENE : META,
				 i % 2 ? PEER_TEXT : PEER_BINARY, (struct ar_span){text, n}),
		0);
	assert_true(flow_until(p->f, &p->ue.nmessage, had + 1, 30 * FLOW_SEC));
	assert_int_equal(p->ue.nlast, n);
	if (i % 4 == 0)
		in_band(p, i % 8 == 0);
}

enum { BY_SERVER, BY_UE, UE_VANISHES, IN_HANDSHAKE, NEVER_ANSWERED, WAYS };

static void end_it(struct pair *p, unsigned way)
{
	switch (way) {
	case BY_SERVER:
		peer_close(p->server.peer, "cycle");
		break;
	case BY_UE:
		peer_close(p->ue.peer, "cycle");
		dc_client_silence(p->client); /* when the goodbye is lost its consent ends */
		assert_true(flow_until_state(p->f, &p->server, PEER_CLOSED, 60 * FLOW_SEC));
		break;
	case UE_VANISHES:
		p->ue.node->deaf = true;
		assert_true(flow_until_state(p->f, &p->server, PEER_CLOSED, 60 * FLOW_SEC));
		break;
	default: /* freed as it is */
		break;
	}
}

static void one_cycle(struct flow *f, unsigned i)
{
	struct sim_link *link = sim_link(f->sim);
	unsigned way = i % WAYS;
	struct pair p;

	link->loss = i % 3 == 0 ? 10 : 0;
	link->delay = (1 + i % 20) * FLOW_MS;
	pair_new(&p, f, i);
	if (way == NEVER_ANSWERED) {
		p.ue.node->deaf = true;
		flow_run(f, FLOW_SEC);
	} else if (way == IN_HANDSHAKE) {
		flow_run(f, i % 150 * FLOW_MS);
	} else {
		talk(&p, i);
	}
	end_it(&p, way);
	pair_free(&p);
}

static struct flow *world(uint64_t seed)
{
	struct flow_conf conf = {
		.link = {.delay = FLOW_MS}, .seed = seed, .channel = channels, .nchannel = 2};
	struct flow *f = flow_new(&conf);

	assert_true(flow_connect(f, 5 * FLOW_SEC));
	assert_true(flow_until(f, &f->server.nchannel, 2, FLOW_SEC));
	return f;
}

static void test_cycles(void **state)
{
	unsigned cycles = soak(10000, 200);
	struct flow *f = world(1);
	struct transport_stats st;
	size_t quarter = 0, end;

	(void)state;
	for (unsigned i = 0; i < cycles; i++) {
		one_cycle(f, i);
		if (i == cycles / 4)
			quarter = mallinfo2().uordblks;
	}
	end = mallinfo2().uordblks;
	printf("%u cycles, %u ways to end: %zu bytes in use after a quarter, %zu at the end\n",
		cycles, WAYS, quarter, end);
	assert_true(end < quarter + 128 * 1024);
	transport_get_stats(f->server.t, &st);
	assert_int_equal(st.peers, 1);
	flow_free(f);
}

/* ---- messages ---- */

static void send_batch(struct flow_side *s, unsigned round)
{
	static const size_t sizes[] = {300, 1, 0, 275, 1100, 300, 2500, 40, 300, 16384};

	for (unsigned k = 0; k < BATCH; k++) {
		unsigned n = round * BATCH + k;
		size_t size = k % 25 ? sizes[k % 9] : sizes[9];

		assert_int_equal(
			flow_send(s, n % 4 ? SCENE : META, n % 2 ? PEER_TEXT : PEER_BINARY, size),
			0);
	}
}

static void drain(struct flow *f, size_t below)
{
	while (peer_buffered(f->server.peer) > below || peer_buffered(f->ue.peer) > below)
		flow_run(f, 20 * FLOW_MS);
}

static void test_messages(void **state)
{
	unsigned rounds = soak(1000000, 20000) / BATCH / 2, got;
	struct flow *f = world(2);
	size_t quarter = 0, end;

	(void)state;
	sim_link(f->sim)->delay = 5 * FLOW_MS;
	sim_link(f->sim)->jitter = 5 * FLOW_MS;
	for (unsigned i = 0; i < rounds; i++) {
		sim_link(f->sim)->loss = i % 100 == 0 ? 5 : 0;
		send_batch(&f->server, i);
		send_batch(&f->ue, i);
		flow_run(f, 20 * FLOW_MS);
		drain(f, 512 * 1024);
		if (i == rounds / 4)
			quarter = mallinfo2().uordblks;
	}
	sim_link(f->sim)->loss = 0;
	drain(f, 0);
	flow_run(f, FLOW_SEC);
	end = mallinfo2().uordblks;
	got = f->server.nmessage + f->ue.nmessage;
	printf("%u messages: %zu bytes in use after a quarter, %zu at the end\n", got, quarter,
		end);
	assert_int_equal(f->server.nmessage, rounds * BATCH);
	assert_int_equal(f->ue.nmessage, rounds * BATCH);
	/* what is under way differs from one moment to the next */
	assert_true(end < quarter + 1024 * 1024);
	flow_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cycles), cmocka_unit_test(test_messages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
