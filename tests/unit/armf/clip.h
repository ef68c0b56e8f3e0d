/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures that move, made up, and how alike two are. For the tests of the ARMF's codecs and pool.
 */
#ifndef CLIP_H
#define CLIP_H

#include "mediad/armf/codec/codec.h"

/* The nth picture of a clip: texture that pans, a disc that goes round; no pixel is magenta. */
void clip_draw(struct codec_picture *p, unsigned n);
/* Of all planes, dB; 99: the same. */
double clip_psnr(const struct codec_picture *a, const struct codec_picture *b);
/* The box of pixels whose chroma says magenta; false: there is none. */
bool clip_magenta(const struct codec_picture *p, int *x0, int *y0, int *x1, int *y1);

/* A sender: pictures in, frames out. */
struct clip {
	struct codec_enc *enc;
	struct codec_picture pic;
	unsigned n;
	uint32_t ts;
};

void clip_open(struct clip *c, enum depay_codec codec, unsigned w, unsigned h, uint32_t bps);
void clip_open_with(struct clip *c, enum depay_codec codec, enum codec_h264 h264, unsigned w,
	unsigned h, uint32_t bps);
void clip_close(struct clip *c);
/* The next frame; false when rate control leaves it out. */
bool clip_next(struct clip *c, bool key, struct codec_out *out);

#endif
