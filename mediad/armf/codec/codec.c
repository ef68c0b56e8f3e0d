/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEP 90000 /* a gap of more than a second counts as one second */
#define SMOOTH 16 /* frames, of their distance */
#define LOOK_EVERY 32 /* frames, at what the frame rate has become */

static const struct {
	const char *name;
	const struct codec_dec_ops *dec;
	const struct codec_enc_ops *enc[CODEC_H264_ENCODERS];
} codecs[] = {
	[DEPAY_VP8] = {"VP8", &codec_vp8_dec, {&codec_vp8_enc, &codec_vp8_enc}},
	[DEPAY_H264] = {"H264", &codec_h264_dec, {&codec_x264_enc, &codec_openh264_enc}},
};
#define NCODEC (sizeof(codecs) / sizeof(codecs[0]))

const char *codec_name(enum depay_codec codec)
{
	return (size_t)codec < NCODEC ? codecs[codec].name : "?";
}

static const char *const h264_encoders[CODEC_H264_ENCODERS] = {
	[CODEC_X264] = "x264", [CODEC_OPENH264] = "openh264"};

const char *codec_h264_name(enum codec_h264 h)
{
	return (size_t)h < CODEC_H264_ENCODERS ? h264_encoders[h] : "?";
}

int codec_h264_parse(const char *name, enum codec_h264 *out)
{
	for (unsigned i = 0; i < CODEC_H264_ENCODERS; i++) {
		if (strcmp(name, h264_encoders[i]) == 0) {
			*out = (enum codec_h264)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- decoding ---- */

int codec_dec_new(struct codec_dec **out, enum depay_codec codec)
{
	struct codec_dec *d;
	int err;

	if ((size_t)codec >= NCODEC)
		return -EINVAL;
	d = calloc(1, codecs[codec].dec->size);
	if (!d)
		return -ENOMEM;
	d->ops = codecs[codec].dec;
	d->need_key = true;
	err = d->ops->init(d);
	if (err)
		codec_dec_free(d);
	else
		*out = d;
	return err;
}

void codec_dec_free(struct codec_dec *d)
{
	if (!d)
		return;
	d->ops->fini(d);
	free(d);
}

int codec_dec_frame(struct codec_dec *d, struct ar_span frame, struct codec_picture *out)
{
	struct codec_picture p = {0};
	int err;

	if (frame.n == 0 || frame.n > DEPAY_MAX_FRAME)
		err = -EBADMSG;
	else
		err = d->ops->frame(d, frame, &p);
	p.width &= ~1u; /* an odd last row or column is cut off */
	p.height &= ~1u;
	if (!err && !codec_size_ok(p.width, p.height))
		err = -EFBIG;
	if (err && err != -EAGAIN)
		d->need_key = true;
	if (!err)
		*out = p;
	return err;
}

bool codec_dec_needs_key(const struct codec_dec *d)
{
	return d->need_key;
}

/* ---- encoding ---- */

static uint32_t clamp_bps(uint32_t bps)
{
	if (bps < CODEC_MIN_BPS)
		return CODEC_MIN_BPS;
	return bps > CODEC_MAX_BPS ? CODEC_MAX_BPS : bps;
}

int codec_enc_new(struct codec_enc **out, const struct codec_enc_conf *conf)
{
	const struct codec_enc_ops *ops;
	struct codec_enc *e;
	int err;

	if ((size_t)conf->codec >= NCODEC || (size_t)conf->h264 >= CODEC_H264_ENCODERS ||
		!codec_size_ok(conf->width, conf->height))
		return -EINVAL;
	ops = codecs[conf->codec].enc[conf->h264];
	e = calloc(1, ops->size);
	if (!e)
		return -ENOMEM;
	e->ops = ops;
	e->conf = *conf;
	e->conf.bps = clamp_bps(conf->bps);
	if (e->conf.fps < 1 || e->conf.fps > 60)
		e->conf.fps = 30;
	e->distance = (int32_t)(90000 / e->conf.fps);
	err = e->ops->init(e);
	if (err)
		codec_enc_free(e);
	else
		*out = e;
	return err;
}

void codec_enc_free(struct codec_enc *e)
{
	if (!e)
		return;
	e->ops->fini(e);
	free(e);
}

int codec_enc_set_rate(struct codec_enc *e, uint32_t bps)
{
	bps = clamp_bps(bps);
	if (bps == e->conf.bps)
		return 0;
	e->conf.bps = bps;
	return e->ops->set_rate(e);
}

/* The time stamp of RTP made to grow steadily: repeats and steps back count as one frame. */
static void advance(struct codec_enc *e, uint32_t ts)
{
	int32_t step = (int32_t)(ts - e->last_ts);

	if (e->started) {
		if (step <= 0)
			step = (int32_t)(90000 / e->conf.fps);
		step = step > MAX_STEP ? MAX_STEP : step;
		e->at += step;
		e->distance += (step - e->distance) / SMOOTH;
	}
	e->last_ts = ts;
}

/* Rate control divides the bits of a second among its frames: it must know how many there are. */
static int follow_fps(struct codec_enc *e)
{
	int fps = e->distance > 0 ? (90000 + e->distance / 2) / e->distance : 60;
	int old = (int)e->conf.fps;

	if (++e->frames % LOOK_EVERY || abs(fps - old) * 5 <= old)
		return 0;
	e->conf.fps = (unsigned)(fps < 1 ? 1 : fps > 60 ? 60 : fps);
	return e->ops->set_rate(e);
}

int codec_enc_frame(struct codec_enc *e, const struct codec_picture *p, uint32_t ts, bool key,
	struct codec_out *out)
{
	int err;

	if (p->width != e->conf.width || p->height != e->conf.height)
		return -EINVAL;
	advance(e, ts);
	err = follow_fps(e);
	if (err)
		return err;
	e->key_due = e->key_due || key || !e->started;
	e->started = true;
	err = e->ops->frame(e, p, e->at, e->key_due, out);
	if (!err && out->key)
		e->key_due = false;
	return err;
}
