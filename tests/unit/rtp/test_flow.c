/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sender, network and receiver together on virtual time. Each frame names itself and carries a
 * checksum; a frame that is not a key frame may only be shown after the one right before it.
 */
#include "mediad/rtp/depay.h"
#include "mediad/rtp/rtp_recv.h"
#include "mediad/rtp/rtp_send.h"
#include "mediad/rtp/twcc_recv.h"
#include "mediad/rtp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS 1000ull
#define SECOND 1000000ull
#define SSRC 7
#define RTX 8
#define FPS 30
#define INFLIGHT 4096
#define LATE (8 * MS)
#define HEAD 20 /* of a test frame: enough for any codec's own */

struct net_packet {
	uint64_t at; /* arrives */
	bool rtcp; /* to the sender */
	size_t n; /* 0: free slot */
	uint8_t d[RTP_MAX_PACKET];
};

struct net {
	unsigned loss, duplicate, reorder; /* per mille */
	uint64_t delay; /* one way */
	uint64_t rate; /* bit/s to the receiver, 0: any */
	uint64_t max_queue; /* us, then it drops */
	uint64_t free_at, queue;
	unsigned top; /* slots ever used */
	struct net_packet p[INFLIGHT];
};

static struct net net;
static uint64_t now, seed;
static struct bwe *bwe;
static struct rtp_send *snd;
static struct rtp_recv *rcv;
static struct depay *dep;
static struct twcc_recv twcc;
static uint32_t number, shown; /* of frames; shown: the last one, 0: none */
static unsigned nshown, nkeys, broken;
static uint64_t shown_at, freeze;
static uint64_t made; /* the newest frame */
static unsigned nlate; /* frames whose last packet left LATE after the frame was there */
static bool key_next;
static enum depay_codec codec;
static unsigned since_key;
static double allowed; /* bytes that the estimator ever allowed */

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed >> 33) % n;
}

static void carry_once(const uint8_t *d, size_t n, bool rtcp)
{
	uint64_t at = now;
	unsigned i = 0;

	if (rnd(1000) < net.loss)
		return;
	if (!rtcp && net.rate) {
		net.free_at = net.free_at > now ? net.free_at : now;
		net.queue = net.free_at - now;
		if (net.queue > net.max_queue)
			return;
		net.free_at += n * 8 * SECOND / net.rate;
		at = net.free_at;
	}
	at += net.delay + (rnd(1000) < net.reorder ? rnd(15000) : 0);
	while (net.p[i].n)
		assert_true(++i < INFLIGHT);
	net.top = i >= net.top ? i + 1 : net.top;
	net.p[i].at = at;
	net.p[i].rtcp = rtcp;
	net.p[i].n = n;
	memcpy(net.p[i].d, d, n);
}

static void carry(const uint8_t *d, size_t n, bool rtcp)
{
	carry_once(d, n, rtcp);
	if (rnd(1000) < net.duplicate)
		carry_once(d, n, rtcp);
}

static uint32_t sum(const uint8_t *d, size_t n)
{
	uint32_t v = 1;

	for (size_t i = 0; i < n; i++)
		v = v * 31 + d[i];
	return v;
}

static void on_frame(void *user, const struct depay_frame *f)
{
	const uint8_t *d = (const uint8_t *)f->data.p;
	size_t n = f->data.n, skip = 0;
	uint32_t no;

	(void)user;
	if (codec == DEPAY_H264) { /* the slice is the last NAL unit */
		skip = f->key ? 22 + 4 : 4;
	}
	no = get32(d + skip + 10);
	no = (no & 0x7f) | (no >> 8 & 0x7f) << 7 | (no >> 16 & 0x7f) << 14;
	if (n < skip + HEAD || get32(d + n - 4) != (sum(d + skip, n - skip - 4) | 0x01010101))
		broken++;
	if (!f->key && no != shown + 1)
		broken++;
	if (shown_at && now - shown_at > freeze)
		freeze = now - shown_at;
	shown = no;
	shown_at = now;
	nshown++;
	if (f->key) {
		nkeys++;
		rtp_recv_got_key(rcv);
	}
}

static const uint8_t params[] = {0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xf4, 0x40, 0x50, 0x17, 0xf0,
	0x80, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80};

/* The codec's first bytes, then number, filling and checksum; never two zero bytes in a row. */
static size_t make_frame(uint8_t *out, bool key, size_t n)
{
	uint8_t *d = out;

	if (codec == DEPAY_H264) {
		if (key) {
			memcpy(out, params, sizeof(params));
			d += sizeof(params);
		}
		memcpy(d, "\0\0\0\1", 4);
		d += 4;
	}
	for (size_t i = 0; i < n; i++)
		d[i] = (uint8_t)(rnd(255) + 1);
	if (codec == DEPAY_VP8) {
		d[0] = key ? 0x10 : 0x11;
		memcpy(d + 3, "\x9d\x01\x2a\x80\x02\x68\x01", 7);
	} else {
		/* first_mb 0, slice_type 5, pps 0, frame_num of 4 bits, over byte 1 and 2 */
		unsigned bits = 0x9a00; /* 1 00110 1 ffff ..... */

		d[0] = key ? 0x65 : 0x61;
		bits |= (key ? 0 : since_key & 15) << 5;
		put16(d + 1, bits | 1);
	}
	put32(d + 10, (number >> 14 & 0x7f) << 16 | (number >> 7 & 0x7f) << 8 | (number & 0x7f) |
			      0x80808080u);
	put32(d + n - 4, sum(d, n - 4) | 0x01010101);
	return (size_t)(d - out) + n;
}

static void encode(void)
{
	static uint8_t f[200000];
	bool key = key_next || rtp_send_take_key_request(snd, now);
	size_t n = bwe_target(bwe) * 9 / 10 / 8 / FPS; /* 10 % for headers and retransmission */

	n = n * (key ? 2 : 1) * (90 + rnd(20)) / 100;
	n = n < 60 ? 60 : n;
	number++;
	made = now;
	since_key = key ? 0 : since_key + 1;
	n = make_frame(f, key, n);
	/* a refused frame is gone for everybody: the next one begins anew */
	key_next = rtp_send_frame(snd, (struct ar_span){(char *)f, n}, number * 3000, NULL, now);
}

static void sender_step(void)
{
	uint8_t d[RTP_MAX_PACKET];
	size_t n;

	if (now % (SECOND / FPS / 1000 * 1000) == 0)
		encode();
	while ((n = rtp_send_poll(snd, now, d, sizeof(d))) > 0) {
		nlate += d[1] == (0x80 | 96) && now - made > LATE;
		carry(d, n, false);
	}
	if (now % SECOND == 0) {
		struct rtcp_writer w = {d, 0, sizeof(d), 0};

		rtp_send_report(snd, now, NULL, 0, &w);
		carry(d, w.n, false);
	}
	allowed += (double)bwe_target(bwe) / 8 * MS / SECOND;
}

static void receive(struct ar_span d)
{
	static const struct rtp_extmap map = {{1, 2, 3, 4, 5}};
	struct rtp_ext_values v;
	struct rtp_packet p;

	if (rtp_is_rtcp(d)) {
		struct rtcp_packet c;

		while (rtcp_next(&d, &c) == 1)
			if (c.type == RTCP_SR)
				rtp_recv_sr(rcv, &c.sr, now);
		return;
	}
	assert_int_equal(rtp_parse(&p, d), 0);
	rtp_ext_read(&p, &map, &v);
	if (v.has_transport_seq)
		twcc_recv_packet(&twcc, v.transport_seq, now);
	assert_int_equal(rtp_recv_input(rcv, &p, now), 0);
}

static void receiver_step(void)
{
	struct rtp_recv_out out;
	enum rtp_recv_event e;
	uint8_t d[RTP_MAX_PACKET];
	struct rtcp_writer w = {d, 0, 1200, 0};

	while ((e = rtp_recv_pop(rcv, now, &out)) != RTP_RECV_NONE) {
		if (e == RTP_RECV_GAP)
			depay_gap(dep, out.lost);
		else
			assert_int_equal(depay_push(dep, &out.packet), 0);
	}
	if (depay_needs_key(dep))
		rtp_recv_want_key(rcv);
	rtp_recv_feedback(rcv, now, &w);
	twcc_recv_feedback(&twcc, now, 1, SSRC, &w);
	if (w.n)
		carry(d, w.n, true);
}

static void deliver(void)
{
	for (unsigned i = 0; i < net.top; i++) {
		struct net_packet *p = &net.p[i];
		struct ar_span d = {(const char *)p->d, p->n};
		struct rtcp_packet c;

		if (!p->n || p->at > now)
			continue;
		if (!p->rtcp)
			receive(d);
		while (p->rtcp && rtcp_next(&d, &c) == 1)
			rtp_send_rtcp(snd, &c, now);
		p->n = 0;
	}
}

static void run_for(uint64_t us)
{
	for (uint64_t end = now + us; now < end; now += MS) {
		deliver();
		sender_step();
		receiver_step();
	}
}

static bool begins_key(void *arg, const struct rtp_packet *p)
{
	(void)arg;
	return depay_begins_key(codec, p->payload);
}

static void begin(enum depay_codec c, uint64_t rate, uint16_t first_seq)
{
	const struct bwe_conf rates = {rate, 100000, 4000000};
	const struct rtp_send_conf sc = {.ssrc = SSRC,
		.rtx_ssrc = RTX,
		.pt = 96,
		.rtx_pt = 97,
		.first_seq = first_seq,
		.clock = 90000,
		.codec = c,
		.mtu = 1100,
		.extmap = {{1, 2, 3, 4, 5}},
		.cname = "ue1"};
	const struct rtp_recv_conf rc = {.ssrc = SSRC,
		.local = 1,
		.rtx_ssrc = RTX,
		.rtx_pt = 97,
		.media_pt = 96,
		.clock = 90000,
		.nack = true,
		.pli = true,
		.reduced = true,
		.report = true,
		.begins_key = begins_key,
		.cname = "mf"};
	const struct rtcp_sr source = {.ntp = 0xe000000000000000ull, .rtp = 1};

	memset(&net, 0, sizeof(net));
	now = 100 * SECOND;
	seed = 42;
	codec = c;
	number = shown = 0;
	nshown = nkeys = broken = since_key = nlate = 0;
	shown_at = freeze = 0;
	allowed = 0;
	key_next = true;
	assert_int_equal(bwe_new(&bwe, &rates), 0);
	assert_int_equal(rtp_send_new(&snd, &sc, bwe), 0);
	assert_int_equal(rtp_recv_new(&rcv, &rc), 0);
	assert_int_equal(depay_new(&dep, c, on_frame, NULL), 0);
	twcc_recv_init(&twcc);
	rtp_send_source(snd, &source, now);
}

static void end(void)
{
	rtp_send_free(snd);
	rtp_recv_free(rcv);
	depay_free(dep);
	bwe_free(bwe);
}

/* least: per cent of the frames that must be shown */
static void one_network(enum depay_codec c, unsigned loss, uint64_t rtt, unsigned least)
{
	const struct rtp_send_stats *s;
	const struct rtp_recv_stats *r;

	begin(c, 1000000, (uint16_t)(65000 + loss));
	net.loss = loss * 10;
	net.reorder = 50;
	net.duplicate = 20;
	net.delay = rtt / 2;
	run_for(10 * SECOND);
	s = rtp_send_stats(snd);
	r = rtp_recv_stats(rcv);
	print_message("codec %d loss %2u %% rtt %3u ms: %u of %u shown, %u keys, freeze %u ms, "
		      "%u nacks %u recovered %u lost, %u %% resent, %u late, target %u kbit/s\n",
		c, loss, (unsigned)(rtt / MS), nshown, number, nkeys, (unsigned)(freeze / MS),
		(unsigned)r->nacks, (unsigned)r->recovered, (unsigned)r->lost,
		(unsigned)(s->resent_bytes * 100 / s->bytes), nlate,
		(unsigned)(bwe_target(bwe) / 1000));
	assert_int_equal(broken, 0);
	assert_true(number - shown < 3 * FPS); /* it is still running */
	assert_true(nshown > number * least / 100);
	if (loss <= 5 && rtt <= 100 * MS)
		assert_true(freeze <= 300 * MS);
	/* a frame does not wait for itself; nothing that is asked for is given up */
	if (loss <= 5)
		assert_true(nlate <= number / (loss <= 1 ? 20 : 10) && r->lost == 0);
	if (nshown + 15 < number)
		assert_true(r->key_requests > 0 && nkeys > 1);
	assert_true((double)s->resent_bytes <= allowed * RTP_SEND_RTX_SHARE / 100 + 20000);
	end();
}

static void every_network(enum depay_codec c)
{
	static const unsigned loss[] = {0, 1, 5, 10, 20};
	static const unsigned least[5][3] = {
		{97, 97, 97}, {97, 97, 95}, {95, 95, 93}, {93, 88, 55}, {75, 55, 30}};
	static const uint64_t rtt[] = {20 * MS, 100 * MS, 200 * MS};

	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 3; k++)
			one_network(c, loss[i], rtt[k], least[i][k]);
}

static void vp8_through_bad_networks(void **state)
{
	(void)state;
	every_network(DEPAY_VP8);
}

static void h264_through_bad_networks(void **state)
{
	(void)state;
	every_network(DEPAY_H264);
}

static void a_link_that_drops(void **state)
{
	uint64_t at, reached = 0, worst = 0;

	(void)state;
	begin(DEPAY_VP8, 2500000, 1);
	net.delay = 25 * MS;
	net.rate = 3000000;
	net.max_queue = 600 * MS;
	run_for(10 * SECOND);
	assert_in_range(bwe_target(bwe), 1500000, 3300000);
	net.rate = 500000;
	at = now;
	freeze = 0;
	while (now < at + 2 * SECOND) {
		run_for(10 * MS);
		if (!reached && bwe_target(bwe) <= 450000)
			reached = now - at;
	}
	assert_true(bwe_target(bwe) <= 450000);
	run_for(SECOND);
	for (unsigned i = 0; i < 100; i++) {
		run_for(50 * MS);
		worst = net.queue > worst ? net.queue : worst;
		assert_true(bwe_target(bwe) <= 600000);
	}
	print_message("3 Mbit/s to 500 kbit/s: below 90 %% after %u ms, longest freeze %u ms, "
		      "queue later at most %u ms, target then %u kbit/s\n",
		(unsigned)(reached / MS), (unsigned)(freeze / MS), (unsigned)(worst / MS),
		(unsigned)(bwe_target(bwe) / 1000));
	assert_true(worst < 250 * MS);
	assert_int_equal(broken, 0);
	assert_true(bwe_target(bwe) >= 200000); /* and the link is used */
	end();
}

/* Nothing more is sent because of what is on its way, and no feedback comes because nothing is
 * sent. */
static void lost_feedback_stops_nobody(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		begin(DEPAY_VP8, 1000000, 1);
		seed += 1000 * i;
		net.delay = 10 * MS;
		net.loss = 70;
		run_for(10 * SECOND);
		print_message("7 %% loss, 20 ms: freeze %u ms, %u of %u shown\n",
			(unsigned)(freeze / MS), nshown, number);
		assert_true(freeze < 260 * MS);
		end();
	}
}

/* A call begins above what the link carries, and its queue is short: what does not fit is lost. */
static void a_narrow_link_from_the_start(void **state)
{
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		begin(DEPAY_VP8, 800000, 1);
		seed += 1000 * i;
		net.delay = 25 * MS;
		net.rate = 500000;
		net.max_queue = 100 * MS;
		net.duplicate = 20;
		run_for(10 * SECOND);
		sum += freeze;
		assert_int_equal(broken, 0);
		assert_true(nshown > number * 9 / 10);
		assert_in_range(bwe_target(bwe), 350000, 650000);
		end();
	}
	print_message("800 kbit/s into 500 kbit/s: longest freeze %u ms in the mean\n",
		(unsigned)(sum / 10 / MS));
	assert_true(sum / 10 < 550 * MS);
}

/* More than the estimator remembers is sent meanwhile, and forgotten when it is back. */
static void a_dead_network_comes_back(void **state)
{
	(void)state;
	begin(DEPAY_VP8, 3000000, 1);
	net.delay = 25 * MS;
	run_for(5 * SECOND);
	net.loss = 1000;
	run_for(3 * SECOND);
	net.loss = 0;
	nshown = nkeys = 0;
	run_for(2 * SECOND);
	assert_int_equal(broken, 0);
	assert_true(nkeys >= 1);
	assert_true(nshown > FPS);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vp8_through_bad_networks),
		cmocka_unit_test(h264_through_bad_networks),
		cmocka_unit_test(a_link_that_drops),
		cmocka_unit_test(a_narrow_link_from_the_start),
		cmocka_unit_test(lost_feedback_stops_nobody),
		cmocka_unit_test(a_dead_network_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
