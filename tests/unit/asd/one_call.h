/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A world (world.h) with one call in it, of token T1, for tests of what may happen to a call. */
#ifndef IMS_AR_TESTS_ONE_CALL_H
#define IMS_AR_TESTS_ONE_CALL_H

#include "world.h"

#define T1 "0123456789abcdef"
#define T2 "fedcba9876543210"

extern struct world w;
/* The offer, the answer, an answer without the data channel. */
extern char *sdp_a, *sdp_b, *sdp_off;

int one_call_setup(void **state);
int one_call_teardown(void **state);
/* NULL: it is over. */
struct call *one_call(void);
/* A call whose offer has its plan; the request of the offer. */
unsigned one_call_rings(void);
/* What the module tells of it; world_check() afterwards. */
void one_call_event(const char *ev, uint32_t cseq, const char *from, const char *to,
	unsigned status, const char *sdp, const char *outcome);
/* Answered, and mediad knows. */
void one_call_up(void);
/* An offer inside it; the request. */
unsigned one_call_re_invite(uint32_t cseq, enum ar_side side, const char *sdp);

#endif
