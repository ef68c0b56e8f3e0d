/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dialog of the property test, and what both legs must keep in it: RFC 3264, 5888, 8839, 8841,
 * 8842, 8864 and 9143. A check prints what is wrong and is false then.
 */
#ifndef PROPERTY_CHECK_H
#define PROPERTY_CHECK_H

#include "asd/call/planner.h"
#include "tests/unit/common/property_ue.h"

#include <stdio.h>

/* One leg as the UE on it sees it. */
struct leg {
	struct ar_buf last; /* the last description to it */
	uint32_t version;
	unsigned n; /* its m-lines so far */
	bool live[AR_SDP_MAX_MEDIA];
	enum ar_sdp_kind kind[AR_SDP_MAX_MEDIA];
};

struct dialog {
	uint64_t seed;
	struct rng rng;
	struct ue ue[2];
	struct leg leg[2];
	bool rtpengine;
	unsigned rtpengine_n; /* m-lines that it has seen */
	struct ar_plan *map;
	struct ar_plan plan;
	struct ar_plan_room room;
	struct ar_buf texts, offer, answer, hidden, relayed, out, again;
	char ufrag[2][16];
	unsigned exchanges, step;
	bool terminating; /* the call comes from another network */
	bool broken; /* the UE that answers leaves m-lines out; the dialog ends after it */
	/* It began as an ordinary call, and is one still: descriptions pass, o= and all. */
	bool ordinary;
	/* o= of ours towards each side; of a call that was an ordinary one, what it got then */
	char session_id[2][64], origin_addr[2][64];
};

struct property_seen {
	unsigned long exchanges, refused, anchored, plain, local, failed, added, shorts, armf, gone,
		passed, became, boot;
};
extern struct property_seen seen;
extern bool verbose;

#define FAIL(d, ...)                                                                               \
	do {                                                                                       \
		printf("\ndialog seed %llu, exchange %u: ", (unsigned long long)(d)->seed,         \
			(d)->step);                                                                \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		return false;                                                                      \
	} while (0)

#define SHOW(b) (int)(b)->n, (b)->p

/* One description to that side, parsed into sdp. */
bool check_description(
	struct dialog *d, enum ar_side to, const struct ar_buf *b, bool offer, struct ar_sdp *sdp);
bool check_lines(struct dialog *d, const struct ar_buf *b);
bool check_later_offer(struct dialog *d, enum ar_side to, const struct ar_sdp *sdp);
bool check_answer(struct dialog *d, const struct ar_sdp *offer, const struct ar_sdp *answer);
/* What passes is byte for byte what the UE sent (no rtpengine, CRLF already). */
bool check_untouched(struct dialog *d, const struct ar_recipe *r, const struct ar_sdp *in,
	const struct ar_sdp *out);
/* What goes along with a text of ours is the other side's own. */
bool check_carried(struct dialog *d, const struct ar_recipe *r, const struct ar_sdp *in,
	const struct ar_sdp *out);
/* RFC 3264 8: other bytes have another version. */
bool check_version(struct dialog *d, enum ar_side to, const struct ar_buf *now);
bool is_armf(const struct ar_sdp_media *m);

#endif
