/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the answer plan of one offer/answer exchange (common/plan.h): step 6 and 7 of the call
 * flow as far as SDP goes (TS 24.186 9.3, RFC 3264, 8841, 8864, 9143).
 *
 * Pure: no I/O, no clock, no allocation but in `texts`. call_flow.c calls it, in this order:
 * planner_choose() on the offer, reservation of both legs at the media function with what was
 * chosen, planner_plan(). For a call without AR: planner_plan() at once, with no leg present.
 *
 * Audio and video pass to the other side (and through rtpengine), except where planner_av.h chose
 * a section for the ARMF.
 *
 * Layout. Both legs have the same sections in the same order, the offerer's. One data channel
 * section, the anchored one, is answered by our text and offered as our text in the same position.
 * Every further data channel section is answered with port 0 and stands on the other leg as a
 * section at port 0 too (but planner_boot.h): no index and no a=mid ever differs between the legs
 * (but an offer that names only some sections, of which ours are not named there), which keeps a
 * mid that a UE adds later from colliding with one that only the other leg has. Sections that a UE
 * adds later come at the end of both legs. Exception: a data channel that only the other side gets
 * is appended there.
 *
 * a=group:BUNDLE goes from both legs, from the first answer on: libwebrtc refuses an unbundled data
 * channel in any later answer otherwise. A max-bundle offer cannot be anchored: its data channel
 * is refused and its group stays.
 */
#ifndef PLANNER_H
#define PLANNER_H

#include "asd/call/planner_av.h"
#include "common/plan.h"

#define PLANNER_MAX_STREAM_ID 1022 /* libwebrtc as packaged for Node stops at 1023 */
#define PLANNER_AR_STREAM_ID 1000 /* application data channels, TS 26.114 6.2.10.1 */
#define PLANNER_ACCEPT "mpeg-sd,3gpp-ar-metadata,3gpp-ar-animation,3gpp-sr-*"
#define PLANNER_MAX_NAMES 2048 /* bytes of sub-protocols and labels that one answer repeats */
#define PLANNER_MAX_BINDING 512 /* bytes of an a=3gpp-req-app that goes along */
#define PLANNER_TEXTS_MAX (256 * 1024) /* bytes of the texts of one plan */

/* Which data channels the application takes. Zero and NULL mean the defaults above. */
struct planner_rules {
	const char *accept; /* sub-protocols, comma separated, an item may end in '*' */
	unsigned max_stream_id;
	const struct ar_recognise_conf *recognise;
};

/* What is to be anchored of an offer. Spans borrow from the offer. */
struct planner_choice {
	int index; /* of the section; -1: none */
	const char
		*why; /* static text: why none, or why streams were left out; NULL: all is well */
	bool max_bundle; /* the offerer cannot take an unbundled data channel */
	struct ar_sdp_dc dc;
	struct ar_dc_stream accepted[AR_DC_MAX_STREAMS];
	unsigned naccepted, nleft_out;
};

/*
 * The anchored section of the map where it is still live, else the first with AR streams, stream
 * ids from 1000 on or a=3gpp-req-app, else the first without any a=dcmap (channels in-band).
 * mpeg-sd offered unreliable or unordered is left out, as are ids above the maximum. map may be
 * NULL.
 */
void planner_choose(struct planner_choice *choice, const struct planner_rules *rules,
	const struct ar_sdp *offer, enum ar_side offerer, const struct ar_plan *map);

/* What the media function has reserved on one leg. Borrowed. */
struct planner_leg {
	bool present; /* false: no data channel of ours on this leg */
	struct ar_span addr; /* "192.0.2.1", "2001:db8::1" */
	uint16_t port, sctp_port;
	uint64_t max_message_size; /* 0: any */
	struct ar_span ufrag, pwd, fingerprint, tls_id; /* tls_id n 0: none */
	struct ar_span candidate[PLANNER_MAX_CANDIDATES]; /* values of a=candidate */
	unsigned ncandidate;
	enum ar_setup setup; /* ours when we answer: ACTIVE or PASSIVE (anything else: PASSIVE) */
	const struct ar_dc_stream *stream; /* to offer, or accepted of the offer */
	unsigned nstream;
};

/* Outcomes in which the offerer's data channel usually lives. */
#define PLANNER_KEEP_USUAL                                                                         \
	(1u << AR_OUTCOME_AR_CAPABLE | 1u << AR_OUTCOME_AR_ASSISTED | 1u << AR_OUTCOME_DC_ONLY)

struct planner_boot_choice;

struct planner_in {
	const struct ar_sdp *offer;
	enum ar_side offerer;
	const struct planner_choice *choice;
	const struct ar_plan *map; /* plan of the last answered exchange; NULL in the first one */
	struct planner_leg leg[2];
	/* Sections that go to the ARMF, with both legs' facts: our text on both legs, whatever the
	 * outcome; refused on one leg, refused on the other. NULL: none. */
	const struct planner_av_choice *av;
	/* Bootstrap sections (planner_boot.h), with the legs' facts, whatever the outcome. NULL:
	 * none. */
	const struct planner_boot_choice *boot;
	/* Bit per outcome: the offerer's data channel is kept. With dc-refused in it, it is kept
	 * whatever the other side answers. */
	unsigned keep;
	struct ar_span ref; /* up to AR_PLAN_REF_LEN bytes */
	struct ar_span session_id[2]; /* "- 3901"; of the first exchange, then the map's rule */
	struct ar_span origin_addr[2]; /* "IN IP4 192.0.2.1"; same */
};

/*
 * 0, or with *why (static text): -EPROTO the offer breaks RFC 3264 against the map, -E2BIG too many
 * sections, -EINVAL a leg's facts cannot stand in SDP, -ENOMEM, -ENOBUFS. Without an anchored
 * section (choice->index -1, or no leg present) the plan is that of an ordinary call: data channel
 * sections at port 0 on both legs. Spans of *out borrow from in and texts; clone to keep.
 */
int planner_plan(const struct planner_in *in, struct ar_plan *out, struct ar_plan_room *room,
	struct ar_buf *texts, const char **why) __attribute__((warn_unused_result));

/* planner_plan() without any leg: the data channels of a call that is not to be an AR call. */
int planner_plain(const struct planner_in *in, struct ar_plan *out, struct ar_plan_room *room,
	struct ar_buf *texts, const char **why) __attribute__((warn_unused_result));

#endif
