/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/front/stream_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define DEFAULT_KBPS 2500
#define METER 1000000 /* us */
#define RENDER_JUMP 90000 /* of RTP time: the partner counts anew */
#define RENDER_SLEW 9 /* at most, a frame; 3 ms a second */

int stream_random(void *out, size_t n)
{
	return getrandom(out, n, 0) == (ssize_t)n ? 0 : -EIO;
}

/* ---- meters ---- */

void stream_meter_tick(struct stream_meter *m, uint64_t now)
{
	double s;

	if (!m->since || now < m->since + METER) {
		if (!m->since)
			m->since = now;
		return;
	}
	s = (double)(now - m->since) / 1e6;
	m->bps = (double)m->bytes * 8 / s;
	m->fps = (double)m->frames / s;
	m->bytes = m->frames = 0;
	m->since = now;
}

void stream_meter_add(struct stream_meter *m, size_t bytes, bool frame, uint64_t now)
{
	stream_meter_tick(m, now);
	m->bytes += bytes;
	m->frames += frame;
}

/* ---- the front ---- */

int stream_front_new(struct stream_front **fp, const struct stream_front_conf *conf)
{
	struct stream_front *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->conf = *conf;
	if (!f->conf.max_kbps)
		f->conf.max_kbps = DEFAULT_KBPS;
	*fp = f;
	return 0;
}

void stream_front_free(struct stream_front *f)
{
	free(f);
}

void stream_front_set_ntp(struct stream_front *f, uint64_t ntp, uint64_t now)
{
	f->ntp = ntp;
	f->ntp_at = now;
}

unsigned stream_front_legs(const struct stream_front *f)
{
	return f->nleg;
}

static void add_totals(struct stream_totals *sum, const struct stream_totals *n)
{
	uint64_t *out = (uint64_t *)sum;
	const uint64_t *in = (const uint64_t *)n;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*out); i++)
		out[i] += in[i];
}

/* With what its receiver and its sender have counted so far. */
static struct stream_totals count(const struct stream_leg *l)
{
	struct stream_totals n = l->n;

	if (l->in.recv) {
		const struct rtp_recv_stats *r = rtp_recv_stats(l->in.recv);

		n.lost += r->lost;
		n.recovered += r->recovered;
		n.nacks_sent += r->nacks;
		n.key_asked += r->key_requests;
		n.malformed += r->malformed;
		n.fec_received += r->fec_packets;
		n.fec_recovered += r->fec_recovered;
	}
	if (l->out.send) {
		const struct rtp_send_stats *s = rtp_send_stats(l->out.send);

		n.nacks_received += s->nacked;
		n.resent += s->resent;
		n.fec_sent += s->fec_packets;
		n.key_wanted += s->key_requests;
	}
	return n;
}

void stream_front_get_totals(const struct stream_front *f, struct stream_totals *out)
{
	*out = f->gone;
	for (const struct stream_leg *l = f->legs; l; l = l->next) {
		struct stream_totals n = count(l);

		add_totals(out, &n);
	}
}

/* ---- legs ---- */

static int make_capture(struct stream_leg *l, struct capture **out)
{
	struct capture_conf cc = {.clock = 90000,
		.fov_y = l->front->conf.fov_y,
		.delay = l->front->conf.delay,
		.stereo = l->conf.op == ARMF_SPLIT_RENDER};

	return capture_new(out, &cc);
}

static int make_parts(struct stream_leg *l)
{
	int err = make_capture(l, &l->capture);

	if (!err)
		err = stream_out_init(l);
	if (!err)
		err = stream_random(&l->local, sizeof(l->local));
	return err;
}

int stream_leg_new(struct stream_leg **lp, struct stream_front *f, const struct stream_conf *conf,
	const struct stream_handlers *h, void *arg, uint64_t now)
{
	struct stream_leg *l;
	int err;

	(void)now;
	if (f->nleg >= f->conf.max_legs)
		return -ENOSPC;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->front = f;
	l->conf = *conf;
	snprintf(l->call_id, sizeof(l->call_id), "%s", conf->call_id ? conf->call_id : "");
	l->h = *h;
	l->arg = arg;
	l->reason = "";
	l->job.reason = "";
	stream_in_init(&l->in);
	err = make_parts(l);
	if (err) {
		capture_free(l->capture);
		bwe_free(l->out.bwe);
		free(l);
		return err;
	}
	l->next = f->legs;
	f->legs = l;
	f->nleg++;
	*lp = l;
	return 0;
}

void stream_leg_free(struct stream_leg *l, uint64_t now)
{
	if (!l)
		return;
	stream_leg_pair(l, NULL, now);
	stream_job_close(l);
	stream_in_free(l);
	stream_out_free(l);
	capture_free(l->capture);
	add_totals(&l->front->gone, &l->n);
	for (struct stream_leg **pp = &l->front->legs; *pp; pp = &(*pp)->next) {
		if (*pp == l) {
			*pp = l->next;
			break;
		}
	}
	l->front->nleg--;
	free(l);
}

static void part(struct stream_leg *l)
{
	struct stream_leg *b = l->partner;

	if (!b)
		return;
	l->partner = b->partner = NULL;
	for (unsigned i = 0; i < 2; i++) {
		struct stream_leg *x = i ? b : l;

		if (x->job.op != ARMF_SPLIT_RENDER) {
			stream_job_close(x);
			stream_out_stop(x);
		}
		stream_route(x);
	}
}

void stream_leg_pair(struct stream_leg *a, struct stream_leg *b, uint64_t now)
{
	(void)now;
	if (a->partner == b)
		return;
	part(a);
	if (!b)
		return;
	part(b);
	a->partner = b;
	b->partner = a;
	stream_in_want_key(a);
	stream_in_want_key(b);
	stream_route(a);
	stream_route(b);
}

uint32_t stream_leg_ssrc_mask(const struct stream_leg *l)
{
	return l->conf.local.ssrc_mask;
}

struct stream_leg *stream_leg_partner(const struct stream_leg *l)
{
	return l->partner;
}

/* Key frame on join: the one who comes has seen nothing yet. */
void stream_leg_up(struct stream_leg *l, bool up, uint64_t now)
{
	(void)now;
	if (l->up == up)
		return;
	l->up = up;
	l->render_at = 0;
	if (!up) { /* another association counts anew, and may go another way */
		stream_in_reset(l);
		twcc_recv_init(&l->in.twcc);
		stream_out_renew(l);
	} else if (l->partner)
		stream_in_want_key(l->partner);
	l->out.need_key = true;
	stream_route(l);
	if (l->partner)
		stream_route(l->partner);
}

static bool same_codecs(const struct stream_side *a, const struct stream_side *b)
{
	return a->ncodec == b->ncodec &&
	       memcmp(a->codec, b->codec, a->ncodec * sizeof(a->codec[0])) == 0;
}

void stream_leg_set(struct stream_leg *l, const struct stream_conf *conf, uint64_t now)
{
	bool op = l->conf.op != conf->op;

	(void)now;
	/* indices into the old tables mean nothing in the new ones */
	if (!same_codecs(&l->conf.local, &conf->local))
		stream_in_reset(l);
	if (!same_codecs(&l->conf.remote, &conf->remote) ||
		memcmp(&l->conf.remote.ext, &conf->remote.ext, sizeof(conf->remote.ext)) != 0)
		stream_out_stop(l);
	l->conf = *conf;
	l->conf.call_id = NULL;
	if (op) {
		struct capture *c; /* one eye or two */

		if (make_capture(l, &c) == 0) {
			capture_free(l->capture);
			l->capture = c;
		}
		stream_job_close(l);
		l->job.retry_at = 0;
		stream_in_want_key(l);
	}
	stream_out_limit(l);
	l->render_at = 0; /* what kept it from being drawn may be over */
	if (!l->conf.remote.receives)
		stream_out_stop(l);
	stream_route(l);
	if (l->partner)
		stream_route(l->partner);
}

/* ---- packets ---- */

static void on_source(struct stream_leg *l, const struct rtcp_packet *p, uint64_t now)
{
	struct ar_span cname;

	if (p->type == RTCP_SR && p->ssrc == l->in.ssrc && l->in.recv) {
		rtp_recv_sr(l->in.recv, &p->sr, now);
		capture_report(l->capture, p->sr.ntp, now);
		if (l->partner && l->partner->conf.op != ARMF_SPLIT_RENDER)
			stream_out_source(l->partner, &p->sr, now);
	}
	if (p->type == RTCP_SDES && rtcp_sdes_cname(p, l->in.ssrc, &cname) &&
		cname.n < sizeof(l->in.cname)) {
		memcpy(l->in.cname, cname.p, cname.n);
		l->in.cname[cname.n] = '\0';
		if (l->partner && l->partner->out.send &&
			l->partner->out.ssrc == (l->in.ssrc ^ l->partner->conf.local.ssrc_mask))
			rtp_send_set_cname(l->partner->out.send, l->in.cname);
	}
	if (p->type == RTCP_BYE && l->in.recv && rtcp_bye_has(p, l->in.ssrc))
		stream_in_reset(l);
}

static void on_rtcp(struct stream_leg *l, struct ar_span d, uint64_t now)
{
	struct ar_span rest = d;
	struct rtcp_packet p;
	int more;

	while ((more = rtcp_next(&rest, &p)) == 1) {
		on_source(l, &p, now);
		stream_out_rtcp(l, &p, now);
	}
	if (more < 0)
		l->n.rtcp_bad++;
	if (l->mode == MODE_PACKETS || (l->partner && l->partner->mode == MODE_PACKETS))
		stream_packets_rtcp(l, d, now);
}

void stream_leg_input(struct stream_leg *l, uint8_t *packet, size_t n, bool rtcp, uint64_t now)
{
	struct ar_span d = {(char *)packet, n};
	struct rtp_packet p;

	l->n.rx_packets++;
	l->n.rx_bytes += n;
	if (rtcp) {
		on_rtcp(l, d, now);
		return;
	}
	if (rtp_parse(&p, d) != 0) {
		l->n.malformed++;
		return;
	}
	stream_in_rtp(l, &p, now);
}

void stream_leg_pose(struct stream_leg *l, const struct capture_pose *p, uint64_t now)
{
	capture_pose(l->capture, p, now);
	l->h.wake(l->arg);
}

/* ---- split rendering ---- */

static uint64_t ntp_at(const struct stream_front *f, uint64_t at)
{
	int64_t us = (int64_t)(at - f->ntp_at);

	return f->ntp + (uint64_t)(us / 1000000 * (INT64_C(1) << 32)) +
	       (uint64_t)(us % 1000000 * (INT64_C(1) << 32) / 1000000);
}

/* The partner's clock, when its reports have told it: its sound, which comes another way, is what
 * the receiver plays the picture together with. */
static uint64_t partner_ntp(const struct stream_leg *l, uint64_t now)
{
	const struct stream_leg *b = l->partner;
	uint64_t ntp = ntp_at(l->front, now), at;
	struct rtcp_sr sr;

	if (b && b->in.recv && rtp_recv_last_sr(b->in.recv, &sr, &at))
		ntp += sr.ntp - ntp_at(l->front, at);
	return ntp;
}

/* As the partner's camera would count now, for what is rendered takes the place of its picture, and
 * a busy browser that sees the timestamps jump shows nothing for three seconds. Its clock is
 * followed slowly: when a packet comes says little. */
static uint32_t render_ts(struct stream_leg *l, uint64_t now)
{
	const struct stream_in *in = l->partner ? &l->partner->in : NULL;
	uint32_t ts = l->render_ts + (uint32_t)((now - l->render_told) * 9 / 100);
	int32_t off;

	if (in && in->recv && in->has_ext) {
		off = (int32_t)(in->ext_ts + (uint32_t)((now - in->arrived) * 9 / 100) - ts);
		if (!l->render_told || off > RENDER_JUMP || off < -RENDER_JUMP)
			ts += (uint32_t)off;
		else
			ts += off > RENDER_SLEW    ? RENDER_SLEW
			      : off < -RENDER_SLEW ? (uint32_t)-RENDER_SLEW
						   : (uint32_t)off;
	}
	l->render_ts = ts;
	l->render_told = now;
	return ts;
}

/* TS 26.565: no frames in, the receiver's newest pose. */
static void render(struct stream_leg *l, uint64_t now)
{
	struct capture_shot shot;
	struct armf_frame_in f = {0};
	struct rtcp_sr sr;
	int out = stream_of_kind(&l->conf.remote, STREAM_VP8);

	if (out < 0)
		out = stream_of_kind(&l->conf.remote, STREAM_H264);
	if (!l->up || !l->conf.remote.receives || out < 0) {
		l->render_at = UINT64_MAX;
		return;
	}
	if (!l->job.open && now >= l->job.retry_at)
		(void)stream_job_open(l, ARMF_SPLIT_RENDER, l->conf.remote.codec[out].kind,
			l->conf.remote.codec[out].kind, now);
	l->render_at = (l->render_at && now - l->render_at < 100000 ? l->render_at : now) +
		       1000000 / STREAM_FPS;
	if (!l->job.open || !l->job.up)
		return;
	capture_latest(l->capture, now, &shot);
	if (!shot.views)
		return;
	f.ts = render_ts(l, now);
	f.capture = now;
	f.views = shot.views;
	memcpy(f.camera, shot.camera, sizeof(f.camera));
	l->source = shot.source;
	sr = (struct rtcp_sr){.rtp = f.ts, .ntp = partner_ntp(l, now)};
	stream_out_source(l, &sr, now);
	if (l->front->conf.jobs.render(l->front->conf.jobs.pool, l->job.id, &f) != 0)
		l->n.frames_dropped++;
}

/* ---- time ---- */

static void serve_key_requests(struct stream_leg *l, uint64_t now)
{
	struct stream_leg *from = l->conf.op == ARMF_SPLIT_RENDER ? l : l->partner;

	if (!l->out.send || !from || !rtp_send_take_key_request(l->out.send, now))
		return;
	if (from->job.open && (from == l || from->mode == MODE_PROCESS))
		l->front->conf.jobs.want_key(l->front->conf.jobs.pool, from->job.id);
	else
		stream_in_want_key(from);
}

static uint64_t earliest(const struct stream_leg *l)
{
	const uint64_t at[] = {stream_in_deadline(l), stream_job_deadline(l),
		stream_out_deadline(l),
		l->conf.op == ARMF_SPLIT_RENDER ? l->render_at : UINT64_MAX};
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		least = at[i] < least ? at[i] : least;
	return least;
}

uint64_t stream_leg_run(struct stream_leg *l, uint64_t now)
{
	struct stream_leg *b = l->partner;

	stream_job_run(l, now);
	stream_in_run(l, now);
	if (l->conf.op == ARMF_SPLIT_RENDER && now >= l->render_at)
		render(l, now);
	if (l->up)
		stream_in_feedback(l, now);
	if (b) {
		stream_out_run(b, now);
		if (l->conf.op != ARMF_SPLIT_RENDER)
			stream_job_rate(l, stream_out_target(b));
	}
	serve_key_requests(l, now);
	stream_out_run(l, now);
	if (l->conf.op == ARMF_SPLIT_RENDER)
		stream_job_rate(l, stream_out_target(l));
	stream_meter_tick(&l->in.meter, now);
	stream_meter_tick(&l->out.meter, now);
	return earliest(l);
}

int stream_leg_reserve(struct stream_leg *l, uint64_t now)
{
	if (l->conf.op == ARMF_RELAY || l->job.open)
		return 0;
	return stream_job_open(l, l->conf.op, STREAM_VP8, STREAM_VP8, now);
}

/* ---- what is seen from outside ---- */

static const char *state_name(const struct stream_leg *l)
{
	switch (l->conf.op == ARMF_SPLIT_RENDER && l->job.open && l->job.up ? MODE_PROCESS
									    : l->mode) {
	case MODE_PROCESS:
		return "processing";
	case MODE_RELAY:
	case MODE_PACKETS:
		return "relay";
	case MODE_FROZEN:
		return "frozen";
	default:
		return "waiting";
	}
}

void stream_leg_get_facts(struct stream_leg *l, struct stream_facts *out, uint64_t now)
{
	struct stream_totals n = count(l);
	const struct stream_codec *c = stream_in_codec(l);
	struct stream_leg *b = l->conf.op == ARMF_SPLIT_RENDER ? l : l->partner;
	struct armf_job_stats job = {0};

	stream_meter_tick(&l->in.meter, now);
	stream_meter_tick(&l->out.meter, now);
	*out = (struct stream_facts){.state = state_name(l),
		.reason = l->reason,
		.codec_in = c ? c->name : "",
		.codec_out = b && b->out.codec >= 0 ? b->conf.remote.codec[b->out.codec].name : "",
		.width = l->in.width,
		.height = l->in.height,
		.fps = l->in.meter.fps,
		.kbps_in = (uint32_t)(l->in.meter.bps / 1000),
		.kbps_out = (uint32_t)(l->out.meter.bps / 1000),
		.target_kbps = (uint32_t)(stream_out_target(l) / 1000),
		.lost = n.lost,
		.nacks = n.nacks_sent,
		.plis = n.key_asked,
		.frames = n.frames_in,
		.drawn = n.frames_drawn,
		.dropped = n.frames_dropped,
		.pose_source = capture_source_name(l->source),
		.splice = "",
		.rtt_us = l->out.send ? rtp_send_rtt(l->out.send) : 0};
	if (l->job.open &&
		l->front->conf.jobs.stats(l->front->conf.jobs.pool, l->job.id, &job) == 0) {
		out->decode_us = job.decode_us;
		out->draw_us = job.draw_us;
		out->encode_us = job.encode_us;
		out->splice = job.splice ? job.splice : "";
		out->spliced = job.spliced;
		out->blocks = job.blocks;
		out->recoded = job.recoded;
		out->step = job.step;
	}
}

int stream_leg_snapshot(
	struct stream_leg *l, void (*done)(void *arg, int err, struct ar_span png), void *arg)
{
	if (!l->job.open || !l->job.up ||
		(l->conf.op != ARMF_SPLIT_RENDER && l->mode != MODE_PROCESS))
		return -ENOENT;
	return l->front->conf.jobs.snapshot(l->front->conf.jobs.pool, l->job.id, done, arg);
}
