/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The front link's byte stream: frames come out whole, whatever the pieces they came in. */
#include "common/ar_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Bytes of all frames up to the end or the first that is none; *lost tells which. */
static size_t whole(struct ar_span in, bool *lost)
{
	size_t done = 0, used;
	struct ar_span body;
	int rc;

	while ((rc = ar_frame_next((struct ar_span){in.p + done, in.n - done}, &body, &used)) > 0) {
		must(body.n > 0 && body.n <= AR_FRAME_MAX && used == body.n + AR_FRAME_HEAD);
		must(body.p == in.p + done + AR_FRAME_HEAD && done + used <= in.n);
		done += used;
	}
	*lost = rc < 0;
	return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ar_span in = {(const char *)data, size}, body;
	size_t used, piecewise = 0, all;
	struct ar_buf b;
	bool lost;
	int rc;

	all = whole(in, &lost);
	/* the same, fed in pieces whose size the input chooses */
	ar_buf_init(&b, AR_FRAME_MAX + 2 * AR_FRAME_HEAD + 256);
	rc = 0;
	for (size_t at = 0; at < size && rc >= 0;) {
		size_t n = 1 + data[at] % 97;

		n = n < size - at ? n : size - at;
		must(ar_buf_add(&b, data + at, n) == 0);
		at += n;
		while ((rc = ar_frame_next(ar_buf_span(&b), &body, &used)) > 0) {
			piecewise += used;
			ar_buf_consume(&b, used);
		}
	}
	must((rc < 0) == lost && piecewise == all);
	/* what is written is read back */
	ar_buf_reset(&b);
	if (size && size <= AR_FRAME_MAX) {
		must(ar_frame_add(&b, in) == 0);
		must(ar_frame_next(ar_buf_span(&b), &body, &used) == 1 && ar_span_eq(body, in));
	}
	ar_buf_free(&b);
	return 0;
}
