/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a codec is made of: two tables of functions each. See codec.h for the contracts. */
#ifndef CODEC_INT_H
#define CODEC_INT_H

#include "mediad/armf/codec/codec.h"

struct codec_dec_ops {
	size_t size; /* of its own struct, which begins with struct codec_dec */
	int (*init)(struct codec_dec *d);
	void (*fini)(struct codec_dec *d); /* also after a failed init */
	int (*frame)(struct codec_dec *d, struct ar_span frame, struct codec_picture *out);
};

struct codec_dec {
	const struct codec_dec_ops *ops;
	bool need_key;
};

struct codec_enc_ops {
	size_t size;
	int (*init)(struct codec_enc *e);
	void (*fini)(struct codec_enc *e);
	int (*set_rate)(struct codec_enc *e);
	/* at: 90 kHz since the first frame, growing */
	int (*frame)(struct codec_enc *e, const struct codec_picture *p, int64_t at, bool key,
		struct codec_out *out);
};

struct codec_enc {
	const struct codec_enc_ops *ops;
	struct codec_enc_conf conf;
	bool started, key_due;
	uint32_t last_ts;
	int64_t at;
	int32_t distance; /* of frames, smoothed, 90 kHz */
	unsigned frames;
};

extern const struct codec_dec_ops codec_vp8_dec, codec_h264_dec;
extern const struct codec_enc_ops codec_vp8_enc, codec_x264_enc, codec_openh264_enc;

#endif
