/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/peer.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/peer_int.h"

#include <errno.h>
#include <stdlib.h>

static const char *const state_names[] = {
	[PEER_WAITING] = "waiting",
	[PEER_CHECKING] = "checking",
	[PEER_HANDSHAKE] = "handshake",
	[PEER_CONNECTED] = "connected",
	[PEER_CLOSED] = "closed",
};

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
	p->media = conf->media;
	p->timer.owner = p;
	p->log_call = conf->log_call ? strdup(conf->log_call) : NULL;
	err = dc_init(&p->dc, conf->channel, conf->nchannel, &peer_dc_handlers, p, &why);
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
	peer_enter(p, p->now);
	p->state = PEER_CLOSED;
	peer_doom(p);
	peer_leave(p);
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
	peer_take_down(p);
	peer_drop_held(p);
	dc_free(&p->dc);
	for (unsigned i = 0; i < ICE_MAX_PAIRS; i++)
		demux_remove(&p->addr_node[i]);
	demux_remove(&p->ufrag_node[0]);
	demux_remove(&p->ufrag_node[1]);
	demux_remove(&p->sdp_node);
	demux_remove(&p->rtcp_node);
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
void peer_input(struct peer *p, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	p->stats.rx_packets++;
	p->stats.rx_bytes += d.n;
	if (p->state == PEER_CLOSED) {
		p->stats.dropped++;
		return;
	}
	peer_enter(p, now);
	switch (demux_classify(d)) {
	case DEMUX_STUN:
		peer_on_stun(p, d, from);
		break;
	case DEMUX_DTLS:
		peer_on_dtls(p, d, from);
		break;
	case DEMUX_RTP:
		peer_on_rtp(p, d, from);
		break;
	case DEMUX_OTHER:
		p->stats.dropped++;
		break;
	}
	peer_leave(p);
}

/* RFC 7675; without ICE the answers to our heartbeats stand for the checks. */
static uint64_t consent_until(const struct peer *p)
{
	uint64_t seen = p->no_ice ? p->heard : p->ice.seen;

	/* a UE on hold may say nothing for as long as it likes: the lease of the context ends it */
	if (p->no_ice && p->media != PEER_DATA)
		return AR_NEVER;
	return p->known && seen ? seen + ICE_CONSENT : AR_NEVER;
}

uint64_t peer_next_timeout(const struct peer *p)
{
	uint64_t at = p->sctp_at < p->handshake_by ? p->sctp_at : p->handshake_by;
	uint64_t other = consent_until(p);

	if (p->state == PEER_CLOSED)
		return p->doomed ? 0 : AR_NEVER;
	if (other != AR_NEVER) /* those of many UEs together */
		other += PEER_CONSENT_GRID - other % PEER_CONSENT_GRID;
	/* once connected no flight is left that might have to be repeated by itself */
	if (p->state != PEER_CONNECTED && p->dtls && dtls_next_timeout(p->dtls) < other)
		other = dtls_next_timeout(p->dtls);
	return at < other ? at : other;
}

void peer_on_timer(struct peer *p, uint64_t now)
{
	peer_enter(p, now);
	if (p->state != PEER_CLOSED && now >= consent_until(p))
		peer_fail(p, p->no_ice ? "nothing heard for 30 s" : "no ICE consent for 30 s");
	if (p->state != PEER_CLOSED && now >= p->handshake_by)
		peer_fail(p, p->verified ? "SCTP association not made in 30 s"
					 : "DTLS handshake not finished in 30 s");
	if (p->state != PEER_CLOSED && p->dtls && now >= dtls_next_timeout(p->dtls))
		peer_dtls_result(p, dtls_on_timer(p->dtls, now));
	if (p->state != PEER_CLOSED && now >= p->sctp_at)
		peer_start_sctp(p);
	peer_leave(p);
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
	p->given += data.n;
	if (p->watch && peer_buffered(p) >= p->watch)
		p->watch_above = true;
	return 0;
}

size_t peer_buffered(const struct peer *p)
{
	return p->sctp ? ar_sctp_buffered(p->sctp) : 0;
}

size_t peer_buffered_on(const struct peer *p, uint16_t id)
{
	return p->sctp ? ar_sctp_buffered_on(p->sctp, id) : 0;
}

uint32_t peer_rate(const struct peer *p)
{
	return p->rate;
}

void peer_watch_buffered(struct peer *p, size_t below)
{
	if (p->watch_above && below && below < p->watch)
		return; /* another channel's comes first, and everybody looks again then */
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
	peer_enter(p, p->now);
	err = dc_close(&p->dc, id);
	peer_leave(p);
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
	const struct peer_addr *to = peer_path((struct peer *)p);

	*s = p->stats;
	s->dropped += p->dc.dropped;
	if (p->sec) {
		const struct rtpsec_stats *r = rtpsec_stats(p->sec);

		s->srtp_bad += r->bad;
		s->srtp_replayed += r->replayed;
		s->srtp_ssrcs += r->too_many_ssrc;
	}
	if (p->dtls)
		s->dtls_bad += dtls_bad(p->dtls);
	s->rtt_us = p->sctp ? ar_sctp_rtt_us(p->sctp) : 0;
	if (to)
		s->selected = *to;
}
