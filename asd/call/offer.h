/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One UE's description as the call flow looks at it: the parsed SDP, and the data channel section
 * that is, or may become, ours. Pure; spans borrow from the text.
 */
#ifndef OFFER_H
#define OFFER_H

#include "asd/call/planner.h"

#include <jansson.h>

struct offer {
	struct ar_sdp sdp;
	struct planner_choice choice; /* index: our section; -1: none, and why */
	struct ar_dc_stream channels[AR_DC_MAX_STREAMS]; /* of all live data channel sections */
	unsigned nchannels;
	struct ar_span req_app;
};

/* An offer. map: of the dialog, NULL in its first exchange. 0, or -EBADMSG with "sdp line N:
 * reason" in why when the whole cannot be read; a bad data channel section is choice.why. */
int offer_read(struct offer *o, const char *text, const struct planner_rules *rules,
	enum ar_side side, const struct ar_plan *map, char why[120])
	__attribute__((warn_unused_result));
/* An answer from side, in an exchange with that plan (or a later one's map). */
int offer_read_answer(struct offer *o, const char *text, const struct ar_plan *plan,
	enum ar_side side, char why[120]) __attribute__((warn_unused_result));

/* Our a=setup towards a UE that says `theirs`; settled: what it was before, or NONE. Where we may
 * choose, we are the DTLS server. */
enum ar_setup offer_our_setup(enum ar_setup theirs, enum ar_setup settled);
/* The UE's facts (mrm_json.h), NULL without a live data channel or without memory. */
json_t *offer_facts(const struct offer *o, enum ar_setup ours, const char *capability);
/* Index of our section in what `side` sends, by the plan's recipes; -1: none. */
int offer_our_section(const struct ar_plan *p, enum ar_side side);

#endif
