/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front link's frames as JSON text and back (docs/front.md). Pure but for malloc; any process.
 *
 * Texts made here begin with '{' and a member; the link process puts "id" or "seq" in front when
 * it sends (ar_wire_head), since only it knows the number.
 */
#ifndef IMS_AR_WIRE_H
#define IMS_AR_WIRE_H

#include "common/plan.h"

#include <jansson.h>
#include <stdint.h>

struct ar_wire_offer {
	const char *call, *side, *role, *method, *cls, *reasons, *source;
	bool initial;
	uint32_t cseq;
	struct ar_span callid, from_tag, to_tag, ruri, from, to, asserted, contact, registered,
		registered_callee, sdp;
};

struct ar_wire_event {
	const char *ev, *call, *method, *side, *outcome; /* NULL: left out */
	const char *origin_a, *origin_b; /* NULL or "": left out */
	const char *pass, *relay;
	bool spiral;
	int status; /* 0: left out */
	bool has_cseq, has_hash, initial;
	uint32_t cseq, hash;
	struct ar_span callid, from_tag, to_tag, contact, sdp;
};

/*
 * malloc'd text, the caller frees it; NULL without memory or, for an offer, when its SDP is not
 * UTF-8 and so has no JSON form. Any other text that is not UTF-8 is left out.
 */
char *ar_wire_offer(const struct ar_wire_offer *o);
char *ar_wire_event(const struct ar_wire_event *e);
char *ar_wire_hello(const char *kind, const char *name, const char *instance);
char *ar_wire_command(const char *cmd, const char *arg); /* arg may be NULL; ping, status, ... */
char *ar_wire_map(const char *call);

enum ar_wire_action {
	AR_ACTION_NONE,
	AR_ACTION_AR,
	AR_ACTION_PLAIN,
	AR_ACTION_DENY,
	AR_ACTION_ELSEWHERE, /* another Kamailio has anchored this dialog */
	AR_ACTION_KNOWN, /* this one has, before its restart: the map is in the answer */
	AR_ACTION_REFUSE, /* for the script only: 500 */
};

#define AR_HEADERS_MAX 2700 /* of a verdict, as they stand in a message: 8 of 63 + 255 bytes */

/* asd's answer to an offer. Strings and the plan's spans borrow from the JSON value. */
struct ar_wire_verdict {
	enum ar_wire_action action;
	int code; /* deny: SIP status; else 0 */
	const char *reason; /* "" when absent */
	const char *rule;
	char headers[AR_HEADERS_MAX]; /* "Name: value\r\n" each; "" */
	bool has_plan;
	struct ar_plan plan;
};

/*
 * 0; -EBADMSG with *why: not an answer to an offer that docs/front.md allows; -ECANCELED with
 * *why asd's own reason: ok is false.
 */
int ar_wire_verdict(const json_t *j, struct ar_wire_verdict *v, struct ar_plan_room *room,
	const char **why) __attribute__((warn_unused_result));

const char *ar_action_name(enum ar_wire_action a); /* as docs/front.md has them */

#endif
