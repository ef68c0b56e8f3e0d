/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Framing of the front link (docs/front.md): four bytes length, most significant first, then that
 * many bytes of JSON.
 */
#ifndef AR_FRAME_H
#define AR_FRAME_H

#include "common/ar_buf.h"

#define AR_FRAME_HEAD 4
#define AR_NAME_MAX 255 /* bytes of a Call-ID and of a tag: what the front link carries */
#define AR_FRAME_MAX (256 * 1024) /* largest body, either direction */

/* Appends one frame. -EMSGSIZE when body is empty or too long. */
int ar_frame_add(struct ar_buf *out, struct ar_span body) __attribute__((warn_unused_result));

/*
 * Looks for a whole frame at the start of in. Returns 1 and the body (borrowed from in) with *used,
 * the bytes to consume afterwards; 0 when more bytes are needed; -EBADMSG when the length is 0 or
 * over AR_FRAME_MAX: the stream is lost and must be closed.
 */
int ar_frame_next(struct ar_span in, struct ar_span *body, size_t *used)
	__attribute__((warn_unused_result));

#endif
