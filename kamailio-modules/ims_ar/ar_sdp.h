/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session descriptions of one message: the script's functions around the media relay and
 * without one. The exchange is found from the message alone, so that they work in request_route, in
 * the resumed route, in core reply_route (also when tm has forgotten the transaction) and for ACK.
 * Applied twice to one message, the second time does nothing.
 */
#ifndef IMS_AR_SDP_H
#define IMS_AR_SDP_H

#include "ar_view.h"

/* What the script gets. */
enum ar_sdp_rc {
	AR_SDP_DONE = 1, /* made, or there was nothing to change */
	AR_SDP_NONE = -1, /* the message has no SDP */
	AR_SDP_RELAY = -2, /* the media relay gave nothing: do not send the message on */
	AR_SDP_FAILED = -3, /* cannot be made from the plan: do not send the message on */
	AR_SDP_REFUSED = -4, /* an offer that cannot be planned now: 500 with Retry-After, or 491 */
};

/* Body -> pv_in for rtpengine_offer/answer, pv_out cleared. */
int ar_sdp_hide(struct sip_msg *msg);
/* pv_out -> body. */
int ar_sdp_restore_body(struct sip_msg *msg);
/* Without a media relay: body -> body. */
int ar_sdp_apply(struct sip_msg *msg);
/* A 2xx went out (tm): the call is up even if the script's functions never saw it. */
void ar_sdp_saw_answer(struct sip_msg *msg);

#endif
