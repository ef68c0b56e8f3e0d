/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bootstrap data channels where the call comes from a network that has anchored nothing of ours:
 * the terminating side of TS 24.186, 9.3.3.2. Pure, as the planner: the same offer and map give the
 * same choice.
 *
 * `sender`: the section that the calling UE uses towards our network ends at the media function and
 * is not offered to the called UE (its slot there stays at port 0). `receiver`: the one that the
 * called UE uses towards the calling network is anchored on both legs. `local`: the called UE's own
 * bootstrap channels, which we add at the end of its leg. Each has a connection of its own.
 */
#ifndef PLANNER_BOOT_H
#define PLANNER_BOOT_H

#include "asd/call/planner.h"

#define PLANNER_BOOT_STREAMS 4 /* 0, 10, 100, 110: TS 26.114 6.2.10.1 */

enum planner_boot_kind {
	PLANNER_BOOT_SENDER,
	PLANNER_BOOT_RECEIVER,
	PLANNER_BOOT_LOCAL,
	PLANNER_BOOT_KINDS
};

struct planner_boot {
	enum planner_boot_kind kind;
	int at[2]; /* slot by side; -1: none there, or (a local one in the first exchange) new */
	bool said; /* the offerer's leg has it: dc is what it says. Spans borrow from the offer. */
	struct ar_sdp_dc dc;
	struct ar_dc_stream stream[PLANNER_BOOT_STREAMS];
	unsigned nstream;
	struct planner_leg leg[2]; /* what the media function has; present: where it is to be */
};

struct planner_boot_choice {
	unsigned n;
	struct planner_boot boot[PLANNER_BOOT_KINDS];
};

/* When the called UE is offered bootstrap channels of its own, in the first exchange. */
enum planner_boot_local {
	PLANNER_BOOT_NEVER, /* nor are the others anchored */
	PLANNER_BOOT_MARKED, /* when the offer has sections marked for bootstrap */
	PLANNER_BOOT_ALWAYS
};

/* In the first exchange (map NULL) by the marks a=3gpp-bdc-used-by; later what the map has and the
 * offer has not closed. */
void planner_boot_choose(struct planner_boot_choice *c, enum planner_boot_local local,
	const struct ar_sdp *offer, enum ar_side offerer, const struct ar_plan *map);
/* Whether the section of ours carries bootstrap channels only. */
bool planner_boot_is(struct ar_span text);
/* The slots of a plan's bootstrap sections, by kind and side; -1: none. */
void planner_boot_slots(const struct ar_plan *p, int at[PLANNER_BOOT_KINDS][2]);
const char *planner_boot_id(enum planner_boot_kind kind); /* mediaId: "bs" "br" "bl" */
/* The one in that slot of that side; NULL: none. */
const struct planner_boot *planner_boot_at(
	const struct planner_boot_choice *c, enum ar_side side, int slot);

#endif
