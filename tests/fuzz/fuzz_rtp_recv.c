/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream as a UE may send it, in RED or not: records of kind, time step, sequence number, length,
 * payload. What comes out must be in order, and asking for what is due must not come to rest at
 * "now" for ever.
 */
#include "mediad/rtp/depay.h"
#include "mediad/rtp/rtp_recv.h"
#include "mediad/rtp/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins_key(void *arg, const struct rtp_packet *p)
{
	(void)arg;
	return p->payload.n > 0 && !(p->payload.p[0] & 7);
}

static bool follows(void *arg, const struct rtp_packet *before, const struct rtp_packet *p)
{
	(void)arg;
	return depay_vp8_follows(before->payload, p->payload);
}

static const struct rtp_recv_conf conf = {.ssrc = 7,
	.local = 1,
	.rtx_ssrc = 8,
	.rtx_pt = 97,
	.media_pt = 96,
	.red_pt = 98,
	.red_rtx_pt = 99,
	.ulpfec_pt = 100,
	.clock = 90000,
	.nack = true,
	.pli = true,
	.reduced = true,
	.report = true,
	.begins_key = begins_key,
	.follows = follows};

static void drain(struct rtp_recv *r, uint64_t now)
{
	static uint8_t buf[1200];
	struct rtcp_writer w = {buf, 0, sizeof(buf), 0};
	struct rtp_recv_out out;
	enum rtp_recv_event e;
	unsigned n = 0;

	while ((e = rtp_recv_pop(r, now, &out)) != RTP_RECV_NONE) {
		if (e == RTP_RECV_GAP && out.lost == 0)
			abort();
		if (++n > 2 * RTP_RECV_SLOTS)
			abort();
	}
	/* more than RTCP_MAX_NACK due: the next datagram */
	for (n = 0; n == 0 || rtp_recv_deadline(r) < now; n++) {
		w.n = 0;
		rtp_recv_feedback(r, now, &w);
		if (n > RTP_RECV_SLOTS / RTCP_MAX_NACK + 1 || w.err)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_recv *r;
	uint64_t now = 1000000;
	size_t at = 0;

	if (rtp_recv_new(&r, &conf) != 0)
		return 0;
	while (at + 5 <= size) {
		const uint8_t *d = data + at;
		size_t len = d[4] < size - at - 5 ? d[4] : size - at - 5;
		struct rtp_packet p = {.ssrc = d[0] & 1 ? 8 : 7,
			.pt = (uint8_t)((d[0] & 1 ? 97 : 96) + (d[0] & 8 ? 2 : 0)),
			.seq = get16(d + 2),
			.ts = d[0],
			.payload = {(const char *)d + 5, len}};

		now += (uint64_t)d[1] * 500;
		(void)!rtp_recv_input(r, &p, now);
		if (d[0] & 2)
			rtp_recv_want_key(r);
		if (d[0] & 4)
			drain(r, now);
		at += 5 + len;
	}
	drain(r, now + 1000000);
	rtp_recv_free(r);
	return 0;
}
