/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream in RED with parity: what is recovered, what is asked for, what nobody waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "mediad/rtp/depay.h"
#include "mediad/rtp/rtp_recv.h"
#include "mediad/rtp/ulpfec.h"
#include "mediad/rtp/wire.h"

#include <errno.h>
#include <cmocka.h>

#define MS 1000ull
#define SSRC 7
#define RTX 8
#define VP8 96
#define RED 98
#define RED_RTX 99
#define ULPFEC 100
#define PER_FRAME 3

static struct rtp_recv *r;
static uint64_t now;
static uint16_t asked[RTCP_MAX_NACK];
static unsigned nasked, delivered, gaps, keys;
static uint16_t last_seq;

static bool follows(void *arg, const struct rtp_packet *before, const struct rtp_packet *p)
{
	(void)arg;
	return before->pt == VP8 && p->pt == VP8 && depay_vp8_follows(before->payload, p->payload);
}

static int setup(void **state)
{
	const struct rtp_recv_conf conf = {.ssrc = SSRC,
		.local = 1,
		.rtx_ssrc = RTX,
		.rtx_pt = 97,
		.media_pt = VP8,
		.red_pt = RED,
		.red_rtx_pt = RED_RTX,
		.ulpfec_pt = ULPFEC,
		.clock = 90000,
		.nack = true,
		.pli = true,
		.reduced = true,
		.follows = follows,
		.cname = "mf"};

	(void)state;
	now = 1000 * MS;
	nasked = delivered = gaps = keys = 0;
	return rtp_recv_new(&r, &conf);
}

static int teardown(void **state)
{
	(void)state;
	rtp_recv_free(r);
	return 0;
}

static void drain(void)
{
	uint8_t buf[1200];
	struct rtcp_writer w = {buf, 0, sizeof(buf), 0};
	struct rtcp_packet c;
	struct rtp_recv_out out;
	enum rtp_recv_event e;
	struct ar_span d;

	while ((e = rtp_recv_pop(r, now, &out)) != RTP_RECV_NONE) {
		gaps += e == RTP_RECV_GAP;
		if (e != RTP_RECV_PACKET)
			continue;
		assert_int_equal(out.packet.pt, VP8);
		delivered++;
		last_seq = out.packet.seq;
	}
	rtp_recv_feedback(r, now, &w);
	d = (struct ar_span){(char *)buf, w.n};
	while (rtcp_next(&d, &c) == 1) {
		if (c.type == RTCP_NACK)
			nasked += rtcp_nack_list(&c, asked, RTCP_MAX_NACK);
		keys += c.type == RTCP_PLI;
	}
}

static void wait_ms(unsigned ms)
{
	for (; ms; ms--) {
		now += MS;
		drain();
	}
}

/* Picture `number`, as it is without RED. */
static struct rtp_packet media(uint16_t seq, uint16_t number, unsigned k)
{
	static uint8_t body[64][24];
	uint8_t *b = body[seq % 64];
	struct rtp_packet p = {.marker = k == PER_FRAME - 1,
		.pt = VP8,
		.seq = seq,
		.ts = number * 3000u,
		.ssrc = SSRC,
		.payload = {(char *)b, 24}};

	memset(b, (int)seq, 24);
	b[0] = k ? 0x80 : 0x90;
	b[1] = 0x80;
	put16(b + 2, 0x8000u | number);
	return p;
}

/* In RED, as a packet of that type and SSRC. */
static int put(const struct rtp_packet *p, uint8_t inner, uint8_t pt, uint32_t ssrc, int osn)
{
	uint8_t body[RTP_MAX_PACKET];
	struct rtp_packet q = *p;
	size_t at = 0;

	if (osn >= 0) {
		put16(body, (uint32_t)osn);
		at = 2;
	}
	body[at++] = inner;
	memcpy(body + at, p->payload.p, p->payload.n);
	q.pt = pt;
	q.ssrc = ssrc;
	q.payload = (struct ar_span){(char *)body, at + p->payload.n};
	return rtp_recv_input(r, &q, now);
}

static void add(struct ulpfec_sum *sum, const struct rtp_packet *p)
{
	const struct rtp_extmap none = {{0}};
	const struct rtp_ext_values v = {0};
	uint8_t d[RTP_MAX_PACKET];
	int n = rtp_build(d, sizeof(d), p, &none, &v);

	assert_true(n > 0);
	assert_int_equal(ulpfec_sum_add(sum, (struct ar_span){(char *)d, (size_t)n}), 0);
}

/* One picture from seq on and its parity; what is not in `there` is lost (bit 3: the parity). */
static void frame(uint16_t seq, uint16_t number, unsigned there)
{
	static struct ulpfec_sum sum;
	uint8_t body[RTP_MAX_PACKET];
	struct rtp_packet p;

	sum = (struct ulpfec_sum){0};
	for (unsigned k = 0; k < PER_FRAME; k++) {
		p = media((uint16_t)(seq + k), number, k);
		add(&sum, &p);
		if (there >> k & 1)
			assert_int_equal(put(&p, VP8, RED, SSRC, -1), 0);
		drain();
	}
	p.marker = false;
	p.seq = (uint16_t)(seq + PER_FRAME);
	p.payload = (struct ar_span){(char *)body, ulpfec_sum_write(&sum, body, sizeof(body))};
	if (there & 8)
		assert_int_equal(put(&p, ULPFEC, RED, SSRC, -1), 0);
	drain();
}

static void red_is_taken_off(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 20; i++) {
		frame((uint16_t)(65500 + i * 4), i, 15);
		wait_ms(33);
		assert_int_equal(delivered, 3u * (i + 1));
	}
	assert_int_equal(nasked, 0);
	assert_int_equal(gaps, 0);
	assert_int_equal(rtp_recv_stats(r)->fec_packets, 20);
	assert_int_equal(rtp_recv_stats(r)->fec_recovered, 0);
	assert_int_equal(rtp_recv_stats(r)->hollow, 0);
}

/* Each of its packets in turn, the last one too: nothing is asked for, nothing is late. */
static void one_is_lost(void **state)
{
	(void)state;
	frame(65500, 0, 15);
	wait_ms(33);
	for (uint16_t i = 1; i < 40; i++) {
		frame((uint16_t)(65500 + i * 4), i, 15u & ~(1u << i % 3));
		assert_int_equal(delivered, 3u * (i + 1));
		assert_int_equal(last_seq, (uint16_t)(65500 + i * 4 + 2));
		wait_ms(33);
	}
	assert_int_equal(nasked, 0);
	assert_int_equal(gaps, 0);
	assert_int_equal(keys, 0);
	assert_int_equal(rtp_recv_stats(r)->fec_recovered, 39);
	assert_int_equal(rtp_recv_stats(r)->recovered, 0);
}

/* Parity is not sent again: the next picture tells that nothing else is missing. */
static void parity_is_lost(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 20; i++) {
		frame((uint16_t)(100 + i * 4), i, i == 0 ? 15 : 7);
		assert_int_equal(delivered, 3u * (i + 1));
		wait_ms(33);
	}
	assert_int_equal(nasked, 0);
	assert_int_equal(gaps, 0);
	assert_int_equal(rtp_recv_stats(r)->hollow, 18); /* the last one is not missed yet */
}

/* The whole of a picture, or its end and its parity, is no such gap. */
static void a_picture_is_lost(void **state)
{
	(void)state;
	frame(100, 0, 15);
	wait_ms(33);
	frame(104, 1, 0);
	wait_ms(33);
	frame(108, 2, 15);
	wait_ms(15);
	assert_int_equal(delivered, 3);
	assert_true(nasked >= 4);
	assert_int_equal(rtp_recv_stats(r)->hollow, 0);
	wait_ms(700);
	assert_int_equal(gaps, 1);
	assert_int_equal(delivered, 6);
}

/* What comes again helps the parity with the rest. */
static void two_are_lost(void **state)
{
	struct rtp_packet p = media(105, 1, 1);

	(void)state;
	frame(100, 0, 15);
	wait_ms(33);
	frame(104, 1, 9);
	assert_int_equal(delivered, 4);
	wait_ms(12);
	assert_true(nasked >= 2);
	p.seq = 1;
	assert_int_equal(put(&p, VP8, RED_RTX, RTX, 105), 0);
	drain();
	assert_int_equal(delivered, 6);
	assert_int_equal(rtp_recv_stats(r)->fec_recovered, 1);
	assert_int_equal(rtp_recv_stats(r)->recovered, 1);
}

static void not_in_red(void **state)
{
	struct rtp_packet p = media(100, 0, 0), again;
	uint8_t body[64];

	(void)state;
	assert_int_equal(rtp_recv_input(r, &p, now), 0);
	p = media(102, 0, 2);
	assert_int_equal(rtp_recv_input(r, &p, now), 0);
	wait_ms(12);
	again = media(101, 0, 1);
	put16(body, 101);
	memcpy(body + 2, again.payload.p, again.payload.n);
	again.payload = (struct ar_span){(char *)body, again.payload.n + 2};
	again.ssrc = RTX;
	again.pt = 97;
	assert_int_equal(rtp_recv_input(r, &again, now), 0);
	drain();
	assert_int_equal(delivered, 3);
}

static void broken(void **state)
{
	struct rtp_packet p = media(100, 0, 0);

	(void)state;
	p.payload.n = 0;
	p.pt = RED;
	assert_int_equal(rtp_recv_input(r, &p, now), -EBADMSG);
	p = media(100, 0, 0);
	assert_int_equal(put(&p, 0x80 | VP8, RED, SSRC, -1), -EBADMSG);
	assert_int_equal(rtp_recv_stats(r)->packets, 0);
	frame(100, 0, 15);
	p = media(104, 0, 0);
	p.payload.n = 5;
	assert_int_equal(put(&p, ULPFEC, RED, SSRC, -1), 0);
	frame(105, 1, 15);
	assert_int_equal(delivered, 6);
	assert_int_equal(rtp_recv_stats(r)->malformed, 3);
	/* only a block header */
	p = media(109, 2, 0);
	p.payload.n = 0;
	assert_int_equal(put(&p, ULPFEC, RED, SSRC, -1), 0);
	drain();
	frame(110, 2, 15);
	assert_int_equal(delivered, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(red_is_taken_off, setup, teardown),
		cmocka_unit_test_setup_teardown(one_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(parity_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_picture_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(two_are_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(not_in_red, setup, teardown),
		cmocka_unit_test_setup_teardown(broken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
