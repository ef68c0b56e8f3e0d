/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link process: the only one that talks to asd about calls. Takes jobs from the SIP workers,
 * spreads them over the asd by Call-ID, fails over, keeps deadlines, stores plans, hands decided
 * jobs to the resume workers, delivers events, sweeps the call table.
 */
#ifndef IMS_AR_LINK_H
#define IMS_AR_LINK_H

#include "ar_job.h"

/* Never returns. */
void ar_link_run(void);
/* Loop of a resume worker; never returns. */
void ar_resume_run(void);
/* Goes on with one decided job: its route runs in this process. Frees it. */
void ar_resume(struct ar_job *j);
/* Opens what is kept of a call that is anchored in another pass (ar_through.h), and of which asd
 * could tell nothing; side: who has sent this request. Any process. */
void ar_link_open_through(const struct ar_msg_key *k, enum ar_side side);
/* Index of the asd that is asked first about a new call. Any process. */
unsigned ar_link_asd_of(struct ar_span callid);
/* Is an asd there to be asked? Any process. */
bool ar_link_is_up(void);

#endif
