/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A UE of the property test: keeps its m-lines as RFC 3264 wants it, makes offers with random
 * changes and answers what it is offered.
 */
#ifndef PROPERTY_UE_H
#define PROPERTY_UE_H

#include "common/sdp_dc.h"
#include "common/ar_buf.h"

struct rng {
	uint64_t x;
};

uint32_t rng_next(struct rng *r);
/* True n times of 100. */
bool rng_percent(struct rng *r, unsigned n);
unsigned rng_below(struct rng *r, unsigned n);

#define UE_MAX_SECTIONS 14

struct ue_section {
	enum ar_sdp_kind kind;
	unsigned port;
	char mid[16];
	bool has_dcmap, tls_id;
	unsigned used_by; /* bootstrap channels only: 1 for the sender, 2 for the receiver */
	unsigned streams; /* which of the known ones */
	/* video: protocol, which of its formats, and what is said beside them */
	bool dtls, mux;
	unsigned formats, direction, ssrc;
};

struct ue {
	const char *name;
	/* mids: all sections have one. names_data: the data channel has, as a WebRTC stack wrote
	 * it. */
	bool mids, names_data;
	bool session_c, session_ice, lf, group, max_bundle, bundle_only, rejects_dc, dtls;
	unsigned version;
	unsigned n;
	struct ue_section sec[UE_MAX_SECTIONS];
};

void ue_init(struct ue *u, struct rng *r, const char *name);
/* Changes something or nothing, and writes the offer. */
void ue_offer(struct ue *u, struct rng *r, struct ar_buf *out);
void ue_on_answer(struct ue *u, const struct ar_sdp *answer);
/* Takes note of the offer and writes the answer. short_one: with m-lines missing (a broken UE). */
void ue_answer(struct ue *u, struct rng *r, const struct ar_sdp *offer, bool short_one,
	struct ar_buf *out);

#endif
