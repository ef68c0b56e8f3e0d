/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The codecs by themselves: quality, rates, sizes, and bytes that want to do harm. */
#include "clip.h"

#include "../common/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct encoder {
	enum depay_codec codec;
	enum codec_h264 h264;
} all[] = {{DEPAY_VP8, CODEC_X264}, {DEPAY_H264, CODEC_X264}, {DEPAY_H264, CODEC_OPENH264}};
#define NALL (sizeof(all) / sizeof(all[0]))

static const char *name_of(const struct encoder *e)
{
	return e->codec == DEPAY_H264 ? codec_h264_name(e->h264) : codec_name(e->codec);
}

static void open_clip(struct clip *c, const struct encoder *e, unsigned w, unsigned h, uint32_t bps)
{
	clip_open_with(c, e->codec, e->h264, w, h, bps);
}

static struct codec_dec *decoder(enum depay_codec c)
{
	struct codec_dec *d;

	assert_int_equal(codec_dec_new(&d, c), 0);
	assert_true(codec_dec_needs_key(d));
	return d;
}

/* ---- quality ---- */

static void round_trip(const struct encoder *e, unsigned w, unsigned h, uint32_t bps, double want)
{
	struct codec_dec *d = decoder(e->codec);
	struct codec_picture p;
	struct codec_out o;
	struct clip c;
	double sum = 0;
	unsigned n = 0;

	open_clip(&c, e, w, h, bps);
	for (unsigned i = 0; i < 40; i++) {
		if (!clip_next(&c, false, &o))
			continue;
		assert_int_equal(o.key, n == 0);
		assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
		assert_int_equal(p.width, w);
		assert_int_equal(p.height, h);
		sum += clip_psnr(&p, &c.pic);
		n++;
	}
	assert_true(n >= 30);
	if (sum / n < want)
		fail_msg("%s %ux%u: %.1f dB", name_of(e), w, h, sum / n);
	clip_close(&c);
	codec_dec_free(d);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		round_trip(&all[i], 320, 240, 800000, 33);
		round_trip(&all[i], 240, 426, 800000, 32); /* upright, not a multiple of 16 */
		round_trip(&all[i], 16, 16, 300000, 28);
	}
}

static void test_largest(void **state)
{
	struct codec_picture p;
	struct codec_out o;
	struct clip c;

	(void)state;
	for (unsigned i = 0; i < 2 * NALL; i++) {
		struct codec_dec *d = decoder(all[i / 2].codec);
		unsigned w = i % 2 ? 1088 : 1920, h = i % 2 ? 1920 : 1088;

		open_clip(&c, &all[i / 2], w, h, 4000000);
		assert_true(clip_next(&c, false, &o));
		assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
		assert_true(clip_psnr(&p, &c.pic) > 25);
		clip_close(&c);
		codec_dec_free(d);
	}
}

static void test_refused_sizes(void **state)
{
	static const unsigned bad[][2] = {{0, 0}, {15, 16}, {17, 16}, {16, 14}, {1922, 1080},
		{1920, 1090}, {1090, 1100}, {65536, 65536}};
	struct codec_picture p = {0};
	struct codec_enc *e;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct codec_enc_conf c = {
			.width = bad[i][0], .height = bad[i][1], .fps = 30, .bps = 500000};

		assert_int_equal(codec_enc_new(&e, &c), -EINVAL);
		assert_int_equal(codec_picture_new(&p, bad[i][0], bad[i][1]), -EINVAL);
	}
}

/* The types of the NAL units in a frame. */
static unsigned nal_types(struct ar_span f, uint8_t *type, unsigned max)
{
	const uint8_t *p = (const uint8_t *)f.p;
	unsigned n = 0;

	for (size_t i = 0; i + 3 < f.n && n < max; i++) {
		if (!p[i] && !p[i + 1] && p[i + 2] == 1)
			type[n++] = p[i + 3] & 31;
	}
	return n;
}

/* H.264 has SPS, PPS and the picture in each key frame, nothing else, and the profile that 42e01f
 * promises; no level above the one that the size needs. */
static void h264_profile(const struct encoder *e)
{
	uint8_t type[8];
	struct codec_out o;
	struct clip c;
	unsigned keys = 0;

	open_clip(&c, e, 640, 360, 500000);
	for (unsigned i = 0; i < 20; i++) {
		const uint8_t *p;
		unsigned n;

		if (!clip_next(&c, i % 10 == 0, &o))
			continue;
		p = (const uint8_t *)o.data.p;
		assert_memory_equal(p, "\0\0\0\1", 4);
		n = nal_types(o.data, type, 8);
		assert_int_equal(n, o.key ? 3 : 1);
		assert_int_equal(type[n - 1], o.key ? 5 : 1);
		if (!o.key)
			continue;
		keys++;
		assert_int_equal(type[0], 7);
		assert_int_equal(type[1], 8);
		assert_int_equal(p[5], 66);
		assert_true(p[6] & 0x40); /* constraint_set1_flag */
		assert_true(p[7] <= 31); /* level */
	}
	assert_int_equal(keys, 2);
	clip_close(&c);
}

static void test_h264_profile(void **state)
{
	(void)state;
	h264_profile(&all[1]);
	h264_profile(&all[2]);
}

static void test_h264_names(void **state)
{
	struct codec_enc_conf bad = {.codec = DEPAY_H264,
		.width = 320,
		.height = 240,
		.fps = 30,
		.bps = 500000,
		.h264 = CODEC_H264_ENCODERS};
	enum codec_h264 h;
	struct codec_enc *e;

	(void)state;
	for (unsigned i = 0; i < CODEC_H264_ENCODERS; i++) {
		assert_int_equal(codec_h264_parse(codec_h264_name((enum codec_h264)i), &h), 0);
		assert_int_equal(h, i);
	}
	assert_int_equal(codec_h264_parse("", &h), -EINVAL);
	assert_int_equal(codec_h264_parse("x26", &h), -EINVAL);
	assert_string_equal(codec_h264_name(CODEC_H264_ENCODERS), "?");
	assert_int_equal(codec_enc_new(&e, &bad), -EINVAL);
}

/* ---- control ---- */

static void test_key_on_request(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_out o;
		struct clip c;
		unsigned keys = 0;

		open_clip(&c, &all[i], 320, 240, 500000);
		for (unsigned n = 0; n < 60; n++) {
			if (clip_next(&c, n == 20 || n == 40, &o))
				keys += o.key;
		}
		assert_int_equal(keys, 3);
		clip_close(&c);
	}
}

static size_t bytes_of(struct clip *c, unsigned frames)
{
	struct codec_out o;
	size_t n = 0;

	for (unsigned i = 0; i < frames; i++) {
		if (clip_next(c, false, &o))
			n += o.data.n;
	}
	return n;
}

static void test_rate_follows(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct clip c;
		size_t high, low, again;

		open_clip(&c, &all[i], 640, 360, 1500000);
		bytes_of(&c, 60);
		high = bytes_of(&c, 60);
		assert_int_equal(codec_enc_set_rate(c.enc, 300000), 0);
		bytes_of(&c, 60);
		low = bytes_of(&c, 60);
		assert_int_equal(codec_enc_set_rate(c.enc, 1500000), 0);
		bytes_of(&c, 60);
		again = bytes_of(&c, 60);
		/* two seconds: 75 kB, and the others above (openh264 needs no more for this) */
		if (low > 75000 * 13 / 10 || low < 75000 / 3 || high < low * 5 / 4 ||
			again < low * 5 / 4)
			fail_msg("%s: %zu, %zu, %zu", name_of(&all[i]), high, low, again);
		clip_close(&c);
	}
}

/* A camera that gives 10 pictures a second, not 30, gets its bits all the same. */
static void test_rate_at_low_fps(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_out o;
		struct clip c;
		size_t bytes = 0;

		open_clip(&c, &all[i], 640, 360, 100000);
		for (unsigned n = 0; n < 180; n++) {
			c.ts += 6000; /* and 3000 more in clip_next() */
			if (clip_next(&c, false, &o) && n >= 80)
				bytes += o.data.n;
		}
		/* ten seconds of 12.5 kB */
		if (bytes < 125000 * 7 / 10 || bytes > 125000 * 13 / 10)
			fail_msg("%s: %zu bytes", name_of(&all[i]), bytes);
		clip_close(&c);
	}
}

/* Time stamps that repeat, go back, jump or wrap must not stop an encoder. */
static void test_time_stamps(void **state)
{
	static const uint32_t ts[] = {0xfffffff0, 0xbb0, 0xbb0, 0xbb1, 5, 0x80000000, 0x80000bb8,
		0x10000000, 0x10000bb8, 0x10001770};

	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_dec *d = decoder(all[i].codec);
		struct codec_picture p;
		struct codec_out o;
		struct clip c;
		unsigned out = 0;

		open_clip(&c, &all[i], 160, 120, 1000000);
		for (unsigned n = 0; n < sizeof(ts) / sizeof(ts[0]); n++) {
			clip_draw(&c.pic, n);
			if (codec_enc_frame(c.enc, &c.pic, ts[n], false, &o) != 0)
				continue;
			assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
			out++;
		}
		assert_true(out >= 7);
		clip_close(&c);
		codec_dec_free(d);
	}
}

static void test_size_changes_in_stream(void **state)
{
	static const unsigned size[][2] = {{320, 240}, {640, 360}, {160, 90}, {360, 640}};

	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_dec *d = decoder(all[i].codec);
		struct codec_picture p;
		struct codec_out o;
		struct clip c;

		for (unsigned k = 0; k < 4; k++) {
			open_clip(&c, &all[i], size[k][0], size[k][1], 1000000);
			for (unsigned n = 0; n < 5; n++) {
				if (!clip_next(&c, false, &o))
					continue;
				assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
				assert_int_equal(p.width, size[k][0]);
				assert_true(clip_psnr(&p, &c.pic) > 25);
			}
			clip_close(&c);
		}
		codec_dec_free(d);
	}
}

/* ---- nothing broken is shown ---- */

static void test_starts_with_a_key_frame(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_dec *d = decoder(all[i].codec);
		struct codec_picture p;
		struct codec_out o;
		struct clip c;

		open_clip(&c, &all[i], 320, 240, 1000000);
		clip_next(&c, false, &o);
		for (unsigned n = 0; n < 5; n++) {
			if (clip_next(&c, false, &o))
				assert_true(codec_dec_frame(d, o.data, &p) < 0);
		}
		assert_true(codec_dec_needs_key(d));
		while (!clip_next(&c, true, &o))
			;
		assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
		assert_false(codec_dec_needs_key(d));
		clip_close(&c);
		codec_dec_free(d);
	}
}

static void test_cut_short(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_dec *d = decoder(all[i].codec);
		struct codec_picture p;
		struct codec_out o;
		struct clip c;

		open_clip(&c, &all[i], 320, 240, 1000000);
		assert_true(clip_next(&c, false, &o));
		assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
		assert_int_equal(codec_dec_frame(d, (struct ar_span){"", 0}, &p), -EBADMSG);
		assert_true(codec_dec_needs_key(d));
		while (!clip_next(&c, true, &o))
			;
		o.data.n /= 2;
		assert_true(codec_dec_frame(d, o.data, &p) < 0);
		while (!clip_next(&c, true, &o))
			;
		assert_int_equal(codec_dec_frame(d, o.data, &p), 0);
		assert_true(clip_psnr(&p, &c.pic) > 25);
		clip_close(&c);
		codec_dec_free(d);
	}
}

/* A VP8 key frame of 16383x16383 in ten bytes. */
static void test_giant(void **state)
{
	static const char giant[] = "\x10\x02\0\x9d\x01\x2a\xff\x3f\xff\x3f garbage";
	struct codec_dec *d = decoder(DEPAY_VP8);
	struct codec_picture p;

	(void)state;
	assert_int_equal(codec_dec_frame(d, (struct ar_span){giant, sizeof(giant)}, &p), -EFBIG);
	assert_true(codec_dec_needs_key(d));
	codec_dec_free(d);
}

/* Real frames with some bytes changed: any result, but no crash and no size out of bounds. */
static void test_mutated(void **state)
{
	static char copy[DEPAY_MAX_FRAME];

	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		struct codec_dec *d = decoder(all[i].codec);
		struct codec_picture p;
		struct codec_out o;
		struct clip c;
		unsigned good = 0;

		srand(4711);

		open_clip(&c, &all[i], 176, 144, 400000);
		for (unsigned n = 0; n < 600; n++) {
			unsigned changes = (unsigned)rand() % 4;

			if (!clip_next(&c, codec_dec_needs_key(d), &o))
				continue;
			memcpy(copy, o.data.p, o.data.n);
			for (unsigned k = 0; k < changes; k++)
				copy[(size_t)rand() % (k ? o.data.n : 24)] ^=
					(char)(1 << rand() % 8);
			if (codec_dec_frame(d, (struct ar_span){copy, o.data.n}, &p) != 0)
				continue;
			assert_true(codec_size_ok(p.width, p.height));
			good++;
		}
		assert_true(good > 10); /* openh264 leaves many out */
		clip_close(&c);
		codec_dec_free(d);
	}
}

/* ---- what has not changed ---- */

static unsigned sum(const uint8_t *changed, unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		k += changed[i];
	return k;
}

static void test_update_tells_what_differs(void **state)
{
	static const unsigned size[][2] = {{320, 240}, {250, 426}, {16, 16}, {34, 18}};
	uint8_t changed[32 * 32];

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		unsigned w = size[k][0], h = size[k][1], bw = codec_blocks(w);
		struct codec_picture a, b;

		assert_int_equal(codec_picture_new(&a, w, h), 0);
		assert_int_equal(codec_picture_new(&b, w, h), 0);
		clip_draw(&a, 0);
		codec_picture_copy(&b, &a);
		memset(changed, 0, sizeof(changed));
		codec_picture_update(&b, &a, changed);
		assert_int_equal(sum(changed, sizeof(changed)), 0);
		/* the last pixel of each plane, and the first: none is overlooked */
		a.plane[0][(h - 1) * (unsigned)a.stride[0] + w - 1] ^= 1;
		codec_picture_update(&b, &a, changed);
		assert_int_equal(sum(changed, sizeof(changed)), 1);
		assert_int_equal(changed[bw * codec_blocks(h) - 1], 1);
		a.plane[1][0] ^= 1;
		codec_picture_update(&b, &a, changed);
		assert_int_equal(changed[0], 1);
		a.plane[2][(h / 2 - 1) * (unsigned)a.stride[2]] ^= 1;
		codec_picture_update(&b, &a, changed);
		assert_int_equal(changed[bw * (codec_blocks(h) - 1)], 1);
		assert_true(clip_psnr(&a, &b) > 98);
		for (unsigned n = 1; n < 20; n++) {
			clip_draw(&a, n);
			codec_picture_update(&b, &a, changed);
			assert_true(clip_psnr(&a, &b) > 98);
		}
		codec_picture_free(&a);
		codec_picture_free(&b);
	}
}

static void test_mark(void **state)
{
	struct codec_picture p = {.width = 64, .height = 40};
	uint8_t c[4 * 3];

	(void)state;
	memset(c, 0, sizeof(c));
	codec_blocks_mark(c, &p, 20, 10, 0, 0);
	assert_int_equal(sum(c, 12), 0);
	codec_blocks_mark(c, &p, 15, 15, 2, 2);
	assert_int_equal(sum(c, 12), 4);
	codec_blocks_mark(c, &p, 48, 32, 1000, 1000);
	assert_int_equal(sum(c, 12), 5);
	assert_int_equal(c[11], 1);
	codec_blocks_mark(c, &p, -1000, -1000, 500, 500);
	codec_blocks_mark(c, &p, 1000, 1000, 5, 5);
	assert_int_equal(sum(c, 12), 5);
	codec_blocks_mark(c, &p, -10, -10, 2000, 2000);
	assert_int_equal(sum(c, 12), 12);
}

/* A picture of which a part moves, its encoder told what does. At a rate that makes rate control
 * leave frames out: what they changed must come all the same. */
static void encode_told(const struct encoder *who, uint32_t bps, double want)
{
	struct codec_enc_conf conf = {.codec = who->codec,
		.width = 320,
		.height = 240,
		.fps = 30,
		.bps = bps,
		.h264 = who->h264};
	struct codec_dec *d = decoder(who->codec);
	struct codec_picture a, b, shown = {0};
	uint8_t changed[20 * 15] = {0};
	struct codec_enc *e;
	struct codec_out o;

	assert_int_equal(codec_enc_new(&e, &conf), 0);
	assert_int_equal(codec_picture_new(&a, 320, 240), 0);
	assert_int_equal(codec_picture_new(&b, 320, 240), 0);
	memset(b.plane[0], 99, 240 * (size_t)b.stride[0]);
	for (unsigned i = 0; i < 120; i++) {
		clip_draw(&a, i < 60 ? i : 60); /* at last all of it is at rest */
		for (unsigned y = 100; y < 240; y++)
			memset(a.plane[0] + y * (unsigned)a.stride[0], (int)(y / 16 * 16), 320);
		memset(changed, 0, sizeof(changed));
		codec_picture_update(&b, &a, changed);
		assert_int_equal(changed[20 * 14], i == 0);
		b.changed = changed;
		if (codec_enc_frame(e, &b, 3000 * i, i == 40, &o) == 0)
			assert_int_equal(codec_dec_frame(d, o.data, &shown), 0);
		assert_true(i < 40 || shown.width == 320);
	}
	if (clip_psnr(&shown, &a) < want)
		fail_msg("%s, %u bit/s: %.1f dB", name_of(who), bps, clip_psnr(&shown, &a));
	codec_picture_free(&a);
	codec_picture_free(&b);
	codec_enc_free(e);
	codec_dec_free(d);
}

static void test_unchanged_blocks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NALL; i++) {
		encode_told(&all[i], 800000, 34);
		encode_told(&all[i], 60000, 25);
	}
}

static void test_scaling_copy(void **state)
{
	struct codec_picture a, b, c;

	(void)state;
	assert_int_equal(codec_picture_new(&a, 320, 240), 0);
	assert_int_equal(codec_picture_new(&b, 320, 240), 0);
	assert_int_equal(codec_picture_new(&c, 160, 120), 0);
	clip_draw(&a, 3);
	codec_picture_copy(&b, &a);
	assert_true(clip_psnr(&a, &b) == 99);
	codec_picture_copy(&c, &a);
	codec_picture_copy(&b, &c);
	assert_true(clip_psnr(&a, &b) > 20);
	codec_picture_free(&a);
	codec_picture_free(&b);
	codec_picture_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_refused_sizes),
		cmocka_unit_test(test_h264_profile),
		cmocka_unit_test(test_h264_names),
		cmocka_unit_test(test_key_on_request),
		cmocka_unit_test(test_rate_follows),
		cmocka_unit_test(test_rate_at_low_fps),
		cmocka_unit_test(test_time_stamps),
		cmocka_unit_test(test_size_changes_in_stream),
		cmocka_unit_test(test_starts_with_a_key_frame),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_giant),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_update_tells_what_differs),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_unchanged_blocks),
		cmocka_unit_test(test_scaling_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
