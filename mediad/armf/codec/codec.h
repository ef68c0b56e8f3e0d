/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Video codecs of the ARMF: frames as depay.h and pay.h have them (VP8 RFC 6386; H.264 access units
 * in Annex B, constrained baseline out), pictures as I420. Called by a job's thread of mediad-armf.
 *
 * A decoder or encoder has no lock and no thread of its own: one thread at a time. Everything that
 * goes into a decoder is hostile. Errors are 0 or a negative errno.
 */
#ifndef CODEC_H
#define CODEC_H

#include "common/ar_span.h"
#include "mediad/rtp/depay.h"

#include <stdint.h>

#define CODEC_MAX_WIDTH 1920 /* either way up */
#define CODEC_MAX_HEIGHT 1088
#define CODEC_MIN_SIDE 16
#define CODEC_MIN_BPS 30000
#define CODEC_MAX_BPS 20000000

#define CODEC_BLOCK 16 /* both codecs code squares of that many pixels */

/* I420, width and height even. */
struct codec_picture {
	uint8_t *plane[3];
	int stride[3];
	unsigned width, height;
	/* For an encoder: which blocks, row by row, are not as in the picture that it was given
	 * before; it may leave the others as they are. NULL: unknown. */
	const uint8_t *changed;
};

/* Blocks that so many pixels take. */
static inline unsigned codec_blocks(unsigned pixels)
{
	return (pixels + CODEC_BLOCK - 1) / CODEC_BLOCK;
}

/* A size that can be coded: even, within the limits, in either orientation. Inline, because the
 * worker asks too and does not link codecs. */
static inline bool codec_size_ok(unsigned width, unsigned height)
{
	unsigned small = width < height ? width : height, large = width < height ? height : width;

	return small >= CODEC_MIN_SIDE && small <= CODEC_MAX_HEIGHT && large <= CODEC_MAX_WIDTH &&
	       width % 2 == 0 && height % 2 == 0;
}

/* ---- pictures of one's own ---- */

/* Rows are aligned to 64 bytes. Free with codec_picture_free(); a zeroed one may be freed. */
int codec_picture_new(struct codec_picture *out, unsigned width, unsigned height)
	__attribute__((warn_unused_result));
void codec_picture_free(struct codec_picture *p);
/* Copies, and scales where the sizes differ. */
void codec_picture_copy(struct codec_picture *to, const struct codec_picture *from);
/* Copies what differs, between pictures of one size, and sets changed (codec_blocks() wide and
 * high) to 1 where something did; elsewhere changed stays as it is. */
void codec_picture_update(
	struct codec_picture *to, const struct codec_picture *from, uint8_t *changed);
/* Sets the blocks that a rectangle, in pixels, touches; it may reach out of the picture. */
void codec_blocks_mark(uint8_t *changed, const struct codec_picture *p, int x, int y, int w, int h);

/* ---- decoding ---- */

struct codec_dec;

int codec_dec_new(struct codec_dec **out, enum depay_codec codec)
	__attribute__((warn_unused_result));
void codec_dec_free(struct codec_dec *d);
/*
 * One frame. The picture is valid until the next call and must not be written: later frames refer
 * to it. -EAGAIN: the frame is not to be shown. -EBADMSG: broken, or refers to what is not there;
 * nothing is shown until a key frame has been decoded. -EFBIG: its size is out of the limits; as
 * -EBADMSG. -ENOMEM.
 */
int codec_dec_frame(struct codec_dec *d, struct ar_span frame, struct codec_picture *out)
	__attribute__((warn_unused_result));
bool codec_dec_needs_key(const struct codec_dec *d); /* true from the start */

/* ---- encoding ---- */

struct codec_enc;

/* Who encodes H.264. */
enum codec_h264 { CODEC_X264, CODEC_OPENH264, CODEC_H264_ENCODERS };

struct codec_enc_conf {
	enum depay_codec codec;
	unsigned width, height;
	unsigned fps; /* expected; what it is tell the time stamps */
	uint32_t bps;
	enum codec_h264 h264;
};

struct codec_out {
	struct ar_span data; /* until the next call */
	bool key;
};

/* -EINVAL: codec_size_ok() says no; -ENOMEM, -EIO. */
int codec_enc_new(struct codec_enc **out, const struct codec_enc_conf *conf)
	__attribute__((warn_unused_result));
void codec_enc_free(struct codec_enc *e);
/* From the next frame on; clamped to CODEC_MIN_BPS..CODEC_MAX_BPS. */
int codec_enc_set_rate(struct codec_enc *e, uint32_t bps);
/*
 * ts: 90 kHz, as in RTP; may wrap. The picture has the encoder's size and is not changed. The first
 * frame is a key frame, and each one with `key`. -EAGAIN: left out by rate control (never a key
 * frame that was asked for: it comes with the next one). -EIO: encoder failed, make a new one.
 */
int codec_enc_frame(struct codec_enc *e, const struct codec_picture *p, uint32_t ts, bool key,
	struct codec_out *out) __attribute__((warn_unused_result));

const char *codec_name(enum depay_codec codec); /* "VP8" "H264", "?" */
const char *codec_h264_name(enum codec_h264 h); /* "x264" "openh264", "?" */
int codec_h264_parse(const char *name, enum codec_h264 *out) __attribute__((warn_unused_result));

#endif
