/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offers inside an anchored dialog: planned here from the map, or handed over when they change
 * what asd decides about. */
#ifndef IMS_AR_DIALOG_H
#define IMS_AR_DIALOG_H

#include "ar_view.h"

/*
 * Plans the exchange that v names (it exists and has no plan) for this offer from the call's map,
 * without asd. 0; -ENOENT no map (nothing was answered yet, or the call is gone); -EPROTO the offer
 * does not fit the map; -ENOMEM.
 */
int ar_dialog_plan(const struct ar_view *v, enum ar_side offerer, const struct ar_sdp *offer)
	__attribute__((warn_unused_result));

/*
 * For a site whose media relay comes before the hand-off: what the relay is to see of an offer that
 * has no exchange yet, in A's layout. 0 with *out filled in, -ENOENT when this is no anchored
 * dialog.
 */
int ar_dialog_hide(struct sip_msg *msg, const struct ar_view *v, const struct ar_sdp *offer,
	struct ar_buf *out) __attribute__((warn_unused_result));

/* Does the offer change anything that asd decides about? */
bool ar_dialog_changes(const struct ar_use *dialog, const struct ar_sdp *offer);

#endif
