/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RTP of a media peer: SRTP with keys of DTLS or of the description, or none at all. */
#include "mediad/peer_int.h"
#include "common/daemon/ar_clock.h"
#include "common/daemon/ar_log.h"
#include "mediad/net/peer_addr.h"

#include <errno.h>
#include <openssl/crypto.h>

#define MAX_LATCH_TRIES 32 /* keys that one stray datagram is tried with */

static bool is_rtcp(struct ar_span d)
{
	uint8_t type = (uint8_t)d.p[1];

	return type >= 192 && type <= 223; /* RFC 5761 4 */
}

/* ---- keys ---- */

static void drop_keys(struct peer *p)
{
	if (p->sec) {
		const struct rtpsec_stats *s = rtpsec_stats(p->sec);

		p->stats.srtp_bad += s->bad;
		p->stats.srtp_replayed += s->replayed;
		p->stats.srtp_ssrcs += s->too_many_ssrc;
	}
	rtpsec_free(p->sec);
	p->sec = NULL;
}

void peer_rtp_up(struct peer *p)
{
	struct peer_keys k = {.profile = RTPSEC_NONE};
	int err = dtls_srtp_keys(p->dtls, &k.profile, k.tx, k.rx);

	AR_LOG_CALL(p->log_call);
	drop_keys(p);
	if (!err)
		err = rtpsec_new(&p->sec, k.profile, k.tx, k.rx);
	explicit_bzero(&k.tx, sizeof(k.tx));
	explicit_bzero(&k.rx, sizeof(k.rx));
	if (err) {
		peer_fail(p, err == -ENOENT ? "the UE agreed on no SRTP profile"
					    : "no SRTP keys could be made");
		return;
	}
	p->handshake_by = AR_NEVER;
	ar_log(AR_LOG_DEBUG, "peer", "%s: SRTP %s", p->ice.local.ufrag, rtpsec_suite(k.profile));
	peer_set_state(p, PEER_CONNECTED, "");
}

static void unlist(struct peer *p)
{
	if (!p->prev_latch)
		return;
	*p->prev_latch = p->next_latch;
	if (p->next_latch)
		p->next_latch->prev_latch = p->prev_latch;
	p->prev_latch = NULL;
	p->next_latch = NULL;
}

static void enlist(struct peer *p)
{
	if (p->prev_latch)
		return;
	p->next_latch = p->t->latching;
	p->prev_latch = &p->t->latching;
	if (p->next_latch)
		p->next_latch->prev_latch = &p->next_latch;
	p->t->latching = p;
}

/* A description with other keys of one direction leaves the other direction as it is. */
static int take_keys(struct peer *p, const struct peer_keys *k)
{
	bool other = !p->sec || k->profile != p->keys.profile;
	bool tx = other || CRYPTO_memcmp(p->keys.tx, k->tx, sizeof(k->tx)) != 0;
	bool rx = other || CRYPTO_memcmp(p->keys.rx, k->rx, sizeof(k->rx)) != 0;

	p->keys = *k;
	if (p->sec && !other)
		return rtpsec_rekey(p->sec, k->profile, tx ? k->tx : NULL, rx ? k->rx : NULL);
	drop_keys(p);
	return rtpsec_new(&p->sec, k->profile, k->tx, k->rx);
}

void peer_rtp_keys(struct peer *p, const struct peer_remote *r)
{
	if (p->no_ice)
		enlist(p);
	else
		unlist(p);
	if (p->media == PEER_SDES_SRTP && take_keys(p, r->keys) != 0)
		peer_fail(p, "no SRTP keys could be made");
}

void peer_rtp_down(struct peer *p)
{
	drop_keys(p);
	unlist(p);
	explicit_bzero(&p->keys, sizeof(p->keys));
}

/* ---- a UE that does not multiplex RTCP with its RTP ---- */

static void put_rtcp(struct peer *p, const struct peer_addr *a)
{
	struct peer *other = demux_find_addr(&p->t->demux, a);

	p->rtcp_addr = *a;
	if (!other || other == p) /* else it is sent there, and what comes is the other's */
		demux_put_addr(&p->t->demux, &p->rtcp_node, &p->rtcp_addr, p);
}

void peer_rtp_set_rtcp(struct peer *p, uint16_t port)
{
	struct peer_addr a = p->signalled;

	if (port && p->rtcp_addr.len && port == p->rtcp_port && peer_addr_eq(&p->rtcp_of, &a))
		return; /* what it has been corrected to stays */
	demux_remove(&p->rtcp_node);
	p->rtcp_addr.len = 0;
	p->rtcp_port = port;
	p->rtcp_of = a;
	if (!port)
		return;
	peer_addr_set_port(&a, port);
	if (!peer_addr_eq(&a, &p->signalled))
		put_rtcp(p, &a);
}

/* ---- datagrams ---- */

/* Into the transport's buffer, decrypted. */
static int open_packet(struct peer *p, struct ar_span d, bool rtcp, size_t *n)
{
	if (d.n > PEER_MAX_RTP)
		return -EMSGSIZE;
	memcpy(p->t->rtp, d.p, d.n);
	*n = d.n;
	if (p->media == PEER_PLAIN_RTP)
		return 0;
	return p->sec ? rtpsec_unprotect(p->sec, p->t->rtp, n, rtcp) : -ENOTCONN;
}

static bool from_ours(struct peer *p, const struct peer_addr *from, bool rtcp)
{
	const struct ice_pair *pair;

	if (p->no_ice)
		return peer_addr_eq(from, &p->sdp_addr) ||
		       (rtcp && p->rtcp_addr.len && peer_addr_eq(from, &p->rtcp_addr));
	pair = ice_find(&p->ice, from);
	return pair && p->known && ice_is_ours(&p->ice, pair);
}

void peer_on_rtp(struct peer *p, struct ar_span d, const struct peer_addr *from)
{
	bool rtcp = is_rtcp(d);
	size_t n;
	int err;

	if (p->media == PEER_DATA || !p->h.on_rtp) {
		p->stats.dropped++;
		return;
	}
	/* before the keys: what is lost here, a key frame makes up for */
	if (p->state != PEER_CONNECTED) {
		p->stats.early_dropped++;
		p->t->stats.rtp_early++;
		return;
	}
	if (!from_ours(p, from, rtcp)) {
		p->stats.dropped++;
		return;
	}
	err = open_packet(p, d, rtcp, &n);
	if (err) {
		p->stats.dropped++;
		if (err == -ENOSPC)
			ar_log_limited(AR_LOG_WARN, "peer",
				"%s: more than %d SSRCs under one key, or one of long ago: packets "
				"dropped",
				p->ice.local.ufrag, RTPSEC_MAX_SSRC + RTPSEC_MAX_GONE);
		if (err == -EALREADY)
			p->t->stats.srtp_replayed++;
		else
			p->t->stats.srtp_bad++;
		return;
	}
	if (!rtcp || !p->rtcp_addr.len)
		p->heard = p->now;
	p->h.on_rtp(p->arg, p->t->rtp, n, rtcp);
}

int peer_send_rtp(struct peer *p, uint8_t *packet, size_t n, size_t cap, bool rtcp)
{
	const struct peer_addr *to = rtcp && p->rtcp_addr.len ? &p->rtcp_addr : peer_path(p);
	int err = 0;

	if (p->state != PEER_CONNECTED || (!p->sec && p->media != PEER_PLAIN_RTP))
		return -ENOTCONN;
	if (p->sec)
		err = rtpsec_protect(p->sec, packet, &n, cap, rtcp);
	if (!err)
		peer_transmit(p, (struct ar_span){(char *)packet, n}, to);
	return err;
}

/* ---- an address other than the description's (NAT, or a UE that sends from elsewhere) ---- */

static bool same_host(const struct peer_addr *a, const struct peer_addr *b)
{
	const struct sockaddr_in *a4 = (const void *)&a->ss, *b4 = (const void *)&b->ss;
	const struct sockaddr_in6 *a6 = (const void *)&a->ss, *b6 = (const void *)&b->ss;

	if (a->ss.ss_family != b->ss.ss_family)
		return false;
	if (a->ss.ss_family == AF_INET6)
		return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
	return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* SRTP proves who it is. Plain RTP proves nothing: the same host only, and only while its address
 * is silent. */
static bool may_latch(struct peer *p, struct ar_span d, const struct peer_addr *from, uint64_t now,
	unsigned *tries)
{
	bool own_port = p->rtcp_addr.len && is_rtcp(d); /* of RTCP: that RTP comes says nothing */
	size_t n;

	if (p->state != PEER_CONNECTED ||
		(!own_port && p->heard && now - p->heard < PEER_LATCH_AFTER))
		return false;
	if (p->media == PEER_PLAIN_RTP)
		return same_host(from, &p->signalled) && d.n >= (own_port ? 8 : 12);
	if (!p->sec || !*tries)
		return false;
	--*tries;
	return open_packet(p, d, is_rtcp(d), &n) == 0;
}

static void latch(struct peer *p, const struct peer_addr *from, bool rtcp, uint64_t now)
{
	if (rtcp && p->rtcp_addr.len) {
		p->rtcp_addr = *from;
		demux_put_addr(&p->t->demux, &p->rtcp_node, &p->rtcp_addr, p);
		return;
	}
	p->sdp_addr = *from;
	p->heard = now;
	demux_put_addr(&p->t->demux, &p->sdp_node, &p->sdp_addr, p);
}

struct peer *peer_latch(
	struct transport *t, struct ar_span d, const struct peer_addr *from, uint64_t now)
{
	unsigned left = MAX_LATCH_TRIES;

	if (transport_is_blamed(t, from, now))
		return NULL;
	for (struct peer *p = t->latching; p; p = p->next_latch) {
		if (!may_latch(p, d, from, now, &left))
			continue;
		p->stats.latched++;
		latch(p, from, is_rtcp(d), now);
		/* the packet itself has passed the replay window: the next one counts */
		return p->media == PEER_PLAIN_RTP ? p : NULL;
	}
	transport_blame(t, from, now);
	return NULL;
}
