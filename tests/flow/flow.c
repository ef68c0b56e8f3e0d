/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stddef.h>

#include "tests/flow/flow.h"
#include "common/daemon/ar_clock.h"
#include "tests/lib/vclock.h"

#include <stdio.h>
#include <stdlib.h>

static void on_send(void *arg, struct ar_span d, const struct peer_addr *to)
{
	struct flow_side *s = arg;

	sim_send(s->sim, s->node, d, to);
}

static void on_state(void *arg, enum peer_state state, const char *reason)
{
	struct flow_side *s = arg;

	assert_int_not_equal(s->state, PEER_CLOSED);
	s->state = state;
	snprintf(s->reason, sizeof(s->reason), "%s", reason);
}

static void on_channel(void *arg, const struct peer_channel *ch)
{
	struct flow_side *s = arg;

	assert_int_equal(s->state, PEER_CONNECTED);
	assert_true(ch->id < PEER_MAX_STREAMS);
	assert_false(s->open[ch->id]);
	s->open[ch->id] = true;
	s->channel[s->nchannel++ % PEER_MAX_CHANNELS] = *ch;
}

static void on_channel_closed(void *arg, uint16_t id)
{
	struct flow_side *s = arg;

	s->open[id] = false;
	s->nclosed++;
}

static void on_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct flow_side *s = arg;

	s->nmessage++;
	s->kind = kind;
	s->id = id;
	s->seen_at = vclock_now();
	s->bytes += data.n;
	for (size_t i = 0; i < data.n && i < 8; i++)
		s->sum = s->sum * 31 + (uint8_t)data.p[i];
	free(s->last);
	s->last = malloc(data.n ? data.n : 1);
	assert_non_null(s->last);
	memcpy(s->last, data.p, data.n);
	s->nlast = data.n;
	if (s->echo && peer_send(s->peer, id, kind, data) != 0)
		fail_msg("echo refused");
	if (s->on_message)
		s->on_message(s, id, data);
}

static void on_writable(void *arg)
{
	struct flow_side *s = arg;

	s->nwritable++;
	if (s->on_writable)
		s->on_writable(s);
}

static const struct peer_handlers handlers = {
	on_send, on_state, on_channel, on_channel_closed, on_message, on_writable, NULL};

static void side_input(void *arg, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	struct flow_side *s = arg;

	if (s->client)
		dc_client_input(s->client, d, from, now);
	else
		transport_input(s->t, d, from, now);
}

static uint64_t side_next_timeout(void *arg)
{
	struct flow_side *s = arg;
	uint64_t at = transport_next_timeout(s->t), own;

	own = s->client ? dc_client_next_timeout(s->client) : AR_NEVER;
	return at < own ? at : own;
}

static void side_on_timer(void *arg, uint64_t now)
{
	struct flow_side *s = arg;

	if (s->client)
		dc_client_on_timer(s->client, now);
	transport_on_timer(s->t, now);
}

static void make_side(struct flow *f, struct flow_side *s, const char *host, uint16_t port)
{
	struct transport_conf conf = {.max_peers = 16,
		.handshakes_per_sec = s == &f->server ? f->conf.handshakes_per_sec : 0};

	s->sim = f->sim;
	assert_int_equal(transport_new(&s->t, &conf), 0);
	s->node = sim_add(f->sim, host, port);
	s->node->arg = s;
	s->node->input = side_input;
	s->node->next_timeout = side_next_timeout;
	s->node->on_timer = side_on_timer;
}

static void start_ue(struct flow *f)
{
	struct dc_client_server to = {.ufrag = peer_ufrag(f->server.peer),
		.pwd = peer_pwd(f->server.peer),
		.fingerprint = transport_fingerprint(f->server.t),
		.addr = f->server.node->addr,
		.setup = f->conf.server_active ? AR_SETUP_PASSIVE : AR_SETUP_ACTIVE,
		.no_ice = f->conf.no_ice,
		.max_message_size = f->conf.server_max_message};

	dc_client_start(f->ue.client, &to, vclock_now());
}

struct flow *flow_new(const struct flow_conf *conf)
{
	struct flow *f = calloc(1, sizeof(*f));
	struct peer_conf pc = {.setup = AR_SETUP_ACTPASS,
		.channel = conf->channel,
		.nchannel = conf->nchannel,
		.log_call = "flow@test"};

	assert_non_null(f);
	f->conf = *conf;
	f->sim = sim_new(conf->seed, &conf->link);
	f->born = vclock_now();
	make_side(f, &f->server, conf->ipv6 ? "2001:db8::1" : "10.0.0.1", 9000);
	make_side(f, &f->ue, conf->ipv6 ? "2001:db8::2" : "10.0.0.2", 5000);
	assert_int_equal(
		peer_new(&f->server.peer, f->server.t, &pc, &handlers, &f->server, f->born), 0);
	f->ue.client =
		dc_client_new(f->ue.t, conf->channel, conf->nchannel, &handlers, &f->ue, f->born);
	f->ue.peer = dc_client_peer(f->ue.client);
	if (!conf->no_answer)
		flow_answer(f);
	start_ue(f);
	return f;
}

void flow_answer(struct flow *f)
{
	const char *print = transport_fingerprint(f->conf.wrong_print ? f->server.t : f->ue.t);
	const char *why = "";
	struct peer_remote r = {.ufrag = ar_span_str(dc_client_ufrag(f->ue.client)),
		.pwd = ar_span_str(dc_client_pwd(f->ue.client)),
		.ice_lite = f->conf.no_ice,
		.fingerprint = {ar_span_str(print)},
		.nfingerprint = 1,
		.setup = f->conf.server_active ? AR_SETUP_ACTIVE : AR_SETUP_PASSIVE,
		.sctp_port = 5000,
		.max_message_size = f->conf.ue_max_message,
		.addr = f->ue.node->addr};

	if (peer_set_remote(f->server.peer, &r, vclock_now(), &why) != 0)
		fail_msg("peer_set_remote: %s", why);
}

static void free_side(struct flow_side *s)
{
	if (s->client)
		dc_client_free(s->client);
	else
		peer_free(s->peer);
	transport_free(s->t);
	free(s->last);
}

void flow_free(struct flow *f)
{
	free_side(&f->ue);
	free_side(&f->server);
	sim_free(f->sim);
	free(f);
}

static bool both_connected(void *arg)
{
	struct flow *f = arg;

	return (f->server.state == PEER_CONNECTED && f->ue.state == PEER_CONNECTED) ||
	       f->server.state == PEER_CLOSED || f->ue.state == PEER_CLOSED;
}

bool flow_connect(struct flow *f, uint64_t for_us)
{
	return sim_run(f->sim, for_us, both_connected, f) && f->server.state == PEER_CONNECTED &&
	       f->ue.state == PEER_CONNECTED;
}

void flow_run(struct flow *f, uint64_t for_us)
{
	sim_run(f->sim, for_us, NULL, NULL);
}

struct until {
	const unsigned *value;
	unsigned at_least;
	const struct flow_side *side;
	enum peer_state state;
};

static bool reached(void *arg)
{
	const struct until *u = arg;

	return u->side ? u->side->state == u->state : *u->value >= u->at_least;
}

bool flow_until(struct flow *f, const unsigned *value, unsigned at_least, uint64_t for_us)
{
	struct until u = {.value = value, .at_least = at_least};

	return sim_run(f->sim, for_us, reached, &u);
}

bool flow_until_state(
	struct flow *f, const struct flow_side *s, enum peer_state state, uint64_t for_us)
{
	struct until u = {.side = s, .state = state};

	return sim_run(f->sim, for_us, reached, &u);
}

static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(i * 7 + i / 251 + n);
}

int flow_send(struct flow_side *s, uint16_t id, enum peer_kind kind, size_t n)
{
	char *p = malloc(n ? n : 1);
	int err;

	assert_non_null(p);
	fill(p, n);
	err = peer_send(s->peer, id, kind, (struct ar_span){p, n});
	free(p);
	return err;
}

bool flow_is_pattern(const struct flow_side *s, size_t n)
{
	char *p = malloc(n ? n : 1);
	bool same;

	assert_non_null(p);
	fill(p, n);
	same = s->nlast == n && (n == 0 || memcmp(p, s->last, n) == 0);
	free(p);
	return same;
}

struct peer_channel flow_channel(uint16_t id, bool ordered, int32_t max_retr)
{
	return (struct peer_channel){
		.id = id, .ordered = ordered, .max_retr = max_retr, .max_time = -1};
}

const struct peer_channel *flow_find(const struct flow_side *s, const char *label)
{
	for (unsigned i = 0; i < s->nchannel && i < PEER_MAX_CHANNELS; i++) {
		if (strcmp(s->channel[i].label, label) == 0)
			return &s->channel[i];
	}
	return NULL;
}
