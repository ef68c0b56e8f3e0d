/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/peer.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/dc/dc.h"
#include "mediad/ice/ice.h"
#include "mediad/net/peer_addr.h"
#include "mediad/sctp/ar_sctp.h"
#include "mediad/transport_int.h"

#include <errno.h>
#include <stdlib.h>

#define SCTP_PORT 5000
#define SCTP_WAIT (500 * AR_MS) /* for the UE's first packet, before we send INIT */
#define HANDSHAKE_TIME (30 * AR_SEC) /* DTLS and SCTP together */
#define HEARTBEAT_MS 5000 /* where no ICE consent shows that the UE is there */
#define ADDRESS_HELD (15 * AR_SEC) /* a UE's address is not given to another peer for so long */

struct peer_held { /* a datagram that came too early */
	char *data;
	size_t n;
	struct peer_addr from;
	bool sctp; /* an SCTP packet of a UE whose fingerprint is not known yet; else DTLS */
};

struct peer {
	struct transport *t;
	struct peer_handlers h;
	void *arg;
	char *log_call;
	enum peer_state state;

	struct ice ice;
	struct demux_node ufrag_node[2], addr_node[ICE_MAX_PAIRS], sdp_node;
	struct dtls *dtls;
	struct ar_sctp *sctp;
	struct dc dc;

	/* the UE's description */
	bool known, no_ice, addr_verified, client;
	struct cert_prints prints;
	uint16_t sctp_port;
	size_t max_message;
	struct peer_addr sdp_addr;

	uint64_t dtls_remote; /* whose handshake it is, while the description is not known */
	bool verified; /* handshake done and fingerprint right: SCTP may pass */
	struct peer_addr heard_at; /* where DTLS came from last; used until a pair is nominated */
	struct peer_held held[PEER_MAX_EARLY];
	unsigned nheld;

	uint64_t born, now, sctp_at, handshake_by;
	uint64_t heard; /* last authentic packet of the UE */
	size_t watch;
	bool watch_above, doomed, freed_layers;
	struct peer *next_doomed;
	struct timerq_node timer;
	struct peer_stats stats;
};

static const char *const state_names[] = {
	[PEER_WAITING] = "waiting",
	[PEER_CHECKING] = "checking",
	[PEER_HANDSHAKE] = "handshake",
	[PEER_CONNECTED] = "connected",
	[PEER_CLOSED] = "closed",
};

/* Every entry that may change something runs between these two; teardown waits for the last. */
static void enter(struct peer *p, uint64_t now)
{
	p->t->depth++;
	if (now > p->now)
		p->now = now;
}

static void rearm(struct peer *p)
{
	timerq_set(&p->t->timers, &p->timer, peer_next_timeout(p));
}

static void leave(struct peer *p)
{
	rearm(p);
	if (--p->t->depth == 0)
		peer_reap(p->t);
}

static uint64_t age(const struct peer *p)
{
	uint64_t us = p->now - p->born;

	return us ? us : 1; /* 0 means not yet */
}

/* Where to send: the exact SDP address without ICE, else the nominated pair, else a verified one.
 */
static const struct peer_addr *path(struct peer *p)
{
	if (p->no_ice)
		return &p->sdp_addr;
	if (p->ice.selected)
		return &p->ice.selected->addr;
	if (p->heard_at.len)
		return &p->heard_at;
	for (unsigned i = 0; i < p->ice.npair; i++) {
		if (ice_is_ours(&p->ice, &p->ice.pair[i]))
			return &p->ice.pair[i].addr;
	}
	return NULL;
}

static void transmit(struct peer *p, struct ar_span d, const struct peer_addr *to)
{
	if (!to)
		return;
	p->stats.tx_packets++;
	p->stats.tx_bytes += d.n;
	p->h.send(p->arg, d, to);
}

static void set_state(struct peer *p, enum peer_state state, const char *reason)
{
	AR_LOG_CALL(p->log_call);

	if (p->state == PEER_CLOSED || p->state == state)
		return;
	p->state = state;
	ar_log(AR_LOG_DEBUG, "peer", "%s: %s%s%s", p->ice.local.ufrag, state_names[state],
		*reason ? ": " : "", reason);
	p->h.on_state(p->arg, state, reason);
}

static void doom(struct peer *p)
{
	if (p->doomed || p->freed_layers)
		return;
	p->doomed = true;
	p->next_doomed = p->t->doomed;
	p->t->doomed = p;
}

static void fail(struct peer *p, const char *reason)
{
	set_state(p, PEER_CLOSED, reason);
	doom(p);
}

static void drop_held(struct peer *p)
{
	for (unsigned i = 0; i < p->nheld; i++)
		free(p->held[i].data);
	p->nheld = 0;
}

/* Upper layers first: each says good-bye through the ones below it. */
static void take_down_layers(struct peer *p)
{
	ar_sctp_free(p->sctp);
	p->sctp = NULL;
	if (p->dtls) {
		p->stats.dtls_bad += dtls_bad(p->dtls);
		dtls_close(p->dtls);
	}
	dtls_free(p->dtls);
	p->dtls = NULL;
	p->verified = false;
	p->sctp_at = AR_NEVER;
	p->handshake_by = AR_NEVER;
}

void peer_reap(struct transport *t)
{
	while (t->doomed) {
		struct peer *p = t->doomed;

		t->doomed = p->next_doomed;
		p->doomed = false;
		p->freed_layers = true;
		take_down_layers(p);
		drop_held(p);
		rearm(p);
	}
}

static void hold(struct peer *p, struct ar_span d, const struct peer_addr *from, bool sctp)
{
	char *copy = p->nheld < PEER_MAX_EARLY ? malloc(d.n ? d.n : 1) : NULL;

	if (!copy) {
		p->stats.early_dropped++;
		return;
	}
	memcpy(copy, d.p, d.n);
	p->held[p->nheld++] = (struct peer_held){copy, d.n, *from, sctp};
	p->stats.early_held++;
}

/* --- data channels and SCTP ------------------------------------------------------------------ */

static void dc_opened(void *arg, const struct peer_channel *ch)
{
	struct peer *p = arg;

	if (p->state != PEER_CLOSED)
		p->h.on_channel(p->arg, ch);
}

static void dc_closed(void *arg, uint16_t id)
{
	struct peer *p = arg;

	if (p->state != PEER_CLOSED)
		p->h.on_channel_closed(p->arg, id);
}

static void dc_message(void *arg, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	struct peer *p = arg;

	if (p->state == PEER_CLOSED)
		return;
	p->stats.rx_messages++;
	p->h.on_message(p->arg, id, kind, data);
}

static const struct dc_handlers dc_handlers = {dc_opened, dc_closed, dc_message};

/* usrsctp's reports may come while another peer's datagram is being handled: enter without reap,
 * the SCTP layer does not like to be freed from below. */
static void enter_upcall(struct peer *p)
{
	p->t->depth++;
}

static void leave_upcall(struct peer *p)
{
	rearm(p);
	p->t->depth--;
}

static void sctp_send(void *arg, struct ar_span packet)
{
	struct peer *p = arg;

	if (!p->dtls || dtls_send(p->dtls, packet) != 0)
		p->stats.dropped++;
}

static void sctp_up(void *arg, uint16_t streams)
{
	struct peer *p = arg;

	enter_upcall(p);
	p->stats.at.sctp = age(p);
	p->handshake_by = AR_NEVER;
	set_state(p, PEER_CONNECTED, "");
	if (p->state == PEER_CONNECTED)
		dc_on_up(&p->dc, p->sctp, p->client, streams);
	leave_upcall(p);
}

static void sctp_down(void *arg, const char *why)
{
	struct peer *p = arg;

	enter_upcall(p);
	fail(p, why);
	leave_upcall(p);
}

static void sctp_message(
	void *arg, uint16_t stream, uint32_t ppid, struct ar_span data, bool oversize)
{
	struct peer *p = arg;

	enter_upcall(p);
	if (p->state == PEER_CONNECTED)
		dc_on_message(&p->dc, stream, ppid, data, oversize);
	leave_upcall(p);
}

static void sctp_reset(void *arg, uint16_t stream, unsigned what)
{
	struct peer *p = arg;

	enter_upcall(p);
	if (p->state == PEER_CONNECTED)
		dc_on_reset(&p->dc, stream, what);
	leave_upcall(p);
}

static void sctp_acked(void *arg)
{
	struct peer *p = arg;

	if (!p->watch_above || p->state != PEER_CONNECTED || peer_buffered(p) >= p->watch)
		return;
	p->watch_above = false;
	enter_upcall(p);
	p->h.on_writable(p->arg);
	leave_upcall(p);
}

static const struct ar_sctp_handlers sctp_handlers = {
	sctp_send, sctp_up, sctp_down, sctp_message, sctp_reset, sctp_acked};

static void start_sctp(struct peer *p)
{
	struct ar_sctp_conf conf = {.local_port = SCTP_PORT,
		.remote_port = p->sctp_port,
		.streams = dc_streams(&p->dc),
		.heartbeat_ms = p->no_ice ? HEARTBEAT_MS : 0};

	p->sctp_at = AR_NEVER;
	if (ar_sctp_new(&p->sctp, &conf, &sctp_handlers, p, p->now) != 0)
		fail(p, "cannot make an SCTP association");
}

static void sctp_input(struct peer *p, struct ar_span packet)
{
	if (!p->sctp)
		start_sctp(p);
	if (p->sctp && p->state != PEER_CLOSED)
		ar_sctp_input(p->sctp, packet, p->now);
}

/* --- DTLS ------------------------------------------------------------------------------------ */

static void dtls_out(void *arg, struct ar_span datagram)
{
	struct peer *p = arg;

	transmit(p, datagram, path(p));
}

static void dtls_data(void *arg, struct ar_span packet)
{
	struct peer *p = arg;

	if (p->state == PEER_CLOSED)
		return;
	/* the handshake's last datagram may carry data already */
	if (!p->verified && p->known)
		p->verified = dtls_verify(p->dtls);
	p->heard = p->now;
	if (p->verified)
		sctp_input(p, packet);
	else
		hold(p, packet, &p->heard_at, true);
}

static const struct dtls_handlers dtls_handlers = {dtls_out, dtls_data};

static int make_dtls(struct peer *p)
{
	struct dtls_conf conf = {.client = p->known && p->client,
		.unverified = p->no_ice && !p->addr_verified ? &p->sdp_addr : NULL};
	int err = dtls_new(&p->dtls, p->t->dtls, &conf, &dtls_handlers, p);

	if (err) {
		fail(p, "out of memory for DTLS");
		return err;
	}
	if (p->known)
		dtls_set_prints(p->dtls, &p->prints);
	return 0;
}

/* The handshake is complete and the description known: is it the right UE? */
static void check_identity(struct peer *p)
{
	struct peer_held early[PEER_MAX_EARLY];
	unsigned n = p->nheld;

	if (!p->dtls || !dtls_is_done(p->dtls) || !p->known || p->stats.at.dtls)
		return;
	if (!dtls_verify(p->dtls)) {
		p->stats.dtls_bad++;
		fail(p, "certificate does not match a=fingerprint");
		return;
	}
	p->verified = true;
	p->stats.at.dtls = age(p);
	if (!p->sctp)
		p->sctp_at = p->now + (p->addr_verified ? 0 : SCTP_WAIT);
	memcpy(early, p->held, n * sizeof(early[0]));
	p->nheld = 0;
	for (unsigned i = 0; i < n; i++) {
		if (early[i].sctp && p->state != PEER_CLOSED)
			sctp_input(p, (struct ar_span){early[i].data, early[i].n});
		free(early[i].data);
	}
}

static void dtls_result(struct peer *p, int err)
{
	if (err == -EACCES)
		p->stats.dtls_bad++;
	if (err == -EPROTO && p->no_ice && !p->client) {
		/* nobody has shown to be at this address: a forged hello must not end the call */
		p->stats.dtls_bad++;
		dtls_free(p->dtls);
		p->dtls = NULL;
		return;
	}
	if (err)
		fail(p, dtls_why(p->dtls));
	else
		check_identity(p);
}

static void feed_dtls(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	p->heard_at = *from;
	if (!p->dtls && make_dtls(p) != 0)
		return;
	dtls_result(p, dtls_input(p->dtls, d, p->now));
}

/* Before the description: the first UE that speaks gets a handshake, what others send (a fork) is
 * held until one of them is named. Nothing passes above DTLS in either case. */
static void early_dtls(struct peer *p, struct ar_span d, const struct ice_pair *pair)
{
	if (!p->dtls)
		p->dtls_remote = pair->remote;
	if (p->dtls_remote == pair->remote)
		feed_dtls(p, d, &pair->addr);
	else
		hold(p, d, &pair->addr, false);
}

static void begin(struct peer *p);

static void on_dtls(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	struct ice_pair *pair = p->no_ice ? NULL : ice_find(&p->ice, from);

	if (p->no_ice ? !peer_addr_eq(from, &p->sdp_addr)
		      : !pair || (p->known && !ice_is_ours(&p->ice, pair))) {
		p->stats.dropped++;
		return;
	}
	if (!p->known) {
		early_dtls(p, d, pair);
		return;
	}
	begin(p);
	if (p->state != PEER_CLOSED)
		feed_dtls(p, d, from);
}

/* --- ICE ------------------------------------------------------------------------------------- */

/* The UE is reachable: DTLS may start. */
static void begin(struct peer *p)
{
	if (p->state != PEER_CHECKING)
		return;
	p->handshake_by = p->now + HANDSHAKE_TIME;
	if (!p->stats.at.ice)
		p->stats.at.ice = age(p);
	set_state(p, PEER_HANDSHAKE, "");
	if (p->state == PEER_HANDSHAKE && p->client && !p->dtls && make_dtls(p) == 0)
		dtls_result(p, dtls_start(p->dtls, p->now));
}

/* Does the peer still use this address? Two may not have one, and the first keeps it. */
static bool holds_address(struct peer *p, const struct peer_addr *a, uint64_t now)
{
	const struct ice_pair *pair;

	if (p->state == PEER_CLOSED)
		return false;
	if (p->no_ice)
		return true;
	pair = ice_find(&p->ice, a);
	return pair && pair->seen + ADDRESS_HELD > now;
}

static void claim_address(struct peer *p, const struct ice_out *out)
{
	struct demux_node *n = &p->addr_node[out->pair - p->ice.pair];
	struct peer *other;

	if (out->fresh)
		demux_remove(n);
	if (n->prev)
		return;
	other = demux_find_addr(&p->t->demux, &out->pair->addr);
	if (other && other != p && holds_address(other, &out->pair->addr, p->now)) {
		p->stats.dropped++;
		return;
	}
	demux_put_addr(&p->t->demux, n, &out->pair->addr, p);
}

static void on_stun(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	struct ice_out out;

	if (p->no_ice) {
		p->stats.dropped++;
		return;
	}
	ice_input(&p->ice, d, from, p->now, &out);
	if (out.nreply)
		transmit(p, (struct ar_span){(char *)out.reply, out.nreply}, from);
	if (out.verdict == ICE_ERROR) {
		p->stats.stun_bad++;
		transport_blame(p->t, from, p->now);
	}
	if (out.verdict != ICE_OK)
		return;
	p->stats.stun_ok++;
	p->stats.use_candidate += out.nominated;
	if (!p->stats.at.ice)
		p->stats.at.ice = age(p);
	claim_address(p, &out);
	if (p->known && ice_is_ours(&p->ice, out.pair))
		begin(p);
}

/* --- the owner's side ------------------------------------------------------------------------ */

int peer_new(struct peer **pp, struct transport *t, const struct peer_conf *conf,
	const struct peer_handlers *h, void *arg, uint64_t now)
{
	const char *why = "";
	struct peer *p;
	int err;

	if (t->stats.peers >= t->max_peers)
		return -ENOSPC;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->t = t;
	p->h = *h;
	p->arg = arg;
	p->born = p->now = now;
	p->sctp_at = p->handshake_by = AR_NEVER;
	p->timer.owner = p;
	p->log_call = conf->log_call ? strdup(conf->log_call) : NULL;
	err = dc_init(&p->dc, conf->channel, conf->nchannel, &dc_handlers, p, &why);
	if (!err)
		err = ice_init(&p->ice);
	if (err) {
		ar_log(AR_LOG_WARN, "peer", "refused: %s", why ? why : "no ICE credentials");
		dc_free(&p->dc);
		ice_free(&p->ice);
		free(p->log_call);
		free(p);
		return err;
	}
	demux_put_ufrag(&t->demux, &p->ufrag_node[0], p->ice.local.ufrag, p);
	t->stats.peers++;
	*pp = p;
	return 0;
}

void peer_close(struct peer *p, const char *reason)
{
	AR_LOG_CALL(p->log_call);

	if (p->state == PEER_CLOSED)
		return;
	ar_log(AR_LOG_DEBUG, "peer", "%s: closed by us: %s", p->ice.local.ufrag, reason);
	enter(p, p->now);
	p->state = PEER_CLOSED;
	doom(p);
	leave(p);
}

void peer_free(struct peer *p)
{
	if (!p)
		return;
	peer_close(p, "freed");
	for (struct peer **pp = &p->t->doomed; *pp; pp = &(*pp)->next_doomed) {
		if (*pp == p) {
			*pp = p->next_doomed;
			break;
		}
	}
	take_down_layers(p);
	drop_held(p);
	dc_free(&p->dc);
	for (unsigned i = 0; i < ICE_MAX_PAIRS; i++)
		demux_remove(&p->addr_node[i]);
	demux_remove(&p->ufrag_node[0]);
	demux_remove(&p->ufrag_node[1]);
	demux_remove(&p->sdp_node);
	timerq_set(&p->t->timers, &p->timer, AR_NEVER);
	ice_free(&p->ice);
	p->t->stats.peers--;
	free(p->log_call);
	free(p);
}

const char *peer_ufrag(const struct peer *p)
{
	return p->ice.local.ufrag;
}

const char *peer_pwd(const struct peer *p)
{
	return p->ice.local.pwd;
}

int peer_restart_ice(struct peer *p)
{
	int err = ice_restart(&p->ice);

	if (err)
		return err;
	/* the node with the older ufrag makes room */
	demux_put_ufrag(&p->t->demux, &p->ufrag_node[1], p->ice.old_local.ufrag, p);
	demux_put_ufrag(&p->t->demux, &p->ufrag_node[0], p->ice.local.ufrag, p);
	return 0;
}

static const char *check_remote(
	const struct peer_remote *r, bool no_ice, struct cert_prints *prints)
{
	for (unsigned i = 0; i < r->nfingerprint; i++) {
		if (cert_prints_add(prints, r->fingerprint[i]) != 0)
			continue; /* one of several may be of a kind that we do not know */
	}
	if (!prints->n)
		return "no usable a=fingerprint (SHA-256, SHA-384, SHA-512 or SHA-1)";
	if (r->setup != AR_SETUP_ACTIVE && r->setup != AR_SETUP_PASSIVE)
		return "a=setup is not settled";
	if (!r->sctp_port)
		return "a=sctp-port is missing or 0";
	if (no_ice && !r->addr.len)
		return "no ICE checks will come and there is no usable address";
	if (!no_ice && (r->ufrag.n < 4 || r->ufrag.n > ICE_MAX_CRED))
		return "a=ice-ufrag is not 4 to 256 characters";
	if (!no_ice && (r->pwd.n < 22 || r->pwd.n > ICE_MAX_CRED))
		return "a=ice-pwd is not 22 to 256 characters";
	return NULL;
}

static const char *use_address(struct peer *p, const struct peer_remote *r, bool no_ice)
{
	struct peer *other;

	if (!no_ice) {
		demux_remove(&p->sdp_node);
		ice_set_remote(&p->ice, r->ufrag);
		return NULL;
	}
	other = r->addr_verified ? NULL : demux_find_addr(&p->t->demux, &r->addr);
	if (other && other != p && holds_address(other, &r->addr, p->now))
		return "another peer is at this address";
	p->sdp_addr = r->addr;
	if (!r->addr_verified) /* else its owner knows what is whose */
		demux_put_addr(&p->t->demux, &p->sdp_node, &p->sdp_addr, p);
	return NULL;
}

/* The association that is there belongs to what the description says, or is none of it. */
static bool association_stays(struct peer *p, bool client, bool first)
{
	if (!p->dtls)
		return true;
	if (first)
		return !client && (p->no_ice || p->dtls_remote == p->ice.remote);
	return !dtls_is_done(p->dtls) || dtls_matches(p->dtls, &p->prints);
}

static void new_association(struct peer *p)
{
	dc_on_down(&p->dc);
	take_down_layers(p);
	p->stats.at.dtls = p->stats.at.sctp = 0;
	if (p->state > PEER_CHECKING)
		set_state(p, PEER_CHECKING, "");
}

static void replay_dtls(struct peer *p)
{
	struct peer_held early[PEER_MAX_EARLY];
	unsigned n = p->nheld;

	memcpy(early, p->held, n * sizeof(early[0]));
	p->nheld = 0;
	for (unsigned i = 0; i < n; i++) {
		if (early[i].sctp) {
			p->held[p->nheld++] = early[i];
			continue;
		}
		if (p->state != PEER_CLOSED)
			on_dtls(p, (struct ar_span){early[i].data, early[i].n}, &early[i].from);
		free(early[i].data);
	}
}

static void apply_remote(struct peer *p, const struct peer_remote *r, bool first)
{
	uint16_t old_port = p->sctp_port;
	bool stays = association_stays(p, p->client, first);

	p->sctp_port = r->sctp_port;
	if (!stays) {
		new_association(p);
	} else if (p->sctp && old_port != p->sctp_port) { /* RFC 8841 9.3 */
		dc_on_down(&p->dc);
		ar_sctp_free(p->sctp);
		p->sctp = NULL;
		p->handshake_by = p->now + HANDSHAKE_TIME;
		set_state(p, PEER_HANDSHAKE, "");
		p->sctp_at = p->now + SCTP_WAIT;
	}
	if (p->dtls)
		dtls_set_prints(p->dtls, &p->prints);
	if (first)
		set_state(p, PEER_CHECKING, "");
	if (p->no_ice || ice_is_reached(&p->ice) || p->dtls)
		begin(p);
	check_identity(p);
	replay_dtls(p);
}

int peer_set_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
{
	bool no_ice = r->ice_lite || !r->ufrag.n, first = !p->known;
	struct cert_prints prints = {0};

	if (p->state == PEER_CLOSED) {
		*why = "the peer is closed";
		return -EINVAL;
	}
	*why = check_remote(r, no_ice, &prints);
	if (*why)
		return -EINVAL;
	enter(p, now);
	*why = use_address(p, r, no_ice);
	if (!*why) {
		p->no_ice = no_ice;
		p->addr_verified = r->addr_verified;
		p->prints = prints;
		p->max_message = r->max_message_size && r->max_message_size < PEER_MAX_MESSAGE
					 ? (size_t)r->max_message_size
					 : PEER_MAX_MESSAGE;
		if (first || !p->dtls)
			p->client = r->setup == AR_SETUP_ACTIVE;
		p->known = true;
		apply_remote(p, r, first);
	}
	leave(p);
	return *why ? -EINVAL : 0;
}

void peer_input(struct peer *p, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	p->stats.rx_packets++;
	p->stats.rx_bytes += d.n;
	if (p->state == PEER_CLOSED) {
		p->stats.dropped++;
		return;
	}
	enter(p, now);
	switch (demux_classify(d)) {
	case DEMUX_STUN:
		on_stun(p, d, from);
		break;
	case DEMUX_DTLS:
		on_dtls(p, d, from);
		break;
	case DEMUX_OTHER:
		p->stats.dropped++;
		break;
	}
	leave(p);
}

/* RFC 7675; without ICE the answers to our heartbeats stand for the checks. */
static uint64_t consent_until(const struct peer *p)
{
	uint64_t seen = p->no_ice ? p->heard : p->ice.seen;

	return p->known && seen ? seen + ICE_CONSENT : AR_NEVER;
}

uint64_t peer_next_timeout(const struct peer *p)
{
	uint64_t at = p->sctp_at < p->handshake_by ? p->sctp_at : p->handshake_by;
	uint64_t other = consent_until(p);

	if (p->state == PEER_CLOSED)
		return p->doomed ? 0 : AR_NEVER;
	if (p->dtls && dtls_next_timeout(p->dtls) < other)
		other = dtls_next_timeout(p->dtls);
	return at < other ? at : other;
}

void peer_on_timer(struct peer *p, uint64_t now)
{
	enter(p, now);
	if (p->state != PEER_CLOSED && now >= consent_until(p))
		fail(p, p->no_ice ? "nothing heard for 30 s" : "no ICE consent for 30 s");
	if (p->state != PEER_CLOSED && now >= p->handshake_by)
		fail(p, p->verified ? "SCTP association not made in 30 s"
				    : "DTLS handshake not finished in 30 s");
	if (p->state != PEER_CLOSED && p->dtls && now >= dtls_next_timeout(p->dtls))
		dtls_result(p, dtls_on_timer(p->dtls, now));
	if (p->state != PEER_CLOSED && now >= p->sctp_at)
		start_sctp(p);
	leave(p);
}

int peer_send(struct peer *p, uint16_t id, enum peer_kind kind, struct ar_span data)
{
	int err;

	if (p->state != PEER_CONNECTED)
		return -ENOTCONN;
	if (data.n > p->max_message)
		return -EMSGSIZE;
	err = dc_send(&p->dc, id, kind, data);
	if (err)
		return err;
	p->stats.tx_messages++;
	if (p->watch && peer_buffered(p) >= p->watch)
		p->watch_above = true;
	return 0;
}

size_t peer_buffered(const struct peer *p)
{
	return p->sctp ? ar_sctp_buffered(p->sctp) : 0;
}

void peer_watch_buffered(struct peer *p, size_t below)
{
	p->watch = below;
	p->watch_above = below && peer_buffered(p) >= below;
}

size_t peer_max_message(const struct peer *p)
{
	return p->max_message;
}

int peer_open_channel(struct peer *p, const struct peer_channel *ch)
{
	return p->state == PEER_CONNECTED ? dc_open(&p->dc, ch) : -ENOTCONN;
}

int peer_close_channel(struct peer *p, uint16_t id)
{
	int err;

	if (p->state != PEER_CONNECTED)
		return -ENOTCONN;
	enter(p, p->now);
	err = dc_close(&p->dc, id);
	leave(p);
	return err;
}

enum peer_state peer_state(const struct peer *p)
{
	return p->state;
}

const char *peer_state_name(enum peer_state s)
{
	return s <= PEER_CLOSED ? state_names[s] : "?";
}

void peer_get_stats(const struct peer *p, struct peer_stats *s)
{
	const struct peer_addr *to = path((struct peer *)p);

	*s = p->stats;
	s->dropped += p->dc.dropped;
	if (p->dtls)
		s->dtls_bad += dtls_bad(p->dtls);
	s->rtt_us = p->sctp ? ar_sctp_rtt_us(p->sctp) : 0;
	if (to)
		s->selected = *to;
}
