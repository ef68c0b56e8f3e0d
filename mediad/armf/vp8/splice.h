/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VP8 to VP8 (RFC 6386) of the same size without coding the whole picture again. A frame is
 * decoded; something may be drawn on its picture; and the frame is written again, in which
 * macroblocks that what was drawn does not touch keep their modes, vectors and coefficients. The
 * others are coded anew with the frame's own quantiser, and so are those whose prediction differs
 * at the receiver by more than the quantiser's noise: it is worked out exactly what the receiver's
 * decoder has.
 *
 * It is a decoder of its own (profile 0), the same to the bit as libvpx's. Called by a job's thread
 * of mediad-armf; no lock, no clock. Everything that goes in is hostile. Errors are 0 or a negative
 * errno.
 */
#ifndef SPLICE_H
#define SPLICE_H

#include "mediad/armf/codec/codec.h"

struct splice;

struct splice_stats {
	uint64_t frames; /* written */
	uint64_t untouched; /* of these, sent as they came */
	uint64_t blocks, recoded; /* macroblocks */
	uint64_t patched; /* of those recoded, not drawn upon: prediction differed too much */
	uint64_t carried; /* prediction differs, coefficients kept */
};

int splice_new(struct splice **out) __attribute__((warn_unused_result));
void splice_free(struct splice *s);

/*
 * One frame. The picture is valid until the next call and must not be written. *shown: it is to be
 * shown; a frame that is not must be written all the same. -EBADMSG, -EFBIG as codec_dec_frame();
 * -ENOTSUP: a profile that cannot be spliced. After an error a key frame is needed.
 */
int splice_decode(struct splice *s, struct ar_span frame, struct codec_picture *out, bool *shown)
	__attribute__((warn_unused_result));
bool splice_needs_key(const struct splice *s); /* true from the start */

bool splice_is_key(const struct splice *s); /* the frame that was decoded last */

/* Can the frame that was decoded last be written: is it a key frame, or has the receiver all that
 * it refers to? */
bool splice_can_write(const struct splice *s);

/* Can it be left out: does nothing build on it, as on the upper layer of a sender with temporal
 * layers? */
bool splice_can_omit(const struct splice *s);

/* What was drawn: the picture, the size of the decoded one, and the rectangle that may differ from
 * it. width 0: nothing. */
struct splice_drawn {
	const struct codec_picture *picture;
	int x, y, width, height;
};

/*
 * The frame that was decoded last, for the receiver; once a frame. The bytes are valid until the
 * next call. A frame that is not written breaks the chain (splice_break()), unless nothing will
 * refer to it. -EINVAL: cannot be written. -EMSGSIZE: too long. Both break the chain.
 */
int splice_write(struct splice *s, const struct splice_drawn *d, struct ar_span *out)
	__attribute__((warn_unused_result));
/* The receiver does not get what was written last, or gets something else. */
void splice_break(struct splice *s);

void splice_get_stats(const struct splice *s, struct splice_stats *out);
/* The receiver's picture of the last frame written, to compare with (tests). */
void splice_written(const struct splice *s, struct codec_picture *out);

#endif
