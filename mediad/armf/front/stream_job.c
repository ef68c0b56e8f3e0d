/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames on their way: which way, through a media processor when there is one, else past it. */
#include "mediad/armf/front/stream_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- which way ---- */

struct route {
	enum stream_mode mode; /* PROCESS: wanted, whether a processor is there or not */
	int out; /* of the partner's description; -1: none */
	bool same; /* what is sent could go on as it is */
	const char *reason;
};

static struct route none(const char *reason)
{
	return (struct route){.mode = MODE_NONE, .out = -1, .reason = reason};
}

static struct route find_route(const struct stream_leg *l)
{
	const struct stream_codec *c = stream_in_codec(l);
	const struct stream_leg *b = l->partner;
	struct route r = {.mode = MODE_RELAY, .reason = ""};
	int exact;

	if (!b)
		return none("no other side");
	if (!b->conf.remote.known || !b->up)
		return none("the other side is not connected");
	if (!l->conf.remote.sends || !b->conf.remote.receives)
		return none("on hold");
	if (b->conf.op == ARMF_SPLIT_RENDER)
		return none("the other side is sent the scene");
	if (!c)
		return none("nothing received");
	exact = stream_same(&b->conf.remote, c, true);
	r.same = exact >= 0;
	if (c->kind == STREAM_OTHER) {
		r.mode = MODE_PACKETS;
		r.out = exact;
		return r.out < 0 ? none("the other side has not this codec") : r;
	}
	/* split rendering is of what a UE is sent; what it sends goes past that processor */
	if (l->conf.op != ARMF_OVERLAY && r.same) {
		r.out = exact;
		return r;
	}
	if (l->conf.op == ARMF_SPLIT_RENDER)
		return none("its codec is not the other side's");
	r.mode = MODE_PROCESS;
	r.out = r.same ? exact : stream_same(&b->conf.remote, c, false);
	if (r.out < 0)
		r.out = stream_of_kind(
			&b->conf.remote, c->kind == STREAM_VP8 ? STREAM_H264 : STREAM_VP8);
	return r.out < 0 ? none("no codec that both sides have") : r;
}

static void enter(struct stream_leg *l, enum stream_mode mode, const char *reason)
{
	l->reason = reason;
	if (l->mode == mode)
		return;
	if (l->mode == MODE_PROCESS && (mode == MODE_RELAY || mode == MODE_FROZEN))
		l->n.fallbacks++;
	if (mode == MODE_PROCESS && (l->mode == MODE_RELAY || l->mode == MODE_FROZEN))
		l->n.returns++;
	l->mode = mode;
	if (mode != MODE_PROCESS)
		stream_drop_held(l);
	/* another encoder's frames: the receiver's decoder begins anew */
	if (l->partner && (mode == MODE_RELAY || mode == MODE_PROCESS))
		l->partner->out.need_key = true;
}

void stream_route(struct stream_leg *l)
{
	struct route r = find_route(l);

	/* on hold, and before the UEs are there, the room stays taken */
	if ((r.mode == MODE_RELAY || r.mode == MODE_PACKETS) && l->job.op != ARMF_SPLIT_RENDER)
		stream_job_close(l);
	if (r.mode == MODE_PACKETS || r.mode == MODE_NONE)
		enter(l, r.mode, r.reason);
	if (r.mode == MODE_NONE && l->partner && l->partner->job.op != ARMF_SPLIT_RENDER)
		stream_out_stop(l->partner);
}

/* ---- the job ---- */

static void emit(struct stream_leg *to, const struct armf_frame_out *f, struct stream_out_frame *o)
{
	struct stream_leg *l = to;
	uint64_t now = l->front->conf.clock();

	o->data = f->data;
	o->ts = f->ts;
	o->key = f->key;
	if (stream_out_frame(l, o, now) == 0)
		stream_out_run(l, now);
}

/* A frame of the stream that is received now: others are of one that has ended (another SSRC,
 * another clock), or of a processor's own invention. */
static bool in_flight(const struct stream_in *in, uint32_t ts)
{
	unsigned n = in->nflight < STREAM_FLIGHT ? in->nflight : STREAM_FLIGHT;

	for (unsigned i = 0; i < n; i++) {
		if (in->flight[i] == ts)
			return true;
	}
	return false;
}

/* What is rendered takes the place of the partner's picture, under the names that the description
 * to this UE has for it: a browser shows nothing else. Without names anything is taken. */
static void name_rendered(const struct stream_leg *l, struct stream_out_frame *o)
{
	const struct stream_side *from = l->partner ? &l->partner->conf.remote : NULL;

	if (from && from->nssrc) {
		o->ssrc = from->ssrc[0].ssrc;
		o->rtx_ssrc = from->ssrc[0].rtx;
		o->cname = from->ssrc[0].cname;
		return;
	}
	o->ssrc = l->local + 1;
	o->rtx_ssrc = l->local + 2;
	o->cname = "armf";
}

static void job_frame(void *arg, const struct armf_frame_out *f)
{
	struct stream_leg *l = arg, *b = l->job.op == ARMF_SPLIT_RENDER ? l : l->partner;
	struct stream_out_frame o = {
		.ssrc = l->in.ssrc, .rtx_ssrc = l->in.rtx_ssrc, .cname = l->in.cname};
	struct rtp_ext_values ext = {0};

	if (!b || (l->job.op != ARMF_SPLIT_RENDER && l->mode != MODE_PROCESS))
		return;
	if (b != l && !in_flight(&l->in, f->ts)) {
		l->n.frames_dropped++;
		return;
	}
	if (b == l) {
		name_rendered(l, &o);
	} else if (l->in.has_abs) {
		/* the frame's own time: that of a later one may have come meanwhile */
		ext.has_capture_time = true;
		ext.capture_time =
			l->in.abs_time + (uint64_t)((int64_t)(int32_t)(f->ts - l->in.abs_ts) *
						    (INT64_C(1) << 32) / 90000);
		o.ext = &ext;
	}
	o.codec = stream_of_kind(&b->conf.remote, l->job.out);
	l->n.frames_drawn += f->drawn;
	l->job.splices = f->splices;
	l->in.width = f->width;
	l->in.height = f->height;
	if (b->out.need_key && !f->key)
		l->front->conf.jobs.want_key(l->front->conf.jobs.pool, l->job.id);
	emit(b, f, &o);
	l->h.wake(l->arg);
}

static void job_need_key(void *arg)
{
	struct stream_leg *l = arg;

	stream_in_want_key(l);
	l->h.wake(l->arg);
}

static void job_state(void *arg, bool up, const char *reason)
{
	struct stream_leg *l = arg;

	l->job.up = up;
	l->job.reason = up ? "" : reason;
	if (!up)
		stream_drop_held(l);
	/* either way the next decoder, ours or the UE's, begins with a key frame */
	stream_in_want_key(l);
	l->h.wake(l->arg);
}

static const struct armf_job_handlers job_handlers = {job_frame, job_need_key, job_state};

static const char *refusal(int err)
{
	switch (err) {
	case -EBUSY:
		return "overload";
	case -ENOSYS:
		return "processing is off";
	case -ENOENT:
		return "no scene";
	default:
		return "no processor";
	}
}

static enum depay_codec codec_of(enum stream_kind k)
{
	return k == STREAM_H264 ? DEPAY_H264 : DEPAY_VP8;
}

static uint32_t most_bps(const struct stream_limits *lim, uint64_t bps)
{
	return (uint32_t)(lim->bps && lim->bps < bps ? lim->bps : bps);
}

static void limit(struct armf_job_conf *c, const struct stream_limits *lim)
{
	c->max_blocks = lim->blocks;
	c->max_fps = lim->fps ? lim->fps : STREAM_FPS;
	c->start_bps = most_bps(lim, c->start_bps);
}

/* What the receiver can has become known, or is another by now. */
static void keep_to_limits(struct stream_leg *l)
{
	struct armf_job_conf c = {0};
	struct stream_limits lim;

	stream_limits_of(l->partner, l->job.out, &lim);
	if (lim.blocks == l->job.limits.blocks && lim.fps == l->job.limits.fps &&
		lim.bps == l->job.limits.bps)
		return;
	l->job.limits = lim;
	l->job.rate = 0; /* the rate is said again */
	limit(&c, &lim);
	l->front->conf.jobs.set_limits(
		l->front->conf.jobs.pool, l->job.id, c.max_blocks, c.max_fps);
}

int stream_job_open(struct stream_leg *l, enum armf_op op, enum stream_kind in,
	enum stream_kind out, uint64_t now)
{
	const struct stream_leg *b = op == ARMF_SPLIT_RENDER || !l->partner ? l : l->partner;
	struct armf_job_conf conf = {.op = op == ARMF_RELAY ? ARMF_OVERLAY : op,
		.in = codec_of(in),
		.out = codec_of(out),
		.max_fps = STREAM_FPS,
		.start_bps = (uint32_t)stream_out_target(b),
		.call_id = l->call_id};
	int err = l->front->conf.jobs.pool ? l->h.scene(l->arg, &conf.scene) : -ENOSYS;

	stream_limits_of(b, out, &l->job.limits);
	limit(&conf, &l->job.limits);
	memcpy(conf.own, l->conf.own, sizeof(conf.own));
	if (!err)
		err = l->front->conf.jobs.open(
			l->front->conf.jobs.pool, &conf, &job_handlers, l, &l->job.id);
	if (err) {
		l->n.refused++;
		l->job.reason = refusal(err);
		l->job.retry_at = now + STREAM_RETRY;
		return err;
	}
	l->job.open = l->job.up = true;
	l->job.op = op;
	l->job.in = in;
	l->job.out = out;
	l->job.rate = conf.start_bps;
	l->job.reason = "";
	return 0;
}

void stream_job_close(struct stream_leg *l)
{
	if (l->job.open)
		l->front->conf.jobs.close(l->front->conf.jobs.pool, l->job.id);
	l->job.open = l->job.up = l->job.splices = false;
	l->job.reason = "";
	stream_drop_held(l);
}

void stream_job_rate(struct stream_leg *l, uint64_t target)
{
	/* headers, retransmission */
	uint32_t rate = most_bps(&l->job.limits, target * 90 / 100);

	if (!l->job.open || (rate < l->job.rate * 21ull / 20 && rate > l->job.rate * 19ull / 20))
		return;
	l->job.rate = rate;
	l->front->conf.jobs.set_rate(l->front->conf.jobs.pool, l->job.id, rate);
}

/* ---- frames that wait for the pose of their time ---- */

void stream_drop_held(struct stream_leg *l)
{
	for (unsigned i = 0; i < l->in.nheld; i++) {
		free(l->in.held[i].data);
		l->n.frames_dropped++;
	}
	l->in.nheld = 0;
	l->in.held_bytes = 0;
}

static void describe(const struct stream_leg *l, uint32_t ts, struct capture_frame *f)
{
	const struct stream_in *in = &l->in;
	int64_t d = (int32_t)(ts - in->abs_ts);

	*f = (struct capture_frame){.ts = ts, .ssrc = in->ssrc, .arrived = in->arrived};
	/* the extension comes once in a while; in between RTP tells (its 3.3) */
	f->has_capture_time = in->has_abs && d < 90000 * 10 && d > -90000;
	f->capture_time = in->abs_time + (uint64_t)(d * (INT64_C(1) << 32) / 90000);
	f->has_ntp = rtp_recv_ntp(in->recv, ts, &f->ntp);
	if (in->has_ext && in->ext_ts == ts)
		f->xr_pose = in->ext.xr_pose;
}

static void submit(
	struct stream_leg *l, const struct stream_held *h, const struct capture_shot *shot)
{
	struct armf_frame_in in = {.data = {(char *)h->data, h->n},
		.ts = h->f.ts,
		.key = h->key,
		.capture = shot->at,
		.views = l->conf.op == ARMF_OVERLAY ? shot->views : 0};
	int err;

	memcpy(in.camera, shot->camera, sizeof(in.camera));
	l->source = shot->source;
	err = l->front->conf.jobs.frame(l->front->conf.jobs.pool, l->job.id, &in);
	if (err)
		l->n.frames_dropped++;
	else
		l->in.flight[l->in.nflight++ % STREAM_FLIGHT] = h->f.ts;
	if (err == -ENOTCONN) {
		l->job.up = false;
		l->job.reason = "no processor yet";
	}
}

static int try_one(struct stream_leg *l, struct stream_held *h, uint64_t now)
{
	struct capture_shot shot = {0};
	int err = 0;

	h->f.xr_pose.p = h->f.xr_pose.n ? (char *)h->xr_pose : NULL;
	if (l->conf.op == ARMF_OVERLAY)
		err = capture_frame(l->capture, &h->f, now, &shot);
	if (!err)
		submit(l, h, &shot);
	return err;
}

static void hold(struct stream_leg *l, const struct stream_held *h)
{
	struct stream_in *in = &l->in;
	struct stream_held *s = &in->held[in->nheld];

	*s = *h;
	s->data = malloc(h->n);
	if (!s->data) {
		l->n.frames_dropped++;
		return;
	}
	memcpy(s->data, h->data, h->n);
	in->nheld++;
	in->held_bytes += h->n;
	l->n.frames_held++;
}

/* No room for more: the oldest goes with what is known of its pose by now, as if it had waited its
 * time, so that the decoder has every frame. */
static void make_room(struct stream_leg *l, size_t n)
{
	struct stream_in *in = &l->in;

	while (in->nheld == STREAM_MAX_HELD ||
		(in->nheld && in->held_bytes + n > STREAM_MAX_HELD_BYTES)) {
		struct stream_held h = in->held[0];
		uint64_t end = h.f.arrived + CAPTURE_WAIT;

		memmove(in->held, in->held + 1, --in->nheld * sizeof(h));
		in->held_bytes -= h.n;
		l->n.held_over++;
		(void)try_one(l, &h, in->now > end ? in->now : end);
		free(h.data);
	}
}

void stream_job_run(struct stream_leg *l, uint64_t now)
{
	struct stream_in *in = &l->in;

	while (in->nheld && l->mode == MODE_PROCESS) {
		struct stream_held h = in->held[0];

		if (try_one(l, &h, now) == -EAGAIN)
			return;
		memmove(in->held, in->held + 1, --in->nheld * sizeof(h));
		in->held_bytes -= h.n;
		free(h.data);
	}
}

uint64_t stream_job_deadline(const struct stream_leg *l)
{
	return l->in.nheld ? l->in.held[0].f.arrived + CAPTURE_WAIT : UINT64_MAX;
}

static void process(struct stream_leg *l, const struct depay_frame *f, uint64_t now)
{
	struct stream_held h = {.data = (uint8_t *)f->data.p, .n = f->data.n, .key = f->key};

	describe(l, f->ts, &h.f);
	if (h.f.xr_pose.p)
		memcpy(h.xr_pose, h.f.xr_pose.p, h.f.xr_pose.n);
	make_room(l, h.n);
	if (l->in.nheld || try_one(l, &h, now) == -EAGAIN)
		hold(l, &h);
}

/* ---- a frame ---- */

static void relay(struct stream_leg *l, const struct depay_frame *f, int codec, uint64_t now)
{
	struct stream_out_frame o = {.data = f->data,
		.ts = f->ts,
		.key = f->key,
		.ssrc = l->in.ssrc,
		.rtx_ssrc = l->in.rtx_ssrc,
		.codec = codec,
		.cname = l->in.cname,
		.ext = l->in.has_ext && l->in.ext_ts == f->ts ? &l->in.ext : NULL};

	if (stream_out_frame(l->partner, &o, now) == -EAGAIN) {
		l->n.frames_dropped++;
		stream_in_want_key(l);
	}
}

/* Is a processor there for this? Opens the job when it can. */
static bool job_ready(struct stream_leg *l, const struct route *r, uint64_t now)
{
	const struct stream_codec *in = stream_in_codec(l);
	enum stream_kind out = l->partner->conf.remote.codec[r->out].kind;

	if (l->job.open && (l->job.in != in->kind || l->job.out != out || l->job.op != l->conf.op))
		stream_job_close(l);
	if (!l->job.open && now >= l->job.retry_at)
		(void)stream_job_open(l, l->conf.op, in->kind, out, now);
	if (l->job.open)
		keep_to_limits(l);
	return l->job.open && l->job.up;
}

void stream_job_frame(struct stream_leg *l, const struct depay_frame *f, uint64_t now)
{
	struct route r = find_route(l);
	bool ready;

	if (r.mode == MODE_NONE || r.mode == MODE_PACKETS) {
		enter(l, r.mode, r.reason);
		return;
	}
	ready = r.mode == MODE_PROCESS && job_ready(l, &r, now);
	if (ready && (l->mode == MODE_PROCESS || f->key)) {
		enter(l, MODE_PROCESS, "");
		process(l, f, now);
		return;
	}
	if (ready)
		stream_in_want_key(l); /* until it comes what was done is done */
	if (r.same) {
		enter(l, MODE_RELAY, r.mode == MODE_RELAY || ready ? "" : l->job.reason);
		relay(l, f, r.out, now);
	} else {
		enter(l, MODE_FROZEN, ready ? "waiting for a key frame" : l->job.reason);
	}
}
