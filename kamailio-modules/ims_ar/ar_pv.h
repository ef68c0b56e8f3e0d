/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * $ims_ar(name): what the module last found out about the message in hand. Per process, valid for
 * that message only: class, reasons, status, action, code, reason, rule, call, asd.
 */
#ifndef IMS_AR_PV_H
#define IMS_AR_PV_H

#include "ar_job.h"

#include "../../core/parser/msg_parser.h"
#include "../../core/pvar.h"

int ar_pv_parse_name(pv_spec_t *sp, str *in);
int ar_pv_get(struct sip_msg *msg, pv_param_t *param, pv_value_t *res);

/* A new message: forgets the last one. */
void ar_pv_begin(struct sip_msg *msg);
void ar_pv_class(struct sip_msg *msg, enum ar_class cls, unsigned reasons);
void ar_pv_call(struct sip_msg *msg, const char *id, unsigned asd);
/* action: "ar", "plain", "deny", "away", "refuse", "local". */
void ar_pv_result(struct sip_msg *msg, int status, const char *action, const char *reason);
/* Of the job whose route is about to run in this process, whatever its message's id. */
void ar_pv_job(const struct ar_job *j);
void ar_pv_job_done(void);
/* The call whose mark the resumed request is to bear; once, then NULL. */
const char *ar_pv_take_mark(void);
void ar_pv_event(struct sip_msg *msg, const char *asd);

#endif
