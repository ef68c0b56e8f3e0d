/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sending side, and the estimator by itself. */
#include "mediad/rtp/rtp_send.h"
#include "mediad/rtp/twcc_recv.h"
#include "mediad/rtp/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS 1000ull
#define SSRC 7
#define RTX 8

static struct rtp_send *s;
static struct bwe *b;
static uint64_t now;
static uint8_t out[RTP_MAX_PACKET], buf[1500], frame[60000];
static struct rtp_packet pkt;
static struct rtcp_writer w;

static const struct bwe_conf rates = {1000000, 100000, 5000000};
static const struct rtp_send_conf conf = {.ssrc = SSRC,
	.rtx_ssrc = RTX,
	.pt = 96,
	.rtx_pt = 97,
	.first_seq = 65530,
	.clock = 90000,
	.codec = DEPAY_VP8,
	.mtu = 1100,
	.extmap = {{1, 2, 3, 4, 5}},
	.mid = "v",
	.cname = "ue1"};

static int setup_with(const struct rtp_send_conf *c)
{
	now = 10000 * MS;
	w = (struct rtcp_writer){buf, 0, sizeof(buf), 0};
	assert_int_equal(bwe_new(&b, &rates), 0);
	return rtp_send_new(&s, c, b);
}

static int setup(void **state)
{
	(void)state;
	return setup_with(&conf);
}

static int teardown(void **state)
{
	(void)state;
	rtp_send_free(s);
	bwe_free(b);
	return 0;
}

/* Without any feedback a path is taken for a wide one after a while. */
static void pass_the_beginning(void)
{
	(void)bwe_sent(b, now, 1);
	now += 600 * MS;
}

static int give(size_t n, uint32_t ts)
{
	return rtp_send_frame(s, (struct ar_span){(char *)frame, n}, ts, NULL, now);
}

/* Next packet; the clock goes on to when it is due. */
static bool take(void)
{
	size_t n;

	if (rtp_send_deadline(s) == UINT64_MAX)
		return false;
	if (rtp_send_deadline(s) > now)
		now = rtp_send_deadline(s);
	n = rtp_send_poll(s, now, out, sizeof(out));
	if (n == 0)
		return false;
	assert_int_equal(rtp_parse(&pkt, (struct ar_span){(char *)out, n}), 0);
	return true;
}

static void nack(uint16_t seq)
{
	struct rtcp_packet p;
	struct ar_span rest;

	w.n = 0;
	rtcp_write_nack(&w, 1, SSRC, &seq, 1);
	rest = (struct ar_span){(char *)buf, w.n};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	rtp_send_rtcp(s, &p, now);
}

static void frames_become_packets(void **state)
{
	struct rtp_ext_values v = {.has_capture_time = true, .capture_time = 99}, got;

	(void)state;
	assert_int_equal(
		rtp_send_frame(s, (struct ar_span){(char *)frame, 3000}, 4711, &v, now), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(take());
		assert_int_equal(pkt.seq, 65530 + i);
		assert_int_equal(pkt.ts, 4711);
		assert_int_equal(pkt.pt, 96);
		assert_int_equal(pkt.marker, i == 2);
		rtp_ext_read(&pkt, &conf.extmap, &got);
		assert_int_equal(got.capture_time, 99);
		assert_int_equal(got.transport_seq, i);
		assert_int_equal(got.send_time, rtp_send_time(now));
		assert_true(ar_span_eq(got.mid, AR_SPAN("v")));
	}
	assert_false(take());
}

static void the_pacer_spreads_a_frame(void **state)
{
	uint64_t from;

	(void)state;
	pass_the_beginning();
	from = now;
	assert_int_equal(give(20000, 1), 0);
	assert_true(take());
	while (rtp_send_poll(s, now, out, sizeof(out)) > 0)
		;
	assert_in_range(20000 - rtp_send_queued(s), 4000, 7000);
	while (take())
		;
	/* 20 kB at 2.5 Mbit/s, the first 5 kB of them at once */
	assert_in_range(now - from, 40 * MS, 60 * MS);
	assert_int_equal(rtp_send_queued(s), 0);
}

static void an_ordinary_frame_leaves_at_once(void **state)
{
	(void)state;
	assert_true(bwe_is_tight(b, now));
	pass_the_beginning();
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(give(4100, i + 1), 0); /* 1 Mbit/s, 30 a second */
		while (rtp_send_poll(s, now, out, sizeof(out)) > 0)
			;
		assert_int_equal(rtp_send_queued(s), 0);
		assert_true(rtp_send_deadline(s) == UINT64_MAX);
		now += 33 * MS;
	}
}

static void a_full_queue_refuses_whole_frames(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(give(40000, 1), 0);
	while (give(20000, 2) == 0)
		n++;
	assert_int_equal(n, 1); /* 1 Mbit/s, 400 ms: 50 kB */
	assert_int_equal(give(100, 3), -ENOBUFS);
	assert_int_equal(rtp_send_stats(s)->refused, 2);
	while (take())
		;
	assert_int_equal(give(100, 4), 0);
	assert_true(take());
	assert_int_equal(pkt.payload.n, 104);
	assert_int_equal(
		get16((const uint8_t *)pkt.payload.p + 2), 0x8002); /* no picture id lost */
}

static void retransmission_by_rtx(void **state)
{
	(void)state;
	pass_the_beginning();
	assert_int_equal(give(3000, 1), 0);
	while (take())
		;
	now += 50 * MS;
	nack(65531);
	nack(65531); /* too soon */
	nack(5000); /* never sent */
	assert_true(take());
	assert_int_equal(pkt.ssrc, RTX);
	assert_int_equal(pkt.pt, 97);
	assert_int_equal(pkt.ts, 1);
	assert_int_equal(get16((const uint8_t *)pkt.payload.p), 65531);
	assert_false(take());
	assert_int_equal(rtp_send_stats(s)->too_soon, 1);
	assert_int_equal(rtp_send_stats(s)->too_old, 1);
	now += 50 * MS;
	nack(65531);
	assert_true(take());
	assert_true(take()); /* lost once already: three times */
	assert_true(take());
	assert_int_equal(get16((const uint8_t *)pkt.payload.p), 65531);
	now += RTP_SEND_HISTORY;
	nack(65532);
	assert_false(take());
}

/* Feedback about the transport-wide numbers first to last, all but the one have arrived. */
static void tell(struct twcc_recv *t, uint16_t first, uint16_t last, uint16_t but)
{
	struct rtcp_packet p;
	struct ar_span rest;

	for (uint16_t q = first; q <= last; q++) {
		if (q != but)
			twcc_recv_packet(t, q, now);
	}
	now += 100 * MS;
	w.n = 0;
	twcc_recv_feedback(t, now, 1, SSRC, &w);
	rest = (struct ar_span){(char *)buf, w.n};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	rtp_send_rtcp(s, &p, now);
}

/* The NACK may be lost as well, and a lost retransmission is asked for again only much later. */
static void feedback_of_a_loss_is_asking(void **state)
{
	static struct twcc_recv t;

	(void)state;
	twcc_recv_init(&t);
	assert_int_equal(give(3000, 1), 0);
	while (take()) /* 0 to 2 */
		;
	tell(&t, 0, 2, 1);
	assert_true(take()); /* 3: of 1 */
	assert_int_equal(pkt.ssrc, RTX);
	assert_int_equal(get16((const uint8_t *)pkt.payload.p), 65531);
	assert_false(take());
	now += 5 * MS;
	nack(65531); /* it was slower */
	assert_int_equal(rtp_send_stats(s)->too_soon, 1);
	assert_int_equal(give(100, 2), 0); /* 4 */
	while (take())
		;
	tell(&t, 4, 4, 3);
	for (unsigned i = 0; i < 3; i++) { /* 5 to 7: lost once already: three times */
		assert_true(take());
		assert_int_equal(get16((const uint8_t *)pkt.payload.p), 65531);
	}
	assert_false(take());
	assert_int_equal(give(100, 3), 0); /* 8 */
	while (take())
		;
	tell(&t, 5, 8, 7); /* two of the three are there */
	assert_false(take());
	assert_int_equal(rtp_send_stats(s)->told, 2);
	assert_int_equal(rtp_send_stats(s)->resent, 4);
}

/* The feedback about the first of two copies never comes; that the second is lost counts all the
 * same. */
static void lost_feedback_hides_no_loss(void **state)
{
	static struct twcc_recv t;

	(void)state;
	twcc_recv_init(&t);
	assert_int_equal(give(3000, 1), 0);
	while (take()) /* 0 to 2 */
		;
	nack(65531);
	assert_true(take()); /* 3: of 1 */
	assert_int_equal(give(100, 2), 0); /* 4 */
	while (take())
		;
	tell(&t, 2, 4, 3); /* nothing about 0 and 1 */
	for (unsigned i = 0; i < 2; i++) {
		assert_true(take());
		assert_int_equal(pkt.ssrc, RTX);
		assert_int_equal(get16((const uint8_t *)pkt.payload.p), 65531);
	}
	now += 20 * MS;
	assert_int_equal(
		rtp_send_stats(s)->told, 1); /* and 0, which nobody has missed, is not sent */
}

/* The receiver reports that 5 % are lost. */
static void lose_some(void)
{
	struct rtcp_report r = {.ssrc = SSRC, .fraction = 13};
	struct rtcp_packet p;
	struct ar_span rest;

	w.n = 0;
	rtcp_write_rr(&w, 1, &r, 1);
	rest = (struct ar_span){(char *)buf, w.n};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	rtp_send_rtcp(s, &p, now);
}

static unsigned resent_now(uint64_t until)
{
	unsigned n = 0;

	while (rtp_send_deadline(s) <= until && take())
		n += pkt.ssrc == RTX;
	now = until;
	return n;
}

/* That the last packet of a frame is lost shows only by the next frame: when that is late the
 * packet goes again, once. */
static void a_late_frame_repeats_the_end(void **state)
{
	(void)state;
	pass_the_beginning();
	assert_int_equal(give(3000, 1), 0);
	assert_int_equal(resent_now(now + 200 * MS), 0); /* nothing is lost here */
	lose_some();
	for (unsigned i = 0; i < 10; i++) { /* 30 a second: none is late */
		assert_int_equal(give(3000, i), 0);
		assert_int_equal(resent_now(now + 33 * MS) * (i > 0), 0);
	}
	assert_int_equal(resent_now(now + 10 * MS), 0);
	assert_int_equal(resent_now(now + 20 * MS), 1);
	assert_true(pkt.marker);
	assert_int_equal(resent_now(now + 500 * MS), 0);
	assert_int_equal(rtp_send_stats(s)->probes, 1);
	assert_int_equal(rtp_send_deadline(s), UINT64_MAX);
}

/* After a stand-still there is no time left for asking: the next frame goes twice, after a long one
 * three times. */
static void after_a_stall_frames_go_at_once_again(void **state)
{
	(void)state;
	pass_the_beginning();
	lose_some();
	assert_int_equal(give(3000, 1), 0);
	(void)resent_now(now + 130 * MS);
	assert_int_equal(give(3000, 2), 0);
	assert_int_equal(resent_now(now + 30 * MS), 3);
	(void)resent_now(now + 170 * MS);
	assert_int_equal(give(3000, 3), 0);
	assert_int_equal(resent_now(now + 30 * MS), 6);
}

/* The next packet's playout delay; -1: it has none. */
static long playout(void)
{
	static const struct rtp_extmap map = {{1, 2, 3, 4, 5, 6}};
	struct rtp_ext_values v;

	assert_true(take());
	rtp_ext_read(&pkt, &map, &v);
	return v.has_playout ? (long)v.playout : -1;
}

/* While nothing is lost a picture is to be shown when it comes; a receiver of a path that loses
 * needs its own buffer. */
static void no_delay_while_nothing_is_lost(void **state)
{
	struct rtp_send_conf c = conf;

	teardown(state);
	c.extmap.id[RTP_EXT_PLAYOUT_DELAY] = 6;
	c.low_delay = true;
	assert_int_equal(setup_with(&c), 0);
	assert_int_equal(give(2000, 1), 0);
	assert_int_equal(playout(), 50); /* 0 to 500 ms */
	assert_int_equal(playout(), -1);
	lose_some();
	now += 33 * MS;
	assert_int_equal(give(500, 2), 0);
	assert_int_equal(playout(), 0xfff);
	while (take()) /* the last packet once more */
		;
	now += 11000 * MS;
	assert_int_equal(give(500, 3), 0);
	assert_int_equal(playout(), 50);
}

static void no_playout_delay_unless_wanted(void **state)
{
	struct rtp_send_conf c = conf;

	teardown(state);
	c.extmap.id[RTP_EXT_PLAYOUT_DELAY] = 6;
	assert_int_equal(setup_with(&c), 0);
	assert_int_equal(give(500, 1), 0);
	assert_int_equal(playout(), -1);
	teardown(state);
	c.extmap.id[RTP_EXT_PLAYOUT_DELAY] = 0; /* not negotiated */
	c.low_delay = true;
	assert_int_equal(setup_with(&c), 0);
	assert_int_equal(give(500, 1), 0);
	assert_int_equal(playout(), -1);
}

static void retransmission_without_rtx(void **state)
{
	struct rtp_send_conf c = conf;

	teardown(state);
	c.rtx_ssrc = 0;
	assert_int_equal(setup_with(&c), 0);
	assert_int_equal(give(500, 1), 0);
	assert_true(take());
	now += 50 * MS;
	nack(65530);
	assert_true(take());
	assert_int_equal(pkt.ssrc, SSRC);
	assert_int_equal(pkt.seq, 65530);
	assert_int_equal(pkt.payload.n, 504);
}

/* Another codec of the description, for which it has no RTX. */
static void a_codec_without_rtx(void **state)
{
	struct rtp_packet first;

	(void)state;
	assert_int_equal(give(500, 1), 0);
	assert_true(take());
	rtp_send_set_format(s, DEPAY_VP8, 102, 0);
	assert_int_equal(give(500, 2), 0);
	assert_true(take());
	first = pkt;
	now += 50 * MS;
	nack(first.seq);
	assert_true(take());
	assert_int_equal(pkt.ssrc, SSRC);
	assert_int_equal(pkt.pt, 102);
	assert_int_equal(pkt.seq, first.seq);
	nack(65530); /* of before: as it was agreed on then */
	assert_true(take());
	assert_int_equal(pkt.ssrc, RTX);
	assert_int_equal(pkt.pt, 97);
}

static void retransmission_has_a_budget(void **state)
{
	(void)state;
	assert_int_equal(give(50000, 1), 0);
	while (take())
		;
	/* a receiver that asks for everything, all the time, for a second */
	for (unsigned i = 0; i < 100; i++, now += 10 * MS) {
		for (unsigned k = 0; k < 46; k++)
			nack((uint16_t)(65530 + k));
		while (rtp_send_poll(s, now, out, sizeof(out)))
			;
	}
	/* 40 % of 1 Mbit/s and what was saved up */
	assert_true(rtp_send_stats(s)->resent_bytes < 50000 * 11 / 10 + 20000);
	assert_true(rtp_send_stats(s)->over_budget + rtp_send_stats(s)->too_old > 0);
}

static void memory_is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60000; i++, now += MS) {
		if (i % 20 == 0)
			(void)!give(5000, i);
		rtp_send_poll(s, now, out, sizeof(out));
	}
	assert_true(rtp_send_stats(s)->frames > 1000);
	nack((uint16_t)(65530 + 1)); /* long gone, or another one: never a crash */
}

static void reports_keep_the_sources_time(void **state)
{
	const struct rtcp_sr src = {.ntp = 0xe000000040000000ull, .rtp = 0xffffff00};
	struct ar_span rest, cname;
	struct rtcp_packet p;
	int64_t ntp_ms, rtp_ms;

	(void)state;
	rtp_send_report(s, now, NULL, 0, &w);
	rest = (struct ar_span){(char *)buf, w.n};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_RR); /* no time base yet */
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_true(rtcp_sdes_cname(&p, SSRC, &cname));
	assert_true(ar_span_eq(cname, AR_SPAN("ue1")));
	rtp_send_source(s, &src, now);
	for (unsigned i = 0; i < 50; i++) {
		now += 377 * MS + 123;
		w.n = 0;
		rtp_send_report(s, now, NULL, 0, &w);
		rest = (struct ar_span){(char *)buf, w.n};
		assert_int_equal(rtcp_next(&rest, &p), 1);
		assert_int_equal(p.type, RTCP_SR);
		ntp_ms = (int64_t)((p.sr.ntp - src.ntp) * 1000 >> 32);
		rtp_ms = (int64_t)(p.sr.rtp - src.rtp) / 90;
		assert_in_range(ntp_ms - rtp_ms + 1, 0, 2);
	}
}

static void the_round_trip_is_measured(void **state)
{
	const struct rtcp_sr src = {.ntp = 0xe000000040000000ull, .rtp = 0};
	struct rtcp_packet p;
	struct ar_span rest;
	struct rtcp_report r = {.ssrc = SSRC, .dlsr = 65536 / 2};

	(void)state;
	rtp_send_source(s, &src, now);
	rtp_send_report(s, now, NULL, 0, &w);
	r.lsr = (uint32_t)(src.ntp >> 16);
	now += 580 * MS;
	w.n = 0;
	rtcp_write_rr(&w, 1, &r, 1);
	rest = (struct ar_span){(char *)buf, w.n};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	rtp_send_rtcp(s, &p, now);
	assert_in_range(rtp_send_rtt(s), 79 * MS, 81 * MS);
	now += 5000 * MS; /* it lay in the queue of a UE that slept */
	rtp_send_rtcp(s, &p, now);
	assert_int_equal(rtp_send_rtt(s), RTP_SEND_MAX_RTT);
}

static void key_frame_requests_are_limited(void **state)
{
	struct rtcp_packet pli = {.type = RTCP_PLI, .media = SSRC},
			   other = {.type = RTCP_PLI, .media = 1};
	unsigned n = 0;

	(void)state;
	rtp_send_rtcp(s, &other, now);
	assert_false(rtp_send_take_key_request(s, now));
	for (unsigned i = 0; i < 1000; i++, now += MS) {
		rtp_send_rtcp(s, &pli, now);
		n += rtp_send_take_key_request(s, now);
	}
	assert_int_equal(n, 4);
	now += 1000 * MS;
	assert_true(rtp_send_take_key_request(s, now));
	now += 1000 * MS;
	for (unsigned i = 0; i < 3; i++) { /* one FIR, repeated */
		struct ar_span rest;

		w.n = 0;
		rtcp_write_fir(&w, 1, SSRC, 5);
		rest = (struct ar_span){(char *)buf, w.n};
		assert_int_equal(rtcp_next(&rest, &other), 1);
		rtp_send_rtcp(s, &other, now);
		assert_int_equal(rtp_send_take_key_request(s, now), i == 0);
		now += 1000 * MS;
	}
}

static void remb_and_loss_cap_the_rate(void **state)
{
	struct rtcp_report r = {.ssrc = SSRC, .fraction = 128};

	(void)state;
	bwe_remb(b, 300000, now);
	assert_int_equal(bwe_target(b), 300000);
	bwe_remb(b, 1, now);
	assert_int_equal(bwe_target(b), rates.min);
	bwe_remb(b, 10000000, now);
	bwe_report(b, &r, now);
	assert_int_equal(bwe_target(b), 750000);
	r.fraction = 0;
	for (unsigned i = 0; i < 60; i++)
		bwe_report(b, &r, now += 1000 * MS);
	assert_int_equal(bwe_target(b), rates.max);
}

/* A bottleneck of `link` bit/s and 20 ms, no loss: what does the estimator say after `ms`? */
static uint64_t through(uint64_t link, unsigned ms, double share)
{
	static struct twcc_recv t;
	uint64_t end = now + ms * MS, free_at = now;

	twcc_recv_init(&t);
	while (now < end) {
		uint64_t gap = (uint64_t)(1000 * 8e6 / ((double)bwe_target(b) * share));
		uint16_t seq = bwe_sent(b, now, 1000);
		struct rtcp_packet p;
		struct ar_span rest;

		free_at = (free_at > now ? free_at : now) + 8000000000ull / link;
		twcc_recv_packet(&t, seq, free_at + 20 * MS);
		w.n = 0;
		twcc_recv_feedback(&t, now, 1, SSRC, &w);
		rest = (struct ar_span){(char *)buf, w.n};
		if (rtcp_next(&rest, &p) == 1)
			assert_int_equal(bwe_feedback(b, &p, NULL, NULL, now), 0);
		now += gap;
	}
	return bwe_target(b);
}

static void the_estimator_finds_the_link(void **state)
{
	(void)state;
	assert_in_range(through(2000000, 20000, 1), 1200000, 2100000);
	assert_in_range(through(400000, 4000, 1), 200000, 400000);
	assert_in_range(through(2000000, 30000, 1), 1000000, 2100000);
}

static void no_burst_into_a_narrow_path(void **state)
{
	uint64_t from;

	(void)state;
	through(400000, 4000, 1);
	assert_true(bwe_is_tight(b, now));
	from = now;
	assert_int_equal(give(1600, 1), 0); /* two packets: a frame at 400 kbit/s */
	assert_true(take());
	assert_int_equal(rtp_send_poll(s, now, out, sizeof(out)), 0);
	assert_true(take());
	assert_in_range(now - from, 8 * MS, 40 * MS);
	now += 6000 * MS; /* and nothing more has been seen of it */
	through(100000000, 100, 0.1);
	assert_false(bwe_is_tight(b, now));
}

static void the_estimator_does_not_grow_unproved(void **state)
{
	(void)state;
	/* the encoder gives a tenth of what it may */
	assert_in_range(through(100000000, 20000, 0.1), 900000, 1100000);
}

static void bad_configurations(void **state)
{
	struct bwe_conf bad = {1, 2, 3};
	struct rtp_send_conf c = conf;
	struct bwe *x;
	struct rtp_send *y;

	(void)state;
	assert_int_equal(bwe_new(&x, &bad), -EINVAL);
	c.mtu = 2000;
	assert_int_equal(rtp_send_new(&y, &c, b), -EINVAL);
	c = conf;
	c.clock = 0;
	assert_int_equal(rtp_send_new(&y, &c, b), -EINVAL);
	assert_int_equal(give(0, 1), -EINVAL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(frames_become_packets),
		T(the_pacer_spreads_a_frame),
		T(an_ordinary_frame_leaves_at_once),
		T(a_full_queue_refuses_whole_frames),
		T(retransmission_by_rtx),
		T(feedback_of_a_loss_is_asking),
		T(lost_feedback_hides_no_loss),
		T(no_delay_while_nothing_is_lost),
		T(no_playout_delay_unless_wanted),
		T(a_late_frame_repeats_the_end),
		T(after_a_stall_frames_go_at_once_again),
		T(retransmission_without_rtx),
		T(a_codec_without_rtx),
		T(retransmission_has_a_budget),
		T(memory_is_bounded),
		T(reports_keep_the_sources_time),
		T(the_round_trip_is_measured),
		T(key_frame_requests_are_limited),
		T(remb_and_loss_cap_the_rate),
		T(the_estimator_finds_the_link),
		T(no_burst_into_a_narrow_path),
		T(the_estimator_does_not_grow_unproved),
		T(bad_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
