/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clip.h"

#include "../common/cmocka_all.h"

#include <errno.h>
#include <math.h>

static uint8_t texture(unsigned x, unsigned y)
{
	unsigned h = (x / 8) * 2654435761u ^ (y / 8) * 2246822519u;

	return (uint8_t)(90 + (h >> 13) % 64 + (x + y) / 4 % 32);
}

void clip_draw(struct codec_picture *p, unsigned n)
{
	int cx = (int)(p->width / 2 + p->width / 4 * cos(n * 0.1));
	int cy = (int)(p->height / 2 + p->height / 4 * sin(n * 0.1));
	int r = (int)p->height / 8;

	for (unsigned y = 0; y < p->height; y++) {
		for (unsigned x = 0; x < p->width; x++) {
			int dx = (int)x - cx, dy = (int)y - cy;
			bool disc = dx * dx + dy * dy < r * r;

			p->plane[0][y * (unsigned)p->stride[0] + x] =
				disc ? 210 : texture(x + n * 2, y);
		}
	}
	for (unsigned y = 0; y < p->height / 2; y++) {
		memset(p->plane[1] + y * (unsigned)p->stride[1], (int)(110 + y * 20 / p->height),
			p->width / 2);
		memset(p->plane[2] + y * (unsigned)p->stride[2], 120, p->width / 2);
	}
}

static double error_of(const struct codec_picture *a, const struct codec_picture *b, int i)
{
	unsigned w = i ? a->width / 2 : a->width, h = i ? a->height / 2 : a->height;
	double sum = 0;

	for (unsigned y = 0; y < h; y++) {
		for (unsigned x = 0; x < w; x++) {
			int d = a->plane[i][y * (unsigned)a->stride[i] + x] -
				b->plane[i][y * (unsigned)b->stride[i] + x];

			sum += d * d;
		}
	}
	return sum;
}

double clip_psnr(const struct codec_picture *a, const struct codec_picture *b)
{
	double e = 0;

	assert_int_equal(a->width, b->width);
	assert_int_equal(a->height, b->height);
	for (int i = 0; i < 3; i++)
		e += error_of(a, b, i);
	e /= a->width * a->height * 1.5;
	return e > 0 ? 10 * log10(255 * 255 / e) : 99;
}

bool clip_magenta(const struct codec_picture *p, int *x0, int *y0, int *x1, int *y1)
{
	*x0 = *y0 = 1 << 20;
	*x1 = *y1 = -1;
	for (int y = 0; y < (int)p->height / 2; y++) {
		for (int x = 0; x < (int)p->width / 2; x++) {
			if (p->plane[1][y * p->stride[1] + x] < 150 ||
				p->plane[2][y * p->stride[2] + x] < 150)
				continue;
			*x0 = 2 * x < *x0 ? 2 * x : *x0;
			*x1 = 2 * x + 1 > *x1 ? 2 * x + 1 : *x1;
			*y0 = 2 * y < *y0 ? 2 * y : *y0;
			*y1 = 2 * y + 1 > *y1 ? 2 * y + 1 : *y1;
		}
	}
	return *x1 >= 0;
}

void clip_open(struct clip *c, enum depay_codec codec, unsigned w, unsigned h, uint32_t bps)
{
	clip_open_with(c, codec, CODEC_X264, w, h, bps);
}

void clip_open_with(struct clip *c, enum depay_codec codec, enum codec_h264 h264, unsigned w,
	unsigned h, uint32_t bps)
{
	struct codec_enc_conf conf = {
		.codec = codec, .width = w, .height = h, .fps = 30, .bps = bps, .h264 = h264};

	*c = (struct clip){.ts = 90000};
	assert_int_equal(codec_picture_new(&c->pic, w, h), 0);
	assert_int_equal(codec_enc_new(&c->enc, &conf), 0);
}

void clip_close(struct clip *c)
{
	codec_enc_free(c->enc);
	codec_picture_free(&c->pic);
}

bool clip_next(struct clip *c, bool key, struct codec_out *out)
{
	int err;

	clip_draw(&c->pic, c->n++);
	c->ts += 3000;
	err = codec_enc_frame(c->enc, &c->pic, c->ts, key, out);
	assert_true(err == 0 || err == -EAGAIN);
	return err == 0;
}
