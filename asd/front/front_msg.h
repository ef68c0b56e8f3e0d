/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of the front link (docs/front.md) as structs. One table of members per message drives
 * the reading; unknown members are ignored, a missing or wrong one is named in the error.
 *
 * Every string is borrowed from the JSON document, terminated, never NULL ("" when absent), and
 * within its maximum.
 */
#ifndef FRONT_MSG_H
#define FRONT_MSG_H

#include "common/plan.h"

#include <jansson.h>

struct front_hello {
	uint32_t v;
	const char *kind, *name, *instance;
};

struct front_offer {
	const char *call, *callid, *from_tag, *to_tag, *method, *role, *ruri, *from, *to, *asserted,
		*contact, *registered, *registered_callee, *source, *cls, *reasons, *sdp;
	uint32_t cseq;
	bool initial, turns_ssrc;
	enum ar_side side;
};

struct front_event {
	const char *ev, *call, *callid, *from_tag, *to_tag, *method, *hash, *outcome, *contact,
		*sdp, *origin_a, *origin_b, *pass, *relay;
	uint32_t cseq, status;
	bool has_cseq; /* 0 is one, too */
	bool spiral;
	enum ar_side side;
};

struct front_admin {
	const char *arg;
};

/* 0, or -EBADMSG with "member x: what" in why. */
int front_read_hello(struct front_hello *m, const json_t *j, char why[80]);
int front_read_offer(struct front_offer *m, const json_t *j, char why[80]);
int front_read_event(struct front_event *m, const json_t *j, char why[80]);
int front_read_admin(struct front_admin *m, const json_t *j, char why[80]);

/* A copy with its texts in one piece of memory, for free(); NULL: no memory. */
struct front_offer *front_offer_copy(const struct front_offer *m);

/* New references: {"ok":true} and {"ok":false,"code":..,"reason":..}; NULL: no memory. */
json_t *front_ok(void);
json_t *front_error(const char *code, const char *reason);

#endif
