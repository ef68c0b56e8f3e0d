/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a UE sends: which stream, in order, frame by frame; and what it is told about it. */
#include "mediad/armf/front/stream_int.h"

#include "common/ar_buf.h"

#include <stdio.h>
#include <stdlib.h>

/* Of what the other UE can be sent, that the sender of a spliced picture may use at least, however
 * much drawing adds. */
#define LEAST_SHARE 0.4

void stream_in_init(struct stream_in *in)
{
	*in = (struct stream_in){.codec = -1};
	twcc_recv_init(&in->twcc);
}

static void keep_counts(struct stream_leg *l)
{
	const struct rtp_recv_stats *s = rtp_recv_stats(l->in.recv);

	l->n.lost += s->lost;
	l->n.recovered += s->recovered;
	l->n.nacks_sent += s->nacks;
	l->n.key_asked += s->key_requests;
	l->n.malformed += s->malformed;
	l->n.fec_received += s->fec_packets;
	l->n.fec_recovered += s->fec_recovered;
}

void stream_in_reset(struct stream_leg *l)
{
	struct stream_in *in = &l->in;

	if (in->recv)
		keep_counts(l);
	rtp_recv_free(in->recv);
	depay_free(in->depay);
	in->recv = NULL;
	in->depay = NULL;
	in->ssrc = in->rtx_ssrc = 0;
	in->codec = -1;
	in->has_ext = in->has_abs = false;
	in->nflight = 0;
	stream_drop_held(l);
}

void stream_in_free(struct stream_leg *l)
{
	stream_in_reset(l);
}

const struct stream_codec *stream_in_codec(const struct stream_leg *l)
{
	if (l->in.codec < 0 || (unsigned)l->in.codec >= l->conf.local.ncodec)
		return NULL;
	return &l->conf.local.codec[l->in.codec];
}

void stream_in_want_key(struct stream_leg *l)
{
	if (l->in.recv)
		rtp_recv_want_key(l->in.recv);
}

/* ---- which stream ---- */

static const uint32_t *described_rtx(const struct stream_leg *l, uint32_t ssrc)
{
	const struct stream_side *s = &l->conf.remote;

	for (unsigned i = 0; i < s->nssrc; i++) {
		if (s->ssrc[i].ssrc == ssrc)
			return &s->ssrc[i].rtx;
	}
	return NULL;
}

static const char *described_cname(const struct stream_leg *l, uint32_t ssrc)
{
	const struct stream_side *s = &l->conf.remote;

	for (unsigned i = 0; i < s->nssrc; i++) {
		if (s->ssrc[i].ssrc == ssrc)
			return s->ssrc[i].cname;
	}
	return "";
}

/* A second SSRC is a new camera, or a UE that began anew: when it is announced, or the old one has
 * gone silent. */
static bool may_begin(const struct stream_leg *l, uint32_t ssrc, uint64_t now)
{
	const struct stream_in *in = &l->in;

	if (!in->recv)
		return true;
	return (described_rtx(l, ssrc) && !described_rtx(l, in->ssrc)) ||
	       now - in->heard > STREAM_SSRC_SILENCE;
}

static bool begins_key(void *arg, const struct rtp_packet *p)
{
	const struct stream_leg *l = arg;
	bool rtx;
	int i = stream_by_pt(&l->conf.local, p->pt, &rtx);

	if (i < 0 || rtx || !stream_is_frames(l->conf.local.codec[i].kind))
		return false;
	return depay_begins_key(
		l->conf.local.codec[i].kind == STREAM_H264 ? DEPAY_H264 : DEPAY_VP8, p->payload);
}

static bool is_vp8(const struct stream_leg *l, uint8_t pt)
{
	bool rtx;
	int i = stream_by_pt(&l->conf.local, pt, &rtx);

	return i >= 0 && !rtx && l->conf.local.codec[i].kind == STREAM_VP8;
}

static bool follows(void *arg, const struct rtp_packet *before, const struct rtp_packet *p)
{
	const struct stream_leg *l = arg;

	return is_vp8(l, before->pt) && is_vp8(l, p->pt) &&
	       depay_vp8_follows(before->payload, p->payload);
}

static int begin(struct stream_leg *l, uint32_t ssrc, const struct stream_codec *c)
{
	const uint32_t *rtx = described_rtx(l, ssrc);
	struct rtp_recv_conf conf = {.ssrc = ssrc,
		.local = l->local,
		.rtx_ssrc = rtx ? *rtx : 0,
		.rtx_pt = c->rtx,
		.media_pt = c->pt,
		.clock = c->clock,
		.nack = c->fb & STREAM_FB_NACK,
		.pli = c->fb & STREAM_FB_PLI,
		.fir = c->fb & STREAM_FB_FIR,
		.reduced = l->conf.local.reduced && l->conf.remote.reduced,
		.report = true,
		.begins_key = begins_key,
		.follows = follows,
		.arg = l};

	stream_find_red(&l->conf.local, &conf.red_pt, &conf.red_rtx_pt, &conf.ulpfec_pt);
	stream_in_reset(l);
	snprintf(conf.cname, sizeof(conf.cname), "%08x@armf", (unsigned)l->local);
	snprintf(l->in.cname, sizeof(l->in.cname), "%s", described_cname(l, ssrc));
	l->in.ssrc = ssrc;
	l->in.rtx_ssrc = conf.rtx_ssrc;
	return rtp_recv_new(&l->in.recv, &conf);
}

static bool accept_media(struct stream_leg *l, const struct rtp_packet *p,
	const struct stream_codec *c, uint64_t now)
{
	if (l->in.recv && p->ssrc == l->in.ssrc) {
		l->in.heard = now;
		return true;
	}
	if (p->ssrc == l->in.rtx_ssrc && l->in.recv)
		return false;
	if (!may_begin(l, p->ssrc, now) || begin(l, p->ssrc, c) != 0)
		return false;
	l->in.heard = now;
	return true;
}

static bool accept_rtx(
	struct stream_leg *l, const struct rtp_packet *p, const struct stream_codec *c)
{
	struct stream_in *in = &l->in;

	if (!in->recv || p->ssrc == in->ssrc || (in->rtx_ssrc && in->rtx_ssrc != p->ssrc))
		return false;
	in->rtx_ssrc = p->ssrc;
	rtp_recv_set_rtx(in->recv, p->ssrc, c->rtx, c->pt);
	return true;
}

/* ---- packets ---- */

/* What a packet is of: RED tells by its first byte; parity and what comes again, of the stream that
 * there is. -1: of nothing known. */
static int codec_of(const struct stream_leg *l, const struct rtp_packet *p, bool *rtx)
{
	const struct stream_side *s = &l->conf.local;
	int i = stream_by_pt(s, p->pt, rtx);
	bool again = false;

	if (i < 0 || s->codec[i].kind == STREAM_ULPFEC)
		return -1;
	if (s->codec[i].kind != STREAM_RED)
		return i;
	if (!*rtx && p->payload.n) {
		i = stream_by_pt(s, (uint8_t)p->payload.p[0] & 0x7f, &again);
		if (i < 0 || again || s->codec[i].kind == STREAM_OTHER)
			return -1;
	}
	if (!stream_is_frames(s->codec[i].kind))
		i = l->in.codec;
	return i >= 0 && stream_is_frames(s->codec[i].kind) ? i : -1;
}

void stream_in_rtp(struct stream_leg *l, const struct rtp_packet *p, uint64_t now)
{
	struct rtp_ext_values ext;
	const struct stream_codec *c;
	bool rtx = false;
	int i = codec_of(l, p, &rtx);

	rtp_ext_read(p, &l->conf.local.ext, &ext);
	if (ext.has_transport_seq)
		twcc_recv_packet(&l->in.twcc, ext.transport_seq, now);
	if (i < 0) {
		l->n.unknown_pt++;
		return;
	}
	c = &l->conf.local.codec[i];
	if (c->kind == STREAM_OTHER) {
		if (l->in.codec != i || l->mode != MODE_PACKETS) {
			l->in.codec = i;
			stream_route(l);
		}
		l->in.heard = now;
		stream_packets_rtp(l, p, now);
		return;
	}
	if (!(rtx ? accept_rtx(l, p, c) : accept_media(l, p, c, now))) {
		l->n.unknown_ssrc++;
		return;
	}
	if (rtp_recv_input(l->in.recv, p, now) != 0)
		l->n.malformed++;
}

/* A decoder that begins here, ours or the other UE's, has not seen the description. */
static void add_sets(struct stream_leg *l, const struct depay_frame *f)
{
	struct stream_in *in = &l->in;
	struct depay_frame with = *f;
	struct ar_buf b;

	ar_buf_init(&b, DEPAY_MAX_FRAME + STREAM_MAX_SETS);
	ar_buf_add(&b, (char *)in->sets, in->nsets);
	ar_buf_add(&b, f->data.p, f->data.n);
	with.data = ar_buf_span(&b);
	if (ar_buf_err(&b) == 0)
		stream_job_frame(l, &with, in->now);
	else
		l->n.frames_dropped++;
	ar_buf_free(&b);
}

static bool lacks_sets(const struct stream_leg *l, const struct depay_frame *f)
{
	return l->in.nsets && f->key && f->data.n > 4 && (f->data.p[4] & 31) == 5;
}

static void on_frame(void *arg, const struct depay_frame *f)
{
	struct stream_leg *l = arg;

	if (f->key)
		rtp_recv_got_key(l->in.recv);
	if (f->width) {
		l->in.width = f->width;
		l->in.height = f->height;
	}
	l->n.frames_in++;
	stream_meter_add(&l->in.meter, f->data.n, true, l->in.now);
	if (lacks_sets(l, f))
		add_sets(l, f);
	else
		stream_job_frame(l, f, l->in.now);
}

/* What the UE's description says of its H.264, so that the first slice can be read. */
static void prime(struct stream_leg *l, uint8_t pt)
{
	struct stream_in *in = &l->in;
	bool rtx;
	int i = stream_by_pt(&l->conf.remote, pt, &rtx);
	size_t at = 4, end;

	in->nsets =
		i < 0 ? 0 : stream_sprop(l->conf.remote.codec[i].fmtp, in->sets, sizeof(in->sets));
	for (; at < in->nsets; at = end + 4) {
		for (end = at; end < in->nsets; end++) {
			if (in->nsets - end >= 4 && memcmp(in->sets + end, "\0\0\0\1", 4) == 0)
				break;
		}
		if (depay_prime(in->depay, (struct ar_span){(char *)in->sets + at, end - at}) != 0)
			in->nsets = 0;
	}
}

static bool set_codec(struct stream_leg *l, int i)
{
	struct stream_in *in = &l->in;
	enum depay_codec d = l->conf.local.codec[i].kind == STREAM_H264 ? DEPAY_H264 : DEPAY_VP8;

	if (in->codec == i && in->depay)
		return true;
	if (!in->depay || in->depay_codec != d) {
		depay_free(in->depay);
		in->depay = NULL;
		if (depay_new(&in->depay, d, on_frame, l) != 0)
			return false;
		in->depay_codec = d;
		in->width = in->height = 0;
		in->nsets = 0;
		if (d == DEPAY_H264)
			prime(l, l->conf.local.codec[i].pt);
	}
	in->codec = i;
	stream_route(l);
	return true;
}

/* What the header extensions say about the frame: on any of its packets. */
static void note_ext(struct stream_leg *l, const struct rtp_packet *p)
{
	struct stream_in *in = &l->in;
	struct rtp_ext_values v;

	rtp_ext_read(p, &l->conf.local.ext, &v);
	if (!in->has_ext || in->ext_ts != p->ts)
		in->ext = (struct rtp_ext_values){0};
	in->has_ext = true;
	in->ext_ts = p->ts;
	if (v.has_capture_time) {
		in->ext.has_capture_time = in->has_abs = true;
		in->ext.capture_time = v.capture_time;
		in->ext.has_capture_offset = v.has_capture_offset;
		in->ext.capture_offset = v.capture_offset;
		in->abs_time =
			v.capture_time + (v.has_capture_offset ? (uint64_t)v.capture_offset : 0);
		in->abs_ts = p->ts;
	}
	if (v.xr_pose.p && v.xr_pose.n <= sizeof(in->xr_pose)) {
		memcpy(in->xr_pose, v.xr_pose.p, v.xr_pose.n);
		in->ext.xr_pose = (struct ar_span){(char *)in->xr_pose, v.xr_pose.n};
	}
}

static void push(struct stream_leg *l, const struct rtp_recv_out *out)
{
	bool rtx;
	int i = stream_by_pt(&l->conf.local, out->packet.pt, &rtx);

	if (i < 0 || rtx || !stream_is_frames(l->conf.local.codec[i].kind) || !set_codec(l, i))
		return;
	note_ext(l, &out->packet);
	l->in.arrived = out->arrived;
	if (depay_push(l->in.depay, &out->packet) != 0)
		l->n.frames_dropped++;
}

void stream_in_run(struct stream_leg *l, uint64_t now)
{
	struct rtp_recv_out out;
	enum rtp_recv_event e;

	l->in.now = now;
	while (l->in.recv && (e = rtp_recv_pop(l->in.recv, now, &out)) != RTP_RECV_NONE) {
		if (e == RTP_RECV_PACKET)
			push(l, &out);
		else if (l->in.depay)
			depay_gap(l->in.depay, out.lost);
	}
	if (l->in.depay && depay_needs_key(l->in.depay))
		stream_in_want_key(l);
}

/* ---- feedback ---- */

/* Spliced, it goes out again with what is drawn: as much less as that, headers and retransmission
 * have added of late. */
static uint64_t spliced_rate(const struct stream_leg *l, uint64_t other)
{
	double in = l->in.meter.bps, out = l->partner ? l->partner->out.meter.bps : 0;
	double share = in > 0 && out > in ? in / out : 1;

	return (uint64_t)((double)other * (share < LEAST_SHARE ? LEAST_SHARE : share));
}

/* What it pays to send: what the policy allows, and about as much as the other UE can be sent. */
static uint64_t wanted_rate(const struct stream_leg *l)
{
	uint64_t max = 1000ull * (l->conf.max_kbps ? l->conf.max_kbps : l->front->conf.max_kbps);
	uint64_t other = l->partner && l->partner->up ? stream_out_target(l->partner) : max;

	if (l->mode == MODE_PROCESS && l->job.splices)
		other = spliced_rate(
			l, l->partner && l->partner->up ? stream_out_rate(l->partner) : max);
	else if (l->mode == MODE_PROCESS)
		other *= 2; /* encoded again, a better original still shows */
	return other < max ? other : max;
}

static bool remb_due(const struct stream_leg *l, uint64_t rate, uint64_t now)
{
	const struct stream_in *in = &l->in;
	bool changed = rate < in->remb * 97 / 100 || rate > in->remb * 110 / 100;
	const struct stream_codec *c = stream_in_codec(l);

	if (!c || !(c->fb & STREAM_FB_REMB) || !l->conf.video || l->mode == MODE_PACKETS)
		return false;
	return now >= in->remb_at + (changed ? STREAM_REMB_MIN : STREAM_REMB);
}

void stream_in_feedback(struct stream_leg *l, uint64_t now)
{
	uint8_t buf[STREAM_MAX_PACKET];
	struct stream_in *in = &l->in;
	uint64_t rate = wanted_rate(l);

	for (unsigned i = 0; i < 4; i++) {
		struct rtcp_writer w = {buf, 0, 1200, 0};

		if (in->recv)
			rtp_recv_feedback(in->recv, now, &w);
		twcc_recv_feedback(&in->twcc, now, l->local, in->ssrc, &w);
		if (remb_due(l, rate, now)) {
			rtcp_write_remb(&w, l->local, in->ssrc, rate);
			in->remb_at = now;
			in->remb = rate;
		}
		if (!w.n)
			return;
		/* RFC 5506: a report goes first where the UE has not said that it need not */
		if (!rtcp_is_compound((struct ar_span){(char *)buf, w.n}) &&
			!(l->conf.local.reduced && l->conf.remote.reduced)) {
			uint8_t head[16];
			struct rtcp_writer hw = {head, 0, sizeof(head), 0};

			rtcp_write_rr(&hw, l->local, NULL, 0);
			memmove(buf + hw.n, buf, w.n);
			memcpy(buf, head, hw.n);
			w.n += hw.n;
		}
		stream_send(l, buf, w.n, true, now);
		if (stream_in_deadline(l) > now)
			return;
	}
}

uint64_t stream_in_deadline(const struct stream_leg *l)
{
	const struct stream_in *in = &l->in;
	uint64_t at = twcc_recv_deadline(&in->twcc), other;

	if (!l->up)
		return UINT64_MAX;
	if (in->recv && (other = rtp_recv_deadline(in->recv)) < at)
		at = other;
	if (in->recv && remb_due(l, wanted_rate(l), UINT64_MAX / 2) &&
		in->remb_at + STREAM_REMB < at)
		at = in->remb_at + STREAM_REMB;
	return at;
}
