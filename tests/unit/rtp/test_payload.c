/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VP8 and H.264 payloads, there and back. */
#include "mediad/rtp/depay.h"
#include "mediad/rtp/pay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define MAX 2000
#define MTU 100

static struct {
	uint8_t d[PAY_MAX_MTU];
	size_t n;
	bool last;
} sent[MAX];
static unsigned nsent;

static struct depay *d;
static unsigned frames, keys;
static struct depay_frame got;
static uint8_t got_data[DEPAY_MAX_FRAME];

static int collect(void *user, struct ar_span payload, bool last)
{
	assert_true(payload.n <= *(size_t *)user && nsent < MAX);
	memcpy(sent[nsent].d, payload.p, payload.n);
	sent[nsent].n = payload.n;
	sent[nsent++].last = last;
	return 0;
}

static void on_frame(void *user, const struct depay_frame *f)
{
	(void)user;
	frames++;
	keys += f->key;
	got = *f;
	memcpy(got_data, f->data.p, f->data.n);
}

static int start(enum depay_codec codec)
{
	frames = keys = nsent = 0;
	return depay_new(&d, codec, on_frame, NULL);
}

static int start_vp8(void **state)
{
	(void)state;
	return start(DEPAY_VP8);
}

static int start_h264(void **state)
{
	(void)state;
	return start(DEPAY_H264);
}

static int stop(void **state)
{
	(void)state;
	depay_free(d);
	return 0;
}

static void push(unsigned i, uint32_t ts)
{
	struct rtp_packet p = {
		.ts = ts, .marker = sent[i].last, .payload = {malloc(sent[i].n), sent[i].n}};

	memcpy((void *)(uintptr_t)p.payload.p, sent[i].d, sent[i].n);
	assert_int_equal(depay_push(d, &p), 0);
	free((void *)(uintptr_t)p.payload.p);
}

/* Frame n of a stream whose first byte says key or not. */
static size_t vp8_frame(uint8_t *out, bool key, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(i * 7 + n);
	out[0] = key ? 0x10 : 0x11;
	if (key)
		memcpy(out + 3, "\x9d\x01\x2a\x80\x02\x68\x01", 7);
	return n;
}

/* Sends it but for packet `lost` (negative: none lost). */
static void send_vp8(uint16_t pid, bool key, bool nonref, size_t n, int lost)
{
	static uint8_t f[20000];
	size_t mtu = MTU;

	nsent = 0;
	vp8_frame(f, key, n);
	assert_int_equal(
		pay_vp8((struct ar_span){(char *)f, n}, pid, nonref, MTU, collect, &mtu), 0);
	for (unsigned i = 0; i < nsent; i++) {
		if ((int)i == lost)
			depay_gap(d, 1);
		else
			push(i, pid * 3000u);
	}
}

static void vp8_there_and_back(void **state)
{
	uint8_t f[5000];

	(void)state;
	assert_true(depay_needs_key(d));
	send_vp8(32767, true, false, 10, -1);
	assert_int_equal(got.width, 640);
	assert_int_equal(got.height, 360);
	assert_false(depay_needs_key(d));
	for (unsigned i = 0; i < 300; i++) {
		send_vp8(i & 0x7fff, false, false, 3 + i * 11, -1);
		assert_int_equal(frames, i + 2);
		vp8_frame(f, false, 3 + i * 11);
		assert_int_equal(got.data.n, 3 + i * 11);
		assert_memory_equal(got_data, f, got.data.n);
	}
	assert_int_equal(keys, 1);
}

static void vp8_nothing_before_a_key_frame(void **state)
{
	(void)state;
	send_vp8(1, false, false, 500, -1);
	send_vp8(2, false, false, 500, -1);
	assert_int_equal(frames, 0);
	send_vp8(3, true, false, 500, -1);
	assert_int_equal(frames, 1);
}

static void vp8_any_lost_packet_stops_the_chain(void **state)
{
	uint16_t pid = 1;

	(void)state;
	for (int lost = 0; lost < 6; lost++) {
		send_vp8(pid++, true, false, 500, -1);
		frames = 0;
		assert_false(depay_needs_key(d));
		send_vp8(pid++, false, false, 550, lost);
		send_vp8(pid++, false, false, 550, -1);
		assert_int_equal(frames, 0);
		assert_true(depay_needs_key(d));
	}
}

static void vp8_a_frame_lost_whole_is_seen_by_its_id(void **state)
{
	(void)state;
	send_vp8(1, true, false, 500, -1);
	send_vp8(3, false, false, 50, -1); /* even if nobody told of a gap */
	assert_true(depay_needs_key(d));
	send_vp8(4, true, false, 500, -1);
	depay_gap(d, 2); /* padding was lost, no frame */
	send_vp8(5, false, false, 50, -1);
	assert_false(depay_needs_key(d));
	assert_int_equal(frames, 3);
}

static void vp8_a_lost_frame_that_nobody_refers_to(void **state)
{
	(void)state;
	send_vp8(1, true, false, 500, -1);
	send_vp8(2, false, true, 500, 2);
	assert_false(depay_needs_key(d));
	send_vp8(3, false, false, 500, -1);
	assert_int_equal(frames, 2);
}

static void vp8_without_picture_ids(void **state)
{
	struct rtp_packet p = {.ts = 1, .marker = true};
	char key[] = "\x10\x10\0\0\x9d\x01\x2a\x80\x02\x68\x01", delta[] = "\x10\x11\0\0\0";

	(void)state;
	p.payload = (struct ar_span){key, 11};
	depay_push(d, &p);
	p.ts++;
	p.payload = (struct ar_span){delta, 5};
	depay_push(d, &p);
	assert_int_equal(frames, 2);
	depay_gap(d, 1);
	p.ts++;
	depay_push(d, &p);
	assert_int_equal(frames, 2);
	assert_true(depay_needs_key(d));
}

static void vp8_malformed(void **state)
{
	static const struct ar_span bad[] = {{"\x80", 1}, {"\x90\x80", 2}, {"\x90\x80\x81", 3},
		{"\x90\x80\x81\x02", 4}, {"\x90\x40\x01", 3}, {"\x10", 1}, {"\x10\x10", 2},
		{"\x10\x10\0\0\x9d\x01\x2b\x80\x02\x68\x01", 11}};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rtp_packet p = {.ts = i, .marker = true, .payload = bad[i]};

		assert_int_equal(depay_push(d, &p), 0);
	}
	assert_int_equal(frames, 0);
	assert_true(depay_needs_key(d));
}

static void vp8_too_long_frames_are_dropped(void **state)
{
	static char body[1400] = "\x10\x10\0\0\x9d\x01\x2a\x80\x02\x68\x01";
	struct rtp_packet p = {.ts = 1, .payload = {body, sizeof(body)}};

	(void)state;
	for (unsigned i = 0; i < DEPAY_MAX_FRAME / 1300 + 10; i++) {
		p.marker = i == DEPAY_MAX_FRAME / 1300 + 9;
		depay_push(d, &p);
		body[0] = 0;
	}
	assert_int_equal(frames, 0);
	assert_int_equal(depay_stats(d)->too_long, 1);
	send_vp8(9, true, false, 500, -1);
	assert_int_equal(frames, 1);
}

/* Baseline, log2_max_frame_num 4, poc type 2: what openh264 writes, shortened. */
static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x1f, 0xf4, 0x40, 0x50, 0x17, 0xf0, 0x80};
static const uint8_t pps[] = {0x68, 0xce, 0x3c, 0x80};

static void put_bits(uint8_t *out, unsigned *at, unsigned v, unsigned n)
{
	for (; n--; (*at)++)
		if (v >> n & 1)
			out[*at / 8] |= (uint8_t)(0x80 >> *at % 8);
}

static void put_ue(uint8_t *out, unsigned *at, unsigned v)
{
	unsigned n = 0;

	while ((v + 1) >> (n + 1))
		n++;
	put_bits(out, at, v + 1, 2 * n + 1);
}

/* Appends start code and slice of n bytes. */
static size_t slice(uint8_t *out, bool idr, bool ref, unsigned mb, unsigned frame_num, size_t n)
{
	unsigned at = 0;

	memcpy(out, "\0\0\0\1", 4);
	memset(out + 4, 0, 12);
	out[4] = (uint8_t)((ref ? 0x60 : 0) | (idr ? 5 : 1));
	put_ue(out + 5, &at, mb);
	put_ue(out + 5, &at, 5);
	put_ue(out + 5, &at, 0);
	put_bits(out + 5, &at, frame_num & 15, 4);
	put_bits(out + 5, &at, 1, 1);
	for (size_t i = 1 + (at + 7) / 8; i < n; i++)
		out[4 + i] = (uint8_t)(i | 1);
	return 4 + n;
}

static uint8_t au[30000];
static size_t nau;

static void make_au(bool key, bool ref, unsigned frame_num, size_t n, unsigned slices)
{
	nau = 0;
	if (key) {
		memcpy(au, "\0\0\0\1", 4);
		memcpy(au + 4, sps, sizeof(sps));
		nau = 4 + sizeof(sps);
		memcpy(au + nau, "\0\0\0\1", 4);
		memcpy(au + nau + 4, pps, sizeof(pps));
		nau += 4 + sizeof(pps);
	}
	for (unsigned i = 0; i < slices; i++)
		nau += slice(au + nau, key, ref, i * 50, key ? 0 : frame_num, n);
}

static void send_au(uint32_t ts, int lost)
{
	size_t mtu = MTU;

	nsent = 0;
	assert_int_equal(pay_h264((struct ar_span){(char *)au, nau}, MTU, collect, &mtu), 0);
	for (unsigned i = 0; i < nsent; i++) {
		if ((int)i == lost)
			depay_gap(d, 1);
		else
			push(i, ts);
	}
}

static void h264_there_and_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		make_au(i % 50 == 0, true, i % 50, 12 + i * 5, 1 + i % 3);
		send_au(i, -1);
		assert_int_equal(frames, i + 1);
		assert_int_equal(got.key, i % 50 == 0);
		assert_int_equal(got.data.n, nau);
		assert_memory_equal(got_data, au, nau);
	}
	assert_int_equal(depay_stats(d)->undecodable, 0);
}

static void h264_uses_all_packet_kinds(void **state)
{
	(void)state;
	make_au(true, true, 0, 20, 2);
	send_au(1, -1);
	assert_int_equal(nsent, 1);
	assert_int_equal(sent[0].d[0], 0x60 | 24);
	make_au(false, true, 1, 20, 1);
	send_au(2, -1);
	assert_int_equal(sent[0].d[0], 0x61);
	make_au(false, true, 2, 500, 1);
	send_au(3, -1);
	assert_int_equal(sent[0].d[0] & 31, 28);
	assert_int_equal(frames, 3);
}

static void h264_any_lost_packet_stops_the_chain(void **state)
{
	uint32_t ts = 0;
	unsigned n;

	(void)state;
	make_au(false, true, 1, 300, 2);
	send_au(ts++, -1);
	n = nsent;
	for (unsigned lost = 0; lost < n; lost++) {
		make_au(true, true, 0, 200, 1);
		send_au(ts++, -1);
		frames = 0;
		make_au(false, true, 1, 300, 2);
		send_au(ts++, (int)lost);
		make_au(false, true, 2, 300, 2);
		send_au(ts++, -1);
		assert_int_equal(frames, 0);
		assert_true(depay_needs_key(d));
	}
}

static void h264_frames_lost_whole(void **state)
{
	(void)state;
	make_au(true, true, 0, 50, 1);
	send_au(1, -1);
	depay_gap(d, 1); /* a picture that nobody refers to */
	make_au(false, true, 1, 50, 1);
	send_au(3, -1);
	assert_int_equal(frames, 2);
	make_au(false, true, 3, 50, 1); /* frame_num 2 is missing, no packet is */
	send_au(4, -1);
	assert_int_equal(frames, 2);
	assert_true(depay_needs_key(d));
	make_au(true, true, 0, 50, 1);
	send_au(5, -1);
	depay_gap(d, 16); /* frame_num may have gone round */
	make_au(false, true, 1, 50, 1);
	send_au(6, -1);
	assert_int_equal(frames, 3);
}

static void h264_parameter_sets(void **state)
{
	(void)state;
	make_au(true, true, 0, 50, 1);
	memmove(au, au + 22, nau -= 22); /* IDR alone */
	send_au(1, -1);
	assert_int_equal(frames, 0);
	/* out of band */
	assert_int_equal(depay_prime(d, (struct ar_span){(const char *)sps, sizeof(sps)}), 0);
	assert_int_equal(depay_prime(d, (struct ar_span){(const char *)pps, sizeof(pps)}), 0);
	assert_int_equal(depay_prime(d, AR_SPAN("\x65x")), -EINVAL);
	send_au(2, -1);
	assert_int_equal(frames, 1);
	assert_int_equal(got.data.n, nau + 22); /* handed to the decoder too */
	assert_memory_equal(got_data + 4, sps, sizeof(sps));
	/* in a packet of their own, marker set, other timestamp */
	make_au(true, true, 0, 50, 1);
	nau = 22;
	send_au(3, -1);
	assert_int_equal(frames, 1);
	make_au(true, true, 0, 50, 1);
	memmove(au, au + 22, nau -= 22);
	send_au(4, -1);
	assert_int_equal(frames, 2);
	assert_int_equal(got.data.n, nau + 22);
	/* in band, and lost: the IDR is of no use */
	depay_gap(d, 1);
	send_au(5, -1);
	assert_int_equal(frames, 2);
	assert_true(depay_needs_key(d));
}

static void h264_without_markers(void **state)
{
	size_t mtu = MTU;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		make_au(i == 0, true, i, 300, 1);
		nsent = 0;
		assert_int_equal(
			pay_h264((struct ar_span){(char *)au, nau}, MTU, collect, &mtu), 0);
		for (unsigned k = 0; k < nsent; k++) {
			sent[k].last = false;
			push(k, i);
		}
	}
	assert_int_equal(frames, 9); /* the tenth waits for its end */
}

static void h264_malformed(void **state)
{
	static const struct ar_span bad[] = {{"\x78", 1}, {"\x78\0\5x", 4}, {"\x78\0", 2},
		{"\x7c\x85", 2}, {"\x7c\xc5xx", 4}, {"\x7c\x05xx", 4}, {"\x79xxx", 4}, {"\x60x", 2},
		{"\xe5x", 2}, {"\x65", 1}, {"\x78\0\0\0\0", 5}, {"\x61\0\0\0\0", 5}};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rtp_packet p = {.ts = i, .marker = true, .payload = bad[i]};

		assert_int_equal(depay_push(d, &p), 0);
	}
	assert_int_equal(frames, 0);
	make_au(true, true, 0, 50, 1);
	send_au(99, -1);
	assert_int_equal(frames, 1);
}

static int refuse(void *user, struct ar_span payload, bool last)
{
	(void)user;
	(void)payload;
	(void)last;
	return -ENOBUFS;
}

static void pay_refuses(void **state)
{
	struct ar_span f = AR_SPAN("\0\0\1abc");

	(void)state;
	assert_int_equal(pay_vp8(AR_SPAN_NONE, 1, false, MTU, refuse, NULL), -EINVAL);
	assert_int_equal(pay_vp8(f, 1, false, PAY_MAX_MTU + 1, refuse, NULL), -EINVAL);
	assert_int_equal(pay_vp8(f, 1, false, MTU, refuse, NULL), -ENOBUFS);
	assert_int_equal(pay_h264(AR_SPAN("abcdef"), MTU, refuse, NULL), -EINVAL);
	assert_int_equal(pay_h264(AR_SPAN("\0\0\1"), MTU, refuse, NULL), -EINVAL);
	assert_int_equal(pay_h264(f, 10, refuse, NULL), -EINVAL);
	assert_int_equal(pay_h264(f, MTU, refuse, NULL), -ENOBUFS);
}

int main(void)
{
#define V(f) cmocka_unit_test_setup_teardown(f, start_vp8, stop)
#define H(f) cmocka_unit_test_setup_teardown(f, start_h264, stop)
	const struct CMUnitTest tests[] = {
		V(vp8_there_and_back),
		V(vp8_nothing_before_a_key_frame),
		V(vp8_any_lost_packet_stops_the_chain),
		V(vp8_a_frame_lost_whole_is_seen_by_its_id),
		V(vp8_a_lost_frame_that_nobody_refers_to),
		V(vp8_without_picture_ids),
		V(vp8_malformed),
		V(vp8_too_long_frames_are_dropped),
		H(h264_there_and_back),
		H(h264_uses_all_packet_kinds),
		H(h264_any_lost_packet_stops_the_chain),
		H(h264_frames_lost_whole),
		H(h264_parameter_sets),
		H(h264_without_markers),
		H(h264_malformed),
		cmocka_unit_test(pay_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
