/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections of another pass's media function. Where a call is anchored elsewhere (another Kamailio,
 * or this one's first pass) there is no plan, and data channels go past rtpengine by their kind.
 * Audio and video of the ARMF are told by a=x-ims-ar-armf in what comes from there; what the UE
 * sends is told by what it was offered, so that is kept, by Call-ID.
 *
 * Any process; one lock, nothing blocks under it. Only calls whose request bore our mark, or whose
 * Route has our parameter, are kept: a UE cannot bring its media past rtpengine by writing the
 * attribute itself.
 */
#ifndef IMS_AR_THROUGH_H
#define IMS_AR_THROUGH_H

#include "ar_calls.h"

int ar_through_init(int max);
void ar_through_destroy(void);
/* The initial request of a call that is anchored elsewhere passes: k->id is the call's name. */
void ar_through_open(const struct ar_msg_key *k, int64_t expires);
/* False: nothing is known of the call, or only what came since this Kamailio's restart. */
bool ar_through_is_whole(struct ar_span callid);
/* A call from before this Kamailio's restart, of which asd has told nothing: the anchored side's
 * next offer will. k->from_tag is side A's. Nothing where it is open already. */
void ar_through_reopen(const struct ar_msg_key *k, int64_t expires);
/* As asd has told it. Nothing where the call is whole. */
void ar_through_restore(
	const struct ar_msg_key *k, unsigned asd, uint32_t sections, int64_t expires);
/* The call's name, and the asd that told it (-1: none has); false: it is not open. */
bool ar_through_call(struct ar_span callid, char id[AR_CALL_ID_LEN + 1], int *asd);
enum ar_through_kind { AR_THROUGH_REQUEST, AR_THROUGH_REPLY, AR_THROUGH_FINAL, AR_THROUGH_ACK };
/* Bit for each section of this description that rtpengine must not see. */
uint32_t ar_through_sections(
	const struct ar_msg_key *k, enum ar_through_kind kind, const struct ar_sdp *sdp);
/* The call ends. */
void ar_through_close(struct ar_span callid);
int ar_through_count(void);

#endif
