/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x264 under our own rate control: what a line must carry when the picture or the rate changes. */
#include "clip.h"

#include "../common/cmocka_all.h"
#include "mediad/armf/codec/h264_rate.h"

#include <math.h>
#include <stdlib.h>

#define W 640
#define H 360
#define BPS 600000
#define FRAME_BYTES (BPS / 8 / 30)

/* Hard to code: blocks of noise that move by themselves, blurred so that they can be coded at all.
 */
static void draw_hard(struct codec_picture *p, unsigned scene, unsigned n)
{
	for (unsigned y = 0; y < H; y++) {
		for (unsigned x = 0; x < W; x++) {
			unsigned sx = x + n * (1 + y / 40 % 3), sy = y + n * (x / 64 % 2);
			unsigned h = (sx / 4 + scene * 977) * 2654435761u ^ (sy / 4) * 2246822519u;

			p->plane[0][y * (unsigned)p->stride[0] + x] =
				(uint8_t)(60 + (h >> 13) % 90 + (x + scene * 40) / 8 % 64);
		}
	}
}

static size_t encode(struct clip *c, bool key)
{
	struct codec_out o;

	c->ts += 3000;
	return codec_enc_frame(c->enc, &c->pic, c->ts, key, &o) == 0 ? o.data.n : 0;
}

static void begin(struct clip *c, uint32_t bps)
{
	clip_open_with(c, DEPAY_H264, CODEC_X264, W, H, bps);
	clip_draw(&c->pic, 0);
}

/* A key frame takes a third of a second of the line at first sight, and no more than that much and
 * half again later, whatever the rate. */
static void test_key_frames_fit(void **state)
{
	static const uint32_t rates[] = {200000, BPS, 3000000};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct clip c;

		begin(&c, rates[i]);
		for (unsigned k = 0; k < 3; k++) {
			size_t n;

			draw_hard(&c.pic, k, 0);
			n = encode(&c, true);
			assert_true(n > 0);
			if (n > rates[i] / 8 * (k ? 45 : 100) / 100)
				fail_msg("%u bit/s, key frame %u: %zu", rates[i], k, n);
			for (unsigned f = 1; f < 60; f++) {
				draw_hard(&c.pic, k, f);
				encode(&c, false);
			}
		}
		clip_close(&c);
	}
}

/* What stood still, and has become good, moves all at once; then another scene. */
static void test_sudden_motion(void **state)
{
	struct clip c;
	size_t most = 0, sum = 0;

	(void)state;
	begin(&c, BPS);
	draw_hard(&c.pic, 0, 0);
	encode(&c, false);
	for (unsigned n = 0; n < 90; n++)
		most = encode(&c, false);
	assert_true(most < FRAME_BYTES / 10); /* nothing is left to say */
	most = 0;
	for (unsigned n = 1; n < 60; n++) {
		size_t size;

		draw_hard(&c.pic, n / 30, n);
		size = encode(&c, false);
		sum += size;
		most = size > most ? size : most;
	}
	if (most > 12 * FRAME_BYTES)
		fail_msg("a frame of %zu bytes", most);
	/* two seconds, and what a line that was idle may be given at once */
	if (sum > 60 * FRAME_BYTES * 13 / 10)
		fail_msg("%zu bytes in two seconds", sum);
	clip_close(&c);
}

/* The line gets narrow: the very next second fits it. */
static void test_rate_drops(void **state)
{
	struct clip c;
	size_t sum = 0;
	unsigned out = 0, pause = 0, longest = 0;

	(void)state;
	begin(&c, 3000000);
	for (unsigned n = 0; n < 90; n++) {
		draw_hard(&c.pic, 0, n);
		encode(&c, n == 0);
	}
	assert_int_equal(codec_enc_set_rate(c.enc, BPS), 0);
	for (unsigned n = 90; n < 150; n++) {
		size_t size;

		draw_hard(&c.pic, 0, n);
		size = encode(&c, false);
		sum += n < 120 ? size : 0;
		out += size > 0;
		pause = size ? 0 : pause + 1;
		longest = pause > longest ? pause : longest;
	}
	if (sum > 30 * FRAME_BYTES * 13 / 10 || out < 30 || longest > 10)
		fail_msg("%zu bytes in a second, %u frames of 60, %u together missing", sum, out,
			longest);
	clip_close(&c);
}

/* And wide: within two seconds most of it is used, for a picture that needs it. */
static void test_rate_rises(void **state)
{
	struct clip c;
	size_t sum = 0;

	(void)state;
	begin(&c, 400000);
	for (unsigned n = 0; n < 180; n++) {
		size_t size;

		if (n == 90)
			assert_int_equal(codec_enc_set_rate(c.enc, 2000000), 0);
		draw_hard(&c.pic, 0, n);
		size = encode(&c, false);
		sum += n >= 120 ? size : 0;
	}
	if (sum < 500000 * 8 / 10 || sum > 500000 * 12 / 10)
		fail_msg("%zu bytes in two seconds", sum);
	clip_close(&c);
}

/* A picture that stands still is made better with every frame, up to very good. */
static void test_still_gets_good(void **state)
{
	struct codec_picture p;
	struct codec_dec *d;
	struct codec_out o;
	struct clip c;

	(void)state;
	begin(&c, BPS);
	draw_hard(&c.pic, 0, 0);
	assert_int_equal(codec_dec_new(&d, DEPAY_H264), 0);
	for (unsigned n = 0; n < 90; n++) {
		c.ts += 3000;
		if (codec_enc_frame(c.enc, &c.pic, c.ts, false, &o) == 0)
			assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
	}
	if (clip_psnr(&p, &c.pic) < 42)
		fail_msg("%.1f dB", clip_psnr(&p, &c.pic));
	codec_dec_free(d);
	clip_close(&c);
}

/* The quantizer of the next frame, which takes so many bytes where that is 30. */
static int quantizer(struct h264_rate *r, struct clip *c, bool key, unsigned bytes)
{
	int qp;

	assert_int_equal(h264_rate_begin(r, &c->pic, c->ts, key, &qp), 0);
	assert_in_range(qp, H264_RATE_QP_MIN, H264_RATE_QP_MAX);
	h264_rate_end(r, &c->pic, (size_t)(bytes * exp2((30 - qp) / 6.0)));
	c->ts += 3000;
	return qp;
}

/* What moves is coded coarser and finer in turns, coarser behind a key frame; what stands still
 * never becomes worse from one frame to the next. */
static void test_turns(void **state)
{
	const struct codec_enc_conf conf = {.width = W, .height = H, .fps = 30, .bps = BPS};
	struct h264_rate r;
	struct clip c;
	int qp, last, coarser = 0;

	(void)state;
	begin(&c, BPS);
	assert_int_equal(h264_rate_init(&r, &conf), 0);
	for (unsigned n = 0; n < 61; n++) {
		bool key = n == 0 || n == 30;

		draw_hard(&c.pic, 0, n);
		qp = quantizer(&r, &c, key, FRAME_BYTES);
		if (!key && n % 30 > 9)
			coarser += n % 2 ? qp : -qp;
	}
	/* 20 of each kind; the mean of both drifts a little */
	if (coarser < 20 * 3 || coarser > 20 * 5)
		fail_msg("%d", coarser);
	last = quantizer(&r, &c, false, FRAME_BYTES / 20);
	for (unsigned n = 0; n < 60; n++, last = qp) {
		qp = quantizer(&r, &c, false, FRAME_BYTES / 20);
		if (qp > last)
			fail_msg("still, frame %u: %d, before it %d", n, qp, last);
	}
	h264_rate_fini(&r);
	clip_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_frames_fit),
		cmocka_unit_test(test_sudden_motion),
		cmocka_unit_test(test_rate_drops),
		cmocka_unit_test(test_rate_rises),
		cmocka_unit_test(test_still_gets_good),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
