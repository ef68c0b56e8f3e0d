/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtp_recv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS 1000ull
#define SSRC 7
#define RTX 8

static struct rtp_recv *r;
static uint64_t now;
static uint8_t buf[1500];
static struct rtcp_writer w;

/* Here: a payload of three bytes. */
static unsigned looked;

static bool is_key(void *arg, const struct rtp_packet *p)
{
	(void)arg;
	looked++;
	return p->payload.n == 3;
}

static const struct rtp_recv_conf conf = {.ssrc = SSRC,
	.local = 1,
	.rtx_ssrc = RTX,
	.rtx_pt = 97,
	.media_pt = 96,
	.clock = 90000,
	.nack = true,
	.pli = true,
	.reduced = true,
	.report = true,
	.begins_key = is_key,
	.cname = "mf"};

static int setup_with(const struct rtp_recv_conf *c)
{
	now = 1000 * MS;
	w = (struct rtcp_writer){buf, 0, sizeof(buf), 0};
	return rtp_recv_new(&r, c);
}

static int setup(void **state)
{
	(void)state;
	return setup_with(&conf);
}

static int teardown(void **state)
{
	(void)state;
	rtp_recv_free(r);
	return 0;
}

static void put_part(uint16_t seq, uint32_t ts, bool marker, bool key)
{
	char body[3] = {(char)(seq >> 8), (char)seq, 0};
	struct rtp_packet p = {.pt = 96,
		.seq = seq,
		.ts = ts,
		.ssrc = SSRC,
		.marker = marker,
		.payload = {body, key ? 3 : 2}};

	assert_int_equal(rtp_recv_input(r, &p, now), 0);
}

static void put(uint16_t seq) /* a frame of one packet */
{
	put_part(seq, seq * 3000u, true, false);
}

static void put_rtx(uint16_t seq)
{
	char body[4] = {(char)(seq >> 8), (char)seq, (char)(seq >> 8), (char)seq};
	struct rtp_packet p = {
		.pt = 97, .seq = 1, .ts = seq * 3000u, .ssrc = RTX, .payload = {body, 4}};

	assert_int_equal(rtp_recv_input(r, &p, now), 0);
}

static void expect(uint16_t seq)
{
	struct rtp_recv_out out;

	assert_int_equal(rtp_recv_pop(r, now, &out), RTP_RECV_PACKET);
	assert_int_equal(out.packet.seq, seq);
	assert_int_equal(out.packet.pt, 96);
	assert_int_equal(out.packet.ssrc, SSRC);
	assert_int_equal(out.packet.payload.n, 2);
	assert_int_equal((uint8_t)out.packet.payload.p[1], seq & 255);
}

static void expect_gap(uint32_t n)
{
	struct rtp_recv_out out;

	assert_int_equal(rtp_recv_pop(r, now, &out), RTP_RECV_GAP);
	assert_int_equal(out.lost, n);
}

static void expect_none(void)
{
	struct rtp_recv_out out;

	assert_int_equal(rtp_recv_pop(r, now, &out), RTP_RECV_NONE);
}

/* The next feedback of this kind; false: none of it. */
static bool feedback(enum rtcp_type type, struct rtcp_packet *p)
{
	struct ar_span rest;

	w.n = 0;
	rtp_recv_feedback(r, now, &w);
	assert_int_equal(w.err, 0);
	rest = (struct ar_span){(const char *)buf, w.n};
	while (rtcp_next(&rest, p) == 1)
		if (p->type == type)
			return true;
	return false;
}

static void in_order_over_the_wrap(void **state)
{
	struct rtcp_report rep;

	(void)state;
	for (unsigned i = 65500; i < 65600; i++) {
		put((uint16_t)i);
		expect((uint16_t)i);
		expect_none();
	}
	rtp_recv_report(r, now, &rep);
	assert_int_equal(rep.highest, 65599);
	assert_int_equal(rep.lost, 0);
}

static void reordering_is_put_right_without_nack(void **state)
{
	struct rtcp_packet p;

	(void)state;
	put(1);
	put(3);
	put(4);
	expect(1);
	expect_none();
	now += 5 * MS;
	assert_false(feedback(RTCP_NACK, &p));
	put(2);
	expect(2);
	expect(3);
	expect(4);
	expect_none();
}

static void a_loss_is_nacked_and_recovered_by_rtx(void **state)
{
	struct rtcp_packet p;
	uint16_t seq[8];

	(void)state;
	put(65535);
	put(2);
	expect(65535);
	assert_in_range(rtp_recv_deadline(r), now + 9 * MS, now + RTP_RECV_REORDER);
	now += RTP_RECV_REORDER;
	assert_true(feedback(RTCP_NACK, &p));
	assert_int_equal(rtcp_nack_list(&p, seq, 8), 2);
	assert_int_equal(seq[0], 0);
	assert_int_equal(seq[1], 1);
	assert_false(feedback(RTCP_NACK, &p)); /* not again at once */
	now += 40 * MS;
	put_rtx(0);
	put_rtx(1);
	expect(0);
	expect(1);
	expect(2);
	assert_int_equal(rtp_recv_stats(r)->recovered, 2);
	assert_true(rtp_recv_rtt(r) < 100 * MS); /* learnt */
}

/* Taken for one it makes the round trip look like nothing, and gaps are given up before their
 * answers can come. */
static void a_late_original_is_no_answer(void **state)
{
	struct rtcp_packet p;

	(void)state;
	put(2);
	for (uint16_t i = 3; i < 60; i += 2) {
		put((uint16_t)(i + 1));
		while (!feedback(RTCP_NACK, &p))
			now = rtp_recv_deadline(r);
		now += 1 * MS;
		put(i);
	}
	assert_int_equal(rtp_recv_rtt(r), 100 * MS);
	assert_int_equal(rtp_recv_stats(r)->recovered, 0);
	expect(2);
	for (uint16_t i = 3; i < 61; i++)
		expect(i);
	put(63); /* two are lost now: their answers may take 300 ms */
	now += 390 * MS;
	expect_none();
	put_rtx(61);
	expect(61);
}

static void a_loss_that_stays_is_given_up(void **state)
{
	struct rtcp_packet p;
	unsigned nacks = 0;
	uint64_t from;

	(void)state;
	put(1);
	put(4);
	put(5);
	expect(1);
	from = now;
	while (now < from + 900 * MS && rtp_recv_deadline(r) < from + 800 * MS) {
		struct rtp_recv_out out;

		now = rtp_recv_deadline(r) > now ? rtp_recv_deadline(r) : now + 1;
		nacks += feedback(RTCP_NACK, &p);
		if (rtp_recv_pop(r, now, &out) == RTP_RECV_GAP) {
			assert_int_equal(out.lost, 2);
			break;
		}
	}
	assert_in_range(nacks, 2, 24); /* each goes two or three times */
	assert_true(now - from <= RTP_RECV_MAX_WAIT);
	expect(4);
	expect(5);
	put(2); /* too late */
	expect_none();
	assert_int_equal(rtp_recv_stats(r)->late, 1);
	assert_int_equal(rtp_recv_stats(r)->lost, 2);
}

/* Else the next frame would tell, a frame's time later. */
static void the_rest_of_a_frame_is_asked_for(void **state)
{
	struct rtcp_report rep;
	struct rtcp_packet p;
	uint16_t seq[8];

	(void)state;
	put(1);
	expect(1);
	now += 33 * MS;
	put_part(2, 6000, false, false);
	expect(2);
	assert_true(rtp_recv_deadline(r) < now + 15 * MS);
	now = rtp_recv_deadline(r);
	assert_true(feedback(RTCP_NACK, &p));
	assert_int_equal(rtcp_nack_list(&p, seq, 8), 1);
	assert_int_equal(seq[0], 3);
	rtp_recv_report(r, now, &rep);
	assert_int_equal(rep.highest, 2); /* nobody has seen it */
	assert_int_equal(rep.lost, 0);
	now += 5000 * MS; /* a sender that stops in the middle goes on there */
	expect_none();
	assert_false(feedback(RTCP_PLI, &p));
	put_part(3, 6000, true, false);
	expect(3);
	put(4);
	expect(4);
	assert_int_equal(rtp_recv_stats(r)->lost, 0);
	assert_int_equal(rtp_recv_stats(r)->guesses, 1);
}

static void without_markers_there_is_no_guessing(void **state)
{
	struct rtcp_packet p;
	unsigned nacks = 0;

	(void)state;
	for (uint16_t i = 1; i < 300; i++) {
		uint64_t end = now + 33 * MS;

		put_part(i, i * 3000u, false, false);
		expect(i);
		for (; now < end; now += MS)
			nacks += feedback(RTCP_NACK, &p);
	}
	assert_in_range(nacks, 1, 60);
	assert_int_equal(rtp_recv_stats(r)->lost, 0);
}

static void reordering_is_learnt(void **state)
{
	uint16_t seq = 1;

	(void)state;
	for (; seq < 3000; seq++) {
		put(seq);
		expect(seq);
	}
	put(3001);
	assert_true(rtp_recv_deadline(r) < now + 2 * MS); /* none seen for long: it is lost */
	now += 20 * MS;
	put(3000);
	expect(3000);
	expect(3001);
	put(3003);
	assert_in_range(rtp_recv_deadline(r), now + 20 * MS, now + 30 * MS);
}

/* Two answers are lost: a key frame is asked for beside the third NACK, and shown when it is there
 * first. */
static void a_key_frame_ends_a_long_wait(void **state)
{
	struct rtcp_packet p;
	uint64_t from;

	(void)state;
	put(1);
	expect(1);
	put(3);
	from = now;
	for (uint16_t seq = 4; seq < 90; now += 5 * MS) {
		if (feedback(RTCP_PLI, &p))
			break;
		if ((now - from) % (30 * MS) == 0)
			put(seq++);
		expect_none();
	}
	assert_in_range(now - from, 200 * MS, 300 * MS);
	put_part(90, 1, false, true);
	put_part(92, 1, true, false);
	expect_none(); /* not whole */
	put_part(91, 1, false, false);
	expect_gap(88);
	for (uint16_t i = 0; i < 3; i++) {
		struct rtp_recv_out out;

		assert_int_equal(rtp_recv_pop(r, now, &out), RTP_RECV_PACKET);
		assert_int_equal(out.packet.seq, 90 + i);
	}
	expect_none();
	assert_true(rtp_recv_stats(r)->skipped > 3);
}

/* Of a sender that means ill: each packet begins a key frame, and none is whole. */
static void looking_for_a_key_frame_is_cheap(void **state)
{
	struct rtcp_packet p;

	(void)state;
	put(1);
	expect(1);
	put(3);
	for (unsigned i = 0; i < 50; i++, now += 5 * MS)
		(void)feedback(RTCP_PLI, &p);
	looked = 0;
	for (uint16_t seq = 4; seq < 1000; seq++) {
		put_part(seq, 7, false, true);
		expect_none();
	}
	assert_in_range(looked, 900, 2500);
	put_part(1000, 8, false, true); /* one of another time after them, then whole */
	put_part(1001, 8, true, false);
	expect_gap(998);
}

static void duplicates_are_dropped(void **state)
{
	(void)state;
	put(1);
	put(3);
	put(3);
	put(1);
	expect(1);
	put(2);
	put_rtx(2);
	put_rtx(3);
	expect(2);
	expect(3);
	expect_none();
}

static void a_big_burst_is_given_up_at_once(void **state)
{
	struct rtcp_packet p;

	(void)state;
	put(1);
	expect(1);
	put(1000);
	expect_gap(998);
	expect(1000);
	now += 50 * MS;
	assert_false(feedback(RTCP_NACK, &p));
}

static void the_window_is_bounded(void **state)
{
	(void)state;
	put(0);
	expect(0);
	for (unsigned i = 2; i < 1 + 5 * RTP_RECV_SLOTS; i++)
		put((uint16_t)i); /* 1 never comes, nobody pops */
	assert_true(rtp_recv_stats(r)->flushed > 0);
	expect_gap(RTP_RECV_SLOTS * 4 + 0u);
}

static void a_restarted_sender_is_followed(void **state)
{
	(void)state;
	put(100);
	expect(100);
	put(40000); /* one alone is noise */
	expect_none();
	put(101);
	expect(101);
	put(40000);
	put(40001);
	expect_gap(1);
	expect(40001);
	put(40002);
	expect(40002);
	assert_int_equal(rtp_recv_stats(r)->restarts, 1);
}

static void rtx_neither_starts_nor_moves_a_stream(void **state)
{
	struct rtp_packet p = {.pt = 97, .ssrc = RTX, .payload = {"x", 1}};

	(void)state;
	put_rtx(5);
	expect_none();
	put(10);
	expect(10);
	put_rtx(30);
	expect_none();
	put(11);
	expect(11);
	assert_int_equal(rtp_recv_input(r, &p, now), -EBADMSG);
	p.payload.n = 0;
	assert_int_equal(rtp_recv_input(r, &p, now), 0);
	p.ssrc = 99;
	assert_int_equal(rtp_recv_input(r, &p, now), -ENOENT);
}

static void reports_count_loss_and_jitter(void **state)
{
	struct rtcp_packet p;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		now += 33333;
		if (i % 4 != 1)
			put((uint16_t)(30000 + i));
	}
	assert_true(feedback(RTCP_RR, &p));
	assert_int_equal(p.nreport, 1);
	assert_int_equal(p.report[0].lost, 25);
	assert_int_equal(p.report[0].fraction, 64);
	assert_int_equal(p.report[0].highest, 30000 + 99);
	assert_true(p.report[0].jitter < 100);
	now += RTP_RECV_REPORT;
	put(30000 + 100);
	assert_true(feedback(RTCP_RR, &p));
	assert_int_equal(p.report[0].fraction, 0);
	assert_int_equal(p.report[0].lost, 25);
	assert_true(p.report[0].jitter > 1000); /* a second late */
}

static void sender_reports_map_time(void **state)
{
	const struct rtcp_sr sr = {.ntp = 0xe000000000000000ull, .rtp = 0xfffffff0};
	struct rtcp_report rep;
	uint64_t ntp;

	(void)state;
	assert_false(rtp_recv_ntp(r, 0, &ntp));
	rtp_recv_sr(r, &sr, now);
	assert_true(rtp_recv_ntp(r, sr.rtp + 90000, &ntp)); /* over the wrap */
	assert_true(ntp == sr.ntp + (1ull << 32));
	assert_true(rtp_recv_ntp(r, sr.rtp - 45000, &ntp));
	assert_true(ntp == sr.ntp - (1ull << 31));
	rtp_recv_report(r, now + 500 * MS, &rep);
	assert_int_equal(rep.lsr, 0);
	assert_int_equal(rep.dlsr, 32768);
}

static void key_frames_are_asked_for_at_a_limited_rate(void **state)
{
	struct rtcp_packet p;
	unsigned n = 0;

	(void)state;
	rtp_recv_want_key(r);
	for (unsigned i = 0; i < 1000; i++, now += MS)
		n += feedback(RTCP_PLI, &p);
	assert_int_equal(n, 4);
	rtp_recv_got_key(r);
	now += 1000 * MS;
	assert_false(feedback(RTCP_PLI, &p));
	/* a decoder that loses its mind all the time does not get more */
	for (unsigned i = n = 0; i < 1000; i++, now += MS) {
		rtp_recv_want_key(r);
		n += feedback(RTCP_PLI, &p);
		rtp_recv_got_key(r);
	}
	assert_int_equal(n, 4);
}

static void without_rsize_everything_is_compound(void **state)
{
	struct rtp_recv_conf c = conf;
	struct rtcp_packet p;
	uint8_t cmd;

	teardown(state);
	c.reduced = c.pli = c.nack = false;
	c.fir = true;
	assert_int_equal(setup_with(&c), 0);
	rtp_recv_want_key(r);
	assert_true(feedback(RTCP_FIR, &p));
	assert_true(rtcp_is_compound((struct ar_span){(const char *)buf, w.n}));
	assert_true(rtcp_fir_find(&p, SSRC, &cmd));
	assert_int_equal(cmd, 0);
	now += 1000 * MS;
	assert_true(feedback(RTCP_FIR, &p));
	assert_true(rtcp_fir_find(&p, SSRC, &cmd));
	assert_int_equal(cmd, 1);
	put(1);
	put(3);
	expect(1);
	now += RTP_RECV_MIN_WAIT; /* no NACK: given up soon */
	assert_false(feedback(RTCP_NACK, &p));
	expect_gap(1);
}

static void extensions_survive(void **state)
{
	const struct rtp_extmap map = {.id = {[RTP_EXT_ABS_CAPTURE_TIME] = 4}};
	const struct rtp_ext_values v = {.has_capture_time = true, .capture_time = 12345};
	struct rtp_packet p = {.pt = 96, .seq = 9, .ssrc = SSRC, .payload = AR_SPAN("x")};
	struct rtp_ext_values got;
	struct rtp_recv_out out;
	uint8_t d[64];
	int n = rtp_build(d, sizeof(d), &p, &map, &v);

	(void)state;
	assert_int_equal(rtp_parse(&p, (struct ar_span){(char *)d, (size_t)n}), 0);
	assert_int_equal(rtp_recv_input(r, &p, now), 0);
	assert_int_equal(rtp_recv_pop(r, now, &out), RTP_RECV_PACKET);
	rtp_ext_read(&out.packet, &map, &got);
	assert_int_equal(got.capture_time, 12345);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(in_order_over_the_wrap),
		T(reordering_is_put_right_without_nack),
		T(a_loss_is_nacked_and_recovered_by_rtx),
		T(a_late_original_is_no_answer),
		T(a_loss_that_stays_is_given_up),
		T(the_rest_of_a_frame_is_asked_for),
		T(without_markers_there_is_no_guessing),
		T(reordering_is_learnt),
		T(a_key_frame_ends_a_long_wait),
		T(looking_for_a_key_frame_is_cheap),
		T(duplicates_are_dropped),
		T(a_big_burst_is_given_up_at_once),
		T(the_window_is_bounded),
		T(a_restarted_sender_is_followed),
		T(rtx_neither_starts_nor_moves_a_stream),
		T(reports_count_loss_and_jitter),
		T(sender_reports_map_time),
		T(key_frames_are_asked_for_at_a_limited_rate),
		T(without_rsize_everything_is_compound),
		T(extensions_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
