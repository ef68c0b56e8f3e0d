/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * H.264 as IMS handsets send it (IR.94, TS 26.114 5.2.2): constrained baseline, main and
 * constrained high, CAVLC and CABAC, one slice or several, over packets of packetization-mode 0
 * and 1.
 */
#include "clip.h"

#include "../common/cmocka_all.h"
#include "mediad/rtp/depay.h"
#include "mediad/rtp/pay.h"

#include <x264.h>

#define W 320
#define H 240
#define FRAMES 12
#define MTU 1200

struct phone {
	const char *name, *profile;
	int cabac, transform_8x8, slices, slice_bytes;
	bool mode0; /* each NAL unit in a packet of its own */
	bool sets_in_sdp; /* and nowhere else */
};

static const struct phone phones[] = {
	{"baseline", "baseline", 0, 0, 1, 0, false, false},
	{"main, CABAC", "main", 1, 0, 1, 0, false, false},
	{"high, CABAC, 8x8", "high", 1, 1, 1, 0, false, false},
	{"high, CAVLC, 8x8", "high", 0, 1, 1, 0, false, false},
	{"baseline, 4 slices", "baseline", 0, 0, 4, 0, false, false},
	{"high, 4 slices", "high", 1, 1, 4, 0, false, false},
	{"baseline, mode 0", "baseline", 0, 0, 0, MTU, true, false},
	{"high, mode 0, sets in SDP", "high", 1, 1, 0, MTU, true, true},
	{"baseline, sets in SDP", "baseline", 0, 0, 1, 0, false, true},
};

struct line {
	const struct phone *phone;
	x264_t *enc;
	struct codec_dec *dec;
	struct depay *depay;
	struct codec_picture pic;
	uint32_t ts;
	unsigned shown, packets, drop; /* drop: the nth packet of a frame, 0: none */
	int err; /* of the last frame */
	double worst;
};

static void on_frame(void *user, const struct depay_frame *f)
{
	struct codec_picture p;
	struct line *l = user;

	l->err = codec_dec_frame(l->dec, f->data, &p);
	if (l->err)
		return;
	assert_int_equal(p.width, W);
	assert_int_equal(p.height, H);
	l->shown++;
	if (clip_psnr(&p, &l->pic) < l->worst)
		l->worst = clip_psnr(&p, &l->pic);
}

static int on_packet(void *user, struct ar_span payload, bool last)
{
	struct line *l = user;
	struct rtp_packet p = {.ts = l->ts, .marker = last, .payload = payload};

	if (++l->packets == l->drop) {
		depay_gap(l->depay, 1);
		return 0;
	}
	assert_true(payload.n <= MTU);
	return depay_push(l->depay, &p);
}

static void line_open(struct line *l, const struct phone *phone)
{
	x264_param_t p;
	x264_nal_t *nal;
	int n;

	*l = (struct line){.phone = phone, .worst = 99};
	assert_int_equal(x264_param_default_preset(&p, "veryfast", "zerolatency"), 0);
	p.i_log_level = X264_LOG_NONE;
	p.i_width = W;
	p.i_height = H;
	p.i_threads = 1;
	p.b_sliced_threads = 0;
	p.b_cabac = phone->cabac;
	p.analyse.b_transform_8x8 = phone->transform_8x8;
	p.i_slice_count = phone->slices;
	p.i_slice_max_size = phone->slice_bytes ? phone->slice_bytes - 16 : 0;
	p.i_keyint_max = X264_KEYINT_MAX_INFINITE;
	p.b_repeat_headers = !phone->sets_in_sdp;
	p.rc.i_rc_method = X264_RC_CQP;
	p.rc.i_qp_constant = 24;
	assert_int_equal(x264_param_apply_profile(&p, phone->profile), 0);
	l->enc = x264_encoder_open(&p);
	assert_non_null(l->enc);
	assert_int_equal(codec_picture_new(&l->pic, W, H), 0);
	assert_int_equal(codec_dec_new(&l->dec, DEPAY_H264), 0);
	assert_int_equal(depay_new(&l->depay, DEPAY_H264, on_frame, l), 0);
	assert_true(x264_encoder_headers(l->enc, &nal, &n) > 0);
	for (int i = 0; phone->sets_in_sdp && i < n; i++) {
		struct ar_span set = {(char *)nal[i].p_payload + 4, (size_t)nal[i].i_payload - 4};

		if (nal[i].i_type == NAL_SPS || nal[i].i_type == NAL_PPS)
			assert_int_equal(depay_prime(l->depay, set), 0);
	}
}

static void line_close(struct line *l)
{
	x264_encoder_close(l->enc);
	codec_dec_free(l->dec);
	depay_free(l->depay);
	codec_picture_free(&l->pic);
}

static void send(struct line *l, const x264_nal_t *nal, int n)
{
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += (size_t)nal[i].i_payload;
	if (!l->phone->mode0) {
		struct ar_span au = {(char *)nal[0].p_payload, size};

		assert_int_equal(pay_h264(au, MTU, on_packet, l), 0);
		return;
	}
	for (int i = 0; i < n; i++) {
		size_t start = nal[i].b_long_startcode ? 4 : 3;

		assert_int_equal(on_packet(l,
					 (struct ar_span){(char *)nal[i].p_payload + start,
						 (size_t)nal[i].i_payload - start},
					 i + 1 == n),
			0);
	}
}

/* The nth picture; the slices it has. */
static unsigned line_frame(struct line *l, unsigned n, bool key)
{
	x264_picture_t in, out;
	x264_nal_t *nal;
	unsigned slices = 0;
	int count;

	clip_draw(&l->pic, n);
	x264_picture_init(&in);
	in.img.i_csp = X264_CSP_I420;
	in.img.i_plane = 3;
	for (int i = 0; i < 3; i++) {
		in.img.plane[i] = l->pic.plane[i];
		in.img.i_stride[i] = l->pic.stride[i];
	}
	in.i_pts = n;
	in.i_type = key ? X264_TYPE_IDR : X264_TYPE_P;
	assert_true(x264_encoder_encode(l->enc, &nal, &count, &in, &out) > 0);
	for (int i = 0; i < count; i++)
		slices += nal[i].i_type == NAL_SLICE || nal[i].i_type == NAL_SLICE_IDR;
	l->ts += 3000;
	l->packets = 0;
	send(l, nal, count);
	return slices;
}

static void test_phones(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(phones) / sizeof(phones[0]); i++) {
		const struct phone *p = &phones[i];
		struct line l;

		line_open(&l, p);
		for (unsigned n = 0; n < FRAMES; n++) {
			unsigned slices = line_frame(&l, n, n == 0);

			if (p->slices ? slices != (unsigned)p->slices : n == 0 && slices < 2)
				fail_msg("%s: %u slices", p->name, slices);
		}
		if (l.shown != FRAMES || l.worst < 30)
			fail_msg("%s: %u frames, %.1f dB", p->name, l.shown, l.worst);
		line_close(&l);
	}
}

/* A slice that is lost is not made up: nothing is shown until the next key frame. */
static void test_lost_slice(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(phones) / sizeof(phones[0]); i++) {
		const struct phone *p = &phones[i];
		struct line l;

		if (!p->mode0)
			continue;
		line_open(&l, p);
		for (unsigned n = 0; n < FRAMES; n++) {
			l.drop = n != 4 ? 0 : p->sets_in_sdp ? 2 : 4; /* not the first slice */
			line_frame(&l, n, n % 4 == 0);
			assert_true(l.packets > l.drop);
		}
		if (l.shown != FRAMES - 4 || l.worst < 30)
			fail_msg("%s: %u frames, %.1f dB", p->name, l.shown, l.worst);
		line_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phones),
		cmocka_unit_test(test_lost_slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
