/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTP packets (RFC 3550 5.1) and their header extensions (RFC 8285).
 *
 * Pure functions over borrowed bytes: a parsed packet points into the datagram and is valid as long
 * as that is. Extensions are known by their URI; the ids come from the SDP (a=extmap) into a
 * struct rtp_extmap. Times on the wire: NTP 32.32 (abs-capture-time), 6.18 (abs-send-time).
 */
#ifndef RTP_PACKET_H
#define RTP_PACKET_H

#include "common/ar_span.h"

#include <stdint.h>

#define RTP_HEAD 12
#define RTP_MAX_CSRC 15
#define RTP_MAX_PACKET 1500
#define RTP_MAX_MID 32 /* a longer one does not fit anywhere else either */

enum rtp_ext {
	RTP_EXT_ABS_SEND_TIME,
	RTP_EXT_TRANSPORT_CC,
	RTP_EXT_MID, /* RFC 9143 15.2 */
	RTP_EXT_ABS_CAPTURE_TIME,
	RTP_EXT_XR_POSE, /* TS 26.522 4.3: carried as it is, not looked into */
	RTP_EXT_PLAYOUT_DELAY, /* libwebrtc: what a receiver is to hold a picture back */
	RTP_EXT_COUNT,
};

struct rtp_extmap {
	uint8_t id[RTP_EXT_COUNT]; /* 0: not negotiated */
};

/* What is in a packet (or shall be): a value counts only if its has_ flag is set. */
struct rtp_ext_values {
	bool has_send_time, has_transport_seq, has_capture_time, has_capture_offset;
	uint32_t send_time; /* 24 bits, 6.18 seconds */
	uint16_t transport_seq;
	uint64_t capture_time; /* NTP 32.32 of the capturing clock */
	int64_t capture_offset; /* 32.32, sender's NTP clock minus the capturing one */
	bool has_playout;
	uint32_t playout; /* 12 bits least, 12 bits most, of 10 ms */
	struct ar_span mid; /* p NULL: none */
	struct ar_span xr_pose; /* p NULL: none */
};

struct rtp_packet {
	bool marker;
	uint8_t pt;
	uint16_t seq;
	uint32_t ts, ssrc;
	uint8_t ncsrc;
	uint8_t npad; /* bytes of padding that followed the payload */
	uint32_t csrc[RTP_MAX_CSRC];
	uint16_t ext_profile;
	struct ar_span ext; /* p NULL: no extension block */
	struct ar_span payload;
};

/* RTP or RTCP on one port (RFC 5761 4): is the second byte an RTCP packet type? */
bool rtp_is_rtcp(struct ar_span datagram);

/* -EBADMSG: not version 2, truncated, or padding longer than the payload. */
int rtp_parse(struct rtp_packet *p, struct ar_span datagram) __attribute__((warn_unused_result));

/* The kind that a URI of a=extmap stands for; RTP_EXT_COUNT: none of ours. */
enum rtp_ext rtp_ext_of_uri(struct ar_span uri);
const char *rtp_ext_uri(enum rtp_ext kind);
/* The first element with this id (1..255). False: not there, or the block is malformed before it.
 */
bool rtp_ext_find(const struct rtp_packet *p, unsigned id, struct ar_span *value);
/* Everything of the map that is there with a legal length; out is written always. */
void rtp_ext_read(
	const struct rtp_packet *p, const struct rtp_extmap *map, struct rtp_ext_values *out);

/* Writes header, those of the values that the map has, and the payload; p->ext, csrc and npad are
 * not used. Length, or -ENOBUFS (cap), -EINVAL (a value too long for an element). */
int rtp_build(uint8_t *out, size_t cap, const struct rtp_packet *p, const struct rtp_extmap *map,
	const struct rtp_ext_values *values) __attribute__((warn_unused_result));

/* now in microseconds of any clock; abs-send-time wraps every 64 s. */
uint32_t rtp_send_time(uint64_t now);

/* a newer than b, across the wrap (RFC 1982) */
static inline bool rtp_seq_newer(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) > 0;
}

#endif
