/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bootstrap data channels of the terminating side (planner_boot.h): what mediad is to know of them.
 * Their entries stand among the media of call_av.h, in the member "av" of the facts, with
 * mediaResourceType DC; call_av.c calls the functions here.
 */
#ifndef CALL_BOOT_H
#define CALL_BOOT_H

#include "asd/call/call.h"
#include "asd/call/offer.h"
#include "asd/call/planner_boot.h"

struct asd;

/* Those of x's offer, of that map (NULL: the first exchange): none but in a terminating call that
 * came with its offer. */
void call_boot_choose(const struct asd *a, const struct call *c, const struct exchange *x,
	const struct offer *o, const struct ar_plan *map, struct planner_boot_choice *choice);
/* Adds their entries, those of the offerer's side to here. -ENOMEM. */
int call_boot_add(const struct call *c, const struct exchange *x, const struct offer *o,
	const struct planner_boot_choice *choice, json_t *here, json_t *there);
/* mediad's facts of both legs into the choice; those that it does not have leave it. -EBADMSG. */
int call_boot_reserved(const struct call *c, const struct exchange *x,
	struct planner_boot_choice *choice, const char **why);
/* Adds to av what an answer of side says; now: the entries that side has. */
void call_boot_said(const struct ar_plan *plan, enum ar_side side, const struct ar_sdp *sdp,
	const json_t *now, json_t *av);
/* Adds to av the entries that stay when the exchange is answered. */
void call_boot_settle(const json_t *mine, const json_t *other, json_t *av);

#endif
