/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/peer_int.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/dtls/record.h"
#include "mediad/net/peer_addr.h"

#include <errno.h>
#include <stdlib.h>

#define SCTP_PORT 5000
#define HEARTBEAT_MS 5000 /* where no ICE consent shows that the UE is there */
#define UE_HEARTBEAT_MS 10000 /* of a UE (tests), which hears nothing else: three in its 30 s */
#define ADDRESS_HELD (15 * AR_SEC) /* a UE's address is not given to another peer for so long */

/* Every entry that may change something runs between these two; teardown waits for the last. */
void peer_enter(struct peer *p, uint64_t now)
{
	p->t->depth++;
	if (now > p->now)
		p->now = now;
}

/* A deadline that has moved away is looked at again when the one that is queued comes: every check
 * of every idle UE moves it. */
static void rearm(struct peer *p)
{
	uint64_t at = peer_next_timeout(p);

	if (!p->timer.pos || at < p->timer.at || at == AR_NEVER)
		timerq_set(&p->t->timers, &p->timer, at);
}

void peer_leave(struct peer *p)
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
const struct peer_addr *peer_path(struct peer *p)
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

void peer_transmit(struct peer *p, struct ar_span d, const struct peer_addr *to)
{
	if (!to)
		return;
	p->stats.tx_packets++;
	p->stats.tx_bytes += d.n;
	p->h.send(p->arg, d, to);
}

void peer_set_state(struct peer *p, enum peer_state state, const char *reason)
{
	AR_LOG_CALL(p->log_call);

	if (p->state == PEER_CLOSED || p->state == state)
		return;
	p->state = state;
	ar_log(AR_LOG_DEBUG, "peer", "%s: %s%s%s", p->ice.local.ufrag, peer_state_name(state),
		*reason ? ": " : "", reason);
	p->h.on_state(p->arg, state, reason);
}

void peer_doom(struct peer *p)
{
	if (p->doomed || p->freed_layers)
		return;
	p->doomed = true;
	p->next_doomed = p->t->doomed;
	p->t->doomed = p;
}

void peer_fail(struct peer *p, const char *reason)
{
	peer_set_state(p, PEER_CLOSED, reason);
	peer_doom(p);
}

void peer_drop_held(struct peer *p)
{
	for (unsigned i = 0; i < p->nheld; i++)
		free(p->held[i].data);
	p->nheld = 0;
}

void peer_drop_early(struct peer *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nheld; i++) {
		if (p->held[i].sctp)
			free(p->held[i].data);
		else
			p->held[n++] = p->held[i];
	}
	p->nheld = n;
}

/* Upper layers first: each says good-bye through the ones below it. */
void peer_take_down(struct peer *p)
{
	ar_sctp_free(p->sctp);
	p->sctp = NULL;
	if (p->dtls) {
		p->stats.dtls_bad += dtls_bad(p->dtls);
		dtls_close(p->dtls);
	}
	dtls_free(p->dtls);
	p->dtls = NULL;
	p->doubt = false;
	peer_rtp_down(p);
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
		peer_take_down(p);
		peer_drop_held(p);
		rearm(p);
	}
}

/* The same message once more, as a UE that hears nothing sends it: only the number of its record is
 * another one. */
static bool is_held(const struct peer *p, struct ar_span d, const struct peer_addr *from, bool sctp)
{
	size_t head = sctp ? 0 : DTLS_RECORD_HEAD;

	for (unsigned i = 0; i < p->nheld; i++) {
		const struct peer_held *h = &p->held[i];

		if (h->sctp == sctp && h->n == d.n && d.n > head && peer_addr_eq(&h->from, from) &&
			memcmp(h->data + head, d.p + head, d.n - head) == 0)
			return true;
	}
	return false;
}

static unsigned held_of(const struct peer *p, const struct peer_addr *from)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nheld; i++)
		n += peer_addr_eq(&p->held[i].from, from);
	return n;
}

/* Who has most gives its last up for one who has fewer: every fork has its place. */
static bool make_room(struct peer *p, const struct peer_addr *from)
{
	unsigned mine = held_of(p, from), most = 0, at = 0;

	if (p->nheld < PEER_MAX_EARLY)
		return true;
	for (unsigned i = 0; i < p->nheld; i++) {
		unsigned n = held_of(p, &p->held[i].from);

		if (n >= most) {
			most = n;
			at = i;
		}
	}
	if (most < mine + 2)
		return false;
	p->stats.early_dropped++;
	free(p->held[at].data);
	p->nheld--;
	memmove(&p->held[at], &p->held[at + 1], (p->nheld - at) * sizeof(p->held[0]));
	return true;
}

static void hold(struct peer *p, struct ar_span d, const struct peer_addr *from, bool sctp)
{
	char *copy;

	if (is_held(p, d, from, sctp))
		return;
	copy = make_room(p, from) ? malloc(d.n ? d.n : 1) : NULL;
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

const struct dc_handlers peer_dc_handlers = {dc_opened, dc_closed, dc_message};

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
	peer_set_state(p, PEER_CONNECTED, "");
	if (p->state == PEER_CONNECTED)
		dc_on_up(&p->dc, p->sctp, p->client, streams);
	leave_upcall(p);
}

static void sctp_down(void *arg, const char *why)
{
	struct peer *p = arg;

	enter_upcall(p);
	peer_fail(p, why);
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

#define RATE_OVER (50 * AR_MS)
#define RATE_PAUSE (500 * AR_MS)

static void measure_rate(struct peer *p)
{
	uint64_t there = p->given - peer_buffered(p), took = p->now - p->rate_at;

	if (took < RATE_OVER)
		return;
	p->rate = took < RATE_PAUSE ? (uint32_t)((there - p->rate_from) * AR_SEC / took) : 0;
	p->rate_at = p->now;
	p->rate_from = there;
}

static void sctp_acked(void *arg)
{
	struct peer *p = arg;

	measure_rate(p);
	if (!p->watch_above || p->state != PEER_CONNECTED || peer_buffered(p) >= p->watch)
		return;
	p->watch_above = false;
	enter_upcall(p);
	p->h.on_writable(p->arg);
	leave_upcall(p);
}

static const struct ar_sctp_handlers sctp_handlers = {
	sctp_send, sctp_up, sctp_down, sctp_message, sctp_reset, sctp_acked};

void peer_start_sctp(struct peer *p)
{
	struct ar_sctp_conf conf = {.local_port = SCTP_PORT,
		.remote_port = p->sctp_port,
		.streams = dc_streams(&p->dc),
		.heartbeat_ms = p->addr_verified ? UE_HEARTBEAT_MS
				: p->no_ice      ? HEARTBEAT_MS
						 : 0};

	p->sctp_at = AR_NEVER;
	if (ar_sctp_new(&p->sctp, &conf, &sctp_handlers, p, p->now) != 0)
		peer_fail(p, "cannot make an SCTP association");
}

static void sctp_input(struct peer *p, struct ar_span packet)
{
	if (!p->sctp)
		peer_start_sctp(p);
	if (p->sctp && p->state != PEER_CLOSED)
		ar_sctp_input(p->sctp, packet, p->now);
}

/* --- DTLS ------------------------------------------------------------------------------------ */

static void dtls_out(void *arg, struct ar_span datagram)
{
	struct peer *p = arg;

	peer_transmit(p, datagram, peer_path(p));
}

static void dtls_data(void *arg, struct ar_span packet)
{
	struct peer *p = arg;

	if (p->state == PEER_CLOSED)
		return;
	if (p->media != PEER_DATA) { /* nothing of ours runs over DTLS there */
		p->stats.dropped++;
		return;
	}
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
		.srtp = p->media != PEER_DATA,
		.unverified = p->no_ice && !p->addr_verified ? &p->sdp_addr : NULL};
	int err = dtls_new(&p->dtls, p->t->dtls, &conf, &dtls_handlers, p);

	if (err) {
		peer_fail(p, "out of memory for DTLS");
		return err;
	}
	if (p->known)
		dtls_set_prints(p->dtls, &p->prints);
	return 0;
}

/* The handshake is complete and the description known: is it the right UE? */
void peer_check_identity(struct peer *p)
{
	struct peer_held early[PEER_MAX_EARLY];
	unsigned n = p->nheld;

	if (!p->dtls || !dtls_is_done(p->dtls) || !p->known || p->stats.at.dtls)
		return;
	if (!dtls_verify(p->dtls)) {
		p->stats.dtls_bad++;
		peer_fail(p, "certificate does not match a=fingerprint");
		return;
	}
	p->verified = true;
	peer_hello_done(p);
	p->stats.at.dtls = age(p);
	if (p->media != PEER_DATA) {
		peer_rtp_up(p);
		return;
	}
	if (!p->sctp)
		p->sctp_at = p->now + (p->addr_verified ? 0 : PEER_SCTP_WAIT);
	memcpy(early, p->held, n * sizeof(early[0]));
	p->nheld = 0;
	for (unsigned i = 0; i < n; i++) {
		if (early[i].sctp && p->state != PEER_CLOSED)
			sctp_input(p, (struct ar_span){early[i].data, early[i].n});
		free(early[i].data);
	}
}

static void end_handshake(struct peer *p)
{
	dtls_free(p->dtls);
	p->dtls = NULL;
	p->doubt = false;
}

void peer_dtls_result(struct peer *p, int err)
{
	if (err == -EACCES)
		p->stats.dtls_bad++;
	/* without ICE nobody has shown to be at this address: a forged hello must not end the call;
	 * nor must a fork that came early and went, before it is known who answers */
	if (err && (!p->known || p->doubt || (err == -EPROTO && p->no_ice && !p->client))) {
		p->stats.dtls_bad++;
		end_handshake(p);
		peer_drop_early(p);
		return;
	}
	if (!err && dtls_is_done(p->dtls))
		p->doubt = false;
	if (err)
		peer_fail(p, dtls_why(p->dtls));
	else
		peer_check_identity(p);
}

static void feed_dtls(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	if (!peer_hello_passes(p, d, from))
		return;
	p->heard_at = *from;
	if (p->doubt && peer_hello_is_other(p, d))
		end_handshake(p); /* that was a fork's */
	if (!p->dtls) {
		if (make_dtls(p) != 0)
			return;
		peer_hello_note(p, d);
	}
	peer_dtls_result(p, dtls_input(p->dtls, d, p->now));
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

void peer_on_dtls(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	struct ice_pair *pair = p->no_ice ? NULL : ice_find(&p->ice, from);

	if (p->media > PEER_DTLS_SRTP ||
		(p->no_ice ? !peer_addr_eq(from, &p->sdp_addr)
			   : !pair || (p->known && !ice_is_ours(&p->ice, pair)))) {
		p->stats.dropped++;
		return;
	}
	if (pair && !p->known) {
		early_dtls(p, d, pair);
		return;
	}
	if (pair)
		ice_on_data(&p->ice, pair);
	peer_begin(p);
	if (p->state != PEER_CLOSED)
		feed_dtls(p, d, from);
}

/* --- ICE ------------------------------------------------------------------------------------- */

/* The UE is reachable: DTLS may start. */
void peer_begin(struct peer *p)
{
	if (p->state != PEER_CHECKING)
		return;
	if (p->media > PEER_DTLS_SRTP) {
		if (!p->stats.at.ice)
			p->stats.at.ice = age(p);
		peer_set_state(p, PEER_CONNECTED, "");
		return;
	}
	p->handshake_by = p->now + PEER_HANDSHAKE_TIME;
	if (!p->stats.at.ice)
		p->stats.at.ice = age(p);
	peer_set_state(p, PEER_HANDSHAKE, "");
	if (p->state == PEER_HANDSHAKE && p->client && !p->dtls && make_dtls(p) == 0)
		peer_dtls_result(p, dtls_start(p->dtls, p->now));
}

/* Does the peer still use this address? Two may not have one, and the first keeps it. */
bool peer_holds_address(struct peer *p, const struct peer_addr *a, uint64_t now)
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
	if (other && other != p && peer_holds_address(other, &out->pair->addr, p->now)) {
		p->stats.dropped++;
		return;
	}
	demux_put_addr(&p->t->demux, n, &out->pair->addr, p);
}

void peer_on_stun(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	struct ice_out out;

	ice_input(&p->ice, d, from, p->now, &out);
	if (p->no_ice) {
		/* said to be ICE-lite, and sends checks: it is not (peer_remote.c); but a fork that
		 * has the same offer of ours is another UE */
		if (out.verdict != ICE_OK || p->media > PEER_DTLS_SRTP || !p->ice.remote ||
			out.pair->remote != p->ice.remote) {
			p->stats.dropped++;
			return;
		}
		p->no_ice = false;
		demux_remove(&p->sdp_node);
	}
	if (out.nreply)
		peer_transmit(p, (struct ar_span){(char *)out.reply, out.nreply}, from);
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
		peer_begin(p);
}
