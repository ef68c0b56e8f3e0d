/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sender of VP8 with everything that libvpx can vary, for the tests of the splice. */
#ifndef SENDER_H
#define SENDER_H

#include "clip.h"

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

struct sender_conf {
	const char *name;
	unsigned width, height, kbps;
	int cpu, resilient, partitions; /* partitions: log2 */
	bool layers; /* temporal: no frame refers to every other one */
	bool layers_teach; /* but they change the probabilities of later ones */
	bool segments, golden, altref, noise;
	unsigned min_q, max_q, sharpness;
	bool still; /* the picture does not move */
	unsigned key_every;
};

struct sender {
	const struct sender_conf *conf;
	vpx_codec_ctx_t ctx;
	struct codec_picture pic;
	unsigned n;
	uint32_t random;
	bool want_key;
};

extern const struct sender_conf sender_kinds[];
extern const unsigned sender_nkinds;

void sender_open(struct sender *s, const struct sender_conf *c);
void sender_close(struct sender *s);
/* The next frame; more than one when there is an altref. Bytes until the next call. */
unsigned sender_next(struct sender *s, struct ar_span out[4]);

#endif
