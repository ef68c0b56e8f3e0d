/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message's SDP and the two variables that the media relay's module reads and writes. */
#ifndef IMS_AR_BODY_H
#define IMS_AR_BODY_H

#include "common/ar_span.h"
#include "common/plan.h"

#include "../../core/parser/msg_parser.h"

/* Binds the parameters pv_in and pv_out; mod_init. 0 or -1, logged. */
int ar_body_init(void);
/* Puts text in the place of body, also inside multipart. Nothing when they are equal. 0, -ENOMEM.
 */
int ar_body_set(struct sip_msg *msg, struct ar_span body, struct ar_span text);
/* Has somebody replaced this body already? */
bool ar_body_is_set(const struct sip_msg *msg, struct ar_span body);
int ar_body_pv_put(struct sip_msg *msg, struct ar_span text);
/* All values of pv_out: a transaction keeps the offer's until the answer comes. */
void ar_body_pv_clear(struct sip_msg *msg);
struct ar_span ar_body_pv_get(struct sip_msg *msg);

/* What the script knows of that UE's registration: its Contact, as pv_registered and
 * pv_registered_callee have it. Borrowed from the variable. */
struct ar_span ar_body_registered(struct sip_msg *msg, enum ar_side side);

#endif
