/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec_int.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>

struct h264_dec {
	struct codec_dec d;
	AVCodecContext *ctx;
	AVPacket *pkt;
	AVFrame *frame;
	uint8_t *padded; /* libavcodec reads a little beyond the end */
	size_t cap;
	bool too_large;
};

/* 4:2:0 with 8 bits, or nothing. */
static enum AVPixelFormat choose(AVCodecContext *ctx, const enum AVPixelFormat *offered)
{
	(void)ctx;
	for (; *offered != AV_PIX_FMT_NONE; offered++) {
		if (*offered == AV_PIX_FMT_YUV420P || *offered == AV_PIX_FMT_YUVJ420P)
			return *offered;
	}
	return AV_PIX_FMT_NONE;
}

/* The last gate before memory is taken. */
static int get_buffer(AVCodecContext *ctx, AVFrame *f, int flags)
{
	struct h264_dec *h = ctx->opaque;
	unsigned width = (unsigned)f->width & ~1u, height = (unsigned)f->height & ~1u;

	if (f->width <= 0 || f->height <= 0 || !codec_size_ok(width, height)) {
		h->too_large = true;
		return AVERROR(EINVAL);
	}
	if (choose(ctx, (enum AVPixelFormat[]){f->format, AV_PIX_FMT_NONE}) == AV_PIX_FMT_NONE)
		return AVERROR(EINVAL);
	return avcodec_default_get_buffer2(ctx, f, flags);
}

static int init(struct codec_dec *d)
{
	struct h264_dec *h = (struct h264_dec *)d;
	const AVCodec *codec = avcodec_find_decoder_by_name("h264");

	av_log_set_level(AV_LOG_QUIET);
	if (!codec)
		return -ENOSYS;
	h->ctx = avcodec_alloc_context3(codec);
	h->pkt = av_packet_alloc();
	h->frame = av_frame_alloc();
	if (!h->ctx || !h->pkt || !h->frame)
		return -ENOMEM;
	h->ctx->opaque = h;
	h->ctx->get_format = choose;
	h->ctx->get_buffer2 = get_buffer;
	h->ctx->thread_count = 1;
	h->ctx->flags |= AV_CODEC_FLAG_LOW_DELAY;
	/* not 0: the library then keeps no book of missing macroblocks and flags every frame; what
	 * is flagged is not shown, so nothing concealed ever is */
	h->ctx->error_concealment = FF_EC_DEBLOCK;
	h->ctx->err_recognition = AV_EF_EXPLODE;
	h->ctx->max_pixels = CODEC_MAX_WIDTH * CODEC_MAX_HEIGHT;
	return avcodec_open2(h->ctx, codec, NULL) == 0 ? 0 : -ENOMEM;
}

static void fini(struct codec_dec *d)
{
	struct h264_dec *h = (struct h264_dec *)d;

	avcodec_free_context(&h->ctx);
	av_packet_free(&h->pkt);
	av_frame_free(&h->frame);
	free(h->padded);
}

static int pad(struct h264_dec *h, struct ar_span f)
{
	size_t need = f.n + AV_INPUT_BUFFER_PADDING_SIZE;
	uint8_t *p = h->padded;

	if (need > h->cap) {
		p = realloc(p, need * 2);
		if (!p)
			return -ENOMEM;
		h->padded = p;
		h->cap = need * 2;
	}
	memcpy(p, f.p, f.n);
	memset(p + f.n, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	return 0;
}

/* What was decoded before the error may look whole and is not. */
static int broken(struct h264_dec *h)
{
	avcodec_flush_buffers(h->ctx);
	av_frame_unref(h->frame);
	return h->too_large ? -EFBIG : -EBADMSG;
}

static int take(struct h264_dec *h, struct codec_picture *out)
{
	const AVFrame *f = h->frame;
	int rc;

	av_frame_unref(h->frame);
	rc = avcodec_receive_frame(h->ctx, h->frame);
	if (rc == AVERROR(EAGAIN))
		return -EAGAIN;
	if (rc < 0 || f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT))
		return broken(h);
	if (h->d.need_key && !f->key_frame)
		return broken(h);
	if (choose(NULL, (enum AVPixelFormat[]){f->format, AV_PIX_FMT_NONE}) == AV_PIX_FMT_NONE)
		return broken(h);
	h->d.need_key = false;
	for (int i = 0; i < 3; i++) {
		out->plane[i] = f->data[i];
		out->stride[i] = f->linesize[i];
	}
	out->width = (unsigned)f->width;
	out->height = (unsigned)f->height;
	return 0;
}

static int frame(struct codec_dec *d, struct ar_span f, struct codec_picture *out)
{
	struct h264_dec *h = (struct h264_dec *)d;
	int rc = pad(h, f);

	if (rc)
		return rc;
	h->too_large = false;
	h->pkt->data = h->padded;
	h->pkt->size = (int)f.n;
	rc = avcodec_send_packet(h->ctx, h->pkt);
	if (rc == AVERROR(ENOMEM))
		return -ENOMEM;
	return rc < 0 ? broken(h) : take(h, out);
}

const struct codec_dec_ops codec_h264_dec = {
	.size = sizeof(struct h264_dec), .init = init, .fini = fini, .frame = frame};
