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
/* Is an asd there to be asked? Any process. */
bool ar_link_is_up(void);

#endif
