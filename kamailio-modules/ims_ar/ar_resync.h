/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events were lost (event_max, memory), or an asd comes back that others have stood in for: it is
 * told all calls, and releases what is not among them. Link process only: offers go over the same
 * connection, so that a call opened after the list was made is asked about after it.
 */
#ifndef IMS_AR_RESYNC_H
#define IMS_AR_RESYNC_H

#include "ar_conn.h"

struct ar_resync {
	bool wanted[AR_ASD_MAX];
	int64_t next;
	uint64_t id;
};

/* Called once a turn: sends to each asd that is there and has been sent all its events. */
void ar_resync_run(struct ar_resync *r, struct ar_conn *conn, int n, int64_t now);

#endif
