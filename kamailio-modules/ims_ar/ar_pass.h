/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pass of which call a request inside a dialog is. With both UEs behind one Kamailio each
 * request passes twice, and one of the passes is the anchored one: for requests of side A the
 * first, for those of side B the last.
 *
 * A dialog that was an AR call from its first INVITE on says so in our Record-Route parameter. One
 * that became an AR call later cannot (RFC 3261 12.2: the route set stays), and a UE may take the
 * parameter away: then Call-ID and tags find the call, and the mark on the request tells the passes
 * apart. SIP workers.
 */
#ifndef IMS_AR_PASS_H
#define IMS_AR_PASS_H

#include "ar_view.h"

enum ar_where {
	AR_WHERE_HERE, /* the anchored pass; *dialog is filled in, ar_use_done() is due */
	AR_WHERE_THERE, /* another pass or another Kamailio is: leave the request alone */
	AR_WHERE_FORGOTTEN, /* here, but the call is not known any more; v->key.id is its name */
	/* another pass is, but what this one needs for that is not known any more: v->key.id is the
	 * call's name, dialog->offerer who sends the request; no ar_use_done(). INVITE and UPDATE
	 */
	AR_WHERE_LOST,
	AR_WHERE_UNKNOWN, /* an ordinary call, as far as is known here */
};

/* act: marks are set and removed, and what they say is remembered: once per request. */
enum ar_where ar_where(
	struct sip_msg *msg, struct ar_view *v, struct ar_use *dialog, unsigned *asd, bool act);
/* The same of an ACK or PRACK, without the call. For one message it may be asked several times,
 * also after ar_where(). */
enum ar_where ar_where_ack(struct sip_msg *msg, const struct ar_view *v);

#endif
