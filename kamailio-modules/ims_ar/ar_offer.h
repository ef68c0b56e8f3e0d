/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handing an offer over to asd: recognise, suspend, queue. SIP workers, request_route. */
#ifndef IMS_AR_OFFER_H
#define IMS_AR_OFFER_H

#include "../../core/parser/msg_parser.h"

/* What the script gets; 0 stops it (suspended, it goes on in the named route). */
enum ar_offer_rc {
	AR_OFFER_SUSPENDED = 0,
	AR_OFFER_ORDINARY = 1, /* nothing to do */
	AR_OFFER_ELSEWHERE = 2, /* anchored by another pass or another Kamailio */
	AR_OFFER_LOCAL = 3, /* inside an anchored dialog, planned without asd */
	AR_OFFER_DECIDED = 4, /* not in request_route: the offer was dealt with before */
	AR_OFFER_ERROR = -1, /* memory, or a request that cannot be read */
	AR_OFFER_AWAY = -2, /* no asd, or too many offers: an ordinary call without data channel */
	AR_OFFER_REFUSED = -3, /* inside a dialog: cannot be planned: answer 500 with Retry-After */
	AR_OFFER_PENDING = -4, /* inside a dialog whose first offer is open: answer 491 */
	AR_OFFER_MISPLACED = -5, /* called after branches were made or the target was changed */
};

/* role: what asd's policy sees, "originating" or "terminating". */
int ar_offer(struct sip_msg *msg, const str *route, const char *role);

#endif
