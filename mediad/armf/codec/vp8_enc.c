/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec_int.h"

#include <errno.h>
#include <stdlib.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

/* Milliseconds of the stream that rate control may be ahead by. */
#define BUFFER_MS 1000
#define BUFFER_START_MS 500
#define BUFFER_BEST_MS 600
#define DROP_BELOW 30 /* per cent of the buffer: frames are left out rather than sent late */

/* Blocks that do not change are left out ("active map") once they have been coded that often, and
 * then coded again every so many frames, in turns: the loop filter goes over them in every frame.
 * Measured at 640x360: a tenth less to do on a camera's picture, 0.05 dB at most. */
#define SETTLED 3
#define REFRESH 8

struct vp8_enc {
	struct codec_enc e;
	vpx_codec_ctx_t ctx;
	vpx_codec_enc_cfg_t cfg;
	bool made;
	unsigned nblock, turn;
	uint8_t *active; /* a block each, 1: coded in this frame */
	uint8_t *coded; /* how often since it changed */
};

/* Negative: a fixed speed. A positive one lets libvpx use up a share of the frame's time, however
 * idle or busy the machine is, and its choice depends on who else runs. Measured at 640x360 and
 * 500 kbit/s, ms and dB: -6 1.6 47.5, -8 1.5 47.4, -10 1.3 46.8, -12 1.2 46.2, -16 1.1 44.2; at
 * 1280x720 -8 to -12 differ by less than 0.5 ms and dB. */
static int speed_for(unsigned width, unsigned height)
{
	return width * height <= 352 * 288 ? -6 : width * height <= 640 * 480 ? -8 : -10;
}

static void configure(struct vp8_enc *v)
{
	const struct codec_enc_conf *c = &v->e.conf;
	vpx_codec_enc_cfg_t *g = &v->cfg;

	g->g_w = c->width;
	g->g_h = c->height;
	g->g_timebase = (struct vpx_rational){1, 90000};
	g->g_threads = 1;
	g->g_lag_in_frames = 0;
	g->g_error_resilient = 0; /* losses are repaired or answered by a key frame */
	g->rc_end_usage = VPX_CBR;
	g->rc_target_bitrate = c->bps / 1000;
	g->rc_min_quantizer = 2;
	g->rc_max_quantizer = 56;
	g->rc_undershoot_pct = 100;
	g->rc_overshoot_pct = 15;
	g->rc_buf_sz = BUFFER_MS;
	g->rc_buf_initial_sz = BUFFER_START_MS;
	g->rc_buf_optimal_sz = BUFFER_BEST_MS;
	g->rc_dropframe_thresh = DROP_BELOW;
	g->kf_mode = VPX_KF_DISABLED; /* when somebody asks */
}

/* A key frame may have the bits of this many per cent of an average frame. */
static unsigned max_intra_percent(const struct codec_enc_conf *c)
{
	unsigned percent = BUFFER_BEST_MS * c->fps / 20;

	return percent < 300 ? 300 : percent;
}

static int control(struct vp8_enc *v)
{
	const struct codec_enc_conf *c = &v->e.conf;

	if (vpx_codec_control(&v->ctx, VP8E_SET_CPUUSED, speed_for(c->width, c->height)) ||
		vpx_codec_control(&v->ctx, VP8E_SET_STATIC_THRESHOLD, 1) ||
		vpx_codec_control(&v->ctx, VP8E_SET_NOISE_SENSITIVITY, 0) ||
		vpx_codec_control(&v->ctx, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION) ||
		vpx_codec_control(&v->ctx, VP8E_SET_MAX_INTRA_BITRATE_PCT, max_intra_percent(c)))
		return -EIO;
	return 0;
}

static int init(struct codec_enc *e)
{
	struct vp8_enc *v = (struct vp8_enc *)e;

	v->nblock = codec_blocks(e->conf.width) * codec_blocks(e->conf.height);
	v->active = calloc(v->nblock, 1);
	v->coded = calloc(v->nblock, 1);
	if (!v->active || !v->coded)
		return -ENOMEM;
	if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &v->cfg, 0) != VPX_CODEC_OK)
		return -EIO;
	configure(v);
	if (vpx_codec_enc_init(&v->ctx, vpx_codec_vp8_cx(), &v->cfg, 0) != VPX_CODEC_OK)
		return -ENOMEM;
	v->made = true;
	return control(v);
}

static void fini(struct codec_enc *e)
{
	struct vp8_enc *v = (struct vp8_enc *)e;

	if (v->made)
		vpx_codec_destroy(&v->ctx);
	free(v->active);
	free(v->coded);
}

/* ---- what need not be coded ---- */

static int choose_blocks(struct vp8_enc *v, const uint8_t *changed, bool key)
{
	vpx_active_map_t map = {.active_map = v->active,
		.rows = codec_blocks(v->e.conf.height),
		.cols = codec_blocks(v->e.conf.width)};

	v->turn++;
	for (unsigned i = 0; i < v->nblock; i++) {
		if (!changed || changed[i])
			v->coded[i] = 0;
		v->active[i] = key || v->coded[i] < SETTLED || (i + v->turn) % REFRESH == 0;
	}
	return vpx_codec_control(&v->ctx, VP8E_SET_ACTIVEMAP, &map) == VPX_CODEC_OK ? 0 : -EIO;
}

/* Only once the frame is there: what rate control left out is still to be coded. */
static void note_coded(struct vp8_enc *v)
{
	for (unsigned i = 0; i < v->nblock; i++)
		v->coded[i] += v->active[i] && v->coded[i] < SETTLED;
}

static int set_rate(struct codec_enc *e)
{
	struct vp8_enc *v = (struct vp8_enc *)e;

	v->cfg.rc_target_bitrate = e->conf.bps / 1000;
	if (vpx_codec_enc_config_set(&v->ctx, &v->cfg) != VPX_CODEC_OK)
		return -EIO;
	return control(v);
}

static void wrap(vpx_image_t *img, const struct codec_picture *p)
{
	*img = (vpx_image_t){.fmt = VPX_IMG_FMT_I420,
		.w = p->width,
		.h = p->height,
		.bit_depth = 8,
		.d_w = p->width,
		.d_h = p->height,
		.x_chroma_shift = 1,
		.y_chroma_shift = 1,
		.bps = 12};
	for (int i = 0; i < 3; i++) {
		img->planes[i] = p->plane[i];
		img->stride[i] = p->stride[i];
	}
}

static int frame(struct codec_enc *e, const struct codec_picture *p, int64_t at, bool key,
	struct codec_out *out)
{
	struct vp8_enc *v = (struct vp8_enc *)e;
	const vpx_codec_cx_pkt_t *pkt;
	vpx_codec_iter_t iter = NULL;
	vpx_image_t img;

	wrap(&img, p);
	if (choose_blocks(v, p->changed, key) != 0)
		return -EIO;
	if (vpx_codec_encode(&v->ctx, &img, at, 90000 / e->conf.fps, key ? VPX_EFLAG_FORCE_KF : 0,
		    VPX_DL_REALTIME) != VPX_CODEC_OK)
		return -EIO;
	while ((pkt = vpx_codec_get_cx_data(&v->ctx, &iter))) {
		if (pkt->kind != VPX_CODEC_CX_FRAME_PKT)
			continue;
		out->data = (struct ar_span){pkt->data.frame.buf, pkt->data.frame.sz};
		out->key = pkt->data.frame.flags & VPX_FRAME_IS_KEY;
		if (!out->data.n)
			break;
		note_coded(v);
		return 0;
	}
	return -EAGAIN;
}

const struct codec_enc_ops codec_vp8_enc = {.size = sizeof(struct vp8_enc),
	.init = init,
	.fini = fini,
	.set_rate = set_rate,
	.frame = frame};
