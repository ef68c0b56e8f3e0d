/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the module need of Kamailio, and how they make it fail. */
#ifndef TEST_STUBS_H
#define TEST_STUBS_H

#include "kamailio-modules/ims_ar/ar_conf.h"
#include "kamailio-modules/ims_ar/ar_stat.h"

extern int test_shm_live; /* allocations not freed */
extern int test_shm_countdown; /* fail the allocation when it reaches 0; -1 never */
extern long test_stat[AR_STAT_MAX];

void test_stubs_reset(void);

#endif
