/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that one planning needs, so that a test of the planner is a few lines. */
#ifndef PLANNER_BENCH_H
#define PLANNER_BENCH_H

#include "tests/unit/common/cmocka_all.h"
#include "asd/call/planner.h"
#include "tests/unit/common/plan_help.h"
#include "tests/unit/common/samples.h"

#define KEEP_ALL ((1u << AR_OUTCOMES) - 1)

struct bench {
	struct ar_sdp offer;
	struct planner_choice choice;
	struct planner_in in;
	struct ar_plan plan;
	struct ar_plan_room *room;
	struct ar_buf texts, out;
	const char *why;
};

static const struct ar_plan_dir to_b = {.answer = false};

static inline struct ar_plan_dir answer(enum ar_outcome o)
{
	return (struct ar_plan_dir){.answer = true, .outcome = o};
}

/* mpeg-sd 1000 and 3gpp-ar-metadata 1002. */
extern const struct ar_dc_stream bench_streams[2];

struct planner_leg a_leg(const char *ufrag);
/* Both legs present, streams chosen, offered by A, in the first exchange. */
void bench_open(struct bench *b, const char *offer);
void bench_close(struct bench *b);
/* Plans or fails the test. */
void plan(struct bench *b);
/* What the plan makes of `in`, in b->out; checked to be a description. */
void apply(struct bench *b, struct ar_plan_dir d, const char *in);

#endif
