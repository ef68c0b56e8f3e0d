/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tells our own traces from forged ones. HMAC-SHA256 with the secret parameter:
 *  - the mark, a header on an anchored initial INVITE: "<call>;n=<name>;h=<32 hex>" over Call-ID
 * and From-tag; a second Kamailio with the module does not hand over again;
 *  - the Record-Route parameter ims_ar="<call>.<asd>.<16 hex>" over Call-ID: an in-dialog request
 *    shows by it that this pass is the anchored one, also to a restarted Kamailio;
 *    "other.<call>.<8 hex of side A's tag>.<16 hex>" says that it is not.
 */
#ifndef IMS_AR_MARK_H
#define IMS_AR_MARK_H

#include "ar_token.h"
#include "ar_view.h"

/* Makes a secret when none is given (one Kamailio alone); binds rr if it is loaded. 0 or -1. */
int ar_mark_init(void);

enum ar_mark { AR_MARK_NONE, AR_MARK_OURS, AR_MARK_FORGED };
/* A forged mark is removed on the way. id: the call's, when the mark is ours; else "". */
enum ar_mark ar_mark_check(
	struct sip_msg *msg, const struct ar_view *v, char id[AR_CALL_ID_LEN + 1]);
/* Removes the mark whatever it says: the peer is not trusted. */
void ar_mark_strip(struct sip_msg *msg);
/* The next hop is a UE: removes the mark, and none is added to this message. */
void ar_mark_to_ue(struct sip_msg *msg);
void ar_mark_add(struct sip_msg *msg, const struct ar_view *v, const char *id);

/* Adds the parameter to our Record-Route, in request_route. */
void ar_mark_route(struct sip_msg *msg, const struct ar_view *v, const char *id, unsigned asd);
/* The same for a pass that is not the anchored one; the request is side A's. */
void ar_mark_route_other(struct sip_msg *msg, const struct ar_view *v, const char *id);
enum ar_pass {
	AR_PASS_OURS, /* parameter there and right; id and asd filled in */
	AR_PASS_OTHER, /* parameter there: not the anchored pass; other filled in */
	AR_PASS_NONE, /* nothing tells: no AR call at its start, or a UE has taken it away */
};
/* After loose_route(). OURS fills v->key.id. */
enum ar_pass ar_mark_pass(
	struct sip_msg *msg, struct ar_view *v, unsigned *asd, struct ar_other *other);

#endif
