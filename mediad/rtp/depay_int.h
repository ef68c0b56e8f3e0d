/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between depay.c and the codecs; nobody else. */
#ifndef DEPAY_INT_H
#define DEPAY_INT_H

#include "common/ar_buf.h"
#include "mediad/rtp/depay.h"

struct vp8_state {
	bool has_pid, has_last, nonref, wide;
	uint16_t pid, last; /* picture id of this frame, of the last good one */
};

struct h264_state {
	uint8_t log2_frame_num[32]; /* by SPS id; 0: not known */
	bool gaps_allowed[32];
	uint8_t sps_of[256]; /* by PPS id, plus 1; 0: not known */
	bool in_band; /* parameter sets come in the stream */
	bool stale; /* some may have been lost */
	bool in_fu;
	uint8_t fu_type;
	size_t fu_at; /* where the NAL unit in progress begins */
	/* this access unit */
	bool has_slice, has_sps, idr, ref;
	uint8_t sps;
	uint32_t frame_num;
	uint32_t prev_ref;
};

struct depay;
struct depay_ops {
	/* One packet's payload into the open frame; false: malformed, the frame is dropped. */
	bool (*packet)(struct depay *d, const struct rtp_packet *p);
	/* All packets are there: may it be shown? Fills what the callback is told. */
	bool (*complete)(struct depay *d, struct depay_frame *f);
	/* The open frame is dropped: does the chain of references break? */
	bool (*drop)(struct depay *d);
	/* A frame begins. */
	bool (*begin)(struct depay *d, const struct rtp_packet *p);
	bool (*begins_key)(struct ar_span payload); /* not empty */
	bool ends_without_marker; /* a new timestamp ends a frame as well */
};
extern const struct depay_ops depay_vp8, depay_h264;

struct depay {
	const struct depay_ops *ops;
	depay_frame_cb *cb;
	void *user;
	struct depay_stats stats;
	struct ar_buf buf;
	bool open, need_key;
	bool dead; /* the rest of dead_ts is skipped */
	uint32_t ts, dead_ts;
	uint32_t gap; /* packets lost since the last frame ended */
	union {
		struct vp8_state vp8;
		struct h264_state h264;
	};
};

#endif
