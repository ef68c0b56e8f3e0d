/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mediad/armf/codec/h264_rate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_EVERY 8 /* rows */
#define HALVES 6.0 /* QP steps that halve the bits, about: the quantizer's step doubles */
#define DOWN_STEP 2 /* QP a frame; it may rise by any */
#define SWING 2 /* QP that every other frame is finer and the others coarser; see choose_kind() */
#define QP_STILL 20 /* as good as a picture that stands still becomes */
#define QP_COARSE 32

/* Milliseconds of the rate. */
#define CREDIT_MS 100 /* that a line left unused may be made up for */
#define KEY_MS 300 /* what a key frame may take, about as in vp8_enc.c */
#define KEY_LEAST_MS 100
#define REPAY_MS 400 /* in which what is ahead is paid back, about */
#define DROP_MS 400 /* ahead: frames are left out rather than sent late */
#define MOST_MS 800 /* ahead, after a key frame that could not be made smaller */
#define STILL_MS 200 /* ahead: what little moves is too much */
#define RATE_DROP_MS 300 /* ahead, after the rate has changed: no pause because of it */

/* Mean difference of a pixel. */
#define STILL 0.1 /* below it next to nothing moves */
#define CUT 8 /* from it on another scene is possible */

/* Bits at QP 0 of a macroblock and unit of difference, before anything is learnt; and less than
 * this part of it is not believed. */
static const double first_cost[] = {
	[H264_RATE_FINE] = 250, [H264_RATE_COARSE] = 250, [H264_RATE_KEY] = 1100};
#define LEAST_COST (1 / 64.0)

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

static double ms(const struct h264_rate *r, double n)
{
	return n * r->bps / 1000;
}

int h264_rate_init(struct h264_rate *r, const struct codec_enc_conf *c)
{
	*r = (struct h264_rate){
		.bps = c->bps, .fps = c->fps, .width = c->width, .height = c->height};
	memcpy(r->cost, first_cost, sizeof(first_cost));
	r->sample = malloc((size_t)c->width * (c->height / SAMPLE_EVERY + 1));
	return r->sample ? 0 : -ENOMEM;
}

void h264_rate_fini(struct h264_rate *r)
{
	free(r->sample);
	r->sample = NULL;
}

void h264_rate_set(struct h264_rate *r, uint32_t bps, unsigned fps)
{
	r->bps = bps;
	r->fps = fps;
	r->ahead = clamp(r->ahead, ms(r, -CREDIT_MS), ms(r, RATE_DROP_MS));
}

/* ---- how much there is to code ---- */

static unsigned difference(const uint8_t *restrict a, const uint8_t *restrict b, unsigned n)
{
	unsigned sum = 0;

	for (; n >= 16; n -= 16, a += 16, b += 16) {
		for (int i = 0; i < 16; i++)
			sum += (unsigned)abs(a[i] - b[i]);
	}
	return sum;
}

/* Mean of what differs from the last coded picture, or, of a key frame, from one pixel to the next.
 */
static double activity_of(const struct h264_rate *r, const struct codec_picture *p, bool key)
{
	unsigned w = r->width, rows = 0;
	double sum = 0;

	for (unsigned y = SAMPLE_EVERY / 2; y < r->height; y += SAMPLE_EVERY, rows++) {
		const uint8_t *row = p->plane[0] + (ptrdiff_t)y * p->stride[0];

		if (key)
			sum += difference(row, row + 1, w - 1);
		else
			sum += difference(row, r->sample + (size_t)rows * w, w);
	}
	return sum / ((double)rows * w);
}

static void take_sample(struct h264_rate *r, const struct codec_picture *p)
{
	uint8_t *to = r->sample;

	for (unsigned y = SAMPLE_EVERY / 2; y < r->height; y += SAMPLE_EVERY, to += r->width)
		memcpy(to, p->plane[0] + (ptrdiff_t)y * p->stride[0], r->width);
}

static double blocks(const struct h264_rate *r)
{
	return (double)codec_blocks(r->width) * codec_blocks(r->height);
}

/* ---- how much may be coded ---- */

static double budget(const struct h264_rate *r, bool key)
{
	if (key)
		return ms(r, clamp(KEY_MS - r->ahead / ms(r, 2), KEY_LEAST_MS, KEY_MS));
	return ms(r, 1000.0 / r->fps) * clamp(1 - r->ahead / ms(r, REPAY_MS), 0.25, 1.3);
}

static void drain(struct h264_rate *r, int64_t at)
{
	double gone = r->qp ? (double)(at - r->at) / 90 : 0;

	r->at = at;
	r->ahead = clamp(r->ahead - ms(r, gone), ms(r, -CREDIT_MS), ms(r, MOST_MS));
}

/* Nothing moves: what bits a quantizer takes cannot be told, as most of the time it is none. The
 * picture is made better step by step, while the line has nothing else to do. */
static int still_qp(const struct h264_rate *r)
{
	if (r->ahead > ms(r, STILL_MS))
		return r->qp + DOWN_STEP;
	if (r->ahead > 0 || r->qp <= QP_STILL)
		return r->qp;
	return r->qp - (r->qp > QP_COARSE ? DOWN_STEP : 1);
}

/* The quantizer at which this many bits at QP 0 fit. */
static int moving_qp(const struct h264_rate *r, double bits, bool key)
{
	double qp = HALVES * log2(bits / budget(r, key)) + 0.5;
	int least = key ? H264_RATE_QP_MIN : r->qp - DOWN_STEP;

	return (int)clamp(qp, least, H264_RATE_QP_MAX);
}

/* Bits of a frame at QP 0 and unit of activity: of a fine and a coarse one their mean. */
static double cost_of(const struct h264_rate *r, bool key)
{
	static const double swing = SWING / HALVES;

	if (key)
		return r->cost[H264_RATE_KEY];
	return (r->cost[H264_RATE_FINE] * exp2(swing) + r->cost[H264_RATE_COARSE] * exp2(-swing)) /
	       2;
}

static int choose_qp(struct h264_rate *r, const struct codec_picture *p, bool key)
{
	double diff = key ? 0 : activity_of(r, p, false), intra = 0, bits;

	r->still = !key && diff < STILL;
	if (r->still)
		return still_qp(r);
	if (key || diff > CUT)
		intra = (activity_of(r, p, true) + STILL) * blocks(r);
	r->activity = key ? intra : diff * blocks(r);
	bits = cost_of(r, key) * r->activity;
	intra *= r->cost[H264_RATE_KEY];
	return moving_qp(r, intra > 0 && intra < bits ? intra : bits, key);
}

/* Frames that move are finer and coarser in turns: a coarse one is made of the fine one before it,
 * and both together take fewer bits than two between them. What stands still has no turns, it would
 * flicker. */
static enum h264_rate_kind choose_kind(const struct h264_rate *r, bool key)
{
	if (key)
		return H264_RATE_KEY;
	return r->kind == H264_RATE_FINE || r->kind == H264_RATE_KEY ? H264_RATE_COARSE
								     : H264_RATE_FINE;
}

int h264_rate_begin(
	struct h264_rate *r, const struct codec_picture *p, int64_t at, bool key, int *qp)
{
	drain(r, at);
	if (!key && r->ahead > ms(r, DROP_MS))
		return -EAGAIN;
	key = key || !r->qp;
	r->qp = (int)clamp(choose_qp(r, p, key), H264_RATE_QP_MIN, H264_RATE_QP_MAX);
	r->kind = choose_kind(r, key);
	r->used = r->qp;
	if (!r->still && !key)
		r->used += r->kind == H264_RATE_FINE ? -SWING : SWING;
	r->used = (int)clamp(r->used, H264_RATE_QP_MIN, H264_RATE_QP_MAX);
	*qp = r->used;
	return 0;
}

void h264_rate_end(struct h264_rate *r, const struct codec_picture *p, size_t bytes)
{
	double bits = 8 * (double)bytes, *cost = &r->cost[r->kind];

	if (!r->still) {
		*cost = (*cost + bits * exp2(r->used / HALVES) / r->activity) / 2;
		*cost = clamp(*cost, first_cost[r->kind] * LEAST_COST, 1e9);
	}
	r->ahead += bits;
	take_sample(r, p);
}
