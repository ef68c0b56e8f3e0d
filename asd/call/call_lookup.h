/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Step 2's pause: an offer waits until the facts of its call are there (asd/lookup). Meanwhile the
 * call may end, begin anew, or be answered by time: what comes too late finds no exchange that
 * waits for it.
 */
#ifndef CALL_LOOKUP_H
#define CALL_LOOKUP_H

#include "asd/call/call.h"
#include "asd/front/front_msg.h"

struct asd;
struct lookup_facts;

/* 0: c->facts are those of this offer (NULL: none are configured), the policy can decide.
 * -EINPROGRESS: call_on_facts() goes on. */
int call_look_up(struct asd *a, struct call *c, struct exchange *x, const struct front_offer *m)
	__attribute__((warn_unused_result));
/* lookup_conf.on_facts; arg is the asd. Takes facts. */
void call_on_facts(void *arg, uint32_t call, uint32_t batch, struct lookup_facts *facts);

#endif
