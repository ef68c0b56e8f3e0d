/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pair of legs, what they send, and a clock that a test sets: setup(), descriptions by add() into
 * ca and cb, connect_legs(), put_rtp(), then a look at out.
 */
#ifndef TWO_LEGS_H
#define TWO_LEGS_H

#include "mediad/armf/front/stream_int.h"

#define MAX_OUT 64
#define VP8_KEY 14

struct out {
	const void *leg;
	bool rtcp;
	size_t n;
	uint8_t d[STREAM_MAX_PACKET];
};

extern struct stream_front *front;
extern struct stream_leg *a, *b;
extern struct stream_conf ca, cb;
extern uint64_t now;
extern struct out out[MAX_OUT]; /* the last ones; nout of all */
extern unsigned nout;
extern const struct stream_handlers handlers;
extern const uint8_t vp8_key[VP8_KEY]; /* a payload */

int setup(void **state);
int teardown(void **state);
/* A codec to one side's description. */
void add(struct stream_side *s, const char *name, uint8_t pt, uint32_t clock_hz, const char *fmtp);
void describe(struct stream_conf *c, bool video);
/* Each side has on the wire what we have; both legs are up. */
void connect_legs(void);
void put_rtp(
	struct stream_leg *l, uint8_t pt, uint16_t seq, uint32_t ssrc, const void *body, size_t n);
/* What was sent to that leg: the last packet, how many of those in out. */
struct rtp_packet last_rtp(const struct stream_leg *l);
unsigned sent_rtp(const struct stream_leg *l);

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
