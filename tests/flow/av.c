/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/flow/av_int.h"
#include "mediad/rtp/wire.h"

#include <stdio.h>
#include <cmocka.h>

#define SSRC 0x11112222
#define RTX 0x11112223
#define RED 110
#define ULPFEC 112
#define NTP_EPOCH (UINT64_C(0xe0000000) << 32)

struct av av;

static const struct rtp_extmap cam_ext = {.id = {1, 2, 0, 4, 0}};
static const struct rtp_extmap view_ext = {.id = {11, 12, 0, 14, 0}}; /* other ids on this leg */

unsigned av_random(unsigned n)
{
	av.seed = av.seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(av.seed >> 33) % n;
}

/* ---- networks ---- */

static void carry_once(struct av_pipe *p, const uint8_t *d, size_t n, bool rtcp)
{
	uint64_t at = av.now;
	unsigned i = 0;

	if (av_random(1000) < p->loss)
		return;
	if (p->rate) {
		p->free_at = p->free_at > av.now ? p->free_at : av.now;
		p->queue = p->free_at - av.now;
		if (p->queue > p->max_queue)
			return;
		p->free_at += (n + 44) * 8 * AV_SEC / p->rate; /* UDP, IP, SRTP tag */
		at = p->free_at;
	}
	at += p->delay + (av_random(1000) < p->reorder ? av_random(15000) : 0);
	while (p->p[i].n)
		assert_true(++i < AV_INFLIGHT);
	p->top = i >= p->top ? i + 1 : p->top;
	p->p[i].at = at;
	p->p[i].rtcp = rtcp;
	p->p[i].n = n;
	memcpy(p->p[i].d, d, n);
}

static void carry(struct av_pipe *p, const uint8_t *d, size_t n, bool rtcp)
{
	carry_once(p, d, n, rtcp);
	if (av_random(1000) < p->duplicate)
		carry_once(p, d, n, rtcp);
}

static void deliver(struct av_pipe *p, void (*to)(uint8_t *d, size_t n, bool rtcp))
{
	for (unsigned i = 0; i < p->top; i++) {
		struct av_packet *k = &p->p[i];

		if (!k->n || k->at > av.now)
			continue;
		to(k->d, k->n, k->rtcp);
		k->n = 0;
	}
}

/* ---- the camera ---- */

static void encode(void)
{
	static uint8_t f[400000];
	struct av_sender *c = &av.cam;
	bool key = (rtp_send_take_key_request(c->send, av.now) && !c->deaf) || c->key_next;
	uint64_t rate = bwe_target(c->bwe);
	size_t n = rate * 9 / 10 / 8 / AV_FPS * (key ? 2 : 1) * (90 + av_random(20)) / 100;

	if (c->silent)
		return;
	c->number++;
	c->since_key = key ? 0 : c->since_key + 1;
	c->made[c->number % AV_MAX_FRAMES] = av.now;
	n = av_make_frame(f, c->codec, key, c->since_key, c->number, n);
	c->key_next = rtp_send_frame(c->send, (struct ar_span){(char *)f, n},
			      (uint32_t)(av.now * 9 / 100), NULL, av.now) != 0;
}

static void camera_step(void)
{
	uint8_t d[STREAM_MAX_PACKET];
	struct av_sender *c = &av.cam;
	size_t n;

	if (av.now % (AV_SEC / AV_FPS / 1000 * 1000) == 0)
		encode();
	while ((n = rtp_send_poll(c->send, av.now, d, RTP_MAX_PACKET)) > 0)
		carry(&av.up, d, n, false);
	if (av.now % AV_SEC == 0) {
		struct rtcp_writer w = {d, 0, sizeof(d), 0};
		struct rtcp_sr sr = {.rtp = (uint32_t)(av.now * 9 / 100),
			.ntp = NTP_EPOCH + ((av.now + (uint64_t)c->clock_off) << 32) / AV_SEC};

		sr.ntp = NTP_EPOCH + (uint64_t)((double)(int64_t)(av.now + (uint64_t)c->clock_off) *
						4294.967296);
		rtp_send_source(c->send, &sr, av.now);
		rtp_send_report(c->send, av.now, NULL, 0, &w);
		carry(&av.up, d, w.n, true);
	}
}

static void to_camera(uint8_t *d, size_t n, bool rtcp)
{
	struct ar_span rest = {(char *)d, n};
	struct rtcp_packet p;

	assert_true(rtcp);
	while (rtcp_next(&rest, &p) == 1) {
		if (p.type == RTCP_REMB)
			av.cam.remb = p.bitrate;
		rtp_send_rtcp(av.cam.send, &p, av.now);
	}
}

/* ---- the viewer ---- */

static void on_frame(void *user, const struct depay_frame *f)
{
	struct av_viewer *v = user;
	uint32_t number = 0, chain = 0;
	uint64_t delay;

	if (!av_read_frame(v->codec, f->key, f->data, &number, &chain))
		v->broken++;
	if (!f->key && chain != v->shown + 1)
		v->broken++;
	if (f->key && chain != 0)
		v->broken++;
	if (v->shown_at) {
		int64_t step = (int64_t)(int32_t)(f->ts - v->ts) * 100 / 9;
		int64_t off = step - (int64_t)(av.now - v->shown_at);

		off = off < 0 ? -off : off;
		v->jump = (uint64_t)off > v->jump ? (uint64_t)off : v->jump;
	}
	v->ts = f->ts;
	if (v->shown_at && av.now - v->shown_at > v->freeze)
		v->freeze = av.now - v->shown_at;
	v->shown = chain;
	v->shown_at = av.now;
	v->nshown++;
	delay = av.now - av.cam.made[number % AV_MAX_FRAMES];
	v->worst_delay = delay > v->worst_delay ? delay : v->worst_delay;
	v->delays += delay;
	v->ndelay++;
	if (f->key) {
		v->nkeys++;
		rtp_recv_got_key(v->recv);
	}
}

static bool follows(void *arg, const struct rtp_packet *before, const struct rtp_packet *p)
{
	(void)arg;
	return depay_vp8_follows(before->payload, p->payload);
}

static void begin_view(uint32_t ssrc)
{
	const struct rtp_recv_conf rc = {.ssrc = ssrc,
		.local = 1,
		.rtx_ssrc = RTX,
		.rtx_pt = av.view.codec == DEPAY_VP8 ? 121 : 123,
		.media_pt = av.view.codec == DEPAY_VP8 ? 120 : 122,
		.red_pt = av.view.red ? RED : 0,
		.red_rtx_pt = av.view.red ? RED + 1 : 0,
		.ulpfec_pt = av.view.red ? ULPFEC : 0,
		.follows = follows,
		.clock = 90000,
		.nack = true,
		.pli = true,
		.reduced = true,
		.report = true,
		.cname = "viewer"};

	av.view.ssrc = ssrc;
	assert_int_equal(rtp_recv_new(&av.view.recv, &rc), 0);
}

static void check_report(const struct rtcp_sr *sr)
{
	/* when the camera took the picture with this timestamp, by its own clock */
	int64_t ticks = (int64_t)(av.now * 9 / 100);
	double at = (double)(ticks + (int32_t)(sr->rtp - (uint32_t)ticks)) / 90000, said, skew;

	at += (double)av.cam.clock_off / 1e6;
	said = (double)(int64_t)(sr->ntp - NTP_EPOCH) / 4294967296.0;
	skew = (said - at) * 1e6;
	if (skew < 0)
		skew = -skew;
	if ((int64_t)skew > av.view.skew)
		av.view.skew = (int64_t)skew;
	av.view.reports++;
}

static void to_viewer(uint8_t *d, size_t n, bool rtcp)
{
	struct ar_span s = {(char *)d, n}, cname;
	struct rtp_ext_values v;
	struct rtp_packet p;
	struct rtcp_packet c;

	while (rtcp && rtcp_next(&s, &c) == 1) {
		if (c.type == RTCP_SR && av.view.recv) {
			rtp_recv_sr(av.view.recv, &c.sr, av.now);
			check_report(&c.sr);
		}
		if (c.type == RTCP_SDES && rtcp_sdes_cname(&c, av.view.ssrc, &cname))
			snprintf(av.view.cname, sizeof(av.view.cname), "%.*s", (int)cname.n,
				cname.p);
	}
	if (rtcp)
		return;
	assert_int_equal(rtp_parse(&p, s), 0);
	if (p.pt / 2 != (av.view.codec == DEPAY_VP8 ? 60 : 61) && p.pt / 2 != RED / 2)
		return; /* of the codec before */
	if (!av.view.recv)
		begin_view(p.ssrc);
	rtp_ext_read(&p, &view_ext, &v);
	if (v.has_transport_seq)
		twcc_recv_packet(&av.view.twcc, v.transport_seq, av.now);
	assert_int_equal(rtp_recv_input(av.view.recv, &p, av.now), 0);
}

static void viewer_step(void)
{
	struct av_viewer *v = &av.view;
	struct rtp_recv_out out;
	enum rtp_recv_event e;
	uint8_t d[STREAM_MAX_PACKET];
	struct rtcp_writer w = {d, 0, 1200, 0};

	if (!v->recv)
		return;
	while ((e = rtp_recv_pop(v->recv, av.now, &out)) != RTP_RECV_NONE) {
		if (e == RTP_RECV_GAP)
			depay_gap(v->depay, out.lost);
		else
			assert_int_equal(depay_push(v->depay, &out.packet), 0);
	}
	if (depay_needs_key(v->depay))
		rtp_recv_want_key(v->recv);
	rtp_recv_feedback(v->recv, av.now, &w);
	twcc_recv_feedback(&v->twcc, av.now, 1, v->ssrc, &w);
	if (w.n)
		carry(&av.down_back, d, w.n, true);
}

/* ---- the legs ---- */

static uint64_t clock_now(void)
{
	return av.now;
}

static int leg_send(void *arg, uint8_t *packet, size_t n, size_t cap, bool rtcp)
{
	assert_true(n + 30 <= cap);
	if (arg == &av.a && rtcp)
		carry(&av.up_back, packet, n, true);
	else if (arg == &av.b)
		carry(&av.down, packet, n, rtcp);
	return 0;
}

static void leg_wake(void *arg)
{
	(void)arg;
	av.wakes++;
}

static int leg_scene(void *arg, uint32_t *scene)
{
	(void)arg;
	*scene = 7;
	return 0;
}

static void to_a(uint8_t *d, size_t n, bool rtcp)
{
	stream_leg_input(av.a, d, n, rtcp, av.now);
}

static void to_b(uint8_t *d, size_t n, bool rtcp)
{
	stream_leg_input(av.b, d, n, rtcp, av.now);
}

static struct stream_codec codec(enum depay_codec c, uint8_t pt, bool rtx)
{
	struct stream_codec out = {.kind = c == DEPAY_VP8 ? STREAM_VP8 : STREAM_H264,
		.pt = pt,
		.rtx = rtx ? pt + 1 : 0,
		.clock = 90000,
		.fb = STREAM_FB_NACK | STREAM_FB_PLI | STREAM_FB_REMB | STREAM_FB_TWCC};

	snprintf(out.name, sizeof(out.name), "%s", c == DEPAY_VP8 ? "VP8" : "H264");
	if (c == DEPAY_H264)
		snprintf(
			out.fmtp, sizeof(out.fmtp), "profile-level-id=42e01f;packetization-mode=1");
	return out;
}

static void only(struct stream_side *s, enum depay_codec c, uint8_t pt, bool rtx)
{
	memset(s->codec, 0, sizeof(s->codec));
	s->codec[0] = codec(c, pt, rtx);
	s->ncodec = 1;
}

static void fill_side(struct stream_side *s, const struct rtp_extmap *ext)
{
	s->known = s->reduced = s->sends = s->receives = true;
	s->ext = *ext;
}

static void add_red(struct stream_side *s)
{
	s->codec[s->ncodec++] = (struct stream_codec){
		.kind = STREAM_RED, .pt = RED, .rtx = RED + 1, .clock = 90000, .name = "red"};
	s->codec[s->ncodec++] = (struct stream_codec){
		.kind = STREAM_ULPFEC, .pt = ULPFEC, .clock = 90000, .name = "ulpfec"};
}

static void make_legs(const struct av_options *o)
{
	static const struct stream_handlers h = {leg_send, leg_wake, leg_scene};
	struct stream_front_conf fc = {.clock = clock_now, .max_legs = 2, .max_kbps = o->max_kbps};

	if (!o->no_pool)
		fc.jobs = av_job_pool();
	assert_int_equal(stream_front_new(&av.front, &fc), 0);
	av.conf_a = (struct stream_conf){.video = true, .op = o->op, .call_id = "x"};
	av.conf_b = (struct stream_conf){.video = true, .op = ARMF_RELAY, .call_id = "x"};
	fill_side(&av.conf_a.local, &cam_ext);
	fill_side(&av.conf_b.local, &view_ext);
	av.conf_a.local.codec[0] = codec(DEPAY_VP8, 96, !o->no_rtx);
	av.conf_a.local.codec[1] = codec(DEPAY_H264, 98, !o->no_rtx);
	av.conf_a.local.ncodec = 2;
	for (unsigned i = 0; o->no_remb && i < 2; i++)
		av.conf_a.local.codec[i].fb &= ~(unsigned)STREAM_FB_REMB;
	only(&av.conf_b.local, o->out, o->out == DEPAY_VP8 ? 120 : 122, !o->no_rtx);
	if (o->red) {
		add_red(&av.conf_a.local);
		add_red(&av.conf_b.local);
	}
	av.conf_a.remote = av.conf_a.local;
	av.conf_b.remote = av.conf_b.local;
	av.conf_a.remote.ssrc[0].ssrc = SSRC;
	av.conf_a.remote.ssrc[0].rtx = o->no_rtx ? 0 : RTX;
	av.conf_a.remote.nssrc = 1;
	assert_int_equal(stream_leg_new(&av.a, av.front, &av.conf_a, &h, &av.a, av.now), 0);
	assert_int_equal(stream_leg_new(&av.b, av.front, &av.conf_b, &h, &av.b, av.now), 0);
	stream_leg_pair(av.a, av.b, av.now);
	stream_leg_up(av.a, true, av.now);
	stream_leg_up(av.b, true, av.now);
}

void av_begin(const struct av_options *o)
{
	const struct bwe_conf rates = {o->start ? o->start : 800000, 50000, 4000000};
	const struct rtp_send_conf sc = {.ssrc = SSRC,
		.rtx_ssrc = o->no_rtx ? 0 : RTX,
		.pt = o->in == DEPAY_VP8 ? 96 : 98,
		.rtx_pt = o->in == DEPAY_VP8 ? 97 : 99,
		.red_pt = o->red ? RED : 0,
		.ulpfec_pt = o->red ? ULPFEC : 0,
		.first_seq = 65000,
		.clock = 90000,
		.codec = o->in,
		.mtu = 1100,
		.extmap = cam_ext,
		.cname = "alice@camera"};

	memset(&av, 0, sizeof(av));
	av.now = 47719 * AV_SEC; /* three seconds before the RTP timestamps come round */
	av.seed = 42 + o->seed;
	av.up.delay = av.up_back.delay = av.down.delay = av.down_back.delay = 10 * AV_MS;
	av.job.delay = 8 * AV_MS;
	av.job.may_splice = o->splice;
	av.cam.codec = o->in;
	av.cam.key_next = true;
	av.cam.clock_off = o->clock_off;
	av.view.codec = o->out;
	av.view.red = o->red;
	assert_int_equal(bwe_new(&av.cam.bwe, &rates), 0);
	assert_int_equal(rtp_send_new(&av.cam.send, &sc, av.cam.bwe), 0);
	assert_int_equal(depay_new(&av.view.depay, o->out, on_frame, &av.view), 0);
	twcc_recv_init(&av.view.twcc);
	make_legs(o);
}

void av_camera_codec(enum depay_codec c)
{
	uint8_t pt = c == DEPAY_VP8 ? 96 : 98;

	rtp_send_set_format(av.cam.send, c, pt, (uint8_t)(pt + 1));
	av.cam.codec = c;
	av.cam.key_next = true;
}

void av_codec(enum depay_codec c)
{
	bool vp8 = c == DEPAY_VP8;

	only(&av.conf_a.local, c, vp8 ? 96 : 98, true);
	only(&av.conf_a.remote, c, vp8 ? 96 : 98, true);
	only(&av.conf_b.local, c, vp8 ? 120 : 122, true);
	only(&av.conf_b.remote, c, vp8 ? 120 : 122, true);
	stream_leg_set(av.a, &av.conf_a, av.now);
	stream_leg_set(av.b, &av.conf_b, av.now);
	av_camera_codec(c);
	rtp_recv_free(av.view.recv);
	av.view.recv = NULL;
	depay_free(av.view.depay);
	av.view.codec = c;
	assert_int_equal(depay_new(&av.view.depay, c, on_frame, &av.view), 0);
}

void av_end(void)
{
	stream_leg_free(av.a, av.now);
	stream_leg_free(av.b, av.now);
	assert_int_equal(stream_front_legs(av.front), 0);
	assert_false(av.job.open);
	stream_front_free(av.front);
	rtp_send_free(av.cam.send);
	bwe_free(av.cam.bwe);
	rtp_recv_free(av.view.recv);
	depay_free(av.view.depay);
}

void av_run(uint64_t us)
{
	for (uint64_t end = av.now + us; av.now < end; av.now += AV_MS) {
		if (av.now >= av.stalled)
			deliver(&av.up, to_a);
		deliver(&av.up_back, to_camera);
		if (av.now >= av.view.stalled)
			deliver(&av.down, to_viewer);
		camera_step();
		av_job_step();
		if (av.now >= av.stalled) {
			deliver(&av.down_back, to_b);
			stream_leg_run(av.a, av.now);
			stream_leg_run(av.b, av.now);
		}
		if (av.now >= av.view.stalled)
			viewer_step();
	}
}

/* ---- what became of it ---- */

void av_print(const char *what)
{
	struct stream_facts f, fb;

	stream_leg_get_facts(av.a, &f, av.now);
	stream_leg_get_facts(av.b, &fb, av.now);
	print_message("%s: %s, %u of %u shown, %u keys, freeze %u ms, delay mean %u worst %u ms, "
		      "lost %u and %u, refused %u, camera %u kbit/s (refused %u), target %u "
		      "kbit/s\n",
		what, f.state, av.view.nshown, av.cam.number, av.view.nkeys,
		(unsigned)(av.view.freeze / AV_MS),
		(unsigned)(av.view.ndelay ? av.view.delays / av.view.ndelay / AV_MS : 0),
		(unsigned)(av.view.worst_delay / AV_MS), (unsigned)f.lost,
		(unsigned)rtp_recv_stats(av.view.recv)->lost, (unsigned)fb.dropped,
		(unsigned)(bwe_target(av.cam.bwe) / 1000),
		(unsigned)rtp_send_stats(av.cam.send)->refused, fb.target_kbps);
}

const char *av_state(struct stream_leg *l)
{
	struct stream_facts f;

	stream_leg_get_facts(l, &f, av.now);
	return f.state;
}
