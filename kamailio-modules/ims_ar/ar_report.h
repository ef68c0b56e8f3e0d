/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What asd is told of calls (front link, `event`). Any process; queues and returns. */
#ifndef IMS_AR_REPORT_H
#define IMS_AR_REPORT_H

#include "ar_job.h"
#include "ar_layout.h"
#include "ar_view.h"

/* A 1xx with SDP or a 2xx. outcome: NULL without SDP. */
void ar_report_answer(const struct ar_view *v, const struct ar_use *u, const char *outcome);
/* An offer that was planned here. */
void ar_report_offer(const struct ar_view *v, const struct ar_use *u);
void ar_report_failed(
	const struct ar_msg_key *k, const char *method, int status, const struct ar_ended *e);
void ar_report_cancelled(const struct ar_msg_key *k, const struct ar_ended *e);
void ar_report_bye(const struct ar_msg_key *k, const struct ar_ended *e);
/* The transaction of an offer was gone when the verdict came. */
void ar_report_gone(const struct ar_job *j);
/* The m-lines at this pass's media relay have become others, for a restart of this Kamailio. id:
 * the call's name. */
void ar_report_relay(struct ar_span callid, const char *id, unsigned asd, enum ar_layout_pass pass);
void ar_report_expired(const struct ar_call_info *i);

#endif
