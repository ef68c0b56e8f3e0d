/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Data channels against a UE that says what it likes: an SCTP association with the channels at one
 * end and bare SCTP at the other, no DTLS, a queue in between. One fixture a program; its clock is
 * tests/lib/vclock.h.
 */
#ifndef DC_RIG_H
#define DC_RIG_H

#include "mediad/dc/dc.h"

struct end;

struct packet {
	struct packet *next;
	struct end *to;
	size_t n;
	char data[];
};

struct end {
	struct ar_sctp *sctp;
	struct end *other;
	struct dc *dc; /* one end only */
	bool up, down;
	unsigned messages, resets_in, acked;
	uint32_t ppid;
	uint16_t stream;
	char last[64];
	size_t nlast;
};

struct dc_rig {
	struct end ours, ue;
	struct dc dc;
	struct packet *first, **tail;
	bool mute_ue; /* what the UE sends is lost */
	bool lose_answer; /* its next answer to a RE-CONFIG is */
	bool unordered; /* of our last DATA chunk */
	unsigned data; /* packets of ours that begin with DATA */
	unsigned opened, closed, messages;
	uint16_t closed_id;
	enum peer_kind kind;
	char *text;
	size_t ntext;
	struct peer_channel channel;
};

extern struct dc_rig fx;
extern const struct ar_sctp_handlers rig_sctp_handlers;

int rig_set_up(void **state);
int rig_tear_down(void **state);
/* Both ends anew, each asking for so many streams; time passes until they are up. */
void rig_restart(uint16_t ours, uint16_t ue, uint32_t ue_heartbeat_ms);
/* Carries packets, and time, until `ms` have passed. */
void rig_run(unsigned ms);
void ue_says(uint16_t stream, uint32_t ppid, const void *p, size_t n);
void ue_opens(uint16_t stream, const char *label);

#endif
