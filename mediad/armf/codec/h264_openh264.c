/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/codec_int.h"

#include <errno.h>
#include <stdlib.h>
#include <wels/codec_api.h>

struct h264_enc {
	struct codec_enc e;
	ISVCEncoder *enc;
	bool ready;
	uint8_t *au; /* the layers of a frame put together */
	size_t cap;
};

static void configure(SEncParamExt *p, const struct codec_enc_conf *c)
{
	SSpatialLayerConfig *l = &p->sSpatialLayers[0];

	p->iUsageType = CAMERA_VIDEO_REAL_TIME;
	p->iPicWidth = (int)c->width;
	p->iPicHeight = (int)c->height;
	p->iTargetBitrate = (int)c->bps;
	p->iMaxBitrate = UNSPECIFIED_BIT_RATE;
	p->iRCMode = RC_BITRATE_MODE;
	p->fMaxFrameRate = (float)c->fps;
	p->iTemporalLayerNum = 1;
	p->iSpatialLayerNum = 1;
	p->iComplexityMode = LOW_COMPLEXITY;
	p->uiIntraPeriod = 0; /* when somebody asks */
	p->iNumRefFrame = 1;
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->iEntropyCodingModeFlag = 0; /* baseline has CAVLC only */
	p->bEnableFrameSkip = true;
	p->iMaxQp = 51;
	p->iMinQp = 10;
	p->iMultipleThreadIdc = 1;
	p->bEnableDenoise = false;
	p->bEnableBackgroundDetection = true;
	p->bEnableAdaptiveQuant = false;
	p->bEnableSceneChangeDetect = false; /* a key frame of its own accord is a burst */
	p->bEnableFrameCroppingFlag = true;
	l->iVideoWidth = (int)c->width;
	l->iVideoHeight = (int)c->height;
	l->fFrameRate = (float)c->fps;
	l->iSpatialBitrate = (int)c->bps;
	l->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
	l->uiProfileIdc = PRO_BASELINE; /* openh264's is the constrained one */
	l->uiLevelIdc = LEVEL_UNKNOWN; /* by size and rate */
	l->sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
}

static int init(struct codec_enc *e)
{
	struct h264_enc *h = (struct h264_enc *)e;
	int quiet = WELS_LOG_QUIET, format = videoFormatI420;
	SEncParamExt p;

	if (WelsCreateSVCEncoder(&h->enc) != 0)
		return -ENOMEM;
	(*h->enc)->SetOption(h->enc, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	if ((*h->enc)->GetDefaultParams(h->enc, &p) != cmResultSuccess)
		return -EIO;
	configure(&p, &e->conf);
	if ((*h->enc)->InitializeExt(h->enc, &p) != cmResultSuccess)
		return -EIO;
	h->ready = true;
	(*h->enc)->SetOption(h->enc, ENCODER_OPTION_DATAFORMAT, &format);
	return 0;
}

static void fini(struct codec_enc *e)
{
	struct h264_enc *h = (struct h264_enc *)e;

	if (h->ready)
		(*h->enc)->Uninitialize(h->enc);
	if (h->enc)
		WelsDestroySVCEncoder(h->enc);
	free(h->au);
}

static int set_rate(struct codec_enc *e)
{
	struct h264_enc *h = (struct h264_enc *)e;
	SBitrateInfo rate = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = (int)e->conf.bps};
	float fps = (float)e->conf.fps;

	if ((*h->enc)->SetOption(h->enc, ENCODER_OPTION_FRAME_RATE, &fps) != 0 ||
		(*h->enc)->SetOption(h->enc, ENCODER_OPTION_BITRATE, &rate) != 0)
		return -EIO;
	return 0;
}

static size_t layer_size(const SLayerBSInfo *l)
{
	size_t n = 0;

	for (int i = 0; i < l->iNalCount; i++)
		n += (size_t)l->pNalLengthInByte[i];
	return n;
}

static int gather(struct h264_enc *h, const SFrameBSInfo *info, struct codec_out *out)
{
	size_t n = 0, at = 0;
	uint8_t *p;

	for (int i = 0; i < info->iLayerNum; i++)
		n += layer_size(&info->sLayerInfo[i]);
	if (n > h->cap) {
		p = realloc(h->au, n * 2);
		if (!p)
			return -ENOMEM;
		h->au = p;
		h->cap = n * 2;
	}
	for (int i = 0; i < info->iLayerNum; i++) {
		size_t len = layer_size(&info->sLayerInfo[i]);

		memcpy(h->au + at, info->sLayerInfo[i].pBsBuf, len);
		at += len;
	}
	out->data = (struct ar_span){(char *)h->au, n};
	return n ? 0 : -EAGAIN;
}

static int frame(struct codec_enc *e, const struct codec_picture *p, int64_t at, bool key,
	struct codec_out *out)
{
	struct h264_enc *h = (struct h264_enc *)e;
	SFrameBSInfo info = {0};
	SSourcePicture src = {.iColorFormat = videoFormatI420,
		.iPicWidth = (int)p->width,
		.iPicHeight = (int)p->height,
		.uiTimeStamp = at / 90};

	for (int i = 0; i < 3; i++) {
		src.pData[i] = p->plane[i];
		src.iStride[i] = p->stride[i];
	}
	if (key)
		(*h->enc)->ForceIntraFrame(h->enc, true);
	if ((*h->enc)->EncodeFrame(h->enc, &src, &info) != cmResultSuccess)
		return -EIO;
	if (info.eFrameType == videoFrameTypeSkip || info.eFrameType == videoFrameTypeInvalid)
		return -EAGAIN;
	out->key = info.eFrameType == videoFrameTypeIDR;
	return gather(h, &info, out);
}

const struct codec_enc_ops codec_openh264_enc = {.size = sizeof(struct h264_enc),
	.init = init,
	.fini = fini,
	.set_rate = set_rate,
	.frame = frame};
