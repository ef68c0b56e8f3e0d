/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asd: the AR IMS application server and the DCSF (TS 23.228 AC) in one process.
 *
 * One event loop, one thread, one context: struct asd holds everything, there are no other globals.
 * It is borrowed by every part and outlives them all.
 *
 * GLOSSARY
 *   call      one SIP dialog's AR side, as the module names it (16 hex digits)
 *   exchange  one offer and its answers inside a call
 *   leg       one UE that answered the call's first offer, told apart by its to-tag
 *   facts     what a UE's description says about its data channel, in the form mediad takes
 *   context   mediad's two terminations for one call (Nmf_MRM MediaContext)
 *   owner     the name under which our contexts are known to mediad
 */
#ifndef ASD_H
#define ASD_H

#include "asd/asd_conf.h"
#include "asd/asd_stats.h"
#include "asd/call/call.h"

#include <event2/event.h>

#define ASD_LATER_MS 50

struct asd {
	struct event_base *base;
	struct asd_conf conf;
	struct asd_fallback fallback;
	char instance[17]; /* new at every start */
	uint64_t started; /* asd_now() */
	struct asd_stats stats;
	struct calls calls;
	struct policy *policy;
	struct lookup *lookup; /* NULL: no facts are configured */
	struct dcmf_pool *pool;
	struct dcsf *dcsf;
	struct store *store; /* NULL: calls are not kept */
	struct front *front;
	struct metrics *metrics;
	struct reload *reload; /* NULL: none was asked for yet */
	struct event *sweep, *settle, *later, *watchdog, *sig[4];
	bool stopping;
};

static inline void asd_count(struct asd *a, enum asd_counter c)
{
	a->stats.n[c]++;
}

static inline void asd_count_if(struct asd *a, bool when, enum asd_counter c)
{
	a->stats.n[c] += when;
}

/* Monotonic microseconds; the flow tests have their own. */
uint64_t asd_now(const struct asd *a);

/*
 * Starts everything in the order of its dependence; a->conf has been read. On failure err has the
 * reason, and asd_close() is still to be called. Privileges are dropped on the way: after binding
 * the listeners, before anything of theirs is read.
 */
int asd_open(struct asd *a, struct ar_buf *err) __attribute__((warn_unused_result));
void asd_close(struct asd *a);
/* What others rely on from now on goes to disk at the end of the loop's turn: a plan that is on its
 * way to the module. */
void asd_settle_soon(struct asd *a);
/* All other changes go there together, within ASD_LATER_MS: several of one call are one write then.
 * Acknowledgements wait for it, so that the module sends again what a killed asd has not kept. */
void asd_settle_later(struct asd *a);

#endif
