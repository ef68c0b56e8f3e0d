/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test double of mediad/peer.h and mediad/transport.h: no ICE, DTLS or SCTP. The test says when a
 * connection comes up, what arrives, and how much the line takes, and reads what was sent.
 */
#ifndef FAKE_PEER_H
#define FAKE_PEER_H

#include "mediad/transport.h"

/* All peers of one transport, in order of peer_new(); NULL: fewer, or freed. */
struct peer *fake_peer(unsigned i);
unsigned fake_live(void); /* peers not freed yet */
void fake_fail_next_new(int err);

/* Takes the line to connected and opens the channels of its dcmap. */
void fake_connect(struct peer *p);
void fake_state(struct peer *p, enum peer_state s, const char *reason);
/* A channel of the UE's making (DCEP). */
void fake_open(struct peer *p, uint16_t id, const char *subprotocol, bool ordered, int max_retr);
void fake_close_channel(struct peer *p, uint16_t id);
void fake_deliver(struct peer *p, uint16_t id, const char *text);
void fake_deliver_n(struct peer *p, uint16_t id, const char *text, size_t n);

struct fake_message {
	uint16_t id;
	enum peer_kind kind;
	char *text; /* terminated; valid until the next fake_take() on this peer */
	size_t n;
};
/* Next message sent to the UE on any channel (id UINT16_MAX) or on this one. */
bool fake_take(struct peer *p, uint16_t id, struct fake_message *m);
unsigned fake_queued(struct peer *p);
void fake_drop_all(struct peer *p);

/* Messages stay "unacknowledged" until fake_ack(); off by default. */
void fake_hold(struct peer *p, bool on);
void fake_ack(struct peer *p);
void fake_set_max(struct peer *p, size_t max);
void fake_set_rtt(struct peer *p, uint32_t us);
void fake_fail_send(struct peer *p, int err); /* every send until 0 */

/* What peer_set_remote() got last. */
const struct peer_remote *fake_remote(const struct peer *p);
unsigned fake_remotes(const struct peer *p); /* times it was called */
unsigned fake_restarts(const struct peer *p);
void fake_refuse_remote(struct peer *p, const char *why);

#endif
