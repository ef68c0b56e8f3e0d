/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a description concerns asd, as one number; and the DTLS roles of its sections. Pure. */
#ifndef IMS_AR_FACTS_H
#define IMS_AR_FACTS_H

#include "common/plan.h"

/*
 * Equal numbers: asd has nothing to decide anew. Covers the number and kinds of sections and which
 * are at port 0, and of each data channel section whether it is live, ICE credentials,
 * fingerprints, tls-id, SCTP port, message size and streams; not a=setup, candidates, or anything
 * else of audio and video. Of the audio and video sections that the plan gives to the media
 * function the whole text, with what they take from the session: `side` is who sent the
 * description; plan may be NULL.
 */
uint32_t ar_facts(const struct ar_sdp *sdp, const struct ar_plan *plan, enum ar_side side);
/* Bit for each live audio, video or data channel section with this a=setup, its own or the
 * session's. */
uint32_t ar_facts_roles(const struct ar_sdp *sdp, enum ar_setup setup);
/* Is there a live data channel section? */
bool ar_facts_live(const struct ar_sdp *sdp);

#endif
