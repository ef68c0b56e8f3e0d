/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec_int.h"
#include "mediad/armf/codec/h264_rate.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <x264.h>

/* x264's own rate control looks at each picture beforehand, in half its size: a fifth of its time
 * and, at 720p, a quarter more bits for as good a picture. So it is told the quantizer of each
 * frame (h264_rate.h). It holds what it is told to the range that these make, 11 to 51. */
#define QP_MIDDLE 31
#define QP_RANGE_FACTOR 10.0f /* 6 log2 of it: 20 */

struct x264_enc {
	struct codec_enc e;
	x264_t *enc;
	struct h264_rate rate;
	unsigned nblock;
	uint8_t *changed; /* since the last frame that was coded */
	uint8_t *info; /* for x264 */
	uint8_t *au; /* a key frame without the SEI that says who made it */
	size_t cap;
	int64_t frames;
};

/* What pays at 720p is in docs/benchmarks.md. */
static void configure(x264_param_t *p, const struct codec_enc_conf *c)
{
	p->i_log_level = X264_LOG_NONE;
	p->i_threads = 1;
	p->i_width = (int)c->width;
	p->i_height = (int)c->height;
	p->i_csp = X264_CSP_I420;
	p->i_fps_num = c->fps;
	p->i_fps_den = 1;
	p->b_vfr_input = 0; /* else it keeps a frame back */
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE; /* when somebody asks */
	p->i_scenecut_threshold = 0; /* a key frame of its own accord is a burst */
	p->b_deblocking_filter = 1;
	p->b_repeat_headers = 1;
	p->b_annexb = 1;
	p->rc.i_rc_method = X264_RC_CQP;
	p->rc.i_qp_constant = QP_MIDDLE;
	p->rc.f_ip_factor = QP_RANGE_FACTOR;
	p->rc.f_pb_factor = QP_RANGE_FACTOR;
	p->analyse.i_subpel_refine = 1;
	p->analyse.i_me_range = 4;
	p->analyse.intra = X264_ANALYSE_I4x4; /* key frames */
	p->analyse.inter = 0;
	p->analyse.b_mb_info = 1;
}

static int init(struct codec_enc *e)
{
	struct x264_enc *x = (struct x264_enc *)e;
	x264_param_t p;
	int err = h264_rate_init(&x->rate, &e->conf);

	if (err)
		return err;
	x->nblock = codec_blocks(e->conf.width) * codec_blocks(e->conf.height);
	x->changed = malloc(x->nblock);
	x->info = malloc(x->nblock);
	if (!x->changed || !x->info)
		return -ENOMEM;
	memset(x->changed, 1, x->nblock);
	if (x264_param_default_preset(&p, "ultrafast", "zerolatency") != 0)
		return -EIO;
	configure(&p, &e->conf);
	if (x264_param_apply_profile(&p, "baseline") != 0)
		return -EIO;
	x->enc = x264_encoder_open(&p);
	x264_param_cleanup(&p);
	return x->enc ? 0 : -ENOMEM;
}

static void fini(struct codec_enc *e)
{
	struct x264_enc *x = (struct x264_enc *)e;

	if (x->enc)
		x264_encoder_close(x->enc);
	h264_rate_fini(&x->rate);
	free(x->changed);
	free(x->info);
	free(x->au);
}

static int set_rate(struct codec_enc *e)
{
	struct x264_enc *x = (struct x264_enc *)e;

	h264_rate_set(&x->rate, e->conf.bps, e->conf.fps);
	return 0;
}

/* What is as it was when it was last coded x264 need not look at, if it was coded as well then. */
static void tell_constant(struct x264_enc *x, const uint8_t *changed)
{
	for (unsigned i = 0; i < x->nblock; i++) {
		x->changed[i] |= !changed || changed[i];
		x->info[i] = x->changed[i] ? 0 : X264_MBINFO_CONSTANT;
	}
}

static void wrap(x264_picture_t *pic, const struct codec_picture *p)
{
	x264_picture_init(pic);
	pic->img.i_csp = X264_CSP_I420;
	pic->img.i_plane = 3;
	for (int i = 0; i < 3; i++) {
		pic->img.plane[i] = p->plane[i];
		pic->img.i_stride[i] = p->stride[i];
	}
}

/* x264's NAL units follow each other in memory. */
static int gather(struct x264_enc *x, const x264_nal_t *nal, int n, struct codec_out *out)
{
	size_t size = 0, at = 0;
	uint8_t *p;

	for (int i = 0; i < n; i++)
		size += (size_t)nal[i].i_payload;
	if (n == 1) {
		out->data = (struct ar_span){(char *)nal[0].p_payload, size};
		return 0;
	}
	if (size > x->cap) {
		p = realloc(x->au, size * 2);
		if (!p)
			return -ENOMEM;
		x->au = p;
		x->cap = size * 2;
	}
	for (int i = 0; i < n; i++) {
		if (nal[i].i_type == NAL_SEI)
			continue;
		memcpy(x->au + at, nal[i].p_payload, (size_t)nal[i].i_payload);
		at += (size_t)nal[i].i_payload;
	}
	out->data = (struct ar_span){(char *)x->au, at};
	return 0;
}

static int frame(struct codec_enc *e, const struct codec_picture *p, int64_t at, bool key,
	struct codec_out *out)
{
	struct x264_enc *x = (struct x264_enc *)e;
	x264_picture_t in, coded;
	x264_nal_t *nal;
	int n = 0, qp, err;

	tell_constant(x, p->changed);
	err = h264_rate_begin(&x->rate, p, at, key, &qp);
	if (err)
		return err;
	wrap(&in, p);
	in.prop.mb_info = x->info;
	in.i_pts = x->frames++;
	in.i_type = key ? X264_TYPE_IDR : X264_TYPE_P;
	in.i_qpplus1 = qp + 1;
	if (x264_encoder_encode(x->enc, &nal, &n, &in, &coded) <= 0 || n <= 0)
		return -EIO;
	err = gather(x, nal, n, out);
	if (err)
		return err;
	out->key = coded.b_keyframe;
	h264_rate_end(&x->rate, p, out->data.n);
	memset(x->changed, 0, x->nblock);
	return 0;
}

const struct codec_enc_ops codec_x264_enc = {.size = sizeof(struct x264_enc),
	.init = init,
	.fini = fini,
	.set_rate = set_rate,
	.frame = frame};
