/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an audio or video section says (RFC 8866, 5764, 8839, 4585, 4588, 8285, 5576, 4568), with
 * session-level values already applied: as much of it as the media function needs. Spans borrow
 * from the description. Pure.
 */
#ifndef AR_SDP_AV_H
#define AR_SDP_AV_H

#include "common/ar_buf.h"
#include "common/sdp_dc.h"

#define AR_AV_MAX_CODECS 32 /* formats of one section that are looked at */
#define AR_AV_MAX_EXTS 16
#define AR_AV_MAX_SSRCS 8
#define AR_AV_MAX_CRYPTO 4

enum ar_av_transport {
	AR_AV_OTHER, /* TCP, or nothing that we know */
	AR_AV_DTLS, /* DTLS-SRTP, RFC 5764 */
	AR_AV_SDES, /* SRTP with keys in a=crypto, RFC 4568 */
	AR_AV_RTP, /* not encrypted */
};

enum ar_direction { AR_SENDRECV, AR_SENDONLY, AR_RECVONLY, AR_INACTIVE };

/* a=rtcp-fb that we know; a bit set. */
enum ar_av_fb {
	AR_FB_NACK = 1 << 0, /* "nack" */
	AR_FB_PLI = 1 << 1, /* "nack pli" */
	AR_FB_FIR = 1 << 2, /* "ccm fir" */
	AR_FB_REMB = 1 << 3, /* "goog-remb" */
	AR_FB_TCC = 1 << 4, /* "transport-cc" */
};
#define AR_FB_BITS 5

struct ar_av_codec {
	uint8_t pt, channels; /* channels: 0 when not given */
	int16_t rtx; /* payload type of its RFC 4588 stream, -1: none */
	uint32_t clock;
	struct ar_span name, fmtp; /* fmtp n 0: none */
	unsigned fb; /* enum ar_av_fb */
};

struct ar_av_ext { /* a=extmap without a direction; those with one are left out */
	uint8_t id;
	struct ar_span uri; /* with its attributes, "urn:3gpp:xr-pose 6DOF" */
};

struct ar_av_ssrc {
	uint32_t ssrc, rtx; /* rtx 0: none */
	struct ar_span cname;
};

struct ar_av_crypto {
	uint32_t tag;
	struct ar_span suite, key; /* key: base64 after "inline:" */
};

struct ar_sdp_av {
	struct ar_span ufrag, pwd;
	struct ar_span fingerprint[AR_DC_MAX_FINGERPRINTS];
	struct ar_span candidate[AR_DC_MAX_CANDIDATES];
	struct ar_span mid, addr; /* addr: c= address without a /ttl */
	struct ar_av_codec codec[AR_AV_MAX_CODECS]; /* in the section's order, without rtx */
	struct ar_av_ext ext[AR_AV_MAX_EXTS];
	struct ar_av_ssrc ssrc[AR_AV_MAX_SSRCS];
	struct ar_av_crypto crypto[AR_AV_MAX_CRYPTO];
	unsigned nfingerprint, ncandidate, ncodec, next, nssrc, ncrypto;
	unsigned max_kbps; /* b=TIAS or b=AS, 0: none */
	enum ar_av_transport transport;
	enum ar_setup setup;
	enum ar_direction direction;
	uint16_t rtcp_port; /* a=rtcp, else the next one; of no meaning with rtcp_mux */
	bool feedback; /* AVPF or SAVPF */
	bool ice_lite, rtcp_mux, rtcp_rsize, bundle_only;
};

/* Reads section i. Lenient: what cannot be read is left out. False: no audio or video section. */
bool ar_sdp_av_parse(struct ar_sdp_av *av, const struct ar_sdp *sdp, unsigned i);

const char *ar_direction_name(enum ar_direction d); /* "sendrecv" ... */
/* The section's own direction, else the session's, else sendrecv (RFC 8866 6.7). */
enum ar_direction ar_sdp_direction(struct ar_span section, struct ar_span session);
const char *ar_fb_name(unsigned bit); /* of bit 0 to AR_FB_BITS - 1 */
/* Value of key in "key=value;key=value", AR_SPAN_NONE: not there. */
struct ar_span ar_av_fmtp(struct ar_span fmtp, const char *key);
/*
 * Of the parameters only those that tell of a receiver (RFC 7741 6.1, RFC 6184 8.1, RFC 7587 6.1);
 * parameter sets of the sender's encoder are left out. Appends nothing when nothing is left.
 */
void ar_av_add_fmtp(struct ar_buf *b, struct ar_span fmtp);

#endif
