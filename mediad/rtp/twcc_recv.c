/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/twcc_recv.h"

void twcc_recv_init(struct twcc_recv *t)
{
	*t = (struct twcc_recv){.due = UINT64_MAX};
}

void twcc_recv_packet(struct twcc_recv *t, uint16_t seq, uint64_t now)
{
	uint16_t off;

	if (!t->started || (uint16_t)(seq - t->base) >= 0x8000) {
		/* before what was reported: too late to tell, but for the very first ones */
		if (t->started)
			return;
		t->started = true;
		t->base = seq;
	}
	off = (uint16_t)(seq - t->base);
	if (off >= RTCP_TWCC_MAX) { /* a jump: what was before is given up */
		t->base = seq;
		t->n = 0;
		off = 0;
	}
	while (t->n <= off)
		t->tick[t->n++] = -1;
	if (t->tick[off] < 0)
		t->tick[off] = (int64_t)(now / RTCP_TWCC_TICK);
	if (t->due == UINT64_MAX)
		t->due = now + TWCC_INTERVAL;
}

void twcc_recv_feedback(
	struct twcc_recv *t, uint64_t now, uint32_t ssrc, uint32_t media, struct rtcp_writer *w)
{
	unsigned done;

	if (now < t->due)
		return;
	done = rtcp_write_twcc(w, ssrc, media, t->base, t->count, t->tick, t->n);
	if (done == 0) /* no room: the next datagram */
		return;
	t->count++;
	t->base = (uint16_t)(t->base + done);
	t->n -= done;
	memmove(t->tick, t->tick + done, t->n * sizeof(t->tick[0]));
	t->due = t->n ? now : UINT64_MAX;
}

uint64_t twcc_recv_deadline(const struct twcc_recv *t)
{
	return t->due;
}
