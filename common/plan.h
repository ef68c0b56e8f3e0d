/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The answer plan: one offer/answer exchange as two recipes (RFC 3264 on both legs).
 *
 * asd makes a plan per exchange (asd/call/planner.h); the module keeps it in shared memory and
 * applies it to the offer and to every answer of that exchange, as a pure function of plan and
 * input: same input, same bytes, also for retransmissions. The plan of the last answered exchange
 * is the dialog's m-line map.
 *
 * Sides: A sent the dialog's first INVITE, B received it, as seen at this hop. A description *to* a
 * side is what that side gets. rtpengine always sees A's layout (docs/architecture.md).
 */
#ifndef AR_PLAN_H
#define AR_PLAN_H

#include "common/ar_buf.h"
#include "common/recognise.h"

#define AR_PLAN_MAX_SECTIONS AR_SDP_MAX_MEDIA
#define AR_PLAN_MAX_TEXT 4096 /* bytes of one section text of ours */
#define AR_PLAN_REF_LEN 32
/* In audio and video texts of ours: for Kamailios further on, which have no plan. */
#define AR_PLAN_ARMF_ATTR "x-ims-ar-armf"
/* Video through the media function is numbered anew, so it has other SSRCs than the same video past
 * it: the sender's with these bits turned. Under one SSRC a receiver takes numbers that go back for
 * old packets (libwebrtc: every second time that video is taken there or back). What asd asks
 * mediad for, where both that and the module can; they get it told, none has it built in. */
#define AR_PLAN_SSRC_MASK 0x2a5c96e1u

enum ar_side { AR_SIDE_A, AR_SIDE_B };

static inline enum ar_side ar_other_side(enum ar_side s)
{
	return s == AR_SIDE_A ? AR_SIDE_B : AR_SIDE_A;
}

/* One section of the description that a recipe makes. */
struct ar_plan_section {
	/*
	 * pass: section `from` of the input, byte for byte; `alt` (a port 0 section) when the
	 * input is too short. Otherwise `text`; `alt` when section `from` of the input is absent
	 * or has port 0 (from -1: unconditional, no alt). A slot that we keep refused is a `text`
	 * at port 0.
	 */
	bool pass;
	/*
	 * An audio or video text of ours (not its alt) ends with what only section `from` of the
	 * input can tell: its direction (RFC 3264 6.1; the session's where it has none), a=msid,
	 * a=ssrc, a=ssrc-group, a=label and a=content, in its order. So hold and the sender's names
	 * pass end to end while the media themselves go through the media function. Video gets
	 * SSRCs of its own: the sender's XOR ssrc_mask, 0 leaves them.
	 */
	bool carry;
	uint32_t ssrc_mask;
	int16_t from;
	struct ar_span text, alt; /* whole sections with CRLF line ends; always with their own c= */
};

struct ar_recipe {
	unsigned n;
	bool ice_lite; /* add session-level a=ice-lite when one of our texts is used */
	struct ar_plan_section *sec;
};

/* Room for the sections of a plan under construction; a clone has its own, exactly sized. */
struct ar_plan_room {
	unsigned used;
	struct ar_plan_section sec[(1 + AR_OUTCOMES) * AR_PLAN_MAX_SECTIONS];
};

struct ar_plan {
	char ref[AR_PLAN_REF_LEN + 1]; /* asd's name for it, in logs and events */
	enum ar_side offerer;
	bool drop_group; /* remove a=group:BUNDLE in every description of this exchange */
	/* 1 + the outcome of the answer, set by who makes the plan the dialog's map; 0: unknown,
	 * ar_plan_from_map() then guesses it from the next offer. */
	uint8_t settled;
	struct ar_recipe offer;
	unsigned nanswer; /* 1..AR_OUTCOMES */
	struct ar_recipe answer[AR_OUTCOMES];
	uint8_t answer_for[AR_OUTCOMES]; /* outcome -> index into answer */
	/* o= of the leg to A and to B: "<username> <sess-id>". Empty: o= passes as it is, version
	 * and all, since that side has seen the other's from before (the call was an ordinary one).
	 */
	struct ar_span session_id[2];
	struct ar_span origin_addr[2]; /* "IN IP4 192.0.2.1" */
	/* "BUNDLE 0": a=group to add towards that side when rtpengine has dropped it and
	 * drop_group is not set; absent: none. For a UE that cannot do without (max-bundle). */
	struct ar_span group[2];
};

/* Which description of the exchange is being made. */
struct ar_plan_dir {
	bool answer;
	enum ar_outcome outcome; /* answers only */
};

static inline const struct ar_recipe *ar_plan_recipe(const struct ar_plan *p, struct ar_plan_dir d)
{
	return d.answer ? &p->answer[p->answer_for[d.outcome]] : &p->offer;
}

static inline enum ar_side ar_plan_to(const struct ar_plan *p, struct ar_plan_dir d)
{
	return d.answer ? p->offerer : ar_other_side(p->offerer);
}

/*
 * Makes the description to ar_plan_to() from `in`, what the other side sent. With rtpengine in the
 * middle `relayed` is its output, in A's layout, with the sections of ours at port 0; else NULL.
 * `version` is the o= version of this leg. Conditions look at `in` only. Data channel sections that
 * pass come from `in`, with a copy of its session-level fingerprint, setup, ICE and c= lines;
 * all others from `relayed` when given. A group that stays (drop_group not set) keeps only the mids
 * of sections in use. Output has CRLF line ends, appended to out. 0, -EBADMSG (a passed index is
 * missing and has no alt) or the buffer's error.
 */
int ar_plan_apply(const struct ar_plan *p, struct ar_plan_dir d, const struct ar_sdp *in,
	const struct ar_sdp *relayed, uint64_t version, struct ar_buf *out)
	__attribute__((warn_unused_result));

/*
 * What rtpengine is to be given for the same description: A's layout, every data channel section,
 * and every section that the recipe does not pass on, at port 0 and with a c= line. p may be NULL
 * (ordinary call: `in` with its data channel sections at port 0).
 */
int ar_plan_hide(const struct ar_plan *p, struct ar_plan_dir d, const struct ar_sdp *in,
	struct ar_buf *out) __attribute__((warn_unused_result));

/* The same without a plan; also: a bit for each section that is to be hidden too, whatever its
 * kind. */
int ar_plan_hide_also(const struct ar_sdp *in, uint32_t also, struct ar_buf *out)
	__attribute__((warn_unused_result));

/* The way back without a plan: `relayed` with the data channel sections of `in`, and those of
 * `also`, by index. */
int ar_sdp_restore_also(const struct ar_sdp *in, const struct ar_sdp *relayed, uint32_t also,
	struct ar_buf *out) __attribute__((warn_unused_result));
int ar_sdp_restore(const struct ar_sdp *in, const struct ar_sdp *relayed, struct ar_buf *out)
	__attribute__((warn_unused_result));

/* The DTLS roles that the last answers settled. */
struct ar_plan_roles {
	/* by side: a bit for each section of its layout where we are active, all others passive */
	uint32_t active[2];
	/* the media function does not have them any more: audio and video of ours pass again */
	bool av_gone;
};

/*
 * A plan for a new exchange inside the dialog, made from the map (the plan of the last answered
 * exchange) alone: same layout both ways, offers from either side, added passed-through sections
 * at the end of both. Our section texts are reused with a=setup set for the role: actpass in an
 * offer, what was settled (`roles`) in an answer, and without the
 * a=dcmap and a=tls-id lines that the offer does not have; audio and video texts likewise without
 * formats, extensions and multiplexing that it does not have. A slot that is refused, by the offer
 * or in the map, stays so. Spans of *out borrow from map, offer and texts (clone to keep); *out and
 * *room are overwritten, texts is appended to.
 *
 * Where ours was, a section of another kind is refused with port 0 on both legs: the UE may
 * well have refused ours before, and RFC 3264 8.3.2 lets it use the line for another stream then.
 *
 * -EPROTO when the new offer has fewer sections than the map (RFC 3264 8), -E2BIG over
 * AR_PLAN_MAX_SECTIONS, or the buffer's error.
 */
int ar_plan_from_map(const struct ar_plan *map, enum ar_side offerer, const struct ar_sdp *offer,
	const struct ar_plan_roles *roles, struct ar_plan *out, struct ar_plan_room *room,
	struct ar_buf *texts) __attribute__((warn_unused_result));
/* n sections of the room, zeroed; NULL when it is full. */
struct ar_plan_section *ar_plan_room_take(struct ar_plan_room *room, unsigned n);

/* One contiguous copy with all texts inside, from alloc (malloc, shm_malloc); NULL: no memory.
 * ar_plan_size() bytes are asked for. Freed with the matching free. */
size_t ar_plan_size(const struct ar_plan *p);
struct ar_plan *ar_plan_clone(const struct ar_plan *p, void *(*alloc)(size_t size));

/* Invariants of a plan from outside: indices in range, texts are one section each, alts have port
 * 0, counts within the maxima. 0 or -EBADMSG with *why static text. */
int ar_plan_check(const struct ar_plan *p, const char **why) __attribute__((warn_unused_result));

#endif
