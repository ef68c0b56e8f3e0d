/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing descriptions from parts of others; inside common only (plan_apply.c, plan_map.c).
 *
 * Errors stick in the buffer (ar_buf_err). Every line ends in CRLF whatever the input had.
 */
#ifndef AR_PLAN_EMIT_H
#define AR_PLAN_EMIT_H

#include "common/plan.h"

/* One section of the description being made. */
struct plan_piece {
	struct ar_sdp_media m; /* m.text is what is written */
	bool port0; /* as a stub: m= with port 0, c=, mid */
	/* The description it comes from when its session-level values must come with it; else NULL.
	 */
	const struct ar_sdp *from;
	/* The section whose direction and names go along (common/plan.h, carry) and its session; p
	 * NULL: none. */
	struct ar_span carry, carry_session;
	uint32_t ssrc_mask;
	bool ours; /* a text of the plan: whole as it is */
};

struct plan_parts {
	unsigned n;
	struct plan_piece piece[AR_PLAN_MAX_SECTIONS];
};

/* What becomes of the session part. */
struct plan_session {
	struct ar_span text; /* of the description that carries the ordinary media */
	/* new o= line: "<user> <id>", version, "IN IP4 <address>"; session_id.n 0: as it is */
	struct ar_span session_id, origin_addr;
	uint64_t version;
	bool drop_group; /* no a=group:BUNDLE at all; else only mids in use stay in it */
	struct ar_span group; /* value of the one to add when there is none; n 0: none */
	bool ice_lite; /* a=ice-lite wanted */
	bool own_tcc; /* leave transport-wide congestion control out of sections that pass */
	struct ar_span address; /* c= value for a section that would have none */
};

void plan_emit(struct ar_buf *out, const struct plan_session *s, const struct plan_parts *parts);

/* m= line of media with port 0, c= line, a=mid when there is one. */
void plan_emit_stub(struct ar_buf *out, const struct ar_sdp_media *m, struct ar_span address,
	struct ar_span mid);
void plan_emit_line(struct ar_buf *out, struct ar_span line);
/* "IN IP4 192.0.2.1" of the o= line. */
struct ar_span plan_origin_address(const struct ar_sdp *sdp);

/* plan_av.c: whether the line negotiates transport-wide congestion control for its section, by
 * a=extmap or a=rtcp-fb (draft-holmer-rmcat-transport-wide-cc-extensions-01). */
bool plan_av_is_tcc(struct ar_span line);

/* Audio and video texts of the map against a new offer of the section. */
struct plan_offered {
	const struct ar_sdp_media *m;
	struct ar_span session;
};

/* Whether our text can answer it at all: same protocol, our first format, a key suite. */
bool plan_av_fits(const struct ar_sdp_media *ours, const struct ar_sdp_media *offered);
/* True when the line needs nothing more: it was written otherwise, or cannot be in the answer. */
bool plan_av_emit(struct ar_buf *out, const struct ar_sdp_media *ours, struct ar_span line,
	const struct plan_offered *o);

/*
 * Texts under construction, with spans that stay valid: room for all of them is taken first, and
 * until the end the buffer refuses to grow (-ENOBUFS) in place of moving.
 */
struct plan_texts {
	struct ar_buf *buf;
	size_t max; /* what buf->max was */
};

int plan_texts_begin(struct plan_texts *t, struct ar_buf *buf, size_t bound);
int plan_texts_end(struct plan_texts *t);
/* What was written since buf->n was mark. */
struct ar_span plan_texts_since(const struct plan_texts *t, size_t mark);
/* The section as one at port 0. */
struct ar_span plan_texts_stub(
	struct plan_texts *t, const struct ar_sdp_media *m, struct ar_span address);

#endif
