/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rate control of an encoder that is told the quantizer of each frame: a bucket that the line
 * drains, and what frames cost, learnt from those before. A frame's cost is foreseen from how much
 * of the picture differs, so that a camera that starts to move does not make one frame of ten times
 * the size. Used by h264_x264.c, in a job's thread; pure. Errors are 0 or a negative errno.
 */
#ifndef H264_RATE_H
#define H264_RATE_H

#include "mediad/armf/codec/codec.h"

#define H264_RATE_QP_MIN 12
#define H264_RATE_QP_MAX 51

enum h264_rate_kind { H264_RATE_FINE, H264_RATE_COARSE, H264_RATE_KEY, H264_RATE_KINDS };

struct h264_rate {
	uint32_t bps;
	unsigned fps;
	unsigned width, height;
	uint8_t *sample; /* every so many rows of the last coded picture */
	double ahead; /* bits coded before their time; negative: a little credit */
	double cost[H264_RATE_KINDS]; /* bits at QP 0, a macroblock and unit of difference */
	enum h264_rate_kind kind; /* of the frame that is being coded, then of the last one */
	bool still; /* the frame that is being coded */
	double activity; /* its, of all macroblocks */
	int qp; /* about which frames swing, of the last frame; 0: none */
	int used; /* its own */
	int64_t at;
};

int h264_rate_init(struct h264_rate *r, const struct codec_enc_conf *c)
	__attribute__((warn_unused_result));
void h264_rate_fini(struct h264_rate *r);
void h264_rate_set(struct h264_rate *r, uint32_t bps, unsigned fps);
/* The quantizer for this frame; at: 90 kHz, growing. -EAGAIN: leave it out, never a key frame. */
int h264_rate_begin(
	struct h264_rate *r, const struct codec_picture *p, int64_t at, bool key, int *qp);
/* It has been coded, with that quantizer, to so many bytes. */
void h264_rate_end(struct h264_rate *r, const struct codec_picture *p, size_t bytes);

#endif
