/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/fork.h"
#include "tests/lib/vclock.h"

static void fork_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct fork *k = arg;

	sim_send(k->side.sim, k->side.node, d, to);
}

static void fork_state(void *arg, enum peer_state state, const char *reason)
{
	struct fork *k = arg;

	(void)reason;
	k->side.state = state;
}

static void fork_channel(void *arg, const struct peer_channel *ch)
{
	struct fork *k = arg;

	(void)ch;
	k->side.nchannel++;
}

static void fork_closed(void *arg, uint16_t id)
{
	struct fork *k = arg;

	(void)id;
	k->side.nclosed++;
}

static void fork_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct fork *k = arg;

	(void)id;
	(void)kind;
	(void)data;
	k->side.nmessage++;
}

static void fork_writable(void *arg)
{
	(void)arg;
}

const struct peer_handlers fork_handlers = {
	fork_send, fork_state, fork_channel, fork_closed, fork_message, fork_writable, NULL};

static void fork_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	dc_client_input(((struct fork *)arg)->client, d, from, now);
}

static uint64_t fork_next(void *arg)
{
	return dc_client_next_timeout(((struct fork *)arg)->client);
}

static void fork_timer(void *arg, uint64_t now)
{
	dc_client_on_timer(((struct fork *)arg)->client, now);
}

void fork_add_as(struct flow *f, struct fork *k, struct peer *server, const char *host, bool active)
{
	static const struct peer_channel scene = {
		.id = 1000, .ordered = true, .max_retr = -1, .max_time = -1};
	struct transport_conf tc = {.max_peers = 2};
	struct dc_client_server to = {.ufrag = peer_ufrag(server),
		.pwd = peer_pwd(server),
		.fingerprint = transport_fingerprint(f->server.t),
		.addr = f->server.node->addr,
		.setup = active ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE};

	*k = (struct fork){.side.sim = f->sim};
	assert_int_equal(transport_new(&k->t, &tc), 0);
	k->side.node = sim_add(f->sim, host, 5000);
	k->side.node->arg = k;
	k->side.node->input = fork_input;
	k->side.node->next_timeout = fork_next;
	k->side.node->on_timer = fork_timer;
	k->client = dc_client_new(k->t, &scene, 1, &fork_handlers, k, vclock_now());
	dc_client_start(k->client, &to, vclock_now());
}

void fork_add(struct flow *f, struct fork *k, struct peer *server, const char *host)
{
	fork_add_as(f, k, server, host, true);
}

void fork_remove(struct flow *f, struct fork *k)
{
	dc_client_free(k->client);
	sim_remove(f->sim, k->side.node);
	transport_free(k->t);
}

void fork_answer(struct peer *server, const struct fork *k, bool passive)
{
	struct peer_remote r = {.ufrag = ar_span_str(dc_client_ufrag(k->client)),
		.pwd = ar_span_str(dc_client_pwd(k->client)),
		.nfingerprint = 1,
		.fingerprint = {ar_span_str(transport_fingerprint(k->t))},
		.setup = passive ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE,
		.sctp_port = 5000};
	const char *why = "";

	if (peer_set_remote(server, &r, vclock_now(), &why) != 0)
		fail_msg("peer_set_remote: %s", why);
}
