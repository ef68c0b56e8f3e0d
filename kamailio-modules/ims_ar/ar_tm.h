/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tm tells us: ends of transactions, CANCEL, BYE. So that what asd reserved is released with
 * nothing for the script to forget.
 */
#ifndef IMS_AR_TM_H
#define IMS_AR_TM_H

#include "ar_view.h"

#include "../../modules/tm/tm_load.h"

extern struct tm_binds ar_tm;

/* mod_init: binds tm and listens for BYE. 0 or -1, logged. */
int ar_tm_init(void);
/* Watches the transaction of this request, which may not exist yet. 0 or -ENOMEM. */
int ar_tm_watch(struct sip_msg *msg, const struct ar_view *v);

#endif
