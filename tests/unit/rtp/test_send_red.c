/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parity of what is sent: when there is any, and that what is lost comes back by it. */
#include "mediad/rtp/rtp_send.h"
#include "mediad/rtp/ulpfec.h"
#include "mediad/rtp/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS 1000ull
#define SSRC 7
#define RTX 8
#define VP8 96
#define RED 98
#define ULPFEC 100
#define MANY 64

static struct rtp_send *s;
static struct bwe *b;
static uint64_t now;
static uint8_t frame[60000];

static struct taken {
	size_t n;
	uint8_t d[RTP_MAX_PACKET];
	struct rtp_packet p;
} taken[MANY];

static int setup_with(uint8_t ulpfec, enum depay_codec codec)
{
	static const struct bwe_conf rates = {1000000, 100000, 5000000};
	const struct rtp_send_conf conf = {.ssrc = SSRC,
		.rtx_ssrc = RTX,
		.pt = VP8,
		.rtx_pt = 97,
		.red_pt = RED,
		.ulpfec_pt = ulpfec,
		.first_seq = 65530,
		.clock = 90000,
		.codec = codec,
		.mtu = 1100,
		.extmap = {{1, 2, 3, 4, 5, 6}},
		.low_delay = true,
		.cname = "ue1"};

	now = 10000 * MS;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(1 + i * 7 % 254);
	assert_int_equal(bwe_new(&b, &rates), 0);
	assert_int_equal(rtp_send_new(&s, &conf, b), 0);
	/* without feedback a path is taken for a wide one after a while */
	(void)bwe_sent(b, now, 1);
	now += 600 * MS;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(ULPFEC, DEPAY_VP8);
}

static int teardown(void **state)
{
	(void)state;
	rtp_send_free(s);
	bwe_free(b);
	return 0;
}

static void give_rtcp(struct rtcp_writer *w)
{
	struct ar_span rest = {(char *)w->p, w->n};
	struct rtcp_packet p;

	while (rtcp_next(&rest, &p) == 1)
		rtp_send_rtcp(s, &p, now);
}

static void report(uint8_t fraction)
{
	uint8_t buf[200];
	struct rtcp_writer w = {buf, 0, sizeof(buf), 0};
	const struct rtcp_report r = {.ssrc = SSRC, .fraction = fraction};

	rtcp_write_rr(&w, 1, &r, 1);
	give_rtcp(&w);
}

/* All that is to be sent of it, each taken out of RED but for the parity's head. */
static unsigned send(size_t n, uint32_t ts)
{
	unsigned k = 0;

	assert_int_equal(rtp_send_frame(s, (struct ar_span){(char *)frame, n}, ts, NULL, now), 0);
	while (k < MANY) {
		if (rtp_send_deadline(s) > now + 30 * MS)
			break;
		now = rtp_send_deadline(s) > now ? rtp_send_deadline(s) : now;
		taken[k].n = rtp_send_poll(s, now, taken[k].d, RTP_MAX_PACKET);
		if (!taken[k].n)
			break;
		assert_int_equal(
			rtp_parse(&taken[k].p, (struct ar_span){(char *)taken[k].d, taken[k].n}),
			0);
		k += taken[k].p.ssrc == SSRC; /* the last packet may go again */
	}
	return k;
}

static bool is_parity(const struct taken *t)
{
	return t->p.pt == RED && (uint8_t)t->p.payload.p[0] == ULPFEC;
}

/* As it would be without RED. */
static struct taken plain(const struct taken *t)
{
	struct taken out = *t;
	size_t head = t->n - t->p.payload.n;

	assert_int_equal(t->p.pt, RED);
	out.d[1] = (uint8_t)((t->d[1] & 0x80) | t->d[head]);
	memmove(out.d + head, t->d + head + 1, t->n - head - 1);
	out.n--;
	return out;
}

/* What is lost of those n, bit by bit, comes back. */
static void assert_recovered(unsigned n, uint64_t lost)
{
	struct ulpfec_recv *u;
	uint8_t out[RTP_MAX_PACKET];
	uint64_t back = 0;
	size_t len;

	assert_int_equal(ulpfec_recv_new(&u, SSRC), 0);
	for (unsigned i = 0; i < n; i++) {
		struct taken t = plain(&taken[i]);

		if (lost >> i & 1)
			continue;
		if (is_parity(&taken[i]))
			assert_int_equal(ulpfec_recv_parity(u, t.p.seq,
						 (struct ar_span){taken[i].p.payload.p + 1,
							 taken[i].p.payload.n - 1}),
				0);
		else
			assert_int_equal(
				ulpfec_recv_media(u, (struct ar_span){(char *)t.d, t.n}, false), 0);
	}
	while ((len = ulpfec_recv_take(u, out, sizeof(out))) > 0) {
		unsigned i = (uint16_t)(get16(out + 2) - taken[0].p.seq);
		struct taken t = plain(&taken[i]);

		assert_int_equal(len, t.n);
		assert_memory_equal(out, t.d, len);
		back |= UINT64_C(1) << i;
	}
	assert_true(back == lost);
	ulpfec_recv_free(u);
}

static void only_while_something_is_lost(void **state)
{
	(void)state;
	assert_int_equal(send(3000, 1), 3);
	assert_int_equal(taken[0].p.pt, VP8);
	assert_true(rtp_send_parity_share(s) == 0);
	for (unsigned i = 0; i < 8; i++)
		report(13);
	for (unsigned k = 0; k < 10; k++) {
		assert_int_equal(send(3000, 2 + k), 4);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(taken[i].p.pt, RED);
			assert_int_equal(taken[i].p.ts, 2 + k);
			assert_int_equal(taken[i].p.marker, i == 2);
			assert_int_equal(is_parity(&taken[i]), i == 3);
			assert_int_equal(taken[i].p.seq, (uint16_t)(65533 + 4 * k + i));
		}
		for (unsigned i = 0; i < 3; i++)
			assert_recovered(4, UINT64_C(1) << i);
		now += 33 * MS;
	}
	assert_true(rtp_send_parity_share(s) > 0.1 && rtp_send_parity_share(s) < 0.3);
	assert_int_equal(rtp_send_stats(s)->fec_packets, 10);
	for (unsigned i = 0; i < 20; i++)
		report(0);
	assert_int_equal(send(3000, 50), 3);
	assert_int_equal(taken[0].p.pt, VP8);
}

/* A frame, and then losses are told of: the next one is no first frame after a stall. */
static void lose(void)
{
	assert_true(send(3000, 0) >= 3);
	for (unsigned i = 0; i < 8; i++)
		report(13);
	now += 33 * MS;
}

/* Packets take turns in the sums: three in a row. */
static void a_large_frame(void **state)
{
	unsigned n;

	(void)state;
	lose();
	n = send(24000, 1);
	assert_true(n >= 25 && n <= 27);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(is_parity(&taken[i]), i + 3 >= n);
	for (unsigned i = 0; i + 6 <= n; i++)
		assert_recovered(n, UINT64_C(7) << i);
	now += 33 * MS;
	assert_int_equal(send(500, 2), 2);
	assert_recovered(2, 1);
}

static void nack(uint16_t seq)
{
	uint8_t buf[200];
	struct rtcp_writer w = {buf, 0, sizeof(buf), 0};

	rtcp_write_nack(&w, 1, SSRC, &seq, 1);
	give_rtcp(&w);
}

/* Media comes again as RTX of what was in RED; parity never does. */
static void what_is_asked_for(void **state)
{
	uint8_t d[RTP_MAX_PACKET];
	struct rtp_packet p;
	struct taken was;
	size_t n;

	(void)state;
	lose();
	assert_int_equal(send(3000, 1), 4);
	now += 20 * MS;
	nack(taken[3].p.seq);
	assert_int_equal(rtp_send_stats(s)->too_old, 1);
	assert_int_equal(rtp_send_stats(s)->resent, 0);
	nack(taken[1].p.seq);
	now += 20 * MS;
	n = rtp_send_poll(s, now, d, sizeof(d));
	assert_int_equal(rtp_parse(&p, (struct ar_span){(char *)d, n}), 0);
	assert_int_equal(p.ssrc, RTX);
	assert_int_equal(p.pt, 97);
	assert_int_equal(get16((const uint8_t *)p.payload.p), taken[1].p.seq);
	was = taken[1];
	assert_int_equal(p.payload.n - 2, was.p.payload.n - 1);
	assert_memory_equal(p.payload.p + 2, was.p.payload.p + 1, was.p.payload.n - 1);
}

/* Frames that never left: their numbers, those of their parity too, are the next ones'. */
static void dropped_with_its_frame(void **state)
{
	(void)state;
	lose();
	assert_int_equal(send(3000, 1), 4);
	now += 33 * MS;
	assert_int_equal(rtp_send_frame(s, (struct ar_span){(char *)frame, 3000}, 2, NULL, now), 0);
	assert_int_equal(rtp_send_drop_queued(s), 4);
	assert_int_equal(rtp_send_queued(s), 0);
	assert_int_equal(send(3000, 3), 4);
	assert_int_equal(taken[0].p.seq, (uint16_t)(65533 + 4));
	assert_int_equal(taken[0].p.ts, 3);
	assert_recovered(4, 2);
}

static void not_for_everybody(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		setup_with(i ? ULPFEC : 0, i ? DEPAY_H264 : DEPAY_VP8);
		memcpy(frame, "\0\0\0\1\x65", 5);
		lose();
		assert_int_equal(send(3000, 1), 3);
		assert_int_equal(taken[2].p.pt, VP8);
		teardown(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_while_something_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(dropped_with_its_frame, setup, teardown),
		cmocka_unit_test(not_for_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
