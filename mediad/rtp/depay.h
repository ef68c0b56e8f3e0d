/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTP payloads to frames: VP8 (RFC 7741), H.264 (RFC 6184, packetization-mode 1: single NAL unit,
 * STAP-A, FU-A; access units come out as Annex B).
 *
 * Packets go in in order, gaps are told; a frame comes out only when it is complete and everything
 * it refers to has come out before. Else it is dropped, and depay_needs_key() says that a key frame
 * must be asked for. Memory: one frame of at most DEPAY_MAX_FRAME, a longer one is dropped.
 *
 * Same thread as its caller. The frame callback runs inside depay_push() and must not free the
 * depayloader; the frame's bytes are valid during it.
 */
#ifndef DEPAY_H
#define DEPAY_H

#include "mediad/rtp/rtp_packet.h"

#define DEPAY_MAX_FRAME (1u << 20)

enum depay_codec { DEPAY_VP8, DEPAY_H264 };

struct depay_frame {
	uint32_t ts;
	bool key;
	uint16_t width, height; /* key frames of VP8; else 0 */
	struct ar_span data;
};

struct depay_stats {
	uint64_t frames, keys;
	uint64_t incomplete; /* packets missing */
	uint64_t undecodable; /* complete, but after a missing reference */
	uint64_t malformed, too_long;
};

struct depay;
typedef void depay_frame_cb(void *user, const struct depay_frame *frame);

int depay_new(struct depay **out, enum depay_codec codec, depay_frame_cb *cb, void *user)
	__attribute__((warn_unused_result));
void depay_free(struct depay *d);
/* The next packet. -ENOMEM: its frame is dropped. Bad payloads are counted, 0. */
int depay_push(struct depay *d, const struct rtp_packet *p);
/* n packets before the next one are lost for good. */
void depay_gap(struct depay *d, uint32_t n);
/* H.264: a parameter set of the SDP (sprop-parameter-sets), decoded; no start code. */
int depay_prime(struct depay *d, struct ar_span nal);
/* Does a key frame begin with this packet, as far as it alone tells? H.264: with its parameter
 * sets. */
bool depay_begins_key(enum depay_codec codec, struct ar_span payload);
/* VP8: is p the first payload of the picture right after that of `before`? Only where the sender
 * numbers its pictures. before: its first 8 bytes are enough. */
bool depay_vp8_follows(struct ar_span before, struct ar_span p);
bool depay_needs_key(const struct depay *d); /* true from the start */
const struct depay_stats *depay_stats(const struct depay *d);

#endif
