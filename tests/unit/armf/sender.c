/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender.h"

#include "../common/cmocka_all.h"

#include <string.h>

const struct sender_conf sender_kinds[] = {
	{.name = "a call's", .width = 320, .height = 192, .kbps = 300, .cpu = -8, .max_q = 56},
	{.name = "good", .width = 320, .height = 192, .kbps = 600, .cpu = 0, .max_q = 63},
	{.name = "best", .width = 176, .height = 144, .kbps = 900, .cpu = 3, .max_q = 20},
	{.name = "resilient",
		.width = 320,
		.height = 192,
		.kbps = 250,
		.cpu = -6,
		.resilient = 1,
		.max_q = 63},
	{.name = "partitions",
		.width = 256,
		.height = 176,
		.kbps = 300,
		.cpu = -4,
		.resilient = 3,
		.partitions = 3,
		.max_q = 63},
	{.name = "layers",
		.width = 320,
		.height = 192,
		.kbps = 300,
		.cpu = -8,
		.layers = true,
		.partitions = 1,
		.max_q = 56},
	{.name = "segments",
		.width = 320,
		.height = 192,
		.kbps = 300,
		.cpu = -5,
		.segments = true,
		.max_q = 56},
	{.name = "golden and altref",
		.width = 256,
		.height = 144,
		.kbps = 300,
		.cpu = 1,
		.golden = true,
		.altref = true,
		.max_q = 63},
	{.name = "odd size", .width = 234, .height = 166, .kbps = 200, .cpu = -4, .max_q = 63},
	{.name = "upright", .width = 144, .height = 306, .kbps = 200, .cpu = -6, .max_q = 63},
	{.name = "coarse",
		.width = 320,
		.height = 192,
		.kbps = 40,
		.cpu = -8,
		.min_q = 50,
		.max_q = 63,
		.sharpness = 3},
	{.name = "fine",
		.width = 160,
		.height = 128,
		.kbps = 4000,
		.cpu = -4,
		.max_q = 4,
		.sharpness = 7},
	{.name = "noise",
		.width = 160,
		.height = 128,
		.kbps = 500,
		.cpu = -4,
		.noise = true,
		.max_q = 50},
	{.name = "key frames",
		.width = 240,
		.height = 160,
		.kbps = 500,
		.cpu = -6,
		.key_every = 5,
		.max_q = 56},
	{.name = "still",
		.width = 320,
		.height = 192,
		.kbps = 200,
		.cpu = -8,
		.max_q = 56,
		.still = true},
	{.name = "small", .width = 16, .height = 16, .kbps = 50, .cpu = -4, .max_q = 63},
};
const unsigned sender_nkinds = sizeof(sender_kinds) / sizeof(sender_kinds[0]);

static void give_segments(struct sender *s)
{
	static unsigned char map[64 * 64];
	vpx_roi_map_t roi = {.roi_map = map,
		.rows = (s->conf->height + 15) / 16,
		.cols = (s->conf->width + 15) / 16,
		.delta_q = {0, -20, 12, 6},
		.delta_lf = {0, 3, -8, 10}};

	for (unsigned i = 0; i < roi.rows * roi.cols; i++)
		map[i] = (unsigned char)((i / 3 + i / roi.cols / 2 + s->n / 10) % 4);
	assert_int_equal(vpx_codec_control(&s->ctx, VP8E_SET_ROI_MAP, &roi), VPX_CODEC_OK);
}

void sender_open(struct sender *s, const struct sender_conf *c)
{
	vpx_codec_enc_cfg_t g;

	*s = (struct sender){.conf = c, .random = 1};
	assert_int_equal(
		codec_picture_new(&s->pic, (c->width + 1) & ~1u, (c->height + 1) & ~1u), 0);
	assert_int_equal(vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &g, 0), VPX_CODEC_OK);
	g.g_w = c->width;
	g.g_h = c->height;
	g.g_timebase = (struct vpx_rational){1, 30};
	g.g_threads = 1;
	g.g_lag_in_frames = c->altref ? 8 : 0;
	g.g_error_resilient = (unsigned)c->resilient;
	g.rc_end_usage = VPX_CBR;
	g.rc_target_bitrate = c->kbps;
	g.rc_min_quantizer = c->min_q;
	g.rc_max_quantizer = c->max_q;
	g.kf_mode = VPX_KF_DISABLED;
	assert_int_equal(vpx_codec_enc_init(&s->ctx, vpx_codec_vp8_cx(), &g, 0), VPX_CODEC_OK);
	vpx_codec_control(&s->ctx, VP8E_SET_CPUUSED, c->cpu);
	vpx_codec_control(&s->ctx, VP8E_SET_TOKEN_PARTITIONS, c->partitions);
	vpx_codec_control(&s->ctx, VP8E_SET_STATIC_THRESHOLD, c->cpu < 0);
	vpx_codec_control(&s->ctx, VP8E_SET_SHARPNESS, c->sharpness);
	vpx_codec_control(&s->ctx, VP8E_SET_ENABLEAUTOALTREF, c->altref);
}

void sender_close(struct sender *s)
{
	vpx_codec_destroy(&s->ctx);
	codec_picture_free(&s->pic);
}

static void add_noise(struct sender *s)
{
	for (unsigned y = 0; y < s->pic.height; y++) {
		for (unsigned x = 0; x < s->pic.width; x++) {
			s->random = s->random * 1664525u + 1013904223u;
			s->pic.plane[0][y * (unsigned)s->pic.stride[0] + x] =
				(uint8_t)(s->random >> 24);
		}
	}
}

static vpx_enc_frame_flags_t flags(const struct sender *s)
{
	vpx_enc_frame_flags_t f = 0;

	if (s->n == 0 || s->want_key || (s->conf->key_every && s->n % s->conf->key_every == 0))
		return VPX_EFLAG_FORCE_KF;
	if (s->conf->layers && s->n % 2)
		f |= VP8_EFLAG_NO_UPD_LAST | VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_UPD_ARF |
		     (s->conf->layers_teach ? 0 : VP8_EFLAG_NO_UPD_ENTROPY);
	if (s->conf->layers && s->n % 4 == 2)
		f |= VP8_EFLAG_NO_UPD_GF | VP8_EFLAG_NO_REF_ARF;
	if (s->conf->golden && s->n % 7 == 3)
		f |= VP8_EFLAG_FORCE_GF;
	if (s->conf->golden && s->n % 9 == 4)
		f |= VP8_EFLAG_FORCE_ARF | VP8_EFLAG_NO_REF_LAST;
	return f;
}

unsigned sender_next(struct sender *s, struct ar_span out[4])
{
	const vpx_codec_cx_pkt_t *pkt;
	vpx_codec_iter_t iter = NULL;
	vpx_image_t img;
	unsigned n = 0;

	clip_draw(&s->pic, s->conf->still ? 0 : s->n);
	if (s->conf->noise)
		add_noise(s);
	if (s->conf->segments && s->n % 10 == 0)
		give_segments(s);
	memset(&img, 0, sizeof(img));
	assert_non_null(vpx_img_wrap(
		&img, VPX_IMG_FMT_I420, s->conf->width, s->conf->height, 1, s->pic.plane[0]));
	for (int i = 0; i < 3; i++) {
		img.planes[i] = s->pic.plane[i];
		img.stride[i] = s->pic.stride[i];
	}
	assert_int_equal(
		vpx_codec_encode(&s->ctx, &img, s->n, 1, flags(s), VPX_DL_REALTIME), VPX_CODEC_OK);
	s->n++;
	s->want_key = false;
	while ((pkt = vpx_codec_get_cx_data(&s->ctx, &iter)) && n < 4) {
		if (pkt->kind == VPX_CODEC_CX_FRAME_PKT && pkt->data.frame.sz)
			out[n++] = (struct ar_span){pkt->data.frame.buf, pkt->data.frame.sz};
	}
	return n;
}
