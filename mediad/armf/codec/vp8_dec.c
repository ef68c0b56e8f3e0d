/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec_int.h"

#include <errno.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

struct vp8_dec {
	struct codec_dec d;
	vpx_codec_ctx_t ctx;
	bool made;
};

static int init(struct codec_dec *d)
{
	struct vp8_dec *v = (struct vp8_dec *)d;
	vpx_codec_dec_cfg_t cfg = {.threads = 1};

	if (vpx_codec_dec_init(&v->ctx, vpx_codec_vp8_dx(), &cfg, 0) != VPX_CODEC_OK)
		return -ENOMEM;
	v->made = true;
	return 0;
}

static void fini(struct codec_dec *d)
{
	struct vp8_dec *v = (struct vp8_dec *)d;

	if (v->made)
		vpx_codec_destroy(&v->ctx);
}

/* RFC 6386 9.1: frame tag, then start code and sizes of a key frame. Before libvpx allocates. */
static int check_head(struct codec_dec *d, struct ar_span f, bool *key)
{
	const uint8_t *p = (const uint8_t *)f.p;
	unsigned width, height;

	if (f.n < 3)
		return -EBADMSG;
	*key = !(p[0] & 1);
	if (!*key)
		return d->need_key ? -EBADMSG : 0;
	if (f.n < 10 || p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a)
		return -EBADMSG;
	width = (p[6] | (unsigned)p[7] << 8) & 0x3fff;
	height = (p[8] | (unsigned)p[9] << 8) & 0x3fff;
	return codec_size_ok(width & ~1u, height & ~1u) ? 0 : -EFBIG;
}

static int take(struct vp8_dec *v, struct codec_picture *out)
{
	vpx_codec_iter_t iter = NULL;
	const vpx_image_t *img = vpx_codec_get_frame(&v->ctx, &iter);
	int corrupted = 0;

	if (vpx_codec_control(&v->ctx, VP8D_GET_FRAME_CORRUPTED, &corrupted) == VPX_CODEC_OK &&
		corrupted)
		return -EBADMSG;
	if (!img)
		return -EAGAIN;
	if (img->fmt != VPX_IMG_FMT_I420)
		return -EBADMSG;
	for (int i = 0; i < 3; i++) {
		out->plane[i] = img->planes[i];
		out->stride[i] = img->stride[i];
	}
	out->width = img->d_w;
	out->height = img->d_h;
	return 0;
}

static int frame(struct codec_dec *d, struct ar_span f, struct codec_picture *out)
{
	struct vp8_dec *v = (struct vp8_dec *)d;
	bool key;
	int err = check_head(d, f, &key);

	if (err)
		return err;
	if (vpx_codec_decode(&v->ctx, (const uint8_t *)f.p, (unsigned)f.n, NULL, 0) != VPX_CODEC_OK)
		return -EBADMSG;
	err = take(v, out);
	if (key && (!err || err == -EAGAIN))
		d->need_key = false;
	return err;
}

const struct codec_dec_ops codec_vp8_dec = {
	.size = sizeof(struct vp8_dec), .init = init, .fini = fini, .frame = frame};
