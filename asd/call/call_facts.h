/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts of the two UEs (mrm_json.h): from their answers, and to mediad. What mediad should have is
 * `wanted`, what it has is `told`; the difference is sent until it is gone, one update at a time.
 */
#ifndef CALL_FACTS_H
#define CALL_FACTS_H

#include "asd/call/call.h"
#include "asd/front/front_msg.h"

struct asd;

/* What the answering side's description says, new reference; NULL: no data channel, or no
 * description. Notes our settled a=setup towards it. */
json_t *call_answer_facts(
	struct call *c, const struct ar_plan *plan, enum ar_side side, const struct front_event *m);
/* The module's word for the outcome, else what the facts tell. */
enum ar_outcome call_outcome(const struct front_event *m, const json_t *facts);

/* mediad is to know these facts of side (NULL: nothing to tell). */
void call_tell_facts(struct asd *a, struct call *c, enum ar_side side, json_t *facts);
/* What mediad is to have while x is open: the offerer's new facts, and media of both sides. */
void call_tell_open(struct asd *a, struct call *c, const struct exchange *x);
/* x has failed: what it had before. */
void call_tell_settled(struct asd *a, struct call *c, const struct exchange *x);
/* Whether x's plan must wait for mediad: for the offerer's facts, and where media go to the ARMF
 * for those of both. */
bool call_telling(const struct call *c, const struct exchange *x);
/* Sends what is wanted and not told, when nothing is under way. */
void call_send_facts(struct asd *a, struct call *c, enum ar_side side);

#endif
