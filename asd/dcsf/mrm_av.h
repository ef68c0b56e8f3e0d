/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media of type AR in Nmf_MRM documents (docs/mrm.md "Media for the ARMF"): audio and video
 * m-lines that go through the ARMF. Pure functions over jansson values, as mrm_json.h.
 *
 * Facts (mrm_json.h) have a member "av" for them, by mediaId: {"v1":{"mediaProcessingUri",
 * "remoteMbEndpoint","x-ims-ar":{"media","transport","securitySetup","maxKbps","local","remote"}}}.
 * Facts without "av" say nothing about such media, an empty one that there are none.
 */
#ifndef MRM_AV_H
#define MRM_AV_H

#include "common/plan.h"
#include "common/sdp_av.h"

#include <jansson.h>

#define MRM_AV_MAX_CANDIDATES 8

/* What our description, or the UE's, says. key n 0: no SDES. mediad has one port for RTP and RTCP:
 * it is told rtcpMux always, and a UE's own RTCP port where there is one. */
struct mrm_av_side {
	const struct ar_av_codec *codec;
	unsigned ncodec;
	const struct ar_av_ext *ext;
	unsigned next;
	bool rtcp_rsize;
	uint32_t ssrc_mask; /* ours: what is sent to the UE has the sender's SSRCs turned by it */
	struct ar_span suite, key;
};

/* The members "local" and "remote"; port: of the m= line. */
json_t *mrm_av_local(const struct mrm_av_side *s);
json_t *mrm_av_remote(const struct ar_sdp_av *av, const struct mrm_av_side *s);
/* "remoteMbEndpoint", NULL: no literal address. */
json_t *mrm_av_endpoint(const struct ar_sdp_av *av, uint16_t port);
/* What mediad takes as maxKbps. */
unsigned mrm_av_kbps(unsigned kbps);
const char *mrm_av_transport(enum ar_av_transport t); /* "DTLS-SRTP" ... */

/* Adds the media of the facts to a termination's medias; false: no memory. facts may be NULL. */
bool mrm_av_add(json_t *medias, const json_t *facts, const char *network);
/* Adds the operations that make what mediad was told into the facts; doc: the context as it is. */
bool mrm_av_patch(
	json_t *ops, enum ar_side side, const json_t *facts, const json_t *told, const json_t *doc);
/* Whether a ProblemDetails names a medium beside the data channel: the ARMF has no room for it. */
bool mrm_av_refused(struct ar_span body);
/* Takes every AR medium out of a context to be made; false: there was none. */
bool mrm_av_strip(json_t *context);

/* mediad's side of one medium; borrowed from the document. */
struct mrm_av_reserved {
	struct ar_span addr, ufrag, pwd, fingerprint, key;
	uint16_t port;
	uint32_t ssrc_mask; /* that it applies; 0: none, or it knows of no such thing */
	struct ar_span candidate[MRM_AV_MAX_CANDIDATES];
	unsigned ncandidate;
};

/* Of side's termination in a context. -ENOENT: it has no such medium; -EBADMSG with *why. What is
 * found may stand in SDP as it is. */
int mrm_av_reserved(const json_t *context, enum ar_side side, const char *id,
	struct mrm_av_reserved *r, const char **why) __attribute__((warn_unused_result));

#endif
