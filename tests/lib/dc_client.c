/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/dc_client.h"
#include "common/daemon/ar_clock.h"
#include "mediad/ice/ice.h"
#include "mediad/net/demux.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define FAST (50 * AR_MS) /* between checks until one is answered */
#define CONSENT (2500 * AR_MS)

struct dc_client {
	struct transport *t;
	struct peer *peer;
	struct peer_handlers h;
	void *arg;
	struct ice own; /* for its credentials only */
	struct stun_key *key;
	struct dc_client_server server;
	char ufrag[ICE_MAX_CRED + 1], pwd[ICE_MAX_CRED + 1], fingerprint[256];
	uint8_t id[STUN_ID_LEN];
	uint64_t check_at;
	bool checked, dtls_started;
};

static void must(bool ok)
{
	if (!ok) {
		fprintf(stderr, "dc_client: out of memory or a wrong description\n");
		exit(2);
	}
}

struct dc_client *dc_client_new(struct transport *t, const struct peer_channel *channel,
	unsigned nchannel, const struct peer_handlers *h, void *arg, uint64_t now)
{
	struct dc_client *c = calloc(1, sizeof(*c));
	struct peer_conf conf = {
		.setup = AR_SETUP_ACTPASS, .channel = channel, .nchannel = nchannel};

	must(c != NULL);
	c->t = t;
	c->h = *h;
	c->arg = arg;
	c->check_at = AR_NEVER;
	must(ice_init(&c->own) == 0);
	must(peer_new(&c->peer, t, &conf, h, arg, now) == 0);
	return c;
}

void dc_client_free(struct dc_client *c)
{
	if (!c)
		return;
	peer_free(c->peer);
	stun_key_free(c->key);
	ice_free(&c->own);
	free(c);
}

static void start_dtls(struct dc_client *c, uint64_t now)
{
	const char *why = "";
	struct peer_remote r = {.ice_lite = true,
		.addr_verified = !c->server.no_ice,
		.fingerprint = {ar_span_str(c->fingerprint)},
		.nfingerprint = 1,
		.setup = c->server.setup,
		.sctp_port = c->server.sctp_port ? c->server.sctp_port : 5000,
		.max_message_size = c->server.max_message_size,
		.addr = c->server.addr};

	c->dtls_started = true;
	if (peer_set_remote(c->peer, &r, now, &why) != 0)
		fprintf(stderr, "dc_client: %s\n", why);
}

static void copy_server(struct dc_client *c, const struct dc_client_server *s)
{
	c->server = *s;
	snprintf(c->ufrag, sizeof(c->ufrag), "%s", s->ufrag);
	snprintf(c->pwd, sizeof(c->pwd), "%s", s->pwd);
	snprintf(c->fingerprint, sizeof(c->fingerprint), "%s", s->fingerprint);
	stun_key_free(c->key);
	must(stun_key_new(&c->key, ar_span_str(c->pwd)) == 0);
}

void dc_client_start(struct dc_client *c, const struct dc_client_server *s, uint64_t now)
{
	copy_server(c, s);
	if (s->no_ice)
		start_dtls(c, now);
	else
		c->check_at = now;
}

void dc_client_restart(struct dc_client *c, const struct dc_client_server *s, uint64_t now)
{
	copy_server(c, s);
	must(ice_restart(&c->own) == 0);
	c->checked = false;
	c->check_at = now;
}

void dc_client_silence(struct dc_client *c)
{
	c->check_at = AR_NEVER;
}

const char *dc_client_ufrag(const struct dc_client *c)
{
	return c->own.local.ufrag;
}

const char *dc_client_pwd(const struct dc_client *c)
{
	return c->own.local.pwd;
}

struct peer *dc_client_peer(struct dc_client *c)
{
	return c->peer;
}

bool dc_client_checked(const struct dc_client *c)
{
	return c->checked;
}

static void send_check(struct dc_client *c)
{
	struct stun_writer w;
	uint8_t buf[512];
	int n;

	must(RAND_bytes(c->id, sizeof(c->id)) == 1);
	stun_begin(&w, buf, sizeof(buf), STUN_REQUEST, c->id);
	stun_add_username(&w, ar_span_str(c->ufrag), ar_span_str(c->own.local.ufrag));
	stun_add_priority(&w, 0x6e7f1eff);
	stun_add_role(&w, true, 4711);
	stun_add_use_candidate(&w);
	n = stun_finish(&w, c->key);
	must(n > 0);
	c->h.send(c->arg, (struct ar_span){(char *)buf, (size_t)n}, &c->server.addr);
}

static void on_stun(struct dc_client *c, struct ar_span d, uint64_t now)
{
	struct stun_msg m;

	if (!c->key || stun_parse(&m, d) != 0 || m.cls != STUN_SUCCESS || !stun_check(&m, c->key))
		return;
	c->checked = true;
	if (c->check_at != AR_NEVER)
		c->check_at = now + CONSENT;
	if (!c->dtls_started)
		start_dtls(c, now);
}

void dc_client_input(
	struct dc_client *c, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	if (demux_classify(d) == DEMUX_STUN)
		on_stun(c, d, now);
	else
		peer_input(c->peer, d, from, now);
}

uint64_t dc_client_next_timeout(const struct dc_client *c)
{
	uint64_t at = peer_next_timeout(c->peer);

	return at < c->check_at ? at : c->check_at;
}

void dc_client_on_timer(struct dc_client *c, uint64_t now)
{
	if (now >= c->check_at) {
		send_check(c);
		c->check_at = now + (c->checked ? CONSENT : FAST);
	}
	if (now >= peer_next_timeout(c->peer))
		peer_on_timer(c->peer, now);
}
