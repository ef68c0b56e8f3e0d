/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An RTP packet as a UE may write it; what was read is written and read again. */
#include "mediad/rtp/rtp_packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rtp_extmap map = {{1, 2, 3, 4, 5}};
	static uint8_t out[1 << 17];
	struct rtp_ext_values a, b;
	struct rtp_packet p, q;
	int n;

	if (rtp_parse(&p, (struct ar_span){(const char *)data, size}) != 0)
		return 0;
	rtp_ext_read(&p, &map, &a);
	n = rtp_build(out, sizeof(out), &p, &map, &a);
	if (n < 0)
		return 0;
	if (rtp_parse(&q, (struct ar_span){(char *)out, (size_t)n}) != 0)
		abort();
	rtp_ext_read(&q, &map, &b);
	if (q.seq != p.seq || !ar_span_eq(p.payload, q.payload) || !ar_span_eq(a.mid, b.mid) ||
		a.capture_time != b.capture_time || a.transport_seq != b.transport_seq)
		abort();
	return 0;
}
