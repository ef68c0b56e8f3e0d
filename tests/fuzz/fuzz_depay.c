/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Payloads as a UE may write them: one byte codec, then records of flags, length, payload. */
#include "mediad/rtp/depay.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_frame(void *user, const struct depay_frame *f)
{
	volatile char last = f->data.p[f->data.n - 1];

	(void)user;
	(void)last;
	if (f->data.n == 0 || f->data.n > DEPAY_MAX_FRAME)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct depay *d;
	uint32_t ts = 0;
	size_t at = 1;

	if (size == 0 || depay_new(&d, data[0] & 1 ? DEPAY_H264 : DEPAY_VP8, on_frame, NULL) != 0)
		return 0;
	while (at + 2 <= size) {
		size_t len = data[at + 1];
		struct rtp_packet p = {.marker = data[at] & 1};

		if (len > size - at - 2)
			len = size - at - 2;
		ts += data[at] >> 1 & 1;
		p.ts = ts;
		p.payload = (struct ar_span){(const char *)data + at + 2, len};
		if (data[at] & 4)
			depay_gap(d, data[at] >> 3);
		if (data[at] & 128)
			depay_prime(d, p.payload);
		depay_push(d, &p);
		at += 2 + len;
	}
	depay_free(d);
	return 0;
}
