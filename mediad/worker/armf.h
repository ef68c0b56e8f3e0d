/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The media processors of a worker: made from mediad.conf, given to the DCMF as tables of calls, so
 * that it can be had without them. The worker's loop. */
#ifndef WORKER_ARMF_H
#define WORKER_ARMF_H

#include "mediad/conf.h"
#include "mediad/dcmf/dcmf.h"

struct event_base;

/* Fills in what of dc is about the ARMF; *pool stays NULL when nothing shall be processed. A pool
 * that cannot be made is told in the log and is no error: streams are relayed. */
int armf_start(struct armf_pool **pool, const struct mediad_conf *c, struct event_base *base,
	struct dcmf_conf *dc) __attribute__((warn_unused_result));
void armf_stop(struct armf_pool *pool);
void armf_stats(const struct armf_pool *pool, json_t *out);
uint64_t armf_ntp(void); /* the wall clock, 32.32 since 1900 */

#endif
