/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much a path carries, seen from the sender: delay gradient and loss from transport-wide
 * feedback (draft-ietf-rmcat-gcc-02), loss from receiver reports without it, capped by REMB.
 * One per transport; rates in bit/s, now in microseconds. No socket, no clock, one thread.
 */
#ifndef BWE_H
#define BWE_H

#include "mediad/rtp/rtcp.h"

#define BWE_LOG 2048 /* packets in flight that are remembered; older ones do not count */

struct bwe_conf {
	uint64_t start, min, max;
};

struct bwe;

int bwe_new(struct bwe **out, const struct bwe_conf *conf) __attribute__((warn_unused_result));
void bwe_free(struct bwe *b);
/* A packet of n bytes leaves; the transport-wide sequence number to put into it. */
uint16_t bwe_sent(struct bwe *b, uint64_t now, size_t n);
/* Transport-wide feedback. -EBADMSG: malformed. told (or NULL): each packet that is spoken of for
 * the first time, by its transport-wide number; one that was said to be missing may come later.
 * UNTOLD: feedback has come about packets after it and none about it: that message was lost. */
enum bwe_fate { BWE_LOST, BWE_RECEIVED, BWE_UNTOLD };
typedef void bwe_told(void *arg, uint16_t seq, enum bwe_fate fate);
int bwe_feedback(
	struct bwe *b, const struct rtcp_packet *p, bwe_told *told, void *arg, uint64_t now);
/* A report block about a stream of ours; counts only while there is no feedback. */
void bwe_report(struct bwe *b, const struct rtcp_report *r, uint64_t now);
void bwe_remb(struct bwe *b, uint64_t rate, uint64_t now);
/* Another upper limit than that of bwe_conf, bit/s. */
void bwe_set_max(struct bwe *b, uint64_t max);
/* Is more on its way than the path holds, as far as feedback has come? Then media wait. */
bool bwe_is_full(const struct bwe *b, uint64_t now);
/* Has the path lately been seen to carry no more than this, or is nothing known of it yet? Then a
 * burst may stand in a queue. */
bool bwe_is_tight(const struct bwe *b, uint64_t now);
uint64_t bwe_target(const struct bwe *b);

#endif
