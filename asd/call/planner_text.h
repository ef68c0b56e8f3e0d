/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the data channel section of one leg; inside the planner only. */
#ifndef PLANNER_TEXT_H
#define PLANNER_TEXT_H

#include "asd/call/planner.h"
#include "common/plan_emit.h"

struct planner_text {
	const struct planner_leg *leg;
	const struct ar_sdp_media *offered; /* the offerer's section; NULL: there is none */
	const struct ar_sdp_dc *dc; /* what it says */
	struct ar_span mid; /* as this leg knows the section; n 0: none */
	bool answer; /* else an offer */
	const char *used_by; /* a=3gpp-bdc-used-by of an offer; NULL: none */
};

/* Whether it can stand between quotation marks in a=dcmap. */
bool planner_quotable(struct ar_span s);
/* NULL, or why the leg's facts cannot stand in SDP (static text). */
const char *planner_leg_fault(const struct planner_leg *leg);
/* The section; errors stick in the buffer. */
struct ar_span planner_text_section(struct plan_texts *t, const struct planner_text *x);

#endif
