/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another UE in a flow, with a certificate and an address of its own: one of several that an offer
 * of ours rings, or the same one come back. It begins ICE and DTLS at once; what it sees is noted
 * in its side.
 */
#ifndef FORK_H
#define FORK_H

#include "tests/flow/flow.h"

struct fork {
	struct flow_side side;
	struct dc_client *client;
	struct transport *t;
};

extern const struct peer_handlers fork_handlers; /* arg: struct fork */

/* server: the peer whose offer it has. As DTLS client. */
void fork_add(struct flow *f, struct fork *k, struct peer *server, const char *host);
/* The same with a DTLS role: active, the UE is the client. */
void fork_add_as(
	struct flow *f, struct fork *k, struct peer *server, const char *host, bool active);
void fork_remove(struct flow *f, struct fork *k);
/* Its description reaches the server; passive: the server is DTLS client. 0 or what
 * peer_set_remote() says. */
void fork_answer(struct peer *server, const struct fork *k, bool passive);

#endif
