/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a data channel section says (RFC 8841, 8842, 8864, 8839, 8122), with session-level values
 * already applied. Spans borrow from the description. Pure.
 */
#ifndef AR_SDP_DC_H
#define AR_SDP_DC_H

#include "common/sdp.h"

#define AR_DC_MAX_STREAMS 32
#define AR_DC_MAX_FINGERPRINTS 4
#define AR_DC_MAX_CANDIDATES 32
#define AR_DC_MAX_STREAM_ID 65534
#define AR_DC_DEFAULT_MESSAGE_SIZE 65536 /* RFC 8841 6.1, when the attribute is absent */

enum ar_setup { AR_SETUP_NONE, AR_SETUP_ACTPASS, AR_SETUP_ACTIVE, AR_SETUP_PASSIVE };

struct ar_dc_stream { /* one a=dcmap, RFC 8864 5.1 */
	uint16_t id;
	bool ordered;
	int32_t max_retr; /* -1 unset */
	int32_t max_time; /* ms, -1 unset */
	uint16_t priority;
	struct ar_span subprotocol, label; /* as written, %HH not decoded */
};

struct ar_sdp_dc {
	struct ar_span ufrag, pwd;
	bool ice_lite;
	struct ar_span fingerprint[AR_DC_MAX_FINGERPRINTS]; /* "sha-256 AB:CD..." */
	unsigned nfingerprint;
	enum ar_setup setup;
	struct ar_span tls_id, mid, addr; /* addr: c= address without a /ttl */
	uint16_t sctp_port;
	uint64_t max_message_size; /* 0: any size (RFC 8841) */
	struct ar_span candidate[AR_DC_MAX_CANDIDATES]; /* value of a=candidate */
	unsigned ncandidate;
	struct ar_dc_stream stream[AR_DC_MAX_STREAMS];
	unsigned nstream;
	bool bundle_only;
	struct ar_span req_app; /* a=3gpp-req-app */
	struct ar_span bdc_used_by; /* a=3gpp-bdc-used-by: "sender" or "receiver" */
};

/*
 * Reads section i. -EBADMSG with a reason: no sctp-port, bad or doubled stream ids, both max-retr
 * and max-time on one dcmap, two fmts, no fingerprint... (*err says which line of the description).
 * A section at port 0 may lack all of it. Lenient where UEs are sloppy: dcmap options apart by
 * ';' or blanks, a bare `ordered`, unknown options, a tls-id of another length.
 */
int ar_sdp_dc_parse(struct ar_sdp_dc *dc, const struct ar_sdp *sdp, unsigned i,
	struct ar_sdp_error *err) __attribute__((warn_unused_result));

/* Neither refused nor closed (RFC 8841 6.6): port and sctp-port are not 0. */
bool ar_sdp_dc_live(const struct ar_sdp_media *m, const struct ar_sdp_dc *dc);

const char *ar_setup_name(enum ar_setup s);

#endif
