/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_HELP_H
#define TEST_HELP_H

#include "kamailio-modules/ims_ar/ar_calls.h"

#define METHOD_INVITE_T 1 /* core/parser/msg_parser.h */
#define METHOD_ACK_T 4

#define DC_TEXT                                                                                    \
	"m=application 30001 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"           \
	"a=setup:actpass\r\na=sctp-port:5000\r\n"
#define DC_CLOSED "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 192.0.2.1\r\n"

/* Audio passes, the data channel is ours, both ways. Spans are static text. */
static inline void help_plan(struct ar_plan *p, struct ar_plan_room *room, enum ar_side offerer)
{
	memset(p, 0, sizeof(*p));
	memset(room, 0, sizeof(*room));
	memcpy(p->ref, "test-1", 7);
	p->offerer = offerer;
	p->session_id[0] = p->session_id[1] = AR_SPAN("- 1");
	p->origin_addr[0] = p->origin_addr[1] = AR_SPAN("IN IP4 192.0.2.1");
	p->nanswer = 1;
	p->offer = (struct ar_recipe){.n = 2, .ice_lite = true, .sec = room->sec};
	p->answer[0] = (struct ar_recipe){.n = 2, .ice_lite = true, .sec = room->sec + 2};
	room->used = 4;
	room->sec[0] = (struct ar_plan_section){.pass = true, .from = 0};
	room->sec[1] = (struct ar_plan_section){.from = -1, .text = AR_SPAN(DC_TEXT)};
	room->sec[2] = (struct ar_plan_section){.pass = true, .from = 0};
	room->sec[3] = (struct ar_plan_section){
		.from = 1, .text = AR_SPAN(DC_TEXT), .alt = AR_SPAN(DC_CLOSED)};
}

static inline struct ar_msg_key help_key(
	const char *callid, const char *from, const char *to, uint32_t cseq, uint32_t via)
{
	return (struct ar_msg_key){.callid = ar_span_str(callid),
		.from_tag = ar_span_str(from),
		.to_tag = ar_span_str(to),
		.cseq = cseq,
		.method = METHOD_INVITE_T,
		.via = via};
}

#endif
