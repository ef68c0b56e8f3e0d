/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/rtp/rtcp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static uint8_t buf[1500];
static struct rtcp_writer w;

static struct ar_span written(void)
{
	assert_int_equal(w.err, 0);
	return (struct ar_span){(const char *)w.p, w.n};
}

static int fresh(void **state)
{
	(void)state;
	w = (struct rtcp_writer){buf, 0, sizeof(buf), 0};
	return 0;
}

static void a_compound_comes_back(void **state)
{
	const struct rtcp_report r[2] = {
		{7, 12, -3, 0x10005, 99, 0xaabbccdd, 65536}, {8, 0, 0x7fffff, 1, 0, 0, 0}};
	const struct rtcp_sr sr = {0xe123456789abcdefull, 90000, 10, 12000};
	struct ar_span rest, cname;
	struct rtcp_packet p;

	(void)state;
	rtcp_write_sr(&w, 5, &sr, r, 2);
	rtcp_write_cname(&w, 5, AR_SPAN("ue1@home"));
	rtcp_write_bye(&w, 5);
	rest = written();
	assert_true(rtcp_is_compound(rest));
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_SR);
	assert_int_equal(p.ssrc, 5);
	assert_true(p.sr.ntp == sr.ntp);
	assert_int_equal(p.sr.rtp, sr.rtp);
	assert_int_equal(p.sr.packets, sr.packets);
	assert_int_equal(p.sr.octets, sr.octets);
	assert_int_equal(p.nreport, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(p.report[i].ssrc, r[i].ssrc);
		assert_int_equal(p.report[i].fraction, r[i].fraction);
		assert_int_equal(p.report[i].lost, r[i].lost);
		assert_int_equal(p.report[i].highest, r[i].highest);
		assert_int_equal(p.report[i].jitter, r[i].jitter);
		assert_int_equal(p.report[i].lsr, r[i].lsr);
		assert_int_equal(p.report[i].dlsr, r[i].dlsr);
	}
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_true(rtcp_sdes_cname(&p, 5, &cname));
	assert_true(ar_span_eq(cname, AR_SPAN("ue1@home")));
	assert_false(rtcp_sdes_cname(&p, 6, &cname));
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_true(rtcp_bye_has(&p, 5));
	assert_false(rtcp_bye_has(&p, 6));
	assert_int_equal(rtcp_next(&rest, &p), 0);
}

static void every_cname_length_is_padded_right(void **state)
{
	char name[RTCP_MAX_CNAME + 1];

	memset(name, 'c', sizeof(name));
	for (size_t n = 0; n <= RTCP_MAX_CNAME; n++) {
		struct ar_span rest, got;
		struct rtcp_packet p;

		fresh(state);
		rtcp_write_cname(&w, 5, (struct ar_span){name, n});
		assert_int_equal(w.n % 4, 0);
		rest = written();
		assert_int_equal(rtcp_next(&rest, &p), 1);
		assert_true(rtcp_sdes_cname(&p, 5, &got));
		assert_int_equal(got.n, n);
		assert_int_equal(rest.n, 0);
	}
}

static void sdes_of_others(void **state)
{
	/* two chunks; the first with a tool item only, the second with NAME and CNAME */
	const uint8_t d[] = {0x82, 202, 0, 6, 0, 0, 0, 1, 6, 2, 't', 'l', 0, 0, 0, 0, 0, 0, 0, 2, 2,
		0, 1, 2, 'a', 'b', 0, 0};
	struct ar_span rest = {(const char *)d, sizeof(d)}, cname;
	struct rtcp_packet p;

	(void)state;
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_true(rtcp_sdes_cname(&p, 2, &cname));
	assert_true(ar_span_eq(cname, AR_SPAN("ab")));
	assert_false(rtcp_sdes_cname(&p, 1, &cname));
}

static void nacks_pack_and_unpack(void **state)
{
	const uint16_t seq[] = {65530, 65531, 65535, 0, 10, 11, 500};
	uint16_t got[64];
	struct ar_span rest;
	struct rtcp_packet p;

	(void)state;
	rtcp_write_nack(&w, 1, 2, seq, 7);
	rest = written();
	assert_false(rtcp_is_compound(rest));
	assert_int_equal(rest.n, 12 + 3 * 4); /* 65530..10, 11, 500 */
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_NACK);
	assert_int_equal(p.media, 2);
	assert_int_equal(rtcp_nack_list(&p, got, 64), 7);
	assert_memory_equal(got, seq, sizeof(seq));
	assert_int_equal(rtcp_nack_list(&p, got, 3), 3);
}

static void no_nack_is_no_packet(void **state)
{
	(void)state;
	rtcp_write_nack(&w, 1, 2, NULL, 0);
	assert_int_equal(w.n, 0);
}

static void key_frame_requests(void **state)
{
	struct rtcp_packet p;
	struct ar_span rest;
	uint8_t cmd;

	(void)state;
	rtcp_write_pli(&w, 1, 2);
	rtcp_write_fir(&w, 1, 2, 77);
	rest = written();
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_PLI);
	assert_int_equal(p.media, 2);
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_FIR);
	assert_true(rtcp_fir_find(&p, 2, &cmd));
	assert_int_equal(cmd, 77);
	assert_false(rtcp_fir_find(&p, 3, &cmd));
}

static void remb_keeps_18_bits(void **state)
{
	const uint64_t rates[] = {0, 1, 0x3ffff, 500000, 3000000, 10000000000ull};

	for (unsigned i = 0; i < 6; i++) {
		struct rtcp_packet p;
		struct ar_span rest;

		fresh(state);
		rtcp_write_remb(&w, 1, 2, rates[i]);
		rest = written();
		assert_int_equal(rtcp_next(&rest, &p), 1);
		assert_int_equal(p.type, RTCP_REMB);
		assert_true(p.bitrate <= rates[i] && p.bitrate >= rates[i] - rates[i] / 100000);
	}
}

static void an_absurd_remb_saturates(void **state)
{
	uint8_t d[] = {0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0xff, 0xff,
		0xff, 0, 0, 0, 2};
	struct ar_span rest = {(const char *)d, sizeof(d)};
	struct rtcp_packet p;

	(void)state;
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_true(p.bitrate == UINT64_MAX);
	d[16] = 2; /* more SSRCs than there are */
	rest = (struct ar_span){(const char *)d, sizeof(d)};
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_OTHER);
}

static void check_twcc(const int64_t *ticks, unsigned n, unsigned expect)
{
	struct rtcp_twcc_status s;
	struct rtcp_twcc it;
	struct rtcp_packet p;
	struct ar_span rest;
	unsigned i = 0;

	fresh(NULL);
	assert_int_equal(rtcp_write_twcc(&w, 1, 2, 65500, 9, ticks, n), expect);
	rest = written();
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(p.type, RTCP_TWCC);
	assert_int_equal(rest.n, 0);
	assert_int_equal(rtcp_twcc_begin(&p, &it), 0);
	assert_int_equal(it.count, 9);
	for (; rtcp_twcc_next(&it, &s); i++) {
		assert_int_equal(s.seq, (uint16_t)(65500 + i));
		assert_int_equal(s.received, ticks[i] >= 0);
		if (s.received)
			assert_int_equal(s.at, ticks[i] * RTCP_TWCC_TICK);
	}
	assert_int_equal(i, expect);
}

static void twcc_comes_back(void **state)
{
	int64_t t[600];

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		t[i] = 1000 + i * 3;
	check_twcc(t, 100, 100);
	check_twcc(t, 600, RTCP_TWCC_MAX);
	for (unsigned i = 3; i < 100; i += 5)
		t[i] = -1;
	t[0] = -1;
	t[50] = t[49] - 20; /* reordered: a negative delta */
	t[60] = t[59] + 300;
	for (unsigned n = 2; n < 100; n++)
		check_twcc(t, n, n);
	for (unsigned i = 10; i < 90; i++)
		t[i] = -1;
	check_twcc(t, 100, 100);
	t[95] = t[94] + 40000; /* does not fit: the message ends before it */
	check_twcc(t, 100, 95);
}

static void twcc_lies_are_refused(void **state)
{
	/* 400 statuses, chunks for 14 and 257 */
	uint8_t d[] = {0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 1, 144, 0, 0, 1, 0, 0xbf,
		0xff, 0x01, 0x01};
	struct ar_span rest = {(const char *)d, sizeof(d)};
	struct rtcp_twcc_status s;
	struct rtcp_packet p;
	struct rtcp_twcc it;
	unsigned n = 0;

	(void)state;
	assert_int_equal(rtcp_next(&rest, &p), 1);
	assert_int_equal(rtcp_twcc_begin(&p, &it), -EBADMSG);
	d[14] = 0;
	d[15] = 14; /* fourteen received, deltas for two */
	assert_int_equal(rtcp_twcc_begin(&p, &it), 0);
	while (rtcp_twcc_next(&it, &s))
		n++;
	assert_int_equal(n, 2);
	d[20] = d[21] = 0; /* a run of none would never end */
	assert_int_equal(rtcp_twcc_begin(&p, &it), -EBADMSG);
}

static void malformed_ends_the_datagram(void **state)
{
	const struct rtcp_report r = {.ssrc = 1};
	struct rtcp_packet p;

	(void)state;
	rtcp_write_rr(&w, 1, &r, 1);
	rtcp_write_pli(&w, 1, 2);
	for (size_t n = 1; n < w.n; n++) {
		struct ar_span rest = {(const char *)buf, n};
		int rc = rtcp_next(&rest, &p);

		if (n < 32) {
			assert_int_equal(rc, -EBADMSG);
			assert_int_equal(rest.n, 0);
		} else {
			assert_int_equal(rc, 1);
		}
	}
	buf[0] = 0x82; /* two reports said, one there */
	assert_int_equal(rtcp_next(&(struct ar_span){(const char *)buf, w.n}, &p), -EBADMSG);
}

static void padding(void **state)
{
	uint8_t d[] = {0xa0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4};
	struct rtcp_packet p;

	(void)state;
	assert_int_equal(rtcp_next(&(struct ar_span){(const char *)d, 12}, &p), 1);
	d[11] = 8; /* leaves no room for the SSRC */
	assert_int_equal(rtcp_next(&(struct ar_span){(const char *)d, 12}, &p), -EBADMSG);
	d[11] = 12;
	assert_int_equal(rtcp_next(&(struct ar_span){(const char *)d, 12}, &p), -EBADMSG);
	d[11] = 0;
	assert_int_equal(rtcp_next(&(struct ar_span){(const char *)d, 12}, &p), -EBADMSG);
}

/* Feedback as Chromium 156 sends it: padded to words, not by a multiple of four. */
static void padding_of_libwebrtc(void **state)
{
	const uint8_t d[] = {0xaf, 0xcd, 0, 6, 0x53, 0x25, 0x14, 0x6e, 0x59, 0x69, 0x7f, 0x54, 0, 2,
		0, 3, 0x03, 0xf6, 0x24, 1, 0x20, 0x03, 0xa5, 0x57, 0x80, 0, 0, 3};
	struct rtcp_twcc_status s;
	struct rtcp_twcc it;
	struct rtcp_packet p;
	unsigned n = 0;

	(void)state;
	assert_int_equal(rtcp_next(&(struct ar_span){(const char *)d, sizeof(d)}, &p), 1);
	assert_int_equal(p.type, RTCP_TWCC);
	assert_int_equal(rtcp_twcc_begin(&p, &it), 0);
	while (rtcp_twcc_next(&it, &s)) {
		assert_true(s.received);
		assert_int_equal(s.seq, 2 + n++);
	}
	assert_int_equal(n, 3);
}

static void a_full_writer_says_so_and_stays_whole(void **state)
{
	const struct rtcp_sr sr = {0};

	(void)state;
	w.cap = 40;
	rtcp_write_sr(&w, 1, &sr, NULL, 0);
	rtcp_write_remb(&w, 1, 2, 3);
	assert_int_equal(w.err, -ENOBUFS);
	assert_int_equal(w.n, 28);
	rtcp_write_pli(&w, 1, 2);
	assert_int_equal(w.n, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_compound_comes_back, fresh),
		cmocka_unit_test_setup(every_cname_length_is_padded_right, fresh),
		cmocka_unit_test_setup(sdes_of_others, fresh),
		cmocka_unit_test_setup(nacks_pack_and_unpack, fresh),
		cmocka_unit_test_setup(no_nack_is_no_packet, fresh),
		cmocka_unit_test_setup(key_frame_requests, fresh),
		cmocka_unit_test_setup(remb_keeps_18_bits, fresh),
		cmocka_unit_test_setup(an_absurd_remb_saturates, fresh),
		cmocka_unit_test_setup(twcc_comes_back, fresh),
		cmocka_unit_test_setup(twcc_lies_are_refused, fresh),
		cmocka_unit_test_setup(malformed_ends_the_datagram, fresh),
		cmocka_unit_test_setup(padding, fresh),
		cmocka_unit_test_setup(padding_of_libwebrtc, fresh),
		cmocka_unit_test_setup(a_full_writer_says_so_and_stays_whole, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
