/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of plans and of the planner share. */
#ifndef PLAN_HELP_H
#define PLAN_HELP_H

#include "common/plan.h"

#define A_ORIGIN "IN IP4 198.51.100.1"
#define B_ORIGIN "IN IP6 2001:db8::2"

#define DC_TEXT(LEG, SETUP)                                                                        \
	"m=application 900" LEG " UDP/DTLS/SCTP webrtc-datachannel\r\n"                            \
	"c=IN IP4 203.0.113." LEG "\r\n"                                                           \
	"a=mid:1\r\n"                                                                              \
	"a=ice-ufrag:mf" LEG LEG "\r\n"                                                            \
	"a=ice-pwd:mfmfmfmfmfmfmfmfmfmfmf" LEG "\r\n"                                              \
	"a=sctp-port:5000\r\n"                                                                     \
	"a=setup:" SETUP "\r\n"                                                                    \
	"a=tls-id:mfmfmfmfmfmfmfmfmfmf" LEG "\r\n"                                                 \
	"a=fingerprint:SHA-256 " FP32 "\r\n"                                                       \
	"a=dcmap:1000 subprotocol=\"mpeg-sd\"\r\n"                                                 \
	"a=dcmap:1002 subprotocol=\"3gpp-ar-metadata\"\r\n"
#define DC_STUB                                                                                    \
	"m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.9\r\na=mid:1\r\n"

/* Parses or fails the test, saying where. */
void parse(struct ar_sdp *sdp, const char *text);
void parse_buf(struct ar_sdp *sdp, const struct ar_buf *b);

/* Audio passes, the data channel is anchored: A's at index 1, B's at index 1. */
struct sample_plan {
	struct ar_plan plan;
	struct ar_plan_section offer[3], answer[3], refused[3];
};
void sample_plan(struct sample_plan *s);

bool has(const struct ar_buf *b, const char *needle);
bool has_span(struct ar_span s, const char *needle);
unsigned count(struct ar_span s, const char *needle);
#define assert_has(b, needle)                                                                      \
	do {                                                                                       \
		if (!has(b, needle))                                                               \
			fail_msg("\"%s\" is not in:\n%.*s", needle, (int)(b)->n, (b)->p);          \
	} while (0)
#define assert_has_not(b, needle)                                                                  \
	do {                                                                                       \
		if (has(b, needle))                                                                \
			fail_msg("\"%s\" is in:\n%.*s", needle, (int)(b)->n, (b)->p);              \
	} while (0)

#endif
