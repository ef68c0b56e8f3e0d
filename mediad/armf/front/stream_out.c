/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a UE is sent. */
#include "mediad/armf/front/stream_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MIN_RATE 50000
#define START_RATE 800000

static uint64_t most(const struct stream_leg *l)
{
	uint64_t max = l->conf.max_kbps ? l->conf.max_kbps : l->front->conf.max_kbps;

	if (l->conf.remote.max_kbps && l->conf.remote.max_kbps < max)
		max = l->conf.remote.max_kbps;
	max *= 1000;
	return max < 2 * MIN_RATE ? 2 * MIN_RATE : max;
}

static int make_bwe(const struct stream_leg *l, struct bwe **out)
{
	uint64_t max = most(l);
	struct bwe_conf conf = {
		.start = max < START_RATE ? max : START_RATE, .min = MIN_RATE, .max = max};

	return bwe_new(out, &conf);
}

int stream_out_init(struct stream_leg *l)
{
	l->out.codec = -1;
	l->out.need_key = true;
	l->out.report_at = UINT64_MAX;
	return make_bwe(l, &l->out.bwe);
}

static void remember_seq(struct stream_out *o, uint32_t ssrc, uint16_t next)
{
	struct stream_seq *s = &o->seq[0];

	for (unsigned i = 0; i < STREAM_SEQS; i++) {
		if (o->seq[i].used && o->seq[i].ssrc == ssrc) {
			s = &o->seq[i];
			break;
		}
		if (o->seq[i].used < s->used)
			s = &o->seq[i];
	}
	*s = (struct stream_seq){ssrc, next, ++o->clock};
}

/* Where an SSRC goes on: under one SRTP key no number may come twice. */
static uint16_t first_seq(const struct stream_out *o, uint32_t ssrc)
{
	uint16_t seq = 1;

	for (unsigned i = 0; i < STREAM_SEQS; i++) {
		if (o->seq[i].used && o->seq[i].ssrc == ssrc)
			return o->seq[i].next;
	}
	if (stream_random(&seq, sizeof(seq)) != 0)
		return 1;
	return seq & 0x7fff; /* far from the wrap, RFC 3711 3.3.1 */
}

void stream_out_stop(struct stream_leg *l)
{
	struct stream_out *o = &l->out;
	const struct rtp_send_stats *s;

	if (!o->send)
		return;
	s = rtp_send_stats(o->send);
	l->n.nacks_received += s->nacked;
	l->n.resent += s->resent;
	l->n.fec_sent += s->fec_packets;
	l->n.key_wanted += s->key_requests;
	remember_seq(o, o->ssrc, rtp_send_next_seq(o->send));
	if (o->rtx_ssrc)
		remember_seq(o, o->rtx_ssrc, rtp_send_next_rtx_seq(o->send));
	rtp_send_free(o->send);
	o->send = NULL;
	o->codec = -1;
	o->need_key = true;
	o->report_at = UINT64_MAX;
}

void stream_out_renew(struct stream_leg *l)
{
	struct bwe *fresh;

	stream_out_stop(l);
	if (make_bwe(l, &fresh) != 0)
		return;
	bwe_free(l->out.bwe);
	l->out.bwe = fresh;
	l->out.target = 0;
}

void stream_out_limit(struct stream_leg *l)
{
	bwe_set_max(l->out.bwe, most(l));
}

void stream_out_free(struct stream_leg *l)
{
	stream_out_stop(l);
	bwe_free(l->out.bwe);
}

uint64_t stream_out_rate(const struct stream_leg *l)
{
	uint64_t rate = bwe_target(l->out.bwe), max = most(l);

	return rate < max ? rate : max;
}

uint64_t stream_out_target(const struct stream_leg *l)
{
	double parity = l->out.send ? rtp_send_parity_share(l->out.send) : 0;

	return (uint64_t)((double)stream_out_rate(l) * (1 - parity));
}

int stream_send(struct stream_leg *l, uint8_t *packet, size_t n, bool rtcp, uint64_t now)
{
	int err;

	if (!l->up)
		return -ENOTCONN;
	err = l->h.send(l->arg, packet, n, STREAM_MAX_PACKET, rtcp);
	if (err)
		return err;
	l->n.tx_packets++;
	l->n.tx_bytes += n;
	stream_meter_add(&l->out.meter, n, false, now);
	return 0;
}

/* ---- frames ---- */

static uint32_t rtx_of(const struct stream_leg *l, const struct stream_out_frame *f)
{
	const struct stream_codec *c = &l->conf.remote.codec[f->codec];
	uint32_t ssrc = f->rtx_ssrc;

	if (!c->rtx || !(c->fb & STREAM_FB_NACK))
		return 0;
	while (!ssrc || ssrc == f->ssrc) {
		if (stream_random(&ssrc, sizeof(ssrc)) != 0)
			return f->ssrc + 1;
	}
	return ssrc;
}

static int start(struct stream_leg *l, const struct stream_out_frame *f, uint64_t now)
{
	const struct stream_codec *c = &l->conf.remote.codec[f->codec];
	struct stream_out *o = &l->out;
	struct rtcp_sr sr;
	uint64_t at;
	struct rtp_send_conf conf = {.ssrc = f->ssrc,
		.rtx_ssrc = rtx_of(l, f),
		.pt = c->pt,
		.rtx_pt = c->rtx,
		.first_seq = first_seq(o, f->ssrc),
		.clock = c->clock,
		.codec = c->kind == STREAM_H264 ? DEPAY_H264 : DEPAY_VP8,
		.mtu = STREAM_MTU,
		.extmap = l->conf.remote.ext,
		.low_delay = l->front->conf.low_delay};
	int err;

	/* what we have not said ourselves was not negotiated */
	if (stream_of_kind(&l->conf.local, STREAM_RED) >= 0)
		stream_find_red(&l->conf.remote, &conf.red_pt, NULL, &conf.ulpfec_pt);
	/* one m-line, one transport: which section a packet is of needs no saying */
	conf.extmap.id[RTP_EXT_MID] = 0;
	conf.first_rtx_seq = first_seq(o, conf.rtx_ssrc);
	snprintf(conf.cname, sizeof(conf.cname), "%s", f->cname);
	err = rtp_send_new(&o->send, &conf, o->bwe);
	if (err)
		return err;
	o->ssrc = f->ssrc;
	o->rtx_ssrc = conf.rtx_ssrc;
	o->codec = f->codec;
	o->report_at = now;
	if (l->conf.op != ARMF_SPLIT_RENDER && l->partner && l->partner->in.recv &&
		rtp_recv_last_sr(l->partner->in.recv, &sr, &at))
		rtp_send_source(o->send, &sr, at);
	return 0;
}

static int ready(struct stream_leg *l, const struct stream_out_frame *f, uint64_t now)
{
	struct stream_out *o = &l->out;

	if (f->codec < 0 || (unsigned)f->codec >= l->conf.remote.ncodec)
		return -EINVAL;
	if (o->send && o->ssrc != f->ssrc)
		stream_out_stop(l);
	if (!o->send)
		return start(l, f, now);
	if (o->codec != f->codec) {
		const struct stream_codec *c = &l->conf.remote.codec[f->codec];

		rtp_send_set_format(
			o->send, c->kind == STREAM_H264 ? DEPAY_H264 : DEPAY_VP8, c->pt, c->rtx);
		o->codec = f->codec;
		o->need_key = true;
	}
	return 0;
}

int stream_out_frame(struct stream_leg *l, const struct stream_out_frame *frame, uint64_t now)
{
	struct stream_out_frame named = *frame, *f = &named;
	struct stream_out *o = &l->out;
	int err;

	f->ssrc ^= l->conf.local.ssrc_mask;
	if (f->rtx_ssrc)
		f->rtx_ssrc ^= l->conf.local.ssrc_mask;

	if (!l->up || !l->conf.remote.receives)
		return -ENOTCONN;
	err = ready(l, f, now);
	if (err)
		return err;
	if (o->need_key && !f->key)
		return -EAGAIN;
	err = rtp_send_frame(o->send, f->data, f->ts, f->ext, now);
	if (err) {
		l->n.frames_dropped++;
		o->need_key = true;
		return -EAGAIN;
	}
	o->need_key = false;
	l->n.frames_out++;
	stream_meter_add(&o->meter, 0, true, now);
	return 0;
}

/* The path carries a fraction of what it did: what was encoded for it before would only come late.
 * The next picture is a small key frame. */
static void follow_drop(struct stream_leg *l)
{
	struct stream_out *o = &l->out;
	uint64_t target = bwe_target(o->bwe);

	if (target < o->target * 7 / 10 &&
		rtp_send_queued(o->send) * 8000000ull > target * STREAM_STALE &&
		rtp_send_drop_queued(o->send) > 0) {
		o->need_key = true;
		l->n.frames_dropped++;
	}
	o->target = target;
}

void stream_out_run(struct stream_leg *l, uint64_t now)
{
	uint8_t buf[STREAM_MAX_PACKET];
	struct stream_out *o = &l->out;
	size_t n;

	if (!o->send || !l->up)
		return;
	follow_drop(l);
	while ((n = rtp_send_poll(o->send, now, buf, RTP_MAX_PACKET)) > 0)
		stream_send(l, buf, n, false, now);
	if (now >= o->report_at) {
		struct rtcp_writer w = {buf, 0, 1200, 0};

		rtp_send_report(o->send, now, NULL, 0, &w);
		if (w.n)
			stream_send(l, buf, w.n, true, now);
		o->report_at = now + STREAM_REPORT;
	}
}

uint64_t stream_out_deadline(const struct stream_leg *l)
{
	uint64_t at = l->out.report_at, send;

	if (!l->up || !l->out.send)
		return UINT64_MAX;
	send = rtp_send_deadline(l->out.send);
	return send < at ? send : at;
}

void stream_out_rtcp(struct stream_leg *l, const struct rtcp_packet *p, uint64_t now)
{
	struct stream_out *o = &l->out;

	if (!o->send)
		return;
	rtp_send_rtcp(o->send, p, now);
	if (l->partner && l->partner->in.recv && rtp_send_rtt(o->send) && l->in.recv)
		rtp_recv_set_rtt(l->in.recv, rtp_send_rtt(o->send)); /* one path, both ways */
}

void stream_out_source(struct stream_leg *l, const struct rtcp_sr *sr, uint64_t now)
{
	if (!l->out.send)
		return;
	rtp_send_source(l->out.send, sr, now);
}
