/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/peer_int.h"
#include "common/daemon/ar_clock.h"
#include "mediad/net/peer_addr.h"

#include <errno.h>
#include <stdlib.h>

static const char *check_dtls(
	const struct peer_remote *r, enum peer_media media, struct cert_prints *prints)
{
	for (unsigned i = 0; i < r->nfingerprint; i++) {
		if (cert_prints_add(prints, r->fingerprint[i]) != 0)
			continue; /* one of several may be of a kind that we do not know */
	}
	if (!prints->n)
		return "no usable a=fingerprint (SHA-256, SHA-384, SHA-512 or SHA-1)";
	if (r->setup != AR_SETUP_ACTIVE && r->setup != AR_SETUP_PASSIVE)
		return "a=setup is not settled";
	if (media == PEER_DATA && !r->sctp_port)
		return "a=sctp-port is missing or 0";
	return NULL;
}

static const char *check_remote(
	const struct peer_remote *r, enum peer_media media, bool no_ice, struct cert_prints *prints)
{
	const char *why = media <= PEER_DTLS_SRTP ? check_dtls(r, media, prints) : NULL;

	if (why)
		return why;
	if (media == PEER_SDES_SRTP && (!r->keys || r->keys->profile == RTPSEC_NONE))
		return "no usable a=crypto";
	if (no_ice && !r->addr.len)
		return "no ICE checks will come and there is no usable address";
	if (!no_ice && (r->ufrag.n < 4 || r->ufrag.n > ICE_MAX_CRED))
		return "a=ice-ufrag is not 4 to 256 characters";
	if (!no_ice && (r->pwd.n < 22 || r->pwd.n > ICE_MAX_CRED))
		return "a=ice-pwd is not 22 to 256 characters";
	return NULL;
}

static bool same_place(const struct peer *p, const struct peer_remote *r)
{
	return p->known && p->no_ice && p->media > PEER_DTLS_SRTP &&
	       peer_addr_eq(&p->signalled, &r->addr);
}

static const char *check_address(struct peer *p, const struct peer_remote *r, uint64_t now)
{
	struct peer *other;

	if (r->addr_verified || same_place(p, r))
		return NULL;
	other = demux_find_addr(&p->t->demux, &r->addr);
	return other && other != p && peer_holds_address(other, &r->addr, now)
		       ? "another peer is at this address"
		       : NULL;
}

static void use_address(
	struct peer *p, const struct peer_remote *r, bool no_ice, const struct cert_prints *prints)
{
	/* a fork that had been named before is another UE: it is not heard any more */
	if (r->ufrag.n)
		ice_set_remote(&p->ice, r->ufrag,
			p->media > PEER_DTLS_SRTP || cert_prints_eq(&p->prints, prints));
	if (!no_ice) {
		demux_remove(&p->sdp_node);
		return;
	}
	if (same_place(p, r))
		return; /* what it has been corrected to stays */
	p->sdp_addr = p->signalled = r->addr;
	if (!r->addr_verified) /* else its owner knows what is whose */
		demux_put_addr(&p->t->demux, &p->sdp_node, &p->sdp_addr, p);
}

/* The one that is named now has begun a handshake of its own: a fork, and no other. */
static bool has_own_hello(struct peer *p)
{
	for (unsigned i = 0; i < p->nheld; i++) {
		const struct peer_held *h = &p->held[i];
		const struct ice_pair *pair = h->sctp ? NULL : ice_find(&p->ice, &h->from);

		if (pair && pair->remote == p->ice.remote &&
			peer_hello_is_other(p, (struct ar_span){h->data, h->n}))
			return true;
	}
	return false;
}

/* What began before the description: of the named one? A UE in a call that gets an offer of ours
 * checks and begins with its old ufrag, and answers with a new one (libwebrtc, ICE restart); its
 * certificate tells it from a fork, or a hello of its own. */
static bool early_stays(struct peer *p)
{
	if (p->no_ice || p->dtls_remote == p->ice.remote)
		return true;
	if (dtls_is_done(p->dtls))
		return dtls_matches(p->dtls, &p->prints);
	p->doubt = !has_own_hello(p);
	return p->doubt;
}

/* The association that is there belongs to what the description says, or is none of it. same: the
 * fingerprints are those of before. */
static bool association_stays(struct peer *p, bool client, bool first, bool same)
{
	if (!p->dtls)
		return true;
	if (first)
		return !client && early_stays(p);
	return dtls_is_done(p->dtls) ? dtls_matches(p->dtls, &p->prints) : same;
}

static void new_association(struct peer *p)
{
	dc_on_down(&p->dc);
	peer_take_down(p);
	peer_drop_early(p);
	p->heard_at.len = 0;
	p->stats.at.dtls = p->stats.at.sctp = 0;
	if (p->state > PEER_CHECKING)
		peer_set_state(p, PEER_CHECKING, "");
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
			peer_on_dtls(
				p, (struct ar_span){early[i].data, early[i].n}, &early[i].from);
		free(early[i].data);
	}
}

static void apply_remote(struct peer *p, const struct peer_remote *r, bool first, bool same)
{
	bool client = r->setup == AR_SETUP_ACTIVE;
	uint16_t old_port = p->sctp_port;

	p->sctp_port = r->sctp_port;
	if (!association_stays(p, client, first, same)) {
		new_association(p);
		p->client = client;
	} else if (p->sctp && old_port != p->sctp_port) { /* RFC 8841 9.3 */
		dc_on_down(&p->dc);
		ar_sctp_free(p->sctp);
		p->sctp = NULL;
		p->handshake_by = p->now + PEER_HANDSHAKE_TIME;
		peer_set_state(p, PEER_HANDSHAKE, "");
		p->sctp_at = p->now + PEER_SCTP_WAIT;
	}
	if (p->dtls)
		dtls_set_prints(p->dtls, &p->prints);
	if (first)
		peer_set_state(p, PEER_CHECKING, "");
	if (p->media > PEER_DTLS_SRTP) {
		peer_rtp_keys(p, r);
		peer_rtp_set_rtcp(p, p->no_ice ? r->rtcp_port : 0);
	}
	if (p->no_ice || ice_is_reached(&p->ice) || p->dtls)
		peer_begin(p);
	peer_check_identity(p);
	replay_dtls(p);
}

/* a=ice-lite is of a whole description, and a relay on the way sets it for what it relays itself.
 * A UE that has sent checks is none: this one, before, or whoever has that ufrag. */
static bool is_without_ice(
	const struct peer *p, const struct peer_remote *r, const struct cert_prints *prints)
{
	if (!r->ufrag.n)
		return true;
	if (!r->ice_lite || ice_has_heard(&p->ice, r->ufrag))
		return false;
	return !p->known || p->no_ice || !p->dtls || !dtls_matches(p->dtls, prints);
}

static const char *check_all(
	struct peer *p, const struct peer_remote *r, struct cert_prints *prints, uint64_t now)
{
	bool no_ice = r->ice_lite || !r->ufrag.n;
	const char *why = check_remote(r, p->media, no_ice, prints);

	return why || !is_without_ice(p, r, prints) ? why : check_address(p, r, now);
}

int peer_check_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
{
	struct cert_prints prints = {0};

	*why = check_all(p, r, &prints, now);
	return *why ? -EINVAL : 0;
}

int peer_set_remote(struct peer *p, const struct peer_remote *r, uint64_t now, const char **why)
{
	bool first = !p->known, no_ice, same;
	struct cert_prints prints = {0};

	*why = p->state == PEER_CLOSED ? "the peer is closed" : check_all(p, r, &prints, now);
	if (*why)
		return -EINVAL;
	peer_enter(p, now);
	no_ice = is_without_ice(p, r, &prints);
	use_address(p, r, no_ice, &prints);
	same = cert_prints_eq(&p->prints, &prints);
	p->no_ice = no_ice;
	p->addr_verified = r->addr_verified;
	p->prints = prints;
	p->max_message = r->max_message_size && r->max_message_size < PEER_MAX_MESSAGE
				 ? (size_t)r->max_message_size
				 : PEER_MAX_MESSAGE;
	if (first || !p->dtls)
		p->client = r->setup == AR_SETUP_ACTIVE;
	p->known = true;
	apply_remote(p, r, first, same);
	peer_leave(p);
	return 0;
}
