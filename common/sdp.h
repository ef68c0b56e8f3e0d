/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line-preserving view of a session description (RFC 8866).
 *
 * Nothing is copied: every span points into the text given to ar_sdp_parse(), which must stay.
 * Pure: no allocation, no I/O, any thread. Both CRLF and bare LF line ends are accepted.
 */
#ifndef AR_SDP_H
#define AR_SDP_H

#include "common/ar_span.h"

#include <stdint.h>

#define AR_SDP_MAX_LEN 65535 /* bytes of one description */
#define AR_SDP_MAX_LINES 2048
#define AR_SDP_MAX_LINE 8192 /* bytes of one line without its end */
#define AR_SDP_MAX_MEDIA 32 /* m= sections */

enum ar_sdp_kind {
	AR_SDP_AUDIO,
	AR_SDP_VIDEO,
	AR_SDP_DATACHANNEL, /* m=application, UDP/DTLS/SCTP or TCP/DTLS/SCTP, fmt webrtc-datachannel
			     */
	AR_SDP_OTHER,
};

struct ar_sdp_media {
	struct ar_span text; /* the whole section, m= line and line ends included */
	struct ar_span media, proto, fmt; /* fmt: the rest of the m= line */
	struct ar_span port_text; /* as written, "40000" or "40000/2" */
	uint16_t port;
	enum ar_sdp_kind kind;
};

struct ar_sdp {
	struct ar_span text; /* all of it */
	struct ar_span session; /* from v= up to the first m= */
	unsigned nmedia;
	struct ar_sdp_media media[AR_SDP_MAX_MEDIA];
};

/* Where and why a text was refused; for logs and answers. */
struct ar_sdp_error {
	unsigned line; /* from 1; 0: the whole */
	const char *reason; /* static text */
};

/* 0, or -EBADMSG / -E2BIG with *err (may be NULL) filled in. */
int ar_sdp_parse(struct ar_sdp *sdp, const char *p, size_t n, struct ar_sdp_error *err)
	__attribute__((warn_unused_result));

/* One section alone (a text of a plan): an m= line and what belongs to it. -EBADMSG with *err. */
int ar_sdp_parse_section(struct ar_sdp_media *m, struct ar_span text, struct ar_sdp_error *err)
	__attribute__((warn_unused_result));

/* Next line of a section without its end; *pos starts at 0. False at the end. */
bool ar_sdp_next_line(struct ar_span section, size_t *pos, struct ar_span *line);
/* Next `a=name` or `a=name:value`; *value has leading blanks trimmed (a 3GPP text prints
 * "a=tls-id: abc"), is empty for a flag. Names are compared case-sensitively (RFC 8866). */
bool ar_sdp_next_attr(struct ar_span section, size_t *pos, const char *name, struct ar_span *value);
/* Whether this one line is that attribute; *value as above. */
bool ar_sdp_line_attr(struct ar_span line, const char *name, struct ar_span *value);
/* First value, or AR_SPAN_NONE. */
struct ar_span ar_sdp_attr(struct ar_span section, const char *name);
/* First line of the type, its value without "x=", or AR_SPAN_NONE. */
struct ar_span ar_sdp_line(struct ar_span section, char type);

/* The o= line: "<username> <sess-id>", version, "<nettype> <addrtype> <address>". */
struct ar_sdp_origin {
	struct ar_span session_id, address;
	uint64_t version;
};
/* False when it is not six words with single blanks, or the version no number below 10^18. */
bool ar_sdp_origin(const struct ar_sdp *sdp, struct ar_sdp_origin *origin)
	__attribute__((warn_unused_result));
/* The same of the line's value alone. */
bool ar_sdp_origin_value(struct ar_span value, struct ar_sdp_origin *origin)
	__attribute__((warn_unused_result));

#endif
