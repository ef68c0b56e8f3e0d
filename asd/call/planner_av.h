/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which audio and video sections go through the ARMF, and what our descriptions of them say
 * (steps 12 and 13; docs/mrm.md "Media for the ARMF"). Pure, as the planner: the same offer, map
 * and rules give the same choice, so it is made when the offer comes and again for its plan.
 *
 * One codec on both legs is preferred: the answer to the offerer has one, the first of its offer
 * that the ARMF has or the policy's, and the offer to the other side has the same one first.
 * Payload types and extension numbers are the offerer's on both legs; in later exchanges each leg
 * keeps its own.
 */
#ifndef PLANNER_AV_H
#define PLANNER_AV_H

#include "common/plan.h"
#include "common/plan_emit.h"
#include "common/sdp_av.h"

#define PLANNER_MAX_AV 4
#define PLANNER_AV_FORMATS 4
#define PLANNER_AV_CODECS 6 /* with RED and ULPFEC */
#define PLANNER_AV_EXTS 8
#define PLANNER_AV_ID_LEN 7
#define PLANNER_MAX_CANDIDATES 8

enum planner_av_kind { PLANNER_AV_VIDEO, PLANNER_AV_AUDIO, PLANNER_AV_KINDS };

/* What the policy wants of the first live section of a kind. */
struct planner_av_rule {
	bool wanted;
	char codec[16]; /* "": the ARMF's choice */
	unsigned max_kbps[2]; /* by side, 0: no limit */
};

struct planner_av_rules {
	struct planner_av_rule kind[PLANNER_AV_KINDS];
	unsigned transports; /* bit per enum ar_av_transport that may be used */
	/* What a side is offered that has said nothing yet; AR_AV_OTHER: the offerer's. */
	enum ar_av_transport offered;
};

/* What our description says on one leg. */
struct planner_av_desc {
	enum ar_av_transport transport;
	struct ar_span proto, mid;
	bool ice, rtcp_mux, rtcp_rsize;
	struct ar_av_codec codec[PLANNER_AV_CODECS];
	unsigned ncodec;
	struct ar_av_ext ext[PLANNER_AV_EXTS];
	unsigned next;
	unsigned max_kbps; /* b=AS, 0: none */
	/* SDES: of the offered a=crypto that is answered; tag 0 in an offer */
	uint32_t crypto_tag;
	struct ar_span crypto_suite;
};

/* What the media function has reserved on one leg. */
struct planner_av_leg {
	struct ar_span addr, ufrag, pwd, fingerprint, key; /* key: ours for SDES */
	uint16_t port;
	uint32_t ssrc_mask; /* what is sent there has the other side's SSRCs XOR this */
	struct ar_span candidate[PLANNER_MAX_CANDIDATES];
	unsigned ncandidate;
	enum ar_setup setup; /* ours when we answer */
};

/* One m-line that goes to the ARMF. Everything borrows from the offer and the map. */
struct planner_av {
	unsigned index; /* on the offerer's leg */
	int peer; /* its slot on the other leg */
	enum planner_av_kind kind;
	char id[PLANNER_AV_ID_LEN +
		1]; /* mediaId: "v1", by its slot on A's leg; for the dialog's life */
	struct ar_sdp_av offered;
	struct planner_av_desc desc[2]; /* by side */
	struct planner_av_leg leg[2];
};

struct planner_av_choice {
	unsigned n;
	struct planner_av av[PLANNER_MAX_AV];
	/* Static text: why a wanted kind stays where it is; NULL: it does not, or is not wanted */
	const char *why[PLANNER_AV_KINDS];
};

/* map: of the dialog, NULL in its first exchange. max_bundle: the offerer cannot take unbundled
 * media (struct planner_choice). */
void planner_av_choose(struct planner_av_choice *c, const struct planner_av_rules *rules,
	const struct ar_sdp *offer, enum ar_side offerer, const struct ar_plan *map,
	bool max_bundle);

/* Sections of the plan that go to the ARMF. */
struct planner_av_slot {
	char id[PLANNER_AV_ID_LEN + 1];
	enum planner_av_kind kind;
	unsigned at[2]; /* section by side */
};
unsigned planner_av_slots(const struct ar_plan *p, struct planner_av_slot out[PLANNER_MAX_AV]);

/* NULL, or why the leg's facts cannot stand in SDP (static text). */
const char *planner_av_leg_fault(const struct planner_av *av, enum ar_side side);
/* Our section on that side's leg; errors stick in the buffer. */
struct ar_span planner_av_text(struct plan_texts *t, const struct planner_av *av, enum ar_side side,
	bool answer, struct ar_span mid);
#endif
