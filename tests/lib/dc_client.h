/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A UE for tests and benchmarks: full ICE agent (controlling, one candidate pair, consent) in front
 * of an ordinary struct peer as DTLS, SCTP and data channel stack. No socket, no clock; many
 * clients may share one transport.
 *
 *   dc_client_new()        makes it; its ufrag, pwd and transport_fingerprint() are its description
 *   peer_set_remote(...)   at the server, with those
 *   dc_client_start()      with the server's description: checks, then DTLS, SCTP, channels
 */
#ifndef DC_CLIENT_H
#define DC_CLIENT_H

#include "mediad/transport.h"

struct dc_client;

struct dc_client_server { /* the server's description; copied */
	const char *ufrag, *pwd, *fingerprint;
	struct peer_addr addr;
	enum ar_setup setup; /* ours: ACTIVE (DTLS client) or PASSIVE */
	bool no_ice; /* we are ICE-lite too: no checks, DTLS at once */
	uint16_t sctp_port; /* 0: 5000 */
	uint64_t max_message_size; /* of the server; 0: any */
};

/* channel: negotiated ones; in-band ones are opened with peer_open_channel(). h->send takes the
 * checks too. Exits when out of memory. */
struct dc_client *dc_client_new(struct transport *t, const struct peer_channel *channel,
	unsigned nchannel, const struct peer_handlers *h, void *arg, uint64_t now);
void dc_client_free(struct dc_client *c);
void dc_client_start(struct dc_client *c, const struct dc_client_server *s, uint64_t now);
/* New local credentials; checks begin anew with the server's (ICE restart, or an address change).
 */
void dc_client_restart(struct dc_client *c, const struct dc_client_server *s, uint64_t now);
/* No more checks: consent runs out at the server. */
void dc_client_silence(struct dc_client *c);

const char *dc_client_ufrag(const struct dc_client *c);
const char *dc_client_pwd(const struct dc_client *c);
struct peer *dc_client_peer(struct dc_client *c);
bool dc_client_checked(const struct dc_client *c); /* a check was answered */

void dc_client_input(
	struct dc_client *c, struct ar_span d, const struct peer_addr *from, uint64_t now);
/* Of the checks and the peer; the SCTP stack's own timers are the transport's. */
uint64_t dc_client_next_timeout(const struct dc_client *c);
void dc_client_on_timer(struct dc_client *c, uint64_t now);

#endif
