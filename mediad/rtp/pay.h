/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames to RTP payloads: VP8 (RFC 7741, 15-bit picture ids), H.264 (RFC 6184, packetization-mode
 * 1, STAP-A for small NAL units, FU-A for big ones). Pure functions; emit is called once per
 * payload, in order, with last set on the frame's final one (RTP marker). An error of emit ends it
 * and is returned.
 */
#ifndef PAY_H
#define PAY_H

#include "common/ar_span.h"

#include <stdint.h>

#define PAY_MIN_MTU 64
#define PAY_MAX_MTU 1400 /* payload bytes: leaves room for headers, extensions, RTX and SRTP */

typedef int pay_emit(void *user, struct ar_span payload, bool last);

/* -EINVAL: mtu out of range, or an empty frame. nonref: no later frame refers to it. */
int pay_vp8(struct ar_span frame, uint16_t picture_id, bool nonref, size_t mtu, pay_emit *emit,
	void *user) __attribute__((warn_unused_result));
/* frame: an access unit in Annex B. */
int pay_h264(struct ar_span frame, size_t mtu, pay_emit *emit, void *user)
	__attribute__((warn_unused_result));

#endif
