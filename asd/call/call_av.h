/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Audio and video that go through the ARMF (steps 12 and 13): what the policy wants done, which
 * m-lines of an offer that concerns, and what mediad is to know of them.
 *
 * Facts (dcsf/mrm_json.h) of each side carry them as the member "av" (dcsf/mrm_av.h). While an
 * offer is open mediad has the media of the old map and of the offer; when it is answered, those
 * that both sides took, with the operations that the policy wants for that outcome. A medium that
 * mediad does not take stays with the ordinary media relay, and the log says why.
 */
#ifndef CALL_AV_H
#define CALL_AV_H

#include "asd/call/call.h"
#include "asd/call/offer.h"
#include "asd/policy/policy.h"

struct asd;

/* The policy's steps, for an outcome or (AR_OUTCOMES) until the answer comes. Begin with reset. */
void call_av_reset(struct call *c);
void call_av_take(struct call *c, unsigned outcome, const struct policy_step *step, unsigned n);
/* Whether the policy wants anything processed, whatever the outcome. */
bool call_av_wanted(const struct call *c);

/* The sections of x's offer, of that map (NULL: the first exchange). */
void call_av_choose(const struct asd *a, const struct call *c, const struct exchange *x,
	const struct offer *o, const struct ar_plan *map, struct planner_av_choice *choice);
/* Adds the offer's media to x->facts and x->there. -ENOMEM. */
int call_av_offer(struct asd *a, struct call *c, struct exchange *x, const struct offer *o);
/* What mediad should have of side while x is open: its facts, and media of the map that x does not
 * have. New reference, NULL: nothing to tell. */
json_t *call_av_open(const struct call *c, const struct exchange *x, enum ar_side side);
/* The context is there: notes what mediad was told, without the media that it did not take. */
void call_av_reserve_done(struct call *c, const struct exchange *x);
/* mediad's facts of both legs into the choice; media that it does not have leave it. -EBADMSG. */
int call_av_reserved(const struct call *c, const struct exchange *x,
	struct planner_av_choice *choice, const char **why);

/* Adds what an answer (or an offer that the module planned) from side says to its facts: facts
 * with the member "av", new reference; steals facts, which may be NULL. NULL: no facts at all. */
json_t *call_av_said(const struct call *c, const struct ar_plan *plan, enum ar_side side,
	const struct ar_sdp *sdp, json_t *facts);
/*
 * The exchange is answered: facts of both sides become those of the media that both took, and the
 * operations those of the outcome. Steals and gives back; NULL: nothing to tell.
 */
void call_av_settle(const struct call *c, const struct ar_plan *plan, json_t *facts[2]);
/* What side's facts are again when an exchange has failed; new reference. */
json_t *call_av_revert(const struct call *c, enum ar_side side);
/* facts with what side has at the ARMF now where they lack it: nothing goes while the call rings.
 * Steals facts. */
json_t *call_av_keep(const struct call *c, enum ar_side side, json_t *facts);
/* Whether the facts have a medium at the ARMF. */
bool call_av_any(const json_t *facts);
/* mediad refused the facts: those without the media that it does not have. NULL: there were none,
 * the refusal was about something else. */
json_t *call_av_without(const struct call *c, enum ar_side side, const json_t *facts);

/* For people: "v1 overlay, a0 relay"; "" when nothing is processed. */
char *call_av_print(const struct call *c, enum ar_side side, char *buf, size_t cap);
/* In the store. */
json_t *call_av_to_json(const struct call *c);
void call_av_from_json(struct call *c, const json_t *j);

#endif
