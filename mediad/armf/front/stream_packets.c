/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A translator (RFC 3550 7.2): packets keep SSRC, number and timestamp, payload types and header
 * extensions become the other leg's, reports pass as they are. For audio, and for video of codecs
 * that we do not read.
 */
#include "mediad/armf/front/stream_int.h"
#include "mediad/rtp/wire.h"

/* The one of that SSRC, else a free one, else the one longest unused. That one's numbers are then
 * unknown; where it would matter, SRTP has given up the SSRC too (rtpsec.h). */
static struct stream_track *track_of(struct stream_out *o, uint32_t ssrc)
{
	struct stream_track *oldest = &o->track[0];

	for (unsigned i = 0; i < STREAM_TRACKED; i++) {
		if (o->track[i].used && o->track[i].ssrc == ssrc)
			return &o->track[i];
		if (o->track[i].used < oldest->used)
			oldest = &o->track[i];
	}
	*oldest = (struct stream_track){.ssrc = ssrc};
	return oldest;
}

/* Under SRTP one number must not protect two packets; a sender of plain RTP could make us. */
static bool is_new(struct stream_out *o, uint32_t ssrc, uint16_t seq)
{
	struct stream_track *t = track_of(o, ssrc);
	int ahead = t->used ? (int16_t)(uint16_t)(seq - t->top) : 1;

	if (!t->used || ahead > 0) {
		t->mask = ahead < 32 && t->used ? t->mask << ahead | 1 : 1;
		t->top = seq;
	} else if (-ahead >= 32 || t->mask >> -ahead & 1) {
		return false;
	} else {
		t->mask |= UINT32_C(1) << -ahead;
	}
	t->used = ++o->clock;
	return true;
}

static int out_pt(const struct stream_leg *l, uint8_t pt)
{
	bool rtx = false;
	int i = stream_by_pt(&l->conf.local, pt, &rtx), k;
	const struct stream_codec *c;

	if (i < 0)
		return -1;
	k = stream_same(&l->partner->conf.remote, &l->conf.local.codec[i], true);
	if (k < 0)
		return -1;
	c = &l->partner->conf.remote.codec[k];
	return !rtx ? c->pt : c->rtx ? c->rtx : -1;
}

void stream_packets_rtp(struct stream_leg *l, const struct rtp_packet *p, uint64_t now)
{
	uint8_t buf[STREAM_MAX_PACKET];
	struct rtp_packet q = *p;
	struct rtp_ext_values ext;
	struct rtp_extmap map;
	int pt, n;

	stream_meter_add(&l->in.meter, p->payload.n, p->marker, now);
	if (l->mode != MODE_PACKETS || (pt = out_pt(l, p->pt)) < 0)
		return;
	if (!is_new(&l->partner->out, p->ssrc, p->seq)) {
		l->n.replayed++;
		return;
	}
	rtp_ext_read(p, &l->conf.local.ext, &ext);
	map = l->partner->conf.remote.ext;
	map.id[RTP_EXT_MID] = map.id[RTP_EXT_TRANSPORT_CC] = map.id[RTP_EXT_ABS_SEND_TIME] = 0;
	q.pt = (uint8_t)pt;
	n = rtp_build(buf, sizeof(buf) - STREAM_ROOM, &q, &map, &ext);
	if (n > 0)
		stream_send(l->partner, buf, (size_t)n, false, now);
}

/* What is about the transport of one leg stays there. */
static bool passes(uint8_t type, uint8_t count)
{
	switch (type) {
	case 200: /* SR */
	case 201: /* RR */
	case 202: /* SDES */
	case 203: /* BYE */
	case 206: /* PLI, FIR, REMB */
		return true;
	case 205:
		return count == 1; /* NACK; 15 is transport-wide feedback */
	default:
		return false;
	}
}

void stream_packets_rtcp(struct stream_leg *l, struct ar_span d, uint64_t now)
{
	uint8_t buf[STREAM_MAX_PACKET];
	size_t n = 0;

	if (!l->partner || !l->partner->up || d.n > sizeof(buf) - STREAM_ROOM)
		return;
	while (d.n >= 4) {
		const uint8_t *p = (const uint8_t *)d.p;
		size_t len = 4 * (get16(p + 2) + 1u);

		if (len > d.n)
			break;
		if (passes(p[1], p[0] & 31)) {
			memcpy(buf + n, p, len);
			n += len;
		}
		d.p += len;
		d.n -= len;
	}
	if (n)
		stream_send(l->partner, buf, n, true, now);
}
