/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/ar_frame.h"

#include <errno.h>

int ar_frame_add(struct ar_buf *out, struct ar_span body)
{
	uint32_t n = (uint32_t)body.n;
	uint8_t head[AR_FRAME_HEAD] = {n >> 24, n >> 16, n >> 8, n};
	int err;

	if (body.n == 0 || body.n > AR_FRAME_MAX)
		return -EMSGSIZE;
	/* whole or not at all: half a frame would garble all that follow */
	err = ar_buf_reserve(out, sizeof(head) + body.n);
	if (err)
		return err;
	ar_buf_add(out, head, sizeof(head));
	return ar_buf_add_span(out, body);
}

int ar_frame_next(struct ar_span in, struct ar_span *body, size_t *used)
{
	const uint8_t *h = (const uint8_t *)in.p;
	uint32_t n;

	if (in.n < AR_FRAME_HEAD)
		return 0;
	n = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
	if (n == 0 || n > AR_FRAME_MAX)
		return -EBADMSG;
	if (in.n - AR_FRAME_HEAD < n)
		return 0;
	*body = (struct ar_span){in.p + AR_FRAME_HEAD, n};
	*used = AR_FRAME_HEAD + (size_t)n;
	return 1;
}
