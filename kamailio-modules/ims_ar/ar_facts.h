/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of a description concerns asd, as one number; and the DTLS role of its data channel. Pure.
 */
#ifndef IMS_AR_FACTS_H
#define IMS_AR_FACTS_H

#include "common/sdp_dc.h"

/*
 * Equal numbers: asd has nothing to decide anew. Covers the number and kinds of sections, and of
 * each data channel section whether it is live, ICE credentials, fingerprints, tls-id, SCTP port,
 * message size and streams; not a=setup, candidates, or anything of audio and video.
 */
uint32_t ar_facts(const struct ar_sdp *sdp);
/* a=setup of the first live data channel section; AR_SETUP_NONE without one. */
enum ar_setup ar_facts_setup(const struct ar_sdp *sdp);
/* Is there a live data channel section? */
bool ar_facts_live(const struct ar_sdp *sdp);
enum ar_setup ar_setup_opposite(enum ar_setup s);

#endif
